//! The line, with threads in every order.

use std::future::poll_fn;
use std::task::{Poll, Waker};

use loom::future::block_on;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use loom::thread;

use super::line::Line;

/// Waits for the turn.
async fn turn(line: &Line) {
    let mut ticket = None;
    poll_fn(|cx| match line.take(&mut ticket, cx.waker().clone()) {
        true => Poll::Ready(()),
        false => Poll::Pending,
    })
    .await;
}

/// Tells when two are at it at once.
#[derive(Default)]
struct Guarded {
    busy: AtomicBool,
    count: AtomicUsize,
}

impl Guarded {
    fn increase(&self) {
        assert!(!self.busy.swap(true, Ordering::Relaxed));
        let count = self.count.load(Ordering::Relaxed);
        self.count.store(count + 1, Ordering::Relaxed);
        self.busy.store(false, Ordering::Relaxed);
    }
}

fn check_is_free(line: &Line) {
    assert!(line.try_take(&mut None));
    assert_eq!(line.waiting(), 0);
}

#[test]
fn one_at_a_time_and_nobody_is_forgotten() {
    loom::model(|| {
        let line = Arc::new(Line::new());
        let guarded = Arc::new(Guarded::default());
        let work = |turns: usize| {
            let (line, guarded) = (Arc::clone(&line), Arc::clone(&guarded));
            move || {
                for _ in 0..turns {
                    block_on(turn(&line));
                    guarded.increase();
                    line.pass_on();
                }
            }
        };
        let other = thread::spawn(work(2));
        work(1)();
        other.join().unwrap();
        assert_eq!(guarded.count.load(Ordering::Relaxed), 3);
        check_is_free(&line);
    });
}

#[test]
fn three_threads_take_their_turns() {
    loom::model(|| {
        let line = Arc::new(Line::new());
        let guarded = Arc::new(Guarded::default());
        let threads = [(); 2].map(|()| {
            let (line, guarded) = (Arc::clone(&line), Arc::clone(&guarded));
            thread::spawn(move || {
                block_on(turn(&line));
                guarded.increase();
                line.pass_on();
            })
        });
        block_on(turn(&line));
        guarded.increase();
        line.pass_on();
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(guarded.count.load(Ordering::Relaxed), 3);
        check_is_free(&line);
    });
}

#[test]
fn a_grant_and_one_who_leaves_may_meet() {
    loom::model(|| {
        let line = Arc::new(Line::new());
        assert!(line.try_take(&mut None));
        let leaving = {
            let line = Arc::clone(&line);
            thread::spawn(move || {
                let mut ticket = None;
                match line.take(&mut ticket, Waker::noop().clone()) {
                    true => line.pass_on(),
                    false => line.leave(ticket.unwrap()),
                }
            })
        };
        let waiting = {
            let line = Arc::clone(&line);
            thread::spawn(move || {
                block_on(turn(&line));
                line.pass_on();
            })
        };
        line.pass_on();
        leaving.join().unwrap();
        waiting.join().unwrap();
        check_is_free(&line);
    });
}
