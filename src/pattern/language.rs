//! From an expression, a literal or a prefix to the automaton of its language.
//!
//! The anchoring is built into the automaton around the expression's syntax tree, never around its text: `a)(b` has no
//! way to close a group that is ours, and a flag of the expression cannot leak out of it.

use std::sync::Arc;

use regex_automata::MatchKind;
use regex_automata::dfa::{Automaton, StartKind, dense};
use regex_automata::nfa::thompson;
use regex_automata::util::primitives::StateID;
use regex_automata::util::start;
use regex_automata::{Anchored, dfa::dense::DFA};
use regex_syntax::hir::{Dot, Hir, Look, Repetition, translate::TranslatorBuilder};

use super::dialect::{self, PatternError};
use super::domain::{Domain, Position};
use super::relate;
use crate::mappings::{HeaderAnchoring, PathAnchoring, RegexReading};

/// Bytes of a nondeterministic automaton.
const NFA_LIMIT: usize = 4 << 20;
/// Bytes of a deterministic automaton: an expression that exceeds them takes some tens of milliseconds to find out.
const DFA_LIMIT: usize = 1 << 20;
/// Bytes of scratch space while it is made.
const DETERMINIZE_LIMIT: usize = 4 << 20;

/// Where in the string a match must begin and end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Anchoring {
    /// The whole string must match, in whatever way (RE2 full match).
    Full,
    /// A match must begin at the start and may end anywhere.
    Start,
    /// As `Start`, after a leading `/` was taken off the expression and put before the whole of it: `/api|/health` is
    /// `/(?:api|/health)`.
    StartAfterSlash,
    /// A match may begin and end anywhere.
    Search,
    /// The first match that a leftmost-first search finds must be the whole string: `/api|/api/v1` does not take
    /// `/api/v1`, and `/a.*?` takes only `/a`. This is how Linkerd reads a route's expression.
    FirstMatch,
}

/// All strings of a domain that meet a condition. Cheap to clone.
#[derive(Clone)]
pub struct Language {
    domain: Domain,
    dfa: Arc<DFA<Vec<u32>>>,
    start: StateID,
}

// === impl Anchoring ===

impl From<PathAnchoring> for Anchoring {
    fn from(anchoring: PathAnchoring) -> Self {
        match anchoring {
            PathAnchoring::Full => Self::Full,
            PathAnchoring::Start | PathAnchoring::Unread => Self::Start,
            PathAnchoring::StartAfterSlash => Self::StartAfterSlash,
            PathAnchoring::Search => Self::Search,
        }
    }
}

impl From<HeaderAnchoring> for Anchoring {
    fn from(anchoring: HeaderAnchoring) -> Self {
        match anchoring {
            HeaderAnchoring::Full | HeaderAnchoring::Unread | HeaderAnchoring::Undefined => Self::Full,
            HeaderAnchoring::Search => Self::Search,
        }
    }
}

impl Anchoring {
    /// How a target reads an expression; none where that depends on the implementation.
    #[must_use]
    pub fn of_target(reading: RegexReading) -> Option<Self> {
        match reading {
            RegexReading::Re2Full => Some(Self::Full),
            RegexReading::FirstMatchIsWhole => Some(Self::FirstMatch),
            RegexReading::Unspecified => None,
        }
    }

    fn match_kind(self) -> MatchKind {
        match self {
            Self::Full | Self::Start | Self::StartAfterSlash | Self::Search => MatchKind::All,
            Self::FirstMatch => MatchKind::LeftmostFirst,
        }
    }

    /// Puts around an expression what makes a match of it a match of the whole string.
    fn frame(self, expression: Hir) -> Hir {
        let (start, end) = (|| Hir::look(Look::Start), || Hir::look(Look::End));
        match self {
            Self::Full => Hir::concat(vec![start(), expression, end()]),
            Self::Start => Hir::concat(vec![start(), expression, anything(), end()]),
            Self::StartAfterSlash => Hir::concat(vec![start(), literal("/"), expression, anything(), end()]),
            Self::Search => Hir::concat(vec![start(), anything(), expression, anything(), end()]),
            Self::FirstMatch => expression,
        }
    }
}

pub(super) fn literal(text: &str) -> Hir {
    Hir::literal(text.as_bytes())
}

pub(super) fn anything() -> Hir {
    Hir::repetition(Repetition { min: 0, max: None, greedy: true, sub: Box::new(Hir::dot(Dot::AnyByte)) })
}

// === impl Language ===

impl Language {
    /// What `pattern` matches under `anchoring`.
    ///
    /// # Errors
    /// When the engines do not read the expression alike, or it is too large; offsets point into `pattern`.
    pub fn regex(domain: Domain, pattern: &str, anchoring: Anchoring) -> Result<Self, PatternError> {
        let expression = match anchoring {
            Anchoring::StartAfterSlash => after_slash(pattern),
            Anchoring::Full | Anchoring::Start | Anchoring::Search | Anchoring::FirstMatch => pattern,
        };
        let hir = read(expression).map_err(|error| error.shifted(pattern.len() - expression.len()))?;
        Self::compile(domain, &anchoring.frame(hir), anchoring.match_kind())
    }

    /// One string: an `Exact` of Gateway API. Without strings where `text` is outside the domain.
    ///
    /// # Errors
    /// When it is too long for an automaton.
    pub fn exact(domain: Domain, text: &str) -> Result<Self, PatternError> {
        Self::compile(domain, &Anchoring::Full.frame(literal(text)), MatchKind::All)
    }

    /// A `PathPrefix` of Gateway API, which goes by path elements: `/api` takes `/api`, `/api/` and `/api/x`, not `/apiary`;
    /// a trailing `/` of the prefix counts for nothing; `/` takes every path (HTTPPathMatch, Gateway API v1).
    ///
    /// # Errors
    /// When it is too long for an automaton.
    pub fn path_prefix(prefix: &str) -> Result<Self, PatternError> {
        let below = Hir::concat(vec![literal("/"), anything()]);
        let below = Hir::repetition(Repetition { min: 0, max: Some(1), greedy: true, sub: Box::new(below) });
        let hir = Hir::concat(vec![literal(prefix.trim_end_matches('/')), below]);
        Self::compile(Domain::Path, &Anchoring::Full.frame(hir), MatchKind::All)
    }

    /// Every string of the domain.
    #[must_use]
    pub fn any(domain: Domain) -> Self {
        Self::compile(domain, &Anchoring::Full.frame(anything()), MatchKind::All)
            .expect("two states are below every limit")
    }

    /// What `meaning` takes as a whole.
    pub(super) fn whole(domain: Domain, meaning: Hir) -> Result<Self, PatternError> {
        Self::compile(domain, &Anchoring::Full.frame(meaning), MatchKind::All)
    }

    fn compile(domain: Domain, hir: &Hir, matches: MatchKind) -> Result<Self, PatternError> {
        let too_large = PatternError::TooLarge { limit: "its automaton has too many states" };
        let nfa = thompson::Compiler::new()
            .configure(
                thompson::Config::new()
                    .utf8(false)
                    .which_captures(thompson::WhichCaptures::None)
                    .nfa_size_limit(Some(NFA_LIMIT)),
            )
            .build_from_hir(hir)
            .map_err(|_| too_large.clone())?;
        let dfa = dense::Builder::new()
            .configure(
                dense::Config::new()
                    .match_kind(matches)
                    .start_kind(StartKind::Anchored)
                    .accelerate(false)
                    .dfa_size_limit(Some(DFA_LIMIT))
                    .determinize_size_limit(Some(DETERMINIZE_LIMIT)),
            )
            .build_from_nfa(&nfa)
            .map_err(|_| too_large.clone())?;
        let start = dfa.start_state(&start::Config::new().anchored(Anchored::Yes)).map_err(|_| too_large)?;
        Ok(Self { domain, dfa: Arc::new(dfa), start })
    }

    /// The strings that it is a part of.
    #[must_use]
    pub fn domain(&self) -> Domain {
        self.domain
    }

    /// Whether `text` is one of its strings; never, where `text` is outside the domain.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        self.domain.contains(text) && self.accepts(text.bytes().fold(self.start, |state, byte| self.next(state, byte)))
    }

    /// Its shortest string, the smallest of those; none where it has none.
    #[must_use]
    pub fn shortest(&self) -> Option<String> {
        relate::first_where(self, true)
    }

    /// Whether it has no string.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.shortest().is_none()
    }

    /// Whether it has every string of the domain.
    #[must_use]
    pub fn is_any(&self) -> bool {
        relate::first_where(self, false).is_none()
    }

    // --- for the walks of `relate` ---

    pub(super) fn start(&self) -> StateID {
        self.start
    }

    pub(super) fn next(&self, state: StateID, byte: u8) -> StateID {
        self.dfa.next_state(state, byte)
    }

    /// Whether a string that ends in `state` is one of its strings.
    pub(super) fn accepts(&self, state: StateID) -> bool {
        self.dfa.is_match_state(self.dfa.next_eoi_state(state))
    }

    /// Two bytes of one class lead from every state to the same one.
    pub(super) fn class(&self, byte: u8) -> u8 {
        self.dfa.byte_classes().get(byte)
    }
}

impl std::fmt::Debug for Language {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let shortest = self.shortest();
        f.debug_struct("Language").field("domain", &self.domain).field("shortest", &shortest).finish_non_exhaustive()
    }
}

/// What stands after the leading `/` of an expression.
pub(super) fn after_slash(pattern: &str) -> &str {
    pattern.strip_prefix('/').unwrap_or(pattern)
}

/// The meaning of an expression as bytes: inside our domains that is what Unicode engines read as well.
fn read(pattern: &str) -> Result<Hir, PatternError> {
    let tree = dialect::parse(pattern)?;
    TranslatorBuilder::new()
        .unicode(false)
        .utf8(false)
        .build()
        .translate(pattern, &tree)
        .map_err(|error| PatternError::Unsupported { why: error.kind().to_string(), offset: error.span().start.offset })
}

/// A state of a language and a position in its domain.
pub(super) type Node = (StateID, Position);
