//! What a scalar means to kubectl.
//!
//! kubectl, Helm and every controller read manifests through `sigs.k8s.io/yaml`, which resolves plain scalars by the
//! rules of YAML 1.1 (kubernetes-sigs/yaml@v1.4.0 goyaml.v2/resolve.go, since v1.5.0 the same file in
//! go.yaml.in/yaml/v2) and then makes JSON of the result (yaml.go, `convertToJSONableObject`). What the cluster saw
//! follows from those two files and from Go's `strconv`, so this file follows them, oddities included: `on` is a
//! boolean, `010` is eight, `08` is a float, and a date is a string. Nothing here knows where a scalar stands.

use std::borrow::Cow;

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
    /// A float. Integers beyond 64 bits in decimal are floats to kubectl.
    Float(f64),
    /// A string: the text itself.
    Str,
}

/// The tags that change what a scalar is; any other tag makes it a string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CoreTag {
    /// `!!str`
    Str,
    /// `!!bool`
    Bool,
    /// `!!int`
    Int,
    /// `!!float`
    Float,
    /// `!!null`
    Null,
    /// Any other.
    Other,
}

// === impl Scalar ===

impl Scalar {
    /// A quoted or block scalar: a string, whatever its text.
    #[must_use]
    pub fn string(text: impl Into<String>) -> Self {
        Self { text: text.into(), resolved: Resolved::Str }
    }

    /// A plain scalar without a tag.
    #[must_use]
    pub fn plain(text: impl Into<String>) -> Self {
        let text = text.into();
        let resolved = resolve(&text);
        Self { text, resolved }
    }

    /// A scalar with a tag. A tag that its text does not fit (`!!int x`), which kubectl refuses, makes a string.
    #[must_use]
    pub fn tagged(text: impl Into<String>, tag: CoreTag) -> Self {
        let text = text.into();
        let resolved = match (tag, resolve(&text)) {
            (CoreTag::Bool, bool @ Resolved::Bool(_)) => bool,
            (CoreTag::Int, int @ Resolved::Int(_)) => int,
            (CoreTag::Float, float @ Resolved::Float(_)) => float,
            (CoreTag::Float, Resolved::Int(int)) => Resolved::Float(int as f64),
            (CoreTag::Null, Resolved::Null) => Resolved::Null,
            (CoreTag::Str | CoreTag::Bool | CoreTag::Int | CoreTag::Float | CoreTag::Null | CoreTag::Other, _) => {
                Resolved::Str
            }
        };
        Self { text, resolved }
    }

    /// The text, if kubectl reads a string.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        matches!(self.resolved, Resolved::Str).then_some(self.text.as_str())
    }

    /// The boolean, if kubectl reads one.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        match self.resolved {
            Resolved::Bool(bool) => Some(bool),
            Resolved::Null | Resolved::Int(_) | Resolved::Float(_) | Resolved::Str => None,
        }
    }

    /// The integer, if kubectl sends one: also for a float without fraction, since JSON has one kind of number and
    /// the API server reads `50.0` and `5e1` as 50.
    #[must_use]
    pub fn as_int(&self) -> Option<i128> {
        match self.resolved {
            Resolved::Int(int) => Some(int),
            Resolved::Float(float) => whole(float),
            Resolved::Null | Resolved::Bool(_) | Resolved::Str => None,
        }
    }

    /// The number that kubectl sends, in the text form of JSON (`0x1F` gives `31`, `1e3` gives `1000`); none for what
    /// is not a number, and for infinities and NaN, which JSON cannot carry.
    #[must_use]
    pub fn as_number_text(&self) -> Option<String> {
        match self.resolved {
            Resolved::Int(int) => Some(int.to_string()),
            Resolved::Float(float) => match whole(float) {
                Some(int) => Some(int.to_string()),
                None => serde_json::Number::from_f64(float).map(|number| number.to_string()),
            },
            Resolved::Null | Resolved::Bool(_) | Resolved::Str => None,
        }
    }

    /// Whether kubectl reads null.
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(self.resolved, Resolved::Null)
    }

    /// `null`, `a boolean`, `a number` or `a string`.
    #[must_use]
    pub fn kind_word(&self) -> &'static str {
        match self.resolved {
            Resolved::Null => "null",
            Resolved::Bool(_) => "a boolean",
            Resolved::Int(_) | Resolved::Float(_) => "a number",
            Resolved::Str => "a string",
        }
    }

    /// The JSON value that kubectl makes. Infinities and NaN, which kubectl cannot send, become their text, so that
    /// they fit no field instead of vanishing as null.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        match self.resolved {
            Resolved::Null => serde_json::Value::Null,
            Resolved::Bool(bool) => bool.into(),
            Resolved::Int(int) => number(int),
            Resolved::Float(float) => match whole(float) {
                Some(int) => number(int),
                None => serde_json::Number::from_f64(float).map_or_else(|| self.text.clone().into(), Into::into),
            },
            Resolved::Str => self.text.clone().into(),
        }
    }

    /// The JSON key that kubectl makes of it (yaml.go, `convertToJSONableObject`): `on:` becomes `true`, `0x10:`
    /// becomes `16`. Null, which kubectl refuses as a key, gives its text.
    #[must_use]
    pub fn key_text(&self) -> Cow<'_, str> {
        match self.resolved {
            Resolved::Null | Resolved::Str => Cow::Borrowed(&self.text),
            Resolved::Bool(true) => Cow::Borrowed("true"),
            Resolved::Bool(false) => Cow::Borrowed("false"),
            Resolved::Int(int) => Cow::Owned(int.to_string()),
            Resolved::Float(float) => Cow::Owned(float_key(float)),
        }
    }
}

/// The integer that `float` is, where JSON would write it as one: Go's encoder writes an exponent from 1e21 on.
fn whole(float: f64) -> Option<i128> {
    (float.fract() == 0.0 && float.abs() < 1e21).then_some(float as i128)
}

fn number(int: i128) -> serde_json::Value {
    match (i64::try_from(int), u64::try_from(int)) {
        (Ok(int), _) => int.into(),
        (_, Ok(int)) => int.into(),
        _ => (int as f64).into(),
    }
}

/// A float as a key: Go's `strconv.FormatFloat(f, 'g', -1, 32)`, with YAML's words for what is not finite.
fn float_key(float: f64) -> String {
    let single = float as f32;
    if single.is_nan() {
        return ".nan".to_owned();
    }
    if single.is_infinite() {
        return if single > 0.0 { ".inf".to_owned() } else { "-.inf".to_owned() };
    }
    // Rust's shortest scientific form has the digits and the exponent that Go decides by.
    let scientific = format!("{single:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    match exponent.parse::<i32>() {
        Ok(exponent) if !(-4..6).contains(&exponent) => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{digits}e{sign}{:02}", exponent.abs())
        }
        _ => single.to_string(),
    }
}

// --- goyaml.v2/resolve.go ---

/// What a plain scalar without a tag is.
fn resolve(text: &str) -> Resolved {
    let Some(first) = text.bytes().next() else { return Resolved::Null };
    match first {
        b'y' | b'Y' | b'n' | b'N' | b't' | b'T' | b'f' | b'F' | b'o' | b'O' | b'~' => word(text),
        b'.' => match special_float(text) {
            Some(float) => Resolved::Float(float),
            None => finite(text).map_or(Resolved::Str, Resolved::Float),
        },
        b'+' | b'-' | b'0'..=b'9' => match special_float(text) {
            Some(float) => Resolved::Float(float),
            None => numeric(text),
        },
        _ => Resolved::Str,
    }
}

/// `resolveMap`: the words for booleans and null.
fn word(text: &str) -> Resolved {
    match text {
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => Resolved::Bool(true),
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => Resolved::Bool(false),
        "~" | "null" | "Null" | "NULL" => Resolved::Null,
        _ => Resolved::Str,
    }
}

/// `resolveMap`: the words for what is not a finite float.
fn special_float(text: &str) -> Option<f64> {
    match text {
        ".nan" | ".NaN" | ".NAN" => Some(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => Some(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => Some(f64::NEG_INFINITY),
        _ => None,
    }
}

/// Integers and floats. Timestamps need no rule: each begins with four digits and a hyphen, which is no number, and
/// the decoder gives their text back (decode.go, `yaml_TIMESTAMP_TAG`).
fn numeric(text: &str) -> Resolved {
    let plain: Cow<'_, str> = if text.contains('_') { text.replace('_', "").into() } else { text.into() };
    let integer = go_int(&plain);
    if let GoInt::Fits(int) = integer {
        return Resolved::Int(int);
    }
    if is_decimal_float(&plain)
        && let Some(float) = finite(&plain)
    {
        return Resolved::Float(float);
    }
    if let Some(int) = signed_after_prefix(&plain) {
        return Resolved::Int(int);
    }
    match integer {
        // Only what is out of range without a sign becomes a big integer: the unsigned parser refuses signs.
        GoInt::OutOfRange(big) => big,
        GoInt::Fits(_) | GoInt::Not => Resolved::Str,
    }
}

/// What Go's `ParseInt(s, 0, 64)` and then `ParseUint(s, 0, 64)` say.
enum GoInt {
    Fits(i128),
    OutOfRange(Resolved),
    Not,
}

fn go_int(text: &str) -> GoInt {
    let (sign, digits) = split_sign(text);
    let (radix, digits) = split_radix(digits);
    if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(radix)) {
        return GoInt::Not;
    }
    let range = match sign {
        Some(_) => i128::from(i64::MIN)..=i128::from(i64::MAX),
        None => i128::from(i64::MIN)..=i128::from(u64::MAX),
    };
    let negative = sign == Some('-');
    match i128::from_str_radix(digits, radix).map(|int| if negative { -int } else { int }) {
        Ok(int) if range.contains(&int) => GoInt::Fits(int),
        _ if sign.is_some() => GoInt::Not,
        Ok(int) => GoInt::OutOfRange(Resolved::Int(int)),
        Err(_) => GoInt::OutOfRange(Resolved::Float(float_of_digits(digits, radix))),
    }
}

/// Beyond 128 bits only the magnitude is kept.
fn float_of_digits(digits: &str, radix: u32) -> f64 {
    digits
        .chars()
        .filter_map(|digit| digit.to_digit(radix))
        .fold(0.0, |sum, digit| sum * f64::from(radix) + f64::from(digit))
}

fn split_sign(text: &str) -> (Option<char>, &str) {
    match text.chars().next() {
        Some(sign @ ('+' | '-')) => (Some(sign), &text[1..]),
        _ => (None, text),
    }
}

/// The radix that a prefix gives, as Go's base 0: a leading zero alone is octal.
fn split_radix(digits: &str) -> (u32, &str) {
    match digits.as_bytes() {
        [b'0', b'b' | b'B', _, ..] => (2, &digits[2..]),
        [b'0', b'o' | b'O', _, ..] => (8, &digits[2..]),
        [b'0', b'x' | b'X', _, ..] => (16, &digits[2..]),
        [b'0', _, ..] => (8, &digits[1..]),
        _ => (10, digits),
    }
}

/// `0b+1` and `0b-1`: goyaml hands what follows its own `0b` to a parser that takes a sign.
fn signed_after_prefix(text: &str) -> Option<i128> {
    let digits = text.strip_prefix("0b")?;
    let (Some(sign), digits) = split_sign(digits) else { return None };
    if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(2)) {
        return None;
    }
    let int = i128::from_str_radix(digits, 2).ok()?;
    let int = if sign == '-' { -int } else { int };
    i64::try_from(int).ok().map(i128::from)
}

/// `yamlStyleFloat`: `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`
fn is_decimal_float(text: &str) -> bool {
    let all_digits = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
    let (_, unsigned) = split_sign(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(split_sign(exponent).1)),
        None => (unsigned, None),
    };
    let mantissa_fits = match mantissa.split_once('.') {
        Some(("", fraction)) => !fraction.is_empty() && all_digits(fraction),
        Some((integer, fraction)) => all_digits(integer) && all_digits(fraction),
        None => !mantissa.is_empty() && all_digits(mantissa),
    };
    mantissa_fits && exponent.is_none_or(|digits| !digits.is_empty() && all_digits(digits))
}

/// Go's `ParseFloat(s, 64)`, which refuses what overflows.
fn finite(text: &str) -> Option<f64> {
    let looks_numeric = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-'));
    if !looks_numeric {
        return None;
    }
    text.parse::<f64>().ok().filter(|float| float.is_finite())
}
