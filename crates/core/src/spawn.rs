//! How a library takes "some executor" without knowing which.

use core::future::Future;

/// A place that futures of type `F` can be given to, which runs them to their end.
///
/// It is what a library asks for that has to start tasks and leaves the choice of an executor to
/// its user. Every function that takes a future and gives a handle is such a place: `smol::spawn`,
/// `tokio::task::spawn_local`, a closure around an executor. corokit's executors and event loops are
/// by themselves.
///
/// Whether the future has to be `Send` or `'static` is not for this trait to say: a place implements
/// it for those futures that it can take. A library whose futures may go to any thread says so by
/// [`Spawn`].
///
/// Implementations queue the future, in the order of the calls, and poll it at least once. They do
/// not poll it in the call. What happens when the handle is dropped is the executor's business: that
/// of smol and corokit cancels the task, that of tokio lets it run on.
///
/// Source: the `create_task` arguments of `asynkit` (`coro_eager`, `eager_ctx`).
///
/// # Examples
///
/// A function that runs two futures side by side on the executor of its caller:
///
/// ```
/// use corokit_core::LocalSpawn;
/// use futures_lite::future::block_on;
/// use std::pin::Pin;
///
/// type Job = Pin<Box<dyn Future<Output = u32>>>;
///
/// async fn both<S>(spawner: &S, one: Job, other: Job) -> u32
/// where
///     S: LocalSpawn<Job, Handle: Future<Output = u32>>,
/// {
///     let (one, other) = (spawner.spawn_local(one), spawner.spawn_local(other));
///     one.await + other.await
/// }
///
/// let executor = async_executor::LocalExecutor::new();
/// let spawner = |job: Job| executor.spawn(job);
/// let sum = both(&spawner, Box::pin(async { 1 }), Box::pin(async { 2 }));
/// assert_eq!(block_on(executor.run(sum)), 3);
/// ```
pub trait LocalSpawn<F: Future> {
    /// What stands for the task: usually a future of the output.
    type Handle;

    /// Starts a task.
    ///
    /// # Panics
    ///
    /// Panics where the executor does, for instance if it is gone or has not been entered.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_core::LocalSpawn;
    /// use smol::future::block_on;
    ///
    /// let task = smol::spawn.spawn_local(async { 1 });
    /// assert_eq!(block_on(task), 1);
    /// ```
    fn spawn_local(&self, future: F) -> Self::Handle;
}

impl<S, F, J> LocalSpawn<F> for S
where
    S: Fn(F) -> J,
    F: Future,
{
    type Handle = J;

    #[inline]
    fn spawn_local(&self, future: F) -> J {
        self(future)
    }
}

/// A [`LocalSpawn`] for futures that may go to any thread: any executor will do.
///
/// It is there by itself for each `F` that is `Send` and `'static` and has such an output. A bound on
/// it says that a library asks for no more than that.
///
/// # Examples
///
/// ```
/// use corokit_core::Spawn;
/// use std::pin::Pin;
///
/// type Job = Pin<Box<dyn Future<Output = u32> + Send>>;
///
/// fn start<S: Spawn<Job>>(spawner: &S) -> S::Handle {
///     spawner.spawn_local(Box::pin(async { 1 }))
/// }
///
/// assert_eq!(smol::block_on(start(&smol::spawn)), 1);
/// ```
pub trait Spawn<F>: LocalSpawn<F>
where
    F: Future<Output: Send + 'static> + Send + 'static,
{
}

impl<S, F> Spawn<F> for S
where
    S: LocalSpawn<F> + ?Sized,
    F: Future<Output: Send + 'static> + Send + 'static,
{
}
