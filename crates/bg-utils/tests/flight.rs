//! Single flight: who runs, who waits, who takes over.
#![cfg(all(feature = "flight", not(loom)))]

#[path = "support/wakes.rs"]
mod wakes;

use std::cell::{Cell, RefCell};
use std::future::{Future, pending, poll_fn, ready};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use corokit_bg_utils::flight::Flight;
use corokit_lab::{Lab, Options, Strategy, cancel_everywhere, panic_everywhere};
use corokit_sched_loop::spawn;
use futures_lite::future::{block_on, poll_once, yield_now, zip};
use wakes::Wakes;

type Boxed<'f, T> = Pin<Box<dyn Future<Output = T> + 'f>>;

fn poll<T>(future: &mut Boxed<'_, T>, wakes: &Wakes) -> Poll<T> {
    future
        .as_mut()
        .poll(&mut Context::from_waker(&wakes.waker()))
}

/// A gate that futures wait for.
#[derive(Default)]
struct Gate(Cell<bool>);

impl Gate {
    async fn wait(&self) {
        poll_fn(|_| match self.0.get() {
            true => Poll::Ready(()),
            false => Poll::Pending,
        })
        .await;
    }
}

#[test]
fn a_driver_that_is_dropped_is_followed_by_exactly_one_of_those_who_wait() {
    let (flight, inits, gate) = (Flight::new(), Cell::new(0), Gate::default());
    let call = || -> Boxed<'_, u32> {
        Box::pin(flight.run("key", async || {
            inits.set(inits.get() + 1);
            let mine = inits.get();
            gate.wait().await;
            mine
        }))
    };
    let wakes: [Wakes; 4] = Default::default();
    let mut calls = [call(), call(), call(), call()];
    for (call, wakes) in calls.iter_mut().zip(&wakes) {
        assert!(poll(call, wakes).is_pending());
    }
    assert_eq!(inits.get(), 1);
    let [leader, mut first, mut second, mut third] = calls;
    drop(leader);
    // The first in line, and nobody else, is woken to go on.
    assert_eq!(wakes.each_ref().map(Wakes::take), [0, 1, 0, 0]);
    assert!(poll(&mut first, &wakes[1]).is_pending());
    assert_eq!(inits.get(), 2);
    gate.0.set(true);
    assert_eq!(poll(&mut first, &wakes[1]), Poll::Ready(2));
    assert_eq!(wakes.each_ref().map(Wakes::take), [0, 0, 1, 1]);
    assert_eq!(poll(&mut third, &wakes[3]), Poll::Ready(2));
    assert_eq!(poll(&mut second, &wakes[2]), Poll::Ready(2));
    assert_eq!((inits.get(), flight.len()), (2, 0));
}

#[test]
fn kept_work_goes_on_where_the_dropped_driver_has_stopped() {
    let flight = Flight::new();
    let inits = Arc::new(AtomicUsize::new(0));
    let call = || {
        let inits = Arc::clone(&inits);
        Box::pin(flight.run_kept("key", move || async move {
            inits.fetch_add(1, Ordering::Relaxed);
            for _ in 0..3 {
                yield_now().await;
            }
            7
        }))
    };
    block_on(async {
        let (mut first, mut second, mut third) = (call(), call(), call());
        assert!(poll_once(&mut first).await.is_none());
        assert!(poll_once(&mut second).await.is_none());
        assert!(poll_once(&mut first).await.is_none());
        drop(first);
        assert!(poll_once(&mut second).await.is_none());
        assert!(poll_once(&mut third).await.is_none());
        drop(second);
        // It had three steps to go, and two are gone.
        assert_eq!(poll_once(&mut third).await, Some(7));
    });
    assert_eq!(inits.load(Ordering::Relaxed), 1);
    assert!(flight.is_empty());
}

#[test]
fn a_dropped_follower_changes_nothing() {
    let (flight, inits, gate) = (Flight::new(), Cell::new(0), Gate::default());
    let call = || -> Boxed<'_, u32> {
        Box::pin(flight.run("key", async || {
            inits.set(inits.get() + 1);
            gate.wait().await;
            42
        }))
    };
    let wakes: [Wakes; 3] = Default::default();
    let mut calls = [call(), call(), call()];
    for (call, wakes) in calls.iter_mut().zip(&wakes) {
        assert!(poll(call, wakes).is_pending());
    }
    let [mut leader, follower, mut other] = calls;
    drop(follower);
    assert_eq!(wakes.each_ref().map(Wakes::take), [0, 0, 0]);
    gate.0.set(true);
    assert_eq!(poll(&mut leader, &wakes[0]), Poll::Ready(42));
    assert_eq!(wakes.each_ref().map(Wakes::take), [0, 0, 1]);
    assert_eq!(poll(&mut other, &wakes[2]), Poll::Ready(42));
    assert_eq!(inits.get(), 1);
}

/// Panics when it is polled, or already when it is made.
fn panicking(in_init: bool) -> Boxed<'static, u32> {
    if in_init {
        panic!("no future today");
    }
    Box::pin(async {
        yield_now().await;
        panic!("half way")
    })
}

#[test]
fn a_panic_reaches_the_driver_alone_and_another_one_takes_over() {
    for in_init in [false, true] {
        let flight = Flight::new();
        let wakes: [Wakes; 2] = Default::default();
        // The driver of `run_kept` loses its work, too.
        let mut leader: Boxed<'_, u32> = Box::pin(flight.run("key", || panicking(in_init)));
        let mut follower: Boxed<'_, u32> = Box::pin(flight.run("key", || ready(7)));
        if in_init {
            // Nobody can join in between: the next caller just finds nothing.
            let panic = catch_unwind(AssertUnwindSafe(|| poll(&mut leader, &wakes[0])));
            assert!(panic.is_err());
            assert!(flight.is_empty());
        } else {
            assert!(poll(&mut leader, &wakes[0]).is_pending());
            assert!(poll(&mut follower, &wakes[1]).is_pending());
            let panic = catch_unwind(AssertUnwindSafe(|| poll(&mut leader, &wakes[0])));
            assert!(panic.is_err());
            assert_eq!(wakes[1].take(), 1);
        }
        assert_eq!(poll(&mut follower, &wakes[1]), Poll::Ready(7));
        assert!(flight.is_empty());
    }
}

#[test]
fn kept_work_that_has_panicked_is_not_polled_again() {
    let flight = Flight::new();
    let wakes: [Wakes; 2] = Default::default();
    let mut leader: Boxed<'_, u32> = Box::pin(flight.run_kept("key", || async {
        yield_now().await;
        panic!("half way")
    }));
    let mut follower: Boxed<'_, u32> = Box::pin(flight.run_kept("key", || ready(7)));
    assert!(poll(&mut leader, &wakes[0]).is_pending());
    assert!(poll(&mut follower, &wakes[1]).is_pending());
    assert!(catch_unwind(AssertUnwindSafe(|| poll(&mut leader, &wakes[0]))).is_err());
    drop(leader);
    assert_eq!(wakes[1].take(), 1);
    assert_eq!(poll(&mut follower, &wakes[1]), Poll::Ready(7));
    assert!(flight.is_empty());
}

#[test]
fn an_error_goes_to_all_who_had_joined_and_is_not_kept() {
    let (flight, inits) = (Flight::new(), Cell::new(0));
    let call = || {
        flight.run("key", async || {
            inits.set(inits.get() + 1);
            yield_now().await;
            Err::<(), _>(inits.get())
        })
    };
    block_on(async {
        assert_eq!(
            zip(call(), zip(call(), call())).await,
            (Err(1), (Err(1), Err(1)))
        );
        assert_eq!(call().await, Err(2));
    });
}

#[test]
fn forgetting_a_flight_does_not_end_it() {
    let (flight, inits) = (Flight::new(), Cell::new(0));
    let call = || -> Boxed<'_, u32> {
        Box::pin(flight.run(String::from("key"), async || {
            inits.set(inits.get() + 1);
            let mine = inits.get();
            yield_now().await;
            mine
        }))
    };
    let wakes = Wakes::default();
    let (mut old, mut joined) = (call(), call());
    assert!(poll(&mut old, &wakes).is_pending());
    assert!(poll(&mut joined, &wakes).is_pending());
    assert!(flight.forget("key"));
    assert!(!flight.forget("key"));
    assert!(flight.is_empty());
    let mut new = call();
    assert!(poll(&mut new, &wakes).is_pending());
    assert_eq!(poll(&mut old, &wakes), Poll::Ready(1));
    // The end of the old one leaves the new one alone.
    assert_eq!(flight.len(), 1);
    assert_eq!(poll(&mut joined, &wakes), Poll::Ready(1));
    assert_eq!(poll(&mut new, &wakes), Poll::Ready(2));
    assert!(flight.is_empty());
}

#[test]
fn a_flight_whose_callers_are_all_gone_is_gone_with_its_future() {
    struct Noted(Arc<AtomicUsize>);
    impl Drop for Noted {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    let flight = Flight::<u8, ()>::new();
    let dropped = Arc::new(AtomicUsize::new(0));
    let call = |dropped: &Arc<AtomicUsize>| -> Boxed<'_, ()> {
        let noted = Noted(Arc::clone(dropped));
        Box::pin(flight.run_kept(1, || async move {
            let _noted = noted;
            pending().await
        }))
    };
    let wakes = Wakes::default();
    let (mut first, mut second) = (call(&dropped), call(&dropped));
    assert!(poll(&mut first, &wakes).is_pending());
    assert!(poll(&mut second, &wakes).is_pending());
    drop(first);
    assert_eq!((flight.len(), dropped.load(Ordering::Relaxed)), (1, 0));
    drop(second);
    // The closure of the second, which was never called, and the future.
    assert_eq!((flight.len(), dropped.load(Ordering::Relaxed)), (0, 2));
}

#[test]
fn waiting_for_oneself_is_a_panic_and_other_keys_are_not() {
    let flight = Flight::new();
    assert_eq!(block_on(flight.run(1, || flight.run(2, || ready(5)))), 5);
    let nested = catch_unwind(AssertUnwindSafe(|| {
        block_on(flight.run(1, || flight.run(1, || ready(5))))
    }));
    let message = *nested.unwrap_err().downcast::<String>().unwrap();
    assert!(message.contains("i32"), "{message}");
    assert!(flight.is_empty());
    // Another task that merely runs inside of the work may wait for it.
    let inner = RefCell::new(None);
    let wakes = Wakes::default();
    let outer = flight.run(1, async || {
        let mut call: Boxed<'_, i32> = Box::pin(flight.run(1, || ready(6)));
        assert!(poll(&mut call, &wakes).is_pending());
        inner.replace(Some(call));
        5
    });
    assert_eq!(block_on(outer), 5);
    assert_eq!(wakes.take(), 1);
    assert_eq!(
        poll(inner.borrow_mut().as_mut().unwrap(), &wakes),
        Poll::Ready(5)
    );
}

#[test]
fn a_waiter_that_was_woken_to_drive_and_is_not_polled_holds_up_nobody() {
    let flight = Flight::new();
    let wakes: [Wakes; 3] = Default::default();
    let mut leader: Boxed<'_, u32> = Box::pin(flight.run((), pending));
    let mut lazy: Boxed<'_, u32> = Box::pin(flight.run((), || ready(1)));
    let mut eager: Boxed<'_, u32> = Box::pin(flight.run((), || ready(2)));
    assert!(poll(&mut leader, &wakes[0]).is_pending());
    assert!(poll(&mut lazy, &wakes[1]).is_pending());
    drop(leader);
    assert_eq!(poll(&mut eager, &wakes[2]), Poll::Ready(2));
    assert_eq!(poll(&mut lazy, &wakes[1]), Poll::Ready(2));
}

#[test]
fn the_turn_to_drive_is_passed_on_whoever_leaves() {
    let flight = Flight::new();
    let wakes: [Wakes; 4] = Default::default();
    let call = || -> Boxed<'_, u32> { Box::pin(flight.run((), pending)) };
    let mut calls = [call(), call(), call(), call()];
    for (call, wakes) in calls.iter_mut().zip(&wakes) {
        assert!(poll(call, wakes).is_pending());
    }
    let taken = || wakes.each_ref().map(Wakes::take);
    let [leader, chosen, mut other, mut stays] = calls;
    drop(leader);
    assert_eq!(taken(), [0, 1, 0, 0]);
    // The one that was woken to drive leaves before it does.
    drop(chosen);
    assert_eq!(taken(), [0, 0, 1, 0]);
    // Another one drives instead of the next one, which waits again, and leaves.
    assert!(poll(&mut stays, &wakes[3]).is_pending());
    assert!(poll(&mut other, &wakes[2]).is_pending());
    drop(stays);
    assert_eq!(taken(), [0, 0, 1, 0]);
    assert!(poll(&mut other, &wakes[2]).is_pending());
    drop(other);
    assert!(flight.is_empty());
}

#[test]
fn a_stampede_runs_once_and_wakes_each_caller_once() {
    let (flight, inits, gate) = (Flight::new(), Cell::new(0), Gate::default());
    let mut calls = Vec::new();
    for _ in 0..1_000 {
        let call: Boxed<'_, u32> = Box::pin(flight.run("key", async || {
            inits.set(inits.get() + 1);
            gate.wait().await;
            7
        }));
        calls.push((call, Wakes::default()));
    }
    for (call, wakes) in &mut calls {
        assert!(poll(call, wakes).is_pending());
    }
    gate.0.set(true);
    for (index, (call, wakes)) in calls.iter_mut().enumerate() {
        assert_eq!(wakes.take(), usize::from(index > 0));
        assert_eq!(poll(call, wakes), Poll::Ready(7));
    }
    assert_eq!(inits.get(), 1);
}

#[test]
fn a_future_is_dropped_before_the_next_one_begins() {
    let alive = Cell::new(false);
    struct Alive<'a>(&'a Cell<bool>);
    impl Drop for Alive<'_> {
        fn drop(&mut self) {
            self.0.set(false);
        }
    }
    let flight = Flight::new();
    let call = || -> Boxed<'_, ()> {
        Box::pin(flight.run((), async || {
            assert!(!alive.replace(true), "two at a time");
            let _alive = Alive(&alive);
            pending::<()>().await;
        }))
    };
    let wakes = Wakes::default();
    let (mut first, mut second) = (call(), call());
    assert!(poll(&mut first, &wakes).is_pending());
    assert!(poll(&mut second, &wakes).is_pending());
    drop(first);
    assert!(poll(&mut second, &wakes).is_pending());
}

/// The program for exploration: whoever is left gets a value, and nothing stays.
async fn explored(lab: Lab) {
    let flight = Rc::new(Flight::<u8, u8>::new());
    let call = |flight: Rc<Flight<u8, u8>>, kept| async move {
        match kept {
            true => {
                let work = async || {
                    yield_now().await;
                    yield_now().await;
                    7
                };
                flight.run_kept(1, work).await
            }
            false => {
                let work = async || {
                    yield_now().await;
                    yield_now().await;
                    7
                };
                flight.run(1, work).await
            }
        }
    };
    let mut tasks = Vec::new();
    for (name, kept) in [
        ("first", false),
        ("second", true),
        ("third", true),
        ("fourth", false),
    ] {
        tasks.push(spawn(lab.victim(name, call(Rc::clone(&flight), kept))));
    }
    for task in tasks {
        assert!(matches!(task.await, None | Some(7)));
    }
    assert_eq!(call(Rc::clone(&flight), false).await, 7);
    assert!(flight.is_empty());
}

#[test]
fn callers_may_be_dropped_or_panic_anywhere() {
    cancel_everywhere(explored);
    panic_everywhere(explored);
}

#[test]
fn in_every_order_everybody_is_served() {
    for strategy in [Strategy::Random, Strategy::Pct { depth: 3 }] {
        let options = Options::new().strategy(strategy).spurious_wakes(true);
        if let Err(failure) = options.try_check(300, explored) {
            panic!("{failure}");
        }
    }
}

#[test]
fn callers_on_two_executors_in_two_threads_share_and_take_over() {
    let flight = Arc::new(Flight::<u8, u8>::new());
    let inits = Arc::new(AtomicUsize::new(0));
    let call = {
        let (flight, inits) = (Arc::clone(&flight), Arc::clone(&inits));
        move |value: Option<u8>| {
            let (flight, inits) = (Arc::clone(&flight), Arc::clone(&inits));
            async move {
                let run = flight.run(1, || {
                    inits.fetch_add(1, Ordering::Relaxed);
                    async move {
                        match value {
                            Some(value) => value,
                            None => pending().await,
                        }
                    }
                });
                run.await
            }
        }
    };
    // A leader on a tokio runtime that goes away in the middle of the flight.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let _leader = runtime.spawn(call(None));
    runtime.block_on(tokio::task::yield_now());
    assert_eq!(inits.load(Ordering::Relaxed), 1);
    let joined = Arc::new(std::sync::Barrier::new(2));
    let follower = {
        let (joined, call) = (Arc::clone(&joined), call.clone());
        std::thread::spawn(move || {
            let executor = smol::LocalExecutor::new();
            let mut follower = Box::pin(call(Some(9)));
            smol::block_on(executor.run(async {
                assert!(poll_once(&mut follower).await.is_none());
                joined.wait();
                follower.await
            }))
        })
    };
    joined.wait();
    drop(runtime);
    assert_eq!(follower.join().unwrap(), 9);
    assert_eq!(inits.load(Ordering::Relaxed), 2);
    assert!(flight.is_empty());
}

#[test]
fn on_corokit_s_loop() {
    let flight = Rc::new(Flight::<u8, u8>::new());
    let value = corokit_sched_loop::run(async move {
        let leader = {
            let flight = Rc::clone(&flight);
            spawn(async move { flight.run(1, pending::<u8>).await })
        };
        yield_now().await;
        let follower = spawn(async move { flight.run(1, || ready(3)).await });
        yield_now().await;
        leader.cancel().await;
        follower.await
    });
    assert_eq!(value, 3);
}

#[test]
fn futures_and_flights_go_where_they_may() {
    fn sendable<T: Send>(_: &T) {}
    fn shared<T: Send + Sync>(_: &T) {}
    let flight = Flight::<String, String>::new();
    shared(&flight);
    sendable(&flight.run(String::new(), || ready(String::new())));
    sendable(&flight.run_kept(String::new(), || ready(String::new())));
    // And among tasks of one thread, values need not be `Send`.
    let local = Flight::<u8, Rc<u8>>::new();
    assert_eq!(*block_on(local.run(1, || ready(Rc::new(1)))), 1);
}
