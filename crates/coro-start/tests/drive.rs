//! A future that is driven by hand: what the callback sees, and what its answer does.

#[path = "support/counted.rs"]
mod counted;
#[path = "support/gate.rs"]
mod gate;

use std::cell::RefCell;
use std::future::{pending, poll_fn};
use std::ops::ControlFlow::{self, Break, Continue};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Poll;
use std::thread;

use corokit_coro_start::{Blocked, drive};
use counted::Counts;
use futures_lite::future::yield_now;
use gate::Gate;

fn go_on(_: &Blocked) -> ControlFlow<()> {
    Continue(())
}

#[test]
fn a_future_that_does_not_block_calls_nobody() {
    let counts = Counts::default();
    let result = drive(counts.count(async { 7 }), |_| -> ControlFlow<()> {
        panic!("it does not block")
    });
    assert_eq!(result, Continue(7));
    counts.check(1, 1);
}

#[test]
fn the_callback_is_called_at_each_block_in_the_order_of_the_program() {
    let log = RefCell::new(Vec::new());
    let body = async {
        for step in 0..3 {
            log.borrow_mut().push(format!("step {step}"));
            yield_now().await;
        }
        "end"
    };
    let result = drive(body, |blocked| {
        log.borrow_mut()
            .push(format!("blocked {}", blocked.polls()));
        go_on(blocked)
    });
    assert_eq!(result, Continue("end"));
    assert_eq!(
        log.take(),
        [
            "step 0",
            "blocked 1",
            "step 1",
            "blocked 2",
            "step 2",
            "blocked 3"
        ]
    );
}

#[test]
fn a_break_drops_the_future_once_and_before_the_call_returns() {
    for polls in 1..4 {
        let counts = Counts::default();
        let result = drive(counts.count(pending::<()>()), |blocked| {
            counts.check(usize::try_from(blocked.polls()).unwrap(), 0);
            match blocked.polls() {
                n if n == polls => Break("enough"),
                _ => Continue(()),
            }
        });
        assert_eq!(result, Break("enough"));
        counts.check(usize::try_from(polls).unwrap(), 1);
    }
}

#[test]
fn panics_of_the_callback_and_of_the_future_pass_through() {
    let counts = Counts::default();
    let panic = catch_unwind(AssertUnwindSafe(|| {
        drive(counts.count(pending::<()>()), |_| -> ControlFlow<()> {
            panic!("the callback")
        })
    }));
    assert_eq!(panic.unwrap_err().downcast_ref(), Some(&"the callback"));
    counts.check(1, 1);

    let counts = Counts::default();
    let body = counts.count(async {
        yield_now().await;
        panic!("the future")
    });
    let panic = catch_unwind(AssertUnwindSafe(|| drive(body, go_on)));
    assert_eq!(panic.unwrap_err().downcast_ref(), Some(&"the future"));
    counts.check(2, 1);
}

#[test]
fn whether_it_was_woken_is_asked_of_the_latest_poll() {
    let mut seen = Vec::new();
    // Wakes itself at every other poll.
    let mut polls = 0;
    let body = poll_fn(|cx| {
        polls += 1;
        if polls % 2 == 0 {
            cx.waker().wake_by_ref();
        }
        if polls < 5 {
            Poll::Pending
        } else {
            Poll::Ready(())
        }
    });
    let result = drive(body, |blocked| {
        seen.push(blocked.is_woken());
        go_on(blocked)
    });
    assert_eq!(result, Continue(()));
    assert_eq!(seen, [false, true, false, true]);
}

#[test]
fn a_wait_ends_with_the_wake_of_another_thread() {
    for _ in 0..100 {
        let gate = Gate::default();
        let opens = gate.clone();
        let thread = thread::spawn(move || opens.open());
        let mut blocks = 0;
        let result = drive(gate.wait(), |blocked| {
            blocks += 1;
            blocked.wait();
            assert!(blocked.is_woken());
            go_on(blocked)
        });
        assert_eq!(result, Continue(()));
        assert!(blocks <= 1);
        thread.join().unwrap();
    }
}

#[test]
fn a_waker_that_is_kept_may_be_woken_when_all_is_over() {
    let mut kept = None;
    let result = drive(pending::<()>(), |blocked| {
        kept = Some(blocked.waker().clone());
        Break(())
    });
    assert_eq!(result, Break(()));
    kept.unwrap().wake();
}

#[test]
fn one_drives_inside_of_another() {
    let inner = |steps: u32| async move {
        for _ in 0..steps {
            yield_now().await;
        }
        steps
    };
    let outer = async {
        yield_now().await;
        let sum = drive(inner(3), go_on);
        yield_now().await;
        sum
    };
    let mut blocks = 0;
    let result = drive(outer, |blocked| {
        blocks += 1;
        go_on(blocked)
    });
    assert_eq!((result, blocks), (Continue(Continue(3)), 2));
}
