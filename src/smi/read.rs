//! From a [`Node`] to a typed object.

use super::Object;
use crate::place::Span;
use crate::report::Code;
use crate::yaml::Node;

/// What reading one node gave.
#[derive(Clone, Debug)]
pub struct Read {
    /// The object, as far as it could be read.
    pub object: Object,
    /// What is wrong with it, in source order.
    pub problems: Vec<Problem>,
}

/// Something about one field or the whole object.
#[derive(Clone, Debug)]
pub struct Problem {
    /// The row of `mappings/findings.yaml`.
    pub code: Code,
    /// Where.
    pub span: Span,
    /// One sentence, lower case first, no full stop.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
}

/// Whether `node` is an object of SMI.
#[must_use]
pub fn is_smi(node: &Node) -> bool {
    let _ = node;
    false
}

/// Reads an object of SMI.
#[must_use]
pub fn read(node: &Node) -> Option<Read> {
    let _ = node;
    None
}
