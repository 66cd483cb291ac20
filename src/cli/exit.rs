//! Exit codes: the highest that applies, in the order 2, 3, 1, 0.

use std::process::ExitCode;

use super::args::FailOn;
use crate::report::{Level, Report};

/// How a process ends. The order of the variants is the order of precedence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// 0: done.
    Done,
    /// 1: a difference was found, where that was asked for.
    Differs,
    /// 3: findings at or above `--fail-on`.
    Findings,
    /// 2: no trustworthy result.
    NoResult,
}

impl Exit {
    /// What the findings of a report call for.
    #[must_use]
    pub fn of(report: &Report, fail_on: FailOn) -> Self {
        let threshold = match fail_on {
            FailOn::Error => Level::Error,
            FailOn::Warning => Level::Warning,
            FailOn::Note => Level::Note,
            FailOn::Never => return Self::Done,
        };
        if report.findings.iter().any(|finding| finding.level >= threshold) { Self::Findings } else { Self::Done }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0,
            Exit::Differs => 1,
            Exit::NoResult => 2,
            Exit::Findings => 3,
        })
    }
}
