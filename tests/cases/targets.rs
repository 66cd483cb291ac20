//! What the output is for: each target's kinds, versions, expressions and needs.

use smi2gamma::mappings::{RegexRank, targets};
use smi2gamma::outcome::Outcome;
use smi2gamma::target::Profile;

use crate::engine::{self, Order, Request};
use crate::world::{NINE_TO_ONE, Ran, World, group, service, split, split_by_g, web};

const HEAD: &str = "HTTPRoute shop/web-split-80 on web:80";
const SPLIT: &str = "web-v1:80 9, web-v2:80 1";

fn plain() -> String {
    split("v1alpha2", &format!("service: web, {NINE_TO_ONE}"))
}

fn to(input: &str, target: &str) -> Ran {
    World::of(input).from("spec").to(target).run()
}

fn by(matches: &str) -> String {
    split_by_g("v1alpha4") + &group("g", "v1alpha4", matches) + &web()
}

fn tcp() -> String {
    plain() + &["web", "web-v1", "web-v2"].map(|name| service(name, "{name: tcp-db, port: 5432}")).concat()
}

/// The targets that have routes for Services.
const ROUTING: [&str; 6] = ["gateway-api", "linkerd", "istio", "istio-ambient", "cilium", "kuma"];
/// Those that have none.
const NO_ROUTES: [&str; 2] = ["consul", "network-policy"];

#[test]
fn every_target_is_tested_here() {
    let mut named: Vec<&str> = ROUTING.iter().chain(&NO_ROUTES).copied().collect();
    let mut all: Vec<&str> = targets().iter().map(|target| target.name.as_str()).collect();
    named.sort_unstable();
    all.sort_unstable();
    assert_eq!(named, all);
}

#[test]
fn a_split_is_one_http_route_on_every_target_that_has_routes() {
    for target in ROUTING {
        to(&(plain() + &web()), target).is_routed(&[HEAD, &format!("* -> {SPLIT}")]);
    }
}

#[test]
fn a_target_without_routes_gets_no_inert_output() {
    for target in NO_ROUTES {
        for input in [plain() + &web(), tcp(), by("{name: a, methods: [GET]}")] {
            let ran = to(&input, target);
            ran.is_refused();
            assert_eq!(ran.outcome("TrafficSplit", "web"), Outcome::Unsupported, "{target}");
            assert!(ran.codes("TrafficSplit", "web").contains(&"route-kind-unserved"), "{target}");
        }
    }
}

// --- kinds and versions ---

#[test]
fn a_route_has_the_api_version_that_the_target_serves() {
    let http = plain() + &web();
    for (target, version) in [
        ("gateway-api", "v1"),
        ("gateway-api@1.0", "v1"),
        ("linkerd@2.14", "v1beta1"),
        ("linkerd@2.17", "v1beta1"),
        ("linkerd@2.18", "v1"),
        ("istio@1.22", "v1"),
        ("istio@1.30", "v1"),
        ("istio-ambient", "v1"),
        ("cilium@1.16", "v1"),
        ("kuma@2.9", "v1"),
    ] {
        let ran = to(&http, target);
        let routes = ran.of_kind("HTTPRoute");
        assert_eq!(routes.len(), 1, "{target}");
        assert_eq!(routes[0]["apiVersion"], format!("gateway.networking.k8s.io/{version}"), "{target}");
    }
}

#[test]
fn a_port_of_tcp_is_a_tcp_route_where_the_target_serves_it_and_nothing_elsewhere() {
    for (target, version) in [
        ("gateway-api", "v1alpha2"),
        ("gateway-api@1.5", "v1alpha2"),
        ("gateway-api@1.6", "v1"),
        ("linkerd", "v1alpha2"),
        ("linkerd@2.17", "v1alpha2"),
        ("istio@1.30", "v1alpha2"),
        ("istio@1.31", "v1"),
        ("istio-ambient@1.26", "v1alpha2"),
    ] {
        let ran = to(&tcp(), target);
        ran.is_routed(&["TCPRoute shop/web-split-5432 on web:5432", "* -> web-v1:5432 9, web-v2:5432 1"]);
        assert_eq!(ran.only()["apiVersion"], format!("gateway.networking.k8s.io/{version}"), "{target}");
        assert_eq!(ran.has("route-experimental-channel"), version == "v1alpha2", "{target}");
    }
    for target in ["linkerd@2.16", "istio-ambient@1.25", "cilium", "kuma"] {
        let ran = to(&tcp(), target);
        ran.is_refused();
        assert_eq!(ran.outcome("TrafficSplit", "web"), Outcome::Unsupported, "{target}");
        assert!(ran.codes("TrafficSplit", "web").contains(&"route-kind-unserved"), "{target}");
    }
}

#[test]
fn a_grpc_route_comes_only_on_request_and_where_it_is_served() {
    let grpc = plain() + &["web", "web-v1", "web-v2"].map(|name| service(name, "{name: grpc, port: 80}")).concat();
    to(&grpc, "linkerd").is_routed(&[HEAD, &format!("* -> {SPLIT}")]);
    for (target, version) in [
        ("gateway-api", "v1"),
        ("gateway-api@1.0", "v1alpha2"),
        ("linkerd@2.16", "v1alpha2"),
        ("linkerd", "v1"),
        ("cilium@1.19", "v1"),
    ] {
        let ran = World::of(grpc.clone()).from("spec").to(target).grpc_routes().run();
        ran.is_routed(&["GRPCRoute shop/web-split-80 on web:80", &format!("* -> {SPLIT}")]);
        assert_eq!(ran.only()["apiVersion"], format!("gateway.networking.k8s.io/{version}"), "{target}");
    }
    for target in ["linkerd@2.15", "cilium@1.18", "kuma"] {
        let ran = World::of(grpc.clone()).from("spec").to(target).grpc_routes().run();
        ran.is_refused();
        assert_eq!(ran.outcome("TrafficSplit", "web"), Outcome::Unsupported, "{target}");
    }
    let http = World::of(plain() + &web()).from("spec").grpc_routes().run();
    http.is_routed(&[HEAD, &format!("* -> {SPLIT}")]);
}

#[test]
fn a_grpc_route_takes_conditions_on_headers_and_no_others() {
    let grpc = |matches: &str| {
        split_by_g("v1alpha4")
            + &group("g", "v1alpha4", matches)
            + &["web", "web-v1", "web-v2"].map(|name| service(name, "{name: grpc, port: 80}")).concat()
    };
    let run = |matches: &str| World::of(grpc(matches)).from("spec").to("linkerd").grpc_routes().run();
    run("{name: a, headers: {x-a: '1', x-b: 'b.*'}}").is_routed(&[
        "GRPCRoute shop/web-split-80 on web:80",
        &format!("x-a=1 x-b~^(b.*)$ -> {SPLIT}"),
        "* -> web:80 1",
    ]);
    for matches in ["{name: a, pathRegex: /pkg.Service/.*}", "{name: a, methods: [GET]}"] {
        let ran = run(matches);
        ran.is_refused();
        assert_eq!(ran.codes("TrafficSplit", "web"), ["fallback-added", "grpc-condition"]);
    }
}

// --- expressions ---

const REGEX: &str = "{name: a, pathRegex: '/v[12]/.*', methods: [GET]}, {name: b, pathRegex: '/exact$'}, {name: c, headers: \
                     {x-beta: '1'}}";

#[test]
fn where_a_prefix_is_tried_before_an_expression_every_path_is_an_expression_and_the_rest_is_last() {
    for target in ["gateway-api", "istio", "istio-ambient", "kuma"] {
        to(&by(REGEX), target).is_routed(&[
            HEAD,
            &format!("GET ~^(/v[12]/.*)$, ~^(/exact)$, ~.* x-beta=1 -> {SPLIT}"),
            "~.* -> web:80 1",
        ]);
    }
}

#[test]
fn elsewhere_each_path_is_said_as_simply_as_was_proved() {
    for target in ["linkerd", "cilium"] {
        to(&by(REGEX), target).is_routed(&[
            HEAD,
            &format!("GET ~^(/v[12]/.*)$, =/exact, x-beta=1 -> {SPLIT}"),
            "* -> web:80 1",
        ]);
    }
}

#[test]
fn without_an_expression_no_path_becomes_one() {
    let simple = "{name: a, pathRegex: '/exact$'}, {name: b, pathRegex: '/below(/.*)?$'}, {name: c, methods: [PUT]}";
    for target in ROUTING {
        to(&by(simple), target).is_routed(&[HEAD, &format!("=/exact, /below/*, PUT -> {SPLIT}"), "* -> web:80 1"]);
    }
}

#[test]
fn the_characters_of_a_path_are_escaped_where_it_becomes_an_expression() {
    let paths =
        "{name: a, pathRegex: '/v[12]'}, {name: b, pathRegex: '/a\\.b\\+c$'}, {name: c, pathRegex: '/d\\.e(/.*)?$'}";
    to(&by(paths), "istio").is_routed(&[
        HEAD,
        &format!("~^(/v[12]).*$, ~^(/a\\.b\\+c)$, ~^(/d\\.e(/.*)?)$ -> {SPLIT}"),
        "~.* -> web:80 1",
    ]);
}

#[test]
fn an_expression_for_no_mesh_in_particular_comes_with_a_warning() {
    for (target, warned) in
        [("gateway-api", true), ("linkerd", false), ("istio", false), ("cilium", false), ("kuma", false)]
    {
        assert_eq!(to(&by(REGEX), target).has("regex-implementation-specific"), warned, "{target}");
    }
    let exact = by("{name: a, pathRegex: '/exact$', headers: {x-a: '1'}}");
    assert!(!to(&exact, "gateway-api").has("regex-implementation-specific"));
}

// --- order ---

/// Every request that the matches below tell apart, and some more.
fn requests() -> Vec<Request> {
    let paths =
        ["/", "/exact", "/exact/", "/below", "/below/x", "/belowx", "/v1", "/v1/x", "/v1/exact", "/v3", "/v2/below"];
    let headers = [vec![], vec![("x-beta", "1")], vec![("x-beta", "2")], vec![("X-Beta", "1"), ("x-user", "ann")]];
    let mut requests = Vec::new();
    for path in paths {
        for method in ["GET", "PUT"] {
            for headers in &headers {
                let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
                requests.push(Request { method: method.into(), path: path.into(), headers });
            }
        }
    }
    requests
}

#[test]
fn a_request_goes_to_the_same_rule_by_the_order_of_writing_and_by_the_rank_of_the_target() {
    let paths = ["'.*'", "'/exact$'", "'/below(/.*)?$'", "'/v[12]'", "'/.*exact.*'", "'/$'", "'/(v1|below)/.*'"];
    let others = ["", ", methods: [GET]", ", headers: {x-beta: '1'}", ", headers: {x-beta: '[12]', x-user: 'a.*'}"];
    let one: Vec<String> = paths
        .iter()
        .flat_map(|path| others.iter().map(move |other| format!("{{name: a, pathRegex: {path}{other}}}")))
        .collect();
    for (number, first) in one.iter().enumerate() {
        let second = &one[(number * 5 + 3) % one.len()];
        let input = by(&format!("{first}, {second}"));
        for target in ROUTING {
            let profile = Profile::parse(target).unwrap();
            let ran = to(&input, target);
            let routes = ran.of_kind("HTTPRoute");
            let ranks = match profile.reading().unwrap().rank.is {
                RegexRank::Unspecified => vec![RegexRank::PrefixFirst, RegexRank::RegexFirst, RegexRank::MatchedLength],
                rank => vec![rank],
            };
            for request in requests() {
                let written = engine::answer(&routes, &request, Order::Written);
                assert!(!written.is_empty(), "{target}: {request:?} is not answered: {:?}", ran.routes());
                for rank in &ranks {
                    let ranked = engine::answer(&routes, &request, Order::Ranked(*rank));
                    assert_eq!(ranked, written, "{target} {rank:?}: {request:?}\n{:?}", ran.routes());
                }
            }
        }
    }
}

// --- what a target needs besides the route ---

#[test]
fn kuma_needs_an_app_protocol_and_gets_no_reduced_service() {
    let ran = to(&(plain() + &web()), "kuma");
    assert!(ran.of_kind("Service").is_empty(), "applied, it would take the selector away");
    let finding = ran.finding("app-protocol-needed");
    let help = finding.help.as_deref().unwrap_or_default();
    assert!(
        help.contains(
            r#"kubectl patch service web -n shop -p '{"spec":{"ports":[{"port":80,"appProtocol":"http"}]}}'"#
        ),
        "{help}"
    );
}

#[test]
fn kuma_needs_nothing_where_the_service_says_it() {
    let said = ["web", "web-v1", "web-v2"].map(|name| service(name, "{name: x, port: 80, appProtocol: http}")).concat();
    let ran = to(&(plain() + &said), "kuma");
    assert!(ran.of_kind("Service").is_empty());
    assert!(!ran.has("app-protocol-needed"));
    for target in ["linkerd", "istio", "cilium", "gateway-api"] {
        assert!(to(&(plain() + &web()), target).of_kind("Service").is_empty(), "{target}");
    }
}

#[test]
fn ambient_routes_need_a_waypoint_unless_the_service_names_one() {
    let ran = to(&(plain() + &web()), "istio-ambient");
    let help = ran.finding("waypoint-needed").help.as_deref().unwrap_or_default();
    assert!(help.contains("kubectl label service web -n shop istio.io/use-waypoint=waypoint"), "{help}");
    let labelled = |value: &str| {
        web().replacen(
            "metadata: {name: web, namespace: shop}",
            &format!("metadata: {{name: web, namespace: shop, labels: {{istio.io/use-waypoint: {value}}}}}"),
            1,
        )
    };
    assert!(!to(&(plain() + &labelled("waypoint")), "istio-ambient").has("waypoint-needed"));
    assert!(to(&(plain() + &labelled("none")), "istio-ambient").has("waypoint-needed"));
    assert!(!to(&(plain() + &web()), "istio").has("waypoint-needed"));
}

#[test]
fn a_virtual_service_of_the_root_shadows_the_route_on_istio() {
    let existing = |host: &str| {
        format!(
            "---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {{name: vs, namespace: shop}}\nspec: \
             {{hosts: [{host}], http: []}}\n"
        )
    };
    for host in ["web", "web.shop", "web.shop.svc.cluster.local"] {
        for target in ["istio", "istio-ambient", "gateway-api"] {
            assert!(to(&(plain() + &web() + &existing(host)), target).has("route-shadowed"), "{host} {target}");
        }
        assert!(!to(&(plain() + &web() + &existing(host)), "cilium").has("route-shadowed"));
    }
    assert!(!to(&(plain() + &web() + &existing("web.other")), "istio").has("route-shadowed"));
}

#[test]
fn cilium_applied_one_route_of_a_service_up_to_1_17() {
    let two = plain()
        + &["web", "web-v1", "web-v2"]
            .map(|name| service(name, "{name: http, port: 80}, {name: http-b, port: 81}"))
            .concat();
    for target in ["cilium@1.16", "cilium@1.17"] {
        let ran = to(&two, target);
        ran.is_refused();
        assert_eq!(ran.outcome("TrafficSplit", "web"), Outcome::Unsupported, "{target}");
        assert!(ran.codes("TrafficSplit", "web").contains(&"route-per-service"), "{target}");
        to(&(plain() + &web()), target).is_routed(&[HEAD, &format!("* -> {SPLIT}")]);
    }
    assert_eq!(to(&two, "cilium@1.18").manifests().len(), 2);
}

#[test]
fn a_backend_elsewhere_gets_its_grant_on_every_target() {
    let spec = "service: web, backends: [{service: web-v1, weight: 9}, {service: other/web-v2, weight: 1}]";
    let elsewhere = "---\napiVersion: v1\nkind: Service\nmetadata: {name: web-v2, namespace: other}\nspec: {ports: \
                     [{name: http, port: 80}]}\n";
    for target in ROUTING {
        let input = split("v1alpha4", spec) + &web() + elsewhere;
        let ran = World::of(input).from("flomesh").to(target).run();
        assert_eq!(ran.routes(), [format!("{HEAD}\n* -> web-v1:80 9, other/web-v2:80 1")], "{target}");
        assert_eq!(ran.of_kind("ReferenceGrant").len(), 1, "{target}");
    }
    let tcp = split("v1alpha4", spec)
        + &["web", "web-v1"].map(|name| service(name, "{name: tcp-db, port: 80}")).concat()
        + &elsewhere.replace("http", "tcp-db");
    let ran = World::of(tcp).from("flomesh").to("istio").run();
    assert_eq!(ran.of_kind("ReferenceGrant")[0]["spec"]["from"][0]["kind"], "TCPRoute");
}
