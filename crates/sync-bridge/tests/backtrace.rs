//! The error says where a future blocks.
#![cfg(all(feature = "backtrace", not(loom)))]

use std::backtrace::Backtrace;
use std::future::{pending, poll_fn};
use std::task::{Poll, Waker};

use corokit_sync_bridge::{await_sync, try_await_sync};
use futures_lite::future::yield_now;

/// The lines of the three waits, innermost first.
const LINES: [u32; 3] = [line!() + 4, line!() + 10, line!() + 15];

#[inline(never)]
async fn leaf(receiver: &async_channel::Receiver<()>) {
    receiver.recv().await.unwrap();
}

#[inline(never)]
async fn middle(receiver: &async_channel::Receiver<()>) {
    yield_now().await;
    leaf(receiver).await;
}

#[inline(never)]
async fn outermost(receiver: &async_channel::Receiver<()>) {
    middle(receiver).await;
}

/// Whether this build knows the files and lines of its code.
fn knows_lines() -> bool {
    Backtrace::force_capture()
        .to_string()
        .contains("backtrace.rs:")
}

#[test]
fn the_wait_of_a_call_three_deep_is_named_by_function_file_and_line() {
    let (_sender, receiver) = async_channel::bounded(1);
    let error = await_sync(outermost(&receiver)).unwrap_err();
    let called = line!() - 1;
    let shown = error.to_string();

    // The future's own frames, innermost first, and nothing of the machinery around it. A build that
    // knows lines shortens the names.
    let frames = match knows_lines() {
        true => LINES.map(|line| format!("backtrace.rs:{line}:")),
        false => ["leaf", "middle", "outermost"].map(|name| format!("backtrace::{name}")),
    };
    let places = frames.map(|frame| shown.find(&frame).expect(&shown));
    assert!(places.is_sorted(), "{shown}");
    for foreign in ["clone_waker", "await_sync::drive", "corokit_core", "main"] {
        assert!(!shown.contains(foreign), "{foreign}: {shown}");
    }
    assert!(
        shown.contains(&format!("tests/backtrace.rs:{called}:")),
        "{shown}"
    );
    assert!(format!("{error:?}").contains(&shown[places[0]..places[1]]));
    // The stack as a whole is there for who wants it.
    assert!(
        error
            .backtrace()
            .unwrap()
            .to_string()
            .contains("clone_waker")
    );
}

#[test]
fn the_future_is_given_back_with_the_place() {
    let (_sender, receiver) = async_channel::bounded(1);
    let blocked = try_await_sync(Box::pin(outermost(&receiver))).unwrap_err();
    assert!(blocked.to_string().contains("it waits in"));
}

#[test]
fn nothing_is_captured_unless_the_future_blocks() {
    let clones = poll_fn(|cx| {
        drop(cx.waker().clone());
        Poll::Ready(())
    });
    assert!(await_sync(clones).is_ok());
    let error = await_sync(pending::<()>()).unwrap_err();
    assert!(error.backtrace().is_none());
    assert!(!error.to_string().contains("waits in"));
}

#[test]
fn a_future_that_became_ready_meanwhile_gives_its_output() {
    let mut polls = 0;
    let late = poll_fn(|_| {
        polls += 1;
        match polls {
            1 => Poll::Pending,
            _ => Poll::Ready(polls),
        }
    });
    assert_eq!(await_sync(late).unwrap(), 2);
}

#[test]
fn a_leaf_that_compares_wakers_is_found_all_the_same() {
    let mut kept: Option<Waker> = None;
    let thrifty = poll_fn(|cx| {
        if !kept.as_ref().is_some_and(|kept| kept.will_wake(cx.waker())) {
            kept = Some(cx.waker().clone());
        }
        Poll::<()>::Pending
    });
    let error = await_sync(thrifty).unwrap_err();
    assert!(
        error.to_string().contains("a_leaf_that_compares_wakers"),
        "{error}"
    );
}
