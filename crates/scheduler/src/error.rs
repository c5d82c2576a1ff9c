//! What can be wrong with a request about a task.

use std::error::Error;
use std::fmt;

use corokit_core::TaskId;

/// Why a task could not be moved, named, watched or ended as asked. Nothing has changed.
///
/// # Examples
///
/// ```
/// use corokit_scheduler::{LocalExecutor, ScheduleError};
///
/// let executor = LocalExecutor::new();
/// let task = executor.spawn(async {});
/// let id = task.metadata().id();
/// assert!(executor.try_tick());
///
/// let error = executor.ready_reinsert(id, 0).unwrap_err();
/// assert_eq!(error, ScheduleError::Finished(id));
/// assert_eq!(error.to_string(), format!("task {id} is not in the ready queue: it has finished"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ScheduleError {
    /// The task belongs to another executor.
    Foreign(TaskId),
    /// The task has finished, or was cancelled and dropped.
    Finished(TaskId),
    /// The task is being polled: it is the caller, or the caller runs inside of it. Or it is a
    /// main future whose turn has come, and its runner is about to poll it.
    Running(TaskId),
    /// The task waits for a wake-up.
    Blocked(TaskId),
    /// The task has been taken out of the ready queue.
    Parked(TaskId),
    /// It is a main future, which its runner owns.
    MainFuture(TaskId),
    /// The executor lives on another thread.
    Elsewhere(TaskId),
    /// The task cannot be put beside itself.
    BesideItself(TaskId),
    /// The caller is not a task of this executor, nor its main future.
    Outside,
    /// The executor's ready queue knows no priorities.
    NoPriorities,
}

impl fmt::Display for ScheduleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (id, why) = match self {
            ScheduleError::Foreign(id) => (id, "it belongs to another executor"),
            ScheduleError::Finished(id) => (id, "it has finished"),
            ScheduleError::Running(id) => (id, "it is running"),
            ScheduleError::Blocked(id) => (id, "it waits for a wake-up"),
            ScheduleError::Parked(id) => (id, "it has been taken out"),
            ScheduleError::MainFuture(id) => {
                return write!(f, "task {id} is a main future: its runner owns it");
            }
            ScheduleError::Elsewhere(id) => {
                return write!(f, "the executor of task {id} lives on another thread");
            }
            ScheduleError::BesideItself(id) => {
                return write!(f, "task {id} cannot be put beside itself");
            }
            ScheduleError::Outside => {
                return f.write_str("the caller is not running on this executor");
            }
            ScheduleError::NoPriorities => {
                return f.write_str("the ready queue of this executor knows no priorities");
            }
        };
        write!(f, "task {id} is not in the ready queue: {why}")
    }
}

impl Error for ScheduleError {}
