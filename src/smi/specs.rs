//! `HTTPRouteGroup`, `TCPRoute` (specs.smi-spec.io v1alpha1 to v1alpha4) and `UDPRoute` (v1alpha4).
//!
//! Shape: smi-spec `apis/traffic-specs/*`, smi-sdk-go `pkg/apis/specs/*`.

use super::Meta;
use crate::place::{Span, Spanned};

/// An HTTPRouteGroup of any version: top-level `matches` (v1alpha1, v1alpha2) and `spec.matches` are one field here.
#[derive(Clone, Debug)]
pub struct HttpRouteGroup {
    /// Identity and metadata.
    pub meta: Meta,
    /// The matches, in written order.
    pub matches: Vec<HttpMatch>,
    /// The list of matches stands where this version does not have it (the API server would have pruned it).
    pub misplaced: Option<Span>,
}

/// One match: all that is given must hold.
#[derive(Clone, Debug)]
pub struct HttpMatch {
    /// The whole entry.
    pub span: Span,
    /// `name`.
    pub name: Option<Spanned<String>>,
    /// `methods`, as written; none where absent.
    pub methods: Option<Vec<Spanned<String>>>,
    /// `pathRegex`, as written; none where absent.
    pub path_regex: Option<Spanned<String>>,
    /// `headers`, both wire forms, in written order, duplicates kept.
    pub headers: Vec<Header>,
}

/// One header condition.
#[derive(Clone, Debug)]
pub struct Header {
    /// Name as written.
    pub name: Spanned<String>,
    /// Value: a regular expression.
    pub value: Spanned<String>,
}

/// A TCPRoute or a UDPRoute.
#[derive(Clone, Debug)]
pub struct PortRoute {
    /// Identity and metadata (the `ports` label of OSM 0.6 is a label like any other).
    pub meta: Meta,
    /// `spec.matches.name`.
    pub name: Option<Spanned<String>>,
    /// `spec.matches.ports`; none where absent, which means every port.
    pub ports: Option<Vec<Spanned<i64>>>,
}
