//! What a queue does, under its lock.

use std::any::Any;
use std::collections::VecDeque;
use std::marker::PhantomData;
use std::num::NonZeroU8;
use std::ops::{Deref, DerefMut};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Waker;

use super::order::{Items, Order, Rank};
use super::ticket::Ticket;
use crate::sync::{AtomicUsize, Mutex, MutexGuard, lock_eagerly};
use crate::waiters::{Cancelled, Key, WaitList};
pub(super) use crate::wakes::Wakes;

/// What all handles of a queue share.
pub(super) struct Shared<T, D: Order<T>> {
    state: Mutex<State<T, D>>,
    /// The thread that is at work under the lock, if it may come to run code of the items there.
    at_work: AtomicUsize,
    /// How many ends there are of each kind.
    pub(super) putters: AtomicUsize,
    pub(super) getters: AtomicUsize,
}

/// The contents of a queue, and those who wait for it.
///
/// - While somebody waits to get, there are no items.
/// - While somebody waits to put, there are items, and no room.
pub(super) struct State<T, D> {
    pub(super) items: Items<T>,
    pub(super) capacity: usize,
    pub(super) closed: bool,
    /// They are granted an item, or nothing when the queue is closed.
    pub(super) getters: WaitList<Getting, Option<(T, Rank)>>,
    /// They wait with their items, which are taken from them when there is room.
    pub(super) putters: WaitList<Putting<T>, Answer<T>>,
    /// How many items are neither here nor done: those that were handed to somebody who has not
    /// run since, and those that are tracked.
    pub(super) open: usize,
    pub(super) joiners: WaitList<(), ()>,
    order: PhantomData<D>,
}

/// One that waits for an item.
pub(super) struct Getting {
    /// Whether it is a thread that this crate has parked. Its waker runs nothing but ours, so it
    /// may be woken under the lock. It has to be: a thread that is woken later, when another has
    /// taken the lock again, makes the two run in lockstep.
    pub(super) thread: bool,
}

/// One that waits for room.
pub(super) struct Putting<T> {
    /// What it puts, until that is taken.
    pub(super) item: Option<T>,
    /// What a parked thread waits with. As it is not handed anything, it need not come back to the
    /// lock, for which it would have to contend with those who have just made room.
    pub(super) ticket: Option<Arc<Ticket>>,
}

/// What became of the item of one that waited for room.
pub(super) enum Answer<T> {
    /// It is in the queue, or beyond.
    Accepted,
    /// The queue was closed.
    Closed(T),
    /// There was room, and finding its place panicked. That is for who puts it, as if it had not
    /// had to wait.
    Panicked(T, Payload),
}

pub(super) type Payload = Box<dyn Any + Send>;

/// What a parked thread is told: its item was accepted.
pub(super) const ACCEPTED: NonZeroU8 = NonZeroU8::new(1).unwrap();

/// What a parked thread is told: its item was not accepted, and the answer is where it has left it.
pub(super) const REFUSED: NonZeroU8 = NonZeroU8::new(2).unwrap();

impl<T> Putting<T> {
    /// Tells a parked thread. That runs nothing but our own code, so it may be done under the lock;
    /// see [`Getting`] for why it has to be.
    fn tell(&self, what: NonZeroU8) {
        if let Some(ticket) = &self.ticket {
            ticket.tell(what);
        }
    }
}

/// Wakes a thread of ours at once, and leaves others for later.
#[inline]
fn wake_thread(waker: Option<Waker>, thread: bool) -> Option<Waker> {
    match waker {
        Some(waker) if thread => {
            waker.wake();
            None
        }
        waker => waker,
    }
}

impl<T, D: Order<T>> Shared<T, D> {
    pub(super) fn new(capacity: usize) -> Self {
        Shared {
            state: Mutex::new(State {
                items: Items::new(),
                capacity,
                closed: false,
                getters: WaitList::new(),
                putters: WaitList::new(),
                open: 0,
                joiners: WaitList::new(),
                order: PhantomData,
            }),
            at_work: AtomicUsize::new(0),
            putters: AtomicUsize::new(0),
            getters: AtomicUsize::new(0),
        }
    }

    /// Locks the queue.
    ///
    /// # Panics
    ///
    /// If this thread has it locked already: then it compares items, and one of them is at fault.
    #[inline]
    pub(super) fn lock(&self) -> Locked<'_, T, D> {
        if D::COMPARES {
            let own = thread_token();
            if self.at_work.load(Ordering::Relaxed) == own {
                panic!("the `Ord` of an item used the queue that was comparing it");
            }
            let state = lock_eagerly(&self.state);
            self.at_work.store(own, Ordering::Relaxed);
            let at_work = &self.at_work;
            return Locked { state, at_work };
        }
        Locked {
            state: lock_eagerly(&self.state),
            at_work: &self.at_work,
        }
    }
}

/// Returns a number that no other thread has, and that is not 0.
fn thread_token() -> usize {
    thread_local!(static TOKEN: u8 = const { 0 });
    TOKEN.with(|token| std::ptr::from_ref(token).addr())
}

/// A queue that is locked.
pub(super) struct Locked<'a, T, D: Order<T>> {
    state: MutexGuard<'a, State<T, D>>,
    at_work: &'a AtomicUsize,
}

impl<T, D: Order<T>> Deref for Locked<'_, T, D> {
    type Target = State<T, D>;

    #[inline]
    fn deref(&self) -> &Self::Target {
        &self.state
    }
}

impl<T, D: Order<T>> DerefMut for Locked<'_, T, D> {
    #[inline]
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.state
    }
}

impl<T, D: Order<T>> Drop for Locked<'_, T, D> {
    #[inline]
    fn drop(&mut self) {
        if D::COMPARES {
            self.at_work.store(0, Ordering::Relaxed);
        }
    }
}

impl<T, D: Order<T>> State<T, D> {
    /// Puts an item if there is room, or somebody who waits for it. It is taken from where it is
    /// then, outside of the lock, so that it is not dropped under the lock if a comparison panics.
    #[inline]
    pub(super) fn put(&mut self, item: &mut Option<T>) -> Result<Option<Waker>, Refused> {
        let Some(new) = item else {
            return Ok(None);
        };
        if self.closed {
            return Err(Refused::Closed);
        }
        if !self.getters.is_empty() {
            return Ok(self.hand_over(item));
        }
        if self.items.len() >= self.capacity {
            return Err(Refused::Full);
        }
        let place = D::place(&self.items, new);
        if let Some(item) = item.take() {
            D::push(&mut self.items, item, place);
        }
        Ok(None)
    }

    /// Grants a new item to the first that waits for one.
    #[inline(never)]
    fn hand_over(&mut self, item: &mut Option<T>) -> Option<Waker> {
        let rank = self.items.pass();
        let granted = item.take().map(|item| (item, rank));
        match self.getters.grant_front(granted) {
            Ok((getting, waker)) => {
                self.open += 1;
                wake_thread(waker, getting.thread)
            }
            Err(_) => unreachable!("somebody waits"),
        }
    }

    /// Takes the next item out. It is done with that, unless it is tracked. If it returns `true`,
    /// somebody may have waited for that: see [`taken`](Self::taken).
    #[inline]
    pub(super) fn take(&mut self, tracked: bool) -> Option<(T, bool)> {
        let item = D::pop(&mut self.items)?;
        self.open += usize::from(tracked);
        Some((item, !self.putters.is_empty() || !self.joiners.is_empty()))
    }

    /// Takes out up to `limit` items, one by one.
    pub(super) fn take_many(&mut self, limit: usize, items: &mut Vec<T>, wakes: &mut Wakes) {
        for _ in 0..limit {
            match D::pop(&mut self.items) {
                Some(item) => items.push(item),
                None => break,
            }
        }
        self.taken(wakes);
    }

    /// Takes out all items, if they are `limit` at most and that is a matter of one move. They are
    /// left in `empty`, whose memory takes their place.
    pub(super) fn swap(
        &mut self,
        limit: usize,
        empty: &mut VecDeque<T>,
        wakes: &mut Wakes,
    ) -> bool {
        if self.items.len() > 0 && !D::swap(&mut self.items, limit, empty) {
            return false;
        }
        self.taken(wakes);
        true
    }

    /// Fills the room that there is from those who wait to put, and tells those who wait for all to
    /// be done.
    #[inline(never)]
    pub(super) fn taken(&mut self, wakes: &mut Wakes) {
        while self.items.len() < self.capacity {
            let Some(putting) = self.putters.front_mut() else {
                break;
            };
            let item = putting.item.take().expect("it waits with its item");
            let place = catch_unwind(AssertUnwindSafe(|| D::place(&self.items, &item)));
            match place {
                Ok(place) => {
                    D::push(&mut self.items, item, place);
                    if putting.ticket.is_some() {
                        if let Some((putting, _)) = self.putters.pop_front() {
                            putting.tell(ACCEPTED);
                        }
                        continue;
                    }
                    self.answer(Answer::Accepted, wakes);
                }
                Err(payload) => self.answer(Answer::Panicked(item, payload), wakes),
            }
        }
        if self.unfinished() == 0 {
            while let Ok(((), waker)) = self.joiners.grant_front(()) {
                wakes.add(waker);
            }
        }
    }

    /// Answers the first that waits for room.
    fn answer(&mut self, answer: Answer<T>, wakes: &mut Wakes) {
        if let Ok((putting, waker)) = self.putters.grant_front(answer) {
            putting.tell(REFUSED);
            wakes.add(waker);
        }
    }

    /// Counts the items that are not done.
    pub(super) fn unfinished(&self) -> usize {
        self.items.len() + self.open
    }

    /// An item is done that was handed out.
    pub(super) fn done(&mut self, wakes: &mut Wakes) {
        self.open -= 1;
        if !self.joiners.is_empty() {
            self.taken(wakes);
        }
    }

    /// Takes a place in the line of those who get away. An item that it was granted goes to the
    /// next in line, or back to where it was. Meanwhile it is in `returned`, outside of the lock,
    /// so that it is not dropped under the lock if a comparison panics.
    pub(super) fn leave_get(
        &mut self,
        key: Key,
        waker: &mut Option<Waker>,
        returned: &mut Option<(T, Rank)>,
    ) -> Option<Waker> {
        match self.getters.cancel(key, waker) {
            Cancelled::Waiting(_) | Cancelled::Granted(None) => return None,
            Cancelled::Granted(granted) => *returned = granted,
        }
        if !self.getters.is_empty() {
            let granted = self.getters.grant_front(returned.take());
            return match granted {
                Ok((getting, waker)) => wake_thread(waker, getting.thread),
                Err(_) => unreachable!("somebody waits"),
            };
        }
        self.open -= 1;
        if let Some((item, rank)) = returned {
            let rank = *rank;
            let place = catch_unwind(AssertUnwindSafe(|| D::old_place(&self.items, item, rank)));
            // One whose place cannot be found is not lost: it goes to the end.
            let end = self.items.len();
            if let Some((item, _)) = returned.take() {
                D::restore(&mut self.items, item, rank, *place.as_ref().unwrap_or(&end));
            }
            if let Err(payload) = place {
                resume_unwind(payload);
            }
        }
        None
    }

    /// Closes the queue: nothing can be put any more. Those who wait to put get their items back,
    /// and those who wait to get are told. Returns `false` if it was closed.
    pub(super) fn close(&mut self, wakes: &mut Wakes) -> bool {
        if self.closed {
            return false;
        }
        self.closed = true;
        while let Some(putting) = self.putters.front_mut() {
            let item = putting.item.take().expect("it waits with its item");
            self.answer(Answer::Closed(item), wakes);
        }
        while let Ok((getting, waker)) = self.getters.grant_front(None) {
            wakes.add(wake_thread(waker, getting.thread));
        }
        true
    }
}

/// Why an item was not put.
pub(super) enum Refused {
    Full,
    Closed,
}
