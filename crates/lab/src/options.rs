//! What a run is to be like.

use std::future::Future;
use std::time::Duration;

use crate::explore::{self, Explored};
use crate::failure::Failure;
use crate::lab::Lab;
use crate::plan::Plan;
use crate::run::{Ended, Extras, execute};
use crate::token::Token;
use crate::trace::Event;

/// How the order of tasks is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Strategy {
    /// First in, first out, as a program runs.
    Fifo,
    /// Any of those that may run, all equally likely.
    #[default]
    Random,
    /// Probabilistic concurrency testing: tasks have random priorities, which change at
    /// `depth - 1` random steps. A bug that needs `depth` steps in a certain order is found in a
    /// run of `k` steps among `n` tasks with a probability of at least `1 / (n * k^(depth - 1))`.
    Pct {
        /// How many steps must come in the right order; 1 is taken for 0.
        depth: usize,
    },
}

/// What runs are to be like, and ways to start them that give an error instead of a panic.
///
/// # Examples
///
/// ```
/// use corokit_lab::{Options, Strategy};
///
/// let explored = Options::new()
///     .strategy(Strategy::Pct { depth: 3 })
///     .spurious_wakes(true)
///     .try_check(100, |_| async { assert_eq!(1 + 1, 2) })
///     .unwrap();
/// assert_eq!(explored.schedules(), 100);
/// ```
#[derive(Clone, Debug)]
#[must_use = "options do nothing until something is run"]
pub struct Options {
    pub(crate) strategy: Strategy,
    pub(crate) seed: u64,
    pub(crate) max_steps: usize,
    pub(crate) max_schedules: usize,
    pub(crate) shrink: usize,
    pub(crate) delays: bool,
    pub(crate) spurious_wakes: bool,
    pub(crate) allow_panics: bool,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            strategy: Strategy::Random,
            seed: 0,
            max_steps: 100_000,
            max_schedules: 1_000_000,
            shrink: 500,
            delays: false,
            spurious_wakes: false,
            allow_panics: false,
        }
    }
}

/// A run that has come to its end.
///
/// # Examples
///
/// ```
/// use corokit_lab::Options;
///
/// let run = Options::new().trace(|_| async { 1 }).unwrap();
/// assert_eq!((run.output, run.steps), (1, 1));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run<T> {
    /// What the body gave.
    pub output: T,
    /// How many steps it took: polls, jumps of the clock, and injected wake-ups.
    pub steps: usize,
    /// How much virtual time it took.
    pub elapsed: Duration,
    /// What happened, in order.
    pub trace: Vec<Event>,
}

impl<T> Run<T> {
    fn new(ended: Ended<T>) -> Self {
        Run {
            output: ended.output,
            steps: ended.steps,
            elapsed: ended.elapsed,
            trace: ended.trace,
        }
    }
}

impl Options {
    /// Returns the default: random order from seed 0, no faults.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(corokit_lab::Options::new().try_run(|_| async { 1 }).unwrap(), 1);
    /// ```
    pub fn new() -> Self {
        Options::default()
    }

    /// Sets how the order of tasks is chosen.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_lab::{Options, Strategy};
    ///
    /// let options = Options::new().strategy(Strategy::Fifo);
    /// assert_eq!(options.try_run(|_| async { 1 }).unwrap(), 1);
    /// ```
    pub fn strategy(mut self, strategy: Strategy) -> Self {
        self.strategy = strategy;
        self
    }

    /// Sets the seed; of several schedules, that of the first one.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_lab::Options;
    ///
    /// let failure = Options::new().seed(7).try_run(|_| async { panic!("no") }).unwrap_err();
    /// assert_eq!(failure.token().to_string(), "random-7");
    /// ```
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Sets how many steps a run may take before it counts as one that never ends; by default
    /// 100,000.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_lab::{FailureKind, Options};
    /// use futures_lite::future::yield_now;
    ///
    /// let spin = |_| async {
    ///     loop {
    ///         yield_now().await;
    ///     }
    /// };
    /// let failure = Options::new().max_steps(10).try_run::<(), _>(spin).unwrap_err();
    /// assert_eq!(*failure.kind(), FailureKind::Livelock { steps: 10 });
    /// ```
    pub fn max_steps(mut self, steps: usize) -> Self {
        self.max_steps = steps;
        self
    }

    /// Sets how many schedules [`try_exhaustive`](Options::try_exhaustive) tries at most; by
    /// default a million.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_lab::Options;
    /// use corokit_sched_loop::spawn;
    ///
    /// let body = |_| async {
    ///     let tasks = [1, 2, 3].map(|n| spawn(async move { n }));
    ///     for task in tasks {
    ///         task.await;
    ///     }
    /// };
    /// let explored = Options::new().max_schedules(2).try_exhaustive(9, body).unwrap();
    /// assert_eq!((explored.schedules(), explored.is_complete()), (2, false));
    /// ```
    pub fn max_schedules(mut self, schedules: usize) -> Self {
        self.max_schedules = schedules;
        self
    }

    /// Sets how many runs may be spent on making the schedule of a failure short; by default 500.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_lab::Options;
    ///
    /// let fails = |_| async { panic!("no") };
    /// let failure = Options::new().shrink(0).try_check(1, fails).unwrap_err();
    /// assert_eq!(failure.token().to_string(), "random-0");
    /// ```
    pub fn shrink(mut self, runs: usize) -> Self {
        self.shrink = runs;
        self
    }

    /// Lets the clock jump now and then although tasks could run: a machine that was slow, a timer
    /// that was quicker than what it guards.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_lab::Options;
    /// use corokit_sched_loop::{spawn, task_timeout};
    /// use futures_lite::future::yield_now;
    /// use std::time::Duration;
    ///
    /// let body = |_| async {
    ///     let hit = task_timeout(Duration::from_secs(1), spawn(yield_now())).await;
    ///     assert!(hit.is_ok(), "ran out of time");
    /// };
    /// assert!(Options::new().try_check(100, body).is_ok());
    /// assert!(Options::new().delays(true).try_check(100, body).is_err());
    /// ```
    pub fn delays(mut self, delays: bool) -> Self {
        self.delays = delays;
        self
    }

    /// Wakes tasks now and then that nothing has happened to.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_lab::Options;
    /// use corokit_sched_loop::spawn;
    /// use futures_lite::future::yield_now;
    /// use std::future::poll_fn;
    /// use std::task::Poll;
    ///
    /// let body = |_| async {
    ///     // This future takes any wake-up for the one that it waits for.
    ///     let mut polled = false;
    ///     let hasty = poll_fn(move |_| match std::mem::replace(&mut polled, true) {
    ///         true => Poll::Ready(()),
    ///         false => Poll::Pending,
    ///     });
    ///     let hasty = spawn(hasty);
    ///     for _ in 0..10 {
    ///         yield_now().await;
    ///     }
    ///     assert!(!hasty.is_finished());
    /// };
    /// assert!(Options::new().try_check(100, body).is_ok());
    /// assert!(Options::new().spurious_wakes(true).try_check(100, body).is_err());
    /// ```
    pub fn spurious_wakes(mut self, wakes: bool) -> Self {
        self.spurious_wakes = wakes;
        self
    }

    /// Lets tasks panic as long as the body does not. Without it, every panic on the thread fails
    /// the run, also one that the program catches: a test that means it says so by this.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_lab::Options;
    /// use corokit_sched_loop::spawn;
    /// use futures_lite::future::yield_now;
    ///
    /// let body = |_| async {
    ///     spawn(async { panic!("unheard") }).detach();
    ///     for _ in 0..9 {
    ///         yield_now().await;
    ///     }
    /// };
    /// assert!(Options::new().try_run(body).is_err());
    /// assert!(Options::new().allow_panics(true).try_run(body).is_ok());
    /// ```
    pub fn allow_panics(mut self, allow: bool) -> Self {
        self.allow_panics = allow;
        self
    }

    /// Returns the plan of the schedule with this number. `steps` is how long runs are.
    pub(crate) fn plan(&self, number: u64, steps: usize) -> Plan {
        let seed = self.seed.wrapping_add(number);
        match self.strategy {
            Strategy::Fifo => Plan::fifo(),
            Strategy::Random => Plan::random(seed),
            Strategy::Pct { depth } => Plan::pct(seed, depth, steps),
        }
    }

    /// Runs a body once: see [`run`](crate::run).
    ///
    /// # Errors
    ///
    /// Fails if the body panics or does not end.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(corokit_lab::Options::new().try_run(|_| async { 1 }).unwrap(), 1);
    /// ```
    pub fn try_run<T: 'static, Fut: Future<Output = T> + 'static>(
        &self,
        body: impl FnOnce(Lab) -> Fut,
    ) -> Result<T, Failure> {
        self.trace(body).map(|run| run.output)
    }

    /// Runs a body once, and returns what happened as well.
    ///
    /// # Errors
    ///
    /// Fails if the body panics or does not end.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_lab::Options;
    /// use corokit_sched_loop::task;
    ///
    /// let body = |_| async { task().name("child").spawn(async { 1 }).await };
    /// let run = Options::new().trace(body).unwrap();
    /// let trace: Vec<String> = run.trace.iter().map(ToString::to_string).collect();
    /// assert_eq!(trace[..4], ["main spawned", "main polled", "child spawned", "main blocked"]);
    /// ```
    pub fn trace<T: 'static, Fut: Future<Output = T> + 'static>(
        &self,
        body: impl FnOnce(Lab) -> Fut,
    ) -> Result<Run<T>, Failure> {
        if let Some(token) = explore::token_of_environment() {
            return self.replayed(&token, body);
        }
        let extras = Extras {
            trace: true,
            ..Extras::default()
        };
        execute(self, &mut self.plan(0, 100), extras, body).map(Run::new)
    }

    fn replayed<T: 'static, Fut: Future<Output = T> + 'static>(
        &self,
        token: &Token,
        body: impl FnOnce(Lab) -> Fut,
    ) -> Result<Run<T>, Failure> {
        let options = self
            .clone()
            .delays(token.delays)
            .spurious_wakes(token.wakes);
        let extras = Extras {
            trace: true,
            attack: token.attack,
            ..Extras::default()
        };
        execute(&options, &mut token.plan(), extras, body).map(Run::new)
    }

    /// Runs a body under many schedules: see [`check`](crate::check).
    ///
    /// # Errors
    ///
    /// Fails with the first schedule that makes the body panic or not end, made as short as
    /// possible.
    ///
    /// # Examples
    ///
    /// ```
    /// let explored = corokit_lab::Options::new().try_check(10, |_| async {}).unwrap();
    /// assert_eq!(explored.schedules(), 10);
    /// ```
    pub fn try_check<Fut: Future<Output = ()> + 'static>(
        &self,
        schedules: usize,
        body: impl Fn(Lab) -> Fut,
    ) -> Result<Explored, Failure> {
        explore::check(self, schedules, &body)
    }

    /// Runs a body under every schedule that deviates from first in, first out at most `bound`
    /// times: see [`exhaustive`](crate::exhaustive).
    ///
    /// # Errors
    ///
    /// As [`try_check`](Options::try_check).
    ///
    /// # Examples
    ///
    /// ```
    /// let explored = corokit_lab::Options::new().try_exhaustive(2, |_| async {}).unwrap();
    /// assert_eq!((explored.schedules(), explored.is_complete()), (1, true));
    /// ```
    pub fn try_exhaustive<Fut: Future<Output = ()> + 'static>(
        &self,
        bound: usize,
        body: impl Fn(Lab) -> Fut,
    ) -> Result<Explored, Failure> {
        explore::exhaustive(self, bound, &body)
    }

    /// Runs a body under the schedule of a token: see [`replay`](crate::replay).
    ///
    /// # Errors
    ///
    /// Fails as the run did that gave the token.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_lab::Options;
    ///
    /// let fails = |_| async { panic!("no") };
    /// let failure = Options::new().try_run(fails).unwrap_err();
    /// let again = Options::new().try_replay(failure.token(), fails).unwrap_err();
    /// assert_eq!(again.trace(), failure.trace());
    /// ```
    pub fn try_replay<T: 'static, Fut: Future<Output = T> + 'static>(
        &self,
        token: &Token,
        body: impl FnOnce(Lab) -> Fut,
    ) -> Result<T, Failure> {
        self.replayed(token, body).map(|run| run.output)
    }

    /// Strikes each victim of a body before each step: see
    /// [`cancel_everywhere`](crate::cancel_everywhere).
    ///
    /// # Errors
    ///
    /// Fails with the first run in which the body panics or does not end.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_lab::Options;
    ///
    /// let body = |lab: corokit_lab::Lab| async move {
    ///     let nap = corokit_sched_loop::sleep(std::time::Duration::from_secs(1));
    ///     lab.victim("sleeper", nap).await;
    /// };
    /// assert_eq!(Options::new().try_cancel_everywhere(body).unwrap().schedules(), 3);
    /// ```
    pub fn try_cancel_everywhere<Fut: Future<Output = ()> + 'static>(
        &self,
        body: impl Fn(Lab) -> Fut,
    ) -> Result<Explored, Failure> {
        explore::strike_everywhere(self, crate::victim::Blow::Cancel, &body)
    }

    /// Makes each victim of a body panic before each step: see
    /// [`panic_everywhere`](crate::panic_everywhere).
    ///
    /// # Errors
    ///
    /// As [`try_cancel_everywhere`](Options::try_cancel_everywhere).
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_lab::Options;
    ///
    /// let body = |lab: corokit_lab::Lab| async move {
    ///     let nap = corokit_sched_loop::sleep(std::time::Duration::from_secs(1));
    ///     lab.victim("sleeper", nap).await;
    /// };
    /// assert_eq!(Options::new().try_panic_everywhere(body).unwrap().schedules(), 3);
    /// ```
    pub fn try_panic_everywhere<Fut: Future<Output = ()> + 'static>(
        &self,
        body: impl Fn(Lab) -> Fut,
    ) -> Result<Explored, Failure> {
        explore::strike_everywhere(self, crate::victim::Blow::Panic, &body)
    }
}
