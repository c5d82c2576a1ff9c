//! A job of a fleet, from both ends.

use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::seat::{Job, Running};
use crate::cancel::Cancel;
use crate::job_error::JobError;
use crate::oneshot::{Report, Reported, oneshot};
use crate::panicked::{Panicked, Settle};

/// A job that runs on a loop of a [`Fleet`](crate::Fleet): a future of its output.
///
/// Dropping it cancels the job: its future is dropped by the loop, in the job's next turn.
///
/// # Errors
///
/// [`JobError::Panicked`] if the job panicked, [`JobError::Lost`] if its loop ended before it.
#[must_use = "dropping it cancels the job; use `detach` to let it go on"]
pub struct FleetTask<T> {
    reported: Reported<T>,
    cancel: Option<Arc<Cancel>>,
}

impl<T> FleetTask<T> {
    /// Lets the job go on alone.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_parallel_serial::Fleet;
    /// use futures_lite::future::block_on;
    ///
    /// let (sender, receiver) = std::sync::mpsc::channel();
    /// let fleet = Fleet::builder().start(|seat| block_on(seat.run())).unwrap();
    /// fleet.spawn(async move { sender.send(42).unwrap() }).detach();
    /// assert_eq!(receiver.recv(), Ok(42));
    /// ```
    pub fn detach(mut self) {
        self.cancel = None;
    }
}

impl<T> Future for FleetTask<T> {
    type Output = Result<T, JobError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.reported).poll(cx)
    }
}

impl<T> Drop for FleetTask<T> {
    fn drop(&mut self) {
        if let Some(cancel) = self.cancel.take() {
            cancel.set();
        }
    }
}

impl<T> fmt::Debug for FleetTask<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FleetTask").finish_non_exhaustive()
    }
}

/// Makes a job of a function that makes the future, on the loop's thread.
pub(super) fn job<T, Fut>(make: impl FnOnce() -> Fut + Send + 'static) -> (Job, FleetTask<T>)
where
    T: Send + 'static,
    Fut: Future<Output = T> + 'static,
{
    let (report, reported) = oneshot();
    let cancel = Arc::new(Cancel::new());
    let task = FleetTask {
        reported,
        cancel: Some(Arc::clone(&cancel)),
    };
    let job: Job = Box::new(move |running| {
        Box::pin(JobFuture {
            future: Some(Box::pin(Settle::new(async move { make().await }))),
            report: Some(report),
            cancel,
            running: Some(running),
        })
    });
    (job, task)
}

/// What the loop runs.
struct JobFuture<F, T> {
    future: Option<Pin<Box<Settle<F>>>>,
    report: Option<Report<T>>,
    cancel: Arc<Cancel>,
    /// Counts, until it is dropped.
    running: Option<Running>,
}

/// Nothing in it is pinned but the future, which is boxed.
impl<F, T> Unpin for JobFuture<F, T> {}

impl<F, T> JobFuture<F, T> {
    /// Drops the future, and then says what has come of it: who hears of that finds the loop with one job
    /// less.
    ///
    /// The loop has other jobs: a panic of a destructor, of the future or of an output that nobody waits
    /// for, must not get there.
    fn end(&mut self, result: Result<T, JobError>) {
        let (future, report) = (self.future.take(), self.report.take());
        let running = self.running.take();
        let _ = catch_unwind(AssertUnwindSafe(|| {
            self.cancel.forget();
            let dropped = catch_unwind(AssertUnwindSafe(|| drop(future)));
            drop(running);
            let Some(report) = report else {
                return;
            };
            match dropped {
                Err(payload) if result.is_ok() => {
                    report.send(Err(JobError::Panicked(Panicked::new(payload))));
                }
                _ => report.send(result),
            }
        }));
    }
}

impl<F: Future<Output = T>, T> Future for JobFuture<F, T> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let cancelled = self.cancel.is_set(cx);
        let Some(future) = &mut self.future else {
            return Poll::Ready(());
        };
        let result = match cancelled {
            true => Err(JobError::Lost),
            false => match future.as_mut().poll(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(result) => result.map_err(JobError::Panicked),
            },
        };
        self.end(result);
        Poll::Ready(())
    }
}

impl<F, T> Drop for JobFuture<F, T> {
    fn drop(&mut self) {
        // The loop has ended before the job.
        self.end(Err(JobError::Lost));
    }
}
