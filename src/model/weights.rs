//! Weights as exact ratios.
//!
//! SMI weights are relative and may be Quantities; a backendRef takes integers from 0 to 1,000,000
//! (kubernetes-sigs/gateway-api v1.6.1 `apis/v1/shared_types.go`). The official SMI converter reads `500m` as 500 and `1`
//! as 1 (smi-sdk-go `pkg/apis/split/v1alpha1/traffic_split_convert.go`); here both are thousandths.

/// The largest weight of a backendRef.
pub const LARGEST: u32 = 1_000_000;

/// Why weights cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WeightError {
    /// No weight is above zero.
    AllZero,
    /// The least integers with the same ratio go above [`LARGEST`].
    TooLarge(i128),
}

/// The least integers with the same ratios as `milli`.
///
/// # Errors
/// If all are zero, or the least integers are too large for a backendRef.
pub fn least_integers(milli: &[i128]) -> Result<Vec<u32>, WeightError> {
    let divisor = milli.iter().fold(0, |divisor, &weight| gcd(divisor, weight));
    if divisor == 0 {
        return Err(WeightError::AllZero);
    }
    milli
        .iter()
        .map(|weight| weight / divisor)
        .map(|weight| {
            u32::try_from(weight).ok().filter(|&weight| weight <= LARGEST).ok_or(WeightError::TooLarge(weight))
        })
        .collect()
}

fn gcd(mut a: i128, mut b: i128) -> i128 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a.abs()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn one_and_half_keep_their_ratio() {
        assert_eq!(least_integers(&[1000, 500]), Ok(vec![2, 1]));
    }

    #[test]
    fn a_zero_stays_a_zero() {
        assert_eq!(least_integers(&[0, 100_000]), Ok(vec![0, 1]));
    }

    #[test]
    fn weights_that_are_all_zero_have_no_ratio() {
        assert_eq!(least_integers(&[0, 0]), Err(WeightError::AllZero));
        assert_eq!(least_integers(&[]), Err(WeightError::AllZero));
    }

    #[test]
    fn a_ratio_that_does_not_fit_is_refused_not_rounded() {
        assert_eq!(least_integers(&[3_000_000_000, 1000]), Err(WeightError::TooLarge(3_000_000)));
    }

    proptest! {
        #[test]
        fn ratios_are_kept_exactly(weights in proptest::collection::vec(0_i128..1_000_000, 1..8)) {
            prop_assume!(weights.iter().any(|&weight| weight > 0));
            let least = least_integers(&weights).expect("below the largest weight");
            for (a, x) in weights.iter().zip(&least) {
                for (b, y) in weights.iter().zip(&least) {
                    prop_assert_eq!(a * i128::from(*y), b * i128::from(*x));
                }
            }
        }
    }
}
