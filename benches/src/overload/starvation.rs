//! How long the least urgent task waits while there is always something more urgent.

use std::cell::Cell;
use std::rc::Rc;

use corokit_priority::{Priority, PriorityQueue};
use corokit_scheduler::LocalExecutor;
use futures_lite::future::yield_now;

/// So many urgent tasks never end.
const URGENT: u64 = 4;

/// Returns the most turns of others that a task of low priority has waited for one of its own, beside urgent tasks that
/// never end and `others` tasks like itself, in 100,000 turns.
///
/// ```
/// use corokit_benches::overload::{longest_wait, longest_wait_allowed};
///
/// assert!(longest_wait(3) <= longest_wait_allowed(3));
/// ```
#[must_use]
pub fn longest_wait(others: u64) -> u64 {
    let executor = LocalExecutor::with_queue(PriorityQueue::new());
    let turns = Rc::new(Cell::new(0_u64));
    let longest = Rc::new(Cell::new(0_u64));
    let spawn = |priority| {
        let (turns, longest) = (Rc::clone(&turns), Rc::clone(&longest));
        let low = priority == Priority::LOW;
        let task = executor.task().priority(priority).spawn(async move {
            let mut last = turns.get();
            loop {
                if low {
                    longest.set(longest.get().max(turns.get() - last));
                }
                turns.set(turns.get() + 1);
                last = turns.get();
                yield_now().await;
            }
        });
        task.detach();
    };
    (0..URGENT).for_each(|_| spawn(Priority::HIGH));
    (0..=others).for_each(|_| spawn(Priority::LOW));
    while turns.get() < 100_000 {
        executor.try_tick();
    }
    longest.get()
}

/// Returns what the documentation of `Ageing` promises for the same, by its default.
#[must_use]
pub fn longest_wait_allowed(others: u64) -> u64 {
    const EVERY: u64 = 32;
    const AFTER: u64 = 256;
    AFTER + EVERY * (others + URGENT + 1)
}
