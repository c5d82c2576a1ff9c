//! What a loop is sent from any thread: jobs, and how it is to end.

use std::collections::VecDeque;
use std::mem;
use std::task::Waker;

use crate::sync::{AtomicUsize, Mutex, MutexGuard, Ordering, lock};

/// Something to be called.
pub(crate) type Call = Box<dyn FnOnce() + Send>;

/// How a loop is to end.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum End {
    #[default]
    Never,
    /// When its jobs have ended.
    WhenIdle,
    Now,
}

/// The way to a loop.
pub(crate) struct Inbox<J> {
    state: Mutex<State<J>>,
    /// Jobs that are here or with the loop, and have not ended.
    load: AtomicUsize,
}

struct State<J> {
    jobs: VecDeque<J>,
    probes: Vec<Call>,
    end: End,
    waker: Option<Waker>,
}

impl<J> Inbox<J> {
    pub(crate) fn new(end: End) -> Self {
        Inbox {
            state: Mutex::new(State {
                jobs: VecDeque::new(),
                probes: Vec::new(),
                end,
                waker: None,
            }),
            load: AtomicUsize::new(0),
        }
    }

    fn state(&self) -> MutexGuard<'_, State<J>> {
        lock(&self.state)
    }

    /// Puts a job in, and returns who is to be woken: the caller holds a lock.
    pub(crate) fn put_quietly(&self, job: J) -> Option<Waker> {
        // Before the job can end.
        self.load.fetch_add(1, Ordering::Relaxed);
        let mut state = self.state();
        state.jobs.push_back(job);
        state.waker.take()
    }

    /// Has something called by the loop, after the jobs that are here.
    pub(crate) fn send_probe(&self, probe: Call) {
        let mut state = self.state();
        state.probes.push(probe);
        let waker = state.waker.take();
        drop(state);
        waker.into_iter().for_each(Waker::wake);
    }

    /// Says how the loop is to end, and wakes it. That never becomes less, unless the loop is to
    /// [stay](Inbox::stay).
    pub(crate) fn end(&self, end: End) {
        let waker = self.end_quietly(end);
        waker.into_iter().for_each(Waker::wake);
    }

    /// As [`end`](Inbox::end), and returns who is to be woken: the caller holds a lock.
    pub(crate) fn end_quietly(&self, end: End) -> Option<Waker> {
        let mut state = self.state();
        state.end = state.end.max(end);
        state.waker.take()
    }

    /// Says that the loop is not to end after all. It may have begun to.
    pub(crate) fn stay(&self) {
        self.state().end = End::Never;
    }

    /// Notes that a job has ended which the loop has taken.
    pub(crate) fn job_ended(&self) {
        if self.load.fetch_sub(1, Ordering::Relaxed) == 1 {
            // The loop may wait for this to end.
            let waker = self.state().waker.take();
            waker.into_iter().for_each(Waker::wake);
        }
    }

    /// How many jobs have not ended.
    pub(crate) fn load(&self) -> usize {
        self.load.load(Ordering::Relaxed)
    }

    /// Begins a turn of the loop: whatever comes from here on wakes `waker`. Returns the probes, or
    /// `None` if the loop is to end.
    pub(crate) fn begin_turn(&self, waker: &Waker) -> Option<Vec<Call>> {
        // Neither cloning nor dropping a waker happens under the lock.
        let mut spare = Some(waker.clone());
        let mut state = self.state();
        mem::swap(&mut state.waker, &mut spare);
        let (end, probes) = (state.end, mem::take(&mut state.probes));
        drop(state);
        drop(spare);
        match end {
            End::Now => None,
            End::WhenIdle if self.load() == 0 => None,
            _ => Some(probes),
        }
    }

    /// Takes the next job.
    pub(crate) fn pop(&self) -> Option<J> {
        self.state().jobs.pop_front()
    }

    /// Says whether there are jobs that the loop has not taken.
    pub(crate) fn has_jobs(&self) -> bool {
        !self.state().jobs.is_empty()
    }

    /// Takes all jobs that the loop has not taken, for somebody else.
    pub(crate) fn take_jobs(&self) -> VecDeque<J> {
        let jobs = mem::take(&mut self.state().jobs);
        self.load.fetch_sub(jobs.len(), Ordering::Relaxed);
        jobs
    }
}
