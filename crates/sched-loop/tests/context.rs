//! Each task of a loop has a context of its own.
#![cfg(feature = "context")]

use std::time::Duration;

use corokit_sched_loop as sched_loop;
use corokit_sched_loop::EventLoop;
use corokit_sched_loop::context::{Context, ContextVar};
use futures_lite::future::yield_now;

static LEVEL: ContextVar<u32> = ContextVar::new();

#[test]
fn a_task_keeps_its_values_across_timers() {
    let values = corokit_lab::run(0, |_| async {
        LEVEL.set(1);
        let tasks = [10, 20, 30].map(|n| {
            sched_loop::spawn(async move {
                LEVEL.set(LEVEL.get().unwrap() + n);
                sched_loop::sleep(Duration::from_secs(60)).await;
                LEVEL.get()
            })
        });
        LEVEL.set(2);
        let mut values = Vec::new();
        for task in tasks {
            values.push(task.await);
        }
        values.push(LEVEL.get());
        values
    });
    assert_eq!(values, [Some(11), Some(21), Some(31), Some(2)]);
}

/// A main future shares the context of whoever runs the loop; a scope gives it its own.
#[test]
fn a_main_future_shares_the_context_of_the_caller() {
    LEVEL.set(1);
    sched_loop::run(async { drop(LEVEL.set(2)) });
    assert_eq!(LEVEL.get(), Some(2));
    sched_loop::run(Context::current().scope(async { drop(LEVEL.set(3)) }));
    assert_eq!(LEVEL.get(), Some(2));
}

/// However a child is started, what it sets is its own, before and after it first blocks.
#[test]
fn every_way_to_start_a_child_gives_it_its_own() {
    async fn body() -> Option<u32> {
        assert_eq!(LEVEL.get(), Some(1));
        LEVEL.set(2);
        yield_now().await;
        assert_eq!(LEVEL.get(), Some(2));
        LEVEL.set(3);
        LEVEL.get()
    }
    sched_loop::run(async {
        LEVEL.set(1);
        let started = sched_loop::create_task_start(body()).await.unwrap();
        assert_eq!(LEVEL.get(), Some(1));
        let descended = sched_loop::create_task_descend(body()).await.unwrap();
        assert_eq!(LEVEL.get(), Some(1));
        let eager = sched_loop::eager(body());
        assert_eq!(LEVEL.get(), Some(1));
        let builder = sched_loop::task().eager(true);
        let given = builder
            .context(Context::new().with_value(&LEVEL, 1))
            .spawn(body());
        LEVEL.set(7);
        assert_eq!((started.await, descended.await), (Some(3), Some(3)));
        assert_eq!((eager.await, given.await), (Some(3), Some(3)));
        assert_eq!(LEVEL.get(), Some(7));
    });
}

#[test]
fn a_loop_inside_a_task_and_the_outer_loop_are_apart() {
    let event_loop = EventLoop::new();
    let outer = event_loop.spawn(async {
        LEVEL.set(1);
        let inner = sched_loop::run(async {
            sched_loop::spawn(async {
                LEVEL.set(LEVEL.get().unwrap() + 1);
                LEVEL.get()
            })
            .await
        });
        (inner, LEVEL.get())
    });
    assert_eq!(event_loop.run(outer), (Some(2), Some(1)));
    assert_eq!(LEVEL.get(), None);
}
