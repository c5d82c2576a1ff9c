//! The regular entries: one list for each priority, and a heap of the priorities in use.

use std::collections::{BTreeMap, HashMap};
use std::mem;

use corokit_core::Priority;

use super::list::{Link, List, NONE};

/// How many children a node of the heap has: flat enough for few cache misses.
const ARITY: usize = 4;

/// The bucket of normal priority, which is always there.
pub(super) const NORMAL: u32 = 0;

/// The entries of one priority, by arrival.
#[derive(Debug)]
struct Bucket {
    priority: Priority,
    /// The entries that came in the order of their arrival.
    list: List,
    /// The others: those whose priority was changed while they were in the queue.
    late: BTreeMap<u64, u32>,
    /// How many slots have this priority, whether they are in the queue or not.
    users: usize,
    /// Where it is in the heap; `NONE` if it is not there.
    at: u32,
}

impl Bucket {
    fn new(priority: Priority) -> Self {
        Bucket {
            priority,
            list: List::EMPTY,
            late: BTreeMap::new(),
            users: 0,
            at: NONE,
        }
    }

    #[inline]
    fn is_empty(&self) -> bool {
        self.list.is_empty() && self.late.is_empty()
    }

    /// Returns the entry that arrived first.
    #[inline]
    fn first(&self, arrivals: &[u64]) -> u32 {
        let head = self.list.head();
        match self.late.first_key_value() {
            None => head,
            Some((arrival, _)) if head != NONE && arrivals[head as usize] < *arrival => head,
            Some((_, slot)) => *slot,
        }
    }
}

/// All buckets.
#[derive(Debug)]
pub(super) struct Buckets {
    buckets: Vec<Bucket>,
    /// The buckets that no slot has.
    free: Vec<u32>,
    /// Asked only when a priority changes: each slot remembers its bucket.
    by_priority: HashMap<Priority, u32>,
    /// The buckets that are not empty, the most urgent one at the root, and perhaps `stale`.
    heap: Vec<u32>,
    /// The bucket that became empty last and is still in the heap; `NONE` if there is none. A task
    /// that was alone with its priority and comes back at once finds everything as it was.
    stale: u32,
}

impl Buckets {
    pub(super) fn new() -> Self {
        Buckets {
            buckets: vec![Bucket::new(Priority::NORMAL)],
            free: Vec::new(),
            by_priority: HashMap::new(),
            heap: Vec::new(),
            stale: NONE,
        }
    }

    pub(super) fn priority(&self, bucket: u32) -> Priority {
        self.buckets[bucket as usize].priority
    }

    /// Returns the bucket of a priority for one more slot.
    pub(super) fn join(&mut self, priority: Priority) -> u32 {
        if priority == Priority::NORMAL {
            return NORMAL;
        }
        if let Some(bucket) = self.by_priority.get(&priority) {
            self.buckets[*bucket as usize].users += 1;
            return *bucket;
        }
        let mut bucket = Bucket::new(priority);
        bucket.users = 1;
        let index = match self.free.pop() {
            Some(index) => {
                self.buckets[index as usize] = bucket;
                index
            }
            None => {
                let index = u32::try_from(self.buckets.len()).expect("fewer than the slots");
                self.buckets.push(bucket);
                index
            }
        };
        self.by_priority.insert(priority, index);
        index
    }

    /// Gives a bucket up for one slot, whose entry is not in it.
    pub(super) fn leave(&mut self, index: u32) {
        if index == NORMAL {
            return;
        }
        let bucket = &mut self.buckets[index as usize];
        bucket.users -= 1;
        if bucket.users == 0 {
            debug_assert!(bucket.is_empty());
            let priority = bucket.priority;
            self.by_priority.remove(&priority);
            if self.stale == index {
                self.purge();
            }
            self.free.push(index);
        }
    }

    /// Adds an entry that has arrived after all others.
    #[inline]
    pub(super) fn push(&mut self, links: &mut [Link], index: u32, slot: u32) {
        let bucket = &mut self.buckets[index as usize];
        bucket.list.push_back(links, slot);
        self.enter(index);
    }

    /// Adds an entry at the place that its arrival gives it. Returns `true` if that is not in the
    /// list.
    pub(super) fn insert(
        &mut self,
        links: &mut [Link],
        arrivals: &[u64],
        index: u32,
        slot: u32,
    ) -> bool {
        let bucket = &mut self.buckets[index as usize];
        let arrival = arrivals[slot as usize];
        let tail = bucket.list.tail();
        let late = tail != NONE && arrivals[tail as usize] > arrival;
        match late {
            true => drop(bucket.late.insert(arrival, slot)),
            false => bucket.list.push_back(links, slot),
        }
        self.enter(index);
        late
    }

    /// Takes an entry out, which is in the list or `late`.
    #[inline]
    pub(super) fn remove(
        &mut self,
        links: &mut [Link],
        arrivals: &[u64],
        index: u32,
        slot: u32,
        late: bool,
    ) {
        let bucket = &mut self.buckets[index as usize];
        match late {
            true => drop(bucket.late.remove(&arrivals[slot as usize])),
            false => bucket.list.remove(links, slot),
        }
        if bucket.is_empty() {
            self.exit(index);
        }
    }

    /// Returns the entry that runs before all others; `NONE` if there is none.
    #[inline]
    pub(super) fn first(&self, arrivals: &[u64]) -> u32 {
        let Some(root) = self.heap.first() else {
            return NONE;
        };
        if *root != self.stale {
            return self.buckets[*root as usize].first(arrivals);
        }
        // All others are in use, so the most urgent of them is below the root.
        let children = 1..self.heap.len().min(ARITY + 1);
        let urgent = children.min_by_key(|child| self.priority(self.heap[*child]));
        match urgent {
            Some(child) => self.buckets[self.heap[child] as usize].first(arrivals),
            None => NONE,
        }
    }

    /// Lists the entries of all buckets, in no order.
    pub(super) fn iter<'l>(&'l self, links: &'l [Link]) -> impl Iterator<Item = u32> + 'l {
        self.heap.iter().flat_map(move |bucket| {
            let bucket = &self.buckets[*bucket as usize];
            let late = bucket.late.values().copied();
            bucket.list.iter(links).chain(late)
        })
    }

    /// Makes sure that a bucket with entries is in the heap.
    #[inline]
    fn enter(&mut self, index: u32) {
        if self.buckets[index as usize].at == NONE {
            self.heap.push(index);
            self.rise(self.heap.len() - 1, index);
        } else if self.stale == index {
            self.stale = NONE;
        }
    }

    /// Notes that a bucket has become empty.
    #[inline]
    fn exit(&mut self, index: u32) {
        self.purge();
        self.stale = index;
    }

    /// Takes the bucket that became empty last out of the heap.
    fn purge(&mut self) {
        let index = mem::replace(&mut self.stale, NONE);
        if index == NONE {
            return;
        }
        let at = mem::replace(&mut self.buckets[index as usize].at, NONE) as usize;
        let Some(last) = self.heap.pop() else {
            return;
        };
        if last != index {
            self.sink(at, last);
            // What comes from another branch may be more urgent than what is above.
            let at = self.buckets[last as usize].at as usize;
            self.rise(at, last);
        }
    }

    /// Moves a bucket from a place towards the root, as far as it is more urgent.
    fn rise(&mut self, mut at: usize, index: u32) {
        let priority = self.priority(index);
        while at > 0 {
            let parent = (at - 1) / ARITY;
            let above = self.heap[parent];
            if self.priority(above) <= priority {
                break;
            }
            self.set(at, above);
            at = parent;
        }
        self.set(at, index);
    }

    /// Moves a bucket from a place away from the root, as far as it is less urgent.
    fn sink(&mut self, mut at: usize, index: u32) {
        let priority = self.priority(index);
        loop {
            let first = at * ARITY + 1;
            let children = first..self.heap.len().min(first + ARITY);
            let urgent = children.min_by_key(|child| self.priority(self.heap[*child]));
            let Some(child) = urgent.filter(|child| self.priority(self.heap[*child]) < priority)
            else {
                break;
            };
            self.set(at, self.heap[child]);
            at = child;
        }
        self.set(at, index);
    }

    #[inline]
    fn set(&mut self, at: usize, index: u32) {
        self.heap[at] = index;
        self.buckets[index as usize].at = at as u32;
    }
}
