//! The flag table. `docs/cli.md` is written from it, and a test holds the two together.

use clap::{Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Convert Service Mesh Interface (SMI) manifests to Gateway API routes for meshes (GAMMA), and report what cannot be
/// migrated.
#[derive(Debug, Parser)]
#[command(name = "smi2gamma", version, max_term_width = 100, propagate_version = true)]
#[command(
    after_help = "Start with `smi2gamma report DIR`: it writes nothing.\nExit codes: 0 done, 1 a difference was found (diff --exit-code), 2 no trustworthy result, 3 findings at or above --fail-on."
)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Colour in what is written to a terminal.
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
    /// Explain a finding: what it means, why it matters, what to do, where that is written.
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

/// What to read and how to read it.
#[derive(Debug, clap::Args)]
pub struct SourceArgs {
    /// Files, directories, or `-` for standard input.
    #[arg(value_name = "SOURCE")]
    pub sources: Vec<PathBuf>,
    /// The same as SOURCE, in kubectl's spelling; repeatable.
    #[arg(short = 'f', long = "filename", value_name = "SOURCE", help_heading = "Input")]
    pub filenames: Vec<PathBuf>,
    /// Context that is never converted nor edited: Services, workloads, route groups; repeatable.
    #[arg(long, value_name = "SOURCE", help_heading = "Input")]
    pub with: Vec<PathBuf>,
    /// Convert only objects of this namespace.
    #[arg(short, long, value_name = "NAMESPACE", conflicts_with = "all_namespaces", help_heading = "Input")]
    pub namespace: Option<String>,
    /// Convert the objects of all namespaces (the default for files).
    #[arg(short = 'A', long, help_heading = "Input")]
    pub all_namespaces: bool,
    /// Convert only objects whose labels match, as in `kubectl -l`.
    #[arg(short = 'l', long, value_name = "SELECTOR", help_heading = "Input")]
    pub selector: Option<String>,
    /// Read files that ignore files of the sources leave out.
    #[arg(long, help_heading = "Input")]
    pub no_ignore: bool,
    /// The largest file that is read, in MiB.
    #[arg(long, value_name = "MIB", default_value_t = 64, help_heading = "Input")]
    pub max_file_size: u64,
    /// Whose reading of SMI applies: spec, osm, linkerd, traefik, nginx, consul, istio or flomesh.
    #[arg(long, value_name = "MESH", env = "SMI2GAMMA_FROM", help_heading = "Decisions")]
    pub from: Option<String>,
    /// What the output is for: gateway-api, linkerd, istio, istio-ambient, cilium, consul, kuma or network-policy.
    #[arg(long, value_name = "TARGET[@VERSION]", env = "SMI2GAMMA_TO", help_heading = "Decisions")]
    pub to: Option<String>,
    /// A port of a Service that is not in the input, `*` for every Service of a namespace; repeatable.
    #[arg(long, value_name = "NAMESPACE/SERVICE=PORT", help_heading = "Decisions")]
    pub service_port: Vec<String>,
    /// A split that no controller owns, though it looks so; repeatable.
    #[arg(long, value_name = "[NAMESPACE/]NAME", help_heading = "Decisions")]
    pub unowned: Vec<String>,
    /// Write GRPCRoutes for ports that speak gRPC.
    #[arg(long, help_heading = "Decisions")]
    pub grpc_routes: bool,
    /// Configuration to use instead of the nearest smi2gamma.yaml.
    #[arg(long, value_name = "FILE", env = "SMI2GAMMA_CONFIG", help_heading = "Decisions")]
    pub config: Option<PathBuf>,
    /// Use no configuration.
    #[arg(long, conflicts_with = "config", help_heading = "Decisions")]
    pub no_config: bool,
}

/// Where reports go.
#[derive(Debug, clap::Args)]
pub struct ReportOutput {
    /// A report besides the output: text, json or markdown; to standard error without a file. Repeatable.
    #[arg(long, value_name = "FORMAT[=FILE]", help_heading = "Output")]
    pub report: Vec<String>,
    /// The lowest level of finding that makes the exit code 3.
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
    /// The format of the manifests.
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
    /// The format and where to: text, json or markdown; to standard output without a file. Repeatable.
    #[arg(long, value_name = "FORMAT[=FILE]", help_heading = "Output")]
    pub report: Vec<String>,
    /// All members of each group of findings, and the outcome of every object.
    #[arg(short, long, help_heading = "Output")]
    pub verbose: bool,
    /// The lowest level of finding that makes the exit code 3.
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
