//! How many calls do good at a time: additive increase while calls take no longer for it,
//! multiplicative decrease when a server says that it is too much. Pure: moments come in as
//! arguments.

use std::collections::HashMap;
use std::time::{Duration, Instant};

/// A call may take this many times as long as alone before more calls do no good: a server that
/// works on one at a time then has the next one waiting.
const MORE_BELOW: f64 = 1.7;
/// Above this there are too many of them.
const FEWER_ABOVE: f64 = 2.3;
/// The shortest time of a call is looked for anew this often, as servers get slower while they fill.
const WINDOW: Duration = Duration::from_secs(30);
/// Smaller calls tell nothing of how long bytes take.
const SMALLEST: u64 = 16 << 10;
/// Things that are told apart; more are compared with each other.
const MOST_KINDS: usize = 4_096;

/// A number of calls, and what it is found by.
#[derive(Debug)]
pub(super) struct Concurrency {
    limit: usize,
    most: usize,
    /// Whether it is always `most`.
    steady: bool,
    /// Whether nothing was found that limits it yet.
    starting: bool,
    /// Times of calls since the last change, as multiples of the shortest one.
    round: Vec<f64>,
    /// The shortest time of a byte, by what the call was about.
    shortest: HashMap<String, Shortest>,
    /// When the limit was lowered for overload: earlier calls tell of the same one.
    lowered: Option<Instant>,
    window: Option<Instant>,
}

/// Seconds per byte: the least of this window, and of the one before.
#[derive(Debug, Clone, Copy)]
struct Shortest {
    now: f64,
    before: f64,
    /// The usual size of a call: times of much smaller ones are not compared.
    size: f64,
}

impl Concurrency {
    pub(super) fn new(most: usize) -> Self {
        Self {
            limit: 1,
            most,
            steady: false,
            starting: true,
            round: Vec::new(),
            shortest: HashMap::new(),
            lowered: None,
            window: None,
        }
    }

    /// So many, whatever happens: for calls that are too small to tell anything.
    pub(super) fn steady(calls: usize) -> Self {
        Self { limit: calls, steady: true, ..Self::new(calls) }
    }

    /// Calls at a time.
    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    #[cfg(test)]
    pub(super) fn most(&self) -> usize {
        self.most
    }

    /// A call about something went well.
    pub(super) fn succeeded(&mut self, what: &str, took: Duration, bytes: u64, now: Instant) {
        if bytes < SMALLEST || self.steady || self.most == 1 {
            return;
        }
        let Some(multiple) = self.compare(what, took, bytes) else { return };
        let window = *self.window.get_or_insert(now);
        if now.saturating_duration_since(window) > WINDOW {
            self.look_again(now);
            return;
        }
        self.round.push(multiple);
        if self.round.len() < self.limit.max(2) {
            return;
        }
        #[expect(clippy::cast_precision_loss, reason = "there are no more than some hundred")]
        let mean = self.round.iter().sum::<f64>() / self.round.len() as f64;
        self.round.clear();
        if mean < MORE_BELOW {
            let more = if self.starting { self.limit * 2 } else { self.limit + 1 };
            self.limit = more.min(self.most);
        } else {
            self.starting = false;
            if mean > FEWER_ABOVE {
                self.limit = (self.limit - 1).max(1);
            }
        }
    }

    /// A call that began at `began` was refused or not answered for overload.
    pub(super) fn overloaded(&mut self, began: Instant, now: Instant) {
        if self.steady || self.lowered.is_some_and(|lowered| began <= lowered) {
            return;
        }
        self.lowered = Some(now);
        self.lower(2);
    }

    /// One call more, as those that run seem to hang.
    pub(super) fn one_more(&mut self) {
        if !self.steady {
            self.limit = (self.limit + 1).min(self.most);
        }
    }

    fn lower(&mut self, by: usize) {
        self.starting = false;
        self.round.clear();
        self.limit = (self.limit / by).max(1);
    }

    /// How many times as long as the shortest one a call took.
    fn compare(&mut self, what: &str, took: Duration, bytes: u64) -> Option<f64> {
        #[expect(clippy::cast_precision_loss, reason = "no message has more than 52 bits of bytes")]
        let size = bytes as f64;
        let cost = took.as_secs_f64().max(1e-6) / size;
        let what = if self.shortest.len() < MOST_KINDS || self.shortest.contains_key(what) {
            what
        } else {
            ""
        };
        let Some(known) = self.shortest.get_mut(what) else {
            let first = Shortest { now: cost, before: f64::INFINITY, size };
            self.shortest.insert(what.to_owned(), first);
            return Some(1.0);
        };
        let usual = known.size;
        known.size = usual.mul_add(0.9, size * 0.1);
        if size < usual / 2.0 {
            return None;
        }
        known.now = known.now.min(cost);
        Some(cost / known.now.min(known.before))
    }

    /// Looks for the shortest time anew, with fewer calls for a moment.
    fn look_again(&mut self, now: Instant) {
        self.window = Some(now);
        for known in self.shortest.values_mut() {
            if known.now.is_finite() {
                known.before = known.now;
            }
            known.now = f64::INFINITY;
        }
        self.lower(4);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    /// A server with so many workers: calls beyond them wait. Returns the limits it led to, late.
    fn serve(workers: u32, alone: Duration, most: usize) -> Vec<usize> {
        let mut concurrency = Concurrency::new(most);
        let mut now = Instant::now();
        let mut limits = Vec::new();
        for _ in 0..2_000 {
            let calls = concurrency.limit();
            let waiting = u32::try_from(calls).unwrap().max(workers);
            let took = alone * waiting / workers;
            now += took;
            for _ in 0..calls {
                concurrency.succeeded("rows", took, 8 * MIB, now);
            }
            limits.push(concurrency.limit());
        }
        limits.split_off(50)
    }

    /// Ten times the mean.
    fn tenfold_mean(limits: &[usize]) -> usize {
        limits.iter().sum::<usize>() * 10 / limits.len()
    }

    #[test]
    fn a_server_with_one_worker_gets_two_or_three_calls() {
        let limits = serve(1, Duration::from_millis(200), 64);
        assert!(limits.iter().all(|limit| (1..=3).contains(limit)), "{limits:?}");
        assert!((15..=29).contains(&tenfold_mean(&limits)), "{limits:?}");
    }

    #[test]
    fn a_server_with_many_workers_is_used() {
        let limits = serve(16, Duration::from_millis(50), 64);
        assert!((200..=400).contains(&tenfold_mean(&limits)), "{limits:?}");
        assert!(tenfold_mean(&serve(1_000, Duration::from_millis(50), 64)) > 600);
    }

    #[test]
    fn overload_halves_once_and_is_forgotten_slowly() {
        let mut concurrency = Concurrency::new(64);
        let start = Instant::now();
        for _ in 0..200 {
            concurrency.succeeded("rows", Duration::from_millis(10), MIB, start);
        }
        assert_eq!(concurrency.limit(), 64);
        let at = start + Duration::from_secs(1);
        for _ in 0..64 {
            concurrency.overloaded(start, at);
        }
        assert_eq!(concurrency.limit(), 32);
        let later = at + Duration::from_secs(1);
        concurrency.overloaded(later, later);
        assert_eq!(concurrency.limit(), 16);
        for _ in 0..16 {
            concurrency.succeeded("rows", Duration::from_millis(10), MIB, at);
        }
        assert_eq!(concurrency.limit(), 17);
    }

    #[test]
    fn small_calls_and_other_collections_are_no_measure() {
        let mut concurrency = Concurrency::new(64);
        let now = Instant::now();
        for _ in 0..100 {
            concurrency.succeeded("quick", Duration::from_millis(10), MIB, now);
            concurrency.succeeded("slow", Duration::from_millis(500), MIB, now);
            concurrency.succeeded("slow", Duration::from_millis(500), 100 << 10, now);
            concurrency.succeeded("slow", Duration::from_secs(5), 100, now);
        }
        assert_eq!(concurrency.limit(), 64);
    }
}
