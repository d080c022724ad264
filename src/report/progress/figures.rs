//! What is known of a copy at one moment: of one collection, or of the whole run.

use std::time::Duration;

use super::super::size;

/// Numbers of one collection, or of the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Figures {
    /// Rows at the target, those of earlier runs included.
    pub(super) rows: u64,
    /// Rows to expect in the end; an estimate that may be wrong.
    pub(super) expected: Option<u64>,
    /// Bytes that this run copied.
    pub(super) bytes: u64,
    /// Chunks that this run copied.
    pub(super) chunks: u64,
    /// Calls that were made again.
    pub(super) retries: u64,
    /// Rows and bytes per second of late.
    pub(super) speed: Option<(u64, u64)>,
    /// How long the rest may take.
    pub(super) left: Option<Duration>,
    /// For how long no row has come, when that is long.
    pub(super) stalled: Option<Duration>,
}

impl Figures {
    /// The expected rows, as long as they can be true.
    pub(super) fn total(&self) -> Option<u64> {
        self.expected.filter(|expected| self.rows <= *expected)
    }

    /// How much of the expected rows is there, in whole percent, rounded down.
    pub(super) fn percent(&self) -> Option<u64> {
        let total = self.total()?;
        let percent = u128::from(self.rows) * 100 / u128::from(total.max(1));
        Some(if total == 0 { 100 } else { u64::try_from(percent).unwrap_or(100) })
    }

    /// `12,000 of 20,000 rows (60 %), 4,000 rows/s, 11.7 MiB/s, 2 s left, 3 retries`, as far as it
    /// is known.
    pub(super) fn text(&self) -> String {
        format!("{}{}{}", self.reached(), self.pace(), retried(self.retries))
    }

    /// `12,000 of 20,000 rows (60 %)`.
    pub(super) fn reached(&self) -> String {
        let percent = self.percent().map_or(String::new(), |percent| format!(" ({percent} %)"));
        format!("{}{percent}", self.amount())
    }

    /// `12,000 of 20,000 rows`.
    pub(super) fn amount(&self) -> String {
        let rows = size::count(self.rows);
        match (self.total(), self.expected) {
            (Some(total), _) => format!("{rows} of {}", size::counted(total, "row")),
            (None, Some(wrong)) => format!("{rows} rows ({} expected)", size::count(wrong)),
            (None, None) => size::counted(self.rows, "row"),
        }
    }

    fn pace(&self) -> String {
        if let Some(stalled) = self.stalled {
            return format!(", no rows for {}", seconds(stalled));
        }
        let Some((rows, bytes)) = self.speed else { return String::new() };
        let pace = format!(", {} rows/s, {}/s", size::count(rows), size::bytes(bytes));
        match self.left {
            Some(left) if !left.is_zero() => format!("{pace}, {} left", size::remaining(left)),
            _ => pace,
        }
    }
}

/// `, 3 retries`, or nothing.
pub(super) fn retried(retries: u64) -> String {
    match retries {
        0 => String::new(),
        1 => ", 1 retry".to_owned(),
        many => format!(", {} retries", size::count(many)),
    }
}

/// How long something has lasted, in whole seconds.
pub(super) fn seconds(time: Duration) -> String {
    size::remaining(Duration::from_secs(time.as_secs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTHING: Figures = Figures {
        rows: 0,
        expected: None,
        bytes: 0,
        chunks: 0,
        retries: 0,
        speed: None,
        left: None,
        stalled: None,
    };

    #[test]
    fn what_is_unknown_is_left_out() {
        assert_eq!(NOTHING.text(), "0 rows");
        let mut figures = Figures { rows: 12_000, expected: Some(20_000), ..NOTHING };
        assert_eq!(figures.text(), "12,000 of 20,000 rows (60 %)");
        figures.speed = Some((4_000, 4_000 * 1_024));
        figures.left = Some(Duration::from_secs(2));
        let text = "12,000 of 20,000 rows (60 %), 4,000 rows/s, 3.9 MiB/s, 2 s left";
        assert_eq!(figures.text(), text);
        (figures.rows, figures.left) = (20_000, Some(Duration::ZERO));
        let text = "20,000 of 20,000 rows (100 %), 4,000 rows/s, 3.9 MiB/s";
        assert_eq!(figures.text(), text);
        (figures.stalled, figures.retries) = (Some(Duration::from_millis(65_900)), 1);
        let text = "20,000 of 20,000 rows (100 %), no rows for 1 min 05 s, 1 retry";
        assert_eq!(figures.text(), text);
    }

    #[test]
    fn a_wrong_total_gives_no_percentage() {
        let figures = Figures { rows: 1_000, expected: Some(900), speed: Some((7, 8)), ..NOTHING };
        assert_eq!(figures.text(), "1,000 rows (900 expected), 7 rows/s, 8 B/s");
        assert_eq!((figures.total(), figures.percent()), (None, None));
        assert_eq!(Figures { expected: Some(0), ..NOTHING }.percent(), Some(100));
        let most = Figures { rows: u64::MAX, expected: Some(u64::MAX), ..NOTHING };
        assert_eq!(most.percent(), Some(100));
    }
}
