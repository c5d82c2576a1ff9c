//! One job, and what has become of it.
//!
//! ```text
//!            claim                run
//!  Queued ----------> Claimed ----------> Running ----------> Done ---> Gone
//!    |                    |                        output             its owner takes or leaves it
//!    | cancel             | refuse
//!    v                    v
//!  Cancelled ---> Gone  Refused
//!          discard
//! ```
//!
//! A job leaves `Queued` only while the pool is locked, so that the pool's count of them is exact.
//! All else is a matter of the job's own lock. No user code runs under either.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::{Poll, Waker};
use std::{mem, thread};

use super::JobError;
use crate::contained::contained;
use crate::sync::{Mutex, MutexGuard, lock};

/// A job as the queue and the threads know it.
pub(super) trait Work: Send + Sync {
    /// Takes the job out of the queue, to run or to refuse it. `false` if it is not in it any more.
    /// For whoever has locked the pool.
    fn claim(&self) -> bool;

    /// Whether the job is still in the queue.
    fn is_queued(&self) -> bool;

    /// Runs a job that was claimed. Never panics. Says whether the job did.
    fn run(&self) -> Ran;

    /// Refuses a job that was claimed: drops it, and tells its owner why.
    fn refuse(&self, error: JobError);
}

/// A job as its owner knows it.
pub(super) trait Outcome<T>: Work {
    /// Asks for the output, which is given once.
    fn poll(&self, waker: &Waker) -> Poll<Result<thread::Result<T>, JobError>>;

    /// Marks a job in the queue as one that must not run. `false` if it is not in the queue. For
    /// whoever has locked the pool; to be followed by `leave`, which drops the job.
    fn cancel(&self) -> bool;

    /// Lets go of the output, or of a job that was cancelled.
    fn leave(&self);

    /// Whether the output is there, or never will be.
    fn is_finished(&self) -> bool;
}

/// How a job ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Ran {
    Completed,
    Panicked,
}

enum State<F, T> {
    Queued(F),
    Claimed(F),
    Running,
    Done(thread::Result<T>),
    Cancelled(F),
    Refused(JobError),
    Gone,
}

struct Inner<F, T> {
    state: State<F, T>,
    /// Who waits for the output.
    waker: Option<Waker>,
    /// Whether anybody will take the output.
    wanted: bool,
}

pub(super) struct Cell<F, T>(Mutex<Inner<F, T>>);

impl<F, T> Cell<F, T> {
    pub(super) fn queued(job: F) -> Self {
        Cell(Mutex::new(Inner {
            state: State::Queued(job),
            waker: None,
            wanted: true,
        }))
    }

    fn lock(&self) -> MutexGuard<'_, Inner<F, T>> {
        lock(&self.0)
    }
}

impl<F, T> Work for Cell<F, T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    fn claim(&self) -> bool {
        let mut inner = self.lock();
        match mem::replace(&mut inner.state, State::Gone) {
            State::Queued(job) => {
                inner.state = State::Claimed(job);
                true
            }
            other => {
                inner.state = other;
                false
            }
        }
    }

    fn is_queued(&self) -> bool {
        matches!(self.lock().state, State::Queued(_))
    }

    fn run(&self) -> Ran {
        let job = match mem::replace(&mut self.lock().state, State::Running) {
            State::Claimed(job) => job,
            _ => unreachable!("only a job that was claimed is run, and once"),
        };
        let result = catch_unwind(AssertUnwindSafe(job));
        let ran = match result {
            Ok(_) => Ran::Completed,
            Err(_) => Ran::Panicked,
        };
        let mut result = Some(result);
        let waker = {
            let mut inner = self.lock();
            inner.state = match inner.wanted {
                true => State::Done(result.take().expect("it is there")),
                false => State::Gone,
            };
            inner.waker.take()
        };
        // What nobody wants is dropped here. A destructor that panics, or a waker, must not cost
        // the thread.
        contained(|| drop(result));
        if let Some(waker) = waker {
            contained(|| waker.wake());
        }
        ran
    }

    fn refuse(&self, error: JobError) {
        let (job, waker) = {
            let mut inner = self.lock();
            let job = mem::replace(&mut inner.state, State::Refused(error));
            (job, inner.waker.take())
        };
        contained(|| drop(job));
        if let Some(waker) = waker {
            contained(|| waker.wake());
        }
    }
}

impl<F, T> Outcome<T> for Cell<F, T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    fn poll(&self, waker: &Waker) -> Poll<Result<thread::Result<T>, JobError>> {
        // Cloning a waker is user code.
        let mut new = None;
        loop {
            let mut inner = self.lock();
            match mem::replace(&mut inner.state, State::Gone) {
                State::Done(result) => return Poll::Ready(Ok(result)),
                State::Refused(error) => return Poll::Ready(Err(error)),
                other => inner.state = other,
            }
            if let Some(new) = new.take() {
                let old = inner.waker.replace(new);
                drop(inner);
                drop(old);
                return Poll::Pending;
            }
            if inner
                .waker
                .as_ref()
                .is_some_and(|kept| kept.will_wake(waker))
            {
                return Poll::Pending;
            }
            drop(inner);
            new = Some(waker.clone());
        }
    }

    fn cancel(&self) -> bool {
        let mut inner = self.lock();
        match mem::replace(&mut inner.state, State::Gone) {
            State::Queued(job) => {
                inner.state = State::Cancelled(job);
                true
            }
            other => {
                inner.state = other;
                false
            }
        }
    }

    fn leave(&self) {
        let (left, waker) = {
            let mut inner = self.lock();
            inner.wanted = false;
            let left = match mem::replace(&mut inner.state, State::Gone) {
                over @ (State::Done(_) | State::Cancelled(_) | State::Refused(_)) => Some(over),
                other => {
                    inner.state = other;
                    None
                }
            };
            (left, inner.waker.take())
        };
        drop(waker);
        drop(left);
    }

    fn is_finished(&self) -> bool {
        !matches!(
            self.lock().state,
            State::Queued(_) | State::Claimed(_) | State::Running
        )
    }
}
