//! Streams whose items are worked on at the same time.
#![cfg(all(feature = "group", not(loom)))]

use std::cell::{Cell, RefCell};
use std::future::{Future, pending, ready};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use corokit_bg_utils::group::MapConcurrent;
use corokit_lab::{Lab, Options, Strategy, cancel_everywhere};
use corokit_sched_loop::{sleep, spawn};
use futures_lite::future::{block_on, poll_once, yield_now};
use futures_lite::{Stream, StreamExt, stream};

const SECOND: Duration = Duration::from_secs(1);

/// Works for so many seconds, and counts how many do so at a time.
async fn work(seconds: u32, running: Rc<Cell<u32>>, most: Rc<Cell<u32>>) -> u32 {
    running.set(running.get() + 1);
    most.set(most.get().max(running.get()));
    sleep(seconds * SECOND).await;
    running.set(running.get() - 1);
    seconds
}

#[test]
fn outputs_come_in_the_order_of_completion_or_of_the_items() {
    corokit_lab::run(1, |lab| async move {
        let (running, most) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
        let work = |seconds| work(seconds, Rc::clone(&running), Rc::clone(&most));
        let items = [5, 1, 2, 4, 1];
        let outputs = stream::iter(items).map_concurrent(2, work);
        assert_eq!(outputs.collect::<Vec<_>>().await, [1, 2, 5, 1, 4]);
        assert_eq!((most.get(), lab.elapsed()), (2, 7 * SECOND));
        let outputs = stream::iter(items).map_concurrent_ordered(2, work);
        assert_eq!(outputs.collect::<Vec<_>>().await, items);
        assert_eq!(most.get(), 2);
    });
}

#[test]
fn items_are_taken_only_when_there_is_room() {
    for ordered in [false, true] {
        let taken = Rc::new(Cell::new(0));
        let items = {
            let taken = Rc::clone(&taken);
            stream::iter(0..).inspect(move |_| taken.set(taken.get() + 1))
        };
        // The first never ends, and the others do at once.
        let work = |n: u32| async move {
            if n == 0 {
                pending::<()>().await;
            }
            n
        };
        block_on(async {
            if ordered {
                let mut outputs = Box::pin(items.map_concurrent_ordered(3, work));
                assert!(poll_once(outputs.next()).await.is_none());
                assert!(poll_once(outputs.next()).await.is_none());
                // Those that wait for their turn take room.
                assert_eq!(taken.get(), 3);
            } else {
                let mut outputs = Box::pin(items.map_concurrent(3, work));
                assert_eq!(outputs.next().await, Some(1));
                assert_eq!(taken.get(), 3);
                assert_eq!(outputs.next().await, Some(2));
                assert_eq!(outputs.next().await, Some(3));
                assert_eq!(taken.get(), 5);
            }
        });
    }
}

#[test]
fn only_what_was_woken_is_polled() {
    let (polls, waker) = (Cell::new(0), RefCell::new(None));
    let work = |n: usize| {
        let (polls, waker) = (&polls, &waker);
        std::future::poll_fn(move |cx| {
            polls.set(polls.get() + 1);
            if n == 50 {
                waker.replace(Some(cx.waker().clone()));
            }
            Poll::<()>::Pending
        })
    };
    let mut outputs = Box::pin(stream::iter(0..100).map_concurrent(100, work));
    for _ in 0..10 {
        assert!(block_on(poll_once(outputs.next())).is_none());
    }
    assert_eq!(polls.replace(0), 100);
    waker.take().unwrap().wake();
    assert!(block_on(poll_once(outputs.next())).is_none());
    assert_eq!(polls.get(), 1);
}

#[test]
fn a_panic_comes_out_once_and_takes_no_other_along() {
    let work = |n: u32| async move {
        yield_now().await;
        assert_ne!(n, 1, "not this one");
        n
    };
    for ordered in [false, true] {
        let items = stream::iter(0..4);
        let mut outputs: stream::Boxed<u32> = match ordered {
            true => Box::pin(items.map_concurrent_ordered(4, work)),
            false => Box::pin(items.map_concurrent(4, work)),
        };
        let mut seen = Vec::new();
        loop {
            match catch_unwind(AssertUnwindSafe(|| block_on(outputs.next()))) {
                Ok(Some(n)) => seen.push(n),
                Ok(None) => break,
                Err(_) => seen.push(99),
            }
        }
        assert_eq!(seen, [0, 99, 2, 3]);
    }
}

/// A future that panics when it is dropped after it has completed.
struct Bomb(u32);

impl Future for Bomb {
    type Output = u32;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<u32> {
        Poll::Ready(self.0)
    }
}

impl Drop for Bomb {
    fn drop(&mut self) {
        assert_ne!(self.0, 1, "dropped");
    }
}

#[test]
fn a_destructor_that_panics_is_a_panic_as_any() {
    for ordered in [false, true] {
        let items = stream::iter(0..4);
        let mut outputs: stream::Boxed<u32> = match ordered {
            true => Box::pin(items.map_concurrent_ordered(4, Bomb)),
            false => Box::pin(items.map_concurrent(4, Bomb)),
        };
        let mut seen = Vec::new();
        for _ in 0..5 {
            match catch_unwind(AssertUnwindSafe(|| block_on(poll_once(outputs.next())))) {
                Ok(output) => seen.push(output.expect("it does not wait")),
                Err(_) => seen.push(Some(99)),
            }
        }
        assert_eq!(seen, [Some(0), Some(99), Some(2), Some(3), None]);
    }
}

/// Items are worked on by tasks, of whom any may be dropped, and so may who waits for them.
async fn explored(lab: Lab) {
    let items = stream::iter(0..5).then(async |n| {
        yield_now().await;
        n
    });
    let names = ["zero", "one", "two", "three", "four"];
    let running = Rc::new(Cell::new(0));
    let work = {
        let (lab, running) = (lab.clone(), Rc::clone(&running));
        move |n: usize| {
            let running = Rc::clone(&running);
            let work = async move {
                running.set(running.get() + 1);
                assert!(running.get() <= 2);
                let _ends = Ends(Rc::clone(&running));
                for _ in 0..n % 3 {
                    yield_now().await;
                }
                n
            };
            spawn(lab.victim(names[n], work))
        }
    };
    let collected = async move {
        let mut items = Box::pin(items);
        let ordered: Vec<_> = (&mut items)
            .take(2)
            .map_concurrent_ordered(2, work.clone())
            .collect()
            .await;
        let mut any: Vec<_> = items.map_concurrent(2, work).collect().await;
        any.sort_unstable();
        [ordered, any].concat()
    };
    let collected = spawn(lab.victim("collector", collected)).await;
    if let Some(outputs) = collected {
        assert_eq!(outputs.len(), 5);
        let numbers: Vec<_> = outputs.iter().flatten().copied().collect();
        assert!(numbers.len() >= 4 && numbers.is_sorted(), "{outputs:?}");
    }
}

/// Counts down when it is dropped.
struct Ends(Rc<Cell<u32>>);

impl Drop for Ends {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

#[test]
fn in_every_order_no_output_is_lost() {
    cancel_everywhere(explored);
    for strategy in [Strategy::Random, Strategy::Pct { depth: 3 }] {
        let options = Options::new().strategy(strategy).spurious_wakes(true);
        if let Err(failure) = options.try_check(300, explored) {
            panic!("{failure}");
        }
    }
}

#[test]
fn an_empty_stream_ends_and_zero_at_a_time_is_refused() {
    let outputs = stream::empty::<u32>().map_concurrent(1, ready);
    assert_eq!(block_on(outputs.collect::<Vec<_>>()), []);
    let zero = catch_unwind(|| drop(stream::empty::<u32>().map_concurrent_ordered(0, ready)));
    assert!(zero.is_err());
    // No limit in practice costs nothing ahead.
    let outputs = stream::iter(0..10).map_concurrent(usize::MAX, ready);
    assert_eq!(outputs.size_hint(), (10, Some(10)));
    assert_eq!(block_on(outputs.count()), 10);
}
