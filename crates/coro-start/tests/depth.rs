//! Nested eager calls: how they are counted, and that no depth overflows the stack.
#![cfg(feature = "std")]

#[path = "support/message.rs"]
mod message;

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::panic::catch_unwind;
use std::pin::Pin;
use std::rc::Rc;
use std::thread;

use async_executor::{LocalExecutor, Task};
use corokit_coro_start::{Eager, depth, eager};
use futures_lite::future::{block_on, yield_now};
use message::message_of;

type Executor = Rc<LocalExecutor<'static>>;

/// What a recursion saw: how many calls were held back, and the greatest depth.
#[derive(Default)]
struct Seen {
    spawned: Cell<usize>,
    deepest: Cell<usize>,
}

/// A recursion of the given number of levels, each an eager call; `bottom` is run at the end.
fn nested(
    levels: usize,
    executor: &Executor,
    seen: &Rc<Seen>,
    bottom: fn() -> Pin<Box<dyn Future<Output = ()>>>,
) -> Eager<usize, Task<usize>> {
    let (spawner, spawned) = (executor.clone(), seen.clone());
    let (executor, seen) = (executor.clone(), seen.clone());
    eager(
        async move {
            seen.deepest.set(seen.deepest.get().max(depth::current()));
            if levels == 0 {
                bottom().await;
                return 0;
            }
            nested(levels - 1, &executor, &seen, bottom).await + 1
        },
        move |rest| {
            spawned.spawned.set(spawned.spawned.get() + 1);
            spawner.spawn(rest)
        },
    )
}

/// Runs the body on a thread whose stack holds the guarded depth and no more than some tens of that.
fn on_a_small_stack(body: impl FnOnce() + Send + 'static) {
    thread::Builder::new()
        .stack_size(1 << 20)
        .spawn(body)
        .unwrap()
        .join()
        .unwrap();
}

#[test]
fn ten_thousand_levels_that_do_not_block() {
    on_a_small_stack(|| {
        let (executor, seen) = (Executor::default(), Rc::new(Seen::default()));
        let root = nested(10_000, &executor, &seen, || Box::pin(async {}));
        assert_eq!(block_on(executor.run(root)), 10_000);
        assert_eq!(seen.deepest.get(), depth::LIMIT);
        assert_eq!(depth::current(), 0);
    });
}

#[test]
fn ten_thousand_levels_that_block() {
    on_a_small_stack(|| {
        let (executor, seen) = (Executor::default(), Rc::new(Seen::default()));
        let root = nested(10_000, &executor, &seen, || Box::pin(yield_now()));
        assert!(!root.is_ready());
        assert_eq!(block_on(executor.run(root)), 10_000);
        assert_eq!(seen.spawned.get(), 10_001);
        assert_eq!(depth::current(), 0);
    });
}

#[test]
fn ten_thousand_levels_dropped_half_way() {
    on_a_small_stack(|| {
        let (executor, seen) = (Executor::default(), Rc::new(Seen::default()));
        let root = nested(
            10_000,
            &executor,
            &seen,
            || Box::pin(std::future::pending()),
        );
        for _ in 0..100 {
            executor.try_tick();
        }
        drop(root);
        while executor.try_tick() {}
        assert!(executor.is_empty());
        assert_eq!(Rc::strong_count(&seen), 1, "every level was dropped");
        assert_eq!(depth::current(), 0);
    });
}

#[test]
fn up_to_the_limit_nothing_is_spawned() {
    // `LIMIT` calls are on the stack at once when the innermost of `LIMIT - 1` further levels runs.
    let (executor, seen) = (Executor::default(), Rc::new(Seen::default()));
    let root = nested(depth::LIMIT - 1, &executor, &seen, || Box::pin(async {}));
    assert_eq!(root.into_ready().ok(), Some(depth::LIMIT - 1));
    assert_eq!(seen.spawned.get(), 0);
    assert_eq!(seen.deepest.get(), depth::LIMIT);
}

#[test]
fn at_the_limit_the_future_is_spawned_without_having_been_polled() {
    let (executor, seen) = (Executor::default(), Rc::new(Seen::default()));
    let root = nested(depth::LIMIT, &executor, &seen, || {
        // The innermost level starts in its task, where no first leg is under way.
        assert_eq!(depth::current(), 0);
        Box::pin(async {})
    });
    // The innermost level has not finished, so all the others wait for it.
    assert_eq!(seen.spawned.get(), depth::LIMIT + 1);
    assert_eq!(block_on(executor.run(root)), depth::LIMIT);
}

#[test]
fn calls_one_after_another_do_not_nest() {
    for _ in 0..10 * depth::LIMIT {
        let child = eager(async { depth::current() }, |rest| rest);
        assert_eq!(child.into_ready().ok(), Some(1));
    }
}

#[test]
fn the_count_is_back_before_the_spawner_runs() {
    let seen = eager(yield_now(), |_| depth::current());
    assert!(matches!(seen, Eager::Task(0)));
}

#[test]
fn the_rest_of_a_future_counts_from_where_it_runs() {
    let depths = RefCell::new(Vec::new());
    let executor = LocalExecutor::new();
    let child = eager(
        async {
            depths.borrow_mut().push(depth::current());
            yield_now().await;
            depths.borrow_mut().push(depth::current());
        },
        |rest| executor.spawn(rest),
    );
    block_on(executor.run(child));
    assert_eq!(*depths.borrow(), [1, 0]);
}

#[test]
fn each_thread_counts_for_itself() {
    let child = eager(
        async {
            let other = thread::spawn(depth::current).join().unwrap();
            (depth::current(), other)
        },
        |rest| rest,
    );
    assert_eq!(child.into_ready().ok(), Some((1, 0)));
}

async fn panicking() {
    panic!("bottom")
}

#[test]
fn a_panic_of_a_nested_first_leg_passes_through_all_levels() {
    let message = message_of(|| {
        eager(
            async {
                assert_eq!(depth::current(), 1);
                eager(
                    async {
                        assert_eq!(depth::current(), 2);
                        eager(panicking(), |rest| rest).await
                    },
                    |rest| rest,
                )
                .await
            },
            |rest| rest,
        )
    });
    assert_eq!(message, "bottom");
    assert_eq!(depth::current(), 0);
}

#[test]
fn a_nested_panic_that_is_caught_leaves_the_outer_level_alone() {
    let outer = eager(
        async {
            let caught = catch_unwind(|| {
                drop(eager(panicking(), |rest| rest));
            });
            (caught.is_err(), depth::current())
        },
        |rest| rest,
    );
    assert_eq!(outer.into_ready().ok(), Some((true, 1)));
    assert_eq!(depth::current(), 0);
}
