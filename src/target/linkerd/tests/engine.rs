//! What Linkerd does with a request, from its manifests: written from its code, and independent of the writer and of
//! `src/verify`: where the two disagree one of them is wrong.
//!
//! - `policy-controller/k8s/index/src/inbound/{index,authorization_policy,routes}.rs` of linkerd/linkerd2@b24cd4059
//! - `linkerd/http/route/src`, `linkerd/app/inbound/src/policy`, `linkerd/proxy/server-policy/src` of
//!   linkerd/linkerd2-proxy@29637b64f
//!
//! Where the age of routes decides, or the order of criteria that differs by release, every way is tried.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use regex_automata::meta::Regex;
use serde_json::Value;

/// A request or a connection.
#[derive(Clone, Debug)]
pub struct Ask {
    /// `namespace/name` of the account, or a SPIFFE ID; none: without the mesh.
    pub source: Option<String>,
    pub port: u16,
    /// None: bytes that are not HTTP.
    pub method: Option<String>,
    pub path: String,
    /// By lower-case name.
    pub headers: BTreeMap<String, String>,
}

/// The pods that are asked.
#[derive(Clone, Debug)]
pub struct Pods {
    pub namespace: String,
    pub labels: BTreeMap<String, String>,
    /// httpGet probes by port.
    pub probes: BTreeMap<u16, BTreeSet<String>>,
}

/// What Linkerd answers, and `Err` where it depends on which route is older or which release it is.
pub fn answer(manifests: &[Value], pods: &Pods, ask: &Ask) -> Result<bool, String> {
    let mesh = Mesh { manifests, pods };
    let Some(server) = mesh.server(ask.port) else { return Ok(true) };
    let name = text(server, "/metadata/name");
    let mut open = mesh.lets_in(("policy.linkerd.io", "Server", name), ask);
    open |= mesh.lets_in(("", "Namespace", &pods.namespace), ask);
    open |= text(server, "/spec/accessPolicy") == "audit";
    let opaque = text(server, "/spec/proxyProtocol") == "opaque";
    let Some(method) = ask.method.as_deref().filter(|_| !opaque) else { return Ok(open) };
    let routes = mesh.routes(name);
    if routes.is_empty() {
        let probes = pods.probes.get(&ask.port);
        return Ok(open || (method == "GET" && probes.is_some_and(|paths| paths.contains(&ask.path))));
    }
    let mut answers = BTreeSet::new();
    for order in [Order::HeadersFirst, Order::MethodFirst] {
        let fits: Vec<(Fit, &Value)> =
            routes.iter().filter_map(|route| Some((best(route, ask, method, order)?, *route))).collect();
        let Some(most) = fits.iter().map(|(fit, _)| *fit).max() else {
            answers.insert(false);
            continue;
        };
        for (_, route) in fits.iter().filter(|(fit, _)| *fit == most) {
            let group = text(route, "/apiVersion").split('/').next().unwrap_or_default();
            answers.insert(open || mesh.lets_in((group, "HTTPRoute", text(route, "/metadata/name")), ask));
        }
    }
    match answers.len() {
        1 => Ok(answers.contains(&true)),
        _ => Err(format!("age or release decides {ask:?}")),
    }
}

#[derive(Clone, Copy)]
enum Order {
    HeadersFirst,
    MethodFirst,
}

/// How well a match fits: the greater, the better.
type Fit = (usize, usize, usize);

struct Mesh<'m> {
    manifests: &'m [Value],
    pods: &'m Pods,
}

impl<'m> Mesh<'m> {
    fn of_kind(&self, kind: &'static str) -> impl Iterator<Item = &'m Value> {
        let namespace = self.pods.namespace.clone();
        self.manifests
            .iter()
            .filter(move |one| text(one, "/kind") == kind && text(one, "/metadata/namespace") == namespace)
    }

    fn server(&self, port: u16) -> Option<&'m Value> {
        let selects = |server: &&Value| {
            let labels = server.pointer("/spec/podSelector/matchLabels").and_then(Value::as_object).expect("labels");
            let all =
                labels.iter().all(|(name, value)| self.pods.labels.get(name).map(String::as_str) == value.as_str());
            all && server.pointer("/spec/port").and_then(Value::as_u64) == Some(u64::from(port))
        };
        let found: Vec<_> = self.of_kind("Server").filter(selects).collect();
        assert!(found.len() <= 1, "Servers that overlap: the older one wins, or the later one is refused");
        found.first().copied()
    }

    fn routes(&self, server: &str) -> Vec<&'m Value> {
        let to_server = |parent: &Value| {
            text(parent, "/group") == "policy.linkerd.io"
                && text(parent, "/kind") == "Server"
                && text(parent, "/name") == server
        };
        let whole = |parent: &Value| parent.get("port").is_none() && parent.get("sectionName").is_none();
        self.of_kind("HTTPRoute")
            .filter(|route| {
                let parents = items(route, "/spec/parentRefs");
                parents.iter().any(to_server) && parents.iter().all(whole)
            })
            .collect()
    }

    /// Whether a policy of `target` lets the caller in.
    fn lets_in(&self, (group, kind, name): (&str, &str, &str), ask: &Ask) -> bool {
        self.of_kind("AuthorizationPolicy").any(|policy| {
            let target = policy.pointer("/spec/targetRef").expect("a target");
            let meant =
                text(target, "/group") == group && text(target, "/kind") == kind && text(target, "/name") == name;
            // All of an empty list hold: everyone is let in.
            meant
                && items(policy, "/spec/requiredAuthenticationRefs").iter().all(|reference| self.holds(reference, ask))
        })
    }

    fn holds(&self, reference: &Value, ask: &Ask) -> bool {
        let named = |one: &&Value| text(one, "/metadata/name") == text(reference, "/name");
        let own = self.pods.namespace.as_str();
        let namespace = |one: &Value| one.get("namespace").and_then(Value::as_str).unwrap_or(own).to_owned();
        let is = |one: &Value| ask.source == Some(format!("{}/{}", namespace(one), text(one, "/name")));
        match (text(reference, "/group"), text(reference, "/kind")) {
            ("" | "core", "ServiceAccount") => is(reference),
            ("policy.linkerd.io", "NetworkAuthentication") => {
                self.of_kind("NetworkAuthentication").find(named).is_some_and(|one| {
                    items(one, "/spec/networks").iter().any(|network| text(network, "/cidr") == "0.0.0.0/0")
                })
            }
            ("policy.linkerd.io", "MeshTLSAuthentication") => {
                self.of_kind("MeshTLSAuthentication").find(named).is_some_and(|one| {
                    items(one, "/spec/identityRefs").iter().any(is)
                        || items(one, "/spec/identities").iter().any(|id| id.as_str() == ask.source.as_deref())
                })
            }
            // Refused, with the policy that holds it.
            _ => false,
        }
    }
}

fn best(route: &Value, ask: &Ask, method: &str, order: Order) -> Option<Fit> {
    let rules = items(route, "/spec/rules");
    rules
        .iter()
        .flat_map(|rule| {
            let matches = items(rule, "/matches");
            // A rule without matches takes every request.
            if matches.is_empty() {
                vec![Some((1, 0, 0))]
            } else {
                matches.iter().map(|one| fit(one, ask, method, order)).collect()
            }
        })
        .flatten()
        .max()
}

fn fit(one: &Value, ask: &Ask, method: &str, order: Order) -> Option<Fit> {
    let wanted = one.get("method").and_then(Value::as_str);
    if wanted.is_some_and(|wanted| wanted != method) {
        return None;
    }
    // What the API server puts where nothing is written.
    let written =
        |pointer: &str, default: &'static str| one.pointer(pointer).and_then(Value::as_str).unwrap_or(default);
    let (kind, value) = (written("/path/type", "PathPrefix"), written("/path/value", "/"));
    let length = match kind {
        "Exact" => (ask.path == value).then_some(value.len()),
        "PathPrefix" if value == "/" => Some(1),
        "PathPrefix" => {
            let prefix = value.trim_end_matches('/');
            let rest = ask.path.trim_end_matches('/').strip_prefix(prefix);
            rest.filter(|rest| rest.is_empty() || rest.starts_with('/')).map(|_| prefix.len())
        }
        "RegularExpression" => first_match_is_whole(value, &ask.path).then_some(ask.path.len()),
        kind => panic!("no path type: {kind}"),
    }?;
    let headers = items(one, "/headers");
    let held = headers.iter().all(|header| {
        let Some(sent) = ask.headers.get(&text(header, "/name").to_ascii_lowercase()) else { return false };
        match text(header, "/type") {
            "Exact" | "" => sent == text(header, "/value"),
            "RegularExpression" => first_match_is_whole(text(header, "/value"), sent),
            kind => panic!("no header type: {kind}"),
        }
    });
    let (headers, method) = (headers.len(), usize::from(wanted.is_some()));
    held.then_some(match order {
        Order::HeadersFirst => (length, headers, method),
        Order::MethodFirst => (length, method, headers),
    })
}

/// Rust's `regex` searches, leftmost first; the proxy then wants the match to be the whole value.
pub fn first_match_is_whole(expression: &str, value: &str) -> bool {
    thread_local! {
        static KNOWN: RefCell<HashMap<String, Regex>> = RefCell::default();
    }
    KNOWN.with_borrow_mut(|known| {
        let compiled = || Regex::new(expression).unwrap_or_else(|error| panic!("{expression}: {error}"));
        let regex = known.entry(expression.to_owned()).or_insert_with(compiled);
        regex.find(value).is_some_and(|found| found.range() == (0..value.len()))
    })
}

fn text<'v>(value: &'v Value, pointer: &str) -> &'v str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn items<'v>(value: &'v Value, pointer: &str) -> &'v [Value] {
    value.pointer(pointer).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// What the API server and the webhook of Linkerd demand (linkerd/linkerd2@b24cd4059 `policy-controller/runtime/src/admission.rs`;
/// the CRD of HTTPRoute in kubernetes-sigs/gateway-api v1.6.1), and what no sane author writes.
pub fn admit(manifests: &[Value], matches_per_rule: usize) {
    let mut names = BTreeSet::new();
    for one in manifests {
        let (kind, name) = (text(one, "/kind"), text(one, "/metadata/name"));
        assert!(names.insert((kind, text(one, "/metadata/namespace"), name)), "twice: {kind} {name}");
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        assert!(name.bytes().all(|byte| plain(byte) || byte == b'-' || byte == b'.'), "{name}");
        assert!((1..=253).contains(&name.len()) && name.bytes().last().is_some_and(plain), "{name}");
        assert_ne!(text(one, "/metadata/annotations/smi2gamma~1migrated-from"), "", "{kind} {name}");
        match kind {
            "Server" => {
                assert!(
                    !one.pointer("/spec/podSelector/matchLabels")
                        .and_then(Value::as_object)
                        .expect("labels")
                        .is_empty()
                );
                assert!(["unknown", "opaque"].contains(&text(one, "/spec/proxyProtocol")));
            }
            "HTTPRoute" => admit_route(one, matches_per_rule),
            "AuthorizationPolicy" => assert_eq!(items(one, "/spec/requiredAuthenticationRefs").len(), 1, "{name}"),
            "MeshTLSAuthentication" => {
                let counts = [items(one, "/spec/identityRefs").len(), items(one, "/spec/identities").len()];
                assert_eq!(counts.iter().filter(|&&count| count > 0).count(), 1, "{name}");
            }
            "NetworkAuthentication" => assert!(!items(one, "/spec/networks").is_empty(), "{name}"),
            kind => panic!("{kind} is none of Linkerd's"),
        }
    }
}

fn admit_route(route: &Value, matches_per_rule: usize) {
    let rules = items(route, "/spec/rules");
    assert!((1..=16).contains(&rules.len()), "rules");
    let mut all = 0;
    for rule in rules {
        let matches = items(rule, "/matches");
        assert!((1..=matches_per_rule).contains(&matches.len()), "matches of a rule");
        all += matches.len();
        for one in matches {
            assert!((1..=1024).contains(&text(one, "/path/value").len()));
            let headers = items(one, "/headers");
            let names: BTreeSet<&str> = headers.iter().map(|header| text(header, "/name")).collect();
            assert!(names.len() == headers.len() && headers.len() <= 16, "headers");
            assert!(headers.iter().all(|header| (1..=4096).contains(&text(header, "/value").len())));
        }
    }
    assert!(all <= 128, "matches of a route");
}
