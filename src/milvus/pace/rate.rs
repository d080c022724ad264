//! A number of bytes per second that is not exceeded on average. Pure: moments come in as arguments.

use std::time::{Duration, Instant};

/// A debt that is paid off at a rate: a request goes when there is none, however large it is, and what
/// follows waits until it is paid for. Milvus's own limiter works like this; time in which nothing was
/// sent is not made up for, as it may not have it on account either.
#[derive(Debug)]
pub(super) struct Rate {
    per_second: f64,
    level: f64,
    filled: Option<Instant>,
}

impl Rate {
    /// That many bytes per second.
    pub(super) fn new(per_second: u64) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "no rate needs more than 52 bits")]
        let per_second = per_second.max(1) as f64;
        Self { per_second, level: 0.0, filled: None }
    }

    /// Takes bytes, and says how long to wait until they may be sent.
    pub(super) fn take(&mut self, bytes: u64, now: Instant) -> Duration {
        self.fill(now);
        let debt = (-self.level).max(0.0);
        self.level -= as_float(bytes);
        Duration::try_from_secs_f64(debt / self.per_second).unwrap_or(Duration::MAX)
    }

    /// Bytes that came without having been asked for: the next ones wait.
    pub(super) fn owe(&mut self, bytes: u64, now: Instant) {
        self.fill(now);
        self.level -= as_float(bytes);
    }

    /// Bytes that were taken and not sent.
    pub(super) fn give_back(&mut self, bytes: u64) {
        self.level = (self.level + as_float(bytes)).min(0.0);
    }

    fn fill(&mut self, now: Instant) {
        let since = self
            .filled
            .replace(now)
            .map_or(Duration::ZERO, |last| now.saturating_duration_since(last));
        self.level = (self.level + since.as_secs_f64() * self.per_second).min(0.0);
    }
}

fn as_float(bytes: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "no message has more than 52 bits of bytes")]
    let bytes = bytes as f64;
    bytes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn never_more_than_the_rate_and_one_request(
            sizes in proptest::collection::vec(1u64..5_000_000, 1..60),
            rate in 1_000u64..50_000_000,
        ) {
            let start = Instant::now();
            let (mut bucket, mut now, mut sent) = (Rate::new(rate), start, 0.0);
            let largest = as_float(*sizes.iter().max().unwrap());
            for size in sizes {
                now += bucket.take(size, now);
                sent += as_float(size);
                let allowed = as_float(rate) * (now - start).as_secs_f64() + largest;
                prop_assert!(sent <= allowed + 1.0, "{sent} of {allowed}");
            }
        }

        #[test]
        fn all_of_the_rate_can_be_used(size in 1u64..5_000_000, rate in 1_000u64..50_000_000) {
            let start = Instant::now();
            let (mut bucket, mut now, mut sent) = (Rate::new(rate), start, 0.0);
            for _ in 0..100 {
                now += bucket.take(size, now);
                sent += as_float(size);
            }
            let could = as_float(rate) * (now - start).as_secs_f64();
            prop_assert!(sent >= could * 0.999, "{sent} of {could}");
        }
    }
}
