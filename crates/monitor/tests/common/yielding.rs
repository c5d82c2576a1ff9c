// What generators of both kinds do: the file is included where `Yields` and `make!` say which.

use std::cell::{Cell, RefCell};
use std::future::{Future, pending};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Poll, Waker};

use corokit_monitor::{GeneratorExt, OobError};
use futures_core::{FusedStream, Stream};
use futures_lite::StreamExt;
use futures_lite::future::{block_on, poll_once, yield_now, zip};

use super::log::Log;
use super::wakes::{poll, waker};

/// Logs when it is dropped.
struct Dropped(Log);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.push("dropped");
    }
}

fn values<S: Stream + Unpin>(stream: &mut S) -> Vec<S::Item> {
    block_on(stream.collect())
}

#[test]
fn one_that_is_never_asked_never_runs() {
    let log = Log::default();
    let generator = make!(|yielder: Yields<u32>| {
        let dropped = Dropped(log.clone());
        let log = log.clone();
        async move {
            log.push("ran");
            yielder.yield_(1).await;
            drop(dropped);
        }
    });
    assert!(log.take().is_empty());
    drop(generator);
    assert_eq!(log.take(), ["dropped"]);
}

#[test]
fn values_come_in_order_through_nested_helpers() {
    async fn inner(yielder: &Yields<u32>, base: u32) {
        for number in 1..=3 {
            yielder.yield_(base + number).await;
        }
    }
    async fn outer(yielder: Yields<u32>) {
        for base in [10, 20] {
            yield_now().await;
            inner(&yielder, base).await;
        }
    }
    assert_eq!(values(&mut make!(outer)), [11, 12, 13, 21, 22, 23]);
}

/// The order example of asynkit's README: code of the body and of the loop take turns.
#[test]
fn body_and_loop_take_turns() {
    let log = Log::default();
    let mut generator = make!(|yielder: Yields<u32>| {
        let log = log.clone();
        async move {
            for number in 1..=2 {
                log.push(format_args!("yields {number}"));
                yielder.yield_(number).await;
                log.push(format_args!("after {number}"));
            }
        }
    });
    block_on(async {
        while let Some(number) = generator.next().await {
            log.push(format_args!("gets {number}"));
        }
    });
    let expected = ["yields 1", "gets 1", "after 1", "yields 2", "gets 2", "after 2"];
    assert_eq!(log.take(), expected);
}

#[test]
fn what_is_sent_comes_back_from_the_yield() {
    let mut generator = make!(|yielder: Yields<u32, u32>| async move {
        let mut value = 0;
        for _ in 0..3 {
            yield_now().await;
            value = yielder.yield_(value).await + 1;
        }
    });
    assert_eq!(block_on(generator.next()), Some(0));
    assert_eq!(block_on(generator.send(10)), Some(11));
    // A plain next sends the default.
    assert_eq!(block_on(generator.next()), Some(1));
    assert_eq!(block_on(generator.send(5)), None);
    assert_eq!(block_on(generator.send(5)), None);
}

#[test]
fn what_is_sent_to_a_new_one_comes_back_and_it_is_still_new() {
    let mut generator = make!(|yielder: Yields<u32, u32>| async move {
        assert_eq!(yielder.yield_(1).await, 7);
        yielder.yield_(2).await;
    });
    assert_eq!(generator.try_send(9).err(), Some(9));
    let panic = catch_unwind(AssertUnwindSafe(|| drop(generator.send(9)))).unwrap_err();
    let message = panic.downcast_ref::<String>().unwrap();
    assert!(message.contains("it has not been started"), "{message}");
    assert_eq!(block_on(generator.start()), Some(1));
    assert_eq!(block_on(generator.try_send(7).unwrap()), Some(2));
}

#[test]
fn one_that_has_ended_gives_nothing_for_ever() {
    let mut generator = make!(|yielder: Yields<u32, u32>| async move {
        yielder.yield_(1).await;
    });
    assert_eq!(values(&mut generator), [1]);
    for _ in 0..3 {
        assert!(generator.is_ended() && generator.is_terminated());
        assert_eq!(block_on(generator.next()), None);
        assert_eq!(block_on(generator.send(1)), None);
        assert_eq!(block_on(generator.proceed()), None);
        assert_eq!(generator.iter().next(), None);
        assert_eq!(block_on(generator.close()), Ok(None));
    }
}

#[test]
fn one_that_has_not_ended_is_not_terminated() {
    let mut generator = make!(|yielder: Yields<u32>| async move {
        yielder.yield_(1).await;
    });
    assert!(!generator.is_terminated());
    assert_eq!(block_on(generator.next()), Some(1));
    assert!(!generator.is_terminated());
    assert_eq!(block_on(generator.next()), None);
    assert!(generator.is_terminated());
}

#[test]
fn a_yielder_knows_when_nobody_gets_its_values_any_more() {
    let kept = RefCell::new(None);
    let mut generator = make!(|yielder: Yields<u32>| {
        let outside = yielder.clone();
        kept.replace(Some(outside));
        async move {
            assert!(!yielder.is_closed());
            yielder.yield_(1).await;
        }
    });
    let outside = kept.take().unwrap();
    assert!(!outside.is_closed());
    assert_eq!(block_on(generator.next()), Some(1));
    assert!(!outside.is_closed());
    assert_eq!(block_on(generator.next()), None);
    assert!(outside.is_closed());
}

#[test]
fn who_gave_up_closing_is_neither_woken_nor_kept() {
    let log = Log::default();
    let mut generator = make!(|yielder: Yields<u32>| {
        let log = log.clone();
        async move {
            assert!(yielder.try_yield(1).await.is_err());
            log.push("cleans up");
            pending::<()>().await;
        }
    });
    assert_eq!(block_on(generator.next()), Some(1));
    let (wakes, waker) = waker();
    let mut close = generator.close();
    assert!(poll(&mut close, &waker).is_pending());
    assert_eq!(log.take(), ["cleans up"]);
    drop(waker);
    assert_eq!(std::sync::Arc::strong_count(&wakes), 2);
    drop(close);
    assert_eq!(std::sync::Arc::strong_count(&wakes), 1);
    assert_eq!(wakes.take(), 0);
}

type Item = Result<u32, &'static str>;
type Thrown = Result<(), &'static str>;

async fn passes_on(yielder: Yields<Item, Thrown>) -> Thrown {
    for number in 0.. {
        yielder.yield_(Ok(number)).await?;
    }
    Ok(())
}

#[test]
fn an_error_that_is_passed_on_is_the_last_value() {
    let mut generator = make!(passes_on);
    assert_eq!(block_on(generator.start()), Some(Ok(0)));
    assert_eq!(block_on(generator.send(Ok(()))), Some(Ok(1)));
    assert_eq!(block_on(generator.throw("thrown")), Some(Err("thrown")));
    assert!(generator.is_ended());
    assert_eq!(block_on(generator.throw("again")), None);
}

#[test]
fn an_error_that_is_handled_by_yielding_or_by_returning() {
    let mut generator = make!(|yielder: Yields<Item, Thrown>| async move {
        if yielder.yield_(Ok(1)).await.is_err() {
            yielder.yield_(Ok(2)).await.unwrap_err();
        }
    });
    assert_eq!(block_on(generator.start()), Some(Ok(1)));
    assert_eq!(block_on(generator.throw("first")), Some(Ok(2)));
    assert_eq!(block_on(generator.throw("second")), None);
}

#[test]
fn an_error_of_the_body_is_given_once_and_then_nothing() {
    let mut generator = make!(|yielder: Yields<Result<u32, String>>| async move {
        yielder.yield_(Ok(1)).await;
        yield_now().await;
        "x".parse::<u32>().map_err(|error| error.to_string())?;
        yielder.yield_(Ok(2)).await;
        Ok(())
    });
    let items: Vec<_> = values(&mut generator);
    assert_eq!(items.len(), 2);
    assert!(items[0].is_ok() && items[1].is_err());
    assert_eq!(block_on(generator.next()), None);
}

#[test]
fn a_panic_of_the_body_goes_to_whoever_asked_and_then_there_is_nothing() {
    let mut generator = make!(|yielder: Yields<u32>| async move {
        yielder.yield_(1).await;
        panic!("the body");
    });
    assert_eq!(block_on(generator.next()), Some(1));
    let panic = catch_unwind(AssertUnwindSafe(|| block_on(generator.next()))).unwrap_err();
    assert_eq!(panic.downcast_ref(), Some(&"the body"));
    assert_eq!(block_on(generator.next()), None);
    assert_eq!(block_on(generator.send(())), None);
    assert_eq!(block_on(generator.close()), Ok(None));
}

#[test]
fn closing_a_new_a_waiting_and_an_ended_one() {
    let log = Log::default();
    let body = |yielder: Yields<u32>| {
        let (dropped, log) = (Dropped(log.clone()), log.clone());
        async move {
            log.push("ran");
            yielder.yield_(1).await;
            log.push("went on");
            drop(dropped);
        }
    };
    let mut new = make!(body);
    assert_eq!(block_on(new.close()), Ok(None));
    assert_eq!(log.take(), ["dropped"]);
    assert_eq!(block_on(new.next()), None);

    let mut waits = make!(body);
    assert_eq!(block_on(waits.next()), Some(1));
    assert_eq!(block_on(waits.close()), Ok(None));
    assert_eq!(log.take(), ["ran", "dropped"]);
    assert_eq!(block_on(waits.next()), None);
    assert_eq!(block_on(waits.close()), Ok(None));
}

#[test]
fn a_body_that_hears_of_the_close_cleans_up() {
    let log = Log::default();
    let mut generator = make!(|yielder: Yields<u32>| {
        let log = log.clone();
        async move {
            let told = yielder.try_yield(1).await;
            log.push(format_args!("{told:?}"));
            yield_now().await;
            let told = yielder.try_yield(2).await;
            log.push(format_args!("{told:?}"));
        }
    });
    assert_eq!(block_on(generator.next()), Some(1));
    assert_eq!(block_on(generator.close()), Ok(None));
    assert_eq!(log.take(), ["Err(Closed)", "Err(NotActive(..))"]);
}

#[test]
fn a_body_that_ends_with_an_error_when_it_is_closed() {
    let mut generator = make!(|yielder: Yields<Item>| async move {
        let Err(OobError::Closed) = yielder.try_yield(Ok(1)).await else {
            return Ok(());
        };
        Err("the last")
    });
    assert_eq!(block_on(generator.next()), Some(Ok(1)));
    assert_eq!(block_on(generator.close()), Ok(Some(Err("the last"))));
    assert_eq!(block_on(generator.next()), None);
}

#[test]
fn a_body_that_yields_when_it_is_closed_goes_on() {
    let mut generator = make!(|yielder: Yields<u32>| async move {
        for number in 1..=2 {
            if yielder.try_yield(number).await.is_err() {
                yielder.yield_(number + 100).await;
            }
        }
        yielder.yield_(3).await;
    });
    assert_eq!(block_on(generator.next()), Some(1));
    let ignored = block_on(generator.close()).unwrap_err();
    assert_eq!(ignored.into_data(), 101);
    assert_eq!(block_on(generator.next()), Some(2));
    assert_eq!(values(&mut generator), [3]);
}

#[test]
fn dropped_after_a_few_values_its_destructors_run() {
    let log = Log::default();
    let mut generator = make!(|yielder: Yields<u32>| {
        let dropped = Dropped(log.clone());
        async move {
            for number in 0.. {
                yielder.yield_(number).await;
            }
            drop(dropped);
        }
    });
    block_on(async {
        while let Some(number) = generator.next().await {
            if number == 3 {
                break;
            }
        }
    });
    assert!(log.take().is_empty());
    drop(generator);
    assert_eq!(log.take(), ["dropped"]);
}

#[test]
fn a_yielder_outlives_its_generator() {
    let mut kept = None;
    let mut generator = make!(|yielder: Yields<u32>| {
        kept = Some(yielder);
        pending::<()>()
    });
    let yielder = kept.unwrap();
    let (wakes, waker) = waker();
    let mut given = yielder.try_yield(1);
    let mut unseen = yielder.try_yield(2);
    assert!(poll(&mut given, &waker).is_pending());
    assert!(poll(&mut unseen, &waker).is_pending());
    assert_eq!(block_on(generator.next()), Some(1));
    drop(generator);
    assert_eq!(wakes.take(), 2);
    assert_eq!(poll(&mut given, &waker), Poll::Ready(Err(OobError::Closed)));
    assert_eq!(poll(&mut unseen, &waker), Poll::Ready(Err(OobError::NotActive(2))));
    assert!(yielder.is_closed());
    assert_eq!(block_on(yielder.try_yield(3)), Err(OobError::NotActive(3)));
    let panic = catch_unwind(AssertUnwindSafe(|| block_on(yielder.yield_(4)))).unwrap_err();
    assert!(panic.downcast_ref::<String>().unwrap().contains("nobody can answer"));
}

#[test]
fn branches_and_tasks_feed_it_in_the_order_of_their_yields() {
    let executor = Rc::new(async_executor::LocalExecutor::new());
    let spawner = executor.clone();
    let mut generator = make!(|yielder: Yields<u32>| async move {
        let other = yielder.clone();
        let task = spawner.spawn(async move {
            for number in 20..23 {
                other.yield_(number).await;
            }
        });
        let branch = |base: u32| {
            let yielder = &yielder;
            async move {
                yielder.yield_(base).await;
                yielder.yield_(base + 1).await;
            }
        };
        zip(branch(0), branch(10)).await;
        task.await;
        yielder.yield_(30).await;
    });
    let mut all = block_on(executor.run(async { values_of(&mut generator).await }));
    assert_eq!(all.pop(), Some(30));
    for tens in 0..3 {
        let own: Vec<u32> = all.iter().copied().filter(|n| n / 10 == tens).collect();
        assert!(own.is_sorted() && own.len() == if tens == 2 { 3 } else { 2 }, "{all:?}");
    }
}

async fn values_of<S: Stream + Unpin>(stream: &mut S) -> Vec<S::Item> {
    stream.collect().await
}

#[test]
fn the_future_of_a_value_is_dropped_at_every_poll_and_nothing_is_lost() {
    for polls in 0..4 {
        let mut generator = make!(|yielder: Yields<u32, u32>| async move {
            let mut sent = 0;
            loop {
                for _ in 0..3 {
                    yield_now().await;
                }
                sent = yielder.yield_(sent).await;
                if sent == 9 {
                    break;
                }
            }
        });
        let (_, waker) = waker();
        assert_eq!(block_on(generator.start()), Some(0));
        let mut next = generator.send(7);
        let mut seen = None;
        for _ in 0..polls {
            if let Poll::Ready(value) = poll(&mut next, &waker) {
                seen = value;
            }
        }
        drop(next);
        if seen.is_none() {
            seen = block_on(generator.proceed());
        }
        assert_eq!(seen, Some(7));
        assert_eq!(block_on(generator.send(9)), None);
    }
}

#[test]
fn polls_without_a_wake_change_nothing() {
    let mut kept = None;
    let mut generator = make!(|yielder: Yields<u32>| {
        kept = Some(yielder);
        pending::<()>()
    });
    let yielder = kept.unwrap();
    let (wakes, waker) = waker();
    for _ in 0..3 {
        assert!(generator.as_mut().poll_next(&mut std::task::Context::from_waker(&waker)).is_pending());
    }
    let mut one = yielder.yield_(1);
    for _ in 0..3 {
        assert!(poll(&mut one, Waker::noop()).is_pending());
    }
    assert_eq!(wakes.take(), 1);
    assert_eq!(block_on(generator.next()), Some(1));
    assert!(poll(&mut one, Waker::noop()).is_pending());
    assert!(block_on(poll_once(generator.next())).is_none());
    assert_eq!(poll(&mut one, Waker::noop()), Poll::Ready(()));
}

#[test]
fn iterated_without_an_executor() {
    let mut generator = make!(|yielder: Yields<u32>| async move {
        for number in 1..=3 {
            yielder.yield_(number).await;
        }
    });
    let numbers: Vec<u32> = generator.iter().map(Result::unwrap).collect();
    assert_eq!(numbers, [1, 2, 3]);

    let mut waits = make!(|yielder: Yields<u32>| async move {
        yielder.yield_(1).await;
        yield_now().await;
        yielder.yield_(2).await;
    });
    let mut iter = waits.iter();
    assert_eq!(iter.next().unwrap(), Ok(1));
    assert!(iter.next().unwrap().unwrap_err().to_string().contains("waits for something"));
    assert_eq!(iter.next().unwrap(), Ok(2));
    assert!(iter.next().is_none() && iter.next().is_none());

    let blocking = make!(|yielder: Yields<u32>| async move {
        yield_now().await;
        yielder.yield_(1).await;
    });
    assert_eq!(futures_lite::stream::block_on(blocking).collect::<Vec<_>>(), [1]);
}

#[test]
fn a_generator_may_be_fed_by_another() {
    let mut doubled = make!(|yielder: Yields<u32>| async move {
        let mut numbers = make!(|yielder: Yields<u32>| async move {
            for number in 1..=3 {
                yielder.yield_(number).await;
                yield_now().await;
            }
        });
        while let Some(number) = numbers.next().await {
            yielder.yield_(number * 2).await;
        }
    });
    assert_eq!(values(&mut doubled), [2, 4, 6]);
}

#[test]
fn values_that_nobody_takes_are_dropped_once() {
    #[derive(Clone)]
    struct Value(Rc<Cell<u32>>);
    impl Drop for Value {
        fn drop(&mut self) {
            self.0.set(self.0.get() + 1);
        }
    }
    let drops = RefCell::new(Vec::new());
    let mut generator = make_local!(|yielder: corokit_monitor::Yielder<Value>| {
        let drops = &drops;
        async move {
            for _ in 0..3 {
                let count = Rc::new(Cell::new(0));
                drops.borrow_mut().push(count.clone());
                yielder.yield_(Value(count)).await;
            }
        }
    });
    drop(block_on(generator.next()));
    let second = block_on(generator.next());
    assert!(block_on(generator.next()).is_some());
    drop(generator);
    drop(second);
    assert!(drops.borrow().iter().all(|count| count.get() == 1));
}

#[test]
fn what_is_shown() {
    fn debug<T: std::fmt::Debug>(value: &T) -> String {
        format!("{value:?}")
    }
    let mut kept = None;
    let mut generator = make!(|yielder: Yields<u32>| {
        kept = Some(debug(&yielder));
        pending::<()>()
    });
    assert!(kept.unwrap().starts_with("Yielder(Handle"));
    assert!(debug(&generator).starts_with("Generator { monitor: Monitor { state: New"));
    assert!(debug(&generator.iter()).starts_with("Iter("));
    assert!(debug(&generator.close()).starts_with("CloseGenerator("));
    let ended: Pin<Box<dyn Future<Output = ()>>> = Box::pin(async {});
    block_on(ended);
}

#[test]
fn whoever_gave_up_waiting_for_a_value_is_neither_woken_nor_kept() {
    let mut kept = None;
    let mut generator = make!(|yielder: Yields<u32>| {
        kept = Some(yielder);
        pending::<()>()
    });
    let yielder = kept.unwrap();
    let (wakes, waker) = waker();
    assert!(poll(&mut generator.start(), &waker).is_pending());
    drop(waker);
    assert_eq!(std::sync::Arc::strong_count(&wakes), 1);
    let mut gives = yielder.try_yield(1);
    assert!(poll(&mut gives, Waker::noop()).is_pending());
    assert_eq!(wakes.take(), 0);
    assert_eq!(block_on(generator.proceed()), Some(1));
}
