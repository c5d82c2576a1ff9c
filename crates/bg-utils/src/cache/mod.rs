//! What async functions return, kept: capacity, time to live, single flight.
//!
//! ```
//! use corokit_bg_utils::cache::Cache;
//! use futures_lite::future::{block_on, yield_now, zip};
//! use std::cell::Cell;
//!
//! let cache = Cache::new(1_000);
//! let queries = Cell::new(0);
//! let user = async |id: u64| {
//!     let query = async || {
//!         queries.set(queries.get() + 1);
//!         yield_now().await;
//!         format!("user {id}")
//!     };
//!     cache.get_or_init(id, query).await
//! };
//! // Two at the same time, and one later.
//! assert_eq!(block_on(zip(user(7), user(7))), ("user 7".into(), "user 7".into()));
//! assert_eq!(block_on(user(7)), "user 7");
//! assert_eq!(queries.get(), 1);
//! ```
//!
//! # The model
//!
//! - **Entry**: a value that is there. It counts for the capacity, and lives for its time to live,
//!   from the instant at which it came. The entry that goes when there is no room is exactly the one
//!   not used for longest; reading is using, [`peek`](Cache::peek) is not.
//! - **Flight**: a value that is on its way. Callers of its key wait for it, however old it is; it
//!   does not count for the capacity, and is never forgotten for want of room. What happens to a
//!   flight whose driver is dropped or panics is told in [`flight`](crate::flight): the others go
//!   on, and never hear of it.
//! - **Errors** go to everybody who had joined the flight, by one execution. Whether they are kept
//!   is for [`ErrorPolicy`] to say.
//! - **Removing** a key, or writing it by hand, ends nobody's wait, but the flight under way is
//!   old from then on: its value is not kept, and who comes next begins another.
//! - **Time**: there are no timers. Each access looks at the clock, `corokit_core::time`, if anything
//!   may expire; each new entry takes up to two with it that have expired.
//! - **Threads**: a cache may be shared by tasks of any executors, on any threads. One that is used
//!   by one thread alone takes values that are not `Send`.
//! - **Locks**: keys are compared, and values that are there are cloned, under a lock: these two
//!   must not use the cache. Keys and values are dropped, hashed and computed without one. Values
//!   that are dear to clone are better off in an `Arc`.

mod builder;
mod core;
mod memo;
mod prefetch;
mod shared;

pub use builder::{Builder, ErrorPolicy};
pub use memo::{By, Fallible, Function, Itself, KeyOf, Memo, Plain};
pub use prefetch::PrefetchError;
pub use shared::Cache;
