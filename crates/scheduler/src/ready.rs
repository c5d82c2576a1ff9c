//! The ready queue, in the program's hands.

use std::cell::RefMut;
use std::fmt;
use std::mem;

use corokit_core::{Position, ReadyQueue, TaskId, TaskState};

use crate::error::ScheduleError;
use crate::executor::LocalExecutor;
use crate::local::{Local, State};

/// The ready queue.
impl<'a, Q: ReadyQueue> LocalExecutor<'a, Q> {
    /// Returns the scheduler, if it was ever used, with what other threads have delivered until
    /// now in the ready queue.
    pub(crate) fn settled(&self) -> Option<&Local<Q>> {
        let local = self.local_if_used()?;
        local.settle();
        Some(local)
    }

    /// Returns how many entries, tasks and main futures, are ready to run.
    ///
    /// Source: asynkit's `queue_len`, `ready_len`.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_scheduler::LocalExecutor;
    ///
    /// let executor = LocalExecutor::new();
    /// let task = executor.spawn(async {});
    /// assert_eq!(executor.ready_len(), 1);
    /// ```
    pub fn ready_len(&self) -> usize {
        self.settled()
            .map_or(0, |local| local.state.borrow().queue.len())
    }

    /// Lists the entries of the ready queue in the order in which they will run.
    ///
    /// Source: asynkit's `queue_items`, `ready_tasks`.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_scheduler::LocalExecutor;
    ///
    /// let executor = LocalExecutor::new();
    /// let one = executor.spawn(async {});
    /// let two = executor.spawn(async {});
    /// assert_eq!(executor.ready_ids(), [one.metadata().id(), two.metadata().id()]);
    /// ```
    pub fn ready_ids(&self) -> Vec<TaskId> {
        let Some(local) = self.settled() else {
            return Vec::new();
        };
        let state = local.state.borrow();
        let slots = state.queue.iter();
        slots.map(|index| local.id_of(&state, index)).collect()
    }

    /// Returns how many entries will run before this one, or `None` if it is not in the ready
    /// queue. Takes time in proportion to the answer.
    ///
    /// To ask whether a task is in the queue at all, [`task_state`](LocalExecutor::task_state) is
    /// faster.
    ///
    /// Source: asynkit's `queue_find`, `ready_find`.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_scheduler::LocalExecutor;
    ///
    /// let executor = LocalExecutor::new();
    /// let one = executor.spawn(async {});
    /// let two = executor.spawn(async {});
    /// assert_eq!(executor.ready_position(two.metadata().id()), Some(1));
    /// ```
    pub fn ready_position(&self, id: TaskId) -> Option<usize> {
        let local = self.settled()?;
        let state = local.state.borrow();
        local.queued(&state, id).ok()?;
        let mut slots = state.queue.iter();
        slots.position(|index| index == id.slot())
    }

    /// Returns the entry that has exactly `index` others before it.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_scheduler::LocalExecutor;
    ///
    /// let executor = LocalExecutor::new();
    /// let task = executor.spawn(async {});
    /// assert_eq!(executor.ready_at(0), Some(task.metadata().id()));
    /// assert_eq!(executor.ready_at(1), None);
    /// ```
    pub fn ready_at(&self, index: usize) -> Option<TaskId> {
        let local = self.settled()?;
        let state = local.state.borrow();
        let index = state.queue.iter().nth(index)?;
        Some(local.id_of(&state, index))
    }

    /// Takes an entry out of the ready queue. It does not run until it is put back; a guard that
    /// is dropped puts it back at its regular place, so no task can be lost.
    ///
    /// Source: asynkit's `queue_remove`, `ready_remove`, which crash the loop if the entry is not
    /// put back.
    ///
    /// # Errors
    ///
    /// Fails if the task is not in the ready queue.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_scheduler::LocalExecutor;
    ///
    /// let executor = LocalExecutor::new();
    /// let one = executor.spawn(async {});
    /// let two = executor.spawn(async {});
    ///
    /// let parked = executor.ready_take(two.metadata().id())?;
    /// assert_eq!(executor.ready_ids(), [one.metadata().id()]);
    /// parked.insert(0).unwrap();
    /// assert_eq!(executor.ready_ids(), [two.metadata().id(), one.metadata().id()]);
    /// # Ok::<(), corokit_scheduler::ScheduleError>(())
    /// ```
    pub fn ready_take(&self, id: TaskId) -> Result<Parked<'_, Q>, ScheduleError> {
        let local = self.settled().ok_or(ScheduleError::Foreign(id))?;
        let mut state = local.state.borrow_mut();
        let index = local.queued(&state, id)?;
        state.queue.remove(index);
        Ok(Parked::new(local, state, index))
    }

    /// Takes the entry that would run next out of the ready queue, or returns `None` if there is
    /// none.
    ///
    /// Source: asynkit's early `ready_pop`.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_scheduler::LocalExecutor;
    ///
    /// let executor = LocalExecutor::new();
    /// let task = executor.spawn(async {});
    /// let parked = executor.ready_pop().unwrap();
    /// assert_eq!(parked.id(), task.metadata().id());
    /// assert!(!executor.try_tick());
    ///
    /// drop(parked);
    /// assert!(executor.try_tick());
    /// ```
    pub fn ready_pop(&self) -> Option<Parked<'_, Q>> {
        let local = self.settled()?;
        let mut state = local.state.borrow_mut();
        let index = state.queue.pop()?;
        Some(Parked::new(local, state, index))
    }

    /// Moves an entry of the ready queue to another place there.
    ///
    /// Source: `asynkit.task_reinsert`.
    ///
    /// # Errors
    ///
    /// Fails if the task, or the one that the position names, is not in the ready queue. Then
    /// nothing has moved.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_core::Position;
    /// use corokit_scheduler::LocalExecutor;
    ///
    /// let executor = LocalExecutor::new();
    /// let one = executor.spawn(async {});
    /// let two = executor.spawn(async {});
    /// let (one, two) = (one.metadata().id(), two.metadata().id());
    ///
    /// executor.ready_reinsert(one, Position::After(two))?;
    /// assert_eq!(executor.ready_ids(), [two, one]);
    /// executor.ready_reinsert(one, 0)?;
    /// assert_eq!(executor.ready_ids(), [one, two]);
    /// # Ok::<(), corokit_scheduler::ScheduleError>(())
    /// ```
    pub fn ready_reinsert(
        &self,
        id: TaskId,
        position: impl Into<Position>,
    ) -> Result<(), ScheduleError> {
        let position = position.into();
        let local = self.settled().ok_or(ScheduleError::Foreign(id))?;
        let mut state = local.state.borrow_mut();
        let index = local.queued(&state, id)?;
        local.check_anchor(&state, Some(id), position)?;
        state.queue.remove(index);
        local.put(&mut state, index, position);
        Ok(())
    }

    /// Lets the first `count` entries, modulo the length, run after all others, in their order.
    ///
    /// Source: asynkit's early `ready_rotate`.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_scheduler::LocalExecutor;
    ///
    /// let executor = LocalExecutor::new();
    /// let tasks = [(); 3].map(|()| executor.spawn(async {}));
    /// let [a, b, c] = [0, 1, 2].map(|i: usize| tasks[i].metadata().id());
    ///
    /// executor.ready_rotate_left(1);
    /// assert_eq!(executor.ready_ids(), [b, c, a]);
    /// ```
    pub fn ready_rotate_left(&self, count: usize) {
        if let Some(local) = self.settled() {
            local.state.borrow_mut().queue.rotate_left(count);
        }
    }

    /// Lets the last `count` entries, modulo the length, run before all others, in their order.
    ///
    /// Source: asynkit's early `ready_rotate`.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_scheduler::LocalExecutor;
    ///
    /// let executor = LocalExecutor::new();
    /// let tasks = [(); 3].map(|()| executor.spawn(async {}));
    /// let [a, b, c] = [0, 1, 2].map(|i: usize| tasks[i].metadata().id());
    ///
    /// executor.ready_rotate_right(1);
    /// assert_eq!(executor.ready_ids(), [c, a, b]);
    /// ```
    pub fn ready_rotate_right(&self, count: usize) {
        if let Some(local) = self.settled() {
            let queue = &mut local.state.borrow_mut().queue;
            if let Some(count) = count.checked_rem(queue.len()) {
                queue.rotate_left(queue.len() - count);
            }
        }
    }
}

/// Checks.
impl<Q: ReadyQueue> Local<Q> {
    /// Returns the slot of a task that is in the ready queue, or says why it is not there.
    pub(crate) fn queued(&self, state: &State<Q>, id: TaskId) -> Result<u32, ScheduleError> {
        let index = self.unfinished(state, id)?;
        match self.state_of(state, index) {
            TaskState::Runnable => Ok(index),
            TaskState::Running => Err(ScheduleError::Running(id)),
            TaskState::Blocked => Err(ScheduleError::Blocked(id)),
            TaskState::Parked => Err(ScheduleError::Parked(id)),
            TaskState::Finished => Err(ScheduleError::Finished(id)),
        }
    }

    /// Makes sure that the entry that a position names is in the ready queue, and is not the one
    /// that is to be moved.
    pub(crate) fn check_anchor(
        &self,
        state: &State<Q>,
        moved: Option<TaskId>,
        position: Position,
    ) -> Result<(), ScheduleError> {
        match position {
            Position::After(anchor) | Position::Before(anchor) if moved == Some(anchor) => {
                Err(ScheduleError::BesideItself(anchor))
            }
            Position::After(anchor) | Position::Before(anchor) => {
                self.queued(state, anchor).map(drop)
            }
            Position::Front | Position::Index(_) | Position::Back => Ok(()),
        }
    }
}

/// An entry that is ready to run but has been taken out of the ready queue.
///
/// Wake-ups of the task are not lost meanwhile: it will run anyway. Dropping the guard puts the
/// entry back at its regular place, which is the back of a [`Fifo`](crate::Fifo).
///
/// # Examples
///
/// ```
/// use corokit_core::TaskState;
/// use corokit_scheduler::LocalExecutor;
///
/// let executor = LocalExecutor::new();
/// let task = executor.spawn(async {});
/// let id = task.metadata().id();
///
/// let parked = executor.ready_take(id).unwrap();
/// assert_eq!(executor.task_state(id), Some(TaskState::Parked));
/// drop(parked);
/// assert_eq!(executor.task_state(id), Some(TaskState::Runnable));
/// ```
#[must_use = "dropping the guard puts the entry back into the queue"]
pub struct Parked<'e, Q: ReadyQueue> {
    local: &'e Local<Q>,
    id: TaskId,
}

impl<'e, Q: ReadyQueue> Parked<'e, Q> {
    /// Parks an entry that has just been taken out of the queue.
    fn new(local: &'e Local<Q>, mut state: RefMut<'_, State<Q>>, index: u32) -> Self {
        state.table.slot_mut(index).parked = true;
        state.parked += 1;
        let id = local.id_of(&state, index);
        Parked { local, id }
    }

    /// Returns the id of the task.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_scheduler::LocalExecutor;
    ///
    /// let executor = LocalExecutor::new();
    /// let task = executor.spawn(async {});
    /// assert_eq!(executor.ready_pop().unwrap().id(), task.metadata().id());
    /// ```
    pub fn id(&self) -> TaskId {
        self.id
    }

    /// Puts the entry into the ready queue at a position.
    ///
    /// Source: asynkit's `queue_insert_pos`, `ready_insert`.
    ///
    /// # Errors
    ///
    /// Fails, and gives the guard back, if the position names a task that is not in the ready
    /// queue.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_core::Position;
    /// use corokit_scheduler::{LocalExecutor, ScheduleError};
    ///
    /// let executor = LocalExecutor::new();
    /// let one = executor.spawn(async {});
    /// let two = executor.spawn(async {});
    /// let (one, two) = (one.metadata().id(), two.metadata().id());
    ///
    /// let parked = executor.ready_take(one).unwrap();
    /// let error = parked.insert(Position::After(one)).unwrap_err();
    /// assert_eq!(error.error, ScheduleError::BesideItself(one));
    /// error.parked.insert(Position::After(two)).unwrap();
    /// assert_eq!(executor.ready_ids(), [two, one]);
    /// ```
    pub fn insert(self, position: impl Into<Position>) -> Result<(), InsertError<'e, Q>> {
        let position = position.into();
        self.local.settle();
        let mut state = self.local.state.borrow_mut();
        let check = self.local.check_anchor(&state, Some(self.id), position);
        if let Err(error) = check {
            drop(state);
            return Err(InsertError {
                parked: self,
                error,
            });
        }
        if self.unpark(&mut state) {
            self.local.put(&mut state, self.id.slot(), position);
        }
        drop(state);
        // The guard has done its work before a waker can run any code.
        let local = self.local;
        mem::forget(self);
        local.wake_runners();
        Ok(())
    }

    /// Ends the parking. Returns `false` if the entry is gone: it was a main future's, and its
    /// runner has been dropped.
    fn unpark(&self, state: &mut State<Q>) -> bool {
        let (index, generation) = (self.id.slot(), self.id.generation());
        if state.table.find(index, generation).is_none() {
            return false;
        }
        state.table.slot_mut(index).parked = false;
        state.parked -= 1;
        true
    }
}

impl<Q: ReadyQueue> Drop for Parked<'_, Q> {
    fn drop(&mut self) {
        self.local.settle();
        let mut state = self.local.state.borrow_mut();
        if self.unpark(&mut state) {
            state.queue.push(self.id.slot());
        }
        drop(state);
        self.local.wake_runners();
    }
}

impl<Q: ReadyQueue> fmt::Debug for Parked<'_, Q> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Parked").field(&self.id).finish()
    }
}

/// Why [`Parked::insert`] failed, and the guard, which is as it was: see there.
pub struct InsertError<'e, Q: ReadyQueue> {
    /// The entry, still out of the queue.
    pub parked: Parked<'e, Q>,
    /// What is wrong with the position.
    pub error: ScheduleError,
}

impl<Q: ReadyQueue> fmt::Debug for InsertError<'_, Q> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InsertError")
            .field("parked", &self.parked)
            .field("error", &self.error)
            .finish()
    }
}

impl<Q: ReadyQueue> fmt::Display for InsertError<'_, Q> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl<Q: ReadyQueue> std::error::Error for InsertError<'_, Q> {}

impl<Q: ReadyQueue> From<InsertError<'_, Q>> for ScheduleError {
    /// Takes the error, and drops the guard, which puts the entry back at its regular place.
    fn from(refused: InsertError<'_, Q>) -> Self {
        refused.error
    }
}
