//! `drive`: a future is polled here and now, and the caller says what happens when it blocks.

use alloc::sync::Arc;
use core::cell::Cell;
use core::fmt;
use core::future::Future;
use core::marker::PhantomData;
use core::ops::ControlFlow;
use core::pin::pin;
use core::task::{Context, Poll, Waker};

use crate::signal::Signal;

/// Polls a future to its end on this thread, and calls `on_pending` each time that it blocks.
///
/// The callback sees whether the future has been woken, and may wait for that, do other work, count, or give
/// up. When it returns `Continue`, the future is polled again, woken or not. When it returns `Break`, the
/// future is dropped, once, and the value of the break is the result.
///
/// A callback that calls [`Blocked::wait`] makes this a `block_on`; one that always continues makes it spin,
/// which is what a future that only yields wants.
///
/// Source: `asynkit.coro_drive`, whose callback gets what the coroutine has yielded. Nothing is yielded here:
/// to pass data to whoever drives, use a monitor. An error thrown into the coroutine is `Break` here.
///
/// # Panics
///
/// Passes on a panic of the future and of the callback. The future is dropped in both cases.
///
/// # Cancel safety
///
/// The call is not a future, and blocks for as long as the callback does.
///
/// ```
/// use corokit_coro_start::drive;
/// use futures_lite::future::yield_now;
/// use std::ops::ControlFlow;
///
/// // Three steps, of which two are allowed.
/// let future = async {
///     yield_now().await;
///     yield_now().await;
///     yield_now().await;
/// };
/// let result = drive(future, |blocked| match blocked.polls() {
///     0..=2 => ControlFlow::Continue(()),
///     polls => ControlFlow::Break(polls),
/// });
/// assert_eq!(result, ControlFlow::Break(3));
///
/// let result = drive(async { yield_now().await; "done" }, |_| ControlFlow::<()>::Continue(()));
/// assert_eq!(result, ControlFlow::Continue("done"));
/// ```
pub fn drive<F: Future, B>(
    future: F,
    mut on_pending: impl FnMut(&Blocked) -> ControlFlow<B>,
) -> ControlFlow<B, F::Output> {
    let mut future = pin!(future);
    let signal = Arc::new(Signal::new());
    let mut blocked = Blocked {
        waker: Waker::from(signal.clone()),
        signal,
        polls: 0,
        thread: PhantomData,
    };
    loop {
        // What was woken before this poll is answered by it.
        blocked.signal.reset();
        let poll = future
            .as_mut()
            .poll(&mut Context::from_waker(&blocked.waker));
        blocked.polls += 1;
        match poll {
            Poll::Ready(output) => return ControlFlow::Continue(output),
            Poll::Pending => on_pending(&blocked)?,
        }
    }
}

/// What the callback of [`drive`] sees: a future that has just returned pending.
///
/// It stays on the thread that drives: only that one can [`wait`](Self::wait).
pub struct Blocked {
    signal: Arc<Signal>,
    waker: Waker,
    polls: u64,
    /// It is lent to the callback, who must not lend it to another thread.
    thread: PhantomData<Cell<()>>,
}

impl Blocked {
    /// Returns whether the future was woken since its latest poll began: it only gave way, or what it waited
    /// for has come.
    ///
    /// ```
    /// use corokit_coro_start::drive;
    /// use futures_lite::future::yield_now;
    /// use std::ops::ControlFlow;
    ///
    /// let yields = drive(yield_now(), |blocked| ControlFlow::Break(blocked.is_woken()));
    /// assert_eq!(yields, ControlFlow::Break(true));
    /// let waits = drive(std::future::pending::<()>(), |blocked| ControlFlow::Break(blocked.is_woken()));
    /// assert_eq!(waits, ControlFlow::Break(false));
    /// ```
    #[must_use]
    pub fn is_woken(&self) -> bool {
        self.signal.is_set()
    }

    /// Returns the number of polls so far, at least 1.
    ///
    /// ```
    /// use corokit_coro_start::drive;
    /// use std::ops::ControlFlow;
    ///
    /// let polls = drive(std::future::pending::<()>(), |blocked| ControlFlow::Break(blocked.polls()));
    /// assert_eq!(polls, ControlFlow::Break(1));
    /// ```
    #[must_use]
    pub fn polls(&self) -> u64 {
        self.polls
    }

    /// Returns the waker that the future is polled with, to be given to what else may wake it.
    ///
    /// ```
    /// use corokit_coro_start::drive;
    /// use std::ops::ControlFlow;
    ///
    /// drive(std::future::pending::<()>(), |blocked| {
    ///     blocked.waker().wake_by_ref();
    ///     assert!(blocked.is_woken());
    ///     ControlFlow::Break(())
    /// });
    /// ```
    #[must_use]
    pub fn waker(&self) -> &Waker {
        &self.waker
    }

    /// Blocks this thread until the future is woken.
    ///
    /// Returns at once if it has been. A future that nothing will ever wake blocks for ever.
    ///
    /// ```
    /// use corokit_coro_start::drive;
    /// use std::ops::ControlFlow;
    ///
    /// let (sender, receiver) = async_channel::bounded(1);
    /// let thread = std::thread::spawn(move || sender.send_blocking(1));
    /// let received = drive(receiver.recv(), |blocked| {
    ///     blocked.wait();
    ///     ControlFlow::<()>::Continue(())
    /// });
    /// assert_eq!(received, ControlFlow::Continue(Ok(1)));
    /// # thread.join().unwrap().unwrap();
    /// ```
    #[cfg(feature = "std")]
    pub fn wait(&self) {
        self.signal.wait();
    }
}

impl fmt::Debug for Blocked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Blocked")
            .field("woken", &self.is_woken())
            .field("polls", &self.polls)
            .finish_non_exhaustive()
    }
}
