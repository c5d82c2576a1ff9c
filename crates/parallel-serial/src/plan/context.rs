//! What one run knows.

use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::away::Away;
use super::crew::Crew;
use super::{JobError, Options, Progress};

/// Decides whether a result ends the run.
pub(super) type Ends<T> = fn(&Result<T, JobError>) -> bool;

/// The state of a run, shared with jobs on other threads.
pub(super) struct Context<T> {
    pub(super) crew: Arc<Crew>,
    pub(super) options: Options,
    pub(super) away: Arc<Away>,
    results: Mutex<Results<T>>,
    ends: Ends<T>,
    ended: AtomicBool,
}

struct Results<T> {
    slots: Vec<Option<Result<T, JobError>>>,
    done: usize,
    /// The job whose result ended the run.
    first: Option<usize>,
}

impl<T> Context<T> {
    pub(super) fn new(options: Options, total: usize, blocks: bool, ends: Ends<T>) -> Arc<Self> {
        let mut slots = Vec::new();
        slots.resize_with(total, || None);
        let crew = Crew::new(Arc::clone(&options.unblock), options.threads, blocks);
        Arc::new(Context {
            crew,
            options,
            away: Arc::default(),
            results: Mutex::new(Results {
                slots,
                done: 0,
                first: None,
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
