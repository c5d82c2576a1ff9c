//! What is to be done at the end, in order, and each within its time.

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::{Pin, pin};
use std::task::Poll;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::handle::Shutdown;
use super::report::{Outcome, Report, StageReport};
use crate::clock::{now, sleep_until};

type Finish = Pin<Box<dyn Future<Output = Outcome> + Send>>;

/// What is to be done at the end.
///
/// All stages run, each when the one before has ended, whether or not that failed, panicked or took
/// too long. What they came to is in the [`Report`].
///
/// Source: `async_utils.sig_service.SignalService.add_join`, which leaves out all that come after one
/// that fails, and waits for ever for one that hangs.
///
/// # Examples
///
/// ```
/// use corokit_bg_utils::shutdown::Stages;
/// use std::time::Duration;
///
/// let mut stages = Stages::new().each(Duration::from_secs(5)).total(Duration::from_secs(20));
/// stages.stage("stop listening", async || println!("no more clients"));
/// stages.stage("write the journal", async || Err::<(), _>("the disk is full"));
/// stages.stage("say goodbye", async || println!("bye"));
/// let report = futures_lite::future::block_on(stages.run());
/// assert_eq!(report.stages.len(), 3);
/// assert!(!report.is_ok());
/// ```
#[derive(Default)]
#[must_use = "stages do nothing until they are run"]
pub struct Stages {
    stages: Vec<Stage>,
    each: Option<Duration>,
    total: Option<Duration>,
}

struct Stage {
    name: String,
    within: Option<Duration>,
    finish: Box<dyn FnOnce() -> Finish + Send>,
}

/// What a stage may return: nothing, or a `Result` of nothing.
pub trait StageOutput {
    /// Returns the error, if there is one.
    fn error(self) -> Option<Box<dyn Error + Send + Sync>>;
}

impl StageOutput for () {
    fn error(self) -> Option<Box<dyn Error + Send + Sync>> {
        None
    }
}

impl<E: Into<Box<dyn Error + Send + Sync>>> StageOutput for Result<(), E> {
    fn error(self) -> Option<Box<dyn Error + Send + Sync>> {
        self.err().map(Into::into)
    }
}

impl Stages {
    /// Begins with none, and no limit to how long they take.
    pub fn new() -> Self {
        Stages::default()
    }

    /// Sets how long each stage may take that has no [time of its own](Self::stage_within).
    pub fn each(mut self, duration: Duration) -> Self {
        self.each = Some(duration);
        self
    }

    /// Sets how long all stages may take together. When that is over, those that are left are polled
    /// once each.
    pub fn total(mut self, duration: Duration) -> Self {
        self.total = Some(duration);
        self
    }

    /// Adds a stage at the end.
    ///
    /// It is polled by whoever runs the stages. One that blocks the thread cannot be told that its
    /// time is up: for that there is [`force_after`](super::Signals::force_after).
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::shutdown::Stages;
    ///
    /// let mut stages = Stages::new();
    /// stages.stage("farewell", async || println!("bye"));
    /// assert_eq!(stages.len(), 1);
    /// ```
    pub fn stage<M, Fut>(&mut self, name: impl Into<String>, make: M) -> &mut Self
    where
        M: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output: StageOutput> + Send + 'static,
    {
        self.push(name.into(), None, make)
    }

    /// Adds a stage at the end that may take so long, whatever the others may.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::shutdown::{Outcome, Stages};
    /// use futures_lite::future;
    /// use std::time::Duration;
    ///
    /// let mut stages = Stages::new();
    /// stages.stage_within("hang", Duration::from_millis(1), || future::pending::<()>());
    /// let report = future::block_on(stages.run());
    /// assert!(matches!(report.stages[0].outcome, Outcome::TimedOut));
    /// ```
    pub fn stage_within<M, Fut>(
        &mut self,
        name: impl Into<String>,
        within: Duration,
        make: M,
    ) -> &mut Self
    where
        M: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output: StageOutput> + Send + 'static,
    {
        self.push(name.into(), Some(within), make)
    }

    fn push<M, Fut>(&mut self, name: String, within: Option<Duration>, make: M) -> &mut Self
    where
        M: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output: StageOutput> + Send + 'static,
    {
        let finish = Box::new(move || -> Finish {
            let future = make();
            Box::pin(async move {
                match future.await.error() {
                    None => Outcome::Done,
                    Some(error) => Outcome::Failed(error),
                }
            })
        });
        self.stages.push(Stage {
            name,
            within,
            finish,
        });
        self
    }

    /// Adds a stage at the end that waits for a thread, which is to have been told to end.
    ///
    /// While it waits, another thread does so for it.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::shutdown::{Shutdown, Stages};
    ///
    /// let shutdown = Shutdown::new();
    /// let told = shutdown.clone();
    /// let thread = std::thread::spawn(move || println!("{}", told.wait_blocking()));
    /// let mut stages = Stages::new();
    /// stages.thread("worker", thread);
    /// shutdown.trigger("enough");
    /// assert!(futures_lite::future::block_on(stages.run()).is_ok());
    /// ```
    pub fn thread<T: Send + 'static>(
        &mut self,
        name: impl Into<String>,
        thread: JoinHandle<T>,
    ) -> &mut Self {
        let name = name.into();
        let finish = Box::new(move || -> Finish {
            let ended = Shutdown::new();
            let hold = ended.hold();
            let joiner = std::thread::spawn(move || {
                let _hold = hold;
                // Its output is dropped there, where it was made or near.
                thread.join().map(drop)
            });
            Box::pin(async move {
                ended.done().await;
                // It does nothing any more but end.
                match joiner.join().and_then(|joined| joined) {
                    Ok(()) => Outcome::Done,
                    Err(panic) => Outcome::Panicked(message(&*panic)),
                }
            })
        });
        self.stages.push(Stage {
            name,
            within: None,
            finish,
        });
        self
    }

    /// Returns how many stages there are.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(corokit_bg_utils::shutdown::Stages::new().len(), 0);
    /// ```
    pub fn len(&self) -> usize {
        self.stages.len()
    }

    /// Returns whether there are no stages.
    pub fn is_empty(&self) -> bool {
        self.stages.is_empty()
    }

    /// Turns the order round: what was added last runs first.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::shutdown::Stages;
    ///
    /// let mut stages = Stages::new();
    /// stages.stage("a", async || ()).stage("b", async || ());
    /// let report = futures_lite::future::block_on(stages.reversed().run());
    /// assert_eq!(report.stages[0].name, "b");
    /// ```
    pub fn reversed(mut self) -> Self {
        self.stages.reverse();
        self
    }

    /// Runs all stages, one after the other.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the stage that runs and all that come after it are dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::shutdown::Stages;
    ///
    /// let mut stages = Stages::new();
    /// stages.stage("farewell", async || println!("bye"));
    /// let report = futures_lite::future::block_on(stages.run());
    /// assert!(report.to_string().starts_with("farewell: done in "));
    /// ```
    pub async fn run(self) -> Report {
        let start = now();
        let end = self.total.and_then(|total| start.checked_add(total));
        let mut report = Report::default();
        for stage in self.stages {
            let start = now();
            let own = stage.within.or(self.each);
            let own = own.and_then(|within| start.checked_add(within));
            // The earlier of the two, if there are both.
            let deadline = match (own, end) {
                (Some(own), Some(end)) => Some(own.min(end)),
                (own, end) => own.or(end),
            };
            let outcome = run_stage(stage.finish, deadline).await;
            report.stages.push(StageReport {
                name: stage.name,
                outcome,
                took: now() - start,
            });
        }
        report
    }

    /// Starts something in steps, each of which may register what undoes it. If the start fails, what
    /// has been registered is run, the last one first. Else it is returned, in that order, to be run
    /// at the end.
    ///
    /// The times of these stages apply to both.
    ///
    /// Source: `async_utils.sig_service.SignalService.add_startup`.
    ///
    /// # Errors
    ///
    /// [`RolledBack`] with the error of `start`, and what became of the stages.
    ///
    /// # Panics
    ///
    /// If `start` panics, after what has been registered has run.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, what has been registered is dropped, and does not run.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::shutdown::Stages;
    ///
    /// let start = async |stages: &mut Stages| {
    ///     // connect(..).await?
    ///     stages.stage("disconnect", async || println!("disconnected"));
    ///     // listen(..).await?
    ///     Err::<(), _>("the port is in use")
    /// };
    /// let failed = futures_lite::future::block_on(Stages::new().start(start)).unwrap_err();
    /// assert_eq!(failed.error, "the port is in use");
    /// assert_eq!(failed.report.stages[0].name, "disconnect");
    /// ```
    pub async fn start<T, E>(
        mut self,
        start: impl AsyncFnOnce(&mut Stages) -> Result<T, E>,
    ) -> Result<(T, Stages), RolledBack<E>> {
        let started = caught(start(&mut self)).await;
        let stages = self.reversed();
        match started {
            Ok(Ok(started)) => Ok((started, stages)),
            Ok(Err(error)) => {
                let report = stages.run().await;
                Err(RolledBack { error, report })
            }
            Err(panic) => {
                stages.run().await;
                resume_unwind(panic)
            }
        }
    }
}

impl fmt::Debug for Stages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.stages.iter().map(|stage| &stage.name);
        f.debug_list().entries(names).finish()
    }
}

/// Runs a future, and catches what it panics with.
async fn caught<F: Future>(future: F) -> Result<F::Output, Box<dyn Any + Send>> {
    let mut future = pin!(future);
    poll_fn(|cx| {
        let poll = AssertUnwindSafe(|| future.as_mut().poll(cx));
        match catch_unwind(poll) {
            Ok(polled) => polled.map(Ok),
            Err(panic) => Poll::Ready(Err(panic)),
        }
    })
    .await
}

async fn run_stage(
    finish: Box<dyn FnOnce() -> Finish + Send>,
    deadline: Option<Instant>,
) -> Outcome {
    let future = match catch_unwind(AssertUnwindSafe(finish)) {
        Ok(future) => future,
        Err(panic) => return Outcome::Panicked(message(&*panic)),
    };
    let mut timer = deadline.map(sleep_until);
    let mut future = Some(caught(future));
    let mut future = pin!(future.take());
    let outcome = poll_fn(|cx| {
        // A stage that is ready has not run out of time.
        let running = future.as_mut().as_pin_mut().expect("it has not completed");
        if let Poll::Ready(outcome) = running.poll(cx) {
            let panicked = |panic: Box<dyn Any + Send>| Outcome::Panicked(message(&*panic));
            return Poll::Ready(outcome.unwrap_or_else(panicked));
        }
        match &mut timer {
            Some(timer) => Pin::new(timer).poll(cx).map(|()| Outcome::TimedOut),
            None => Poll::Pending,
        }
    })
    .await;
    // Whatever is left of it goes before the next stage begins; if that panics, so did the stage.
    match catch_unwind(AssertUnwindSafe(|| future.set(None))) {
        Ok(()) => outcome,
        Err(panic) => Outcome::Panicked(message(&*panic)),
    }
}

/// Returns what a panic says.
fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("a value that is no text").to_owned()
}

/// A start has failed, and what had been started has been undone.
#[derive(Debug)]
#[non_exhaustive]
pub struct RolledBack<E> {
    /// Why it failed.
    pub error: E,
    /// What became of what undoes it.
    pub report: Report,
}

impl<E: fmt::Display> fmt::Display for RolledBack<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the start failed: {}", self.error)
    }
}

impl<E: Error + 'static> Error for RolledBack<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.error)
    }
}
