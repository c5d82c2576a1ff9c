//! What happened in a run, event by event.

use std::collections::HashMap;
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use corokit_core::{TaskId, TaskState};
use corokit_sched_loop::LoopExecutor;

/// Something that happened in a run.
///
/// # Examples
///
/// ```
/// use corokit_lab::{Happening, Options};
///
/// let run = Options::new().trace(|_| async {}).unwrap();
/// let event = &run.trace[0];
/// assert_eq!((event.task(), event.happening()), ("main", Happening::Spawned));
/// assert_eq!(event.to_string(), "main spawned");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    at: Duration,
    task: Rc<str>,
    happening: Happening,
}

/// What happened to a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Happening {
    /// It was spawned. A task that starts inside the call that spawns it is seen when it blocks.
    Spawned,
    /// It was woken: put into the ready queue.
    Woken,
    /// Its poll began.
    Polled,
    /// Its poll ended, and it is in the ready queue again.
    Yielded,
    /// Its poll ended, and it waits for a wake-up.
    Blocked,
    /// It has finished, or was cancelled and dropped.
    Finished,
    /// A [victim](crate::Lab::victim) was dropped, or made to panic. The name is the victim's.
    Struck,
    /// The clock jumped. The name is `clock`.
    Jumped,
}

impl Event {
    /// Returns how much time had passed in the run.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_lab::Options;
    /// use std::time::Duration;
    ///
    /// let run = Options::new().trace(|_| async {}).unwrap();
    /// assert_eq!(run.trace[0].at(), Duration::ZERO);
    /// ```
    pub fn at(&self) -> Duration {
        self.at
    }

    /// Returns the name of the task. Those without a name are numbered as they appear: `#1`.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_lab::Options;
    ///
    /// let run = Options::new().trace(|_| async {}).unwrap();
    /// assert_eq!(run.trace[0].task(), "main");
    /// ```
    pub fn task(&self) -> &str {
        &self.task
    }

    /// Returns what happened to it.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_lab::{Happening, Options};
    ///
    /// let run = Options::new().trace(|_| async {}).unwrap();
    /// assert_eq!(run.trace.last().unwrap().happening(), Happening::Finished);
    /// ```
    pub fn happening(&self) -> Happening {
        self.happening
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Event {
            at,
            task,
            happening,
        } = self;
        match happening {
            Happening::Jumped => write!(f, "{task} jumped to {at:?}"),
            _ => write!(f, "{task} {happening}"),
        }
    }
}

impl fmt::Display for Happening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Happening::Spawned => "spawned",
            Happening::Woken => "woken",
            Happening::Polled => "polled",
            Happening::Yielded => "yielded",
            Happening::Blocked => "blocked",
            Happening::Finished => "finished",
            Happening::Struck => "struck",
            Happening::Jumped => "jumped",
        })
    }
}

/// Notes the events of a run by comparing the tasks before and after each step.
#[derive(Default)]
pub(crate) struct Recorder {
    events: Vec<Event>,
    /// The tasks that have not finished, and their names.
    known: HashMap<TaskId, Rc<str>>,
    unnamed: usize,
}

impl Recorder {
    pub(crate) fn into_events(self) -> Vec<Event> {
        self.events
    }

    pub(crate) fn note(&mut self, at: Duration, task: Rc<str>, happening: Happening) {
        self.events.push(Event {
            at,
            task,
            happening,
        });
    }

    /// Notes that a task is about to be polled.
    pub(crate) fn polled(&mut self, at: Duration, id: TaskId) {
        if let Some(name) = self.known.get(&id).cloned() {
            self.note(at, name, Happening::Polled);
        }
    }

    /// Notes what has changed since the last time: `ran` was polled, if anybody was, and `pushed`
    /// are the slots that were put into the queue.
    pub(crate) fn compare(
        &mut self,
        at: Duration,
        executor: &LoopExecutor,
        ran: Option<TaskId>,
        pushed: &[u32],
    ) {
        let tasks = executor.tasks();
        let states: HashMap<TaskId, TaskState> =
            tasks.iter().map(|task| (task.id(), task.state())).collect();
        // Who is pushed was spawned if nobody has seen it before.
        for slot in pushed {
            let Some(task) = tasks.iter().find(|task| task.id().slot() == *slot) else {
                continue;
            };
            if !self.known.contains_key(&task.id()) {
                self.meet(at, task.id(), task.name());
            } else if ran != Some(task.id()) {
                let name = Rc::clone(&self.known[&task.id()]);
                self.note(at, name, Happening::Woken);
            }
        }
        // Who was not pushed has blocked inside of the call that spawned it.
        for task in &tasks {
            if !self.known.contains_key(&task.id()) {
                self.meet(at, task.id(), task.name());
                let name = Rc::clone(&self.known[&task.id()]);
                self.note(at, name, Happening::Blocked);
            }
        }
        if let Some((ran, name)) = ran.and_then(|id| Some((id, self.known.get(&id)?.clone()))) {
            let happening = match states.get(&ran) {
                Some(TaskState::Blocked) => Some(Happening::Blocked),
                Some(_) => Some(Happening::Yielded),
                None => None,
            };
            if let Some(happening) = happening {
                self.note(at, name, happening);
            }
        }
        let gone = self.known.keys().filter(|id| !states.contains_key(id));
        let mut gone: Vec<TaskId> = gone.copied().collect();
        gone.sort_unstable_by_key(|id| (Some(*id) != ran, id.slot(), id.generation()));
        for id in gone {
            if let Some(name) = self.known.remove(&id) {
                self.note(at, name, Happening::Finished);
            }
        }
    }

    fn meet(&mut self, at: Duration, id: TaskId, name: Option<&str>) {
        let name = match name {
            Some(name) => Rc::from(name),
            None => {
                self.unnamed += 1;
                Rc::from(format!("#{}", self.unnamed))
            }
        };
        self.known.insert(id, Rc::clone(&name));
        self.note(at, name, Happening::Spawned);
    }
}
