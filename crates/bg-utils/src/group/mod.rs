//! A group of background tasks, on any executor: siblings are not cancelled when one fails.
//!
//! ```
//! use corokit_bg_utils::group::Group;
//! use futures_lite::future::block_on;
//!
//! // It takes a function that spawns; here that of smol.
//! let mut group = Group::new(|child| smol::spawn(child).detach());
//! block_on(async {
//!     for n in [3, 0, 7] {
//!         group.spawn(async move { 21 / n }).await.unwrap();
//!     }
//!     let mut results = group.close().await;
//!     results.sort_by_key(|child| child.id);
//!     // One has panicked, and the others have not heard of it.
//!     let results: Vec<_> = results.into_iter().map(|child| child.outcome.ok()).collect();
//!     assert_eq!(results, [Some(7), None, Some(3)]);
//! });
//! ```
//!
//! # The model
//!
//! - **Children** run on the executor, whether or not anybody looks at the group. What they return,
//!   and that they have panicked or were cancelled, are values: nothing that happens to a child
//!   reaches another one, or the group.
//! - **Order**: results come in the order of completion.
//! - **Limit**: with one, [`spawn`](Group::spawn) waits until a child ends. Those who wait are
//!   served first in, first out, and nobody passes them.
//! - **Closing** waits for all children, and for theirs, if they spawn some through a
//!   [`Handle`]. With a [deadline](Group::close_deadline) there is one, for all of them: at that
//!   instant nobody is let in any more, those who are left are cancelled, and their futures have
//!   been dropped when the call returns.
//! - **Dropping** the group cancels all children; [`detach_all`](Group::detach_all) lets them be.
//! - **Threads**: a [`Group`] takes futures that are `Send`, and may be used from any thread. A
//!   [`LocalGroup`] takes any, and stays on its thread.
//!
//! Two lifetimes say how long the function that spawns may be used, `'s`, and how long children may
//! borrow, `'ex`. Both are `'static` with a global executor.
//!
//! For a stream of things to do, [`map_concurrent`](MapConcurrent::map_concurrent) needs no group.

mod admission;
mod child;
#[cfg(not(loom))]
mod driven;
mod kind;
#[cfg(all(test, loom))]
mod loom_tests;
#[cfg(not(loom))]
mod map;
mod shared;

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
#[cfg(not(loom))]
use std::time::{Duration, Instant};

#[cfg(not(loom))]
use corokit_core::time;
use futures_core::Stream;

pub use crate::Closed;
pub use child::{Failure, Finished, Id};
pub use kind::{AnyChild, Kind, Local, LocalChild, Sendable};
#[cfg(not(loom))]
pub use map::{Map, MapConcurrent, MapOrdered};
use shared::{Admit, Refusal, Shared};

/// A group that takes futures that are not `Send`, and stays on its thread.
pub type LocalGroup<'s, 'ex, T> = Group<'s, 'ex, T, Local>;

/// A handle of a [`LocalGroup`].
pub type LocalHandle<'s, 'ex, T> = Handle<'s, 'ex, T, Local>;

/// A group of background tasks. Dropping it cancels all that are running.
///
/// See the [module](self) for how it behaves.
///
/// Source: `async_utils.bg_tasks.BGTasks` and `CurrentLoopExecutor`. There, a timeout of zero was
/// none, and one that was set began again with each round.
///
/// # Examples
///
/// ```
/// use corokit_bg_utils::group::Group;
/// use futures_lite::future::block_on;
///
/// let mut group = Group::new(|child| smol::spawn(child).detach()).limit(2);
/// block_on(async {
///     for n in 0..10 {
///         // From the third on, this waits for one to end.
///         group.spawn(async move { n }).await.unwrap();
///     }
///     let mut sum = 0;
///     while let Some(child) = group.next().await {
///         sum += child.outcome.unwrap();
///     }
///     assert_eq!(sum, 45);
/// });
/// ```
pub struct Group<'s, 'ex, T, K: Kind<'s, 'ex> = Sendable> {
    handle: Handle<'s, 'ex, T, K>,
    detached: bool,
}

/// Spawns into a [`Group`] from elsewhere, for instance from its children.
///
/// A handle does not keep the group from closing.
///
/// ```
/// use corokit_bg_utils::group::Group;
/// use futures_lite::future::block_on;
///
/// let mut group = Group::new(|child| smol::spawn(child).detach());
/// let handle = group.handle();
/// let parent = async move {
///     handle.spawn(async { "child" }).await.unwrap();
///     "parent"
/// };
/// block_on(async {
///     group.spawn(parent).await.unwrap();
///     assert_eq!(group.close().await.len(), 2);
/// });
/// ```
pub struct Handle<'s, 'ex, T, K: Kind<'s, 'ex> = Sendable> {
    shared: Arc<Shared<T>>,
    spawner: Arc<K::Spawner>,
}

/// Why a future was not spawned. It comes back.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refused<F> {
    /// As many children are running as may.
    Full(F),
    /// The group is closed.
    Closed(F),
}

impl<F> Refused<F> {
    /// Returns the future that was to be spawned.
    ///
    /// ```
    /// use corokit_bg_utils::group::Refused;
    ///
    /// assert_eq!(Refused::Full("future").into_inner(), "future");
    /// ```
    pub fn into_inner(self) -> F {
        match self {
            Refused::Full(future) | Refused::Closed(future) => future,
        }
    }
}

impl<F> fmt::Debug for Refused<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Refused::Full(_) => "Full(..)",
            Refused::Closed(_) => "Closed(..)",
        })
    }
}

impl<F> fmt::Display for Refused<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Refused::Full(_) => "as many children are running as may: wait for one to end",
            Refused::Closed(_) => "the group is closed",
        })
    }
}

impl<F> std::error::Error for Refused<F> {}

/// What a group that was closed by a deadline has come to.
#[derive(Debug)]
pub struct Outcomes<T> {
    /// Those that have ended by themselves, in the order of completion, as far as they were not
    /// taken before.
    pub finished: Vec<Finished<T>>,
    /// Those that were cancelled, in the order in which they were dropped.
    pub cancelled: Vec<Id>,
}

/// Writes the functions that differ by what may be spawned.
macro_rules! spawning {
    ($kind:ty, [$($send:ident)?]) => {
        impl<'s, 'ex, T: $($send +)? 'ex> Handle<'s, 'ex, T, $kind> {
            /// Spawns a child, as soon as there is room for it.
            ///
            /// # Errors
            ///
            /// The future comes back if the group is closed.
            ///
            /// # Cancel safety
            ///
            /// Dropping the future is never having asked: nothing was spawned.
            ///
            /// # Examples
            ///
            /// ```
            /// use corokit_bg_utils::group::Group;
            ///
            /// let mut group = Group::new(|child| smol::spawn(child).detach()).limit(1);
            /// smol::block_on(async {
            ///     let first = group.handle().spawn(async { 1 }).await.unwrap();
            ///     // This waits until the first has ended.
            ///     let second = group.handle().spawn(async { 2 }).await.unwrap();
            ///     assert!(first < second);
            ///     assert_eq!(group.close().await.len(), 2);
            /// });
            /// ```
            pub async fn spawn<F>(&self, future: F) -> Result<Id, Closed<F>>
            where
                F: Future<Output = T> $(+ $send)? + 'ex,
            {
                let mut admit = Admit::new(&self.shared);
                match poll_fn(|cx| admit.poll(cx)).await {
                    Ok(place) => self.start(place, future),
                    Err(()) => Err(Closed(future)),
                }
            }

            /// Spawns a child if there is room for it now.
            ///
            /// # Errors
            ///
            /// The future comes back if there is no room, or if the group is closed.
            ///
            /// # Examples
            ///
            /// ```
            /// use corokit_bg_utils::group::{Group, Refused};
            ///
            /// let group = Group::new(|child| smol::spawn(child).detach()).limit(1);
            /// assert!(group.handle().try_spawn(std::future::pending::<()>()).is_ok());
            /// let refused = group.handle().try_spawn(std::future::pending());
            /// assert!(matches!(refused, Err(Refused::Full(_))));
            /// ```
            pub fn try_spawn<F>(&self, future: F) -> Result<Id, Refused<F>>
            where
                F: Future<Output = T> $(+ $send)? + 'ex,
            {
                match self.shared.try_admit() {
                    Ok(place) => {
                        let started = self.start(place, future);
                        started.map_err(|Closed(future)| Refused::Closed(future))
                    }
                    Err(Refusal::Full) => Err(Refused::Full(future)),
                    Err(Refusal::Closed) => Err(Refused::Closed(future)),
                }
            }

            fn start<F>(&self, place: shared::Place<'_, T>, future: F) -> Result<Id, Closed<F>>
            where
                F: Future<Output = T> $(+ $send)? + 'ex,
            {
                let Some(ticket) = self.shared.enrol(place) else {
                    return Err(Closed(future));
                };
                let id = ticket.id;
                (self.spawner)(Box::pin(child::Child::new(future, ticket)));
                Ok(id)
            }
        }

        impl<'s, 'ex, T: $($send +)? 'ex> Group<'s, 'ex, T, $kind> {
            /// Spawns a child, as soon as there is room for it: see [`limit`](Self::limit).
            ///
            /// # Errors
            ///
            /// The future comes back if the group is closed.
            ///
            /// # Cancel safety
            ///
            /// Dropping the future is never having asked: nothing was spawned.
            ///
            /// # Examples
            ///
            /// ```
            /// use corokit_bg_utils::group::Group;
            ///
            /// let mut group = Group::new(|child| smol::spawn(child).detach()).limit(1);
            /// smol::block_on(async {
            ///     let first = group.spawn(async { 1 }).await.unwrap();
            ///     // This waits until the first has ended.
            ///     let second = group.spawn(async { 2 }).await.unwrap();
            ///     assert!(first < second);
            ///     assert_eq!(group.close().await.len(), 2);
            /// });
            /// ```
            pub async fn spawn<F>(&self, future: F) -> Result<Id, Closed<F>>
            where
                F: Future<Output = T> $(+ $send)? + 'ex,
            {
                self.handle.spawn(future).await
            }

            /// Spawns a child if there is room for it now. Without a limit there always is.
            ///
            /// # Errors
            ///
            /// The future comes back if there is no room, or if the group is closed.
            ///
            /// # Examples
            ///
            /// ```
            /// use corokit_bg_utils::group::{Group, Refused};
            ///
            /// let group = Group::new(|child| smol::spawn(child).detach()).limit(1);
            /// assert!(group.try_spawn(std::future::pending::<()>()).is_ok());
            /// let refused = group.try_spawn(std::future::pending());
            /// assert!(matches!(refused, Err(Refused::Full(_))));
            /// ```
            pub fn try_spawn<F>(&self, future: F) -> Result<Id, Refused<F>>
            where
                F: Future<Output = T> $(+ $send)? + 'ex,
            {
                self.handle.try_spawn(future)
            }
        }
    };
}

spawning!(Sendable, [Send]);
spawning!(Local, []);

impl<'s, 'ex, T: Send + 'ex> Group<'s, 'ex, T> {
    /// Makes an empty group whose children are spawned by a function, which gets each child as a
    /// future, and sees to it that it is polled.
    ///
    /// A child that the executor drops counts as cancelled.
    ///
    /// ```
    /// use corokit_bg_utils::group::Group;
    ///
    /// let executor = smol::Executor::new();
    /// let mut group = Group::new(|child| executor.spawn(child).detach());
    /// group.try_spawn(async { 7 }).unwrap();
    /// let results = smol::block_on(executor.run(group.close()));
    /// assert_eq!(results[0].outcome.as_ref().unwrap(), &7);
    /// ```
    pub fn new(spawner: impl Fn(AnyChild<'ex>) + Send + Sync + 's) -> Self {
        let spawner: Arc<dyn Fn(AnyChild<'ex>) + Send + Sync + 's> = Arc::new(spawner);
        Group::with(spawner)
    }

    /// Makes an empty group that needs no executor: the future returned runs the children, each only
    /// when it was woken, and ends when the group and its handles are gone.
    ///
    /// ```
    /// use corokit_bg_utils::group::Group;
    /// use futures_lite::future::{block_on, zip};
    ///
    /// let (mut group, driver) = Group::driven();
    /// let work = async move {
    ///     group.spawn(async { 6 * 7 }).await.unwrap();
    ///     group.next().await.unwrap().outcome.unwrap()
    /// };
    /// assert_eq!(block_on(zip(work, driver)), (42, ()));
    /// ```
    #[cfg(not(loom))]
    pub fn driven() -> (Self, impl Future<Output = ()> + Send + use<'s, 'ex, T>)
    where
        'ex: 's,
    {
        let (spawner, driver) = driven::driven();
        (Group::new(spawner), driver)
    }
}

impl<'s, 'ex, T: 'ex> LocalGroup<'s, 'ex, T> {
    /// Makes an empty group whose children are spawned by a function, which gets each child as a
    /// future, and sees to it that it is polled.
    ///
    /// ```
    /// use corokit_bg_utils::group::LocalGroup;
    /// use corokit_sched_loop as sched_loop;
    /// use std::rc::Rc;
    ///
    /// let answer = sched_loop::run(async {
    ///     let mut group = LocalGroup::local(|child| sched_loop::spawn(child).detach());
    ///     let shared = Rc::new(7);
    ///     group.spawn(async move { *shared }).await.unwrap();
    ///     group.next().await.unwrap().outcome.unwrap()
    /// });
    /// assert_eq!(answer, 7);
    /// ```
    pub fn local(spawner: impl Fn(LocalChild<'ex>) + 's) -> Self {
        let spawner: Arc<dyn Fn(LocalChild<'ex>) + 's> = Arc::new(spawner);
        Group::with(spawner)
    }

    /// Makes an empty group that needs no executor: the future returned runs the children, each only
    /// when it was woken, and ends when the group and its handles are gone.
    ///
    /// ```
    /// use corokit_bg_utils::group::LocalGroup;
    /// use futures_lite::future::{block_on, zip};
    /// use std::rc::Rc;
    ///
    /// let (mut group, driver) = LocalGroup::driven_local();
    /// let work = async move {
    ///     group.spawn(async { Rc::new(7) }).await.unwrap();
    ///     group.next().await.unwrap().outcome.unwrap()
    /// };
    /// assert_eq!(*block_on(zip(work, driver)).0, 7);
    /// ```
    #[cfg(not(loom))]
    pub fn driven_local() -> (Self, impl Future<Output = ()> + use<'s, 'ex, T>)
    where
        'ex: 's,
    {
        let (spawner, driver) = driven::driven();
        (Group::local(spawner), driver)
    }
}

impl<'s, 'ex, T, K: Kind<'s, 'ex>> Group<'s, 'ex, T, K> {
    fn with(spawner: Arc<K::Spawner>) -> Self {
        let shared = Arc::new(Shared::new());
        Group {
            handle: Handle { shared, spawner },
            detached: false,
        }
    }

    fn shared(&self) -> &Shared<T> {
        &self.handle.shared
    }

    /// Bounds the number of children that are running: [`spawn`](Group::spawn) waits for one to
    /// end. Those that are running already count.
    ///
    /// A child that waits for room itself keeps its own place meanwhile: if all do so, they wait for
    /// ever.
    ///
    /// # Panics
    ///
    /// Panics if the limit is zero.
    ///
    /// ```
    /// use corokit_bg_utils::group::{Group, Refused};
    ///
    /// let group = Group::new(|child| smol::spawn(child).detach()).limit(1);
    /// group.try_spawn(std::future::pending::<()>()).unwrap();
    /// let refused = group.try_spawn(std::future::pending());
    /// assert!(matches!(refused, Err(Refused::Full(_))));
    /// ```
    #[track_caller]
    #[must_use]
    pub fn limit(self, limit: usize) -> Self {
        assert!(limit > 0, "a group of no children would wait for ever");
        self.shared().set_limit(limit);
        self
    }

    /// Returns a handle that spawns into this group from elsewhere.
    ///
    /// ```
    /// use corokit_bg_utils::group::Group;
    ///
    /// let group = Group::<u8>::new(|child| smol::spawn(child).detach());
    /// let handle = group.handle();
    /// drop(group);
    /// assert!(handle.try_spawn(async { 7 }).is_err());
    /// ```
    pub fn handle(&self) -> Handle<'s, 'ex, T, K> {
        self.handle.clone()
    }

    /// Returns the number of children that are running.
    ///
    /// ```
    /// use corokit_bg_utils::group::Group;
    ///
    /// let group = Group::<u8>::new(|child| smol::spawn(child).detach());
    /// assert_eq!(group.running(), 0);
    /// ```
    pub fn running(&self) -> usize {
        self.shared().running()
    }

    /// Returns the number of results that are there to be taken.
    ///
    /// ```
    /// use corokit_bg_utils::group::Group;
    ///
    /// // A child may also be run before the function returns.
    /// let group = Group::new(futures_lite::future::block_on);
    /// group.try_spawn(async { 7 }).unwrap();
    /// assert_eq!((group.running(), group.finished()), (0, 1));
    /// ```
    pub fn finished(&self) -> usize {
        self.shared().finished()
    }

    /// Returns whether no child is running and there is no result to be taken.
    ///
    /// ```
    /// use corokit_bg_utils::group::Group;
    ///
    /// assert!(Group::<u8>::new(|child| smol::spawn(child).detach()).is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.running() == 0 && self.finished() == 0
    }

    /// Returns whether the group lets nobody in any more.
    ///
    /// ```
    /// use corokit_bg_utils::group::Group;
    ///
    /// let mut group = Group::<u8>::new(|child| smol::spawn(child).detach());
    /// assert!(!group.is_closed());
    /// smol::block_on(group.close());
    /// assert!(group.is_closed());
    /// ```
    pub fn is_closed(&self) -> bool {
        !self.shared().is_open()
    }

    /// Waits for the next result; returns `None` if there is none to be taken and no child is
    /// running.
    ///
    /// Source: `asyncio.as_completed`, `async_utils.bg_tasks.CurrentLoopExecutor.map`.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses no result.
    ///
    /// ```
    /// use corokit_bg_utils::group::Group;
    /// use futures_lite::future::{block_on, poll_once, yield_now};
    ///
    /// let executor = smol::LocalExecutor::new();
    /// let (mut group, driver) = Group::driven();
    /// executor.spawn(driver).detach();
    /// block_on(executor.run(async {
    ///     group.try_spawn(async { 7 }).unwrap();
    ///     // Dropped before the child had run.
    ///     assert!(poll_once(group.next()).await.is_none());
    ///     assert_eq!(group.next().await.unwrap().outcome.unwrap(), 7);
    ///     assert!(group.next().await.is_none());
    /// }));
    /// ```
    pub async fn next(&mut self) -> Option<Finished<T>> {
        poll_fn(|cx| self.shared().poll_next(cx)).await
    }

    /// Waits until no child is running, those included that children spawn meanwhile, and lets
    /// nobody in from then on. Returns the results that have not been taken, in the order of
    /// completion.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future is never having called: the group stays open, and no result is lost.
    ///
    /// ```
    /// use corokit_bg_utils::group::Group;
    /// use futures_lite::future::block_on;
    ///
    /// let mut group = Group::new(|child| smol::spawn(child).detach());
    /// group.try_spawn(async { 7 }).unwrap();
    /// let results = block_on(group.close());
    /// assert_eq!(results.len(), 1);
    /// ```
    pub async fn close(&mut self) -> Vec<Finished<T>> {
        poll_fn(|cx| self.shared().poll_close(cx)).await
    }

    /// Waits until no child is running, but not longer than until `deadline`. Then nobody is let in
    /// any more, those who are running are cancelled, and this waits until they are gone.
    ///
    /// There is one deadline for all, those included that children spawn meanwhile. If it has
    /// passed already, the children are cancelled at once. What a child has to do in its destructors
    /// takes the time that it takes, and so does a child that does not return from its poll.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses no result. After the deadline the group stays closed, and its
    /// children cancelled.
    ///
    /// ```
    /// use corokit_bg_utils::group::Group;
    /// use std::time::Instant;
    ///
    /// let mut group = Group::<()>::new(|child| smol::spawn(child).detach());
    /// let id = group.try_spawn(std::future::pending()).unwrap();
    /// let outcomes = smol::block_on(group.close_deadline(Instant::now()));
    /// assert!(outcomes.finished.is_empty());
    /// assert_eq!(outcomes.cancelled, [id]);
    /// ```
    #[cfg(not(loom))]
    pub async fn close_deadline(&mut self, deadline: Instant) -> Outcomes<T> {
        self.close_when(time::sleep_until(deadline)).await
    }

    /// Waits until no child is running, but not longer than `duration`: see
    /// [`close_deadline`](Self::close_deadline). A duration too long for the clock has no end.
    ///
    /// # Cancel safety
    ///
    /// As [`close_deadline`](Self::close_deadline).
    ///
    /// ```
    /// use corokit_bg_utils::group::Group;
    /// use std::time::Duration;
    ///
    /// let mut group = Group::new(|child| smol::spawn(child).detach());
    /// group.try_spawn(async { 7 }).unwrap();
    /// let outcomes = smol::block_on(group.close_within(Duration::from_secs(60)));
    /// assert_eq!(outcomes.finished.len(), 1);
    /// ```
    #[cfg(not(loom))]
    pub async fn close_within(&mut self, duration: Duration) -> Outcomes<T> {
        self.close_when(time::sleep(duration)).await
    }

    #[cfg(not(loom))]
    async fn close_when(&mut self, over: impl Future<Output = ()>) -> Outcomes<T> {
        let mut over = std::pin::pin!(over);
        let mut is_over = false;
        let all = poll_fn(|cx| {
            let polled = self.shared().poll_close(cx);
            if polled.is_ready() || is_over {
                return polled;
            }
            if over.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            is_over = true;
            self.shared().close();
            self.cancel_all();
            // They may have been dropped already.
            self.shared().poll_close(cx)
        })
        .await;
        let (mut finished, mut cancelled) = (Vec::with_capacity(all.len()), Vec::new());
        for child in all {
            match child.outcome {
                Err(Failure::Cancelled) => cancelled.push(child.id),
                _ => finished.push(child),
            }
        }
        Outcomes {
            finished,
            cancelled,
        }
    }

    /// Cancels all children that are running, and returns how many there were. Each is dropped when
    /// its executor comes to it, and then has a result that says so.
    ///
    /// ```
    /// use corokit_bg_utils::group::{Failure, Group};
    ///
    /// let mut group = Group::<()>::new(|child| smol::spawn(child).detach());
    /// group.try_spawn(std::future::pending()).unwrap();
    /// assert_eq!(group.cancel_all(), 1);
    /// let child = smol::block_on(group.next()).unwrap();
    /// assert!(matches!(child.outcome, Err(Failure::Cancelled)));
    /// ```
    pub fn cancel_all(&self) -> usize {
        self.shared().cancel_all()
    }

    /// Cancels a child if it is running, and returns whether it was.
    ///
    /// ```
    /// use corokit_bg_utils::group::Group;
    ///
    /// let mut group = Group::<()>::new(|child| smol::spawn(child).detach());
    /// let id = group.try_spawn(std::future::pending()).unwrap();
    /// assert!(group.cancel(id));
    /// assert_eq!(smol::block_on(group.next()).unwrap().id, id);
    /// assert!(!group.cancel(id));
    /// ```
    pub fn cancel(&self, id: Id) -> bool {
        self.shared().cancel(id)
    }

    /// Lets the children run on without the group. Their results are dropped.
    ///
    /// ```
    /// use corokit_bg_utils::group::Group;
    ///
    /// let (sender, receiver) = std::sync::mpsc::channel();
    /// let group = Group::new(|child| smol::spawn(child).detach());
    /// group.try_spawn(async move { sender.send("done") }).unwrap();
    /// group.detach_all();
    /// assert_eq!(receiver.recv(), Ok("done"));
    /// ```
    pub fn detach_all(mut self) {
        self.detached = true;
    }
}

impl<'s, 'ex, T, K: Kind<'s, 'ex>> Drop for Group<'s, 'ex, T, K> {
    fn drop(&mut self) {
        let shared = self.shared();
        shared.close();
        shared.ignore();
        if !self.detached {
            shared.cancel_all();
        }
    }
}

/// The results, in the order of completion: [`next`](Group::next) as a stream. It ends when there is
/// none to be taken and no child is running, and may go on after that.
impl<'s, 'ex, T, K: Kind<'s, 'ex>> Stream for Group<'s, 'ex, T, K> {
    type Item = Finished<T>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Finished<T>>> {
        self.shared().poll_next(cx)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.finished(), None)
    }
}

impl<'s, 'ex, T, K: Kind<'s, 'ex>> Unpin for Group<'s, 'ex, T, K> {}

impl<'s, 'ex, T, K: Kind<'s, 'ex>> Clone for Handle<'s, 'ex, T, K> {
    fn clone(&self) -> Self {
        Handle {
            shared: Arc::clone(&self.shared),
            spawner: Arc::clone(&self.spawner),
        }
    }
}

impl<'s, 'ex, T, K: Kind<'s, 'ex>> fmt::Debug for Group<'s, 'ex, T, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Group")
            .field("running", &self.running())
            .field("finished", &self.finished())
            .field("closed", &self.is_closed())
            .finish_non_exhaustive()
    }
}

impl<'s, 'ex, T, K: Kind<'s, 'ex>> fmt::Debug for Handle<'s, 'ex, T, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").finish_non_exhaustive()
    }
}
