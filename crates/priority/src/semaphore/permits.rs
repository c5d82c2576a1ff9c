//! The permits that are to be had, while nobody waits.

use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use crate::sync::AtomicUsize;

/// The number of permits, or that there are none and somebody waits: then everything is in the line,
/// and only who has the line locked changes the number.
pub(super) struct Permits(AtomicUsize);

/// Stands for no permits, and somebody waits.
const CONTENDED: usize = usize::MAX;

/// How many permits there can be.
const MAX: usize = usize::MAX - 1;

/// Permits are for the line to give back.
#[derive(Debug)]
pub(super) struct IsContended;

impl Permits {
    pub(super) const fn new(permits: usize) -> Self {
        assert!(permits <= MAX, "more permits than can be counted");
        Permits(AtomicUsize::new(permits))
    }

    pub(super) fn count(&self) -> usize {
        match self.0.load(Relaxed) {
            CONTENDED => 0,
            permits => permits,
        }
    }

    /// Takes a permit, if there is one.
    #[inline]
    pub(super) fn try_take(&self) -> bool {
        let mut permits = self.0.load(Relaxed);
        while permits != 0 && permits != CONTENDED {
            let less = permits - 1;
            match self
                .0
                .compare_exchange_weak(permits, less, Acquire, Relaxed)
            {
                Ok(_) => return true,
                Err(now) => permits = now,
            }
        }
        false
    }

    /// Gives permits back, unless somebody waits for them.
    ///
    /// # Panics
    ///
    /// Panics if there are more than can be counted then; nothing has changed.
    #[inline]
    pub(super) fn try_give(&self, count: usize) -> Result<(), IsContended> {
        let mut permits = self.0.load(Relaxed);
        while permits != CONTENDED {
            let more = permits.checked_add(count).filter(|more| *more <= MAX);
            let more = more.expect("more permits than can be counted");
            match self
                .0
                .compare_exchange_weak(permits, more, Release, Relaxed)
            {
                Ok(_) => return Ok(()),
                Err(now) => permits = now,
            }
        }
        Err(IsContended)
    }

    /// Takes a permit if there is one; otherwise it is contended from now on. The caller has the line
    /// locked.
    pub(super) fn take_or_contend(&self) -> bool {
        loop {
            if self.try_take() {
                return true;
            }
            match self.0.compare_exchange(0, CONTENDED, Relaxed, Relaxed) {
                Ok(_) | Err(CONTENDED) => return false,
                Err(_) => {}
            }
        }
    }

    /// Ends it that it is contended, with so many permits. The caller has the line locked, and nobody
    /// waits.
    pub(super) fn settle(&self, permits: usize) {
        debug_assert!(self.0.load(Relaxed) == CONTENDED);
        self.0.store(permits.min(MAX), Release);
    }
}
