//! A cell can fail: output that does something else than is asserted is found.

use smi2gamma::mappings::source;
use smi2gamma::target::Profile;

use crate::cell::Converted;
use crate::situation::{Mesh, Situation, State};
use crate::suite::ASSERTIONS;

/// Whether every assertion about a state is refused a cell once `change` was made to its output.
#[track_caller]
fn is_found(state: State, to: &str, change: (&str, &str)) {
    let mesh = Mesh(source("spec").expect("the specification"));
    let to = Profile::parse(to).expect("a target");
    for assertion in ASSERTIONS.iter().filter(|assertion| assertion.state == state) {
        let converted = || Converted::of(Situation::of(state, mesh).expect("a situation"), mesh, &to);
        assert!(converted().cell(assertion).is_ok(), "{}", assertion.step);
        let changed = converted().with(|after| {
            assert!(after.contains(change.0), "nothing to change: {after}");
            after.replace(change.0, change.1)
        });
        let cell = changed.cell(assertion);
        assert!(cell.is_err(), "{}: {cell:?}", assertion.step);
    }
}

#[test]
fn shares_that_are_less_than_exact_are_found() {
    for to in ["gateway-api", "linkerd", "istio", "istio-ambient", "cilium", "kuma"] {
        is_found(State::Split(75, 25), to, ("weight: 3", "weight: 4"));
        is_found(State::Split(1, 0), to, ("weight: 0", "weight: 1"));
    }
}

#[test]
fn another_caller_is_found() {
    is_found(State::AnyPort, "istio", ("/sa/a", "/sa/c"));
    is_found(State::AnyPort, "istio-ambient", ("/sa/a", "/sa/c"));
    is_found(State::AnyPort, "linkerd", ("name: a\n", "name: c\n"));
}

#[test]
fn another_path_or_method_is_found() {
    for to in ["linkerd", "istio", "istio-ambient"] {
        is_found(State::OnePath, to, ("/metrics", "/echo"));
        is_found(State::OneMethod, to, ("GET", "POST"));
    }
}

#[test]
fn a_default_that_does_not_deny_is_found() {
    for to in ["istio", "istio-ambient"] {
        is_found(State::NothingAboutB, to, ("spec: {}", "spec: {rules: [{}]}"));
    }
}
