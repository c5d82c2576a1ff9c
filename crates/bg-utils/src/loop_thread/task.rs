//! A task on the loop of another thread, and the handle to it.

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::future::Future;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use super::handle::Shared;
use crate::clock::{block_on, block_on_until};
use crate::sync::{Mutex, lock};

/// What a task and its handle share.
pub(super) struct Meeting<T> {
    state: Mutex<State<T>>,
    shared: Arc<Shared>,
}

struct State<T> {
    outcome: Outcome<T>,
    /// It is to be dropped instead of being polled once more.
    cancelled: bool,
    /// Wakes the task, for it to hear of that.
    task: Option<Waker>,
    /// Wakes who waits for the outcome.
    waiter: Option<Waker>,
}

enum Outcome<T> {
    Running,
    Done(Result<T, TaskError>),
    Taken,
}

/// Something that can be cancelled.
pub(super) trait Cancel: Send + Sync {
    fn cancel(&self);

    /// Returns whether it has no outcome yet.
    fn is_running(&self) -> bool;
}

impl<T: Send> Cancel for Meeting<T> {
    fn cancel(&self) {
        let mut state = lock(&self.state);
        state.cancelled = true;
        let task = state.task.take();
        drop(state);
        if let Some(waker) = task {
            waker.wake();
        }
    }

    fn is_running(&self) -> bool {
        matches!(lock(&self.state).outcome, Outcome::Running)
    }
}

impl<T> Meeting<T> {
    pub(super) fn new(shared: Arc<Shared>) -> Arc<Self> {
        Arc::new(Meeting {
            state: Mutex::new(State {
                outcome: Outcome::Running,
                cancelled: false,
                task: None,
                waiter: None,
            }),
            shared,
        })
    }

    /// Leaves the outcome. Returns who is to be told.
    fn finish(&self, outcome: Result<T, TaskError>) -> Option<Waker> {
        let mut state = lock(&self.state);
        state.outcome = Outcome::Done(outcome);
        let (task, waiter) = (state.task.take(), state.waiter.take());
        drop(state);
        drop(task);
        waiter
    }
}

/// The end of a task that is at the loop. Whatever becomes of the task, its handle hears of it, and
/// it does not count any more.
pub(super) struct Presence<T> {
    meeting: Arc<Meeting<T>>,
    number: u64,
    over: bool,
}

impl<T> Presence<T> {
    pub(super) fn new(meeting: Arc<Meeting<T>>, number: u64) -> Self {
        Presence {
            meeting,
            number,
            over: false,
        }
    }

    /// Ends it, once its future has been dropped. Whoever is told finds both: the outcome is there,
    /// and the task does not count any more.
    fn end(&mut self, outcome: Result<T, TaskError>) {
        if mem::replace(&mut self.over, true) {
            return;
        }
        let waiter = self.meeting.finish(outcome);
        self.meeting.shared.gone(self.number);
        if let Some(waker) = waiter {
            waker.wake();
        }
    }
}

impl<T> Drop for Presence<T> {
    fn drop(&mut self) {
        self.end(Err(TaskError::Cancelled));
    }
}

/// A task, as the loop polls it.
pub(super) struct Remote<T, F> {
    // Dropped before the other end hears of anything.
    future: Option<Pin<Box<F>>>,
    presence: Presence<T>,
}

impl<T, F> Unpin for Remote<T, F> {}

impl<T, F: Future<Output = T>> Remote<T, F> {
    pub(super) fn new(future: F, presence: Presence<T>) -> Self {
        Remote {
            future: Some(Box::pin(future)),
            presence,
        }
    }

    /// Lets go of the future, and of what it panics with meanwhile.
    fn clear(&mut self) -> Option<Box<dyn Any + Send>> {
        let future = self.future.take();
        catch_unwind(AssertUnwindSafe(|| drop(future))).err()
    }
}

impl<T, F: Future<Output = T>> Future for Remote<T, F> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let meeting = Arc::clone(&this.presence.meeting);
        let waker = cx.waker().clone();
        let mut state = lock(&meeting.state);
        let cancelled = state.cancelled;
        let old = state.task.replace(waker);
        drop(state);
        drop(old);
        let Some(future) = this.future.as_mut().filter(|_| !cancelled) else {
            let panicked = this.clear().map(TaskError::Panicked);
            this.presence
                .end(Err(panicked.unwrap_or(TaskError::Cancelled)));
            return Poll::Ready(());
        };
        let polled = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx)));
        let outcome = match polled {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(output)) => Ok(output),
            Err(panic) => Err(TaskError::Panicked(panic)),
        };
        let panicked = this.clear().map(TaskError::Panicked);
        this.presence.end(match (outcome, panicked) {
            (Ok(_), Some(panicked)) => Err(panicked),
            (outcome, _) => outcome,
        });
        Poll::Ready(())
    }
}

/// A task on the loop of a [`LoopThread`](super::LoopThread).
///
/// It is a future of what the task returns. **Dropping it cancels the task**; to let it run on, use
/// [`detach`](Self::detach).
///
/// # Panics
///
/// Polling it after it has completed panics.
#[must_use = "tasks are cancelled when their handles are dropped"]
pub struct LoopTask<T: Send> {
    meeting: Arc<Meeting<T>>,
    detached: bool,
}

impl<T: Send> LoopTask<T> {
    pub(super) fn new(meeting: Arc<Meeting<T>>) -> Self {
        LoopTask {
            meeting,
            detached: false,
        }
    }

    /// Cancels the task, and waits until its future has been dropped, on its own thread. Returns the
    /// output if the task completed before.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::loop_thread::LoopThread;
    /// use futures_lite::future;
    ///
    /// # let background = LoopThread::new("background", |main| {
    /// #     let executor = smol::LocalExecutor::new();
    /// #     smol::block_on(executor.run(main.run(|task| executor.spawn(task).detach())));
    /// # }).unwrap();
    /// let task = background.spawn(future::pending::<()>()).unwrap();
    /// future::block_on(async {
    ///     assert_eq!(task.cancel().await, None);
    /// });
    /// ```
    pub async fn cancel(self) -> Option<T> {
        self.meeting.cancel();
        self.await.ok()
    }

    /// Lets the task run on without a handle.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::loop_thread::LoopThread;
    ///
    /// # let background = LoopThread::new("background", |main| {
    /// #     let executor = smol::LocalExecutor::new();
    /// #     smol::block_on(executor.run(main.run(|task| executor.spawn(task).detach())));
    /// # }).unwrap();
    /// background.spawn(async { println!("it runs") }).unwrap().detach();
    /// background.finish_blocking();
    /// ```
    pub fn detach(mut self) {
        self.detached = true;
    }

    /// Returns whether the task has ended, however.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::loop_thread::LoopThread;
    ///
    /// # let background = LoopThread::new("background", |main| {
    /// #     let executor = smol::LocalExecutor::new();
    /// #     smol::block_on(executor.run(main.run(|task| executor.spawn(task).detach())));
    /// # }).unwrap();
    /// let task = background.spawn(async {}).unwrap();
    /// background.finish_blocking();
    /// assert!(task.is_finished());
    /// ```
    pub fn is_finished(&self) -> bool {
        !self.meeting.is_running()
    }

    /// Blocks the thread until the task has ended.
    ///
    /// # Errors
    ///
    /// [`TaskError`] if the task was cancelled or panicked.
    ///
    /// # Panics
    ///
    /// On the thread of the loop itself, unless the task has ended: it would wait for ever. Await it
    /// there.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::loop_thread::LoopThread;
    ///
    /// # let background = LoopThread::new("background", |main| {
    /// #     let executor = smol::LocalExecutor::new();
    /// #     smol::block_on(executor.run(main.run(|task| executor.spawn(task).detach())));
    /// # }).unwrap();
    /// let task = background.spawn(async { 1 + 1 }).unwrap();
    /// assert_eq!(task.wait_blocking().unwrap(), 2);
    /// ```
    #[track_caller]
    pub fn wait_blocking(self) -> Result<T, TaskError> {
        assert!(
            self.is_finished() || !self.meeting.shared.is_here(),
            "the loop that runs this task would be blocked by waiting for it: await it instead",
        );
        block_on(self)
    }

    /// Blocks the thread until the task has ended, at most until the deadline.
    ///
    /// # Errors
    ///
    /// The handle, if the task was still running then.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::loop_thread::LoopThread;
    /// use std::time::Instant;
    ///
    /// # let background = LoopThread::new("background", |main| {
    /// #     let executor = smol::LocalExecutor::new();
    /// #     smol::block_on(executor.run(main.run(|task| executor.spawn(task).detach())));
    /// # }).unwrap();
    /// let task = background.spawn(futures_lite::future::pending::<()>()).unwrap();
    /// let task = task.wait_deadline(Instant::now()).unwrap_err();
    /// assert!(!task.is_finished());
    /// ```
    pub fn wait_deadline(mut self, deadline: Instant) -> Result<Result<T, TaskError>, Self> {
        match block_on_until(deadline, &mut self) {
            Some(outcome) => Ok(outcome),
            None => Err(self),
        }
    }
}

impl<T: Send> Future for LoopTask<T> {
    type Output = Result<T, TaskError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let waker = cx.waker().clone();
        let mut state = lock(&self.meeting.state);
        match mem::replace(&mut state.outcome, Outcome::Taken) {
            Outcome::Running => {
                state.outcome = Outcome::Running;
                let old = state.waiter.replace(waker);
                drop(state);
                drop(old);
                Poll::Pending
            }
            Outcome::Done(outcome) => {
                drop(state);
                Poll::Ready(outcome)
            }
            Outcome::Taken => {
                drop(state);
                panic!("polled after completion")
            }
        }
    }
}

impl<T: Send> Drop for LoopTask<T> {
    fn drop(&mut self) {
        let mut state = lock(&self.meeting.state);
        let waiter = state.waiter.take();
        // An output that nobody will take is dropped here, without the lock.
        let outcome = match &state.outcome {
            Outcome::Running => None,
            _ => Some(mem::replace(&mut state.outcome, Outcome::Taken)),
        };
        drop(state);
        drop((waiter, outcome));
        if !self.detached {
            self.meeting.cancel();
        }
    }
}

impl<T: Send> fmt::Debug for LoopTask<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoopTask")
            .field("finished", &self.is_finished())
            .finish_non_exhaustive()
    }
}

/// Why a task on the loop of another thread has no output.
#[non_exhaustive]
pub enum TaskError {
    /// It was cancelled, or its loop has ended.
    Cancelled,
    /// It panicked, with this payload.
    Panicked(Box<dyn Any + Send>),
}

impl fmt::Debug for TaskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TaskError::Cancelled => "Cancelled",
            TaskError::Panicked(_) => "Panicked(..)",
        })
    }
}

impl fmt::Display for TaskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TaskError::Cancelled => "the task was cancelled, or its loop has ended",
            TaskError::Panicked(_) => "the task panicked",
        })
    }
}

impl Error for TaskError {}
