//! Blocking a thread, where no I/O and no timer has a part in what it waits for.

use std::cell::Cell;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Instant;

use crate::sync::thread::{self, Thread};
use crate::sync::{AtomicBool, per_thread};

/// Wakes a thread.
struct Unpark {
    thread: Thread,
    woken: AtomicBool,
}

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // A second wake-up finds the thread awake, or about to be.
        if !self.woken.swap(true, Ordering::Release) {
            self.thread.unpark();
        }
    }
}

impl Unpark {
    /// Blocks the thread until it is woken. `false` if the deadline came first.
    fn wait(&self, deadline: Option<Instant>) -> bool {
        // The token of the thread may be used up by whoever else parks it inside of a poll, or be
        // left by somebody: what counts is the flag.
        while !self.woken.swap(false, Ordering::Acquire) {
            let Some(deadline) = deadline else {
                thread::park();
                continue;
            };
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            #[cfg(not(loom))]
            thread::park_timeout(left);
            #[cfg(loom)]
            unreachable!("models have no deadlines, and no {left:?} to wait");
        }
        true
    }
}

per_thread! {
    /// The thread's waker, unless a call further out uses it.
    static IDLE: Cell<Option<(Arc<Unpark>, Waker)>> = Cell::new(None);
}

/// Blocks the thread until the future completes.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    park(future, None).expect("there is no deadline")
}

/// Blocks the thread until the future completes, or until the deadline, and drops the future then.
/// It is polled at least once. No timer of a reactor is set for that.
#[cfg(any(feature = "pool", feature = "domain"))]
pub(crate) fn block_until<T>(deadline: Instant, future: impl Future<Output = T>) -> Option<T> {
    park(future, Some(deadline))
}

#[inline]
fn park<T>(future: impl Future<Output = T>, deadline: Option<Instant>) -> Option<T> {
    let mut future = pin!(future);
    let idle = IDLE.try_with(Cell::take).ok().flatten();
    let (unpark, waker) = idle.unwrap_or_else(|| {
        let unpark = Arc::new(Unpark {
            thread: thread::current(),
            woken: AtomicBool::new(false),
        });
        let waker = Waker::from(Arc::clone(&unpark));
        (unpark, waker)
    });
    let mut cx = Context::from_waker(&waker);
    let output = loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
            break Some(output);
        }
        if !unpark.wait(deadline) {
            break None;
        }
    };
    // A late wake-up from this call costs the next one a poll, no more.
    let _ = IDLE.try_with(|idle| idle.set(Some((unpark, waker))));
    output
}
