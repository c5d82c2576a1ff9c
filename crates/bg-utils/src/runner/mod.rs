//! Runs jobs at their times, once or again and again.
//!
//! ```
//! use corokit_bg_utils::runner::{Job, Runner};
//! use std::sync::mpsc;
//! use std::time::Duration;
//!
//! let (sender, ticks) = mpsc::channel();
//! // What is due is spawned on the executor; nothing is known of it but this.
//! let (runner, driver) = Runner::new(|run| smol::spawn(run).detach());
//! smol::spawn(driver).detach();
//! let tick = move || {
//!     let sender = sender.clone();
//!     async move { sender.send("tick").unwrap() }
//! };
//! let job = runner.add(Job::every(Duration::from_millis(1), tick)).unwrap();
//! assert_eq!(ticks.recv(), Ok("tick"));
//! assert_eq!(ticks.recv(), Ok("tick"));
//! runner.cancel(job);
//! ```
//!
//! # The model
//!
//! A [`Scheduler`] of jobs and a driver, which spawns what is due, each run as a task of its own: one
//! that takes long or panics holds up no other. Runs are never early. The planned times of a job do
//! not move when one is late; those that have been [missed](Missed) are skipped, or made up for.
//!
//! With the feature `cron`, `Job::cron` takes patterns of cron.
//!
//! Source: `async_utils.scheduler`, whose tasks the program runs itself.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::SystemTime;

use crate::Closed;
use crate::scheduler::{Due, Key, Scheduler};
use crate::sync::{Mutex, lock};
use crate::turns::Turns;

#[cfg(feature = "cron")]
mod cron;
mod job;

#[cfg(feature = "cron")]
pub use chrono;
#[cfg(feature = "cron")]
pub use croner::errors::CronError;
pub use job::{Job, Missed, Run};

/// Names a job of a [`Runner`]. Ascending: a job that was added later has a greater one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobId(u64);

/// Runs jobs at their times: see the [module](self).
///
/// Clones are handles of the same runner. When the last one is dropped, the driver goes on until
/// there is no job left; only [`close`](Self::close) ends it before.
pub struct Runner {
    shared: Arc<Shared>,
}

struct Shared {
    scheduler: Scheduler<JobId>,
    jobs: Mutex<Jobs>,
}

struct Jobs {
    jobs: BTreeMap<JobId, Planned>,
    latest: u64,
    handles: usize,
}

struct Planned {
    /// Away while the driver looks at it.
    job: Option<Job>,
    due: Due,
    /// Its entry, once it is in the scheduler.
    key: Option<Key>,
    /// How often the driver has looked at it.
    round: u64,
}

impl Runner {
    /// Makes a runner, and its driver, which is to be spawned or awaited. The driver calls `spawn`
    /// with each run that is due.
    ///
    /// The driver completes when the runner is closed, or when its last handle has been dropped and
    /// no job is left. If it is dropped before, the runner is closed.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::runner::{Job, Runner};
    /// use smol::LocalExecutor;
    /// use std::rc::Rc;
    /// use std::time::Duration;
    ///
    /// let executor = Rc::new(LocalExecutor::new());
    /// let spawner = Rc::clone(&executor);
    /// let (runner, driver) = Runner::new(move |run| spawner.spawn(run).detach());
    /// runner.add(Job::after(Duration::from_millis(1), async { println!("now") })).unwrap();
    /// drop(runner);
    /// smol::block_on(executor.run(driver));
    /// ```
    pub fn new<S: FnMut(Run)>(spawn: S) -> (Self, impl Future<Output = ()> + use<S>) {
        Runner::with_scheduler(Scheduler::new(), spawn)
    }

    /// As [`new`](Self::new), with a wall clock of its own.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::runner::Runner;
    /// use std::time::SystemTime;
    ///
    /// let clock = || SystemTime::UNIX_EPOCH;
    /// let (runner, driver) = Runner::with_wall_clock(clock, |run| drop(run));
    /// runner.close();
    /// futures_lite::future::block_on(driver);
    /// ```
    pub fn with_wall_clock<S: FnMut(Run), C>(
        clock: C,
        spawn: S,
    ) -> (Self, impl Future<Output = ()> + use<S, C>)
    where
        C: Fn() -> SystemTime + Send + Sync + 'static,
    {
        Runner::with_scheduler(Scheduler::with_wall_clock(clock), spawn)
    }

    fn with_scheduler<S: FnMut(Run)>(
        scheduler: Scheduler<JobId>,
        spawn: S,
    ) -> (Self, impl Future<Output = ()> + use<S>) {
        let shared = Arc::new(Shared {
            scheduler,
            jobs: Mutex::new(Jobs {
                jobs: BTreeMap::new(),
                latest: 0,
                handles: 1,
            }),
        });
        let driver = drive(Driving(Arc::clone(&shared)), spawn);
        (Runner { shared }, driver)
    }

    /// Adds a job.
    ///
    /// # Errors
    ///
    /// [`Closed`] with the job, if the runner has been closed, or its driver dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::runner::{Job, Runner};
    /// use std::time::Instant;
    ///
    /// let (runner, driver) = Runner::new(|run| smol::spawn(run).detach());
    /// runner.add(Job::at(Instant::now(), async { println!("now") })).unwrap();
    /// drop(runner);
    /// smol::block_on(driver);
    /// ```
    pub fn add(&self, job: Job) -> Result<JobId, Closed<Job>> {
        let mut jobs = lock(&self.shared.jobs);
        jobs.latest += 1;
        let id = JobId(jobs.latest);
        let due = job.first;
        let job = Some(job);
        jobs.jobs.insert(
            id,
            Planned {
                job,
                due,
                key: None,
                round: 0,
            },
        );
        drop(jobs);
        match self.shared.plan(id, due, 0) {
            true => Ok(id),
            false => {
                let planned = lock(&self.shared.jobs).jobs.remove(&id);
                match planned.and_then(|planned| planned.job) {
                    Some(job) => Err(Closed(job)),
                    // Whoever closed the runner meanwhile has found it there, and dropped it.
                    None => Ok(id),
                }
            }
        }
    }

    /// Takes a job out: it does not run again. A run that has been spawned goes on.
    ///
    /// Returns `false` if it has run for the last time, or was cancelled before.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::runner::{Job, Runner};
    /// use std::time::Duration;
    ///
    /// let (runner, driver) = Runner::new(|run| smol::spawn(run).detach());
    /// let id = runner.add(Job::every(Duration::from_secs(60), async || ())).unwrap();
    /// assert!(runner.cancel(id));
    /// assert!(!runner.cancel(id));
    /// # drop(driver);
    /// ```
    pub fn cancel(&self, id: JobId) -> bool {
        let planned = lock(&self.shared.jobs).jobs.remove(&id);
        let Some(planned) = planned else {
            return false;
        };
        if let Some(key) = planned.key {
            self.shared.scheduler.cancel(key);
        }
        self.shared.close_if_done();
        true
    }

    /// Returns when a job runs next, unless it will not run again.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::{runner::{Job, Runner}, scheduler::Due};
    /// use std::time::Instant;
    ///
    /// let (runner, driver) = Runner::new(|run| smol::spawn(run).detach());
    /// let instant = Instant::now();
    /// let id = runner.add(Job::at(instant, async {})).unwrap();
    /// assert_eq!(runner.next_run(id), Some(Due::At(instant)));
    /// # drop(driver);
    /// ```
    pub fn next_run(&self, id: JobId) -> Option<Due> {
        lock(&self.shared.jobs)
            .jobs
            .get(&id)
            .map(|planned| planned.due)
    }

    /// Returns how many jobs will run, or run again.
    ///
    /// # Examples
    ///
    /// ```
    /// let (runner, driver) = corokit_bg_utils::runner::Runner::new(|run| drop(run));
    /// assert_eq!(runner.len(), 0);
    /// # drop(driver);
    /// ```
    pub fn len(&self) -> usize {
        lock(&self.shared.jobs).jobs.len()
    }

    /// Returns whether there are no jobs.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Closes the runner: nothing runs any more, and the driver completes. Runs that have been
    /// spawned go on.
    ///
    /// Returns `false` if it was closed already.
    ///
    /// # Examples
    ///
    /// ```
    /// let (runner, driver) = corokit_bg_utils::runner::Runner::new(|run| drop(run));
    /// assert!(runner.close());
    /// assert!(!runner.close());
    /// futures_lite::future::block_on(driver);
    /// ```
    pub fn close(&self) -> bool {
        self.shared.close()
    }

    /// Returns whether it has been closed, or its driver dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// let (runner, driver) = corokit_bg_utils::runner::Runner::new(|run| drop(run));
    /// assert!(!runner.is_closed());
    /// drop(driver);
    /// assert!(runner.is_closed());
    /// ```
    pub fn is_closed(&self) -> bool {
        self.shared.scheduler.is_closed()
    }
}

impl Clone for Runner {
    fn clone(&self) -> Self {
        lock(&self.shared.jobs).handles += 1;
        Runner {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        lock(&self.shared.jobs).handles -= 1;
        self.shared.close_if_done();
    }
}

impl fmt::Debug for Runner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runner")
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

impl Shared {
    fn close(&self) -> bool {
        let closed = self.scheduler.close();
        let jobs = std::mem::take(&mut lock(&self.jobs).jobs);
        drop(jobs);
        closed
    }

    /// Puts a job's next run into the scheduler. Returns `false` if that is closed.
    fn plan(&self, id: JobId, due: Due, round: u64) -> bool {
        let inserted = match due {
            Due::At(instant) => self.scheduler.at(instant, id),
            Due::AtWall(time) => self.scheduler.at_wall(time, id),
        };
        let Ok(key) = inserted else {
            return false;
        };
        // It may have been cancelled meanwhile, or the driver may have looked at it again.
        let mut jobs = lock(&self.jobs);
        match jobs.jobs.get_mut(&id) {
            Some(planned) if planned.round == round => planned.key = Some(key),
            Some(_) => {}
            None => {
                drop(jobs);
                self.scheduler.cancel(key);
            }
        }
        true
    }

    fn close_if_done(&self) {
        let jobs = lock(&self.jobs);
        let done = jobs.handles == 0 && jobs.jobs.is_empty();
        drop(jobs);
        if done {
            self.scheduler.close();
        }
    }

    /// Takes a job for the driver to look at.
    fn take(&self, id: JobId) -> Option<(Job, Due)> {
        let mut jobs = lock(&self.jobs);
        let planned = jobs.jobs.get_mut(&id)?;
        planned.key = None;
        planned.round += 1;
        Some((planned.job.take()?, planned.due))
    }

    /// Puts it back, or lets it go if there is no next time.
    fn put_back(&self, id: JobId, job: Job, next: Option<Due>) {
        let mut jobs = lock(&self.jobs);
        let mut gone = None;
        match (next, jobs.jobs.get_mut(&id)) {
            (Some(due), Some(planned)) => {
                planned.job = Some(job);
                planned.due = due;
                let round = planned.round;
                drop(jobs);
                self.plan(id, due, round);
                return;
            }
            (None, Some(_)) => gone = jobs.jobs.remove(&id),
            (_, None) => {}
        }
        drop(jobs);
        // What the job holds is dropped without the lock.
        drop((job, gone));
    }
}

/// Closes the runner when its driver is gone: what is added then would never run.
struct Driving(Arc<Shared>);

impl Drop for Driving {
    fn drop(&mut self) {
        self.0.close();
    }
}

async fn drive<S: FnMut(Run)>(driving: Driving, mut spawn: S) {
    let shared = &*driving.0;
    shared.close_if_done();
    let mut turns = Turns::new();
    while let Some((_, id)) = shared.scheduler.next().await {
        let Some((mut job, due)) = shared.take(id) else {
            continue;
        };
        let run = job.run();
        let next = job.next(due, || shared.scheduler.wall_now());
        shared.put_back(id, job, next);
        if let Some(run) = run {
            spawn(run);
        }
        shared.close_if_done();
        // Jobs with a short period are due again before one has looked.
        turns.next().await;
    }
}
