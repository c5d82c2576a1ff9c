//! What an eager call gives: the value, or the task that goes on.

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::mem;
use std::panic::{self, AssertUnwindSafe, Location};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use corokit_core::{ReadyQueue, TaskId};

use crate::executor::LocalExecutor;
use crate::spawn::Start;
use crate::task::Task;

/// The result of [`LocalExecutor::eager`](crate::LocalExecutor::eager): a future that is done
/// already, or the task that goes on with it.
///
/// # Panics
///
/// Awaiting it resumes the panic of the future, if it panicked, in its first leg as well as later.
/// Polling it after its output was handed out panics.
///
/// # Cancel safety
///
/// A reference to it can be awaited, dropped and awaited again. Dropping the `Eager` itself cancels
/// the task, if there is one, and drops the output otherwise.
///
/// # Examples
///
/// ```
/// use corokit_scheduler::LocalExecutor;
/// use futures_lite::future::block_on;
///
/// let executor = LocalExecutor::new();
/// let answer = executor.eager(async { 42 });
/// assert!(answer.is_finished());
/// assert_eq!(block_on(answer), 42);
/// ```
#[must_use = "dropping an `Eager` cancels the task, if there is one"]
pub struct Eager<T> {
    state: State<T>,
}

enum State<T> {
    /// `None` when the output, or the panic, was handed out.
    Ready(Option<T>),
    Panicked(Box<dyn Any + Send>),
    Task(Task<T>),
}

impl<T> Eager<T> {
    pub(crate) fn ready(output: T) -> Self {
        Eager {
            state: State::Ready(Some(output)),
        }
    }

    pub(crate) fn panicked(payload: Box<dyn Any + Send>) -> Self {
        Eager {
            state: State::Panicked(payload),
        }
    }

    pub(crate) fn task(task: Task<T>) -> Self {
        Eager {
            state: State::Task(task),
        }
    }

    /// Returns `true` if the future has completed or panicked, in its first leg or as a task.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_scheduler::LocalExecutor;
    ///
    /// let executor = LocalExecutor::new();
    /// assert!(executor.eager(async {}).is_finished());
    /// assert!(!executor.eager(std::future::pending::<()>()).is_finished());
    /// ```
    pub fn is_finished(&self) -> bool {
        match &self.state {
            State::Task(task) => task.is_finished(),
            State::Ready(_) | State::Panicked(_) => true,
        }
    }

    /// Returns the id of the task, or `None` if the future was done before it became one.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_scheduler::LocalExecutor;
    ///
    /// let executor = LocalExecutor::new();
    /// assert_eq!(executor.eager(async {}).id(), None);
    ///
    /// let blocked = executor.eager(std::future::pending::<()>());
    /// assert_eq!(executor.ready_ids(), [blocked.id().unwrap()]);
    /// ```
    pub fn id(&self) -> Option<TaskId> {
        match &self.state {
            State::Task(task) => Some(task.metadata().id()),
            State::Ready(_) | State::Panicked(_) => None,
        }
    }

    /// Returns the output, if the first leg brought it.
    ///
    /// # Errors
    ///
    /// Gives everything back unchanged if there is a task, a panic, or nothing any more.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_scheduler::LocalExecutor;
    ///
    /// let executor = LocalExecutor::new();
    /// assert_eq!(executor.eager(async { 1 }).into_ready().ok(), Some(1));
    /// assert!(executor.eager(std::future::pending::<()>()).into_ready().is_err());
    /// ```
    pub fn into_ready(self) -> Result<T, Self> {
        match self.state {
            State::Ready(Some(output)) => Ok(output),
            state => Err(Eager { state }),
        }
    }

    /// Lets the future go on without anyone waiting for it. Its output, or its panic, is dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_scheduler::LocalExecutor;
    ///
    /// let executor = LocalExecutor::new();
    /// executor.eager(futures_lite::future::yield_now()).detach();
    /// assert!(executor.try_tick());
    /// ```
    pub fn detach(self) {
        if let State::Task(task) = self.state {
            task.detach();
        }
    }
}

impl<'a, Q: ReadyQueue> LocalExecutor<'a, Q> {
    /// Does what [`eager`](LocalExecutor::eager) does, with a task from the beginning, because it is
    /// tasks that are watched.
    ///
    /// The result is in a box so that what [`eager`](LocalExecutor::eager) returns is not written by
    /// anything that is not inlined, and need not be in memory.
    #[cold]
    #[inline(never)]
    pub(crate) fn eager_watched<T: 'a>(
        &self,
        future: impl Future<Output = T> + 'a,
        location: &'static Location<'static>,
    ) -> Box<Eager<T>> {
        let mut task = self.spawn_with(future, None, None, Start::Eager, location);
        if !task.is_finished() {
            // The order is the same whether somebody watches or not: a future that has blocked is
            // polled once more from the queue.
            let woken = self.wake_task(task.metadata().id());
            debug_assert!(woken.is_ok());
            return Box::new(Eager::task(task));
        }
        let mut cx = Context::from_waker(Waker::noop());
        let polled = AssertUnwindSafe(|| Pin::new(&mut task).poll(&mut cx));
        Box::new(match panic::catch_unwind(polled) {
            Ok(Poll::Ready(output)) => Eager::ready(output),
            Ok(Poll::Pending) => Eager::task(task),
            Err(payload) => Eager::panicked(payload),
        })
    }
}

/// The output is moved out, never pinned.
impl<T> Unpin for Eager<T> {}

impl<T> Future for Eager<T> {
    type Output = T;

    #[inline]
    #[track_caller]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let state = &mut self.get_mut().state;
        match state {
            State::Ready(output) => Poll::Ready(output.take().expect("polled after completion")),
            State::Task(task) => Pin::new(task).poll(cx),
            State::Panicked(_) => resume_panic(state),
        }
    }
}

#[cold]
fn resume_panic<T>(state: &mut State<T>) -> ! {
    match mem::replace(state, State::Ready(None)) {
        State::Panicked(payload) => panic::resume_unwind(payload),
        State::Ready(_) | State::Task(_) => unreachable!("there was a panic"),
    }
}

impl<T> fmt::Debug for Eager<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.state {
            State::Ready(Some(_)) => "Eager(ready)",
            State::Ready(None) => "Eager(taken)",
            State::Panicked(_) => "Eager(panicked)",
            State::Task(_) => "Eager(task)",
        })
    }
}
