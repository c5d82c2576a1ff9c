//! `eager`: the first leg of a future in the call, the rest in a task, if there is a rest.

use alloc::boxed::Box;
use core::future::Future;
use core::mem;
use core::pin::Pin;
use core::task::{Context, Poll, Waker, ready};

use crate::depth::Level;
use crate::from_ready::FromReady;
use crate::task_handle::TaskHandle;

/// Runs `future` up to its first suspension now, and hands it to `spawn` only if it did not finish.
///
/// The future is boxed and polled once, in place, before this function returns. If it finishes, the result is
/// [`Eager::Ready`] and `spawn` is dropped uncalled. If it blocks, `spawn` is called exactly once with the
/// started future, and what it returns, usually a task handle, is kept in [`Eager::Task`].
///
/// `spawn` can be any function that takes a future: `smol::spawn`, `tokio::spawn`, a closure that spawns on
/// an executor at hand, or `|rest| rest` to keep the boxed future itself and await it in the caller's own
/// task. It must see to it that the future is polled at least once more, which every executor does with what
/// it spawns: the first poll has a waker that wakes nobody.
///
/// Order, wakers and identity are described [in the crate's documentation](crate). The cost of a future that
/// finishes is one allocation and one poll; that of one that blocks is a spawn and one more poll of its leaf.
///
/// Nested calls use the stack of the caller. From the [`LIMIT`](crate::depth::LIMIT)th level on, the future
/// goes to `spawn` without having been polled, see [`depth`](crate::depth).
///
/// Source: `asynkit.eager`, `asynkit.coro_eager`.
///
/// # Panics
///
/// A panic of the future before its first suspension passes through this function, and so does a panic of
/// `spawn`. The future is dropped in both cases.
///
/// # Cancel safety
///
/// The call itself cannot be cancelled. For its result see [`Eager`].
///
/// ```
/// use corokit_coro_start::{Eager, eager};
/// use smol::future::{block_on, yield_now};
///
/// // Nothing blocks: there is no task, and the value is there at once.
/// let hit = eager(async { 1 }, smol::spawn);
/// assert!(matches!(hit, Eager::Ready(1)));
///
/// // The future blocks: the rest of it runs in a task of smol's.
/// let miss = eager(async { yield_now().await; 2 }, smol::spawn);
/// assert!(matches!(miss, Eager::Task(_)));
/// assert_eq!(block_on(miss), 2);
/// ```
#[inline]
pub fn eager<F: Future, J>(future: F, spawn: impl FnOnce(Pin<Box<F>>) -> J) -> Eager<F::Output, J> {
    let mut future = Box::pin(future);
    if let Some(_level) = Level::enter() {
        // The waker of this poll can be one that does nothing: if the future blocks, it is polled again by
        // whoever goes on with it, and only the waker of the latest poll counts.
        let mut cx = Context::from_waker(Waker::noop());
        if let Poll::Ready(value) = future.as_mut().poll(&mut cx) {
            // The box goes before the value is returned, so that a panicking destructor drops the value too.
            drop(future);
            return Eager::Ready(value);
        }
    }
    Eager::Task(spawn(future))
}

/// The result of [`eager`]: the value, if the first leg brought it, or the handle of the task that goes on.
///
/// It is a future. Its output is that of the handle `J`; a value that needed no task becomes such an output
/// by [`FromReady`]: `T` with smol's tasks, `Result<T, JoinError>` with tokio's. The handle must be `Unpin`,
/// as all task handles and all boxed futures are; the value need not be.
///
/// The variants are public, so that a handle can be taken out and detached, cancelled or named:
///
/// ```
/// use corokit_coro_start::{Eager, eager};
/// use smol::future::yield_now;
///
/// match eager(async { yield_now().await; }, smol::spawn) {
///     Eager::Task(task) => task.detach(),
///     Eager::Ready(()) | Eager::Taken => {}
/// }
/// ```
///
/// # Panics
///
/// Polling panics when the output has been handed out already. Otherwise it panics when the handle does: a
/// smol task whose future panicked passes the panic on, a tokio task yields an error.
///
/// # Cancel safety
///
/// A reference to it can be awaited, dropped and awaited again; nothing is lost. Dropping the `Eager` itself
/// drops the value, or drops the handle, which means what it means for that executor: smol cancels the task,
/// tokio lets it run on detached.
#[must_use = "dropping an `Eager` drops its task handle, which cancels the rest of the future on most executors"]
#[derive(Debug)]
pub enum Eager<T, J> {
    /// The future finished in its first leg, and this is its output.
    Ready(T),
    /// The future blocked, and this is what the spawner returned.
    Task(J),
    /// The output has been handed out by `await`.
    Taken,
}

impl<T, J> Eager<T, J> {
    /// Returns whether the future finished in its first leg and its value is still here.
    ///
    /// ```
    /// use corokit_coro_start::eager;
    ///
    /// assert!(eager(async { 1 }, |rest| rest).is_ready());
    /// assert!(!eager(std::future::pending::<()>(), |rest| rest).is_ready());
    /// ```
    #[must_use]
    pub fn is_ready(&self) -> bool {
        matches!(self, Self::Ready(_))
    }

    /// Returns whether the future has finished: in its first leg, by having been awaited, or because its task
    /// says so.
    ///
    /// It is for handles that do not know [`TaskHandle`], as those of tokio; the others have
    /// [`is_finished`](Self::is_finished).
    ///
    /// ```
    /// use corokit_coro_start::eager;
    /// use smol::Task;
    ///
    /// let ready = eager(async { 1 }, smol::spawn);
    /// assert!(ready.is_finished_or(Task::is_finished));
    /// let blocked = eager(smol::future::pending::<u32>(), smol::spawn);
    /// assert!(!blocked.is_finished_or(Task::is_finished));
    /// ```
    #[must_use]
    pub fn is_finished_or(&self, task_is_finished: impl FnOnce(&J) -> bool) -> bool {
        match self {
            Self::Ready(_) | Self::Taken => true,
            Self::Task(task) => task_is_finished(task),
        }
    }

    /// Returns whether the future has finished: in its first leg, by having been awaited, or because its task
    /// says so.
    ///
    /// For handles that do not know [`TaskHandle`] there is [`is_finished_or`](Self::is_finished_or).
    ///
    /// Source: `asyncio.Task.done` of what `asynkit.eager` returns.
    ///
    /// ```
    /// use corokit_coro_start::eager;
    ///
    /// assert!(eager(async { 1 }, |rest| rest).is_finished());
    /// assert!(!eager(std::future::pending::<u32>(), |rest| rest).is_finished());
    /// ```
    #[must_use]
    pub fn is_finished(&self) -> bool
    where
        J: TaskHandle,
    {
        self.is_finished_or(TaskHandle::is_finished)
    }

    /// Takes the output if it is there, without waiting.
    ///
    /// A value of the first leg is moved out; a handle is polled once, with a waker that does nothing. `None`
    /// means that the output is not there, or was taken before. After `None` whoever waits has to poll once
    /// more, as an await does, since only the waker of the latest poll counts.
    ///
    /// Source: `asyncio.Task.result` of what `asynkit.eager` returns.
    ///
    /// # Panics
    ///
    /// Panics when the handle does: a smol task passes on the panic of its future.
    ///
    /// ```
    /// use corokit_coro_start::eager;
    /// use futures_lite::future::yield_now;
    ///
    /// let executor = async_executor::LocalExecutor::new();
    /// let mut child = eager(async { yield_now().await; 1 }, |rest| executor.spawn(rest));
    /// assert_eq!(child.try_take(), None);
    /// while executor.try_tick() {}
    /// assert_eq!(child.try_take(), Some(1));
    /// assert_eq!(child.try_take(), None);
    /// ```
    pub fn try_take(&mut self) -> Option<J::Output>
    where
        J: Future + Unpin,
        J::Output: FromReady<T>,
    {
        if self.is_terminated() {
            return None;
        }
        match Pin::new(self).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(output) => Some(output),
            Poll::Pending => None,
        }
    }

    /// Returns whether the output has been handed out, so that polling again would panic.
    ///
    /// ```
    /// use corokit_coro_start::eager;
    /// use futures_lite::future::block_on;
    ///
    /// let mut answer = eager(async { 1 }, |rest| rest);
    /// assert!(!answer.is_terminated());
    /// assert_eq!(block_on(&mut answer), 1);
    /// assert!(answer.is_terminated());
    /// ```
    #[must_use]
    pub fn is_terminated(&self) -> bool {
        matches!(self, Self::Taken)
    }

    /// Returns the value, if the first leg brought it and it has not been handed out.
    ///
    /// ```
    /// use corokit_coro_start::eager;
    ///
    /// assert_eq!(eager(async { 1 }, |rest| rest).peek(), Some(&1));
    /// ```
    #[must_use]
    pub fn peek(&self) -> Option<&T> {
        match self {
            Self::Ready(value) => Some(value),
            Self::Task(_) | Self::Taken => None,
        }
    }

    /// Returns the value, if the first leg brought it.
    ///
    /// # Errors
    ///
    /// Gives everything back unchanged when there is a task, or when the output has been handed out.
    ///
    /// ```
    /// use corokit_coro_start::{Eager, eager};
    ///
    /// let hit = eager(async { 1 }, |rest| rest);
    /// assert_eq!(hit.into_ready().ok(), Some(1));
    ///
    /// let miss = eager(std::future::pending::<u32>(), |rest| rest);
    /// assert!(matches!(miss.into_ready(), Err(Eager::Task(_))));
    /// ```
    pub fn into_ready(self) -> Result<T, Self> {
        match self {
            Self::Ready(value) => Ok(value),
            other => Err(other),
        }
    }
}

/// The value is moved out, never pinned, so only the handle has to be `Unpin`.
impl<T, J: Unpin> Unpin for Eager<T, J> {}

impl<T, J> Future for Eager<T, J>
where
    J: Future + Unpin,
    J::Output: FromReady<T>,
{
    type Output = J::Output;

    #[track_caller]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        if let Self::Task(task) = this {
            let output = ready!(Pin::new(task).poll(cx));
            *this = Self::Taken;
            return Poll::Ready(output);
        }
        match mem::replace(this, Self::Taken) {
            Self::Ready(value) => Poll::Ready(J::Output::from_ready(value)),
            Self::Task(_) | Self::Taken => {
                panic!("`Eager` polled after its output was handed out")
            }
        }
    }
}
