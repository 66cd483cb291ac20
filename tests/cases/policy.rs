//! Policy through whole runs: what is held and by what, what releases it, and what only reports.
//!
//! The output is judged by requests, asked of two small evaluators that were written from the meshes' code and share
//! nothing with the writers.

use std::collections::BTreeMap;

use smi2gamma::access::{AcceptedLoss, CallerClass, Side};
use smi2gamma::outcome::{Outcome, Proof};

use crate::istio_engine::{self, Call, Http, Proxy};
use crate::linkerd_engine::{self, Ask, Pods};
use crate::world::{Ran, World, group};

// --- what is granted ---

/// A TrafficTarget from `cart` to `web`; `rules` in flow style, without brackets.
pub fn grant(name: &str, rules: &str) -> String {
    grant_from(name, "cart", rules)
}

/// A TrafficTarget from an account of the namespace `shop` to `web`.
pub fn grant_from(name: &str, source: &str, rules: &str) -> String {
    format!(
        "---\napiVersion: access.smi-spec.io/v1alpha3\nkind: TrafficTarget\nmetadata: {{name: {name}, namespace: \
         shop}}\nspec: {{destination: {{kind: ServiceAccount, name: web, namespace: shop}}, sources: [{{kind: \
         ServiceAccount, name: {source}, namespace: shop}}], rules: [{rules}]}}\n"
    )
}

/// A rule that names a match of the group `g`.
pub fn by(name: &str) -> String {
    format!("{{kind: HTTPRouteGroup, name: g, matches: [{name}]}}")
}

/// Matches of the group `g`.
pub fn g(matches: &str) -> String {
    group("g", "v1alpha4", matches)
}

/// Pods of `web` with port 8080 behind port 80 of their Service, and port 5432, which is no HTTP.
pub fn pods() -> String {
    pods_with("", "")
}

/// The same with more in the metadata of the pods, and in their container.
pub fn pods_with(metadata: &str, container: &str) -> String {
    format!(
        "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web, namespace: shop}}\nspec: {{selector: \
         {{matchLabels: {{app: web}}}}, template: {{metadata: {{labels: {{app: web}}{metadata}}}, spec: \
         {{serviceAccountName: web, containers: [{{name: main, ports: [{{name: http, containerPort: 8080}}, {{name: \
         tcp-db, containerPort: 5432}}]{container}}}]}}}}}}\n---\napiVersion: v1\nkind: Service\nmetadata: {{name: web, \
         namespace: shop}}\nspec: {{selector: {{app: web}}, ports: [{{name: http, port: 80, targetPort: 8080}}, {{name: \
         tcp-db, port: 5432, appProtocol: tcp}}]}}\n"
    )
}

#[test]
fn pods_of_which_no_port_is_known_are_held() {
    let bare = pods().split("---\n").nth(1).map(|pods| format!("---\n{}", pods.replace("ports:", "unknown:")));
    let input = reading() + &bare.expect("pods");
    for to in ["linkerd", "istio", "istio-ambient"] {
        let ran = World::of(input.clone()).from("spec").to(to).run();
        assert_eq!(ran.outcome("TrafficTarget", "t"), Outcome::Blocked, "{to}");
        assert!(ran.has("ports-unknown") && !ran.has("internal") && !ran.enforces(), "{to}: {:#?}", ran.findings());
    }
}

/// Pods like those of `web`, of another account.
fn pods_of(account: &str) -> String {
    pods()
        .replace("name: web", &format!("name: {account}"))
        .replace("app: web", &format!("app: {account}"))
        .replace("serviceAccountName: web", &format!("serviceAccountName: {account}"))
}

/// The pods without the port that is no HTTP.
pub fn http_pods() -> String {
    pods()
        .replace(", {name: tcp-db, containerPort: 5432}", "")
        .replace(", {name: tcp-db, port: 5432, appProtocol: tcp}", "")
}

/// `cart` may GET.
pub fn reading() -> String {
    grant("t", &by("a")) + &g("{name: a, methods: [GET]}")
}

// --- what is asked ---

/// `cart GET /api x-a=1`: an account of the namespace `shop` or `-` for nobody of the mesh, a method, a path, headers; or
/// `cart tcp` for a connection that is not HTTP.
struct Asked {
    source: Option<String>,
    http: Option<(String, String, BTreeMap<String, String>)>,
}

fn asked(text: &str) -> Asked {
    let words: Vec<&str> = text.split(' ').collect();
    let source = (words[0] != "-").then(|| words[0].to_owned());
    let http = (words[1] != "tcp").then(|| {
        let headers = words[3..].iter().map(|word| {
            let (name, value) = word.split_once('=').expect("name=value");
            (name.to_owned(), value.to_owned())
        });
        (words[1].to_owned(), words[2].to_owned(), headers.collect())
    });
    Asked { source, http }
}

fn labels() -> BTreeMap<String, String> {
    BTreeMap::from([("app".to_owned(), "web".to_owned())])
}

/// Whether Linkerd lets a request to a port of `web` pass.
pub fn linkerd(ran: &Ran, port: u16, text: &str) -> bool {
    let Asked { source, http } = asked(text);
    let manifests: Vec<_> = ran.manifests().into_iter().cloned().collect();
    let pods = Pods { namespace: "shop".into(), labels: labels(), probes: BTreeMap::new() };
    let (method, path, headers) = match http {
        Some((method, path, headers)) => (Some(method), path, headers),
        None => (None, String::new(), BTreeMap::new()),
    };
    let source = source.map(|name| if name.contains('/') { name } else { format!("shop/{name}") });
    linkerd_engine::answer(&manifests, &pods, &Ask { source, port, method, path, headers }).expect("one answer")
}

/// Whether the sidecars of Istio do.
pub fn istio(ran: &Ran, port: u16, text: &str) -> bool {
    through(ran, &Proxy::Sidecar(&labels()), port, text)
}

/// Whether a proxy of Istio does.
pub fn through(ran: &Ran, proxy: &Proxy<'_>, port: u16, text: &str) -> bool {
    let Asked { source, http } = asked(text);
    let policies: Vec<_> = ran.of_kind("AuthorizationPolicy").into_iter().cloned().collect();
    let account = |name: String| match name.split_once('/') {
        Some((namespace, name)) => format!("cluster.local/ns/{namespace}/sa/{name}"),
        None => format!("cluster.local/ns/shop/sa/{name}"),
    };
    let http = http.map(|(method, path, headers)| Http { method, path, headers });
    let call = Call { source: source.map(account), port, http };
    istio_engine::allows(&policies, "shop", proxy, &call, "cluster.local")
}

/// Whether a run's policy lets a call to a pod port through.
pub type Allows = fn(&Ran, u16, &str) -> bool;

/// A run for Linkerd and one for Istio, each with its evaluator.
pub fn both(world: impl Fn() -> World) -> [(Ran, Allows); 2] {
    [(world().to("linkerd").run(), linkerd), (world().to("istio").run(), istio)]
}

/// What nobody could say otherwise: `cart` may GET on port 8080, and nobody else may anything.
#[track_caller]
fn is_enforced(ran: &Ran, allows: Allows) {
    assert_eq!(ran.outcome("TrafficTarget", "t"), Outcome::Migrated, "{:#?}", ran.findings());
    for (call, passes) in [("cart GET /", true), ("cart POST /", false), ("till GET /", false), ("- GET /", false)] {
        assert_eq!(allows(ran, 8080, call), passes, "{call}: {:#?}", ran.manifests());
    }
}

/// Nothing denies, and the grants wait under this code.
#[track_caller]
fn is_held(ran: &Ran, code: &str, allows: Allows) {
    assert!(ran.codes("TrafficTarget", "t").contains(&code), "{:#?}", ran.findings());
    assert!(ran.outcome("TrafficTarget", "t").needs_hands());
    assert!(!ran.enforces(), "{:#?}", ran.manifests());
    assert!(allows(ran, 8080, "till POST /"), "a held destination denies nobody");
}

// --- held ---

#[test]
fn a_grant_that_nothing_holds_enforces() {
    for (ran, allows) in both(|| World::of(reading() + &pods()).from("spec")) {
        is_enforced(&ran, allows);
        assert!(!ran.audits());
    }
}

#[test]
fn a_blocked_grant_holds_its_destination_and_the_others_are_written_to_report() {
    let more = grant_from("u", "till", &by("nowhere"));
    for (ran, allows) in both(|| World::of(reading() + &more + &pods()).from("spec")) {
        is_held(&ran, "destination-held", allows);
        assert_eq!(ran.outcome("TrafficTarget", "u"), Outcome::Blocked);
        assert!(ran.audits(), "{:#?}", ran.findings());
    }
}

#[test]
fn a_destination_of_which_nothing_can_be_said_is_not_reported_on() {
    let only = grant("t", &by("a")) + &g("{name: a, pathRegex: '.*x.*y.*'}");
    let ran = World::of(only + &pods()).from("osm").to("istio").run();
    is_held(&ran, "loss-undecided", istio);
    ran.is_refused();
}

#[test]
fn a_destination_is_an_account_and_another_one_is_not_held_with_it() {
    let other = pods()
        .replace("name: web", "name: api")
        .replace("app: web", "app: api")
        .replace("serviceAccountName: web", "serviceAccountName: api");
    let blocked = grant_from("u", "till", &by("nowhere")).replace("name: web", "name: api");
    for (ran, allows) in both(|| World::of(reading() + &blocked + &pods() + &other).from("spec")) {
        is_enforced(&ran, allows);
        assert_eq!(ran.outcome("TrafficTarget", "u"), Outcome::Blocked);
    }
}

#[test]
fn grants_that_a_mesh_ranked_hold_each_other() {
    let older = |text: String| text.replace("/v1alpha3", "/v1alpha2").replace("/v1alpha4", "/v1alpha3");
    let grants = grant("t", &by("a"))
        + &grant_from("u", "till", &by("b"))
        + &g("{name: a, methods: [GET]}, {name: b, pathRegex: '/admin', methods: [GET]}");
    for (ran, allows) in both(|| World::of(older(grants.clone()) + &pods()).from("traefik")) {
        is_held(&ran, "destination-held", allows);
        assert!(ran.codes("TrafficTarget", "u").contains(&"grants-overlap-ranked"));
    }
}

// --- callers without a grant ---

const INGRESS: &str = "---\napiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: edge, namespace: shop}\nspec: \
                       {rules: [{http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: \
                       80}}}}]}}]}\n";

#[test]
fn an_ingress_that_nobody_named_holds_and_naming_it_lets_it_in() {
    let input = || World::of(reading() + &pods() + INGRESS).from("spec");
    for (ran, allows) in both(input) {
        is_held(&ran, "caller-ingress", allows);
    }
    for (ran, allows) in both(|| input().caller(CallerClass::Ingress, "edge/nginx")) {
        is_enforced(&ran, allows);
        assert!(allows(&ran, 8080, "edge/nginx POST /anything"));
        assert!(!allows(&ran, 5432, "edge/nginx tcp"), "it leads to one port");
    }
}

#[test]
fn an_ingress_that_may_stop_is_not_let_in() {
    for (ran, allows) in
        both(|| World::of(reading() + &pods() + INGRESS).from("spec").caller(CallerClass::Ingress, "none"))
    {
        is_enforced(&ran, allows);
    }
}

#[test]
fn a_scraper_holds_until_it_is_named() {
    let scraped = pods_with(", annotations: {prometheus.io/scrape: 'true', prometheus.io/port: '8080'}", "");
    let input = || World::of(reading() + &scraped).from("spec");
    for (ran, allows) in both(input) {
        is_held(&ran, "caller-scraper", allows);
    }
    for (ran, allows) in both(|| input().caller(CallerClass::Scraper, "monitoring/prometheus")) {
        is_enforced(&ran, allows);
        assert!(allows(&ran, 8080, "monitoring/prometheus GET /metrics"));
    }
}

#[test]
fn a_host_that_only_the_source_mesh_served_holds() {
    let caller = "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: till, namespace: shop}\nspec: {template: \
                  {metadata: {labels: {app: till}}, spec: {serviceAccountName: till, containers: [{name: main, ports: \
                  [{containerPort: 1}], env: [{name: WEB, value: 'http://web.shop.traefik.mesh'}]}]}}}\n";
    let input = || World::of(reading() + &pods() + caller).from("spec");
    for (ran, allows) in both(input) {
        is_held(&ran, "caller-mesh-host", allows);
    }
    for (ran, allows) in both(|| input().hosts_moved()) {
        is_enforced(&ran, allows);
    }
}

#[test]
fn policy_that_is_there_already_holds() {
    let server = "---\napiVersion: policy.linkerd.io/v1beta3\nkind: Server\nmetadata: {name: own, namespace: shop}\nspec: \
                  {podSelector: {matchLabels: {app: web}}, port: 8080}\n";
    let policy = "---\napiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: own, namespace: \
                  shop}\nspec: {selector: {matchLabels: {app: web}}}\n";
    let input = |own: &str| World::of(reading() + &pods() + own).from("spec");
    is_held(&input(server).to("linkerd").run(), "policy-exists", linkerd);
    is_held(&input(policy).to("istio").run(), "policy-exists", istio);
    is_enforced(&input(server).to("istio").run(), istio);
}

#[test]
fn policy_for_all_pods_holds_unless_it_allows_nothing() {
    let authorization = |namespace: &str, spec: &str| {
        format!(
            "---\napiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {{name: own, namespace: \
             {namespace}}}\nspec: {spec}\n"
        )
    };
    let input = |own: &str| World::of(reading() + &pods() + own).from("spec");
    for namespace in ["shop", "istio-system"] {
        let deny = authorization(namespace, "{action: DENY, rules: [{to: [{operation: {paths: [/admin]}}]}]}");
        is_held(&input(&deny).to("istio").run(), "policy-exists", istio);
        let nothing = authorization(namespace, "{}");
        is_enforced(&input(&nothing).to("istio").run(), istio);
    }
    let elsewhere = authorization("till", "{rules: [{}]}");
    is_enforced(&input(&elsewhere).to("istio").run(), istio);
    let everyone = "---\napiVersion: policy.linkerd.io/v1alpha1\nkind: AuthorizationPolicy\nmetadata: {name: own, \
                    namespace: shop}\nspec: {targetRef: {kind: Namespace, name: shop}, requiredAuthenticationRefs: []}\n";
    is_held(&input(everyone).to("linkerd").run(), "policy-exists", linkerd);
}

#[test]
fn a_destination_that_a_binding_names_is_proved_as_well() {
    for schemes in ["{serviceAccount: web}", "{podLabelSelector: {matchLabels: {app: web}}}"] {
        let binding = format!(
            "---\napiVersion: access.smi-spec.io/v1alpha4\nkind: IdentityBinding\nmetadata: {{name: b, namespace: \
             shop}}\nspec: {{schemes: {schemes}}}\n"
        );
        let input = reading()
            .replace("v1alpha3", "v1alpha4")
            .replace("destination: {kind: ServiceAccount, name: web", "destination: {kind: IdentityBinding, name: b");
        for (ran, allows) in both(|| World::of(input.clone() + &binding + &pods()).from("spec")) {
            is_enforced(&ran, allows);
            assert_eq!(ran.proof("TrafficTarget", "t"), Proof::Equal, "{schemes}: {:#?}", ran.findings());
        }
    }
}

#[test]
fn a_spiffe_id_of_the_cluster_is_the_account_that_it_names() {
    let binding = "---\napiVersion: access.smi-spec.io/v1alpha4\nkind: IdentityBinding\nmetadata: {name: b, namespace: \
                   shop}\nspec: {schemes: {spiffeIdentities: [\"spiffe://cluster.local/ns/shop/sa/cart\"]}}\n";
    let input = reading()
        .replace("v1alpha3", "v1alpha4")
        .replace("sources: [{kind: ServiceAccount, name: cart", "sources: [{kind: IdentityBinding, name: b");
    for (ran, allows) in both(|| World::of(input.clone() + binding + &pods()).from("spec")) {
        is_enforced(&ran, allows);
    }
}

#[test]
fn pods_that_also_take_datagrams_are_protected_where_connections_are() {
    let pods = pods()
        .replace("{name: tcp-db, containerPort: 5432}", "{name: dns, containerPort: 53, protocol: UDP}")
        .replace("{name: tcp-db, port: 5432, appProtocol: tcp}", "{name: dns, port: 53, protocol: UDP}");
    for (ran, allows) in both(|| World::of(reading() + &pods).from("osm")) {
        is_enforced(&ran, allows);
    }
}

// --- pods ---

#[test]
fn labels_that_another_account_shares_hold() {
    let other = "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web-debug, namespace: shop}\nspec: {template: \
                 {metadata: {labels: {app: web}}, spec: {serviceAccountName: debug, containers: [{name: main}]}}}\n";
    for (ran, allows) in both(|| World::of(reading() + &pods() + other).from("spec")) {
        is_held(&ran, "workload-labels-shared", allows);
        ran.is_refused();
    }
}

#[test]
fn an_account_without_pods_is_held_until_its_labels_are_said() {
    let service = pods().split("---\n").nth(2).map(|service| format!("---\n{service}")).expect("a Service");
    let input = || World::of(reading() + &service).from("spec");
    for (ran, allows) in both(input) {
        is_held(&ran, "workload-missing", allows);
    }
    for (ran, allows) in both(|| input().workload("shop/web", ("app", "web"))) {
        is_enforced(&ran, allows);
    }
}

#[test]
fn pods_that_two_label_sets_would_select_have_one_server_for_each_port() {
    let canary = pods().split("---\n").nth(1).expect("pods").replace("name: web,", "name: web-canary,");
    let canary = canary.replace("app: web}", "app: web, track: canary}");
    let input = reading() + &pods() + "---\n" + &canary;
    let ran = World::of(input).from("spec").to("linkerd").run();
    is_enforced(&ran, linkerd);
    let mut ports: Vec<u64> = ran.of_kind("Server").iter().filter_map(|one| one["spec"]["port"].as_u64()).collect();
    ports.sort_unstable();
    assert_eq!(ports, [5432, 8080], "{:#?}", ran.of_kind("Server"));
}

#[test]
fn labels_that_are_said_and_miss_some_pods_of_the_account_hold() {
    let other = pods().split("---\n").nth(1).expect("pods").replace("name: web,", "name: web-batch,");
    let other = other.replace("app: web}", "app: batch}");
    for (ran, allows) in
        both(|| World::of(reading() + &pods() + "---\n" + &other).from("spec").workload("shop/web", ("app", "web")))
    {
        is_held(&ran, "workload-labels-partial", allows);
    }
    for (ran, allows) in both(|| World::of(reading() + &pods() + "---\n" + &other).from("spec")) {
        is_enforced(&ran, allows);
    }
}

#[test]
fn a_document_that_cannot_be_read_may_hold_pods() {
    let broken = "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: other, namespace: shop}\nspec: {template: \
                  {metadata: {labels: {app: web}}, spec: {serviceAccountName: {{ .Values.account }}}}}\n";
    for (ran, allows) in both(|| World::of(reading() + &pods() + broken).from("spec")) {
        is_held(&ran, "workload-unreadable", allows);
    }
}

#[test]
fn a_port_of_a_service_that_is_not_known_is_not_cut_off() {
    let rules = "{kind: TCPRoute, name: r}, {kind: HTTPRouteGroup, name: g, matches: [a]}";
    let route = "---\napiVersion: specs.smi-spec.io/v1alpha4\nkind: TCPRoute\nmetadata: {name: r, namespace: shop}\nspec: \
                 {matches: {ports: [8080]}}\n";
    let input = grant("t", rules) + &g("{name: a, methods: [GET]}") + route + &pods();
    for (ran, allows) in both(|| World::of(input.clone()).from("spec")) {
        is_held(&ran, "grant-port-unknown", allows);
    }
    for (ran, allows) in both(|| World::of(input.replace("[8080]", "[80]")).from("spec")) {
        is_enforced(&ran, allows);
    }
}

/// A port for metrics, which no Service leads to.
fn pods_with_metrics() -> String {
    pods().replace("{name: tcp-db, containerPort: 5432}", "{name: tcp-db, containerPort: 5432}, {containerPort: 9090}")
}

#[test]
fn a_port_that_no_service_leads_to_is_open_to_nobody_where_the_mesh_led_to_services_only() {
    for (ran, allows) in both(|| World::of(reading() + &pods_with_metrics()).from("osm")) {
        is_enforced(&ran, allows);
        assert!(!allows(&ran, 9090, "cart GET /"), "{:#?}", ran.manifests());
    }
    for (ran, allows) in both(|| World::of(reading() + &pods_with_metrics()).from("spec")) {
        is_enforced(&ran, allows);
        assert!(allows(&ran, 9090, "cart GET /") && !allows(&ran, 9090, "till GET /"), "{:#?}", ran.manifests());
    }
}

#[test]
fn a_probe_of_a_port_that_no_service_leads_to_goes_on_and_opens_it_to_nobody_else() {
    let probe = ", livenessProbe: {httpGet: {path: /healthz, port: 9999}}";
    let ran = World::of(reading() + &pods_with("", probe)).from("osm").to("linkerd").run();
    is_enforced(&ran, linkerd);
    assert!(!linkerd(&ran, 9999, "cart GET /"), "{:#?}", ran.manifests());
    let parents: Vec<_> =
        ran.of_kind("HTTPRoute").into_iter().map(|route| &route["spec"]["parentRefs"][0]["name"]).collect();
    assert_eq!(parents, ["web-8080"], "Linkerd lets probes through by itself where a Server has no route");
}

#[test]
fn a_container_that_declares_no_port_may_listen_on_any() {
    let agent = pods().replace("containers: [", "containers: [{name: agent}, ");
    let ran = World::of(reading() + &agent).from("spec").to("istio").run();
    is_enforced(&ran, istio);
    assert!(istio(&ran, 7000, "cart GET /") && !istio(&ran, 7000, "till GET /"), "{:#?}", ran.manifests());
    let ran = World::of(reading() + &agent).from("spec").to("linkerd").run();
    assert!(ran.has("linkerd-undeclared-ports"), "{:#?}", ran.findings());
}

#[test]
fn ports_that_nothing_declares_are_closed_where_the_mesh_led_to_services_only() {
    let undeclared = pods().replace("{name: http, containerPort: 8080}, {name: tcp-db, containerPort: 5432}", "");
    let ran = World::of(reading() + &undeclared).from("osm").to("istio").run();
    is_enforced(&ran, istio);
    assert!(!istio(&ran, 7000, "cart GET /"), "{:#?}", ran.manifests());
}

// --- versions ---

#[test]
fn versions_of_one_grant_are_no_two_grants() {
    let two = grant("t", &by("a")) + &grant_from("t", "till", &by("a")) + &g("{name: a, methods: [GET]}");
    for (ran, _) in both(|| World::of(two.clone() + &pods()).from("spec")) {
        assert!(ran.has("object-versions"));
        assert_eq!(ran.outcome("TrafficTarget", "t"), Outcome::Migrated, "{:#?}", ran.findings());
    }
    let beside = two + &grant_from("u", "desk", &by("a"));
    for (ran, allows) in both(|| World::of(beside.clone() + &pods()).from("spec")) {
        is_held(&ran, "grants-versions", allows);
    }
}

// --- what the source mesh enforced ---

/// The MeshConfig of Open Service Mesh.
pub fn mesh_config(permissive: bool) -> String {
    format!(
        "---\napiVersion: config.openservicemesh.io/v1alpha2\nkind: MeshConfig\nmetadata: {{name: osm-mesh-config, \
         namespace: osm-system}}\nspec: {{traffic: {{enablePermissiveTrafficPolicyMode: {permissive}}}}}\n"
    )
}

#[test]
fn what_a_permissive_mesh_did_not_enforce_is_written_to_report() {
    let input = || World::of(reading() + &pods() + &mesh_config(true));
    for (ran, allows) in both(input) {
        assert!(ran.has("source-permissive"), "{:#?}", ran.findings());
        assert!(ran.audits() && !ran.enforces());
        assert!(allows(&ran, 8080, "till POST /"));
    }
    for (ran, allows) in both(|| input().enforced(true)) {
        is_enforced(&ran, allows);
    }
}

#[test]
fn what_a_permissive_mesh_did_not_enforce_only_reports_in_ambient_mode_too() {
    let some = grant("t", &by("a")) + &g("{name: a, methods: [GET]}");
    let ran = World::of(some + &pods() + &mesh_config(true)).to("istio-ambient").run();
    assert!(ran.has("source-permissive"), "{:#?}", ran.findings());
    assert!(ran.audits() && !ran.enforces(), "{:#?}", ran.manifests());
    assert_eq!(ran.of_kind("Gateway").len(), 1, "policy of a Service is read by its waypoint");
}

#[test]
fn that_the_mesh_enforced_is_assumed_aloud_and_not_where_it_is_seen() {
    for (ran, allows) in both(|| World::of(reading() + &pods()).from("osm")) {
        is_enforced(&ran, allows);
        assert!(ran.has("enforcement-assumed"));
    }
    for (ran, allows) in both(|| World::of(reading() + &pods() + &mesh_config(false))) {
        is_enforced(&ran, allows);
        assert!(!ran.has("enforcement-assumed"));
    }
    for (ran, _) in both(|| World::of(reading() + &pods()).from("osm").enforced(false)) {
        assert!(!ran.enforces() && !ran.has("enforcement-assumed"));
    }
}

// --- default deny ---

#[test]
fn what_has_no_grant_is_denied_only_on_request_and_last() {
    for (ran, _) in both(|| World::of(reading() + &pods()).from("spec")) {
        assert!(ran.has("default-deny-left"));
    }
    let ran = World::of(reading() + &pods()).from("spec").to("istio").default_deny().run();
    is_enforced(&ran, istio);
    let last = ran.manifests().pop().expect("output");
    assert_eq!(last["metadata"]["name"], "allow-nothing");
    assert_eq!(last["spec"], serde_json::json!({}));
    assert!(!ran.has("default-deny-left"));
}

#[test]
fn a_namespace_with_a_held_destination_is_not_denied_by_default() {
    let more = grant_from("u", "till", &by("nowhere"));
    let ran = World::of(reading() + &more + &pods()).from("spec").to("istio").default_deny().run();
    assert!(!ran.enforces());
    let elsewhere = (reading() + &pods()).replace("namespace: shop", "namespace: till");
    let ran = World::of(reading() + &pods() + INGRESS + &elsewhere).from("spec").to("istio").default_deny().run();
    let denied: Vec<&str> = ran
        .of_kind("AuthorizationPolicy")
        .into_iter()
        .filter(|policy| policy["metadata"]["name"] == "allow-nothing")
        .map(|policy| policy["metadata"]["namespace"].as_str().expect("a namespace"))
        .collect();
    assert_eq!(denied, ["till"]);
}

#[test]
fn a_namespace_whose_pods_are_called_without_a_grant_is_not_denied_by_default() {
    let input = reading() + &pods() + &pods_of("front") + &INGRESS.replace("{name: web, port", "{name: front, port");
    let ran = World::of(input).from("spec").to("istio").default_deny().run();
    is_enforced(&ran, istio);
    assert!(ran.has("default-deny-withheld"), "{:#?}", ran.findings());
}

/// The Servers of the output: what they select, and their posture.
fn servers(ran: &Ran) -> Vec<(String, String)> {
    let text = |server: &serde_json::Value, path: &str| server.pointer(path).expect(path).as_str().unwrap().to_owned();
    ran.of_kind("Server")
        .into_iter()
        .map(|server| (text(server, "/spec/podSelector/matchLabels/app"), text(server, "/spec/accessPolicy")))
        .collect()
}

#[test]
fn linkerd_denies_the_rest_by_servers_that_let_nobody_in() {
    let ran = World::of(reading() + &pods() + &pods_of("front")).from("spec").to("linkerd").default_deny().run();
    is_enforced(&ran, linkerd);
    let servers = servers(&ran);
    assert_eq!(servers.last(), Some(&("front".to_owned(), "deny".to_owned())), "{servers:?}");
    assert_eq!(ran.manifests().last().map(|last| last["kind"].clone()), Some("Server".into()), "last in the output");
    assert!(!ran.has("default-deny-left") && !ran.has("default-deny-partial"), "{:#?}", ran.findings());
}

#[test]
fn what_linkerd_cannot_select_stays_open_and_is_said_to() {
    let twins = pods_of("front") + &pods_of("front").replace("serviceAccountName: front", "serviceAccountName: back");
    let twins = twins.replacen("name: front", "name: other", 1);
    let ran = World::of(reading() + &pods() + &twins).from("spec").to("linkerd").default_deny().run();
    assert!(servers(&ran).iter().all(|(app, _)| app != "front"));
    assert!(ran.has("default-deny-partial"), "{:#?}", ran.findings());
    let bare = pods_of("front").replace("ports:", "unknown:");
    let ran = World::of(reading() + &pods() + &bare).from("spec").to("linkerd").default_deny().run();
    assert!(ran.finding("default-deny-partial").message.contains("nothing declares"), "{:#?}", ran.findings());
}

#[test]
fn what_was_not_enforced_is_not_denied_by_default_either() {
    for (to, kind) in [("linkerd", "Server"), ("istio", "AuthorizationPolicy")] {
        let input = reading() + &pods() + &pods_of("front");
        let ran = World::of(input).from("osm").enforced(false).to(to).default_deny().run();
        assert!(!ran.enforces(), "{to}");
        let last = ran.manifests().pop().expect("output");
        assert_eq!(last["kind"], kind);
        let reports =
            last["spec"]["accessPolicy"] == "audit" || last["metadata"]["annotations"]["istio.io/dry-run"] == "true";
        assert!(reports, "{last}");
        assert!(ran.has("default-deny-reports"));
    }
}

#[test]
fn an_ingress_that_was_named_at_a_destination_does_not_keep_the_rest_open() {
    let ran = World::of(reading() + &pods() + INGRESS)
        .from("spec")
        .to("istio")
        .caller(CallerClass::Ingress, "edge/gate")
        .default_deny()
        .run();
    assert!(!ran.has("default-deny-withheld"), "{:#?}", ran.findings());
}

#[test]
fn a_grant_that_is_not_converted_keeps_its_namespace_from_being_denied_by_default() {
    let other = "
---
apiVersion: access.smi-spec.io/v1alpha3
kind: TrafficTarget
metadata: {name: other, namespace: shop}
spec:
  destination: {kind: ServiceAccount, name: front, namespace: shop}
  sources: [{kind: ServiceAccount, name: till, namespace: shop}]
  rules: [{kind: HTTPRouteGroup, name: nowhere}]
";
    for to in ["linkerd", "istio", "istio-ambient"] {
        let input = reading() + &pods() + &pods_of("front") + other;
        let ran = World::of(input).from("spec").to(to).default_deny().run();
        assert!(ran.has("default-deny-withheld"), "{to}: {:#?}", ran.findings());
    }
}

// --- losses ---

/// `cart` may GET `/v` and a number, which Istio has no words for.
fn versioned() -> String {
    grant("t", &by("a")) + &g("{name: a, pathRegex: '/v[0-9]+', methods: [GET]}") + &pods()
}

/// The entries that the finding prints, as losses that are accepted for a reason.
fn printed(ran: &Ran) -> Vec<AcceptedLoss> {
    let help = ran.finding("loss-undecided").help.clone().expect("a help");
    let entries = help.split_once('\n').expect("entries").1.replace("WHY", "tested");
    entries.split("or\n").flat_map(|entry| pasted(&format!("losses:\n{entry}"))).collect()
}

/// What a configuration of this text accepts.
fn pasted(text: &str) -> Vec<AcceptedLoss> {
    let config: smi2gamma::cli::config::Config = serde_yaml::from_str(text).expect("a configuration");
    smi2gamma::cli::policy::losses(config.losses, text, "smi2gamma.yaml").expect("entries that are accepted")
}

#[test]
fn entries_for_several_losses_are_pasted_below_each_other() {
    let two = "{name: a, pathRegex: '/v[0-9]+', methods: [GET], headers: [{x-a: '[0-9]+'}]}";
    let world = || World::of(grant("t", &by("a")) + &g(two) + &pods()).from("osm").to("istio");
    let ran = world().run();
    let helps = ran.findings().iter().filter(|finding| finding.code.0 == "loss-undecided");
    let wider = helps.map(|finding| {
        let help = finding.help.as_deref().expect("a help");
        let entries = help.split_once("smi2gamma.yaml:\n").expect("entries").1;
        entries.split("or\n").next().expect("one side").replace("WHY", "tested")
    });
    let text = format!("losses:\n{}", wider.collect::<String>());
    let entries = pasted(&text);
    assert_eq!(entries.len(), 2, "{text}");
    let ran = entries.into_iter().fold(world(), World::accepting).run();
    assert_eq!(ran.outcome("TrafficTarget", "t"), Outcome::Approximated, "{:#?}", ran.findings());
}

#[test]
fn a_loss_is_accepted_by_the_entry_that_is_printed_and_names_its_line() {
    let world = || World::of(versioned()).from("osm").to("istio");
    let ran = world().run();
    is_held(&ran, "loss-undecided", istio);
    let entries = printed(&ran);
    assert_eq!(entries.iter().map(|entry| entry.accept).collect::<Vec<_>>(), [Side::Wider, Side::Narrower]);
    for entry in entries {
        let side = entry.accept;
        let ran = world().accepting(entry).run();
        assert_eq!(ran.outcome("TrafficTarget", "t"), Outcome::Approximated);
        let notes = ran.finding("loss-accepted").notes.join("\n");
        assert!(notes.contains("accepted for shop/t in smi2gamma.yaml:2: tested"), "{notes}");
        assert!(!ran.has("loss-unused"));
        assert_eq!(istio(&ran, 8080, "cart GET /vx"), side == Side::Wider);
        assert!(!istio(&ran, 8080, "cart GET /w1") && !istio(&ran, 8080, "till GET /v1"));
    }
}

#[test]
fn an_entry_for_what_has_changed_accepts_nothing_and_says_so() {
    let ran = World::of(versioned()).from("osm").to("istio").run();
    let wider = printed(&ran).remove(0);
    let changed = versioned().replace("[0-9]", "[1-9]");
    let ran = World::of(changed).from("osm").to("istio").accepting(wider.clone()).run();
    is_held(&ran, "loss-undecided", istio);
    assert!(ran.finding("loss-unused").message.contains("smi2gamma.yaml:2"));
    for (input, why) in [
        (versioned().replace("/v[0-9]+", "/v1"), "without it"),
        (versioned().replace("{name: t,", "{name: renamed,"), "no such TrafficTarget"),
    ] {
        let ran = World::of(input).from("osm").to("istio").accepting(wider.clone()).run();
        assert!(ran.finding("loss-unused").message.contains(why), "{:#?}", ran.findings());
    }
}

#[test]
fn an_entry_that_another_run_may_need_is_not_called_unused() {
    let ran = World::of(versioned()).from("osm").to("istio").run();
    let wider = printed(&ran).remove(0);
    let linkerd = World::of(versioned()).from("osm").to("linkerd").accepting(wider.clone()).run();
    assert!(!linkerd.has("loss-unused"), "Linkerd says it exactly");
    let held = World::of(versioned() + INGRESS).from("osm").to("istio").accepting(wider).run();
    is_held(&held, "caller-ingress", istio);
    assert!(!held.has("loss-unused"), "it is needed once the ingress is named");
}
