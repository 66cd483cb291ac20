//! Candidate bytes: the text that a source would have, and the patch that leads there.
//!
//! SMI objects stand in files that people wrote, beside documents and comments that are none of our business. So a
//! file is never written anew: the bytes of an object are cut out, the manifests that replace it are put in, and every
//! other byte stays. The result is read again before anyone sees it; what does not hold is an [`EditError`], never a
//! wrong file.
//!
//! ```text
//! locate (where an object stands) ─ plan (which bytes change) ─ splice ─ check (read it again)
//!                                                                  └─ diff, write
//! ```
//!
//! What the manifests say is decided elsewhere. No kind of SMI or Gateway API is known here, and only [`write_atomically`]
//! touches a file system.

mod check;
mod diff;
mod json;
mod layout;
mod locate;
mod plan;
mod splice;
#[cfg(test)]
mod tests;
mod write;

pub use diff::{Color, FileDiff, diff};
pub use splice::splice;
pub use write::write_atomically;

use crate::place::Span;
use crate::yaml::Piece;

/// What becomes of one object of a text.
#[derive(Clone, Debug)]
pub struct Change {
    /// The document that the object stands in, as [`split`](crate::yaml::split) gave it.
    pub piece: Piece,
    /// The span of the object's node, as [`parse`](crate::yaml::parse) gave it.
    pub object: Span,
    /// Whether the object itself stays.
    pub original: Original,
    /// The manifests that take its place or stand after it, in this order.
    pub manifests: Vec<serde_json::Value>,
    /// A comment to put at the head of the manifests, or where the object was: for instance where its content went. With
    /// or without the `#`. JSON has no comments: there it is left out, and so it is where nothing changes.
    pub note: Option<String>,
}

/// Whether an object stays in its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Original {
    /// The manifests take its place; without any, it goes away.
    Replaced,
    /// It stays to the byte, and the manifests stand after it: documents after a document, items after an item.
    Kept,
}

/// Why a text cannot be edited safely. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct EditError {
    /// The object (or the document) that stands in the way, in the text before.
    pub span: Span,
    /// What it is.
    pub reason: Reason,
}

/// What stands in the way of an edit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// The piece is not one that this text splits into.
    #[error("the text has no document at this place; it is not the text that the edit was made for")]
    NoDocument,
    /// No object of the document has that span.
    #[error("the document has no object at this place; it is not the text that the edit was made for")]
    NoObject,
    /// Two changes of one place.
    #[error("two edits overlap here; an object can be replaced only once")]
    Overlap,
    /// The document cannot be read.
    #[error("the document cannot be read: {0}; correct it first")]
    Unreadable(String),
    /// The bytes of the object mean something elsewhere too.
    #[error(
        "the object shares bytes with another part of the document through an anchor; write the shared part out in both \
         places first"
    )]
    Shared,
    /// The bytes around the object follow no form that is known to be safe.
    #[error("{0}; put the object into a document of its own first")]
    Layout(&'static str),
    /// Items of another kind do not fit into the list.
    #[error(
        "a `{0}` cannot hold objects of another kind, and not all of its items are replaced; turn it into a `List` of \
         apiVersion `v1` first"
    )]
    TypedList(String),
    /// The result, read again, is not what it should be. This is a mistake of ours.
    #[error("the edited text would not read back as it should: {0}; edit this file by hand, and please report it")]
    Differs(&'static str),
}

impl Reason {
    fn at(self, span: Span) -> EditError {
        EditError { span, reason: self }
    }
}
