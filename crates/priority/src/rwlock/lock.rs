//! The futures that wait for a reader-writer lock.

use std::fmt;
use std::future::{Future, poll_fn};
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use corokit_core::Priority;

use super::guard::{
    PriorityReadGuard, PriorityReadGuardArc, PriorityRwLock, PriorityWriteGuard,
    PriorityWriteGuardArc,
};
use super::line::{Access, Asked, Line, Ticket};
use crate::current::current;
use crate::deadlock::{self, Deadlock};

/// Somebody who asks for a lock.
struct Ask {
    access: Access,
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
    fn poll(&mut self, line: &Arc<Line>, cx: &mut Context<'_>) -> Poll<Ticket> {
        let ticket = match self.progress {
            Progress::New => {
                match line.acquire(self.access, current(), self.fixed, cx.waker().clone()) {
                    Asked::Acquired(ticket) => Some(ticket),
                    Asked::Waits(number) => {
                        self.progress = Progress::Waits(number);
                        if self.reports {
                            deadlock::report(line);
                        }
                        // It may have been served at once.
                        line.poll(number, current().as_ref(), cx.waker())
                    }
                }
            }
            Progress::Waits(number) => line.poll(number, current().as_ref(), cx.waker()),
            Progress::Done => panic!("polled after completion"),
        };
        match ticket {
            Some(ticket) => {
                self.progress = Progress::Done;
                Poll::Ready(ticket)
            }
            None => Poll::Pending,
        }
    }

    /// Goes away, and passes on what was granted.
    fn leave(&mut self, line: &Line) {
        if let Progress::Waits(number) = mem::replace(&mut self.progress, Progress::Done) {
            line.leave(number);
        }
    }
}

/// Writes what the futures do that wait for a lock.
macro_rules! lock {
    ($future:ident [$($lifetime:lifetime)?], $access:ident, $lock:ty, $guard:ident, $what:literal) => {
        #[doc = concat!("Waits for a [`PriorityRwLock`], to ", $what, ".")]
        ///
        /// # Panics
        ///
        /// Polling it after it has completed panics.
        #[must_use = "futures do nothing unless polled or awaited"]
        pub struct $future<$($lifetime,)? T: ?Sized> {
            lock: $lock,
            ask: Ask,
        }

        impl<$($lifetime,)? T: ?Sized> $future<$($lifetime,)? T> {
            pub(super) fn new(lock: $lock, fixed: Option<Priority>) -> Self {
                let ask = Ask {
                    access: Access::$access,
                    fixed,
                    progress: Progress::New,
                    reports: true,
                };
                $future { lock, ask }
            }
        }

        impl<$($lifetime,)? T: ?Sized> Quiet for $future<$($lifetime,)? T> {
            fn quiet(mut self) -> Self {
                self.ask.reports = false;
                self
            }
        }

        impl<$($lifetime,)? T: ?Sized> Future for $future<$($lifetime,)? T> {
            type Output = $guard<$($lifetime,)? T>;

            fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
                let this = &mut *self;
                let ticket = this.ask.poll(this.lock.line(), cx);
                ticket.map(|ticket| $guard::new(&this.lock, ticket))
            }
        }

        impl<$($lifetime,)? T: ?Sized> Drop for $future<$($lifetime,)? T> {
            fn drop(&mut self) {
                self.ask.leave(self.lock.line());
            }
        }

        impl<$($lifetime,)? T: ?Sized> fmt::Debug for $future<$($lifetime,)? T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($future)).finish_non_exhaustive()
            }
        }
    };
}

lock!(ReadLock['l], Read, &'l PriorityRwLock<T>, PriorityReadGuard, "read");
lock!(WriteLock['l], Write, &'l PriorityRwLock<T>, PriorityWriteGuard, "write");
lock!(ReadLockArc[], Read, Arc<PriorityRwLock<T>>, PriorityReadGuardArc, "read");
lock!(WriteLockArc[], Write, Arc<PriorityRwLock<T>>, PriorityWriteGuardArc, "write");

/// A future that can be told not to report what it waits for.
pub(super) trait Quiet {
    fn quiet(self) -> Self;
}

/// Waits for a lock, unless that would be waiting for oneself.
pub(super) async fn checked<L: Future + Unpin + Quiet>(
    line: &Arc<Line>,
    lock: L,
) -> Result<L::Output, Deadlock> {
    let mut checked = false;
    let mut lock = lock.quiet();
    poll_fn(move |cx| {
        if let Poll::Ready(guard) = Pin::new(&mut lock).poll(cx) {
            return Poll::Ready(Ok(guard));
        }
        if mem::replace(&mut checked, true) {
            return Poll::Pending;
        }
        // First in line, then look: of two tasks that close a cycle at the same time, at least one
        // sees it.
        let found = current().and_then(|node| deadlock::find(&node, Arc::clone(line) as _));
        found.map_or(Poll::Pending, |deadlock| Poll::Ready(Err(deadlock)))
    })
    .await
}
