//! Cases 73 to 84: containers, other APIs, shapes that no API server took.

use smi2gamma::outcome::Outcome;

use crate::table::case;
use crate::world::{NINE_TO_ONE, World, group, services, split, web};

const HEAD: &str = "HTTPRoute shop/web-split-80 on web:80";
const ITEM: &str = "metadata: {name: web, namespace: shop}, spec: {service: web, backends: [{service: web-v1, weight: 90}, \
                    {service: web-v2, weight: 10}]}";

#[test]
fn case_73_the_items_of_lists_are_objects() {
    let expected = [HEAD, "* -> web-v1:80 9, web-v2:80 1"];
    let typed = format!("apiVersion: split.smi-spec.io/v1alpha2\nkind: TrafficSplitList\nitems: [{{{ITEM}}}]\n");
    case(73, typed + &web()).is_routed(&expected);
    let item = format!("{{apiVersion: split.smi-spec.io/v1alpha2, kind: TrafficSplit, {ITEM}}}");
    let list = format!("apiVersion: v1\nkind: List\nitems: [{item}]\n");
    World::of(list.clone() + &web()).run().is_routed(&expected);
    let nested = format!("apiVersion: v1\nkind: List\nitems: [{{apiVersion: v1, kind: List, items: [{item}]}}]\n");
    World::of(nested + &web()).run().is_routed(&expected);
}

#[test]
fn case_74_a_route_of_gateway_api_is_not_smi_and_is_not_routed_beside() {
    let plain = split("v1alpha2", &format!("service: web, {NINE_TO_ONE}"));
    let tcp = |port: u16| {
        format!(
            "---\napiVersion: gateway.networking.k8s.io/v1alpha2\nkind: TCPRoute\nmetadata: {{name: tcp, namespace: \
             shop}}\nspec: {{parentRefs: [{{group: \"\", kind: Service, name: web, port: {port}}}], rules: \
             [{{backendRefs: [{{name: web-v1, port: {port}}}]}}]}}\n"
        )
    };
    let ran = case(74, plain.clone() + &tcp(80) + &web());
    ran.is_refused();
    assert!(ran.all("TCPRoute").is_empty(), "it is no object of SMI");
    let elsewhere = World::of(plain + &tcp(8080) + &web()).run();
    elsewhere.is_routed(&[HEAD, "* -> web-v1:80 9, web-v2:80 1"]);
}

#[test]
fn case_75_the_splits_of_flomeshs_own_group_are_not_smi() {
    let input = format!(
        "apiVersion: traffic.flomesh.io/v1alpha1\nkind: TrafficSplit\n{}\n",
        ITEM.replace("}, spec", "}\nspec")
    );
    let ran = case(75, input + &web());
    ran.is_refused();
    assert!(ran.all("TrafficSplit").is_empty());
}

#[test]
fn case_76_a_draft_was_served_by_nobody() {
    case(76, split("v1alpha5", &format!("service: web, {NINE_TO_ONE}")) + &web()).is_refused();
    let draft = "---\napiVersion: specs.smi-spec.io/v1alpha4\nkind: HTTPRouteGroup\nmetadata: {name: g, namespace: \
                 shop}\nspec: {routes: [{name: a, methods: [GET]}]}\n";
    let by_draft = "service: web, matches: [{kind: HTTPRouteGroup, name: g}], backends: [{service: web-v1, weight: 1}]";
    let ran = World::of(split("v1alpha4", by_draft) + draft + &web()).from("spec").run();
    ran.is_refused();
    assert!(ran.codes("HTTPRouteGroup", "g").contains(&"smi-version-unknown"));
}

#[test]
fn case_77_an_object_without_a_group_was_taken_by_no_api_server() {
    let plain = split("v1alpha2", &format!("service: web, {NINE_TO_ONE}"));
    let without = plain.replace("apiVersion: split.smi-spec.io/v1alpha2\n", "");
    let ran = case(77, without + &web());
    ran.is_refused();
    let help = ran.finding("smi-version-missing").help.as_deref().unwrap_or_default();
    assert!(help.contains("split.smi-spec.io/"), "{help}");
    case(77, plain.replace("split.smi-spec.io/v1alpha2", "v1alpha4") + &web()).is_refused();
}

#[test]
fn case_78_metrics_are_nothing_to_migrate() {
    let metrics = "apiVersion: metrics.smi-spec.io/v1alpha1\nkind: TrafficMetrics\nmetadata: {name: m}\nresource: {kind: \
                   Pod, name: web, namespace: shop}\nedge: {direction: to, resource: null}\ntimestamp: \
                   2019-04-08T22:25:55Z\nwindow: 30s\nmetrics: []\n";
    case(78, metrics).is_refused();
    let service = "apiVersion: apiregistration.k8s.io/v1\nkind: APIService\nmetadata: {name: \
                   v1alpha1.metrics.smi-spec.io}\nspec: {group: metrics.smi-spec.io, version: v1alpha1}\n";
    assert!(World::of(service).run().has("leftover-apiservice"));
}

#[test]
fn case_79_what_came_with_smi_is_left_and_told() {
    let crd = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: \
               trafficsplits.split.smi-spec.io}\nspec: {group: split.smi-spec.io}\n";
    let ran = case(79, crd);
    ran.is_refused();
    assert!(ran.finding("leftover-crd").help.as_deref().unwrap_or_default().contains("last"));
    let adaptor = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: smi-adaptor}\nspec: {template: {spec: \
                   {containers: [{name: a, image: 'cr.l5d.io/linkerd/smi-adaptor:v0.2.7'}]}}}\n---\n";
    assert!(World::of(adaptor.to_owned() + crd).run().has("leftover-adaptor"));
}

#[test]
fn case_80_what_is_not_rendered_has_no_value() {
    let weight = |text: &str| {
        split("v1alpha2", &format!("service: web, backends: [{{service: web-v1, weight: {text}}}]")) + &web()
    };
    for text in ["\"${WEIGHT}\"", "\"{{ .Values.weight }}\"", "$(WEIGHT)"] {
        case(80, weight(text)).is_refused();
    }
    let template = World::of(
        "apiVersion: split.smi-spec.io/v1alpha2\nkind: TrafficSplit\nmetadata:\n  name: web\nspec:\n  \
                              {{- include \"x\" . }}\n",
    )
    .run();
    template.is_refused();
    assert!(template.has("yaml-template"));
}

#[test]
fn case_81_a_group_that_a_vendors_object_needs_stays() {
    let egress = "---\napiVersion: policy.openservicemesh.io/v1alpha1\nkind: Egress\nmetadata: {name: e, namespace: \
                  shop}\nspec: {matches: [{apiGroup: specs.smi-spec.io/v1alpha4, kind: HTTPRouteGroup, name: g}]}\n";
    let ran = case(81, group("g", "v1alpha4", "{name: a, methods: [GET]}") + egress);
    ran.is_refused();
    assert!(ran.has("leftover-vendor"));
}

#[test]
fn case_82_a_field_that_was_pruned_has_no_effect() {
    let backends = "backends: [{service: web-v1, weight: 90, port: 8080}, {service: web-v2, weight: 10}]";
    case(82, split("v1alpha2", &format!("service: web, {backends}")) + &web())
        .is_routed(&[HEAD, "* -> web-v1:80 9, web-v2:80 1"]);
}

#[test]
fn case_83_a_group_that_nothing_names_has_nowhere_to_go() {
    case(83, group("g", "v1alpha4", "{name: a, methods: [GET]}")).is_refused();
}

#[test]
fn case_84_quantities_of_every_suffix_are_exact() {
    let weights = |v1: &str, v2: &str| {
        let backends = format!("[{{service: web-v1, weight: {v1}}}, {{service: web-v2, weight: {v2}}}]");
        split("v1alpha1", &format!("service: web, backends: {backends}")) + &services(&["web", "web-v1", "web-v2"])
    };
    let ran = case(84, weights("2k", "500u"));
    ran.is_refused();
    assert!(ran.has("split-weight-rounded"));
    for (v1, v2, rule) in [
        ("1Ki", "1", "* -> web-v1:80 1024, web-v2:80 1"),
        ("1e3", "1", "* -> web-v1:80 1000, web-v2:80 1"),
        ("0.25", "75m", "* -> web-v1:80 10, web-v2:80 3"),
        ("2m", "500u", "* -> web-v1:80 2, web-v2:80 1"),
    ] {
        let ran = World::of(weights(v1, v2)).from("linkerd").run();
        assert_eq!(ran.outcome("TrafficSplit", "web"), Outcome::Migrated);
        ran.is_routed(&[HEAD, rule]);
    }
}
