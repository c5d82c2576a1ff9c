//! An executor that is driven from outside.
#![cfg(not(loom))]

use std::future::{Future, pending};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::task::{Context, Wake, Waker};
use std::thread;

use corokit_scheduler::{LocalExecutor, TaskExt};
use futures_lite::future::{block_on, yield_now, zip};

#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn the_host_is_told_once_each_time() {
    let count = Arc::new(Count::default());
    let waker = Waker::from(Arc::clone(&count));
    let cx = &mut Context::from_waker(&waker);
    let executor = LocalExecutor::new();
    for round in 1..=3 {
        assert!(executor.poll_ready(cx).is_pending());
        assert!(
            executor.poll_ready(cx).is_pending(),
            "asking again changes nothing"
        );
        executor.spawn(async { yield_now().await }).detach();
        executor.spawn(async {}).detach();
        assert_eq!(count.0.load(Ordering::Relaxed), round);
        assert!(executor.poll_ready(cx).is_ready());
        assert_eq!(executor.run_until_stalled(), 3);
    }
}

#[test]
fn the_host_is_told_by_other_threads_too() {
    struct Post(mpsc::Sender<()>);
    impl Wake for Post {
        fn wake(self: Arc<Self>) {
            self.0.send(()).unwrap();
        }
    }
    let (post, events) = mpsc::channel();
    let waker = Waker::from(Arc::new(Post(post)));
    let cx = &mut Context::from_waker(&waker);
    let executor = LocalExecutor::new();
    let (sender, receiver) = async_channel::bounded(1);
    let task = executor.spawn(async move { receiver.recv().await.unwrap() });
    executor.run_until_stalled();
    assert!(executor.poll_ready(cx).is_pending());
    let thread = thread::spawn(move || sender.send_blocking(4).unwrap());
    events.recv().unwrap();
    executor.run_until_stalled();
    assert_eq!(block_on(task), 4);
    thread.join().unwrap();
}

#[test]
fn a_dropped_wait_leaves_others_in_peace() {
    let executor = LocalExecutor::new();
    let cx = &mut Context::from_waker(Waker::noop());
    {
        let mut ready = std::pin::pin!(executor.ready());
        assert!(ready.as_mut().poll(cx).is_pending());
    }
    let (task, _) = block_on(zip(
        async {
            yield_now().await;
            Some(executor.spawn(pending::<()>()))
        },
        executor.ready(),
    ));
    assert_eq!(executor.ready_ids(), [task.unwrap().id()]);
    assert_eq!(executor.run_until_stalled(), 1);
    assert_eq!(executor.run_until_stalled(), 0);
}
