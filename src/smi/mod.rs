//! The typed SMI kinds: one file per API group, all versions.
//!
//! A version is a *shape*: the same Rust type holds every version of a kind, and `version` says which one was read.
//! Nothing is interpreted here. A field that the version does not have, or a value of the wrong type, is a
//! [`Problem`] at its place; what it means for the object is said by the problem's code.

pub mod access;
mod cursor;
pub mod fields;
pub mod found;
pub mod metrics;
mod quantity;
pub mod read;
mod says;
pub mod specs;
pub mod split;
mod text;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use crate::place::{Span, Spanned};
use crate::report::ObjectId;

pub use access::{IdentityBinding, Rule, Schemes, Subject, TrafficTarget};
pub use found::{Found, UnknownVersion, Verdict, objects};
pub use metrics::TrafficMetrics;
pub use read::{Problem, Read, read};
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
    TrafficMetrics(Box<TrafficMetrics>),
}

// === impl Version ===

impl Version {
    /// All versions, oldest first.
    pub const ALL: [Self; 4] = [Self::V1alpha1, Self::V1alpha2, Self::V1alpha3, Self::V1alpha4];

    /// As an apiVersion has it after the slash.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::V1alpha1 => "v1alpha1",
            Self::V1alpha2 => "v1alpha2",
            Self::V1alpha3 => "v1alpha3",
            Self::V1alpha4 => "v1alpha4",
        }
    }

    /// The version of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|version| version.name() == name)
    }
}

// === impl Kind ===

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 8] = [
        Self::TrafficSplit,
        Self::TrafficTarget,
        Self::IdentityBinding,
        Self::HTTPRouteGroup,
        Self::TCPRoute,
        Self::UDPRoute,
        Self::TrafficMetrics,
        Self::TrafficMetricsList,
    ];

    /// As a manifest has it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::TrafficSplit => "TrafficSplit",
            Self::TrafficTarget => "TrafficTarget",
            Self::IdentityBinding => "IdentityBinding",
            Self::HTTPRouteGroup => "HTTPRouteGroup",
            Self::TCPRoute => "TCPRoute",
            Self::UDPRoute => "UDPRoute",
            Self::TrafficMetrics => "TrafficMetrics",
            Self::TrafficMetricsList => "TrafficMetricsList",
        }
    }

    /// The kind of exactly that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The API group that has the kind.
    #[must_use]
    pub fn group(self) -> &'static str {
        match self {
            Self::TrafficSplit => "split.smi-spec.io",
            Self::TrafficTarget | Self::IdentityBinding => "access.smi-spec.io",
            Self::HTTPRouteGroup | Self::TCPRoute | Self::UDPRoute => "specs.smi-spec.io",
            Self::TrafficMetrics | Self::TrafficMetricsList => "metrics.smi-spec.io",
        }
    }

    /// The versions that ever had the kind, oldest first (smi-spec `SPEC_LATEST_STABLE.md`, smi-sdk-go `pkg/apis`,
    /// smi-controller-sdk `apis`).
    #[must_use]
    pub fn versions(self) -> &'static [Version] {
        match self {
            Self::TrafficSplit | Self::TrafficTarget | Self::HTTPRouteGroup | Self::TCPRoute => &Version::ALL,
            Self::IdentityBinding | Self::UDPRoute => &[Version::V1alpha4],
            Self::TrafficMetrics | Self::TrafficMetricsList => &[Version::V1alpha1, Version::V1alpha2],
        }
    }

    /// Whether `version` ever had the kind.
    #[must_use]
    pub fn has(self, version: Version) -> bool {
        self.versions().contains(&version)
    }
}

// === impl Object ===

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
