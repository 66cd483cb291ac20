//! YAML and JSON as Kubernetes reads them, with the byte range of every node.
//!
//! This is the only room that names a YAML crate for user input or for output. It knows nothing of Kubernetes
//! kinds. `split` cuts a text into documents, `parse` makes a tree of one document, `scalar` says what a plain
//! scalar means to kubectl, `emit` writes manifests that the same reader reads back as they were meant.

pub mod emit;
pub mod parse;
pub mod scalar;
pub mod split;

use crate::place::Span;

pub use parse::{Document, Problem, ProblemKind, parse};
pub use scalar::Scalar;
pub use split::{Piece, split};

/// One node of a document, aliases and merge keys already resolved.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// From its first byte to the end of its last descendant scalar (trailing comments are outside). A node that came
    /// through an alias has the span of the anchored original.
    pub span: Span,
    /// What it holds.
    pub value: Value,
}

/// What a node holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Null, boolean, number or string, as kubectl resolves it.
    Scalar(Scalar),
    /// A list.
    List(Vec<Node>),
    /// A mapping in written order, each key once.
    Map(Vec<(Node, Node)>),
}
