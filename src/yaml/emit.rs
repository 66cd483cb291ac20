//! Manifests to text: YAML or JSON that reads back as what was meant.
//!
//! serde-saphyr writes the YAML, because it quotes what any reader of YAML 1.1 would take for something other than a
//! string (a header value `on` is a boolean to kubectl). Every document is then read back with our own reader; one that
//! does not hold what was meant is written again with every string quoted, and in the last resort as JSON, which is YAML.
//! In what order keys stand is `mappings/key-order.yaml` and nothing else.

use rayon::prelude::*;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::borrow::{Borrow, Cow};
use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::LazyLock;

use super::parse;
use crate::place::Span;

/// `manifests` as YAML: documents separated by `---`, in the order given, each in the order of [`order`]. Ends with a
/// line break; empty without manifests.
#[must_use]
pub fn to_yaml<V: Borrow<Value> + Sync>(manifests: &[V]) -> String {
    let texts = manifests.par_iter().map(|manifest| document(&ordered(manifest.borrow())));
    texts.collect::<Vec<_>>().join("---\n")
}

/// `manifests` as JSON, indented by two spaces: the object if there is one, a `v1` List of them otherwise. Ends with a
/// line break.
#[must_use]
pub fn to_json<V: Borrow<Value>>(manifests: &[V]) -> String {
    let mut ordered: Vec<Value> = manifests.iter().map(|manifest| ordered(manifest.borrow()).into_owned()).collect();
    match (ordered.pop(), ordered.is_empty()) {
        (Some(only), true) => pretty(&only),
        (last, _) => {
            ordered.extend(last);
            pretty(&serde_json::json!({"apiVersion": "v1", "kind": "List", "items": ordered}))
        }
    }
}

/// One manifest as YAML to stand in a block list: the first line is not indented (it goes after `- `, or where the item's
/// first key stood), each other line by `indent` spaces, which is the column of the item's keys. Without a line break at
/// its end.
#[must_use]
pub fn to_yaml_block(value: &Value, indent: usize) -> String {
    // No scalar is written over several lines, so each line can be moved alone.
    document(&ordered(value)).trim_end_matches('\n').replace('\n', &format!("\n{}", " ".repeat(indent)))
}

/// `value` with its keys in the order of `mappings/key-order.yaml`; keys without a row come after, by name.
#[must_use]
pub fn order(value: Value) -> Value {
    sorted(value, "manifest")
}

// --- text ---

fn document(value: &Value) -> String {
    [Quotes::Needed, Quotes::All]
        .into_iter()
        .find_map(|quotes| yaml(value, quotes).filter(|text| reads_back(text, value)))
        .unwrap_or_else(|| pretty(value))
}

/// Which strings are quoted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Quotes {
    /// Those that a reader could take for something else.
    Needed,
    /// All.
    All,
}

fn yaml(value: &Value, quotes: Quotes) -> Option<String> {
    let options = serde_saphyr::ser_options! {
        compact_list_indent: true,
        prefer_block_scalars: false,
        quote_all: quotes == Quotes::All,
    };
    serde_saphyr::to_string_with_options(value, options).ok()
}

fn reads_back(text: &str, value: &Value) -> bool {
    match parse(text, Span::new(0, text.len())) {
        Ok(document) => document.problems.is_empty() && document.root.is_some_and(|root| equal(&root.to_json(), value)),
        Err(_) => false,
    }
}

/// Whether two values are the same to an API server, to which `1.0` and `1` are one number.
fn equal(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => one == other || one.as_f64() == other.as_f64(),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| equal(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(key, one)| other.get(key).is_some_and(|other| equal(one, other)))
        }
        _ => one == other,
    }
}

fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}

// --- order ---

/// One row of `mappings/key-order.yaml`: one kind of mapping.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    /// The keys that hold such a mapping, or a list of them.
    under: Vec<String>,
    /// Its keys, in the order in which they are written.
    keys: Vec<String>,
}

static ROWS: LazyLock<Vec<Row>> = LazyLock::new(|| {
    serde_yaml::from_str(include_str!("../../mappings/key-order.yaml"))
        .expect("mappings/key-order.yaml is held valid by a test")
});

/// From the key that holds a mapping to the rank of each of its keys.
static RANKS: LazyLock<HashMap<&str, HashMap<&str, usize>>> = LazyLock::new(|| {
    let ranks = |row: &'static Row| -> HashMap<&str, usize> {
        row.keys.iter().enumerate().map(|(rank, key)| (key.as_str(), rank)).collect()
    };
    ROWS.iter().flat_map(|row| row.under.iter().map(move |under| (under.as_str(), ranks(row)))).collect()
});

/// `value` in the order of [`order`]; the same one where it has that order already.
fn ordered(value: &Value) -> Cow<'_, Value> {
    if is_sorted(value, "manifest") { Cow::Borrowed(value) } else { Cow::Owned(order(value.clone())) }
}

fn is_sorted(value: &Value, under: &str) -> bool {
    match value {
        Value::Object(object) => {
            let ranks = RANKS.get(under);
            object.keys().is_sorted_by(|one, other| compare(ranks, one, other).is_le())
                && object.iter().all(|(key, value)| is_sorted(value, key))
        }
        Value::Array(items) => items.iter().all(|item| is_sorted(item, under)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
    }
}

fn sorted(value: Value, under: &str) -> Value {
    match value {
        Value::Object(object) => {
            let ranks = RANKS.get(under);
            let mut entries: Vec<(String, Value)> = object
                .into_iter()
                .map(|(key, value)| {
                    let value = sorted(value, &key);
                    (key, value)
                })
                .collect();
            entries.sort_by(|(one, _), (other, _)| compare(ranks, one, other));
            Value::Object(Map::from_iter(entries))
        }
        Value::Array(items) => items.into_iter().map(|item| sorted(item, under)).collect(),
        scalar => scalar,
    }
}

fn compare(ranks: Option<&HashMap<&str, usize>>, one: &str, other: &str) -> Ordering {
    let rank = |key: &str| ranks.and_then(|ranks| ranks.get(key)).copied().unwrap_or(usize::MAX);
    rank(one).cmp(&rank(other)).then_with(|| one.cmp(other))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    /// Strings that some reader of YAML takes for something else.
    const TRAPS: &[&str] = &[
        "on",
        "y",
        "N",
        "no",
        "Off",
        "true",
        "null",
        "~",
        "",
        "1.0",
        "1e3",
        "0o10",
        "010",
        "0x1F",
        "1_000",
        "1:30",
        ".5",
        ".inf",
        ".nan",
        "2026-01-01",
        "2026-01-01T00:00:00Z",
        "*",
        "*.a",
        "&a",
        "!a",
        "%a",
        "@a",
        "`a",
        "- a",
        "? a",
        ": a",
        "-",
        "?",
        ":",
        "a: b",
        "a:",
        "#x",
        "a #b",
        "{",
        "}",
        "[",
        "]",
        ",",
        "|",
        ">",
        "'",
        "\"",
        "it's",
        "\"a\"",
        "\\d+",
        "\\",
        " lead",
        "trail ",
        "\t",
        "a\tb",
        "a\nb",
        "a\n",
        "\n",
        "\r\n",
        "a\rb",
        "\u{0}",
        "\u{1b}",
        "\u{7f}",
        "\u{85}",
        "\u{a0}",
        "\u{2028}",
        "\u{feff}",
        "\u{fffe}",
        "é",
        "😀",
        "---",
        "...",
        "--- a",
        "<<",
        "=",
        "{{ x }}",
        "^(?:/a.*)$",
    ];

    fn read(text: &str) -> Value {
        parse(text, Span::new(0, text.len())).expect(text).root.expect(text).to_json()
    }

    /// As a value, as an item and as a key.
    #[track_caller]
    fn comes_back(text: &str) {
        let value = json!({"value": text, "list": [text, {"inner": text}], "keys": {text: 1}});
        let yaml = to_yaml(std::slice::from_ref(&value));
        assert_eq!(read(&yaml), value, "our reader: {yaml}");
        assert_eq!(serde_yaml::from_str::<Value>(&yaml).expect(&yaml), value, "serde_yaml: {yaml}");
    }

    #[test]
    fn a_string_comes_back_as_that_string_to_every_reader() {
        TRAPS.iter().for_each(|trap| comes_back(trap));
        comes_back(&"word ".repeat(800));
        comes_back(&"x".repeat(4000));
    }

    #[test]
    fn lists_are_not_indented_and_long_strings_not_folded() {
        let long = "word ".repeat(60);
        let value = json!({"kind": "A", "spec": {"rules": [{"name": "a", "matches": [{"method": "GET"}]}], "x": long}});
        let yaml = format!("kind: A\nspec:\n  rules:\n  - name: a\n    matches:\n    - method: GET\n  x: \"{long}\"\n");
        assert_eq!(to_yaml(&[value]), yaml);
    }

    #[test]
    fn documents_are_separated_and_the_first_has_no_separator() {
        assert_eq!(to_yaml(&[json!({"a": 1}), json!({"b": 2})]), "a: 1\n---\nb: 2\n");
        assert_eq!(to_yaml::<Value>(&[]), "");
    }

    #[test]
    fn json_is_one_object_or_a_list() {
        assert_eq!(to_json(&[json!({"kind": "A"})]), "{\n  \"kind\": \"A\"\n}\n");
        let list = read(&to_json(&[json!({"kind": "A"}), json!({"kind": "B"})]));
        assert_eq!(list, json!({"apiVersion": "v1", "kind": "List", "items": [{"kind": "A"}, {"kind": "B"}]}));
        assert_eq!(read(&to_json::<Value>(&[])), json!({"apiVersion": "v1", "kind": "List", "items": []}));
    }

    #[test]
    fn a_block_stands_in_a_list_at_its_indentation() {
        let item = json!({"kind": "A", "metadata": {"name": "x\ny", "labels": {"on": "on"}}});
        let text =
            format!("items:\n  - {}\n  - {}\n", to_yaml_block(&item, 4), to_yaml_block(&json!({"a": "\u{a0}"}), 4));
        assert_eq!(read(&text), json!({"items": [item, {"a": "\u{a0}"}]}));
        assert!(text.contains("\n    metadata:\n      name: "), "{text}");
    }

    #[test]
    fn keys_stand_in_the_order_people_write_them() {
        let value = json!({
            "spec": {"rules": [{"backendRefs": [{"weight": 1, "port": 80, "name": "a"}],
                "matches": [{"method": "GET", "headers": [{"value": "a", "name": "b", "type": "Exact"}],
                    "path": {"value": "/", "type": "Exact"}}]}], "parentRefs": [{"port": 80, "name": "a", "kind": "Service", "group": ""}]},
            "metadata": {"labels": {"b": "1", "a": "2"}, "namespace": "n", "name": "a"},
            "kind": "HTTPRoute", "apiVersion": "v1"
        });
        let expected = r#"{"apiVersion":"v1","kind":"HTTPRoute","metadata":{"name":"a","namespace":"n","labels":{"a":"2","b":"1"}},"spec":{"parentRefs":[{"group":"","kind":"Service","name":"a","port":80}],"rules":[{"matches":[{"path":{"type":"Exact","value":"/"},"headers":[{"name":"b","type":"Exact","value":"a"}],"method":"GET"}],"backendRefs":[{"name":"a","port":80,"weight":1}]}]}}"#;
        assert_eq!(order(value).to_string(), expected);
    }

    #[test]
    fn keys_without_a_row_come_last_by_name() {
        assert_eq!(order(json!({"z": 1, "b": 2, "kind": "A"})).to_string(), r#"{"kind":"A","b":2,"z":1}"#);
    }

    #[test]
    fn the_table_is_valid_and_names_each_mapping_and_key_once() {
        let mut seen = std::collections::HashSet::new();
        for row in ROWS.iter() {
            assert!(row.under.iter().all(|under| seen.insert(under)), "{:?}", row.under);
            let keys: std::collections::HashSet<_> = row.keys.iter().collect();
            assert_eq!(keys.len(), row.keys.len(), "{:?}", row.under);
        }
    }

    fn text() -> impl Strategy<Value = String> {
        prop_oneof![
            proptest::sample::select(TRAPS).prop_map(str::to_owned),
            ".{0,12}",
            any::<String>(),
            "[-+0-9._exob:]{1,8}"
        ]
    }

    fn manifest() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            (-1e9..1e9)
                .prop_filter("whole numbers come back as integers", |float: &f64| float.fract() != 0.0)
                .prop_map(Value::from),
            text().prop_map(Value::from),
        ];
        let tree = leaf.prop_recursive(5, 60, 6, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                proptest::collection::vec((text(), inner), 0..5)
                    .prop_map(|entries| Value::Object(Map::from_iter(entries))),
            ]
        });
        proptest::collection::vec((text(), tree), 1..5).prop_map(|entries| Value::Object(Map::from_iter(entries)))
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(manifests in proptest::collection::vec(manifest(), 1..4)) {
            let yaml = to_yaml(&manifests);
            let pieces = crate::yaml::split(&yaml);
            prop_assert_eq!(pieces.len(), manifests.len());
            for (piece, manifest) in pieces.iter().zip(&manifests) {
                prop_assert_eq!(&read(piece.span.of(&yaml)), manifest);
                let other: Value = serde_yaml::from_str(piece.span.of(&yaml)).unwrap();
                prop_assert_eq!(&other, manifest);
            }
        }

        #[test]
        fn order_changes_nothing_but_order(manifest in manifest()) {
            let ordered = order(manifest.clone());
            prop_assert_eq!(&ordered, &manifest);
            prop_assert_eq!(order(ordered.clone()).to_string(), ordered.to_string());
        }

        #[test]
        fn a_block_holds_what_the_document_holds(manifest in manifest(), indent in 0_usize..8) {
            let text = format!("{}- {}\n", " ".repeat(indent), to_yaml_block(&manifest, indent + 2));
            prop_assert_eq!(read(&text), Value::from(vec![manifest]));
        }
    }
}
