//! The line, with threads in every order. Its desk hands out tokens; the timer never rings, so a
//! wake-up that is forgotten is a deadlock.

use std::future::poll_fn;
use std::time::{Duration, Instant};

use loom::future::block_on;
use loom::sync::Arc;
use loom::thread;

use super::{Desk, Line, Place, When};

struct Tokens {
    left: usize,
    /// What it tells those who wait: to wait for a timer, or for a change.
    timer: bool,
}

impl Desk for Tokens {
    type Ask = ();
    type Answer = ();

    fn serve(&mut self, (): (), _now: Instant) -> Option<()> {
        self.left = self.left.checked_sub(1)?;
        Some(())
    }

    fn when(&self, (): (), now: Instant) -> When {
        match self.left {
            0 if self.timer => When::At(now + Duration::from_secs(1)),
            0 => When::Later,
            _ => When::Now,
        }
    }
}

fn line(timer: bool) -> Arc<Line<Tokens>> {
    Arc::new(Line::new(Tokens { left: 0, timer }))
}

fn take(line: &Line<Tokens>) {
    let mut place = Place::Asks(());
    block_on(poll_fn(|cx| line.poll(&mut place, cx)));
}

/// Polls once and goes away.
fn look_in(line: &Line<Tokens>) -> bool {
    let mut place = Place::Asks(());
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    let served = line.poll(&mut place, &mut cx).is_ready();
    line.leave(&mut place);
    served
}

fn everybody_gets_one(timer: bool) {
    loom::model(move || {
        let line = line(timer);
        let threads = [0; 2].map(|_| {
            let line = Arc::clone(&line);
            thread::spawn(move || take(&line))
        });
        line.change(|tokens| tokens.left += 1);
        line.change(|tokens| tokens.left += 1);
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(line.lock().desk.left, 0);
        assert_eq!(line.lock().waiting(), 0);
    });
}

#[test]
fn everybody_gets_one_by_changes() {
    everybody_gets_one(false);
}

#[test]
fn everybody_gets_one_while_the_timer_is_set() {
    everybody_gets_one(true);
}

fn who_leaves_the_front_lets_the_next_have_it(timer: bool) {
    loom::model(move || {
        let line = line(timer);
        let leaves = {
            let line = Arc::clone(&line);
            thread::spawn(move || look_in(&line))
        };
        let stays = {
            let line = Arc::clone(&line);
            thread::spawn(move || take(&line))
        };
        line.change(|tokens| tokens.left += 1);
        if leaves.join().unwrap() {
            line.change(|tokens| tokens.left += 1);
        }
        stays.join().unwrap();
        assert_eq!(line.lock().desk.left, 0);
    });
}

#[test]
fn who_leaves_the_front_lets_the_next_have_it_by_changes() {
    who_leaves_the_front_lets_the_next_have_it(false);
}

#[test]
fn who_leaves_the_front_lets_the_next_have_it_while_the_timer_is_set() {
    who_leaves_the_front_lets_the_next_have_it(true);
}
