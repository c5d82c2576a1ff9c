//! The jobs of a run that are on other threads.

use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// Counts jobs that are on other threads, or wait for one.
#[derive(Default)]
pub(super) struct Away {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    jobs: usize,
    /// Who waits until there are none.
    waiter: Option<Waker>,
}

impl Away {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a job, until the ticket is dropped.
    pub(super) fn ticket(self: &Arc<Self>) -> Ticket {
        self.state().jobs += 1;
        Ticket(Arc::clone(self))
    }

    /// Waits until no job is away.
    pub(super) fn poll_home(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut spare = Some(cx.waker().clone());
        let mut state = self.state();
        if state.jobs == 0 {
            return Poll::Ready(());
        }
        mem::swap(&mut state.waiter, &mut spare);
        drop(state);
        Poll::Pending
    }
}

/// A job that is away.
pub(super) struct Ticket(Arc<Away>);

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.jobs -= 1;
        let waiter = match state.jobs {
            0 => state.waiter.take(),
            _ => None,
        };
        drop(state);
        waiter.into_iter().for_each(Waker::wake);
    }
}
