//! Tasks of corokit's executors that the locks know.

use std::future::Future;
use std::sync::Arc;

use corokit_core::Priority;
use corokit_scheduler::{Task, TaskExt, TaskRemote};

use crate::current::{Scope, scope_as};
use crate::node::{TaskControl, TaskNode};

/// Spawns a task whose place in the ready queue follows what it holds: while somebody more urgent
/// waits for a lock that it has, it runs as soon as that one would.
///
/// `spawn` is how it is spawned: `sched_loop::spawn` on the current loop, or a closure around a
/// builder or another executor. The node is for changing its priority later, and to look at it: the
/// loop's own `set_priority` moves the task in the queue only, and only until the node changes.
///
/// Source: `asynkit.PriorityTask`.
///
/// # Examples
///
/// ```
/// use corokit_priority::{Priority, PriorityMutex, PriorityQueue, spawn};
/// use corokit_sched_loop::{self as sched_loop, EventLoop};
/// use futures_lite::future::yield_now;
/// use std::cell::RefCell;
/// use std::rc::Rc;
///
/// // A low task has a lock, a high one needs it, and one in between would keep the low one waiting.
/// let log = Rc::new(RefCell::new(Vec::new()));
/// let note = Rc::clone(&log);
/// EventLoop::with_queue(PriorityQueue::new()).run(async move {
///     let mutex = Rc::new(PriorityMutex::new(()));
///     let locker = |name, priority| {
///         let (mutex, log) = (Rc::clone(&mutex), Rc::clone(&note));
///         let body = async move {
///             let _guard = mutex.lock().await;
///             yield_now().await;
///             log.borrow_mut().push(name);
///         };
///         spawn(priority, body, sched_loop::spawn).0
///     };
///     let low = locker("low", Priority::LOW);
///     while mutex.try_lock().is_some() {
///         yield_now().await;
///     }
///     let high = locker("high", Priority::HIGH);
///     let log = Rc::clone(&note);
///     let medium = sched_loop::spawn(async move { log.borrow_mut().push("medium") });
///     for task in [high, low, medium] {
///         task.await;
///     }
/// });
/// assert_eq!(*log.borrow(), ["low", "high", "medium"]);
/// ```
pub fn spawn<T, F: Future<Output = T>>(
    priority: Priority,
    future: F,
    spawn: impl FnOnce(Scope<F>) -> Task<T>,
) -> (Task<T>, TaskNode) {
    let node = TaskNode::new(priority);
    let task = spawn(scope_as(node.clone(), future));
    if let Some(name) = task.name() {
        node.set_name(&*name);
    }
    let place = Arc::new(Place(task.remote()));
    node.set_control(place.clone());
    // It may have started, and have been lent something, inside of the call.
    place.priority_changed(&node);
    (task, node)
}

/// The place of a task in a ready queue.
struct Place(TaskRemote);

impl TaskControl for Place {
    fn priority_changed(&self, node: &TaskNode) {
        let mut told = node.effective_priority();
        // Several threads may be here, and what was read first may be told last. Whoever tells last
        // looks once more, and finds what counts.
        loop {
            self.0.set_priority(told);
            let now = node.effective_priority();
            if now == told {
                return;
            }
            told = now;
        }
    }
}
