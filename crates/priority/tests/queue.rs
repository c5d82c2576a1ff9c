//! The priority queue: order, places, priorities that change.

use corokit_core::{Priority, ReadyQueue};
use corokit_priority::{Ageing, PriorityQueue};

/// Makes a queue with entries of these priorities, in this order.
fn queue_of(priorities: &[i32]) -> PriorityQueue {
    let mut queue = PriorityQueue::with_ageing(Ageing::Strict);
    queue.set_slots(priorities.len() + 3);
    for (slot, priority) in (0..).zip(priorities) {
        assert!(queue.set_priority(slot, Priority::new(*priority)));
        queue.push(slot);
    }
    queue
}

#[track_caller]
fn check(queue: &PriorityQueue, expected: &[u32]) {
    assert_eq!(queue.iter().collect::<Vec<_>>(), expected);
    assert_eq!(queue.len(), expected.len());
}

fn drain(mut queue: PriorityQueue) -> Vec<u32> {
    std::iter::from_fn(|| queue.pop()).collect()
}

#[test]
fn entries_run_by_priority_and_first_in_first_out_among_equals() {
    let queue = queue_of(&[3, 1, 2, 1, 3, 2, 1]);
    check(&queue, &[1, 3, 6, 2, 5, 0, 4]);
    assert_eq!(drain(queue), [1, 3, 6, 2, 5, 0, 4]);
}

#[test]
fn batches_that_interleave_stay_in_order() {
    let mut queue = queue_of(&[]);
    queue.set_slots(6);
    for slot in [0, 2, 4] {
        queue.set_priority(slot, Priority::LOW);
    }
    for slot in 0..6 {
        queue.push(slot);
    }
    assert_eq!((queue.pop(), queue.pop()), (Some(1), Some(3)));
    queue.push(1);
    assert_eq!(drain(queue), [5, 1, 0, 2, 4]);
}

#[test]
fn an_empty_queue_gives_nothing() {
    let mut queue = queue_of(&[]);
    assert_eq!(queue.pop(), None);
    assert!(!queue.remove(1));
    assert!(!queue.insert_after(0, 1));
    assert!(!queue.insert_before(0, 1));
    queue.rotate_left(3);
    assert!(queue.is_empty() && !queue.contains(99));
}

/// As `list.insert` on what would be popped, also repeatedly.
#[test]
fn placing_is_a_list_insert_on_the_order_of_the_pops() {
    for first in 0..=5 {
        for second in 0..=6 {
            let mut queue = queue_of(&[2, 1, 3]);
            let mut list = vec![1, 0, 2];
            for (slot, index) in [(3, first), (4, second)] {
                queue.insert_at(slot, index);
                list.insert(index.min(list.len()), slot);
                check(&queue, &list);
            }
            assert_eq!(drain(queue), list);
        }
    }
}

#[test]
fn the_back_is_the_regular_place() {
    let mut queue = queue_of(&[2, -1, 3]);
    queue.insert_at(3, usize::MAX);
    check(&queue, &[1, 3, 0, 2]);
}

/// Also where there is nobody to run before.
#[test]
fn a_place_in_an_empty_queue_is_a_place() {
    let mut queue = queue_of(&[]);
    queue.insert_at(0, 0);
    queue.set_priority(1, Priority::HIGH);
    queue.push(1);
    check(&queue, &[0, 1]);
}

#[test]
fn a_placed_entry_runs_before_what_comes_later_and_is_more_urgent() {
    let mut queue = queue_of(&[5, 5, 5]);
    queue.insert_at(3, 1);
    queue.set_priority(4, Priority::HIGH);
    queue.push(4);
    // Exactly the one that was before it is before it still.
    check(&queue, &[0, 3, 4, 1, 2]);
}

#[test]
fn neighbours_stay_neighbours() {
    let mut queue = queue_of(&[5, 5, 5]);
    assert!(queue.insert_after(3, 1));
    assert!(queue.insert_before(4, 2));
    queue.set_priority(5, Priority::HIGH);
    queue.push(5);
    check(&queue, &[0, 1, 3, 4, 2, 5]);
}

#[test]
fn rotation_keeps_the_order_that_it_makes() {
    let mut queue = queue_of(&[1, 2, 3]);
    queue.rotate_left(4);
    check(&queue, &[1, 2, 0]);
    queue.set_priority(0, Priority::HIGH);
    check(&queue, &[1, 2, 0]);
}

#[test]
fn a_change_of_priority_moves_an_entry_at_once() {
    let mut queue = queue_of(&[1, 2, 3]);
    queue.set_priority(1, Priority::new(7));
    check(&queue, &[0, 2, 1]);
    queue.set_priority(1, Priority::new(-1));
    check(&queue, &[1, 0, 2]);
    assert_eq!(queue.priority(1), Some(Priority::new(-1)));
    assert_eq!(queue.priority(3), Some(Priority::NORMAL));
}

/// Among its new equals an entry is where its arrival puts it, so going there and back is nothing.
#[test]
fn an_entry_keeps_its_arrival_when_its_priority_changes() {
    let mut queue = queue_of(&[3, 3, 3]);
    for slot in [1, 0, 2] {
        queue.set_priority(slot, Priority::HIGH);
        queue.set_priority(slot, Priority::new(3));
        check(&queue, &[0, 1, 2]);
    }
    queue.set_priority(2, Priority::HIGH);
    queue.set_priority(0, Priority::HIGH);
    check(&queue, &[0, 2, 1]);
    assert_eq!(drain(queue), [0, 2, 1]);
}

#[test]
fn a_priority_is_kept_in_and_out_of_the_queue() {
    let mut queue = queue_of(&[3, 0]);
    assert!(queue.remove(0));
    queue.set_priority(0, Priority::HIGH);
    queue.push(0);
    check(&queue, &[0, 1]);
    assert_eq!(queue.pop(), Some(0));
    queue.push(0);
    check(&queue, &[0, 1]);
}

#[test]
fn removing_leaves_the_others_in_order() {
    for removed in 0..6 {
        let mut queue = queue_of(&[2, 1, 2, 1, 3, 2]);
        queue.set_priority(3, Priority::new(2));
        queue.insert_at(6, 1);
        let mut expected: Vec<u32> = queue.iter().collect();
        assert!(queue.remove(removed));
        assert!(!queue.remove(removed) && !queue.contains(removed));
        expected.retain(|slot| *slot != removed);
        check(&queue, &expected);
        assert_eq!(drain(queue), expected);
    }
}

/// A priority costs memory only while somebody has it.
#[test]
fn many_priorities_come_and_go() {
    let mut queue = queue_of(&[0]);
    for priority in 0..10_000 {
        queue.set_priority(0, Priority::new(priority));
        check(&queue, &[0]);
    }
    assert_eq!(queue.priority(0), Some(Priority::new(9_999)));
}
