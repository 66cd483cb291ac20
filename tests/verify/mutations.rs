//! What convert writes is equal; what is changed in it is noticed.

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::Value;
use smi2gamma::target::Profile;
use smi2gamma::verify::{Field, Relation};

use crate::changes::{Change, Tally, changes};
use crate::engine::{self, Order};
use crate::world::{Compared, compare, request, services, web};

/// A split of `web` under some matches, with weights that tell all backends apart.
pub fn before(version: &'static str) -> impl Strategy<Value = String> {
    let path = select(vec!["/api", "/api/.*", "^/api$", "/a|/ab", "^/v[12]/.*$", ".*"]);
    let method = select(vec!["", ", methods: [GET]", ", methods: [GET, POST]"]);
    let header = select(vec!["", ", headers: {x-team: '^a$'}", ", headers: {x-team: '.*a.*'}"]);
    let matches = proptest::collection::vec((path, method, header), 0..3);
    let ports = "{name: http, port: 80}, {name: http-2, port: 8080}";
    (matches, 1..9u32, 1..9u32).prop_map(move |(matches, one, other)| {
        let matches: Vec<String> = matches
            .iter()
            .map(|(path, method, header)| format!("{{name: a, pathRegex: '{path}'{method}{header}}}"))
            .collect();
        let condition = if matches.is_empty() { "" } else { "matches: [{kind: HTTPRouteGroup, name: g}], " };
        let mut text = format!(
            "---\napiVersion: split.smi-spec.io/{version}\nkind: TrafficSplit\nmetadata: {{name: web, namespace: \
             shop}}\nspec: {{service: web, {condition}backends: [{{service: web-v1, weight: {one}}}, {{service: web-v2, \
             weight: {}}}]}}\n",
            one + other
        );
        if !matches.is_empty() {
            text += &format!(
                "---\napiVersion: specs.smi-spec.io/{version}\nkind: HTTPRouteGroup\nmetadata: {{name: g, namespace: \
                 shop}}\nspec: {{matches: [{}]}}\n",
                matches.join(", ")
            );
        }
        text + &services().replace("{name: http, port: 80}", ports)
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

pub fn text(manifests: &[Value]) -> String {
    manifests.iter().map(|manifest| format!("---\n{manifest}\n")).collect()
}

pub fn requests() -> Vec<smi2gamma::verify::Request> {
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
pub fn agrees(compared: &Compared) {
    if compared.relation("shop/web:80") == Relation::Equal {
        let asked = requests();
        for (request, (one, other)) in asked.iter().zip(compared.ask_each(&web(80), &asked)) {
            assert_eq!(one.relate(&other), Relation::Equal, "{}: {one} and {other}", request.line());
        }
    }
}

/// Why a change that is not noticed changes nothing; none where it may.
fn reason(change: &Change, right: &[Value], to: &str) -> Option<&'static str> {
    // linkerd/linkerd2@version-2.20 policy-controller/k8s/index/src/outbound/index.rs
    if change.at.ends_with("/parentRefs/0/group") && change.new.is_none() && to == "linkerd" {
        return Some("`equal`, for Linkerd takes a parent without a group for one of the core group");
    }
    let same = change.at.contains("/matches") && answers(right, to) == answers(&change.manifests, to);
    same.then_some("`equal`, for another match takes the same requests to the same backends")
}

/// What the routes of each port do with every request, by an engine that is not `verify`'s.
fn answers(manifests: &[Value], to: &str) -> Vec<Vec<(String, u32)>> {
    let rank = Profile::parse(to).expect("a target").reading().expect("a target with routes").rank.is;
    let at = |port: u16| -> Vec<&Value> {
        manifests.iter().filter(|route| route["spec"]["parentRefs"][0]["port"] == port).collect()
    };
    let asked = requests().into_iter().map(|asked| {
        let headers = asked.fields.into_iter().map(|(field, value)| match field {
            Field::Header(name) | Field::Query(name) => (name, value),
        });
        engine::Request { method: asked.method, path: asked.path, headers: headers.collect() }
    });
    let asked: Vec<engine::Request> = asked.collect();
    let ports = [at(80), at(8080)];
    let ask = |routes: &Vec<&Value>| -> Vec<_> {
        asked.iter().map(|request| engine::answer(routes, request, Order::Ranked(rank))).collect()
    };
    ports.iter().flat_map(ask).collect()
}

#[test]
fn what_convert_writes_is_equal_and_every_change_is_noticed_or_changes_nothing() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let mut tally = Tally::default();
    for to in ["istio", "linkerd", "cilium"].into_iter().cycle().take(9) {
        let before = before("v1alpha3").new_tree(&mut runner).expect("a world").current();
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
        for change in changes(&manifests) {
            let compared = compare(&before, &text(&change.manifests), "nginx", to);
            compared.witnesses_hold();
            agrees(&compared);
            if compared.judged.iter().any(|judged| judged.verdict.relation != Relation::Equal) {
                tally.noticed();
            } else {
                tally.missed(
                    || format!("{to} {change}\n{before}\n{}", text(&manifests)),
                    reason(&change, &manifests, to),
                );
            }
        }
    }
    tally.hold("Changes of routes");
}
