//! Crosses between blocking and async code, both ways.

#![forbid(unsafe_code)]

#[cfg(feature = "waiters")]
pub mod waiters;
