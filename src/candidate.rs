//! The candidate: the texts of the sources as they would be after the migration.
//!
//! Objects that were converted give way to the routes that carry their content; everything else stays to the byte. An
//! object that was converted only in part stays, and its routes stand after it. A text that cannot be edited safely
//! stays as it is, with what refers from it to other texts, and a finding says why.
//!
//! Every manifest of the run stands in exactly one text, at the first of its objects that goes away, else at the first
//! of them. A file may be left with nothing but comments. It stays, because a kustomization that lists it still builds:
//! Kustomize takes a resource without objects, also as the only one (`kubectl kustomize`, Kustomize v5.5.0).

use std::collections::BTreeMap;

use crate::code;
use crate::edit::{Change, EditError, Original, splice};
use crate::outcome::Outcome;
use crate::place::{Place, SourceId};
use crate::report::Finding;
use crate::run::Run;

/// The sources that change, with their new texts, in source order. Findings about texts that cannot be edited are added to
/// the report.
pub fn candidate(run: &mut Run) -> Vec<(SourceId, String)> {
    let mut refused: BTreeMap<SourceId, EditError> = BTreeMap::new();
    let texts = loop {
        let Attempt { texts, errors } = attempt(run, &refused);
        if errors.is_empty() {
            break texts;
        }
        refused.extend(errors);
    };
    run.report.findings.extend(refused.into_iter().map(|(source, error)| {
        Finding::new(code!("edit-refused"), format!("this file is left as it is: {}", error.reason))
            .at(Place { source, span: error.span })
            .help("use `smi2gamma convert` for its manifests and edit it by hand")
    }));
    texts
}

/// What came of editing all texts but those that were refused before.
struct Attempt {
    texts: Vec<(SourceId, String)>,
    errors: Vec<(SourceId, EditError)>,
}

fn attempt(run: &Run, refused: &BTreeMap<SourceId, EditError>) -> Attempt {
    let mut attempt = Attempt { texts: Vec::new(), errors: Vec::new() };
    for (source, changes) in changes(run, refused) {
        match splice(&run.sources.get(source).text, &changes) {
            Ok(after) => attempt.texts.push((source, after)),
            Err(error) => attempt.errors.push((source, error)),
        }
    }
    attempt
}

/// What becomes of each object that does not simply stay, by source.
fn changes(run: &Run, refused: &BTreeMap<SourceId, EditError>) -> BTreeMap<SourceId, Vec<Change>> {
    let placed = Placed::of(run, refused);
    let mut changes: BTreeMap<SourceId, Vec<Change>> = BTreeMap::new();
    for (index, object) in run.objects.iter().enumerate() {
        let manifests = placed.at.get(&index).map(Vec::as_slice).unwrap_or_default();
        let original =
            if goes(run, index) && !needed(run, refused, index) { Original::Replaced } else { Original::Kept };
        if refused.contains_key(&object.source) || (original == Original::Kept && manifests.is_empty()) {
            continue;
        }
        let values = manifests.iter().map(|&manifest| run.manifests[manifest].1.value.clone()).collect();
        changes.entry(object.source).or_default().push(Change {
            piece: object.piece,
            object: object.span,
            original,
            manifests: values,
            note: manifests.is_empty().then(|| note(run, index)),
        });
    }
    changes
}

/// At which object each manifest stands.
struct Placed {
    /// Indices of [`Run::manifests`] by index of [`Run::objects`].
    at: BTreeMap<usize, Vec<usize>>,
}

// === impl Placed ===

impl Placed {
    fn of(run: &Run, refused: &BTreeMap<SourceId, EditError>) -> Self {
        let mut at: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (number, (origins, _)) in run.manifests.iter().enumerate() {
            let open = || origins.iter().copied().filter(|&origin| !refused.contains_key(&run.objects[origin].source));
            if let Some(origin) = open().find(|&origin| goes(run, origin)).or_else(|| open().next()) {
                at.entry(origin).or_default().push(number);
            }
        }
        Self { at }
    }
}

/// Whether everything that an object says is said elsewhere.
fn goes(run: &Run, index: usize) -> bool {
    let settled = &run.report.objects[index];
    match settled.outcome {
        Outcome::Superseded => true,
        Outcome::Migrated | Outcome::Approximated => !settled.outputs.is_empty(),
        Outcome::Delegated | Outcome::Unsupported | Outcome::Blocked => false,
    }
}

/// Whether an object of a text that cannot be edited refers to this one, which then has to stay.
fn needed(run: &Run, refused: &BTreeMap<SourceId, EditError>, index: usize) -> bool {
    let mut users = run.users.get(&index).into_iter().flatten();
    users.any(|&user| refused.contains_key(&run.objects[user].source))
}

/// Where the content of an object went that leaves nothing in its own place.
fn note(run: &Run, index: usize) -> String {
    let id = &run.objects[index].id;
    let outputs = &run.report.objects[index].outputs;
    let into: Vec<String> = outputs.iter().map(|output| format!("{} {}", output.kind, output.name)).collect();
    if into.is_empty() {
        format!("{} {} went into what replaces the objects that refer to it (smi2gamma)", id.kind, id.name)
    } else {
        format!("{} {} went into {} (smi2gamma)", id.kind, id.name, into.join(", "))
    }
}
