//! A poisoned cache: the first caller of a key computes the value for all; when that caller is
//! cancelled, the others are told that *they* were, and so is everybody after them.
//!
//! Source: the caches of Python's async-utils.

use std::cell::Cell;
use std::rc::Rc;

use corokit_lab::Lab;
use corokit_sched_loop::spawn;
use event_listener::Event;
use futures_lite::future::yield_now;

#[derive(Clone, Copy, Default)]
enum Slot {
    #[default]
    Empty,
    /// Somebody computes the value.
    Pending,
    Value(u32),
    /// Whoever computed it was cancelled.
    Cancelled,
}

/// A cache of one value.
#[derive(Default)]
struct Cache {
    slot: Cell<Slot>,
    changed: Event,
}

#[derive(Debug, PartialEq)]
struct Cancelled;

/// Says what is in the slot if the computation is dropped.
struct Leader<'c> {
    cache: &'c Cache,
    otherwise: Slot,
}

impl Drop for Leader<'_> {
    fn drop(&mut self) {
        if matches!(self.cache.slot.get(), Slot::Pending) {
            self.cache.slot.set(self.otherwise);
        }
        self.cache.changed.notify(usize::MAX);
    }
}

impl Cache {
    async fn get(&self, otherwise: Slot) -> Result<u32, Cancelled> {
        loop {
            match self.slot.get() {
                Slot::Value(value) => return Ok(value),
                Slot::Cancelled => return Err(Cancelled),
                Slot::Pending => self.changed.listen().await,
                Slot::Empty => {
                    self.slot.set(Slot::Pending);
                    let cache = self;
                    let _leader = Leader { cache, otherwise };
                    let value = compute().await;
                    self.slot.set(Slot::Value(value));
                }
            }
        }
    }
}

async fn compute() -> u32 {
    yield_now().await;
    42
}

async fn program(otherwise: Slot) {
    let cache = Rc::new(Cache::default());
    let caller = || {
        let cache = Rc::clone(&cache);
        spawn(async move { cache.get(otherwise).await })
    };
    let (impatient, patient) = (caller(), caller());
    // The first one gives up, usually when it has its answer.
    for _ in 0..3 {
        yield_now().await;
    }
    impatient.cancel().await;
    assert_eq!(patient.await, Ok(42), "not the caller that was cancelled");
    assert_eq!(cache.get(otherwise).await, Ok(42), "cancelled for ever");
}

pub(crate) async fn buggy(_: Lab) {
    program(Slot::Cancelled).await;
}

/// The slot is as if nobody had called; of those who wait, the first to look takes over.
pub(crate) async fn fixed(_: Lab) {
    program(Slot::Empty).await;
}
