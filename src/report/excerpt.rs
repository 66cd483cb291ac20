//! One group of findings as rustc shows an error: title, place, source lines with a caret, notes, help.
//!
//! This is the only file that names annotate-snippets. It is handed a few lines and never a whole text, since a source
//! may be hundreds of megabytes, and every offset is moved into those lines first, since the crate panics on one that
//! is not. Grouping and order are decided elsewhere.

use annotate_snippets::{
    Annotation, AnnotationKind, Element, Group as Shown, Level as ShownLevel, Origin, Renderer, Snippet,
};

use super::lines::{Extent, Lines};
use super::words::{fill, one_line, safe_char};
use super::{Finding, Label, Level};
use crate::place::{LineCol, Place, SourceId, Span};

/// A span of more lines than this is shown by its first line: the whole of a manifest is not an excerpt.
const MAX_LINES: usize = 5;
/// Lines around a marked one that are handed over; the renderer shows one that closes a gap.
const AROUND: usize = 1;
/// Marked lines of one source further apart than this are two excerpts.
const FAR: usize = 40;
/// A place this far into a line (one-line JSON) is named but not drawn.
const MAX_COLUMN: usize = 4_000;
/// Columns beside an excerpt: line number, bar, ellipses.
const GUTTER: usize = 16;
/// Second places that are drawn; the rest is counted.
const MAX_LABELS: usize = 8;

/// How an excerpt looks.
#[derive(Clone, Copy)]
pub(super) struct Look {
    pub(super) color: bool,
    pub(super) width: usize,
}

/// `finding` in full, then `others` (whole sentences) between its notes and its help. No newline at the end.
pub(super) fn block(finding: &Finding, level: Level, others: &[String], lines: &Lines<'_>, look: Look) -> String {
    let message = one_line(&finding.message);
    let title = shown_level(level).primary_title(&message).id(finding.code.0);
    let drawing = Drawing::of(finding, lines, look);
    let room = look.width.saturating_sub(drawing.digits + "   note: ".len() - 1).max(20);
    let mut shown = Shown::with_title(title).elements(drawing.elements);
    for note in finding.notes.iter().map(String::as_str).chain(drawing.left_out.as_deref()) {
        shown = shown.element(ShownLevel::NOTE.message(fill(note, room)));
    }
    for other in others {
        shown = shown.element(ShownLevel::NOTE.no_name().message(one_line(other)));
    }
    if let Some(help) = &finding.help {
        shown = shown.element(ShownLevel::HELP.message(fill(help, room)));
    }
    render(shown, look)
}

/// The lines of a finding with their marks, without title, notes and help; none where it has no place.
pub(super) fn lines_only(finding: &Finding, lines: &Lines<'_>, look: Look) -> Option<String> {
    let drawing = Drawing::of(finding, lines, look);
    if drawing.elements.is_empty() {
        return None;
    }
    Some(render(Shown::with_level(shown_level(finding.level)).elements(drawing.elements), look))
}

/// Draws `shown`, without blanks at the ends of lines.
fn render(shown: Shown<'_>, look: Look) -> String {
    let renderer = if look.color { Renderer::styled().hyperlink(false) } else { Renderer::plain() };
    let drawn = renderer.term_width(look.width.max(20)).render(&[shown]);
    drawn.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

fn shown_level(level: Level) -> ShownLevel<'static> {
    match level {
        Level::Error => ShownLevel::ERROR,
        Level::Warning => ShownLevel::WARNING,
        Level::Note => ShownLevel::NOTE,
    }
}

// --- what is drawn ---

/// The places of one finding as the renderer takes them.
struct Drawing {
    elements: Vec<Element<'static>>,
    /// Digits of the highest line number that is shown.
    digits: usize,
    /// A sentence about the labels that are not drawn.
    left_out: Option<String>,
}

/// One marked place, cut to what is drawn of it.
struct Mark {
    source: SourceId,
    kind: AnnotationKind,
    label: Option<String>,
    start: LineCol,
    span: Span,
    last_line: usize,
}

/// What a character of a source is copied as: one for one, so that columns stay. A carriage return ends a line and is
/// no news.
fn shown_char(c: char) -> char {
    if c == '\r' { ' ' } else { safe_char(c) }
}

// === impl Drawing ===

impl Drawing {
    fn of(finding: &Finding, lines: &Lines<'_>, look: Look) -> Self {
        let marks = marks(finding, lines, look);
        let digits = marks.iter().map(|mark| mark.last_line).max().map_or(0, |line| line.to_string().len());
        let elements = clusters(marks, look).into_iter().map(|cluster| draw(cluster, lines, look)).collect();
        let undrawn = finding.labels.len().saturating_sub(MAX_LABELS);
        let left_out = (undrawn > 0).then(|| {
            let first = &finding.labels[MAX_LABELS];
            format!("{undrawn} more such places, the first at {}", lines.display(first.place))
        });
        Self { elements, digits, left_out }
    }
}

/// The place of the finding first, then its labels. A label on the very place of the finding is said there.
fn marks(finding: &Finding, lines: &Lines<'_>, look: Look) -> Vec<Mark> {
    let mut marks = Vec::new();
    if let Some(place) = finding.place {
        marks.push(Mark::new(place, AnnotationKind::Primary, None, lines, look));
    }
    for Label { place, text } in finding.labels.iter().take(MAX_LABELS) {
        let text = Some(one_line(text));
        match marks.first_mut() {
            Some(first) if finding.place == Some(*place) && first.label.is_none() => first.label = text,
            _ => marks.push(Mark::new(*place, AnnotationKind::Context, text, lines, look)),
        }
    }
    marks
}

impl Mark {
    fn new(place: Place, kind: AnnotationKind, label: Option<String>, lines: &Lines<'_>, look: Look) -> Self {
        let source = place.source;
        let text = &lines.source(source).text;
        let whole = lines.clamp(place);
        let trimmed = whole.start + whole.of(text).trim_end().len();
        let Extent { start, end } = lines.extent(Place { source, span: Span::new(whole.start, trimmed) });
        let line = lines.line(source, start.line);
        let from = whole.start.clamp(line.start, line.end);
        let (to, last_line) = if end.line == start.line || end.line - start.line >= MAX_LINES {
            let room = look.width.saturating_sub(GUTTER).max(1);
            let long = trimmed.min(line.end) > from.saturating_add(look.width);
            let to = if long { from.saturating_add(room) } else { trimmed.min(line.end) };
            (text.floor_char_boundary(to), start.line)
        } else {
            (trimmed, end.line)
        };
        Self { source, kind, label, start, span: Span::new(from, to.max(from)), last_line }
    }

    fn is_near(&self, other: &Self) -> bool {
        let lines = self.start.line.abs_diff(other.last_line).min(other.start.line.abs_diff(self.last_line));
        self.source == other.source && lines <= FAR && self.start.col.max(other.start.col) <= MAX_COLUMN
    }

    /// Whether both can be seen in one window of the terminal, which is as wide as what it shows of their lines.
    fn fits_beside(&self, other: &Self, look: Look) -> bool {
        let from = self.start.col.min(other.start.col);
        let to = self.right().max(other.right());
        to <= look.width.saturating_sub(GUTTER) || to - from <= look.width.saturating_sub(GUTTER)
    }

    /// One past the last column of the mark and its label.
    fn right(&self) -> usize {
        let label = self.label.as_ref().map_or(0, |label| 1 + label.chars().count());
        self.start.col + (self.span.end - self.span.start) + label
    }
}

/// Marks that are drawn together: of one source, few lines apart, and not wider together than the terminal. The
/// cluster of the finding's own place comes first.
fn clusters(marks: Vec<Mark>, look: Look) -> Vec<Vec<Mark>> {
    let mut clusters: Vec<Vec<Mark>> = Vec::new();
    for mark in marks {
        let fits = |cluster: &Vec<Mark>| {
            cluster.iter().any(|other| mark.is_near(other)) && cluster.iter().all(|other| mark.fits_beside(other, look))
        };
        match clusters.iter_mut().find(|cluster| fits(cluster)) {
            Some(cluster) => cluster.push(mark),
            None => clusters.push(vec![mark]),
        }
    }
    clusters
}

fn draw(cluster: Vec<Mark>, lines: &Lines<'_>, look: Look) -> Element<'static> {
    let source = cluster[0].source;
    let path = one_line(&lines.source(source).name);
    if let Some(far) = cluster.iter().find(|mark| mark.start.col > MAX_COLUMN) {
        return Origin::path(path).line(far.start.line).char_column(far.start.col).into();
    }
    let first = cluster.iter().map(|mark| mark.start.line).min().unwrap_or(1);
    let last = cluster.iter().map(|mark| mark.last_line).max().unwrap_or(1);
    let excerpt = Excerpt::of(source, first..=last, &cluster, lines, look);
    let annotations: Vec<Annotation<'static>> = cluster
        .into_iter()
        .map(|mark| {
            let span = excerpt.offset(mark.span.start)..excerpt.offset(mark.span.end);
            mark.kind.span(span).label(mark.label)
        })
        .collect();
    Snippet::source(excerpt.text).path(path).line_start(first).annotations(annotations).into()
}

// --- the lines handed over ---

/// A few lines of a source, copied: control characters replaced, long lines cut, lines that will be folded left empty.
struct Excerpt<'a> {
    text: String,
    /// Of each line: where it stands in the source, the source's characters of it, and where it stands in `text`.
    lines: Vec<(Span, &'a str, usize)>,
}

impl<'a> Excerpt<'a> {
    fn of(
        source: SourceId,
        range: std::ops::RangeInclusive<usize>,
        marks: &[Mark],
        lines: &'a Lines<'a>,
        look: Look,
    ) -> Self {
        let whole = &lines.source(source).text;
        let mut excerpt = Self { text: String::new(), lines: Vec::new() };
        for number in range {
            let line = lines.line(source, number);
            let shown = marks.iter().any(|mark| {
                (mark.start.line..=mark.last_line + AROUND).contains(&(number + AROUND))
                    || (mark.start.line..=mark.last_line + AROUND).contains(&number)
            });
            let marked = marks.iter().filter(|mark| (mark.start.line..=mark.last_line).contains(&number));
            let last_mark = marked.map(|mark| mark.span.end.clamp(line.start, line.end)).max().unwrap_or(line.start);
            let room = if shown { last_mark.saturating_add(look.width * 4) } else { line.start };
            let end = whole.floor_char_boundary(line.end.min(room)).max(line.start);
            let kept = &whole[line.start..end];
            excerpt.lines.push((line, kept, excerpt.text.len()));
            excerpt.text.extend(kept.chars().map(shown_char));
            excerpt.text.push('\n');
        }
        excerpt
    }

    /// Where the source's byte `offset` stands in the copy.
    fn offset(&self, offset: usize) -> usize {
        let nth = self.lines.partition_point(|(line, _, _)| line.start <= offset).saturating_sub(1);
        let (line, kept, start) = self.lines[nth];
        let within = kept.floor_char_boundary(offset.saturating_sub(line.start));
        start + kept[..within].chars().map(|c| shown_char(c).len_utf8()).sum::<usize>()
    }
}
