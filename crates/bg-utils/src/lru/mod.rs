//! A bounded map that forgets what was not used for longest.
//!
//! ```
//! use corokit_bg_utils::lru::Lru;
//!
//! let mut capitals = Lru::new(2);
//! capitals.insert("France", "Paris");
//! capitals.insert("Japan", "Tokyo");
//! // Reading is using: now Japan is the one not used for longest.
//! assert_eq!(capitals.get("France"), Some(&"Paris"));
//! assert_eq!(capitals.insert("Peru", "Lima"), Some(("Japan", "Tokyo")));
//! ```
//!
//! # The model
//!
//! - **Use**: reading by [`get`](Lru::get), writing a new key, and writing over an old one; not
//!   [`peek`](Lru::peek) and [`contains`](Lru::contains).
//! - **Order**: what goes is exactly the entry not used for longest.
//! - **Time to live** (`TtlLru`, feature `ttl-lru`): from the last write. Reading does not prolong it.
//!   An entry is missing from the very instant at which its time is over.
//! - **Threads**: these are plain data structures, to be used through `&mut`. Nothing can change
//!   between a look and what is done about it, so there are `contains` and iterators, which the
//!   originals refuse to have. The cache of the module `cache` is the one to share.
//!
//! All operations take constant time; those of `TtlLru` also drop up to two entries that have
//! expired.

mod plain;
mod store;
#[cfg(feature = "ttl-lru")]
mod ttl;

use std::fmt;
use std::hash::BuildHasher;

pub use plain::Lru;
pub(crate) use store::Store;
#[cfg(feature = "cache")]
pub(crate) use store::{Class, Lifetime};
#[cfg(feature = "ttl-lru")]
pub use ttl::TtlLru;

/// The entries of an [`Lru`] or a `TtlLru`, from the one used last to the one used longest ago.
///
/// Iterating is not using.
pub struct Iter<'a, K, V> {
    store: &'a Store<K, V>,
    next: Option<u32>,
    left: usize,
}

impl<'a, K, V> Iter<'a, K, V> {
    fn new(store: &'a Store<K, V>) -> Self {
        Iter {
            store,
            next: store.newest_by_use(),
            left: store.len(),
        }
    }
}

impl<'a, K, V> Iterator for Iter<'a, K, V> {
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

impl<K, V> ExactSizeIterator for Iter<'_, K, V> {}

impl<K, V> fmt::Debug for Iter<'_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Iter")
            .field("left", &self.left)
            .finish_non_exhaustive()
    }
}

/// Writes or overwrites an entry, and returns what had to go: the pair that was there for the key,
/// or the one not used for longest, or, if nothing may be stored, the new pair itself.
fn insert<K: std::hash::Hash + Eq, V, S: BuildHasher>(
    store: &mut Store<K, V>,
    hasher: &S,
    key: K,
    value: V,
    lifetime: Option<store::Lifetime>,
) -> Option<(K, V)> {
    let hash = hasher.hash_one(&key);
    if let Some(at) = store.find(hash, &key) {
        return Some(store.replace(at, key, value, lifetime));
    }
    if store.capacity() == 0 {
        return Some((key, value));
    }
    let displaced = match store.oldest_by_use() {
        Some(oldest) if store.len() >= store.capacity() => Some(store.take(oldest)),
        _ => None,
    };
    store.add(hash, key, value, lifetime);
    displaced
}
