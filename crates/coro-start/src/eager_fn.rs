//! `eager_fn`: an async function whose calls start at once; `eager_on`: with a spawner as a value.

use alloc::boxed::Box;
use core::future::Future;
use core::pin::Pin;

use corokit_core::LocalSpawn;

use crate::eager::{Eager, eager};

/// Makes of an async function one whose calls start at once, each as by [`eager`].
///
/// A function of several arguments takes them as a tuple, or is called in a closure.
///
/// Source: `asynkit.func_eager`, `@asynkit.eager`.
///
/// # Panics
///
/// A call of the result panics where [`eager`] does.
///
/// # Cancel safety
///
/// As for [`eager`].
///
/// ```
/// use corokit_coro_start::eager_fn;
/// use smol::future::{block_on, yield_now};
///
/// async fn fetch(key: u32) -> u32 {
///     if key > 1 {
///         yield_now().await;
///     }
///     key * 10
/// }
///
/// let fetch = eager_fn(fetch, smol::spawn);
/// assert!(fetch(1).is_ready());
/// let slow = fetch(2);
/// assert!(!slow.is_ready());
/// assert_eq!(block_on(slow), 20);
/// ```
pub fn eager_fn<A, F: Future, J>(
    function: impl Fn(A) -> F,
    spawn: impl Fn(Pin<Box<F>>) -> J,
) -> impl Fn(A) -> Eager<F::Output, J> {
    move |arguments| eager(function(arguments), &spawn)
}

/// Does what [`eager`] does, with a spawner that is a value: an executor, an event loop, a field.
///
/// It is for libraries that take any executor, as a [`LocalSpawn`] or a
/// [`Spawn`](corokit_core::Spawn).
///
/// corokit's own executor and loop have an `eager` of their own, which gives the future an identity
/// from its first instruction; this one does not.
///
/// Source: the `create_task` argument of `asynkit.coro_eager`.
///
/// # Panics
///
/// As for [`eager`].
///
/// # Cancel safety
///
/// As for [`eager`].
///
/// ```
/// use corokit_coro_start::eager_on;
/// use corokit_sched_loop::EventLoop;
/// use futures_lite::future::yield_now;
///
/// let event_loop = EventLoop::new();
/// let hit = eager_on(&event_loop, async { 1 });
/// assert!(hit.is_ready());
/// let miss = eager_on(&event_loop, async { yield_now().await; 2 });
/// assert_eq!(event_loop.run(async { hit.await + miss.await }), 3);
/// ```
#[inline]
pub fn eager_on<F, S>(spawner: &S, future: F) -> Eager<F::Output, S::Handle>
where
    F: Future,
    S: LocalSpawn<Pin<Box<F>>> + ?Sized,
{
    eager(future, |rest| spawner.spawn_local(rest))
}
