//! Random programs of regions, shields and timeouts under random throws, interrupts and
//! cancellations, against a naive model: a stack of scopes for each task.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use corokit_sched_loop::{
    self as sched_loop, EventLoop, InterruptError, Outcome, Task, TaskExt, TaskId, TaskInterrupt,
    ThrowError, interruptible, shield, task_timeout, task_timeout_at,
};
use futures_lite::future::yield_now;
use proptest::prelude::*;

/// The payloads of one type and of another one.
#[derive(Debug, PartialEq)]
struct A(u32);

#[derive(Debug, PartialEq)]
struct B(u32);

/// What a task does.
#[derive(Clone, Debug)]
enum Op {
    Yield,
    /// Waits for a token of the task.
    Wait,
    Region(Type, Rc<[Op]>),
    Shield(Rc<[Op]>),
    /// With a deadline in the past, or in the far future.
    Timeout(bool, Rc<[Op]>),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Type {
    A,
    B,
}

/// What happens to the tasks.
#[derive(Clone, Debug)]
enum Step {
    Spawn(Rc<[Op]>),
    SpawnInterruptible(Rc<[Op]>),
    Tick,
    Token(usize),
    Throw(usize, Type),
    Interrupt(usize, Type),
    /// Gives up an answer.
    Forget(usize),
    Cancel(usize),
}

fn kind() -> impl Strategy<Value = Type> {
    prop_oneof![Just(Type::A), Just(Type::B)]
}

fn body() -> impl Strategy<Value = Rc<[Op]>> {
    let leaf = prop_oneof![Just(Op::Yield), Just(Op::Wait)];
    let op = leaf.prop_recursive(4, 24, 3, |op| {
        let body = || prop::collection::vec(op.clone(), 0..4).prop_map(Rc::from);
        prop_oneof![
            1 => Just(Op::Yield),
            2 => Just(Op::Wait),
            3 => (kind(), body()).prop_map(|(kind, body)| Op::Region(kind, body)),
            2 => body().prop_map(Op::Shield),
            1 => (any::<bool>(), body()).prop_map(|(past, body)| Op::Timeout(past, body)),
        ]
    });
    prop::collection::vec(op, 0..4).prop_map(Rc::from)
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => body().prop_map(Step::Spawn),
        2 => body().prop_map(Step::SpawnInterruptible),
        8 => Just(Step::Tick),
        3 => (0..5usize).prop_map(Step::Token),
        4 => (0..5usize, kind()).prop_map(|(task, kind)| Step::Throw(task, kind)),
        4 => (0..5usize, kind()).prop_map(|(task, kind)| Step::Interrupt(task, kind)),
        1 => (0..9usize).prop_map(Step::Forget),
        1 => (0..5usize).prop_map(Step::Cancel),
    ]
}

/// What the tasks share with the driver.
#[derive(Default)]
struct World {
    log: RefCell<Vec<String>>,
}

/// Where a task waits for tokens.
#[derive(Default)]
struct Gate {
    tokens: Cell<u32>,
    waker: Cell<Option<Waker>>,
}

type Body = Pin<Box<dyn Future<Output = ()>>>;

/// Does what a program says, and notes each thing that is done.
fn run(world: Rc<World>, gate: Rc<Gate>, ops: Rc<[Op]>, path: String) -> Body {
    Box::pin(async move {
        for (index, op) in ops.iter().enumerate() {
            let path = format!("{path}.{index}");
            let inner = |body: &Rc<[Op]>| {
                let (world, gate) = (Rc::clone(&world), Rc::clone(&gate));
                run(world, gate, Rc::clone(body), path.clone())
            };
            let result = match op {
                Op::Yield => {
                    yield_now().await;
                    String::from("yielded")
                }
                Op::Wait => {
                    poll_fn(|cx| match gate.tokens.get().checked_sub(1) {
                        Some(left) => {
                            gate.tokens.set(left);
                            Poll::Ready(())
                        }
                        None => {
                            gate.waker.set(Some(cx.waker().clone()));
                            Poll::Pending
                        }
                    })
                    .await;
                    String::from("waited")
                }
                Op::Region(Type::A, body) => match interruptible(inner(body)).await {
                    Ok(()) => String::from("completed"),
                    Err(interrupt) => {
                        let A(n) = interrupt.reason;
                        format!("interrupted {n}")
                    }
                },
                Op::Region(Type::B, body) => match interruptible(inner(body)).await {
                    Ok(()) => String::from("completed"),
                    Err(interrupt) => {
                        let B(n) = interrupt.reason;
                        format!("interrupted {n}")
                    }
                },
                Op::Shield(body) => {
                    shield(inner(body)).await;
                    String::from("completed")
                }
                Op::Timeout(past, body) => {
                    let now = Instant::now();
                    let timed = match past {
                        true => task_timeout_at(now, inner(body)).await,
                        false => task_timeout(Duration::from_secs(3600), inner(body)).await,
                    };
                    match timed {
                        Ok(()) => String::from("completed"),
                        Err(error) => error.to_string(),
                    }
                }
            };
            world.log.borrow_mut().push(format!("{path} {result}"));
        }
    })
}

/// The future that waits for an answer.
enum Waiting {
    A(TaskInterrupt<A>),
    B(TaskInterrupt<B>),
}

/// The kind of an answer, and the payload.
type Answer = Result<(&'static str, Option<u32>), InterruptError>;

impl Waiting {
    fn poll(&mut self) -> Option<Answer> {
        fn answer<P>(
            poll: Poll<Result<Outcome<P>, ThrowError<P>>>,
            number: fn(P) -> u32,
        ) -> Option<Answer> {
            let Poll::Ready(outcome) = poll else {
                return None;
            };
            Some(outcome.map_err(|error| error.error).map(|outcome| {
                let kind = match outcome {
                    Outcome::Delivered => "delivered",
                    Outcome::Completed(_) => "completed",
                    Outcome::Dropped(_) => "dropped",
                    Outcome::Replaced(_) => "replaced",
                };
                (kind, outcome.into_payload().map(number))
            }))
        }
        let noop = &mut Context::from_waker(Waker::noop());
        match self {
            Waiting::A(future) => answer(Pin::new(future).poll(noop), |payload| payload.0),
            Waiting::B(future) => answer(Pin::new(future).poll(noop), |payload| payload.0),
        }
    }
}

/// A payload in the model, and who waits for the answer.
#[derive(Clone, Copy, Debug)]
struct Thrown {
    payload: u32,
    waiter: Option<usize>,
}

#[derive(Debug)]
enum Scope {
    Plain,
    Region(Type, Option<Thrown>),
    Shield,
    Timeout { past: bool, waited: bool, due: bool },
}

#[derive(Debug)]
struct Frame {
    scope: Scope,
    ops: Rc<[Op]>,
    next: usize,
    path: String,
}

#[derive(Debug)]
struct ModelTask {
    /// From the outside to the inside; empty when the task has ended.
    frames: Vec<Frame>,
    started: bool,
    /// Whether the leaf at the innermost frame's `next` has been polled.
    in_leaf: bool,
    tokens: u32,
    cancelled: bool,
}

#[derive(Default)]
struct Model {
    tasks: Vec<ModelTask>,
    queue: VecDeque<usize>,
    log: Vec<String>,
    answers: HashMap<usize, Answer>,
}

impl Model {
    fn spawn(&mut self, interruptible: bool, ops: Rc<[Op]>) {
        let me = self.tasks.len();
        let scope = match interruptible {
            true => Scope::Region(Type::A, None),
            false => Scope::Plain,
        };
        let path = me.to_string();
        self.tasks.push(ModelTask {
            frames: vec![Frame {
                scope,
                ops,
                next: 0,
                path,
            }],
            started: false,
            in_leaf: false,
            tokens: 0,
            cancelled: false,
        });
        self.queue.push_back(me);
    }

    fn answer(&mut self, thrown: Thrown, kind: &'static str) {
        if let Some(waiter) = thrown.waiter {
            let payload = (kind != "delivered").then_some(thrown.payload);
            self.answers.insert(waiter, Ok((kind, payload)));
        }
    }

    /// Drops the frames from `depth` on.
    fn unwind(&mut self, me: usize, depth: usize) {
        for frame in self.tasks[me].frames.split_off(depth) {
            if let Scope::Region(_, Some(thrown)) = frame.scope {
                self.answer(thrown, "dropped");
            }
        }
    }

    fn is_shielded(&self, me: usize, depth: usize) -> bool {
        let mut inner = self.tasks[me].frames[depth + 1..].iter();
        inner.any(|frame| matches!(frame.scope, Scope::Shield))
    }

    fn is_signalled(&self, me: usize, depth: usize) -> bool {
        match self.tasks[me].frames[depth].scope {
            Scope::Region(_, thrown) => thrown.is_some(),
            Scope::Timeout { due, .. } => due,
            Scope::Plain | Scope::Shield => false,
        }
    }

    /// Returns whether something can be delivered to a scope outside of `depth`.
    fn is_due(&self, me: usize, depth: usize) -> bool {
        (0..depth).any(|depth| self.is_signalled(me, depth) && !self.is_shielded(me, depth))
    }

    /// Goes on after the scope that was at the end of the frames.
    fn leave(&mut self, me: usize, result: String) {
        if let Some(frame) = self.tasks[me].frames.last_mut() {
            self.log
                .push(format!("{}.{} {result}", frame.path, frame.next));
            frame.next += 1;
        }
    }

    /// Lets the task at the front of the queue have its turn.
    fn tick(&mut self) -> bool {
        let Some(me) = self.queue.pop_front() else {
            return false;
        };
        if self.tasks[me].cancelled {
            self.unwind(me, 0);
            return true;
        }
        let mut woken = false;
        // The outermost scope that has something to deliver ends.
        let depths = 0..self.tasks[me].frames.len();
        let ending = depths
            .into_iter()
            .find(|depth| self.is_signalled(me, *depth) && !self.is_shielded(me, *depth));
        if let Some(depth) = ending {
            self.unwind(me, depth + 1);
            let frame = self.tasks[me].frames.pop();
            self.tasks[me].in_leaf = false;
            match frame.map(|frame| frame.scope) {
                Some(Scope::Region(_, Some(thrown))) => {
                    self.answer(thrown, "delivered");
                    self.leave(me, format!("interrupted {}", thrown.payload));
                }
                _ => self.leave(me, String::from("timed out")),
            }
        }
        while let Some(frame) = self.tasks[me].frames.last() {
            let Some(op) = frame.ops.get(frame.next).cloned() else {
                let frame = self.tasks[me].frames.pop().unwrap();
                if let Scope::Region(_, Some(thrown)) = frame.scope {
                    self.answer(thrown, "completed");
                }
                // The end of the last shield wakes what waits for that.
                let depth = self.tasks[me].frames.len();
                woken |= matches!(frame.scope, Scope::Shield) && self.is_due(me, depth);
                self.leave(me, String::from("completed"));
                continue;
            };
            let path = format!("{}.{}", frame.path, frame.next);
            let (scope, ops) = match op {
                Op::Yield | Op::Wait => {
                    let task = &mut self.tasks[me];
                    let first = !std::mem::replace(&mut task.in_leaf, true);
                    let is_yield = matches!(op, Op::Yield);
                    if is_yield && first {
                        woken = true;
                        break;
                    }
                    if !is_yield && task.tokens == 0 {
                        break;
                    }
                    task.tokens -= u32::from(!is_yield);
                    task.in_leaf = false;
                    let result = if is_yield { "yielded" } else { "waited" };
                    self.leave(me, String::from(result));
                    continue;
                }
                Op::Region(kind, ops) => (Scope::Region(kind, None), ops),
                Op::Shield(ops) => (Scope::Shield, ops),
                Op::Timeout(past, ops) => {
                    let (waited, due) = (false, false);
                    (Scope::Timeout { past, waited, due }, ops)
                }
            };
            self.tasks[me].frames.push(Frame {
                scope,
                ops,
                next: 0,
                path,
            });
        }
        // A timeout looks at the clock when its body waits for the first time.
        for frame in &mut self.tasks[me].frames {
            if let Scope::Timeout { past, waited, due } = &mut frame.scope {
                if !std::mem::replace(waited, true) && *past {
                    *due = true;
                    woken = true;
                }
            }
        }
        self.tasks[me].started = true;
        if woken && !self.tasks[me].frames.is_empty() {
            self.queue.push_back(me);
        }
        true
    }

    fn token(&mut self, me: usize) {
        let task = &mut self.tasks[me];
        task.tokens += 1;
        if task.started && !task.frames.is_empty() && !self.queue.contains(&me) {
            self.queue.push_back(me);
        }
    }

    /// Throws, and returns what was replaced.
    fn throw(
        &mut self,
        me: usize,
        kind: Type,
        thrown: Thrown,
        front: bool,
    ) -> Result<Option<u32>, &'static str> {
        let frames = &mut self.tasks[me].frames;
        if frames.is_empty() {
            return Err("finished");
        }
        let depth = frames
            .iter()
            .rposition(|frame| matches!(frame.scope, Scope::Region(other, _) if other == kind))
            .ok_or("not interruptible")?;
        let Scope::Region(_, slot) = &mut frames[depth].scope else {
            unreachable!();
        };
        let replaced = slot.replace(thrown);
        if !self.is_shielded(me, depth) {
            self.queue.retain(|task| *task != me);
            match front {
                true => self.queue.push_front(me),
                false => self.queue.push_back(me),
            }
        }
        Ok(replaced.and_then(|replaced| {
            self.answer(replaced, "replaced");
            replaced.waiter.is_none().then_some(replaced.payload)
        }))
    }

    fn forget(&mut self, waiter: usize) {
        self.answers.remove(&waiter);
        for frame in self.tasks.iter_mut().flat_map(|task| &mut task.frames) {
            if let Scope::Region(_, Some(thrown)) = &mut frame.scope {
                if thrown.waiter == Some(waiter) {
                    thrown.waiter = None;
                }
            }
        }
    }

    fn cancel(&mut self, me: usize) {
        let task = &mut self.tasks[me];
        task.cancelled = true;
        if !task.frames.is_empty() && !self.queue.contains(&me) {
            self.queue.push_back(me);
        }
    }
}

/// The real tasks.
#[derive(Default)]
struct Real {
    world: Rc<World>,
    handles: Vec<Option<Task<()>>>,
    interruptible: HashMap<usize, Task<Result<(), corokit_sched_loop::Interrupt<A>>>>,
    ids: Vec<TaskId>,
    gates: Vec<Rc<Gate>>,
    waiting: HashMap<usize, Waiting>,
}

fn name(error: InterruptError) -> &'static str {
    match error {
        InterruptError::Finished(_) => "finished",
        InterruptError::NotInterruptible(_) => "not interruptible",
        _ => "something else",
    }
}

/// Runs the steps on both, inside of a loop, and compares after each one.
fn compare(steps: Vec<Step>) -> Result<(), TestCaseError> {
    let handle = sched_loop::current().unwrap();
    let mut model = Model::default();
    let mut real = Real::default();
    for (number, step) in steps.into_iter().enumerate() {
        let payload = number as u32;
        match step {
            Step::Spawn(ops) | Step::SpawnInterruptible(ops) if real.ids.len() >= 5 => drop(ops),
            Step::Spawn(ops) => {
                model.spawn(false, Rc::clone(&ops));
                let gate = Rc::<Gate>::default();
                let path = real.ids.len().to_string();
                let body = run(Rc::clone(&real.world), Rc::clone(&gate), ops, path);
                let task = handle.spawn(body);
                real.ids.push(task.id());
                real.handles.push(Some(task));
                real.gates.push(gate);
            }
            Step::SpawnInterruptible(ops) => {
                model.spawn(true, Rc::clone(&ops));
                let gate = Rc::<Gate>::default();
                let me = real.ids.len();
                let body = run(
                    Rc::clone(&real.world),
                    Rc::clone(&gate),
                    ops,
                    me.to_string(),
                );
                let task = handle.spawn_interruptible(body);
                real.ids.push(task.id());
                real.handles.push(None);
                real.interruptible.insert(me, task);
                real.gates.push(gate);
            }
            Step::Tick => {
                let ticked = handle.with(|executor| executor.try_tick());
                prop_assert_eq!(ticked, Ok(model.tick()));
            }
            Step::Token(me) => {
                let Some(gate) = real.gates.get(me) else {
                    continue;
                };
                gate.tokens.set(gate.tokens.get() + 1);
                if let Some(waker) = gate.waker.take() {
                    waker.wake();
                }
                model.token(me);
            }
            Step::Throw(me, kind) => {
                let Some(id) = real.ids.get(me).copied() else {
                    continue;
                };
                let thrown = match kind {
                    Type::A => handle
                        .task_throw(id, A(payload))
                        .map(|replaced| replaced.map(|payload| payload.0))
                        .map_err(|error| error.error),
                    Type::B => handle
                        .task_throw(id, B(payload))
                        .map(|replaced| replaced.map(|payload| payload.0))
                        .map_err(|error| error.error),
                };
                let waiter = None;
                let expected = model.throw(me, kind, Thrown { payload, waiter }, false);
                prop_assert_eq!(thrown.map_err(name), expected);
            }
            Step::Interrupt(me, kind) => {
                let Some(id) = real.ids.get(me).copied() else {
                    continue;
                };
                let mut waiting = match kind {
                    Type::A => Waiting::A(handle.task_interrupt(id, A(payload))),
                    Type::B => Waiting::B(handle.task_interrupt(id, B(payload))),
                };
                let waiter = Some(number);
                let expected = model.throw(me, kind, Thrown { payload, waiter }, true);
                match waiting.poll() {
                    None => prop_assert!(expected.is_ok()),
                    Some(answer) => {
                        prop_assert_eq!(answer.map_err(name), expected.map(|_| unreachable!()));
                        continue;
                    }
                }
                real.waiting.insert(number, waiting);
            }
            Step::Forget(nth) => {
                let mut waiters: Vec<_> = real.waiting.keys().copied().collect();
                waiters.sort_unstable();
                if let Some(waiter) = waiters.get(nth) {
                    real.waiting.remove(waiter);
                    model.forget(*waiter);
                }
            }
            Step::Cancel(me) => {
                if me < real.ids.len() {
                    drop(real.handles[me].take());
                    drop(real.interruptible.remove(&me));
                    model.cancel(me);
                }
            }
        }
        let expected: Vec<_> = model.queue.iter().map(|me| real.ids[*me]).collect();
        prop_assert_eq!(handle.with(|executor| executor.ready_ids()), Ok(expected));
        prop_assert_eq!(&*real.world.log.borrow(), &model.log);
        let mut answers = HashMap::new();
        real.waiting.retain(|waiter, waiting| match waiting.poll() {
            Some(answer) => answers.insert(*waiter, answer).is_some_and(|_| true),
            None => true,
        });
        prop_assert_eq!(answers, std::mem::take(&mut model.answers));
    }
    Ok(())
}

proptest! {
    #[test]
    fn interrupts_do_what_the_model_does(steps in prop::collection::vec(step(), 0..80)) {
        // The steps are taken inside of the main future: so the loop is the current one, and runs
        // its tasks one by one.
        EventLoop::new().run(async { compare(steps) })?;
    }
}
