//! A line of waiters, first come first served: what locks, semaphores and queues are built on.
//!
//! A [`WaitList`] is plain data. It is kept inside of whatever lock guards its owner's state, so
//! that "is it free?" and "then I wait" are one step, and so that what is released is handed to the
//! first in line in the same step: nobody who comes later gets in between.
//!
//! # A semaphore
//!
//! ```
//! use corokit_sync_bridge::waiters::{Cancelled, Key, WaitList};
//! use std::future::Future;
//! use std::pin::Pin;
//! use std::sync::Mutex;
//! use std::task::{Context, Poll, Waker};
//!
//! struct Semaphore {
//!     state: Mutex<State>,
//! }
//!
//! struct State {
//!     permits: usize,
//!     /// They all want the same, a permit, and are granted just that.
//!     waiters: WaitList<(), ()>,
//! }
//!
//! impl Semaphore {
//!     const fn new(permits: usize) -> Self {
//!         let waiters = WaitList::new();
//!         Semaphore { state: Mutex::new(State { permits, waiters }) }
//!     }
//!
//!     fn acquire(&self) -> Acquire<'_> {
//!         Acquire { semaphore: self, key: None }
//!     }
//!
//!     fn release(&self) {
//!         let mut state = self.state.lock().unwrap();
//!         let waker = match state.waiters.grant_front(()) {
//!             Ok((_, waker)) => waker,
//!             Err(()) => {
//!                 state.permits += 1;
//!                 None
//!             }
//!         };
//!         // No waker is called under the lock: it may run anything.
//!         drop(state);
//!         if let Some(waker) = waker {
//!             waker.wake();
//!         }
//!     }
//! }
//!
//! struct Acquire<'a> {
//!     semaphore: &'a Semaphore,
//!     key: Option<Key>,
//! }
//!
//! struct Permit<'a>(&'a Semaphore);
//!
//! impl Drop for Permit<'_> {
//!     fn drop(&mut self) {
//!         self.0.release();
//!     }
//! }
//!
//! impl<'a> Future for Acquire<'a> {
//!     type Output = Permit<'a>;
//!
//!     fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Permit<'a>> {
//!         // Cloned before the lock is taken; what is left here is dropped after it is released.
//!         let mut waker = Some(cx.waker().clone());
//!         let semaphore = self.semaphore;
//!         let mut state = semaphore.state.lock().unwrap();
//!         match self.key {
//!             None if state.permits > 0 => state.permits -= 1,
//!             None => {
//!                 self.key = Some(state.waiters.push_back((), waker.take()));
//!                 return Poll::Pending;
//!             }
//!             Some(key) => {
//!                 if state.waiters.poll(key, &mut waker).is_pending() {
//!                     return Poll::Pending;
//!                 }
//!                 self.key = None;
//!             }
//!         }
//!         drop(state);
//!         Poll::Ready(Permit(semaphore))
//!     }
//! }
//!
//! impl Drop for Acquire<'_> {
//!     fn drop(&mut self) {
//!         let Some(key) = self.key else { return };
//!         let mut waker = None;
//!         let cancelled = self.semaphore.state.lock().unwrap().waiters.cancel(key, &mut waker);
//!         // A permit that was granted already goes to the next in line.
//!         if let Cancelled::Granted(()) = cancelled {
//!             self.semaphore.release();
//!         }
//!     }
//! }
//!
//! use futures_lite::future::{block_on, poll_once};
//!
//! let semaphore = Semaphore::new(1);
//! block_on(async {
//!     let permit = semaphore.acquire().await;
//!     let mut second = Box::pin(semaphore.acquire());
//!     let mut third = Box::pin(semaphore.acquire());
//!     assert!(poll_once(&mut second).await.is_none());
//!     assert!(poll_once(&mut third).await.is_none());
//!     drop(permit);
//!     // It is the second's, and nobody else's, though the second has not run yet.
//!     assert!(poll_once(semaphore.acquire()).await.is_none());
//!     drop(second);
//!     assert!(poll_once(&mut third).await.is_some());
//! });
//! ```

use std::fmt;
use std::task::{Poll, Waker};

/// No slot.
const NONE: u32 = u32::MAX;

/// Up to so many slots are kept for later when nobody waits any more.
const KEPT: usize = 32;

/// Those who wait, in the order in which they came.
///
/// `W` is what a waiter wants: a number of permits, an item to be put, or `()`. `G` is what it is
/// granted. Each operation takes constant time.
///
/// A waiter is [pushed](Self::push_back), then [granted](Self::grant_front) what it waits for, and
/// then [polled](Self::poll) to take it; or else [cancelled](Self::cancel), at any time.
///
/// ```text
///              grant_front            poll: Ready
/// push_back ──► waiting ──► granted ──────────────► gone
///                  │           │
///                  └───────────┴──── cancel ──────► gone
/// ```
///
/// The list never calls, clones or drops a waker, and never drops a `W` or a `G`: all of them come
/// back to the caller, who lets go of them when its lock is released.
pub struct WaitList<W, G> {
    slots: Vec<Slot<W, G>>,
    /// The first slot that is free.
    free: u32,
    /// The first and the last that wait.
    head: u32,
    tail: u32,
    waiting: usize,
    /// How many slots are taken: by those who wait, and by those who have been granted something
    /// that they have not taken yet.
    taken: usize,
    /// The number of the latest arrival.
    stamp: u64,
}

/// Names a waiter of a [`WaitList`].
///
/// Keys are never used again. One that has been cancelled, or has been polled to the end, names
/// nobody.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key {
    slot: u32,
    stamp: u64,
}

/// What became of a waiter that was [cancelled](WaitList::cancel).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "what was granted is to be passed on"]
pub enum Cancelled<W, G> {
    /// It waited, and this is what it wanted.
    Waiting(W),
    /// It had been granted this, which is to be passed on.
    Granted(G),
}

struct Slot<W, G> {
    stamp: u64,
    state: State<W, G>,
}

enum State<W, G> {
    Free {
        next: u32,
    },
    Waiting {
        want: W,
        waker: Option<Waker>,
        previous: u32,
        next: u32,
    },
    Granted(G),
}

impl<W, G> WaitList<W, G> {
    /// Makes an empty list. It allocates nothing before somebody waits.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sync_bridge::waiters::WaitList;
    ///
    /// static WAITERS: std::sync::Mutex<WaitList<(), ()>> = std::sync::Mutex::new(WaitList::new());
    /// assert!(WAITERS.lock().unwrap().is_empty());
    /// ```
    pub const fn new() -> Self {
        WaitList {
            slots: Vec::new(),
            free: NONE,
            head: NONE,
            tail: NONE,
            waiting: 0,
            taken: 0,
            stamp: 0,
        }
    }

    /// Returns how many wait. Those who have been granted something do not wait any more.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sync_bridge::waiters::WaitList;
    ///
    /// let mut waiters = WaitList::<_, ()>::new();
    /// waiters.push_back("a", None);
    /// waiters.push_back("b", None);
    /// assert!(waiters.grant_front(()).is_ok());
    /// assert_eq!(waiters.len(), 1);
    /// ```
    #[inline]
    pub const fn len(&self) -> usize {
        self.waiting
    }

    /// Returns `true` if nobody waits.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sync_bridge::waiters::WaitList;
    ///
    /// let mut waiters = WaitList::<(), ()>::new();
    /// assert!(waiters.is_empty());
    /// waiters.push_back((), None);
    /// assert!(!waiters.is_empty());
    /// ```
    #[inline]
    pub const fn is_empty(&self) -> bool {
        self.waiting == 0
    }

    /// Puts a waiter at the end of the line. Its waker may be given now, or when it is
    /// [polled](Self::poll).
    ///
    /// # Panics
    ///
    /// If there are 2^32 - 1 waiters already.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sync_bridge::waiters::WaitList;
    ///
    /// let mut waiters = WaitList::<_, ()>::new();
    /// let key = waiters.push_back("a permit", None);
    /// assert_eq!(waiters.get(key), Some(&"a permit"));
    /// ```
    pub fn push_back(&mut self, want: W, waker: Option<Waker>) -> Key {
        self.stamp += 1;
        let stamp = self.stamp;
        let entry = Slot {
            stamp,
            state: State::Waiting {
                want,
                waker,
                previous: self.tail,
                next: NONE,
            },
        };
        let slot = if self.free == NONE {
            let slot = u32::try_from(self.slots.len()).ok();
            let slot = slot.filter(|&slot| slot != NONE);
            let slot = slot.expect("a list of waiters has at most 2^32 - 1 of them");
            self.slots.push(entry);
            slot
        } else {
            let slot = self.free;
            let State::Free { next } = self.slots[slot as usize].state else {
                unreachable!("the free slots are free");
            };
            self.free = next;
            self.slots[slot as usize] = entry;
            slot
        };
        match self.tail {
            NONE => self.head = slot,
            tail => *self.next_of(tail) = slot,
        }
        self.tail = slot;
        self.waiting += 1;
        self.taken += 1;
        Key { slot, stamp }
    }

    /// Returns what the first in line wants.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sync_bridge::waiters::WaitList;
    ///
    /// let mut waiters = WaitList::<_, ()>::new();
    /// assert_eq!(waiters.front(), None);
    /// waiters.push_back("a", None);
    /// waiters.push_back("b", None);
    /// assert_eq!(waiters.front(), Some(&"a"));
    /// ```
    #[inline]
    pub fn front(&self) -> Option<&W> {
        match &self.slots.get(self.head as usize)?.state {
            State::Waiting { want, .. } => Some(want),
            _ => None,
        }
    }

    /// Returns what the first in line wants, to be changed.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sync_bridge::waiters::WaitList;
    ///
    /// let mut waiters = WaitList::<_, ()>::new();
    /// waiters.push_back(3, None);
    /// // One permit of three is there.
    /// *waiters.front_mut().unwrap() -= 1;
    /// assert_eq!(waiters.front(), Some(&2));
    /// ```
    #[inline]
    pub fn front_mut(&mut self) -> Option<&mut W> {
        match &mut self.slots.get_mut(self.head as usize)?.state {
            State::Waiting { want, .. } => Some(want),
            _ => None,
        }
    }

    /// Returns the key of the first in line.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sync_bridge::waiters::WaitList;
    ///
    /// let mut waiters = WaitList::<(), ()>::new();
    /// let first = waiters.push_back((), None);
    /// let second = waiters.push_back((), None);
    /// assert_eq!(waiters.front_key(), Some(first));
    /// ```
    #[inline]
    pub fn front_key(&self) -> Option<Key> {
        let stamp = self.slots.get(self.head as usize)?.stamp;
        let slot = self.head;
        Some(Key { slot, stamp })
    }

    /// Returns what a waiter wants, if it waits.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sync_bridge::waiters::WaitList;
    ///
    /// let mut waiters = WaitList::<_, ()>::new();
    /// let key = waiters.push_back("a", None);
    /// assert_eq!(waiters.get(key), Some(&"a"));
    /// assert!(waiters.grant_front(()).is_ok());
    /// assert_eq!(waiters.get(key), None);
    /// ```
    pub fn get(&self, key: Key) -> Option<&W> {
        let slot = self.slots.get(key.slot as usize)?;
        match &slot.state {
            State::Waiting { want, .. } if slot.stamp == key.stamp => Some(want),
            _ => None,
        }
    }

    /// Returns what a waiter wants, to be changed, if it waits.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sync_bridge::waiters::WaitList;
    ///
    /// let mut waiters = WaitList::<_, ()>::new();
    /// let key = waiters.push_back(1, None);
    /// *waiters.get_mut(key).unwrap() = 2;
    /// assert_eq!(waiters.front(), Some(&2));
    /// ```
    pub fn get_mut(&mut self, key: Key) -> Option<&mut W> {
        let slot = self.slots.get_mut(key.slot as usize)?;
        match &mut slot.state {
            State::Waiting { want, .. } if slot.stamp == key.stamp => Some(want),
            _ => None,
        }
    }

    /// Returns what all those want who wait, the first in line first.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sync_bridge::waiters::WaitList;
    ///
    /// let mut waiters = WaitList::<_, ()>::new();
    /// waiters.push_back("a", None);
    /// waiters.push_back("b", None);
    /// assert!(waiters.iter().eq(&["a", "b"]));
    /// ```
    pub fn iter(&self) -> impl Iterator<Item = &W> {
        let mut slot = self.head;
        std::iter::from_fn(move || match &self.slots.get(slot as usize)?.state {
            State::Waiting { want, next, .. } => {
                slot = *next;
                Some(want)
            }
            _ => None,
        })
    }

    /// Grants the first in line what it waits for. It leaves the line, and will find it when it is
    /// polled.
    ///
    /// Returns what it wanted, and its waker, which is to be woken when the lock is released. There
    /// is none if it has not been polled since it was woken last.
    ///
    /// # Errors
    ///
    /// If nobody waits, `grant` comes back.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sync_bridge::waiters::WaitList;
    /// use std::task::{Poll, Waker};
    ///
    /// let mut waiters = WaitList::new();
    /// let key = waiters.push_back("an item", Some(Waker::noop().clone()));
    /// let (want, waker) = waiters.grant_front(5).unwrap();
    /// assert_eq!(want, "an item");
    /// waker.unwrap().wake();
    /// assert_eq!(waiters.poll(key, &mut None), Poll::Ready(5));
    /// assert_eq!(waiters.grant_front(6).unwrap_err(), 6);
    /// ```
    pub fn grant_front(&mut self, grant: G) -> Result<(W, Option<Waker>), G> {
        if self.head == NONE {
            return Err(grant);
        }
        Ok(self.unlink(self.head, State::Granted(grant)))
    }

    /// Takes the first in line out, without granting it anything: it learns in another way that it
    /// has what it wants. Its key names nobody any more.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sync_bridge::waiters::WaitList;
    ///
    /// let mut waiters = WaitList::<_, ()>::new();
    /// let key = waiters.push_back("an item", None);
    /// let (want, waker) = waiters.pop_front().unwrap();
    /// assert_eq!(want, "an item");
    /// assert!(waiters.get(key).is_none() && waiters.is_empty());
    /// ```
    pub fn pop_front(&mut self) -> Option<(W, Option<Waker>)> {
        if self.head == NONE {
            return None;
        }
        let slot = self.head;
        let popped = self.unlink(slot, State::Free { next: NONE });
        self.free(slot);
        Some(popped)
    }

    /// Takes the waker of the first in line, which goes on waiting: when it is woken, it will be
    /// polled again, and can see that it has become the first.
    ///
    /// This is how a timer for the whole line, which the first keeps, is handed on.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sync_bridge::waiters::WaitList;
    /// use std::task::Waker;
    ///
    /// let mut waiters = WaitList::<(), ()>::new();
    /// waiters.push_back((), Some(Waker::noop().clone()));
    /// assert!(waiters.take_front_waker().is_some());
    /// assert!(waiters.take_front_waker().is_none());
    /// assert_eq!(waiters.len(), 1);
    /// ```
    pub fn take_front_waker(&mut self) -> Option<Waker> {
        match &mut self.slots.get_mut(self.head as usize)?.state {
            State::Waiting { waker, .. } => waker.take(),
            _ => None,
        }
    }

    /// Takes what a waiter has been granted. Then it is gone, and its key with it.
    ///
    /// Otherwise it goes on waiting. Then `waker` is taken and kept, if there is one, and the waker
    /// that it replaces is left in its place. So a caller clones its waker before it locks, and
    /// drops what it finds in its place afterwards, and no waker is cloned or dropped under the
    /// lock.
    ///
    /// # Panics
    ///
    /// If the key names nobody.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sync_bridge::waiters::WaitList;
    /// use std::task::{Poll, Waker};
    ///
    /// let mut waiters = WaitList::new();
    /// let key = waiters.push_back((), None);
    /// let mut waker = Some(Waker::noop().clone());
    /// assert_eq!(waiters.poll(key, &mut waker), Poll::Pending);
    /// assert!(waker.is_none());
    /// let (_, waker) = waiters.grant_front("a permit").unwrap();
    /// assert!(waker.is_some());
    /// assert_eq!(waiters.poll(key, &mut None), Poll::Ready("a permit"));
    /// ```
    #[track_caller]
    pub fn poll(&mut self, key: Key, waker: &mut Option<Waker>) -> Poll<G> {
        let slot = self.slot(key);
        match &mut slot.state {
            State::Waiting { waker: kept, .. } => {
                if waker.is_some() {
                    std::mem::swap(kept, waker);
                }
                Poll::Pending
            }
            _ => match self.free(key.slot) {
                State::Granted(grant) => Poll::Ready(grant),
                _ => unreachable!("it does not wait, and is not free"),
            },
        }
    }

    /// Takes a waiter out of the line, wherever it is, and returns what it wanted, or what it has
    /// been granted. Then it is gone, and its key with it.
    ///
    /// Its waker is left in `waker`, if it has one, to be dropped when the lock is released.
    ///
    /// # Panics
    ///
    /// If the key names nobody.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sync_bridge::waiters::{Cancelled, WaitList};
    ///
    /// let mut waiters = WaitList::new();
    /// let [a, b, c] = ["a", "b", "c"].map(|want| waiters.push_back(want, None));
    /// assert_eq!(waiters.cancel(b, &mut None), Cancelled::Waiting("b"));
    /// assert!(waiters.grant_front(1).is_ok());
    /// assert_eq!(waiters.cancel(a, &mut None), Cancelled::Granted(1));
    /// assert_eq!(waiters.front_key(), Some(c));
    /// ```
    #[track_caller]
    pub fn cancel(&mut self, key: Key, waker: &mut Option<Waker>) -> Cancelled<W, G> {
        let slot = self.slot(key);
        if let State::Waiting { .. } = slot.state {
            // Its slot is freed below, as that of one who was granted something.
            let next = NONE;
            let (want, kept) = self.unlink(key.slot, State::Free { next });
            if kept.is_some() {
                *waker = kept;
            }
            self.free(key.slot);
            return Cancelled::Waiting(want);
        }
        match self.free(key.slot) {
            State::Granted(grant) => Cancelled::Granted(grant),
            _ => unreachable!("it does not wait, and is not free"),
        }
    }

    /// Takes a waiter out of the line, and leaves something else in its slot.
    fn unlink(&mut self, slot: u32, state: State<W, G>) -> (W, Option<Waker>) {
        let former = std::mem::replace(&mut self.slots[slot as usize].state, state);
        let State::Waiting {
            want,
            waker,
            previous,
            next,
        } = former
        else {
            unreachable!("those in the line wait");
        };
        match previous {
            NONE => self.head = next,
            previous => *self.next_of(previous) = next,
        }
        match next {
            NONE => self.tail = previous,
            next => *self.previous_of(next) = previous,
        }
        self.waiting -= 1;
        (want, waker)
    }

    /// Makes a slot free that is not in the line, and returns what was in it.
    fn free(&mut self, slot: u32) -> State<W, G> {
        let free = Slot {
            // No arrival has this number.
            stamp: 0,
            state: State::Free { next: self.free },
        };
        let former = std::mem::replace(&mut self.slots[slot as usize], free);
        self.free = slot;
        self.taken -= 1;
        // A crowd that has gone leaves no memory behind. The stamps go on, so that no key comes to
        // life again.
        if self.taken == 0 && self.slots.capacity() > KEPT {
            self.slots = Vec::new();
            self.free = NONE;
        }
        former.state
    }

    #[track_caller]
    fn slot(&mut self, key: Key) -> &mut Slot<W, G> {
        let slot = self.slots.get_mut(key.slot as usize);
        match slot.filter(|slot| slot.stamp == key.stamp) {
            Some(slot) => slot,
            None => panic!("no waiter has this key: it was cancelled, or has got what it wanted"),
        }
    }

    fn next_of(&mut self, slot: u32) -> &mut u32 {
        match &mut self.slots[slot as usize].state {
            State::Waiting { next, .. } => next,
            _ => unreachable!("those in the line wait"),
        }
    }

    fn previous_of(&mut self, slot: u32) -> &mut u32 {
        match &mut self.slots[slot as usize].state {
            State::Waiting { previous, .. } => previous,
            _ => unreachable!("those in the line wait"),
        }
    }
}

impl<W, G> Default for WaitList<W, G> {
    fn default() -> Self {
        WaitList::new()
    }
}

impl<W: fmt::Debug, G> fmt::Debug for WaitList<W, G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.stamp)
    }
}
