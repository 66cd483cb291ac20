//! What the reader promises, over all of its files.

use super::*;
use proptest::prelude::*;

fn read(text: &str) -> Document {
    let piece = split(text)[0];
    parse(text, piece.span).unwrap_or_else(|problem| panic!("{text:?}: {problem:?}"))
}

fn root(text: &str) -> Node {
    read(text).root.expect("a root")
}

fn refuse(text: &str) -> Problem {
    let piece = split(text)[0];
    parse(text, piece.span).expect_err(text)
}

fn at<'a>(text: &'a str, path: &[Step<'_>]) -> &'a str {
    root(text).find(path).expect("a node").span.of(text)
}

#[test]
fn a_scalar_has_its_exact_bytes() {
    let text = "a: 'x'  # c\nbé: \"é\\n\"\r\nc: two\n  lines\n\n# end\n";
    assert_eq!(at(text, &["a".into()]), "'x'");
    assert_eq!(at(text, &["bé".into()]), "\"é\\n\"");
    assert_eq!(at(text, &["c".into()]), "two\n  lines");
    assert_eq!(root(text).get("c").and_then(Node::as_str), Some("two lines"));
}

#[test]
fn a_block_collection_ends_with_its_last_scalar() {
    let text = "a:\n  b:\n  - c: 1\n  - d: [1, 2] # x\n\n# after\ne: 1\n";
    assert_eq!(at(text, &["a".into()]), "b:\n  - c: 1\n  - d: [1, 2]");
    assert_eq!(at(text, &["a".into(), "b".into()]), "- c: 1\n  - d: [1, 2]");
    assert_eq!(at(text, &["a".into(), "b".into(), 1.into(), "d".into()]), "[1, 2]");
}

#[test]
fn a_value_left_out_stands_right_after_its_colon() {
    let text = "a:\nb: {c:, \"d\" :}\ne: [f: ]\n";
    for (path, start) in [
        (vec!["a".into()], 2),
        (vec!["b".into(), "c".into()], 9),
        (vec!["b".into(), "d".into()], 16),
        (vec![Step::Key("e"), 0.into(), "f".into()], 24),
    ] {
        let node = root(text);
        let node = node.find(&path).expect("a node");
        assert_eq!(node.span, Span::new(start, start), "{path:?}");
        assert!(node.is_null());
    }
}

#[test]
fn a_block_scalar_reaches_from_its_header_to_its_last_character() {
    let text = "a: !!str | # why > |\n  x\n\n  y\n\n# c\nb: >-\n  z\nc: |\n";
    assert_eq!(at(text, &["a".into()]), "| # why > |\n  x\n\n  y");
    assert_eq!(at(text, &["b".into()]), ">-\n  z");
    assert_eq!(at(text, &["c".into()]), "|");
    assert_eq!(root(text).get("a").and_then(Node::as_str), Some("x\n\ny\n"));
}

#[test]
fn spans_count_from_the_begin_of_the_text() {
    let text = "\u{feff}# licence\n---\na: 1\n---\nb: 2\n";
    let piece = split(text)[2];
    let node = parse(text, piece.span).unwrap().root.unwrap();
    assert_eq!(node.get("b").unwrap().span.of(text), "2");
}

#[test]
fn lines_of_a_quoted_text_need_no_indentation() {
    let text = "a:\n  b: 'it''s\n  wide: \n\n  # no comment'\n  c: \"x\\\n  y\n  \\\"z\"\nd: 'e\nf'\n";
    let node = root(text);
    let json = serde_json::json!({"a": {"b": "it's wide:\n# no comment", "c": "xy \"z"}, "d": "e f"});
    assert_eq!(node.to_json(), json);
    assert_eq!(at(text, &["d".into()]), "'e\nf'");
}

#[test]
fn an_alias_has_the_value_and_the_span_of_its_anchor() {
    let text = "a: &x {b: 1}\nc: *x\n";
    let node = root(text);
    assert_eq!(node.get("c"), node.get("a"));
    assert_eq!(node.span.of(text), text.trim_end());
}

#[test]
fn merged_entries_come_last_and_own_entries_win() {
    let text = "base: &base {x: 1, w: 2}\nmore: &more {w: 3, z: 4}\nown:\n  <<: [*base, *more]\n  x: 9\n";
    let document = read(text);
    assert_eq!(document.root.unwrap().get("own").unwrap().to_json().to_string(), r#"{"x":9,"w":2,"z":4}"#);
    assert_eq!(document.problems, []);
}

#[test]
fn a_merge_after_an_own_key_takes_its_place_as_it_does_for_kubectl_and_is_a_problem() {
    let text = "base: &base {x: 1}\nown:\n  x: 9\n  <<: *base\n";
    let document = read(text);
    assert_eq!(document.root.unwrap().get("own").unwrap().to_json().to_string(), r#"{"x":1}"#);
    assert_eq!(document.problems.len(), 1);
    assert_eq!(document.problems[0].other.unwrap().of(text), "<<");
}

#[test]
fn a_merge_of_anything_but_maps_is_refused() {
    for text in ["<<: 1\n", "<<: [{a: 1}, 2]\n", "a: &a [{b: 1}]\nc:\n  <<: *a\n"] {
        assert_eq!(refuse(text).message, "the value of `<<` must be a map or a list of maps");
    }
    assert_eq!(root("'<<': 1\n").to_json().to_string(), r#"{"<<":1}"#);
}

#[test]
fn of_equal_keys_the_last_value_counts_at_the_first_position() {
    let text = "a: 1\nb: 2\na: 3\n";
    let document = read(text);
    assert_eq!(document.root.unwrap().to_json().to_string(), r#"{"a":3,"b":2}"#);
    let problem = &document.problems[0];
    assert_eq!(problem.kind, ProblemKind::DuplicateKey);
    assert_eq!((problem.span, problem.other), (Span::new(10, 11), Some(Span::new(0, 1))));
}

#[test]
fn keys_are_equal_where_their_json_keys_are() {
    assert_eq!(read("on: 1\n'true': 2\n").problems.len(), 1);
    assert_eq!(root("on: 1\n0x10: 2\n1.50: 3\n").to_json().to_string(), r#"{"true":1,"16":2,"1.5":3}"#);
}

#[test]
fn a_key_that_json_cannot_have_is_refused() {
    assert_eq!(refuse("{a: 1}: b\n").message, "a key must not be a map");
    assert_eq!(refuse("[a]: b\n").message, "a key must not be a list");
    assert_eq!(refuse("~: b\n").message, "a key must not be null");
}

#[test]
fn aliases_that_grow_without_end_are_stopped() {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let previous = format!("*a{}, ", level - 1).repeat(10);
        text.push_str(&format!("a{level}: &a{level} [{previous}]\n"));
    }
    assert_eq!(refuse(&text).kind, ProblemKind::Aliases);
    let long = format!("a: &a \"{}\"\nb: [{}]\n", "x".repeat(1 << 20), "*a, ".repeat(20));
    assert_eq!(refuse(&long).kind, ProblemKind::Aliases);
    assert_eq!(refuse("a: &a [*a]\n").kind, ProblemKind::Aliases);
}

#[test]
fn a_large_document_without_aliases_has_no_limit() {
    let text = format!("[{}]", "1, ".repeat(101_000));
    assert_eq!(root(&text).items().len(), 101_000);
}

#[test]
fn what_is_nested_too_deep_is_refused() {
    for text in ["[".repeat(100_000), "- ".repeat(100_000), "{a: ".repeat(5_000), "[".repeat(201) + &"]".repeat(201)] {
        assert_eq!(refuse(&text).kind, ProblemKind::Depth);
    }
    root(&("[".repeat(200) + &"]".repeat(200)));
    let mut chain = "a0: &a0 [x]\n".to_owned();
    for level in 1..300 {
        chain.push_str(&format!("a{level}: &a{level} [*a{}]\n", level - 1));
    }
    assert_eq!(refuse(&chain).kind, ProblemKind::Depth);
}

#[test]
fn json_is_read_with_tabs_and_surrogate_pairs() {
    let text = "{\n\t\"a\": \"\\ud83d\\ude00\\/\",\n\t\"b\": [\n\t\t1e2,\n\t\tnull\n\t]\n}\n";
    assert_eq!(
        root(text).to_json(),
        serde_json::from_str::<serde_json::Value>(text)
            .map(|_| serde_json::json!({"a": "😀/", "b": [100, null]}))
            .unwrap()
    );
}

#[test]
fn tags_of_yaml_count_and_others_make_strings() {
    let text = "a: !!str 1\nb: !!int \"1\"\nc: !mine 1\nd: !!float 1\ne: !!int x\nf: !mine\n  g: 1\nh: ! on\n";
    let json = serde_json::json!({"a": "1", "b": 1, "c": "1", "d": 1, "e": "x", "f": {"g": 1}, "h": "on"});
    assert_eq!(root(text).to_json(), json);
}

#[test]
fn directives_outside_the_span_still_declare_tags() {
    let text = "a: 1\n...\n%TAG !y! tag:yaml.org,2002:\n# c\n---\nb: !y!str 1\n";
    let piece = split(text)[1];
    let node = parse(text, piece.span).unwrap().root.unwrap();
    assert_eq!(node.get("b").and_then(Node::as_str), Some("1"));
}

#[test]
fn a_percent_sign_in_the_document_before_is_no_directive() {
    let text = "\"a\n%TAG\"\n---\nb: 1\n";
    let piece = split(text)[1];
    assert_eq!(parse(text, piece.span).unwrap().root.unwrap().to_json().to_string(), r#"{"b":1}"#);
}

#[test]
fn comments_are_collected_in_order() {
    let text = "# one\na: 1 # two\n\n# three\nb: '# no'\n# four";
    let comments: Vec<&str> = read(text).comments.iter().map(|span| span.of(text)).collect();
    assert_eq!(comments, ["# one", "# two", "# three", "# four"]);
}

#[test]
fn a_document_of_comments_has_no_root() {
    let long = "# licence\n".repeat(500);
    for text in ["# only\n", "\n\n", long.as_str()] {
        assert!(read(text).root.is_none());
    }
    assert_eq!(root(&format!("{long}a: 1\n")).to_json().to_string(), r#"{"a":1}"#);
}

#[test]
fn a_template_that_does_not_parse_is_called_one() {
    let problem = refuse("# {{ no }}\nweight: {{ .Values.weight }}\n");
    assert_eq!(problem.kind, ProblemKind::Template);
    assert_eq!(problem.span, Span::new(19, 39));
    assert_eq!(refuse("{{- if .x }}\na: 1\n{{- end }}\n").kind, ProblemKind::Template);
    assert_eq!(refuse("a:\n  {% if x %}\n  - b\n").kind, ProblemKind::Template);
    assert_eq!(refuse("# {{ no }}\na: [\n").kind, ProblemKind::Syntax);
}

#[test]
fn a_template_that_parses_is_found_in_its_scalar() {
    let text = "# {{ no }}\na: \"{{ yes }}\" # {{ no }}\n";
    assert_eq!(template(text, split(text)[0].span).map(|span| span.of(text)), Some("{{ yes }}"));
    let text = "# {{ no }}\na: {b: {c: {}}}\n";
    assert_eq!(template(text, split(text)[0].span), None);
}

#[test]
fn problems_are_said_in_plain_words() {
    for (text, words) in [
        ("a: *\n", "while"),
        ("a: b: c\n", "a `:` is not allowed here; a value that contains `: ` must be quoted"),
        ("a:\n\tb: 1\n", "a tab stands where YAML wants spaces"),
        ("a: 'x\n", "a quote is not closed, or the lines inside it are not indented"),
        ("a: [1, 2\n", "`[` is not closed"),
        (
            "a: \"\\d\"\n",
            "this escape is not known; in double quotes a backslash must be doubled, in single quotes it stands for itself",
        ),
        ("a: @x\n", "a value must not begin with `@`; quote it"),
    ] {
        let problem = refuse(text);
        if words != "while" {
            assert_eq!(problem.message, words, "{text:?}");
        }
        assert!(!problem.message.starts_with("while"), "{}", problem.message);
    }
}
#[test]
fn a_list_that_is_not_indented_begins_with_its_first_dash() {
    for (text, list) in [
        ("b:\n- c: 1\n", "- c: 1"),
        ("b:\n- - 1\n  - 2\n", "- - 1\n  - 2"),
        ("b: !!seq &x\n# - c\n- # d - e\n  1\n", "- # d - e\n  1"),
        ("b:\n-\n- 2\n", "-\n- 2"),
    ] {
        assert_eq!(at(text, &["b".into()]), list);
    }
}

#[test]
fn every_kind_of_problem_has_its_row() {
    for kind in [
        ProblemKind::Syntax,
        ProblemKind::Template,
        ProblemKind::DuplicateKey,
        ProblemKind::Aliases,
        ProblemKind::Depth,
    ] {
        assert!(crate::report::catalogue::find(kind.code().0).is_some(), "{kind:?}");
    }
}

/// Text that is likely to run into the rules of YAML: its indicators, line ends and separators, and words.
fn text() -> impl Strategy<Value = String> {
    let token = proptest::sample::select(vec![
        "a",
        "b",
        "key",
        "on",
        "1",
        "0x1",
        " ",
        "  ",
        "\n",
        "\n",
        "\r\n",
        "\r",
        "\t",
        ":",
        ": ",
        ":\n",
        "- ",
        "-",
        "? ",
        "{",
        "}",
        "[",
        "]",
        ",",
        "\"",
        "'",
        "#",
        " # c",
        "|",
        ">",
        "|+\n",
        "&a ",
        "*a",
        "<<: ",
        "!!str ",
        "!t ",
        "---",
        "\n---\n",
        "\n...\n",
        "%YAML 1.2\n",
        "{{",
        "}}",
        "{%",
        "\\",
        "\\ud83d",
        "é",
        "😀",
        "\u{feff}",
        "\u{0}",
        "\u{85}",
        "\u{2028}",
        "{\"a\":1}",
        "[]",
    ]);
    prop_oneof![proptest::collection::vec(token, 0..40).prop_map(|tokens| tokens.concat()), any::<String>()]
}

/// A document of scalars that every reader of YAML takes for the same.
fn plain_document() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        "[a-z]{3,8}-[a-z0-9]{1,5}".prop_map(serde_json::Value::from),
        (0_u32..100_000).prop_map(serde_json::Value::from),
        any::<bool>().prop_map(serde_json::Value::from),
        Just(serde_json::Value::Null),
    ];
    let tree = leaf.prop_recursive(4, 40, 5, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 1..5).prop_map(serde_json::Value::from),
            proptest::collection::btree_map("[a-z]{3,8}x", inner, 1..5)
                .prop_map(|entries| serde_json::Value::Object(entries.into_iter().collect())),
        ]
    });
    proptest::collection::btree_map("[a-z]{3,8}x", tree, 1..5)
        .prop_map(|entries| serde_json::Value::Object(entries.into_iter().collect()))
}

/// Every span lies in the one around it, and none is the wrong way round.
fn check_spans(node: &Node, text: &str) {
    assert!(node.span.start <= node.span.end && text.is_char_boundary(node.span.start), "{:?}", node.span);
    let _ = node.span.of(text);
    let children = node.items().iter().chain(node.entries().iter().flat_map(|(key, value)| [key, value]));
    children.for_each(|child| check_spans(child, text));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1024, ..ProptestConfig::default() })]

    #[test]
    fn pieces_cover_the_text_without_gap_or_overlap(text in text()) {
        let mut at = 0;
        for piece in split(&text) {
            prop_assert_eq!(piece.whole.start, at);
            prop_assert!(piece.whole.start <= piece.span.start && piece.span.start <= piece.span.end);
            prop_assert!(piece.span.end <= piece.whole.end);
            at = piece.whole.end;
        }
        prop_assert_eq!(at, text.len());
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in text()) {
        for piece in split(&text) {
            let _ = template(&text, piece.span);
            match parse(&text, piece.span) {
                Ok(document) => {
                    document.comments.iter().for_each(|comment| check_comment(&text, *comment));
                    if let Some(root) = document.root {
                        check_spans(&root, &text);
                    }
                }
                Err(problem) => {
                    let _ = problem.span.of(&text);
                    prop_assert!(!problem.message.is_empty());
                }
            }
        }
    }
}

proptest! {
    #[test]
    fn what_no_reader_doubts_is_read_as_serde_yaml_reads_it(document in plain_document()) {
        let yaml = serde_yaml::to_string(&document).unwrap();
        prop_assert_eq!(root(&yaml).to_json(), serde_yaml::from_str::<serde_json::Value>(&yaml).unwrap());
        let json = serde_json::to_string_pretty(&document).unwrap();
        prop_assert_eq!(root(&json).to_json(), document);
    }
}

fn check_comment(text: &str, comment: Span) {
    assert!(comment.of(text).starts_with('#'), "{:?}", comment.of(text));
}
