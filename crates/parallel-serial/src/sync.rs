//! The primitives under what threads share: those of std, or of loom where loom explores their orders.

#![cfg_attr(
    not(all(feature = "plan", feature = "fleet")),
    allow(unused_imports, reason = "each feature uses some of them")
)]

#[cfg(loom)]
pub(crate) use loom::sync::atomic::{AtomicBool, AtomicUsize};
#[cfg(loom)]
pub(crate) use loom::sync::{Mutex, MutexGuard};
#[cfg(not(loom))]
pub(crate) use std::sync::atomic::{AtomicBool, AtomicUsize};
#[cfg(not(loom))]
pub(crate) use std::sync::{Mutex, MutexGuard};

pub(crate) use std::sync::atomic::Ordering;

pub(crate) use std::sync::PoisonError;

/// Locks. No user code runs while one of these locks is held, so nothing is ever half done when
/// somebody panics.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
