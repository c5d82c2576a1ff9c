//! A corokit program, live in tokio-console.
//!
//! ```text
//! RUSTFLAGS="--cfg console_without_tokio_unstable" \
//!     cargo run --package corokit-tracing-examples --example console -- 60
//! tokio-console          # in another terminal; cargo install tokio-console
//! ```
//!
//! The number is how many seconds it runs. The cfg tells console-subscriber that there is no tokio
//! to ask for anything, and lets it be built at all.

mod program;

#[cfg(console_without_tokio_unstable)]
fn main() {
    use std::time::Duration;

    let seconds = std::env::args().nth(1);
    let seconds = seconds.map_or(Ok(60), |text| text.parse());
    let seconds = seconds.expect("the argument is a number of seconds");
    // The subscriber serves tokio-console from a thread of its own.
    console_subscriber::init();
    corokit_sched_loop::run(program::run(Duration::from_secs(seconds)));
}

#[cfg(not(console_without_tokio_unstable))]
fn main() {
    // Without the subscriber there is nothing to see; what would run is compiled all the same.
    let _ = program::run;
    eprintln!("build this with RUSTFLAGS=\"--cfg console_without_tokio_unstable\"");
    std::process::exit(2);
}
