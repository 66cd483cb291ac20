//! What a policy's words say of a language, held against membership by enumeration.

use std::time::Instant;

use proptest::prelude::*;

use super::*;

const PATHS: Domain = Domain::Path;
const VALUES: Domain = Domain::HeaderValue;
/// Letters of a template's segment, as an expression's class.
const SEGMENT: &str = "[-A-Za-z0-9._~%!$&'()+,;:@]";

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
    assert_eq!(all.join("\n"), wanted.join("\n"));
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
        ("/api/[^x].*|.*\\.css", "= "),
        (&one("/a/S+/b"), "= /a/{*}/b"),
        (&one("/a/S+"), "= /a/{*}"),
        (&one("/a/S+/"), "= /a/{*}/"),
        (&one("/a/S+(/b)?"), "= /a/{*} /a/{*}/b"),
        (&one("/(a|b)/S+"), "= /a/{*} /b/{*}"),
        (&one("/a/[-A-Za-z0-9._~%!$&'()+,;:@/]*"), "= /a/{**}"),
        (&one("/a/[-A-Za-z0-9._~%!$&'()+,;:@/]*/z"), "= /a/{**}/z"),
        (&one("/a/S+\\.json"), "= /a/{*}.json"),
        (&one("/S+/S+|/x.*"), "= /x* /{*}/{*}"),
    ];
    assert_told(&cases, &ISTIO);
}

#[test]
fn a_loss_lies_between_the_tightest_words() {
    let cases = [
        ("/a/[^/]+/b", ""),
        ("/users/[^/]+", ""),
        ("/users/[^/]+/.*", ""),
        ("/api/v[0-9]+", ""),
        ("/api/v[0-9]+/.*", ""),
        ("/v[0-9]+/x|/health", ""),
        ("/.*x.*", ""),
        ("/a.*\\.png", ""),
        ("/api/[a-z]+/status", ""),
        ("/(me|[0-9]+)/x", ""),
        ("/[a-z]+", ""),
    ];
    assert_told(&cases, &ISTIO);
}
