//! Futures that are driven without an executor.
#![cfg(all(feature = "await-sync", not(loom)))]

use std::cell::Cell;
use std::future::{Future, pending, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::mpsc;
use std::task::{Context, Poll, Waker};
use std::thread;

use corokit_sync_bridge::{
    STEP_BUDGET, SyncDrive, SynchronousError, SynchronousErrorKind, aiter_sync, await_sync,
    try_await_sync,
};
use futures_lite::future::{block_on, yield_now, zip};
use futures_lite::{Stream, stream};

async fn yields(times: usize) {
    for _ in 0..times {
        yield_now().await;
    }
}

/// Yields by a clone of the waker.
async fn yield_by_a_clone() {
    let mut first = true;
    poll_fn(|cx| match std::mem::replace(&mut first, false) {
        true => {
            let clone = cx.waker().clone();
            clone.wake();
            Poll::Pending
        }
        false => Poll::Ready(()),
    })
    .await;
}

/// Tells when it is dropped.
struct Dropped(Rc<Cell<bool>>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.set(true);
    }
}

#[test]
fn a_future_that_has_no_need_to_wait_is_a_function() {
    async fn add(a: u32, b: u32) -> u32 {
        a + b
    }
    assert_eq!(
        await_sync(async { add(add(1, 2).await, 3).await }).unwrap(),
        6
    );
    let borrowed = String::from("text");
    assert_eq!(await_sync(async { borrowed.len() }).unwrap(), 4);
}

#[test]
fn yields_are_stepped_over_as_often_as_the_budget_says_and_no_more() {
    for budget in [0, 1, 2, 10, STEP_BUDGET] {
        let drive = SyncDrive::new().budget(budget);
        assert!(drive.run(yields(budget)).is_ok());
        let error = drive.run(yields(budget + 1)).unwrap_err();
        assert_eq!(error.kind(), SynchronousErrorKind::Yielded);
        assert_eq!(error.steps(), budget);
    }
    // The polls are counted: one more than the yields that the budget allows.
    let polls = Cell::new(0);
    let spin = poll_fn(|cx| {
        polls.set(polls.get() + 1);
        cx.waker().wake_by_ref();
        Poll::<()>::Pending
    });
    assert!(SyncDrive::new().budget(7).run(spin).is_err());
    assert_eq!(polls.get(), 8);
}

#[test]
fn a_yield_by_a_clone_of_the_waker_is_a_yield() {
    assert!(await_sync(yield_by_a_clone()).is_ok());
    let error = SyncDrive::strict().run(yield_by_a_clone()).unwrap_err();
    assert_eq!(error.kind(), SynchronousErrorKind::Yielded);
}

#[test]
fn cleaning_up_may_yield_unless_that_is_refused() {
    let cleaned = Cell::new(false);
    let body = async || {
        let result: Result<(), &str> = async {
            yield_now().await;
            Err("failed")
        }
        .await;
        yield_now().await;
        cleaned.set(true);
        result
    };
    assert_eq!(await_sync(body()).unwrap(), Err("failed"));
    assert!(cleaned.take());
    assert!(SyncDrive::strict().run(body()).is_err());
    assert!(!cleaned.get());
}

#[test]
fn a_body_that_will_not_give_up_is_given_up() {
    let error: Result<(), _> = await_sync(async {
        loop {
            yield_now().await;
        }
    });
    let error: SynchronousError = error.unwrap_err();
    assert_eq!(error.kind(), SynchronousErrorKind::Yielded);
    assert_eq!(error.steps(), STEP_BUDGET);
}

#[test]
fn a_future_that_blocks_is_an_error_and_is_dropped_before_it_returns() {
    let dropped = Rc::new(Cell::new(false));
    let guard = Dropped(Rc::clone(&dropped));
    let error = await_sync(async move {
        let _guard = guard;
        pending::<()>().await
    });
    assert!(dropped.get());
    assert_eq!(error.unwrap_err().kind(), SynchronousErrorKind::Blocked);
}

#[test]
fn a_wake_up_by_another_thread_is_not_a_yield() {
    let mut polls = 0;
    let woken_elsewhere = poll_fn(|cx| {
        polls += 1;
        let waker = cx.waker();
        thread::scope(|scope| scope.spawn(|| waker.wake_by_ref()).join().unwrap());
        Poll::<()>::Pending
    });
    let error = await_sync(woken_elsewhere).unwrap_err();
    assert_eq!(error.kind(), SynchronousErrorKind::Blocked);
    // Once, and with backtraces once more to see where.
    assert_eq!(polls, 1 + usize::from(cfg!(feature = "backtrace")));
}

#[test]
fn a_future_given_back_goes_on_where_it_stopped() {
    let (sender, receiver) = async_channel::bounded(1);
    let started = Rc::new(Cell::new(0));
    let count = Rc::clone(&started);
    let future = Box::pin(async move {
        count.set(count.get() + 1);
        yield_now().await;
        receiver.recv().await.unwrap()
    });
    let blocked = try_await_sync(future).unwrap_err();
    assert_eq!(blocked.error.kind(), SynchronousErrorKind::Blocked);
    assert_eq!(blocked.error.steps(), 1);
    // Once more, still nothing.
    let blocked = try_await_sync(blocked.future).unwrap_err();
    sender.try_send(42).unwrap();
    assert_eq!(block_on(blocked), 42);
    assert_eq!(started.get(), 1);
}

#[test]
fn a_future_by_reference_stays_with_the_caller() {
    let (sender, receiver) = async_channel::bounded(1);
    let mut future = pin!(receiver.recv());
    assert!(await_sync(future.as_mut()).is_err());
    sender.try_send(1).unwrap();
    assert_eq!(await_sync(future).unwrap(), Ok(1));
}

#[test]
fn drives_nest_and_a_wake_up_in_the_inner_one_is_not_lost_to_the_outer_one() {
    let (sender, receiver) = async_channel::unbounded();
    // The inner drive brings what the other branch of the outer one waits for.
    let value = await_sync(zip(async { receiver.recv().await.unwrap() }, async {
        await_sync(async {
            yield_now().await;
            sender.send(1).await.unwrap();
        })
        .unwrap();
    }));
    assert_eq!(value.unwrap().0, 1);
    assert!(await_sync(async { await_sync(pending::<()>()).is_err() }).unwrap());
}

#[test]
fn a_panic_passes_through_and_leaves_the_thread_as_it_was() {
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        await_sync(async {
            yield_now().await;
            panic!("the body");
        })
    }));
    assert_eq!(panicked.unwrap_err().downcast_ref(), Some(&"the body"));
    assert!(await_sync(yields(3)).is_ok());
}

#[test]
fn it_works_inside_of_any_executor_and_any_executor_inside_of_it() {
    let drive = || await_sync(yields(2)).is_ok() && await_sync(pending::<()>()).is_err();
    assert!(smol::block_on(async { drive() }));
    assert!(corokit_sched_loop::run(async { drive() }));
    let tokio = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    assert!(tokio.block_on(async { drive() }));

    let elsewhere = async || smol::unblock(|| 1).await;
    assert_eq!(
        await_sync(async { smol::block_on(elsewhere()) }).unwrap(),
        1
    );
    let task = async || corokit_sched_loop::spawn(yields(1)).await;
    assert!(await_sync(async { corokit_sched_loop::run(task()) }).is_ok());
}

#[test]
fn nothing_is_allocated() {
    // The waker that the process keeps is made at the first clone.
    await_sync(yield_by_a_clone()).unwrap();
    let used = allocation_counter::measure(|| {
        await_sync(yields(3)).unwrap();
        await_sync(yield_by_a_clone()).unwrap();
        assert!(SyncDrive::strict().run(yields(1)).is_err());
    });
    assert_eq!(used.count_total, 0);
}

/// Ends after `left` items and counts what it was asked for.
struct Items {
    left: u32,
    asked: Rc<Cell<u32>>,
    _dropped: Dropped,
}

impl Stream for Items {
    type Item = u32;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<u32>> {
        self.asked.set(self.asked.get() + 1);
        self.left = match self.left.checked_sub(1) {
            Some(left) => left,
            None => return Poll::Ready(None),
        };
        Poll::Ready(Some(self.left))
    }
}

#[test]
fn a_stream_is_iterated_over_lazily_and_dropped_at_its_end_or_with_the_iterator() {
    let (asked, dropped) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(false)));
    let items = |left| Items {
        left,
        asked: Rc::clone(&asked),
        _dropped: Dropped(Rc::clone(&dropped)),
    };
    let mut all = aiter_sync(items(2));
    assert_eq!(asked.get(), 0);
    assert_eq!(all.size_hint(), (0, None));
    assert_eq!(all.next().unwrap().unwrap(), 1);
    assert_eq!(asked.get(), 1);
    assert_eq!(all.next().unwrap().unwrap(), 0);
    assert!(!dropped.get());
    assert!(all.next().is_none());
    assert!(dropped.take());
    assert!(all.next().is_none());

    for item in aiter_sync(items(5)) {
        if item.unwrap() == 3 {
            break;
        }
    }
    assert!(dropped.get());
    assert_eq!(asked.get(), 5);
}

#[test]
fn a_stream_that_blocks_is_an_error_and_then_over() {
    let dropped = Rc::new(Cell::new(false));
    let guard = Dropped(Rc::clone(&dropped));
    let stream = Box::pin(stream::unfold((0, guard), async |(number, guard)| {
        match number {
            0 => yield_now().await,
            1 => {}
            _ => pending().await,
        }
        Some((number, (number + 1, guard)))
    }));
    let mut items = aiter_sync(stream);
    assert_eq!(items.next().unwrap().unwrap(), 0);
    assert_eq!(items.next().unwrap().unwrap(), 1);
    let error = items.next().unwrap().unwrap_err();
    assert_eq!(error.kind(), SynchronousErrorKind::Blocked);
    assert!(dropped.get());
    assert!(items.next().is_none());
}

#[test]
fn a_stream_by_reference_stays_with_the_caller() {
    let (sender, receiver) = async_channel::unbounded();
    let mut receiver = Box::pin(receiver);
    sender.try_send(1).unwrap();
    let mut items = aiter_sync(&mut receiver);
    assert_eq!(items.next().unwrap().unwrap(), 1);
    assert!(items.next().unwrap().is_err());
    assert!(items.next().is_none());
    sender.try_send(2).unwrap();
    assert_eq!(aiter_sync(receiver).next().unwrap().unwrap(), 2);
}

#[test]
fn the_budget_of_an_iterator_is_that_of_one_item() {
    let yielding = || {
        Box::pin(stream::unfold((), async |()| {
            yields(2).await;
            Some(((), ()))
        }))
    };
    let mut enough = SyncDrive::new().budget(2).iter(yielding());
    assert!((0..10).all(|_| enough.next().unwrap().is_ok()));
    assert!(
        SyncDrive::new()
            .budget(1)
            .iter(yielding())
            .next()
            .unwrap()
            .is_err()
    );
}

#[test]
fn a_waker_that_was_kept_may_be_woken_at_any_time_on_any_thread() {
    let (sender, receiver) = mpsc::channel::<Waker>();
    let keeps = poll_fn(|cx| {
        sender.send(cx.waker().clone()).unwrap();
        Poll::<()>::Pending
    });
    assert!(await_sync(keeps).is_err());
    drop(sender);
    thread::spawn(move || receiver.into_iter().for_each(Waker::wake))
        .join()
        .unwrap();
    assert_eq!(
        await_sync(pending::<()>()).unwrap_err().kind(),
        SynchronousErrorKind::Blocked
    );
}

#[test]
fn a_type_erased_future_is_driven_as_well() {
    let future: Pin<Box<dyn Future<Output = u32>>> = Box::pin(async { 1 });
    assert_eq!(try_await_sync(future).unwrap(), 1);
}
