//! Which bytes of one document change, and into what.
//!
//! Comments never get lost: those before and after an object stay where they are, those inside of it move to the head
//! of what replaces it, each on a line of its own.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::json::Style;
use super::layout::{Layout, line_break};
use super::locate::{Site, Sites};
use super::{Change, EditError, Original, Reason};
use crate::place::Span;
use crate::yaml::{Node, Piece, emit};

/// One replacement of bytes.
#[derive(Clone, Debug)]
pub(super) struct Edit {
    /// The bytes that go.
    pub span: Span,
    /// What comes.
    pub text: String,
}

/// What a changed document should read back as.
#[derive(Debug)]
pub(super) enum Becomes<'a> {
    /// These documents, in this order, in its place.
    Manifests(Vec<Value>),
    /// Itself to the byte, and these documents after it.
    Followed(&'a [Value]),
    /// Itself, with these nodes swapped.
    Tree(HashMap<Span, Swap<'a>>),
}

/// What stands where a node stood.
#[derive(Clone, Copy, Debug)]
pub(super) enum Swap<'a> {
    /// These list items.
    Items(&'a [Value]),
    /// The node itself, and these list items after it.
    Followed(&'a [Value]),
    /// This string.
    Text(&'static str),
}

/// A text and what it splits into.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stream<'a> {
    pub text: &'a str,
    pub pieces: &'a [Piece],
    /// Whether any piece has a `---` line.
    pub marked: bool,
}

/// The changes of one document, planned.
#[derive(Debug)]
pub(super) struct Plan<'a> {
    pub edits: Vec<Edit>,
    pub becomes: Becomes<'a>,
}

/// Plans the `changes` (sorted by object, without overlap) of piece `index`, which was parsed to `root` and `comments`.
pub(super) fn plan<'a>(
    stream: Stream<'a>,
    index: usize,
    root: &Node,
    comments: &'a [Span],
    changes: &[&'a Change],
) -> Result<Plan<'a>, EditError> {
    let layout = Layout { text: stream.text, span: stream.pieces[index].span, comments };
    let sites = Sites::of(root);
    let mut lists: Vec<Items<'_, 'a>> = Vec::new();
    for change in changes {
        match sites.find(change.object).map_err(|reason| reason.at(change.object))? {
            Site::Document => return Whole { stream, index, layout, root, change }.plan(),
            Site::Item { owner, list, index } => {
                match lists.iter_mut().rev().find(|known| known.list.span == list.span) {
                    Some(known) => known.changes.push((index, change)),
                    None => lists.push(Items { layout, owner, list, changes: vec![(index, change)] }),
                }
            }
            Site::Shared => return Err(Reason::Shared.at(change.object)),
        }
    }
    let mut edits = Vec::new();
    let mut swaps = HashMap::new();
    let json = is_json(root.span.of(stream.text));
    for list in &lists {
        list.plan(&mut edits, &mut swaps)?;
        if starts_flow(stream.text, list.list.span) && !json {
            edits.extend(notes_above(layout, &list.changes));
        }
    }
    Ok(Plan { edits, becomes: Becomes::Tree(swaps) })
}

/// The notes of changes between brackets, where no comment can stand, as lines above the document's content.
fn notes_above(layout: Layout<'_>, changes: &[(usize, &Change)]) -> Option<Edit> {
    let start = layout.content_start(layout.span.start, layout.span.end).filter(|start| layout.opens_line(*start))?;
    let line_break = line_break(layout.text, start);
    let lines: Vec<String> = changes
        .iter()
        .filter(|(_, change)| !stays_as_is(change))
        .flat_map(|(_, change)| note(change))
        .map(|line| line + line_break)
        .collect();
    let at = layout.line_start(start);
    (!lines.is_empty()).then(|| Edit { span: Span::new(at, at), text: lines.concat() })
}

/// A whole document and what becomes of it.
struct Whole<'a, 'c> {
    stream: Stream<'a>,
    index: usize,
    layout: Layout<'a>,
    root: &'c Node,
    change: &'a Change,
}

// === impl Whole ===

impl<'a> Whole<'a, '_> {
    fn plan(&self) -> Result<Plan<'a>, EditError> {
        let Span { start, end } = self.layout.span;
        let Some(first) = self.layout.content_start(start, end) else {
            return Err(Reason::NoObject.at(self.change.object));
        };
        let content = Span::new(first, self.layout.content_end(first, end));
        let json = is_json(content.of(self.layout.text));
        let manifests = &self.change.manifests;
        let (edit, documents) = match (self.change.original, manifests.is_empty(), json) {
            (Original::Kept, true, _) => {
                return Ok(Plan { edits: Vec::new(), becomes: Becomes::Followed(manifests) });
            }
            (Original::Kept, false, true) if self.is_alone() => self.as_json_list(content),
            (Original::Kept, false, json) => {
                return Ok(Plan { edits: vec![self.after(content, json)], becomes: Becomes::Followed(manifests) });
            }
            (Original::Replaced, true, json) => (self.removed(content, json), Vec::new()),
            (Original::Replaced, false, false) => (self.as_yaml(content), manifests.clone()),
            (Original::Replaced, false, true) => self.as_json(content),
        };
        Ok(Plan { edits: vec![edit], becomes: Becomes::Manifests(documents) })
    }

    /// Whether the document is all that its text holds, so that a JSON file has to stay one value.
    fn is_alone(&self) -> bool {
        self.stream.pieces.len() == 1 && !self.stream.marked
    }

    /// The manifests as documents behind all that belongs to this one.
    fn after(&self, content: Span, json: bool) -> Edit {
        let text = self.layout.text;
        let line_break = line_break(text, content.start);
        let style = Style::of(content.of(text), "");
        let mut lines = Vec::new();
        for (index, manifest) in self.change.manifests.iter().enumerate() {
            if !json || self.stream.marked {
                lines.push("---".to_owned());
            }
            if index == 0 && !json {
                lines.extend(note(self.change));
            }
            match json {
                true => lines.push(style.write(&emit::order(manifest.clone()), line_break)),
                false => lines.extend(emitted(manifest)),
            }
        }
        let at = self.layout.span.end;
        let mut inserted = lines.join(line_break);
        let opens_line = text[..at].ends_with(['\n', '\r']);
        if !opens_line {
            inserted.insert_str(0, line_break);
        }
        if at < text.len() && !text[at..].starts_with(['\n', '\r']) || at == text.len() && opens_line {
            inserted.push_str(line_break);
        }
        Edit { span: Span::new(at, at), text: inserted }
    }

    /// A JSON file holds one value: the object, as it is written, and the manifests become items of a `List`.
    fn as_json_list(&self, content: Span) -> (Edit, Vec<Value>) {
        let old = content.of(self.layout.text);
        let line_break = line_break(self.layout.text, content.start);
        let style = Style::of(old, "");
        let list = |first: Value| {
            let items: Vec<Value> = std::iter::once(first).chain(self.change.manifests.iter().cloned()).collect();
            json!({"apiVersion": "v1", "kind": "List", "items": items})
        };
        // The first item stands before anything that a manifest says, so this finds the stand-in and nothing else.
        let text = style.write(&list(json!("object")), line_break);
        let text = text.replacen("\"object\"", &style.nested(old, 2), 1);
        (Edit { span: content, text }, vec![list(self.root.to_json())])
    }

    fn as_yaml(&self, content: Span) -> Edit {
        let line_break = line_break(self.layout.text, content.start);
        let end = self.layout.line_end(content.end);
        let mut lines = note(self.change);
        lines.extend(self.comments(content.start, end));
        for (index, manifest) in self.change.manifests.iter().enumerate() {
            if index > 0 {
                lines.push("---".to_owned());
            }
            lines.extend(emitted(manifest));
        }
        let start = match self.layout.opens_line(content.start) {
            true => self.layout.line_start(content.start),
            false => {
                lines.insert(0, String::new());
                self.layout.content_end(self.layout.span.start, content.start).max(self.layout.span.start)
            }
        };
        Edit { span: Span::new(start, end), text: lines.join(line_break) }
    }

    /// A JSON file holds one value: several manifests become a `List`. JSON values one after another stay that, and
    /// JSON between `---` lines gets more of them.
    fn as_json(&self, content: Span) -> (Edit, Vec<Value>) {
        let line_break = line_break(self.layout.text, content.start);
        let manifests = &self.change.manifests;
        let documents = match manifests.as_slice() {
            [_, _, ..] if self.is_alone() => vec![json!({"apiVersion": "v1", "kind": "List", "items": manifests})],
            manifests => manifests.to_vec(),
        };
        let separator = if self.stream.marked { format!("{line_break}---{line_break}") } else { line_break.to_owned() };
        let style = Style::of(content.of(self.layout.text), "");
        let texts: Vec<String> =
            documents.iter().map(|document| style.write(&emit::order(document.clone()), line_break)).collect();
        (Edit { span: content, text: texts.join(&separator) }, documents)
    }

    /// Nothing but the comments stays, in the place of the document and its separator.
    fn removed(&self, content: Span, json: bool) -> Edit {
        let text = self.layout.text;
        let Piece { span, whole } = self.stream.pieces[self.index];
        let end = self.layout.line_end(content.end);
        let mut kept: Vec<&str> = outer_comments(Span::new(whole.start, span.start).of(text));
        kept.extend(self.block(span.start, content.start));
        let notes = if json { Vec::new() } else { note(self.change) };
        let mut lines: Vec<String> = kept.into_iter().map(str::to_owned).chain(notes).collect();
        lines.extend(self.comments(content.start, end));
        let mut last: Vec<&str> = self.block(end, span.end).into_iter().collect();
        last.extend(outer_comments(Span::new(span.end, whole.end).of(text)));
        lines.extend(last.into_iter().map(str::to_owned));

        let line_break = line_break(text, content.start);
        let mut kept: String = lines.into_iter().map(|line| line + line_break).collect();
        if whole.end == text.len() && !text.ends_with('\n') {
            kept.truncate(kept.trim_end_matches(['\r', '\n']).len());
        }
        let bom = if self.index == 0 && text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        Edit { span: Span::new(whole.start + bom, whole.end), text: kept }
    }

    /// The comments that begin in `start..end`, each as it is written.
    fn comments(&self, start: usize, end: usize) -> impl Iterator<Item = String> + use<'a> {
        comment_lines(self.layout, start, end)
    }

    /// From the first to the last comment of `start..end`, with what stands between them.
    fn block(&self, start: usize, end: usize) -> Option<&'a str> {
        let comments = self.layout.comments_in(start, end);
        let (first, last) = (comments.first()?, comments.last()?);
        Some(Span::new(first.start, last.end).of(self.layout.text).trim_end())
    }
}

/// The items of one list that change.
struct Items<'d, 'a> {
    layout: Layout<'a>,
    owner: &'d Node,
    list: &'d Node,
    changes: Vec<(usize, &'a Change)>,
}

// === impl Items ===

impl<'a> Items<'_, 'a> {
    fn plan(&self, edits: &mut Vec<Edit>, swaps: &mut HashMap<Span, Swap<'a>>) -> Result<(), EditError> {
        swaps.extend(self.changes.iter().map(|(_, change)| {
            let swap = match change.original {
                Original::Replaced => Swap::Items(&change.manifests),
                Original::Kept => Swap::Followed(&change.manifests),
            };
            (change.object, swap)
        }));
        self.retyped(edits, swaps)?;
        if starts_flow(self.layout.text, self.list.span) { self.in_brackets(edits) } else { self.in_block(edits) }
    }

    fn all_go(&self) -> bool {
        self.changes.len() == self.list.items().len()
            && self.changes.iter().all(|(_, change)| change.original == Original::Replaced)
    }

    fn nothing_stays(&self) -> bool {
        self.all_go() && self.changes.iter().all(|(_, change)| change.manifests.is_empty())
    }

    /// A `TrafficSplitList` holds TrafficSplits and nothing else: with other items it must be a `List`.
    fn retyped(&self, edits: &mut Vec<Edit>, swaps: &mut HashMap<Span, Swap<'a>>) -> Result<(), EditError> {
        let text = |name| self.owner.get(name).and_then(Node::as_str);
        let (Some(kind), Some(version)) = (text("kind"), text("apiVersion")) else { return Ok(()) };
        let Some(item_kind) = kind.strip_suffix("List").filter(|item_kind| !item_kind.is_empty()) else {
            return Ok(());
        };
        let fits = |manifest: &Value| manifest["kind"] == item_kind && manifest["apiVersion"] == version;
        if self.changes.iter().flat_map(|(_, change)| &change.manifests).all(fits) && !self.nothing_stays() {
            return Ok(());
        }
        if !self.all_go() {
            return Err(Reason::TypedList(kind.to_owned()).at(self.list.span));
        }
        for (name, text) in [("kind", "List"), ("apiVersion", "v1")] {
            let Some(value) = self.owner.get(name) else { continue };
            let quote = value.span.of(self.layout.text).chars().next().filter(|first| matches!(first, '"' | '\''));
            let quote = quote.map(String::from).unwrap_or_default();
            edits.push(Edit { span: value.span, text: format!("{quote}{text}{quote}") });
            swaps.insert(value.span, Swap::Text(text));
        }
        Ok(())
    }

    fn in_block(&self, edits: &mut Vec<Edit>) -> Result<(), EditError> {
        let mut first_dash = None;
        for (index, change) in self.changes.iter().filter(|(_, change)| !stays_as_is(change)) {
            let item = &self.list.items()[*index];
            let dash = self.dash(item).map_err(|reason| reason.at(item.span))?;
            first_dash.get_or_insert(dash);
            edits.push(self.block_item(item, dash, change));
        }
        let Some(dash) = first_dash.filter(|_| self.nothing_stays()) else { return Ok(()) };
        let after = self.after_key(dash).map_err(|reason| reason.at(self.list.span))?;
        edits.push(Edit { span: Span::new(after, after), text: " []".to_owned() });
        Ok(())
    }

    fn block_item(&self, item: &Node, dash: usize, change: &Change) -> Edit {
        let layout = self.layout;
        let line_break = line_break(layout.text, dash);
        let start = layout.line_start(dash);
        let end = layout.line_end(layout.block_end(item.span, dash - start));
        let indent = &layout.text[start..dash];
        let moved: Vec<String> = match change.original {
            Original::Replaced => comment_lines(layout, dash, end).collect(),
            Original::Kept => Vec::new(),
        };
        let mut lines: Vec<String> =
            note(change).into_iter().chain(moved).map(|line| format!("{indent}{line}")).collect();
        for manifest in &change.manifests {
            let mut lead = "- ";
            for line in emitted(manifest) {
                lines.push(if line.is_empty() { line } else { format!("{indent}{lead}{line}") });
                lead = "  ";
            }
        }
        if change.original == Original::Kept {
            return Edit { span: Span::new(end, end), text: format!("{line_break}{}", lines.join(line_break)) };
        }
        let end = if lines.is_empty() { layout.after_break(end) } else { end };
        Edit { span: Span::new(start, end), text: lines.join(line_break) }
    }

    /// The dash of a block item. Comments, anchors and tags may stand between them.
    fn dash(&self, item: &Node) -> Result<usize, Reason> {
        let floor = self.layout.span.start;
        let text = self.layout.text;
        let mut at = item.span.start;
        loop {
            at = self.layout.content_end(floor, at);
            let token = text[floor..at].rfind([' ', '\t', '\n', '\r']).map_or(floor, |space| floor + space + 1);
            match &text[token..at] {
                "-" if self.layout.opens_line(token) => return Ok(token),
                property if property.starts_with(['&', '!']) => at = token,
                _ => return Err(Reason::Layout("the list item does not begin with `- ` on a line of its own")),
            }
        }
    }

    /// One past the colon of the key of this list, where nothing but comments stands up to its first `dash`.
    fn after_key(&self, dash: usize) -> Result<usize, Reason> {
        let unusual = Reason::Layout("between the key of the list and its first item stands something unusual");
        let Some((key, _)) = self.owner.entry("items") else { return Err(unusual) };
        let colon = self.layout.content_start(key.span.end, dash);
        match colon.filter(|colon| self.layout.text[*colon..].starts_with(':')) {
            Some(colon) if self.layout.content_start(colon + 1, dash).is_none() => Ok(colon + 1),
            Some(_) | None => Err(unusual),
        }
    }

    fn in_brackets(&self, edits: &mut Vec<Edit>) -> Result<(), EditError> {
        let found = edits.len();
        let mut last_kept: Option<usize> = None;
        let mut changes = self.changes.iter().peekable();
        if self.nothing_stays() {
            edits.push(Edit { span: Span::new(self.list.span.start + 1, self.list.span.end - 1), text: String::new() });
        } else {
            for (index, item) in self.list.items().iter().enumerate() {
                match changes.next_if(|(changed, _)| *changed == index).map(|(_, change)| *change) {
                    Some(change) if stays_as_is(change) => last_kept = Some(index),
                    Some(change) if change.manifests.is_empty() => edits.push(self.cut(index, last_kept)),
                    Some(change) => {
                        edits.push(self.between_brackets(item, change));
                        last_kept = Some(index);
                    }
                    None => last_kept = Some(index),
                }
            }
        }
        let commented =
            edits[found..].iter().find(|edit| !self.layout.comments_in(edit.span.start, edit.span.end).is_empty());
        match commented {
            None => Ok(()),
            Some(edit) => Err(Reason::Layout("there are comments between the brackets of the list").at(edit.span)),
        }
    }

    /// The bytes of an item that goes away, with the comma that belongs to it: the one after it while nothing stands
    /// before it, else the one before it.
    fn cut(&self, index: usize, last_kept: Option<usize>) -> Edit {
        let items = self.list.items();
        let span = match (last_kept, items.get(index + 1)) {
            (None, Some(next)) => Span::new(items[index].span.start, next.span.start),
            (_, _) => Span::new(items[index.saturating_sub(1)].span.end, items[index].span.end),
        };
        Edit { span, text: String::new() }
    }

    fn between_brackets(&self, item: &Node, change: &Change) -> Edit {
        let Layout { text, .. } = self.layout;
        let line_break = line_break(text, item.span.start);
        let line = self.layout.line_start(item.span.start);
        let lead = &text[line..item.span.start];
        let base = &lead[..lead.len() - lead.trim_start_matches([' ', '\t']).len()];
        let style = match Style::of(item.span.of(text), base) {
            Style::Dense if !is_json(item.span.of(text)) => Style::Spaced,
            style => style,
        };
        let separator = match self.list.items() {
            [first, second, ..] => text[first.span.end..second.span.start].to_owned(),
            _ if base == lead && !lead.is_empty() => format!(",{line_break}{base}"),
            _ if style == Style::Dense => ",".to_owned(),
            _ => ", ".to_owned(),
        };
        let texts: Vec<String> =
            change.manifests.iter().map(|manifest| style.write(&emit::order(manifest.clone()), line_break)).collect();
        let text = texts.join(&separator);
        match change.original {
            Original::Replaced => Edit { span: item.span, text },
            Original::Kept => Edit { span: Span::new(item.span.end, item.span.end), text: separator + &text },
        }
    }
}

/// Whether a change changes nothing.
fn stays_as_is(change: &Change) -> bool {
    change.original == Original::Kept && change.manifests.is_empty()
}

// === impl Stream ===

impl<'a> Stream<'a> {
    pub fn new(text: &'a str, pieces: &'a [Piece]) -> Self {
        Self { text, pieces, marked: pieces.iter().any(|piece| is_marked(text, *piece)) }
    }

    /// Whether a `---` line opens the piece.
    pub fn is_marked(&self, piece: usize) -> bool {
        is_marked(self.text, self.pieces[piece])
    }
}

fn is_marked(text: &str, Piece { span, whole }: Piece) -> bool {
    text[whole.start..span.start].contains("---")
}

/// The note of a change as comment lines.
fn note(change: &Change) -> Vec<String> {
    let comment = |line: &str| {
        let line: String = line.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let line = line.trim();
        if line.starts_with('#') { line.to_owned() } else { format!("# {line}").trim_end().to_owned() }
    };
    change.note.as_deref().unwrap_or_default().lines().map(comment).collect()
}

fn comment_lines<'a>(layout: Layout<'a>, start: usize, end: usize) -> impl Iterator<Item = String> + use<'a> {
    layout.comments_in(start, end).iter().map(move |comment| comment.of(layout.text).trim_end().to_owned())
}

/// The comments outside of a document's own bytes: between `%` directives, and on or beside `---` and `...` lines.
pub(super) fn outer_comments(outside: &str) -> Vec<&str> {
    let comment = |line: &'_ str| -> Option<usize> {
        if line.starts_with('#') { Some(0) } else { line.find(" #").or_else(|| line.find("\t#")).map(|at| at + 1) }
    };
    outside
        .split(['\n', '\r'])
        .map(|line| line.trim_start_matches('\u{feff}').trim())
        .filter_map(|line| Some(&line[comment(line)?..]))
        .collect()
}

fn emitted(manifest: &Value) -> Vec<String> {
    emit::to_yaml(std::slice::from_ref(manifest)).lines().map(str::to_owned).collect()
}

fn starts_flow(text: &str, span: Span) -> bool {
    span.of(text).starts_with(['[', '{'])
}

fn is_json(text: &str) -> bool {
    text.starts_with(['{', '[']) && serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}
