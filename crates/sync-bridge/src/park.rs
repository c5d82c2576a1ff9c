//! Blocking a thread on a future that no I/O and no timer has a part in.

use std::cell::Cell;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

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

thread_local! {
    /// The thread's waker, unless a call further out uses it.
    static IDLE: Cell<Option<(Arc<Unpark>, Waker)>> = const { Cell::new(None) };
}

/// Blocks the thread until the future completes.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
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
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
            // A late wake-up from this call costs the next one a poll, no more.
            let _ = IDLE.try_with(|idle| idle.set(Some((unpark, waker))));
            return output;
        }
        // Somebody else may unpark the thread, too.
        while !unpark.woken.swap(false, Ordering::Acquire) {
            thread::park();
        }
    }
}
