//! The primitives of what is shared between threads: those of std, or of loom where loom explores
//! their orders.

#![allow(
    dead_code,
    unused_imports,
    unused_macros,
    reason = "each feature uses a part of them"
)]

#[cfg(loom)]
pub(crate) use loom::{
    sync::{
        Condvar, Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize},
    },
    thread,
};
use std::sync::{PoisonError, TryLockError};
#[cfg(not(loom))]
pub(crate) use std::{
    sync::{
        Condvar, Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize},
    },
    thread,
};

/// Locks a mutex, whoever panicked while it was locked: nothing that can panic leaves the state
/// behind half changed.
#[inline]
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Locks a mutex that is held for moments only, and that threads contend for: it tries for a while
/// before it sleeps. Each that sleeps costs two calls of the system, and the one that holds the
/// lock has to make one of them.
#[inline]
pub(crate) fn lock_eagerly<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    match try_lock(mutex) {
        Some(guard) => guard,
        None => lock_contended(mutex),
    }
}

#[inline]
fn try_lock<T>(mutex: &Mutex<T>) -> Option<MutexGuard<'_, T>> {
    match mutex.try_lock() {
        Ok(guard) => Some(guard),
        Err(TryLockError::Poisoned(guard)) => Some(guard.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }
}

#[cold]
#[inline(never)]
fn lock_contended<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    #[cfg(not(loom))]
    for round in 0..SPIN_ROUNDS {
        for _ in 0..1 << round {
            std::hint::spin_loop();
        }
        if let Some(guard) = try_lock(mutex) {
            return guard;
        }
    }
    lock(mutex)
}

/// Each round waits twice as long as the one before.
#[cfg(not(loom))]
const SPIN_ROUNDS: u32 = 7;

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

/// Makes a variable that each thread has for itself.
macro_rules! per_thread {
    ($(#[$meta:meta])* static $name:ident: $type:ty = $value:expr;) => {
        #[cfg(not(loom))]
        std::thread_local! {
            $(#[$meta])*
            static $name: $type = const { $value };
        }
        #[cfg(loom)]
        loom::thread_local! {
            $(#[$meta])*
            static $name: $type = $value;
        }
    };
}
pub(crate) use per_thread;
