//! What an object that is not converted says, in a few words for the report.
//!
//! Nothing is interpreted: what a mesh made of it (a rule without matches, no sources at all) is not said here.

use super::{Rule, Subject, TrafficTarget};
use crate::place::Spanned;

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
