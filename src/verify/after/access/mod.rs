//! The side of policy: who may call which pods, as a target's engine reads its manifests.
//!
//! One file per engine. Kinds and fields that the conversion never writes are read too, since the manifests may be anyone's;
//! what is not modelled makes the answer undecided where it could matter.

mod ambient;
mod istio;
mod linkerd;
mod words;

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use super::After;
use super::routing::Asked;
use crate::pattern::Language;
use crate::place::Place;
use crate::verify::access::Guard;
use crate::verify::world::Manifest;
use crate::yaml::{Node, Scalar};

/// The policy of a target over the world of `after`; none for a target whose policy is not modelled.
#[must_use]
pub fn policy<'a>(after: &'a After<'a>) -> Option<Box<dyn Guard + 'a>> {
    match after.target.name.as_str() {
        "linkerd" => Some(Box::new(linkerd::Linkerd::new(after))),
        "istio" => Some(Box::new(istio::Sidecars::new(after))),
        "istio-ambient" => Some(Box::new(ambient::Ambient::new(after))),
        _ => None,
    }
}

/// Yes, no, or why nobody can say.
type Maybe = Result<bool, String>;

/// Languages, each compiled when first asked for.
#[derive(Debug, Default)]
struct Languages {
    known: RwLock<HashMap<(Asked, String), Result<Language, String>>>,
}

// === impl Languages ===

impl Languages {
    fn of(&self, how: Asked, text: &str) -> Result<Language, String> {
        let key = (how, text.to_owned());
        // A thread that panicked left whole entries behind.
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        known.unwrap_or_else(|| {
            let compiled = how.compile(text);
            self.known.write().unwrap_or_else(PoisonError::into_inner).insert(key, compiled.clone());
            compiled
        })
    }
}

// --- reading ---

fn text<'a>(node: &'a Node, key: &str) -> Option<&'a str> {
    node.get(key).and_then(Node::as_str)
}

fn items<'a>(node: &'a Node, key: &str) -> &'a [Node] {
    node.get(key).map(Node::items).unwrap_or_default()
}

fn texts<'a>(node: &'a Node, key: &str) -> Vec<&'a str> {
    items(node, key).iter().filter_map(Node::as_str).collect()
}

fn int(node: &Node) -> Option<i128> {
    node.scalar().and_then(Scalar::as_int)
}

/// The first field of a node that is none of `known`.
fn odd_field(node: &Node, known: &[&str]) -> Option<String> {
    let keys = node.entries().iter().map(|(key, _)| key.key_text());
    keys.into_iter().find(|key| !known.contains(&key.as_ref())).map(std::borrow::Cow::into_owned)
}

/// Where an object begins.
fn place(manifest: &Manifest<'_>) -> Place {
    manifest.at(manifest.node.get("kind").unwrap_or(manifest.node))
}

/// `Server shop/web`
fn display(kind: &str, namespace: Option<&str>, name: &str) -> String {
    match namespace {
        Some(namespace) => format!("{kind} {namespace}/{name}"),
        None => format!("{kind} {name}"),
    }
}
