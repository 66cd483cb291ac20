//! From documents to objects: what SMI says, and what stands beside it.
//!
//! Documents that carry a mark are read first. What they name is then looked for in the bytes of the others, so that the
//! cost of a run follows the SMI that there is: a document that names nothing of it, and carries no sign of a mesh, is never
//! parsed. Where SMI grants, names are not enough: labels may select pods that no TrafficTarget speaks of, and callers come
//! by ways of their own. So in a scope that holds a TrafficTarget or an IdentityBinding, and in the context of one, every
//! document is parsed that has a word of what makes pods, of what leads to them, or of policy.

use aho_corasick::{AhoCorasick, AhoCorasickKind};
use rayon::prelude::*;
use std::collections::BTreeSet;
use std::sync::LazyLock;

use crate::inventory::kinds::{AROUND_GRANTS, Header, WORDS};
use crate::inventory::{Entry, Mode, Unread, Unreadable, mode};
use crate::mappings;
use crate::place::{Place, Role, SourceId, SourceMap, Span};
use crate::referrers::{self, packages};
use crate::report::{Finding, Level, ObjectId};
use crate::scan::{Doc, DocId, MissingList, Part, Scope};
use crate::smi::{self, Object};
use crate::verify::world::is_read;
use crate::yaml;

/// One SMI object of the input.
#[derive(Clone, Debug)]
pub struct SmiObject {
    /// The document it stands in.
    pub doc: DocId,
    /// The text it stands in.
    pub source: SourceId,
    /// The document's bytes.
    pub piece: yaml::Piece,
    /// The whole object.
    pub span: Span,
    /// Which object.
    pub id: ObjectId,
    /// Its content; none where it could not be typed.
    pub object: Option<Object>,
    /// It is a patch: another object's content changes by it.
    pub patch: Option<Place>,
    /// What was wrong with it.
    pub findings: Vec<Finding>,
}

/// An object whose whole text decides where requests go, besides SMI.
#[derive(Clone, Debug)]
pub struct Held {
    /// The object.
    pub node: yaml::Node,
    /// The text it stands in.
    pub source: SourceId,
    /// As written.
    pub namespace: Option<String>,
}

/// What one document gave.
#[derive(Debug, Default)]
pub struct Loaded {
    /// Its SMI objects.
    pub objects: Vec<SmiObject>,
    /// What else it contributes.
    pub entries: Vec<Entry>,
    /// What a verdict on routes has to look at whole.
    pub held: Vec<Held>,
    /// Findings that belong to no SMI object.
    pub findings: Vec<Finding>,
}

/// Loads all documents, in their order. `context` stands beside every scope.
#[must_use]
pub fn load(documents: &[Doc], scopes: &[Scope], context: &[DocId], sources: &SourceMap) -> Vec<Loaded> {
    let id = |index: usize| DocId(u32::try_from(index).unwrap_or(u32::MAX));
    let known = |doc: &Doc| doc.marked || doc.part != Part::Manifest;
    let mut loaded: Vec<Loaded> = documents
        .par_iter()
        .enumerate()
        .map(|(index, doc)| if known(doc) { load_document(id(index), doc, sources) } else { Loaded::default() })
        .collect();
    let Some(wanted) = Wanted::of(&loaded, scopes, context) else { return loaded };
    loaded.par_iter_mut().zip(documents).enumerate().filter(|(_, (_, doc))| !known(doc)).for_each(
        |(index, (slot, doc))| {
            if wanted.is_in(index, doc.piece.span.of(&sources.get(doc.source).text)) {
                *slot = load_document(id(index), doc, sources);
            }
        },
    );
    loaded
}

/// Loads every document whole, whether or not SMI names what is in it.
#[must_use]
pub fn load_all(documents: &[Doc], sources: &SourceMap) -> Vec<Loaded> {
    let id = |index: usize| DocId(u32::try_from(index).unwrap_or(u32::MAX));
    documents.par_iter().enumerate().map(|(index, doc)| load_document(id(index), doc, sources)).collect()
}

/// Adds to what the documents gave what a cluster did not.
pub fn add_missing_lists(loaded: &mut [Loaded], missing: &[MissingList], documents: &[Doc]) {
    for MissingList { doc, what, namespace } in missing {
        let at = doc.0 as usize;
        if let (Some(loaded), Some(doc)) = (loaded.get_mut(at), documents.get(at)) {
            let place = Place { source: doc.source, span: doc.piece.span };
            let namespace = namespace.clone();
            let unreadable = Unreadable { why: Unread::Unlisted, what: what.clone(), namespace, place };
            loaded.entries.push(Entry::Unreadable(unreadable));
        }
    }
}

/// What makes a document without a mark worth parsing.
struct Wanted {
    /// The names that SMI objects mention: Services, splits, groups, owners.
    names: AhoCorasick,
    /// For each document, whether it stands beside a grant.
    beside_grants: Vec<bool>,
}

/// The words of kinds that the inventory holds.
static KINDS: LazyLock<AhoCorasick> = LazyLock::new(|| automaton(WORDS.iter().copied()));

/// The words of what bears on a grant.
static GRANTS: LazyLock<AhoCorasick> =
    LazyLock::new(|| automaton(AROUND_GRANTS.iter().chain(mode::WORDS).copied().chain(served())));

/// The domains that only a source mesh served.
static SERVED: LazyLock<AhoCorasick> = LazyLock::new(|| automaton(served()));

fn served() -> impl Iterator<Item = &'static str> {
    mode::served().map(|(_, domain)| domain)
}

/// The words that are evidence of a mesh.
static EVIDENCE: LazyLock<AhoCorasick> = LazyLock::new(|| {
    automaton(mappings::sources().iter().flat_map(|mesh| {
        let evidence = &mesh.evidence;
        evidence.groups.iter().chain(&evidence.annotations).chain(&evidence.labels).map(String::as_str)
    }))
});

/// What every object of SMI has one of: its kind, or its group with a version.
static OBJECTS: LazyLock<AhoCorasick> =
    LazyLock::new(|| automaton(smi::Kind::ALL.iter().map(|kind| kind.name()).chain(["smi-spec.io/"])));

fn automaton<'words>(words: impl IntoIterator<Item = &'words str>) -> AhoCorasick {
    let words: BTreeSet<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
    let build = AhoCorasick::builder().kind(Some(AhoCorasickKind::ContiguousNFA)).build(&words);
    build.unwrap_or_else(|_| AhoCorasick::new([""]).expect("one empty word always fits"))
}

impl Wanted {
    /// What the objects mention; none if there is no object.
    fn of(loaded: &[Loaded], scopes: &[Scope], context: &[DocId]) -> Option<Self> {
        let objects: Vec<&SmiObject> = loaded.iter().flat_map(|loaded| &loaded.objects).collect();
        if objects.is_empty() {
            return None;
        }
        let names = automaton(objects.iter().flat_map(|object| names(object)));
        Some(Self { names, beside_grants: beside_grants(loaded, scopes, context) })
    }

    fn is_in(&self, index: usize, body: &str) -> bool {
        (self.beside_grants[index] && GRANTS.is_match(body))
            || (self.names.is_match(body) && KINDS.is_match(body))
            || EVIDENCE.is_match(body)
    }
}

/// For each document, whether it is deployed together with a grant, or is context of one.
fn beside_grants(loaded: &[Loaded], scopes: &[Scope], context: &[DocId]) -> Vec<bool> {
    let has_grants = |doc: DocId| loaded[doc.0 as usize].objects.iter().any(grants);
    let mut beside = vec![false; loaded.len()];
    let mut any = false;
    for scope in scopes.iter().filter(|scope| scope.documents().any(has_grants)) {
        any = true;
        scope.documents().for_each(|doc| beside[doc.0 as usize] = true);
    }
    context.iter().filter(|_| any).for_each(|doc| beside[doc.0 as usize] = true);
    beside
}

/// Whether an object grants, or says who is granted; one that could not be typed counts.
fn grants(object: &SmiObject) -> bool {
    [smi::Kind::TrafficTarget, smi::Kind::IdentityBinding].iter().any(|kind| object.id.kind == kind.name())
}

/// The names that an object mentions; of a host, its first label.
fn names(object: &SmiObject) -> Vec<&str> {
    let mut names = vec![object.id.name.as_str()];
    let Some(typed) = &object.object else { return names };
    names.extend(typed.meta().owners.iter().map(|owner| owner.name.as_str()));
    if let Object::TrafficSplit(split) = typed {
        let backends = split.backends.iter().filter_map(|backend| backend.service.as_ref());
        let hosts = split.service.iter().chain(backends).map(|host| host.value.as_str());
        names.extend(hosts.map(|host| {
            let host = host.rsplit('/').next().unwrap_or(host);
            host.split(['.', ':']).next().unwrap_or(host)
        }));
    }
    names
}

fn load_document(id: DocId, doc: &Doc, sources: &SourceMap) -> Loaded {
    let source = sources.get(doc.source);
    let text = &source.text;
    let mut loaded = Loaded::default();
    let subject = source.role == Role::Subject;
    let document = match yaml::parse(text, doc.piece.span) {
        Ok(document) => document,
        Err(problem) => {
            if doc.marked || doc.part != Part::Chart {
                let unread = || unread(&problem, doc.piece.span.of(text), doc.source);
                loaded.findings.extend((doc.marked && subject).then(unread));
                let place = Place { source: doc.source, span: problem.span };
                let unreadable = Unreadable::document(Unread::of(&problem), place);
                loaded.entries.push(Entry::Unreadable(unreadable));
            }
            return loaded;
        }
    };
    let Some(root) = &document.root else { return loaded };
    if doc.part == Part::Chart {
        loaded.findings.extend(packages::inspect_chart(root, doc.source));
        loaded.entries.extend(Mode::of_values(root, doc.source).into_iter().map(Entry::Mode));
        return loaded;
    }
    if doc.part == Part::Kustomization {
        loaded.entries.extend(Unreadable::of_build(root, doc.source).into_iter().map(Entry::Unreadable));
    }
    let is_patch = matches!(doc.part, Part::Patch { .. });
    if is_patch {
        loaded.entries.extend(Unreadable::of_operations(root, doc.source).map(Entry::Unreadable));
    }
    let served = SERVED.is_match(doc.piece.span.of(text));
    for found in smi::objects(root) {
        if let Some(read) = smi::read(&found) {
            let place = Place { source: doc.source, span: found.node.span };
            let findings =
                read.problems.into_iter().map(|problem| problem_finding(problem, doc.source, &read.id)).collect();
            loaded.objects.push(SmiObject {
                doc: id,
                source: doc.source,
                piece: doc.piece,
                span: place.span,
                id: read.id,
                object: read.object,
                patch: match doc.part {
                    Part::Patch { listed_at } => Some(listed_at),
                    Part::Manifest | Part::Kustomization | Part::Chart => None,
                },
                findings,
            });
            continue;
        }
        let Some(header) = Header::of(found.node) else { continue };
        match is_patch {
            true => loaded.entries.extend(Entry::read_patch(&header, doc.source)),
            false => loaded.entries.extend(Entry::read(&header, doc.source)),
        }
        if served {
            loaded.entries.extend(Entry::mentions(&header, doc.source));
        }
        if is_read(header.group(), header.kind) {
            let namespace = header.namespace.map(str::to_owned);
            loaded.held.push(Held { node: found.node.clone(), source: doc.source, namespace });
        }
        if doc.marked {
            loaded.findings.extend(referrers::inspect(&header, doc.source));
        }
    }
    if !loaded.objects.is_empty() {
        loaded.findings.extend(document.problems.iter().map(|problem| unreadable(problem, doc.source)));
    }
    loaded
}

fn unreadable(problem: &yaml::Problem, source: SourceId) -> Finding {
    let finding = Finding::new(problem.kind.code(), problem.message.clone()).at(Place { source, span: problem.span });
    let there = match problem.kind {
        yaml::ProblemKind::Template => "reading stopped here",
        yaml::ProblemKind::Syntax
        | yaml::ProblemKind::DuplicateKey
        | yaml::ProblemKind::Aliases
        | yaml::ProblemKind::Depth => "first here",
    };
    match problem.other {
        Some(other) => finding.label(Place { source, span: other }, there),
        None => finding,
    }
}

/// A document that could not be parsed: it is no error where it can only point at SMI and be no object of it.
fn unread(problem: &yaml::Problem, body: &str, source: SourceId) -> Finding {
    let mut finding = unreadable(problem, source);
    if !OBJECTS.is_match(body) {
        finding.level = finding.level.min(Level::Warning);
    }
    finding
}

fn problem_finding(problem: smi::Problem, source: SourceId, id: &ObjectId) -> Finding {
    let smi::Problem { code, span, message, help, other } = problem;
    let mut finding = Finding::new(code, message).at(Place { source, span }).about(id);
    finding.help = help;
    match other {
        Some((span, what)) => finding.label(Place { source, span }, what),
        None => finding,
    }
}

#[cfg(test)]
mod tests;
