//! What the conversion writes for random grants is proved equal, or a finding says why not; and where it is proved, direct
//! evaluation of random requests agrees.

use serde_json::Value;
use smi2gamma::outcome::{Outcome, Proof};
use smi2gamma::verify::{Absent, Destination, Field, Given, Request, Source, access};
use smi2gamma::yaml::emit;

use super::mutations::Dice;
use super::world::{Texts, account, identity, pods};
use super::worlds;

const ACCOUNTS: [&str; 3] = ["api", "web", "cron"];

/// Matches of a group, as flow mappings.
const MATCHES: [&str; 9] = [
    "pathRegex: /api, methods: [GET]",
    "pathRegex: '/api/.*', methods: [GET, POST]",
    "pathRegex: '/api(/.*)?', methods: ['*']",
    "pathRegex: '.*', methods: [GET]",
    "pathRegex: '/v[12]/items', methods: [PUT]",
    "pathRegex: '/healthz', methods: [GET]",
    "methods: [DELETE]",
    "pathRegex: /api, headers: [{x-team: blue}]",
    "headers: [{x-team: 'bl.*'}], methods: [GET]",
];

fn smi(dice: &mut Dice) -> String {
    let mut text = String::from(
        "---\napiVersion: specs.smi-spec.io/v1alpha4\nkind: HTTPRouteGroup\nmetadata: {name: routes, namespace: shop}\nspec:\n  matches:\n",
    );
    for (number, one) in MATCHES.iter().enumerate() {
        text.push_str(&format!("  - {{name: m{number}, {one}}}\n"));
    }
    for (name, port) in [("eight", 8080), ("nine", 9000)] {
        text.push_str(&format!(
            "---\napiVersion: specs.smi-spec.io/v1alpha4\nkind: TCPRoute\nmetadata: {{name: {name}, namespace: shop}}\nspec: {{matches: {{ports: [{port}]}}}}\n"
        ));
    }
    for number in 0..=dice.below(3) {
        let to = GRANTED[dice.below(2)];
        let source = ["web", "cron", "other"][dice.below(3)];
        let mut rules = Vec::new();
        if dice.below(4) > 0 {
            let names: Vec<String> = (0..=dice.below(2)).map(|_| format!("m{}", dice.below(MATCHES.len()))).collect();
            rules.push(format!("{{kind: HTTPRouteGroup, name: routes, matches: [{}]}}", names.join(", ")));
        }
        if rules.is_empty() || dice.below(4) == 0 {
            rules.push(format!("{{kind: TCPRoute, name: {}}}", ["eight", "nine"][dice.below(2)]));
        }
        text.push_str(&format!(
            "---
apiVersion: access.smi-spec.io/v1alpha3
kind: TrafficTarget
metadata: {{name: t{number}, namespace: shop}}
spec:
  destination: {{kind: ServiceAccount, name: {to}, namespace: shop}}
  sources: [{{kind: ServiceAccount, name: {source}, namespace: shop}}]
  rules: [{}]
",
            rules.join(", ")
        ));
    }
    text
}

/// Whether someone may call the pods of an account.
fn grants(smi: &str, name: &str) -> bool {
    smi.contains(&format!("destination: {{kind: ServiceAccount, name: {name},"))
}

fn request(dice: &mut Dice, port: u16) -> Request {
    let source = [identity("web"), identity("cron"), identity("other"), identity("someone"), Source::Unauthenticated];
    let source = source[dice.below(5)].clone();
    let to = Destination::Workload { namespace: None, service_account: String::new(), port: None };
    if port == 9000 {
        return Request { source, to, method: String::new(), path: String::new(), fields: [].into() };
    }
    let path = ["/", "/api", "/api/", "/api/x", "/apiary", "/v1/items", "/v3/items"][dice.below(7)];
    let method = ["GET", "POST", "PUT", "DELETE"][dice.below(4)];
    let value = [None, Some("blue"), Some("black"), Some("red")][dice.below(4)];
    let fields = value.map(|value| (Field::Header("x-team".into()), value.to_owned()));
    Request { source, to, method: method.into(), path: path.into(), fields: fields.into_iter().collect() }
}

/// Destinations.
pub const GRANTED: [&str; 2] = ["api", "web"];

/// Random grants for both destinations, and policy for them that is proved equal: the first that can be converted whole.
pub fn proved(dice: &mut Dice, pods: &str, to: &str) -> (String, Vec<Value>) {
    let mut options = worlds::options(Some("osm"), to);
    options.policy.enforced = Some(true);
    for _ in 0..200 {
        let smi = smi(dice);
        if !GRANTED.iter().all(|name| grants(&smi, name)) {
            continue;
        }
        let text = format!("{pods}{smi}");
        let run = smi2gamma::run::run(&options, &mut text.as_bytes()).expect("standard input can be read");
        let mut targets = run.report.objects.iter().filter(|object| object.id.kind == "TrafficTarget");
        if targets.all(|object| object.outcome == Outcome::Migrated && object.proof == Proof::Equal) {
            return (smi, worlds::manifests(&run));
        }
    }
    panic!("no world of grants converts for {to}");
}

#[test]
fn converted_grants_are_proved_or_a_finding_says_why_and_simulate_agrees() {
    let mut dice = Dice(11);
    let (mut proved, mut asked) = (0, 0);
    for round in 0..24 {
        let smi = smi(&mut dice);
        let pods = pods(&ACCOUNTS, round % 2 == 0);
        for to in ["linkerd", "istio", "istio-ambient"] {
            let mut options = worlds::options(Some("osm"), to);
            options.policy.enforced = Some(true);
            let text = format!("{pods}{smi}");
            let run = smi2gamma::run::run(&options, &mut text.as_bytes()).expect("standard input can be read");
            let codes = worlds::codes(&run);
            let shown = || format!("{to}\n{smi}\n{:#}", worlds::words(&run));
            assert!(!codes.contains(&"output-differs") && !codes.contains(&"internal"), "{}", shown());
            let targets = run.report.objects.iter().filter(|object| object.id.kind == "TrafficTarget");
            let mut all = true;
            for object in targets {
                let equal = object.outcome == Outcome::Migrated && object.proof == Proof::Equal;
                assert!(equal || !object.findings.is_empty(), "{}: {}", object.id.name, shown());
                all &= equal;
                proved += usize::from(equal);
            }
            if !all {
                continue;
            }
            let policy = emit::to_yaml(&worlds::manifests(&run));
            let texts = Texts::new(&pods, &smi, &policy);
            for _ in 0..40 {
                let port = if dice.below(5) == 0 { 9000 } else { 8080 };
                let name = GRANTED[dice.below(2)];
                if !grants(&smi, name) {
                    continue;
                }
                let request = request(&mut dice, port);
                let given = Given { services: Absent::Exists, prepared: true };
                let (before, after) = texts.ask("osm", to, |before, after, pods| {
                    let ask = |side| access::simulate(side, pods, &account(name), port, &request, &given).0;
                    (ask(before), ask(after))
                });
                asked += 1;
                let what = || {
                    format!(
                        "{name}:{port} {} {}: {before}, then {after}\n{policy}\n{}",
                        request.source,
                        request.line(),
                        shown()
                    )
                };
                assert_eq!(before.permits().unwrap_or(true), after.permits() == Some(true), "{}", what());
            }
        }
    }
    assert!(proved > 40 && asked > 500, "{proved} proved, {asked} asked");
}

/// Two TrafficTargets of the version that the specification, NGINX Service Mesh and Traefik Mesh served.
fn two_targets(one: &str, other: &str) -> String {
    let target = |source: &str, group: &str| {
        format!(
            "---
apiVersion: access.smi-spec.io/v1alpha2
kind: TrafficTarget
metadata: {{name: {source}, namespace: shop}}
spec:
  destination: {{kind: ServiceAccount, name: api, namespace: shop}}
  sources: [{{kind: ServiceAccount, name: {source}, namespace: shop}}]
  rules: [{{kind: HTTPRouteGroup, name: {group}, matches: [a]}}]
---
apiVersion: specs.smi-spec.io/v1alpha3
kind: HTTPRouteGroup
metadata: {{name: {group}, namespace: shop}}
spec: {{matches: [{{name: a, pathRegex: '.*', methods: [{}]}}]}}
",
            if group == "one" { one } else { other }
        )
    };
    target("web", "one") + &target("cron", "other")
}

#[test]
fn without_a_source_mesh_policy_is_proved_under_the_reading_of_each_that_served_it() {
    for to in ["linkerd", "istio", "istio-ambient"] {
        // Whose requests are those of another TrafficTarget too is read alike by none but the specification.
        for (one, other, equal) in [("GET", "POST", true), ("GET", "GET", false)] {
            let mut options = worlds::options(None, to);
            options.policy.enforced = Some(true);
            let text = http_pods() + &two_targets(one, other);
            let run = smi2gamma::run::run(&options, &mut text.as_bytes()).expect("standard input can be read");
            let targets: Vec<_> =
                run.report.objects.iter().filter(|object| object.id.kind == "TrafficTarget").collect();
            assert_eq!(targets.len(), 2);
            for object in targets {
                assert_eq!(object.outcome, Outcome::Migrated, "{to}: {:#}", worlds::words(&run));
                assert_eq!(object.proof == Proof::Equal, equal, "{to}: {:#}", worlds::words(&run));
            }
            assert_eq!(worlds::codes(&run).contains(&"not-proved"), !equal, "{to}: {:#}", worlds::words(&run));
        }
    }
}

/// Pods of `api` with one port, which carries HTTP.
fn http_pods() -> String {
    pods(&["api"], false).replace(", {containerPort: 9000}", "").replace(", {name: tcp, port: 9000}", "")
}

#[test]
fn grants_are_proved_in_a_mesh_that_was_told_its_trust_domain() {
    let smi = "
apiVersion: access.smi-spec.io/v1alpha3
kind: TrafficTarget
metadata: {name: t, namespace: shop}
spec:
  destination: {kind: ServiceAccount, name: api, namespace: shop}
  sources: [{kind: ServiceAccount, name: web, namespace: shop}]
  rules: [{kind: HTTPRouteGroup, name: routes, matches: [m]}]
---
apiVersion: specs.smi-spec.io/v1alpha4
kind: HTTPRouteGroup
metadata: {name: routes, namespace: shop}
spec: {matches: [{name: m, pathRegex: /api, methods: [GET]}]}
";
    for to in ["linkerd", "istio", "istio-ambient"] {
        let mut options = worlds::options(Some("osm"), to);
        options.policy.enforced = Some(true);
        options.policy.trust_domain = Some("corp.example".to_owned());
        let text = format!("{}---{smi}", pods(&["api"], false));
        let run = smi2gamma::run::run(&options, &mut text.as_bytes()).expect("standard input can be read");
        let target = run.report.objects.iter().find(|object| object.id.kind == "TrafficTarget").expect("a target");
        let outcome = (target.outcome, target.proof == Proof::Equal);
        assert_eq!(outcome, (Outcome::Migrated, true), "{to}: {:#}", worlds::words(&run));
    }
}
