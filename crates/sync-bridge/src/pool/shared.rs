//! What the handles and the threads of a pool share.
//!
//! The queue is served by threads in four roles:
//!
//! ```text
//!   on its way ---> working <---> idle ---> gone, after keep-alive
//!                      ^
//!   scout -------------+
//! ```
//!
//! **Invariant**: while a job is in the queue and no thread is on its way to it, either all threads
//! that there may be work, or one is the scout. The scout looks whether the queue moves too slowly,
//! and if so, becomes a worker; the next one is appointed when it takes its job.
//!
//! Idle threads are not all called for a queue of short jobs: they would only be in each other's
//! way. As long as jobs end all the time, the next one does not wait for long, and the scout sees
//! to the rest.

use std::cell::Cell;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Waker;
use std::time::{Duration, Instant};

use super::cell::{Outcome, Ran, Work};
use super::config::Config;
use super::{JobError, worker};
use crate::sync::{AtomicBool, Condvar, Mutex, MutexGuard, lock, per_thread, thread};
use crate::wakes::Wakes;

pub(super) struct Shared {
    pub(super) config: Config,
    state: Mutex<State>,
    /// Whether there may be jobs in the queue: a hint for who does not want to lock.
    pub(super) hint: AtomicBool,
}

#[derive(Default)]
pub(super) struct State {
    /// The jobs, and since when they are here. Some may have been cancelled.
    queue: VecDeque<(Arc<dyn Work>, Instant)>,
    /// How many entries of the queue are not jobs any more.
    husks: usize,
    /// Threads with nothing to do; the last one was at work last.
    pub(super) idle: Vec<Idle>,
    /// How many threads were woken or started for the queue and have not come to it yet.
    pub(super) on_their_way: usize,
    /// Whether one of those looks out for a job, awake, before it is idle.
    pub(super) lookout: bool,
    /// All threads, in whatever role.
    pub(super) threads: usize,
    /// Whether one of them is the scout.
    pub(super) scout: bool,
    /// Which idle thread was called to be the scout.
    pub(super) called_scout: Option<u64>,
    /// What the scout waits with, while it does.
    pub(super) watch: Option<Arc<Condvar>>,
    /// When the last job ended.
    pub(super) last_end: Option<Instant>,
    /// How many of them wait inside of a job, and do not count against the limit.
    pub(super) waiting: usize,
    /// How many threads the next growth starts.
    pub(super) spurt: usize,
    pub(super) closed: bool,
    pub(super) completed: u64,
    pub(super) panicked: u64,
    pub(super) cancelled: u64,
    pub(super) peak: usize,
    /// How many threads there have ever been, for their names.
    started: u64,
    joiners: Vec<(u64, Waker)>,
    next_joiner: u64,
}

/// A thread with nothing to do.
pub(super) struct Idle {
    pub(super) thread: u64,
    pub(super) bell: Arc<Condvar>,
}

/// What is to be done about the queue, once the pool is unlocked.
#[must_use]
pub(super) enum Need {
    Nothing,
    Wake(Arc<Condvar>),
    Start(Role, u64),
}

/// What a new thread begins as.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Worker,
    Scout,
}

per_thread! {
    /// Whether the job of this thread counts as waiting.
    static WAITS: Cell<bool> = Cell::new(false);
}

impl Shared {
    pub(super) fn new(config: Config) -> Self {
        let state = State {
            spurt: 1,
            ..State::default()
        };
        Shared {
            config,
            state: Mutex::new(state),
            hint: AtomicBool::new(false),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Queues a job. `false` if the pool is closed.
    pub(super) fn push(self: &Arc<Self>, work: Arc<dyn Work>) -> bool {
        let since = Instant::now();
        let need = {
            let mut state = self.lock();
            if state.closed {
                return false;
            }
            state.queue.push_back((work, since));
            self.hint.store(true, Ordering::Relaxed);
            state.staff(&self.config, since)
        };
        self.serve(need);
        true
    }

    /// Queues a job for which a thread is free, or may be started. The others are not made.
    pub(super) fn try_push(
        self: &Arc<Self>,
        make: impl FnOnce() -> Arc<dyn Work>,
    ) -> Result<(), Refusal> {
        let since = Instant::now();
        let need = {
            let mut state = self.lock();
            if state.closed {
                return Err(Refusal::Closed);
            }
            // Threads on their way to nothing yet are free.
            let free = state.on_their_way.checked_sub(state.queued());
            let room = !state.idle.is_empty() || state.active() < self.config.max_threads;
            if free.is_none() || (free == Some(0) && !room) {
                return Err(Refusal::WouldQueue);
            }
            state.queue.push_back((make(), since));
            self.hint.store(true, Ordering::Relaxed);
            match free {
                Some(0) => state.wake_or_start(),
                _ => Need::Nothing,
            }
        };
        self.serve(need);
        Ok(())
    }

    /// Wakes or starts a thread.
    pub(super) fn serve(self: &Arc<Self>, need: Need) {
        let (role, number) = match need {
            Need::Nothing => return,
            Need::Wake(bell) => return bell.notify_one(),
            Need::Start(role, number) => (role, number),
        };
        let shared = Arc::clone(self);
        let started = thread::Builder::new()
            .name(format!("{}-{number}", self.config.name))
            .stack_size(self.config.stack_size)
            .spawn(move || worker::work(&shared, number, role));
        if let Err(error) = started {
            self.miss(role, error.kind());
        }
    }

    /// A thread could not be started. The jobs wait for the others, if there are any that work.
    #[cold]
    fn miss(&self, role: Role, kind: std::io::ErrorKind) {
        let (refused, joiners) = {
            let mut state = self.lock();
            match role {
                Role::Worker => state.on_their_way -= 1,
                Role::Scout => state.scout = false,
            }
            state.threads -= 1;
            // Those that wait inside of a job may wait for what is in the queue.
            if state.active() > 0 || state.scout {
                return;
            }
            (state.claim_all(), state.over())
        };
        for work in refused {
            work.refuse(JobError::NoThread(kind));
        }
        drop(joiners);
    }

    /// Marks a job in the queue as cancelled. The caller drops it.
    pub(super) fn cancel<T>(&self, job: &dyn Outcome<T>) -> bool {
        if job.is_finished() {
            return false;
        }
        let husks = {
            let mut state = self.lock();
            if !job.cancel() {
                return false;
            }
            state.cancelled += 1;
            state.husk()
        };
        drop(husks);
        true
    }

    /// Runs a job that is still in the queue on this thread.
    pub(super) fn run_here<T>(&self, job: &dyn Outcome<T>) {
        let husks = {
            let mut state = self.lock();
            if !job.claim() {
                return;
            }
            state.husk()
        };
        drop(husks);
        let ran = job.run();
        self.lock().count(ran);
    }

    /// Whether this thread is one of the pool.
    pub(super) fn is_own_thread(&self) -> bool {
        worker::is_of(self)
    }

    /// Takes no more jobs. Those in the queue are run. Returns whether this was the first time.
    pub(super) fn close(&self) -> bool {
        let (bells, joiners) = {
            let mut state = self.lock();
            if std::mem::replace(&mut state.closed, true) {
                return false;
            }
            let idle = state.idle.iter().map(|idle| &idle.bell);
            let bells: Vec<_> = idle.chain(&state.watch).map(Arc::clone).collect();
            (bells, state.over())
        };
        for bell in bells {
            bell.notify_one();
        }
        drop(joiners);
        true
    }

    /// Closes, and refuses what is in the queue. Returns how many jobs that were.
    pub(super) fn abandon(&self) -> usize {
        self.close();
        let (refused, watch) = {
            let mut state = self.lock();
            (state.claim_all(), state.watch.clone())
        };
        if let Some(watch) = watch {
            watch.notify_one();
        }
        for work in &refused {
            work.refuse(JobError::Abandoned);
        }
        refused.len()
    }

    /// Whether the pool is closed and its last thread has left; if not, `waker` is woken then.
    pub(super) fn poll_over(&self, key: &mut Option<u64>, waker: &Waker) -> bool {
        let waker = waker.clone();
        let (over, old) = {
            let mut state = self.lock();
            let over = state.closed && state.threads == 0;
            let old = match *key {
                Some(key) => state.leave_joiners(key),
                None => None,
            };
            match over {
                true => *key = None,
                false => {
                    let number = state.next_joiner;
                    state.next_joiner += 1;
                    state.joiners.push((number, waker));
                    *key = Some(number);
                }
            }
            (over, old)
        };
        drop(old);
        over
    }

    pub(super) fn stop_joining(&self, key: u64) {
        let waker = self.lock().leave_joiners(key);
        drop(waker);
    }
}

/// Why a job was not taken.
pub(super) enum Refusal {
    WouldQueue,
    Closed,
}

impl State {
    /// How many jobs are in the queue.
    pub(super) fn queued(&self) -> usize {
        self.queue.len() - self.husks
    }

    /// How many threads count against the limit.
    pub(super) fn active(&self) -> usize {
        (self.threads - usize::from(self.scout)).saturating_sub(self.waiting)
    }

    /// Since when the first job is in the queue.
    pub(super) fn oldest(&self) -> Option<Instant> {
        // Those that were cancelled are as old as their neighbours, near enough.
        match self.queued() {
            0 => None,
            _ => self.queue.front().map(|(_, since)| *since),
        }
    }

    /// Says what the queue needs that nobody sees to.
    pub(super) fn staff(&mut self, config: &Config, now: Instant) -> Need {
        if self.queued() <= self.on_their_way {
            return Need::Nothing;
        }
        let active = self.active();
        let awake = active.saturating_sub(self.idle.len());
        if awake < config.prompt_threads.min(config.max_threads) {
            return self.wake_or_start();
        }
        let ends = self
            .last_end
            .map(|last| now.saturating_duration_since(last));
        let moves = ends.is_some_and(|ago| ago < MOVES);
        if !self.idle.is_empty() && !moves {
            return self.wake_or_start();
        }
        if self.scout || (self.idle.is_empty() && active >= config.max_threads) {
            return Need::Nothing;
        }
        self.scout = true;
        match self.idle.pop() {
            Some(idle) => {
                self.called_scout = Some(idle.thread);
                Need::Wake(idle.bell)
            }
            None => self.start(Role::Scout),
        }
    }

    /// Sends one more thread to the queue.
    pub(super) fn wake_or_start(&mut self) -> Need {
        self.on_their_way += 1;
        match self.idle.pop() {
            Some(idle) => Need::Wake(idle.bell),
            None => self.start(Role::Worker),
        }
    }

    fn start(&mut self, role: Role) -> Need {
        self.threads += 1;
        self.started += 1;
        self.peak = self.peak.max(self.threads);
        Need::Start(role, self.started)
    }

    /// Takes the next job.
    pub(super) fn take(&mut self) -> Option<Arc<dyn Work>> {
        while let Some((work, _)) = self.queue.pop_front() {
            if work.claim() {
                return Some(work);
            }
            self.husks -= 1;
        }
        None
    }

    /// Takes all jobs, to refuse them.
    fn claim_all(&mut self) -> Vec<Arc<dyn Work>> {
        std::iter::from_fn(|| self.take()).collect()
    }

    /// Counts an entry of the queue that is no job any more. What this returns is to be dropped
    /// without the lock.
    fn husk(&mut self) -> Vec<Arc<dyn Work>> {
        self.husks += 1;
        // Swept when they are in the majority: a constant cost for each, and no growth.
        if self.husks <= 16 || self.husks * 2 <= self.queue.len() {
            return Vec::new();
        }
        self.husks = 0;
        let mut husks = Vec::new();
        self.queue.retain(|(work, _)| {
            let is_job = work.is_queued();
            if !is_job {
                husks.push(Arc::clone(work));
            }
            is_job
        });
        husks
    }

    pub(super) fn count(&mut self, ran: Ran) {
        self.completed += 1;
        self.panicked += u64::from(ran == Ran::Panicked);
    }

    /// Who waits for the end, if this is it.
    pub(super) fn over(&mut self) -> Wakes {
        let mut wakes = Wakes::default();
        if self.closed && self.threads == 0 {
            wakes.extend(self.joiners.drain(..).map(|(_, waker)| waker));
        }
        wakes
    }

    fn leave_joiners(&mut self, key: u64) -> Option<Waker> {
        let at = self.joiners.iter().position(|(number, _)| *number == key)?;
        Some(self.joiners.swap_remove(at).1)
    }
}

/// For what waits for a job, on whatever thread: if it is one of a pool, it does not count against the
/// limit of its pool until its own job ends. So jobs that wait for each other, in one pool or in
/// several, leave room for those that they wait for.
pub(crate) fn wait_for_a_job() {
    if WAITS.with(Cell::get) {
        return;
    }
    if let Some(shared) = worker::current() {
        begin_waiting(&shared);
    }
}

fn begin_waiting(shared: &Arc<Shared>) {
    WAITS.with(|waits| waits.set(true));
    let need = {
        let mut state = shared.lock();
        state.waiting += 1;
        state.staff(&shared.config, Instant::now())
    };
    shared.serve(need);
}

/// Ends what [`begin_waiting`] began.
pub(super) fn stop_waiting(state: &mut State) {
    if WAITS.with(Cell::take) {
        state.waiting -= 1;
    }
}

/// Runs `wait` while the thread that runs this job, if it is one of a pool, does not count against
/// the pool's limit.
pub(super) fn wait_outside<T>(wait: impl FnOnce() -> T) -> T {
    let Some(shared) = worker::current() else {
        return wait();
    };
    if WAITS.with(Cell::get) {
        return wait();
    }
    struct Back(Arc<Shared>);
    impl Drop for Back {
        fn drop(&mut self) {
            stop_waiting(&mut self.0.lock());
        }
    }
    begin_waiting(&shared);
    let _back = Back(shared);
    wait()
}

/// How long the scout waits, at most, while the processors are all in use.
pub(super) const SATURATED: u32 = 64;

/// While the last job ended so recently, the queue moves.
#[cfg(not(loom))]
const MOVES: Duration = Duration::from_micros(50);
/// A model must not depend on the clock.
#[cfg(loom)]
const MOVES: Duration = Duration::MAX;

/// A queue that is done within so many steps of the scout moves quickly enough.
pub(super) const STEPS: u64 = 8;

/// How many threads one growth starts, at most.
pub(super) const SPURT: usize = 32;

/// Whether so much time has passed.
pub(super) fn is_older(since: Instant, age: Duration) -> bool {
    since.elapsed() >= age
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::task::{Context, Poll, Waker};
    use std::time::Duration;

    use super::*;
    use crate::pool::cell;

    /// A pool that the system gives no thread.
    fn starved() -> Arc<Shared> {
        Arc::new(Shared::new(Config {
            name: "starved".to_owned(),
            min_threads: 0,
            max_threads: 4,
            prompt_threads: 4,
            keep_alive: Duration::MAX,
            grow_after: Duration::from_millis(1),
            stack_size: 1 << 60,
            processors: 1,
        }))
    }

    /// Sends a job, and says whether it was refused for want of a thread.
    fn is_refused(pool: &Arc<Shared>) -> bool {
        let job = Arc::new(cell::Cell::queued(|| ()));
        let work = Arc::clone(&job);
        assert!(pool.push(work));
        let polled = job.poll(Context::from_waker(Waker::noop()).waker());
        matches!(polled, Poll::Ready(Err(JobError::NoThread(_))))
    }

    /// How many threads there are, and how many jobs.
    fn figures(pool: &Shared) -> (usize, usize) {
        let state = pool.lock();
        (state.threads, state.queued())
    }

    #[test]
    fn a_job_waits_for_a_thread_that_works_and_is_refused_if_there_is_none() {
        let pool = starved();
        assert!(is_refused(&pool));
        assert_eq!(figures(&pool), (0, 0));
        // One that works will see to it.
        pool.lock().threads = 1;
        assert!(!is_refused(&pool));
        assert_eq!(figures(&pool), (1, 1));
    }

    /// It would wait for what nobody does.
    #[test]
    fn a_job_is_refused_if_all_threads_wait_for_others() {
        let pool = starved();
        {
            let mut state = pool.lock();
            (state.threads, state.waiting) = (2, 2);
        }
        assert!(is_refused(&pool));
        assert_eq!(figures(&pool), (2, 0));
    }
}
