//! Tests that own time and order: a virtual clock, exploration of schedules, replay, fault
//! injection.
//!
//! ```
//! use corokit_sched_loop::{sleep, spawn};
//! use std::time::Duration;
//!
//! // A hundred orders of the tasks, and not a second of waiting.
//! corokit_lab::check(100, |lab| async move {
//!     let quick = spawn(sleep(Duration::from_secs(1)));
//!     let slow = spawn(sleep(Duration::from_secs(3_600)));
//!     quick.await;
//!     assert!(!slow.is_finished());
//!     slow.await;
//!     assert_eq!(lab.elapsed(), Duration::from_secs(3_600));
//! });
//! ```
//!
//! # The model
//!
//! - **Body**: the test, a function that returns a future. It runs as a task named `main` on an
//!   event loop of its own, and uses the functions of `corokit_sched_loop`. The run ends when the
//!   body does; what is left is cancelled.
//! - **Time** stands still while anything is runnable, and jumps to the next timer when everything
//!   is blocked. Whatever takes its time from `corokit_core::time` obeys: timers, timeouts,
//!   deadlines. If nothing is runnable and no timer is left, the run has failed: a deadlock, with
//!   the list of the tasks.
//! - **Order**: at each step the lab chooses one of the tasks that are ready. Only what the program
//!   has asked for by a position, such as `task_switch`, is left as it asks. What a strategy chooses
//!   is random only in its seed, so every run can be repeated.
//! - **Failure**: a run fails if the body or one of its tasks panics, whether or not anybody
//!   [hears of it](Options::allow_panics), or an [invariant](Lab::always) does; if it comes to a deadlock; if it does not end within
//!   [a number of steps](Options::max_steps). The failure shows what happened, and a [`Token`] that
//!   brings it back: with [`replay`], or with the environment variable `COROKIT_LAB_TOKEN` for a
//!   test that is run alone.
//! - **Threads**: there is one. What other threads do cannot be repeated: a wake-up from one fails
//!   the run. Let tasks stand for threads.
//!
//! | what | how |
//! |---|---|
//! | one run, one seed | [`run`] |
//! | many orders | [`check`], and [`Options::strategy`] |
//! | all orders of a small program | [`exhaustive`] |
//! | a failure once more | [`replay`] |
//! | a future dropped at every point | [`cancel_everywhere`], [`panic_everywhere`] |
//! | wake-ups without a reason, timers that are early | [`Options::spurious_wakes`], [`Options::delays`] |
//! | what happened, to assert on | [`Options::trace`] |
//!
//! Two environment variables make every [`check`] go on for longer than the test asks, for runs by night:
//! `COROKIT_LAB_SCHEDULES` is how many schedules it tries at least, `COROKIT_LAB_SECONDS` how much real time it
//! may spend on those that the test did not ask for. Of the latter alone, as many are tried as fit into the time.
//!
//! The panic hook of the process is wrapped at the first run, so that panics of tasks are noticed.

#![forbid(unsafe_code)]

mod clock;
mod explore;
mod failure;
mod functions;
mod lab;
mod more;
mod options;
mod panics;
mod plan;
mod queue;
mod run;
mod token;
mod trace;
mod victim;

pub use explore::Explored;
pub use failure::{Failure, FailureKind};
pub use functions::{cancel_everywhere, check, exhaustive, panic_everywhere, replay, run};
pub use lab::Lab;
pub use options::{Options, Run, Strategy};
pub use token::{Token, TokenError};
pub use trace::{Event, Happening};
pub use victim::Victim;
