//! What other threads hand to the scheduler: a list of deliveries and the runners to wake.
//!
//! ```text
//!   another thread                         the home thread
//!
//!   push(item), under the lock             is_pending()?   one relaxed load before each step
//!     1. item into the list                  drain(), under the lock:
//!     2. pending := true                       the list out, pending := false
//!   was it false?                          idle?
//!     wake all who are parked                1. park(waker):  register, sleeping := true
//!                                            2. is_pending()?  then do not sleep after all
//! ```
//!
//! No wake-up is lost: of "register" and "take those to wake", both under one lock, either the
//! second comes later and finds the waker, or the first comes later and sees `pending`.

use std::mem;
use std::task::Waker;

use crate::sync::{AtomicBool, Mutex, MutexGuard, Ordering};

/// Deliveries from other threads, and the runners that sleep until something happens.
///
/// A lock, not a lock-free queue: a delivery is one push, and the home thread takes all that is
/// there with one swap, whereas a queue pays for each item on both sides.
pub(crate) struct Inbox<T> {
    /// Whether there are items. Written under the lock.
    pending: AtomicBool,
    /// Whether there are sleepers. Written under the lock, set by the home thread only.
    sleeping: AtomicBool,
    inner: Mutex<Inner<T>>,
}

struct Inner<T> {
    items: Vec<T>,
    closed: bool,
    sleepers: Sleepers,
}

/// The wakers of the parked runners. There is almost always at most one.
#[derive(Default)]
pub(crate) struct Sleepers {
    first: Option<(u64, Waker)>,
    others: Vec<(u64, Waker)>,
}

impl<T> Inbox<T> {
    pub(crate) fn new() -> Self {
        Inbox {
            pending: AtomicBool::new(false),
            sleeping: AtomicBool::new(false),
            inner: Mutex::new(Inner {
                items: Vec::new(),
                closed: false,
                sleepers: Sleepers::default(),
            }),
        }
    }

    /// Delivers an item and wakes the parked runners. Gives the item back if the inbox is closed.
    pub(crate) fn push(&self, item: T) -> Result<(), T> {
        let mut inner = self.lock();
        if inner.closed {
            return Err(item);
        }
        inner.items.push(item);
        // Whoever set the flag first has woken the runners, or is about to.
        if self.is_pending() {
            return Ok(());
        }
        self.pending.store(true, Ordering::Relaxed);
        let sleepers = self.take_sleepers_from(inner);
        sleepers.wake();
        Ok(())
    }

    /// Returns `true` if something has been delivered since the last [`Inbox::drain`].
    #[inline]
    pub(crate) fn is_pending(&self) -> bool {
        self.pending.load(Ordering::Relaxed)
    }

    /// Moves everything that was delivered into `batch`, which is empty, in the order of delivery.
    pub(crate) fn drain(&self, batch: &mut Vec<T>) {
        debug_assert!(batch.is_empty());
        let mut inner = self.lock();
        mem::swap(&mut inner.items, batch);
        self.pending.store(false, Ordering::Relaxed);
    }

    /// Refuses all later pushes, and returns what was delivered until now.
    pub(crate) fn close(&self) -> Vec<T> {
        let mut inner = self.lock();
        inner.closed = true;
        self.pending.store(false, Ordering::Relaxed);
        mem::take(&mut inner.items)
    }

    /// Registers the waker of the runner `key`, which is about to sleep.
    ///
    /// The caller must look at [`Inbox::is_pending`] after this and before it sleeps.
    pub(crate) fn park(&self, key: u64, waker: &Waker) {
        // User code may run in `clone`: outside of the lock.
        let waker = waker.clone();
        let mut inner = self.lock();
        let sleepers = &mut inner.sleepers;
        if sleepers.first.is_none() {
            sleepers.first = Some((key, waker));
        } else {
            sleepers.others.push((key, waker));
        }
        self.sleeping.store(true, Ordering::Relaxed);
    }

    /// Removes the waker of the runner `key`, if nobody has taken it to wake it.
    pub(crate) fn unpark(&self, key: u64) {
        if !self.is_sleeping() {
            return;
        }
        let mut inner = self.lock();
        let removed = inner.sleepers.remove(key);
        let sleeping = inner.sleepers.first.is_some();
        self.sleeping.store(sleeping, Ordering::Relaxed);
        // User code may run in the waker's drop: outside of the lock.
        drop(inner);
        drop(removed);
    }

    /// Returns `true` if a runner may be parked. Exact on the home thread, but for a wake-up that
    /// another thread is just carrying out.
    #[inline]
    pub(crate) fn is_sleeping(&self) -> bool {
        self.sleeping.load(Ordering::Relaxed)
    }

    /// Wakes every parked runner.
    ///
    /// All of them, not one: then a runner that is dropped after it was woken has no notification
    /// to pass on, and no order of polls and drops can lose one.
    #[cold]
    pub(crate) fn wake_sleepers(&self) {
        self.take_sleepers().wake();
    }

    /// Takes the wakers of the parked runners.
    pub(crate) fn take_sleepers(&self) -> Sleepers {
        self.take_sleepers_from(self.lock())
    }

    /// Takes the sleepers and gives up the lock, since waking or dropping them may run any code.
    fn take_sleepers_from(&self, mut inner: MutexGuard<'_, Inner<T>>) -> Sleepers {
        self.sleeping.store(false, Ordering::Relaxed);
        mem::take(&mut inner.sleepers)
    }

    fn lock(&self) -> MutexGuard<'_, Inner<T>> {
        // Nothing but a failed allocation can panic while the lock is held, and that leaves what is
        // behind it in order.
        self.inner
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Sleepers {
    fn remove(&mut self, key: u64) -> Option<(u64, Waker)> {
        if self.first.as_ref().is_some_and(|(first, _)| *first == key) {
            let next = self.others.pop();
            return mem::replace(&mut self.first, next);
        }
        let index = self.others.iter().position(|(other, _)| *other == key)?;
        Some(self.others.swap_remove(index))
    }

    /// Takes one of them.
    fn pop(&mut self) -> Option<Waker> {
        let (_, waker) = self.first.take().or_else(|| self.others.pop())?;
        Some(waker)
    }

    /// Wakes all of them, also if waking one of them panics.
    fn wake(self) {
        let mut rest = WakeOnDrop(self);
        while let Some(waker) = rest.0.pop() {
            waker.wake();
        }
    }
}

/// Wakes those that are left when a waker has panicked.
struct WakeOnDrop(Sleepers);

impl Drop for WakeOnDrop {
    fn drop(&mut self) {
        while let Some(waker) = self.0.pop() {
            waker.wake();
        }
    }
}

/// Lets at most one delivery of the same thing be on its way.
pub(crate) struct OnItsWay(AtomicBool);

impl OnItsWay {
    pub(crate) fn new() -> Self {
        OnItsWay(AtomicBool::new(false))
    }

    /// Returns `true` if nothing was on its way, and the caller is to push.
    pub(crate) fn depart(&self) -> bool {
        // A read-modify-write also if something is on its way already: whoever receives that
        // then sees what the caller has done before.
        !self.0.swap(true, Ordering::AcqRel)
    }

    /// Notes that the delivery has arrived.
    ///
    /// Must come before the receiver acts on it: a later `depart` is then a new delivery, and what
    /// was done before an earlier one is seen.
    pub(crate) fn arrive(&self) {
        self.0.swap(false, Ordering::AcqRel);
    }
}

#[cfg(all(test, loom))]
mod loom_tests {
    use std::future::poll_fn;
    use std::sync::Arc;
    use std::task::Poll;

    use loom::future::block_on;
    use loom::sync::atomic::{AtomicUsize, Ordering};
    use loom::thread;

    use super::{Inbox, OnItsWay};

    /// Receives `count` items as a runner does, sleeping while there are none.
    fn receive(inbox: &Inbox<usize>, key: u64, count: usize) -> Vec<usize> {
        let mut items = Vec::new();
        block_on(poll_fn(|cx| {
            inbox.unpark(key);
            loop {
                if inbox.is_pending() {
                    let mut batch = Vec::new();
                    inbox.drain(&mut batch);
                    items.append(&mut batch);
                }
                if items.len() == count {
                    return Poll::Ready(());
                }
                inbox.park(key, cx.waker());
                if !inbox.is_pending() {
                    return Poll::Pending;
                }
                inbox.unpark(key);
            }
        }));
        items
    }

    #[test]
    fn a_sleeping_runner_gets_what_is_pushed() {
        loom::model(|| {
            let inbox = Arc::new(Inbox::new());
            let pusher = Arc::clone(&inbox);
            let thread = thread::spawn(move || {
                pusher.push(1).unwrap();
                pusher.push(2).unwrap();
            });
            assert_eq!(receive(&inbox, 0, 2), [1, 2]);
            thread.join().unwrap();
        });
    }

    #[test]
    fn two_threads_lose_nothing() {
        loom::model(|| {
            let inbox = Arc::new(Inbox::new());
            let threads = [1, 2].map(|item| {
                let pusher = Arc::clone(&inbox);
                thread::spawn(move || pusher.push(item).unwrap())
            });
            let mut items = receive(&inbox, 0, 2);
            items.sort_unstable();
            assert_eq!(items, [1, 2]);
            for thread in threads {
                thread.join().unwrap();
            }
        });
    }

    #[test]
    fn a_push_into_a_closing_inbox_is_received_or_refused() {
        loom::model(|| {
            let inbox = Arc::new(Inbox::new());
            let pusher = Arc::clone(&inbox);
            let thread = thread::spawn(move || pusher.push(7).err());
            let mut received = inbox.close();
            let refused = thread.join().unwrap();
            assert_eq!(received.pop().xor(refused), Some(7));
            assert!(!inbox.is_pending());
        });
    }

    #[test]
    fn a_runner_that_leaves_takes_no_wake_up_with_it() {
        loom::model(|| {
            let inbox = Arc::new(Inbox::new());
            let pusher = Arc::clone(&inbox);
            let mut polls = 0;
            // A first runner sleeps, and leaves when the second one is already asleep.
            let thread = block_on(poll_fn(|cx| {
                inbox.park(1, cx.waker());
                inbox.park(2, cx.waker());
                let pusher = Arc::clone(&pusher);
                let thread = thread::spawn(move || pusher.push(3).unwrap());
                inbox.unpark(1);
                polls += 1;
                Poll::Ready(thread)
            }));
            assert_eq!(receive(&inbox, 2, 1), [3]);
            thread.join().unwrap();
            assert_eq!(polls, 1);
        });
    }

    /// What is done before a wake-up is seen by the poll that follows it, also when the wake-up
    /// found another one on its way.
    #[test]
    fn a_second_wake_up_is_seen_through_the_first() {
        loom::model(|| {
            let inbox = Arc::new(Inbox::new());
            let way = Arc::new(OnItsWay::new());
            let done = Arc::new(AtomicUsize::new(0));
            let threads = [(); 2].map(|()| {
                let (inbox, way, done) = (Arc::clone(&inbox), Arc::clone(&way), Arc::clone(&done));
                thread::spawn(move || {
                    done.fetch_add(1, Ordering::Relaxed);
                    if way.depart() {
                        inbox.push(()).unwrap();
                    }
                })
            });
            // The main future waits until both have been done.
            block_on(poll_fn(|cx| {
                inbox.unpark(0);
                loop {
                    if inbox.is_pending() {
                        let mut batch = Vec::new();
                        inbox.drain(&mut batch);
                        batch.into_iter().for_each(|()| way.arrive());
                    }
                    if done.load(Ordering::Relaxed) == 2 {
                        return Poll::Ready(());
                    }
                    inbox.park(0, cx.waker());
                    if !inbox.is_pending() {
                        return Poll::Pending;
                    }
                    inbox.unpark(0);
                }
            }));
            for thread in threads {
                thread.join().unwrap();
            }
        });
    }
}
