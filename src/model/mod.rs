//! The meaning of SMI under one source mesh's reading, without any Kubernetes type.
//!
//! `split` reads a typed TrafficSplit into a [`Split`], and `access` a TrafficTarget into a [`grant::Grant`], driven by the
//! table of the mesh. Two readings can be compared: what all meshes read alike needs no decision about whose reading
//! counts. No target is known here.

pub mod access;
pub mod compare;
pub mod grant;
pub mod host;
pub mod named;
pub mod pattern;
pub mod reading;
pub mod split;
pub mod weights;

use crate::mappings::Unmatched;
use crate::place::Place;

pub use compare::same;
pub use host::Host;
pub use pattern::{HeaderPattern, Languages, Methods, PathPattern, RequestPattern};
pub use reading::{Choice, Whose, decide, had_no_effect};
pub use split::{Group, Groups, Reading, Refusal, Surroundings};

/// How to give one version of an object that is there several times. Naming its file is not enough: a file is read with its
/// directory.
pub const ONE_VERSION: &str = "give one version at a time: as a stream (`smi2gamma report - < FILE`, since beside a named file its whole directory counts), or in a folder of its own";

/// A Service by name. The namespace is the one in force: the scope's, else the one written; none where neither says.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServiceRef {
    /// Where it is.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
}

/// A TrafficSplit, normalised.
#[derive(Clone, Debug)]
pub struct Split {
    /// The Service whose clients are split.
    pub root: ServiceRef,
    /// Requests that are split; none: all of them.
    pub condition: Option<Vec<RequestPattern>>,
    /// Where the other requests go.
    pub unmatched: Unmatched,
    /// Each backend Service once, in written order.
    pub backends: Vec<Share>,
}

/// A backend and its weight.
#[derive(Clone, Debug)]
pub struct Share {
    /// Where the share goes.
    pub service: ServiceRef,
    /// Its part of the sum of all weights; least integers, at most 1,000,000.
    pub weight: u32,
    /// Where the backend is written.
    pub place: Place,
}

impl ServiceRef {
    /// `namespace/name`, or `name` where no namespace is known.
    #[must_use]
    pub fn display(&self) -> String {
        match &self.namespace {
            Some(namespace) => format!("{namespace}/{}", self.name),
            None => self.name.clone(),
        }
    }
}
