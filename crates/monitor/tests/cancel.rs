//! Every public future is dropped at every poll, and polled without a wake at every stage.

#[path = "common/wakes.rs"]
mod wakes;

use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Poll, Waker};

use corokit_monitor::{Handle, Monitor, MonitorExt, Step, TryOob};
use futures_lite::future::yield_now;
use wakes::{poll, waker};

type Numbers = Handle<u32, u32>;

async fn waits_and_asks(handle: Numbers) -> u32 {
    let mut sum = 0;
    for number in 1..=3 {
        yield_now().await;
        yield_now().await;
        sum += handle.oob(number).await;
    }
    yield_now().await;
    sum
}

/// The step futures of a run, each dropped after this many polls.
fn drive_with_drops(polls_before_drop: usize) -> Vec<Step<u32, u32>> {
    let mut monitor = Monitor::boxed(waits_and_asks);
    let mut steps = Vec::new();
    loop {
        let mut stepping = match steps.last() {
            None => monitor.start(),
            Some(Step::Oob(number)) => monitor.resume(number * 10),
            Some(Step::Done(_)) => return steps,
        };
        let step = 'step: loop {
            for _ in 0..polls_before_drop {
                if let Poll::Ready(step) = poll(&mut stepping, Waker::noop()) {
                    break 'step step;
                }
            }
            drop(stepping);
            // At least one poll must be made for the run to come to its end.
            stepping = monitor.proceed();
            if polls_before_drop == 0 {
                match stepping.now() {
                    Some(step) => break 'step step,
                    None => stepping = monitor.proceed(),
                }
            }
        };
        steps.push(step);
    }
}

#[test]
fn a_step_is_dropped_at_every_poll() {
    let expected = [Step::Oob(1), Step::Oob(2), Step::Oob(3), Step::Done(60)];
    for polls in 0..5 {
        assert_eq!(
            drive_with_drops(polls),
            expected,
            "dropped after {polls} polls"
        );
    }
}

#[test]
fn a_step_is_polled_without_a_wake() {
    let (wakes, waker) = waker();
    let mut monitor = Monitor::boxed(|handle: Numbers| async move {
        let reply = handle.oob(1).await;
        pending::<()>().await;
        reply
    });
    assert_eq!(
        poll(&mut monitor.start(), &waker),
        Poll::Ready(Step::Oob(1))
    );
    let mut step = monitor.resume(10);
    for _ in 0..3 {
        assert!(poll(&mut step, &waker).is_pending());
    }
    drop(step);
    assert_eq!(wakes.take(), 0);
    drop(waker);
    assert_eq!(Arc::strong_count(&wakes), 1);
}

/// A stage at which a request is polled again or dropped.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Stage {
    New,
    Posted,
    Asked,
    Answered,
}

const STAGES: [Stage; 4] = [Stage::New, Stage::Posted, Stage::Asked, Stage::Answered];

/// What becomes of the request at its stage.
#[derive(Clone, Copy, PartialEq, Debug)]
enum What {
    /// It is polled this often without a wake, then goes on.
    Polled(usize),
    Dropped,
}

/// A request of either kind that can be asked for its outcome as a number.
type Request<'a> = Pin<Box<dyn Future<Output = u32> + 'a>>;

fn request(handle: &Numbers, plain: bool, number: u32) -> Request<'_> {
    match plain {
        true => Box::pin(handle.oob(number)),
        false => Box::pin(async move { handle.try_oob(number).await.unwrap() }),
    }
}

/// A request from elsewhere, with this many others before and after it.
fn foreign(plain: bool, stage: Stage, what: What, others: usize) {
    let mut given = None;
    let mut monitor = Monitor::boxed(|handle: Numbers| {
        given = Some(handle);
        pending::<()>()
    });
    let handle = given.unwrap();
    let (wakes, waker) = waker();
    let (other_wakes, other_waker) = wakes::waker();
    let mut expected_wakes = 0;

    // Numbers tell the requests apart: 0.. are before, 100 is the one, 200.. are after it.
    let make_others = |first: u32| -> Vec<(u32, TryOob<'_, u32, u32>)> {
        (first..)
            .take(others)
            .map(|number| (number, handle.try_oob(number)))
            .collect()
    };
    let mut before = make_others(0);
    for (_, other) in &mut before {
        assert!(poll(other, &other_waker).is_pending());
    }
    let mut the_one = Some(request(&handle, plain, 100));
    let visit = |here: Stage, the_one: &mut Option<Request<'_>>| {
        if here == stage {
            match what {
                What::Dropped => *the_one = None,
                What::Polled(times) if here != Stage::Answered => {
                    // The first poll of a new one posts it, so that the rest are without a wake.
                    for _ in 0..times {
                        assert!(poll(the_one.as_mut().unwrap(), &waker).is_pending());
                    }
                }
                What::Polled(_) => {}
            }
        }
    };

    visit(Stage::New, &mut the_one);
    if let Some(request) = &mut the_one {
        assert!(poll(request, &waker).is_pending());
    }
    visit(Stage::Posted, &mut the_one);
    let mut after = make_others(200);
    for (_, other) in &mut after {
        assert!(poll(other, &other_waker).is_pending());
    }

    let mut asked = Vec::new();
    let mut step = monitor.start().now();
    while let Some(Step::Oob(number)) = step {
        asked.push(number);
        if number == 100 {
            visit(Stage::Asked, &mut the_one);
            expected_wakes = usize::from(the_one.is_some());
        }
        step = monitor.resume(number + 1000).now();
    }
    let seen = what != What::Dropped || matches!(stage, Stage::Asked | Stage::Answered);
    let expected: Vec<u32> = (before.iter().map(|other| other.0))
        .chain(seen.then_some(100))
        .chain(after.iter().map(|other| other.0))
        .collect();
    let case = format!("plain {plain}, {stage:?}, {what:?}, {others} others");
    assert_eq!(asked, expected, "{case}");
    assert_eq!(wakes.take(), expected_wakes, "{case}");
    assert_eq!(other_wakes.take(), 2 * others, "{case}");

    visit(Stage::Answered, &mut the_one);
    if let Some(mut request) = the_one {
        assert_eq!(poll(&mut request, &waker), Poll::Ready(1100), "{case}");
    }
    for (number, mut other) in before.into_iter().chain(after) {
        let expected = Poll::Ready(Ok(number + 1000));
        assert_eq!(poll(&mut other, &other_waker), expected, "{case}");
    }
    drop((waker, other_waker));
    assert_eq!(Arc::strong_count(&wakes), 1, "{case}");
    assert!(format!("{handle:?}").contains("outstanding: 0"), "{case}");
}

#[test]
fn a_request_from_elsewhere_at_every_stage() {
    for plain in [true, false] {
        for stage in STAGES {
            for what in [What::Dropped, What::Polled(1), What::Polled(3)] {
                for others in 0..3 {
                    foreign(plain, stage, what, others);
                }
            }
        }
    }
}

/// A request of the body itself. Each turn of the body does one thing, each step makes one turn.
fn own(plain: bool, stage: Stage, what: What) {
    async fn turn() {
        let mut polled = false;
        std::future::poll_fn(|_| match std::mem::replace(&mut polled, true) {
            false => Poll::Pending,
            true => Poll::Ready(()),
        })
        .await;
    }
    async fn polls(request: &mut Request<'_>, times: usize) {
        std::future::poll_fn(|cx| {
            for _ in 0..times {
                assert!(request.as_mut().poll(cx).is_pending());
            }
            Poll::Ready(())
        })
        .await;
    }

    let mut monitor = Monitor::boxed(async |handle: Numbers| {
        let mut the_one = request(&handle, plain, 100);
        let polled = match what {
            What::Polled(times) => times,
            What::Dropped => 0,
        };
        let dropped_at = |here| what == What::Dropped && stage == here;
        let mut outcome = None;
        'dropped: {
            if dropped_at(Stage::New) {
                break 'dropped;
            }
            polls(&mut the_one, polled.max(1)).await;
            if dropped_at(Stage::Posted) {
                break 'dropped;
            }
            turn().await;
            // Now it is answered; a request cannot be dropped by the body while it is asked.
            if dropped_at(Stage::Answered) || dropped_at(Stage::Asked) {
                break 'dropped;
            }
            outcome = Some((&mut the_one).await);
        }
        drop(the_one);
        assert!(format!("{handle:?}").contains("outstanding: 0"));
        (outcome, handle.oob(7).await)
    });
    let mut asked = Vec::new();
    let mut step = monitor.start().now();
    let outcome = loop {
        match step {
            Some(Step::Oob(number)) => {
                asked.push(number);
                step = monitor.resume(number + 1000).now();
            }
            Some(Step::Done(outcome)) => break outcome,
            None => step = monitor.proceed().now(),
        }
    };
    let case = format!("plain {plain}, {stage:?}, {what:?}");
    let seen = what != What::Dropped || matches!(stage, Stage::Asked | Stage::Answered);
    let expected: &[u32] = if seen { &[100, 7] } else { &[7] };
    assert_eq!(asked, expected, "{case}");
    let expected = (what != What::Dropped).then_some(1100);
    assert_eq!(outcome, (expected, 1007), "{case}");
}

#[test]
fn a_request_of_the_body_at_every_stage() {
    for plain in [true, false] {
        for stage in STAGES {
            for what in [What::Dropped, What::Polled(1), What::Polled(3)] {
                own(plain, stage, what);
            }
        }
    }
}
