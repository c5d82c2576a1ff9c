//! Which children were woken, in which order.
//!
//! A child's waker puts its number into a list, and wakes whoever drives the children when it is the
//! first one since that one looked. So a turn costs what the woken children cost, however many
//! there are.
//!
//! A waker needs an allocation. A child gets a lent one, which makes a real one when it is cloned: a
//! child that is ready at once, or only wakes itself, costs none. One that goes on cloning gets
//! the same waker again and again, so that it may notice by [`Waker::will_wake`].

use std::mem;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use corokit_core::{WakerObserver, observe_waker};

use crate::sync::{Mutex, lock};

/// The list, as the driver of the children sees it.
pub(super) struct WakeList {
    shared: Arc<Shared>,
    /// Those that were woken before the driver looked the last time.
    batch: Vec<u32>,
    /// How many of them have had their turn.
    taken: usize,
    wakers: Wakers,
}

impl WakeList {
    /// Makes a list for so many children, all of which are due.
    pub(super) fn all_woken(len: usize) -> Self {
        let last = u32::try_from(len).expect("fewer than 2^32 children");
        WakeList {
            shared: Arc::new(Shared::new(len)),
            batch: (0..last).collect(),
            taken: 0,
            wakers: Wakers {
                cloned: vec![false; len],
                kept: Vec::new(),
            },
        }
    }

    /// Makes a child due that has just come, after those that were woken before. Its number may have
    /// been another's.
    pub(super) fn insert(&mut self, index: usize) {
        let mut woken = lock(&self.shared.woken);
        if index == self.wakers.cloned.len() {
            self.wakers.cloned.push(false);
            woken.queued.push(false);
        }
        // The driver is here, and need not be woken.
        if !mem::replace(&mut woken.queued[index], true) {
            woken.order.push(index as u32);
        }
    }

    /// Returns the next one that is due.
    pub(super) fn next(&mut self) -> Option<usize> {
        let index = *self.batch.get(self.taken)?;
        // Before its poll: one that panics has had its turn, and the others keep theirs.
        self.taken += 1;
        Some(index as usize)
    }

    /// Makes those due that were woken, and has `driver` woken for those to come.
    pub(super) fn gather_woken(&mut self, driver: &Waker) {
        self.batch.clear();
        self.taken = 0;
        self.shared.take_woken(&mut self.batch, driver);
    }

    /// Polls a child, with a waker that puts it into the list.
    pub(super) fn poll_child<T>(
        &mut self,
        index: usize,
        poll: impl FnOnce(&mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        if let Some(Some(waker)) = self.wakers.kept.get(index) {
            return poll(&mut Context::from_waker(waker));
        }
        let shared = &self.shared;
        let number = index as u32;
        if !self.wakers.cloned[index] {
            let first = First {
                shared,
                index: number,
                cloned: AtomicBool::new(false),
            };
            let polled = observe_waker(Waker::noop(), &first, |waker| {
                poll(&mut Context::from_waker(waker))
            });
            self.wakers.cloned[index] = first.cloned.into_inner();
            return polled;
        }
        let later = Later {
            shared,
            index: number,
            kept: OnceLock::new(),
        };
        let polled = observe_waker(Waker::noop(), &later, |waker| {
            poll(&mut Context::from_waker(waker))
        });
        if polled.is_pending() {
            if let Some(waker) = later.kept.into_inner() {
                self.wakers.keep(index, waker);
            }
        }
        polled
    }
}

impl Drop for WakeList {
    fn drop(&mut self) {
        // Wakers of children may be kept for long; they must not keep the driver's task alive.
        drop(self.shared.close());
    }
}

/// What the children's wakers are.
struct Wakers {
    /// Whether a child has ever cloned one.
    cloned: Vec<bool>,
    /// The wakers of children that cloned them in a second poll. Empty until there is one.
    kept: Vec<Option<Waker>>,
}

impl Wakers {
    #[cold]
    fn keep(&mut self, index: usize, waker: Waker) {
        if self.kept.len() <= index {
            self.kept.resize(self.cloned.len(), None);
        }
        self.kept[index] = Some(waker);
    }
}

/// The list, as the wakers see it.
pub(super) struct Shared {
    woken: Mutex<Woken>,
}

struct Woken {
    /// The numbers, in the order in which they were woken.
    order: Vec<u32>,
    /// Whether a number is in `order`.
    queued: Vec<bool>,
    /// Who is to be woken by the next wake-up.
    driver: Option<Waker>,
}

impl Shared {
    pub(super) fn new(len: usize) -> Self {
        Shared {
            woken: Mutex::new(Woken {
                order: Vec::new(),
                queued: vec![false; len],
                driver: None,
            }),
        }
    }

    /// Puts a child into the list, if it is not there, and wakes the driver, if it has not been
    /// woken since it looked.
    pub(super) fn wake(&self, index: u32) {
        let mut woken = lock(&self.woken);
        match woken.queued.get_mut(index as usize) {
            Some(queued) if !*queued => *queued = true,
            // It is in the list, or the list is closed.
            _ => return,
        }
        woken.order.push(index);
        let driver = woken.driver.take();
        drop(woken);
        if let Some(driver) = driver {
            driver.wake();
        }
    }

    /// Moves the list into `batch`, which is empty, and says who is to be woken from now on.
    pub(super) fn take_woken(&self, batch: &mut Vec<u32>, driver: &Waker) {
        // Cloning and dropping a waker is somebody else's code: neither happens under the lock. The
        // clone is mostly needed: a driver that has a turn was woken, which took its waker.
        let mut spare = Some(driver.clone());
        let mut woken = lock(&self.woken);
        if !matches!(&woken.driver, Some(known) if known.will_wake(driver)) {
            spare = mem::replace(&mut woken.driver, spare);
        }
        mem::swap(&mut woken.order, batch);
        for &index in &*batch {
            woken.queued[index as usize] = false;
        }
        drop(woken);
        drop(spare);
    }

    /// Forgets everything: the children are gone. Returns who would have been woken.
    pub(super) fn close(&self) -> Option<Waker> {
        let mut woken = lock(&self.woken);
        woken.order = Vec::new();
        woken.queued = Vec::new();
        woken.driver.take()
    }
}

/// The waker of a child.
struct ChildWaker {
    shared: Arc<Shared>,
    index: u32,
}

impl ChildWaker {
    fn make(shared: &Arc<Shared>, index: u32) -> Waker {
        Waker::from(Arc::new(ChildWaker {
            shared: Arc::clone(shared),
            index,
        }))
    }
}

impl Wake for ChildWaker {
    fn wake(self: Arc<Self>) {
        self.shared.wake(self.index);
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.shared.wake(self.index);
    }
}

/// Stands for the waker of a child that has not cloned one before: it becomes the owner of what is
/// made for it.
struct First<'a> {
    shared: &'a Arc<Shared>,
    index: u32,
    cloned: AtomicBool,
}

impl WakerObserver for First<'_> {
    fn clone_waker(&self, _: &Waker) -> Waker {
        self.cloned.store(true, Ordering::Relaxed);
        ChildWaker::make(self.shared, self.index)
    }

    fn wake_by_ref(&self, _: &Waker) {
        self.shared.wake(self.index);
    }
}

/// Stands for the waker of a child that has cloned one before: what is made for it now is kept.
struct Later<'a> {
    shared: &'a Arc<Shared>,
    index: u32,
    kept: OnceLock<Waker>,
}

impl WakerObserver for Later<'_> {
    fn clone_waker(&self, _: &Waker) -> Waker {
        let make = || ChildWaker::make(self.shared, self.index);
        self.kept.get_or_init(make).clone()
    }

    fn wake_by_ref(&self, _: &Waker) {
        self.shared.wake(self.index);
    }
}
