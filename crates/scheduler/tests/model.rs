//! Random programs against a naive model: a `Vec` of entries.
#![cfg(not(loom))]

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};

use corokit_core::{Position, TaskId, TaskState};
use corokit_scheduler::{LocalExecutor, Parked, ScheduleError, Task};
use futures_lite::future::yield_now;
use proptest::prelude::*;

/// Where something goes; numbers name the tasks in the order of their creation.
#[derive(Clone, Copy, Debug)]
enum Place {
    Front,
    Index(usize),
    After(usize),
    Before(usize),
    Back,
}

/// What the task that runs next does.
#[derive(Clone, Copy, Debug)]
enum Action {
    Block,
    Yield,
    SleepInsert(Place),
    Switch(usize, Place),
    Finish,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Spawn,
    Tick(Action),
    Wake(usize),
    Cancel(usize),
    Take(usize),
    Pop,
    Insert(usize, Place),
    PutBack(usize),
    Reinsert(usize, Place),
    RotateLeft(usize),
    RotateRight(usize),
}

fn place() -> impl Strategy<Value = Place> {
    prop_oneof![
        Just(Place::Front),
        (0..12usize).prop_map(Place::Index),
        (0..10usize).prop_map(Place::After),
        (0..10usize).prop_map(Place::Before),
        Just(Place::Back),
    ]
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        3 => Just(Action::Block),
        3 => Just(Action::Yield),
        2 => place().prop_map(Action::SleepInsert),
        2 => (0..10usize, place()).prop_map(|(target, place)| Action::Switch(target, place)),
        1 => Just(Action::Finish),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => Just(Step::Spawn),
        6 => action().prop_map(Step::Tick),
        3 => (0..10usize).prop_map(Step::Wake),
        1 => (0..10usize).prop_map(Step::Cancel),
        2 => (0..10usize).prop_map(Step::Take),
        1 => Just(Step::Pop),
        2 => (0..4usize, place()).prop_map(|(parked, place)| Step::Insert(parked, place)),
        1 => (0..4usize).prop_map(Step::PutBack),
        3 => (0..10usize, place()).prop_map(|(task, place)| Step::Reinsert(task, place)),
        1 => (0..20usize).prop_map(Step::RotateLeft),
        1 => (0..20usize).prop_map(Step::RotateRight),
    ]
}

/// What the driver and the tasks of one program share.
#[derive(Default)]
struct World {
    executor: LocalExecutor<'static>,
    ids: RefCell<Vec<TaskId>>,
    wakers: RefCell<Vec<Option<Waker>>>,
    /// What the task that runs next is to do; `None` once it has been asked for.
    action: Cell<Option<Action>>,
    /// What giving way said, if it failed.
    error: Cell<Option<ScheduleError>>,
    /// Who took the action.
    ran: Cell<Option<usize>>,
}

impl World {
    /// Makes a position of a place. A task that does not exist stands for a foreign one.
    fn position(&self, place: Place, foreign: TaskId) -> Position {
        let id = |task: usize| self.ids.borrow().get(task).copied().unwrap_or(foreign);
        match place {
            Place::Front => Position::Front,
            Place::Index(index) => Position::Index(index),
            Place::After(task) => Position::After(id(task)),
            Place::Before(task) => Position::Before(id(task)),
            Place::Back => Position::Back,
        }
    }

    async fn body(self: Rc<Self>, me: usize, foreign: TaskId) {
        loop {
            let action = self.action.take().expect("each tick takes one action");
            self.ran.set(Some(me));
            let gave_way = match action {
                Action::Finish => return,
                Action::Yield => {
                    yield_now().await;
                    continue;
                }
                Action::Block => {
                    self.block(me).await;
                    Ok(())
                }
                Action::SleepInsert(place) => {
                    let position = self.position(place, foreign);
                    self.executor.sleep_insert(position).await
                }
                Action::Switch(target, place) => {
                    let position = self.position(place, foreign);
                    let target = self.ids.borrow().get(target).copied().unwrap_or(foreign);
                    self.executor.task_switch(target, position).await
                }
            };
            if let Err(error) = gave_way {
                self.error.set(Some(error));
                self.block(me).await;
            }
        }
    }

    /// Waits for one wake-up.
    async fn block(&self, me: usize) {
        let mut first = true;
        poll_fn(|cx| {
            if !std::mem::replace(&mut first, false) {
                return Poll::Ready(());
            }
            self.wakers.borrow_mut()[me] = Some(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }
}

/// The naive model.
#[derive(Default)]
struct Model {
    states: Vec<TaskState>,
    cancelled: Vec<bool>,
    ready: Vec<usize>,
}

/// Why a task is not in the queue, in the model's words.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Refusal {
    Foreign,
    State(TaskState),
    BesideItself,
}

impl Model {
    fn queued(&self, task: usize) -> Result<(), Refusal> {
        match self.states.get(task) {
            None => Err(Refusal::Foreign),
            Some(TaskState::Runnable) => Ok(()),
            Some(state) => Err(Refusal::State(*state)),
        }
    }

    fn check(&self, moved: usize, place: Place) -> Result<(), Refusal> {
        match place {
            Place::After(anchor) | Place::Before(anchor) if anchor == moved => {
                Err(Refusal::BesideItself)
            }
            Place::After(anchor) | Place::Before(anchor) => self.queued(anchor),
            _ => Ok(()),
        }
    }

    /// Inserts a task that is not in the queue.
    fn insert(&mut self, task: usize, place: Place) {
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

    fn remove(&mut self, task: usize) {
        self.ready.retain(|other| *other != task);
    }

    /// Runs the next task. Returns what giving way says.
    fn tick(&mut self, action: Action) -> (Option<usize>, Result<(), Refusal>) {
        if self.ready.is_empty() {
            return (None, Ok(()));
        }
        let me = self.ready.remove(0);
        if self.cancelled[me] {
            self.states[me] = TaskState::Finished;
            return (None, Ok(()));
        }
        self.states[me] = TaskState::Running;
        let result = match action {
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
        if self.states[me] == TaskState::Running {
            self.states[me] = match action {
                Action::Finish => TaskState::Finished,
                _ => TaskState::Blocked,
            };
        }
        (Some(me), result)
    }
}

/// Compares what the executor says with what the model says.
fn refusal(error: ScheduleError) -> Refusal {
    match error {
        ScheduleError::Foreign(_) => Refusal::Foreign,
        ScheduleError::Finished(_) => Refusal::State(TaskState::Finished),
        ScheduleError::Running(_) => Refusal::State(TaskState::Running),
        ScheduleError::Blocked(_) => Refusal::State(TaskState::Blocked),
        ScheduleError::Parked(_) => Refusal::State(TaskState::Parked),
        ScheduleError::BesideItself(_) => Refusal::BesideItself,
        error => panic!("the model knows no {error:?}"),
    }
}

/// The executor, the model, and the guards that the program holds.
struct Machine<'w> {
    world: &'w Rc<World>,
    foreign: TaskId,
    model: Model,
    tasks: Vec<Option<Task<()>>>,
    parked: Vec<(usize, Parked<'w, corokit_scheduler::Fifo>)>,
}

impl<'w> Machine<'w> {
    fn id(&self, task: usize) -> TaskId {
        let ids = self.world.ids.borrow();
        ids.get(task).copied().unwrap_or(self.foreign)
    }

    fn step(&mut self, step: Step) {
        let (world, foreign) = (self.world, self.foreign);
        match step {
            Step::Spawn => {
                let me = self.tasks.len();
                let task = world.executor.spawn(Rc::clone(world).body(me, foreign));
                world.ids.borrow_mut().push(task.metadata().id());
                world.wakers.borrow_mut().push(None);
                self.tasks.push(Some(task));
                self.model.states.push(TaskState::Blocked);
                self.model.cancelled.push(false);
                self.model.insert(me, Place::Back);
            }
            Step::Tick(action) => {
                world.action.set(Some(action));
                let any = !self.model.ready.is_empty();
                assert_eq!(world.executor.try_tick(), any);
                let (ran, result) = self.model.tick(action);
                world.action.take();
                assert_eq!(world.ran.take(), ran);
                assert_eq!(world.error.take().map(refusal), result.err());
            }
            Step::Wake(task) => {
                let waker = world
                    .wakers
                    .borrow_mut()
                    .get_mut(task)
                    .and_then(Option::take);
                if let Some(waker) = waker {
                    waker.wake();
                    if self.model.states[task] == TaskState::Blocked {
                        self.model.insert(task, Place::Back);
                    }
                }
            }
            Step::Cancel(task) => {
                if let Some(handle) = self.tasks.get_mut(task).and_then(Option::take) {
                    drop(handle);
                    self.model.cancelled[task] = true;
                    if self.model.states[task] == TaskState::Blocked {
                        self.model.insert(task, Place::Back);
                    }
                }
            }
            Step::Take(task) => {
                let taken = world.executor.ready_take(self.id(task));
                assert_eq!(
                    taken.as_ref().err().map(|e| refusal(*e)),
                    self.model.queued(task).err()
                );
                if let Ok(guard) = taken {
                    self.park(task, guard);
                }
            }
            Step::Pop => {
                let taken = world.executor.ready_pop();
                let next = self.model.ready.first().copied();
                assert_eq!(
                    taken.as_ref().map(Parked::id),
                    next.map(|task| self.id(task))
                );
                if let (Some(guard), Some(task)) = (taken, next) {
                    self.park(task, guard);
                }
            }
            Step::Insert(parked, place) => {
                if parked < self.parked.len() {
                    let (task, guard) = self.parked.remove(parked);
                    let expected = self.model.check(task, place);
                    match guard.insert(world.position(place, foreign)) {
                        Ok(()) => {
                            assert_eq!(expected, Ok(()));
                            self.model.insert(task, place);
                        }
                        Err(refused) => {
                            assert_eq!(Err(refusal(refused.error)), expected);
                            self.parked.push((task, refused.parked));
                        }
                    }
                }
            }
            Step::PutBack(parked) => {
                if parked < self.parked.len() {
                    let (task, guard) = self.parked.remove(parked);
                    drop(guard);
                    self.model.insert(task, Place::Back);
                }
            }
            Step::Reinsert(task, place) => {
                let position = world.position(place, foreign);
                let result = world.executor.ready_reinsert(self.id(task), position);
                let expected = self
                    .model
                    .queued(task)
                    .and_then(|()| self.model.check(task, place));
                assert_eq!(result.map_err(refusal), expected);
                if expected.is_ok() {
                    self.model.remove(task);
                    self.model.insert(task, place);
                }
            }
            Step::RotateLeft(count) => {
                world.executor.ready_rotate_left(count);
                let len = self.model.ready.len().max(1);
                self.model.ready.rotate_left(count % len);
            }
            Step::RotateRight(count) => {
                world.executor.ready_rotate_right(count);
                let len = self.model.ready.len().max(1);
                self.model.ready.rotate_right(count % len);
            }
        }
    }

    fn park(&mut self, task: usize, guard: Parked<'w, corokit_scheduler::Fifo>) {
        self.model.remove(task);
        self.model.states[task] = TaskState::Parked;
        self.parked.push((task, guard));
    }

    fn compare(&self) {
        let executor = &self.world.executor;
        let model = &self.model;
        let ready: Vec<TaskId> = model.ready.iter().map(|task| self.id(*task)).collect();
        assert_eq!(executor.ready_ids(), ready);
        assert_eq!(executor.ready_len(), ready.len());
        for (index, id) in ready.iter().enumerate() {
            assert_eq!(executor.ready_at(index), Some(*id));
            assert_eq!(executor.ready_position(*id), Some(index));
        }
        for (task, state) in model.states.iter().enumerate() {
            assert_eq!(
                executor.task_state(self.id(task)),
                Some(*state),
                "task {task}"
            );
        }
        let count = |wanted| {
            model
                .states
                .iter()
                .filter(|state| **state == wanted)
                .count()
        };
        assert_eq!(executor.blocked_len(), count(TaskState::Blocked));
        let unfinished = model.states.len() - count(TaskState::Finished);
        assert_eq!(executor.tasks().len(), unfinished);
        assert_eq!(executor.is_empty(), unfinished == 0);
        assert_eq!(executor.current_task(), None);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_executor_does_what_the_model_does(steps in prop::collection::vec(step(), 1..120)) {
        let other = LocalExecutor::new();
        let stranger = other.spawn(async {});
        let world = Rc::new(World::default());
        let mut machine = Machine {
            world: &world,
            foreign: stranger.metadata().id(),
            model: Model::default(),
            tasks: Vec::new(),
            parked: Vec::new(),
        };
        for step in steps {
            machine.step(step);
            machine.compare();
        }
        // The tasks own the world: end them, so that it ends too.
        let Machine { tasks, parked, .. } = machine;
        drop((tasks, parked));
        while world.executor.try_tick() {}
        prop_assert!(world.executor.is_empty());
        prop_assert_eq!(Rc::strong_count(&world), 1);
    }
}
