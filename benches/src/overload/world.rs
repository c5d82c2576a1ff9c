//! Time and work.

use std::cell::Cell;

use futures_lite::future::yield_now;

use crate::clock::thread_cpu_ns;

/// What time is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// What the steps say they take: exact, and the same everywhere.
    Virtual,
    /// The processor time of the thread: the steps really take it, and so does the executor.
    Processor,
}

/// The time of a run, in nanoseconds from its start.
#[derive(Debug)]
pub(super) struct Time {
    clock: Clock,
    now: Cell<u64>,
    /// What the thread's clock said last.
    seen: Cell<u64>,
}

impl Time {
    pub(super) fn new(clock: Clock) -> Self {
        Time {
            clock,
            now: Cell::new(0),
            seen: Cell::new(thread_cpu_ns()),
        }
    }

    pub(super) fn now(&self) -> u64 {
        if self.clock == Clock::Processor {
            let seen = thread_cpu_ns();
            let passed = seen - self.seen.replace(seen);
            self.now.set(self.now.get() + passed);
        }
        self.now.get()
    }

    /// Lets time pass in which nothing is done.
    pub(super) fn skip_to(&self, time: u64) {
        self.now.set(self.now().max(time));
    }

    /// Works for so long.
    pub(super) fn work(&self, ns: u64) {
        match self.clock {
            Clock::Virtual => self.now.set(self.now.get() + ns),
            Clock::Processor => {
                let end = self.now() + ns;
                while self.now() < end {
                    std::hint::spin_loop();
                }
            }
        }
    }

    /// Works for so long, and gives way to others.
    pub(super) async fn step(&self, ns: u64) {
        self.work(ns);
        yield_now().await;
    }
}
