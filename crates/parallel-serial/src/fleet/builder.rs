//! What a fleet is to be.

use std::fmt;
use std::io;
use std::ops::RangeInclusive;
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use super::policy::Policy;
use super::{Fleet, Owner, Seat, Shared, SharedProbe, State, balance_until_ended};
use crate::inbox::End;
use crate::panicked::Panicked;

/// Describes a fleet: see [`Fleet::builder`].
pub struct FleetBuilder {
    name: String,
    loops: RangeInclusive<usize>,
    grow_above: Duration,
    shrink_below: Duration,
    every: Option<Duration>,
    on_panic: Option<Box<dyn Fn(usize, Panicked) + Send + Sync>>,
    probe: Option<SharedProbe>,
}

impl FleetBuilder {
    pub(super) fn new() -> Self {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        FleetBuilder {
            name: "fleet".to_owned(),
            loops: cores..=cores,
            grow_above: Duration::from_millis(10),
            shrink_below: Duration::from_millis(1),
            every: Some(Duration::from_millis(50)),
            on_panic: None,
            probe: None,
        }
    }

    /// Names the threads.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_parallel_serial::Fleet;
    /// use futures_lite::future::block_on;
    ///
    /// let fleet = Fleet::builder().name("io").start(|seat| block_on(seat.run())).unwrap();
    /// let name = fleet.spawn(async { std::thread::current().name().map(str::to_owned) });
    /// assert_eq!(block_on(name).unwrap().unwrap(), "io-0");
    /// ```
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Says how many loops there are at least, and at most.
    ///
    /// # Panics
    ///
    /// Panics if it may be none, or if the range is empty.
    ///
    /// # Examples
    ///
    /// See [`Fleet`].
    #[track_caller]
    pub fn loops(mut self, loops: RangeInclusive<usize>) -> Self {
        assert!(
            *loops.start() > 0 && !loops.is_empty(),
            "a fleet has at least one loop"
        );
        self.loops = loops;
        self
    }

    /// Says when there is to be another loop: if new work waits longer than this, in the mean of the
    /// loops. Without it, 10 ms.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_parallel_serial::Fleet;
    /// use std::time::Duration;
    ///
    /// let fleet = Fleet::builder().loops(1..=8).grow_above(Duration::from_millis(5));
    /// # drop(fleet);
    /// ```
    pub fn grow_above(mut self, delay: Duration) -> Self {
        self.grow_above = delay;
        self
    }

    /// Says when there is to be one loop less: if new work has waited no longer than this in ten
    /// measures in a row. Without it, 1 ms.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_parallel_serial::Fleet;
    /// use std::time::Duration;
    ///
    /// let fleet = Fleet::builder().loops(1..=8).shrink_below(Duration::from_micros(100));
    /// # drop(fleet);
    /// ```
    pub fn shrink_below(mut self, delay: Duration) -> Self {
        self.shrink_below = delay;
        self
    }

    /// Says how often to measure. Without it, every 50 ms; a fleet without room does not.
    ///
    /// # Panics
    ///
    /// Panics if it is zero: that would keep a core busy.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_parallel_serial::Fleet;
    /// use std::time::Duration;
    ///
    /// let fleet = Fleet::builder().loops(1..=8).balance_every(Duration::from_millis(10));
    /// # drop(fleet);
    /// ```
    #[track_caller]
    pub fn balance_every(mut self, interval: Duration) -> Self {
        assert!(!interval.is_zero(), "there is no time between the measures");
        self.every = Some(interval);
        self
    }

    /// Leaves it to the program to call [`Fleet::balance`].
    ///
    /// # Examples
    ///
    /// See [`Fleet::balance`].
    pub fn balance_by_hand(mut self) -> Self {
        self.every = None;
        self
    }

    /// Measures in another way: `post` has a function called by whatever the threads run together.
    ///
    /// # Examples
    ///
    /// See [`Fleet`].
    pub fn probe_with(
        mut self,
        post: impl Fn(Box<dyn FnOnce() + Send>) + Send + Sync + 'static,
    ) -> Self {
        self.probe = Some(SharedProbe {
            probe: Arc::default(),
            post: Box::new(post),
        });
        self
    }

    /// Has a function called when a loop has panicked, on its thread, with its number. Another loop
    /// takes its place, unless it panicked before it served.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_parallel_serial::Fleet;
    /// use std::sync::mpsc::channel;
    ///
    /// let (sender, receiver) = channel();
    /// let fleet = Fleet::builder()
    ///     .loops(1..=1)
    ///     .on_panic(move |index, panicked| sender.send((index, panicked.message().to_owned())).unwrap())
    ///     .start(|_| panic!("no loop today"));
    /// assert_eq!(receiver.recv().unwrap(), (0, "no loop today".to_owned()));
    /// # drop(fleet);
    /// ```
    pub fn on_panic(mut self, call: impl Fn(usize, Panicked) + Send + Sync + 'static) -> Self {
        self.on_panic = Some(Box::new(call));
        self
    }

    /// Starts the fleet. Each thread calls `run`, which makes a loop and runs it with its [`Seat`].
    ///
    /// # Errors
    ///
    /// If the system gives no thread. What was started ends.
    ///
    /// # Examples
    ///
    /// See [`Fleet`].
    pub fn start(self, run: impl Fn(Seat) + Send + Sync + 'static) -> io::Result<Fleet> {
        let (least, most) = self.loops.into_inner();
        let policy = Policy::new(least, most, self.grow_above, self.shrink_below);
        let shared = Arc::new(Shared {
            name: self.name,
            run: Box::new(run),
            on_panic: self.on_panic,
            probe: self.probe,
            state: Mutex::new(State {
                seats: Vec::new(),
                leaving: Vec::new(),
                ending: 0,
                policy,
                next_index: 0,
                end: End::Never,
                waiters: Vec::new(),
            }),
            ended: Condvar::new(),
        });
        let fleet = Fleet {
            owner: Arc::new(Owner {
                shared: Arc::clone(&shared),
            }),
        };
        for _ in 0..least {
            let seat = shared.state().add_seat();
            shared.start_thread(seat)?;
        }
        if let (Some(every), true) = (self.every, least < most) {
            let name = format!("{}-size", shared.name);
            let shared = Arc::downgrade(&shared);
            let thread = thread::Builder::new().name(name);
            thread.spawn(move || balance_until_ended(&shared, every))?;
        }
        Ok(fleet)
    }
}

impl fmt::Debug for FleetBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FleetBuilder")
            .field("name", &self.name)
            .field("loops", &self.loops)
            .finish_non_exhaustive()
    }
}
