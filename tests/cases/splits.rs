//! Cases 1 to 43: TrafficSplits.

use smi2gamma::outcome::Outcome;

use crate::table::case;
use crate::world::{NINE_TO_ONE, Ran, World, group, named_split, service, services, split, split_by_g, web};

/// A split of `web` between `web-v1` and `web-v2` with these weights.
fn weights(version: &str, v1: &str, v2: &str) -> String {
    let backends = format!("backends: [{{service: web-v1, weight: {v1}}}, {{service: web-v2, weight: {v2}}}]");
    split(version, &format!("service: web, {backends}")) + &web()
}

/// The unconditional split 9 to 1, without the Services.
fn plain(version: &str) -> String {
    split(version, &format!("service: web, {NINE_TO_ONE}"))
}

#[track_caller]
fn is_split(ran: &Ran, v1: u32, v2: u32) {
    let rule = format!("* -> web-v1:80 {v1}, web-v2:80 {v2}");
    ran.is_routed(&["HTTPRoute shop/web-split-80 on web:80", &rule]);
}

// --- weights ---

#[test]
fn case_01_quantities_of_v1alpha1_keep_their_ratio() {
    is_split(&case(1, weights("v1alpha1", "900m", "100m")), 9, 1);
}

#[test]
fn case_02_a_unit_and_half_a_unit_are_two_to_one() {
    is_split(&case(2, weights("v1alpha1", "1", "500m")), 2, 1);
}

#[test]
fn case_03_a_quantity_under_v1alpha2_is_read_as_the_quantity() {
    is_split(&case(3, weights("v1alpha2", "500m", "500m")), 1, 1);
    is_split(&World::of(weights("v1alpha2", "2", "500m")).from("linkerd").run(), 4, 1);
}

#[test]
fn case_04_a_quoted_number_is_the_number() {
    is_split(&case(4, weights("v1alpha2", "\"90\"", "\"10\"")), 9, 1);
    let quantities = World::of(weights("v1alpha1", "\"90\"", "\"10\"")).run();
    is_split(&quantities, 9, 1);
    assert!(quantities.codes("TrafficSplit", "web").is_empty(), "in v1alpha1 a text is how it is written");
}

#[test]
fn case_05_a_percentage_is_no_weight() {
    for version in ["v1alpha1", "v1alpha2", "v1alpha4"] {
        case(5, weights(version, "50%", "50%")).is_refused();
    }
}

#[test]
fn case_06_a_negative_weight_is_refused() {
    for version in ["v1alpha1", "v1alpha2", "v1alpha4"] {
        case(6, weights(version, "-10", "110")).is_refused();
    }
}

#[test]
fn case_07_a_fraction_is_refused_where_weights_are_integers() {
    case(7, weights("v1alpha2", "0.5", "0.5")).is_refused();
    is_split(&World::of(weights("v1alpha1", "0.5", "2")).from("linkerd").run(), 1, 4);
}

#[test]
fn case_08_a_ratio_that_does_not_fit_is_refused_and_never_rounded() {
    case(8, weights("v1alpha2", "3000000", "1")).is_refused();
    is_split(&World::of(weights("v1alpha2", "3000000", "1000000")).run(), 3, 1);
    is_split(&World::of(weights("v1alpha2", "1000000", "1")).run(), 1_000_000, 1);
}

#[test]
fn case_09_weights_that_are_all_zero_are_refused() {
    for version in ["v1alpha1", "v1alpha2", "v1alpha4"] {
        case(9, weights(version, "0", "0")).is_refused();
    }
    for mesh in ["linkerd", "osm", "istio", "flomesh", "spec"] {
        World::of(weights("v1alpha2", "0", "0")).from(mesh).run().is_refused();
    }
}

#[test]
fn case_10_a_backend_of_weight_zero_stays() {
    is_split(&case(10, weights("v1alpha2", "100", "0")), 1, 0);
}

#[test]
fn case_11_a_split_without_backends_is_refused() {
    case(11, split("v1alpha2", "service: web, backends: []") + &web()).is_refused();
}

#[test]
fn case_12_a_missing_weight_is_never_made_up() {
    let spec = "service: web, backends: [{service: web-v1}, {service: web-v2, weight: 10}]";
    case(12, split("v1alpha1", spec) + &web()).is_refused();
    World::of(split("v1alpha2", spec) + &web()).run().is_refused();
}

// --- backends ---

#[test]
fn case_13_a_backend_may_be_the_root_itself_except_for_traefik() {
    let spec = "service: web, backends: [{service: web, weight: 90}, {service: web-v2, weight: 10}]";
    let itself = |version: &str| split(version, spec) + &web();
    case(13, itself("v1alpha2")).is_routed(&["HTTPRoute shop/web-split-80 on web:80", "* -> web:80 9, web-v2:80 1"]);
    let undecided = World::of(itself("v1alpha3")).run();
    undecided.is_refused();
    let finding = undecided.finding("source-mesh-needed");
    assert!(finding.notes.iter().any(|note| note.contains("traefik: no effect")), "{finding:#?}");
    let dropped = World::of(itself("v1alpha3")).from("traefik").run();
    dropped.is_refused();
    assert_eq!(dropped.codes("TrafficSplit", "web"), ["split-had-no-effect"]);
    assert_eq!(World::of(itself("v1alpha3")).from("nginx").run().outcome("TrafficSplit", "web"), Outcome::Migrated);
}

#[test]
fn case_14_a_backend_that_is_there_twice_counts_as_its_mesh_counted_it() {
    let twice = |version: &str, again: u32| {
        let backends = format!(
            "[{{service: web-v1, weight: 1}}, {{service: web-v2, weight: 1}}, {{service: web-v1, weight: {again}}}]"
        );
        split(version, &format!("service: web, backends: {backends}")) + &web()
    };
    is_split(&case(14, twice("v1alpha2", 1)), 2, 1);
    for (mesh, version, again, v1, v2) in [
        ("linkerd", "v1alpha2", 3, 4, 1),
        ("traefik", "v1alpha3", 3, 4, 1),
        ("osm", "v1alpha2", 1, 1, 1),
        ("osm", "v1alpha2", 3, 4, 1),
        ("flomesh", "v1alpha4", 3, 1, 1),
        ("istio", "v1alpha2", 3, 6, 1),
    ] {
        let ran = World::of(twice(version, again)).from(mesh).run();
        is_split(&ran, v1, v2);
        assert!(ran.codes("TrafficSplit", "web").contains(&"backend-repeated"), "{mesh}");
    }
    let undecided = World::of(twice("v1alpha2", 1)).run();
    undecided.is_refused();
    assert_eq!(undecided.codes("TrafficSplit", "web"), ["source-mesh-needed"]);
}

// --- several splits of one root ---

#[test]
fn case_15_two_splits_of_one_root_are_a_conflict() {
    let other = "service: web, backends: [{service: web-v1, weight: 50}, {service: web-v2, weight: 50}]";
    let ran = case(15, plain("v1alpha2") + &named_split("other", "v1alpha2", other) + &web());
    ran.is_refused();
    assert_eq!(ran.outcome("TrafficSplit", "other"), Outcome::Blocked);
    let third = "service: web, matches: [{kind: HTTPRouteGroup, name: g}], backends: [{service: web-v2, weight: 1}]";
    let third = named_split("third", "v1alpha4", third) + &group("g", "v1alpha4", "{name: a, methods: [GET]}");
    let both = plain("v1alpha4") + &named_split("other", "v1alpha4", other);
    let bystander = World::of(both + &third + &web()).from("spec").run();
    bystander.is_refused();
    assert_eq!(bystander.codes("TrafficSplit", "third"), ["split-waits"]);
    let same = "service: web, backends: [{service: web-v2, weight: 1}, {service: web-v1, weight: 9}]";
    let same = World::of(plain("v1alpha2") + &named_split("same", "v1alpha2", same) + &web()).run();
    is_split(&same, 9, 1);
    assert_eq!(same.codes("TrafficSplit", "web"), ["splits-merged"]);
}

#[test]
fn a_split_waits_for_the_others_of_its_root() {
    let plain = plain("v1alpha4");
    let beta = "service: web, matches: [{kind: HTTPRouteGroup, name: g}], backends: [{service: web-v2, weight: 1}]";
    let without_group = named_split("beta", "v1alpha4", beta);
    let negative = named_split("beta", "v1alpha4", &beta.replace("weight: 1", "weight: -1"));
    let failover = without_group.replace("{name: beta", "{labels: {failover.linkerd.io/controlled-by: x}, name: beta");
    let group = group("g", "v1alpha4", "{name: a, methods: [GET]}");
    for (other, outcome) in [
        (without_group.clone(), Outcome::Blocked),
        (negative + &group, Outcome::Blocked),
        (failover + &group, Outcome::Delegated),
    ] {
        let ran = World::of(plain.clone() + &other + &web()).from("spec").run();
        ran.is_refused();
        assert_eq!(ran.outcome("TrafficSplit", "beta"), outcome);
        assert_eq!(ran.codes("TrafficSplit", "web"), ["split-waits"]);
    }
    let context = World::of(plain.clone() + &web()).from("spec").with(without_group.clone()).run();
    context.is_refused();
    assert_eq!(context.codes("TrafficSplit", "web"), ["split-waits"]);
    let elsewhere = without_group.replace("namespace: shop", "namespace: other");
    is_split(&World::of(plain.clone() + &elsewhere + &web()).from("spec").run(), 9, 1);
    let itself = World::of(plain.clone() + &web()).from("spec").with(plain).run();
    is_split(&itself, 9, 1);
    let never = self::plain("v1alpha2") + &named_split("old", "v1alpha4", &format!("service: web, {NINE_TO_ONE}"));
    is_split(&World::of(never + &web()).from("linkerd").run(), 9, 1);
}

#[test]
fn case_16_a_conditional_split_goes_before_the_one_that_takes_the_rest() {
    let stable = "service: web, backends: [{service: web-v1, weight: 1}]";
    let beta = "service: web, matches: [{kind: HTTPRouteGroup, name: g}], backends: [{service: web-v2, weight: 1}]";
    let parts = [
        split("v1alpha4", stable),
        named_split("beta", "v1alpha4", beta),
        group("g", "v1alpha4", "{name: beta, headers: {x-beta: \"1\"}}"),
        web(),
    ];
    let expected = ["HTTPRoute shop/web-split-80 on web:80", "x-beta=1 -> web-v2:80 1", "* -> web-v1:80 1"];
    let ran = case(16, parts.concat());
    ran.is_routed(&expected);
    assert!(!ran.has("fallback-added"));
    let [stable, beta, group, web] = parts;
    World::of([beta, stable, group, web].concat()).from("spec").run().is_routed(&expected);
}

#[test]
fn case_17_what_no_match_takes_goes_to_the_root_by_a_rule_of_its_own() {
    let input = split_by_g("v1alpha4") + &group("g", "v1alpha4", "{name: beta, pathRegex: \"/beta.*\"}") + &web();
    let ran = case(17, input.clone());
    ran.is_routed(&[
        "HTTPRoute shop/web-split-80 on web:80",
        "~^(/beta.*)$ -> web-v1:80 9, web-v2:80 1",
        "* -> web:80 1",
    ]);
    World::of(input.clone()).from("flomesh").to("linkerd").run().is_routed(&[
        "HTTPRoute shop/web-split-80 on web:80",
        "~^.*(/beta.*)$ -> web-v1:80 9, web-v2:80 1",
        "* -> web-v1:80 1, web-v2:80 1",
    ]);
    let by_method = split_by_g("v1alpha4") + &group("g", "v1alpha4", "{name: get, methods: [GET]}") + &web();
    let unanswered = World::of(by_method.clone()).from("flomesh").run();
    unanswered.is_refused();
    assert_eq!(unanswered.codes("TrafficSplit", "web"), ["unmatched-unanswered"]);
    let rest = named_split("rest", "v1alpha4", "service: web, backends: [{service: web, weight: 1}]");
    World::of(by_method + &rest).from("flomesh").run().is_routed(&[
        "HTTPRoute shop/web-split-80 on web:80",
        "GET -> web-v1:80 9, web-v2:80 1",
        "* -> web:80 1",
    ]);
}

// --- matches of a split ---

#[test]
fn case_18_matches_that_the_api_server_pruned_are_not_guessed_at() {
    for version in ["v1alpha1", "v1alpha2"] {
        let input = split_by_g(version) + &group("g", "v1alpha3", "{name: a, headers: [{x: y}]}") + &web();
        let ran = case(18, input);
        ran.is_refused();
        assert_eq!(ran.outcome("HTTPRouteGroup", "g"), Outcome::Blocked, "the group waits for the split");
    }
}

#[test]
fn case_19_a_version_that_the_mesh_never_served_cannot_have_been_in_force() {
    for version in ["v1alpha3", "v1alpha4"] {
        let input = split_by_g(version) + &group("g", version, "{name: a, methods: [GET]}") + &web();
        case(19, input).is_refused();
    }
    for (mesh, version) in [("osm", "v1alpha4"), ("traefik", "v1alpha4"), ("nginx", "v1alpha2"), ("consul", "v1alpha2")]
    {
        let ran = World::of(plain(version) + &web()).from(mesh).run();
        ran.is_refused();
        assert_eq!(ran.codes("TrafficSplit", "web"), ["version-not-served"], "{mesh}");
    }
}

#[test]
fn case_20_a_group_that_is_not_there_is_no_condition_that_always_holds() {
    let input = split_by_g("v1alpha4") + &web();
    case(20, input.clone()).is_refused();
    let with = World::of(input).from("spec").with(group("g", "v1alpha4", "{name: a, methods: [GET]}")).run();
    with.is_routed(&["HTTPRoute shop/web-split-80 on web:80", "GET -> web-v1:80 9, web-v2:80 1", "* -> web:80 1"]);
}

#[test]
fn case_21_a_split_cannot_match_by_a_tcp_route() {
    let spec = format!("service: web, matches: [{{kind: TCPRoute, name: tcp}}], {NINE_TO_ONE}");
    case(21, split("v1alpha4", &spec) + &web()).is_refused();
    World::of(split("v1alpha3", &spec) + &web()).from("traefik").run().is_refused();
}

#[test]
fn case_22_names_in_place_of_references_are_refused() {
    case(22, split("v1alpha4", &format!("service: web, matches: [g], {NINE_TO_ONE}")) + &web()).is_refused();
}

#[test]
fn case_23_the_api_group_of_a_reference_is_read_with_a_version_or_absent() {
    let by = |api_group: &str| {
        let matches = format!("matches: [{{{api_group}kind: HTTPRouteGroup, name: g}}]");
        split("v1alpha4", &format!("service: web, {matches}, {NINE_TO_ONE}"))
            + &group("g", "v1alpha4", "{name: a, methods: [GET]}")
            + &web()
    };
    let expected = ["HTTPRoute shop/web-split-80 on web:80", "GET -> web-v1:80 9, web-v2:80 1", "* -> web:80 1"];
    case(23, by("apiGroup: specs.smi-spec.io/v1alpha4, ")).is_routed(&expected);
    for api_group in ["", "apiGroup: specs.smi-spec.io, "] {
        let ran = World::of(by(api_group)).from("spec").run();
        ran.is_routed(&expected);
        assert_eq!(ran.codes("TrafficSplit", "web"), ["fallback-added"]);
    }
}

#[test]
fn case_24_a_group_that_a_grant_needs_stays_while_its_split_is_converted() {
    let target = "---\napiVersion: access.smi-spec.io/v1alpha3\nkind: TrafficTarget\nmetadata: {name: t, namespace: \
                  shop}\nspec: {destination: {kind: ServiceAccount, name: web, namespace: shop}, sources: [{kind: \
                  ServiceAccount, name: cart, namespace: shop}], rules: [{kind: HTTPRouteGroup, name: g, matches: [a]}]}\n";
    let group = group("g", "v1alpha4", "{name: a, methods: [GET]}");
    let ran = case(24, split_by_g("v1alpha4") + &group + target + &web());
    assert_eq!(ran.outcome("TrafficSplit", "web"), Outcome::Migrated);
    ran.is_routed(&["HTTPRoute shop/web-split-80 on web:80", "GET -> web-v1:80 9, web-v2:80 1", "* -> web:80 1"]);
    let pods = "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: shop}\nspec: {template: {metadata: \
                {labels: {app: web}}, spec: {serviceAccountName: web, containers: [{name: main, ports: [{containerPort: 80}]}]}}}\n";
    let both = World::of(split_by_g("v1alpha4") + &group + target + &web() + pods).from("spec").to("linkerd").run();
    assert_eq!(both.outcome("HTTPRouteGroup", "g"), Outcome::Superseded, "{:#?}", both.findings());
}

// --- what the root and the backends name ---

#[test]
fn case_25_a_qualified_root_is_a_service_where_the_mesh_took_it_for_one() {
    let root = |name: &str, version: &str| split(version, &format!("service: {name}, {NINE_TO_ONE}")) + &web();
    for name in ["web.shop.svc.cluster.local", "web.shop.svc", "web.shop"] {
        is_split(&case(25, root(name, "v1alpha2")), 9, 1);
        is_split(&World::of(root(name, "v1alpha4")).run(), 9, 1);
    }
    let name = "web.shop.svc.cluster.local";
    let linkerd = World::of(root(name, "v1alpha2")).from("linkerd").run();
    linkerd.is_refused();
    assert_eq!(linkerd.codes("TrafficSplit", "web"), ["split-had-no-effect"]);
    let unsaid = World::of(root(name, "v1alpha2")).run();
    unsaid.is_refused();
    assert_eq!(unsaid.codes("TrafficSplit", "web"), ["source-mesh-needed"]);
    let elsewhere = World::of(root("web.other.svc.cluster.local", "v1alpha2")).from("osm").run();
    elsewhere.is_refused();
    assert_eq!(elsewhere.codes("TrafficSplit", "web"), ["root-other-namespace"]);
}

#[test]
fn case_26_a_port_in_the_root_had_no_effect() {
    let ports = "{name: http, port: 80}, {name: http-admin, port: 8080}";
    let all = |name: &str| service(name, ports);
    let input = split("v1alpha2", &format!("service: \"web:8080\", {NINE_TO_ONE}"));
    let ran = case(26, input + &all("web") + &all("web-v1") + &all("web-v2"));
    let parents: Vec<_> = ran.manifests().iter().map(|route| route["spec"]["parentRefs"][0]["port"].clone()).collect();
    assert_eq!(parents, [80, 8080]);
}

#[test]
fn case_27_a_host_outside_is_no_parent_of_a_route() {
    for version in ["v1alpha1", "v1alpha2", "v1alpha4"] {
        case(27, split(version, &format!("service: api.example.com, {NINE_TO_ONE}")) + &web()).is_refused();
    }
    let istio = World::of(split("v1alpha2", &format!("service: api.example.com, {NINE_TO_ONE}"))).from("istio").run();
    istio.is_refused();
    assert_eq!(istio.outcome("TrafficSplit", "web"), Outcome::Unsupported);
}

#[test]
fn case_28_only_flomesh_split_across_namespaces_and_that_takes_a_reference_grant() {
    let spec = "service: web, backends: [{service: web-v1, weight: 90}, {service: other/web-v2, weight: 10}]";
    let elsewhere = "---\napiVersion: v1\nkind: Service\nmetadata: {name: web-v2, namespace: other}\nspec: {ports: \
                     [{name: http, port: 80}]}\n";
    let input = split("v1alpha4", spec) + &services(&["web", "web-v1"]) + elsewhere;
    case(28, input.clone()).is_refused();
    let ran = World::of(input).from("flomesh").run();
    ran.is_routed(&["HTTPRoute shop/web-split-80 on web:80", "* -> web-v1:80 9, other/web-v2:80 1"]);
    let grants = ran.of_kind("ReferenceGrant");
    assert_eq!(grants.len(), 1);
    assert_eq!(grants[0]["apiVersion"], "gateway.networking.k8s.io/v1beta1");
    assert_eq!(grants[0]["metadata"]["namespace"], "other", "a grant stands where the Service is");
    let from = serde_json::json!([{"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "namespace": "shop"}]);
    let to = serde_json::json!([{"group": "", "kind": "Service", "name": "web-v2"}]);
    assert_eq!(grants[0]["spec"], serde_json::json!({"from": from, "to": to}));
}

#[test]
fn a_grant_needs_the_namespace_of_its_route() {
    let input = "apiVersion: split.smi-spec.io/v1alpha4\nkind: TrafficSplit\nmetadata: {name: web}\nspec: {service: web, \
                 backends: [{service: other/web-v2, weight: 1}]}\n";
    let ran = World::of(input.to_owned() + &web()).from("flomesh").run();
    ran.is_refused();
    assert_eq!(ran.outcome("TrafficSplit", "web"), Outcome::Blocked);
}

// --- ports ---

const THREE: &str = "{name: http, port: 80}, {name: grpc-api, port: 9090}, {name: tcp-db, port: 5432}";

fn three_ports() -> String {
    plain("v1alpha2") + &["web", "web-v1", "web-v2"].map(|name| service(name, THREE)).concat()
}

#[test]
fn case_29_each_port_of_the_root_gets_a_route_of_its_own() {
    let ran = case(29, three_ports());
    let split = |port: u16| format!("* -> web-v1:{port} 9, web-v2:{port} 1");
    assert_eq!(
        ran.routes(),
        [
            format!("HTTPRoute shop/web-split-80 on web:80\n{}", split(80)),
            format!("TCPRoute shop/web-split-5432 on web:5432\n{}", split(5432)),
            format!("HTTPRoute shop/web-split-9090 on web:9090\n{}", split(9090)),
        ]
    );
    let grpc = World::of(three_ports()).from("linkerd").grpc_routes().run();
    assert_eq!(grpc.of_kind("GRPCRoute").len(), 1);
    assert_eq!(grpc.of_kind("HTTPRoute").len(), 1);
    let kuma = World::of(three_ports()).from("linkerd").to("kuma").run();
    assert!(kuma.of_kind("TCPRoute").is_empty());
    assert_eq!(kuma.of_kind("HTTPRoute").len(), 2);
    assert_eq!(kuma.outcome("TrafficSplit", "web"), Outcome::Unsupported);
    assert!(kuma.codes("TrafficSplit", "web").contains(&"route-kind-unserved"));
}

#[test]
fn case_30_a_port_is_never_made_up() {
    case(30, plain("v1alpha2")).is_refused();
    let given = World::of(plain("v1alpha2")).service_port("shop/web=8080").run();
    given.is_routed(&["HTTPRoute shop/web-split-8080 on web:8080", "* -> web-v1:8080 9, web-v2:8080 1"]);
    World::of(plain("v1alpha2")).service_port("other/web=8080").run().is_refused();
}

#[test]
fn case_31_a_backend_without_the_port_is_left_out_of_its_route() {
    let spec = "service: web, backends: [{service: web-v1, weight: 50}, {service: web-v2, weight: 25}, {service: \
                web-v3, weight: 25}]";
    let input = split("v1alpha2", spec)
        + &services(&["web", "web-v1", "web-v2"])
        + &service("web-v3", "{name: http, port: 8080}");
    case(31, input).is_routed(&["HTTPRoute shop/web-split-80 on web:80", "* -> web-v1:80 2, web-v2:80 1"]);
    let none = split("v1alpha2", "service: web, backends: [{service: web-v3, weight: 1}]")
        + &services(&["web"])
        + &service("web-v3", "{name: http, port: 8080}");
    let ran = World::of(none).run();
    ran.is_refused();
    assert!(ran.codes("TrafficSplit", "web").contains(&"split-without-port"));
    let zero = "service: web, backends: [{service: web-v1, weight: 0}, {service: web-v3, weight: 25}]";
    let left = split("v1alpha2", zero) + &services(&["web", "web-v1"]) + &service("web-v3", "{name: http, port: 8080}");
    let ran = World::of(left).run();
    ran.is_refused();
    assert!(ran.codes("TrafficSplit", "web").contains(&"weights-all-zero"));
}

#[test]
fn case_32_the_port_of_the_service_counts_and_not_its_target() {
    let input = plain("v1alpha2")
        + &services(&["web", "web-v1"])
        + &service("web-v2", "{name: http, port: 80, targetPort: 9999}");
    is_split(&case(32, input), 9, 1);
}

#[test]
fn case_33_a_backend_that_is_not_in_the_input_is_kept_with_a_warning() {
    let ran = case(33, plain("v1alpha2") + &services(&["web", "web-v1"]));
    is_split(&ran, 9, 1);
    let fails = &ran.finding("backend-missing").notes;
    assert!(fails.iter().any(|note| note.contains("500")), "{fails:?}");
    let zero = "service: web, backends: [{service: web-v1, weight: 1}, {service: web-v2, weight: 0}]";
    let ran = World::of(split("v1alpha2", zero) + &services(&["web", "web-v1"])).run();
    is_split(&ran, 1, 0);
    assert!(!ran.finding("backend-missing").notes.iter().any(|note| note.contains("500")));
}

fn headless(name: &str) -> String {
    format!(
        "---\napiVersion: v1\nkind: Service\nmetadata: {{name: {name}, namespace: shop}}\nspec: {{clusterIP: None, ports: \
         [{{name: http, port: 80}}]}}\n"
    )
}

fn external_name(name: &str) -> String {
    format!(
        "---\napiVersion: v1\nkind: Service\nmetadata: {{name: {name}, namespace: shop}}\nspec: {{type: ExternalName, \
         externalName: example.com, ports: [{{name: http, port: 80}}]}}\n"
    )
}

#[test]
fn case_34_a_headless_root_has_no_address_to_attach_to() {
    case(34, plain("v1alpha2") + &headless("web") + &services(&["web-v1", "web-v2"])).is_refused();
    let backend = World::of(plain("v1alpha2") + &services(&["web", "web-v1"]) + &headless("web-v2")).run();
    is_split(&backend, 9, 1);
    assert_eq!(backend.codes("TrafficSplit", "web"), ["backend-headless"]);
}

#[test]
fn case_35_external_names_are_neither_root_nor_backend() {
    case(35, plain("v1alpha2") + &services(&["web", "web-v1"]) + &external_name("web-v2")).is_refused();
    let root = World::of(plain("v1alpha2") + &external_name("web") + &services(&["web-v1", "web-v2"])).run();
    root.is_refused();
    assert_eq!(root.codes("TrafficSplit", "web"), ["root-external-name"]);
    assert_eq!(root.outcome("TrafficSplit", "web"), Outcome::Unsupported);
}

// --- owners ---

/// A split of `web` with more metadata, in flow style.
fn with_metadata(more: &str, v1: &str, v2: &str) -> String {
    format!(
        "---\napiVersion: split.smi-spec.io/v1alpha2\nkind: TrafficSplit\nmetadata: {{name: web, namespace: shop, {more}}}\n\
         spec: {{service: web, backends: [{{service: {v1}, weight: 90}}, {{service: {v2}, weight: 10}}]}}\n"
    )
}

const CANARY: &str = "---\napiVersion: flagger.app/v1beta1\nkind: Canary\nmetadata: {name: web, namespace: shop}\nspec: \
                      {provider: linkerd, targetRef: {kind: Deployment, name: web}, service: {port: 80}}\n";

#[test]
fn case_36_flagger_keeps_its_split_and_gets_the_steps() {
    let owner = "ownerReferences: [{apiVersion: flagger.app/v1beta1, kind: Canary, name: web, controller: true}]";
    let ran = case(36, with_metadata(owner, "web-primary", "web-canary") + CANARY + &services(&["web"]));
    ran.is_refused();
    let steps = ran.finding("owner-flagger").help.as_deref().unwrap_or_default();
    for part in ["provider: gatewayapi:v1", "group: \"\", kind: Service, name: web, namespace: shop, port: 80"] {
        assert!(steps.contains(part), "{steps}");
    }
    let unowned = with_metadata("labels: {a: b}", "web-canary", "web-primary") + CANARY + &services(&["web"]);
    let by_name = World::of(unowned).run();
    by_name.is_refused();
    assert_eq!(by_name.outcome("TrafficSplit", "web"), Outcome::Delegated, "the Canary is in the scope");
}

#[test]
fn case_37_what_looks_like_flaggers_split_is_decided_by_a_person() {
    let input =
        with_metadata("labels: {a: b}", "web-primary", "web-canary") + &services(&["web", "web-primary", "web-canary"]);
    case(37, input.clone()).is_refused();
    for name in ["web", "shop/web"] {
        let ran = World::of(input.clone()).unowned(name).run();
        ran.is_routed(&["HTTPRoute shop/web-split-80 on web:80", "* -> web-primary:80 9, web-canary:80 1"]);
    }
    World::of(input).unowned("other/web").run().is_refused();
}

const ROLLOUT: &str = "---\napiVersion: argoproj.io/v1alpha1\nkind: Rollout\nmetadata: {name: web, namespace: shop}\nspec: \
                       {strategy: {canary: {stableService: web-v1, canaryService: web-v2, trafficRouting: {smi: {rootService: \
                       web}}}}}\n";

#[test]
fn case_38_argo_rollouts_keeps_its_split_and_is_found_without_one() {
    let owner = "ownerReferences: [{apiVersion: argoproj.io/v1alpha1, kind: Rollout, name: web, controller: true}]";
    let ran = case(38, with_metadata(owner, "web-v1", "web-v2") + ROLLOUT + &web());
    ran.is_refused();
    let alone = World::of(ROLLOUT).run();
    assert!(alone.has("rollout-makes-splits"));
    let by_name = World::of(with_metadata("labels: {a: b}", "web-v1", "web-v2") + ROLLOUT + &web()).run();
    by_name.is_refused();
    assert_eq!(by_name.codes("TrafficSplit", "web"), ["owner-argo-rollouts"]);
}

#[test]
fn case_39_a_failover_is_not_frozen() {
    let label = "labels: {failover.linkerd.io/controlled-by: linkerd-failover}";
    case(39, with_metadata(label, "web-v1", "web-v2") + &web()).is_refused();
}

// --- neighbours ---

fn profile(annotations: &str, spec: &str) -> String {
    format!(
        "---\napiVersion: linkerd.io/v1alpha2\nkind: ServiceProfile\nmetadata: {{name: web.shop.svc.cluster.local, \
         namespace: shop, annotations: {{{annotations}}}}}\nspec: {{{spec}}}\n"
    )
}

const OVERRIDES: &str = "dstOverrides: [{authority: web-v1.shop.svc.cluster.local, weight: 900m}]";

#[test]
fn case_40_a_service_profile_shadows_the_route_and_one_to_skip_says_that_nothing_was_split() {
    let ran = case(40, plain("v1alpha2") + &profile("", OVERRIDES) + &web());
    is_split(&ran, 9, 1);
    let help = ran.finding("route-shadowed").help.as_deref().unwrap_or_default();
    assert!(help.contains("kubectl patch serviceprofile web.shop.svc.cluster.local -n shop"), "{help}");
    let generic = World::of(plain("v1alpha2") + &profile("", OVERRIDES) + &web()).from("linkerd").run();
    assert!(generic.has("route-shadowed"), "no mesh is named, so it may be Linkerd");
    let istio = World::of(plain("v1alpha2") + &profile("", OVERRIDES) + &web()).from("linkerd").to("istio").run();
    assert!(!istio.has("route-shadowed"));
    let harmless = World::of(plain("v1alpha2") + &profile("", "retryBudget: {}") + &web()).from("linkerd").run();
    assert!(!harmless.has("route-shadowed"));
    let skip = "smi.linkerd.io/skip: \"true\"";
    let skipped = World::of(plain("v1alpha2") + &profile(skip, OVERRIDES) + &web()).from("linkerd").run();
    skipped.is_refused();
    assert_eq!(skipped.codes("TrafficSplit", "web"), ["split-had-no-effect"]);
    let other_mesh = World::of(plain("v1alpha2") + &profile(skip, OVERRIDES) + &web()).from("osm").run();
    is_split(&other_mesh, 9, 1);
}

fn gateway_route(name: &str, service: &str) -> String {
    format!(
        "---\napiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {{name: {name}, namespace: shop}}\nspec: \
         {{parentRefs: [{{group: \"\", kind: Service, name: {service}, port: 80}}], rules: []}}\n"
    )
}

#[test]
fn case_41_a_route_takes_no_name_that_is_taken() {
    let ran = case(41, plain("v1alpha2") + &gateway_route("web-split-80", "cart") + &web());
    ran.is_routed(&["HTTPRoute shop/web-split-80-2 on web:80", "* -> web-v1:80 9, web-v2:80 1"]);
    let service = World::of(plain("v1alpha2") + &services(&["web-split-80"]) + &web()).run();
    service.is_routed(&["HTTPRoute shop/web-split-80-2 on web:80", "* -> web-v1:80 9, web-v2:80 1"]);
    let free = World::of(plain("v1alpha2") + &web()).run();
    is_split(&free, 9, 1);
}

#[test]
fn case_42_a_namespace_that_is_not_written_is_not_made_up() {
    let input = format!(
        "apiVersion: split.smi-spec.io/v1alpha2\nkind: TrafficSplit\nmetadata: {{name: web}}\nspec: {{service: web, \
         {NINE_TO_ONE}}}\n"
    );
    let ran = case(42, input.clone() + &web().replace(", namespace: shop", ""));
    ran.is_routed(&["HTTPRoute web-split-80 on web:80", "* -> web-v1:80 9, web-v2:80 1"]);
    assert_eq!(ran.only()["metadata"].get("namespace"), None);
    let given = World::of(input).service_port("shop/web=80").run();
    given.is_routed(&["HTTPRoute web-split-80 on web:80", "* -> web-v1:80 9, web-v2:80 1"]);
}

#[test]
fn case_43_the_last_applied_configuration_is_left_behind_and_the_rest_is_kept() {
    let more =
        "labels: {app: web}, annotations: {kubectl.kubernetes.io/last-applied-configuration: \"{}\", team: shop}";
    let ran = case(43, with_metadata(more, "web-v1", "web-v2") + &web());
    is_split(&ran, 9, 1);
    let metadata = &ran.only()["metadata"];
    assert_eq!(metadata["labels"], serde_json::json!({"app": "web"}));
    let from = "TrafficSplit.split.smi-spec.io/shop/web";
    assert_eq!(metadata["annotations"], serde_json::json!({"smi2gamma/migrated-from": from, "team": "shop"}));
}
