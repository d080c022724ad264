//! How fast rows arrive, and how long the rest may take. Pure: moments come in as arguments.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::super::size;

/// The speed is that of this last stretch of time.
const WINDOW: Duration = Duration::from_secs(30);
/// A shorter stretch tells no speed, and is no sample.
const SAMPLE: Duration = Duration::from_millis(500);

/// Rows and bytes of one collection so far.
#[derive(Debug, Clone)]
pub struct Rate {
    /// Rows to expect, those of earlier runs included; an estimate that may be wrong.
    total: Option<u64>,
    /// Rows that earlier runs copied.
    before: u64,
    rows: u64,
    bytes: u64,
    /// Moments, with the rows and bytes until then; oldest first.
    samples: VecDeque<(Instant, u64, u64)>,
}

impl Rate {
    /// Nothing copied yet.
    pub fn new(total: Option<u64>, before: u64, now: Instant) -> Self {
        Self { total, before, rows: 0, bytes: 0, samples: VecDeque::from([(now, 0, 0)]) }
    }

    /// Time counts from here, unless rows have arrived: what comes before the first row is not
    /// copying.
    pub fn begin(&mut self, now: Instant) {
        if self.rows == 0 {
            self.samples = VecDeque::from([(now, 0, 0)]);
        }
    }

    /// Rows arrived.
    pub fn add(&mut self, rows: u64, bytes: u64, now: Instant) {
        self.rows = self.rows.saturating_add(rows);
        self.bytes = self.bytes.saturating_add(bytes);
        let apart = |(at, ..): &(Instant, u64, u64)| now.saturating_duration_since(*at);
        if self.samples.back().is_none_or(|last| apart(last) >= SAMPLE) {
            self.samples.push_back((now, self.rows, self.bytes));
        }
        // One sample from before the window stays: the window starts there.
        while self.samples.get(1).is_some_and(|second| apart(second) > WINDOW) {
            self.samples.pop_front();
        }
    }

    /// Rows at the target, those of earlier runs included.
    pub fn position(&self) -> u64 {
        self.before.saturating_add(self.rows)
    }

    /// The expected total, as long as it can be true.
    pub fn total(&self) -> Option<u64> {
        self.total.filter(|total| self.position() <= *total)
    }

    /// How much of the expected total is there, in whole percent, rounded down.
    pub fn percent(&self) -> Option<u64> {
        let total = self.total()?;
        let percent = u128::from(self.position()) * 100 / u128::from(total.max(1));
        Some(if total == 0 { 100 } else { u64::try_from(percent).unwrap_or(100) })
    }

    /// Rows and bytes per second at this moment; unknown in the beginning.
    pub fn speed(&self, now: Instant) -> Option<(u64, u64)> {
        let age = |at: &Instant| now.saturating_duration_since(*at);
        let outside = self.samples.iter().rfind(|(at, ..)| age(at) > WINDOW);
        let (from, rows, bytes) = outside.or(self.samples.front())?;
        let elapsed = age(from);
        let per_second = |amount: u64| {
            u64::try_from(u128::from(amount) * 1_000 / elapsed.as_millis()).unwrap_or(u64::MAX)
        };
        (elapsed >= SAMPLE).then(|| (per_second(self.rows - rows), per_second(self.bytes - bytes)))
    }

    /// How long the rest takes at this speed; unknown without a total, or when nothing moves.
    pub fn remaining(&self, now: Instant) -> Option<Duration> {
        let left = self.total()? - self.position();
        let (speed, _) = self.speed(now)?;
        (speed > 0).then(|| Duration::from_secs(left.div_ceil(speed)))
    }

    /// `12,000 of 20,000 rows (60 %), 4,000 rows/s, 11.7 MiB/s, 2 s left`, as far as it is known.
    pub fn text(&self, now: Instant) -> String {
        let percent = self.percent().map_or(String::new(), |percent| format!(" ({percent} %)"));
        format!("{}{percent}{}", self.amount(), self.pace(now))
    }

    /// The same without the percentage, which stands beside a bar.
    pub fn text_of_bar(&self, now: Instant) -> String {
        format!("{}{}", self.amount(), self.pace(now))
    }

    fn amount(&self) -> String {
        let position = size::count(self.position());
        match (self.total(), self.total) {
            (Some(total), _) => format!("{position} of {}", size::counted(total, "row")),
            (None, Some(wrong)) => format!("{position} rows ({} expected)", size::count(wrong)),
            (None, None) => size::counted(self.position(), "row"),
        }
    }

    fn pace(&self, now: Instant) -> String {
        let Some((rows, bytes)) = self.speed(now) else { return String::new() };
        let pace = format!(", {} rows/s, {}/s", size::count(rows), size::bytes(bytes));
        match self.remaining(now) {
            Some(left) if !left.is_zero() => format!("{pace}, {} left", size::remaining(left)),
            _ => pace,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(start: Instant, seconds: u64) -> Instant {
        start + Duration::from_secs(seconds)
    }

    #[test]
    fn speed_and_remaining_time() {
        let start = Instant::now();
        let mut rate = Rate::new(Some(20_000), 4_000, start);
        assert_eq!(rate.text(start), "4,000 of 20,000 rows (20 %)");
        // Making the collection took a minute, which is not the copy's time.
        rate.begin(at(start, 60));
        rate.add(8_000, 8_000 * 1_024, at(start, 62));
        let text = "12,000 of 20,000 rows (60 %), 4,000 rows/s, 3.9 MiB/s, 2 s left";
        assert_eq!(rate.text(at(start, 62)), text);
        rate.add(8_000, 8_000 * 1_024, at(start, 64));
        let text = "20,000 of 20,000 rows (100 %), 4,000 rows/s, 3.9 MiB/s";
        assert_eq!(rate.text(at(start, 64)), text);
    }

    #[test]
    fn an_unknown_or_wrong_total_gives_no_percentage_and_no_end() {
        let start = Instant::now();
        let mut rate = Rate::new(None, 0, start);
        rate.add(1_000, 10, at(start, 1));
        assert_eq!(rate.text(at(start, 1)), "1,000 rows, 1,000 rows/s, 10 B/s");
        let mut rate = Rate::new(Some(900), 0, start);
        rate.add(1_000, 10, at(start, 1));
        let text = "1,000 rows (900 expected), 1,000 rows/s, 10 B/s";
        assert_eq!(rate.text(at(start, 1)), text);
        assert_eq!((rate.percent(), rate.remaining(at(start, 1))), (None, None));
        assert_eq!(Rate::new(Some(0), 0, start).percent(), Some(100));
    }

    #[test]
    fn speed_is_that_of_the_last_half_minute() {
        let start = Instant::now();
        let mut rate = Rate::new(Some(1_000_000), 0, start);
        for second in 1..=60 {
            rate.add(1_000, 0, at(start, second));
        }
        for second in 61..=120 {
            rate.add(100, 0, at(start, second));
        }
        assert_eq!(rate.speed(at(start, 120)), Some((100, 0)));
        assert!(rate.samples.len() < 40, "{}", rate.samples.len());
        // When nothing comes any more, the speed falls and no end is promised.
        assert_eq!(rate.speed(at(start, 1_200)), Some((0, 0)));
        assert_eq!(rate.remaining(at(start, 1_200)), None);
    }

    #[test]
    fn nothing_overflows() {
        let start = Instant::now();
        let mut rate = Rate::new(Some(u64::MAX), u64::MAX, start);
        rate.add(u64::MAX, u64::MAX, at(start, 1));
        rate.add(u64::MAX, u64::MAX, start);
        assert_eq!(rate.percent(), Some(100));
        assert_eq!(rate.remaining(at(start, 1)), Some(Duration::ZERO));
    }
}
