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
use crate::smi::Object;
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

/// Compares closures that are deployed together.
fn compared(
    question: &Question<'_>,
    before: &World<'_>,
    after: &World<'_>,
    closures: &[&Closure],
    known: &Known,
    targets: &BTreeMap<usize, Place>,
    index: &Index<'_>,
) -> Vec<(Closure, Proved)> {
    let mesh = match question.whose {
        Whose::Mesh(mesh) => mesh,
        Whose::Unknown => &mappings::sources()[0],
    };
    let side = After::new(after, question.profile.target, &question.profile.version);
    let (Some(policy), grants) = (policy(&side), Grants::new(before, mesh, known.enforced)) else {
        return Vec::new();
    };
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
    closures
        .iter()
        .map(|&closure| {
            let own = accounts(closure).into_iter();
            let own: Vec<&Verdict> = own.filter_map(|one| by_destination.get(&one.to_string()).copied()).collect();
            (closure.clone(), judge(&index.found(closure), &own, mesh))
        })
        .collect()
}

impl Question<'_> {
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
fn judge(found: &[&Finding], verdicts: &[&Verdict], mesh: &Mesh) -> Proved {
    let Some(worst) = verdicts.iter().find(|verdict| verdict.relation != Relation::Equal) else {
        let domain = verdicts.iter().flat_map(|verdict| verdict.domain.iter().cloned()).collect();
        return if verdicts.is_empty() {
            Proved::Unproved("the pods of its destination could not be compared".into())
        } else {
            Proved::Equal(domain)
        };
    };
    let told = found.iter().find(|finding| catalogue::row(finding.code).admits);
    let read = format!("read as {}: {}", mesh.title, shown(worst));
    match (worst.relation, told) {
        (Relation::Undecided, _) => Proved::Unproved(read),
        (_, Some(told)) => Proved::Unproved(format!("`{}`; {read}", told.code.0)),
        _ => Proved::Mistake(Box::new(mistake(worst, &read))),
    }
}

fn mistake(verdict: &Verdict, read: &str) -> Finding {
    let message =
        format!("the policy for {} is {} than its TrafficTargets", verdict.destination, verdict.relation.word());
    let mut finding = Finding::new(code!("output-differs"), message).note(read.to_owned());
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
