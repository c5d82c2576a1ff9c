//! Libraries that take any place to spawn on take executors, loops, handles and functions.

use std::cell::RefCell;
use std::future::Future;
use std::rc::Rc;

use corokit_core::{LocalSpawn, Spawn};
use corokit_sched_loop::EventLoop;
use corokit_scheduler::LocalExecutor;
use futures_lite::future::{Boxed, BoxedLocal, block_on, yield_now};

/// What a library does: spawns two tasks and awaits both.
async fn both<S>(spawner: &S) -> Vec<&'static str>
where
    S: LocalSpawn<BoxedLocal<()>, Handle: Future<Output = ()>>,
{
    let log = Rc::new(RefCell::new(Vec::new()));
    let tasks = ["one", "two"].map(|name| {
        let log = log.clone();
        spawner.spawn_local(Box::pin(async move {
            log.borrow_mut().push(name);
            yield_now().await;
            log.borrow_mut().push(name);
        }))
    });
    log.borrow_mut().push("library");
    for task in tasks {
        task.await;
    }
    log.take()
}

const ORDER: [&str; 5] = ["library", "one", "two", "one", "two"];

#[test]
fn on_everything_that_takes_local_futures() {
    let executor = LocalExecutor::new();
    assert_eq!(block_on(executor.run(both(&executor))), ORDER);

    let event_loop = EventLoop::new();
    assert_eq!(event_loop.run(both(&event_loop)), ORDER);
    assert_eq!(event_loop.run(both(&event_loop.handle())), ORDER);

    let current = |future: BoxedLocal<()>| corokit_sched_loop::spawn(future);
    assert_eq!(event_loop.run(both(&current)), ORDER);

    let smol = async_executor::LocalExecutor::new();
    let spawn = |future: BoxedLocal<()>| smol.spawn(future);
    assert_eq!(block_on(smol.run(both(&spawn))), ORDER);
}

#[test]
fn a_place_may_borrow_what_its_tasks_borrow() {
    let text = String::from("borrowed");
    let executor = LocalExecutor::new();
    let task = executor.spawn_local(async { text.len() });
    assert_eq!(block_on(executor.run(task)), 8);
}

/// Asks for a place that may be anywhere.
fn anywhere<S: Spawn<Boxed<u32>>>(spawner: &S) -> S::Handle {
    spawner.spawn_local(Box::pin(async { 7 }))
}

#[test]
fn futures_that_may_go_anywhere_go_everywhere() {
    let executor = async_executor::Executor::new();
    let task = anywhere(&|future: Boxed<u32>| executor.spawn(future));
    assert_eq!(block_on(executor.run(task)), 7);

    let local = LocalExecutor::new();
    let task = anywhere(&local);
    assert_eq!(block_on(local.run(task)), 7);
}
