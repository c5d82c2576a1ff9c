//! Who does the blocking work of one run: a few runners, each of which takes the next job.
//!
//! A run never hands all its jobs to a pool, which would start a thread for each. It hands over at
//! most so many runners. And it never depends on the pool alone where that could be a deadlock, since
//! all its threads may be busy with jobs that wait for plans of their own:
//!
//! - a run that blocks its thread takes jobs itself, while it has no async work to drive;
//! - if it has, and nobody has begun with its jobs for a while, it starts a thread;
//! - an async run inside of a job of a plan starts a thread at once.

use std::cell::Cell;
use std::collections::VecDeque;
use std::future::Future;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

use super::{JobError, Unblock};
use crate::oneshot::{Reported, oneshot};
use crate::panicked::Panicked;

/// How long a run that blocks its thread waits for a pool to begin with its jobs, before it starts a
/// thread.
const PATIENCE: Duration = Duration::from_millis(5);

thread_local! {
    /// Whether this thread is in a job of a plan.
    static IN_JOB: Cell<bool> = const { Cell::new(false) };
}

type Work = Box<dyn FnOnce() + Send>;

/// The runners of one run.
pub(super) struct Crew {
    jobs: Mutex<Jobs>,
    unblock: Arc<dyn Unblock>,
    /// At most so many jobs run at a time.
    max: usize,
    /// The run blocks its thread, and starts runners when it has nothing else to do.
    blocks: bool,
    /// How many async jobs the driver is in the middle of.
    driven: AtomicUsize,
}

#[derive(Default)]
struct Jobs {
    queue: VecDeque<Work>,
    /// How many runners there are, those included that have been asked for and have not begun.
    runners: usize,
    /// How many jobs anybody has begun with.
    begun: usize,
}

impl Crew {
    pub(super) fn new(unblock: Arc<dyn Unblock>, max: usize, blocks: bool) -> Arc<Self> {
        Arc::new(Crew {
            jobs: Mutex::default(),
            unblock,
            max,
            blocks,
            driven: AtomicUsize::new(0),
        })
    }

    fn jobs(&self) -> MutexGuard<'_, Jobs> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has a function run by the next runner. A function whose result nobody waits for is not begun
    /// with any more.
    pub(super) fn run<R: Send + 'static>(
        self: &Arc<Self>,
        function: impl FnOnce() -> R + Send + 'static,
    ) -> Awaited<R> {
        let (report, reported) = oneshot();
        let given_up = Arc::new(AtomicBool::new(false));
        let awaited = Awaited {
            reported,
            given_up: Arc::clone(&given_up),
        };
        let job = Box::new(move || {
            if given_up.load(Ordering::Acquire) {
                return;
            }
            let result = catch_unwind(AssertUnwindSafe(function));
            report.send(result.map_err(|payload| JobError::Panicked(Panicked::new(payload))));
        });
        self.jobs().queue.push_back(job);
        if !self.blocks {
            self.start_runners(0);
        }
        awaited
    }

    /// Sees to it that there are runners for all jobs but so many, as far as there may be.
    fn start_runners(self: &Arc<Self>, but: usize) {
        let missing = {
            let mut jobs = self.jobs();
            let wanted = jobs.queue.len().saturating_sub(but).min(self.max);
            let missing = wanted.saturating_sub(jobs.runners);
            jobs.runners += missing;
            missing
        };
        for number in 0..missing {
            let runner = Runner::new(self);
            // Inside of a job the pool may be full of jobs like it.
            if number == 0 && !self.blocks && IN_JOB.get() {
                start_thread(runner);
            } else {
                self.unblock.unblock(Box::new(move || runner.run()));
            }
        }
    }

    /// Runs the next job here, if there is one.
    fn run_next(&self) -> bool {
        let job = {
            let mut jobs = self.jobs();
            let job = jobs.queue.pop_front();
            jobs.begun += usize::from(job.is_some());
            job
        };
        match job {
            Some(job) => {
                let outer = IN_JOB.replace(true);
                job();
                IN_JOB.set(outer);
                true
            }
            None => false,
        }
    }

    /// Drops the jobs that nobody has begun with.
    pub(super) fn close(&self) {
        let queue = mem::take(&mut self.jobs().queue);
        drop(queue);
    }

    /// Counts an async job while the guard lives.
    pub(super) fn driving(&self) -> Driving<'_> {
        self.driven.fetch_add(1, Ordering::Relaxed);
        Driving(self)
    }

    /// Drives a future on this thread, and helps with the jobs.
    pub(super) fn block_on<T>(self: &Arc<Self>, future: impl Future<Output = T>) -> T {
        let mut future = pin!(future);
        let unpark = Arc::new(Unpark {
            thread: thread::current(),
            woken: AtomicBool::new(false),
        });
        let waker = Waker::from(Arc::clone(&unpark));
        loop {
            let polled = future.as_mut().poll(&mut Context::from_waker(&waker));
            if let Poll::Ready(output) = polled {
                return output;
            }
            if unpark.woken.swap(false, Ordering::Acquire) {
                continue;
            }
            // Async work must not wait for a blocking job.
            let helps = self.driven.load(Ordering::Relaxed) == 0;
            self.start_runners(usize::from(helps));
            if helps && self.run_next() {
                continue;
            }
            self.park(&unpark);
        }
    }

    /// Sleeps until somebody wakes, and starts a thread if nobody begins with the jobs.
    fn park(self: &Arc<Self>, unpark: &Unpark) {
        let begun = {
            let jobs = self.jobs();
            (!jobs.queue.is_empty()).then_some(jobs.begun)
        };
        if let Some(begun) = begun {
            if !unpark.woken.load(Ordering::Acquire) {
                thread::park_timeout(PATIENCE);
            }
            let stuck = {
                let mut jobs = self.jobs();
                let stuck = !jobs.queue.is_empty() && jobs.begun == begun;
                jobs.runners += usize::from(stuck);
                stuck
            };
            if stuck && !unpark.woken.load(Ordering::Acquire) {
                start_thread(Runner::new(self));
            } else if stuck {
                self.jobs().runners -= 1;
            }
        }
        while !unpark.woken.swap(false, Ordering::Acquire) {
            thread::park();
        }
    }
}

/// Starts a thread of our own. If there can be none, the jobs are left to the other runners.
fn start_thread(runner: Runner) {
    let thread = thread::Builder::new().name("corokit-plan".into());
    drop(thread.spawn(move || runner.run()));
}

/// Takes jobs until there are none.
struct Runner {
    crew: Arc<Crew>,
    begun: bool,
}

impl Runner {
    fn new(crew: &Arc<Crew>) -> Self {
        Runner {
            crew: Arc::clone(crew),
            begun: false,
        }
    }

    fn run(mut self) {
        self.begun = true;
        while self.crew.run_next() {}
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        let crew = &self.crew;
        let (left, alone) = {
            let mut jobs = crew.jobs();
            jobs.runners -= 1;
            (!jobs.queue.is_empty(), jobs.runners == 0)
        };
        if left && self.begun {
            // A job has come after the last look.
            crew.start_runners(0);
        } else if left && alone && !crew.blocks {
            // The pool takes nothing any more: let it be known, instead of waiting for ever.
            crew.close();
        }
    }
}

/// An async job that is driven.
pub(super) struct Driving<'a>(&'a Crew);

impl Drop for Driving<'_> {
    fn drop(&mut self) {
        self.0.driven.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The result of a job, to be awaited.
pub(super) struct Awaited<R> {
    reported: Reported<R>,
    given_up: Arc<AtomicBool>,
}

impl<R> Future for Awaited<R> {
    type Output = Result<R, JobError>;

    fn poll(mut self: std::pin::Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        pin!(&mut self.reported).poll(cx)
    }
}

impl<R> Drop for Awaited<R> {
    fn drop(&mut self) {
        self.given_up.store(true, Ordering::Release);
    }
}

/// Wakes a thread.
struct Unpark {
    thread: Thread,
    woken: AtomicBool,
}

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.woken.store(true, Ordering::Release);
        self.thread.unpark();
    }
}
