//! Situations in ambient mode.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use smi2gamma::access::Written;
use smi2gamma::manifest::Effect;
use smi2gamma::model::grant::Principal;

use crate::call::call;
use crate::engine::{Call, Proxy, allows, refused_by_admission};
use crate::world::{Pods, World, bare, codes, target};

/// A call as in [`call`], to `service:port` through its waypoint, or to `@account:port` past it.
struct Situation {
    name: &'static str,
    world: World,
    /// Where each port of a Service leads: `api:80` to `api:8080`.
    leads: &'static [(&'static str, &'static str)],
    allowed: &'static [&'static str],
    denied: &'static [&'static str],
}

const API: &str = "
apiVersion: v1
kind: Service
metadata: {name: api, namespace: shop}
spec:
  clusterIP: 10.0.0.1
  selector: {app: api}
  ports:
  - {name: http, port: 80, targetPort: 8080}
  - {name: tcp-raw, port: 9000, targetPort: 9000}
";

const LEADS: &[(&str, &str)] = &[("api:80", "api:8080"), ("api:9000", "api:9000")];

fn api() -> Pods {
    bare("api").http(8080).behind("api", 80).opaque(9000).behind("api", 9000)
}

fn world(pods: Pods) -> World {
    World::of([pods]).beside(API)
}

fn situation(
    name: &'static str,
    world: World,
    allowed: &'static [&'static str],
    denied: &'static [&'static str],
) -> Situation {
    Situation { name, world, leads: LEADS, allowed, denied }
}

fn values(written: &[Written]) -> Vec<Value> {
    let mut values: Vec<Value> = Vec::new();
    for manifest in written.iter().flat_map(|written| &written.manifests) {
        if !values.contains(&manifest.value) {
            values.push(manifest.value.clone());
        }
    }
    values
}

/// Whether the call gets to the pods: by the waypoint's policy and the gate of the pods that it leads to.
fn arrives(situation: &Situation, policies: &[Value], text: &str) -> bool {
    let domain = situation.world.trust_domain.as_deref().unwrap_or("cluster.local");
    let mut parts = text.splitn(3, ' ');
    let (source, destination, rest) =
        (parts.next().unwrap_or_default(), parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let (name, port) = destination.split_once(':').expect("name:port");
    let read = call(&format!("{source} {port} {rest}"), domain);
    let pods = |account: &str, read: &Call| {
        let pods = situation.world.closures.iter().find(|pods| pods.account == account).expect("pods");
        pods.sets().iter().all(|set| allows(policies, &pods.namespace, &Proxy::Ztunnel(&set.labels), read, domain))
    };
    if let Some(account) = name.strip_prefix('@') {
        return pods(account, &read);
    }
    let kinds: BTreeSet<&str> = policies.iter().filter_map(|policy| policy["kind"].as_str()).collect();
    let about = |policy: &Value| policy.pointer("/spec/targetRefs/0/name").and_then(Value::as_str) == Some(name);
    let has_waypoint = kinds.contains("Gateway") || policies.iter().any(about);
    let (_, end) = situation.leads.iter().find(|(from, _)| *from == destination).expect("where the port leads");
    let (account, pod_port) = end.split_once(':').expect("account:port");
    let pod_port = pod_port.parse().expect("a port");
    if !has_waypoint {
        return pods(account, &Call { port: pod_port, ..read });
    }
    let behind = Call { source: Some(format!("{domain}/ns/shop/sa/waypoint")), port: pod_port, http: None };
    allows(policies, "shop", &Proxy::Waypoint(name), &read, domain) && pods(account, &behind)
}

fn holds(situation: &Situation) {
    let Situation { name, world, allowed, denied, .. } = situation;
    let written = world.write("istio-ambient");
    for one in &written {
        assert_eq!(codes(&one.refusals), Vec::<&str>::new(), "{name}: {:?}", one.refusals);
    }
    let policies = values(&written);
    for policy in policies.iter().filter(|policy| policy["kind"] == "AuthorizationPolicy") {
        assert_eq!(refused_by_admission(policy), None, "{name}: {policy:#}");
    }
    for text in *allowed {
        assert!(arrives(situation, &policies, text), "{name}: {text} must be allowed by\n{policies:#?}");
    }
    for text in *denied {
        assert!(!arrives(situation, &policies, text), "{name}: {text} must be denied by\n{policies:#?}");
    }
}

const SPLIT: &str = "
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: api-split-80, namespace: shop}
spec:
  parentRefs: [{group: '', kind: Service, name: api, port: 80}]
  rules:
  - backendRefs:
    - {name: api-v1, port: 80, weight: 9}
    - {name: api-v2, port: 80, weight: 1}
";

fn version(number: u8) -> Pods {
    let (account, service) = (format!("api-v{number}"), format!("api-v{number}"));
    bare(&account).http(8080).behind(&service, 80).behind("api", 80)
}

fn versions(one: &[&str], two: &[&str]) -> World {
    World::of([
        version(1).grant(target("one", &["shop/web"]).some(one)),
        version(2).grant(target("two", &["shop/web"]).some(two)),
    ])
}

fn get(pattern: &str) -> Pods {
    api().grant(target("t", &["shop/web"]).some(&[pattern]))
}

fn situations() -> Vec<Situation> {
    vec![
        situation(
            "a literal path through the waypoint",
            world(get("GET /a")),
            &["shop/web api:80 GET /a"],
            &["shop/web api:80 GET /b", "shop/web api:80 POST /a", "shop/cron api:80 GET /a", "- api:80 GET /a"],
        ),
        situation(
            "the waypoint cannot be walked around",
            world(get("GET /a")),
            &["shop/web api:80 GET /a"],
            &["shop/web @api:8080 GET /a", "shop/web @api:8080 TCP", "- @api:8080 GET /a", "shop/web @api:9000 TCP"],
        ),
        situation(
            "ports of a waypoint are those of the Service",
            world(get("GET /a")),
            &["shop/web api:80 GET /a"],
            &["shop/web api:9000 TCP"],
        ),
        situation(
            "connections alone need no waypoint",
            world(api().grant(target("t", &["shop/web"]).connections(&[9000]))),
            &["shop/web api:9000 TCP", "shop/web @api:9000 TCP"],
            &["shop/web api:80 GET /", "shop/cron api:9000 TCP", "- @api:9000 TCP"],
        ),
        situation(
            "all requests alone need no waypoint",
            world(api().grant(target("t", &["shop/web"]).requests())),
            &["shop/web api:80 GET /", "shop/web @api:8080 DELETE /x"],
            &["shop/cron api:80 GET /", "shop/web api:9000 TCP"],
        ),
        situation(
            "everything, on every port",
            World::of([bare("api")
                .http(8080)
                .behind("api", 80)
                .opaque(9000)
                .behind("api", 9000)
                .incomplete()
                .grant(target("t", &["shop/web"]).everything())])
            .beside(API),
            &["shop/web api:80 GET /", "shop/web @api:7000 TCP"],
            &["shop/cron @api:7000 TCP"],
        ),
        situation(
            "requests through the waypoint, connections as well",
            world(api().grant(target("t", &["shop/web"]).some(&["GET /a"]).connections(&[9000]))),
            &["shop/web api:80 GET /a", "shop/web api:9000 TCP", "shop/web @api:9000 TCP"],
            &["shop/web api:80 GET /b", "shop/web @api:8080 GET /a", "shop/cron api:9000 TCP"],
        ),
        situation(
            "who may do anything may do it past the waypoint",
            world(
                api()
                    .grant(target("t", &["shop/web"]).some(&["GET /a"]))
                    .grant(target("all", &["shop/admin"]).requests()),
            ),
            &["shop/admin api:80 DELETE /x", "shop/admin @api:8080 DELETE /x", "shop/web api:80 GET /a"],
            &["shop/web @api:8080 GET /a", "shop/web api:80 DELETE /x", "shop/admin api:9000 TCP"],
        ),
        situation(
            "a caller that the user named",
            world(
                api()
                    .grant(target("t", &["shop/web"]).some(&["GET /a"]))
                    .grant(target("", &["ingress/gateway"]).named_by_user().requests()),
            ),
            &["ingress/gateway api:80 GET /x", "ingress/gateway @api:8080 GET /x"],
            &["shop/web api:80 GET /x"],
        ),
        situation(
            "some requests never open an opaque port",
            world(get("GET /.*")),
            &["shop/web api:80 GET /x"],
            &["shop/web api:9000 TCP", "shop/web api:80 TCP"],
        ),
        situation(
            "/apiary beside /api",
            world(get("GET /api(/.*)?")),
            &["shop/web api:80 GET /api", "shop/web api:80 GET /api/x"],
            &["shop/web api:80 GET /apiary"],
        ),
        situation(
            "an alternation, whatever comes first",
            world(get("GET /a|/ab")),
            &["shop/web api:80 GET /a", "shop/web api:80 GET /ab"],
            &["shop/web api:80 GET /abc"],
        ),
        situation(
            "a prefix",
            world(get("GET /a.*")),
            &["shop/web api:80 GET /a", "shop/web api:80 GET /abc"],
            &["shop/web api:80 GET /"],
        ),
        situation(
            "a suffix",
            world(get("GET .*\\.html")),
            &["shop/web api:80 GET /a.html"],
            &["shop/web api:80 GET /a.htm"],
        ),
        situation(
            "a prefix that wants more",
            world(get("GET /x.+")),
            &["shop/web api:80 GET /xy"],
            &["shop/web api:80 GET /x"],
        ),
        situation(
            "digits are ten",
            world(get("GET /[0-9]")),
            &["shop/web api:80 GET /7"],
            &["shop/web api:80 GET /a", "shop/web api:80 GET /77"],
        ),
        situation("any method", world(get("* /a")), &["shop/web api:80 PROPFIND /a"], &["shop/web api:80 PROPFIND /b"]),
        situation(
            "a list of methods",
            world(get("GET|HEAD /a")),
            &["shop/web api:80 HEAD /a"],
            &["shop/web api:80 PUT /a"],
        ),
        situation(
            "a literal header",
            world(get("GET /a x-v: 2")),
            &["shop/web api:80 GET /a x-v: 2"],
            &["shop/web api:80 GET /a", "shop/web api:80 GET /a x-v: 3"],
        ),
        situation(
            "a header by its beginning",
            world(get("GET /a user-agent: curl.*")),
            &["shop/web api:80 GET /a user-agent: curl/8"],
            &["shop/web api:80 GET /a user-agent: wget", "shop/web @api:8080 GET /a user-agent: curl/8"],
        ),
        situation(
            "a header by its end",
            world(get("GET /a user-agent: .*bot")),
            &["shop/web api:80 GET /a user-agent: bot", "shop/web api:80 GET /a user-agent: big bot"],
            &["shop/web api:80 GET /a user-agent: bots", "shop/web api:80 GET /a"],
        ),
        situation(
            "a host",
            world(get("GET /a host: api(:80)?")),
            &["shop/web api:80 GET /a host: api", "shop/web api:80 GET /a host: api:80"],
            &["shop/web api:80 GET /a host: cart", "shop/web api:80 GET /b host: api"],
        ),
        situation(
            "TCP and HTTP in one grant keep to the ports",
            World::of([bare("api")
                .http(8080)
                .behind("api", 80)
                .opaque(9000)
                .behind("api", 9000)
                .grant(target("t", &["shop/web"]).some(&["GET /a"]).on(&[8080]))]),
            &["shop/web api:80 GET /a"],
            &["shop/web api:80 TCP", "shop/web api:9000 TCP", "shop/web @api:9000 TCP"],
        ),
        situation(
            "a header with any value",
            world(get("GET /a x-key: .*")),
            &["shop/web api:80 GET /a x-key: 1"],
            &["shop/web api:80 GET /a"],
        ),
        situation(
            "several headers",
            world(get("* * x-a: 1; x-b: 2")),
            &["shop/web api:80 GET / x-a: 1; x-b: 2"],
            &["shop/web api:80 GET / x-a: 1"],
        ),
        situation(
            "a list of sources",
            world(api().grant(target("t", &["shop/web", "ops/cron"]).some(&["GET /a"]))),
            &["shop/web api:80 GET /a", "ops/cron api:80 GET /a"],
            &["ops/web api:80 GET /a"],
        ),
        situation(
            "a SPIFFE ID",
            world(
                api().grant(
                    target("t", &[])
                        .source(Principal::Spiffe("spiffe://cluster.local/ns/shop/sa/web".into()))
                        .some(&["GET /a"]),
                ),
            ),
            &["shop/web api:80 GET /a"],
            &["shop/cron api:80 GET /a"],
        ),
        situation(
            "the trust domain is named, for the gate too",
            world(get("GET /a")).trust_domain("corp.example"),
            &["shop/web api:80 GET /a"],
            &["cluster.local/shop/web api:80 GET /a", "shop/web @api:8080 GET /a"],
        ),
        situation(
            "overlapping requests of different sources add up",
            world(
                api()
                    .grant(target("wide", &["shop/web"]).some(&["GET /api.*"]))
                    .grant(target("narrow", &["shop/cron"]).some(&["* /api/run"])),
            ),
            &["shop/web api:80 GET /api/run", "shop/cron api:80 POST /api/run"],
            &["shop/cron api:80 GET /api", "shop/web api:80 POST /api/run"],
        ),
        situation(
            "sources are not merged into a wider grant",
            world(
                api()
                    .grant(target("all", &["shop/admin"]).some(&["* /.*"]))
                    .grant(target("some", &["shop/web"]).some(&["GET /a"])),
            ),
            &["shop/web api:80 GET /a"],
            &["shop/web api:80 GET /b", "shop/admin @api:9000 TCP"],
        ),
        situation(
            "a closure of grants that allow nothing is closed",
            world(api().grant(target("t", &["shop/web"]))),
            &[],
            &["shop/web api:80 GET /", "shop/web @api:9000 TCP", "- @api:8080 GET /"],
        ),
        situation(
            "a closure without grants is closed",
            world(api()),
            &[],
            &["shop/web api:80 GET /", "shop/web @api:9000 TCP"],
        ),
        situation(
            "grants that no request satisfies close the Service too",
            world(api().grant(target("t", &["shop/web"]).some(&["GET x"]))),
            &[],
            &["shop/web api:80 GET /", "shop/web api:80 GET /x", "shop/web api:9000 TCP"],
        ),
        Situation {
            name: "two Services before the same pods",
            world: World::of([bare("api")
                .http(8080)
                .behind("api", 80)
                .behind("api-v1", 8000)
                .grant(target("t", &["shop/web"]).some(&["GET /a"]))]),
            leads: &[("api:80", "api:8080"), ("api-v1:8000", "api:8080")],
            allowed: &["shop/web api:80 GET /a", "shop/web api-v1:8000 GET /a"],
            denied: &["shop/web api:80 GET /b", "shop/web api-v1:8000 GET /b", "shop/cron api-v1:8000 GET /a"],
        },
        Situation {
            name: "a Service for some of the ports opens no others",
            world: World::of([bare("api")
                .http(8080)
                .behind("api", 80)
                .http(8081)
                .behind("admin", 81)
                .grant(target("t", &["shop/web"]).some(&["GET /a"]).on(&[8080]))
                .grant(target("u", &["shop/ops"]).some(&["GET /a"]).on(&[8081]))]),
            leads: &[("api:80", "api:8080"), ("admin:81", "api:8081")],
            allowed: &["shop/web api:80 GET /a", "shop/ops admin:81 GET /a"],
            denied: &["shop/web admin:81 GET /a", "shop/ops api:80 GET /a", "shop/ops @api:8081 GET /a"],
        },
        Situation {
            name: "a Service that no grant is for is closed",
            world: World::of([bare("api")
                .http(8080)
                .behind("api", 80)
                .http(8081)
                .behind("admin", 81)
                .grant(target("t", &["shop/web"]).some(&["GET /a"]).on(&[8080]))]),
            leads: &[("api:80", "api:8080"), ("admin:81", "api:8081")],
            allowed: &["shop/web api:80 GET /a"],
            denied: &["shop/web admin:81 GET /a", "- admin:81 GET /a", "shop/web @api:8081 GET /a"],
        },
        Situation {
            name: "a split between pods with the same grants",
            world: versions(&["GET /a"], &["GET /a"]).route(SPLIT),
            leads: &[("api:80", "api-v2:8080"), ("api-v1:80", "api-v1:8080"), ("api-v2:80", "api-v2:8080")],
            allowed: &["shop/web api:80 GET /a", "shop/web api-v1:80 GET /a", "shop/web api-v2:80 GET /a"],
            denied: &["shop/web api:80 GET /b", "shop/web api-v1:80 GET /b", "shop/web @api-v1:8080 GET /a"],
        },
        Situation {
            name: "a route brings a waypoint, so connections go through it",
            world: World::of([
                version(1).grant(target("one", &["shop/web"]).requests()),
                version(2).grant(target("two", &["shop/web"]).requests()),
            ])
            .route(SPLIT),
            leads: &[("api:80", "api-v1:8080"), ("api-v1:80", "api-v1:8080")],
            allowed: &["shop/web api:80 GET /a", "shop/web api-v1:80 DELETE /b", "shop/web @api-v1:8080 GET /"],
            denied: &["shop/cron api:80 GET /a", "shop/cron @api-v2:8080 GET /"],
        },
        Situation {
            name: "pods of several label sets",
            world: World::of([bare("api")
                .labels(&[("v", "1")])
                .http(8080)
                .behind("api", 80)
                .also(&[("v", "2")])
                .http(8080)
                .behind("api", 80)
                .grant(target("t", &["shop/web"]).some(&["GET /a"]))]),
            leads: LEADS,
            allowed: &["shop/web api:80 GET /a"],
            denied: &["shop/web api:80 GET /b", "shop/web @api:8080 GET /a"],
        },
        Situation {
            name: "label sets with different ports behind one Service",
            world: World::of([bare("api")
                .labels(&[("v", "1")])
                .http(8080)
                .behind("api", 80)
                .also(&[("v", "2")])
                .http(8081)
                .behind("api", 80)
                .grant(target("t", &["shop/web"]).some(&["GET /a"]))]),
            leads: LEADS,
            allowed: &["shop/web api:80 GET /a"],
            denied: &["shop/web api:80 GET /b"],
        },
        situation(
            "a Service that names its waypoint",
            World::of([get("GET /a")]).beside(
                &API.replace("namespace: shop}", "namespace: shop, labels: {istio.io/use-waypoint: waypoint}}"),
            ),
            &["shop/web api:80 GET /a"],
            &["shop/web api:80 GET /b", "shop/web @api:8080 GET /a"],
        ),
        situation(
            "a pattern that takes everything needs no waypoint",
            world(get("*")),
            &["shop/web api:80 GET /a", "shop/web @api:8080 GET /a"],
            &["shop/cron api:80 GET /a"],
        ),
        situation(
            "an account with a dot is no pattern",
            world(api().grant(target("t", &["shop/we.b"]).some(&["GET /a"]))),
            &["shop/we.b api:80 GET /a"],
            &["shop/weab api:80 GET /a"],
        ),
    ]
}

#[test]
fn what_is_written_allows_what_was_granted_and_nothing_else() {
    for situation in situations() {
        holds(&situation);
    }
}

#[test]
fn there_are_at_least_forty_situations_and_each_has_its_own_name() {
    let names: BTreeSet<_> = situations().iter().map(|situation| situation.name).collect();
    assert!(names.len() >= 40, "{}", names.len());
    assert_eq!(names.len(), situations().len());
}

// --- what is refused ---

fn refused(world: &World) -> BTreeMap<String, Vec<&'static str>> {
    let written = world.write("istio-ambient");
    for one in written.iter().filter(|one| !one.refusals.is_empty()) {
        assert!(one.manifests.is_empty(), "a closure that is held enforces");
    }
    let names = world.closures.iter().map(|pods| pods.account.clone());
    names.zip(written.iter().map(|one| codes(&one.refusals))).filter(|(_, codes)| !codes.is_empty()).collect()
}

#[test]
fn a_waypoint_that_opens_the_other_backend_of_a_split_is_refused() {
    let world = versions(&["GET /a"], &["GET /b"]).route(SPLIT);
    let refused = refused(&world);
    assert_eq!(refused["api-v1"], ["waypoint-reaches-others"]);
    assert_eq!(refused["api-v2"], ["waypoint-reaches-others"]);
    let message = &world.write("istio-ambient")[0].refusals[0].1.message;
    assert!(message.contains("the pods of `api-v1`") && message.contains("the pods of `api-v2`"), "{message}");
}

#[test]
fn the_same_grants_in_other_words_are_the_same() {
    let world = versions(&["GET /a(/.*)?", "POST /b"], &["POST /b", "GET /a|/a/.*"]).route(SPLIT);
    assert_eq!(refused(&world).len(), 0);
    let world = versions(&["GET /a(/.*)?"], &["GET /a|/a/.+"]).route(SPLIT);
    assert_eq!(refused(&world).len(), 2);
}

#[test]
fn a_route_to_pods_without_grants_is_refused() {
    let world = World::of([version(1).grant(target("one", &["shop/web"]).some(&["GET /a"]))]).route(SPLIT);
    assert_eq!(refused(&world)["api-v1"], ["waypoint-reaches-others"]);
}

#[test]
fn a_route_that_was_there_already_counts_as_well() {
    let world = versions(&["GET /a"], &["GET /b"]).beside(SPLIT);
    assert_eq!(refused(&world).len(), 2);
}

#[test]
fn a_mirror_of_a_route_counts_as_well() {
    let route = "
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: r, namespace: shop}
spec:
  parentRefs: [{group: '', kind: Service, name: api-v1, port: 80}]
  rules:
  - filters: [{type: RequestMirror, requestMirror: {backendRef: {name: audit, port: 80}}}]
    backendRefs: [{name: api-v1, port: 80}]
";
    let world = World::of([bare("api-v1")
        .http(8080)
        .behind("api-v1", 80)
        .grant(target("one", &["shop/web"]).some(&["GET /a"]))])
    .route(route);
    assert_eq!(refused(&world)["api-v1"], ["waypoint-reaches-others"]);
}

#[test]
fn a_service_that_selects_pods_of_two_accounts_is_refused() {
    assert_eq!(refused(&versions(&["GET /a"], &["GET /b"])).len(), 2);
    assert_eq!(refused(&versions(&["GET /a"], &["GET /a"])).len(), 0);
}

#[test]
fn a_service_that_selects_pods_without_grants_is_refused() {
    let other = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: legacy, namespace: shop}
spec:
  selector: {matchLabels: {app: api, tier: old}}
  template:
    metadata: {labels: {app: api, tier: old}}
    spec: {serviceAccountName: legacy, containers: [{name: a, image: a}]}
";
    assert_eq!(refused(&world(get("GET /a")).beside(other))["api"], ["waypoint-reaches-others"]);
}

#[test]
fn requests_without_a_service_that_has_an_address_are_refused() {
    let bare_pods = bare("api").http(8080).grant(target("t", &["shop/web"]).some(&["GET /a"]));
    assert_eq!(refused(&World::of([bare_pods]))["api"], ["waypoint-without-service"]);
    let headless = API.replace("clusterIP: 10.0.0.1", "clusterIP: None");
    assert_eq!(refused(&World::of([get("GET /a")]).beside(&headless))["api"], ["waypoint-without-service"]);
}

#[test]
fn a_port_without_service_is_told() {
    let pods = bare("api").http(8080).behind("api", 80).http(8081).grant(target("t", &["shop/web"]).some(&["GET /a"]));
    let written = World::of([pods]).write("istio-ambient");
    assert_eq!(
        codes(&written[0].findings),
        ["trust-domain-assumed", "waypoint-label", "waypoint-port-without-service"]
    );
}

#[test]
fn a_destination_is_held_with_the_one_it_shares_a_service_with() {
    let world = World::of([
        version(1).grant(target("one", &["shop/web"]).some(&["GET /a"])),
        version(2)
            .grant(target("two", &["shop/web"]).some(&["GET /a"]))
            .grant(target("three", &["shop/web"]).udp(&[53])),
    ]);
    let refused = refused(&world);
    assert_eq!(refused["api-v1"], ["waypoint-joins-held"]);
    assert_eq!(refused["api-v2"], ["udp-not-covered"]);
    let world = World::of([
        version(1).grant(target("one", &["shop/web"]).some(&["GET /a"])),
        version(2).grant(target("two", &["shop/web"]).some(&["GET /a"])).held(),
    ]);
    let written = world.write("istio-ambient");
    assert_eq!(codes(&written[0].refusals), ["waypoint-joins-held"]);
    assert!(written[0].manifests.is_empty());
}

#[test]
fn a_waypoint_that_takes_pods_is_refused() {
    let named = API.replace("namespace: shop}", "namespace: shop, labels: {istio.io/use-waypoint: mine}}");
    let gateway = |takes: &str| {
        format!(
            "
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {{name: mine, namespace: shop, labels: {{istio.io/waypoint-for: {takes}}}}}
spec: {{gatewayClassName: istio-waypoint, listeners: [{{name: mesh, port: 15008, protocol: HBONE}}]}}
"
        )
    };
    let world = |takes: &str| World::of([get("GET /a")]).beside(&named).beside(&gateway(takes));
    assert_eq!(refused(&world("all"))["api"], ["waypoint-not-for-services"]);
    assert_eq!(refused(&world("service")).len(), 0);
    let written = world("service").write("istio-ambient");
    assert!(written[0].manifests.iter().all(|manifest| manifest.id.kind == "AuthorizationPolicy"));
    let gate = written[0].manifests.last().expect("a gate");
    let principal = &gate.value["spec"]["rules"][0]["from"][0]["source"]["principals"][0];
    assert_eq!(principal, "cluster.local/ns/shop/sa/mine");
}

#[test]
fn udp_labels_of_callers_and_expressions_are_refused_here_too() {
    let udp = world(api().grant(target("t", &["shop/web"]).udp(&[53])));
    assert_eq!(refused(&udp)["api"], ["udp-not-covered"]);
    let labels = Principal::Pods { namespace: None, labels: [("app".to_owned(), "web".to_owned())].into() };
    assert_eq!(
        refused(&world(api().grant(target("t", &[]).source(labels).requests())))["api"],
        ["source-not-nameable"]
    );
    assert_eq!(refused(&world(get("GET /v[0-9]+")))["api"], ["loss-undecided"]);
    assert_eq!(refused(&world(get("GET /a x-a: [0-9]+")))["api"], ["loss-undecided"]);
}

#[test]
fn some_requests_on_a_port_that_istio_takes_for_tcp_are_refused() {
    let tcp = API.replace("name: http,", "name: tcp-web,");
    assert_eq!(refused(&World::of([get("GET /a")]).beside(&tcp))["api"], ["port-read-as-tcp"]);
}

// --- order, waypoint, audit ---

#[test]
fn the_waypoint_comes_first_and_the_gate_last() {
    let written = world(get("GET /a")).write("istio-ambient");
    let order: Vec<(&str, Effect)> =
        written[0].manifests.iter().map(|manifest| (manifest.id.name.as_str(), manifest.effect)).collect();
    let expected = [("waypoint", Effect::Supports), ("t-api", Effect::Enforces), ("api-gate", Effect::Enforces)];
    assert_eq!(order, expected);
    let waypoint = &written[0].manifests[0].value;
    assert_eq!(waypoint["spec"]["gatewayClassName"], "istio-waypoint");
    assert_eq!(waypoint["metadata"]["labels"]["istio.io/waypoint-for"], "service");
    let label = written[0].findings.iter().find(|(_, finding)| finding.code.0 == "waypoint-label").expect("a finding");
    let help = label.1.help.as_deref().unwrap_or_default();
    assert!(help.ends_with("kubectl label service api -n shop istio.io/use-waypoint=waypoint"), "{help}");
}

#[test]
fn closures_of_one_namespace_write_the_same_waypoint() {
    let world = World::of([
        get("GET /a"),
        bare("cart").http(8080).behind("cart", 80).grant(target("c", &["shop/web"]).some(&["GET /c"])),
    ]);
    let written = world.write("istio-ambient");
    assert_eq!(written[0].manifests[0], written[1].manifests[0]);
}

#[test]
fn ztunnel_is_given_no_form_that_only_reports_before_it_knows_one() {
    let held = |version: &str| world(get("GET /a").held()).version(version).write("istio-ambient").remove(0);
    let names = |written: &Written| -> Vec<String> { written.audit.iter().map(|one| one.id.name.clone()).collect() };
    assert_eq!(names(&held("1.28")), ["waypoint", "t-api"]);
    assert_eq!(names(&held("1.29")), ["waypoint", "t-api", "api-gate"]);
    assert!(held("1.29").manifests.is_empty());
}

#[test]
fn what_only_reports_has_its_waypoint_and_threatens_with_no_gate() {
    let held = world(get("GET /a").held()).write("istio-ambient").remove(0);
    assert_eq!(held.audit[0].id.kind, "Gateway", "without it nothing reads the policy of the Service");
    assert!(held.audit.iter().all(|one| one.effect < Effect::Enforces), "{:#?}", held.audit);
    let label = |written: &Written| {
        let found = written.findings.iter().find(|(_, finding)| finding.code.0 == "waypoint-label");
        let (_, finding) = found.expect("a finding");
        format!("{} {}", finding.notes.join(" "), finding.help.clone().unwrap_or_default())
    };
    assert!(!label(&held).contains("gate"), "{}", label(&held));
    let enforced = world(get("GET /a")).write("istio-ambient").remove(0);
    assert!(label(&enforced).contains("before the gate is applied"), "{}", label(&enforced));
}

#[test]
fn a_destination_that_is_held_with_another_reports() {
    let world = World::of([
        version(1).grant(target("one", &["shop/web"]).some(&["GET /a"])),
        version(2).grant(target("two", &["shop/web"]).some(&["GET /a"])).held(),
    ]);
    let written = world.write("istio-ambient");
    assert_eq!(codes(&written[0].refusals), ["waypoint-joins-held"]);
    assert!(written[0].audit.iter().any(|one| one.effect == Effect::Audits), "{:#?}", written[0].audit);
}

#[test]
fn the_policy_that_denies_a_namespace_lets_a_gate_stand() {
    let world = world(get("GET /a"));
    let written = world.write("istio-ambient");
    let mut policies = values(&written);
    policies.extend(world.default_deny("istio-ambient", "shop").into_iter().map(|manifest| manifest.value));
    let situation = Situation { name: "", world, leads: LEADS, allowed: &[], denied: &[] };
    assert!(arrives(&situation, &policies, "shop/web api:80 GET /a"));
    assert!(!arrives(&situation, &policies, "shop/web api:80 GET /b"));
    let ungranted = BTreeMap::from([("app".to_owned(), "other".to_owned())]);
    let waypoint = Call { source: Some("cluster.local/ns/shop/sa/waypoint".into()), port: 80, http: None };
    assert!(!allows(&policies, "shop", &Proxy::Ztunnel(&ungranted), &waypoint, "cluster.local"));
}
