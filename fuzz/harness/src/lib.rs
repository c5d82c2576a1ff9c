//! What the fuzz targets do with the bytes that the fuzzer makes up.
//!
//! Each function here takes any bytes at all, reads operations from them and does them twice: with a part of
//! corokit, and with the naive model that the part's own tests use. It panics if the two differ. The programs in
//! `fuzz/fuzz_targets` hand it what libFuzzer invents, the test of this crate what lies in `fuzz/seeds`.
//!
//! ```
//! // A length that is none, in a protocol that has lengths.
//! corokit_fuzz_harness::resp(b"*1\r\n$-7\r\nPING\r\n");
//! ```

#![forbid(unsafe_code)]

mod bytes;
mod locks;
mod queues;
mod resp_parser;

#[path = "../../../crates/corokit/examples/kv/tests/feed.rs"]
mod feed;
#[path = "../../../crates/corokit/examples/kv/resp/mod.rs"]
#[expect(
    dead_code,
    unused_imports,
    reason = "the server needs more of it than its parser does"
)]
mod resp;

pub use locks::{mutex, rwlock, semaphore};
pub use queues::{bridge_queue, priority_queue, ready_queue};
pub use resp_parser::resp;

/// What takes the bytes of one input.
pub type Harness = fn(&[u8]);

/// Every harness, by the name of its fuzz target and of the folder of its seeds.
///
/// ```
/// assert!(corokit_fuzz_harness::ALL.iter().any(|(name, _)| *name == "resp"));
/// ```
pub const ALL: [(&str, Harness); 7] = [
    ("resp", resp),
    ("ready_queue", ready_queue),
    ("priority_queue", priority_queue),
    ("mutex", mutex),
    ("semaphore", semaphore),
    ("rwlock", rwlock),
    ("bridge_queue", bridge_queue),
];
