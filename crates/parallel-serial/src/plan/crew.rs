//! Who does the blocking work of one run: a few runners, each of which takes the next job.
//!
//! A run never hands all its jobs to a pool, which would start a thread for each. It hands over at
//! most so many runners. And it never depends on the pool alone where that could be a deadlock, since
//! all its threads may be busy with jobs that wait for plans of their own:
//!
//! - a run that blocks its thread takes jobs itself, while it has no async work to drive;
//! - if it has, and nobody has begun with the next job for a while, it starts a thread;
//! - an async run inside of a job of a plan starts a thread at once.

use std::cell::Cell;
use std::collections::VecDeque;
use std::future::Future;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

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
    /// The thread that the run blocks.
    driver: OnceLock<Thread>,
}

#[derive(Default)]
struct Jobs {
    queue: VecDeque<Work>,
    /// How many runners there are, those included that have been asked for and have not begun.
    runners: usize,
    starting: Starting,
    /// How many runners have been asked for whose places others have taken meanwhile.
    replaced: usize,
    /// How many jobs anybody has begun with.
    begun: usize,
    /// The run goes on inside of a job, and nobody drives it: the pool may be full of jobs that wait
    /// for runs like this one, so it is asked for nothing.
    inside: bool,
}

/// Whether there is a runner that has not begun.
#[derive(Clone, Copy, Default, PartialEq)]
enum Starting {
    #[default]
    Nobody,
    /// The pool has been asked for one.
    Asked,
    /// A thread of our own is on its way, and there is nobody to replace that one.
    Thread,
}

impl Crew {
    pub(super) fn new(unblock: Arc<dyn Unblock>, max: usize, blocks: bool) -> Arc<Self> {
        Arc::new(Crew {
            jobs: Mutex::default(),
            unblock,
            max,
            blocks,
            driven: AtomicUsize::new(0),
            driver: OnceLock::new(),
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

    /// Asks for a runner, if there are jobs and if there may be another one. It asks for the next one when
    /// it begins: so small jobs are done by a few, and large ones soon have all that there may be.
    fn start_runner(self: &Arc<Self>) {
        let starting = {
            let mut jobs = self.jobs();
            jobs.inside |= !self.blocks && IN_JOB.get();
            let is_enough = jobs.starting != Starting::Nobody || jobs.runners >= self.max;
            if jobs.queue.is_empty() || is_enough {
                return;
            }
            jobs.starting = match jobs.inside {
                true => Starting::Thread,
                false => Starting::Asked,
            };
            jobs.runners += 1;
            jobs.starting
        };
        if starting == Starting::Thread {
            start_thread(Runner::new(self, true));
        } else {
            let runner = Runner::new(self, false);
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
            thread: self.driver.get_or_init(thread::current).clone(),
            woken: AtomicBool::new(false),
        });
        let waker = Waker::from(Arc::clone(&unpark));
        let mut watch = Watch::default();
        loop {
            let polled = future.as_mut().poll(&mut Context::from_waker(&waker));
            if let Poll::Ready(output) = polled {
                return output;
            }
            // Async work must not wait for a blocking job, nor one of these for async work that is
            // never idle.
            let helps = self.driven.load(Ordering::Relaxed) == 0;
            if unpark.woken.swap(false, Ordering::Acquire) {
                if !helps {
                    self.start_runner();
                    self.look_after(&mut watch);
                }
                continue;
            }
            if helps && self.help() {
                continue;
            }
            self.start_runner();
            while !unpark.woken.swap(false, Ordering::Acquire) {
                match self.look_after(&mut watch) {
                    Some(patience) => thread::park_timeout(patience),
                    None => thread::park(),
                }
            }
        }
    }

    /// Starts a thread if nobody will begin with the next job. Says how long to wait before the next
    /// look, if somebody is to begin with it; otherwise the driver is told when to look again.
    fn look_after(self: &Arc<Self>, watch: &mut Watch) -> Option<Duration> {
        {
            let mut jobs = self.jobs();
            let alone = jobs.runners == 0;
            if jobs.queue.is_empty() || (jobs.starting != Starting::Asked && !alone) {
                watch.since = None;
                return None;
            }
            if alone {
                // The pool has dropped a runner.
                jobs.runners = 1;
            } else {
                let now = Instant::now();
                let since = match watch.since {
                    Some((begun, since)) if begun == jobs.begun => since,
                    _ => now,
                };
                watch.since = Some((jobs.begun, since));
                let waited = now.saturating_duration_since(since);
                if waited < PATIENCE {
                    return Some(PATIENCE - waited);
                }
                // The thread takes the place of the runner that was asked for.
                jobs.replaced += 1;
            }
            jobs.starting = Starting::Thread;
        }
        watch.since = None;
        start_thread(Runner::new(self, true));
        // If there was no thread to be had, that is tried again.
        Some(PATIENCE)
    }

    /// Has the driver look after the jobs again. It does so by itself after what happens on its thread.
    fn tell_driver(&self) {
        let driver = self.driver.get();
        if let Some(driver) = driver.filter(|driver| driver.id() != thread::current().id()) {
            driver.unpark();
        }
    }
}

/// What the driver knows of a runner that has been asked for.
#[derive(Default)]
struct Watch {
    /// How many jobs had been begun with when it was seen, and when that was.
    since: Option<(usize, Instant)>,
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
            self.crew.jobs().starting = Starting::Nobody;
            // Before the job, which may wait for the others.
            self.crew.start_runner();
            self.crew.tell_driver();
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
                jobs.starting = Starting::Nobody;
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
        crew.tell_driver();
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
