//! The way of one result from where a job runs to whoever waits for it.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use crate::job_error::JobError;
use crate::sync::{Mutex, lock};

enum State<R> {
    Waiting(Option<Waker>),
    Done(Result<R, JobError>),
    Taken,
}

/// The end that has the result.
pub(crate) struct Report<R> {
    state: Arc<Mutex<State<R>>>,
}

/// The end that waits for it.
pub(crate) struct Reported<R> {
    state: Arc<Mutex<State<R>>>,
}

pub(crate) fn oneshot<R>() -> (Report<R>, Reported<R>) {
    let state = Arc::new(Mutex::new(State::Waiting(None)));
    let report = Report {
        state: Arc::clone(&state),
    };
    (report, Reported { state })
}

impl<R> Report<R> {
    pub(crate) fn send(self, result: Result<R, JobError>) {
        self.set(result);
    }

    fn set(&self, result: Result<R, JobError>) {
        let mut state = lock(&self.state);
        let State::Waiting(waker) = &mut *state else {
            return;
        };
        let waker = waker.take();
        *state = State::Done(result);
        drop(state);
        waker.into_iter().for_each(Waker::wake);
    }
}

impl<R> Drop for Report<R> {
    fn drop(&mut self) {
        // Does nothing if there is a result.
        self.set(Err(JobError::Lost));
    }
}

impl<R> Future for Reported<R> {
    type Output = Result<R, JobError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // Neither cloning nor dropping a waker happens under the lock.
        let mut spare = Some(cx.waker().clone());
        let mut state = lock(&self.state);
        match std::mem::replace(&mut *state, State::Taken) {
            State::Waiting(former) => {
                *state = State::Waiting(spare.take());
                drop(state);
                drop(former);
                Poll::Pending
            }
            State::Done(result) => Poll::Ready(result),
            State::Taken => panic!("polled after completion"),
        }
    }
}

impl<R> Drop for Reported<R> {
    fn drop(&mut self) {
        let mut state = lock(&self.state);
        let waker = match &mut *state {
            State::Waiting(waker) => waker.take(),
            _ => None,
        };
        drop(state);
        // The job may go on for long; it must not keep the task of who does not wait any more.
        drop(waker);
    }
}
