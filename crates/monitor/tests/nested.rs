//! Monitors inside the bodies of monitors.

use std::pin::pin;

use corokit_monitor::{Handle, Monitor, MonitorExt, Port, Step};
use futures_lite::future::{block_on, yield_now, zip};

type Strings = Handle<String, u32>;

/// Asks the inner and the outer driver in turn.
async fn inner_body(inner: Strings, outer: Strings, rounds: u32) -> u32 {
    let mut sum = 0;
    for round in 0..rounds {
        sum += inner.oob(format!("inner {round}")).await;
        sum += outer.oob(format!("outer {round}")).await;
    }
    sum
}

/// Drives an inner monitor, and replies to it by itself.
async fn outer_body(outer: Strings, rounds: u32) -> u32 {
    let given = outer.clone();
    let mut monitor = pin!(Monitor::new(|inner| inner_body(inner, given, rounds)));
    let mut step = monitor.start().await;
    loop {
        match step {
            Step::Oob(data) => {
                assert!(data.starts_with("inner"));
                step = monitor.resume(1).await;
            }
            Step::Done(sum) => return sum,
        }
    }
}

#[test]
fn the_inner_monitor_passes_on_requests_to_the_outer_driver() {
    let mut monitor = Monitor::boxed(|outer: Strings| outer_body(outer, 3));
    assert_eq!(monitor.start().now(), Some(Step::Oob("outer 0".into())));
    assert_eq!(monitor.resume(10).now(), Some(Step::Oob("outer 1".into())));
    assert_eq!(monitor.resume(10).now(), Some(Step::Oob("outer 2".into())));
    assert_eq!(monitor.resume(10).now(), Some(Step::Done(33)));
}

#[test]
fn the_inner_driver_sees_a_wait_like_any_other() {
    let mut outer = Monitor::boxed(|outer: Strings| async move {
        let given = outer.clone();
        let mut inner = Monitor::boxed(|inner| inner_body(inner, given, 1));
        assert_eq!(inner.start().now(), Some(Step::Oob("inner 0".into())));
        // Here the inner body asks the outer driver, who cannot reply inside this poll.
        assert_eq!(inner.resume(1).now(), None);
        inner.proceed().await
    });
    assert_eq!(outer.start().now(), Some(Step::Oob("outer 0".into())));
    assert_eq!(outer.resume(10).now(), Some(Step::Done(Step::Done(11))));
}

#[test]
fn two_inner_monitors_in_a_join_share_the_outer_driver() {
    let mut monitor = Monitor::boxed(async |outer: Strings| {
        let (left, right) = zip(outer_body(outer.clone(), 2), outer_body(outer, 2)).await;
        left + right
    });
    let mut asked = Vec::new();
    let mut step = monitor.start().now().unwrap();
    let sum = loop {
        match step {
            Step::Oob(data) => {
                asked.push(data);
                step = monitor.resume(10).now().unwrap();
            }
            Step::Done(sum) => break sum,
        }
    };
    assert_eq!(asked, ["outer 0", "outer 0", "outer 1", "outer 1"]);
    assert_eq!(sum, 44);
}

#[test]
fn a_tower_of_monitors() {
    /// Drives a body one level deeper, and passes its requests on to its own driver.
    async fn level(handle: Handle<u32, u32>, depth: u32) -> u32 {
        if depth == 0 {
            yield_now().await;
            return handle.oob(0).await;
        }
        let mut port = Port::new();
        let mut monitor = pin!(Monitor::on(&mut port, async |inner| {
            let mut deeper = Monitor::boxed(|handle| Box::pin(level(handle, depth - 1)));
            let mut step = deeper.start().await;
            loop {
                match step {
                    Step::Oob(data) => {
                        let reply = inner.oob(data + 1).await;
                        step = deeper.resume(reply).await;
                    }
                    Step::Done(output) => break output,
                }
            }
        }));
        let mut step = monitor.start().await;
        loop {
            match step {
                Step::Oob(data) => {
                    let reply = handle.oob(data + 1).await;
                    step = monitor.resume(reply + 1).await;
                }
                Step::Done(output) => return output,
            }
        }
    }

    block_on(async {
        let mut monitor = Monitor::boxed(|handle| level(handle, 10));
        assert_eq!(monitor.start().await, Step::Oob(20));
        assert_eq!(monitor.resume(100).await, Step::Done(110));
    });
}
