//! `TrafficSplit` (split.smi-spec.io v1alpha1 to v1alpha4).
//!
//! Shape: smi-spec `apis/traffic-split/*`, smi-sdk-go `pkg/apis/split/*/traffic_split.go`.

use super::Meta;
use crate::place::{Span, Spanned};

/// A TrafficSplit of any version.
#[derive(Clone, Debug)]
pub struct TrafficSplit {
    /// Identity and metadata.
    pub meta: Meta,
    /// `spec.service`: the root, as written (a name, a qualified name, with or without a port).
    pub service: Option<Spanned<String>>,
    /// `spec.backends`, in written order.
    pub backends: Vec<Backend>,
    /// Where `spec.backends` stands.
    pub backends_span: Option<Span>,
    /// `spec.matches` (v1alpha3 and v1alpha4); kept where an older version carries it. None where absent.
    pub matches: Option<Vec<MatchRef>>,
    /// Where the `matches` key stands.
    pub matches_span: Option<Span>,
}

/// One entry of `spec.backends`.
#[derive(Clone, Debug)]
pub struct Backend {
    /// The whole entry.
    pub span: Span,
    /// `service`, as written.
    pub service: Option<Spanned<String>>,
    /// `weight`; none where absent or where it does not read as a number (that is a problem of its own).
    pub weight: Option<Spanned<Weight>>,
}

/// A weight in thousandths: `500m` is 500, `1` is 1000. Negative weights are kept; sub-milli digits round up as
/// `resource.Quantity.MilliValue` does (k8s.io/apimachinery `pkg/api/resource/quantity.go`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Weight {
    /// Thousandths.
    pub milli: i128,
}

/// One entry of `spec.matches`: a reference to a route group in the split's namespace.
#[derive(Clone, Debug)]
pub struct MatchRef {
    /// The whole entry.
    pub span: Span,
    /// `apiGroup`, as written.
    pub api_group: Option<Spanned<String>>,
    /// `kind`, as written.
    pub kind: Option<Spanned<String>>,
    /// `name`.
    pub name: Option<Spanned<String>>,
}
