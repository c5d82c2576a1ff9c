//! Many things at once, or in turn.
//!
//! ```
//! use corokit_parallel_serial::{gather, try_gather};
//! use futures_lite::future::block_on;
//!
//! async fn length(word: &str) -> usize {
//!     word.len()
//! }
//!
//! block_on(async {
//!     // Any number of one type; results are in the order of the futures.
//!     let lengths = gather(["a", "few", "words"].map(length)).await;
//!     assert_eq!(lengths, [1, 3, 5]);
//!
//!     // A few of different types; the first error ends the others.
//!     let parsed = try_gather((async { "1".parse::<u8>() }, async { Ok("two") })).await;
//!     assert_eq!(parsed, Ok((1, "two")));
//! });
//! ```
//!
//! | what | how |
//! |---|---|
//! | all of them | [`gather`], [`try_gather`], [`gather_settled`], [`try_gather_tasks`] |
//! | one after the other as they come | [`as_completed`] |
//! | some of them, the others stay | [`wait`](wait()), [`select_slice`] |
//! | the first | [`race`], [`race_ok`], [`select`] |
//! | no longer than | `timeout`, `deadline`, `timeout_task` (feature `time`) |
//! | to the end, whoever gives up | [`shield`] |
//! | children that borrow | [`scope`] |
//! | on many cores, on loops that grow and shrink | `Fleet` (feature `fleet`) |
//! | again and again, async and blocking work, other threads | `Parallel`, `Serial` (feature `plan`) |
//!
//! # The model
//!
//! - **Nothing is spawned.** The futures run inside of whoever awaits them, on any executor, on one
//!   thread, and may borrow. What is to run by itself, or on other cores, is a task of an executor:
//!   its handle is a future like the others.
//! - **Turns.** A child is polled only when it was woken: a turn costs what the woken ones cost,
//!   however many there are. ([`gather`] polls up to thirty together, which costs less than to know
//!   which one it was; tuples are always polled together.)
//! - **Order.** The first turn polls the children in the order in which they were given, a later one
//!   in the order in which they were woken. A child that wakes itself has its next turn when the
//!   caller has its next one.
//! - **Cancelling** is dropping: of a future that gathers, all children; of what lost a race, before
//!   the winner is known. Only what is called a task goes on, where it says so.
//! - **Panics** of a child go to the caller, and are values for [`gather_settled`].
//!
//! Source: asyncio's `gather`, `wait`, `as_completed`, `shield`, `wait_for`, `TaskGroup`; a_sync's
//! `Parallel` and `Serial`.

#![forbid(unsafe_code)]

mod as_completed;
#[cfg(any(feature = "fleet", all(test, loom)))]
mod cancel;
mod children;
#[cfg(feature = "fleet")]
mod fleet;
mod gather;
mod handle;
#[cfg(any(feature = "fleet", all(test, loom)))]
#[cfg_attr(loom, allow(dead_code, reason = "models use a part of it"))]
mod inbox;
#[cfg(any(feature = "plan", feature = "fleet", all(test, loom)))]
#[cfg_attr(
    loom,
    allow(dead_code, unreachable_pub, reason = "models use a part of it")
)]
mod job_error;
#[cfg(all(test, loom))]
mod loom_tests;
#[cfg(any(feature = "plan", feature = "fleet", all(test, loom)))]
mod oneshot;
mod panicked;
#[cfg(feature = "plan")]
mod plan;
mod race;
mod scope;
mod select;
mod shield;
mod sync;
#[cfg(feature = "time")]
mod timeout;
mod wait;

pub use as_completed::{AsCompleted, as_completed};
#[cfg(feature = "time")]
pub use corokit_core::TimedOut;
#[cfg(feature = "fleet")]
pub use fleet::{Fleet, FleetBuilder, FleetTask, LoopLoad, Refused, Seat};
pub use gather::{
    Gather, GatherArray, Gatherable, TryGather, TryGatherArray, TryGatherTasks, TryGatherable,
    gather, gather_settled, kind, try_gather, try_gather_tasks, tuples,
};
pub use handle::TaskHandle;
#[cfg(any(feature = "plan", feature = "fleet"))]
pub use job_error::JobError;
pub use panicked::{Panicked, Settle};
#[cfg(feature = "progress-bar")]
pub use plan::progress_bar;
#[cfg(feature = "plan")]
pub use plan::{
    AtOnce, BlockingJob, BlockingPool, Failed, InTurn, Job, Jobs, Mixed, Order, Parallel, Plan,
    Progress, Serial, TaskJob, TryJobs, Unblock, blocking, task,
};
pub use race::{Race, RaceOk, race, race_ok};
pub use scope::{Join, Scope, ScopeRun, ScopeTask, scope};
pub use select::{
    OneOf2, OneOf3, OneOf4, OneOf5, OneOf6, Select2, Select3, Select4, Select5, Select6,
    SelectSlice, Selectable, select, select_slice,
};
pub use shield::{Shield, shield};
#[cfg(feature = "time")]
pub use timeout::{Timeout, deadline, timeout, timeout_task};
pub use wait::{ReturnWhen, Wait, WaitSet, Waited, wait};
