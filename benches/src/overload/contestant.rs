//! Executors and locks.

use std::future::Future;
use std::rc::Rc;

use corokit_priority::{Priority, PriorityMutex, PriorityQueue};
use corokit_sched_loop::{self as sched_loop, EventLoop};
use futures_lite::future::block_on;

/// Who runs the tasks, in which order, with which locks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contestant {
    /// The executor.
    pub runtime: Runtime,
    /// The order of its tasks.
    pub order: Order,
    /// The locks that they share.
    pub locks: Locks,
}

/// An executor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Runtime {
    /// corokit's event loop.
    Corokit,
    /// tokio's current-thread runtime.
    Tokio,
    /// smol's `LocalExecutor`.
    Smol,
}

/// The order of tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// First in, first out.
    Fifo,
    /// By priority.
    Priority,
}

/// What a lock does for those who are urgent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Locks {
    /// Nothing: first come, first served. It is tokio's mutex, which works on any executor.
    Fifo,
    /// It goes to the most urgent one, and lends its holder the priority of that one.
    Inheriting,
}

impl Contestant {
    /// All there are.
    pub const ALL: [Contestant; 5] = [
        Contestant::new(Runtime::Tokio, Order::Fifo, Locks::Fifo),
        Contestant::new(Runtime::Smol, Order::Fifo, Locks::Fifo),
        Contestant::new(Runtime::Corokit, Order::Fifo, Locks::Fifo),
        Contestant::new(Runtime::Corokit, Order::Priority, Locks::Fifo),
        Contestant::new(Runtime::Corokit, Order::Priority, Locks::Inheriting),
    ];

    const fn new(runtime: Runtime, order: Order, locks: Locks) -> Self {
        Contestant {
            runtime,
            order,
            locks,
        }
    }

    /// Returns its name.
    ///
    /// ```
    /// use corokit_benches::overload::Contestant;
    ///
    /// assert_eq!(Contestant::ALL[0].name(), "tokio");
    /// ```
    #[must_use]
    pub fn name(self) -> &'static str {
        match (self.runtime, self.order, self.locks) {
            (Runtime::Tokio, ..) => "tokio",
            (Runtime::Smol, ..) => "smol",
            (_, Order::Fifo, _) => "corokit, first in first out",
            (_, _, Locks::Fifo) => "corokit, priorities",
            (_, _, Locks::Inheriting) => "corokit, priorities and inheritance",
        }
    }

    /// Runs a main future to its end.
    pub(super) fn run(self, main: impl Future<Output = ()> + 'static) {
        match (self.runtime, self.order) {
            (Runtime::Corokit, Order::Fifo) => EventLoop::new().run(main),
            (Runtime::Corokit, Order::Priority) => {
                EventLoop::with_queue(PriorityQueue::new()).run(main);
            }
            (Runtime::Tokio, _) => {
                let runtime = tokio::runtime::Builder::new_current_thread().build();
                let runtime = runtime.expect("a runtime without drivers needs nothing");
                tokio::task::LocalSet::new().block_on(&runtime, main);
            }
            (Runtime::Smol, _) => SMOL.with(|executor| block_on(executor.run(main))),
        }
    }

    /// Spawns a task, from inside of another.
    pub(super) fn spawn(self, priority: Priority, future: impl Future<Output = ()> + 'static) {
        match (self.runtime, self.order) {
            (Runtime::Corokit, Order::Fifo) => sched_loop::spawn(future).detach(),
            (Runtime::Corokit, Order::Priority) => {
                let spawn = |task| sched_loop::task().priority(priority).spawn(task);
                corokit_priority::spawn(priority, future, spawn).0.detach();
            }
            (Runtime::Tokio, _) => drop(tokio::task::spawn_local(future)),
            (Runtime::Smol, _) => SMOL.with(|executor| executor.spawn(future).detach()),
        }
    }

    /// Makes a lock.
    pub(super) fn lock(self) -> Rc<Lock> {
        Rc::new(match self.locks {
            Locks::Inheriting => Lock::Inheriting(PriorityMutex::new(())),
            // It works on any executor, and unlike async-lock's it does not look at a clock.
            Locks::Fifo => Lock::Fifo(tokio::sync::Mutex::new(())),
        })
    }
}

thread_local! {
    static SMOL: &'static async_executor::LocalExecutor<'static> =
        Box::leak(Box::new(async_executor::LocalExecutor::new()));
}

/// A lock of whatever kind.
pub(super) enum Lock {
    Inheriting(PriorityMutex<()>),
    Fifo(tokio::sync::Mutex<()>),
}

impl Lock {
    /// Does something under the lock.
    pub(super) async fn hold<T>(&self, work: impl Future<Output = T>) -> T {
        match self {
            Lock::Inheriting(lock) => {
                let _guard = lock.lock().await;
                work.await
            }
            Lock::Fifo(lock) => {
                let _guard = lock.lock().await;
                work.await
            }
        }
    }
}
