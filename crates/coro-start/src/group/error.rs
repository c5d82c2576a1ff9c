//! What goes wrong in a group.

use alloc::vec::Vec;
use core::error::Error;
use core::fmt;

/// The errors of the children of a group, in the order in which they came: at least one.
///
/// The first is the one that cancelled the others. More follow if others failed by themselves before
/// they were gone.
///
/// Source: the `ExceptionGroup` of `anyio.TaskGroup`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupError<E> {
    errors: Vec<E>,
}

impl<E> GroupError<E> {
    /// Makes one of what was collected, unless that is nothing.
    pub(super) fn of(errors: Vec<E>) -> Result<(), Self> {
        if errors.is_empty() {
            Ok(())
        } else {
            Err(GroupError { errors })
        }
    }

    /// Returns the errors, the first one first.
    ///
    /// ```
    /// use corokit_coro_start::EagerTaskGroup;
    /// use futures_lite::future::{block_on, yield_now};
    ///
    /// let executor = async_executor::LocalExecutor::new();
    /// let group = EagerTaskGroup::new(|task| executor.spawn(task));
    /// group.start_soon(async { yield_now().await; Err("failed") }).unwrap();
    /// let error = block_on(executor.run(group.join())).unwrap_err();
    /// assert_eq!(error.errors(), ["failed"]);
    /// ```
    pub fn errors(&self) -> &[E] {
        &self.errors
    }

    /// Returns the errors, the first one first.
    ///
    /// ```
    /// use corokit_coro_start::EagerTaskGroup;
    /// use futures_lite::future::{block_on, yield_now};
    ///
    /// let executor = async_executor::LocalExecutor::new();
    /// let group = EagerTaskGroup::new(|task| executor.spawn(task));
    /// group.start_soon(async { yield_now().await; Err("failed") }).unwrap();
    /// let error = block_on(executor.run(group.join())).unwrap_err();
    /// assert_eq!(error.into_errors(), ["failed"]);
    /// ```
    pub fn into_errors(self) -> Vec<E> {
        self.errors
    }
}

impl<E: fmt::Display> fmt::Display for GroupError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let more = self.errors.len() - 1;
        write!(f, "a task of the group failed: {}", self.errors[0])?;
        if more > 0 {
            write!(f, " (and {more} more)")?;
        }
        Ok(())
    }
}

impl<E: Error + 'static> Error for GroupError<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.errors.first().map(|error| error as _)
    }
}

/// Says why a child that was to report its start has not done so.
///
/// Source: what `asynkit.experimental.anyio.EagerTaskGroup.start` raises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StartError<E> {
    /// It failed before it had started. The group does not hear of this error.
    Failed(E),
    /// It came to its end without having started.
    NeverStarted,
    /// It was dropped before it had started, because the group was cancelled, or it panicked.
    Gone,
}

impl<E: fmt::Display> fmt::Display for StartError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StartError::Failed(error) => write!(f, "the task failed before it had started: {error}"),
            StartError::NeverStarted => f.write_str(
                "the task came to its end without calling `started`; call it when the task is ready \
                 for use",
            ),
            StartError::Gone => {
                f.write_str("the task was cancelled, or panicked, before it had started")
            }
        }
    }
}

impl<E: Error + 'static> Error for StartError<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            StartError::Failed(error) => Some(error),
            StartError::NeverStarted | StartError::Gone => None,
        }
    }
}
