//! The way back from a change.

use core::error::Error;
use core::fmt;
use core::marker::PhantomData;
use core::num::NonZeroU64;

use super::Value;

/// What [`ContextVar::set`](super::ContextVar::set) returns: the value that the variable had, for
/// [`ContextVar::reset`](super::ContextVar::reset).
///
/// A token is used up by a reset, so that it cannot be used twice. Dropping it drops the old value
/// and leaves the variable as it is.
///
/// Source: `contextvars.Token`.
///
/// # Examples
///
/// ```
/// use corokit_core::context::ContextVar;
///
/// static LEVEL: ContextVar<u32> = ContextVar::new();
///
/// let outer = LEVEL.set(1);
/// let inner = LEVEL.set(2);
/// assert_eq!((outer.old_value(), inner.old_value()), (None, Some(&1)));
/// ```
pub struct Token<T> {
    pub(super) variable: NonZeroU64,
    /// The context in which the variable was set; `None` if there was none any more.
    pub(super) context: Option<NonZeroU64>,
    pub(super) old: Option<Value>,
    pub(super) marker: PhantomData<fn() -> T>,
}

impl<T: 'static> Token<T> {
    /// Returns the value that the variable had, or `None` if it was not set.
    ///
    /// Source: `contextvars.Token.old_value`.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_core::context::ContextVar;
    ///
    /// static LEVEL: ContextVar<u32> = ContextVar::with_default(7);
    ///
    /// assert_eq!(LEVEL.set(1).old_value(), None);
    /// assert_eq!(LEVEL.set(2).old_value(), Some(&1));
    /// ```
    pub fn old_value(&self) -> Option<&T> {
        self.old.as_ref()?.downcast_ref()
    }
}

impl<T> fmt::Debug for Token<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token")
            .field("was_set", &self.old.is_some())
            .finish_non_exhaustive()
    }
}

/// Why a token cannot be used.
///
/// # Examples
///
/// ```
/// use corokit_core::context::{ContextVar, Mismatch};
///
/// static LEFT: ContextVar<u32> = ContextVar::new();
/// static RIGHT: ContextVar<u32> = ContextVar::new();
///
/// let error = RIGHT.reset(LEFT.set(1)).unwrap_err();
/// assert_eq!(error.mismatch(), Mismatch::Variable);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mismatch {
    /// Another variable was set.
    Variable,
    /// The variable was set in another context: that of another task, scope or thread, or the one
    /// that the current context is a copy of.
    Context,
}

/// The error of [`ContextVar::reset`](super::ContextVar::reset): the token is not of this variable
/// and the current context. Nothing has changed.
///
/// Source: the `ValueError` of `contextvars.ContextVar.reset`.
pub struct ResetError<T> {
    pub(super) token: Token<T>,
    pub(super) mismatch: Mismatch,
}

impl<T> ResetError<T> {
    /// Returns why the token cannot be used.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_core::context::{Context, ContextVar, Mismatch};
    ///
    /// static LEVEL: ContextVar<u32> = ContextVar::new();
    ///
    /// let token = Context::new().run(|| LEVEL.set(1));
    /// assert_eq!(LEVEL.reset(token).unwrap_err().mismatch(), Mismatch::Context);
    /// ```
    pub fn mismatch(&self) -> Mismatch {
        self.mismatch
    }

    /// Gives the token back, to be used where it belongs.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_core::context::{Context, ContextVar};
    ///
    /// static LEVEL: ContextVar<u32> = ContextVar::new();
    ///
    /// let mut context = Context::new();
    /// let token = context.run(|| LEVEL.set(1));
    /// let token = LEVEL.reset(token).unwrap_err().into_token();
    /// assert!(context.run(|| LEVEL.reset(token)).is_ok());
    /// assert!(context.is_empty());
    /// ```
    pub fn into_token(self) -> Token<T> {
        self.token
    }
}

impl<T> fmt::Debug for ResetError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResetError")
            .field("mismatch", &self.mismatch)
            .finish_non_exhaustive()
    }
}

impl<T> fmt::Display for ResetError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.mismatch {
            Mismatch::Variable => "the token belongs to another variable",
            Mismatch::Context => "the token belongs to another context",
        })
    }
}

impl<T> Error for ResetError<T> {}
