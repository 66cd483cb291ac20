//! What Istio's proxies do with AuthorizationPolicies: a small evaluator, written from Istio's code and sharing nothing
//! with the writer, nor with `src/verify`: where the two disagree one of them is wrong.
//!
//! istio/istio@1.31.0-rc.0 `pilot/pkg/security/authz/{builder/builder.go,model/model.go,matcher/*.go}`,
//! `pilot/pkg/security/trustdomain/bundle.go`, `pilot/pkg/model/policyattachment.go`,
//! `pilot/pkg/serviceregistry/ambient/authorization.go`, `pkg/config/validation/validation.go`, and
//! istio/ztunnel@00c8b17 `src/rbac.rs`.

use std::collections::BTreeMap;

use serde_json::Value;

/// The proxy that judges.
#[derive(Clone, Debug)]
pub enum Proxy<'a> {
    /// A sidecar of a pod with these labels.
    Sidecar(&'a BTreeMap<String, String>),
    /// The ztunnel before such a pod.
    Ztunnel(&'a BTreeMap<String, String>),
    /// A waypoint, for this Service.
    Waypoint(&'a str),
}

/// One request, or one connection.
#[derive(Clone, Debug)]
pub struct Call {
    /// The identity without its scheme, `cluster.local/ns/shop/sa/web`; none: plain text.
    pub source: Option<String>,
    pub port: u16,
    /// None: a connection that is not HTTP.
    pub http: Option<Http>,
}

#[derive(Clone, Debug)]
pub struct Http {
    pub method: String,
    pub path: String,
    pub headers: BTreeMap<String, String>,
}

fn list<'v>(value: &'v Value, key: &str) -> Vec<&'v str> {
    let items = value.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    items.iter().map(|item| item.as_str().expect("a list of strings")).collect()
}

fn items<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn applies(policy: &Value, namespace: &str, proxy: &Proxy<'_>) -> bool {
    let annotation = policy.pointer("/metadata/annotations").and_then(|all| all.get("istio.io/dry-run"));
    let dry = annotation.and_then(Value::as_str) == Some("true");
    if dry || policy["metadata"]["namespace"] != namespace || policy["kind"] != "AuthorizationPolicy" {
        return false;
    }
    let spec = &policy["spec"];
    let targets = items(spec, "targetRefs");
    match proxy {
        Proxy::Waypoint(service) => {
            let named =
                |target: &&Value| target["kind"] == "Service" && target["group"] == "" && target["name"] == *service;
            targets.iter().any(|target| named(&target))
        }
        Proxy::Sidecar(labels) | Proxy::Ztunnel(labels) => {
            let selected = spec.get("selector").and_then(|selector| selector.get("matchLabels"));
            let fits = selected.and_then(Value::as_object).is_none_or(|wanted| {
                wanted.iter().all(|(key, value)| labels.get(key).map(String::as_str) == value.as_str())
            });
            targets.is_empty() && fits
        }
    }
}

/// Whether the proxy lets the call through, given the policies of the cluster.
pub fn allows(policies: &[Value], namespace: &str, proxy: &Proxy<'_>, call: &Call, trust_domain: &str) -> bool {
    let applied: Vec<&Value> = policies.iter().filter(|policy| applies(policy, namespace, proxy)).collect();
    for policy in &applied {
        let action = policy["spec"].get("action").and_then(Value::as_str).unwrap_or("ALLOW");
        assert_eq!(action, "ALLOW", "the evaluator knows no other action");
    }
    applied.is_empty()
        || applied.iter().any(|policy| {
            items(&policy["spec"], "rules").iter().any(|rule| rule_allows(rule, proxy, call, trust_domain))
        })
}

fn is_about_requests(rule: &Value) -> bool {
    let operation = |to: &Value| {
        ["methods", "notMethods", "paths", "notPaths", "hosts", "notHosts"]
            .iter()
            .any(|key| !list(&to["operation"], key).is_empty())
    };
    let condition = |when: &Value| when["key"].as_str().is_some_and(|key| key.starts_with("request."));
    items(rule, "to").iter().any(operation) || items(rule, "when").iter().any(condition)
}

fn rule_allows(rule: &Value, proxy: &Proxy<'_>, call: &Call, trust_domain: &str) -> bool {
    let sees_requests = !matches!(proxy, Proxy::Ztunnel(_)) && call.http.is_some();
    if is_about_requests(rule) && !sees_requests {
        return false;
    }
    let from = items(rule, "from");
    let to = items(rule, "to");
    let source = |from: &Value| source_allows(&from["source"], proxy, call, trust_domain);
    // One that asks nothing is refused by Istio's webhook; if it is there all the same, it takes nothing for ztunnel
    // (istio/ztunnel@1.31.0-rc.0 src/rbac.rs).
    let asks = |operation: &Value| operation.as_object().is_some_and(|fields| !fields.is_empty());
    let reads = |operation: &Value| asks(operation) || !matches!(proxy, Proxy::Ztunnel(_));
    let operation = |operation: &Value| reads(operation) && operation_allows(operation, call);
    (from.is_empty() || from.iter().any(source))
        && (to.is_empty() || to.iter().any(|to| operation(&to["operation"])))
        && items(rule, "when").iter().all(|when| condition_holds(when, call))
}

fn source_allows(source: &Value, proxy: &Proxy<'_>, call: &Call, trust_domain: &str) -> bool {
    let Some(identity) = &call.source else { return false };
    list(source, "principals").iter().any(|principal| {
        let parts: Vec<&str> = principal.split('/').collect();
        // istiod puts the trust domain of the mesh in place of `cluster.local` for Envoy, not for ztunnel
        // (istio/ztunnel issue 1260).
        let principal = match (proxy, parts.as_slice()) {
            (Proxy::Sidecar(_) | Proxy::Waypoint(_), ["cluster.local", rest @ ..]) if parts.len() == 5 => {
                format!("{trust_domain}/{}", rest.join("/"))
            }
            _ => (*principal).to_owned(),
        };
        word_takes(&principal, identity)
    })
}

fn operation_allows(operation: &Value, call: &Call) -> bool {
    let port = call.port.to_string();
    let among = |key: &str, takes: &dyn Fn(&str) -> bool| {
        let words = list(operation, key);
        words.is_empty() || words.iter().any(|word| takes(word))
    };
    let beside = |key: &str, takes: &dyn Fn(&str) -> bool| !list(operation, key).iter().any(|word| takes(word));
    let takes_port = |word: &str| word == port;
    if !among("ports", &takes_port) || !beside("notPorts", &takes_port) {
        return false;
    }
    let Some(http) = &call.http else { return true };
    let host = http.headers.get("host").map(|host| host.to_ascii_lowercase()).unwrap_or_default();
    let takes_host = |word: &str| word == "*" || word_takes(&word.to_ascii_lowercase(), &host);
    let takes_method = |word: &str| word == "*" || word_takes(word, &http.method);
    let takes_path = |word: &str| path_takes(word, &http.path);
    among("hosts", &takes_host)
        && beside("notHosts", &takes_host)
        && among("methods", &takes_method)
        && beside("notMethods", &takes_method)
        && among("paths", &takes_path)
        && beside("notPaths", &takes_path)
}

fn condition_holds(when: &Value, call: &Call) -> bool {
    let key = when["key"].as_str().expect("a key");
    let name = key.strip_prefix("request.headers[").and_then(|rest| rest.strip_suffix(']')).expect("a header");
    let headers = call.http.iter().flat_map(|http| &http.headers);
    let value = headers.into_iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value);
    // `*` is Envoy's present_match: there, whatever the value.
    let takes = |word: &&str| value.is_some_and(|value| **word == *"*" || word_takes(word, value));
    let values = list(when, "values");
    (values.is_empty() || values.iter().any(&takes)) && !list(when, "notValues").iter().any(takes)
}

fn word_takes(word: &str, value: &str) -> bool {
    if word == "*" {
        !value.is_empty()
    } else if let Some(suffix) = word.strip_prefix('*') {
        value.ends_with(suffix)
    } else if let Some(prefix) = word.strip_suffix('*') {
        value.starts_with(prefix)
    } else {
        word == value
    }
}

fn path_takes(word: &str, path: &str) -> bool {
    if !word.contains("{*}") && !word.contains("{**}") {
        return word_takes(word, path);
    }
    let mut expression = String::from("^");
    let mut rest = word;
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix("{**}") {
            expression.push_str(r"[a-zA-Z0-9\-._~%!$&'()*+,;:@=/]*");
            rest = after;
        } else if let Some(after) = rest.strip_prefix("{*}") {
            expression.push_str(r"[a-zA-Z0-9\-._~%!$&'()*+,;:@=]+");
            rest = after;
        } else {
            let mut characters = rest.chars();
            let next = characters.next().expect("not empty");
            expression.push_str(&regex_syntax::escape(&next.to_string()));
            rest = characters.as_str();
        }
    }
    expression.push('$');
    let regex = regex_automata::meta::Regex::new(&expression).expect("an expression");
    regex.is_match(path)
}

/// What the CRD and the webhook of Istio refuse of a policy.
pub fn refused_by_admission(policy: &Value) -> Option<String> {
    let name = policy["metadata"]["name"].as_str().unwrap_or_default();
    let label = |text: &str| {
        !text.is_empty()
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
            && !text.starts_with('-')
            && !text.ends_with('-')
    };
    if name.len() > 253 || !name.split('.').all(label) {
        return Some(format!("`{name}` is no name"));
    }
    let spec = &policy["spec"];
    let targets = items(spec, "targetRefs");
    if spec.get("selector").is_some() && !targets.is_empty() {
        return Some("selector and targetRefs".into());
    }
    if targets.len() > 16 || targets.iter().any(|target| target.get("namespace").is_some()) {
        return Some("targetRefs".into());
    }
    if let Some(rules) = spec.get("rules") {
        let rules = rules.as_array()?;
        if rules.is_empty() || rules.len() > 512 {
            return Some(format!("{} rules", rules.len()));
        }
        for rule in rules {
            let refused = rule_refused(rule);
            if refused.is_some() {
                return refused;
            }
        }
    }
    None
}

fn rule_refused(rule: &Value) -> Option<String> {
    // Not refused by Istio, and never written: a rule for everybody.
    if items(rule, "from").is_empty() {
        return Some("a rule without sources".into());
    }
    for from in items(rule, "from") {
        let principals = list(&from["source"], "principals");
        if principals.is_empty() || principals.iter().any(|principal| principal.is_empty() || principal.contains('*')) {
            return Some("principals".into());
        }
    }
    if rule.get("to").is_some_and(|to| to.as_array().is_none_or(Vec::is_empty)) {
        return Some("an empty `to`".into());
    }
    for to in items(rule, "to") {
        let operation = to["operation"].as_object()?;
        if operation.is_empty() {
            return Some("an empty operation".into());
        }
        for key in operation.keys() {
            let words = list(&to["operation"], key);
            if words.is_empty() || words.iter().any(|word| word.is_empty()) {
                return Some(format!("empty values in {key}"));
            }
            if key.ends_with("orts") && words.iter().any(|word| word.parse::<u16>().is_err()) {
                return Some("ports".into());
            }
            if key.ends_with("aths") && words.iter().any(|word| !is_path_word(word)) {
                return Some(format!("paths {words:?}"));
            }
        }
    }
    for when in items(rule, "when") {
        let values = [list(when, "values"), list(when, "notValues")].concat();
        if values.is_empty() || values.iter().any(|value| value.is_empty()) {
            return Some("empty values of a condition".into());
        }
    }
    None
}

fn is_path_word(word: &str) -> bool {
    let template = word.contains("{*}") || word.contains("{**}");
    word.trim_matches('/').split('/').all(|part| {
        let operator = part == "{*}" || part == "{**}";
        let literal = |part: &str| {
            !part.is_empty()
                && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~%!$&'()+,;:@=".contains(&byte))
        };
        operator || (!part.contains(['{', '}']) && (!template || literal(part)))
    })
}
