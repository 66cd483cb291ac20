//! Where a place is, for people: line and column, counted once per source.
//!
//! [`SourceMap::line_col`] counts from the start of the text each time, which is right for one finding and quadratic
//! for a report of a hundred thousand. Here each source that is pointed into is indexed once, when it is first asked
//! for. Nothing else belongs here: what is said about a place is said by the renderers.

use std::cell::OnceCell;

use crate::place::{LineCol, Place, Source, SourceId, SourceMap, Span};

/// Bytes between two checkpoints of [`LineIndex::chars`]: a column costs at most this many bytes to count, even in a
/// text that is one long line.
const BLOCK: usize = 1024;

/// The sources of a report, with an index of lines for each one that is pointed into.
pub(super) struct Lines<'a> {
    sources: &'a SourceMap,
    indices: Vec<OnceCell<LineIndex>>,
}

/// The first and one past the last position of a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Extent {
    pub(super) start: LineCol,
    pub(super) end: LineCol,
}

/// Where the lines of one text begin, and how many characters stand before each block of it.
struct LineIndex {
    starts: Vec<usize>,
    chars: Vec<usize>,
}

// === impl Lines ===

impl<'a> Lines<'a> {
    pub(super) fn new(sources: &'a SourceMap) -> Self {
        Self { sources, indices: sources.iter().map(|_| OnceCell::new()).collect() }
    }

    pub(super) fn source(&self, id: SourceId) -> &'a Source {
        self.sources.get(id)
    }

    /// `span`, moved into the text and onto character borders where it is not.
    pub(super) fn clamp(&self, place: Place) -> Span {
        let text = &self.source(place.source).text;
        let start = text.floor_char_boundary(place.span.start);
        Span::new(start, text.floor_char_boundary(place.span.end).max(start))
    }

    /// Line and column at which `place` begins and ends; the same answer as [`SourceMap::line_col`].
    pub(super) fn extent(&self, place: Place) -> Extent {
        let span = self.clamp(place);
        Extent { start: self.line_col(place.source, span.start), end: self.line_col(place.source, span.end) }
    }

    /// `name:line:col`, the name on one line and without control characters.
    pub(super) fn display(&self, place: Place) -> String {
        let LineCol { line, col } = self.extent(place).start;
        format!("{}:{line}:{col}", super::words::one_line(&self.source(place.source).name))
    }

    /// The bytes of line `line` (from 1): no newline, and no byte order mark where one opens it.
    pub(super) fn line(&self, source: SourceId, line: usize) -> Span {
        let text = &self.source(source).text;
        let starts = &self.index(source).starts;
        let start = line.checked_sub(1).and_then(|nth| starts.get(nth)).copied().unwrap_or(text.len());
        let end = starts.get(line).map_or(text.len(), |next| next.saturating_sub(1)).max(start);
        let marks = text[start..end].len() - text[start..end].trim_start_matches('\u{feff}').len();
        Span::new(start + marks, end)
    }

    fn line_col(&self, source: SourceId, offset: usize) -> LineCol {
        let text = &self.source(source).text;
        let index = self.index(source);
        let line = index.starts.partition_point(|&start| start <= offset);
        let start = index.starts[line - 1];
        let marks = text[start..offset].chars().take_while(|&c| c == '\u{feff}').count();
        let col = 1 + index.chars_before(text, offset) - index.chars_before(text, start) - marks;
        LineCol { line, col }
    }

    fn index(&self, source: SourceId) -> &LineIndex {
        self.indices[source.0 as usize].get_or_init(|| LineIndex::new(&self.source(source).text))
    }
}

// === impl LineIndex ===

impl LineIndex {
    fn new(text: &str) -> Self {
        let newlines = memchr::memchr_iter(b'\n', text.as_bytes()).map(|newline| newline + 1);
        let mut before = 0;
        let chars = text
            .as_bytes()
            .chunks(BLOCK)
            .map(|block| {
                let here = before;
                before += count_chars(block);
                here
            })
            .collect();
        Self { starts: std::iter::once(0).chain(newlines).collect(), chars }
    }

    /// How many characters begin before byte `offset`.
    fn chars_before(&self, text: &str, offset: usize) -> usize {
        let block = (offset / BLOCK).min(self.chars.len().saturating_sub(1));
        let before = self.chars.get(block).copied().unwrap_or_default();
        before + count_chars(&text.as_bytes()[block * BLOCK..offset])
    }
}

fn count_chars(bytes: &[u8]) -> usize {
    bytes.iter().filter(|&&byte| byte & 0b1100_0000 != 0b1000_0000).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::place::Role;

    fn one(text: &str) -> SourceMap {
        let mut sources = SourceMap::default();
        sources.add(Source { name: "a.yaml".into(), path: None, text: text.into(), role: Role::Subject });
        sources
    }

    fn at(start: usize, end: usize) -> Place {
        Place { source: SourceId(0), span: Span::new(start, end) }
    }

    #[test]
    fn positions_agree_with_the_source_map_at_every_character() {
        let long = "ü€x".repeat(900);
        for text in
            ["", "a", "a\n", "\u{feff}a: ü\r\nb: €\n\n\tc", "\u{feff}\n\u{feff}", &long, &format!("{long}\n{long}")]
        {
            let sources = one(text);
            let lines = Lines::new(&sources);
            for offset in (0..=text.len()).filter(|&offset| text.is_char_boundary(offset)) {
                assert_eq!(lines.extent(at(offset, offset)).start, sources.line_col(at(offset, offset)), "{offset}");
            }
        }
    }

    #[test]
    fn a_span_outside_the_text_is_moved_into_it() {
        let sources = one("aü\n");
        let lines = Lines::new(&sources);
        assert_eq!(lines.clamp(at(2, 99)), Span::new(1, 4));
        assert_eq!(lines.clamp(at(99, 7)), Span::new(4, 4));
        assert_eq!(lines.clamp(at(3, 1)), Span::new(3, 3));
    }

    #[test]
    fn a_line_is_cut_without_its_newline_and_without_a_byte_order_mark() {
        let sources = one("\u{feff}a\r\n\nlast");
        let lines = Lines::new(&sources);
        let text = |line| lines.line(SourceId(0), line).of(&sources.get(SourceId(0)).text);
        assert_eq!([text(1), text(2), text(3), text(4), text(0)], ["a\r", "", "last", "", ""]);
    }
}
