// Random programs of a generator's driver against random bodies, and their interpreter: the file is
// included where `Yields`, `TheGenerator` and `boxed` say which kind it is.

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use corokit_monitor::{GeneratorExt, OobError};
use futures_lite::future::yield_now;
use proptest::prelude::*;

type Value = Result<u32, u32>;
type Reply = Result<u32, u32>;
type Body = Pin<Box<dyn Future<Output = Result<(), u32>>>>;

/// What a body does, one after the other. The numbers of values are their places in the script.
#[derive(Clone, Copy, Debug)]
enum Act {
    /// Yields, and does not hear of a close. An error is passed on if the flag is set.
    Yield { passes: bool },
    /// Yields, and hears of it.
    Try { passes: bool },
    /// Waits for one poll.
    Wait,
    /// Ends with an error.
    Fail,
}

/// What a driver does.
#[derive(Clone, Copy, Debug)]
enum Op {
    /// Starts or sends, and polls the future so often at most.
    Send { polls: usize },
    Throw { polls: usize },
    /// Goes on with a value whose future was dropped.
    Proceed { polls: usize },
    Close { polls: usize },
    Drop,
}

#[derive(Clone, PartialEq, Debug)]
enum Event {
    /// What the body got for its value.
    Got(Reply),
    ToldClosed,
    ToldNotActive(u32),
    /// What the driver's future gave.
    Gave(Poll<Option<Value>>),
    Closed(Poll<Result<Option<Value>, u32>>),
    /// The driver's reply came back, or there was nothing to go on with.
    Refused,
}

type Events = Rc<RefCell<Vec<Event>>>;

async fn body(script: Vec<Act>, yielder: Yields<Value, Reply>, events: Events) -> Result<(), u32> {
    for (number, act) in (0..).zip(script) {
        let (reply, passes) = match act {
            Act::Yield { passes } => (Ok(yielder.yield_(Ok(number)).await), passes),
            Act::Try { passes } => (yielder.try_yield(Ok(number)).await, passes),
            Act::Wait => {
                yield_now().await;
                continue;
            }
            Act::Fail => return Err(number),
        };
        let event = match reply {
            Ok(reply) => Event::Got(reply),
            Err(OobError::NotActive(value)) => Event::ToldNotActive(value.unwrap()),
            Err(_) => Event::ToldClosed,
        };
        events.borrow_mut().push(event);
        if let (Ok(Err(error)), true) = (reply, passes) {
            return Err(error);
        }
    }
    Ok(())
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum State {
    New,
    /// The body waits for a reply to its value.
    Yielded,
    /// A value is being made; the reply to the last one may be there.
    Making(Option<Reply>),
    Closing {
        reply: Option<Reply>,
        told: bool,
    },
    Ended,
}

struct Interpreter {
    script: Vec<Act>,
    place: usize,
    waited: bool,
    state: State,
    events: Vec<Event>,
}

/// How a poll of the body ends.
enum Polled {
    Pending,
    Value(u32),
    Ended(Option<u32>),
}

impl Interpreter {
    /// Polls the body. It was told of the close, or gets this reply, if it waits for either.
    fn poll(&mut self, reply: Option<Reply>, told: bool, closing: bool) -> Polled {
        if let Some(reply) = reply {
            self.events.push(Event::Got(reply));
            let (Act::Yield { passes } | Act::Try { passes }) = self.script[self.place] else {
                unreachable!("a reply to a value");
            };
            if let (Err(error), true) = (reply, passes) {
                return Polled::Ended(Some(error));
            }
            self.place += 1;
        }
        if told {
            self.events.push(Event::ToldClosed);
            self.place += 1;
        }
        while let Some(act) = self.script.get(self.place) {
            let number = u32::try_from(self.place).unwrap();
            match act {
                Act::Try { .. } if closing => self.events.push(Event::ToldNotActive(number)),
                Act::Yield { .. } | Act::Try { .. } => return Polled::Value(number),
                Act::Wait if !self.waited => {
                    self.waited = true;
                    return Polled::Pending;
                }
                Act::Wait => self.waited = false,
                Act::Fail => return Polled::Ended(Some(number)),
            }
            self.place += 1;
        }
        Polled::Ended(None)
    }

    fn make(&mut self, polls: usize) {
        for _ in 0..polls {
            let State::Making(reply) = self.state else {
                // Ended, or closing, which gives nothing.
                self.events.push(Event::Gave(Poll::Ready(None)));
                return;
            };
            let gave = match self.poll(reply, false, false) {
                Polled::Pending => {
                    self.state = State::Making(None);
                    self.events.push(Event::Gave(Poll::Pending));
                    continue;
                }
                Polled::Value(number) => {
                    self.state = State::Yielded;
                    Some(Ok(number))
                }
                Polled::Ended(error) => {
                    self.state = State::Ended;
                    error.map(Err)
                }
            };
            self.events.push(Event::Gave(Poll::Ready(gave)));
            return;
        }
    }

    fn send(&mut self, reply: Reply, polls: usize) {
        match self.state {
            State::New => self.state = State::Making(None),
            State::Yielded => self.state = State::Making(Some(reply)),
            State::Ended => {}
            State::Making(_) | State::Closing { .. } => {
                self.events.push(Event::Refused);
                return;
            }
        }
        self.make(polls);
    }

    fn close(&mut self, polls: usize) {
        match self.state {
            State::New => self.state = State::Ended,
            State::Yielded => {
                self.state = State::Closing {
                    reply: None,
                    told: true,
                }
            }
            State::Making(reply) => self.state = State::Closing { reply, told: false },
            State::Closing { .. } | State::Ended => {}
        }
        for _ in 0..polls {
            let State::Closing { reply, told } = self.state else {
                self.events.push(Event::Closed(Poll::Ready(Ok(None))));
                return;
            };
            let closed = if told && matches!(self.script[self.place], Act::Yield { .. }) {
                // It cannot be told, and is dropped.
                self.state = State::Ended;
                Ok(None)
            } else {
                match self.poll(reply, told, true) {
                    Polled::Pending => {
                        self.state = State::Closing {
                            reply: None,
                            told: false,
                        };
                        self.events.push(Event::Closed(Poll::Pending));
                        continue;
                    }
                    Polled::Value(number) => {
                        self.state = State::Yielded;
                        Err(number)
                    }
                    Polled::Ended(error) => {
                        self.state = State::Ended;
                        Ok(error.map(Err))
                    }
                }
            };
            self.events.push(Event::Closed(Poll::Ready(closed)));
            return;
        }
    }
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        4 => any::<bool>().prop_map(|passes| Act::Yield { passes }),
        4 => any::<bool>().prop_map(|passes| Act::Try { passes }),
        3 => Just(Act::Wait),
        1 => Just(Act::Fail),
    ];
    prop::collection::vec(act, 0..12)
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let polls = 0..4_usize;
    let op = prop_oneof![
        8 => polls.clone().prop_map(|polls| Op::Send { polls }),
        2 => polls.clone().prop_map(|polls| Op::Throw { polls }),
        4 => polls.clone().prop_map(|polls| Op::Proceed { polls }),
        2 => polls.prop_map(|polls| Op::Close { polls }),
        1 => Just(Op::Drop),
    ];
    prop::collection::vec(op, 0..24)
}

/// Polls a future up to so often, until it is ready, and tells what it gave.
fn polled<F: Future + Unpin>(mut future: F, polls: usize, mut tell: impl FnMut(Poll<F::Output>)) {
    for _ in 0..polls {
        let result = Pin::new(&mut future).poll(&mut Context::from_waker(Waker::noop()));
        let ready = result.is_ready();
        tell(result);
        if ready {
            return;
        }
    }
}

fn check(script: &[Act], ops: &[Op]) {
    let mut model = Interpreter {
        script: script.to_vec(),
        place: 0,
        waited: false,
        state: State::New,
        events: Vec::new(),
    };
    let events = Events::default();
    let mut generator: Pin<Box<TheGenerator>> =
        boxed(|yielder| Box::pin(body(script.to_vec(), yielder, events.clone())));
    for (number, &op) in (100..).zip(ops) {
        let gave = |result| events.borrow_mut().push(Event::Gave(result));
        match op {
            Op::Send { polls } | Op::Throw { polls } => {
                let reply = match op {
                    Op::Throw { .. } => Err(number),
                    _ => Ok(number),
                };
                if model.state == State::New {
                    assert_eq!(generator.try_send(reply).err(), Some(reply));
                    polled(generator.start(), polls, gave);
                } else {
                    match generator.try_send(reply) {
                        Ok(next) => polled(next, polls, gave),
                        Err(back) => {
                            assert_eq!(back, reply);
                            events.borrow_mut().push(Event::Refused);
                        }
                    }
                }
                model.send(reply, polls);
            }
            Op::Proceed { polls } => {
                if matches!(model.state, State::Making(_) | State::Ended) {
                    model.make(polls);
                    polled(generator.proceed(), polls, gave);
                }
            }
            Op::Close { polls } => {
                model.close(polls);
                polled(generator.close(), polls, |result| {
                    let result = result.map_err(|ignored| ignored.into_data().unwrap());
                    events.borrow_mut().push(Event::Closed(result));
                });
            }
            Op::Drop => break,
        }
        assert_eq!(*events.borrow(), model.events, "after {op:?}");
        assert_eq!(generator.is_ended(), model.state == State::Ended);
    }
    drop(generator);
    assert_eq!(*events.borrow(), model.events);
    assert_eq!(Rc::strong_count(&events), 1);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

    #[test]
    fn random_drivers_and_bodies(script in acts(), ops in ops()) {
        check(&script, &ops);
    }
}
