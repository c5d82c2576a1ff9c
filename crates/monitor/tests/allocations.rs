//! What allocates, and what does not.

#[path = "common/wakes.rs"]
mod wakes;

use std::pin::pin;
use std::task::Poll;

use allocation_counter::measure;
use corokit_monitor::{Handle, Monitor, MonitorExt, Port, StackHandle, Step};
use futures_lite::future::{yield_now, zip};
use wakes::{poll, waker};

type Numbers = Handle<u64, u64>;

#[test]
fn making_one() {
    let on_the_stack = measure(|| {
        let mut port = Port::<u64, u64>::new();
        let monitor = pin!(Monitor::on(
            &mut port,
            async |handle: StackHandle<'_, u64, u64>| { handle.oob(1).await }
        ));
        std::hint::black_box(&monitor);
    });
    assert_eq!(on_the_stack.count_total, 0);
    let in_place = measure(|| {
        let monitor = pin!(Monitor::new(async |handle: Numbers| handle.oob(1).await));
        std::hint::black_box(&monitor);
    });
    assert_eq!(in_place.count_total, 1);
    let boxed = measure(|| {
        let monitor = Monitor::boxed(async |handle: Numbers| handle.oob(1).await);
        std::hint::black_box(&monitor);
    });
    assert_eq!(boxed.count_total, 2);
}

#[test]
fn a_round_trip() {
    let (_, waker) = waker();
    let mut monitor = Monitor::boxed(async |handle: Numbers| {
        let mut sum = 0;
        for round in 0..1000 {
            sum += handle.oob(round).await;
        }
        sum
    });
    let mut step = poll(&mut monitor.start(), &waker);
    let rounds = measure(|| {
        while let Poll::Ready(Step::Oob(number)) = step {
            step = poll(&mut monitor.resume(number), &waker);
        }
    });
    assert_eq!(step, Poll::Ready(Step::Done(999 * 500)));
    assert_eq!(rounds.count_total, 0);
}

#[test]
fn real_waits_between() {
    let (wakes, waker) = waker();
    let mut monitor = Monitor::boxed(async |handle: Numbers| {
        for round in 0..1000 {
            yield_now().await;
            handle.oob(round).await;
        }
    });
    drop(monitor.start());
    let rounds = measure(|| {
        loop {
            let step = poll(&mut monitor.proceed(), &waker);
            match step {
                Poll::Ready(Step::Oob(number)) => drop(monitor.resume(number)),
                Poll::Ready(Step::Done(())) => break,
                Poll::Pending => {}
            }
        }
    });
    assert_eq!(rounds.count_total, 0);
    assert_eq!(wakes.take(), 1000);
}

#[test]
fn a_round_trip_of_two_at_once_when_the_queue_has_grown() {
    async fn ask(handle: &Numbers) {
        for round in 0..100 {
            handle.oob(round).await;
        }
    }
    let mut monitor = Monitor::boxed(async |handle: Numbers| {
        zip(ask(&handle), ask(&handle)).await;
    });
    let mut step = monitor.start().now();
    let rounds = measure(|| {
        while let Some(Step::Oob(number)) = step {
            step = monitor.resume(number).now();
        }
    });
    assert_eq!(step, Some(Step::Done(())));
    assert_eq!(rounds.count_total, 0);
}
