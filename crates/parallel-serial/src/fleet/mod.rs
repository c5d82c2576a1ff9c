//! Many threads, each with a loop, behind one spawner.

mod builder;
mod policy;
mod seat;
mod task;

pub use builder::FleetBuilder;
pub use seat::Seat;
pub use task::FleetTask;

use std::cell::Cell;
use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, Weak};
use std::task::{Poll, Waker};
use std::thread;
use std::time::Duration;

use corokit_core::time;

use crate::inbox::{Call, End};
use crate::panicked::Panicked;
use crate::sync::PoisonError;
use crate::timeout;
use policy::{Change, Policy};
use seat::{Probe, SeatState};

/// Threads with loops of their own, and one place to spawn on: work goes to the loop that has least.
///
/// What runs on a thread is up to the program: an event loop with tasks that are not `Send`, an
/// executor that all threads share, or nothing but the jobs ([`Seat::run`]).
///
/// - **Load**: a job goes to the loop with the fewest unfinished jobs, but not to one that is late
///   while another one is not.
/// - **Size**: a fleet with room ([`loops`](FleetBuilder::loops)) measures how long its loops let
///   new work wait. It starts another loop when that is too long, and lets one go when all have
///   been idle for a while: one that goes takes no more work, and ends when its jobs have, unless it is
///   called back before. There are never more loops than were asked for, those that go included.
/// - **Panics** of a job are its result, and those of its destructors are nobody else's. A loop that
///   panics loses the jobs that it has begun with; those that it has not go to the others, and another
///   loop takes its place.
/// - **The end**: [`stop`](Fleet::stop) lets all jobs end. Dropping the last handle cancels them; it
///   does not wait.
///
/// Source: a_sync's wish to spread over threads and processors.
///
/// # Examples
///
/// An event loop for each of two threads:
///
/// ```
/// use corokit_parallel_serial::Fleet;
/// use corokit_sched_loop::{self as sched_loop, EventLoop};
/// use futures_lite::future::block_on;
/// use std::rc::Rc;
///
/// let fleet = Fleet::builder().loops(2..=2).start(|seat| {
///     EventLoop::new().run(seat.serve(|job| sched_loop::spawn(job).detach()));
/// });
/// let fleet = fleet.unwrap();
/// // Its future is made on the loop's thread, and need not be `Send`.
/// let task = fleet.spawn_local(|| async {
///     let shared = Rc::new(20);
///     let child = sched_loop::spawn({
///         let shared = Rc::clone(&shared);
///         async move { *shared + 2 }
///     });
///     child.await + *shared
/// });
/// assert_eq!(block_on(task).unwrap(), 42);
/// block_on(fleet.stop());
/// ```
///
/// One executor on several threads. What is spawned on it has nothing to do with the fleet, which
/// measures it by a probe:
///
/// ```
/// use corokit_parallel_serial::Fleet;
/// use futures_lite::future::block_on;
/// use std::sync::Arc;
///
/// let executor = Arc::new(async_executor::Executor::new());
/// let (runs, probed) = (Arc::clone(&executor), Arc::clone(&executor));
/// let fleet = Fleet::builder()
///     .loops(1..=4)
///     .probe_with(move |probe| probed.spawn(async move { probe() }).detach())
///     .start(move |seat| block_on(runs.run(seat.run())))
///     .unwrap();
/// assert_eq!(block_on(executor.spawn(async { 42 })), 42);
/// # drop(fleet);
/// ```
#[derive(Clone)]
pub struct Fleet {
    owner: Arc<Owner>,
}

/// Ends the fleet with its last handle.
struct Owner {
    shared: Arc<Shared>,
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.shared.end(End::Now);
    }
}

/// What the threads share.
struct Shared {
    name: String,
    run: Box<dyn Fn(Seat) + Send + Sync>,
    on_panic: Option<Box<dyn Fn(usize, Panicked) + Send + Sync>>,
    probe: Option<SharedProbe>,
    state: Mutex<State>,
    /// Wakes the thread that looks after the size.
    ended: Condvar,
}

/// A measure for all loops together.
struct SharedProbe {
    probe: Arc<Probe>,
    post: Box<dyn Fn(Call) + Send + Sync>,
}

struct State {
    /// Loops that take work.
    seats: Vec<Arc<SeatState>>,
    /// Loops that do not any more, and have not ended.
    leaving: Vec<Arc<SeatState>>,
    /// How many threads are in their last steps, with no loop any more.
    ending: usize,
    policy: Policy,
    next_index: usize,
    end: End,
    waiters: Vec<Waker>,
}

/// How busy a loop is: see [`Fleet::loads`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LoopLoad {
    /// The number of the loop.
    pub index: usize,
    /// How many jobs it has that have not ended.
    pub jobs: usize,
    /// How long it lets new work wait, if that was measured.
    pub delay: Option<Duration>,
}

/// A fleet that has ended does not take what it was given: here it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Refused<F>(pub F);

impl<F> fmt::Debug for Refused<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Refused")
    }
}

impl<F> fmt::Display for Refused<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the fleet has ended, and takes no more jobs")
    }
}

impl<F> std::error::Error for Refused<F> {}

impl Fleet {
    /// Starts to describe a fleet: without more, of one loop for each core.
    ///
    /// # Examples
    ///
    /// See [`Fleet`].
    pub fn builder() -> FleetBuilder {
        FleetBuilder::new()
    }

    /// Spawns a future on the least loaded loop.
    ///
    /// # Panics
    ///
    /// Panics if the fleet has been stopped, or all its loops have ended.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_parallel_serial::Fleet;
    /// use futures_lite::future::block_on;
    ///
    /// let fleet = Fleet::builder().start(|seat| block_on(seat.run())).unwrap();
    /// assert_eq!(block_on(fleet.spawn(async { 42 })).unwrap(), 42);
    /// ```
    #[track_caller]
    pub fn spawn<T: Send + 'static>(
        &self,
        future: impl Future<Output = T> + Send + 'static,
    ) -> FleetTask<T> {
        self.spawn_local(move || future)
    }

    /// Spawns a future that is made on the least loaded loop, and stays there: it need not be `Send`.
    ///
    /// # Panics
    ///
    /// Panics if the fleet has been stopped, or all its loops have ended. See
    /// [`try_spawn_local`](Fleet::try_spawn_local).
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_parallel_serial::Fleet;
    /// use futures_lite::future::block_on;
    /// use std::rc::Rc;
    ///
    /// let fleet = Fleet::builder().start(|seat| block_on(seat.run())).unwrap();
    /// let task = fleet.spawn_local(|| {
    ///     let number = Rc::new(42);
    ///     async move { *number }
    /// });
    /// assert_eq!(block_on(task).unwrap(), 42);
    /// ```
    #[track_caller]
    pub fn spawn_local<T, Fut>(&self, make: impl FnOnce() -> Fut + Send + 'static) -> FleetTask<T>
    where
        T: Send + 'static,
        Fut: Future<Output = T> + 'static,
    {
        match self.try_spawn_local(make) {
            Ok(task) => task,
            Err(refused) => panic!("{refused}"),
        }
    }

    /// As [`spawn_local`](Fleet::spawn_local).
    ///
    /// # Errors
    ///
    /// The function comes back if the fleet has been stopped, or all its loops have ended.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_parallel_serial::Fleet;
    /// use futures_lite::future::{block_on, ready};
    ///
    /// let fleet = Fleet::builder().start(|seat| block_on(seat.run())).unwrap();
    /// block_on(fleet.stop());
    /// let refused = fleet.try_spawn_local(|| ready(42)).unwrap_err();
    /// assert_eq!(block_on((refused.0)()), 42);
    /// ```
    pub fn try_spawn_local<T, Fut, M>(&self, make: M) -> Result<FleetTask<T>, Refused<M>>
    where
        M: FnOnce() -> Fut + Send + 'static,
        T: Send + 'static,
        Fut: Future<Output = T> + 'static,
    {
        let shared = &self.owner.shared;
        let state = shared.state();
        let seat = match state.end {
            End::Never => state.least_loaded(),
            _ => None,
        };
        let Some(seat) = seat else {
            drop(state);
            return Err(Refused(make));
        };
        let seat = Arc::clone(seat);
        // A loop that ends meanwhile finds the job, since it takes this lock before it looks.
        let (job, task) = task::job(make);
        let waker = seat.inbox.put_quietly(job);
        drop(state);
        waker.into_iter().for_each(Waker::wake);
        Ok(task)
    }

    /// Returns how many loops take work.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_parallel_serial::Fleet;
    /// use futures_lite::future::block_on;
    ///
    /// let fleet = Fleet::builder().loops(3..=3).start(|seat| block_on(seat.run())).unwrap();
    /// assert_eq!(fleet.len(), 3);
    /// ```
    pub fn len(&self) -> usize {
        self.owner.shared.state().seats.len()
    }

    /// Says whether there is no loop any more.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_parallel_serial::Fleet;
    /// use futures_lite::future::block_on;
    ///
    /// let fleet = Fleet::builder().start(|seat| block_on(seat.run())).unwrap();
    /// assert!(!fleet.is_empty());
    /// block_on(fleet.stop());
    /// assert!(fleet.is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns how busy the loops are, the oldest first.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_parallel_serial::Fleet;
    /// use futures_lite::future::{block_on, pending};
    ///
    /// let fleet = Fleet::builder().loops(2..=2).start(|seat| block_on(seat.run())).unwrap();
    /// let tasks = [0, 1, 2, 3].map(|_| fleet.spawn(pending::<()>()));
    /// let jobs: Vec<_> = fleet.loads().into_iter().map(|load| load.jobs).collect();
    /// assert_eq!(jobs, [2, 2]);
    /// # drop(tasks);
    /// ```
    pub fn loads(&self) -> Vec<LoopLoad> {
        let state = self.owner.shared.state();
        let seats = state.seats.iter();
        seats
            .map(|seat| LoopLoad {
                index: seat.index,
                jobs: seat.load(),
                delay: seat.delay(),
            })
            .collect()
    }

    /// Looks how long the loops let work wait, starts or ends a loop if that is called for, and sends
    /// out to measure again.
    ///
    /// A fleet with room does so by itself, unless it is to be [balanced by
    /// hand](FleetBuilder::balance_by_hand).
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_parallel_serial::Fleet;
    /// use futures_lite::future::block_on;
    ///
    /// let fleet = Fleet::builder().loops(1..=4).balance_by_hand();
    /// let fleet = fleet.start(|seat| block_on(seat.run())).unwrap();
    /// fleet.balance();
    /// assert_eq!(fleet.len(), 1);
    /// ```
    pub fn balance(&self) {
        self.owner.shared.balance();
    }

    /// Takes no more jobs, and waits until all jobs and all loops have ended. A job of the fleet that
    /// waits for this waits for itself: it should call this, and not await it.
    ///
    /// # Cancel safety
    ///
    /// The fleet ends all the same, if this is dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_parallel_serial::Fleet;
    /// use futures_lite::future::{block_on, yield_now};
    ///
    /// let fleet = Fleet::builder().start(|seat| block_on(seat.run())).unwrap();
    /// let task = fleet.spawn(async {
    ///     yield_now().await;
    ///     42
    /// });
    /// block_on(fleet.stop());
    /// assert_eq!(block_on(task).unwrap(), 42);
    /// ```
    pub fn stop(&self) -> impl Future<Output = ()> + Send + use<> {
        let shared = Arc::clone(&self.owner.shared);
        shared.end(End::WhenIdle);
        async move { shared.ended().await }
    }

    /// As [`stop`](Fleet::stop), on this thread.
    ///
    /// # Panics
    ///
    /// Panics on a thread of the fleet, which would wait for its own end.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_parallel_serial::Fleet;
    /// use futures_lite::future::block_on;
    ///
    /// let fleet = Fleet::builder().start(|seat| block_on(seat.run())).unwrap();
    /// fleet.stop_blocking();
    /// assert!(fleet.is_empty());
    /// ```
    #[track_caller]
    pub fn stop_blocking(&self) {
        assert!(
            !ptr::eq(FLEET.get(), Arc::as_ptr(&self.owner.shared)),
            "a thread of a fleet cannot wait for the end of the fleet"
        );
        time::block_on(self.stop());
    }

    /// As [`stop`](Fleet::stop), but cancels the jobs that have not ended after so long, and returns
    /// how many these were. A job that blocks its loop is waited for all the same.
    ///
    /// # Cancel safety
    ///
    /// The fleet ends all the same, if this is dropped; nothing is cancelled then.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_parallel_serial::Fleet;
    /// use futures_lite::future::{block_on, pending};
    /// use std::time::Duration;
    ///
    /// let fleet = Fleet::builder().start(|seat| block_on(seat.run())).unwrap();
    /// let task = fleet.spawn(pending::<()>());
    /// assert_eq!(block_on(fleet.stop_within(Duration::from_millis(1))), 1);
    /// assert!(block_on(task).is_err());
    /// ```
    pub fn stop_within(&self, duration: Duration) -> impl Future<Output = usize> + Send + use<> {
        let shared = Arc::clone(&self.owner.shared);
        let in_time = timeout(duration, self.stop());
        async move {
            if in_time.await.is_ok() {
                return 0;
            }
            let cancelled = {
                let state = shared.state();
                let seats = state.seats.iter().chain(&state.leaving);
                seats.map(|seat| seat.load()).sum()
            };
            shared.end(End::Now);
            shared.ended().await;
            cancelled
        }
    }
}

impl fmt::Debug for Fleet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fleet")
            .field("name", &self.owner.shared.name)
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

impl State {
    /// Finds the loop with the fewest jobs, among those that are in time if there are any.
    fn least_loaded(&self) -> Option<&Arc<SeatState>> {
        let is_late = |seat: &SeatState| {
            seat.delay()
                .is_some_and(|delay| delay > self.policy.grow_above)
        };
        let seats = self.seats.iter();
        seats.min_by_key(|seat| (is_late(seat), seat.load()))
    }

    /// Makes the place of another loop, which takes work from now on.
    fn add_seat(&mut self) -> Arc<SeatState> {
        let seat = SeatState::new(self.next_index, self.end);
        self.next_index += 1;
        self.seats.push(Arc::clone(&seat));
        seat
    }

    /// Makes the fleet larger or smaller. Returns the place of a loop that is to be started, and who is
    /// to be woken.
    fn change(&mut self, change: Change) -> (Option<Arc<SeatState>>, Option<Waker>) {
        match change {
            Change::Keep => (None, None),
            Change::Grow => {
                // One that leaves has its thread already. If it was about to end it does so, and what it
                // has been given meanwhile goes to the others.
                let Some(seat) = self.leaving.pop() else {
                    return (Some(self.add_seat()), None);
                };
                seat.inbox.stay();
                self.seats.push(seat);
                (None, None)
            }
            Change::Shrink => {
                let loads = self.seats.iter().map(|seat| seat.load()).enumerate();
                let least = loads.rev().min_by_key(|(_, load)| *load);
                let Some((at, _)) = least else {
                    return (None, None);
                };
                let seat = self.seats.remove(at);
                let woken = seat.inbox.end_quietly(End::WhenIdle);
                self.leaving.push(seat);
                (None, woken)
            }
        }
    }

    /// Takes the place of a loop away. Returns whether it took work.
    fn remove_seat(&mut self, seat: &Arc<SeatState>) -> bool {
        let takes_work = self.seats.len();
        self.seats.retain(|other| !Arc::ptr_eq(other, seat));
        self.leaving.retain(|other| !Arc::ptr_eq(other, seat));
        self.seats.len() < takes_work
    }

    /// Says whether nothing of the fleet is left.
    fn is_gone(&self) -> bool {
        self.seats.is_empty() && self.leaving.is_empty() && self.ending == 0
    }
}

thread_local! {
    /// Which fleet this thread is of.
    static FLEET: Cell<*const Shared> = const { Cell::new(ptr::null()) };
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts the thread of a loop.
    fn start_thread(self: &Arc<Self>, seat: Arc<SeatState>) -> io::Result<()> {
        let (shared, state) = (Arc::clone(self), Arc::clone(&seat));
        let thread = thread::Builder::new().name(format!("{}-{}", self.name, seat.index));
        let started = thread.spawn(move || {
            FLEET.set(Arc::as_ptr(&shared));
            let seat = Seat {
                state: Arc::clone(&state),
            };
            let ran = catch_unwind(AssertUnwindSafe(|| (shared.run)(seat)));
            let panicked = ran.err().map(Panicked::new);
            shared.loop_ended(&state, panicked.is_some());
            if let (Some(panicked), Some(on_panic)) = (panicked, &shared.on_panic) {
                let _ = catch_unwind(AssertUnwindSafe(|| on_panic(state.index, panicked)));
            }
            shared.thread_ends();
        });
        if let Err(error) = started {
            self.loop_ended(&seat, false);
            self.thread_ends();
            return Err(error);
        }
        Ok(())
    }

    /// Takes a loop that has ended from the fleet, gives the jobs that it has not begun with to the
    /// others, and starts another loop in its place if it has panicked.
    ///
    /// All that in one step, so that there is never one loop too many, nor a moment without any.
    fn loop_ended(self: &Arc<Self>, seat: &Arc<SeatState>, panicked: bool) {
        let mut wakers = Vec::new();
        let mut lost = Vec::new();
        let replacement = {
            let mut state = self.state();
            state.ending += 1;
            let took_work = state.remove_seat(seat);
            // Whoever has put a job there did so before this.
            let jobs = seat.inbox.take_jobs();
            // One that has not even begun to serve would do no better the next time.
            let served = seat.served.load(Ordering::Relaxed);
            let is_missed = match state.end {
                End::Never => took_work && panicked,
                // What the fleet has taken is to be done.
                End::WhenIdle => state.seats.is_empty() && !jobs.is_empty(),
                End::Now => false,
            };
            let replacement = (served && is_missed).then(|| state.add_seat());
            for job in jobs {
                match state.least_loaded() {
                    Some(other) if state.end != End::Now => {
                        wakers.extend(other.inbox.put_quietly(job))
                    }
                    _ => lost.push(job),
                }
            }
            replacement
        };
        wakers.into_iter().for_each(Waker::wake);
        drop(lost);
        if let Some(replacement) = replacement {
            // If there is no thread to be had, the fleet goes on with the loops there are.
            let _ = self.start_thread(replacement);
        }
    }

    /// Notes that a thread without a loop is done.
    fn thread_ends(&self) {
        let mut state = self.state();
        state.ending -= 1;
        let waiters = match state.is_gone() {
            true => std::mem::take(&mut state.waiters),
            false => Vec::new(),
        };
        drop(state);
        waiters.into_iter().for_each(Waker::wake);
    }

    /// Ends the fleet.
    fn end(&self, end: End) {
        let seats: Vec<_> = {
            let mut state = self.state();
            state.end = state.end.max(end);
            let all = state.seats.iter().chain(&state.leaving);
            all.map(Arc::clone).collect()
        };
        for seat in seats {
            seat.inbox.end(end);
        }
        self.ended.notify_all();
    }

    /// Waits until no loop is left.
    async fn ended(&self) {
        poll_fn(|cx| {
            let waker = cx.waker().clone();
            let mut state = self.state();
            if state.is_gone() {
                return Poll::Ready(());
            }
            if !state.waiters.iter().any(|known| known.will_wake(&waker)) {
                state.waiters.push(waker);
            }
            Poll::Pending
        })
        .await;
    }

    /// One round of looking after the size.
    fn balance(self: &Arc<Self>) {
        let (new, woken, seats) = {
            let mut state = self.state();
            if state.end != End::Never {
                return;
            }
            let delays: Vec<_> = match &self.probe {
                Some(shared) => shared.probe.delay().into_iter().collect(),
                None => state.seats.iter().filter_map(|seat| seat.delay()).collect(),
            };
            // A loop that is being started is not measured by how long that takes.
            let seats = state.seats.clone();
            let change = state.policy.decide(seats.len(), &delays);
            let (new, woken) = state.change(change);
            (new, woken, seats)
        };
        woken.into_iter().for_each(Waker::wake);
        if let Some(new) = new {
            // If there is no thread to be had: next time, perhaps.
            let _ = self.start_thread(new);
        }
        match &self.probe {
            Some(shared) => {
                if let Some(probe) = shared.probe.post() {
                    (shared.post)(probe);
                }
            }
            None => seats.iter().for_each(|seat| seat.send_probe()),
        }
    }
}

/// Looks after the size of a fleet until it ends.
fn balance_until_ended(shared: &Weak<Shared>, every: Duration) {
    while let Some(shared) = shared.upgrade() {
        let state = shared.state();
        let goes_on = |state: &mut State| state.end == End::Never;
        let waited = shared.ended.wait_timeout_while(state, every, goes_on);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if state.end != End::Never {
            return;
        }
        drop(state);
        shared.balance();
    }
}
