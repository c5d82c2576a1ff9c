//! Threads for what blocks.
//!
//! None of the pools that there are fits: `blocking` keeps every thread it ever started, has one
//! pool for the process, and no limits or figures for a part of a program; `threadpool` and `rayon`
//! have a fixed number of threads, on which jobs that block starve the others.

#[cfg(feature = "pool")]
mod builder;
mod cell;
mod config;
mod cpu;
#[cfg(all(test, loom))]
mod crew_loom_tests;
mod error;
#[cfg(feature = "pool")]
mod handle;
#[cfg(feature = "pool")]
mod job;
#[cfg(feature = "pool")]
mod join;
#[cfg(all(test, loom))]
mod loom_tests;
mod shared;
#[cfg(feature = "pool")]
mod stats;
mod worker;

pub use error::{JobError, TryRunError};
#[cfg(feature = "iter")]
pub(crate) use shared::wait_for_a_job;
#[cfg(feature = "pool")]
pub use {
    builder::PoolBuilder,
    handle::{Pool, pool_wait},
    job::Job,
    join::Join,
    stats::PoolStats,
};
