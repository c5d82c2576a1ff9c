//! Timeouts: regions that end by themselves.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use corokit_core::TimedOut;
use corokit_core::time::{Sleep, sleep, sleep_until};
use pin_project_lite::pin_project;

use super::registry;
use super::scope::Scope;

/// Runs a future for at most `limit`, counted from this call; `None` means without a limit.
///
/// When the time has come, the future is dropped where it waits, even if what it waits for is there
/// as well. A future that never waits is not hit, and a limit of zero hits the first time that it
/// does. A [`shield`](crate::shield) inside holds the timeout up: it hits at the first point after
/// the shield where the future waits, if there is one.
///
/// Nested timeouts do not mix: each gives its own [`TimedOut`] only, and if the time of both has
/// come, the outer one hits. A timeout ends its future, never a task: it works on any executor, and
/// tasks that the future awaits by reference go on.
///
/// Source: `asynkit.task_timeout`, `asyncio.timeout`.
///
/// # Errors
///
/// [`TimedOut`] if the limit was hit.
///
/// # Cancel safety
///
/// Dropping it drops the future and disarms the timer.
///
/// # Examples
///
/// ```
/// use corokit_sched_loop::{self as sched_loop, TimedOut, task_timeout};
/// use std::future::pending;
/// use std::time::Duration;
///
/// sched_loop::run(async {
///     let hit = task_timeout(Duration::from_millis(1), pending::<()>()).await;
///     assert_eq!(hit, Err(TimedOut));
///
///     let quick = task_timeout(Duration::ZERO, async { "never waits" }).await;
///     assert_eq!(quick, Ok("never waits"));
///
///     let unlimited = task_timeout(None, async { 1 }).await;
///     assert_eq!(unlimited, Ok(1));
/// });
/// ```
pub fn task_timeout<F: Future>(limit: impl Into<Option<Duration>>, future: F) -> TaskTimeout<F> {
    TaskTimeout::new(limit.into().map(sleep), future)
}

/// Runs a future until `deadline` at most; `None` means without a limit. A deadline in the past is
/// like a limit of zero. See [`task_timeout`].
///
/// Source: `asyncio.timeout_at`.
///
/// # Errors
///
/// [`TimedOut`] if the deadline was hit.
///
/// # Examples
///
/// ```
/// use corokit_sched_loop::{self as sched_loop, TimedOut, task_timeout_at};
/// use futures_lite::future::yield_now;
/// use std::time::Instant;
///
/// sched_loop::run(async {
///     let past = Instant::now();
///     assert_eq!(task_timeout_at(past, yield_now()).await, Err(TimedOut));
///     assert_eq!(task_timeout_at(past, async { 1 }).await, Ok(1));
/// });
/// ```
pub fn task_timeout_at<F: Future>(
    deadline: impl Into<Option<Instant>>,
    future: F,
) -> TaskTimeout<F> {
    TaskTimeout::new(deadline.into().map(sleep_until), future)
}

pin_project! {
    /// The future of [`task_timeout`] and [`task_timeout_at`].
    ///
    /// # Panics
    ///
    /// Polling it after it has completed panics.
    #[must_use = "futures do nothing unless polled or awaited"]
    pub struct TaskTimeout<F> {
        // The order matters: when the timeout is dropped, its future goes first.
        #[pin]
        future: Option<F>,
        scope: Option<Scope>,
        timer: Option<Sleep>,
        waited: bool,
        due: bool,
        thread: PhantomData<Rc<()>>,
    }
}

impl<F> TaskTimeout<F> {
    fn new(timer: Option<Sleep>, future: F) -> Self {
        TaskTimeout {
            future: Some(future),
            scope: None,
            timer,
            waited: false,
            due: false,
            thread: PhantomData,
        }
    }
}

impl<F: Future> Future for TaskTimeout<F> {
    type Output = Result<F::Output, TimedOut>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let Some(future) = this.future.as_mut().as_pin_mut() else {
            panic!("polled after completion");
        };
        let Some(timer) = this.timer else {
            return future.poll(cx).map(|output| {
                this.future.set(None);
                Ok(output)
            });
        };
        let scope = this.scope.get_or_insert_with(Scope::timeout);
        let mut look_at_the_clock = |cx: &mut Context<'_>, due: &mut bool| {
            if !*due && Pin::new(&mut *timer).poll(cx).is_ready() {
                *due = true;
                scope.set_due();
            }
            *due
        };
        // Before its first poll the future may be one that never waits.
        if *this.waited {
            look_at_the_clock(cx, this.due);
        }
        // While a shield is in the way of a timeout whose time has come, its end wakes the timeout.
        if scope.begin(cx) {
            this.future.set(None);
            drop(this.scope.take());
            return Poll::Ready(Err(TimedOut));
        }
        let entered = registry::enter(scope.key());
        let poll = future.poll(cx);
        drop(entered);
        if let Poll::Ready(output) = poll {
            this.future.set(None);
            drop(this.scope.take());
            return Poll::Ready(Ok(output));
        }
        // What hits already hits at the next poll: so do all others, and the outermost one is the
        // first to be polled then.
        if !*this.waited {
            *this.waited = true;
            if look_at_the_clock(cx, this.due) {
                cx.waker().wake_by_ref();
            }
        }
        Poll::Pending
    }
}

impl<F> fmt::Debug for TaskTimeout<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskTimeout")
            .field("due", &self.due)
            .finish_non_exhaustive()
    }
}
