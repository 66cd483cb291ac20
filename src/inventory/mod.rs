//! What stands beside SMI in a scope: Services and their ports, existing routes, owners, profiles, and the marks of a
//! mesh.
//!
//! SMI names things without saying what they are; this room answers. It reads the documents that are *not* SMI, takes
//! from each only what a later room asks for, and converts nothing. Lookups never guess: two different answers are
//! [`Lookup::Ambiguous`].

pub mod caller;
mod index;
pub mod kinds;
pub mod mode;
pub mod policy;
pub mod selector;
#[cfg(test)]
mod tests;
pub mod workload;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use self::index::{Index, Posted};
use crate::place::Place;

pub use caller::{Caller, CallerKind, Chosen, Namespaces, Reach};
pub use kinds::{
    Canary, Entry, Evidence, Exposure, GatewayRoute, Port, Rollout, Service, ServiceProfile, Transport, VirtualService,
};
pub use mode::{Mention, Mode};
pub use policy::{Policy, PolicyTarget, Waypoint};
pub use selector::Selector;
pub use workload::{Check, ContainerPort, Namespace, Probe, ProbeKind, ProbeRole, Unread, Unreadable, Workload};

/// Everything known about one scope.
#[derive(Clone, Debug, Default)]
pub struct Inventory {
    services: Vec<Service>,
    services_by_name: Index,
    services_by_selector: Posted,
    profiles: HashMap<String, Vec<ServiceProfile>>,
    routes: Vec<GatewayRoute>,
    hosts: HashMap<String, Vec<VirtualService>>,
    canaries: Vec<Canary>,
    rollouts: Vec<Rollout>,
    evidence: BTreeMap<String, Evidence>,
    group_users: HashMap<String, Vec<(String, Place)>>,
    workloads: Vec<Workload>,
    workloads_by_account: Index,
    workloads_by_label: Index,
    callers: Vec<Caller>,
    /// By the name of the Service, or `Kind/name` of the workload, that they reach.
    callers_by_name: Index,
    callers_by_service_labels: Posted,
    callers_by_pod_labels: Posted,
    namespaces: Vec<Namespace>,
    policies: Vec<Policy>,
    waypoints: Vec<Waypoint>,
    modes: Vec<Mode>,
    mentions: Vec<Mention>,
    unreadable: Vec<Unreadable>,
}

/// The answer to a question about one named thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lookup<T> {
    /// Exactly one answer.
    Found(T),
    /// Several answers that differ.
    Ambiguous(T, T),
    /// Not in the scope.
    Missing,
}

// === impl Inventory ===

impl Inventory {
    /// An inventory of entries as a scope deploys them (see [`Entry::put_into`]).
    pub fn new(entries: impl IntoIterator<Item = Entry>) -> Self {
        let mut inventory = Self::default();
        for entry in entries {
            match entry {
                Entry::Service(service) => inventory.services.push(service),
                Entry::ServiceProfile(profile) => {
                    inventory.profiles.entry(profile.service_name().to_owned()).or_default().push(profile);
                }
                Entry::GatewayRoute(route) => inventory.routes.push(route),
                Entry::VirtualService(service) => {
                    for host in &service.hosts {
                        let name = host.split('.').next().unwrap_or(host);
                        inventory.hosts.entry(name.to_owned()).or_default().push(service.clone());
                    }
                }
                Entry::Canary(canary) => inventory.canaries.push(canary),
                Entry::Rollout(rollout) => inventory.rollouts.push(rollout),
                Entry::Evidence(evidence) => {
                    inventory.evidence.entry(evidence.source_mesh.clone()).or_insert(evidence);
                }
                Entry::GroupUser { group, user, place } => {
                    inventory.group_users.entry(group).or_default().push((user, place));
                }
                Entry::Workload(workload) => inventory.workloads.push(workload),
                Entry::Namespace(namespace) => inventory.namespaces.push(namespace),
                Entry::Caller(caller) => inventory.callers.push(caller),
                Entry::Policy(policy) => inventory.policies.push(policy),
                Entry::Waypoint(waypoint) => inventory.waypoints.push(waypoint),
                Entry::Mode(mode) => inventory.modes.push(mode),
                Entry::Mention(mention) => inventory.mentions.push(mention),
                Entry::Unreadable(unreadable) => inventory.unreadable.push(unreadable),
            }
        }
        inventory.index();
        inventory
    }

    fn index(&mut self) {
        for (at, service) in self.services.iter().enumerate() {
            self.services_by_name.put(&service.name, service.namespace.as_deref(), at);
        }
        let selectors = self.services.iter().enumerate();
        self.services_by_selector = Posted::new(
            selectors.filter_map(|(at, service)| Some((at, service.namespace.as_deref(), service.selector.as_ref()?))),
        );
        for (at, workload) in self.workloads.iter().enumerate() {
            let namespace = workload.namespace.as_deref();
            self.workloads_by_account.put(&workload.account, namespace, at);
            self.workloads_by_label.put("", namespace, at);
            for (key, value) in &workload.labels {
                self.workloads_by_label.put(&index::pair(key, value), namespace, at);
            }
        }
        for (at, caller) in self.callers.iter().enumerate() {
            let own = caller.namespace.as_deref();
            match &caller.reaches {
                Reach::Service { namespace, name, port: _ } => {
                    self.callers_by_name.put(name, namespace.as_deref().or(own), at);
                }
                Reach::Workload { kind, name, port: _ } => {
                    self.callers_by_name.put(&format!("{kind}/{name}"), own, at);
                }
                Reach::Services(_) | Reach::Pods(_) => {}
            }
        }
        let callers = || self.callers.iter().enumerate();
        self.callers_by_service_labels = Posted::new(callers().filter_map(|(at, caller)| match &caller.reaches {
            Reach::Services(chosen) => Some((at, None, &chosen.selector.labels)),
            Reach::Pods(_) | Reach::Service { .. } | Reach::Workload { .. } => None,
        }));
        self.callers_by_pod_labels = Posted::new(callers().filter_map(|(at, caller)| match &caller.reaches {
            Reach::Pods(chosen) => Some((at, None, &chosen.selector.labels)),
            Reach::Services(_) | Reach::Service { .. } | Reach::Workload { .. } => None,
        }));
    }

    /// The Service `name` in `namespace` (none: not known). A manifest that names no namespace stands for any.
    #[must_use]
    pub fn service(&self, namespace: Option<&str>, name: &str) -> Lookup<&Service> {
        one_of(self.services_by_name.best(name, namespace).into_iter().map(|at| &self.services[at]))
    }

    /// The ServiceProfiles of the Service `name` in `namespace`.
    #[must_use]
    pub fn profiles(&self, namespace: Option<&str>, name: &str) -> Vec<&ServiceProfile> {
        let profiles = self.profiles.get(name).map(Vec::as_slice).unwrap_or_default().iter();
        let here = |profile: &&ServiceProfile| match (namespace, profile.service_namespace()) {
            (Some(wanted), Some(found)) => wanted == found,
            _ => true,
        };
        profiles.filter(here).collect()
    }

    /// The VirtualServices that claim the host of the Service `name` in `namespace`.
    #[must_use]
    pub fn virtual_services(&self, namespace: Option<&str>, name: &str) -> Vec<&VirtualService> {
        self.hosts
            .get(name)
            .map(Vec::as_slice)
            .unwrap_or_default()
            .iter()
            .filter(|service| service.claims(namespace, name))
            .collect()
    }

    /// The Gateway API routes of the scope that were there already.
    #[must_use]
    pub fn routes(&self) -> &[GatewayRoute] {
        &self.routes
    }

    /// The Flagger Canaries of the scope.
    #[must_use]
    pub fn canaries(&self) -> &[Canary] {
        &self.canaries
    }

    /// The Argo Rollouts of the scope.
    #[must_use]
    pub fn rollouts(&self) -> &[Rollout] {
        &self.rollouts
    }

    /// Strong evidence of source meshes, by mesh, one piece each.
    #[must_use]
    pub fn evidence(&self) -> Vec<&Evidence> {
        self.evidence.values().collect()
    }

    /// Objects of vendors that refer to the HTTPRouteGroup `name`.
    #[must_use]
    pub fn users_of_group(&self, name: &str) -> &[(String, Place)] {
        self.group_users.get(name).map_or(&[], Vec::as_slice)
    }

    // --- workloads ---

    /// Everything that makes pods. Two manifests of one object are two entries.
    #[must_use]
    pub fn workloads(&self) -> &[Workload] {
        &self.workloads
    }

    /// The workloads that run as `account`, as loose on a namespace as [`Inventory::service`]: those in `namespace`, and only
    /// if there is none, those that name no namespace.
    #[must_use]
    pub fn workloads_of(&self, namespace: Option<&str>, account: &str) -> Vec<&Workload> {
        self.workloads_by_account.best(account, namespace).into_iter().map(|at| &self.workloads[at]).collect()
    }

    /// Every workload that may be in `namespace` and whose pods have these labels, whatever account they run as. One that
    /// names no namespace may be in any: this answers whether labels select too much.
    #[must_use]
    pub fn selected_by(&self, namespace: Option<&str>, labels: &BTreeMap<String, String>) -> Vec<&Workload> {
        let postings = |key: &str| self.workloads_by_label.may(key, namespace);
        let fewest = labels.iter().map(|(key, value)| postings(&index::pair(key, value))).min_by_key(Vec::len);
        let candidates = fewest.unwrap_or_else(|| postings(""));
        let candidates = candidates.into_iter().map(|at| &self.workloads[at]);
        candidates.filter(|workload| selector::is_part(labels, &workload.labels)).collect()
    }

    /// Every workload that may be in `namespace`.
    #[must_use]
    pub fn workloads_in(&self, namespace: Option<&str>) -> Vec<&Workload> {
        self.selected_by(namespace, &BTreeMap::new())
    }

    /// The Services that may select the pods of `workload`.
    #[must_use]
    pub fn services_of(&self, workload: &Workload) -> Vec<&Service> {
        self.services_selecting(workload.namespace.as_deref(), &workload.labels)
    }

    /// The Services that may select pods with these labels.
    #[must_use]
    pub fn services_selecting(&self, namespace: Option<&str>, labels: &BTreeMap<String, String>) -> Vec<&Service> {
        let candidates = self.services_by_selector.may(labels, namespace);
        let candidates = candidates.into_iter().map(|at| &self.services[at]);
        let selects =
            |service: &&Service| service.selector.as_ref().is_some_and(|selector| selector::is_part(selector, labels));
        candidates.filter(selects).collect()
    }

    /// The workloads that `service` may select.
    #[must_use]
    pub fn workloads_behind(&self, service: &Service) -> Vec<&Workload> {
        let selected = service.selector.as_ref().map(|labels| self.selected_by(service.namespace.as_deref(), labels));
        selected.unwrap_or_default()
    }

    /// What may hold or change a workload of `namespace` and could not be read. As long as there is something, nothing may
    /// be said of all workloads of the namespace.
    #[must_use]
    pub fn unreadable(&self, namespace: Option<&str>) -> Vec<&Unreadable> {
        let may = |found: &&Unreadable| may_be(found.namespace.as_deref(), namespace);
        self.unreadable.iter().filter(may).collect()
    }

    /// Whether everything that may hold a workload of `namespace` was read.
    #[must_use]
    pub fn complete(&self, namespace: Option<&str>) -> bool {
        self.unreadable(namespace).is_empty()
    }

    // --- callers ---

    /// Everyone who reaches something without a grant of SMI, also where it leads to nothing that is known.
    #[must_use]
    pub fn callers(&self) -> &[Caller] {
        &self.callers
    }

    /// Who may reach the pods of `workload` without a grant of SMI, in written order: by its own ports, by its labels, and
    /// through the Services that select it.
    #[must_use]
    pub fn callers_of(&self, workload: &Workload) -> Vec<&Caller> {
        let namespace = workload.namespace.as_deref();
        let own = format!("{}/{}", workload.kind, workload.name);
        let mut found: BTreeSet<usize> = self.callers_by_name.may(&own, namespace).into_iter().collect();
        found.extend(self.choosing(&self.callers_by_pod_labels, &workload.labels, namespace));
        for service in self.services_of(workload) {
            found.extend(self.callers_of_service_at(service));
        }
        found.into_iter().map(|at| &self.callers[at]).collect()
    }

    /// Who may reach `service` without a grant of SMI, in written order.
    #[must_use]
    pub fn callers_of_service(&self, service: &Service) -> Vec<&Caller> {
        let found: BTreeSet<usize> = self.callers_of_service_at(service).into_iter().collect();
        found.into_iter().map(|at| &self.callers[at]).collect()
    }

    fn callers_of_service_at(&self, service: &Service) -> Vec<usize> {
        let namespace = service.namespace.as_deref();
        let mut found = self.callers_by_name.may(&service.name, namespace);
        found.extend(self.choosing(&self.callers_by_service_labels, &service.labels, namespace));
        found
    }

    /// The callers among `posted` whose selector takes `labels` in `namespace`.
    fn choosing(&self, posted: &Posted, labels: &BTreeMap<String, String>, namespace: Option<&str>) -> Vec<usize> {
        let takes = |at: &usize| {
            let caller = &self.callers[*at];
            let (Reach::Services(chosen) | Reach::Pods(chosen)) = &caller.reaches else { return false };
            let here = match &chosen.namespaces {
                Namespaces::Own => may_be(caller.namespace.as_deref(), namespace),
                Namespaces::Named(names) => names.iter().any(|name| may_be(Some(name), namespace)),
                Namespaces::Any => true,
            };
            here && chosen.selector.selects(labels)
        };
        posted.may(labels, None).into_iter().filter(takes).collect()
    }

    // --- namespaces, policy, meshes ---

    /// The Namespaces of the scope.
    #[must_use]
    pub fn namespaces(&self) -> &[Namespace] {
        &self.namespaces
    }

    /// The manifests of the Namespace called `name`.
    pub fn namespace(&self, name: &str) -> impl Iterator<Item = &Namespace> {
        self.namespaces.iter().filter(move |namespace| namespace.name == name)
    }

    /// The policy of target meshes that is there already.
    #[must_use]
    pub fn policies(&self) -> &[Policy] {
        &self.policies
    }

    /// The policies whose selector may take the pods of `workload`.
    #[must_use]
    pub fn policies_of(&self, workload: &Workload) -> Vec<&Policy> {
        let here = |policy: &&Policy| may_be(policy.namespace.as_deref(), workload.namespace.as_deref());
        let selects = |policy: &&Policy| policy.selector.as_ref().is_some_and(|found| found.selects(&workload.labels));
        self.policies.iter().filter(here).filter(selects).collect()
    }

    /// The waypoints of Istio.
    #[must_use]
    pub fn waypoints(&self) -> &[Waypoint] {
        &self.waypoints
    }

    /// The waypoint that takes the requests to `service`, as `namespace/name` or, where nothing says the namespace, `name`:
    /// `istio.io/use-waypoint` of the Service, else of its Namespace (istio 1.30
    /// `pilot/pkg/serviceregistry/kube/controller/ambient/waypoints.go`). None where it has none, or `none`.
    #[must_use]
    pub fn waypoint_of(&self, service: &Service) -> Option<String> {
        let space = service.namespace.as_deref();
        let around = space.into_iter().flat_map(|name| self.namespace(name)).map(|namespace| &namespace.labels);
        let labels = std::iter::once(&service.labels).chain(around).find(|labels| labels.contains_key(USE_WAYPOINT))?;
        let name = labels.get(USE_WAYPOINT).filter(|name| name.as_str() != "none")?;
        let space = labels.get(USE_WAYPOINT_NAMESPACE).map(String::as_str).or(space);
        Some(space.map_or_else(|| name.clone(), |space| format!("{space}/{name}")))
    }

    /// Whether `istio.io/dataplane-mode` puts the pods of `workload` into Istio's ambient mesh: their own label, else that of
    /// their Namespace. None where nothing says so.
    #[must_use]
    pub fn is_ambient(&self, workload: &Workload) -> Option<bool> {
        let space = workload.namespace.as_deref();
        let around = space.into_iter().flat_map(|name| self.namespace(name)).map(|namespace| &namespace.labels);
        let mode = std::iter::once(&workload.labels).chain(around).find_map(|labels| labels.get(DATAPLANE_MODE));
        mode.map(|mode| mode == "ambient")
    }

    /// The switches of source meshes that were found.
    #[must_use]
    pub fn modes(&self) -> &[Mode] {
        &self.modes
    }

    /// Where hosts are written that only a source mesh served.
    #[must_use]
    pub fn mentions(&self) -> &[Mention] {
        &self.mentions
    }

    /// Where a host is written that stands for `service` and that only a source mesh served.
    pub fn mentions_of(&self, service: &Service) -> impl Iterator<Item = &Mention> {
        self.mentions.iter().filter(|mention| {
            mention.service.as_ref().is_some_and(|name| *name == service.name)
                && may_be(mention.service_namespace.as_deref(), service.namespace.as_deref())
        })
    }
}

/// istio.io/api@1.30 `label/labels.gen.go`.
const USE_WAYPOINT: &str = "istio.io/use-waypoint";
/// istio.io/api@1.30 `label/labels.gen.go`.
const USE_WAYPOINT_NAMESPACE: &str = "istio.io/use-waypoint-namespace";
/// istio.io/api@1.30 `label/labels.gen.go`.
const DATAPLANE_MODE: &str = "istio.io/dataplane-mode";

/// Whether two namespaces may be one; one that is not known may be any.
fn may_be(one: Option<&str>, other: Option<&str>) -> bool {
    one.is_none() || other.is_none() || one == other
}

/// The one answer among candidates, if they all say the same.
fn one_of<'a>(mut candidates: impl Iterator<Item = &'a Service>) -> Lookup<&'a Service> {
    let Some(first) = candidates.next() else { return Lookup::Missing };
    let others: Vec<&Service> = candidates.filter(|other| !other.same_meaning(first)).collect();
    // One that is called at other ports says more than one that only names them otherwise.
    match others.iter().find(|other| !other.same_ports(first)).or(others.first()) {
        Some(other) => Lookup::Ambiguous(first, other),
        None => Lookup::Found(first),
    }
}
