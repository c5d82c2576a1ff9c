//! Which children were woken, in which order.
//!
//! A child's waker puts its number into a list, and wakes whoever drives the children when it is the
//! first one since that one looked. So a turn costs what the woken children cost, however many
//! there are.
//!
//! The wakers of a few dozen children share an allocation. A child gets the same waker again and
//! again, so that it may notice by [`Waker::will_wake`].

use std::mem;
use std::sync::Arc;
use std::task::{Context, Waker};

use corokit_core::{NumberedWakers, WakeNumbered};

use crate::sync::{Mutex, lock};

/// The list, as the driver of the children sees it.
pub(super) struct WakeList {
    shared: Arc<Shared>,
    /// Those that were woken before the driver looked the last time.
    batch: Vec<u32>,
    /// How many of them have had their turn.
    taken: usize,
    /// The wakers of the children, in their order.
    wakers: Vec<NumberedWakers>,
}

impl WakeList {
    /// Makes a list for so many children, all of which are due.
    pub(super) fn all_woken(len: usize) -> Self {
        let last = u32::try_from(len).expect("fewer than 2^32 children");
        let mut list = WakeList {
            shared: Arc::new(Shared::new(len)),
            batch: (0..last).collect(),
            taken: 0,
            wakers: Vec::with_capacity(len.div_ceil(NumberedWakers::LEN)),
        };
        list.make_wakers(len);
        list
    }

    /// Makes a child due that has just come, after those that were woken before. Its number may have
    /// been another's.
    pub(super) fn insert(&mut self, index: usize) {
        self.make_wakers(index + 1);
        let mut woken = lock(&self.shared.woken);
        if index == woken.queued.len() {
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
    #[inline]
    pub(super) fn poll_child<R>(
        &self,
        index: usize,
        poll: impl FnOnce(&mut Context<'_>) -> R,
    ) -> R {
        let wakers = &self.wakers[index / NumberedWakers::LEN];
        wakers.with(index % NumberedWakers::LEN, |waker| {
            poll(&mut Context::from_waker(waker))
        })
    }

    /// Makes wakers for so many children, if there are fewer.
    fn make_wakers(&mut self, len: usize) {
        while self.wakers.len() * NumberedWakers::LEN < len {
            let first = self.wakers.len() * NumberedWakers::LEN;
            let wakers = NumberedWakers::new(self.shared.clone(), first as u32);
            self.wakers.push(wakers);
        }
    }
}

impl Drop for WakeList {
    fn drop(&mut self) {
        // Wakers of children may be kept for long; they must not keep the driver's task alive.
        drop(self.shared.close());
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

impl WakeNumbered for Shared {
    fn wake(&self, index: u32) {
        Shared::wake(self, index);
    }
}
