//! The map with a time to live.

use std::borrow::Borrow;
use std::fmt;
use std::hash::{BuildHasher, Hash};
use std::time::{Duration, Instant};

use corokit_core::time;
use foldhash::fast::RandomState;

use super::store::{COARSE, Class, EACH, Lifetime, Store};

/// A map of at most so many entries, which forgets the one not used for longest, and all that were
/// written too long ago.
///
/// There are no timers: each call looks at the clock, `corokit_core::time`, and drops up to two
/// entries that have expired.
///
/// See the [module](super) for what counts as use.
///
/// Source: `async_utils.lru.TTLLRU`. There, each writing over a key cost memory until its time was
/// over.
///
/// # Examples
///
/// ```
/// use corokit_bg_utils::lru::TtlLru;
/// use std::time::Duration;
///
/// let mut tokens = TtlLru::new(1_000, Duration::from_secs(60));
/// tokens.insert("alice", 0x5eed);
/// assert_eq!(tokens.get("alice"), Some(&0x5eed));
/// ```
pub struct TtlLru<K, V, S = RandomState> {
    store: Store<K, V>,
    ttl: Duration,
    hasher: S,
}

impl<K: Hash + Eq, V> TtlLru<K, V> {
    /// Makes an empty map for at most `capacity` entries that live for `ttl`. With zero for either,
    /// nothing is ever found in it.
    ///
    /// ```
    /// use corokit_bg_utils::lru::TtlLru;
    /// use std::time::Duration;
    ///
    /// let mut map = TtlLru::new(1, Duration::ZERO);
    /// map.insert(1, "one");
    /// assert_eq!(map.get(&1), None);
    /// ```
    #[must_use]
    pub fn new(capacity: usize, ttl: Duration) -> Self {
        Self::with_hasher(capacity, ttl, RandomState::default())
    }
}

impl<K: Hash + Eq, V, S: BuildHasher> TtlLru<K, V, S> {
    /// Makes an empty map for at most `capacity` entries that live for `ttl`, and hashes keys by
    /// `hasher`.
    ///
    /// ```
    /// use corokit_bg_utils::lru::TtlLru;
    /// use std::hash::RandomState;
    /// use std::time::Duration;
    ///
    /// let map = TtlLru::<u8, u8, _>::with_hasher(8, Duration::MAX, RandomState::new());
    /// assert_eq!(map.ttl(), Duration::MAX);
    /// ```
    #[must_use]
    pub fn with_hasher(capacity: usize, ttl: Duration, hasher: S) -> Self {
        TtlLru {
            store: Store::new(capacity),
            ttl,
            hasher,
        }
    }

    /// Returns the value of a key, and counts that as use. The value does not live longer for it.
    ///
    /// ```
    /// # use corokit_bg_utils::lru::TtlLru;
    /// # use std::time::Duration;
    /// let mut map = TtlLru::new(8, Duration::from_secs(60));
    /// map.insert(1, "one");
    /// assert_eq!(map.get(&1), Some(&"one"));
    /// ```
    pub fn get<Q>(&mut self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let at = self.use_live(key)?;
        Some(self.store.pair(at).1)
    }

    /// Returns the value of a key for changing it, and counts that as use. The value does not live
    /// longer for it.
    ///
    /// ```
    /// # use corokit_bg_utils::lru::TtlLru;
    /// # use std::time::Duration;
    /// let mut map = TtlLru::new(8, Duration::from_secs(60));
    /// map.insert(1, 0);
    /// *map.get_mut(&1).unwrap() += 1;
    /// assert_eq!(map.peek(&1), Some(&1));
    /// ```
    pub fn get_mut<Q>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let at = self.use_live(key)?;
        Some(self.store.value_mut(at))
    }

    /// Returns the value of a key without counting it as use.
    ///
    /// ```
    /// # use corokit_bg_utils::lru::TtlLru;
    /// # use std::time::Duration;
    /// let map = TtlLru::<u8, u8>::new(8, Duration::from_secs(60));
    /// assert_eq!(map.peek(&1), None);
    /// ```
    pub fn peek<Q>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let at = self.find(key)?;
        let live = !self.store.has_expired(at, self.past());
        live.then(|| self.store.pair(at).1)
    }

    /// Returns whether there is a value for a key, without counting it as use.
    ///
    /// ```
    /// # use corokit_bg_utils::lru::TtlLru;
    /// # use std::time::Duration;
    /// let map = TtlLru::<u8, u8>::new(8, Duration::from_secs(60));
    /// assert!(!map.contains(&1));
    /// ```
    pub fn contains<Q>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.peek(key).is_some()
    }

    /// Returns the instant from which the value of a key is missing; nothing if it is missing, or
    /// lives longer than the clock can tell.
    ///
    /// ```
    /// # use corokit_bg_utils::lru::TtlLru;
    /// # use std::time::Duration;
    /// let mut map = TtlLru::new(8, Duration::from_secs(60));
    /// map.insert(1, "one");
    /// assert!(map.expires_at(&1).unwrap() > std::time::Instant::now());
    /// ```
    pub fn expires_at<Q>(&self, key: &Q) -> Option<Instant>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let at = self.find(key)?;
        let expires = self.store.lifetime(at)?.expires;
        (expires > self.past()).then_some(expires)
    }

    /// Writes or overwrites the value of a key, which is use, and begins its time to live. Returns
    /// what had to go: the pair that was there for the key, or the pair not used for longest, or,
    /// with a capacity of zero, the new pair itself. Only pairs whose time is not over are returned.
    ///
    /// ```
    /// # use corokit_bg_utils::lru::TtlLru;
    /// # use std::time::Duration;
    /// let mut map = TtlLru::new(1, Duration::from_secs(60));
    /// assert_eq!(map.insert(1, 'a'), None);
    /// assert_eq!(map.insert(1, 'b'), Some((1, 'a')));
    /// assert_eq!(map.insert(2, 'c'), Some((1, 'b')));
    /// ```
    pub fn insert(&mut self, key: K, value: V) -> Option<(K, V)> {
        let now = time::now();
        // Of the key itself, too, so that what has expired is not returned; and before anything
        // that has not expired has to go.
        self.take_expired(&key, now);
        self.purge(EACH, now);
        let lifetime = now.checked_add(self.ttl).map(|expires| Lifetime {
            expires,
            class: Class::First,
        });
        let hash = self.hasher.hash_one(&key);
        if let Some(at) = self.store.find(hash, &key) {
            return Some(self.store.replace(at, key, value, lifetime));
        }
        if self.capacity() == 0 {
            return Some((key, value));
        }
        match self.store.oldest_by_use() {
            Some(oldest) if self.len() >= self.capacity() => {
                Some(self.store.supplant(oldest, hash, key, value, lifetime))
            }
            _ => {
                self.store.add(hash, key, value, lifetime);
                None
            }
        }
    }

    /// Removes a key, and returns its value.
    ///
    /// ```
    /// # use corokit_bg_utils::lru::TtlLru;
    /// # use std::time::Duration;
    /// let mut map = TtlLru::new(8, Duration::from_secs(60));
    /// map.insert(1, "one");
    /// assert_eq!(map.remove(&1), Some("one"));
    /// ```
    pub fn remove<Q>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let at = self.use_live(key)?;
        Some(self.store.take(at).1)
    }

    /// Removes all entries.
    ///
    /// ```
    /// # use corokit_bg_utils::lru::TtlLru;
    /// # use std::time::Duration;
    /// let mut map = TtlLru::new(8, Duration::from_secs(60));
    /// map.insert(1, "one");
    /// map.clear();
    /// assert!(map.is_empty());
    /// ```
    pub fn clear(&mut self) {
        drop(self.store.take_all());
    }

    /// Removes all entries whose time is over, and returns how many there were.
    ///
    /// ```
    /// # use corokit_bg_utils::lru::TtlLru;
    /// # use std::time::Duration;
    /// let mut map = TtlLru::new(8, Duration::ZERO);
    /// map.insert(1, "one");
    /// assert_eq!((map.len(), map.purge_expired(), map.len()), (1, 1, 0));
    /// ```
    pub fn purge_expired(&mut self) -> usize {
        self.purge(usize::MAX, time::now())
    }

    /// Removes up to so many entries whose time is over.
    fn purge(&mut self, most: usize, now: Instant) -> usize {
        let mut purged = 0;
        while purged < most {
            let Some(at) = self.store.expired(now) else {
                break;
            };
            drop(self.store.take(at));
            purged += 1;
        }
        purged
    }

    /// Removes a key if its time is over.
    fn take_expired<Q>(&mut self, key: &Q, now: Instant)
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        match self.find(key) {
            Some(at) if self.store.has_expired(at, now) => drop(self.store.take(at)),
            _ => {}
        }
    }

    /// Finds a key whose time is not over, and counts that as use.
    fn use_live<Q>(&mut self, key: &Q) -> Option<u32>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let now = self.past();
        self.purge(EACH, now);
        let at = self.find(key)?;
        if self.store.has_expired(at, now) {
            drop(self.store.take(at));
            return None;
        }
        self.store.touch(at);
        Some(at)
    }

    /// Returns the time to look for what has expired: a little in the past, where that costs less
    /// and makes no difference.
    fn past(&self) -> Instant {
        match self.ttl < COARSE {
            true => time::now(),
            false => time::coarse_now(),
        }
    }

    fn find<Q>(&self, key: &Q) -> Option<u32>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.store.find(self.hasher.hash_one(key), key)
    }
}

impl<K, V, S> TtlLru<K, V, S> {
    /// Returns the number of entries, with those that have expired and are not yet gone.
    ///
    /// ```
    /// # use corokit_bg_utils::lru::TtlLru;
    /// # use std::time::Duration;
    /// assert_eq!(TtlLru::<u8, u8>::new(8, Duration::MAX).len(), 0);
    /// ```
    pub fn len(&self) -> usize {
        self.store.len()
    }

    /// Returns whether [`len`](Self::len) is zero.
    ///
    /// ```
    /// # use corokit_bg_utils::lru::TtlLru;
    /// # use std::time::Duration;
    /// assert!(TtlLru::<u8, u8>::new(8, Duration::MAX).is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the greatest number of entries.
    ///
    /// ```
    /// # use corokit_bg_utils::lru::TtlLru;
    /// # use std::time::Duration;
    /// assert_eq!(TtlLru::<u8, u8>::new(8, Duration::MAX).capacity(), 8);
    /// ```
    pub fn capacity(&self) -> usize {
        self.store.capacity()
    }

    /// Returns how long entries live.
    ///
    /// ```
    /// # use corokit_bg_utils::lru::TtlLru;
    /// # use std::time::Duration;
    /// let map = TtlLru::<u8, u8>::new(8, Duration::from_secs(1));
    /// assert_eq!(map.ttl(), Duration::from_secs(1));
    /// ```
    pub fn ttl(&self) -> Duration {
        self.ttl
    }

    /// Returns the entries, from the one used last to the one used longest ago, with those that have
    /// expired and are not yet gone.
    ///
    /// ```
    /// # use corokit_bg_utils::lru::TtlLru;
    /// # use std::time::Duration;
    /// let mut map = TtlLru::new(8, Duration::MAX);
    /// map.insert(1, "one");
    /// assert_eq!(map.iter().collect::<Vec<_>>(), [(&1, &"one")]);
    /// ```
    pub fn iter(&self) -> TtlIter<'_, K, V> {
        TtlIter::new(&self.store)
    }
}

impl<K: fmt::Debug, V: fmt::Debug, S> fmt::Debug for TtlLru<K, V, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

/// The entries of a [`TtlLru`], from the one used last to the one used longest ago.
///
/// Iterating is not using.
pub struct TtlIter<'a, K, V> {
    store: &'a Store<K, V>,
    next: Option<u32>,
    left: usize,
}

impl<'a, K, V> TtlIter<'a, K, V> {
    fn new(store: &'a Store<K, V>) -> Self {
        TtlIter {
            store,
            next: store.newest_by_use(),
            left: store.len(),
        }
    }
}

impl<'a, K, V> Iterator for TtlIter<'a, K, V> {
    type Item = (&'a K, &'a V);

    fn next(&mut self) -> Option<Self::Item> {
        let at = self.next?;
        self.next = self.store.used_before(at);
        self.left -= 1;
        Some(self.store.pair(at))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl<K, V> ExactSizeIterator for TtlIter<'_, K, V> {}

impl<K, V> fmt::Debug for TtlIter<'_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TtlIter")
            .field("left", &self.left)
            .finish_non_exhaustive()
    }
}
