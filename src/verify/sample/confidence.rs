//! What a sample says about the rows that were not looked at: an exact bound by Clopper and Pearson.

use crate::verify::result::Confidence;

/// How sure.
const LEVEL: f64 = 0.95;
/// Halvings of an interval: more than a number has bits.
const STEPS: u32 = 100;

/// With `bad` among `compared` rows that were chosen at random out of `all`; `None` where nothing
/// was compared of a source that has rows.
pub(super) fn of(bad: u64, compared: u64, all: u64) -> Option<Confidence> {
    let fewer_than = match compared {
        _ if compared >= all => ratio(bad, all),
        0 => return None,
        _ => upper_bound(bad, compared),
    };
    Some(Confidence { level: LEVEL, fewer_than })
}

#[expect(clippy::cast_precision_loss, reason = "fractions of rows need no more than 15 digits")]
fn ratio(part: u64, all: u64) -> f64 {
    if all == 0 { 0.0 } else { part as f64 / all as f64 }
}

/// The fraction at which so few bad rows, or fewer, would be seen in one sample of twenty.
#[expect(clippy::cast_precision_loss, reason = "samples are far smaller than 2^52")]
fn upper_bound(bad: u64, compared: u64) -> f64 {
    if bad >= compared {
        return 1.0;
    }
    if bad == 0 {
        // 1 - 0.05^(1/n), without the loss of digits.
        return -(((1.0 - LEVEL).ln() / compared as f64).exp_m1());
    }
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..STEPS {
        let middle = f64::midpoint(low, high);
        if at_most(bad, compared, middle) > 1.0 - LEVEL {
            low = middle;
        } else {
            high = middle;
        }
    }
    high
}

/// The probability of at most `bad` bad rows among `compared`, where each is one by `fraction`.
#[expect(clippy::cast_precision_loss, reason = "samples are far smaller than 2^52")]
fn at_most(bad: u64, compared: u64, fraction: f64) -> f64 {
    if fraction <= 0.0 {
        return 1.0;
    }
    if fraction >= 1.0 {
        return 0.0;
    }
    let (ln_bad, ln_good) = (fraction.ln(), (-fraction).ln_1p());
    // ln C(n, k), by k.
    let mut ways = 0.0;
    let mut sum = 0.0;
    for number in 0..=bad {
        if number > 0 {
            ways += ((compared - number + 1) as f64 / number as f64).ln();
        }
        let of = number as f64;
        sum += (ways + of * ln_bad + (compared as f64 - of) * ln_good).exp();
    }
    sum
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "that is how a test fails")]
mod tests {
    use super::*;

    fn near(found: f64, expected: f64) {
        assert!((found - expected).abs() <= expected * 1e-9 + 1e-15, "{found} is not {expected}");
    }

    #[test]
    fn bounds_are_those_of_the_tables() {
        near(of(0, 10_000, 1_000_000).unwrap().fewer_than, 1.0 - 0.05_f64.powf(1e-4));
        // The solution of (1-p)^10 + 10 p (1-p)^9 = 0.05.
        let bound = of(1, 10, 100).unwrap().fewer_than;
        near((1.0 - bound).powi(10) + 10.0 * bound * (1.0 - bound).powi(9), 0.05);
        assert!((bound - 0.394_163).abs() < 1e-6, "{bound}");
        // 1 - bound is the bound below of the good ones, which for n of n is 0.05^(1/n).
        near(of(9, 10, 100).unwrap().fewer_than, 0.95_f64.powf(0.1));
        near(of(10, 10, 100).unwrap().fewer_than, 1.0);
    }

    #[test]
    fn a_sample_of_all_rows_is_exact() {
        near(of(0, 50, 50).unwrap().fewer_than, 0.0);
        near(of(5, 50, 50).unwrap().fewer_than, 0.1);
        near(of(0, 0, 0).unwrap().fewer_than, 0.0);
        assert_eq!(of(0, 0, 10), None);
    }

    #[test]
    fn more_bad_rows_never_say_less() {
        let mut last = 0.0;
        for bad in 0..=500 {
            let bound = of(bad, 500, 10_000).unwrap().fewer_than;
            assert!(bound > last, "{bad}: {bound} after {last}");
            assert!(bound >= ratio(bad, 500));
            last = bound;
        }
    }
}
