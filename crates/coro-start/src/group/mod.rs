//! `EagerTaskGroup`: children that start at once, and end with their group.

mod error;
mod shared;
mod start;

use alloc::boxed::Box;
use alloc::rc::Rc;
use core::fmt;
use core::future::{Future, poll_fn};
use core::marker::PhantomData;
use core::ops::Deref;
use core::pin::{Pin, pin};
use core::task::Poll;

use corokit_core::LocalSpawn;

pub use error::{GroupError, StartError};
pub use start::{Start, Status};

use crate::eager::{Eager, eager};
use shared::{Rest, Shared};
use start::{Announce, Failures};

/// What the spawner of a group gets: the rest of a child.
pub type GroupTask<'env> = Pin<Box<dyn Future<Output = ()> + 'env>>;

/// Children that start inside the call that makes them, and end with their group.
///
/// The first leg of each child runs in the call, as by [`eager`]; only a child that blocks becomes a
/// task of the spawner's. Whoever owns the group waits for all of them by [`join`](Self::join), or has
/// [`run`](Self::run) do it:
///
/// * A child that fails in its first leg gives its error to the caller, who is there to handle it.
/// * A child that fails later cancels the others, and its error comes out of the group.
/// * A child that panics later cancels the others, and the panic is resumed by the group. A panic in a
///   first leg is the caller's.
/// * When `join` returns, no child is left: not one of their destructors is still to run.
/// * Dropping the group, or the future of `join` or `run`, cancels the children.
///
/// Cancelling means that the handles are dropped. For an executor whose handles detach when they are
/// dropped, as those of tokio, wrap them by [`cancelling`](crate::cancelling).
///
/// The spawner must queue what it gets, and not poll it in the call. Children may borrow what outlives
/// `'env`, if the executor takes such futures.
///
/// **Threads.** The group and its children stay on one thread.
///
/// Source: `asynkit.experimental.anyio.EagerTaskGroup`.
///
/// ```
/// use corokit_coro_start::{EagerTaskGroup, Status};
/// use futures_lite::future::{block_on, yield_now};
/// use std::cell::RefCell;
///
/// let log = RefCell::new(Vec::new());
/// let executor = async_executor::LocalExecutor::new();
/// let result = block_on(executor.run(async {
///     let group = EagerTaskGroup::<(), _>::new(|task| executor.spawn(task));
///     let world = group.start(async |status: Status<_, _>| {
///         log.borrow_mut().push("hello");
///         status.started("world");
///         yield_now().await;
///         log.borrow_mut().push("goodbye");
///         Ok(())
///     });
///     log.borrow_mut().push("fine");
///     let world = world.await.unwrap();
///     log.borrow_mut().push(world);
///     group.join().await
/// }));
/// assert_eq!(result, Ok(()));
/// assert_eq!(*log.borrow(), ["hello", "fine", "world", "goodbye"]);
/// ```
#[must_use = "dropping a group cancels its children"]
pub struct EagerTaskGroup<'env, E, S>
where
    S: LocalSpawn<GroupTask<'env>>,
{
    handle: GroupHandle<'env, E, S>,
}

/// Starts children of an [`EagerTaskGroup`], also from inside of its children.
///
/// It is had from [`EagerTaskGroup::handle`], and the group dereferences to one.
pub struct GroupHandle<'env, E, S>
where
    S: LocalSpawn<GroupTask<'env>>,
{
    spawner: S,
    shared: Rc<Shared<E, S::Handle>>,
    env: PhantomData<fn(&'env ())>,
}

impl<'env, E: 'env, S> EagerTaskGroup<'env, E, S>
where
    S: LocalSpawn<GroupTask<'env>, Handle: 'env>,
{
    /// Creates a group without children.
    ///
    /// ```
    /// use corokit_coro_start::EagerTaskGroup;
    /// use futures_lite::future::block_on;
    ///
    /// let executor = async_executor::LocalExecutor::new();
    /// let group = EagerTaskGroup::<String, _>::new(|task| executor.spawn(task));
    /// assert!(group.is_empty());
    /// assert_eq!(block_on(group.join()), Ok(()));
    /// ```
    pub fn new(spawner: S) -> Self {
        EagerTaskGroup {
            handle: GroupHandle {
                spawner,
                shared: Rc::new(Shared::new()),
                env: PhantomData,
            },
        }
    }

    /// Waits until all children have ended, those included that are started meanwhile.
    ///
    /// # Errors
    ///
    /// [`GroupError`] with the errors of the children that failed after their first leg.
    ///
    /// # Panics
    ///
    /// Resumes the panic of a child, when the others are gone.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the group: the children are cancelled.
    ///
    /// Source: the end of `async with create_eager_task_group()`.
    ///
    /// ```
    /// use corokit_coro_start::EagerTaskGroup;
    /// use futures_lite::future::{block_on, yield_now};
    ///
    /// let executor = async_executor::LocalExecutor::new();
    /// let group = EagerTaskGroup::new(|task| executor.spawn(task));
    /// group.start_soon(async { yield_now().await; Err("one failed") }).unwrap();
    /// group.start_soon(std::future::pending()).unwrap();
    /// let result = block_on(executor.run(group.join()));
    /// assert_eq!(result.unwrap_err().errors(), ["one failed"]);
    /// ```
    pub async fn join(self) -> Result<(), GroupError<E>> {
        poll_fn(|cx| self.shared.poll_empty(cx)).await;
        let (errors, panic) = self.shared.take_failures();
        #[cfg(feature = "std")]
        if let Some(payload) = panic {
            drop(errors);
            std::panic::resume_unwind(payload);
        }
        #[cfg(not(feature = "std"))]
        drop(panic);
        GroupError::of(errors)
    }

    /// Runs `body` with a group, then waits for the children.
    ///
    /// When a child fails, `body` is dropped where it stands. When `body` fails, the children are
    /// cancelled.
    ///
    /// # Errors
    ///
    /// [`GroupError`] with the errors of the body and of the children, in the order in which they came.
    ///
    /// # Panics
    ///
    /// As for [`join`](Self::join); a panic of `body` passes through.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the body and cancels the children.
    ///
    /// Source: `async with create_eager_task_group() as group`.
    ///
    /// ```
    /// use corokit_coro_start::EagerTaskGroup;
    /// use futures_lite::future::{block_on, yield_now};
    /// use std::cell::Cell;
    ///
    /// let done = Cell::new(0);
    /// let executor = async_executor::LocalExecutor::new();
    /// let spawner = |task| executor.spawn(task);
    /// let result = block_on(executor.run(EagerTaskGroup::<(), _>::run(spawner, async |group| {
    ///     for _ in 0..3 {
    ///         group.start_soon(async {
    ///             yield_now().await;
    ///             done.set(done.get() + 1);
    ///             Ok(())
    ///         })?;
    ///     }
    ///     Ok("body")
    /// })));
    /// assert_eq!((result, done.get()), (Ok("body"), 3));
    /// ```
    pub async fn run<T>(
        spawner: S,
        body: impl AsyncFnOnce(&GroupHandle<'env, E, S>) -> Result<T, E>,
    ) -> Result<T, GroupError<E>> {
        let group = Self::new(spawner);
        let output = {
            let mut body = pin!(body(&group.handle));
            poll_fn(|cx| {
                if group.shared.poll_failed(cx).is_ready() {
                    return Poll::Ready(None);
                }
                body.as_mut().poll(cx).map(Some)
            })
            .await
        };
        let output = match output {
            Some(Ok(output)) => Some(output),
            Some(Err(error)) => {
                group.shared.fail(error);
                None
            }
            None => None,
        };
        group.join().await?;
        Ok(output.expect("a group without errors has let its body come to its end"))
    }
}

impl<'env, E, S> EagerTaskGroup<'env, E, S>
where
    S: LocalSpawn<GroupTask<'env>> + Clone,
{
    /// Returns a handle for children that start others.
    ///
    /// ```
    /// use corokit_coro_start::EagerTaskGroup;
    /// use corokit_sched_loop as sched_loop;
    /// use futures_lite::future::yield_now;
    ///
    /// sched_loop::run(async {
    ///     let group = EagerTaskGroup::<(), _>::new(sched_loop::current().unwrap());
    ///     let handle = group.handle();
    ///     group.start_soon(async move {
    ///         yield_now().await;
    ///         handle.start_soon(async { yield_now().await; Ok(()) })
    ///     }).unwrap();
    ///     assert_eq!(group.join().await, Ok(()));
    /// });
    /// ```
    pub fn handle(&self) -> GroupHandle<'env, E, S> {
        self.handle.clone()
    }
}

impl<'env, E: 'env, S> GroupHandle<'env, E, S>
where
    S: LocalSpawn<GroupTask<'env>, Handle: 'env>,
{
    /// Starts a child: runs its first leg now, and makes it a task of the group if it blocks.
    ///
    /// In a group that is cancelled, the child is dropped where it first blocks.
    ///
    /// # Errors
    ///
    /// The error of the child, if it fails in its first leg. The group does not hear of it.
    ///
    /// # Panics
    ///
    /// Passes on a panic of the first leg, and of the spawner.
    ///
    /// Source: `EagerTaskGroup.start_soon` of `asynkit.experimental.anyio`.
    ///
    /// ```
    /// use corokit_coro_start::EagerTaskGroup;
    ///
    /// let executor = async_executor::LocalExecutor::new();
    /// let group = EagerTaskGroup::new(|task| executor.spawn(task));
    /// assert_eq!(group.start_soon(async { Err("at once") }), Err("at once"));
    /// assert_eq!(group.start_soon(async { Ok(()) }), Ok(()));
    /// assert!(group.is_empty());
    /// ```
    pub fn start_soon<F>(&self, child: F) -> Result<(), E>
    where
        F: Future<Output = Result<(), E>> + 'env,
    {
        self.spawn(child, None).unwrap_or(Ok(()))
    }

    /// Starts a child that reports when it is ready for use, and waits for that.
    ///
    /// Its first leg runs now; the future that is returned gives the value that the child reports by
    /// [`Status::started`], and the child goes on in the group.
    ///
    /// # Errors
    ///
    /// The future gives a [`StartError`] if the child ends before it has started:
    /// [`Failed`](StartError::Failed) with its error, of which the group does not hear;
    /// [`NeverStarted`](StartError::NeverStarted) if it came to its end; [`Gone`](StartError::Gone) if it
    /// was cancelled or has panicked. An error that comes after the start cancels the group, even if the
    /// first leg brings it: the value is given nevertheless.
    ///
    /// # Panics
    ///
    /// Passes on a panic of the first leg, and of the spawner.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves the child in the group, which then hears of all its errors, also of one
    /// that the future was to give.
    ///
    /// Source: `EagerTaskGroup.start` of `asynkit.experimental.anyio`.
    ///
    /// ```
    /// use corokit_coro_start::{EagerTaskGroup, StartError, Status};
    /// use futures_lite::future::block_on;
    ///
    /// let executor = async_executor::LocalExecutor::new();
    /// let group = EagerTaskGroup::<&str, _>::new(|task| executor.spawn(task));
    /// let start = group.start(async |status: Status<u32, _>| {
    ///     drop(status);
    ///     Err("no port is free")
    /// });
    /// assert_eq!(block_on(start), Err(StartError::Failed("no port is free")));
    /// ```
    pub fn start<V, F>(&self, child: impl FnOnce(Status<V, E>) -> F) -> Start<'env, V, E>
    where
        V: 'env,
        F: Future<Output = Result<(), E>> + 'env,
    {
        let (status, start) = start::pair(self.shared.clone());
        let slot = start.slot();
        if let Some(result) = self.spawn(child(status), Some(slot.clone())) {
            if let Err(error) = slot.ended(result) {
                self.shared.fail(error);
            }
        }
        start
    }

    /// Runs the first leg, and spawns the rest if there is one. Gives the output otherwise.
    fn spawn<F>(
        &self,
        child: F,
        announce: Option<Rc<dyn Announce<E> + 'env>>,
    ) -> Option<Result<(), E>>
    where
        F: Future<Output = Result<(), E>> + 'env,
    {
        let spawned = eager(child, |rest| {
            let (rest, entry) = Rest::new(rest, self.shared.clone(), announce);
            if self.shared.is_cancelled() {
                drop(rest);
                return;
            }
            let handle = self.spawner.spawn_local(Box::pin(rest));
            self.shared.keep(&entry, handle);
        });
        match spawned {
            Eager::Ready(result) => Some(result),
            Eager::Task(()) | Eager::Taken => None,
        }
    }

    /// Cancels the children: their handles are dropped.
    ///
    /// The group goes on, but a child that is started from now on is dropped where it first blocks. It
    /// is no error: [`join`](EagerTaskGroup::join) waits until the children are gone.
    ///
    /// Source: `anyio.TaskGroup.cancel_scope.cancel`.
    ///
    /// ```
    /// use corokit_coro_start::EagerTaskGroup;
    /// use futures_lite::future::block_on;
    ///
    /// let executor = async_executor::LocalExecutor::new();
    /// let group = EagerTaskGroup::<(), _>::new(|task| executor.spawn(task));
    /// group.start_soon(std::future::pending()).unwrap();
    /// group.cancel();
    /// assert_eq!(block_on(executor.run(group.join())), Ok(()));
    /// ```
    pub fn cancel(&self) {
        self.shared.cancel();
    }

    /// Returns whether the group was cancelled, by hand or because a child failed.
    ///
    /// ```
    /// use corokit_coro_start::EagerTaskGroup;
    ///
    /// let executor = async_executor::LocalExecutor::new();
    /// let group = EagerTaskGroup::<(), _>::new(|task| executor.spawn(task));
    /// assert!(!group.is_cancelled());
    /// group.cancel();
    /// assert!(group.is_cancelled());
    /// ```
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.shared.is_cancelled()
    }

    /// Returns the number of children that have blocked and are not gone.
    ///
    /// ```
    /// use corokit_coro_start::EagerTaskGroup;
    ///
    /// let executor = async_executor::LocalExecutor::new();
    /// let group = EagerTaskGroup::<(), _>::new(|task| executor.spawn(task));
    /// group.start_soon(std::future::pending()).unwrap();
    /// group.start_soon(async { Ok(()) }).unwrap();
    /// assert_eq!(group.len(), 1);
    /// ```
    #[must_use]
    pub fn len(&self) -> usize {
        self.shared.active()
    }

    /// Returns whether no child is left.
    ///
    /// ```
    /// use corokit_coro_start::EagerTaskGroup;
    ///
    /// let executor = async_executor::LocalExecutor::new();
    /// assert!(EagerTaskGroup::<(), _>::new(|task| executor.spawn(task)).is_empty());
    /// ```
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<'env, E, S> Deref for EagerTaskGroup<'env, E, S>
where
    S: LocalSpawn<GroupTask<'env>>,
{
    type Target = GroupHandle<'env, E, S>;

    fn deref(&self) -> &Self::Target {
        &self.handle
    }
}

impl<'env, E, S> Drop for EagerTaskGroup<'env, E, S>
where
    S: LocalSpawn<GroupTask<'env>>,
{
    fn drop(&mut self) {
        self.handle.shared.cancel();
    }
}

impl<'env, E, S> Clone for GroupHandle<'env, E, S>
where
    S: LocalSpawn<GroupTask<'env>> + Clone,
{
    fn clone(&self) -> Self {
        GroupHandle {
            spawner: self.spawner.clone(),
            shared: self.shared.clone(),
            env: PhantomData,
        }
    }
}

impl<'env, E, S> fmt::Debug for EagerTaskGroup<'env, E, S>
where
    S: LocalSpawn<GroupTask<'env>>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("EagerTaskGroup").field(&self.handle).finish()
    }
}

impl<'env, E, S> fmt::Debug for GroupHandle<'env, E, S>
where
    S: LocalSpawn<GroupTask<'env>>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GroupHandle")
            .field("tasks", &self.shared.active())
            .field("cancelled", &self.shared.is_cancelled())
            .finish_non_exhaustive()
    }
}
