//! Which strings there are: the stated domain of every verdict.
//!
//! A language only ever means its strings inside one domain, and two languages are equal when no string of the domain
//! tells them apart. A domain is a small automaton of its own, so that it can be walked beside the others.

/// The strings that a condition may be asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Domain {
    /// A request path as the matcher sees it: `/`, then printable ASCII other than space, `?` and `#`. Whatever
    /// normalisation the proxy does was done before; nothing is taken for normalised that need not be, so `//` and `/../`
    /// are in the domain and an equality that is proved here holds for normalised paths as well. Left out: the query
    /// string, the target `*` of OPTIONS, and raw bytes outside of ASCII, which a URI does not have (RFC 3986 section 2).
    Path,
    /// A header's value as HTTP hands it over: visible ASCII with spaces and tabs inside, none at either end, one value
    /// per name (RFC 9110 section 5.5, without obs-text). The empty value is in the domain, since a request can
    /// carry one and `.*` matches it, though no `Exact` of Gateway API can say it.
    HeaderValue,
}

/// How far a string has come in its domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Position {
    /// Nothing read.
    Start,
    /// The last byte was visible.
    Inside,
    /// The last byte was a space or a tab.
    Blank,
}

// === impl Position ===

impl Position {
    pub(super) const ALL: [Self; 3] = [Self::Start, Self::Inside, Self::Blank];
}

// === impl Domain ===

impl Domain {
    /// Whether `text` is a string of this domain.
    #[must_use]
    pub fn contains(self, text: &str) -> bool {
        text.bytes().try_fold(Position::Start, |at, byte| self.step(at, byte)).is_some_and(|at| self.ends(at))
    }

    /// Every byte that some string of some domain has, ascending.
    pub(super) fn bytes() -> impl Iterator<Item = u8> {
        std::iter::once(b'\t').chain(b' '..=b'~')
    }

    /// Where `byte` leads from `at`; none where no string of the domain goes on so.
    pub(super) fn step(self, at: Position, byte: u8) -> Option<Position> {
        match (self, at, byte) {
            (Self::Path, Position::Start, b'/')
            | (Self::Path, Position::Inside, b'!' | b'"' | b'$'..=b'>' | b'@'..=b'~')
            | (Self::HeaderValue, _, b'!'..=b'~') => Some(Position::Inside),
            (Self::HeaderValue, Position::Inside | Position::Blank, b' ' | b'\t') => Some(Position::Blank),
            (Self::Path | Self::HeaderValue, _, _) => None,
        }
    }

    /// Whether a string may end at `at`.
    pub(super) fn ends(self, at: Position) -> bool {
        match self {
            Self::Path => at == Position::Inside,
            Self::HeaderValue => at != Position::Blank,
        }
    }
}
