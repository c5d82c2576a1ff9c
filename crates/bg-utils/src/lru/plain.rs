//! The map without a time to live.

use std::borrow::Borrow;
use std::fmt;
use std::hash::{BuildHasher, Hash};

use foldhash::fast::RandomState;
use hashlink::LinkedHashMap;
use hashlink::linked_hash_map::{self, Entry};

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
    /// From the entry used longest ago to the one used last.
    map: LinkedHashMap<K, V, S>,
    capacity: usize,
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
            map: LinkedHashMap::with_hasher(hasher),
            capacity,
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
        self.map.to_back(key).map(|value| &*value)
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
        self.map.to_back(key)
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
        let is_full = self.len() >= self.capacity;
        if is_full && !self.map.contains_key(&key) {
            // The value first: if making it panics, nothing has gone.
            let value = value();
            self.map.pop_front();
            return self.map.entry(key).or_insert(value);
        }
        match self.map.entry(key) {
            Entry::Occupied(mut entry) => {
                entry.to_back();
                entry.into_mut()
            }
            Entry::Vacant(entry) => entry.insert(value()),
        }
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
        self.map.get(key)
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
        self.map.contains_key(key)
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
        if self.capacity == 0 {
            // What was made in spite of that is not newer than this.
            self.clear();
            return Some((key, value));
        }
        match self.map.entry(key) {
            Entry::Occupied(mut entry) => {
                entry.to_back();
                Some(entry.replace_entry(value))
            }
            Entry::Vacant(entry) => {
                entry.insert(value);
                match self.len() > self.capacity {
                    true => self.map.pop_front(),
                    false => None,
                }
            }
        }
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
        self.map.remove(key)
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
        self.map.pop_front()
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
        self.map.clear();
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
        self.capacity = capacity;
        let mut gone = Vec::new();
        while self.len() > capacity {
            gone.extend(self.pop());
        }
        gone
    }
}

impl<K, V, S> Lru<K, V, S> {
    /// Returns the number of entries.
    ///
    /// ```
    /// assert_eq!(corokit_bg_utils::lru::Lru::<u8, u8>::new(8).len(), 0);
    /// ```
    pub fn len(&self) -> usize {
        self.map.len()
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
        self.capacity
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
        Iter(self.map.iter())
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

/// The entries of an [`Lru`], from the one used last to the one used longest ago.
///
/// Iterating is not using.
pub struct Iter<'a, K, V>(linked_hash_map::Iter<'a, K, V>);

impl<'a, K, V> Iterator for Iter<'a, K, V> {
    type Item = (&'a K, &'a V);

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next_back()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl<K, V> ExactSizeIterator for Iter<'_, K, V> {}

impl<K, V> fmt::Debug for Iter<'_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Iter")
            .field("left", &self.len())
            .finish_non_exhaustive()
    }
}
