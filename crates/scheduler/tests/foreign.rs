//! Other threads: wake-ups, handles and wakers that are elsewhere.
#![cfg(not(loom))]

use std::cell::Cell;
use std::future::{pending, poll_fn};
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::task::{Poll, Waker};
use std::thread::{self, ThreadId};

use corokit_core::Position;
use corokit_scheduler::LocalExecutor;
use futures_lite::future::{block_on, poll_once, yield_now};

/// A future's payload that must not be dropped on any thread but its own.
struct Homebody {
    home: ThreadId,
    dropped: Rc<Cell<usize>>,
}

impl Homebody {
    fn new(dropped: &Rc<Cell<usize>>) -> Self {
        Homebody {
            home: thread::current().id(),
            dropped: Rc::clone(dropped),
        }
    }
}

impl Drop for Homebody {
    fn drop(&mut self) {
        assert_eq!(thread::current().id(), self.home);
        self.dropped.set(self.dropped.get() + 1);
    }
}

type Slot = Arc<Mutex<Option<Waker>>>;

/// Waits until it is polled again, and leaves its waker in the slot.
async fn wait(slot: &Slot) {
    let mut first = true;
    poll_fn(|cx| {
        if !std::mem::replace(&mut first, false) {
            return Poll::Ready(());
        }
        *slot.lock().unwrap() = Some(cx.waker().clone());
        Poll::Pending
    })
    .await;
}

fn take(slot: &Slot) -> Waker {
    slot.lock().unwrap().take().expect("the task waits")
}

#[test]
fn a_foreign_wake_up_wakes_a_sleeping_runner() {
    for _ in 0..100 {
        let slot = Slot::default();
        let executor = LocalExecutor::new();
        let task = executor.spawn(async {
            wait(&slot).await;
            3
        });
        assert!(executor.try_tick());
        let waker = take(&slot);
        let result = thread::scope(|scope| {
            scope.spawn(move || waker.wake());
            block_on(executor.run(task))
        });
        assert_eq!(result, 3);
    }
}

#[test]
fn a_foreign_wake_up_of_the_main_future_is_received() {
    for tasks in 0..100 {
        let slot = Slot::default();
        let barrier = Barrier::new(2);
        let executor = LocalExecutor::new();
        // Those before it have the first slots of the table, or have had the one that it gets.
        for _ in 0..tasks % 3 {
            executor.spawn(pending::<()>()).detach();
        }
        drop(executor.spawn(async {}));
        while executor.try_tick() {}
        thread::scope(|scope| {
            scope.spawn(|| {
                barrier.wait();
                take(&slot).wake();
            });
            let mut announced = false;
            block_on(executor.run(poll_fn(|cx| {
                if announced {
                    return Poll::Ready(());
                }
                announced = true;
                *slot.lock().unwrap() = Some(cx.waker().clone());
                barrier.wait();
                Poll::Pending
            })));
        });
    }
}

#[test]
fn foreign_wake_ups_are_received_in_their_order_before_the_next_step() {
    let slots: Vec<Slot> = (0..4).map(|_| Slot::default()).collect();
    let executor = LocalExecutor::new();
    let tasks: Vec<_> = slots
        .iter()
        .map(|slot| executor.spawn(wait(slot)))
        .collect();
    while executor.try_tick() {}
    let ids: Vec<_> = tasks.iter().map(|task| task.metadata().id()).collect();

    let wakers: Vec<Waker> = [2, 0, 3].map(|index: usize| take(&slots[index])).into();
    take(&slots[1]).wake();
    thread::spawn(move || wakers.into_iter().for_each(Waker::wake))
        .join()
        .unwrap();
    assert_eq!(executor.ready_ids(), [ids[1], ids[2], ids[0], ids[3]]);
}

/// What other threads delivered comes before whatever is put into the queue later.
#[test]
fn a_foreign_wake_up_is_not_overtaken() {
    let slot = Slot::default();
    let executor = LocalExecutor::new();
    let waits = executor.spawn(wait(&slot));
    assert!(executor.try_tick());
    let woken = waits.metadata().id();
    let wake = || {
        let waker = take(&slot);
        thread::spawn(move || waker.wake()).join().unwrap();
    };
    let block_again = || {
        drop(executor.spawn(async {}));
        while executor.try_tick() {}
    };

    wake();
    let spawned = executor.spawn(async {});
    assert_eq!(executor.ready_ids(), [woken, spawned.metadata().id()]);
    drop(spawned);
    drop(waits);
    block_again();

    for back in [true, false] {
        let waits = executor.spawn(wait(&slot));
        assert!(executor.try_tick());
        let woken = waits.metadata().id();
        let other = executor.spawn(async {});
        let parked = executor.ready_pop().unwrap();
        wake();
        match back {
            true => drop(parked),
            false => parked.insert(Position::After(woken)).unwrap(),
        }
        assert_eq!(executor.ready_ids(), [woken, other.metadata().id()]);
        drop((waits, other));
        block_again();
    }

    // A wake-up at home, too.
    let (near, far) = (Slot::default(), Slot::default());
    let executor = LocalExecutor::new();
    let tasks = [&near, &far].map(|slot| {
        let slot = Arc::clone(slot);
        executor.spawn(async move { wait(&slot).await })
    });
    while executor.try_tick() {}
    let waker = take(&far);
    thread::spawn(move || waker.wake()).join().unwrap();
    take(&near).wake();
    let ids = tasks.each_ref().map(|task| task.metadata().id());
    assert_eq!(executor.ready_ids(), [ids[1], ids[0]]);
}

#[test]
fn many_threads_waking_many_tasks_lose_nothing() {
    const THREADS: usize = 4;
    const ROUNDS: usize = 200;
    let slots: Vec<Slot> = (0..THREADS).map(|_| Slot::default()).collect();
    let polls = AtomicUsize::new(0);
    let executor = LocalExecutor::new();
    let tasks: Vec<_> = slots
        .iter()
        .map(|slot| {
            executor.spawn(async {
                for _ in 0..ROUNDS {
                    wait(slot).await;
                    polls.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    thread::scope(|scope| {
        for slot in &slots {
            scope.spawn(move || {
                for _ in 0..ROUNDS {
                    let waker = loop {
                        match slot.lock().unwrap().take() {
                            Some(waker) => break waker,
                            None => thread::yield_now(),
                        }
                    };
                    waker.wake();
                }
            });
        }
        block_on(executor.run(async {
            for task in tasks {
                task.await;
            }
        }));
    });
    assert_eq!(polls.load(Ordering::Relaxed), THREADS * ROUNDS);
}

#[test]
fn the_queue_may_be_rearranged_during_a_storm() {
    const WAKES: usize = 500;
    let slot = Slot::default();
    let woken = Cell::new(0);
    let executor = LocalExecutor::new();
    let stormed = executor.spawn(async {
        for _ in 0..WAKES {
            wait(&slot).await;
            woken.set(woken.get() + 1);
        }
    });
    let local: Vec<_> = (0..5)
        .map(|_| {
            executor.spawn(async {
                loop {
                    yield_now().await;
                }
            })
        })
        .collect();
    thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..WAKES {
                let waker = loop {
                    match slot.lock().unwrap().take() {
                        Some(waker) => break waker,
                        None => thread::yield_now(),
                    }
                };
                waker.wake();
            }
        });
        let mut turn = 0;
        while woken.get() < WAKES {
            executor.try_tick();
            executor.ready_rotate_left(turn);
            if let Some(parked) = executor.ready_pop() {
                parked.insert(turn % 4).unwrap();
            }
            let ready = executor.ready_ids();
            let unique: std::collections::HashSet<_> = ready.iter().collect();
            assert_eq!(unique.len(), ready.len());
            turn += 1;
        }
    });
    assert!(executor.tasks().len() >= local.len());
    drop(stormed);
}

#[test]
fn dropping_a_handle_elsewhere_cancels_at_home() {
    let dropped = Rc::new(Cell::new(0));
    let executor = LocalExecutor::new();
    let homebody = Homebody::new(&dropped);
    let task = executor.spawn(async move {
        pending::<()>().await;
        drop(homebody);
    });
    assert!(executor.try_tick());
    thread::spawn(move || drop(task)).join().unwrap();
    assert_eq!(dropped.get(), 0);
    assert!(executor.try_tick());
    assert_eq!(dropped.get(), 1);
    assert!(executor.is_empty());
}

#[test]
fn a_handle_may_be_awaited_elsewhere() {
    let executor = LocalExecutor::new();
    let task = executor.spawn(async { String::from("sent") });
    let thread = thread::spawn(move || block_on(task));
    assert!(executor.try_tick());
    assert_eq!(thread.join().unwrap(), "sent");
}

#[test]
fn a_waker_that_outlives_the_executor_does_nothing() {
    let dropped = Rc::new(Cell::new(0));
    let slot = Slot::default();
    let executor = LocalExecutor::new();
    let homebody = Homebody::new(&dropped);
    let task = {
        let slot = Arc::clone(&slot);
        executor.spawn(async move {
            wait(&slot).await;
            drop(homebody);
        })
    };
    assert!(executor.try_tick());
    drop(executor);
    assert_eq!(dropped.get(), 1);

    let waker = take(&slot);
    waker.wake_by_ref();
    thread::spawn(move || {
        waker.wake_by_ref();
        drop(waker);
    })
    .join()
    .unwrap();
    assert!(block_on(poll_once(task.fallible())).unwrap().is_none());
}

#[test]
fn the_main_waker_may_outlive_everything() {
    let slot = Slot::default();
    let executor = LocalExecutor::new();
    {
        let mut run = Box::pin(executor.run(wait(&slot)));
        assert!(block_on(poll_once(run.as_mut())).is_none());
    }
    let waker = take(&slot);
    waker.wake_by_ref();
    assert_eq!(executor.ready_len(), 0);
    drop(executor);
    waker.wake_by_ref();
    thread::spawn(move || waker.wake()).join().unwrap();
}

/// The executor is dropped while other threads wake and cancel its tasks.
#[test]
fn dropping_the_executor_during_wake_ups_drops_every_future_at_home() {
    const TASKS: usize = 8;
    for _ in 0..200 {
        let dropped = Rc::new(Cell::new(0));
        let slots: Vec<Slot> = (0..TASKS).map(|_| Slot::default()).collect();
        let executor = LocalExecutor::new();
        let tasks: Vec<_> = slots
            .iter()
            .map(|slot| {
                let homebody = Homebody::new(&dropped);
                let slot = Arc::clone(slot);
                executor.spawn(async move {
                    loop {
                        wait(&slot).await;
                        let _ = &homebody;
                    }
                })
            })
            .collect();
        while executor.try_tick() {}
        let barrier = Arc::new(Barrier::new(3));
        let threads = [
            thread::spawn({
                let barrier = Arc::clone(&barrier);
                let wakers: Vec<Waker> = slots.iter().map(take).collect();
                move || {
                    barrier.wait();
                    for waker in wakers {
                        waker.wake_by_ref();
                        waker.wake();
                    }
                }
            }),
            thread::spawn({
                let barrier = Arc::clone(&barrier);
                move || {
                    barrier.wait();
                    drop(tasks);
                }
            }),
        ];
        barrier.wait();
        drop(executor);
        assert_eq!(dropped.get(), TASKS);
        for thread in threads {
            thread.join().unwrap();
        }
    }
}
