//! `TrafficSplit` (split.smi-spec.io v1alpha1 to v1alpha4).
//!
//! Shape: smi-spec `apis/traffic-split/*`, smi-sdk-go `pkg/apis/split/*/traffic_split.go`.

use super::cursor::{Field, Reader, Table};
use super::quantity::{self, Milli};
use super::text::NameRule;
use super::{Meta, Problem, Version};
use crate::code;
use crate::place::{Span, Spanned};
use crate::yaml::{Scalar, Value};

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
    /// `spec.matches` (v1alpha3 and v1alpha4); kept where an older version carries it, which is an
    /// `smi-unknown-field` problem here. None where absent.
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

// === impl TrafficSplit ===

impl TrafficSplit {
    pub(super) fn read(reader: &mut Reader, root: &Table<'_>, meta: Meta) -> Self {
        let mut split =
            Self { meta, service: None, backends: Vec::new(), backends_span: None, matches: None, matches_span: None };
        let Some(spec) = reader.required(root, "spec").and_then(|field| reader.table(&field)) else { return split };
        let service = reader.required(&spec, "service");
        split.service = service.and_then(|field| reader.name(&field, NameRule::Service));
        if let Some(field) = reader.required(&spec, "backends") {
            split.backends_span = Some(field.span());
            split.backends = backends(reader, &field);
        }
        if let Some(field) = spec.field("matches") {
            split.matches_span = Some(field.key);
            split.matches = matches(reader, &field);
        }
        split
    }
}

fn backends(reader: &mut Reader, field: &Field<'_>) -> Vec<Backend> {
    let Some(entries) = reader.entries(field) else { return Vec::new() };
    if entries.is_empty() {
        let message = "this TrafficSplit has no backends, so there is nothing to route";
        reader.push(
            Problem::new(code!("split-backends-empty"), field.span(), message)
                .help("add the backends, or take the object away: Linkerd treated it as if there were none"),
        );
    }
    entries.iter().filter_map(|entry| backend(reader, entry)).collect()
}

fn backend(reader: &mut Reader, entry: &Field<'_>) -> Option<Backend> {
    let table = reader.table(entry)?;
    let service = reader.required(&table, "service");
    let service = service.and_then(|field| reader.name(&field, NameRule::Service));
    let weight = match table.field("weight") {
        Some(field) => weight(reader, &field),
        None => {
            weightless(reader, &table, service.as_ref());
            None
        }
    };
    Some(Backend { span: table.span, service, weight })
}

fn weightless(reader: &mut Reader, table: &Table<'_>, service: Option<&Spanned<String>>) {
    let service = service.map_or(String::new(), |service| format!(" `{}`", service.value));
    let message = format!("the backend{service} has no weight");
    reader.push(
        Problem::new(code!("split-weight-missing"), table.span, message)
            .help("add its weight; no default is taken, because Gateway API would take 1"),
    );
}

// --- matches ---

fn matches(reader: &mut Reader, field: &Field<'_>) -> Option<Vec<MatchRef>> {
    if let Value::Map(_) = field.node.value {
        let message = format!("`{}` is a mapping where a list of references belongs", field.path);
        unclear_matches(reader, field, message);
        return None;
    }
    let entries = reader.entries(field)?;
    Some(entries.iter().filter_map(|entry| match_ref(reader, entry)).collect())
}

fn match_ref(reader: &mut Reader, entry: &Field<'_>) -> Option<MatchRef> {
    if let Some(text) = entry.node.as_str() {
        let message = format!("`{}` is the text `{text}` where a reference to a route group belongs", entry.path);
        unclear_matches(reader, entry, message);
        return None;
    }
    let table = reader.table(entry)?;
    let kind = reader.required(&table, "kind");
    let name = reader.required(&table, "name");
    Some(MatchRef {
        span: table.span,
        api_group: table.field("apiGroup").and_then(|field| reader.rendered(&field)),
        kind: kind.and_then(|field| reader.rendered(&field)),
        name: name.and_then(|field| reader.name(&field, NameRule::Subdomain)),
    })
}

fn unclear_matches(reader: &mut Reader, field: &Field<'_>, message: String) {
    reader.judged(field.node.span);
    reader.push(Problem::new(code!("smi-shape-unclear"), field.node.span, message).help(
        "write a list of `{apiGroup: specs.smi-spec.io, kind: HTTPRouteGroup, name: …}`; a single match of a group \
         cannot be named",
    ));
}

// --- weights ---

fn weight(reader: &mut Reader, field: &Field<'_>) -> Option<Spanned<Weight>> {
    let Some(scalar) = field.node.scalar() else {
        reader.wrong_type(field, "a weight");
        return None;
    };
    if reader.unrendered(field, &scalar.text) {
        return None;
    }
    let Some(Milli { milli, rounded }) = milli(reader, field, scalar) else {
        unreadable(reader, field, &scalar.text);
        return None;
    };
    if milli < 0 {
        let message = format!("`{}` is {}, and no mesh defined a negative weight", field.path, scalar.text);
        reader.push(
            Problem::new(code!("split-weight-negative"), field.node.span, message).help("write a weight of 0 or more"),
        );
    }
    if rounded {
        let message = format!("`{}` is {}, read as {milli}m: a weight has no finer steps", field.path, scalar.text);
        reader.push(Problem::new(code!("split-weight-rounded"), field.node.span, message));
    }
    Some(Spanned::new(Weight { milli }, field.node.span))
}

/// What the scalar weighs under the version being read; none where nobody could read it.
fn milli(reader: &mut Reader, field: &Field<'_>, scalar: &Scalar) -> Option<Milli> {
    let quantities = reader.version == Version::V1alpha1;
    match (scalar.as_number_text(), scalar.as_str()) {
        (Some(number), _) if quantities => quantity::parse(&number),
        (Some(number), _) => number_weight(reader, field, scalar, &number),
        (None, Some(text)) if quantities => quantity::parse(text),
        (None, Some(text)) => text_weight(reader, field, text),
        (None, None) => None,
    }
}

/// A number under v1alpha2 and later, where a weight is an integer of Go.
fn number_weight(reader: &mut Reader, field: &Field<'_>, scalar: &Scalar, number: &str) -> Option<Milli> {
    if let Some(whole) = scalar.as_int() {
        let milli = i128::from(i64::try_from(whole).ok()?) * 1000;
        return Some(Milli { milli, rounded: false });
    }
    let version = reader.version.name();
    let message = format!("`{}` is {}, and a weight of {version} is a whole number", field.path, scalar.text);
    reader.push(
        Problem::new(code!("split-weight-fraction"), field.node.span, message).help(
            "no mesh could decode it, so this split had no effect: write whole numbers in the ratio that is meant",
        ),
    );
    quantity::parse(number)
}

/// A text under v1alpha2 and later: a quoted number, or a quantity of v1alpha1 that a cluster shows as v1alpha2.
fn text_weight(reader: &mut Reader, field: &Field<'_>, text: &str) -> Option<Milli> {
    let milli = quantity::parse(text)?;
    if text.trim().parse::<i64>().is_ok() {
        reader.quoted_number(field, text);
        return Some(milli);
    }
    let version = reader.version.name();
    let message = format!("`{}` is the quantity {text}, which v1alpha1 has and {version} does not", field.path);
    reader.push(Problem::new(code!("split-weight-quantity"), field.node.span, message).help(
        "nothing, if it was read from a cluster of Linkerd's SMI extension, which shows v1alpha1 objects as v1alpha2",
    ));
    Some(milli)
}

fn unreadable(reader: &mut Reader, field: &Field<'_>, text: &str) {
    let message = format!("`{}` is `{text}`, which is no weight", field.path);
    let help = match text.trim().strip_suffix('%').map(str::trim_end) {
        Some(number) if number.parse::<u32>().is_ok() => {
            format!("a weight is a share of the sum, not a percentage: write {number} if the others are meant likewise")
        }
        _ => "write a whole number".to_owned(),
    };
    reader.push(Problem::new(code!("split-weight-unreadable"), field.node.span, message).help(help));
}
