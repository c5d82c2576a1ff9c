//! Looking at the current loop as a whole.

use corokit_scheduler::{Stats, TaskDump};

use crate::current::current;

/// Returns how busy the current loop is and was; `None` outside of any loop. See
/// [`LocalExecutor::stats`](corokit_scheduler::LocalExecutor::stats).
///
/// # Examples
///
/// ```
/// use corokit_sched_loop as sched_loop;
///
/// sched_loop::run(async {
///     let _task = sched_loop::spawn(async {});
///     let stats = sched_loop::stats().unwrap();
///     assert_eq!((stats.ready, stats.running), (1, 1));
/// });
/// assert_eq!(sched_loop::stats(), None);
/// ```
pub fn stats() -> Option<Stats> {
    current()?.stats()
}

/// Returns every task of the current loop with what is known of it; `None` outside of any loop. See
/// [`LocalExecutor::task_dump`](corokit_scheduler::LocalExecutor::task_dump).
///
/// Source: `asyncio.all_tasks`, `Task.print_stack`.
///
/// # Examples
///
/// ```
/// use corokit_sched_loop as sched_loop;
///
/// sched_loop::run(async {
///     let _task = sched_loop::task().name("idle").spawn(std::future::pending::<()>());
///     let dump = sched_loop::task_dump().unwrap();
///     assert!(dump.to_string().contains("\"idle\" runnable"));
/// });
/// ```
pub fn task_dump() -> Option<TaskDump> {
    current()?.task_dump()
}
