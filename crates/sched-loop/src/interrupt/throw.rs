//! Throwing: leaving a payload in a region of another task.

use std::any::TypeId;

use corokit_core::{TaskId, TaskState};

use super::arena::Key;
use super::error::{InterruptError, ThrowError};
use super::region::typed;
use super::registry::{self, Fate, Thrown};
use super::scope::acknowledge;
use crate::current::current;
use crate::handle::LoopHandle;
use crate::queue::LoopExecutor;

/// Throws a payload at a task of the current loop, which will find it when its turn comes: puts
/// the task at the tail of the ready queue, and returns.
///
/// The region that gets it is the one that the task entered last of those that take payloads of
/// this type: see [`interruptible`](crate::interruptible). A payload that was thrown there before
/// and is not delivered yet is replaced and comes back as `Some`, or goes back to the
/// [`task_interrupt`](crate::task_interrupt) that waits for its delivery.
///
/// A task that is ready to run already moves to the tail, unless a [`shield`](crate::shield) keeps
/// the payload from being delivered now. What happens to the payload later is not told: it is
/// dropped if the region ends first. That is so for a task that was cancelled and has not been
/// dropped yet, since nothing can be seen of that: the cancellation goes on.
///
/// Source: `asynkit.task_throw`.
///
/// # Errors
///
/// Fails, gives the payload back, and changes nothing if the task is in no such region, is the
/// caller or runs around it, has finished, has been taken out of the ready queue, or belongs to
/// another loop; and outside of any loop.
///
/// # Examples
///
/// ```
/// use corokit_sched_loop::{self as sched_loop, Interrupt, TaskExt, interruptible};
/// use std::future::pending;
///
/// sched_loop::run(async {
///     let task = sched_loop::spawn(interruptible(pending::<()>()));
///     futures_lite::future::yield_now().await;
///     assert_eq!(sched_loop::task_throw(task.id(), 1), Ok(None));
///     assert_eq!(sched_loop::task_throw(task.id(), 2), Ok(Some(1)));
///     assert_eq!(task.await, Err(Interrupt { reason: 2 }));
/// });
/// ```
pub fn task_throw<P: 'static>(task: TaskId, payload: P) -> Result<Option<P>, ThrowError<P>> {
    match current() {
        Some(handle) => handle.task_throw(task, payload),
        None => Err(ThrowError {
            error: InterruptError::Outside,
            payload,
        }),
    }
}

/// Interrupts.
impl LoopHandle {
    /// Throws a payload at a task of this loop: see [`task_throw`](crate::task_throw).
    ///
    /// # Errors
    ///
    /// As there, and if the loop has been dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sched_loop::{EventLoop, Interrupt, TaskExt};
    /// use std::future::pending;
    ///
    /// let event_loop = EventLoop::new();
    /// let handle = event_loop.handle();
    /// let task = handle.spawn_interruptible(pending::<()>());
    /// handle.task_throw(task.id(), "stop").unwrap();
    /// assert_eq!(event_loop.run(task), Err(Interrupt { reason: "stop" }));
    /// ```
    pub fn task_throw<P: 'static>(
        &self,
        task: TaskId,
        payload: P,
    ) -> Result<Option<P>, ThrowError<P>> {
        let mut payload = Some(payload);
        let thrown = self.with(|executor| {
            let was = check(executor, task)?;
            let thrown = throw(task, &mut payload, Key::NONE)?;
            // A task that was woken is at the tail; one that was in the queue goes there, to its
            // regular place.
            if was == TaskState::Runnable && !thrown.deferred {
                drop(executor.ready_take(task));
            }
            Ok(thrown.replaced)
        });
        match thrown.unwrap_or(Err(InterruptError::LoopGone)) {
            Ok(replaced) => Ok(replaced),
            Err(error) => Err(refused(error, payload)),
        }
    }
}

/// Gives back what was not thrown.
pub(super) fn refused<P>(error: InterruptError, payload: Option<P>) -> ThrowError<P> {
    match payload {
        Some(payload) => ThrowError { error, payload },
        None => unreachable!("a payload is taken when nothing can fail any more"),
    }
}

/// Makes sure that a task is in a state in which it can be interrupted.
pub(super) fn check(executor: &LoopExecutor, task: TaskId) -> Result<TaskState, InterruptError> {
    match executor.task_state(task) {
        Some(state @ (TaskState::Runnable | TaskState::Blocked)) => Ok(state),
        Some(TaskState::Running) => Err(InterruptError::Running(task)),
        Some(TaskState::Parked) => Err(InterruptError::Parked(task)),
        Some(TaskState::Finished) => Err(InterruptError::Finished(task)),
        None => Err(InterruptError::Foreign(task)),
    }
}

/// What throwing a payload has done.
pub(super) struct Throw<P> {
    /// What was thrown before, if nobody waits to hear of it.
    pub(super) replaced: Option<P>,
    /// Whether a shield keeps it from being delivered now.
    pub(super) deferred: bool,
}

/// Leaves a payload in a region of a task, and wakes the region if it can be delivered now.
pub(super) fn throw<P: 'static>(
    task: TaskId,
    payload: &mut Option<P>,
    waiter: Key,
) -> Result<Throw<P>, InterruptError> {
    let thrown = registry::with(|registry| {
        let region = registry.find(task, TypeId::of::<P>())?;
        let payload = Box::new(payload.take()?);
        Some(registry.throw(region, Thrown { payload, waiter }))
    });
    let thrown = thrown.flatten();
    let thrown = thrown.ok_or(InterruptError::NotInterruptible(task))?;
    let replaced = thrown.replaced.and_then(|Thrown { payload, waiter }| {
        match acknowledge(waiter, Fate::Replaced(payload)) {
            Some(Fate::Replaced(payload)) => Some(typed(payload)),
            _ => None,
        }
    });
    if let Some(waker) = thrown.waker {
        waker.wake();
    }
    Ok(Throw {
        replaced,
        deferred: thrown.deferred,
    })
}
