//! A binary heap, the smallest first, and the lowest rank first among equals. No entry comes after
//! its children, which are at twice its index and one and two more.
//!
//! It compares first and moves then: a comparison that panics changes nothing.

use super::order::Rank;

fn parent(index: usize) -> usize {
    (index - 1) / 2
}

/// Whether the first of two entries is to be had before the second. No two have the same rank.
fn is_before<T: Ord>(one: (&T, Rank), other: &(T, Rank)) -> bool {
    one.0.cmp(&other.0).then(one.1.cmp(&other.1)).is_lt()
}

/// Finds the index at which a new entry belongs, on the way from the end to the root.
pub(super) fn place<T: Ord>(heap: &[(T, Rank)], item: &T, rank: Rank) -> usize {
    let mut index = heap.len();
    while index > 0 && is_before((item, rank), &heap[parent(index)]) {
        index = parent(index);
    }
    index
}

/// Puts an entry in at an index on the way from the end to the root.
pub(super) fn insert<T>(heap: &mut Vec<(T, Rank)>, item: T, rank: Rank, place: usize) {
    let mut index = heap.len();
    heap.push((item, rank));
    while index > place {
        heap.swap(index, parent(index));
        index = parent(index);
    }
}

/// Takes out the first.
pub(super) fn pop<T: Ord>(heap: &mut Vec<(T, Rank)>) -> Option<T> {
    let last = heap.len().checked_sub(1)?;
    // The last entry is to stand in for the first, and to go down from there: the way, as a bit
    // for each level. The bits of an address are enough.
    let (mut way, mut levels, mut index) = (0_usize, 0, 0);
    let before = |one: usize, other: usize| is_before((&heap[one].0, heap[one].1), &heap[other]);
    while 2 * index + 1 < last {
        let (left, right) = (2 * index + 1, 2 * index + 2);
        let goes_right = right < last && before(right, left);
        let child = if goes_right { right } else { left };
        if before(last, child) {
            break;
        }
        way |= usize::from(goes_right) << levels;
        levels += 1;
        index = child;
    }
    let (first, _) = heap.swap_remove(0);
    let mut index = 0;
    for level in 0..levels {
        let child = 2 * index + 1 + (way >> level & 1);
        heap.swap(index, child);
        index = child;
    }
    Some(first)
}
