//! Waiting for a notification without the lock, and then for the lock.

use std::fmt;
use std::future::{Future, poll_fn};
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::line::Line;
use crate::mutex::{Lock, LockArc, PriorityMutex, PriorityMutexGuard, PriorityMutexGuardArc};

/// A guard of a [`PriorityMutex`] that can be given back, and waited for again: both of them.
pub trait Guard: sealed::Guard {}

mod sealed {
    use std::future::Future;

    pub trait Guard: Sized {
        /// A way to the mutex.
        type Mutex: Unpin;
        type Lock: Future<Output = Self> + Unpin;

        fn mutex(&self) -> Self::Mutex;
        fn lock(mutex: Self::Mutex) -> Self::Lock;
    }
}

impl<T: ?Sized> Guard for PriorityMutexGuard<'_, T> {}

impl<'m, T: ?Sized> sealed::Guard for PriorityMutexGuard<'m, T> {
    type Mutex = &'m PriorityMutex<T>;
    type Lock = Lock<'m, T>;

    fn mutex(&self) -> Self::Mutex {
        self.source()
    }

    fn lock(mutex: Self::Mutex) -> Self::Lock {
        mutex.lock()
    }
}

impl<T: ?Sized> Guard for PriorityMutexGuardArc<T> {}

impl<T: ?Sized> sealed::Guard for PriorityMutexGuardArc<T> {
    type Mutex = Arc<PriorityMutex<T>>;
    type Lock = LockArc<T>;

    fn mutex(&self) -> Self::Mutex {
        Arc::clone(self.source())
    }

    fn lock(mutex: Self::Mutex) -> Self::Lock {
        mutex.lock_arc()
    }
}

/// Gives a lock back, waits for a notification of a [`PriorityCondvar`](crate::PriorityCondvar), and
/// takes the lock again.
///
/// # Panics
///
/// Polling it after it has completed panics.
#[must_use = "futures do nothing unless polled or awaited"]
pub struct CondvarWait<G: Guard> {
    // Dropped first: a grant of the lock passes on before a notification does.
    phase: Phase<G>,
    place: Place,
}

enum Phase<G: Guard> {
    /// Has the guard, and is not in line.
    New(G),
    /// Is in line, and the lock is somebody else's.
    Waits(G::Mutex),
    /// Waits for the lock.
    Locks(G::Lock),
    Done,
}

impl<G: Guard> CondvarWait<G> {
    pub(super) fn new(line: Arc<Line>, guard: G) -> Self {
        CondvarWait {
            phase: Phase::New(guard),
            place: Place { line, number: None },
        }
    }

    /// Gives the lock back, and waits for the notification only.
    pub(super) fn notified(&mut self) -> impl Future<Output = ()> {
        poll_fn(|cx| self.poll_notified(cx))
    }

    fn poll_notified(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match &self.phase {
            Phase::New(guard) => {
                // In line first: whoever has the lock next finds it there.
                self.place.enter(cx);
                let mutex = guard.mutex();
                self.phase = Phase::Waits(mutex);
                Poll::Pending
            }
            Phase::Waits(_) => self.place.poll(cx),
            Phase::Locks(_) | Phase::Done => Poll::Ready(()),
        }
    }

    /// Waits for no notification any more. Returns `true` if there has been one.
    pub(super) fn give_up(&mut self) -> bool {
        let notified = self.place.give_up();
        self.stop_waiting();
        notified
    }

    /// Goes on to take the lock, notified or not.
    fn stop_waiting(&mut self) {
        self.phase = match mem::replace(&mut self.phase, Phase::Done) {
            Phase::Waits(mutex) => Phase::Locks(G::lock(mutex)),
            phase => phase,
        };
    }
}

impl<G: Guard> Unpin for CondvarWait<G> {}

impl<G: Guard> Future for CondvarWait<G> {
    type Output = G;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<G> {
        if self.poll_notified(cx).is_pending() {
            return Poll::Pending;
        }
        self.stop_waiting();
        let Phase::Locks(lock) = &mut self.phase else {
            panic!("polled after completion");
        };
        let guard = match Pin::new(lock).poll(cx) {
            Poll::Ready(guard) => guard,
            Poll::Pending => return Poll::Pending,
        };
        self.phase = Phase::Done;
        // Until now the notification would have gone to the next.
        self.place.consume();
        Poll::Ready(guard)
    }
}

impl<G: Guard> fmt::Debug for CondvarWait<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let phase = match self.phase {
            Phase::New(_) => "new",
            Phase::Waits(_) => "waits for a notification",
            Phase::Locks(_) => "waits for the lock",
            Phase::Done => "done",
        };
        f.debug_tuple("CondvarWait").field(&phase).finish()
    }
}

/// A place in the line. When it is dropped, a notification passes on.
struct Place {
    line: Arc<Line>,
    number: Option<u32>,
}

impl Place {
    fn enter(&mut self, cx: &Context<'_>) {
        self.number = Some(self.line.enter(cx.waker().clone()));
    }

    fn poll(&self, cx: &Context<'_>) -> Poll<()> {
        match self.number {
            Some(number) if !self.line.poll(number, cx.waker()) => Poll::Pending,
            _ => Poll::Ready(()),
        }
    }

    /// Leaves the line, unless there has been a notification. Returns `true` if there has.
    fn give_up(&mut self) -> bool {
        let notified = self.number.is_some_and(|number| self.line.give_up(number));
        if !notified {
            self.number = None;
        }
        notified
    }

    /// Ends the wait, and keeps what it was notified of.
    fn consume(&mut self) {
        if let Some(number) = self.number.take() {
            self.line.consume(number);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            self.line.leave(number);
        }
    }
}
