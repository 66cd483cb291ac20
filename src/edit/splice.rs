//! From a text and the changes of its objects to the new text.

use std::collections::BTreeMap;

use super::check::check;
use super::plan::{Becomes, Edit, Plan, Stream, plan};
use super::{Change, EditError, Reason};
use crate::place::Span;
use crate::yaml::{self, Document, Piece};

/// A document that changes, as it was read.
#[derive(Debug)]
pub(super) struct Changed<'a> {
    /// What it was.
    pub document: Document,
    /// Its changes, sorted by object.
    pub changes: Vec<&'a Change>,
}

/// The new text: each object of `changes` replaced by its manifests, every other byte as it was.
///
/// Comments inside an object move to the head of its replacement. An object that goes away leaves its comments behind,
/// its document takes its `---` line along, and the last item of a list leaves `[]`. The line endings, the byte order
/// mark and the missing line break at the end of a file are kept. JSON stays JSON. `changes` may come in any order.
///
/// # Errors
/// If an object cannot be replaced safely, or if the result, read again, is not what it should be. Never half a result.
pub fn splice(text: &str, changes: &[Change]) -> Result<String, EditError> {
    if changes.is_empty() {
        return Ok(text.to_owned());
    }
    let pieces = yaml::split(text);
    let stream = Stream::new(text, &pieces);
    let changed = read(stream, changes)?;
    let mut edits = Vec::new();
    let mut becomes: BTreeMap<usize, Becomes<'_>> = BTreeMap::new();
    for (index, Changed { document, changes }) in &changed {
        let Some(root) = &document.root else { return Err(Reason::NoObject.at(pieces[*index].span)) };
        let Plan { edits: planned, becomes: result } = plan(stream, *index, root, &document.comments, changes)?;
        edits.extend(planned);
        becomes.insert(*index, result);
    }
    edits.extend(orphaned_ends(stream, &becomes));
    let mut after = apply(text, edits)?;
    // Where the last item of a file without a last line break went, the line break before it goes too.
    if matches!(becomes.last_key_value(), Some((last, Becomes::Tree(_))) if last + 1 == pieces.len())
        && !text.ends_with(['\n', '\r'])
    {
        let line = after.strip_suffix('\n').unwrap_or(&after);
        after.truncate(line.strip_suffix('\r').unwrap_or(line).len());
    }
    check(stream, &changed, &becomes, &after)?;
    Ok(after)
}

/// Groups the changes by document, and reads those documents.
fn read<'a>(stream: Stream<'_>, changes: &'a [Change]) -> Result<BTreeMap<usize, Changed<'a>>, EditError> {
    let mut sorted: Vec<&Change> = changes.iter().collect();
    sorted.sort_by_key(|change| (change.piece.whole, change.object));
    for pair in sorted.windows(2) {
        if pair[1].piece == pair[0].piece && pair[1].object.start < pair[0].object.end {
            return Err(Reason::Overlap.at(pair[1].object));
        }
    }
    let mut changed: BTreeMap<usize, Changed<'a>> = BTreeMap::new();
    for change in sorted {
        let index = stream.pieces.partition_point(|piece| piece.whole.end <= change.piece.whole.start);
        if stream.pieces.get(index) != Some(&change.piece) {
            return Err(Reason::NoDocument.at(change.object));
        }
        if let Some(known) = changed.get_mut(&index) {
            known.changes.push(change);
            continue;
        }
        let document = yaml::parse(stream.text, change.piece.span)
            .map_err(|problem| Reason::Unreadable(problem.message).at(problem.span))?;
        changed.insert(index, Changed { document, changes: vec![change] });
    }
    Ok(changed)
}

/// A `...` line ends a document. Where that went away the line goes too, because to kubectl a stream that begins with it
/// is an error. It becomes `---` where the document after it has no other separator.
fn orphaned_ends(stream: Stream<'_>, becomes: &BTreeMap<usize, Becomes<'_>>) -> Vec<Edit> {
    let Stream { text, pieces, .. } = stream;
    let goes =
        |index: usize| matches!(becomes.get(&index), Some(Becomes::Manifests(documents)) if documents.is_empty());
    let line = |index: usize| {
        let Piece { span, whole } = *pieces.get(index + 1).filter(|_| goes(index) && !goes(index + 1))?;
        let between = Span::new(whole.start, span.start).of(text);
        let rest = between.strip_prefix("...")?;
        let line = rest.split('\n').next().unwrap_or_default();
        let line_break = if line.trim().is_empty() && rest.len() > line.len() { line.len() + 1 } else { 0 };
        match (stream.is_marked(index + 1), between.contains("\n%")) {
            (true, true) if index > 0 => None,
            (true, _) => Some(Edit { span: Span::new(whole.start, whole.start + 3 + line_break), text: String::new() }),
            (false, _) => Some(Edit { span: Span::new(whole.start, whole.start + 3), text: "---".to_owned() }),
        }
    };
    becomes.keys().filter_map(|index| line(*index)).collect()
}

/// Makes the edits, in the order of their places.
fn apply(text: &str, mut edits: Vec<Edit>) -> Result<String, EditError> {
    edits.sort_by_key(|edit| edit.span);
    let mut after = String::with_capacity(text.len());
    let mut kept = 0;
    for Edit { span, text: replacement } in &edits {
        if span.start < kept || span.end < span.start {
            return Err(Reason::Overlap.at(*span));
        }
        after.push_str(&text[kept..span.start]);
        after.push_str(replacement);
        kept = span.end;
    }
    after.push_str(&text[kept..]);
    if after == "\u{feff}" {
        after.clear();
    }
    Ok(after)
}
