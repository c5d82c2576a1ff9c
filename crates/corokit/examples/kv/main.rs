//! A Redis-protocol server on corokit's event loop.
//!
//! ```text
//! cargo run --release -p corokit --example kv
//! redis-cli set greeting hello
//! ```
//!
//! It shows the parts of the toolkit at work:
//!
//! - the parser (`resp`) is a coroutine on a `Monitor`: it asks whoever drives it for bytes, and
//!   never touches a socket;
//! - every command is run by `eager`: one that does not block costs no task; `BLPOP` becomes one
//!   when it blocks, and dropping it is never having waited;
//! - `KEYS` and the like are cut into slices and run in a task of low priority, clients that only
//!   say `PING` have a high one: a scan of a million keys keeps nobody waiting;
//! - what happens is kept in a journal, written by a `Batcher` on a `Pool`; keys expire by a
//!   `Scheduler`, clients have a `RateLimiter`, and signals a `Shutdown`;
//! - connections, expiry and the listener are named tasks of one `EventLoop`: `redis-cli tasks`
//!   lists them.
//!
//! Where to begin reading: `connection.rs`, then `commands/mod.rs`.

mod client;
mod commands;
mod connection;
mod expiry;
mod glob;
mod import;
mod journal;
mod options;
mod remote;
mod resp;
mod server;
mod store;
#[cfg(test)]
mod tests;

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

use corokit::bg_utils::shutdown::Shutdown;
use corokit::priority::PriorityQueue;
use corokit::sched_loop::EventLoop;

use crate::options::{Job, SHORT_USAGE, USAGE};

fn main() -> ExitCode {
    match Job::from_args() {
        Ok(job) => match run(job) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("kv: {error}");
                ExitCode::FAILURE
            }
        },
        Err(error) => {
            eprintln!("kv: {error}\n\n{SHORT_USAGE}");
            ExitCode::from(2)
        }
    }
}

fn run(job: Job) -> Result<(), Box<dyn Error>> {
    match job {
        Job::Help => print!("{USAGE}"),
        Job::Serve(options) => {
            // Long commands are cut into steps that take longer than others, so there are fewer of them
            // between two looks at the sockets.
            let event_loop = EventLoop::builder()
                .queue(PriorityQueue::new())
                .steps_per_round(16)
                .build();
            // The first signal ends it in order, the second one at once.
            let (shutdown, signals) = Shutdown::on_signals()?;
            signals.spawn_thread()?;
            event_loop.run(server::run(options, shutdown))?;
            // Nobody may be there to read it.
            let _ = writeln!(io::stdout(), "kv has ended");
        }
        Job::Call(address, command) => remote::call(address, &command)?,
    }
    Ok(())
}
