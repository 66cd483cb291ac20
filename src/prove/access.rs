//! The check of a run on its policy: what leaves for a destination is read back and compared with its TrafficTargets.
//!
//! The unit is what was written together. Policy that only reports denies nobody, so that nothing is asked of it; callers
//! whom the user named have no TrafficTarget, so that they are let through by what the user said.

use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

use super::{Closure, OUTPUT, Proved, Question, read_back, shown};
use crate::access::Named;
use crate::code;
use crate::manifest::{Effect, Manifest};
use crate::mappings::{self, Source as Mesh};
use crate::model::Whose;
use crate::report::{Finding, catalogue};
use crate::smi::{Kind, Object, Subject};
use crate::verify::{
    self, AccessOptions, Account, After, Decision, Grants, Relation, Source, Verdict, World, access, policy,
};
use crate::yaml::Node;

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
pub fn prove(question: &Question<'_>, manifests: &[(Closure, Manifest)], known: &Known) -> BTreeMap<Closure, Proved> {
    let targets = question.targets();
    let of_targets =
        |origins: &Closure| !origins.is_empty() && origins.iter().all(|object| targets.contains_key(object));
    let enforcing: BTreeSet<&Closure> = manifests
        .iter()
        .filter(|(origins, manifest)| manifest.effect == Effect::Enforces && of_targets(origins))
        .map(|(origins, _)| origins)
        .collect();
    if enforcing.is_empty() {
        return BTreeMap::new();
    }
    let texts: Vec<Vec<Node>> = manifests.par_iter().map(|(_, manifest)| read_back(manifest)).collect();
    // Versions of one TrafficTarget are each deployed alone.
    let versions = question.target_versions();
    let (alone, together): (Vec<&Closure>, Vec<&Closure>) =
        enforcing.into_iter().partition(|closure| closure.iter().any(|object| versions.contains_key(object)));
    let passes = alone.into_iter().map(|closure| vec![closure]).chain((!together.is_empty()).then_some(together));
    passes
        .flat_map(|closures| {
            let other = |object: &usize| {
                let named = versions.get(object);
                named.is_some()
                    && closures
                        .iter()
                        .any(|own| !own.contains(object) && own.iter().any(|own| versions.get(own) == named))
            };
            pass(question, manifests, &texts, known, &closures, &other)
        })
        .collect()
}

/// Compares closures that are deployed together, without the objects that are `other` versions of theirs.
fn pass(
    question: &Question<'_>,
    manifests: &[(Closure, Manifest)],
    texts: &[Vec<Node>],
    known: &Known,
    closures: &[&Closure],
    other: &dyn Fn(&usize) -> bool,
) -> Vec<(Closure, Proved)> {
    let targets = question.targets();
    let own = manifests.iter().zip(texts).filter(|((origins, _), _)| !origins.iter().any(other));
    let written = own.flat_map(|((_, manifest), nodes)| {
        let namespace = manifest.id.namespace.as_deref();
        nodes.iter().map(move |node| verify::Manifest { node, source: OUTPUT, namespace })
    });
    let held = question.held.iter().map(|(held, namespace)| verify::Manifest {
        node: &held.node,
        source: held.source,
        namespace: *namespace,
    });
    let after = World { smi: Vec::new(), inventory: question.inventory, manifests: written.chain(held).collect() };
    let deployed = question.members.iter().filter(|member| !member.index.as_ref().is_some_and(other));
    let smi = deployed.map(|member| verify::Deployed {
        object: member.object,
        source: member.source,
        namespace: member.namespace,
    });
    let before = World { smi: smi.collect(), inventory: question.inventory, manifests: Vec::new() };
    let mesh = match question.whose {
        Whose::Mesh(mesh) => mesh,
        Whose::Unknown => &mappings::sources()[0],
    };
    let side = After::new(&after, question.profile.target, &question.profile.version);
    let (Some(policy), grants) = (policy(&side), Grants::new(&before, mesh, known.enforced)) else {
        return Vec::new();
    };
    let accounts = |closure: &Closure| -> BTreeSet<Account> {
        closure.iter().filter_map(|object| targets.get(object)).cloned().collect()
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
            (closure.clone(), question.judge_access(closure, &own, mesh))
        })
        .collect()
}

impl Question<'_> {
    /// The destination of each TrafficTarget that is converted; none of one that names it by an IdentityBinding, so that its
    /// closure is not proved.
    fn targets(&self) -> BTreeMap<usize, Account> {
        let read = |member: &super::Member<'_>| {
            let Object::TrafficTarget(target) = member.object else { return None };
            let binding = Kind::IdentityBinding.name();
            let is_account = |subject: &&Subject| subject.kind.as_ref().is_none_or(|kind| kind.value != binding);
            let destination = target.destination.as_ref().filter(is_account)?;
            let written = destination.namespace.as_ref().map(|namespace| namespace.value.as_str());
            let namespace = written.or(member.namespace).map(str::to_owned);
            Some((member.index?, Account { namespace, name: destination.name.as_ref()?.value.clone() }))
        };
        self.members.iter().filter_map(read).collect()
    }

    /// The name of each TrafficTarget that is there more than once.
    fn target_versions(&self) -> BTreeMap<usize, (Option<&str>, &str)> {
        let mut named: BTreeMap<(Option<&str>, &str), Vec<usize>> = BTreeMap::new();
        for member in self.members {
            if let (Object::TrafficTarget(target), Some(index)) = (member.object, member.index) {
                named.entry((member.namespace, &target.meta.id.name)).or_default().push(index);
            }
        }
        let repeated = named.into_iter().filter(|(_, same)| same.len() > 1);
        repeated.flat_map(|(name, same)| same.into_iter().map(move |index| (index, name))).collect()
    }

    /// What the verdicts on the destinations of a closure mean for it.
    fn judge_access(&self, closure: &Closure, verdicts: &[&Verdict], mesh: &Mesh) -> Proved {
        let Some(worst) = verdicts.iter().find(|verdict| verdict.relation != Relation::Equal) else {
            let domain = verdicts.iter().flat_map(|verdict| verdict.domain.iter().cloned()).collect();
            return if verdicts.is_empty() {
                Proved::Unproved("the pods of its destination could not be compared".into())
            } else {
                Proved::Equal(domain)
            };
        };
        let mut of_closure =
            self.findings.iter().filter(|(object, _)| closure.contains(object)).map(|(_, found)| found);
        let told = of_closure.find(|finding| catalogue::row(finding.code).admits);
        let read = format!("read as {}: {}", mesh.title, shown(worst));
        match (worst.relation, told) {
            (Relation::Undecided, _) => Proved::Unproved(read),
            (_, Some(told)) => Proved::Unproved(format!("`{}`; {read}", told.code.0)),
            _ => Proved::Mistake(Box::new(mistake(worst, &read))),
        }
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
