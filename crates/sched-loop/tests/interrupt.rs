//! Throwing at tasks and interrupting them: what asynkit's tests ask, and what only Rust has.

mod support;

use std::cell::Cell;
use std::future::pending;
use std::rc::Rc;
use std::time::Duration;

use async_channel::unbounded;
use corokit_sched_loop::{
    self as sched_loop, EventLoop, Interrupt, InterruptError, Outcome, TaskExt, TaskId, TaskState,
    interruptible, shield, sleep, spawn, spawn_interruptible, task_interrupt, task_throw,
};
use event_listener::Event;
use futures_lite::future::{block_on, poll_once, yield_now};
use support::Log;

#[derive(Debug, PartialEq)]
struct Stop(u32);

fn state(id: TaskId) -> TaskState {
    let handle = sched_loop::current().unwrap();
    handle
        .with(|executor| executor.task_state(id))
        .unwrap()
        .unwrap()
}

fn ready_ids() -> Vec<TaskId> {
    let handle = sched_loop::current().unwrap();
    handle.with(|executor| executor.ready_ids()).unwrap()
}

#[test]
fn throw_reaches_a_task_that_waits_when_its_turn_comes_and_it_is_runnable_meanwhile() {
    sched_loop::run(async {
        let event = Rc::new(Event::new());
        let listener = event.listen();
        let task = spawn(async { interruptible(listener).await });
        yield_now().await;
        assert_eq!(state(task.id()), TaskState::Blocked);
        assert_eq!(task_throw(task.id(), Stop(1)), Ok(None));
        assert_eq!(state(task.id()), TaskState::Runnable);
        assert!(!task.is_finished());
        assert_eq!(task.await, Err(Interrupt { reason: Stop(1) }));
    });
}

#[test]
fn throw_queues_at_the_tail() {
    let log = Log::new();
    sched_loop::run(async {
        let target = spawn_logging(&log, "target", pending());
        yield_now().await;
        let early = spawn_logging(&log, "early", async {});
        task_throw(target.id(), Stop(1)).unwrap();
        let late = spawn_logging(&log, "late", async {});
        assert_eq!(ready_ids(), [early.id(), target.id(), late.id()]);
        // One that is in the queue already moves to the tail.
        task_throw(target.id(), Stop(2)).unwrap();
        assert_eq!(ready_ids(), [early.id(), late.id(), target.id()]);
        target.await;
        early.await;
        late.await;
    });
    log.check(&["early ended", "late ended", "target got 2"]);
}

fn spawn_logging(
    log: &Log,
    name: &'static str,
    future: impl Future<Output = ()> + 'static,
) -> sched_loop::Task<()> {
    let log = log.clone();
    spawn(async move {
        match interruptible(future).await {
            Ok(()) => log.push(format_args!("{name} ended")),
            Err(Interrupt { reason: Stop(n) }) => log.push(format_args!("{name} got {n}")),
        }
    })
}

#[test]
fn interrupt_is_delivered_when_it_returns_and_what_was_awaited_has_no_late_effect() {
    let log = Log::new();
    sched_loop::run(async {
        let event = Rc::new(Event::new());
        let target = {
            let (log, listener) = (log.clone(), event.listen());
            spawn(async move {
                let result = interruptible::<Stop, _>(listener).await;
                log.push(format_args!("{:?}", result.map_err(|error| error.reason)));
                yield_now().await;
                log.push("goes on");
            })
        };
        yield_now().await;
        assert_eq!(
            task_interrupt(target.id(), Stop(1)).await,
            Ok(Outcome::Delivered)
        );
        log.check(&["Err(Stop(1))"]);
        assert_eq!(event.notify(1), 0);
        target.await;
        log.check(&["goes on"]);
    });
}

#[test]
fn a_sleeper_that_is_interrupted_forgets_its_timer() {
    sched_loop::run(async {
        let sleeper = spawn_interruptible(sleep(Duration::from_secs(3600)));
        yield_now().await;
        let outcome = task_interrupt(sleeper.id(), Stop(1)).await;
        assert_eq!(outcome, Ok(Outcome::Delivered));
        assert_eq!(sleeper.await, Err(Interrupt { reason: Stop(1) }));
    });
}

#[test]
fn a_task_in_the_queue_is_moved_and_not_queued_twice() {
    let log = Log::new();
    sched_loop::run(async {
        let turns = Rc::new(Cell::new(0));
        let target = {
            let (log, turns) = (log.clone(), Rc::clone(&turns));
            spawn(async move {
                let result = interruptible::<Stop, _>(yield_now()).await;
                turns.set(turns.get() + 1);
                log.push(format_args!("interrupted: {}", result.is_err()));
                // A second entry in the queue would end this wait.
                let mut polls = 0;
                std::future::poll_fn::<(), _>(|_| {
                    polls += 1;
                    assert_eq!(polls, 1);
                    std::task::Poll::Pending
                })
                .await;
            })
        };
        yield_now().await;
        assert_eq!(state(target.id()), TaskState::Runnable);
        assert_eq!(
            task_interrupt(target.id(), Stop(1)).await,
            Ok(Outcome::Delivered)
        );
        log.check(&["interrupted: true"]);
        assert_eq!((ready_ids().len(), turns.get()), (0, 1));
        for _ in 0..3 {
            yield_now().await;
        }
    });
}

/// I7, for a target that waits, one that is queued (I8), and one that is new.
#[test]
fn interrupt_runs_the_target_then_those_that_were_ready_then_the_caller() {
    for queued in [false, true] {
        let log = Log::new();
        sched_loop::run(async {
            let (sender, receiver) = unbounded();
            let target = spawn_logging(&log, "target", async move {
                let () = receiver.recv().await.unwrap();
            });
            yield_now().await;
            let a = spawn_logging(&log, "a", async {});
            if queued {
                sender.send(()).await.unwrap();
            }
            let b = spawn_logging(&log, "b", async {});
            let outcome = task_interrupt(target.id(), Stop(1)).await;
            assert_eq!(outcome, Ok(Outcome::Delivered));
            log.push("caller");
            assert!(target.is_finished() && a.is_finished() && b.is_finished());
        });
        log.check(&["target got 1", "a ended", "b ended", "caller"]);
    }
}

/// What the target wakes while it is unwound comes after the caller.
#[test]
fn the_caller_has_its_place_before_the_target_runs() {
    let log = Log::new();
    sched_loop::run(async {
        let (sender, receiver) = unbounded::<()>();
        let other = {
            let log = log.clone();
            spawn(async move {
                assert!(receiver.recv().await.is_err());
                log.push("woken by the destructor");
            })
        };
        let target = spawn_logging(&log, "target", async move {
            let _sender = sender;
            pending().await
        });
        yield_now().await;
        task_interrupt(target.id(), Stop(1))
            .await
            .unwrap()
            .is_delivered();
        log.push("caller");
        other.await;
    });
    log.check(&["target got 1", "caller", "woken by the destructor"]);
}

#[test]
fn a_target_whose_event_has_come_is_still_interrupted() {
    sched_loop::run(async {
        let event = Event::new();
        let listener = event.listen();
        let task = spawn(async { interruptible(listener).await });
        let other = event.listen();
        yield_now().await;
        assert_eq!(event.notify(1), 1);
        assert_eq!(task_throw(task.id(), Stop(1)), Ok(None));
        assert_eq!(task.await, Err(Interrupt { reason: Stop(1) }));
        // The notification went to the next in line.
        other.await;
    });
}

#[test]
fn a_task_that_is_awaited_by_reference_goes_on() {
    sched_loop::run(async {
        let (sender, receiver) = unbounded();
        let mut worker = spawn(async move { receiver.recv().await.unwrap() });
        let waiter = spawn(async move {
            let result = interruptible(&mut worker).await;
            assert_eq!(result, Err(Interrupt { reason: Stop(1) }));
            worker.await
        });
        yield_now().await;
        assert_eq!(
            task_interrupt(waiter.id(), Stop(1)).await,
            Ok(Outcome::Delivered)
        );
        sender.send(7).await.unwrap();
        assert_eq!(waiter.await, 7);
    });
}

/// The caller itself, in its own region, and a task that it runs inside of.
#[test]
fn a_task_that_is_running_cannot_be_interrupted() {
    sched_loop::run(async {
        let handle = sched_loop::current().unwrap();
        let me = handle
            .with(|executor| executor.current_task())
            .unwrap()
            .unwrap();
        let region = interruptible::<Stop, _>(async {
            let error = task_throw(me, Stop(1)).unwrap_err();
            assert_eq!(
                (error.error, error.payload),
                (InterruptError::Running(me), Stop(1))
            );
            let error = task_interrupt(me, Stop(2)).await.unwrap_err();
            assert_eq!(
                (error.error, error.payload),
                (InterruptError::Running(me), Stop(2))
            );

            let child = async move { task_throw(me, Stop(3)).unwrap_err().error };
            let child = handle.with(|executor| executor.eager(child)).unwrap();
            assert_eq!(child.await, InterruptError::Running(me));

            let inner = sched_loop::run(async { handle.task_throw(me, Stop(4)) });
            assert_eq!(inner.unwrap_err().error, InterruptError::Running(me));
            "not interrupted"
        });
        assert_eq!(region.await, Ok("not interrupted"));
    });
}

#[test]
fn a_task_that_has_ended_cannot_be_interrupted() {
    sched_loop::run(async {
        let done = spawn_interruptible::<Stop, _>(async {});
        let killed = spawn_interruptible::<Stop, _>(async {});
        let (done_id, killed_id) = (done.id(), killed.id());
        killed.kill().unwrap();
        done.await.unwrap();
        for id in [done_id, killed_id] {
            let error = task_throw(id, Stop(1)).unwrap_err();
            assert_eq!(
                (error.error, error.payload),
                (InterruptError::Finished(id), Stop(1))
            );
            let error = task_interrupt(id, Stop(1)).await.unwrap_err();
            assert_eq!(
                (error.error, error.payload),
                (InterruptError::Finished(id), Stop(1))
            );
        }
    });
}

/// The cancellation goes on, and the one who interrupts hears of it.
#[test]
fn a_task_that_is_being_cancelled_is_not_interrupted() {
    let log = Log::new();
    sched_loop::run(async {
        for ready in [false, true] {
            let (sender, receiver) = unbounded();
            let target = spawn_logging(&log, "target", async move {
                let () = receiver.recv().await.unwrap();
            });
            let id = target.id();
            yield_now().await;
            if ready {
                sender.send(()).await.unwrap();
            }
            drop(target);
            assert_eq!(
                task_interrupt(id, Stop(1)).await,
                Ok(Outcome::Dropped(Stop(1)))
            );
        }
    });
    log.check(&[]);
}

/// And the other way round.
#[test]
fn a_cancellation_after_the_throw_wins() {
    let log = Log::new();
    sched_loop::run(async {
        let target = spawn_logging(&log, "target", pending());
        let id = target.id();
        yield_now().await;
        let mut interrupt = Box::pin(task_interrupt(id, Stop(1)));
        assert!(poll_once(&mut interrupt).await.is_none());
        drop(target);
        assert_eq!(interrupt.await, Ok(Outcome::Dropped(Stop(1))));
    });
    log.check(&[]);
}

#[test]
fn a_task_that_has_not_started_never_runs() {
    let log = Log::new();
    sched_loop::run(async {
        let body = |event| {
            let (log, held) = (log.clone(), log.on_drop(event));
            async move {
                let _held = held;
                log.push("never");
            }
        };
        let thrown = spawn_interruptible(body("dropped 1"));
        task_throw(thrown.id(), Stop(1)).unwrap();
        assert_eq!(thrown.await, Err(Interrupt { reason: Stop(1) }));

        let interrupted = spawn_interruptible(body("dropped 2"));
        let outcome = task_interrupt(interrupted.id(), Stop(2)).await;
        assert_eq!(outcome, Ok(Outcome::Delivered));
        log.push("acknowledged");
        assert_eq!(interrupted.await, Err(Interrupt { reason: Stop(2) }));
    });
    log.check(&["dropped 1", "dropped 2", "acknowledged"]);
}

/// I11, where the program has not said that the task may be interrupted: nothing changes.
#[test]
fn a_task_without_a_region_is_not_interruptible() {
    let log = Log::new();
    sched_loop::run(async {
        let new = spawn_logging(&log, "new", async {});
        let plain = spawn(pending::<()>());
        let other_type = spawn_interruptible::<&str, _>(pending::<()>());
        let last = spawn(async {});
        let order = ready_ids();
        for id in [new.id(), plain.id(), other_type.id()] {
            let error = task_throw(id, Stop(1)).unwrap_err();
            assert_eq!(
                (error.error, error.payload),
                (InterruptError::NotInterruptible(id), Stop(1))
            );
            let error = task_interrupt(id, Stop(1)).await.unwrap_err();
            assert_eq!(error.error, InterruptError::NotInterruptible(id));
        }
        assert_eq!(ready_ids(), order);
        last.await;
        let error = task_throw(plain.id(), Stop(1)).unwrap_err();
        assert_eq!(error.error, InterruptError::NotInterruptible(plain.id()));
        assert_eq!(state(plain.id()), TaskState::Blocked);
    });
    log.check(&["new ended"]);
}

/// I15, after asynkit's `example_interrupt`: the answer comes after the target's clean-up.
#[test]
fn the_one_who_interrupts_hears_of_it() {
    let log = Log::new();
    sched_loop::run(async {
        let (acknowledge, acknowledged) = unbounded();
        let target = {
            let log = log.clone();
            spawn(async move {
                let held = log.on_drop("released");
                let wait = async move {
                    let _held = held;
                    pending::<()>().await;
                };
                let Err(Interrupt { reason: Stop(n) }) = interruptible(wait).await else {
                    unreachable!();
                };
                log.push(format_args!("got {n}"));
                acknowledge.send(n).await.unwrap();
            })
        };
        yield_now().await;
        let outcome = task_interrupt(target.id(), Stop(5)).await;
        log.push(format_args!("{outcome:?}"));
        assert_eq!(acknowledged.recv().await, Ok(5));
        target.await;
    });
    log.check(&["released", "got 5", "Ok(Delivered)"]);
}

#[test]
fn a_second_throw_replaces_the_first_one() {
    sched_loop::run(async {
        let target = spawn_interruptible(pending::<()>());
        yield_now().await;
        assert_eq!(task_throw(target.id(), Stop(1)), Ok(None));
        assert_eq!(task_throw(target.id(), Stop(2)), Ok(Some(Stop(1))));
        // Each who waits for an answer gets the own payload back; then nothing comes back here.
        let mut third = Box::pin(task_interrupt(target.id(), Stop(3)));
        assert!(poll_once(&mut third).await.is_none());
        let mut fourth = Box::pin(task_interrupt(target.id(), Stop(4)));
        assert!(poll_once(&mut fourth).await.is_none());
        assert_eq!(task_throw(target.id(), Stop(5)), Ok(None));
        assert_eq!(third.await, Ok(Outcome::Replaced(Stop(3))));
        assert_eq!(fourth.await, Ok(Outcome::Replaced(Stop(4))));
        assert_eq!(target.await, Err(Interrupt { reason: Stop(5) }));
    });
}

#[test]
fn giving_up_the_answer_does_not_take_the_interrupt_back() {
    sched_loop::run(async {
        let target = spawn_interruptible(pending::<()>());
        yield_now().await;
        drop(task_interrupt(target.id(), Stop(1)));
        assert_eq!(state(target.id()), TaskState::Blocked);
        let mut interrupt = Box::pin(task_interrupt(target.id(), Stop(2)));
        assert!(poll_once(&mut interrupt).await.is_none());
        drop(interrupt);
        // It is now like one that was thrown, which comes back when it is replaced.
        assert_eq!(task_throw(target.id(), Stop(3)), Ok(Some(Stop(2))));
        assert_eq!(target.await, Err(Interrupt { reason: Stop(3) }));
    });
}

#[test]
fn a_task_that_is_parked_cannot_be_interrupted() {
    sched_loop::run(async {
        let target = spawn_interruptible::<Stop, _>(pending::<()>());
        let id = target.id();
        let handle = sched_loop::current().unwrap();
        let interrupt = handle.task_interrupt(id, Stop(2));
        handle
            .with(|executor| {
                let parked = executor.ready_take(id).unwrap();
                let error = handle.task_throw(id, Stop(1)).unwrap_err();
                assert_eq!(
                    (error.error, error.payload),
                    (InterruptError::Parked(id), Stop(1))
                );
                let error = block_on(interrupt).unwrap_err();
                assert_eq!(error.error, InterruptError::Parked(id));
                drop(parked);
            })
            .unwrap();
        yield_now().await;
        assert_eq!(state(id), TaskState::Blocked);
    });
}

#[test]
fn a_payload_waits_for_a_task_that_is_parked_after_the_throw() {
    sched_loop::run(async {
        let target = spawn_interruptible(pending::<()>());
        let id = target.id();
        yield_now().await;
        task_throw(id, Stop(1)).unwrap();
        let handle = sched_loop::current().unwrap();
        let parked_while_others_run = handle.with(|executor| {
            let parked = executor.ready_take(id).unwrap();
            assert!(!executor.try_tick());
            assert!(!target.is_finished());
            drop(parked);
        });
        parked_while_others_run.unwrap();
        assert_eq!(target.await, Err(Interrupt { reason: Stop(1) }));
    });
}

#[test]
fn the_main_future_can_be_interrupted() {
    let event_loop = EventLoop::new();
    let result = event_loop.run(async {
        let handle = sched_loop::current().unwrap();
        let me = handle
            .with(|executor| executor.current_task())
            .unwrap()
            .unwrap();
        let thrower = spawn(task_interrupt(me, Stop(1)));
        let result = interruptible(pending::<()>()).await;
        assert_eq!(thrower.await, Ok(Outcome::Delivered));
        result
    });
    assert_eq!(result, Err(Interrupt { reason: Stop(1) }));
}

#[test]
fn outside_of_any_loop_there_is_nobody_to_throw() {
    let event_loop = EventLoop::new();
    let target = event_loop.handle().spawn_interruptible::<Stop, _>(async {});
    let id = target.id();
    let error = task_throw(id, Stop(1)).unwrap_err();
    assert_eq!(
        (error.error, error.payload),
        (InterruptError::Outside, Stop(1))
    );
    let error = block_on(task_interrupt(id, Stop(2))).unwrap_err();
    assert_eq!(
        (error.error, error.payload),
        (InterruptError::Outside, Stop(2))
    );
    // Regions and shields are no more than their futures.
    let region = interruptible::<Stop, _>(shield(async {
        yield_now().await;
        1
    }));
    assert_eq!(block_on(region), Ok(1));
    assert_eq!(event_loop.run(target), Ok(()));
}

#[test]
#[should_panic(expected = "there is no running event loop on this thread")]
fn spawning_outside_of_any_loop_panics() {
    drop(spawn_interruptible::<Stop, _>(async {}));
}

#[test]
fn a_task_of_another_loop_is_foreign() {
    let event_loop = EventLoop::new();
    let target = event_loop.handle().spawn_interruptible::<Stop, _>(async {});
    let id = target.id();
    sched_loop::run(async {
        let error = task_throw(id, Stop(1)).unwrap_err();
        assert_eq!(
            (error.error, error.payload),
            (InterruptError::Foreign(id), Stop(1))
        );
        let error = task_interrupt(id, Stop(1)).await.unwrap_err();
        assert_eq!(error.error, InterruptError::Foreign(id));
    });
}

#[test]
fn a_loop_that_is_gone_says_so() {
    let event_loop = EventLoop::new();
    let handle = event_loop.handle();
    let target = handle.spawn_interruptible::<Stop, _>(async {});
    drop(event_loop);
    let error = handle.task_throw(target.id(), Stop(1)).unwrap_err();
    assert_eq!(
        (error.error, error.payload),
        (InterruptError::LoopGone, Stop(1))
    );
    let error = block_on(handle.task_interrupt(target.id(), Stop(1))).unwrap_err();
    assert_eq!(error.error, InterruptError::LoopGone);
    assert_eq!(error.to_string(), "the event loop has been dropped");
}

/// The handle of an outer loop, from inside of an inner one, and of a loop that nobody runs yet.
#[test]
fn a_handle_reaches_its_own_loop_from_anywhere() {
    sched_loop::run(async {
        let outer = sched_loop::current().unwrap();
        let target = spawn_interruptible(pending::<()>());
        yield_now().await;
        let mut interrupt = outer.task_interrupt(target.id(), Stop(1));
        sched_loop::run(async {
            assert!(poll_once(&mut interrupt).await.is_none());
        });
        assert_eq!(interrupt.await, Ok(Outcome::Delivered));
        assert_eq!(target.await, Err(Interrupt { reason: Stop(1) }));
    });

    let event_loop = EventLoop::new();
    let handle = event_loop.handle();
    let target = handle.spawn_interruptible::<Stop, _>(pending::<()>());
    let other = handle.spawn(async {});
    let mut interrupt = handle.task_interrupt(target.id(), Stop(1));
    let mut other_first = handle.task_interrupt(target.id(), Stop(2));
    assert!(block_on(poll_once(&mut interrupt)).is_none());
    assert_eq!(event_loop.executor().ready_ids(), [target.id(), other.id()]);
    assert!(block_on(poll_once(&mut other_first)).is_none());
    while event_loop.executor().try_tick() {}
    assert_eq!(block_on(interrupt), Ok(Outcome::Replaced(Stop(1))));
    assert_eq!(block_on(other_first), Ok(Outcome::Delivered));
}

#[test]
fn errors_say_what_is_wrong() {
    sched_loop::run(async {
        let task = spawn(pending::<()>());
        let id = task.id();
        let error = task_throw(id, Stop(1)).unwrap_err();
        let text = format!(
            "task {id} cannot be interrupted: it is in no region that takes such a payload"
        );
        assert_eq!(error.to_string(), text);
        assert_eq!(
            format!("{error:?}"),
            format!("ThrowError {{ error: NotInterruptible(TaskId({id})), .. }}")
        );
    });
}
