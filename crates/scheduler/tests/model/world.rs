//! What the tasks of a random program do.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};

use corokit_core::{Position, TaskId};
use corokit_scheduler::{Eager, LocalExecutor, ScheduleError, Task};
use futures_lite::future::yield_now;

/// Where something goes; numbers name the tasks in the order of their creation.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place {
    Front,
    Index(usize),
    After(usize),
    Before(usize),
    Back,
}

/// How a turn of a task ends.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Action {
    Block,
    Yield,
    SleepInsert(Place),
    Switch(usize, Place),
    Finish,
}

/// What a task does in one turn: it launches others inside of its poll, and then ends the turn.
#[derive(Clone, Debug)]
pub(crate) struct Turn {
    pub(crate) legs: Vec<Leg>,
    pub(crate) action: Action,
}

/// A task that starts inside of the call that makes it, and the turn that it takes there.
#[derive(Clone, Debug)]
pub(crate) struct Leg {
    pub(crate) way: Way,
    pub(crate) turn: Turn,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// By `eager`: a task only if it does not finish.
    Eager,
    /// By the builder: a task in any case.
    Builder,
}

/// A task that somebody holds.
pub(crate) enum Handle {
    Task(Task<()>),
    Eager(Eager<()>),
}

impl Handle {
    pub(crate) fn is_finished(&self) -> bool {
        match self {
            Handle::Task(task) => task.is_finished(),
            Handle::Eager(eager) => eager.is_finished(),
        }
    }
}

/// What the driver and the tasks of one program share.
#[derive(Default)]
pub(crate) struct World {
    pub(crate) executor: LocalExecutor<'static>,
    /// The tasks in the order of their creation; those that have not run tell their ids later.
    pub(crate) ids: RefCell<Vec<Option<TaskId>>>,
    pub(crate) handles: RefCell<Vec<Option<Handle>>>,
    pub(crate) wakers: RefCell<Vec<Option<Waker>>>,
    /// What the task that runs next is to do; `None` once it has been asked for.
    pub(crate) turn: Cell<Option<Turn>>,
    /// Who acted, and why giving way failed.
    pub(crate) acted: RefCell<Vec<(usize, Option<ScheduleError>)>>,
    /// The tasks that are being polled, the outermost first.
    running: RefCell<Vec<TaskId>>,
}

impl World {
    /// Takes a number for a new task.
    pub(crate) fn number(&self) -> usize {
        self.ids.borrow_mut().push(None);
        self.handles.borrow_mut().push(None);
        self.wakers.borrow_mut().push(None);
        self.ids.borrow().len() - 1
    }

    /// Returns the id of a task; `foreign` for one that does not exist.
    pub(crate) fn id(&self, task: usize, foreign: TaskId) -> TaskId {
        let ids = self.ids.borrow();
        ids.get(task).copied().flatten().unwrap_or(foreign)
    }

    /// Makes a position of a place. A task that does not exist stands for a foreign one.
    pub(crate) fn position(&self, place: Place, foreign: TaskId) -> Position {
        match place {
            Place::Front => Position::Front,
            Place::Index(index) => Position::Index(index),
            Place::After(task) => Position::After(self.id(task, foreign)),
            Place::Before(task) => Position::Before(self.id(task, foreign)),
            Place::Back => Position::Back,
        }
    }

    /// Spawns a task that waits for its turn.
    pub(crate) fn spawn(self: &Rc<Self>, place: Option<Place>, foreign: TaskId) {
        let me = self.number();
        let builder = self.executor.task();
        let builder = match place {
            Some(place) => builder.position(self.position(place, foreign)),
            None => builder,
        };
        let task = builder.spawn(Rc::clone(self).body(me, foreign));
        self.ids.borrow_mut()[me] = Some(task.metadata().id());
        self.handles.borrow_mut()[me] = Some(Handle::Task(task));
    }

    /// Starts a task inside of the call.
    pub(crate) fn launch(self: &Rc<Self>, leg: Leg, foreign: TaskId) {
        let me = self.number();
        self.turn.set(Some(leg.turn));
        let body = Rc::clone(self).body(me, foreign);
        let handle = match leg.way {
            Way::Eager => Handle::Eager(self.executor.eager(body)),
            Way::Builder => Handle::Task(self.executor.task().eager(true).spawn(body)),
        };
        self.handles.borrow_mut()[me] = Some(handle);
    }

    async fn body(self: Rc<Self>, me: usize, foreign: TaskId) {
        let id = self.executor.current_task().expect("a task is running");
        let known = self.ids.borrow_mut()[me].replace(id);
        assert!(
            known.is_none_or(|known| known == id),
            "one identity for life"
        );
        loop {
            let turn = self.turn.take().expect("each turn is given once");
            let entry = self.acted.borrow().len();
            self.acted.borrow_mut().push((me, None));
            self.running.borrow_mut().push(id);
            for leg in turn.legs {
                self.look();
                self.launch(leg, foreign);
            }
            self.look();
            self.running.borrow_mut().pop();
            let gave_way = match turn.action {
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
                    let target = self.id(target, foreign);
                    self.executor.task_switch(target, position).await
                }
            };
            if let Err(error) = gave_way {
                self.acted.borrow_mut()[entry].1 = Some(error);
                self.block(me).await;
            }
        }
    }

    /// Checks in the middle of a poll that all tasks are runnable, blocked, parked, or on the stack
    /// of what is running.
    fn look(&self) {
        let running = self.running.borrow();
        assert_eq!(self.executor.current_task(), running.last().copied());
        let stats = self.executor.stats();
        assert_eq!(stats.running, running.len());
        let all = stats.ready + stats.blocked + stats.parked + stats.running;
        assert_eq!(all, self.executor.tasks().len());
        assert_eq!(stats.ready, self.executor.ready_ids().len());
        assert_eq!(stats.blocked, self.executor.blocked_ids().len());
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
