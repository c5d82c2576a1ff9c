//! A task that goes on when nobody waits for it any more.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::handle::TaskHandle;

/// Waits for a task, but lets it go on if the waiting ends early.
///
/// Whatever cancels the caller, a timeout or a race, drops this future; the task is detached then,
/// not cancelled. If the task panics while somebody waits, the panic goes there, as with the handle
/// itself; afterwards it is the executor's business, which knows of it as of every detached task.
///
/// Source: `asyncio.shield`. There, somebody has to keep a reference to the task; here nobody
/// has to.
///
/// # Cancel safety
///
/// That is what it is for: dropping it detaches the task.
///
/// # Examples
///
/// ```
/// use corokit_parallel_serial::shield;
/// use futures_lite::future::{block_on, poll_once, yield_now};
/// use std::cell::Cell;
///
/// let saved = Cell::new(false);
/// let executor = async_executor::LocalExecutor::new();
/// let saving = executor.spawn(async {
///     yield_now().await;
///     saved.set(true);
/// });
/// // The caller gives up at once.
/// assert_eq!(block_on(poll_once(shield(saving))), None);
///
/// while executor.try_tick() {}
/// assert!(saved.get());
/// ```
pub fn shield<H: TaskHandle>(task: H) -> Shield<H> {
    Shield { task: Some(task) }
}

/// The future of [`shield`].
///
/// # Panics
///
/// Polling it after it has completed panics.
#[must_use = "futures do nothing unless polled or awaited; a dropped shield detaches its task"]
pub struct Shield<H: TaskHandle> {
    task: Option<H>,
}

impl<H: TaskHandle> Shield<H> {
    /// Gives the handle back, so that the task can be cancelled after all.
    ///
    /// # Panics
    ///
    /// Panics if the future has completed.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_parallel_serial::shield;
    ///
    /// let executor = async_executor::LocalExecutor::new();
    /// let task = shield(executor.spawn(async { 1 })).into_inner();
    /// assert!(!task.is_finished());
    /// ```
    #[track_caller]
    pub fn into_inner(mut self) -> H {
        self.task.take().expect("the task has completed")
    }
}

impl<H: TaskHandle> Future for Shield<H> {
    type Output = H::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<H::Output> {
        let task = self.task.as_mut().expect("polled after completion");
        let polled = Pin::new(task).poll(cx);
        if polled.is_ready() {
            self.task = None;
        }
        polled
    }
}

impl<H: TaskHandle> Drop for Shield<H> {
    fn drop(&mut self) {
        if let Some(task) = self.task.take() {
            task.detach();
        }
    }
}

impl<H: TaskHandle> fmt::Debug for Shield<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shield")
            .field("completed", &self.task.is_none())
            .finish_non_exhaustive()
    }
}
