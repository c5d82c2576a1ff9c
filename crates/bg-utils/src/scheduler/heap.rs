//! A heap of those that are due, the earliest first, each of which can be found and taken out.

/// Where the entries of heaps are, by their slots.
pub(super) trait Places {
    /// Notes that the entry of a slot is at this index now.
    fn moved(&mut self, slot: u32, index: u32);
}

/// A heap with four children to a node: it is half as deep as one with two, and the four are side by
/// side in memory.
pub(super) struct Heap<D> {
    entries: Vec<Entry<D>>,
}

#[derive(Clone, Copy)]
pub(super) struct Entry<D> {
    pub(super) due: D,
    /// Among those that are due at the same time, the lower comes first.
    pub(super) order: u64,
    pub(super) slot: u32,
}

impl<D: Ord + Copy> Entry<D> {
    fn before(&self, other: &Self) -> bool {
        (self.due, self.order) < (other.due, other.order)
    }
}

const CHILDREN: usize = 4;

impl<D: Ord + Copy> Heap<D> {
    pub(super) const fn new() -> Self {
        Heap {
            entries: Vec::new(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.entries.capacity()
    }

    pub(super) fn get(&self, index: usize) -> Option<&Entry<D>> {
        self.entries.get(index)
    }

    pub(super) fn first(&self) -> Option<&Entry<D>> {
        self.entries.first()
    }

    /// Adds an entry. Returns whether it is the first now.
    pub(super) fn insert(&mut self, entry: Entry<D>, places: &mut impl Places) -> bool {
        let index = self.entries.len();
        self.entries.push(entry);
        self.rise(index, entry, places) == 0
    }

    /// Takes out the entry at an index.
    pub(super) fn remove(&mut self, index: usize, places: &mut impl Places) -> Entry<D> {
        let removed = self.entries.swap_remove(index);
        if let Some(&moved) = self.entries.get(index) {
            // The one that fills the gap came from the bottom, but maybe of another branch.
            if self.rise(index, moved, places) == index {
                self.sink(index, moved, places);
            }
        } else if self.entries.is_empty() && self.entries.capacity() > 64 {
            // A crowd that has gone leaves no memory behind.
            self.entries = Vec::new();
        }
        removed
    }

    fn rise(&mut self, mut index: usize, entry: Entry<D>, places: &mut impl Places) -> usize {
        while index > 0 {
            let parent = (index - 1) / CHILDREN;
            let above = self.entries[parent];
            if !entry.before(&above) {
                break;
            }
            self.put(index, above, places);
            index = parent;
        }
        self.put(index, entry, places);
        index
    }

    fn sink(&mut self, mut index: usize, entry: Entry<D>, places: &mut impl Places) {
        loop {
            let first = index * CHILDREN + 1;
            let last = (first + CHILDREN).min(self.entries.len());
            let children = self.entries.get(first..last).unwrap_or_default();
            let earliest =
                (first..last)
                    .zip(children)
                    .reduce(|least, child| match child.1.before(least.1) {
                        true => child,
                        false => least,
                    });
            match earliest {
                Some((child, &below)) if below.before(&entry) => {
                    self.put(index, below, places);
                    index = child;
                }
                _ => break,
            }
        }
        self.put(index, entry, places);
    }

    fn put(&mut self, index: usize, entry: Entry<D>, places: &mut impl Places) {
        self.entries[index] = entry;
        places.moved(entry.slot, index as u32);
    }
}
