//! What a task costs that only waits.

use std::future::pending;
use std::rc::Rc;

use super::countdown::Countdown;
use crate::alloc::LiveBytes;
use crate::executors::Executor;

/// The task: 8 captured bytes, which with its state make a future of 24.
async fn idle(started: Rc<Countdown>) {
    started.step();
    pending::<()>().await;
}

/// Spawns `tasks` tasks that wait for ever: bytes requested for each, the future with its 8 captured bytes included.
///
/// Tables that double count with their whole capacity, so the figure jumps where `tasks` passes a power of two.
///
/// ```
/// use corokit_benches::{AsyncExecutor, CountingAllocator, idle_task_bytes};
///
/// #[global_allocator]
/// static ALLOCATOR: CountingAllocator = CountingAllocator;
///
/// assert!(idle_task_bytes::<AsyncExecutor>(1024) > 32.0);
/// ```
///
/// # Panics
///
/// If the program's global allocator is not [`CountingAllocator`](crate::CountingAllocator).
#[must_use]
pub fn idle_task_bytes<E: Executor>(tasks: u32) -> f64 {
    let executor = E::create();
    executor.block_on(async {
        let started = Countdown::new(tasks.into());
        assert_eq!(size_of_val(&idle(Rc::clone(&started))), 24);
        let live = LiveBytes::count();
        for _ in 0..tasks {
            executor.spawn_detached(idle(Rc::clone(&started)));
        }
        started.wait().await;
        let bytes = u32::try_from(live.get()).expect("some MiB");
        assert!(bytes > 0, "the global allocator does not count");
        f64::from(bytes) / f64::from(tasks)
    })
}
