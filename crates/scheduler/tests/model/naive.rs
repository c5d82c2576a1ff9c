//! The naive model: a `Vec` of entries.

use corokit_core::TaskState;

use crate::world::{Action, Leg, Place, Turn, Way};

/// The tasks by number, and the ready queue.
#[derive(Default)]
pub(crate) struct Model {
    pub(crate) states: Vec<TaskState>,
    pub(crate) cancelled: Vec<bool>,
    pub(crate) ready: Vec<usize>,
}

/// What happened in one turn: who acted, and why giving way failed.
pub(crate) type Acted = Vec<(usize, Option<Refusal>)>;

/// Why a task is not in the queue, in the model's words.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Refusal {
    Foreign,
    State(TaskState),
    BesideItself,
}

impl Model {
    pub(crate) fn queued(&self, task: usize) -> Result<(), Refusal> {
        match self.states.get(task) {
            None => Err(Refusal::Foreign),
            Some(TaskState::Runnable) => Ok(()),
            Some(state) => Err(Refusal::State(*state)),
        }
    }

    pub(crate) fn check(&self, moved: usize, place: Place) -> Result<(), Refusal> {
        match place {
            Place::After(anchor) | Place::Before(anchor) if anchor == moved => {
                Err(Refusal::BesideItself)
            }
            Place::After(anchor) | Place::Before(anchor) => self.queued(anchor),
            _ => Ok(()),
        }
    }

    /// Inserts a task that is not in the queue.
    pub(crate) fn insert(&mut self, task: usize, place: Place) {
        let find = |anchor| self.ready.iter().position(|task| *task == anchor);
        let len = self.ready.len();
        let index = match place {
            Place::Front => 0,
            Place::Index(index) => index.min(len),
            Place::After(anchor) => find(anchor).map_or(len, |index| index + 1),
            Place::Before(anchor) => find(anchor).unwrap_or(len),
            Place::Back => len,
        };
        self.ready.insert(index, task);
        self.states[task] = TaskState::Runnable;
    }

    pub(crate) fn remove(&mut self, task: usize) {
        self.ready.retain(|other| *other != task);
    }

    /// Adds a task that is running.
    fn add(&mut self) -> usize {
        self.states.push(TaskState::Running);
        self.cancelled.push(false);
        self.states.len() - 1
    }

    /// Spawns a task that waits for its turn.
    pub(crate) fn spawn(&mut self, place: Place) {
        let task = self.add();
        // A place beside somebody who is not there is the back.
        self.insert(task, place);
    }

    /// Spawns a task that starts inside of the call.
    pub(crate) fn launch(&mut self, leg: &Leg, acted: &mut Acted) {
        let task = self.add();
        self.act(task, &leg.turn, acted);
        // What `eager` makes of a future that has blocked is polled once more.
        if leg.way == Way::Eager && self.states[task] == TaskState::Blocked {
            self.insert(task, Place::Back);
        }
    }

    /// Runs the next task. Returns who acted.
    pub(crate) fn tick(&mut self, turn: &Turn) -> Acted {
        let mut acted = Vec::new();
        if self.ready.is_empty() {
            return acted;
        }
        let me = self.ready.remove(0);
        if self.cancelled[me] {
            self.states[me] = TaskState::Finished;
            return acted;
        }
        self.states[me] = TaskState::Running;
        self.act(me, turn, &mut acted);
        acted
    }

    /// Lets a running task do what it is to do.
    fn act(&mut self, me: usize, turn: &Turn, acted: &mut Acted) {
        let entry = acted.len();
        acted.push((me, None));
        for leg in &turn.legs {
            self.launch(leg, acted);
        }
        let result = match turn.action {
            Action::Finish | Action::Block => Ok(()),
            Action::Yield => {
                self.insert(me, Place::Back);
                Ok(())
            }
            Action::SleepInsert(place) => self.check(me, place).map(|()| self.insert(me, place)),
            Action::Switch(target, place) => self
                .queued(target)
                .and_then(|()| self.check(me, place))
                .map(|()| {
                    self.remove(target);
                    self.insert(target, Place::Front);
                    self.insert(me, place);
                }),
        };
        acted[entry].1 = result.err();
        if self.states[me] == TaskState::Running {
            self.states[me] = match turn.action {
                Action::Finish => TaskState::Finished,
                _ => TaskState::Blocked,
            };
        }
    }

    /// Ends a task now. Says why not if that cannot be.
    pub(crate) fn kill(&mut self, task: usize) -> Result<(), Refusal> {
        match self.states.get(task) {
            None => Err(Refusal::Foreign),
            Some(TaskState::Finished) => Err(Refusal::State(TaskState::Finished)),
            Some(_) => {
                self.remove(task);
                self.states[task] = TaskState::Finished;
                Ok(())
            }
        }
    }

    /// Wakes a task that may not wait for anything. Returns whether it was blocked.
    pub(crate) fn wake(&mut self, task: usize) -> Result<bool, Refusal> {
        match self.states.get(task) {
            None => Err(Refusal::Foreign),
            Some(TaskState::Finished) => Err(Refusal::State(TaskState::Finished)),
            Some(TaskState::Blocked) => {
                self.insert(task, Place::Back);
                Ok(true)
            }
            Some(_) => Ok(false),
        }
    }
}
