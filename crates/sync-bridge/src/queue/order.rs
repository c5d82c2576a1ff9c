//! Which item is the next: what a queue keeps its items in.

use std::cmp::Ordering;
use std::collections::VecDeque;
use std::fmt::Debug;

use super::heap;

/// Which item of a [`Queue`](super::Queue) is the next to be had: [`Fifo`], [`Lifo`] or
/// [`Priority`].
///
/// The trait is sealed.
pub trait Order<T>: sealed::Sealed + Copy + Debug + Send + Sync + 'static {
    /// Whether it runs code of the items.
    #[doc(hidden)]
    const COMPARES: bool = false;

    /// Finds out where a new item goes. Only this, [`old_place`](Self::old_place) and
    /// [`pop`](Self::pop) compare, and they do so first, so that a comparison that panics changes
    /// nothing.
    #[doc(hidden)]
    #[inline]
    fn place(items: &Items<T>, item: &T) -> usize {
        Self::old_place(items, item, items.rank)
    }

    /// Finds out where an item goes that comes back.
    #[doc(hidden)]
    fn old_place(items: &Items<T>, item: &T, rank: Rank) -> usize;

    /// Puts an item in, at the place that has just been found for it.
    #[doc(hidden)]
    fn push(items: &mut Items<T>, item: T, place: usize);

    /// Takes the next item out.
    #[doc(hidden)]
    fn pop(items: &mut Items<T>) -> Option<T>;

    /// Puts an item back, at the place that has just been found for it.
    #[doc(hidden)]
    #[inline]
    fn restore(items: &mut Items<T>, item: T, rank: Rank, place: usize) {
        items.ranked.insert(place, (item, rank));
    }

    /// Takes out all items if they are `limit` at most, and if that is a matter of one move. They
    /// are left in `empty`.
    #[doc(hidden)]
    fn swap(items: &mut Items<T>, limit: usize, empty: &mut VecDeque<T>) -> bool {
        let _ = (items, limit, empty);
        false
    }
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Fifo {}
    impl Sealed for super::Lifo {}
    impl Sealed for super::Priority {}
}

/// First in, first out.
///
/// Source: `asyncio.Queue`, `queue.Queue`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Fifo;

/// Last in, first out: a stack.
///
/// Source: `asyncio.LifoQueue`, `queue.LifoQueue`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Lifo;

/// The smallest first, and first in, first out among equals.
///
/// Items are compared while the queue is locked, so their `Ord` has to be brief. If it panics, the
/// queue is as it was, and if it uses the very queue that compares, that panics. Where the item of
/// one who waits for room is compared, because somebody else has made room, the panic comes out of
/// the put that waits. An item that is given back and cannot be compared any more is kept, but its
/// place is not certain.
///
/// Source: `asyncio.PriorityQueue`, `queue.PriorityQueue`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Priority;

/// An item for a queue by [`Priority`], with the key by which it is compared. Nothing else of it is
/// looked at.
///
/// # Examples
///
/// ```
/// use corokit_sync_bridge::queue::{Keyed, Priority, Queue};
///
/// let queue = Queue::unbounded_by(Priority);
/// queue.try_put(Keyed { key: 2, value: "second" }).unwrap();
/// queue.try_put(Keyed { key: 2, value: "a tie" }).unwrap();
/// queue.try_put(Keyed { key: 1, value: "first" }).unwrap();
/// let values = queue.close_now().into_iter().map(|keyed| keyed.value);
/// assert!(values.eq(["first", "second", "a tie"]));
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Keyed<K, V> {
    /// What is compared: the smallest goes first.
    pub key: K,
    /// What it is about.
    pub value: V,
}

impl<K: Ord, V> Ord for Keyed<K, V> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key.cmp(&other.key)
    }
}

impl<K: Ord, V> PartialOrd for Keyed<K, V> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<K: Eq, V> PartialEq for Keyed<K, V> {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl<K: Eq, V> Eq for Keyed<K, V> {}

/// The place of an item among all that have ever been put: what it keeps when it is given back.
pub(super) type Rank = u64;

/// The items of a queue, in the form that its order needs.
///
/// An item that has left may come back, because the one that had it was dropped before it saw it.
/// Then it is where it would be if it had never left.
#[derive(Debug)]
pub struct Items<T> {
    /// First in, first out: the items.
    pub(super) ring: VecDeque<T>,
    /// First in, first out: those that came back. They go before all in the ring, and the lowest
    /// rank is the last. Last in, first out: the stack. By priority: the heap.
    pub(super) ranked: Vec<(T, Rank)>,
    /// The next rank. In a ring only those have one that were handed out.
    pub(super) rank: Rank,
}

impl<T> Items<T> {
    pub(super) const fn new() -> Self {
        Items {
            ring: VecDeque::new(),
            ranked: Vec::new(),
            rank: 0,
        }
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.ring.len() + self.ranked.len()
    }

    /// Gives a new item a rank.
    #[inline]
    pub(super) fn pass(&mut self) -> Rank {
        debug_assert!(
            self.ring.is_empty(),
            "somebody waits though there are items"
        );
        let rank = self.rank;
        self.rank += 1;
        rank
    }
}

impl<T> Order<T> for Fifo {
    #[inline]
    fn place(_: &Items<T>, _: &T) -> usize {
        0
    }

    fn old_place(items: &Items<T>, _: &T, rank: Rank) -> usize {
        items.ranked.partition_point(|(_, other)| *other > rank)
    }

    #[inline]
    fn push(items: &mut Items<T>, item: T, _: usize) {
        items.ring.push_back(item);
    }

    #[inline]
    fn pop(items: &mut Items<T>) -> Option<T> {
        match items.ranked.pop() {
            Some((item, _)) => Some(item),
            None => items.ring.pop_front(),
        }
    }

    fn swap(items: &mut Items<T>, limit: usize, empty: &mut VecDeque<T>) -> bool {
        if !items.ranked.is_empty() || items.ring.len() > limit {
            return false;
        }
        std::mem::swap(&mut items.ring, empty);
        true
    }
}

impl<T> Order<T> for Lifo {
    #[inline]
    fn place(_: &Items<T>, _: &T) -> usize {
        0
    }

    fn old_place(items: &Items<T>, _: &T, rank: Rank) -> usize {
        items.ranked.partition_point(|(_, other)| *other < rank)
    }

    #[inline]
    fn push(items: &mut Items<T>, item: T, _: usize) {
        let rank = items.pass();
        items.ranked.push((item, rank));
    }

    #[inline]
    fn pop(items: &mut Items<T>) -> Option<T> {
        items.ranked.pop().map(|(item, _)| item)
    }
}

impl<T: Ord> Order<T> for Priority {
    const COMPARES: bool = true;

    #[inline]
    fn old_place(items: &Items<T>, item: &T, rank: Rank) -> usize {
        heap::place(&items.ranked, item, rank)
    }

    #[inline]
    fn push(items: &mut Items<T>, item: T, place: usize) {
        let rank = items.pass();
        heap::insert(&mut items.ranked, item, rank, place);
    }

    #[inline]
    fn pop(items: &mut Items<T>) -> Option<T> {
        heap::pop(&mut items.ranked)
    }

    fn restore(items: &mut Items<T>, item: T, rank: Rank, place: usize) {
        heap::insert(&mut items.ranked, item, rank, place);
    }
}
