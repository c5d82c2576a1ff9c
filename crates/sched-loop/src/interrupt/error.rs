//! Why something could not be thrown.

use std::error::Error;
use std::fmt;

use corokit_core::TaskId;

/// Why a task cannot be interrupted. Nothing has changed.
///
/// # Examples
///
/// ```
/// use corokit_sched_loop::{self as sched_loop, InterruptError, TaskExt};
///
/// sched_loop::run(async {
///     let task = sched_loop::spawn(async {});
///     let error = sched_loop::task_throw(task.id(), "stop").unwrap_err();
///     assert_eq!(error.error, InterruptError::NotInterruptible(task.id()));
/// });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InterruptError {
    /// The task is in no region that takes payloads of this type.
    NotInterruptible(TaskId),
    /// The task is being polled: it is the caller, or the caller runs inside of it.
    Running(TaskId),
    /// The task has been taken out of the ready queue.
    Parked(TaskId),
    /// The task has finished, or was cancelled and dropped.
    Finished(TaskId),
    /// The task belongs to another loop.
    Foreign(TaskId),
    /// No loop runs on this thread.
    Outside,
    /// The loop has been dropped.
    LoopGone,
}

impl fmt::Display for InterruptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (id, why) = match self {
            InterruptError::NotInterruptible(id) => {
                (id, "it is in no region that takes such a payload")
            }
            InterruptError::Running(id) => (id, "it is running"),
            InterruptError::Parked(id) => (id, "it has been taken out of the ready queue"),
            InterruptError::Finished(id) => (id, "it has finished"),
            InterruptError::Foreign(id) => (id, "it belongs to another loop"),
            InterruptError::Outside => {
                return f.write_str("there is no running event loop on this thread");
            }
            InterruptError::LoopGone => return f.write_str("the event loop has been dropped"),
        };
        write!(f, "task {id} cannot be interrupted: {why}")
    }
}

impl Error for InterruptError {}

/// Why [`task_throw`](crate::task_throw) or [`task_interrupt`](crate::task_interrupt) failed, and
/// the payload, which comes back.
///
/// # Examples
///
/// ```
/// use corokit_sched_loop::{self as sched_loop, InterruptError, TaskExt};
///
/// let event_loop = sched_loop::EventLoop::new();
/// let task = event_loop.spawn(async {});
/// let error = sched_loop::task_throw(task.id(), "stop").unwrap_err();
/// assert_eq!((error.error, error.payload), (InterruptError::Outside, "stop"));
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ThrowError<P> {
    /// What is wrong.
    pub error: InterruptError,
    /// What was to be thrown.
    pub payload: P,
}

impl<P> fmt::Debug for ThrowError<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ThrowError")
            .field("error", &self.error)
            .finish_non_exhaustive()
    }
}

impl<P> fmt::Display for ThrowError<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl<P> Error for ThrowError<P> {}
