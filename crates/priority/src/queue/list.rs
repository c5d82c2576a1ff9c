//! Doubly linked lists through an array: a slot is in a list at most once.

/// Stands for "no slot".
pub(super) const NONE: u32 = u32::MAX;

/// The neighbours of a slot.
#[derive(Clone, Copy, Debug)]
pub(super) struct Link {
    previous: u32,
    next: u32,
}

impl Link {
    pub(super) const ALONE: Link = Link {
        previous: NONE,
        next: NONE,
    };
}

/// The ends of a list.
#[derive(Clone, Copy, Debug)]
pub(super) struct List {
    head: u32,
    tail: u32,
}

impl List {
    pub(super) const EMPTY: List = List {
        head: NONE,
        tail: NONE,
    };

    /// Returns the first slot; `NONE` if there is none.
    #[inline]
    pub(super) fn head(&self) -> u32 {
        self.head
    }

    /// Returns the last slot; `NONE` if there is none.
    #[inline]
    pub(super) fn tail(&self) -> u32 {
        self.tail
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.head == NONE
    }

    #[inline]
    pub(super) fn push_back(&mut self, links: &mut [Link], slot: u32) {
        self.link(links, slot, self.tail, NONE);
    }

    /// Puts a slot before one that is in the list.
    pub(super) fn insert_before(&mut self, links: &mut [Link], slot: u32, next: u32) {
        let previous = links[next as usize].previous;
        self.link(links, slot, previous, next);
    }

    /// Puts a slot after one that is in the list.
    pub(super) fn insert_after(&mut self, links: &mut [Link], slot: u32, previous: u32) {
        let next = links[previous as usize].next;
        self.link(links, slot, previous, next);
    }

    #[inline]
    fn link(&mut self, links: &mut [Link], slot: u32, previous: u32, next: u32) {
        links[slot as usize] = Link { previous, next };
        match previous {
            NONE => self.head = slot,
            _ => links[previous as usize].next = slot,
        }
        match next {
            NONE => self.tail = slot,
            _ => links[next as usize].previous = slot,
        }
    }

    /// Takes a slot out that is in the list.
    #[inline]
    pub(super) fn remove(&mut self, links: &mut [Link], slot: u32) {
        let Link { previous, next } = links[slot as usize];
        match previous {
            NONE => self.head = next,
            _ => links[previous as usize].next = next,
        }
        match next {
            NONE => self.tail = previous,
            _ => links[next as usize].previous = previous,
        }
    }

    /// Lists the slots from the first to the last.
    pub(super) fn iter<'l>(&self, links: &'l [Link]) -> impl Iterator<Item = u32> + 'l {
        let mut slot = self.head;
        std::iter::from_fn(move || {
            let this = slot;
            if this == NONE {
                return None;
            }
            slot = links[this as usize].next;
            Some(this)
        })
    }
}
