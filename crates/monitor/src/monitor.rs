use alloc::boxed::Box;
use alloc::rc::Rc;
use core::fmt;
use core::future::Future;
use core::marker::PhantomData;
use core::pin::Pin;
use core::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::close::IgnoredClose;
use crate::handle::{Handle, StackHandle};
use crate::link::DriverEnd;
use crate::port::Port;
use crate::step::Step;

/// Where a monitor stands between two calls of its driver.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum State {
    /// Made, not started.
    New,
    /// A step is in progress: started or resumed, and not come to its end yet.
    Stepping,
    /// The last step ended with a request. The driver owes the reply.
    Asked,
    /// The body is asked to end, and has not ended yet.
    Closing,
    /// The body has ended.
    Done,
    /// The body has panicked.
    Panicked,
}

pin_project! {
    /// A coroutine together with the place where it meets its driver.
    ///
    /// The body, a future made by a closure that is given a [`Handle`], runs in steps. A step
    /// ends when the body asks for something ([`Step::Oob`]) or comes to its end
    /// ([`Step::Done`]). When the body waits for anything else, the step waits too. The methods
    /// that make steps are those of [`MonitorExt`](crate::MonitorExt).
    ///
    /// Dropping a monitor drops its body where it stands. From then on no request is taken; the
    /// destructors of the body run first, then those who still wait elsewhere are told.
    ///
    /// Source: `asynkit.Monitor` and `asynkit.BoundMonitor`.
    #[must_use = "a monitor does nothing until it is started"]
    pub struct Monitor<D, R, F, P = Rc<Port<D, R>>>
    where
        P: DriverEnd<D, R>,
    {
        #[pin]
        body: Option<F>,
        state: State,
        port: PortOwner<D, R, P>,
    }

    impl<D, R, F, P> PinnedDrop for Monitor<D, R, F, P>
    where
        P: DriverEnd<D, R>,
    {
        fn drop(this: Pin<&mut Self>) {
            // Then the fields are dropped in their order: the body, and the owner of the port,
            // which closes it.
            this.project().port.refuse();
        }
    }
}

impl<D, R, F> Monitor<D, R, F>
where
    F: Future,
{
    /// Creates a monitor, to be pinned where it is to stay, by
    /// [`core::pin::pin!`] or in a field.
    ///
    /// `make` is called at once to make the body, which does not run before
    /// [`start`](crate::MonitorExt::start). It may be an `async` closure. The port is allocated;
    /// [`Monitor::on`] allocates nothing.
    ///
    /// ```
    /// use core::pin::pin;
    /// use corokit_monitor::{Handle, Monitor, MonitorExt, Step};
    ///
    /// let mut monitor = pin!(Monitor::new(|handle: Handle<u32, u32>| async move {
    ///     handle.oob(1).await + handle.oob(2).await
    /// }));
    /// assert_eq!(monitor.start().now(), Some(Step::Oob(1)));
    /// assert_eq!(monitor.resume(10).now(), Some(Step::Oob(2)));
    /// assert_eq!(monitor.resume(20).now(), Some(Step::Done(30)));
    /// ```
    pub fn new(make: impl FnOnce(Handle<D, R>) -> F) -> Self {
        let port = Rc::new(Port::new());
        Monitor::with_port(port.clone(), Handle::new(port), make)
    }

    /// Creates a monitor in a box, which can be moved about and kept in a collection.
    ///
    /// To name its type, box the body as well: it may be a `Pin<Box<dyn Future<Output = T>>>`.
    ///
    /// Source: `asynkit.Monitor.__call__`, which makes a `BoundMonitor`.
    ///
    /// ```
    /// use corokit_monitor::{Handle, Monitor, MonitorExt, Step};
    ///
    /// let mut monitors: Vec<_> = (0..3)
    ///     .map(|id| Monitor::boxed(move |handle: Handle<u32, ()>| async move {
    ///         handle.oob(id).await;
    ///     }))
    ///     .collect();
    /// let asked: Vec<_> = monitors.iter_mut().map(|m| m.start().now()).collect();
    /// assert_eq!(asked, [Some(Step::Oob(0)), Some(Step::Oob(1)), Some(Step::Oob(2))]);
    /// ```
    pub fn boxed(make: impl FnOnce(Handle<D, R>) -> F) -> Pin<Box<Self>> {
        Box::pin(Monitor::new(make))
    }
}

impl<'p, D, R, F> Monitor<D, R, F, &'p Port<D, R>>
where
    F: Future,
{
    /// Creates a monitor on a port of the caller's, so that nothing is allocated.
    ///
    /// The port serves one monitor at a time, and is as new for each.
    ///
    /// ```
    /// use core::pin::pin;
    /// use corokit_monitor::{Monitor, MonitorExt, Port, StackHandle, Step};
    ///
    /// async fn helper(handle: &StackHandle<'_, u32, u32>) -> u32 {
    ///     handle.oob(1).await + 1
    /// }
    ///
    /// let mut port = Port::new();
    /// let mut monitor = pin!(Monitor::on(&mut port, async |handle| helper(&handle).await));
    /// assert_eq!(monitor.start().now(), Some(Step::Oob(1)));
    /// assert_eq!(monitor.resume(10).now(), Some(Step::Done(11)));
    /// ```
    pub fn on(port: &'p mut Port<D, R>, make: impl FnOnce(StackHandle<'p, D, R>) -> F) -> Self {
        *port = Port::new();
        let port = &*port;
        Monitor::with_port(port, Handle::new(port), make)
    }
}

impl<D, R, F, P> Monitor<D, R, F, P>
where
    F: Future,
    P: DriverEnd<D, R>,
{
    pub(crate) fn with_port<H>(
        port: P,
        handle: Handle<D, R, H>,
        make: impl FnOnce(Handle<D, R, H>) -> F,
    ) -> Self {
        // If `make` panics, the port closes for those to whom it gave a handle.
        let port = PortOwner {
            port,
            message: PhantomData,
        };
        let body = make(handle);
        Monitor {
            body: Some(body),
            state: State::New,
            port,
        }
    }

    #[inline]
    pub(crate) fn state(&self) -> State {
        self.state
    }

    /// Goes on with the step in progress, from the `poll` of a hand-written future.
    ///
    /// It is what the future of [`start`](crate::MonitorExt::start),
    /// [`resume`](crate::MonitorExt::resume) and [`proceed`](crate::MonitorExt::proceed) does
    /// when it is polled. The body is polled once, then the oldest request is looked for.
    ///
    /// # Panics
    ///
    /// Panics if no step is in progress, because the monitor was not started, was not resumed, or
    /// is done. A panic of the body passes through, and ends the monitor.
    ///
    /// ```
    /// use core::task::{Context, Poll, Waker};
    /// use corokit_monitor::{Monitor, MonitorExt, Step};
    ///
    /// let mut monitor = Monitor::boxed(async |handle| handle.oob("ping").await);
    /// let mut cx = Context::from_waker(Waker::noop());
    /// drop(monitor.start());
    /// assert_eq!(monitor.as_mut().poll_step(&mut cx), Poll::Ready(Step::Oob("ping")));
    /// drop(monitor.resume("pong"));
    /// assert_eq!(monitor.as_mut().poll_step(&mut cx), Poll::Ready(Step::Done("pong")));
    /// ```
    #[inline]
    #[track_caller]
    pub fn poll_step(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Step<D, F::Output>> {
        let this = self.project();
        if *this.state != State::Stepping {
            no_step_in_progress(*this.state);
        }
        take_step(this.body, &mut this.port.port, this.state, cx)
    }

    /// Does what [`poll_step`](Self::poll_step) does, after it has begun the step if none is in progress:
    /// with this reply, if one is owed. Gives `None` if the body has ended or is to end.
    #[inline]
    #[track_caller]
    pub(crate) fn poll_next_step(
        self: Pin<&mut Self>,
        reply: impl FnOnce() -> R,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Step<D, F::Output>>> {
        let this = self.project();
        let port = &mut this.port.port;
        if *this.state == State::Asked {
            // The state is looked at by nobody before the poll of the body, and written after it.
            if let Err(reply) = port.try_answer(reply()) {
                *this.state = State::Stepping;
                port.answer(reply);
            }
        } else if !needs_no_reply(*this.state) {
            return Poll::Ready(None);
        }
        take_step(this.body, port, this.state, cx).map(Some)
    }

    /// Begins to close, unless that was begun or the body has ended.
    pub(crate) fn begin_closing(self: Pin<&mut Self>) {
        let mut this = self.project();
        match *this.state {
            State::New => {
                *this.state = State::Done;
                let closing = CloseAtEnd::new(&mut this.port.port);
                this.body.set(None);
                drop(closing);
            }
            State::Stepping | State::Asked => {
                *this.state = State::Closing;
                this.port.port.begin_closing();
            }
            State::Closing | State::Done | State::Panicked => {}
        }
    }

    /// Goes on with closing.
    #[track_caller]
    pub(crate) fn poll_close(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Option<F::Output>, IgnoredClose<D>>> {
        let mut this = self.project();
        let port = &mut this.port.port;
        let body = match *this.state {
            State::Closing => this.body.as_mut().as_pin_mut(),
            State::Done | State::Panicked => return Poll::Ready(Ok(None)),
            State::New | State::Stepping | State::Asked => no_step_in_progress(*this.state),
        };
        let body = body.expect("the body of a monitor that is being closed is there");

        // A body that can never go on is not polled for nothing. Each look may see something else, since
        // others ask and give up on other threads: whoever is seen to be stuck, once, ends the body.
        let mut output = None;
        if !port.is_stuck() {
            match poll_body(body, port, this.state, cx) {
                Poll::Ready(ended) => output = Some(ended),
                Poll::Pending if port.is_stuck() => {}
                Poll::Pending => {
                    if let Some(data) = port.ask_or_wait(cx.waker()) {
                        *this.state = State::Asked;
                        port.end_closing();
                        return Poll::Ready(Err(IgnoredClose(data)));
                    }
                    if !port.is_stuck() {
                        return Poll::Pending;
                    }
                }
            }
        }
        *this.state = State::Done;
        let closing = CloseAtEnd::new(port);
        this.body.set(None);
        drop(closing);
        Poll::Ready(Ok(output))
    }

    /// Begins the first step.
    #[inline]
    #[track_caller]
    pub(crate) fn begin(self: Pin<&mut Self>) {
        let state = self.project().state;
        if *state != State::New {
            started_twice();
        }
        *state = State::Stepping;
    }

    /// Begins the next step with the reply to the request that ended the last one, or gives the
    /// reply back.
    #[inline]
    pub(crate) fn reply(self: Pin<&mut Self>, reply: R) -> Result<(), R> {
        let this = self.project();
        match this.port.port.try_answer(reply) {
            Ok(()) => {
                *this.state = State::Stepping;
                Ok(())
            }
            Err(reply) => reply_rare(&mut this.port.port, this.state, reply),
        }
    }

    /// Checks that a step is in progress.
    #[inline]
    #[track_caller]
    pub(crate) fn check_step(self: Pin<&mut Self>) {
        let state = self.project().state;
        if *state != State::Stepping {
            no_step_in_progress(*state);
        }
    }

    /// Panics because nothing was asked.
    #[cold]
    #[inline(never)]
    #[track_caller]
    pub(crate) fn nothing_asked(self: Pin<&mut Self>) -> ! {
        let why = match *self.project().state {
            State::New => "it has not been started; call `start` first",
            State::Stepping => "its last step is still in progress; call `proceed` to end it",
            State::Asked => unreachable!("something was asked"),
            State::Closing => "it is being closed; call `close` to go on with that",
            State::Done => "its body has come to its end",
            State::Panicked => "its body has panicked",
        };
        panic!("the monitor was resumed, but it has asked for nothing: {why}")
    }
}

impl<D, R, F, P> Monitor<D, R, F, P>
where
    P: DriverEnd<D, R>,
{
    /// Says that the driver has given up waiting in a step.
    #[inline]
    pub(crate) fn stop_waiting(self: Pin<&mut Self>) {
        self.project().port.port.stop_waiting();
    }
}

impl<D, R, F, P> fmt::Debug for Monitor<D, R, F, P>
where
    P: DriverEnd<D, R>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Monitor")
            .field("state", &self.state)
            .field("port", self.port.port.port())
            .finish_non_exhaustive()
    }
}

/// Replies when the asker is gone, has to be woken or is one of several, or nothing was asked.
#[cold]
#[inline(never)]
fn reply_rare<D, R, P>(port: &mut P, state: &mut State, reply: R) -> Result<(), R>
where
    P: DriverEnd<D, R>,
{
    if *state != State::Asked {
        return Err(reply);
    }
    *state = State::Stepping;
    port.answer(reply);
    Ok(())
}

#[cold]
#[inline(never)]
#[track_caller]
fn started_twice() -> ! {
    panic!("a monitor can be started only once; call `resume` or `proceed` for the next steps")
}

#[cold]
#[inline(never)]
#[track_caller]
fn no_step_in_progress(state: State) -> ! {
    let why = match state {
        State::New => "it has not been started; call `start`",
        State::Stepping => unreachable!("a step is in progress"),
        State::Asked => "its last step ended with a request; call `resume` with the reply",
        State::Closing => "it is being closed; call `close` to go on with that",
        State::Done => "its body has come to its end",
        State::Panicked => "its body has panicked",
    };
    panic!("the monitor has no step in progress: {why}")
}

/// Closes the port when the monitor goes.
struct PortOwner<D, R, P>
where
    P: DriverEnd<D, R>,
{
    port: P,
    message: PhantomData<fn(D) -> R>,
}

impl<D, R, P> PortOwner<D, R, P>
where
    P: DriverEnd<D, R>,
{
    fn refuse(&mut self) {
        self.port.refuse();
    }
}

impl<D, R, P> Drop for PortOwner<D, R, P>
where
    P: DriverEnd<D, R>,
{
    fn drop(&mut self) {
        self.port.close();
    }
}

/// Takes no more requests in a scope, and closes the port at its end, even if it is left by a panic.
struct CloseAtEnd<'a, D, R, P: DriverEnd<D, R>>(&'a mut P, PhantomData<fn(D) -> R>);

impl<'a, D, R, P: DriverEnd<D, R>> CloseAtEnd<'a, D, R, P> {
    fn new(port: &'a mut P) -> Self {
        port.refuse();
        CloseAtEnd(port, PhantomData)
    }
}

impl<D, R, P: DriverEnd<D, R>> Drop for CloseAtEnd<'_, D, R, P> {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// Polls the body, with the port entered.
#[inline]
fn poll_body<D, R, F, P>(
    body: Pin<&mut F>,
    port: &mut P,
    state: &mut State,
    cx: &mut Context<'_>,
) -> Poll<F::Output>
where
    F: Future,
    P: DriverEnd<D, R>,
{
    port.enter(cx.waker());
    let guard = BodyPanics {
        port,
        state,
        message: PhantomData,
    };
    let polled = body.poll(cx);
    guard.port.leave();
    core::mem::forget(guard);
    polled
}

/// Whether a step is in progress, or begins without a reply.
//
// It is no rare case. But where it is one, another future than the driver is waited for as well, and
// takes more time than the branch.
#[cold]
fn needs_no_reply(state: State) -> bool {
    matches!(state, State::New | State::Stepping)
}

/// Polls the body for a step, and says by the state how that ended.
#[inline]
#[track_caller]
fn take_step<D, R, F, P>(
    mut slot: Pin<&mut Option<F>>,
    port: &mut P,
    state: &mut State,
    cx: &mut Context<'_>,
) -> Poll<Step<D, F::Output>>
where
    F: Future,
    P: DriverEnd<D, R>,
{
    let body = slot.as_mut().as_pin_mut();
    let body = body.expect("the body is there until it has ended");
    match poll_body(body, port, state, cx) {
        Poll::Pending => poll_request(port, state, cx).map(Step::Oob),
        Poll::Ready(output) => {
            *state = State::Done;
            let closing = CloseAtEnd::new(port);
            slot.set(None);
            drop(closing);
            Poll::Ready(Step::Done(output))
        }
    }
}

/// Looks for the request with which a step ends, when the poll of the body is over.
#[inline]
fn poll_request<D, R, P>(port: &mut P, state: &mut State, cx: &mut Context<'_>) -> Poll<D>
where
    P: DriverEnd<D, R>,
{
    let asked = match port.try_ask(cx.waker()) {
        Ok(asked) => asked,
        Err(()) => {
            *state = State::Stepping;
            port.ask_or_wait(cx.waker())
        }
    };
    match asked {
        Some(data) => {
            *state = State::Asked;
            Poll::Ready(data)
        }
        None => {
            *state = State::Stepping;
            Poll::Pending
        }
    }
}

/// Ends the monitor when a poll of its body is left by a panic.
struct BodyPanics<'a, D, R, P: DriverEnd<D, R>> {
    port: &'a mut P,
    state: &'a mut State,
    message: PhantomData<fn(D) -> R>,
}

impl<D, R, P: DriverEnd<D, R>> Drop for BodyPanics<'_, D, R, P> {
    #[cold]
    fn drop(&mut self) {
        *self.state = State::Panicked;
        self.port.leave();
        self.port.close();
    }
}
