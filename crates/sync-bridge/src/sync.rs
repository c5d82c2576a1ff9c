//! The primitives of what is shared between threads: those of std, or of loom where loom explores
//! their orders.

// Each feature uses a part of them.
#![allow(unused_imports, unused_macros)]

#[cfg(loom)]
pub(crate) use loom::sync::{
    Mutex, MutexGuard,
    atomic::{AtomicU64, AtomicUsize},
};
use std::sync::PoisonError;
#[cfg(not(loom))]
pub(crate) use std::sync::{
    Mutex, MutexGuard,
    atomic::{AtomicU64, AtomicUsize},
};

/// Locks a mutex, whoever panicked while it was locked: nothing that can panic leaves the state
/// behind half changed.
#[inline]
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes a function `const`, save under loom, whose mutexes are made at run time.
macro_rules! const_unless_loom {
    ($(#[$meta:meta])* pub const fn $($rest:tt)*) => {
        $(#[$meta])*
        #[cfg(not(loom))]
        pub const fn $($rest)*

        $(#[$meta])*
        #[cfg(loom)]
        pub fn $($rest)*
    };
}
pub(crate) use const_unless_loom;
