use std::fmt;
use std::sync::{Arc, Mutex, TryLockError};

use super::line::Line;
use super::turn::has_turn;

/// Data that only who has the turn of its domain can reach:
/// [`Domain::cell`](super::Domain::cell).
///
/// # Examples
///
/// ```
/// use corokit_sync_bridge::Domain;
///
/// let domain = Domain::new();
/// let count = domain.cell(41);
/// domain.turn_blocking(|_| count.with(|count| *count += 1));
/// assert_eq!(count.into_inner(), 42);
/// ```
pub struct DomainCell<T> {
    line: Arc<Line>,
    /// Never contended: the turn sees to that.
    value: Mutex<T>,
}

impl<T> DomainCell<T> {
    pub(super) fn new(line: Arc<Line>, value: T) -> Self {
        DomainCell {
            line,
            value: Mutex::new(value),
        }
    }

    /// Looks at the data, and changes it.
    ///
    /// # Panics
    ///
    /// Panics if the thread does not have the turn of the domain, and inside of another look at the
    /// same cell.
    ///
    /// ```
    /// use corokit_sync_bridge::Domain;
    /// use futures_lite::future::block_on;
    ///
    /// let domain = Domain::new();
    /// let words = domain.cell(Vec::new());
    /// block_on(domain.wrap(async {
    ///     words.with(|words| words.push("one"));
    ///     assert_eq!(words.with(|words| words.len()), 1);
    /// }));
    /// ```
    #[track_caller]
    pub fn with<R>(&self, look: impl FnOnce(&mut T) -> R) -> R {
        assert!(
            has_turn(&self.line),
            "a cell of a domain was used by a thread that does not have the turn"
        );
        match self.value.try_lock() {
            Ok(mut value) => look(&mut value),
            // Who panicked had the turn to itself, like anybody.
            Err(TryLockError::Poisoned(value)) => look(&mut value.into_inner()),
            Err(TryLockError::WouldBlock) => {
                panic!("a cell of a domain was used inside of a use of it")
            }
        }
    }

    /// The data, for who has the cell to itself.
    ///
    /// ```
    /// use corokit_sync_bridge::Domain;
    ///
    /// let mut cell = Domain::new().cell(1);
    /// *cell.get_mut() += 1;
    /// assert_eq!(cell.into_inner(), 2);
    /// ```
    pub fn get_mut(&mut self) -> &mut T {
        self.value.get_mut().unwrap_or_else(|e| e.into_inner())
    }

    /// The data.
    ///
    /// ```
    /// use corokit_sync_bridge::Domain;
    ///
    /// assert_eq!(Domain::new().cell(1).into_inner(), 1);
    /// ```
    #[must_use]
    pub fn into_inner(self) -> T {
        self.value.into_inner().unwrap_or_else(|e| e.into_inner())
    }
}

impl<T> fmt::Debug for DomainCell<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DomainCell").finish_non_exhaustive()
    }
}
