//! The report for a terminal: what needs hands, then each group of findings once, with the source as rustc shows it.
//!
//! Quiet by design: one excerpt for a group, one line for each further member, nothing for what went well unless
//! asked for. What is said is decided in `tally` and `group`, how an excerpt is drawn in `excerpt`.

use annotate_snippets::renderer::Style;

use super::excerpt::{self, Look};
use super::group::{Group, groups};
use super::lines::Lines;
use super::words::one_line;
use super::{Finding, ObjectReport, Report, tally};
use crate::place::SourceMap;

/// Further members of a group that are listed without `verbose`.
const MAX_OTHERS: usize = 10;
/// Codes that the last line names.
const MAX_CODES: usize = 6;

/// How the report looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TextOptions {
    /// With terminal escapes.
    pub color: bool,
    /// Columns of the terminal. Excerpts are cut to it, prose is filled to it, what is there to be copied is not broken.
    pub width: usize,
    /// All members of each group, and the outcome of every object.
    pub verbose: bool,
    /// How the program was called: `smi2gamma` or `kubectl smi2gamma`.
    pub program: &'static str,
}

impl Default for TextOptions {
    fn default() -> Self {
        Self { color: false, width: 100, verbose: false, program: "smi2gamma" }
    }
}

/// The whole report, ending in a newline. Control characters of the input are replaced.
#[must_use]
pub fn text(report: &Report, sources: &SourceMap, options: &TextOptions) -> String {
    let lines = Lines::new(sources);
    let groups = groups(report);
    let mut blocks = vec![head(report, options)];
    blocks.extend(groups.iter().map(|group| block(group, report, &lines, options)));
    if options.verbose {
        blocks.extend(outcomes(report, &lines));
    }
    blocks.extend(tail(&groups, options.program));
    let mut text = blocks.join("\n\n");
    text.push('\n');
    text
}

/// The lines before the first finding: how many objects need hands, whose reading, for whom, what was not read.
pub(super) fn head(report: &Report, options: &TextOptions) -> String {
    let mut head = emphasised(&tally::headline(report), options.color);
    let choices = tally::choices(report);
    let joined = choices.join(", ");
    let choices = if joined.chars().count() <= options.width { vec![joined] } else { choices };
    for line in choices.into_iter().filter(|line| !line.is_empty()) {
        head.push('\n');
        head.push_str(&line);
    }
    if tally::read_is_worth_saying(report) {
        head.push('\n');
        head.push_str(&tally::read(&report.read));
    }
    head
}

fn block(group: &Group<'_>, report: &Report, lines: &Lines<'_>, options: &TextOptions) -> String {
    let first = group.first(report);
    let most = if options.verbose { usize::MAX } else { MAX_OTHERS };
    let all = group.others(report);
    let mut others: Vec<String> = all.iter().take(most).map(|finding| also(finding, first, lines)).collect();
    let rest = all.len() - others.len();
    if rest > 0 {
        others.push(format!("and {rest} more (--verbose shows all)"));
    }
    excerpt::block(first, group.level, &others, lines, Look { color: options.color, width: options.width })
}

/// `also at file:line:col: message`; the message only where it says something else than the first one's.
pub(super) fn also(finding: &Finding, first: &Finding, lines: &Lines<'_>) -> String {
    let message = (finding.message != first.message).then(|| one_line(&finding.message));
    let place = finding.place.map(|place| format!("at {}", lines.display(place)));
    match (place, message) {
        (Some(place), Some(message)) => format!("also {place}: {message}"),
        (Some(place), None) => format!("also {place}"),
        (None, Some(message)) => format!("also: {message}"),
        (None, None) => "also once more".into(),
    }
}

/// One line per object: outcome, object, place; what it became below it.
fn outcomes(report: &Report, lines: &Lines<'_>) -> Option<String> {
    let names: Vec<String> = report.objects.iter().map(|object| one_line(&object.id.to_string())).collect();
    let word = report.objects.iter().map(|object| tally::word(object).len()).max()?;
    let name = names.iter().map(|name| name.chars().count()).max()?;
    let mut rows = Vec::new();
    for (ObjectReport { place, outputs, .. }, (object, id)) in
        report.objects.iter().zip(report.objects.iter().zip(&names))
    {
        rows.push(format!("{:<word$}  {id:<name$}  {}", tally::word(object), lines.display(*place)));
        rows.extend(outputs.iter().map(|output| format!("{:<word$}  -> {}", "", one_line(&output.to_string()))));
    }
    Some(rows.join("\n"))
}

/// The next command, for the codes that were shown.
fn tail(groups: &[Group<'_>], program: &str) -> Option<String> {
    let mut codes: Vec<&str> = Vec::new();
    for group in groups {
        if !codes.contains(&group.code.0) {
            codes.push(group.code.0);
        }
        if codes.len() > MAX_CODES {
            break;
        }
    }
    match codes.as_slice() {
        [] => None,
        [code] => Some(format!("`{program} explain {code}` says more")),
        all if all.len() <= MAX_CODES => Some(format!("`{program} explain CODE` says more: {}", all.join(", "))),
        some => Some(format!("`{program} explain CODE` says more: {}, ...", some[..MAX_CODES].join(", "))),
    }
}

pub(super) fn emphasised(text: &str, color: bool) -> String {
    let style = Style::new().bold();
    if color { format!("{style}{text}{style:#}") } else { text.to_owned() }
}
