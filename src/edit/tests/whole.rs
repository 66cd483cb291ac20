//! Objects that are whole documents.

use super::{Reason, change, replaced, route, route_yaml, splice};
use crate::edit::Change;
use crate::place::Span;
use crate::yaml;

const SPLIT: &str = "kind: TrafficSplit\nmetadata:\n  name: checkout\nspec:\n  service: checkout\n";

#[test]
fn a_document_is_replaced_and_its_neighbours_keep_every_byte() {
    let text = format!("a:   1 # odd  \n\n---\n{SPLIT}\n---\nb: [ 2,3 ]\n...\n");
    let after = replaced(&text, "checkout", &[route("checkout")]).unwrap();
    assert_eq!(after, format!("a:   1 # odd  \n\n---\n{}\n---\nb: [ 2,3 ]\n...\n", route_yaml("checkout")));
}

#[test]
fn several_manifests_are_several_documents() {
    let after = replaced(SPLIT, "checkout", &[route("one"), route("two")]).unwrap();
    assert_eq!(after, format!("{}---\n{}", route_yaml("one"), route_yaml("two")));
}

#[test]
fn comments_before_an_object_stay_and_comments_inside_move_to_its_head() {
    let text = "# licence\n\n# about checkout\nkind: TrafficSplit # was Istio\nmetadata:\n  # the root\n  name: checkout\nspec:\n  service: checkout # last\n# after\n";
    let after = replaced(text, "checkout", &[route("checkout")]).unwrap();
    assert_eq!(
        after,
        format!("# licence\n\n# about checkout\n# was Istio\n# the root\n# last\n{}# after\n", route_yaml("checkout"))
    );
}

#[test]
fn a_hash_inside_a_block_scalar_is_no_comment() {
    let text = "kind: TrafficSplit\nmetadata:\n  name: checkout\n  annotations:\n    note: |\n      # text\n";
    assert_eq!(replaced(text, "checkout", &[route("checkout")]).unwrap(), route_yaml("checkout"));
}

#[test]
fn the_separator_line_keeps_its_comment() {
    let text = format!("a: 1\n--- # from the shop chart\n{SPLIT}");
    let after = replaced(&text, "checkout", &[route("checkout")]).unwrap();
    assert_eq!(after, format!("a: 1\n--- # from the shop chart\n{}", route_yaml("checkout")));
}

#[test]
fn an_object_that_begins_on_the_separator_line_moves_to_the_next() {
    let text = "--- {kind: TrafficSplit, metadata: {name: checkout}}\n---\na: 1\n";
    let after = replaced(text, "checkout", &[route("checkout")]).unwrap();
    let pieces = yaml::split(&after);
    assert_eq!(pieces.len(), 2, "{after}");
    assert_eq!(pieces[0].span.of(&after).trim_start(), route_yaml("checkout"));
}

#[test]
fn a_note_stands_at_the_head_as_a_comment() {
    let mut change = change(SPLIT, "checkout", &[route("checkout")]);
    change.note = Some("was TrafficSplit `checkout`\n# and no more".to_owned());
    let after = splice(SPLIT, &[change]).unwrap();
    assert_eq!(after, format!("# was TrafficSplit `checkout`\n# and no more\n{}", route_yaml("checkout")));
}

#[test]
fn line_endings_of_a_crlf_file_are_kept() {
    let text = format!("# head\n{SPLIT}---\na: 1\n").replace('\n', "\r\n");
    let after = replaced(&text, "checkout", &[route("one"), route("two")]).unwrap();
    let expected = format!("# head\n{}---\n{}---\na: 1\n", route_yaml("one"), route_yaml("two"));
    assert_eq!(after, expected.replace('\n', "\r\n"));
}

#[test]
fn a_byte_order_mark_and_a_missing_last_line_break_are_kept() {
    let text = format!("\u{feff}{}", SPLIT.trim_end());
    let after = replaced(&text, "checkout", &[route("checkout")]).unwrap();
    assert_eq!(after, format!("\u{feff}{}", route_yaml("checkout").trim_end()));
}

#[test]
fn an_indented_document_is_replaced_unindented() {
    let text = " kind: TrafficSplit\n metadata:\n   name: checkout\n";
    assert_eq!(replaced(text, "checkout", &[route("checkout")]).unwrap(), route_yaml("checkout"));
}

#[test]
fn an_anchor_inside_the_object_does_not_matter() {
    let text = "kind: TrafficSplit\nmetadata: &m\n  name: checkout\nspec: *m\n---\na: 1\n";
    let after = replaced(text, "checkout", &[route("checkout")]).unwrap();
    assert_eq!(after, format!("{}---\na: 1\n", route_yaml("checkout")));
}

#[test]
fn what_ends_in_a_merge_or_an_empty_value_goes_away_whole() {
    for end in ["spec:\n  <<: *m\n", "spec:\n", "spec: *m # why\n", "spec: {\n}\n", "spec: |+\n  text\n\n"] {
        let text = format!("kind: TrafficSplit\nmetadata: &m\n  name: checkout\n{end}---\na: 1\n");
        let after = replaced(&text, "checkout", &[]).unwrap();
        assert_eq!(after.replace("# why\n", ""), "---\na: 1\n", "{text}");
    }
}

// === an object goes away ===

#[test]
fn a_document_that_goes_away_takes_its_separator_along() {
    let (a, b) = ("a: 1\n", "---\nb: 2\n");
    for (text, expected) in [
        (format!("{SPLIT}---\na: 1\n"), "---\na: 1\n".to_owned()),
        (format!("---\n{SPLIT}{b}"), b.to_owned()),
        (format!("{a}---\n{SPLIT}{b}"), format!("{a}{b}")),
        (format!("{a}---\n\n{SPLIT}\n{b}"), format!("{a}{b}")),
        (format!("{a}---\n{SPLIT}"), a.to_owned()),
        (format!("{a}---\n{}", SPLIT.trim_end()), a.to_owned()),
    ] {
        assert_eq!(replaced(&text, "checkout", &[]).unwrap(), expected, "{text}");
    }
}

#[test]
fn documents_parted_by_end_markers_do_not_merge() {
    for (text, expected) in [
        (format!("a: 1\n...\n---\n{SPLIT}...\nb: 2\n"), "a: 1\n---\nb: 2\n"),
        (format!("a: 1\n---\n{SPLIT}...\nb: 2\n"), "a: 1\n---\nb: 2\n"),
        (format!("a: 1\n---\n{SPLIT}... # end\n---\nb: 2\n"), "a: 1\n--- # end\n---\nb: 2\n"),
        (format!("a: 1\n---\n{SPLIT}...\n%YAML 1.2\n---\nb: 2\n"), "a: 1\n...\n%YAML 1.2\n---\nb: 2\n"),
        (format!("a: 1\n...\n{SPLIT}...\nb: 2\n"), "a: 1\n---\nb: 2\n"),
        (format!("{SPLIT}...\n---\nb: 2\n"), "---\nb: 2\n"),
    ] {
        let after = replaced(&text, "checkout", &[]).unwrap_or_else(|error| panic!("{error}: {text}"));
        assert_eq!(after, expected, "{text}");
    }
}

#[test]
fn comments_of_a_document_that_goes_away_stay_in_its_place() {
    let text = "a: 1\n--- # sep\n# head\n\n#   more\nkind: TrafficSplit # in\nmetadata: {name: checkout} # end\n\n# after\n\n---\nb: 2\n";
    let mut change = change(text, "checkout", &[]);
    change.note = Some("went to `routes.yaml`".to_owned());
    let after = splice(text, &[change]).unwrap();
    assert_eq!(after, "a: 1\n# sep\n# head\n\n#   more\n# went to `routes.yaml`\n# in\n# end\n# after\n---\nb: 2\n");
}

#[test]
fn a_licence_above_the_first_separator_survives_its_document() {
    let text = format!("# licence\n---\n{SPLIT}---\nb: 2\n");
    assert_eq!(replaced(&text, "checkout", &[]).unwrap(), "# licence\n---\nb: 2\n");
}

#[test]
fn a_file_whose_only_document_goes_away_keeps_its_comments_or_is_empty() {
    assert_eq!(replaced(SPLIT, "checkout", &[]).unwrap(), "");
    assert_eq!(replaced(&format!("\u{feff}{SPLIT}"), "checkout", &[]).unwrap(), "");
    assert_eq!(replaced(&format!("# a\n{SPLIT}# b"), "checkout", &[]).unwrap(), "# a\n# b");
}

#[test]
fn all_documents_may_go_away_at_once() {
    let other = SPLIT.replace("checkout", "cart");
    let text = format!("# shop\n{SPLIT}---\n{other}");
    let changes = [change(&text, "cart", &[]), change(&text, "checkout", &[])];
    assert_eq!(splice(&text, &changes).unwrap(), "# shop\n");
}

// === refusals ===

#[test]
fn one_object_cannot_be_replaced_twice() {
    let twice = [change(SPLIT, "checkout", &[]), change(SPLIT, "checkout", &[route("checkout")])];
    assert_eq!(splice(SPLIT, &twice).unwrap_err().reason, Reason::Overlap);
}

#[test]
fn a_change_of_another_text_is_refused() {
    let change = change(SPLIT, "checkout", &[route("checkout")]);
    assert_eq!(splice("a: 1\n", std::slice::from_ref(&change)).unwrap_err().reason, Reason::NoDocument);
    let inside = Change { object: Span::new(change.object.start + 1, change.object.end), ..change.clone() };
    assert_eq!(splice(SPLIT, &[inside]).unwrap_err().reason, Reason::NoObject);
    let beyond = Change { piece: yaml::Piece { span: Span::new(9, 999), whole: Span::new(9, 999) }, ..change };
    assert_eq!(splice(SPLIT, &[beyond]).unwrap_err().reason, Reason::NoDocument);
}

#[test]
fn a_document_that_cannot_be_read_is_refused() {
    let change = change(SPLIT, "checkout", &[]);
    let broken = SPLIT.replace("kind: T", "kind: [");
    assert_eq!(broken.len(), SPLIT.len());
    assert!(matches!(splice(&broken, &[change]).unwrap_err().reason, Reason::Unreadable(_)));
}

#[test]
fn an_object_that_stands_inside_another_is_refused() {
    let text = "kind: Template\nobjects:\n- kind: TrafficSplit\n";
    let mut change = change("kind: Template\nmetadata: {name: checkout}\n", "checkout", &[]);
    change.piece = yaml::split(text)[0];
    change.object = Span::new(27, 45);
    assert_eq!(splice(text, &[change]).unwrap_err().reason, Reason::NoObject);
}

#[test]
fn no_change_changes_nothing() {
    assert_eq!(splice("a: 1", &[]).unwrap(), "a: 1");
}

#[test]
fn an_untouched_document_that_does_not_parse_is_no_obstacle() {
    let text = format!("{{{{ template }}}}\n---\n{SPLIT}---\n{{{{- if x }}}}\n");
    let after = replaced(&text, "checkout", &[route("checkout")]).unwrap();
    assert_eq!(after, format!("{{{{ template }}}}\n---\n{}---\n{{{{- if x }}}}\n", route_yaml("checkout")));
}
