//! An orderly end: everybody hears of it, everything is closed in order and in time.
//!
//! ```
//! use corokit_bg_utils::shutdown::{Shutdown, Stages};
//! use futures_lite::future;
//! use std::time::Duration;
//!
//! # #[cfg(feature = "signal")]
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // Ctrl-C and SIGTERM trigger it; another one ends the process at once.
//! let (shutdown, signals) = Shutdown::on_signals()?;
//! signals.force_after(Duration::from_secs(30)).spawn_thread()?;
//!
//! future::block_on(async {
//!     let start = async |stages: &mut Stages| {
//!         stages.stage("close the database", async || println!("closed"));
//!         Ok::<_, std::io::Error>("the server")
//!     };
//!     let stages = Stages::new().each(Duration::from_secs(5));
//!     let (server, stages) = stages.start(start).await?;
//!     # shutdown.trigger("so that this example ends");
//!     let reason = shutdown.wait().await;
//!     println!("{server} ends because of {reason}");
//!     // Connections that are being served hold it up.
//!     shutdown.done().await;
//!     println!("{}", stages.run().await);
//!     Ok(())
//! })
//! # }
//! # #[cfg(not(feature = "signal"))]
//! # fn main() {}
//! ```
//!
//! # The model
//!
//! ```text
//!   start ──────────► running ──────────► triggered ──────────► drained ───────► ended
//!     │ a step fails     signal, or trigger()       all holds are dropped     all stages ran
//!     ▼                                         │
//!   rolled back: what was started is undone     └─ a second signal, or force_after: exit
//! ```
//!
//! - [`Shutdown`] is what everybody has a clone of, on every thread and loop: they wait for it, or
//!   [guard](Shutdown::guard) what they do with it. It is triggered once, with one [`Reason`].
//! - A [token](Shutdown::token) is triggered with it, and can be triggered alone.
//! - A [`Hold`] says that somebody is not done yet.
//! - [`Stages`] are what is to be done at the end: all of them, in order, each within its time.
//! - With the feature `signal`, `Signals` triggers it.
//!
//! Source: `async_utils.sig_service`, where the first callback that fails ends everything, a second
//! signal is ignored, and any signal that has a handler counts.

mod handle;
#[cfg(all(test, loom))]
mod loom_tests;
mod node;
mod reason;
mod report;
#[cfg(all(feature = "signal", not(loom)))]
mod signal;
mod stages;

#[cfg(all(feature = "signal", not(loom)))]
pub use async_signal::Signal;
pub use handle::{Done, Guard, Hold, Shutdown, Wait};
pub use reason::Reason;
pub use report::{Outcome, Report, StageReport};
#[cfg(all(feature = "signal", not(loom)))]
pub use signal::Signals;
pub use stages::{RolledBack, StageOutput, Stages};
