//! How a thread waits for room, without coming back to the lock of the queue.

use std::cell::Cell;
use std::num::NonZeroU8;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::sync::AtomicU8;
use crate::sync::per_thread;
use crate::sync::thread::{self, Thread};

/// What a thread waits with that does not need its lock any more when it is told.
pub(super) struct Ticket {
    thread: Thread,
    told: AtomicU8,
}

impl Ticket {
    /// Calls `wait` with the thread's ticket, of which nobody has heard.
    pub(super) fn with<T>(wait: impl FnOnce(&Arc<Ticket>) -> T) -> T {
        per_thread! {
            static IDLE: Cell<Option<Arc<Ticket>>> = Cell::new(None);
        }
        let mut ticket = IDLE.try_with(Cell::take).ok().flatten();
        // Somebody who was late may have it still.
        let ticket = match ticket.as_mut().and_then(Arc::get_mut) {
            Some(own) => {
                own.told.store(0, Ordering::Relaxed);
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
    pub(super) fn tell(&self, what: NonZeroU8) {
        self.told.store(what.get(), Ordering::Release);
        self.thread.unpark();
    }

    /// Blocks the thread until it is told something.
    pub(super) fn wait(&self) -> NonZeroU8 {
        loop {
            if let Some(told) = NonZeroU8::new(self.told.load(Ordering::Acquire)) {
                return told;
            }
            thread::park();
        }
    }
}
