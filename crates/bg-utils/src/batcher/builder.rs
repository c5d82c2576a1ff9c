//! Making a batcher.

use std::future::Future;
use std::time::Duration;

use super::batch::Batch;
use super::driver::Driver;
use super::handle::Batcher;
use super::state::Shared;

/// Makes a [`Batcher`] and its [`Driver`].
///
/// # Examples
///
/// ```
/// use corokit_bg_utils::batcher::{Batch, Batcher};
/// use std::time::Duration;
///
/// let (batcher, driver) = Batcher::builder()
///     .max(500)
///     .wait(Duration::from_millis(20))
///     .queue(10_000)
///     .in_flight(2)
///     .build(async |_: Batch<String>| Ok::<_, std::io::Error>(()));
/// assert_eq!(batcher.capacity(), 10_000);
/// # drop(driver);
/// ```
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until it is told to build"]
pub struct Builder {
    max: usize,
    wait: Duration,
    queue: usize,
    in_flight: usize,
}

impl Builder {
    pub(super) fn new() -> Self {
        Builder {
            max: 100,
            wait: Duration::from_secs(1),
            queue: 1024,
            in_flight: 1,
        }
    }

    /// Sets how many items make a batch. It is 100 unless set.
    ///
    /// # Panics
    ///
    /// If it is 0.
    #[track_caller]
    pub fn max(mut self, items: usize) -> Self {
        assert!(items > 0, "a batch has at least one item");
        self.max = items;
        self
    }

    /// Sets how long the first item of a batch waits for others. It is a second unless set.
    pub fn wait(mut self, wait: Duration) -> Self {
        self.wait = wait;
        self
    }

    /// Sets how many items may be queued; those that are being handled do not count. It is 1,024
    /// unless set, and never less than a batch.
    pub fn queue(mut self, items: usize) -> Self {
        self.queue = items;
        self
    }

    /// Sets how many batches are handled at the same time. It is 1 unless set: then they are
    /// handled in the order in which their items were pushed, and never two at once.
    ///
    /// The driver polls all handlers when one of them is woken: this is for tens, not thousands.
    ///
    /// # Panics
    ///
    /// If it is 0.
    #[track_caller]
    pub fn in_flight(mut self, batches: usize) -> Self {
        assert!(batches > 0, "at least one batch is handled at a time");
        self.in_flight = batches;
        self
    }

    /// Makes the batcher and its driver, which calls the handler for each batch, and has to be
    /// polled: spawned, or awaited beside those who push.
    pub fn build<T, E, H, Fut>(self, handler: H) -> (Batcher<T>, Driver<T, E, H, Fut>)
    where
        H: FnMut(Batch<T>) -> Fut,
        Fut: Future<Output = Result<(), E>>,
    {
        let shared = Shared::new(self.max, self.queue, self.wait);
        let driver = Driver::new(shared.clone(), handler, self.in_flight);
        (Batcher::new(shared), driver)
    }
}
