//! What the body of a generator yields by.

use alloc::rc::Rc;
use core::fmt;
use core::ops::Deref;

use crate::handle::Handle;
use crate::link::AskerEnd;
use crate::oob::{Oob, TryOob};
use crate::port::Port;

/// What the body of a [`Generator`](crate::Generator) yields values by.
///
/// It is given to the closure that makes the body. It may be cloned, passed to helpers however deep,
/// used in several branches of a join at once, and given to other tasks: whoever holds it feeds the
/// generator. Values are given out in the order in which they were yielded.
///
/// Source: `asynkit.GeneratorObject`, whose `ayield` works in the generator's own task alone.
pub struct Yielder<Y, R = (), P = Rc<Port<Y, R>>> {
    handle: Handle<Y, R, P>,
}

/// A [`Yielder`] to a port that is not allocated, for [`Generator::on`](crate::Generator::on).
pub type StackYielder<'p, Y, R = ()> = Yielder<Y, R, &'p Port<Y, R>>;

impl<Y, R, P> Yielder<Y, R, P>
where
    P: Deref<Target: AskerEnd<Y, R> + Sized>,
{
    pub(crate) fn new(handle: Handle<Y, R, P>) -> Self {
        Yielder { handle }
    }

    /// Gives a value to whoever iterates, and waits until the next one is asked for.
    ///
    /// What it returns is what was [sent](crate::GeneratorExt::send), or the default where the
    /// generator is iterated as a stream.
    ///
    /// # Panics
    ///
    /// The returned future panics when it is polled after the generator has ended or was dropped. The
    /// body of a generator never sees that; where a yielder leaves it,
    /// [`try_yield`](Yielder::try_yield) gives an error instead.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future takes the value back, if it has not been given out.
    ///
    /// Source: `asynkit.GeneratorObject.ayield`.
    ///
    /// ```
    /// use corokit_monitor::{Generator, Yielder};
    /// use futures_lite::StreamExt;
    /// use futures_lite::future::block_on;
    ///
    /// async fn twice(yielder: &Yielder<u32>, value: u32) {
    ///     yielder.yield_(value).await;
    ///     yielder.yield_(value).await;
    /// }
    ///
    /// let generator = Generator::boxed(async |yielder: Yielder<u32>| {
    ///     twice(&yielder, 1).await;
    ///     twice(&yielder, 2).await;
    /// });
    /// assert_eq!(block_on(generator.collect::<Vec<_>>()), [1, 1, 2, 2]);
    /// ```
    #[inline]
    #[track_caller]
    pub fn yield_(&self, value: Y) -> Oob<'_, Y, R, P::Target> {
        self.handle.oob(value)
    }

    /// Does what [`yield_`](Yielder::yield_) does, with an error in place of the panic; and it hears of
    /// [`close`](crate::GeneratorExt::close).
    ///
    /// # Errors
    ///
    /// The future gives [`OobError::NotActive`](crate::OobError::NotActive) with the value when nobody
    /// got it, and [`OobError::Closed`](crate::OobError::Closed) when it was given out and nobody will
    /// ask for more.
    ///
    /// # Cancel safety
    ///
    /// As for [`yield_`](Yielder::yield_).
    ///
    /// Source: the `GeneratorExit` that `ayield` raises.
    ///
    /// ```
    /// use corokit_monitor::{Generator, GeneratorExt, Yielder};
    /// use futures_lite::StreamExt;
    /// use futures_lite::future::block_on;
    /// use std::cell::Cell;
    ///
    /// let rounds = Cell::new(0);
    /// let mut generator = Generator::boxed(async |yielder: Yielder<u32>| {
    ///     while yielder.try_yield(rounds.get()).await.is_ok() {
    ///         rounds.set(rounds.get() + 1);
    ///     }
    ///     rounds.set(100);
    /// });
    /// assert_eq!(block_on(generator.next()), Some(0));
    /// assert_eq!(block_on(generator.next()), Some(1));
    /// assert_eq!(block_on(generator.close()), Ok(None));
    /// assert_eq!(rounds.get(), 100);
    /// ```
    #[inline]
    pub fn try_yield(&self, value: Y) -> TryOob<'_, Y, R, P::Target> {
        self.handle.try_oob(value)
    }

    /// Whether the generator has ended or was dropped, so that nobody will get a value.
    ///
    /// ```
    /// use corokit_monitor::{Generator, Yielder};
    ///
    /// let mut kept = None;
    /// let generator = Generator::new(|yielder: Yielder<u32>| {
    ///     kept = Some(yielder);
    ///     async {}
    /// });
    /// let yielder = kept.unwrap();
    /// assert!(!yielder.is_closed());
    /// drop(generator);
    /// assert!(yielder.is_closed());
    /// ```
    pub fn is_closed(&self) -> bool {
        self.handle.is_closed()
    }
}

impl<Y, R, P: Clone> Clone for Yielder<Y, R, P> {
    fn clone(&self) -> Self {
        Yielder {
            handle: self.handle.clone(),
        }
    }
}

impl<Y, R, P> fmt::Debug for Yielder<Y, R, P>
where
    Handle<Y, R, P>: fmt::Debug,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Yielder").field(&self.handle).finish()
    }
}
