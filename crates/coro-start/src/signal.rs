//! The signal that the waker of `drive` sets.

use alloc::sync::Arc;
use alloc::task::Wake;

#[cfg(all(feature = "std", loom))]
use loom::thread;
#[cfg(all(feature = "std", not(loom)))]
use std::thread;

#[cfg(not(loom))]
use core::sync::atomic::{AtomicBool, Ordering};
#[cfg(loom)]
use loom::sync::atomic::{AtomicBool, Ordering};

/// Whether a future was woken, and the thread that may wait for that.
pub(crate) struct Signal {
    set: AtomicBool,
    /// The thread that made it, to be unparked.
    #[cfg(feature = "std")]
    thread: thread::Thread,
}

impl Signal {
    pub(crate) fn new() -> Self {
        Signal {
            set: AtomicBool::new(false),
            #[cfg(feature = "std")]
            thread: thread::current(),
        }
    }

    /// Forgets the wakes so far.
    ///
    /// It must be one operation that reads and writes. A wake that is forgotten is then one that was read,
    /// so that what came before it is seen by the poll that follows; a mere store could forget a wake whose
    /// cause that poll does not see yet.
    pub(crate) fn reset(&self) {
        self.set.swap(false, Ordering::Acquire);
    }

    /// Returns whether it was woken since it was reset.
    pub(crate) fn is_set(&self) -> bool {
        // What came before the wake is seen by whoever sees the wake.
        self.set.load(Ordering::Acquire)
    }

    /// Blocks until it is woken, on the thread that made it.
    #[cfg(feature = "std")]
    pub(crate) fn wait(&self) {
        while !self.is_set() {
            thread::park();
        }
    }
}

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let was_set = self.set.swap(true, Ordering::Release);
        #[cfg(feature = "std")]
        if !was_set {
            self.thread.unpark();
        }
        #[cfg(not(feature = "std"))]
        let _ = was_set;
    }
}

#[cfg(all(test, loom))]
mod loom_tests {
    use core::future::poll_fn;
    use core::ops::ControlFlow;
    use core::task::{Poll, Waker};

    use loom::sync::Arc;
    use loom::sync::atomic::AtomicUsize;

    use super::{Ordering, thread};
    use crate::drive;

    /// Starts a thread that adds to a number and wakes, so often. It is not joined: loom does not know of
    /// threads that are unparked while they wait for something else.
    fn adds(number: Arc<AtomicUsize>, waker: Waker, times: usize) {
        thread::spawn(move || {
            for _ in 0..times {
                number.fetch_add(1, Ordering::Relaxed);
                waker.wake_by_ref();
            }
        });
    }

    /// Drives a future until the number is there, and polls it so often before it waits for a wake.
    fn drives(times: usize, polls_unwoken: u64) {
        let number = Arc::new(AtomicUsize::new(0));
        let mut started = false;
        let future = poll_fn(|cx| {
            if !std::mem::replace(&mut started, true) {
                adds(number.clone(), cx.waker().clone(), times);
            }
            match number.load(Ordering::Relaxed) {
                reached if reached == times => Poll::Ready(()),
                _ => Poll::Pending,
            }
        });
        let driven = drive(future, |blocked| {
            if blocked.polls() > polls_unwoken {
                blocked.wait();
            }
            ControlFlow::<()>::Continue(())
        });
        assert_eq!(driven, ControlFlow::Continue(()));
    }

    #[test]
    fn a_wake_while_the_driver_goes_to_wait() {
        loom::model(|| drives(1, 0));
    }

    #[test]
    fn a_second_wake_while_the_first_is_answered() {
        loom::model(|| drives(2, 0));
    }

    #[test]
    fn two_wakes_while_the_future_is_polled_unwoken() {
        loom::model(|| drives(2, 2));
    }
}
