//! Which fields SMI ever had: `mappings/smi-fields.yaml`, parsed when first asked for.
//!
//! The table is the only list of known fields. The readers say what a field holds; whether a field exists at all in
//! a kind and version is answered here, so that nothing in a manifest goes unread and unsaid.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use super::{Kind, Version};

/// One row of `mappings/smi-fields.yaml`: one field.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// From the top of the object: `spec.backends[].weight`; `*` is any key, a closing `**` whatever stands below.
    pub path: String,
    /// The kinds that have it.
    pub kinds: Vec<Kind>,
    /// The versions that have it, where the kind has the version.
    pub versions: Vec<Version>,
    /// What becomes of it.
    pub what: What,
    /// The field it goes into, or the finding that says so.
    #[serde(default)]
    pub into: Option<String>,
    /// Upstream file and version that defines it.
    pub from: String,
    /// One sentence where the rest does not say enough.
    #[serde(default)]
    pub note: Option<String>,
}

/// What becomes of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum What {
    /// It goes into the output.
    Mapped,
    /// Only its validity counts.
    Checked,
    /// It has no place in the output, and that is said.
    Reported,
    /// It has no meaning for a migration.
    Ignored,
    /// A value is put where it is absent.
    Defaulted,
}

static ROWS: LazyLock<Vec<Row>> = LazyLock::new(|| {
    serde_yaml::from_str(include_str!("../../mappings/smi-fields.yaml"))
        .unwrap_or_else(|error| panic!("mappings/smi-fields.yaml: {error}"))
});

static KNOWN: LazyLock<BTreeMap<(Kind, Version), Known>> = LazyLock::new(|| {
    let mut known: BTreeMap<(Kind, Version), Known> = BTreeMap::new();
    for row in rows() {
        for shape in row.shapes() {
            known.entry(shape).or_default().add(&row.path);
        }
    }
    known
});

/// All rows in the order of the table.
#[must_use]
pub fn rows() -> &'static [Row] {
    &ROWS
}

/// The fields of one version of one kind, as a tree.
///
/// # Panics
/// If `kind` never had `version`.
pub(super) fn known(kind: Kind, version: Version) -> &'static Known {
    KNOWN.get(&(kind, version)).unwrap_or_else(|| panic!("{kind:?} has no {version:?}"))
}

/// The versions of `kind` that have the field at `path`, a path as the table writes it.
pub(super) fn versions_with(kind: Kind, path: &str) -> Vec<Version> {
    let has = |version: &Version| known(kind, *version).at(path).is_some();
    kind.versions().iter().copied().filter(has).collect()
}

/// The fields below one field.
#[derive(Debug, Default)]
pub(super) struct Known {
    below: BTreeMap<&'static str, Known>,
    /// Whatever stands below belongs to it.
    open: bool,
}

// === impl Row ===

impl Row {
    /// The kinds and versions that have this field.
    pub fn shapes(&self) -> impl Iterator<Item = (Kind, Version)> {
        let versions = |kind: Kind| self.versions.iter().copied().filter(move |version| kind.has(*version));
        self.kinds.iter().flat_map(move |kind| versions(*kind).map(move |version| (*kind, version)))
    }
}

// === impl Known ===

impl Known {
    fn add(&mut self, path: &'static str) {
        let mut at = self;
        for step in steps(path) {
            if step == "**" {
                at.open = true;
                return;
            }
            at = at.below.entry(step).or_default();
        }
    }

    /// The field called `name`, or what any key stands for; none if there is no such field.
    pub(super) fn field(&self, name: &str) -> Option<&Self> {
        self.below.get(name).or_else(|| self.below.get("*"))
    }

    /// An entry of the list.
    pub(super) fn entry(&self) -> Option<&Self> {
        self.below.get("[]")
    }

    /// Whatever stands below belongs to it.
    pub(super) fn is_open(&self) -> bool {
        self.open
    }

    /// The fields that have names.
    pub(super) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.below.keys().copied().filter(|name| !matches!(*name, "[]" | "*"))
    }

    /// The field at `path`; the empty path is this one.
    pub(super) fn at(&self, path: &str) -> Option<&Self> {
        let mut at = self;
        for step in steps(path) {
            if at.open || step == "**" {
                return Some(at);
            }
            at = if step == "[]" { at.entry()? } else { at.field(step)? };
        }
        Some(at)
    }
}

/// The steps of a path: `a.b[].c` is `a`, `b`, `[]`, `c`.
fn steps(path: &str) -> impl Iterator<Item = &str> {
    path.split('.')
        .flat_map(|part| match part.strip_suffix("[]") {
            Some(name) => [name, "[]"],
            None => [part, ""],
        })
        .filter(|step| !step.is_empty())
}
