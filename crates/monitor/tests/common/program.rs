// Random programs and their interpreter, for both kinds of monitors: the file is included where
// `SEND`, `Numbers`, `TheMonitor` and `boxed` say which.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use corokit_monitor::{MonitorExt, OobError, Step};
use proptest::prelude::*;

use super::wakes::{Wakes, poll, waker};

const SLOTS: usize = 5;

#[derive(Clone, Copy, Debug)]
enum Op {
    /// Makes a request in an empty slot, outside the body, and does not poll it.
    Make(usize),
    /// Moves a request into the body, or out of it, and does not poll it.
    Move(usize),
    /// Polls a request that is outside the body.
    Poll(usize),
    Drop(usize),
    /// Makes a step, or goes on with the one in progress.
    Step,
    /// Starts or resumes, and polls nothing.
    Begin,
    /// Drops the step in progress.
    GiveUp,
    /// Lets the body end at its next poll.
    Finish,
    DropMonitor,
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let slot = 0..SLOTS;
    let op = prop_oneof![
        8 => slot.clone().prop_map(Op::Make),
        6 => slot.clone().prop_map(Op::Move),
        10 => slot.clone().prop_map(Op::Poll),
        3 => slot.prop_map(Op::Drop),
        14 => Just(Op::Step),
        3 => Just(Op::Begin),
        2 => Just(Op::GiveUp),
    ];
    let end = prop_oneof![
        Just(None),
        Just(Some(Op::Finish)),
        Just(Some(Op::DropMonitor))
    ];
    (
        prop::collection::vec(op.clone(), 0..60),
        end,
        prop::collection::vec(op, 0..15),
    )
        .prop_map(|(mut ops, end, more)| {
            ops.extend(end);
            ops.extend(more);
            ops
        })
}

/// What can be seen from outside.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Event {
    /// A request was polled, in the body or outside, and gave this.
    Polled(usize, Poll<Result<u32, OobError<u32>>>),
    Stepped(Poll<Step<u32, ()>>),
    /// A request's own waker was woken.
    WokeAsker(usize),
    WokeDriver,
    /// How many requests the port says are outstanding, after each operation.
    Outstanding(usize),
}

/// The interpreter: a list of requests in the order in which they were posted.
///
/// Between threads it knows one thing more. A request that the body made while there was no other is
/// in the driver's slot. An asker that is polled elsewhere cannot get at it before the driver has
/// made it accessible, which it does the next time that it looks for requests or replies.
#[derive(Default)]
struct Model {
    slots: [Option<Request>; SLOTS],
    /// The request in the driver's slot.
    alone: Option<usize>,
    /// Its asker was polled elsewhere.
    elsewhere: bool,
    /// Its asker was dropped elsewhere.
    gone: bool,
    /// The slots with posted requests.
    order: Vec<usize>,
    driver: Driver,
    body_ends: bool,
    events: Vec<Event>,
}

struct Request {
    data: u32,
    in_body: bool,
    progress: Progress,
    /// Whether its own waker waits to be woken.
    waits: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum Progress {
    New,
    Posted,
    Asked,
    Answered(u32),
}

#[derive(Default, PartialEq)]
enum Driver {
    #[default]
    New,
    Stepping {
        waits: bool,
    },
    Asked,
    Gone,
}

impl Model {
    fn poll(&mut self, slot: usize, by_driver: bool) {
        let open = self.driver != Driver::Gone;
        if self.alone == Some(slot) && !by_driver {
            self.poll_elsewhere(slot);
            return;
        }
        let Some(request) = &mut self.slots[slot] else {
            return;
        };
        let result = match request.progress {
            Progress::Answered(reply) => Poll::Ready(Ok(reply)),
            Progress::Asked if !open => Poll::Ready(Err(OobError::Closed)),
            _ if !open => Poll::Ready(Err(OobError::NotActive(request.data))),
            _ => Poll::Pending,
        };
        if result.is_pending() {
            request.waits = !by_driver;
            if self.alone == Some(slot) {
                self.elsewhere = false;
            }
            if request.progress == Progress::New {
                request.progress = Progress::Posted;
                if SEND && by_driver && self.order.is_empty() && !self.gone {
                    self.alone = Some(slot);
                }
                self.order.push(slot);
                if self.driver == (Driver::Stepping { waits: true }) {
                    self.driver = Driver::Stepping { waits: false };
                    self.events.push(Event::WokeDriver);
                }
            }
        }
        self.events.push(Event::Polled(slot, result));
        if result.is_ready() {
            self.remove(slot);
            if self.alone == Some(slot) {
                (self.alone, self.elsewhere) = (None, false);
            }
        }
    }

    /// Polls the request of the driver's slot from outside.
    fn poll_elsewhere(&mut self, slot: usize) {
        let request = self.slots[slot].as_mut().unwrap();
        request.waits = true;
        let waits = self.driver == (Driver::Stepping { waits: true });
        if !std::mem::replace(&mut self.elsewhere, true) && waits {
            self.driver = Driver::Stepping { waits: false };
            self.events.push(Event::WokeDriver);
        }
        self.events.push(Event::Polled(slot, Poll::Pending));
    }

    /// Makes the request of the driver's slot accessible, if its asker is elsewhere.
    fn resolve(&mut self) {
        self.gone = false;
        if std::mem::take(&mut self.elsewhere) {
            let slot = self.alone.take().unwrap();
            let request = self.slots[slot].as_mut().unwrap();
            let answered = matches!(request.progress, Progress::Answered(_));
            if answered && std::mem::take(&mut request.waits) {
                self.events.push(Event::WokeAsker(slot));
            }
        }
    }

    fn drop(&mut self, slot: usize) {
        if self.alone == Some(slot) {
            (self.alone, self.elsewhere, self.gone) = (None, false, true);
        }
        self.remove(slot);
    }

    fn remove(&mut self, slot: usize) {
        self.slots[slot] = None;
        self.order.retain(|&other| other != slot);
    }

    fn begin(&mut self, reply: u32) {
        match self.driver {
            Driver::New => self.driver = Driver::Stepping { waits: false },
            Driver::Asked => {
                self.driver = Driver::Stepping { waits: false };
                self.resolve();
                for slot in self.slots_in_order(Progress::Asked) {
                    let request = self.slots[slot].as_mut().unwrap();
                    request.progress = Progress::Answered(reply);
                    if std::mem::take(&mut request.waits) {
                        self.events.push(Event::WokeAsker(slot));
                    }
                }
            }
            Driver::Stepping { .. } | Driver::Gone => {}
        }
    }

    fn step(&mut self) {
        if self.driver == Driver::Gone {
            return;
        }
        self.driver = Driver::Stepping { waits: false };
        for slot in 0..SLOTS {
            if self.slots[slot]
                .as_ref()
                .is_some_and(|request| request.in_body)
            {
                self.poll(slot, true);
            }
        }
        if !self.body_ends {
            self.resolve();
        }
        let step = if self.body_ends {
            self.close();
            Poll::Ready(Step::Done(()))
        } else if let Some(&slot) = self.slots_in_order(Progress::Posted).first() {
            let request = self.slots[slot].as_mut().unwrap();
            request.progress = Progress::Asked;
            self.driver = Driver::Asked;
            Poll::Ready(Step::Oob(request.data))
        } else {
            self.driver = Driver::Stepping { waits: true };
            Poll::Pending
        };
        self.events.push(Event::Stepped(step));
    }

    fn close(&mut self) {
        self.driver = Driver::Gone;
        (self.alone, self.elsewhere, self.gone) = (None, false, false);
        for slot in self.order.clone() {
            let request = self.slots[slot].as_mut().unwrap();
            if std::mem::take(&mut request.waits) {
                self.events.push(Event::WokeAsker(slot));
            }
        }
    }

    fn slots_in_order(&self, progress: Progress) -> Vec<usize> {
        let is_so = |&slot: &usize| self.slots[slot].as_ref().unwrap().progress == progress;
        self.order.iter().copied().filter(is_so).collect()
    }
}

/// The real thing.
struct World {
    slots: Slots,
    handle: Numbers,
    monitor: Option<Pin<Box<TheMonitor>>>,
    body_ends: Rc<Cell<bool>>,
    events: Rc<RefCell<Vec<Event>>>,
    driver: (Arc<Wakes>, Waker),
    askers: [(Arc<Wakes>, Waker); SLOTS],
}

type Body = Pin<Box<dyn Future<Output = ()>>>;
type Asking = Pin<Box<dyn Future<Output = Result<u32, OobError<u32>>>>>;
/// The requests, and whether each is in the body.
type Slots = Rc<RefCell<[Option<(Asking, bool)>; SLOTS]>>;

/// Polls a request that is where it should be for that.
fn poll_slot(
    slots: &Slots,
    events: &RefCell<Vec<Event>>,
    slot: usize,
    in_body: bool,
    waker: &Waker,
) {
    let taken = slots.borrow_mut()[slot].take_if(|(_, is_in_body)| *is_in_body == in_body);
    if let Some((mut asking, in_body)) = taken {
        let result = poll(&mut asking, waker);
        events.borrow_mut().push(Event::Polled(slot, result));
        if result.is_pending() {
            slots.borrow_mut()[slot] = Some((asking, in_body));
        }
    }
}

impl World {
    fn new() -> Self {
        let slots = Slots::default();
        let body_ends = Rc::new(Cell::new(false));
        let events = Rc::new(RefCell::new(Vec::new()));
        let mut given = None;
        let monitor = boxed(|handle| -> Body {
            given = Some(handle);
            let (slots, body_ends, events) = (slots.clone(), body_ends.clone(), events.clone());
            Box::pin(poll_fn(move |cx| {
                for slot in 0..SLOTS {
                    poll_slot(&slots, &events, slot, true, cx.waker());
                }
                match body_ends.get() {
                    true => Poll::Ready(()),
                    false => Poll::Pending,
                }
            }))
        });
        World {
            slots,
            handle: given.unwrap(),
            monitor: Some(monitor),
            body_ends,
            events,
            driver: waker(),
            askers: std::array::from_fn(|_| waker()),
        }
    }

    /// Collects what was woken since the last call.
    fn collect_wakes(&self) {
        let mut events = self.events.borrow_mut();
        for (slot, (wakes, _)) in self.askers.iter().enumerate() {
            events.extend((0..wakes.take()).map(|_| Event::WokeAsker(slot)));
        }
        events.extend((0..self.driver.0.take()).map(|_| Event::WokeDriver));
    }
}

/// Runs one operation on both, if it applies.
fn run(op: Op, number: u32, model: &mut Model, world: &mut World) {
    match op {
        Op::Make(slot) => {
            if model.slots[slot].is_none() {
                model.slots[slot] = Some(Request {
                    data: number,
                    in_body: false,
                    progress: Progress::New,
                    waits: false,
                });
                let handle = world.handle.clone();
                let asking: Asking = Box::pin(async move { handle.try_oob(number).await });
                world.slots.borrow_mut()[slot] = Some((asking, false));
            }
        }
        Op::Move(slot) => {
            if let Some(request) = &mut model.slots[slot] {
                request.in_body = !request.in_body;
                if let Some((_, in_body)) = &mut world.slots.borrow_mut()[slot] {
                    *in_body = !*in_body;
                }
            }
        }
        Op::Poll(slot) => {
            if model.slots[slot]
                .as_ref()
                .is_some_and(|request| !request.in_body)
            {
                model.poll(slot, false);
                let waker = &world.askers[slot].1;
                poll_slot(&world.slots, &world.events, slot, false, waker);
            }
        }
        Op::Drop(slot) => {
            model.drop(slot);
            let dropped = world.slots.borrow_mut()[slot].take();
            drop(dropped);
        }
        Op::Begin | Op::Step | Op::GiveUp | Op::Finish | Op::DropMonitor => {
            drive(op, number, model, world);
        }
    }
}

fn drive(op: Op, number: u32, model: &mut Model, world: &mut World) {
    let Some(monitor) = &mut world.monitor else {
        return;
    };
    match op {
        Op::Begin | Op::Step => {
            match model.driver {
                Driver::New => drop(monitor.start()),
                Driver::Asked => drop(monitor.resume(number)),
                Driver::Stepping { .. } | Driver::Gone => {
                    assert_eq!(monitor.try_resume(number).err(), Some(number));
                }
            }
            model.begin(number);
            if matches!(op, Op::Step) && model.driver != Driver::Gone {
                model.step();
                let mut cx = Context::from_waker(&world.driver.1);
                let step = monitor.as_mut().poll_step(&mut cx);
                world.events.borrow_mut().push(Event::Stepped(step));
            }
        }
        Op::GiveUp => {
            if let Driver::Stepping { waits } = &mut model.driver {
                *waits = false;
                drop(monitor.proceed());
            }
        }
        Op::Finish => {
            model.body_ends = true;
            world.body_ends.set(true);
        }
        Op::DropMonitor => {
            if model.driver != Driver::Gone {
                model.close();
            }
            world.monitor = None;
        }
        _ => unreachable!("the others need no driver"),
    }
}

fn shows(handle: &Numbers, text: &str) -> bool {
    format!("{handle:?}").contains(text)
}

fn check(ops: &[Op]) {
    let mut model = Model::default();
    let mut world = World::new();
    for (number, &op) in (100..).zip(ops) {
        run(op, number, &mut model, &mut world);
        world.collect_wakes();
        if !SEND {
            model.events.push(Event::Outstanding(model.order.len()));
            let outstanding = (0..=SLOTS)
                .find(|count| shows(&world.handle, &format!("outstanding: {count},")))
                .expect("the number of requests is shown");
            let mut events = world.events.borrow_mut();
            events.push(Event::Outstanding(outstanding));
        }

        // Within one operation the order of wakes and results cannot be seen.
        let key = |event: &Event| format!("{event:?}");
        let mut expected = std::mem::take(&mut model.events);
        let mut seen = world.events.take();
        expected.sort_by_key(key);
        seen.sort_by_key(key);
        assert_eq!(seen, expected, "after {op:?}");
    }

    // Nothing is kept: no waker, and no request that nobody waits for.
    drop(world.monitor);
    let last = std::mem::take(&mut *world.slots.borrow_mut());
    drop(last);
    assert!(shows(&world.handle, if SEND { "queued: 0," } else { "outstanding: 0," }));
    for (wakes, waker) in world.askers.into_iter().chain([world.driver]) {
        drop(waker);
        assert_eq!(Arc::strong_count(&wakes), 1);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

    #[test]
    fn random_programs(ops in ops()) {
        check(&ops);
    }
}
