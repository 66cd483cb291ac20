//! Limits of the API: every route keeps them, in whatever order and number the matches come.

use serde_json::Value;
use smi2gamma::mappings::RouteKind;
use smi2gamma::outcome::Outcome;
use smi2gamma::target::Profile;

use crate::world::{Ran, World, group, named_split, services, split, split_by_g, web};

const METHODS: [&str; 8] = ["GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS", "TRACE", "PATCH"];

/// A split of `web` by this many matches of a route: eight methods for a path, and what is left for the last.
fn by_matches(count: usize) -> String {
    let of_path = |n: usize| METHODS[..METHODS.len().min(count - n * METHODS.len())].join(", ");
    let matches: Vec<String> = (0..count.div_ceil(METHODS.len()))
        .map(|n| format!("{{name: m{n}, pathRegex: '/p{n:03}$', methods: [{}]}}", of_path(n)))
        .collect();
    split_by_g("v1alpha4") + &group("g", "v1alpha4", &matches.join(", ")) + &web()
}

fn to(input: &str, target: &str) -> Ran {
    World::of(input).from("spec").to(target).run()
}

/// The matches of each rule of each route; a rule without any counts as one, as the API server fills it in.
fn counts(ran: &Ran) -> Vec<Vec<usize>> {
    let count = |rule: &Value| rule["matches"].as_array().map_or(1, Vec::len);
    let rules = |route: &&Value| route["spec"]["rules"].as_array().unwrap().iter().map(count).collect();
    ran.of_kind("HTTPRoute").iter().map(rules).collect()
}

#[test]
fn a_route_is_filled_before_another_one_is_begun() {
    assert_eq!(counts(&to(&by_matches(64), "linkerd@2.20")), [vec![64, 1]]);
    assert_eq!(counts(&to(&by_matches(65), "linkerd@2.20")), [vec![64, 1, 1]]);
    assert_eq!(counts(&to(&by_matches(127), "linkerd@2.20")), [vec![64, 63, 1]]);
    assert_eq!(counts(&to(&by_matches(128), "linkerd@2.20")), [vec![64, 64], vec![1]]);
}

#[test]
fn older_releases_take_eight_matches_in_a_rule_and_sixteen_rules() {
    assert_eq!(counts(&to(&by_matches(9), "linkerd@2.14")), [vec![8, 1, 1]]);
    assert_eq!(counts(&to(&by_matches(120), "linkerd@2.14")), [vec![8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 1]]);
    let two = counts(&to(&by_matches(121), "linkerd@2.14"));
    assert_eq!(two.iter().map(Vec::len).collect::<Vec<_>>(), [16, 1]);
}

#[test]
fn every_number_of_matches_keeps_the_limits_and_loses_nothing() {
    for target in ["gateway-api@1.1", "gateway-api@1.6", "istio@1.22", "kuma"] {
        let profile = Profile::parse(target).unwrap();
        let limits = profile.limits(RouteKind::HTTPRoute).unwrap();
        for matches in [1, 7, 8, 63, 64, 65, 127, 128, 129, 200, 300] {
            let ran = to(&by_matches(matches), target);
            let routes = counts(&ran);
            for route in &routes {
                assert!(route.len() <= limits.rules, "{target} {matches}");
                assert!(route.iter().all(|&rule| rule <= limits.matches_per_rule.unwrap()), "{target} {matches}");
                let whole: usize = route.iter().sum();
                assert!(limits.matches_per_route.is_none_or(|most| whole <= most), "{target} {matches}");
            }
            assert_eq!(routes.iter().flatten().sum::<usize>(), matches + 1, "{target} {matches}");
            assert_eq!(ran.has("route-split-by-limits"), routes.len() > 1, "{target} {matches}");
        }
    }
}

#[test]
fn the_rule_for_the_rest_stands_last_and_once() {
    let ran = to(&by_matches(300), "linkerd");
    let rules: Vec<String> =
        ran.routes().iter().flat_map(|route| route.lines().skip(1).map(str::to_owned).collect::<Vec<_>>()).collect();
    let rest = rules.iter().filter(|rule| rule.ends_with("-> web:80 1")).count();
    assert_eq!((rest, rules.last().map(String::as_str)), (1, Some("* -> web:80 1")));
}

#[test]
fn parts_of_a_route_are_named_in_order_and_alike_each_time() {
    let names = |ran: &Ran| -> Vec<String> {
        ran.manifests().iter().map(|route| route["metadata"]["name"].as_str().unwrap().to_owned()).collect()
    };
    let first = to(&by_matches(300), "linkerd");
    assert_eq!(names(&first), ["web-split-80-00", "web-split-80-01", "web-split-80-02"]);
    assert_eq!(first.routes(), to(&by_matches(300), "linkerd").routes());
}

#[test]
fn a_target_that_takes_one_route_of_a_service_gets_no_second_part() {
    assert_eq!(to(&by_matches(120), "cilium@1.16").manifests().len(), 1);
    let ran = to(&by_matches(121), "cilium@1.16");
    ran.is_refused();
    assert_eq!(ran.outcome("TrafficSplit", "web"), Outcome::Unsupported);
    assert!(ran.codes("TrafficSplit", "web").contains(&"route-per-service"));
}

#[test]
fn many_splits_of_one_root_become_rules_of_at_most_sixteen_to_a_route() {
    let mut input = web();
    for n in 0..20 {
        let spec = format!(
            "service: web, matches: [{{kind: HTTPRouteGroup, name: g{n}}}], backends: [{{service: web-v1, weight: {}}}, \
             {{service: web-v2, weight: 100}}]",
            n + 1
        );
        input += &named_split(&format!("s{n:02}"), "v1alpha4", &spec);
        input += &group(&format!("g{n}"), "v1alpha4", &format!("{{name: a, headers: {{x-n: '{n}'}}}}"));
    }
    let ran = to(&input, "linkerd");
    assert_eq!(counts(&ran).iter().map(Vec::len).collect::<Vec<_>>(), [16, 5]);
    let from = ran.manifests()[0]["metadata"]["annotations"]["smi2gamma/migrated-from"].as_str().unwrap().to_owned();
    assert_eq!(from.split(',').count(), 20, "{from}");
}

#[test]
fn more_backends_than_a_rule_takes_are_unsupported() {
    let among = |count: usize| {
        let names: Vec<String> = (0..count).map(|n| format!("web-{n:02}")).collect();
        let backends: Vec<String> = names.iter().map(|name| format!("{{service: {name}, weight: 1}}")).collect();
        let mut all: Vec<&str> = names.iter().map(String::as_str).collect();
        all.push("web");
        split("v1alpha2", &format!("service: web, backends: [{}]", backends.join(", "))) + &services(&all)
    };
    let sixteen = to(&among(16), "linkerd");
    assert_eq!(sixteen.only()["spec"]["rules"][0]["backendRefs"].as_array().unwrap().len(), 16);
    for input in [among(17), among(17).replace("{name: http, port: 80}", "{name: tcp-db, port: 80}")] {
        let ran = to(&input, "linkerd");
        ran.is_refused();
        assert_eq!(ran.outcome("TrafficSplit", "web"), Outcome::Unsupported);
        assert_eq!(ran.codes("TrafficSplit", "web").iter().filter(|code| **code == "too-many-backends").count(), 1);
    }
}

#[test]
fn more_headers_than_a_match_takes_are_unsupported() {
    let headers = |count: usize| {
        let headers: Vec<String> = (0..count).map(|n| format!("x-{n:02}: '1'")).collect();
        split_by_g("v1alpha4")
            + &group("g", "v1alpha4", &format!("{{name: a, headers: {{{}}}}}", headers.join(", ")))
            + &web()
    };
    assert_eq!(to(&headers(16), "linkerd").manifests().len(), 1);
    let ran = to(&headers(17), "linkerd");
    ran.is_refused();
    assert_eq!(ran.outcome("TrafficSplit", "web"), Outcome::Unsupported);
    assert!(ran.codes("TrafficSplit", "web").contains(&"too-many-headers"));
}

#[test]
fn an_expression_that_is_too_long_for_the_api_is_unsupported() {
    let long = |length: usize| {
        let path = format!("/{}[12]", "a".repeat(length));
        split_by_g("v1alpha4") + &group("g", "v1alpha4", &format!("{{name: a, pathRegex: '{path}'}}")) + &web()
    };
    assert_eq!(to(&long(1000), "linkerd").manifests().len(), 1);
    let ran = to(&long(1020), "linkerd");
    ran.is_refused();
    assert_eq!(ran.outcome("TrafficSplit", "web"), Outcome::Unsupported);
    assert!(ran.codes("TrafficSplit", "web").contains(&"regex-too-long"));
}
