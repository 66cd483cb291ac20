//! What Gateway API can say of a language in simpler words than an expression.
//!
//! A candidate is read off the automaton, compiled again as the target will read it, and taken only when the two
//! languages were proved equal. Whatever is not proved stays a regular expression.
//! The words of a policy are more (suffix, template, lists, bounds): those are `bounds`, on the same terms.

use super::domain::Domain;
use super::language::Language;
use super::relate::{self, Relation};

/// The most values that a set of Exact matches may have.
const MAX_EXACT: usize = 16;
/// Characters of a path value (HTTPPathMatch, Gateway API v1).
pub(super) const MAX_PATH: usize = 1024;
/// Characters of a header value (HTTPHeaderMatch, Gateway API v1).
pub(super) const MAX_HEADER: usize = 4096;

/// What a path language is in the words of an HTTPPathMatch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathLowering {
    /// Every path: no path match, or `PathPrefix` `/`.
    Any,
    /// No path: the condition can never hold.
    Never,
    /// These paths, each an `Exact`; one to sixteen, sorted.
    Exact(Vec<String>),
    /// One `PathPrefix`, without a trailing slash.
    Prefix(String),
    /// None of these was proved: `RegularExpression`.
    Regex,
}

/// What a header language is in the words of an HTTPHeaderMatch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeaderLowering {
    /// Every value, the empty one too. The header must still be there, so a match says `RegularExpression` `.*`.
    Any,
    /// No value: the condition can never hold.
    Never,
    /// These values, each an `Exact`; one to sixteen, sorted.
    Exact(Vec<String>),
    /// None of these was proved: `RegularExpression`.
    Regex,
}

/// Says a path language as simply as was proved. A language of another domain is left as it is.
#[must_use]
pub fn lower_path(language: &Language) -> PathLowering {
    if language.domain() != Domain::Path {
        return PathLowering::Regex;
    }
    if language.is_any() {
        return PathLowering::Any;
    }
    let Some(shortest) = language.shortest() else { return PathLowering::Never };
    if let Some(values) = exact_values(language, is_path_value) {
        return PathLowering::Exact(values);
    }
    let proved = is_path_value(&shortest)
        && !shortest.ends_with('/')
        && Language::path_prefix(&shortest).is_ok_and(|prefix| equal(&[language], &[&prefix]));
    if proved { PathLowering::Prefix(shortest) } else { PathLowering::Regex }
}

/// Says a header language as simply as was proved. A language of another domain is left as it is.
#[must_use]
pub fn lower_header(language: &Language) -> HeaderLowering {
    if language.domain() != Domain::HeaderValue {
        return HeaderLowering::Regex;
    }
    if language.is_any() {
        return HeaderLowering::Any;
    }
    if language.is_empty() {
        return HeaderLowering::Never;
    }
    exact_values(language, is_header_value).map_or(HeaderLowering::Regex, HeaderLowering::Exact)
}

/// The strings of a small finite language, sorted, when all are `valid` and their union was proved equal to it.
fn exact_values(language: &Language, valid: fn(&str) -> bool) -> Option<Vec<String>> {
    let mut values = relate::words(language, MAX_EXACT, MAX_HEADER)?;
    if !values.iter().all(|value| valid(value)) {
        return None;
    }
    let exact: Result<Vec<Language>, _> =
        values.iter().map(|value| Language::exact(language.domain(), value)).collect();
    let exact = exact.ok()?;
    values.sort_unstable();
    equal(&[language], &exact.iter().collect::<Vec<_>>()).then_some(values)
}

pub(super) fn equal(left: &[&Language], right: &[&Language]) -> bool {
    relate::union_relate(left, right) == Ok(Relation::Equal)
}

/// Whether the API server takes `value` as an Exact or a PathPrefix (validation rules of HTTPPathMatch in the HTTPRoute
/// CRD, Gateway API v1.6.1).
fn is_path_value(value: &str) -> bool {
    const FORBIDDEN: [&str; 6] = ["//", "/./", "/../", "%2f", "%2F", "#"];
    value.starts_with('/')
        && value.len() <= MAX_PATH
        && !FORBIDDEN.iter().any(|part| value.contains(part))
        && !value.ends_with("/.")
        && !value.ends_with("/..")
        && has_path_characters(value)
}

/// `^(?:[-A-Za-z0-9/._~!$&'()*+,;=:@]|[%][0-9a-fA-F]{2})+$`
fn has_path_characters(value: &str) -> bool {
    let mut bytes = value.bytes();
    while let Some(byte) = bytes.next() {
        let fits = match byte {
            b'%' => (0..2).all(|_| bytes.next().is_some_and(|digit| digit.is_ascii_hexdigit())),
            _ => byte.is_ascii_alphanumeric() || b"-/._~!$&'()*+,;=:@".contains(&byte),
        };
        if !fits {
            return false;
        }
    }
    !value.is_empty()
}

/// Whether the API server takes `value` in a header match: 1 to 4096 characters and, in the experimental channel,
/// `^[!-~]+([\t ]?[!-~]+)*$`, so no two blanks in a row (HTTPHeaderMatch, Gateway API v1.6.1).
fn is_header_value(value: &str) -> bool {
    let blank = |byte: u8| byte == b' ' || byte == b'\t';
    let two_blanks = value.as_bytes().windows(2).any(|pair| pair.iter().all(|&byte| blank(byte)));
    (1..=MAX_HEADER).contains(&value.len()) && Domain::HeaderValue.contains(value) && !two_blanks
}
