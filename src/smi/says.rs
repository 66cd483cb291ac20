//! What an object that is not converted says, in a few words for the report.
//!
//! Nothing is interpreted: what a mesh made of it (a rule without matches, no sources at all) is not said here.

use super::{IdentityBinding, PortRoute, Rule, Schemes, Subject, TrafficTarget};
use crate::place::Spanned;

/// The label that Open Service Mesh 0.6 and 0.7 read as the ports of a TCPRoute (openservicemesh/osm#2222).
const PORTS_LABEL: &str = "ports";

// === impl TrafficTarget ===

impl TrafficTarget {
    /// For instance "from ServiceAccount `web/web` to ServiceAccount `api/api`, port 8080: HTTPRouteGroup `api` (`read`)".
    #[must_use]
    pub fn says(&self) -> String {
        let sources = self.sources.as_deref().unwrap_or_default().iter().map(subject);
        let destination = self.destination.as_ref().map_or_else(|| "nothing".to_owned(), subject);
        let port = self.destination.as_ref().and_then(|destination| destination.port.as_ref());
        let port = port.map(|port| format!(", port {}", port.value)).unwrap_or_default();
        let rules = self.rules.as_deref().unwrap_or_default().iter().map(rule);
        format!("from {} to {destination}{port}: {}", list(sources, "nobody"), list(rules, "no rules"))
    }
}

// === impl IdentityBinding ===

impl IdentityBinding {
    /// For instance "SPIFFE identity `cluster.local/ns/web`, pods with `app=web`, ServiceAccount `web`".
    #[must_use]
    pub fn says(&self) -> String {
        let Some(Schemes { span: _, pod_labels, spiffe_identities, service_account }) = &self.schemes else {
            return "no scheme".to_owned();
        };
        let identities = spiffe_identities.iter().map(|identity| format!("SPIFFE identity `{}`", identity.value));
        let pods =
            pod_labels.iter().flat_map(|labels| &labels.value).map(|(key, value)| format!("pods with `{key}={value}`"));
        let account = service_account.iter().map(|account| format!("ServiceAccount `{}`", account.value));
        list(identities.chain(pods).chain(account), "no scheme")
    }
}

// === impl PortRoute ===

impl PortRoute {
    /// For instance "match `db`: ports 5432, 6432".
    #[must_use]
    pub fn says(&self) -> String {
        let Self { meta, name, ports } = self;
        let name = name.as_ref().map(|name| format!("match `{}`: ", name.value)).unwrap_or_default();
        let numbers = ports.iter().flatten().map(|port| port.value.to_string());
        let label = meta.labels.get(PORTS_LABEL).map(|label| format!(" (label `{PORTS_LABEL}`: {})", label.value));
        format!("{name}ports {}{}", list(numbers, "not named"), label.unwrap_or_default())
    }
}

fn subject(subject: &Subject) -> String {
    let Subject { span: _, kind, name, namespace, port: _ } = subject;
    let namespace = namespace.as_ref().map(|namespace| format!("{}/", namespace.value)).unwrap_or_default();
    format!("{} `{namespace}{}`", text(kind), text(name))
}

fn rule(rule: &Rule) -> String {
    let Rule { span: _, kind, name, matches } = rule;
    let matches = matches.as_ref().map(|matches| {
        let names = matches.iter().map(|name| format!("`{}`", name.value));
        format!(" ({})", list(names, "no matches"))
    });
    format!("{} `{}`{}", text(kind), text(name), matches.unwrap_or_default())
}

fn text(text: &Option<Spanned<String>>) -> &str {
    text.as_ref().map_or("", |text| text.value.as_str())
}

fn list(words: impl Iterator<Item = String>, none: &str) -> String {
    let words: Vec<String> = words.collect();
    if words.is_empty() { none.to_owned() } else { words.join(", ") }
}
