//! `Generator`: a stream whose values are yielded by an async function and its helpers.

mod end;
mod ext;
mod steps;
mod yielder;

use alloc::boxed::Box;
use alloc::rc::Rc;
use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};

use futures_core::{FusedStream, Stream};
use pin_project_lite::pin_project;

pub use end::GeneratorEnd;
pub use ext::GeneratorExt;
pub use steps::{CloseGenerator, Iter, Next, WouldBlock};
pub use yielder::{StackYielder, Yielder};

use crate::close::IgnoredClose;
use crate::link::DriverEnd;
use crate::monitor::{Monitor, State};
use crate::port::Port;
use crate::step::Step;

pin_project! {
    /// A stream whose values are yielded by its body, from any depth of helpers and from other tasks.
    ///
    /// The body is a future, made by a closure that is given a [`Yielder`]. It runs when the next
    /// value is asked for, up to where it yields one. It may await anything in between, and the stream
    /// then waits too.
    ///
    /// As a [`Stream`] it gives the values in their order. [`GeneratorExt`] has what goes beyond that:
    /// to send replies to the body, to throw errors, to close it, and to iterate without an executor.
    ///
    /// **The end.** When the body has ended, has panicked, or was closed, the generator gives `None`,
    /// however often it is asked: it is fused. A body of results may end with an error, which is the
    /// last value then, see [`GeneratorEnd`].
    ///
    /// **Dropping** a generator drops its body where it stands: the destructors run, and nothing else.
    /// Those who still yield elsewhere are told.
    ///
    /// Source: `asynkit.GeneratorObject`.
    ///
    /// # Cancel safety
    ///
    /// A future of the next value may be dropped at any time; the next one goes on.
    ///
    /// ```
    /// use corokit_monitor::{Generator, Yielder};
    /// use futures_lite::StreamExt;
    /// use futures_lite::future::block_on;
    ///
    /// async fn walk(tree: &Tree, yielder: &Yielder<u32>) {
    ///     for child in &tree.0 {
    ///         Box::pin(walk(child, yielder)).await;
    ///     }
    ///     yielder.yield_(tree.1).await;
    /// }
    ///
    /// struct Tree(Vec<Tree>, u32);
    /// let tree = Tree(vec![Tree(vec![], 1), Tree(vec![Tree(vec![], 2)], 3)], 4);
    ///
    /// let numbers = Generator::boxed(async |yielder: Yielder<u32>| walk(&tree, &yielder).await);
    /// assert_eq!(block_on(numbers.collect::<Vec<_>>()), [1, 2, 3, 4]);
    /// ```
    #[must_use = "a generator does nothing until it is asked for a value"]
    pub struct Generator<Y, R, F, P = Rc<Port<Y, R>>>
    where
        P: DriverEnd<Y, R>,
    {
        #[pin]
        monitor: Monitor<Y, R, F, P>,
    }
}

/// A [`Generator`] that may go to other threads, if its body may.
#[cfg(feature = "std")]
pub type SendGenerator<Y, R, F> = Generator<Y, R, F, crate::send::SendLink<Y, R>>;

/// A [`Yielder`] that may go to other threads, for [`Generator::new_send`].
#[cfg(feature = "std")]
pub type SendYielder<Y, R = ()> = Yielder<Y, R, alloc::sync::Arc<crate::send::SendPort<Y, R>>>;

impl<Y, R, F> Generator<Y, R, F>
where
    F: Future<Output: GeneratorEnd<Y>>,
{
    /// Creates a generator, to be pinned where it is to stay.
    ///
    /// `make` is called at once to make the body, which does not run before the first value is asked
    /// for. It may be an `async` closure. The port is allocated; [`Generator::on`] allocates nothing.
    ///
    /// ```
    /// use corokit_monitor::{Generator, Yielder};
    /// use futures_lite::StreamExt;
    /// use futures_lite::future::block_on;
    /// use std::pin::pin;
    ///
    /// let mut numbers = pin!(Generator::new(async |yielder: Yielder<u32>| {
    ///     for number in 0.. {
    ///         yielder.yield_(number).await;
    ///     }
    /// }));
    /// assert_eq!(block_on(numbers.next()), Some(0));
    /// assert_eq!(block_on(numbers.next()), Some(1));
    /// ```
    pub fn new(make: impl FnOnce(Yielder<Y, R>) -> F) -> Self {
        Generator {
            monitor: Monitor::new(|handle| make(Yielder::new(handle))),
        }
    }

    /// Creates a generator in a box, which can be moved about.
    ///
    /// Source: `asynkit.GeneratorObject.__call__`.
    ///
    /// ```
    /// use corokit_monitor::{Generator, Yielder};
    /// use futures_lite::{StreamExt, future::block_on};
    ///
    /// let numbers = Generator::boxed(async |yielder: Yielder<u32>| yielder.yield_(1).await);
    /// assert_eq!(block_on(numbers.collect::<Vec<_>>()), [1]);
    /// ```
    pub fn boxed(make: impl FnOnce(Yielder<Y, R>) -> F) -> Pin<Box<Self>> {
        Box::pin(Generator::new(make))
    }
}

impl<'p, Y, R, F> Generator<Y, R, F, &'p Port<Y, R>>
where
    F: Future<Output: GeneratorEnd<Y>>,
{
    /// Creates a generator on a port of the caller's, so that nothing is allocated.
    ///
    /// The port serves one generator at a time, and is as new for each.
    ///
    /// ```
    /// use corokit_monitor::{Generator, Port, StackYielder};
    /// use futures_lite::StreamExt;
    /// use futures_lite::future::block_on;
    /// use std::pin::pin;
    ///
    /// let mut port = Port::new();
    /// let numbers = pin!(Generator::on(&mut port, async |yielder: StackYielder<'_, u32>| {
    ///     yielder.yield_(1).await;
    ///     yielder.yield_(2).await;
    /// }));
    /// assert_eq!(block_on(numbers.collect::<Vec<_>>()), [1, 2]);
    /// ```
    pub fn on(port: &'p mut Port<Y, R>, make: impl FnOnce(StackYielder<'p, Y, R>) -> F) -> Self {
        Generator {
            monitor: Monitor::on(port, |handle| make(Yielder::new(handle))),
        }
    }
}

#[cfg(feature = "std")]
impl<Y, R, F> Generator<Y, R, F, crate::send::SendLink<Y, R>>
where
    Y: Send + 'static,
    R: Send + 'static,
    F: Future<Output: GeneratorEnd<Y>>,
{
    /// Creates a generator that may go to other threads, and may be fed from any.
    ///
    /// It is `Send` if its body is, which an `async` block in a closure can be.
    ///
    /// ```
    /// use corokit_monitor::{Generator, SendYielder};
    /// use futures_lite::{StreamExt, future::block_on};
    ///
    /// let numbers = Generator::new_send(|yielder: SendYielder<u32>| async move {
    ///     let other = yielder.clone();
    ///     let task = smol::spawn(async move { other.yield_(1).await });
    ///     task.await;
    ///     yielder.yield_(2).await;
    /// });
    /// let task = smol::spawn(async { numbers.collect::<Vec<_>>().await });
    /// assert_eq!(block_on(task), [1, 2]);
    /// ```
    pub fn new_send(make: impl FnOnce(SendYielder<Y, R>) -> F) -> Self {
        Generator {
            monitor: Monitor::new_send(|handle| make(Yielder::new(handle))),
        }
    }

    /// Does what [`Generator::new_send`] does, in a box.
    ///
    /// ```
    /// use corokit_monitor::{Generator, SendYielder};
    /// use futures_lite::{StreamExt, future::block_on};
    ///
    /// let numbers = Generator::boxed_send(|yielder: SendYielder<u32>| async move {
    ///     yielder.yield_(1).await;
    /// });
    /// let thread = std::thread::spawn(move || block_on(numbers.collect::<Vec<_>>()));
    /// assert_eq!(thread.join().unwrap(), [1]);
    /// ```
    pub fn boxed_send(make: impl FnOnce(SendYielder<Y, R>) -> F) -> Pin<Box<Self>> {
        Box::pin(Generator::new_send(make))
    }
}

impl<Y, R, F, P> Generator<Y, R, F, P>
where
    F: Future<Output: GeneratorEnd<Y>>,
    P: DriverEnd<Y, R>,
{
    /// Whether the generator will give no more values.
    ///
    /// It is known only after `None` was given, or the last value of a body that ended with an error.
    ///
    /// ```
    /// use corokit_monitor::{Generator, Yielder};
    /// use futures_lite::StreamExt;
    /// use futures_lite::future::block_on;
    ///
    /// let mut none = Generator::boxed(async |_: Yielder<u32>| {});
    /// assert!(!none.is_ended());
    /// assert_eq!(block_on(none.next()), None);
    /// assert!(none.is_ended());
    /// ```
    #[must_use]
    pub fn is_ended(&self) -> bool {
        matches!(self.monitor.state(), State::Done | State::Panicked)
    }

    /// Goes on with what was begun, up to the next value.
    #[inline]
    #[track_caller]
    fn poll_value(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Y>> {
        let monitor = self.project().monitor;
        match monitor.state() {
            State::Stepping => monitor.poll_step(cx).map(|step| match step {
                Step::Oob(value) => Some(value),
                Step::Done(output) => output.last(),
            }),
            State::Closing | State::Done | State::Panicked => Poll::Ready(None),
            State::New | State::Asked => polled_after_its_value(),
        }
    }

    /// Goes on up to the next value, with this reply if the body waits for one.
    #[inline]
    fn poll_next_value(
        self: Pin<&mut Self>,
        reply: impl FnOnce() -> R,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Y>> {
        let step = self.project().monitor.poll_next_step(reply, cx);
        step.map(|step| match step? {
            Step::Oob(value) => Some(value),
            Step::Done(output) => output.last(),
        })
    }

    /// Gives a reply to the body, if it waits for one or is over.
    fn try_reply(self: Pin<&mut Self>, reply: R) -> Result<(), R> {
        let mut monitor = self.project().monitor;
        match monitor.state() {
            State::Asked => monitor.as_mut().reply(reply),
            State::Done | State::Panicked => Ok(()),
            State::New | State::Stepping | State::Closing => Err(reply),
        }
    }

    fn begin_closing(self: Pin<&mut Self>) {
        self.project().monitor.begin_closing();
    }

    #[track_caller]
    fn poll_close(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Option<Y>, IgnoredClose<Y>>> {
        let closed = self.project().monitor.poll_close(cx);
        closed.map_ok(|output| output.and_then(GeneratorEnd::last))
    }
}

#[cold]
#[inline(never)]
#[track_caller]
fn polled_after_its_value() -> ! {
    panic!("the future of a generator's next value was polled after it had given the value")
}

impl<Y, R, F, P> Generator<Y, R, F, P>
where
    P: DriverEnd<Y, R>,
{
    /// Says that nobody waits for the next value.
    fn stop_waiting(self: Pin<&mut Self>) {
        self.project().monitor.stop_waiting();
    }
}

impl<Y, R, F, P> Stream for Generator<Y, R, F, P>
where
    R: Default,
    F: Future<Output: GeneratorEnd<Y>>,
    P: DriverEnd<Y, R>,
{
    type Item = Y;

    #[inline]
    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Y>> {
        self.poll_next_value(R::default, cx)
    }
}

impl<Y, R, F, P> FusedStream for Generator<Y, R, F, P>
where
    R: Default,
    F: Future<Output: GeneratorEnd<Y>>,
    P: DriverEnd<Y, R>,
{
    fn is_terminated(&self) -> bool {
        self.is_ended()
    }
}

impl<Y, R, F, P> fmt::Debug for Generator<Y, R, F, P>
where
    P: DriverEnd<Y, R>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Generator")
            .field("monitor", &self.monitor)
            .finish()
    }
}
