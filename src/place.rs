//! Where something stands: a source, a byte range in it, and from that a line and a column.
//!
//! Every node, field and finding carries a [`Place`] and never a line number: lines are counted once, when a
//! person is going to read them. Offsets are bytes into the UTF-8 text exactly as it was read (a byte order mark and
//! every line ending included), so that a span can be cut out of the text and put back.

use std::path::PathBuf;

/// A half-open byte range of one source text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

/// Names one text of a [`SourceMap`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceId(pub u32);

/// A span of one source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The text it stands in.
    pub source: SourceId,
    /// The bytes of that text.
    pub span: Span,
}

/// A position for people: both numbers start at 1, the column counts Unicode scalar values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LineCol {
    /// Line, from 1.
    pub line: usize,
    /// Column, from 1.
    pub col: usize,
}

/// A value and where it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spanned<T> {
    /// What was read.
    pub value: T,
    /// Where it stands in its source.
    pub span: Span,
}

/// What a source may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Converted, and edited where edits are asked for.
    Subject,
    /// Looked things up in; never converted, never edited.
    Context,
}

/// One text that was read.
#[derive(Clone, Debug)]
pub struct Source {
    /// What people call it: the path as it was given or found, or `<stdin>`.
    pub name: String,
    /// The file behind it; none for a stream.
    pub path: Option<PathBuf>,
    /// The text as it was read, to the byte.
    pub text: String,
    /// What it may be used for.
    pub role: Role,
}

/// All texts that findings may point into.
#[derive(Clone, Debug, Default)]
pub struct SourceMap {
    sources: Vec<Source>,
}

// === impl Span ===

impl Span {
    /// The range from `start` up to `end`.
    #[must_use]
    pub fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }

    /// The part of `text` that this span covers.
    #[must_use]
    pub fn of(self, text: &str) -> &str {
        &text[self.start..self.end]
    }
}

// === impl Spanned ===

impl<T> Spanned<T> {
    /// `value`, written at `span`.
    pub fn new(value: T, span: Span) -> Self {
        Self { value, span }
    }
}

// === impl SourceMap ===

impl SourceMap {
    /// Takes a text in and names it.
    pub fn add(&mut self, source: Source) -> SourceId {
        self.sources.push(source);
        SourceId(u32::try_from(self.sources.len() - 1).expect("fewer than 2^32 sources"))
    }

    /// The source that `id` names.
    ///
    /// # Panics
    /// If `id` comes from another map.
    #[must_use]
    pub fn get(&self, id: SourceId) -> &Source {
        &self.sources[id.0 as usize]
    }

    /// All sources in the order they were added.
    pub fn iter(&self) -> impl Iterator<Item = (SourceId, &Source)> {
        self.sources.iter().enumerate().map(|(index, source)| (SourceId(index as u32), source))
    }

    /// The line and column at which `place` begins.
    #[must_use]
    pub fn line_col(&self, place: Place) -> LineCol {
        let before = &self.get(place.source).text.as_bytes()[..place.span.start];
        let line_start = memchr::memrchr(b'\n', before).map_or(0, |newline| newline + 1);
        let line = 1 + memchr::memchr_iter(b'\n', before).count();
        let in_line = String::from_utf8_lossy(&before[line_start..]);
        let col = 1 + in_line.trim_start_matches('\u{feff}').chars().count();
        LineCol { line, col }
    }

    /// `name:line:col`, the form that editors and terminals open.
    #[must_use]
    pub fn display(&self, place: Place) -> String {
        let LineCol { line, col } = self.line_col(place);
        format!("{}:{line}:{col}", self.get(place.source).name)
    }
}
