//! The words in which Istio's policy says values: exact, `x*`, `*x`, `*`, and templates of paths.
//!
//! istio/istio@1.31.0-rc.0 pilot/pkg/security/authz/matcher/string.go, matcher/template.go and
//! pkg/config/security/security.go.

use crate::pattern::escape;
use crate::yaml::Node;

/// One value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Word {
    Exact(String),
    Prefix(String),
    Suffix(String),
    /// Whatever is there.
    Present,
    /// A path in segments, `{*}` for one and `{**}` for any number.
    Template(String),
}

/// Two lists: one of the first, and none of the second.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Words {
    pub any: Vec<Word>,
    pub none: Vec<Word>,
}

/// What a segment of a template takes (envoyproxy/envoy source/extensions/path/uri_template_lib/uri_template_internal.cc; the star
/// since 1.35.0, issue 39168).
const SEGMENT: &str = "[a-zA-Z0-9._~%!$&'()*+,;:@=-]";

// === impl Word ===

impl Word {
    pub fn read(text: &str) -> Self {
        if text == "*" {
            return Self::Present;
        }
        match (text.strip_prefix('*'), text.strip_suffix('*')) {
            (Some(end), _) => Self::Suffix(end.to_owned()),
            (None, Some(start)) => Self::Prefix(start.to_owned()),
            (None, None) => Self::Exact(text.to_owned()),
        }
    }

    pub fn path(text: &str) -> Self {
        if text.contains("{*}") || text.contains("{**}") { Self::Template(text.to_owned()) } else { Self::read(text) }
    }

    /// A host, in lower case: Istio compares hosts without regard to it.
    pub fn host(text: &str) -> Self {
        Self::read(&text.to_ascii_lowercase())
    }

    /// A number, without the zeros that it may begin with.
    pub fn port(text: &str) -> Self {
        Self::Exact(text.parse::<u16>().map_or_else(|_| text.to_owned(), |number| number.to_string()))
    }

    /// Puts `domain` for `cluster.local` where a whole identity is said (istio/istio@1.31.0-rc.0
    /// pilot/pkg/security/trustdomain/bundle.go): of fewer parts it stays.
    pub fn name_the_mesh(&mut self, domain: &str) {
        let (Self::Exact(text) | Self::Prefix(text)) = self else { return };
        if let Some(rest) = text.strip_prefix("cluster.local/")
            && rest.matches('/').count() == 3
        {
            *text = format!("{domain}/{rest}");
        }
    }

    /// Whether a plain value is meant. Templates are asked as languages.
    pub fn is(&self, value: &str) -> bool {
        match self {
            Self::Exact(text) => text == value,
            Self::Prefix(start) => value.starts_with(start.as_str()),
            Self::Suffix(end) => value.ends_with(end.as_str()),
            Self::Present => true,
            Self::Template(_) => false,
        }
    }

    /// A regular expression of the same values, to be matched whole.
    pub fn expression(&self) -> String {
        match self {
            Self::Exact(text) => escape(text),
            Self::Prefix(start) => format!("{}.*", escape(start)),
            Self::Suffix(end) => format!(".*{}", escape(end)),
            Self::Present => ".*".to_owned(),
            Self::Template(text) => {
                let segment = |part: &str| match part {
                    "{*}" => format!("{SEGMENT}+"),
                    "{**}" => format!("(?:{SEGMENT}|/)*"),
                    literal => escape(literal),
                };
                text.split('/').map(segment).collect::<Vec<_>>().join("/")
            }
        }
    }
}

// === impl Words ===

impl Words {
    /// The lists under `any` and `none` of a node; none where both are empty, which asks nothing.
    pub fn read(node: &Node, any: &str, none: &str, word: fn(&str) -> Word) -> Option<Self> {
        let list = |key: &str| super::texts(node, key).into_iter().map(word).collect::<Vec<_>>();
        let words = Self { any: list(any), none: list(none) };
        (!words.any.is_empty() || !words.none.is_empty()).then_some(words)
    }

    /// Whether a value, or the absence of one, is meant.
    pub fn take(&self, value: Option<&str>, is: impl Fn(&Word, &str) -> bool) -> bool {
        let any = |words: &[Word]| value.is_some_and(|value| words.iter().any(|word| is(word, value)));
        (self.any.is_empty() || any(&self.any)) && !any(&self.none)
    }

    pub fn all(&self) -> impl Iterator<Item = &Word> {
        self.any.iter().chain(&self.none)
    }
}
