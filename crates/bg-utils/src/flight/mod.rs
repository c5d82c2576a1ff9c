//! Single flight: callers that ask for the same thing at the same time share one execution.
//!
//! ```
//! use corokit_bg_utils::flight::Flight;
//! use futures_lite::future::{block_on, yield_now, zip};
//! use std::cell::Cell;
//!
//! let flight = Flight::new();
//! let calls = Cell::new(0);
//! let fetch = async || {
//!     calls.set(calls.get() + 1);
//!     yield_now().await;
//!     "a page"
//! };
//! let both = zip(flight.run("url", &fetch), flight.run("url", &fetch));
//! assert_eq!(block_on(both), ("a page", "a page"));
//! assert_eq!(calls.get(), 1);
//! ```
//!
//! # The model
//!
//! - **Flight**: one execution of the work for one key. It begins with a caller who finds none, and
//!   is over when there is a value; nothing is stored after that. Errors are values: with
//!   `Result<T, E>` for the value, an error goes to everybody who had joined that flight, by one
//!   execution.
//! - **Driver**: one of the callers polls the work; its task pays for it. The others wait in line,
//!   and are woken once.
//! - **Hand-over**: if the driver is dropped or panics, the first in line becomes the driver. With
//!   [`run`](Flight::run) it begins with its own future; with [`run_kept`](Flight::run_kept) it
//!   goes on with the same one, and nothing is done twice. Neither a cancellation nor a panic is
//!   ever shared.
//! - **Order**: the line is first in, first out. A caller that is polled while nobody drives does so,
//!   even if another has been woken to: whoever has been woken, and is polled late, holds up nobody
//!   who is polled. A driver that is never polled again, and not dropped either, holds up all.
//! - **Threads**: callers may be tasks of any executors, on any threads.
//! - **Locks**: keys are compared under a lock: `Eq` must not use the flight. Wakers, values, keys
//!   and futures are run, cloned and dropped without one.

mod cell;
mod line;
#[cfg(all(test, loom))]
mod loom_tests;
mod nested;
mod once;
mod seat;
mod table;

use std::borrow::Borrow;
use std::fmt;
use std::future::Future;
use std::hash::{BuildHasher, Hash};
use std::pin::Pin;
use std::sync::Arc;

use foldhash::fast::RandomState;

use crate::sync::{Mutex, lock};

pub(crate) use cell::Cell;
pub(crate) use seat::{Hangar, Seat};
pub(crate) use table::{Flights, Joined};

/// A future that outlives those who poll it.
pub(crate) type Kept<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Single flight, by key: callers that come while the work for their key is under way share it.
///
/// See the [module](self) for how it goes on when callers are dropped.
///
/// Source: `async_utils.corofunc_cache`, as far as it makes callers share; here without the cache.
///
/// # Examples
///
/// ```
/// use corokit_bg_utils::flight::Flight;
/// use futures_lite::future::block_on;
///
/// let flight: Flight<u64, Result<String, std::num::ParseIntError>> = Flight::new();
/// let double = async |text: &str| Ok((2 * text.parse::<u64>()?).to_string());
/// assert_eq!(block_on(flight.run(1, || double("21"))).unwrap(), "42");
/// assert!(block_on(flight.run(1, || double("x"))).is_err());
/// assert!(flight.is_empty());
/// ```
pub struct Flight<K, V, S = RandomState> {
    flights: Mutex<Flights<K, V, Kept<V>>>,
    hasher: S,
}

impl<K: Hash + Eq, V: Clone> Flight<K, V> {
    /// Makes one without any flights.
    ///
    /// ```
    /// let flight = corokit_bg_utils::flight::Flight::<u8, u8>::new();
    /// assert_eq!(flight.len(), 0);
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self::with_hasher(RandomState::default())
    }
}

impl<K: Hash + Eq, V: Clone> Default for Flight<K, V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K: Hash + Eq, V: Clone, S: BuildHasher> Flight<K, V, S> {
    /// Makes one that hashes keys by `hasher`.
    ///
    /// ```
    /// use corokit_bg_utils::flight::Flight;
    /// use std::hash::RandomState;
    ///
    /// let flight = Flight::<u8, u8, _>::with_hasher(RandomState::new());
    /// assert!(flight.is_empty());
    /// ```
    #[must_use]
    pub fn with_hasher(hasher: S) -> Self {
        Flight {
            flights: Mutex::new(Flights::new()),
            hasher,
        }
    }

    /// Joins the flight of the key, or begins one with `init`.
    ///
    /// `init` is called only if this caller drives the work, and its future, which may borrow and
    /// need not be `Send`, belongs to this caller: when the caller is dropped, then so is the
    /// future, and the next in line begins with its own.
    ///
    /// # Panics
    ///
    /// A panic of `init` or of its future comes out of the caller who drives it, and of no other.
    /// Work that waits for its own key in its own task panics instead of waiting for ever.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future is never having called.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::flight::Flight;
    /// use futures_lite::future::block_on;
    ///
    /// let flight = Flight::new();
    /// let name = String::from("borrowed");
    /// assert_eq!(block_on(flight.run('k', async || name.len())), 8);
    /// ```
    pub async fn run<F>(&self, key: K, init: impl FnOnce() -> F) -> V
    where
        F: Future<Output = V>,
    {
        self.seat(key).run(init).await
    }

    /// Joins the flight of the key, or begins one with `init`, whose future stays when this caller
    /// is dropped: the next in line goes on with it.
    ///
    /// That costs a box, and the future must be `Send` and borrow nothing. When all callers are
    /// dropped, then so is the future.
    ///
    /// # Panics
    ///
    /// As [`run`](Self::run). A future that has panicked is dropped, and the next in line begins
    /// with its own.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future is never having called.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::flight::Flight;
    /// use futures_lite::future::{block_on, poll_once, yield_now};
    ///
    /// let flight = Flight::new();
    /// let mut first = Box::pin(flight.run_kept(7, async || {
    ///     yield_now().await;
    ///     "begun by the first"
    /// }));
    /// let mut second = Box::pin(flight.run_kept(7, async || "begun by the second"));
    /// block_on(async {
    ///     assert!(poll_once(&mut first).await.is_none());
    ///     assert!(poll_once(&mut second).await.is_none());
    ///     drop(first);
    ///     assert_eq!(second.await, "begun by the first");
    /// });
    /// ```
    pub async fn run_kept<F>(&self, key: K, init: impl FnOnce() -> F) -> V
    where
        F: Future<Output = V> + Send + 'static,
    {
        self.seat(key).run_kept(|| Box::pin(init())).await
    }

    /// Lets those who come from now on begin a flight of their own, and returns whether one was
    /// under way. Those who have joined it still get its value.
    ///
    /// ```
    /// let flight = corokit_bg_utils::flight::Flight::<u8, u8>::new();
    /// assert!(!flight.forget(&7));
    /// ```
    pub fn forget<Q>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let hash = self.hasher.hash_one(key);
        let forgotten = lock(&self.flights).forget(hash, key);
        forgotten.is_some()
    }

    /// Returns how many flights are under way.
    ///
    /// ```
    /// use corokit_bg_utils::flight::Flight;
    /// use futures_lite::future::{block_on, poll_once};
    ///
    /// let flight = Flight::new();
    /// let mut call = Box::pin(flight.run("key", std::future::pending::<()>));
    /// assert!(block_on(poll_once(&mut call)).is_none());
    /// assert_eq!(flight.len(), 1);
    /// drop(call);
    /// assert_eq!(flight.len(), 0);
    /// ```
    pub fn len(&self) -> usize {
        lock(&self.flights).len()
    }

    /// Returns whether no flight is under way.
    ///
    /// ```
    /// assert!(corokit_bg_utils::flight::Flight::<u8, u8>::new().is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn seat(&self, key: K) -> Seat<&Self> {
        let hash = self.hasher.hash_one(&key);
        let begin = |_: &mut _| Cell::driven();
        let joined = lock(&self.flights).join_or_begin(hash, key, 1, &mut None, begin);
        let Joined { cell, new, garbage } = joined;
        drop(garbage);
        if new {
            Seat::driving(self, hash, cell)
        } else {
            Seat::joined(self, hash, cell)
        }
    }
}

impl<K: Hash + Eq, V: Clone, S: BuildHasher> Hangar for Flight<K, V, S> {
    type Key = K;
    type Value = V;
    type Work = Kept<V>;

    fn abandon(&self, hash: u64, cell: &Arc<Cell<V, Kept<V>>>) {
        // A statement of its own: the key is dropped after the lock has been released.
        let flying = lock(&self.flights).take(hash, cell);
        drop(flying);
    }

    fn complete(&self, hash: u64, cell: &Arc<Cell<V, Kept<V>>>, _: &V) {
        self.abandon(hash, cell);
    }
}

impl<K, V, S> fmt::Debug for Flight<K, V, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flight").finish_non_exhaustive()
    }
}
