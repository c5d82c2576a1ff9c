//! Which task goes first.

pub use corokit_core::Priority;
