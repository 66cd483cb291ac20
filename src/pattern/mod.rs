//! Regular languages: what an expression means, exactly, and how two meanings differ.
//!
//! Every mesh anchors a `pathRegex` in its own way, and every target reads `RegularExpression` in its own engine. So an
//! expression is never compared or rewritten as text. It is compiled, under a stated [`Anchoring`], to the [`Language`]
//! of all strings of a [`Domain`] that it matches; languages are compared by walking their automata side by side
//! ([`relate`]), and a difference is a shortest string that shows it. A language becomes an Exact, a PathPrefix or a
//! rewritten expression ([`lower_path`], [`lower_header`], [`portable`]) only when the two were proved equal.
//!
//! - `domain`: which strings there are
//! - `dialect`: which expressions every engine reads alike; all others are refused
//! - `language`: from an expression, a literal or a prefix to an automaton
//! - `relate`: walks over one or many automata
//! - `lower`, `portable`: what Gateway API can say of a language, and the expression where it can say nothing simpler
//! - `words`, `bounds`: what a policy's words take, and the words for a language: exactly, or the tightest bounds
//! - `graph`: the states of a language, to read words off
//! - `spell`: an expression for what no expression of the input says, such as what one language has and another lacks
//!
//! What must not come in: which mesh anchors how (that is a row of `mappings/`), methods, header names, Kubernetes types.

mod bounds;
mod dialect;
mod domain;
mod graph;
mod language;
mod lower;
#[cfg(test)]
mod policy_tests;
mod portable;
mod relate;
mod spell;
#[cfg(test)]
mod tests;
mod words;

pub use bounds::{Bound, BoundSaying, Loss, Saying, say};
pub use dialect::{PatternError, check};
pub use domain::Domain;
pub use language::{Anchoring, Language};
pub use lower::{HeaderLowering, PathLowering, lower_header, lower_path};
pub use portable::{PortableError, escape, expression_for, portable};
pub use relate::{Cell, PAIR_LIMIT, Relation, Undecided, cells, relate, union_relate};
pub use spell::{Spelled, spell};
pub use words::{Said, Vocabulary, Word};
