//! Policy that is right, written by the test for random grants, and then changed in one place: the change must be noticed.

use smi2gamma::verify::Relation;

use super::world::{Texts, holds, pods, shown};

/// A generator of numbers that are the same each time.
pub struct Dice(pub u64);

impl Dice {
    pub fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap_or(0) % most
    }
}

/// One grant: who may use which method of which path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Grant {
    source: &'static str,
    method: &'static str,
    path: &'static str,
}

const SOURCES: [&str; 3] = ["web", "cron", "cart"];
const METHODS: [&str; 2] = ["GET", "POST"];
const PATHS: [&str; 3] = ["/a", "/b/c", "/d"];

fn grants(dice: &mut Dice) -> Vec<Grant> {
    let mut all = Vec::new();
    for _ in 0..=dice.below(4) {
        all.push(Grant { source: SOURCES[dice.below(3)], method: METHODS[dice.below(2)], path: PATHS[dice.below(3)] });
    }
    all.sort();
    all.dedup();
    all
}

fn smi(grants: &[Grant]) -> String {
    grants
        .iter()
        .enumerate()
        .map(|(number, Grant { source, method, path })| {
            format!(
                "---
apiVersion: access.smi-spec.io/v1alpha3
kind: TrafficTarget
metadata: {{name: t{number}, namespace: shop}}
spec:
  destination: {{kind: ServiceAccount, name: api, namespace: shop}}
  sources: [{{kind: ServiceAccount, name: {source}, namespace: shop}}]
  rules: [{{kind: HTTPRouteGroup, name: g{number}, matches: [m]}}]
---
apiVersion: specs.smi-spec.io/v1alpha4
kind: HTTPRouteGroup
metadata: {{name: g{number}, namespace: shop}}
spec: {{matches: [{{name: m, pathRegex: {path}, methods: [{method}]}}]}}
"
            )
        })
        .collect()
}

/// One AuthorizationPolicy for each grant, and what OSM let through to the port that is not HTTP.
fn istio(grants: &[Grant]) -> Vec<String> {
    let each = grants.iter().enumerate().map(|(number, Grant { source, method, path })| {
        format!(
            "---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {{name: p{number}, namespace: shop}}
spec:
  selector: {{matchLabels: {{app: api}}}}
  rules:
  - from: [{{source: {{principals: [cluster.local/ns/shop/sa/{source}]}}}}]
    to: [{{operation: {{ports: ['8080'], methods: [{method}], paths: [{path}]}}}}]
  - from: [{{source: {{principals: [cluster.local/ns/shop/sa/{source}]}}}}]
    to: [{{operation: {{ports: ['9000']}}}}]
"
        )
    });
    each.collect()
}

/// A route for each method and path, with all who may use it.
fn linkerd(grants: &[Grant]) -> Vec<String> {
    let accounts = |names: &[&str]| -> String {
        let one = |name: &&str| format!("{{kind: ServiceAccount, name: {name}, namespace: shop}}");
        names.iter().map(one).collect::<Vec<_>>().join(", ")
    };
    let mut all = Vec::new();
    let mut calls: Vec<(&str, &str)> = grants.iter().map(|one| (one.method, one.path)).collect();
    calls.sort_unstable();
    calls.dedup();
    for (number, (method, path)) in calls.into_iter().enumerate() {
        let names: Vec<&str> =
            grants.iter().filter(|one| (one.method, one.path) == (method, path)).map(|one| one.source).collect();
        all.push(format!(
            "---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {{name: r{number}, namespace: shop}}
spec:
  parentRefs: [{{group: policy.linkerd.io, kind: Server, name: s8080}}]
  rules: [{{matches: [{{method: {method}, path: {{type: Exact, value: {path}}}}}]}}]
"
        ));
        all.push(who(&format!("r{number}"), &accounts(&names)));
        all.push(allows(
            &format!("r{number}"),
            &format!("group: gateway.networking.k8s.io, kind: HTTPRoute, name: r{number}"),
        ));
    }
    let mut names: Vec<&str> = grants.iter().map(|one| one.source).collect();
    names.sort_unstable();
    names.dedup();
    all.push(who("nine", &accounts(&names)));
    all.push(allows("nine", "group: policy.linkerd.io, kind: Server, name: s9000"));
    for port in ["8080", "9000"] {
        all.push(format!(
            "---
apiVersion: policy.linkerd.io/v1beta3
kind: Server
metadata: {{name: s{port}, namespace: shop}}
spec: {{podSelector: {{matchLabels: {{app: api}}}}, port: {port}}}
"
        ));
    }
    all
}

fn who(name: &str, accounts: &str) -> String {
    format!(
        "---
apiVersion: policy.linkerd.io/v1alpha1
kind: MeshTLSAuthentication
metadata: {{name: {name}, namespace: shop}}
spec: {{identityRefs: [{accounts}]}}
"
    )
}

fn allows(name: &str, target: &str) -> String {
    format!(
        "---
apiVersion: policy.linkerd.io/v1alpha1
kind: AuthorizationPolicy
metadata: {{name: {name}, namespace: shop}}
spec:
  targetRef: {{{target}}}
  requiredAuthenticationRefs: [{{group: policy.linkerd.io, kind: MeshTLSAuthentication, name: {name}}}]
"
    )
}

/// Words that a change replaces, each with what stands there then.
const CHANGES: [(&str, &str); 14] = [
    ("sa/web", "sa/wed"),
    ("sa/cron", "sa/web"),
    ("sa/cart", "sa/*"),
    ("'8080'", "'80'"),
    ("'9000'", "'8080'"),
    ("methods: [GET], ", ""),
    ("[POST]", "[PUT]"),
    (", paths: [/a]", ""),
    ("[/b/c]", "['/b/*']"),
    ("app: api", "app: apl"),
    ("name: web, namespace", "name: wed, namespace"),
    ("type: Exact", "type: PathPrefix"),
    ("port: 8080", "port: 80"),
    (
        "requiredAuthenticationRefs: [{group: policy.linkerd.io, kind: MeshTLSAuthentication, name: r0}]",
        "requiredAuthenticationRefs: []",
    ),
];

fn verdict(grants: &[Grant], to: &str, policy: &str) -> (Texts, smi2gamma::verify::Verdict) {
    let texts = Texts::new(&pods(&["api"], false), &smi(grants), policy);
    let verdict = texts.verdict("osm", to, "api");
    (texts, verdict)
}

#[test]
fn policy_for_random_grants_is_equal_and_every_change_of_it_is_noticed() {
    let mut dice = Dice(7);
    let (mut changed, mut unnoticed) = (0, Vec::new());
    for _ in 0..20 {
        let grants = grants(&mut dice);
        for (to, parts) in [("istio", istio(&grants)), ("linkerd", linkerd(&grants))] {
            let (_, right) = verdict(&grants, to, &parts.concat());
            assert_eq!(right.relation, Relation::Equal, "{to} {grants:?}: {}", shown(&right));
            let dropped = (0..parts.len()).map(|gone| {
                let kept = parts.iter().enumerate().filter(|(at, _)| *at != gone).map(|(_, part)| part.as_str());
                (format!("without {}", parts[gone]), kept.collect::<String>())
            });
            let whole = parts.concat();
            let replaced = CHANGES.iter().filter_map(|(old, new)| {
                let at = whole.find(old)?;
                Some((format!("{old} to {new}"), format!("{}{new}{}", &whole[..at], &whole[at + old.len()..])))
            });
            for (what, policy) in dropped.chain(replaced) {
                changed += 1;
                let (texts, after) = verdict(&grants, to, &policy);
                if after.relation == Relation::Equal {
                    unnoticed.push(format!("{to} {grants:?}: {what}"));
                } else {
                    assert!(holds(&texts, "osm", to, "api", &after), "{to} {grants:?} {what}: {}", shown(&after));
                }
            }
        }
    }
    assert!(changed > 200, "{changed}");
    assert!(unnoticed.len() * 20 <= changed, "{} of {changed}:\n{}", unnoticed.len(), unnoticed.join("\n"));
}
