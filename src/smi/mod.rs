//! The typed SMI kinds: one file per API group, all versions.
//!
//! A version is a *shape*: the same Rust type holds every version of a kind, and `version` says which one was read.
//! Nothing is interpreted here. A field that the version does not have, or a value of the wrong type, is a
//! [`Problem`] at its place; what it means for the object is said by the problem's code.

pub mod access;
pub mod metrics;
pub mod read;
pub mod specs;
pub mod split;

use std::collections::BTreeMap;

use crate::place::{Span, Spanned};
use crate::report::ObjectId;

pub use access::{IdentityBinding, Rule, Schemes, Subject, TrafficTarget};
pub use metrics::TrafficMetrics;
pub use read::{Problem, Read, is_smi, read};
pub use specs::{Header, HttpMatch, HttpRouteGroup, PortRoute};
pub use split::{Backend, MatchRef, TrafficSplit, Weight};

/// The API versions that an SMI group ever had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Version {
    /// `v1alpha1`
    V1alpha1,
    /// `v1alpha2`
    V1alpha2,
    /// `v1alpha3`
    V1alpha3,
    /// `v1alpha4`
    V1alpha4,
}

/// The kinds of SMI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub enum Kind {
    /// split.smi-spec.io
    TrafficSplit,
    /// access.smi-spec.io
    TrafficTarget,
    /// access.smi-spec.io
    IdentityBinding,
    /// specs.smi-spec.io
    HTTPRouteGroup,
    /// specs.smi-spec.io
    TCPRoute,
    /// specs.smi-spec.io
    UDPRoute,
    /// metrics.smi-spec.io
    TrafficMetrics,
    /// metrics.smi-spec.io
    TrafficMetricsList,
}

/// What every SMI object has.
#[derive(Clone, Debug)]
pub struct Meta {
    /// Kind, group, version as written, namespace as written, name.
    pub id: ObjectId,
    /// The version whose shape was read.
    pub version: Version,
    /// The whole object, from its first key to its last value.
    pub span: Span,
    /// `metadata.name`; the object's own span where it has none.
    pub name: Spanned<String>,
    /// `metadata.namespace`.
    pub namespace: Option<Spanned<String>>,
    /// `metadata.labels`.
    pub labels: BTreeMap<String, Spanned<String>>,
    /// `metadata.annotations`.
    pub annotations: BTreeMap<String, Spanned<String>>,
    /// `metadata.ownerReferences`.
    pub owners: Vec<Owner>,
}

/// One `metadata.ownerReferences` entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// For instance `flagger.app/v1beta1`.
    pub api_version: String,
    /// For instance `Canary`.
    pub kind: String,
    /// The owner's name.
    pub name: String,
    /// Where it stands.
    pub span: Span,
}

/// One SMI object of any kind.
#[derive(Clone, Debug)]
pub enum Object {
    /// Traffic split.
    TrafficSplit(TrafficSplit),
    /// Access grant.
    TrafficTarget(TrafficTarget),
    /// Named identity.
    IdentityBinding(IdentityBinding),
    /// HTTP match group.
    HttpRouteGroup(HttpRouteGroup),
    /// TCP ports.
    TcpRoute(PortRoute),
    /// UDP ports.
    UdpRoute(PortRoute),
    /// Metrics of one resource, or a list of them.
    TrafficMetrics(TrafficMetrics),
}

impl Object {
    /// What every SMI object has.
    #[must_use]
    pub fn meta(&self) -> &Meta {
        match self {
            Self::TrafficSplit(object) => &object.meta,
            Self::TrafficTarget(object) => &object.meta,
            Self::IdentityBinding(object) => &object.meta,
            Self::HttpRouteGroup(object) => &object.meta,
            Self::TcpRoute(object) | Self::UdpRoute(object) => &object.meta,
            Self::TrafficMetrics(object) => &object.meta,
        }
    }
}
