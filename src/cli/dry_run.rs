//! `convert --server-dry-run`: what the API server says to each manifest. Nothing is stored.

use anyhow::{Result, bail};
use serde_json::Value;

use super::output::{Stream, Terminal};
use crate::manifest::Manifest;
use crate::scan::cluster::ClusterOptions;
use crate::scan::kubectl::{Failure, Kubectl, in_parallel};
use crate::yaml::emit;

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The API server would take all of them.
    Accepted,
    /// It refused at least one.
    Refused,
}

/// Asks the API server about each manifest and says its answers on standard error.
///
/// # Errors
/// If the API server cannot be asked at all.
pub(super) fn server_dry_run(
    manifests: &[&Manifest],
    options: &ClusterOptions,
    terminal: &Terminal,
) -> Result<Verdict> {
    let kubectl = Kubectl::new(&options.access);
    let answers = in_parallel(manifests, |Manifest { id, value, effect: _ }| {
        let mut args = vec!["apply", "--dry-run=server", "--validate=strict", "--output=name", "--filename=-"];
        let namespace = options.namespace.as_ref().filter(|_| id.namespace.is_none());
        let namespace = namespace.map(|name| format!("--namespace={name}"));
        args.extend(namespace.as_deref());
        kubectl.feed(&args, Some(&emit::to_yaml(std::slice::from_ref::<Value>(value))))
    });
    let mut verdict = Verdict::Accepted;
    for (Manifest { id, .. }, answer) in manifests.iter().zip(answers) {
        let line = match answer {
            Ok(_) => format!("accepted {id}"),
            Err(Failure::Denied(said) | Failure::NotServed(said) | Failure::Failed(said)) => {
                verdict = Verdict::Refused;
                format!("refused {id}: {said}")
            }
            Err(failure) => bail!("the API server was not asked about {id}: {failure}"),
        };
        let line: String = line.chars().filter(|letter| !letter.is_control()).collect();
        terminal.write(Stream::Err, &format!("{line}\n"))?;
    }
    Ok(verdict)
}
