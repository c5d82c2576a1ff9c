//! The cache with a function for each access.

use std::borrow::Borrow;
use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::hash::{BuildHasher, Hash};
use std::ops::Deref;
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::builder::{Builder, Settings};
use super::core::{Core, Look};
use super::prefetch::{PrefetchError, prefetch};
use crate::flight::Kept;

/// A cache for what async functions return.
///
/// See the [module](super) for how it behaves. `E` is what the work fails with; without it, the
/// work cannot fail.
///
/// Source: `async_utils.corofunc_cache`, `async_utils.task_cache`; see [`Memo`](super::Memo) for the
/// decorator.
///
/// # Examples
///
/// ```
/// use corokit_bg_utils::cache::Cache;
/// use futures_lite::future::block_on;
///
/// let cache = Cache::new(2);
/// let load = async |key| cache.get_or_init(key, async || key * 10).await;
/// block_on(async {
///     for key in [1, 2, 1, 3] {
///         assert_eq!(load(key).await, key * 10);
///     }
/// });
/// // The second 1 was a hit, and that is use: 2 is what had to go.
/// assert_eq!((cache.peek(&1), cache.peek(&2), cache.peek(&3)), (Some(10), None, Some(30)));
/// ```
pub struct Cache<K, V, E = Infallible, S = RandomState> {
    core: CoreOf<K, V, E, S>,
}

type CoreOf<K, V, E, S> = Core<K, V, E, S, Kept<Result<V, E>>>;

impl<K: Hash + Eq, V: Clone> Cache<K, V> {
    /// Makes a cache of at most `capacity` entries that stay until there is no room.
    ///
    /// ```
    /// let cache = corokit_bg_utils::cache::Cache::<u8, u8>::new(8);
    /// assert_eq!(cache.capacity(), 8);
    /// ```
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Cache::builder().capacity(capacity).build()
    }
}

impl Cache<(), ()> {
    /// Begins to say how a cache, or a [`Memo`](super::Memo), is to be.
    ///
    /// ```
    /// use corokit_bg_utils::cache::Cache;
    /// use std::time::Duration;
    ///
    /// let cache = Cache::builder().ttl(Duration::from_secs(60)).build();
    /// cache.insert("key", 7);
    /// assert_eq!(cache.get("key"), Some(7));
    /// ```
    pub fn builder() -> Builder {
        Builder::new()
    }
}

impl<K: Hash + Eq, V: Clone, S: BuildHasher> Cache<K, V, Infallible, S> {
    /// Returns the value of a key, or waits for the one that is on its way, or else makes it with
    /// `init`.
    ///
    /// `init` is called only if this caller makes the value, and its future, which may borrow and
    /// need not be `Send`, belongs to this caller: when the caller is dropped, then so is the
    /// future, and the next one who waits begins with its own.
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
    /// use corokit_bg_utils::cache::Cache;
    /// use futures_lite::future::block_on;
    ///
    /// let cache = Cache::new(8);
    /// let text = String::from("borrowed");
    /// assert_eq!(block_on(cache.get_or_init('k', async || text.len())), 8);
    /// assert_eq!(block_on(cache.get_or_init('k', async || unreachable!())), 8);
    /// ```
    pub async fn get_or_init<F>(&self, key: K, init: impl FnOnce() -> F) -> V
    where
        F: Future<Output = V>,
    {
        match Core::look(&self.core, key) {
            Look::Hit(result) => sure(result),
            Look::Miss(seat) => {
                let init = || {
                    let future = init();
                    async move { Ok(future.await) }
                };
                sure(seat.run(init).await)
            }
        }
    }

    /// Returns the value of a key, or waits for the one that is on its way, or else makes it with
    /// `init`, whose future stays when this caller is dropped: the next one who waits goes on with
    /// it, and nothing is done twice.
    ///
    /// That costs a box, and the future must be `Send` and borrow nothing. When all callers are
    /// dropped, then so is the future; see [`prefetch`](Self::prefetch) for one that goes on.
    ///
    /// # Panics
    ///
    /// As [`get_or_init`](Self::get_or_init). A future that has panicked is dropped, and the next
    /// one who waits begins with its own.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future is never having called.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::cache::Cache;
    /// use futures_lite::future::{block_on, poll_once, yield_now};
    ///
    /// let cache = Cache::new(8);
    /// let mut first = Box::pin(cache.get_or_init_kept(7, async || {
    ///     yield_now().await;
    ///     "begun by the first"
    /// }));
    /// let mut second = Box::pin(cache.get_or_init_kept(7, async || "begun by the second"));
    /// block_on(async {
    ///     assert!(poll_once(&mut first).await.is_none());
    ///     assert!(poll_once(&mut second).await.is_none());
    ///     drop(first);
    ///     assert_eq!(second.await, "begun by the first");
    /// });
    /// ```
    pub async fn get_or_init_kept<F>(&self, key: K, init: impl FnOnce() -> F) -> V
    where
        F: Future<Output = V> + Send + 'static,
    {
        match Core::look(&self.core, key) {
            Look::Hit(result) => sure(result),
            Look::Miss(seat) => sure(seat.run_kept(|| boxed(init())).await),
        }
    }

    /// Makes the value of a key so that this goes on even if nobody waits for it: the first future
    /// returned waits for the value, and may be dropped; the second does the work, and is to be
    /// spawned.
    ///
    /// Whoever asks from now on joins. If the value is there, or on its way by the work of others,
    /// `work` is not polled, unless those others are dropped. Nothing is lost if the second future is
    /// dropped: those who wait go on with the work. When all are dropped, then so is the work.
    ///
    /// Source: `async_utils.task_cache.taskcache`.
    ///
    /// # Errors
    ///
    /// The first future says if the work has panicked.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::cache::Cache;
    /// use std::sync::Arc;
    ///
    /// let cache = Arc::new(Cache::new(8));
    /// let (_, driver) = cache.prefetch("page", async { "text" });
    /// smol::spawn(driver).detach();
    /// let page = cache.get_or_init("page", async || unreachable!());
    /// assert_eq!(smol::block_on(page), "text");
    /// ```
    pub fn prefetch<F>(
        self: &Arc<Self>,
        key: K,
        work: F,
    ) -> (
        impl Future<Output = Result<V, PrefetchError<Infallible>>> + use<K, V, S, F>,
        impl Future<Output = ()> + use<K, V, S, F>,
    )
    where
        F: Future<Output = V> + Send + 'static,
    {
        prefetch(Held(Arc::clone(self)), key, boxed(work))
    }
}

impl<K: Hash + Eq, V: Clone, E: Clone, S: BuildHasher> Cache<K, V, E, S> {
    pub(super) fn with(settings: Settings, hasher: S) -> Self {
        Cache {
            core: Core::new(settings, hasher),
        }
    }

    /// Returns the value of a key, or waits for the one that is on its way, or else tries to make it
    /// with `init`.
    ///
    /// Everything else is as for `get_or_init`.
    ///
    /// # Errors
    ///
    /// What `init` has failed with, whichever caller's it was.
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
    /// use corokit_bg_utils::cache::Cache;
    /// use futures_lite::future::block_on;
    ///
    /// let cache = Cache::builder().build_fallible();
    /// let down = cache.get_or_try_init("key", async || Err("down"));
    /// assert_eq!(block_on(down), Err("down"));
    /// // Errors are not kept, unless the cache is built to.
    /// assert_eq!(block_on(cache.get_or_try_init("key", async || Ok(7))), Ok(7));
    /// ```
    pub async fn get_or_try_init<F>(&self, key: K, init: impl FnOnce() -> F) -> Result<V, E>
    where
        F: Future<Output = Result<V, E>>,
    {
        match Core::look(&self.core, key) {
            Look::Hit(result) => result,
            Look::Miss(seat) => seat.run(init).await,
        }
    }

    /// Returns the value of a key, or waits for the one that is on its way, or else tries to make it
    /// with `init`, whose future stays when this caller is dropped: the next one who waits goes on
    /// with it.
    ///
    /// Everything else is as for `get_or_init_kept`.
    ///
    /// # Errors
    ///
    /// What `init` has failed with, whichever caller's it was.
    ///
    /// # Panics
    ///
    /// As [`get_or_try_init`](Self::get_or_try_init).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future is never having called.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::cache::Cache;
    /// use futures_lite::future::block_on;
    ///
    /// let cache = Cache::builder().build_fallible::<_, _, &str>();
    /// assert_eq!(block_on(cache.get_or_try_init_kept("key", async || Ok(7))), Ok(7));
    /// ```
    pub async fn get_or_try_init_kept<F>(&self, key: K, init: impl FnOnce() -> F) -> Result<V, E>
    where
        F: Future<Output = Result<V, E>> + Send + 'static,
    {
        match Core::look(&self.core, key) {
            Look::Hit(result) => result,
            Look::Miss(seat) => seat.run_kept(|| Box::pin(init())).await,
        }
    }

    /// Tries to make the value of a key so that this goes on even if nobody waits for it: see
    /// `prefetch`.
    ///
    /// # Errors
    ///
    /// The first future says if the work has failed or panicked.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::cache::{Cache, PrefetchError};
    /// use std::sync::Arc;
    ///
    /// let cache = Arc::new(Cache::builder().build_fallible::<_, u8, _>());
    /// let (page, driver) = cache.try_prefetch("page", async { Err("not found") });
    /// smol::spawn(driver).detach();
    /// assert_eq!(smol::block_on(page), Err(PrefetchError::Failed("not found")));
    /// ```
    pub fn try_prefetch<F>(
        self: &Arc<Self>,
        key: K,
        work: F,
    ) -> (
        impl Future<Output = Result<V, PrefetchError<E>>> + use<K, V, E, S, F>,
        impl Future<Output = ()> + use<K, V, E, S, F>,
    )
    where
        F: Future<Output = Result<V, E>> + Send + 'static,
    {
        prefetch(Held(Arc::clone(self)), key, Box::pin(work) as Kept<_>)
    }

    /// Returns the value of a key if it is there, and counts that as use. An error that is kept is
    /// not a value.
    ///
    /// ```
    /// let cache = corokit_bg_utils::cache::Cache::new(8);
    /// cache.insert(String::from("key"), 7);
    /// assert_eq!(cache.get("key"), Some(7));
    /// ```
    #[inline]
    pub fn get<Q>(&self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.core.get(key, true)?.ok()
    }

    /// Returns the value of a key if it is there, without counting that as use.
    ///
    /// ```
    /// let cache = corokit_bg_utils::cache::Cache::<u8, u8>::new(8);
    /// assert_eq!(cache.peek(&1), None);
    /// ```
    pub fn peek<Q>(&self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.core.get(key, false)?.ok()
    }

    /// Writes the value of a key, which is use, and returns the one that was there. Its time to live
    /// begins now.
    ///
    /// A flight of the key goes on for those who have joined it; its value is not kept.
    ///
    /// ```
    /// let cache = corokit_bg_utils::cache::Cache::new(8);
    /// assert_eq!(cache.insert("key", 7), None);
    /// assert_eq!(cache.insert("key", 8), Some(7));
    /// ```
    pub fn insert(&self, key: K, value: V) -> Option<V> {
        self.core.insert(key, value)?.ok()
    }

    /// Removes a key, and returns its value if it was there.
    ///
    /// A flight of the key goes on for those who have joined it; its value is not kept.
    ///
    /// ```
    /// let cache = corokit_bg_utils::cache::Cache::new(8);
    /// cache.insert("key", 7);
    /// assert_eq!(cache.remove("key"), Some(7));
    /// assert_eq!(cache.get("key"), None);
    /// ```
    pub fn remove<Q>(&self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.core.remove(key)?.ok()
    }

    /// Removes all keys. Flights go on for those who have joined them; their values are not kept.
    ///
    /// ```
    /// let cache = corokit_bg_utils::cache::Cache::new(8);
    /// cache.insert("key", 7);
    /// cache.clear();
    /// assert!(cache.is_empty());
    /// ```
    pub fn clear(&self) {
        self.core.clear();
    }

    /// Returns the number of entries, with those that have expired and are not yet gone.
    ///
    /// ```
    /// let cache = corokit_bg_utils::cache::Cache::new(8);
    /// cache.insert("key", 7);
    /// assert_eq!(cache.len(), 1);
    /// ```
    pub fn len(&self) -> usize {
        self.core.len()
    }

    /// Returns whether [`len`](Self::len) is zero.
    ///
    /// ```
    /// assert!(corokit_bg_utils::cache::Cache::<u8, u8>::new(8).is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the number of flights: keys whose values are on their way.
    ///
    /// ```
    /// use corokit_bg_utils::cache::Cache;
    /// use futures_lite::future::{block_on, poll_once};
    ///
    /// let cache = Cache::new(8);
    /// let mut call = Box::pin(cache.get_or_init(1, std::future::pending::<u8>));
    /// assert!(block_on(poll_once(&mut call)).is_none());
    /// assert_eq!((cache.in_flight(), cache.len()), (1, 0));
    /// drop(call);
    /// assert_eq!(cache.in_flight(), 0);
    /// ```
    pub fn in_flight(&self) -> usize {
        self.core.in_flight()
    }

    /// Returns the greatest number of entries, as it was asked for.
    ///
    /// ```
    /// assert_eq!(corokit_bg_utils::cache::Cache::<u8, u8>::new(8).capacity(), 8);
    /// ```
    pub fn capacity(&self) -> usize {
        self.core.capacity()
    }

    /// Removes the entries that have expired, and returns how many there were.
    ///
    /// They go by themselves, two with each new entry; this is for a cache that gets no new ones.
    ///
    /// ```
    /// use corokit_bg_utils::cache::Cache;
    /// use std::time::Duration;
    ///
    /// let cache = Cache::builder().ttl(Duration::ZERO).build();
    /// cache.insert("key", 7);
    /// assert_eq!(cache.purge_expired(), 1);
    /// ```
    pub fn purge_expired(&self) -> usize {
        self.core.purge_expired()
    }
}

/// A future that cannot fail, as one that could, in a box.
fn boxed<F, V>(future: F) -> Kept<Result<V, Infallible>>
where
    F: Future<Output = V> + Send + 'static,
{
    Box::pin(async move { Ok(future.await) })
}

/// Returns the value of what cannot fail.
#[inline]
fn sure<V>(result: Result<V, Infallible>) -> V {
    match result {
        Ok(value) => value,
        Err(never) => match never {},
    }
}

/// The core of a cache that is held on to.
struct Held<K, V, E, S>(Arc<Cache<K, V, E, S>>);

impl<K, V, E, S> Clone for Held<K, V, E, S> {
    fn clone(&self) -> Self {
        Held(Arc::clone(&self.0))
    }
}

impl<K, V, E, S> Deref for Held<K, V, E, S> {
    type Target = CoreOf<K, V, E, S>;

    fn deref(&self) -> &Self::Target {
        &self.0.core
    }
}

impl<K, V, E, S> fmt::Debug for Cache<K, V, E, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache").finish_non_exhaustive()
    }
}
