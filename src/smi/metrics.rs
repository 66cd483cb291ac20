//! `TrafficMetrics` and `TrafficMetricsList` (metrics.smi-spec.io v1alpha1 and v1alpha2): answers of an API, never
//! configuration. They are read so that they can be checked and named, nothing more.
//!
//! Shape: smi-spec `apis/traffic-metrics/v1alpha1`, smi-sdk-go `pkg/apis/metrics/v1alpha2`.

use super::Meta;
use crate::place::{Span, Spanned};

/// A TrafficMetrics, or a TrafficMetricsList with its items.
#[derive(Clone, Debug)]
pub struct TrafficMetrics {
    /// Identity and metadata.
    pub meta: Meta,
    /// `resource`: what the metrics are of.
    pub resource: Option<Reference>,
    /// `edge`.
    pub edge: Option<Edge>,
    /// `backend` (v1alpha2).
    pub backend: Option<MetricsBackend>,
    /// `timestamp`, `window`, as written.
    pub window: Vec<Spanned<String>>,
    /// `metrics`.
    pub metrics: Vec<Metric>,
    /// `items`, of a list.
    pub items: Vec<TrafficMetrics>,
}

/// An object reference.
#[derive(Clone, Debug)]
pub struct Reference {
    /// The whole mapping.
    pub span: Span,
    /// `kind`.
    pub kind: Option<Spanned<String>>,
    /// `namespace`.
    pub namespace: Option<Spanned<String>>,
    /// `name`.
    pub name: Option<Spanned<String>>,
}

/// An edge of the traffic graph.
#[derive(Clone, Debug)]
pub struct Edge {
    /// `direction`: `to` or `from`.
    pub direction: Option<Spanned<String>>,
    /// `side`: `client` or `server`.
    pub side: Option<Spanned<String>>,
    /// `resource`: the other end.
    pub resource: Option<Reference>,
}

/// The split backend that metrics are of.
#[derive(Clone, Debug)]
pub struct MetricsBackend {
    /// `apex`.
    pub apex: Option<Spanned<String>>,
    /// `name`.
    pub name: Option<Spanned<String>>,
    /// `weight`.
    pub weight: Option<Spanned<i64>>,
}

/// One measured value.
#[derive(Clone, Debug)]
pub struct Metric {
    /// `name`.
    pub name: Option<Spanned<String>>,
    /// `unit`.
    pub unit: Option<Spanned<String>>,
    /// `value`, a Quantity as written.
    pub value: Option<Spanned<String>>,
}
