//! What a scalar means to kubectl.
//!
//! kubectl, Helm and every controller read manifests through `sigs.k8s.io/yaml`, which resolves plain scalars by the
//! rules of YAML 1.1 (kubernetes-sigs/yaml@v1.4.0 goyaml.v2/resolve.go; since v1.5.0 the same file of
//! yaml/go-yaml@v2.4.2) and then makes JSON of the result (yaml.go, `convertToJSONableObject`). What the cluster saw
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
            None => after_point(text).map_or(Resolved::Str, Resolved::Float),
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
    if let Some(int) = go_int(&plain) {
        return Resolved::Int(int);
    }
    if is_decimal_float(&plain)
        && let Some(float) = finite(&plain)
    {
        return Resolved::Float(float);
    }
    signed_after_prefix(&plain).map_or(Resolved::Str, Resolved::Int)
}

/// What Go's `ParseInt(s, 0, 64)` takes, or else `ParseUint(s, 0, 64)`, which refuses signs.
fn go_int(text: &str) -> Option<i128> {
    let (sign, digits) = split_sign(text);
    let (radix, digits) = split_radix(digits);
    if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(radix)) {
        return None;
    }
    let magnitude = i128::from_str_radix(digits, radix).ok()?;
    match sign {
        None => u64::try_from(magnitude).ok().map(i128::from),
        Some('-') => i64::try_from(-magnitude).ok().map(i128::from),
        Some(_) => i64::try_from(magnitude).ok().map(i128::from),
    }
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
    text.parse::<f64>().ok().filter(|float| float.is_finite())
}

/// Go's `ParseFloat(s, 64)` of a text that begins with a point: `_` may stand between two digits.
fn after_point(text: &str) -> Option<f64> {
    let bytes = text.as_bytes();
    let is_digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    let fits = bytes.iter().enumerate().all(|(at, byte)| *byte != b'_' || (is_digit(at - 1) && is_digit(at + 1)));
    let plain = text.replace('_', "");
    if fits && is_decimal_float(&plain) { finite(&plain) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> String {
        Scalar::plain(text).to_json().to_string()
    }

    /// Each text with the JSON that `YAMLToJSON` of sigs.k8s.io/yaml v1.4.0 and v1.6.0 gives for it.
    #[track_caller]
    fn assert_json(table: &[(&str, &str)]) {
        for (text, expected) in table {
            assert_eq!(json(text), *expected, "{text}");
        }
    }

    #[test]
    fn booleans_are_those_of_yaml_1_1_in_three_cases() {
        for text in ["y", "Y", "yes", "Yes", "YES", "on", "On", "ON", "true", "True", "TRUE"] {
            assert_eq!(Scalar::plain(text).as_bool(), Some(true), "{text}");
        }
        for text in ["n", "N", "no", "No", "NO", "off", "Off", "OFF", "false", "False", "FALSE"] {
            assert_eq!(Scalar::plain(text).as_bool(), Some(false), "{text}");
        }
        for text in ["yEs", "oN", "oFF", "tRUE", "nO", "yess", "o"] {
            assert_eq!(Scalar::plain(text).as_str(), Some(text));
        }
    }

    #[test]
    fn null_is_nothing_a_tilde_or_the_word() {
        for text in ["", "~", "null", "Null", "NULL"] {
            assert!(Scalar::plain(text).is_null(), "{text}");
        }
        assert_eq!(Scalar::plain("nULL").as_str(), Some("nULL"));
    }

    #[test]
    fn integers_are_those_of_go_with_base_0() {
        assert_json(&[
            ("0", "0"),
            ("-0", "0"),
            ("+12", "12"),
            ("010", "8"),
            ("-010", "-8"),
            ("0o10", "8"),
            ("0O10", "8"),
            ("0x1F", "31"),
            ("0X1f", "31"),
            ("-0x1F", "-31"),
            ("0b101", "5"),
            ("-0b101", "-5"),
            ("0b+1", "1"),
            ("0b-1", "-1"),
            ("1_000", "1000"),
            ("1__0_", "10"),
            ("0x_1F", "31"),
            ("18446744073709551615", "18446744073709551615"),
            ("-9223372036854775808", "-9223372036854775808"),
        ]);
    }

    #[test]
    fn what_go_cannot_read_as_an_integer_may_be_a_float() {
        assert_json(&[
            ("08", "8"),
            ("09.5", "9.5"),
            ("1e3", "1000"),
            ("1.", "1"),
            (".5", "0.5"),
            ("+.5", "0.5"),
            (".5_0", "0.5"),
            ("5_0.2_5", "50.25"),
            ("12345678901234567890123456789", "1.2345678901234568e+28"),
        ]);
        assert_eq!(Scalar::plain("50.0").resolved, Resolved::Float(50.0));
    }

    #[test]
    fn what_is_neither_stays_a_string() {
        for text in [
            "0x",
            "0b2",
            "0o9",
            "-",
            "+",
            ".",
            "..",
            "1e",
            "1e+",
            "e1",
            "1.2.3",
            "1,000",
            "1:30",
            "190:20:30.15",
            "<<",
            "=",
            "_1",
            ".5_",
            "._5",
            "1e400",
            "0xFFFFFFFFFFFFFFFFF",
            "-0b-1",
            ".Nan",
            "inf",
            "nan",
            "+.nan",
            "100m",
            "0x1p4",
        ] {
            assert_eq!(Scalar::plain(text).as_str(), Some(text));
        }
    }

    #[test]
    fn dates_are_strings() {
        for text in ["2026-01-01", "2026-1-1", "2026-01-01T00:00:00Z", "2001-12-14 21:59:43.10 -5"] {
            assert_eq!(Scalar::plain(text).as_str(), Some(text));
        }
    }

    #[test]
    fn infinities_and_nan_become_no_null() {
        for text in [".inf", "-.Inf", "+.INF", ".nan", ".NaN"] {
            assert!(matches!(Scalar::plain(text).resolved, Resolved::Float(_)));
            assert_eq!(Scalar::plain(text).to_json(), serde_json::Value::from(text));
            assert_eq!(Scalar::plain(text).as_number_text(), None);
        }
    }

    #[test]
    fn a_float_without_fraction_is_an_integer_to_the_api_server() {
        assert_eq!(Scalar::plain("5e1").as_int(), Some(50));
        assert_eq!(Scalar::plain("50.0").as_number_text().as_deref(), Some("50"));
        assert_eq!(Scalar::plain("0.5").as_int(), None);
        assert_eq!(Scalar::plain("0.5").as_number_text().as_deref(), Some("0.5"));
        assert_eq!(Scalar::string("50").as_int(), None);
    }

    #[test]
    fn a_key_becomes_the_text_that_go_prints() {
        for (text, key) in [
            ("on", "true"),
            ("n", "false"),
            ("0x10", "16"),
            ("1.50", "1.5"),
            ("1e5", "100000"),
            ("1e6", "1e+06"),
            ("1.25e-5", "1.25e-05"),
            ("0.0001", "0.0001"),
            ("-.inf", "-.inf"),
            ("2026-01-01", "2026-01-01"),
        ] {
            assert_eq!(Scalar::plain(text).key_text(), key);
        }
    }
}
