//! One document to a tree of nodes.
//!
//! It happens in two steps. `events` gives a flat list of raw nodes, each where it was written and with aliases left as
//! they are; here they become [`Node`]s, with aliases and merge keys expanded under a limit. What cannot be read is told
//! in words for people, and a template that was not rendered is told from a mistake.

use std::borrow::Cow;
use std::collections::HashMap;

use super::events::{Content, Raw, Reader, read};
use super::{Node, Value, json};
use crate::code;
use crate::place::Span;
use crate::report::Code;

/// A parsed document.
#[derive(Clone, Debug)]
pub struct Document {
    /// The root node; none for a document that holds nothing but comments.
    pub root: Option<Node>,
    /// The comments, in order: from `#` to before the line break.
    pub comments: Vec<Span>,
    /// What was wrong but did not stop the parser (duplicate keys: the last value counts, as it does for kubectl).
    pub problems: Vec<Problem>,
}

/// Something wrong with a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What kind of thing.
    pub kind: ProblemKind,
    /// Where.
    pub span: Span,
    /// In words, lower case first, no full stop.
    pub message: String,
    /// The other place that it is about: the first of two equal keys; where the parser stopped in a template.
    pub other: Option<Span>,
}

/// The kinds of things that can be wrong with a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProblemKind {
    /// Not YAML.
    Syntax,
    /// Not YAML because it is a template that was not rendered.
    Template,
    /// The same key twice in one mapping.
    DuplicateKey,
    /// Aliases that expand to more nodes than the limit.
    Aliases,
    /// Nested deeper than the limit.
    Depth,
}

// === impl ProblemKind ===

impl ProblemKind {
    /// The row of `mappings/findings.yaml` that explains it.
    #[must_use]
    pub fn code(self) -> Code {
        match self {
            Self::Syntax => code!("yaml-syntax"),
            Self::Template => code!("yaml-template"),
            Self::DuplicateKey => code!("yaml-duplicate-key"),
            Self::Aliases => code!("yaml-aliases"),
            Self::Depth => code!("yaml-depth"),
        }
    }
}

/// How deep lists and maps may be nested, aliases expanded. Deep enough for any manifest (CRD schemas reach 40), and
/// shallow enough for every recursion over a tree to fit on the stack of a thread.
pub(super) const MAX_DEPTH: usize = 200;

/// How many nodes the aliases of one document may expand to.
const MAX_ALIASED_NODES: usize = 100_000;

/// How many bytes of text the aliases of one document may expand to.
const MAX_ALIASED_BYTES: usize = 16 << 20;

/// Parses the document that stands at `span` of `text`. Spans of the result are offsets into `text`.
///
/// Of equal keys the last value counts, at the first one's position; a problem names both. Merge keys (`<<`) are
/// expanded: what they add comes after the mapping's own entries. An own entry wins over a `<<` before it and loses to one
/// after it, as for kubectl (kubernetes-sigs/yaml@v1.4.0 goyaml.v2/decode.go, `merge`); where that makes a difference, a
/// problem says so.
///
/// # Errors
/// The problem that stopped the parser.
pub fn parse(text: &str, span: Span) -> Result<Document, Problem> {
    match json::read(text, span) {
        Some(root) => Ok(Document { root: Some(root), comments: Vec::new(), problems: Vec::new() }),
        None => parse_yaml(text, span),
    }
}

/// As [`parse`], for YAML that is not plain JSON.
pub(super) fn parse_yaml(text: &str, span: Span) -> Result<Document, Problem> {
    read(text, span)
        .and_then(|Reader { raw, comments, .. }| {
            let mut expansion = Expansion { raw: &raw, problems: Vec::new(), nodes: 0, bytes: 0 };
            let root = (!raw.is_empty()).then(|| expansion.node(0, 0, Origin::Written)).transpose()?;
            Ok(Document { root, comments, problems: expansion.problems })
        })
        .map_err(|problem| unrendered(text, span, problem))
}

/// The first `{{ ... }}` inside a scalar of the document at `span`: a template action that YAML happens to accept.
/// Comments do not count, and a document that does not parse has none (its problem is [`ProblemKind::Template`]).
#[must_use]
pub fn template(text: &str, span: Span) -> Option<Span> {
    memchr::memmem::find(span.of(text).as_bytes(), b"{{")?;
    let reader = read(text, span).ok()?;
    reader.raw.iter().filter(|raw| matches!(raw.content, Content::Scalar { .. })).find_map(|raw| action(text, raw.span))
}

/// The first `{{ ... }}` of `span`.
fn action(text: &str, span: Span) -> Option<Span> {
    let inside = span.of(text);
    let open = inside.find("{{")?;
    let close = inside[open..].find("}}")?;
    Some(Span::new(span.start + open, span.start + open + close + 2))
}

// --- templates ---

/// Says of a document that did not parse whether that is because it is a template.
fn unrendered(text: &str, span: Span, problem: Problem) -> Problem {
    if !matches!(problem.kind, ProblemKind::Syntax) {
        return problem;
    }
    let Some(mark) = template_mark(text, span) else { return problem };
    Problem {
        kind: ProblemKind::Template,
        span: mark,
        message: format!("this looks like a Helm or Jinja template that was not rendered ({})", problem.message),
        other: Some(problem.span),
    }
}

/// The first `{{`, or line that begins with `{%`, outside of comment lines.
fn template_mark(text: &str, span: Span) -> Option<Span> {
    let mut start = span.start;
    for line in span.of(text).split_inclusive('\n') {
        let content = line.trim_start();
        let indent = line.len() - content.len();
        if content.starts_with("{%") {
            return Some(Span::new(start + indent, start + indent + content.trim_end().len()));
        }
        if !content.starts_with('#')
            && let Some(open) = line.find("{{")
        {
            let end = line[open..].find("}}").map_or(line.trim_end().len(), |close| open + close + 2);
            return Some(Span::new(start + open, start + end));
        }
        start += line.len();
    }
    None
}

pub(super) fn problem(kind: ProblemKind, span: Span, message: impl Into<String>) -> Problem {
    Problem { kind, span, message: message.into(), other: None }
}

pub(super) fn too_deep(span: Span) -> Problem {
    problem(ProblemKind::Depth, span, format!("lists and maps are nested more than {MAX_DEPTH} deep"))
}

// --- raw nodes to nodes ---

/// How a node came to stand where it does.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Origin {
    /// It was written there.
    Written,
    /// Through an alias, and so it counts.
    Aliased,
}

struct Expansion<'a> {
    raw: &'a [Raw],
    problems: Vec<Problem>,
    /// How much aliases have expanded to.
    nodes: usize,
    bytes: usize,
}

impl Expansion<'_> {
    fn node(&mut self, index: usize, depth: usize, origin: Origin) -> Result<Node, Problem> {
        let Raw { span, content } = &self.raw[index];
        self.count(*span, content, origin)?;
        if depth > MAX_DEPTH {
            return Err(too_deep(*span));
        }
        let value = match content {
            Content::Alias(target) => return self.node(*target, depth, Origin::Aliased),
            Content::Scalar { scalar, .. } => Value::Scalar(scalar.clone()),
            Content::List(items) => {
                Value::List(items.iter().map(|&item| self.node(item, depth + 1, origin)).collect::<Result<_, _>>()?)
            }
            Content::Map(children) => Value::Map(self.map(children, depth + 1, origin)?),
        };
        Ok(Node { span: *span, value })
    }

    fn count(&mut self, span: Span, content: &Content, origin: Origin) -> Result<(), Problem> {
        if origin == Origin::Written {
            return Ok(());
        }
        self.nodes += 1;
        if let Content::Scalar { scalar, .. } = content {
            self.bytes += scalar.text.len();
        }
        if self.nodes > MAX_ALIASED_NODES || self.bytes > MAX_ALIASED_BYTES {
            let message =
                format!("aliases expand to more than {MAX_ALIASED_NODES} nodes or {} MiB", MAX_ALIASED_BYTES >> 20);
            return Err(problem(ProblemKind::Aliases, span, message));
        }
        Ok(())
    }

    fn map(&mut self, children: &[usize], depth: usize, origin: Origin) -> Result<Vec<(Node, Node)>, Problem> {
        let mut entries = Entries::default();
        // Merge keys, each with how many own entries stood before it.
        let mut merges = Vec::new();
        for pair in children.chunks_exact(2) {
            let (key, value) = (pair[0], pair[1]);
            if let Content::Scalar { merge: true, .. } = self.raw[key].content {
                merges.push((self.raw[key].span, value, entries.list.len()));
                continue;
            }
            let key = self.node(key, depth, origin)?;
            let value = self.node(value, depth, origin)?;
            check_key(&key)?;
            if let Some(first) = entries.set(key, value) {
                self.duplicate(&entries, first, origin);
            }
        }
        // Of several `<<` the last wins for kubectl, so it is asked first.
        for (span, value, before) in merges.into_iter().rev() {
            self.merge(&mut entries, Merge { span, before }, value, depth)?;
        }
        Ok(entries.list)
    }

    fn duplicate(&mut self, entries: &Entries, first: Duplicate, origin: Origin) {
        if origin == Origin::Aliased {
            return;
        }
        let key = &entries.list[first.index].0;
        let message = format!(
            "the key `{}` stands here a second time; the last value counts, as it does for kubectl",
            shown(key)
        );
        self.problems.push(Problem {
            kind: ProblemKind::DuplicateKey,
            span: key.span,
            message,
            other: Some(first.span),
        });
    }

    /// Adds the entries that the value of a `<<` has and the map lacks, and puts its values in the place of own ones that
    /// stand before it (measured with sigs.k8s.io/yaml v1.6.0).
    fn merge(&mut self, entries: &mut Entries, merge: Merge, value: usize, depth: usize) -> Result<(), Problem> {
        let sources = match &self.raw[self.target(value)].content {
            Content::Map(_) => vec![value],
            Content::List(items) if matches!(self.raw[value].content, Content::List(_)) => items.clone(),
            Content::List(_) | Content::Scalar { .. } | Content::Alias(_) => return Err(no_map(self.raw[value].span)),
        };
        for source in sources {
            if !matches!(self.raw[self.target(source)].content, Content::Map(_)) {
                return Err(no_map(self.raw[source].span));
            }
            let Value::Map(merged) = self.node(source, depth, Origin::Aliased)?.value else { continue };
            for (key, value) in merged {
                match entries.find(&key.key_text()) {
                    None => {
                        entries.set(key, value);
                    }
                    Some(own) if own < merge.before => {
                        let (key, written) = &mut entries.list[own];
                        if !same(written, &value) {
                            self.problems.push(overwritten(key, merge.span));
                            *written = value;
                        }
                    }
                    Some(_) => {}
                }
            }
        }
        Ok(())
    }

    /// The raw node that `index` stands for.
    fn target(&self, index: usize) -> usize {
        match self.raw[index].content {
            Content::Alias(target) => target,
            Content::Scalar { .. } | Content::List(_) | Content::Map(_) => index,
        }
    }
}

/// A `<<`, and how many own entries stood before it.
#[derive(Clone, Copy)]
struct Merge {
    span: Span,
    before: usize,
}

/// The entries of a map, each key once.
#[derive(Default)]
struct Entries {
    list: Vec<(Node, Node)>,
    /// From keys to entries, once there are too many to look at each.
    index: HashMap<String, usize>,
}

/// From how many entries on a map is indexed by its keys.
const INDEXED: usize = 16;

/// An entry that was replaced, and where its key stood.
#[derive(Clone, Copy)]
struct Duplicate {
    index: usize,
    span: Span,
}

impl Entries {
    /// Which entry has the key `text`.
    fn find(&self, text: &str) -> Option<usize> {
        if self.list.len() < INDEXED {
            return self.list.iter().position(|(key, _)| key.key_text() == text);
        }
        self.index.get(text).copied()
    }

    /// Sets the entry of `key`; says which it replaced.
    fn set(&mut self, key: Node, value: Node) -> Option<Duplicate> {
        if let Some(index) = self.find(&key.key_text()) {
            let span = self.list[index].0.span;
            self.list[index] = (key, value);
            return Some(Duplicate { index, span });
        }
        self.list.push((key, value));
        match self.list.len() {
            INDEXED => {
                self.index.extend(self.list.iter().enumerate().map(|(at, (key, _))| (key.key_text().into(), at)));
            }
            more if more > INDEXED => {
                let last = more - 1;
                self.index.insert(self.list[last].0.key_text().into(), last);
            }
            _ => {}
        }
        None
    }
}

/// Refuses what kubectl can make no JSON key of.
fn check_key(key: &Node) -> Result<(), Problem> {
    let kind = match &key.value {
        Value::Scalar(scalar) if !scalar.is_null() => return Ok(()),
        Value::Scalar(_) | Value::List(_) | Value::Map(_) => key.kind_word(),
    };
    Err(problem(ProblemKind::Syntax, key.span, format!("a key must not be {kind}")))
}

fn shown(key: &Node) -> Cow<'_, str> {
    match &key.value {
        Value::Scalar(scalar) => Cow::Borrowed(&scalar.text),
        Value::List(_) | Value::Map(_) => Cow::Borrowed("?"),
    }
}

fn no_map(span: Span) -> Problem {
    problem(ProblemKind::Syntax, span, "the value of `<<` must be a map or a list of maps")
}

fn overwritten(key: &Node, merge: Span) -> Problem {
    Problem {
        kind: ProblemKind::DuplicateKey,
        span: key.span,
        message: format!(
            "the key `{}` stands here and in the `<<` after it with another value; the later one counts, as it does for kubectl",
            shown(key)
        ),
        other: Some(merge),
    }
}

/// Whether two nodes hold the same, wherever they stand.
fn same(one: &Node, other: &Node) -> bool {
    match (&one.value, &other.value) {
        (Value::Scalar(one), Value::Scalar(other)) => one == other,
        (Value::List(one), Value::List(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Value::Map(one), Value::Map(other)) => {
            one.len() == other.len()
                && one.iter().zip(other).all(|(one, other)| same(&one.0, &other.0) && same(&one.1, &other.1))
        }
        (Value::Scalar(_) | Value::List(_) | Value::Map(_), _) => false,
    }
}
