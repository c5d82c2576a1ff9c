//! A bounded map with two orders: by use, and by age.
//!
//! Entries lie in one vector and are linked by their indices, so that all is safe code and an entry
//! costs one allocation of the vector's growth. A hash table finds the index of a key.

use std::borrow::Borrow;
use std::time::Instant;

use hashbrown::HashTable;

/// No entry.
const NONE: u32 = u32::MAX;

/// The most entries that indices can tell apart.
const MOST: usize = NONE as usize;

/// One of the lists that an entry is in.
#[derive(Clone, Copy)]
struct Links {
    previous: u32,
    next: u32,
}

const UNLINKED: Links = Links {
    previous: NONE,
    next: NONE,
};

/// The ends of a list.
#[derive(Clone, Copy)]
struct Ends {
    first: u32,
    last: u32,
}

const EMPTY: Ends = Ends {
    first: NONE,
    last: NONE,
};

/// Until when an entry lives. Entries of one class live equally long, so that those of a class
/// expire in the order in which they came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lifetime {
    pub(crate) expires: Instant,
    pub(crate) class: Class,
}

/// Which entries live equally long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    #[cfg_attr(not(feature = "ttl-lru"), expect(dead_code, reason = "for `TtlLru`"))]
    First = 0,
    #[cfg_attr(not(feature = "cache"), expect(dead_code, reason = "for the cache"))]
    Second = 1,
}

struct Slot<K, V> {
    /// The neighbours by use; in a free slot, `next` is the next free one.
    use_links: Links,
    age_links: Links,
    hash: u64,
    lifetime: Option<Lifetime>,
    /// Nothing in a free slot.
    pair: Option<(K, V)>,
}

pub(crate) struct Store<K, V> {
    index: HashTable<u32>,
    slots: Vec<Slot<K, V>>,
    /// The first free slot.
    free: u32,
    /// From the entry used last to the one used longest ago.
    by_use: Ends,
    /// From the oldest entry to the newest, of each class. Entries without a lifetime are in none.
    by_age: [Ends; 2],
    capacity: usize,
}

impl<K, V> Store<K, V> {
    pub(crate) fn new(capacity: usize) -> Self {
        Store {
            index: HashTable::new(),
            slots: Vec::new(),
            free: NONE,
            by_use: EMPTY,
            by_age: [EMPTY; 2],
            capacity: capacity.min(MOST),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.index.len()
    }

    pub(crate) fn capacity(&self) -> usize {
        self.capacity
    }

    pub(crate) fn set_capacity(&mut self, capacity: usize) {
        self.capacity = capacity.min(MOST);
    }

    /// Returns the index of a key.
    #[inline]
    pub(crate) fn find<Q>(&self, hash: u64, key: &Q) -> Option<u32>
    where
        K: Borrow<Q>,
        Q: Eq + ?Sized,
    {
        let slots = &self.slots;
        let found = self.index.find(hash, |&at| {
            let slot = &slots[at as usize];
            slot.hash == hash && matches!(&slot.pair, Some((other, _)) if other.borrow() == key)
        });
        found.copied()
    }

    #[inline]
    pub(crate) fn pair(&self, at: u32) -> (&K, &V) {
        match &self.slots[at as usize].pair {
            Some((key, value)) => (key, value),
            None => unreachable!("the index holds no free slots"),
        }
    }

    #[inline]
    pub(crate) fn value_mut(&mut self, at: u32) -> &mut V {
        match &mut self.slots[at as usize].pair {
            Some((_, value)) => value,
            None => unreachable!("the index holds no free slots"),
        }
    }

    /// Makes an entry the one used last.
    #[inline]
    pub(crate) fn touch(&mut self, at: u32) {
        if self.by_use.first == at {
            return;
        }
        let Links { previous, next } = self.slots[at as usize].use_links;
        // It is not the first, so there is one before it.
        self.slots[previous as usize].use_links.next = next;
        match next {
            NONE => self.by_use.last = previous,
            _ => self.slots[next as usize].use_links.previous = previous,
        }
        self.link_by_use(at);
    }

    /// Adds an entry for a key that has none, as the one used last. There must be room.
    pub(crate) fn add(&mut self, hash: u64, key: K, value: V, lifetime: Option<Lifetime>) -> u32 {
        let at = self.free;
        let slot = Slot {
            use_links: UNLINKED,
            age_links: UNLINKED,
            hash,
            lifetime,
            pair: Some((key, value)),
        };
        let at = if at == NONE {
            self.slots.push(slot);
            (self.slots.len() - 1) as u32
        } else {
            self.free = self.slots[at as usize].use_links.next;
            self.slots[at as usize] = slot;
            at
        };
        let slots = &self.slots;
        self.index
            .insert_unique(hash, at, |&at| slots[at as usize].hash);
        self.link_by_use(at);
        self.link_by_age(at, lifetime);
        at
    }

    /// Gives an entry a new value and lifetime, makes it the one used last, and returns the pair
    /// that is in its place now gone.
    pub(crate) fn replace(
        &mut self,
        at: u32,
        key: K,
        value: V,
        lifetime: Option<Lifetime>,
    ) -> (K, V) {
        self.unlink_by_age(at);
        let slot = &mut self.slots[at as usize];
        slot.lifetime = lifetime;
        let old = slot.pair.replace((key, value));
        self.link_by_age(at, lifetime);
        self.touch(at);
        old.expect("the index holds no free slots")
    }

    /// Takes an entry out.
    pub(crate) fn take(&mut self, at: u32) -> (K, V) {
        let hash = self.slots[at as usize].hash;
        match self.index.find_entry(hash, |&other| other == at) {
            Ok(entry) => drop(entry.remove()),
            Err(_) => unreachable!("each entry is in the index"),
        }
        self.unlink_by_age(at);
        let Links { previous, next } = self.slots[at as usize].use_links;
        match previous {
            NONE => self.by_use.first = next,
            _ => self.slots[previous as usize].use_links.next = next,
        }
        match next {
            NONE => self.by_use.last = previous,
            _ => self.slots[next as usize].use_links.previous = previous,
        }
        let slot = &mut self.slots[at as usize];
        slot.use_links.next = self.free;
        slot.lifetime = None;
        self.free = at;
        slot.pair.take().expect("the index holds no free slots")
    }

    /// Returns the entry used longest ago.
    pub(crate) fn oldest_by_use(&self) -> Option<u32> {
        Some(self.by_use.last).filter(|&at| at != NONE)
    }

    /// Returns the entry used last.
    pub(crate) fn newest_by_use(&self) -> Option<u32> {
        Some(self.by_use.first).filter(|&at| at != NONE)
    }

    /// Returns the entry that was used next before this one.
    pub(crate) fn used_before(&self, at: u32) -> Option<u32> {
        Some(self.slots[at as usize].use_links.next).filter(|&at| at != NONE)
    }

    /// Takes all entries out, and returns them, from the one used last to the one used longest ago.
    pub(crate) fn take_all(&mut self) -> Vec<(K, V)> {
        let mut all = Vec::with_capacity(self.len());
        let mut at = self.by_use.first;
        while at != NONE {
            let slot = &mut self.slots[at as usize];
            all.extend(slot.pair.take());
            at = slot.use_links.next;
        }
        self.index.clear();
        self.slots.clear();
        self.free = NONE;
        self.by_use = EMPTY;
        self.by_age = [EMPTY; 2];
        all
    }

    #[inline]
    fn link_by_use(&mut self, at: u32) {
        let first = self.by_use.first;
        self.slots[at as usize].use_links = Links {
            previous: NONE,
            next: first,
        };
        match first {
            NONE => self.by_use.last = at,
            _ => self.slots[first as usize].use_links.previous = at,
        }
        self.by_use.first = at;
    }

    /// Puts an entry where it belongs by age: at the end of its class, unless the clock that its
    /// lifetime was read from was read by another thread before, and it is a little older.
    fn link_by_age(&mut self, at: u32, lifetime: Option<Lifetime>) {
        let Some(Lifetime { class, expires }) = lifetime else {
            return;
        };
        let class = class as usize;
        let mut previous = self.by_age[class].last;
        while previous != NONE {
            match self.slots[previous as usize].lifetime {
                Some(lifetime) if lifetime.expires > expires => {
                    previous = self.slots[previous as usize].age_links.previous;
                }
                _ => break,
            }
        }
        let next = match previous {
            NONE => self.by_age[class].first,
            _ => self.slots[previous as usize].age_links.next,
        };
        self.slots[at as usize].age_links = Links { previous, next };
        match previous {
            NONE => self.by_age[class].first = at,
            _ => self.slots[previous as usize].age_links.next = at,
        }
        match next {
            NONE => self.by_age[class].last = at,
            _ => self.slots[next as usize].age_links.previous = at,
        }
    }

    fn unlink_by_age(&mut self, at: u32) {
        let slot = &mut self.slots[at as usize];
        let Some(Lifetime { class, .. }) = slot.lifetime else {
            return;
        };
        let class = class as usize;
        let Links { previous, next } = slot.age_links;
        match previous {
            NONE => self.by_age[class].first = next,
            _ => self.slots[previous as usize].age_links.next = next,
        }
        match next {
            NONE => self.by_age[class].last = previous,
            _ => self.slots[next as usize].age_links.previous = previous,
        }
    }
}

/// What only those with a clock ask.
#[cfg(feature = "ttl-lru")]
impl<K, V> Store<K, V> {
    /// Returns until when an entry lives.
    #[inline]
    pub(crate) fn lifetime(&self, at: u32) -> Option<Lifetime> {
        self.slots[at as usize].lifetime
    }

    #[inline]
    pub(crate) fn has_expired(&self, at: u32, now: Instant) -> bool {
        matches!(self.lifetime(at), Some(lifetime) if lifetime.expires <= now)
    }

    /// Returns an entry that has expired.
    pub(crate) fn expired(&self, now: Instant) -> Option<u32> {
        let firsts = self.by_age.iter().map(|ends| ends.first);
        let mut entries = firsts.filter(|&at| at != NONE);
        entries.find(|&at| self.has_expired(at, now))
    }
}
