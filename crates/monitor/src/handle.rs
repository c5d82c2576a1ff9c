use alloc::rc::Rc;
use core::fmt;
use core::marker::PhantomData;
use core::ops::Deref;

use crate::link::{Ask, AskerEnd};
use crate::oob::{Oob, TryOob};
use crate::port::Port;

/// What the body of a monitor uses to talk to its driver: it sends a `D` and gets an `R` back.
///
/// A handle is given to the closure that makes the body. It may be cloned, passed to helpers,
/// used in several branches of a join at once, and given to other tasks of the same thread.
///
/// `P` says how the port is reached: by an [`Rc`], or by a reference ([`StackHandle`]).
///
/// Source: `asynkit.Monitor`, the object that the coroutine calls `oob` on.
pub struct Handle<D, R, P = Rc<Port<D, R>>> {
    port: P,
    message: PhantomData<fn(D) -> R>,
}

/// A [`Handle`] to a port that is not allocated, for [`Monitor::on`](crate::Monitor::on).
pub type StackHandle<'p, D, R> = Handle<D, R, &'p Port<D, R>>;

impl<D, R, P> Handle<D, R, P>
where
    P: Deref<Target: AskerEnd<D, R> + Sized>,
{
    pub(crate) fn new(port: P) -> Self {
        Handle {
            port,
            message: PhantomData,
        }
    }

    /// Sends `data` to the driver and waits for its reply.
    ///
    /// Requests are posted at the first poll of the returned future and served in that order, one
    /// a step. Each reply goes to its own request. A request that comes from another task while
    /// the driver waits in a step wakes it; between two steps it waits for the next one.
    ///
    /// # Panics
    ///
    /// The returned future panics when it is polled and nobody can answer any more, because the
    /// monitor has ended or was dropped, or because the request was outstanding when the body was
    /// asked to [`close`](crate::MonitorExt::close) and lived on instead. A body that awaits its own
    /// requests one by one never sees this; where a handle leaves the body,
    /// [`try_oob`](Handle::try_oob) gives an error instead.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future takes the request back. If the driver has seen it already, the reply
    /// is dropped, and never given to another request.
    ///
    /// Source: `asynkit.Monitor.oob`.
    ///
    /// ```
    /// use corokit_monitor::{Monitor, MonitorExt, Step};
    ///
    /// let mut monitor = Monitor::boxed(async |handle| {
    ///     let name: &str = handle.oob("What is your name?").await;
    ///     format!("Hello {name}")
    /// });
    /// assert_eq!(monitor.start().now(), Some(Step::Oob("What is your name?")));
    /// assert_eq!(monitor.resume("Ada").now(), Some(Step::Done("Hello Ada".to_string())));
    /// ```
    #[inline]
    #[track_caller]
    pub fn oob(&self, data: D) -> Oob<'_, D, R, P::Target> {
        Oob::new(self.try_oob(data))
    }

    /// Sends `data` to the driver and waits for its reply, or for the end of the monitor.
    ///
    /// It does what [`oob`](Handle::oob) does, with an error in place of the panic.
    ///
    /// # Errors
    ///
    /// The future gives [`OobError::NotActive`](crate::OobError::NotActive) with the data when the
    /// driver never saw it, and [`OobError::Closed`](crate::OobError::Closed) when the monitor
    /// went between the request and the reply.
    ///
    /// # Cancel safety
    ///
    /// As for [`oob`](Handle::oob).
    ///
    /// Source: `asynkit.Monitor.oob`, with its `RuntimeError` as a value.
    ///
    /// ```
    /// use corokit_monitor::{Handle, Monitor, OobError};
    /// use futures_lite::future::block_on;
    ///
    /// let mut kept = None;
    /// let monitor = Monitor::new(|handle: Handle<u32, u32>| {
    ///     kept = Some(handle);
    ///     async {}
    /// });
    /// drop(monitor);
    /// let handle = kept.unwrap();
    /// assert_eq!(block_on(handle.try_oob(7)), Err(OobError::NotActive(7)));
    /// ```
    #[inline]
    pub fn try_oob(&self, data: D) -> TryOob<'_, D, R, P::Target> {
        TryOob::new(&*self.port, data)
    }

    /// Whether the monitor has ended or was dropped, so that nobody can answer any more.
    ///
    /// ```
    /// use corokit_monitor::{Handle, Monitor};
    ///
    /// let mut kept = None;
    /// let monitor = Monitor::new(|handle: Handle<u32, u32>| {
    ///     kept = Some(handle);
    ///     async {}
    /// });
    /// let handle = kept.unwrap();
    /// assert!(!handle.is_closed());
    /// drop(monitor);
    /// assert!(handle.is_closed());
    /// ```
    pub fn is_closed(&self) -> bool {
        self.port.is_closed()
    }
}

impl<D, R, P: Clone> Clone for Handle<D, R, P> {
    fn clone(&self) -> Self {
        Handle {
            port: self.port.clone(),
            message: PhantomData,
        }
    }
}

impl<D, R, P> fmt::Debug for Handle<D, R, P>
where
    P: Deref<Target: AskerEnd<D, R> + fmt::Debug + Sized>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle")
            .field("port", &*self.port)
            .finish_non_exhaustive()
    }
}
