//! Async functions as blocking ones, and back.
#![cfg(all(feature = "enter", not(loom)))]

use std::cell::Cell;
use std::future::{Future, pending};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Barrier;
use std::task::{Context, Poll, Waker};
use std::thread;

use async_channel::unbounded;
use corokit_sync_bridge::{await_sync, enter, in_sync_drive, leave};
use futures_lite::future::{block_on, yield_now, zip};

struct Counter {
    step: u32,
}

impl Counter {
    async fn next(&self, number: u32) -> u32 {
        yield_now().await;
        number + self.step
    }
}

#[test]
fn a_function_a_closure_and_a_method_are_entered() {
    async fn double(number: u32) -> u32 {
        number * 2
    }
    assert_eq!(enter(double)(21).unwrap(), 42);

    let counter = Counter { step: 2 };
    let next = enter(async |number| counter.next(number).await);
    assert_eq!((next(40).unwrap(), next(1).unwrap()), (42, 3));

    let add = enter(|(a, b): (u32, u32)| async move { a + b });
    assert_eq!(add((1, 2)).unwrap(), 3);
}

#[test]
fn a_function_that_blocks_is_an_error_that_names_the_place() {
    let line = line!() + 1;
    let waits = enter(async |()| pending::<()>().await);
    assert_eq!(waits(()).unwrap_err().called_at().line(), line);
}

#[test]
fn a_blocking_function_is_called_inside_of_a_drive() {
    fn length(text: &str) -> usize {
        text.len()
    }
    let counter = Counter { step: 2 };
    let step = leave(|more: u32| counter.step + more);
    let both = await_sync(async {
        yield_now().await;
        (leave(length)("four").await, step(40).await)
    });
    assert_eq!(both.unwrap(), (Ok(4), Ok(42)));
    // Through a combinator that passes the waker on.
    let zipped = await_sync(zip(leave(length)("a"), leave(length)("bb")));
    assert_eq!(zipped.unwrap(), (Ok(1), Ok(2)));
}

#[test]
fn outside_of_a_drive_it_is_refused_before_it_is_called() {
    let called = Cell::new(false);
    let call = leave(|text: String| {
        called.set(true);
        text
    });
    let tokio = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let refused = [
        block_on(call("one".to_owned())),
        smol::block_on(call("two".to_owned())),
        tokio.block_on(call("three".to_owned())),
        corokit_sched_loop::run(call("four".to_owned())),
    ];
    let arguments = refused.map(|result| result.unwrap_err().into_argument());
    assert_eq!(arguments, ["one", "two", "three", "four"]);
    assert!(!called.get());
}

#[test]
fn the_flag_is_cleared_by_a_panic_of_the_body_and_of_the_callback() {
    let panics = leave(|()| panic!("the callback"));
    let bodies: [Pin<Box<dyn Future<Output = ()>>>; 2] = [
        Box::pin(async { panic!("the body") }),
        Box::pin(async { panics(()).await.unwrap() }),
    ];
    for body in bodies {
        assert!(catch_unwind(AssertUnwindSafe(|| await_sync(body))).is_err());
        assert!(!block_on(in_sync_drive()));
        assert!(await_sync(in_sync_drive()).unwrap());
    }
    // A panic of an inner drive, caught, leaves the outer one in place.
    let outer = await_sync(async {
        let inner = catch_unwind(|| await_sync(async { panic!("inner") }));
        inner.is_err() && in_sync_drive().await
    });
    assert!(outer.unwrap());
}

#[test]
fn drives_nest() {
    let seen = await_sync(async {
        let before = in_sync_drive().await;
        let inside = await_sync(in_sync_drive()).unwrap();
        let callback = leave(|()| await_sync(in_sync_drive()).unwrap())(())
            .await
            .unwrap();
        [before, inside, callback, in_sync_drive().await]
    });
    assert_eq!(seen.unwrap(), [true; 4]);
    assert!(!block_on(in_sync_drive()));
}

#[test]
fn an_executor_inside_of_a_drive_polls_tasks_that_are_not_driven() {
    let tokio = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let seen = await_sync(async {
        let inside = [
            block_on(in_sync_drive()),
            smol::block_on(in_sync_drive()),
            tokio.block_on(in_sync_drive()),
            corokit_sched_loop::run(async { corokit_sched_loop::spawn(in_sync_drive()).await }),
        ];
        // It is back afterwards.
        (inside, in_sync_drive().await)
    });
    assert_eq!(seen.unwrap(), ([false; 4], true));
}

#[test]
fn a_task_made_during_a_drive_and_run_later_is_refused() {
    let called = Rc::new(Cell::new(false));
    let note = Rc::clone(&called);
    let executor = async_executor::LocalExecutor::new();
    let mut task = None;
    let spawned = await_sync(async {
        let call = leave(move |()| note.set(true));
        task = Some(executor.spawn(async move { call(()).await.is_err() }));
    });
    assert!(spawned.is_ok());
    assert!(block_on(executor.run(task.unwrap())));
    assert!(!called.get());
}

/// Drives, and gives the waker of the drive away.
fn stolen_waker() -> Waker {
    await_sync(std::future::poll_fn(|cx| Poll::Ready(cx.waker().clone()))).unwrap()
}

#[test]
fn a_waker_that_outlives_its_drive_does_not_make_one() {
    let poll = |waker: &Waker| {
        let flag = pin!(in_sync_drive());
        flag.poll(&mut Context::from_waker(waker)) == Poll::Ready(true)
    };
    let own = stolen_waker();
    assert!(!poll(&own));
    // Nor that of another thread, inside of a drive of this one.
    let foreign = thread::spawn(stolen_waker).join().unwrap();
    assert!(!await_sync(async { poll(&own) || poll(&foreign) }).unwrap());
    assert!(!poll(&foreign));
}

#[test]
fn threads_drive_independently() {
    let barrier = Barrier::new(2);
    let drives = |driven: bool| {
        let seen = async || {
            barrier.wait();
            let seen = in_sync_drive().await;
            barrier.wait();
            seen
        };
        match driven {
            true => await_sync(seen()).unwrap(),
            false => block_on(seen()),
        }
    };
    thread::scope(|scope| {
        let other = scope.spawn(|| (drives(true), drives(false)));
        assert_eq!((drives(true), drives(true)), (true, true));
        assert_eq!(other.join().unwrap(), (true, false));
    });
}

#[test]
fn a_call_that_is_never_polled_is_never_made() {
    let called = Cell::new(false);
    drop(leave(|()| called.set(true))(()));
    assert!(!called.get());
}

#[test]
fn one_async_function_serves_both_colours() {
    async fn sum(read: impl AsyncFn() -> u32) -> u32 {
        read().await + read().await
    }
    let read = leave(|()| 21);
    assert_eq!(
        await_sync(sum(async || read(()).await.unwrap())).unwrap(),
        42
    );
    let (sender, receiver) = unbounded();
    sender.try_send(1).unwrap();
    sender.try_send(2).unwrap();
    assert_eq!(block_on(sum(async || receiver.recv().await.unwrap())), 3);
}

#[test]
#[cfg(feature = "pool")]
fn a_blocking_function_moves_to_a_thread_where_it_would_block_an_executor() {
    use corokit_sync_bridge::leave_or_unblock;
    let whereabouts = leave_or_unblock(|number: u32| (thread::current().id(), number));
    let here = thread::current().id();
    assert_eq!(await_sync(whereabouts(1)).unwrap(), (here, 1));
    let tokio = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let elsewhere = [
        block_on(whereabouts(2)),
        smol::block_on(whereabouts(2)),
        tokio.block_on(whereabouts(2)),
        corokit_sched_loop::run(whereabouts(2)),
        // An executor inside of a drive is an executor.
        await_sync(async { block_on(whereabouts(2)) }).unwrap(),
    ];
    assert!(
        elsewhere
            .iter()
            .all(|(thread, number)| *thread != here && *number == 2)
    );

    // Begun on the pool, it goes on there.
    let mut call = pin!(whereabouts(3));
    let mut cx = Context::from_waker(Waker::noop());
    let (thread, number) = match call.as_mut().poll(&mut cx) {
        Poll::Ready(output) => output,
        Poll::Pending => await_sync(async { block_on(call) }).unwrap(),
    };
    assert!(thread != here && number == 3);
    drop(whereabouts(4));
}
