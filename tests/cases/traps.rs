//! What went wrong in hand-made translations: each trap once, through a whole run, judged by requests.

use std::collections::BTreeMap;

use smi2gamma::outcome::Outcome;

use crate::istio_engine::Proxy;
use crate::policy::{both, by, g, grant, grant_from, http_pods, linkerd, pods, pods_with, reading, through};
use crate::world::{Ran, World, named_split, services};

/// Inputs from which an empty list could come: no sources, no rules, no request, no port.
fn that_grant_little() -> Vec<String> {
    let nobody = reading().replace("sources: [{kind: ServiceAccount, name: cart, namespace: shop}]", "sources: []");
    let nothing = grant("t", "");
    let none = grant("t", "{kind: HTTPRouteGroup, name: g}") + &g("{name: a, methods: [GET]}");
    let udp = grant("t", "{kind: UDPRoute, name: u}")
        + "---\napiVersion: specs.smi-spec.io/v1alpha4\nkind: UDPRoute\nmetadata: {name: u, namespace: shop}\nspec: \
           {matches: {ports: [53]}}\n";
    let host = grant("t", &by("a")) + &g("{name: a, headers: [{host: web}]}");
    vec![nobody, nothing, none, udp, host, reading()]
}

fn everything(text: &str) -> impl Iterator<Item = Ran> + '_ {
    ["spec", "osm", "traefik", "flomesh"].into_iter().flat_map(move |from| {
        ["linkerd", "istio", "istio-ambient"].map(|to| World::of(text.to_owned() + &pods()).from(from).to(to).run())
    })
}

#[test]
fn an_authorization_without_authentication_lets_everyone_in_and_is_never_written() {
    for text in that_grant_little() {
        for ran in everything(&text) {
            for policy in ran.of_kind("AuthorizationPolicy") {
                let required = policy["spec"].get("requiredAuthenticationRefs").and_then(|refs| refs.as_array());
                assert!(required.is_none_or(|refs| !refs.is_empty()), "{policy:#}");
            }
        }
    }
}

#[test]
fn a_rule_without_conditions_lets_everyone_in_and_is_never_written() {
    for text in that_grant_little() {
        for ran in everything(&text) {
            for policy in ran.of_kind("AuthorizationPolicy") {
                for rule in policy["spec"].get("rules").and_then(|rules| rules.as_array()).into_iter().flatten() {
                    assert!(rule.get("from").is_some_and(|from| !from.as_array().unwrap().is_empty()), "{policy:#}");
                }
            }
        }
    }
}

#[test]
fn probes_go_on() {
    let probe = ", livenessProbe: {httpGet: {path: /healthz, port: 8080}}";
    let ran = World::of(reading() + &pods_with("", probe)).from("spec").to("linkerd").run();
    assert!(linkerd(&ran, 8080, "- GET /healthz user-agent=kube-probe/1.33"), "{:#?}", ran.manifests());
    assert!(!linkerd(&ran, 8080, "- GET /") && !linkerd(&ran, 8080, "- POST /healthz"));
    assert!(linkerd(&ran, 8080, "cart GET /healthz"), "who may read everything may read that too");
    for (probe, request) in [
        (", livenessProbe: {grpc: {port: 8080}}", "- POST /grpc.health.v1.Health/Check"),
        (", lifecycle: {preStop: {httpGet: {path: drain, port: 8080}}}", "- GET /drain"),
    ] {
        let ran = World::of(reading() + &pods_with("", probe)).from("spec").to("linkerd").run();
        assert_eq!(ran.outcome("TrafficTarget", "t"), Outcome::Migrated, "{:#?}", ran.findings());
        assert!(linkerd(&ran, 8080, request), "{:#?}", ran.manifests());
    }
    let secret = ", livenessProbe: {httpGet: {scheme: HTTPS, path: /healthz, port: 8080}}";
    let ran = World::of(reading() + &pods_with("", secret)).from("spec").to("linkerd").run();
    assert!(ran.has("linkerd-probe-cut-off") && !ran.enforces(), "{:#?}", ran.findings());
    let ran = World::of(reading() + &pods_with("", secret)).from("spec").to("istio").run();
    assert_eq!(ran.outcome("TrafficTarget", "t"), Outcome::Migrated, "the agent of a sidecar answers for it");
}

#[test]
fn an_alternation_is_not_cut_short_by_its_first_half() {
    let text = grant("t", &by("a")) + &g("{name: a, pathRegex: '/a|/ab'}");
    for (ran, allows) in both(|| World::of(text.clone() + &pods()).from("osm")) {
        assert!(allows(&ran, 8080, "cart GET /a") && allows(&ran, 8080, "cart GET /ab"), "{:#?}", ran.manifests());
        assert!(!allows(&ran, 8080, "cart GET /abc") && !allows(&ran, 8080, "cart GET /b"));
    }
}

#[test]
fn a_class_that_is_a_set_operation_to_one_engine_is_not_handed_over() {
    let text = grant("t", &by("a")) + &g("{name: a, pathRegex: '/[a&&b]'}");
    for (ran, allows) in both(|| World::of(text.clone() + &pods()).from("osm")) {
        assert!(ran.codes("TrafficTarget", "t").contains(&"regex-unsupported"));
        assert!(!ran.enforces() && allows(&ran, 8080, "till GET /c"));
    }
    let escaped = text.replace("[a&&b]", "[a&b]");
    for (ran, allows) in both(|| World::of(escaped.clone() + &pods()).from("osm")) {
        for (path, passes) in [("/a", true), ("/b", true), ("/&", true), ("/c", false), ("/", false)] {
            assert_eq!(allows(&ran, 8080, &format!("cart GET {path}")), passes, "{path}: {:#?}", ran.manifests());
        }
    }
}

#[test]
fn a_digit_is_one_of_ten() {
    let text = grant("t", &by("a")) + &g("{name: a, pathRegex: '/v\\d'}");
    for (ran, allows) in both(|| World::of(text.clone() + &pods()).from("osm")) {
        assert!(allows(&ran, 8080, "cart GET /v7"), "{:#?}", ran.findings());
        assert!(!allows(&ran, 8080, "cart GET /v\u{0663}"), "a digit of another script: {:#?}", ran.manifests());
    }
}

#[test]
fn rules_about_requests_open_no_port_that_is_not_http() {
    for (ran, allows) in both(|| World::of(reading() + &pods()).from("spec")) {
        assert!(!allows(&ran, 5432, "cart tcp") && !allows(&ran, 5432, "till tcp"), "{:#?}", ran.manifests());
        assert!(!allows(&ran, 8080, "cart tcp"), "nor one that is, to what is no request");
    }
}

#[test]
fn what_open_service_mesh_opened_beside_http_stays_open_to_the_same_callers_only() {
    for (ran, allows) in both(|| World::of(reading() + &pods()).from("osm")) {
        assert!(allows(&ran, 5432, "cart tcp"), "{:#?}", ran.manifests());
        assert!(!allows(&ran, 5432, "till tcp") && !allows(&ran, 5432, "- tcp"));
    }
}

fn web() -> BTreeMap<String, String> {
    BTreeMap::from([("app".to_owned(), "web".to_owned())])
}

#[test]
fn a_waypoint_cannot_be_walked_around() {
    let ran = World::of(reading() + &http_pods()).from("spec").to("istio-ambient").run();
    let labels = web();
    assert!(through(&ran, &Proxy::Waypoint("web"), 80, "cart GET /"), "{:#?}", ran.findings());
    assert!(!through(&ran, &Proxy::Waypoint("web"), 80, "cart POST /"));
    for caller in ["cart GET /", "cart tcp", "till GET /", "- GET /"] {
        assert!(!through(&ran, &Proxy::Ztunnel(&labels), 8080, caller), "{caller} to the pod itself");
    }
    let waypoint = ran.of_kind("Gateway")[0]["metadata"]["name"].as_str().unwrap().to_owned();
    assert!(through(&ran, &Proxy::Ztunnel(&labels), 8080, &format!("{waypoint} GET /")));
}

#[test]
fn a_waypoint_does_not_open_the_other_backend_of_a_split() {
    let pods = |name: &str| {
        format!(
            "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}, namespace: shop}}\nspec: {{selector: \
             {{matchLabels: {{app: {name}}}}}, template: {{metadata: {{labels: {{app: {name}}}}}, spec: \
             {{serviceAccountName: {name}, containers: [{{name: main, ports: [{{name: http, containerPort: 80}}]}}]}}}}}}\n"
        )
    };
    let grants = grant("t", &by("a")).replace("name: web,", "name: web-v1,")
        + &grant_from("u", "till", &by("a")).replace("name: web,", "name: web-v2,")
        + &g("{name: a, methods: [GET]}");
    let split = named_split(
        "web",
        "v1alpha4",
        "service: web, backends: [{service: web-v1, weight: 1}, {service: web-v2, weight: 1}]",
    );
    let input = grants + &split + &services(&["web", "web-v1", "web-v2"]) + &pods("web-v1") + &pods("web-v2");
    let ran = World::of(input).from("spec").to("istio-ambient").run();
    assert!(!ran.enforces(), "{:#?}", ran.manifests());
    for name in ["t", "u"] {
        assert!(ran.outcome("TrafficTarget", name).needs_hands(), "{name}: {:#?}", ran.findings());
    }
}

#[test]
fn a_prefix_ends_where_its_segment_ends() {
    let text = grant("t", &by("a")) + &g("{name: a, pathRegex: '/api(/.*)?'}");
    for (ran, allows) in both(|| World::of(text.clone() + &pods()).from("osm")) {
        for (path, passes) in [("/api", true), ("/api/", true), ("/api/x/y", true), ("/apiary", false), ("/ap", false)]
        {
            assert_eq!(allows(&ran, 8080, &format!("cart GET {path}")), passes, "{path}: {:#?}", ran.manifests());
        }
    }
}

#[test]
fn a_caller_of_a_narrow_route_is_not_merged_into_a_wider_one() {
    let text = grant("t", &by("a"))
        + &grant_from("u", "till", &by("b"))
        + &g("{name: a, methods: [GET]}, {name: b, pathRegex: '/admin/.*', methods: [GET, POST]}");
    for (ran, allows) in both(|| World::of(text.clone() + &pods()).from("osm")) {
        for (call, passes) in [
            ("cart GET /", true),
            ("cart GET /admin/x", true),
            ("cart POST /admin/x", false),
            ("till GET /admin/x", true),
            ("till POST /admin/x", true),
            ("till GET /", false),
            ("till POST /", false),
        ] {
            assert_eq!(allows(&ran, 8080, call), passes, "{call}: {:#?}", ran.manifests());
        }
    }
}

#[test]
fn a_destination_that_is_half_converted_denies_nobody() {
    let half = reading() + &grant_from("u", "till", &by("b")).replace("name: g,", "name: elsewhere,");
    for to in ["linkerd", "istio", "istio-ambient"] {
        let ran = World::of(half.clone() + &pods()).from("spec").to(to).run();
        assert!(!ran.enforces(), "{to}: {:#?}", ran.manifests());
        for name in ["t", "u"] {
            assert!(ran.outcome("TrafficTarget", name).needs_hands(), "{to} {name}");
        }
    }
    for (ran, allows) in both(|| World::of(half.clone() + &pods()).from("spec")) {
        assert!(allows(&ran, 8080, "till POST /") && allows(&ran, 8080, "- GET /"));
    }
}
