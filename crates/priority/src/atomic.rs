//! A priority that is read without a lock.

use std::sync::atomic::Ordering::Relaxed;

use corokit_core::Priority;

use crate::sync::AtomicU64;

/// A priority that others read while it is changed. It orders nothing else.
pub(crate) struct AtomicPriority(AtomicU64);

impl AtomicPriority {
    pub(crate) fn new(priority: Priority) -> Self {
        AtomicPriority(AtomicU64::new(priority.value().to_bits()))
    }

    pub(crate) fn load(&self) -> Priority {
        let value = f64::from_bits(self.0.load(Relaxed));
        Priority::try_from(value).expect("it comes from a priority")
    }

    pub(crate) fn store(&self, priority: Priority) {
        self.0.store(priority.value().to_bits(), Relaxed);
    }
}
