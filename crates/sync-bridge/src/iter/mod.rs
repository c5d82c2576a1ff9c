//! Iterators that block as streams, and streams as iterators.

#[cfg(feature = "iter")]
mod block;
mod bridge;
#[cfg(all(test, loom))]
mod loom_tests;
mod reader;
#[cfg(feature = "iter")]
mod unblock;

#[cfg(feature = "iter")]
pub use {
    block::{BlockIter, block_iter},
    unblock::{IntoInner, UnblockIter, unblock_iter},
};
