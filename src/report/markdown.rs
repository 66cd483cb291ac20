//! The report as a comment on a pull request.
//!
//! GitHub takes 65,536 characters and refuses more, so the comment is made of whole sections, taken in the order of how
//! much they matter until the room is used, and it says what was left out. What was read from manifests is escaped at
//! one place, [`escape`]: nothing in a name can open a tag, end a cell, or call a person.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::excerpt::{self, Look};
use super::group::{Group, groups};
use super::lines::Lines;
use super::tally::Tally;
use super::words::{count, one_line};
use super::{Level, ObjectReport, Report, catalogue, tally};
use crate::place::SourceMap;

/// The first line: by it a comment is found again and replaced.
pub const MARKER: &str = "<!-- smi2gamma:report -->";

/// Bytes at most, so characters too: GitHub's limit of 65,536 and some room for a line of whoever posts it.
pub const BUDGET: usize = 65_000;

/// Bytes kept for headings and for the sentence about what was left out.
const RESERVE: usize = 2_000;
/// Characters of one thing in the head or in that sentence.
const MAX_WORDS: usize = 300;
/// Rows of one table.
const MAX_ROWS: usize = 100;
/// Further places of one group.
const MAX_PLACES: usize = 20;
/// Columns of an excerpt: what GitHub shows without scrolling.
const LOOK: Look = Look { color: false, width: 100 };
/// Sections that did not fit after which no further one is written to be tried.
const PATIENCE: usize = 8;

/// The report in GitHub's Markdown, at most [`BUDGET`] bytes, ending in a newline.
#[must_use]
pub fn markdown(report: &Report, sources: &SourceMap) -> String {
    let lines = Lines::new(sources);
    let groups = groups(report);
    let sections = sections(report, &groups);
    let head = head(report);
    let shown = choose(&sections, BUDGET.saturating_sub(head.len() + RESERVE), report, &lines);
    let mut page = head;
    let mut heading = "";
    for (section, body) in sections.iter().zip(&shown) {
        let Some(body) = body else { continue };
        if section.heading() != heading {
            heading = section.heading();
            let _ = write!(page, "\n### {heading}\n");
        }
        let _ = write!(page, "\n{body}");
    }
    page.push_str(&left_out(&sections, &shown));
    page
}

// --- sections ---

/// What is shown or left out as a whole.
enum Section<'a> {
    /// The objects of one namespace; none where manifests name none.
    Namespace { name: Option<&'a str>, objects: Vec<&'a ObjectReport> },
    /// One group of findings.
    Findings(&'a Group<'a>),
}

/// All sections in the order of the page: tables, then findings.
fn sections<'a>(report: &'a Report, groups: &'a [Group<'a>]) -> Vec<Section<'a>> {
    let mut namespaces: BTreeMap<Option<&str>, Vec<&ObjectReport>> = BTreeMap::new();
    for object in &report.objects {
        namespaces.entry(object.id.namespace.as_deref()).or_default().push(object);
    }
    let tables = namespaces.into_iter().map(|(name, objects)| Section::Namespace { name, objects });
    tables.chain(groups.iter().map(Section::Findings)).collect()
}

/// The text of the sections that fit into `room` bytes, in the order of the page; none for what is left out.
fn choose(sections: &[Section<'_>], room: usize, report: &Report, lines: &Lines<'_>) -> Vec<Option<String>> {
    let mut order: Vec<usize> = (0..sections.len()).collect();
    order.sort_by_key(|&index| (sections[index].rank(), index));
    let mut shown: Vec<Option<String>> = sections.iter().map(|_| None).collect();
    let (mut left, mut misses) = (room, 0);
    for index in order {
        if misses >= PATIENCE {
            break;
        }
        let body = sections[index].body(report, lines);
        match left.checked_sub(body.len() + 1) {
            Some(rest) => {
                left = rest;
                shown[index] = Some(body);
            }
            None => misses += 1,
        }
    }
    shown
}

impl Section<'_> {
    fn heading(&self) -> &'static str {
        match self {
            Self::Namespace { .. } => "Objects",
            Self::Findings(group) if group.level == Level::Note => "Notes",
            Self::Findings(_) => "What needs a decision, and why",
        }
    }

    /// What matters more comes first where not all can be shown.
    fn rank(&self) -> u8 {
        match self {
            Self::Findings(Group { level: Level::Error, .. }) => 0,
            Self::Namespace { objects, .. } if objects.iter().any(|object| object.outcome.needs_hands()) => 1,
            Self::Findings(Group { level: Level::Warning, .. }) => 2,
            Self::Namespace { .. } => 3,
            Self::Findings(Group { level: Level::Note, .. }) => 4,
        }
    }

    fn body(&self, report: &Report, lines: &Lines<'_>) -> String {
        match self {
            Self::Namespace { name, objects } => table(*name, objects, lines),
            Self::Findings(group) => findings(group, report, lines),
        }
    }
}

fn head(report: &Report) -> String {
    let mut head = format!("{MARKER}\n## smi2gamma: {}\n", prose(&clip(&tally::headline(report))));
    let mut said: Vec<String> = tally::choices(report).iter().map(|choice| prose(&clip(choice))).collect();
    if tally::read_is_worth_saying(report) {
        said.push(prose(&clip(&tally::read(&report.read))));
    }
    if !said.is_empty() {
        let _ = write!(head, "\n{}\n", said.join("<br>\n"));
    }
    if !report.objects.is_empty() {
        head.push_str("\n| outcome | objects |\n| --- | ---: |\n");
        for (word, number) in Tally::of(&report.objects).words {
            let _ = writeln!(head, "| {word} | {number} |");
        }
    }
    head
}

/// The objects of one namespace, the worst outcome first; folded where none of them needs hands.
fn table(namespace: Option<&str>, objects: &[&ObjectReport], lines: &Lines<'_>) -> String {
    let tally = Tally::of(objects.iter().copied());
    let title = match namespace {
        Some(name) => format!("namespace {}", code(name)),
        None => "no namespace named".into(),
    };
    let objects_word = count(tally.objects, "object", "objects");
    let mut rows: Vec<&&ObjectReport> = objects.iter().collect();
    rows.sort_by_key(|object| std::cmp::Reverse(object.outcome));
    let mut body = String::from("| object | outcome | place |\n| --- | --- | --- |\n");
    for object in rows.iter().take(MAX_ROWS) {
        let name = if object.id.name.is_empty() { "(no name)" } else { &object.id.name };
        let _ = writeln!(
            body,
            "| {} {} | {} | {} |",
            escape(&one_line(&object.id.kind)),
            code(name),
            tally::word(object),
            code(&lines.display(object.place))
        );
    }
    if rows.len() > MAX_ROWS {
        let rest = Tally::of(rows[MAX_ROWS..].iter().map(|object| **object));
        let _ = write!(body, "\nand {} more: {}\n", rest.objects, rest.totals());
    }
    match tally.needs_hands {
        0 => details(&format!("{title}: {objects_word}, none needs hands"), &body),
        some => format!(
            "**{title}: {some} of {objects_word} {} hands**\n\n{body}",
            if some == 1 { "needs" } else { "need" }
        ),
    }
}

/// One group, folded: where, what is known, why it matters, what to do, where else.
fn findings(group: &Group<'_>, report: &Report, lines: &Lines<'_>) -> String {
    let first = group.first(report);
    let others = group.others(report);
    let places = match others.len() {
        0 => String::new(),
        more => format!(" ({} places)", more + 1),
    };
    let title = format!("{} {}: {}{places}", group.level.word(), code(group.code.0), prose(&first.message));
    let mut parts: Vec<String> =
        excerpt::lines_only(first, lines, LOOK).map(|drawn| fence(&drawn)).into_iter().collect();
    if !first.notes.is_empty() {
        parts.push(first.notes.iter().map(|note| format!("- {}\n", prose(note))).collect());
    }
    if let Some(row) = catalogue::find(group.code.0) {
        parts.push(format!("**Why**: {}\n", prose(&row.why)));
    }
    match group.help {
        Some(help) if help.trim().contains('\n') => parts.push(format!("**To do**:\n\n{}", fence(help.trim_end()))),
        Some(help) => parts.push(format!("**To do**: {}\n", prose(help))),
        None => {}
    }
    if !others.is_empty() {
        let mut also: String = others
            .iter()
            .take(MAX_PLACES)
            .map(|finding| {
                let place = finding.place.map(|place| format!("{} ", code(&lines.display(place)))).unwrap_or_default();
                format!("- {place}{}\n", prose(&finding.message))
            })
            .collect();
        if others.len() > MAX_PLACES {
            let _ = writeln!(also, "- and {} more", others.len() - MAX_PLACES);
        }
        parts.push(format!("**Also**:\n\n{also}"));
    }
    details(&title, &parts.join("\n"))
}

/// What was left out, by name as far as there is room; empty where nothing was.
fn left_out(sections: &[Section<'_>], shown: &[Option<String>]) -> String {
    let hidden = || sections.iter().zip(shown).filter(|(_, body)| body.is_none()).map(|(section, _)| section);
    let number = hidden().count();
    if number == 0 {
        return String::new();
    }
    let namespaces = hidden().filter_map(|section| match section {
        Section::Namespace { name, .. } => Some(name.unwrap_or("(none)")),
        Section::Findings(_) => None,
    });
    let codes = hidden().filter_map(|section| match section {
        Section::Findings(group) => Some(group.code.0),
        Section::Namespace { .. } => None,
    });
    let said = [("namespaces", named(namespaces)), ("findings", named(codes))];
    let said: Vec<String> =
        said.into_iter().filter_map(|(what, names)| names.map(|names| format!("{what} {names}"))).collect();
    format!(
        "\nNot shown: {number} of {} sections, which would not fit into a comment: {}. `smi2gamma report` shows them.\n",
        sections.len(),
        said.join("; ")
    )
}

/// The first three names and how many more.
fn named<'n>(names: impl Iterator<Item = &'n str>) -> Option<String> {
    let mut first: Vec<String> = Vec::new();
    let mut more = 0;
    for name in names {
        if first.len() < 3 {
            first.push(code(&name.chars().take(MAX_WORDS / 5).collect::<String>()));
        } else {
            more += 1;
        }
    }
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    (!first.is_empty()).then(|| first.join(", ") + &rest)
}

// --- Markdown ---

/// A foldable part. The blank lines make GitHub read `body` as Markdown.
fn details(summary: &str, body: &str) -> String {
    format!("<details><summary>{summary}</summary>\n\n{body}\n</details>\n")
}

/// A fenced block that `text` cannot close.
fn fence(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let ticks = "`".repeat(longest.max(2) + 1);
    let lines: Vec<String> = text.lines().map(|line| line.chars().map(super::words::safe_char).collect()).collect();
    format!("{ticks}text\n{}\n{ticks}\n", lines.join("\n"))
}

/// A sentence on one line: what stands in a pair of backquotes as code, the rest as plain text.
fn prose(text: &str) -> String {
    let text = one_line(text);
    let parts: Vec<&str> = text.split('`').collect();
    if parts.len().is_multiple_of(2) {
        return escape(&text);
    }
    let marked = parts.iter().enumerate().map(|(nth, part)| if nth % 2 == 1 { code(part) } else { escape(part) });
    marked.collect()
}

/// `text` as code on one line, by tag: a backquote cannot end it and a bar cannot end the cell it stands in.
fn code(text: &str) -> String {
    format!("<code>{}</code>", entities(&one_line(text), "&#64;", "&#35;"))
}

/// Plain text on one line. GitHub looks for mentions and for numbers of issues in what is rendered, so an entity is
/// not enough: a space of no width parts the sign from the name.
fn escape(text: &str) -> String {
    entities(text, "@&#8203;", "#&#8203;")
}

fn entities(text: &str, at: &str, hash: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '@' => escaped.push_str(at),
            '#' => escaped.push_str(hash),
            '|' | '`' | '*' | '_' | '[' | ']' | '\\' | '~' | '$' => {
                let _ = write!(escaped, "&#{};", u32::from(c));
            }
            other => escaped.push(other),
        }
    }
    escaped
}

fn clip(text: &str) -> String {
    match text.char_indices().nth(MAX_WORDS) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_name_can_open_a_tag_end_a_cell_or_call_a_person() {
        let hostile = "</details>|`x`\n@team #12 *b* [l](u) &amp;";
        let escaped = prose(hostile);
        assert_eq!(
            escaped,
            "&lt;/details&gt;&#124;<code>x</code> @&#8203;team #&#8203;12 &#42;b&#42; &#91;l&#93;(u) &amp;amp;"
        );
        assert_eq!(code("a`b|@c"), "<code>a&#96;b&#124;&#64;c</code>");
        assert_eq!(prose("an odd ` quote"), "an odd &#96; quote");
    }

    #[test]
    fn a_fence_is_longer_than_any_run_of_backquotes_in_it() {
        assert_eq!(fence("a"), "```text\na\n```\n");
        assert_eq!(fence("a\n````"), "`````text\na\n````\n`````\n");
    }
}
