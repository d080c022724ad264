//! The bytes of rows that may be in memory.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bytes per permit: a semaphore counts to 2^32 only in some places.
const UNIT: usize = 1 << 10;

/// A budget of bytes that every reader takes from before it reads.
#[derive(Clone)]
pub struct Memory {
    semaphore: Arc<Semaphore>,
    units: usize,
}

/// A share of the budget; returned when dropped.
pub struct Share(OwnedSemaphorePermit);

impl Memory {
    /// A budget of that many bytes.
    pub fn new(bytes: u64) -> Self {
        let units = usize::try_from(bytes).unwrap_or(usize::MAX).div_ceil(UNIT);
        let units = units.clamp(1, Semaphore::MAX_PERMITS.min(u32::MAX as usize));
        Self { semaphore: Arc::new(Semaphore::new(units)), units }
    }

    /// Takes a share, waiting for others to return theirs. More than there is at all is cut to
    /// everything there is.
    pub async fn share(&self, bytes: usize) -> Share {
        let units = bytes.div_ceil(UNIT).clamp(1, self.units);
        // Invariants: `units` fits u32 by construction, and the semaphore is never closed.
        let units = u32::try_from(units).unwrap_or(u32::MAX);
        match self.semaphore.clone().acquire_many_owned(units).await {
            Ok(permit) => Share(permit),
            Err(_) => unreachable!("the semaphore is never closed"),
        }
    }
}

impl Share {
    /// Returns what is over `bytes`.
    pub fn shrink_to(&mut self, bytes: usize) {
        let keep = bytes.div_ceil(UNIT).max(1);
        let have = self.0.num_permits();
        if have > keep {
            drop(self.0.split(have - keep));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn shares_never_exceed_the_budget() {
        let memory = Memory::new(10 << 10);
        let mut first = memory.share(8 << 10).await;
        let second = memory.share(4 << 10);
        tokio::pin!(second);
        assert!(futures_pending(&mut second).await);
        first.shrink_to(6 << 10);
        let second = second.await;
        assert_eq!(memory.semaphore.available_permits(), 0);
        drop((first, second));
        // A single row over the whole budget still goes, alone.
        let all = memory.share(100 << 10).await;
        assert_eq!(memory.semaphore.available_permits(), 0);
        drop(all);
        assert_eq!(memory.semaphore.available_permits(), 10);
    }

    async fn futures_pending<F: Future>(future: &mut std::pin::Pin<&mut F>) -> bool {
        std::future::poll_fn(|context| {
            std::task::Poll::Ready(future.as_mut().poll(context).is_pending())
        })
        .await
    }
}
