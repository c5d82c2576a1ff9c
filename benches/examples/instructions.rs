//! Pieces of work whose machine instructions are counted, a function `ir_NAME` for each.
//!
//! Instructions do not depend on how busy the machine is, so they show a change of some percent where times cannot.
//! `cargo xtask instructions` compares them with the table `benches/instructions.toml`. By hand:
//!
//! ```text
//! valgrind --tool=callgrind --callgrind-out-file=/dev/null --collect-atstart=no \
//!     --toggle-collect=ir_yield target/release/examples/instructions yield
//! ```
//!
//! prints `Collected : <instructions>`. Without a name all are run; `--list` prints the names.

use std::hint::black_box;

use corokit_benches::{
    Asks, ChannelOf, Corokit, DriverOf, GatherOf, Launch, LockOf, QueueOp, Started, Yields,
    acquire_and_release, ask_and_reply, ask_cache, drive_ready, gather_woken, hand_over,
    interrupt_round_trip, lend_through_chain, lock_and_unlock, put_and_get, queue_op,
    run_one_from_cold, spawn_and_await, spawn_and_run, start_and_await, start_and_block,
    start_inline, task_switch_ping_pong, token_ring, turns, yield_among, yield_by_priority,
    yield_on_event_loop, yield_values,
};

/// Makes a function that callgrind finds by its name of each piece of work, and a list of them all.
macro_rules! counted {
    ($($(#[$doc:meta])* $name:ident: $work:expr;)*) => {
        $(
            $(#[$doc])*
            #[unsafe(no_mangle)]
            #[inline(never)]
            pub extern "C" fn $name() {
                black_box($work);
            }
        )*

        const COUNTED: &[(&str, extern "C" fn())] = &[$((stringify!($name), $name)),*];
    };
}

counted! {
    /// A thousand tasks spawned at once and run, twice.
    ir_spawn: spawn_and_run::<Corokit>(1_000, 1);
    /// A thousand tasks, each awaited before the next is spawned.
    ir_join: spawn_and_await::<Corokit>(1_000);
    /// Ten tasks that yield a thousand times each.
    ir_yield: yield_among::<Corokit>(10, 1_000);
    /// A token that makes ten thousand hops round a ring of a hundred tasks.
    ir_ring: token_ring::<Corokit>(100, 10_000);
    /// A hundred executors, made, used for one task each, and dropped.
    ir_run_one: run_one_from_cold::<Corokit>(100);
    /// The states of ten thousand tasks, asked for in a queue of a hundred.
    ir_find: queue_op(QueueOp::Find, 100, 10_000);
    /// Ten thousand times a task out of a queue of a hundred, and put to the back.
    ir_remove: queue_op(QueueOp::RemoveAndInsertBack, 100, 10_000);
    /// Ten thousand times a task to the front of a hundred.
    ir_insert: queue_op(QueueOp::InsertFront, 100, 10_000);
    /// Ten thousand times a task to the middle of a hundred.
    ir_insert_at: queue_op(QueueOp::InsertAt(50), 100, 10_000);
    /// A thousand eager calls that do not block.
    ir_eager: start_inline(Launch::Eager, 1_000);
    /// A thousand eager calls that block once.
    ir_eager_blocks: start_and_block(Launch::Eager, 1_000);
    /// A thousand futures that never wait, driven without an executor.
    ir_await_sync: drive_ready(DriverOf::Corokit, 1_000);
    /// The same futures, awaited.
    ir_await_plain: drive_ready(DriverOf::PlainAwait, 1_000);
    /// A thousand polls of a member of a domain.
    ir_turn: turns(true, 1_000);
    /// Two tasks that switch to each other ten thousand times.
    ir_switch: task_switch_ping_pong(10_000);
    /// A task on the event loop that yields ten thousand times.
    ir_loop_yield: yield_on_event_loop(false, 10_000);
    /// A thousand interrupts of a task that waits.
    ir_interrupt: interrupt_round_trip(1_000);
    /// Ten thousand turns among a hundred tasks of four priorities.
    ir_priority_step: yield_by_priority(100, Some(4), 10_000);
    /// A thousand futures started in place that do not block.
    ir_start: start_and_await(Started::InPlace, 1_000);
    /// A thousand eager calls that do not block, beside any executor.
    ir_start_eager: start_and_await(Started::Eager, 1_000);
    /// A coroutine that asks its driver a thousand times.
    ir_monitor: ask_and_reply(Asks::Monitor, 1_000);
    /// A thousand values of a generator.
    ir_generator: yield_values(Yields::Generator, false, 1_000);
    /// A thousand values of a generator that may go to other threads.
    ir_generator_send: yield_values(Yields::Send, false, 1_000);
    /// A thousand times a free lock, in a task with a priority.
    ir_lock: lock_and_unlock(LockOf::Corokit, 1_000);
    /// A thousand times a free lock, outside of any task.
    ir_lock_no_task: lock_and_unlock(LockOf::CorokitNoTask, 1_000);
    /// Five hundred times a lock handed over by two waiters.
    ir_hand_over_2: hand_over(LockOf::Corokit, 2, 500);
    /// Ten times a lock handed over by a hundred waiters.
    ir_hand_over_100: hand_over(LockOf::Corokit, 100, 10);
    /// A thousand times a free permit.
    ir_permit: acquire_and_release(LockOf::Corokit, 1_000);
    /// A hundred times a priority lent through 64 locks, and taken back.
    ir_lend: lend_through_chain(64, 100);
    /// A thousand items into a queue and out of it.
    ir_queue: put_and_get(ChannelOf::Corokit, 1_000);
    /// A thousand items into a queue, and out of it a hundred at a time.
    ir_queue_many: put_and_get(ChannelOf::CorokitMany, 1_000);
    /// Ten thousand values that a cache has.
    ir_cache_hit: ask_cache(1_000, 2_000, 10_000);
    /// Thirty thousand values that a cache has not.
    ir_cache_miss: ask_cache(20_000, 1_000, 10_000);
    /// Ten futures gathered, all woken at once, again and again.
    ir_gather_10: gather_woken(GatherOf::Corokit, 10, 10);
    /// A hundred of them.
    ir_gather_100: gather_woken(GatherOf::Corokit, 100, 100);
}

fn main() {
    corokit_benches::stop_clocks();
    let names: Vec<String> = std::env::args().skip(1).collect();
    if names.iter().any(|name| name == "--list") {
        for (name, _) in COUNTED {
            println!("{}", short(name));
        }
        return;
    }
    for name in &names {
        if COUNTED.iter().all(|(counted, _)| short(counted) != name) {
            eprintln!("no function ir_{name}; --list prints the names");
            std::process::exit(2);
        }
    }
    for (name, counted) in COUNTED {
        if names.is_empty() || names.iter().any(|wanted| wanted == short(name)) {
            counted();
        }
    }
}

/// Takes the prefix off that tells the functions from all others in the program.
fn short(name: &str) -> &str {
    name.strip_prefix("ir_").unwrap_or(name)
}
