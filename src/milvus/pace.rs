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
        let state = Mutex::new(State { concurrency, surplus: 0, rate });
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
        let place = tokio::select! {
            biased;
            () = cancel.cancelled() => return Err(cancelled(of)),
            place = self.shared.places.clone().acquire_owned() => {
                place.map_err(|_| cancelled(of))?
            }
        };
        let mut turn = Turn { pace: self.clone(), place: Some(place), began: Instant::now() };
        turn.again(bytes, cancel, of).await?;
        Ok(turn)
    }

    /// Calls that may run at a time at present.
    pub fn calls(&self) -> usize {
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

impl Drop for Turn {
    fn drop(&mut self) {
        let Some(permit) = self.place.take() else { return };
        let pause = self.began.elapsed().mul_f64(self.pace.shared.rest.min(1e4));
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
mod tests {
    use super::*;

    const OF: (&str, &str) = ("Query", "http://h:1");

    fn pace(calls: u32, load: Option<f64>, rate: Option<u64>) -> Pace {
        Pace::new(PaceLimits { calls, load, rate })
    }

    #[tokio::test(start_paused = true)]
    async fn a_load_below_one_is_a_call_and_a_pause() {
        let (pace, cancel) = (pace(8, Some(0.25), None), CancellationToken::new());
        let started = Instant::now();
        for _ in 0..3 {
            let turn = pace.turn(0, &cancel, OF).await.unwrap();
            tokio::time::sleep(Duration::from_secs(1)).await;
            turn.succeeded("rows", 0, 1 << 20);
        }
        // Two pauses of three seconds between three calls of one.
        assert_eq!(started.elapsed().as_secs(), 9);
        assert_eq!(pace.calls(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_load_above_one_bounds_the_calls() {
        for (load, most) in [(1.0, 1), (1.5, 2), (2.0, 2), (64.0, 8)] {
            let pace = pace(8, Some(load), None);
            assert_eq!(pace.state().concurrency.most(), most, "{load}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn bytes_are_sent_at_the_rate_that_is_allowed() {
        let (pace, cancel) = (pace(4, None, Some(1_000_000)), CancellationToken::new());
        let started = Instant::now();
        for _ in 0..10 {
            let turn = pace.turn(1_000_000, &cancel, OF).await.unwrap();
            turn.succeeded("rows", 1_000_000, 0);
        }
        let seconds = started.elapsed().as_secs_f64();
        assert!((8.0..=10.0).contains(&seconds), "{seconds}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_waits_can_be_cancelled() {
        let (pace, cancel) = (pace(1, None, None), CancellationToken::new());
        let held = pace.turn(0, &cancel, OF).await.unwrap();
        let mut others = Vec::new();
        while pace.shared.places.available_permits() > 0 {
            others.push(pace.turn(0, &cancel, OF).await.unwrap());
        }
        cancel.cancel();
        let error = pace.turn(0, &cancel, OF).await.unwrap_err();
        assert_eq!(error.kind, Kind::Cancelled);
        drop((held, others));
    }

    #[tokio::test(start_paused = true)]
    async fn overload_leaves_fewer_places_when_calls_have_ended() {
        let (pace, cancel) = (pace(8, None, None), CancellationToken::new());
        // Calls that take as long however many there are.
        for _ in 0..50 {
            let mut turns = Vec::new();
            while pace.shared.places.available_permits() > 0 {
                turns.push(pace.turn(0, &cancel, OF).await.unwrap());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
            for turn in turns {
                turn.succeeded("rows", 0, 1 << 20);
            }
        }
        assert_eq!(pace.calls(), 8);
        let mut turns = Vec::new();
        while pace.shared.places.available_permits() > 0 {
            turns.push(pace.turn(0, &cancel, OF).await.unwrap());
        }
        let error = Error::new(Kind::RateLimited, OF.0, OF.1, "");
        for turn in turns {
            turn.failed(&error);
        }
        // All of them tell of the same overload.
        assert_eq!((pace.calls(), pace.shared.places.available_permits()), (4, 4));
    }

    proptest::proptest! {
        #[test]
        fn no_place_is_lost_and_none_is_made_up(
            steps in proptest::collection::vec((0u8..5, 0usize..16, 0u64..400), 1..200),
        ) {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_time()
                .start_paused(true)
                .build()
                .unwrap();
            runtime.block_on(async {
                let (pace, cancel) = (pace(8, None, None), CancellationToken::new());
                let mut turns = Vec::new();
                for (step, which, millis) in steps {
                    let place = which % turns.len().max(1);
                    match step {
                        0 | 1 if pace.shared.places.available_permits() > 0 => {
                            turns.push(pace.turn(0, &cancel, OF).await.unwrap());
                        }
                        2 if place < turns.len() => {
                            turns.swap_remove(place).succeeded("rows", 0, 1 << 20);
                        }
                        3 if place < turns.len() => {
                            let error = Error::new(Kind::RateLimited, OF.0, OF.1, "");
                            turns[place].failed(&error);
                        }
                        _ => tokio::time::sleep(Duration::from_millis(millis)).await,
                    }
                    let surplus = pace.state().surplus;
                    let places = pace.shared.places.available_permits();
                    assert_eq!(pace.calls() + surplus, places + turns.len());
                }
                turns.clear();
                assert_eq!(pace.calls(), pace.shared.places.available_permits());
            });
        }
    }
}
