//! What convert writes for random grants is changed in one place after the other: each change is noticed, or changes nothing.

use std::collections::BTreeSet;

use serde_json::Value;
use smi2gamma::verify::{AccessOptions, Assumption, Destination, Relation, Verdict};
use smi2gamma::yaml::emit;

use super::changes::{Change, Tally, changes};
use super::converted::{self, GRANTED};
use super::second::{Call, answers, calls};
use super::world::{Texts, holds, pods, shown};

/// A generator of numbers that are the same each time.
pub struct Dice(pub u64);

impl Dice {
    pub fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap_or(0) % most
    }
}

/// The verdicts on all accounts that either side is about; what differs differs again when it is asked by itself.
fn verdicts(pods: &str, smi: &str, to: &str, manifests: &[Value]) -> Vec<Verdict> {
    let texts = Texts::new(pods, smi, &emit::to_yaml(manifests));
    let options = AccessOptions { prepared: true, ..AccessOptions::default() };
    let verdicts = texts.verify("osm", to, &options);
    for verdict in verdicts.iter().filter(|verdict| verdict.witness.is_some()) {
        let Destination::Workload { service_account, .. } = &verdict.destination else { panic!("{}", shown(verdict)) };
        if verdict.relation != Relation::Undecided {
            assert!(holds(&texts, "osm", to, service_account, verdict), "{}", shown(verdict));
        }
    }
    verdicts
}

/// What engines of another hand do with every call.
struct Opinion<'w> {
    to: &'w str,
    probe: bool,
    manifests: Vec<Value>,
    calls: Vec<Call>,
    right: Vec<Result<bool, String>>,
}

impl<'w> Opinion<'w> {
    fn new(to: &'w str, manifests: &[Value], probe: bool) -> Self {
        let calls = calls(&GRANTED, probe);
        Self { to, probe, right: answers(to, manifests, &calls, probe), manifests: manifests.to_vec(), calls }
    }

    /// Why a change that is not noticed changes nothing; none where it may.
    fn reason(&self, change: &Change, domain: &BTreeSet<Assumption>) -> Option<&'static str> {
        let waypoint = |one: &Assumption| matches!(one, Assumption::Waypoint(_));
        if change.kind(&self.manifests) == "Gateway" && domain.iter().any(waypoint) {
            return Some("`equal`, for a waypoint is taken for granted where no label names one");
        }
        let same = answers(self.to, &change.manifests, &self.calls, self.probe) == self.right;
        same.then_some("`equal`, for what is left lets the same callers do the same")
    }
}

/// What is newly taken for granted.
fn told(before: &BTreeSet<Assumption>, after: &BTreeSet<Assumption>) -> Option<&'static str> {
    after.difference(before).next().map(|one| match one {
        Assumption::Clients(_) | Assumption::Nodes(_) => "`equal`, where addresses are those that the verdict names",
        Assumption::Listens(_) => "`equal`, where pods listen on no other ports, as the verdict says",
        other => panic!("{other}"),
    })
}

fn domain(verdicts: &[Verdict]) -> BTreeSet<Assumption> {
    verdicts.iter().flat_map(|verdict| verdict.domain.iter().cloned()).collect()
}

#[test]
fn every_change_of_converted_policy_is_noticed_or_changes_nothing() {
    let mut dice = Dice(5);
    let mut tally = Tally::default();
    for (round, to) in ["linkerd", "istio", "istio-ambient"].into_iter().cycle().take(6).enumerate() {
        let probe = round % 2 == 0;
        let pods = pods(&GRANTED, probe);
        let (smi, manifests) = converted::proved(&mut dice, &pods, to);
        let equal = |one: &Verdict| one.relation == Relation::Equal;
        let right = verdicts(&pods, &smi, to, &manifests);
        assert!(right.iter().all(equal), "{to} {:?}\n{smi}", right.iter().map(shown).collect::<Vec<_>>());
        let opinion = Opinion::new(to, &manifests, probe);
        for change in changes(&manifests) {
            let after = verdicts(&pods, &smi, to, &change.manifests);
            if !after.iter().all(equal) {
                tally.noticed();
                continue;
            }
            match told(&domain(&right), &domain(&after)) {
                Some(what) => tally.told(what),
                None => {
                    let what = || format!("{to} {change}\n{smi}\n{}", emit::to_yaml(&manifests));
                    tally.missed(what, opinion.reason(&change, &domain(&after)));
                }
            }
        }
    }
    tally.hold("Changes of policy");
}
