//! One loop of a fleet, as its thread and as the fleet see it.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use corokit_core::time;

use crate::children::Children;
use crate::inbox::{Call, End, Inbox};
use crate::sync::{AtomicBool, Mutex, MutexGuard, Ordering, lock};

/// A loop takes so many jobs before those that it has get a turn.
const AT_A_TIME: usize = 16;

type LocalFuture = Pin<Box<dyn Future<Output = ()>>>;

/// A job on its way to a loop: it makes its future there.
pub(super) type Job = Box<dyn FnOnce(Running) -> LocalFuture + Send>;

/// The place of a loop in a [`Fleet`](crate::Fleet): what [`FleetBuilder::start`] hands to each thread.
///
/// The thread makes its loop, runs it with [`serve`](Seat::serve) or [`run`](Seat::run) as the main
/// future, and ends when that has completed.
///
/// [`FleetBuilder::start`]: crate::FleetBuilder::start
pub struct Seat {
    pub(super) state: Arc<SeatState>,
}

/// What a fleet knows of a loop.
pub(super) struct SeatState {
    pub(super) index: usize,
    pub(super) inbox: Inbox<Job>,
    /// The thread has begun to serve.
    pub(super) served: AtomicBool,
    probe: Arc<Probe>,
}

impl SeatState {
    pub(super) fn new(index: usize, end: End) -> Arc<Self> {
        Arc::new(SeatState {
            index,
            inbox: Inbox::new(end),
            served: AtomicBool::new(false),
            probe: Arc::default(),
        })
    }

    /// How many jobs are here.
    pub(super) fn load(&self) -> usize {
        self.inbox.load()
    }

    pub(super) fn delay(&self) -> Option<Duration> {
        self.probe.delay()
    }

    /// Sends a probe after the jobs, if the last one has come back.
    pub(super) fn send_probe(&self) {
        if let Some(probe) = self.probe.post() {
            self.inbox.send_probe(probe);
        }
    }
}

impl Seat {
    /// Returns the number of the loop. It is never another one's.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_parallel_serial::Fleet;
    /// use futures_lite::future::block_on;
    ///
    /// let (sender, receiver) = std::sync::mpsc::channel();
    /// let fleet = Fleet::builder().loops(2..=2);
    /// let fleet = fleet.start(move |seat| {
    ///     sender.send(seat.index()).unwrap();
    ///     block_on(seat.run());
    /// });
    /// let mut numbers = [receiver.recv().unwrap(), receiver.recv().unwrap()];
    /// numbers.sort();
    /// assert_eq!(numbers, [0, 1]);
    /// # drop(fleet);
    /// ```
    pub fn index(&self) -> usize {
        self.state.index
    }

    /// Takes the jobs of this place and has each run by `spawn`, as a task of the loop that runs here.
    /// Completes when the loop is to end.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_parallel_serial::Fleet;
    /// use corokit_sched_loop::{self as sched_loop, EventLoop};
    /// use futures_lite::future::block_on;
    ///
    /// let fleet = Fleet::builder().start(|seat| {
    ///     EventLoop::new().run(seat.serve(|job| sched_loop::spawn(job).detach()));
    /// });
    /// let fleet = fleet.unwrap();
    /// // The job is a task of an event loop, with all that this can do.
    /// let states = fleet.spawn_local(|| async { sched_loop::runnable_tasks().len() });
    /// assert_eq!(block_on(states).unwrap(), 0);
    /// ```
    pub async fn serve(self, spawn: impl Fn(Pin<Box<dyn Future<Output = ()>>>)) {
        let state = &self.state;
        state.served.store(true, Ordering::Relaxed);
        poll_fn(|cx| self.poll_inbox(cx, &spawn)).await;
    }

    /// As [`serve`](Seat::serve), without any executor: the jobs run inside of this future, each polled
    /// only when it was woken.
    ///
    /// This is for threads that together run one executor, too: see [`Fleet`](crate::Fleet).
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
    pub async fn run(self) {
        let state = &self.state;
        state.served.store(true, Ordering::Relaxed);
        let mut children: Children<LocalFuture> = Children::new();
        let mut ended = Vec::new();
        poll_fn(|cx| {
            let end = self.poll_inbox(cx, |future| {
                children.insert(future);
            });
            if end.is_ready() {
                return end;
            }
            let _ = children.poll_rest(cx, |index, ()| ended.push(index));
            for index in ended.drain(..) {
                children.release(index);
            }
            Poll::Pending
        })
        .await;
    }

    /// Takes the next few jobs from the inbox. Ready if the loop is to end.
    fn poll_inbox(&self, cx: &mut Context<'_>, mut spawn: impl FnMut(LocalFuture)) -> Poll<()> {
        let inbox = &self.state.inbox;
        let Some(probes) = inbox.begin_turn(cx.waker()) else {
            return Poll::Ready(());
        };
        // One after the other: if the loop breaks, the others stay where somebody else finds them.
        for _ in 0..AT_A_TIME {
            let Some(job) = inbox.pop() else {
                break;
            };
            spawn(job(Running::new(&self.state)));
        }
        // Those that are to be measured are behind the jobs.
        for probe in probes {
            spawn(Box::pin(async move { probe() }));
        }
        if inbox.has_jobs() {
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }
}

impl fmt::Debug for Seat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seat")
            .field("index", &self.index())
            .finish_non_exhaustive()
    }
}

/// A job that a loop has begun with.
pub(super) struct Running(Arc<SeatState>);

impl Running {
    fn new(state: &Arc<SeatState>) -> Self {
        Running(Arc::clone(state))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.inbox.job_ended();
    }
}

/// Measures how long a loop lets new work wait.
#[derive(Default)]
pub(super) struct Probe {
    times: Mutex<Times>,
}

#[derive(Default)]
struct Times {
    /// When the probe was sent that has not come back.
    sent: Option<Instant>,
    last: Option<Duration>,
}

impl Probe {
    fn times(&self) -> MutexGuard<'_, Times> {
        lock(&self.times)
    }

    /// How long the last probe took, or for how long there has been no sign of it.
    pub(super) fn delay(&self) -> Option<Duration> {
        let times = self.times();
        let waits = times
            .sent
            .map(|sent| time::now().saturating_duration_since(sent));
        waits.max(times.last)
    }

    /// Makes a probe, if there is none on its way.
    pub(super) fn post(self: &Arc<Self>) -> Option<Call> {
        let mut times = self.times();
        if times.sent.is_some() {
            return None;
        }
        let sent = time::now();
        times.sent = Some(sent);
        times.last = None;
        let under_way = UnderWay {
            probe: Arc::clone(self),
            sent,
        };
        Some(Box::new(move || under_way.arrive()))
    }
}

/// A probe that has been sent.
struct UnderWay {
    probe: Arc<Probe>,
    sent: Instant,
}

impl UnderWay {
    fn arrive(self) {
        let waited = time::now().saturating_duration_since(self.sent);
        self.probe.times().last = Some(waited);
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        // Also of one that nobody has called: the next one can be sent.
        self.probe.times().sent = None;
    }
}
