//! Blocking a thread, where no I/O and no timer has a part in what it waits for.

use std::cell::Cell;
use std::future::Future;
#[cfg(feature = "queue")]
use std::num::NonZeroU8;
use std::pin::pin;
use std::sync::Arc;
#[cfg(feature = "queue")]
use std::sync::atomic::AtomicU8;
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

/// What a thread waits with that does not need its lock any more when it is told.
#[cfg(feature = "queue")]
pub(crate) struct Ticket {
    thread: Thread,
    told: AtomicU8,
}

#[cfg(feature = "queue")]
impl Ticket {
    /// Calls `wait` with the thread's ticket, of which nobody has heard.
    pub(crate) fn with<T>(wait: impl FnOnce(&Arc<Ticket>) -> T) -> T {
        thread_local! {
            static IDLE: Cell<Option<Arc<Ticket>>> = const { Cell::new(None) };
        }
        let mut ticket = IDLE.try_with(Cell::take).ok().flatten();
        // Somebody who was late may have it still.
        let ticket = match ticket.as_mut().and_then(Arc::get_mut) {
            Some(own) => {
                *own.told.get_mut() = 0;
                ticket.expect("it is there")
            }
            None => Arc::new(Ticket {
                thread: thread::current(),
                told: AtomicU8::new(0),
            }),
        };
        let output = wait(&ticket);
        let _ = IDLE.try_with(|idle| idle.set(Some(ticket)));
        output
    }

    /// Tells the thread something, and wakes it. What was done before is visible to it then.
    pub(crate) fn tell(&self, what: NonZeroU8) {
        self.told.store(what.get(), Ordering::Release);
        self.thread.unpark();
    }

    /// Blocks the thread until it is told something.
    pub(crate) fn wait(&self) -> NonZeroU8 {
        loop {
            if let Some(told) = NonZeroU8::new(self.told.load(Ordering::Acquire)) {
                return told;
            }
            thread::park();
        }
    }
}
