//! Holds the whole program to real manifests: what becomes of each SMI object of a corpus is written down beside this
//! file, was read by a person, and may not change unnoticed.
//!
//! The corpus is not part of this repository. `SMI2GAMMA_CORPUS` names its directory; without it the tests here say so and
//! pass, so that `cargo test` needs nothing from outside. With `SMI2GAMMA_BLESS=1` the expectation is written anew: read the
//! change before it is committed. Counting is done a second time by another YAML reader with rules of its own.

use rayon::prelude::*;
use serde::Deserialize;
use serde_yaml::Value;
use smi2gamma::candidate::candidate;
use smi2gamma::convert::{GivenPorts, Settings};
use smi2gamma::edit::{Color, FileDiff, diff};
use smi2gamma::filter::Filter;
use smi2gamma::manifest::Effect;
use smi2gamma::outcome::Outcome;
use smi2gamma::report::{Chosen, Finding, SummaryOptions, TextOptions, catalogue, json, markdown, summary, text};
use smi2gamma::run::{Options, Run, run};
use smi2gamma::scan::{self, Input};
use smi2gamma::smi::Object;
use smi2gamma::target::Profile;
use smi2gamma::yaml::emit;
mod emitted;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

const EXPECTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus-expected.tsv");
const HEADER: &str = "path\tindex\tobject\toutcome\tcodes";

/// Where the two counts differ: path, kind, objects that the program finds, objects that the other reader finds, and why.
const DIFFERENCES: &[(&str, &str, usize, usize, &str)] = &[
    (
        "meshery__meshery-osm/templates/meshmodel/components/v1.2.4/httproutegroup.OSM.meshery.layer5.io_meshmodel.json",
        "HTTPRouteGroup",
        0,
        1,
        MODEL,
    ),
    (
        "meshery__meshery-osm/templates/meshmodel/components/v1.2.4/tcproute.OSM.meshery.layer5.io_meshmodel.json",
        "TCPRoute",
        0,
        1,
        MODEL,
    ),
    (
        "meshery__meshery-osm/templates/meshmodel/components/v1.2.4/trafficsplit.OSM.meshery.layer5.io_meshmodel.json",
        "TrafficSplit",
        0,
        1,
        MODEL,
    ),
    (
        "meshery__meshery-osm/templates/meshmodel/components/v1.2.4/traffictarget.OSM.meshery.layer5.io_meshmodel.json",
        "TrafficTarget",
        0,
        1,
        MODEL,
    ),
];

const MODEL: &str =
    "it carries the apiVersion and kind of what it models for a designer, and is no object of that kind";

// --- the corpus ---

/// The directory of the corpus; none where no one named it.
fn corpus() -> Option<PathBuf> {
    let Some(path) = std::env::var_os("SMI2GAMMA_CORPUS") else {
        eprintln!("no corpus: set SMI2GAMMA_CORPUS to its directory to run this test");
        return None;
    };
    Some(fs::canonicalize(&path).unwrap_or_else(|error| panic!("SMI2GAMMA_CORPUS={}: {error}", path.display())))
}

/// One run over the whole corpus, shared by the tests.
fn whole(corpus: &Path) -> &'static Run {
    static WHOLE: OnceLock<Run> = OnceLock::new();
    WHOLE.get_or_init(|| {
        emitted::keep(&options(Input::Path(corpus.to_path_buf())), &[]);
        let run = convert(Input::Path(corpus.to_path_buf()), &[]);
        emitted::judge(&run);
        run
    })
}

fn options(source: Input) -> Options {
    Options {
        scan: scan::Options { sources: vec![source], ..scan::Options::default() },
        from: None,
        to: Profile::parse("gateway-api").expect("a target"),
        to_because: "the default".into(),
        settings: Settings { given_ports: GivenPorts { ports: BTreeMap::new() }, grpc_routes: false },
        unowned: BTreeSet::new(),
        policy: Default::default(),
        filter: Filter::default(),
        verify: true,
    }
}

fn convert(source: Input, stdin: &[u8]) -> Run {
    run(&options(source), &mut &*stdin).expect("a source that can be read")
}

/// Everything that a user could be shown: the manifests, the patch, and the reports in each format.
fn shown(mut run: Run) -> [String; 6] {
    let manifests: Vec<_> = run.manifests.iter().map(|(_, manifest)| manifest.value.clone()).collect();
    let after = candidate(&mut run);
    let files: Vec<FileDiff<'_>> = after
        .iter()
        .map(|(source, after)| {
            let source = run.sources.get(*source);
            FileDiff { name: &source.name, before: Some(&source.text), after: Some(after) }
        })
        .collect();
    [
        emit::to_yaml(&manifests),
        diff(&files, Color::Never),
        json(&run.report, &run.sources),
        text(&run.report, &run.sources, &TextOptions { verbose: true, ..TextOptions::default() }),
        markdown(&run.report, &run.sources),
        summary(&run.report, &run.sources, &SummaryOptions { color: false, details: "smi2gamma report ." }),
    ]
}

/// Every file below `directory`, sorted.
fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut waiting = vec![directory.to_path_buf()];
    while let Some(directory) = waiting.pop() {
        for entry in fs::read_dir(&directory).expect("a directory") {
            let path = entry.expect("an entry").path();
            if path.is_dir() { waiting.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    found
}

/// `name` below the corpus.
fn short<'a>(corpus: &Path, name: &'a str) -> &'a str {
    Path::new(name).strip_prefix(corpus).ok().and_then(Path::to_str).unwrap_or(name)
}

// --- what is written down ---

/// The codes that force an outcome, worst first.
fn forcing<'a>(findings: impl Iterator<Item = &'a Finding>) -> Vec<(Outcome, &'static str)> {
    let mut forcing: Vec<_> =
        findings.filter_map(|finding| Some((catalogue::row(finding.code).outcome?, finding.code.0))).collect();
    forcing.sort_by_key(|&(outcome, code)| (std::cmp::Reverse(outcome), code));
    forcing.dedup();
    forcing
}

/// A line for each object: path, number in its file, object, outcome, codes that force it.
fn lines(corpus: &Path, run: &Run) -> Vec<String> {
    let mut in_file: BTreeMap<&str, usize> = BTreeMap::new();
    let mut rows = Vec::new();
    for object in &run.report.objects {
        let path = short(corpus, &run.sources.get(object.place.source).name);
        let index = in_file.entry(path).or_default();
        *index += 1;
        let codes: Vec<&str> = forcing(object.findings.iter().map(|&finding| &run.report.findings[finding]))
            .into_iter()
            .map(|(_, code)| code)
            .collect();
        let line = format!("{path}\t{index}\t{}\t{}\t{}", object.id, object.outcome.word(), codes.join(","));
        rows.push(((path, *index), line));
    }
    rows.sort();
    rows.into_iter().map(|(_, line)| line).collect()
}

#[test]
fn every_object_comes_to_the_outcome_that_a_person_judged_right() {
    let Some(corpus) = corpus() else { return };
    let lines = lines(&corpus, whole(&corpus));
    if std::env::var_os("SMI2GAMMA_BLESS").is_some() {
        let mut text = format!("{HEADER}\n");
        lines.iter().for_each(|line| writeln!(text, "{line}").expect("memory"));
        fs::write(EXPECTED, text).expect("a file that can be written");
        return;
    }
    let expected = fs::read_to_string(EXPECTED).expect("the expectation");
    let mut expected_lines = expected.lines();
    assert_eq!(expected_lines.next(), Some(HEADER));
    let before: BTreeSet<&str> = expected_lines.collect();
    let now: BTreeSet<&str> = lines.iter().map(String::as_str).collect();
    let mut change = String::new();
    before.difference(&now).for_each(|line| writeln!(change, "- {line}").expect("memory"));
    now.difference(&before).for_each(|line| writeln!(change, "+ {line}").expect("memory"));
    assert!(change.is_empty(), "outcomes changed; SMI2GAMMA_BLESS=1 takes them:\n{change}");
}

const POLICY_EXPECTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus-policy-expected.tsv");
const POLICY_HEADER: &str = "path\tindex\tobject\tlinkerd\tistio";

/// One run over the corpus for a mesh whose policy is written, read as the mesh did that most of its TrafficTargets were for.
fn with_policy(corpus: &Path, to: &str) -> Run {
    let from = Some(Chosen { name: "osm".into(), because: "the test".into() });
    let to = Profile::parse(to).expect("a target");
    let options = Options { from, to, ..options(Input::Path(corpus.to_path_buf())) };
    let run = run(&options, &mut &[][..]).expect("a source that can be read");
    emitted::judge(&run);
    run
}

/// The same lines, of what says or serves a grant.
fn grants(corpus: &Path, run: &Run) -> Vec<(String, String)> {
    const KINDS: [&str; 5] = ["TrafficTarget.", "HTTPRouteGroup.", "TCPRoute.", "UDPRoute.", "IdentityBinding."];
    let cut = |line: String| {
        let cells: Vec<&str> = line.splitn(4, '\t').collect();
        let [path, index, object, came_to] = cells.as_slice() else { panic!("four cells: {line}") };
        let kept = KINDS.iter().any(|kind| object.starts_with(kind));
        kept.then(|| (format!("{path}\t{index}\t{object}"), came_to.replace('\t', " ").trim().to_owned()))
    };
    lines(corpus, run).into_iter().filter_map(cut).collect()
}

#[test]
fn every_grant_comes_to_the_policy_that_a_person_judged_right() {
    let Some(corpus) = corpus() else { return };
    let [linkerd, istio] = ["linkerd", "istio"].map(|to| {
        let run = with_policy(&corpus, to);
        for settled in &run.report.objects {
            let codes = || settled.findings.iter().map(|&finding| run.report.findings[finding].code.0);
            assert!(codes().all(|code| code != "internal" && code != "output-differs"), "{to}: {}", settled.id);
        }
        for (origins, manifest) in run.manifests.iter().filter(|(_, manifest)| manifest.effect == Effect::Enforces) {
            let held = origins.iter().find(|&&origin| run.report.objects[origin].outcome.needs_hands());
            assert_eq!(held, None, "{to}: {} enforces with a part that is held", manifest.id);
        }
        grants(&corpus, &run)
    });
    let both =
        linkerd.iter().zip(&istio).map(|((object, linkerd), (_, istio))| format!("{object}\t{linkerd}\t{istio}"));
    let now: Vec<String> = both.collect();
    if std::env::var_os("SMI2GAMMA_BLESS").is_some() {
        let text: String = std::iter::once(POLICY_HEADER.to_owned()).chain(now).map(|line| line + "\n").collect();
        fs::write(POLICY_EXPECTED, text).expect("a file that can be written");
        return;
    }
    let expected = fs::read_to_string(POLICY_EXPECTED).expect("the expectation");
    let mut change = String::new();
    let before: BTreeSet<&str> = expected.lines().skip(1).collect();
    let now: BTreeSet<&str> = now.iter().map(String::as_str).collect();
    before.difference(&now).for_each(|line| writeln!(change, "- {line}").expect("memory"));
    now.difference(&before).for_each(|line| writeln!(change, "+ {line}").expect("memory"));
    assert!(change.is_empty(), "outcomes changed; SMI2GAMMA_BLESS=1 takes them:\n{change}");
}

#[test]
fn every_object_has_one_outcome_and_a_code_that_its_table_justifies() {
    let Some(corpus) = corpus() else { return };
    let run = whole(&corpus);
    assert_eq!(run.objects.len(), run.report.objects.len());
    let mut places = BTreeSet::new();
    for (read, settled) in run.objects.iter().zip(&run.report.objects) {
        let id = &settled.id;
        assert_eq!(&read.id, id);
        assert!(places.insert((read.source, read.span)), "{id} is there twice");
        let forced = forcing(settled.findings.iter().map(|&finding| &run.report.findings[finding]));
        let base = if settled.outcome == Outcome::Superseded { Outcome::Superseded } else { Outcome::Migrated };
        let worst = forced.first().map_or(base, |(outcome, _)| *outcome);
        assert_eq!(settled.outcome, worst, "{id}: {forced:?}");
        assert!(forced.iter().all(|(_, code)| *code != "internal"), "{id}");
        let converted = settled.outcome <= Outcome::Approximated && settled.outcome != Outcome::Superseded;
        assert_eq!(converted, !settled.outputs.is_empty(), "{id}: {:?}", settled.outputs);
        for &finding in &settled.findings {
            assert_eq!(run.report.findings[finding].object.as_ref(), Some(id));
        }
    }
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let Some(corpus) = corpus() else { return };
    let again = convert(Input::Path(corpus.clone()), &[]);
    for (first, second) in shown(whole(&corpus).clone()).iter().zip(shown(again)) {
        assert!(*first == second, "{first}\n--- and then ---\n{second}");
    }
}

// --- the other reader ---

/// The kinds of objects by file, as another YAML reader sees them, with a rule of its own for what SMI is.
fn counted(text: &str) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for document in documents(text) {
        for value in serde_yaml::Deserializer::from_str(document) {
            let Ok(value) = Value::deserialize(value) else { break };
            count(&value, &mut counts);
        }
    }
    counts
}

fn count(value: &Value, counts: &mut BTreeMap<String, usize>) {
    const KINDS: [&str; 8] = [
        "TrafficSplit",
        "TrafficTarget",
        "HTTPRouteGroup",
        "TCPRoute",
        "UDPRoute",
        "IdentityBinding",
        "TrafficMetrics",
        "TrafficMetricsList",
    ];
    let text = |key: &str| value.get(key).and_then(Value::as_str);
    let kind = text("kind").unwrap_or_default();
    let group = text("apiVersion").and_then(|version| version.split_once('/')).map(|(group, _)| group);
    let smi = group.map_or(KINDS.contains(&kind), |group| group.ends_with("smi-spec.io"));
    match value.get("items").and_then(Value::as_sequence) {
        Some(items) if kind == "List" || (kind.ends_with("List") && kind != "TrafficMetricsList") => {
            items.iter().for_each(|item| count(item, counts));
        }
        _ if smi => *counts.entry(kind.to_owned()).or_default() += 1,
        _ => {}
    }
}

/// The documents of a text, each from after its separator line to the next one.
fn documents(text: &str) -> Vec<&str> {
    let mut documents = Vec::new();
    let (mut start, mut at) = (0, 0);
    for line in text.split_inclusive('\n') {
        if line.trim_end() == "---" || line.starts_with("--- ") {
            documents.push(&text[start..at]);
            start = at + if line.trim_end() == "---" { line.len() } else { 4 };
        }
        at += line.len();
    }
    documents.push(&text[start..]);
    documents
}

#[test]
fn another_yaml_reader_counts_the_same_objects() {
    let Some(corpus) = corpus() else { return };
    let run = whole(&corpus);
    let mut ours: BTreeMap<(String, String), usize> = BTreeMap::new();
    for object in &run.report.objects {
        let path = short(&corpus, &run.sources.get(object.place.source).name).to_owned();
        *ours.entry((path, object.id.kind.clone())).or_default() += 1;
    }
    let theirs: BTreeMap<(String, String), usize> = files(&corpus)
        .par_iter()
        .filter(|path| path.extension().is_some_and(|end| ["yaml", "yml", "json"].iter().any(|known| end == *known)))
        .flat_map_iter(|path| {
            let name = short(&corpus, path.to_str().expect("a path in UTF-8")).to_owned();
            let text = fs::read_to_string(path).expect("text");
            counted(&text).into_iter().map(move |(kind, count)| ((name.clone(), kind), count))
        })
        .collect();
    let both: BTreeSet<_> = ours.keys().chain(theirs.keys()).collect();
    let differences: Vec<_> = both
        .into_iter()
        .map(|key| (key, ours.get(key).copied().unwrap_or(0), theirs.get(key).copied().unwrap_or(0)))
        .filter(|(_, ours, theirs)| ours != theirs)
        .map(|((path, kind), ours, theirs)| (path.as_str(), kind.as_str(), ours, theirs))
        .collect();
    let known: Vec<_> = DIFFERENCES.iter().map(|&(path, kind, ours, theirs, _)| (path, kind, ours, theirs)).collect();
    assert_eq!(differences, known);
}

#[test]
fn another_yaml_reader_reads_each_manifest_as_it_was_meant() {
    let Some(corpus) = corpus() else { return };
    for (_, manifest) in &whole(&corpus).manifests {
        let text = emit::to_yaml(std::slice::from_ref(&manifest.value));
        let read: serde_json::Value = serde_yaml::from_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        assert_eq!(read, manifest.value, "{text}");
    }
}

/// The Services of a file by name, as another YAML reader sees them.
fn services(text: &str) -> Vec<String> {
    let of = |value: &Value| {
        let name = value.get("metadata")?.get("name")?.as_str()?.to_owned();
        (value.get("kind")?.as_str()? == "Service").then_some(name)
    };
    documents(text).into_iter().filter_map(|text| of(&serde_yaml::from_str(text).ok()?)).collect()
}

#[test]
fn no_split_lacks_the_ports_of_a_service_that_stands_beside_it() {
    let Some(corpus) = corpus() else { return };
    let run = whole(&corpus);
    for (read, settled) in run.objects.iter().zip(&run.report.objects) {
        let Some(Object::TrafficSplit(split)) = &read.object else { continue };
        let lacks = |&finding: &usize| run.report.findings[finding].code.0 == "port-unknown";
        let Some(root) = split.service.as_ref().filter(|_| settled.findings.iter().any(lacks)) else { continue };
        let file = Path::new(&run.sources.get(read.source).name);
        let beside = fs::read_dir(file.parent().expect("a directory")).expect("a directory");
        for path in beside.map(|entry| entry.expect("an entry").path()).filter(|path| path.is_file()) {
            let services = services(&fs::read_to_string(&path).expect("text"));
            let name = root.value.split('.').next().unwrap_or_default();
            assert!(
                !services.iter().any(|service| service == name),
                "{}: {} is in {path:?}",
                file.display(),
                root.value
            );
        }
    }
}

// --- what an edit leaves alone ---

#[test]
fn an_edit_leaves_every_other_document_as_it_was() {
    let Some(corpus) = corpus() else { return };
    let mut run = whole(&corpus).clone();
    let edited = candidate(&mut run);
    assert!(!edited.is_empty());
    for (source, after) in edited {
        let before = &run.sources.get(source);
        let smi: Vec<_> =
            run.objects.iter().filter(|object| object.source == source).map(|object| object.span).collect();
        let base = before.text.as_ptr() as usize;
        let others = documents(&before.text).into_iter().filter(|document| {
            let start = document.as_ptr() as usize - base;
            !smi.iter().any(|span| (start..start + document.len()).contains(&span.start))
        });
        let documents = documents(&after);
        let mut remaining = documents.iter();
        for other in others {
            assert!(remaining.any(|document| *document == other), "{}: a document changed:\n{other}", before.name);
        }
        for document in documents {
            if let Err(error) = serde_yaml::from_str::<Value>(document) {
                panic!("{}: {error}\n{document}", before.name);
            }
        }
    }
}

// --- no input stops a run ---

#[test]
fn every_folder_and_every_file_by_itself_and_as_a_stream_gives_a_report() {
    let Some(corpus) = corpus() else { return };
    let folders = fs::read_dir(&corpus).expect("a directory").map(|entry| entry.expect("an entry").path());
    let paths: Vec<PathBuf> = folders.filter(|path| path.is_dir()).chain(files(&corpus)).collect();
    let failed: Vec<String> = paths
        .par_iter()
        .flat_map_iter(|path| {
            let stream = (!path.is_dir()).then(|| (Input::Stdin, fs::read(path).expect("bytes")));
            let sources = stream.into_iter().chain([(Input::Path(path.clone()), Vec::new())]);
            sources.filter_map(|(source, bytes)| {
                let name = format!("{} ({source:?})", path.display());
                std::panic::catch_unwind(|| shown(convert(source, &bytes))).is_err().then_some(name)
            })
        })
        .collect();
    assert!(failed.is_empty(), "{failed:#?}");
}

#[test]
fn a_file_by_itself_holds_the_same_objects_as_in_its_tree() {
    let Some(corpus) = corpus() else { return };
    let run = whole(&corpus);
    let mut in_tree: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for object in &run.report.objects {
        let ids = in_tree.entry(&run.sources.get(object.place.source).name).or_default();
        ids.push(object.id.to_string());
    }
    files(&corpus).par_iter().for_each(|path| {
        let alone = convert(Input::Path(path.clone()), &[]);
        let ids: Vec<String> = alone.report.objects.iter().map(|object| object.id.to_string()).collect();
        let name = path.to_str().expect("a path in UTF-8");
        assert_eq!(&ids, in_tree.get(name).unwrap_or(&Vec::new()), "{name}");
    });
}
