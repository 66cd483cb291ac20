//! The check of a run on its policy: what leaves for a destination is read back and compared with its TrafficTargets.
//!
//! The unit is what was written together. Policy that only reports denies nobody, so that nothing is asked of it; callers
//! whom the user named have no TrafficTarget, so that they are let through by what the user said.

use std::collections::{BTreeMap, BTreeSet};

use super::{Closure, Index, OUTPUT, Proved, Question, Written, passes, shown};
use crate::access::Named;
use crate::code;
use crate::manifest::Effect;
use crate::mappings::{self, Source as Mesh};
use crate::model::Whose;
use crate::place::Place;
use crate::report::{Finding, catalogue};
use crate::smi::{Kind, Object, Version};
use crate::verify::{
    AccessOptions, Account, After, Decision, Grants, Relation, Source, Verdict, World, access, policy,
};

/// What is known of the policy of a scope beside its text.
#[derive(Clone, Debug)]
pub struct Known {
    /// The source mesh denied what no TrafficTarget grants.
    pub enforced: bool,
    /// Callers whom the user named.
    pub callers: BTreeSet<Source>,
    /// Of the target mesh, where the user said it.
    pub trust_domain: Option<String>,
}

// === impl Known ===

impl Known {
    /// The senders whom the user named in one class of callers.
    #[must_use]
    pub fn senders(named: &Named) -> Vec<Source> {
        let Named::Accounts(accounts) = named else { return Vec::new() };
        let sender = |account: &crate::model::grant::Account| Source::Identity {
            namespace: account.namespace.clone().unwrap_or_default(),
            service_account: account.name.clone(),
        };
        accounts.iter().map(sender).collect()
    }
}

/// Compares the policy of every closure that enforces with the TrafficTargets of its destinations.
#[must_use]
pub fn prove(question: &Question<'_>, written: &[Written<'_>], known: &Known) -> BTreeMap<Closure, Proved> {
    let targets = question.targets();
    let of_targets =
        |origins: &Closure| !origins.is_empty() && origins.iter().all(|object| targets.contains_key(object));
    let enforcing: BTreeSet<&Closure> = written
        .iter()
        .filter(|written| written.manifest.effect == Effect::Enforces && of_targets(written.origins))
        .map(|written| written.origins)
        .collect();
    if enforcing.is_empty() {
        return BTreeMap::new();
    }
    let written: Vec<&Written<'_>> = written.iter().collect();
    let versions = question.versions(|object| matches!(object, Object::TrafficTarget(_)));
    let index = Index::of(question);
    let mut proved = BTreeMap::new();
    for pass in passes(enforcing, &versions) {
        let (before, after) = question.worlds(&written, &pass);
        proved.extend(compared(question, &before, &after, &pass.closures, known, &targets, &index));
    }
    proved
}

/// Compares closures that are deployed together, each as every mesh reads it whose reading may be meant.
fn compared(
    question: &Question<'_>,
    before: &World<'_>,
    after: &World<'_>,
    closures: &[&Closure],
    known: &Known,
    targets: &BTreeMap<usize, Place>,
    index: &Index<'_>,
) -> Vec<(Closure, Proved)> {
    let side = After::new(after, question.profile.target, &question.profile.version)
        .in_trust_domain(known.trust_domain.as_deref());
    let Some(policy) = policy(&side) else { return Vec::new() };
    let mut by_mesh: BTreeMap<&str, (&'static Mesh, Vec<&Closure>)> = BTreeMap::new();
    for &closure in closures {
        for mesh in question.meshes_of_grants(closure, index) {
            by_mesh.entry(&mesh.name).or_insert((mesh, Vec::new())).1.push(closure);
        }
    }
    let mut seen: BTreeMap<&Closure, Vec<Read>> = BTreeMap::new();
    for (mesh, closures) in by_mesh.into_values() {
        let grants = Grants::new(before, mesh, known.enforced);
        let destinations = grants.destinations(question.inventory);
        let accounts = |closure: &Closure| -> BTreeSet<Account> {
            let places = closure.iter().filter_map(|object| targets.get(object));
            places.filter_map(|place| destinations.get(place)).flatten().cloned().collect()
        };
        let options = AccessOptions {
            prepared: true,
            whole: question.whole,
            only: Some(closures.iter().flat_map(|closure| accounts(closure)).collect()),
            callers: known.callers.clone(),
        };
        let verdicts = access::verify(&grants, policy.as_ref(), question.inventory, &options);
        let by_destination: BTreeMap<String, &Verdict> =
            verdicts.iter().map(|verdict| (verdict.destination.to_string(), verdict)).collect();
        for closure in closures {
            let own = accounts(closure).into_iter();
            let own = own.filter_map(|one| by_destination.get(&one.to_string()).copied());
            seen.entry(closure).or_default().extend(own.map(|verdict| Read { mesh, verdict: verdict.clone() }));
        }
    }
    let proved = |&closure: &&Closure| {
        let seen = seen.get(closure).map_or(&[][..], Vec::as_slice);
        (closure.clone(), judge(&index.found(closure), seen))
    };
    closures.iter().map(proved).collect()
}

/// The verdict on one destination, and as whom SMI was read.
struct Read {
    mesh: &'static Mesh,
    verdict: Verdict,
}

impl Question<'_> {
    /// The meshes whose reading must come to the same; the specification where no mesh served the TrafficTargets.
    fn meshes_of_grants(&self, closure: &Closure, index: &Index<'_>) -> Vec<&'static Mesh> {
        if let Whose::Mesh(mesh) = self.whose {
            return vec![mesh];
        }
        let versions: BTreeSet<&Version> = closure.iter().filter_map(|object| index.targets.get(object)).collect();
        mappings::sources_that(|mesh| {
            mesh.access.is_some() && versions.iter().all(|version| mesh.serves(Kind::TrafficTarget, **version))
        })
    }

    /// The TrafficTargets that are converted, and where their names are written.
    fn targets(&self) -> BTreeMap<usize, Place> {
        let read = |member: &super::Member<'_>| match member.object {
            Object::TrafficTarget(target) => {
                Some((member.index?, Place { source: member.source, span: target.meta.name.span }))
            }
            _ => None,
        };
        self.members.iter().filter_map(read).collect()
    }
}

/// What the verdicts on the destinations of a closure mean for it.
fn judge(found: &[&Finding], verdicts: &[Read]) -> Proved {
    let told = found.iter().find(|finding| catalogue::row(finding.code).admits);
    let meshes: BTreeSet<&str> = verdicts.iter().map(|read| read.mesh.name.as_str()).collect();
    let mut differing: BTreeMap<&str, &Read> = BTreeMap::new();
    let mut reason: Option<String> = None;
    for read in verdicts {
        match (read.verdict.relation, told) {
            (Relation::Equal, _) => {}
            (Relation::Undecided, _) => drop(reason.get_or_insert_with(|| read.shown())),
            (_, Some(told)) => drop(reason.get_or_insert_with(|| format!("`{}`; {}", told.code.0, read.shown()))),
            _ => drop(differing.entry(&read.mesh.name).or_insert(read)),
        }
    }
    match differing.values().next() {
        _ if verdicts.is_empty() => Proved::Unproved("the pods of its destination could not be compared".into()),
        None => reason.map_or_else(
            || Proved::Equal(verdicts.iter().flat_map(|read| read.verdict.domain.iter().cloned()).collect()),
            Proved::Unproved,
        ),
        Some(read) if differing.len() < meshes.len() => Proved::Disputed(Box::new(disputed(read))),
        Some(read) => Proved::Mistake(Box::new(mistake(read))),
    }
}

// === impl Read ===

impl Read {
    fn shown(&self) -> String {
        format!("read as {}: {}", self.mesh.title, shown(&self.verdict))
    }
}

/// Some meshes that served the TrafficTargets let through what the policy lets through, and this one did not.
fn disputed(read: &Read) -> Finding {
    let message = format!(
        "read as {}, the TrafficTargets for {} let other requests through than the policy",
        read.mesh.title, read.verdict.destination
    );
    Finding::new(code!("reading-differs"), message)
        .note(shown(&read.verdict))
        .help("say which mesh ran it with `--from MESH`")
}

fn mistake(read: &Read) -> Finding {
    let verdict = &read.verdict;
    let message =
        format!("the policy for {} is {} than its TrafficTargets", verdict.destination, verdict.relation.word());
    let mut finding = Finding::new(code!("output-differs"), message).note(read.shown());
    let witness = verdict.witness.iter();
    for cause in witness.flat_map(|witness| witness.before.decisions()).flat_map(Decision::causes) {
        if let Some(place) = cause.place.filter(|place| place.source != OUTPUT) {
            finding = finding.label(place, cause.what.clone());
        }
    }
    finding.help(
        "this is a mistake in smi2gamma: please report it with the manifests; nothing that enforces was written for the \
         destination",
    )
}
