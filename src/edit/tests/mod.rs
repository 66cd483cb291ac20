//! What `edit` promises, said on small texts, and on random ones.

mod diff;
mod items;
mod json;
mod kept;
mod patch;
mod random;
mod whole;
mod write;

use serde_json::{Value, json};

use super::{Change, EditError, Original, Reason, splice};
use crate::yaml::{self, Node, Piece};

/// A manifest that could take the place of a TrafficSplit.
fn route(name: &str) -> Value {
    json!({"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": {"name": name}})
}

/// `route(name)` as YAML.
fn route_yaml(name: &str) -> String {
    format!("apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata:\n  name: {name}\n")
}

/// The change of the object of `text` whose `metadata.name` is `name`.
fn change(text: &str, name: &str, manifests: &[Value]) -> Change {
    let (piece, object) =
        objects(text).into_iter().find(|(_, node)| object_name(node) == Some(name)).expect("the object");
    Change { piece, object: object.span, original: Original::Replaced, manifests: manifests.to_vec(), note: None }
}

/// `text` with `manifests` after the object `name`.
fn followed(text: &str, name: &str, manifests: &[Value]) -> Result<String, EditError> {
    splice(text, &[Change { original: Original::Kept, ..change(text, name, manifests) }])
}

/// `text` with the object `name` replaced.
fn replaced(text: &str, name: &str, manifests: &[Value]) -> Result<String, EditError> {
    splice(text, &[change(text, name, manifests)])
}

/// Why the object `name` cannot be replaced.
fn refusal(text: &str, name: &str, manifests: &[Value]) -> Reason {
    replaced(text, name, manifests).expect_err("a refusal").reason
}

/// All objects of a text: documents, and items of lists.
fn objects(text: &str) -> Vec<(Piece, Node)> {
    let mut found = Vec::new();
    for piece in yaml::split(text) {
        let Some(root) = yaml::parse(text, piece.span).ok().and_then(|document| document.root) else { continue };
        let mut open = vec![root];
        while let Some(node) = open.pop() {
            open.extend(node.get("items").into_iter().flat_map(Node::items).rev().cloned());
            found.push((piece, node));
        }
    }
    found
}

fn object_name(object: &Node) -> Option<&str> {
    object.get("metadata")?.get("name")?.as_str()
}
