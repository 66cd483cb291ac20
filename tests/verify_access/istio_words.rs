//! What Istio makes of the words of a policy, where they do not say what they seem to. Each was found by asking Istio's own code
//! (`upstream`).

use std::collections::BTreeMap;

use smi2gamma::verify::{Absent, Destination, Field, Given, Request, Source, access};

use super::world::{Texts, account, pods};

fn sidecar(spec: &str) -> String {
    policy("shop", "", &format!("selector: {{matchLabels: {{app: api}}}}, {spec}"))
}

fn policy(namespace: &str, dry_run: &str, spec: &str) -> String {
    let annotations =
        if dry_run.is_empty() { String::new() } else { format!(", annotations: {{istio.io/dry-run: '{dry_run}'}}") };
    format!(
        "
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {{name: api, namespace: {namespace}{annotations}}}
spec: {{{spec}}}
"
    )
}

/// Whether `namespace/account GET /a name=value` may, at the port of `api` that speaks HTTP; none where nobody can say.
fn may(to: &str, policy: &str, call: &str) -> Option<bool> {
    may_in(None, to, policy, call)
}

/// The same in a mesh of this trust domain.
fn may_in(domain: Option<&'static str>, to: &str, policy: &str, call: &str) -> Option<bool> {
    let mut parts = call.split(' ');
    let (namespace, service_account) = parts.next().and_then(|source| source.split_once('/')).expect("a source");
    let source = Source::Identity { namespace: namespace.to_owned(), service_account: service_account.to_owned() };
    let (method, path) = (parts.next().expect("a method"), parts.next().expect("a path"));
    let field = |text: &str| {
        let (name, value) = text.split_once('=').expect("a header");
        (Field::Header(name.to_owned()), value.to_owned())
    };
    let fields: BTreeMap<Field, String> = parts.map(field).collect();
    let to_pods = Destination::Workload { namespace: None, service_account: String::new(), port: None };
    let request = Request { source, to: to_pods, method: method.to_owned(), path: path.to_owned(), fields };
    let given = Given { services: Absent::Exists, prepared: true };
    let mut texts = Texts::new(&pods(&["api"], false), "", policy);
    texts.trust_domain = domain;
    texts.ask("osm", to, |_, after, pods| {
        access::simulate(after, pods, &account("api"), 8080, &request, &given).0.permits()
    })
}

#[test]
fn hosts_are_compared_without_regard_to_case_and_headers_with() {
    let hosts = sidecar("rules: [{to: [{operation: {hosts: ['Api.Shop']}}]}]");
    assert_eq!(may("istio", &hosts, "shop/web GET / host=api.SHOP"), Some(true));
    let not_hosts = sidecar("rules: [{to: [{operation: {notHosts: ['*.shop']}}]}]");
    assert_eq!(may("istio", &not_hosts, "shop/web GET / host=api.SHOP"), Some(false));
    let header = sidecar("rules: [{when: [{key: 'request.headers[host]', values: ['*.shop']}]}]");
    assert_eq!(may("istio", &header, "shop/web GET / host=api.SHOP"), Some(false));
}

#[test]
fn the_authority_of_a_request_is_its_host() {
    let authority = sidecar("rules: [{when: [{key: 'request.headers[:authority]', values: [api]}]}]");
    assert_eq!(may("istio", &authority, "shop/web GET / host=api"), Some(true));
    assert_eq!(may("istio", &authority, "shop/web GET / host=cart"), Some(false));
    let method = sidecar("rules: [{when: [{key: 'request.headers[:method]', values: [GET]}]}]");
    assert_eq!(may("istio", &method, "shop/web GET /"), Some(true));
    let path = sidecar("rules: [{when: [{key: 'request.headers[:path]', values: [/a]}]}]");
    assert_eq!(may("istio", &path, "shop/web GET /a"), None, "its query would count");
}

#[test]
fn an_account_without_a_namespace_is_one_of_the_policys() {
    let spec = "rules: [{from: [{source: {serviceAccounts: [web]}}]}]";
    assert_eq!(may("istio", &sidecar(spec), "shop/web GET /"), Some(true));
    assert_eq!(may("istio", &sidecar(spec), "ops/web GET /"), Some(false));
    assert_eq!(may("istio", &policy("istio-system", "", spec), "shop/web GET /"), Some(false));
    assert_eq!(may("istio-ambient", &sidecar(spec), "shop/web GET /"), Some(true));
}

#[test]
fn a_star_before_a_namespace_reaches_across_the_identity_of_a_proxys_client() {
    let of = |word: &str| sidecar(&format!("rules: [{{from: [{{source: {{namespaces: ['{word}']}}}}]}}]"));
    assert_eq!(may("istio", &of("*a"), "ops/web GET /"), Some(true), "ops/sa ends with an a");
    assert_eq!(may("istio", &of("*-eu"), "shop-eu/web GET /"), Some(true));
    assert_eq!(may("istio", &of("*-eu"), "shop/web-eu GET /"), Some(false));
    assert_eq!(may("istio", &of("s*p"), "shop/web GET /"), Some(true));
    assert_eq!(may("istio-ambient", &of("*a"), "ops/web GET /"), Some(false), "ztunnel has the namespace by itself");
    assert_eq!(may("istio-ambient", &of("s*p"), "shop/web GET /"), Some(false));
}

#[test]
fn a_port_is_a_number() {
    let port = sidecar("rules: [{to: [{operation: {ports: ['08080']}}]}]");
    assert_eq!(may("istio", &port, "shop/web GET /"), Some(true));
}

#[test]
fn a_dry_run_is_any_word_that_go_takes_for_true() {
    for (word, allowed) in [("true", true), ("1", true), ("T", true), ("yes", false), ("tRUE", false), ("0", false)] {
        for to in ["istio", "istio-ambient"] {
            assert_eq!(may(to, &policy("shop", word, ""), "shop/web GET /"), Some(allowed), "{word} on {to}");
        }
    }
}

#[test]
fn ztunnel_enforced_dry_runs_before_1_29() {
    let nothing = policy("shop", "true", "selector: {matchLabels: {app: api}}");
    assert_eq!(may("istio-ambient@1.28", &nothing, "shop/web GET /"), Some(false));
    assert_eq!(may("istio-ambient@1.29", &nothing, "shop/web GET /"), Some(true));
    assert_eq!(may("istio@1.28", &nothing, "shop/web GET /"), Some(true));
}

#[test]
fn a_selector_that_names_no_labels_field_holds_for_sidecars_and_not_for_ztunnel() {
    for (selector, to, allowed) in [
        ("selector: {}", "istio", false),
        ("selector: {}", "istio-ambient", true),
        ("selector: {matchLabels: {}}", "istio-ambient", false),
        ("", "istio-ambient", false),
    ] {
        assert_eq!(may(to, &policy("shop", "", selector), "shop/web GET /"), Some(allowed), "{selector} on {to}");
    }
}

#[test]
fn ztunnel_leaves_nothing_to_something_else() {
    let custom = sidecar("action: CUSTOM, provider: {name: outside}, rules: [{}]");
    assert_eq!(may("istio", &custom, "shop/web GET /"), None);
    assert_eq!(may("istio-ambient", &custom, "shop/web GET /"), Some(true));
}

#[test]
fn ztunnel_takes_no_call_for_a_clause_of_which_nothing_is_left() {
    let deny = |rule: &str| sidecar(&format!("action: DENY, rules: [{{{rule}}}]"));
    let from = "from: [{source: {principals: [cluster.local/ns/shop/sa/web]}}]";
    for (rule, allowed) in [
        ("to: [{operation: {methods: [GET]}}]".to_owned(), true),
        (format!("{from}, to: [{{operation: {{methods: [GET]}}}}]"), true),
        (format!("{from}, to: [{{operation: {{methods: [GET], ports: ['8080']}}}}]"), false),
        (format!("{from}, to: [{{operation: {{methods: [GET]}}}}, {{operation: {{ports: ['8080']}}}}]"), false),
        (format!("{from}, when: [{{key: 'request.headers[x]', values: [a]}}]"), true),
        (format!("{from}, when: [{{key: source.serviceAccount, values: [web]}}]"), true),
        (format!("{from}, when: [{{key: source.namespace, values: [shop]}}]"), false),
    ] {
        assert_eq!(may("istio-ambient", &deny(&rule), "shop/web POST /"), Some(allowed), "{rule}");
    }
}

#[test]
fn an_account_under_when_is_known_to_sidecars_alone() {
    let account = sidecar("rules: [{when: [{key: source.serviceAccount, values: [web]}]}]");
    assert_eq!(may("istio", &account, "shop/web GET /"), Some(true));
    assert_eq!(may("istio", &account, "ops/web GET /"), Some(false));
    assert_eq!(may("istio-ambient", &account, "shop/web GET /"), Some(false), "a rule that is not sent allows nothing");
}

#[test]
fn what_is_denied_either_way_needs_nobody_else() {
    let asks = "---\napiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: asks, namespace: shop}\nspec: {action: CUSTOM, provider: {name: outside}, rules: [{}]}\n";
    let nothing = format!("{asks}---{}", policy("shop", "", ""));
    assert_eq!(may("istio", &nothing, "shop/web GET /"), Some(false));
    let everything = format!("{asks}---{}", policy("shop", "", "rules: [{}]"));
    assert_eq!(may("istio", &everything, "shop/web GET /"), None);
}

#[test]
fn a_segment_of_a_template_takes_equals_signs_and_stars() {
    let template = sidecar("rules: [{to: [{operation: {paths: ['/a/{*}']}}]}]");
    assert_eq!(may("istio", &template, "shop/web GET /a/b=c"), Some(true));
    assert_eq!(may("istio", &template, "shop/web GET /a/*"), Some(true));
    assert_eq!(may("istio", &template, "shop/web GET /a/[b]"), Some(false));
}

#[test]
fn cluster_local_is_the_mesh_itself_in_whole_identities_and_for_proxies_alone() {
    let from = |word: &str| sidecar(&format!("rules: [{{from: [{{source: {{principals: ['{word}']}}}}]}}]"));
    for (word, sidecars, ztunnel) in [
        ("corp.example/ns/shop/sa/web", true, true),
        ("cluster.local/ns/shop/sa/web", true, false),
        ("cluster.local/ns/shop/sa/*", true, false),
        ("cluster.local/ns/shop/*", false, false),
        ("corp.example/ns/shop/*", true, true),
        ("*/ns/shop/sa/web", true, true),
    ] {
        for (to, allowed) in [("istio", sidecars), ("istio-ambient", ztunnel)] {
            let answer = may_in(Some("corp.example"), to, &from(word), "shop/web GET /");
            assert_eq!(answer, Some(allowed), "{word} on {to}");
        }
    }
}
