//! The catalogue of findings: `mappings/findings.yaml`, parsed when first asked for.
//!
//! A row gives a code its outcome (and so its level), and the text that `smi2gamma explain CODE` and
//! `docs/findings.md` print. Adding a finding is adding a row.

use serde::Deserialize;
use std::sync::LazyLock;

use super::{Code, Level};
use crate::outcome::Outcome;

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

static ROWS: LazyLock<Vec<Row>> = LazyLock::new(|| {
    serde_yaml::from_str(include_str!("../../mappings/findings.yaml"))
        .expect("mappings/findings.yaml is held valid by a test")
});

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

impl Row {
    /// The level of the findings of this row: blocked is an error, unsupported, delegated and approximated are
    /// warnings, the rest is what the row says.
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
