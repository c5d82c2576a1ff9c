//! The mutex and its guards. Unsafe code is for the data; else only the word and the reader-writer lock
//! have any.

#![expect(unsafe_code, reason = "the data of the mutex")]

use std::cell::UnsafeCell;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::Instant;

use corokit_core::{Priority, TimedOut};

use super::front::Front;
use super::lock::{Ask, Lock, LockArc, LockChecked};
use crate::blocking::{block_on, block_on_until};
use crate::current::{current, lend_current};

/// An asynchronous mutex that goes to the most urgent one who waits, and lends its holder the
/// priority of the most urgent one.
///
/// # Order
///
/// By the live priorities of the waiting tasks, and first in, first out among equals. A release hands
/// the lock over at once; nobody overtakes but one who is strictly more urgent than a waiter that has
/// not taken up what it was granted. A waiter whose priority changes keeps its arrival.
///
/// The priority is that of the task that asks: see [`scope`](crate::scope). One that is no task is
/// [`Priority::NORMAL`], and nothing can be lent to it.
///
/// # Inheritance
///
/// While somebody more urgent waits, the holder is as urgent as that one: in the queue of its
/// executor, and in every line in which it waits itself, and so on through chains of any length. It
/// ends at once when the waiter is served, goes away, or becomes less urgent; in a cycle of tasks that
/// wait for each other, when the cycle ends.
///
/// # Cancel safety
///
/// Dropping a waiting future is never having waited: a grant passes to the next in line.
///
/// Source: `asynkit.PriorityLock`.
///
/// # Examples
///
/// ```
/// use corokit_priority::{Priority, PriorityMutex, TaskNode, scope, scope_as};
/// use futures_lite::future::{block_on, poll_once};
///
/// let mutex = PriorityMutex::new(0);
/// let node = TaskNode::new(Priority::LOW);
/// block_on(async {
///     let guard = scope_as(node.clone(), mutex.lock()).await;
///     let mut urgent = Box::pin(scope(Priority::HIGH, mutex.lock()));
///     assert!(poll_once(&mut urgent).await.is_none());
///     // The one that holds the lock is as urgent as the one that waits for it.
///     assert_eq!(node.effective_priority(), Priority::HIGH);
///     drop(guard);
///     assert_eq!(node.effective_priority(), Priority::LOW);
///     *urgent.await += 1;
/// });
/// assert_eq!(mutex.into_inner(), 1);
/// ```
pub struct PriorityMutex<T: ?Sized> {
    front: Front,
    data: UnsafeCell<T>,
}

// SAFETY: the mutex owns its data, so it may go to another thread if the data may. What else is in it
// may go anywhere.
unsafe impl<T: ?Sized + Send> Send for PriorityMutex<T> {}

// SAFETY: a shared mutex gives out the data only through guards, and there is at most one guard at a
// time: the word and the line have one holder. So sharing the mutex moves access to the data from thread to thread,
// for which it has to be `Send`, and never shares it.
unsafe impl<T: ?Sized + Send> Sync for PriorityMutex<T> {}

impl<T> PriorityMutex<T> {
    /// Makes a mutex.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_priority::PriorityMutex;
    ///
    /// static COUNT: PriorityMutex<u32> = PriorityMutex::new(0);
    /// *COUNT.lock_blocking() += 1;
    /// assert_eq!(*COUNT.lock_blocking(), 1);
    /// ```
    pub const fn new(data: T) -> Self {
        PriorityMutex {
            front: Front::new(None),
            data: UnsafeCell::new(data),
        }
    }

    /// Makes a mutex with a name, for reports of deadlocks.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_priority::PriorityMutex;
    ///
    /// static CACHE: PriorityMutex<Vec<u8>> = PriorityMutex::named(Vec::new(), "cache");
    /// assert!(CACHE.lock_blocking().is_empty());
    /// ```
    pub const fn named(data: T, name: &'static str) -> Self {
        PriorityMutex {
            front: Front::new(Some(name)),
            data: UnsafeCell::new(data),
        }
    }

    /// Returns the data.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(corokit_priority::PriorityMutex::new(1).into_inner(), 1);
    /// ```
    pub fn into_inner(self) -> T {
        self.data.into_inner()
    }
}

impl<T: ?Sized> PriorityMutex<T> {
    /// Waits for the lock.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives up the place in the line.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_priority::PriorityMutex;
    /// use futures_lite::future::block_on;
    ///
    /// let mutex = PriorityMutex::new(1);
    /// assert_eq!(block_on(async { *mutex.lock().await }), 1);
    /// ```
    pub fn lock(&self) -> Lock<'_, T> {
        Lock::new(self, Ask::new(None))
    }

    /// Waits for the lock with a priority that does not follow the task's, and is what is lent.
    ///
    /// # Cancel safety
    ///
    /// As [`lock`](PriorityMutex::lock).
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_priority::{Priority, PriorityMutex};
    /// use futures_lite::future::block_on;
    ///
    /// let mutex = PriorityMutex::new(1);
    /// assert_eq!(block_on(async { *mutex.lock_at(Priority::HIGH).await }), 1);
    /// ```
    pub fn lock_at(&self, priority: Priority) -> Lock<'_, T> {
        Lock::new(self, Ask::new(Some(priority)))
    }

    /// Waits for the lock, unless the caller would wait for itself.
    ///
    /// That is looked for when the caller starts to wait. A cycle of tasks is not always a deadlock:
    /// one of them may wait for something else as well, or only for a time. So [`lock`] does not
    /// look.
    ///
    /// [`lock`]: PriorityMutex::lock
    ///
    /// # Errors
    ///
    /// [`Deadlock`](crate::Deadlock) with the tasks that wait for each other. The caller does not wait
    /// then.
    ///
    /// # Cancel safety
    ///
    /// As [`lock`].
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_priority::PriorityMutex;
    /// use futures_lite::future::block_on;
    ///
    /// let mutex = PriorityMutex::new(1);
    /// assert_eq!(block_on(mutex.lock_checked()).map(|guard| *guard), Ok(1));
    /// ```
    pub fn lock_checked(&self) -> LockChecked<'_, T> {
        LockChecked::new(self)
    }

    /// Takes the lock if it is free and nobody waits for it.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_priority::PriorityMutex;
    ///
    /// let mutex = PriorityMutex::new(1);
    /// let guard = mutex.try_lock().unwrap();
    /// assert!(mutex.try_lock().is_none());
    /// drop(guard);
    /// assert!(mutex.try_lock().is_some());
    /// ```
    pub fn try_lock(&self) -> Option<PriorityMutexGuard<'_, T>> {
        let acquired = self.front.try_acquire(&mut lend_current());
        acquired.then(|| self.guard())
    }

    /// Blocks the thread until it has the lock.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(*corokit_priority::PriorityMutex::new(1).lock_blocking(), 1);
    /// ```
    pub fn lock_blocking(&self) -> PriorityMutexGuard<'_, T> {
        block_on(self.lock())
    }

    /// Blocks the thread until it has the lock, or until `deadline`.
    ///
    /// # Errors
    ///
    /// [`TimedOut`], if the deadline passed first.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_priority::PriorityMutex;
    /// use std::time::Instant;
    ///
    /// let mutex = PriorityMutex::new(1);
    /// let _guard = mutex.lock_blocking();
    /// assert!(mutex.lock_deadline(Instant::now()).is_err());
    /// ```
    pub fn lock_deadline(&self, deadline: Instant) -> Result<PriorityMutexGuard<'_, T>, TimedOut> {
        block_on_until(deadline, self.lock())
    }

    /// Waits for the lock; the guard keeps the mutex alive, and so borrows nothing.
    ///
    /// # Cancel safety
    ///
    /// As [`lock`](PriorityMutex::lock).
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_priority::PriorityMutex;
    /// use futures_lite::future::block_on;
    /// use std::sync::Arc;
    ///
    /// let mutex = Arc::new(PriorityMutex::new(1));
    /// let guard = block_on(mutex.lock_arc());
    /// drop(mutex);
    /// assert_eq!(*guard, 1);
    /// ```
    pub fn lock_arc(self: &Arc<Self>) -> LockArc<T> {
        LockArc::new(Arc::clone(self))
    }

    /// Takes the lock if it is free, with a guard that borrows nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_priority::PriorityMutex;
    /// use std::sync::Arc;
    ///
    /// let mutex = Arc::new(PriorityMutex::new(1));
    /// let guard = mutex.try_lock_arc();
    /// assert!(guard.is_some() && mutex.try_lock_arc().is_none());
    /// ```
    pub fn try_lock_arc(self: &Arc<Self>) -> Option<PriorityMutexGuardArc<T>> {
        let acquired = self.front.try_acquire(&mut lend_current());
        acquired.then(|| self.guard_arc())
    }

    /// Returns how urgent the most urgent one is who waits for the lock; `None` if nobody does.
    ///
    /// Source: `asynkit.PriorityLock.effective_priority`.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_priority::{Priority, PriorityMutex};
    /// use futures_lite::future::{block_on, poll_once};
    ///
    /// let mutex = PriorityMutex::new(());
    /// let _guard = mutex.lock_blocking();
    /// assert_eq!(mutex.effective_priority(), None);
    /// let mut waits = mutex.lock_at(Priority::HIGH);
    /// assert!(block_on(poll_once(&mut waits)).is_none());
    /// assert_eq!(mutex.effective_priority(), Some(Priority::HIGH));
    /// ```
    pub fn effective_priority(&self) -> Option<Priority> {
        self.front.waiting_priority()
    }

    /// Returns the data, to which nobody else has access.
    ///
    /// # Examples
    ///
    /// ```
    /// let mut mutex = corokit_priority::PriorityMutex::new(1);
    /// *mutex.get_mut() += 1;
    /// assert_eq!(mutex.into_inner(), 2);
    /// ```
    pub fn get_mut(&mut self) -> &mut T {
        self.data.get_mut()
    }

    pub(super) fn front(&self) -> &Front {
        &self.front
    }

    /// Makes a guard for somebody who has just got the lock.
    pub(super) fn guard(&self) -> PriorityMutexGuard<'_, T> {
        PriorityMutexGuard { mutex: self }
    }

    /// Makes a guard that borrows nothing, for somebody who has just got the lock.
    pub(super) fn guard_arc(self: &Arc<Self>) -> PriorityMutexGuardArc<T> {
        PriorityMutexGuardArc {
            mutex: Arc::clone(self),
        }
    }
}

impl<T: Default> Default for PriorityMutex<T> {
    fn default() -> Self {
        PriorityMutex::new(T::default())
    }
}

impl<T> From<T> for PriorityMutex<T> {
    fn from(data: T) -> Self {
        PriorityMutex::new(data)
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for PriorityMutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("PriorityMutex");
        match self.try_lock() {
            Some(guard) => debug.field("data", &&*guard),
            None => debug.field("data", &format_args!("<locked>")),
        };
        debug.finish()
    }
}

/// Has the lock until it is dropped. It may be dropped by another task, and on another thread.
#[must_use = "dropping a guard releases the lock"]
pub struct PriorityMutexGuard<'m, T: ?Sized> {
    mutex: &'m PriorityMutex<T>,
}

/// Has the lock until it is dropped, and keeps the mutex alive.
#[must_use = "dropping a guard releases the lock"]
pub struct PriorityMutexGuardArc<T: ?Sized> {
    mutex: Arc<PriorityMutex<T>>,
}

impl<'m, T: ?Sized> PriorityMutexGuard<'m, T> {
    /// Returns the mutex.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_priority::PriorityMutex;
    ///
    /// let mutex = PriorityMutex::new(1);
    /// let guard = mutex.lock_blocking();
    /// assert!(guard.source().try_lock().is_none());
    /// ```
    pub fn source(&self) -> &'m PriorityMutex<T> {
        self.mutex
    }
}

impl<T: ?Sized> PriorityMutexGuardArc<T> {
    /// Returns the mutex.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_priority::PriorityMutex;
    /// use std::sync::Arc;
    ///
    /// let mutex = Arc::new(PriorityMutex::new(1));
    /// let guard = mutex.try_lock_arc().unwrap();
    /// assert!(Arc::ptr_eq(guard.source(), &mutex));
    /// ```
    pub fn source(&self) -> &Arc<PriorityMutex<T>> {
        &self.mutex
    }
}

/// Writes what both guards do.
macro_rules! guard {
    ($guard:ident [$($lifetime:lifetime)?]) => {
        // SAFETY: sharing a guard shares the data, and nothing else can be done with it.
        unsafe impl<T: ?Sized + Send + Sync> Sync for $guard<$($lifetime,)? T> {}

        impl<T: ?Sized> $guard<$($lifetime,)? T> {
            /// Makes the running task the holder: what is lent to the holder is lent to that one from now
            /// on. For a guard that was given to another task.
            ///
            /// # Examples
            ///
            /// ```
            /// use corokit_priority::{Priority, PriorityMutex, TaskNode, scope_as};
            /// use futures_lite::future::{block_on, poll_once};
            ///
            /// let mutex = PriorityMutex::new(());
            /// let node = TaskNode::new(Priority::LOW);
            /// block_on(async {
            ///     let guard = mutex.lock().await;
            ///     let adopted = scope_as(node.clone(), async { guard.adopt() });
            ///     adopted.await;
            ///     let mut urgent = mutex.lock_at(Priority::HIGH);
            ///     assert!(poll_once(&mut urgent).await.is_none());
            ///     assert_eq!(node.effective_priority(), Priority::HIGH);
            /// });
            /// ```
            pub fn adopt(&self) {
                self.mutex.front.adopt(current());
            }
        }

        impl<T: ?Sized> Deref for $guard<$($lifetime,)? T> {
            type Target = T;

            fn deref(&self) -> &T {
                // SAFETY: there is one guard at a time, and it is borrowed for as long as the data.
                unsafe { &*self.mutex.data.get() }
            }
        }

        impl<T: ?Sized> DerefMut for $guard<$($lifetime,)? T> {
            fn deref_mut(&mut self) -> &mut T {
                // SAFETY: as above, and it is borrowed alone.
                unsafe { &mut *self.mutex.data.get() }
            }
        }

        impl<T: ?Sized> Drop for $guard<$($lifetime,)? T> {
            fn drop(&mut self) {
                self.mutex.front.release();
            }
        }

        impl<T: ?Sized + fmt::Debug> fmt::Debug for $guard<$($lifetime,)? T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                T::fmt(self, f)
            }
        }
    };
}

guard!(PriorityMutexGuard['_]);
guard!(PriorityMutexGuardArc[]);
