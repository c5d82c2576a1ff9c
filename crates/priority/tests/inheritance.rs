//! What is lent counts in the ready queue: a holder runs as soon as those who wait for it would.
#![cfg(not(loom))]

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::thread;

use corokit_priority::{Ageing, Priority, PriorityMutex, PriorityQueue, TaskNode, spawn};
use corokit_sched_loop::{self as sched_loop, EventLoop, Task, TaskExt};
use futures_lite::future::{pending, yield_now};

type Log = Rc<RefCell<Vec<&'static str>>>;

fn strict() -> EventLoop {
    EventLoop::with_queue(PriorityQueue::with_ageing(Ageing::Strict))
}

/// A task that takes locks, yields with them, and notes its name when it gives them back.
fn locker<const N: usize>(
    log: &Log,
    name: &'static str,
    priority: i32,
    mutexes: [&Rc<PriorityMutex<()>>; N],
) -> (Task<()>, TaskNode) {
    let log = Rc::clone(log);
    let mutexes = mutexes.map(Rc::clone);
    let body = async move {
        let mut guards = Vec::new();
        for mutex in &mutexes {
            guards.push(mutex.lock().await);
            yield_now().await;
        }
        log.borrow_mut().push(name);
    };
    spawn(Priority::new(priority), body, sched_loop::spawn)
}

/// The order of asynkit's own test: without a high waiter `medium, low`, with it the low one first.
#[test]
fn a_low_holder_goes_before_the_medium_ones_while_a_high_one_waits() {
    for with_high in [false, true] {
        let log = Log::default();
        let note = Rc::clone(&log);
        strict().run(async move {
            let me = sched_loop::current_task().unwrap();
            sched_loop::set_priority(me, Priority::new(100)).unwrap();
            let mutex = Rc::new(PriorityMutex::new(()));
            let (low, _) = locker(&note, "low", 5, [&mutex]);
            sched_loop::task_switch(low.id(), 1).await.unwrap();
            let (medium, _) = locker(&note, "medium", 0, []);
            let high = with_high.then(|| locker(&note, "high", -5, [&mutex]).0);
            low.await;
            medium.await;
            if let Some(high) = high {
                high.await;
            }
        });
        match with_high {
            false => assert_eq!(*log.borrow(), ["medium", "low"]),
            true => assert_eq!(*log.borrow(), ["low", "high", "medium"]),
        }
    }
}

#[test]
fn the_same_through_two_locks() {
    let log = Log::default();
    let note = Rc::clone(&log);
    strict().run(async move {
        let me = sched_loop::current_task().unwrap();
        sched_loop::set_priority(me, Priority::new(100)).unwrap();
        let (near, far) = (
            Rc::new(PriorityMutex::new(())),
            Rc::new(PriorityMutex::new(())),
        );
        let (first, first_node) = locker(&note, "low with the far lock", 5, [&far]);
        sched_loop::task_switch(first.id(), 1).await.unwrap();
        let (second, second_node) = locker(&note, "low with the near lock", 5, [&near, &far]);
        sched_loop::task_switch(second.id(), 1).await.unwrap();
        sched_loop::task_switch(second.id(), 1).await.unwrap();
        let (high, _) = locker(&note, "high", -5, [&near]);
        let (medium, _) = locker(&note, "medium", 0, []);
        sched_loop::task_switch(high.id(), 1).await.unwrap();
        assert_eq!(first_node.effective_priority(), Priority::new(-5));
        assert_eq!(second_node.effective_priority(), Priority::new(-5));
        assert_eq!(sched_loop::priority(first.id()), Ok(Priority::new(-5)));
        for task in [first, second, high, medium] {
            task.await;
        }
        assert_eq!(first_node.effective_priority(), Priority::new(5));
    });
    assert_eq!(
        *log.borrow(),
        [
            "low with the far lock",
            "low with the near lock",
            "high",
            "medium"
        ]
    );
}

/// How many steps the urgent one waits does not depend on how many others keep the thread busy.
#[test]
fn an_inversion_lasts_as_long_as_the_holder_needs() {
    let steps = |hogs: usize| {
        let event_loop = strict();
        let mutex = Rc::new(PriorityMutex::new(()));
        let hold = Rc::clone(&mutex);
        let body = async move {
            let _guard = hold.lock().await;
            for _ in 0..10 {
                yield_now().await;
            }
        };
        let (low, _) = spawn(Priority::LOW, body, |future| event_loop.spawn(future));
        assert!(event_loop.try_tick());
        for _ in 0..hogs {
            event_loop
                .spawn(async {
                    loop {
                        yield_now().await;
                    }
                })
                .detach();
        }
        let body = async move { drop(mutex.lock().await) };
        let (high, _) = spawn(Priority::HIGH, body, |future| event_loop.spawn(future));
        let mut steps = 0;
        while !high.is_finished() {
            assert!(event_loop.try_tick());
            steps += 1;
            assert!(steps < 1_000, "the holder does not get on");
        }
        low.detach();
        steps
    };
    let alone = steps(0);
    assert_eq!((steps(1), steps(10), steps(50)), (alone, alone, alone));
}

#[test]
fn what_is_lent_is_taken_back_in_the_queue_as_well() {
    let event_loop = strict();
    let mutex = Rc::new(PriorityMutex::new(()));
    let hold = Rc::clone(&mutex);
    let body = async move {
        let _guard = hold.lock().await;
        pending::<()>().await;
    };
    let (low, _) = spawn(Priority::LOW, body, |future| event_loop.spawn(future));
    let wait = Rc::clone(&mutex);
    let body = async move { drop(wait.lock().await) };
    let (high, node) = spawn(Priority::HIGH, body, |future| event_loop.spawn(future));
    // The low one has the lock before the other asks.
    event_loop.executor().ready_reinsert(low.id(), 0).unwrap();
    event_loop.run_until_stalled();
    let priority = || event_loop.handle().priority(low.id());
    assert_eq!(priority(), Ok(Priority::HIGH));
    node.set_priority(Priority::new(2));
    assert_eq!(priority(), Ok(Priority::new(2)));
    drop(high);
    event_loop.run_until_stalled();
    assert_eq!(priority(), Ok(Priority::LOW));
}

/// One who waits on another thread is waited for all the same.
#[test]
fn a_thread_that_waits_lends_to_a_task() {
    let mutex = Arc::new(PriorityMutex::new(0));
    let event_loop = strict();
    let hold = Arc::clone(&mutex);
    let body = async move {
        let mut guard = hold.lock().await;
        yield_now().await;
        *guard += 1;
    };
    let (low, node) = spawn(Priority::LOW, body, |future| event_loop.spawn(future));
    assert!(event_loop.try_tick());
    event_loop
        .spawn(async {
            loop {
                yield_now().await;
            }
        })
        .detach();
    let waiter = {
        let mutex = Arc::clone(&mutex);
        thread::spawn(move || {
            let lock = mutex.lock_at(Priority::HIGH);
            *futures_lite::future::block_on(lock)
        })
    };
    // The spinner would keep the low one off for ever.
    while !low.is_finished() {
        assert!(event_loop.try_tick());
    }
    assert_eq!(waiter.join().unwrap(), 1);
    assert_eq!(node.effective_priority(), Priority::LOW);
}
