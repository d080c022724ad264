//! Chunk discovery: first what earlier runs found and did not finish, then the bounds of what is
//! behind.

mod window;

use std::sync::Arc;

use tokio::sync::mpsc;

use super::{Copy, Error, KEYS_ANSWER, Memory};
use crate::ledger::{ChunkId, ChunkRecord};
use crate::milvus::query::LARGEST_LIMIT;
use crate::milvus::{self, Client, Kind, Moment};
use crate::model::{Flavour, Key, KeyKind, KeyRange};
use window::{Found, Window};

/// Open chunks that are taken from the ledger at a time.
const LEDGER_PAGE: usize = 1_000;
/// Fewest keys asked for at a time, unless that is too large an answer.
const SMALL_PAGE: u64 = 1_000;
/// How many times larger a chunk may get while no key is found that is a good bound.
const STRETCH: u64 = 3;

impl Copy {
    /// Sends every chunk that is to be copied; ends when there are no more or the run halts.
    pub(super) async fn discover(
        self: Arc<Self>,
        chunks: mpsc::Sender<ChunkRecord>,
    ) -> Result<(), Error> {
        let of_move = self.task.of_move;
        // What this run finds or splits gets ids behind these, and is not found here again.
        let mut open: Vec<ChunkRecord> = Vec::new();
        let mut after: Option<ChunkId> = None;
        loop {
            let page = self
                .task
                .ledger
                .with(move |ledger| ledger.open_chunks(of_move, after, LEDGER_PAGE))
                .await?;
            let Some(last) = page.last() else { break };
            after = Some(last.id);
            open.extend(page);
        }
        for chunk in open {
            if !self.send(&chunks, chunk).await {
                return Ok(());
            }
        }
        for scope in self.scopes() {
            if !self.discover_scope(scope, &chunks).await? {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Whether to go on.
    async fn discover_scope(
        &self,
        scope: Option<String>,
        chunks: &mpsc::Sender<ChunkRecord>,
    ) -> Result<bool, Error> {
        let of_move = self.task.of_move;
        let of_scope = scope.clone();
        let state =
            self.task.ledger.with(move |ledger| ledger.scope(of_move, of_scope.as_deref())).await?;
        if state.complete {
            return Ok(true);
        }
        let query = self.query(scope.as_deref())?;
        let mut walk = Walk::behind(&self.task.source, query, state.last_up_to);
        loop {
            if self.halt.is_cancelled() {
                return Ok(false);
            }
            let (source, memory) = (&self.task.source, &self.task.memory);
            let found = walk.next(source, memory, self.moment, self.size.rows());
            let found = self.unless_halted(Box::pin(found)).await;
            let (ranges, complete) = found.map_err(|error| {
                let (id, scope) = (ChunkId(0), scope.clone());
                let range = walk.left();
                self.read_error(&ChunkRecord { id, scope, range, tried: false }, error)
            })?;
            if !self.add(scope.clone(), ranges, complete, chunks).await? {
                return Ok(false);
            }
            if complete {
                return Ok(true);
            }
        }
    }

    async fn add(
        &self,
        scope: Option<String>,
        ranges: Vec<KeyRange>,
        complete: bool,
        chunks: &mpsc::Sender<ChunkRecord>,
    ) -> Result<bool, Error> {
        if ranges.is_empty() {
            return Ok(true);
        }
        let of_move = self.task.of_move;
        let (of_scope, of_ranges) = (scope.clone(), ranges.clone());
        let ids = self
            .task
            .ledger
            .with(move |ledger| {
                ledger.add_chunks(of_move, of_scope.as_deref(), &of_ranges, complete)
            })
            .await?;
        for (id, range) in ids.into_iter().zip(ranges) {
            let chunk = ChunkRecord { id, scope: scope.clone(), range, tried: false };
            if !self.send(chunks, chunk).await {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn send(&self, chunks: &mpsc::Sender<ChunkRecord>, chunk: ChunkRecord) -> bool {
        tokio::select! {
            () = self.halt.cancelled() => false,
            sent = chunks.send(chunk) => sent.is_ok(),
        }
    }
}

/// Finds the bounds of ranges of keys, page by page. What is found has no gaps, and the last range
/// is open above: a key that a page skips still lies in some range.
pub struct Walk {
    query: milvus::Query,
    bounds: Bounds,
    window: Window,
}

impl Walk {
    /// Over everything behind a key, or over everything.
    pub fn behind(server: &Client, query: milvus::Query, after: Option<Key>) -> Self {
        let bounded = server.version().older_than(2, 3, 0)
            && server.version().flavour == Flavour::Milvus
            && query.key_kind == KeyKind::Int64;
        let bounds = Bounds { cut: after.clone(), keys: 0 };
        Self { query, bounds, window: Window::behind(after, bounded) }
    }

    /// The next ranges of so many rows each, which may be none, and whether these were the last.
    ///
    /// # Errors
    /// When the call fails; it may be made again.
    pub async fn next(
        &mut self,
        server: &Client,
        memory: &Memory,
        at: Moment,
        rows: u64,
    ) -> milvus::Result<(Vec<KeyRange>, bool)> {
        let (page, found) = self.page(server, memory, at, rows).await?;
        let mut ranges = self.bounds.cut_page(page, rows);
        let complete = found == Found::End;
        if complete {
            ranges.push(KeyRange { after: self.bounds.cut.clone(), up_to: None });
        }
        Ok((ranges, complete))
    }

    /// Where it has not looked yet.
    pub fn left(&self) -> KeyRange {
        KeyRange { up_to: None, ..self.window.range() }
    }

    /// The next keys, in pages as large as the server and the message limits allow.
    async fn page(
        &mut self,
        server: &Client,
        memory: &Memory,
        at: Moment,
        rows: u64,
    ) -> milvus::Result<(Vec<Key>, Found)> {
        let wanted = rows.clamp(SMALL_PAGE, u64::from(LARGEST_LIMIT));
        let mut limit = u32::try_from(wanted).unwrap_or(LARGEST_LIMIT);
        let _share = memory.share(2 * KEYS_ANSWER).await;
        loop {
            let range = self.window.range();
            let page = server.key_page(&self.query, &range, at, limit, KEYS_ANSWER).await;
            match page {
                Err(error) if error.kind == Kind::TooLarge && self.window.shrink() => {}
                Err(error) if error.kind == Kind::TooLarge && limit > 1 => {
                    limit = limit.div_ceil(4);
                }
                other => {
                    let (mut keys, _) = other?;
                    end_at_a_bound(&mut keys);
                    let found = self.window.took(&keys, limit);
                    return Ok((keys, found));
                }
            }
        }
    }
}

/// Cuts ascending keys into chunks.
#[derive(Debug)]
struct Bounds {
    /// Where the last chunk ended.
    cut: Option<Key>,
    /// Keys behind it so far.
    keys: u64,
}

impl Bounds {
    /// The chunks that a page completes. Keys behind the last cut belong to the next one.
    fn cut_page(&mut self, page: Vec<Key>, rows_per_chunk: u64) -> Vec<KeyRange> {
        let mut ranges = Vec::new();
        for key in page {
            self.keys += 1;
            let long = self.keys >= rows_per_chunk.saturating_mul(STRETCH);
            if self.keys >= rows_per_chunk && (long || !key.breaks_lines()) {
                let after = self.cut.replace(key.clone());
                ranges.push(KeyRange { after, up_to: Some(key) });
                self.keys = 0;
            }
        }
        ranges
    }
}

/// Takes keys off the end until the last is a good bound, if there is one: the next page begins
/// behind it.
fn end_at_a_bound(page: &mut Vec<Key>) {
    if let Some(last) = page.iter().rposition(|key| !key.breaks_lines()) {
        page.truncate(last + 1);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn cuts_are_adjacent_and_hold_what_was_asked_for(
            mut keys in proptest::collection::btree_set(any::<i64>(), 0..200),
            pages in 1usize..50,
            rows in 1u64..40,
        ) {
            keys.remove(&i64::MAX);
            let keys: Vec<Key> = keys.into_iter().map(Key::Int64).collect();
            let mut bounds = Bounds { cut: None, keys: 0 };
            let mut ranges: Vec<KeyRange> = keys
                .chunks(pages)
                .flat_map(|page| bounds.cut_page(page.to_vec(), rows))
                .collect();
            ranges.push(KeyRange { after: bounds.cut.clone(), up_to: None });
            prop_assert_eq!(&ranges[0].after, &None);
            for (one, next) in ranges.iter().zip(&ranges[1..]) {
                prop_assert_eq!(&one.up_to, &next.after);
            }
            for (number, range) in ranges.iter().enumerate() {
                let held = keys.iter().filter(|key| range.contains(key)).count() as u64;
                let last = number + 1 == ranges.len();
                let fits = if last { held < rows } else { held == rows };
                prop_assert!(fits);
            }
        }

        #[test]
        fn texts_of_one_line_are_the_bounds_where_there_are_enough_of_them(
            lines in proptest::collection::btree_map("[a-z]{1,6}", any::<bool>(), 0..100),
            pages in 2usize..50,
            rows in 2u64..20,
        ) {
            // Never two keys of several lines one after the other.
            let mut broke = false;
            let keys: Vec<Key> = lines
                .into_iter()
                .map(|(text, breaks)| {
                    broke = breaks && !broke;
                    Key::VarChar(if broke { format!("{text}\n") } else { text })
                })
                .collect();
            let mut bounds = Bounds { cut: None, keys: 0 };
            let (mut ranges, mut seen) = (Vec::new(), 0);
            while seen < keys.len() {
                let mut page = keys[seen..keys.len().min(seen + pages)].to_vec();
                end_at_a_bound(&mut page);
                seen += page.len();
                prop_assert!(!page.is_empty());
                prop_assert!(page.len() == 1 || !page[page.len() - 1].breaks_lines());
                ranges.extend(bounds.cut_page(page, rows));
            }
            for range in &ranges {
                prop_assert!(range.up_to.as_ref().is_some_and(|key| !key.breaks_lines()));
                let held = keys.iter().filter(|key| range.contains(key)).count() as u64;
                prop_assert!(held == rows || held == rows + 1);
            }
        }
    }
}
