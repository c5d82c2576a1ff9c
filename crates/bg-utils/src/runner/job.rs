//! Jobs: what to run, and when.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use crate::clock::now;
use crate::scheduler::Due;

/// What a [`Runner`](super::Runner) gives to the executor.
pub type Run = Pin<Box<dyn Future<Output = ()> + Send>>;

/// How many make a second.
const NANOS: u128 = 1_000_000_000;

type Make = Arc<dyn Fn() -> Run + Send + Sync>;

/// What to do about times that have passed while the driver was not polled, or the machine slept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Missed {
    /// Run once, and go on with the next time that is in the future.
    #[default]
    Skip,
    /// Run once for each of them.
    Burst,
}

/// Something to run at a time, or again and again: what a [`Runner`](super::Runner) is given.
///
/// # Examples
///
/// ```
/// use corokit_bg_utils::runner::{Job, Missed};
/// use std::time::Duration;
///
/// let minute = Duration::from_secs(60);
/// let job = Job::every(minute, async || println!("a minute has passed"))
///     .missed(Missed::Burst)
///     .overlapping(false);
/// # drop(job);
/// ```
#[must_use = "a job does nothing until a runner has it"]
pub struct Job {
    pub(super) first: Due,
    again: Again,
    what: What,
    missed: Missed,
    overlapping: bool,
    running: Arc<AtomicBool>,
}

/// When it runs again.
enum Again {
    Never,
    Every(Duration),
    #[cfg(feature = "cron")]
    Cron(super::cron::Occurrences),
}

enum What {
    Once(Option<Run>),
    Repeatedly(Make),
}

impl Job {
    fn new(first: Due, again: Again, what: What) -> Self {
        Job {
            first,
            again,
            what,
            missed: Missed::Skip,
            overlapping: true,
            running: Arc::new(AtomicBool::new(false)),
        }
    }

    /// Makes a job that runs once, at an instant.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::runner::Job;
    /// use std::time::Instant;
    ///
    /// let job = Job::at(Instant::now(), async { println!("now") });
    /// # drop(job);
    /// ```
    pub fn at(instant: Instant, future: impl Future<Output = ()> + Send + 'static) -> Self {
        let what = What::Once(Some(Box::pin(future)));
        Job::new(Due::At(instant), Again::Never, what)
    }

    /// Makes a job that runs once, this long after now.
    ///
    /// # Panics
    ///
    /// If that is too long for the clock.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::runner::Job;
    /// use std::time::Duration;
    ///
    /// let job = Job::after(Duration::from_secs(60), async { println!("in a minute") });
    /// # drop(job);
    /// ```
    pub fn after(duration: Duration, future: impl Future<Output = ()> + Send + 'static) -> Self {
        Job::at(now() + duration, future)
    }

    /// Makes a job that runs once, when the wall clock shows a time.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::runner::Job;
    /// use std::time::{Duration, SystemTime};
    ///
    /// let time = SystemTime::now() + Duration::from_secs(60);
    /// let job = Job::at_wall(time, async { println!("a minute from now") });
    /// # drop(job);
    /// ```
    pub fn at_wall(time: SystemTime, future: impl Future<Output = ()> + Send + 'static) -> Self {
        let what = What::Once(Some(Box::pin(future)));
        Job::new(Due::AtWall(time), Again::Never, what)
    }

    /// Makes a job that runs each `period`, the first time a period after now. The times are those
    /// that were planned, however late a run is: they do not drift.
    ///
    /// # Panics
    ///
    /// If the period is zero, or too long for the clock.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::runner::Job;
    /// use std::time::Duration;
    ///
    /// let job = Job::every(Duration::from_secs(60), async || println!("a minute has passed"));
    /// # drop(job);
    /// ```
    #[track_caller]
    pub fn every<M, Fut>(period: Duration, make: M) -> Self
    where
        M: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        assert!(!period.is_zero(), "the period of a job is longer than zero");
        let what = What::Repeatedly(Arc::new(move || Box::pin(make())));
        Job::new(Due::At(now() + period), Again::Every(period), what)
    }

    /// Makes a job that runs whenever a pattern of cron says so.
    #[cfg(feature = "cron")]
    pub(super) fn by_occurrences<M, Fut>(
        first: SystemTime,
        occurrences: super::cron::Occurrences,
        make: M,
    ) -> Self
    where
        M: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let what = What::Repeatedly(Arc::new(move || Box::pin(make())));
        Job::new(Due::AtWall(first), Again::Cron(occurrences), what)
    }

    /// Sets what to do about times that have passed unseen. They are skipped unless set.
    pub fn missed(mut self, missed: Missed) -> Self {
        self.missed = missed;
        self
    }

    /// Sets whether it runs again while it is still running. It does unless set; else that time is
    /// skipped.
    pub fn overlapping(mut self, overlapping: bool) -> Self {
        self.overlapping = overlapping;
        self
    }

    /// Returns what is to run now, if anything is.
    pub(super) fn run(&mut self) -> Option<Run> {
        if !self.overlapping && self.running.swap(true, Ordering::AcqRel) {
            return None;
        }
        let running = Running(Arc::clone(&self.running));
        Some(match &mut self.what {
            What::Once(future) => future.take()?,
            // It is made in the task, so that the driver does not hear of a panic there.
            What::Repeatedly(make) => {
                let make = Arc::clone(make);
                Box::pin(async move {
                    let _running = running;
                    make().await;
                })
            }
        })
    }

    /// Returns when it runs next, after it was due the last time.
    pub(super) fn next(&mut self, due: Due, wall: impl Fn() -> SystemTime) -> Option<Due> {
        match (&mut self.again, due) {
            (Again::Every(period), Due::At(due)) => {
                let next = due.checked_add(*period)?;
                let behind = now().saturating_duration_since(next);
                if self.missed == Missed::Burst || behind.is_zero() {
                    return Some(Due::At(next));
                }
                // The first planned time that is not in the past.
                let (behind, period) = (behind.as_nanos(), period.as_nanos());
                let skipped = behind.div_ceil(period) * period;
                let seconds = u64::try_from(skipped / NANOS).ok()?;
                let skipped = Duration::new(seconds, (skipped % NANOS) as u32);
                next.checked_add(skipped).map(Due::At)
            }
            #[cfg(feature = "cron")]
            (Again::Cron(next), Due::AtWall(due)) => {
                // If the clock was set back, no time comes twice.
                let after = match self.missed {
                    Missed::Skip => due.max(wall()),
                    Missed::Burst => due,
                };
                next(after).map(Due::AtWall)
            }
            _ => {
                let _ = wall;
                None
            }
        }
    }
}

/// Says that a job runs, until it is dropped.
struct Running(Arc<AtomicBool>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job")
            .field("first", &self.first)
            .field("missed", &self.missed)
            .field("overlapping", &self.overlapping)
            .finish_non_exhaustive()
    }
}
