//! Objects that stay, with manifests after them.

use serde_json::{Value, json};

use super::{Change, Original, Reason, change, followed, replaced, route, route_yaml, splice};

const SPLIT: &str = "kind: TrafficSplit # by hand\nmetadata:\n  name: checkout\n";

#[test]
fn a_document_keeps_every_byte_and_the_manifests_are_documents_after_it() {
    let text = format!("a: 1\n---\n{SPLIT}# end of it\n\n---\nb: 2\n");
    let after = followed(&text, "checkout", &[route("one"), route("two")]).unwrap();
    let routes = format!("---\n{}---\n{}", route_yaml("one"), route_yaml("two"));
    assert_eq!(after, format!("a: 1\n---\n{SPLIT}# end of it\n\n{routes}---\nb: 2\n"));
}

#[test]
fn a_last_document_without_a_line_break_stays_one() {
    let text = SPLIT.trim_end();
    let after = followed(text, "checkout", &[route("one")]).unwrap();
    assert_eq!(after, format!("{text}\n---\n{}", route_yaml("one").trim_end()));
    let closed = format!("---\n{SPLIT}...\n");
    let after = followed(&closed, "checkout", &[route("one")]).unwrap();
    assert_eq!(after, format!("---\n{SPLIT}---\n{}...\n", route_yaml("one")));
}

#[test]
fn the_note_stands_over_the_manifests() {
    let noted = Change {
        original: Original::Kept,
        note: Some("more".to_owned()),
        ..change(SPLIT, "checkout", &[route("one")])
    };
    assert_eq!(splice(SPLIT, &[noted]).unwrap(), format!("{SPLIT}---\n# more\n{}", route_yaml("one")));
}

#[test]
fn without_manifests_nothing_changes() {
    for text in
        [SPLIT, "kind: List\nitems: [{metadata: {name: checkout}}]", "items:\n- metadata: {name: checkout} # c\n"]
    {
        let noted = Change { original: Original::Kept, note: Some("n".to_owned()), ..change(text, "checkout", &[]) };
        assert_eq!(splice(text, &[noted]).unwrap(), text);
    }
}

#[test]
fn an_item_stays_and_the_manifests_are_items_after_it() {
    let text = "kind: List\nitems:\n  - metadata:\n      name: checkout # the till\n  # about b\n  - b: 1\n";
    let after = followed(text, "checkout", &[route("one")]).unwrap();
    let item = "  - apiVersion: gateway.networking.k8s.io/v1\n    kind: HTTPRoute\n    metadata:\n      name: one\n";
    assert_eq!(after, text.replace("  # about b\n", &format!("{item}  # about b\n")));
}

#[test]
fn an_item_between_brackets_stays_beside_one_that_goes() {
    for (text, gone, left) in [
        ("items: [{metadata: {name: a}}, {metadata: {name: pay}}]", "a", ["pay", "one"]),
        ("items: [{metadata: {name: pay}}, {metadata: {name: a}}]", "a", ["pay", "one"]),
        (r#"{"items":[{"metadata":{"name":"a"}},{"metadata":{"name":"pay"}}]}"#, "a", ["pay", "one"]),
    ] {
        let kept = Change { original: Original::Kept, ..change(text, "pay", &[route("one")]) };
        let after = splice(text, &[change(text, gone, &[]), kept]).unwrap();
        let objects = super::objects(&after);
        let names: Vec<_> = objects.iter().filter_map(|(_, object)| super::object_name(object)).collect();
        assert_eq!(names, left, "{after}");
    }
}

#[test]
fn a_json_file_of_one_object_becomes_a_list_that_holds_the_object_as_it_is_written() {
    for text in [
        "{\n  \"metadata\": {\n    \"name\": \"pay\"},\n  \"weight\": 1.50\n}\n",
        r#"{"metadata":{"name":"pay"},"weight":1.50}"#,
        r#"{"metadata": {"name": "pay"}, "weight": 1.50}"#,
    ] {
        let after = followed(text, "pay", &[route("one")]).unwrap();
        let value: Value = serde_json::from_str(&after).unwrap();
        let pay = json!({"metadata": {"name": "pay"}, "weight": 1.5});
        assert_eq!(value, json!({"apiVersion": "v1", "kind": "List", "items": [pay, route("one")]}));
        assert!(after.contains("1.50"), "{after}");
    }
    let text = "{\n  \"metadata\": {\n    \"name\": \"pay\"\n  }\n}\n";
    let after = followed(text, "pay", &[route("one")]).unwrap();
    assert!(after.contains("\n    {\n      \"metadata\": {\n        \"name\": \"pay\"\n      }\n    },\n"), "{after}");
}

#[test]
fn a_json_stream_gets_more_values() {
    let one = r#"{"kind":"A"}"#;
    for (before, after) in [
        ("{\"metadata\":{\"name\":\"pay\"}}\n{\"b\":1}\n", "{\"metadata\":{\"name\":\"pay\"}}\nX\n{\"b\":1}\n"),
        ("{\"b\":1}\n{\"metadata\":{\"name\":\"pay\"}}", "{\"b\":1}\n{\"metadata\":{\"name\":\"pay\"}}\nX"),
        (
            "---\n{\"metadata\":{\"name\":\"pay\"}}\n---\n{\"b\":1}\n",
            "---\n{\"metadata\":{\"name\":\"pay\"}}\n---\nX\n---\n{\"b\":1}\n",
        ),
    ] {
        assert_eq!(followed(before, "pay", &[json!({"kind": "A"})]).unwrap(), after.replace('X', one));
    }
}

#[test]
fn a_typed_list_takes_no_manifests_of_another_kind_beside_an_item_that_stays() {
    let text = "apiVersion: split.smi-spec.io/v1alpha2\nkind: TrafficSplitList\nitems:\n- metadata: {name: pay}\n";
    let error = followed(text, "pay", &[route("one")]).unwrap_err();
    assert_eq!(error.reason, Reason::TypedList("TrafficSplitList".to_owned()));
    assert!(replaced(text, "pay", &[route("one")]).is_ok());
}
