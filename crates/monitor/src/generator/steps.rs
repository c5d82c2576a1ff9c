//! The futures of a generator, and its iterator.

use alloc::rc::Rc;
use core::error::Error;
use core::fmt;
use core::future::Future;
use core::iter::FusedIterator;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};

use super::{Generator, GeneratorEnd};
use crate::close::IgnoredClose;
use crate::link::DriverEnd;
use crate::port::Port;

/// The future of the next value, from [`send`](crate::GeneratorExt::send),
/// [`start`](crate::GeneratorExt::start) or [`proceed`](crate::GeneratorExt::proceed).
///
/// # Panics
///
/// Polling panics after it has given a value. A panic of the body passes through; the generator has
/// ended then.
///
/// # Cancel safety
///
/// Dropping it loses nothing: the body stays where it is, a reply that was given has been delivered,
/// and [`proceed`](crate::GeneratorExt::proceed) or the stream goes on.
#[must_use = "a generator goes on only when the future is awaited"]
pub struct Next<'a, Y, R, F, P = Rc<Port<Y, R>>>
where
    P: DriverEnd<Y, R>,
{
    pub(super) generator: Pin<&'a mut Generator<Y, R, F, P>>,
}

impl<Y, R, F, P> Future for Next<'_, Y, R, F, P>
where
    F: Future<Output: GeneratorEnd<Y>>,
    P: DriverEnd<Y, R>,
{
    type Output = Option<Y>;

    #[inline]
    #[track_caller]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Y>> {
        self.generator.as_mut().poll_value(cx)
    }
}

impl<Y, R, F, P> Drop for Next<'_, Y, R, F, P>
where
    P: DriverEnd<Y, R>,
{
    #[inline]
    fn drop(&mut self) {
        self.generator.as_mut().stop_waiting();
    }
}

impl<Y, R, F, P> fmt::Debug for Next<'_, Y, R, F, P>
where
    P: DriverEnd<Y, R>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Next").field(&self.generator).finish()
    }
}

/// The future of [`close`](crate::GeneratorExt::close).
///
/// # Panics
///
/// Polling panics after it has completed with [`IgnoredClose`]. A panic of the body passes through.
///
/// # Cancel safety
///
/// Dropping it leaves the generator in between: [`close`](crate::GeneratorExt::close) goes on.
#[must_use = "a body goes on to its end only when the future is awaited"]
pub struct CloseGenerator<'a, Y, R, F, P = Rc<Port<Y, R>>>
where
    P: DriverEnd<Y, R>,
{
    pub(super) generator: Pin<&'a mut Generator<Y, R, F, P>>,
}

impl<Y, R, F, P> Future for CloseGenerator<'_, Y, R, F, P>
where
    F: Future<Output: GeneratorEnd<Y>>,
    P: DriverEnd<Y, R>,
{
    type Output = Result<Option<Y>, IgnoredClose<Y>>;

    #[track_caller]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.generator.as_mut().poll_close(cx)
    }
}

impl<Y, R, F, P> Drop for CloseGenerator<'_, Y, R, F, P>
where
    P: DriverEnd<Y, R>,
{
    fn drop(&mut self) {
        self.generator.as_mut().stop_waiting();
    }
}

impl<Y, R, F, P> fmt::Debug for CloseGenerator<'_, Y, R, F, P>
where
    P: DriverEnd<Y, R>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CloseGenerator")
            .field(&self.generator)
            .finish()
    }
}

/// The iterator of [`iter`](crate::GeneratorExt::iter).
///
/// # Panics
///
/// A panic of the body passes through [`next`](Iterator::next); the generator has ended then.
#[must_use = "iterators are lazy"]
pub struct Iter<'a, Y, R, F, P = Rc<Port<Y, R>>>
where
    P: DriverEnd<Y, R>,
{
    pub(super) generator: Pin<&'a mut Generator<Y, R, F, P>>,
}

impl<Y, R, F, P> Iterator for Iter<'_, Y, R, F, P>
where
    R: Default,
    F: Future<Output: GeneratorEnd<Y>>,
    P: DriverEnd<Y, R>,
{
    type Item = Result<Y, WouldBlock>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let mut cx = Context::from_waker(Waker::noop());
        match self.generator.as_mut().poll_next_value(R::default, &mut cx) {
            Poll::Ready(value) => value.map(Ok),
            Poll::Pending => {
                // Nobody is to be woken by what comes later.
                self.generator.as_mut().stop_waiting();
                Some(Err(WouldBlock(())))
            }
        }
    }
}

impl<Y, R, F, P> FusedIterator for Iter<'_, Y, R, F, P>
where
    R: Default,
    F: Future<Output: GeneratorEnd<Y>>,
    P: DriverEnd<Y, R>,
{
}

impl<Y, R, F, P> fmt::Debug for Iter<'_, Y, R, F, P>
where
    P: DriverEnd<Y, R>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Iter").field(&self.generator).finish()
    }
}

/// Says that the next value of a generator is not there without waiting.
///
/// Nothing is lost: the generator goes on when it is asked again, here or in an executor.
///
/// Source: `asynkit.SynchronousError`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WouldBlock(());

impl fmt::Display for WouldBlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "the body of the generator waits for something other than the next call; iterate it as a \
             stream, in an executor",
        )
    }
}

impl Error for WouldBlock {}
