//! The meaning of a TrafficTarget under one source mesh's reading: who may send what to whom.
//!
//! One TrafficTarget is one [`Grant`]: its rules are alternatives of one permission. Whatever a mesh read in its own way
//! (anchoring, rules without matches, what a port number counts, what a TCPRoute says of an HTTP port) is decided here, so
//! that later rooms see one normal form.

use std::collections::{BTreeMap, BTreeSet};

use super::RequestPattern;
use crate::mappings::UnservedPorts;
use crate::place::Place;

/// Who sends or receives.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Principal {
    /// A Kubernetes ServiceAccount.
    Account(Account),
    /// A SPIFFE ID with its scheme, as an IdentityBinding names it: `spiffe://cluster.local/ns/shop/sa/web`.
    Spiffe(String),
    /// The pods of a namespace that carry all these labels, as an IdentityBinding selects them.
    Pods {
        /// Where they run; none where nothing says.
        namespace: Option<String>,
        /// The labels, never none.
        labels: BTreeMap<String, String>,
    },
}

/// A ServiceAccount by name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Account {
    /// Where it is; none where nothing says.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
}

/// Port numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ports {
    /// Every one.
    Every,
    /// These; without any, none.
    Only(BTreeSet<u16>),
}

/// What a port number of SMI counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Numbering {
    /// Ports that the pods listen on.
    Pod,
    /// Ports of the Services that select the pods.
    Service,
}

/// Which requests are allowed on a port that speaks HTTP.
#[derive(Clone, Debug)]
pub enum Requests {
    /// All of them.
    Every,
    /// Those that satisfy one of the patterns; without any, none.
    Any(Vec<RequestPattern>),
}

/// One permission of a TrafficTarget.
#[derive(Clone, Debug)]
pub struct Grant {
    /// Who is called. Several of them are alternatives (the schemes of an IdentityBinding).
    pub destination: Vec<Principal>,
    /// Who may call, never none.
    pub sources: Vec<(Principal, Place)>,
    /// What the numbers of `http_ports`, `opaque_ports` and `udp_ports` count.
    pub numbering: Numbering,
    /// The ports on which `requests` are allowed, where they speak HTTP.
    pub http_ports: Ports,
    /// What is allowed on them.
    pub requests: Requests,
    /// The ports that may be called with anything, where they do not speak HTTP.
    pub opaque_ports: Ports,
    /// The UDP ports that may be called.
    pub udp_ports: Ports,
    /// What it did at ports of the pods that no Service leads to, where Services select them.
    pub unserved: UnservedPorts,
    /// Where the destination is written.
    pub place: Place,
}

// === impl Ports ===

impl Ports {
    /// No port.
    #[must_use]
    pub fn none() -> Self {
        Self::Only(BTreeSet::new())
    }

    /// Whether `number` is one of them.
    #[must_use]
    pub fn has(&self, number: u16) -> bool {
        match self {
            Self::Every => true,
            Self::Only(numbers) => numbers.contains(&number),
        }
    }

    /// Those that are in both.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::Every, ports) | (ports, Self::Every) => ports.clone(),
            (Self::Only(left), Self::Only(right)) => Self::Only(left.intersection(right).copied().collect()),
        }
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_none(&self) -> bool {
        matches!(self, Self::Only(numbers) if numbers.is_empty())
    }
}

// === impl Requests ===

impl Requests {
    /// No request.
    #[must_use]
    pub fn none() -> Self {
        Self::Any(Vec::new())
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_none(&self) -> bool {
        matches!(self, Self::Any(patterns) if patterns.is_empty())
    }
}

// === impl Account ===

impl Account {
    /// `namespace/name`, or `name` where no namespace is known.
    #[must_use]
    pub fn display(&self) -> String {
        match &self.namespace {
            Some(namespace) => format!("{namespace}/{}", self.name),
            None => self.name.clone(),
        }
    }
}
