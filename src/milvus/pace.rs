//! How many calls one server is sent at a time, and how many bytes a second.
//!
//! How much a server takes is found by measuring: Milvus 2.3.5 on two cores is busy with one writer,
//! a cluster behind 50 ms of network is not with sixteen. The plan file's limits and a known quota
//! are never exceeded.

mod concurrency;
mod rate;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::error::{Error, Kind, Result};
use concurrency::Concurrency;
use rate::Rate;

/// When no call has ended for so long, those that run are taken to hang.
const STUCK: Duration = Duration::from_secs(10);
/// Longest pause after a call: after one that hung, a small share of the time would be hours.
const LONGEST_REST: Duration = Duration::from_secs(600);

/// What a pace must not exceed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PaceLimits {
    /// Most calls at a time.
    pub calls: u32,
    /// Calls at a time on average, where that is less; each is followed by a pause then.
    pub load: Option<f64>,
    /// Bytes per second.
    pub rate: Option<u64>,
}

/// The pace at which one server is read from, or written to. Cheap to clone; clones share it.
#[derive(Debug, Clone)]
pub struct Pace {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    places: Arc<Semaphore>,
    state: Mutex<State>,
    /// Pause after a call, as a multiple of its time.
    rest: f64,
}

#[derive(Debug)]
struct State {
    concurrency: Concurrency,
    /// Places that are given back when a call ends, as there are fewer now.
    surplus: usize,
    /// When a call last ended.
    ended: Option<Instant>,
    rate: Option<Rate>,
}

/// A place among the calls of a server, until it is dropped.
#[derive(Debug)]
pub struct Turn {
    pace: Pace,
    place: Option<OwnedSemaphorePermit>,
    began: Instant,
}

impl Pace {
    /// A pace within these limits, slow at first.
    pub fn new(limits: PaceLimits) -> Self {
        Self::of(limits, Concurrency::new)
    }

    /// As many calls at a time as the limits let, from the first one on.
    pub fn steady(limits: PaceLimits) -> Self {
        Self::of(limits, Concurrency::steady)
    }

    fn of(limits: PaceLimits, concurrency: impl FnOnce(usize) -> Concurrency) -> Self {
        let load = limits.load.filter(|load| *load > 0.0).unwrap_or(f64::INFINITY);
        let mut most = limits.calls.max(1);
        while most > 1 && f64::from(most - 1) >= load {
            most -= 1;
        }
        let rest = (f64::from(most) / load - 1.0).max(0.0);
        let concurrency = concurrency(usize::try_from(most).unwrap_or(usize::MAX));
        let places = Arc::new(Semaphore::new(concurrency.limit()));
        let rate = limits.rate.map(Rate::new);
        let state = Mutex::new(State { concurrency, surplus: 0, ended: None, rate });
        Self { shared: Arc::new(Shared { places, state, rest }) }
    }

    /// Waits for a place, and until `bytes` may be sent. First come, first served.
    ///
    /// # Errors
    /// [`Kind::Cancelled`] when asked to stop meanwhile.
    pub async fn turn(
        &self,
        bytes: u64,
        cancel: &CancellationToken,
        of: (&'static str, &str),
    ) -> Result<Turn> {
        let began = Instant::now();
        let mut waiting = std::pin::pin!(self.shared.places.clone().acquire_owned());
        let place = loop {
            tokio::select! {
                biased;
                () = cancel.cancelled() => return Err(cancelled(of)),
                place = &mut waiting => break place.map_err(|_| cancelled(of))?,
                () = tokio::time::sleep(STUCK) => self.step_over(began),
            }
        };
        let mut turn = Turn { pace: self.clone(), place: Some(place), began: Instant::now() };
        turn.again(bytes, cancel, of).await?;
        Ok(turn)
    }

    /// Lets one call more run when none has ended for long: those that run may hang until their
    /// deadline, and others need not wait for that.
    fn step_over(&self, waiting_since: Instant) {
        let mut state = self.state();
        let last = state.ended.map_or(waiting_since, |ended| ended.max(waiting_since));
        if last.elapsed() < STUCK {
            return;
        }
        state.ended = Some(Instant::now());
        drop(state);
        self.adjust(Concurrency::one_more);
    }

    /// Calls that may run at a time at present.
    #[cfg(test)]
    fn calls(&self) -> usize {
        self.state().concurrency.limit()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every change is of plain numbers, so that a panic elsewhere leaves them usable.
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets as many calls run as were found to do good.
    fn adjust(&self, change: impl FnOnce(&mut Concurrency)) {
        let mut state = self.state();
        let before = state.concurrency.limit();
        change(&mut state.concurrency);
        let after = state.concurrency.limit();
        if after > before {
            let more = after - before;
            let kept = state.surplus.min(more);
            state.surplus -= kept;
            self.shared.places.add_permits(more - kept);
        } else if after < before {
            let fewer = before - after;
            state.surplus += fewer - self.shared.places.forget_permits(fewer);
        }
        if after != before {
            tracing::debug!(before, after, "Calls at a time.");
        }
    }
}

fn cancelled(of: (&'static str, &str)) -> Error {
    Error::new(Kind::Cancelled, of.0, of.1, "stopped while waiting to call")
}

impl Turn {
    /// Waits until `bytes` may be sent in the same place: whoever repeats a call does not queue up
    /// behind others, which may be stuck.
    ///
    /// # Errors
    /// [`Kind::Cancelled`] when asked to stop meanwhile.
    pub async fn again(
        &mut self,
        bytes: u64,
        cancel: &CancellationToken,
        of: (&'static str, &str),
    ) -> Result<()> {
        let wait = self
            .pace
            .state()
            .rate
            .as_mut()
            .map_or(Duration::ZERO, |rate| rate.take(bytes, Instant::now().into_std()));
        if !wait.is_zero() {
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = cancel.cancelled() => {
                    if let Some(rate) = &mut self.pace.state().rate {
                        rate.give_back(bytes);
                    }
                    return Err(cancelled(of));
                }
            }
        }
        self.begin();
        Ok(())
    }

    /// Waits for `pause`, while another call may have the place; then it is ours again at once.
    pub(super) async fn lend(&self, pause: impl Future<Output = Result<()>>) -> Result<()> {
        let lent = Lent::new(self.pace.clone());
        let waited = pause.await;
        drop(lent);
        waited
    }

    /// The call begins only now.
    pub fn begin(&mut self) {
        self.began = Instant::now();
    }

    /// The call went well. `what` is what it was about: calls about the same thing, of about the
    /// same size, are compared with each other. `received` are the bytes of its answer.
    fn succeeded(&self, what: &str, bytes: u64, received: u64) {
        let now = Instant::now();
        let took = now - self.began;
        if received > 0
            && let Some(rate) = &mut self.pace.state().rate
        {
            rate.owe(received, now.into_std());
        }
        self.pace.adjust(|concurrency| {
            concurrency.succeeded(what, took, bytes.max(received), now.into_std());
        });
    }

    /// The call failed. What shows that the server is overloaded slows everything down.
    fn failed(&self, error: &Error) {
        if matches!(
            error.kind,
            Kind::RateLimited | Kind::Timeout | Kind::NotReady | Kind::QuotaExceeded
        ) {
            let (began, now) = (self.began.into_std(), Instant::now().into_std());
            self.pace.adjust(|concurrency| concurrency.overloaded(began, now));
        }
    }

    /// What became of a call about `what` that sent `bytes`; calls about the same thing, of about
    /// the same size, are compared with each other. `received` tells the bytes of an answer.
    pub fn ended<T>(
        &self,
        result: &Result<T>,
        what: &str,
        bytes: u64,
        received: impl Fn(&T) -> u64,
    ) {
        match result {
            Ok(value) => self.succeeded(what, bytes, received(value)),
            Err(error) => self.failed(error),
        }
    }
}

/// A place more, while somebody waits in theirs.
struct Lent(Pace);

impl Lent {
    fn new(pace: Pace) -> Self {
        pace.shared.places.add_permits(1);
        Self(pace)
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.surplus += 1 - self.0.shared.places.forget_permits(1);
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let Some(permit) = self.place.take() else { return };
        let pause = self.began.elapsed().mul_f64(self.pace.shared.rest.min(1e4)).min(LONGEST_REST);
        self.pace.state().ended = Some(Instant::now());
        let pace = self.pace.clone();
        let give_back = move || {
            let mut state = pace.state();
            if state.surplus > 0 {
                state.surplus -= 1;
                permit.forget();
            } else {
                drop(permit);
            }
        };
        if pause.is_zero() {
            give_back();
        } else if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            // As many as there are places, at most.
            runtime.spawn(async move {
                tokio::time::sleep(pause).await;
                give_back();
            });
        }
    }
}

#[cfg(test)]
mod tests;
