//! A condition variable that notifies the most urgent one who waits.

mod line;
mod listen;
mod wait;

use std::fmt;
use std::ops::DerefMut;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use line::Line;
pub use listen::Listen;
pub use wait::{CondvarWait, Guard};

use crate::blocking::{block_on, block_on_until};

/// Lets tasks wait until something that a [`PriorityMutex`](crate::PriorityMutex) guards has changed.
///
/// A notification goes to the most urgent one who waits, by the priorities that the tasks have when it
/// is sent, and to the first among equals. It is never lost: if that one goes away before it has got
/// the lock back, the next in line is notified, also one that has come later. There are no other
/// reasons to be notified; still, somebody else may have the lock first, so what one waits for is to be
/// looked at again: [`wait_while`](PriorityCondvar::wait_while).
///
/// Notifying takes no lock, and needs none; a notification that nobody waits for is gone.
///
/// Source: `asynkit.PriorityCondition`, `asyncio.Condition`.
///
/// # Cancel safety
///
/// Dropping a waiting future is never having waited. The lock is not taken for that: the guard went
/// in.
///
/// # Examples
///
/// ```
/// use corokit_priority::{PriorityCondvar, PriorityMutex};
/// use futures_lite::future::{block_on, zip};
///
/// let items = PriorityMutex::new(Vec::new());
/// let changed = PriorityCondvar::new();
///
/// let take = async {
///     let mut items = changed.wait_while(items.lock().await, |items| items.is_empty()).await;
///     items.pop()
/// };
/// let put = async {
///     items.lock().await.push(7);
///     changed.notify_one();
/// };
/// assert_eq!(block_on(zip(take, put)).0, Some(7));
/// ```
pub struct PriorityCondvar {
    /// Made at the first wait.
    line: OnceLock<Arc<Line>>,
}

impl PriorityCondvar {
    /// Makes a condition variable.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_priority::PriorityCondvar;
    ///
    /// static CHANGED: PriorityCondvar = PriorityCondvar::new();
    /// assert!(!CHANGED.notify_one());
    /// ```
    pub const fn new() -> Self {
        PriorityCondvar {
            line: OnceLock::new(),
        }
    }

    /// Gets in line at once, and waits for a notification. The lock is the caller's business.
    ///
    /// For those who wait for something else as well, or who can be interrupted while they wait, but
    /// not while they take the lock again: listen, give the lock back, await, lock.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives up the place in the line, and passes a notification on.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_priority::{PriorityCondvar, PriorityMutex};
    /// use futures_lite::future::block_on;
    ///
    /// let stopped = PriorityMutex::new(false);
    /// let changed = PriorityCondvar::new();
    /// block_on(async {
    ///     let mut guard = stopped.lock().await;
    ///     let listen = changed.listen();
    ///     *guard = true;
    ///     drop(guard);
    ///     changed.notify_one();
    ///     listen.await;
    ///     assert!(*stopped.lock().await);
    /// });
    /// ```
    pub fn listen(&self) -> Listen {
        Listen::new(Arc::clone(self.line()))
    }

    /// Gives the lock back, waits for a notification, and takes the lock again.
    ///
    /// It is in line before the lock is given back: whoever notifies after that notifies this one, too.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives up the place in the line, and passes a notification on, also when it
    /// is waiting for the lock already. It does not take the lock.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_priority::{PriorityCondvar, PriorityMutex};
    /// use futures_lite::future::{block_on, poll_once};
    ///
    /// let mutex = PriorityMutex::new(1);
    /// let changed = PriorityCondvar::new();
    /// block_on(async {
    ///     let mut wait = changed.wait(mutex.lock().await);
    ///     assert!(poll_once(&mut wait).await.is_none());
    ///     *mutex.lock().await = 2;
    ///     assert!(changed.notify_one());
    ///     assert_eq!(*wait.await, 2);
    /// });
    /// ```
    pub fn wait<G: Guard>(&self, guard: G) -> CondvarWait<G> {
        CondvarWait::new(Arc::clone(self.line()), guard)
    }

    /// Waits as long as a condition holds, which is looked at first, and after each notification.
    ///
    /// # Cancel safety
    ///
    /// As [`wait`](PriorityCondvar::wait).
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_priority::{PriorityCondvar, PriorityMutex};
    /// use futures_lite::future::block_on;
    ///
    /// let mutex = PriorityMutex::new(1);
    /// let changed = PriorityCondvar::new();
    /// // It does not hold: this does not wait.
    /// let guard = block_on(async { changed.wait_while(mutex.lock().await, |n| *n == 0).await });
    /// assert_eq!(*guard, 1);
    /// ```
    pub async fn wait_while<G: Guard + DerefMut>(
        &self,
        mut guard: G,
        mut condition: impl FnMut(&mut G::Target) -> bool,
    ) -> G {
        while condition(&mut guard) {
            guard = self.wait(guard).await;
        }
        guard
    }

    /// As [`wait`](PriorityCondvar::wait), and blocks the thread meanwhile.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_priority::{PriorityCondvar, PriorityMutex};
    /// use std::thread;
    ///
    /// let ready = PriorityMutex::new(false);
    /// let changed = PriorityCondvar::new();
    /// thread::scope(|scope| {
    ///     let mut guard = ready.lock_blocking();
    ///     scope.spawn(|| {
    ///         *ready.lock_blocking() = true;
    ///         changed.notify_all();
    ///     });
    ///     while !*guard {
    ///         guard = changed.wait_blocking(guard);
    ///     }
    /// });
    /// ```
    pub fn wait_blocking<G: Guard>(&self, guard: G) -> G {
        block_on(self.wait(guard))
    }

    /// As [`wait_blocking`](PriorityCondvar::wait_blocking), for a notification until `deadline`.
    /// Returns the guard, and `false` if there was none. The lock is waited for as long as it takes.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_priority::{PriorityCondvar, PriorityMutex};
    /// use std::time::{Duration, Instant};
    ///
    /// let mutex = PriorityMutex::new(1);
    /// let changed = PriorityCondvar::new();
    /// let deadline = Instant::now() + Duration::from_millis(1);
    /// let (guard, notified) = changed.wait_deadline(mutex.lock_blocking(), deadline);
    /// assert!(*guard == 1 && !notified);
    /// ```
    pub fn wait_deadline<G: Guard>(&self, guard: G, deadline: Instant) -> (G, bool) {
        let mut wait = self.wait(guard);
        let notified = block_on_until(deadline, wait.notified()).is_ok();
        // In line no longer: what comes from now on is for others.
        let notified = wait.give_up() || notified;
        (block_on(wait), notified)
    }

    /// Notifies the most urgent one who waits. Returns `false` if nobody does.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_priority::PriorityCondvar;
    ///
    /// let changed = PriorityCondvar::new();
    /// let _listen = changed.listen();
    /// assert!(changed.notify_one());
    /// assert!(!changed.notify_one());
    /// ```
    pub fn notify_one(&self) -> bool {
        self.notify_many(1) == 1
    }

    /// Notifies up to `count` of those who wait, the most urgent ones first. Returns how many.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_priority::PriorityCondvar;
    ///
    /// let changed = PriorityCondvar::new();
    /// let _listen = [changed.listen(), changed.listen()];
    /// assert_eq!(changed.notify_many(5), 2);
    /// ```
    pub fn notify_many(&self, count: usize) -> usize {
        match self.line.get() {
            Some(line) => line.notify(count),
            None => 0,
        }
    }

    /// Notifies all who wait, the most urgent ones first. Returns how many.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_priority::PriorityCondvar;
    ///
    /// let changed = PriorityCondvar::new();
    /// let _listen = [changed.listen(), changed.listen()];
    /// assert_eq!(changed.notify_all(), 2);
    /// ```
    pub fn notify_all(&self) -> usize {
        self.notify_many(usize::MAX)
    }

    fn line(&self) -> &Arc<Line> {
        self.line.get_or_init(Line::new)
    }
}

impl Default for PriorityCondvar {
    fn default() -> Self {
        PriorityCondvar::new()
    }
}

impl fmt::Debug for PriorityCondvar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let waiting = self.line.get().map_or(0, |line| line.len());
        f.debug_struct("PriorityCondvar")
            .field("waiting", &waiting)
            .finish()
    }
}
