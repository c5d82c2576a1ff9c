//! A variable with one value for each context.

use core::fmt;
use core::marker::PhantomData;
use core::num::NonZeroU64;
use core::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;

use super::current::{change, look};
use super::{Mismatch, ResetError, Token, next_number};

/// A variable with one value for each [`Context`](super::Context).
///
/// It is made to be a static. Reading and setting it act on the current context of the thread:
/// that of the task, scope or thread that is running.
///
/// Source: `contextvars.ContextVar`.
///
/// # Examples
///
/// ```
/// use corokit_core::context::ContextVar;
///
/// static NAME: ContextVar<&str> = ContextVar::new();
///
/// assert_eq!(NAME.get(), None);
/// NAME.set("ada");
/// assert_eq!(NAME.get(), Some("ada"));
/// ```
pub struct ContextVar<T> {
    /// The identity, 0 until the variable is first set.
    number: AtomicU64,
    default: Option<T>,
}

impl<T> ContextVar<T> {
    /// Makes a variable that is not set.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_core::context::ContextVar;
    ///
    /// static NAME: ContextVar<String> = ContextVar::new();
    ///
    /// assert_eq!(NAME.get(), None);
    /// ```
    pub const fn new() -> Self {
        ContextVar {
            number: AtomicU64::new(0),
            default: None,
        }
    }

    /// Makes a variable that has a value where it is not set.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_core::context::ContextVar;
    ///
    /// static LEVEL: ContextVar<u32> = ContextVar::with_default(3);
    ///
    /// assert_eq!(LEVEL.get(), Some(3));
    /// ```
    pub const fn with_default(default: T) -> Self {
        ContextVar {
            number: AtomicU64::new(0),
            default: Some(default),
        }
    }

    /// Returns the identity, or `None` if the variable was never set anywhere.
    #[inline]
    pub(super) fn number_if_used(&self) -> Option<NonZeroU64> {
        NonZeroU64::new(self.number.load(Ordering::Relaxed))
    }

    /// Returns the identity.
    pub(super) fn number(&self) -> NonZeroU64 {
        if let Some(number) = self.number_if_used() {
            return number;
        }
        let new = next_number();
        let result =
            self.number
                .compare_exchange(0, new.get(), Ordering::Relaxed, Ordering::Relaxed);
        match result {
            Ok(_) => new,
            // Another thread was faster.
            Err(number) => NonZeroU64::new(number).unwrap_or(new),
        }
    }
}

impl<T: Send + Sync + 'static> ContextVar<T> {
    /// Returns a clone of the value: what the variable is set to in the current context, or its
    /// default, or `None`.
    ///
    /// Source: `contextvars.ContextVar.get`.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_core::context::ContextVar;
    ///
    /// static NAME: ContextVar<String> = ContextVar::new();
    ///
    /// assert_eq!(NAME.get(), None);
    /// NAME.set(String::from("ada"));
    /// assert_eq!(NAME.get().as_deref(), Some("ada"));
    /// ```
    #[inline]
    pub fn get(&self) -> Option<T>
    where
        T: Clone,
    {
        self.with(|value| value.cloned())
    }

    /// Calls a function with the value: what the variable is set to in the current context, or its
    /// default, or `None`.
    ///
    /// The function may do anything, also set this variable; it goes on seeing the value that it
    /// was called with.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_core::context::ContextVar;
    ///
    /// static NAMES: ContextVar<Vec<&str>> = ContextVar::new();
    ///
    /// NAMES.set(vec!["ada", "grace"]);
    /// assert_eq!(NAMES.with(|names| names.map(Vec::len)), Some(2));
    /// ```
    #[inline]
    pub fn with<R>(&self, visit: impl FnOnce(Option<&T>) -> R) -> R {
        let Some(number) = self.number_if_used() else {
            return visit(self.default.as_ref());
        };
        look(|context| {
            let value = context.value(number);
            let value = value.and_then(|value| value.downcast_ref());
            visit(value.or(self.default.as_ref()))
        })
    }

    /// Sets the variable in the current context, and returns a token that can undo this.
    ///
    /// Source: `contextvars.ContextVar.set`.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_core::context::{Context, ContextVar};
    ///
    /// static LEVEL: ContextVar<u32> = ContextVar::new();
    ///
    /// LEVEL.set(1);
    /// Context::current().run(|| LEVEL.set(2));
    /// assert_eq!(LEVEL.get(), Some(1));
    /// ```
    pub fn set(&self, value: T) -> Token<T> {
        let variable = self.number();
        let value = Arc::new(value);
        let (context, old) = change(|context| {
            let old = context.insert(variable, value);
            (Some(context.identify()), old)
        })
        .unwrap_or_default();
        Token {
            variable,
            context,
            old,
            marker: PhantomData,
        }
    }

    /// Gives the variable the value that it had when the token was made, whatever it was set to
    /// since then.
    ///
    /// Source: `contextvars.ContextVar.reset`.
    ///
    /// # Errors
    ///
    /// Fails, and changes nothing, if the token was made by another variable, or in another context
    /// than the current one. A copy of a context is another context. The error gives the token back.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_core::context::{Context, ContextVar};
    ///
    /// static LEVEL: ContextVar<u32> = ContextVar::new();
    ///
    /// let token = LEVEL.set(1);
    /// let token = Context::current().run(|| LEVEL.reset(token)).unwrap_err().into_token();
    /// assert!(LEVEL.reset(token).is_ok());
    /// assert_eq!(LEVEL.get(), None);
    /// ```
    pub fn reset(&self, token: Token<T>) -> Result<(), ResetError<T>> {
        if self.number_if_used() != Some(token.variable) {
            return Err(ResetError {
                token,
                mismatch: Mismatch::Variable,
            });
        }
        let mut token = Some(token);
        let replaced = change(|context| {
            let here = context.number?;
            let token = token.take_if(|token| token.context == Some(here))?;
            Some(match token.old {
                Some(old) => context.insert(token.variable, old),
                None => context.remove(token.variable),
            })
        });
        drop(replaced);
        match token {
            None => Ok(()),
            Some(token) => Err(ResetError {
                token,
                mismatch: Mismatch::Context,
            }),
        }
    }
}

impl<T> Default for ContextVar<T> {
    fn default() -> Self {
        ContextVar::new()
    }
}

impl<T: Send + Sync + fmt::Debug + 'static> fmt::Debug for ContextVar<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.with(|value| f.debug_tuple("ContextVar").field(&value).finish())
    }
}
