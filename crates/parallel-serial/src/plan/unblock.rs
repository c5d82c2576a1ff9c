//! Where blocking work goes.

/// Threads for work that blocks.
///
/// The default is [`BlockingPool`]. Any function that takes a job will do, and so will a pool of one's
/// own: see [`Plan::unblock_with`](crate::Plan::unblock_with).
///
/// # Examples
///
/// A thread for each runner of a plan, and no pool:
///
/// ```
/// use corokit_parallel_serial::Parallel;
/// use futures_lite::future::block_on;
///
/// let plan = Parallel::new()
///     .blocking(|| 1)
///     .unblock_with(|job: Box<dyn FnOnce() + Send>| drop(std::thread::spawn(job)));
/// assert_eq!(block_on(plan.run()), [1]);
/// ```
pub trait Unblock: Send + Sync {
    /// Has the job run on a thread that may block. It may be dropped instead; it must not be run here
    /// and now.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_parallel_serial::{BlockingPool, Unblock};
    ///
    /// let (sender, receiver) = std::sync::mpsc::channel();
    /// BlockingPool.unblock(Box::new(move || sender.send(42).unwrap()));
    /// assert_eq!(receiver.recv(), Ok(42));
    /// ```
    fn unblock(&self, job: Box<dyn FnOnce() + Send>);
}

impl<F: Fn(Box<dyn FnOnce() + Send>) + Send + Sync> Unblock for F {
    fn unblock(&self, job: Box<dyn FnOnce() + Send>) {
        self(job);
    }
}

/// The threads of the crate `blocking`, which the whole of smol shares.
#[derive(Clone, Copy, Debug, Default)]
pub struct BlockingPool;

impl Unblock for BlockingPool {
    fn unblock(&self, job: Box<dyn FnOnce() + Send>) {
        blocking::unblock(job).detach();
    }
}
