//! Lists.

use std::collections::VecDeque;
use std::collections::vec_deque;
use std::mem;
use std::ops::{Deref, Range};

use super::{Bytes, Store, Value, WrongType};

/// An end of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The first element.
    Left,
    /// The last element.
    Right,
}

/// A list of strings.
///
/// Each element has a position, which it keeps whatever comes and goes at the ends, and which no
/// element of another list has.
#[derive(Debug)]
pub(crate) struct List {
    elements: VecDeque<Bytes>,
    /// The position of the first element.
    first: u64,
}

/// How far the positions of two lists are apart: neither grows so much.
const APART: u64 = 1 << 40;

/// After so many lists the positions are used again: nobody reads a range for so long.
const NUMBERS: u64 = 1 << 23;

impl List {
    /// Makes the list number `number`.
    fn new(number: u64) -> Self {
        List {
            elements: VecDeque::new(),
            first: (1 + number % NUMBERS) * APART,
        }
    }

    fn push(&mut self, end: End, element: Bytes) {
        match end {
            End::Left => {
                self.elements.push_front(element);
                self.first -= 1;
            }
            End::Right => self.elements.push_back(element),
        }
    }

    fn pop(&mut self, end: End) -> Option<Bytes> {
        match end {
            End::Left => {
                let element = self.elements.pop_front()?;
                self.first += 1;
                Some(element)
            }
            End::Right => self.elements.pop_back(),
        }
    }

    /// Takes up to `count` elements out at an end. They are in the order of the list.
    fn take(&mut self, end: End, count: usize) -> VecDeque<Bytes> {
        let all = &mut self.elements;
        let count = count.min(all.len());
        let rest = all.len() - count;
        // Whichever part is shorter is moved, so that neither end of a long list costs much.
        match end {
            End::Left => {
                self.first += count as u64;
                match count <= rest {
                    true => all.drain(..count).collect(),
                    false => {
                        let rest = all.split_off(count);
                        mem::replace(all, rest)
                    }
                }
            }
            End::Right => match count <= rest {
                true => all.split_off(rest),
                false => {
                    let rest = all.drain(..rest).collect();
                    mem::replace(all, rest)
                }
            },
        }
    }

    /// Returns the positions of the elements from one index to another. A negative one counts from
    /// the end.
    pub(crate) fn range_of(&self, start: i64, stop: i64) -> Range<u64> {
        let len = self.elements.len() as i64;
        let from_end = |index: i64| {
            if index < 0 {
                index.saturating_add(len)
            } else {
                index
            }
        };
        let start = from_end(start).clamp(0, len);
        let stop = from_end(stop).saturating_add(1).clamp(start, len);
        let position = |index: i64| self.first + index as u64;
        position(start)..position(stop)
    }

    /// Copies up to `count` elements at the beginning of a range of positions, and takes them off the
    /// range. What is no longer there is left out.
    pub(crate) fn copy_from(&self, range: &mut Range<u64>, count: usize) -> Vec<Bytes> {
        let end = self.first + self.elements.len() as u64;
        let start = range.start.max(self.first).min(range.end);
        let stop = range.end.min(end).min(start + count as u64);
        if start >= stop {
            range.start = range.end;
            return Vec::new();
        }
        range.start = stop;
        let index = |position: u64| (position - self.first) as usize;
        self.elements
            .range(index(start)..index(stop))
            .cloned()
            .collect()
    }
}

impl Deref for List {
    type Target = VecDeque<Bytes>;

    fn deref(&self) -> &Self::Target {
        &self.elements
    }
}

impl IntoIterator for Box<List> {
    type Item = Bytes;
    type IntoIter = vec_deque::IntoIter<Bytes>;

    fn into_iter(self) -> Self::IntoIter {
        self.elements.into_iter()
    }
}

impl Store {
    /// Returns the list of a key.
    pub(crate) fn list(&mut self, key: &[u8]) -> Result<Option<&mut List>, WrongType> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::List(list)) => Ok(Some(list)),
            Some(Value::String(_)) => Err(WrongType),
        }
    }

    /// Puts elements in, one after the other, at an end of the list of a key. Returns how many it
    /// has then, before anybody who [waits](Store::wait) for one is [served](Store::serve).
    pub(crate) fn push<'a>(
        &mut self,
        key: &[u8],
        end: End,
        elements: impl Iterator<Item = &'a [u8]>,
    ) -> Result<usize, WrongType> {
        if self.list(key)?.is_none() {
            self.last_list += 1;
            let list = List::new(self.last_list);
            self.insert(key, Value::List(Box::new(list)));
        }
        let Some(list) = self.list(key)? else {
            return Ok(0);
        };
        let before = list.len();
        for element in elements {
            list.push(end, Bytes::from_slice(element));
        }
        let len = list.len();
        self.note_pushes(key, end, len - before);
        Ok(len)
    }

    /// Takes an element out at an end of the list of a key. A list without elements is removed.
    pub(crate) fn pop(&mut self, key: &[u8], end: End) -> Result<Option<Bytes>, WrongType> {
        let Some(list) = self.list(key)? else {
            return Ok(None);
        };
        let element = list.pop(end);
        let is_empty = list.is_empty();
        self.note_pop(key, end);
        if is_empty {
            // What pops the last element removes the list: that says itself.
            if let Some(index) = self.find(key) {
                self.remove_at(index);
            }
        }
        Ok(element)
    }

    /// Takes up to `count` elements out at an end of the list of a key, in the order of the list. A
    /// list without elements is removed.
    pub(crate) fn pop_many(
        &mut self,
        key: &[u8],
        end: End,
        count: usize,
    ) -> Result<Option<VecDeque<Bytes>>, WrongType> {
        let Some(list) = self.list(key)? else {
            return Ok(None);
        };
        let elements = list.take(end, count);
        let is_empty = list.is_empty();
        if !elements.is_empty() {
            self.note_pops(key, end, elements.len());
        }
        if is_empty {
            if let Some(index) = self.find(key) {
                self.remove_at(index);
            }
        }
        Ok(Some(elements))
    }
}
