//! The edited text, read again.
//!
//! This file believes nothing of the plan: it splits and parses the result like any other text, and compares what it
//! reads with what should be there. Documents that were not to change are compared byte for byte.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value as Json;

use super::plan::{Becomes, Stream, Swap, outer_comments};
use super::splice::Changed;
use super::{EditError, Reason};
use crate::place::Span;
use crate::yaml::{self, Document, Node, Piece, Value, scalar::Resolved};

/// What should stand at one place of the result.
enum Expected<'a> {
    /// The document that stood in this piece of this text before.
    Same(&'a str, Piece),
    /// This manifest.
    Manifest(&'a Json),
    /// A document with some nodes swapped.
    Tree(&'a Node, &'a HashMap<Span, Swap<'a>>),
}

/// Compares `after` with what should become of `before`.
pub(super) fn check(
    before: Stream<'_>,
    changed: &BTreeMap<usize, Changed<'_>>,
    becomes: &BTreeMap<usize, Becomes<'_>>,
    after: &str,
) -> Result<(), EditError> {
    let pieces = yaml::split(after);
    let mut comments = Comments::expected(before, changed, becomes);
    let mut expected = expectations(before, changed, becomes).into_iter();
    let mut last = Span::default();
    for piece in &pieces {
        comments.found(outside(after, *piece));
        let is = Reread { text: after, piece: *piece };
        if !has_content(piece.span.of(after)) {
            comments.found(is.comments(0));
            continue;
        }
        let Some((place, expected)) = expected.next() else {
            return Err(differs("there is a document too many", last));
        };
        last = place;
        match expected.new_comments(is) {
            Some(found) => comments.found(found),
            None => return Err(differs("a document means something else", place)),
        }
    }
    match expected.next() {
        Some((place, _)) => Err(differs("a document is missing", place)),
        None if comments.are_missing() => Err(differs("a comment is missing", last)),
        None => Ok(()),
    }
}

fn differs(what: &'static str, place: Span) -> EditError {
    Reason::Differs(what).at(place)
}

fn expectations<'a>(
    before: Stream<'a>,
    changed: &'a BTreeMap<usize, Changed<'_>>,
    becomes: &'a BTreeMap<usize, Becomes<'_>>,
) -> Vec<(Span, Expected<'a>)> {
    let mut expected = Vec::new();
    for (index, piece) in before.pieces.iter().enumerate() {
        let root = changed.get(&index).and_then(|changed| changed.document.root.as_ref());
        match (becomes.get(&index), root) {
            (Some(Becomes::Manifests(manifests)), _) => {
                expected.extend(manifests.iter().map(|manifest| (piece.span, Expected::Manifest(manifest))));
            }
            (Some(Becomes::Followed(manifests)), _) => {
                expected.push((piece.span, Expected::Same(before.text, *piece)));
                expected.extend(manifests.iter().map(|manifest| (piece.span, Expected::Manifest(manifest))));
            }
            (Some(Becomes::Tree(swaps)), Some(root)) => expected.push((piece.span, Expected::Tree(root, swaps))),
            (Some(Becomes::Tree(_)), None) | (None, _) if has_content(piece.span.of(before.text)) => {
                expected.push((piece.span, Expected::Same(before.text, *piece)));
            }
            (Some(Becomes::Tree(_)), None) | (None, _) => {}
        }
    }
    expected
}

/// Whether a document holds more than comments.
fn has_content(text: &str) -> bool {
    text.split(['\n', '\r']).map(str::trim).any(|line| !line.is_empty() && !line.starts_with('#'))
}

/// A document of the result.
#[derive(Clone, Copy)]
struct Reread<'a> {
    text: &'a str,
    piece: Piece,
}

// === impl Expected ===

impl Expected<'_> {
    /// The comments that `is` has and the document before had not; none if `is` is not what was expected.
    fn new_comments<'a>(&self, is: Reread<'a>) -> Option<Vec<&'a str>> {
        let root = || is.read()?.root;
        match self {
            Self::Same(text, was) => is_same(text, *was, is).then(|| is.comments(was.span.end - was.span.start)),
            Self::Manifest(manifest) => root().is_some_and(|root| means(&root, manifest)).then(|| is.comments(0)),
            Self::Tree(was, swaps) => root().is_some_and(|root| same(was, &root, swaps)).then(|| is.comments(0)),
        }
    }
}

// === impl Reread ===

impl<'a> Reread<'a> {
    fn read(self) -> Option<Document> {
        yaml::parse(self.text, self.piece.span).ok()
    }

    /// The comments after its first `skipped` bytes.
    fn comments(self, skipped: usize) -> Vec<&'a str> {
        let Span { start, end } = self.piece.span;
        if start + skipped >= end {
            return Vec::new();
        }
        let comments = self.read().map(|document| document.comments).unwrap_or_default();
        let new = comments.iter().filter(|comment| comment.start >= start + skipped);
        new.map(|comment| comment.of(self.text).trim_end()).collect()
    }
}

/// Whether a document that was not to change did not change. Comments of a document that went away may stand behind it.
fn is_same(before: &str, was: Piece, is: Reread<'_>) -> bool {
    let Some(behind) = is.piece.span.of(is.text).strip_prefix(was.span.of(before)) else { return false };
    if behind.is_empty() {
        return true;
    }
    let same_root = || match (yaml::parse(before, was.span), is.read()) {
        (Ok(Document { root: Some(was), .. }), Some(Document { root: Some(is), .. })) => {
            same(&was, &is, &HashMap::new())
        }
        (Ok(Document { root: None, .. }), Some(Document { root: None, .. })) | (Err(_), None) => true,
        (Ok(_) | Err(_), Some(_) | None) => false,
    };
    !has_content(behind) && same_root()
}

/// Whether two nodes mean the same, where `swaps` says what stands for some nodes of the first.
fn same(was: &Node, is: &Node, swaps: &HashMap<Span, Swap<'_>>) -> bool {
    match (&was.value, &is.value) {
        (Value::Scalar(was_scalar), Value::Scalar(is_scalar)) => match swaps.get(&was.span) {
            Some(Swap::Text(text)) => is_scalar.text == *text && is_scalar.resolved == Resolved::Str,
            Some(Swap::Items(_) | Swap::Followed(_)) | None => {
                let both_floats =
                    matches!((&was_scalar.resolved, &is_scalar.resolved), (Resolved::Float(_), Resolved::Float(_)));
                was_scalar.text == is_scalar.text && (both_floats || was_scalar.resolved == is_scalar.resolved)
            }
        },
        (Value::List(was), Value::List(is)) => same_items(was, is, swaps),
        (Value::Map(was), Value::Map(is)) => {
            let same_entry = |((was_key, was), (is_key, is)): (&(Node, Node), &(Node, Node))| {
                same(was_key, is_key, &HashMap::new()) && same(was, is, swaps)
            };
            was.len() == is.len() && was.iter().zip(is).all(same_entry)
        }
        (Value::Scalar(_) | Value::List(_) | Value::Map(_), _) => false,
    }
}

fn same_items(was: &[Node], is: &[Node], swaps: &HashMap<Span, Swap<'_>>) -> bool {
    let mut is = is.iter();
    let all = was.iter().all(|was| {
        let (stays, manifests) = match swaps.get(&was.span) {
            Some(Swap::Items(manifests)) => (false, *manifests),
            Some(Swap::Followed(manifests)) => (true, *manifests),
            Some(Swap::Text(_)) | None => (true, Default::default()),
        };
        (!stays || is.next().is_some_and(|is| same(was, is, swaps)))
            && manifests.iter().all(|manifest| is.next().is_some_and(|is| means(is, manifest)))
    });
    all && is.next().is_none()
}

/// Whether `node` reads as `manifest`. The order of fields does not matter.
pub(super) fn means(node: &Node, manifest: &Json) -> bool {
    match (&node.value, manifest) {
        (Value::Scalar(scalar), manifest) => match (&scalar.resolved, manifest) {
            (Resolved::Null, Json::Null) => true,
            (Resolved::Bool(is), Json::Bool(should)) => is == should,
            (Resolved::Int(is), Json::Number(should)) => should.to_string() == is.to_string(),
            (Resolved::Float(is), Json::Number(should)) => should.as_f64() == Some(*is),
            (Resolved::Str, Json::String(should)) => scalar.text == *should,
            (_, _) => false,
        },
        (Value::List(is), Json::Array(should)) => {
            is.len() == should.len() && is.iter().zip(should).all(|(is, should)| means(is, should))
        }
        (Value::Map(is), Json::Object(should)) => {
            let entry = |(key, is): &(Node, Node)| match &key.value {
                Value::Scalar(key) => should.get(&key.text).is_some_and(|should| means(is, should)),
                Value::List(_) | Value::Map(_) => false,
            };
            is.len() == should.len() && is.iter().all(entry)
        }
        (Value::List(_) | Value::Map(_), _) => false,
    }
}

/// How often each comment still has to be found.
#[derive(Default)]
struct Comments<'a> {
    missing: HashMap<&'a str, usize>,
}

// === impl Comments ===

impl<'a> Comments<'a> {
    /// All comments but those inside documents that were not to change.
    fn expected(
        before: Stream<'a>,
        changed: &BTreeMap<usize, Changed<'_>>,
        becomes: &BTreeMap<usize, Becomes<'_>>,
    ) -> Self {
        let mut missing: HashMap<&str, usize> = HashMap::new();
        for (index, piece) in before.pieces.iter().enumerate() {
            let mut comments = outside(before.text, *piece);
            let changed = changed.get(&index).filter(|_| !matches!(becomes.get(&index), Some(Becomes::Followed(_))));
            match changed {
                Some(Changed { document, .. }) => {
                    comments.extend(document.comments.iter().map(|comment| comment.of(before.text).trim_end()));
                }
                None if !has_content(piece.span.of(before.text)) => {
                    comments.extend(Reread { text: before.text, piece: *piece }.comments(0));
                }
                None => {}
            }
            for comment in comments {
                *missing.entry(comment).or_default() += 1;
            }
        }
        Self { missing }
    }

    fn found(&mut self, comments: Vec<&str>) {
        for comment in comments {
            if let Some(count) = self.missing.get_mut(comment) {
                *count = count.saturating_sub(1);
            }
        }
    }

    fn are_missing(&self) -> bool {
        self.missing.values().any(|count| *count > 0)
    }
}

/// The comments of a piece outside of the document's own bytes.
fn outside(text: &str, Piece { span, whole }: Piece) -> Vec<&str> {
    let mut found = outer_comments(Span::new(whole.start, span.start).of(text));
    found.extend(outer_comments(Span::new(span.end, whole.end).of(text)));
    found
}
