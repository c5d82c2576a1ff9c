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
    Corokit, DriverOf, Launch, QueueOp, drive_ready, queue_op, run_one_from_cold, spawn_and_await,
    spawn_and_run, start_and_block, start_inline, task_switch_ping_pong, token_ring, turns,
    yield_among,
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
