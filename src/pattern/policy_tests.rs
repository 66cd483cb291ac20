//! What a policy's words say of a language, held against membership by enumeration.

use proptest::prelude::*;

use super::*;
use crate::mappings::RegexReading;

const PATHS: Domain = Domain::Path;
const VALUES: Domain = Domain::HeaderValue;
/// Letters of a template's segment, as an expression's class.
const SEGMENT: &str = "[-A-Za-z0-9._~%!$&'()*+,;:@=]";

const ISTIO: Vocabulary = Vocabulary {
    exact: true,
    prefix: true,
    suffix: true,
    present: true,
    template: true,
    except: true,
    starred: true,
    most: 64,
};
const NO_EXCEPT: Vocabulary = Vocabulary { except: false, ..ISTIO };
const PLAIN: Vocabulary = Vocabulary { suffix: false, template: false, except: false, ..ISTIO };

fn path(pattern: &str) -> Language {
    Language::regex(PATHS, pattern, Anchoring::Full).unwrap_or_else(|error| panic!("{pattern}: {error}"))
}

fn value(pattern: &str) -> Language {
    Language::regex(VALUES, pattern, Anchoring::Full).unwrap_or_else(|error| panic!("{pattern}: {error}"))
}

/// As in a manifest, `!` before what is subtracted; sorted.
fn spelled(said: &Said) -> String {
    let spell = |word: &Word| word.istio().unwrap_or_else(|| panic!("{word:?} has no spelling"));
    let mut words: Vec<String> = said.any_of.iter().map(spell).collect();
    words.sort();
    let mut none: Vec<String> = said.none_of.iter().map(|word| format!("!{}", spell(word))).collect();
    none.sort();
    words.extend(none);
    words.join(" ")
}

fn bound(bound: Option<&Bound>) -> String {
    match bound {
        None => "nothing".to_owned(),
        Some(Bound { says: BoundSaying::Any, witness }) => format!("any, as {witness}"),
        Some(Bound { says: BoundSaying::Words(said), witness }) => format!("{}, as {witness}", spelled(said)),
    }
}

fn told(language: &Language, vocabulary: &Vocabulary) -> String {
    match say(language, vocabulary) {
        Ok(Saying::Any) => "any".to_owned(),
        Ok(Saying::Never) => "never".to_owned(),
        Ok(Saying::Exactly(said)) => format!("= {}", spelled(&said)),
        Ok(Saying::Loss(loss)) => {
            format!("< {} > {}", bound(loss.wider.as_ref()), bound(loss.narrower.as_ref()))
        }
        Err(undecided) => format!("undecided: {undecided}"),
    }
}

fn assert_told(cases: &[(&str, &str)], vocabulary: &Vocabulary) {
    let all: Vec<String> =
        cases.iter().map(|(pattern, _)| format!("{pattern}  {}", told(&path(pattern), vocabulary))).collect();
    let wanted: Vec<String> = cases.iter().map(|(pattern, wanted)| format!("{pattern}  {wanted}")).collect();
    assert_eq!(all, wanted, "\n{}\n", all.join("\n"));
}

#[test]
fn what_words_can_say_is_never_called_a_loss() {
    let one = |text: &str| text.replace('S', SEGMENT);
    let cases = [
        ("/.*", "any"),
        (".*", "any"),
        ("x", "never"),
        ("/buy", "= /buy"),
        ("/buy|/sell/[ab]", "= /buy /sell/a /sell/b"),
        ("/api.*", "= /api*"),
        ("/api/.*", "= /api/*"),
        ("/api(/.*)?", "= /api /api/*"),
        ("/(a|b)/.*", "= /a/* /b/*"),
        (".*\\.png", "= *.png"),
        ("/.*/health", "= */health !/health"),
        ("/x.+", "= /x* !/x"),
        ("/.+", "= * !/"),
        ("/a[^b].*", "= /a* !/a !/ab*"),
        ("/api/.*|.*\\.css|/ok", "= *.css /api/* /ok"),
        (&one("/a/S+/b"), "= /a/{*}/b"),
        (&one("/a/S+"), "= /a/{*}"),
        (&one("/a/S+/"), "= /a/{*}/"),
        (&one("/a/S+(/b)?"), "= /a/{*} /a/{*}/b"),
        (&one("/(a|b)/S+"), "= /a/{*} /b/{*}"),
        (&one("/a/[-A-Za-z0-9._~%!$&'()*+,;:@=/]*"), "= /a/{**}"),
        (&one("/a/[-A-Za-z0-9._~%!$&'()*+,;:@=/]*/z"), "= /a/{**}/z"),
        (&one("/S+/S+|/x.*"), "= /x* /{*}/{*}"),
    ];
    assert_told(&cases, &ISTIO);
}

#[test]
fn a_loss_lies_between_the_tightest_words() {
    let cases = [
        ("/a/[^/]+/b", "< /a/* !/a/ !/a//* !/a/{*} !/a/{*}/ !/a/{*}/{*}/{**}, as /a/\" > /a/{*}/b, as /a/\"/b"),
        ("/users/[^/]+", "< /users/* !/users/ !/users//* !/users/{*}/{**}, as /users/\"/ > /users/{*}, as /users/\""),
        (
            "/users/[^/]+/.*",
            "< /users/* !/users/ !/users//* !/users/{*}, as /users/\" > /users/{*}/{**}, as /users/\"/",
        ),
        ("/api/v[0-9]+", "< /api/v* !/api/v !/api/{*}/{**}, as /api/v! > nothing"),
        ("/v[0-9]+/x|/health", "< /health /{*}/x !/v/x, as /!/x > /health, as /v0/x"),
        ("/.*x.*", "< any, as / > *x *x/ /x* /{*}/x/{**}, as /!x!"),
        ("/a.*\\.png", "< *.png !/.pn/{**} !/.png/{**}, as /.png > /a.pn/{**}/.png /a.png/{**}/.png, as /a.png"),
        ("/a/[^/]+[.]json", "< *.json !*/.json !/{*} !/{*}/{*}/{**}, as /\".json > nothing"),
        ("/api/[a-z]+/status", "< /api/{*}/status, as /api/!/status > nothing"),
        ("/(me|[0-9]+)/x", "< /{*}/x !/e/x !/m/x, as /!/x > /me/x, as /0/x"),
        ("/[a-z]+", "< /{*}, as /! > nothing"),
    ];
    assert_told(&cases, &ISTIO);
}

// --- words ---

#[test]
fn a_word_is_spelled_only_where_the_spelling_means_it() {
    let spelled = |word: Word| word.istio();
    let text = |text: &str| text.to_owned();
    assert_eq!(spelled(Word::Exact(text("/a"))).as_deref(), Some("/a"));
    assert_eq!(spelled(Word::Prefix(text("/a"))).as_deref(), Some("/a*"));
    assert_eq!(spelled(Word::Prefix(text("/a*"))).as_deref(), Some("/a**"));
    assert_eq!(spelled(Word::Suffix(text("*a"))).as_deref(), Some("**a"));
    assert_eq!(spelled(Word::Present).as_deref(), Some("*"));
    for unwritten in [
        Word::Exact(text("/a*")),
        Word::Exact(text("*a")),
        Word::Exact(String::new()),
        Word::Exact(text("/a/{*}")),
        Word::Prefix(text("*")),
        Word::Prefix(text("/{**}/")),
        Word::Suffix(String::new()),
        Word::Template(text("/a")),
    ] {
        assert_eq!(unwritten.istio(), None, "{unwritten:?}");
    }
}

#[test]
fn a_template_takes_what_envoy_takes() {
    let takes = |template: &str, path: &str| {
        Word::Template(template.to_owned())
            .language(PATHS)
            .unwrap_or_else(|error| panic!("{template}: {error}"))
            .matches(path)
    };
    for (template, inside, outside) in [
        (
            "/a/{*}",
            &["/a/b", "/a/%2F", "/a/..", "/a/'$+", "/a/=", "/a/*"][..],
            &["/a", "/a/", "/a/b/", "/a/b/c", "/a/[b]", "/a/{}"][..],
        ),
        ("/a/{*}/b", &["/a/x/b"], &["/a//b", "/a/x/y/b"]),
        ("/a/{**}", &["/a/", "/a/b", "/a//b/", "/a/b/c", "/a/b=c"], &["/a", "/ab", "/a/|"]),
        ("/{**}/b", &["//b", "/x/b", "/x/y/b"], &["/b", "/xb"]),
        ("/{*}/", &["/a/"], &["/a", "//"]),
        ("/a.b/$/{*}", &["/a.b/$/c"], &["/axb/$/c"]),
        ("/a=b/{*}", &["/a=b/c"], &["/a/c"]),
    ] {
        assert!(inside.iter().all(|path| takes(template, path)), "{template}");
        assert!(!outside.iter().any(|path| takes(template, path)), "{template}");
    }
}

#[test]
fn a_template_that_envoy_or_istio_refuses_has_no_language() {
    for template in [
        "a/{*}",
        "/a",
        "/a{*}",
        "/{**}/{*}",
        "/{**}/{**}",
        "/a//{*}",
        "/{*}x/b",
        "/{id}/{*}",
        "/a/{*}.js",
        "/a/{**}.js",
        "/a*/{*}",
    ] {
        assert!(Word::Template(template.to_owned()).language(PATHS).is_err(), "{template}");
    }
    assert!(Word::Template("/{*}".to_owned()).language(VALUES).is_err());
}

#[test]
fn a_star_takes_every_value_of_a_header_that_is_there() {
    assert!(Word::Present.language(VALUES).unwrap().is_any());
    assert!(Word::Present.language(PATHS).unwrap().is_any());
    assert_eq!(told(&value(".*"), &ISTIO), "any");
    assert_eq!(told(&value("curl.*"), &ISTIO), "= curl*");
    assert_eq!(told(&value("curl|wget"), &ISTIO), "= curl wget");
    // No spelling names the empty value, so it cannot be taken off.
    assert_eq!(told(&value(".+"), &NO_EXCEPT), "< any, as  > nothing");
}

#[test]
fn a_vocabulary_says_no_word_that_it_has_not() {
    assert_eq!(told(&path("/api/.*"), &PLAIN), "= /api/*");
    assert_eq!(told(&path(".*\\.png"), &PLAIN), "< any, as / > nothing");
    assert_eq!(told(&path("/x.+"), &Vocabulary { most: 128, ..PLAIN }).split_whitespace().count(), 93);
    let literal = path("/a\\*");
    assert!(told(&literal, &ISTIO).starts_with("< "));
    let said = Said { any_of: vec![Word::Exact("/a*".to_owned())], none_of: Vec::new() };
    assert_eq!(say(&literal, &Vocabulary { starred: false, ..PLAIN }), Ok(Saying::Exactly(said)));
}

#[test]
fn a_list_that_is_too_long_gives_the_shortest_strings() {
    let Ok(Saying::Loss(loss)) = say(&path("/[a-d][a-d]?"), &Vocabulary { most: 6, ..PLAIN }) else { panic!("a loss") };
    let narrower = bound(loss.narrower.as_ref());
    assert_eq!(narrower, "/a /aa /ab /b /c /d, as /ac");
}

// --- expressions ---

const ENGINES: [RegexReading; 2] = [RegexReading::Re2Full, RegexReading::FirstMatchIsWhole];

fn written(pattern: &str, reading: RegexReading) -> Result<String, PortableError> {
    expression_for(PATHS, pattern, Anchoring::Full, reading)
}

#[test]
fn a_class_that_rust_computes_with_is_written_for_nobody() {
    for engine in ENGINES {
        assert!(matches!(written("/[a&&b]", engine), Err(PortableError::Pattern(PatternError::Differs { .. }))));
    }
}

#[test]
fn a_digit_is_an_ascii_digit_in_every_engine() {
    for engine in ENGINES {
        let written = written("/v\\d+", engine).unwrap();
        let rust = regex_automata::meta::Regex::new(&written).unwrap();
        for path in strings(b"v0/9", 4).into_iter().map(|rest| format!("/{rest}")) {
            assert_eq!(rust.is_match(&path), self::path("/v[0-9]+").matches(&path), "{path}");
        }
    }
}

#[test]
fn an_alternative_that_begins_another_is_wrapped() {
    for engine in ENGINES {
        let written = written("/a|/ab", engine).unwrap();
        let first_match = Language::regex(PATHS, &written, Anchoring::FirstMatch).unwrap();
        assert!(first_match.matches("/a") && first_match.matches("/ab") && !first_match.matches("/abc"), "{written}");
    }
}

#[test]
fn a_quotation_that_rust_refuses_is_written_for_nobody() {
    for engine in ENGINES {
        assert!(matches!(written("/\\Qa.b\\E", engine), Err(PortableError::Pattern(PatternError::Differs { .. }))));
    }
}

#[test]
fn a_brace_that_rust_refuses_is_written_for_nobody() {
    for engine in ENGINES {
        assert!(matches!(written("/users/{id}", engine), Err(PortableError::Pattern(PatternError::Differs { .. }))));
        assert_eq!(written("/users/\\{id\\}", engine).unwrap(), "^(/users/\\{id\\})$");
    }
}

#[test]
fn a_target_whose_engine_is_not_said_gets_no_expression() {
    assert_eq!(written("/a.*", RegexReading::Unspecified), Err(PortableError::Unproved));
}

// --- against enumeration ---

fn strings(letters: &[u8], length: usize) -> Vec<String> {
    let mut all = vec![String::new()];
    let mut last = all.clone();
    for _ in 0..length {
        last = last
            .iter()
            .flat_map(|text| letters.iter().map(move |&letter| format!("{text}{}", char::from(letter))))
            .collect();
        all.extend(last.clone());
    }
    all
}

/// Paths of few letters, `=` among them, which no template takes.
fn paths() -> Vec<String> {
    strings(b"/ab=", 5).into_iter().map(|rest| format!("/{rest}")).collect()
}

/// What a word takes, told from its spelling alone.
fn takes(word: &Word, text: &str) -> bool {
    match word {
        Word::Exact(exact) => text == exact,
        Word::Prefix(head) => text.starts_with(head.as_str()),
        Word::Suffix(tail) => text.ends_with(tail.as_str()),
        Word::Present => true,
        Word::Template(template) => {
            let (one, rest) = (format!("{SEGMENT}+"), format!("{}/]*", &SEGMENT[..SEGMENT.len() - 1]));
            let literal = regex_syntax::escape(template).replace("\\{\\*\\*\\}", &rest).replace("\\{\\*\\}", &one);
            regex_automata::meta::Regex::new(&format!("^(?:{literal})$")).unwrap().is_match(text)
        }
    }
}

fn takes_all(said: &Said, text: &str) -> bool {
    said.any_of.iter().any(|word| takes(word, text)) && !said.none_of.iter().any(|word| takes(word, text))
}

/// Every word of few letters.
fn small_words() -> Vec<Word> {
    let texts: Vec<String> = strings(b"/ab", 3).into_iter().filter(|text| !text.is_empty()).collect();
    let segments = ["a", "b", "{*}", "{**}"];
    let one = segments.iter().map(|one| format!("/{one}"));
    let two = segments.iter().flat_map(|one| segments.iter().map(move |two| format!("/{one}/{two}")));
    let words = one
        .chain(two)
        .map(Word::Template)
        .chain(texts.iter().cloned().map(Word::Suffix))
        .chain(texts.iter().map(|text| Word::Prefix(format!("/{text}"))))
        .chain(texts.iter().map(|text| Word::Exact(format!("/{text}"))));
    words.filter(|word| word.language(PATHS).is_ok() && word.istio().is_some()).collect()
}

/// Expressions whose words are few.
fn expression() -> impl Strategy<Value = String> {
    let atom = prop::sample::select(vec!["a", "b", "/", "/a", "/b", "[ab]", "[^/]", ".", SEGMENT]);
    let leaf = (atom, prop::sample::select(vec!["", "", "", "*", "+", "?"])).prop_map(|(atom, times)| match times {
        "" => atom.to_owned(),
        times => format!("(?:{atom}){times}"),
    });
    let tree = leaf.prop_recursive(3, 10, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 2..4).prop_map(|parts| parts.concat()),
            prop::collection::vec(inner, 2..3).prop_map(|parts| format!("(?:{})", parts.join("|"))),
        ]
    });
    tree.prop_map(|tree| format!("/{tree}"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_said_is_what_is_meant_or_lies_on_its_side(pattern in expression(), except in any::<bool>()) {
        let language = path(&pattern);
        let Ok(saying) = say(&language, &Vocabulary { except, ..ISTIO }) else { return Ok(()) };
        let bounds = |bound: Option<&Bound>| match bound.map(|bound| &bound.says) {
            None => Said::default(),
            Some(BoundSaying::Any) => Said { any_of: vec![Word::Present], none_of: Vec::new() },
            Some(BoundSaying::Words(said)) => said.clone(),
        };
        let all = Said { any_of: vec![Word::Present], none_of: Vec::new() };
        let (wider, narrower) = match &saying {
            Saying::Any => (all.clone(), all),
            Saying::Never => (Said::default(), Said::default()),
            Saying::Exactly(said) => (said.clone(), said.clone()),
            Saying::Loss(loss) => (bounds(loss.wider.as_ref()), bounds(loss.narrower.as_ref())),
        };
        for text in paths() {
            let inside = language.matches(&text);
            prop_assert!(!inside || takes_all(&wider, &text), "{text} is cut off by {wider:?}");
            prop_assert!(inside || !takes_all(&narrower, &text), "{text} is opened by {narrower:?}");
        }
        if let Saying::Loss(loss) = &saying {
            let wider = loss.wider.as_ref().map(|bound| bound.witness.clone()).unwrap_or_default();
            prop_assert!(!language.matches(&wider));
            if let Some(narrower) = &loss.narrower {
                prop_assert!(language.matches(&narrower.witness));
            }
        }
    }

    #[test]
    fn a_union_of_words_is_never_called_a_loss(
        any_of in prop::sample::subsequence(small_words(), 1..4),
        none_of in prop::sample::subsequence(small_words(), 0..2),
    ) {
        // Templates that run through each other are followed only so far: for two of them a loss is no wrong answer.
        prop_assume!(any_of.iter().filter(|word| matches!(word, Word::Template(_))).count() < 2);
        let texts = paths();
        let meant = Said { any_of, none_of };
        let compiled = |words: &[Word]| -> Vec<Language> {
            words.iter().map(|word| word.language(PATHS).unwrap()).collect()
        };
        let (taken, left_out) = (compiled(&meant.any_of), compiled(&meant.none_of));
        for text in texts.iter().step_by(7) {
            let inside = |all: &[Language]| all.iter().any(|language| language.matches(text));
            prop_assert_eq!(inside(&taken) && !inside(&left_out), takes_all(&meant, text), "{}", text);
        }
        // Without subtraction the language is that of one expression, whose text says nothing of its words.
        if meant.none_of.is_empty() {
            let language = words::languages(PATHS, &meant.any_of).unwrap().remove(0);
            for vocabulary in [ISTIO, Vocabulary { except: false, ..ISTIO }] {
                match say(&language, &vocabulary) {
                    Ok(Saying::Loss(loss)) => prop_assert!(false, "{:?} is lost: {:?}", meant, loss),
                    Ok(Saying::Never) => prop_assert!(language.is_empty()),
                    Ok(Saying::Any | Saying::Exactly(_)) | Err(_) => {}
                }
            }
        }
    }

    #[test]
    fn no_word_of_a_wider_bound_can_be_left_out_or_made_smaller(pattern in expression()) {
        let language = path(&pattern);
        let Ok(Saying::Loss(loss)) = say(&language, &Vocabulary { except: false, template: false, ..ISTIO }) else {
            return Ok(());
        };
        let Some(Bound { says: BoundSaying::Words(said), .. }) = loss.wider else { return Ok(()) };
        let texts = paths();
        let meant: Vec<&String> = texts.iter().filter(|text| language.matches(text)).collect();
        let smaller = small_words();
        for (at, word) in said.any_of.iter().enumerate() {
            let mut others = said.any_of.clone();
            others.remove(at);
            let rest: Vec<Language> = words::languages(PATHS, &others).unwrap();
            let alone: Vec<&&String> =
                meant.iter().filter(|text| !rest.iter().any(|other| other.matches(text))).collect();
            let rest = rest.iter().collect::<Vec<_>>();
            prop_assert!(
                !matches!(relate::union_relate(&[&language], &rest), Ok(Relation::Subset { .. } | Relation::Equal)),
                "{word:?} can be left out"
            );
            for other in smaller.iter().filter(|other| !matches!(other, Word::Template(_))) {
                let within = matches!(
                    relate(&other.language(PATHS).unwrap(), &word.language(PATHS).unwrap()),
                    Ok(Relation::Subset { .. })
                );
                if within && alone.iter().all(|text| takes(other, text)) {
                    let with_other: Vec<Word> = others.iter().chain([other]).cloned().collect();
                    let union = words::languages(PATHS, &with_other).unwrap();
                    let relation = relate::union_relate(&[&language], &union.iter().collect::<Vec<_>>());
                    prop_assert!(
                        !matches!(relation, Ok(Relation::Subset { .. } | Relation::Equal)),
                        "{word:?} can be made {other:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn no_greater_prefix_or_suffix_fits_beside_a_narrower_bound(pattern in expression()) {
        let language = path(&pattern);
        let Ok(Saying::Loss(loss)) = say(&language, &ISTIO) else { return Ok(()) };
        let said = match loss.narrower.map(|bound| bound.says) {
            Some(BoundSaying::Words(said)) => said.any_of,
            _ => Vec::new(),
        };
        for word in &said {
            let (Word::Prefix(text) | Word::Suffix(text)) = word else { continue };
            for greater in small_words().into_iter().filter(|greater| match (word, greater) {
                (Word::Prefix(_), Word::Prefix(head)) => head.len() < text.len() && text.starts_with(head.as_str()),
                (Word::Suffix(_), Word::Suffix(tail)) => tail.len() < text.len() && text.ends_with(tail.as_str()),
                _ => false,
            }) {
                let relation = relate(&greater.language(PATHS).unwrap(), &language);
                prop_assert!(!matches!(relation, Ok(Relation::Subset { .. } | Relation::Equal)), "{greater:?} fits");
            }
        }
    }
}
