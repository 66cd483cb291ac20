//! Cases 59 to 72: access grants. No policy is written, so none of them may have output, and none may be lost.

use smi2gamma::outcome::Outcome;

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
    for port in ["8080", "'8080'"] {
        let destination = format!("destination: {{kind: ServiceAccount, name: web, namespace: shop, port: {port}}}");
        is_kept(&case(59, target("t", "v1alpha2", &format!("{destination}, {SOURCES}, {RULES}")) + &g()));
    }
}

#[test]
fn case_60_a_rule_without_matches_is_kept() {
    let rules = "rules: [{kind: HTTPRouteGroup, name: g}]";
    is_kept(&case(60, target("t", "v1alpha3", &format!("{DESTINATION}, {SOURCES}, {rules}")) + &g()));
}

#[test]
fn case_61_a_grant_without_sources_is_kept() {
    is_kept(&case(61, target("t", "v1alpha3", &format!("{DESTINATION}, sources: [], {RULES}")) + &g()));
}

#[test]
fn case_62_a_destination_without_namespace_is_kept() {
    let destination = "destination: {kind: ServiceAccount, name: web}";
    is_kept(&case(62, target("t", "v1alpha3", &format!("{destination}, {SOURCES}, {RULES}")) + &g()));
}

#[test]
fn case_63_a_destination_of_another_namespace_is_kept() {
    let destination = "destination: {kind: ServiceAccount, name: web, namespace: other}";
    is_kept(&case(63, target("t", "v1alpha3", &format!("{destination}, {SOURCES}, {RULES}")) + &g()));
}

#[test]
fn case_64_a_group_is_no_identity() {
    let sources = "sources: [{kind: Group, name: admins}]";
    is_kept(&case(64, target("t", "v1alpha3", &format!("{DESTINATION}, {sources}, {RULES}")) + &g()));
}

#[test]
fn case_65_a_udp_route_is_kept_with_its_grant() {
    let udp = "---\napiVersion: specs.smi-spec.io/v1alpha4\nkind: UDPRoute\nmetadata: {name: u, namespace: shop}\nspec: \
               {matches: {ports: [53]}}\n";
    let rules = "rules: [{kind: UDPRoute, name: u}]";
    let ran = case(65, target("t", "v1alpha3", &format!("{DESTINATION}, {SOURCES}, {rules}")) + udp);
    is_kept(&ran);
    assert_eq!(ran.outcome("UDPRoute", "u"), Outcome::Blocked);
}

#[test]
fn case_66_a_tcp_route_without_ports_is_kept() {
    let rules = "rules: [{kind: TCPRoute, name: tcp}]";
    let grant = target("t", "v1alpha3", &format!("{DESTINATION}, {SOURCES}, {rules}"));
    is_kept(&case(66, grant + &tcp_route("tcp", "v1alpha3", "spec: {}")));
}

#[test]
fn case_67_two_kinds_of_rules_in_one_grant_are_kept() {
    let rules = "rules: [{kind: TCPRoute, name: tcp}, {kind: HTTPRouteGroup, name: g, matches: [a]}]";
    let grant = target("t", "v1alpha3", &format!("{DESTINATION}, {SOURCES}, {rules}"));
    is_kept(&case(67, grant + &tcp_route("tcp", "v1alpha4", "spec: {matches: {ports: [8080]}}") + &g()));
}

#[test]
fn case_68_all_ports_beside_one_port_are_kept() {
    let rules = "rules: [{kind: TCPRoute, name: all}, {kind: TCPRoute, name: one}]";
    let grant = target("t", "v1alpha3", &format!("{DESTINATION}, {SOURCES}, {rules}"));
    let all = tcp_route("all", "v1alpha4", "spec: {matches: {ports: []}}");
    is_kept(&case(68, grant + &all + &tcp_route("one", "v1alpha4", "spec: {matches: {ports: [80]}}")));
}

#[test]
fn case_69_grants_that_overlap_are_both_kept() {
    let other = "sources: [{kind: ServiceAccount, name: admin, namespace: shop}]";
    let grants = target("t", "v1alpha3", &format!("{DESTINATION}, {SOURCES}, {RULES}"))
        + &target("u", "v1alpha3", &format!("{DESTINATION}, {other}, {RULES}"));
    let ran = case(69, grants + &g());
    is_kept(&ran);
    assert_eq!(ran.outcome("TrafficTarget", "u"), Outcome::Blocked);
}

#[test]
fn case_70_splits_without_a_grant_become_routes_and_no_policy() {
    let ran = case(70, split("v1alpha2", &format!("service: web, {NINE_TO_ONE}")) + &web());
    assert_eq!(ran.manifests().len(), 1);
}

#[test]
fn case_71_a_split_is_converted_beside_a_grant_that_is_kept() {
    let grant = target("t", "v1alpha3", &format!("{DESTINATION}, {SOURCES}, {RULES}")) + &g();
    let ran = case(71, grant + &split("v1alpha2", &format!("service: web, {NINE_TO_ONE}")) + &web());
    assert_eq!(ran.outcome("TrafficSplit", "web"), Outcome::Migrated);
    assert_eq!(ran.manifests().len(), 1);
    assert_eq!(ran.outcome("HTTPRouteGroup", "g"), Outcome::Blocked);
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
