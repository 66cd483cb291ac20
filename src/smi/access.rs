//! `TrafficTarget` (access.smi-spec.io v1alpha1 to v1alpha4) and `IdentityBinding` (v1alpha4).
//!
//! Shape: smi-spec `apis/traffic-access/*`, smi-sdk-go `pkg/apis/access/*`, smi-controller-sdk `apis/access/*`.

use std::collections::BTreeMap;

use super::Meta;
use crate::place::{Span, Spanned};

/// A TrafficTarget of any version: `specs` (v1alpha1) and `rules` (later) are one field here.
#[derive(Clone, Debug)]
pub struct TrafficTarget {
    /// Identity and metadata.
    pub meta: Meta,
    /// `destination`.
    pub destination: Option<Subject>,
    /// `sources`; none where the field is absent.
    pub sources: Option<Vec<Subject>>,
    /// `specs` or `rules`; none where the field is absent.
    pub rules: Option<Vec<Rule>>,
}

/// A destination or a source.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The whole entry.
    pub span: Span,
    /// `kind`, as written.
    pub kind: Option<Spanned<String>>,
    /// `name`.
    pub name: Option<Spanned<String>>,
    /// `namespace`.
    pub namespace: Option<Spanned<String>>,
    /// `port` (v1alpha1 and v1alpha2), a number or a quoted number.
    pub port: Option<Spanned<i64>>,
}

/// One entry of `specs` or `rules`.
#[derive(Clone, Debug)]
pub struct Rule {
    /// The whole entry.
    pub span: Span,
    /// `kind`, as written.
    pub kind: Option<Spanned<String>>,
    /// `name` of the group or route.
    pub name: Option<Spanned<String>>,
    /// `matches`: names of matches in the group; none where absent.
    pub matches: Option<Vec<Spanned<String>>>,
}

/// An IdentityBinding.
#[derive(Clone, Debug)]
pub struct IdentityBinding {
    /// Identity and metadata.
    pub meta: Meta,
    /// `spec.schemes`.
    pub schemes: Option<Schemes>,
}

/// The schemes of an IdentityBinding; a workload is bound if any of them names it.
#[derive(Clone, Debug)]
pub struct Schemes {
    /// The whole mapping.
    pub span: Span,
    /// `podLabelSelector.matchLabels`.
    pub pod_labels: Option<Spanned<BTreeMap<String, String>>>,
    /// `spiffeIdentities`.
    pub spiffe_identities: Vec<Spanned<String>>,
    /// `serviceAccount`.
    pub service_account: Option<Spanned<String>>,
}
