//! JSON files, JSON streams and flow lists.

use serde_json::{Value, json};

use super::{Reason, change, refusal, replaced, splice};

fn manifest(name: &str) -> Value {
    json!({"kind": "A", "metadata": {"name": name}})
}

const PRETTY: &str = r#"{
    "apiVersion": "v1",
    "kind": "List",
    "items": [
        {
            "kind": "Service",
            "metadata": {"name": "cart"}
        },
        {
            "kind": "TrafficSplit",
            "metadata": {
                "name": "pay"
            }
        }
    ]
}
"#;

#[test]
fn an_item_of_a_json_list_keeps_the_indentation_of_the_file() {
    let after = replaced(PRETTY, "pay", &[manifest("x"), manifest("y")]).unwrap();
    let item = "        {\n            \"kind\": \"A\",\n            \"metadata\": {\n                \"name\": \"x\"\n            }\n        }";
    let start = PRETTY.find("        {\n            \"kind\": \"TrafficSplit\"").unwrap();
    let expected = format!("{}{item},\n{}\n    ]\n}}\n", &PRETTY[..start], item.replace("\"x\"", "\"y\""));
    assert_eq!(after, expected);
}

#[test]
fn commas_stay_right_whichever_items_go_away() {
    for (gone, left) in [("a", "bc"), ("b", "ac"), ("c", "ab"), ("ab", "c"), ("bc", "a"), ("ac", "b"), ("abc", "")] {
        for text in [
            r#"{"kind":"List","items":[{"metadata":{"name":"a"}},{"metadata":{"name":"b"}},{"metadata":{"name":"c"}}],"z":1}"#,
            "kind: List\nitems: [ {metadata: {name: a}},\n  {metadata: {name: b}}, {metadata: {name: c}}, ]\n",
        ] {
            let changes: Vec<_> = gone.chars().map(|name| change(text, &name.to_string(), &[])).collect();
            let after = splice(text, &changes).unwrap_or_else(|error| panic!("{error}: {gone} of {text}"));
            let names: String = super::objects(&after)
                .iter()
                .filter_map(|(_, object)| super::object_name(object).map(str::to_owned))
                .collect();
            assert_eq!(names, left, "{after}");
            assert_eq!(text.starts_with('{'), serde_json::from_str::<Value>(&after).is_ok(), "{after}");
        }
    }
}

#[test]
fn a_json_list_that_loses_all_items_is_empty() {
    let text = "{\"kind\": \"List\", \"items\": [\n  {\"metadata\": {\"name\": \"pay\"}}\n]}";
    assert_eq!(replaced(text, "pay", &[]).unwrap(), "{\"kind\": \"List\", \"items\": []}");
}

#[test]
fn json_on_one_line_stays_on_one_line() {
    let dense = r#"{"kind":"List","items":[{"metadata":{"name":"pay"}}]}"#;
    assert_eq!(
        replaced(dense, "pay", &[manifest("x"), manifest("y")]).unwrap(),
        r#"{"kind":"List","items":[{"kind":"A","metadata":{"name":"x"}},{"kind":"A","metadata":{"name":"y"}}]}"#
    );
    let spaced = r#"{"kind": "List", "items": [{"metadata": {"name": "pay"}}]}"#;
    assert_eq!(
        replaced(spaced, "pay", &[manifest("x")]).unwrap(),
        r#"{"kind": "List", "items": [{"kind": "A", "metadata": {"name": "x"}}]}"#
    );
}

#[test]
fn a_json_file_of_one_object_becomes_the_manifest_or_a_list_of_them() {
    let text = "{\n  \"kind\": \"TrafficSplit\",\n  \"metadata\": {\"name\": \"pay\"}\n}\n";
    let one = "{\n  \"kind\": \"A\",\n  \"metadata\": {\n    \"name\": \"x\"\n  }\n}\n";
    assert_eq!(replaced(text, "pay", &[manifest("x")]).unwrap(), one);
    let two: Value = serde_json::from_str(&replaced(text, "pay", &[manifest("x"), manifest("y")]).unwrap()).unwrap();
    assert_eq!(two, json!({"apiVersion": "v1", "kind": "List", "items": [manifest("x"), manifest("y")]}));
    assert_eq!(replaced(text, "pay", &[]).unwrap(), "");
}

#[test]
fn a_json_stream_stays_a_json_stream() {
    let text = "{\"metadata\":{\"name\":\"a\"}}\n{\"metadata\":{\"name\":\"pay\"}}\n{\"metadata\":{\"name\":\"c\"}}\n";
    assert_eq!(
        replaced(text, "pay", &[manifest("x"), manifest("y")]).unwrap(),
        "{\"metadata\":{\"name\":\"a\"}}\n{\"kind\":\"A\",\"metadata\":{\"name\":\"x\"}}\n\
         {\"kind\":\"A\",\"metadata\":{\"name\":\"y\"}}\n{\"metadata\":{\"name\":\"c\"}}\n"
    );
    assert_eq!(
        replaced(text, "pay", &[]).unwrap(),
        "{\"metadata\":{\"name\":\"a\"}}\n{\"metadata\":{\"name\":\"c\"}}\n"
    );
}

#[test]
fn json_between_separators_gets_more_documents() {
    let text = "---\n{\"metadata\": {\"name\": \"pay\"}}\n---\na: 1\n";
    let one = "{\"kind\": \"A\", \"metadata\": {\"name\": \"x\"}}";
    assert_eq!(
        replaced(text, "pay", &[manifest("x"), manifest("y")]).unwrap(),
        format!("---\n{one}\n---\n{}\n---\na: 1\n", one.replace('x', "y"))
    );
}

#[test]
fn json_has_no_place_for_a_note() {
    let mut noted = change(PRETTY, "pay", &[manifest("x")]);
    noted.note = Some("moved".to_owned());
    let after = splice(PRETTY, &[noted]).unwrap();
    assert!(serde_json::from_str::<Value>(&after).is_ok());
}

#[test]
fn an_item_of_a_flow_list_in_yaml_is_replaced_by_json_and_the_note_stands_above() {
    let text = "# shop\nkind: List\nitems: [{metadata: {name: pay}}, {b: 1}] # flow\n";
    let mut noted = change(text, "pay", &[manifest("x")]);
    noted.note = Some("moved".to_owned());
    let expected =
        "# shop\n# moved\nkind: List\nitems: [{\"kind\": \"A\", \"metadata\": {\"name\": \"x\"}}, {b: 1}] # flow\n";
    assert_eq!(splice(text, &[noted]).unwrap(), expected);
}

#[test]
fn comments_between_brackets_are_refused_where_they_would_be_lost() {
    let text = "kind: List\nitems: [\n  {metadata: {name: pay}}, # why\n  {metadata: {name: cart}}\n]\n";
    assert!(matches!(refusal(text, "pay", &[]), Reason::Layout(_)));
    assert!(replaced(text, "pay", &[manifest("x")]).unwrap().contains("}, # why\n"));
}

#[test]
fn a_typed_json_list_becomes_a_list() {
    let text = r#"{"apiVersion":"split.smi-spec.io/v1alpha2","kind":"TrafficSplitList","items":[{"metadata":{"name":"pay"}}]}"#;
    let after: Value = serde_json::from_str(&replaced(text, "pay", &[manifest("x")]).unwrap()).unwrap();
    assert_eq!(after, json!({"apiVersion": "v1", "kind": "List", "items": [manifest("x")]}));
}
