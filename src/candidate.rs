//! The candidate: the texts of the sources as they would be after the migration.
//!
//! Objects that were converted give way to the routes that carry their content; everything else stays to the byte. A text
//! that cannot be edited safely stays as it is, and a finding says why.

use std::collections::BTreeMap;

use crate::code;
use crate::edit::{Change, Original, splice};
use crate::outcome::Outcome;
use crate::place::{Place, SourceId};
use crate::report::Finding;
use crate::run::Run;

/// The sources that change, with their new texts, in source order. Findings about texts that cannot be edited are added to
/// the report.
pub fn candidate(run: &mut Run) -> Vec<(SourceId, String)> {
    let mut changes: BTreeMap<SourceId, Vec<Change>> = BTreeMap::new();
    for (index, (object, settled)) in run.objects.iter().zip(&run.report.objects).enumerate() {
        let goes = matches!(settled.outcome, Outcome::Migrated | Outcome::Approximated | Outcome::Superseded);
        let carried: Vec<_> = run.manifests.iter().filter(|(origins, _)| origins.contains(&index)).collect();
        if carried.is_empty() && settled.outcome != Outcome::Superseded {
            continue;
        }
        let first = |origins: &[usize]| {
            origins.iter().copied().find(|&origin| run.report.objects[origin].outcome <= Outcome::Approximated)
        };
        let mut manifests: Vec<serde_json::Value> = Vec::new();
        for (origins, manifest) in &carried {
            if first(origins).unwrap_or(origins[0]) == index {
                manifests.push(manifest.value.clone());
            }
        }
        if !goes {
            continue;
        }
        let note = (goes && manifests.is_empty()).then(|| {
            let into: Vec<String> =
                carried.iter().map(|(_, manifest)| format!("{} {}", manifest.id.kind, manifest.id.name)).collect();
            let id = &object.id;
            if into.is_empty() {
                format!("{} {} went into the routes of the splits that refer to it (smi2gamma)", id.kind, id.name)
            } else {
                format!("{} {} went into {} (smi2gamma)", id.kind, id.name, into.join(", "))
            }
        });
        changes.entry(object.source).or_default().push(Change {
            piece: object.piece,
            object: object.span,
            original: Original::Replaced,
            manifests,
            note,
        });
    }
    let mut texts = Vec::new();
    for (source, changes) in changes {
        match splice(&run.sources.get(source).text, &changes) {
            Ok(after) => texts.push((source, after)),
            Err(error) => {
                let finding =
                    Finding::new(code!("edit-refused"), format!("this file is left as it is: {}", error.reason));
                run.report.findings.push(
                    finding
                        .at(Place { source, span: error.span })
                        .help("use `smi2gamma convert` for its manifests and edit it by hand"),
                );
            }
        }
    }
    texts
}
