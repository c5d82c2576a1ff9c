//! What handles and driver share.

use std::collections::VecDeque;
use std::mem;
use std::sync::Arc;
use std::task::Waker;
use std::time::{Duration, Instant};
use std::vec;

use corokit_sync_bridge::waiters::WaitList;

use crate::clock::now;
use crate::sync::{Mutex, MutexGuard, lock};

pub(super) struct Shared<T> {
    state: Mutex<State<T>>,
}

pub(super) struct State<T> {
    /// How many items make a batch.
    max: usize,
    /// How many items may be queued.
    pub(super) capacity: usize,
    wait: Duration,
    /// The batch that is being filled, and when its first item came.
    filling: Vec<T>,
    since: Option<Instant>,
    /// Those that are full, the oldest first.
    full: VecDeque<Vec<T>>,
    /// How many items there are in all of these, and how many places are kept for those who waited and
    /// have not seen yet that there is room.
    pub(super) queued: usize,
    reserved: usize,
    /// How many items were ever pushed, and how many of them, from the first on, are done.
    pub(super) pushed: u64,
    pub(super) done: u64,
    /// Items up to this one go at once.
    flush_to: u64,
    /// Those who wait for room. They are granted whether there is a place, which is then kept for them:
    /// so all for whom there is room go on at once, and nobody behind them has to wait for that.
    pub(super) pushers: WaitList<(), bool>,
    /// Those who wait for items to be done, up to which.
    pub(super) flushers: WaitList<u64, ()>,
    /// The driver, if it waits for something to come.
    pub(super) driver: Option<Waker>,
    pub(super) handles: usize,
    pub(super) closed: bool,
    /// What was not done when the driver was dropped.
    pub(super) unflushed: Option<Vec<T>>,
}

/// What the driver is to do next.
pub(super) enum Next<T> {
    /// Handle this batch.
    Handle(Vec<T>),
    /// Wait until this instant, if nothing comes.
    Until(Instant),
    /// Wait for something to come.
    Idle,
    /// Nothing will come any more.
    Done,
}

impl<T> Shared<T> {
    pub(super) fn new(max: usize, capacity: usize, wait: Duration) -> Arc<Self> {
        Arc::new(Shared {
            state: Mutex::new(State {
                max,
                capacity: capacity.max(max),
                wait,
                filling: Vec::new(),
                since: None,
                full: VecDeque::new(),
                queued: 0,
                reserved: 0,
                pushed: 0,
                done: 0,
                flush_to: 0,
                pushers: WaitList::new(),
                flushers: WaitList::new(),
                driver: None,
                handles: 1,
                closed: false,
                unflushed: None,
            }),
        })
    }

    #[inline]
    pub(super) fn lock(&self) -> MutexGuard<'_, State<T>> {
        lock(&self.state)
    }

    /// Takes nothing more. Returns `false` if that was so before.
    pub(super) fn close(&self) -> bool {
        let mut state = self.lock();
        if mem::replace(&mut state.closed, true) {
            return false;
        }
        let driver = state.driver.take();
        self.release_all(state);
        if let Some(waker) = driver {
            waker.wake();
        }
        true
    }

    /// Lets all those go who wait to push, who will find that it is closed.
    pub(super) fn release_all(&self, mut state: MutexGuard<'_, State<T>>) {
        let mut wakers = Vec::with_capacity(state.pushers.len());
        while let Ok((_, waker)) = state.pushers.grant_front(false) {
            wakers.extend(waker);
        }
        drop(state);
        wake_all(wakers);
    }
}

impl<T> State<T> {
    #[inline]
    fn has_room(&self) -> bool {
        self.queued + self.reserved < self.capacity
    }

    /// Whether somebody who has just come may push: those who wait are served as soon as there is room.
    #[inline]
    pub(super) fn is_open(&self) -> bool {
        !self.closed && self.has_room()
    }

    /// Gives up a place that is kept.
    pub(super) fn unreserve(&mut self) {
        self.reserved -= 1;
    }

    /// Takes an item, for which there is room. Returns the driver's waker, if it is to hear of it.
    #[inline]
    pub(super) fn push(&mut self, item: T) -> Option<Waker> {
        if self.filling.is_empty() {
            self.begin();
        }
        self.filling.push(item);
        self.queued += 1;
        self.pushed += 1;
        if self.filling.len() >= self.max {
            self.finish();
            return self.driver.take();
        }
        // The driver sets its timer at the first item of a batch.
        match self.filling.len() {
            1 => self.driver.take(),
            _ => None,
        }
    }

    #[cold]
    fn begin(&mut self) {
        // Memory for a batch at once, unless it would be much.
        if self.filling.capacity() == 0 {
            self.filling.reserve(self.max.min(1024));
        }
        self.since = Some(now());
    }

    #[cold]
    fn finish(&mut self) {
        let batch = mem::take(&mut self.filling);
        self.full.push_back(batch);
        self.since = None;
    }

    /// Asks for everything that was pushed to go at once. Returns the driver's waker.
    pub(super) fn flush(&mut self) -> Option<Waker> {
        self.flush_to = self.pushed;
        match self.queued {
            0 => None,
            _ => self.driver.take(),
        }
    }

    /// Takes the next batch for the driver, if there is one to go.
    pub(super) fn next(&mut self, now: impl FnOnce() -> Instant) -> Next<T> {
        if let Some(batch) = self.full.pop_front() {
            self.queued -= batch.len();
            return Next::Handle(batch);
        }
        let Some(since) = self.since else {
            return match self.closed {
                true => Next::Done,
                false => Next::Idle,
            };
        };
        let first = self.pushed - self.filling.len() as u64;
        let due = since.checked_add(self.wait);
        if self.closed || self.flush_to > first || due.is_some_and(|due| due <= now()) {
            self.since = None;
            self.queued = 0;
            return Next::Handle(mem::take(&mut self.filling));
        }
        // A wait that is too long for the clock is not over before the batch is full.
        due.map_or(Next::Idle, Next::Until)
    }

    /// Keeps places for those who wait to push, the first ones first, as long as there is room. To be
    /// called whenever there is more. Returns their wakers.
    pub(super) fn admit(&mut self) -> Vec<Waker> {
        let mut wakers = Vec::new();
        while self.has_room() {
            let Ok((_, waker)) = self.pushers.grant_front(true) else {
                break;
            };
            self.reserved += 1;
            wakers.extend(waker);
        }
        wakers
    }

    /// Notes that items are done, and adds the wakers of those who wait for that.
    pub(super) fn finished(&mut self, done: u64, wakers: &mut Vec<Waker>) {
        self.done = done;
        while self.flushers.front().is_some_and(|&target| target <= done) {
            if let Ok((_, waker)) = self.flushers.grant_front(()) {
                wakers.extend(waker);
            }
        }
    }

    /// Takes what is queued, the oldest first.
    pub(super) fn take_queued(&mut self, items: &mut Vec<T>) {
        for batch in mem::take(&mut self.full) {
            items.extend(batch);
        }
        items.append(&mut self.filling);
        self.since = None;
        self.queued = 0;
    }
}

/// Calls wakers in their order, and all of them, also if one of them panics.
pub(super) fn wake_all(wakers: Vec<Waker>) {
    let mut rest = Rest(wakers.into_iter());
    rest.0.by_ref().for_each(Waker::wake);
}

struct Rest(vec::IntoIter<Waker>);

impl Drop for Rest {
    fn drop(&mut self) {
        self.0.by_ref().for_each(Waker::wake);
    }
}
