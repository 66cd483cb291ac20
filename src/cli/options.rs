//! From flags, environment and configuration to plain options.

use anyhow::{Context, Result, anyhow, bail};
use std::collections::{BTreeMap, BTreeSet};
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use super::args::{ClusterArgs, SidesArgs, SourceArgs};
use super::policy::CallerArgs;
use super::program::Program;
use super::{config, policy};
use crate::convert::{GivenPorts, Settings};
use crate::filter::{Filter, Requirement};
use crate::mappings;
use crate::prove::access::Known;
use crate::report::Chosen;
use crate::run::Options;
use crate::scan::cluster::{ClusterOptions, Reading};
use crate::scan::kubectl::Access;
use crate::scan::{self, Input};
use crate::sides::Inputs;
use crate::target::Profile;
use crate::verify::ServiceName;

/// The target without `--to`: the standard itself.
const DEFAULT_TARGET: &str = "gateway-api";

/// Plain options for a run.
pub fn options(args: &SourceArgs, program: Program) -> Result<Options> {
    let mut inputs = inputs(&args.sources, &args.filenames, &args.cluster)?;
    if inputs.is_empty() && program == Program::Own {
        bail!(
            "nothing to read: name a file, a directory, `-` for standard input, or `cluster:`, for instance `smi2gamma report .`"
        );
    }
    inputs = or_the_cluster(inputs, program)?;
    let first = inputs.iter().find_map(|input| match input {
        Input::Path(path) => Some(path.as_path()),
        Input::Stdin | Input::Cluster(_) => None,
    });
    let loaded = if args.no_config { config::Loaded::default() } else { config::load(args.config.as_deref(), first)? };
    let file = loaded.path.as_ref().map(|path| path.display().to_string()).unwrap_or_default();
    let config = loaded.config;
    let losses = policy::losses(config.losses, &loaded.text, &file)?;
    let policy = policy::settings(&args.policy, &config.policy, losses, &file)?;

    let from = chosen_mesh(args.from.as_ref(), config.from.as_ref(), &file)?;
    let (to, to_because) = match (&args.to, &config.to) {
        (Some(name), _) => (name.as_str(), "--to".to_owned()),
        (None, Some(name)) => (name.as_str(), file.clone()),
        (None, None) => (DEFAULT_TARGET, "the default".to_owned()),
    };
    let to = Profile::parse(to).with_context(|| to_because.clone())?;

    let mut cluster = cluster_options(&args.cluster, args.namespace.as_ref(), args.all_namespaces);
    cluster.reading = reading(&to);

    let mut given = BTreeMap::new();
    for (service, ports) in &config.service_ports {
        let key = service_name(service).with_context(|| format!("servicePorts in {file}"))?;
        given.insert(key, ports.iter().map(|port| port.get()).collect());
    }
    let mut flagged: BTreeMap<(String, String), Vec<u16>> = BTreeMap::new();
    for pair in &args.service_port {
        let (service, port) = given_port(pair)?;
        flagged.entry(service).or_default().push(port);
    }
    given.extend(flagged);

    let mebibytes = args.max_file_size;
    Ok(Options {
        scan: scan::Options {
            sources: inputs,
            with: self::inputs(&args.with, &[], &args.cluster)?,
            max_file_size: mebibytes.saturating_mul(1 << 20),
            no_ignore: args.no_ignore,
            cluster,
        },
        from,
        to,
        to_because,
        settings: Settings {
            given_ports: GivenPorts { ports: given },
            grpc_routes: args.grpc_routes || config.grpc_routes,
        },
        policy,
        unowned: args.unowned.iter().chain(&config.unowned).cloned().collect(),
        filter: Filter {
            namespace: args.namespace.clone(),
            labels: Requirement::parse_all(args.selector.as_deref().unwrap_or_default()).context("-l")?,
        },
        verify: !args.no_verify,
    })
}

/// Plain options for two sides.
pub fn sides(args: &SidesArgs, callers: &CallerArgs, before: Vec<Input>, after: Vec<Input>) -> Result<Inputs> {
    let stdin = before.iter().chain(&after).filter(|input| **input == Input::Stdin).count();
    if stdin > 1 {
        bail!("standard input can be read once: give `-` for one side only");
    }
    let first = before.iter().find_map(|input| match input {
        Input::Path(path) => Some(path.as_path()),
        Input::Stdin | Input::Cluster(_) => None,
    });
    let loaded = if args.no_config { config::Loaded::default() } else { config::load(args.config.as_deref(), first)? };
    let file = loaded.path.as_ref().map(|path| path.display().to_string()).unwrap_or_default();
    let from = chosen_mesh(args.from.as_ref(), loaded.config.from.as_ref(), &file)?;
    let to = args.to.as_deref().or(loaded.config.to.as_deref()).unwrap_or(DEFAULT_TARGET);
    let to = Profile::parse(to)?;
    let mut cluster = cluster_options(&args.cluster, None, true);
    cluster.reading = reading(&to);
    let mut ports: BTreeMap<ServiceName, BTreeSet<u16>> = BTreeMap::new();
    for pair in &args.service_port {
        let ((namespace, name), port) = given_port(pair)?;
        let service = ServiceName { namespace: Some(namespace).filter(|namespace| !namespace.is_empty()), name };
        ports.entry(service).or_default().insert(port);
    }
    Ok(Inputs {
        scan: scan::Options {
            sources: before,
            with: inputs(&args.with, &[], &args.cluster)?,
            max_file_size: args.max_file_size.saturating_mul(1 << 20),
            no_ignore: args.no_ignore,
            cluster,
        },
        after,
        from,
        to,
        ports,
        prepared: args.prepared,
        enforced: policy::enforced(args.enforced, &loaded.config.policy),
        callers: policy::callers(callers, &loaded.config.policy, &file)?.values().flat_map(Known::senders).collect(),
    })
}

fn chosen_mesh(flag: Option<&String>, config: Option<&String>, file: &str) -> Result<Option<Chosen>> {
    let from = match (flag, config) {
        (Some(name), _) => Some(Chosen { name: name.clone(), because: "--from".into() }),
        (None, Some(name)) => Some(Chosen { name: name.clone(), because: file.to_owned() }),
        (None, None) => None,
    };
    if let Some(Chosen { name, because }) = &from
        && mappings::source(name).is_none()
    {
        let known: Vec<&str> = mappings::sources().iter().map(|mesh| mesh.name.as_str()).collect();
        bail!("{because}: there is no source mesh `{name}`; known are {}", known.join(", "));
    }
    Ok(from)
}

fn given_port(pair: &str) -> Result<((String, String), u16)> {
    let (service, port) = pair.split_once('=').ok_or_else(|| port_error(pair))?;
    let port = port.parse().ok().filter(|&port: &u16| port > 0).ok_or_else(|| port_error(pair))?;
    Ok((service_name(service).context("--service-port")?, port))
}

/// The sources as they were named.
pub fn inputs(sources: &[PathBuf], filenames: &[PathBuf], cluster: &ClusterArgs) -> Result<Vec<Input>> {
    sources.iter().chain(filenames).map(|path| input(path, cluster)).collect()
}

fn input(path: &Path, cluster: &ClusterArgs) -> Result<Input> {
    let Some(context) = path.to_str().and_then(|text| text.strip_prefix("cluster:")) else {
        return Ok(if path == Path::new("-") { Input::Stdin } else { Input::Path(path.to_path_buf()) });
    };
    match &cluster.context {
        Some(other) if !context.is_empty() && context != other => {
            bail!("`cluster:{context}` and `--context {other}` name two clusters; keep one of them")
        }
        _ => Ok(Input::Cluster(Some(context.to_owned()).filter(|context| !context.is_empty()))),
    }
}

/// The current cluster where nothing was named.
///
/// # Errors
/// If data is piped in, so that nobody can say which of the two is meant.
pub fn or_the_cluster(inputs: Vec<Input>, program: Program) -> Result<Vec<Input>> {
    if !inputs.is_empty() {
        return Ok(inputs);
    }
    if data_is_piped_in() {
        bail!(
            "standard input is not a terminal, so it is not clear what to read: add `-` to read what is piped in \
             (`... | {name} report -`), or `cluster:` to read the cluster (`{name} report cluster:`)",
            name = program.name()
        );
    }
    Ok(vec![Input::Cluster(None)])
}

/// A pipe, or a file that is not empty; `/dev/null` is neither.
#[cfg(unix)]
fn data_is_piped_in() -> bool {
    use std::os::fd::AsFd;
    use std::os::unix::fs::FileTypeExt;
    let stdin = std::io::stdin();
    let metadata = stdin.as_fd().try_clone_to_owned().and_then(|fd| std::fs::File::from(fd).metadata());
    !stdin.is_terminal()
        && metadata.is_ok_and(|metadata| {
            let kind = metadata.file_type();
            kind.is_fifo() || kind.is_socket() || (kind.is_file() && metadata.len() > 0)
        })
}

#[cfg(not(unix))]
fn data_is_piped_in() -> bool {
    !std::io::stdin().is_terminal()
}

/// How clusters are read.
pub fn cluster_options(args: &ClusterArgs, namespace: Option<&String>, all_namespaces: bool) -> ClusterOptions {
    let ClusterArgs { context, kubeconfig, as_user, as_group, request_timeout, kubectl } = args.clone();
    ClusterOptions {
        access: Access {
            program: kubectl,
            kubeconfig,
            context,
            user: as_user,
            groups: as_group,
            timeout: Some(request_timeout).filter(|timeout| !timeout.is_zero()),
        },
        namespace: namespace.cloned(),
        all_namespaces,
        reading: Reading::Convert,
    }
}

/// What a cluster is read for, to convert it for `to`.
pub fn reading(to: &Profile) -> Reading {
    if to.policy().is_some() { Reading::Policy(&to.target.name) } else { Reading::Convert }
}

fn service_name(text: &str) -> Result<(String, String)> {
    match text.split_once('/') {
        Some((namespace, name)) if !name.is_empty() => Ok((namespace.to_owned(), name.to_owned())),
        None if !text.is_empty() => Ok((String::new(), text.to_owned())),
        _ => Err(anyhow!(
            "`{text}` names no Service: write NAMESPACE/SERVICE, NAMESPACE/* for all of a namespace, or SERVICE where the manifests \
             name no namespace"
        )),
    }
}

fn port_error(pair: &str) -> anyhow::Error {
    anyhow!("--service-port: `{pair}` is not NAMESPACE/SERVICE=PORT with a port from 1 to 65535")
}
