//! Who waits for notifications.

use std::sync::{Arc, PoisonError};
use std::task::Waker;

use crate::current::current;
use crate::followers::Followers;
use crate::node::Changes;
use crate::sync::{Mutex, MutexGuard};
use crate::wait::{Holders, ListName, WaitList, WaiterId};

/// The line of those who wait, and of those who have been notified and may still go away.
pub(super) struct Line {
    list: ListName<Line>,
    /// Each with whether it has been notified.
    waiters: Mutex<Followers<bool>>,
}

impl Line {
    pub(super) fn new() -> Arc<Self> {
        Arc::new_cyclic(|this| Line {
            list: ListName::new(this),
            waiters: Mutex::new(Followers::new()),
        })
    }

    /// Gets in line, as the task that is being polled.
    pub(super) fn enter(&self, waker: Waker) -> u32 {
        let node = current();
        self.lock().join(&self.list, node, None, waker, false)
    }

    /// Returns `true` if a waiter has been notified; otherwise keeps the waker, and follows the task
    /// that polls.
    pub(super) fn poll(&self, number: u32, waker: &Waker) -> bool {
        if self.is_notified(number) {
            return true;
        }
        let (node, waker) = (current(), waker.clone());
        let mut waiters = self.lock();
        let Some(waiter) = waiters.get_mut(number) else {
            return true;
        };
        if waiter.what {
            drop(waiters);
            return true;
        }
        let former = waiter.waker.replace(waker);
        let left = waiters.follow(&self.list, number, node.as_ref());
        drop(waiters);
        drop((former, left));
        false
    }

    pub(super) fn is_notified(&self, number: u32) -> bool {
        let waiters = self.lock();
        waiters.get(number).is_none_or(|waiter| waiter.what)
    }

    /// Takes a waiter out that has got what it waited for, or does not wait any longer.
    pub(super) fn consume(&self, number: u32) {
        let left = self.lock().part(&self.list, number);
        drop(left);
    }

    /// Takes a waiter out unless it has been notified. Returns `true` if it has.
    pub(super) fn give_up(&self, number: u32) -> bool {
        let mut waiters = self.lock();
        if waiters.get(number).is_some_and(|waiter| waiter.what) {
            return true;
        }
        let left = waiters.part(&self.list, number);
        drop(waiters);
        drop(left);
        false
    }

    /// Takes a waiter out. If it has been notified, the next one is.
    pub(super) fn leave(&self, number: u32) {
        let left = self.lock().part(&self.list, number);
        if left.is_some_and(|(waiter, _)| waiter.what) {
            self.notify(1);
        }
    }

    /// Notifies so many. Returns how many there were.
    pub(super) fn notify(&self, count: usize) -> usize {
        let mut wake = Vec::new();
        let mut waiters = self.lock();
        let mut notified = 0;
        while notified < count {
            let Some((_, waiter)) = waiters.serve_first() else {
                break;
            };
            waiter.what = true;
            wake.extend(waiter.waker.take());
            notified += 1;
        }
        drop(waiters);
        wake.into_iter().for_each(Waker::wake);
        notified
    }

    pub(super) fn len(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, Followers<bool>> {
        // Nothing that can panic is called while it is locked.
        self.waiters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl WaitList for Line {
    fn refresh(&self, waiter: WaiterId, _: &mut Changes) -> bool {
        self.lock().reread(waiter.number);
        false
    }

    fn holders(&self) -> Holders {
        // Anybody may notify.
        Holders::new()
    }

    fn name(&self) -> Option<Arc<str>> {
        None
    }
}
