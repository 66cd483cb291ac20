//! Objects that are items of a block list.

use serde_json::json;

use super::{Reason, change, refusal, replaced, route, splice};

const LIST: &str = "\
apiVersion: v1
kind: List
items: # all of the shop
- kind: Service
  metadata: {name: cart}
# about checkout
- kind: TrafficSplit
  metadata:
    name: checkout # the till
# about pay
- kind: TrafficSplit
  metadata:
    name: pay
# end
metadata: {resourceVersion: \"\"}
";

const ROUTE: &str = "\
- apiVersion: gateway.networking.k8s.io/v1
  kind: HTTPRoute
  metadata:
    name: NAME
";

fn route_item(name: &str) -> String {
    ROUTE.replace("NAME", name)
}

#[test]
fn an_item_is_replaced_by_one_item_for_each_manifest() {
    let after = replaced(LIST, "checkout", &[route("one"), route("two")]).unwrap();
    let old = "- kind: TrafficSplit\n  metadata:\n    name: checkout # the till\n";
    let new = format!("# the till\n{}{}", route_item("one"), route_item("two"));
    assert_eq!(after, LIST.replace(old, &new));
}

#[test]
fn the_indentation_of_an_item_is_kept() {
    let text = LIST
        .replace("\n- ", "\n    - ")
        .replace("\n  metadata", "\n      metadata")
        .replace("\n    name", "\n        name");
    let after = replaced(&text, "pay", &[route("pay")]).unwrap();
    let old = "    - kind: TrafficSplit\n      metadata:\n        name: pay\n";
    let new: String = route_item("pay").lines().map(|line| format!("    {line}\n")).collect();
    assert_eq!(after, text.replace(old, &new));
}

#[test]
fn an_item_that_goes_away_leaves_its_comments() {
    let after = replaced(LIST, "checkout", &[]).unwrap();
    let old = "- kind: TrafficSplit\n  metadata:\n    name: checkout # the till\n";
    assert_eq!(after, LIST.replace(old, "# the till\n"));
}

#[test]
fn the_last_item_leaves_an_empty_list() {
    let text = "kind: List\nitems: # of the shop\n  # one\n  - kind: TrafficSplit\n    metadata:\n      name: pay\napiVersion: v1\n";
    let after = replaced(text, "pay", &[]).unwrap();
    assert_eq!(after, "kind: List\nitems: [] # of the shop\n  # one\napiVersion: v1\n");
}

#[test]
fn several_items_change_at_once() {
    let changes = [change(LIST, "pay", &[]), change(LIST, "cart", &[route("cart")]), change(LIST, "checkout", &[])];
    let after = splice(LIST, &changes).unwrap();
    let expected = format!(
        "apiVersion: v1\nkind: List\nitems: # all of the shop\n{}# about checkout\n# the till\n# about pay\n# end\n\
         metadata: {{resourceVersion: \"\"}}\n",
        route_item("cart")
    );
    assert_eq!(after, expected);
}

#[test]
fn an_item_may_stand_below_its_dash() {
    let text = "kind: List\nitems:\n  -\n    # why\n    kind: TrafficSplit\n    metadata: {name: pay}\n  - a: 1\n";
    let after = replaced(text, "pay", &[json!({"kind": "A"})]).unwrap();
    assert_eq!(after, "kind: List\nitems:\n  # why\n  - kind: A\n  - a: 1\n");
}

#[test]
fn the_last_item_of_a_file_without_a_last_line_break_goes_away() {
    let text = "kind: List\nitems:\n- a: 1\n- kind: TrafficSplit\n  metadata: {name: pay}";
    assert_eq!(replaced(text, "pay", &[]).unwrap(), "kind: List\nitems:\n- a: 1");
    assert_eq!(replaced(text, "pay", &[json!({"kind": "A"})]).unwrap(), "kind: List\nitems:\n- a: 1\n- kind: A");
}

#[test]
fn crlf_is_kept_between_items() {
    let text = LIST.replace('\n', "\r\n");
    let after = replaced(&text, "checkout", &[route("one"), route("two")]).unwrap();
    assert_eq!(after, replaced(LIST, "checkout", &[route("one"), route("two")]).unwrap().replace('\n', "\r\n"));
}

#[test]
fn a_list_inside_a_list_is_edited_too() {
    let text =
        "kind: List\nitems:\n- kind: List\n  items:\n  - kind: TrafficSplit\n    metadata: {name: pay}\n- b: 2\n";
    assert_eq!(replaced(text, "pay", &[]).unwrap(), "kind: List\nitems:\n- kind: List\n  items: []\n- b: 2\n");
}

// === typed lists ===

const TYPED: &str = "\
apiVersion: split.smi-spec.io/v1alpha2
kind: 'TrafficSplitList'
items:
- metadata: {name: cart}
- metadata: {name: pay}
";

#[test]
fn a_typed_list_becomes_a_list_when_all_of_its_items_are_replaced() {
    let changes = [change(TYPED, "pay", &[]), change(TYPED, "cart", &[route("cart")])];
    let after = splice(TYPED, &changes).unwrap();
    assert_eq!(after, format!("apiVersion: v1\nkind: 'List'\nitems:\n{}", route_item("cart")));
}

#[test]
fn a_typed_list_that_keeps_items_takes_none_of_another_kind() {
    assert_eq!(refusal(TYPED, "pay", &[route("pay")]), Reason::TypedList("TrafficSplitList".to_owned()));
}

#[test]
fn a_typed_list_may_lose_items_and_take_its_own_kind() {
    assert_eq!(replaced(TYPED, "pay", &[]).unwrap(), TYPED.replace("- metadata: {name: pay}\n", ""));
    let own = json!({"apiVersion": "split.smi-spec.io/v1alpha2", "kind": "TrafficSplit"});
    assert!(replaced(TYPED, "pay", &[own]).unwrap().starts_with("apiVersion: split.smi-spec.io/v1alpha2\nkind: 'T"));
}

// === anchors ===

#[test]
fn an_object_that_others_refer_to_is_refused() {
    let text = "kind: List\nitems:\n- metadata: &m\n    name: pay\n- metadata: *m\n  kind: Service\n- b: 1\n";
    assert_eq!(refusal(text, "pay", &[]), Reason::Shared);
    let whole_item = "kind: List\nitems:\n- &i\n  metadata: {name: pay}\n- *i\n";
    assert_eq!(refusal(whole_item, "pay", &[route("pay")]), Reason::Shared);
    let merged = "kind: List\nitems:\n- &i\n  metadata: {name: pay}\n- b: 1\n  <<: *i\n";
    assert_eq!(refusal(merged, "pay", &[route("pay")]), Reason::Shared);
    let whole_list = "kind: List\nall: &l\n- metadata: {name: pay}\nitems: *l\n";
    assert_eq!(refusal(whole_list, "pay", &[route("pay")]), Reason::Shared);
}

#[test]
fn an_object_that_refers_to_others_is_replaced() {
    let text =
        "kind: List\nitems:\n- a: &m {name: cart}\n- kind: TrafficSplit\n  metadata:\n    name: pay\n  <<: *m\nb: 1\n";
    let after = replaced(text, "pay", &[json!({"kind": "A"})]).unwrap();
    assert_eq!(after, "kind: List\nitems:\n- a: &m {name: cart}\n- kind: A\nb: 1\n");
}

#[test]
fn an_item_that_shares_its_line_is_refused() {
    let text = "kind: List\nitems:\n- kind: List\n  ? items\n  : - metadata: {name: pay}\n";
    assert!(matches!(refusal(text, "pay", &[]), Reason::Layout(_)));
}
