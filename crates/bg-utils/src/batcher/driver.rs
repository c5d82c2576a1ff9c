//! The driver of a batcher: it calls the handlers.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::thread;
use std::time::Instant;

use super::batch::{Batch, FailedBatch, Failure, Home, Report};
use super::state::{Next, Shared, wake_all};
use crate::clock::{Sleep, now, sleep_until};
use crate::sync::lock;

/// Calls the handler of a [`Batcher`](super::Batcher) for each batch.
///
/// It completes when the batcher is closed and everything has been handled. If it is dropped before,
/// the handlers in flight are dropped, and what was not handled can be had by
/// [`take_unflushed`](super::Batcher::take_unflushed), or here by [`stop`](Self::stop).
///
/// # Panics
///
/// Polling it after it has completed panics. It does not panic when a handler does; what
/// [`on_failure`](Self::on_failure) was given is another matter, and so are the destructors of items.
#[must_use = "a batcher does nothing unless its driver is polled"]
pub struct Driver<T, E, H, Fut> {
    shared: Arc<Shared<T>>,
    handler: H,
    slots: Vec<Slot<T, Fut>>,
    /// How many slots there may be, and how many are in use.
    limit: usize,
    running: usize,
    /// For each batch that has been taken, in this order, up to which item it goes, and whether it is
    /// done. The first one is not.
    taken: VecDeque<(u64, bool)>,
    /// How many batches have left the front of `taken`.
    settled: u64,
    /// The last item of the batches that have been taken.
    last: u64,
    timer: Option<(Instant, Sleep)>,
    report: Option<Report<T, E>>,
    sink: Option<Sink<T, E>>,
}

/// How many handlers are started in a poll at most; then others have their turn.
const AT_ONCE: usize = 64;

type Sink<T, E> = Box<dyn FnMut(FailedBatch<T, E>) + Send>;

/// A place for a handler.
struct Slot<T, Fut> {
    /// It stays where it is, for one handler after the other.
    future: Pin<Box<Option<Fut>>>,
    /// Where what the handler lets go of comes to.
    home: Home<T>,
    /// The number of its batch.
    number: u64,
    items: u64,
    busy: bool,
}

// The futures are in boxes of their own, and nothing else is ever pinned.
impl<T, E, H, Fut> Unpin for Driver<T, E, H, Fut> {}

impl<T, E, H, Fut> Driver<T, E, H, Fut> {
    pub(super) fn new(shared: Arc<Shared<T>>, handler: H, limit: usize) -> Self {
        Driver {
            shared,
            handler,
            slots: Vec::new(),
            limit,
            running: 0,
            taken: VecDeque::new(),
            settled: 0,
            last: 0,
            timer: None,
            report: Some(Report::new()),
            sink: None,
        }
    }

    /// Has batches that failed given to `sink`, as soon as they have, instead of collected for the
    /// [`Report`].
    ///
    /// This is for batchers that run for long: the failures of years would fill the memory.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::batcher::{Batch, Batcher};
    /// use std::sync::mpsc;
    ///
    /// let (sender, failures) = mpsc::channel();
    /// let (batcher, driver) = Batcher::builder().build(async |_: Batch<u32>| Err("disk full"));
    /// let driver = driver.on_failure(move |failed| sender.send(failed.items).unwrap());
    /// batcher.try_push(1).unwrap();
    /// drop(batcher);
    /// let report = futures_lite::future::block_on(driver);
    /// assert!(report.failed.is_empty());
    /// assert_eq!(failures.recv(), Ok(vec![1]));
    /// ```
    pub fn on_failure(mut self, sink: impl FnMut(FailedBatch<T, E>) + Send + 'static) -> Self {
        self.sink = Some(Box::new(sink));
        self
    }

    /// Drops the driver and returns what was not handled, in the order in which it was pushed. What
    /// was left in the batches of handlers that were running comes first.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::batcher::{Batch, Batcher};
    ///
    /// let (batcher, driver) = Batcher::builder().build(async |_: Batch<u32>| Ok::<_, ()>(()));
    /// batcher.try_push(1).unwrap();
    /// drop(batcher);
    /// assert_eq!(driver.stop(), [1]);
    /// ```
    pub fn stop(self) -> Vec<T> {
        let shared = Arc::clone(&self.shared);
        drop(self);
        let mut state = shared.lock();
        state.unflushed.as_mut().map(mem::take).unwrap_or_default()
    }

    /// Notes that a batch is done, and wakes those who wait for it and all before.
    fn settle(&mut self, number: u64) {
        let index = (number - self.settled) as usize;
        self.taken[index].1 = true;
        let mut done = None;
        while let Some(&(end, true)) = self.taken.front() {
            done = Some(end);
            self.taken.pop_front();
            self.settled += 1;
        }
        let Some(done) = done else { return };
        let mut wakers = Vec::new();
        self.shared.lock().finished(done, &mut wakers);
        wake_all(wakers);
    }
}

impl<T, E, H, Fut> Driver<T, E, H, Fut>
where
    H: FnMut(Batch<T>) -> Fut,
    Fut: Future<Output = Result<(), E>>,
{
    /// Polls the handlers that run.
    fn poll_handlers(&mut self, cx: &mut Context<'_>) {
        for index in 0..self.slots.len() {
            if self.slots[index].busy {
                self.poll_handler(index, cx);
            }
        }
    }

    fn poll_handler(&mut self, index: usize, cx: &mut Context<'_>) {
        let future = self.slots[index].future.as_mut().as_pin_mut();
        let future = future.expect("it is busy");
        let polled = catch_unwind(AssertUnwindSafe(|| future.poll(cx)));
        let failure = match polled {
            Ok(Poll::Pending) => return,
            Ok(Poll::Ready(Ok(()))) => None,
            Ok(Poll::Ready(Err(error))) => Some(Failure::Error(error)),
            Err(panic) => Some(Failure::Panic(panic)),
        };
        self.complete(index, failure);
    }

    /// Lets go of a handler that is done.
    fn complete(&mut self, index: usize, failure: Option<Failure<E>>) {
        let slot = &mut self.slots[index];
        // Dropping what is left of the handler may panic as well. If it has done its work, that
        // is no failure of it.
        let _ = catch_unwind(AssertUnwindSafe(|| slot.future.set(None)));
        let (number, items) = (slot.number, slot.items);
        let left = mem::take(&mut *lock(&slot.home));
        slot.busy = false;
        self.running -= 1;
        self.finish(number, items, left, failure);
    }

    /// Notes what became of a batch.
    fn finish(&mut self, number: u64, items: u64, left: Vec<T>, failure: Option<Failure<E>>) {
        let report = self.report.as_mut().expect("it has not completed");
        report.batches += 1;
        report.items += items;
        let (failed, left) = match failure {
            Some(failure) => (Some(FailedBatch::new(left, failure)), Vec::new()),
            None => (None, left),
        };
        let told = match (failed, &mut self.sink) {
            (Some(failed), Some(sink)) => catch_unwind(AssertUnwindSafe(|| sink(failed))),
            (Some(failed), None) => {
                report.failed.push(failed);
                Ok(())
            }
            (None, _) => Ok(()),
        };
        // Whatever the sink or a destructor does, nobody waits for this batch any more.
        self.settle(number);
        drop(left);
        if let Err(panic) = told {
            resume_unwind(panic);
        }
    }

    /// Calls the handler for a batch, and lets it run until it waits.
    fn start(&mut self, batch: Vec<T>, cx: &mut Context<'_>) {
        let items = batch.len() as u64;
        let number = self.settled + self.taken.len() as u64;
        self.last += items;
        self.taken.push_back((self.last, false));
        let index = match self.slots.iter().position(|slot| !slot.busy) {
            Some(index) => index,
            None => {
                self.slots.push(Slot {
                    future: Box::pin(None),
                    home: Home::default(),
                    number: 0,
                    items: 0,
                    busy: false,
                });
                self.slots.len() - 1
            }
        };
        // A batch that its handler has kept comes home late, and not to where others do.
        let home = &mut self.slots[index].home;
        if Arc::get_mut(home).is_none() {
            *home = Home::default();
        }
        let batch = Batch::new(batch, Arc::clone(home));
        let handler = &mut self.handler;
        match catch_unwind(AssertUnwindSafe(|| handler(batch))) {
            Ok(future) => {
                let slot = &mut self.slots[index];
                slot.future.set(Some(future));
                slot.number = number;
                slot.items = items;
                slot.busy = true;
                self.running += 1;
                self.poll_handler(index, cx);
            }
            Err(panic) => {
                let left = mem::take(&mut *lock(&self.slots[index].home));
                self.finish(number, items, left, Some(Failure::Panic(panic)));
            }
        }
    }

    /// Sets the timer, unless it rings before this instant anyway. Then it is set again.
    fn arm(&mut self, instant: Instant, cx: &mut Context<'_>) -> Poll<()> {
        if let Some((set, timer)) = &mut self.timer {
            if *set <= instant && Pin::new(timer).poll(cx).is_pending() {
                return Poll::Pending;
            }
        }
        let mut timer = sleep_until(instant);
        let polled = Pin::new(&mut timer).poll(cx);
        self.timer = polled.is_pending().then_some((instant, timer));
        polled
    }
}

impl<T, E, H, Fut> Future for Driver<T, E, H, Fut>
where
    H: FnMut(Batch<T>) -> Fut,
    Fut: Future<Output = Result<(), E>>,
{
    type Output = Report<T, E>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Report<T, E>> {
        let this = &mut *self;
        assert!(this.report.is_some(), "polled after completion");
        this.poll_handlers(cx);
        let (mut waker, mut started) = (None, 0);
        loop {
            if started == AT_ONCE {
                // Handlers that do not wait could go on for ever, if items come as fast.
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            if this.running == this.limit {
                // A handler wakes it.
                return Poll::Pending;
            }
            let mut state = this.shared.lock();
            match state.next(now) {
                Next::Handle(batch) => {
                    let pushers = state.admit();
                    drop(state);
                    // A waker that panics must not take the batch with it.
                    let woken = catch_unwind(AssertUnwindSafe(|| wake_all(pushers)));
                    this.start(batch, cx);
                    if let Err(panic) = woken {
                        resume_unwind(panic);
                    }
                    started += 1;
                }
                Next::Done if this.running == 0 => {
                    drop(state);
                    let report = this.report.take();
                    return Poll::Ready(report.expect("it has not completed"));
                }
                Next::Done => return Poll::Pending,
                next => {
                    // The waker is cloned without the lock, and then everything is looked at
                    // again.
                    if waker.is_none() {
                        drop(state);
                        waker = Some(cx.waker().clone());
                        continue;
                    }
                    let old = mem::replace(&mut state.driver, waker.take());
                    drop(state);
                    drop(old);
                    if let Next::Until(instant) = next {
                        if this.arm(instant, cx).is_ready() {
                            continue;
                        }
                    }
                    return Poll::Pending;
                }
            }
        }
    }
}

impl<T, E, H, Fut> Drop for Driver<T, E, H, Fut> {
    fn drop(&mut self) {
        // The handlers are dropped first, the oldest batch first, so that their items come home.
        self.slots.sort_by_key(|slot| slot.number);
        let mut unflushed = Vec::new();
        let mut panicked = None;
        for mut slot in self.slots.drain(..).filter(|slot| slot.busy) {
            // Whoever pushes or flushes is to hear of it, even if a handler panics now.
            let dropped = catch_unwind(AssertUnwindSafe(|| slot.future.set(None)));
            panicked = panicked.or(dropped.err());
            unflushed.append(&mut lock(&slot.home));
        }
        let mut state = self.shared.lock();
        state.closed = true;
        state.take_queued(&mut unflushed);
        state.unflushed = Some(unflushed);
        let old = state.driver.take();
        let mut wakers = Vec::new();
        while let Ok((_, waker)) = state.flushers.grant_front(()) {
            wakers.extend(waker);
        }
        self.shared.release_all(state);
        drop(old);
        wake_all(wakers);
        if let Some(panic) = panicked {
            if !thread::panicking() {
                resume_unwind(panic);
            }
        }
    }
}

impl<T, E, H, Fut> fmt::Debug for Driver<T, E, H, Fut> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driver")
            .field("running", &self.running)
            .finish_non_exhaustive()
    }
}
