//! Looking for tasks that wait for each other.

use std::error::Error;
use std::fmt;
use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use crate::current::current;
use crate::node::TaskNode;
use crate::wait::WaitList;

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

/// What is called with deadlocks.
type Hook = Arc<dyn Fn(&Deadlock) + Send + Sync>;

/// Whether there is a hook: all that is looked at if there is none.
static HOOKED: AtomicBool = AtomicBool::new(false);
static HOOK: RwLock<Option<Hook>> = RwLock::new(None);

/// Lets a function hear of tasks that wait for each other, for all locks of the program: for a line in
/// a log, or a breakpoint. It replaces one that was set before.
///
/// The methods that do not check, as [`PriorityMutex::lock`](crate::PriorityMutex::lock), look for a
/// cycle then when they begin to wait, and wait all the same: a cycle of tasks is not always a
/// deadlock. The function is called by the task that has closed the cycle, with no lock held.
///
/// # Examples
///
/// ```
/// use corokit_priority::{Priority, PriorityMutex, clear_deadlock_hook, scope, set_deadlock_hook};
/// use futures_lite::future::{block_on, poll_once};
/// use std::sync::Mutex;
///
/// static REPORTS: Mutex<Vec<String>> = Mutex::new(Vec::new());
///
/// set_deadlock_hook(|deadlock| REPORTS.lock().unwrap().push(deadlock.to_string()));
/// let mutex = PriorityMutex::named(0, "counter");
/// block_on(scope(Priority::NORMAL, async {
///     let _guard = mutex.lock().await;
///     assert!(poll_once(&mut mutex.lock()).await.is_none());
/// }));
/// assert!(clear_deadlock_hook());
/// assert_eq!(*REPORTS.lock().unwrap(), ["deadlock: a task waits for counter, held by a task"]);
/// ```
pub fn set_deadlock_hook(hook: impl Fn(&Deadlock) + Send + Sync + 'static) {
    replace_hook(Some(Arc::new(hook)));
}

/// Ends what [`set_deadlock_hook`] began. Returns `false` if there was no function.
///
/// # Examples
///
/// ```
/// assert!(!corokit_priority::clear_deadlock_hook());
/// ```
pub fn clear_deadlock_hook() -> bool {
    replace_hook(None)
}

fn replace_hook(hook: Option<Hook>) -> bool {
    let mut current = HOOK.write().unwrap_or_else(PoisonError::into_inner);
    HOOKED.store(hook.is_some(), Ordering::Release);
    let former = mem::replace(&mut *current, hook);
    drop(current);
    former.is_some()
}

/// Tells the hook, if there is one, if the running task has begun to wait for itself.
pub(crate) fn report<L: WaitList + 'static>(list: &Arc<L>) {
    if HOOKED.load(Ordering::Acquire) {
        report_to_hook(Arc::clone(list) as _);
    }
}

#[cold]
fn report_to_hook(list: Arc<dyn WaitList>) {
    let hook = HOOK.read().unwrap_or_else(PoisonError::into_inner).clone();
    let found = current().and_then(|node| find(&node, list));
    if let (Some(hook), Some(deadlock)) = (hook, found) {
        hook(&deadlock);
    }
}

/// A step of the search: a task, the list that it waits in, and since which grant that is held.
struct Step {
    task: TaskNode,
    list: Arc<dyn WaitList>,
    stamp: u64,
    grant: u64,
    from: Option<usize>,
}

/// Looks whether `task`, which waits in `list`, waits for itself in the end.
///
/// The locks are looked at one after the other, so what is found may never have been so at one
/// time. Two walks that find the same, wait by wait and grant by grant, have seen a cycle: whoever is
/// in it cannot have moved between them. If they differ, somebody has moved, and there is to be looked
/// again, until they agree or nothing is found.
pub(crate) fn find(task: &TaskNode, list: Arc<dyn WaitList>) -> Option<Deadlock> {
    let (mut former, _) = walk(task, Arc::clone(&list))?;
    loop {
        let (trail, chain) = walk(task, Arc::clone(&list))?;
        if trail == former {
            return Some(Deadlock { chain });
        }
        former = trail;
    }
}

/// What two walks are compared by: the waits and the grants.
type Trail = Vec<(u64, u64)>;

fn walk(start: &TaskNode, list: Arc<dyn WaitList>) -> Option<(Trail, Vec<ChainLink>)> {
    let mut steps: Vec<Step> = Vec::new();
    let mut seen = vec![start.number()];
    let mut open = vec![(start.clone(), list, 0, None)];
    // Depth first, and without recursion: chains may be long.
    while let Some((task, list, stamp, from)) = open.pop() {
        for (holder, grant) in list.holders() {
            let index = steps.len();
            steps.push(Step {
                task: task.clone(),
                list: Arc::clone(&list),
                stamp,
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
                open.push((holder.clone(), wait.list, wait.stamp, Some(index)));
            }
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
    let trail = path.iter().map(|step| (step.stamp, step.grant));
    let chain = path.iter().map(|step| ChainLink {
        task: step.task.name(),
        lock: step.list.name(),
    });
    (trail.collect(), chain.collect())
}
