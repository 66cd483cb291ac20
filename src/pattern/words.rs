//! The words that a policy has for a value, and what each of them means.
//!
//! A policy has no expressions: it has a list of strings in which a `*` at either end, or a `{*}` between slashes, stands
//! for more. A word here is such a string with its meaning kept apart from its spelling, so that the meaning can be
//! compared and the spelling refused where it would say something else.
//!
//! What the words mean was read in istio/istio@1.31.0-rc.0 pilot/pkg/security/authz/matcher/{string,header,template}.go
//! and pkg/config/security/security.go, and for templates in envoyproxy/envoy
//! source/extensions/path/uri_template_lib/uri_template_internal.cc. That there is a word for a language is for
//! [`say`](super::say) to find; which words a target has is a row of `mappings/`.

use regex_syntax::hir::{Class, ClassBytes, ClassBytesRange, Hir, Repetition};

use super::dialect::PatternError;
use super::domain::Domain;
use super::language::{Language, anything, literal};

/// Operators, and so segments, that a template of ours may have.
pub(super) const MAX_SEGMENTS: usize = 64;
/// Words that are compiled to one automaton; longer lists become several.
const WORDS_IN_ONE: usize = 32;
/// One segment of a template.
pub(super) const ONE: &str = "{*}";
/// The rest of a template.
pub(super) const REST: &str = "{**}";

/// One word of a policy's string match.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Word {
    /// This string.
    Exact(String),
    /// `x*`: what begins with this string, the string itself as well.
    Prefix(String),
    /// `*x`: what ends with this string, the string itself as well.
    Suffix(String),
    /// `*`: every value that is there. Of a path that is one character or more (`.+`), of a header any value, also the
    /// empty one (Envoy `present_match`): the whole domain, either way.
    Present,
    /// A path with `{*}` for a segment and, as the last operator, `{**}` for any number of them. Neither takes every
    /// character of a path: `{*}` is one or more, `{**}` is none or more, of letters, digits and `-._~%!$&'()*+,;:@=`, and `/`
    /// in the second. So `{*}` is narrower than `[^/]+` by what a URI has only percent-encoded, and `/a/{**}` takes `/a/`, but
    /// not `/a`. The star is among them since Envoy 1.35.0 (issue 39168). Envoy would take text after an operator
    /// (`{*}.json`), Istio's webhook does not.
    Template(String),
}

/// Which words a target has for one kind of value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "a row of a table: one column for each kind of word")]
pub struct Vocabulary {
    /// [`Word::Exact`].
    pub exact: bool,
    /// [`Word::Prefix`].
    pub prefix: bool,
    /// [`Word::Suffix`].
    pub suffix: bool,
    /// [`Word::Present`].
    pub present: bool,
    /// [`Word::Template`].
    pub template: bool,
    /// A second list that is subtracted (`notPaths`, `notValues`).
    pub except: bool,
    /// Whether words are spelled with stars and braces, so that not every string has a spelling ([`Word::istio`]).
    pub starred: bool,
    /// Words in a list, at most.
    pub most: usize,
}

/// What takes any of one list and none of another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// One of these must take the value.
    pub any_of: Vec<Word>,
    /// None of these may.
    pub none_of: Vec<Word>,
}

// === impl Vocabulary ===

impl Vocabulary {
    /// Whether `word` can be said.
    #[must_use]
    pub fn has(&self, word: &Word) -> bool {
        let known = match word {
            Word::Exact(_) => self.exact,
            Word::Prefix(_) => self.prefix,
            Word::Suffix(_) => self.suffix,
            Word::Present => self.present,
            Word::Template(_) => self.template,
        };
        known && (!self.starred || word.istio().is_some())
    }
}

// === impl Word ===

impl Word {
    /// The strings of `domain` that it takes.
    ///
    /// # Errors
    /// When it is a template that Envoy or Istio refuse, or one of another domain than paths, or it is too long.
    pub fn language(&self, domain: Domain) -> Result<Language, PatternError> {
        Language::whole(domain, self.meaning(domain)?)
    }

    /// How it is written in an Istio manifest; none where no spelling has this meaning: a string that begins or ends with
    /// a star, is empty, or holds `{*}`.
    #[must_use]
    pub fn istio(&self) -> Option<String> {
        let plain = |text: &str| !text.is_empty() && !text.contains(ONE) && !text.contains(REST);
        match self {
            Self::Exact(text) => (plain(text) && !text.starts_with('*') && !text.ends_with('*')).then(|| text.clone()),
            Self::Prefix(text) => (plain(text) && !text.starts_with('*')).then(|| format!("{text}*")),
            Self::Suffix(text) => plain(text).then(|| format!("*{text}")),
            Self::Present => Some("*".to_owned()),
            Self::Template(text) => pieces(text).is_ok().then(|| text.clone()),
        }
    }

    fn meaning(&self, domain: Domain) -> Result<Hir, PatternError> {
        Ok(match self {
            Self::Exact(text) => literal(text),
            Self::Prefix(text) => Hir::concat(vec![literal(text), anything()]),
            Self::Suffix(text) => Hir::concat(vec![anything(), literal(text)]),
            Self::Present => anything(),
            Self::Template(text) => match domain {
                Domain::Path => Hir::concat(pieces(text)?),
                Domain::HeaderValue => return Err(refused("a template is of a path, not of a header's value", 0)),
            },
        })
    }
}

/// What any of `words` takes, in as many languages as keep each automaton small.
pub(super) fn languages(domain: Domain, words: &[Word]) -> Result<Vec<Language>, PatternError> {
    words
        .chunks(WORDS_IN_ONE)
        .map(|words| {
            let meanings: Result<Vec<Hir>, PatternError> = words.iter().map(|word| word.meaning(domain)).collect();
            Language::whole(domain, Hir::alternation(meanings?))
        })
        .collect()
}

/// What begins with `text` and goes on with one of `bytes`.
pub(super) fn beginning(domain: Domain, text: &str, bytes: &[u8]) -> Result<Language, PatternError> {
    Language::whole(domain, Hir::concat(vec![literal(text), class(bytes.iter().copied()), anything()]))
}

fn class(bytes: impl Iterator<Item = u8>) -> Hir {
    Hir::class(Class::Bytes(ClassBytes::new(bytes.map(|byte| ClassBytesRange::new(byte, byte)))))
}

// --- templates ---

/// Whether a template may have `byte` in a literal segment.
pub(super) fn is_template_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~%!$&'()+,;:@=".contains(&byte)
}

/// Whether the operators of a template take `byte`.
fn is_operand_byte(byte: u8) -> bool {
    is_template_byte(byte) || byte == b'*'
}

fn refused(why: &str, offset: usize) -> PatternError {
    PatternError::Invalid { why: why.to_owned(), offset }
}

/// The parts of a template, in order. What is refused here is refused by Envoy (or by Istio's webhook), or would have no
/// operator and so be no template.
fn pieces(template: &str) -> Result<Vec<Hir>, PatternError> {
    let Some(segments) = template.strip_prefix('/') else { return Err(refused("a template begins with `/`", 0)) };
    let segments: Vec<&str> = segments.split('/').collect();
    if segments.len() > MAX_SEGMENTS {
        return Err(PatternError::TooLarge { limit: "the template has more than 64 segments" });
    }
    let last = segments.len() - 1;
    let (mut offset, mut operators, mut rest_seen) = (1, 0, false);
    let mut pieces = Vec::new();
    for (at, segment) in segments.iter().enumerate() {
        pieces.push(literal("/"));
        let operator = match *segment {
            ONE => Some(run(1, false)),
            REST => Some(run(0, true)),
            _ => None,
        };
        if operator.is_some() && rest_seen {
            return Err(refused("`{**}` is the last operator of a template", offset));
        }
        if operator.is_none() && (!segment.bytes().all(is_template_byte) || (segment.is_empty() && at != last)) {
            return Err(refused(
                "a segment of a template is `{*}`, `{**}` or one or more of letters, digits and `-._~%!$&'()+,;:@=`",
                offset,
            ));
        }
        rest_seen |= *segment == REST;
        operators += usize::from(operator.is_some());
        pieces.push(operator.unwrap_or_else(|| literal(segment)));
        offset += segment.len() + 1;
    }
    if operators == 0 { Err(refused("a template has `{*}` or `{**}`", 0)) } else { Ok(pieces) }
}

/// `min` or more of the bytes that an operator takes, with slashes among them or not.
fn run(min: u32, slashes: bool) -> Hir {
    let sub = Box::new(class((0..=u8::MAX).filter(|&byte| is_operand_byte(byte) || (slashes && byte == b'/'))));
    Hir::repetition(Repetition { min, max: None, greedy: true, sub })
}
