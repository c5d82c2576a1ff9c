//! Monitors that go to other threads, and askers on any thread.

#[path = "common/keep.rs"]
mod keep;
#[path = "common/wakes.rs"]
mod wakes;

use std::cell::RefCell;
use std::future::{Future, pending};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::thread;

use allocation_counter::measure;
use corokit_monitor::{
    Handle, Monitor, MonitorExt, OobError, SendHandle, SendMonitor, Step, TryOob,
};
use futures_lite::future::{block_on, poll_once, yield_now, zip};
use keep::keep;
use wakes::{poll, waker};

type Numbers = SendHandle<u32, u32>;
type Boxed<F> = Pin<Box<SendMonitor<u32, u32, F>>>;

fn is_send<T: Send>(_: &T) {}
fn is_sync<T: Sync>(_: &T) {}

/// A monitor whose body waits for ever, and its handle.
fn idle() -> (Boxed<impl Future<Output = ()>>, Numbers) {
    let mut given = None;
    let monitor = Monitor::boxed_send(|handle: Numbers| {
        given = Some(handle);
        pending::<()>()
    });
    (monitor, given.unwrap())
}

/// Drives to the end, answering with ten times the number.
fn drive<F: Future>(monitor: &mut Boxed<F>) -> (Vec<u32>, F::Output) {
    let mut asked = Vec::new();
    let mut step = block_on(monitor.start());
    loop {
        match step {
            Step::Oob(number) => {
                asked.push(number);
                step = block_on(monitor.resume(number * 10));
            }
            Step::Done(output) => return (asked, output),
        }
    }
}

#[test]
fn what_may_go_to_other_threads() {
    let monitor = Monitor::new_send(|handle: Numbers| async move { handle.oob(1).await });
    is_send(&monitor);
    let (mut idle, handle) = idle();
    is_send(&handle);
    is_sync(&handle);
    is_send(&handle.oob(1));
    is_send(&handle.try_oob(1));
    is_send(&idle);
    is_send(&idle.start());
    fn assert_unpin<T: Unpin>(_: &T) {}
    assert_unpin(&handle.oob(1));
    fn debug<T: std::fmt::Debug>(_: &T) {}
    debug(&monitor);
    assert_eq!(
        format!("{handle:?}"),
        "Handle { port: SendPort { closed: false, queued: 0, .. }, .. }"
    );
}

#[test]
fn each_step_on_a_thread_of_its_own() {
    let mut monitor = Monitor::boxed_send(|handle: Numbers| async move {
        let mut sum = 0;
        for number in 1..=4 {
            sum += handle.oob(number).await;
            yield_now().await;
        }
        sum
    });
    let mut step = block_on(monitor.start());
    let mut asked = Vec::new();
    let sum = loop {
        match step {
            Step::Oob(number) => {
                asked.push(number);
                (monitor, step) = thread::spawn(move || {
                    let step = block_on(monitor.resume(number * 10));
                    (monitor, step)
                })
                .join()
                .unwrap();
            }
            Step::Done(sum) => break sum,
        }
    };
    assert_eq!((asked, sum), (vec![1, 2, 3, 4], 100));
}

#[test]
fn two_at_once_are_served_in_turn() {
    let mut monitor = Monitor::boxed_send(|handle: Numbers| async move {
        zip(handle.oob(1), zip(handle.oob(2), handle.oob(3))).await
    });
    assert_eq!(drive(&mut monitor), (vec![1, 2, 3], (10, (20, 30))));
}

#[test]
fn a_request_from_another_thread_wakes_the_driver() {
    let (mut monitor, handle) = idle();
    let (wakes, waker) = waker();
    let mut step = monitor.start();
    assert!(poll(&mut step, &waker).is_pending());
    let asker = thread::spawn(move || block_on(handle.oob(7)));
    while wakes.take() == 0 {
        thread::yield_now();
    }
    assert_eq!(poll(&mut step, &waker), Poll::Ready(Step::Oob(7)));
    drop(step);
    assert!(poll(&mut monitor.resume(70), &waker).is_pending());
    assert_eq!(asker.join().unwrap(), 70);
}

#[test]
fn askers_on_many_threads_and_in_the_body_each_get_their_own() {
    let threads = 4;
    let mut monitor = Monitor::boxed_send(move |handle: Numbers| async move {
        let askers: Vec<_> = (1..=threads)
            .map(|thread| {
                let handle = handle.clone();
                thread::spawn(move || {
                    for turn in 0..50 {
                        let number = thread * 1000 + turn;
                        assert_eq!(block_on(handle.oob(number)), number * 10);
                    }
                })
            })
            .collect();
        for turn in 0..50 {
            assert_eq!(handle.oob(turn).await, turn * 10);
        }
        let all_done = smol::unblock(move || askers.into_iter().for_each(|a| a.join().unwrap()));
        zip(all_done, handle.oob(77)).await.1
    });
    let (asked, output) = drive(&mut monitor);
    assert_eq!(asked.len(), 50 * (threads as usize + 1) + 1);
    assert_eq!(output, 770);
    // Each thread's requests came in their order.
    for thread in 0..=threads {
        let of_thread = |number: &&u32| **number / 1000 == thread && **number != 77;
        let own: Vec<_> = asked.iter().filter(of_thread).collect();
        assert!(own.len() == 50 && own.is_sorted(), "{own:?}");
    }
}

/// A request that was begun in the driver's own poll, and leaves the body at each stage.
#[test]
fn a_request_leaves_the_body_for_another_thread() {
    #[derive(Clone, Copy, PartialEq, Debug)]
    enum Leaves {
        BeforeTheReply,
        AfterTheReply,
    }
    for leaves in [Leaves::BeforeTheReply, Leaves::AfterTheReply] {
        for dropped in [false, true] {
            let case = format!("{leaves:?}, dropped {dropped}");
            let slot: Arc<Mutex<Option<TryOob<'static, u32, u32, _>>>> = Arc::default();
            let (mut monitor, handle) = {
                let (slot, mut given) = (slot.clone(), None);
                let monitor = Monitor::boxed_send(|handle: Numbers| {
                    given = Some(handle);
                    std::future::poll_fn(move |cx| {
                        if let Some(request) = &mut *slot.lock().unwrap() {
                            let _: Poll<Result<u32, _>> = Pin::new(request).poll(cx);
                        }
                        Poll::<()>::Pending
                    })
                });
                (monitor, given.unwrap())
            };
            let kept = keep(handle);
            *slot.lock().unwrap() = Some(kept.try_oob(1));
            let (driver_wakes, driver) = waker();
            assert_eq!(
                poll(&mut monitor.start(), &driver),
                Poll::Ready(Step::Oob(1))
            );

            let leave = || slot.lock().unwrap().take().unwrap();
            let mut left = (leaves == Leaves::BeforeTheReply).then(leave);
            let (wakes, asker) = waker();
            if let Some(request) = &mut left {
                assert!(poll(request, &asker).is_pending(), "{case}");
            }
            if dropped {
                left = left.and(None);
            }
            drop(monitor.resume(10));
            if leaves == Leaves::AfterTheReply {
                // The reply is in the driver's slot; the driver gives it out the next time it looks.
                let mut request = leave();
                assert!(poll(&mut request, &asker).is_pending(), "{case}");
                left = (!dropped).then_some(request);
                assert!(poll(&mut monitor.proceed(), &driver).is_pending());
            }
            assert_eq!(wakes.take(), usize::from(!dropped), "{case}");
            if let Some(mut request) = left {
                assert_eq!(poll(&mut request, &asker), Poll::Ready(Ok(10)), "{case}");
            }
            // All is as before: the next request of the body is served as the first one was.
            *slot.lock().unwrap() = Some(kept.try_oob(2));
            let mut step = monitor.proceed();
            assert_eq!(
                poll(&mut step, &driver),
                Poll::Ready(Step::Oob(2)),
                "{case}"
            );
            drop(step);
            assert_eq!(driver_wakes.take(), 0, "{case}");
            *slot.lock().unwrap() = None;
            drop(asker);
            assert_eq!(Arc::strong_count(&wakes), 1, "{case}");
        }
    }
}

#[test]
fn a_driver_that_waits_is_woken_for_a_request_that_left_the_body() {
    let (sent, received) = channel();
    let mut monitor = Monitor::boxed_send(|handle: Numbers| async move {
        let handle = keep(handle);
        let mut asks = handle.try_oob(1);
        assert!(poll_once(&mut asks).await.is_none());
        yield_now().await;
        // By now it is answered, which nobody has looked at.
        sent.send(asks).unwrap();
        pending::<()>().await;
    });
    let (wakes, waker) = waker();
    assert_eq!(
        poll(&mut monitor.start(), &waker),
        Poll::Ready(Step::Oob(1))
    );
    let mut step = monitor.resume(10);
    assert!(poll(&mut step, &waker).is_pending());
    wakes.take();
    let asker = thread::spawn(move || block_on(received.recv().unwrap()));
    while wakes.take() == 0 {
        thread::yield_now();
    }
    assert!(poll(&mut step, &waker).is_pending());
    assert_eq!(asker.join().unwrap(), Ok(10));
}

#[test]
fn the_end_is_told_on_every_thread() {
    let (mut monitor, handle) = idle();
    assert!(block_on(poll_once(monitor.start())).is_none());
    let waiting = thread::spawn({
        let handle = handle.clone();
        move || block_on(handle.try_oob(1))
    });
    assert_eq!(block_on(monitor.proceed()), Step::Oob(1));
    assert!(!handle.is_closed());
    drop(monitor);
    assert!(handle.is_closed());
    assert_eq!(waiting.join().unwrap(), Err(OobError::Closed));
    assert_eq!(block_on(handle.try_oob(2)), Err(OobError::NotActive(2)));
    let panic = catch_unwind(AssertUnwindSafe(|| block_on(handle.oob(3)))).unwrap_err();
    assert!(
        panic
            .downcast_ref::<String>()
            .unwrap()
            .contains("before the driver saw it")
    );
}

#[test]
fn a_panic_of_the_body_ends_it_and_leaves_the_thread_as_it_was() {
    let mut monitor = Monitor::boxed_send(|handle: Numbers| async move {
        handle.oob(1).await;
        panic!("the body");
    });
    assert_eq!(monitor.start().now(), Some(Step::Oob(1)));
    let panic = catch_unwind(AssertUnwindSafe(|| monitor.resume(1).now())).unwrap_err();
    assert_eq!(panic.downcast_ref(), Some(&"the body"));
    // Another one works on this thread as if nothing had happened.
    let mut other = Monitor::boxed_send(|handle: Numbers| async move { handle.oob(1).await });
    assert_eq!(drive(&mut other), (vec![1], 10));
}

#[test]
fn monitors_of_both_kinds_in_each_other() {
    let mut outer = Monitor::boxed_send(|outer: Numbers| async move {
        let mut middle = Box::pin(Monitor::new(|middle: Handle<u32, u32>| {
            let outer = outer.clone();
            async move {
                let mut inner = Monitor::boxed_send(|inner: Numbers| {
                    let (outer, middle) = (outer.clone(), middle.clone());
                    async move {
                        let mut sum = 0;
                        for number in 1..4 {
                            sum += inner.oob(number).await;
                            sum += middle.oob(number).await;
                            sum += outer.oob(number).await;
                        }
                        sum
                    }
                });
                let mut step = inner.start().await;
                loop {
                    match step {
                        Step::Oob(number) => step = inner.resume(number).await,
                        Step::Done(sum) => break sum,
                    }
                }
            }
        }));
        let mut step = middle.start().await;
        loop {
            match step {
                Step::Oob(number) => step = middle.resume(number * 100).await,
                Step::Done(sum) => break sum,
            }
        }
    });
    assert_eq!(drive(&mut outer), (vec![1, 2, 3], 6 + 600 + 60));
}

#[test]
fn closing_tells_the_body_and_askers_on_other_threads() {
    let mut given = None;
    let mut monitor = Monitor::boxed_send(|handle: Numbers| {
        given = Some(handle.clone());
        async move {
            assert_eq!(handle.try_oob(1).await, Err(OobError::Closed));
            yield_now().await;
            assert_eq!(handle.try_oob(3).await, Err(OobError::NotActive(3)));
            "output"
        }
    });
    assert_eq!(block_on(monitor.start()), Step::Oob(1));
    let other = given.unwrap();
    let elsewhere = thread::spawn(move || block_on(other.try_oob(2)));
    assert_eq!(block_on(monitor.close()), Ok(Some("output")));
    assert_eq!(elsewhere.join().unwrap(), Err(OobError::NotActive(2)));

    let mut plain = Monitor::boxed_send(|handle: Numbers| async move { handle.oob(1).await });
    assert_eq!(block_on(plain.start()), Step::Oob(1));
    assert_eq!(block_on(plain.close()), Ok(None));

    let mut ignores = Monitor::boxed_send(|handle: Numbers| async move {
        let _ = handle.try_oob(1).await;
        handle.oob(2).await + handle.oob(3).await
    });
    assert_eq!(block_on(ignores.start()), Step::Oob(1));
    assert_eq!(block_on(ignores.close()).unwrap_err().into_data(), 2);
    assert_eq!(block_on(ignores.resume(20)), Step::Oob(3));
    assert_eq!(block_on(ignores.resume(30)), Step::Done(50));
}

#[test]
fn a_round_trip_allocates_nothing() {
    let (_, waker) = waker();
    let mut monitor = Monitor::boxed_send(|handle: SendHandle<u64, u64>| async move {
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
fn requests_dropped_on_other_threads_leave_the_others_their_replies() {
    for round in 0..200 {
        let mut monitor = Monitor::boxed_send(move |handle: Numbers| async move {
            let dropping = handle.clone();
            let thread = thread::spawn(move || {
                let (_, waker) = waker();
                for number in 0..5 {
                    let mut request = dropping.try_oob(1000 + number);
                    let _ = poll(&mut request, &waker);
                    if (round + number) % 2 == 0 {
                        thread::yield_now();
                    }
                }
            });
            let mut sum = 0;
            for number in 0..5 {
                sum += handle.oob(number).await;
                yield_now().await;
            }
            thread.join().unwrap();
            sum
        });
        let (asked, sum) = drive(&mut monitor);
        let own: Vec<u32> = asked.into_iter().filter(|number| *number < 1000).collect();
        assert_eq!((own, sum), (vec![0, 1, 2, 3, 4], 100));
    }
}

#[test]
fn a_driver_that_gave_up_its_step_is_neither_woken_nor_kept() {
    let (mut monitor, handle) = idle();
    let (wakes, waker) = waker();
    assert!(poll(&mut monitor.start(), &waker).is_pending());
    drop(waker);
    assert_eq!(Arc::strong_count(&wakes), 1);
    let mut asks = handle.try_oob(1);
    assert!(poll(&mut asks, Waker::noop()).is_pending());
    assert_eq!(wakes.take(), 0);
    assert_eq!(block_on(monitor.proceed()), Step::Oob(1));
}

#[test]
fn a_branch_with_a_waker_of_its_own_is_woken_by_its_reply() {
    let (wakes, own) = waker();
    let mut monitor = Monitor::boxed_send(move |handle: Numbers| async move {
        let handle = keep(handle);
        let mut asks = handle.oob(1);
        // Polled inside of the driver's poll, with another waker.
        assert!(poll(&mut asks, &own).is_pending());
        std::future::poll_fn(|cx| {
            cx.waker().wake_by_ref();
            poll(&mut asks, &own)
        })
        .await
    });
    assert_eq!(block_on(monitor.start()), Step::Oob(1));
    drop(monitor.resume(10));
    assert_eq!(wakes.take(), 1);
    assert_eq!(block_on(monitor.proceed()), Step::Done(10));
}

#[test]
fn a_thread_that_has_lost_its_locals_goes_on() {
    /// Drives a monitor when the locals of its thread go.
    struct AtTheEnd(Option<Box<dyn FnOnce()>>);
    impl Drop for AtTheEnd {
        fn drop(&mut self) {
            self.0.take().unwrap()();
        }
    }
    thread_local! {
        static AT_THE_END: RefCell<Option<AtTheEnd>> = const { RefCell::new(None) };
    }

    let (sender, receiver) = channel();
    let thread = thread::spawn(move || {
        // What this thread uses first is the last to go.
        AT_THE_END.set(None);
        let mut monitor = Monitor::boxed_send(|handle: Numbers| async move {
            handle.oob(1).await + handle.oob(2).await
        });
        assert_eq!(monitor.start().now(), Some(Step::Oob(1)));
        let drives = move || {
            let mut step = Some(block_on(monitor.resume(10)));
            while let Some(Step::Oob(number)) = step {
                sender.send(number).unwrap();
                step = monitor.resume(number * 10).now();
            }
            sender.send(step.unwrap().into_done().unwrap()).unwrap();
        };
        AT_THE_END.set(Some(AtTheEnd(Some(Box::new(drives)))));
    });
    thread.join().unwrap();
    assert_eq!(receiver.iter().collect::<Vec<_>>(), [2, 30]);
}
