//! Cases 44 to 58: route groups and their matches.

use smi2gamma::outcome::Outcome;

use crate::table::case;
use crate::world::{NINE_TO_ONE, Ran, World, group, named_split, services, split, split_by_g, web};

const HEAD: &str = "HTTPRoute shop/web-split-80 on web:80";

/// A split of this version by a group with these matches.
fn by(version: &str, matches: &str) -> String {
    split_by_g(version) + &group("g", version, matches) + &web()
}

/// A split by one pathRegex.
fn by_path(version: &str, path: &str) -> String {
    by(version, &format!("{{name: a, pathRegex: '{path}'}}"))
}

/// The one route splits what these matches take, and the rest goes to the root.
#[track_caller]
fn takes(ran: &Ran, matches: &str) {
    ran.is_routed(&[HEAD, &format!("{matches} -> web-v1:80 9, web-v2:80 1"), "* -> web:80 1"]);
}

/// The one route splits everything.
#[track_caller]
fn takes_everything(ran: &Ran) {
    ran.is_routed(&[HEAD, "* -> web-v1:80 9, web-v2:80 1"]);
}

fn linkerd(input: String, mesh: &str) -> Ran {
    World::of(input).from(mesh).to("linkerd").run()
}

// --- paths ---

#[test]
fn case_44_a_plain_path_is_read_as_its_mesh_read_it_and_never_as_a_prefix_of_elements() {
    let ran = case(44, by_path("v1alpha4", "/api"));
    ran.is_refused();
    let finding = ran.finding("source-mesh-needed");
    assert!(finding.notes.iter().any(|note| note.starts_with("they part at: GET /")), "{finding:#?}");
    takes(&linkerd(by_path("v1alpha4", "/api"), "spec"), "~^(/api).*$");
    takes(&linkerd(by_path("v1alpha3", "/api"), "traefik"), "~^(/api).*$");
    takes(&linkerd(by_path("v1alpha3", "/api"), "nginx"), "~^.*(/api).*$");
    linkerd(by_path("v1alpha4", "/api"), "flomesh").is_routed(&[
        HEAD,
        "~^.*(/api).*$ -> web-v1:80 9, web-v2:80 1",
        "* -> web-v1:80 1, web-v2:80 1",
    ]);
    for exact in ["/api$", "^/api$", "^(/api)$"] {
        takes(&linkerd(by_path("v1alpha4", exact), "spec"), "=/api");
    }
    for prefix in ["/api(/.*)?$", "^/api(/|$)"] {
        takes(&linkerd(by_path("v1alpha4", prefix), "spec"), "/api/*");
    }
}

#[test]
fn case_45_every_path_and_every_method_is_no_condition() {
    takes_everything(&case(45, by("v1alpha4", "{name: a, pathRegex: '.*', methods: ['*']}")));
    for path in ["/.*", "/", ""] {
        takes_everything(&World::of(by_path("v1alpha4", path)).from("spec").run());
    }
    let beside = "{name: a, pathRegex: '/api'}, {name: b, pathRegex: '.*'}";
    takes_everything(&World::of(by("v1alpha4", beside)).from("spec").run());
}

#[test]
fn case_46_a_match_without_conditions_takes_everything_except_where_the_mesh_left_it_out() {
    takes_everything(&case(46, by("v1alpha4", "{name: a}")));
    let two = "{name: a}, {name: b, methods: [GET]}";
    takes_everything(&World::of(by("v1alpha3", two)).from("nginx").run());
    takes(&World::of(by("v1alpha3", two)).from("traefik").run(), "GET");
    takes_everything(&World::of(by("v1alpha3", "{name: a}")).from("traefik").run());
    let groups = "service: web, matches: [{kind: HTTPRouteGroup, name: g}, {kind: HTTPRouteGroup, name: h}], ";
    let both = split("v1alpha3", &format!("{groups}{NINE_TO_ONE}"))
        + &group("g", "v1alpha3", "{name: a}")
        + &group("h", "v1alpha3", "{name: b, methods: [GET]}")
        + &web();
    takes(&World::of(both).from("traefik").run(), "GET");
}

#[test]
fn a_group_without_matches_is_neither_everything_nor_nothing() {
    let empty = |version: &str| split_by_g(version) + &group("g", version, "") + &web();
    let ran = World::of(empty("v1alpha4")).run();
    ran.is_refused();
    assert_eq!(ran.codes("TrafficSplit", "web"), ["group-empty"]);
    takes_everything(&World::of(empty("v1alpha3")).from("traefik").run());
}

#[test]
fn case_47_a_glob_is_no_expression() {
    let ran = case(47, by_path("v1alpha4", "*"));
    ran.is_refused();
    assert_eq!(ran.codes("TrafficSplit", "web"), ["group-unreadable"]);
    assert_eq!(ran.outcome("TrafficSplit", "web"), Outcome::Blocked);
}

#[test]
fn case_48_alternatives_are_wrapped_so_that_every_engine_reads_all_of_them() {
    let input = by_path("v1alpha4", "/api|/health");
    case(48, input.clone()).is_routed(&[HEAD, "~^(/api|/health).*$ -> web-v1:80 9, web-v2:80 1", "~.* -> web:80 1"]);
    for target in ["linkerd", "istio", "cilium", "kuma"] {
        let ran = World::of(input.clone()).from("spec").to(target).run();
        assert!(!ran.has("regex-implementation-specific"), "{target}");
        assert!(ran.routes()[0].contains("~^(/api|/health).*$ -> web-v1:80 9"), "{target}");
    }
    takes(&linkerd(by_path("v1alpha3", "/api|/health"), "traefik"), "~^/(api|/health).*$");
    let start = by_path("v1alpha4", "^/api$|^/health$");
    takes(&linkerd(start, "spec"), "=/api, =/health");
}

#[test]
fn case_49_what_only_a_backtracking_engine_reads_is_refused() {
    for path in ["/(?!admin).*", "/(a)\\1", "/(?<=x)y", "/(?>a)b"] {
        let ran = case(49, by_path("v1alpha4", path));
        ran.is_refused();
        assert_eq!(ran.outcome("HTTPRouteGroup", "g"), Outcome::Blocked);
    }
    World::of(by_path("v1alpha3", "/(?!admin).*")).from("nginx").run().is_refused();
    let header = by("v1alpha4", "{name: a, headers: {x-a: '(?=b).*'}}");
    World::of(header).from("spec").run().is_refused();
}

#[test]
fn case_50_a_path_without_its_slash_takes_nothing_where_it_is_anchored() {
    case(50, by_path("v1alpha4", "api/v1")).is_routed(&[HEAD, "* -> web:80 1"]);
    takes(&linkerd(by_path("v1alpha3", "api/v1"), "traefik"), "~^(/api/v1).*$");
    takes(&linkerd(by_path("v1alpha3", "api/v1"), "nginx"), "~^.*(api/v1).*$");
    World::of(by_path("v1alpha3", "api/v1")).run().is_refused();
    let beside = by("v1alpha4", "{name: a, pathRegex: api/v1}, {name: b, methods: [GET]}");
    takes(&World::of(beside).from("spec").run(), "GET");
}

#[test]
fn case_51_a_query_is_no_part_of_a_path() {
    let ran = case(51, by_path("v1alpha4", "/search?q=x"));
    assert!(ran.routes()[0].contains("~^(/search?q=x).*$ -> web-v1:80 9"), "{:?}", ran.routes());
    assert!(!World::of(by_path("v1alpha4", "/(?:a|b)=c")).from("spec").run().has("regex-query"));
}

// --- methods ---

#[test]
fn case_52_methods_are_compared_with_their_case() {
    let methods = |list: &str| by("v1alpha4", &format!("{{name: a, methods: {list}}}"));
    let ran = case(52, methods("[get]"));
    ran.is_refused();
    assert_eq!(ran.outcome("TrafficSplit", "web"), Outcome::Blocked);
    takes(&World::of(methods("[POST, GET, GET]")).from("spec").run(), "GET, POST");
    let nine = "[GET, HEAD, PUT, POST, DELETE, CONNECT, OPTIONS, TRACE, PATCH]";
    let rest = World::of(methods("[POST, GET]")).run();
    rest.is_refused();
    let readings = &rest.finding("source-mesh-needed").notes;
    assert!(readings[0].contains("the rest to the root"), "{readings:?}");
    assert!(readings[1].contains("the rest in equal shares"), "{readings:?}");
    for all in ["[GET, '*']", "['*']", "[]", nine] {
        takes_everything(&World::of(methods(all)).from("spec").run());
    }
}

// --- headers ---

#[test]
fn case_53_both_forms_of_headers_mean_the_same() {
    let headers = |form: &str| by("v1alpha4", &format!("{{name: a, headers: {form}}}"));
    let expected = "x-a=1 x-b=2";
    takes(&case(53, headers("[{x-a: '1', x-b: '2'}]")), expected);
    for form in ["[{x-a: '1'}, {x-b: '2'}]", "{x-a: '1', x-b: '2'}", "{x-b: 2, x-a: '1'}"] {
        takes(&World::of(headers(form)).from("spec").run(), expected);
    }
    let number = World::of(headers("{x-a: 1}")).from("spec").run();
    takes(&number, "x-a=1");
    assert_eq!(number.codes("HTTPRouteGroup", "g"), ["smi-shape"]);
    let twice = World::of(headers("[{x-a: '1'}, {x-a: '2'}]")).from("spec").run();
    takes(&twice, "x-a=2");
    assert_eq!(twice.codes("HTTPRouteGroup", "g"), ["match-header-twice"]);
}

#[test]
fn case_54_a_host_cannot_be_a_condition_of_a_route_of_a_service() {
    let header = |name: &str| by("v1alpha3", &format!("{{name: a, headers: [{{'{name}': 'shop'}}]}}"));
    for name in ["host", "Host", "HOST"] {
        case(54, header(name)).is_refused();
        World::of(header(name)).from("nginx").run().is_refused();
        let never = World::of(header(name)).from("traefik").run();
        never.is_routed(&[HEAD, "* -> web:80 1"]);
        assert!(never.has("match-never"), "Traefik Mesh never saw the header");
    }
    let pseudo = World::of(header(":authority")).from("spec").run();
    pseudo.is_refused();
    assert_eq!(pseudo.codes("TrafficSplit", "web"), ["header-name-invalid"]);
    let cases = by("v1alpha3", "{name: a, headers: [{x-a: b}, {X-A: c}]}");
    let ran = World::of(cases).from("spec").run();
    ran.is_refused();
    assert_eq!(ran.codes("TrafficSplit", "web"), ["header-repeated"]);
}

#[test]
fn case_55_a_bare_header_value_is_the_whole_value_or_a_part_of_it() {
    let header =
        |version: &str, value: &str| by(version, &format!("{{name: a, headers: [{{user-agent: '{value}'}}]}}"));
    for version in ["v1alpha3", "v1alpha4"] {
        case(55, header(version, "Firefox")).is_refused();
        takes(&linkerd(header(version, "Firefox"), "spec"), "user-agent=Firefox");
    }
    for mesh in ["traefik", "nginx"] {
        takes(&linkerd(header("v1alpha3", "Firefox"), mesh), "user-agent~^.*(Firefox).*$");
    }
    takes(&World::of(header("v1alpha3", ".*Firefox.*")).to("linkerd").run(), "user-agent~^(.*Firefox.*)$");
    takes(&World::of(header("v1alpha3", "^Firefox$")).to("linkerd").run(), "user-agent=Firefox");
    let empty = World::of(header("v1alpha4", "")).from("spec").run();
    empty.is_refused();
    assert_eq!(empty.codes("TrafficSplit", "web"), ["header-empty"]);
}

// --- shapes ---

#[test]
fn case_56_matches_where_their_version_has_none_were_pruned() {
    let top_level = |version: &str| {
        let group = format!(
            "---\napiVersion: specs.smi-spec.io/{version}\nkind: HTTPRouteGroup\nmetadata: {{name: g, namespace: \
             shop}}\nmatches: [{{name: a, methods: [GET]}}]\n"
        );
        split_by_g("v1alpha4") + &group + &web()
    };
    for version in ["v1alpha3", "v1alpha4"] {
        let ran = case(56, top_level(version));
        ran.is_refused();
        assert_eq!(ran.outcome("HTTPRouteGroup", "g"), Outcome::Blocked);
    }
    takes(&World::of(top_level("v1alpha2")).from("spec").run(), "GET");
    let below = split_by_g("v1alpha4") + &group("g", "v1alpha2", "{name: a, methods: [GET]}") + &web();
    case(56, below).is_refused();
}

// --- limits and order ---

#[test]
fn case_57_more_matches_than_a_route_takes_become_several_routes() {
    let methods = "[GET, HEAD, PUT, POST, DELETE, OPTIONS, TRACE, PATCH]";
    let matches: Vec<String> =
        (0..20).map(|n| format!("{{name: m{n}, pathRegex: '/p{n:02}$', methods: {methods}}}")).collect();
    let ran = case(57, by("v1alpha4", &matches.join(", ")));
    let counts: Vec<Vec<usize>> = ran
        .manifests()
        .iter()
        .map(|route| {
            let rules = route["spec"]["rules"].as_array().unwrap();
            rules.iter().map(|rule| rule["matches"].as_array().map_or(0, Vec::len)).collect()
        })
        .collect();
    assert_eq!(counts, [vec![64, 64], vec![32, 0]]);
    let names: Vec<_> = ran.manifests().iter().map(|route| route["metadata"]["name"].clone()).collect();
    assert_eq!(names, ["web-split-80-00", "web-split-80-01"]);
    let last = ran.routes().pop().unwrap();
    assert!(last.ends_with("\n* -> web:80 1"), "{last}");
    let mut seen: Vec<String> = ran
        .routes()
        .iter()
        .flat_map(|route| route.lines().map(str::to_owned).collect::<Vec<_>>())
        .filter(|line| line.ends_with("web-v1:80 9, web-v2:80 1"))
        .flat_map(|line| line.split(" -> ").next().unwrap().split(", ").map(str::to_owned).collect::<Vec<_>>())
        .collect();
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 160, "no match is lost and none is there twice");
}

/// Two splits of `web`, each by the matches of a group of its own.
fn two(one: &str, other: &str, shares: &str) -> String {
    let by = |group: &str, backends: &str| {
        format!("service: web, matches: [{{kind: HTTPRouteGroup, name: {group}}}], backends: {backends}")
    };
    named_split("one", "v1alpha4", &by("g", "[{service: web-v1, weight: 1}]"))
        + &named_split("two", "v1alpha4", &by("h", shares))
        + &group("g", "v1alpha4", one)
        + &group("h", "v1alpha4", other)
        + &services(&["web", "web-v1", "web-v2"])
}

#[test]
fn case_58_two_splits_that_take_one_request_differently_are_a_conflict() {
    let v2 = "[{service: web-v2, weight: 1}]";
    for (one, other) in [
        ("{name: a, pathRegex: /api}", "{name: b, pathRegex: /api/v1}"),
        ("{name: a, pathRegex: /api}", "{name: b, methods: [GET]}"),
        ("{name: a, headers: {x-a: '1'}}", "{name: b, headers: {x-b: '1'}}"),
        ("{name: a, headers: {x-a: 'a.*'}}", "{name: b, headers: {x-a: '.*b'}}"),
    ] {
        let ran = case(58, two(one, other, v2));
        ran.is_refused();
        assert_eq!(ran.outcome("TrafficSplit", "two"), Outcome::Blocked);
        let same = World::of(two(one, other, "[{service: web-v1, weight: 7}]")).from("spec").run();
        assert_eq!(same.outcome("TrafficSplit", "two"), Outcome::Migrated, "{one} {other}");
        assert_eq!(same.manifests().len(), 1);
    }
    let disjoint = two("{name: a, methods: [GET]}", "{name: b, methods: [POST]}", v2);
    World::of(disjoint).from("spec").run().is_routed(&[
        HEAD,
        "GET -> web-v1:80 1",
        "POST -> web-v2:80 1",
        "* -> web:80 1",
    ]);
    let by_value = two("{name: a, headers: {x-a: '1'}}", "{name: b, headers: {X-A: '2'}}", v2);
    World::of(by_value).from("spec").run().is_routed(&[
        HEAD,
        "x-a=1 -> web-v1:80 1",
        "X-A=2 -> web-v2:80 1",
        "* -> web:80 1",
    ]);
    let by_path = two("{name: a, pathRegex: /a/.*}", "{name: b, pathRegex: /b/.*}", v2);
    let ran = World::of(by_path).from("spec").to("istio").run();
    ran.is_routed(&[HEAD, "~^(/a/.*)$ -> web-v1:80 1", "~^(/b/.*)$ -> web-v2:80 1", "~.* -> web:80 1"]);
}
