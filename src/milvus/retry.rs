//! How often and how long a call is made again.

use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::error::{Error, Kind, Result, Tried};

/// The first pause.
const FIRST: Duration = Duration::from_millis(100);
/// The longest pause.
const LONGEST: Duration = Duration::from_secs(5);

/// A bound on repeated calls. Pauses double from 0.1 s to 5 s and are jittered by half.
#[derive(Debug)]
pub struct RetryPolicy {
    limit: Duration,
    state: AtomicU64,
}

impl RetryPolicy {
    /// A policy that gives up once `limit` has passed since the first failure; zero means one
    /// attempt. `seed` drives the jitter.
    pub fn new(limit: Duration, seed: u64) -> Self {
        Self { limit, state: AtomicU64::new(seed | 1) }
    }

    /// The pause before attempt number `attempt` + 1, counted from zero.
    pub fn pause(&self, attempt: u32) -> Duration {
        let full = FIRST.saturating_mul(1 << attempt.min(10)).min(LONGEST);
        // xorshift64: jitter needs to be spread, not unpredictable.
        let mut x = self.state.load(Ordering::Relaxed);
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        self.state.store(x, Ordering::Relaxed);
        let half = full / 2;
        let spread = u32::try_from(x >> 48).unwrap_or_default();
        half + half * spread / (1 << 16)
    }

    /// Calls until it succeeds, fails for good, the bound is reached, or `cancel` fires. Of each failure
    /// after which it calls again `told` hears, and for how much longer at most.
    ///
    /// # Errors
    /// The last error; [`Kind::Cancelled`] when asked to stop during a pause.
    pub async fn run<T, F>(
        &self,
        cancel: &CancellationToken,
        told: &(dyn Fn(&Error, Duration) + Send + Sync),
        mut call: impl FnMut() -> F,
    ) -> Result<T>
    where
        F: Future<Output = Result<T>>,
    {
        // Waiting for one's turn at a slow pace is no failure.
        let mut failing_since = None;
        // What fails for an unknown reason is given less time, and not that of other reasons.
        let mut unclear_since = None;
        let mut attempt = 0;
        loop {
            let error = match call().await {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            let pause = self.pause(attempt);
            let failing = failing_since.get_or_insert_with(Instant::now).elapsed();
            let failing_so = if error.is_retryable() {
                unclear_since = None;
                failing
            } else {
                unclear_since.get_or_insert_with(Instant::now).elapsed()
            };
            let bound = error.patience(self.limit);
            if bound.is_none_or(|bound| failing_so + pause > bound) || failing + pause > self.limit
            {
                return Err(Error { tried: Tried::new(attempt + 1, failing), ..error });
            }
            tracing::info!(attempt, ?pause, %error, "Trying again.");
            let left = bound.unwrap_or_default().saturating_sub(failing_so);
            told(&error, left.min(self.limit.saturating_sub(failing)));
            wait(pause, cancel, &error).await?;
            attempt += 1;
        }
    }

    /// How long attempts may go on.
    pub fn limit(&self) -> Duration {
        self.limit
    }
}

/// Waits, or fails as cancelled in the name of the call that is being repeated.
///
/// # Errors
/// [`Kind::Cancelled`].
pub async fn wait(pause: Duration, cancel: &CancellationToken, of: &Error) -> Result<()> {
    tokio::select! {
        () = tokio::time::sleep(pause) => Ok(()),
        () = cancel.cancelled() => Err(Error::new(
            Kind::Cancelled,
            of.rpc,
            &of.endpoint,
            format!("stopped while waiting to try again after: {of}"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_are_jittered_and_bounded() {
        let policy = RetryPolicy::new(Duration::from_secs(60), 42);
        for attempt in 0..40 {
            let full = FIRST.saturating_mul(1 << attempt.min(10)).min(LONGEST);
            let pause = policy.pause(attempt);
            assert!(pause >= full / 2 && pause <= full, "{attempt}: {pause:?}");
        }
        let pauses: std::collections::BTreeSet<_> = (0..20).map(|_| policy.pause(10)).collect();
        assert!(pauses.len() > 15);
    }

    #[tokio::test(start_paused = true)]
    async fn gives_up_at_the_bound_and_at_once_when_it_cannot_help() {
        let policy = RetryPolicy::new(Duration::from_secs(3), 1);
        let cancel = CancellationToken::new();
        let fail = |kind| async move { Err::<(), _>(Error::new(kind, "Query", "http://h:1", "")) };
        let mut calls = 0;
        let outcome = policy
            .run(&cancel, &|_, _| (), || {
                calls += 1;
                fail(Kind::Invalid)
            })
            .await;
        assert_eq!((outcome.unwrap_err().kind, calls), (Kind::Invalid, 1));

        // What is made again is told, with how long it may go on.
        let heard = std::sync::Mutex::new(Vec::new());
        let told = |error: &Error, left| heard.lock().unwrap().push((error.kind, left));
        let fails = || fail(Kind::Unavailable);
        policy.run(&CancellationToken::new(), &told, fails).await.unwrap_err();
        let heard = heard.into_inner().unwrap();
        assert!(
            heard.iter().all(|(kind, left)| {
                *kind == Kind::Unavailable && *left <= Duration::from_secs(3)
            })
        );
        assert!(heard.len() > 2 && heard[0].1 > Duration::from_secs(2), "{heard:?}");
        assert!(heard.is_sorted_by(|one, next| one.1 >= next.1), "{heard:?}");

        cancel.cancel();
        let outcome = policy.run(&cancel, &|_, _| (), || fail(Kind::Unavailable)).await;
        assert_eq!(outcome.unwrap_err().kind, Kind::Cancelled);
    }
}
