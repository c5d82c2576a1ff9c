//! The handle to a loop in another thread, and its main future.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::future::{Future, poll_fn};
use std::mem;
use std::pin::Pin;
use std::sync::{Arc, OnceLock, Weak};
use std::task::{Context, Poll, Waker};
use std::thread::{self, ThreadId};

use corokit_sync_bridge::waiters::{Key, WaitList};

use super::task::{Cancel, LoopTask, Meeting, Presence, Remote};
use crate::Closed;
use crate::sync::{Mutex, MutexGuard, lock};
use crate::turns::Turns;

/// A task for the loop to spawn. It never leaves the loop's thread.
pub type LocalTask = Pin<Box<dyn Future<Output = ()>>>;

/// What is sent to the loop: it makes the task there.
type Parcel = Box<dyn FnOnce() -> LocalTask + Send>;

/// What the threads share.
pub(super) struct Shared {
    state: Mutex<State>,
    /// That of the loop, once it runs.
    thread: OnceLock<ThreadId>,
}

struct State {
    /// What the loop has not spawned yet.
    inbox: VecDeque<Parcel>,
    /// Wakes the main future.
    main: Option<Waker>,
    /// All tasks that have not ended, in the order in which they were spawned.
    tasks: BTreeMap<u64, Weak<dyn Cancel>>,
    latest: u64,
    /// Those who wait for there to be none.
    idlers: WaitList<(), ()>,
    /// Nothing more is taken, and the main future is to end.
    stopped: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Returns whether this is the thread of the loop.
    pub(super) fn is_here(&self) -> bool {
        self.thread.get() == Some(&thread::current().id())
    }

    /// Notes that a task has ended.
    pub(super) fn gone(&self, number: u64) {
        let mut wakers = Vec::new();
        let mut state = self.lock();
        let task = state.tasks.remove(&number);
        if state.tasks.is_empty() {
            while let Ok((_, waker)) = state.idlers.grant_front(()) {
                wakers.extend(waker);
            }
        }
        drop(state);
        drop(task);
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Has the main future end, and nothing more be taken. With `only_idle`, only if there are no
    /// tasks. Returns whether it has been stopped.
    pub(super) fn stop(&self, only_idle: bool) -> bool {
        let mut state = self.lock();
        if only_idle && !state.tasks.is_empty() {
            return state.stopped;
        }
        state.stopped = true;
        let main = state.main.take();
        drop(state);
        if let Some(waker) = main {
            waker.wake();
        }
        true
    }
}

/// A handle to the loop of a [`LoopThread`](super::LoopThread), for any thread, and for the tasks of
/// the loop.
#[derive(Clone)]
pub struct LoopHandle {
    pub(super) shared: Arc<Shared>,
}

impl LoopHandle {
    pub(super) fn new() -> (Self, Main) {
        let shared = Arc::new(Shared {
            state: Mutex::new(State {
                inbox: VecDeque::new(),
                main: None,
                tasks: BTreeMap::new(),
                latest: 0,
                idlers: WaitList::new(),
                stopped: false,
            }),
            thread: OnceLock::new(),
        });
        let main = Main {
            shared: Arc::clone(&shared),
        };
        (LoopHandle { shared }, main)
    }

    /// Spawns a future on the loop. Tasks start in the order in which they are spawned.
    ///
    /// Source: `async_utils.bg_loop.LoopWrapper.schedule`, and `run`, which is to await the task.
    ///
    /// # Errors
    ///
    /// [`Closed`] with the future, if the loop has ended.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::loop_thread::LoopThread;
    ///
    /// # let background = LoopThread::new("background", |main| {
    /// #     let executor = smol::LocalExecutor::new();
    /// #     smol::block_on(executor.run(main.run(|task| executor.spawn(task).detach())));
    /// # }).unwrap();
    /// let task = background.spawn(async { 1 + 1 }).unwrap();
    /// assert_eq!(futures_lite::future::block_on(task).unwrap(), 2);
    /// ```
    pub fn spawn<T, F>(&self, future: F) -> Result<LoopTask<T>, Closed<F>>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        let pack = |future: F, presence| -> Parcel {
            let remote = Remote::new(future, presence);
            Box::new(move || Box::pin(remote))
        };
        self.send(future, pack)
    }

    /// Has the loop make a future and run it. The future never leaves the loop's thread, and needs
    /// not be `Send`; its output is.
    ///
    /// # Errors
    ///
    /// [`Closed`] with `make`, if the loop has ended.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::loop_thread::LoopThread;
    /// use std::rc::Rc;
    ///
    /// # let background = LoopThread::new("background", |main| {
    /// #     let executor = smol::LocalExecutor::new();
    /// #     smol::block_on(executor.run(main.run(|task| executor.spawn(task).detach())));
    /// # }).unwrap();
    /// let task = background.spawn_local(|| {
    ///     let name = Rc::new("background");
    ///     async move { name.len() }
    /// });
    /// assert_eq!(task.unwrap().wait_blocking().unwrap(), 10);
    /// ```
    pub fn spawn_local<T, F, M>(&self, make: M) -> Result<LoopTask<T>, Closed<M>>
    where
        T: Send + 'static,
        F: Future<Output = T> + 'static,
        M: FnOnce() -> F + Send + 'static,
    {
        let pack = |make: M, presence| -> Parcel {
            // It is made in the task's first poll, so that a panic of it is the task's.
            let future = async move || make().await;
            Box::new(move || Box::pin(Remote::new(future(), presence)))
        };
        self.send(make, pack)
    }

    fn send<T, S>(
        &self,
        sent: S,
        pack: impl FnOnce(S, Presence<T>) -> Parcel,
    ) -> Result<LoopTask<T>, Closed<S>>
    where
        T: Send + 'static,
    {
        let meeting = Meeting::new(Arc::clone(&self.shared));
        let cancel: Weak<dyn Cancel> = Arc::downgrade(&meeting) as _;
        let mut state = self.shared.lock();
        if state.stopped {
            drop(state);
            return Err(Closed(sent));
        }
        state.latest += 1;
        let number = state.latest;
        state.tasks.insert(number, cancel);
        drop(state);
        // From here on the presence counts, whatever becomes of it.
        let presence = Presence::new(Arc::clone(&meeting), number);
        let parcel = pack(sent, presence);
        let mut state = self.shared.lock();
        if state.stopped {
            // The loop ends at this very moment: it is as if it had been spawned, and cancelled.
            drop(state);
            drop(parcel);
            return Ok(LoopTask::new(meeting));
        }
        state.inbox.push_back(parcel);
        let main = state.main.take();
        drop(state);
        if let Some(waker) = main {
            waker.wake();
        }
        Ok(LoopTask::new(meeting))
    }

    /// Cancels all tasks that were spawned through handles, in the order in which they were spawned:
    /// each is dropped when the loop comes to it. Returns how many that are. To wait for them, see
    /// [`idle`](Self::idle).
    ///
    /// Source: `async_utils.bg_loop.LoopWrapper.cancel_all`, which gives up after the first.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::loop_thread::LoopThread;
    /// use futures_lite::future::{self, pending};
    ///
    /// # let background = LoopThread::new("background", |main| {
    /// #     let executor = smol::LocalExecutor::new();
    /// #     smol::block_on(executor.run(main.run(|task| executor.spawn(task).detach())));
    /// # }).unwrap();
    /// for _ in 0..5 {
    ///     background.spawn(pending::<()>()).unwrap().detach();
    /// }
    /// assert_eq!(background.cancel_all(), 5);
    /// future::block_on(background.idle());
    /// ```
    pub fn cancel_all(&self) -> usize {
        // Nothing is cancelled under the lock: that wakes.
        let tasks = self.running();
        tasks.iter().for_each(|task| task.cancel());
        tasks.len()
    }

    /// Returns the tasks that have no outcome yet.
    pub(super) fn running(&self) -> Vec<Arc<dyn Cancel>> {
        let tasks: Vec<_> = self.shared.lock().tasks.values().cloned().collect();
        let tasks = tasks.iter().filter_map(Weak::upgrade);
        tasks.filter(|task| task.is_running()).collect()
    }

    /// Waits until there is no task that was spawned through a handle. Such a task itself waits for
    /// ever, for its own end.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future changes nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::loop_thread::LoopThread;
    ///
    /// # let background = LoopThread::new("background", |main| {
    /// #     let executor = smol::LocalExecutor::new();
    /// #     smol::block_on(executor.run(main.run(|task| executor.spawn(task).detach())));
    /// # }).unwrap();
    /// let task = background.spawn(async {}).unwrap();
    /// futures_lite::future::block_on(background.idle());
    /// assert!(task.is_finished());
    /// ```
    pub fn idle(&self) -> Idle {
        Idle {
            shared: Arc::clone(&self.shared),
            key: None,
        }
    }

    /// Returns how many tasks that were spawned through handles have not ended.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::loop_thread::LoopThread;
    ///
    /// # let background = LoopThread::new("background", |main| {
    /// #     let executor = smol::LocalExecutor::new();
    /// #     smol::block_on(executor.run(main.run(|task| executor.spawn(task).detach())));
    /// # }).unwrap();
    /// assert_eq!(background.len(), 0);
    /// ```
    pub fn len(&self) -> usize {
        self.shared.lock().tasks.len()
    }

    /// Returns whether there are no such tasks.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns whether the loop has ended, or is about to.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::loop_thread::LoopThread;
    ///
    /// # let background = LoopThread::new("background", |main| {
    /// #     let executor = smol::LocalExecutor::new();
    /// #     smol::block_on(executor.run(main.run(|task| executor.spawn(task).detach())));
    /// # }).unwrap();
    /// let handle = background.handle();
    /// assert!(!handle.is_closed());
    /// drop(background);
    /// assert!(handle.is_closed());
    /// ```
    pub fn is_closed(&self) -> bool {
        self.shared.lock().stopped
    }
}

impl fmt::Debug for LoopHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoopHandle")
            .field("tasks", &self.len())
            .field("closed", &self.is_closed())
            .finish()
    }
}

/// What the loop of a [`LoopThread`](super::LoopThread) is to run: [`run`](Self::run) makes the future
/// that it runs until it completes.
///
/// If it is dropped, nothing more is taken.
#[must_use = "the loop gets nothing to do without it"]
pub struct Main {
    shared: Arc<Shared>,
}

impl Main {
    /// Spawns what comes, by a function that spawns a task on the loop and detaches it; until the
    /// loop is to end.
    ///
    /// # Examples
    ///
    /// With an executor of smol, on which `run` has to be called as well:
    ///
    /// ```
    /// use corokit_bg_utils::loop_thread::LoopThread;
    /// use smol::LocalExecutor;
    ///
    /// let background = LoopThread::new("background", |main| {
    ///     let executor = LocalExecutor::new();
    ///     smol::block_on(executor.run(main.run(|task| executor.spawn(task).detach())));
    /// });
    /// let task = background.unwrap().spawn(async { 1 }).unwrap();
    /// # drop(task);
    /// ```
    pub async fn run(self, mut spawn: impl FnMut(LocalTask)) {
        let _ = self.shared.thread.set(thread::current().id());
        let mut turns = Turns::new();
        while let Some(parcel) = poll_fn(|cx| self.poll_next(cx)).await {
            spawn(parcel());
            // Other threads may send as fast as this spawns.
            turns.next().await;
        }
    }

    /// Waits for something to spawn. `None` when the loop is to end.
    fn poll_next(&self, cx: &mut Context<'_>) -> Poll<Option<Parcel>> {
        let waker = cx.waker().clone();
        let mut state = self.shared.lock();
        if state.stopped {
            return Poll::Ready(None);
        }
        if let Some(parcel) = state.inbox.pop_front() {
            return Poll::Ready(Some(parcel));
        }
        let old = state.main.replace(waker);
        drop(state);
        drop(old);
        Poll::Pending
    }
}

impl Drop for Main {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.stopped = true;
        let inbox = mem::take(&mut state.inbox);
        let main = state.main.take();
        drop(state);
        // What was not spawned is dropped here, on the loop's thread.
        drop((inbox, main));
    }
}

impl fmt::Debug for Main {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Main").finish_non_exhaustive()
    }
}

/// Waits until a loop has no tasks: see [`LoopHandle::idle`].
#[must_use = "futures do nothing unless polled or awaited"]
pub struct Idle {
    shared: Arc<Shared>,
    key: Option<Key>,
}

impl Future for Idle {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let mut waker = Some(cx.waker().clone());
        let mut state = this.shared.lock();
        let idle = match this.key {
            None if state.tasks.is_empty() => true,
            None => {
                this.key = Some(state.idlers.push_back((), waker.take()));
                false
            }
            Some(key) => {
                let idle = state.idlers.poll(key, &mut waker).is_ready();
                if idle {
                    this.key = None;
                }
                idle
            }
        };
        drop(state);
        drop(waker);
        match idle {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    }
}

impl Drop for Idle {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            let mut waker = None;
            let mut state = self.shared.lock();
            let _ = state.idlers.cancel(key, &mut waker);
            drop(state);
        }
    }
}

impl fmt::Debug for Idle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Idle").finish_non_exhaustive()
    }
}
