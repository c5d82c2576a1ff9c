//! Iterators that block as streams, and streams as iterators.

mod block;
mod bridge;
mod unblock;

pub use block::{BlockIter, block_iter};
pub use unblock::{IntoInner, UnblockIter, unblock_iter};
