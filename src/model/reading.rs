//! Whose reading of SMI applies.
//!
//! A choice (`--from`, the configuration, or strong evidence in the scope) decides. Without one, a split converts if
//! every mesh that served its version read it alike; what they read differently is refused, with the readings and a
//! request that tells them apart. An intersection that nobody ran is never made up.

use super::compare::same;
use super::split::{Reading, Refusal, Surroundings, read};
use super::{RequestPattern, Split};
use crate::code;
use crate::inventory::Evidence;
use crate::mappings::{self, Source, Unmatched};
use crate::pattern::Anchoring;
use crate::place::{Place, SourceId};
use crate::report::{Chosen, Finding};
use crate::smi::TrafficSplit;

/// Whose reading applies in a scope.
#[derive(Clone, Copy, Debug)]
pub enum Whose {
    /// One mesh's.
    Mesh(&'static Source),
    /// Nobody said.
    Unknown,
}

/// Whose reading applies, and why.
#[derive(Clone, Debug)]
pub struct Choice {
    /// Whose.
    pub whose: Whose,
    /// The name and the reason, for the report; none where nobody said.
    pub chosen: Option<Chosen>,
    /// What a person should know about the choice.
    pub finding: Option<Finding>,
}

/// Reads `split` under `whose` reading.
///
/// # Errors
/// The finding that keeps it from being converted.
pub fn decide(
    split: &TrafficSplit,
    source: SourceId,
    whose: Whose,
    around: Surroundings<'_>,
) -> Result<(Split, Vec<Finding>), Refusal> {
    match whose {
        Whose::Mesh(mesh) => effective(read(split, source, mesh, around), mesh, split, source),
        Whose::Unknown => alike(split, source, around),
    }
}

fn effective(
    reading: Reading,
    mesh: &Source,
    split: &TrafficSplit,
    source: SourceId,
) -> Result<(Split, Vec<Finding>), Refusal> {
    let at = Place { source, span: split.meta.name.span };
    match reading {
        Reading::Effective { split, findings } => Ok((split, findings)),
        Reading::Refused(refusal) => Err(refusal),
        Reading::NoEffect(why) => Err(Box::new(
            Finding::new(code!("split-had-no-effect"), format!("the split had no effect: {why}"))
                .at(at)
                .note("a route would begin to split traffic where nothing was split")
                .help("delete the split to keep what the cluster did, or convert it with `--from spec` if it should take effect now"),
        )),
        Reading::NotServed(what) => Err(Box::new(not_served(&what, mesh, at))),
    }
}

/// The finding about an object, or one that it refers to, in a version that the mesh did not serve.
pub(super) fn not_served(what: &str, mesh: &Source, at: Place) -> Finding {
    let message = format!("{what} is not served by {}, in the releases that are read here", mesh.title);
    Finding::new(code!("version-not-served"), message)
        .at(at)
        .note(format!("read here: {}", mesh.versions))
        .note(
            "their API server refused the object or kept it without effect, so it cannot have been in force under them",
        )
        .help("say whose reading counts with `--from`; `--from spec` reads it as the specification does")
}

/// Whether a refusal says that the mesh did nothing with the split: what else has its root then stands alone.
#[must_use]
pub fn had_no_effect(refusal: &Finding) -> bool {
    refusal.code == code!("split-had-no-effect") || refusal.code == code!("version-not-served")
}

struct Candidate {
    mesh: &'static Source,
    reading: Reading,
}

fn alike(split: &TrafficSplit, source: SourceId, around: Surroundings<'_>) -> Result<(Split, Vec<Finding>), Refusal> {
    let mut candidates: Vec<Candidate> = mappings::sources()
        .iter()
        .map(|mesh| Candidate { mesh, reading: read(split, source, mesh, around) })
        .filter(|candidate| !matches!(candidate.reading, Reading::NotServed(_)))
        .collect();
    if candidates.is_empty() {
        let spec = mappings::sources().first().expect("the table of sources is never empty");
        return effective(read(split, source, spec, around), spec, split, source);
    }
    let first = candidates.remove(0);
    let differing = candidates.iter().find_map(|other| difference(&first.reading, &other.reading));
    match differing {
        None => effective(first.reading, first.mesh, split, source),
        Some(witness) => {
            candidates.insert(0, first);
            Err(Box::new(undecided(&candidates, &witness, split, source)))
        }
    }
}

/// What tells two readings apart; none if they come to the same.
fn difference(left: &Reading, right: &Reading) -> Option<String> {
    match (left, right) {
        (Reading::Effective { split: left, .. }, Reading::Effective { split: right, .. }) => same(left, right).err(),
        (Reading::Refused(left), Reading::Refused(right)) if left.code == right.code => None,
        (Reading::NoEffect(_), Reading::NoEffect(_)) => None,
        _ => Some("any request to the root Service".to_owned()),
    }
}

fn undecided(candidates: &[Candidate], witness: &str, split: &TrafficSplit, source: SourceId) -> Finding {
    let at = Place { source, span: split.meta.name.span };
    let mut finding =
        Finding::new(code!("source-mesh-needed"), "the meshes that served this split read it differently").at(at);
    // Candidates that came to the same share a line.
    let mut lines: Vec<(Vec<&str>, &Reading)> = Vec::new();
    for candidate in candidates {
        match lines.iter_mut().find(|(_, reading)| difference(reading, &candidate.reading).is_none()) {
            Some((names, _)) => names.push(&candidate.mesh.name),
            None => lines.push((vec![&candidate.mesh.name], &candidate.reading)),
        }
    }
    for (names, reading) in lines {
        finding = finding.note(format!("{}: {}", names.join(", "), describe(reading)));
    }
    let known: Vec<&str> = mappings::sources().iter().map(|mesh| mesh.name.as_str()).collect();
    finding
        .note(format!("they part at: {witness}"))
        .help(format!("say which mesh ran it with `--from MESH` ({})", known.join(", ")))
}

fn describe(reading: &Reading) -> String {
    match reading {
        Reading::Effective { split, findings: _ } => describe_split(split),
        Reading::NoEffect(why) => format!("no effect ({why})"),
        Reading::Refused(finding) => format!("cannot be converted ({})", finding.message),
        Reading::NotServed(what) => format!("did not serve {what}"),
    }
}

fn describe_split(split: &Split) -> String {
    let shares: Vec<String> =
        split.backends.iter().map(|share| format!("{} {}", share.service.name, share.weight)).collect();
    let shares = shares.join(", ");
    match &split.condition {
        None => format!("splits every request of `{}` among {shares}", split.root.name),
        Some(patterns) => {
            let patterns: Vec<String> = patterns.iter().map(describe_pattern).collect();
            let rest = match split.unmatched {
                Unmatched::RootService | Unmatched::Split => "the rest to the root",
                Unmatched::EqualShares => "the rest in equal shares",
            };
            format!("splits requests with {} among {shares}, {rest}", patterns.join(", or "))
        }
    }
}

pub(super) fn describe_pattern(pattern: &RequestPattern) -> String {
    let mut parts = Vec::new();
    if let super::Methods::Only(methods) = &pattern.methods {
        parts.push(format!("method {}", methods.iter().copied().collect::<Vec<_>>().join("|")));
    }
    if let Some(path) = &pattern.path {
        parts.push(format!("path {} `{}`", words(path.anchoring), path.expression));
    }
    parts.extend(
        pattern
            .headers
            .iter()
            .chain(&pattern.authority)
            .map(|header| format!("header {} {} `{}`", header.name, words(header.anchoring), header.expression)),
    );
    if parts.is_empty() { "anything".to_owned() } else { parts.join(" and ") }
}

/// How a value must relate to an expression.
fn words(anchoring: Anchoring) -> &'static str {
    match anchoring {
        Anchoring::Full => "that is as a whole",
        Anchoring::Start => "that begins with",
        Anchoring::StartAfterSlash => "that begins with a slash and then",
        Anchoring::Search => "that holds somewhere",
        Anchoring::FirstMatch => "whose first match is the whole of",
    }
}

/// Whose reading the evidence of a scope calls for: the one mesh that left marks, if it is one.
#[must_use]
pub fn from_evidence(evidence: &[&Evidence]) -> Choice {
    match evidence {
        [] => Choice { whose: Whose::Unknown, chosen: None, finding: None },
        [only] => {
            let whose = mappings::source(&only.source_mesh).map_or(Whose::Unknown, Whose::Mesh);
            let chosen = Chosen { name: only.source_mesh.clone(), because: format!("seen: {}", only.seen) };
            let finding = Finding::new(
                code!("source-mesh-detected"),
                format!("SMI is read as {} did: the scope has {}", only.source_mesh, only.seen),
            );
            let finding = finding.at(only.place).help("say otherwise with `--from MESH`");
            Choice { whose, chosen: Some(chosen), finding: Some(finding) }
        }
        [first, rest @ ..] => {
            let names: Vec<&str> = evidence.iter().map(|evidence| evidence.source_mesh.as_str()).collect();
            let mut finding = Finding::new(
                code!("source-mesh-conflict"),
                format!("the scope has marks of several meshes: {}", names.join(", ")),
            );
            finding = finding.at(first.place);
            for other in rest {
                finding = finding.label(other.place, format!("of {}: {}", other.source_mesh, other.seen));
            }
            Choice {
                whose: Whose::Unknown,
                chosen: None,
                finding: Some(finding.help("say which mesh read the SMI objects with `--from MESH`")),
            }
        }
    }
}
