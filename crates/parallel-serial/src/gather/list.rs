//! Any number of futures of one type.

use std::fmt;
use std::future::Future;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::{Gatherable, TryGatherable, kind, settled};
use crate::children::Children;
use crate::panicked::Settle;

/// The future of [`gather`](crate::gather) for iterators and vectors.
///
/// # Panics
///
/// Polling it after it has completed panics.
#[must_use = "futures do nothing unless polled or awaited"]
pub struct Gather<F: Future> {
    children: Children<F>,
    outputs: Outputs<F::Output>,
}

impl<F: Future> Gather<F> {
    pub(super) fn new(futures: impl IntoIterator<Item = F>) -> Self {
        let children = Children::collect_few_at_once(futures);
        Gather {
            outputs: Outputs::new(children.len()),
            children,
        }
    }
}

/// Nothing in it is pinned: the children are boxed, and outputs are never polled.
impl<F: Future> Unpin for Gather<F> {}

impl<F: Future> Future for Gather<F> {
    type Output = Vec<F::Output>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let outputs = &mut this.outputs;
        let polled = this
            .children
            .poll_rest(cx, |index, output| outputs.set(index, output));
        polled.map(|()| this.outputs.take())
    }
}

impl<F: Future> fmt::Debug for Gather<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gather")
            .field("len", &self.children.len())
            .field("running", &self.children.running())
            .finish_non_exhaustive()
    }
}

/// The future of [`try_gather`](crate::try_gather) for iterators and vectors.
///
/// # Panics
///
/// Polling it after it has completed panics.
#[must_use = "futures do nothing unless polled or awaited"]
pub struct TryGather<F, T> {
    children: Children<F>,
    outputs: Outputs<T>,
}

impl<F: Future<Output = Result<T, E>>, T, E> TryGather<F, T> {
    pub(super) fn new(futures: impl IntoIterator<Item = F>) -> Self {
        let children = Children::collect(futures);
        TryGather {
            outputs: Outputs::new(children.len()),
            children,
        }
    }

    /// Those that have not completed.
    pub(super) fn children(&mut self) -> &mut Children<F> {
        &mut self.children
    }

    /// Polls, and says what is left in case of an error.
    pub(super) fn poll_with(
        &mut self,
        cx: &mut Context<'_>,
        failed: impl FnOnce(&mut Children<F>),
    ) -> Poll<Result<Vec<T>, E>> {
        let outputs = &mut self.outputs;
        let polled = self.children.poll_each(cx, |index, output| match output {
            Ok(value) => {
                outputs.set(index, value);
                ControlFlow::Continue(())
            }
            Err(error) => ControlFlow::Break(error),
        });
        match polled {
            Poll::Pending => Poll::Pending,
            Poll::Ready(ControlFlow::Continue(())) => Poll::Ready(Ok(self.outputs.take())),
            Poll::Ready(ControlFlow::Break(error)) => {
                failed(&mut self.children);
                self.children = Children::new();
                self.outputs.clear();
                Poll::Ready(Err(error))
            }
        }
    }
}

/// Nothing in it is pinned: the children are boxed, and outputs are never polled.
impl<F, T> Unpin for TryGather<F, T> {}

impl<F: Future<Output = Result<T, E>>, T, E> Future for TryGather<F, T> {
    type Output = Result<Vec<T>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.get_mut().poll_with(cx, |_| {})
    }
}

impl<F, T> fmt::Debug for TryGather<F, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TryGather").finish_non_exhaustive()
    }
}

/// The outputs there are.
struct Outputs<T> {
    slots: Vec<Option<T>>,
    done: bool,
}

impl<T> Outputs<T> {
    fn new(len: usize) -> Self {
        let mut slots = Vec::with_capacity(len);
        slots.resize_with(len, || None);
        Outputs { slots, done: false }
    }

    fn set(&mut self, index: usize, output: T) {
        self.slots[index] = Some(output);
    }

    /// Takes all of them, when they are complete.
    #[track_caller]
    fn take(&mut self) -> Vec<T> {
        assert!(!self.done, "polled after completion");
        self.done = true;
        let slots = std::mem::take(&mut self.slots).into_iter();
        slots
            .map(|slot| slot.expect("polled after a panic of a child"))
            .collect()
    }

    /// Drops what there is.
    fn clear(&mut self) {
        self.done = true;
        self.slots = Vec::new();
    }
}

/// Implements the traits for what can be iterated over.
macro_rules! lists {
    ($($kind:ident: [$($generics:tt)*] $list:ty, $future:ty;)*) => {
        $(
            impl<$($generics)*> Gatherable<kind::$kind> for $list
            where
                $future: Future,
            {
                type Gather = Gather<$future>;
                type Settled = Gather<Settle<$future>>;

                fn gather(self) -> Self::Gather {
                    Gather::new(self)
                }

                fn settle(self) -> Self::Settled {
                    Gather::new(settled(self))
                }
            }

            impl<$($generics)*, T, E> TryGatherable<kind::$kind> for $list
            where
                $future: Future<Output = Result<T, E>>,
            {
                type TryGather = TryGather<$future, T>;

                fn try_gather(self) -> Self::TryGather {
                    TryGather::new(self)
                }
            }
        )*
    };
}

lists! {
    Iter: [I: Iterator] I, I::Item;
    List: [F] Vec<F>, F;
}
