//! As much of JSON Schema 2020-12 as the schemas of `docs/` use; a keyword that is not known here fails the test.

// Each test uses a part of it.
#![allow(dead_code)]

use std::collections::BTreeSet;

use regex_automata::meta::Regex;
use serde_json::{Map, Value};

pub struct Schema {
    root: Value,
    keys: Keys,
}

/// Whether an object that takes no further keys must have all of its own.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Keys {
    AllRequired,
    /// Those of an entry of a list; none elsewhere.
    Optional,
}

impl Schema {
    pub fn new(text: &str, keys: Keys) -> Self {
        Self { root: serde_json::from_str(text).unwrap(), keys }
    }

    fn walk(&self) -> Walk<'_> {
        Walk { root: &self.root, keys: self.keys, seen: BTreeSet::new(), problems: Vec::new() }
    }

    /// Every property that was met in `document`, by its place in the schema; panics with what breaks the schema.
    pub fn check(&self, document: &Value) -> BTreeSet<String> {
        let mut walk = self.walk();
        walk.value(&self.root, "#", document, "$");
        assert!(walk.problems.is_empty(), "{}", walk.problems.join("\n"));
        walk.seen
    }

    /// What in `document` breaks the schema.
    pub fn problems(&self, document: &Value) -> Vec<String> {
        let mut walk = self.walk();
        walk.value(&self.root, "#", document, "$");
        walk.problems
    }

    /// Every property that the schema describes, by its place in it.
    pub fn properties(&self) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        properties(&self.root, "#", &mut found);
        found
    }
}

fn properties(schema: &Value, at: &str, found: &mut BTreeSet<String>) {
    match schema {
        Value::Object(keys) => {
            for (key, value) in keys {
                if key == "properties" {
                    found.extend(value.as_object().unwrap().keys().map(|name| format!("{at}/properties/{name}")));
                }
                properties(value, &format!("{at}/{key}"), found);
            }
        }
        Value::Array(items) => {
            for (nth, value) in items.iter().enumerate() {
                properties(value, &format!("{at}/{nth}"), found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

struct Walk<'s> {
    root: &'s Value,
    keys: Keys,
    seen: BTreeSet<String>,
    problems: Vec<String>,
}

impl<'s> Walk<'s> {
    fn value(&mut self, schema: &'s Value, at: &str, value: &Value, path: &str) {
        let schema = schema.as_object().unwrap();
        for (keyword, rule) in schema {
            match keyword.as_str() {
                "$schema" | "$id" | "$defs" | "title" | "description" | "default" | "examples" => {}
                "$ref" => {
                    let target = rule.as_str().unwrap();
                    let pointed = self.root.pointer(target.trim_start_matches('#')).expect(target);
                    self.value(pointed, target, value, path);
                }
                "oneOf" => self.one_of(rule.as_array().unwrap(), at, value, path),
                "type" => self.demand(is_type(rule, value), path, || format!("is not {rule}")),
                "const" => self.demand(value == rule, path, || format!("is not {rule}")),
                "enum" => {
                    self.demand(rule.as_array().unwrap().contains(value), path, || format!("is not one of {rule}"));
                }
                "minimum" | "maximum" if !value.is_number() => {}
                "minimum" => self.demand(value.as_i64() >= rule.as_i64(), path, || format!("is below {rule}")),
                "maximum" => self.demand(value.as_i64() <= rule.as_i64(), path, || format!("is above {rule}")),
                "pattern" => {
                    let expression = Regex::new(rule.as_str().unwrap()).unwrap();
                    let holds = value.as_str().is_none_or(|text| expression.is_match(text));
                    self.demand(holds, path, || format!("does not match {rule}"));
                }
                "required" => self.required(rule.as_array().unwrap(), value, path),
                "properties" => self.properties(rule.as_object().unwrap(), at, value, path),
                "additionalProperties" if rule.is_object() => {
                    for (name, item) in value.as_object().into_iter().flatten() {
                        self.value(rule, &format!("{at}/additionalProperties"), item, &format!("{path}.{name}"));
                    }
                }
                "additionalProperties" => {
                    assert_eq!(rule, &Value::Bool(false));
                    self.closed(schema, value, path);
                }
                "items" => {
                    for (nth, item) in value.as_array().into_iter().flatten().enumerate() {
                        self.value(rule, &format!("{at}/items"), item, &format!("{path}[{nth}]"));
                    }
                }
                unknown => panic!("the schema uses `{unknown}`, which tests/schema does not know"),
            }
        }
    }

    fn one_of(&mut self, alternatives: &'s [Value], at: &str, value: &Value, path: &str) {
        let mut fits = 0;
        for (nth, alternative) in alternatives.iter().enumerate() {
            let mut trial = Walk { root: self.root, keys: self.keys, seen: BTreeSet::new(), problems: Vec::new() };
            trial.value(alternative, &format!("{at}/oneOf/{nth}"), value, path);
            if trial.problems.is_empty() {
                fits += 1;
                self.seen.extend(trial.seen);
            }
        }
        self.demand(fits == 1, path, || format!("fits {fits} of the alternatives"));
    }

    fn required(&mut self, names: &[Value], value: &Value, path: &str) {
        for name in names.iter().filter_map(Value::as_str) {
            self.demand(value.get(name).is_some(), path, || format!("lacks `{name}`"));
        }
    }

    fn properties(&mut self, properties: &'s Map<String, Value>, at: &str, value: &Value, path: &str) {
        for (name, schema) in properties {
            if let Some(value) = value.get(name) {
                let here = format!("{at}/properties/{name}");
                self.value(schema, &here, value, &format!("{path}.{name}"));
                self.seen.insert(here);
            }
        }
    }

    fn closed(&mut self, schema: &Map<String, Value>, value: &Value, path: &str) {
        let known = schema["properties"].as_object().unwrap();
        for name in value.as_object().into_iter().flat_map(Map::keys) {
            self.demand(known.contains_key(name), path, || format!("has `{name}`, which is not described"));
        }
        let required = schema.get("required").and_then(Value::as_array).map_or(0, Vec::len);
        match self.keys {
            Keys::AllRequired => assert_eq!(required, known.len(), "every property is required at {path}"),
            Keys::Optional => assert!(
                required == 0 || required == known.len(),
                "a decision may be left out, and an entry has all of its parts: {path}"
            ),
        }
    }

    fn demand(&mut self, holds: bool, path: &str, problem: impl FnOnce() -> String) {
        if !holds {
            self.problems.push(format!("{path} {}", problem()));
        }
    }
}

fn is_type(rule: &Value, value: &Value) -> bool {
    match rule {
        Value::Array(any) => any.iter().any(|rule| is_type(rule, value)),
        rule => match rule.as_str().unwrap() {
            "object" => value.is_object(),
            "array" => value.is_array(),
            "string" => value.is_string(),
            "integer" => value.is_u64() || value.is_i64(),
            "boolean" => value.is_boolean(),
            "null" => value.is_null(),
            unknown => panic!("no type is called {unknown}"),
        },
    }
}
