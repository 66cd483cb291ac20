//! Which SMI objects of the sources are converted: `-n` and `-l`, as kubectl reads them.
//!
//! A filter leaves objects out of the conversion, never out of sight: what is left out still answers references.

use thiserror::Error;

use crate::report::ObjectId;
use crate::smi::Object;

/// A namespace and a label selector.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// `-n`; none: every namespace.
    pub namespace: Option<String>,
    /// `-l`: all must hold.
    pub labels: Vec<Requirement>,
}

/// One requirement of a label selector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Requirement {
    /// `key=value`, `key==value`, `key in (a, b)`
    In(String, Vec<String>),
    /// `key!=value`, `key notin (a, b)`: also holds where the label is absent.
    NotIn(String, Vec<String>),
    /// `key`
    Exists(String),
    /// `!key`
    Absent(String),
}

/// A selector that does not parse.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("`{0}` is not a label selector; write it as kubectl takes it: `app=web,tier!=test,env in (dev, prod),!old`")]
pub struct SelectorError(String);

// === impl Filter ===

impl Filter {
    /// Whether everything is converted.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        self.namespace.is_none() && self.labels.is_empty()
    }

    /// Whether the object is converted.
    #[must_use]
    pub fn takes(&self, id: &ObjectId, object: Option<&Object>) -> bool {
        let namespace = self.namespace.is_none() || self.namespace == id.namespace;
        let label =
            |key: &str| object.and_then(|object| object.meta().labels.get(key)).map(|value| value.value.as_str());
        namespace && self.labels.iter().all(|requirement| requirement.holds(label))
    }
}

// === impl Requirement ===

impl Requirement {
    /// Reads a label selector (k8s.io/apimachinery `pkg/labels/selector.go`, without `>` and `<`).
    ///
    /// # Errors
    /// If it does not parse.
    pub fn parse_all(selector: &str) -> Result<Vec<Self>, SelectorError> {
        let mut parts = Vec::new();
        let (mut start, mut depth) = (0, 0_usize);
        for (at, character) in selector.char_indices() {
            match character {
                '(' => depth += 1,
                ')' => depth = depth.saturating_sub(1),
                ',' if depth == 0 => {
                    parts.push(&selector[start..at]);
                    start = at + 1;
                }
                _ => {}
            }
        }
        parts.push(&selector[start..]);
        parts.into_iter().map(str::trim).filter(|part| !part.is_empty()).map(Self::parse).collect()
    }

    fn parse(part: &str) -> Result<Self, SelectorError> {
        let error = || SelectorError(part.to_owned());
        let key = |text: &str| {
            let text = text.trim();
            let plain = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
            if text.is_empty() || !text.chars().all(plain) { Err(error()) } else { Ok(text.to_owned()) }
        };
        if let Some(absent) = part.strip_prefix('!') {
            return Ok(Self::Absent(key(absent)?));
        }
        if let Some((name, value)) = part.split_once("!=") {
            return Ok(Self::NotIn(key(name)?, vec![value.trim().to_owned()]));
        }
        if let Some((name, value)) = part.split_once("==").or_else(|| part.split_once('=')) {
            return Ok(Self::In(key(name)?, vec![value.trim().to_owned()]));
        }
        if let Some((head, set)) = part.split_once('(') {
            let set = set.strip_suffix(')').ok_or_else(error)?;
            let values = set.split(',').map(|value| value.trim().to_owned()).collect();
            let mut words = head.split_whitespace();
            return match (words.next(), words.next(), words.next()) {
                (Some(name), Some("in"), None) => Ok(Self::In(key(name)?, values)),
                (Some(name), Some("notin"), None) => Ok(Self::NotIn(key(name)?, values)),
                _ => Err(error()),
            };
        }
        Ok(Self::Exists(key(part)?))
    }

    fn holds<'a>(&self, label: impl Fn(&str) -> Option<&'a str>) -> bool {
        match self {
            Self::In(key, values) => label(key).is_some_and(|value| values.iter().any(|wanted| wanted == value)),
            Self::NotIn(key, values) => !label(key).is_some_and(|value| values.iter().any(|wanted| wanted == value)),
            Self::Exists(key) => label(key).is_some(),
            Self::Absent(key) => label(key).is_none(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(selector: &str) -> bool {
        let label = |key: &str| (key == "app").then_some("web");
        Requirement::parse_all(selector).expect("a selector").iter().all(|requirement| requirement.holds(label))
    }

    #[test]
    fn selectors_are_read_as_kubectl_reads_them() {
        for selector in [
            "app=web",
            "app==web",
            "app",
            "!tier",
            "app!=api",
            "tier!=x",
            "app in (api, web)",
            "tier notin (x)",
            "app=web,!tier",
        ] {
            assert!(holds(selector), "{selector}");
        }
        for selector in ["app=api", "tier", "!app", "app!=web", "app in (api)", "app notin (web)", "app=web,tier"] {
            assert!(!holds(selector), "{selector}");
        }
    }

    #[test]
    fn a_broken_selector_is_refused() {
        for selector in ["app in web", "app in (web", "=web", "a b"] {
            assert!(Requirement::parse_all(selector).is_err(), "{selector}");
        }
    }
}
