//! A mutex for each key.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::future::Future;
use std::hash::{BuildHasher, Hash, RandomState};
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
#[cfg(not(loom))]
use std::time::Instant;

use crate::park::block_on;
use crate::sync::{Mutex, lock};
use crate::waiters::{Cancelled, Key, WaitList};
#[cfg(not(loom))]
use crate::{TimedOut, deadline::block_on_until};

/// An empty table keeps room for so many hashes.
const KEPT: usize = 64;

/// A mutex for each key: those who lock different keys do not wait for each other.
///
/// A key takes memory only while it is locked. It is first come, first served for each key, and a
/// key is handed directly from the one that releases it to the first in line. Keys are hashed and
/// compared outside of all locks, so what they do there is their own business.
///
/// Clones share the locks; guards own what they need, and may go anywhere.
///
/// ```
/// use corokit_sync_bridge::KeyedMutex;
/// use futures_lite::future::{block_on, poll_once};
///
/// let accounts = KeyedMutex::new();
/// block_on(async {
///     let alice = accounts.lock("alice").await;
///     let bob = accounts.lock("bob").await;
///     assert!(poll_once(accounts.lock("alice")).await.is_none());
///     drop(alice);
///     assert!(poll_once(accounts.lock("alice")).await.is_some());
///     drop(bob);
///     assert!(accounts.is_empty());
/// });
/// ```
///
/// Source: `keyed_locks` of async-utils.
pub struct KeyedMutex<K, S = RandomState> {
    shared: Arc<Shared<K, S>>,
}

struct Shared<K, S> {
    hasher: S,
    table: Mutex<Table<K>>,
}

struct Table<K> {
    /// The keys that are locked, by their hash. There is hardly ever more than one of a hash.
    held: HashMap<u64, Vec<Held<K>>>,
    len: usize,
    /// The number of the latest holding.
    number: u64,
}

/// A key from its locking until nobody has it any more.
struct Held<K> {
    number: u64,
    key: Arc<K>,
    line: WaitList<(), ()>,
}

/// Where a key is: found again without comparing.
struct Place<K> {
    hash: u64,
    number: u64,
    key: Arc<K>,
}

/// The answer to one who asks for a key.
enum Asked<K> {
    Locked(Place<K>),
    /// Somebody else has it.
    Waits(Place<K>, Key),
    /// Somebody else has it, and one did not want to wait.
    Refused,
}

impl<K> KeyedMutex<K> {
    /// Makes a mutex of which no key is locked.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sync_bridge::KeyedMutex;
    ///
    /// let mutex = KeyedMutex::<String>::new();
    /// assert!(mutex.is_empty());
    /// ```
    pub fn new() -> Self {
        KeyedMutex::with_hasher(RandomState::new())
    }
}

impl<K, S> KeyedMutex<K, S> {
    /// Makes a mutex whose keys are hashed by `hasher`.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sync_bridge::KeyedMutex;
    /// use std::hash::RandomState;
    ///
    /// let mutex = KeyedMutex::with_hasher(RandomState::new());
    /// assert!(mutex.try_lock(5).is_ok());
    /// ```
    pub fn with_hasher(hasher: S) -> Self {
        let table = Table {
            held: HashMap::new(),
            len: 0,
            number: 0,
        };
        KeyedMutex {
            shared: Arc::new(Shared {
                hasher,
                table: Mutex::new(table),
            }),
        }
    }

    /// Returns how many keys are locked.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sync_bridge::KeyedMutex;
    ///
    /// let mutex = KeyedMutex::new();
    /// let guard = mutex.lock_blocking(5);
    /// assert_eq!(mutex.len(), 1);
    /// drop(guard);
    /// assert_eq!(mutex.len(), 0);
    /// ```
    pub fn len(&self) -> usize {
        lock(&self.shared.table).len
    }

    /// Returns `true` if no key is locked.
    ///
    /// # Examples
    ///
    /// ```
    /// assert!(corokit_sync_bridge::KeyedMutex::<u32>::new().is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<K: Hash + Eq, S: BuildHasher> KeyedMutex<K, S> {
    /// Locks a key, and waits if somebody else has it.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future is the same as never having waited: a key that it was given already goes
    /// to the next in line.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sync_bridge::KeyedMutex;
    ///
    /// let mutex = KeyedMutex::new();
    /// let guard = futures_lite::future::block_on(mutex.lock("a"));
    /// assert_eq!(guard.key(), &"a");
    /// ```
    pub fn lock(&self, key: K) -> KeyedLock<K, S> {
        KeyedLock {
            shared: Arc::clone(&self.shared),
            stage: Stage::Begins(key),
        }
    }

    /// Locks a key if nobody has it.
    ///
    /// # Errors
    ///
    /// If somebody has it, the key comes back.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sync_bridge::KeyedMutex;
    ///
    /// let mutex = KeyedMutex::new();
    /// let guard = mutex.try_lock("a").unwrap();
    /// assert_eq!(mutex.try_lock("a").unwrap_err(), "a");
    /// assert!(mutex.try_lock("b").is_ok());
    /// ```
    pub fn try_lock(&self, key: K) -> Result<KeyedMutexGuard<K, S>, K> {
        let mut key = Some(key);
        match self.shared.ask(&mut key, None) {
            Asked::Locked(place) => Ok(KeyedMutexGuard {
                shared: Arc::clone(&self.shared),
                place,
            }),
            _ => Err(key.expect("only who locks a key needs it")),
        }
    }

    /// Blocks the thread until it has the key.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sync_bridge::KeyedMutex;
    ///
    /// let mutex = KeyedMutex::new();
    /// let guard = mutex.lock_blocking("a");
    /// assert!(mutex.is_locked(&"a"));
    /// ```
    pub fn lock_blocking(&self, key: K) -> KeyedMutexGuard<K, S> {
        block_on(self.lock(key))
    }

    /// Blocks the thread until it has the key, or until `deadline`.
    ///
    /// # Errors
    ///
    /// [`TimedOut`], if the deadline passed first.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sync_bridge::{KeyedMutex, TimedOut};
    /// use std::time::Instant;
    ///
    /// let mutex = KeyedMutex::new();
    /// let guard = mutex.lock_blocking("a");
    /// let late = mutex.lock_deadline("a", Instant::now());
    /// assert_eq!(late.unwrap_err(), TimedOut);
    /// ```
    #[cfg(not(loom))]
    pub fn lock_deadline(
        &self,
        key: K,
        deadline: Instant,
    ) -> Result<KeyedMutexGuard<K, S>, TimedOut> {
        block_on_until(deadline, self.lock(key))
    }

    /// Returns `true` if somebody has this key.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sync_bridge::KeyedMutex;
    ///
    /// let mutex = KeyedMutex::new();
    /// let guard = mutex.lock_blocking("a");
    /// assert!(mutex.is_locked(&"a"));
    /// assert!(!mutex.is_locked(&"b"));
    /// ```
    pub fn is_locked(&self, key: &K) -> bool {
        let hash = self.shared.hasher.hash_one(key);
        let keys: Vec<Arc<K>> = match lock(&self.shared.table).held.get(&hash) {
            Some(held) => held.iter().map(|held| Arc::clone(&held.key)).collect(),
            None => return false,
        };
        keys.iter().any(|other| **other == *key)
    }
}

impl<K: Hash + Eq, S: BuildHasher> Shared<K, S> {
    /// Takes a key if nobody has it; else waits in its line, if there is a waker to be woken.
    fn ask(&self, key: &mut Option<K>, mut waker: Option<Waker>) -> Asked<K> {
        let own = key.as_ref().expect("a key is asked for once");
        let hash = self.hasher.hash_one(own);
        // Keys are compared outside of the lock. So look which keys there are, compare with those
        // that have not been seen before, and look again, until there is no new one.
        let mut seen: Vec<(u64, bool)> = Vec::new();
        let mut new: Vec<(u64, Arc<K>)> = Vec::new();
        loop {
            let own = key.as_ref().expect("a key is asked for once");
            for (number, other) in new.drain(..) {
                seen.push((number, *other == *own));
            }
            let mut table = lock(&self.table);
            let table = &mut *table;
            for held in table.held.get_mut(&hash).into_iter().flatten() {
                match seen.iter().find(|(number, _)| *number == held.number) {
                    None => new.push((held.number, Arc::clone(&held.key))),
                    Some((_, false)) => {}
                    Some((number, true)) => {
                        let place = Place {
                            hash,
                            number: *number,
                            key: Arc::clone(&held.key),
                        };
                        let Some(waker) = waker.take() else {
                            return Asked::Refused;
                        };
                        let in_line = held.line.push_back((), Some(waker));
                        return Asked::Waits(place, in_line);
                    }
                }
            }
            if new.is_empty() {
                let key = Arc::new(key.take().expect("a key is asked for once"));
                return Asked::Locked(table.hold(hash, key));
            }
        }
    }
}

impl<K> Table<K> {
    /// Enters a key that nobody has.
    fn hold(&mut self, hash: u64, key: Arc<K>) -> Place<K> {
        self.number += 1;
        self.len += 1;
        let number = self.number;
        self.held.entry(hash).or_default().push(Held {
            number,
            key: Arc::clone(&key),
            line: WaitList::new(),
        });
        Place { hash, number, key }
    }

    /// Returns the line in front of a key that somebody has.
    fn line(&mut self, place: &Place<K>) -> &mut WaitList<(), ()> {
        let held = self.held.get_mut(&place.hash).into_iter().flatten();
        let mut lines = held.filter(|held| held.number == place.number);
        &mut lines.next().expect("it is held by somebody").line
    }

    /// Takes a key out that nobody waits for. What is left of it is to be dropped outside of the
    /// lock.
    fn remove(&mut self, place: &Place<K>) -> Option<Held<K>> {
        let Entry::Occupied(mut held) = self.held.entry(place.hash) else {
            return None;
        };
        let same = held.get();
        let index = same.iter().position(|held| held.number == place.number)?;
        let removed = held.get_mut().swap_remove(index);
        if held.get().is_empty() {
            held.remove();
        }
        self.len -= 1;
        if self.len == 0 && self.held.capacity() > KEPT {
            self.held = HashMap::new();
        }
        Some(removed)
    }
}

impl<K, S> Shared<K, S> {
    /// Hands a key to the first in line, or forgets it.
    fn release(&self, place: &Place<K>) {
        let mut table = lock(&self.table);
        match table.line(place).grant_front(()) {
            Ok(((), waker)) => {
                drop(table);
                if let Some(waker) = waker {
                    waker.wake();
                }
            }
            Err(()) => {
                let removed = table.remove(place);
                drop(table);
                drop(removed);
            }
        }
    }
}

impl<K, S> Clone for KeyedMutex<K, S> {
    fn clone(&self) -> Self {
        KeyedMutex {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<K, S: Default> Default for KeyedMutex<K, S> {
    fn default() -> Self {
        KeyedMutex::with_hasher(S::default())
    }
}

impl<K, S> fmt::Debug for KeyedMutex<K, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyedMutex")
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

/// The future of [`KeyedMutex::lock`].
#[must_use = "futures do nothing unless polled or awaited"]
pub struct KeyedLock<K, S = RandomState> {
    shared: Arc<Shared<K, S>>,
    stage: Stage<K>,
}

enum Stage<K> {
    Begins(K),
    Waits(Place<K>, Key),
    Over,
}

/// The key is never pinned.
impl<K, S> Unpin for KeyedLock<K, S> {}

impl<K, S> KeyedLock<K, S> {
    fn locked(&mut self, place: Place<K>) -> Poll<KeyedMutexGuard<K, S>> {
        let shared = Arc::clone(&self.shared);
        Poll::Ready(KeyedMutexGuard { shared, place })
    }
}

impl<K: Hash + Eq, S: BuildHasher> Future for KeyedLock<K, S> {
    type Output = KeyedMutexGuard<K, S>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<KeyedMutexGuard<K, S>> {
        // Cloned, and what is left here dropped, outside of the lock.
        let mut waker = Some(cx.waker().clone());
        let this = &mut *self;
        if let Stage::Waits(place, key) = &this.stage {
            let polled = lock(&this.shared.table).line(place).poll(*key, &mut waker);
            if polled.is_pending() {
                return Poll::Pending;
            }
        }
        match mem::replace(&mut this.stage, Stage::Over) {
            Stage::Waits(place, _) => this.locked(place),
            Stage::Begins(key) => match this.shared.ask(&mut Some(key), waker) {
                Asked::Locked(place) => this.locked(place),
                Asked::Waits(place, key) => {
                    this.stage = Stage::Waits(place, key);
                    Poll::Pending
                }
                Asked::Refused => unreachable!("there is a waker to wait with"),
            },
            Stage::Over => panic!("`KeyedLock` polled after it had completed"),
        }
    }
}

impl<K, S> Drop for KeyedLock<K, S> {
    fn drop(&mut self) {
        if let Stage::Waits(place, key) = &self.stage {
            let mut waker = None;
            let cancelled = lock(&self.shared.table)
                .line(place)
                .cancel(*key, &mut waker);
            if let Cancelled::Granted(()) = cancelled {
                self.shared.release(place);
            }
        }
    }
}

impl<K, S> fmt::Debug for KeyedLock<K, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyedLock").finish_non_exhaustive()
    }
}

/// Has a key of a [`KeyedMutex`], until it is dropped.
#[must_use = "dropping the guard releases the key"]
pub struct KeyedMutexGuard<K, S = RandomState> {
    shared: Arc<Shared<K, S>>,
    place: Place<K>,
}

impl<K, S> KeyedMutexGuard<K, S> {
    /// Returns the key that is locked.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sync_bridge::KeyedMutex;
    ///
    /// assert_eq!(KeyedMutex::new().lock_blocking(5).key(), &5);
    /// ```
    pub fn key(&self) -> &K {
        &self.place.key
    }
}

impl<K, S> Drop for KeyedMutexGuard<K, S> {
    fn drop(&mut self) {
        self.shared.release(&self.place);
    }
}

impl<K: fmt::Debug, S> fmt::Debug for KeyedMutexGuard<K, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("KeyedMutexGuard").field(self.key()).finish()
    }
}
