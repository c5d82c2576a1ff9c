//! corokit beside its peers: the same work by each, in turn, in one run.
//!
//! ```
//! use corokit_benches::{AsyncExecutor, Bench, Line, Options, Role, floor_yield, yield_among};
//!
//! let options = Options::parse(["--quick"], 11, 3).unwrap();
//! let reports = Bench::new("yield among 10 tasks")
//!     .line(Line::new("", "ns per step"))
//!     .contestant("async-executor", Role::Peer, || vec![yield_among::<AsyncExecutor>(10, 10)])
//!     .contestant("floor", Role::Floor, || vec![floor_yield(10, 10)])
//!     .run(&options);
//! print!("{}", reports[0].to_text());
//! # assert!(reports[0].rows.iter().all(|row| row.summary.median > 0.0));
//! ```
//!
//! **How it is measured.** In every round each contestant runs once, in a new random order from a seed that is printed; what
//! counts is the median over the rounds of the processor time of the thread that did the work. The first round is thrown away.
//! Ratios between two medians of one run may be compared between machines, the figures themselves may not.
//!
//! **What is measured.** The functions of this crate, each generic over [`Executor`], each with its unit.
//!
//! **How it is run.** `cargo xtask bench` runs all areas, `cargo xtask bench scheduler` one of them; `cargo xtask bench scheduler
//! --help` lists what can be asked for. Each run is kept as JSON, whose schema the package in `figures` documents and from which it
//! makes the page and the pictures of the guide.
//!
//! **Who takes part.** The runtimes on io_uring only with the feature `uring`, which the runner switches on; the Python originals where
//! there is a Python, which `benches/python/originals.py` asks for; `kv` where there is a redis-server. Who cannot take part is told,
//! and the others go on.

#![deny(unsafe_code)]

mod affinity;
mod alloc;
mod bench;
mod clock;
mod executors;
mod options;
pub mod overload;
mod record;
mod report;
mod stats;
mod target;
mod workloads;

pub use alloc::{Allocations, CountingAllocator, LiveBytes};
pub use bench::{Bench, Line, run_all};
pub use clock::{Stopwatch, per_op, stop_clocks, thread_cpu_ns};
pub use executors::{
    AsyncExecutor, BareAsyncTask, Corokit, Executor, FuturesLocalPool, TokioLocalRuntime,
    TokioLocalSet,
};
#[cfg(all(feature = "uring", target_os = "linux"))]
pub use executors::{Glommio, Monoio, MonoioJoin};
pub use options::{HELP, MIN_ROUNDS, Options};
pub use record::{record, recorded};
pub use report::{Report, Row, summary_of_targets};
pub use stats::{Summary, slope};
pub use target::{Better, Bound, OURS, Role, Target, Verdict};
pub use workloads::*;
