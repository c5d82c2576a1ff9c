//! One value, in both colours.
#![cfg(not(loom))]
#![cfg(feature = "oneshot")]

use std::future::Future;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::{Duration, Instant};

use corokit_lab::{Lab, Options, Strategy, cancel_everywhere};
use corokit_sched_loop::spawn;
use corokit_sync_bridge::oneshot::{
    self, Closed, Receiver, RecvDeadlineError, Sender, TryRecvError,
};
use futures_lite::future::{block_on, or, yield_now, zip};

#[derive(Default)]
struct Count(AtomicUsize);

impl Count {
    fn get(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn poll<F: Future + Unpin>(future: &mut F, count: &Arc<Count>) -> Poll<F::Output> {
    let waker = Waker::from(Arc::clone(count));
    Pin::new(future).poll(&mut Context::from_waker(&waker))
}

#[test]
fn a_value_wakes_who_waits_for_it_once() {
    let count = Arc::new(Count::default());
    let (sender, mut receiver) = oneshot::channel();
    assert!(poll(&mut receiver, &count).is_pending());
    assert_eq!(count.get(), 0);
    sender.send(5).unwrap();
    assert_eq!(count.get(), 1);
    assert_eq!(poll(&mut receiver, &count), Poll::Ready(Ok(5)));
    // It has been had, and there is no other.
    assert_eq!(poll(&mut receiver, &count), Poll::Ready(Err(Closed)));
}

#[test]
fn a_sender_that_goes_tells_the_receiver() {
    let count = Arc::new(Count::default());
    let (sender, mut receiver) = oneshot::channel::<()>();
    assert!(poll(&mut receiver, &count).is_pending());
    drop(sender);
    assert_eq!(count.get(), 1);
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Closed));
    let late = receiver.recv_deadline(Instant::now());
    assert_eq!(late, Err(RecvDeadlineError::Closed));
    assert_eq!(receiver.recv_blocking(), Err(Closed));
}

#[test]
fn a_receiver_that_goes_tells_the_sender_and_the_value_comes_back() {
    for close in [false, true] {
        let count = Arc::new(Count::default());
        let (mut sender, mut receiver) = oneshot::channel();
        assert!(poll(&mut pin!(sender.closed()), &count).is_pending());
        match close {
            true => receiver.close(),
            false => drop(receiver),
        }
        assert_eq!(count.get(), 1);
        assert!(sender.is_closed());
        assert!(poll(&mut pin!(sender.closed()), &count).is_ready());
        assert_eq!(sender.send("back"), Err("back"));
    }
}

#[test]
fn what_was_sent_before_the_channel_closed_is_received() {
    let (sender, mut receiver) = oneshot::channel();
    sender.send(5).unwrap();
    receiver.close();
    assert_eq!(receiver.try_recv(), Ok(5));
}

#[test]
fn both_sides_may_wait_at_once() {
    let (mut sender, mut receiver) = oneshot::channel::<()>();
    let counts = [Arc::new(Count::default()), Arc::new(Count::default())];
    assert!(poll(&mut pin!(sender.closed()), &counts[0]).is_pending());
    assert!(poll(&mut receiver, &counts[1]).is_pending());
    sender.send(()).unwrap();
    assert_eq!(counts[1].get(), 1);
    assert_eq!(block_on(receiver), Ok(()));
}

#[test]
fn waiting_may_be_given_up_and_taken_up_again() {
    let (sender, mut receiver) = oneshot::channel();
    let now = Instant::now();
    assert_eq!(
        receiver.recv_deadline(now),
        Err(RecvDeadlineError::TimedOut)
    );
    sender.send(5).unwrap();
    assert_eq!(receiver.recv_deadline(now), Ok(5));
}

#[test]
fn a_value_that_nobody_takes_is_dropped_with_the_receiver() {
    let value = Arc::new(());
    let (sender, receiver) = oneshot::channel();
    sender.send(Arc::clone(&value)).unwrap();
    drop(receiver);
    assert_eq!(Arc::strong_count(&value), 1);
}

/// A value whose drop uses the channel it is dropped from: no lock is held meanwhile.
#[test]
fn a_value_may_own_the_other_side() {
    struct Value(Option<Sender<Value>>);
    impl Drop for Value {
        fn drop(&mut self) {
            if let Some(sender) = self.0.take() {
                assert!(sender.is_closed());
            }
        }
    }
    let (first, receiver) = oneshot::channel();
    let (second, held) = oneshot::channel::<Value>();
    drop(held);
    first.send(Value(Some(second))).ok().unwrap();
    drop(receiver);
}

#[test]
fn a_thread_and_a_task_reach_each_other_either_way() {
    for _ in 0..200 {
        let (to_task, from_thread) = oneshot::channel();
        let (to_thread, from_task) = oneshot::channel();
        let thread = thread::spawn(move || {
            to_task.send(1).unwrap();
            from_task.recv_blocking()
        });
        block_on(zip(async { assert_eq!(from_thread.await, Ok(1)) }, async {
            to_thread.send(2).unwrap()
        }));
        assert_eq!(thread.join().unwrap(), Ok(2));
    }
}

#[test]
fn a_deadline_that_comes_while_the_value_does_loses_nothing() {
    for _ in 0..200 {
        let (sender, mut receiver) = oneshot::channel();
        let thread = thread::spawn(move || sender.send(5));
        let deadline = Instant::now() + Duration::from_micros(20);
        match receiver.recv_deadline(deadline) {
            Ok(value) => assert_eq!(value, 5),
            Err(error) => {
                assert_eq!(error, RecvDeadlineError::TimedOut);
                assert_eq!(receiver.recv_blocking(), Ok(5));
            }
        }
        thread.join().unwrap().unwrap();
    }
}

#[test]
fn on_smol_on_tokio_and_on_corokit() {
    async fn round() {
        let (sender, receiver) = oneshot::channel();
        let thread = thread::spawn(move || sender.send(5));
        assert_eq!(receiver.await, Ok(5));
        thread.join().unwrap().unwrap();
    }
    smol::block_on(round());
    corokit_sched_loop::run(round());
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.unwrap().block_on(round());
}

#[test]
fn the_halves_go_to_other_threads_with_what_they_carry() {
    fn check<T: Send + Sync + Unpin>() {}
    check::<Sender<std::cell::Cell<u8>>>();
    check::<Receiver<std::cell::Cell<u8>>>();
}

#[derive(Clone, Copy, PartialEq)]
enum Side {
    Sends,
    Receives,
}

/// One side sends after a while, unless nobody wants the value, and the other receives. One of them
/// may be dropped anywhere: then the other does not hang, and the value is not left behind.
async fn a_value_crosses(lab: Lab, victim: Option<Side>) {
    let value = Rc::new(());
    let (mut sender, receiver) = oneshot::channel();
    let sends = {
        let value = Rc::clone(&value);
        async move {
            let unwanted = async {
                sender.closed().await;
                false
            };
            let later = async {
                yield_now().await;
                yield_now().await;
                true
            };
            or(unwanted, later).await && sender.send(value).is_ok()
        }
    };
    let (sent, received) = match victim {
        None => {
            let (sends, receives) = (spawn(sends), spawn(receiver));
            (Some(sends.await), Some(receives.await))
        }
        Some(Side::Sends) => {
            let (sends, receives) = (spawn(lab.victim("sends", sends)), spawn(receiver));
            (sends.await, Some(receives.await))
        }
        Some(Side::Receives) => {
            let (sends, receives) = (spawn(sends), spawn(lab.victim("receives", receiver)));
            (Some(sends.await), receives.await)
        }
    };
    match (sent, &received) {
        (Some(true), Some(received)) => assert!(received.is_ok()),
        // It was dropped after it had received its value, or before.
        (Some(_), None) => assert!(victim == Some(Side::Receives)),
        (None, Some(received)) => {
            assert!(victim == Some(Side::Sends) && *received == Err(Closed));
        }
        (sent, received) => panic!("{sent:?}, {received:?}"),
    }
    drop(received);
    assert_eq!(Rc::strong_count(&value), 1);
}

#[test]
fn in_every_order_the_value_crosses() {
    for strategy in [Strategy::Random, Strategy::Pct { depth: 3 }] {
        let options = Options::new().strategy(strategy).spurious_wakes(true);
        if let Err(failure) = options.try_check(200, |lab| a_value_crosses(lab, None)) {
            panic!("{failure}");
        }
    }
}

#[test]
fn either_side_may_be_dropped_anywhere() {
    cancel_everywhere(|lab| a_value_crosses(lab, Some(Side::Sends)));
    cancel_everywhere(|lab| a_value_crosses(lab, Some(Side::Receives)));
}
