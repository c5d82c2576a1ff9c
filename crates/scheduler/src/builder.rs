//! Tasks with options.

use std::fmt;
use std::future::Future;
use std::rc::Rc;

use corokit_core::ReadyQueue;

use crate::executor::LocalExecutor;
use crate::task::Task;

/// Describes a task before it is spawned: what [`LocalExecutor::task`] returns.
///
/// # Examples
///
/// ```
/// use corokit_scheduler::LocalExecutor;
///
/// let executor = LocalExecutor::new();
/// let task = executor.task().name("worker 1").spawn(async {});
/// assert_eq!(executor.tasks()[0].name(), Some("worker 1"));
/// ```
#[must_use = "a task builder does nothing until `spawn` is called"]
pub struct TaskBuilder<'e, 'a, Q: ReadyQueue + 'static> {
    executor: &'e LocalExecutor<'a, Q>,
    name: Option<Rc<str>>,
}

impl<'e, 'a, Q: ReadyQueue> TaskBuilder<'e, 'a, Q> {
    pub(crate) fn new(executor: &'e LocalExecutor<'a, Q>) -> Self {
        TaskBuilder {
            executor,
            name: None,
        }
    }

    /// Names the task. Names are for people: they need not be unique, and cost nothing for tasks
    /// that have none.
    ///
    /// Source: `asyncio.create_task(name=..)`.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_scheduler::LocalExecutor;
    ///
    /// let executor = LocalExecutor::new();
    /// let task = executor.task().name(format!("client {}", 7)).spawn(async {});
    /// assert_eq!(executor.tasks()[0].name(), Some("client 7"));
    /// ```
    pub fn name(mut self, name: impl Into<Rc<str>>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Spawns the task, as [`LocalExecutor::spawn`] does.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_scheduler::LocalExecutor;
    ///
    /// let executor = LocalExecutor::new();
    /// let task = executor.task().spawn(async {});
    /// assert!(executor.try_tick());
    /// assert!(task.is_finished());
    /// ```
    pub fn spawn<T: 'a>(self, future: impl Future<Output = T> + 'a) -> Task<T> {
        self.executor.spawn_named(future, self.name)
    }
}

impl<Q: ReadyQueue> fmt::Debug for TaskBuilder<'_, '_, Q> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskBuilder")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
