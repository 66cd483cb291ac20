//! Compares what SMI did with what routes do, exactly and offline.
//!
//! Two evaluators stand here that know nothing of the conversion. `before` answers from the typed SMI objects and the
//! inventory, by the rows of one source mesh's table; `after` answers from manifests, as one target's engine reads them.
//! Both answer a single request directly, which is what [`simulate`] shows. [`verify`] asks both of one request out of
//! each region that no match on either side tells apart, so its verdict holds for every request of the domain.
//!
//! What must not come in: `model`, `convert`, `target`, `settle`. A misreading there and a misreading here are two
//! different mistakes, which is why they find each other. A test reads the paths that this room uses.
//!
//! - `request`: who, to whom, what
//! - `verdict`: answers and how they compare
//! - `world`: what is deployed together
//! - `before`, `after`: the evaluators; `after/engines` holds what differs by mesh
//! - `region`: from terms to representative requests

pub mod access;
pub mod after;
pub mod before;
pub mod pods;
pub mod region;
pub mod request;
pub mod speaks;
pub mod verdict;
pub mod world;

use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

pub use access::{ACCESS_DOMAIN, AccessOptions, Guard};
pub use after::After;
pub use after::access::policy;
pub use before::Before;
pub use before::access::Grants;
pub use pods::{Account, PodPort};
pub use region::Terms;
pub use request::{Destination, Field, Request, ServiceName, ServicePort, Source};
pub use verdict::{
    Access, Answer, Assumption, Backend, Cause, DOMAIN, Decision, Relation, Route, Shares, Verdict, Witness,
};
pub use world::{Deployed, Manifest, World};

/// One side of a comparison.
pub trait Side: Sync {
    /// The Services about whose requests it has something to say.
    fn roots(&self) -> BTreeSet<ServiceName>;

    /// The ports of a Service that it knows of or names.
    fn ports(&self, service: &ServiceName) -> BTreeSet<u16>;

    /// What it does with the requests to one port of a Service.
    fn judge(&self, at: &ServicePort) -> Box<dyn Judge + '_>;
}

/// What one side does at one destination.
pub trait Judge {
    /// What it asks of requests, for the regions.
    ///
    /// # Errors
    /// Why that cannot be said exactly, for instance an expression that is none.
    fn terms(&self) -> Result<Terms, String>;

    /// What it does with a request, under `given`; what it took for granted is added to `assumed`.
    fn answer(&self, request: &Request, given: &Given, assumed: &mut BTreeSet<Assumption>) -> Answer;
}

/// What an evaluator may take for granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    /// Services that are not in the input.
    pub services: Absent,
    /// Ports have the appProtocol that the target needs, waypoints stand where it needs them, and what would shadow a
    /// route is cleared.
    pub prepared: bool,
}

/// What a Service is that is not in the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absent {
    /// It exists somewhere else, with every port it is asked for.
    Exists,
    /// It does not exist.
    Missing,
}

/// How to verify.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The input is all there is (a cluster): a Service that is not in it does not exist.
    pub whole: bool,
    /// As [`Given::prepared`].
    pub prepared: bool,
    /// Only these Services; none: all.
    pub only: Option<BTreeSet<ServiceName>>,
    /// Ports of Services that neither side knows.
    pub ports: BTreeMap<ServiceName, BTreeSet<u16>>,
}

/// What one side does with one request.
#[must_use]
pub fn simulate(side: &dyn Side, request: &Request, given: &Given) -> (Answer, BTreeSet<Assumption>) {
    let mut assumed = BTreeSet::new();
    let answer = match &request.to {
        Destination::Service(at) => side.judge(at).answer(request, given, &mut assumed),
        Destination::Workload { .. } => Answer::Undecided("access to a workload is not modelled yet".into()),
    };
    (answer, assumed)
}

/// How `after` stands to `before` at each port of each Service that either of them routes, by name.
#[must_use]
pub fn verify(before: &dyn Side, after: &dyn Side, options: &Options) -> Vec<Verdict> {
    let (own, other) = (before.roots(), after.roots());
    let wanted = |root: &ServiceName| {
        options.only.as_ref().is_none_or(|only| {
            let bare = ServiceName { namespace: None, name: root.name.clone() };
            only.contains(root)
                || only.contains(&bare)
                || (root.namespace.is_none() && only.iter().any(|one| one.may_be(root)))
        })
    };
    let named = |side: &BTreeSet<ServiceName>| -> BTreeSet<String> {
        side.iter().filter(|root| root.namespace.is_some()).map(|root| root.name.clone()).collect()
    };
    let (own_named, other_named) = (named(&own), named(&other));
    // A Service whose namespace one side does not know is the one that the other side names, unless the first knows that
    // one too.
    let apart = |root: &ServiceName, same: &BTreeSet<String>, across: &BTreeSet<String>| {
        root.namespace.is_some() || same.contains(&root.name) || !across.contains(&root.name)
    };
    let mut roots: BTreeSet<ServiceName> = BTreeSet::new();
    roots.extend(own.iter().filter(|root| apart(root, &own_named, &other_named)).cloned());
    roots.extend(other.iter().filter(|root| apart(root, &other_named, &own_named)).cloned());
    roots.retain(wanted);
    let roots: Vec<ServiceName> = roots.into_iter().collect();
    roots.par_iter().flat_map_iter(|root| verify_root(before, after, root, options)).collect()
}

fn verify_root(before: &dyn Side, after: &dyn Side, root: &ServiceName, options: &Options) -> Vec<Verdict> {
    let mut ports = before.ports(root);
    ports.extend(after.ports(root));
    ports.extend(options.ports.iter().filter(|(service, _)| service.may_be(root)).flat_map(|(_, ports)| ports));
    if ports.is_empty() {
        let at = ServicePort { service: root.clone(), port: 0 };
        return vec![Verdict {
            destination: Destination::Service(at),
            relation: Relation::Undecided,
            domain: BTreeSet::new(),
            witness: None,
            why: Some(format!("the ports of Service {root} are not known: give its manifest")),
        }];
    }
    ports
        .into_iter()
        .map(|port| verify_at(before, after, &ServicePort { service: root.clone(), port }, options))
        .collect()
}

/// How `after` stands to `before` at one port of a Service. Where it matters whether a Service exists that is not in the input, both are tried: the better one stands,
/// with what it takes for granted in its domain.
#[must_use]
pub fn verify_at(before: &dyn Side, after: &dyn Side, at: &ServicePort, options: &Options) -> Verdict {
    let (one, other) = (before.judge(at), after.judge(at));
    let under = |services| {
        let given = Given { services, prepared: options.prepared };
        region::compare(at, one.as_ref(), other.as_ref(), &given)
    };
    if options.whole {
        return under(Absent::Missing);
    }
    let exists = under(Absent::Exists);
    let matters = exists.domain.iter().any(|assumption| matches!(assumption, Assumption::Exists(_)));
    if exists.relation == Relation::Equal || !matters {
        return exists;
    }
    let missing = under(Absent::Missing);
    if missing.relation == Relation::Equal { missing } else { exists }
}
