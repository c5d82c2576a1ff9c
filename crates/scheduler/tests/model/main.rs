//! Random programs against a naive model.
#![cfg(not(loom))]

mod naive;
mod world;

use std::rc::Rc;

use corokit_core::{TaskId, TaskState};
use corokit_scheduler::{DebugOptions, LocalExecutor, Parked, ScheduleError};
use proptest::prelude::*;

use naive::{Model, Refusal};
use world::{Action, Leg, Place, Turn, Way, World};

/// What is done from outside.
#[derive(Clone, Debug)]
enum Step {
    Spawn(Option<Place>),
    Launch(Leg),
    Tick(Turn),
    Wake(usize),
    WakeById(usize),
    Cancel(usize),
    Kill(usize),
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

fn turn() -> impl Strategy<Value = Turn> {
    let plain = action().prop_map(|action| Turn {
        legs: Vec::new(),
        action,
    });
    plain.prop_recursive(3, 8, 2, |turn| {
        let way = prop_oneof![2 => Just(Way::Eager), 1 => Just(Way::Builder)];
        let leg = (way, turn).prop_map(|(way, turn)| Leg { way, turn });
        let legs = prop::collection::vec(leg, 0..3);
        (legs, action()).prop_map(|(legs, action)| Turn { legs, action })
    })
}

fn leg() -> impl Strategy<Value = Leg> {
    let way = prop_oneof![Just(Way::Eager), Just(Way::Builder)];
    (way, turn()).prop_map(|(way, turn)| Leg { way, turn })
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => prop::option::of(place()).prop_map(Step::Spawn),
        1 => leg().prop_map(Step::Launch),
        6 => turn().prop_map(Step::Tick),
        3 => (0..10usize).prop_map(Step::Wake),
        1 => (0..10usize).prop_map(Step::WakeById),
        1 => (0..10usize).prop_map(Step::Cancel),
        1 => (0..10usize).prop_map(Step::Kill),
        2 => (0..10usize).prop_map(Step::Take),
        1 => Just(Step::Pop),
        2 => (0..4usize, place()).prop_map(|(parked, place)| Step::Insert(parked, place)),
        1 => (0..4usize).prop_map(Step::PutBack),
        3 => (0..10usize, place()).prop_map(|(task, place)| Step::Reinsert(task, place)),
        1 => (0..20usize).prop_map(Step::RotateLeft),
        1 => (0..20usize).prop_map(Step::RotateRight),
    ]
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
    parked: Vec<(usize, Parked<'w, corokit_scheduler::Fifo>)>,
}

impl<'w> Machine<'w> {
    fn id(&self, task: usize) -> TaskId {
        self.world.id(task, self.foreign)
    }

    fn step(&mut self, step: Step) {
        let (world, foreign) = (self.world, self.foreign);
        match step {
            Step::Spawn(place) => {
                world.spawn(place, foreign);
                self.model.spawn(place.unwrap_or(Place::Back));
            }
            Step::Launch(leg) => {
                let mut expected = Vec::new();
                self.model.launch(&leg, &mut expected);
                world.launch(leg, foreign);
                self.acted(&expected);
            }
            Step::Tick(turn) => {
                let any = !self.model.ready.is_empty();
                let expected = self.model.tick(&turn);
                world.turn.set(Some(turn));
                assert_eq!(world.executor.try_tick(), any);
                world.turn.take();
                self.acted(&expected);
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
                let mut handles = world.handles.borrow_mut();
                let handle = handles.get_mut(task).and_then(Option::take);
                drop(handles);
                if let Some(handle) = handle {
                    drop(handle);
                    self.model.cancelled[task] = true;
                    if self.model.states[task] == TaskState::Blocked {
                        self.model.insert(task, Place::Back);
                    }
                }
            }
            Step::Kill(task) => {
                let killed = world.executor.kill(self.id(task)).map_err(refusal);
                assert_eq!(killed, self.model.kill(task));
            }
            Step::WakeById(task) => {
                let woken = world.executor.wake_task(self.id(task)).map_err(refusal);
                assert_eq!(woken, self.model.wake(task));
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
                            self.put_back(task, place);
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
                    self.put_back(task, Place::Back);
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

    /// Compares who acted and what giving way said.
    fn acted(&self, expected: &naive::Acted) {
        let acted = self.world.acted.take();
        let acted = acted
            .iter()
            .map(|(task, error)| (*task, error.map(refusal)));
        assert_eq!(acted.collect::<Vec<_>>(), *expected);
    }

    /// Ends the parking of a task, which may have been killed meanwhile.
    fn put_back(&mut self, task: usize, place: Place) {
        if self.model.states[task] == TaskState::Parked {
            self.model.insert(task, place);
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
        for (handle, state) in self.world.handles.borrow().iter().zip(&model.states) {
            let finished = handle.as_ref().map(|handle| handle.is_finished());
            assert_eq!(
                finished.unwrap_or(*state == TaskState::Finished),
                *state == TaskState::Finished
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
    fn the_executor_does_what_the_model_does(
        steps in prop::collection::vec(step(), 1..120),
        debug in any::<bool>(),
    ) {
        let other = LocalExecutor::new();
        let stranger = other.spawn(async {});
        let world = Rc::new(World::default());
        // Whether somebody watches makes no difference.
        world.executor.set_debug(debug.then(|| DebugOptions::new().backtraces(false).hook(|_| ())));
        let mut machine = Machine {
            world: &world,
            foreign: stranger.metadata().id(),
            model: Model::default(),
            parked: Vec::new(),
        };
        for step in steps {
            machine.step(step);
            machine.compare();
        }
        // The tasks own the world: end them, so that it ends too.
        drop(machine);
        drop(world.handles.take());
        while world.executor.try_tick() {}
        prop_assert!(world.executor.is_empty());
        prop_assert_eq!(Rc::strong_count(&world), 1);
    }
}
