//! The requests of the tables `mappings/targets/istio.yaml` and `istio-ambient.yaml`, each answered by the engine.

use std::collections::BTreeMap;

use serde_json::Value;
use smi2gamma::mappings::{AccessRequest, Permitted, PolicyFact, PolicyGolden, PolicyReading, target};

use crate::engine::{Call, Http, Proxy, allows};

fn documents(text: &str) -> Vec<Value> {
    text.split("---\n").map(|document| serde_yaml::from_str(document).expect("a policy")).collect()
}

fn asked(request: &AccessRequest) -> Call {
    let AccessRequest { source, port, method, path, headers } = request;
    let port = port.unwrap_or(8080);
    let source = source.as_ref().map(|source| {
        let (namespace, name) = source.split_once('/').unwrap_or(("shop", source));
        format!("cluster.local/ns/{namespace}/sa/{name}")
    });
    let http = Http {
        method: method.clone().unwrap_or_else(|| "GET".to_owned()),
        path: path.clone().unwrap_or_else(|| "/".to_owned()),
        headers: headers.clone(),
    };
    // 9000 does not speak HTTP.
    Call { source, port, http: (port != 9000).then_some(http) }
}

fn labels() -> BTreeMap<String, String> {
    BTreeMap::from([("app".to_owned(), "api".to_owned())])
}

fn sidecar(policies: &[Value], call: &Call) -> bool {
    allows(policies, "shop", &Proxy::Sidecar(&labels()), call, "cluster.local")
}

fn ambient(policies: &[Value], call: &Call) -> bool {
    let at_pods = |call: &Call| allows(policies, "shop", &Proxy::Ztunnel(&labels()), call, "cluster.local");
    if policies.iter().all(|policy| policy["spec"].get("targetRefs").is_none()) {
        return at_pods(call);
    }
    let port = if call.port == 8080 { 80 } else { call.port };
    let behind = Call { source: Some("cluster.local/ns/shop/sa/waypoint".into()), port: call.port, http: None };
    allows(policies, "shop", &Proxy::Waypoint("api"), &Call { port, ..call.clone() }, "cluster.local")
        && at_pods(&behind)
}

/// How many goldens a fact has, all answered.
fn answered<T>(name: &str, fact: &PolicyFact<T>, judge: fn(&[Value], &Call) -> bool) -> usize {
    for PolicyGolden { policy, request, answer, from: _ } in &fact.golden {
        let allowed = judge(&documents(policy), &asked(request));
        assert_eq!(allowed, *answer == Permitted::Allowed, "{name}: {request:?} under\n{policy}");
    }
    fact.golden.len()
}

fn all_answered(name: &str, judge: fn(&[Value], &Call) -> bool) {
    let reading = target(name).and_then(|target| target.policy.as_ref()).expect("policy");
    let PolicyReading {
        kinds: _,
        root_namespace: _,
        identity,
        path,
        header,
        method,
        port,
        overlap,
        http_on_opaque,
        posture,
        audit,
        default_deny,
        allowances: _,
    } = reading;
    let counts = [
        ("identity", answered("identity", identity, judge)),
        ("path", answered("path", path, judge)),
        ("header", answered("header", header, judge)),
        ("method", answered("method", method, judge)),
        ("port", answered("port", port, judge)),
        ("overlap", answered("overlap", overlap, judge)),
        ("http-on-opaque", answered("http-on-opaque", http_on_opaque, judge)),
        ("posture", answered("posture", posture, judge)),
        ("audit", answered("audit", audit, judge)),
        ("default-deny", answered("default-deny", default_deny, judge)),
    ];
    for (row, count) in counts {
        assert!(count > 0, "{name}: {row} is shown by no request");
    }
}

#[test]
fn every_request_of_the_table_for_sidecars_is_answered_as_it_says() {
    all_answered("istio", sidecar);
}

#[test]
fn every_request_of_the_table_for_ambient_is_answered_as_it_says() {
    all_answered("istio-ambient", ambient);
}
