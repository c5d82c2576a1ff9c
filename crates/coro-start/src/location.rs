//! Where a future blocks: the lines of the program from its leaf outward.

use std::backtrace::Backtrace;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::vec::Vec;

use corokit_core::{Frame, WakerObserver, frames_of, observe_waker};

use crate::inspect::Probe;

/// How many backtraces are taken in one poll at most: a future may wait for any number of things.
const PLACES: usize = 8;

/// What a probe and its future share about places.
#[derive(Default)]
pub(crate) struct Place(Mutex<Asking>);

#[derive(Default)]
struct Asking {
    /// Whether the next poll is to be looked at.
    wanted: bool,
    /// The waker of the latest poll, for those who ask while the future waits.
    waker: Option<Waker>,
    /// What the latest poll that was looked at has found.
    found: Option<Arc<[Backtrace]>>,
}

impl Place {
    fn lock(&self) -> MutexGuard<'_, Asking> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Polls, and looks where the future blocks if that is wanted.
    #[inline]
    pub(crate) fn poll<F: Future>(
        &self,
        future: Pin<&mut F>,
        cx: &mut Context<'_>,
    ) -> Poll<F::Output> {
        let mut asking = self.lock();
        let known = asking.waker.as_ref();
        let mut old = None;
        if !known.is_some_and(|waker| waker.will_wake(cx.waker())) {
            // A waker is cloned and dropped while nothing is locked: both may run any code.
            drop(asking);
            let waker = cx.waker().clone();
            asking = self.lock();
            old = asking.waker.replace(waker);
        }
        // Whoever asks after this look finds the waker of this poll, and wakes the future.
        let wanted = mem::take(&mut asking.wanted);
        drop(asking);
        drop(old);
        if wanted {
            self.look(future, cx)
        } else {
            future.poll(cx)
        }
    }

    /// Forgets the waker of a future that is gone.
    pub(crate) fn end(&self) {
        let mut asking = self.lock();
        let (waker, found) = (asking.waker.take(), asking.found.take());
        drop(asking);
        drop((waker, found));
    }

    #[cold]
    fn look<F: Future>(&self, future: Pin<&mut F>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let places = Places::default();
        let poll = observe_waker(cx.waker(), &places, |waker| {
            future.poll(&mut Context::from_waker(waker))
        });
        let places = places.0.into_inner();
        let places = places.unwrap_or_else(PoisonError::into_inner);
        let found = poll.is_pending().then(|| places.into());
        let old = mem::replace(&mut self.lock().found, found);
        drop(old);
        poll
    }
}

/// Takes a backtrace whenever the waker of a poll is cloned.
#[derive(Default)]
struct Places(Mutex<Vec<Backtrace>>);

impl WakerObserver for Places {
    fn clone_waker(&self, waker: &Waker) -> Waker {
        let mut places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if places.len() < PLACES {
            places.push(Backtrace::force_capture());
        }
        drop(places);
        waker.clone()
    }
}

impl Probe {
    /// Asks for the place at which the future blocks: its next poll is looked at, and
    /// [`blocked_at`](Self::blocked_at) then knows.
    ///
    /// A future that waits is woken for that. The poll is a real one: the future goes on if it can.
    ///
    /// ```
    /// use corokit_coro_start::{Inspect, Probe};
    ///
    /// async fn leaf(receiver: async_channel::Receiver<()>) {
    ///     let _ = receiver.recv().await;
    /// }
    ///
    /// let executor = async_executor::LocalExecutor::new();
    /// let (sender, receiver) = async_channel::bounded(1);
    /// let future = Inspect::new(async { leaf(receiver).await });
    /// let probe = future.probe();
    /// probe.ask_place();
    /// let task = executor.spawn(future);
    /// executor.try_tick();
    ///
    /// let places = probe.blocked_at().unwrap();
    /// assert_eq!(places.len(), 1);
    /// assert!(places[0].iter().any(|frame| frame.function().contains("leaf")));
    /// # drop((sender, task));
    /// ```
    pub fn ask_place(&self) {
        let mut asking = self.place().lock();
        asking.wanted = true;
        let waker = asking.waker.take();
        drop(asking);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Returns where the future blocked in the poll that was looked at last: for each thing that it waits
    /// for, the lines of the program from there outward. At most 8 are kept.
    ///
    /// `None` means that no poll was looked at, that it did not block, or that the future is gone. An empty list means that the poll
    /// kept no waker: nothing will ever wake the future. Where a future waits is seen when it clones the
    /// waker of its poll; not seen is what hides behind wakers of its own, as inside of a
    /// `FuturesUnordered`: there the list ends. What a frame tells depends on the debug information that the
    /// program was built with.
    ///
    /// This takes some microseconds for each frame, and the first call of a process reads the debug
    /// information, which may take a second.
    ///
    /// Source: `asynkit.coro_get_frame`.
    ///
    /// ```
    /// use corokit_coro_start::Inspect;
    ///
    /// let future = Inspect::new(async {});
    /// assert!(future.probe().blocked_at().is_none());
    /// ```
    #[must_use]
    pub fn blocked_at(&self) -> Option<Vec<Vec<Frame>>> {
        let found = self.place().lock().found.clone()?;
        let frames = |place| frames_of(place, &["corokit_coro_start::"]);
        Some(found.iter().map(frames).collect())
    }
}
