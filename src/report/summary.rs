//! The short form that a conversion says on stderr: how many objects need hands, the counts, one line per kind of
//! finding.
//!
//! It points at the report and does not replace it: no excerpts, no notes, no help.

use annotate_snippets::renderer::{DEFAULT_ERROR_STYLE, DEFAULT_NOTE_STYLE, DEFAULT_WARNING_STYLE};

use super::group::{Group, kinds};
use super::lines::Lines;
use super::tally::Tally;
use super::text::emphasised;
use super::words::one_line;
use super::{Level, Report, tally};
use crate::place::SourceMap;

/// Groups that are listed; the rest is counted.
const MAX_GROUPS: usize = 20;

/// How the summary looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SummaryOptions<'a> {
    /// With terminal escapes.
    pub color: bool,
    /// The command that shows the details, for instance `smi2gamma report .`; empty for none.
    pub details: &'a str,
}

/// The summary, ending in a newline. Control characters of the input are replaced.
#[must_use]
pub fn summary(report: &Report, sources: &SourceMap, options: &SummaryOptions<'_>) -> String {
    let lines = Lines::new(sources);
    let groups = kinds(report);
    let tally = Tally::of(&report.objects);
    let mut said = vec![emphasised(&tally::headline(report), options.color)];
    if tally.needs_hands > 0 && tally.needs_hands < tally.objects {
        said.push(tally.totals());
    }
    if tally::read_is_worth_saying(report) {
        said.push(tally::read(&report.read));
    }
    said.extend(groups.iter().take(MAX_GROUPS).map(|group| line(group, report, &lines, options.color)));
    if groups.len() > MAX_GROUPS {
        said.push(format!("and {} more kinds of findings", groups.len() - MAX_GROUPS));
    }
    if !groups.is_empty() && !options.details.is_empty() {
        said.push(format!("run `{}` for the details", options.details));
    }
    said.join("\n") + "\n"
}

/// `error[code]: message (file:line:col) (+3 more)`
fn line(group: &Group<'_>, report: &Report, lines: &Lines<'_>, color: bool) -> String {
    let first = group.first(report);
    let style = match group.level {
        Level::Error => DEFAULT_ERROR_STYLE,
        Level::Warning => DEFAULT_WARNING_STYLE,
        Level::Note => DEFAULT_NOTE_STYLE,
    };
    let name = format!("{}[{}]", group.level.word(), group.code.0);
    let name = if color { format!("{style}{name}{style:#}") } else { name };
    let place = first.place.map(|place| format!(" ({})", lines.display(place))).unwrap_or_default();
    let more = match group.members.len() - 1 {
        0 => String::new(),
        more => format!(" (+{more} more)"),
    };
    format!("{name}: {}{place}{more}", one_line(&first.message))
}
