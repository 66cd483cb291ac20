//! `HTTPRouteGroup`, `TCPRoute` (specs.smi-spec.io v1alpha1 to v1alpha4) and `UDPRoute` (v1alpha4).
//!
//! Shape: smi-spec `apis/traffic-specs/*`, smi-sdk-go `pkg/apis/specs/*`.

use std::collections::BTreeMap;

use super::cursor::{Field, Reader, Table};
use super::{Kind, Meta, Problem, Version};
use crate::code;
use crate::place::{Span, Spanned};
use crate::yaml::Value;

/// An HTTPRouteGroup of any version: top-level `matches` (v1alpha1, v1alpha2) and `spec.matches` are one field here.
#[derive(Clone, Debug)]
pub struct HttpRouteGroup {
    /// Identity and metadata.
    pub meta: Meta,
    /// The matches, in written order.
    pub matches: Vec<HttpMatch>,
    /// From the key `matches` to the end of the list; none where the group has no list of matches.
    pub matches_span: Option<Span>,
    /// The key of a list of matches that stands where this version does not have it (the API server would have pruned
    /// it); the matches are read all the same, and an `smi-shape-unclear` problem says so.
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
    /// `headers`, both wire forms, in written order. Of a name that is given twice the last counts, as it does for
    /// smi-sdk-go; names that differ in case are all kept.
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

/// The methods of the enum of every SMI CustomResourceDefinition that has one (smi-sdk-go `crds/specs.yaml`).
const METHODS: [&str; 10] = ["*", "GET", "HEAD", "PUT", "POST", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];

// === impl HttpRouteGroup ===

impl HttpRouteGroup {
    pub(super) fn read(reader: &mut Reader, root: &Table<'_>, meta: Meta) -> Self {
        let mut group = Self { meta, matches: Vec::new(), matches_span: None, misplaced: None };
        let Some(Place { field, misplaced }) = group_matches(reader, root) else { return group };
        group.misplaced = misplaced.then_some(field.key);
        group.matches_span = Some(field.span());
        let entries = reader.entries(&field).unwrap_or_default();
        group.matches = entries.iter().filter_map(|entry| http_match(reader, entry)).collect();
        group
    }
}

/// The list of matches, and whether it stands where its version has none.
struct Place<'a> {
    field: Field<'a>,
    misplaced: bool,
}

fn group_matches<'a>(reader: &mut Reader, root: &Table<'a>) -> Option<Place<'a>> {
    let spec = root.field("spec");
    let spec_table = spec.as_ref().and_then(|field| reader.table(field));
    let below = |name: &str| spec_table.as_ref().and_then(|spec| spec.field(name));
    let top_level = reader.version <= Version::V1alpha2;
    let (home, path, other) = match top_level {
        true => (root.field("matches"), "matches", below("matches")),
        false => (below("matches"), "spec.matches", root.field("matches")),
    };
    if let Some(field) = home {
        return Some(Place { field, misplaced: false });
    }
    if let Some(field) = below("routes").or_else(|| root.field("routes")) {
        draft(reader, &field, path);
        mark_spec(reader, spec.as_ref(), top_level);
        return Some(Place { field, misplaced: false });
    }
    let Some(field) = other else {
        reader.missing(path, root.span);
        return None;
    };
    let version = reader.version.name();
    let message = format!("the matches of this group stand at `{}`; {version} has them at `{path}`", field.path);
    reader.push(Problem::new(code!("smi-shape-unclear"), field.key, message).help(
        "in a cluster the API server pruned them and the group was empty: move them if they are meant to count, \
         or take them away",
    ));
    reader.read_as(field.key, path);
    mark_spec(reader, spec.as_ref(), top_level);
    Some(Place { field, misplaced: true })
}

/// What stands under a `spec` that the version does not have is looked up from the top.
fn mark_spec(reader: &mut Reader, spec: Option<&Field<'_>>, top_level: bool) {
    if let Some(spec) = spec.filter(|_| top_level) {
        reader.read_as(spec.key, "");
    }
}

/// `field` has the name that only the draft v1alpha5 gave it; it is read as what the versions have at `path`.
fn draft(reader: &mut Reader, field: &Field<'_>, path: &'static str) {
    let message = format!("`{}` is of the draft v1alpha5, which was never released and which no mesh read", field.path);
    reader.push(
        Problem::new(code!("smi-version-unknown"), field.key, message)
            .help(format!("write it as `{path}` of v1alpha4")),
    );
    reader.read_as(field.key, path);
}

fn http_match(reader: &mut Reader, entry: &Field<'_>) -> Option<HttpMatch> {
    let table = reader.table(entry)?;
    let read = HttpMatch {
        span: table.span,
        name: table.field("name").and_then(|field| reader.rendered(&field)),
        methods: table.field("methods").and_then(|field| methods(reader, &field)),
        path_regex: table.field("pathRegex").and_then(|field| path_regex(reader, &field)),
        headers: table.field("headers").map(|field| headers(reader, &field)).unwrap_or_default(),
    };
    let has = |name: &str| table.field(name).is_some();
    let empty_path = read.path_regex.as_ref().is_none_or(|path| path.value.is_empty());
    let all_methods = read.methods.as_ref().is_none_or(Vec::is_empty);
    if empty_path && all_methods && read.headers.is_empty() && !has("headers") {
        let message = "this match has no condition, so it takes every request";
        reader.push(
            Problem::new(code!("match-empty"), table.span, message)
                .help("write `pathRegex: \".*\"` if every request is meant"),
        );
    }
    Some(read)
}

fn methods(reader: &mut Reader, field: &Field<'_>) -> Option<Vec<Spanned<String>>> {
    let entries = reader.entries_or_one(field)?;
    Some(entries.iter().filter_map(|entry| method(reader, entry)).collect())
}

fn method(reader: &mut Reader, entry: &Field<'_>) -> Option<Spanned<String>> {
    let method = reader.text(entry)?;
    if reader.unrendered(entry, &method.value) || METHODS.contains(&method.value.as_str()) {
        return Some(method);
    }
    let message = format!("`{}` is `{}`, which is no method that SMI has", entry.path, method.value);
    let upper = method.value.to_ascii_uppercase();
    let help = match METHODS.contains(&upper.as_str()) {
        true => format!("write `{upper}` if that is meant: methods are compared with their case"),
        false => format!("write one of {}", METHODS.join(", ")),
    };
    reader.push(Problem::new(code!("match-method-unknown"), entry.node.span, message).help(help));
    Some(method)
}

fn path_regex(reader: &mut Reader, field: &Field<'_>) -> Option<Spanned<String>> {
    let path = reader.pattern(field)?;
    if path.value.starts_with('*') {
        let message = format!("`{}` is `{}`, which is a glob and no regular expression", field.path, path.value);
        reader.push(
            Problem::new(code!("match-path-glob"), field.node.span, message)
                .help(format!("write `.{}` if any text is meant", path.value)),
        );
    }
    Some(path)
}

// --- headers ---

fn headers(reader: &mut Reader, field: &Field<'_>) -> Vec<Header> {
    if reader.version == Version::V1alpha1 {
        let message = format!("`{}` is given, but v1alpha1 has no conditions on headers", field.path);
        reader.push(Problem::new(code!("smi-shape-unclear"), field.key, message).help(
            "the meshes of v1alpha1 did not look at it, so the match took more: take it away to keep that, or write a \
             later apiVersion",
        ));
        reader.judged(field.key);
    }
    match &field.node.value {
        Value::Map(_) => reader.table(field).map(|table| entries_of(reader, &table)).unwrap_or_default(),
        Value::List(_) | Value::Scalar(_) => header_list(reader, field),
    }
}

fn header_list(reader: &mut Reader, field: &Field<'_>) -> Vec<Header> {
    let mut headers: Vec<Header> = Vec::new();
    for entry in reader.entries(field).unwrap_or_default() {
        let Some(table) = reader.table(&entry) else { continue };
        let read = entries_of(reader, &table);
        if read.len() > 1 {
            let message = format!("`{}` has {} headers; read as conditions that must all hold", entry.path, read.len());
            reader.push(
                Problem::new(code!("smi-shape"), table.span, message).help("write one list entry for each header"),
            );
        }
        headers.extend(read);
    }
    last_of_each(reader, headers)
}

fn entries_of(reader: &mut Reader, table: &Table<'_>) -> Vec<Header> {
    let header = |(name, field): (Spanned<String>, Field<'_>)| Some(Header { name, value: reader.pattern(&field)? });
    table.fields().filter_map(header).collect()
}

/// Of a name that is given more than once, the last one.
fn last_of_each(reader: &mut Reader, headers: Vec<Header>) -> Vec<Header> {
    let mut last: BTreeMap<String, Span> = BTreeMap::new();
    let mut kept = Vec::new();
    for header in headers.into_iter().rev() {
        let Some(later) = last.get(&header.name.value) else {
            last.insert(header.name.value.clone(), header.name.span);
            kept.push(header);
            continue;
        };
        let message = format!("the header `{}` is given more than once; the last one counts", header.name.value);
        reader.push(
            Problem::new(code!("match-header-twice"), header.name.span, message)
                .other(*later, "this one counts")
                .help("take away the one that is not meant"),
        );
    }
    kept.reverse();
    kept
}

// === impl PortRoute ===

impl PortRoute {
    pub(super) fn read(reader: &mut Reader, root: &Table<'_>, meta: Meta) -> Self {
        let mut route = Self { meta, name: None, ports: None };
        let spec = root.field("spec");
        let Some(spec) = spec.as_ref().and_then(|field| reader.table(field)) else {
            if spec.is_none() {
                all_ports(reader, root);
            }
            return route;
        };
        let Some(field) = spec.field("matches") else {
            match spec.field("ports") {
                Some(field) => {
                    draft(reader, &field, "spec.matches.ports");
                    route.ports = ports(reader, &field);
                }
                None => all_ports(reader, root),
            }
            return route;
        };
        if !port_matches(reader, &field) {
            return route;
        }
        let Some(matches) = reader.table(&field) else { return route };
        route.name = matches.field("name").and_then(|field| reader.rendered(&field));
        route.ports = matches.field("ports").and_then(|field| ports(reader, &field));
        route
    }
}

/// Whether `spec.matches` has the shape of its version.
fn port_matches(reader: &mut Reader, field: &Field<'_>) -> bool {
    let message = if reader.version < Version::V1alpha4 {
        let version = reader.version.name();
        format!("`{}` is given, but a {} of {version} takes every port", field.path, reader.kind.name())
    } else if matches!(field.node.value, Value::List(_)) {
        format!("`{}` is a list where one mapping with `ports` belongs", field.path)
    } else {
        return true;
    };
    reader.judged(field.key);
    reader.push(
        Problem::new(code!("smi-shape-unclear"), field.key, message)
            .help("write it as `spec: {matches: {ports: […]}}` of v1alpha4 if these ports are meant"),
    );
    reader.version < Version::V1alpha4 && matches!(field.node.value, Value::Map(_))
}

/// A route of v1alpha4 that names no ports takes all of them, though most CustomResourceDefinitions refused it.
fn all_ports(reader: &mut Reader, root: &Table<'_>) {
    if reader.version < Version::V1alpha4 {
        return;
    }
    let kind = match reader.kind {
        Kind::UDPRoute => "UDP",
        _ => "TCP",
    };
    let message = format!("this {} has no `spec.matches`; read as every {kind} port", reader.kind.name());
    reader.push(
        Problem::new(code!("smi-shape"), root.span, message)
            .help("write `spec: {matches: {ports: []}}` for every port"),
    );
}

fn ports(reader: &mut Reader, field: &Field<'_>) -> Option<Vec<Spanned<i64>>> {
    let entries = reader.entries_or_one(field)?;
    Some(entries.iter().filter_map(|entry| reader.integer(entry)).collect())
}
