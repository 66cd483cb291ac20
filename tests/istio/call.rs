//! Calls as situations write them: `shop/web 8080 GET /a name: value`, `shop/web 9000 TCP`, `- 8080 GET /` without identity.

use std::collections::BTreeMap;

use crate::engine::{Call, Http};

/// The call in the mesh of `trust_domain`; a source with two slashes names its own: `other.org/shop/web`.
pub fn call(text: &str, trust_domain: &str) -> Call {
    let mut parts = text.splitn(5, ' ');
    let mut next = || parts.next().unwrap_or_default();
    let (source, port, method, path, headers) = (next(), next(), next(), next(), next());
    let source = match source.split('/').collect::<Vec<_>>().as_slice() {
        ["-"] => None,
        [namespace, account] => Some(format!("{trust_domain}/ns/{namespace}/sa/{account}")),
        [domain, namespace, account] => Some(format!("{domain}/ns/{namespace}/sa/{account}")),
        _ => panic!("no source: {text}"),
    };
    let header = |text: &str| {
        let (name, value) = text.split_once(':').expect("name: value");
        (name.to_owned(), value.trim().to_owned())
    };
    let headers: BTreeMap<String, String> =
        if headers.is_empty() { BTreeMap::new() } else { headers.split("; ").map(header).collect() };
    let http = (method != "TCP").then(|| Http { method: method.to_owned(), path: path.to_owned(), headers });
    Call { source, port: port.parse().expect("a port"), http }
}
