//! Task-local values: variables whose value belongs to the flow of control, not to the thread.
//!
//! A [`ContextVar`] is a static; its value is looked up in the *current context* of the thread. A
//! [`Context`] is a set of values that is copied in constant time, so that each task can have its
//! own: it starts with what its spawner had, and what it changes is its own.
//!
//! ```
//! use corokit_core::context::{Context, ContextVar};
//! use futures_lite::future::block_on;
//!
//! static USER: ContextVar<String> = ContextVar::new();
//!
//! async fn greet() -> String {
//!     format!("hello {}", USER.get().unwrap_or_default())
//! }
//!
//! let context = Context::current().with_value(&USER, String::from("ada"));
//! assert_eq!(block_on(context.scope(greet())), "hello ada");
//! assert_eq!(USER.get(), None);
//! ```
//!
//! # Model
//!
//! * **Who shares.** A plain call, and a plain `.await`, share the context of the caller. A future
//!   in a [`Scope`], a function under [`Context::run`], and, with the feature `context` of
//!   corokit's scheduler, each spawned task have their own.
//! * **Other executors.** [`Context::scope`] wraps a future, and works wherever the future is
//!   polled or dropped: `smol::spawn(Context::current().scope(future))`.
//! * **Threads.** Each thread has a current context, which is empty at first; threads inherit
//!   nothing. A context, and a `Scope`, may be sent to other threads.
//! * **Empty is nothing special.** Under an empty context every variable has its default, whatever
//!   the caller has set.
//! * **User code.** A value is cloned, looked at and dropped while every operation is allowed,
//!   changes of the current context included.
//! * **End of a thread.** While the thread-locals of a thread are being destroyed, its context is
//!   empty and changes have no effect.
//!
//! For executors there are [`swap`], [`fork`] and [`in_use`].
//!
//! Source: Python's `contextvars`.

mod current;
mod fork;
mod scope;
mod token;
mod var;

pub use current::{in_use, swap};
pub use fork::fork;
pub use scope::Scope;
pub use token::{Mismatch, ResetError, Token};
pub use var::ContextVar;

use core::any::Any;
use core::fmt;
use core::future::Future;
use core::num::NonZeroU64;
use core::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;

use scope::Installed;

/// A value of a variable.
type Value = Arc<dyn Any + Send + Sync>;

/// The values of variables, sorted by the number of the variable.
type Values = Vec<(NonZeroU64, Value)>;

/// Returns a number that is never given again: the identity of a variable or of a context.
fn next_number() -> NonZeroU64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    NonZeroU64::new(number).expect("2^64 variables and contexts have been made")
}

/// A set of values of [`ContextVar`]s.
///
/// A clone is a copy in constant time: it has the same values, and changes of either are invisible
/// to the other. It has another identity: a [`Token`] goes with one context and none of its copies.
///
/// The first change after a copy costs O(n) for n variables that are set, a look-up O(log n).
///
/// Source: `contextvars.Context`.
///
/// # Examples
///
/// ```
/// use corokit_core::context::{Context, ContextVar};
///
/// static DEPTH: ContextVar<u32> = ContextVar::new();
///
/// let mut context = Context::new().with_value(&DEPTH, 1);
/// let copy = context.clone();
/// context.run(|| DEPTH.set(2));
/// assert_eq!((context.get(&DEPTH), copy.get(&DEPTH)), (Some(2), Some(1)));
/// ```
#[derive(Default)]
pub struct Context {
    values: Option<Arc<Values>>,
    /// The identity, which the context is given when a token needs it.
    number: Option<NonZeroU64>,
}

impl Context {
    /// Makes an empty context: every variable has its default.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_core::context::Context;
    ///
    /// assert!(Context::new().is_empty());
    /// ```
    pub const fn new() -> Self {
        Context {
            values: None,
            number: None,
        }
    }

    /// Returns a copy of the current context of this thread.
    ///
    /// Source: `contextvars.copy_context`.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_core::context::{Context, ContextVar};
    ///
    /// static LEVEL: ContextVar<u32> = ContextVar::new();
    ///
    /// let before = Context::current();
    /// LEVEL.set(1);
    /// assert_eq!(Context::current().get(&LEVEL), Some(1));
    /// assert_eq!(before.get(&LEVEL), None);
    /// ```
    #[inline]
    pub fn current() -> Self {
        match in_use() {
            true => current::copy(),
            false => Context::new(),
        }
    }

    /// Returns `true` if no variable is set.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_core::context::{Context, ContextVar};
    ///
    /// static LEVEL: ContextVar<u32> = ContextVar::new();
    ///
    /// assert!(Context::new().is_empty());
    /// assert!(!Context::new().with_value(&LEVEL, 1).is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.values.as_ref().is_none_or(|values| values.is_empty())
    }

    /// Returns what a variable is set to in this context, or `None`: the default of the variable
    /// does not count.
    ///
    /// Source: `contextvars.Context.get`.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_core::context::{Context, ContextVar};
    ///
    /// static LEVEL: ContextVar<u32> = ContextVar::with_default(7);
    ///
    /// assert_eq!(Context::new().get(&LEVEL), None);
    /// assert_eq!(Context::new().with_value(&LEVEL, 1).get(&LEVEL), Some(1));
    /// ```
    pub fn get<T>(&self, variable: &ContextVar<T>) -> Option<T>
    where
        T: Clone + Send + Sync + 'static,
    {
        let value = self.value(variable.number_if_used()?)?;
        value.downcast_ref().cloned()
    }

    /// Returns the context with a variable set to a value.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_core::context::{Context, ContextVar};
    ///
    /// static LEVEL: ContextVar<u32> = ContextVar::new();
    /// static COLOUR: ContextVar<&str> = ContextVar::new();
    ///
    /// let mut context = Context::new().with_value(&LEVEL, 1).with_value(&COLOUR, "red");
    /// let seen = context.run(|| (LEVEL.get(), COLOUR.get()));
    /// assert_eq!(seen, (Some(1), Some("red")));
    /// ```
    #[must_use = "this is the changed context"]
    pub fn with_value<T>(mut self, variable: &ContextVar<T>, value: T) -> Self
    where
        T: Send + Sync + 'static,
    {
        self.insert(variable.number(), Arc::new(value));
        self
    }

    /// Calls a function in this context, and keeps the changes that it makes.
    ///
    /// A context cannot be entered while it is entered: that would need a second `&mut`.
    ///
    /// Source: `contextvars.Context.run`.
    ///
    /// # Panics
    ///
    /// A panic of the function goes to the caller. The caller's context is current again, and the
    /// changes made until then are kept.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_core::context::{Context, ContextVar};
    ///
    /// static COUNT: ContextVar<u32> = ContextVar::with_default(0);
    ///
    /// let mut context = Context::new();
    /// for _ in 0..3 {
    ///     context.run(|| COUNT.set(COUNT.get().unwrap() + 1));
    /// }
    /// assert_eq!(context.get(&COUNT), Some(3));
    /// assert_eq!(COUNT.get(), Some(0));
    /// ```
    pub fn run<R>(&mut self, function: impl FnOnce() -> R) -> R {
        let _installed = Installed::new(self);
        function()
    }

    /// Lets a future run in this context, wherever it is polled and dropped.
    ///
    /// The copy is made when this is called: `Context::current().scope(future)` is a future with
    /// the caller's values, whose changes are its own.
    ///
    /// Source: `asynkit.coro_await(context=)`, `asyncio.create_task(context=)`.
    ///
    /// # Cancel safety
    ///
    /// That of the future.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_core::context::{Context, ContextVar};
    /// use futures_lite::future::{block_on, yield_now};
    ///
    /// static LEVEL: ContextVar<u32> = ContextVar::new();
    ///
    /// block_on(async {
    ///     LEVEL.set(1);
    ///     let seen = Context::current().scope(async {
    ///         LEVEL.set(2);
    ///         yield_now().await;
    ///         LEVEL.get()
    ///     });
    ///     assert_eq!(seen.await, Some(2));
    ///     assert_eq!(LEVEL.get(), Some(1));
    /// });
    /// ```
    pub fn scope<F: Future>(self, future: F) -> Scope<F> {
        Scope::new(self, future)
    }

    /// Returns `true` if the context is as [`Context::new`] made it: no value and no identity.
    #[inline]
    fn is_new(&self) -> bool {
        self.values.is_none() && self.number.is_none()
    }

    /// Returns the identity, and makes one if there is none.
    fn identify(&mut self) -> NonZeroU64 {
        *self.number.get_or_insert_with(next_number)
    }

    #[inline]
    fn value(&self, variable: NonZeroU64) -> Option<&Value> {
        let values = self.values.as_deref()?;
        let index = find(values, variable).ok()?;
        Some(&values[index].1)
    }

    /// Sets a variable and returns what it was set to. Runs no code of the value.
    fn insert(&mut self, variable: NonZeroU64, value: Value) -> Option<Value> {
        let values = Arc::make_mut(self.values.get_or_insert_default());
        match find(values, variable) {
            Ok(index) => Some(core::mem::replace(&mut values[index].1, value)),
            Err(index) => {
                values.insert(index, (variable, value));
                None
            }
        }
    }

    /// Unsets a variable and returns what it was set to. Runs no code of the value.
    fn remove(&mut self, variable: NonZeroU64) -> Option<Value> {
        let shared = self.values.as_mut()?;
        let index = find(shared, variable).ok()?;
        Some(Arc::make_mut(shared).remove(index).1)
    }
}

/// Finds the place of a variable.
#[inline]
fn find(values: &[(NonZeroU64, Value)], variable: NonZeroU64) -> Result<usize, usize> {
    values.binary_search_by_key(&variable, |(number, _)| *number)
}

impl Clone for Context {
    #[inline]
    fn clone(&self) -> Self {
        Context {
            values: self.values.clone(),
            number: None,
        }
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let len = self.values.as_ref().map_or(0, |values| values.len());
        f.debug_struct("Context")
            .field("values", &len)
            .finish_non_exhaustive()
    }
}
