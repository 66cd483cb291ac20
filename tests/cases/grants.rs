//! Cases 59 to 72: access grants, each with the target of its row and judged by requests.

use smi2gamma::outcome::Outcome;

use crate::policy::{istio, linkerd, mesh_config, pods};
use crate::table::case;
use crate::world::{NINE_TO_ONE, Ran, World, group, split, web};

/// A TrafficTarget `name` with this `spec`, in flow style.
fn target(name: &str, version: &str, spec: &str) -> String {
    format!(
        "---\napiVersion: access.smi-spec.io/{version}\nkind: TrafficTarget\nmetadata: {{name: {name}, namespace: \
         shop}}\nspec: {{{spec}}}\n"
    )
}

fn tcp_route(name: &str, version: &str, spec: &str) -> String {
    format!(
        "---\napiVersion: specs.smi-spec.io/{version}\nkind: TCPRoute\nmetadata: {{name: {name}, namespace: shop}}\n{spec}\n"
    )
}

const DESTINATION: &str = "destination: {kind: ServiceAccount, name: web, namespace: shop}";
const SOURCES: &str = "sources: [{kind: ServiceAccount, name: cart, namespace: shop}]";
const RULES: &str = "rules: [{kind: HTTPRouteGroup, name: g, matches: [a]}]";

fn g() -> String {
    group("g", "v1alpha4", "{name: a, methods: [GET]}")
}

/// The same in the versions that Traefik Mesh served.
fn older(text: &str) -> String {
    text.replace("/v1alpha3", "/v1alpha2").replace("/v1alpha4", "/v1alpha3")
}

/// Nothing is emitted, and every object of the input waits for a person.
#[track_caller]
fn is_kept(ran: &Ran) {
    ran.is_refused();
    for kind in ["TrafficTarget", "HTTPRouteGroup", "TCPRoute", "UDPRoute", "IdentityBinding"] {
        for object in ran.all(kind) {
            assert!(object.outcome.needs_hands(), "{}", object.id);
        }
    }
}

#[test]
fn case_59_the_port_of_a_grant_is_not_dropped() {
    let older = group("g", "v1alpha3", "{name: a, methods: [GET]}");
    for port in ["8080", "'8080'"] {
        let destination = format!("destination: {{kind: ServiceAccount, name: web, namespace: shop, port: {port}}}");
        let input = target("t", "v1alpha2", &format!("{destination}, {SOURCES}, {RULES}")) + &older + &pods();
        let ran = match port {
            "8080" => case(59, input.clone()),
            _ => World::of(input.clone()).from("traefik").to("istio").run(),
        };
        assert!(istio(&ran, 8080, "cart GET /") && !istio(&ran, 8080, "till GET /"));
        assert!(!istio(&ran, 5432, "cart tcp") && !istio(&ran, 9090, "cart GET /"));
        let of_services = World::of(input.clone()).from("spec").to("istio").run();
        assert!(of_services.codes("TrafficTarget", "t").contains(&"grant-port-unknown"));
        let known =
            World::of(input.replace("8080}, sources", "80}, sources").replace("'8080'}, sources", "'80'}, sources"));
        let known = known.from("spec").to("istio").run();
        assert!(istio(&known, 8080, "cart GET /") && !istio(&known, 5432, "cart tcp"), "{:#?}", known.findings());
    }
}

#[test]
fn case_60_a_rule_without_matches_allows_what_the_source_mesh_allowed() {
    let rules = "rules: [{kind: HTTPRouteGroup, name: g}]";
    let input = target("t", "v1alpha3", &format!("{DESTINATION}, {SOURCES}, {rules}")) + &g() + &pods();
    let ran = case(60, input.clone());
    assert!(!linkerd(&ran, 8080, "cart GET /"));
    let spec = World::of(input).from("spec").to("linkerd").run();
    assert!(linkerd(&spec, 8080, "cart GET /") && !linkerd(&spec, 8080, "cart POST /"));
}

#[test]
fn case_61_a_grant_without_sources_is_kept() {
    is_kept(&case(61, target("t", "v1alpha3", &format!("{DESTINATION}, sources: [], {RULES}")) + &g() + &pods()));
}

#[test]
fn case_62_a_destination_without_namespace_is_where_the_source_mesh_looked() {
    let destination = "destination: {kind: ServiceAccount, name: web}";
    let input = target("t", "v1alpha3", &format!("{destination}, {SOURCES}, {RULES}")) + &g() + &pods();
    is_kept(&case(62, input.clone()));
    let traefik = World::of(older(&input)).from("traefik").to("linkerd").run();
    for port in [8080, 5432] {
        assert!(linkerd(&traefik, port, "cart GET /") && !linkerd(&traefik, port, "till GET /"), "{port}");
    }
}

#[test]
fn what_traefik_mesh_took_for_http_is_not_what_istio_reads_as_tcp() {
    let input = older(&(target("t", "v1alpha3", &format!("{DESTINATION}, {SOURCES}, {RULES}")) + &g() + &pods()));
    let ran = World::of(input.clone()).from("traefik").to("istio").run();
    is_kept(&ran);
    assert!(ran.codes("TrafficTarget", "t").contains(&"port-read-as-tcp"), "{:#?}", ran.findings());
    let said = World::of(input.replace("tcp-db", "db").replace("appProtocol: tcp", "appProtocol: http"));
    let said = said.from("traefik").to("istio").run();
    assert!(istio(&said, 5432, "cart GET /") && !istio(&said, 5432, "cart POST /"), "{:#?}", said.findings());
}

#[test]
fn what_traefik_mesh_was_told_is_tcp_is_granted_by_no_group() {
    let annotated = pods().replacen(
        "kind: Service\nmetadata: {name: web,",
        "kind: Service\nmetadata: {name: web, annotations: {mesh.traefik.io/traffic-type: tcp},",
        1,
    );
    let input = target("t", "v1alpha3", &format!("{DESTINATION}, {SOURCES}, {RULES}")) + &g() + &annotated;
    let ran = World::of(older(&input)).from("traefik").to("linkerd").run();
    assert!(!ran.has("output-differs"), "{:#?}", ran.findings());
    assert!(!linkerd(&ran, 8080, "cart GET /") && !linkerd(&ran, 5432, "cart tcp"), "{:#?}", ran.findings());
}

#[test]
fn a_port_that_no_service_leads_to_speaks_what_its_container_says() {
    let alone = pods().split("---\n").nth(1).map(|pods| format!("---\n{pods}")).expect("pods");
    let input = target("t", "v1alpha3", &format!("{DESTINATION}, {SOURCES}, {RULES}")) + &g();
    for to in ["istio", "linkerd"] {
        let allows = if to == "istio" { istio } else { linkerd };
        let ran = World::of(input.clone() + &alone).from("spec").to(to).run();
        assert_eq!(ran.outcome("TrafficTarget", "t"), Outcome::Migrated, "{to}: {:#?}", ran.findings());
        assert!(allows(&ran, 8080, "cart GET /") && !allows(&ran, 5432, "cart GET /"), "{to}");
        let unsaid = World::of(input.clone() + &alone.replace("name: tcp-db, ", "")).from("spec").to(to).run();
        assert_eq!(unsaid.outcome("TrafficTarget", "t"), Outcome::Migrated, "{to}: {:#?}", unsaid.findings());
        assert!(allows(&unsaid, 5432, "cart GET /") && !allows(&unsaid, 5432, "cart POST /"), "{to}");
    }
}

#[test]
fn case_63_a_destination_of_another_namespace_is_protected_where_it_is() {
    let destination = "destination: {kind: ServiceAccount, name: web, namespace: other}";
    let other = pods().replace("namespace: shop", "namespace: other");
    let input = target("t", "v1alpha3", &format!("{destination}, {SOURCES}, {RULES}")) + &g() + &other;
    is_kept(&case(63, input.clone()));
    let traefik = World::of(older(&input)).from("traefik").to("linkerd").run();
    let servers = traefik.of_kind("Server");
    assert!(servers.iter().all(|server| server["metadata"]["namespace"] == "other") && !servers.is_empty());
}

#[test]
fn a_grant_that_had_no_effect_holds_no_other() {
    let ignored =
        target("u", "v1alpha3", &format!("destination: {{kind: ServiceAccount, name: web}}, {SOURCES}, {RULES}"));
    let input = target("t", "v1alpha3", &format!("{DESTINATION}, {SOURCES}, {RULES}")) + &ignored + &g() + &pods();
    let ran = World::of(input).from("osm").to("linkerd").run();
    assert_eq!(ran.codes("TrafficTarget", "u"), ["target-had-no-effect"]);
    assert_eq!(ran.outcome("TrafficTarget", "t"), Outcome::Migrated);
    assert!(linkerd(&ran, 8080, "cart GET /") && !linkerd(&ran, 8080, "till GET /"));
}

#[test]
fn case_64_a_group_is_no_identity() {
    let sources = "sources: [{kind: Group, name: admins, namespace: shop}]";
    is_kept(&case(64, target("t", "v1alpha3", &format!("{DESTINATION}, {sources}, {RULES}")) + &g() + &pods()));
}

#[test]
fn case_65_udp_is_no_part_of_policy() {
    let udp = "---\napiVersion: specs.smi-spec.io/v1alpha4\nkind: UDPRoute\nmetadata: {name: u, namespace: shop}\nspec: \
               {matches: {ports: [53]}}\n";
    let rules = "rules: [{kind: UDPRoute, name: u}]";
    let listening = pods()
        .replace("containerPort: 5432}", "containerPort: 5432}, {name: dns, containerPort: 53, protocol: UDP}")
        .replace("appProtocol: tcp}", "appProtocol: tcp}, {name: dns, port: 53, protocol: UDP}");
    let input = target("t", "v1alpha3", &format!("{DESTINATION}, {SOURCES}, {rules}")) + udp + &listening;
    let ran = case(65, input.clone());
    is_kept(&ran);
    assert_eq!(ran.outcome("UDPRoute", "u"), Outcome::Blocked);
    for (to, code) in [("istio", "udp-not-covered"), ("linkerd", "loss-undecided")] {
        let spec = World::of(input.clone()).from("spec").to(to).run();
        assert_eq!(spec.outcome("TrafficTarget", "t"), Outcome::Unsupported, "{to}");
        assert!(spec.codes("TrafficTarget", "t").contains(&code) && !spec.enforces(), "{to}: {:#?}", spec.findings());
    }
}

#[test]
fn case_66_a_tcp_route_without_ports_is_for_every_port_that_is_not_http() {
    let rules = "rules: [{kind: TCPRoute, name: tcp}]";
    let grant = target("t", "v1alpha2", &format!("{DESTINATION}, {SOURCES}, {rules}"));
    let ran = case(66, grant.clone() + &tcp_route("tcp", "v1alpha3", "spec: {}") + &pods());
    assert!(istio(&ran, 5432, "cart tcp") && !istio(&ran, 5432, "till tcp"));
    let labelled =
        tcp_route("tcp", "v1alpha4", "spec: {}").replace("{name: tcp,", "{name: tcp, labels: {ports: '5432'},");
    let osm = World::of(grant.replace("v1alpha2", "v1alpha3") + &labelled + &pods()).from("osm").to("istio").run();
    is_kept(&osm);
    assert!(osm.codes("TrafficTarget", "t").contains(&"route-ports-label"));
}

#[test]
fn case_67_two_kinds_of_rules_in_one_grant_must_both_hold() {
    let rules = "rules: [{kind: TCPRoute, name: tcp}, {kind: HTTPRouteGroup, name: g, matches: [a]}]";
    let grant = target("t", "v1alpha3", &format!("{DESTINATION}, {SOURCES}, {rules}"));
    let route = tcp_route("tcp", "v1alpha4", "spec: {matches: {ports: [8080]}}");
    let ran = case(67, grant.clone() + &route + &g() + &pods());
    assert!(
        linkerd(&ran, 8080, "cart GET /") && !linkerd(&ran, 8080, "cart POST /") && !linkerd(&ran, 5432, "cart tcp")
    );
    let apart = target("t", "v1alpha3", &format!("{DESTINATION}, {SOURCES}, rules: [{{kind: TCPRoute, name: tcp}}]"))
        + &target("u", "v1alpha3", &format!("{DESTINATION}, {SOURCES}, {RULES}"));
    let route = route.replace("8080", "5432");
    let ran = World::of(apart + &route + &g() + &pods()).from("osm").to("linkerd").run();
    assert!(linkerd(&ran, 8080, "cart GET /") && linkerd(&ran, 5432, "cart tcp"), "{:#?}", ran.findings());
}

#[test]
fn case_68_all_ports_beside_one_port_are_what_the_source_mesh_made_of_them() {
    let rules = "rules: [{kind: TCPRoute, name: all}, {kind: TCPRoute, name: one}]";
    let grant = target("t", "v1alpha3", &format!("{DESTINATION}, {SOURCES}, {rules}"));
    let all = tcp_route("all", "v1alpha4", "spec: {matches: {ports: []}}");
    let input = grant + &all + &tcp_route("one", "v1alpha4", "spec: {matches: {ports: [5432]}}") + &pods();
    let ran = case(68, input.clone());
    assert!(istio(&ran, 5432, "cart tcp") && !istio(&ran, 8080, "cart tcp") && !istio(&ran, 5432, "till tcp"));
    let spec = World::of(input).from("spec").to("istio").run();
    assert!(istio(&spec, 5432, "cart tcp") && istio(&spec, 8080, "cart tcp") && !istio(&spec, 8080, "till tcp"));
}

#[test]
fn case_69_grants_that_overlap_add_up() {
    let other = "sources: [{kind: ServiceAccount, name: till, namespace: shop}]";
    let more = "rules: [{kind: HTTPRouteGroup, name: g, matches: [b]}]";
    let both = group("g", "v1alpha4", "{name: a, methods: [GET]}, {name: b, pathRegex: /admin, methods: [GET, POST]}");
    let grants = target("t", "v1alpha3", &format!("{DESTINATION}, {SOURCES}, {RULES}"))
        + &target("u", "v1alpha3", &format!("{DESTINATION}, {other}, {more}"));
    let input = grants + &both + &pods();
    let ran = case(69, input.clone());
    assert_eq!(ran.outcome("TrafficTarget", "u"), Outcome::Migrated);
    assert!(ran.codes("TrafficTarget", "u").contains(&"grants-overlap"));
    assert!(linkerd(&ran, 8080, "cart GET /admin") && linkerd(&ran, 8080, "till GET /admin"));
    assert!(!linkerd(&ran, 8080, "cart POST /admin") && !linkerd(&ran, 8080, "till GET /"));
    let traefik = World::of(older(&input)).from("traefik").to("linkerd").run();
    assert!(traefik.has("grants-overlap-ranked") && !traefik.enforces(), "{:#?}", traefik.findings());
}

#[test]
fn case_70_splits_without_a_grant_become_routes_and_no_policy() {
    let input = split("v1alpha2", &format!("service: web, {NINE_TO_ONE}")) + &web();
    let ran = case(70, input.clone());
    assert_eq!(ran.manifests().len(), 1);
    assert!(!ran.has("open-without-grants"), "nothing says that anything was denied");
    for (permissive, open) in [(false, true), (true, false)] {
        let ran = World::of(input.clone() + &mesh_config(permissive)).from("osm").to("istio").run();
        assert_eq!(ran.has("open-without-grants"), open, "{:#?}", ran.findings());
    }
    let granted = target("t", "v1alpha3", &format!("{DESTINATION}, {SOURCES}, {RULES}"));
    let ran = World::of(input + &granted + &mesh_config(false)).from("osm").to("istio").run();
    assert!(!ran.has("open-without-grants"));
}

#[test]
fn case_71_a_split_is_converted_beside_a_grant_and_gives_no_permission() {
    let grant = target("t", "v1alpha3", &format!("{DESTINATION}, {SOURCES}, {RULES}")) + &g();
    let pods = pods().split("---\n").nth(1).expect("pods").replace("8080", "80");
    let input = grant + &split("v1alpha2", &format!("service: web, {NINE_TO_ONE}")) + &web() + "---\n" + &pods;
    let ran = case(71, input.clone());
    assert_eq!(ran.outcome("TrafficSplit", "web"), Outcome::Migrated);
    assert_eq!(ran.outcome("HTTPRouteGroup", "g"), Outcome::Superseded);
    assert!(linkerd(&ran, 80, "cart GET /") && !linkerd(&ran, 80, "till GET /"));
    let routes_only = World::of(input).run();
    assert_eq!(routes_only.outcome("TrafficSplit", "web"), Outcome::Migrated);
    assert_eq!(routes_only.codes("TrafficTarget", "t"), ["policy-not-converted"]);
    assert_eq!(routes_only.codes("HTTPRouteGroup", "g"), ["group-waits"]);
}

#[test]
fn case_72_a_binding_names_a_selector_or_an_account() {
    let binding = "apiVersion: access.smi-spec.io/v1alpha4\nkind: IdentityBinding\nmetadata: {name: b, namespace: \
                   shop}\nspec: {schemes: {podLabelSelector: {matchLabels: {app: web}}, serviceAccount: web}}\n";
    is_kept(&case(72, binding));
}

#[test]
fn a_grant_that_refers_to_what_is_not_there_is_told_so() {
    let missing = World::of(target("t", "v1alpha3", &format!("{DESTINATION}, {SOURCES}, {RULES}"))).run();
    assert!(missing.has("target-reference-missing"));
    let other = group("g", "v1alpha4", "{name: b, methods: [GET]}");
    let no_match = World::of(target("t", "v1alpha3", &format!("{DESTINATION}, {SOURCES}, {RULES}")) + &other).run();
    assert!(no_match.has("target-match-missing"));
}
