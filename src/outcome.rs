//! What became of one SMI object.
//!
//! The order of the variants is the order of badness: the outcome of an object is the worst of its parts.
//! `settle` is the only room that assigns them.

use serde::{Deserialize, Serialize};

/// Of one SMI object, the worst of its parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Same meaning on the other side.
    Migrated,
    /// Its content went into other objects.
    Superseded,
    /// Converted with a named loss.
    Approximated,
    /// A controller or a patch owns it: change the owner.
    Delegated,
    /// The target has no equivalent.
    Unsupported,
    /// Needs a decision by a person.
    Blocked,
}

/// Whether an outcome was verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Proof {
    /// Both sides were compared and mean the same.
    Equal,
    /// Not compared: people read "converted (unproved)".
    None,
}

impl Outcome {
    /// All outcomes, from best to worst.
    pub const ALL: [Self; 6] =
        [Self::Migrated, Self::Superseded, Self::Approximated, Self::Delegated, Self::Unsupported, Self::Blocked];

    /// The word of the vocabulary, as in `docs/` and in every report.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Migrated => "migrated",
            Self::Superseded => "superseded",
            Self::Approximated => "approximated",
            Self::Delegated => "delegated",
            Self::Unsupported => "unsupported",
            Self::Blocked => "blocked",
        }
    }

    /// Whether a person still has to do something for the object.
    #[must_use]
    pub fn needs_hands(self) -> bool {
        self >= Self::Delegated
    }
}
