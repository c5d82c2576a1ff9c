//! Where panics go, and that they leave nothing behind.

#[path = "support/counted.rs"]
mod counted;
#[path = "support/message.rs"]
mod message;

use std::sync::Arc;

use async_executor::LocalExecutor;
use corokit_coro_start::{Eager, depth, eager};
use counted::Counts;
use futures_lite::future::{block_on, yield_now};
use message::message_of;

/// A future with the given outcome after as many yields.
async fn panicking(yields: u32) -> u32 {
    for _ in 0..yields {
        yield_now().await;
    }
    panic!("after {yields} yields")
}

#[test]
fn a_panic_of_the_first_leg_goes_to_the_caller() {
    let counts = Counts::default();
    let message = message_of(|| {
        let _ = eager(counts.count(panicking(0)), |_rest| {
            unreachable!("a future that panicked is not spawned")
        });
    });
    assert_eq!(message, "after 0 yields");
    counts.check(1, 1);
    assert_eq!(depth::current(), 0);
}

#[test]
fn the_limit_is_whole_again_after_many_panics() {
    for _ in 0..2 * depth::LIMIT {
        let _ = message_of(|| eager(panicking(0), |rest| rest));
    }
    assert!(eager(async {}, |rest| rest).is_ready());
}

#[test]
fn a_later_panic_goes_where_the_executor_sends_panics() {
    // A smol task passes it on to whoever awaits it.
    let (executor, counts) = (LocalExecutor::new(), Counts::default());
    let child = eager(counts.count(panicking(1)), |rest| executor.spawn(rest));
    assert!(executor.try_tick());
    assert_eq!(message_of(|| block_on(child)), "after 1 yields");
    counts.check(2, 1);

    // A tokio task turns it into an error.
    let counts = Counts::default();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let outcome = runtime.block_on(async { eager(counts.count(panicking(1)), tokio::spawn).await });
    assert!(outcome.unwrap_err().is_panic());
    counts.check(2, 1);

    // A rest that is awaited in place panics there.
    let counts = Counts::default();
    let child = eager(counts.count(panicking(1)), |rest| rest);
    let message = message_of(|| block_on(child));
    assert_eq!(message, "after 1 yields");
    counts.check(2, 1);
}

#[test]
fn a_panicking_destructor_drops_the_value_once() {
    /// A future that is ready at once and whose destructor panics.
    struct BadDrop(Option<Arc<()>>);
    impl Future for BadDrop {
        type Output = Arc<()>;
        fn poll(
            mut self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Arc<()>> {
            std::task::Poll::Ready(self.0.take().unwrap())
        }
    }
    impl Drop for BadDrop {
        fn drop(&mut self) {
            panic!("bad drop")
        }
    }

    let value = Arc::new(());
    let future = BadDrop(Some(value.clone()));
    let message = message_of(|| eager(future, |rest| rest));
    assert_eq!(message, "bad drop");
    assert_eq!(Arc::strong_count(&value), 1);
    assert_eq!(depth::current(), 0);
}

#[test]
fn awaiting_twice_panics() {
    let mut child: Eager<u32, std::future::Ready<u32>> = eager(async { 7 }, |_| unreachable!());
    assert_eq!(block_on(&mut child), 7);
    let message = message_of(|| block_on(&mut child));
    assert_eq!(message, "`Eager` polled after its output was handed out");

    let mut child = eager(
        async {
            yield_now().await;
            7
        },
        |rest| rest,
    );
    assert_eq!(block_on(&mut child), 7);
    assert!(child.is_terminated());
    let message = message_of(|| block_on(&mut child));
    assert_eq!(message, "`Eager` polled after its output was handed out");
}
