//! Those who wait for a flight, in the order in which they came.

use std::collections::VecDeque;
use std::mem;
use std::task::Waker;

/// A first in, first out line of wakers.
///
/// Nothing in here runs code of others: wakers go in cloned and come out to be woken or dropped
/// by the caller, who has a lock to release first.
#[derive(Default)]
pub(super) struct Line {
    /// Sorted by number. Those who have left stay as empty places until they are at the front, or
    /// too many.
    places: VecDeque<Place>,
    /// The number of the next one to come.
    next: u64,
    /// How many places are empty.
    empty: usize,
}

struct Place {
    number: u64,
    /// Nothing once it was taken for waking.
    waker: Option<Waker>,
    left: bool,
}

impl Line {
    /// Joins the line at its end.
    pub(super) fn join(&mut self, waker: Waker) -> u64 {
        let number = self.next;
        self.next += 1;
        self.places.push_back(Place {
            number,
            waker: Some(waker),
            left: false,
        });
        number
    }

    /// Gives a waiter another waker, and returns the one it had.
    pub(super) fn replace(&mut self, number: u64, waker: Waker) -> Option<Waker> {
        let index = self.find(number)?;
        self.places[index].waker.replace(waker)
    }

    /// Leaves the line, wherever in it, and returns the waker.
    pub(super) fn leave(&mut self, number: u64) -> Option<Waker> {
        let index = self.find(number)?;
        let place = &mut self.places[index];
        debug_assert!(!place.left, "it leaves once");
        place.left = true;
        let waker = place.waker.take();
        self.empty += 1;
        while self.places.front().is_some_and(|place| place.left) {
            self.places.pop_front();
            self.empty -= 1;
        }
        // As many places are empty as not: moving those who stay costs no more than the leaving has.
        if self.empty * 2 > self.places.len() {
            self.places.retain(|place| !place.left);
            self.empty = 0;
        }
        waker
    }

    /// Returns the number of the first in line, and its waker if it has not been taken before.
    pub(super) fn first(&mut self) -> Option<(u64, Option<Waker>)> {
        let first = self.places.front_mut()?;
        Some((first.number, first.waker.take()))
    }

    /// Returns whether nobody is in line.
    pub(super) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Empties the line, and returns all wakers in order.
    pub(super) fn take_all(&mut self) -> impl Iterator<Item = Waker> + use<> {
        self.empty = 0;
        mem::take(&mut self.places)
            .into_iter()
            .filter_map(|place| place.waker)
    }

    fn find(&self, number: u64) -> Option<usize> {
        self.places
            .binary_search_by_key(&number, |place| place.number)
            .ok()
    }

    #[cfg(all(test, not(loom)))]
    pub(super) fn places(&self) -> usize {
        self.places.len()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn those_who_leave_leave_nothing_behind() {
        let mut line = Line::default();
        let first = line.join(Waker::noop().clone());
        for _ in 0..10_000 {
            let number = line.join(Waker::noop().clone());
            line.leave(number);
            assert!(line.places() <= 3);
        }
        assert_eq!(line.first().map(|(number, _)| number), Some(first));
        line.leave(first);
        assert_eq!(line.places(), 0);
    }
}
