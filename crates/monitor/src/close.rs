//! The cooperative end of a monitor.

use alloc::rc::Rc;
use core::error::Error;
use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};

use crate::link::DriverEnd;
use crate::monitor::Monitor;
use crate::port::Port;

/// The future of [`close`](crate::MonitorExt::close).
///
/// # Panics
///
/// Polling panics after it has completed with [`IgnoredClose`]. A panic of the body passes through.
///
/// # Cancel safety
///
/// Dropping it leaves the monitor in between: [`close`](crate::MonitorExt::close) goes on.
#[must_use = "a body goes on to its end only when the future is awaited"]
pub struct CloseMonitor<'a, D, R, F, P = Rc<Port<D, R>>>
where
    P: DriverEnd<D, R>,
{
    pub(crate) monitor: Pin<&'a mut Monitor<D, R, F, P>>,
}

impl<D, R, F, P> Future for CloseMonitor<'_, D, R, F, P>
where
    F: Future,
    P: DriverEnd<D, R>,
{
    type Output = Result<Option<F::Output>, IgnoredClose<D>>;

    #[track_caller]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.monitor.as_mut().poll_close(cx)
    }
}

impl<D, R, F, P> Drop for CloseMonitor<'_, D, R, F, P>
where
    P: DriverEnd<D, R>,
{
    fn drop(&mut self) {
        self.monitor.as_mut().stop_waiting();
    }
}

impl<D, R, F, P> fmt::Debug for CloseMonitor<'_, D, R, F, P>
where
    P: DriverEnd<D, R>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CloseMonitor")
            .field("monitor", &self.monitor)
            .finish()
    }
}

/// Says that a body which was asked to end has asked for something instead.
///
/// It is alive, and waits for the reply.
///
/// Source: the `RuntimeError("coroutine ignored GeneratorExit")` of `asynkit.Monitor.aclose`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct IgnoredClose<D>(pub(crate) D);

impl<D> IgnoredClose<D> {
    /// What the body has asked.
    ///
    /// ```
    /// use corokit_monitor::{Handle, Monitor, MonitorExt, Step};
    /// use futures_lite::future::block_on;
    ///
    /// let mut monitor = Monitor::boxed(|handle: Handle<&str, u32>| async move {
    ///     let _ = handle.try_oob("first").await;
    ///     handle.oob("once more").await
    /// });
    /// assert_eq!(monitor.start().now(), Some(Step::Oob("first")));
    /// let ignored = block_on(monitor.close()).unwrap_err();
    /// assert_eq!(ignored.into_data(), "once more");
    /// assert_eq!(monitor.resume(7).now(), Some(Step::Done(7)));
    /// ```
    pub fn into_data(self) -> D {
        self.0
    }
}

impl<D> fmt::Debug for IgnoredClose<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IgnoredClose(..)")
    }
}

impl<D> fmt::Display for IgnoredClose<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "the body was asked to end and made a new request instead; reply to it, close again, \
             or drop the monitor",
        )
    }
}

impl<D> Error for IgnoredClose<D> {}
