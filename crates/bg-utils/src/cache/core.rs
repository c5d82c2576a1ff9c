//! What is behind a cache and a memo: values that are there, and flights that bring more.

use std::borrow::Borrow;
use std::future::Future;
use std::hash::{BuildHasher, Hash};
use std::ops::Deref;
use std::sync::Arc;
use std::time::Instant;

use corokit_core::time;

use super::builder::{ErrorPolicy, Settings};
use crate::flight::{Cell, Flights, Hangar, Joined, Seat};
use crate::lru::{Class, EACH, Lifetime, Store};
use crate::sync::{Mutex, MutexGuard, lock};

pub(super) struct Core<K, V, E, S, W> {
    /// A power of two of them. Each has the keys with certain hashes.
    shards: Box<[Locked<K, V, E, W>]>,
    settings: Settings,
    hasher: S,
}

type Locked<K, V, E, W> = Mutex<Shard<K, V, E, W>>;

type Pair<K, V, E> = (K, Result<V, E>);

struct Shard<K, V, E, W> {
    store: Store<K, Result<V, E>>,
    flights: Flights<K, Result<V, E>, W>,
}

/// What was taken out under a lock, to be dropped without one: code of the user.
struct Garbage<T>([Option<T>; EACH + 1]);

impl<T> Garbage<T> {
    fn new() -> Self {
        Garbage([const { None }; EACH + 1])
    }
}

/// What a key has come to.
pub(super) enum Look<R: Deref<Target: Hangar>, V> {
    /// The value is there.
    Hit(V),
    /// The caller has a place in a flight.
    Miss(Seat<R>),
}

/// What a key has come to for who looks ahead.
pub(super) enum Ahead<R: Deref<Target: Hangar>, V> {
    /// The value is there.
    Hit(V),
    /// There are two places in a flight.
    Miss { handle: Seat<R>, driver: Seat<R> },
}

impl<K, V, E, W> Shard<K, V, E, W>
where
    K: Hash + Eq,
{
    /// Finds an entry that has not expired. One that has is taken out, and handed back to be
    /// dropped.
    #[inline]
    fn find<Q>(
        &mut self,
        hash: u64,
        key: &Q,
        now: Option<Instant>,
    ) -> Result<u32, Option<Pair<K, V, E>>>
    where
        K: Borrow<Q>,
        Q: Eq + ?Sized,
    {
        let Some(at) = self.store.find(hash, key) else {
            return Err(None);
        };
        match now {
            Some(now) if self.store.has_expired(at, now) => Err(Some(self.store.take(at))),
            _ => Ok(at),
        }
    }

    /// Writes an entry. There must not be one for the key, and the capacity must not be zero.
    fn add(
        &mut self,
        hash: u64,
        key: K,
        value: Result<V, E>,
        lifetime: Option<Lifetime>,
        now: Option<Instant>,
    ) -> Garbage<Pair<K, V, E>> {
        let mut garbage = Garbage::new();
        let (last, expired) = match &mut garbage.0 {
            [expired @ .., last] => (last, expired),
        };
        if let Some(now) = now {
            for place in expired {
                match self.store.expired(now) {
                    Some(at) => *place = Some(self.store.take(at)),
                    None => break,
                }
            }
        }
        match self.store.oldest_by_use() {
            Some(at) if self.store.len() >= self.store.capacity() => {
                *last = Some(self.store.supplant(at, hash, key, value, lifetime));
            }
            _ => {
                self.store.add(hash, key, value, lifetime);
            }
        }
        garbage
    }
}

impl<K, V, E, S, W> Core<K, V, E, S, W>
where
    K: Hash + Eq,
    V: Clone,
    E: Clone,
    S: BuildHasher,
    W: Future<Output = Result<V, E>> + Unpin,
{
    pub(super) fn new(settings: Settings, hasher: S) -> Self {
        let count = settings.shards.max(1).next_power_of_two();
        let capacity = settings.capacity.div_ceil(count);
        let shards = std::iter::repeat_with(|| {
            Mutex::new(Shard {
                store: Store::new(capacity),
                flights: Flights::new(),
            })
        });
        Core {
            shards: shards.take(count).collect(),
            settings,
            hasher,
        }
    }

    /// Returns the hash of a key. Code of the user, so: not under a lock.
    #[inline]
    fn hash<Q: Hash + ?Sized>(&self, key: &Q) -> u64 {
        self.hasher.hash_one(key)
    }

    #[inline]
    fn shard(&self, hash: u64) -> MutexGuard<'_, Shard<K, V, E, W>> {
        // The table in a shard looks at the bits at both ends.
        let index = (hash >> 32) as usize & (self.shards.len() - 1);
        lock(&self.shards[index])
    }

    /// Returns the time, if anything may expire.
    #[inline]
    fn now(&self) -> Option<Instant> {
        self.settings.is_timed().then(time::now)
    }

    /// Returns the time to look for what has expired, if anything may: a little in the past, where
    /// that costs less and makes no difference.
    #[inline]
    fn past(&self) -> Option<Instant> {
        let look = match self.settings.is_short_lived() {
            true => time::now,
            false => time::coarse_now,
        };
        self.settings.is_timed().then(look)
    }

    /// Returns the value of a key.
    #[inline]
    pub(super) fn get<Q>(&self, key: &Q, used: bool) -> Option<Result<V, E>>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let (hash, now) = (self.hash(key), self.past());
        let mut shard = self.shard(hash);
        let expired = match shard.find(hash, key, now) {
            Ok(at) => {
                if used {
                    shard.store.touch(at);
                }
                return Some(shard.store.pair(at).1.clone());
            }
            Err(expired) => expired,
        };
        drop(shard);
        drop(expired);
        None
    }

    /// Returns the value of a key, or else a place in a flight, which one caller begins if there is
    /// none. The caller who begins it drives it.
    #[inline]
    pub(super) fn look<R>(this: R, key: K) -> Look<R, Result<V, E>>
    where
        R: Deref<Target = Self>,
    {
        let (hash, now) = (this.hash(&key), this.past());
        let mut shard = this.shard(hash);
        let expired = match shard.find(hash, &key, now) {
            Ok(at) => {
                shard.store.touch(at);
                let value = shard.store.pair(at).1.clone();
                drop(shard);
                return Look::Hit(value);
            }
            Err(expired) => expired,
        };
        let begin = |_: &mut _| Cell::driven();
        let joined = shard.flights.join_or_begin(hash, key, 1, &mut None, begin);
        drop(shard);
        drop(expired);
        let Joined { cell, new, garbage } = joined;
        drop(garbage);
        Look::Miss(if new {
            Seat::driving(this, hash, cell)
        } else {
            Seat::joined(this, hash, cell)
        })
    }

    /// Returns the value of a key, or else two places in a flight, neither of which drives it as yet.
    /// The work is left with the flight.
    pub(super) fn look_ahead<R>(this: R, key: K, work: W) -> Ahead<R, Result<V, E>>
    where
        R: Deref<Target = Self> + Clone,
    {
        let mut work = Some(work);
        let (hash, now) = (this.hash(&key), this.past());
        let mut shard = this.shard(hash);
        let expired = match shard.find(hash, &key, now) {
            Ok(at) => {
                shard.store.touch(at);
                let value = shard.store.pair(at).1.clone();
                drop(shard);
                return Ahead::Hit(value);
            }
            Err(expired) => expired,
        };
        let begin = |work: &mut Option<W>| Cell::waiting(2, work.take());
        let joined = shard.flights.join_or_begin(hash, key, 2, &mut work, begin);
        drop(shard);
        drop(expired);
        let Joined { cell, garbage, .. } = joined;
        drop(garbage);
        Ahead::Miss {
            handle: Seat::joined(this.clone(), hash, Arc::clone(&cell)),
            driver: Seat::joined(this, hash, cell),
        }
    }

    /// Writes a value, and returns the one that was there.
    pub(super) fn insert(&self, key: K, value: V) -> Option<Result<V, E>> {
        let (hash, now) = (self.hash(&key), self.now());
        let lifetime = self.lifetime(&Ok(()), now)?;
        let mut shard = self.shard(hash);
        // A flight under way is older than this value.
        let forgotten = shard.flights.forget(hash, &key);
        if shard.store.capacity() == 0 {
            drop(shard);
            drop((forgotten, key, value));
            return None;
        }
        let (old, garbage) = match shard.find(hash, &key, now) {
            Ok(at) => {
                let old = shard.store.replace(at, key, Ok(value), lifetime);
                (Some(old), None)
            }
            Err(expired) => {
                let garbage = shard.add(hash, key, Ok(value), lifetime, now);
                (None, Some((expired, garbage)))
            }
        };
        drop(shard);
        drop((forgotten, garbage));
        old.map(|(_, value)| value)
    }

    /// Removes a key, and lets who comes next begin another flight. Returns the value that was
    /// there.
    pub(super) fn remove<Q>(&self, key: &Q) -> Option<Result<V, E>>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let (hash, now) = (self.hash(key), self.past());
        let mut shard = self.shard(hash);
        let forgotten = shard.flights.forget(hash, key);
        let (found, expired) = match shard.find(hash, key, now) {
            Ok(at) => (Some(shard.store.take(at)), None),
            Err(expired) => (None, expired),
        };
        drop(shard);
        drop((forgotten, expired));
        found.map(|(_, value)| value)
    }

    /// Removes all keys, and lets who comes next begin other flights.
    pub(super) fn clear(&self) {
        for shard in &self.shards {
            let mut shard = lock(shard);
            let forgotten = shard.flights.forget_all();
            let all = shard.store.take_all();
            drop(shard);
            drop((forgotten, all));
        }
    }

    /// Removes the entries that have expired, and returns how many there were.
    pub(super) fn purge_expired(&self) -> usize {
        let Some(now) = self.now() else {
            return 0;
        };
        let mut purged = 0;
        for shard in &self.shards {
            let mut shard = lock(shard);
            let mut garbage = Vec::new();
            while let Some(at) = shard.store.expired(now) {
                garbage.push(shard.store.take(at));
            }
            drop(shard);
            purged += garbage.len();
        }
        purged
    }

    pub(super) fn len(&self) -> usize {
        let shards = self.shards.iter();
        shards.map(|shard| lock(shard).store.len()).sum()
    }

    pub(super) fn in_flight(&self) -> usize {
        let shards = self.shards.iter();
        shards.map(|shard| lock(shard).flights.len()).sum()
    }

    pub(super) fn capacity(&self) -> usize {
        self.settings.capacity
    }

    /// Returns how long a result is kept, if it is kept at all: `Some(None)` is for ever.
    fn lifetime<T>(&self, result: &Result<T, E>, now: Option<Instant>) -> Option<Option<Lifetime>> {
        let (ttl, class) = match (result, self.settings.errors) {
            (Ok(_), _) => (self.settings.ttl, Class::First),
            (Err(_), ErrorPolicy::Forget) => return None,
            (Err(_), ErrorPolicy::Keep) => (self.settings.ttl, Class::First),
            (Err(_), ErrorPolicy::KeepFor(ttl)) => (Some(ttl), Class::Second),
        };
        let expires = ttl.zip(now).and_then(|(ttl, now)| now.checked_add(ttl));
        Some(expires.map(|expires| Lifetime { expires, class }))
    }
}

impl<K, V, E, S, W> Hangar for Core<K, V, E, S, W>
where
    K: Hash + Eq,
    V: Clone,
    E: Clone,
    S: BuildHasher,
    W: Future<Output = Result<V, E>> + Unpin,
{
    type Key = K;
    type Value = Result<V, E>;
    type Work = W;

    fn abandon(&self, hash: u64, cell: &Arc<Cell<Result<V, E>, W>>) {
        // A statement of its own: the key is dropped after the lock has been released.
        let flying = self.shard(hash).flights.take(hash, cell);
        drop(flying);
    }

    fn complete(&self, hash: u64, cell: &Arc<Cell<Result<V, E>, W>>, value: &Result<V, E>) {
        let now = self.now();
        let lifetime = match self.lifetime(value, now) {
            Some(lifetime) if self.settings.capacity > 0 => lifetime,
            _ => return self.abandon(hash, cell),
        };
        let value = value.clone();
        let mut shard = self.shard(hash);
        // If it is not there, the key was removed or written meanwhile: this result is old.
        let Some(flying) = shard.flights.take(hash, cell) else {
            return;
        };
        let key = flying.into_key();
        // There is no entry for the key: it would have ended the flight, or not let it begin.
        let garbage = shard.add(hash, key, value, lifetime, now);
        drop(shard);
        drop(garbage);
    }
}
