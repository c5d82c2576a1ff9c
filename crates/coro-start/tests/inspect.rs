//! What is seen of a future from outside while it runs elsewhere.

#[path = "support/counted.rs"]
mod counted;
#[path = "support/gate.rs"]
mod gate;
#[path = "support/message.rs"]
mod message;
#[path = "support/wakes.rs"]
mod wakes;

use std::cell::OnceCell;
use std::future::{Future, pending};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::mpsc::channel;
use std::task::{Context, Poll};
use std::thread;

use async_executor::LocalExecutor;
use corokit_coro_start::{CoroState, Inspect, Probe, eager, start_boxed};
use counted::Counts;
use futures_lite::future::{block_on, poll_once, yield_now};
use gate::Gate;
use message::message_of;
use wakes::Wakes;

const STATES: [CoroState; 6] = [
    CoroState::New,
    CoroState::Suspended,
    CoroState::Running,
    CoroState::Done,
    CoroState::Taken,
    CoroState::Panicked,
];

#[test]
fn new_suspended_running_and_finished_exclude_each_other() {
    for state in STATES {
        let kinds = [
            state.is_new(),
            state.is_suspended(),
            state.is_running(),
            state.is_finished(),
        ];
        assert_eq!(kinds.iter().filter(|kind| **kind).count(), 1, "{state}");
    }
}

#[test]
fn the_states_of_a_task_in_their_order() {
    let (executor, probe) = (LocalExecutor::new(), OnceCell::<Probe>::new());
    let gate = Gate::default();
    let future = Inspect::new({
        let (gate, probe) = (gate.clone(), &probe);
        async move {
            assert_eq!(probe.get().unwrap().state(), CoroState::Running);
            gate.wait().await;
            assert_eq!(probe.get().unwrap().state(), CoroState::Running);
            7
        }
    });
    probe.set(future.probe()).unwrap();
    let probe = probe.get().unwrap();
    assert_eq!(probe.state(), CoroState::New);
    let mut task = Box::pin(future);
    assert!(block_on(poll_once(&mut task)).is_none());
    assert_eq!(probe.state(), CoroState::Suspended);
    gate.open();
    assert_eq!(block_on(executor.run(&mut task)), 7);
    assert_eq!(probe.state(), CoroState::Taken);
    assert_eq!(task.state(), CoroState::Taken);
}

#[test]
fn a_finished_future_is_dropped_and_polled_no_more() {
    let counts = Counts::default();
    let mut future = pin!(Inspect::new(counts.count(async { 7 })));
    assert_eq!(block_on(future.as_mut()), 7);
    counts.check(1, 1);
    let message = message_of(|| block_on(future.as_mut()));
    assert_eq!(message, "`Inspect` polled after it was taken");
    counts.check(1, 1);
}

#[test]
fn a_dropped_future_is_gone_at_every_poll() {
    for polls in 0..3 {
        let counts = Counts::default();
        let mut future = Box::pin(Inspect::new(counts.count(async {
            yield_now().await;
            yield_now().await;
            pending::<()>().await;
        })));
        let probe = future.probe();
        for _ in 0..polls {
            assert!(block_on(poll_once(&mut future)).is_none());
        }
        drop(future);
        counts.check(polls, 1);
        assert_eq!(probe.state(), CoroState::Taken);
    }
}

#[test]
fn a_panic_is_seen_and_stays_known() {
    let future = Inspect::new(async {
        yield_now().await;
        panic!("the body");
    });
    let probe = future.probe();
    let mut future = Box::pin(future);
    assert!(block_on(poll_once(&mut future)).is_none());
    let panic = catch_unwind(AssertUnwindSafe(|| block_on(&mut future))).unwrap_err();
    assert_eq!(panic.downcast_ref(), Some(&"the body"));
    assert_eq!(probe.state(), CoroState::Panicked);
    let message = message_of(|| block_on(&mut future));
    assert_eq!(message, "`Inspect` polled after it was panicked");
    drop(future);
    assert_eq!(probe.state(), CoroState::Panicked);
}

#[test]
fn the_destructors_of_a_future_run_before_it_counts_as_gone() {
    struct Look(Probe);
    impl Drop for Look {
        fn drop(&mut self) {
            assert_eq!(self.0.state(), CoroState::Suspended);
        }
    }
    let slot = OnceCell::new();
    let future = Inspect::new(async {
        let _look = Look(OnceCell::<Probe>::get(&slot).unwrap().clone());
        pending::<()>().await;
    });
    slot.set(future.probe()).unwrap();
    let probe = future.probe();
    {
        let mut future = pin!(future);
        assert!(block_on(poll_once(future.as_mut())).is_none());
    }
    assert_eq!(probe.state(), CoroState::Taken);
}

/// Is ready at once if the flag is set, and panics when it is dropped.
struct Explodes(bool);

impl Future for Explodes {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if self.0 {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }
}

impl Drop for Explodes {
    fn drop(&mut self) {
        panic!("the destructor");
    }
}

#[test]
fn a_future_whose_destructor_panics_is_not_seen_running_or_suspended_for_ever() {
    let mut finishes = Box::pin(Inspect::new(Explodes(true)));
    let probe = finishes.probe();
    assert_eq!(message_of(|| block_on(&mut finishes)), "the destructor");
    assert_eq!(probe.state(), CoroState::Panicked);
    drop(finishes);

    let mut blocks = Box::pin(Inspect::new(Explodes(false)));
    let probe = blocks.probe();
    assert!(block_on(poll_once(&mut blocks)).is_none());
    assert_eq!(probe.state(), CoroState::Suspended);
    assert_eq!(message_of(|| drop(blocks)), "the destructor");
    assert_eq!(probe.state(), CoroState::Taken);
}

#[test]
fn the_rest_of_an_eager_call_is_seen_on_another_thread() {
    let (gate, (sent, received)) = (Gate::default(), channel());
    let waits = gate.clone();
    let future = Inspect::new(async move { waits.wait().await });
    let probe = future.probe();
    let child = eager(future, |rest| sent.send(rest).unwrap());
    assert!(!child.is_ready());
    assert_eq!(probe.state(), CoroState::Suspended);
    let goes_on = thread::spawn(move || block_on(received.recv().unwrap()));
    gate.open();
    goes_on.join().unwrap();
    assert_eq!(probe.state(), CoroState::Taken);
}

#[test]
fn the_waker_of_the_poll_reaches_the_future() {
    let gate = Gate::default();
    let mut future = pin!(Inspect::new(gate.wait()));
    let (wakes, waker) = Wakes::new();
    let mut cx = Context::from_waker(&waker);
    for _ in 0..3 {
        assert!(future.as_mut().poll(&mut cx).is_pending());
    }
    gate.open();
    wakes.check(1);
    assert_eq!(future.as_mut().poll(&mut cx), Poll::Ready(()));
}

#[test]
fn it_may_be_started_by_hand() {
    let future = Inspect::new(yield_now());
    let probe = future.probe();
    let coro = start_boxed(future);
    assert_eq!(
        (coro.state(), probe.state()),
        (CoroState::Suspended, CoroState::Suspended)
    );
    drop(coro);
    assert_eq!(probe.state(), CoroState::Taken);
}

#[cfg(feature = "location")]
mod places {
    use corokit_core::{WakerObserver, observe_waker};
    use std::sync::Mutex;
    use std::task::Waker;

    use super::*;

    const LEAF: u32 = line!() + 2;
    async fn leaf(gate: &Gate) {
        gate.wait().await;
    }

    const HELPER: u32 = line!() + 2;
    async fn helper(gate: &Gate) {
        leaf(gate).await;
    }

    /// Returns how many lines there are from what waits to this line of this file. Names are not known
    /// where there are only line tables.
    fn position(probe: &Probe, line: u32) -> Option<usize> {
        let line = format!("inspect.rs:{line}:");
        let places = probe.blocked_at().unwrap();
        let mut places = places.iter().flatten().filter_map(|frame| frame.place());
        places.position(|place| place.contains(&line))
    }

    #[test]
    fn a_blocked_task_is_woken_to_say_where_it_waits() {
        let (gate, executor) = (Gate::default(), LocalExecutor::new());
        let waits = gate.clone();
        let future = Inspect::new(async move { helper(&waits).await });
        let probe = future.probe();
        let task = executor.spawn(future);
        assert!(executor.try_tick());
        assert!(!executor.try_tick());
        assert!(probe.blocked_at().is_none());

        probe.ask_place();
        assert!(executor.try_tick());
        let (leaf, helper) = (position(&probe, LEAF), position(&probe, HELPER));
        assert!(leaf.is_some() && leaf < helper, "{leaf:?}, {helper:?}");

        // Nothing is lost by having looked, and the next poll is not looked at.
        gate.open();
        assert!(executor.try_tick());
        assert!(task.is_finished());
        assert!(probe.blocked_at().is_none());
    }

    #[test]
    fn only_the_poll_that_was_asked_for_is_looked_at() {
        const SECOND: u32 = line!() + 2;
        async fn second(gate: &Gate) {
            gate.wait().await;
        }
        let (one, two) = (Gate::default(), Gate::default());
        let mut future = pin!(Inspect::new(async {
            leaf(&one).await;
            second(&two).await;
        }));
        let probe = future.probe();
        probe.ask_place();
        assert!(block_on(poll_once(future.as_mut())).is_none());
        one.open();
        assert!(block_on(poll_once(future.as_mut())).is_none());
        assert!(position(&probe, LEAF).is_some());
        probe.ask_place();
        assert!(block_on(poll_once(future.as_mut())).is_none());
        assert!(position(&probe, LEAF).is_none());
        assert!(position(&probe, SECOND).is_some());
    }

    #[test]
    fn each_branch_has_a_place_and_a_wait_for_nothing_has_none() {
        let (one, two) = (Gate::default(), Gate::default());
        let future = Inspect::new(futures_lite::future::zip(leaf(&one), leaf(&two)));
        let probe = future.probe();
        probe.ask_place();
        let mut future = pin!(future);
        assert!(block_on(poll_once(future.as_mut())).is_none());
        assert_eq!(probe.blocked_at().unwrap().len(), 2);

        let future = Inspect::new(pending::<()>());
        let probe = future.probe();
        probe.ask_place();
        assert!(block_on(poll_once(future)).is_none());
        // The future is gone by now, and so is what was known.
        assert!(probe.blocked_at().is_none());

        let mut future = Box::pin(Inspect::new(pending::<()>()));
        future.probe().ask_place();
        assert!(block_on(poll_once(&mut future)).is_none());
        assert!(future.probe().blocked_at().unwrap().is_empty());
    }

    #[test]
    fn asked_at_the_moment_when_the_waker_of_the_first_poll_is_kept() {
        /// Asks when the waker is cloned for the first time.
        struct Asks(Mutex<Option<Probe>>);
        impl WakerObserver for Asks {
            fn clone_waker(&self, waker: &Waker) -> Waker {
                if let Some(probe) = self.0.lock().unwrap().take() {
                    probe.ask_place();
                }
                waker.clone()
            }
        }
        let gate = Gate::default();
        let mut future = pin!(Inspect::new(leaf(&gate)));
        let (probe, (wakes, waker)) = (future.probe(), Wakes::new());
        let asks = Asks(Mutex::new(Some(probe.clone())));
        let polled = observe_waker(&waker, &asks, |waker| {
            future.as_mut().poll(&mut Context::from_waker(waker))
        });
        assert!(polled.is_pending());
        // There is no waker yet that could be woken for another poll, so it is this one that is looked at.
        wakes.check(0);
        assert!(probe.blocked_at().is_some());
    }

    #[test]
    fn a_probe_does_not_keep_the_waker_of_a_future_that_has_finished() {
        let (wakes, waker) = Wakes::new();
        let mut future = Box::pin(Inspect::new(yield_now()));
        let probe = future.probe();
        probe.ask_place();
        let mut cx = Context::from_waker(&waker);
        assert!(future.as_mut().poll(&mut cx).is_pending());
        assert!(probe.blocked_at().is_some());
        assert!(future.as_mut().poll(&mut cx).is_ready());
        drop(waker);
        assert_eq!(std::sync::Arc::strong_count(&wakes), 1);
        assert!(probe.blocked_at().is_none());
    }

    #[test]
    fn a_probe_does_not_keep_the_waker_of_a_future_that_is_gone() {
        let (wakes, waker) = Wakes::new();
        let mut future = Box::pin(Inspect::new(pending::<()>()));
        let probe = future.probe();
        let polled = Pin::new(&mut future).poll(&mut Context::from_waker(&waker));
        assert!(polled.is_pending());
        drop((future, waker));
        assert_eq!(std::sync::Arc::strong_count(&wakes), 1);
        probe.ask_place();
    }
}
