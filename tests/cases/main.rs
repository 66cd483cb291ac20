//! The cases of `docs/cases.md`, and what depends on whose reading applies and on what the output is for.
//!
//! A test that is named after a case runs its input with the flags of its row and is held to the row's outcome and code;
//! then it says what the output means. The notation for routes is that of [`world::route`].

mod access;
#[path = "../emitted/mod.rs"]
mod emitted;
mod engine;
mod grants;
#[path = "../istio/engine.rs"]
#[allow(dead_code)]
mod istio_engine;
mod limits;
#[path = "../../src/target/linkerd/tests/engine.rs"]
#[allow(dead_code)]
mod linkerd_engine;
mod matches;
mod others;
mod policy;
mod readings;
mod scopes;
mod splits;
mod table;
mod targets;
mod traps;
mod world;

use std::collections::BTreeMap;

use smi2gamma::report::catalogue;

use table::{ROWS, Row, judge, row};
use world::{NINE_TO_ONE, World, split, web};

const TESTS: [&str; 4] =
    [include_str!("splits.rs"), include_str!("matches.rs"), include_str!("grants.rs"), include_str!("others.rs")];

#[test]
fn every_case_has_one_row_and_a_test_that_is_held_to_it() {
    let mut times: BTreeMap<u32, usize> = BTreeMap::new();
    ROWS.iter().for_each(|row| *times.entry(row.number).or_default() += 1);
    assert_eq!(times, (1..=84).map(|number| (number, 1)).collect());
    for number in 1..=84 {
        let name = format!("fn case_{number:02}_");
        let text = TESTS.iter().find(|text| text.contains(&name)).unwrap_or_else(|| panic!("no test {name}"));
        let body = text.split(&name).nth(1).and_then(|rest| rest.split("\n}\n").next()).unwrap_or_default();
        let held = ["case(", "case_in("]
            .iter()
            .any(|call| body.split(call).skip(1).any(|rest| rest.trim_start().starts_with(&format!("{number},"))));
        assert!(held, "the test {name} is not held to its row");
    }
}

#[test]
fn the_outcome_of_a_row_goes_with_its_code() {
    for Row { number, kind, outcome, code, .. } in ROWS.iter() {
        let forced = code.as_deref().map(|code| {
            catalogue::find(code).unwrap_or_else(|| panic!("case {number}: there is no code {code}")).outcome
        });
        let outcome = outcome.as_deref();
        match forced.flatten() {
            Some(forced) => assert_eq!(outcome, Some(forced.word()), "case {number}"),
            None => assert!(
                matches!(outcome, Some("migrated" | "superseded")) || kind.is_none(),
                "case {number}: no code says why it is {outcome:?}"
            ),
        }
    }
}

#[test]
fn a_row_that_says_something_else_is_found() {
    let ran = World::of(split("v1alpha2", &format!("service: web, {NINE_TO_ONE}")) + &web()).run();
    let right = row(10).clone();
    assert_eq!(judge(&right, &ran), Ok(()));
    let wrong = [
        Row { outcome: Some("blocked".into()), ..right.clone() },
        Row { code: Some("fallback-added".into()), ..right.clone() },
        Row { kind: Some("HTTPRouteGroup".into()), ..right.clone() },
        Row { kind: None, code: Some("leftover-crd".into()), ..right },
    ];
    for row in wrong {
        assert!(judge(&row, &ran).is_err(), "{row:?}");
    }
}
