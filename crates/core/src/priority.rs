//! How urgent something is.

use core::error::Error;
use core::fmt;

/// How urgent a task, or a request, is: **the lower the value, the sooner**.
///
/// A priority is a finite number. Priorities are totally ordered by it, and what is as urgent as
/// something else comes first in, first out, wherever priorities are used.
///
/// Source: asynkit's `Priority`, whose values these are.
///
/// # Examples
///
/// ```
/// use corokit_core::Priority;
///
/// assert!(Priority::HIGH < Priority::NORMAL && Priority::NORMAL < Priority::LOW);
/// assert_eq!(Priority::default(), Priority::new(0));
/// assert!(Priority::try_from(2.5)? < Priority::new(3));
/// # Ok::<(), corokit_core::PriorityError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Priority {
    /// Ordered as the numbers are: see [`Priority::from_finite`].
    key: i64,
}

impl Priority {
    /// More urgent than most: -10.
    pub const HIGH: Priority = Priority::new(-10);
    /// The default: 0.
    pub const NORMAL: Priority = Priority::new(0);
    /// Less urgent than most: 10.
    pub const LOW: Priority = Priority::new(10);

    /// Makes a priority of a whole number.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_core::Priority;
    ///
    /// assert_eq!(Priority::new(-10), Priority::HIGH);
    /// assert_eq!(Priority::new(7).value(), 7.0);
    /// ```
    pub const fn new(value: i32) -> Self {
        Priority::from_finite(value as f64)
    }

    /// The bits of positive floating point numbers are ordered as the numbers are; those of negative
    /// ones the other way round.
    const fn from_finite(value: f64) -> Self {
        // Both zeros are the same priority.
        let bits = if value == 0.0 { 0 } else { value.to_bits() };
        let bits = bits as i64;
        Priority {
            key: if bits < 0 { bits ^ i64::MAX } else { bits },
        }
    }

    /// Returns the number.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(corokit_core::Priority::HIGH.value(), -10.0);
    /// ```
    pub const fn value(self) -> f64 {
        let bits = if self.key < 0 {
            self.key ^ i64::MAX
        } else {
            self.key
        };
        f64::from_bits(bits as u64)
    }
}

impl Default for Priority {
    fn default() -> Self {
        Priority::NORMAL
    }
}

impl From<i32> for Priority {
    /// As [`Priority::new`].
    fn from(value: i32) -> Self {
        Priority::new(value)
    }
}

impl TryFrom<f64> for Priority {
    type Error = PriorityError;

    /// Makes a priority of a number.
    ///
    /// # Errors
    ///
    /// Fails if the number is infinite, or none.
    fn try_from(value: f64) -> Result<Self, PriorityError> {
        match value.is_finite() {
            true => Ok(Priority::from_finite(value)),
            false => Err(PriorityError),
        }
    }
}

impl fmt::Debug for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Priority").field(&self.value()).finish()
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value().fmt(f)
    }
}

/// A number is infinite, or none, and so is no [`Priority`].
///
/// # Examples
///
/// ```
/// use corokit_core::Priority;
///
/// let error = Priority::try_from(f64::NAN).unwrap_err();
/// assert_eq!(error.to_string(), "a priority is a finite number");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PriorityError;

impl fmt::Display for PriorityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a priority is a finite number")
    }
}

impl Error for PriorityError {}
