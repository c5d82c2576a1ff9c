//! Interrupting: throwing, and waiting until it has been delivered.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::mem;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use corokit_core::{Position, TaskId};

use super::arena::Key;
use super::error::{InterruptError, ThrowError};
use super::region::typed;
use super::registry::{self, Fate};
use super::throw::{check, refused, throw};
use crate::current::current;
use crate::handle::LoopHandle;

/// Throws a payload at a task of the current loop, and waits until it has been delivered.
///
/// The task runs next, then those that were ready already, then the caller; so when this returns,
/// the future of the region has been dropped and the task has run up to the point where it waits
/// again, or to its end. Otherwise it does what [`task_throw`](crate::task_throw) does.
///
/// The answer says what became of the payload. It may take longer: a [`shield`](crate::shield)
/// defers the delivery, and so does a task that does not poll the region.
///
/// Source: `asynkit.task_interrupt`.
///
/// # Errors
///
/// As [`task_throw`](crate::task_throw), at the first poll. Then nothing has changed.
///
/// # Cancel safety
///
/// Before its first poll it has done nothing. Dropping it later gives up the answer, not the
/// interrupt, which then is like one of `task_throw`.
///
/// # Examples
///
/// ```
/// use corokit_sched_loop::{self as sched_loop, Interrupt, Outcome, TaskExt, interruptible};
/// use std::cell::RefCell;
/// use std::future::pending;
/// use std::rc::Rc;
///
/// let log = Rc::new(RefCell::new(Vec::new()));
/// let note = Rc::clone(&log);
/// sched_loop::run(async move {
///     let inner = Rc::clone(&note);
///     let task = sched_loop::spawn(async move {
///         let result = interruptible(pending::<()>()).await;
///         assert_eq!(result, Err(Interrupt { reason: "stop" }));
///         inner.borrow_mut().push("interrupted");
///     });
///     futures_lite::future::yield_now().await;
///     let outcome = sched_loop::task_interrupt(task.id(), "stop").await;
///     note.borrow_mut().push("acknowledged");
///     assert_eq!(outcome, Ok(Outcome::Delivered));
/// });
/// assert_eq!(*log.borrow(), ["interrupted", "acknowledged"]);
/// ```
pub fn task_interrupt<P: 'static>(task: TaskId, payload: P) -> TaskInterrupt<P> {
    TaskInterrupt::new(None, task, payload)
}

/// Interrupts, with an answer.
impl LoopHandle {
    /// Throws a payload at a task of this loop, and waits until it has been delivered: see
    /// [`task_interrupt`](crate::task_interrupt).
    ///
    /// If the caller is not a task of this loop, something else must run the loop meanwhile.
    ///
    /// # Errors
    ///
    /// As there, and if the loop has been dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sched_loop::{EventLoop, Outcome, TaskExt};
    /// use std::future::pending;
    ///
    /// let event_loop = EventLoop::new();
    /// let handle = event_loop.handle();
    /// let task = event_loop.handle().spawn_interruptible::<&str, _>(pending::<()>());
    /// let outcome = event_loop.run(handle.task_interrupt(task.id(), "stop"));
    /// assert_eq!(outcome, Ok(Outcome::Delivered));
    /// assert!(task.is_finished());
    /// ```
    pub fn task_interrupt<P: 'static>(&self, task: TaskId, payload: P) -> TaskInterrupt<P> {
        TaskInterrupt::new(Some(self.clone()), task, payload)
    }
}

/// What became of a payload: the answer of [`task_interrupt`](crate::task_interrupt).
///
/// # Examples
///
/// ```
/// use corokit_sched_loop::Outcome;
///
/// assert_eq!(Outcome::Replaced("stop").into_payload(), Some("stop"));
/// assert_eq!(Outcome::<&str>::Delivered.into_payload(), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "the payload may have come back"]
pub enum Outcome<P> {
    /// The region has ended with it.
    Delivered,
    /// It came too late: the future of the region completed first. It does when all of the time
    /// between was spent inside of a [`shield`](crate::shield).
    Completed(P),
    /// The region was dropped first: its task was cancelled, something around it ended it, or the
    /// program gave it up.
    Dropped(P),
    /// Another payload was thrown at the region first, and took its place.
    Replaced(P),
}

impl<P> Outcome<P> {
    /// Returns `true` if the region has ended with the payload.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sched_loop::Outcome;
    ///
    /// assert!(Outcome::<()>::Delivered.is_delivered());
    /// assert!(!Outcome::Dropped(()).is_delivered());
    /// ```
    pub fn is_delivered(&self) -> bool {
        matches!(self, Outcome::Delivered)
    }

    /// Returns the payload if it was not delivered.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sched_loop::Outcome;
    ///
    /// assert_eq!(Outcome::Completed(3).into_payload(), Some(3));
    /// ```
    pub fn into_payload(self) -> Option<P> {
        match self {
            Outcome::Delivered => None,
            Outcome::Completed(payload)
            | Outcome::Dropped(payload)
            | Outcome::Replaced(payload) => Some(payload),
        }
    }
}

/// The future of [`task_interrupt`].
///
/// # Panics
///
/// Polling it after it has completed panics.
#[must_use = "futures do nothing unless polled or awaited"]
pub struct TaskInterrupt<P> {
    /// The loop; `None` means the current one.
    handle: Option<LoopHandle>,
    task: TaskId,
    progress: Progress<P>,
    thread: PhantomData<Rc<()>>,
}

enum Progress<P> {
    New(P),
    /// Waits for the answer.
    Waiting(Key),
    Done,
}

impl<P> Unpin for TaskInterrupt<P> {}

impl<P> TaskInterrupt<P> {
    fn new(handle: Option<LoopHandle>, task: TaskId, payload: P) -> Self {
        TaskInterrupt {
            handle,
            task,
            progress: Progress::New(payload),
            thread: PhantomData,
        }
    }
}

impl<P: 'static> TaskInterrupt<P> {
    /// Throws the payload. Returns who waits for the answer, and whether the caller has been given
    /// a place in the ready queue, for when it wakes itself.
    fn start(&self, payload: &mut Option<P>) -> Result<(Key, bool), InterruptError> {
        let here = current();
        let handle = self.handle.as_ref().or(here.as_ref());
        let handle = handle.ok_or(InterruptError::Outside)?;
        let inside = here.as_ref().is_some_and(|here| here.is_same(handle));
        let started = handle.with(|executor| {
            check(executor, self.task)?;
            let waiter = registry::with(registry::Registry::wait).unwrap_or(Key::NONE);
            let thrown = throw(self.task, payload, waiter).inspect_err(|_| drop(forget(waiter)))?;
            if thrown.deferred {
                return Ok((waiter, false));
            }
            // Nothing runs between the caller and the task, which may not even be woken: it gets
            // the payload when it polls the region.
            let gave_way = inside && executor.give_way(Some(self.task), Position::Back).is_ok();
            if !gave_way {
                let _ = executor.ready_reinsert(self.task, Position::Front);
            }
            Ok((waiter, gave_way))
        });
        started.unwrap_or(Err(InterruptError::LoopGone))
    }
}

impl<P: 'static> Future for TaskInterrupt<P> {
    type Output = Result<Outcome<P>, ThrowError<P>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let waiter = match mem::replace(&mut self.progress, Progress::Done) {
            Progress::New(payload) => {
                let mut payload = Some(payload);
                match self.start(&mut payload) {
                    Ok((waiter, true)) => {
                        self.progress = Progress::Waiting(waiter);
                        cx.waker().wake_by_ref();
                        return Poll::Pending;
                    }
                    Ok((waiter, false)) => waiter,
                    Err(error) => return Poll::Ready(Err(refused(error, payload))),
                }
            }
            Progress::Waiting(waiter) => waiter,
            Progress::Done => panic!("polled after completion"),
        };
        // While the thread ends, nobody is told any more.
        let answer = registry::with(|registry| registry.answer(waiter)).flatten();
        let Some(answer) = answer else {
            self.progress = Progress::Waiting(waiter);
            let waker = cx.waker().clone();
            drop(registry::with(|registry| {
                registry.keep_waiters_waker(waiter, waker)
            }));
            return Poll::Pending;
        };
        Poll::Ready(Ok(match answer {
            Fate::Delivered => Outcome::Delivered,
            Fate::Completed(payload) => Outcome::Completed(typed(payload)),
            Fate::Dropped(payload) => Outcome::Dropped(typed(payload)),
            Fate::Replaced(payload) => Outcome::Replaced(typed(payload)),
        }))
    }
}

/// Ends the waiting for an answer, and returns the answer if there is one.
fn forget(waiter: Key) -> Option<Fate> {
    let (fate, waker) = registry::with(|registry| registry.remove_waiter(waiter))??;
    drop(waker);
    fate
}

impl<P> Drop for TaskInterrupt<P> {
    fn drop(&mut self) {
        if let Progress::Waiting(waiter) = self.progress {
            drop(forget(waiter));
        }
    }
}

impl<P> fmt::Debug for TaskInterrupt<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskInterrupt")
            .field("task", &self.task)
            .finish_non_exhaustive()
    }
}
