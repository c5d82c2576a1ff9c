//! Regions and shields: nested, side by side, moved, dropped, and in the hands of others.

mod support;

use std::cell::RefCell;
use std::future::{Future, pending, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use async_channel::unbounded;
use corokit_sched_loop::{
    self as sched_loop, EventLoop, Interrupt, InterruptError, Outcome, TaskExt, interruptible,
    shield, spawn, spawn_interruptible, task_interrupt, task_throw,
};
use futures_lite::future::{block_on, poll_once, yield_now, zip};
use support::Log;

#[derive(Debug, PartialEq)]
struct A(u32);

#[derive(Debug, PartialEq)]
struct B(u32);

/// The innermost region gets it, and what comes after is in the outer one.
#[test]
fn of_nested_regions_the_innermost_is_interrupted() {
    let log = Log::new();
    sched_loop::run(async {
        let target = {
            let log = log.clone();
            spawn_interruptible(async move {
                let inner = interruptible::<A, _>(pending::<()>()).await;
                log.push(format_args!("inner {inner:?}"));
                pending::<()>().await;
            })
        };
        yield_now().await;
        assert_eq!(
            task_interrupt(target.id(), A(1)).await,
            Ok(Outcome::Delivered)
        );
        log.check(&["inner Err(Interrupt { reason: A(1) })"]);
        assert_eq!(
            task_interrupt(target.id(), A(2)).await,
            Ok(Outcome::Delivered)
        );
        assert_eq!(target.await, Err(Interrupt { reason: A(2) }));
    });
    log.check(&[]);
}

#[test]
fn a_payload_passes_regions_of_other_types() {
    let log = Log::new();
    sched_loop::run(async {
        let target = {
            let log = log.clone();
            spawn_interruptible(async move {
                let held = log.on_drop("inner dropped");
                let inner = interruptible::<B, _>(async {
                    let _held = held;
                    pending::<()>().await;
                });
                let _ = inner.await;
                log.push("never");
            })
        };
        yield_now().await;
        assert_eq!(
            task_interrupt(target.id(), A(1)).await,
            Ok(Outcome::Delivered)
        );
        log.check(&["inner dropped"]);
        assert_eq!(target.await, Err(Interrupt { reason: A(1) }));
    });
}

#[test]
fn if_an_outer_and_an_inner_region_are_thrown_at_the_outer_one_ends() {
    sched_loop::run(async {
        let target = spawn_interruptible(async {
            let _ = interruptible::<B, _>(pending::<()>()).await;
            unreachable!();
        });
        yield_now().await;
        let mut inner = task_interrupt(target.id(), B(1));
        assert!(poll_once(&mut inner).await.is_none());
        assert_eq!(
            task_interrupt(target.id(), A(2)).await,
            Ok(Outcome::Delivered)
        );
        assert_eq!(inner.await, Ok(Outcome::Dropped(B(1))));
        assert_eq!(target.await, Err::<(), _>(Interrupt { reason: A(2) }));
    });
}

/// There are no pending interrupts: what comes too late has not come.
#[test]
fn a_region_that_was_left_gets_nothing_and_nothing_hits_later_code() {
    sched_loop::run(async {
        let (sender, receiver) = unbounded::<()>();
        let target = spawn(async move {
            let quick = interruptible::<A, _>(async { 1 }).await;
            assert_eq!(quick, Ok(1));
            receiver.recv().await.unwrap();
            interruptible::<A, _>(yield_now()).await
        });
        yield_now().await;
        let error = task_throw(target.id(), A(1)).unwrap_err();
        assert_eq!(error.error, InterruptError::NotInterruptible(target.id()));
        sender.send(()).await.unwrap();
        assert_eq!(target.await, Ok(()));
    });
}

/// In branches of a join, the one that was entered last; the other branch goes on.
#[test]
fn of_regions_side_by_side_the_last_one_entered_is_interrupted() {
    sched_loop::run(async {
        let (sender, receiver) = unbounded();
        let target = spawn(async move {
            zip(
                interruptible::<A, _>(receiver.recv()),
                interruptible::<A, _>(pending::<()>()),
            )
            .await
        });
        yield_now().await;
        assert_eq!(
            task_interrupt(target.id(), A(1)).await,
            Ok(Outcome::Delivered)
        );
        sender.send(7).await.unwrap();
        assert_eq!(target.await, (Ok(Ok(7)), Err(Interrupt { reason: A(1) })));
    });
}

/// The same when the first branch goes first: it is taken out of the middle of the list.
#[test]
fn regions_side_by_side_are_left_in_any_order() {
    sched_loop::run(async {
        let (sender, receiver) = unbounded();
        let target = spawn(async move {
            let branches = zip(
                interruptible::<A, _>(receiver.recv()),
                interruptible::<A, _>(pending::<()>()),
            );
            zip(branches, interruptible::<B, _>(pending::<()>())).await
        });
        yield_now().await;
        sender.send(7).await.unwrap();
        yield_now().await;
        assert_eq!(
            task_interrupt(target.id(), B(1)).await,
            Ok(Outcome::Delivered)
        );
        assert_eq!(
            task_interrupt(target.id(), A(2)).await,
            Ok(Outcome::Delivered)
        );
        let ((left, middle), right) = target.await;
        assert_eq!(left, Ok(Ok(7)));
        assert_eq!(middle, Err(Interrupt { reason: A(2) }));
        assert_eq!(right, Err(Interrupt { reason: B(1) }));
    });
}

/// The list of a task's regions holds together wherever one is taken out of it.
#[test]
fn the_last_of_several_regions_is_found_when_those_before_it_have_been_left() {
    sched_loop::run(async {
        let (oldest, oldest_done) = unbounded::<()>();
        let (middle, middle_done) = unbounded::<()>();
        let target = spawn(async move {
            let two = zip(
                interruptible::<A, _>(oldest_done.recv()),
                interruptible::<A, _>(middle_done.recv()),
            );
            zip(two, interruptible::<A, _>(pending::<()>())).await
        });
        yield_now().await;
        middle.send(()).await.unwrap();
        yield_now().await;
        oldest.send(()).await.unwrap();
        yield_now().await;
        assert_eq!(
            task_interrupt(target.id(), A(1)).await,
            Ok(Outcome::Delivered)
        );
        assert_eq!(target.await.1, Err(Interrupt { reason: A(1) }));
    });
}

#[test]
fn the_first_of_several_regions_is_found_when_the_one_after_it_has_been_left() {
    sched_loop::run(async {
        let (middle, middle_done) = unbounded::<()>();
        let target = spawn(async move {
            let two = zip(
                interruptible::<A, _>(pending::<()>()),
                interruptible::<B, _>(middle_done.recv()),
            );
            zip(two, interruptible::<B, _>(pending::<()>())).await
        });
        yield_now().await;
        middle.send(()).await.unwrap();
        yield_now().await;
        assert_eq!(
            task_interrupt(target.id(), A(1)).await,
            Ok(Outcome::Delivered)
        );
        assert_eq!(
            task_interrupt(target.id(), B(2)).await,
            Ok(Outcome::Delivered)
        );
        let ((first, middle), last) = target.await;
        assert_eq!(first, Err(Interrupt { reason: A(1) }));
        assert_eq!(middle, Ok(Ok(())));
        assert_eq!(last, Err(Interrupt { reason: B(2) }));
    });
}

#[test]
fn a_shield_defers_to_the_first_wait_after_it() {
    let log = Log::new();
    sched_loop::run(async {
        let (sender, receiver) = unbounded();
        let target = {
            let log = log.clone();
            spawn_interruptible(async move {
                let log = &log;
                shield(async {
                    receiver.recv().await.unwrap();
                    log.push("first half");
                    receiver.recv().await.unwrap();
                    log.push("second half");
                })
                .await;
                log.push("after the shield");
                pending::<()>().await;
            })
        };
        yield_now().await;
        let other = spawn(async {});
        let mut interrupt = task_interrupt(target.id(), A(1));
        assert!(poll_once(&mut interrupt).await.is_none());
        // It is not woken, not moved, and waits for what it waits for.
        let handle = sched_loop::current().unwrap();
        let ready = handle.with(|executor| executor.ready_ids());
        assert_eq!(ready, Ok(vec![other.id()]));
        for expected in ["first half", "second half"] {
            sender.send(()).await.unwrap();
            yield_now().await;
            let mut events = vec![expected];
            if expected == "second half" {
                events.push("after the shield");
            }
            log.check(&events);
        }
        assert_eq!(interrupt.await, Ok(Outcome::Delivered));
        assert_eq!(target.await, Err(Interrupt { reason: A(1) }));
    });
}

#[test]
fn a_region_that_completes_with_its_shield_is_not_interrupted() {
    sched_loop::run(async {
        let target = spawn_interruptible::<A, _>(async {
            shield(yield_now()).await;
            "completed"
        });
        yield_now().await;
        let mut interrupt = task_interrupt(target.id(), A(1));
        assert!(poll_once(&mut interrupt).await.is_none());
        assert_eq!(target.await, Ok("completed"));
        assert_eq!(interrupt.await, Ok(Outcome::Completed(A(1))));
    });
}

/// One shield after the other without a wait between is one shield.
#[test]
fn a_shield_that_follows_a_shield_defers_on() {
    let log = Log::new();
    sched_loop::run(async {
        let target = {
            let log = log.clone();
            spawn_interruptible(async move {
                for n in 0..3 {
                    shield(yield_now()).await;
                    log.push(n);
                }
                yield_now().await;
                log.push("never");
            })
        };
        yield_now().await;
        assert_eq!(
            task_interrupt(target.id(), A(1)).await,
            Ok(Outcome::Delivered)
        );
        assert_eq!(target.await, Err(Interrupt { reason: A(1) }));
    });
    log.check(&["0", "1", "2"]);
}

#[test]
fn a_region_inside_of_a_shield_takes_its_own() {
    sched_loop::run(async {
        let target = spawn_interruptible::<B, _>(async {
            let inner = shield(interruptible::<A, _>(pending::<()>())).await;
            assert_eq!(inner, Err(Interrupt { reason: A(2) }));
            "completed"
        });
        yield_now().await;
        let mut outer = task_interrupt(target.id(), B(1));
        assert!(poll_once(&mut outer).await.is_none());
        assert_eq!(
            task_interrupt(target.id(), A(2)).await,
            Ok(Outcome::Delivered)
        );
        assert_eq!(outer.await, Ok(Outcome::Completed(B(1))));
        assert_eq!(target.await, Ok("completed"));
    });
}

/// A shield protects what is inside from what is around it, not its neighbours.
#[test]
fn a_shield_in_one_branch_does_not_shield_the_other() {
    sched_loop::run(async {
        let (sender, receiver) = unbounded();
        let target = spawn(async move {
            let shielded = interruptible::<A, _>(shield(receiver.recv()));
            zip(shielded, interruptible::<B, _>(pending::<()>())).await
        });
        yield_now().await;
        let mut deferred = task_interrupt(target.id(), A(1));
        assert!(poll_once(&mut deferred).await.is_none());
        assert_eq!(
            task_interrupt(target.id(), B(2)).await,
            Ok(Outcome::Delivered)
        );
        sender.send(7).await.unwrap();
        assert_eq!(target.await, (Ok(Ok(7)), Err(Interrupt { reason: B(2) })));
        assert_eq!(deferred.await, Ok(Outcome::Completed(A(1))));
    });
}

#[test]
fn a_shield_does_not_hold_up_a_cancellation() {
    let log = Log::new();
    sched_loop::run(async {
        let held = log.on_drop("dropped");
        let target = spawn_interruptible::<A, _>(shield(async move {
            let _held = held;
            pending::<()>().await;
        }));
        yield_now().await;
        let mut interrupt = task_interrupt(target.id(), A(1));
        assert!(poll_once(&mut interrupt).await.is_none());
        assert!(target.cancel().await.is_none());
        log.check(&["dropped"]);
        assert_eq!(interrupt.await, Ok(Outcome::Dropped(A(1))));
    });
}

/// A shield that ends outside of its region's poll lets the region know.
#[test]
fn a_shield_that_is_dropped_elsewhere_releases_the_region() {
    type Shared = Rc<RefCell<Option<Pin<Box<dyn Future<Output = ()>>>>>>;
    sched_loop::run(async {
        let shared: Shared = Rc::new(RefCell::new(Some(Box::pin(shield(pending())))));
        let target = {
            let shared = Rc::clone(&shared);
            spawn_interruptible::<A, ()>(poll_fn(move |cx| match shared.borrow_mut().as_mut() {
                Some(shielded) => shielded.as_mut().poll(cx),
                None => Poll::Pending,
            }))
        };
        yield_now().await;
        let mut interrupt = task_interrupt(target.id(), A(1));
        assert!(poll_once(&mut interrupt).await.is_none());
        yield_now().await;
        assert!(!target.is_finished());
        drop(shared.take());
        assert_eq!(interrupt.await, Ok(Outcome::Delivered));
        assert_eq!(target.await, Err(Interrupt { reason: A(1) }));
    });
}

/// A future that is polled now inside of one region and then inside of another takes its shields
/// along.
#[test]
fn a_shield_that_moves_shields_where_it_is() {
    type Shared = Rc<RefCell<Pin<Box<dyn Future<Output = ()>>>>>;
    let poll_shared = |shared: &Shared| {
        let shared = Rc::clone(shared);
        poll_fn(move |cx: &mut Context<'_>| shared.borrow_mut().as_mut().poll(cx))
    };
    sched_loop::run(async {
        let shared: Shared = Rc::new(RefCell::new(Box::pin(async {
            let _ = interruptible::<B, _>(shield(pending::<()>())).await;
        })));
        let first = spawn_interruptible::<A, ()>(poll_shared(&shared));
        yield_now().await;
        let mut interrupt_first = task_interrupt(first.id(), A(1));
        assert!(poll_once(&mut interrupt_first).await.is_none());
        // The other task takes over: the first one can be interrupted now, and the other cannot.
        let other = spawn_interruptible::<A, ()>(poll_shared(&shared));
        yield_now().await;
        let mut interrupt_other = task_interrupt(other.id(), A(2));
        assert!(poll_once(&mut interrupt_other).await.is_none());
        assert_eq!(interrupt_first.await, Ok(Outcome::Delivered));
        assert_eq!(first.await, Err(Interrupt { reason: A(1) }));
        assert!(poll_once(&mut interrupt_other).await.is_none());
        drop(other);
        assert_eq!(interrupt_other.await, Ok(Outcome::Dropped(A(2))));
    });
}

#[test]
fn a_region_that_is_moved_to_another_task_is_that_tasks() {
    sched_loop::run(async {
        let region = Box::pin(interruptible::<A, _>(pending::<()>()));
        let (sender, receiver) = unbounded();
        let first = spawn(async move {
            let mut region = region;
            assert!(poll_once(&mut region).await.is_none());
            yield_now().await;
            sender.send(region).await.unwrap();
            pending::<()>().await;
        });
        let second = spawn(async move {
            let region = receiver.recv().await.unwrap();
            region.await
        });
        yield_now().await;
        // What is thrown at it while nobody polls it goes along.
        let mut early = task_interrupt(first.id(), A(1));
        assert!(poll_once(&mut early).await.is_none());
        let error = task_throw(second.id(), A(2)).unwrap_err();
        assert_eq!(error.error, InterruptError::NotInterruptible(second.id()));
        assert_eq!(early.await, Ok(Outcome::Delivered));
        assert_eq!(second.await, Err(Interrupt { reason: A(1) }));
    });
}

/// As the one above, with the throw after the move.
#[test]
fn a_region_that_was_moved_is_found_where_it_is() {
    sched_loop::run(async {
        let mut region = Box::pin(interruptible::<A, _>(pending::<()>()));
        assert!(poll_once(&mut region).await.is_none());
        let task = spawn(region);
        yield_now().await;
        assert_eq!(
            task_interrupt(task.id(), A(1)).await,
            Ok(Outcome::Delivered)
        );
        assert_eq!(task.await, Err(Interrupt { reason: A(1) }));
    });
}

/// The task does not poll the region: it stays pending until it does.
#[test]
fn a_region_that_is_not_polled_keeps_the_payload() {
    sched_loop::run(async {
        let (sender, receiver) = unbounded::<()>();
        let target = spawn(async move {
            let mut region = Box::pin(interruptible::<A, _>(pending::<()>()));
            assert!(poll_once(&mut region).await.is_none());
            receiver.recv().await.unwrap();
            region.await
        });
        yield_now().await;
        let mut interrupt = task_interrupt(target.id(), A(1));
        assert!(poll_once(&mut interrupt).await.is_none());
        for _ in 0..3 {
            yield_now().await;
            assert!(poll_once(&mut interrupt).await.is_none());
        }
        sender.send(()).await.unwrap();
        assert_eq!(interrupt.await, Ok(Outcome::Delivered));
        assert_eq!(target.await, Err(Interrupt { reason: A(1) }));
    });
}

/// An eager child has an identity of its own, from its first instruction: its regions and shields
/// are not its parent's.
#[test]
fn an_eager_child_is_not_in_the_regions_of_its_parent() {
    sched_loop::run(async {
        let parent = spawn_interruptible::<A, _>(async {
            let handle = sched_loop::current().unwrap();
            let child = handle
                .with(|executor| executor.eager(shield(interruptible::<B, _>(pending::<()>()))));
            let child = child.unwrap();
            pending::<()>().await;
            drop(child);
        });
        yield_now().await;
        let error = task_throw(parent.id(), B(1)).unwrap_err();
        assert_eq!(error.error, InterruptError::NotInterruptible(parent.id()));
        // The child's shield is not in the way.
        assert_eq!(
            task_interrupt(parent.id(), A(2)).await,
            Ok(Outcome::Delivered)
        );
        assert_eq!(parent.await, Err(Interrupt { reason: A(2) }));
    });
}

#[test]
fn an_eager_child_can_be_interrupted_after_its_first_leg() {
    sched_loop::run(async {
        let handle = sched_loop::current().unwrap();
        let child = handle
            .with(|executor| {
                executor.eager(async {
                    let handle = sched_loop::current().unwrap();
                    let me = handle.with(|executor| executor.current_task());
                    spawn(task_interrupt(me.unwrap().unwrap(), A(1))).detach();
                    interruptible::<A, _>(pending::<()>()).await
                })
            })
            .unwrap();
        assert_eq!(child.await, Err(Interrupt { reason: A(1) }));
    });
}

/// A loop that runs inside of a task has tasks and regions of its own.
#[test]
fn nested_loops_keep_their_regions_apart() {
    sched_loop::run(async {
        let outer = spawn_interruptible::<A, _>(async {
            sched_loop::run(async {
                let inner = spawn_interruptible::<A, _>(shield(async {
                    yield_now().await;
                    yield_now().await;
                }));
                yield_now().await;
                let mut deferred = task_interrupt(inner.id(), A(1));
                assert!(poll_once(&mut deferred).await.is_none());
                assert_eq!(inner.await, Ok(()));
                assert_eq!(deferred.await, Ok(Outcome::Completed(A(1))));
            });
            pending::<()>().await;
        });
        yield_now().await;
        assert_eq!(
            task_interrupt(outer.id(), A(2)).await,
            Ok(Outcome::Delivered)
        );
        assert_eq!(outer.await, Err(Interrupt { reason: A(2) }));
    });
}

/// What a task of an inner loop shields is nothing to the region that the inner loop ran in.
#[test]
fn a_shield_in_a_nested_loop_does_not_shield_the_task_that_ran_it() {
    let inner = Rc::new(EventLoop::new());
    inner.spawn(shield(pending::<()>())).detach();
    let stepped = Rc::clone(&inner);
    sched_loop::run(async {
        let outer = spawn_interruptible::<A, _>(async move {
            stepped.run(yield_now());
            pending::<()>().await;
        });
        yield_now().await;
        assert_eq!(
            task_interrupt(outer.id(), A(1)).await,
            Ok(Outcome::Delivered)
        );
        assert_eq!(outer.await, Err(Interrupt { reason: A(1) }));
    });
}

/// A loop that is stepped by hand, from a task of another loop, is not the current one. The region
/// of a task as a whole is that task's all the same.
#[test]
fn a_task_that_is_polled_under_another_loop_keeps_its_region() {
    let stepped = EventLoop::new();
    let target = stepped
        .handle()
        .spawn_interruptible::<A, _>(pending::<()>());
    sched_loop::run(async {
        assert!(stepped.executor().try_tick());
    });
    let outcome = stepped.run(stepped.handle().task_interrupt(target.id(), A(1)));
    assert_eq!(outcome, Ok(Outcome::Delivered));
    assert_eq!(stepped.run(target), Err(Interrupt { reason: A(1) }));
}

/// Returns a future that polls one which others poll as well.
fn polled_by_many<F: Future>(
    future: &Rc<RefCell<Pin<Box<F>>>>,
) -> impl Future<Output = F::Output> + use<F> {
    let future = Rc::clone(future);
    poll_fn(move |cx| future.borrow_mut().as_mut().poll(cx))
}

/// A shield around a shield counts once more, also when both are moved together.
#[test]
fn shields_that_move_together_shield_where_they_are() {
    sched_loop::run(async {
        let (sender, receiver) = unbounded::<()>();
        let shielded = shield(shield(async move { receiver.recv().await }));
        let shielded = Rc::new(RefCell::new(Box::pin(shielded)));
        // Another task polls both shields within its region first.
        let first = spawn_interruptible::<A, _>(polled_by_many(&shielded));
        yield_now().await;
        assert_eq!(task_throw(first.id(), A(1)), Ok(None));
        let second = spawn_interruptible::<A, _>(polled_by_many(&shielded));
        yield_now().await;
        // The shields are gone from there, so what was deferred is delivered.
        assert!(matches!(first.await, Err(Interrupt { reason: A(1) })));
        let mut deferred = task_interrupt(second.id(), A(2));
        assert!(poll_once(&mut deferred).await.is_none());
        yield_now().await;
        assert!(!second.is_finished());
        sender.send(()).await.unwrap();
        assert_eq!(second.await, Ok(Ok(())));
        assert_eq!(deferred.await, Ok(Outcome::Completed(A(2))));
    });
}

/// A payload is dropped once, whatever becomes of it.
#[test]
fn a_payload_is_dropped_exactly_once() {
    struct Counted(Rc<std::cell::Cell<u32>>);
    impl Drop for Counted {
        fn drop(&mut self) {
            self.0.set(self.0.get() + 1);
        }
    }
    let drops = Rc::new(std::cell::Cell::new(0));
    let payload = || Counted(Rc::clone(&drops));
    let check = |expected: u32| assert_eq!(drops.replace(0), expected);
    sched_loop::run(async {
        let waiting = || spawn_interruptible::<Counted, _>(pending::<()>());

        let target = waiting();
        assert!(task_throw(target.id(), payload()).is_ok());
        check(0);
        assert!(target.await.is_err());
        check(1);

        let target = waiting();
        assert!(task_throw(target.id(), payload()).unwrap().is_none());
        assert!(task_throw(target.id(), payload()).unwrap().is_some());
        check(1);
        drop(target);
        yield_now().await;
        check(1);

        let target = waiting();
        let interrupt = task_interrupt(target.id(), payload());
        drop(interrupt);
        check(1);
        let mut interrupt = task_interrupt(target.id(), payload());
        assert!(poll_once(&mut interrupt).await.is_none());
        drop(target);
        yield_now().await;
        check(0);
        drop(interrupt);
        check(1);

        let target = waiting();
        let mut interrupt = task_interrupt(target.id(), payload());
        assert!(poll_once(&mut interrupt).await.is_none());
        drop(interrupt);
        check(0);
        drop(target);
        yield_now().await;
        check(1);

        let plain = spawn(pending::<()>());
        assert!(task_throw(plain.id(), payload()).is_err());
        check(1);
        let _left = waiting();
        assert!(task_throw(_left.id(), payload()).is_ok());
        check(0);
    });
    check(1);
}

/// The loop goes away with payloads on their way and answers outstanding.
#[test]
fn what_is_pending_when_the_loop_goes_away_comes_back() {
    let event_loop = EventLoop::new();
    let handle = event_loop.handle();
    let target = handle.spawn_interruptible::<A, _>(pending::<()>());
    let mut interrupt = handle.task_interrupt(target.id(), A(1));
    assert!(block_on(poll_once(&mut interrupt)).is_none());
    drop(event_loop);
    assert_eq!(block_on(interrupt), Ok(Outcome::Dropped(A(1))));
}

/// A destructor may throw at others, and at its own task, which is running.
#[test]
fn destructors_may_throw() {
    struct ThrowOnDrop(Vec<corokit_sched_loop::TaskId>, Log);
    impl Drop for ThrowOnDrop {
        fn drop(&mut self) {
            for id in &self.0 {
                let thrown = task_throw(*id, A(9)).map_err(|error| error.error);
                let result = match thrown {
                    Ok(replaced) => format!("{replaced:?}"),
                    Err(InterruptError::Running(_)) => String::from("running"),
                    Err(error) => error.to_string(),
                };
                self.1.push(result);
            }
        }
    }
    let log = Log::new();
    sched_loop::run(async {
        let other = spawn_interruptible::<A, _>(pending::<()>());
        let (sender, receiver) = unbounded();
        let target = {
            let log = log.clone();
            spawn_interruptible::<A, _>(async move {
                let ids = receiver.recv().await.unwrap();
                let _guard = ThrowOnDrop(ids, log);
                pending::<()>().await;
            })
        };
        sender.send(vec![other.id(), target.id()]).await.unwrap();
        yield_now().await;
        assert_eq!(
            task_interrupt(target.id(), A(1)).await,
            Ok(Outcome::Delivered)
        );
        assert_eq!(target.await, Err(Interrupt { reason: A(1) }));
        assert_eq!(other.await, Err(Interrupt { reason: A(9) }));
    });
    log.check(&["None", "running"]);
}

/// A destructor that panics at delivery: the task panics, and the payload comes back.
#[test]
fn destructors_may_panic() {
    struct PanicOnDrop;
    impl Drop for PanicOnDrop {
        fn drop(&mut self) {
            panic!("dropped");
        }
    }
    let event_loop = EventLoop::new();
    let handle = event_loop.handle();
    let panics = async {
        let _guard = PanicOnDrop;
        pending::<()>().await;
    };
    let target = handle.spawn_interruptible::<A, _>(panics);
    let target_id = target.id();
    let outcome = event_loop.run(async {
        yield_now().await;
        handle.task_interrupt(target_id, A(1)).await
    });
    assert_eq!(outcome, Ok(Outcome::Dropped(A(1))));
    let caught = catch_unwind(AssertUnwindSafe(|| event_loop.run(target)));
    assert_eq!(*caught.unwrap_err().downcast::<&str>().unwrap(), "dropped");

    // The thread's regions are in order: the next one is interrupted as usual.
    let next = handle.spawn_interruptible::<A, _>(pending::<()>());
    handle.task_throw(next.id(), A(2)).unwrap();
    assert_eq!(event_loop.run(next), Err(Interrupt { reason: A(2) }));
}

/// A poll that panics leaves its region, so that what runs next is not inside of it.
#[test]
fn a_poll_that_panics_leaves_its_region() {
    sched_loop::run(async {
        let panics = spawn_interruptible::<A, _>(async { panic!("polled") });
        let target = spawn_interruptible::<A, _>(shield(yield_now()));
        let mut interrupt = task_interrupt(target.id(), A(1));
        yield_now().await;
        assert!(poll_once(&mut interrupt).await.is_none());
        assert_eq!(interrupt.await, Ok(Outcome::Completed(A(1))));
        let panicked = catch_unwind(AssertUnwindSafe(|| block_on::<Result<(), _>>(panics)));
        assert!(panicked.is_err());
    });
}

/// Every future here, dropped after each number of polls, and polled once more than needed before.
#[test]
fn every_future_may_be_dropped_after_any_poll() {
    for polls in 0..4 {
        let log = Log::new();
        sched_loop::run(async {
            let held = log.on_drop("dropped");
            let mut region = Box::pin(interruptible::<A, _>(shield(async {
                let _held = held;
                pending::<()>().await;
            })));
            for _ in 0..polls {
                assert!(poll_once(&mut region).await.is_none());
            }
            log.check(&[]);
            drop(region);
            log.check(&["dropped"]);

            let target = spawn_interruptible::<A, _>(pending::<()>());
            let mut interrupt = Box::pin(task_interrupt(target.id(), A(1)));
            for _ in 0..polls {
                // A poll without a wake-up neither completes it nor throws again.
                assert!(poll_once(&mut interrupt).await.is_none());
            }
            drop(interrupt);
            let thrown = task_throw(target.id(), A(2)).unwrap();
            assert_eq!(thrown, (polls > 0).then_some(A(1)));
            assert_eq!(target.await, Err(Interrupt { reason: A(2) }));
        });
    }
}

#[test]
fn polls_without_a_wake_up_change_nothing() {
    sched_loop::run(async {
        let mut region = Box::pin(interruptible::<A, _>(pending::<()>()));
        let mut shielded = Box::pin(shield(pending::<()>()));
        let noop = &mut Context::from_waker(Waker::noop());
        for _ in 0..3 {
            assert!(region.as_mut().poll(noop).is_pending());
            assert!(shielded.as_mut().poll(noop).is_pending());
        }
        // The waker of the last poll counts.
        let handle = sched_loop::current().unwrap();
        let me = handle
            .with(|executor| executor.current_task())
            .unwrap()
            .unwrap();
        let thrower = spawn(async move { task_throw(me, A(1)) });
        assert_eq!(region.await, Err(Interrupt { reason: A(1) }));
        assert_eq!(thrower.await, Ok(None));
    });
}

#[test]
fn polling_after_completion_panics() {
    fn panics(mut future: impl Future + Unpin) {
        let context = &mut Context::from_waker(Waker::noop());
        assert!(Pin::new(&mut future).poll(context).is_ready());
        let again = catch_unwind(AssertUnwindSafe(|| {
            drop(Pin::new(&mut future).poll(context));
        }));
        assert_eq!(
            *again.unwrap_err().downcast::<&str>().unwrap(),
            "polled after completion"
        );
    }
    let task = EventLoop::new().spawn(async {});
    panics(Box::pin(interruptible::<A, _>(async {})));
    panics(Box::pin(shield(async {})));
    panics(task_interrupt(task.id(), A(1)));
}

/// A loop in a thread-local is dropped when there is no registry any more.
#[test]
fn regions_may_outlive_the_registry() {
    thread_local! {
        static LOOP: EventLoop = EventLoop::new();
    }
    let thread = std::thread::spawn(|| {
        LOOP.with(|event_loop| {
            let region = event_loop
                .handle()
                .spawn_interruptible::<A, _>(pending::<()>());
            event_loop
                .spawn(interruptible::<A, _>(shield(pending::<()>())))
                .detach();
            let wait = event_loop.handle().task_interrupt(region.id(), A(1));
            event_loop.spawn(wait).detach();
            region.detach();
            event_loop.run(yield_now());
        });
    });
    assert!(thread.join().is_ok());
}
