//! Items collected into batches, by number or by time: one write to the database for a hundred rows.
//!
//! ```
//! use corokit_bg_utils::batcher::{Batch, Batcher};
//! use futures_lite::future;
//! use std::time::Duration;
//!
//! let (batcher, driver) = Batcher::builder()
//!     .max(100)
//!     .wait(Duration::from_secs(10))
//!     .build(async |rows: Batch<u32>| {
//!         println!("insert {} rows", rows.len());
//!         Ok::<_, std::io::Error>(())
//!     });
//! let pushes = async {
//!     for row in 0..250 {
//!         batcher.push(row).await.unwrap();
//!     }
//!     batcher.close();
//! };
//! let ((), report) = future::block_on(future::zip(pushes, driver));
//! assert_eq!((report.batches, report.items), (3, 250));
//! ```
//!
//! # The model
//!
//! ```text
//! push ──► queue ──► batch ──► handler ──► done, or reported with what is left of its items
//!                      │
//!                      └ goes when it has `max` items, or `wait` after its first one came,
//!                        or at once: on flush, on close
//! ```
//!
//! - **Driver**: nothing runs by itself. [`Builder::build`] returns a handle and a driver, which is a
//!   future to be spawned or awaited; it sets the timer and runs the handlers.
//! - **Time** counts from the first item of each batch, to the instant; one timer.
//! - **Order**: batches are handled in the order in which their items were pushed. With
//!   [`in_flight`](Builder::in_flight) of 1 they are done in that order as well, and never two at
//!   once.
//! - **Backpressure**: the queue is bounded, and a push waits for room, first come first served.
//! - **End**: when the batcher is closed, or its last handle dropped, what is queued goes at once,
//!   and the driver completes with a [`Report`].
//! - **Failure**: a handler that returns an error or panics costs its own batch, which is reported
//!   with the items it left; later batches go on.
//! - **Cancelling**: if the driver is dropped, pushes and flushes end with an error, and what was not
//!   handled can be had back. Nothing hangs, and nothing is lost silently.
//!
//! [`batches`] does the same for a stream, without a driver.
//!
//! Source: `async_utils.waterfall`, whose waits are up to twice as long as they are to be, and which
//! loses its batch when it is cancelled.

mod batch;
mod builder;
mod driver;
mod handle;
#[cfg(all(test, loom))]
mod loom_tests;
mod state;
mod stream;

pub use batch::{Batch, FailedBatch, Failure, Report};
pub use builder::Builder;
pub use driver::Driver;
pub use handle::{Batcher, Flush, Push, TryPushError, Unflushed};
pub use stream::{Batches, batches};
