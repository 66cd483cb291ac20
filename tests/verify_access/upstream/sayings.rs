//! The words that a conversion has for the paths of an expression: Istio takes each of them, and for the same paths.

use serde_json::{Value, json};
use smi2gamma::pattern::{Anchoring, Bound, BoundSaying, Domain, Language, Said, Saying, Vocabulary, Word, say};

use super::calls::{Call, PATHS};
use super::{Case, Mesh, PODS, ask, istio};

/// All that Istio has for paths.
const WORDS: Vocabulary = Vocabulary {
    exact: true,
    prefix: true,
    suffix: true,
    present: true,
    template: true,
    except: true,
    starred: true,
    most: 64,
};

const EXPRESSIONS: [&str; 24] = [
    "/a",
    "/a/.*",
    "/a(/.*)?",
    "/a.*",
    ".*b",
    "/.*b",
    "/.+",
    "/a/[^/]+",
    "/a/[^/]+/c",
    "/[^/]+/b",
    "/[^/]+/[^/]+",
    "/a/[^/]*",
    "/.*/b",
    "/a/.*/c",
    "/[a-z]+",
    "/[a-z]+/b",
    "/a[.]c|/x/.*",
    "/a.c",
    "/.*[.]c",
    "/a/[^/]+[.]json",
    "/(a|x)/[^/]+/b",
    "/a=1/[^/]+",
    "/[^b]*",
    "/a/[-A-Za-z0-9._~%!$&'()*+,;:@=]+",
];

fn sayings(expression: &str) -> Vec<Said> {
    let language = Language::regex(Domain::Path, expression, Anchoring::Full).expect("an expression");
    let words = |bound: Bound| match bound.says {
        BoundSaying::Words(said) => Some(said),
        BoundSaying::Any => None,
    };
    match say(&language, &WORDS).expect("words or bounds") {
        Saying::Any | Saying::Never => Vec::new(),
        Saying::Exactly(said) => vec![said],
        Saying::Loss(loss) => loss.wider.into_iter().chain(loss.narrower).filter_map(words).collect(),
    }
}

fn policy(said: &Said) -> Value {
    let words = |list: &[Word]| list.iter().map(|word| word.istio().expect("a spelling")).collect::<Vec<_>>();
    let mut operation = json!({});
    for (key, list) in [("paths", &said.any_of), ("notPaths", &said.none_of)] {
        if !list.is_empty() {
            operation[key] = json!(words(list));
        }
    }
    json!({
        "apiVersion": "security.istio.io/v1",
        "kind": "AuthorizationPolicy",
        "metadata": {"name": "paths", "namespace": "shop"},
        "spec": {"selector": {"matchLabels": {"app": "api"}}, "rules": [{"to": [{"operation": operation}]}]},
    })
}

fn takes(said: &Said, path: &str) -> bool {
    let word = |word: &Word| word.language(Domain::Path).expect("a language").matches(path);
    (said.any_of.is_empty() || said.any_of.iter().any(word)) && !said.none_of.iter().any(word)
}

#[test]
fn what_a_conversion_says_of_paths_means_the_same_to_istio() {
    let Some(istio) = istio() else { return };
    let all: Vec<(&str, Said)> = EXPRESSIONS
        .iter()
        .flat_map(|expression| sayings(expression).into_iter().map(move |said| (*expression, said)))
        .collect();
    let case = |(_, said): &(&str, Said)| Case {
        mesh: Mesh::Sidecars,
        pods: PODS.to_owned(),
        domain: None,
        smi: None,
        manifests: vec![policy(said)],
        waypoint: None,
        calls: PATHS.iter().map(|path| Call::to_path(path)).collect(),
    };
    let cases: Vec<Case> = all.iter().map(case).collect();
    for (((expression, said), case), line) in all.iter().zip(&cases).zip(ask(istio, &cases)) {
        assert!(line.refused.is_empty(), "{expression}: {:?}", line.refused);
        for (path, answer) in PATHS.iter().zip(case.upstream(&line.answers)) {
            let allowed = answer == super::Said::Allowed;
            assert_eq!(takes(said, path), allowed, "{path} by the words for {expression}: {case}");
        }
    }
    eprintln!("compared, words for paths: {} sayings of {} expressions", all.len(), EXPRESSIONS.len());
}
