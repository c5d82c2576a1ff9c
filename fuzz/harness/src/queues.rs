//! Programs with the ready queues, and with the queue between threads and tasks.

use crate::bytes::Bytes;

#[path = "../../../crates/sync-bridge/tests/queue/naive.rs"]
mod bridge_model;
#[path = "../../../crates/scheduler/tests/models/fifo.rs"]
mod fifo_model;
#[path = "../../../crates/priority/tests/models/queue.rs"]
mod priority_model;

/// The most operations of a program: the models look at everything after each.
const MOST: usize = 120;

/// Pushes, inserts, takes and turns as the bytes say, with the scheduler's own ready queue.
///
/// # Panics
///
/// Panics if the queue does not do what a `Vec` does.
///
/// ```
/// corokit_fuzz_harness::ready_queue(&[0; 9]);
/// ```
pub fn ready_queue(bytes: &[u8]) {
    use fifo_model::{SLOTS, Step};
    let slot = |bytes: &mut Bytes<'_>| bytes.below(SLOTS as usize) as u32;
    let read = |bytes: &mut Bytes<'_>| match bytes.below(8) {
        0 | 1 => Step::Push(slot(bytes)),
        2 => Step::Pop,
        3 => Step::Remove(slot(bytes)),
        4 => Step::InsertAt(slot(bytes), bytes.below(16)),
        5 => Step::InsertAfter(slot(bytes), slot(bytes)),
        6 => Step::InsertBefore(slot(bytes), slot(bytes)),
        _ => Step::Rotate(bytes.below(40)),
    };
    fifo_model::run(Bytes::new(bytes).operations(MOST, read));
}

/// The same with the priority queue, strict or ageing.
///
/// # Panics
///
/// Panics if the queue does not do what two lists do.
///
/// ```
/// corokit_fuzz_harness::priority_queue(&[0; 9]);
/// ```
pub fn priority_queue(bytes: &[u8]) {
    use priority_model::{Op, SLOTS};
    let slot = |bytes: &mut Bytes<'_>| bytes.below(SLOTS as usize) as u32;
    let read = |bytes: &mut Bytes<'_>| match bytes.below(9) {
        0 | 1 => Op::Push(slot(bytes)),
        2 => Op::Pop,
        3 => Op::Remove(slot(bytes)),
        4 => Op::InsertAt(
            slot(bytes),
            match bytes.below(14) {
                13 => usize::MAX,
                index => index,
            },
        ),
        5 => Op::InsertAfter(slot(bytes), slot(bytes)),
        6 => Op::InsertBefore(slot(bytes), slot(bytes)),
        7 => Op::Rotate(bytes.below(15)),
        _ => Op::SetPriority(slot(bytes), bytes.around(2)),
    };
    let mut bytes = Bytes::new(bytes);
    let ageing = bytes.sometimes(2, |bytes| {
        (bytes.below(4) as u32 + 1, bytes.below(10) as u32)
    });
    priority_model::run(bytes.operations(MOST, read), ageing);
}

/// Puts, gets, waits, gives up, joins and closes as the bytes say, with a queue of one of the three orders.
///
/// # Panics
///
/// Panics if the queue does not do what the model does.
///
/// ```
/// corokit_fuzz_harness::bridge_queue(&[0; 9]);
/// ```
pub fn bridge_queue(bytes: &[u8]) {
    use bridge_model::{Kind, Op};
    let read = |bytes: &mut Bytes<'_>| match bytes.below(13) {
        0 => Op::Put(bytes.next() % 3),
        1 => Op::TryPut(bytes.next() % 3),
        2 => Op::Get,
        3 => Op::TryGet,
        4 => Op::TryGetTracked,
        5 => Op::TryGetMany(bytes.below(4)),
        6 => Op::Join,
        // A queue is closed once: programs shall not end with their first operations.
        7 => match bytes.below(8) {
            0 => Op::Close,
            1 => Op::CloseNow,
            other => Op::Poll(other),
        },
        8..=10 => Op::Poll(bytes.below(24)),
        _ => Op::Drop(bytes.below(24)),
    };
    let mut bytes = Bytes::new(bytes);
    let kind = [Kind::Fifo, Kind::Lifo, Kind::Priority][bytes.below(3)];
    let capacity = 1 + bytes.below(4);
    bridge_model::run(kind, capacity, &bytes.operations(MOST, read));
}
