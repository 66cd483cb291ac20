//! Pods as access sees them: what leads to one of their ports, and what speaks there.
//!
//! Shared by both sides, since it is no reading of SMI or of policy: how a Service finds its pods is Kubernetes' own.

use std::collections::BTreeSet;
use std::fmt;

use super::request::{Destination, Request, same_namespace};
use super::speaks::{self, Speaks};
use crate::inventory::{Check, ContainerPort, Inventory, Port, Probe, Service, Transport, Workload};

/// A ServiceAccount whose pods are called.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Account {
    /// Its namespace; none where nothing says.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
}

/// One port of the pods of a workload.
#[derive(Clone, Copy, Debug)]
pub struct PodPort<'p> {
    /// Services and the rest beside the pods.
    pub inventory: &'p Inventory,
    /// What makes the pods.
    pub workload: &'p Workload,
    /// The port.
    pub port: u16,
}

// === impl Account ===

impl Account {
    /// The account of a workload.
    #[must_use]
    pub fn of(workload: &Workload) -> Self {
        Self { namespace: workload.namespace.clone(), name: workload.account.clone() }
    }

    /// Whether both may be one: a namespace that is not known stands for any.
    #[must_use]
    pub fn may_be(&self, other: &Self) -> bool {
        self.name == other.name && same_namespace(self.namespace.as_deref(), other.namespace.as_deref())
    }

    /// As the destination of requests to one of its ports, or of a verdict.
    #[must_use]
    pub fn destination(&self, port: Option<u16>) -> Destination {
        Destination::Workload { namespace: self.namespace.clone(), service_account: self.name.clone(), port }
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{namespace}/{}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

// === impl PodPort ===

impl<'p> PodPort<'p> {
    /// The account of the pods.
    #[must_use]
    pub fn account(&self) -> Account {
        Account::of(self.workload)
    }

    /// The Services that select the pods.
    #[must_use]
    pub fn services(&self) -> Vec<&'p Service> {
        self.inventory.services_of(self.workload)
    }

    /// The Services and their ports that lead to the port.
    #[must_use]
    pub fn led_to_by(&self) -> Vec<(&'p Service, &'p Port)> {
        let ports =
            self.services().into_iter().flat_map(|service| service.ports.iter().map(move |port| (service, port)));
        ports.filter(|(_, port)| port.transport == Transport::Tcp && leads_to(port, self.workload, self.port)).collect()
    }

    /// The port of a container, where one declares it for TCP.
    #[must_use]
    pub fn container_port(&self) -> Option<&'p ContainerPort> {
        self.workload.ports.iter().find(|port| port.number == self.port && port.transport == Transport::Tcp)
    }

    /// What the Services say of the port; none where they say nothing.
    ///
    /// # Errors
    /// Where they contradict each other.
    pub fn declared(&self) -> Result<Option<Speaks>, String> {
        self.one_of(self.led_to_by().into_iter().filter_map(|(_, port)| speaks::declared(port)))
    }

    /// The one answer of several.
    pub(super) fn one_of(&self, said: impl Iterator<Item = Speaks>) -> Result<Option<Speaks>, String> {
        let mut found = None;
        for one in said {
            if found.is_some_and(|known| known != one) {
                let (port, account) = (self.port, self.account());
                return Err(format!("Services contradict each other about what speaks on port {port} of {account}"));
            }
            found = Some(one);
        }
        Ok(found)
    }

    /// What the kubelet sends to the port.
    #[must_use]
    pub fn checks(&self) -> BTreeSet<Check> {
        let probes = self.workload.probes.iter().filter(|probe| probe.port == Some(self.port));
        probes.filter_map(Probe::check).collect()
    }

    /// Whether a request is one that the kubelet sends.
    #[must_use]
    pub fn is_check(&self, request: &Request) -> bool {
        self.checks().iter().any(|check| asks(check, request))
    }
}

/// Whether a request is this one of the kubelet.
#[must_use]
pub fn asks(check: &Check, request: &Request) -> bool {
    match check.request() {
        Some((method, path)) => request.method == method && request.path == path,
        None => request.is_connection(),
    }
}

/// Whether a port of a Service leads to a port of the pods: by number, by the name of a container's port, or, without a
/// `targetPort`, by its own number.
#[must_use]
pub fn leads_to(port: &Port, workload: &Workload, number: u16) -> bool {
    match port.target.as_deref() {
        None => port.number == number,
        Some(target) => match target.parse::<u16>() {
            Ok(target) => target == number,
            Err(_) => named(workload, target).contains(&number),
        },
    }
}

/// The TCP ports of the containers that have this name.
#[must_use]
pub fn named(workload: &Workload, name: &str) -> BTreeSet<u16> {
    let ports = workload.ports.iter().filter(|port| port.transport == Transport::Tcp);
    ports.filter(|port| port.name.as_deref() == Some(name)).map(|port| port.number).collect()
}
