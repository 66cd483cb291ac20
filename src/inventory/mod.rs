//! What stands beside SMI in a scope: Services and their ports, existing routes, owners, profiles, and the marks of a
//! mesh.
//!
//! SMI names things without saying what they are; this room answers. It reads the documents that are *not* SMI, takes
//! from each only what a later room asks for, and converts nothing. Lookups never guess: two different answers are
//! [`Lookup::Ambiguous`].

pub mod kinds;

use std::collections::{BTreeMap, HashMap};

use crate::place::Place;

pub use kinds::{
    Canary, Entry, Evidence, GatewayRoute, Port, Rollout, Service, ServiceProfile, Transport, VirtualService,
};

/// Everything known about one scope.
#[derive(Clone, Debug, Default)]
pub struct Inventory {
    services: HashMap<String, Vec<Service>>,
    profiles: HashMap<String, Vec<ServiceProfile>>,
    routes: Vec<GatewayRoute>,
    hosts: HashMap<String, Vec<VirtualService>>,
    canaries: Vec<Canary>,
    rollouts: Vec<Rollout>,
    evidence: BTreeMap<String, Evidence>,
    group_users: HashMap<String, Vec<(String, Place)>>,
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
                Entry::Service(service) => inventory.services.entry(service.name.clone()).or_default().push(service),
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
            }
        }
        inventory
    }

    /// The Service `name` in `namespace` (none: not known). A manifest that names no namespace stands for any.
    #[must_use]
    pub fn service(&self, namespace: Option<&str>, name: &str) -> Lookup<&Service> {
        let Some(all) = self.services.get(name) else { return Lookup::Missing };
        let exactly = |service: &&Service| service.namespace.as_deref() == namespace;
        let loosely = |service: &&Service| namespace.is_none() || service.namespace.is_none();
        let mut candidates = all.iter().filter(exactly).peekable();
        if candidates.peek().is_some() { one_of(candidates) } else { one_of(all.iter().filter(loosely)) }
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
}

/// The one answer among candidates, if they all say the same.
fn one_of<'a>(mut candidates: impl Iterator<Item = &'a Service>) -> Lookup<&'a Service> {
    let Some(first) = candidates.next() else { return Lookup::Missing };
    match candidates.find(|other| !other.same_meaning(first)) {
        Some(other) => Lookup::Ambiguous(first, other),
        None => Lookup::Found(first),
    }
}
