//! Crosses between blocking and async code, both ways.

#![forbid(unsafe_code)]

#[cfg(all(feature = "deadline", not(loom)))]
mod deadline;
#[cfg(any(feature = "flag", loom))]
mod flag;
#[cfg(any(feature = "oneshot", loom))]
pub mod oneshot;
#[cfg(all(any(feature = "oneshot", feature = "flag"), not(loom)))]
mod park;
#[cfg(any(feature = "oneshot", feature = "flag", loom))]
mod sync;
#[cfg(any(feature = "waiters", loom))]
pub mod waiters;

#[cfg(all(feature = "deadline", not(loom)))]
pub use deadline::{TimedOut, block_on_until};
#[cfg(any(feature = "flag", loom))]
pub use flag::{Flag, Wait};
