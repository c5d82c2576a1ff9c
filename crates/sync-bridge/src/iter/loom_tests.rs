//! The stream, and the threads that make its items, in every order.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Waker};

use loom::future::block_on;
use loom::thread;

use super::bridge::Making;
use super::reader::Reader;

/// Counts down, and tells when it is dropped.
struct Numbers {
    left: u32,
    panics: bool,
    dropped: Arc<AtomicUsize>,
}

impl Iterator for Numbers {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        if self.left == 0 && self.panics {
            std::panic::resume_unwind(Box::new("no more"));
        }
        let number = self.left.checked_sub(1)?;
        self.left = number;
        Some(number)
    }
}

impl Drop for Numbers {
    fn drop(&mut self) {
        self.dropped.fetch_add(1, Ordering::Relaxed);
    }
}

fn reader(left: u32, ahead: usize) -> (Reader<Numbers>, Arc<AtomicUsize>) {
    let dropped = Arc::new(AtomicUsize::new(0));
    let mut reader = Reader::new(Numbers {
        left,
        panics: false,
        dropped: Arc::clone(&dropped),
    });
    reader.ahead = ahead;
    (reader, dropped)
}

/// The pool: a thread for each job, all of which are joined.
#[derive(Default)]
struct Threads(Vec<thread::JoinHandle<()>>);

impl Threads {
    fn send(&mut self, making: Making<Numbers>) {
        self.0.push(thread::spawn(move || making.run()));
    }

    fn join(self) {
        for thread in self.0 {
            thread.join().unwrap();
        }
    }
}

fn next(reader: &mut Reader<Numbers>, threads: &mut Threads) -> Option<u32> {
    block_on(poll_fn(|cx| {
        reader.poll_next(cx, |making| threads.send(making))
    }))
}

fn poll_once(reader: &mut Reader<Numbers>, threads: &mut Threads) -> bool {
    let mut cx = Context::from_waker(Waker::noop());
    let polled = reader.poll_next(&mut cx, |making| threads.send(making));
    polled.is_ready()
}

#[test]
fn the_items_come_in_order_and_then_the_end() {
    for ahead in [0, 1, 2] {
        loom::model(move || {
            let mut threads = Threads::default();
            let (mut reader, dropped) = reader(2, ahead);
            for expected in [Some(1), Some(0), None, None] {
                assert_eq!(next(&mut reader, &mut threads), expected);
            }
            threads.join();
            let iterator = reader.close();
            assert_eq!(dropped.load(Ordering::Relaxed), 0);
            drop(iterator);
            assert_eq!(dropped.load(Ordering::Relaxed), 1);
        });
    }
}

#[test]
fn a_stream_that_is_left_leaves_nothing_behind() {
    for ahead in [0, 2] {
        loom::model(move || {
            let mut threads = Threads::default();
            let (mut reader, dropped) = reader(3, ahead);
            assert!(!poll_once(&mut reader, &mut threads));
            drop(reader.close());
            drop(reader);
            threads.join();
            assert_eq!(dropped.load(Ordering::Relaxed), 1);
        });
    }
}

#[test]
fn the_iterator_is_given_back_with_what_was_made() {
    for ahead in [0, 2] {
        loom::model(move || {
            let mut threads = Threads::default();
            let (mut reader, _) = reader(3, ahead);
            assert!(!poll_once(&mut reader, &mut threads));
            let rest = block_on(poll_fn(|cx| reader.poll_rest(cx)));
            let (iterator, made) = rest.unwrap();
            threads.join();
            let made: Vec<_> = made.into_iter().chain(iterator).collect();
            assert_eq!(made, [2, 1, 0]);
        });
    }
}

#[test]
fn a_panic_comes_after_the_items() {
    loom::model(|| {
        let mut threads = Threads::default();
        let dropped = Arc::new(AtomicUsize::new(0));
        let mut reader = Reader::new(Numbers {
            left: 1,
            panics: true,
            dropped: Arc::clone(&dropped),
        });
        reader.ahead = 2;
        assert_eq!(next(&mut reader, &mut threads), Some(0));
        let panic = catch_unwind(AssertUnwindSafe(|| next(&mut reader, &mut threads)));
        assert_eq!(panic.unwrap_err().downcast_ref(), Some(&"no more"));
        assert_eq!(next(&mut reader, &mut threads), None);
        threads.join();
        assert_eq!(dropped.load(Ordering::Relaxed), 1);
    });
}

/// The pool is closed, and drops the job, while the stream asks for the iterator back.
#[test]
fn a_job_that_is_refused_leaves_the_iterator() {
    loom::model(|| {
        let (mut reader, _) = reader(1, 0);
        let mut refused = None;
        let mut cx = Context::from_waker(Waker::noop());
        let polled = reader.poll_next(&mut cx, |making| {
            refused = Some(thread::spawn(move || drop(making)));
        });
        assert!(polled.is_pending());
        let mut rest = pin!(poll_fn(|cx| reader.poll_rest(cx)));
        let (iterator, made) = block_on(rest.as_mut()).unwrap();
        assert_eq!((iterator.left, made), (1, vec![]));
        refused.unwrap().join().unwrap();
    });
}
