//! What is too large to be dropped in one go.

use indexmap::map;

use std::collections::VecDeque;

use super::{Bytes, Entry, Store, Value};

/// Lists that are longer are dropped piece by piece.
pub(super) const LONG: usize = 1024;

/// Something that is no longer needed, and large.
pub(crate) enum Garbage {
    /// All keys and values that there were.
    Entries(map::IntoIter<Bytes, Entry>),
    /// What somebody had found, and wants no more.
    Found(std::collections::vec_deque::IntoIter<Vec<Bytes>>),
    /// A list.
    List(std::collections::vec_deque::IntoIter<Bytes>),
}

impl Garbage {
    /// Drops up to `count` parts. Returns `false` if those were the last.
    pub(crate) fn drop_some(&mut self, count: usize) -> bool {
        match self {
            Garbage::Entries(entries) => drop_from(entries, count),
            // Each of them is about as many.
            Garbage::Found(slices) => drop_from(slices, 1),
            Garbage::List(list) => drop_from(list, count),
        }
    }
}

impl std::fmt::Debug for Garbage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Garbage")
    }
}

fn drop_from(parts: &mut impl ExactSizeIterator, count: usize) -> bool {
    parts.take(count).for_each(drop);
    parts.len() > 0
}

impl Store {
    /// Lets go of what somebody had taken out of a list.
    pub(crate) fn discard_elements(&mut self, elements: VecDeque<Bytes>) {
        self.news.garbage.push(Garbage::List(elements.into_iter()));
    }

    /// Lets go of what somebody had found.
    pub(crate) fn discard(&mut self, found: VecDeque<Vec<Bytes>>) {
        self.news.garbage.push(Garbage::Found(found.into_iter()));
    }
}

impl Value {
    /// Returns what is to be dropped piece by piece, if the value is that large.
    pub(super) fn into_garbage(self) -> Option<Garbage> {
        match self {
            Value::List(list) if list.len() > LONG => Some(Garbage::List(list.into_iter())),
            _ => None,
        }
    }
}
