//! What convert writes is equal; what is changed in it is noticed.

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};
use smi2gamma::verify::{Absent, Relation};

use crate::world::{Compared, compare, request, services};

/// A split of `web` under some matches, with weights that tell all backends apart.
fn before() -> impl Strategy<Value = String> {
    let path = select(vec!["/api", "/api/.*", "^/api$", "/a|/ab", "^/v[12]/.*$", ".*"]);
    let method = select(vec!["", ", methods: [GET]", ", methods: [GET, POST]"]);
    let header = select(vec!["", ", headers: {x-team: '^a$'}", ", headers: {x-team: '.*a.*'}"]);
    let matches = proptest::collection::vec((path, method, header), 0..3);
    (matches, 1..9u32, 1..9u32).prop_map(|(matches, one, other)| {
        let matches: Vec<String> = matches
            .iter()
            .map(|(path, method, header)| format!("{{name: a, pathRegex: '{path}'{method}{header}}}"))
            .collect();
        let condition = if matches.is_empty() { "" } else { "matches: [{kind: HTTPRouteGroup, name: g}], " };
        let mut text = format!(
            "---\napiVersion: split.smi-spec.io/v1alpha3\nkind: TrafficSplit\nmetadata: {{name: web, namespace: \
             shop}}\nspec: {{service: web, {condition}backends: [{{service: web-v1, weight: {one}}}, {{service: web-v2, \
             weight: {}}}]}}\n",
            one + other
        );
        if !matches.is_empty() {
            text += &format!(
                "---\napiVersion: specs.smi-spec.io/v1alpha3\nkind: HTTPRouteGroup\nmetadata: {{name: g, namespace: \
                 shop}}\nspec: {{matches: [{}]}}\n",
                matches.join(", ")
            );
        }
        text + &services()
    })
}

fn converted(before: &str, to: &str) -> Vec<Value> {
    use smi2gamma::run::{Options, run};
    use smi2gamma::scan::{self, Input};
    let options = Options {
        scan: scan::Options { sources: vec![Input::Stdin], ..scan::Options::default() },
        from: Some(smi2gamma::report::Chosen { name: "nginx".into(), because: "the test".into() }),
        to: smi2gamma::target::Profile::parse(to).expect("a target"),
        to_because: "the test".into(),
        settings: Default::default(),
        policy: Default::default(),
        unowned: Default::default(),
        filter: Default::default(),
        verify: false,
    };
    let run = run(&options, &mut before.as_bytes()).expect("standard input");
    run.manifests.iter().map(|(_, manifest)| manifest.value.clone()).collect()
}

/// One change to the only route; none where it cannot be made.
fn mutate(route: &mut Value, kind: &str, at: usize) -> Option<()> {
    let rules = route["spec"]["rules"].as_array_mut()?;
    let count = rules.len();
    let rule = rules.get_mut(at % count)?;
    match kind {
        "drop a rule" => drop(rules.remove(at % count)),
        "drop a backend" => {
            let refs = rule["backendRefs"].as_array_mut()?;
            refs.remove(at % refs.len().max(1));
        }
        "change a weight" => {
            let refs = rule["backendRefs"].as_array_mut().filter(|refs| refs.len() > 1)?;
            let many = refs.len();
            let weight = refs[at % many]["weight"].as_u64()?;
            refs[at % many]["weight"] = json!(weight + 1);
        }
        "change a backend" => rule["backendRefs"][0]["name"] = json!("web-v9"),
        "change a backend's port" => rule["backendRefs"][0]["port"] = json!(81),
        "drop a backend's port" => drop(rule["backendRefs"][0].as_object_mut()?.remove("port")),
        "drop a match" => {
            let matches = rule["matches"].as_array_mut().filter(|matches| matches.len() > 1)?;
            matches.remove(at % matches.len());
        }
        "change a path" => {
            let path = &mut rule["matches"].as_array_mut()?.get_mut(0)?["path"];
            path["value"] = json!(format!("{}x", path["value"].as_str()?));
        }
        "drop the method" => drop(rule["matches"].as_array_mut()?.get_mut(0)?.as_object_mut()?.remove("method")?),
        "drop the headers" => drop(rule["matches"].as_array_mut()?.get_mut(0)?.as_object_mut()?.remove("headers")?),
        "move the parent" => route["spec"]["parentRefs"][0]["port"] = json!(81),
        "rename the parent" => route["spec"]["parentRefs"][0]["name"] = json!("web-v1"),
        "lose the parent's group" => drop(route["spec"]["parentRefs"][0].as_object_mut()?.remove("group")),
        "move the route" => route["metadata"]["namespace"] = json!("ops"),
        _ => return None,
    }
    Some(())
}

const MUTATIONS: [&str; 14] = [
    "drop a rule",
    "drop a backend",
    "change a weight",
    "change a backend",
    "change a backend's port",
    "drop a backend's port",
    "drop a match",
    "change a path",
    "drop the method",
    "drop the headers",
    "move the parent",
    "rename the parent",
    "lose the parent's group",
    "move the route",
];

fn text(manifests: &[Value]) -> String {
    manifests.iter().map(|manifest| format!("---\n{manifest}\n")).collect()
}

fn requests() -> Vec<smi2gamma::verify::Request> {
    let paths = ["/", "/api", "/api/x", "/a", "/ab", "/v1/x", "/v3", "/x/api"];
    let mut all = Vec::new();
    for path in paths {
        for line in ["GET", "POST", "PUT"] {
            for header in ["", " x-team=a", " x-team=ba", " x-team=c"] {
                all.push(request(&format!("{line} {path}{header}")));
            }
        }
    }
    all
}

/// Where a comparison is equal, both sides answer every request alike.
fn agrees(compared: &Compared) {
    if compared.relation("shop/web:80") == Relation::Equal {
        for request in requests() {
            let (one, other) = compared.ask(&request, Absent::Exists);
            assert_eq!(one.relate(&other), Relation::Equal, "{}: {one} and {other}", request.line());
        }
    }
}

#[test]
fn what_convert_writes_is_equal_and_nearly_every_change_is_noticed() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let (mut made, mut missed) = (0, Vec::new());
    for (number, to) in ["istio", "linkerd", "cilium"].into_iter().cycle().take(18).enumerate() {
        let before = before().new_tree(&mut runner).expect("a world").current();
        let manifests = converted(&before, to);
        if manifests.is_empty() {
            continue;
        }
        let right = compare(&before, &text(&manifests), "nginx", to);
        assert_eq!(
            right.relation("shop/web:80"),
            Relation::Equal,
            "{before}\n{}\n{:#?}",
            text(&manifests),
            right.judged
        );
        agrees(&right);
        for kind in MUTATIONS {
            for at in 0..2 {
                let mut changed = manifests.clone();
                if mutate(&mut changed[0], kind, at + number).is_none() || changed == manifests {
                    continue;
                }
                made += 1;
                let compared = compare(&before, &text(&changed), "nginx", to);
                compared.witnesses_hold();
                agrees(&compared);
                if compared.judged.iter().all(|judged| judged.verdict.relation == Relation::Equal) {
                    missed.push((
                        kind,
                        to,
                        changed[0]["spec"].to_string(),
                        before.lines().nth(4).unwrap_or_default().to_owned(),
                    ));
                }
            }
        }
    }
    assert!(made > 200, "only {made} changes");
    // What is left is a match that another match of the same rule covers, or a group that Linkerd fills in.
    let explained = |(kind, to, ..): &(&str, &str, String, String)| {
        matches!(*kind, "drop a match" | "change a path" | "drop the method" | "drop the headers")
            || (*kind == "lose the parent's group" && *to == "linkerd")
    };
    let odd: Vec<_> = missed.iter().filter(|one| !explained(one)).collect();
    assert!(odd.is_empty(), "not noticed: {odd:#?}");
    assert!(missed.len() * 20 <= made, "{} of {made} changes were not noticed: {missed:#?}", missed.len());
}
