//! Cuts a text into documents.

use crate::place::Span;

/// One document of a text, not parsed yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The document's own bytes: after its `---` line (if it has one) and before the next separator line. Comments that
    /// stand before the first node are inside.
    pub span: Span,
    /// `span` and the separator line that opens it, so that the pieces of a text cover it without gap or overlap.
    pub whole: Span,
}

/// All documents of `text`, in order.
#[must_use]
pub fn split(text: &str) -> Vec<Piece> {
    let _ = text;
    Vec::new()
}
