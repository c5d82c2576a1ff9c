//! First in, first out: the default order.

use corokit_core::ReadyQueue;

/// Stands for "no slot" in a link.
const NONE: u32 = u32::MAX;

/// Stands for "not in the queue" in [`Link::next`].
const ABSENT: u32 = u32::MAX - 1;

/// The neighbours of a slot.
#[derive(Clone, Copy, Debug)]
struct Link {
    previous: u32,
    next: u32,
}

/// The strict first-in-first-out [`ReadyQueue`]: a doubly linked list through an array of links.
///
/// The regular place is the back. Finding, removing, and inserting at the ends or beside a known
/// entry take constant time; inserting at an index walks from the nearer end.
///
/// # Examples
///
/// ```
/// use corokit_core::ReadyQueue;
/// use corokit_scheduler::Fifo;
///
/// let mut queue = Fifo::new();
/// queue.set_slots(3);
/// queue.push(0);
/// queue.push(1);
/// queue.insert_at(2, 1);
/// assert_eq!(queue.iter().collect::<Vec<_>>(), [0, 2, 1]);
/// ```
#[derive(Clone, Debug)]
pub struct Fifo {
    links: Vec<Link>,
    head: u32,
    tail: u32,
    len: usize,
}

impl Fifo {
    /// Creates an empty queue.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_core::ReadyQueue;
    ///
    /// assert!(corokit_scheduler::Fifo::new().is_empty());
    /// ```
    pub const fn new() -> Self {
        Fifo {
            links: Vec::new(),
            head: NONE,
            tail: NONE,
            len: 0,
        }
    }

    /// Links `slot` in between two neighbours, each of which may be `NONE`.
    #[inline]
    fn link(&mut self, slot: u32, previous: u32, next: u32) {
        debug_assert!(!self.contains(slot), "slot {slot} is already in the queue");
        self.links[slot as usize] = Link { previous, next };
        match previous {
            NONE => self.head = slot,
            _ => self.links[previous as usize].next = slot,
        }
        match next {
            NONE => self.tail = slot,
            _ => self.links[next as usize].previous = slot,
        }
        self.len += 1;
    }

    /// Takes out a slot that is known to be in the queue.
    #[inline]
    fn unlink(&mut self, slot: u32) {
        let Link { previous, next } = self.links[slot as usize];
        match previous {
            NONE => self.head = next,
            _ => self.links[previous as usize].next = next,
        }
        match next {
            NONE => self.tail = previous,
            _ => self.links[next as usize].previous = previous,
        }
        self.links[slot as usize].next = ABSENT;
        self.len -= 1;
    }

    /// Returns the slot that has exactly `index` others before it, walking from the nearer end.
    fn at(&self, index: usize) -> u32 {
        debug_assert!(index < self.len);
        if index < self.len / 2 {
            let mut slot = self.head;
            for _ in 0..index {
                slot = self.links[slot as usize].next;
            }
            slot
        } else {
            let mut slot = self.tail;
            for _ in index + 1..self.len {
                slot = self.links[slot as usize].previous;
            }
            slot
        }
    }
}

impl Default for Fifo {
    fn default() -> Self {
        Fifo::new()
    }
}

impl ReadyQueue for Fifo {
    fn set_slots(&mut self, slots: usize) {
        debug_assert!(slots <= ABSENT as usize);
        let absent = Link {
            previous: NONE,
            next: ABSENT,
        };
        self.links.resize(slots.max(self.links.len()), absent);
    }

    #[inline]
    fn len(&self) -> usize {
        self.len
    }

    #[inline]
    fn contains(&self, slot: u32) -> bool {
        self.links
            .get(slot as usize)
            .is_some_and(|link| link.next != ABSENT)
    }

    #[inline]
    fn push(&mut self, slot: u32) {
        self.link(slot, self.tail, NONE);
    }

    #[inline]
    fn pop(&mut self) -> Option<u32> {
        let slot = self.head;
        if slot == NONE {
            return None;
        }
        self.unlink(slot);
        Some(slot)
    }

    fn remove(&mut self, slot: u32) -> bool {
        let found = self.contains(slot);
        if found {
            self.unlink(slot);
        }
        found
    }

    fn insert_at(&mut self, slot: u32, index: usize) {
        if index >= self.len {
            self.push(slot);
        } else {
            let next = self.at(index);
            self.link(slot, self.links[next as usize].previous, next);
        }
    }

    fn insert_after(&mut self, slot: u32, anchor: u32) -> bool {
        let found = self.contains(anchor);
        if found {
            self.link(slot, anchor, self.links[anchor as usize].next);
        }
        found
    }

    fn insert_before(&mut self, slot: u32, anchor: u32) -> bool {
        let found = self.contains(anchor);
        if found {
            self.link(slot, self.links[anchor as usize].previous, anchor);
        }
        found
    }

    fn rotate_left(&mut self, count: usize) {
        let count = count.checked_rem(self.len).unwrap_or(0);
        if count == 0 {
            return;
        }
        // The list is closed to a ring and opened again before the new head.
        let head = self.at(count);
        let tail = self.links[head as usize].previous;
        self.links[self.tail as usize].next = self.head;
        self.links[self.head as usize].previous = self.tail;
        self.links[head as usize].previous = NONE;
        self.links[tail as usize].next = NONE;
        self.head = head;
        self.tail = tail;
    }

    fn iter(&self) -> Box<dyn Iterator<Item = u32> + '_> {
        let mut slot = self.head;
        Box::new(std::iter::from_fn(move || {
            let this = slot;
            if this == NONE {
                return None;
            }
            slot = self.links[this as usize].next;
            Some(this)
        }))
    }
}
