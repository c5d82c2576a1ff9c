//! Which task goes first.

#![forbid(unsafe_code)]

mod queue;

pub use corokit_core::Priority;
pub use queue::{Ageing, PriorityQueue};
