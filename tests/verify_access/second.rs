//! A second opinion on policy: what engines that share nothing with `src/verify` do with a list of calls.
//!
//! They stay apart from the evaluators of `src/verify` on purpose: two that were written one without the other can disagree.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::istio_engine::{self, Http, Proxy};
use super::linkerd_engine::{self, Ask, Pods};

/// A call to a port of the pods of an account of the namespace `shop`, as in [`super::world::pods`].
#[derive(Clone, Debug)]
pub struct Call {
    pub to: &'static str,
    pub port: u16,
    /// `shop/web`; none: nobody of the mesh.
    pub source: Option<&'static str>,
    /// None: a connection that is not HTTP.
    pub http: Option<Http>,
}

/// Calls that tell the grants of these tests apart.
pub fn calls(accounts: &[&'static str], probe: bool) -> Vec<Call> {
    let mut all = Vec::new();
    let sources =
        [Some("shop/web"), Some("shop/cron"), Some("shop/other"), Some("shop/someone"), Some("ops/web"), None];
    let mut paths = vec!["/", "/api", "/api/", "/api/x", "/apiary", "/v1/items", "/v3/items", "/apix"];
    paths.extend(probe.then_some("/healthz"));
    for &to in accounts {
        for source in sources {
            all.push(Call { to, port: 9000, source, http: None });
            for path in &paths {
                for method in ["GET", "POST", "PUT", "DELETE"] {
                    for value in [None, Some("blue"), Some("black"), Some("red")] {
                        let headers = value.map(|value| ("x-team".to_owned(), value.to_owned()));
                        let headers: BTreeMap<String, String> = headers.into_iter().collect();
                        let http = Http { method: method.to_owned(), path: (*path).to_owned(), headers };
                        all.push(Call { to, port: 8080, source, http: Some(http) });
                    }
                }
            }
        }
    }
    all
}

/// Whether each call gets through; an error where nobody can say.
pub fn answers(to: &str, manifests: &[Value], calls: &[Call], probe: bool) -> Vec<Result<bool, String>> {
    let answer = |call: &Call| match to {
        "linkerd" => linkerd(manifests, call, probe),
        "istio" => Ok(istio(manifests, &Proxy::Sidecar(&labels(call)), call, None, call.port)),
        "istio-ambient" => ambient(manifests, call),
        other => panic!("no engine for {other}"),
    };
    calls.iter().map(answer).collect()
}

fn labels(call: &Call) -> BTreeMap<String, String> {
    BTreeMap::from([("app".to_owned(), call.to.to_owned())])
}

fn linkerd(manifests: &[Value], call: &Call, probe: bool) -> Result<bool, String> {
    let probed: BTreeSet<String> = probe.then(|| "/healthz".to_owned()).into_iter().collect();
    let pods = Pods { namespace: "shop".into(), labels: labels(call), probes: BTreeMap::from([(8080, probed)]) };
    let (method, path, headers) = match call.http.clone() {
        Some(Http { method, path, headers }) => (Some(method), path, headers),
        None => (None, String::new(), BTreeMap::new()),
    };
    let source = call.source.map(str::to_owned);
    linkerd_engine::answer(manifests, &pods, &Ask { source, port: call.port, method, path, headers })
}

/// What a proxy does, with the caller's identity or another one, at a port.
fn istio(manifests: &[Value], proxy: &Proxy<'_>, call: &Call, identity: Option<&str>, port: u16) -> bool {
    let spiffe = |account: &str| {
        let (namespace, name) = account.split_once('/').expect("namespace/name");
        format!("cluster.local/ns/{namespace}/sa/{name}")
    };
    let source = identity.or(call.source).map(spiffe);
    let call = istio_engine::Call { source, port, http: call.http.clone() };
    istio_engine::allows(manifests, "shop", proxy, &call, "cluster.local")
}

/// By the Service and its waypoint, as clients call; else by the address of the pods, which nobody was to need.
fn ambient(manifests: &[Value], call: &Call) -> Result<bool, String> {
    let labels = labels(call);
    let pods = Proxy::Ztunnel(&labels);
    let past = istio(manifests, &pods, call, None, call.port);
    if call.source.is_none() {
        return Ok(past);
    }
    let service_port = if call.port == 8080 { 80 } else { call.port };
    let through = istio(manifests, &Proxy::Waypoint(call.to), call, None, service_port)
        && istio(manifests, &pods, call, Some("shop/waypoint"), call.port);
    if past && !through { Err("past the waypoint only".into()) } else { Ok(through) }
}
