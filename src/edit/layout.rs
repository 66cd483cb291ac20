//! Where lines, comments and content stand in the bytes of one document.
//!
//! The parser knows what is a comment (a `#` inside a block scalar is none); this file only combines that with line
//! breaks. All positions are offsets into the source text.

use crate::place::Span;

/// The bytes of one document with its comments.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout<'a> {
    pub text: &'a str,
    /// The document's own bytes.
    pub span: Span,
    /// Its comments, sorted.
    pub comments: &'a [Span],
}

// === impl Layout ===

impl<'a> Layout<'a> {
    /// The first byte of the line that `at` stands on; not before the document.
    pub fn line_start(&self, at: usize) -> usize {
        let before = &self.text.as_bytes()[self.span.start..at];
        let start = memchr::memrchr2(b'\n', b'\r', before).map_or(0, |line_break| line_break + 1);
        self.span.start + start
    }

    /// One past the last byte of the line that `at` stands on, without its line break; not after the document.
    pub fn line_end(&self, at: usize) -> usize {
        let after = &self.text.as_bytes()[at..self.span.end];
        at + memchr::memchr2(b'\n', b'\r', after).unwrap_or(after.len())
    }

    /// One past the line break that stands at `at`, if one does.
    pub fn after_break(&self, at: usize) -> usize {
        let after = &self.text[at..self.span.end];
        let length = if after.starts_with("\r\n") { 2 } else { usize::from(after.starts_with(['\n', '\r'])) };
        at + length
    }

    /// The comment that covers the byte at `at`.
    pub fn comment_at(&self, at: usize) -> Option<Span> {
        let next = self.comments.partition_point(|comment| comment.start <= at);
        let comment = *self.comments.get(next.checked_sub(1)?)?;
        (at < comment.end).then_some(comment)
    }

    /// The comments that begin in `start..end`.
    pub fn comments_in(&self, start: usize, end: usize) -> &'a [Span] {
        let first = self.comments.partition_point(|comment| comment.start < start);
        let last = self.comments.partition_point(|comment| comment.start < end);
        self.comments.get(first..last).unwrap_or_default()
    }

    /// The first byte of `start..end` that is neither white space nor comment.
    pub fn content_start(&self, start: usize, end: usize) -> Option<usize> {
        let mut at = start;
        while at < end {
            let skipped = self.text[at..end].trim_start_matches(is_blank);
            at = end - skipped.len();
            match self.comment_at(at) {
                Some(comment) => at = comment.end,
                None if at < end => return Some(at),
                None => {}
            }
        }
        None
    }

    /// One past the last byte of `start..end` that is neither white space nor comment; `start` if there is none.
    pub fn content_end(&self, start: usize, end: usize) -> usize {
        let mut at = end;
        while at > start {
            at = start + self.text[start..at].trim_end_matches(is_blank).len();
            match at.checked_sub(1).filter(|last| *last >= start).and_then(|last| self.comment_at(last)) {
                Some(comment) => at = comment.start.max(start),
                None => return at,
            }
        }
        start
    }

    /// Whether only white space (or a byte order mark) stands between the start of the line and `at`, and the document
    /// did not begin in the middle of that line.
    pub fn opens_line(&self, at: usize) -> bool {
        let start = self.line_start(at);
        self.text[start..at].chars().all(is_blank)
            && (start > self.span.start || start == 0 || self.text[..start].ends_with(['\n', '\r', '\u{feff}']))
    }

    /// The end of the block node that ends at `node_end` as far as the parser says: what follows on deeper lines (an
    /// alias, a closing bracket, a key without value) belongs to it too. `indent` is the column of its dash.
    pub fn block_end(&self, node: Span, indent: usize) -> usize {
        let mut end = self.content_end(node.start, node.end);
        let mut line = end;
        while line < self.span.end {
            let line_end = self.line_end(line);
            if let Some(content) = self.content_start(line, line_end) {
                if line > end && content - line <= indent {
                    break;
                }
                end = self.content_end(line, line_end);
            }
            line = self.after_break(line_end);
        }
        end
    }
}

fn is_blank(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\n' | '\r' | '\u{feff}')
}

/// The line break that a text uses around `at`: that of the line itself, else of the line before, else a line feed.
pub(super) fn line_break(text: &str, at: usize) -> &'static str {
    let bytes = text.as_bytes();
    let found = memchr::memchr(b'\n', &bytes[at..]).map(|found| at + found);
    match found.or_else(|| memchr::memrchr(b'\n', &bytes[..at])) {
        Some(feed) if feed > 0 && bytes[feed - 1] == b'\r' => "\r\n",
        Some(_) | None => "\n",
    }
}
