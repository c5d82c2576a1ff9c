//! Waits for some of many, and gives the others back.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
#[cfg(feature = "time")]
use std::time::{Duration, Instant};

#[cfg(feature = "time")]
use corokit_core::time::{self, Sleep};

use crate::children::Numbered;

/// Waits until futures of a set have completed: all of them, the first, or the first that failed.
///
/// Nothing is cancelled: those that have completed are handed over with their outputs, those that
/// have not stay in the set. Whatever has completed in the same turn is handed over as well.
/// [`Wait::timeout`] sets a limit.
///
/// With nothing in the set that could complete, it returns at once.
///
/// Source: `asyncio.wait`.
///
/// # Panics
///
/// A panic of a future goes to the caller. That one is gone then; the others stay in the set, and so do
/// the outputs there are.
///
/// # Cancel safety
///
/// Dropping it leaves everything in the set, outputs included: the next call goes on.
///
/// # Examples
///
/// ```
/// use corokit_parallel_serial::{ReturnWhen, WaitSet, wait};
/// use futures_lite::future::{block_on, pending};
///
/// let executor = async_executor::LocalExecutor::new();
/// let mut set = WaitSet::from_iter([executor.spawn(pending()), executor.spawn(async { "b" })]);
/// block_on(executor.run(async {
///     let waited = wait(&mut set, ReturnWhen::FirstCompleted).await;
///     assert_eq!(waited.done, [(1, "b")]);
///     assert_eq!(set.pending().collect::<Vec<_>>(), [0]);
/// }));
/// ```
pub fn wait<F: Future>(set: &mut WaitSet<F>, when: ReturnWhen<F::Output>) -> Wait<'_, F> {
    set.wait(when)
}

/// What ends a [`wait`].
///
/// Source: `asyncio.ALL_COMPLETED`, `FIRST_COMPLETED`, `FIRST_EXCEPTION`.
pub enum ReturnWhen<T> {
    /// All have completed.
    AllCompleted,
    /// One has completed.
    FirstCompleted,
    /// One has completed with an output of which this is true, or all have completed.
    FirstMatch(fn(&T) -> bool),
}

impl<T, E> ReturnWhen<Result<T, E>> {
    /// One has failed, or all have completed.
    ///
    /// Source: `asyncio.FIRST_EXCEPTION`.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_parallel_serial::{ReturnWhen, WaitSet};
    /// use futures_lite::future::{block_on, pending, ready, Boxed, FutureExt};
    ///
    /// let futures: [Boxed<Result<u32, &str>>; 3] =
    ///     [ready(Ok(1)).boxed(), pending().boxed(), ready(Err("no")).boxed()];
    /// let mut set = WaitSet::from_iter(futures);
    /// let waited = block_on(set.wait(ReturnWhen::first_exception()));
    /// assert_eq!(waited.done, [(0, Ok(1)), (2, Err("no"))]);
    /// assert_eq!(set.len(), 1);
    /// ```
    pub fn first_exception() -> Self {
        ReturnWhen::FirstMatch(Result::is_err)
    }
}

impl<T> ReturnWhen<T> {
    fn is_met_by(&self, output: &T) -> bool {
        match self {
            ReturnWhen::AllCompleted => false,
            ReturnWhen::FirstCompleted => true,
            ReturnWhen::FirstMatch(matches) => matches(output),
        }
    }
}

impl<T> Clone for ReturnWhen<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for ReturnWhen<T> {}

impl<T> fmt::Debug for ReturnWhen<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ReturnWhen::AllCompleted => "AllCompleted",
            ReturnWhen::FirstCompleted => "FirstCompleted",
            ReturnWhen::FirstMatch(_) => "FirstMatch",
        })
    }
}

/// What has come of a [`wait`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Waited<T> {
    /// The outputs there were, with the numbers of their futures, in the order in which they came.
    pub done: Vec<(usize, T)>,
    /// Whether the time was up before what was waited for had happened.
    pub timed_out: bool,
}

/// Futures that are waited for together: see [`wait`].
///
/// They run while somebody waits, and are polled only when they were woken. Each has a number,
/// in the order in which they came.
pub struct WaitSet<F: Future> {
    children: Numbered<F>,
    /// Outputs that nobody has been given yet.
    done: Vec<(usize, F::Output)>,
}

impl<F: Future> WaitSet<F> {
    /// Makes an empty set.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_parallel_serial::WaitSet;
    /// use futures_lite::future::Ready;
    ///
    /// assert!(WaitSet::<Ready<u32>>::new().is_empty());
    /// ```
    pub fn new() -> Self {
        WaitSet {
            children: Numbered::new(),
            done: Vec::new(),
        }
    }

    /// Adds a future, and returns its number, which is no other's. What has completed takes no room.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_parallel_serial::WaitSet;
    /// use futures_lite::future::ready;
    ///
    /// let mut set = WaitSet::new();
    /// assert_eq!(set.insert(ready(1)), 0);
    /// assert_eq!(set.insert(ready(2)), 1);
    /// ```
    pub fn insert(&mut self, future: F) -> usize {
        self.children.insert(future)
    }

    /// Does what [`wait`](wait()) does.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_parallel_serial::{ReturnWhen, WaitSet};
    /// use futures_lite::future::{block_on, ready};
    ///
    /// let mut set = WaitSet::from_iter([ready(1), ready(2)]);
    /// let waited = block_on(set.wait(ReturnWhen::AllCompleted));
    /// assert_eq!(waited.done, [(0, 1), (1, 2)]);
    /// ```
    pub fn wait(&mut self, when: ReturnWhen<F::Output>) -> Wait<'_, F> {
        Wait {
            set: self,
            when,
            seen: 0,
            #[cfg(feature = "time")]
            limit: None,
        }
    }

    /// Takes the outputs that a wait has left here which was dropped, or has panicked, with the numbers of
    /// their futures, in the order in which they came. The next wait would hand them over, too.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_parallel_serial::{ReturnWhen, WaitSet};
    /// use futures_lite::future::{Boxed, FutureExt, block_on, pending, poll_once, ready};
    ///
    /// let futures: [Boxed<u32>; 2] = [ready(1).boxed(), pending().boxed()];
    /// let mut set = WaitSet::from_iter(futures);
    /// assert!(block_on(poll_once(set.wait(ReturnWhen::AllCompleted))).is_none());
    /// assert_eq!(set.take_done(), [(0, 1)]);
    /// assert_eq!(set.into_pending().len(), 1);
    /// ```
    pub fn take_done(&mut self) -> Vec<(usize, F::Output)> {
        std::mem::take(&mut self.done)
    }

    /// Returns how many futures have not completed.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_parallel_serial::WaitSet;
    /// use futures_lite::future::ready;
    ///
    /// assert_eq!(WaitSet::from_iter([ready(1), ready(2)]).len(), 2);
    /// ```
    pub fn len(&self) -> usize {
        self.children.running()
    }

    /// Says whether there is no future that has not completed. There may be outputs that nobody has been
    /// given: see [`take_done`](WaitSet::take_done).
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_parallel_serial::WaitSet;
    /// use futures_lite::future::ready;
    ///
    /// assert!(!WaitSet::from_iter([ready(1)]).is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the numbers of those that have not completed, in ascending order.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_parallel_serial::WaitSet;
    /// use futures_lite::future::ready;
    ///
    /// let set = WaitSet::from_iter([ready(1), ready(2)]);
    /// assert!(set.pending().eq([0, 1]));
    /// ```
    pub fn pending(&self) -> impl Iterator<Item = usize> {
        self.children.pending()
    }

    /// Takes a future back that has not completed.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_parallel_serial::WaitSet;
    /// use futures_lite::future::{block_on, ready};
    ///
    /// let mut set = WaitSet::from_iter([ready(1), ready(2)]);
    /// assert_eq!(block_on(set.take(1).unwrap()), 2);
    /// assert!(set.take(1).is_none());
    /// ```
    pub fn take(&mut self, index: usize) -> Option<F>
    where
        F: Unpin,
    {
        self.children.take(index)
    }

    /// Gives back what has not completed, with its numbers. Outputs that are still here
    /// ([`take_done`](WaitSet::take_done)) are dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_parallel_serial::WaitSet;
    /// use futures_lite::future::ready;
    ///
    /// let pending = WaitSet::from_iter([ready(1)]).into_pending();
    /// assert_eq!(pending.len(), 1);
    /// ```
    pub fn into_pending(mut self) -> Vec<(usize, F)>
    where
        F: Unpin,
    {
        self.children.take_all()
    }
}

impl<F: Future> FromIterator<F> for WaitSet<F> {
    fn from_iter<I: IntoIterator<Item = F>>(futures: I) -> Self {
        WaitSet {
            children: Numbered::collect(futures),
            done: Vec::new(),
        }
    }
}

impl<F: Future> Extend<F> for WaitSet<F> {
    fn extend<I: IntoIterator<Item = F>>(&mut self, futures: I) {
        for future in futures {
            self.insert(future);
        }
    }
}

impl<F: Future> Default for WaitSet<F> {
    fn default() -> Self {
        WaitSet::new()
    }
}

impl<F: Future> fmt::Debug for WaitSet<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitSet")
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

/// The future of [`wait`](wait()).
#[must_use = "futures do nothing unless polled or awaited"]
pub struct Wait<'a, F: Future> {
    set: &'a mut WaitSet<F>,
    when: ReturnWhen<F::Output>,
    /// How many of the outputs have been looked at.
    seen: usize,
    #[cfg(feature = "time")]
    limit: Option<Sleep>,
}

#[cfg(feature = "time")]
impl<F: Future> Wait<'_, F> {
    /// Waits no longer than this, counted from now. With zero, every future that is due has one turn.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_parallel_serial::{ReturnWhen, WaitSet};
    /// use futures_lite::future::{block_on, pending};
    /// use std::time::Duration;
    ///
    /// let mut set = WaitSet::from_iter([pending::<()>()]);
    /// let waited = block_on(set.wait(ReturnWhen::AllCompleted).timeout(Duration::ZERO));
    /// assert!(waited.timed_out);
    /// assert_eq!(set.len(), 1);
    /// ```
    pub fn timeout(mut self, duration: Duration) -> Self {
        self.limit = Some(time::sleep(duration));
        self
    }

    /// Waits no longer than until `deadline`.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_parallel_serial::{ReturnWhen, WaitSet};
    /// use futures_lite::future::{block_on, ready};
    /// use std::time::Instant;
    ///
    /// let mut set = WaitSet::from_iter([ready(1)]);
    /// let waited = block_on(set.wait(ReturnWhen::AllCompleted).deadline(Instant::now()));
    /// assert!(!waited.timed_out);
    /// ```
    pub fn deadline(mut self, deadline: Instant) -> Self {
        self.limit = Some(time::sleep_until(deadline));
        self
    }
}

impl<F: Future> Wait<'_, F> {
    fn is_time_up(&mut self, cx: &mut Context<'_>) -> bool {
        #[cfg(feature = "time")]
        if let Some(limit) = &mut self.limit {
            return Pin::new(limit).poll(cx).is_ready();
        }
        let _ = cx;
        false
    }
}

/// Nothing in it is pinned: the children are boxed.
impl<F: Future> Unpin for Wait<'_, F> {}

impl<F: Future> Future for Wait<'_, F> {
    type Output = Waited<F::Output>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let WaitSet { children, done } = &mut *this.set;
        let polled = children.poll_rest(cx, |index, output| done.push((index, output)));
        // Each output once: a turn costs what has happened since the last one.
        let fresh = done.get(this.seen..).unwrap_or_default().iter();
        let met = fresh.fold(polled.is_ready(), |met, (_, output)| {
            met || this.when.is_met_by(output)
        });
        this.seen = done.len();
        if !met && !this.is_time_up(cx) {
            return Poll::Pending;
        }
        Poll::Ready(Waited {
            done: this.set.take_done(),
            timed_out: !met,
        })
    }
}

impl<F: Future> fmt::Debug for Wait<'_, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wait")
            .field("set", &self.set)
            .field("when", &self.when)
            .finish_non_exhaustive()
    }
}
