//! Holds our own rules for emitted manifests to Gateway API's own invalid examples: none of them passes.
//!
//! `SMI2GAMMA_INVALID` names a folder of them; the cluster suite has them from the Go module that publishes them, and shows that
//! the API server refuses them, too. Without it only the examples here are judged.

#[path = "emitted/shape.rs"]
mod shape;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Value, json};

fn route(rule: &Value) -> Value {
    json!({
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": "web-split-80", "namespace": "shop"},
        "spec": {"parentRefs": [{"group": "", "kind": "Service", "name": "web", "port": 80}], "rules": [rule]},
    })
}

fn with(item: &Value) -> Value {
    route(&json!({"matches": [item], "backendRefs": [{"name": "web-v1", "port": 80, "weight": 1}]}))
}

#[test]
fn what_a_route_may_say_passes() {
    let item = json!({
        "method": "GET",
        "path": {"type": "Exact", "value": "/a%20b"},
        "headers": [{"name": "x-a", "type": "RegularExpression", "value": r"^(a \x20b)$"}],
    });
    assert_eq!(shape::refusal(&with(&item)), None);
}

#[test]
fn what_the_definitions_refuse_does_not_pass() {
    let header = |value: &str| json!({"headers": [{"name": "x-a", "type": "Exact", "value": value}]});
    let path = |kind: &str, value: &str| json!({"path": {"type": kind, "value": value}});
    let items = [
        header("a  b"),
        header(""),
        header(" a"),
        path("Exact", "a"),
        path("PathPrefix", "/a//b"),
        path("Exact", "/a b"),
        path("Exact", "/a%2"),
        path("Suffix", "/a"),
        path("RegularExpression", &"a".repeat(1025)),
        json!({"method": "get"}),
        json!({"queryParams": []}),
    ];
    for item in items {
        assert!(shape::refusal(&with(&item)).is_some(), "{item} passes");
    }
    let backend = |backend: &Value| route(&json!({"backendRefs": [backend]}));
    assert!(shape::refusal(&backend(&json!({"name": "a", "port": 0, "weight": 1}))).is_some());
    assert!(shape::refusal(&backend(&json!({"name": "a", "port": 80, "weight": 1_000_001}))).is_some());
    assert!(shape::refusal(&route(&json!({"backendRefs": []}))).is_some());
}

#[test]
fn no_invalid_example_of_upstream_passes() {
    let Some(folder) = env::var_os("SMI2GAMMA_INVALID").map(PathBuf::from) else {
        eprintln!("no invalid examples: set SMI2GAMMA_INVALID to their folder to run this test");
        return;
    };
    let mut files = Vec::new();
    collect(&folder, &mut files);
    assert!(files.len() > 10, "{} has only {} examples", folder.display(), files.len());
    for file in files {
        let text = fs::read_to_string(&file).expect("a file");
        let documents = serde_yaml::Deserializer::from_str(&text);
        let refused = documents.filter_map(|document| Value::deserialize(document).ok()).any(|manifest| {
            let group = manifest["apiVersion"].as_str().unwrap_or_default();
            !group.starts_with("gateway.networking.k8s.io/") || shape::refusal(&manifest).is_some()
        });
        assert!(refused, "{} passes", file.display());
    }
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "yaml") {
            files.push(path);
        }
    }
}
