//! Tasks of which one may fail while the others go on.

use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use super::TryGather;
use crate::children::Children;
use crate::handle::TaskHandle;

/// As [`try_gather`](crate::try_gather), for tasks: the first error is returned at once, and the
/// other tasks go on alone.
///
/// Source: `asyncio.gather`, whose siblings go on after an error, too, and are cancelled when it is.
///
/// # Errors
///
/// The first error of a task.
///
/// # Panics
///
/// A panic of a task goes to the caller, if its handle tells of it; the other tasks go on as well.
///
/// # Cancel safety
///
/// Dropping it before it has completed drops the handles, which with most executors cancels the
/// tasks.
///
/// # Examples
///
/// ```
/// use async_executor::LocalExecutor;
/// use corokit_parallel_serial::try_gather_tasks;
/// use futures_lite::future::{block_on, yield_now};
/// use std::cell::Cell;
///
/// let finished = Cell::new(false);
/// let executor = LocalExecutor::new();
/// let failing = executor.spawn(async { Err("no") });
/// let slow = executor.spawn(async {
///     yield_now().await;
///     finished.set(true);
///     Ok(1)
/// });
/// let result = block_on(executor.run(try_gather_tasks([slow, failing])));
/// assert_eq!(result, Err("no"));
///
/// // It is still there.
/// while executor.try_tick() {}
/// assert!(finished.get());
/// ```
pub fn try_gather_tasks<H, T, E>(tasks: impl IntoIterator<Item = H>) -> TryGatherTasks<H, T>
where
    H: TaskHandle<Output = Result<T, E>>,
{
    TryGatherTasks {
        tasks: TryGather::new(tasks),
    }
}

/// The future of [`try_gather_tasks`].
///
/// # Panics
///
/// Polling it after it has completed panics.
#[must_use = "futures do nothing unless polled or awaited"]
pub struct TryGatherTasks<H, T> {
    tasks: TryGather<H, T>,
}

impl<H, T, E> Future for TryGatherTasks<H, T>
where
    H: TaskHandle<Output = Result<T, E>>,
{
    type Output = Result<Vec<T>, E>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let polled = catch_unwind(AssertUnwindSafe(|| self.tasks.poll_with(cx, detach_all)));
        polled.unwrap_or_else(|payload| {
            detach_all(self.tasks.children());
            resume_unwind(payload)
        })
    }
}

fn detach_all<H: TaskHandle>(tasks: &mut Children<H>) {
    for index in 0..tasks.len() {
        if let Some(task) = tasks.take(index) {
            task.detach();
        }
    }
}

impl<H, T> fmt::Debug for TryGatherTasks<H, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TryGatherTasks").field(&self.tasks).finish()
    }
}
