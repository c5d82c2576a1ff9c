//! Monitors that may go to other threads.

mod lent;
mod link;
#[cfg(all(test, loom))]
mod loom_tests;
mod port;

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::future::Future;
use core::pin::Pin;

pub use link::SendLink;
pub use port::SendPort;

use crate::handle::Handle;
use crate::monitor::Monitor;

/// A [`Handle`] that may go to other threads, for [`Monitor::new_send`].
pub type SendHandle<D, R> = Handle<D, R, Arc<SendPort<D, R>>>;

/// A [`Monitor`] that may go to other threads, if its body may.
pub type SendMonitor<D, R, F> = Monitor<D, R, F, SendLink<D, R>>;

impl<D, R, F> Monitor<D, R, F, SendLink<D, R>>
where
    D: Send + 'static,
    R: Send + 'static,
    F: Future,
{
    /// Creates a monitor that may go to other threads, and whose handles may be used on any.
    ///
    /// It does all that a monitor of one thread does. A request that the body makes in the driver's
    /// own poll takes no lock; one from another thread takes a short one.
    ///
    /// The monitor is `Send` if its body is, which an `async` block in a closure can be. Two
    /// allocations are made.
    ///
    /// ```
    /// use corokit_monitor::{Monitor, MonitorExt, SendHandle, Step};
    /// use futures_lite::future::block_on;
    /// use std::pin::pin;
    /// use std::thread;
    ///
    /// let monitor = Monitor::new_send(|handle: SendHandle<u32, u32>| async move {
    ///     let other = handle.clone();
    ///     let task = smol::spawn(async move { other.oob(1).await });
    ///     handle.oob(2).await + task.await
    /// });
    /// let thread = thread::spawn(move || {
    ///     let mut monitor = pin!(monitor);
    ///     let mut step = block_on(monitor.start());
    ///     loop {
    ///         match step {
    ///             Step::Oob(number) => step = block_on(monitor.resume(number * 10)),
    ///             Step::Done(sum) => break sum,
    ///         }
    ///     }
    /// });
    /// assert_eq!(thread.join().unwrap(), 30);
    /// ```
    pub fn new_send(make: impl FnOnce(SendHandle<D, R>) -> F) -> Self {
        let link = SendLink::new();
        let handle = Handle::new(Arc::clone(link.port()));
        Monitor::with_port(link, handle, make)
    }

    /// Does what [`Monitor::new_send`] does, in a box.
    ///
    /// ```
    /// use corokit_monitor::{Monitor, MonitorExt, SendHandle, Step};
    ///
    /// let mut monitor = Monitor::boxed_send(|handle: SendHandle<u32, u32>| async move {
    ///     handle.oob(1).await + 1
    /// });
    /// assert_eq!(monitor.start().now(), Some(Step::Oob(1)));
    /// let thread = std::thread::spawn(move || monitor.resume(10).now());
    /// assert_eq!(thread.join().unwrap(), Some(Step::Done(11)));
    /// ```
    pub fn boxed_send(make: impl FnOnce(SendHandle<D, R>) -> F) -> Pin<Box<Self>> {
        Box::pin(Monitor::new_send(make))
    }
}
