//! From a found object to a typed one.
//!
//! What every object has (apiVersion, kind, metadata) is read here; the rest by the file of its group. An object is read
//! as far as it can be, in the shape of the nearest version where it names none that exists: a report can then show
//! everything that is wrong at once. Whether a problem stops a migration is the row of its code, not decided here.

use std::collections::BTreeMap;

use super::cursor::{Field, Reader, Table};
use super::text::NameRule;
use super::{
    Found, HttpRouteGroup, IdentityBinding, Kind, Meta, Object, Owner, PortRoute, TrafficMetrics, TrafficSplit,
    TrafficTarget, UnknownVersion, Verdict, Version, quantity, text,
};
use crate::code;
use crate::outcome::Outcome;
use crate::place::{Span, Spanned};
use crate::report::{Code, ObjectId, catalogue};
use crate::yaml::Node;

/// What reading one object gave.
#[derive(Clone, Debug)]
pub struct Read {
    /// Which object, as far as it says so itself.
    pub id: ObjectId,
    /// The object, as far as it could be read; none if its kind is none of SMI or it is no mapping.
    pub object: Option<Object>,
    /// What is wrong with it, in source order.
    pub problems: Vec<Problem>,
}

/// Something about one field or the whole object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The row of `mappings/findings.yaml`.
    pub code: Code,
    /// Where.
    pub span: Span,
    /// One sentence, lower case first, no full stop.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
    /// A second place that belongs to it, and what is there.
    pub other: Option<(Span, &'static str)>,
}

/// Reads an object of SMI; none if it is something else.
#[must_use]
pub fn read(found: &Found<'_>) -> Option<Read> {
    match found.verdict {
        Verdict::Other | Verdict::Lookalike(_) => None,
        Verdict::UnknownKind => Some(unknown_kind(found)),
        Verdict::Smi(kind, version) => Some(read_kind(found, kind, version)),
    }
}

fn read_kind(found: &Found<'_>, kind: Kind, version: Result<Version, UnknownVersion>) -> Read {
    let shape = version.unwrap_or_else(|_| nearest_version(found, kind));
    let mut reader = Reader::new(kind, shape);
    let answer = matches!(kind, Kind::TrafficMetrics | Kind::TrafficMetricsList);
    if let Err(reason) = version
        && !answer
    {
        reader.push(version_problem(found, kind, shape, reason));
    }
    let id = id(found, kind.group(), kind.name());
    let Some(root) = Table::object(found.node) else {
        let message = format!("an entry of this list is no mapping, so it is no {}", kind.name());
        reader.push(Problem::new(code!("smi-wrong-type"), found.node.span, message));
        return Read { id, object: None, problems: reader.finish() };
    };
    let meta = meta(&mut reader, &root, id.clone());
    let object = match kind {
        Kind::TrafficSplit => Object::TrafficSplit(TrafficSplit::read(&mut reader, &root, meta)),
        Kind::TrafficTarget => Object::TrafficTarget(TrafficTarget::read(&mut reader, &root, meta)),
        Kind::IdentityBinding => Object::IdentityBinding(IdentityBinding::read(&mut reader, &root, meta)),
        Kind::HTTPRouteGroup => Object::HttpRouteGroup(HttpRouteGroup::read(&mut reader, &root, meta)),
        Kind::TCPRoute => Object::TcpRoute(PortRoute::read(&mut reader, &root, meta)),
        Kind::UDPRoute => Object::UdpRoute(PortRoute::read(&mut reader, &root, meta)),
        Kind::TrafficMetrics | Kind::TrafficMetricsList => {
            Object::TrafficMetrics(Box::new(TrafficMetrics::read(&mut reader, &root, meta)))
        }
    };
    reader.unknown_fields(found.node);
    Read { id, object: Some(object), problems: reader.finish() }
}

fn unknown_kind(found: &Found<'_>) -> Read {
    let group = found.api_version.as_ref().and_then(|api| api.value.split_once('/')).map_or("", |(group, _)| group);
    let Some(kind) = &found.kind else {
        let message = "an object of an smi-spec.io group has no kind";
        let span = found.api_version.as_ref().map_or(found.node.span, |api| api.span);
        let problem = Problem::new(code!("smi-kind-unknown"), span, message).help("add its `kind`");
        return Read { id: id(found, group, ""), object: None, problems: vec![problem] };
    };
    let message = format!("`{}` is no kind of SMI", kind.value);
    let mut problem = Problem::new(code!("smi-kind-unknown"), kind.span, message);
    if let Some(meant) = text::nearest(kind.value, Kind::ALL.map(Kind::name)) {
        problem = problem.help(format!("write `kind: {meant}`"));
    }
    Read { id: id(found, group, kind.value), object: None, problems: vec![problem] }
}

fn id(found: &Found<'_>, group: &str, kind: &str) -> ObjectId {
    let api = found.api_version.as_ref().map_or("", |api| api.value);
    let metadata = |name: &str| {
        let scalar = found.node.get("metadata")?.get(name)?.scalar()?;
        (!scalar.is_null() && !scalar.text.is_empty()).then(|| scalar.text.clone())
    };
    ObjectId {
        kind: kind.to_owned(),
        group: group.to_owned(),
        version: api.rsplit_once('/').map_or(api, |(_, version)| version).to_owned(),
        namespace: metadata("namespace"),
        name: metadata("name").unwrap_or_default(),
    }
}

// --- versions ---

/// The version whose shape the object has.
fn nearest_version(found: &Found<'_>, kind: Kind) -> Version {
    let api = found.api_version.as_ref().map_or("", |api| api.value);
    let named = Version::from_name(api.rsplit_once('/').map_or(api, |(_, version)| version));
    if let Some(named) = named.filter(|version| kind.has(*version)) {
        return named;
    }
    let has = |path: &[&str]| has(found.node, path);
    match kind {
        Kind::TrafficSplit if !has(&["spec", "matches"]) && has_quantities(found.node) => Version::V1alpha1,
        Kind::TrafficTarget if has(&["destination"]) || has(&["sources"]) => Version::V1alpha1,
        Kind::TrafficTarget if has(&["spec", "destination", "port"]) => Version::V1alpha2,
        Kind::TrafficTarget if has(&["spec", "destination", "group"]) => Version::V1alpha4,
        Kind::TrafficTarget => Version::V1alpha3,
        Kind::HTTPRouteGroup if has(&["matches"]) => Version::V1alpha2,
        Kind::TCPRoute if !has(&["spec", "matches"]) && !has(&["spec", "ports"]) => Version::V1alpha3,
        Kind::TrafficMetrics if has(&["backend"]) => Version::V1alpha2,
        Kind::TrafficMetrics | Kind::TrafficMetricsList => Version::V1alpha1,
        Kind::TrafficSplit | Kind::IdentityBinding | Kind::HTTPRouteGroup | Kind::TCPRoute | Kind::UDPRoute => {
            Version::V1alpha4
        }
    }
}

fn has(node: &Node, path: &[&str]) -> bool {
    let Some((name, rest)) = path.split_first() else { return true };
    Table::object(node).and_then(|table| table.field(name)).is_some_and(|field| has(field.node, rest))
}

/// Whether a split has weights such as `500m`, which only v1alpha1 has.
fn has_quantities(split: &Node) -> bool {
    let backends = split.get("spec").and_then(|spec| spec.get("backends")).map(Node::items).unwrap_or_default();
    let weights = backends.iter().filter_map(|backend| backend.get("weight")?.as_str());
    weights.into_iter().any(|weight| weight.parse::<i64>().is_err() && quantity::parse(weight).is_some())
}

fn version_problem(found: &Found<'_>, kind: Kind, shape: Version, reason: UnknownVersion) -> Problem {
    let name = kind.name();
    let right = format!("{}/{}", kind.group(), shape.name());
    let written = found.api_version.as_ref().map_or("", |api| api.value);
    let versions: Vec<_> = kind.versions().iter().map(|version| version.name()).collect();
    let (code, message) = match reason {
        UnknownVersion::Missing => {
            (code!("smi-version-missing"), format!("this {name} has no apiVersion; its shape is that of `{right}`"))
        }
        UnknownVersion::Groupless => (
            code!("smi-version-missing"),
            format!("the apiVersion `{written}` names no group; `{right}` may have been meant"),
        ),
        UnknownVersion::Draft => (
            code!("smi-version-unknown"),
            format!("`{written}` was only ever a draft: it was never released, and no mesh read it"),
        ),
        UnknownVersion::NoSuchVersion => (
            code!("smi-version-unknown"),
            format!("`{written}` never existed; {name} has the versions {}", versions.join(", ")),
        ),
        UnknownVersion::WrongGroup => (
            code!("smi-version-unknown"),
            format!("the apiVersion `{written}` does not have the kind {name}; `{}` has it", kind.group()),
        ),
    };
    let span = found.api_version.as_ref().or(found.kind.as_ref()).map_or(found.node.span, |text| text.span);
    Problem::new(code, span, message)
        .help(format!("if that is what the object means, write `apiVersion: {right}` and run again"))
}

// --- metadata ---

/// An entry of a TrafficMetricsList: its metadata, then `rest`.
pub(super) fn item<T>(
    reader: &mut Reader,
    root: &Table<'_>,
    rest: impl FnOnce(&mut Reader, &Table<'_>, Meta) -> T,
) -> T {
    let id = ObjectId {
        kind: reader.kind.name().to_owned(),
        group: reader.kind.group().to_owned(),
        version: reader.version.name().to_owned(),
        namespace: None,
        name: String::new(),
    };
    let mut meta = meta(reader, root, id);
    meta.id.name.clone_from(&meta.name.value);
    meta.id.namespace = meta.namespace.as_ref().map(|namespace| namespace.value.clone());
    rest(reader, root, meta)
}

fn meta(reader: &mut Reader, root: &Table<'_>, id: ObjectId) -> Meta {
    let mut meta = Meta {
        id,
        version: reader.version,
        span: root.span,
        name: Spanned::new(String::new(), root.span),
        namespace: None,
        labels: BTreeMap::new(),
        annotations: BTreeMap::new(),
        owners: Vec::new(),
    };
    let metadata = root.field("metadata").and_then(|field| reader.table(&field));
    meta.name = name(reader, root, metadata.as_ref()).unwrap_or(meta.name);
    let Some(metadata) = metadata else { return meta };
    meta.namespace = metadata.field("namespace").and_then(|field| reader.name(&field, NameRule::Label));
    meta.labels = texts(reader, &metadata, "labels");
    meta.annotations = texts(reader, &metadata, "annotations");
    meta.owners = owners(reader, &metadata);
    meta
}

/// `metadata.name`. Metrics are answers of an API and need none.
fn name(reader: &mut Reader, root: &Table<'_>, metadata: Option<&Table<'_>>) -> Option<Spanned<String>> {
    if let Some(field) = metadata.and_then(|metadata| metadata.field("name")) {
        return reader.name(&field, NameRule::Subdomain);
    }
    if let Some(field) = metadata.and_then(|metadata| metadata.field("generateName")) {
        let message = "`metadata.generateName` gives the object another name each time it is created";
        reader.push(
            Problem::new(code!("smi-field-missing"), field.span(), message).help("give it a fixed `metadata.name`"),
        );
    } else if !matches!(reader.kind, Kind::TrafficMetrics | Kind::TrafficMetricsList) {
        reader.missing("metadata.name", metadata.map_or(root.span, |metadata| metadata.span));
    }
    None
}

/// A mapping of texts: labels, annotations.
fn texts(reader: &mut Reader, table: &Table<'_>, name: &str) -> BTreeMap<String, Spanned<String>> {
    let Some(field) = table.field(name) else { return BTreeMap::new() };
    let Some(table) = reader.table(&field) else { return BTreeMap::new() };
    let mut text = |field: Field<'_>| match field.is_null() {
        true => Some(Spanned::new(String::new(), field.node.span)),
        false => reader.text(&field),
    };
    table.fields().filter_map(|(key, field)| Some((key.value, text(field)?))).collect()
}

fn owners(reader: &mut Reader, metadata: &Table<'_>) -> Vec<Owner> {
    let Some(field) = metadata.field("ownerReferences") else { return Vec::new() };
    let entries = reader.entries(&field).unwrap_or_default();
    entries.iter().filter_map(|entry| reader.table(entry).map(|table| owner(reader, &table))).collect()
}

fn owner(reader: &mut Reader, table: &Table<'_>) -> Owner {
    let mut text = |name: &str| {
        let text = table.field(name).and_then(|field| reader.text(&field));
        text.map(|text| text.value).unwrap_or_default()
    };
    Owner { api_version: text("apiVersion"), kind: text("kind"), name: text("name"), span: table.span }
}

// === impl Problem ===

impl Problem {
    /// A problem of `code` at `span`.
    #[must_use]
    pub fn new(code: Code, span: Span, message: impl Into<String>) -> Self {
        Self { code, span, message: message.into(), help: None, other: None }
    }

    /// With what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// With a second place, and what is there.
    #[must_use]
    pub fn other(mut self, span: Span, what: &'static str) -> Self {
        self.other = Some((span, what));
        self
    }

    /// Whether the object cannot be migrated while this stands.
    ///
    /// # Panics
    /// If the code has no row; a test holds every code to one.
    #[must_use]
    pub fn blocks(&self) -> bool {
        catalogue::row(self.code).outcome == Some(Outcome::Blocked)
    }
}
