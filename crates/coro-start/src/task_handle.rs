//! The trait of task handles that know whether their task has ended.

use alloc::boxed::Box;
use core::future::Future;
use core::ops::Deref;
use core::pin::Pin;

use crate::cancelling::Cancelling;
use crate::eager::Eager;

/// A task handle that knows, without being polled, whether its task has ended.
///
/// The tasks of smol, async-executor and corokit do, by the feature `async-task`. A handle of another
/// executor can be made to know it in a type of one's own:
///
/// ```
/// use corokit_coro_start::{TaskHandle, eager};
///
/// struct Joined<T>(tokio::task::JoinHandle<T>);
///
/// impl<T> TaskHandle for Joined<T> {
///     fn is_finished(&self) -> bool {
///         self.0.is_finished()
///     }
/// }
///
/// let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
/// let child = eager(std::future::pending::<()>(), |rest| Joined(runtime.spawn(rest)));
/// assert!(!child.is_finished());
/// ```
pub trait TaskHandle {
    /// Returns whether the task has ended: completed, panicked, or cancelled and dropped.
    ///
    /// ```
    /// use corokit_coro_start::TaskHandle;
    ///
    /// assert!(!Box::pin(async { 1 }).is_finished());
    /// ```
    fn is_finished(&self) -> bool;
}

/// A future that the caller keeps goes on only when it is awaited, and is gone from an
/// [`Eager`] when it has ended: while it is there, it has not.
impl<F: Future + ?Sized> TaskHandle for Pin<Box<F>> {
    fn is_finished(&self) -> bool {
        false
    }
}

impl<T, J: TaskHandle> TaskHandle for Eager<T, J> {
    fn is_finished(&self) -> bool {
        Eager::is_finished(self)
    }
}

/// It has ended, too, when the output was handed out.
impl<J: TaskHandle, C: FnOnce(J)> TaskHandle for Cancelling<J, C> {
    fn is_finished(&self) -> bool {
        self.is_terminated() || self.deref().is_finished()
    }
}

#[cfg(feature = "async-task")]
impl<T, M> TaskHandle for async_task::Task<T, M> {
    fn is_finished(&self) -> bool {
        async_task::Task::is_finished(self)
    }
}

#[cfg(feature = "async-task")]
impl<T, M> TaskHandle for async_task::FallibleTask<T, M> {
    fn is_finished(&self) -> bool {
        async_task::FallibleTask::is_finished(self)
    }
}
