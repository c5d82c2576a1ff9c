//! All of them, results in the order in which they were given.

mod array;
mod list;
mod tasks;
mod tuple;

pub use array::{GatherArray, TryGatherArray};
pub use list::{Gather, TryGather};
pub use tasks::{TryGatherTasks, try_gather_tasks};

/// The futures of [`gather`] and [`try_gather`] for tuples.
pub mod tuples {
    pub use super::tuple::*;
}

use crate::panicked::Settle;

/// How futures are handed to [`gather`]: what is behind its second type parameter. Programs never
/// name these.
pub mod kind {
    /// An iterator of futures.
    #[derive(Debug)]
    pub enum Iter {}
    /// A vector of futures.
    #[derive(Debug)]
    pub enum List {}
    /// An array of futures.
    #[derive(Debug)]
    pub enum Array {}
    /// A tuple of futures.
    #[derive(Debug)]
    pub enum Tuple {}
}

/// What [`gather`] and [`gather_settled`] take: iterators, vectors, arrays and tuples of futures.
///
/// `Kind` keeps them apart, and is always inferred.
pub trait Gatherable<Kind> {
    /// The future of all outputs.
    type Gather: Future;
    /// The future of all outputs, panics among them.
    type Settled: Future;

    /// Does what [`gather`] does.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_parallel_serial::Gatherable;
    /// use futures_lite::future::block_on;
    ///
    /// assert_eq!(block_on([async { 1 }].gather()), [1]);
    /// ```
    fn gather(self) -> Self::Gather;

    /// Does what [`gather_settled`] does.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_parallel_serial::Gatherable;
    /// use futures_lite::future::block_on;
    ///
    /// let [only] = block_on([async { 1 }].settle());
    /// assert_eq!(only.unwrap(), 1);
    /// ```
    fn settle(self) -> Self::Settled;
}

/// What [`try_gather`] takes: iterators, vectors, arrays and tuples of futures of [`Result`]s with
/// one type of error.
pub trait TryGatherable<Kind> {
    /// The future of all values, or of an error.
    type TryGather: Future;

    /// Does what [`try_gather`] does.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_parallel_serial::TryGatherable;
    /// use futures_lite::future::block_on;
    ///
    /// assert_eq!(block_on([async { Ok::<_, ()>(1) }].try_gather()), Ok([1]));
    /// ```
    fn try_gather(self) -> Self::TryGather;
}

/// Runs futures together and gives all outputs, in the order in which the futures were given.
///
/// An iterator or a vector gives a `Vec`, an array an array, a tuple a tuple (of up to twelve futures
/// of different types). They run inside of whoever awaits them: nothing is spawned, and they may
/// borrow. Of more than thirty, each is polled only when it was woken, so that a turn costs what the
/// woken ones cost; fewer are polled together, which is cheaper.
///
/// Source: `asyncio.gather`. There, futures that were given twice run once; here that cannot be
/// said.
///
/// # Panics
///
/// A panic of a future goes to the caller, and the others are dropped with the call. See
/// [`gather_settled`].
///
/// # Cancel safety
///
/// Dropping it drops all futures, and the outputs there are.
///
/// # Examples
///
/// ```
/// use corokit_parallel_serial::gather;
/// use futures_lite::future::block_on;
///
/// block_on(async {
///     let squares = gather((1..4).map(|n| async move { n * n })).await;
///     assert_eq!(squares, [1, 4, 9]);
///
///     let (name, age) = gather((async { "Ada" }, async { 36 })).await;
///     assert_eq!((name, age), ("Ada", 36));
/// });
/// ```
pub fn gather<Kind, G: Gatherable<Kind>>(futures: G) -> G::Gather {
    futures.gather()
}

/// As [`gather`], for futures of [`Result`]s: gives all values, or the first error. Then the other
/// futures are dropped before the error is returned.
///
/// First is first in time: of several that fail before the caller has its turn, the one that was
/// woken first. (In a tuple, the one that is named first.)
///
/// Source: `asyncio.gather`, `asyncio.TaskGroup`. With `asyncio.gather` the others go on:
/// [`try_gather_tasks`].
///
/// # Errors
///
/// The first error of a future.
///
/// # Panics
///
/// As [`gather`].
///
/// # Cancel safety
///
/// As [`gather`].
///
/// # Examples
///
/// ```
/// use corokit_parallel_serial::try_gather;
/// use futures_lite::future::{self, block_on};
///
/// let good = try_gather(["1", "2"].map(|text| async { text.parse::<u32>() }));
/// assert_eq!(block_on(good), Ok([1, 2]));
///
/// let bad = try_gather((future::pending::<Result<(), _>>(), async { Err::<(), _>("no") }));
/// assert_eq!(block_on(bad), Err("no"));
/// ```
pub fn try_gather<Kind, G: TryGatherable<Kind>>(futures: G) -> G::TryGather {
    futures.try_gather()
}

/// As [`gather`], with panics among the outputs: each is `Ok`, or [`Panicked`](crate::Panicked). The
/// others go on.
///
/// For futures of [`Result`]s, [`gather`] alone already gives all errors.
///
/// Source: `asyncio.gather(.., return_exceptions=True)`.
///
/// # Cancel safety
///
/// As [`gather`].
///
/// # Examples
///
/// ```
/// use corokit_parallel_serial::gather_settled;
/// use futures_lite::future::block_on;
///
/// let (one, two) = block_on(gather_settled((async { 1 }, async { panic!("no") as u32 })));
/// assert_eq!(one.unwrap(), 1);
/// assert_eq!(two.unwrap_err().message(), "no");
/// ```
pub fn gather_settled<Kind, G: Gatherable<Kind>>(futures: G) -> G::Settled {
    futures.settle()
}

/// An iterator whose futures are settled.
fn settled<F>(futures: impl IntoIterator<Item = F>) -> impl Iterator<Item = Settle<F>> {
    futures.into_iter().map(Settle::new)
}
