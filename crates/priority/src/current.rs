//! The task that is being polled, and futures that make themselves one.

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use corokit_core::Priority;
use pin_project_lite::pin_project;

use crate::node::TaskNode;

thread_local! {
    /// The node of the future that is being polled, which has lent it for the poll.
    static CURRENT: Cell<Option<TaskNode>> = const { Cell::new(None) };

    /// One more reference to that node, if there is one: what a lock that is given back leaves for the
    /// next, so that nothing is counted for locks that are taken and given back in the same poll.
    static SPARE: Cell<Option<TaskNode>> = const { Cell::new(None) };
}

/// Returns the node of the task that is being polled, if it has one.
///
/// # Examples
///
/// ```
/// use corokit_priority::{Priority, current, scope};
/// use futures_lite::future::block_on;
///
/// assert!(current().is_none());
/// let priority = block_on(scope(Priority::HIGH, async { current().unwrap().priority() }));
/// assert_eq!(priority, Priority::HIGH);
/// ```
pub fn current() -> Option<TaskNode> {
    with_current(|node| node.cloned())
}

/// Calls a function, which calls nothing of this module, with the node of the task that is being
/// polled.
#[inline]
pub(crate) fn with_current<R>(function: impl FnOnce(Option<&TaskNode>) -> R) -> R {
    // While the thread ends there are no tasks.
    let node = CURRENT.try_with(Cell::take).ok().flatten();
    let result = function(node.as_ref());
    if node.is_some() {
        let _ = CURRENT.try_with(|current| current.set(node));
    }
    result
}

/// Returns the node of the task that is being polled, for a lock that it takes.
#[inline]
pub(crate) fn lend_current() -> Option<TaskNode> {
    match SPARE.try_with(Cell::take) {
        Ok(Some(node)) => Some(node),
        _ => current(),
    }
}

/// Takes back what [`lend_current`] has given, perhaps on another thread or to another task.
#[inline]
pub(crate) fn give_back(node: Option<TaskNode>) {
    let Some(node) = node else {
        return;
    };
    if with_current(|current| current.is_some_and(|current| current.is_same(&node))) {
        // The task that is being polled keeps its node alive, so dropping a former one drops nothing.
        let _ = SPARE.try_with(|spare| spare.set(Some(node)));
    }
}

/// Gives a future a priority, on any executor: the locks of this crate know how urgent it is when it
/// asks for them, and while it holds them.
///
/// The executor itself goes on in its own order. What the future starts eagerly runs as a part of it,
/// and what that locks, it has locked itself, unless it is given a node of its own. Tasks that the future spawns are tasks of their own:
/// [`inherit`] gives them the same priority.
///
/// Source: async-utils' `priority_context`, `asynkit.PriorityTask`.
///
/// # Cancel safety
///
/// Dropping it drops the future.
///
/// # Examples
///
/// ```
/// use corokit_priority::{Priority, PriorityMutex, scope};
/// use futures_lite::future::block_on;
///
/// let mutex = PriorityMutex::new(1);
/// let urgent = scope(Priority::HIGH, async { *mutex.lock().await });
/// assert_eq!(block_on(urgent), 1);
/// ```
pub fn scope<F: Future>(priority: Priority, future: F) -> Scope<F> {
    scope_as(TaskNode::new(priority), future)
}

/// Runs a future as the task of this node: like [`scope`], for those who keep the node, to change
/// the priority later.
///
/// # Examples
///
/// ```
/// use corokit_priority::{Priority, TaskNode, current, scope_as};
/// use futures_lite::future::block_on;
///
/// let node = TaskNode::new(Priority::NORMAL).named("worker");
/// let name = block_on(scope_as(node, async { current().unwrap().name() }));
/// assert_eq!(name.as_deref(), Some("worker"));
/// ```
pub fn scope_as<F: Future>(node: TaskNode, future: F) -> Scope<F> {
    Scope {
        future,
        node: Some(node),
    }
}

/// Gives a future the priority of the task that calls this, or the normal one: for what a task spawns.
///
/// It is a task of its own, with the priority that the other has by itself: what is lent to that one
/// is not for this.
///
/// Source: async-utils' `priority_context`, which tasks inherit that are spawned inside. Rust's
/// executors have no place where a library could do that unasked.
///
/// # Examples
///
/// ```
/// use corokit_priority::{Priority, current, inherit, scope};
/// use futures_lite::future::block_on;
///
/// block_on(scope(Priority::HIGH, async {
///     let child = inherit(async { current().unwrap().priority() });
///     assert_eq!(smol::spawn(child).await, Priority::HIGH);
/// }));
/// ```
pub fn inherit<F: Future>(future: F) -> Scope<F> {
    let priority = with_current(|node| node.map_or(Priority::NORMAL, TaskNode::priority));
    scope(priority, future)
}

pin_project! {
    /// The future of [`scope`], [`scope_as`] and [`inherit`].
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled or awaited"]
    pub struct Scope<F> {
        #[pin]
        future: F,
        // `None` during a poll, when it is the current one.
        node: Option<TaskNode>,
    }
}

impl<F: Future> Future for Scope<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let entered = Entered::new(this.node);
        let poll = this.future.poll(cx);
        drop(entered);
        poll
    }
}

/// Keeps a node the current one, and gives it back, also when a poll unwinds.
struct Entered<'n> {
    node: &'n mut Option<TaskNode>,
    outer: Option<TaskNode>,
}

impl<'n> Entered<'n> {
    fn new(node: &'n mut Option<TaskNode>) -> Self {
        let _ = SPARE.try_with(Cell::take);
        let outer = CURRENT.try_with(|current| current.replace(node.take()));
        Entered {
            node,
            outer: outer.ok().flatten(),
        }
    }
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        let outer = self.outer.take();
        let _ = SPARE.try_with(Cell::take);
        let node = CURRENT.try_with(|current| current.replace(outer));
        *self.node = node.ok().flatten();
    }
}
