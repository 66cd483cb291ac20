//! Migrations as people write them, with the mistakes that they make: what each must be found to be, and a request that
//! shows it.

use smi2gamma::verify::Relation::{self, Different, Equal, Narrower, Undecided, Wider};
use smi2gamma::verify::{Verdict, Witness};

use super::world::{Texts, holds, pods, shown};

/// web may `GET /api`.
const WEB_GETS_API: &str = "
apiVersion: access.smi-spec.io/v1alpha3
kind: TrafficTarget
metadata: {name: web, namespace: shop}
spec:
  destination: {kind: ServiceAccount, name: api, namespace: shop}
  sources: [{kind: ServiceAccount, name: web, namespace: shop}]
  rules: [{kind: HTTPRouteGroup, name: routes, matches: [api]}]
---
apiVersion: specs.smi-spec.io/v1alpha4
kind: HTTPRouteGroup
metadata: {name: routes, namespace: shop}
spec:
  matches:
  - {name: api, pathRegex: /api, methods: [GET]}
  - {name: keyed, pathRegex: /api, methods: [GET], headers: [{x-key: blue}]}
  - {name: status, pathRegex: /status, methods: [GET]}
  - {name: tree, pathRegex: '/api(/.*)?', methods: [GET]}
  - {name: erase, methods: [DELETE]}
";

/// A TrafficTarget for `api` or another account, from one source, for one match of the group above.
fn target(to: &str, source: &str, rule: &str) -> String {
    format!(
        "
---
apiVersion: access.smi-spec.io/v1alpha3
kind: TrafficTarget
metadata: {{name: {to}-{source}, namespace: shop}}
spec:
  destination: {{kind: ServiceAccount, name: {to}, namespace: shop}}
  sources: [{{kind: ServiceAccount, name: {source}, namespace: shop}}]
  rules: [{rule}]
"
    )
}

fn group(rule: &str) -> String {
    format!("{{kind: HTTPRouteGroup, name: routes, matches: [{rule}]}}")
}

/// Only the group.
fn routes() -> &'static str {
    WEB_GETS_API.split_once("---").map_or("", |(_, rest)| rest)
}

fn sidecar(spec: &str) -> String {
    format!(
        "
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {{name: api, namespace: shop}}
spec:
  selector: {{matchLabels: {{app: api}}}}
{spec}
"
    )
}

/// Connections to port 9000.
const NINE: &str = "{kind: TCPRoute, name: nine}";
const NINE_ONLY: &str = "---
apiVersion: specs.smi-spec.io/v1alpha4
kind: TCPRoute
metadata: {name: nine, namespace: shop}
spec: {matches: {ports: [9000]}}
";

const FROM_WEB: &str = "from: [{source: {principals: [cluster.local/ns/shop/sa/web]}}]";

const SERVER: &str = "
---
apiVersion: policy.linkerd.io/v1beta3
kind: Server
metadata: {name: api-8080, namespace: shop}
spec: {podSelector: {matchLabels: {app: api}}, port: 8080}
---
apiVersion: policy.linkerd.io/v1beta3
kind: Server
metadata: {name: api-9000, namespace: shop}
spec: {podSelector: {matchLabels: {app: api}}, port: 9000, proxyProtocol: opaque}
";

/// A route of the Server, who may use it, and the policy that says so.
fn route(name: &str, path: &str, sources: &[&str]) -> String {
    let accounts: Vec<String> =
        sources.iter().map(|name| format!("{{kind: ServiceAccount, name: {name}, namespace: shop}}")).collect();
    format!(
        "
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {{name: {name}, namespace: shop}}
spec:
  parentRefs: [{{group: policy.linkerd.io, kind: Server, name: api-8080}}]
  rules: [{{matches: [{{method: GET, path: {path}}}]}}]
---
apiVersion: policy.linkerd.io/v1alpha1
kind: MeshTLSAuthentication
metadata: {{name: {name}, namespace: shop}}
spec: {{identityRefs: [{}]}}
---
apiVersion: policy.linkerd.io/v1alpha1
kind: AuthorizationPolicy
metadata: {{name: {name}, namespace: shop}}
spec:
  targetRef: {{group: gateway.networking.k8s.io, kind: HTTPRoute, name: {name}}}
  requiredAuthenticationRefs: [{{group: policy.linkerd.io, kind: MeshTLSAuthentication, name: {name}}}]
",
        accounts.join(", ")
    )
}

const EXACT: &str = "{type: Exact, value: /api}";

/// OSM let HTTP-only grants connect to ports that are not HTTP, so a policy that is right opens 9000 to web.
const WEB_ON_9000: &str = "
---
apiVersion: policy.linkerd.io/v1alpha1
kind: AuthorizationPolicy
metadata: {name: api-9000, namespace: shop}
spec:
  targetRef: {group: policy.linkerd.io, kind: Server, name: api-9000}
  requiredAuthenticationRefs: [{kind: ServiceAccount, name: web, namespace: shop}]
";

const PROBES: &str = "
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: probes, namespace: shop}
spec:
  parentRefs: [{group: policy.linkerd.io, kind: Server, name: api-8080}]
  rules: [{matches: [{method: GET, path: {type: Exact, value: /healthz}}]}]
---
apiVersion: policy.linkerd.io/v1alpha1
kind: NetworkAuthentication
metadata: {name: probes, namespace: shop}
spec: {networks: [{cidr: 0.0.0.0/0}, {cidr: '::/0'}]}
---
apiVersion: policy.linkerd.io/v1alpha1
kind: AuthorizationPolicy
metadata: {name: probes, namespace: shop}
spec:
  targetRef: {group: gateway.networking.k8s.io, kind: HTTPRoute, name: probes}
  requiredAuthenticationRefs: [{group: policy.linkerd.io, kind: NetworkAuthentication, name: probes}]
";

/// The spec of a sidecar's policy that is right for [`WEB_GETS_API`].
fn right() -> String {
    sidecar(&format!(
        "  rules:\n  - {FROM_WEB}\n    to: [{{operation: {{ports: ['8080'], methods: [GET], paths: [/api]}}}}]\n  - {FROM_WEB}\n    to: [{{operation: {{ports: ['9000']}}}}]\n"
    ))
}

struct Case {
    from: &'static str,
    to: &'static str,
    names: &'static [&'static str],
    probe: bool,
    smi: String,
    policy: String,
    at: &'static str,
}

impl Case {
    fn new(to: &'static str, smi: impl Into<String>, policy: impl Into<String>) -> Self {
        let (smi, policy) = (smi.into(), policy.into());
        Self { from: "osm", to, names: &["api"], probe: false, smi, policy, at: "api" }
    }

    fn verdict(&self) -> Verdict {
        let texts = Texts::new(&pods(self.names, self.probe), &self.smi, &self.policy);
        let verdict = texts.verdict(self.from, self.to, self.at);
        assert!(holds(&texts, self.from, self.to, self.at, &verdict), "asked again: {}", shown(&verdict));
        verdict
    }

    #[track_caller]
    fn is_equal(&self) {
        let verdict = self.verdict();
        assert_eq!(verdict.relation, Equal, "{}", shown(&verdict));
    }

    /// The verdict, and the witness: `who, the request: before, after`.
    #[track_caller]
    fn shows(&self, relation: Relation, expected: &str) {
        let verdict = self.verdict();
        assert_eq!(verdict.relation, relation, "{}", shown(&verdict));
        let Witness { request, before, after } = verdict.witness.as_ref().expect("a witness");
        assert_eq!(format!("{}, {}: {before}, {after}", request.source, request.line()), expected);
    }
}

fn linkerd_right() -> String {
    format!("{SERVER}{}{WEB_ON_9000}", route("api", EXACT, &["web"]))
}

#[test]
fn policy_that_is_right_is_equal() {
    Case::new("istio", WEB_GETS_API, right()).is_equal();
    Case::new("linkerd", WEB_GETS_API, linkerd_right()).is_equal();
    let probed = Case { probe: true, ..Case::new("linkerd", WEB_GETS_API, linkerd_right() + PROBES) };
    probed.is_equal();
}

#[test]
fn a_condition_in_a_rule_of_its_own_lets_anyone_in_who_meets_it() {
    let smi = routes().to_owned() + &target("api", "web", &group("keyed"));
    let policy = sidecar(&format!(
        "  rules:\n  - {FROM_WEB}\n    to: [{{operation: {{ports: ['9000']}}}}]\n  - when: [{{key: 'request.headers[x-key]', values: [blue]}}]\n"
    ));
    Case::new("istio", smi, policy).shows(Wider, "any client in the cluster, GET / with x-key: blue: denied, allowed");
}

#[test]
fn a_namespace_beside_a_principal_opens_to_the_namespace() {
    let from = "from: [{source: {principals: [cluster.local/ns/shop/sa/web]}}, {source: {namespaces: [shop]}}]";
    let policy = right().replace(FROM_WEB, from);
    Case::new("istio", WEB_GETS_API, policy).shows(Wider, "shop/someone, a connection: denied, allowed");
}

#[test]
fn a_wrong_identity_is_another() {
    Case::new("istio", WEB_GETS_API, right().replace("sa/web", "sa/wed"))
        .shows(Different, "shop/web, a connection: allowed, denied");
}

#[test]
fn a_target_that_is_not_there_authorizes_nobody() {
    let policy = linkerd_right().replace("kind: HTTPRoute, name: api}", "kind: HTTPRoute, name: apl}");
    Case::new("linkerd", WEB_GETS_API, policy).shows(Narrower, "shop/web, GET /api: allowed, denied");
}

#[test]
fn an_authentication_without_its_group_is_refused_with_the_policy() {
    let right = "{group: policy.linkerd.io, kind: MeshTLSAuthentication, name: api}";
    for wrong in ["{kind: MeshTLSAuthentication, name: api}", "{group: policy, kind: MeshTLSAuthentication, name: api}"]
    {
        let policy = linkerd_right().replace(right, wrong);
        Case::new("linkerd", WEB_GETS_API, policy).shows(Narrower, "shop/web, GET /api: allowed, denied");
    }
    let account = linkerd_right().replace(right, "{group: policy.linkerd.io, kind: ServiceAccount, name: web}");
    Case::new("linkerd", WEB_GETS_API, account).shows(Narrower, "shop/web, GET /api: allowed, denied");
    let spelled = linkerd_right().replace(right, "{group: Policy.Linkerd.io, kind: meshTLSAuthentication, name: api}");
    Case::new("linkerd", WEB_GETS_API, spelled).is_equal();
}

#[test]
fn without_a_baseline_what_had_no_grant_is_open() {
    let open = Case { names: &["api", "cron"], at: "cron", ..Case::new("istio", WEB_GETS_API, right()) };
    open.shows(Wider, "any client in the cluster, a connection: denied, allowed");
    let baseline = "
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: allow-nothing, namespace: shop}
spec: {}
";
    Case { policy: right() + baseline, ..open }.is_equal();
}

#[test]
fn routes_without_one_for_the_probes_cut_them_off() {
    let case = Case { probe: true, ..Case::new("linkerd", WEB_GETS_API, linkerd_right()) };
    case.shows(Narrower, "the node, GET /healthz: allowed, denied");
}

#[test]
fn a_route_for_the_probes_without_a_method_takes_every_method() {
    let smi = routes().to_owned() + &target("api", "web", &group("erase"));
    let erases = route("api", "{type: PathPrefix, value: /}", &["web"]).replace("method: GET", "method: DELETE");
    let erases = erases.replace("}]}]", "}, {method: DELETE, path: {type: Exact, value: /healthz}}]}]");
    let policy = format!("{SERVER}{erases}{WEB_ON_9000}{PROBES}");
    let case = Case { probe: true, ..Case::new("linkerd", smi, policy.clone()) };
    case.is_equal();
    Case { policy: policy.replace("method: GET, ", ""), ..case }
        .shows(Wider, "any client in the cluster, POST /healthz: denied, allowed");
}

#[test]
fn addresses_of_one_family_are_everyone_only_where_there_is_no_other() {
    for (networks, assumed) in [
        ("[{cidr: 0.0.0.0/0}]", Some("every address is in 0.0.0.0/0")),
        ("[{cidr: 10.0.0.0/8}, {cidr: '::/0'}]", Some("the nodes have addresses in 10.0.0.0/8, ::/0")),
        ("[{cidr: 10.0.0.0/8}]", Some("the nodes have addresses in 10.0.0.0/8")),
        ("[{cidr: 0.0.0.0/0}, {cidr: '::/0'}]", None),
    ] {
        let policy = linkerd_right() + &PROBES.replace("[{cidr: 0.0.0.0/0}, {cidr: '::/0'}]", networks);
        let texts = Texts::new(&pods(&["api"], true), WEB_GETS_API, &policy);
        let verdict = texts.verdict("osm", "linkerd", "api");
        assert_eq!(verdict.relation, Equal, "{networks}: {}", shown(&verdict));
        let said: Vec<String> = verdict.domain.iter().map(ToString::to_string).collect();
        let said: Vec<&str> = said.iter().map(String::as_str).filter(|one| one.contains("address")).collect();
        assert_eq!(said, Vec::from_iter(assumed), "{networks}");
    }
    let policy = linkerd_right() + &PROBES.replace("{cidr: 0.0.0.0/0}, ", "");
    let texts = Texts::new(&pods(&["api"], true), WEB_GETS_API, &policy);
    let verdict = texts.verdict("osm", "linkerd", "api");
    assert_eq!(verdict.relation, Undecided, "nodes may have no address of IPv6: {}", shown(&verdict));
}

#[test]
fn sources_that_share_a_route_share_all_of_it() {
    let smi = WEB_GETS_API.to_owned() + &target("api", "cron", &group("status"));
    let both =
        route("api", EXACT, &["web", "cron"]) + &route("status", "{type: Exact, value: /status}", &["web", "cron"]);
    let nine = WEB_ON_9000.to_owned()
        + &WEB_ON_9000
            .replace("name: api-9000, namespace", "name: cron-9000, namespace")
            .replace("name: web", "name: cron");
    let case = Case::new("linkerd", smi, format!("{SERVER}{both}{nine}"));
    case.shows(Wider, "shop/cron, GET /api: denied, allowed");
}

#[test]
fn half_of_a_destination_denies_the_other_half() {
    let smi = WEB_GETS_API.to_owned() + &target("api", "cron", &group("status"));
    Case::new("linkerd", smi, linkerd_right()).shows(Narrower, "shop/cron, a connection: allowed, denied");
}

#[test]
fn no_required_authentication_is_everyone() {
    let policy = linkerd_right().replace("[{group: policy.linkerd.io, kind: MeshTLSAuthentication, name: api}]", "[]");
    Case::new("linkerd", WEB_GETS_API, policy).shows(Wider, "any client in the cluster, GET /api: denied, allowed");
}

#[test]
fn a_rule_without_conditions_is_everything() {
    Case::new("istio", WEB_GETS_API, sidecar("  rules: [{}]\n"))
        .shows(Wider, "any client in the cluster, a connection: denied, allowed");
}

#[test]
fn a_rule_about_requests_allows_no_connection() {
    let smi = target("api", "web", NINE) + NINE_ONLY;
    let policy =
        sidecar(&format!("  rules:\n  - {FROM_WEB}\n    to: [{{operation: {{ports: ['9000'], methods: [GET]}}}}]\n"));
    Case::new("istio", smi.clone(), policy.clone()).shows(Narrower, "shop/web, a connection: allowed, denied");
    Case::new("istio", smi, policy.replace(", methods: [GET]", "")).is_equal();
}

#[test]
fn a_prefix_is_no_expression() {
    let smi = routes().to_owned() + &target("api", "web", &group("tree"));
    let policy = right().replace("[/api]", "['/api*']");
    Case::new("istio", smi.clone(), policy).shows(Wider, "shop/web, GET /api!: denied, allowed");
    let linkerd = linkerd_right().replace(EXACT, "{type: PathPrefix, value: /api}");
    Case::new("linkerd", smi, linkerd).is_equal();
}

#[test]
fn a_server_on_the_port_of_the_service_guards_nothing() {
    let policy = linkerd_right().replace("port: 8080}", "port: 80}");
    Case::new("linkerd", WEB_GETS_API, policy).shows(Wider, "any client in the cluster, GET /: denied, allowed");
}

const WAYPOINT: &str = "
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: api-waypoint, namespace: shop}
spec:
  targetRefs: [{group: '', kind: Service, name: api}]
  rules:
  - from: [{source: {principals: [cluster.local/ns/shop/sa/web]}}]
    to: [{operation: {ports: ['80'], methods: [GET], paths: [/api]}}]
  - from: [{source: {principals: [cluster.local/ns/shop/sa/web]}}]
    to: [{operation: {ports: ['9000']}}]
";

/// Only the waypoint reaches the pods of an account.
fn gate(name: &str) -> String {
    format!(
        "
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {{name: {name}-gate, namespace: shop}}
spec:
  selector: {{matchLabels: {{app: {name}}}}}
  rules: [{{from: [{{source: {{principals: [cluster.local/ns/shop/sa/waypoint]}}}}]}}]
"
    )
}

#[test]
fn a_waypoint_without_a_gate_is_walked_around() {
    Case::new("istio-ambient", WEB_GETS_API, WAYPOINT)
        .shows(Wider, "any client in the cluster, a connection: denied, allowed");
    Case::new("istio-ambient", WEB_GETS_API, WAYPOINT.to_owned() + &gate("api")).is_equal();
}

#[test]
fn a_waypoint_that_denies_cuts_off_who_may_come_past_it() {
    let gate = gate("api")
        + &gate("api")
            .replace("api-gate", "past")
            .replace("sa/waypoint]}}]", "sa/web]}}], to: [{operation: {ports: ['9000']}}]");
    let nine = "  - from: [{source: {principals: [cluster.local/ns/shop/sa/web]}}]\n    to: [{operation: {ports: ['9000']}}]\n";
    let policy = WAYPOINT.replace(nine, "") + &gate;
    Case::new("istio-ambient", WEB_GETS_API, policy)
        .shows(Narrower, "shop/web, a connection: allowed, denied by one of its addresses, allowed by another");
}

#[test]
fn a_waypoint_that_is_named_and_not_in_the_input_is_taken_for_granted() {
    let gateway = "---\napiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {name: waypoint, namespace: shop}\nspec: {gatewayClassName: istio-waypoint, listeners: [{name: mesh, port: 15008, protocol: HBONE}]}\n";
    let named = pods(&["api"], false).replace(
        "metadata: {name: api, namespace: shop}\nspec:\n  selector",
        "metadata: {name: api, namespace: shop, labels: {istio.io/use-waypoint: waypoint}}\nspec:\n  selector",
    );
    for (beside, granted) in [("", true), (gateway, false)] {
        let texts = Texts::new(&named, WEB_GETS_API, &(WAYPOINT.to_owned() + &gate("api") + beside));
        let verdict = texts.verdict("osm", "istio-ambient", "api");
        assert_eq!(verdict.relation, Equal, "{}", shown(&verdict));
        let said = verdict.domain.iter().any(|one| one.to_string() == "a waypoint serves shop/api");
        assert_eq!(said, granted, "{:?}", verdict.domain);
    }
}

#[test]
fn a_waypoint_opens_the_other_backend_too_and_cuts_its_callers_off() {
    let split = "
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: api-split, namespace: shop}
spec:
  parentRefs: [{group: '', kind: Service, name: api, port: 80}]
  rules: [{backendRefs: [{name: api, port: 80, weight: 9}, {name: other, port: 80, weight: 1}]}]
";
    let smi = WEB_GETS_API.to_owned() + &target("other", "cron", &group("status"));
    let own = WAYPOINT
        .replace("api-waypoint", "other-waypoint")
        .replace("name: api}", "name: other}")
        .replace("sa/web", "sa/cron")
        .replace("[/api]", "[/status]");
    let policy = format!("{WAYPOINT}{own}{}{}{split}", gate("api"), gate("other"));
    let case = Case { names: &["api", "other"], at: "other", ..Case::new("istio-ambient", smi, policy.clone()) };
    case.shows(Different, "shop/web, GET /api: denied, denied by one of its addresses, allowed by another");
    Case { policy: policy.replace(split, ""), ..case }.is_equal();
}

#[test]
fn a_dry_run_decides_nothing() {
    let policy = right().replace("namespace: shop}", "namespace: shop, annotations: {istio.io/dry-run: 'true'}}");
    Case::new("istio", WEB_GETS_API, policy).shows(Wider, "any client in the cluster, a connection: denied, allowed");
}

#[test]
fn an_auditing_server_with_routes_still_answers_404() {
    let audits = linkerd_right().replace("port: 8080}", "port: 8080, accessPolicy: audit}");
    let texts = Texts::new(&pods(&["api"], false), WEB_GETS_API, &audits);
    let verdict = texts.verdict("osm", "linkerd", "api");
    let witness = verdict.witness.as_ref().expect("a request that differs");
    assert_eq!(verdict.relation, Wider, "{}", shown(&verdict));
    assert_eq!(witness.request.path, "/api", "other paths have no route: {}", shown(&verdict));
}

#[test]
fn overlapping_targets_are_an_interval_up_to_their_union() {
    let smi = WEB_GETS_API.to_owned() + &target("api", "cron", &group("tree"));
    let from = |name: &str| FROM_WEB.replace("web", name);
    let policy = sidecar(&format!(
        "  rules:\n  - {FROM_WEB}\n    to: [{{operation: {{ports: ['8080'], methods: [GET], paths: [/api]}}}}]\n  - {}\n    to: [{{operation: {{ports: ['8080'], methods: [GET], paths: [/api, /api/*]}}}}]\n  - {FROM_WEB}\n    to: [{{operation: {{ports: ['9000']}}}}]\n  - {}\n    to: [{{operation: {{ports: ['9000']}}}}]\n",
        from("cron"),
        from("cron")
    ));
    let case = Case::new("istio", smi.clone(), policy.clone());
    case.is_equal();
    let texts = Texts::new(&pods(&["api"], false), &smi, &policy);
    let verdict = texts.verdict("osm", "istio", "api");
    assert!(verdict.domain.iter().any(|one| one.to_string().contains("overlap")), "{:?}", verdict.domain);
    let below = policy.replace("/api, /api/*", "/api");
    Case::new("istio", smi.clone(), below).shows(Narrower, "shop/cron, GET /api/: allowed, denied");
    let beyond = policy.replace("/api, /api/*", "/api*");
    Case::new("istio", smi, beyond).shows(Wider, "shop/cron, GET /api!: denied, allowed");
}
