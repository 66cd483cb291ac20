//! YAML and JSON as Kubernetes reads them, with the byte range of every node.
//!
//! This is the only room that names a YAML crate for user input or for output. It knows nothing of Kubernetes
//! kinds. `split` cuts a text into documents, `events` reads one and `parse` makes a tree of it, `scalar` says what a
//! plain scalar means to kubectl, `emit` writes manifests that the same reader reads back as they were meant.

pub mod emit;
mod events;
mod json;
pub mod parse;
pub mod scalar;
pub mod split;

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use crate::place::Span;

pub use parse::{Document, Problem, ProblemKind, parse, template};
pub use scalar::{Resolved, Scalar};
pub use split::{Piece, split};

/// One node of a document, aliases and merge keys already resolved.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// From its first byte to the end of its last descendant scalar (trailing comments are outside). A node that came
    /// through an alias has the span of the anchored original. A value that was left out is zero bytes wide.
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

/// One step from a node to a child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step<'a> {
    /// To the value of a key.
    Key(&'a str),
    /// To an item, from 0.
    Item(usize),
}

// === impl Node ===

impl Node {
    /// The value of `key`; none where there is no such key, or no map.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.entry(key).map(|(_, value)| value)
    }

    /// The key node and the value of `key`; none where there is no such key, or no map.
    #[must_use]
    pub fn entry(&self, key: &str) -> Option<(&Self, &Self)> {
        self.entries().iter().find(|(name, _)| name.key_text() == key).map(|(name, value)| (name, value))
    }

    /// The entries of a map in written order; empty for what is not a map.
    #[must_use]
    pub fn entries(&self) -> &[(Self, Self)] {
        match &self.value {
            Value::Map(entries) => entries,
            Value::Scalar(_) | Value::List(_) => &[],
        }
    }

    /// The items of a list; empty for what is not a list.
    #[must_use]
    pub fn items(&self) -> &[Self] {
        match &self.value {
            Value::List(items) => items,
            Value::Scalar(_) | Value::Map(_) => &[],
        }
    }

    /// The descendant at the end of `path`.
    #[must_use]
    pub fn find(&self, path: &[Step<'_>]) -> Option<&Self> {
        path.iter().try_fold(self, |node, step| match step {
            Step::Key(key) => node.get(key),
            Step::Item(index) => node.items().get(*index),
        })
    }

    /// The descendant that these keys lead to.
    #[must_use]
    pub fn path(&self, keys: &[&str]) -> Option<&Self> {
        keys.iter().try_fold(self, |node, key| node.get(key))
    }

    /// The text, if kubectl reads a string: neither a number nor a boolean counts.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        self.scalar().and_then(Scalar::as_str)
    }

    /// The scalar, if it is one.
    #[must_use]
    pub fn scalar(&self) -> Option<&Scalar> {
        match &self.value {
            Value::Scalar(scalar) => Some(scalar),
            Value::List(_) | Value::Map(_) => None,
        }
    }

    /// Whether it is null: written so, or left out after its key.
    #[must_use]
    pub fn is_null(&self) -> bool {
        self.scalar().is_some_and(Scalar::is_null)
    }

    /// What it is, for messages: `a list`, `a map`, `a number`, `a string`, `null` or `a boolean`.
    #[must_use]
    pub fn kind_word(&self) -> &'static str {
        match &self.value {
            Value::Scalar(scalar) => scalar.kind_word(),
            Value::List(_) => "a list",
            Value::Map(_) => "a map",
        }
    }

    /// As a key: the JSON key that kubectl makes of it. Empty for lists and maps, which are no keys.
    #[must_use]
    pub fn key_text(&self) -> Cow<'_, str> {
        self.scalar().map_or(Cow::Borrowed(""), Scalar::key_text)
    }

    /// The JSON that kubectl sends to the API server.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        match &self.value {
            Value::Scalar(scalar) => scalar.to_json(),
            Value::List(items) => items.iter().map(Self::to_json).collect(),
            Value::Map(entries) => {
                entries.iter().map(|(key, value)| (key.key_text().into_owned(), value.to_json())).collect()
            }
        }
    }
}

// === impl Step ===

impl<'a> From<&'a str> for Step<'a> {
    fn from(key: &'a str) -> Self {
        Self::Key(key)
    }
}

impl From<usize> for Step<'_> {
    fn from(index: usize) -> Self {
        Self::Item(index)
    }
}
