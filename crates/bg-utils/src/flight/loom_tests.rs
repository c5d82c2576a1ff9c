//! A flight whose callers are on threads, in every order.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Waker;

use loom::future::block_on;
use loom::thread;

use super::Flight;

/// Counts without adding to the orders to be explored.
fn counter() -> Arc<AtomicUsize> {
    Arc::new(AtomicUsize::new(0))
}

/// A turn of the executor between the beginning and the end of the work.
async fn pause() {
    let mut paused = false;
    std::future::poll_fn(|cx| {
        if std::mem::replace(&mut paused, true) {
            return std::task::Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        std::task::Poll::Pending
    })
    .await;
}

#[test]
fn everybody_gets_the_value_of_a_flight_that_is_theirs() {
    loom::model(|| {
        let flight = Arc::new(Flight::<u8, usize>::new());
        let calls = counter();
        let call = |flight: Arc<Flight<u8, usize>>, calls: Arc<AtomicUsize>| async move {
            let run = flight.run(7, async || {
                let call = calls.fetch_add(1, Ordering::Relaxed) + 1;
                pause().await;
                call
            });
            run.await
        };
        let other = {
            let (flight, calls) = (Arc::clone(&flight), Arc::clone(&calls));
            thread::spawn(move || block_on(call(flight, calls)))
        };
        let mine = block_on(call(Arc::clone(&flight), Arc::clone(&calls)));
        let theirs = other.join().unwrap();
        let calls = calls.load(Ordering::Relaxed);
        // One flight for both, or one after the other.
        assert!(mine.max(theirs) == calls && mine.min(theirs) >= 1);
        assert!(flight.is_empty());
    });
}

/// The driver goes away while another one joins, waits or takes over: nobody is left waiting.
#[test]
fn a_driver_that_leaves_and_a_caller_that_joins_may_meet() {
    loom::model(|| {
        let flight = Arc::new(Flight::<u8, u8>::new());
        let leaving = {
            let flight = Arc::clone(&flight);
            thread::spawn(move || {
                let mut call = Box::pin(flight.run(7, std::future::pending::<u8>));
                let mut cx = std::task::Context::from_waker(Waker::noop());
                // It drives, has joined, or gets the value of the other one.
                let _ = call.as_mut().poll(&mut cx);
            })
        };
        assert_eq!(block_on(flight.run(7, async || 1)), 1);
        leaving.join().unwrap();
        assert!(flight.is_empty());
    });
}

/// The same with work that stays.
#[test]
fn kept_work_is_handed_over_or_dropped_with_the_last_caller() {
    loom::model(|| {
        let flight = Arc::new(Flight::<u8, u8>::new());
        let begun = counter();
        let work = |begun: &Arc<AtomicUsize>| {
            let begun = Arc::clone(begun);
            async move {
                begun.fetch_add(1, Ordering::Relaxed);
                pause().await;
                1
            }
        };
        let leaving = {
            let (flight, begun) = (Arc::clone(&flight), Arc::clone(&begun));
            thread::spawn(move || {
                let mut call = Box::pin(flight.run_kept(7, || work(&begun)));
                let mut cx = std::task::Context::from_waker(Waker::noop());
                let _ = call.as_mut().poll(&mut cx);
            })
        };
        assert_eq!(block_on(flight.run_kept(7, || work(&begun))), 1);
        leaving.join().unwrap();
        assert!(begun.load(Ordering::Relaxed) <= 2);
        assert!(flight.is_empty());
    });
}

/// Two wait; the driver leaves, and so does, perhaps, the one that was chosen to go on.
#[test]
fn the_turn_is_passed_on_when_the_chosen_one_leaves_too() {
    loom::model(|| {
        let flight = Arc::new(Flight::<u8, u8>::new());
        let mut cx = std::task::Context::from_waker(Waker::noop());
        let mut driver = Box::pin(flight.run(7, std::future::pending::<u8>));
        assert!(driver.as_mut().poll(&mut cx).is_pending());
        let leaving = {
            let flight = Arc::clone(&flight);
            thread::spawn(move || {
                let mut call = Box::pin(flight.run(7, std::future::pending::<u8>));
                let mut cx = std::task::Context::from_waker(Waker::noop());
                let _ = call.as_mut().poll(&mut cx);
            })
        };
        let patient = {
            let flight = Arc::clone(&flight);
            thread::spawn(move || assert_eq!(block_on(flight.run(7, async || 1)), 1))
        };
        drop(driver);
        leaving.join().unwrap();
        patient.join().unwrap();
        assert!(flight.is_empty());
    });
}
