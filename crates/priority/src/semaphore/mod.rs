//! A semaphore whose permits go to the most urgent one who waits.

mod acquire;
mod line;
#[cfg(all(test, loom))]
mod loom_tests;
mod permits;

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use corokit_core::{Priority, TimedOut};

use acquire::Ask;
pub use acquire::{Acquire, AcquireArc};
use line::Front;

use crate::blocking::{block_on, block_on_until};
use crate::urgency::Urgency;

/// A number of permits, which go to the most urgent ones who wait, and first in, first out among
/// equals.
///
/// How urgent somebody is, is a value of `P`, the lowest first: a [`Priority`], with which waiters
/// follow the live priorities of their tasks (see [`scope`](crate::scope)), or another
/// [`Urgency`]. With [`Instant`] it is the earliest deadline that comes first.
///
/// A permit that comes back goes to the first in line at once. Nobody overtakes: one who asks while
/// others wait, waits. Permits have no owners, so nothing is lent for them.
///
/// Source: async-utils' `PrioritySemaphore`.
///
/// # Cancel safety
///
/// Dropping a waiting future is never having waited: a permit that it was granted goes to the next.
///
/// # Examples
///
/// ```
/// use corokit_priority::PrioritySemaphore;
/// use futures_lite::future::{block_on, poll_once};
/// use std::time::{Duration, Instant};
///
/// static SLOTS: PrioritySemaphore<Instant> = PrioritySemaphore::new(1);
///
/// let now = Instant::now();
/// block_on(async {
///     let busy = SLOTS.acquire_at(now).await;
///     let mut late = SLOTS.acquire_at(now + Duration::from_secs(9));
///     let mut soon = SLOTS.acquire_at(now + Duration::from_secs(1));
///     assert!(poll_once(&mut late).await.is_none() && poll_once(&mut soon).await.is_none());
///     drop(busy);
///     assert!(poll_once(&mut late).await.is_none() && poll_once(&mut soon).await.is_some());
/// });
/// ```
pub struct PrioritySemaphore<P: Urgency = Priority> {
    front: Front<P>,
}

impl<P: Urgency> PrioritySemaphore<P> {
    /// Makes a semaphore with so many permits. Without any, the first come from
    /// [`add_permits`](PrioritySemaphore::add_permits).
    ///
    /// # Panics
    ///
    /// Panics if there are [`usize::MAX`] permits.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_priority::{Priority, PrioritySemaphore};
    ///
    /// let semaphore: PrioritySemaphore = PrioritySemaphore::new(2);
    /// assert_eq!(semaphore.permits(), 2);
    /// ```
    pub const fn new(permits: usize) -> Self {
        PrioritySemaphore {
            front: Front::new(permits),
        }
    }

    /// Waits for a permit, as urgent as `priority` says.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives up the place in the line.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_priority::{Priority, PrioritySemaphore};
    /// use futures_lite::future::block_on;
    ///
    /// let semaphore = PrioritySemaphore::new(1);
    /// let permit = block_on(semaphore.acquire_at(Priority::HIGH));
    /// assert_eq!(semaphore.permits(), 0);
    /// drop(permit);
    /// ```
    pub fn acquire_at(&self, priority: P) -> Acquire<'_, P> {
        Acquire::new(self, Ask::At(priority))
    }

    /// Waits for a permit, as urgent as `priority` says; the permit borrows nothing.
    ///
    /// # Cancel safety
    ///
    /// As [`acquire_at`](PrioritySemaphore::acquire_at).
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_priority::PrioritySemaphore;
    /// use futures_lite::future::block_on;
    /// use std::sync::Arc;
    ///
    /// let semaphore = Arc::new(PrioritySemaphore::new(1));
    /// let permit = block_on(semaphore.acquire_at_arc(7));
    /// assert!(semaphore.try_acquire().is_none());
    /// drop(permit);
    /// ```
    pub fn acquire_at_arc(self: &Arc<Self>, priority: P) -> AcquireArc<P> {
        AcquireArc::new(Arc::clone(self), Ask::At(priority))
    }

    /// Takes a permit if there is one; then nobody waits.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_priority::PrioritySemaphore;
    ///
    /// let semaphore: PrioritySemaphore = PrioritySemaphore::new(1);
    /// let permit = semaphore.try_acquire();
    /// assert!(permit.is_some() && semaphore.try_acquire().is_none());
    /// ```
    pub fn try_acquire(&self) -> Option<PriorityPermit<'_, P>> {
        // Not `then_some`: the drop of a permit that is not given out would give one back.
        self.front.try_acquire().then(|| self.permit())
    }

    /// Blocks the thread until it has a permit.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_priority::PrioritySemaphore;
    ///
    /// let semaphore = PrioritySemaphore::new(1);
    /// drop(semaphore.acquire_blocking_at(3));
    /// ```
    pub fn acquire_blocking_at(&self, priority: P) -> PriorityPermit<'_, P> {
        block_on(self.acquire_at(priority))
    }

    /// Blocks the thread until it has a permit, or until `deadline`.
    ///
    /// # Errors
    ///
    /// [`TimedOut`], if the deadline passed first.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_priority::PrioritySemaphore;
    /// use std::time::Instant;
    ///
    /// let semaphore = PrioritySemaphore::new(0);
    /// assert!(semaphore.acquire_deadline_at(3, Instant::now()).is_err());
    /// ```
    pub fn acquire_deadline_at(
        &self,
        priority: P,
        deadline: Instant,
    ) -> Result<PriorityPermit<'_, P>, TimedOut> {
        block_on_until(deadline, self.acquire_at(priority))
    }

    /// Takes a permit that borrows nothing, if there is one; then nobody waits.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_priority::PrioritySemaphore;
    /// use std::sync::Arc;
    ///
    /// let semaphore: Arc<PrioritySemaphore> = Arc::new(PrioritySemaphore::new(1));
    /// let permit = semaphore.try_acquire_arc();
    /// assert!(permit.is_some() && semaphore.try_acquire_arc().is_none());
    /// ```
    pub fn try_acquire_arc(self: &Arc<Self>) -> Option<PriorityPermitArc<P>> {
        self.front.try_acquire().then(|| self.permit_arc())
    }

    /// Returns how many wait.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_priority::PrioritySemaphore;
    /// use futures_lite::future::{block_on, poll_once};
    ///
    /// let semaphore = PrioritySemaphore::new(0);
    /// let mut waits = semaphore.acquire_at(1);
    /// assert!(block_on(poll_once(&mut waits)).is_none());
    /// assert_eq!(semaphore.waiting(), 1);
    /// ```
    pub fn waiting(&self) -> usize {
        self.front.waiting()
    }

    /// Adds permits: to those who wait first.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_priority::PrioritySemaphore;
    ///
    /// let semaphore: PrioritySemaphore = PrioritySemaphore::new(0);
    /// semaphore.add_permits(2);
    /// assert_eq!(semaphore.permits(), 2);
    /// ```
    ///
    /// # Panics
    ///
    /// Panics if there are [`usize::MAX`] permits or more then.
    pub fn add_permits(&self, permits: usize) {
        self.front.release(permits);
    }

    /// Returns how many permits are to be had at once.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_priority::PrioritySemaphore;
    ///
    /// let semaphore: PrioritySemaphore = PrioritySemaphore::new(3);
    /// let permit = semaphore.try_acquire();
    /// assert_eq!(semaphore.permits(), 2);
    /// drop(permit);
    /// ```
    pub fn permits(&self) -> usize {
        self.front.permits()
    }

    fn front(&self) -> &Front<P> {
        &self.front
    }

    fn permit(&self) -> PriorityPermit<'_, P> {
        PriorityPermit { semaphore: self }
    }

    fn permit_arc(self: &Arc<Self>) -> PriorityPermitArc<P> {
        PriorityPermitArc {
            semaphore: Arc::clone(self),
        }
    }
}

impl PrioritySemaphore<Priority> {
    /// Waits for a permit, as urgent as the task is that waits, and becomes.
    ///
    /// # Cancel safety
    ///
    /// As [`acquire_at`](PrioritySemaphore::acquire_at).
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_priority::{Priority, PrioritySemaphore, scope};
    /// use futures_lite::future::block_on;
    ///
    /// let semaphore = PrioritySemaphore::new(1);
    /// drop(block_on(scope(Priority::HIGH, semaphore.acquire())));
    /// ```
    pub fn acquire(&self) -> Acquire<'_, Priority> {
        Acquire::new(self, Ask::LIVE)
    }

    /// Waits for a permit that borrows nothing, as urgent as the task is that waits.
    ///
    /// # Cancel safety
    ///
    /// As [`acquire_at`](PrioritySemaphore::acquire_at).
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_priority::PrioritySemaphore;
    /// use futures_lite::future::block_on;
    /// use std::sync::Arc;
    ///
    /// let semaphore = Arc::new(PrioritySemaphore::new(1));
    /// drop(block_on(semaphore.acquire_arc()));
    /// ```
    pub fn acquire_arc(self: &Arc<Self>) -> AcquireArc<Priority> {
        AcquireArc::new(Arc::clone(self), Ask::LIVE)
    }
}

/// As urgent as the task is.
impl PrioritySemaphore<Priority> {
    /// Blocks the thread until it has a permit, as urgent as the task that blocks it.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_priority::PrioritySemaphore;
    ///
    /// drop(PrioritySemaphore::new(1).acquire_blocking());
    /// ```
    pub fn acquire_blocking(&self) -> PriorityPermit<'_> {
        block_on(self.acquire())
    }

    /// Blocks the thread until it has a permit, or until `deadline`.
    ///
    /// # Errors
    ///
    /// [`TimedOut`], if the deadline passed first.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_priority::PrioritySemaphore;
    /// use std::time::Instant;
    ///
    /// assert!(PrioritySemaphore::new(0).acquire_deadline(Instant::now()).is_err());
    /// ```
    pub fn acquire_deadline(&self, deadline: Instant) -> Result<PriorityPermit<'_>, TimedOut> {
        block_on_until(deadline, self.acquire())
    }
}

impl<P: Urgency> fmt::Debug for PrioritySemaphore<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrioritySemaphore")
            .field("permits", &self.permits())
            .field("waiting", &self.waiting())
            .finish()
    }
}

/// A permit, which goes back when it is dropped, on any thread.
#[must_use = "dropping a permit gives it back"]
pub struct PriorityPermit<'s, P: Urgency = Priority> {
    semaphore: &'s PrioritySemaphore<P>,
}

impl<P: Urgency> PriorityPermit<'_, P> {
    /// Lets the permit not come back: the semaphore has one less from now on.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_priority::PrioritySemaphore;
    ///
    /// let semaphore: PrioritySemaphore = PrioritySemaphore::new(2);
    /// semaphore.try_acquire().unwrap().forget();
    /// assert_eq!(semaphore.permits(), 1);
    /// ```
    pub fn forget(self) {
        std::mem::forget(self);
    }
}

impl<P: Urgency> Drop for PriorityPermit<'_, P> {
    fn drop(&mut self) {
        self.semaphore.front.release(1);
    }
}

impl<P: Urgency> fmt::Debug for PriorityPermit<'_, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PriorityPermit")
    }
}

/// A permit that keeps its semaphore alive, and goes back when it is dropped.
#[must_use = "dropping a permit gives it back"]
pub struct PriorityPermitArc<P: Urgency = Priority> {
    semaphore: Arc<PrioritySemaphore<P>>,
}

impl<P: Urgency> Drop for PriorityPermitArc<P> {
    fn drop(&mut self) {
        self.semaphore.front.release(1);
    }
}

impl<P: Urgency> fmt::Debug for PriorityPermitArc<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PriorityPermitArc")
    }
}
