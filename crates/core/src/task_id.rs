//! Which task.

use core::fmt;
use core::num::NonZeroU64;

/// Identifies one task for the life of the process.
///
/// An id is a name, not a handle: it keeps nothing alive, may be copied and compared freely, may
/// be sent to other threads, and goes on naming the same task after that task has finished.
///
/// It is made of the scheduler's number, the slot of the scheduler's task table that the task
/// lives in, and how many tasks had used that slot before it.
///
/// # Examples
///
/// ```
/// use corokit_core::TaskId;
/// use std::num::NonZeroU64;
///
/// let id = TaskId::new(NonZeroU64::MIN, 3, 0);
/// assert_eq!(id.to_string(), "1.3.0");
/// assert_ne!(id, TaskId::new(NonZeroU64::MIN, 3, 1));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TaskId {
    scheduler: NonZeroU64,
    slot: u32,
    generation: u32,
}

impl TaskId {
    /// Makes the id of the task that is the `generation`-th user of `slot` in the task table of
    /// `scheduler`.
    ///
    /// Schedulers call this; programs receive ids.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_core::TaskId;
    /// use std::num::NonZeroU64;
    ///
    /// let id = TaskId::new(NonZeroU64::MIN, 7, 2);
    /// assert_eq!((id.slot(), id.generation()), (7, 2));
    /// ```
    pub const fn new(scheduler: NonZeroU64, slot: u32, generation: u32) -> Self {
        TaskId {
            scheduler,
            slot,
            generation,
        }
    }

    /// Returns the number of the scheduler that the task belongs to.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_core::TaskId;
    /// use std::num::NonZeroU64;
    ///
    /// assert_eq!(TaskId::new(NonZeroU64::MIN, 0, 0).scheduler().get(), 1);
    /// ```
    pub const fn scheduler(self) -> NonZeroU64 {
        self.scheduler
    }

    /// Returns the slot of the scheduler's task table.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_core::TaskId;
    /// use std::num::NonZeroU64;
    ///
    /// assert_eq!(TaskId::new(NonZeroU64::MIN, 5, 0).slot(), 5);
    /// ```
    pub const fn slot(self) -> u32 {
        self.slot
    }

    /// Returns how many tasks had used the slot before this one.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_core::TaskId;
    /// use std::num::NonZeroU64;
    ///
    /// assert_eq!(TaskId::new(NonZeroU64::MIN, 5, 9).generation(), 9);
    /// ```
    pub const fn generation(self) -> u32 {
        self.generation
    }
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.scheduler, self.slot, self.generation)
    }
}

impl fmt::Debug for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TaskId({self})")
    }
}
