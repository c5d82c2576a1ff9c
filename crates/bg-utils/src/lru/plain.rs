//! The map without a time to live.

use std::borrow::Borrow;
use std::fmt;
use std::hash::{BuildHasher, Hash};

use foldhash::fast::RandomState;

use super::{Iter, Store};

/// A map of at most so many entries, which forgets the one not used for longest.
///
/// See the [module](super) for what counts as use.
///
/// Source: `async_utils.lru.LRU`. There, writing over a key did not count as use.
///
/// # Examples
///
/// ```
/// use corokit_bg_utils::lru::Lru;
///
/// let mut squares = Lru::new(2);
/// for n in [1, 2, 1, 3] {
///     squares.get_or_insert_with(n, || n * n);
/// }
/// // The second 1 was a use: 2 is what had to go.
/// assert_eq!(squares.iter().collect::<Vec<_>>(), [(&3, &9), (&1, &1)]);
/// ```
pub struct Lru<K, V, S = RandomState> {
    store: Store<K, V>,
    hasher: S,
}

impl<K: Hash + Eq, V> Lru<K, V> {
    /// Makes an empty map for at most `capacity` entries. With zero, it stores nothing.
    ///
    /// ```
    /// let mut nothing = corokit_bg_utils::lru::Lru::new(0);
    /// assert_eq!(nothing.insert(1, "one"), Some((1, "one")));
    /// assert!(nothing.is_empty());
    /// ```
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self::with_hasher(capacity, RandomState::default())
    }
}

impl<K: Hash + Eq, V, S: BuildHasher> Lru<K, V, S> {
    /// Makes an empty map for at most `capacity` entries that hashes keys by `hasher`.
    ///
    /// ```
    /// use corokit_bg_utils::lru::Lru;
    /// use std::hash::RandomState;
    ///
    /// let map = Lru::<u8, u8, _>::with_hasher(8, RandomState::new());
    /// assert_eq!(map.capacity(), 8);
    /// ```
    #[must_use]
    pub fn with_hasher(capacity: usize, hasher: S) -> Self {
        Lru {
            store: Store::new(capacity),
            hasher,
        }
    }

    /// Returns the value of a key, and counts that as use.
    ///
    /// ```
    /// let mut map = corokit_bg_utils::lru::Lru::new(8);
    /// map.insert(String::from("one"), 1);
    /// assert_eq!(map.get("one"), Some(&1));
    /// assert_eq!(map.get("two"), None);
    /// ```
    #[inline]
    pub fn get<Q>(&mut self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let at = self.find(key)?;
        self.store.touch(at);
        Some(self.store.pair(at).1)
    }

    /// Returns the value of a key for changing it, and counts that as use.
    ///
    /// ```
    /// let mut map = corokit_bg_utils::lru::Lru::new(8);
    /// map.insert("one", 0);
    /// *map.get_mut("one").unwrap() += 1;
    /// assert_eq!(map.peek("one"), Some(&1));
    /// ```
    #[inline]
    pub fn get_mut<Q>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let at = self.find(key)?;
        self.store.touch(at);
        Some(self.store.value_mut(at))
    }

    /// Returns the value of a key; if there is none, it is made. Either is use.
    ///
    /// What had to go is dropped. With a capacity of zero the map holds this one value nevertheless,
    /// until another one is made.
    ///
    /// Source: `async_utils.lru.LRU.setdefault`.
    ///
    /// ```
    /// let mut map = corokit_bg_utils::lru::Lru::new(8);
    /// assert_eq!(map.get_or_insert_with("one", || 1), &1);
    /// assert_eq!(map.get_or_insert_with("one", || unreachable!()), &1);
    /// ```
    pub fn get_or_insert_with(&mut self, key: K, value: impl FnOnce() -> V) -> &mut V {
        let hash = self.hasher.hash_one(&key);
        let at = match self.store.find(hash, &key) {
            Some(at) => {
                self.store.touch(at);
                at
            }
            None => {
                // The value first: if making it panics, nothing has gone.
                let value = value();
                if self.store.len() >= self.store.capacity() {
                    if let Some(oldest) = self.store.oldest_by_use() {
                        drop(self.store.take(oldest));
                    }
                }
                self.store.add(hash, key, value, None)
            }
        };
        self.store.value_mut(at)
    }

    /// Returns the value of a key without counting it as use.
    ///
    /// ```
    /// let mut map = corokit_bg_utils::lru::Lru::new(8);
    /// map.insert(1, "one");
    /// assert_eq!(map.peek(&1), Some(&"one"));
    /// ```
    pub fn peek<Q>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.find(key).map(|at| self.store.pair(at).1)
    }

    /// Returns whether there is a value for a key, without counting it as use.
    ///
    /// ```
    /// let map = corokit_bg_utils::lru::Lru::<u8, u8>::new(8);
    /// assert!(!map.contains(&1));
    /// ```
    pub fn contains<Q>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.find(key).is_some()
    }

    /// Writes or overwrites the value of a key, which is use, and returns what had to go: the pair
    /// that was there for the key, or the pair not used for longest, or, with a capacity of zero,
    /// the new pair itself.
    ///
    /// ```
    /// let mut map = corokit_bg_utils::lru::Lru::new(2);
    /// assert_eq!(map.insert(1, 'a'), None);
    /// assert_eq!(map.insert(2, 'b'), None);
    /// assert_eq!(map.insert(1, 'c'), Some((1, 'a')));
    /// assert_eq!(map.insert(3, 'd'), Some((2, 'b')));
    /// ```
    pub fn insert(&mut self, key: K, value: V) -> Option<(K, V)> {
        super::insert(&mut self.store, &self.hasher, key, value, None)
    }

    /// Removes a key, and returns its value.
    ///
    /// ```
    /// let mut map = corokit_bg_utils::lru::Lru::new(8);
    /// map.insert(1, "one");
    /// assert_eq!(map.remove(&1), Some("one"));
    /// assert_eq!(map.remove(&1), None);
    /// ```
    pub fn remove<Q>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let at = self.find(key)?;
        Some(self.store.take(at).1)
    }

    /// Removes the entry not used for longest, and returns it.
    ///
    /// ```
    /// let mut map = corokit_bg_utils::lru::Lru::new(8);
    /// map.insert(1, "one");
    /// map.insert(2, "two");
    /// assert_eq!(map.pop(), Some((1, "one")));
    /// ```
    pub fn pop(&mut self) -> Option<(K, V)> {
        let oldest = self.store.oldest_by_use()?;
        Some(self.store.take(oldest))
    }

    /// Removes all entries.
    ///
    /// ```
    /// let mut map = corokit_bg_utils::lru::Lru::new(8);
    /// map.insert(1, "one");
    /// map.clear();
    /// assert!(map.is_empty());
    /// ```
    pub fn clear(&mut self) {
        drop(self.store.take_all());
    }

    /// Changes the capacity, and returns what had to go, beginning with what was not used for longest.
    ///
    /// ```
    /// let mut map = corokit_bg_utils::lru::Lru::new(8);
    /// map.insert(1, "one");
    /// map.insert(2, "two");
    /// assert_eq!(map.set_capacity(1), [(1, "one")]);
    /// ```
    pub fn set_capacity(&mut self, capacity: usize) -> Vec<(K, V)> {
        self.store.set_capacity(capacity);
        let mut gone = Vec::new();
        while self.store.len() > self.store.capacity() {
            gone.extend(self.pop());
        }
        gone
    }

    fn find<Q>(&self, key: &Q) -> Option<u32>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.store.find(self.hasher.hash_one(key), key)
    }
}

impl<K, V, S> Lru<K, V, S> {
    /// Returns the number of entries.
    ///
    /// ```
    /// assert_eq!(corokit_bg_utils::lru::Lru::<u8, u8>::new(8).len(), 0);
    /// ```
    pub fn len(&self) -> usize {
        self.store.len()
    }

    /// Returns whether there is no entry.
    ///
    /// ```
    /// assert!(corokit_bg_utils::lru::Lru::<u8, u8>::new(8).is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the greatest number of entries.
    ///
    /// ```
    /// assert_eq!(corokit_bg_utils::lru::Lru::<u8, u8>::new(8).capacity(), 8);
    /// ```
    pub fn capacity(&self) -> usize {
        self.store.capacity()
    }

    /// Returns the entries, from the one used last to the one used longest ago.
    ///
    /// ```
    /// let mut map = corokit_bg_utils::lru::Lru::new(8);
    /// map.insert(1, "one");
    /// map.insert(2, "two");
    /// assert_eq!(map.iter().next(), Some((&2, &"two")));
    /// ```
    pub fn iter(&self) -> Iter<'_, K, V> {
        Iter::new(&self.store)
    }
}

impl<'a, K, V, S> IntoIterator for &'a Lru<K, V, S> {
    type Item = (&'a K, &'a V);
    type IntoIter = Iter<'a, K, V>;

    fn into_iter(self) -> Iter<'a, K, V> {
        self.iter()
    }
}

impl<K: fmt::Debug, V: fmt::Debug, S> fmt::Debug for Lru<K, V, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self).finish()
    }
}
