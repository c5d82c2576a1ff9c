use alloc::rc::Rc;
use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};

use crate::link::DriverEnd;
use crate::monitor::Monitor;
use crate::port::Port;

/// How a step of a monitor ended.
///
/// Source: `asynkit.OOBData` and the return value of `asynkit.Monitor.aawait`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[must_use = "a step may carry a request that waits for its reply"]
pub enum Step<D, T> {
    /// The body asks: here is what it says. [`resume`](crate::MonitorExt::resume) with the reply.
    Oob(D),
    /// The body has come to its end with this output.
    Done(T),
}

impl<D, T> Step<D, T> {
    /// The data of a request.
    ///
    /// ```
    /// use corokit_monitor::Step;
    ///
    /// assert_eq!(Step::<_, u32>::Oob("data").into_oob(), Some("data"));
    /// assert_eq!(Step::<&str, _>::Done(1).into_oob(), None);
    /// ```
    pub fn into_oob(self) -> Option<D> {
        match self {
            Step::Oob(data) => Some(data),
            Step::Done(_) => None,
        }
    }

    /// The output of the body.
    ///
    /// Source: `asynkit.Monitor.try_await`, whose sentinel is `None` here.
    ///
    /// ```
    /// use corokit_monitor::Step;
    ///
    /// assert_eq!(Step::<&str, _>::Done(1).into_done(), Some(1));
    /// assert_eq!(Step::<_, u32>::Oob("data").into_done(), None);
    /// ```
    pub fn into_done(self) -> Option<T> {
        match self {
            Step::Oob(_) => None,
            Step::Done(output) => Some(output),
        }
    }
}

/// The future of a step, from [`start`](crate::MonitorExt::start), [`resume`](crate::MonitorExt::resume) or
/// [`proceed`](crate::MonitorExt::proceed).
///
/// # Panics
///
/// Polling panics after it has completed. A panic of the body passes through, and ends the monitor.
///
/// # Cancel safety
///
/// Dropping it loses nothing: the body stays where it is, a reply that was given has been
/// delivered, and [`proceed`](crate::MonitorExt::proceed) goes on with the same step.
#[must_use = "a step goes on only when its future is awaited"]
pub struct Stepping<'a, D, R, F, P = Rc<Port<D, R>>>
where
    P: DriverEnd<D, R>,
{
    pub(crate) monitor: Pin<&'a mut Monitor<D, R, F, P>>,
}

impl<D, R, F, P> Stepping<'_, D, R, F, P>
where
    F: Future,
    P: DriverEnd<D, R>,
{
    /// Takes the step here and now, without an executor. Returns `None` if the body waits for
    /// anything but its driver.
    ///
    /// The body is polled once, with a waker that does nothing. After `None` the step is still in
    /// progress: [`proceed`](crate::MonitorExt::proceed) goes on with it, now or in an executor. A body
    /// that only yields (it wakes itself and returns pending) gives `None` as well.
    ///
    /// # Panics
    ///
    /// Panics if the future has completed before. A panic of the body passes through.
    ///
    /// Source: `asynkit.await_sync` of `asynkit.Monitor.aawait`.
    ///
    /// ```
    /// use corokit_monitor::{Handle, Monitor, MonitorExt, Step};
    /// use futures_lite::future::yield_now;
    ///
    /// let mut monitor = Monitor::boxed(|handle: Handle<&str, ()>| async move {
    ///     handle.oob("asks").await;
    ///     yield_now().await;
    /// });
    /// assert_eq!(monitor.start().now(), Some(Step::Oob("asks")));
    /// assert_eq!(monitor.resume(()).now(), None);
    /// assert_eq!(monitor.proceed().now(), Some(Step::Done(())));
    /// ```
    #[inline]
    #[track_caller]
    pub fn now(mut self) -> Option<Step<D, F::Output>> {
        let mut cx = Context::from_waker(Waker::noop());
        match self.monitor.as_mut().poll_step(&mut cx) {
            Poll::Ready(step) => Some(step),
            Poll::Pending => None,
        }
    }
}

impl<D, R, F, P> Future for Stepping<'_, D, R, F, P>
where
    F: Future,
    P: DriverEnd<D, R>,
{
    type Output = Step<D, F::Output>;

    #[inline]
    #[track_caller]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.monitor.as_mut().poll_step(cx)
    }
}

impl<D, R, F, P> Drop for Stepping<'_, D, R, F, P>
where
    P: DriverEnd<D, R>,
{
    #[inline]
    fn drop(&mut self) {
        self.monitor.as_mut().stop_waiting();
    }
}

impl<D, R, F, P> fmt::Debug for Stepping<'_, D, R, F, P>
where
    P: DriverEnd<D, R>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stepping")
            .field("monitor", &self.monitor)
            .finish()
    }
}

/// The future of [`try_await`](crate::MonitorExt::try_await).
///
/// # Panics
///
/// As for [`Stepping`].
///
/// # Cancel safety
///
/// As for [`Stepping`].
#[must_use = "a step goes on only when its future is awaited"]
pub struct TryAwait<'a, D, R, F, P = Rc<Port<D, R>>>
where
    P: DriverEnd<D, R>,
{
    pub(crate) step: Stepping<'a, D, R, F, P>,
}

impl<D, R, F, P> Future for TryAwait<'_, D, R, F, P>
where
    F: Future,
    P: DriverEnd<D, R>,
{
    type Output = Option<F::Output>;

    #[inline]
    #[track_caller]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.step
            .monitor
            .as_mut()
            .poll_step(cx)
            .map(Step::into_done)
    }
}

impl<D, R, F, P> fmt::Debug for TryAwait<'_, D, R, F, P>
where
    P: DriverEnd<D, R>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TryAwait").field(&self.step).finish()
    }
}
