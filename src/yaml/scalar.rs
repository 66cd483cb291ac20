//! What a scalar means to kubectl.

/// A scalar as it was written, with what kubectl reads it as.
#[derive(Clone, Debug, PartialEq)]
pub struct Scalar {
    /// The text after unescaping (for a plain scalar: as written).
    pub text: String,
    /// What kubectl reads.
    pub resolved: Resolved,
}

/// A JSON value that is neither list nor map.
#[derive(Clone, Debug, PartialEq)]
pub enum Resolved {
    /// `null`, `~`, nothing.
    Null,
    /// `true`, and in YAML 1.1 `yes`, `on`, `y`.
    Bool(bool),
    /// An integer of any of YAML 1.1's forms.
    Int(i128),
    /// A float.
    Float(f64),
    /// A string: the text itself.
    Str,
}
