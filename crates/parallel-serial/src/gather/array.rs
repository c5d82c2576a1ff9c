//! Arrays of futures.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::{Gather, Gatherable, TryGather, TryGatherable, kind, settled};
use crate::panicked::Settle;

/// The future of [`gather`](crate::gather) for arrays.
///
/// # Panics
///
/// Polling it after it has completed panics.
#[must_use = "futures do nothing unless polled or awaited"]
pub struct GatherArray<F: Future, const N: usize> {
    list: Gather<F>,
}

impl<F: Future, const N: usize> Future for GatherArray<F, N> {
    type Output = [F::Output; N];

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.list).poll(cx).map(into_array)
    }
}

impl<F: Future, const N: usize> fmt::Debug for GatherArray<F, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("GatherArray").field(&self.list).finish()
    }
}

/// The future of [`try_gather`](crate::try_gather) for arrays.
///
/// # Panics
///
/// Polling it after it has completed panics.
#[must_use = "futures do nothing unless polled or awaited"]
pub struct TryGatherArray<F, T, const N: usize> {
    list: TryGather<F, T>,
}

impl<F: Future<Output = Result<T, E>>, T, E, const N: usize> Future for TryGatherArray<F, T, N> {
    type Output = Result<[T; N], E>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let polled = Pin::new(&mut self.list).poll(cx);
        polled.map(|result| result.map(into_array))
    }
}

impl<F, T, const N: usize> fmt::Debug for TryGatherArray<F, T, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TryGatherArray").field(&self.list).finish()
    }
}

fn into_array<T, const N: usize>(list: Vec<T>) -> [T; N] {
    match list.try_into() {
        Ok(array) => array,
        Err(_) => unreachable!("there were {N} futures"),
    }
}

impl<F: Future, const N: usize> Gatherable<kind::Array> for [F; N] {
    type Gather = GatherArray<F, N>;
    type Settled = GatherArray<Settle<F>, N>;

    fn gather(self) -> Self::Gather {
        let list = Gather::new(self);
        GatherArray { list }
    }

    fn settle(self) -> Self::Settled {
        let list = Gather::new(settled(self));
        GatherArray { list }
    }
}

impl<F, T, E, const N: usize> TryGatherable<kind::Array> for [F; N]
where
    F: Future<Output = Result<T, E>>,
{
    type TryGather = TryGatherArray<F, T, N>;

    fn try_gather(self) -> Self::TryGather {
        let list = TryGather::new(self);
        TryGatherArray { list }
    }
}
