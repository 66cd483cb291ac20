//! What has no grant: closed when the user asks for it, last, and only in a namespace where everything is settled.
//!
//! SMI denies what no TrafficTarget allows, also at workloads that no TrafficTarget names. Policy that does so cuts off
//! whoever was overlooked, so that a single open question in the namespace keeps it from being written.

use std::collections::BTreeSet;

use super::callers::{CallerClass, Named};
use super::closures::existing;
use super::destination::Destination;
use super::{Around, Closure, SourceReading};
use crate::code;
use crate::inventory::Workload;
use crate::manifest::Manifest;
use crate::place::Place;
use crate::report::{Finding, ObjectId};
use crate::target::Policy;

/// The grants of one namespace's destinations.
#[derive(Debug, Default)]
pub(super) struct Granted<'d> {
    /// The accounts whose closures stand.
    pub accounts: BTreeSet<&'d str>,
    /// The objects of those.
    pub origins: BTreeSet<usize>,
}

/// The pods of a namespace that no grant is about.
#[derive(Clone, Debug)]
pub struct Rest<'r> {
    /// The namespace.
    pub namespace: &'r str,
    /// A closure without permissions for each account whose pods can be selected. Where nothing was enforced, it is held.
    pub closures: Vec<Closure<'static>>,
    /// The other accounts, and why their pods cannot be selected.
    pub unselected: Vec<(String, Finding)>,
    /// Nothing was enforced: policy only reports.
    pub reports: bool,
    /// What is written in this run, whose names are taken.
    pub beside: Vec<&'r ObjectId>,
}

/// What closes the rest of a namespace.
#[derive(Clone, Debug, Default)]
pub struct Closed {
    /// The policy, in the order in which to apply it.
    pub manifests: Vec<Manifest>,
    /// What stays open, and what a person should know.
    pub findings: Vec<Finding>,
}

/// What is to be said and written of the rest of `namespace`; `unsettled` is a grant of it that is not converted.
pub(super) fn close(
    namespace: &str,
    granted: &Granted<'_>,
    unsettled: Option<(String, Place)>,
    beside: Vec<&ObjectId>,
    reading: SourceReading,
    policy: &dyn Policy,
    around: Around<'_>,
) -> Closed {
    if let Some((why, place)) = unsettled.or_else(|| open_question(namespace, granted, around)) {
        let message = format!("namespace `{namespace}` does not deny by default: {why}");
        let finding = Finding::new(code!("default-deny-withheld"), message).at(place);
        let finding = finding.help("settle that first, then convert again with `--default-deny`");
        return Closed { findings: vec![finding], ..Closed::default() };
    }
    let mut closed = policy.default_deny(&rest(namespace, granted, beside, reading, around), around);
    if !reading.enforced {
        closed.findings.push(reports(namespace, closed.manifests.is_empty(), around));
    }
    closed
}

fn reports(namespace: &str, nothing: bool, around: Around<'_>) -> Finding {
    let message = match nothing {
        false => format!("what denies the rest of namespace `{namespace}` only reports"),
        true => format!(
            "nothing denies the rest of namespace `{namespace}`, and {} has no policy that only reports that",
            around.profile.title()
        ),
    };
    Finding::new(code!("default-deny-reports"), message)
        .note("the source mesh did not enforce TrafficTargets")
        .help("say `--enforced yes` to have the policy enforce")
}

/// What is said of a namespace whose rest nobody asked to close.
pub(super) fn left(namespace: &str) -> Finding {
    let message = format!("what has no grant stays open in namespace `{namespace}`");
    Finding::new(code!("default-deny-left"), message)
        .note("SMI denies what no TrafficTarget allows; policy is written for the destinations of grants only")
        .help("once the destinations work, say `--default-deny` to deny the rest")
}

/// What could be cut off beside the grants.
fn open_question(namespace: &str, granted: &Granted<'_>, around: Around<'_>) -> Option<(String, Place)> {
    let inventory = around.inventory;
    if let Some(unread) = inventory.unreadable(Some(namespace)).first() {
        return Some((format!("{} could not be read", unread.what), unread.place));
    }
    let may_be_called = |workload: &&Workload| {
        let named = |how| around.settings.callers.get(&CallerClass::of(how)) == Some(&Named::None);
        !inventory.callers_of(workload).iter().all(|caller| named(caller.how))
    };
    let workloads = ungranted(namespace, granted, around).into_iter();
    let called = workloads.map(|(_, workload)| workload).find(may_be_called)?;
    Some((format!("{} may be called without a grant", called.display()), called.place))
}

/// The workloads of accounts without a grant, with their accounts.
fn ungranted<'i>(namespace: &str, granted: &Granted<'_>, around: Around<'i>) -> Vec<(&'i str, &'i Workload)> {
    let workloads = around.inventory.workloads_in(Some(namespace)).into_iter();
    workloads
        .map(|workload| (workload.account.as_str(), workload))
        .filter(|(account, _)| !granted.accounts.contains(account))
        .collect()
}

fn rest<'r>(
    namespace: &'r str,
    granted: &Granted<'_>,
    beside: Vec<&'r ObjectId>,
    reading: SourceReading,
    around: Around<'_>,
) -> Rest<'r> {
    let mut rest = Rest { namespace, closures: Vec::new(), unselected: Vec::new(), reports: !reading.enforced, beside };
    let mut seen = BTreeSet::new();
    for (account, workload) in ungranted(namespace, granted, around) {
        if !seen.insert(account) {
            continue;
        }
        let (place, protocol) = (workload.place, reading.protocol);
        let destination = Destination { namespace, account, given: None, place, protocol };
        let workloads = destination.workloads(around.inventory).and_then(|workloads| {
            match existing(namespace, &workloads, place, around) {
                Some(finding) => Err(Box::new(finding)),
                None => Ok(workloads),
            }
        });
        match workloads {
            Ok(workloads) => rest.closures.push(Closure {
                namespace: namespace.to_owned(),
                account: account.to_owned(),
                workloads,
                permissions: Vec::new(),
                held: rest.reports,
            }),
            Err(finding) => rest.unselected.push((account.to_owned(), *finding)),
        }
    }
    rest
}
