//! `TrafficMetrics` and `TrafficMetricsList` (metrics.smi-spec.io v1alpha1 and v1alpha2): answers of an API, never
//! configuration. They are read so that they can be checked and named, nothing more.
//!
//! Shape: smi-spec `apis/traffic-metrics/v1alpha1`, smi-sdk-go `pkg/apis/metrics/v1alpha2`.

use super::cursor::{Field, Reader, Table};
use super::{Kind, Meta, Problem, read};
use crate::code;
use crate::place::{Span, Spanned};
use crate::yaml::Value;

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

// === impl TrafficMetrics ===

impl TrafficMetrics {
    pub(super) fn read(reader: &mut Reader, root: &Table<'_>, meta: Meta) -> Self {
        let message = format!("a {} is the answer of an API: there is nothing to migrate", reader.kind.name());
        reader.push(
            Problem::new(code!("smi-metrics"), root.span, message)
                .help("take it away; the target mesh has its own metrics"),
        );
        let items = root.field("items").filter(|_| reader.kind == Kind::TrafficMetricsList);
        Self { items: items.map(|field| items_of(reader, &field)).unwrap_or_default(), ..one(reader, root, meta) }
    }
}

/// One TrafficMetrics; the entries of a list are no lists again.
fn one(reader: &mut Reader, root: &Table<'_>, meta: Meta) -> TrafficMetrics {
    let window = ["timestamp", "window"].map(|name| text(reader, root, name));
    let metrics = root.field("metrics").and_then(|field| reader.entries(&field)).unwrap_or_default();
    TrafficMetrics {
        meta,
        resource: root.field("resource").and_then(|field| reference(reader, &field)),
        edge: root.field("edge").and_then(|field| edge(reader, &field)),
        backend: root.field("backend").and_then(|field| backend(reader, &field)),
        window: window.into_iter().flatten().collect(),
        metrics: metrics.iter().filter_map(|entry| metric(reader, entry)).collect(),
        items: Vec::new(),
    }
}

fn items_of(reader: &mut Reader, field: &Field<'_>) -> Vec<TrafficMetrics> {
    let entries = reader.entries(field).unwrap_or_default();
    entries.iter().filter_map(|entry| item(reader, entry)).collect()
}

fn item(list: &mut Reader, entry: &Field<'_>) -> Option<TrafficMetrics> {
    let table = list.table(entry)?;
    let mut reader = Reader::new(Kind::TrafficMetrics, list.version);
    let item = read::item(&mut reader, &table, one);
    reader.unknown_fields(entry.node);
    reader.finish().into_iter().for_each(|problem| list.push(problem));
    Some(item)
}

fn text(reader: &mut Reader, table: &Table<'_>, name: &str) -> Option<Spanned<String>> {
    table.field(name).and_then(|field| reader.text(&field))
}

fn reference(reader: &mut Reader, field: &Field<'_>) -> Option<Reference> {
    let table = reader.table(field)?;
    Some(Reference {
        span: table.span,
        kind: text(reader, &table, "kind"),
        namespace: text(reader, &table, "namespace"),
        name: text(reader, &table, "name"),
    })
}

fn edge(reader: &mut Reader, field: &Field<'_>) -> Option<Edge> {
    let table = reader.table(field)?;
    Some(Edge {
        direction: text(reader, &table, "direction"),
        side: text(reader, &table, "side"),
        resource: table.field("resource").and_then(|field| reference(reader, &field)),
    })
}

fn backend(reader: &mut Reader, field: &Field<'_>) -> Option<MetricsBackend> {
    let table = reader.table(field)?;
    Some(MetricsBackend {
        apex: text(reader, &table, "apex"),
        name: text(reader, &table, "name"),
        weight: table.field("weight").and_then(|field| reader.integer(&field)),
    })
}

fn metric(reader: &mut Reader, entry: &Field<'_>) -> Option<Metric> {
    let table = reader.table(entry)?;
    Some(Metric {
        name: text(reader, &table, "name"),
        unit: text(reader, &table, "unit"),
        value: table.field("value").and_then(|field| quantity(reader, &field)),
    })
}

/// A Quantity may be written as a number.
fn quantity(reader: &mut Reader, field: &Field<'_>) -> Option<Spanned<String>> {
    match &field.node.value {
        Value::Scalar(scalar) => Some(Spanned::new(scalar.text.clone(), field.node.span)),
        Value::List(_) | Value::Map(_) => {
            reader.wrong_type(field, "a quantity");
            None
        }
    }
}
