//! What happened in a run, event by event.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use corokit_core::{TaskId, TaskState};
use corokit_sched_loop::{LoopExecutor, TaskInfo};

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
    /// The tasks that have not finished, by slot, and their names.
    known: HashMap<u32, Known>,
    unnamed: usize,
}

#[derive(Clone)]
struct Known {
    id: TaskId,
    name: Rc<str>,
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

    /// Returns the name of a task.
    pub(crate) fn name(&self, id: TaskId) -> Option<&str> {
        let known = self.known.get(&id.slot())?;
        (known.id == id).then_some(&*known.name)
    }

    /// Notes that the task in a slot is about to be polled, and returns its id.
    pub(crate) fn polled(&mut self, at: Duration, slot: u32) -> Option<TaskId> {
        let Known { id, name } = self.known.get(&slot).cloned()?;
        self.note(at, name, Happening::Polled);
        Some(id)
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
        let ran = ran.and_then(|id| self.known.get(&id.slot()).filter(|known| known.id == id));
        let ran = ran.cloned();
        let state = ran.as_ref().and_then(|ran| executor.task_state(ran.id));
        let finished = state == Some(TaskState::Finished);
        let is_alive = |known: &Known| executor.task_state(known.id) != Some(TaskState::Finished);
        // Listing all tasks at each step would take too long if there are many.
        let expected = self.known.len() - usize::from(finished);
        let same = executor.ready_len() + executor.blocked_len() == expected
            && pushed
                .iter()
                .all(|slot| self.known.get(slot).is_some_and(is_alive));
        let infos = if same { Vec::new() } else { executor.tasks() };
        let infos: BTreeMap<u32, TaskInfo> = infos
            .into_iter()
            .map(|info| (info.id().slot(), info))
            .collect();

        // The slots of those that are gone may be in use again.
        let mut gone: Vec<Known> = Vec::new();
        if !same {
            gone.extend(
                self.known
                    .values()
                    .filter(|known| !is_alive(known))
                    .cloned(),
            );
        } else if finished {
            gone.extend(ran.clone());
        }
        gone.sort_unstable_by_key(|known| {
            (
                Some(known.id) != ran.as_ref().map(|ran| ran.id),
                known.id.slot(),
            )
        });
        for known in &gone {
            self.known.remove(&known.id.slot());
        }

        // Who is pushed was spawned if nobody has seen it before.
        for slot in pushed {
            match (self.known.get(slot), infos.get(slot)) {
                (Some(known), _) if ran.as_ref().is_none_or(|ran| ran.id != known.id) => {
                    let name = Rc::clone(&known.name);
                    self.note(at, name, Happening::Woken);
                }
                (None, Some(info)) => {
                    self.meet(at, info);
                }
                _ => {}
            }
        }
        // Who was not pushed was placed, or has blocked inside of the call that spawned it.
        for (slot, info) in &infos {
            if !self.known.contains_key(slot) {
                let name = self.meet(at, info);
                if info.state() == TaskState::Blocked {
                    self.note(at, name, Happening::Blocked);
                }
            }
        }
        match (ran, state) {
            (Some(_), Some(TaskState::Finished) | None) | (None, _) => {}
            (Some(ran), Some(TaskState::Blocked)) => {
                self.note(at, ran.name, Happening::Blocked);
            }
            (Some(ran), Some(_)) => self.note(at, ran.name, Happening::Yielded),
        }
        for known in gone {
            self.note(at, known.name, Happening::Finished);
        }
    }

    fn meet(&mut self, at: Duration, info: &TaskInfo) -> Rc<str> {
        let name: Rc<str> = match info.name() {
            Some(name) => Rc::from(name),
            None => {
                self.unnamed += 1;
                Rc::from(format!("#{}", self.unnamed))
            }
        };
        let known = Known {
            id: info.id(),
            name: Rc::clone(&name),
        };
        self.known.insert(info.id().slot(), known);
        self.note(at, Rc::clone(&name), Happening::Spawned);
        name
    }
}
