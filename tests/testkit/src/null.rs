//! Two doubles that cost next to no CPU, so that what a run costs is what the tool costs: an
//! endless source, which answers ranges of rows from blocks that were encoded once, and a null
//! target, which counts the rows of a write and throws them away unread.
//!
//! Whatever is not about rows is answered by the double of Milvus 2.3.5 in [`crate::fake`].

mod front;
pub mod gauge;
pub mod messages;
mod range;
mod shape;
mod skim;
mod source;
mod target;

pub use front::Pieces;
pub use shape::{Content, Shape};
pub use source::Source;
pub use target::{Pace, Target};

use std::sync::Mutex;
use std::time::Instant;

use crate::fake::Profile;

/// Milvus 2.3.5 takes and gives messages up to this size.
const MESSAGE_LIMIT: usize = 64 << 20;

fn profile() -> Profile {
    Profile::milvus("2.3.5").set(|profile| profile.loading_polls = 0)
}

/// The calls about rows, as one end saw them.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// Those that were answered, refusals not counted.
    pub calls: u64,
    /// Those that were refused.
    pub refused: u64,
    /// Rows that were given or taken.
    pub rows: u64,
    /// Bytes of the messages that held them.
    pub bytes: u64,
    /// The largest of these messages, refused ones too.
    pub largest: usize,
    /// How many writes there were at once, from their first byte to their answer.
    pub most_at_once: usize,
    /// When the first call that held rows was whole.
    pub first: Option<Instant>,
    /// When the last one was answered.
    pub last: Option<Instant>,
    now: usize,
}

/// A [`Tally`] that several calls write.
#[derive(Default)]
struct Count(Mutex<Tally>);

impl Count {
    fn began(&self) {
        let mut tally = self.0.lock().unwrap();
        tally.now += 1;
        tally.most_at_once = tally.most_at_once.max(tally.now);
    }

    fn ended(&self) {
        self.0.lock().unwrap().now -= 1;
    }

    fn arrived(&self, bytes: usize) {
        let mut tally = self.0.lock().unwrap();
        tally.first.get_or_insert_with(Instant::now);
        tally.largest = tally.largest.max(bytes);
    }

    fn refused(&self) {
        self.0.lock().unwrap().refused += 1;
    }

    fn done(&self, rows: u64, bytes: usize) {
        let mut tally = self.0.lock().unwrap();
        tally.calls += 1;
        tally.rows += rows;
        tally.bytes += bytes as u64;
        tally.last = Some(Instant::now());
    }

    fn get(&self) -> Tally {
        self.0.lock().unwrap().clone()
    }

    /// Counts from nought again; calls under way stay calls under way.
    fn reset(&self) {
        let mut tally = self.0.lock().unwrap();
        let now = tally.now;
        *tally = Tally { now, most_at_once: now, ..Tally::default() };
    }
}
