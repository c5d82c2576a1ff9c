//! The program that the examples look at: tasks that behave well, and some that do not.

use std::future::pending;
use std::rc::Rc;
use std::time::{Duration, Instant};

use async_lock::Mutex;
use corokit_sched_loop::{self as sched_loop, sleep};
use futures_lite::future::yield_now;

/// Runs for so long.
pub(crate) async fn run(duration: Duration) {
    let deadline = Instant::now() + duration;
    let lock = Rc::new(Mutex::new(0_u64));
    for number in 0..2 {
        let lock = Rc::clone(&lock);
        let locker = sched_loop::task().name(format!("locker-{number}"));
        locker.spawn(hold_the_lock(lock)).detach();
    }
    let (sender, receiver) = async_channel::bounded(4);
    let producer = sched_loop::task().name("producer");
    let producer = producer.spawn(async move {
        for item in 0_u64.. {
            sleep(Duration::from_millis(20)).await;
            if sender.send(item).await.is_err() {
                return;
            }
        }
    });
    let consumer = sched_loop::task().name("consumer");
    let consumer = consumer.spawn(async move { while receiver.recv().await.is_ok() {} });

    // Blocks the thread, and so every other task, for a part of the time.
    let blocker = sched_loop::task().name("busy-blocker");
    blocker.spawn(block_now_and_then()).detach();
    // Wakes itself more often than anybody else does.
    sched_loop::task().name("self-waker").spawn(spin()).detach();
    // Nobody has its waker: it will never go on.
    let stuck = sched_loop::task().name("never-woken");
    stuck.spawn(pending::<()>()).detach();

    sched_loop::sleep_until(deadline).await;
    drop((producer, consumer));
}

async fn hold_the_lock(lock: Rc<Mutex<u64>>) {
    loop {
        let mut count = lock.lock().await;
        *count += 1;
        sleep(Duration::from_millis(50)).await;
        drop(count);
        yield_now().await;
    }
}

async fn block_now_and_then() {
    loop {
        sleep(Duration::from_millis(100)).await;
        std::thread::sleep(Duration::from_millis(20));
    }
}

async fn spin() {
    loop {
        for _ in 0..100 {
            yield_now().await;
        }
        sleep(Duration::from_millis(10)).await;
    }
}
