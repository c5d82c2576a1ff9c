//! Children that borrow, and never outlive their scope.
#![cfg(not(loom))]

mod support;

use std::cell::{Cell, RefCell};
use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};

use corokit_parallel_serial::{Scope, gather, scope};
use futures_lite::future::{block_on, poll_once, yield_now};
use support::{Wakes, gates, poll};

#[test]
fn children_borrow_and_change_what_is_outside() {
    let mut numbers = vec![1, 2, 3];
    let sum = Cell::new(0);
    block_on(scope(|s| {
        let sum = &sum;
        let numbers = &mut numbers;
        async move {
            for number in numbers {
                s.spawn(async move {
                    yield_now().await;
                    *number *= 2;
                    sum.set(sum.get() + *number);
                });
            }
            s.join().await;
        }
    }));
    assert_eq!((numbers, sum.get()), (vec![2, 4, 6], 12));
}

#[test]
fn the_end_of_the_body_cancels_what_is_left() {
    let (gates, waits) = gates::<()>(3);
    let output = block_on(scope(|s| async move {
        for wait in waits {
            s.spawn(wait);
        }
        yield_now().await;
        s.spawn(async { unreachable!("its turn would have come after the body's") });
        "done"
    }));
    assert_eq!(output, "done");
    assert!(
        gates
            .iter()
            .all(|gate| gate.is_dropped() && gate.polls() == 1)
    );
}

#[test]
fn a_child_is_polled_only_when_it_was_woken() {
    let (gates, waits) = gates::<()>(1_000);
    let mut run = pin!(scope(|s| async move {
        for wait in waits {
            s.spawn(wait);
        }
        s.join().await;
    }));
    let (wakes, waker) = Wakes::new();
    let mut cx = Context::from_waker(&waker);
    assert!(run.as_mut().poll(&mut cx).is_pending());
    gates[500].wake();
    assert_eq!(wakes.take(), 1);
    assert!(run.as_mut().poll(&mut cx).is_pending());
    let polls: usize = gates.iter().map(|gate| gate.polls()).sum();
    assert_eq!(polls, 1_001);
    for gate in &gates {
        gate.open(());
    }
    assert!(run.as_mut().poll(&mut cx).is_pending());
    // The last child has woken the body.
    assert_eq!(wakes.take(), 2);
    assert!(run.as_mut().poll(&mut cx).is_ready());
}

#[test]
fn children_spawn_children_and_wait_for_each_other() {
    fn tree<'env>(
        s: Scope<'env>,
        leaves: &'env Cell<u32>,
        depth: u32,
    ) -> Pin<Box<dyn Future<Output = u32> + 'env>> {
        Box::pin(async move {
            if depth == 0 {
                leaves.set(leaves.get() + 1);
                return 1;
            }
            let halves = [0, 1].map(|_| s.spawn(tree(s.clone(), leaves, depth - 1)));
            gather(halves).await.into_iter().sum()
        })
    }
    let leaves = Cell::new(0);
    let sum = block_on(scope(|s| {
        let root = s.spawn(tree(s.clone(), &leaves, 6));
        async move {
            let sum = root.await;
            assert!(s.is_empty());
            sum
        }
    }));
    assert_eq!((sum, leaves.get()), (64, 64));
}

#[test]
fn the_first_panic_comes_after_everybody_is_gone() {
    let log = RefCell::new(Vec::new());
    struct Note<'a>(&'a RefCell<Vec<&'static str>>, &'static str);
    impl Drop for Note<'_> {
        fn drop(&mut self) {
            self.0.borrow_mut().push(self.1);
        }
    }
    let caught = catch_unwind(AssertUnwindSafe(|| {
        block_on(scope(|s| {
            let log = &log;
            async move {
                let _note = Note(log, "body");
                s.spawn(async move {
                    let _note = Note(log, "sibling");
                    pending::<()>().await;
                });
                s.spawn(async {
                    yield_now().await;
                    panic!("first");
                });
                s.spawn(async {
                    yield_now().await;
                    yield_now().await;
                    panic!("second");
                });
                pending::<()>().await;
            }
        }));
    }));
    assert_eq!(*caught.unwrap_err().downcast::<&str>().unwrap(), "first");
    assert_eq!(*log.borrow(), ["body", "sibling"]);

    // A panic of the body is the same.
    log.borrow_mut().clear();
    let caught = catch_unwind(AssertUnwindSafe(|| {
        block_on(scope(|s| {
            let log = &log;
            async move {
                s.spawn(async move {
                    let _note = Note(log, "child");
                    pending::<()>().await;
                });
                yield_now().await;
                panic!("body");
            }
        }))
    }));
    assert_eq!(*caught.unwrap_err().downcast::<&str>().unwrap(), "body");
    assert_eq!(*log.borrow(), ["child"]);
}

#[test]
fn a_destructor_that_panics_does_not_replace_the_first_panic() {
    struct Bad;
    impl Drop for Bad {
        fn drop(&mut self) {
            panic!("in a destructor");
        }
    }
    let caught = catch_unwind(|| {
        block_on(scope(|s| async move {
            s.spawn(async {
                let _bad = Bad;
                pending::<()>().await;
            });
            yield_now().await;
            panic!("first");
        }))
    });
    assert_eq!(*caught.unwrap_err().downcast::<&str>().unwrap(), "first");
}

#[test]
fn one_child_can_be_ended() {
    block_on(scope(|s| async move {
        let (gates, mut waits) = gates::<u32>(2);
        let late = s.spawn(waits.pop().unwrap());
        let child = s.spawn(waits.pop().unwrap());
        yield_now().await;
        assert_eq!(child.cancel().await, None);
        assert!(gates[0].is_dropped() && !gates[1].is_dropped());
        // Its number is another's now, and that one is not touched.
        let other = s.spawn(async { 5 });
        // Ended is ended, also if it could have gone on; complete is complete.
        gates[1].open(4);
        yield_now().await;
        assert!(late.is_finished());
        assert_eq!(late.cancel().await, Some(4));
        assert_eq!(other.await, 5);
        // One that has not begun.
        assert_eq!(s.spawn(pending::<()>()).cancel().await, None);
        assert!(s.is_empty());
    }));
}

#[test]
fn a_child_that_ends_in_the_turn_in_which_it_is_ended_takes_nobody_with_it() {
    block_on(scope(|s| async move {
        let (gates, mut waits) = gates::<u32>(1);
        let target = Rc::new(RefCell::new(None));
        let shared = Rc::clone(&target);
        let inner = s.clone();
        let outcome = s.spawn(async move {
            yield_now().await;
            let target: corokit_parallel_serial::ScopeTask<'_, u32> = shared.take().unwrap();
            // This takes the number that becomes free in this turn.
            let bystander = inner.spawn(async {
                yield_now().await;
                "still here"
            });
            (target.cancel().await, bystander.await)
        });
        *target.borrow_mut() = Some(s.spawn(waits.pop().unwrap()));
        yield_now().await;
        // Its turn comes right after that of the one which ends it.
        gates[0].open(1);
        assert_eq!(outcome.await, (Some(1), "still here"));
    }));
}

#[test]
#[should_panic(expected = "a child of a scope cannot wait for all children")]
fn a_child_that_waits_for_all_is_told() {
    block_on(scope(|s| async move {
        let inner = s.clone();
        s.spawn(async move { inner.join().await }).await;
    }));
}

/// Waits that are given up leave nothing behind, and take nothing from the others.
#[test]
fn a_wait_that_is_dropped_was_never_there() {
    let (gates, mut waits) = gates::<()>(1);
    let wait = waits.pop().unwrap();
    let mut run = pin!(scope(|s| async move {
        let mut child = s.spawn(wait);
        let (wakes, waker) = Wakes::new();
        let polled = Pin::new(&mut child).poll(&mut Context::from_waker(&waker));
        assert!(polled.is_pending());
        drop(child);
        let mut dropped = Box::pin(s.join());
        let mut stays = pin!(s.join());
        for _ in 0..3 {
            let mut cx = Context::from_waker(&waker);
            assert!(dropped.as_mut().poll(&mut cx).is_pending());
            assert!(stays.as_mut().poll(&mut cx).is_pending());
        }
        drop(waker);
        assert_eq!(std::sync::Arc::strong_count(&wakes), 3);
        drop(dropped);
        assert_eq!(std::sync::Arc::strong_count(&wakes), 2);
        stays.as_mut().await;
        // One that is over and waits again.
        s.spawn(yield_now());
        stays.await;
        assert!(s.is_empty());
        assert_eq!(std::sync::Arc::strong_count(&wakes), 1);
    }));
    assert!(poll(run.as_mut()).is_pending());
    gates[0].open(());
    assert_eq!(block_on(run), ());
}

#[test]
fn a_scope_that_is_kept_is_over_with_its_run() {
    let (mut kept, mut task) = (None, None);
    block_on(scope(|s| {
        kept = Some(s.clone());
        task = Some(s.spawn(pending::<()>()));
        async {}
    }));
    let task = task.unwrap();
    assert!(task.is_finished());
    let polled = catch_unwind(AssertUnwindSafe(|| block_on(poll_once(task))));
    assert!(polled.is_err());
    let spawned = catch_unwind(AssertUnwindSafe(|| kept.unwrap().spawn(async {})));
    assert!(spawned.is_err());
}

#[test]
fn spawning_from_outside_wakes_the_scope() {
    let done = Cell::new(false);
    let handle = RefCell::new(None);
    let mut run = pin!(scope(|s| {
        *handle.borrow_mut() = Some(s);
        pending::<()>()
    }));
    let (wakes, waker) = Wakes::new();
    let mut cx = Context::from_waker(&waker);
    assert!(run.as_mut().poll(&mut cx).is_pending());
    let s = handle.take().unwrap();
    s.spawn(async { done.set(true) });
    assert_eq!(wakes.take(), 1);
    assert!(run.as_mut().poll(&mut cx).is_pending());
    assert!(done.get());
}

#[test]
fn dropped_at_every_poll() {
    for polls in 0..8 {
        let alive = Rc::new(());
        let mut run = Box::pin(scope(|s| {
            let alive = Rc::clone(&alive);
            async move {
                for _ in 0..3 {
                    let (alive, inner) = (Rc::clone(&alive), s.clone());
                    s.spawn(async move {
                        yield_now().await;
                        let alive = Rc::clone(&alive);
                        inner.spawn(async move {
                            let _alive = alive;
                            yield_now().await;
                        });
                    });
                    yield_now().await;
                }
                s.join().await;
            }
        }));
        let done = (0..polls).any(|_| poll(run.as_mut()) == Poll::Ready(()));
        assert_eq!(done, polls >= 7, "{polls}");
        drop(run);
        assert_eq!(Rc::strong_count(&alive), 1, "{polls}");
    }
}

#[test]
fn it_runs_on_every_executor() {
    async fn check() {
        let words = ["a".to_owned()];
        let word = scope(|s| {
            let words = &words;
            async move { s.spawn(async { words[0].clone() }).await }
        });
        assert_eq!(word.await, "a");
    }
    let executor = smol::LocalExecutor::new();
    smol::block_on(executor.run(executor.spawn(check())));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async { tokio::task::LocalSet::new().run_until(check()).await });
    corokit_sched_loop::run(async { corokit_sched_loop::spawn(check()).await });
}
