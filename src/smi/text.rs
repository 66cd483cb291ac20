//! What a text may be: a Kubernetes name, or a template that nobody rendered.
//!
//! Only texts come in here, no nodes: where they stand, and what follows for the object, the readers say.

/// Which rule a name must keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NameRule {
    /// A DNS-1123 subdomain: names of custom resources and ServiceAccounts (k8s.io/apimachinery v0.33
    /// `pkg/util/validation/validation.go`).
    Subdomain,
    /// A DNS-1123 label: namespaces.
    Label,
    /// A Service as SMI manifests write it: a name, a qualified name, `namespace/name`, each also with `:port`.
    Service,
}

/// What is wrong with `name` under `rule`, in words that follow "`name`"; none where it is a name.
pub(super) fn fault(name: &str, rule: NameRule) -> Option<&'static str> {
    match rule {
        NameRule::Subdomain => subdomain(name),
        NameRule::Label => label(name),
        NameRule::Service => service(name),
    }
}

fn service(name: &str) -> Option<&'static str> {
    let (name, port) = name.split_once(':').map_or((name, None), |(name, port)| (name, Some(port)));
    if port.is_some_and(|port| port.parse::<u16>().is_err()) {
        return Some("has something after `:` that is not a port number");
    }
    match name.split_once('/') {
        Some((namespace, name)) => label(namespace).or_else(|| subdomain(name)),
        None => subdomain(name),
    }
}

fn subdomain(name: &str) -> Option<&'static str> {
    if name.len() > 253 {
        return Some("is longer than 253 characters");
    }
    name.split('.').find_map(part)
}

fn label(name: &str) -> Option<&'static str> {
    if name.len() > 63 {
        return Some("is longer than 63 characters");
    }
    if name.contains('.') { Some("has a `.`, which the name of a namespace must not have") } else { part(name) }
}

fn part(part: &str) -> Option<&'static str> {
    let edge = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = part.as_bytes();
    if bytes.iter().any(u8::is_ascii_uppercase) {
        return Some("has capital letters");
    }
    if bytes.iter().any(|byte| !byte.is_ascii_alphanumeric() && *byte != b'-') {
        return Some("has characters other than small letters, digits, `-` and `.`");
    }
    if !edge(bytes.first()) || !edge(bytes.last()) {
        return Some("has a part that does not begin and end with a letter or a digit");
    }
    None
}

/// A template that was not rendered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Template {
    /// `{{ … }}`
    Helm,
    /// `${NAME}` or `$NAME`
    Shell,
    /// `$(NAME)`
    Kustomize,
    /// `<NAME>`
    Placeholder,
}

impl Template {
    /// What to do first.
    pub(super) fn remedy(self) -> &'static str {
        match self {
            Self::Helm => "render the chart first: `helm template CHART | smi2gamma convert -`",
            Self::Shell => "fill in the variables first, for instance with `envsubst < FILE | smi2gamma convert -`",
            Self::Kustomize => {
                "build the kustomization first (`kustomize build DIR | smi2gamma convert -`), or whatever fills in `$(…)`"
            }
            Self::Placeholder => "put the real value in place of the placeholder",
        }
    }
}

/// The template in a text that can only be a name or a number.
pub(super) fn unrendered(text: &str) -> Option<Template> {
    if text.contains("{{") {
        Some(Template::Helm)
    } else if text.contains("$(") {
        Some(Template::Kustomize)
    } else if text.contains('$') {
        Some(Template::Shell)
    } else if text.find('<').is_some_and(|open| text[open..].contains('>')) {
        Some(Template::Placeholder)
    } else {
        None
    }
}

/// The template in a text that may be a regular expression, where `$`, `<` and `{` are no sign of one.
pub(super) fn unrendered_pattern(text: &str) -> Option<Template> {
    if text.contains("{{") && text.contains("}}") {
        return Some(Template::Helm);
    }
    let named = |open: &str, close: char| {
        text.split(open).skip(1).any(|rest| {
            rest.split_once(close).is_some_and(|(name, _)| {
                name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
                    && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            })
        })
    };
    named("${", '}').then_some(Template::Shell)
}

/// How many single-character edits part `a` and `b`, case aside.
pub(super) fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().flat_map(char::to_lowercase).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (line, from) in a.chars().flat_map(char::to_lowercase).enumerate() {
        let mut diagonal = row[0];
        row[0] = line + 1;
        for (column, to) in b.iter().enumerate() {
            let replace = diagonal + usize::from(from != *to);
            diagonal = row[column + 1];
            row[column + 1] = replace.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[b.len()]
}

/// The candidate that `text` was probably meant to be: at most two edits away, and less than half of it.
pub(super) fn nearest<'a>(text: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if text.len() > 64 {
        return None;
    }
    candidates
        .into_iter()
        .map(|candidate| (distance(text, candidate), candidate))
        .filter(|(edits, candidate)| *edits <= 2 && edits * 2 < candidate.chars().count())
        .min()
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_an_api_server_takes_have_no_fault() {
        for name in ["web", "web-v2", "1web", "a.b.c"] {
            assert_eq!(fault(name, NameRule::Subdomain), None, "{name}");
        }
        for name in ["web", "web.ns.svc.cluster.local", "web:8080", "ns/web", "web.ns:80", "api.example.com"] {
            assert_eq!(fault(name, NameRule::Service), None, "{name}");
        }
    }

    #[test]
    fn names_that_an_api_server_refuses_have_a_fault() {
        for name in ["Web", "web_v2", "-web", "web-", "a..b", ".a", "", "wéb", "a b", &"a".repeat(254)] {
            assert!(fault(name, NameRule::Subdomain).is_some(), "{name}");
        }
        for name in ["a.b", "A", &"a".repeat(64)] {
            assert!(fault(name, NameRule::Label).is_some(), "{name}");
        }
        for name in ["web:http", "a/b/c", "/web", "web:99999"] {
            assert!(fault(name, NameRule::Service).is_some(), "{name}");
        }
    }

    #[test]
    fn case_80_templates_are_told_apart() {
        assert_eq!(unrendered("{{ .Values.name }}"), Some(Template::Helm));
        assert_eq!(unrendered("web-${ENV}"), Some(Template::Shell));
        assert_eq!(unrendered("$NAME"), Some(Template::Shell));
        assert_eq!(unrendered("web.$NAMESPACE"), Some(Template::Shell));
        assert_eq!(unrendered("$(NAME)"), Some(Template::Kustomize));
        assert_eq!(unrendered("<SERVICE_NAME>"), Some(Template::Placeholder));
        assert_eq!(unrendered("web"), None);
    }

    #[test]
    fn an_end_anchor_or_a_group_is_no_template_in_a_pattern() {
        for pattern in ["^/a$", "(a$)|(b$)", "$(a)", "a{2}", "<b>", "/x{{2}", "${2}"] {
            assert_eq!(unrendered_pattern(pattern), None, "{pattern}");
        }
        assert_eq!(unrendered_pattern("/{{ .Values.path }}"), Some(Template::Helm));
        assert_eq!(unrendered_pattern("/${PATH_PREFIX}/x"), Some(Template::Shell));
    }

    #[test]
    fn a_slip_of_the_keyboard_finds_the_word() {
        assert_eq!(nearest("backend", ["service", "backends"]), Some("backends"));
        assert_eq!(nearest("mathes", ["matches", "methods"]), Some("matches"));
        assert_eq!(nearest("Weight", ["weight"]), Some("weight"));
        assert_eq!(nearest("retries", ["matches", "service"]), None);
    }
}
