//! The end of executors and tasks, in every state, and destructors that do things.
#![cfg(not(loom))]

use std::cell::{Cell, RefCell};
use std::fmt::{self, Write};
use std::future::{Future, pending, poll_fn};
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use corokit_core::TaskState;
use corokit_scheduler::{LocalExecutor, Task};
use futures_lite::future::{block_on, poll_once, yield_now};

/// Calls the closure when it is dropped.
struct OnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// Counts drops.
fn counter(count: &Rc<Cell<usize>>) -> OnDrop<impl FnMut() + use<>> {
    let count = Rc::clone(count);
    OnDrop(move || count.set(count.get() + 1))
}

#[test]
fn the_executor_drops_tasks_in_every_state() {
    let drops = Rc::new(Cell::new(0));
    let executor = LocalExecutor::new();
    let spawn_blocked = || {
        let guard = counter(&drops);
        executor.spawn(async move {
            pending::<()>().await;
            drop(guard);
        })
    };
    let blocked = spawn_blocked();
    let cancelled = spawn_blocked();
    spawn_blocked().detach();
    while executor.try_tick() {}
    drop(cancelled);
    let new = spawn_blocked();
    let yielded = {
        let guard = counter(&drops);
        executor.spawn(async move {
            yield_now().await;
            drop(guard);
        })
    };
    executor.ready_reinsert(yielded.metadata().id(), 0).unwrap();
    assert!(executor.try_tick());
    let finished = {
        let guard = counter(&drops);
        executor.spawn(async move { drop(guard) })
    };
    executor
        .ready_reinsert(finished.metadata().id(), 0)
        .unwrap();
    assert!(executor.try_tick());
    let leaked = spawn_blocked();
    mem::forget(executor.ready_take(leaked.metadata().id()).unwrap());
    assert_eq!(drops.get(), 1);

    drop(executor);
    assert_eq!(drops.get(), 7);
    assert!(finished.is_finished());
    for task in [blocked, new, yielded, leaked] {
        assert_eq!(block_on(task.fallible()), None);
    }
}

#[test]
fn awaiting_a_task_of_a_dropped_executor_panics() {
    let executor = LocalExecutor::new();
    let task = executor.spawn(pending::<()>());
    drop(executor);
    assert!(catch_unwind(AssertUnwindSafe(|| block_on(task))).is_err());
}

#[test]
fn destructors_may_spawn_wake_and_drop_other_tasks() {
    let log = Rc::new(RefCell::new(Vec::new()));
    let executor = Rc::new(LocalExecutor::new());
    let handles: Rc<RefCell<Vec<Task<()>>>> = Rc::default();
    let (sender, receiver) = async_channel::unbounded::<()>();

    let waits = {
        let log = Rc::clone(&log);
        executor.spawn(async move {
            let _guard = OnDrop(move || log.borrow_mut().push("waits dropped"));
            let _ = receiver.recv().await;
            pending::<()>().await;
        })
    };
    handles.borrow_mut().push(waits);
    let busy = {
        let (log, handles, weak) = (
            Rc::clone(&log),
            Rc::clone(&handles),
            Rc::downgrade(&executor),
        );
        executor.spawn(async move {
            let _guard = OnDrop(move || {
                log.borrow_mut().push("busy dropped");
                sender.try_send(()).unwrap();
                if let Some(executor) = weak.upgrade() {
                    let log = Rc::clone(&log);
                    let task = executor.spawn(async move { log.borrow_mut().push("late task") });
                    task.detach();
                }
                let others = handles.take();
                drop(others);
            });
            pending::<()>().await;
        })
    };
    executor.try_tick();
    executor.try_tick();
    // Cancelled in its turn: the destructor runs inside of a step.
    drop(busy);
    while executor.try_tick() {}
    assert_eq!(
        *log.borrow(),
        ["busy dropped", "waits dropped", "late task"]
    );
    assert!(executor.is_empty());
}

#[test]
fn destructors_may_wake_their_siblings_while_the_executor_is_dropped() {
    let drops = Rc::new(Cell::new(0));
    let executor = LocalExecutor::new();
    let (sender, receiver) = async_channel::unbounded::<()>();
    for _ in 0..5 {
        let (guard, sender, receiver) = (counter(&drops), sender.clone(), receiver.clone());
        let wakes = OnDrop(move || sender.try_send(()).unwrap());
        executor
            .spawn(async move {
                let (_guard, _wakes) = (guard, wakes);
                receiver.recv().await.unwrap();
                pending::<()>().await;
            })
            .detach();
    }
    while executor.try_tick() {}
    drop(executor);
    assert_eq!(drops.get(), 5);
}

/// A destructor of the executor that unwinds leaves nothing that a waker could stumble over.
#[test]
fn a_waker_may_be_used_after_a_failed_drop_has_leaked_the_executor() {
    struct PanicsOnDrop;
    impl Wake for PanicsOnDrop {
        fn wake(self: Arc<Self>) {}
    }
    impl Drop for PanicsOnDrop {
        fn drop(&mut self) {
            panic!("a waker that cannot be dropped");
        }
    }
    let wakers: Rc<RefCell<Vec<Waker>>> = Rc::default();
    let executor = LocalExecutor::new();
    let task = {
        let wakers = Rc::clone(&wakers);
        executor.spawn(poll_fn(move |cx| {
            wakers.borrow_mut().push(cx.waker().clone());
            Poll::<()>::Pending
        }))
    };
    assert!(executor.try_tick());
    // A runner that was leaked in its sleep: its waker is dropped with the executor.
    let waker = Waker::from(Arc::new(PanicsOnDrop));
    let mut run = Box::pin(executor.run(pending::<()>()));
    let poll = run.as_mut().poll(&mut Context::from_waker(&waker));
    assert!(poll.is_pending());
    mem::forget(run);
    drop(waker);
    assert!(catch_unwind(AssertUnwindSafe(|| drop(executor))).is_err());
    for waker in wakers.take() {
        waker.wake();
    }
    assert!(!task.is_finished());
}

#[test]
fn debug_output_may_go_where_it_wakes_a_task() {
    struct Sink(async_channel::Sender<String>);
    impl fmt::Write for Sink {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            self.0.try_send(text.into()).map_err(|_| fmt::Error)
        }
    }
    let executor = LocalExecutor::new();
    let (sender, receiver) = async_channel::unbounded();
    let task = executor.spawn(async move { receiver.recv().await.unwrap() });
    executor.try_tick();
    write!(Sink(sender), "{executor:?}").unwrap();
    assert!(block_on(executor.run(task)).starts_with("LocalExecutor"));
}

#[test]
fn tasks_may_own_handles_of_each_other() {
    let drops = Rc::new(Cell::new(0));
    let executor = LocalExecutor::new();
    let mut inner: Option<Task<()>> = None;
    for _ in 0..10 {
        let guard = counter(&drops);
        let owned = inner.take();
        inner = Some(executor.spawn(async move {
            let _guard = guard;
            if let Some(task) = owned {
                task.await;
            }
            pending::<()>().await;
        }));
    }
    while executor.try_tick() {}
    drop(executor);
    assert_eq!(drops.get(), 10);
    drop(inner);
}

#[test]
fn a_task_that_was_cancelled_counts_until_its_future_is_gone() {
    let executor = LocalExecutor::new();
    let task = executor.spawn(pending::<()>());
    let id = task.metadata().id();
    executor.try_tick();
    drop(task);
    assert!(!executor.is_empty());
    assert_eq!(executor.task_state(id), Some(TaskState::Runnable));
    assert!(executor.try_tick());
    assert!(executor.is_empty());
    assert_eq!(executor.task_state(id), Some(TaskState::Finished));
}

#[test]
fn cancel_waits_until_the_future_is_gone() {
    let drops = Rc::new(Cell::new(0));
    let executor = LocalExecutor::new();
    let guard = counter(&drops);
    let task = executor.spawn(async move {
        pending::<()>().await;
        drop(guard);
    });
    executor.try_tick();
    block_on(executor.run(async {
        assert_eq!(task.cancel().await, None);
        assert_eq!(drops.get(), 1);
    }));
    let done = executor.spawn(async { 4 });
    executor.try_tick();
    assert_eq!(block_on(done.cancel()), Some(4));
}

#[test]
fn a_slot_that_is_used_again_has_another_id() {
    let executor = LocalExecutor::new();
    let one = executor.spawn(async {});
    let first = one.metadata().id();
    executor.try_tick();
    let two = executor.spawn(pending::<()>());
    let second = two.metadata().id();
    assert_eq!(first.slot(), second.slot());
    assert_ne!(first, second);
    assert_eq!(executor.task_state(first), Some(TaskState::Finished));
    assert_eq!(executor.task_state(second), Some(TaskState::Runnable));
    drop(one);
    assert_eq!(executor.task_state(second), Some(TaskState::Runnable));
}

/// While a future is dropped, its slot is still its own; a spawn gets another one.
#[test]
fn a_destructor_that_spawns_does_not_get_the_dying_slot() {
    let executor = Rc::new(LocalExecutor::new());
    let spawned: Rc<Cell<Option<Task<()>>>> = Rc::default();
    let task = {
        let (weak, spawned) = (Rc::downgrade(&executor), Rc::clone(&spawned));
        let guard = OnDrop(move || {
            let executor = weak.upgrade().unwrap();
            spawned.set(Some(executor.spawn(pending::<()>())));
        });
        executor.spawn(async move { drop(guard) })
    };
    let id = task.metadata().id();
    executor.try_tick();
    let spawned = spawned.take().unwrap();
    assert_ne!(spawned.metadata().id().slot(), id.slot());
    assert_eq!(executor.tasks().len(), 1);
}

#[test]
fn a_dropped_run_drops_its_main_future_and_nothing_else() {
    let drops = Rc::new(Cell::new(0));
    let executor = LocalExecutor::new();
    let task = executor.spawn(async { 1 });
    {
        let guard = counter(&drops);
        let run = executor.run(async move {
            yield_now().await;
            pending::<()>().await;
            drop(guard);
        });
        let mut run = Box::pin(run);
        assert!(block_on(poll_once(run.as_mut())).is_none());
        assert_eq!(executor.tasks().len(), 1);
    }
    assert_eq!(drops.get(), 1);
    assert!(executor.tasks().is_empty());
    assert_eq!(block_on(task), 1);
}
