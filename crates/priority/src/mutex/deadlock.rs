//! Looking for tasks that wait for each other.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use crate::node::{TaskNode, WaitList};

/// A lock was asked for by a task that holds, directly or through others, what its holder waits for.
///
/// # Examples
///
/// ```
/// use corokit_priority::{Priority, PriorityMutex, TaskNode, scope_as};
/// use futures_lite::future::block_on;
///
/// let mutex = PriorityMutex::named(0, "counter");
/// let node = TaskNode::new(Priority::NORMAL).named("worker");
/// let deadlock = block_on(scope_as(node, async {
///     let _guard = mutex.lock().await;
///     // The same task, once more: this would never end.
///     mutex.lock_checked().await.map(drop).unwrap_err()
/// }));
/// assert_eq!(
///     deadlock.to_string(),
///     "deadlock: worker waits for counter, held by worker"
/// );
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deadlock {
    chain: Vec<ChainLink>,
}

/// A task and what it waits for: a part of a [`Deadlock`].
///
/// # Examples
///
/// See [`Deadlock::chain`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainLink {
    /// The name of the task.
    pub task: Option<Arc<str>>,
    /// The name of the lock that it waits for, and the next task holds.
    pub lock: Option<Arc<str>>,
}

impl Deadlock {
    /// Returns the tasks that wait for each other: each holds what the one before it waits for, and
    /// the first holds what the last waits for.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_priority::{Priority, PriorityMutex, scope};
    /// use futures_lite::future::block_on;
    ///
    /// let mutex = PriorityMutex::new(());
    /// block_on(scope(Priority::NORMAL, async {
    ///     let _guard = mutex.lock().await;
    ///     let deadlock = mutex.lock_checked().await.map(drop).unwrap_err();
    ///     assert_eq!(deadlock.chain().len(), 1);
    /// }));
    /// ```
    pub fn chain(&self) -> &[ChainLink] {
        &self.chain
    }
}

impl fmt::Display for Deadlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fn task(link: &ChainLink) -> &str {
            link.task.as_deref().unwrap_or("a task")
        }
        f.write_str("deadlock: ")?;
        for link in &self.chain {
            let lock = link.lock.as_deref().unwrap_or("a lock");
            write!(f, "{} waits for {lock}, held by ", task(link))?;
        }
        f.write_str(self.chain.first().map_or("nobody", task))
    }
}

impl Error for Deadlock {}

/// A step of the search: a task, the list that it waits in, and since which grant that is held.
struct Step {
    task: TaskNode,
    list: Arc<dyn WaitList>,
    grant: u64,
    from: Option<usize>,
}

/// Looks whether `task`, which waits in `list`, waits for itself in the end.
///
/// The locks are looked at one after the other, so what is found may never have been so at one
/// time. Two walks that find the same, grant by grant, have seen a cycle: whoever is in it cannot
/// have moved between them.
pub(crate) fn find(task: &TaskNode, list: Arc<dyn WaitList>) -> Option<Deadlock> {
    let (first, chain) = walk(task, Arc::clone(&list))?;
    let (second, _) = walk(task, list)?;
    (first == second).then_some(Deadlock { chain })
}

/// What two walks are compared by: tasks and grants.
type Trail = Vec<(u64, u64)>;

fn walk(start: &TaskNode, list: Arc<dyn WaitList>) -> Option<(Trail, Vec<ChainLink>)> {
    let mut steps: Vec<Step> = Vec::new();
    let mut seen = vec![start.number()];
    let mut open = vec![(start.clone(), list, None)];
    // Depth first, and without recursion: chains may be long.
    while let Some((task, list, from)) = open.pop() {
        let Some((holder, grant)) = list.holder() else {
            continue;
        };
        let index = steps.len();
        steps.push(Step {
            task,
            list,
            grant,
            from,
        });
        if holder.is_same(start) {
            return Some(trace(&steps, index));
        }
        if seen.contains(&holder.number()) {
            continue;
        }
        seen.push(holder.number());
        for wait in holder.waits() {
            open.push((holder.clone(), wait.list, Some(index)));
        }
    }
    None
}

/// Follows the steps back to the first.
fn trace(steps: &[Step], last: usize) -> (Trail, Vec<ChainLink>) {
    let mut index = Some(last);
    let mut path = Vec::new();
    while let Some(step) = index.map(|index| &steps[index]) {
        path.push(step);
        index = step.from;
    }
    path.reverse();
    let trail = path.iter().map(|step| (step.task.number(), step.grant));
    let chain = path.iter().map(|step| ChainLink {
        task: step.task.name(),
        lock: step.list.name(),
    });
    (trail.collect(), chain.collect())
}
