//! What one run knows.

use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context as TaskContext, Poll, Waker};

use super::crew::Crew;
use super::{JobError, Options, Progress};

/// Decides whether a result ends the run.
pub(super) type Ends<T> = fn(&Result<T, JobError>) -> bool;

/// The state of a run, shared with jobs on other threads.
pub(super) struct Context<T> {
    pub(super) crew: Arc<Crew>,
    pub(super) options: Options,
    results: Mutex<Results<T>>,
    ends: Ends<T>,
    ended: AtomicBool,
}

struct Results<T> {
    slots: Vec<Option<Result<T, JobError>>>,
    done: usize,
    /// The job whose result ended the run.
    first: Option<usize>,
    /// How many jobs are on other threads, or wait for one.
    away: usize,
    /// Who waits until there are none.
    waiter: Option<Waker>,
}

impl<T> Context<T> {
    pub(super) fn new(options: Options, total: usize, blocks: bool, ends: Ends<T>) -> Arc<Self> {
        let mut slots = Vec::new();
        slots.resize_with(total, || None);
        let crew = Crew::new(Arc::clone(&options.unblock), options.threads, blocks);
        Arc::new(Context {
            crew,
            options,
            results: Mutex::new(Results {
                slots,
                done: 0,
                first: None,
                away: 0,
                waiter: None,
            }),
            ends,
            ended: AtomicBool::new(false),
        })
    }

    fn results(&self) -> MutexGuard<'_, Results<T>> {
        self.results.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says whether no more jobs are to begin.
    pub(super) fn ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    pub(super) fn tell(&self, progress: Progress) {
        if let Some(callback) = &self.options.progress {
            callback(progress);
        }
    }

    /// Keeps a result.
    pub(super) fn finish(&self, index: usize, result: Result<T, JobError>) {
        // This is the user's code, and comes before the lock.
        let ends = (self.ends)(&result);
        let (done, total) = {
            let mut results = self.results();
            results.slots[index] = Some(result);
            results.done += 1;
            if ends && results.first.is_none() {
                results.first = Some(index);
                self.ended.store(true, Ordering::Release);
            }
            (results.done, results.slots.len())
        };
        self.tell(Progress::Finished { index, done, total });
    }

    /// Counts a job that goes to another thread, until the ticket is dropped.
    pub(super) fn ticket(self: &Arc<Self>, index: usize) -> Ticket<T> {
        self.results().away += 1;
        Ticket {
            context: Arc::clone(self),
            index,
        }
    }

    /// Waits until no job is away.
    pub(super) fn poll_home(&self, cx: &mut TaskContext<'_>) -> Poll<()> {
        let mut spare = Some(cx.waker().clone());
        let mut results = self.results();
        if results.away == 0 {
            return Poll::Ready(());
        }
        mem::swap(&mut results.waiter, &mut spare);
        drop(results);
        Poll::Pending
    }

    /// Takes the results, and which of them ended the run.
    pub(super) fn take(&self) -> (Vec<Option<Result<T, JobError>>>, Option<usize>) {
        let mut results = self.results();
        (mem::take(&mut results.slots), results.first)
    }

    /// Returns how many jobs have finished, and how many there are.
    pub(super) fn counts(&self) -> (usize, usize) {
        let results = self.results();
        (results.done, results.slots.len())
    }
}

/// A job that is on another thread, or waits for one.
pub(super) struct Ticket<T> {
    context: Arc<Context<T>>,
    index: usize,
}

impl<T> Ticket<T> {
    pub(super) fn finish(&self, result: Result<T, JobError>) {
        self.context.finish(self.index, result);
    }
}

impl<T> Drop for Ticket<T> {
    fn drop(&mut self) {
        let mut results = self.context.results();
        results.away -= 1;
        let waiter = match results.away {
            0 => results.waiter.take(),
            _ => None,
        };
        drop(results);
        waiter.into_iter().for_each(Waker::wake);
    }
}
