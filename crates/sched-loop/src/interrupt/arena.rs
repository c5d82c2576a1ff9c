//! Slots with generations: values that are named by keys which may outlive them.

use std::mem;

/// Names a value of an [`Arena`]. A key whose value has been removed finds nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key {
    index: u32,
    generation: u32,
}

impl Key {
    /// The key that never finds anything.
    pub(super) const NONE: Key = Key {
        index: u32::MAX,
        generation: 0,
    };
}

/// Values in slots, re-used last in, first out. It never shrinks.
pub(super) struct Arena<T> {
    slots: Vec<Slot<T>>,
    /// The first free slot.
    free: u32,
    used: usize,
}

struct Slot<T> {
    /// How many values have been in this slot before. At the highest number the slot is used for
    /// the last time, so that no key is given twice.
    generation: u32,
    content: Content<T>,
}

enum Content<T> {
    Value(T),
    /// The slot is free; this is the next free one.
    Free(u32),
}

impl<T> Arena<T> {
    pub(super) const fn new() -> Self {
        Arena {
            slots: Vec::new(),
            free: u32::MAX,
            used: 0,
        }
    }

    /// Returns how many values there are.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.used
    }

    pub(super) fn insert(&mut self, value: T) -> Key {
        self.used += 1;
        if let Some(slot) = self.slots.get_mut(self.free as usize) {
            let content = mem::replace(&mut slot.content, Content::Value(value));
            let index = self.free;
            if let Content::Free(next) = content {
                self.free = next;
            }
            return Key {
                index,
                generation: slot.generation,
            };
        }
        let index = u32::try_from(self.slots.len()).ok();
        let index = index.filter(|index| *index < u32::MAX);
        self.slots.push(Slot {
            generation: 0,
            content: Content::Value(value),
        });
        Key {
            index: index.expect("too many regions, shields and timeouts"),
            generation: 0,
        }
    }

    pub(super) fn get(&self, key: Key) -> Option<&T> {
        match self.slots.get(key.index as usize) {
            Some(Slot {
                generation,
                content: Content::Value(value),
            }) if *generation == key.generation => Some(value),
            _ => None,
        }
    }

    pub(super) fn get_mut(&mut self, key: Key) -> Option<&mut T> {
        match self.slots.get_mut(key.index as usize) {
            Some(Slot {
                generation,
                content: Content::Value(value),
            }) if *generation == key.generation => Some(value),
            _ => None,
        }
    }

    pub(super) fn remove(&mut self, key: Key) -> Option<T> {
        self.get(key)?;
        let slot = &mut self.slots[key.index as usize];
        let content = mem::replace(&mut slot.content, Content::Free(self.free));
        if let Some(generation) = slot.generation.checked_add(1) {
            slot.generation = generation;
            self.free = key.index;
        }
        self.used -= 1;
        match content {
            Content::Value(value) => Some(value),
            Content::Free(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_finds_its_own_value_only() {
        let mut arena = Arena::new();
        let one = arena.insert(1);
        let two = arena.insert(2);
        assert_eq!((arena.get(one), arena.get(two)), (Some(&1), Some(&2)));
        assert_eq!(arena.remove(one), Some(1));
        let three = arena.insert(3);
        assert_eq!((arena.get(one), arena.get(three)), (None, Some(&3)));
        assert_eq!(arena.remove(one), None);
        assert_eq!(arena.get(Key::NONE), None);
        assert_eq!(arena.len(), 2);
    }

    #[test]
    fn a_slot_whose_generations_are_used_up_is_not_used_again() {
        let mut arena = Arena::new();
        arena.insert(1);
        arena.slots[0].generation = u32::MAX;
        let last = Key {
            index: 0,
            generation: u32::MAX,
        };
        assert_eq!(arena.remove(last), Some(1));
        let next = arena.insert(2);
        assert_eq!((next.index, arena.get(last)), (1, None));
    }
}
