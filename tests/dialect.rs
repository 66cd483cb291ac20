//! Holds `pattern` to another engine: Go's regexp, whose syntax is RE2's, says what compiles and what matches, and shares no
//! code with ours.
//!
//! `SMI2GAMMA_REGEXP` names the program that asks it (tests/cluster/regexp); the cluster suite builds it. Without it the tests
//! here say so and pass, so that `cargo test` needs no Go. `SMI2GAMMA_CORPUS` adds the expressions of real manifests.

use std::collections::BTreeSet;
use std::env;
use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde::Deserialize;
use serde_yaml::Value;
use smi2gamma::pattern::{Anchoring, Domain, Language, check, portable};

/// How many expressions are made up; each is asked about every string.
const MADE_UP: usize = 3000;

/// What Go says of one expression and one string.
#[derive(Deserialize)]
struct Answer {
    compiles: bool,
    #[serde(default)]
    full: bool,
    #[serde(default)]
    unanchored: bool,
}

/// The answers to these questions, in their order; none without the program.
fn ask(questions: &[(String, String)]) -> Option<Vec<Answer>> {
    let Some(program) = env::var_os("SMI2GAMMA_REGEXP") else {
        eprintln!("no other engine: set SMI2GAMMA_REGEXP to the program of tests/cluster/regexp to run this test");
        return None;
    };
    let lines: String = questions.iter().map(|(pattern, text)| format!("{pattern}\t{text}\n")).collect();
    let answers = through(program, lines);
    let answers: Vec<Answer> = answers.lines().map(|line| serde_json::from_str(line).expect("an answer")).collect();
    assert_eq!(answers.len(), questions.len(), "one answer to each question");
    Some(answers)
}

fn through(program: OsString, input: String) -> String {
    let mut child =
        Command::new(program).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the program starts");
    let mut pipe = child.stdin.take().expect("a pipe");
    let writer = thread::spawn(move || pipe.write_all(input.as_bytes()));
    let output = child.wait_with_output().expect("an end");
    writer.join().expect("a writer").expect("all of the input was read");
    assert!(output.status.success(), "the program ends well");
    String::from_utf8(output.stdout).expect("text")
}

/// Strings that tell expressions of the alphabet below apart; each is in its domain.
fn texts(domain: Domain) -> Vec<&'static str> {
    let texts = match domain {
        Domain::Path => vec![
            "/",
            "/a",
            "/b",
            "/ab",
            "/a/b",
            "/a/",
            "/aa",
            "/ba",
            "//",
            "/.",
            "/a.b",
            "/0",
            "/a0",
            "/-",
            "/a-b",
            "/_",
            "/A",
            "/a=1",
            "/api/v1/items",
            "/api",
            "/abab",
            "/b/a",
            "/{a}",
            "/a+b",
            "/$",
            "/^",
            "/[a]",
            "/(a)",
            "/|",
            "/a,b",
            "/~x",
            "/%41",
        ],
        Domain::HeaderValue => vec![
            "",
            "a",
            "b",
            "ab",
            "a b",
            "a  b",
            "0",
            "A",
            "aa",
            "a0",
            "-",
            "_",
            "a.b",
            "a/b",
            "curl/7.1",
            "[a]",
            "(a)",
            "a+b",
            "$",
            "^",
            "|",
            "{a}",
            "\\",
            "Mozilla/5.0 (X11; Linux)",
            "a,b",
            "true",
        ],
    };
    texts.into_iter().filter(|text| domain.contains(text)).collect()
}

/// Expressions with everything that the engines could part on: classes, counts, flags, anchors, escapes, and plain mistakes.
fn expression() -> impl Strategy<Value = String> {
    let atom = prop_oneof![
        6 => "[ab0/.]",
        2 => prop::sample::select(vec![
            "\\d", "\\w", "\\s", "\\D", "\\W", "\\S", "\\b", "\\B", "\\.", "\\/", "\\-", "\\A", "\\z", "\\Z", "\\Q", "\\x41", "\\x{41}",
            "\\u0041", "\\101", "\\1", "\\C", "\\pL", "\\a", "\\f", "\\v", "\\G", "\\<", "\\ ", "\\~", "\\%", "\\_", "\\e", "\\h",
        ]).prop_map(String::from),
        2 => prop::sample::select(vec![
            "[ab]", "[^a]", "[a-b]", "[]a]", "[^]a]", "[a\\]]", "[-a]", "[a-]", "[a-\\d]", "[[:alpha:]]", "[[:word:]]", "[[:foo:]]", "[a&&b]", "[a--b]",
            "[[a]]", "[b-a]", "[\\d-a]", "[\\w]", "[.]", "[^\\d]", "[a", "[]", "[--/]", "[!--]", "[\\x20]",
        ]).prop_map(String::from),
        1 => prop::sample::select(vec!["^", "$", "(?i)", "(?s)", "(?m)", "(?U)", "(?x)", "(?u)", "(?-i)", "(?i:a)", "(?P<n>a)", "(?<n>a)", "(?P=n)",
            "(?=a)", "(?!a)", "(?<=a)", "(?>a)", "()", "(?:)", "(?#a)"]).prop_map(String::from),
    ];
    let repeat = prop::sample::select(vec![
        "", "", "", "", "*", "+", "?", "*?", "+?", "??", "**", "*+", "++", "{2}", "{1,2}", "{,2}", "{2,}", "{2,1}",
        "{ 2 }", "{02}", "{1001}", "{a}", "{", "{2}{2}", "{0}",
    ]);
    let leaf = (atom, repeat).prop_map(|(atom, repeat)| format!("{atom}{repeat}"));
    leaf.prop_recursive(3, 12, 4, |inner| {
        let group = prop::sample::select(vec!["", "*", "+", "?", "{2}", "{40}", "{30}"]);
        prop_oneof![
            3 => prop::collection::vec(inner.clone(), 1..4).prop_map(|parts| parts.concat()),
            1 => prop::collection::vec(inner.clone(), 2..4).prop_map(|parts| parts.join("|")),
            2 => (inner.clone(), group).prop_map(|(inner, repeat)| format!("({inner}){repeat}")),
            1 => inner.clone().prop_map(|inner| format!("(?:{inner})")),
            1 => inner.clone().prop_map(|inner| format!("^{inner}$")),
            1 => inner.prop_map(|inner| format!("/{inner}")),
        ]
    })
}

fn made_up() -> BTreeSet<String> {
    let mut runner = TestRunner::deterministic();
    let strategy = expression();
    let one = |_| strategy.new_tree(&mut runner).expect("a tree").current();
    (0..MADE_UP).map(one).filter(|pattern| !pattern.contains(['\t', '\n'])).collect()
}

/// Every path and header expression of the corpus.
fn of_the_corpus() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    if let Some(corpus) = env::var_os("SMI2GAMMA_CORPUS") {
        walk(&PathBuf::from(corpus), &mut found);
    }
    found
}

fn walk(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            walk(&path, found);
        } else if let Ok(text) = fs::read_to_string(&path) {
            let documents = text.split("\n---").filter_map(|document| serde_yaml::from_str::<Value>(document).ok());
            documents.for_each(|document| expressions(&document, found));
        }
    }
}

fn expressions(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Mapping(entries) => {
            for (key, value) in entries {
                match (key.as_str(), value) {
                    (Some("pathRegex"), value) => found.extend(one_line(value)),
                    (Some("headers"), Value::Mapping(headers)) => found.extend(headers.values().filter_map(one_line)),
                    (_, value) => expressions(value, found),
                }
            }
        }
        Value::Sequence(items) => items.iter().for_each(|item| expressions(item, found)),
        _ => {}
    }
}

fn one_line(value: &Value) -> Option<String> {
    value.as_str().filter(|text| !text.contains(['\t', '\n'])).map(str::to_owned)
}

/// What is let through compiles there and means the same, and what is written for it does, too.
fn held_to_the_other_engine(patterns: &BTreeSet<String>) -> usize {
    let mut questions = Vec::new();
    let mut expected = Vec::new();
    let mut let_through = 0;
    for pattern in patterns {
        if check(pattern).is_err() {
            continue;
        }
        let_through += 1;
        for domain in [Domain::Path, Domain::HeaderValue] {
            let readings = [Anchoring::Full, Anchoring::Search].map(|how| Language::regex(domain, pattern, how));
            let [Ok(full), Ok(search)] = readings else { continue };
            let written = portable(domain, pattern, Anchoring::Search).ok();
            for text in texts(domain) {
                questions.push((pattern.clone(), text.to_owned()));
                expected.push((full.matches(text), search.matches(text)));
                if let Some(written) = &written {
                    questions.push((written.clone(), text.to_owned()));
                    expected.push((search.matches(text), search.matches(text)));
                }
            }
        }
    }
    let Some(answers) = ask(&questions) else { return let_through };
    for (((pattern, text), (full, search)), answer) in questions.iter().zip(&expected).zip(answers) {
        assert!(answer.compiles, "{pattern:?} is let through, and does not compile");
        assert_eq!(*full, answer.full, "{pattern:?} on the whole of {text:?}");
        assert_eq!(*search, answer.unanchored, "{pattern:?} somewhere in {text:?}");
    }
    let_through
}

#[test]
fn expressions_that_are_let_through_mean_the_same_to_another_engine() {
    let through = held_to_the_other_engine(&made_up());
    assert!(through > MADE_UP / 10, "only {through} of the expressions say anything");
}

#[test]
fn expressions_of_real_manifests_mean_the_same_to_another_engine() {
    held_to_the_other_engine(&of_the_corpus());
}

#[test]
fn what_another_engine_refuses_is_not_let_through() {
    let patterns: Vec<(String, String)> =
        made_up().into_iter().chain(of_the_corpus()).map(|pattern| (pattern, "a".to_owned())).collect();
    let Some(answers) = ask(&patterns) else { return };
    for ((pattern, _), answer) in patterns.iter().zip(&answers) {
        assert!(answer.compiles || check(pattern).is_err(), "{pattern:?} does not compile there");
    }
    let refused = answers.iter().filter(|answer| !answer.compiles).count();
    assert!(refused > 100, "only {refused} of the expressions are mistakes");
}
