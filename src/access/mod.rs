//! From grants to closures: what may reach which pods, as a whole.
//!
//! The first policy that a mesh enforces at a destination denies everyone whom it does not name. So the unit is the
//! destination with all its grants: where one of them cannot be converted, or somebody reaches the pods whom no grant
//! names, nothing enforcing leaves this room for it. Which words say a closure is decided in `target`, one file per mesh.

pub mod callers;
mod closures;
pub mod destination;
pub mod elsewhere;
pub mod loss;
mod permit;
mod rest;

use std::collections::{BTreeMap, BTreeSet};

use crate::inventory::{Check, Inventory};
use crate::manifest::Manifest;
use crate::mappings::{Overlap, ProtocolReading};
use crate::model::grant::{Account, Grant, Principal, Requests};
use crate::place::Place;
use crate::report::{Finding, ObjectId};
use crate::target::Profile;

pub use callers::{CallerClass, Named};
pub use closures::convert;
pub use loss::{AcceptedLoss, Loss, Nearest, Side};
pub use rest::{Closed, Rest};

/// One grant to convert.
#[derive(Clone, Debug)]
pub struct Item<'a> {
    /// The caller's number of the TrafficTarget.
    pub object: usize,
    /// The TrafficTarget.
    pub id: &'a ObjectId,
    /// The objects whose content the grant carries: the TrafficTarget, the groups and routes that it refers to.
    pub from: Vec<&'a ObjectId>,
    /// What it means.
    pub grant: Grant,
    /// Where its name is written.
    pub place: Place,
}

/// A TrafficTarget of the scope that is not converted: what it allows must not be cut off either.
#[derive(Clone, Debug)]
pub struct Kept<'a> {
    /// The TrafficTarget.
    pub id: &'a ObjectId,
    /// Where its name is written.
    pub place: Place,
    /// Its destination, as far as it is known; none: it may be any account of the namespace.
    pub destination: Option<Account>,
    /// The namespace that the TrafficTarget ends in.
    pub namespace: Option<String>,
}

/// How the source mesh read what is not a property of one grant.
#[derive(Clone, Copy, Debug)]
pub struct SourceReading {
    /// How the protocol of a port was decided.
    pub protocol: ProtocolReading,
    /// What overlapping grants of one destination came to.
    pub overlap: Overlap,
    /// Whether the grants were enforced.
    pub enforced: bool,
}

/// What became of the grants of a scope.
#[derive(Clone, Debug, Default)]
pub struct Conversion {
    /// The policy, each manifest with the grants whose closure it belongs to; what denies by default is last.
    pub manifests: Vec<(Vec<usize>, Manifest)>,
    /// What was found, by object.
    pub findings: Vec<(usize, Finding)>,
    /// What was found and belongs to no object.
    pub general: Vec<Finding>,
}

/// All that takes effect together at one destination.
#[derive(Clone, Debug)]
pub struct Closure<'a> {
    /// The namespace of the pods and of every policy about them.
    pub namespace: String,
    /// The ServiceAccount that the pods run as.
    pub account: String,
    /// The pods, by label sets that select no other account's pods; never none.
    pub workloads: Vec<Workloads>,
    /// The grants; none where nobody may call.
    pub permissions: Vec<Permission<'a>>,
    /// Something keeps it from being enforced, or nothing was enforced before: only what audits is written for it.
    pub held: bool,
}

/// Pods of one label set.
#[derive(Clone, Debug)]
pub struct Workloads {
    /// What a selector has to name.
    pub labels: BTreeMap<String, String>,
    /// The ports that these pods listen on, as containers and Services declare them, sorted by number.
    pub ports: Vec<PodPort>,
    /// Whether the pods are known to listen on nothing else: all containers declare ports.
    pub ports_complete: bool,
    /// The Services that select them: names in `namespace`, sorted.
    pub services: Vec<String>,
}

/// A port that pods listen on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodPort {
    /// Its number.
    pub number: u16,
    /// What the source mesh took it for.
    pub protocol: PortProtocol,
    /// The Services and their ports that lead to it.
    pub services: BTreeSet<(String, u16)>,
    /// What the kubelet sends to it, sorted.
    pub checks: BTreeSet<Check>,
}

/// What a source mesh took a port for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PortProtocol {
    /// Requests are seen.
    Http,
    /// Only connections are.
    Opaque,
    /// Datagrams.
    Udp,
}

/// One grant as it applies to a closure.
#[derive(Clone, Debug)]
pub struct Permission<'a> {
    /// The caller's number of the TrafficTarget; none for a caller that the user named (`--ingress`, `--scraper`).
    pub object: Option<usize>,
    /// The objects whose content it carries: the TrafficTarget, and the groups and routes that it refers to.
    pub from: Vec<&'a ObjectId>,
    /// Who may call; never none.
    pub sources: Vec<(Principal, Place)>,
    /// What is allowed on ports that speak HTTP, by pod port; ports without an entry take nothing of this grant.
    pub http: BTreeMap<u16, Requests>,
    /// The ports that may be called with anything, where they do not speak HTTP.
    pub opaque: BTreeSet<u16>,
    /// The UDP ports that may be called.
    pub udp: BTreeSet<u16>,
    /// The grant names no port: it holds for ports that nothing declares as well.
    pub every_port: bool,
    /// Where the destination is written.
    pub place: Place,
}

/// What a mesh's policy says of a closure.
#[derive(Clone, Debug, Default)]
pub struct Written {
    /// The policy, in the order in which to apply it; none for a closure that is held, or where `refusals` holds anything.
    pub manifests: Vec<Manifest>,
    /// Its audit form instead, where the target has one.
    pub audit: Vec<Manifest>,
    /// What the target cannot say, and no accepted loss covers: the closure is held. By object.
    pub refusals: Vec<(usize, Finding)>,
    /// What a person should know, by object: accepted losses among it.
    pub findings: Vec<(usize, Finding)>,
}

/// What a mesh's policy is written beside.
#[derive(Clone, Copy, Debug)]
pub struct Around<'a> {
    /// What stands beside SMI.
    pub inventory: &'a Inventory,
    /// The target.
    pub profile: &'a Profile,
    /// The routes of this conversion.
    pub routes: &'a [(Vec<usize>, Manifest)],
    /// Decisions of the user.
    pub settings: &'a Settings,
}

/// What the user decided about policy.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// The trust domain of the target mesh, where its policy must name one.
    pub trust_domain: Option<String>,
    /// Losses that were accepted in the configuration.
    pub losses: Vec<AcceptedLoss>,
    /// Labels of the pods of accounts that no workload of the input runs as, by namespace and account.
    pub workloads: BTreeMap<(String, String), BTreeMap<String, String>>,
    /// Who calls without a grant.
    pub callers: BTreeMap<CallerClass, Named>,
    /// Whether the source mesh enforced TrafficTargets, where the user said so.
    pub enforced: Option<bool>,
    /// Hosts that only the source mesh served are used no more, as the user said.
    pub hosts_moved: bool,
    /// Deny by default in the namespaces of the destinations.
    pub default_deny: bool,
}
