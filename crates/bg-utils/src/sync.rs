//! The primitives under what threads share: those of std, or of loom where loom explores their
//! orders.

#[cfg(all(feature = "group", loom))]
pub(crate) use loom::sync::atomic::AtomicBool;
#[cfg(loom)]
pub(crate) use loom::sync::{Mutex, MutexGuard};
#[cfg(all(feature = "group", not(loom)))]
pub(crate) use std::sync::atomic::AtomicBool;
#[cfg(not(loom))]
pub(crate) use std::sync::{Mutex, MutexGuard};

/// Locks, whether or not somebody has panicked with the lock held.
///
/// The only code of users that runs under locks of this crate compares keys and clones values. If it
/// panics, nothing is left half done, so that poison says nothing.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner())
}
