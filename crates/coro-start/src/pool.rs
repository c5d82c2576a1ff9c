//! `EagerPool`: eager calls that use the same box again.

use alloc::boxed::Box;
use core::fmt;
use core::future::Future;
use core::mem;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};

use crate::depth::Level;
use crate::eager::Eager;

/// A place where eager calls of one kind of future take their box from.
///
/// [`eager`](crate::eager) makes a box for each future. Where the same call is made again and again and
/// mostly finishes at once, a pool keeps the box for the next call: nothing is allocated then. A future
/// that blocks takes the box with it, and the next call makes a new one.
///
/// ```
/// use corokit_coro_start::EagerPool;
/// use smol::future::{block_on, yield_now};
///
/// let mut pool = EagerPool::new();
/// let mut sum = 0;
/// for key in 0..10_u32 {
///     let lookup = async move {
///         if key == 5 {
///             yield_now().await;
///         }
///         key
///     };
///     // Only the one that blocks becomes a task.
///     let found = pool.eager(lookup, smol::spawn);
///     assert_eq!(found.is_ready(), key != 5);
///     sum += block_on(found);
/// }
/// assert_eq!(sum, 45);
/// ```
pub struct EagerPool<F> {
    /// Empty between two calls.
    slot: Option<Pin<Box<Option<F>>>>,
}

impl<F: Future> EagerPool<F> {
    /// Creates a pool, which allocates at its first use.
    ///
    /// ```
    /// use corokit_coro_start::EagerPool;
    ///
    /// let mut pool = EagerPool::new();
    /// assert!(pool.eager(async { 1 }, |rest| rest).is_ready());
    /// ```
    pub const fn new() -> Self {
        EagerPool { slot: None }
    }

    /// Does what [`eager`](crate::eager) does, in the box of the pool.
    ///
    /// # Panics
    ///
    /// As for [`eager`](crate::eager). The box is gone then.
    ///
    /// # Cancel safety
    ///
    /// As for [`eager`](crate::eager).
    ///
    /// ```
    /// use corokit_coro_start::{Eager, EagerPool};
    ///
    /// let mut pool = EagerPool::new();
    /// assert!(matches!(pool.eager(std::future::pending::<()>(), |rest| rest), Eager::Task(_)));
    /// ```
    #[inline]
    pub fn eager<J>(
        &mut self,
        future: F,
        spawn: impl FnOnce(PoolRest<F>) -> J,
    ) -> Eager<F::Output, J> {
        // If the poll panics, the box goes with its future.
        let filled = Filled(&mut self.slot);
        let slot = filled.0.get_or_insert_with(|| Box::pin(None));
        // The level comes first, so that nothing is between the filling of the box and the poll.
        let level = Level::enter();
        slot.set(Some(future));
        if let Some(_level) = level {
            // As in `eager`: whoever goes on polls once more, so nobody has to be woken by this poll.
            let mut cx = Context::from_waker(Waker::noop());
            if let Poll::Ready(value) = poll_slot(slot.as_mut(), &mut cx) {
                mem::forget(filled);
                return Eager::Ready(value);
            }
        }
        let rest = filled.0.take().expect("the box is there");
        Eager::Task(spawn(PoolRest(rest)))
    }
}

/// A box with a future in it, which is dropped unless it is taken out.
struct Filled<'a, F>(&'a mut Option<Pin<Box<Option<F>>>>);

impl<F> Drop for Filled<'_, F> {
    fn drop(&mut self) {
        *self.0 = None;
    }
}

/// Polls the future in a box, and drops it when it is ready.
#[inline]
#[track_caller]
fn poll_slot<F: Future>(mut slot: Pin<&mut Option<F>>, cx: &mut Context<'_>) -> Poll<F::Output> {
    let future = slot.as_mut().as_pin_mut();
    let poll = future
        .expect("`PoolRest` polled after it had completed")
        .poll(cx);
    if poll.is_ready() {
        slot.set(None);
    }
    poll
}

impl<F: Future> Default for EagerPool<F> {
    fn default() -> Self {
        EagerPool::new()
    }
}

impl<F> fmt::Debug for EagerPool<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EagerPool")
            .field("has_box", &self.slot.is_some())
            .finish()
    }
}

/// The rest of a future of an [`EagerPool`] that has blocked.
///
/// It is a future, and panics when it is polled after it has completed.
#[must_use = "futures do nothing unless they are awaited"]
pub struct PoolRest<F>(Pin<Box<Option<F>>>);

impl<F: Future> Future for PoolRest<F> {
    type Output = F::Output;

    #[inline]
    #[track_caller]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        poll_slot(self.0.as_mut(), cx)
    }
}

impl<F> fmt::Debug for PoolRest<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PoolRest").finish_non_exhaustive()
    }
}
