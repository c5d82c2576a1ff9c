//! What a task is doing now.

use core::fmt;

/// What a task is doing now.
///
/// ```text
///            spawn
///              |      its turn
///              v   -------------->
///   +----> Runnable               Running ----> Finished
///   |       |    ^  <--------------  |
///   |  take |    |      yields       | waits
///   |       v    | put back          v
///   |       Parked                Blocked
///   |                                |
///   +--------------------------------+
///                  wake
/// ```
///
/// # Examples
///
/// ```
/// use corokit_core::TaskState;
///
/// assert_eq!(TaskState::Runnable.to_string(), "runnable");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TaskState {
    /// In the ready queue.
    Runnable,
    /// Being polled now, or, of a main future, about to be polled by its runner. More than one
    /// task of a scheduler is in this state when a running task runs another one inside its own
    /// poll.
    Running,
    /// Waits for a wake-up.
    Blocked,
    /// Ready to run, but taken out of the ready queue by the program.
    Parked,
    /// Completed, cancelled or panicked: its future is gone.
    Finished,
}

impl fmt::Display for TaskState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            TaskState::Runnable => "runnable",
            TaskState::Running => "running",
            TaskState::Blocked => "blocked",
            TaskState::Parked => "parked",
            TaskState::Finished => "finished",
        })
    }
}
