//! What locks know of a task: how urgent it is, and what it waits in.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, PoisonError};
use std::task::Waker;

use corokit_core::Priority;
use smallvec::SmallVec;

use crate::atomic::AtomicPriority;
use crate::sync::{Mutex, MutexGuard};
use crate::wait::{LenderId, Wait, WaitList, WaiterId, Waits};

/// A task in the eyes of the locks: its own priority, what others lend it, and what it waits in.
///
/// A task is more urgent than it says while somebody more urgent waits for what it holds. Whatever
/// changes that is passed on at once: to the executor of the task, and to the locks that it waits
/// for itself, and so on.
///
/// # Examples
///
/// ```
/// use corokit_priority::{Priority, TaskNode};
///
/// let node = TaskNode::new(Priority::NORMAL).named("worker");
/// assert_eq!(node.effective_priority(), Priority::NORMAL);
/// node.set_priority(Priority::HIGH);
/// assert_eq!(node.effective_priority(), Priority::HIGH);
/// ```
#[derive(Clone)]
pub struct TaskNode {
    shared: Arc<Shared>,
}

pub(crate) struct Shared {
    number: u64,
    /// The minimum of the task's own priority and of what is lent. Changed while the state is locked.
    effective: AtomicPriority,
    state: Mutex<State>,
}

struct State {
    name: Option<Arc<str>>,
    base: Priority,
    /// As in [`Shared`]: what others read there is compared here.
    effective: Priority,
    /// What each lender lends: usually one, or none.
    lent: SmallVec<[(LenderId, Priority); 1]>,
    /// Where the task waits: usually in one place, or none.
    waits: Waits,
    control: Option<Arc<dyn TaskControl>>,
}

/// Returns a number that nothing else has.
pub(crate) fn next_number() -> u64 {
    // loom has no statics; its atomics are of one run.
    static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(1);
    NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed)
}

/// Tells an executor how urgent a task has become.
pub trait TaskControl: Send + Sync {
    /// Called after the effective priority of the task has changed, on any thread and with no lock
    /// held. Several changes may come as one.
    ///
    /// It must not panic: whoever has changed the priority, by asking for a lock or giving one back,
    /// would panic in the middle of that.
    fn priority_changed(&self, node: &TaskNode);
}

/// Tasks whose effective priority has changed, and of which the others are to hear.
#[derive(Default)]
pub(crate) struct Changes {
    nodes: SmallVec<[TaskNode; 1]>,
    /// Whoever is served because of that.
    pub(crate) wake: Vec<Waker>,
}

impl Changes {
    /// Passes everything on, until nothing changes any more. No lock may be held.
    #[inline]
    pub(crate) fn spread(self) {
        // Usually nobody is any more urgent, or less, than before.
        if !self.nodes.is_empty() || !self.wake.is_empty() {
            self.spread_all();
        }
    }

    fn spread_all(mut self) {
        let mut moved = VecDeque::new();
        self.pass_on(&mut moved);
        // Every list knows how urgent its waiters are by now: so it serves the right ones. Who is served lends
        // nothing any more, so the lists that heard of the changes first come first.
        while let Some(list) = moved.pop_front() {
            list.settle(&mut self);
            self.pass_on(&mut moved);
        }
        self.wake.into_iter().for_each(Waker::wake);
    }

    /// Tells everybody of the changes. The lists that may serve somebody because of that are at the end of
    /// `moved` then, in the order in which they heard of the last change.
    fn pass_on(&mut self, moved: &mut VecDeque<Arc<dyn WaitList>>) {
        while let Some(node) = self.nodes.pop() {
            let (control, waits) = {
                let state = node.lock();
                (state.control.clone(), state.waits.clone())
            };
            if let Some(control) = control {
                control.priority_changed(&node);
            }
            for Wait { list, waiter, .. } in waits {
                // The list reads the priority again when it has locked itself: so whoever is there last
                // finds what counts, though several change it at a time.
                if list.refresh(waiter, self) {
                    moved.retain(|other| !Arc::ptr_eq(other, &list));
                    moved.push_back(list);
                }
            }
        }
    }
}

impl TaskNode {
    /// Makes the node of a task with this priority.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_priority::{Priority, TaskNode};
    ///
    /// assert_eq!(TaskNode::new(Priority::LOW).priority(), Priority::LOW);
    /// ```
    pub fn new(priority: Priority) -> Self {
        TaskNode {
            shared: Arc::new(Shared {
                number: next_number(),
                effective: AtomicPriority::new(priority),
                state: Mutex::new(State {
                    name: None,
                    base: priority,
                    effective: priority,
                    lent: SmallVec::new(),
                    waits: SmallVec::new(),
                    control: None,
                }),
            }),
        }
    }

    /// Names the task, for reports of deadlocks.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_priority::{Priority, TaskNode};
    ///
    /// let node = TaskNode::new(Priority::NORMAL).named("reader");
    /// assert_eq!(node.name().as_deref(), Some("reader"));
    /// ```
    #[must_use]
    pub fn named(self, name: impl Into<Arc<str>>) -> Self {
        self.set_name(name);
        self
    }

    pub(crate) fn set_name(&self, name: impl Into<Arc<str>>) {
        let name = name.into();
        let former = self.lock().name.replace(name);
        drop(former);
    }

    /// Says who is to hear of changes of the effective priority.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_priority::{Priority, TaskControl, TaskNode};
    /// use std::sync::Arc;
    /// use std::sync::atomic::{AtomicUsize, Ordering};
    ///
    /// #[derive(Default)]
    /// struct Count(AtomicUsize);
    ///
    /// impl TaskControl for Count {
    ///     fn priority_changed(&self, _: &TaskNode) {
    ///         self.0.fetch_add(1, Ordering::Relaxed);
    ///     }
    /// }
    ///
    /// let count = Arc::new(Count::default());
    /// let node = TaskNode::new(Priority::NORMAL).controlled_by(count.clone());
    /// node.set_priority(Priority::HIGH);
    /// node.set_priority(Priority::HIGH);
    /// assert_eq!(count.0.load(Ordering::Relaxed), 1);
    /// ```
    #[must_use]
    pub fn controlled_by(self, control: Arc<dyn TaskControl>) -> Self {
        self.set_control(control);
        self
    }

    pub(crate) fn set_control(&self, control: Arc<dyn TaskControl>) {
        let former = self.lock().control.replace(control);
        drop(former);
    }

    /// Returns the name.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_priority::{Priority, TaskNode};
    ///
    /// assert_eq!(TaskNode::new(Priority::NORMAL).name(), None);
    /// ```
    pub fn name(&self) -> Option<Arc<str>> {
        self.lock().name.clone()
    }

    /// Returns the task's own priority.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_priority::{Priority, TaskNode};
    ///
    /// assert_eq!(TaskNode::new(Priority::LOW).priority(), Priority::LOW);
    /// ```
    pub fn priority(&self) -> Priority {
        self.lock().base
    }

    /// Returns how urgent the task is: its own priority, or that of the most urgent one who waits for
    /// what it holds.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_priority::{Priority, TaskNode};
    ///
    /// assert_eq!(TaskNode::new(Priority::LOW).effective_priority(), Priority::LOW);
    /// ```
    pub fn effective_priority(&self) -> Priority {
        self.shared.effective.load()
    }

    /// Sets the task's own priority. It takes effect at once, wherever the task waits, and whoever
    /// holds what it waits for hears of it.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_priority::{Priority, TaskNode};
    ///
    /// let node = TaskNode::new(Priority::NORMAL);
    /// node.set_priority(Priority::HIGH);
    /// assert_eq!(node.priority(), Priority::HIGH);
    /// ```
    pub fn set_priority(&self, priority: Priority) {
        let mut changes = Changes::default();
        {
            let mut state = self.lock();
            state.base = priority;
            self.update(&mut state, &mut changes);
        }
        changes.spread();
    }

    /// Returns `true` if both are nodes of the same task.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_priority::{Priority, TaskNode};
    ///
    /// let node = TaskNode::new(Priority::NORMAL);
    /// assert!(node.is_same(&node.clone()));
    /// assert!(!node.is_same(&TaskNode::new(Priority::NORMAL)));
    /// ```
    pub fn is_same(&self, other: &TaskNode) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }

    pub(crate) fn into_shared(self) -> Arc<Shared> {
        self.shared
    }

    pub(crate) fn from_shared(shared: Arc<Shared>) -> Self {
        TaskNode { shared }
    }

    /// Returns a number that no other task has.
    pub(crate) fn number(&self) -> u64 {
        self.shared.number
    }

    /// Lends a priority, or takes it back.
    pub(crate) fn lend(&self, lender: LenderId, loan: Option<Priority>, changes: &mut Changes) {
        self.lend_locked(&mut self.lock(), lender, loan, changes);
    }

    /// Ends a wait in a list, which the task has been served by, and lends it what the others there
    /// lend. Returns what is to be dropped without locks.
    pub(crate) fn serve(
        &self,
        waiter: WaiterId,
        loan: Option<Priority>,
        changes: &mut Changes,
    ) -> Option<Wait> {
        let mut state = self.lock();
        self.lend_locked(&mut state, waiter.list, loan, changes);
        state.end_wait(waiter)
    }

    /// Takes back what a lender has lent. Returns the waiters of the task in the list of the lender.
    pub(crate) fn take_back(
        &self,
        lender: LenderId,
        changes: &mut Changes,
    ) -> SmallVec<[WaiterId; 1]> {
        let mut state = self.lock();
        self.lend_locked(&mut state, lender, None, changes);
        if state.waits.is_empty() {
            return SmallVec::new();
        }
        let waits = state.waits.iter().map(|wait| wait.waiter);
        waits.filter(|waiter| waiter.list == lender).collect()
    }

    fn lend_locked(
        &self,
        state: &mut State,
        lender: LenderId,
        loan: Option<Priority>,
        changes: &mut Changes,
    ) {
        let lent = &mut state.lent;
        match (lent.iter().position(|(id, _)| *id == lender), loan) {
            (Some(index), Some(loan)) => lent[index].1 = loan,
            (Some(index), None) => drop(lent.swap_remove(index)),
            (None, Some(loan)) => lent.push((lender, loan)),
            (None, None) => return,
        }
        self.update(state, changes);
    }

    /// Notes that the task waits somewhere, and returns how urgent it is.
    pub(crate) fn begin_wait(&self, wait: Wait) -> Priority {
        let mut state = self.lock();
        state.waits.push(wait);
        state.effective
    }

    /// Notes that the task no longer waits there. What is returned is to be dropped without locks.
    pub(crate) fn end_wait(&self, waiter: WaiterId) -> Option<Wait> {
        self.lock().end_wait(waiter)
    }

    /// Returns where the task waits.
    pub(crate) fn waits(&self) -> Waits {
        self.lock().waits.clone()
    }

    /// Calculates the effective priority again.
    fn update(&self, state: &mut State, changes: &mut Changes) {
        let lent = state.lent.iter().map(|(_, loan)| *loan);
        let effective = lent.fold(state.base, Priority::min);
        if effective != state.effective {
            state.effective = effective;
            self.shared.effective.store(effective);
            changes.nodes.push(self.clone());
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing that can panic is called while it is locked.
        self.shared
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn end_wait(&mut self, waiter: WaiterId) -> Option<Wait> {
        let found = self.waits.iter().position(|wait| wait.waiter == waiter)?;
        Some(self.waits.swap_remove(found))
    }
}

impl fmt::Debug for TaskNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, base) = {
            let state = self.lock();
            (state.name.clone(), state.base)
        };
        f.debug_struct("TaskNode")
            .field("name", &name)
            .field("priority", &base)
            .field("effective_priority", &self.effective_priority())
            .finish_non_exhaustive()
    }
}
