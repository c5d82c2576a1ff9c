//! Streams as one, what is ready as one, futures as they complete.
//!
//! ```
//! use corokit_bg_utils::merge::merge;
//! use futures_lite::future::block_on;
//! use futures_lite::{StreamExt, stream};
//!
//! let letters = stream::iter("abc".chars());
//! let digits = stream::iter("12".chars());
//! let both = merge((letters, digits)).collect::<String>();
//! // Each source that is ready is served once before any is served again.
//! assert_eq!(block_on(both), "a1b2c");
//! ```
//!
//! | function | what it makes |
//! |---|---|
//! | [`merge`] | one stream of many, of one type or of several |
//! | [`stop_on_err`](Merge::stop_on_err), [`errs_last`](Results::errs_last), [`ok_only`](Results::ok_only) | what becomes of errors |
//! | [`ready_chunks`](ReadyChunks::ready_chunks) | a stream of all that is ready at a time |
//! | [`as_completed`] | a stream of what futures return, in the order of completion |
//!
//! # The model
//!
//! - **Wake lists**: only sources and futures that were woken are polled, however many there are.
//! - **Order**: those that are ready are served first come, first served, and each once before any
//!   is served again, so that a fast source starves no other.
//! - **Laziness**: nothing begins before the first poll. A source is polled for an item that is
//!   returned at once: nothing is held back, and so nothing is lost when the stream is dropped.
//! - **Panics**: a source or future that panics is out. The panic comes out of the stream, once; the
//!   others are still there.
//! - **Dropping** the stream drops all sources and futures. There is no closing protocol.

mod chunks;
mod completed;
mod merged;
mod results;
mod tuples;

pub use chunks::{Chunks, ReadyChunks};
pub use completed::{AsCompleted, as_completed};
pub use merged::{Merge, Sources, merge};
pub use results::{ErrsLast, OkOnly, Results, StopOnErr};
pub use tuples::OneOf;
