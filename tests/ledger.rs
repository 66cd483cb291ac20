//! The field ledger: every row of `mappings/smi-fields.yaml` says what becomes of a field, and is held to it.
//!
//! For each kind and version that has the field, one object with all fields of its version stands in a world in which it
//! converts as far as it can: for routes, or for policy of a target that has some. The field is changed, and nothing else:
//! what a row calls mapped has to be in the output before and after, and differently; what it calls checked or reported has
//! to change the output or the report, and to be said; what it calls ignored must change neither. The changes stand in
//! [`changed`]; a row without one fails.

mod worlds;

use serde_json::{Value, json};
use smi2gamma::smi::fields::{Row, What, rows};
use smi2gamma::smi::{Kind, Version};
use std::collections::HashMap;
use worlds::{convert, service, stream, words};

const NAMESPACE: &str = "shop";
/// A TCPRoute that has it and no ports is not converted.
const PORTS_LABEL: &str = "metadata.labels.ports";

/// What an object is converted into.
#[derive(Clone, Copy, Debug)]
enum Use {
    /// The routes of a split.
    Routes,
    /// The policy of a grant.
    Policy,
}

#[test]
fn a_field_does_what_its_row_says() {
    let mut known = HashMap::new();
    let mut wrong = Vec::new();
    for row in rows() {
        for (kind, version) in row.shapes() {
            for &used in uses(row, kind) {
                let before = world(row, kind, version, used);
                let after = converted(&with_change(row, kind, version, before.clone()), used);
                let before = known.entry((stream(&before), to(used))).or_insert_with(|| converted(&before, used));
                if let Err(why) = held(row, before, &after) {
                    wrong.push(format!("{} of {} {} ({used:?}): {why}", row.path, kind.name(), version.name()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// `Ok` if the change did what the row says.
///
/// # Errors
/// What it did instead.
fn held(row: &Row, before: &Value, after: &Value) -> Result<(), String> {
    let into = row.into.as_deref().unwrap_or_default();
    let wrong =
        |what: &str| Err(format!("{:?} {into}: {what}\nbefore: {}\nafter: {}", row.what, said(before), said(after)));
    match row.what {
        What::Ignored if before != after => wrong("the change is seen"),
        What::Mapped if is_empty(before) || is_empty(after) => wrong("nothing is written"),
        What::Mapped if before["manifests"] == after["manifests"] => wrong("the same is written"),
        What::Checked | What::Reported | What::Defaulted if before == after => wrong("the change is not seen"),
        What::Checked | What::Reported | What::Defaulted if !has_code(before, into) && !has_code(after, into) => {
            wrong("nothing says so")
        }
        What::Mapped | What::Ignored | What::Checked | What::Reported | What::Defaulted => Ok(()),
    }
}

fn is_empty(words: &Value) -> bool {
    words["manifests"] == json!([])
}

/// How many manifests there are, and the findings in short.
fn said(words: &Value) -> String {
    let findings = words["findings"].as_array().into_iter().flatten();
    let findings: Vec<String> =
        findings.map(|finding| format!("{} ({})", finding["code"], finding["message"])).collect();
    let manifests = words["manifests"].as_array().map_or(0, Vec::len);
    format!("{manifests} manifests, {}", findings.join(", "))
}

fn converted(objects: &[Value], used: Use) -> Value {
    words(&convert(objects, Some("spec"), to(used)))
}

fn to(used: Use) -> &'static str {
    match used {
        Use::Routes => "gateway-api",
        Use::Policy => "linkerd",
    }
}

/// What the row is held to. A split takes every match of a group, so that no name of a match counts in a route.
fn uses(row: &Row, kind: Kind) -> &'static [Use] {
    match kind {
        Kind::HTTPRouteGroup if row.path.ends_with("matches[].name") => &[Use::Policy],
        Kind::HTTPRouteGroup => &[Use::Routes, Use::Policy],
        Kind::TrafficTarget | Kind::IdentityBinding | Kind::TCPRoute | Kind::UDPRoute => &[Use::Policy],
        Kind::TrafficSplit | Kind::TrafficMetrics | Kind::TrafficMetricsList => &[Use::Routes],
    }
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
        "spec.matches[].name" if kind == Kind::TrafficSplit => json!("other"),

        "destination.kind" | "spec.destination.kind" => json!("Group"),
        "sources[].kind" | "spec.sources[].kind" => json!("IdentityBinding"),
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
        "spec.schemes.spiffeIdentities[]" => json!("example.com/ns/shop/sa/other"),
        "spec.schemes.serviceAccount" => json!("other"),

        "matches[].name" | "spec.matches[].name" => json!("renamed"),
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

/// The object, first, and what it needs, before the change and after it.
fn world(row: &Row, kind: Kind, version: Version, used: Use) -> Vec<Value> {
    let mut objects = vec![object(&row.path, kind, version)];
    objects.extend(match used {
        Use::Routes => around_routes(row, kind),
        Use::Policy => around_policy(row, kind),
    });
    objects
}

fn around_routes(row: &Row, kind: Kind) -> Vec<Value> {
    let mut objects: Vec<Value> =
        ["web", "web-v1", "web-v2", "web-v3", "shop"].map(|name| service(Some(NAMESPACE), name, &[80])).to_vec();
    match kind {
        Kind::TrafficSplit => {
            objects.extend(["routes", "other"].map(|name| group(NAMESPACE, name)));
            objects.extend((row.path == "metadata.namespace").then(|| group("other", "routes")));
            if row.path == "metadata.namespace" {
                objects.extend(["web", "web-v1", "web-v2"].map(|name| service(Some("other"), name, &[80])));
            }
        }
        Kind::HTTPRouteGroup => {
            objects.push(object("", Kind::TrafficSplit, Version::V1alpha4));
            objects.extend(renamed(&row.path, "routes").map(|(namespace, name)| split_of(namespace, name)));
            objects.push(service(Some("other"), "shop", &[80]));
        }
        _ => {}
    }
    objects
}

/// Pods of the accounts that are destinations, and what the grants need.
fn around_policy(row: &Row, kind: Kind) -> Vec<Value> {
    let protocol = if kind == Kind::UDPRoute { "UDP" } else { "TCP" };
    let mut objects = Vec::new();
    for (namespace, account) in [(NAMESPACE, "web"), (NAMESPACE, "other"), ("other", "web")] {
        objects.extend(pods(namespace, account, protocol));
    }
    match kind {
        Kind::TrafficTarget => objects.extend(referred()),
        Kind::IdentityBinding | Kind::HTTPRouteGroup | Kind::TCPRoute | Kind::UDPRoute => {
            objects.extend(users(&row.path, kind));
            objects.extend((kind == Kind::IdentityBinding).then(|| group(NAMESPACE, "routes")));
        }
        Kind::TrafficSplit | Kind::TrafficMetrics | Kind::TrafficMetricsList => {}
    }
    objects
}

/// What a TrafficTarget refers to, however it is changed.
fn referred() -> Vec<Value> {
    let mut objects = vec![group(NAMESPACE, "routes"), group(NAMESPACE, "other"), group("other", "routes")];
    objects.push(json!({
        "apiVersion": "specs.smi-spec.io/v1alpha4",
        "kind": "TCPRoute",
        "metadata": {"name": "routes", "namespace": NAMESPACE},
        "spec": {"matches": {"ports": [8080]}},
    }));
    objects.push(json!({
        "apiVersion": "access.smi-spec.io/v1alpha4",
        "kind": "IdentityBinding",
        "metadata": {"name": "cart", "namespace": NAMESPACE},
        "spec": {"schemes": {"serviceAccount": "other"}},
    }));
    objects
}

/// How an object of this name is called once the field is changed, if that is another name than before.
fn renamed<'a>(path: &str, name: &'a str) -> Option<(&'static str, &'a str)> {
    match path {
        "metadata.name" => Some((NAMESPACE, "other")),
        "metadata.namespace" => Some(("other", name)),
        _ => None,
    }
}

/// A split of the root `shop` that takes what the group matches.
fn split_of(namespace: &str, group: &str) -> Value {
    let mut split = object("", Kind::TrafficSplit, Version::V1alpha4);
    split["metadata"] = json!({"name": "shop", "namespace": namespace});
    split["spec"]["service"] = json!("shop");
    split["spec"]["matches"][0]["name"] = json!(group);
    split
}

/// The grant that refers to the object, and one of another destination that does so once the object is called otherwise.
fn users(path: &str, kind: Kind) -> Vec<Value> {
    let name = name_of(kind);
    let mut users = vec![user(path, kind, (NAMESPACE, name), "web")];
    users.extend(renamed(path, name).map(|other| user(path, kind, other, "other")));
    if path.ends_with("matches[].name") {
        let mut other = user(path, kind, (NAMESPACE, name), "other");
        other["spec"]["rules"][0]["matches"] = json!(["renamed"]);
        users.push(other);
    }
    users
}

/// A grant for `account` that refers to the object of this kind, namespace and name.
fn user(path: &str, kind: Kind, (namespace, name): (&str, &str), account: &str) -> Value {
    let mut target = object("", Kind::TrafficTarget, Version::V1alpha3);
    let own = if kind == Kind::IdentityBinding { NAMESPACE } else { namespace };
    target["metadata"] = json!({"name": account, "namespace": own});
    target["spec"]["destination"]["name"] = json!(account);
    let binding = json!({"kind": "IdentityBinding", "name": name, "namespace": namespace});
    match kind {
        Kind::HTTPRouteGroup => target["spec"]["rules"][0]["name"] = json!(name),
        Kind::IdentityBinding if path.contains("podLabelSelector") => target["spec"]["destination"] = binding,
        Kind::IdentityBinding => target["spec"]["sources"][0] = binding,
        _ => target["spec"]["rules"] = json!([{"kind": kind.name(), "name": name}]),
    }
    target
}

/// Pods of an account with two ports, and their Service.
fn pods(namespace: &str, account: &str, protocol: &str) -> [Value; 2] {
    let ports = [("http-a", 8080), ("http-b", 9090)];
    let declared = ports.map(|(name, port)| json!({"name": name, "containerPort": port, "protocol": protocol}));
    let served = ports.map(|(name, port)| json!({"name": name, "port": port, "protocol": protocol}));
    let metadata = json!({"name": account, "namespace": namespace});
    let labels = json!({"app": account});
    [
        json!({"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"selector": labels, "ports": served}}),
        json!({
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": metadata,
            "spec": {
                "selector": {"matchLabels": labels},
                "template": {
                    "metadata": {"labels": labels},
                    "spec": {"serviceAccountName": account, "containers": [{"name": "main", "ports": declared}]},
                },
            },
        }),
    ]
}

/// A group; what it matches has its name in the path.
fn group(namespace: &str, name: &str) -> Value {
    let path = format!("/{name}");
    json!({
        "apiVersion": "specs.smi-spec.io/v1alpha4",
        "kind": "HTTPRouteGroup",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"matches": [{"name": "read", "methods": ["GET"], "pathRegex": path}, {"name": "write", "methods": ["PUT"], "pathRegex": path}]},
    })
}

/// An object with every field of its version, but for those that keep it from being converted: they are there where they
/// are asked for.
fn object(path: &str, kind: Kind, version: Version) -> Value {
    let mut object = match kind {
        Kind::TrafficSplit => split(version),
        Kind::TrafficTarget => target(path, version),
        Kind::IdentityBinding => binding(path),
        Kind::HTTPRouteGroup => route_group(path, version),
        Kind::TCPRoute | Kind::UDPRoute => port_route(path, version),
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

fn name_of(kind: Kind) -> &'static str {
    match kind {
        Kind::HTTPRouteGroup => "routes",
        Kind::IdentityBinding => "bound",
        _ => "web",
    }
}

fn metadata(path: &str, kind: Kind) -> Value {
    let mut metadata = json!({
        "name": name_of(kind),
        "namespace": NAMESPACE,
        "labels": if path == PORTS_LABEL { json!({"app": "web", "ports": "8080"}) } else { json!({"app": "web"}) },
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

/// A rule that names a TCPRoute has no matches.
fn target(path: &str, version: Version) -> Value {
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
    if path.ends_with("specs[].kind") || path.ends_with("rules[].kind") {
        rule.as_object_mut().expect("a rule").remove("matches");
    }
    if version == Version::V1alpha1 {
        rule["status"] = json!({"state": "ready"});
        return json!({"destination": subject("web"), "sources": [subject("cart")], "specs": [rule]});
    }
    json!({"spec": {"destination": subject("web"), "sources": [subject("cart")], "rules": [rule]}})
}

/// Pod labels and an account exclude each other; as a destination, which pod labels can be, a SPIFFE ID is nobody.
fn binding(path: &str) -> Value {
    let schemes = if path.contains("podLabelSelector") {
        json!({"podLabelSelector": {"matchLabels": {"app": "web"}}})
    } else {
        json!({"spiffeIdentities": ["example.com/ns/shop/sa/web"], "serviceAccount": "web"})
    };
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

fn port_route(path: &str, version: Version) -> Value {
    match version {
        Version::V1alpha1 | Version::V1alpha2 => json!({}),
        Version::V1alpha3 => json!({"spec": null}),
        Version::V1alpha4 if path == PORTS_LABEL => json!({"spec": {"matches": {"name": "db"}}}),
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
