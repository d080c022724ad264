//! How large a chunk is made: in bytes, by the measured size of rows, and smaller where a server
//! finds it too large.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::milvus::Rows;
use crate::model::CopySettings;

/// Most rows of a chunk: what is read with a limit, as some servers insist on, has to stay below
/// 16,384, and 1,000 rows keep the slowest part of a server busy.
const MOST_ROWS: u64 = 16_000;
/// Fewest bytes to aim at.
const LEAST: u64 = 16 << 10;
/// Rows whose size tells as much as was known before.
const ENOUGH_ROWS: u64 = 16;

/// Size that chunks of one collection aim at. Corrects itself while it is used.
#[derive(Debug)]
pub(super) struct ChunkSize {
    /// Bytes of an average row.
    row_bytes: AtomicU64,
    /// Bytes that a chunk aims at.
    aim: AtomicU64,
    /// What the plan file aims at.
    wanted: u64,
    /// Bytes that no request may have.
    ceiling: AtomicU64,
    /// Bytes of the largest request that was acknowledged.
    taken: AtomicU64,
    answer_limit: usize,
}

impl ChunkSize {
    /// By the plan file, with a first guess of a row's bytes.
    pub(super) fn new(limits: &CopySettings, row_bytes: u64) -> Self {
        let ceiling = limits.max_request_size.0.max(limits.chunk_size.0);
        Self {
            row_bytes: AtomicU64::new(row_bytes.max(1)),
            aim: AtomicU64::new(limits.chunk_size.0),
            wanted: limits.chunk_size.0,
            ceiling: AtomicU64::new(ceiling),
            taken: AtomicU64::new(0),
            answer_limit: usize::try_from(ceiling).unwrap_or(usize::MAX),
        }
    }

    /// Rows that fill a chunk, by what is known at present.
    pub(super) fn rows(&self) -> u64 {
        let row = self.row_bytes.load(Ordering::Relaxed).max(1);
        (self.aim.load(Ordering::Relaxed) / row).clamp(1, MOST_ROWS)
    }

    /// Bytes that one answer may have.
    pub(super) fn answer_limit(&self) -> usize {
        self.answer_limit
    }

    /// Whether rows fit a request, as far as is known.
    pub(super) fn request_fits(&self, rows: &Rows) -> bool {
        rows.bytes() as u64 <= self.ceiling.load(Ordering::Relaxed)
    }

    /// Rows arrived: their size is what the next ones are expected to have.
    pub(super) fn learn(&self, rows: &Rows) {
        self.learn_row(rows.bytes() as u64, rows.len() as u64);
        // An answer that was too large may have been the only one.
        let aim = self.aim.load(Ordering::Relaxed);
        self.aim_at(aim + aim / 64 + 1);
    }

    /// So many rows had so many bytes: a few tell little of others.
    fn learn_row(&self, bytes: u64, rows: u64) {
        let Some(measured) = bytes.checked_div(rows) else { return };
        let (known, told) = (self.row_bytes.load(Ordering::Relaxed), rows.min(ENOUGH_ROWS));
        let all = u128::from(2 * ENOUGH_ROWS);
        let sum =
            u128::from(known) * (all - u128::from(told)) + u128::from(measured) * u128::from(told);
        let average = u64::try_from(sum / all).unwrap_or(u64::MAX);
        self.row_bytes.store(average.max(1), Ordering::Relaxed);
    }

    /// The target took a request with these rows.
    pub(super) fn request_taken(&self, rows: &Rows) {
        self.taken.fetch_max(rows.bytes() as u64, Ordering::Relaxed);
    }

    /// An answer was over a limit.
    pub(super) fn answer_too_large(&self) {
        self.aim_at(self.aim.load(Ordering::Relaxed) / 4 * 3);
    }

    /// The target refused these rows as too large: no later request is as large, unless it took one
    /// that was.
    pub(super) fn request_too_large(&self, rows: &Rows) {
        let taken = self.taken.load(Ordering::Relaxed);
        let less = (rows.bytes() as u64 / 4 * 3).max(LEAST).max(taken);
        self.ceiling.fetch_min(less, Ordering::Relaxed);
        self.aim_at(self.aim.load(Ordering::Relaxed));
    }

    fn aim_at(&self, bytes: u64) {
        let most = self.wanted.min(self.ceiling.load(Ordering::Relaxed) / 4 * 3);
        self.aim.store(bytes.min(most).max(LEAST), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::model::ByteSize;

    fn size(chunk: u64, ceiling: u64, row: u64) -> ChunkSize {
        let limits = CopySettings {
            parallelism: 1,
            parallel_collections: 1,
            memory_limit: ByteSize(512 << 20),
            chunk_size: ByteSize(chunk),
            max_request_size: ByteSize(ceiling),
            max_read_rate: None,
            max_write_rate: None,
            max_rejected_rows: 0,
            retry_for: Duration::ZERO,
        };
        ChunkSize::new(&limits, row)
    }

    #[test]
    fn a_chunk_has_at_least_one_row_and_never_more_than_a_limit_takes() {
        assert_eq!(size(8 << 20, 16 << 20, 1 << 30).rows(), 1);
        assert_eq!(size(8 << 20, 16 << 20, 8).rows(), MOST_ROWS);
        assert_eq!(size(8 << 20, 16 << 20, 8 << 10).rows(), 1_024);
    }

    #[test]
    fn a_few_large_rows_are_learned_from_too() {
        let size = size(8 << 20, 16 << 20, 100);
        for _ in 0..64 {
            size.learn_row(1 << 20, 1);
        }
        assert!((8..20).contains(&size.rows()), "{}", size.rows());
        for _ in 0..16 {
            size.learn_row(1 << 20, 1 << 10);
        }
        assert!((5_000..8_193).contains(&size.rows()), "{}", size.rows());
    }

    #[test]
    fn answers_that_are_too_large_make_chunks_smaller_for_a_while() {
        let size = size(8 << 20, 16 << 20, 8 << 10);
        for _ in 0..3 {
            size.answer_too_large();
        }
        assert!((300..500).contains(&size.rows()), "{}", size.rows());
        for _ in 0..1_000 {
            size.answer_too_large();
        }
        assert_eq!(size.rows(), LEAST / (8 << 10));
    }

    #[test]
    fn requests_are_smaller_than_one_that_was_refused_unless_a_larger_one_was_taken() {
        let rows = |count: i64| {
            let numbers: Vec<(i64, i64)> = (0..count).map(|key| (key, key)).collect();
            Rows::of_numbers(&numbers, None)
        };
        let (small, large) = (rows(8_000), rows(16_000));
        let as_planned = size(8 << 20, 16 << 20, 16);
        assert!(as_planned.request_fits(&large));
        as_planned.request_too_large(&large);
        assert!(!as_planned.request_fits(&large) && as_planned.request_fits(&small));
        assert!(as_planned.rows() * 16 < large.bytes() as u64);

        let contradicted = size(8 << 20, 16 << 20, 16);
        contradicted.request_taken(&large);
        contradicted.request_too_large(&large);
        assert!(contradicted.request_fits(&large));
    }
}
