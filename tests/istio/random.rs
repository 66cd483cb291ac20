//! Random closures and calls: what is written decides as the closure itself does.

use proptest::prelude::*;
use serde_json::Value;
use smi2gamma::model::grant::Requests;

use crate::call::call;
use crate::engine::{Call, Proxy, allows};
use crate::world::{Grant, Pods, World, bare, pattern, target};

const SOURCES: [&str; 3] = ["shop/web", "shop/cron", "ops/web"];
const PATTERNS: [&str; 9] = [
    "GET /a",
    "* /a.*",
    "GET|POST /a(/.*)?",
    "* .*b",
    "GET * x-k: 1",
    "* /ab x-k: 1.*; x-l: .*",
    "POST /a|/ab",
    "* /x.+",
    "*",
];
const CALLS: [&str; 14] = [
    "GET /a",
    "GET /ab",
    "GET /a/b",
    "POST /a",
    "POST /ab",
    "PUT /a/",
    "GET /x",
    "GET /xy",
    "GET / x-k: 1",
    "PUT /ab x-k: 1; x-l: q",
    "PUT /ab x-k: 2; x-l: q",
    "DELETE /b",
    "PUT /ab x-k: 12",
    "TCP",
];

#[derive(Clone, Debug)]
struct Shape {
    sources: Vec<usize>,
    patterns: Vec<usize>,
    ports: Vec<u16>,
    connections: bool,
}

fn shape() -> impl Strategy<Value = Shape> {
    let sources = prop::collection::vec(0..SOURCES.len(), 1..3);
    let patterns = prop::collection::vec(0..PATTERNS.len(), 1..4);
    let ports = prop::sample::subsequence(vec![8080_u16, 8081], 0..=2);
    (sources, patterns, ports, any::<bool>()).prop_map(|(sources, patterns, ports, connections)| Shape {
        sources,
        patterns,
        ports,
        connections,
    })
}

fn grant(number: usize, shape: &Shape) -> Grant {
    let sources: Vec<&str> = shape.sources.iter().map(|&source| SOURCES[source]).collect();
    let patterns: Vec<&str> = shape.patterns.iter().map(|&pattern| PATTERNS[pattern]).collect();
    let grant = target(&format!("t{number}"), &sources);
    let grant = if shape.ports.is_empty() { grant } else { grant.some(&patterns).on(&shape.ports) };
    if shape.connections { grant.connections(&[9000]) } else { grant }
}

fn pods(shapes: &[Shape]) -> Pods {
    let pods = bare("api").http(8080).behind("api", 80).http(8081).behind("api", 81).opaque(9000).behind("api", 9000);
    shapes.iter().enumerate().fold(pods, |pods, (number, shape)| pods.grant(grant(number, shape)))
}

/// What the grants say of a call to a port of the pods.
fn granted(shapes: &[Shape], source: &str, port: u16, asked: &Call) -> bool {
    shapes.iter().any(|shape| {
        let named = shape.sources.iter().any(|&known| SOURCES[known] == source);
        let Some(http) = &asked.http else { return named && port == 9000 && shape.connections };
        let requests = Requests::Any(shape.patterns.iter().map(|&index| pattern(PATTERNS[index])).collect());
        let Requests::Any(patterns) = requests else { return false };
        let fits = patterns.iter().any(|pattern| {
            use smi2gamma::model::Methods;
            let method = match &pattern.methods {
                Methods::Any => true,
                Methods::Only(methods) => methods.contains(http.method.as_str()),
            };
            let path = pattern.path.as_ref().is_none_or(|path| path.language.matches(&http.path));
            let headers = pattern
                .headers
                .iter()
                .all(|header| http.headers.get(&header.name).is_some_and(|value| header.language.matches(value)));
            method && path && headers
        });
        named && shape.ports.contains(&port) && fits
    })
}

fn written(world: &World, target: &str) -> Vec<Value> {
    let written = world.write(target);
    assert!(written[0].refusals.is_empty(), "{:?}", written[0].refusals);
    written[0].manifests.iter().map(|manifest| manifest.value.clone()).collect()
}

/// Calls that fit the port: connections where it does not speak HTTP, requests where it does.
fn calls() -> Vec<(&'static str, u16, u16, &'static str)> {
    let mut calls = Vec::new();
    for source in SOURCES {
        for (service, port) in [(80, 8080), (81, 8081), (9000, 9000)] {
            for text in CALLS.iter().filter(|text| (**text == "TCP") == (port == 9000)) {
                calls.push((source, service, port, *text));
            }
        }
    }
    calls
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn sidecars_decide_as_the_grants_do(shapes in prop::collection::vec(shape(), 1..4)) {
        let world = World::of([pods(&shapes)]);
        let policies = written(&world, "istio");
        let labels = world.closures[0].sets()[0].labels.clone();
        for (source, _, port, text) in calls() {
            let asked = call(&format!("{source} {port} {text}"), "cluster.local");
            let allowed = allows(&policies, "shop", &Proxy::Sidecar(&labels), &asked, "cluster.local");
            prop_assert_eq!(allowed, granted(&shapes, source, port, &asked), "{} {} {}", source, port, text);
        }
    }

    #[test]
    fn ambient_decides_as_the_grants_do_and_is_not_walked_around(shapes in prop::collection::vec(shape(), 1..4)) {
        let world = World::of([pods(&shapes)]);
        let policies = written(&world, "istio-ambient");
        let labels = world.closures[0].sets()[0].labels.clone();
        let has_waypoint = policies.iter().any(|policy| policy["kind"] == "Gateway");
        let at_pods = |asked: &Call| allows(&policies, "shop", &Proxy::Ztunnel(&labels), asked, "cluster.local");
        for (source, service, port, text) in calls() {
            let asked = call(&format!("{source} {service} {text}"), "cluster.local");
            let meant = granted(&shapes, source, port, &asked);
            let past = at_pods(&Call { port, http: None, ..asked.clone() });
            let through = Call { source: Some("cluster.local/ns/shop/sa/waypoint".into()), port, http: None };
            let allowed = if has_waypoint {
                allows(&policies, "shop", &Proxy::Waypoint("api"), &asked, "cluster.local") && at_pods(&through)
            } else {
                past
            };
            prop_assert_eq!(allowed, meant, "{} {} {}", source, service, text);
            prop_assert!(!past || meant, "past the waypoint: {} {} {}", source, port, text);
        }
    }
}
