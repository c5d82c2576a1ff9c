//! What other threads hand to the scheduler: a queue of deliveries and the runners to wake.
//!
//! ```text
//!   another thread                         the home thread
//!
//!   push(item)                             is_pending()?   one relaxed load before each step
//!     1. item into the queue                 drain():  pending := false, then pop everything
//!     2. pending := true                   idle?
//!     3. was it false?                       1. park(waker):  register, sleeping := true
//!        wake all who are parked             2. is_pending()?  then do not sleep after all
//! ```
//!
//! No wake-up is lost: of "register" and "wake all", both under one mutex, either the second
//! comes later and finds the waker, or the first comes later and sees `pending`.

use std::mem;
use std::task::Waker;

use concurrent_queue::ConcurrentQueue;

use crate::sync::{AtomicBool, Mutex, MutexGuard, Ordering};

/// Deliveries from other threads, and the runners that sleep until something happens.
///
/// Aligned so that the words that other threads write share no cache line with anything that the
/// home thread reads at each step, `pending` and `sleeping` excepted.
#[repr(align(128))]
pub(crate) struct Inbox<T> {
    /// Set after a push, cleared before the queue is emptied.
    pending: AtomicBool,
    /// Whether `sleepers` holds a waker. Set by the home thread only, under the mutex.
    sleeping: AtomicBool,
    sleepers: Mutex<Sleepers>,
    queue: ConcurrentQueue<T>,
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

/// The wakers of the parked runners. There is almost always at most one.
#[derive(Default)]
struct Sleepers {
    first: Option<(u64, Waker)>,
    others: Vec<(u64, Waker)>,
}

impl<T> Inbox<T> {
    pub(crate) fn new() -> Self {
        Inbox {
            pending: AtomicBool::new(false),
            sleeping: AtomicBool::new(false),
            sleepers: Mutex::new(Sleepers::default()),
            queue: ConcurrentQueue::unbounded(),
        }
    }

    /// Delivers an item and wakes the parked runners. Gives the item back if the inbox is closed.
    pub(crate) fn push(&self, item: T) -> Result<(), T> {
        self.queue.push(item).map_err(|error| error.into_inner())?;
        // Whoever set the flag first wakes the runners. The swap is a read-modify-write in both
        // cases: through it the thread that drains sees what was pushed before.
        if !self.pending.swap(true, Ordering::AcqRel) {
            self.wake_sleepers();
        }
        Ok(())
    }

    /// Returns `true` if something may have been delivered since the last [`Inbox::drain`].
    #[inline]
    pub(crate) fn is_pending(&self) -> bool {
        self.pending.load(Ordering::Relaxed)
    }

    /// Takes out everything that was delivered, in the order of delivery.
    pub(crate) fn drain(&self, mut receive: impl FnMut(T)) {
        self.pending.swap(false, Ordering::AcqRel);
        while let Ok(item) = self.queue.pop() {
            receive(item);
        }
    }

    /// Refuses all later pushes.
    pub(crate) fn close(&self) {
        self.queue.close();
    }

    /// Registers the waker of the runner `key`, which is about to sleep.
    ///
    /// The caller must look at [`Inbox::is_pending`] after this and before it sleeps.
    pub(crate) fn park(&self, key: u64, waker: &Waker) {
        // User code may run in `clone`: outside the lock.
        let waker = waker.clone();
        let mut sleepers = self.lock_sleepers();
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
        let mut sleepers = self.lock_sleepers();
        let removed = if sleepers.first.as_ref().is_some_and(|(k, _)| *k == key) {
            let next = sleepers.others.pop();
            mem::replace(&mut sleepers.first, next)
        } else {
            let found = sleepers.others.iter().position(|(k, _)| *k == key);
            found.map(|index| sleepers.others.swap_remove(index))
        };
        self.sleeping
            .store(sleepers.first.is_some(), Ordering::Relaxed);
        drop(sleepers);
        // User code may run in the waker's drop: outside the lock.
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
        let mut sleepers = self.lock_sleepers();
        let Sleepers { first, others } = mem::take(&mut *sleepers);
        self.sleeping.store(false, Ordering::Relaxed);
        drop(sleepers);
        for (_, waker) in first.into_iter().chain(others) {
            waker.wake();
        }
    }

    fn lock_sleepers(&self) -> MutexGuard<'_, Sleepers> {
        // Nothing can panic while the lock is held, so the state behind a poisoned one is sound.
        self.sleepers
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
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
                    inbox.drain(|item| items.push(item));
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
            inbox.close();
            let mut received = None;
            let refused = thread.join().unwrap();
            inbox.drain(|item| received = Some(item));
            assert_eq!(received.xor(refused), Some(7));
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
                        inbox.drain(|()| way.arrive());
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
