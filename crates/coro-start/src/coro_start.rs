//! `CoroStart`: a future that is started where it stands and awaited there later.

use alloc::boxed::Box;
use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, Waker, ready};

use pin_project_lite::pin_project;

use crate::state::CoroState;

pin_project! {
    /// A future that can be started now and awaited later, in place and without an allocation.
    ///
    /// It is a future itself: awaiting one that was not started starts it, awaiting one that is suspended
    /// goes on with it, awaiting one that is done yields the output at once. The states are those of
    /// [`CoroState`].
    ///
    /// A started coroutine makes no progress until it is polled: [`start`](Self::start) registers nobody to
    /// be woken. Await it, or poll it by [`start_cx`](Self::start_cx) with a waker of your own.
    ///
    /// Recursive starts use the stack as recursive awaits do. The guard of [`depth`](crate::depth) does not
    /// apply, since a future that is pinned in place cannot be handed to anyone else.
    ///
    /// Source: `asynkit.CoroStart`. Its `throw` has no counterpart: a Rust future is ended by dropping it,
    /// here by [`close`](Self::close).
    ///
    /// # Panics
    ///
    /// Polling and starting panic when the output has been taken, when the coroutine was closed, and when an
    /// earlier poll panicked.
    ///
    /// # Cancel safety
    ///
    /// A pinned reference can be awaited, dropped and awaited again; nothing is lost. Dropping the
    /// `CoroStart` drops the future, or the output.
    ///
    /// ```
    /// use corokit_coro_start::CoroStart;
    /// use futures_lite::future::{block_on, yield_now};
    /// use std::cell::Cell;
    /// use std::pin::pin;
    ///
    /// let step = Cell::new(0);
    /// let mut coro = pin!(CoroStart::new(async {
    ///     step.set(1);
    ///     yield_now().await;
    ///     step.set(2);
    ///     "done"
    /// }));
    ///
    /// assert!(!coro.as_mut().start());
    /// assert_eq!(step.get(), 1);
    /// assert_eq!(block_on(coro), "done");
    /// assert_eq!(step.get(), 2);
    /// ```
    #[must_use = "a `CoroStart` does nothing until it is started or awaited"]
    pub struct CoroStart<F>
    where
        F: Future,
    {
        #[pin]
        slot: Slot<F>,
    }
}

pin_project! {
    /// What a coroutine holds: its future, or its output, or neither.
    #[project = SlotProj]
    #[project_replace = SlotOwned]
    enum Slot<F>
    where
        F: Future,
    {
        Live {
            #[pin]
            future: F,
            leg: Leg,
        },
        Done {
            output: F::Output,
        },
        Taken,
    }
}

/// How far a future that is still there has come.
#[derive(Clone, Copy)]
enum Leg {
    /// It has not been polled.
    New,
    /// It is being polled. Nobody can look while that is so, hence whoever sees this sees a poll that
    /// panicked.
    Polling,
    /// Its latest poll returned `Pending`.
    Suspended,
}

impl<F: Future> CoroStart<F> {
    /// Creates a coroutine from a future; nothing runs yet.
    ///
    /// ```
    /// use corokit_coro_start::{CoroStart, CoroState};
    ///
    /// let coro = CoroStart::new(async { 1 });
    /// assert_eq!(coro.state(), CoroState::New);
    /// assert_eq!(coro.peek(), None);
    /// ```
    pub const fn new(future: F) -> Self {
        Self {
            slot: Slot::Live {
                future,
                leg: Leg::New,
            },
        }
    }

    /// Runs the first leg, unless it has run, and returns whether the output is there.
    ///
    /// The future is polled with a waker that does nothing; see [the crate's documentation](crate) for why no
    /// wake is lost. A second call polls nothing, so that it cannot take a waiter's place in a leaf; to step
    /// a coroutine by hand, use [`start_cx`](Self::start_cx).
    ///
    /// # Panics
    ///
    /// Passes on a panic of the future. Panics when the output has been taken, when the coroutine was closed,
    /// and when an earlier poll panicked.
    ///
    /// ```
    /// use corokit_coro_start::CoroStart;
    /// use std::pin::pin;
    ///
    /// let mut quick = pin!(CoroStart::new(async { 1 }));
    /// assert!(quick.as_mut().start());
    ///
    /// let mut slow = pin!(CoroStart::new(std::future::pending::<u32>()));
    /// assert!(!slow.as_mut().start());
    /// ```
    #[inline]
    #[track_caller]
    pub fn start(self: Pin<&mut Self>) -> bool {
        match self.state() {
            CoroState::Done => true,
            CoroState::Suspended => false,
            // A coroutine is never seen running; were it, the poll would say so.
            CoroState::New | CoroState::Running | CoroState::Taken | CoroState::Panicked => {
                self.start_cx(&mut Context::from_waker(Waker::noop()))
            }
        }
    }

    /// Polls the future with a context of the caller's, unless it is done, and returns whether the output is
    /// there.
    ///
    /// Unlike an await, it leaves the output inside, for [`peek`](Self::peek), [`take`](Self::take) or a
    /// later await. Each call on a coroutine that is new or suspended polls it once.
    ///
    /// # Panics
    ///
    /// Passes on a panic of the future. Panics when the output has been taken, when the coroutine was closed,
    /// and when an earlier poll panicked.
    ///
    /// ```
    /// use corokit_coro_start::CoroStart;
    /// use futures_lite::future::yield_now;
    /// use std::pin::pin;
    /// use std::task::{Context, Waker};
    ///
    /// let mut cx = Context::from_waker(Waker::noop());
    /// let mut coro = pin!(CoroStart::new(async { yield_now().await; 1 }));
    /// assert!(!coro.as_mut().start_cx(&mut cx));
    /// assert!(coro.as_mut().start_cx(&mut cx));
    /// assert_eq!(coro.take(), Some(1));
    /// ```
    #[inline]
    #[track_caller]
    pub fn start_cx(self: Pin<&mut Self>, cx: &mut Context<'_>) -> bool {
        let mut slot = self.project().slot;
        if matches!(*slot, Slot::Done { .. }) {
            return true;
        }
        match slot.as_mut().poll_live(cx) {
            Poll::Ready(output) => {
                slot.set(Slot::Done { output });
                true
            }
            Poll::Pending => false,
        }
    }

    /// Returns where the coroutine stands.
    ///
    /// ```
    /// use corokit_coro_start::{CoroStart, CoroState};
    /// use std::pin::pin;
    ///
    /// let mut coro = pin!(CoroStart::new(std::future::pending::<()>()));
    /// coro.as_mut().start();
    /// assert_eq!(coro.state(), CoroState::Suspended);
    /// ```
    #[must_use]
    pub fn state(&self) -> CoroState {
        match &self.slot {
            Slot::Live { leg: Leg::New, .. } => CoroState::New,
            Slot::Live {
                leg: Leg::Suspended,
                ..
            } => CoroState::Suspended,
            Slot::Live {
                leg: Leg::Polling, ..
            } => CoroState::Panicked,
            Slot::Done { .. } => CoroState::Done,
            Slot::Taken => CoroState::Taken,
        }
    }

    /// Returns whether the future has finished and its output is still here.
    ///
    /// Source: `asynkit.CoroStart.done`.
    ///
    /// ```
    /// use corokit_coro_start::CoroStart;
    /// use std::pin::pin;
    ///
    /// let mut coro = pin!(CoroStart::new(async {}));
    /// assert!(!coro.is_done());
    /// coro.as_mut().start();
    /// assert!(coro.is_done());
    /// coro.as_mut().take();
    /// assert!(!coro.is_done());
    /// ```
    #[must_use]
    pub fn is_done(&self) -> bool {
        matches!(self.slot, Slot::Done { .. })
    }

    /// Returns whether the output has been handed out or the coroutine closed, so that polling would panic.
    ///
    /// ```
    /// use corokit_coro_start::CoroStart;
    /// use std::pin::pin;
    ///
    /// let mut coro = pin!(CoroStart::new(async {}));
    /// assert!(!coro.is_terminated());
    /// coro.as_mut().close();
    /// assert!(coro.is_terminated());
    /// ```
    #[must_use]
    pub fn is_terminated(&self) -> bool {
        matches!(self.slot, Slot::Taken)
    }

    /// Returns the output, if it is there, and leaves it.
    ///
    /// Source: `asynkit.CoroStart.result`.
    ///
    /// ```
    /// use corokit_coro_start::CoroStart;
    /// use std::pin::pin;
    ///
    /// let mut coro = pin!(CoroStart::new(async { 1 }));
    /// assert_eq!(coro.peek(), None);
    /// coro.as_mut().start();
    /// assert_eq!(coro.peek(), Some(&1));
    /// ```
    #[must_use]
    pub fn peek(&self) -> Option<&F::Output> {
        match &self.slot {
            Slot::Done { output } => Some(output),
            Slot::Live { .. } | Slot::Taken => None,
        }
    }

    /// Takes the output, if it is there; otherwise changes nothing.
    ///
    /// ```
    /// use corokit_coro_start::CoroStart;
    /// use std::pin::pin;
    ///
    /// let mut coro = pin!(CoroStart::new(async { 1 }));
    /// coro.as_mut().start();
    /// assert_eq!(coro.as_mut().take(), Some(1));
    /// assert_eq!(coro.as_mut().take(), None);
    /// ```
    #[inline]
    pub fn take(self: Pin<&mut Self>) -> Option<F::Output> {
        let slot = self.project().slot;
        if !matches!(*slot, Slot::Done { .. }) {
            return None;
        }
        match slot.project_replace(Slot::Taken) {
            SlotOwned::Done { output } => Some(output),
            SlotOwned::Live { .. } | SlotOwned::Taken => None,
        }
    }

    /// Drops the future, or the output, now; does nothing on a coroutine that has neither.
    ///
    /// Code of the future that comes after its present suspension does not run, its destructors do.
    ///
    /// Source: `asynkit.CoroStart.close`.
    ///
    /// # Panics
    ///
    /// Passes on a panic of a destructor. The coroutine is closed nevertheless.
    ///
    /// ```
    /// use corokit_coro_start::{CoroStart, CoroState};
    /// use std::pin::pin;
    /// use std::rc::Rc;
    ///
    /// let held = Rc::new(());
    /// let copy = held.clone();
    /// let mut coro = pin!(CoroStart::new(async move {
    ///     std::future::pending::<()>().await;
    ///     drop(copy);
    /// }));
    /// coro.as_mut().start();
    /// coro.as_mut().close();
    /// assert_eq!(Rc::strong_count(&held), 1);
    /// assert_eq!(coro.state(), CoroState::Taken);
    /// ```
    pub fn close(self: Pin<&mut Self>) {
        self.project().slot.set(Slot::Taken);
    }
}

/// Starts a future in a box: what it gives can be moved about, kept in a collection, and awaited later.
///
/// It costs one allocation, where [`CoroStart::new`] costs none and stays where it is pinned. No executor is
/// needed: the rest of the future runs when the result is awaited.
///
/// Source: `asynkit.CoroStart(coro)`, `asynkit.coro_start`.
///
/// # Panics
///
/// Passes on a panic of the future.
///
/// # Cancel safety
///
/// As for [`CoroStart`].
///
/// ```
/// use corokit_coro_start::{CoroState, start_boxed};
/// use futures_lite::future::{block_on, yield_now};
///
/// let requests: Vec<_> = (0..3)
///     .map(|id| start_boxed(async move { yield_now().await; id }))
///     .collect();
/// assert!(requests.iter().all(|request| request.state() == CoroState::Suspended));
/// let sum: i32 = requests.into_iter().map(block_on).sum();
/// assert_eq!(sum, 3);
/// ```
pub fn start_boxed<F: Future>(future: F) -> CoroStart<Pin<Box<F>>> {
    let mut coro = CoroStart::new(Box::pin(future));
    Pin::new(&mut coro).start();
    coro
}

impl<F: Future + Unpin> CoroStart<F> {
    /// Returns the output, if it is there; for coroutines that can be moved, see [`start_boxed`].
    ///
    /// Source: `asynkit.CoroStart.as_future`, `CoroStart.result`.
    ///
    /// # Errors
    ///
    /// Gives the coroutine back unchanged when it has no output.
    ///
    /// ```
    /// use corokit_coro_start::start_boxed;
    ///
    /// assert_eq!(start_boxed(async { 1 }).into_result().ok(), Some(1));
    /// assert!(start_boxed(std::future::pending::<u32>()).into_result().is_err());
    /// ```
    pub fn into_result(mut self) -> Result<F::Output, Self> {
        Pin::new(&mut self).take().ok_or(self)
    }
}

impl<F: Future> Slot<F> {
    /// Polls the future once; the caller replaces it when it is ready.
    #[inline]
    #[track_caller]
    fn poll_live(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        match self.project() {
            SlotProj::Live { future, leg } if !matches!(leg, Leg::Polling) => {
                // The mark stays if the poll panics, and keeps the future from being polled again.
                *leg = Leg::Polling;
                let poll = future.poll(cx);
                if poll.is_pending() {
                    *leg = Leg::Suspended;
                }
                poll
            }
            SlotProj::Live { .. } => panic!("`CoroStart` polled after a poll of it panicked"),
            SlotProj::Done { .. } | SlotProj::Taken => {
                panic!("`CoroStart` polled after its output was taken or it was closed")
            }
        }
    }
}

impl<F: Future> Future for CoroStart<F> {
    type Output = F::Output;

    #[inline]
    #[track_caller]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let mut this = self;
        if let Some(output) = this.as_mut().take() {
            return Poll::Ready(output);
        }
        let mut slot = this.project().slot;
        let output = ready!(slot.as_mut().poll_live(cx));
        slot.set(Slot::Taken);
        Poll::Ready(output)
    }
}

impl<F: Future> fmt::Debug for CoroStart<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CoroStart")
            .field("state", &self.state())
            .finish_non_exhaustive()
    }
}
