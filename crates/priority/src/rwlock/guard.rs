//! The lock and its guards: with the mutex's, the only unsafe code of this crate, for the data.

#![expect(unsafe_code, reason = "the data of the lock")]

use std::cell::UnsafeCell;
use std::fmt;
use std::mem;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use corokit_core::{Priority, TimedOut};

use super::line::{Access, Line, SPENT, Ticket};
use super::lock::{ReadLock, ReadLockArc, WriteLock, WriteLockArc, checked};
use crate::blocking::{block_on, block_on_until};
use crate::current::current;
use crate::deadlock::Deadlock;

/// An asynchronous lock for many readers or one writer, which goes to the most urgent ones who wait,
/// and lends its holders the priority of the most urgent one.
///
/// # Order
///
/// By the live priorities of the waiting tasks, readers and writers in one line, and first in, first
/// out among equals. Nobody overtakes one who is as urgent, though there may be room: a reader waits
/// behind a writer that waits. So neither readers nor writers starve others of their priority. One who is strictly
/// more urgent than all who wait goes first, if there is room.
///
/// A task that reads, and asks to read again, may so wait for a writer that waits for the task:
/// [`read_checked`](PriorityRwLock::read_checked) notices that.
///
/// # Inheritance
///
/// While somebody more urgent waits, the writer, or each of the readers, is as urgent as that one, as
/// with [`PriorityMutex`](crate::PriorityMutex). A change costs as much as there are readers.
///
/// # Cancel safety
///
/// Dropping a waiting future is never having waited: a grant passes to the next in line.
///
/// # Examples
///
/// ```
/// use corokit_priority::PriorityRwLock;
/// use futures_lite::future::block_on;
///
/// let settings = PriorityRwLock::new(1);
/// block_on(async {
///     let readers = (settings.read().await, settings.read().await);
///     assert_eq!(*readers.0 + *readers.1, 2);
///     assert!(settings.try_write().is_none());
///     drop(readers);
///     *settings.write().await += 1;
/// });
/// assert_eq!(settings.into_inner(), 2);
/// ```
pub struct PriorityRwLock<T: ?Sized> {
    /// Made at the first use.
    line: OnceLock<Arc<Line>>,
    name: Option<&'static str>,
    data: UnsafeCell<T>,
}

// SAFETY: the lock owns its data, so it may go to another thread if the data may. What else is in it
// may go anywhere.
unsafe impl<T: ?Sized + Send> Send for PriorityRwLock<T> {}

// SAFETY: a shared lock gives out the data only through guards: `Line` has one writer, or readers. The
// readers share the data between threads, for which it has to be `Sync`, and writers move it from
// thread to thread, for which it has to be `Send`.
unsafe impl<T: ?Sized + Send + Sync> Sync for PriorityRwLock<T> {}

impl<T> PriorityRwLock<T> {
    /// Makes a lock.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_priority::PriorityRwLock;
    ///
    /// static LEVEL: PriorityRwLock<u32> = PriorityRwLock::new(0);
    /// *LEVEL.write_blocking() += 1;
    /// assert_eq!(*LEVEL.read_blocking(), 1);
    /// ```
    pub const fn new(data: T) -> Self {
        PriorityRwLock {
            line: OnceLock::new(),
            name: None,
            data: UnsafeCell::new(data),
        }
    }

    /// Makes a lock with a name, for reports of deadlocks.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_priority::PriorityRwLock;
    ///
    /// static ROUTES: PriorityRwLock<Vec<u8>> = PriorityRwLock::named(Vec::new(), "routes");
    /// assert!(ROUTES.read_blocking().is_empty());
    /// ```
    pub const fn named(data: T, name: &'static str) -> Self {
        PriorityRwLock {
            line: OnceLock::new(),
            name: Some(name),
            data: UnsafeCell::new(data),
        }
    }

    /// Returns the data.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(corokit_priority::PriorityRwLock::new(1).into_inner(), 1);
    /// ```
    pub fn into_inner(self) -> T {
        self.data.into_inner()
    }
}

impl<T: ?Sized> PriorityRwLock<T> {
    /// Waits for the lock, to read.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives up the place in the line.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_priority::PriorityRwLock;
    /// use futures_lite::future::block_on;
    ///
    /// let lock = PriorityRwLock::new(1);
    /// assert_eq!(block_on(async { *lock.read().await }), 1);
    /// ```
    pub fn read(&self) -> ReadLock<'_, T> {
        ReadLock::new(self, None)
    }

    /// Waits for the lock, to read, with a priority that does not follow the task's, and is what is
    /// lent.
    ///
    /// # Cancel safety
    ///
    /// As [`read`](PriorityRwLock::read).
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_priority::{Priority, PriorityRwLock};
    /// use futures_lite::future::block_on;
    ///
    /// let lock = PriorityRwLock::new(1);
    /// assert_eq!(block_on(async { *lock.read_at(Priority::HIGH).await }), 1);
    /// ```
    pub fn read_at(&self, priority: Priority) -> ReadLock<'_, T> {
        ReadLock::new(self, Some(priority))
    }

    /// Waits for the lock, to read, unless the caller would wait for itself: see
    /// [`PriorityMutex::lock_checked`](crate::PriorityMutex::lock_checked).
    ///
    /// # Errors
    ///
    /// [`Deadlock`] with the tasks that wait for each other. The caller does not wait then.
    ///
    /// # Cancel safety
    ///
    /// As [`read`](PriorityRwLock::read).
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_priority::{Priority, PriorityRwLock, scope};
    /// use futures_lite::future::block_on;
    ///
    /// let lock = PriorityRwLock::new(());
    /// block_on(scope(Priority::NORMAL, async {
    ///     let _guard = lock.write_checked().await.unwrap();
    ///     assert!(lock.read_checked().await.is_err());
    /// }));
    /// ```
    pub async fn read_checked(&self) -> Result<PriorityReadGuard<'_, T>, Deadlock> {
        checked(self.line(), self.read()).await
    }

    /// Takes the lock, to read, if there is room and nobody waits for it.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_priority::PriorityRwLock;
    ///
    /// let lock = PriorityRwLock::new(1);
    /// let guard = lock.try_write();
    /// assert!(guard.is_some() && lock.try_read().is_none());
    /// drop(guard);
    /// assert!(lock.try_read().is_some());
    /// ```
    pub fn try_read(&self) -> Option<PriorityReadGuard<'_, T>> {
        let ticket = self.line().try_acquire(Access::Read, current());
        ticket.map(|ticket| PriorityReadGuard { lock: self, ticket })
    }

    /// Blocks the thread until it can read.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(*corokit_priority::PriorityRwLock::new(1).read_blocking(), 1);
    /// ```
    pub fn read_blocking(&self) -> PriorityReadGuard<'_, T> {
        block_on(self.read())
    }

    /// Blocks the thread until it can read, or until `deadline`.
    ///
    /// # Errors
    ///
    /// [`TimedOut`], if the deadline passed first.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_priority::PriorityRwLock;
    /// use std::time::Instant;
    ///
    /// let lock = PriorityRwLock::new(1);
    /// let _guard = lock.write_blocking();
    /// assert!(lock.read_deadline(Instant::now()).is_err());
    /// ```
    pub fn read_deadline(&self, deadline: Instant) -> Result<PriorityReadGuard<'_, T>, TimedOut> {
        block_on_until(deadline, self.read())
    }

    /// Waits for the lock, to read; the guard keeps the lock alive, and so borrows nothing.
    ///
    /// # Cancel safety
    ///
    /// As [`read`](PriorityRwLock::read).
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_priority::PriorityRwLock;
    /// use futures_lite::future::block_on;
    /// use std::sync::Arc;
    ///
    /// let lock = Arc::new(PriorityRwLock::new(1));
    /// let guard = block_on(lock.read_arc());
    /// drop(lock);
    /// assert_eq!(*guard, 1);
    /// ```
    pub fn read_arc(self: &Arc<Self>) -> ReadLockArc<T> {
        ReadLockArc::new(Arc::clone(self), None)
    }

    /// Takes the lock, to read, if there is room, with a guard that borrows nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_priority::PriorityRwLock;
    /// use std::sync::Arc;
    ///
    /// let lock = Arc::new(PriorityRwLock::new(1));
    /// assert_eq!(lock.try_read_arc().map(|guard| *guard), Some(1));
    /// ```
    pub fn try_read_arc(self: &Arc<Self>) -> Option<PriorityReadGuardArc<T>> {
        let ticket = self.line().try_acquire(Access::Read, current());
        ticket.map(|ticket| PriorityReadGuardArc::new(self, ticket))
    }

    /// Waits for the lock, to write.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives up the place in the line.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_priority::PriorityRwLock;
    /// use futures_lite::future::block_on;
    ///
    /// let lock = PriorityRwLock::new(1);
    /// assert_eq!(block_on(async { *lock.write().await }), 1);
    /// ```
    pub fn write(&self) -> WriteLock<'_, T> {
        WriteLock::new(self, None)
    }

    /// Waits for the lock, to write, with a priority that does not follow the task's, and is what is
    /// lent.
    ///
    /// # Cancel safety
    ///
    /// As [`write`](PriorityRwLock::write).
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_priority::{Priority, PriorityRwLock};
    /// use futures_lite::future::block_on;
    ///
    /// let lock = PriorityRwLock::new(1);
    /// assert_eq!(block_on(async { *lock.write_at(Priority::HIGH).await }), 1);
    /// ```
    pub fn write_at(&self, priority: Priority) -> WriteLock<'_, T> {
        WriteLock::new(self, Some(priority))
    }

    /// Waits for the lock, to write, unless the caller would wait for itself: see
    /// [`PriorityMutex::lock_checked`](crate::PriorityMutex::lock_checked).
    ///
    /// # Errors
    ///
    /// [`Deadlock`] with the tasks that wait for each other. The caller does not wait then.
    ///
    /// # Cancel safety
    ///
    /// As [`write`](PriorityRwLock::write).
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_priority::{Priority, PriorityRwLock, scope};
    /// use futures_lite::future::block_on;
    ///
    /// let lock = PriorityRwLock::new(());
    /// block_on(scope(Priority::NORMAL, async {
    ///     let _guard = lock.write_checked().await.unwrap();
    ///     assert!(lock.write_checked().await.is_err());
    /// }));
    /// ```
    pub async fn write_checked(&self) -> Result<PriorityWriteGuard<'_, T>, Deadlock> {
        checked(self.line(), self.write()).await
    }

    /// Takes the lock, to write, if there is room and nobody waits for it.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_priority::PriorityRwLock;
    ///
    /// let lock = PriorityRwLock::new(1);
    /// let guard = lock.try_write();
    /// assert!(guard.is_some() && lock.try_write().is_none());
    /// drop(guard);
    /// assert!(lock.try_write().is_some());
    /// ```
    pub fn try_write(&self) -> Option<PriorityWriteGuard<'_, T>> {
        let ticket = self.line().try_acquire(Access::Write, current());
        ticket.map(|ticket| PriorityWriteGuard { lock: self, ticket })
    }

    /// Blocks the thread until it can write.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(*corokit_priority::PriorityRwLock::new(1).write_blocking(), 1);
    /// ```
    pub fn write_blocking(&self) -> PriorityWriteGuard<'_, T> {
        block_on(self.write())
    }

    /// Blocks the thread until it can write, or until `deadline`.
    ///
    /// # Errors
    ///
    /// [`TimedOut`], if the deadline passed first.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_priority::PriorityRwLock;
    /// use std::time::Instant;
    ///
    /// let lock = PriorityRwLock::new(1);
    /// let _guard = lock.write_blocking();
    /// assert!(lock.write_deadline(Instant::now()).is_err());
    /// ```
    pub fn write_deadline(&self, deadline: Instant) -> Result<PriorityWriteGuard<'_, T>, TimedOut> {
        block_on_until(deadline, self.write())
    }

    /// Waits for the lock, to write; the guard keeps the lock alive, and so borrows nothing.
    ///
    /// # Cancel safety
    ///
    /// As [`write`](PriorityRwLock::write).
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_priority::PriorityRwLock;
    /// use futures_lite::future::block_on;
    /// use std::sync::Arc;
    ///
    /// let lock = Arc::new(PriorityRwLock::new(1));
    /// let guard = block_on(lock.write_arc());
    /// drop(lock);
    /// assert_eq!(*guard, 1);
    /// ```
    pub fn write_arc(self: &Arc<Self>) -> WriteLockArc<T> {
        WriteLockArc::new(Arc::clone(self), None)
    }

    /// Takes the lock, to write, if there is room, with a guard that borrows nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_priority::PriorityRwLock;
    /// use std::sync::Arc;
    ///
    /// let lock = Arc::new(PriorityRwLock::new(1));
    /// assert_eq!(lock.try_write_arc().map(|guard| *guard), Some(1));
    /// ```
    pub fn try_write_arc(self: &Arc<Self>) -> Option<PriorityWriteGuardArc<T>> {
        let ticket = self.line().try_acquire(Access::Write, current());
        ticket.map(|ticket| PriorityWriteGuardArc::new(self, ticket))
    }

    /// Returns the data, to which nobody else has access.
    ///
    /// # Examples
    ///
    /// ```
    /// let mut lock = corokit_priority::PriorityRwLock::new(1);
    /// *lock.get_mut() += 1;
    /// assert_eq!(lock.into_inner(), 2);
    /// ```
    pub fn get_mut(&mut self) -> &mut T {
        self.data.get_mut()
    }

    pub(super) fn line(&self) -> &Arc<Line> {
        self.line.get_or_init(|| Line::new(self.name))
    }
}

impl<T: Default> Default for PriorityRwLock<T> {
    fn default() -> Self {
        PriorityRwLock::new(T::default())
    }
}

impl<T> From<T> for PriorityRwLock<T> {
    fn from(data: T) -> Self {
        PriorityRwLock::new(data)
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for PriorityRwLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("PriorityRwLock");
        match self.try_read() {
            Some(guard) => debug.field("data", &&*guard),
            None => debug.field("data", &format_args!("<locked>")),
        };
        debug.finish()
    }
}

/// Reads until it is dropped. It may be dropped by another task, and on another thread.
#[must_use = "dropping a guard releases the lock"]
pub struct PriorityReadGuard<'l, T: ?Sized> {
    lock: &'l PriorityRwLock<T>,
    ticket: Ticket,
}

/// Reads until it is dropped, and keeps the lock alive.
#[must_use = "dropping a guard releases the lock"]
pub struct PriorityReadGuardArc<T: ?Sized> {
    lock: Arc<PriorityRwLock<T>>,
    ticket: Ticket,
}

/// Writes until it is dropped. It may be dropped by another task, and on another thread.
#[must_use = "dropping a guard releases the lock"]
pub struct PriorityWriteGuard<'l, T: ?Sized> {
    lock: &'l PriorityRwLock<T>,
    ticket: Ticket,
}

/// Writes until it is dropped, and keeps the lock alive.
#[must_use = "dropping a guard releases the lock"]
pub struct PriorityWriteGuardArc<T: ?Sized> {
    lock: Arc<PriorityRwLock<T>>,
    ticket: Ticket,
}

/// Writes what all guards do.
macro_rules! guard {
    ($guard:ident [$($lifetime:lifetime)?], $lock:ty) => {
        impl<$($lifetime,)? T: ?Sized> $guard<$($lifetime,)? T> {
            /// Makes a guard for somebody who has just got the lock.
            pub(super) fn new(lock: &$lock, ticket: Ticket) -> Self {
                $guard {
                    lock: lock.clone(),
                    ticket,
                }
            }

            /// Makes the running task the holder: what is lent to the holder is lent to that one from now
            /// on. For a guard that was given to another task.
            ///
            /// # Examples
            ///
            /// ```
            /// use corokit_priority::{Priority, PriorityRwLock, TaskNode, scope_as};
            /// use futures_lite::future::{block_on, poll_once};
            ///
            /// let lock = PriorityRwLock::new(());
            /// let node = TaskNode::new(Priority::LOW);
            /// block_on(async {
            ///     let guard = lock.read().await;
            ///     scope_as(node.clone(), async { guard.adopt() }).await;
            ///     let mut urgent = lock.write_at(Priority::HIGH);
            ///     assert!(poll_once(&mut urgent).await.is_none());
            ///     assert_eq!(node.effective_priority(), Priority::HIGH);
            /// });
            /// ```
            pub fn adopt(&self) {
                self.lock.line().adopt(self.ticket, current());
            }
        }

        impl<$($lifetime,)? T: ?Sized> Deref for $guard<$($lifetime,)? T> {
            type Target = T;

            fn deref(&self) -> &T {
                // SAFETY: while there is this guard there is no writer but this one, which is borrowed
                // for as long as the data.
                unsafe { &*self.lock.data.get() }
            }
        }

        impl<$($lifetime,)? T: ?Sized> Drop for $guard<$($lifetime,)? T> {
            fn drop(&mut self) {
                if self.ticket != SPENT {
                    self.lock.line().release(self.ticket);
                }
            }
        }

        impl<$($lifetime,)? T: ?Sized + fmt::Debug> fmt::Debug for $guard<$($lifetime,)? T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                T::fmt(self, f)
            }
        }
    };
}

guard!(PriorityReadGuard['l], &'l PriorityRwLock<T>);
guard!(PriorityReadGuardArc[], Arc<PriorityRwLock<T>>);
guard!(PriorityWriteGuard['l], &'l PriorityRwLock<T>);
guard!(PriorityWriteGuardArc[], Arc<PriorityRwLock<T>>);

/// Writes what the guards of writers do.
macro_rules! write_guard {
    ($guard:ident [$($lifetime:lifetime)?] -> $read:ident) => {
        impl<$($lifetime,)? T: ?Sized> $guard<$($lifetime,)? T> {
            /// Goes on as a reader. Nobody writes in between.
            ///
            /// # Examples
            ///
            /// ```
            /// use corokit_priority::PriorityRwLock;
            ///
            /// let lock = PriorityRwLock::new(1);
            /// let mut guard = lock.try_write().unwrap();
            /// *guard += 1;
            /// let guard = guard.downgrade();
            /// assert_eq!(lock.try_read().map(|other| *other + *guard), Some(4));
            /// ```
            pub fn downgrade(mut self) -> $read<$($lifetime,)? T> {
                let ticket = mem::replace(&mut self.ticket, SPENT);
                let read = $read::new(&self.lock, ticket);
                self.lock.line().downgrade();
                read
            }
        }

        impl<$($lifetime,)? T: ?Sized> DerefMut for $guard<$($lifetime,)? T> {
            fn deref_mut(&mut self) -> &mut T {
                // SAFETY: while there is this guard there is no other, and it is borrowed alone.
                unsafe { &mut *self.lock.data.get() }
            }
        }
    };
}

write_guard!(PriorityWriteGuard['l] -> PriorityReadGuard);
write_guard!(PriorityWriteGuardArc[] -> PriorityReadGuardArc);
