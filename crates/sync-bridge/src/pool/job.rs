use std::fmt;
use std::future::Future;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use super::JobError;
use super::cell::Outcome;
use super::shared::{self, Shared};
use crate::park::{block_on, block_until};

/// A job of a [`Pool`](super::Pool): the future of its output.
///
/// The job is in the pool's hands already; it runs whether or not this is polled.
///
/// # Errors
///
/// The output is a [`JobError`] if the pool never ran the job.
///
/// # Panics
///
/// A panic of the job is resumed in whoever asks for the output.
///
/// # Cancel safety
///
/// Dropping it cancels the job if it has not begun: the job is dropped on this thread and never
/// runs. A job that has begun runs on, and its output is dropped on its thread; an output that is
/// there already is dropped on this one. To let a job run in
/// any case, [`detach`](Job::detach) it. To await it in turns, await it by `&mut`.
///
/// # Examples
///
/// ```
/// use corokit_sync_bridge::Pool;
/// use futures_lite::future::block_on;
///
/// let pool = Pool::new();
/// let job = pool.run(|| 6 * 7);
/// assert_eq!(block_on(job), Ok(42));
/// ```
#[must_use = "dropping a job that has not begun cancels it; `detach` lets it run"]
pub struct Job<T> {
    cell: Arc<dyn Outcome<T>>,
    shared: Arc<Shared>,
    /// Whether nothing is to be done when this is dropped.
    over: bool,
}

impl<T> Job<T> {
    pub(super) fn new(cell: Arc<dyn Outcome<T>>, shared: Arc<Shared>) -> Self {
        Job {
            cell,
            shared,
            over: false,
        }
    }

    /// Cancels the job if it has not begun. Returns whether it will never run; then there is no
    /// output, and asking for it panics.
    ///
    /// Source: `concurrent.futures.Future.cancel`.
    ///
    /// ```
    /// use corokit_sync_bridge::Pool;
    /// use futures_lite::future::block_on;
    ///
    /// let pool = Pool::builder().max_threads(1).build();
    /// let (release, blocked) = std::sync::mpsc::channel::<()>();
    /// let first = pool.run(move || blocked.recv());
    /// let mut second = pool.run(|| unreachable!());
    /// assert!(second.cancel());
    /// drop(release);
    /// assert!(block_on(first).is_ok());
    /// ```
    pub fn cancel(&mut self) -> bool {
        if self.over || !self.shared.cancel(&*self.cell) {
            return false;
        }
        self.over = true;
        self.cell.leave();
        true
    }

    /// Lets the job run, whether or not anybody waits. Its output is dropped where it ends, or here
    /// if it has ended.
    ///
    /// Source: `a_sync.ThreadFuture.abandon`.
    ///
    /// ```
    /// use corokit_sync_bridge::Pool;
    ///
    /// let (sender, receiver) = std::sync::mpsc::channel();
    /// Pool::new().run(move || sender.send(1)).detach();
    /// assert_eq!(receiver.recv(), Ok(1));
    /// ```
    pub fn detach(mut self) {
        self.over = true;
        self.cell.leave();
    }

    /// Whether the job has ended, or will never run.
    ///
    /// ```
    /// use corokit_sync_bridge::Pool;
    ///
    /// let (sender, receiver) = std::sync::mpsc::channel::<()>();
    /// let job = Pool::new().run(move || receiver.recv());
    /// assert!(!job.is_finished());
    /// drop(sender);
    /// assert!(job.join_blocking().unwrap().is_err());
    /// ```
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.over || self.cell.is_finished()
    }

    /// Blocks this thread until the job has ended. On a thread of the same pool, a job that has not
    /// begun is run here and now.
    ///
    /// # Errors
    ///
    /// If the pool never ran the job.
    ///
    /// # Panics
    ///
    /// Resumes a panic of the job.
    ///
    /// Source: `concurrent.futures.Future.result`.
    ///
    /// ```
    /// use corokit_sync_bridge::Pool;
    ///
    /// assert_eq!(Pool::new().run(|| 1).join_blocking(), Ok(1));
    /// ```
    pub fn join_blocking(self) -> Result<T, JobError> {
        if self.shared.is_own_thread() {
            self.shared.run_here(&*self.cell);
        }
        if self.is_finished() {
            return block_on(self);
        }
        // Not as the future does it: here it is known when the waiting is over.
        shared::wait_outside(|| block_on(self))
    }

    /// Blocks this thread until the job has ended or the deadline has passed.
    ///
    /// # Errors
    ///
    /// Gives the job back at the deadline.
    ///
    /// # Panics
    ///
    /// Resumes a panic of the job.
    ///
    /// Source: `concurrent.futures.Future.result(timeout)`.
    ///
    /// ```
    /// use corokit_sync_bridge::Pool;
    /// use std::time::Instant;
    ///
    /// let (sender, receiver) = std::sync::mpsc::channel::<u32>();
    /// let job = Pool::new().run(move || receiver.recv());
    /// let job = job.join_deadline(Instant::now()).unwrap_err();
    /// sender.send(1).unwrap();
    /// assert_eq!(job.join_blocking(), Ok(Ok(1)));
    /// ```
    pub fn join_deadline(mut self, deadline: Instant) -> Result<Result<T, JobError>, Self> {
        match shared::wait_outside(|| block_until(deadline, &mut self)) {
            Some(result) => Ok(result),
            None => Err(self),
        }
    }
}

impl<T> Future for Job<T> {
    type Output = Result<T, JobError>;

    #[track_caller]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        assert!(
            !self.over,
            "a job was asked for an output that it has given or never had"
        );
        match self.cell.poll(cx.waker()) {
            Poll::Ready(result) => {
                self.over = true;
                Poll::Ready(
                    result.map(|output| output.unwrap_or_else(|panic| resume_unwind(panic))),
                )
            }
            Poll::Pending => {
                shared::wait_for_a_job();
                Poll::Pending
            }
        }
    }
}

impl<T> Drop for Job<T> {
    fn drop(&mut self) {
        if !self.over {
            self.shared.cancel(&*self.cell);
            self.cell.leave();
        }
    }
}

impl<T> fmt::Debug for Job<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job")
            .field("finished", &self.is_finished())
            .finish_non_exhaustive()
    }
}
