//! The scheduler itself: the task table, the ready queue, and who is running.
//!
//! Everything here lives on the home thread. The state is borrowed for one operation at a time
//! and never while user code runs: what has to be polled, woken or dropped is taken out first.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::BTreeMap;
use std::mem;
use std::panic::Location;
use std::pin::Pin;
use std::ptr::NonNull;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::thread;

use async_task::Runnable;
use corokit_core::{Position, Priority, ReadyQueue, TaskId, TaskState};

use crate::context::Contexts;
use crate::control::{Callback, Kill};
use crate::error::ScheduleError;
use crate::home::Home;
use crate::runner::STEPS_PER_ROUND;
use crate::shared::{Delivery, Shared};
use crate::stats::Counters;
use crate::table::{Kind, Table};
use crate::task::TaskMeta;
use crate::watch::{Unheard, Watch};

/// Stands for "no slot".
pub(crate) const NONE: u32 = u32::MAX;

/// The thread-confined part of an executor.
pub(crate) struct Local<Q> {
    pub(crate) shared: Arc<Shared>,
    pub(crate) state: RefCell<State<Q>>,
    /// The slot of the entry that is being polled, or `NONE`.
    pub(crate) current: Cell<u32>,
    /// Where the entry that is being polled wants to be put when it wakes itself.
    pub(crate) place: Cell<Option<Position>>,
    /// How many main futures are due: their turn came while another runner was at work.
    due: Cell<usize>,
    next_runner: Cell<u64>,
    /// Whether tasks start inside the call that spawns them, unless the call says otherwise.
    eager_tasks: Cell<bool>,
    /// How many entries a round runs at most.
    steps_per_round: Cell<usize>,
    pub(crate) contexts: Contexts,
    /// An empty list whose memory the inbox uses again.
    batch: Cell<Vec<Delivery>>,
    pub(crate) counters: Counters,
    /// What debug mode knows, from the first time it is on.
    pub(crate) watch: OnceCell<Rc<Watch>>,
}

/// What is borrowed for one operation at a time.
pub(crate) struct State<Q> {
    pub(crate) table: Table,
    pub(crate) queue: Q,
    pub(crate) names: BTreeMap<u32, Rc<str>>,
    /// What is called when a task has ended.
    pub(crate) callbacks: BTreeMap<u32, Vec<Callback>>,
    /// How many entries are parked.
    pub(crate) parked: usize,
    /// The entries that are being polled below `current`, the outermost first.
    pub(crate) outer: Vec<Frame>,
}

/// What belongs to an entry whose poll runs another entry.
pub(crate) struct Frame {
    pub(crate) slot: u32,
    pub(crate) place: Option<Position>,
    pub(crate) wants_waker: bool,
}

impl<Q: ReadyQueue> State<Q> {
    /// Takes a slot into use and returns it with its generation.
    #[inline]
    pub(crate) fn allocate(&mut self, kind: Kind) -> (u32, u32) {
        if self.table.is_full() {
            self.queue.set_slots(self.table.len() + 1);
        }
        self.table.allocate(kind)
    }

    /// Frees a slot, which is not in the queue, and returns the waker that was kept in it.
    #[inline]
    pub(crate) fn free(&mut self, index: u32) -> Option<Waker> {
        self.queue.set_priority(index, Priority::NORMAL);
        self.table.free(index)
    }

    /// Returns `true` if no task has a name or a callback, as is mostly so.
    #[inline]
    pub(crate) fn is_plain(&self) -> bool {
        self.names.is_empty() && self.callbacks.is_empty()
    }
}

/// The entry whose turn it is.
pub(crate) enum Turn {
    /// A task: its slot, its runnable, and whether no waker of it is kept yet.
    Task(u32, Runnable<TaskMeta>, bool),
    /// A main future: its slot.
    Main(u32),
}

impl<Q: ReadyQueue + 'static> Local<Q> {
    /// Makes a scheduler whose home is the current thread.
    pub(crate) fn new(queue: Q) -> Rc<Self> {
        let local = Rc::new(Local {
            shared: Arc::new(Shared::new()),
            state: RefCell::new(State {
                table: Table::new(),
                queue,
                names: BTreeMap::new(),
                callbacks: BTreeMap::new(),
                parked: 0,
                outer: Vec::new(),
            }),
            current: Cell::new(NONE),
            place: Cell::new(None),
            due: Cell::new(0),
            next_runner: Cell::new(0),
            eager_tasks: Cell::new(false),
            steps_per_round: Cell::new(STEPS_PER_ROUND),
            contexts: Contexts::new(),
            batch: Cell::default(),
            counters: Counters::default(),
            watch: OnceCell::new(),
        });
        let home: &dyn Home = &*local;
        // SAFETY: the value is in an `Rc` and stays where it is until the executor drops it, which
        // it does after `shut_down` has called `clear`. An executor that is leaked, or whose
        // `shut_down` unwinds, leaks the `Rc` too.
        unsafe { local.shared.home.set(NonNull::from(home)) };
        local
    }
}

/// Turns.
impl<Q: ReadyQueue> Local<Q> {
    /// Takes the next entry out of the ready queue, after what other threads have delivered has
    /// been put into it.
    #[inline]
    pub(crate) fn next_turn(&self) -> Option<Turn> {
        self.settle();
        let mut state = self.state.borrow_mut();
        self.counters.length(state.queue.len());
        let index = state.queue.pop()?;
        let slot = state.table.slot_mut(index);
        Some(match slot.runnable.take() {
            Some(runnable) => Turn::Task(index, runnable, slot.waker.is_none()),
            None => Turn::Main(index),
        })
    }

    /// Runs the next task, passing main futures on to their runners. Returns `false` if there is
    /// none.
    pub(crate) fn step(&self) -> bool {
        loop {
            match self.next_turn() {
                Some(Turn::Task(index, runnable, wants_waker)) => {
                    self.run_task(index, runnable, wants_waker);
                    return true;
                }
                Some(Turn::Main(index)) => self.defer_main(index),
                None => return false,
            }
        }
    }

    /// Polls a task.
    #[inline]
    pub(crate) fn run_task(&self, index: u32, runnable: Runnable<TaskMeta>, wants_waker: bool) {
        let entered = self.enter(index);
        self.shared.set_wants_waker(wants_waker);
        self.counters.turn();
        self.contexts.run(index, &self.current, || {
            runnable.run();
        });
        drop(entered);
    }

    /// Polls a main future, and puts its entry back into the queue if it woke itself.
    pub(crate) fn poll_main<F: Future>(
        &self,
        index: u32,
        waker: &Waker,
        future: Pin<&mut F>,
    ) -> Poll<F::Output> {
        let entered = self.enter(index);
        self.state.borrow_mut().table.slot_mut(index).woken = false;
        self.counters.turn();
        let poll = match self.shared.is_watched() {
            false => future.poll(&mut Context::from_waker(waker)),
            true => self.poll_main_watched(index, waker, future),
        };
        if poll.is_pending() {
            let mut state = self.state.borrow_mut();
            if mem::take(&mut state.table.slot_mut(index).woken) {
                match self.place.take() {
                    Some(place) => self.put(&mut state, index, place),
                    None => state.queue.push(index),
                }
            }
        }
        drop(entered);
        poll
    }

    /// Puts a task that is ready to run into the ready queue.
    #[inline]
    pub(crate) fn schedule(&self, runnable: Runnable<TaskMeta>, woken_while_running: bool) {
        self.settle();
        self.enqueue(runnable, woken_while_running);
    }

    /// Puts a task that is ready to run at a position of the ready queue.
    pub(crate) fn schedule_at(&self, runnable: Runnable<TaskMeta>, position: Position) {
        self.settle();
        let index = runnable.metadata().slot;
        let mut state = self.state.borrow_mut();
        state.table.slot_mut(index).runnable = Some(runnable);
        self.put(&mut state, index, position);
    }

    #[inline]
    fn enqueue(&self, runnable: Runnable<TaskMeta>, woken_while_running: bool) {
        let index = runnable.metadata().slot;
        let mut state = self.state.borrow_mut();
        let slot = state.table.slot_mut(index);
        debug_assert!(slot.runnable.is_none() && slot.kind == Kind::Task);
        slot.runnable = Some(runnable);
        if woken_while_running && self.current.get() == index {
            if let Some(place) = self.place.take() {
                return self.put(&mut state, index, place);
            }
        }
        state.queue.push(index);
    }

    /// Makes an entry the current one until the guard is dropped.
    #[inline]
    fn enter(&self, index: u32) -> Entered<'_, Q> {
        let outer = self.current.replace(index);
        if outer != NONE {
            self.enter_nested(outer);
        }
        Entered { local: self, outer }
    }

    /// Puts aside what belongs to the entry that is being polled outside of the new one.
    #[cold]
    fn enter_nested(&self, outer: u32) {
        self.state.borrow_mut().outer.push(Frame {
            slot: outer,
            place: self.place.take(),
            wants_waker: self.shared.wants_waker(),
        });
    }

    /// Takes up what [`Local::enter_nested`] put aside.
    #[cold]
    fn leave_nested(&self, outer: u32) {
        self.leave(outer, &mut self.state.borrow_mut());
    }

    /// Makes the entry around the current one, if there is one, the current one again.
    #[inline]
    pub(crate) fn leave(&self, outer: u32, state: &mut State<Q>) {
        self.current.set(outer);
        self.place.set(None);
        if outer != NONE {
            if let Some(frame) = state.outer.pop() {
                self.place.set(frame.place);
                self.shared.set_wants_waker(frame.wants_waker);
            }
        }
    }

    /// Puts what other threads have delivered until now into the ready queue. Whatever is put
    /// there, taken from there or looked at comes after this.
    #[inline]
    pub(crate) fn settle(&self) {
        if self.shared.inbox.is_pending() {
            self.receive();
        }
    }

    #[cold]
    fn receive(&self) {
        let mut batch = self.batch.take();
        self.shared.inbox.drain(&mut batch);
        self.counters.deliveries(batch.len());
        for delivery in batch.drain(..) {
            match delivery {
                Delivery::Task(runnable) => self.enqueue(runnable, false),
                Delivery::Main(main) => {
                    let (index, generation) = main.receive();
                    self.enqueue_main(index, generation);
                }
                Delivery::Priority(task) => self.change_priority(task.id(), task.receive()),
            }
        }
        self.batch.set(batch);
    }

    /// Sets how urgent a task is, if it is there and the queue knows priorities.
    fn change_priority(&self, id: TaskId, priority: Priority) {
        let mut state = self.state.borrow_mut();
        if let Ok(index) = self.unfinished(&state, id) {
            state.queue.set_priority(index, priority);
        }
    }

    /// Returns `true` if there is an entry to run, or a delivery that may become one.
    pub(crate) fn has_work(&self) -> bool {
        self.shared.inbox.is_pending() || !self.state.borrow().queue.is_empty()
    }
}

/// Restores the current entry, also when a poll unwinds.
struct Entered<'e, Q: ReadyQueue> {
    local: &'e Local<Q>,
    outer: u32,
}

impl<Q: ReadyQueue> Drop for Entered<'_, Q> {
    #[inline]
    fn drop(&mut self) {
        if self.outer == NONE {
            self.local.current.set(NONE);
            self.local.place.set(None);
        } else {
            self.local.leave_nested(self.outer);
        }
    }
}

/// Entries.
impl<Q: ReadyQueue> Local<Q> {
    /// Takes a slot into use and returns it with its generation.
    #[inline]
    pub(crate) fn allocate(&self, kind: Kind) -> (u32, u32) {
        self.state.borrow_mut().allocate(kind)
    }

    /// Sees to the name and the callbacks of a task whose slot has been freed. Returns `true` if that
    /// put something into the ready queue.
    #[cold]
    pub(crate) fn release_extras(&self, id: TaskId) -> bool {
        let mut state = self.state.borrow_mut();
        let name = state.names.remove(&id.slot());
        let callbacks = state.callbacks.remove(&id.slot());
        drop(state);
        drop(name);
        let any = callbacks.is_some();
        if let Some(callbacks) = callbacks {
            self.call_soon(id, callbacks);
        }
        any
    }

    /// Returns the number under which somebody else's loop waits.
    pub(crate) fn host_key(&self) -> u64 {
        u64::MAX
    }

    /// Returns a number that no other runner of this scheduler has.
    pub(crate) fn new_runner(&self) -> u64 {
        let key = self.next_runner.get();
        self.next_runner.set(key + 1);
        key
    }

    /// Notes that the turn of another runner's main future has come, and wakes that runner.
    pub(crate) fn defer_main(&self, index: u32) {
        self.state.borrow_mut().table.slot_mut(index).due = true;
        self.due.set(self.due.get() + 1);
        self.wake_runners();
    }

    /// Wakes the runners that sleep, since there is something to do for them.
    pub(crate) fn wake_runners(&self) {
        if self.shared.inbox.is_sleeping() {
            self.shared.inbox.wake_sleepers();
        }
    }

    /// Returns `true`, once, if the turn of this main future came while another runner was at work.
    #[inline]
    pub(crate) fn take_due(&self, index: u32) -> bool {
        if self.due.get() == 0 {
            return false;
        }
        let due = mem::take(&mut self.state.borrow_mut().table.slot_mut(index).due);
        if due {
            self.due.set(self.due.get() - 1);
        }
        due
    }

    /// Puts a main future that was woken into the ready queue; if it is being polled, when its
    /// poll ends.
    pub(crate) fn enqueue_main(&self, index: u32, generation: u32) {
        let mut state = self.state.borrow_mut();
        if state.table.find(index, generation).is_none() {
            return;
        }
        if self.is_running(&state, index) {
            state.table.slot_mut(index).woken = true;
        } else if self.state_of(&state, index) == TaskState::Blocked {
            state.queue.push(index);
        }
    }

    /// Takes the entry of a main future out of the ready queue. Returns `false` if it is not there.
    pub(crate) fn take_main(&self, index: u32) -> bool {
        self.state.borrow_mut().queue.remove(index)
    }

    /// Removes the entry of a main future whose runner goes away.
    pub(crate) fn remove_main(&self, index: u32) {
        self.take_due(index);
        if let Some(watch) = self.watch.get() {
            watch.forget(index);
        }
        let mut state = self.state.borrow_mut();
        state.queue.remove(index);
        if state.table.slot(index).parked {
            state.parked -= 1;
        }
        let waker = state.free(index);
        debug_assert!(waker.is_none(), "a main future keeps no waker in the table");
        let name = state.names.remove(&index);
        drop(state);
        drop(name);
    }
}

/// Looking at entries.
impl<Q: ReadyQueue> Local<Q> {
    /// Returns the slot of the entry that is being polled.
    pub(crate) fn current(&self) -> Option<u32> {
        Some(self.current.get()).filter(|index| *index != NONE)
    }

    /// Returns how many entries are being polled, one inside the other.
    #[inline]
    pub(crate) fn depth(&self) -> usize {
        match self.current.get() {
            NONE => 0,
            _ => self.state.borrow().outer.len() + 1,
        }
    }

    /// Returns whether tasks start inside the call that spawns them.
    #[inline]
    pub(crate) fn steps_per_round(&self) -> usize {
        self.steps_per_round.get()
    }

    pub(crate) fn set_steps_per_round(&self, steps: usize) {
        self.steps_per_round.set(steps);
    }

    pub(crate) fn eager_tasks(&self) -> bool {
        self.eager_tasks.get()
    }

    pub(crate) fn set_eager_tasks(&self, eager: bool) {
        self.eager_tasks.set(eager);
    }

    /// Lets the running entry be put there when it wakes itself.
    pub(crate) fn set_place(&self, place: Position) {
        self.place.set(Some(place));
    }

    pub(crate) fn id_of(&self, state: &State<Q>, index: u32) -> TaskId {
        self.shared
            .task_id(index, state.table.slot(index).generation)
    }

    /// Returns what the entry in this slot, which is in use, is doing.
    pub(crate) fn state_of(&self, state: &State<Q>, index: u32) -> TaskState {
        let slot = state.table.slot(index);
        if slot.parked {
            TaskState::Parked
        } else if state.queue.contains(index) {
            TaskState::Runnable
        } else if slot.due || self.is_running(state, index) {
            TaskState::Running
        } else {
            TaskState::Blocked
        }
    }

    fn is_running(&self, state: &State<Q>, index: u32) -> bool {
        self.current.get() == index || state.outer.iter().any(|frame| frame.slot == index)
    }

    /// Counts the entries that are running: the stack of polls, and main futures that are due.
    pub(crate) fn running(&self, state: &State<Q>) -> usize {
        usize::from(self.current.get() != NONE) + state.outer.len() + self.due.get()
    }

    /// Puts an entry at a position; at the back if the position names an entry that is not queued.
    pub(crate) fn put(&self, state: &mut State<Q>, index: u32, position: Position) {
        let State { table, queue, .. } = state;
        let anchored = |id: TaskId| {
            id.scheduler() == self.shared.number && table.find(id.slot(), id.generation()).is_some()
        };
        let found = match position {
            Position::Front | Position::Index(0) => {
                self.counters.front_insert(queue.len());
                queue.insert_at(index, 0);
                true
            }
            Position::Index(count) => {
                queue.insert_at(index, count);
                true
            }
            Position::After(id) => anchored(id) && queue.insert_after(index, id.slot()),
            Position::Before(id) => anchored(id) && queue.insert_before(index, id.slot()),
            Position::Back => false,
        };
        if !found {
            queue.insert_at(index, usize::MAX);
        }
    }
}

impl<Q: ReadyQueue> Home for Local<Q> {
    fn wake_main(&self, index: u32, generation: u32) {
        self.settle();
        self.enqueue_main(index, generation);
    }

    #[cold]
    fn keep_waker(&self, index: u32, waker: &Waker) {
        self.shared.set_wants_waker(false);
        self.state.borrow_mut().table.slot_mut(index).waker = Some(waker.clone());
    }

    fn release(&self, index: u32) -> bool {
        let mut state = self.state.borrow_mut();
        let id = self.id_of(&state, index);
        let waker = state.free(index);
        let plain = state.is_plain();
        drop(state);
        // What is left of the poll is no longer this task's: its slot may be given to another.
        if self.current.get() == index {
            self.current.set(NONE);
        }
        drop(waker);
        !plain && self.release_extras(id)
    }

    fn state(&self, id: TaskId) -> TaskState {
        self.settle();
        let state = self.state.borrow();
        match self.unfinished(&state, id) {
            Ok(index) => self.state_of(&state, index),
            Err(_) => TaskState::Finished,
        }
    }

    fn set_priority(&self, id: TaskId, priority: Priority) {
        self.settle();
        self.change_priority(id, priority);
    }

    fn name(&self, id: TaskId) -> Option<Rc<str>> {
        let state = self.state.borrow();
        let index = self.unfinished(&state, id).ok()?;
        state.names.get(&index).cloned()
    }

    fn location(&self, id: TaskId) -> Option<&'static Location<'static>> {
        self.watch.get()?.location(id)
    }

    fn set_name(&self, id: TaskId, name: Rc<str>) -> Result<(), ScheduleError> {
        Local::set_name(self, id, name)
    }

    fn kill_step(&self, id: TaskId) -> Result<Kill, ScheduleError> {
        Local::kill_step(self, id)
    }

    fn add_callback(&self, id: TaskId, callback: Callback) -> Result<(), ScheduleError> {
        Local::add_callback(self, id, callback)
    }

    fn note_panic(&self) {
        // The task is never queued again, and what is noted of its place lasts as long as its turn.
        self.place.set(Some(Position::Back));
    }

    fn take_unheard(&self, index: u32, generation: u32) -> Option<(Rc<Watch>, Unheard)> {
        let watch = self.watch.get()?;
        self.place.get()?;
        let unheard = watch.take_unheard(self.shared.task_id(index, generation))?;
        Some((Rc::clone(watch), unheard))
    }
}

/// The end.
impl<Q> Local<Q>
where
    Q: ReadyQueue,
{
    /// Cancels every task, and returns when every future has been dropped.
    fn cancel_all(&self) {
        while self.state.borrow().table.tasks() > 0 {
            self.settle();
            let mut runnables = Vec::new();
            let mut blocked = Vec::new();
            let mut state = self.state.borrow_mut();
            let State {
                table,
                queue,
                parked,
                ..
            } = &mut *state;
            for (index, slot) in table.iter_mut() {
                if let Some(runnable) = slot.runnable.take() {
                    queue.remove(index);
                    *parked -= usize::from(mem::take(&mut slot.parked));
                    runnables.push(runnable);
                } else {
                    blocked.extend(slot.waker.clone());
                }
            }
            drop(state);
            // Without a runnable to drop, what is missing may be on its way from another thread,
            // which has made it runnable and not pushed it yet.
            if runnables.is_empty() {
                thread::yield_now();
            }
            // Dropping a runnable drops its future; waking a blocked task makes a runnable.
            for runnable in runnables {
                let slot = runnable.metadata().slot;
                self.contexts.run(slot, &self.current, || drop(runnable));
            }
            blocked.into_iter().for_each(Waker::wake);
        }
    }

    /// Cancels every task and cuts the connection to wakers and handles that are still around.
    pub(crate) fn shut_down(&self) {
        // Only a runner that was leaked can be asleep now, and nobody polls it any more.
        drop(self.shared.inbox.take_sleepers());
        if let Some(watch) = self.watch.get() {
            watch.close();
        }
        self.cancel_all();
        for delivery in self.shared.inbox.close() {
            // No task is left, so there is no runnable either; what cannot be is not dropped.
            if let Delivery::Task(runnable) = delivery {
                mem::forget(runnable);
            }
        }
        self.shared.home.clear();
    }
}
