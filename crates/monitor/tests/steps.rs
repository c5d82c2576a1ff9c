//! Steps of a body and its replies, one request at a time.

use std::future::Future;
use std::pin::{Pin, pin};

use corokit_monitor::{Handle, Monitor, MonitorExt, Port, StackHandle, Step, run};
use futures_lite::future::{block_on, yield_now};

/// Asynkit's basic test: two requests with ordinary waits between them, then the result.
async fn two_questions(handle: Handle<&'static str, u32>) -> u32 {
    yield_now().await;
    let first = handle.oob("first").await;
    yield_now().await;
    let second = handle.oob("second").await;
    yield_now().await;
    first * 10 + second
}

#[test]
fn two_requests_with_waits_between() {
    block_on(async {
        let mut monitor = Monitor::boxed(two_questions);
        assert_eq!(monitor.start().await, Step::Oob("first"));
        assert_eq!(monitor.resume(1).await, Step::Oob("second"));
        assert_eq!(monitor.resume(2).await, Step::Done(12));
    });
}

#[test]
fn the_same_without_an_executor() {
    let mut monitor = Monitor::boxed(two_questions);
    assert_eq!(monitor.start().now(), None);
    assert_eq!(monitor.proceed().now(), Some(Step::Oob("first")));
    assert_eq!(monitor.resume(1).now(), None);
    assert_eq!(monitor.proceed().now(), Some(Step::Oob("second")));
    assert_eq!(monitor.resume(2).now(), None);
    assert_eq!(monitor.proceed().now(), Some(Step::Done(12)));
}

#[test]
fn begun_without_an_executor_and_ended_in_one() {
    let mut monitor = Monitor::boxed(two_questions);
    assert_eq!(monitor.start().now(), None);
    assert_eq!(block_on(monitor.proceed()), Step::Oob("first"));
    assert_eq!(monitor.resume(1).now(), None);
    assert_eq!(block_on(monitor.proceed()), Step::Oob("second"));
    assert_eq!(block_on(monitor.resume(2)), Step::Done(12));
}

#[test]
fn every_way_to_make_one() {
    fn check<T: Future<Output = u32>, P>(mut monitor: Pin<&mut Monitor<u32, u32, T, P>>)
    where
        P: std::ops::Deref<Target = Port<u32, u32>>,
    {
        assert_eq!(monitor.start().now(), Some(Step::Oob(1)));
        assert_eq!(monitor.resume(5).now(), Some(Step::Done(6)));
    }

    check(pin!(Monitor::new(async |handle| handle.oob(1).await + 1)));
    check(pin!(Monitor::new(|handle: Handle<u32, u32>| async move {
        handle.oob(1).await + 1
    })));
    check(Monitor::boxed(async |handle| handle.oob(1).await + 1).as_mut());

    let one = 1;
    check(Monitor::boxed(async |handle| handle.oob(one).await + one).as_mut());

    let mut port = Port::new();
    check(pin!(Monitor::on(&mut port, async |handle| handle
        .oob(1)
        .await
        + 1)));
    check(pin!(Monitor::on(&mut port, |handle| async move {
        handle.oob(1).await + 1
    })));
}

#[test]
fn a_body_in_a_box_gives_the_monitor_a_name() {
    type Body = Pin<Box<dyn Future<Output = u32>>>;
    type Named = Pin<Box<Monitor<u32, u32, Body>>>;

    fn make(number: u32) -> Named {
        Monitor::boxed(|handle| -> Body { Box::pin(async move { handle.oob(number).await }) })
    }

    let mut monitors: Vec<Named> = (0..3).map(make).collect();
    for (number, monitor) in (0..).zip(&mut monitors) {
        assert_eq!(monitor.start().now(), Some(Step::Oob(number)));
        assert_eq!(
            monitor.resume(number * 2).now(),
            Some(Step::Done(number * 2))
        );
    }
}

#[test]
fn the_body_does_not_run_before_start() {
    let ran = std::cell::Cell::new(0);
    let mut monitor = Monitor::boxed(|handle: Handle<u32, u32>| {
        let ran = &ran;
        async move {
            ran.set(ran.get() + 1);
            handle.oob(ran.get()).await
        }
    });
    assert_eq!(ran.get(), 0);
    assert_eq!(monitor.start().now(), Some(Step::Oob(1)));
    assert_eq!(ran.get(), 1);
}

#[test]
fn a_body_that_never_asks_is_done_at_once() {
    let mut monitor = Monitor::boxed(async |_: Handle<u32, u32>| "end");
    assert_eq!(monitor.start().now(), Some(Step::Done("end")));
}

#[test]
fn a_reply_may_be_an_error_that_the_body_handles_or_passes_on() {
    let body = async |handle: Handle<u32, Result<u32, &'static str>>| {
        let first = handle.oob(1).await.unwrap_or(100);
        let second = handle.oob(2).await?;
        Ok(first + second)
    };
    let mut monitor = Monitor::boxed(body);
    assert_eq!(monitor.start().now(), Some(Step::Oob(1)));
    assert_eq!(monitor.resume(Err("handled")).now(), Some(Step::Oob(2)));
    assert_eq!(
        monitor.resume(Err("passed on")).now(),
        Some(Step::Done(Err("passed on")))
    );
}

#[test]
fn helpers_ask_through_any_number_of_levels() {
    fn level(handle: &Handle<u32, u32>, depth: u32) -> Pin<Box<dyn Future<Output = u32> + '_>> {
        Box::pin(async move {
            let reply = handle.oob(depth).await;
            match depth {
                0 => reply,
                _ => reply + level(handle, depth - 1).await,
            }
        })
    }
    let mut monitor = Monitor::boxed(async |handle| level(&handle, 50).await);
    let mut asked = Vec::new();
    let mut step = monitor.start().now().unwrap();
    let sum = loop {
        match step {
            Step::Oob(depth) => {
                asked.push(depth);
                step = monitor.resume(depth * 2).now().unwrap();
            }
            Step::Done(sum) => break sum,
        }
    };
    assert_eq!(asked, (0..=50).rev().collect::<Vec<_>>());
    assert_eq!(sum, 50 * 51);
}

#[test]
fn a_port_serves_one_monitor_after_another() {
    let mut port = Port::<u32, u32>::new();
    for round in 0..3 {
        let mut monitor = pin!(Monitor::on(
            &mut port,
            async |handle: StackHandle<'_, u32, u32>| handle.oob(round).await
        ));
        assert_eq!(monitor.start().now(), Some(Step::Oob(round)));
        if round == 1 {
            // The second one is left in the middle.
            continue;
        }
        assert_eq!(monitor.resume(7).now(), Some(Step::Done(7)));
    }
}

#[test]
fn large_and_owned_payloads_come_through_whole() {
    let mut monitor = Monitor::boxed(async |handle: Handle<Vec<String>, [u64; 64]>| {
        let reply = handle.oob(vec!["a".to_string(), "b".to_string()]).await;
        reply.iter().sum::<u64>()
    });
    let asked = monitor.start().now().unwrap().into_oob().unwrap();
    assert_eq!(asked, ["a", "b"]);
    let reply = std::array::from_fn(|index| index as u64);
    assert_eq!(monitor.resume(reply).now(), Some(Step::Done(63 * 32)));
}

#[test]
fn what_is_shown_of_each_type() {
    let mut monitor = Monitor::boxed(async |handle: Handle<u32, u32>| {
        let asking = handle.oob(1);
        assert!(format!("{asking:?}").starts_with("Oob { request: TryOob(new), caller: "));
        let mut asking = handle.try_oob(1);
        assert_eq!(format!("{asking:?}"), "TryOob(new)");
        assert_eq!((&mut asking).await, Ok(2));
        assert_eq!(format!("{asking:?}"), "TryOob(done)");
        assert_eq!(
            format!("{handle:?}"),
            "Handle { port: Port { closed: false, outstanding: 0, .. }, .. }"
        );
    });
    assert_eq!(
        format!("{monitor:?}"),
        "Monitor { state: New, port: Port { closed: false, outstanding: 0, .. }, .. }"
    );
    assert_eq!(monitor.start().now(), Some(Step::Oob(1)));
    assert_eq!(
        format!("{:?}", monitor.resume(2)),
        "Stepping { monitor: Monitor { state: Stepping, \
         port: Port { closed: false, outstanding: 1, .. }, .. } }"
    );
    assert_eq!(monitor.proceed().now(), Some(Step::Done(())));
}

#[test]
fn what_is_asked_is_dropped_where_only_the_output_counts() {
    let mut monitor = Monitor::boxed(two_questions);
    assert_eq!(block_on(monitor.start()), Step::Oob("first"));
    assert_eq!(block_on(monitor.try_await(1)), None);
    assert!(block_on(monitor.try_await(2)).is_some());
}

#[test]
fn an_error_thrown_where_the_body_asks_is_handled_or_comes_out() {
    let make = |handles: bool| {
        Monitor::boxed(
            async move |handle: Handle<u32, Result<u32, &'static str>>| {
                let reply = handle.oob(1).await;
                let reply = if handles { reply.unwrap_or(7) } else { reply? };
                yield_now().await;
                Ok::<_, &str>(reply)
            },
        )
    };
    for (handles, output) in [(true, Ok(7)), (false, Err("thrown"))] {
        let mut monitor = make(handles);
        assert_eq!(monitor.start().now(), Some(Step::Oob(1)));
        assert_eq!(block_on(monitor.throw("thrown")), Step::Done(output));
    }
}

#[test]
fn a_handler_answers_every_request_until_the_end() {
    let mut log = Vec::new();
    let body = async |handle: StackHandle<'_, u32, u32>| {
        let (one, two) = futures_lite::future::zip(handle.oob(1), handle.oob(2)).await;
        one + two + handle.oob(3).await
    };
    let sum = block_on(run(body, async |number| {
        yield_now().await;
        log.push(number);
        number * 10
    }));
    assert_eq!((sum, log), (60, vec![1, 2, 3]));
}
