//! How fast rows arrive, and how long the rest may take. Pure: moments come in as arguments.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// The speed is that of this last stretch of time.
const WINDOW: Duration = Duration::from_secs(30);
/// A shorter stretch tells no speed, and is no sample.
const SAMPLE: Duration = Duration::from_millis(500);
/// A shorter copy tells no end.
const SETTLING: Duration = Duration::from_secs(3);
/// When nothing has come for so long, no end is told.
const STALL: Duration = Duration::from_secs(15);

/// Rows and bytes that arrived in this run, and when.
#[derive(Debug, Clone)]
pub(super) struct Rate {
    rows: u64,
    bytes: u64,
    /// When copying began.
    began: Instant,
    /// When the last rows arrived, or copying began.
    last: Instant,
    /// Moments, with the rows and bytes until then; oldest first.
    samples: VecDeque<(Instant, u64, u64)>,
}

impl Rate {
    /// Nothing copied yet.
    pub(super) fn new(now: Instant) -> Self {
        let samples = VecDeque::from([(now, 0, 0)]);
        Self { rows: 0, bytes: 0, began: now, last: now, samples }
    }

    /// Time counts from here, unless rows have arrived: what comes before the first row is not
    /// copying.
    pub(super) fn begin(&mut self, now: Instant) {
        if self.rows == 0 {
            *self = Self::new(now);
        }
    }

    /// Rows arrived.
    pub(super) fn add(&mut self, rows: u64, bytes: u64, now: Instant) {
        self.rows = self.rows.saturating_add(rows);
        self.bytes = self.bytes.saturating_add(bytes);
        self.last = now;
        let apart = |(at, ..): &(Instant, u64, u64)| now.saturating_duration_since(*at);
        if self.samples.back().is_none_or(|last| apart(last) >= SAMPLE) {
            self.samples.push_back((now, self.rows, self.bytes));
        }
        // One sample from before the window stays: the window starts there.
        while self.samples.get(1).is_some_and(|second| apart(second) > WINDOW) {
            self.samples.pop_front();
        }
    }

    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Rows and bytes per second at this moment; unknown before the first row.
    pub(super) fn speed(&self, now: Instant) -> Option<(u64, u64)> {
        if self.rows == 0 {
            return None;
        }
        let age = |at: &Instant| now.saturating_duration_since(*at);
        let outside = self.samples.iter().rfind(|(at, ..)| age(at) > WINDOW);
        let (from, rows, bytes) = outside.or(self.samples.front())?;
        let elapsed = age(from);
        let per_second = |amount: u64| {
            u64::try_from(u128::from(amount) * 1_000 / elapsed.as_millis()).unwrap_or(u64::MAX)
        };
        (elapsed >= SAMPLE).then(|| (per_second(self.rows - rows), per_second(self.bytes - bytes)))
    }

    /// For how long nothing has come, when that is long.
    pub(super) fn stalled(&self, now: Instant) -> Option<Duration> {
        let idle = now.saturating_duration_since(self.last);
        (idle >= STALL).then_some(idle)
    }

    /// How long so many rows take at this speed; unknown in the first seconds, or when nothing
    /// moves.
    pub(super) fn time_for(&self, rows: u64, now: Instant) -> Option<Duration> {
        let settled = now.saturating_duration_since(self.began) >= SETTLING;
        let (speed, _) = self.speed(now).filter(|_| settled && self.stalled(now).is_none())?;
        (speed > 0).then(|| Duration::from_secs(rows.div_ceil(speed)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(start: Instant, seconds: u64) -> Instant {
        start + Duration::from_secs(seconds)
    }

    #[test]
    fn time_counts_from_the_step_that_copies() {
        let start = Instant::now();
        let mut rate = Rate::new(start);
        // Making the collection took a minute, which is not the copy's time.
        rate.begin(at(start, 60));
        rate.add(8_000, 8_000 * 1_024, at(start, 62));
        assert_eq!(rate.speed(at(start, 62)), Some((4_000, 4_000 * 1_024)));
        // Later steps do not begin it anew.
        rate.begin(at(start, 64));
        assert_eq!(rate.speed(at(start, 64)), Some((2_000, 2_000 * 1_024)));
    }

    #[test]
    fn no_end_is_told_in_the_first_seconds_or_when_nothing_moves() {
        let start = Instant::now();
        let mut rate = Rate::new(start);
        assert_eq!(rate.speed(at(start, 1)), None);
        rate.add(2_000, 0, at(start, 2));
        assert_eq!(rate.speed(at(start, 2)), Some((1_000, 0)));
        assert_eq!(rate.time_for(4_500, at(start, 2)), None);
        rate.add(2_000, 0, at(start, 4));
        assert_eq!(rate.time_for(4_500, at(start, 4)), Some(Duration::from_secs(5)));
        assert_eq!(rate.stalled(at(start, 18)), None);
        assert!(rate.time_for(4_500, at(start, 18)).is_some());
        assert_eq!(rate.stalled(at(start, 19)), Some(Duration::from_secs(15)));
        assert_eq!(rate.time_for(4_500, at(start, 19)), None);
    }

    #[test]
    fn speed_is_that_of_the_last_half_minute() {
        let start = Instant::now();
        let mut rate = Rate::new(start);
        for second in 1..=60 {
            rate.add(1_000, 0, at(start, second));
        }
        for second in 61..=120 {
            rate.add(100, 0, at(start, second));
        }
        assert_eq!(rate.speed(at(start, 120)), Some((100, 0)));
        assert!(rate.samples.len() < 40, "{}", rate.samples.len());
        // When nothing comes any more, the speed falls.
        assert_eq!(rate.speed(at(start, 1_200)), Some((0, 0)));
    }

    #[test]
    fn nothing_overflows() {
        let start = Instant::now();
        let mut rate = Rate::new(start);
        rate.add(u64::MAX, u64::MAX, at(start, 4));
        rate.add(u64::MAX, u64::MAX, start);
        assert_eq!(rate.rows(), u64::MAX);
        assert!(rate.time_for(u64::MAX, at(start, 5)).is_some());
    }
}
