//! From flags, environment and configuration to plain options.

use anyhow::{Context, Result, anyhow, bail};
use std::collections::BTreeMap;
use std::path::Path;

use super::args::SourceArgs;
use super::config;
use crate::convert::{GivenPorts, Settings};
use crate::filter::{Filter, Requirement};
use crate::mappings;
use crate::report::Chosen;
use crate::run::Options;
use crate::scan::{self, Input};
use crate::target::Profile;

/// The target without `--to`: the standard itself.
const DEFAULT_TARGET: &str = "gateway-api";

/// Plain options for a run.
pub fn options(args: &SourceArgs) -> Result<Options> {
    let inputs: Vec<Input> = args.sources.iter().chain(&args.filenames).map(|path| input(path)).collect();
    if inputs.is_empty() {
        bail!(
            "nothing to read: name a file, a directory, or `-` for standard input, for instance `smi2gamma report .`"
        );
    }
    let first = inputs.iter().find_map(|input| match input {
        Input::Path(path) => Some(path.as_path()),
        Input::Stdin => None,
    });
    let loaded = if args.no_config { config::Loaded::default() } else { config::load(args.config.as_deref(), first)? };
    let file = loaded.path.as_ref().map(|path| path.display().to_string()).unwrap_or_default();
    let config = loaded.config;

    let from = match (&args.from, &config.from) {
        (Some(name), _) => Some(Chosen { name: name.clone(), because: "--from".into() }),
        (None, Some(name)) => Some(Chosen { name: name.clone(), because: file.clone() }),
        (None, None) => None,
    };
    if let Some(Chosen { name, because }) = &from
        && mappings::source(name).is_none()
    {
        let known: Vec<&str> = mappings::sources().iter().map(|mesh| mesh.name.as_str()).collect();
        bail!("{because}: there is no source mesh `{name}`; known are {}", known.join(", "));
    }
    let (to, to_because) = match (&args.to, &config.to) {
        (Some(name), _) => (name.as_str(), "--to".to_owned()),
        (None, Some(name)) => (name.as_str(), file.clone()),
        (None, None) => (DEFAULT_TARGET, "the default".to_owned()),
    };
    let to = Profile::parse(to).with_context(|| to_because.clone())?;

    let mut given = BTreeMap::new();
    for (service, ports) in &config.service_ports {
        let key = service_name(service).with_context(|| format!("servicePorts in {file}"))?;
        given.insert(key, ports.iter().map(|port| port.get()).collect());
    }
    let mut flagged: BTreeMap<(String, String), Vec<u16>> = BTreeMap::new();
    for pair in &args.service_port {
        let (service, port) = pair.split_once('=').ok_or_else(|| port_error(pair))?;
        let port = port.parse().ok().filter(|&port: &u16| port > 0).ok_or_else(|| port_error(pair))?;
        flagged.entry(service_name(service).context("--service-port")?).or_default().push(port);
    }
    given.extend(flagged);

    let mebibytes = args.max_file_size;
    Ok(Options {
        scan: scan::Options {
            sources: inputs,
            with: args.with.iter().map(|path| input(path)).collect(),
            max_file_size: mebibytes.saturating_mul(1 << 20),
            no_ignore: args.no_ignore,
        },
        from,
        to,
        to_because,
        settings: Settings {
            given_ports: GivenPorts { ports: given },
            grpc_routes: args.grpc_routes || config.grpc_routes,
        },
        unowned: args.unowned.iter().chain(&config.unowned).cloned().collect(),
        filter: Filter {
            namespace: args.namespace.clone(),
            labels: Requirement::parse_all(args.selector.as_deref().unwrap_or_default()).context("-l")?,
        },
    })
}

fn input(path: &Path) -> Input {
    if path == Path::new("-") { Input::Stdin } else { Input::Path(path.to_path_buf()) }
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
