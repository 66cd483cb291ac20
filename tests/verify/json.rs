//! What `verify -o json` writes follows `docs/verify.schema.json`, which describes nothing that is never written.

use std::collections::BTreeSet;

use serde_json::Value;
use smi2gamma::report::verdicts::{Verdicts, json};
use smi2gamma::sides;

use crate::schema::{Keys, Schema};
use crate::world::{Compared, NINE_TO_ONE, REST, compare, route, split};

const SCHEMA: &str = include_str!("../../docs/verify.schema.json");

fn page(compared: &Compared) -> Value {
    let notes = sides::notes(&compared.sides, &compared.inputs);
    let verdicts = Verdicts {
        to: "istio@1.30",
        judged: &compared.judged,
        unread: &compared.sides.unread,
        notes: &notes,
        allowed: &BTreeSet::new(),
    };
    serde_json::from_str(&json(&verdicts, &compared.sides.sources)).expect("JSON")
}

/// Pods of an account, and a TrafficTarget that lets another one in.
const GRANT: &str = "---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec: {template: {metadata: {labels: {app: web}}, spec: {serviceAccountName: web, containers: [{name: a, ports: [{containerPort: 80}]}]}}}
---
apiVersion: access.smi-spec.io/v1alpha3
kind: TrafficTarget
metadata: {name: web, namespace: shop}
spec:
  destination: {kind: ServiceAccount, name: web, namespace: shop}
  sources: [{kind: ServiceAccount, name: cart, namespace: shop}]
  rules: [{kind: HTTPRouteGroup, name: g, matches: [a]}]
";

const MATCH: &str = "{name: a, pathRegex: /api, headers: {x-team: blue}}";

#[test]
fn every_page_follows_the_schema_and_every_key_of_it_is_written() {
    let schema = Schema::new(SCHEMA, Keys::AllRequired);
    let by_query = "{matches: [{queryParams: [{name: q, value: a}]}], backendRefs: [{name: web-v2, port: 80}]}";
    let nine = format!("{{{NINE_TO_ONE}}}");
    let redirect = "{filters: [{type: RequestRedirect, requestRedirect: {port: 81}}]}";
    let worlds = [
        (split(""), route(&nine), "spec"),
        (split(MATCH) + GRANT, route(&format!("{nine}, {REST}")), "spec"),
        (split(""), route(&format!("{by_query}, {nine}")), "spec"),
        (split(""), route(redirect), "spec"),
        (split("{name: a, pathRegex: '('}"), route("{backendRefs: [{name: web-v9, port: 9}]}"), "nginx"),
        (split("") + "---\napiVersion: split.smi-spec.io/v1alpha4\nkind: [\n", route(&nine), "spec"),
    ];
    let mut seen = BTreeSet::new();
    for (before, after, from) in worlds {
        let page = page(&compare(&before, &after, from, "istio"));
        seen.extend(schema.check(&page));
    }
    let never: Vec<String> = schema.properties().difference(&seen).cloned().collect();
    assert!(never.is_empty(), "{never:?}");
}

#[test]
fn a_page_that_lacks_a_key_or_has_another_is_told_from_a_right_one() {
    let schema = Schema::new(SCHEMA, Keys::AllRequired);
    let right = page(&compare(&split(""), &route(&format!("{{{NINE_TO_ONE}}}")), "spec", "istio"));
    assert!(schema.problems(&right).is_empty());
    let mut lacks = right.clone();
    lacks["verdicts"][0].as_object_mut().expect("a verdict").remove("kind");
    let mut other = right;
    other["verdicts"][0]["relation"] = "alike".into();
    assert!(!schema.problems(&lacks).is_empty() && !schema.problems(&other).is_empty());
}
