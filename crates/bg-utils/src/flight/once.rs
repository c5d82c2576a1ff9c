//! What a flight needs besides locks, with and without loom.

#[cfg(loom)]
use crate::sync::{Mutex, lock};

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
