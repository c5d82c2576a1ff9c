//! Started futures among tasks in many orders, and dropped anywhere.

use std::cell::{Cell, RefCell};
use std::future::{Future, pending};
use std::pin::pin;
use std::rc::Rc;

use corokit_coro_start::{
    CoroStart, CoroState, Eager, EagerPool, EagerTaskGroup, Inspect, StartError, Status,
    cancelling, eager, eager_on, eager_scope, start_boxed,
};
use corokit_lab::{Lab, Options, cancel_everywhere, panic_everywhere};
use corokit_sched_loop::{Task, current, spawn};
use event_listener::Event;
use futures_lite::future::{yield_now, zip};

/// Runs the body in many orders, with wakes that have no reason.
#[track_caller]
fn in_every_order<F: Future<Output = ()> + 'static>(body: impl Fn(Lab) -> F) {
    let options = Options::new().spurious_wakes(true);
    if let Err(failure) = options.try_check(300, body) {
        panic!("{failure}");
    }
}

/// Drops the victims of the body before each of their polls, and once more by panics.
#[track_caller]
fn dropped_anywhere<F: Future<Output = ()> + 'static>(victims: usize, body: fn(Lab) -> F) {
    // One run without a drop, and at least two points at which each can be dropped.
    assert!(cancel_everywhere(body).schedules() > 2 * victims);
    panic_everywhere(body);
}

/// Lets all others come to where they block.
async fn settle() {
    for _ in 0..20 {
        yield_now().await;
    }
}

#[test]
fn those_that_are_started_and_first_block_on_one_event_all_go_on_in_every_order() {
    in_every_order(|_| async {
        let (event, open) = (Rc::new(Event::new()), Rc::new(Cell::new(false)));
        let wait = || {
            let (event, open) = (Rc::clone(&event), Rc::clone(&open));
            async move {
                while !open.get() {
                    let listener = event.listen();
                    if !open.get() {
                        listener.await;
                    }
                }
            }
        };
        let mut pool = EagerPool::new();
        let tasks = [
            eager(wait(), |rest| spawn(rest)),
            eager_on(&current().unwrap(), wait()),
            eager(wait(), |rest| spawn(rest)),
        ];
        let pooled = pool.eager(wait(), |rest| spawn(rest));
        let kept = start_boxed(wait());
        let mut in_place = pin!(CoroStart::new(wait()));
        assert!(!in_place.as_mut().start());
        let opener = spawn({
            let (event, open) = (Rc::clone(&event), Rc::clone(&open));
            async move {
                yield_now().await;
                open.set(true);
                event.notify(usize::MAX);
            }
        });
        zip(in_place, kept).await;
        pooled.await;
        for task in tasks {
            task.await;
        }
        opener.await;
    });
}

#[test]
fn values_are_handed_on_by_children_in_every_order() {
    in_every_order(|_| async {
        let (sender, receiver) = async_channel::bounded(1);
        let feeders = [1, 2, 3].map(|number| {
            let sender = sender.clone();
            let feeds = async move { sender.send(number).await.unwrap() };
            eager(feeds, |rest| spawn(rest))
        });
        drop(sender);
        // The first leg of the first one had room.
        assert!(feeders[0].is_ready() && !feeders[1].is_ready());
        let mut got = Vec::new();
        while let Ok(number) = receiver.recv().await {
            got.push(number);
        }
        got.sort_unstable();
        assert_eq!(got, [1, 2, 3]);
        for feeder in feeders {
            feeder.await;
        }
    });
}

#[test]
fn a_probe_follows_a_task_in_every_order() {
    in_every_order(|_| async {
        let future = Inspect::new(async {
            yield_now().await;
            yield_now().await;
        });
        let probe = future.probe();
        assert_eq!(probe.state(), CoroState::New);
        let child = eager(future, |rest| spawn(rest));
        assert_eq!(probe.state(), CoroState::Suspended);
        while !child.is_finished() {
            assert_eq!(probe.state(), CoroState::Suspended);
            yield_now().await;
        }
        assert_eq!(probe.state(), CoroState::Taken);
    });
}

/// Whoever awaits a reference may be dropped; the next one gets the value.
#[test]
#[expect(
    clippy::await_holding_refcell_ref,
    reason = "a future that is dropped gives back what it has borrowed"
)]
fn an_await_that_is_dropped_anywhere_loses_nothing() {
    dropped_anywhere(3, |lab| async move {
        let body = |number| async move {
            yield_now().await;
            yield_now().await;
            number
        };
        let task: Eager<u32, Task<u32>> = eager(body(1), |rest| spawn(rest));
        let (task, kept) = (RefCell::new(task), RefCell::new(start_boxed(body(2))));
        let held = RefCell::new(cancelling(spawn(body(3)), drop));
        let all = Rc::new((task, kept, held));

        let shared = Rc::clone(&all);
        let waits = lab.victim("task", async move { (&mut *shared.0.borrow_mut()).await });
        yield_now().await;
        let first = match waits.await {
            Some(number) => number,
            None => (&mut *all.0.borrow_mut()).await,
        };
        let shared = Rc::clone(&all);
        let waits = lab.victim("kept", async move { (&mut *shared.1.borrow_mut()).await });
        yield_now().await;
        let second = match waits.await {
            Some(number) => number,
            None => (&mut *all.1.borrow_mut()).await,
        };
        let shared = Rc::clone(&all);
        let waits = lab.victim("held", async move { (&mut *shared.2.borrow_mut()).await });
        yield_now().await;
        let third = match waits.await {
            Some(number) => number,
            None => (&mut *all.2.borrow_mut()).await,
        };
        assert_eq!([first, second, third], [1, 2, 3]);
        assert!(all.0.borrow().is_terminated() && all.1.borrow().is_terminated());
    });
}

#[test]
fn a_scope_that_is_dropped_anywhere_takes_its_child_with_it() {
    dropped_anywhere(1, |lab| async move {
        let alive = Rc::new(());
        let held = Rc::clone(&alive);
        let scope = eager_scope(
            async move {
                pending::<()>().await;
                drop(held);
            },
            |rest| spawn(rest),
            async |_| {
                yield_now().await;
                yield_now().await;
            },
        );
        spawn(lab.victim("scope", scope)).await;
        settle().await;
        assert_eq!(Rc::strong_count(&alive), 1);
    });
}

#[test]
fn a_handle_that_cancels_is_dropped_anywhere_and_its_task_ends() {
    dropped_anywhere(1, |lab| async move {
        let (alive, cancelled) = (Rc::new(()), Rc::new(Cell::new(0)));
        let held = Rc::clone(&alive);
        let task = spawn(async move {
            for _ in 0..3 {
                yield_now().await;
            }
            drop(held);
        });
        let count = Rc::clone(&cancelled);
        let handle = cancelling(task, move |task: Task<()>| {
            count.set(count.get() + 1);
            drop(task);
        });
        let outcome = spawn(lab.victim("handle", handle)).await;
        assert_eq!(cancelled.get(), u32::from(outcome.is_none()));
        settle().await;
        assert_eq!(Rc::strong_count(&alive), 1);
    });
}

/// Whoever waits for a start may be dropped: the error is the waiter's or the group's, never nobody's.
#[test]
fn an_error_before_the_start_is_heard_wherever_the_waiter_is_dropped() {
    dropped_anywhere(1, |lab| async move {
        let group = EagerTaskGroup::<&str, _>::new(spawn);
        let start = group.start(async |status: Status<u32, _>| {
            yield_now().await;
            yield_now().await;
            drop(status);
            Err("before")
        });
        let heard = spawn(lab.victim("start", start)).await;
        match (heard, group.join().await) {
            (Some(Err(StartError::Failed("before"))), Ok(())) => {}
            (None, Err(error)) => assert_eq!(error.errors(), ["before"]),
            other => panic!("{other:?}"),
        }
    });
}

#[test]
fn a_group_whose_body_is_dropped_anywhere_leaves_no_child() {
    dropped_anywhere(1, |lab| async move {
        let alive = Rc::new(());
        let held = Rc::clone(&alive);
        let runs = EagerTaskGroup::<(), _>::run(spawn, async move |group| {
            for _ in 0..2 {
                let (held, handle) = (Rc::clone(&held), group.clone());
                group.start_soon(async move {
                    yield_now().await;
                    handle.start_soon(async move {
                        yield_now().await;
                        drop(held);
                        Ok(())
                    })
                })?;
            }
            yield_now().await;
            drop(held);
            Ok(())
        });
        let ran = spawn(lab.victim("group", runs)).await;
        assert!(matches!(ran, None | Some(Ok(()))), "{ran:?}");
        settle().await;
        assert_eq!(Rc::strong_count(&alive), 1);
    });
}
