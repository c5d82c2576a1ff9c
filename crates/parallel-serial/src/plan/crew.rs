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
    /// A runner has been asked for and has not begun.
    starting: bool,
    /// How many runners have been asked for whose places others have taken meanwhile.
    replaced: usize,
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
            self.start_runner();
        }
        awaited
    }

    /// Asks for a runner, if there are jobs and if there may be another one. It asks for the next one when it begins: so small jobs are done by a few, and large
    /// ones soon have all that there may be.
    fn start_runner(self: &Arc<Self>) {
        {
            let mut jobs = self.jobs();
            if jobs.queue.is_empty() || jobs.starting || jobs.runners >= self.max {
                return;
            }
            jobs.starting = true;
            jobs.runners += 1;
        }
        let runner = Runner::new(self, false);
        // Inside of a job the pool may be full of jobs like it.
        if !self.blocks && IN_JOB.get() {
            start_thread(runner);
        } else {
            self.unblock.unblock(Box::new(move || runner.run()));
        }
    }

    /// Takes the next job.
    fn next(&self) -> Option<Work> {
        let mut jobs = self.jobs();
        let job = jobs.queue.pop_front()?;
        jobs.begun += 1;
        Some(job)
    }

    /// Runs the next job here, on the thread that drives the run, as one of the runners. Returns
    /// whether there was one, and room for another runner.
    fn help(self: &Arc<Self>) -> bool {
        let job = {
            let mut jobs = self.jobs();
            if jobs.runners >= self.max {
                return false;
            }
            let Some(job) = jobs.queue.pop_front() else {
                return false;
            };
            jobs.begun += 1;
            jobs.runners += 1;
            job
        };
        // Before the job, which may wait for the others.
        self.start_runner();
        run(job);
        self.jobs().runners -= 1;
        true
    }

    /// Runs the next job here, if there is one.
    fn run_next(&self) -> bool {
        self.next().map(run).is_some()
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
            if self.driven.load(Ordering::Relaxed) == 0 && self.help() {
                continue;
            }
            self.start_runner();
            self.park(&unpark);
        }
    }

    /// Sleeps until somebody wakes, and starts a thread if a runner does not begin.
    fn park(self: &Arc<Self>, unpark: &Unpark) {
        let waits = |jobs: &Jobs| !jobs.queue.is_empty() && jobs.starting;
        let begun = {
            let jobs = self.jobs();
            waits(&jobs).then_some(jobs.begun)
        };
        if let Some(begun) = begun {
            if !unpark.woken.load(Ordering::Acquire) {
                thread::park_timeout(PATIENCE);
            }
            let stuck = !unpark.woken.load(Ordering::Acquire) && {
                let mut jobs = self.jobs();
                let stuck = waits(&jobs) && jobs.begun == begun;
                if stuck {
                    // The thread takes the place of the runner that was asked for.
                    jobs.replaced += 1;
                }
                stuck
            };
            if stuck {
                start_thread(Runner::new(self, true));
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
    /// It takes the place of another one that has been asked for.
    replaces: bool,
    state: RunnerState,
}

#[derive(Clone, Copy, PartialEq)]
enum RunnerState {
    Asked,
    Begun,
    /// Another one has its place.
    Replaced,
}

impl Runner {
    fn new(crew: &Arc<Crew>, replaces: bool) -> Self {
        Runner {
            crew: Arc::clone(crew),
            replaces,
            state: RunnerState::Asked,
        }
    }

    fn run(mut self) {
        if self.take_place() {
            self.state = RunnerState::Begun;
            let first = self.crew.next();
            self.crew.jobs().starting = false;
            // Before the job, which may wait for the others.
            self.crew.start_runner();
            first.into_iter().for_each(run);
            while self.crew.run_next() {}
        }
    }

    /// Says whether this one may begin, or end as one that was counted.
    fn take_place(&mut self) -> bool {
        let mut jobs = self.crew.jobs();
        if !self.replaces && jobs.replaced > 0 {
            jobs.replaced -= 1;
            self.state = RunnerState::Replaced;
        }
        self.state != RunnerState::Replaced
    }
}

/// Runs a job on this thread.
fn run(job: Work) {
    let outer = IN_JOB.replace(true);
    job();
    IN_JOB.set(outer);
}

impl Drop for Runner {
    fn drop(&mut self) {
        if self.state == RunnerState::Replaced
            || (self.state == RunnerState::Asked && !self.take_place())
        {
            return;
        }
        let crew = &self.crew;
        let (left, alone) = {
            let mut jobs = crew.jobs();
            jobs.runners -= 1;
            if self.state == RunnerState::Asked {
                jobs.starting = false;
            }
            (!jobs.queue.is_empty(), jobs.runners == 0)
        };
        if left && self.state == RunnerState::Begun {
            // A job has come after the last look.
            crew.start_runner();
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
