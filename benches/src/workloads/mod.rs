//! The work of the comparisons, written once for every executor.
//!
//! Each function sets up, runs the work until it is steady, measures it in processor time of the executor's thread, and
//! returns the figure of one operation. Everything happens inside one `block_on`.

mod blocked;
mod cache;
mod channels;
mod cold;
#[cfg(feature = "context")]
mod context;
mod coroutines;
mod countdown;
mod crossings;
mod eager;
mod flood;
mod floor;
mod foreign;
mod gather;
mod give_way;
mod interrupt;
mod locks;
mod memory;
mod priority;
mod queue;
mod ring;
mod services;
mod spawn;
mod yields;

pub use blocked::one_beside_blocked;
pub use cache::ask_cache;
pub use channels::{ChannelOf, put_and_get, threads_to_task};
pub use cold::{block_on_one, run_one_from_cold};
#[cfg(feature = "context")]
pub use context::{ContextOp, use_context};
pub use coroutines::{
    Asks, Started, Yields, ask_and_reply, poll_inspected, start_and_await, start_and_feed,
    with_allocations, yield_values,
};
pub use crossings::{
    BridgeOf, DriverOf, PoolOf, blocked_error, drive_ready, drive_self_wake, iterator_items,
    jobs_in_flight, turns,
};
#[cfg(feature = "context")]
pub use eager::start_inline_in_context;
pub use eager::{Launch, start_and_block, start_inline};
pub use flood::{Flood, foreign_flood};
pub use floor::{floor_spawn_and_await, floor_spawn_and_run, floor_yield};
pub use foreign::{ForeignWakes, foreign_lockstep, yield_beside_idle_thread};
pub use gather::{
    BlockingOf, GatherOf, blocking_jobs, executor_tasks, gather_ready, gather_woken, plan_of_tasks,
};
pub use give_way::{GiveWay, give_way_among, switch_to_any, task_switch_ping_pong};
pub use interrupt::{interrupt_round_trip, yield_on_event_loop};
pub use locks::{LockOf, acquire_and_release, hand_over, lend_through_chain, lock_and_unlock};
pub use memory::idle_task_bytes;
pub use priority::yield_by_priority;
pub use queue::{QueueOp, queue_op};
pub use ring::token_ring;
pub use services::{
    Batches, Limiter, Schedule, batch_items, batch_of_threads, insert_and_cancel, limiter_below,
    limiter_crowd,
};
pub use spawn::{spawn_and_await, spawn_and_run};
pub use yields::yield_among;
