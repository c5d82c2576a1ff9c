//! What ends with a scope: `cancelling` for any handle, `eager_scope` for an eager child.

use alloc::boxed::Box;
use core::fmt;
use core::future::Future;
use core::ops::{Deref, DerefMut};
use core::pin::Pin;
use core::task::{Context, Poll};

use crate::eager::{Eager, eager};

/// Holds a task handle, and cancels its task when it is dropped.
///
/// `cancel` says how, which differs between executors: `drop` for the tasks of smol and corokit,
/// `|task| task.abort()` for those of tokio. It is called at most once, not before the drop, and not
/// at all after [`Cancelling::release`] or after the handle has given its output.
///
/// What [`eager`] returns can be held as well, and so can the handle inside: with
/// `|rest| cancelling(tokio::spawn(rest), |task| task.abort())` as its spawner, an
/// [`Eager`] cancels the rest when it is dropped, on tokio too.
///
/// Source: `asynkit.cancelling`.
///
/// # Cancel safety
///
/// A `Cancelling` is a future of what the handle yields. A reference to it can be awaited, dropped
/// and awaited again. Dropping the `Cancelling` itself cancels.
///
/// ```
/// use corokit_coro_start::cancelling;
/// use std::rc::Rc;
///
/// let executor = async_executor::LocalExecutor::new();
/// let held = Rc::new(());
/// let copy = held.clone();
/// let task = executor.spawn(async move {
///     std::future::pending::<()>().await;
///     drop(copy);
/// });
/// {
///     let _scope = cancelling(task, drop);
///     assert!(executor.try_tick());
/// }
/// // The task is cancelled; the executor drops its future when its turn comes.
/// assert!(executor.try_tick());
/// assert_eq!(Rc::strong_count(&held), 1);
/// ```
pub fn cancelling<J, C: FnOnce(J)>(handle: J, cancel: C) -> Cancelling<J, C> {
    Cancelling {
        armed: Some((handle, cancel)),
    }
}

/// What [`cancelling`] returns: a handle whose task goes with it.
///
/// It dereferences to the handle.
#[must_use = "dropping a `Cancelling` cancels its task"]
pub struct Cancelling<J, C: FnOnce(J)> {
    /// `None` from when the output was handed out, which leaves nothing to cancel.
    armed: Option<(J, C)>,
}

const TAKEN: &str = "`Cancelling` used after its output was handed out";

impl<J, C: FnOnce(J)> Cancelling<J, C> {
    /// Gives the handle back; its task is not cancelled.
    ///
    /// # Panics
    ///
    /// Panics if the output was handed out.
    ///
    /// ```
    /// use corokit_coro_start::cancelling;
    ///
    /// let task = cancelling(smol::spawn(async { 1 }), drop);
    /// assert_eq!(smol::block_on(task.release()), 1);
    /// ```
    #[track_caller]
    pub fn release(mut self) -> J {
        self.armed.take().expect(TAKEN).0
    }

    /// Returns whether the output was handed out, so that polling again would panic.
    ///
    /// ```
    /// use corokit_coro_start::cancelling;
    ///
    /// let mut task = cancelling(smol::spawn(async { 1 }), drop);
    /// assert!(!task.is_terminated());
    /// assert_eq!(smol::block_on(&mut task), 1);
    /// assert!(task.is_terminated());
    /// ```
    #[must_use]
    pub fn is_terminated(&self) -> bool {
        self.armed.is_none()
    }
}

/// # Panics
///
/// Panics if the output was handed out.
impl<J, C: FnOnce(J)> Deref for Cancelling<J, C> {
    type Target = J;

    #[track_caller]
    fn deref(&self) -> &J {
        &self.armed.as_ref().expect(TAKEN).0
    }
}

/// # Panics
///
/// Panics if the output was handed out.
impl<J, C: FnOnce(J)> DerefMut for Cancelling<J, C> {
    #[track_caller]
    fn deref_mut(&mut self) -> &mut J {
        &mut self.armed.as_mut().expect(TAKEN).0
    }
}

/// The canceller is never pinned, the handle is `Unpin` where that matters.
impl<J, C: FnOnce(J)> Unpin for Cancelling<J, C> {}

impl<J: Future + Unpin, C: FnOnce(J)> Future for Cancelling<J, C> {
    type Output = J::Output;

    #[track_caller]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<J::Output> {
        let (handle, _) = self.armed.as_mut().expect(TAKEN);
        let poll = Pin::new(handle).poll(cx);
        if poll.is_ready() {
            self.armed = None;
        }
        poll
    }
}

impl<J, C: FnOnce(J)> Drop for Cancelling<J, C> {
    fn drop(&mut self) {
        if let Some((handle, cancel)) = self.armed.take() {
            cancel(handle);
        }
    }
}

impl<J: fmt::Debug, C: FnOnce(J)> fmt::Debug for Cancelling<J, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cancelling")
            .field("handle", &self.armed.as_ref().map(|(handle, _)| handle))
            .finish_non_exhaustive()
    }
}

/// Starts a child now and runs `body` with it; when the scope is left, the child ends with it.
///
/// The first leg of the child runs in this call, as by [`eager`]. The future that is returned runs
/// `body`, which may await the child, look at it, or ignore it. However the scope is left, by the
/// end of `body`, by a panic, or because the future of the scope is dropped, a child that still
/// blocks is dropped: its handle is, which cancels the tasks of smol and corokit. For tokio, wrap the
/// handle by [`cancelling`]. A child that has finished is not affected.
///
/// Source: `asynkit.eager_ctx`.
///
/// # Panics
///
/// As for [`eager`]; the future panics as `body` does.
///
/// # Cancel safety
///
/// Dropping the future drops the body where it stands, and the child.
///
/// ```
/// use corokit_coro_start::eager_scope;
/// use futures_lite::future::block_on;
/// use std::cell::Cell;
///
/// let sent = Cell::new(false);
/// let request = async {
///     sent.set(true);
///     std::future::pending::<u32>().await
/// };
/// let scope = eager_scope(request, |rest| rest, async |answer| {
///     // Given up: the answer takes too long.
///     answer.try_take()
/// });
/// assert!(sent.get());
/// assert_eq!(block_on(scope), None);
/// ```
pub fn eager_scope<F: Future, J, T>(
    future: F,
    spawn: impl FnOnce(Pin<Box<F>>) -> J,
    body: impl AsyncFnOnce(&mut Eager<F::Output, J>) -> T,
) -> impl Future<Output = T> {
    let mut child = eager(future, spawn);
    async move { body(&mut child).await }
}
