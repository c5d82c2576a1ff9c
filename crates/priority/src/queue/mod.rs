//! The priority ready queue.

mod ageing;
mod buckets;
mod list;

use std::fmt;
use std::mem;

use corokit_core::{Priority, ReadyQueue};

pub use ageing::Ageing;
use buckets::{Buckets, NORMAL};
use list::{Link, List, NONE};

/// Runs the most urgent entry first, and those of the same priority in the order of their arrival.
///
/// # Order
///
/// Regular entries are ordered by priority, and then by arrival. Changing the priority of an entry
/// that is in the queue keeps its arrival: raising it and lowering it again changes nothing.
/// [Ageing](Ageing) bounds how long an entry can be overtaken.
///
/// Placed entries run before all regular ones, also before those that come later and are more
/// urgent: to place an entry, the queue places those before it as well, in the order in which they
/// would have run. The back is the exception: it means the regular place.
///
/// A slot has [`Priority::NORMAL`] until it is given another priority, which it keeps in and out of
/// the queue.
///
/// # Cost
///
/// With `p` different priorities in the queue, pushing and popping take constant time while the
/// buckets of those priorities do not become empty, and O(log p) otherwise; changing a priority
/// O(log n). Placing at index `n` takes `n` pops.
///
/// Source: `asynkit.PosPriorityQueue`, whose random boost of stragglers is replaced by
/// [`Ageing::Share`]: that one has a bound, and costs less.
///
/// # Examples
///
/// ```
/// use corokit_core::{Priority, ReadyQueue};
/// use corokit_priority::PriorityQueue;
///
/// let mut queue = PriorityQueue::new();
/// queue.set_slots(3);
/// queue.set_priority(2, Priority::HIGH);
/// queue.push(0);
/// queue.push(1);
/// queue.push(2);
/// assert_eq!(queue.iter().collect::<Vec<_>>(), [2, 0, 1]);
/// ```
pub struct PriorityQueue {
    slots: Vec<Slot>,
    /// The arrival of each slot that is a regular entry, as a number.
    arrivals: Vec<u64>,
    /// The neighbours in the lane of placed entries, or in a bucket.
    links: Vec<Link>,
    /// The neighbours in the order of arrival.
    ages: Vec<Link>,
    /// The placed entries.
    lane: List,
    placed: usize,
    buckets: Buckets,
    /// The regular entries in the order of their arrival, as far as that was not changed.
    oldest: List,
    len: usize,
    ageing: Ageing,
    /// How many entries have arrived.
    arrived: u64,
    /// How many regular entries have been popped.
    pops: u64,
    /// The number of pops from which on an old entry may go first.
    next_share: u64,
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    place: Place,
    bucket: u32,
    /// How many regular entries had been popped when it arrived.
    since: u64,
}

/// Where an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Absent,
    Lane,
    /// In the list of its bucket.
    Bucket,
    /// Among the late ones of its bucket.
    Late,
}

impl PriorityQueue {
    /// Creates an empty queue with the default ageing.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_core::ReadyQueue;
    ///
    /// assert!(corokit_priority::PriorityQueue::new().is_empty());
    /// ```
    pub fn new() -> Self {
        PriorityQueue::with_ageing(Ageing::default())
    }

    /// Creates an empty queue with another ageing, or none.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_core::ReadyQueue;
    /// use corokit_priority::{Ageing, PriorityQueue};
    ///
    /// assert!(PriorityQueue::with_ageing(Ageing::Strict).is_empty());
    /// ```
    pub fn with_ageing(ageing: Ageing) -> Self {
        PriorityQueue {
            slots: Vec::new(),
            arrivals: Vec::new(),
            links: Vec::new(),
            ages: Vec::new(),
            lane: List::EMPTY,
            placed: 0,
            buckets: Buckets::new(),
            oldest: List::EMPTY,
            len: 0,
            ageing,
            arrived: 0,
            pops: 0,
            next_share: 0,
        }
    }

    /// Returns the regular entry that runs next; `NONE` if there is none. The second value says
    /// whether it goes first because of its age.
    #[inline]
    fn next(&self) -> (u32, bool) {
        let first = self.buckets.first(&self.arrivals);
        if let Ageing::Share { after, .. } = self.ageing {
            let oldest = self.oldest.head();
            if self.pops >= self.next_share && oldest != first {
                let since = self.slots[oldest as usize].since;
                if self.pops - since >= u64::from(after) {
                    return (oldest, true);
                }
            }
        }
        (first, false)
    }

    /// Takes out the regular entry that runs next.
    #[inline]
    fn pop_regular(&mut self) -> Option<u32> {
        let (slot, aged) = self.next();
        if slot == NONE {
            return None;
        }
        self.count_turn(aged);
        self.unlink(slot);
        Some(slot)
    }

    /// Notes that a regular entry has its turn, or has been promised one.
    #[inline]
    fn count_turn(&mut self, aged: bool) {
        if let (true, Ageing::Share { every, .. }) = (aged, self.ageing) {
            self.next_share = self.pops + u64::from(every.get());
        }
        self.pops += 1;
    }

    /// Takes an entry out that is in the queue.
    #[inline]
    fn unlink(&mut self, slot: u32) {
        let Slot { place, bucket, .. } = self.slots[slot as usize];
        match place {
            Place::Absent => unreachable!("the entry is in the queue"),
            Place::Lane => {
                self.lane.remove(&mut self.links, slot);
                self.placed -= 1;
            }
            Place::Bucket | Place::Late => {
                let late = place == Place::Late;
                self.buckets
                    .remove(&mut self.links, &self.arrivals, bucket, slot, late);
                self.oldest.remove(&mut self.ages, slot);
            }
        }
        self.slots[slot as usize].place = Place::Absent;
        self.len -= 1;
    }

    /// Notes that an entry is in the lane.
    fn placed(&mut self, slot: u32) {
        self.slots[slot as usize].place = Place::Lane;
        self.placed += 1;
        self.len += 1;
    }

    /// Places regular entries at the end of the lane, in the order in which they would run, until
    /// the lane is as long as this.
    fn place_first(&mut self, count: usize) {
        self.place_while(|queue| queue.placed < count);
    }

    /// Places all entries up to one, and it too.
    fn place_up_to(&mut self, anchor: u32) {
        self.place_while(|queue| queue.slots[anchor as usize].place != Place::Lane);
    }

    /// Places regular entries while there are any, and more are wanted.
    fn place_while(&mut self, wanted: impl Fn(&Self) -> bool) {
        // Only the very next one may owe its place to its age. A place is a turn, for the others' ages
        // as well: nobody gets round the share by placing.
        let (mut slot, mut aged) = self.next();
        while slot != NONE && wanted(self) {
            self.count_turn(mem::take(&mut aged));
            self.unlink(slot);
            self.lane.push_back(&mut self.links, slot);
            self.placed(slot);
            slot = self.buckets.first(&self.arrivals);
        }
    }
}

impl Default for PriorityQueue {
    fn default() -> Self {
        PriorityQueue::new()
    }
}

impl ReadyQueue for PriorityQueue {
    fn set_slots(&mut self, slots: usize) {
        let slots = slots.max(self.slots.len());
        let new = Slot {
            place: Place::Absent,
            bucket: NORMAL,
            since: 0,
        };
        self.slots.resize(slots, new);
        self.arrivals.resize(slots, 0);
        self.links.resize(slots, Link::ALONE);
        self.ages.resize(slots, Link::ALONE);
    }

    #[inline]
    fn len(&self) -> usize {
        self.len
    }

    #[inline]
    fn contains(&self, slot: u32) -> bool {
        let slot = self.slots.get(slot as usize);
        slot.is_some_and(|slot| slot.place != Place::Absent)
    }

    #[inline]
    fn push(&mut self, slot: u32) {
        let entry = &mut self.slots[slot as usize];
        debug_assert!(
            entry.place == Place::Absent,
            "slot {slot} is already in the queue"
        );
        entry.place = Place::Bucket;
        entry.since = self.pops;
        let bucket = entry.bucket;
        self.arrived += 1;
        self.arrivals[slot as usize] = self.arrived;
        self.buckets.push(&mut self.links, bucket, slot);
        self.oldest.push_back(&mut self.ages, slot);
        self.len += 1;
    }

    #[inline]
    fn pop(&mut self) -> Option<u32> {
        let first = self.lane.head();
        if first == NONE {
            return self.pop_regular();
        }
        self.unlink(first);
        Some(first)
    }

    fn remove(&mut self, slot: u32) -> bool {
        let found = self.contains(slot);
        if found {
            self.unlink(slot);
        }
        found
    }

    fn insert_at(&mut self, slot: u32, index: usize) {
        if index == usize::MAX {
            return self.push(slot);
        }
        self.place_first(index);
        let next = self.lane.iter(&self.links).nth(index);
        match next {
            Some(next) => self.lane.insert_before(&mut self.links, slot, next),
            None => self.lane.push_back(&mut self.links, slot),
        }
        self.placed(slot);
    }

    fn insert_after(&mut self, slot: u32, anchor: u32) -> bool {
        let found = self.contains(anchor);
        if found {
            self.place_up_to(anchor);
            self.lane.insert_after(&mut self.links, slot, anchor);
            self.placed(slot);
        }
        found
    }

    fn insert_before(&mut self, slot: u32, anchor: u32) -> bool {
        let found = self.contains(anchor);
        if found {
            self.place_up_to(anchor);
            self.lane.insert_before(&mut self.links, slot, anchor);
            self.placed(slot);
        }
        found
    }

    fn rotate_left(&mut self, count: usize) {
        let count = count.checked_rem(self.len).unwrap_or(0);
        if count == 0 {
            return;
        }
        self.place_first(self.len);
        for _ in 0..count {
            let first = self.lane.head();
            self.lane.remove(&mut self.links, first);
            self.lane.push_back(&mut self.links, first);
        }
    }

    fn iter(&self) -> Box<dyn Iterator<Item = u32> + '_> {
        let (next, _) = self.next();
        let mut regular: Vec<u32> = self.buckets.iter(&self.links).collect();
        regular.sort_unstable_by_key(|slot| {
            let index = *slot as usize;
            let priority = self.buckets.priority(self.slots[index].bucket);
            (*slot != next, priority, self.arrivals[index])
        });
        Box::new(self.lane.iter(&self.links).chain(regular))
    }

    fn set_priority(&mut self, slot: u32, priority: Priority) -> bool {
        let Slot { place, bucket, .. } = self.slots[slot as usize];
        if self.buckets.priority(bucket) == priority {
            return true;
        }
        let regular = matches!(place, Place::Bucket | Place::Late);
        if regular {
            let late = place == Place::Late;
            self.buckets
                .remove(&mut self.links, &self.arrivals, bucket, slot, late);
        }
        self.buckets.leave(bucket);
        let bucket = self.buckets.join(priority);
        self.slots[slot as usize].bucket = bucket;
        if regular {
            let late = self
                .buckets
                .insert(&mut self.links, &self.arrivals, bucket, slot);
            self.slots[slot as usize].place = match late {
                true => Place::Late,
                false => Place::Bucket,
            };
        }
        true
    }

    fn priority(&self, slot: u32) -> Option<Priority> {
        let slot = self.slots.get(slot as usize);
        Some(slot.map_or(Priority::NORMAL, |slot| self.buckets.priority(slot.bucket)))
    }
}

impl fmt::Debug for PriorityQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PriorityQueue")
            .field("len", &self.len)
            .field("placed", &self.placed)
            .field("ageing", &self.ageing)
            .finish_non_exhaustive()
    }
}
