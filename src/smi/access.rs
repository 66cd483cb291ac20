//! `TrafficTarget` (access.smi-spec.io v1alpha1 to v1alpha4) and `IdentityBinding` (v1alpha4).
//!
//! Shape: smi-spec `apis/traffic-access/*`, smi-sdk-go `pkg/apis/access/*`, smi-controller-sdk `apis/access/*`.

use std::collections::BTreeMap;

use super::cursor::{Field, Reader, Table};
use super::text::NameRule;
use super::{Meta, Problem, Version};
use crate::code;
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
    /// `port` (v1alpha1 and v1alpha2), a number or a quoted number; kept where a later version carries it, which is an
    /// `smi-shape-unclear` problem.
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

// === impl TrafficTarget ===

impl TrafficTarget {
    pub(super) fn read(reader: &mut Reader, root: &Table<'_>, meta: Meta) -> Self {
        let body = Body::of(reader, root);
        let destination = body.field(reader, "destination");
        let sources = body.field(reader, "sources");
        let rules = body.rules(reader);
        Self {
            meta,
            destination: destination.and_then(|field| subject(reader, &field, Role::Destination)),
            sources: sources.and_then(|field| {
                let entries = reader.entries(&field)?;
                Some(entries.iter().filter_map(|entry| subject(reader, entry, Role::Source)).collect())
            }),
            rules: rules.and_then(|field| {
                let entries = reader.entries(&field)?;
                Some(entries.iter().filter_map(|entry| rule(reader, entry)).collect())
            }),
        }
    }
}

/// Where the fields of a TrafficTarget may stand: at the top in v1alpha1, under `spec` later.
struct Body<'a> {
    top: Table<'a>,
    spec: Option<Table<'a>>,
    in_spec: bool,
}

impl<'a> Body<'a> {
    fn of(reader: &mut Reader, root: &Table<'a>) -> Self {
        let spec = root.field("spec");
        let in_spec = reader.version > Version::V1alpha1;
        let table = spec.as_ref().and_then(|field| reader.table(field));
        if let Some(spec) = spec.filter(|_| !in_spec) {
            reader.read_as(spec.key, "");
        }
        Self { top: root.clone(), spec: table, in_spec }
    }

    /// The field called `name`, at its place or at that of the other shape; a problem that blocks if it is at neither.
    fn field(&self, reader: &mut Reader, name: &'static str) -> Option<Field<'a>> {
        let field = self.find(reader, name);
        if field.is_none() {
            self.missing(reader, name);
        }
        field
    }

    /// `specs` in v1alpha1, `rules` later; each is also read where the other belongs.
    fn rules(&self, reader: &mut Reader) -> Option<Field<'a>> {
        let (right, wrong) = if self.in_spec { ("rules", "specs") } else { ("specs", "rules") };
        let found = self.find(reader, right);
        let Some(other) = self.find(reader, wrong) else {
            if found.is_none() {
                self.missing(reader, right);
            }
            return found;
        };
        if let Some(found) = found {
            reader.judged(other.key);
            let message = "this TrafficTarget has both `rules` and `specs`, and nothing says which counts";
            reader.push(
                Problem::new(code!("smi-shape-unclear"), other.key, message)
                    .other(found.key, "the other one")
                    .help(format!("keep `{right}`, which {} has", reader.version.name())),
            );
            return Some(found);
        }
        reader.read_as(other.key, path(right));
        let message = format!("`{}` is called `{right}` in {}; read as that", other.path, reader.version.name());
        reader.push(Problem::new(code!("smi-shape"), other.key, message).help(format!("rename it to `{right}`")));
        Some(other)
    }

    fn find(&self, reader: &mut Reader, name: &'static str) -> Option<Field<'a>> {
        let top = self.top.field(name);
        let below = self.spec.as_ref().and_then(|spec| spec.field(name));
        let (home, other) = if self.in_spec { (below, top) } else { (top, below) };
        if home.is_some() {
            return home;
        }
        let other = other?;
        let version = reader.version.name();
        let belongs = if self.in_spec { "under `spec`" } else { "at the top" };
        let message = format!("`{}` belongs {belongs} in {version}; read as if it stood there", other.path);
        reader
            .push(Problem::new(code!("smi-shape"), other.key, message).help("move it, or write the other apiVersion"));
        if self.in_spec {
            reader.read_as(other.key, path(name));
        }
        Some(other)
    }

    fn missing(&self, reader: &mut Reader, name: &str) {
        let (path, span) = match (&self.spec, self.in_spec) {
            (Some(spec), true) => (spec.path_of(name), spec.span),
            (None, true) => (format!("spec.{name}"), self.top.span),
            (_, false) => (name.to_owned(), self.top.span),
        };
        match name {
            "rules" | "specs" => reader.missing_with(&path, span, NO_RULES),
            _ => reader.missing(&path, span),
        }
    }
}

/// A TrafficTarget without rules: openservicemesh/osm@release-v1.2 ignores it (`hasValidRules`), traefik/mesh@v1.4.8
/// `pkg/provider/rule.go` makes a rule for the whole Service of it.
const NO_RULES: &str = "write the rules that are meant: Open Service Mesh ignored a target without them, Traefik Mesh opened \
                        the whole service to its sources";

/// Where the table of fields has a field of a TrafficTarget.
fn path(name: &'static str) -> &'static str {
    match name {
        "destination" => "spec.destination",
        "sources" => "spec.sources",
        "rules" => "spec.rules",
        name => name,
    }
}

/// Which side of a TrafficTarget a subject is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Destination,
    Source,
}

fn subject(reader: &mut Reader, field: &Field<'_>, role: Role) -> Option<Subject> {
    let table = reader.table(field)?;
    let kind = reader.required(&table, "kind").and_then(|field| reader.rendered(&field));
    let name = reader.required(&table, "name");
    let named_freely =
        kind.as_ref().is_some_and(|kind| !matches!(kind.value.as_str(), "ServiceAccount" | "IdentityBinding"));
    let name = name.and_then(|field| match named_freely {
        true => reader.rendered(&field),
        false => reader.name(&field, NameRule::Subdomain),
    });
    Some(Subject {
        span: table.span,
        kind,
        name,
        namespace: table.field("namespace").and_then(|field| reader.name(&field, NameRule::Label)),
        port: table.field("port").and_then(|field| port(reader, &field, role)),
    })
}

fn port(reader: &mut Reader, field: &Field<'_>, role: Role) -> Option<Spanned<i64>> {
    if reader.version >= Version::V1alpha3 {
        if role == Role::Source {
            return None;
        }
        reader.judged(field.key);
        let version = reader.version.name();
        let message = format!("`{}` was removed in v1alpha3: the API server of {version} pruned it", field.path);
        reader.push(Problem::new(code!("smi-shape-unclear"), field.key, message).help(
            "in a cluster every port was open: take the field away to keep that, or name the port in a TCPRoute of \
             v1alpha4 among the rules",
        ));
        let scalar = field.node.scalar()?;
        let port = scalar.as_int().and_then(|port| i64::try_from(port).ok()).or_else(|| scalar.text.parse().ok())?;
        return Some(Spanned::new(port, field.node.span));
    }
    reader.integer(field)
}

fn rule(reader: &mut Reader, entry: &Field<'_>) -> Option<Rule> {
    let table = reader.table(entry)?;
    let kind = reader.required(&table, "kind");
    let name = reader.required(&table, "name");
    Some(Rule {
        span: table.span,
        kind: kind.and_then(|field| reader.rendered(&field)),
        name: name.and_then(|field| reader.name(&field, NameRule::Subdomain)),
        matches: table.field("matches").and_then(|field| texts(reader, &field)),
    })
}

fn texts(reader: &mut Reader, field: &Field<'_>) -> Option<Vec<Spanned<String>>> {
    let entries = reader.entries_or_one(field)?;
    Some(entries.iter().filter_map(|entry| reader.rendered(entry)).collect())
}

// === impl IdentityBinding ===

impl IdentityBinding {
    pub(super) fn read(reader: &mut Reader, root: &Table<'_>, meta: Meta) -> Self {
        let spec = reader.required(root, "spec").and_then(|field| reader.table(&field));
        let schemes = spec.and_then(|spec| reader.required(&spec, "schemes"));
        Self { meta, schemes: schemes.and_then(|field| schemes_of(reader, &field)) }
    }
}

fn schemes_of(reader: &mut Reader, field: &Field<'_>) -> Option<Schemes> {
    let table = reader.table(field)?;
    let selector = table.field("podLabelSelector");
    let account = table.field("serviceAccount");
    if let (Some(selector), Some(account)) = (&selector, &account) {
        let message = "`podLabelSelector` and `serviceAccount` exclude each other in one IdentityBinding";
        reader.push(
            Problem::new(code!("identity-binding-exclusive"), account.key, message)
                .other(selector.key, "the other one")
                .help("keep one, or make two IdentityBindings"),
        );
    }
    let spiffe_identities = table.field("spiffeIdentities").and_then(|field| texts(reader, &field)).unwrap_or_default();
    let schemes = Schemes {
        span: table.span,
        pod_labels: selector.and_then(|field| pod_labels(reader, &field)),
        spiffe_identities,
        service_account: account.and_then(|field| reader.name(&field, NameRule::Subdomain)),
    };
    if table.fields().next().is_none() {
        reader.missing(&table.path_of("serviceAccount"), table.span);
    }
    Some(schemes)
}

fn pod_labels(reader: &mut Reader, field: &Field<'_>) -> Option<Spanned<BTreeMap<String, String>>> {
    let selector = reader.table(field)?;
    let field = reader.required(&selector, "matchLabels")?;
    let table = reader.table(&field)?;
    let labels: BTreeMap<_, _> =
        table.fields().filter_map(|(key, field)| Some((key.value, reader.rendered(&field)?.value))).collect();
    if labels.is_empty() {
        reader.missing(&table.path_of("*"), table.span);
    }
    Some(Spanned::new(labels, table.span))
}
