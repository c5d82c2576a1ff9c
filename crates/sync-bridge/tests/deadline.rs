//! Blocking with a limit.
#![cfg(not(loom))]
#![cfg(feature = "deadline")]

use std::cell::Cell;
use std::future::{pending, poll_fn, ready};
use std::rc::Rc;
use std::task::Poll;
use std::time::{Duration, Instant};

use corokit_core::time;
use corokit_lab::run;
use corokit_sync_bridge::{TimedOut, block_on_until};

/// Says when it is dropped.
struct Dropped(Rc<Cell<bool>>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.set(true);
    }
}

#[test]
fn what_is_ready_is_had_even_if_the_deadline_has_passed() {
    let past = Instant::now() - Duration::from_secs(1);
    assert_eq!(block_on_until(past, ready(5)), Ok(5));
}

#[test]
fn a_future_that_is_late_is_dropped_before_the_call_returns() {
    let dropped = Rc::new(Cell::new(false));
    let witness = Dropped(Rc::clone(&dropped));
    let late = async move {
        let _witness = witness;
        pending::<()>().await;
    };
    assert_eq!(block_on_until(Instant::now(), late), Err(TimedOut));
    assert!(dropped.get());
}

/// The clock is the one that lab gives its tests, and it is kept to the instant.
#[test]
fn the_deadline_is_kept_to_the_instant() {
    const HOUR: Duration = Duration::from_secs(3600);
    run(1, |lab| async move {
        let start = time::now();
        assert_eq!(block_on_until(start + HOUR, pending::<()>()), Err(TimedOut));
        assert_eq!(lab.elapsed(), HOUR);
        let sleeper = time::sleep(HOUR);
        assert_eq!(block_on_until(start + 3 * HOUR, sleeper), Ok(()));
        assert_eq!(lab.elapsed(), 2 * HOUR);
    });
}

#[test]
fn the_future_is_polled_for_its_own_wakes_meanwhile() {
    let mut polls = 0;
    let steps = poll_fn(|cx| {
        polls += 1;
        cx.waker().wake_by_ref();
        if polls < 1_000 {
            return Poll::Pending;
        }
        Poll::Ready(polls)
    });
    let deadline = Instant::now() + Duration::from_secs(60);
    assert_eq!(block_on_until(deadline, steps), Ok(1_000));
}

#[test]
fn calls_may_be_nested() {
    let deadline = Instant::now() + Duration::from_secs(60);
    let inner = async { block_on_until(Instant::now(), pending::<()>()) };
    assert_eq!(block_on_until(deadline, inner), Ok(Err(TimedOut)));
}

#[test]
fn the_error_says_what_happened() {
    assert_eq!(TimedOut.to_string(), "timed out");
}
