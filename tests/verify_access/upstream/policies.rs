//! AuthorizationPolicies as people write them, beyond what a conversion emits: every form of every field that the evaluator
//! reads.

use serde_json::{Map, Value, json};

use super::super::mutations::Dice;
use super::Mesh;

const PRINCIPALS: [&str; 18] = [
    "cluster.local/ns/shop/sa/web",
    "cluster.local/ns/shop/sa/cron",
    "cluster.local/ns/ops/sa/web",
    "other.org/ns/shop/sa/web",
    "*",
    "*/ns/shop/sa/web",
    "*/sa/web",
    "*web",
    "cluster.local/*",
    "cluster.local/ns/shop/*",
    "cluster.local/ns/shop/sa/w*",
    "cluster.local/ns/*/sa/web",
    "spiffe://cluster.local/ns/shop/sa/web",
    "*.local/ns/shop/sa/cron",
    "corp.example/ns/shop/sa/web",
    "corp.example/ns/shop/*",
    "cluster.local/ns/shop/sa/*",
    "*.example/ns/shop/sa/cron",
];

const NAMESPACES: [&str; 10] = ["shop", "ops", "*", "shop*", "o*", "*op", "*-eu", "*a", "s*p", "*ho*"];

const ACCOUNTS: [&str; 5] = ["web", "shop/web", "ops/web", "cron", "shop-eu/web"];

const METHODS: [&str; 7] = ["GET", "POST", "P*", "*T", "*", "get", "DELETE"];

const PATHS: [&str; 22] = [
    "/",
    "/a",
    "/a/b",
    "/A",
    "/b",
    "/a.c",
    "/a/*",
    "/a*",
    "*b",
    "*/b",
    "*",
    "*a*",
    "/a/{*}",
    "/{*}/b",
    "/{**}/b",
    "/a/{**}",
    "/{**}",
    "/{*}/",
    "/a/{*}/c",
    "/a.c/{**}",
    "/a$b/{*}",
    "/{*}/{**}",
];

const HOSTS: [&str; 8] = ["api", "API", "api.shop", "api*", "*.shop", "*.SHOP", "*", "other"];

const VALUES: [&str; 6] = ["1", "1*", "*1", "*", "x", "12"];

/// One to three policies.
pub fn some(dice: &mut Dice, mesh: Mesh) -> Vec<Value> {
    (0..=dice.below(3)).map(|number| policy(dice, mesh, number)).collect()
}

/// The waypoint of the namespace `shop`.
pub fn waypoint() -> Value {
    json!({
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "Gateway",
        "metadata": {"name": "waypoint", "namespace": "shop"},
        "spec": {"gatewayClassName": "istio-waypoint", "listeners": [{"name": "mesh", "port": 15008, "protocol": "HBONE"}]},
    })
}

/// Only the waypoint may call the pods, so that what it lets through decides.
pub fn gate(domain: &str) -> Value {
    json!({
        "apiVersion": "security.istio.io/v1",
        "kind": "AuthorizationPolicy",
        "metadata": {"name": "gate", "namespace": "shop"},
        "spec": {
            "selector": {"matchLabels": {"app": "api"}},
            "rules": [{"from": [{"source": {"principals": [format!("{domain}/ns/shop/sa/waypoint")]}}]}],
        },
    })
}

fn policy(dice: &mut Dice, mesh: Mesh, number: usize) -> Value {
    let namespace = ["shop", "shop", "shop", "shop", "istio-system", "ops"][dice.below(6)];
    let mut metadata = json!({"name": format!("p{number}"), "namespace": namespace});
    if dice.below(8) == 0 {
        let word = ["true", "false", "True", "1", "t", "yes"][dice.below(6)];
        metadata["annotations"] = json!({"istio.io/dry-run": word});
    }
    let mut spec = Map::new();
    attach(dice, mesh, namespace, &mut spec);
    let action = ["", "", "ALLOW", "ALLOW", "ALLOW", "DENY", "DENY", "DENY", "AUDIT", "CUSTOM"][dice.below(10)];
    if !action.is_empty() {
        spec.insert("action".into(), json!(action));
    }
    if action == "CUSTOM" {
        spec.insert("provider".into(), json!({"name": "outside"}));
    }
    let least = usize::from(matches!(action, "DENY" | "CUSTOM"));
    let rules: Vec<Value> = (0..least.max(dice.below(4))).map(|_| rule(dice, mesh, action == "CUSTOM")).collect();
    if !rules.is_empty() {
        spec.insert("rules".into(), json!(rules));
    }
    json!({"apiVersion": "security.istio.io/v1", "kind": "AuthorizationPolicy", "metadata": metadata, "spec": spec})
}

/// Where it holds.
fn attach(dice: &mut Dice, mesh: Mesh, namespace: &str, spec: &mut Map<String, Value>) {
    let targets = match mesh {
        Mesh::Sidecars => dice.below(10) == 0,
        Mesh::Ambient => dice.below(2) == 0,
    };
    if targets {
        let service = |name: &str| json!({"group": "", "kind": "Service", "name": name});
        let gateway = |name: &str| json!({"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": name});
        let class = || json!({"group": "gateway.networking.k8s.io", "kind": "GatewayClass", "name": "istio-waypoint"});
        let target = match dice.below(8) {
            0..=3 => service("api"),
            4 => json!({"group": "core", "kind": "Service", "name": "api"}),
            5 => service("other"),
            6 => gateway(["waypoint", "other"][dice.below(2)]),
            _ if namespace == "istio-system" => class(),
            _ => gateway("waypoint"),
        };
        if dice.below(4) == 0 {
            spec.insert("targetRef".into(), target);
        } else if dice.below(3) == 0 {
            spec.insert("targetRefs".into(), json!([service("third"), target]));
        } else {
            spec.insert("targetRefs".into(), json!([target]));
        }
        return;
    }
    let selector = match dice.below(9) {
        0..=3 => json!({"matchLabels": {"app": "api"}}),
        4 => json!({"matchLabels": {"app": "other"}}),
        5 => json!({"matchLabels": {"app": "api", "tier": "back"}}),
        6 => json!({"matchLabels": {}}),
        7 => json!({}),
        _ => return,
    };
    spec.insert("selector".into(), selector);
}

fn rule(dice: &mut Dice, mesh: Mesh, custom: bool) -> Value {
    let mut rule = Map::new();
    let several = |dice: &mut Dice, most: usize| [0, 1, 1, 1, 2][dice.below(5)].min(most);
    let from: Vec<Value> =
        (0..several(dice, if custom { 0 } else { 2 })).map(|_| json!({"source": source(dice)})).collect();
    let to: Vec<Value> = (0..several(dice, 2)).map(|_| json!({"operation": operation(dice, mesh)})).collect();
    let when: Vec<Value> = (0..several(dice, 2) / 2 + dice.below(2)).map(|_| condition(dice, mesh, custom)).collect();
    for (key, list) in [("from", from), ("to", to), ("when", when)] {
        if !list.is_empty() {
            rule.insert(key.into(), json!(list));
        }
    }
    Value::Object(rule)
}

fn source(dice: &mut Dice) -> Value {
    let mut source = Map::new();
    if dice.below(5) == 0 {
        either(dice, &mut source, "serviceAccounts", "notServiceAccounts", &ACCOUNTS);
        return Value::Object(source);
    }
    if dice.below(40) == 0 {
        either(dice, &mut source, "requestPrincipals", "notRequestPrincipals", &["issuer/subject"]);
    }
    let which = dice.below(6);
    if which < 4 {
        either(dice, &mut source, "principals", "notPrincipals", &PRINCIPALS);
    }
    if which > 2 {
        either(dice, &mut source, "namespaces", "notNamespaces", &NAMESPACES);
    }
    Value::Object(source)
}

fn operation(dice: &mut Dice, mesh: Mesh) -> Value {
    let mut operation = Map::new();
    let only = dice.below(6);
    if only == 0 || dice.below(3) == 0 {
        either(dice, &mut operation, "ports", "notPorts", ports(mesh));
    }
    if only == 1 || only > 3 && dice.below(2) == 0 {
        either(dice, &mut operation, "methods", "notMethods", &METHODS);
    }
    if only == 2 || only > 2 && dice.below(3) > 0 {
        either(dice, &mut operation, "paths", "notPaths", &PATHS);
    }
    if only == 3 && dice.below(2) == 0 || operation.is_empty() {
        either(dice, &mut operation, "hosts", "notHosts", &HOSTS);
    }
    Value::Object(operation)
}

fn ports(mesh: Mesh) -> &'static [&'static str] {
    match mesh {
        Mesh::Sidecars => &["8080", "8081", "9000", "80", "08080"],
        Mesh::Ambient => &["8080", "80", "81", "9000", "080"],
    }
}

fn condition(dice: &mut Dice, mesh: Mesh, custom: bool) -> Value {
    let mut condition = Map::new();
    let (key, words): (&str, &[&str]) = match dice.below(if custom { 5 } else { 8 }) {
        0 | 1 => ("request.headers[x-k]", &VALUES),
        2 => ("request.headers[X-L]", &VALUES),
        3 => (
            ["request.headers[host]", "request.headers[:authority]", "request.headers[:method]"][dice.below(3)],
            &HOSTS,
        ),
        4 => ("destination.port", ports(mesh)),
        5 => ("source.principal", &PRINCIPALS),
        6 => ("source.namespace", &NAMESPACES),
        _ => ("source.serviceAccount", &ACCOUNTS),
    };
    condition.insert("key".into(), json!(key));
    either(dice, &mut condition, "values", "notValues", words);
    Value::Object(condition)
}

/// One or two words under the one key, under the other, or under both.
fn either(dice: &mut Dice, object: &mut Map<String, Value>, one: &str, other: &str, words: &[&str]) {
    let mut draw = |key: &str, dice: &mut Dice| {
        let list: Vec<&str> = (0..=dice.below(2)).map(|_| words[dice.below(words.len())]).collect();
        object.insert(key.to_owned(), json!(list));
    };
    let which = dice.below(6);
    if which != 0 {
        draw(one, dice);
    }
    if which < 2 {
        draw(other, dice);
    }
}
