//! What long-running programs need.
//!
//! One cargo feature for each module; none is on by default.
//!
//! | module | what it is |
//! |---|---|
//! | `flight` | callers that ask for the same thing at the same time share one execution |
//! | `lru` | a bounded map that forgets what was not used for longest, with a time to live or without |
//! | `cache` | what async functions return, kept: capacity, time to live, single flight |
//! | `group` | background tasks that end together, on any executor; many items of a stream at a time |
//! | `merge` | streams as one, what is ready as one, futures as they complete |

#![forbid(unsafe_code)]

#[cfg(all(feature = "cache", not(loom)))]
pub mod cache;
#[cfg(feature = "flight")]
pub mod flight;
#[cfg(all(feature = "group", not(loom)))]
pub mod group;
#[cfg(all(any(feature = "group", feature = "merge"), not(loom)))]
mod guarded;
#[cfg(all(feature = "lru", not(loom)))]
pub mod lru;
#[cfg(all(feature = "merge", not(loom)))]
pub mod merge;
