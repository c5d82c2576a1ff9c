//! Tasks in the eyes of other threads.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use corokit_core::{Priority, TaskId};

use crate::inbox::OnItsWay;
use crate::shared::{Delivery, Shared};
use crate::task::TaskMeta;

/// A task by its identity, on any thread: what [`TaskExt::remote`](crate::TaskExt::remote) returns.
///
/// It keeps neither the task nor its executor alive, and all copies of it are one.
///
/// # Examples
///
/// ```
/// use corokit_core::Priority;
/// use corokit_scheduler::{LocalExecutor, TaskExt};
///
/// let executor = LocalExecutor::new();
/// let task = executor.spawn(async {});
/// let remote = task.remote();
/// std::thread::spawn(move || remote.set_priority(Priority::HIGH)).join().unwrap();
/// ```
#[derive(Clone)]
pub struct TaskRemote {
    inner: Arc<Inner>,
}

struct Inner {
    shared: Arc<Shared>,
    slot: u32,
    generation: u32,
    /// The last priority that was asked for from another thread.
    priority: Mutex<Priority>,
    /// Of several requests from other threads, one on its way is enough.
    on_its_way: OnItsWay,
}

impl TaskRemote {
    pub(crate) fn new(meta: &TaskMeta) -> Self {
        TaskRemote {
            inner: Arc::new(Inner {
                shared: Arc::clone(&meta.shared),
                slot: meta.slot,
                generation: meta.generation,
                priority: Mutex::new(Priority::NORMAL),
                on_its_way: OnItsWay::new(),
            }),
        }
    }

    /// Returns the id of the task.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_scheduler::{LocalExecutor, TaskExt};
    ///
    /// let executor = LocalExecutor::new();
    /// let task = executor.spawn(async {});
    /// assert_eq!(task.remote().id(), task.id());
    /// ```
    pub fn id(&self) -> TaskId {
        let Inner {
            shared,
            slot,
            generation,
            ..
        } = &*self.inner;
        shared.task_id(*slot, *generation)
    }

    /// Sets how urgent the task is: at once on the thread of its executor, and from another thread
    /// before the next turn there.
    ///
    /// Nothing happens if the task has finished, or if the ready queue knows no priorities.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_core::Priority;
    /// use corokit_scheduler::{LocalExecutor, TaskExt};
    ///
    /// let executor = LocalExecutor::new();
    /// executor.spawn(async {}).remote().set_priority(Priority::LOW);
    /// ```
    pub fn set_priority(&self, priority: Priority) {
        let Inner { shared, .. } = &*self.inner;
        let at_home = shared
            .home
            .at_home(|home| home.set_priority(self.id(), priority));
        if at_home.is_some() {
            return;
        }
        let mut last = self.lock();
        *last = priority;
        drop(last);
        if self.inner.on_its_way.depart() {
            // A closed inbox means that there is no task left.
            let _ = shared.inbox.push(Delivery::Priority(self.clone()));
        }
    }

    /// Notes that a request from another thread has arrived, and returns what it asks for.
    pub(crate) fn receive(&self) -> Priority {
        self.inner.on_its_way.arrive();
        *self.lock()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Priority> {
        self.inner
            .priority
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for TaskRemote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskRemote")
            .field("id", &self.id())
            .finish()
    }
}
