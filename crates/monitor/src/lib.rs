//! A coroutine talks to whoever drives it, or yields values to it, on any executor or none.
//!
//! A parser that needs more bytes, a dialogue that needs an answer, a test that plays the outside
//! world: the code that needs something simply asks for it and awaits the reply, however deep it
//! is nested. The code that drives it decides where the reply comes from, and whether to wait for
//! it at all.
//!
//! ```
//! use corokit_monitor::{Handle, Monitor, MonitorExt, Step};
//!
//! /// Reads one line. Knows nothing of where the bytes come from: it asks for them.
//! async fn line(handle: &Handle<(), Vec<u8>>, buffer: &mut Vec<u8>) -> String {
//!     loop {
//!         if let Some(end) = buffer.iter().position(|&byte| byte == b'\n') {
//!             let line = buffer.drain(..=end).collect();
//!             return String::from_utf8(line).unwrap();
//!         }
//!         let more = handle.oob(()).await;
//!         buffer.extend(more);
//!     }
//! }
//!
//! let mut parser = Monitor::boxed(|handle: Handle<(), Vec<u8>>| async move {
//!     let mut buffer = Vec::new();
//!     (line(&handle, &mut buffer).await, line(&handle, &mut buffer).await)
//! });
//!
//! // Here the bytes are at hand, so that no executor is needed.
//! let mut chunks = "one\ntwo\n".as_bytes().chunks(3);
//! let mut step = parser.start().now().unwrap();
//! let lines = loop {
//!     step = match step {
//!         Step::Oob(()) => parser.resume(chunks.next().unwrap().to_vec()).now().unwrap(),
//!         Step::Done(lines) => break lines,
//!     };
//! };
//! assert_eq!(lines, ("one\n".to_string(), "two\n".to_string()));
//! ```
//!
//! The same parser is driven from an `async` function with `parser.resume(bytes).await`.
//!
//! [`run`] drives a body whose requests are all answered in the same way. A [`Generator`] is a monitor
//! in one direction: a stream whose values are what the body, its helpers and other tasks yield.
//!
//! ```
//! use corokit_monitor::{Generator, GeneratorExt, Yielder};
//!
//! let mut numbers = Generator::boxed(async |yielder: Yielder<u32>| {
//!     for number in 1..=3 {
//!         yielder.yield_(number * number).await;
//!     }
//! });
//! let sum: Result<u32, _> = numbers.iter().sum();
//! assert_eq!(sum, Ok(14));
//! ```
//!
//! # The model
//!
//! ```text
//!           start              the body asks            resume
//!    new ----------> stepping ----------------> asked ----------> stepping
//!                     |    ^
//!                     |    | the body waits for something else: so does the step
//!                     |    |
//!                     +----+
//!                     |
//!                     +------> done     the body has ended, or has panicked
//! ```
//!
//! A [`Monitor`] owns the coroutine, its *body*. The *driver* runs it in steps: [`start`], then
//! [`resume`] with the reply to what was asked. Each returns a future, [`Stepping`], that ends with
//! [`Step::Oob`] when the body asks and with [`Step::Done`] when it has ended. When the body waits
//! for anything else, a timer or a socket, that future waits too, and whatever executor polls it
//! does what it always does. To go without an executor, call [`Stepping::now`].
//!
//! **Order.** Requests are served in the order in which they were posted, one a step. A request
//! is posted at the first poll of its future. Each step polls the body once before it looks for
//! the next request. Each reply goes to its own request, however many there are, from a join or
//! from other tasks.
//!
//! **Threads.** Monitor, handle and futures stay on one thread: nothing in them is an atomic
//! operation or a lock. The wakers that they keep may be those of any executor. A monitor made by
//! `Monitor::new_send` is `Send` if its body is, and its handles may be used on any thread. A request
//! that such a body makes in the driver's own poll takes no lock either; those from elsewhere take a
//! short one. Everything else is the same, but for one thing: a request that is moved out of the body
//! to another place *after* its reply was given gets it when the driver polls the next time.
//!
//! **Cancelling.** Every future may be dropped at any time. A dropped request is withdrawn; if the
//! driver has seen it already, its reply is dropped. A dropped step leaves the body where it is,
//! and [`proceed`] goes on with it: the reply was delivered when [`resume`] was called. A dropped
//! monitor drops its body where it stands.
//!
//! **Closing.** [`close`] asks the body to end: requests by [`Handle::try_oob`] get an error, the body
//! cleans up, awaiting what it has to, and returns. A body that asks by [`Handle::oob`] cannot hear
//! of that, and is dropped where it stands.
//!
//! **The end.** When the body has ended or the monitor was dropped, no request is taken any more,
//! the destructors of the body run, and then those who still wait elsewhere are woken:
//! [`Handle::try_oob`] gives them an [`OobError`], [`Handle::oob`] panics.
//!
//! **Nesting.** A body may drive another monitor, whose body may use the handle of the outer one.
//! To the inner driver that is a wait like any other.
//!
//! **Cost.** A round trip is one poll of the body and about 125 instructions, the driver's loop
//! included: no allocation, no
//! queue, no waker touched, as long as one request at a time is made and polled by the driver
//! itself. Other cases use a queue, which allocates only when it grows.
//!
//! [`start`]: MonitorExt::start
//! [`resume`]: MonitorExt::resume
//! [`proceed`]: MonitorExt::proceed
//! [`close`]: MonitorExt::close
//!
//! # Features
//!
//! * `std` (default): monitors that may go to other threads. Without it the crate is `no_std` and needs
//!   `alloc`.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

mod close;
mod crowd;
mod error;
mod ext;
mod generator;
mod handle;
mod link;
mod monitor;
mod oob;
mod port;
mod run;
#[cfg(feature = "std")]
mod send;
mod step;
#[cfg(feature = "std")]
mod sync;

pub use close::{CloseMonitor, IgnoredClose};
pub use error::OobError;
pub use ext::MonitorExt;
pub use generator::{
    CloseGenerator, Generator, GeneratorEnd, GeneratorExt, Iter, Next, StackYielder, WouldBlock,
    Yielder,
};
#[cfg(feature = "std")]
pub use generator::{SendGenerator, SendYielder};
pub use handle::{Handle, StackHandle};
pub use link::{AskerEnd, DriverEnd};
pub use monitor::Monitor;
pub use oob::{Oob, TryOob};
pub use port::Port;
pub use run::run;
#[cfg(feature = "std")]
pub use send::{SendHandle, SendLink, SendMonitor, SendPort};
pub use step::{Step, Stepping, TryAwait};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
