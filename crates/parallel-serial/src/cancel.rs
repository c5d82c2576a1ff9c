//! Telling a job from any thread that it is to end.

use std::task::{Context, Waker};

use crate::sync::{AtomicBool, Mutex, MutexGuard, Ordering, lock};

/// Says that a job is to end.
pub(crate) struct Cancel {
    cancelled: AtomicBool,
    waker: Mutex<Option<Waker>>,
}

impl Cancel {
    pub(crate) fn new() -> Self {
        Cancel {
            cancelled: AtomicBool::new(false),
            waker: Mutex::new(None),
        }
    }

    fn waker(&self) -> MutexGuard<'_, Option<Waker>> {
        lock(&self.waker)
    }

    /// Ends the job in its next turn.
    pub(crate) fn set(&self) {
        self.cancelled.store(true, Ordering::Release);
        let waker = self.waker().take();
        waker.into_iter().for_each(Waker::wake);
    }

    /// Forgets whom to wake: the job has ended.
    pub(crate) fn forget(&self) {
        let waker = self.waker().take();
        drop(waker);
    }

    /// Has the job woken when it is to end. Returns whether it is.
    pub(crate) fn is_set(&self, cx: &Context<'_>) -> bool {
        // Neither cloning nor dropping a waker happens under the lock.
        let mut spare = Some(cx.waker().clone());
        let mut waker = self.waker();
        if !matches!(&*waker, Some(known) if known.will_wake(cx.waker())) {
            spare = std::mem::replace(&mut *waker, spare);
        }
        drop(waker);
        drop(spare);
        // After the waker is there: who sets it from now on finds it.
        self.cancelled.load(Ordering::Acquire)
    }
}
