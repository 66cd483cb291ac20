//! What a manifest of Gateway API may look like when it comes from here, said a second time and without a cluster: the fields we write
//! and no others, and the rules of the definitions for them (kubernetes-sigs/gateway-api v1.0 to v1.6, `apis/v1` and
//! `config/crd/experimental`; the stricter one where releases or channels differ).
//!
//! The API server has the last word; the cluster suite shows that it refuses nothing that passes here, and that upstream's own
//! invalid examples do not pass.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

type Refusal = Result<(), String>;

/// Why a manifest is none that may be written; manifests of other groups are not judged.
pub fn refusal(manifest: &Value) -> Option<String> {
    let group = manifest["apiVersion"].as_str().and_then(|version| version.split_once('/')).map(|(group, _)| group);
    if group != Some("gateway.networking.k8s.io") {
        return None;
    }
    let judged = match manifest["kind"].as_str().unwrap_or_default() {
        "HTTPRoute" => read::<Manifest<Route<HttpMatch>>>(manifest).and_then(|route| route.judge(64, HttpMatch::judge)),
        "GRPCRoute" => read::<Manifest<Route<GrpcMatch>>>(manifest).and_then(|route| route.judge(64, GrpcMatch::judge)),
        "TCPRoute" => read::<Manifest<Route<NoMatch>>>(manifest).and_then(|route| route.judge(0, |_| Ok(()))),
        "ReferenceGrant" => read::<Manifest<Grant>>(manifest).and_then(|grant| grant.spec.judge()),
        "Gateway" => read::<Manifest<Gateway>>(manifest).and_then(|gateway| gateway.spec.judge()),
        other => Err(format!("{other} is never written")),
    };
    judged.err()
}

fn read<T: DeserializeOwned>(manifest: &Value) -> Result<T, String> {
    T::deserialize(manifest).map_err(|error| error.to_string())
}

fn holds(is_so: bool, rule: &str) -> Refusal {
    if is_so { Ok(()) } else { Err(rule.to_owned()) }
}

// --- fields ---

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Manifest<S> {
    #[serde(rename = "apiVersion")]
    _api_version: String,
    #[serde(rename = "kind")]
    _kind: String,
    metadata: Metadata,
    spec: S,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Metadata {
    name: String,
    namespace: Option<String>,
    #[serde(default, rename = "annotations")]
    _annotations: BTreeMap<String, String>,
    #[serde(default, rename = "labels")]
    _labels: BTreeMap<String, String>,
}

/// A waypoint of Istio: no other Gateway is written.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Gateway {
    gateway_class_name: String,
    listeners: Vec<Listener>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Listener {
    name: String,
    port: u16,
    protocol: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Route<M> {
    parent_refs: Vec<Parent>,
    rules: Vec<Rule<M>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parent {
    group: String,
    kind: String,
    name: String,
    port: Option<u16>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Rule<M> {
    #[serde(default = "Vec::new")]
    matches: Vec<M>,
    #[serde(default)]
    backend_refs: Vec<Backend>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Backend {
    name: String,
    namespace: Option<String>,
    port: u16,
    weight: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HttpMatch {
    path: Option<Term>,
    method: Option<String>,
    #[serde(default)]
    headers: Vec<Header>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GrpcMatch {
    method: Option<GrpcMethod>,
    #[serde(default)]
    headers: Vec<Header>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GrpcMethod {
    service: Option<String>,
    method: Option<String>,
    #[serde(rename = "type")]
    _kind: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NoMatch {}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Term {
    #[serde(rename = "type")]
    kind: String,
    value: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    name: String,
    #[serde(rename = "type")]
    kind: String,
    value: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Grant {
    from: Vec<From>,
    to: Vec<To>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct From {
    group: String,
    kind: String,
    namespace: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct To {
    group: String,
    kind: String,
    name: Option<String>,
}

// --- rules ---

impl<M> Manifest<Route<M>> {
    fn judge(&self, most_matches: usize, judge: impl Fn(&M) -> Refusal) -> Refusal {
        holds(is_name(&self.metadata.name, 253, true), "metadata.name is a DNS subdomain")?;
        let namespace = self.metadata.namespace.as_deref();
        holds(namespace.is_none_or(|name| is_name(name, 63, false)), "metadata.namespace is a DNS label")?;
        let Route { parent_refs, rules } = &self.spec;
        holds(parent_refs.len() == 1, "one parent")?;
        parent_refs.iter().try_for_each(Parent::judge)?;
        holds((1..=16).contains(&rules.len()), "1 to 16 rules")?;
        holds(rules.iter().map(|rule| rule.matches.len()).sum::<usize>() <= 128, "at most 128 matches in a route")?;
        rules.iter().try_for_each(|rule| {
            holds(rule.matches.len() <= most_matches, "at most 64 matches in a rule, none for TCP")?;
            match parent_refs.iter().any(Parent::is_server) {
                true => holds(rule.backend_refs.is_empty(), "a route of a Server sends nothing anywhere")?,
                false => holds((1..=16).contains(&rule.backend_refs.len()), "1 to 16 backends")?,
            }
            rule.matches.iter().try_for_each(&judge)?;
            rule.backend_refs.iter().try_for_each(Backend::judge)
        })
    }
}

impl Gateway {
    fn judge(&self) -> Refusal {
        let Self { gateway_class_name, listeners } = self;
        holds(gateway_class_name == "istio-waypoint", "the class of a waypoint")?;
        let one = |listener: &Listener| {
            (listener.name.as_str(), listener.port, listener.protocol.as_str()) == ("mesh", 15008, "HBONE")
        };
        holds(listeners.len() == 1 && listeners.iter().all(one), "the one listener of a waypoint")
    }
}

impl Parent {
    /// Of Linkerd, whose controller passes by a route that names a port of one (linkerd/linkerd2@version-2.20
    /// `policy-controller/k8s/index/src/inbound/routes.rs`).
    fn is_server(&self) -> bool {
        self.group == "policy.linkerd.io" && self.kind == "Server"
    }

    fn judge(&self) -> Refusal {
        let Self { group, kind, name, port } = self;
        let service = group.is_empty() && kind == "Service" && port.is_some_and(|port| port > 0);
        let server = self.is_server() && port.is_none();
        holds(service || server, "the parent is a Service with a port, or a Server without one")?;
        holds(is_name(name, 253, true), "the parent's name is one")
    }
}

impl Backend {
    fn judge(&self) -> Refusal {
        let Self { name, namespace, port, weight } = self;
        holds(*port > 0 && *weight <= 1_000_000, "a backend has a port, and a weight of at most a million")?;
        holds(is_name(name, 253, true), "a backend's name is one")?;
        holds(namespace.as_deref().is_none_or(|name| is_name(name, 63, false)), "a backend's namespace is one")
    }
}

impl HttpMatch {
    fn judge(&self) -> Refusal {
        let Self { path, method, headers } = self;
        const METHODS: [&str; 9] = ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];
        holds(method.as_deref().is_none_or(|method| METHODS.contains(&method)), "a method that a route knows")?;
        path.iter().try_for_each(Term::judge_path)?;
        judge_headers(headers)
    }
}

impl GrpcMatch {
    fn judge(&self) -> Refusal {
        let some = self.method.as_ref().is_none_or(|method| method.service.is_some() || method.method.is_some());
        holds(some, "a gRPC method has a service or a method")?;
        judge_headers(&self.headers)
    }
}

impl Term {
    fn judge_path(&self) -> Refusal {
        let Self { kind, value } = self;
        holds((1..=1024).contains(&value.chars().count()), "a path of 1 to 1024 characters")?;
        match kind.as_str() {
            "RegularExpression" => Ok(()),
            "Exact" | "PathPrefix" => {
                holds(value.starts_with('/'), "a path is absolute")?;
                let parts = ["//", "/./", "/../", "%2f", "%2F", "#"];
                holds(!parts.iter().any(|part| value.contains(part)), "no //, /./, /../, %2f or # in a path")?;
                holds(!value.ends_with("/.") && !value.ends_with("/.."), "no . or .. at a path's end")?;
                holds(has_path_letters(value), "only the letters of a path, others as %XX")
            }
            other => Err(format!("a path of type {other}")),
        }
    }
}

fn has_path_letters(path: &str) -> bool {
    let mut rest = path.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = match (first, after) {
            (b'%', [high, low, after @ ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => after,
            (letter, after) if letter.is_ascii_alphanumeric() || b"-/._~!$&'()*+,;=:@".contains(letter) => after,
            _ => return false,
        };
    }
    true
}

fn judge_headers(headers: &[Header]) -> Refusal {
    holds(headers.len() <= 16, "at most 16 headers")?;
    let names: BTreeSet<&str> = headers.iter().map(|header| header.name.as_str()).collect();
    holds(names.len() == headers.len(), "no header twice")?;
    headers.iter().try_for_each(|Header { name, kind, value }| {
        let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        holds((1..=256).contains(&name.len()) && name.bytes().all(letter), "a header's name is a token")?;
        holds(kind == "Exact" || kind == "RegularExpression", "a header's type is one of two")?;
        holds((1..=4096).contains(&value.chars().count()), "a header's value of 1 to 4096 characters")?;
        let words = value.split([' ', '\t']);
        let visible = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_graphic());
        holds(words.into_iter().all(visible), "visible words in a header's value, one blank between them")
    })
}

impl Grant {
    fn judge(&self) -> Refusal {
        let Self { from, to } = self;
        holds((1..=16).contains(&from.len()) && (1..=16).contains(&to.len()), "1 to 16 of each side of a grant")?;
        from.iter().try_for_each(|From { group, kind, namespace }| {
            holds(!group.is_empty() && kind.ends_with("Route"), "a grant is for routes")?;
            holds(is_name(namespace, 63, false), "a grant is for a namespace")
        })?;
        to.iter().try_for_each(|To { group, kind, name }| {
            holds(group.is_empty() && kind == "Service", "a grant is to a Service")?;
            holds(name.as_deref().is_none_or(|name| is_name(name, 253, true)), "a Service has a name")
        })
    }
}

/// A label of DNS, or several with dots between them.
fn is_name(name: &str, most: usize, dots: bool) -> bool {
    let letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let label = |label: &str| {
        let bytes = label.as_bytes();
        let ends = bytes.first().is_some_and(|byte| letter(*byte)) && bytes.last().is_some_and(|byte| letter(*byte));
        ends && bytes.iter().all(|byte| letter(*byte) || *byte == b'-')
    };
    name.len() <= most && if dots { name.split('.').all(label) } else { label(name) }
}
