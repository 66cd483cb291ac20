//! Which expressions every engine reads alike.
//!
//! Source meshes read RE2 (Envoy), Go or PCRE; targets read RE2 (Envoy) or Rust's `regex` (Linkerd). An expression is
//! let through when RE2, Go and Rust give it one meaning inside our domains. All others are refused with the place and
//! a reason in plain words; none is quietly given the meaning of the engine that happens to sit in this program.
//!
//! What differs was read in google/re2@2026-01 re2/parse.cc and doc/syntax.txt, and rust-lang/regex
//! regex-syntax@0.8.11 src/ast/parse.rs. Differences that only strings outside our domains can show (Unicode `\d` and
//! `(?i)`, `.` and newlines, `\s` and the vertical tab) are none here.

use regex_syntax::ast::{self, Ast, ErrorKind};

/// The longest expression looked at, in bytes; the API server takes 1024 for a path and 4096 for a header.
const MAX_BYTES: usize = 8192;
/// How deep groups may nest; RE2 takes 1000, Rust 250.
const MAX_NESTING: u32 = 200;
/// The highest count of a repetition, and of nested ones multiplied (RE2 `maximum_repeat_count`; Go the same).
const MAX_REPEAT: u32 = 1000;

/// Why an expression has no language. Offsets are bytes into the expression.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// It is no regular expression.
    #[error("{why}")]
    Invalid {
        /// What is wrong and what to write instead.
        why: String,
        /// Where.
        offset: usize,
    },
    /// It may have worked in the source mesh; no automaton, and no target's engine, can do it.
    #[error("{why}")]
    Unsupported {
        /// What it uses and what to write instead.
        why: String,
        /// Where.
        offset: usize,
    },
    /// The engines read it in different ways.
    #[error("{what}")]
    Differs {
        /// Who reads it how, and what to write instead.
        what: String,
        /// Where.
        offset: usize,
    },
    /// It is too large to be compared.
    #[error("the expression is too large to be compared: {limit}")]
    TooLarge {
        /// The limit that was hit, in words.
        limit: &'static str,
    },
}

/// Holds when RE2, Go and Rust read `pattern` alike.
///
/// # Errors
/// The first thing that keeps them from it.
pub fn check(pattern: &str) -> Result<(), PatternError> {
    parse(pattern).map(drop)
}

/// The syntax tree of an expression that all engines read alike.
pub(super) fn parse(pattern: &str) -> Result<Ast, PatternError> {
    if pattern.len() > MAX_BYTES {
        return Err(PatternError::TooLarge { limit: "it is longer than 8192 bytes" });
    }
    let tree = ast::parse::ParserBuilder::new()
        .nest_limit(MAX_NESTING)
        .build()
        .parse(pattern)
        .map_err(|error| unreadable(pattern, &error))?;
    ast::visit(&tree, Common { pattern, budgets: vec![MAX_REPEAT] })?;
    Ok(tree)
}

// === impl PatternError ===

impl PatternError {
    /// Where in the expression, in bytes; none where it is about the whole.
    #[must_use]
    pub fn offset(&self) -> Option<usize> {
        match self {
            Self::Invalid { offset, .. } | Self::Unsupported { offset, .. } | Self::Differs { offset, .. } => {
                Some(*offset)
            }
            Self::TooLarge { .. } => None,
        }
    }

    /// The same, for an expression whose first `by` bytes were cut off before it was read.
    pub(super) fn shifted(mut self, by: usize) -> Self {
        match &mut self {
            Self::Invalid { offset, .. } | Self::Unsupported { offset, .. } | Self::Differs { offset, .. } => {
                *offset += by;
            }
            Self::TooLarge { .. } => {}
        }
        self
    }
}

fn invalid(why: impl Into<String>, offset: usize) -> PatternError {
    PatternError::Invalid { why: why.into(), offset }
}

fn unsupported(why: impl Into<String>, offset: usize) -> PatternError {
    PatternError::Unsupported { why: why.into(), offset }
}

fn differs(what: impl Into<String>, offset: usize) -> PatternError {
    PatternError::Differs { what: what.into(), offset }
}

// --- what Rust cannot read ---

/// Says of an expression that Rust's parser refused what the other engines make of it.
fn unreadable(pattern: &str, error: &ast::Error) -> PatternError {
    let at = error.span().start.offset;
    let rest = pattern.get(at..).unwrap_or_default();
    let in_class =
        matches!(error.kind(), ErrorKind::ClassUnclosed | ErrorKind::ClassRangeInvalid | ErrorKind::ClassEscapeInvalid);
    if let Some(bracket) = bracket_in_class(pattern).filter(|_| in_class) {
        return literal_bracket(bracket);
    }
    match error.kind() {
        ErrorKind::CaptureLimitExceeded => PatternError::TooLarge { limit: "it has too many groups" },
        ErrorKind::NestLimitExceeded(_) => PatternError::TooLarge { limit: "its groups nest deeper than 200" },
        ErrorKind::RepetitionMissing if rest.starts_with('{') && !opens_repetition(rest) => literal_brace(at),
        ErrorKind::RepetitionMissing if pattern.get(..at).is_some_and(|before| before.ends_with(')')) => differs(
            "a repetition right after flags: RE2 repeats what stands before them, Rust refuses it; put it there",
            at,
        ),
        ErrorKind::RepetitionMissing => nothing_to_repeat(rest, at),
        ErrorKind::RepetitionCountDecimalEmpty
        | ErrorKind::RepetitionCountUnclosed
        | ErrorKind::DecimalEmpty
        | ErrorKind::DecimalInvalid => literal_brace(pattern.get(..=at).unwrap_or(pattern).rfind('{').unwrap_or(at)),
        ErrorKind::RepetitionCountInvalid => invalid("the repetition's first number is larger than its second", at),
        ErrorKind::UnsupportedLookAround => {
            unsupported("look-around such as `(?=…)` and `(?!…)` exists in PCRE only; say the same without it", at)
        }
        ErrorKind::UnsupportedBackreference => unsupported(
            "a backslash before a digit is a back-reference or an octal escape, which no target's engine reads alike",
            at,
        ),
        ErrorKind::EscapeUnrecognized => unknown_escape(rest, at),
        ErrorKind::SpecialWordBoundaryUnclosed
        | ErrorKind::SpecialWordBoundaryUnrecognized
        | ErrorKind::SpecialWordOrRepetitionUnexpectedEof => differs(
            "`\\b{`: Rust expects a kind of word boundary, RE2 and Go a repetition or a literal brace; write `\\b\\{`",
            at,
        ),
        ErrorKind::UnicodeClassInvalid => unsupported(
            "a Unicode class such as `\\pL`; name the ASCII characters instead, for instance `[A-Za-z]`",
            at,
        ),
        ErrorKind::ClassRangeLiteral => differs(
            "a class such as `\\d` as the end of a range: RE2 reads a literal `-`, Rust refuses it; put the `-` last",
            at,
        ),
        ErrorKind::ClassRangeInvalid => invalid("the range in the class ends before it begins", at),
        ErrorKind::ClassEscapeInvalid => invalid("this escape means nothing inside a class", at),
        ErrorKind::ClassUnclosed => {
            invalid("the class is not closed by `]`; write `\\[` for a literal bracket, inside a class as well", at)
        }
        ErrorKind::GroupUnclosed => invalid("the group is not closed by `)`; write `\\(` for a literal one", at),
        ErrorKind::GroupUnopened => invalid("`)` closes no group; write `\\)` for a literal one", at),
        ErrorKind::GroupNameDuplicate { .. } => invalid("two groups have the same name", at),
        ErrorKind::GroupNameEmpty | ErrorKind::GroupNameInvalid | ErrorKind::GroupNameUnexpectedEof => {
            invalid("the group's name is not a name; leave it out", at)
        }
        ErrorKind::EscapeUnexpectedEof => {
            invalid("the expression ends in the middle of an escape; write `\\\\` for a literal backslash", at)
        }
        ErrorKind::EscapeHexEmpty | ErrorKind::EscapeHexInvalid | ErrorKind::EscapeHexInvalidDigit => {
            invalid("the escape does not name a character in hexadecimal digits", at)
        }
        ErrorKind::FlagUnrecognized => {
            unsupported("after `(?` stands a group or a flag that no target's engine has", at)
        }
        other => invalid(format!("not a regular expression: {other}"), at),
    }
}

fn literal_bracket(at: usize) -> PatternError {
    differs("a `[` inside a class: Rust reads a nested class, RE2 and Go a literal bracket; write `\\[`", at)
}

/// Where the first `[` stands that is inside a class and opens no `[:name:]`.
fn bracket_in_class(pattern: &str) -> Option<usize> {
    let bytes = pattern.as_bytes();
    let (mut at, mut in_class) = (0, false);
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 1,
            b'[' if in_class && !bytes[at + 1..].starts_with(b":") => return Some(at),
            b'[' if in_class => at += pattern.get(at..)?.find(":]")? + 1,
            b'[' => {
                in_class = true;
                at += usize::from(bytes[at + 1..].starts_with(b"^"));
                at += usize::from(bytes[at + 1..].starts_with(b"]"));
            }
            b']' => in_class = false,
            _ => {}
        }
        at += 1;
    }
    None
}

fn literal_brace(at: usize) -> PatternError {
    differs("`{` opens no repetition here: RE2 and Go read a literal brace, Rust refuses it; write `\\{`", at)
}

fn nothing_to_repeat(rest: &str, at: usize) -> PatternError {
    let operator = rest.chars().next().unwrap_or('?');
    invalid(format!("there is nothing before `{operator}` to repeat; to match everything write `.*`"), at)
}

fn unknown_escape(rest: &str, at: usize) -> PatternError {
    match rest.chars().nth(1) {
        Some('Q' | 'E') => {
            differs("`\\Q…\\E` quotes in RE2 and Go, Rust refuses it; escape each character instead", at)
        }
        Some('C') => differs("`\\C` is any byte in RE2, Go and Rust refuse it; write `.`", at),
        Some('Z') => unsupported("`\\Z` exists in PCRE only; write `$`", at),
        Some(letter @ ('c' | 'e' | 'g' | 'G' | 'h' | 'H' | 'k' | 'K' | 'l' | 'L' | 'N' | 'R' | 'V' | 'X')) => {
            unsupported(format!("`\\{letter}` exists in PCRE only; say the same without it"), at)
        }
        _ => invalid("this escape means nothing; leave the backslash out, or write `\\\\` for a literal one", at),
    }
}

/// Whether RE2 and Go read the start of `text` as `{n}`, `{n,}` or `{n,m}`: digits only, no leading zeros.
fn opens_repetition(text: &str) -> bool {
    let Some((counts, _)) = text.strip_prefix('{').and_then(|rest| rest.split_once('}')) else { return false };
    let (low, high) = counts.split_once(',').unwrap_or((counts, ""));
    is_count(low) && (high.is_empty() || is_count(high))
}

fn is_count(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'))
}

// --- what Rust reads, and others read otherwise ---

/// Walks a tree and stops at the first thing that is not read alike.
struct Common<'p> {
    pattern: &'p str,
    /// What is left of [`MAX_REPEAT`] inside each repetition that is open; RE2 divides in the same way.
    budgets: Vec<u32>,
}

// === impl Common ===

impl Common<'_> {
    fn flags(flags: &ast::Flags) -> Result<(), PatternError> {
        for item in &flags.items {
            let at = item.span.start.offset;
            match &item.kind {
                ast::FlagsItemKind::Negation
                | ast::FlagsItemKind::Flag(
                    ast::Flag::CaseInsensitive
                    | ast::Flag::MultiLine
                    | ast::Flag::DotMatchesNewLine
                    | ast::Flag::SwapGreed,
                ) => {}
                ast::FlagsItemKind::Flag(ast::Flag::Unicode | ast::Flag::CRLF | ast::Flag::IgnoreWhitespace) => {
                    return Err(differs(
                        "the flags `u`, `x` and `R` exist in Rust, RE2 and Go refuse them; leave the flag out",
                        at,
                    ));
                }
            }
        }
        Ok(())
    }

    fn group(group: &ast::Group) -> Result<(), PatternError> {
        match &group.kind {
            ast::GroupKind::CaptureIndex(_) => Ok(()),
            ast::GroupKind::NonCapturing(flags) => Self::flags(flags),
            ast::GroupKind::CaptureName { starts_with_p: false, .. } => Err(differs(
                "`(?<name>…)` is refused by RE2 before 2023-08 and Go before 1.22; leave the name out",
                group.span.start.offset,
            )),
            ast::GroupKind::CaptureName { starts_with_p: true, name } => {
                let plain = name.name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
                let refused = || {
                    differs(
                        "the group's name has characters that RE2 and Go refuse; leave it out",
                        name.span.start.offset,
                    )
                };
                plain.then_some(()).ok_or_else(refused)
            }
        }
    }

    fn literal(literal: &ast::Literal) -> Result<(), PatternError> {
        let at = literal.span.start.offset;
        match &literal.kind {
            ast::LiteralKind::HexFixed(ast::HexLiteralKind::UnicodeShort | ast::HexLiteralKind::UnicodeLong)
            | ast::LiteralKind::HexBrace(ast::HexLiteralKind::UnicodeShort | ast::HexLiteralKind::UnicodeLong) => {
                Err(differs("`\\u` is an escape in Rust, RE2 and Go refuse it; write `\\x{…}`", at))
            }
            ast::LiteralKind::Octal => Err(unsupported("an octal escape; write `\\x…`", at)),
            _ if !literal.c.is_ascii() => Err(unsupported(
                "a character outside of ASCII, which no request carries as such; in a path it stands percent-encoded",
                at,
            )),
            ast::LiteralKind::Verbatim
            | ast::LiteralKind::Meta
            | ast::LiteralKind::Superfluous
            | ast::LiteralKind::Special(_)
            | ast::LiteralKind::HexFixed(ast::HexLiteralKind::X)
            | ast::LiteralKind::HexBrace(ast::HexLiteralKind::X) => Ok(()),
        }
    }

    fn assertion(assertion: &ast::Assertion) -> Result<(), PatternError> {
        match assertion.kind {
            ast::AssertionKind::StartLine
            | ast::AssertionKind::EndLine
            | ast::AssertionKind::StartText
            | ast::AssertionKind::EndText
            | ast::AssertionKind::WordBoundary
            | ast::AssertionKind::NotWordBoundary => Ok(()),
            ast::AssertionKind::WordBoundaryStart
            | ast::AssertionKind::WordBoundaryEnd
            | ast::AssertionKind::WordBoundaryStartHalf
            | ast::AssertionKind::WordBoundaryEndHalf
            | ast::AssertionKind::WordBoundaryStartAngle
            | ast::AssertionKind::WordBoundaryEndAngle => Err(differs(
                "`\\<`, `\\>` and `\\b{…}` are word boundaries in Rust, literals or errors in RE2 and Go; write `\\b`, or `<`",
                assertion.span.start.offset,
            )),
        }
    }

    fn repetition(&mut self, repetition: &ast::Repetition) -> Result<(), PatternError> {
        let at = repetition.op.span.start.offset;
        if matches!(*repetition.ast, Ast::Repetition(_)) {
            return Err(differs(
                "one repetition on another, such as `a**` or `a++`: Rust repeats twice, RE2 and Go refuse it, in PCRE `++` is possessive; put the first in a group",
                at,
            ));
        }
        let most = match &repetition.op.kind {
            ast::RepetitionKind::ZeroOrOne | ast::RepetitionKind::ZeroOrMore | ast::RepetitionKind::OneOrMore => 1,
            ast::RepetitionKind::Range(range) => {
                if !self.pattern.get(at..).is_some_and(opens_repetition) {
                    return Err(differs(
                        "the count has spaces or leading zeros: Rust reads a repetition, RE2 and Go literal braces; write plain numbers",
                        at,
                    ));
                }
                match range {
                    ast::RepetitionRange::Exactly(n)
                    | ast::RepetitionRange::AtLeast(n)
                    | ast::RepetitionRange::Bounded(_, n) => *n,
                }
            }
        };
        let left = self.budgets.last().copied().unwrap_or(MAX_REPEAT) / most.max(1);
        self.budgets.push(left);
        if left == 0 {
            return Err(differs(
                "a repetition of more than 1000, nested ones multiplied, is refused by RE2 and Go; say it with a smaller count",
                at,
            ));
        }
        Ok(())
    }

    /// The first characters of a class, where `-` and `]` are literals by their place.
    fn class_opening(&self, class: &ast::ClassBracketed) -> Result<(), PatternError> {
        let at = class.span.start.offset;
        let inside = self.pattern.get(at + 1..class.span.end.offset).unwrap_or_default();
        let inside = inside.strip_prefix('^').unwrap_or(inside);
        let range_of_bracket = inside.strip_prefix("]-").is_some_and(|rest| !rest.starts_with(']'));
        if inside.starts_with("--") || range_of_bracket {
            return Err(differs(
                "a range that begins with `-` or `]` at the head of a class: RE2 and Go read a range, Rust literals; escape both ends",
                at,
            ));
        }
        Ok(())
    }
}

impl ast::Visitor for Common<'_> {
    type Output = ();
    type Err = PatternError;

    fn finish(self) -> Result<(), PatternError> {
        Ok(())
    }

    fn visit_pre(&mut self, tree: &Ast) -> Result<(), PatternError> {
        match tree {
            Ast::Flags(set) => Self::flags(&set.flags),
            Ast::Group(group) => Self::group(group),
            Ast::Literal(literal) => Self::literal(literal),
            Ast::Assertion(assertion) => Self::assertion(assertion),
            Ast::Repetition(repetition) => self.repetition(repetition),
            Ast::ClassUnicode(class) => Err(unicode_class(class)),
            Ast::ClassBracketed(class) => self.class_opening(class),
            Ast::Empty(_) | Ast::Dot(_) | Ast::ClassPerl(_) | Ast::Alternation(_) | Ast::Concat(_) => Ok(()),
        }
    }

    fn visit_post(&mut self, tree: &Ast) -> Result<(), PatternError> {
        if let Ast::Repetition(_) = tree {
            self.budgets.pop();
        }
        Ok(())
    }

    fn visit_class_set_item_pre(&mut self, item: &ast::ClassSetItem) -> Result<(), PatternError> {
        match item {
            ast::ClassSetItem::Literal(literal) => Self::literal(literal),
            ast::ClassSetItem::Range(range) => Self::literal(&range.start).and_then(|()| Self::literal(&range.end)),
            ast::ClassSetItem::Unicode(class) => Err(unicode_class(class)),
            ast::ClassSetItem::Bracketed(class) => Err(literal_bracket(class.span.start.offset)),
            ast::ClassSetItem::Empty(_)
            | ast::ClassSetItem::Ascii(_)
            | ast::ClassSetItem::Perl(_)
            | ast::ClassSetItem::Union(_) => Ok(()),
        }
    }

    fn visit_class_set_binary_op_pre(&mut self, op: &ast::ClassSetBinaryOp) -> Result<(), PatternError> {
        Err(differs(
            "`&&`, `--` or `~~` inside a class: Rust computes with sets, RE2 and Go read the characters; escape them, or write each once",
            op.lhs.span().end.offset,
        ))
    }
}

fn unicode_class(class: &ast::ClassUnicode) -> PatternError {
    unsupported(
        "a Unicode class such as `\\pL`; name the ASCII characters instead, for instance `[A-Za-z]`",
        class.span.start.offset,
    )
}
