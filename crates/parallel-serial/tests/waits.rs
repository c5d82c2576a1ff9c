//! Waiting for some, for one, for a time, and for what must go on.
#![cfg(all(not(loom), feature = "time"))]

mod support;

use std::cell::Cell;
use std::future::{Future, pending};
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use async_executor::LocalExecutor;
use corokit_parallel_serial::{
    OneOf3, ReturnWhen, WaitSet, as_completed, deadline, race, race_ok, select, select_slice,
    shield, timeout, timeout_task, wait,
};
use corokit_sched_loop::{sleep, spawn};
use futures_lite::future::{block_on, poll_once, ready, yield_now};
use support::{Wakes, gates, poll};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn outputs_come_in_the_order_in_which_their_futures_were_woken() {
    let (gates, waits) = gates(100);
    let mut stream = as_completed(waits);
    assert!(block_on(poll_once(stream.next())).is_none());
    for index in [70, 3, 50] {
        gates[index].open(index);
    }
    for index in [70, 3, 50] {
        assert_eq!(block_on(stream.next()), Some((index, index)));
    }
    assert!(block_on(poll_once(stream.next())).is_none());
    assert_eq!(stream.len(), 97);
    // Giving up a wait loses nothing.
    gates[4].open(4);
    drop(stream.next());
    assert_eq!(block_on(poll_once(stream.next())), Some(Some((4, 4))));
    // What is left can be had back, and has not ended.
    let rest = stream.into_pending();
    assert_eq!(rest.len(), 96);
    assert!(gates[5..7].iter().all(|gate| !gate.is_dropped()));
}

/// The waker of a turn that gave an output is not that of a later turn.
#[test]
fn a_turn_after_an_output_registers_its_own_waker() {
    let (gates, waits) = gates(3);
    let mut stream = as_completed(waits);
    let (early, early_waker) = Wakes::new();
    let (late, late_waker) = Wakes::new();
    let mut turn = |waker| {
        let mut cx = Context::from_waker(waker);
        pin!(stream.next()).poll(&mut cx)
    };
    assert!(turn(&early_waker).is_pending());
    gates[0].open(0);
    assert_eq!(early.take(), 1);
    assert_eq!(turn(&early_waker), Poll::Ready(Some((0, 0))));
    assert!(turn(&late_waker).is_pending());
    gates[1].open(1);
    assert_eq!((early.take(), late.take()), (0, 1));
}

#[test]
fn wait_hands_over_what_has_completed_and_keeps_the_rest() {
    let (gates, waits) = gates::<Result<u32, &str>>(6);
    let mut set = WaitSet::from_iter(waits);
    {
        let mut waiting = pin!(wait(&mut set, ReturnWhen::first_exception()));
        assert!(poll(waiting.as_mut()).is_pending());
        gates[4].open(Ok(4));
        assert!(poll(waiting.as_mut()).is_pending());
        gates[2].open(Err("no"));
        gates[0].open(Ok(0));
        let Poll::Ready(waited) = poll(waiting.as_mut()) else {
            panic!("one has failed");
        };
        assert_eq!(waited.done, [(4, Ok(4)), (2, Err("no")), (0, Ok(0))]);
        assert!(!waited.timed_out);
    }
    assert!(set.pending().eq([1, 3, 5]));
    assert!([1, 3, 5].iter().all(|&index| !gates[index].is_dropped()));
    gates[5].open(Ok(5));
    let waited = block_on(set.wait(ReturnWhen::FirstCompleted));
    assert_eq!(waited.done, [(5, Ok(5))]);

    // A wait that is given up leaves its outputs to the next one.
    gates[1].open(Ok(1));
    assert!(block_on(poll_once(set.wait(ReturnWhen::AllCompleted))).is_none());
    gates[3].open(Ok(3));
    let waited = block_on(set.wait(ReturnWhen::AllCompleted));
    assert_eq!(waited.done, [(1, Ok(1)), (3, Ok(3))]);
    assert!(set.is_empty());
    // And nothing to wait for is no wait.
    assert_eq!(block_on(set.wait(ReturnWhen::FirstCompleted)).done, []);
}

#[test]
fn a_wait_with_a_limit_cancels_nothing() {
    corokit_lab::check(100, |lab| async move {
        let mut set = WaitSet::from_iter([3_u32, 1, 2].map(|n| {
            spawn(async move {
                sleep(SECOND * n).await;
                n
            })
        }));
        let waited = set
            .wait(ReturnWhen::AllCompleted)
            .timeout(SECOND * 5 / 2)
            .await;
        assert_eq!(waited.done, [(1, 1), (2, 2)]);
        assert!(waited.timed_out);
        assert_eq!(lab.elapsed(), SECOND * 5 / 2);
        // Zero is one turn.
        let waited = set
            .wait(ReturnWhen::AllCompleted)
            .timeout(Duration::ZERO)
            .await;
        assert!(waited.timed_out && waited.done.is_empty());
        let waited = set.wait(ReturnWhen::AllCompleted).await;
        assert_eq!(waited.done, [(0, 3)]);
        assert_eq!(lab.elapsed(), SECOND * 3);
    });
}

#[test]
fn time_is_up_exactly_when_it_is() {
    corokit_lab::check(50, |lab| async move {
        let elapsed = timeout(SECOND, pending::<()>()).await.unwrap_err();
        assert_eq!(elapsed.to_string(), "timed out");
        assert_eq!(lab.elapsed(), SECOND);
        let at = corokit_sched_loop_now() + SECOND;
        assert!(deadline(at, pending::<()>()).await.is_err());
        assert_eq!(lab.elapsed(), SECOND * 2);
        // What is ready is in time, also with no time at all, and when both happen at once.
        assert_eq!(timeout(Duration::ZERO, ready(1)).await, Ok(1));
        assert!(timeout(SECOND, sleep(SECOND)).await.is_ok());
        // For ever is no overflow.
        assert!(
            poll_once(timeout(Duration::MAX, pending::<()>()))
                .await
                .is_none()
        );
        // An error of the body is not the time.
        let inner = timeout(SECOND, timeout(Duration::ZERO, pending::<()>())).await;
        assert!(inner.unwrap().is_err());
    });
}

fn corokit_sched_loop_now() -> std::time::Instant {
    corokit_core::time::now()
}

#[test]
fn a_future_is_gone_before_its_timeout_is_known() {
    corokit_lab::run(1, |_| async {
        let (gates, mut waits) = gates::<()>(2);
        assert!(timeout(SECOND, waits.remove(0)).await.is_err());
        assert!(gates[0].is_dropped());
        // One that is lent stays.
        let mut lent = waits.remove(0);
        assert!(timeout(SECOND, &mut lent).await.is_err());
        assert!(!gates[1].is_dropped());
    });
}

#[test]
fn a_task_whose_time_is_up_is_gone_afterwards() {
    corokit_lab::check(100, |lab| async move {
        let (gates, mut waits) = gates::<()>(1);
        let wait = waits.remove(0);
        let task = spawn(async move {
            let _wait = wait;
            pending::<()>().await;
        });
        assert!(timeout_task(SECOND, task).await.is_err());
        assert!(gates[0].is_dropped());
        assert_eq!(lab.elapsed(), SECOND);
        // One that completes at the same moment may be in time or not, but nothing in between.
        let finished = Rc::new(Cell::new(false));
        let note = Rc::clone(&finished);
        let task = spawn(async move {
            sleep(SECOND).await;
            note.set(true);
        });
        let result = timeout_task(SECOND, task).await;
        assert_eq!(result.is_ok(), finished.get());
    });
}

#[test]
fn what_is_shielded_goes_on() {
    let executor = LocalExecutor::new();
    let (gates, waits) = gates::<u32>(1);
    let done = Rc::new(Cell::new(0));
    for wait in waits {
        let done = Rc::clone(&done);
        let mut shielded = Box::pin(shield(executor.spawn(async move {
            done.set(wait.await);
        })));
        for _ in 0..2 {
            assert!(poll(shielded.as_mut()).is_pending());
            while executor.try_tick() {}
        }
        drop(shielded);
    }
    while executor.try_tick() {}
    gates[0].open(7);
    while executor.try_tick() {}
    assert_eq!(done.get(), 7);
    // Waiting to the end is what it is without.
    let task = executor.spawn(async { 1 });
    assert_eq!(block_on(executor.run(shield(task))), 1);
    // And cancelling by the handle works, too.
    let task = shield(executor.spawn(pending::<()>())).into_inner();
    assert_eq!(block_on(executor.run(task.cancel())), None);
    assert!(executor.is_empty());
}

/// A panic inside is not lost: it goes to whoever waits, or takes the way of detached tasks.
#[test]
fn a_panic_behind_a_shield_does_not_vanish() {
    let executor = LocalExecutor::new();
    let task = shield(executor.spawn(async { panic!("inside") }));
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        block_on(executor.run(task));
    }));
    assert_eq!(*caught.unwrap_err().downcast::<&str>().unwrap(), "inside");
}

#[test]
fn the_first_wins_and_the_others_are_gone() {
    let (gates, waits) = gates(40);
    let mut racing = pin!(race(waits));
    assert!(poll(racing.as_mut()).is_pending());
    gates[30].open("thirty");
    gates[3].open("three");
    assert_eq!(poll(racing.as_mut()), Poll::Ready("thirty"));
    assert!(gates.iter().all(|gate| gate.is_dropped()));

    let nobody: [std::future::Ready<Result<(), ()>>; 0] = [];
    assert_eq!(block_on(race_ok(nobody)), Err(vec![]));
}

#[test]
#[should_panic(expected = "a race of no futures would never end")]
fn a_race_of_nobody_is_refused() {
    drop(race(Vec::<std::future::Ready<()>>::new()));
}

#[test]
fn select_says_which() {
    let (gates, mut waits) = gates::<u32>(3);
    let mut c = waits.pop().unwrap();
    let (b, a) = (waits.pop().unwrap(), waits.pop().unwrap());
    {
        let mut selected = pin!(select((a, b, &mut c)));
        assert!(poll(selected.as_mut()).is_pending());
        gates[1].open(1);
        assert_eq!(poll(selected.as_mut()), Poll::Ready(OneOf3::B(1)));
        assert!(gates[0].is_dropped() && gates[1].is_dropped());
    }
    assert!(!gates[2].is_dropped());
    let mut rest = [c];
    gates[2].open(2);
    assert_eq!(block_on(select_slice(&mut rest)), (0, 2));
}

#[test]
fn everything_may_be_dropped_at_any_poll() {
    corokit_lab::cancel_everywhere(|lab| async move {
        let finished = Rc::new(Cell::new(0));
        let count = Rc::clone(&finished);
        let work = move |n: u32| {
            let finished = Rc::clone(&count);
            async move {
                for _ in 0..n {
                    yield_now().await;
                }
                finished.set(finished.get() + 1);
                Ok::<u32, ()>(n)
            }
        };
        let shielded = spawn(work(3));
        let victim = async move {
            let mut stream = as_completed([work(2), work(1)]);
            while stream.next().await.is_some() {}
            let _ = timeout(SECOND, race([work(2), work(1)])).await;
            let mut set = WaitSet::from_iter([work(1), work(2)]);
            set.wait(ReturnWhen::FirstCompleted).await;
            set.wait(ReturnWhen::first_exception()).await;
            let _ = race_ok([work(1), work(2)]).await;
            select((work(1), work(2))).await;
            let _ = shield(shielded).await;
        };
        lab.victim("waits", victim).await;
        // What is shielded ends, whatever became of the victim.
        sleep(SECOND).await;
        assert!(finished.get() >= 1);
    });
}

#[test]
fn it_runs_on_every_executor() {
    async fn check() {
        assert_eq!(timeout(SECOND * 60, race([ready(1)])).await, Ok(1));
        assert!(
            timeout(Duration::from_millis(1), pending::<()>())
                .await
                .is_err()
        );
    }
    smol::block_on(smol::spawn(check()));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async { tokio::spawn(check()).await.unwrap() });
    corokit_sched_loop::run(async { spawn(check()).await });
}
