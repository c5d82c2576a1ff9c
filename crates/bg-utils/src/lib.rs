//! What long-running programs need: rates, batches, schedules, background loops, an orderly end.
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
//! | `loop_thread` | an event loop in a background thread, for futures that are not `Send` |
//! | `rate_limiter` | at most so many in a stretch of time, first come first served |
//! | `batcher` | items collected into batches, by number or by time |
//! | `lockout` | nobody goes on before an instant |
//! | `runner` | runs jobs at their times, once or again and again, also by patterns of cron |
//! | `scheduler` | a queue whose items come out at their times |
//! | `shutdown` | an orderly end, in stages; with the feature `signal` on SIGINT and SIGTERM |

#![forbid(unsafe_code)]

#[cfg(feature = "batcher")]
pub mod batcher;
#[cfg(feature = "time")]
#[allow(dead_code, unused_imports, reason = "each module uses a part of it")]
mod clock;
#[cfg(any(feature = "batcher", feature = "loop-thread", feature = "scheduler"))]
mod closed;
#[cfg(feature = "line")]
#[allow(dead_code, reason = "each module uses a part of it")]
mod line;
#[cfg(all(feature = "lockout", not(loom)))]
pub mod lockout;
#[cfg(feature = "loop-thread")]
pub mod loop_thread;
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
    feature = "loop-thread",
    feature = "shutdown"
))]
mod sync;
#[cfg(feature = "time")]
mod timed_out;

#[cfg(any(feature = "batcher", feature = "loop-thread", feature = "scheduler"))]
pub use closed::Closed;
#[cfg(feature = "time")]
pub use timed_out::TimedOut;
