//! How long an entry waits at most.

use std::num::NonZeroU32;

use corokit_core::{Priority, ReadyQueue};
use corokit_priority::{Ageing, PriorityQueue};
use proptest::prelude::*;

fn share(every: u32, after: u32) -> Ageing {
    let every = NonZeroU32::new(every).unwrap();
    Ageing::Share { every, after }
}

/// Lets an entry compete with urgent ones that come back each time, and returns how many pops it
/// waited.
fn waits(queue: &mut PriorityQueue, entry: u32, urgent: &[u32]) -> u64 {
    for slot in urgent {
        queue.set_priority(*slot, Priority::HIGH);
        queue.push(*slot);
    }
    queue.push(entry);
    let mut waited = 0;
    loop {
        let popped = queue.pop().unwrap();
        if popped == entry {
            for slot in urgent {
                assert!(queue.remove(*slot));
            }
            return waited;
        }
        waited += 1;
        assert!(waited < 100_000, "never runs");
        queue.push(popped);
    }
}

/// The fault of asynkit's boost: it stopped for ever when the queue had been empty once.
#[test]
fn the_bound_holds_before_and_after_the_queue_was_empty() {
    let mut queue = PriorityQueue::with_ageing(share(4, 10));
    queue.set_slots(3);
    for _ in 0..3 {
        let waited = waits(&mut queue, 0, &[1, 2]);
        assert!(waited <= 10 + 4 * 3, "{waited}");
        assert!(queue.is_empty());
    }
}

#[test]
fn without_ageing_the_urgent_go_first_for_ever() {
    let mut queue = PriorityQueue::with_ageing(Ageing::Strict);
    queue.set_slots(2);
    queue.push(0);
    queue.set_priority(1, Priority::HIGH);
    for _ in 0..10_000 {
        queue.push(1);
        assert_eq!(queue.pop(), Some(1));
    }
}

/// What is old gets no more than its share, however many of them there are.
#[test]
fn the_old_take_no_more_than_their_share() {
    let mut queue = PriorityQueue::with_ageing(share(8, 5));
    queue.set_slots(101);
    for slot in 1..101 {
        queue.set_priority(slot, Priority::LOW);
        queue.push(slot);
    }
    let mut old = 0;
    for _ in 0..400 {
        queue.push(0);
        let popped = queue.pop().unwrap();
        if popped != 0 {
            old += 1;
            assert!(queue.remove(0));
        }
    }
    assert!((48..=50).contains(&old), "{old} of 400");
}

/// An entry that is old, and urgent as well, is not one of the share.
#[test]
fn the_next_one_anyway_costs_no_share() {
    let mut queue = PriorityQueue::with_ageing(share(100, 1));
    queue.set_slots(3);
    queue.set_priority(2, Priority::HIGH);
    queue.push(0);
    queue.push(1);
    assert_eq!(queue.pop(), Some(0));
    // Old by now, and overtaken: the share is still to be had.
    queue.push(2);
    assert_eq!(queue.pop(), Some(1));
}

/// The order that the queue shows is the one in which it gives.
#[test]
fn what_goes_first_by_its_age_is_shown_first() {
    let mut queue = PriorityQueue::with_ageing(share(4, 2));
    queue.set_slots(2);
    queue.set_priority(1, Priority::HIGH);
    queue.push(0);
    for _ in 0..20 {
        if !queue.contains(1) {
            queue.push(1);
        }
        let shown = queue.iter().next();
        let popped = queue.pop();
        assert_eq!(shown, popped);
        if popped == Some(0) {
            queue.push(0);
        }
    }
}

#[derive(Clone, Debug)]
enum Op {
    /// An entry comes, if it is not there.
    Push(u32),
    Pop,
    SetPriority(u32, i32),
    Remove(u32),
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        6 => (1..12u32).prop_map(Op::Push),
        6 => Just(Op::Pop),
        2 => (1..12u32, -5..5i32).prop_map(|(slot, priority)| Op::SetPriority(slot, priority)),
        1 => (1..12u32).prop_map(Op::Remove),
    ]
}

proptest! {
    /// Whatever others do, an entry behind m others waits no longer than the formula says.
    #[test]
    fn no_entry_waits_longer_than_the_bound(
        every in 1..6u32,
        after in 0..20u32,
        before in prop::collection::vec(op(), 0..80),
        meanwhile in prop::collection::vec(op(), 0..600),
    ) {
        let mut queue = PriorityQueue::with_ageing(share(every, after));
        queue.set_slots(12);
        queue.set_priority(0, Priority::new(1_000));
        let apply = |queue: &mut PriorityQueue, op: &Op| match *op {
            Op::Push(slot) if !queue.contains(slot) => {
                queue.push(slot);
                None
            }
            Op::Push(_) => None,
            Op::Pop => queue.pop(),
            Op::SetPriority(slot, priority) => {
                queue.set_priority(slot, Priority::new(priority));
                None
            }
            Op::Remove(slot) => {
                queue.remove(slot);
                None
            }
        };
        for op in &before {
            apply(&mut queue, op);
        }
        let bound = u64::from(after) + u64::from(every) * (queue.len() as u64 + 1);
        queue.push(0);
        let mut waited = 0;
        for op in &meanwhile {
            match apply(&mut queue, op) {
                Some(0) => break,
                Some(_) => waited += 1,
                None => {}
            }
            prop_assert!(waited <= bound, "{} pops, bound {}", waited, bound);
        }
    }
}

/// Somebody who places itself behind the first, again and again, promises places: they count as turns.
#[test]
fn the_bound_holds_when_somebody_places_itself_all_the_time() {
    let mut queue = PriorityQueue::new();
    queue.set_slots(3);
    let (waiting, urgent, placed) = (0, 1, 2);
    queue.set_priority(urgent, Priority::HIGH);
    queue.push(waiting);
    let mut turns = 0;
    loop {
        queue.push(urgent);
        queue.insert_at(placed, 1);
        loop {
            match queue.pop() {
                Some(slot) if slot == waiting => return,
                Some(slot) if slot == placed => break,
                _ => turns += 1,
            }
        }
        assert!(turns <= 256 + 32 * 2, "it has waited {turns} turns");
    }
}

/// The share stays a share: those who are old get one turn in 32, however others are placed.
#[test]
fn those_who_are_old_get_no_more_than_their_share_by_the_places_of_others() {
    for rounds in 300..340 {
        let mut queue = PriorityQueue::new();
        queue.set_slots(1100);
        let (urgent, placed) = (0, 1);
        queue.set_priority(urgent, Priority::HIGH);
        (100..1100).for_each(|slot| queue.push(slot));
        for _ in 0..rounds {
            queue.push(urgent);
            while queue.pop() != Some(urgent) {}
        }
        queue.push(urgent);
        let mut others = 0;
        'served: loop {
            queue.insert_at(placed, 1);
            loop {
                match queue.pop() {
                    Some(slot) if slot == urgent => break 'served,
                    Some(slot) if slot == placed => break,
                    _ => others += 1,
                }
            }
        }
        assert!(others <= 1, "{others} went first");
    }
}
