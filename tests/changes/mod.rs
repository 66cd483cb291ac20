//! Every change of one thing in manifests: what a person drops or mistypes, and nothing else.
//!
//! An object, an item of a list, a field that may be left out, a value. What names or annotates an object is left alone, and
//! so is a field without which the API server would refuse the object, or into which it would put the same value again, and
//! the weight of an only backend. How a port is read is no permission, and of a Gateway it counts that it is there.

#![allow(dead_code, reason = "each test file uses its own part")]

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

/// One change, and the manifests with it.
#[derive(Clone, Debug)]
pub struct Change {
    /// Where: `0/spec/rules/1/matches/0/method`.
    pub at: String,
    /// What stood there.
    pub old: Value,
    /// What stands there now; none: it is gone.
    pub new: Option<Value>,
    pub manifests: Vec<Value>,
}

// === impl Change ===

impl Change {
    /// The field that was changed, or the list that an item was taken from.
    pub fn field(&self) -> &str {
        let plain = |part: &&str| part.parse::<usize>().is_err();
        self.at.rsplit('/').find(plain).unwrap_or("object")
    }

    /// The changed object as it was; its kind, in tests.
    pub fn kind<'m>(&self, before: &'m [Value]) -> &'m str {
        let index: usize = self.at.split('/').next().and_then(|index| index.parse().ok()).expect("an index");
        before[index]["kind"].as_str().unwrap_or_default()
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.new {
            Some(new) => write!(f, "{}: {} to {new}", self.at, self.old),
            None => write!(f, "without {}: {}", self.at, self.old),
        }
    }
}

/// Fields that may be left out.
const OPTIONAL: [&str; 23] = [
    "accessPolicy",
    "action",
    "backendRefs",
    "from",
    "group",
    "headers",
    "matchLabels",
    "matches",
    "method",
    "methods",
    "namespace",
    "parentRefs",
    "path",
    "paths",
    "ports",
    "principals",
    "rules",
    "selector",
    "targetRefs",
    "to",
    "values",
    "weight",
    "when",
];

/// Every change of one thing.
pub fn changes(manifests: &[Value]) -> Vec<Change> {
    let mut all = Vec::new();
    for (index, manifest) in manifests.iter().enumerate() {
        let mut rest = manifests.to_vec();
        rest.remove(index);
        all.push(Change { at: index.to_string(), old: manifest.clone(), new: None, manifests: rest });
        let mut found = Vec::new();
        if manifest["kind"] != "Gateway" {
            walk(&manifest["spec"], "/spec", &mut found);
        }
        let own = manifest["metadata"].get("namespace");
        let stays_own = |(at, new): &(String, Option<Value>)| {
            new.is_none() && at.ends_with("/namespace") && manifest.pointer(at) == own
        };
        found.retain(|one| !stays_own(one));
        if let Some(namespace) = own {
            found.push(("/metadata/namespace".to_owned(), Some(other("namespace", namespace)[0].clone())));
        }
        for (pointer, new) in found {
            let old = manifest.pointer(&pointer).expect("a place").clone();
            let mut changed = manifests.to_vec();
            match &new {
                Some(new) => *changed[index].pointer_mut(&pointer).expect("a place") = new.clone(),
                None => drop_at(&mut changed[index], &pointer),
            }
            all.push(Change { at: format!("{index}{pointer}"), old, new, manifests: changed });
        }
    }
    all
}

/// Below `at`: what may go (none) or become something else.
fn walk(value: &Value, at: &str, found: &mut Vec<(String, Option<Value>)>) {
    match value {
        Value::Array(items) => {
            // Without the only item is as without the list, where that may be left out.
            let beside = found.last().is_some_and(|(last, new)| last == at && new.is_none());
            let gone = items.len() == 1 && (beside || is_a_clause(at));
            for (index, item) in items.iter().enumerate() {
                let at = format!("{at}/{index}");
                if !gone {
                    found.push((at.clone(), None));
                }
                walk(item, &at, found);
            }
        }
        Value::Object(fields) => {
            for (name, field) in fields {
                let at = format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
                // A Server needs its port; a backend or a parent does not, to the API server.
                let optional = OPTIONAL.contains(&name.as_str()) || (name == "port" && at != "/spec/port");
                let needed = fields.len() == 1 && is_a_clause(&at);
                if optional && !needed && !is_default(&at, field) {
                    found.push((at.clone(), None));
                }
                let only = name == "backendRefs" && field.as_array().is_some_and(|backends| backends.len() == 1);
                let from = found.len();
                walk(field, &at, found);
                if only {
                    let weighs = |(at, _): &(String, Option<Value>)| at.ends_with("/weight");
                    let rest: Vec<_> = found.drain(from..).filter(|one| !weighs(one)).collect();
                    found.extend(rest);
                }
            }
        }
        leaf => {
            let name = at.rsplit('/').find(|part| part.parse::<usize>().is_err()).unwrap_or_default();
            // Of a header, an expression without signs takes what its text says.
            let name = if at.contains("/headers/") && name == "type" { "kind" } else { name };
            found.extend(other(name, leaf).into_iter().map(|new| (at.to_owned(), Some(new))));
        }
    }
}

/// Whether it is part of a clause of Istio's policy, which must not be empty (istio/istio@1.31.0-rc.0
/// pkg/config/validation/validation.go).
fn is_a_clause(at: &str) -> bool {
    at.contains("/operation/") || at.contains("/source/")
}

/// Whether this is what stands where nothing is written: put there by the API server (kubernetes-sigs/gateway-api@v1.6.1
/// apis/v1; linkerd/linkerd2@version-2.20 charts/linkerd-crds), or read so (istio/api@1.31.0-rc.0
/// security/v1beta1/authorization_policy.proto and type/v1beta1/selector.proto).
fn is_default(at: &str, value: &Value) -> bool {
    let place: Vec<&str> = at.split('/').filter(|part| part.parse::<usize>().is_err()).collect();
    match place.as_slice() {
        ["", "spec", "rules", "backendRefs", "group"] | ["", "spec", "targetRefs", "group"] => value == "",
        ["", "spec", "rules", "backendRefs", "weight"] => value == 1,
        ["", "spec", "rules", "matches", "path"] => *value == json!({"type": "PathPrefix", "value": "/"}),
        ["", "spec", "accessPolicy"] => value == "deny",
        ["", "spec", "action"] => value == "ALLOW",
        _ => false,
    }
}

fn drop_at(manifest: &mut Value, pointer: &str) {
    let (parent, name) = pointer.rsplit_once('/').expect("below the root");
    match manifest.pointer_mut(parent).expect("a place") {
        Value::Array(items) => drop(items.remove(name.parse().expect("an index"))),
        Value::Object(fields) => drop(fields.remove(name)),
        leaf => panic!("nothing below {leaf}"),
    }
}

/// Other values that a field may have.
fn other(name: &str, value: &Value) -> Vec<Value> {
    let Some(text) = value.as_str() else {
        return value.as_u64().map(|number| json!(number + 1)).into_iter().collect();
    };
    let mistyped = || json!(format!("{text}x"));
    let swapped = |one: &str, another: &str| json!(if text == one { another } else { one });
    match name {
        // Of another kind nothing would be the same.
        "kind" | "proxyProtocol" => Vec::new(),
        "type" => vec![swapped("Exact", "PathPrefix")],
        "method" | "methods" => vec![swapped("GET", "PUT")],
        "ports" => vec![json!(if text == "8080" { "8081" } else { "8080" })],
        "accessPolicy" => vec![swapped("deny", "all-authenticated")],
        "action" => vec![swapped("ALLOW", "DENY")],
        "cidr" => vec![json!("10.0.0.0/8")],
        "key" => vec![json!(text.replace(']', "x]"))],
        "principals" => {
            let anyone = text.rsplit_once('/').map(|(space, _)| json!(format!("{space}/*")));
            std::iter::once(mistyped()).chain(anyone).collect()
        }
        _ => vec![mistyped()],
    }
}

/// What came of all changes.
#[derive(Debug, Default)]
pub struct Tally {
    made: usize,
    told: BTreeMap<&'static str, usize>,
    explained: BTreeMap<&'static str, usize>,
    unexplained: Vec<String>,
}

// === impl Tally ===

impl Tally {
    /// A change that was noticed.
    pub fn noticed(&mut self) {
        self.made += 1;
    }

    /// A change after which the verdict is the same and takes something for granted that it did not before: what.
    pub fn told(&mut self, what: &'static str) {
        self.made += 1;
        *self.told.entry(what).or_default() += 1;
    }

    /// A change that was not, and why that is right; none where nothing says so.
    pub fn missed(&mut self, what: impl FnOnce() -> String, reason: Option<&'static str>) {
        self.made += 1;
        match reason {
            Some(reason) => *self.explained.entry(reason).or_default() += 1,
            None => self.unexplained.push(what()),
        }
    }

    /// Nothing is left unexplained, and the table of `docs/verify.md` under this heading says what was counted.
    /// `SMI2GAMMA_BLESS=1` writes it.
    pub fn hold(&self, heading: &str) {
        let missed: usize = self.explained.values().sum();
        eprintln!("{heading}: {} changes, {:#?}, {missed} not noticed: {:#?}", self.made, self.told, self.explained);
        let unexplained = self.unexplained.join("\n");
        assert!(unexplained.is_empty(), "not noticed of {} changes, and not explained:\n{unexplained}", self.made);
        let mut table = format!("| {heading} | {} |\n| --- | --- |\n", self.made);
        let told: usize = self.told.values().sum();
        table += &format!("| another verdict | {} |\n", self.made - missed - told);
        self.told
            .iter()
            .chain(&self.explained)
            .for_each(|(reason, count)| table += &format!("| {reason} | {count} |\n"));
        assert!(missed * 20 <= self.made, "{missed} of {} changes are not noticed", self.made);
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/verify.md");
        let text = fs::read_to_string(&page).expect("the page");
        let start = text.find(&format!("| {heading} |")).expect("the page has the table");
        let end = text[start..].find("\n\n").map_or(text.len(), |end| start + end + 1);
        if std::env::var_os("SMI2GAMMA_BLESS").is_some() {
            fs::write(&page, format!("{}{table}{}", &text[..start], &text[end..])).expect("the page is written");
        } else {
            assert_eq!(text[start..end], table, "docs/verify.md is behind: SMI2GAMMA_BLESS=1 cargo test mutations");
        }
    }
}
