//! A waker that counts.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Wake, Waker};

#[derive(Default)]
pub(crate) struct Wakes(Arc<Count>);

#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Wakes {
    pub(crate) fn waker(&self) -> Waker {
        Arc::clone(&self.0).into()
    }

    /// Returns how often it was woken since the last time.
    pub(crate) fn take(&self) -> usize {
        self.0.0.swap(0, Ordering::Relaxed)
    }
}
