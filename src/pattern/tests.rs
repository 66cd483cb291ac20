//! What the room promises, held against membership by enumeration and against the engines' own searches.

use std::time::{Duration, Instant};

use proptest::prelude::*;
use regex_automata::meta;

use super::*;
use crate::mappings::{HeaderAnchoring, PathAnchoring, RegexReading};

const PATHS: Domain = Domain::Path;
const VALUES: Domain = Domain::HeaderValue;
const ANCHORINGS: [Anchoring; 5] =
    [Anchoring::Full, Anchoring::Start, Anchoring::StartAfterSlash, Anchoring::Search, Anchoring::FirstMatch];

fn path(pattern: &str) -> Language {
    under(pattern, Anchoring::Full)
}

fn under(pattern: &str, anchoring: Anchoring) -> Language {
    Language::regex(PATHS, pattern, anchoring).unwrap_or_else(|error| panic!("{pattern}: {error}"))
}

fn value(pattern: &str, anchoring: Anchoring) -> Language {
    Language::regex(VALUES, pattern, anchoring).unwrap_or_else(|error| panic!("{pattern}: {error}"))
}

fn prefix(text: &str) -> Language {
    Language::path_prefix(text).unwrap()
}

fn exact(text: &str) -> Language {
    Language::exact(PATHS, text).unwrap()
}

fn exacts(values: &[&str]) -> PathLowering {
    PathLowering::Exact(values.iter().map(|&value| value.to_owned()).collect())
}

fn only_right(text: &str) -> Relation {
    Relation::Subset { only_right: text.to_owned() }
}

fn only_left(text: &str) -> Relation {
    Relation::Superset { only_left: text.to_owned() }
}

// --- domains ---

#[test]
fn a_path_begins_with_a_slash_and_has_no_query() {
    for inside in ["/", "//", "/a/../b", "/%2f", "/a|b", "/~"] {
        assert!(PATHS.contains(inside), "{inside}");
    }
    for outside in ["", "*", "a", "/a b", "/a?b", "/a#b", "/é", "/\n", "/\u{7f}"] {
        assert!(!PATHS.contains(outside), "{outside:?}");
    }
}

#[test]
fn a_header_value_may_be_empty_and_has_no_blank_at_its_ends() {
    for inside in ["", "a", "a b", "a\t b", "?#/"] {
        assert!(VALUES.contains(inside), "{inside:?}");
    }
    for outside in [" ", "a ", "\ta", "é", "a\nb"] {
        assert!(!VALUES.contains(outside), "{outside:?}");
    }
}

#[test]
fn a_string_outside_the_domain_is_in_no_language() {
    assert!(!Language::any(PATHS).matches("/a?b"));
    assert!(!Language::any(VALUES).matches(" a"));
    assert!(exact("api").is_empty());
}

// --- anchoring ---

#[test]
fn the_tables_words_for_anchoring_have_their_meaning_here() {
    assert_eq!(Anchoring::from(PathAnchoring::Full), Anchoring::Full);
    assert_eq!(Anchoring::from(PathAnchoring::Start), Anchoring::Start);
    assert_eq!(Anchoring::from(PathAnchoring::StartAfterSlash), Anchoring::StartAfterSlash);
    assert_eq!(Anchoring::from(PathAnchoring::Search), Anchoring::Search);
    assert_eq!(Anchoring::from(HeaderAnchoring::Full), Anchoring::Full);
    assert_eq!(Anchoring::from(HeaderAnchoring::Search), Anchoring::Search);
    assert_eq!(Anchoring::of_target(RegexReading::Re2Full), Some(Anchoring::Full));
    assert_eq!(Anchoring::of_target(RegexReading::FirstMatchIsWhole), Some(Anchoring::FirstMatch));
    assert_eq!(Anchoring::of_target(RegexReading::Unspecified), None);
}

#[test]
fn one_expression_has_another_language_under_each_anchoring() {
    let taken = |anchoring| {
        let language = under("/api|/health", anchoring);
        ["/api", "/api/v1", "/apiary", "/x/api", "/health", "//health"].map(|path| u8::from(language.matches(path)))
    };
    assert_eq!(taken(Anchoring::Full), [1, 0, 0, 0, 1, 0]);
    assert_eq!(taken(Anchoring::Start), [1, 1, 1, 0, 1, 0]);
    assert_eq!(taken(Anchoring::StartAfterSlash), [1, 1, 1, 0, 0, 1]);
    assert_eq!(taken(Anchoring::Search), [1, 1, 1, 1, 1, 1]);
    assert_eq!(taken(Anchoring::FirstMatch), [1, 0, 0, 0, 1, 0]);
}

#[test]
fn a_first_match_that_stops_early_takes_nothing_longer() {
    assert_eq!(relate(&under("/api|/api/v1", Anchoring::FirstMatch), &exact("/api")), Ok(Relation::Equal));
    assert_eq!(relate(&under("/api/v1|/api", Anchoring::FirstMatch), &path("/api/v1|/api")), Ok(Relation::Equal));
    assert_eq!(relate(&under("/a.*?", Anchoring::FirstMatch), &exact("/a")), Ok(Relation::Equal));
}

#[test]
fn an_expression_that_cannot_begin_with_a_slash_matches_no_path() {
    assert!(under("api/v1", Anchoring::Start).is_empty());
    assert!(under("^/x", Anchoring::StartAfterSlash).is_empty());
    assert!(!under("api/v1", Anchoring::StartAfterSlash).is_empty());
    assert!(!under("api/v1", Anchoring::Search).is_empty());
    assert!(under("/api\\?a=b", Anchoring::Full).is_empty());
}

#[test]
fn a_flag_of_the_expression_does_not_reach_what_is_around_it() {
    let language = under("/(?i)api", Anchoring::StartAfterSlash);
    assert!(language.matches("/API/x") && !language.matches("//api"));
}

// --- relations ---

#[test]
fn literals_and_prefixes_relate_to_expressions_with_the_shortest_witness() {
    let cases = [
        (path("/foo"), exact("/foo"), Relation::Equal),
        (path("^/foo$"), exact("/foo"), Relation::Equal),
        (path("/foo.*"), prefix("/foo"), only_left("/foo!")),
        (path("/foo/.*"), prefix("/foo"), only_right("/foo")),
        (path("/foo(/.*)?"), prefix("/foo"), Relation::Equal),
        (path("/foo|/foo/.*"), prefix("/foo"), Relation::Equal),
        (path("/foo(?:/[^?]*|)$"), prefix("/foo"), Relation::Equal),
        (path("^/api/v[0-9]+/.*$"), prefix("/api"), only_right("/api")),
        (path("/foo\\.html"), exact("/foo.html"), Relation::Equal),
        (path("/foo.html"), exact("/foo.html"), only_left("/foo!html")),
        (path(".*"), prefix("/"), Relation::Equal),
        (
            path("/a[bc]"),
            path("/a[cd]"),
            Relation::Overlap { only_left: "/ab".into(), only_right: "/ad".into(), both: "/ac".into() },
        ),
        (path("/a"), path("/b"), Relation::Disjoint { left: "/a".into(), right: "/b".into() }),
        (path("a"), path("/b"), only_right("/b")),
        (path("a"), path("b"), Relation::Equal),
    ];
    for (left, right, relation) in cases {
        assert_eq!(relate(&left, &right), Ok(relation));
    }
}

#[test]
fn a_prefix_goes_by_path_elements() {
    let api = prefix("/api");
    assert!(["/api", "/api/", "/api/x"].iter().all(|path| api.matches(path)) && !api.matches("/apiary"));
    assert_eq!(relate(&api, &prefix("/api/")), Ok(Relation::Equal));
    assert!(prefix("/").is_any());
}

#[test]
fn a_union_covers_what_none_of_its_parts_does() {
    let (even, odd, all) = (path("/(aa)*"), path("/a(aa)*"), path("/a*"));
    assert_eq!(union_relate(&[&even, &odd], &[&all]), Ok(Relation::Equal));
    assert_eq!(union_relate(&[&even], &[&all]), Ok(only_right("/a")));
    assert_eq!(union_relate(&[], &[&all]), Ok(only_right("/")));
    assert_eq!(union_relate(&[], &[]), Ok(Relation::Equal));
}

#[test]
fn cells_name_every_way_to_be_inside_with_its_first_string() {
    let found = cells(&[&prefix("/a"), &path("/a|/b")]).unwrap();
    let found: Vec<_> = found.iter().map(|cell| (cell.inside.as_slice(), cell.witness.as_str())).collect();
    assert_eq!(
        found,
        [
            (&[false, false][..], "/"),
            (&[true, true][..], "/a"),
            (&[false, true][..], "/b"),
            (&[true, false][..], "/a/"),
        ]
    );
}

#[test]
fn too_many_combinations_are_undecided_and_not_a_guess() {
    let parts: Vec<Language> = [7, 11, 13, 17, 19].iter().map(|n| path(&format!("/(a{{{n}}})*"))).collect();
    let all: Vec<&Language> = parts.iter().collect();
    assert_eq!(cells(&all), Err(Undecided { limit: PAIR_LIMIT }));
}

#[test]
fn an_expression_that_explodes_is_refused_in_moments() {
    let begun = Instant::now();
    let refused = Language::regex(PATHS, "/(a|b)*a(a|b){16}", Anchoring::Full);
    assert!(matches!(refused, Err(PatternError::TooLarge { .. })));
    let refused = Language::regex(PATHS, &"[a-z]{1000}".repeat(100), Anchoring::Search);
    assert!(matches!(refused, Err(PatternError::TooLarge { .. })));
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
}

// --- lowering ---

#[test]
fn a_path_is_said_as_simply_as_was_proved() {
    let full = [
        (".*", PathLowering::Any),
        ("/.*", PathLowering::Any),
        ("^.*$", PathLowering::Any),
        ("/", exacts(&["/"])),
        ("/api", exacts(&["/api"])),
        ("^/foo$", exacts(&["/foo"])),
        ("/foo\\.html", exacts(&["/foo.html"])),
        ("/foo.html", PathLowering::Regex),
        ("/api/v(1|2)/x", exacts(&["/api/v1/x", "/api/v2/x"])),
        ("/b|/a", exacts(&["/a", "/b"])),
        ("/foo(/.*)?", PathLowering::Prefix("/foo".into())),
        ("/foo|/foo/.*", PathLowering::Prefix("/foo".into())),
        ("/foo(?:/[^?]*|)$", PathLowering::Prefix("/foo".into())),
        ("/foo.*", PathLowering::Regex),
        ("/foo/.*", PathLowering::Regex),
        ("^/api/v[0-9]+/.*$", PathLowering::Regex),
        (
            "/[a-p]",
            exacts(
                &"abcdefghijklmnop"
                    .chars()
                    .map(|c| format!("/{c}"))
                    .collect::<Vec<_>>()
                    .iter()
                    .map(String::as_str)
                    .collect::<Vec<_>>(),
            ),
        ),
        ("/[a-q]", PathLowering::Regex),
        ("/a{1000}", exacts(&[&format!("/{}", "a".repeat(1000))])),
        ("/(a{100}){10}b{23}", exacts(&[&format!("/{}{}", "a".repeat(1000), "b".repeat(23))])),
        ("/(a{100}){10}b{24}", PathLowering::Regex),
        ("api/v1", PathLowering::Never),
        ("", PathLowering::Never),
        ("/api\\?a=b", PathLowering::Never),
    ];
    for (pattern, said) in full {
        assert_eq!(lower_path(&path(pattern)), said, "{pattern}");
    }
}

#[test]
fn a_literal_is_exact_only_where_the_source_matched_the_whole_path() {
    assert_eq!(lower_path(&under("/api", Anchoring::Full)), exacts(&["/api"]));
    for open in [Anchoring::Start, Anchoring::StartAfterSlash, Anchoring::Search] {
        assert_eq!(lower_path(&under("/api", open)), PathLowering::Regex, "{open:?}");
    }
    assert_eq!(lower_path(&under("/api$", Anchoring::Start)), exacts(&["/api"]));
    assert_eq!(lower_path(&under("/", Anchoring::Start)), PathLowering::Any);
    assert_eq!(lower_path(&under("", Anchoring::Start)), PathLowering::Any);
    assert_eq!(lower_path(&under("^/api(/|$)", Anchoring::Start)), PathLowering::Prefix("/api".into()));
    assert_eq!(lower_path(&under("api/v1", Anchoring::Start)), PathLowering::Never);
}

#[test]
fn a_value_that_the_api_server_refuses_stays_an_expression() {
    for pattern in [
        "//",
        "/a//b",
        "/./",
        "/a/../b",
        "/a/..",
        "/a/\\.",
        "/%2f",
        "/%2Fx",
        "/%zz",
        "/%2",
        "/a\\|b",
        "/a\"",
        "/\\{id\\}",
    ] {
        assert_eq!(lower_path(&path(&pattern.replace("..", "\\.\\."))), PathLowering::Regex, "{pattern}");
    }
    assert_eq!(lower_path(&path("/a//b(/.*)?")), PathLowering::Regex);
    assert_eq!(lower_path(&path("/%41~@")), exacts(&["/%41~@"]));
    assert_eq!(lower_path(&path("/a/")), exacts(&["/a/"]));
}

#[test]
fn a_header_is_exact_only_where_the_source_matched_the_whole_value() {
    let said = |pattern, anchoring| lower_header(&value(pattern, anchoring));
    let one = |text: &str| HeaderLowering::Exact(vec![text.to_owned()]);
    assert_eq!(said("Firefox", Anchoring::Full), one("Firefox"));
    assert_eq!(said("Firefox", Anchoring::Search), HeaderLowering::Regex);
    assert_eq!(said("^a b$", Anchoring::Search), one("a b"));
    assert_eq!(said("b|a", Anchoring::Full), HeaderLowering::Exact(vec!["a".into(), "b".into()]));
    assert_eq!(said(".*", Anchoring::Full), HeaderLowering::Any);
    assert_eq!(said("", Anchoring::Search), HeaderLowering::Any);
    assert_eq!(said(".+", Anchoring::Full), HeaderLowering::Regex);
    assert_eq!(said("", Anchoring::Full), HeaderLowering::Regex);
    assert_eq!(said("a?", Anchoring::Full), HeaderLowering::Regex);
    assert_eq!(said("a  b", Anchoring::Full), HeaderLowering::Regex);
    assert_eq!(said(" a", Anchoring::Full), HeaderLowering::Never);
    assert_eq!(said("^(.*?;)?(type=insider)(;.*)?$", Anchoring::Full), HeaderLowering::Regex);
}

#[test]
fn a_language_of_the_other_domain_is_left_as_it_is() {
    assert_eq!(lower_path(&value("/a", Anchoring::Full)), PathLowering::Regex);
    assert_eq!(lower_header(&path("/a")), HeaderLowering::Regex);
}

// --- the expression to write ---

#[test]
fn an_expression_is_wrapped_once_and_plainly() {
    let paths = [
        ("/api", Anchoring::Full, "^(/api)$"),
        ("^/api$", Anchoring::Full, "^(/api)$"),
        ("^(/api)$", Anchoring::Full, "^(/api)$"),
        ("(?:/api|/v1)", Anchoring::Full, "^(/api|/v1)$"),
        ("(/a)|(/b)", Anchoring::Full, "^((/a)|(/b))$"),
        ("^/a$|^/b", Anchoring::Full, "^(^/a$|^/b)$"),
        ("(?i)^/a$", Anchoring::Full, "^((?i)^/a)$"),
        ("(?i:/a)", Anchoring::Full, "^((?i:/a))$"),
        ("/api|/api/v1", Anchoring::Full, "^(/api|/api/v1)$"),
        ("/a.*?", Anchoring::Full, "^(/a.*?)$"),
        (".*", Anchoring::Full, ".*"),
        ("/", Anchoring::Start, ".*"),
        ("", Anchoring::Search, ".*"),
        ("/api", Anchoring::Start, "^(/api).*$"),
        ("^/api", Anchoring::Start, "^(/api).*$"),
        ("^/api/.*", Anchoring::Start, "^(/api/.*)$"),
        ("/api$", Anchoring::Start, "^(/api)$"),
        ("/api|/health", Anchoring::Start, "^(/api|/health).*$"),
        ("^/a$|^/b", Anchoring::Start, "^(^/a$|^/b).*$"),
        ("/api", Anchoring::StartAfterSlash, "^(/api).*$"),
        ("api", Anchoring::StartAfterSlash, "^(/api).*$"),
        ("/api|/health", Anchoring::StartAfterSlash, "^/(api|/health).*$"),
        ("/api", Anchoring::Search, "^.*(/api).*$"),
        (".*/api.*", Anchoring::Search, "^(.*/api.*)$"),
        ("^/api", Anchoring::Search, "^(/api).*$"),
        ("api$", Anchoring::Search, "^.*(api)$"),
    ];
    for (pattern, anchoring, written) in paths {
        assert_eq!(portable(PATHS, pattern, anchoring).as_deref(), Ok(written), "{pattern} {anchoring:?}");
    }
    let firefox = portable(VALUES, "Firefox", Anchoring::Search);
    assert_eq!(firefox.as_deref(), Ok("^.*(Firefox).*$"));
    let insider = portable(VALUES, "^(.*?;)?(type=insider)(;.*)?$", Anchoring::Full);
    assert_eq!(insider.as_deref(), Ok("^((.*?;)?(type=insider)(;.*)?)$"));
}

#[test]
fn an_expression_that_the_api_server_would_refuse_for_its_length_is_an_error() {
    let long = |length: usize| format!("/[ab]{}", "a".repeat(length - 5));
    assert_eq!(portable(PATHS, &long(1020), Anchoring::Full).map(|text| text.len()), Ok(1024));
    let refused = portable(PATHS, &long(1021), Anchoring::Full);
    assert_eq!(refused, Err(PortableError::TooLong { length: 1025, most: 1024 }));
    assert_eq!(portable(VALUES, &long(1021), Anchoring::Full).map(|text| text.len()), Ok(1025));
}

#[test]
fn a_header_expression_spells_what_the_api_server_refuses_as_it_stands() {
    let values = [
        // One blank at a time is taken as it stands.
        ("a b\tc|x", "^(a b\tc|x)$"),
        ("a  b|x", r"^(a \x20b|x)$"),
        ("a   b|x", r"^(a \x20 b|x)$"),
        ("a \tb|x", r"^(a \x09b|x)$"),
        (r"a\  b|x", r"^(a\ \x20b|x)$"),
        ("[ \t]+a|b", r"^([ \x09]+a|b)$"),
        ("a\u{1}b|x", r"^(a\x01b|x)$"),
        ("a\\\u{7f}b|x", r"^(a\x7Fb|x)$"),
        // The character that a backslash stands before is spelled together with it.
        ("a \\ b|x", r"^(a \ b|x)$"),
        ("a\\\nb|x", r"^(a\x0Ab|x)$"),
        (r"a\\  b|x", r"^(a\\ \x20b|x)$"),
    ];
    for (pattern, written) in values {
        assert_eq!(portable(VALUES, pattern, Anchoring::Full).as_deref(), Ok(written), "{pattern:?}");
    }
}

#[test]
fn a_spelled_blank_takes_what_the_blank_took() {
    let written = portable(VALUES, "(a  b|c)+", Anchoring::Full).unwrap();
    let read = value(&written, Anchoring::Full);
    assert!(read.matches("a  b") && read.matches("ca  b") && !read.matches("a b"), "{written}");
}

#[test]
fn a_first_match_that_no_wrapping_can_say_is_an_error() {
    assert_eq!(portable(PATHS, "/api|/api/v1", Anchoring::FirstMatch), Err(PortableError::Unproved));
    assert_eq!(portable(PATHS, "/api", Anchoring::FirstMatch).as_deref(), Ok("^(/api)$"));
}

// --- dialects ---

#[test]
fn what_all_engines_read_alike_is_let_through() {
    for pattern in [
        "",
        "/",
        "/foo.html",
        "^/a$",
        "\\A/a\\z",
        "/[a-z]+",
        "/[^/]+",
        "/[]a]",
        "/[^]a]",
        "/[a-]",
        "/[-a]",
        "/[\\w-]",
        "/[a-c-e]",
        "/[[:alpha:]]",
        "/[[:^digit:]_]",
        "/\\d\\w\\s\\D\\W\\S",
        "\\b/a\\B",
        "(?i)/a",
        "(?i-s:/a)",
        "(?P<name>/a)",
        "/a{2}",
        "/a{2,}",
        "/a{0,3}?",
        "/(a{10}){100}",
        "/a*?b+?c??",
        "/a||b",
        "()",
        "/\\x41\\x{42}",
        "/\\%\\_\\-\\/",
        "/a]",
        "/a}",
        "/\\{id\\}",
        "/[\\[\\]]",
    ] {
        assert_eq!(check(pattern), Ok(()), "{pattern}");
    }
}

#[test]
fn what_no_engine_reads_is_invalid_and_says_where() {
    for (pattern, at) in [
        ("*", 0),
        ("/a|*", 3),
        ("(*)", 1),
        ("/a(b", 2),
        ("/a)b", 2),
        ("/[a", 1),
        ("/[z-a]", 2),
        ("/a{2,1}", 2),
        ("/a\\", 2),
        ("/\\y", 1),
        ("/\\xZZ", 3),
        ("(?P<>a)", 4),
        ("{2}", 0),
    ] {
        let refused = check(pattern).unwrap_err();
        assert!(matches!(refused, PatternError::Invalid { .. }), "{pattern}: {refused:?}");
        assert_eq!(refused.offset(), Some(at), "{pattern}: {refused}");
    }
    assert!(check("*").unwrap_err().to_string().contains("`.*`"));
}

#[test]
fn what_only_a_backtracking_engine_or_unicode_can_do_is_unsupported() {
    for (pattern, at) in [
        ("/(?!x)", 1),
        ("/(?=x)", 1),
        ("/(?<=x)", 1),
        ("/(?<!x)", 1),
        ("(a)\\1", 3),
        ("/\\101", 1),
        ("/a\\Z", 2),
        ("/a\\K", 2),
        ("/\\h", 1),
        ("/\\pN", 1),
        ("/[\\p{Greek}]", 2),
        ("(?>a)", 2),
        ("(?#a)", 2),
        ("/é", 1),
        ("/[^é]", 3),
        ("/\\xFF", 1),
        ("/[\\x80-\\x{10FFFF}]", 2),
    ] {
        let refused = check(pattern).unwrap_err();
        assert!(matches!(refused, PatternError::Unsupported { .. }), "{pattern}: {refused:?}");
        assert_eq!(refused.offset(), Some(at), "{pattern}: {refused}");
    }
}

#[test]
fn what_engines_read_in_different_ways_is_never_given_one_meaning() {
    for (pattern, at) in [
        ("/[a&&b]", 3),
        ("/[a--b]", 3),
        ("/[a~~b]", 3),
        ("/[+--]", 3),
        ("/[[a]b]", 2),
        ("/[a[]", 3),
        ("/[[:alpha:][]", 11),
        ("/(?i)*", 5),
        ("/[[=a=]]", 2),
        ("/[--a]", 1),
        ("/[]-a]", 1),
        ("/[\\d-z]", 2),
        ("/\\Qa.b\\E", 1),
        ("/\\C", 1),
        ("/a{1001}", 2),
        ("/(a{100}){11}", 3),
        ("(?x)/a", 2),
        ("(?u:a)", 2),
        ("(?<name>a)", 0),
        ("(?P<a.b>a)", 4),
        ("\\<a", 0),
        ("\\b{start}a", 0),
        ("\\b{foo}", 3),
        ("/a{,5}", 2),
        ("/users/{id}", 7),
        ("{id}", 0),
        ("/a{ 2 }", 2),
        ("/a{02}", 2),
        ("/a{", 2),
        ("/a**", 3),
        ("/a++", 3),
        ("/a{2}{3}", 5),
        ("/\\u0041", 1),
    ] {
        let refused = check(pattern).unwrap_err();
        assert!(matches!(refused, PatternError::Differs { .. }), "{pattern}: {refused:?}");
        assert_eq!(refused.offset(), Some(at), "{pattern}: {refused}");
    }
}

#[test]
fn an_offset_counts_from_the_start_of_what_was_written() {
    let refused = Language::regex(PATHS, "/a(b", Anchoring::StartAfterSlash).unwrap_err();
    assert_eq!(refused.offset(), Some(2));
}

#[test]
fn deep_and_long_expressions_are_refused_without_harm() {
    for huge in ["(".repeat(4000) + &")".repeat(4000), "a".repeat(9000), "[".repeat(5000), "(?:".repeat(2000)] {
        assert!(Language::regex(PATHS, &huge, Anchoring::Search).is_err());
    }
    let deep = format!("{}/a{}", "(".repeat(190), ")".repeat(190));
    assert_eq!(lower_path(&path(&deep)), exacts(&["/a"]));
}

// --- held against enumeration ---

/// Expressions over `a`, `b` and `/`, with all operators and with anchors in odd places.
fn expression() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        4 => Just("a".to_owned()), 3 => Just("b".to_owned()), 4 => Just("/".to_owned()), 1 => Just(".".to_owned()),
        1 => Just("[ab]".to_owned()), 1 => Just("[^a]".to_owned()), 1 => Just("^".to_owned()), 1 => Just("$".to_owned()),
        1 => Just("\\b".to_owned()), 1 => Just(String::new()),
    ];
    leaf.prop_recursive(5, 24, 4, |inner| {
        prop_oneof![
            5 => prop::collection::vec(inner.clone(), 2..5).prop_map(|parts| parts.concat()),
            3 => (inner.clone(), inner.clone()).prop_map(|(left, right)| format!("{left}|{right}")),
            2 => inner.clone().prop_map(|inner| format!("({inner})")),
            3 => (inner, prop::sample::select(vec!["*", "+", "?", "*?", "+?", "??", "{2}"]))
                .prop_map(|(inner, operator)| format!("(?:{inner}){operator}")),
        ]
    })
}

/// All strings of `letters` up to `length`, shortest first, then smallest; `letters` ascending.
fn strings(letters: &[char], length: usize) -> Vec<String> {
    let mut all = vec![String::new()];
    let mut from = 0;
    for _ in 0..length {
        let longer: Vec<String> =
            all[from..].iter().flat_map(|text| letters.iter().map(move |letter| format!("{text}{letter}"))).collect();
        from = all.len();
        all.extend(longer);
    }
    all
}

fn paths() -> Vec<String> {
    strings(&['/', 'a', 'b'], 6).into_iter().filter(|text| PATHS.contains(text)).collect()
}

/// The whole of `text` in one search, as Linkerd asks for it.
fn found_whole(engine: &meta::Regex, text: &str) -> bool {
    engine.find(text).is_some_and(|found| found.range() == (0..text.len()))
}

/// What `pattern` takes under `anchoring`, said with an engine that searches, not with our automata.
fn by_search(pattern: &str, anchoring: Anchoring) -> impl Fn(&str) -> bool {
    let rest = pattern.strip_prefix('/').unwrap_or(pattern);
    let engine = meta::Regex::new(&match anchoring {
        Anchoring::Full => format!("^(?:{pattern})$"),
        Anchoring::Start => format!("^(?:{pattern})"),
        Anchoring::StartAfterSlash => format!("^/(?:{rest})"),
        Anchoring::Search | Anchoring::FirstMatch => pattern.to_owned(),
    })
    .unwrap();
    move |text| if anchoring == Anchoring::FirstMatch { found_whole(&engine, text) } else { engine.is_match(text) }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, ..ProptestConfig::default() })]

    #[test]
    fn a_language_has_the_strings_that_a_search_finds(pattern in expression()) {
        let all = paths();
        for anchoring in ANCHORINGS {
            let Ok(language) = Language::regex(PATHS, &pattern, anchoring) else {
                prop_assert!(anchoring == Anchoring::StartAfterSlash, "{} was refused", pattern);
                continue;
            };
            let searched = by_search(&pattern, anchoring);
            for text in &all {
                prop_assert_eq!(language.matches(text), searched(text), "{:?} {:?} {:?}", &pattern, anchoring, text);
            }
        }
    }

    #[test]
    fn a_relation_and_its_witnesses_hold_of_every_string(left in expression(), right in expression()) {
        let (left, right) = (path(&left), path(&right));
        let relation = relate(&left, &right).unwrap();
        let all = paths();
        let first = |wanted: (bool, bool)| all.iter().find(|text| (left.matches(text), right.matches(text)) == wanted);
        let is = |text: &String, wanted| (left.matches(text), right.matches(text)) == wanted;
        let shortest = |witness: &String, wanted| {
            is(witness, wanted) && first(wanted).is_none_or(|other| (witness.len(), witness) <= (other.len(), other))
        };
        let (l, r, b) = ((true, false), (false, true), (true, true));
        match &relation {
            Relation::Equal => prop_assert!(first(l).is_none() && first(r).is_none()),
            Relation::Subset { only_right } => prop_assert!(first(l).is_none() && shortest(only_right, r)),
            Relation::Superset { only_left } => prop_assert!(first(r).is_none() && shortest(only_left, l)),
            Relation::Overlap { only_left, only_right, both } => {
                prop_assert!(shortest(only_left, l) && shortest(only_right, r) && shortest(both, b));
            }
            Relation::Disjoint { left, right } => prop_assert!(first(b).is_none() && shortest(left, l) && shortest(right, r)),
        }
    }

    #[test]
    fn a_lowered_path_takes_the_same_strings(pattern in expression(), anchoring in prop::sample::select(&ANCHORINGS[..])) {
        let Ok(language) = Language::regex(PATHS, &pattern, anchoring) else { return Ok(()) };
        let takes: Box<dyn Fn(&str) -> bool> = match lower_path(&language) {
            PathLowering::Any => Box::new(|_| true),
            PathLowering::Never => Box::new(|_| false),
            PathLowering::Exact(values) => Box::new(move |text| values.iter().any(|value| value == text)),
            PathLowering::Prefix(prefix) => {
                Box::new(move |text| text.strip_prefix(&prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
            }
            PathLowering::Regex => return Ok(()),
        };
        for text in paths() {
            prop_assert_eq!(takes(&text), language.matches(&text), "{}", text);
        }
    }

    #[test]
    fn a_written_expression_is_read_alike_by_both_kinds_of_engine(
        pattern in expression(), anchoring in prop::sample::select(&ANCHORINGS[..4]),
    ) {
        let Ok(language) = Language::regex(PATHS, &pattern, anchoring) else { return Ok(()) };
        let written = portable(PATHS, &pattern, anchoring).unwrap();
        let first_match = meta::Regex::new(&written).unwrap();
        let full_match = meta::Regex::new(&format!("\\A(?:{written})\\z")).unwrap();
        for text in paths() {
            let meant = language.matches(&text);
            prop_assert_eq!(found_whole(&first_match, &text), meant, "{} by first match on {}", &written, &text);
            prop_assert_eq!(full_match.is_match(&text), meant, "{} by full match on {}", &written, &text);
        }
    }

    #[test]
    fn a_header_value_is_read_alike_by_both_kinds_of_engine(
        pattern in "[a ](\\.|b|\\|| |a\\*|\\$|\\(a\\|\\)){0,5}",
        anchoring in prop::sample::select(vec![Anchoring::Full, Anchoring::Search]),
    ) {
        let Ok(language) = Language::regex(VALUES, &pattern, anchoring) else { return Ok(()) };
        let written = portable(VALUES, &pattern, anchoring).unwrap();
        let allowed = meta::Regex::new("^[!-~]+([\t ]?[!-~]+)*$").unwrap();
        prop_assert!(allowed.is_match(&written), "the API server refuses {written:?}");
        let written = meta::Regex::new(&written).unwrap();
        let searched = by_search(&pattern, anchoring);
        for text in strings(&[' ', 'a', 'b'], 5).iter().filter(|text| VALUES.contains(text)) {
            prop_assert_eq!(language.matches(text), searched(text), "{}", text);
            prop_assert_eq!(language.matches(text), found_whole(&written, text), "{}", text);
        }
    }

    #[test]
    fn no_text_makes_the_room_panic(pattern in "[\\[\\](){}|*+?^$.\\\\/a-c0-9,&~:<=!P#\\-é \t]{0,24}") {
        for domain in [PATHS, VALUES] {
            for anchoring in ANCHORINGS {
                if let Ok(language) = Language::regex(domain, &pattern, anchoring) {
                    let _ = (lower_path(&language), lower_header(&language), portable(domain, &pattern, anchoring));
                    prop_assert_eq!(language.shortest().is_none_or(|word| language.matches(&word)), true);
                }
            }
        }
        if let Err(refused) = check(&pattern) {
            prop_assert!(refused.offset().is_none_or(|at| pattern.is_char_boundary(at)), "{:?}", refused);
        }
    }
}

// --- spelled out ---

#[test]
fn what_one_language_has_and_another_lacks_is_spelled_out() {
    let language = |text: &str| Language::regex(Domain::Path, text, Anchoring::Full).expect("an expression");
    for (left, right) in
        [("/a.*", "/ab"), ("/a.*", "/.*b"), (".*", "/"), ("/[0-9]+(/[a-z.-]*)?", "/7/x.*"), (r"/(\{x\}|\^|\])*", "/]+")]
    {
        let (one, other) = (language(left), language(right));
        let spelled = spell(&[&one, &other], |inside| inside[0] && !inside[1]).expect(left);
        assert_eq!(union_relate(&[&spelled.language, &other], &[&one, &other]), Ok(Relation::Equal), "{left}");
        assert!(matches!(relate(&spelled.language, &other), Ok(Relation::Disjoint { .. })), "{}", spelled.expression);
    }
}

#[test]
fn header_values_are_spelled_out_with_their_blanks() {
    let language = |text: &str| Language::regex(Domain::HeaderValue, text, Anchoring::Full).expect("an expression");
    let (one, other) = (language(".*"), language("curl.*"));
    let spelled = spell(&[&one, &other], |inside| inside[0] && !inside[1]).expect("short enough");
    for (value, inside) in [("", true), ("cur", true), ("curl", false), ("a b", true), ("curl x", false), ("c x", true)]
    {
        assert_eq!(spelled.language.matches(value), inside, "{value:?}");
    }
}

#[test]
fn what_is_nowhere_is_not_spelled() {
    let one = Language::exact(Domain::Path, "/a").expect("a path");
    assert!(spell(&[&one], |_| false).is_none());
    assert!(spell(&[], |_| true).is_none());
}
