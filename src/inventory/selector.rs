//! Label selectors, as Kubernetes evaluates them.
//!
//! Shape: k8s.io/apimachinery v0.33 `pkg/apis/meta/v1/types.go`, LabelSelector. Nothing is known here of what is selected.

use std::collections::BTreeMap;

use crate::yaml::Node;

/// A label selector: all of its parts must hold. An empty one selects everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selector {
    /// `matchLabels`.
    pub labels: BTreeMap<String, String>,
    /// `matchExpressions`.
    pub expressions: Vec<Expression>,
}

/// One entry of `matchExpressions`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expression {
    /// The label's name.
    pub key: String,
    /// What is asked of it.
    pub operator: Operator,
    /// The values that `In` and `NotIn` name.
    pub values: Vec<String>,
}

/// What an expression asks of a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// One of the values.
    In,
    /// None of the values; an absent label passes.
    NotIn,
    /// Any value.
    Exists,
    /// No value.
    DoesNotExist,
}

// === impl Selector ===

impl Selector {
    /// A selector of these labels and nothing else.
    #[must_use]
    pub fn of_labels(labels: BTreeMap<String, String>) -> Self {
        Self { labels, expressions: Vec::new() }
    }

    /// The selector in `node`. An expression that Kubernetes does not know is left out, so that too much is selected
    /// rather than too little.
    #[must_use]
    pub fn read(node: &Node) -> Self {
        let expressions = node.get("matchExpressions").map(Node::items).unwrap_or_default();
        Self {
            labels: node.get("matchLabels").map(labels).unwrap_or_default(),
            expressions: expressions.iter().filter_map(Expression::read).collect(),
        }
    }

    /// Whether something with these labels is selected.
    #[must_use]
    pub fn selects(&self, labels: &BTreeMap<String, String>) -> bool {
        is_part(&self.labels, labels) && self.expressions.iter().all(|expression| expression.holds(labels))
    }
}

// === impl Expression ===

impl Expression {
    fn read(node: &Node) -> Option<Self> {
        let operator = match node.get("operator")?.as_str()? {
            "In" => Operator::In,
            "NotIn" => Operator::NotIn,
            "Exists" => Operator::Exists,
            "DoesNotExist" => Operator::DoesNotExist,
            _ => return None,
        };
        let values = node.get("values").map(Node::items).unwrap_or_default();
        let values = values.iter().filter_map(text).collect();
        Some(Self { key: node.get("key").and_then(text)?, operator, values })
    }

    fn holds(&self, labels: &BTreeMap<String, String>) -> bool {
        let value = labels.get(&self.key);
        let named = value.is_some_and(|value| self.values.contains(value));
        match self.operator {
            Operator::In => named,
            Operator::NotIn => !named,
            Operator::Exists => value.is_some(),
            Operator::DoesNotExist => value.is_none(),
        }
    }
}

/// Whether each of `part` is among `labels`, with the same value.
#[must_use]
pub fn is_part(part: &BTreeMap<String, String>, labels: &BTreeMap<String, String>) -> bool {
    part.iter().all(|(key, value)| labels.get(key) == Some(value))
}

/// Labels or annotations: a map of text. A number or boolean that was not quoted is taken as it is written.
pub(super) fn labels(node: &Node) -> BTreeMap<String, String> {
    node.entries().iter().filter_map(|(key, value)| Some((key.key_text().into_owned(), text(value)?))).collect()
}

/// A scalar as text; none for null, lists and maps.
pub(super) fn text(node: &Node) -> Option<String> {
    node.scalar().filter(|scalar| !scalar.is_null()).map(|scalar| scalar.key_text().into_owned())
}
