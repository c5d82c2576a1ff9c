//! The scheduler beside its peers: spawning, waking, yielding, foreign wakes, memory.
//!
//! `cargo bench -p corokit-benches --bench scheduler`; with `-- --help` the options.

mod against_peers;
mod eager;
mod interrupts;
mod priorities;
mod ready_queue;

use corokit_benches::{CountingAllocator, Options, run_all};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

fn main() -> std::io::Result<()> {
    let options = Options::from_env(15, 1);
    let mut benches = against_peers::benches(&options);
    benches.extend(ready_queue::benches(&options));
    benches.extend(eager::benches(&options));
    benches.extend(interrupts::benches(&options));
    benches.extend(priorities::benches(&options));
    run_all("scheduler", benches, &options)
}
