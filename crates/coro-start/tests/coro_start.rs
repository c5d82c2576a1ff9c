//! The states of a coroutine that is started in place.

#[path = "support/counted.rs"]
mod counted;
#[path = "support/gate.rs"]
mod gate;
#[path = "support/message.rs"]
mod message;
#[path = "support/wakes.rs"]
mod wakes;

use std::future::pending;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use corokit_coro_start::{CoroStart, CoroState, start_boxed};
use counted::Counts;
use futures_lite::future::{block_on, yield_now};
use gate::Gate;
use message::message_of;
use wakes::Wakes;

const TAKEN: &str = "`CoroStart` polled after its output was taken or it was closed";
const PANICKED: &str = "`CoroStart` polled after a poll of it panicked";

#[test]
fn nothing_runs_before_the_start() {
    let counts = Counts::default();
    let coro = CoroStart::new(counts.count(async { 7 }));
    assert_eq!(coro.state(), CoroState::New);
    assert!(!coro.is_done() && !coro.is_terminated());
    assert_eq!(coro.peek(), None);
    counts.check(0, 0);

    // It can still be moved, and closed without having run.
    let mut coro = Box::pin(coro);
    assert_eq!(coro.as_mut().take(), None);
    assert_eq!(coro.state(), CoroState::New);
    coro.as_mut().close();
    counts.check(0, 1);
    assert_eq!(coro.state(), CoroState::Taken);
}

#[test]
fn a_start_that_finishes() {
    let counts = Counts::default();
    let mut coro = pin!(CoroStart::new(counts.count(async { 7 })));
    assert!(coro.as_mut().start());
    assert_eq!(coro.state(), CoroState::Done);
    // Looking changes nothing, however often.
    assert_eq!((coro.peek(), coro.peek()), (Some(&7), Some(&7)));
    assert!(coro.as_mut().start());
    assert!(
        coro.as_mut()
            .start_cx(&mut Context::from_waker(Waker::noop()))
    );
    counts.check(1, 1);
    assert_eq!(coro.as_mut().take(), Some(7));
    assert_eq!(coro.as_mut().take(), None);
    assert_eq!(coro.peek(), None);
    assert_eq!(coro.state(), CoroState::Taken);
    assert!(coro.is_terminated() && !coro.is_done());
}

#[test]
fn a_start_that_blocks_and_is_awaited() {
    let (gate, counts) = (Gate::default(), Counts::default());
    let mut coro = pin!(CoroStart::new(counts.count(async {
        gate.wait().await;
        7
    })));
    assert!(!coro.as_mut().start());
    assert_eq!(coro.state(), CoroState::Suspended);
    assert_eq!(coro.peek(), None);
    assert_eq!(coro.as_mut().take(), None);
    gate.open();
    // The opened gate is not noticed before the next poll.
    assert_eq!(coro.state(), CoroState::Suspended);
    assert_eq!(block_on(coro.as_mut()), 7);
    counts.check(2, 1);
    assert_eq!(coro.state(), CoroState::Taken);
}

#[test]
fn an_await_of_one_that_was_not_started_starts_it() {
    let counts = Counts::default();
    assert_eq!(
        block_on(CoroStart::new(counts.count(async {
            yield_now().await;
            7
        }))),
        7
    );
    counts.check(2, 1);
}

#[test]
fn a_second_start_does_not_take_the_waiters_place() {
    let gate = Gate::default();
    let (wakes, waker) = Wakes::new();
    let mut coro = pin!(CoroStart::new(gate.wait()));
    let mut cx = Context::from_waker(&waker);
    assert!(!coro.as_mut().start());
    assert!(coro.as_mut().poll(&mut cx).is_pending());
    assert!(!coro.as_mut().start());
    gate.open();
    wakes.check(1);
    assert!(coro.as_mut().poll(&mut cx).is_ready());
}

#[test]
fn steps_by_hand_register_the_callers_waker() {
    let gate = Gate::default();
    let (wakes, waker) = Wakes::new();
    let mut cx = Context::from_waker(&waker);
    let mut coro = pin!(CoroStart::new(gate.wait()));
    assert!(!coro.as_mut().start_cx(&mut cx));
    assert!(!coro.as_mut().start_cx(&mut cx));
    gate.open();
    wakes.check(1);
    assert!(coro.as_mut().start_cx(&mut cx));
    assert!(coro.is_done());
    assert_eq!(coro.poll(&mut cx), Poll::Ready(()));
}

#[test]
fn every_way_to_poll_after_the_output_is_gone_panics() {
    let taken = || {
        let mut coro = Box::pin(CoroStart::new(async { 7 }));
        coro.as_mut().start();
        coro.as_mut().take();
        coro
    };
    let awaited = || {
        let mut coro = Box::pin(CoroStart::new(async { 7 }));
        block_on(coro.as_mut());
        coro
    };
    fn check<F: Future>(mut coro: Pin<Box<CoroStart<F>>>) {
        let mut cx = Context::from_waker(Waker::noop());
        assert_eq!(message_of(|| coro.as_mut().start()), TAKEN);
        assert_eq!(message_of(|| coro.as_mut().start_cx(&mut cx)), TAKEN);
        assert_eq!(message_of(|| coro.as_mut().poll(&mut cx)), TAKEN);
        assert_eq!(coro.state(), CoroState::Taken);
        coro.as_mut().close();
    }
    check(taken());
    check(awaited());
    for started in [false, true] {
        let mut closed = Box::pin(CoroStart::new(pending::<()>()));
        if started {
            closed.as_mut().start();
        }
        closed.as_mut().close();
        check(closed);
    }
}

#[test]
fn a_panic_goes_to_whoever_polled() {
    for yields in 0..2 {
        let counts = Counts::default();
        let mut coro = pin!(CoroStart::new(counts.count(async move {
            for _ in 0..yields {
                yield_now().await;
            }
            panic!("body")
        })));
        let mut cx = Context::from_waker(Waker::noop());
        for _ in 0..yields {
            assert!(!coro.as_mut().start_cx(&mut cx));
        }
        assert_eq!(message_of(|| coro.as_mut().start_cx(&mut cx)), "body");
        assert_eq!(coro.state(), CoroState::Panicked);
        assert!(!coro.is_done() && !coro.is_terminated());
        assert_eq!(coro.peek(), None);
        assert_eq!(coro.as_mut().take(), None);

        // It is not polled again, and still dropped exactly once.
        assert_eq!(message_of(|| coro.as_mut().start()), PANICKED);
        assert_eq!(message_of(|| coro.as_mut().poll(&mut cx)), PANICKED);
        counts.check(yields + 1, 0);
        coro.as_mut().close();
        counts.check(yields + 1, 1);
        assert_eq!(coro.state(), CoroState::Taken);
    }
}

/// A future whose destructor panics, holding a value to see whether that is dropped.
struct BadDrop(Option<Arc<()>>);

impl Future for BadDrop {
    type Output = Arc<()>;

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Arc<()>> {
        self.0.take().map_or(Poll::Pending, Poll::Ready)
    }
}

impl Drop for BadDrop {
    fn drop(&mut self) {
        panic!("destructor")
    }
}

#[test]
fn a_panicking_destructor_leaves_a_definite_state() {
    let value = Arc::new(());

    // At the end of a start: the output is kept.
    let mut coro = pin!(CoroStart::new(BadDrop(Some(value.clone()))));
    assert_eq!(message_of(|| coro.as_mut().start()), "destructor");
    assert_eq!(coro.state(), CoroState::Done);
    drop(coro.as_mut().take());
    assert_eq!(Arc::strong_count(&value), 1);

    // At the end of an await: the output goes down with the panic.
    let mut coro = pin!(CoroStart::new(BadDrop(Some(value.clone()))));
    assert_eq!(message_of(|| block_on(coro.as_mut())), "destructor");
    assert_eq!(coro.state(), CoroState::Taken);
    assert_eq!(Arc::strong_count(&value), 1);

    // At a close: it is closed nevertheless.
    let mut coro = pin!(CoroStart::new(BadDrop(None)));
    assert!(!coro.as_mut().start());
    assert_eq!(message_of(|| coro.as_mut().close()), "destructor");
    assert_eq!(coro.state(), CoroState::Taken);
}

#[test]
fn closing_runs_the_destructors_and_nothing_else() {
    let value = Arc::new(());
    let inside = value.clone();
    let mut coro = pin!(CoroStart::new(async move {
        let _inside = inside;
        pending::<()>().await;
        unreachable!("a closed coroutine does not go on")
    }));
    coro.as_mut().start();
    assert_eq!(Arc::strong_count(&value), 2);
    coro.as_mut().close();
    assert_eq!(Arc::strong_count(&value), 1);
}

#[test]
fn a_coroutine_in_a_coroutine() {
    let gate = Gate::default();
    let mut outer = pin!(CoroStart::new(async {
        let mut inner = pin!(CoroStart::new(gate.wait()));
        assert!(!inner.as_mut().start());
        inner.await;
        7
    }));
    assert!(!outer.as_mut().start());
    gate.open();
    assert_eq!(block_on(outer), 7);
}

#[test]
fn states_have_names() {
    let states = [
        CoroState::New,
        CoroState::Suspended,
        CoroState::Done,
        CoroState::Taken,
        CoroState::Panicked,
    ];
    assert_eq!(
        states.map(|state| state.to_string()),
        ["new", "suspended", "done", "taken", "panicked"]
    );
    assert_eq!(format!("[{:>4}]", CoroState::New), "[ new]");
    assert_eq!(
        format!("{:?}", CoroStart::new(pending::<()>())),
        "CoroStart { state: New, .. }"
    );
}

#[test]
fn one_in_a_box_is_started_moved_and_asked_for_its_output() {
    let counts = Counts::default();
    let quick = start_boxed(counts.count(async { 7 }));
    counts.check(1, 1);
    assert_eq!(quick.into_result().ok(), Some(7));

    let counts = Counts::default();
    let slow = start_boxed(counts.count(async {
        yield_now().await;
        7
    }));
    let slow = slow.into_result().unwrap_err();
    assert_eq!(slow.state(), CoroState::Suspended);
    counts.check(1, 0);
    let moved = [slow].map(block_on);
    assert_eq!(moved, [7]);
    counts.check(2, 1);

    let mut taken = start_boxed(async { 7 });
    assert_eq!(Pin::new(&mut taken).take(), Some(7));
    assert!(taken.into_result().is_err());
}
