//! How a cache is to be.

use std::convert::Infallible;
use std::hash::{BuildHasher, Hash};
use std::time::Duration;

use foldhash::fast::RandomState;

use super::Cache;
use super::memo::{By, Fallible, Function, Itself, KeyOf, Memo, Plain};
use crate::lru::COARSE;

/// What a cache does with errors. Either way those who have joined the flight that fails all get
/// its error, by one execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum ErrorPolicy {
    /// They are not kept: the next caller tries again. This is the default.
    #[default]
    Forget,
    /// They are kept like values.
    Keep,
    /// They are kept, but for a time of their own, so that a failing backend is not asked more often
    /// than that.
    KeepFor(Duration),
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Settings {
    pub(super) capacity: usize,
    pub(super) ttl: Option<Duration>,
    pub(super) errors: ErrorPolicy,
    pub(super) shards: usize,
}

impl Settings {
    /// Returns whether anything may expire, so that the clock is to be looked at.
    #[inline]
    pub(super) fn is_timed(&self) -> bool {
        self.ttl.is_some() || matches!(self.errors, ErrorPolicy::KeepFor(_))
    }

    /// Returns whether anything lives so short that a tick of the coarse clock makes a difference.
    #[inline]
    pub(super) fn is_short_lived(&self) -> bool {
        let short = |ttl: Duration| ttl < COARSE;
        self.ttl.is_some_and(short)
            || matches!(self.errors, ErrorPolicy::KeepFor(ttl) if short(ttl))
    }
}

/// Says how a [`Cache`] or a [`Memo`] is to be.
///
/// Without further ado it is unbounded, what is in it stays for ever, and errors are not kept.
///
/// ```
/// use corokit_bg_utils::cache::{Cache, ErrorPolicy};
/// use std::time::Duration;
///
/// let cache = Cache::builder()
///     .capacity(10_000)
///     .ttl(Duration::from_secs(60))
///     .errors(ErrorPolicy::KeepFor(Duration::from_secs(1)))
///     .build_fallible::<u64, String, std::io::ErrorKind>();
/// assert_eq!(cache.capacity(), 10_000);
/// ```
#[derive(Clone, Debug)]
#[must_use = "it does nothing until it builds something"]
pub struct Builder<S = RandomState> {
    settings: Settings,
    hasher: S,
}

impl Builder {
    pub(super) fn new() -> Self {
        Builder {
            settings: Settings {
                capacity: usize::MAX,
                ttl: None,
                errors: ErrorPolicy::Forget,
                shards: 1,
            },
            hasher: RandomState::default(),
        }
    }
}

impl<S: BuildHasher> Builder<S> {
    /// Bounds the number of entries. When there is no room, the entry goes that was not used for
    /// longest. With zero, nothing is kept, and callers only share flights.
    ///
    /// Flights do not count until they have landed.
    ///
    /// ```
    /// let cache = corokit_bg_utils::cache::Cache::builder().capacity(8).build::<u8, u8>();
    /// assert_eq!(cache.capacity(), 8);
    /// ```
    pub fn capacity(mut self, capacity: usize) -> Self {
        self.settings.capacity = capacity;
        self
    }

    /// Bounds the life of entries. It begins when a value is there, not when the work for it begins.
    /// Being read does not prolong it. An entry is never missing before it is over, and is missing
    /// from the very instant at which it is; with 100 milliseconds or more, where the system has a
    /// coarse clock that costs less, up to a tick of that later: see
    /// `corokit_core::time::coarse_now`.
    ///
    /// ```
    /// use corokit_bg_utils::cache::Cache;
    /// use std::time::Duration;
    ///
    /// let cache = Cache::builder().ttl(Duration::ZERO).build();
    /// cache.insert(1, "one");
    /// assert_eq!(cache.get(&1), None);
    /// ```
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.settings.ttl = Some(ttl);
        self
    }

    /// Says what becomes of errors.
    ///
    /// ```
    /// use corokit_bg_utils::cache::{Cache, ErrorPolicy};
    /// use futures_lite::future::block_on;
    ///
    /// let cache = Cache::builder().errors(ErrorPolicy::Keep).build_fallible::<_, u8, _>();
    /// assert_eq!(block_on(cache.get_or_try_init("key", async || Err("down"))), Err("down"));
    /// assert_eq!(block_on(cache.get_or_try_init("key", async || Ok(1))), Err("down"));
    /// ```
    pub fn errors(mut self, errors: ErrorPolicy) -> Self {
        self.settings.errors = errors;
        self
    }

    /// Divides the cache into so many parts, rounded up to a power of two, each with a lock of its
    /// own: for threads that would wait for each other.
    ///
    /// Each part forgets by itself: which entry was not used for longest is only known within a
    /// part. The capacity is divided, and rounded up.
    ///
    /// ```
    /// let cache = corokit_bg_utils::cache::Cache::builder().shards(16).build::<u8, u8>();
    /// assert!(cache.is_empty());
    /// ```
    pub fn shards(mut self, shards: usize) -> Self {
        self.settings.shards = shards;
        self
    }

    /// Hashes keys by `hasher`.
    ///
    /// ```
    /// use corokit_bg_utils::cache::Cache;
    /// use std::hash::RandomState;
    ///
    /// let cache = Cache::builder().hasher(RandomState::new()).build::<u8, u8>();
    /// assert!(cache.is_empty());
    /// ```
    pub fn hasher<T: BuildHasher>(self, hasher: T) -> Builder<T> {
        Builder {
            settings: self.settings,
            hasher,
        }
    }

    /// Makes a cache for work that cannot fail.
    ///
    /// ```
    /// use corokit_bg_utils::cache::Cache;
    /// use futures_lite::future::block_on;
    ///
    /// let cache = Cache::builder().build();
    /// assert_eq!(block_on(cache.get_or_init(7, async || "seven")), "seven");
    /// ```
    #[must_use]
    pub fn build<K: Hash + Eq, V: Clone>(self) -> Cache<K, V, Infallible, S> {
        self.build_fallible()
    }

    /// Makes a cache for work that can fail.
    ///
    /// ```
    /// use corokit_bg_utils::cache::Cache;
    /// use futures_lite::future::block_on;
    ///
    /// let cache = Cache::builder().build_fallible();
    /// let parsed = block_on(cache.get_or_try_init("7", async || "7".parse::<u8>()));
    /// assert_eq!(parsed, Ok(7));
    /// ```
    #[must_use]
    pub fn build_fallible<K: Hash + Eq, V: Clone, E: Clone>(self) -> Cache<K, V, E, S> {
        Cache::with(self.settings, self.hasher)
    }

    /// Puts a cache in front of a function that cannot fail.
    ///
    /// ```
    /// use corokit_bg_utils::cache::Cache;
    /// use futures_lite::future::block_on;
    ///
    /// let square = Cache::builder().capacity(100).memo(async |n: u64| n * n);
    /// assert_eq!(block_on(square.call(7)), 49);
    /// ```
    pub fn memo<A, F>(self, function: F) -> Memo<A, Plain<F>, Itself, S>
    where
        Plain<F>: Function<A>,
        A: Hash + Eq + Clone,
    {
        Memo::with(self.settings, self.hasher, Plain(function), Itself)
    }

    /// Puts a cache in front of a function that cannot fail. What `key` makes of the arguments tells
    /// calls apart.
    ///
    /// Source: `async_utils.corofunc_cache`, `cache_transform`.
    ///
    /// ```
    /// use corokit_bg_utils::cache::Cache;
    /// use futures_lite::future::block_on;
    ///
    /// // Names that differ in case alone are the same.
    /// let greet = async |name: String| format!("Hello, {name}!");
    /// let greet = Cache::builder().memo_by(|name: &String| name.to_lowercase(), greet);
    /// assert_eq!(block_on(greet.call("Ada".into())), "Hello, Ada!");
    /// assert_eq!(block_on(greet.call("ADA".into())), "Hello, Ada!");
    /// ```
    pub fn memo_by<A, K, G, F>(self, key: G, function: F) -> Memo<A, Plain<F>, By<G>, S>
    where
        Plain<F>: Function<A>,
        By<G>: KeyOf<A, Key = K>,
        G: Fn(&A) -> K,
        K: Hash + Eq,
    {
        Memo::with(self.settings, self.hasher, Plain(function), By(key))
    }

    /// Puts a cache in front of a function that can fail.
    ///
    /// ```
    /// use corokit_bg_utils::cache::Cache;
    /// use futures_lite::future::block_on;
    ///
    /// let parse = Cache::builder().memo_fallible(async |text: &'static str| text.parse::<u8>());
    /// assert_eq!(block_on(parse.call("7")), Ok(7));
    /// assert!(block_on(parse.call("seven")).is_err());
    /// ```
    pub fn memo_fallible<A, F>(self, function: F) -> Memo<A, Fallible<F>, Itself, S>
    where
        Fallible<F>: Function<A>,
        A: Hash + Eq + Clone,
    {
        Memo::with(self.settings, self.hasher, Fallible(function), Itself)
    }

    /// Puts a cache in front of a function that can fail. What `key` makes of the arguments tells
    /// calls apart.
    ///
    /// ```
    /// use corokit_bg_utils::cache::Cache;
    /// use futures_lite::future::block_on;
    ///
    /// let parse = async |(text, _hint): (&'static str, usize)| text.parse::<u8>();
    /// let key = |&(text, _): &(&'static str, usize)| text;
    /// let parse = Cache::builder().memo_fallible_by(key, parse);
    /// assert_eq!(block_on(parse.call(("7", 1))), Ok(7));
    /// assert_eq!(block_on(parse.call(("7", 2))), Ok(7));
    /// assert_eq!(parse.len(), 1);
    /// ```
    pub fn memo_fallible_by<A, K, G, F>(self, key: G, function: F) -> Memo<A, Fallible<F>, By<G>, S>
    where
        Fallible<F>: Function<A>,
        By<G>: KeyOf<A, Key = K>,
        G: Fn(&A) -> K,
        K: Hash + Eq,
    {
        Memo::with(self.settings, self.hasher, Fallible(function), By(key))
    }
}
