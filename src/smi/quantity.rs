//! Kubernetes quantities, as exact thousandths.
//!
//! A weight of split.smi-spec.io/v1alpha1 is a `resource.Quantity`, and quantities also turn up in later versions.
//! Grammar, suffixes, rounding and cap follow k8s.io/apimachinery v0.33 `pkg/api/resource/{quantity,suffix,math}.go`.
//! One form is read more strictly: a suffix or a sign without any digit is zero there and is refused here, as the
//! pattern of the CustomResourceDefinitions refuses it. Nothing about SMI is known in this file.

/// A quantity in thousandths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Milli {
    /// Thousandths, rounded away from zero.
    pub milli: i128,
    /// Whether a part smaller than a thousandth was rounded away, or a value above the largest quantity was cut to it.
    pub rounded: bool,
}

/// The largest value a quantity holds, in units.
const LARGEST: i128 = i64::MAX as i128;
/// No quantity of more digits before the point is below [`LARGEST`].
const MOST_DIGITS: i64 = 19;

/// The quantity that `text` writes; none if it is not one.
pub(super) fn parse(text: &str) -> Option<Milli> {
    let text = text.trim();
    let (negative, unsigned) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let number_end = unsigned.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(unsigned.len());
    let (number, suffix) = unsigned.split_at(number_end);
    let scale = Scale::parse(suffix)?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if fraction.contains('.') || (whole.is_empty() && fraction.is_empty()) {
        return None;
    }
    let digits = whole.bytes().chain(fraction.bytes()).map(|digit| digit - b'0').collect();
    let exponent = scale.ten.saturating_sub(i64::try_from(fraction.len()).ok()?);
    let Milli { milli, rounded } = milli(scale.times_1024(digits), exponent);
    Some(Milli { milli: if negative { -milli } else { milli }, rounded })
}

/// What a suffix multiplies by: a power of ten and a power of 1024.
struct Scale {
    ten: i64,
    binary: u32,
}

impl Scale {
    fn parse(suffix: &str) -> Option<Self> {
        let ten = |ten| Some(Self { ten, binary: 0 });
        let binary = |binary| Some(Self { ten: 0, binary });
        match suffix {
            "n" => ten(-9),
            "u" => ten(-6),
            "m" => ten(-3),
            "" => ten(0),
            "k" => ten(3),
            "M" => ten(6),
            "G" => ten(9),
            "T" => ten(12),
            "P" => ten(15),
            "E" => ten(18),
            "Ki" => binary(1),
            "Mi" => binary(2),
            "Gi" => binary(3),
            "Ti" => binary(4),
            "Pi" => binary(5),
            "Ei" => binary(6),
            _ => ten(suffix.strip_prefix(['e', 'E'])?.parse().ok()?),
        }
    }

    /// `digits` (most significant first) times the power of 1024.
    fn times_1024(&self, mut digits: Vec<u8>) -> Vec<u8> {
        for _ in 0..self.binary {
            let mut carry = 0_u32;
            for digit in digits.iter_mut().rev() {
                let value = u32::from(*digit) * 1024 + carry;
                *digit = (value % 10) as u8;
                carry = value / 10;
            }
            while carry > 0 {
                digits.insert(0, (carry % 10) as u8);
                carry /= 10;
            }
        }
        digits
    }
}

/// `digits` times ten to the `exponent`, in thousandths.
fn milli(digits: Vec<u8>, exponent: i64) -> Milli {
    let significant: Vec<u8> = digits.into_iter().skip_while(|digit| *digit == 0).collect();
    let Ok(count) = i64::try_from(significant.len()) else { return Milli { milli: LARGEST * 1000, rounded: true } };
    if count == 0 {
        return Milli { milli: 0, rounded: false };
    }
    if count.saturating_add(exponent) > MOST_DIGITS {
        return Milli { milli: LARGEST * 1000, rounded: true };
    }
    let kept = count.saturating_add(exponent).saturating_add(3);
    let mut value = 0_i128;
    for place in 0..kept.max(0) {
        let digit = usize::try_from(place).ok().and_then(|place| significant.get(place)).copied().unwrap_or(0);
        value = value * 10 + i128::from(digit);
    }
    let rest = usize::try_from(kept.max(0)).unwrap_or(usize::MAX);
    let rounded = significant.iter().skip(rest).any(|digit| *digit != 0);
    let value = value + i128::from(rounded);
    if value > LARGEST * 1000 {
        return Milli { milli: LARGEST * 1000, rounded: true };
    }
    Milli { milli: value, rounded }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn exact(milli: i128) -> Option<Milli> {
        Some(Milli { milli, rounded: false })
    }

    fn rounded(milli: i128) -> Option<Milli> {
        Some(Milli { milli, rounded: true })
    }

    #[test]
    fn every_suffix_has_its_factor() {
        for (text, milli) in [
            ("1", 1000),
            ("100m", 100),
            ("1500m", 1500),
            ("0.5", 500),
            (".5", 500),
            ("5.", 5000),
            ("+2", 2000),
            ("-2", -2000),
            ("007", 7000),
            ("1k", 1_000_000),
            ("1M", 1_000_000_000),
            ("2G", 2_000_000_000_000),
            ("1T", 10_i128.pow(15)),
            ("1P", 10_i128.pow(18)),
            ("1E", 10_i128.pow(21)),
            ("1Ki", 1_024_000),
            ("1Mi", 1024_i128.pow(2) * 1000),
            ("1Gi", 1024_i128.pow(3) * 1000),
            ("1Ti", 1024_i128.pow(4) * 1000),
            ("1Pi", 1024_i128.pow(5) * 1000),
            ("1Ei", 1024_i128.pow(6) * 1000),
            ("1.5Ki", 1_536_000),
            ("1e3", 1_000_000),
            ("1E3", 1_000_000),
            ("1e+3", 1_000_000),
            ("1e-3", 1),
            ("1000u", 1),
            ("1000000n", 1),
            (" 90 ", 90_000),
            ("0", 0),
            ("0m", 0),
        ] {
            assert_eq!(parse(text), exact(milli), "{text}");
        }
    }

    #[test]
    fn less_than_a_thousandth_rounds_away_from_zero_and_says_so() {
        assert_eq!(parse("100u"), rounded(1));
        assert_eq!(parse("1n"), rounded(1));
        assert_eq!(parse("1e-400"), rounded(1));
        assert_eq!(parse("-100u"), rounded(-1));
        assert_eq!(parse("1.0001"), rounded(1001));
    }

    #[test]
    fn more_than_the_largest_quantity_is_cut_to_it() {
        let largest = LARGEST * 1000;
        for text in ["10E", "8Ei", "1e400", "9223372036854775808", "1e9223372036854775807"] {
            assert_eq!(parse(text), rounded(largest), "{text}");
        }
        assert_eq!(parse("9223372036854775807"), exact(largest));
    }

    #[test]
    fn what_is_no_quantity_is_refused() {
        for text in ["", "50%", "abc", "m", "-", ".", "1.2.3", "1 m", "1mm", "1Km", "e3", "1e", "1e3m", "0x10", "１"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_answered(text in "\\PC{0,40}") {
            let _ = parse(&text);
        }

        #[test]
        fn decimals_of_three_places_are_exact(whole in 0_i128..1_000_000_000, milli in 0_i128..1000) {
            prop_assert_eq!(parse(&format!("{whole}.{milli:03}")), exact(whole * 1000 + milli));
        }
    }
}
