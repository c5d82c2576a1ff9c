//! Runs a program step by step, and notes what each task does in each step.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use corokit::core::{TaskId, TaskState};
use corokit::sched_loop::{self, EventLoop};

/// What a task does in a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cell {
    /// It does not exist.
    Absent,
    /// It waits for something.
    Blocked,
    /// It is in the ready queue, and so many entries are before it.
    Ready(usize),
    /// It is polled.
    Running,
}

/// The steps of a program: for each task its name, and what it did in each step.
#[derive(Debug)]
pub(crate) struct Trace {
    pub(crate) rows: Vec<(String, Vec<Cell>)>,
}

/// Notes which tasks are polled, and what they are called.
#[derive(Clone, Default)]
pub(crate) struct Recorder {
    polled: Rc<RefCell<Vec<(TaskId, &'static str)>>>,
}

impl Recorder {
    /// Wraps the future of a task.
    pub(crate) fn named<F: Future>(&self, name: &'static str, future: F) -> Named<F> {
        Named {
            name,
            recorder: self.clone(),
            future: Box::pin(future),
        }
    }

    /// Runs the tasks of a loop until nothing is left to do, or for so many steps.
    pub(crate) fn run(&self, event_loop: &EventLoop, steps: usize) -> Trace {
        // In the order in which they were spawned.
        let mut names: Vec<(TaskId, String)> = Vec::new();
        let mut columns: Vec<Vec<(TaskId, Cell)>> = Vec::new();
        while columns.len() < steps {
            // The picture of a step is that of the queue before it, with the task that was chosen.
            let ready = event_loop.executor().ready_ids();
            let mut tasks = event_loop.executor().tasks();
            tasks.sort_unstable_by_key(|task| task.id().slot());
            if !event_loop.try_tick() {
                break;
            }
            let polled = self.polled.borrow_mut().split_off(0);
            let ran = polled.last().map(|(id, _)| *id);
            for task in &tasks {
                if !names.iter().any(|(known, _)| *known == task.id()) {
                    names.push((task.id(), task.name().unwrap_or_default().to_owned()));
                }
            }
            for (id, name) in polled {
                let known = names.iter_mut().find(|(known, _)| *known == id);
                known.expect("what is polled is a task").1 = name.to_owned();
            }
            let cell = |id: TaskId, state: TaskState| match ready.iter().position(|r| *r == id) {
                _ if Some(id) == ran => Cell::Running,
                Some(place) => Cell::Ready(place),
                None if state == TaskState::Finished => Cell::Absent,
                None => Cell::Blocked,
            };
            let column = tasks
                .iter()
                .map(|task| (task.id(), cell(task.id(), task.state())));
            columns.push(column.collect());
        }
        let row = |(id, name): (TaskId, String)| {
            let of = |column: &Vec<(TaskId, Cell)>| {
                let found = column.iter().find(|(other, _)| *other == id);
                found.map_or(Cell::Absent, |(_, cell)| *cell)
            };
            (name, columns.iter().map(of).collect())
        };
        Trace {
            rows: names.into_iter().map(row).collect(),
        }
    }
}

/// The future of a task that is seen in the picture.
pub(crate) struct Named<F> {
    name: &'static str,
    recorder: Recorder,
    future: Pin<Box<F>>,
}

impl<F: Future> Future for Named<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let id = sched_loop::current_task().expect("programs run on the loop");
        self.recorder.polled.borrow_mut().push((id, self.name));
        self.future.as_mut().poll(cx)
    }
}
