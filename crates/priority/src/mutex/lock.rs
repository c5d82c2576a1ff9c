//! The futures that wait for a mutex.

use std::fmt;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use corokit_core::Priority;

use super::front::Front;
use super::guard::{PriorityMutex, PriorityMutexGuard, PriorityMutexGuardArc};
use super::line::Asked;
use crate::current::{current, lend_current};
use crate::deadlock::{self, Deadlock};

/// Somebody who asks for a lock.
pub(super) struct Ask {
    fixed: Option<Priority>,
    progress: Progress,
    /// Whether others are to hear of it if it waits for itself: not if it finds that itself.
    reports: bool,
}

#[derive(Clone, Copy)]
enum Progress {
    New,
    /// Waits, under this number.
    Waits(u32),
    Done,
}

impl Ask {
    pub(super) fn new(fixed: Option<Priority>) -> Self {
        Ask {
            fixed,
            progress: Progress::New,
            reports: true,
        }
    }

    #[inline]
    fn poll(&mut self, front: &Front, cx: &mut Context<'_>) -> Poll<()> {
        match self.progress {
            Progress::New => {
                let mut node = lend_current();
                // Nothing but this is done for a lock that is free.
                if front.try_acquire(&mut node) {
                    self.progress = Progress::Done;
                    return Poll::Ready(());
                }
                match front.acquire(node, self.fixed, cx.waker().clone()) {
                    Asked::Acquired => {
                        self.progress = Progress::Done;
                        Poll::Ready(())
                    }
                    Asked::Waits(number) => {
                        self.progress = Progress::Waits(number);
                        if self.reports {
                            deadlock::report(front.line());
                        }
                        Poll::Pending
                    }
                }
            }
            Progress::Waits(number) => {
                if front.poll(number, cx.waker()) {
                    self.progress = Progress::Done;
                    return Poll::Ready(());
                }
                Poll::Pending
            }
            Progress::Done => panic!("polled after completion"),
        }
    }

    /// Goes away, and passes on what was granted.
    fn leave(&mut self, front: &Front) {
        if let Progress::Waits(number) = mem::replace(&mut self.progress, Progress::Done) {
            front.leave(number);
        }
    }
}

/// Writes what the futures do that wait for a mutex.
macro_rules! lock {
    ($future:ident [$($lifetime:lifetime)?], $mutex:ty, $guard:ty, $make:ident) => {
        /// Waits for a [`PriorityMutex`].
        ///
        /// # Panics
        ///
        /// Polling it after it has completed panics.
        #[must_use = "futures do nothing unless polled or awaited"]
        pub struct $future<$($lifetime,)? T: ?Sized> {
            mutex: $mutex,
            ask: Ask,
        }

        impl<$($lifetime,)? T: ?Sized> Future for $future<$($lifetime,)? T> {
            type Output = $guard;

            fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
                let this = &mut *self;
                let polled = this.ask.poll(this.mutex.front(), cx);
                polled.map(|()| this.mutex.$make())
            }
        }

        impl<$($lifetime,)? T: ?Sized> Drop for $future<$($lifetime,)? T> {
            fn drop(&mut self) {
                self.ask.leave(self.mutex.front());
            }
        }

        impl<$($lifetime,)? T: ?Sized> fmt::Debug for $future<$($lifetime,)? T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($future)).finish_non_exhaustive()
            }
        }
    };
}

lock!(Lock['m], &'m PriorityMutex<T>, PriorityMutexGuard<'m, T>, guard);
lock!(LockArc[], Arc<PriorityMutex<T>>, PriorityMutexGuardArc<T>, guard_arc);

impl<'m, T: ?Sized> Lock<'m, T> {
    pub(super) fn new(mutex: &'m PriorityMutex<T>, ask: Ask) -> Self {
        Lock { mutex, ask }
    }
}

impl<T: ?Sized> LockArc<T> {
    pub(super) fn new(mutex: Arc<PriorityMutex<T>>) -> Self {
        LockArc {
            mutex,
            ask: Ask::new(None),
        }
    }
}

/// Waits for a [`PriorityMutex`], unless that would be waiting for oneself.
///
/// # Panics
///
/// Polling it after it has completed panics.
#[must_use = "futures do nothing unless polled or awaited"]
pub struct LockChecked<'m, T: ?Sized> {
    lock: Lock<'m, T>,
    checked: bool,
}

impl<'m, T: ?Sized> LockChecked<'m, T> {
    pub(super) fn new(mutex: &'m PriorityMutex<T>) -> Self {
        let mut lock = mutex.lock();
        lock.ask.reports = false;
        LockChecked {
            lock,
            checked: false,
        }
    }
}

impl<'m, T: ?Sized> Future for LockChecked<'m, T> {
    type Output = Result<PriorityMutexGuard<'m, T>, Deadlock>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        if let Poll::Ready(guard) = Pin::new(&mut this.lock).poll(cx) {
            return Poll::Ready(Ok(guard));
        }
        if mem::replace(&mut this.checked, true) {
            return Poll::Pending;
        }
        // First in line, then look: of two tasks that close a cycle at the same time, at least one
        // sees it.
        let front = this.lock.mutex.front();
        let found = current().and_then(|node| deadlock::find(&node, Arc::clone(front.line()) as _));
        match found {
            Some(deadlock) => {
                this.lock.ask.leave(front);
                Poll::Ready(Err(deadlock))
            }
            None => Poll::Pending,
        }
    }
}

impl<T: ?Sized> fmt::Debug for LockChecked<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LockChecked").finish_non_exhaustive()
    }
}
