//! What people read: one [`Finding`] type, one [`Report`], and one renderer per file.
//!
//! This room only reads. It neither decides outcomes (`settle` does) nor looks at manifests.

pub mod catalogue;
pub mod finding;
pub mod json;
pub mod markdown;
pub mod summary;
pub mod text;
pub mod verdicts;

mod excerpt;
mod group;
mod lines;
mod tally;
mod words;

pub use finding::{Code, Finding, Label, Level, ObjectId};
pub use json::json;
pub use markdown::markdown;
pub use summary::{SummaryOptions, summary};
pub use text::{TextOptions, text};

use crate::outcome::{Outcome, Proof};
use crate::place::Place;

/// Everything a run has to say.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// The source mesh whose reading was used, and why.
    pub from: Option<Chosen>,
    /// The target the output is for, `name@version`, and why.
    pub to: Option<Chosen>,
    /// Each SMI object of the input, in source order, with exactly one outcome.
    pub objects: Vec<ObjectReport>,
    /// Everything found, sorted by place, those without a place first.
    pub findings: Vec<Finding>,
    /// What was read.
    pub read: ReadStats,
}

/// A choice and where it came from.
#[derive(Clone, Debug)]
pub struct Chosen {
    /// What was chosen, for instance `osm` or `linkerd@2.18`.
    pub name: String,
    /// Why: a flag, or the evidence that was seen with its place. Ready to print.
    pub because: String,
}

/// One SMI object and what became of it.
#[derive(Clone, Debug)]
pub struct ObjectReport {
    /// Which object.
    pub id: ObjectId,
    /// Where it stands.
    pub place: Place,
    /// What became of it.
    pub outcome: Outcome,
    /// Whether that was verified.
    pub proof: Proof,
    /// The objects that now carry its content.
    pub outputs: Vec<ObjectId>,
    /// Indices into [`Report::findings`].
    pub findings: Vec<usize>,
}

/// How much was read, and what was not.
#[derive(Clone, Debug, Default)]
pub struct ReadStats {
    /// Files (or streams) whose bytes were looked at.
    pub files: usize,
    /// How many were left out, by reason, ready to print (`3 larger than 64 MiB`). Sorted by reason.
    pub skipped: Vec<(String, usize)>,
    /// What was read of each cluster, ready to print.
    pub clusters: Vec<String>,
    /// A named thing could not be read whole: the result may miss objects.
    pub incomplete: bool,
}
