//! One job, with its thread and its owner in every order.

use std::future::poll_fn;
use std::panic::resume_unwind;

use loom::future::block_on;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::sync::{Arc, Mutex};
use loom::thread;

use super::JobError;
use super::cell::{Cell, Outcome, Ran, Work};

/// Counts how often it is dropped.
struct Counts(Arc<AtomicUsize>);

impl Drop for Counts {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// Waits for the output.
fn join<T>(cell: &dyn Outcome<T>) -> Result<T, JobError> {
    let result = block_on(poll_fn(|cx| cell.poll(cx.waker())));
    result.map(|output| output.unwrap_or_else(|payload| resume_unwind(payload)))
}

#[test]
fn the_output_reaches_who_waits_for_it() {
    loom::model(|| {
        let cell = Arc::new(Cell::queued(|| 1));
        assert!(cell.claim());
        let worker = Arc::clone(&cell);
        let worker = thread::spawn(move || assert!(worker.run() == Ran::Completed));
        assert_eq!(join(&*cell), Ok(1));
        worker.join().unwrap();
    });
}

#[test]
fn an_output_that_nobody_wants_is_dropped_once() {
    loom::model(|| {
        let dropped = Arc::new(AtomicUsize::new(0));
        let output = Counts(Arc::clone(&dropped));
        let cell = Arc::new(Cell::queued(move || output));
        assert!(cell.claim());
        let worker = Arc::clone(&cell);
        let worker = thread::spawn(move || assert!(worker.run() == Ran::Completed));
        cell.leave();
        worker.join().unwrap();
        assert_eq!(dropped.load(Ordering::Relaxed), 1);
        assert!(cell.is_finished());
    });
}

/// The pool's lock stands between them, as in the pool.
#[test]
fn a_job_is_run_or_cancelled_and_never_both() {
    loom::model(|| {
        let (ran, dropped) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let captured = Counts(Arc::clone(&dropped));
        let count = Arc::clone(&ran);
        let cell = Arc::new(Cell::queued(move || {
            let _captured = captured;
            count.fetch_add(1, Ordering::Relaxed);
        }));
        let pool = Arc::new(Mutex::new(()));
        let worker = {
            let (cell, pool) = (Arc::clone(&cell), Arc::clone(&pool));
            thread::spawn(move || {
                let claimed = {
                    let _locked = pool.lock().unwrap();
                    cell.claim()
                };
                if claimed {
                    cell.run();
                }
                claimed
            })
        };
        let cancelled = {
            let _locked = pool.lock().unwrap();
            cell.cancel()
        };
        cell.leave();
        let claimed = worker.join().unwrap();
        assert_ne!(claimed, cancelled);
        assert_eq!(ran.load(Ordering::Relaxed), usize::from(claimed));
        assert_eq!(dropped.load(Ordering::Relaxed), 1);
    });
}

#[test]
fn a_job_that_is_refused_tells_who_waits() {
    loom::model(|| {
        let cell = Arc::new(Cell::queued(|| 1));
        let pool = Arc::clone(&cell);
        let closing = thread::spawn(move || {
            assert!(pool.claim());
            pool.refuse(JobError::Abandoned);
        });
        assert_eq!(join(&*cell), Err(JobError::Abandoned));
        closing.join().unwrap();
    });
}
