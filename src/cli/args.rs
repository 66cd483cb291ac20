//! The flag table. `docs/cli.md` is written from it, and a test holds the two together.

use clap::{Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Convert Service Mesh Interface (SMI) manifests to Gateway API routes for meshes (GAMMA), and report what cannot be
/// migrated.
#[derive(Debug, Parser)]
#[command(name = "smi2gamma", version, max_term_width = 100, propagate_version = true)]
#[command(
    after_help = "No command changes a source or a cluster; start with `smi2gamma report DIR`.\nExit codes: 0 done, 1 a difference was found (diff --exit-code), 2 no trustworthy result, 3 findings at or above --fail-on."
)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// When to use colour.
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto, value_name = "WHEN", help_heading = "Output")]
    pub color: Color,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write the manifests that replace SMI to standard output.
    Convert(ConvertArgs),
    /// Show the change to the sources as a patch that `git apply` takes.
    Diff(DiffArgs),
    /// Say what cannot be migrated and why.
    Report(ReportArgs),
    /// Explain a finding: what it means, why it matters, what to do.
    Explain(ExplainArgs),
}

/// When to use colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// MiB.
const DEFAULT_MAX_FILE_SIZE: u64 = 64;

/// What to read and how to read it.
#[derive(Debug, clap::Args)]
pub struct SourceArgs {
    /// Files, directories, or `-` for standard input.
    #[arg(value_name = "SOURCE")]
    pub sources: Vec<PathBuf>,
    /// A SOURCE in kubectl's spelling; repeatable.
    #[arg(short = 'f', long = "filename", value_name = "SOURCE", help_heading = "Input")]
    pub filenames: Vec<PathBuf>,
    /// Context that is never converted nor edited, such as Services; repeatable.
    #[arg(long, value_name = "SOURCE", help_heading = "Input")]
    pub with: Vec<PathBuf>,
    /// Convert only objects of this namespace.
    #[arg(short, long, value_name = "NAMESPACE", conflicts_with = "all_namespaces", help_heading = "Input")]
    pub namespace: Option<String>,
    /// Convert objects of all namespaces (the default).
    #[arg(short = 'A', long, help_heading = "Input")]
    pub all_namespaces: bool,
    /// Convert only objects with these labels, as in `kubectl -l`.
    #[arg(short = 'l', long, value_name = "SELECTOR", help_heading = "Input")]
    pub selector: Option<String>,
    /// Read also what `.gitignore` and `.ignore` of the sources leave out.
    #[arg(long, help_heading = "Input")]
    pub no_ignore: bool,
    /// Largest file that is read, in MiB.
    #[arg(long, value_name = "MIB", default_value_t = DEFAULT_MAX_FILE_SIZE, help_heading = "Input")]
    pub max_file_size: u64,
    /// Whose reading of SMI applies: spec, osm, linkerd, traefik, nginx, consul, istio or flomesh.
    #[arg(long, value_name = "MESH", env = "SMI2GAMMA_FROM", hide_env_values = true, help_heading = "Decisions")]
    pub from: Option<String>,
    /// What the output is for: gateway-api, linkerd, istio, istio-ambient, cilium, consul, kuma or network-policy.
    #[arg(
        long,
        value_name = "TARGET[@VERSION]",
        env = "SMI2GAMMA_TO",
        hide_env_values = true,
        help_heading = "Decisions"
    )]
    pub to: Option<String>,
    /// A port of a Service that is not in the input; `*` stands for every Service of a namespace; repeatable.
    #[arg(long, value_name = "NAMESPACE/SERVICE=PORT", help_heading = "Decisions")]
    pub service_port: Vec<String>,
    /// A split that no controller owns, though it looks as if; repeatable.
    #[arg(long, value_name = "[NAMESPACE/]NAME", help_heading = "Decisions")]
    pub unowned: Vec<String>,
    /// Write GRPCRoutes, not HTTPRoutes, for ports that speak gRPC.
    #[arg(long, help_heading = "Decisions")]
    pub grpc_routes: bool,
    /// Configuration to use instead of the nearest smi2gamma.yaml.
    #[arg(long, value_name = "FILE", env = "SMI2GAMMA_CONFIG", hide_env_values = true, help_heading = "Decisions")]
    pub config: Option<PathBuf>,
    /// Use no configuration, whatever else names one.
    #[arg(long, help_heading = "Decisions")]
    pub no_config: bool,
}

impl SourceArgs {
    /// The command that reports on the same sources under the same decisions, for a person to paste.
    #[must_use]
    pub fn report_command(&self) -> String {
        let mut words = vec!["smi2gamma report".to_owned()];
        let mut flag = |name: &str, value: &str| words.push(format!("{name} {}", quoted(value)));
        self.from.iter().for_each(|mesh| flag("--from", mesh));
        self.to.iter().for_each(|target| flag("--to", target));
        self.with.iter().for_each(|path| flag("--with", &path.display().to_string()));
        self.namespace.iter().for_each(|namespace| flag("-n", namespace));
        self.selector.iter().for_each(|selector| flag("-l", selector));
        self.service_port.iter().for_each(|pair| flag("--service-port", pair));
        self.unowned.iter().for_each(|name| flag("--unowned", name));
        self.config.iter().filter(|_| !self.no_config).for_each(|path| flag("--config", &path.display().to_string()));
        if self.max_file_size != DEFAULT_MAX_FILE_SIZE {
            flag("--max-file-size", &self.max_file_size.to_string());
        }
        let switches =
            [(self.no_ignore, "--no-ignore"), (self.grpc_routes, "--grpc-routes"), (self.no_config, "--no-config")];
        words.extend(switches.into_iter().filter(|(on, _)| *on).map(|(_, name)| name.to_owned()));
        words.extend(self.sources.iter().chain(&self.filenames).map(|path| quoted(&path.display().to_string())));
        words.join(" ")
    }
}

/// A word as a shell takes it.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./@:+=,".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

/// Where reports go.
#[derive(Debug, clap::Args)]
pub struct ReportOutput {
    /// Write a report as well, in text, json or markdown, to standard error or a file; repeatable.
    #[arg(long, value_name = "FORMAT[=FILE]", help_heading = "Output")]
    pub report: Vec<String>,
    /// Lowest level of a finding that makes the exit code 3.
    #[arg(long, value_enum, default_value_t = FailOn::Error, value_name = "LEVEL", help_heading = "Output")]
    pub fail_on: FailOn,
}

/// A level of findings that fails a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FailOn {
    /// Something must be decided.
    Error,
    /// Something should be looked at.
    Warning,
    /// Anything at all.
    Note,
    /// Nothing.
    Never,
}

/// A format of manifests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Documents parted by `---`.
    Yaml,
    /// One object, or a `List`.
    Json,
}

/// `smi2gamma convert`
#[derive(Debug, clap::Args)]
pub struct ConvertArgs {
    /// What to read.
    #[command(flatten)]
    pub source: SourceArgs,
    /// Format of the manifests.
    #[arg(short, long, value_enum, default_value_t = Format::Yaml, value_name = "FORMAT", help_heading = "Output")]
    pub output: Format,
    /// Write a file per source into this directory instead of standard output.
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    pub output_dir: Option<PathBuf>,
    /// Reports.
    #[command(flatten)]
    pub reports: ReportOutput,
}

/// `smi2gamma diff`
#[derive(Debug, clap::Args)]
pub struct DiffArgs {
    /// What to read.
    #[command(flatten)]
    pub source: SourceArgs,
    /// End with 1 if there is a difference.
    #[arg(long, help_heading = "Output")]
    pub exit_code: bool,
    /// Reports.
    #[command(flatten)]
    pub reports: ReportOutput,
}

/// `smi2gamma report`
#[derive(Debug, clap::Args)]
pub struct ReportArgs {
    /// What to read.
    #[command(flatten)]
    pub source: SourceArgs,
    /// Write text (the default), json or markdown, to standard output or a file; repeatable.
    #[arg(long, value_name = "FORMAT[=FILE]", help_heading = "Output")]
    pub report: Vec<String>,
    /// Show all members of each group of findings, and the outcome of every object.
    #[arg(short, long, help_heading = "Output")]
    pub verbose: bool,
    /// Lowest level of a finding that makes the exit code 3.
    #[arg(long, value_enum, default_value_t = FailOn::Never, value_name = "LEVEL", help_heading = "Output")]
    pub fail_on: FailOn,
}

/// `smi2gamma explain`
#[derive(Debug, clap::Args)]
pub struct ExplainArgs {
    /// The code of a finding, as in `error[CODE]`; without one, all codes are listed.
    #[arg(value_name = "CODE")]
    pub code: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(line: &str) -> String {
        match Args::try_parse_from(line.split(' ')).expect("a command line").command {
            Command::Convert(convert) => convert.source.report_command(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_command_to_paste_reads_the_same_sources_under_the_same_decisions() {
        assert_eq!(command("smi2gamma convert a -f b"), "smi2gamma report a b");
        let line = "smi2gamma convert --from osm --to istio@1.27 --with ctx.json -n shop -l a=b --unowned web --no-config .";
        assert_eq!(command(line), line.replace("convert", "report"));
        assert_eq!(command("smi2gamma convert --service-port shop/*=80 x"), "smi2gamma report --service-port 'shop/*=80' x");
    }
}
