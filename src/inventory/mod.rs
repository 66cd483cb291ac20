//! What stands beside SMI in a scope: Services and their ports, existing routes, owners, profiles, and the marks of a
//! mesh.
//!
//! SMI names things without saying what they are; this room answers. It reads the documents that are *not* SMI, takes
//! from each only what a later room asks for, and converts nothing. Lookups never guess: two different answers are
//! [`Lookup::Ambiguous`].

pub mod kinds;

use std::collections::{BTreeMap, HashMap};

use crate::place::Place;

pub use kinds::{Canary, Entry, Evidence, GatewayRoute, Port, Rollout, Service, ServiceProfile, Transport, VirtualService};

/// Everything known about one scope.
#[derive(Clone, Debug, Default)]
pub struct Inventory<'a> {
    services: HashMap<&'a str, Vec<&'a Service>>,
    profiles: HashMap<&'a str, Vec<&'a ServiceProfile>>,
    routes: Vec<&'a GatewayRoute>,
    hosts: HashMap<&'a str, Vec<&'a VirtualService>>,
    canaries: Vec<&'a Canary>,
    rollouts: Vec<&'a Rollout>,
    evidence: BTreeMap<&'a str, &'a Evidence>,
    group_users: HashMap<&'a str, Vec<(&'a str, Place)>>,
    namespace: Option<String>,
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

impl<'a> Inventory<'a> {
    /// An inventory of `entries`. `namespace` is the namespace that the scope puts every object into (kustomize's
    /// `namespace:`), if it does.
    pub fn new(entries: impl IntoIterator<Item = &'a Entry>, namespace: Option<String>) -> Self {
        let mut inventory = Self { namespace, ..Self::default() };
        for entry in entries {
            match entry {
                Entry::Service(service) => inventory.services.entry(&service.name).or_default().push(service),
                Entry::ServiceProfile(profile) => {
                    inventory.profiles.entry(profile.service_name()).or_default().push(profile);
                }
                Entry::GatewayRoute(route) => inventory.routes.push(route),
                Entry::VirtualService(service) => {
                    for host in &service.hosts {
                        let name = host.split('.').next().unwrap_or(host);
                        inventory.hosts.entry(name).or_default().push(service);
                    }
                }
                Entry::Canary(canary) => inventory.canaries.push(canary),
                Entry::Rollout(rollout) => inventory.rollouts.push(rollout),
                Entry::Evidence(evidence) => {
                    inventory.evidence.entry(&evidence.source_mesh).or_insert(evidence);
                }
                Entry::GroupUser { group, user, place } => {
                    inventory.group_users.entry(group).or_default().push((user, *place));
                }
            }
        }
        inventory
    }

    /// The namespace that an object of this scope ends in: the scope's own, else the one written.
    #[must_use]
    pub fn namespace<'n>(&'n self, written: Option<&'n str>) -> Option<&'n str> {
        self.namespace.as_deref().or(written)
    }

    /// The Service `name` in `namespace` (none: not written). A manifest that names no namespace stands for any.
    #[must_use]
    pub fn service(&self, namespace: Option<&str>, name: &str) -> Lookup<&'a Service> {
        let Some(all) = self.services.get(name) else { return Lookup::Missing };
        let exact: Vec<_> = all.iter().copied().filter(|service| self.namespace(service.namespace.as_deref()) == namespace).collect();
        let candidates = if !exact.is_empty() {
            exact
        } else if namespace.is_none() {
            all.clone()
        } else {
            all.iter().copied().filter(|service| self.namespace(service.namespace.as_deref()).is_none()).collect()
        };
        let Some((first, rest)) = candidates.split_first() else { return Lookup::Missing };
        match rest.iter().find(|other| !other.same_meaning(first)) {
            Some(other) => Lookup::Ambiguous(first, other),
            None => Lookup::Found(first),
        }
    }

    /// The ServiceProfiles of the Service `name` in `namespace`.
    pub fn profiles(&self, namespace: Option<&str>, name: &str) -> impl Iterator<Item = &'a ServiceProfile> {
        let profiles = self.profiles.get(name).cloned().unwrap_or_default();
        let namespace = namespace.map(str::to_owned);
        profiles.into_iter().filter(move |profile| match (&namespace, profile.service_namespace()) {
            (Some(wanted), Some(found)) => wanted == found,
            _ => true,
        })
    }

    /// The VirtualServices that claim the host of the Service `name` in `namespace`.
    pub fn virtual_services(&self, namespace: Option<&str>, name: &str) -> Vec<&'a VirtualService> {
        self.hosts.get(name).cloned().unwrap_or_default().into_iter().filter(|service| service.claims(namespace, name)).collect()
    }

    /// The Gateway API routes of the scope that were there already.
    #[must_use]
    pub fn routes(&self) -> &[&'a GatewayRoute] {
        &self.routes
    }

    /// The Flagger Canaries of the scope.
    #[must_use]
    pub fn canaries(&self) -> &[&'a Canary] {
        &self.canaries
    }

    /// The Argo Rollouts of the scope.
    #[must_use]
    pub fn rollouts(&self) -> &[&'a Rollout] {
        &self.rollouts
    }

    /// Strong evidence of source meshes, by mesh, one piece each.
    #[must_use]
    pub fn evidence(&self) -> Vec<&'a Evidence> {
        self.evidence.values().copied().collect()
    }

    /// Objects of vendors that refer to the HTTPRouteGroup `name`.
    #[must_use]
    pub fn users_of_group(&self, name: &str) -> &[(&'a str, Place)] {
        self.group_users.get(name).map_or(&[], Vec::as_slice)
    }
}
