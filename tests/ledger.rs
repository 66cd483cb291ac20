//! The field ledger: every row of `mappings/smi-fields.yaml` says what becomes of a field, and is held to it.
//!
//! For each kind and version that has the field, one object with all fields of its version stands in a world in which it
//! converts as far as it can. The field is changed, and nothing else: what a row calls mapped, checked or reported has to
//! change the output or the report, what it calls ignored must change neither. The changes stand in [`changed`]; a row
//! without one fails.

mod worlds;

use serde_json::{Value, json};
use smi2gamma::smi::fields::{Row, What, rows};
use smi2gamma::smi::{Kind, Version};
use std::collections::HashMap;
use worlds::{convert, service, stream, words};

const NAMESPACE: &str = "shop";

#[test]
fn a_field_does_what_its_row_says() {
    let mut known = HashMap::new();
    for row in rows() {
        for (kind, version) in row.shapes() {
            let before = world(row, kind, version);
            let after = converted(&with_change(row, kind, version, before.clone()));
            let before = known.entry(stream(&before)).or_insert_with(|| converted(&before));
            let what = format!("{} of {} {}: {:?}", row.path, kind.name(), version.name(), row.what);
            match row.what {
                What::Ignored => assert_eq!(*before, after, "{what}"),
                What::Mapped => {
                    assert_ne!(before["manifests"], json!([]), "{what}: {before:#}");
                    assert_ne!(before["manifests"], after["manifests"], "{what}");
                }
                What::Checked | What::Reported | What::Defaulted => {
                    assert_ne!(*before, after, "{what}");
                    let code = row.into.as_deref().unwrap_or_else(|| panic!("{what}: no finding"));
                    assert!(has_code(before, code) || has_code(&after, code), "{what}: no {code} in {after:#}");
                }
            }
        }
    }
}

fn converted(objects: &[Value]) -> Value {
    words(&convert(objects, Some("spec"), "gateway-api"))
}

#[test]
fn an_object_of_the_ledger_has_every_field_of_its_version() {
    for row in rows() {
        for (kind, version) in row.shapes().filter(|_| !is_absent(&row.path)) {
            let object = &mut object(&row.path, kind, version);
            let found = find(object, &steps(&row.path)).is_some();
            assert!(found, "{} of {} {}", row.path, kind.name(), version.name());
        }
    }
}

fn has_code(words: &Value, code: &str) -> bool {
    words["findings"].as_array().is_some_and(|findings| findings.iter().any(|finding| finding["code"] == code))
}

// --- the change ---

/// Fields that stand in an object only without another one: they are put in.
fn is_absent(path: &str) -> bool {
    path == "metadata.generateName"
}

/// The world with the field of `row` changed in its first object.
fn with_change(row: &Row, kind: Kind, version: Version, mut objects: Vec<Value>) -> Vec<Value> {
    let steps = steps(&row.path);
    if is_absent(&row.path) {
        let metadata = objects[0]["metadata"].as_object_mut().expect("metadata");
        metadata.remove("name");
        metadata.insert("generateName".to_owned(), json!("web-"));
        return objects;
    }
    let field = find(&mut objects[0], &steps).unwrap_or_else(|| panic!("the object has no {}", row.path));
    let new = changed(&row.path, kind, version);
    assert_ne!(*field, new, "{} is changed into itself", row.path);
    *field = new;
    objects
}

/// Another value for a field: one that is legal, and for what is only checked one that is not.
#[expect(clippy::match_same_arms, reason = "the arms stand in the order of the table")]
fn changed(path: &str, kind: Kind, version: Version) -> Value {
    match path {
        "apiVersion" => json!(format!("{}/v9", kind.group())),
        "kind" => json!(format!("{}s", kind.name())),
        "metadata.name" | "metadata.namespace" => json!("other"),
        "metadata.labels.*" | "metadata.labels.ports" | "metadata.annotations.*" => json!("9090"),
        "metadata.ownerReferences[].apiVersion" => json!("example.com/v2"),
        "metadata.ownerReferences[].kind" => json!("Market"),
        "metadata.ownerReferences[].name" | "metadata.ownerReferences[].uid" => json!("other"),
        "metadata.ownerReferences[].controller" | "metadata.ownerReferences[].blockOwnerDeletion" => json!(false),
        "metadata.uid" | "metadata.resourceVersion" | "metadata.selfLink" | "metadata.clusterName" => json!("other"),
        "metadata.continue" => json!("other"),
        "metadata.generation" | "metadata.deletionGracePeriodSeconds" | "metadata.remainingItemCount" => json!(99),
        "metadata.creationTimestamp" | "metadata.deletionTimestamp" => json!("2023-10-03T00:00:00Z"),
        "metadata.finalizers[]" => json!("example.com/other"),
        "metadata.managedFields.**" => json!([]),
        "status.**" | "specs[].status.**" => json!({"other": [1]}),

        "spec.service" => json!("shop"),
        "spec.backends[].service" => json!("web-v3"),
        "spec.backends[].weight" if version == Version::V1alpha1 => json!("250m"),
        "spec.backends[].weight" => json!(25),
        "spec.matches[].apiGroup" => json!("specs.smi-spec.io/v1alpha4"),
        "spec.matches[].kind" => json!("TCPRoute"),
        "spec.matches[].name" => json!("other"),

        "destination.kind" | "sources[].kind" | "spec.destination.kind" | "spec.sources[].kind" => json!("Group"),
        "destination.name" | "sources[].name" | "spec.destination.name" | "spec.sources[].name" => json!("other"),
        "destination.namespace" | "sources[].namespace" | "spec.destination.namespace" | "spec.sources[].namespace" => {
            json!("other")
        }
        "destination.port" | "sources[].port" | "spec.destination.port" | "spec.sources[].port" => json!(9090),
        "spec.destination.group" | "spec.sources[].group" => json!("other"),
        "specs[].kind" | "spec.rules[].kind" => json!("TCPRoute"),
        "specs[].name" | "spec.rules[].name" => json!("other"),
        "specs[].matches[]" | "spec.rules[].matches[]" => json!("write"),

        "spec.schemes.podLabelSelector.matchLabels.*" => json!("other"),
        "spec.schemes.spiffeIdentities[]" => json!("cluster.local/ns/shop/sa/other"),
        "spec.schemes.serviceAccount" => json!("other"),

        "matches[].name" => json!("renamed"),
        "matches[].methods[]" | "spec.matches[].methods[]" => json!("PUT"),
        "matches[].pathRegex" | "spec.matches[].pathRegex" => json!("/other"),
        "matches[].headers.*" | "spec.matches[].headers.*" => json!(".*other.*"),
        "matches[].headers[].*" | "spec.matches[].headers[].*" => json!(".*other.*"),

        "spec.matches.name" => json!("other"),
        "spec.matches.ports[]" => json!(9090),
        "spec" => json!({}),

        path if is_metrics(kind) => changed_metrics(path),
        _ => panic!("no change for `{path}`: say here what another value of it is"),
    }
}

fn is_metrics(kind: Kind) -> bool {
    matches!(kind, Kind::TrafficMetrics | Kind::TrafficMetricsList)
}

fn changed_metrics(path: &str) -> Value {
    match path {
        "resource.kind" | "edge.resource.kind" => json!("Namespace"),
        "resource.apiVersion" | "edge.resource.apiVersion" => json!("apps/v1"),
        "edge.direction" => json!("from"),
        "edge.side" => json!("server"),
        "backend.weight" => json!(99),
        "timestamp" => json!("2023-10-03T00:00:00Z"),
        "window" => json!("60s"),
        "metrics[].unit" => json!("s"),
        "metrics[].value" => json!("250m"),
        "items[].**" => json!({"metadata": {"name": "other"}}),
        "selector.**" => json!({"matchLabels": {"app": "other"}}),
        "metrics[].name" | "backend.apex" | "backend.name" => json!("other"),
        path if path.starts_with("resource.") || path.starts_with("edge.resource.") => json!("other"),
        _ => panic!("no change for `{path}`: say here what another value of it is"),
    }
}

/// The steps of a path: `a.b[].c` is `a`, `b`, `[]`, `c`.
fn steps(path: &str) -> Vec<&str> {
    path.split('.')
        .flat_map(|part| part.strip_suffix("[]").map_or(vec![part], |name| vec![name, "[]"]))
        .filter(|step| *step != "**")
        .collect()
}

fn find<'o>(object: &'o mut Value, steps: &[&str]) -> Option<&'o mut Value> {
    steps.iter().try_fold(object, |at, step| match *step {
        "[]" => at.as_array_mut()?.first_mut(),
        "*" => at.as_object_mut()?.values_mut().next(),
        name => at.as_object_mut()?.get_mut(name),
    })
}

// --- the worlds ---

/// The object, first, and what it needs.
fn world(row: &Row, kind: Kind, version: Version) -> Vec<Value> {
    let mut objects = vec![object(&row.path, kind, version)];
    objects.extend(["web", "web-v1", "web-v2", "web-v3", "shop"].map(|name| service(Some(NAMESPACE), name, &[80])));
    match kind {
        Kind::TrafficSplit => {
            objects.push(group("routes", "/api"));
            objects.push(group("other", "/other"));
        }
        Kind::HTTPRouteGroup => {
            objects.push(object("", Kind::TrafficSplit, Version::V1alpha4));
            objects.push(object("", Kind::TrafficTarget, Version::V1alpha3));
        }
        Kind::TrafficTarget => objects.push(group("routes", "/api")),
        Kind::TCPRoute | Kind::UDPRoute => {
            let mut target = object("", Kind::TrafficTarget, Version::V1alpha3);
            target["spec"]["rules"] = json!([{"kind": kind.name(), "name": "web"}]);
            objects.push(target);
        }
        Kind::IdentityBinding | Kind::TrafficMetrics | Kind::TrafficMetricsList => {}
    }
    objects
}

fn group(name: &str, path: &str) -> Value {
    json!({
        "apiVersion": "specs.smi-spec.io/v1alpha4",
        "kind": "HTTPRouteGroup",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {"matches": [{"name": "read", "methods": ["GET"], "pathRegex": path}, {"name": "write", "methods": ["PUT"], "pathRegex": path}]},
    })
}

/// An object with every field of its version, but for those that keep it from being converted: they are there where they
/// are asked for.
fn object(path: &str, kind: Kind, version: Version) -> Value {
    let mut object = match kind {
        Kind::TrafficSplit => split(version),
        Kind::TrafficTarget => target(version),
        Kind::IdentityBinding => binding(path),
        Kind::HTTPRouteGroup => route_group(path, version),
        Kind::TCPRoute | Kind::UDPRoute => port_route(version),
        Kind::TrafficMetrics => metrics(version),
        Kind::TrafficMetricsList => metrics_list(),
    };
    object["apiVersion"] = json!(format!("{}/{}", kind.group(), version.name()));
    object["kind"] = json!(kind.name());
    object["metadata"] = match kind {
        Kind::TrafficMetricsList => {
            json!({"selfLink": "/a", "resourceVersion": "1", "continue": "token", "remainingItemCount": 1})
        }
        _ => metadata(path, kind),
    };
    if !is_metrics(kind) {
        object["status"] = json!({"state": "ready"});
    }
    object
}

fn metadata(path: &str, kind: Kind) -> Value {
    let mut metadata = json!({
        "name": if kind == Kind::HTTPRouteGroup { "routes" } else { "web" },
        "namespace": NAMESPACE,
        "labels": if kind == Kind::TCPRoute { json!({"app": "web", "ports": "8080"}) } else { json!({"app": "web"}) },
        "annotations": {"example.com/team": "web"},
        "uid": "1",
        "resourceVersion": "1",
        "generation": 1,
        "creationTimestamp": "2020-10-03T00:00:00Z",
        "deletionTimestamp": "2020-10-04T00:00:00Z",
        "deletionGracePeriodSeconds": 30,
        "selfLink": "/a",
        "clusterName": "here",
        "finalizers": ["example.com/web"],
        "managedFields": [{"manager": "kubectl"}],
    });
    if path.starts_with("metadata.ownerReferences") {
        metadata["ownerReferences"] = json!([{
            "apiVersion": "example.com/v1",
            "kind": "Shop",
            "name": "web",
            "uid": "2",
            "controller": true,
            "blockOwnerDeletion": true,
        }]);
    }
    metadata
}

fn split(version: Version) -> Value {
    let weights = if version == Version::V1alpha1 { [json!("500m"), json!(1)] } else { [json!(90), json!(10)] };
    let [one, two] = weights;
    let backends = json!([{"service": "web-v1", "weight": one}, {"service": "web-v2", "weight": two}]);
    let mut split = json!({"spec": {"service": "web", "backends": backends}});
    if version >= Version::V1alpha3 {
        split["spec"]["matches"] =
            json!([{"apiGroup": "specs.smi-spec.io", "kind": "HTTPRouteGroup", "name": "routes"}]);
    }
    split
}

fn target(version: Version) -> Value {
    let subject = |name: &str| {
        let mut subject = json!({"kind": "ServiceAccount", "name": name, "namespace": NAMESPACE});
        match version {
            Version::V1alpha1 | Version::V1alpha2 => subject["port"] = json!(8080),
            Version::V1alpha3 => {}
            Version::V1alpha4 => subject["group"] = json!("access.smi-spec.io"),
        }
        subject
    };
    let mut rule = json!({"kind": "HTTPRouteGroup", "name": "routes", "matches": ["read"]});
    if version == Version::V1alpha1 {
        rule["status"] = json!({"state": "ready"});
        return json!({"destination": subject("web"), "sources": [subject("cart")], "specs": [rule]});
    }
    json!({"spec": {"destination": subject("web"), "sources": [subject("cart")], "rules": [rule]}})
}

/// Pod labels and an account exclude each other.
fn binding(path: &str) -> Value {
    let mut schemes = json!({"spiffeIdentities": ["cluster.local/ns/shop/sa/web"]});
    if path.contains("podLabelSelector") {
        schemes["podLabelSelector"] = json!({"matchLabels": {"app": "web"}});
    } else {
        schemes["serviceAccount"] = json!("web");
    }
    json!({"spec": {"schemes": schemes}})
}

fn route_group(path: &str, version: Version) -> Value {
    let mut only = json!({"name": "read", "methods": ["GET"], "pathRegex": "/api"});
    if version >= Version::V1alpha2 {
        let headers = json!({"x-team": ".*web.*"});
        only["headers"] = if path.contains("headers[]") { json!([headers]) } else { headers };
    }
    match version {
        Version::V1alpha1 | Version::V1alpha2 => json!({"matches": [only]}),
        Version::V1alpha3 | Version::V1alpha4 => json!({"spec": {"matches": [only]}}),
    }
}

fn port_route(version: Version) -> Value {
    match version {
        Version::V1alpha1 | Version::V1alpha2 => json!({}),
        Version::V1alpha3 => json!({"spec": null}),
        Version::V1alpha4 => json!({"spec": {"matches": {"name": "db", "ports": [8080]}}}),
    }
}

fn metrics(version: Version) -> Value {
    let mut metrics = json!({
        "resource": reference(),
        "edge": {"direction": "to", "side": "client", "resource": reference()},
        "timestamp": "2020-10-03T00:00:00Z",
        "window": "30s",
        "metrics": [{"name": "p99", "unit": "ms", "value": "10m"}],
    });
    if version == Version::V1alpha2 {
        metrics["backend"] = json!({"apex": "web", "name": "web-v1", "weight": 1});
    }
    metrics
}

fn metrics_list() -> Value {
    json!({"resource": reference(), "selector": {"matchLabels": {"app": "web"}}, "items": [{"metadata": {"name": "web"}}]})
}

fn reference() -> Value {
    json!({"kind": "Pod", "namespace": NAMESPACE, "name": "web", "apiVersion": "v1", "uid": "1", "resourceVersion": "1", "fieldPath": "a"})
}
