//! The words and traits that all corokit crates share.
//!
//! ```
//! use corokit_core::{Position, TaskState};
//!
//! // A position counts the entries that run before it: 0 is next.
//! assert_eq!(Position::from(2), Position::Index(2));
//! assert_eq!(TaskState::Blocked.to_string(), "blocked");
//! ```
//!
//! This crate holds vocabulary, no machinery: no queue, no executor, no lock.
//!
//! | word | what it says |
//! |---|---|
//! | [`TaskId`] | which task: unique for the life of the process, never re-used |
//! | [`Position`] | where in a ready queue |
//! | [`Priority`] | how urgent: the lower, the sooner |
//! | [`TaskState`] | what a task is doing now |
//! | [`ReadyQueue`] | the policy that decides which entry runs next |
//! | [`LocalSpawn`], [`Spawn`] | some executor, for libraries that leave the choice to their users |
//! | `context` | task-local values (feature `context`) |
//! | `observe_waker` | what a future does with its waker (feature `waker`) |
//! | `NumberedWakers` | wakers for many futures, in one allocation (feature `waker`) |
//! | `Frame`, `frames_of` | where a future waits (feature `frames`) |
//! | `time` | the one clock and its timers (feature `time`, on async-io) |
//!
//! Without these features the crate is `no_std` and has no dependencies.

#![cfg_attr(
    not(any(feature = "context", feature = "frames", feature = "time")),
    no_std
)]
#![deny(unsafe_code)]

extern crate alloc;

#[cfg(feature = "context")]
pub mod context;
#[cfg(feature = "frames")]
mod frames;
mod position;
mod priority;
mod ready_queue;
mod spawn;
mod task_id;
mod task_state;
#[cfg(feature = "time")]
pub mod time;
mod timed_out;
#[cfg(feature = "waker")]
mod waker;

#[cfg(feature = "frames")]
pub use frames::{Frame, frames_of};
pub use position::Position;
pub use priority::{Priority, PriorityError};
pub use ready_queue::ReadyQueue;
pub use spawn::{LocalSpawn, Spawn};
pub use task_id::TaskId;
pub use task_state::TaskState;
pub use timed_out::TimedOut;
#[cfg(feature = "waker")]
pub use waker::{NumberedWakers, WakeNumbered, WakerObserver, observe_waker, observed};
