//! One run of a body, under a plan.

use std::any::Any;
use std::cell::RefCell;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use corokit_core::time;
use corokit_sched_loop::{EventLoop, Task, TaskId, TaskInfo};

use crate::clock::VirtualClock;
use crate::failure::{Details, Failure, FailureKind};
use crate::lab::Lab;
use crate::options::Options;
use crate::panics::{Watch, message};
use crate::plan::{Choices, Plan};
use crate::queue::{Entries, LabQueue};
use crate::trace::{Event, Happening, Recorder};
use crate::victim::Blow;

/// Which victim is struck, how, and before which step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Attack {
    pub(crate) victim: usize,
    pub(crate) step: usize,
    pub(crate) blow: Blow,
}

/// What a run is to do beside running.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Extras {
    /// Keep a trace.
    pub(crate) trace: bool,
    /// Keep panics from being printed.
    pub(crate) quiet: bool,
    /// Note which victims are alive before each step.
    pub(crate) survey: bool,
    pub(crate) attack: Option<Attack>,
}

/// A run that has come to its end.
pub(crate) struct Ended<T> {
    pub(crate) output: T,
    pub(crate) steps: usize,
    pub(crate) elapsed: Duration,
    pub(crate) trace: Vec<Event>,
    /// The victims that were alive, and before which step.
    pub(crate) alive: Vec<(usize, usize)>,
}

/// Runs a body once. The decisions are in the plan afterwards.
pub(crate) fn execute<T: 'static, Fut: Future<Output = T> + 'static>(
    options: &Options,
    plan: &mut Plan,
    extras: Extras,
    body: impl FnOnce(Lab) -> Fut,
) -> Result<Ended<T>, Failure> {
    let clock = Arc::new(VirtualClock::new());
    let _installed = time::install(clock.clone());
    let watch = Watch::start(extras.quiet);
    let entries = Rc::new(RefCell::new(Entries::default()));
    let mut run = Run {
        // A report for each of a thousand runs would tell nobody anything.
        event_loop: Rc::new(
            EventLoop::builder()
                .debug(false)
                .queue(LabQueue(Rc::clone(&entries)))
                .build(),
        ),
        entries,
        lab: Lab::new(clock),
        recorder: extras.trace.then(Recorder::default),
        options,
        steps: 0,
        alive: Vec::new(),
        struck: None,
    };
    if extras.trace {
        run.entries.borrow_mut().note_pushes();
    }
    let event_loop = Rc::clone(&run.event_loop);
    // All of it happens inside of the loop: what the body, destructors and invariants spawn goes
    // there.
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        event_loop.enter(|| run.complete(plan, extras, body))
    }));
    let outcome = outcome.unwrap_or_else(|payload| Err(panicked(payload)));
    // What another thread does comes at any time, so whatever became of such a run, it may become
    // something else the next time.
    let outcome = match event_loop.executor().stats().foreign_wakes {
        0 => outcome,
        _ => Err((FailureKind::ForeignWake, None)),
    };
    drop(event_loop);
    let elapsed = run.lab.elapsed();
    let Run {
        event_loop,
        lab,
        recorder,
        steps,
        alive,
        struck,
        ..
    } = run;
    // The tasks that are left are cancelled with the clock and the loop of the run still in place.
    watch.speak();
    let ended = catch_unwind(AssertUnwindSafe(|| {
        lab.shared.clear();
        drop(event_loop);
    }));
    let outcome = match (outcome, ended, watch.first()) {
        (Ok(_), Err(payload), _) => Err(panicked(payload)),
        (Ok(_), Ok(()), Some(message)) if !options.allow_panics => {
            Err((FailureKind::Panic { message }, None))
        }
        (outcome, ..) => outcome,
    };
    let trace = recorder.map(Recorder::into_events).unwrap_or_default();
    match outcome {
        Ok(output) => Ok(Ended {
            output,
            steps,
            elapsed,
            trace,
            alive,
        }),
        Err((kind, payload)) => Err(Failure {
            details: Box::new(Details {
                kind,
                token: plan.token().faults(options, extras.attack),
                trace,
                payload,
                struck,
            }),
        }),
    }
}

type Bad = (FailureKind, Option<Box<dyn Any + Send>>);

fn panicked(payload: Box<dyn Any + Send>) -> Bad {
    let message = message(payload.as_ref());
    (FailureKind::Panic { message }, Some(payload))
}

struct Run<'a> {
    event_loop: Rc<EventLoop>,
    entries: Rc<RefCell<Entries>>,
    lab: Lab,
    recorder: Option<Recorder>,
    options: &'a Options,
    steps: usize,
    alive: Vec<(usize, usize)>,
    struck: Option<String>,
}

impl Run<'_> {
    fn complete<T: 'static, Fut: Future<Output = T> + 'static>(
        &mut self,
        plan: &mut Plan,
        extras: Extras,
        body: impl FnOnce(Lab) -> Fut,
    ) -> Result<T, Bad> {
        let body = body(self.lab.clone());
        let main = self.event_loop.task().name("main").spawn(body);
        self.record(None);
        while !main.is_finished() {
            if self.steps >= self.options.max_steps {
                let steps = self.steps;
                return Err((FailureKind::Livelock { steps }, None));
            }
            if extras.survey || extras.attack.is_some() {
                self.before_step(extras);
            }
            self.step(plan)?;
            self.steps += 1;
        }
        Ok(finish(main))
    }

    /// Looks at the victims, and strikes the one whose time has come.
    fn before_step(&mut self, extras: Extras) {
        let shared = &self.lab.shared;
        if extras.survey {
            for number in 0..shared.victims() {
                if shared.victim(number).is_some() {
                    self.alive.push((number, self.steps));
                }
            }
        }
        let Some(attack) = extras.attack.filter(|attack| attack.step == self.steps) else {
            return;
        };
        if let Some(victim) = shared.victim(attack.victim) {
            let name = victim.name();
            let what = match attack.blow {
                Blow::Cancel => "dropped",
                Blow::Panic => "made to panic",
            };
            let step = self.steps;
            self.struck = Some(format!("victim \"{name}\" was {what} before step {step}"));
            if let Some(recorder) = &mut self.recorder {
                recorder.note(shared.clock.elapsed(), name, Happening::Struck);
            }
            victim.strike(attack.blow);
        }
    }

    /// Runs a task, or lets something else happen first.
    fn step(&mut self, plan: &mut Plan) -> Result<(), Bad> {
        let executor = self.event_loop.executor();
        let entries = self.entries.borrow().candidates();
        let clock = &self.lab.shared.clock;
        let delays = usize::from(self.options.delays && entries > 0 && clock.has_timers());
        let blocked = match self.options.spurious_wakes && entries > 0 {
            true => executor.blocked_ids(),
            false => Vec::new(),
        };
        if entries == 0 {
            return self.jump();
        }
        let choices = Choices {
            entries,
            faults: delays + blocked.len(),
        };
        let chosen = plan.choose(choices, || executor.ready_ids());
        if chosen < entries {
            return self.poll(chosen);
        }
        match chosen - entries {
            0 if delays == 1 => self.jump(),
            fault => {
                // The order of the list is that of the slots, and the same in every run.
                let woken = executor.wake_task(blocked[fault - delays]);
                debug_assert_eq!(woken, Ok(true));
                self.record(None);
                Ok(())
            }
        }
    }

    fn poll(&mut self, index: usize) -> Result<(), Bad> {
        let slot = self.entries.borrow_mut().choose(index);
        let ran = match &mut self.recorder {
            Some(recorder) => recorder.polled(self.lab.shared.clock.elapsed(), slot),
            None => None,
        };
        // The loop is entered already.
        self.event_loop.executor().try_tick();
        self.record(ran);
        self.lab.shared.check();
        Ok(())
    }

    /// Lets time pass until the next timer is due.
    fn jump(&mut self) -> Result<(), Bad> {
        if !self.lab.shared.clock.jump() {
            let tasks = self.describe();
            return Err((FailureKind::Deadlock { tasks }, None));
        }
        let at = self.lab.elapsed();
        if let Some(recorder) = &mut self.recorder {
            recorder.note(at, Rc::from("clock"), Happening::Jumped);
        }
        self.record(None);
        Ok(())
    }

    /// Lists the tasks and what they do.
    fn describe(&self) -> String {
        let mut tasks = self.event_loop.executor().tasks();
        tasks.sort_unstable_by_key(|task| task.id().slot());
        let line = |task: &TaskInfo| {
            let recorder = self.recorder.as_ref();
            let name = recorder.and_then(|recorder| recorder.name(task.id()));
            let name = name.or(task.name()).unwrap_or("an unnamed task");
            format!("  {name}: {}", task.state())
        };
        tasks.iter().map(line).collect::<Vec<_>>().join("\n")
    }

    #[inline]
    fn record(&mut self, ran: Option<TaskId>) {
        if let Some(recorder) = &mut self.recorder {
            let pushed = self.entries.borrow_mut().take_pushes();
            let at = self.lab.shared.clock.elapsed();
            recorder.compare(at, self.event_loop.executor(), ran, &pushed);
        }
    }
}

/// Takes the output out of a task that has finished. If it panicked, this panics.
fn finish<T>(main: Task<T>) -> T {
    let mut main = pin!(main);
    let polled = main.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    match polled {
        Poll::Ready(output) => output,
        Poll::Pending => unreachable!("the task has finished"),
    }
}
