//! The methods of generators beyond those of streams.

use core::future::Future;
use core::ops::DerefMut;
use core::pin::Pin;

use super::{CloseGenerator, Generator, GeneratorEnd, Iter, Next};
use crate::link::DriverEnd;

/// What a [`Generator`] does beyond what streams do, on every pinned pointer to one:
/// `Pin<Box<Generator<..>>>`, `Pin<&mut Generator<..>>`.
///
/// A second value cannot be asked for while the future of one is alive, nor from inside of the body:
/// the borrow checker refuses it.
pub trait GeneratorExt {
    /// What the body yields.
    type Value;
    /// What is sent to it.
    type Reply;
    /// The body.
    type Body: Future<Output: GeneratorEnd<Self::Value>>;
    /// How the port is reached.
    type Port: DriverEnd<Self::Value, Self::Reply>;

    /// Asks for the first value.
    ///
    /// It is for generators whose replies have no default, which are no streams.
    ///
    /// # Panics
    ///
    /// Panics if the generator was started before.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: [`proceed`](GeneratorExt::proceed) goes on.
    ///
    /// Source: `asend(None)` to a new generator.
    ///
    /// ```
    /// use corokit_monitor::{Generator, GeneratorExt, Yielder};
    /// use futures_lite::future::block_on;
    ///
    /// let mut sums = Generator::boxed(async |yielder: Yielder<u32, u32>| {
    ///     let mut sum = 0;
    ///     while sum < 100 {
    ///         sum += yielder.yield_(sum).await;
    ///     }
    /// });
    /// assert_eq!(block_on(sums.start()), Some(0));
    /// assert_eq!(block_on(sums.send(5)), Some(5));
    /// assert_eq!(block_on(sums.send(7)), Some(12));
    /// ```
    #[track_caller]
    fn start(&mut self) -> Next<'_, Self::Value, Self::Reply, Self::Body, Self::Port>;

    /// Sends a reply to the body, which gets it from its [`yield_`](crate::Yielder::yield_), and asks
    /// for the next value.
    ///
    /// The reply is delivered by this call, not by a poll of the future. A generator that has ended
    /// drops it, and gives `None`.
    ///
    /// # Panics
    ///
    /// Panics if the body waits for no reply: before its first value, while a value is being made, and
    /// while it is being closed. [`try_send`](GeneratorExt::try_send) gives the reply back instead.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: [`proceed`](GeneratorExt::proceed) goes on.
    ///
    /// Source: `asend(value)` of an iterator of `asynkit.GeneratorObject`.
    ///
    /// ```
    /// use corokit_monitor::{Generator, GeneratorExt, Yielder};
    /// use futures_lite::StreamExt;
    /// use futures_lite::future::block_on;
    ///
    /// let mut echo = Generator::boxed(async |yielder: Yielder<String, String>| {
    ///     let first = yielder.yield_("ready".into()).await;
    ///     yielder.yield_(first + "!").await;
    /// });
    /// assert_eq!(block_on(echo.next()).unwrap(), "ready");
    /// assert_eq!(block_on(echo.send("hello".into())).unwrap(), "hello!");
    /// assert_eq!(block_on(echo.next()), None);
    /// ```
    #[track_caller]
    fn send(
        &mut self,
        reply: Self::Reply,
    ) -> Next<'_, Self::Value, Self::Reply, Self::Body, Self::Port>;

    /// Does what [`send`](GeneratorExt::send) does, unless the body waits for no reply.
    ///
    /// # Errors
    ///
    /// Gives the reply back if the body waits for none: before its first value, while a value is being
    /// made, and while it is being closed. Nothing has changed then.
    ///
    /// # Cancel safety
    ///
    /// As for [`send`](GeneratorExt::send).
    ///
    /// Source: the `TypeError` of `asend(value)` to a new generator.
    ///
    /// ```
    /// use corokit_monitor::{Generator, GeneratorExt, Yielder};
    /// use futures_lite::StreamExt;
    /// use futures_lite::future::block_on;
    ///
    /// let mut numbers = Generator::boxed(async |yielder: Yielder<u32, u32>| {
    ///     yielder.yield_(1).await;
    /// });
    /// assert_eq!(numbers.try_send(7).err(), Some(7));
    /// assert_eq!(block_on(numbers.next()), Some(1));
    /// ```
    #[expect(
        clippy::type_complexity,
        reason = "the error is the reply, and the future has a name"
    )]
    fn try_send(
        &mut self,
        reply: Self::Reply,
    ) -> Result<Next<'_, Self::Value, Self::Reply, Self::Body, Self::Port>, Self::Reply>;

    /// Sends an error, where replies are results, and asks for the next value.
    ///
    /// A body that handles it yields on, or ends; one that passes it on by `?` ends with it, and it is
    /// the last value.
    ///
    /// # Panics
    ///
    /// As for [`send`](GeneratorExt::send).
    ///
    /// # Cancel safety
    ///
    /// As for [`send`](GeneratorExt::send).
    ///
    /// Source: `athrow(error)` of an iterator of `asynkit.GeneratorObject`.
    ///
    /// ```
    /// use corokit_monitor::{Generator, GeneratorExt, Yielder};
    /// use futures_lite::future::block_on;
    ///
    /// type Item = Result<u32, &'static str>;
    ///
    /// let mut numbers = Generator::boxed(async |yielder: Yielder<Item, Result<(), &'static str>>| {
    ///     let handled = yielder.yield_(Ok(1)).await;
    ///     yielder.yield_(Ok(u32::from(handled.is_err()) + 1)).await?;
    ///     Ok(())
    /// });
    /// assert_eq!(block_on(numbers.start()), Some(Ok(1)));
    /// assert_eq!(block_on(numbers.throw("handled")), Some(Ok(2)));
    /// assert_eq!(block_on(numbers.throw("not handled")), Some(Err("not handled")));
    /// assert_eq!(block_on(numbers.throw("over")), None);
    /// ```
    #[track_caller]
    fn throw<V, E>(
        &mut self,
        error: E,
    ) -> Next<'_, Self::Value, Self::Reply, Self::Body, Self::Port>
    where
        Self: GeneratorExt<Reply = Result<V, E>>,
    {
        self.send(Err(error))
    }

    /// Goes on with the value that is being made, whose future was dropped.
    ///
    /// # Panics
    ///
    /// Panics if no value is being made and the generator has not ended.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: call it again.
    ///
    /// ```
    /// use corokit_monitor::{Generator, GeneratorExt, Yielder};
    /// use futures_lite::future::{block_on, poll_once, yield_now};
    ///
    /// let mut numbers = Generator::boxed(async |yielder: Yielder<u32, u32>| {
    ///     yield_now().await;
    ///     yielder.yield_(1).await;
    /// });
    /// assert_eq!(block_on(poll_once(numbers.start())), None);
    /// assert_eq!(block_on(numbers.proceed()), Some(1));
    /// ```
    #[track_caller]
    fn proceed(&mut self) -> Next<'_, Self::Value, Self::Reply, Self::Body, Self::Port>;

    /// Asks the body to end, and waits until it has.
    ///
    /// A body that yields by [`try_yield`](crate::Yielder::try_yield) gets an error from it, may await
    /// its clean-up, and returns. One that waits in a plain [`yield_`](crate::Yielder::yield_), or has
    /// not begun, is dropped where it stands. The future gives the last value of the body, if it ended
    /// with one, as a result of `Err` is; `None` if it had ended before.
    ///
    /// # Errors
    ///
    /// [`IgnoredClose`](crate::IgnoredClose) with the value, if the body has yielded another one. It
    /// is alive then, and the generator goes on when it is asked.
    ///
    /// # Panics
    ///
    /// A panic of the body passes through the future.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped, the generator stays in between and gives no values: call `close`
    /// again to go on.
    ///
    /// Source: `aclose()` of an iterator of `asynkit.GeneratorObject`.
    ///
    /// ```
    /// use corokit_monitor::{Generator, GeneratorExt, Yielder};
    /// use futures_lite::StreamExt;
    /// use futures_lite::future::{block_on, yield_now};
    ///
    /// let mut log = Vec::new();
    /// let mut numbers = Generator::boxed(async |yielder: Yielder<u32>| {
    ///     let told = yielder.try_yield(1).await;
    ///     yield_now().await;
    ///     log.push(told);
    /// });
    /// assert_eq!(block_on(numbers.next()), Some(1));
    /// assert_eq!(block_on(numbers.close()), Ok(None));
    /// assert_eq!(block_on(numbers.next()), None);
    /// drop(numbers);
    /// assert!(log[0].is_err());
    /// ```
    fn close(&mut self) -> CloseGenerator<'_, Self::Value, Self::Reply, Self::Body, Self::Port>;

    /// Iterates here and now, without an executor.
    ///
    /// A body that waits for anything but the next call gives `Err(`[`WouldBlock`](crate::WouldBlock)`)`
    /// as its next item. Nothing is lost by that: ask again later, or go on in an executor. To wait
    /// instead, iterate the generator by `futures_lite::stream::block_on`.
    ///
    /// Source: `asynkit.aiter_sync` of an iterator of `asynkit.GeneratorObject`.
    ///
    /// ```
    /// use corokit_monitor::{Generator, GeneratorExt, Yielder};
    ///
    /// let mut numbers = Generator::boxed(async |yielder: Yielder<u32>| {
    ///     for number in 1..=3 {
    ///         yielder.yield_(number).await;
    ///     }
    /// });
    /// let sum: Result<u32, _> = numbers.iter().sum();
    /// assert_eq!(sum, Ok(6));
    /// ```
    fn iter(&mut self) -> Iter<'_, Self::Value, Self::Reply, Self::Body, Self::Port>
    where
        Self::Reply: Default;
}

impl<Q, Y, R, F, P> GeneratorExt for Pin<Q>
where
    Q: DerefMut<Target = Generator<Y, R, F, P>>,
    F: Future<Output: GeneratorEnd<Y>>,
    P: DriverEnd<Y, R>,
{
    type Value = Y;
    type Reply = R;
    type Body = F;
    type Port = P;

    fn start(&mut self) -> Next<'_, Y, R, F, P> {
        let mut generator = self.as_mut();
        generator.as_mut().project().monitor.begin();
        Next { generator }
    }

    #[inline]
    fn send(&mut self, reply: R) -> Next<'_, Y, R, F, P> {
        let mut generator = self.as_mut();
        if generator.as_mut().try_reply(reply).is_err() {
            generator.project().monitor.nothing_asked();
        }
        Next { generator }
    }

    #[inline]
    fn try_send(&mut self, reply: R) -> Result<Next<'_, Y, R, F, P>, R> {
        let mut generator = self.as_mut();
        generator.as_mut().try_reply(reply)?;
        Ok(Next { generator })
    }

    fn proceed(&mut self) -> Next<'_, Y, R, F, P> {
        let mut generator = self.as_mut();
        if !generator.is_ended() {
            generator.as_mut().project().monitor.check_step();
        }
        Next { generator }
    }

    fn close(&mut self) -> CloseGenerator<'_, Y, R, F, P> {
        let mut generator = self.as_mut();
        generator.as_mut().begin_closing();
        CloseGenerator { generator }
    }

    fn iter(&mut self) -> Iter<'_, Y, R, F, P>
    where
        R: Default,
    {
        Iter {
            generator: self.as_mut(),
        }
    }
}
