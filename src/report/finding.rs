//! A finding: something a person should know, with its place. Data, not an error type.

use serde::{Deserialize, Serialize};
use std::fmt;

use crate::place::Place;

/// The stable name of a kind of finding; a row of `mappings/findings.yaml`. Made by [`code!`](crate::code).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Code(pub &'static str);

/// Names a row of `mappings/findings.yaml`. A test holds every use to a row, and every row to a use.
#[macro_export]
macro_rules! code {
    ($name:literal) => {
        $crate::report::Code($name)
    };
}

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Good to know.
    Note,
    /// Look at it.
    Warning,
    /// Something was not converted and must be decided.
    Error,
}

/// Which object, in Kubernetes' words. Displays as `Kind.group/namespace/name`, as in the `migrated-from` annotation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct ObjectId {
    /// For instance `TrafficSplit`.
    pub kind: String,
    /// For instance `split.smi-spec.io`; empty for the core group.
    pub group: String,
    /// For instance `v1alpha2`.
    pub version: String,
    /// As written; none where the manifest names none.
    pub namespace: Option<String>,
    /// `metadata.name`; empty where the manifest has none.
    pub name: String,
}

/// A second place that belongs to a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// Where.
    pub place: Place,
    /// What is there, in a few words.
    pub text: String,
}

/// Something a person should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The row of `mappings/findings.yaml`.
    pub code: Code,
    /// How much it matters.
    pub level: Level,
    /// One sentence, lower case first, no full stop, names in backquotes.
    pub message: String,
    /// Where; none for what concerns the whole run.
    pub place: Option<Place>,
    /// The SMI object it is about.
    pub object: Option<ObjectId>,
    /// Other places that explain it.
    pub labels: Vec<Label>,
    /// Facts that explain it, each a sentence (readings of meshes, a witness).
    pub notes: Vec<String>,
    /// What to do next; an imperative sentence, with the text to paste where there is one.
    pub help: Option<String>,
}

// === impl Finding ===

impl Finding {
    /// A finding of `code` with the level that its row gives.
    #[must_use]
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            level: super::catalogue::row(code).level(),
            message: message.into(),
            place: None,
            object: None,
            labels: Vec::new(),
            notes: Vec::new(),
            help: None,
        }
    }

    /// At `place`.
    #[must_use]
    pub fn at(mut self, place: Place) -> Self {
        self.place = Some(place);
        self
    }

    /// About `object`.
    #[must_use]
    pub fn about(mut self, object: &ObjectId) -> Self {
        self.object = Some(object.clone());
        self
    }

    /// With a second place.
    #[must_use]
    pub fn label(mut self, place: Place, text: impl Into<String>) -> Self {
        self.labels.push(Label { place, text: text.into() });
        self
    }

    /// With a fact that explains it.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// With what to do next. Findings of one code and one help are one group in a report.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

// === impl ObjectId ===

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, group, version: _, namespace, name } = self;
        write!(f, "{kind}")?;
        if !group.is_empty() {
            write!(f, ".{group}")?;
        }
        if let Some(namespace) = namespace {
            write!(f, "/{namespace}")?;
        }
        write!(f, "/{name}")
    }
}

// === impl Level ===

impl Level {
    /// The word that opens a finding in a report.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}
