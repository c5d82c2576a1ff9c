//! Waking several, one after the other.

use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::task::Waker;
use std::thread;

/// Those who are to be woken when the lock is released: they are woken when this is dropped, in
/// their order. It is made before the lock is taken, so that this comes about also if a comparison
/// panics.
///
/// A waker that panics does not keep the others from being woken; the first panic goes on after
/// that.
#[derive(Default)]
pub(crate) struct Wakes {
    first: Option<Waker>,
    more: Vec<Waker>,
}

impl Wakes {
    #[inline]
    pub(crate) fn add(&mut self, waker: Option<Waker>) {
        match waker {
            None => {}
            Some(waker) if self.first.is_none() => self.first = Some(waker),
            Some(waker) => self.more.push(waker),
        }
    }

    #[cold]
    #[inline(never)]
    fn wake_many(&mut self, first: Waker) {
        let mut panic = None;
        for waker in [first].into_iter().chain(mem::take(&mut self.more)) {
            if let Err(payload) = catch_unwind(AssertUnwindSafe(|| waker.wake())) {
                panic.get_or_insert(payload);
            }
        }
        if let Some(payload) = panic.filter(|_| !thread::panicking()) {
            resume_unwind(payload);
        }
    }
}

impl Drop for Wakes {
    #[inline]
    fn drop(&mut self) {
        match self.first.take() {
            None => {}
            Some(first) if self.more.is_empty() => first.wake(),
            Some(first) => self.wake_many(first),
        }
    }
}

impl Extend<Waker> for Wakes {
    fn extend<I: IntoIterator<Item = Waker>>(&mut self, wakers: I) {
        for waker in wakers {
            self.add(Some(waker));
        }
    }
}
