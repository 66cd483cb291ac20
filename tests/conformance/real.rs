//! The same assertions on the suite's own manifests, where a corpus that has them is given (`SMI2GAMMA_CORPUS`).

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use serde::Deserialize;
use serde_yaml::Value;
use smi2gamma::mappings::{source, targets};
use smi2gamma::target::Profile;

use crate::ask::Does;
use crate::cell::{Cell, Converted, cells};
use crate::situation::{Mesh, NAMESPACE, Names, Situation, State};
use crate::suite::{ASSERTIONS, Assertion, Part};

const NAMES: Names = Names { a: "service-a", b: "service-b", leaves: ["app-b", "app-c"], root: "app-svc", port: 9091 };

/// What blocks the manifests of `traffic-spec` as they are.
const UNCLEAR: &str = "smi-shape-unclear";

/// The suite's manifests; none where no corpus has them.
fn suite() -> Option<PathBuf> {
    let Some(corpus) = std::env::var_os("SMI2GAMMA_CORPUS") else {
        eprintln!("no corpus: set SMI2GAMMA_CORPUS to its directory to run this test");
        return None;
    };
    let suite = PathBuf::from(corpus).join("layer5io__learn-layer5/smi-conformance/test-gen/test-yamls");
    assert!(suite.is_dir(), "the corpus has no {}", suite.display());
    Some(suite)
}

/// A step of the suite that installs something, in the namespace of the situations.
fn install(part: Part, number: &str) -> String {
    let path = suite().expect("a corpus").join(part.folder()).join(format!("{number}-install.yaml"));
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    format!("---\n{}\n", text.replace("<NAMESPACE>", NAMESPACE))
}

/// The applications and the SMI of an assertion; none of one that asks what happens without any.
fn situation(assertion: &Assertion) -> Option<Situation> {
    let number = match assertion.state {
        State::NothingAboutB | State::Deleted => return None,
        State::NoSplit => None,
        State::AnyPort | State::Split(1, _) => Some("04"),
        State::OnePath => Some("03"),
        State::OneMethod => Some("05"),
        State::Split(0, _) => Some("06"),
        State::Split(75, _) => Some("08"),
        State::Split(..) => Some("10"),
    };
    let smi = number.map_or_else(String::new, |number| install(assertion.part, number));
    let apps = install(assertion.part, "02");
    Some(Situation { apps, converted: smi.clone(), smi, deleted: None, default_deny: false, names: NAMES })
}

/// SMI whose shapes were put right: `matches` where the version has them, and no port that it does not have.
fn put_right(text: &str) -> String {
    let objects = serde_yaml::Deserializer::from_str(text).map(|object| Value::deserialize(object).expect("YAML"));
    let put_right = |mut object: Value| {
        if let Some(matches) = object.as_mapping_mut().and_then(|object| object.remove("matches")) {
            object["spec"] = Value::Mapping([("matches".into(), matches)].into_iter().collect());
        }
        if let Some(destination) = object.get_mut("spec").and_then(|spec| spec.get_mut("destination")) {
            destination.as_mapping_mut().expect("a destination").remove("port");
        }
        format!("---\n{}", serde_yaml::to_string(&object).expect("YAML"))
    };
    objects.filter(|object| !object.is_null()).map(put_right).collect()
}

fn specification() -> Mesh {
    Mesh(source("spec").expect("the specification"))
}

/// Every target at its default version.
fn profiles() -> Vec<Profile> {
    targets().iter().map(|target| Profile::parse(&target.name).expect("a target")).collect()
}

#[test]
fn every_step_of_the_suite_that_asks_something_is_asked_here() {
    let Some(suite) = suite() else { return };
    for part in Part::ALL {
        let files = fs::read_dir(suite.join(part.folder())).expect("a folder of the suite");
        let names = files.map(|file| file.expect("a file").file_name().to_string_lossy().into_owned());
        let steps = names.filter_map(|name| Some(name.strip_suffix(".yaml")?.replacen('-', " ", 1)));
        let asking: BTreeSet<String> = steps.filter(|step| step.contains(" traffic")).collect();
        let here = ASSERTIONS.iter().filter(|assertion| assertion.part == part);
        assert_eq!(asking, here.map(|assertion| assertion.step.to_owned()).collect(), "{}", part.folder());
    }
}

#[test]
fn the_suites_own_manifests_come_to_the_same_cells() {
    if suite().is_none() {
        return;
    }
    for to in profiles() {
        let expected = cells(specification(), &to);
        for (assertion, expected) in ASSERTIONS.iter().zip(expected) {
            let Some(mut situation) = situation(assertion) else { continue };
            if assertion.part == Part::Specs {
                let cell = Converted::of(situation.clone(), specification(), &to).cell(assertion);
                let unclear = matches!(&cell, Ok(Cell::Held(codes) | Cell::NoWords(codes)) if codes.contains(UNCLEAR));
                assert!(unclear, "{} of {}: {cell:?}", assertion.step, to.display());
                situation.smi = put_right(&situation.smi);
                situation.converted.clone_from(&situation.smi);
            }
            let cell = Converted::of(situation, specification(), &to).cell(assertion);
            assert_eq!(cell, expected, "{} of {}", assertion.step, to.display());
        }
    }
}

#[test]
fn without_smi_there_is_nothing_to_convert_and_what_was_deleted_permits_nothing() {
    if suite().is_none() {
        return;
    }
    let apps = install(Part::Access, "02");
    let granted = install(Part::Access, "04");
    let nothing = Situation {
        apps: apps.clone(),
        converted: String::new(),
        smi: String::new(),
        deleted: None,
        default_deny: true,
        names: NAMES,
    };
    let deleted = Situation { converted: granted, deleted: Some("service-targets"), ..nothing.clone() };
    let blocked = ASSERTIONS.iter().find(|assertion| assertion.state == State::Deleted).expect("step 07");
    for to in profiles() {
        let run = Converted::of(nothing.clone(), specification(), &to);
        assert!(run.run().objects.is_empty() && run.run().manifests.is_empty(), "{}", to.display());
        if to.policy().is_some() {
            let output = Converted::of(deleted.clone(), specification(), &to).with(|after| apps.clone() + after);
            let answers = output.ask(blocked, true);
            assert_eq!(answers.after, Does::AsAsserted, "{}: {}", to.display(), answers.words);
        }
    }
}
