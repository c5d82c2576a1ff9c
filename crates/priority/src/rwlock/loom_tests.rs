//! Readers and writers on threads, in every order.

use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::task::{Poll, Waker};

use loom::future::block_on;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;

use super::line::{Access, Asked, Line, Ticket};
use crate::wait::WaitList as _;

fn lock(line: &Arc<Line>, access: Access) -> impl Future<Output = Ticket> + use<> {
    let line = Arc::clone(line);
    let mut number = None;
    poll_fn(move |cx| {
        let waits = match number {
            Some(waits) => waits,
            None => match line.acquire(access, None, None, cx.waker().clone()) {
                Asked::Acquired(ticket) => return Poll::Ready(ticket),
                Asked::Waits(waits) => *number.insert(waits),
            },
        };
        line.poll(waits, None, cx.waker())
            .map_or(Poll::Pending, Poll::Ready)
    })
}

#[test]
fn writers_are_alone() {
    loom::model(|| {
        let line = Line::new(None);
        let inside = Arc::new(AtomicUsize::new(0));
        let threads = [Access::Write, Access::Read].map(|access| {
            let (line, inside) = (Arc::clone(&line), Arc::clone(&inside));
            thread::spawn(move || {
                let ticket = block_on(lock(&line, access));
                let others = match access {
                    Access::Write => inside.fetch_add(10, Ordering::Relaxed),
                    Access::Read => inside.fetch_add(1, Ordering::Relaxed) / 10,
                };
                assert_eq!(others, 0);
                let own = if access == Access::Write { 10 } else { 1 };
                inside.fetch_sub(own, Ordering::Relaxed);
                line.release(ticket);
            })
        });
        for thread in threads {
            thread.join().unwrap();
        }
        assert!(line.holders().is_empty());
        assert!(line.try_acquire(Access::Write, None).is_some());
    });
}

/// A writer that goes away lets the readers in that it kept waiting.
#[test]
fn nobody_waits_for_one_that_has_gone() {
    loom::model(|| {
        let line = Line::new(None);
        let reading = block_on(lock(&line, Access::Read));
        let leaving = {
            let line = Arc::clone(&line);
            let waker = Waker::noop().clone();
            thread::spawn(
                move || match line.acquire(Access::Write, None, None, waker) {
                    Asked::Acquired(ticket) => line.release(ticket),
                    Asked::Waits(number) => line.leave(number),
                },
            )
        };
        let other = block_on(lock(&line, Access::Read));
        line.release(other);
        line.release(reading);
        leaving.join().unwrap();
        assert!(line.try_acquire(Access::Write, None).is_some());
    });
}
