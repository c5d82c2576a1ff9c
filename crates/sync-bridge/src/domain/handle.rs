use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Instant;

use super::line::Line;
use super::turn::{Held, has_turn, take_blocking, take_deadline};
use super::{DomainCell, Member, Turn};

/// A group of futures and threads of which one runs at a time, from one suspension point to the
/// next, on whatever thread of whatever executor.
///
/// It gives programs on many threads what those on one event loop have: between two awaits nobody
/// else changes anything. A future becomes a member by [`wrap`](Domain::wrap): it has the *turn*
/// during each of its polls. A thread has it inside of [`turn_blocking`](Domain::turn_blocking),
/// and gives it up in [`Turn::pause`]. [`DomainCell`] is data that only who has the turn can reach.
///
/// - **Order**: turns are handed on first come, first served. A member that was granted the turn
///   has it until its executor polls it: an executor that does not, for long, holds all others up.
/// - **Cost**: one lock and unlock for each poll that does not have to wait. All members
///   together use one processor at most. Mutexes and channels are the usual tools; this is for
///   programs whose invariants span many of them.
/// - **Nesting**: a member that is polled inside of another one's poll is a part of that step.
///   Domains are independent of each other.
/// - **Blocking** inside of a step holds all members up. What blocks until another member has run
///   never ends.
///
/// Handles are cloned freely. Source: the first stretch goal of a_sync's readme.
///
/// # Examples
///
/// ```
/// use corokit_sync_bridge::Domain;
/// use futures_lite::future::{block_on, yield_now};
/// use std::sync::Arc;
///
/// let domain = Domain::new();
/// let balance = Arc::new(domain.cell(100));
/// let threads = [(); 4].map(|()| {
///     let (domain, balance) = (domain.clone(), Arc::clone(&balance));
///     std::thread::spawn(move || {
///         block_on(domain.wrap(async move {
///             // Read, think, write: nobody comes between.
///             let before = balance.with(|balance| *balance);
///             balance.with(|balance| *balance = before - 10);
///             yield_now().await;
///         }));
///     })
/// });
/// threads.map(|thread| thread.join().unwrap());
/// assert_eq!(domain.turn_blocking(|_| balance.with(|balance| *balance)), 60);
/// ```
#[derive(Clone)]
pub struct Domain {
    line: Arc<Line>,
}

impl Domain {
    /// Makes a domain without members.
    ///
    /// ```
    /// use corokit_sync_bridge::Domain;
    ///
    /// assert_eq!(Domain::new().waiting(), 0);
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Domain {
            line: Arc::new(Line::new()),
        }
    }

    /// Makes a future a member: it has the turn during each of its polls.
    ///
    /// A poll that would have to wait for the turn registers for it and returns pending, and so
    /// never blocks its thread. The turn is not had while the future is dropped.
    ///
    /// ```
    /// use corokit_sync_bridge::Domain;
    /// use futures_lite::future::block_on;
    ///
    /// let domain = Domain::new();
    /// assert!(block_on(domain.wrap(async { domain.has_turn() })));
    /// assert!(!domain.has_turn());
    /// ```
    pub fn wrap<F: Future>(&self, future: F) -> Member<F> {
        Member::new(Arc::clone(&self.line), future)
    }

    /// Makes a cell whose data only who has the turn can reach.
    ///
    /// ```
    /// use corokit_sync_bridge::Domain;
    ///
    /// let domain = Domain::new();
    /// let cell = domain.cell(1);
    /// assert_eq!(domain.turn_blocking(|_| cell.with(|value| *value)), 1);
    /// ```
    #[must_use]
    pub fn cell<T>(&self, value: T) -> DomainCell<T> {
        DomainCell::new(Arc::clone(&self.line), value)
    }

    /// Blocks this thread until it has the turn, and runs `step` then. It is a closure, so that the
    /// turn cannot be kept over an await.
    ///
    /// # Panics
    ///
    /// Panics if the thread has the turn already: inside of another step, or of a member's poll. A
    /// panic of `step` passes through.
    ///
    /// ```
    /// use corokit_sync_bridge::Domain;
    ///
    /// let domain = Domain::new();
    /// assert!(domain.turn_blocking(|_| domain.has_turn()));
    /// ```
    #[track_caller]
    pub fn turn_blocking<R>(&self, step: impl FnOnce(&Turn<'_>) -> R) -> R {
        self.check_is_outside();
        let held = take_blocking(&self.line);
        step(&Turn::new(&self.line, held))
    }

    /// Does what [`turn_blocking`](Domain::turn_blocking) does if the turn comes before a deadline.
    ///
    /// # Errors
    ///
    /// Gives `step` back at the deadline.
    ///
    /// # Panics
    ///
    /// As [`turn_blocking`](Domain::turn_blocking).
    ///
    /// ```
    /// use corokit_sync_bridge::Domain;
    /// use std::time::Instant;
    ///
    /// let domain = Domain::new();
    /// assert_eq!(domain.turn_deadline(Instant::now(), |_| 1).ok(), Some(1));
    /// ```
    #[track_caller]
    pub fn turn_deadline<R, F>(&self, deadline: Instant, step: F) -> Result<R, F>
    where
        F: FnOnce(&Turn<'_>) -> R,
    {
        self.check_is_outside();
        match take_deadline(&self.line, deadline) {
            Some(held) => Ok(step(&Turn::new(&self.line, held))),
            None => Err(step),
        }
    }

    /// Runs `step` if the turn is free.
    ///
    /// # Errors
    ///
    /// Gives `step` back if somebody has the turn, this thread included.
    ///
    /// ```
    /// use corokit_sync_bridge::Domain;
    ///
    /// let domain = Domain::new();
    /// assert_eq!(domain.try_turn(|_| 1).ok(), Some(1));
    /// domain.turn_blocking(|_| assert!(domain.try_turn(|_| 1).is_err()));
    /// ```
    pub fn try_turn<R, F>(&self, step: F) -> Result<R, F>
    where
        F: FnOnce(&Turn<'_>) -> R,
    {
        if !self.line.try_take(&mut None) {
            return Err(step);
        }
        Ok(step(&Turn::new(&self.line, Held::new(&self.line))))
    }

    /// Whether this thread has the turn.
    ///
    /// ```
    /// use corokit_sync_bridge::Domain;
    ///
    /// let domain = Domain::new();
    /// assert!(!domain.has_turn());
    /// domain.turn_blocking(|_| assert!(domain.has_turn()));
    /// ```
    #[must_use]
    pub fn has_turn(&self) -> bool {
        has_turn(&self.line)
    }

    /// How many members and threads wait for the turn.
    ///
    /// ```
    /// use corokit_sync_bridge::Domain;
    ///
    /// let domain = Domain::new();
    /// std::thread::scope(|scope| {
    ///     domain.turn_blocking(|_| {
    ///         scope.spawn(|| domain.turn_blocking(|_| ()));
    ///         while domain.waiting() == 0 {
    ///             std::thread::yield_now();
    ///         }
    ///     });
    /// });
    /// assert_eq!(domain.waiting(), 0);
    /// ```
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.line.waiting()
    }

    #[track_caller]
    fn check_is_outside(&self) {
        assert!(
            !self.has_turn(),
            "a thread waited for a turn that it has itself"
        );
    }
}

impl Default for Domain {
    fn default() -> Self {
        Domain::new()
    }
}

impl fmt::Debug for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Domain")
            .field("waiting", &self.waiting())
            .finish()
    }
}
