//! Programs with the locks of `corokit-priority`.

use crate::bytes::Bytes;

#[path = "../../../crates/priority/tests/models/mutex.rs"]
mod mutex_model;
#[path = "../../../crates/priority/tests/models/rwlock.rs"]
mod rwlock_model;
#[path = "../../../crates/priority/tests/models/semaphore.rs"]
mod semaphore_model;

/// The most operations of a program: the models calculate everything anew after each.
const MOST: usize = 120;

/// The most waiters and guards that an operation tells apart.
const HANDLES: usize = 12;

/// Locks, waits, is dropped and inherits as the bytes say, with four mutexes and five tasks.
///
/// # Panics
///
/// Panics if the mutexes do not do what the model does.
///
/// ```
/// corokit_fuzz_harness::mutex(&[0; 9]);
/// ```
pub fn mutex(bytes: &[u8]) {
    use mutex_model::{LOCKS, Op, TASKS};
    let read = |bytes: &mut Bytes<'_>| match bytes.below(8) {
        0 | 1 => Op::Ask(
            bytes.below(TASKS),
            bytes.below(LOCKS),
            bytes.sometimes(4, |bytes| bytes.around(3)),
        ),
        2 => Op::Try(bytes.below(TASKS), bytes.below(LOCKS)),
        3 => Op::Poll(
            bytes.below(HANDLES),
            bytes.sometimes(4, |bytes| bytes.below(TASKS)),
        ),
        4 => Op::Cancel(bytes.below(HANDLES)),
        5 => Op::Release(bytes.below(HANDLES)),
        6 => Op::SetPriority(bytes.below(TASKS), bytes.around(3)),
        _ => Op::Adopt(bytes.below(HANDLES), bytes.below(TASKS)),
    };
    mutex_model::run(Bytes::new(bytes).operations(MOST, read));
}

/// The same with three reader-writer locks.
///
/// # Panics
///
/// Panics if the locks do not do what the model does.
///
/// ```
/// corokit_fuzz_harness::rwlock(&[0; 9]);
/// ```
pub fn rwlock(bytes: &[u8]) {
    use rwlock_model::{LOCKS, Op, TASKS};
    let read = |bytes: &mut Bytes<'_>| match bytes.below(8) {
        0..=2 => Op::Ask(
            bytes.below(TASKS),
            bytes.below(LOCKS),
            bytes.below(2) == 1,
            bytes.sometimes(4, |bytes| bytes.around(3)),
        ),
        3 => Op::Poll(bytes.below(HANDLES)),
        4 => Op::Cancel(bytes.below(HANDLES)),
        5 => Op::Release(bytes.below(HANDLES)),
        6 => Op::Downgrade(bytes.below(HANDLES)),
        _ => Op::SetPriority(bytes.below(TASKS), bytes.around(3)),
    };
    rwlock_model::run(Bytes::new(bytes).operations(MOST, read));
}

/// The same with a semaphore, whose permits are also added and forgotten.
///
/// # Panics
///
/// Panics if the semaphore does not do what the model does.
///
/// ```
/// corokit_fuzz_harness::semaphore(&[0; 9]);
/// ```
pub fn semaphore(bytes: &[u8]) {
    use semaphore_model::{Op, TASKS};
    let read = |bytes: &mut Bytes<'_>| match bytes.below(8) {
        0 => Op::Ask(Ok(bytes.around(3))),
        1 => Op::Ask(Err(bytes.below(TASKS))),
        2 => Op::Poll(bytes.below(HANDLES)),
        3 => Op::Cancel(bytes.below(HANDLES)),
        4 => Op::Release(bytes.below(HANDLES)),
        5 => Op::Forget(bytes.below(HANDLES)),
        6 => Op::Add(bytes.below(3)),
        _ => Op::SetPriority(bytes.below(TASKS), bytes.around(3)),
    };
    semaphore_model::run(Bytes::new(bytes).operations(MOST, read));
}
