//! The primitives of a flight: those of std, or of loom where loom explores their orders.

#[cfg(loom)]
pub(crate) use loom::sync::{Mutex, MutexGuard};
#[cfg(not(loom))]
pub(crate) use std::sync::{Mutex, MutexGuard};

use std::sync::PoisonError;

/// Locks a mutex. Code of the user that panics under a lock of ours, such as a comparison of keys,
/// leaves nothing half done, so that poison says nothing.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A value that is set once, and then read without a lock.
#[cfg(not(loom))]
pub(crate) struct Once<T>(std::sync::OnceLock<T>);

#[cfg(not(loom))]
impl<T: Clone> Once<T> {
    pub(crate) fn new() -> Self {
        Once(std::sync::OnceLock::new())
    }

    /// Sets the value, which must not have been set before.
    pub(crate) fn set(&self, value: T) {
        let result = self.0.set(value);
        debug_assert!(result.is_ok(), "it is set once");
    }

    pub(crate) fn get(&self) -> Option<T> {
        self.0.get().cloned()
    }
}

/// The same for loom, which has no such thing.
#[cfg(loom)]
pub(crate) struct Once<T>(Mutex<Option<T>>);

#[cfg(loom)]
impl<T: Clone> Once<T> {
    pub(crate) fn new() -> Self {
        Once(Mutex::new(None))
    }

    pub(crate) fn set(&self, value: T) {
        assert!(lock(&self.0).replace(value).is_none(), "it is set once");
    }

    pub(crate) fn get(&self) -> Option<T> {
        lock(&self.0).clone()
    }
}
