//! The first of a few: of different types, or of a slice that keeps the others.

#![expect(
    non_snake_case,
    reason = "a field has the name of its type, which the macro gets once"
)]

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

/// Runs the futures of a tuple (of two to six) together until the first has completed, drops the
/// others, and says which it was and what its output is.
///
/// If several can complete, the one that is named first does: put first what must not be kept
/// waiting.
///
/// Source: `asyncio.wait(.., return_when=FIRST_COMPLETED)` and cancelling the rest.
///
/// # Panics
///
/// A panic of a future goes to the caller.
///
/// # Cancel safety
///
/// Dropping it drops all futures. To keep those that have not completed, hand over references:
/// `select((&mut a, &mut b))`.
///
/// # Examples
///
/// ```
/// use corokit_parallel_serial::{OneOf2, select};
/// use futures_lite::future::{block_on, pending};
///
/// match block_on(select((pending::<&str>(), async { 42 }))) {
///     OneOf2::A(text) => unreachable!("{text}"),
///     OneOf2::B(number) => assert_eq!(number, 42),
/// }
/// ```
pub fn select<S: Selectable>(futures: S) -> S::Select {
    futures.select()
}

/// What [`select`] takes: tuples of two to six futures.
pub trait Selectable {
    /// The future of the first output.
    type Select: Future;

    /// Does what [`select`] does.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_parallel_serial::{OneOf2, Selectable};
    /// use futures_lite::future::block_on;
    ///
    /// assert_eq!(block_on((async { 1 }, async { "b" }).select()), OneOf2::A(1));
    /// ```
    fn select(self) -> Self::Select;
}

/// Defines the tuples of one length.
macro_rules! tuples {
    ($($name:ident $one_of:ident: $($letter:ident),+;)*) => {
        $(
            /// Which of the futures of a [`select`](crate::select) was first, with its output.
            #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
            #[expect(missing_docs, reason = "A is the first one, B the second")]
            pub enum $one_of<$($letter),+> {
                $($letter($letter),)+
            }

            pin_project! {
                #[doc = "The future of [`select`] for a tuple of this length.\n\n# Panics\n\nPolling it after it has completed panics."]
                #[must_use = "futures do nothing unless polled or awaited"]
                pub struct $name<$($letter),+> {
                    $(#[pin] $letter: Option<$letter>,)+
                }
            }

            impl<$($letter: Future),+> Future for $name<$($letter),+> {
                type Output = $one_of<$($letter::Output),+>;

                fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
                    let mut this = self.project();
                    let mut first = None;
                    $(
                        if first.is_none() {
                            let future = this.$letter.as_mut().as_pin_mut();
                            let future = future.expect("polled after completion");
                            if let Poll::Ready(output) = future.poll(cx) {
                                first = Some($one_of::$letter(output));
                            }
                        }
                    )+
                    match first {
                        Some(first) => {
                            // The others end before the output is known.
                            $(this.$letter.set(None);)+
                            Poll::Ready(first)
                        }
                        None => Poll::Pending,
                    }
                }
            }

            impl<$($letter),+> fmt::Debug for $name<$($letter),+> {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.debug_struct(stringify!($name)).finish_non_exhaustive()
                }
            }

            impl<$($letter: Future),+> Selectable for ($($letter,)+) {
                type Select = $name<$($letter),+>;

                fn select(self) -> Self::Select {
                    let ($($letter,)+) = self;
                    $name { $($letter: Some($letter),)+ }
                }
            }
        )*
    };
}

tuples! {
    Select2 OneOf2: A, B;
    Select3 OneOf3: A, B, C;
    Select4 OneOf4: A, B, C, D;
    Select5 OneOf5: A, B, C, D, E;
    Select6 OneOf6: A, B, C, D, E, F;
}

/// Waits for the first future of a slice to complete, and leaves the others to the caller.
///
/// Each turn polls all of them, in order: for many, or again and again, use a
/// [`WaitSet`](crate::WaitSet).
///
/// # Panics
///
/// Panics if the slice is empty: nothing would ever complete. A panic of a future goes to the
/// caller.
///
/// # Cancel safety
///
/// Dropping it changes nothing. The future that has completed must not be polled again.
///
/// # Examples
///
/// ```
/// use corokit_parallel_serial::select_slice;
/// use futures_lite::future::block_on;
///
/// let executor = async_executor::LocalExecutor::new();
/// let mut tasks = vec![executor.spawn(std::future::pending()), executor.spawn(async { 1 })];
/// block_on(executor.run(async {
///     let (index, output) = select_slice(&mut tasks).await;
///     assert_eq!((index, output), (1, 1));
///     tasks.remove(index);
///     assert!(!tasks[0].is_finished());
/// }));
/// ```
#[track_caller]
pub fn select_slice<F: Future + Unpin>(futures: &mut [F]) -> SelectSlice<'_, F> {
    assert!(
        !futures.is_empty(),
        "none of no futures would ever complete"
    );
    SelectSlice { futures }
}

/// The future of [`select_slice`].
#[must_use = "futures do nothing unless polled or awaited"]
#[derive(Debug)]
pub struct SelectSlice<'a, F> {
    futures: &'a mut [F],
}

impl<F: Future + Unpin> Future for SelectSlice<'_, F> {
    type Output = (usize, F::Output);

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        for (index, future) in self.futures.iter_mut().enumerate() {
            if let Poll::Ready(output) = Pin::new(future).poll(cx) {
                return Poll::Ready((index, output));
            }
        }
        Poll::Pending
    }
}
