//! Holds the pages to the program: what a console block shows is what is printed, the table of flags is that of clap, the
//! schema of the configuration is that of its type, and no link leads nowhere.
//!
//! `SMI2GAMMA_BLESS=1 cargo test --test docs` writes what is printed and what clap says into the pages.

mod schema;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::{Arg, CommandFactory};
use smi2gamma::cli::args::Args;
use smi2gamma::cli::config::{self, Config};
use smi2gamma::mappings;

use schema::{Keys, Schema};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap_or_default().replace("\r\n", "\n")
}

fn blessing() -> bool {
    std::env::var_os("SMI2GAMMA_BLESS").is_some()
}

/// All pages, by their paths from the root; those of `tests/cli` show what users rarely see.
fn pages() -> Vec<String> {
    let mut pages = Vec::new();
    for folder in ["", "docs", "docs/decisions", "examples", "tests/cli"] {
        for entry in fs::read_dir(root().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "md") {
                pages.push(path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    pages.sort();
    pages
}

// --- console blocks ---

/// How a page runs the program where nothing is installed.
const FROM_SOURCE: &str = "$ cargo run --quiet -- ";
/// What lets cargo know which program that is.
const DEFAULT_RUN: &str = "default-run = \"smi2gamma\"\n";
/// How it is run here: built already.
const BUILT: &str = "$ smi2gamma ";

/// A page as trycmd takes it: the built program, an exit code (`<!-- exit code 3 -->` above the block) below its command,
/// and an empty line before the end of the block.
fn staged(page: &str) -> String {
    let mut staged = String::new();
    let (mut code, mut in_console) = (None, false);
    for line in page.lines() {
        if let Some(number) = line.strip_prefix("<!-- exit code ").and_then(|rest| rest.strip_suffix(" -->")) {
            code = Some(number);
        }
        if line.starts_with("```") {
            staged += if in_console { "\n" } else { "" };
            in_console = line == "```console";
        }
        match line.strip_prefix(FROM_SOURCE) {
            Some(rest) if in_console => staged += &format!("{BUILT}{rest}\n"),
            _ => staged += &format!("{line}\n"),
        }
        if in_console
            && line.starts_with("$ ")
            && let Some(number) = code.take()
        {
            staged += &format!("? {number}\n");
        }
    }
    staged
}

/// The page again, with the commands as `page` wrote them.
fn unstaged(staged: &str, page: &str) -> String {
    let mut written = page.lines().filter(|line| line.starts_with("$ "));
    let mut unstaged = String::new();
    let mut in_console = false;
    for line in staged.lines() {
        if line.starts_with("```") {
            if in_console && unstaged.ends_with("\n\n") {
                unstaged.pop();
            }
            in_console = line == "```console";
        }
        if line.starts_with("$ ") {
            unstaged += written.next().unwrap();
        } else if line.starts_with("? ") {
            continue;
        } else {
            unstaged += line;
        }
        unstaged.push('\n');
    }
    unstaged
}

#[test]
fn cargo_knows_which_program_a_page_runs() {
    assert!(read("README.md").contains(FROM_SOURCE));
    assert!(read("Cargo.toml").contains(DEFAULT_RUN), "there are several programs: `cargo run` needs {DEFAULT_RUN}");
}

#[test]
fn what_a_page_shows_is_what_is_printed() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("docs");
    let pages: Vec<(String, PathBuf)> = pages()
        .into_iter()
        .filter(|page| read(page).contains("```console"))
        .map(|page| (page.clone(), folder.join(page.replace('/', "-"))))
        .collect();
    assert!(pages.iter().any(|(page, _)| page == "README.md"));
    fs::create_dir_all(&folder).unwrap();
    if blessing() && std::env::var_os("TRYCMD").is_none() {
        let me = std::env::current_exe().unwrap();
        let _ = Command::new(me)
            .args(["--exact", "what_a_page_shows_is_what_is_printed"])
            .env("TRYCMD", "overwrite")
            .output()
            .unwrap();
        for (page, copy) in &pages {
            fs::write(root().join(page), unstaged(&fs::read_to_string(copy).unwrap(), &read(page))).unwrap();
        }
    }
    let cases = trycmd::TestCases::new();
    cases.register_bin("smi2gamma", Path::new(env!("CARGO_BIN_EXE_smi2gamma")));
    for (page, copy) in &pages {
        fs::write(copy, staged(&read(page))).unwrap();
        cases.case(copy);
    }
}

// --- the table of flags ---

const FLAGS: &str = "docs/cli.md";

const FLAGS_INTRODUCTION: &str = "\
# The command line

This page is written from the flags themselves; a test holds the two together. `smi2gamma COMMAND --help` says the same.

A flag wins over its environment variable, that over [`smi2gamma.yaml`](smi2gamma.schema.json), and that over what is seen
in the sources.
";

/// One line of the table.
#[derive(PartialEq)]
struct Row {
    heading: String,
    flag: String,
    commands: Vec<String>,
    default: String,
    variable: String,
    meaning: String,
}

impl Row {
    fn of(arg: &Arg, command: &str) -> Self {
        let name = arg.get_value_names().map(|names| names.iter().map(ToString::to_string).collect::<String>());
        let takes_value = arg.get_num_args().is_none_or(|range| range.takes_values());
        let name = if takes_value { name.unwrap_or_default() } else { String::new() };
        let spelled: Vec<String> = arg
            .get_short()
            .map(|short| format!("-{short}"))
            .into_iter()
            .chain(arg.get_long().map(|long| format!("--{long}")))
            .collect();
        let spelled = format!("{} {name}", spelled.join(", ")).trim().to_owned();
        let values: Vec<String> = arg
            .get_possible_values()
            .iter()
            .filter(|_| takes_value)
            .map(|value| match value.get_help() {
                Some(help) => format!("`{}` {}", value.get_name(), lower(&help.to_string())),
                None => format!("`{}`", value.get_name()),
            })
            .collect();
        let mut meaning = arg.get_help().map(ToString::to_string).unwrap_or_default();
        if !values.is_empty() {
            meaning += &format!(": {}", values.join("; "));
        }
        Self {
            heading: arg.get_help_heading().unwrap_or("Sources").to_owned(),
            flag: spelled,
            commands: vec![command.to_owned()],
            default: arg
                .get_default_values()
                .iter()
                .filter(|_| takes_value)
                .map(|value| format!("`{}`", value.to_str().unwrap()))
                .collect(),
            variable: arg.get_env().map(|name| format!("`{}`", name.to_str().unwrap())).unwrap_or_default(),
            meaning,
        }
    }
}

fn lower(text: &str) -> String {
    text[..1].to_lowercase() + &text[1..]
}

/// Every flag once; the commands that have it with one meaning and default share its line.
fn rows() -> Vec<Row> {
    let mut command = Args::command();
    command.build();
    let mut rows: Vec<Row> = Vec::new();
    for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help" && !sub.is_hide_set()) {
        for arg in sub.get_arguments().filter(|arg| !["help", "version"].contains(&arg.get_id().as_str())) {
            let row = Row::of(arg, sub.get_name());
            let same = rows
                .iter_mut()
                .find(|known| (&known.flag, &known.default, &known.meaning) == (&row.flag, &row.default, &row.meaning));
            match same {
                Some(known) => known.commands.extend(row.commands),
                None => rows.push(row),
            }
        }
    }
    let order = ["Sources", "Input", "Decisions", "Policy", "Cluster", "Output"];
    rows.sort_by_key(|row| order.iter().position(|heading| *heading == row.heading));
    rows
}

fn flags_page() -> String {
    let mut page = FLAGS_INTRODUCTION.to_owned();
    let mut command = Args::command();
    command.build();
    page += "\n| command | what it does |\n| --- | --- |\n";
    for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help" && !sub.is_hide_set()) {
        page += &format!("| `smi2gamma {}` | {} |\n", sub.get_name(), sub.get_about().unwrap());
    }
    page += "\n| flag | command | default | environment variable | meaning |\n| --- | --- | --- | --- | --- |\n";
    for Row { flag, commands, default, variable, meaning, .. } in rows() {
        let flag = flag.replace('|', "\\|");
        page += &format!("| `{flag}` | {} | {default} | {variable} | {meaning} |\n", commands.join(", "));
    }
    page += &format!("\n{}\n", command.get_after_help().unwrap().to_string().replace('\n', "\n\n"));
    page
}

#[test]
fn the_table_of_flags_is_written_from_the_flags() {
    let page = flags_page();
    if blessing() {
        fs::write(root().join(FLAGS), &page).unwrap();
    }
    assert!(read(FLAGS) == page, "{FLAGS} is behind the flags; write it with SMI2GAMMA_BLESS=1 cargo test --test docs");
}

#[test]
fn the_help_of_a_mesh_flag_names_every_table() {
    let mut command = Args::command();
    command.build();
    let convert = command.find_subcommand("convert").unwrap();
    let help = |id: &str| {
        let arg = convert.get_arguments().find(|arg| arg.get_id() == id).unwrap();
        arg.get_help().unwrap().to_string().replace(" or ", ", ")
    };
    let list = |names: Vec<&str>| names.join(", ");
    let sources = list(mappings::sources().iter().map(|mesh| mesh.name.as_str()).collect());
    assert!(help("from").ends_with(&format!(": {sources}")), "{}", help("from"));
    let targets = list(mappings::targets().iter().map(|mesh| mesh.name.as_str()).collect());
    assert!(help("to").ends_with(&format!(": {targets}")), "{}", help("to"));
}

#[test]
fn help_keeps_to_eighty_columns_and_says_every_flag_in_a_sentence() {
    let mut command = Args::command().term_width(80);
    command.build();
    for sub in command.get_subcommands_mut() {
        let help = sub.render_help().to_string();
        assert!(help.lines().all(|line| line.chars().count() <= 80), "{help}");
        for arg in sub.get_arguments() {
            let said = arg.get_help().map(ToString::to_string).unwrap_or_default();
            let begins_well = said.starts_with(|letter: char| letter.is_uppercase() || letter == '`');
            assert!(begins_well && !said.ends_with('.'), "{} of {}: {said}", arg.get_id(), sub.get_name());
        }
    }
}

// --- the schema of the configuration ---

const CONFIG_SCHEMA: &str = "docs/smi2gamma.schema.json";

/// The keys that the type takes at one place of a configuration, from what serde says it expects.
fn expected_keys(text: &str) -> Vec<String> {
    let said = serde_yaml::from_str::<Config>(text).unwrap_err().to_string();
    let expected = said.split_once("expected").unwrap_or_else(|| panic!("{said}")).1;
    expected.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The keys that the type takes, by their places in the schema.
fn keys_of_the_configuration() -> BTreeSet<String> {
    let places = [
        ("#/properties", "no-such-key: 1"),
        ("#/properties/policy/properties", "policy: {no-such-key: 1}"),
        ("#/properties/losses/items/properties", "losses: [{no-such-key: 1}]"),
    ];
    let keys =
        places.iter().flat_map(|(at, text)| expected_keys(text).into_iter().map(move |key| format!("{at}/{key}")));
    keys.collect()
}

fn as_configuration(text: &str) -> bool {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(config::NAME);
    fs::write(&file, text).unwrap();
    config::load(Some(&file), None).is_ok()
}

#[test]
fn the_schema_of_the_configuration_describes_every_key_and_no_other() {
    let described = Schema::new(&read(CONFIG_SCHEMA), Keys::Optional).properties();
    assert_eq!(described, keys_of_the_configuration());
}

#[test]
fn the_schema_of_the_configuration_names_every_mesh() {
    let schema: serde_json::Value = serde_json::from_str(&read(CONFIG_SCHEMA)).unwrap();
    let from: Vec<&str> =
        schema["properties"]["from"]["enum"].as_array().unwrap().iter().filter_map(|name| name.as_str()).collect();
    assert_eq!(from, mappings::sources().iter().map(|mesh| mesh.name.as_str()).collect::<Vec<_>>());
    let to = schema["properties"]["to"]["pattern"].as_str().unwrap();
    let targets: Vec<&str> = mappings::targets().iter().map(|mesh| mesh.name.as_str()).collect();
    assert_eq!(to, format!("^({})(@v?[0-9]+(\\.[0-9]+)*)?$", targets.join("|")));
    assert_eq!(schema.pointer("/properties/losses/items/properties/to/enum"), Some(&serde_json::json!(targets)));
}

#[test]
fn what_the_schema_of_the_configuration_takes_is_what_the_program_takes() {
    let schema = Schema::new(&read(CONFIG_SCHEMA), Keys::Optional);
    let whole = "{from: linkerd, to: istio@1.27, servicePorts: {shop/web: [80], shop/*: [8080]}, unowned: [web], grpcRoutes: true}";
    let policy = "{policy: {workloads: {shop/web: {app: web}}, ingress: [edge/nginx], scrapers: [], enforced: false, hostsMoved: true, trustDomain: td, defaultDeny: true}}";
    let loss = |accept: &str, reason: &str| {
        format!("{{losses: [{{to: istio, grant: shop/web, what: w, accept: {accept}, says: s, reason: {reason}}}]}}")
    };
    for (text, good) in [
        (whole, true),
        (policy, true),
        ("{policy: {workloads: {shop/web: [app]}}}", false),
        ("{policy: {ingress: edge/nginx}}", false),
        ("{policy: {enforced: perhaps}}", false),
        ("{policy: {deny: true}}", false),
        (&loss("wider", "nobody calls it"), true),
        (&loss("both", "nobody calls it"), false),
        ("{losses: [{to: istio, grant: shop/web}]}", false),
        (&loss("wider", "nobody calls it").replace("to: istio", "to: istoi"), false),
        (&loss("wider", "nobody calls it").replace("to: istio", "to: istio@1.30"), false),
        ("{policy: {trustDomain: corp.example}}", true),
        ("{policy: {trustDomain: '*'}}", false),
        ("{policy: {trustDomain: ''}}", false),
        ("{policy: {trustDomain: spiffe://td}}", false),
        ("[{from: osm}]", false),
        ("{losses: {shop/web: wider}}", false),
        ("{}", true),
        ("{from: [osm]}", false),
        ("{servicePorts: {shop/web: 80}}", false),
        ("{servicePorts: {shop/web: [0]}}", false),
        ("{servicePorts: {shop/web: [70000]}}", false),
        ("{unowned: web}", false),
        ("{grpcRoutes: maybe}", false),
        ("{hooks: []}", false),
    ] {
        let document: serde_json::Value = serde_yaml::from_str(text).unwrap();
        assert_eq!(schema.problems(&document).is_empty(), good, "the schema on {text}");
        assert_eq!(as_configuration(text), good, "the program on {text}");
    }
}

// --- links ---

#[test]
fn no_link_of_a_page_leads_nowhere() {
    let mut broken = Vec::new();
    for page in pages() {
        let folder = root().join(&page).parent().unwrap().to_path_buf();
        for target in read(&page).split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let path = target.split('#').next().unwrap();
            let outside = target.contains("://") || target.starts_with("mailto:");
            if !outside && !path.is_empty() && !folder.join(path).exists() {
                broken.push(format!("{page}: {target}"));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}
