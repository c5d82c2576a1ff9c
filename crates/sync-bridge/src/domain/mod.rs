//! Atomicity between awaits, across threads.

#[cfg(feature = "domain")]
mod cell;
#[cfg(feature = "domain")]
mod handle;
mod line;
#[cfg(all(test, loom))]
mod loom_tests;
#[cfg(feature = "domain")]
mod member;
#[cfg(feature = "domain")]
mod turn;

#[cfg(feature = "domain")]
pub use {cell::DomainCell, handle::Domain, member::Member, turn::Turn};
