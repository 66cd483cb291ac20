use super::*;
use crate::report::catalogue;
use crate::smi::fields::{Row, What, rows};
use crate::smi::{Kind, Version};
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// The least that reads without a problem.
fn least(kind: Kind, version: Version) -> Value {
    let target = json!({
        "destination": {"kind": "ServiceAccount", "name": "api"},
        "sources": [{"kind": "ServiceAccount", "name": "web"}],
    });
    let rules = json!([{"kind": "HTTPRouteGroup", "name": "routes"}]);
    let matches = json!([{"pathRegex": "/x"}]);
    let mut object = match (kind, version) {
        (Kind::TrafficSplit, _) => {
            json!({"spec": {"service": "web", "backends": [{"service": "web", "weight": 1}]}})
        }
        (Kind::TrafficTarget, Version::V1alpha1) => merged(target, json!({"specs": rules})),
        (Kind::TrafficTarget, _) => json!({"spec": merged(target, json!({"rules": rules}))}),
        (Kind::IdentityBinding, _) => json!({"spec": {"schemes": {"spiffeIdentities": ["spiffe://a/b"]}}}),
        (Kind::HTTPRouteGroup, Version::V1alpha1 | Version::V1alpha2) => json!({"matches": matches}),
        (Kind::HTTPRouteGroup, _) => json!({"spec": {"matches": matches}}),
        (Kind::TCPRoute | Kind::UDPRoute, Version::V1alpha4) => json!({"spec": {"matches": {"ports": [80]}}}),
        (Kind::TCPRoute | Kind::UDPRoute | Kind::TrafficMetrics | Kind::TrafficMetricsList, _) => json!({}),
    };
    if !matches!(kind, Kind::TrafficMetrics | Kind::TrafficMetricsList) {
        object = merged(object, json!({"metadata": {"name": "web0"}}));
    }
    merged(json!({"apiVersion": format!("{}/{}", kind.group(), version.name()), "kind": kind.name()}), object)
}

fn merged(mut one: Value, other: Value) -> Value {
    if let (Some(one), Value::Object(other)) = (one.as_object_mut(), other) {
        one.extend(other);
    }
    one
}

/// A value of the field's type; `seed` tells two of them apart without a difference in length.
fn value(row: &Row, seed: u8) -> Value {
    match row.path.as_str() {
        "apiVersion" | "kind" => Value::Null,
        "spec" => json!({}),
        "items[].**" => json!({"window": format!("{seed}0s")}),
        path if path.ends_with(".**") => json!({"any": [seed]}),
        path if path.ends_with("weight") || path.ends_with("port") || path.ends_with("ports[]") => json!(seed),
        path if path.ends_with("methods[]") => json!(["GET", "PUT"][usize::from(seed) - 1]),
        path if path.ends_with("destination.kind") || path.ends_with("sources[].kind") => {
            json!(["Group", "Users"][usize::from(seed) - 1])
        }
        _ => json!(format!("web{seed}")),
    }
}

fn set(at: &mut Value, steps: &[&str], to: Value) {
    match steps {
        [] | ["**"] => *at = to,
        ["[]", rest @ ..] => {
            if !at.is_array() {
                *at = json!([{}]);
            }
            set(&mut at[0], rest, to);
        }
        [name, rest @ ..] => {
            if !at.is_object() {
                *at = Value::Object(Map::new());
            }
            set(&mut at[if *name == "*" { "x" } else { name }], rest, to);
        }
    }
}

/// The least object with `row`'s field set, read.
fn with(row: &Row, kind: Kind, version: Version, seed: u8) -> Read {
    let mut object = least(kind, version);
    let path = row.path.replace("[]", ".[]");
    let to = value(row, seed);
    if !to.is_null() {
        set(&mut object, &path.split('.').collect::<Vec<_>>(), to);
    }
    only(&object.to_string())
}

#[test]
fn the_least_object_of_every_version_reads_without_a_problem() {
    for kind in Kind::ALL {
        for version in kind.versions() {
            let read = only(&least(kind, *version).to_string());
            let own = usize::from(matches!(kind, Kind::TrafficMetrics | Kind::TrafficMetricsList));
            assert_eq!(read.problems.len(), own, "{kind:?} {version:?} {:?}", read.problems);
            assert_eq!(read.object.expect("an object").meta().version, *version);
        }
    }
}

#[test]
fn no_field_of_the_table_is_unknown_to_the_reader() {
    for row in rows() {
        for (kind, version) in row.shapes() {
            let read = with(row, kind, version, 1);
            assert!(!codes(&read).contains(&"smi-unknown-field"), "{row:?} {kind:?} {version:?} {:?}", read.problems);
            assert!(!codes(&read).contains(&"smi-wrong-type"), "{row:?} {kind:?} {version:?} {:?}", read.problems);
        }
    }
}

#[test]
fn every_field_that_counts_is_read() {
    for row in rows().iter().filter(|row| matches!(row.what, What::Mapped | What::Reported | What::Defaulted)) {
        for (kind, version) in row.shapes() {
            let [one, two] = [1, 2].map(|seed| format!("{:?}", with(row, kind, version, seed).object));
            assert_ne!(one, two, "{} of {kind:?} {version:?} is not read", row.path);
        }
    }
}

#[test]
fn a_field_that_no_row_has_is_unknown_in_every_version() {
    for kind in Kind::ALL {
        for version in kind.versions() {
            let object = merged(least(kind, *version), json!({"surelyUnknown": {"deep": 1}}));
            let read = only(&object.to_string());
            assert_eq!(
                codes(&read).iter().filter(|code| **code == "smi-unknown-field").count(),
                1,
                "{kind:?} {version:?}"
            );
        }
    }
}

#[test]
fn every_row_names_a_field_once_and_says_where_it_goes() {
    let mut seen = BTreeSet::new();
    for row in rows() {
        assert!(row.shapes().count() > 0, "{row:?}");
        for version in &row.versions {
            assert!(row.kinds.iter().any(|kind| kind.has(*version)), "{row:?}");
        }
        for shape in row.shapes() {
            assert!(seen.insert((row.path.as_str(), shape)), "twice: {} {shape:?}", row.path);
        }
        match (row.what, &row.into) {
            (What::Mapped | What::Defaulted | What::Checked | What::Reported, into) => {
                assert!(into.is_some(), "{row:?}");
            }
            (What::Ignored, into) => assert!(into.is_none(), "{row:?}"),
        }
        if let (What::Checked | What::Reported, Some(code)) = (row.what, &row.into) {
            assert!(catalogue::find(code).is_some(), "no finding {code}");
        }
        assert!(!row.from.is_empty());
    }
}

const KEYS: [&str; 34] = [
    "apiVersion",
    "kind",
    "metadata",
    "spec",
    "name",
    "namespace",
    "labels",
    "annotations",
    "ownerReferences",
    "service",
    "backends",
    "weight",
    "matches",
    "destination",
    "sources",
    "rules",
    "specs",
    "port",
    "ports",
    "headers",
    "methods",
    "pathRegex",
    "routes",
    "schemes",
    "podLabelSelector",
    "matchLabels",
    "spiffeIdentities",
    "serviceAccount",
    "items",
    "resource",
    "edge",
    "status",
    "backend",
    "other",
];

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1e6..1e6_f64).prop_map(Value::from),
        prop::sample::select(vec!["web", "500m", "50%", "{{ x }}", "$A", "*", "GET", "ServiceAccount", "", "v1"])
            .prop_map(Value::from),
        "\\PC{0,8}".prop_map(Value::from),
    ]
}

fn tree() -> impl Strategy<Value = Value> {
    scalar().prop_recursive(5, 64, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((prop::sample::select(KEYS.to_vec()), inner), 0..6).prop_map(
                |entries| Value::Object(entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
            ),
        ]
    })
}

proptest! {
    #[test]
    fn reading_never_panics_and_every_problem_has_a_row_and_a_place(
        body in tree(),
        kind in prop::sample::select(Kind::ALL.to_vec()),
        api in prop::sample::select(vec!["", "v1", "smi-spec.io/v1beta1", "1", "2", "3", "4", "5"]),
        list in any::<bool>(),
    ) {
        let api = if api.len() == 1 { format!("{}/v1alpha{api}", kind.group()) } else { api.to_owned() };
        let object = merged(merged(json!({}), body), json!({"apiVersion": api, "kind": kind.name()}));
        let object = if list { json!({"kind": "List", "items": [object]}) } else { object };
        let text = object.to_string();
        for found in objects(&root(&text)) {
            let Some(read) = read(&found) else { continue };
            for problem in &read.problems {
                let _ = problem.blocks();
                prop_assert!(text.get(problem.span.start..problem.span.end).is_some());
                prop_assert!(!problem.message.is_empty() && !problem.message.ends_with('.'));
            }
            prop_assert!(read.problems.is_sorted_by_key(|problem| problem.span));
        }
    }
}
