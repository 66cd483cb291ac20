//! One document to a tree of nodes with spans.
//!
//! granit-parser turns text into events; this file turns events into a tree of its own, so that granit is named
//! here and nowhere else. It happens in two steps: the events become a flat list of raw nodes, still with aliases,
//! and the raw nodes become [`Node`]s, with aliases and merge keys expanded under a limit. Spans come from the first
//! step alone, where every node still stands where it was written.

use granit_parser::{ErrorKind, Event, Options, Parser, ScalarStyle, StructureStyle, Tag};
use std::borrow::Cow;
use std::collections::HashMap;

use super::scalar::CoreTag;
use super::{Node, Scalar, Value};
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
const MAX_DEPTH: usize = 200;

/// How many nodes the aliases of one document may expand to.
const MAX_ALIASED_NODES: usize = 100_000;

/// How many bytes of text the aliases of one document may expand to.
const MAX_ALIASED_BYTES: usize = 16 << 20;

/// Parses the document that stands at `span` of `text`. Spans of the result are offsets into `text`.
///
/// Of equal keys the last value counts, at the first one's position; a problem names both. Merge keys (`<<`) are
/// expanded: what they add comes after the mapping's own entries, and own entries win. kubectl lets a `<<` overwrite the
/// entries before it (kubernetes-sigs/yaml@v1.4.0 goyaml.v2/decode.go, `merge`); where that would make a difference, a
/// problem says so.
///
/// # Errors
/// The problem that stopped the parser.
pub fn parse(text: &str, span: Span) -> Result<Document, Problem> {
    read(text, with_directives(text, span))
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
    let reader = read(text, with_directives(text, span)).ok()?;
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

/// `span`, begun early enough for the `%` directives that stand before its `---`: without them their tags are unknown.
fn with_directives(text: &str, span: Span) -> Span {
    let before = text[..span.start].trim_end_matches([' ', '\t', '\r', '\n']);
    let Some(before) = before.strip_suffix("---") else { return span };
    let mut start = None;
    let mut rest = before;
    while !rest.is_empty() {
        let line_start = rest.trim_end_matches(['\r', '\n']).rfind(['\r', '\n']).map_or(0, |newline| newline + 1);
        match rest[line_start..].trim_start_matches('\u{feff}').bytes().next() {
            Some(b'%') => start = Some(line_start),
            Some(b'#' | b'\r' | b'\n') => {}
            _ => break,
        }
        rest = &rest[..line_start];
    }
    start.map_or(span, |start| Span::new(start, span.end))
}

// --- quoted texts that are not indented ---

/// How often, and over how many bytes in all, a document is read again to get over quoted texts that are not indented.
const MAX_REPAIRS: usize = 200;
const MAX_REPAIRED_BYTES: usize = 16 << 20;

/// Reads what stands at `span`, and gets over one thing that kubectl accepts and granit does not: lines of a quoted text
/// that are not indented below its key (controller-gen wrote such CRDs for years). The parser is given a copy in which
/// the line breaks of that text are spaces, so that no offset moves; its value then comes from the text as it is.
fn read(text: &str, span: Span) -> Result<Reader<'_>, Problem> {
    let mut reader = Reader::new(text, span);
    let Err(mut problem) = reader.read(span.of(text)) else { return Ok(reader) };
    let mut copy = Vec::new();
    let mut repaired = HashMap::new();
    let length = (span.end - span.start).max(1);
    for _ in 0..MAX_REPAIRS.min(MAX_REPAIRED_BYTES / length) {
        let Some(quoted) = reader.unindented else { break };
        if repaired.contains_key(&quoted.start) {
            break;
        }
        let Some(value) = unquoted(quoted.of(text)) else { break };
        repaired.insert(quoted.start, value);
        if copy.is_empty() {
            copy = span.of(text).as_bytes().to_vec();
        }
        for byte in &mut copy[quoted.start - span.start..quoted.end - span.start] {
            if matches!(byte, b'\r' | b'\n') {
                *byte = b' ';
            }
        }
        let Ok(source) = std::str::from_utf8(&copy) else { break };
        reader = Reader { repaired: std::mem::take(&mut repaired), ..Reader::new(text, span) };
        match reader.read(source) {
            Ok(()) => return Ok(reader),
            Err(next) => problem = next,
        }
        repaired = std::mem::take(&mut reader.repaired);
    }
    Err(problem)
}

/// The value of a quoted text: inside brackets its lines may stand at any column.
fn unquoted(quoted: &str) -> Option<String> {
    let flow = format!("[{quoted}]");
    let mut value = None;
    for event in Parser::new_from_str_with_options(&flow, options()) {
        if let (Event::Scalar(text, ..), _) = event.ok()? {
            value = Some(text.into_owned());
        }
    }
    value
}

/// The quoted text that begins at `start`, with its quotes.
fn quoted_span(text: &str, start: usize, end: usize) -> Option<Span> {
    let bytes = &text.as_bytes()[..end];
    let quote = *bytes.get(start)?;
    let mut at = start + 1;
    loop {
        at += memchr::memchr2(quote, b'\\', bytes.get(at..)?)?;
        match (bytes[at], quote) {
            (b'\\', b'"') => at += 2,
            (b'\\', _) => at += 1,
            _ if quote == b'\'' && bytes.get(at + 1) == Some(&quote) => at += 2,
            _ => return Some(Span::new(start, at + 1)),
        }
    }
}

// --- events to raw nodes ---

/// A node as it was written.
struct Raw {
    span: Span,
    content: Content,
}

enum Content {
    Scalar {
        scalar: Scalar,
        /// Whether it is a merge key where it stands as a key: `<<`, plain and without a tag.
        merge: bool,
    },
    List(Vec<usize>),
    /// Keys and values in turn.
    Map(Vec<usize>),
    /// Of the raw node with that index, whose anchor was complete.
    Alias(usize),
}

/// A list or map whose end was not seen yet.
struct Open {
    index: usize,
    style: StructureStyle,
}

struct Reader<'a> {
    text: &'a str,
    /// What is parsed: an offset of an event is relative to its start.
    span: Span,
    raw: Vec<Raw>,
    open: Vec<Open>,
    comments: Vec<Span>,
    /// From granit's anchor numbers to raw nodes.
    anchors: HashMap<usize, usize>,
    /// Where the last node ended.
    last: usize,
    documents: usize,
    /// The values of the quoted texts that were repaired, by where they start.
    repaired: HashMap<usize, String>,
    /// The quoted text at which the parser stopped, because its lines are not indented.
    unindented: Option<Span>,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str, span: Span) -> Self {
        Self {
            text,
            span,
            raw: Vec::new(),
            open: Vec::new(),
            comments: Vec::new(),
            anchors: HashMap::new(),
            last: span.start,
            documents: 0,
            repaired: HashMap::new(),
            unindented: None,
        }
    }

    /// Takes in all events of `source`: the text at `span`, or a copy of the same length.
    fn read(&mut self, source: &str) -> Result<(), Problem> {
        for event in Parser::new_from_str_with_options(source, options()) {
            let (event, span) = event.map_err(|error| self.syntax(&error))?;
            let range = span.byte_range().unwrap_or(0..0);
            self.event(event, Span::new(self.span.start + range.start, self.span.start + range.end))?;
        }
        Ok(())
    }

    fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), Problem> {
        match event {
            Event::Comment(..) => self.comments.push(span),
            Event::DocumentStart(..) => {
                self.documents += 1;
                if self.documents > 1 {
                    return Err(problem(ProblemKind::Syntax, span, "the document goes on after its end"));
                }
            }
            Event::Scalar(value, style, anchor, tag) => self.scalar(value, style, anchor, tag.as_deref(), span),
            Event::SequenceStart(style, anchor, _) => {
                let span = self.list_start(style, span);
                self.start(Content::List(Vec::new()), style, anchor, span)?;
            }
            Event::MappingStart(style, anchor, _) => self.start(Content::Map(Vec::new()), style, anchor, span)?,
            Event::SequenceEnd | Event::MappingEnd => self.end(span),
            Event::Alias(anchor) => self.alias(anchor, span)?,
            _ => {}
        }
        Ok(())
    }

    fn scalar(&mut self, value: Cow<'_, str>, style: ScalarStyle, anchor: usize, tag: Option<&Tag>, span: Span) {
        let (span, text) = match style {
            ScalarStyle::Plain if span.start == span.end => (self.nothing(span.start), String::new()),
            ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => {
                (span, self.repaired.get(&span.start).cloned().unwrap_or_else(|| value.into_owned()))
            }
            ScalarStyle::Plain => (span, value.into_owned()),
            ScalarStyle::Literal | ScalarStyle::Folded => (self.block_scalar(span), value.into_owned()),
        };
        let merge = style == ScalarStyle::Plain && tag.is_none() && text == "<<";
        let scalar = match (core_tag(tag), style) {
            (Some(tag), _) => Scalar::tagged(text, tag),
            (None, ScalarStyle::Plain) => Scalar::plain(text),
            (None, _) => Scalar::string(text),
        };
        let index = self.add(Content::Scalar { scalar, merge }, anchor, span);
        self.last = self.raw[index].span.end;
    }

    /// The place of a value that was left out: right after the colon, if that comes next.
    fn nothing(&self, at: usize) -> Span {
        let at = if self.is_value() && self.text[at..].starts_with(':') { at + 1 } else { at };
        Span::new(at, at)
    }

    /// A block scalar from its `|` or `>` to its last visible character. granit's span is that of the content alone, with
    /// the line breaks after it.
    fn block_scalar(&self, content: Span) -> Span {
        let start = self.indicator(&['|', '>'], content.start).unwrap_or(content.start);
        let written = Span::new(start, content.end.max(start)).of(self.text);
        Span::new(start, start + written.trim_end_matches([' ', '\t', '\r', '\n']).len())
    }

    /// The place of a list that begins. granit begins a block list that is not indented below its key only after its
    /// first `-`.
    fn list_start(&self, style: StructureStyle, span: Span) -> Span {
        match style {
            StructureStyle::Block if self.is_value() => {
                self.indicator(&['-'], span.start).map_or(span, |at| Span::new(at, at))
            }
            StructureStyle::Block | StructureStyle::Flow => span,
        }
    }

    /// Whether what comes next is the value of a key.
    fn is_value(&self) -> bool {
        self.open.last().is_some_and(|open| match &self.raw[open.index].content {
            Content::Map(children) => children.len() % 2 == 1,
            Content::Scalar { .. } | Content::List(_) | Content::Alias(_) => false,
        })
    }

    /// The first of `indicators` after the last node and before `end`, past comments, anchors and tags.
    fn indicator(&self, indicators: &[char], end: usize) -> Option<usize> {
        let mut at = self.last;
        while at < end {
            let rest = &self.text[at..end];
            at += match rest.chars().next()? {
                char if indicators.contains(&char) => return Some(at),
                '#' => rest.find(['\n', '\r'])?,
                '!' | '&' => rest.find([' ', '\t', '\n', '\r'])?,
                char => char.len_utf8(),
            };
        }
        None
    }

    fn start(&mut self, content: Content, style: StructureStyle, anchor: usize, span: Span) -> Result<(), Problem> {
        if self.open.len() >= MAX_DEPTH {
            return Err(too_deep(span));
        }
        let index = self.add(content, anchor, span);
        self.open.push(Open { index, style });
        self.last = span.end;
        Ok(())
    }

    fn end(&mut self, span: Span) {
        let Some(Open { index, style }) = self.open.pop() else { return };
        // granit ends a block collection only where the next token begins, after comments and blank lines.
        let end = match style {
            StructureStyle::Flow => span.end,
            StructureStyle::Block => self.last.max(self.raw[index].span.start),
        };
        self.raw[index].span.end = end;
        self.last = end;
    }

    fn alias(&mut self, anchor: usize, span: Span) -> Result<(), Problem> {
        let Some(&target) = self.anchors.get(&anchor) else {
            return Err(problem(ProblemKind::Syntax, span, "there is no anchor of this name"));
        };
        if self.open.iter().any(|open| open.index == target) {
            return Err(problem(ProblemKind::Aliases, span, "the anchor contains itself"));
        }
        self.add(Content::Alias(target), 0, span);
        self.last = span.end;
        Ok(())
    }

    fn add(&mut self, content: Content, anchor: usize, span: Span) -> usize {
        let index = self.raw.len();
        self.raw.push(Raw { span, content });
        if anchor != 0 {
            self.anchors.insert(anchor, index);
        }
        if let Some(open) = self.open.last()
            && let Content::List(children) | Content::Map(children) = &mut self.raw[open.index].content
        {
            children.push(index);
        }
        index
    }

    fn syntax(&mut self, error: &granit_parser::ScanError) -> Problem {
        let offset = error.marker().byte_offset().unwrap_or(0);
        let start = (self.span.start + offset).min(self.span.end);
        let width = self.text[start..self.span.end]
            .chars()
            .next()
            .filter(|char| !char.is_whitespace())
            .map_or(0, char::len_utf8);
        let kind = match error.kind() {
            ErrorKind::InvalidQuotedScalarIndent => {
                let quote = self.indicator(&['\'', '"'], self.span.end);
                self.unindented = quote.and_then(|quote| quoted_span(self.text, quote, self.span.end));
                ProblemKind::Syntax
            }
            ErrorKind::RecursionLimitExceeded => return too_deep(Span::new(start, start + width)),
            _ => ProblemKind::Syntax,
        };
        problem(kind, Span::new(start, start + width), words(error.kind()))
    }
}

fn options() -> Options {
    granit_parser::options! {
        // A file may open with a licence of any length.
        max_buffered_comment_events: usize::MAX,
        flow_nesting_limit: MAX_DEPTH + 1,
        block_nesting_limit: MAX_DEPTH + 1,
    }
}

fn core_tag(tag: Option<&Tag>) -> Option<CoreTag> {
    Some(match tag?.core_suffix() {
        Some("str") => CoreTag::Str,
        Some("bool") => CoreTag::Bool,
        Some("int") => CoreTag::Int,
        Some("float") => CoreTag::Float,
        Some("null") => CoreTag::Null,
        _ => CoreTag::Other,
    })
}

fn problem(kind: ProblemKind, span: Span, message: impl Into<String>) -> Problem {
    Problem { kind, span, message: message.into(), other: None }
}

fn too_deep(span: Span) -> Problem {
    problem(ProblemKind::Depth, span, format!("lists and maps are nested more than {MAX_DEPTH} deep"))
}

/// What is wrong, for people who do not know the words of the YAML specification.
fn words(kind: &ErrorKind) -> Cow<'static, str> {
    let words = match kind {
        ErrorKind::UnknownAnchor => "there is no anchor of this name (a value that begins with `*` must be quoted)",
        ErrorKind::TabNotAllowed
        | ErrorKind::TabInBlockIndentation
        | ErrorKind::TabInIndentation
        | ErrorKind::TabAtBlockScalarStart
        | ErrorKind::TabInPlainScalar => "a tab stands where YAML wants spaces",
        ErrorKind::InvalidIndentation | ErrorKind::InvalidBlockScalarIndent | ErrorKind::InvalidFlowScalarIndent => {
            "the indentation does not fit the lines above"
        }
        ErrorKind::ExpectedBlockMappingKey => "a key was expected here; the indentation may not fit the lines above",
        ErrorKind::ExpectedBlockSequenceEntry => {
            "a `- ` item was expected here; the indentation may not fit the lines above"
        }
        ErrorKind::SimpleKeyExpected | ErrorKind::InvalidSimpleKey => "a `:` was expected after this key",
        ErrorKind::MappingValueNotAllowed | ErrorKind::InvalidColonPlacement => {
            "a `:` is not allowed here; a value that contains `: ` must be quoted"
        }
        ErrorKind::MappingKeyNotAllowed => "a key is not allowed here",
        ErrorKind::BlockSequenceEntryNotAllowed | ErrorKind::BlockEntryInFlowCollection => {
            "a `- ` item is not allowed here"
        }
        ErrorKind::UnexpectedEofFlowSequence | ErrorKind::ExpectedFlowSequenceSeparator => "a `,` or `]` was expected",
        ErrorKind::UnexpectedEofFlowMapping
        | ErrorKind::UnexpectedEofImplicitFlowMapping
        | ErrorKind::ExpectedFlowMappingSeparator => "a `,` or `}` was expected",
        ErrorKind::UnexpectedEof
        | ErrorKind::UnexpectedEofBlockSequence
        | ErrorKind::UnexpectedEofBlockMapping
        | ErrorKind::ExpectedNodeContent => "a value was expected",
        ErrorKind::UnclosedQuotedScalar | ErrorKind::InvalidQuotedScalarIndent => {
            "a quote is not closed, or the lines inside it are not indented"
        }
        ErrorKind::InvalidTrailingSingleQuotedScalar | ErrorKind::InvalidTrailingDoubleQuotedScalar => {
            "text follows the closing quote"
        }
        ErrorKind::UnknownQuotedScalarEscape => {
            "this escape is not known; in double quotes a backslash must be doubled, in single quotes it stands for itself"
        }
        ErrorKind::CommentInterceptedScalar => "a comment stands inside a text of several lines",
        ErrorKind::CommentNotSeparated => "a space must stand before `#`",
        ErrorKind::MissingDocumentEndBeforeDirective => "a `%` directive must stand before the document's `---`",
        ErrorKind::UndeclaredTagHandle => "the tag has a prefix that nothing declares",
        ErrorKind::MismatchedFlowCollectionEnd { open, close } => {
            return format!("`{open}` is closed by `{close}`").into();
        }
        ErrorKind::UnclosedFlowCollection { open } => return format!("`{open}` is not closed").into(),
        ErrorKind::MisplacedFlowCollectionEnd => "this bracket closes nothing",
        ErrorKind::UnexpectedCharacter { character } => {
            return format!("a value must not begin with `{}`; quote it", character.escape_default()).into();
        }
        ErrorKind::InvalidBlockScalarHeader => "nothing may follow `|` or `>` on its line",
        ErrorKind::ExpectedDocumentStart => "the document goes on after its end",
        other => return plain_words(&other.to_string()).into(),
    };
    words.into()
}

/// granit's own words without what it was doing.
fn plain_words(words: &str) -> String {
    let said = words.strip_prefix("while ").and_then(|rest| rest.split_once(", ")).map_or(words, |(_, said)| said);
    said.trim_end_matches('.').to_owned()
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

    /// Adds the entries that the value of a `<<` has and the map lacks.
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
                        let (key, written) = &entries.list[own];
                        if !same(written, &value) {
                            self.problems.push(overwritten(key, merge.span));
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
                self.index.extend(self.list.iter().enumerate().map(|(at, (key, _))| (key.key_text().into(), at)))
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
            "the key `{}` stands here and in the `<<` after it with another value; the one written here counts, but kubectl takes the other",
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
