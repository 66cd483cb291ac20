//! Events to raw nodes: the only file that names granit-parser.
//!
//! granit turns text into events; this file turns events into a flat list of nodes as they were written, aliases still
//! aliases, with the spans put right where granit's are too wide or too late. What a node means is not its business.

use granit_parser::{ErrorKind, Event, Options, Parser, ScalarStyle, StructureStyle, Tag};
use std::borrow::Cow;
use std::collections::HashMap;

use super::Scalar;
use super::parse::{MAX_DEPTH, Problem, ProblemKind, problem, too_deep};
use super::scalar::CoreTag;
use crate::place::Span;

/// A node as it was written.
pub(super) struct Raw {
    pub(super) span: Span,
    pub(super) content: Content,
}

/// What a node holds, children by their index.
pub(super) enum Content {
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

// --- reading ---

/// How often, and over how many bytes in all, a document is read again to get over quoted texts that are not indented.
const MAX_REPAIRS: usize = 200;
const MAX_REPAIRED_BYTES: usize = 16 << 20;

/// Reads what stands at `span`, and gets over one thing that kubectl accepts and granit does not: lines of a quoted text
/// that are not indented below its key (controller-gen wrote such CRDs for years). The parser is given a copy in which
/// the line breaks of that text are spaces, so that no offset moves; its value then comes from the text as it is.
pub(super) fn read(text: &str, span: Span) -> Result<Reader<'_>, Problem> {
    let span = with_directives(text, span);
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

/// `span`, begun early enough for the `%` directives that stand before its `---`: without them their tags are unknown.
/// Directives stand where the text begins or after `...`; elsewhere a `%` is the content of another document.
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
            _ if rest[line_start..].starts_with("...") => break,
            _ => return span,
        }
        rest = &rest[..line_start];
    }
    start.map_or(span, |start| Span::new(start, span.end))
}

// --- events ---

/// A list or map whose end was not seen yet.
struct Open {
    index: usize,
    style: StructureStyle,
}

/// What was read of a document, and what it takes to go on reading.
pub(super) struct Reader<'a> {
    text: &'a str,
    /// What is parsed: an offset of an event is relative to its start.
    span: Span,
    pub(super) raw: Vec<Raw>,
    open: Vec<Open>,
    pub(super) comments: Vec<Span>,
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

// --- words ---

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
