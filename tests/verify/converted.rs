//! What convert writes for random splits is proved equal, or a finding says why not, for every source mesh that served them and
//! every target with routes; where it is equal direct evaluation agrees, and where it is not the witness shows it.

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use smi2gamma::outcome::{Outcome, Proof};
use smi2gamma::verify::Relation;

use crate::mutations::{agrees, before, text};
use crate::world::compare_prepared;
use crate::worlds;

const MESHES: [(&str, &str); 4] =
    [("spec", "v1alpha4"), ("nginx", "v1alpha3"), ("traefik", "v1alpha3"), ("flomesh", "v1alpha4")];
const TARGETS: [&str; 6] = ["gateway-api", "linkerd", "istio", "istio-ambient", "cilium", "kuma"];

#[test]
fn converted_splits_are_proved_or_a_finding_says_why_and_simulate_agrees() {
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let (mut proved, mut told) = (0, 0);
    for (mesh, version) in MESHES {
        for to in TARGETS {
            let smi = before(version).new_tree(&mut runner).expect("a world").current();
            let run = worlds::convert_bytes(smi.as_bytes(), Some(mesh), to);
            let shown = || format!("{mesh} {to}\n{smi}\n{:#}", worlds::words(&run));
            assert!(!worlds::codes(&run).contains(&"output-differs"), "{}", shown());
            let split = run.report.objects.iter().find(|object| object.id.kind == "TrafficSplit").expect("the split");
            let equal = split.outcome == Outcome::Migrated && split.proof == Proof::Equal;
            assert!(equal || !split.findings.is_empty(), "{}", shown());
            let compared = compare_prepared(&smi, &text(&worlds::manifests(&run)), mesh, to);
            compared.witnesses_hold();
            agrees(&compared);
            let all = compared.judged.iter().all(|judged| judged.verdict.relation == Relation::Equal);
            assert!(all || !equal, "{:#?}\n{}", compared.judged, shown());
            proved += usize::from(equal);
            told += usize::from(!equal);
        }
    }
    eprintln!("{proved} proved, {told} with a finding instead");
    assert!(proved >= 12, "{proved} proved, {told} with a finding instead");
}
