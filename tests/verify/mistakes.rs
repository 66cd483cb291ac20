//! Migrations as people write them by hand, each with one mistake, and the verdict and the request that show it.

use smi2gamma::verify::{Absent, Relation};

use crate::world::{NINE_TO_ONE, REST, compare, named_route, request, route, service, services, split};

/// One mistake: what came out, and at which request.
#[track_caller]
fn shows(before: &str, after: &str, from: &str, to: &str, relation: Relation, at: &str, sides: [&str; 2]) {
    let compared = compare(before, after, from, to);
    let judged = compared.at("shop/web:80");
    assert_eq!(judged.verdict.relation, relation, "{judged:#?}");
    let witness = judged.verdict.witness.as_ref().unwrap_or_else(|| panic!("no witness: {judged:#?}"));
    assert_eq!(witness.request.line(), at);
    assert_eq!([witness.before.to_string(), witness.after.to_string()], sides);
    compared.witnesses_hold();
    let placed = |answer: &smi2gamma::verify::Answer| {
        answer.decisions().iter().any(|one| one.causes().iter().any(|cause| cause.place.is_some()))
    };
    assert!(placed(&witness.before) || placed(&witness.after), "{witness:#?}");
}

const NINE: &str = "9/10 to web-v1:80, 1/10 to web-v2:80";
const API: &str = "{name: a, pathRegex: '/api.*'}";

#[test]
fn a_right_migration_is_equal() {
    for (from, to) in [("spec", "istio"), ("nginx", "linkerd"), ("traefik", "cilium"), ("spec", "gateway-api")] {
        let compared = compare(&split(""), &route(&format!("{{{NINE_TO_ONE}}}")), from, to);
        let relation = compared.relation("shop/web:80");
        let served = from == "spec";
        assert_eq!(relation == Relation::Equal, served, "{from} {to}: v1alpha4 is served by {from}: {served}");
    }
    let conditional = route(&format!(
        "{{matches: [{{path: {{type: RegularExpression, value: '/api.*'}}}}], {NINE_TO_ONE}}}, {{matches: [{{path: {{type: RegularExpression, value: '.*'}}}}], backendRefs: [{{name: web, port: 80}}]}}"
    ));
    for to in ["istio", "linkerd", "cilium"] {
        assert_eq!(compare(&split(API), &conditional, "spec", to).relation("shop/web:80"), Relation::Equal, "{to}");
    }
}

#[test]
fn the_rest_is_forgotten() {
    let after = route(&format!("{{matches: [{{path: {{type: RegularExpression, value: '/api.*'}}}}], {NINE_TO_ONE}}}"));
    shows(&split(API), &after, "spec", "istio", Relation::Narrower, "GET /", ["all to web:80", "all fails"]);
}

#[test]
fn a_prefix_stands_for_an_expression() {
    let after = route(&format!("{{matches: [{{path: {{type: PathPrefix, value: /api}}}}], {NINE_TO_ONE}}}, {REST}"));
    shows(&split(API), &after, "spec", "istio", Relation::Different, "GET /api!", [NINE, "all to web:80"]);
}

#[test]
fn two_routes_on_one_port_tie() {
    let one = route(&format!("{{{NINE_TO_ONE}}}"));
    let other = named_route("other", "shop", "{group: \"\", kind: Service, name: web, port: 80}", REST);
    let both = "one of: 9/10 to web-v1:80, 1/10 to web-v2:80; or all to web:80 (several routes rank alike, and the oldest of them goes first)";
    shows(&split(""), &(one + &other), "spec", "istio", Relation::OrderDependent, "GET /", [NINE, both]);
}

#[test]
fn the_older_of_two_routes_is_known_from_a_cluster() {
    let stamped = |name: &str, stamp: &str, rules: &str| {
        named_route(name, "shop", "{group: \"\", kind: Service, name: web, port: 80}", rules)
            .replace("namespace: shop}", &format!("namespace: shop, creationTimestamp: \"{stamp}\"}}"))
    };
    let right = stamped("z", "2024-01-01T00:00:00Z", &format!("{{{NINE_TO_ONE}}}"));
    let younger = stamped("a", "2024-02-01T00:00:00Z", REST);
    let compared = compare(&split(""), &(right + &younger), "spec", "istio");
    assert_eq!(compared.relation("shop/web:80"), Relation::Equal);
}

#[test]
fn a_backend_has_no_port() {
    let after = route("{backendRefs: [{name: web-v1, weight: 9}, {name: web-v2, weight: 1}]}");
    shows(&split(""), &after, "spec", "linkerd", Relation::Different, "GET /", [NINE, "all to web:80"]);
}

#[test]
fn a_backend_is_asked_for_a_port_that_it_lacks() {
    let after = route("{backendRefs: [{name: web-v1, port: 80, weight: 9}, {name: web-v2, port: 8080, weight: 1}]}");
    shows(&split(""), &after, "spec", "istio", Relation::Narrower, "GET /", [NINE, "9/10 to web-v1:80, 1/10 fails"]);
}

#[test]
fn two_parent_refs_are_one() {
    let twice = "{group: \"\", kind: Service, name: web, port: 80}, {group: \"\", kind: Service, name: web, port: 80}";
    let after = named_route("web", "shop", twice, &format!("{{{NINE_TO_ONE}}}"));
    shows(&split(""), &after, "spec", "istio", Relation::Different, "GET /", [NINE, "all to web:80"]);
}

#[test]
fn a_parent_ref_is_not_of_the_core_group() {
    let after =
        named_route("web", "shop", "{group: core, kind: Service, name: web, port: 80}", &format!("{{{NINE_TO_ONE}}}"));
    shows(&split(""), &after, "spec", "istio", Relation::Different, "GET /", [NINE, "all to web:80"]);
    assert_eq!(compare(&split(""), &after, "spec", "linkerd").relation("shop/web:80"), Relation::Equal);
    let defaulted = named_route("web", "shop", "{kind: Service, name: web, port: 80}", &format!("{{{NINE_TO_ONE}}}"));
    shows(&split(""), &defaulted, "spec", "cilium", Relation::Different, "GET /", [NINE, "all to web:80"]);
}

#[test]
fn a_service_profile_shadows_the_route() {
    let profile = "---\napiVersion: linkerd.io/v1alpha2\nkind: ServiceProfile\nmetadata: {name: web.shop.svc.cluster.local, namespace: shop}\nspec: {dstOverrides: [{authority: web-v1.shop.svc.cluster.local, weight: 500m}, {authority: web-v2.shop.svc.cluster.local, weight: 500m}]}\n";
    let after = route(&format!("{{{NINE_TO_ONE}}}")) + profile;
    shows(
        &split(""),
        &after,
        "spec",
        "linkerd",
        Relation::Different,
        "GET /",
        [NINE, "1/2 to web-v1:80, 1/2 to web-v2:80"],
    );
    assert_eq!(compare(&split(""), &after, "spec", "istio").relation("shop/web:80"), Relation::Equal);
}

#[test]
fn an_expression_stands_under_a_prefix_on_istio() {
    let after =
        route(&format!("{{matches: [{{path: {{type: RegularExpression, value: '/api.*'}}}}], {NINE_TO_ONE}}}, {REST}"));
    shows(&split(API), &after, "spec", "istio", Relation::Different, "GET /api", [NINE, "all to web:80"]);
    assert_eq!(compare(&split(API), &after, "spec", "linkerd").relation("shop/web:80"), Relation::Equal);
    let open = compare(&split(API), &after, "spec", "gateway-api");
    assert_eq!(open.relation("shop/web:80"), Relation::Undecided);
}

#[test]
fn weights_are_of_another_scale() {
    let after = route("{backendRefs: [{name: web-v1, port: 80, weight: 90}, {name: web-v2, port: 80, weight: 1}]}");
    shows(
        &split(""),
        &after,
        "spec",
        "istio",
        Relation::Different,
        "GET /",
        [NINE, "90/91 to web-v1:80, 1/91 to web-v2:80"],
    );
}

#[test]
fn a_weight_is_left_to_its_default() {
    let after = route("{backendRefs: [{name: web-v1, port: 80}, {name: web-v2, port: 80}]}");
    shows(
        &split(""),
        &after,
        "spec",
        "istio",
        Relation::Different,
        "GET /",
        [NINE, "1/2 to web-v1:80, 1/2 to web-v2:80"],
    );
}

#[test]
fn the_route_stands_in_another_namespace() {
    let refs = "backendRefs: [{name: web-v1, namespace: shop, port: 80, weight: 9}, {name: web-v2, namespace: shop, port: 80, weight: 1}]";
    let after = named_route(
        "web",
        "ops",
        "{group: \"\", kind: Service, name: web, namespace: shop, port: 80}",
        &format!("{{{refs}}}"),
    );
    shows(&split(""), &after, "spec", "istio", Relation::Different, "GET /", [NINE, "all to web:80"]);
    shows(&split(""), &after, "spec", "cilium", Relation::Different, "GET /", [NINE, "all to web:80"]);
}

#[test]
fn the_route_is_on_another_port() {
    let before = split("").replace(
        "name: web, namespace: shop}\nspec: {ports: [{name: http, port: 80}]}",
        "name: web, namespace: shop}\nspec: {ports: [{name: http, port: 80}, {name: http-2, port: 8080}]}",
    );
    let after = named_route(
        "web",
        "shop",
        "{group: \"\", kind: Service, name: web, port: 8080}",
        &format!("{{{NINE_TO_ONE}}}"),
    );
    shows(&before, &after, "spec", "istio", Relation::Different, "GET /", [NINE, "all to web:80"]);
}

#[test]
fn the_end_of_an_expression_is_not_open() {
    let after = route(&format!(
        "{{matches: [{{path: {{type: RegularExpression, value: '/api'}}}}], {NINE_TO_ONE}}}, {{matches: [{{path: {{type: RegularExpression, value: '.*'}}}}], backendRefs: [{{name: web, port: 80}}]}}"
    ));
    shows(
        &split("{name: a, pathRegex: /api}"),
        &after,
        "spec",
        "istio",
        Relation::Different,
        "GET /api!",
        [NINE, "all to web:80"],
    );
}

#[test]
fn an_alternation_is_not_wrapped_for_linkerd() {
    let group = "{name: a, pathRegex: '^(/a|/ab)$'}";
    let after = |value: &str| {
        route(&format!(
            "{{matches: [{{path: {{type: RegularExpression, value: '{value}'}}}}], {NINE_TO_ONE}}}, {{matches: [{{path: {{type: RegularExpression, value: '.*'}}}}], backendRefs: [{{name: web, port: 80}}]}}"
        ))
    };
    shows(&split(group), &after("/a|/ab"), "spec", "linkerd", Relation::Different, "GET /ab", [NINE, "all to web:80"]);
    assert_eq!(
        compare(&split(group), &after("^(/a|/ab)$"), "spec", "linkerd").relation("shop/web:80"),
        Relation::Equal
    );
    assert_eq!(compare(&split(group), &after("/a|/ab"), "spec", "istio").relation("shop/web:80"), Relation::Equal);
}

#[test]
fn a_method_is_lost() {
    let group = "{name: a, methods: [GET], pathRegex: '/'}";
    let after = route(&format!("{{{NINE_TO_ONE}}}"));
    shows(&split(group), &after, "spec", "istio", Relation::Different, "POST /", ["all to web:80", NINE]);
}

#[test]
fn a_header_must_be_exact_that_was_an_expression() {
    let group = "{name: a, headers: {x-team: '^b.*$'}}";
    let rules = format!("{{matches: [{{headers: [{{name: x-team, value: b}}]}}], {NINE_TO_ONE}}}, {REST}");
    shows(
        &split(group),
        &route(&rules),
        "spec",
        "istio",
        Relation::Different,
        "GET / with x-team: b!",
        [NINE, "all to web:80"],
    );
}

#[test]
fn the_port_is_bytes_to_the_mesh() {
    let bytes = service("web", "{name: mysql, port: 3306}")
        + &service("web-v1", "{name: mysql, port: 3306}")
        + &service("web-v2", "{name: mysql, port: 3306}");
    let before = split("").replace(&services(), &bytes);
    let refs = NINE_TO_ONE.replace("80", "3306");
    let after =
        named_route("web", "shop", "{group: \"\", kind: Service, name: web, port: 3306}", &format!("{{{refs}}}"));
    for to in ["linkerd", "istio"] {
        let compared = compare(&before, &after, "spec", to);
        assert_eq!(compared.relation("shop/web:3306"), Relation::Different, "{to}");
        compared.witnesses_hold();
    }
}

#[test]
fn a_target_without_routes_does_nothing_with_them() {
    let after = route(&format!("{{{NINE_TO_ONE}}}"));
    shows(&split(""), &after, "spec", "consul", Relation::Different, "GET /", [NINE, "all to web:80"]);
}

#[test]
fn what_is_not_modelled_is_undecided_and_not_equal() {
    let filters = format!(
        "{{filters: [{{type: URLRewrite, urlRewrite: {{path: {{type: ReplaceFullPath, replaceFullPath: /x}}}}}}], {NINE_TO_ONE}}}"
    );
    assert_eq!(compare(&split(""), &route(&filters), "spec", "istio").relation("shop/web:80"), Relation::Undecided);
    let headers = format!(
        "{{filters: [{{type: RequestHeaderModifier, requestHeaderModifier: {{set: [{{name: a, value: b}}]}}}}], {NINE_TO_ONE}}}"
    );
    let noted = compare(&split(""), &route(&headers), "spec", "istio");
    assert_eq!(noted.relation("shop/web:80"), Relation::Equal);
    assert!(noted.at("shop/web:80").verdict.domain.iter().any(|one| one.to_string().contains("RequestHeaderModifier")));
}

#[test]
fn without_a_waypoint_nothing_is_known_in_ambient_mode() {
    let after = route(&format!("{{{NINE_TO_ONE}}}"));
    assert_eq!(compare(&split(""), &after, "spec", "istio-ambient").relation("shop/web:80"), Relation::Undecided);
}

#[test]
fn kuma_needs_the_protocol_of_the_port() {
    let after = route(&format!("{{{NINE_TO_ONE}}}"));
    shows(&split(""), &after, "spec", "kuma", Relation::Different, "GET /", [NINE, "all to web:80"]);
    let said = split("").replace("{name: http, port: 80}", "{name: http, port: 80, appProtocol: http}");
    assert_eq!(compare(&said, &after, "spec", "kuma").relation("shop/web:80"), Relation::Equal);
}

#[test]
fn a_request_is_simulated_on_both_sides() {
    let after = route(&format!("{{matches: [{{path: {{type: PathPrefix, value: /api}}}}], {NINE_TO_ONE}}}, {REST}"));
    let compared = compare(&split(API), &after, "spec", "istio");
    let ask = |line: &str| {
        let (one, other) = compared.ask(&request(line), Absent::Exists);
        [one.to_string(), other.to_string()]
    };
    assert_eq!(ask("GET /api/v1"), [NINE, NINE]);
    assert_eq!(ask("GET /apiary"), [NINE, "all to web:80"]);
    assert_eq!(ask("GET /v1"), ["all to web:80", "all to web:80"]);
}
