//! What long-running programs need: rates, batches, schedules, caches, background loops, an orderly end.
//!
//! ```
//! # #[cfg(feature = "rate-limiter")] {
//! use corokit_bg_utils::rate_limiter::RateLimiter;
//! use std::num::NonZeroU32;
//! use std::time::Duration;
//!
//! // At most two in each second, whoever asks, in the order in which they ask.
//! let limiter = RateLimiter::window(NonZeroU32::new(2).unwrap(), Duration::from_secs(1));
//! assert!(limiter.try_acquire().is_ok());
//! assert!(limiter.try_acquire().is_ok());
//! let wait = limiter.try_acquire().unwrap_err();
//! assert!(wait <= Duration::from_secs(1));
//! # }
//! ```
//!
//! Each module is a cargo feature of the same name, and brings only what it needs itself. All of it
//! runs on any executor, or none: nothing spawns by itself, and what needs to run beside the program
//! is a future that the program spawns.
//!
//! | module | what it is |
//! |---|---|
//! | `batcher` | items collected into batches, by number or by time |
//! | `cache` | what async functions return, kept: capacity, time to live, single flight |
//! | `flight` | callers that ask for the same thing at the same time share one execution |
//! | `group` | background tasks that end together, on any executor; many items of a stream at a time |
//! | `lockout` | nobody goes on before an instant |
//! | `loop_thread` | an event loop in a background thread, for futures that are not `Send` |
//! | `lru` | a bounded map that forgets what was not used for longest, with a time to live or without |
//! | `merge` | streams as one, what is ready as one, futures as they complete |
//! | `rate_limiter` | at most so many in a stretch of time, first come first served |
//! | `runner` | runs jobs at their times, once or again and again, also by patterns of cron |
//! | `scheduler` | a queue whose items come out at their times |
//! | `shutdown` | an orderly end, in stages; with the feature `signal` on SIGINT and SIGTERM |

#![forbid(unsafe_code)]

#[cfg(feature = "batcher")]
pub mod batcher;
#[cfg(all(feature = "cache", not(loom)))]
pub mod cache;
#[cfg(feature = "time")]
#[allow(dead_code, unused_imports, reason = "each feature uses a part of it")]
mod clock;
#[cfg(any(
    feature = "batcher",
    feature = "group",
    feature = "loop-thread",
    feature = "scheduler"
))]
mod closed;
#[cfg(feature = "flight")]
pub mod flight;
#[cfg(feature = "group")]
pub mod group;
#[cfg(all(any(feature = "group", feature = "merge"), not(loom)))]
mod guarded;
#[cfg(feature = "line")]
#[allow(dead_code, reason = "each feature uses a part of it")]
mod line;
#[cfg(all(feature = "lockout", not(loom)))]
pub mod lockout;
#[cfg(feature = "loop-thread")]
pub mod loop_thread;
#[cfg(all(feature = "lru", not(loom)))]
pub mod lru;
#[cfg(all(feature = "merge", not(loom)))]
pub mod merge;
#[cfg(all(feature = "rate-limiter", not(loom)))]
pub mod rate_limiter;
#[cfg(all(feature = "runner", not(loom)))]
pub mod runner;
#[cfg(all(feature = "scheduler", not(loom)))]
pub mod scheduler;
#[cfg(feature = "shutdown")]
pub mod shutdown;
#[cfg(any(
    feature = "line",
    feature = "batcher",
    feature = "flight",
    feature = "group",
    feature = "loop-thread",
    feature = "shutdown"
))]
mod sync;
#[cfg(any(feature = "loop-thread", all(feature = "runner", not(loom))))]
mod turns;

#[cfg(any(
    feature = "batcher",
    feature = "group",
    feature = "loop-thread",
    feature = "scheduler"
))]
pub use closed::Closed;
#[cfg(feature = "time")]
pub use corokit_core::TimedOut;

/// Compiles and runs the example of the README.
#[cfg(all(doctest, feature = "rate-limiter"))]
#[doc = include_str!("../README.md")]
struct Readme;
