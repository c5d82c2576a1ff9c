//! Tasks that can be interrupted as a whole.

use std::future::Future;

use corokit_scheduler::{Task, TaskExt};

use super::region::{Interrupt, Interruptible};
use super::scope::bind;
use crate::current::task;
use crate::handle::{LoopGone, LoopHandle, TaskBuilder};

/// Spawns a task on the current loop that is a region from its beginning to its end: a payload of
/// type `P` that is thrown before its first turn keeps it from running at all.
///
/// Inside of it there may be further regions; they are asked first. See
/// [`interruptible`](crate::interruptible).
///
/// Source: asynkit's `task_throw` into a task that has not started.
///
/// # Panics
///
/// Panics outside of any loop.
///
/// # Examples
///
/// ```
/// use corokit_sched_loop::{self as sched_loop, Interrupt, TaskExt};
///
/// let result = sched_loop::run(async {
///     let task = sched_loop::spawn_interruptible(async { panic!("this never runs") });
///     sched_loop::task_throw(task.id(), "stop").unwrap();
///     task.await
/// });
/// assert_eq!(result, Err::<(), _>(Interrupt { reason: "stop" }));
/// ```
#[track_caller]
pub fn spawn_interruptible<P: 'static, T: 'static>(
    future: impl Future<Output = T> + 'static,
) -> Task<Result<T, Interrupt<P>>> {
    task().spawn_interruptible(future)
}

/// Tasks that can be interrupted as a whole.
impl LoopHandle {
    /// Spawns a task that is a region from its beginning to its end: see
    /// [`spawn_interruptible`](crate::spawn_interruptible).
    ///
    /// # Panics
    ///
    /// Panics if the loop has been dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sched_loop::EventLoop;
    ///
    /// let event_loop = EventLoop::new();
    /// let task = event_loop.handle().spawn_interruptible::<(), _>(async { 1 });
    /// assert_eq!(event_loop.run(task), Ok(1));
    /// ```
    #[track_caller]
    pub fn spawn_interruptible<P: 'static, T: 'static>(
        &self,
        future: impl Future<Output = T> + 'static,
    ) -> Task<Result<T, Interrupt<P>>> {
        self.task().spawn_interruptible(future)
    }
}

/// Tasks that can be interrupted as a whole.
impl TaskBuilder {
    /// Spawns the task as a region: see [`spawn_interruptible`](crate::spawn_interruptible).
    ///
    /// # Panics
    ///
    /// Panics if the loop has been dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sched_loop::EventLoop;
    ///
    /// let event_loop = EventLoop::new();
    /// let task = event_loop.task().name("one").spawn_interruptible::<(), _>(async { 1 });
    /// assert_eq!(event_loop.run(task), Ok(1));
    /// ```
    #[track_caller]
    pub fn spawn_interruptible<P: 'static, T: 'static>(
        self,
        future: impl Future<Output = T> + 'static,
    ) -> Task<Result<T, Interrupt<P>>> {
        match self.try_spawn_interruptible(future) {
            Ok(task) => task,
            Err(error) => panic!("cannot spawn: {error}"),
        }
    }

    /// Spawns the task as a region: see [`spawn_interruptible`](crate::spawn_interruptible).
    ///
    /// # Errors
    ///
    /// Fails if the loop has been dropped. Then the future is dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sched_loop::{EventLoop, LoopGone};
    ///
    /// let builder = EventLoop::new().task();
    /// let spawned = builder.try_spawn_interruptible::<(), _>(async {});
    /// assert_eq!(spawned.unwrap_err(), LoopGone);
    /// ```
    #[track_caller]
    pub fn try_spawn_interruptible<P: 'static, T: 'static>(
        self,
        future: impl Future<Output = T> + 'static,
    ) -> Result<Task<Result<T, Interrupt<P>>>, LoopGone> {
        let (region, key) = Interruptible::for_a_task(future);
        let task = self.try_spawn(region)?;
        // A task that has started inside of the call knows whose region it is already.
        bind(key, task.id());
        Ok(task)
    }
}
