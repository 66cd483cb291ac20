//! What is deployed together: references resolve in a scope, and objects of different scopes never meet.

use smi2gamma::outcome::Outcome;

use crate::world::{NINE_TO_ONE, World, group, named_split, service, services, split, split_by_g, web};

const HEAD: &str = "HTTPRoute shop/web-split-80 on web:80";
const SPLIT: &str = "* -> web-v1:80 9, web-v2:80 1";

fn plain() -> String {
    split("v1alpha2", &format!("service: web, {NINE_TO_ONE}"))
}

fn half() -> String {
    split("v1alpha2", "service: web, backends: [{service: web-v1, weight: 1}, {service: web-v2, weight: 1}]")
}

#[test]
fn stages_of_one_split_are_converted_each_by_itself() {
    let ran = World::tree(&[("services.yaml", &web()), ("step-1.yaml", &plain()), ("step-2.yaml", &half())]).run();
    assert_eq!(ran.routes(), [format!("{HEAD}\n{SPLIT}"), format!("{HEAD}\n* -> web-v1:80 1, web-v2:80 1")]);
    assert!(ran.all("TrafficSplit").iter().all(|split| split.outcome == Outcome::Migrated));
    assert_eq!(ran.codes("TrafficSplit", "web"), ["object-versions"]);
}

#[test]
fn stages_under_different_versions_are_stages_too() {
    let newer = half().replace("v1alpha2", "v1alpha4");
    let ran = World::tree(&[("services.yaml", &web()), ("step-1.yaml", &plain()), ("step-2.yaml", &newer)]).run();
    assert_eq!(ran.routes(), [format!("{HEAD}\n{SPLIT}"), format!("{HEAD}\n* -> web-v1:80 1, web-v2:80 1")]);
    assert!(!ran.has("route-renamed"));
}

#[test]
fn stages_beside_another_split_of_the_root_are_not_combined() {
    let other = named_split("other", "v1alpha2", &format!("service: web, {NINE_TO_ONE}"));
    let ran = World::tree(&[("a.yaml", &plain()), ("b.yaml", &half()), ("c.yaml", &other), ("s.yaml", &web())]).run();
    ran.is_refused();
    assert!(ran.all("TrafficSplit").iter().all(|split| split.outcome == Outcome::Blocked));
    assert!(ran.has("splits-conflict"));
}

#[test]
fn splits_of_different_directories_do_not_meet() {
    let files = [
        ("dev/split.yaml", plain()),
        ("dev/services.yaml", web()),
        ("prod/split.yaml", half()),
        ("prod/services.yaml", web()),
    ];
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
    let ran = World::tree(&files).run();
    assert_eq!(ran.manifests().len(), 2);
    assert!(!ran.has("splits-conflict"));
    let apart = World::tree(&[("a/split.yaml", &plain()), ("b/services.yaml", &web())]).run();
    apart.is_refused();
    assert_eq!(apart.codes("TrafficSplit", "web"), ["port-unknown"]);
}

const BASE: &str = "resources: [split.yaml]\n";
const OVERLAY: &str = "resources: [../base, services.yaml]\n";

fn overlays(dev: &str, prod: &str) -> World {
    let ports = |ports: &str| ["web", "web-v1", "web-v2"].map(|name| service(name, ports)).concat();
    World::tree(&[
        ("base/kustomization.yaml", BASE),
        ("base/split.yaml", &plain()),
        ("dev/kustomization.yaml", OVERLAY),
        ("dev/services.yaml", &ports(dev)),
        ("prod/kustomization.yaml", OVERLAY),
        ("prod/services.yaml", &ports(prod)),
    ])
}

#[test]
fn overlays_that_agree_give_one_route() {
    let ran = overlays("{name: http, port: 80}", "{name: http, port: 80, targetPort: 9}").run();
    ran.is_routed(&[HEAD, SPLIT]);
}

#[test]
fn overlays_that_disagree_are_not_decided_by_the_first() {
    let ran = overlays("{name: http, port: 80}", "{name: http, port: 8080}").run();
    ran.is_refused();
    assert_eq!(ran.outcome("TrafficSplit", "web"), Outcome::Blocked);
    assert!(ran.codes("TrafficSplit", "web").contains(&"scopes-disagree"));
    let message = &ran.finding("scopes-disagree").message;
    assert!(message.contains("dev") && message.contains("prod"), "{message}");
    let kinds = overlays("{name: http, port: 80}", "{name: tcp-db, port: 80}").run();
    kinds.is_refused();
}

#[test]
fn a_split_that_one_overlay_adds_is_blocked_with_the_one_of_the_base_that_it_changes() {
    let beta = split_by_g("v1alpha4").replace("{name: web,", "{name: beta,");
    let ran = World::tree(&[
        ("base/kustomization.yaml", "resources: [split.yaml, services.yaml]\n"),
        ("base/split.yaml", &plain().replace("v1alpha2", "v1alpha4")),
        ("base/services.yaml", &web()),
        ("dev/kustomization.yaml", "resources: [../base, beta.yaml]\n"),
        ("dev/beta.yaml", &(beta + &group("g", "v1alpha4", "{name: a, methods: [GET]}"))),
        ("prod/kustomization.yaml", "resources: [../base]\n"),
    ])
    .from("spec")
    .run();
    ran.is_refused();
    assert_eq!(ran.outcome("TrafficSplit", "web"), Outcome::Blocked);
    assert!(ran.codes("TrafficSplit", "beta").contains(&"scopes-disagree"));
    assert!(!ran.has("internal"));
}

#[test]
fn a_namespace_that_a_kustomization_sets_holds_for_references_and_is_not_written() {
    let bare = |text: String| text.replace(", namespace: shop", "");
    let ran = World::tree(&[
        ("kustomization.yaml", "namespace: prod\nresources: [split.yaml, services.yaml]\n"),
        ("split.yaml", &bare(plain())),
        ("services.yaml", &bare(web())),
    ])
    .run();
    ran.is_routed(&["HTTPRoute web-split-80 on web:80", SPLIT]);
    let given = World::tree(&[
        ("kustomization.yaml", "namespace: prod\nresources: [split.yaml]\n"),
        ("split.yaml", &bare(plain())),
    ]);
    given
        .service_port("prod/web=8080")
        .run()
        .is_routed(&["HTTPRoute web-split-8080 on web:8080", "* -> web-v1:8080 9, web-v2:8080 1"]);
}

#[test]
fn a_patch_of_a_kustomization_is_delegated_and_changes_nothing_here() {
    let patch = "apiVersion: split.smi-spec.io/v1alpha2\nkind: TrafficSplit\nmetadata: {name: web, namespace: shop}\nspec: \
                 {service: web, backends: [{service: web-v1, weight: 1}]}\n";
    let ran = World::tree(&[
        ("kustomization.yaml", "resources: [split.yaml, services.yaml]\npatches: [{path: patch.yaml}]\n"),
        ("patch.yaml", patch),
        ("services.yaml", &web()),
        ("split.yaml", &plain()),
    ])
    .run();
    let outcomes: Vec<Outcome> = ran.all("TrafficSplit").iter().map(|split| split.outcome).collect();
    assert!(outcomes.contains(&Outcome::Delegated), "{outcomes:?}");
    assert!(ran.has("kustomize-patch"));
    ran.is_routed(&[HEAD, SPLIT]);
}

#[test]
fn given_ports_stand_in_for_services_and_never_over_them() {
    let ran = World::of(plain()).service_port("shop/*=8080").run();
    ran.is_routed(&["HTTPRoute shop/web-split-8080 on web:8080", "* -> web-v1:8080 9, web-v2:8080 1"]);
    let named = World::of(plain()).service_port("shop/*=8080").service_port("shop/web=9090").run();
    named.is_routed(&["HTTPRoute shop/web-split-9090 on web:9090", "* -> web-v1:9090 9, web-v2:9090 1"]);
    let known = World::of(plain() + &web()).service_port("shop/web=9090").run();
    known.is_routed(&[HEAD, SPLIT]);
    World::of(plain()).service_port("other/*=8080").run().is_refused();
    let two = World::of(plain()).service_port("shop/web=80").service_port("shop/web=81").run();
    assert_eq!(two.manifests().len(), 2);
    let anywhere = plain().replace(", namespace: shop", "");
    let agreed = World::of(anywhere.clone()).service_port("dev/web=80").service_port("prod/web=80").run();
    assert_eq!(agreed.manifests().len(), 1);
    World::of(anywhere).service_port("dev/web=80").service_port("prod/web=81").run().is_refused();
}

#[test]
fn context_is_looked_into_and_never_converted() {
    let context = web() + &named_split("theirs", "v1alpha2", &format!("service: cart, {NINE_TO_ONE}"));
    let ran = World::of(plain()).with(context).run();
    ran.is_routed(&[HEAD, SPLIT]);
    assert_eq!(ran.all("TrafficSplit").len(), 1);
    let groups = web() + &group("g", "v1alpha4", "{name: a, methods: [GET]}");
    let ran = World::of(split_by_g("v1alpha4")).from("spec").with(groups).run();
    ran.is_routed(&[HEAD, "GET -> web-v1:80 9, web-v2:80 1", "* -> web:80 1"]);
    assert!(ran.all("HTTPRouteGroup").is_empty());
}

#[test]
fn the_ports_of_a_root_that_is_missing_are_those_that_its_backends_share() {
    let ran = World::of(plain() + &services(&["web-v1", "web-v2"])).run();
    ran.is_routed(&[HEAD, SPLIT]);
    assert_eq!(ran.codes("TrafficSplit", "web"), ["port-from-backend"]);
    let shared = service("web-v1", "{name: http, port: 80}, {name: http-b, port: 81}") + &services(&["web-v2"]);
    World::of(plain() + &shared).run().is_routed(&[HEAD, SPLIT]);
    let none = service("web-v1", "{name: http, port: 81}") + &services(&["web-v2"]);
    let ran = World::of(plain() + &none).run();
    ran.is_refused();
    assert_eq!(ran.codes("TrafficSplit", "web"), ["port-unknown"]);
}

#[test]
fn the_port_of_a_canary_stands_in_for_its_apex() {
    let canary = "---\napiVersion: flagger.app/v1beta1\nkind: Canary\nmetadata: {name: web, namespace: shop}\nspec: \
                  {provider: 'gatewayapi:v1', targetRef: {name: web}, service: {port: 9898}}\n";
    let ran = World::of(plain() + canary).run();
    ran.is_routed(&["HTTPRoute shop/web-split-9898 on web:9898", "* -> web-v1:9898 9, web-v2:9898 1"]);
}

#[test]
fn a_service_with_two_sets_of_ports_is_not_guessed() {
    let root = services(&["web", "web-v1", "web-v2"]) + &service("web", "{name: http, port: 8080}");
    let ran = World::of(plain() + &root).run();
    ran.is_refused();
    assert_eq!(ran.codes("TrafficSplit", "web"), ["port-ambiguous"]);
    let backend = services(&["web", "web-v1", "web-v2"]) + &service("web-v2", "{name: http, port: 8080}");
    let ran = World::of(plain() + &backend).run();
    ran.is_refused();
    assert_eq!(ran.codes("TrafficSplit", "web"), ["port-ambiguous"]);
    let same = services(&["web", "web-v1", "web-v2"]) + &service("web-v2", "{name: http-x, port: 80, targetPort: 9}");
    World::of(plain() + &same).run().is_routed(&[HEAD, SPLIT]);
}

#[test]
fn a_backend_that_is_the_root_of_another_split_is_not_split_again() {
    let next = named_split("next", "v1alpha2", "service: web-v2, backends: [{service: web-v3, weight: 1}]");
    let ran = World::of(plain() + &next + &services(&["web", "web-v1", "web-v2", "web-v3"])).run();
    assert_eq!(
        ran.routes(),
        [format!("{HEAD}\n{SPLIT}"), "HTTPRoute shop/web-v2-split-80 on web-v2:80\n* -> web-v3:80 1".to_owned()]
    );
    assert_eq!(ran.codes("TrafficSplit", "web"), ["split-chained"]);
}

#[test]
fn a_route_that_is_there_already_is_not_joined_by_a_second_one() {
    let existing = |port: &str| {
        format!(
            "---\napiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {{name: mine, namespace: \
             shop}}\nspec: {{parentRefs: [{{group: \"\", kind: Service, name: web{port}}}], rules: []}}\n"
        )
    };
    for port in [", port: 80", ""] {
        let ran = World::of(plain() + &existing(port) + &web()).run();
        ran.is_refused();
        assert!(ran.codes("TrafficSplit", "web").contains(&"route-exists"));
    }
    World::of(plain() + &existing(", port: 81") + &web()).run().is_routed(&[HEAD, SPLIT]);
}

#[test]
fn a_group_that_is_there_twice_is_not_chosen_from() {
    let one = group("g", "v1alpha4", "{name: a, methods: [GET]}");
    let two = group("g", "v1alpha4", "{name: a, methods: [PUT]}");
    let ran = World::of(split_by_g("v1alpha4") + &one + &two + &web()).from("spec").run();
    ran.is_refused();
    assert_eq!(ran.codes("TrafficSplit", "web"), ["group-ambiguous"]);
}

#[test]
fn a_group_that_two_splits_use_waits_for_both() {
    let spec = format!("service: web-v1, matches: [{{kind: HTTPRouteGroup, name: g}}], {NINE_TO_ONE}");
    let input = split_by_g("v1alpha4")
        + &named_split("other", "v1alpha4", &spec.replace("weight: 10", "weight: -1"))
        + &group("g", "v1alpha4", "{name: a, methods: [GET]}")
        + &web();
    let ran = World::of(input).from("spec").run();
    assert_eq!(ran.outcome("TrafficSplit", "web"), Outcome::Migrated);
    assert_eq!(ran.outcome("TrafficSplit", "other"), Outcome::Blocked);
    assert_eq!(ran.codes("HTTPRouteGroup", "g"), ["group-waits"]);
}
