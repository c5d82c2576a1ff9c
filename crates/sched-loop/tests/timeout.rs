//! Timeouts: what asynkit's tests ask of them, and what only Rust has.

mod support;

use std::cell::{Cell, RefCell};
use std::future::{pending, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use async_channel::unbounded;
use async_lock::Mutex;
use corokit_sched_loop::{
    self as sched_loop, Interrupt, Outcome, TaskExt, TimedOut, interruptible, shield, spawn,
    spawn_interruptible, task_interrupt, task_timeout, task_timeout_at,
};
use futures_lite::future::{block_on, poll_once, yield_now, zip};
use support::Log;

const FAR: Duration = Duration::from_secs(3600);

/// A deadline that has passed.
fn past() -> Instant {
    let now = Instant::now();
    now.checked_sub(Duration::from_secs(1)).unwrap_or(now)
}

#[derive(Debug, PartialEq)]
struct Stop;

/// A `Duration` cannot be negative; a deadline can lie in the past.
#[test]
fn a_limit_is_hit_also_if_it_is_zero_or_past() {
    corokit_lab::run(0, |lab| async move {
        assert_eq!(task_timeout(FAR, pending::<()>()).await, Err(TimedOut));
        assert_eq!(lab.elapsed(), FAR);
        assert_eq!(
            task_timeout(Duration::ZERO, pending::<()>()).await,
            Err(TimedOut)
        );
        assert_eq!(
            task_timeout_at(past(), pending::<()>()).await,
            Err(TimedOut)
        );
        assert_eq!(lab.elapsed(), FAR);
        assert_eq!(task_timeout(FAR, yield_now()).await, Ok(()));
        assert_eq!(task_timeout(Duration::MAX, yield_now()).await, Ok(()));
    });
}

/// It hits where the body waits first, whatever that is.
#[test]
fn a_past_deadline_hits_the_first_wait() {
    let log = Log::new();
    sched_loop::run(async {
        let held = log.on_drop("dropped");
        let body = async {
            let _held = held;
            log.push("started");
            yield_now().await;
            log.push("never");
        };
        assert_eq!(task_timeout_at(past(), body).await, Err(TimedOut));
        log.push("timed out");
    });
    log.check(&["started", "dropped", "timed out"]);
}

#[test]
fn a_body_that_never_waits_is_not_hit() {
    sched_loop::run(async {
        assert_eq!(task_timeout_at(past(), async { 1 }).await, Ok(1));
        let (sender, receiver) = unbounded();
        sender.send(2).await.unwrap();
        assert_eq!(
            task_timeout(Duration::ZERO, receiver.recv()).await,
            Ok(Ok(2))
        );
    });
}

#[test]
fn a_task_that_is_awaited_by_reference_survives() {
    sched_loop::run(async {
        let (sender, receiver) = unbounded();
        let mut task = spawn(async move { receiver.recv().await });
        assert_eq!(task_timeout_at(past(), &mut task).await, Err(TimedOut));
        sender.send(3).await.unwrap();
        assert_eq!(task.await, Ok(3));
    });
}

#[test]
fn when_the_outer_timeout_hits_the_inner_one_does_not_report() {
    let log = Log::new();
    sched_loop::run(async {
        let outer = task_timeout_at(past(), async {
            let inner = task_timeout(FAR, pending::<()>()).await;
            log.push(format_args!("inner {inner:?}"));
        });
        assert_eq!(outer.await, Err(TimedOut));
    });
    log.check(&[]);
}

/// T4, the other way round.
#[test]
fn when_the_inner_timeout_hits_the_outer_one_does_not() {
    sched_loop::run(async {
        let outer = task_timeout(FAR, async {
            let inner = task_timeout_at(past(), pending::<()>()).await;
            assert_eq!(inner, Err(TimedOut));
            yield_now().await;
            "went on"
        });
        assert_eq!(outer.await, Ok("went on"));
    });
}

/// At the first wait as well as later.
#[test]
fn when_the_time_of_both_has_come_the_outer_one_hits() {
    let log = Log::new();
    let note = log.clone();
    corokit_lab::run(0, |_| async move {
        for limit in [Duration::ZERO, FAR] {
            let log = note.clone();
            let outer = task_timeout(limit, async move {
                let inner = task_timeout(limit, pending::<()>()).await;
                log.push(format_args!("inner {inner:?}"));
            });
            let mut outer = Box::pin(outer);
            assert!(poll_once(&mut outer).await.is_none());
            // The task comes late to its next turn.
            sched_loop::sleep(2 * limit).await;
            assert_eq!(outer.await, Err(TimedOut));
        }
    });
    log.check(&[]);
}

#[test]
fn without_a_limit_nothing_is_hit() {
    sched_loop::run(async {
        assert_eq!(task_timeout(None, yield_now()).await, Ok(()));
        assert_eq!(task_timeout_at(None, yield_now()).await, Ok(()));
        let some: Option<Duration> = Some(Duration::ZERO);
        assert_eq!(task_timeout(some, yield_now()).await, Err(TimedOut));
    });
}

/// A timeout in a child, also in its eager first leg, is the child's.
#[test]
fn a_timeout_in_an_eager_child_leaves_the_parent_alone() {
    sched_loop::run(async {
        let parent = spawn(async {
            let handle = sched_loop::current().unwrap();
            let child = handle
                .with(|executor| executor.eager(task_timeout_at(past(), pending::<()>())))
                .unwrap();
            yield_now().await;
            yield_now().await;
            child.await
        });
        assert_eq!(parent.await, Err(TimedOut));
    });
}

/// And a timeout in the parent around an eager child that has a shield is not held up by it.
#[test]
fn a_timeout_around_an_eager_child_is_the_parents() {
    sched_loop::run(async {
        let child = RefCell::new(None);
        let timeout = task_timeout_at(past(), async {
            let handle = sched_loop::current().unwrap();
            let started = handle.with(|executor| {
                executor.eager(shield(async {
                    yield_now().await;
                    yield_now().await;
                    5
                }))
            });
            *child.borrow_mut() = started.ok();
            pending::<()>().await;
        });
        assert_eq!(timeout.await, Err(TimedOut));
        let child = child.take().unwrap();
        assert_eq!(child.await, 5);
    });
}

#[test]
fn a_grant_to_a_body_that_is_hit_passes_on() {
    sched_loop::run(async {
        let mutex = Arc::new(Mutex::new(()));
        let guard = mutex.try_lock_arc().unwrap();
        let mut timeout = Box::pin(task_timeout_at(past(), mutex.lock_arc()));
        assert!(poll_once(&mut timeout).await.is_none());
        let next = spawn({
            let mutex = Arc::clone(&mutex);
            async move { drop(mutex.lock_arc().await) }
        });
        yield_now().await;
        drop(guard);
        assert!(timeout.await.is_err());
        next.await;
    });
}

/// It fires late, not never.
#[test]
fn a_shield_holds_a_timeout_up() {
    let log = Log::new();
    sched_loop::run(async {
        let timeout = task_timeout_at(past(), async {
            shield(async {
                for n in 0..3 {
                    yield_now().await;
                    log.push(n);
                }
            })
            .await;
            log.push("after the shield");
            pending::<()>().await;
        });
        assert_eq!(timeout.await, Err(TimedOut));
        log.check(&["0", "1", "2", "after the shield"]);

        let timeout = task_timeout_at(past(), shield(yield_now()));
        assert_eq!(timeout.await, Ok(()));
    });
}

/// The same where nothing else wakes the task after the shield.
#[test]
fn the_end_of_a_shield_wakes_the_timeout() {
    type Shared = Rc<RefCell<Option<Pin<Box<dyn Future<Output = ()>>>>>>;
    sched_loop::run(async {
        let shared: Shared = Rc::new(RefCell::new(Some(Box::pin(shield(pending())))));
        let body = {
            let shared = Rc::clone(&shared);
            poll_fn(move |cx| match shared.borrow_mut().as_mut() {
                Some(shielded) => shielded.as_mut().poll(cx),
                None => Poll::<()>::Pending,
            })
        };
        let task = spawn(task_timeout_at(past(), body));
        for _ in 0..3 {
            yield_now().await;
        }
        assert!(!task.is_finished());
        drop(shared.take());
        assert_eq!(task.await, Err(TimedOut));
    });
}

#[test]
fn timeouts_and_interrupts_end_what_is_outermost() {
    sched_loop::run(async {
        // The timeout is outside.
        let target = spawn(async {
            let mut region = None;
            let body = async { region = Some(interruptible::<Stop, _>(pending::<()>()).await) };
            let result = task_timeout_at(past(), body).await;
            (result, region)
        });
        yield_now().await;
        let outcome = task_interrupt(target.id(), Stop).await;
        assert_eq!(outcome, Ok(Outcome::Dropped(Stop)));
        assert_eq!(target.await, (Err(TimedOut), None));

        // The region is outside.
        let target = spawn_interruptible(task_timeout_at(past(), pending::<()>()));
        yield_now().await;
        assert_eq!(
            task_interrupt(target.id(), Stop).await,
            Ok(Outcome::Delivered)
        );
        assert_eq!(target.await, Err(Interrupt { reason: Stop }));
    });
}

#[test]
fn timeouts_work_outside_of_any_loop() {
    let log = Log::new();
    let timeout = task_timeout_at(past(), async {
        shield(yield_now()).await;
        log.push("after the shield");
        yield_now().await;
    });
    assert_eq!(block_on(timeout), Err(TimedOut));
    log.check(&["after the shield"]);
    assert_eq!(block_on(task_timeout(FAR, async { 1 })), Ok(1));
}

#[test]
fn timeouts_in_branches_of_a_join_are_apart() {
    sched_loop::run(async {
        let (sender, receiver) = unbounded();
        let sends = spawn(async move {
            yield_now().await;
            sender.send(1).await.unwrap();
        });
        let both = zip(
            task_timeout_at(past(), pending::<()>()),
            task_timeout(FAR, receiver.recv()),
        );
        assert_eq!(both.await, (Err(TimedOut), Ok(Ok(1))));
        sends.await;
    });
}

#[test]
fn a_timeout_may_be_dropped_after_any_poll() {
    for polls in 0..3 {
        for deadline in [Some(past()), Instant::now().checked_add(FAR), None] {
            let dropped = Rc::new(Cell::new(0));
            struct Count(Rc<Cell<u32>>);
            impl Drop for Count {
                fn drop(&mut self) {
                    self.0.set(self.0.get() + 1);
                }
            }
            let held = Count(Rc::clone(&dropped));
            let mut timeout = Box::pin(task_timeout_at(deadline, async move {
                let _held = held;
                pending::<()>().await;
            }));
            for poll in 1..=polls {
                let noop = &mut Context::from_waker(Waker::noop());
                let is_hit = timeout.as_mut().poll(noop).is_ready();
                assert_eq!(
                    is_hit,
                    poll == 2 && deadline.is_some_and(|at| at < Instant::now())
                );
                if is_hit {
                    assert_eq!(dropped.get(), 1);
                }
            }
            drop(timeout);
            assert_eq!(dropped.get(), 1);
        }
    }
}

#[test]
#[should_panic(expected = "polled after completion")]
fn polling_after_completion_panics() {
    let mut timeout = Box::pin(task_timeout(FAR, async {}));
    let noop = &mut Context::from_waker(Waker::noop());
    assert!(timeout.as_mut().poll(noop).is_ready());
    let _ = timeout.as_mut().poll(noop);
}
