//! A bounded map with two orders: by use, and by age.
//!
//! Entries lie in vectors and are linked by their indices, so that all is safe code and an entry
//! costs no allocation of its own. A hash table finds the index of a key. What a hit touches lies
//! close together: the links by use are apart from the rest, and what has to do with age is not
//! even there without it.

use std::borrow::Borrow;
use std::mem;
use std::time::{Duration, Instant};

use hashbrown::HashTable;

/// How many entries that have expired go with each call: more than come in by one.
pub(crate) const EACH: usize = 2;

/// Lives of at least this length are checked by the coarse clock.
pub(crate) const COARSE: Duration = Duration::from_millis(100);

/// The index that no entry has: where both lists begin and end, so that no link leads nowhere.
const END: u32 = 0;

/// The most entries that indices can tell apart.
const MOST: usize = (u32::MAX - 1) as usize;

/// The neighbours of an entry in a list.
#[derive(Clone, Copy)]
struct Links {
    previous: u32,
    next: u32,
}

/// The links of a list without entries.
const EMPTY: Links = Links {
    previous: END,
    next: END,
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
    First = 0,
    #[cfg_attr(not(feature = "cache"), expect(dead_code, reason = "for the cache"))]
    Second = 1,
}

/// The place of an entry in the order by age.
#[derive(Clone, Copy)]
struct Age {
    links: Links,
    /// Nothing for an entry that lives for ever, which is in no list.
    lifetime: Option<Lifetime>,
}

const AGELESS: Age = Age {
    links: EMPTY,
    lifetime: None,
};

/// Returns where the pair and the hash of an entry are.
#[inline]
fn place(at: u32) -> usize {
    (at as usize).wrapping_sub(1)
}

pub(crate) struct Store<K, V> {
    index: HashTable<u32>,
    /// The list by use, from the entry used last to the one used longest ago.
    uses: Vec<Links>,
    /// The entries, from index 1 on, without gaps.
    pairs: Vec<(K, V)>,
    hashes: Vec<u64>,
    /// As many as there are links by use, or none as long as no entry has had a lifetime.
    ages: Vec<Age>,
    /// The first and the last of each class by age, from the oldest to the newest.
    by_age: [Links; 2],
    capacity: usize,
}

impl<K, V> Store<K, V> {
    pub(crate) fn new(capacity: usize) -> Self {
        Store {
            index: HashTable::new(),
            uses: vec![EMPTY],
            pairs: Vec::new(),
            hashes: Vec::new(),
            ages: Vec::new(),
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

    /// Returns the index of a key.
    #[inline]
    pub(crate) fn find<Q>(&self, hash: u64, key: &Q) -> Option<u32>
    where
        K: Borrow<Q>,
        Q: Eq + ?Sized,
    {
        let pairs = &*self.pairs;
        let found = self
            .index
            .find(hash, |&at| pairs[place(at)].0.borrow() == key);
        found.copied()
    }

    #[inline]
    pub(crate) fn pair(&self, at: u32) -> (&K, &V) {
        let (key, value) = &self.pairs[place(at)];
        (key, value)
    }

    #[inline]
    pub(crate) fn value_mut(&mut self, at: u32) -> &mut V {
        &mut self.pairs[place(at)].1
    }

    /// Makes an entry the one used last.
    #[inline]
    pub(crate) fn touch(&mut self, at: u32) {
        let uses = &mut *self.uses;
        let first = uses[END as usize].next;
        if first == at {
            return;
        }
        let Links { previous, next } = uses[at as usize];
        uses[previous as usize].next = next;
        uses[next as usize].previous = previous;
        uses[first as usize].previous = at;
        uses[END as usize].next = at;
        uses[at as usize] = Links {
            previous: END,
            next: first,
        };
    }

    /// Adds an entry for a key that has none, as the one used last. There must be room.
    pub(crate) fn add(&mut self, hash: u64, key: K, value: V, lifetime: Option<Lifetime>) -> u32 {
        self.uses.push(EMPTY);
        self.pairs.push((key, value));
        self.hashes.push(hash);
        if !self.ages.is_empty() {
            self.ages.push(AGELESS);
        }
        let at = self.pairs.len() as u32;
        self.link_by_use(at);
        let hashes = &*self.hashes;
        self.index.insert_unique(hash, at, |&at| hashes[place(at)]);
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
        if lifetime.is_some() || !self.ages.is_empty() {
            self.unlink_by_age(at);
            self.link_by_age(at, lifetime);
        }
        let old = mem::replace(&mut self.pairs[place(at)], (key, value));
        self.touch(at);
        old
    }

    /// Puts an entry for a key that has none in the place of another one, as the one used last, and
    /// returns the pair that is gone.
    pub(crate) fn supplant(
        &mut self,
        at: u32,
        hash: u64,
        key: K,
        value: V,
        lifetime: Option<Lifetime>,
    ) -> (K, V) {
        let old_hash = mem::replace(&mut self.hashes[place(at)], hash);
        self.unindex(old_hash, at);
        let hashes = &*self.hashes;
        self.index.insert_unique(hash, at, |&at| hashes[place(at)]);
        self.replace(at, key, value, lifetime)
    }

    /// Takes an entry out. Another one may get its index.
    pub(crate) fn take(&mut self, at: u32) -> (K, V) {
        self.unindex(self.hashes[place(at)], at);
        self.unlink_by_age(at);
        let Links { previous, next } = self.uses[at as usize];
        self.uses[previous as usize].next = next;
        self.uses[next as usize].previous = previous;
        // The last entry moves to where this one was.
        let last = self.pairs.len() as u32;
        if at != last {
            let moved = self
                .index
                .find_mut(self.hashes[place(last)], |&other| other == last);
            match moved {
                Some(index) => *index = at,
                None => unreachable!("each entry is in the index"),
            }
            let links = self.uses[last as usize];
            self.uses[links.previous as usize].next = at;
            self.uses[links.next as usize].previous = at;
            self.move_by_age(last, at);
        }
        self.uses.swap_remove(at as usize);
        if !self.ages.is_empty() {
            self.ages.swap_remove(at as usize);
        }
        self.hashes.swap_remove(place(at));
        self.pairs.swap_remove(place(at))
    }

    /// Takes an entry out of the index.
    fn unindex(&mut self, hash: u64, at: u32) {
        match self.index.find_entry(hash, |&other| other == at) {
            Ok(entry) => drop(entry.remove()),
            Err(_) => unreachable!("each entry is in the index"),
        }
    }

    /// Returns the entry used longest ago.
    pub(crate) fn oldest_by_use(&self) -> Option<u32> {
        Some(self.uses[END as usize].previous).filter(|&at| at != END)
    }

    /// Returns the entry used last.
    pub(crate) fn newest_by_use(&self) -> Option<u32> {
        Some(self.uses[END as usize].next).filter(|&at| at != END)
    }

    /// Returns the entry that was used next before this one.
    pub(crate) fn used_before(&self, at: u32) -> Option<u32> {
        Some(self.uses[at as usize].next).filter(|&at| at != END)
    }

    /// Takes all entries out, and returns them, from the one used last to the one used longest ago.
    pub(crate) fn take_all(&mut self) -> Vec<(K, V)> {
        let old = mem::replace(self, Store::new(self.capacity));
        let mut pairs: Vec<Option<(K, V)>> = old.pairs.into_iter().map(Some).collect();
        let mut all = Vec::with_capacity(pairs.len());
        let mut at = old.uses[END as usize].next;
        while at != END {
            all.extend(pairs[place(at)].take());
            at = old.uses[at as usize].next;
        }
        all
    }

    fn link_by_use(&mut self, at: u32) {
        let uses = &mut *self.uses;
        let first = uses[END as usize].next;
        uses[at as usize] = Links {
            previous: END,
            next: first,
        };
        uses[first as usize].previous = at;
        uses[END as usize].next = at;
    }

    /// Puts an entry where it belongs by age: at the end of its class, unless the clock that its
    /// lifetime was read from was read by another thread before, and it is a little older.
    fn link_by_age(&mut self, at: u32, lifetime: Option<Lifetime>) {
        let Some(Lifetime { class, expires }) = lifetime else {
            if let Some(age) = self.ages.get_mut(at as usize) {
                *age = AGELESS;
            }
            return;
        };
        if self.ages.is_empty() {
            self.ages.resize(self.uses.len(), AGELESS);
        }
        let ends = &mut self.by_age[class as usize];
        let mut previous = ends.previous;
        while previous != END {
            match self.ages[previous as usize].lifetime {
                Some(lifetime) if lifetime.expires > expires => {
                    previous = self.ages[previous as usize].links.previous;
                }
                _ => break,
            }
        }
        let next = match previous {
            END => mem::replace(&mut ends.next, at),
            _ => mem::replace(&mut self.ages[previous as usize].links.next, at),
        };
        match next {
            END => ends.previous = at,
            _ => self.ages[next as usize].links.previous = at,
        }
        self.ages[at as usize] = Age {
            links: Links { previous, next },
            lifetime,
        };
    }

    /// Tells the neighbours of an entry by age that it has another index.
    fn move_by_age(&mut self, from: u32, to: u32) {
        let Some(&Age { links, lifetime }) = self.ages.get(from as usize) else {
            return;
        };
        let Some(Lifetime { class, .. }) = lifetime else {
            return;
        };
        let ends = &mut self.by_age[class as usize];
        match links.previous {
            END => ends.next = to,
            previous => self.ages[previous as usize].links.next = to,
        }
        match links.next {
            END => ends.previous = to,
            next => self.ages[next as usize].links.previous = to,
        }
    }

    fn unlink_by_age(&mut self, at: u32) {
        let Some(age) = self.ages.get_mut(at as usize) else {
            return;
        };
        let Age { links, lifetime } = mem::replace(age, AGELESS);
        let Some(Lifetime { class, .. }) = lifetime else {
            return;
        };
        let ends = &mut self.by_age[class as usize];
        let Links { previous, next } = links;
        match previous {
            END => ends.next = next,
            _ => self.ages[previous as usize].links.next = next,
        }
        match next {
            END => ends.previous = previous,
            _ => self.ages[next as usize].links.previous = previous,
        }
    }

    /// Returns until when an entry lives.
    #[inline]
    pub(crate) fn lifetime(&self, at: u32) -> Option<Lifetime> {
        self.ages.get(at as usize)?.lifetime
    }

    #[inline]
    pub(crate) fn has_expired(&self, at: u32, now: Instant) -> bool {
        matches!(self.lifetime(at), Some(lifetime) if lifetime.expires <= now)
    }

    /// Returns an entry that has expired.
    #[inline]
    pub(crate) fn expired(&self, now: Instant) -> Option<u32> {
        let firsts = self.by_age.iter().map(|ends| ends.next);
        let mut entries = firsts.filter(|&at| at != END);
        entries.find(|&at| self.has_expired(at, now))
    }
}
