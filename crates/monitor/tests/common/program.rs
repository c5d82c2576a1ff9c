// Random programs and their interpreter, for both kinds of monitors: the file is included where
// `SEND`, `Numbers`, `TheMonitor` and `boxed` say which.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::{Arc, Once};
use std::task::{Context, Poll, Waker};

use corokit_monitor::{IgnoredClose, MonitorExt, OobError, Step};
use proptest::prelude::*;

use super::wakes::{Wakes, poll, waker};

const SLOTS: usize = 5;

#[derive(Clone, Copy, Debug)]
enum Op {
    /// Makes a request in an empty slot, outside the body, and does not poll it. It is one that panics
    /// when nobody can answer, or one that gets an error.
    Make { slot: usize, plain: bool },
    /// Moves a request into the body, or out of it, and does not poll it.
    Move(usize),
    /// Polls a request that is outside the body.
    Poll(usize),
    Drop(usize),
    /// Makes a step, or goes on with the one in progress.
    Step,
    /// Starts or resumes, and polls nothing.
    Begin,
    /// Drops the step in progress, or the future of a close.
    GiveUp,
    /// Begins to close, and goes on with it if that is wanted.
    Close { polls: bool },
    /// Lets the body end at its next poll.
    Finish,
    DropMonitor,
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let slot = 0..SLOTS;
    let op = prop_oneof![
        8 => (slot.clone(), any::<bool>()).prop_map(|(slot, plain)| Op::Make { slot, plain }),
        6 => slot.clone().prop_map(Op::Move),
        10 => slot.clone().prop_map(Op::Poll),
        3 => slot.prop_map(Op::Drop),
        14 => Just(Op::Step),
        3 => Just(Op::Begin),
        2 => Just(Op::GiveUp),
        2 => any::<bool>().prop_map(|polls| Op::Close { polls }),
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
    /// What a close gave; an error is what the body has asked instead.
    Closed(Poll<Result<Option<()>, u32>>),
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
    /// Its asker was polled elsewhere; the driver has not looked since.
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
    plain: bool,
    /// Whether the port knows that it is plain. It is not told so of a request that is alone.
    known_plain: bool,
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
    /// There will be no reply, because the monitor was closed.
    Refused {
        seen: bool,
    },
}

#[derive(Default, PartialEq)]
enum Driver {
    #[default]
    New,
    Stepping {
        waits: bool,
    },
    Asked,
    Closing {
        waits: bool,
    },
    Gone,
}

impl Model {
    fn poll(&mut self, slot: usize, by_driver: bool) {
        let open = self.driver != Driver::Gone;
        let closing = matches!(self.driver, Driver::Closing { .. });
        if self.alone == Some(slot) && !by_driver {
            self.poll_elsewhere(slot);
            return;
        }
        let Some(request) = &mut self.slots[slot] else {
            return;
        };
        let not_active = Poll::Ready(Err(OobError::NotActive(request.data)));
        let result = match request.progress {
            Progress::Answered(reply) => Poll::Ready(Ok(reply)),
            Progress::Refused { .. } if closing && request.plain => Poll::Pending,
            Progress::Refused { seen: true } => Poll::Ready(Err(OobError::Closed)),
            Progress::Refused { seen: false } => not_active,
            Progress::Asked if !open => Poll::Ready(Err(OobError::Closed)),
            _ if !open => not_active,
            Progress::New if closing && !request.plain => not_active,
            _ => Poll::Pending,
        };
        if result.is_pending() {
            request.waits = !by_driver;
            match request.progress {
                Progress::New => {
                    request.progress = Progress::Posted;
                    let unlocked = SEND && (self.gone || self.elsewhere);
                    let alone = by_driver && self.order.is_empty() && !closing && !unlocked;
                    request.known_plain = request.plain && !alone;
                    if SEND && alone {
                        self.alone = Some(slot);
                    }
                    self.order.push(slot);
                    self.wake_driver();
                }
                Progress::Refused { .. } => {
                    request.known_plain = true;
                    self.wake_driver();
                }
                _ => {}
            }
        }
        self.events.push(Event::Polled(slot, result));
        if result.is_ready() {
            self.remove(slot);
            if self.alone == Some(slot) {
                self.alone = None;
            }
        }
    }

    fn wake_driver(&mut self) {
        if let Driver::Stepping { waits } | Driver::Closing { waits } = &mut self.driver {
            if std::mem::take(waits) {
                self.events.push(Event::WokeDriver);
            }
        }
    }

    /// Polls the request of the driver's slot from outside.
    fn poll_elsewhere(&mut self, slot: usize) {
        let request = self.slots[slot].as_mut().unwrap();
        request.waits = true;
        if !std::mem::replace(&mut self.elsewhere, true) {
            self.wake_driver();
        }
        self.events.push(Event::Polled(slot, Poll::Pending));
    }

    /// Makes the request of the driver's slot accessible, if its asker is elsewhere.
    fn resolve(&mut self) {
        self.gone = false;
        if !std::mem::take(&mut self.elsewhere) {
            return;
        }
        if let Some(slot) = self.alone.take() {
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
            Driver::Stepping { .. } | Driver::Closing { .. } | Driver::Gone => {}
        }
    }

    fn poll_body(&mut self) {
        for slot in 0..SLOTS {
            let request = self.slots[slot].as_ref();
            if request.is_some_and(|request| request.in_body) {
                self.poll(slot, true);
            }
        }
    }

    fn step(&mut self) {
        self.driver = Driver::Stepping { waits: false };
        self.poll_body();
        if !self.body_ends {
            self.resolve();
        }
        let step = if self.body_ends {
            self.end();
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

    /// Begins to close.
    fn begin_close(&mut self) {
        match self.driver {
            Driver::New => self.end(),
            Driver::Stepping { .. } | Driver::Asked => {
                let waits = self.driver == Driver::Stepping { waits: true };
                self.driver = Driver::Closing { waits };
                for &slot in &self.order {
                    let progress = &mut self.slots[slot].as_mut().unwrap().progress;
                    match progress {
                        Progress::Posted => *progress = Progress::Refused { seen: false },
                        Progress::Asked => *progress = Progress::Refused { seen: true },
                        _ => {}
                    }
                }
                self.wake_all();
            }
            Driver::Closing { .. } | Driver::Gone => {}
        }
    }

    fn poll_close(&mut self) -> Poll<Result<Option<()>, u32>> {
        if self.driver == Driver::Gone {
            return Poll::Ready(Ok(None));
        }
        self.driver = Driver::Closing { waits: false };
        if !self.is_stuck() {
            self.poll_body();
            if self.body_ends {
                self.end();
                return Poll::Ready(Ok(Some(())));
            }
        }
        if self.is_stuck() {
            self.end();
            return Poll::Ready(Ok(None));
        }
        if let Some(&slot) = self.slots_in_order(Progress::Posted).first() {
            let request = self.slots[slot].as_mut().unwrap();
            request.progress = Progress::Asked;
            self.driver = Driver::Asked;
            return Poll::Ready(Err(request.data));
        }
        self.driver = Driver::Closing { waits: true };
        Poll::Pending
    }

    fn is_stuck(&self) -> bool {
        self.order.iter().any(|&slot| {
            let request = self.slots[slot].as_ref().unwrap();
            request.known_plain && matches!(request.progress, Progress::Refused { .. })
        })
    }

    /// The body is gone, or the monitor is.
    fn end(&mut self) {
        self.driver = Driver::Gone;
        self.wake_all();
    }

    fn wake_all(&mut self) {
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

/// Makes a plain request, and turns its panic into the error that it stands for.
async fn ask_plainly(handle: Numbers, number: u32) -> Result<u32, OobError<u32>> {
    static QUIET: Once = Once::new();
    QUIET.call_once(|| {
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let message = info.payload().downcast_ref::<String>();
            if !message.is_some_and(|message| message.contains("nobody can answer")) {
                hook(info);
            }
        }));
    });
    let mut request = pin!(handle.oob(number));
    poll_fn(|cx| {
        let polled = catch_unwind(AssertUnwindSafe(|| request.as_mut().poll(cx)));
        polled.map_or_else(
            |panic| {
                let message = panic.downcast::<String>().unwrap();
                let unseen = message.contains("before the driver saw it");
                Poll::Ready(Err(match unseen {
                    true => OobError::NotActive(number),
                    false => OobError::Closed,
                }))
            },
            |polled| polled.map(Ok),
        )
    })
    .await
}

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
        Op::Make { slot, plain } => {
            if model.slots[slot].is_none() {
                model.slots[slot] = Some(Request {
                    data: number,
                    plain,
                    known_plain: false,
                    in_body: false,
                    progress: Progress::New,
                    waits: false,
                });
                let handle = world.handle.clone();
                let asking: Asking = match plain {
                    true => Box::pin(ask_plainly(handle, number)),
                    false => Box::pin(async move { handle.try_oob(number).await }),
                };
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
        Op::Begin
        | Op::Step
        | Op::GiveUp
        | Op::Close { .. }
        | Op::Finish
        | Op::DropMonitor => {
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
                Driver::Stepping { .. } | Driver::Closing { .. } | Driver::Gone => {
                    assert_eq!(monitor.try_resume(number).err(), Some(number));
                }
            }
            model.begin(number);
            if matches!((op, &model.driver), (Op::Step, Driver::Stepping { .. })) {
                model.step();
                let mut cx = Context::from_waker(&world.driver.1);
                let step = monitor.as_mut().poll_step(&mut cx);
                world.events.borrow_mut().push(Event::Stepped(step));
            }
        }
        Op::GiveUp => match &mut model.driver {
            Driver::Stepping { waits } => {
                *waits = false;
                drop(monitor.proceed());
            }
            Driver::Closing { waits } => {
                *waits = false;
                drop(monitor.close());
            }
            Driver::New | Driver::Asked | Driver::Gone => {}
        },
        Op::Close { polls } => {
            model.begin_close();
            let mut closing = monitor.close();
            if polls {
                let closed = model.poll_close();
                model.events.push(Event::Closed(closed));
                let closed = poll(&mut closing, &world.driver.1);
                let closed = closed.map_err(IgnoredClose::into_data);
                world.events.borrow_mut().push(Event::Closed(closed));
            }
            // It goes on to wait.
            std::mem::forget(closing);
        }
        Op::Finish => {
            model.body_ends = true;
            world.body_ends.set(true);
        }
        Op::DropMonitor => {
            if model.driver != Driver::Gone {
                model.end();
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
