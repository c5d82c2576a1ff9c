//! The first of many.

use std::fmt;
use std::future::Future;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::children::Children;

/// Runs futures together until the first has completed, drops the others, and gives its output.
///
/// Of several that are woken before the caller has its turn, the one that was woken first wins; in
/// the beginning, the one that was given first.
///
/// For futures of different types there is [`select`](crate::select), for those that are to stay
/// [`select_slice`](crate::select_slice) and [`wait`](crate::wait).
///
/// Source: `asyncio.wait(.., return_when=FIRST_COMPLETED)` and cancelling the rest.
///
/// # Panics
///
/// Panics if there are no futures: nothing would ever win. A panic of a future goes to the caller.
///
/// # Cancel safety
///
/// Dropping it drops all futures.
///
/// # Examples
///
/// ```
/// use corokit_parallel_serial::race;
/// use futures_lite::future::{block_on, yield_now};
///
/// let laps = [3, 1, 2].map(|laps| async move {
///     for _ in 0..laps {
///         yield_now().await;
///     }
///     laps
/// });
/// assert_eq!(block_on(race(laps)), 1);
/// ```
#[track_caller]
pub fn race<I>(futures: I) -> Race<I::Item>
where
    I: IntoIterator<Item: Future>,
{
    let children = Children::collect(futures);
    assert!(children.len() > 0, "a race of no futures would never end");
    Race { children }
}

/// The future of [`race`].
///
/// # Panics
///
/// Polling it after it has completed panics.
#[must_use = "futures do nothing unless polled or awaited"]
pub struct Race<F> {
    children: Children<F>,
}

impl<F: Future> Future for Race<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        match self.children.poll_next(cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Some((_, output))) => {
                // The others end before the output is known.
                self.children = Children::new();
                Poll::Ready(output)
            }
            Poll::Ready(None) => panic!("polled after completion"),
        }
    }
}

impl<F> fmt::Debug for Race<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Race").finish_non_exhaustive()
    }
}

/// Runs futures of [`Result`]s together until the first has succeeded, drops the others, and gives
/// its value.
///
/// # Errors
///
/// If all fail: the errors, in the order in which the futures were given. There are none if there
/// are no futures.
///
/// # Panics
///
/// A panic of a future goes to the caller.
///
/// # Cancel safety
///
/// Dropping it drops all futures, and the errors there are.
///
/// # Examples
///
/// ```
/// use corokit_parallel_serial::race_ok;
/// use futures_lite::future::block_on;
///
/// let numbers = |texts: [&'static str; 2]| {
///     block_on(race_ok(texts.map(|text| async move { text.parse::<u8>().map_err(|_| text) })))
/// };
/// assert_eq!(numbers(["one", "2"]), Ok(2));
/// assert_eq!(numbers(["one", "two"]), Err(vec!["one", "two"]));
/// ```
pub fn race_ok<I, T, E>(futures: I) -> RaceOk<I::Item, E>
where
    I: IntoIterator<Item: Future<Output = Result<T, E>>>,
{
    let children = Children::collect(futures);
    let mut errors = Vec::new();
    errors.resize_with(children.len(), || None);
    RaceOk { children, errors }
}

/// The future of [`race_ok`].
#[must_use = "futures do nothing unless polled or awaited"]
pub struct RaceOk<F, E> {
    children: Children<F>,
    errors: Vec<Option<E>>,
}

/// Nothing in it is pinned: the children are boxed, and errors are never polled.
impl<F, E> Unpin for RaceOk<F, E> {}

impl<F: Future<Output = Result<T, E>>, T, E> Future for RaceOk<F, E> {
    type Output = Result<T, Vec<E>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let RaceOk { children, errors } = &mut *self;
        let polled = children.poll_each(cx, |index, output| match output {
            Ok(value) => ControlFlow::Break(value),
            Err(error) => {
                errors[index] = Some(error);
                ControlFlow::Continue(())
            }
        });
        match polled {
            Poll::Pending => Poll::Pending,
            Poll::Ready(ControlFlow::Break(value)) => {
                self.children = Children::new();
                self.errors = Vec::new();
                Poll::Ready(Ok(value))
            }
            Poll::Ready(ControlFlow::Continue(())) => {
                let errors = std::mem::take(&mut self.errors);
                Poll::Ready(Err(errors.into_iter().flatten().collect()))
            }
        }
    }
}

impl<F, E> fmt::Debug for RaceOk<F, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RaceOk").finish_non_exhaustive()
    }
}
