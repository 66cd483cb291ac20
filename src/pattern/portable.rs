//! The expression to write into a `RegularExpression` match, so that every engine reads the whole value as we mean it.
//!
//! Envoy asks RE2 for a full match. Linkerd takes the first match of a leftmost-first search and then requires that it
//! is the whole value, so that a bare `/api|/api/v1` never takes `/api/v1` and a bare `/a.*?` takes only `/a`. Between `^(`
//! and `)$` both readings are one: a match that does not reach the end is none, so the search goes on to one that does.
//! The group is a capturing one because the common floor of dialects has no other (GEP-4359).
//!
//! Every expression is wrapped, also where it would do without: Istio and Kuma rank expressions by their length, and
//! uniform wrapping leaves that order to what the author wrote. Only "everything" is the bare `.*`, which stays the
//! shortest and so ranks last. Anchors and groups around the whole that say nothing more are taken off first.
//!
//! For a header, what the API server refuses as it stands is spelled `\xHH`, which RE2, Go and Rust read alike.
//!
//! Nothing rests on that argument: the result is returned only when both readings were proved equal to the source.

use std::fmt::Write as _;

use regex_automata::nfa::thompson;
use regex_syntax::ast::{AssertionKind, Ast, GroupKind};

use super::dialect::{self, PatternError};
use super::domain::Domain;
use super::language::{Anchoring, Language, after_slash};
use super::lower::{MAX_HEADER, MAX_PATH, equal};
use crate::mappings::RegexReading;

/// Anchors or groups around the whole that are taken off, at most.
const MAX_PEELED: usize = 16;
/// Bytes that Rust's `regex` compiles an expression to, at most.
const RUST_LIMIT: usize = 10 << 20;
/// What takes everything.
const ANYTHING: &str = ".*";

/// Why there is no expression to write.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PortableError {
    /// The source expression has no language.
    #[error(transparent)]
    Pattern(#[from] PatternError),
    /// The API server would refuse it for its length.
    #[error(
        "the expression that reads alike everywhere has {length} characters, {most} are allowed; shorten it or split it into several matches"
    )]
    TooLong {
        /// Characters it would have.
        length: usize,
        /// Characters allowed: 1024 for a path, 4096 for a header.
        most: usize,
    },
    /// No expression was proved to mean the same in every engine.
    #[error("no form of the expression was proved to mean the same in every engine; simplify it")]
    Unproved,
}

/// The expression that takes, in every engine and by the whole value, what `pattern` takes under `anchoring`.
///
/// # Errors
/// When `pattern` has no language, or none of the forms is short enough or proved.
pub fn portable(domain: Domain, pattern: &str, anchoring: Anchoring) -> Result<String, PortableError> {
    let meant = Language::regex(domain, pattern, anchoring)?;
    if meant.is_any() {
        return Ok(ANYTHING.to_owned());
    }
    let most = match domain {
        Domain::Path => MAX_PATH,
        Domain::HeaderValue => MAX_HEADER,
    };
    let spell = |form: String| match domain {
        Domain::Path => form,
        Domain::HeaderValue => spelled(&form),
    };
    let mut forms = forms(pattern, anchoring).map(spell);
    let proved = forms.find(|form| reads_as(domain, form, &meant)).ok_or(PortableError::Unproved)?;
    let length = proved.chars().count();
    if length > most { Err(PortableError::TooLong { length, most }) } else { Ok(proved) }
}

/// The expression that takes, in the engine of a target and by the whole value, what `pattern` takes under `anchoring`.
/// It is one that every engine reads alike; beyond that, the target's own parser was asked, and what it would make of the
/// expression was compared with what is meant.
///
/// # Errors
/// As [`portable`]. A target whose reading is not specified has no engine to be asked.
pub fn expression_for(
    domain: Domain,
    pattern: &str,
    anchoring: Anchoring,
    reading: RegexReading,
) -> Result<String, PortableError> {
    let written = portable(domain, pattern, anchoring)?;
    let taken = match reading {
        RegexReading::Unspecified => return Err(PortableError::Unproved),
        RegexReading::Re2Full => {
            dialect::check(&written)?;
            Language::regex(domain, &written, Anchoring::Full)?
        }
        RegexReading::FirstMatchIsWhole => {
            rust_reads(&written)?;
            Language::regex(domain, &written, Anchoring::FirstMatch)?
        }
    };
    let meant = Language::regex(domain, pattern, anchoring)?;
    if equal(&[&taken], &[&meant]) { Ok(written) } else { Err(PortableError::Unproved) }
}

/// Holds when Rust's `regex` compiles the expression as Linkerd does: with Unicode, and within its default size limit
/// (linkerd/linkerd2@version-2.20 policy-controller/k8s/index/src/routes/http.rs, rust-lang/regex src/builders.rs).
fn rust_reads(expression: &str) -> Result<(), PatternError> {
    let refused = |why: String| PatternError::Invalid { why, offset: 0 };
    let tree = regex_syntax::Parser::new().parse(expression).map_err(|error| refused(error.to_string()))?;
    thompson::Compiler::new()
        .configure(thompson::Config::new().nfa_size_limit(Some(RUST_LIMIT)))
        .build_from_hir(&tree)
        .map(drop)
        .map_err(|_| PatternError::TooLarge { limit: "Linkerd's engine compiles no more than 10 MB" })
}

/// Whether both ways to read `form` as a whole give `meant`.
fn reads_as(domain: Domain, form: &str, meant: &Language) -> bool {
    [Anchoring::Full, Anchoring::FirstMatch]
        .into_iter()
        .all(|reading| Language::regex(domain, form, reading).is_ok_and(|language| equal(&[&language], &[meant])))
}

/// What may be written for `pattern`, the plainest first. That one of them is right is for the proof to say.
fn forms(pattern: &str, anchoring: Anchoring) -> impl Iterator<Item = String> {
    let whole: &[(&str, &str)] = &[("^(", ")$")];
    let start = &[("^(", ")$"), ("^(", ").*$")];
    let below = &[("^/(", ")$"), ("^/(", ").*$")];
    let search = &[("^(", ")$"), ("^(", ").*$"), ("^.*(", ")$"), ("^.*(", ").*$")];
    let slashed = format!("/{}", after_slash(pattern));
    let plans: Vec<(&str, &[(&str, &str)])> = match anchoring {
        Anchoring::Full | Anchoring::FirstMatch => vec![(pattern, whole)],
        Anchoring::Start => vec![(pattern, start)],
        Anchoring::StartAfterSlash => vec![(&slashed, start), (after_slash(pattern), below)],
        Anchoring::Search => vec![(pattern, search)],
    };
    let mut forms = Vec::new();
    for (expression, wrappings) in plans {
        for body in bodies(expression) {
            forms.extend(wrappings.iter().map(|(open, close)| format!("{open}{body}{close}")));
        }
    }
    forms.into_iter()
}

/// `expression` as the value of a header match may be written: visible characters, and one blank at a time between them
/// (`^[!-~]+([\t ]?[!-~]+)*$`, HTTPHeaderMatch in the experimental channel of Gateway API v1.6.1). Everything else becomes
/// `\xHH`, together with a backslash that stands before it; inside a class and outside, that is the same character.
fn spelled(expression: &str) -> String {
    let is_blank = |letter: char| letter == ' ' || letter == '\t';
    let mut written = String::with_capacity(expression.len());
    let mut letters = expression.chars();
    while let Some(letter) = letters.next() {
        let escaped = if letter == '\\' { letters.next() } else { None };
        let meant = escaped.unwrap_or(letter);
        let stands = meant.is_ascii_graphic() || !meant.is_ascii();
        if stands || is_blank(meant) && (escaped.is_some() || !written.ends_with(is_blank)) {
            written.push(letter);
            written.extend(escaped);
        } else {
            let _ = write!(written, "\\x{:02X}", u32::from(meant));
        }
    }
    written
}

/// `expression` without the anchors and groups around the whole of it, then as it is.
fn bodies(expression: &str) -> Vec<&str> {
    let mut peeled = expression;
    for _ in 0..MAX_PEELED {
        let Some(inner) = peel(peeled) else { break };
        peeled = inner;
    }
    if peeled == expression { vec![expression] } else { vec![peeled, expression] }
}

/// What is left of `expression` without one layer around the whole of it: anchors at its ends, or a plain group.
fn peel(expression: &str) -> Option<&str> {
    let tree = dialect::parse(expression).ok()?;
    match &tree {
        Ast::Assertion(assertion) if is_anchor(&assertion.kind) => Some(""),
        Ast::Concat(concat) => {
            let (first, last) = (concat.asts.first()?, concat.asts.last()?);
            let start = if is_start(first) { first.span().end.offset } else { 0 };
            let end = if is_end(last) { last.span().start.offset } else { expression.len() };
            let peeled = expression.get(start..end)?;
            (peeled != expression).then_some(peeled)
        }
        Ast::Group(group) => {
            let plain = match &group.kind {
                GroupKind::CaptureIndex(_) => true,
                GroupKind::NonCapturing(flags) => flags.items.is_empty(),
                GroupKind::CaptureName { .. } => false,
            };
            let inner = group.ast.span();
            if plain { expression.get(inner.start.offset..inner.end.offset) } else { None }
        }
        _ => None,
    }
}

fn is_start(tree: &Ast) -> bool {
    matches!(tree, Ast::Assertion(found) if matches!(found.kind, AssertionKind::StartLine | AssertionKind::StartText))
}

fn is_end(tree: &Ast) -> bool {
    matches!(tree, Ast::Assertion(found) if matches!(found.kind, AssertionKind::EndLine | AssertionKind::EndText))
}

fn is_anchor(kind: &AssertionKind) -> bool {
    use AssertionKind::{EndLine, EndText, StartLine, StartText};
    matches!(kind, StartLine | StartText | EndLine | EndText)
}

/// An expression that matches `literal` and nothing else.
#[must_use]
pub fn escape(literal: &str) -> String {
    regex_syntax::escape(literal)
}
