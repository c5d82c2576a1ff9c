//! The threads of a pool, in every order. No time passes: nobody leaves after keep-alive, and the
//! scout waits until it is called.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use loom::future::block_on;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;

use super::JobError;
use super::cell::{Cell, Outcome};
use super::config::Config;
use super::shared::{Shared, wait_for_a_job};

/// A pool that starts up to `prompt` threads at once, and has `max` at most.
fn pool(prompt: usize, max: usize) -> Arc<Shared> {
    Arc::new(Shared::new(Config {
        name: "model".to_owned(),
        min_threads: 0,
        max_threads: max,
        prompt_threads: prompt,
        keep_alive: Duration::MAX,
        grow_after: Duration::from_secs(3_600),
        stack_size: 64 * 1024,
        processors: 1,
    }))
}

/// How many jobs have run.
type Ran = loom::sync::Arc<AtomicUsize>;

/// Sends a job that counts. Gives `None` if the pool is closed.
fn send(pool: &Arc<Shared>, ran: &Ran) -> Option<Arc<impl Outcome<usize> + use<>>> {
    let ran = Ran::clone(ran);
    let cell = Arc::new(Cell::queued(move || ran.fetch_add(1, Ordering::Relaxed)));
    let job = Arc::clone(&cell);
    pool.push(job).then_some(cell)
}

/// Waits for the output of a job.
fn output(job: &impl Outcome<usize>) -> Result<usize, JobError> {
    let result = block_on(poll_fn(|cx| {
        let polled = job.poll(cx.waker());
        if polled.is_pending() {
            wait_for_a_job();
        }
        polled
    }));
    result.map(Result::unwrap)
}

/// Closes the pool, and waits for its end.
fn finish(pool: &Shared) {
    pool.close();
    let mut key = None;
    block_on(poll_fn(|cx| match pool.poll_over(&mut key, cx.waker()) {
        true => Poll::Ready(()),
        false => Poll::Pending,
    }));
    let state = pool.lock();
    assert_eq!((state.threads, state.queued(), state.idle.len()), (0, 0, 0));
    assert_eq!((state.on_their_way, state.waiting), (0, 0));
}

#[test]
fn jobs_are_done_and_the_threads_leave() {
    loom::model(|| {
        let (pool, ran) = (pool(2, 2), Ran::default());
        for _ in 0..2 {
            send(&pool, &ran);
        }
        finish(&pool);
        assert_eq!(ran.load(Ordering::Relaxed), 2);
    });
}

#[test]
fn a_job_reaches_the_thread_that_has_just_become_idle() {
    loom::model(|| {
        let (pool, ran) = (pool(1, 1), Ran::default());
        for _ in 0..2 {
            let job = send(&pool, &ran).unwrap();
            output(&*job).unwrap();
        }
        assert_eq!(ran.load(Ordering::Relaxed), 2);
        finish(&pool);
    });
}

#[test]
fn a_job_that_comes_as_the_pool_is_closed_is_done_or_refused() {
    loom::model(|| {
        let (pool, ran) = (pool(1, 1), Ran::default());
        let sender = {
            let (pool, ran) = (Arc::clone(&pool), Ran::clone(&ran));
            thread::spawn(move || send(&pool, &ran).is_some())
        };
        send(&pool, &ran);
        finish(&pool);
        let sent = sender.join().unwrap();
        assert_eq!(ran.load(Ordering::Relaxed), 1 + usize::from(sent));
    });
}

#[test]
fn a_job_is_run_or_cancelled() {
    loom::model(|| {
        let (pool, ran) = (pool(1, 1), Ran::default());
        let jobs = [(); 2].map(|()| send(&pool, &ran).unwrap());
        let cancelled = jobs.iter().filter(|job| pool.cancel(&***job)).count();
        finish(&pool);
        assert_eq!(ran.load(Ordering::Relaxed) + cancelled, 2);
    });
}

#[test]
fn a_job_that_waits_leaves_room_for_the_other() {
    loom::model(|| {
        let (pool, ran) = (pool(1, 1), Ran::default());
        let (inner, count) = (Arc::clone(&pool), Ran::clone(&ran));
        let outer = Arc::new(Cell::queued(move || {
            let job = send(&inner, &count).unwrap();
            output(&*job).unwrap()
        }));
        let job = Arc::clone(&outer);
        assert!(pool.push(job));
        output(&*outer).unwrap();
        finish(&pool);
        assert_eq!(ran.load(Ordering::Relaxed), 1);
    });
}

#[test]
fn the_scout_hears_of_the_end() {
    loom::model(|| {
        let (pool, ran) = (pool(1, 2), Ran::default());
        for _ in 0..2 {
            send(&pool, &ran);
        }
        finish(&pool);
        assert_eq!(ran.load(Ordering::Relaxed), 2);
    });
}

#[test]
fn what_is_abandoned_is_refused_or_done() {
    loom::model(|| {
        let (pool, ran) = (pool(1, 2), Ran::default());
        let jobs = [(); 2].map(|()| send(&pool, &ran).unwrap());
        let refused = pool.abandon();
        finish(&pool);
        let told = jobs.iter().filter(|job| output(&***job).is_err()).count();
        assert_eq!(told, refused);
        assert_eq!(ran.load(Ordering::Relaxed) + refused, 2);
    });
}
