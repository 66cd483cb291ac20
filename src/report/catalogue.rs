//! The catalogue of findings: `mappings/findings.yaml`, parsed when first asked for.
//!
//! A row gives a code its outcome (and so its level), and the text that `smi2gamma explain CODE` and
//! `docs/findings.md` print. Adding a finding is adding a row.

use serde::Deserialize;
use std::fmt::Write as _;
use std::sync::LazyLock;

use super::words::{fill, indent};
use super::{Code, Level};
use crate::outcome::Outcome;

/// The table as it is written; its section comments group the pages.
const TABLE: &str = include_str!("../../mappings/findings.yaml");

/// Columns of what `explain` prints.
const WIDTH: usize = 80;

/// One row of `mappings/findings.yaml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// The stable name.
    pub code: String,
    /// One line: what it says.
    pub title: String,
    /// The outcome that this finding forces on its object, if any.
    #[serde(default)]
    pub outcome: Option<Outcome>,
    /// It says that the output knowingly does not do what SMI did, so a difference is no mistake.
    #[serde(default)]
    pub admits: bool,
    /// The level where no outcome gives one.
    #[serde(default)]
    pub level: Option<Level>,
    /// The release that first had it.
    pub since: String,
    /// What it means.
    pub what: String,
    /// Why it matters.
    pub why: String,
    /// What to do.
    #[serde(rename = "do")]
    pub remedy: String,
    /// Where that is written: specification or upstream file, with version.
    pub sources: Vec<String>,
}

static ROWS: LazyLock<Vec<Row>> =
    LazyLock::new(|| serde_yaml::from_str(TABLE).expect("mappings/findings.yaml is held valid by a test"));

/// All rows in the order of the table.
#[must_use]
pub fn rows() -> &'static [Row] {
    &ROWS
}

/// The row of `name`, if there is one.
#[must_use]
pub fn find(name: &str) -> Option<&'static Row> {
    ROWS.iter().find(|row| row.code == name)
}

/// The row of a code.
///
/// # Panics
/// If the code has no row; a test holds every `code!` of the source to one.
#[must_use]
pub fn row(code: Code) -> &'static Row {
    find(code.0).unwrap_or_else(|| panic!("no row for {} in mappings/findings.yaml", code.0))
}

/// The rows under each `# === section ===` comment of the table, in its order; sections without rows are left out.
#[must_use]
pub fn sections() -> Vec<(&'static str, Vec<&'static Row>)> {
    let mut sections: Vec<(&str, Vec<&Row>)> = Vec::new();
    let mut rows = rows().iter();
    for line in TABLE.lines() {
        if let Some(name) = line.strip_prefix("# === ").and_then(|rest| rest.strip_suffix(" ===")) {
            sections.push((name, Vec::new()));
        } else if line.starts_with("- ") {
            match sections.last_mut() {
                Some((_, members)) => members.extend(rows.next()),
                None => sections.push(("findings", rows.next().into_iter().collect())),
            }
        }
    }
    sections.retain(|(_, members)| !members.is_empty());
    sections
}

// --- explain ---

/// No row has the code that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no finding is called `{code}`{}", instead(*nearest))]
pub struct Unknown {
    /// What was asked for.
    pub code: String,
    /// The code that differs least, where one is close.
    pub nearest: Option<&'static str>,
}

/// What `smi2gamma explain CODE` prints: what the finding means, why it matters, what to do, where that is written.
/// Takes the code as a report shows it too (`error[code]`). Ends in a newline, filled to 80 columns.
///
/// # Errors
/// [`Unknown`] if no row has that code.
pub fn explain(code: &str) -> Result<String, Unknown> {
    let asked = code.split_once('[').map_or(code, |(_, rest)| rest.trim_end_matches([']', ':'])).trim().to_lowercase();
    let Some(row) = find(&asked) else {
        let nearest = nearest(&asked, rows().iter().map(|row| row.code.as_str()));
        return Err(Unknown { code: super::words::one_line(code), nearest });
    };
    let mut text = format!("{}: {}\n{}\n", row.code, row.title, row.weight());
    for (heading, body) in row.chapters() {
        let _ = write!(text, "\n{heading}\n{}\n", indent(&fill(body, WIDTH - 2), "  "));
    }
    text.push_str("\nSources\n");
    for source in &row.sources {
        let _ = writeln!(text, "  - {}", indent(&fill(source, WIDTH - 4), "    ").trim_start());
    }
    Ok(text)
}

/// Every code with its title, by section: what `smi2gamma explain` prints. Ends in a newline.
#[must_use]
pub fn explain_all() -> String {
    let width = rows().iter().map(|row| row.code.len()).max().unwrap_or(0);
    let sections: Vec<String> = sections()
        .into_iter()
        .map(|(name, rows)| {
            let lines = rows.iter().map(|row| format!("  {:<width$}  {}\n", row.code, row.title));
            format!("{name}\n{}", lines.collect::<String>())
        })
        .collect();
    sections.join("\n")
}

/// `docs/findings.md`: the same texts, a heading per code, so that `docs/findings.md#code` is its address.
#[must_use]
pub fn findings_markdown() -> String {
    let mut page = String::from(
        "# Findings\n\n\
         Everything that smi2gamma can report. `smi2gamma explain CODE` prints the same text offline.\n\n\
         This page is written from `mappings/findings.yaml`; change it there.\n",
    );
    for (name, rows) in sections() {
        let _ = write!(page, "\n- {name}\n");
        for row in rows {
            let _ = writeln!(page, "  - [`{0}`](#{0}): {1}", row.code, markdown_text(&row.title));
        }
    }
    for (name, rows) in sections() {
        let _ = write!(page, "\n## {}{}\n", name[..1].to_uppercase(), &name[1..]);
        for row in rows {
            let _ = write!(page, "\n### {}\n\n{}.\n\n{}.\n", row.code, sentence(&row.title), sentence(&row.weight()));
            for (heading, body) in row.chapters() {
                let _ = write!(page, "\n**{heading}.** {}\n", markdown_text(body.trim_end()));
            }
            page.push_str("\n**Sources.**\n\n");
            for source in &row.sources {
                let _ = writeln!(page, "- {}", markdown_text(source));
            }
        }
    }
    page
}

fn instead(nearest: Option<&str>) -> String {
    match nearest {
        Some(code) => format!("; did you mean `{code}`?"),
        None => "; `smi2gamma explain` lists all".into(),
    }
}

fn sentence(text: &str) -> String {
    let text = markdown_text(text);
    let first = text.chars().next().map_or(0, char::len_utf8);
    text[..first].to_uppercase() + &text[first..]
}

/// `text` with what Markdown would read as a tag or as emphasis escaped, outside backquotes.
fn markdown_text(text: &str) -> String {
    let mut quoted = false;
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        quoted ^= c == '`';
        if !quoted && matches!(c, '<' | '*' | '_' | '[' | ']') {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

/// The code that takes the fewest edits, if that is at most a third of it; the first of several.
fn nearest(asked: &str, codes: impl Iterator<Item = &'static str>) -> Option<&'static str> {
    let asked: Vec<char> = asked.chars().take(64).collect();
    codes
        .map(|code| (edits(&asked, code), code))
        .filter(|(edits, code)| *edits <= code.len() / 3)
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, code)| code)
}

/// Levenshtein's distance.
fn edits(from: &[char], to: &str) -> usize {
    let mut row: Vec<usize> = (0..=from.len()).collect();
    for (done, to) in to.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = done + 1;
        for (column, &from) in from.iter().enumerate() {
            let replaced = diagonal + usize::from(from != to);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(row[column] + 1).min(diagonal + 1);
        }
    }
    row[from.len()]
}

impl Row {
    /// `blocked (error), since 0.1.0`
    fn weight(&self) -> String {
        let level = match (self.outcome, self.level) {
            (Some(Outcome::Unsupported), None) => "error for a TrafficTarget, else warning",
            _ => self.level().word(),
        };
        match self.outcome {
            Some(outcome) => format!("{} ({level}), since {}", outcome.word(), self.since),
            None => format!("{level}, since {}", self.since),
        }
    }

    fn chapters(&self) -> [(&'static str, &str); 3] {
        [("What it means", &self.what), ("Why it matters", &self.why), ("What to do", &self.remedy)]
    }

    /// The level of the findings of this row: blocked is an error, unsupported, delegated and approximated are
    /// warnings, the rest is what the row says. What is unsupported of a TrafficTarget is made an error by `settle`.
    #[must_use]
    pub fn level(&self) -> Level {
        match self.outcome {
            Some(Outcome::Blocked) => Level::Error,
            Some(Outcome::Unsupported | Outcome::Delegated | Outcome::Approximated) => {
                self.level.unwrap_or(Level::Warning)
            }
            Some(Outcome::Migrated | Outcome::Superseded) | None => self.level.unwrap_or(Level::Note),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn explain_says_that_what_is_unsupported_is_an_error_for_a_grant() {
        let text = explain("loss-undecided").unwrap();
        assert!(text.contains("unsupported (error for a TrafficTarget, else warning)"), "{text}");
    }

    #[test]
    fn explain_says_meaning_reason_remedy_and_sources() {
        let text = explain("yaml-syntax").unwrap();
        let row = find("yaml-syntax").unwrap();
        assert!(text.starts_with("yaml-syntax: "), "{text}");
        for part in ["What it means", "Why it matters", "What to do", "Sources", &row.sources[0]] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH), "{text}");
        assert_eq!(explain("error[yaml-syntax]:"), Ok(text));
    }

    #[test]
    fn a_typo_is_answered_with_the_nearest_code() {
        let unknown = explain("yaml-sintax").unwrap_err();
        assert_eq!(unknown.nearest, Some("yaml-syntax"));
        assert_eq!(unknown.to_string(), "no finding is called `yaml-sintax`; did you mean `yaml-syntax`?");
        assert_eq!(explain("something else altogether").unwrap_err().nearest, None);
    }

    #[test]
    fn the_distance_of_two_words_counts_edits() {
        let edits = |from: &str, to| edits(&from.chars().collect::<Vec<_>>(), to);
        assert_eq!([edits("", "abc"), edits("abc", ""), edits("kitten", "sitting"), edits("abc", "abc")], [3, 3, 3, 0]);
    }

    #[test]
    fn every_row_stands_in_a_section() {
        let listed: Vec<&str> =
            sections().into_iter().flat_map(|(_, rows)| rows).map(|row| row.code.as_str()).collect();
        let all: Vec<&str> = rows().iter().map(|row| row.code.as_str()).collect();
        assert_eq!(listed, all);
        assert!(sections().iter().all(|(name, _)| *name != "findings"));
    }
}
