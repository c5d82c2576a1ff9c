use core::future::Future;
use core::ops::DerefMut;
use core::pin::Pin;

use crate::close::CloseMonitor;
use crate::link::DriverEnd;
use crate::monitor::Monitor;
use crate::step::{Stepping, TryAwait};

/// The driver's methods, on every pinned pointer to a [`Monitor`]: `Pin<Box<Monitor<..>>>`,
/// `Pin<&mut Monitor<..>>`.
///
/// They borrow the pointer, where methods of the monitor itself would use it up. A second step
/// cannot begin while the future of one is alive, nor from inside the body: the borrow checker
/// refuses it.
///
/// ```compile_fail,E0499
/// use corokit_monitor::{Handle, Monitor, MonitorExt};
///
/// let mut monitor = Monitor::boxed(async |handle: Handle<u32, u32>| handle.oob(1).await);
/// let first = monitor.start();
/// let second = monitor.proceed();
/// drop((first, second));
/// ```
pub trait MonitorExt {
    /// What the body sends.
    type Data;
    /// What the driver replies.
    type Reply;
    /// The body.
    type Body: Future;
    /// How the port is reached.
    type Port: DriverEnd<Self::Data, Self::Reply>;

    /// Begins the first step: runs the body up to its first request, or to its end.
    ///
    /// # Panics
    ///
    /// Panics if the monitor has been started before.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: [`proceed`](MonitorExt::proceed) goes on.
    ///
    /// Source: `asynkit.Monitor.start`, which fails if the body never asks. Here that is
    /// [`Step::Done`](crate::Step::Done).
    ///
    /// ```
    /// use corokit_monitor::{Handle, Monitor, MonitorExt, Step};
    ///
    /// let mut asks = Monitor::boxed(|handle: Handle<u32, ()>| async move {
    ///     handle.oob(1).await;
    /// });
    /// assert_eq!(asks.start().now(), Some(Step::Oob(1)));
    ///
    /// let mut ends = Monitor::boxed(|_: Handle<u32, ()>| async { "end" });
    /// assert_eq!(ends.start().now(), Some(Step::Done("end")));
    /// ```
    #[track_caller]
    fn start(&mut self) -> Stepping<'_, Self::Data, Self::Reply, Self::Body, Self::Port>;

    /// Replies to the request that ended the last step, and begins the next one.
    ///
    /// The reply is delivered by this call, not by a poll of the future. If its asker is gone,
    /// the reply is dropped, and the step is made all the same.
    ///
    /// # Panics
    ///
    /// Panics if the body has asked for nothing: before `start`, while a step is in progress, and
    /// after the end. [`try_resume`](MonitorExt::try_resume) gives the reply back instead.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: [`proceed`](MonitorExt::proceed) goes on.
    ///
    /// Source: `asynkit.Monitor.aawait(data)`.
    ///
    /// ```
    /// use corokit_monitor::{Handle, Monitor, MonitorExt, Step};
    ///
    /// let mut monitor = Monitor::boxed(|handle: Handle<u32, u32>| async move {
    ///     handle.oob(1).await * 2
    /// });
    /// assert_eq!(monitor.start().now(), Some(Step::Oob(1)));
    /// drop(monitor.resume(21));
    /// assert_eq!(monitor.proceed().now(), Some(Step::Done(42)));
    /// ```
    #[track_caller]
    fn resume(
        &mut self,
        reply: Self::Reply,
    ) -> Stepping<'_, Self::Data, Self::Reply, Self::Body, Self::Port>;

    /// Does what [`resume`](MonitorExt::resume) does, unless nothing was asked.
    ///
    /// # Errors
    ///
    /// Gives the reply back if the body has asked for nothing: before `start`, while a step is in
    /// progress, and after the end. Nothing has changed then.
    ///
    /// # Cancel safety
    ///
    /// As for [`resume`](MonitorExt::resume).
    ///
    /// Source: `asynkit.Monitor.aawait(data)`, with its `TypeError` as a value.
    ///
    /// ```
    /// use corokit_monitor::{Handle, Monitor, MonitorExt, Step};
    ///
    /// let mut monitor = Monitor::boxed(|handle: Handle<u32, u32>| async move {
    ///     handle.oob(1).await * 2
    /// });
    /// assert_eq!(monitor.try_resume(7).err(), Some(7));
    /// assert_eq!(monitor.start().now(), Some(Step::Oob(1)));
    /// let step = monitor.try_resume(21).unwrap().now();
    /// assert_eq!(step, Some(Step::Done(42)));
    /// ```
    #[expect(
        clippy::type_complexity,
        reason = "the error is the reply, and the future has a name"
    )]
    fn try_resume(
        &mut self,
        reply: Self::Reply,
    ) -> Result<Stepping<'_, Self::Data, Self::Reply, Self::Body, Self::Port>, Self::Reply>;

    /// Replies to the request that ended the last step, and goes on to the end of the body or to its
    /// next request, whose data is dropped.
    ///
    /// The future gives the output of the body, or `None` if it has asked again.
    ///
    /// # Panics
    ///
    /// As for [`resume`](MonitorExt::resume).
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: [`proceed`](MonitorExt::proceed) goes on.
    ///
    /// Source: `asynkit.Monitor.try_await`, whose sentinel is `None` here.
    ///
    /// ```
    /// use corokit_monitor::{Handle, Monitor, MonitorExt, Step};
    /// use futures_lite::future::block_on;
    ///
    /// let mut monitor = Monitor::boxed(|handle: Handle<u32, u32>| async move {
    ///     handle.oob(1).await + handle.oob(2).await
    /// });
    /// assert_eq!(monitor.start().now(), Some(Step::Oob(1)));
    /// assert_eq!(block_on(monitor.try_await(10)), None);
    /// assert_eq!(block_on(monitor.try_await(20)), Some(30));
    /// ```
    #[track_caller]
    fn try_await(
        &mut self,
        reply: Self::Reply,
    ) -> TryAwait<'_, Self::Data, Self::Reply, Self::Body, Self::Port>;

    /// Replies with an error, where replies are results, and begins the next step.
    ///
    /// # Panics
    ///
    /// As for [`resume`](MonitorExt::resume).
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: [`proceed`](MonitorExt::proceed) goes on.
    ///
    /// Source: `asynkit.Monitor.athrow`.
    ///
    /// ```
    /// use corokit_monitor::{Handle, Monitor, MonitorExt, Step};
    ///
    /// let mut monitor = Monitor::boxed(|handle: Handle<u32, Result<u32, String>>| async move {
    ///     let first = handle.oob(1).await?;
    ///     let second = handle.oob(2).await.unwrap_or(0);
    ///     Ok::<_, String>(first + second)
    /// });
    /// assert_eq!(monitor.start().now(), Some(Step::Oob(1)));
    /// assert_eq!(monitor.resume(Ok(10)).now(), Some(Step::Oob(2)));
    /// assert_eq!(monitor.throw("no".to_string()).now(), Some(Step::Done(Ok(10))));
    /// ```
    #[track_caller]
    fn throw<V, E>(
        &mut self,
        error: E,
    ) -> Stepping<'_, Self::Data, Self::Reply, Self::Body, Self::Port>
    where
        Self: MonitorExt<Reply = Result<V, E>>,
    {
        self.resume(Err(error))
    }

    /// Asks the body to end, and waits until it has.
    ///
    /// What the body waits for gets no reply any more: [`try_oob`](crate::Handle::try_oob) gives
    /// [`OobError::Closed`](crate::OobError::Closed) if the driver had the request, and
    /// [`OobError::NotActive`](crate::OobError::NotActive) if not, and goes on doing so at once
    /// from now on. The body may await its clean-up, and returns. The future gives its output.
    ///
    /// The output is `None` if the body could not be asked, and so was dropped where it stood: it
    /// had not been started, or a plain [`oob`](crate::Handle::oob) was outstanding, which can only
    /// end with a reply. It is `None` as well if the body had ended before.
    ///
    /// A body that waits for something else goes on with that first. To wait no longer, drop the
    /// monitor.
    ///
    /// # Errors
    ///
    /// [`IgnoredClose`](crate::IgnoredClose) with the data, if the body has made a new request by
    /// plain `oob`. It is alive then, and waits for the reply: the monitor is as after
    /// [`Step::Oob`](crate::Step::Oob).
    ///
    /// # Panics
    ///
    /// A panic of the body passes through the future.
    ///
    /// # Cancel safety
    ///
    /// The requests are refused by this call, not by a poll of the future. When the future is
    /// dropped, the monitor stays in between: call `close` again to go on.
    ///
    /// Source: `asynkit.Monitor.aclose`.
    ///
    /// ```
    /// use corokit_monitor::{Handle, Monitor, MonitorExt, Step};
    /// use futures_lite::future::block_on;
    ///
    /// let mut monitor = Monitor::boxed(|handle: Handle<&str, ()>| async move {
    ///     let mut rounds = 0;
    ///     while handle.try_oob("go on?").await.is_ok() {
    ///         rounds += 1;
    ///     }
    ///     rounds
    /// });
    /// assert_eq!(monitor.start().now(), Some(Step::Oob("go on?")));
    /// assert_eq!(monitor.resume(()).now(), Some(Step::Oob("go on?")));
    /// assert_eq!(block_on(monitor.close()), Ok(Some(1)));
    /// assert_eq!(block_on(monitor.close()), Ok(None));
    /// ```
    fn close(&mut self) -> CloseMonitor<'_, Self::Data, Self::Reply, Self::Body, Self::Port>;

    /// Goes on with the step in progress, whose future was dropped or whose
    /// [`now`](crate::Stepping::now) returned `None`.
    ///
    /// # Panics
    ///
    /// Panics if no step is in progress.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: call it again.
    ///
    /// ```
    /// use corokit_monitor::{Handle, Monitor, MonitorExt, Step};
    /// use futures_lite::future::{block_on, yield_now};
    ///
    /// let mut monitor = Monitor::boxed(|_: Handle<(), ()>| yield_now());
    /// assert_eq!(monitor.start().now(), None);
    /// assert_eq!(block_on(monitor.proceed()), Step::Done(()));
    /// ```
    #[track_caller]
    fn proceed(&mut self) -> Stepping<'_, Self::Data, Self::Reply, Self::Body, Self::Port>;
}

impl<Q, D, R, F, P> MonitorExt for Pin<Q>
where
    Q: DerefMut<Target = Monitor<D, R, F, P>>,
    F: Future,
    P: DriverEnd<D, R>,
{
    type Data = D;
    type Reply = R;
    type Body = F;
    type Port = P;

    #[inline]
    fn start(&mut self) -> Stepping<'_, D, R, F, P> {
        let mut monitor = self.as_mut();
        monitor.as_mut().begin();
        Stepping { monitor }
    }

    #[inline]
    fn resume(&mut self, reply: R) -> Stepping<'_, D, R, F, P> {
        let mut monitor = self.as_mut();
        if monitor.as_mut().reply(reply).is_err() {
            monitor.nothing_asked()
        }
        Stepping { monitor }
    }

    #[inline]
    fn try_resume(&mut self, reply: R) -> Result<Stepping<'_, D, R, F, P>, R> {
        let mut monitor = self.as_mut();
        monitor.as_mut().reply(reply)?;
        Ok(Stepping { monitor })
    }

    #[inline]
    fn try_await(&mut self, reply: R) -> TryAwait<'_, D, R, F, P> {
        TryAwait {
            step: self.resume(reply),
        }
    }

    fn close(&mut self) -> CloseMonitor<'_, D, R, F, P> {
        let mut monitor = self.as_mut();
        monitor.as_mut().begin_closing();
        CloseMonitor { monitor }
    }

    #[inline]
    fn proceed(&mut self) -> Stepping<'_, D, R, F, P> {
        let mut monitor = self.as_mut();
        monitor.as_mut().check_step();
        Stepping { monitor }
    }
}
