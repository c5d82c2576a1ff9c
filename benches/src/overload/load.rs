//! Requests that arrive at random, nearly faster than they can be served.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use corokit_priority::Priority;
use fastrand::Rng;
use futures_lite::future::yield_now;

use super::contestant::{Contestant, Lock};
use super::world::{Clock, Time};

/// A class of requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Two steps, the second one under the lock.
    Urgent,
    /// Four steps.
    Normal,
    /// Twenty steps, five of them under the lock.
    Batch,
}

/// How much there is to do.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// The share of the processor that is asked for: 0.98 is 98 %. One part in 20 of it is urgent, 12 are normal, and 7
    /// are batches.
    pub share: f64,
    /// For how many seconds requests arrive.
    pub seconds: f64,
    /// What the arrivals depend on.
    pub seed: u64,
}

/// What came out, in nanoseconds from the arrival of a request to its end.
#[derive(Clone, Debug, Default)]
pub struct Latencies {
    /// Those of the urgent requests, in order.
    pub urgent: Vec<u64>,
    /// Those of the normal requests, in order.
    pub normal: Vec<u64>,
    /// Those of the batches, in order.
    pub batch: Vec<u64>,
}

impl Class {
    const ALL: [Class; 3] = [Class::Urgent, Class::Normal, Class::Batch];

    fn priority(self) -> Priority {
        match self {
            Class::Urgent => Priority::HIGH,
            Class::Normal => Priority::NORMAL,
            Class::Batch => Priority::LOW,
        }
    }

    /// The steps without the lock, and those with it.
    fn steps(self) -> (u32, u32) {
        match self {
            Class::Urgent => (1, 1),
            Class::Normal => (4, 0),
            Class::Batch => (15, 5),
        }
    }

    /// The part of the load.
    fn part(self) -> f64 {
        match self {
            Class::Urgent => 0.05,
            Class::Normal => 0.60,
            Class::Batch => 0.35,
        }
    }
}

/// Nanoseconds that a step takes, at least and at most.
const STEP: std::ops::RangeInclusive<u64> = 20_000..=50_000;

impl Latencies {
    /// Returns the latency that this share of requests does not exceed.
    ///
    /// ```
    /// use corokit_benches::overload::Latencies;
    ///
    /// assert_eq!(Latencies::at(&[1, 2, 3], 0.5), 2);
    /// ```
    ///
    /// # Panics
    ///
    /// Panics if there are none.
    #[must_use]
    pub fn at(sorted: &[u64], share: f64) -> u64 {
        sorted[((sorted.len() - 1) as f64 * share) as usize]
    }

    fn of(&mut self, class: Class) -> &mut Vec<u64> {
        match class {
            Class::Urgent => &mut self.urgent,
            Class::Normal => &mut self.normal,
            Class::Batch => &mut self.batch,
        }
    }
}

/// Serves requests until all that have arrived are done.
///
/// ```
/// use corokit_benches::overload::{Clock, Contestant, Load, overload};
///
/// let load = Load { share: 0.5, seconds: 0.1, seed: 1 };
/// let latencies = overload(Contestant::ALL[2], load, Clock::Virtual);
/// assert!(!latencies.normal.is_empty());
/// ```
#[must_use]
pub fn overload(contestant: Contestant, load: Load, clock: Clock) -> Latencies {
    let latencies = Rc::new(RefCell::new(Latencies::default()));
    let world = Rc::new(World {
        contestant,
        time: Time::new(clock),
        arrivals: RefCell::new(arrivals(load)),
        seed: load.seed,
        lock: contestant.lock(),
        active: Cell::new(0),
        latencies: Rc::clone(&latencies),
    });
    contestant.run(World::run(world));
    let mut latencies = latencies.take();
    for class in Class::ALL {
        latencies.of(class).sort_unstable();
    }
    latencies
}

/// When requests arrive: the last ones first.
fn arrivals(load: Load) -> Vec<(u64, Class)> {
    let mut rng = Rng::with_seed(load.seed);
    let mut all = Vec::new();
    for class in Class::ALL {
        let (without, with) = class.steps();
        let mean_step = (STEP.start() + STEP.end()) as f64 / 2.0;
        let work = f64::from(without + with) * mean_step;
        let mean_gap = work / (load.share * class.part());
        let mut time = 0.0;
        loop {
            // The gaps between events that do not know each other are distributed like this.
            time -= mean_gap * (1.0 - rng.f64()).ln();
            if time >= load.seconds * 1e9 {
                break;
            }
            all.push((time as u64, class));
        }
    }
    all.sort_unstable_by_key(|(time, _)| std::cmp::Reverse(*time));
    all
}

struct World {
    contestant: Contestant,
    time: Time,
    /// The next one is at the end.
    arrivals: RefCell<Vec<(u64, Class)>>,
    seed: u64,
    lock: Rc<Lock>,
    active: Cell<usize>,
    latencies: Rc<RefCell<Latencies>>,
}

impl World {
    async fn run(world: Rc<World>) {
        loop {
            world.admit();
            if world.active.get() == 0 {
                let next = world.arrivals.borrow().last().map(|(time, _)| *time);
                let Some(next) = next else { break };
                world.time.skip_to(next);
                world.admit();
            }
            yield_now().await;
        }
    }

    /// Spawns the tasks of the requests that have arrived.
    fn admit(self: &Rc<Self>) {
        let now = self.time.now();
        while let Some((time, class)) = self.next_until(now) {
            self.active.set(self.active.get() + 1);
            let world = Rc::clone(self);
            let serve = async move { world.serve(class, time).await };
            self.contestant.spawn(class.priority(), serve);
        }
    }

    fn next_until(&self, now: u64) -> Option<(u64, Class)> {
        let mut arrivals = self.arrivals.borrow_mut();
        let is_due = arrivals.last().is_some_and(|(time, _)| *time <= now);
        is_due.then(|| arrivals.pop()).flatten()
    }

    async fn serve(self: &Rc<Self>, class: Class, arrived: u64) {
        // The same request has the same work to do, whoever serves it.
        let mut rng = Rng::with_seed(self.seed ^ arrived);
        let (without, with) = class.steps();
        self.steps(without, &mut rng).await;
        if with > 0 {
            self.lock.hold(self.steps(with, &mut rng)).await;
        }
        let latency = self.time.now() - arrived;
        self.latencies.borrow_mut().of(class).push(latency);
        self.active.set(self.active.get() - 1);
    }

    async fn steps(self: &Rc<Self>, count: u32, rng: &mut Rng) {
        for _ in 0..count {
            self.time.work(rng.u64(STEP));
            // Who has arrived is noticed after each step, as by a reactor.
            self.admit();
            yield_now().await;
        }
    }
}
