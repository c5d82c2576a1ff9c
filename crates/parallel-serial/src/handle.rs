//! What runs by itself, on an executor.

use std::future::Future;

/// The handle of a task: a future of its output that can also let the task go on alone, or end it.
///
/// Implemented for the tasks of smol, async-executor, async-task and corokit; implement it for the
/// handles of other executors to use them with [`shield`](crate::shield) and the like.
///
/// # Examples
///
/// A handle of tokio, whose tasks go on when it is dropped:
///
/// ```
/// use corokit_parallel_serial::{TaskHandle, shield};
/// use std::future::Future;
/// use std::pin::Pin;
/// use std::task::{Context, Poll, ready};
/// use tokio::task::{JoinError, JoinHandle};
///
/// struct Handle<T>(JoinHandle<T>);
///
/// impl<T> Future for Handle<T> {
///     type Output = Result<T, JoinError>;
///
///     fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
///         Pin::new(&mut self.0).poll(cx)
///     }
/// }
///
/// impl<T> TaskHandle for Handle<T> {
///     fn detach(self) {}
///
///     async fn cancel(self) -> Option<Self::Output> {
///         self.0.abort();
///         match self.0.await {
///             Err(error) if error.is_cancelled() => None,
///             finished => Some(finished),
///         }
///     }
/// }
///
/// let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
/// let answer = runtime.block_on(async { shield(Handle(tokio::spawn(async { 42 }))).await });
/// assert_eq!(answer.unwrap(), 42);
/// ```
pub trait TaskHandle: Future + Unpin + Sized {
    /// Lets the task go on alone.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_parallel_serial::TaskHandle;
    ///
    /// let executor = async_executor::LocalExecutor::new();
    /// TaskHandle::detach(executor.spawn(async { println!("still here") }));
    /// assert!(executor.try_tick());
    /// ```
    fn detach(self);

    /// Ends the task, and waits until its future is gone. Returns its output if it had one already.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_parallel_serial::TaskHandle;
    /// use futures_lite::future::{block_on, pending};
    ///
    /// let executor = async_executor::LocalExecutor::new();
    /// let task = executor.spawn(pending::<()>());
    /// let output = block_on(executor.run(TaskHandle::cancel(task)));
    /// assert_eq!(output, None);
    /// ```
    fn cancel(self) -> impl Future<Output = Option<Self::Output>>;
}

impl<T, M> TaskHandle for async_task::Task<T, M> {
    fn detach(self) {
        async_task::Task::detach(self);
    }

    fn cancel(self) -> impl Future<Output = Option<T>> {
        async_task::Task::cancel(self)
    }
}
