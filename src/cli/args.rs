//! The flag table. `docs/cli.md` is written from it, and a test holds the two together.

use clap::{Parser, Subcommand, ValueEnum};
use std::path::PathBuf;
use std::time::Duration;

use super::policy::{Answer, CallerArgs, PolicyArgs};
use super::program::Program;

/// Convert Service Mesh Interface (SMI) manifests to Gateway API routes for meshes (GAMMA) and to the authorization policy of
/// Linkerd or Istio, and report what cannot be migrated.
#[derive(Debug, Parser)]
#[command(name = "smi2gamma", version, max_term_width = 100, propagate_version = true)]
#[command(
    after_help = "No command changes a source or a cluster; start with `smi2gamma report DIR`.\nExit codes: 0 done, 1 a difference was found (diff --exit-code, verify, simulate --table), 2 no trustworthy result, 3 findings at or above --fail-on."
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
    /// Compare what SMI did with what routes do.
    Verify(VerifyArgs),
    /// Say what happens to one request, and which lines decide it.
    Simulate(SimulateArgs),
    /// Say what is left of SMI, what still acts on it, and which routes have no effect.
    Status(StatusArgs),
    /// Explain a finding: what it means, why it matters, what to do.
    Explain(ExplainArgs),
    /// Print the least rights that reading a cluster needs, as a role.
    Rbac(RbacArgs),
    /// Print a completion script for a shell.
    Completions(CompletionsArgs),
    /// Print the manual page.
    Man(ManArgs),
    /// Answer what kubectl asks to complete its own command line.
    #[command(name = "__complete", hide = true)]
    Complete(CompleteArgs),
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
    /// Files, directories, `-` for standard input, or `cluster:[CONTEXT]`.
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
    /// Do not compare the output with the input.
    #[arg(long, help_heading = "Decisions")]
    pub no_verify: bool,
    /// Decisions about policy.
    #[command(flatten)]
    pub policy: PolicyArgs,
    /// Configuration to use instead of the nearest smi2gamma.yaml.
    #[arg(long, value_name = "FILE", env = "SMI2GAMMA_CONFIG", hide_env_values = true, help_heading = "Decisions")]
    pub config: Option<PathBuf>,
    /// Use no configuration, whatever else names one.
    #[arg(long, help_heading = "Decisions")]
    pub no_config: bool,
    /// How clusters are reached.
    #[command(flatten)]
    pub cluster: ClusterArgs,
}

/// How clusters are reached, for `cluster:` and for what asks an API server.
#[derive(Clone, Debug, clap::Args)]
pub struct ClusterArgs {
    /// Context of the kubeconfig for `cluster:` without one.
    #[arg(long, value_name = "CONTEXT", help_heading = "Cluster")]
    pub context: Option<String>,
    /// Kubeconfig to use instead of the one that kubectl finds.
    #[arg(long, value_name = "FILE", help_heading = "Cluster")]
    pub kubeconfig: Option<PathBuf>,
    /// User to act as.
    #[arg(long = "as", value_name = "USER", help_heading = "Cluster")]
    pub as_user: Option<String>,
    /// Group to act as; repeatable.
    #[arg(long, value_name = "GROUP", requires = "as_user", help_heading = "Cluster")]
    pub as_group: Vec<String>,
    /// How long one call of kubectl may take, such as 30s or 2m; 0 stands for no limit.
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = duration, help_heading = "Cluster")]
    pub request_timeout: Duration,
    /// The kubectl to run.
    #[arg(
        long,
        value_name = "PATH",
        default_value = "kubectl",
        env = "KUBECTL",
        hide_env_values = true,
        help_heading = "Cluster"
    )]
    pub kubectl: PathBuf,
}

/// A duration as kubectl takes it, of one unit; a number alone is seconds.
fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.len() - text.trim_start_matches(|letter: char| letter.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let milliseconds = match unit {
        "ms" => 1,
        "" | "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => 0,
    };
    let number = number.parse::<u64>().ok().filter(|_| milliseconds > 0);
    let duration = number.and_then(|number| number.checked_mul(milliseconds)).map(Duration::from_millis);
    duration.ok_or_else(|| "write a number and one of ms, s, m or h, such as 30s".into())
}

impl ClusterArgs {
    /// The flags that were given, for a person to paste.
    fn words(&self) -> Vec<String> {
        let Self { context, kubeconfig, as_user, as_group, request_timeout: _, kubectl: _ } = self;
        let mut words = Vec::new();
        let mut flag = |name: &str, value: &str| words.push(format!("{name} {}", quoted(value)));
        context.iter().for_each(|context| flag("--context", context));
        kubeconfig.iter().for_each(|path| flag("--kubeconfig", &path.display().to_string()));
        as_user.iter().for_each(|user| flag("--as", user));
        as_group.iter().for_each(|group| flag("--as-group", group));
        words
    }
}

impl SourceArgs {
    /// The command that reports on the same sources under the same decisions, for a person to paste.
    #[must_use]
    pub fn report_command(&self, program: Program) -> String {
        let mut words = vec![format!("{} report", program.name())];
        let mut flag = |name: &str, value: &str| words.push(format!("{name} {}", quoted(value)));
        self.from.iter().for_each(|mesh| flag("--from", mesh));
        self.to.iter().for_each(|target| flag("--to", target));
        self.with.iter().for_each(|path| flag("--with", &path.display().to_string()));
        self.namespace.iter().for_each(|namespace| flag("-n", namespace));
        self.selector.iter().for_each(|selector| flag("-l", selector));
        self.service_port.iter().for_each(|pair| flag("--service-port", pair));
        self.unowned.iter().for_each(|name| flag("--unowned", name));
        let policy = self.policy.words();
        policy
            .iter()
            .filter_map(|(name, value)| Some((name, value.as_ref()?)))
            .for_each(|(name, value)| flag(name, value));
        self.config.iter().filter(|_| !self.no_config).for_each(|path| flag("--config", &path.display().to_string()));
        if self.max_file_size != DEFAULT_MAX_FILE_SIZE {
            flag("--max-file-size", &self.max_file_size.to_string());
        }
        let switches = [
            (self.all_namespaces, "-A"),
            (self.no_ignore, "--no-ignore"),
            (self.grpc_routes, "--grpc-routes"),
            (self.no_verify, "--no-verify"),
            (self.no_config, "--no-config"),
        ];
        words.extend(switches.into_iter().filter(|(on, _)| *on).map(|(_, name)| name.to_owned()));
        words.extend(policy.iter().filter(|(_, value)| value.is_none()).map(|(name, _)| (*name).to_owned()));
        words.extend(self.cluster.words());
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
    /// Ask the API server about each manifest, and store nothing.
    #[arg(long, help_heading = "Output")]
    pub server_dry_run: bool,
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

/// How two sides are read.
#[derive(Debug, clap::Args)]
pub struct SidesArgs {
    /// Context of both sides, such as Services; repeatable.
    #[arg(long, value_name = "SOURCE", help_heading = "Input")]
    pub with: Vec<PathBuf>,
    /// Read also what `.gitignore` and `.ignore` of the sources leave out.
    #[arg(long, help_heading = "Input")]
    pub no_ignore: bool,
    /// Largest file that is read, in MiB.
    #[arg(long, value_name = "MIB", default_value_t = DEFAULT_MAX_FILE_SIZE, help_heading = "Input")]
    pub max_file_size: u64,
    /// Whose reading of SMI applies: spec, osm, linkerd, traefik, nginx, consul, istio or flomesh.
    #[arg(long, value_name = "MESH", env = "SMI2GAMMA_FROM", hide_env_values = true, help_heading = "Decisions")]
    pub from: Option<String>,
    /// Whose engine reads the routes: gateway-api, linkerd, istio, istio-ambient, cilium, consul, kuma or network-policy.
    #[arg(
        long,
        value_name = "TARGET[@VERSION]",
        env = "SMI2GAMMA_TO",
        hide_env_values = true,
        help_heading = "Decisions"
    )]
    pub to: Option<String>,
    /// A port of a Service that is not in the input; repeatable.
    #[arg(long, value_name = "NAMESPACE/SERVICE=PORT", help_heading = "Decisions")]
    pub service_port: Vec<String>,
    /// Whether the source mesh enforced TrafficTargets, where no object of it says so.
    #[arg(long, value_enum, value_name = "ANSWER", help_heading = "Decisions")]
    pub enforced: Option<Answer>,
    /// Take for granted what routes need beside themselves: waypoints, appProtocol, cleared ServiceProfiles.
    #[arg(long, help_heading = "Decisions")]
    pub prepared: bool,
    /// Configuration to use instead of the nearest smi2gamma.yaml.
    #[arg(long, value_name = "FILE", env = "SMI2GAMMA_CONFIG", hide_env_values = true, help_heading = "Decisions")]
    pub config: Option<PathBuf>,
    /// Use no configuration, whatever else names one.
    #[arg(long, help_heading = "Decisions")]
    pub no_config: bool,
    /// How clusters are reached.
    #[command(flatten)]
    pub cluster: ClusterArgs,
}

/// `smi2gamma verify`
#[derive(Debug, clap::Args)]
pub struct VerifyArgs {
    /// SMI: a file, a directory, `-` for standard input, or `cluster:[CONTEXT]`.
    #[arg(value_name = "BEFORE")]
    pub before: PathBuf,
    /// Routes, in the same forms; they may be written by hand.
    #[arg(value_name = "AFTER")]
    pub after: PathBuf,
    /// A verdict that passes besides equal: narrower, wider, different, order-dependent or undecided; repeatable.
    #[arg(long, value_name = "VERDICT", help_heading = "Output")]
    pub allow: Vec<String>,
    /// Format of the answer.
    #[arg(short, long, value_enum, default_value_t = VerdictFormat::Text, value_name = "FORMAT", help_heading = "Output")]
    pub output: VerdictFormat,
    /// How both are read.
    #[command(flatten)]
    pub sides: SidesArgs,
    /// Who calls without a grant.
    #[command(flatten)]
    pub callers: CallerArgs,
}

/// A format of verdicts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum VerdictFormat {
    /// For people.
    Text,
    /// For programs.
    Json,
    /// For a pull request.
    Markdown,
}

/// `smi2gamma simulate`
#[derive(Debug, clap::Args)]
pub struct SimulateArgs {
    /// SMI, routes or both: files, directories, `-`, or `cluster:[CONTEXT]`; then the method and the path.
    #[arg(value_name = "SOURCE|METHOD|PATH", required = true)]
    pub words: Vec<String>,
    /// Routes that are not among the sources; repeatable.
    #[arg(long, value_name = "SOURCE", help_heading = "Input")]
    pub after: Vec<PathBuf>,
    /// A table of requests with the answers they must have, in YAML, instead of one request.
    #[arg(long, value_name = "FILE", help_heading = "Request")]
    pub table: Option<PathBuf>,
    /// Who sends the request: a ServiceAccount, or a SPIFFE identity; without one, any client in the cluster.
    #[arg(long, value_name = "NAMESPACE/SERVICEACCOUNT", help_heading = "Request")]
    pub source: Option<String>,
    /// The port of the Service that it is sent to.
    #[arg(long, value_name = "NAMESPACE/SERVICE:PORT", help_heading = "Request")]
    pub to_service: Option<String>,
    /// A header of it; repeatable.
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE", help_heading = "Request")]
    pub headers: Vec<String>,
    /// Format of the answer.
    #[arg(short, long, value_enum, default_value_t = StatusFormat::Text, value_name = "FORMAT", help_heading = "Output")]
    pub output: StatusFormat,
    /// How both sides are read.
    #[command(flatten)]
    pub sides: SidesArgs,
}

/// `smi2gamma explain`
#[derive(Debug, clap::Args)]
pub struct ExplainArgs {
    /// The code of a finding, as in `error[CODE]`; without one, all codes are listed.
    #[arg(value_name = "CODE")]
    pub code: Option<String>,
}

/// `smi2gamma status`
#[derive(Debug, clap::Args)]
pub struct StatusArgs {
    /// Files, directories, `-`, or `cluster:[CONTEXT]`; the current cluster without one.
    #[arg(value_name = "SOURCE")]
    pub sources: Vec<PathBuf>,
    /// A SOURCE in kubectl's spelling; repeatable.
    #[arg(short = 'f', long = "filename", value_name = "SOURCE", help_heading = "Input")]
    pub filenames: Vec<PathBuf>,
    /// Count only objects of this namespace.
    #[arg(short, long, value_name = "NAMESPACE", conflicts_with = "all_namespaces", help_heading = "Input")]
    pub namespace: Option<String>,
    /// Count objects of all namespaces (the default).
    #[arg(short = 'A', long, help_heading = "Input")]
    pub all_namespaces: bool,
    /// Format of the answer.
    #[arg(short, long, value_enum, default_value_t = StatusFormat::Text, value_name = "FORMAT", help_heading = "Output")]
    pub output: StatusFormat,
    /// How clusters are reached.
    #[command(flatten)]
    pub cluster: ClusterArgs,
}

/// A format of the answer of `status`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum StatusFormat {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// `smi2gamma rbac`
#[derive(Debug, clap::Args)]
pub struct RbacArgs {
    /// Also the rights that policy for this target needs.
    #[arg(long, value_name = "TARGET[@VERSION]", help_heading = "Decisions")]
    pub to: Option<String>,
    /// Rights in this namespace only, as a Role.
    #[arg(short, long, value_name = "NAMESPACE", help_heading = "Output")]
    pub namespace: Option<String>,
}

/// `smi2gamma completions`
#[derive(Debug, clap::Args)]
pub struct CompletionsArgs {
    /// The shell.
    #[arg(value_enum, value_name = "SHELL")]
    pub shell: clap_complete::Shell,
}

/// `smi2gamma man`
#[derive(Debug, clap::Args)]
pub struct ManArgs {
    /// Write a page for each command into this directory instead of one to standard output.
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    pub output_dir: Option<PathBuf>,
}

/// `smi2gamma __complete`
#[derive(Debug, clap::Args)]
pub struct CompleteArgs {
    /// What was typed after the plugin's name.
    #[arg(value_name = "WORD", trailing_var_arg = true, allow_hyphen_values = true)]
    pub words: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(line: &str) -> String {
        match Args::try_parse_from(line.split(' ')).expect("a command line").command {
            Command::Convert(convert) => convert.source.report_command(Program::Own),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_command_to_paste_reads_the_same_sources_under_the_same_decisions() {
        assert_eq!(command("smi2gamma convert a -f b"), "smi2gamma report a b");
        let line =
            "smi2gamma convert --from osm --to istio@1.27 --with ctx.json -n shop -l a=b --unowned web --no-config .";
        assert_eq!(command(line), line.replace("convert", "report"));
        assert_eq!(
            command("smi2gamma convert --service-port shop/*=80 x"),
            "smi2gamma report --service-port 'shop/*=80' x"
        );
    }
}
