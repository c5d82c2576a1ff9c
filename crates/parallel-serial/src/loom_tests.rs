//! What jobs and loops on several threads tell each other, in every order.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use loom::future::block_on;
use loom::sync::Mutex;
use loom::thread;

use crate::cancel::Cancel;
use crate::inbox::{End, Inbox};
use crate::job_error::JobError;
use crate::oneshot::oneshot;

/// A waker that does nothing, of which one can see whether it was dropped.
struct Nothing;

impl Wake for Nothing {
    fn wake(self: Arc<Self>) {}
}

#[test]
fn a_result_reaches_who_waits_for_it() {
    loom::model(|| {
        let (report, reported) = oneshot();
        let job = thread::spawn(move || report.send(Ok(7)));
        assert_eq!(block_on(reported).unwrap(), 7);
        job.join().unwrap();
    });
}

#[test]
fn a_job_that_is_lost_is_told() {
    loom::model(|| {
        let (report, reported) = oneshot::<u32>();
        let job = thread::spawn(move || drop(report));
        assert!(matches!(block_on(reported), Err(JobError::Lost)));
        job.join().unwrap();
    });
}

/// Neither the result nor the waker is left over when who waits goes while the result comes.
#[test]
fn giving_up_and_the_result_may_meet() {
    loom::model(|| {
        let (report, mut reported) = oneshot();
        let value = Arc::new(());
        let sent = Arc::clone(&value);
        let job = thread::spawn(move || report.send(Ok(sent)));
        let nothing = Arc::new(Nothing);
        let waker = Waker::from(Arc::clone(&nothing));
        let polled = Pin::new(&mut reported).poll(&mut Context::from_waker(&waker));
        drop((polled, reported, waker));
        job.join().unwrap();
        assert_eq!(Arc::strong_count(&value), 1);
        assert_eq!(Arc::strong_count(&nothing), 1);
    });
}

#[test]
fn a_job_hears_that_it_is_to_end() {
    loom::model(|| {
        let cancel = Arc::new(Cancel::new());
        let owner = {
            let cancel = Arc::clone(&cancel);
            thread::spawn(move || cancel.set())
        };
        block_on(poll_fn(|cx| match cancel.is_set(cx) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }));
        owner.join().unwrap();
    });
}

/// A job may end by itself while it is cancelled.
#[test]
fn a_job_that_has_ended_leaves_no_waker() {
    loom::model(|| {
        let cancel = Arc::new(Cancel::new());
        let owner = {
            let cancel = Arc::clone(&cancel);
            thread::spawn(move || cancel.set())
        };
        let nothing = Arc::new(Nothing);
        let waker = Waker::from(Arc::clone(&nothing));
        cancel.is_set(&Context::from_waker(&waker));
        cancel.forget();
        drop(waker);
        owner.join().unwrap();
        assert_eq!(Arc::strong_count(&nothing), 1);
    });
}

/// Runs a loop until it is to end. Returns the jobs that it has had.
fn serve(inbox: &Inbox<u32>) -> Vec<u32> {
    let mut seen = Vec::new();
    block_on(poll_fn(|cx| {
        if inbox.begin_turn(cx.waker()).is_none() {
            return Poll::Ready(());
        }
        while let Some(job) = inbox.pop() {
            seen.push(job);
            inbox.job_ended();
        }
        Poll::Pending
    }));
    seen
}

/// A fleet as far as this matters: whether there is a loop that takes work.
type Taking = Arc<Mutex<bool>>;

/// Puts a job in, if there is a loop. Returns whether there was.
fn spawn(taking: &Taking, inbox: &Inbox<u32>, job: u32) -> bool {
    let is_open = taking.lock().unwrap();
    let waker = is_open.then(|| inbox.put_quietly(job));
    let accepted = *is_open;
    drop(is_open);
    waker.flatten().into_iter().for_each(Waker::wake);
    accepted
}

/// What a fleet that is being stopped has taken is done.
#[test]
fn a_stop_and_a_job_may_meet() {
    loom::model(|| {
        let taking: Taking = Arc::new(Mutex::new(true));
        let inbox = Arc::new(Inbox::new(End::Never));
        let spawner = {
            let (taking, inbox) = (Arc::clone(&taking), Arc::clone(&inbox));
            thread::spawn(move || spawn(&taking, &inbox, 1))
        };
        let stopper = {
            let (taking, inbox) = (Arc::clone(&taking), Arc::clone(&inbox));
            thread::spawn(move || {
                *taking.lock().unwrap() = false;
                inbox.end(End::WhenIdle);
            })
        };
        let seen = serve(&inbox);
        let accepted = spawner.join().unwrap();
        stopper.join().unwrap();
        assert_eq!(seen.len(), usize::from(accepted));
        assert_eq!(inbox.load(), 0);
    });
}

/// The end of the last job ends the loop that waits for it.
#[test]
fn the_last_job_wakes_a_loop_that_is_to_end() {
    loom::model(|| {
        let inbox = Arc::new(Inbox::new(End::WhenIdle));
        drop(inbox.put_quietly(1));
        assert_eq!(inbox.pop(), Some(1));
        let job = {
            let inbox = Arc::clone(&inbox);
            thread::spawn(move || inbox.job_ended())
        };
        assert!(serve(&inbox).is_empty());
        job.join().unwrap();
    });
}

/// A loop that is called back may have begun to end: its job is done there, or found by who takes its
/// place.
#[test]
fn a_loop_that_is_called_back_loses_no_job() {
    loom::model(|| {
        let taking: Taking = Arc::new(Mutex::new(true));
        let inbox = Arc::new(Inbox::new(End::WhenIdle));
        let fleet = {
            let (taking, inbox) = (Arc::clone(&taking), Arc::clone(&inbox));
            thread::spawn(move || {
                inbox.stay();
                let accepted = spawn(&taking, &inbox, 1);
                inbox.end(End::WhenIdle);
                accepted
            })
        };
        let mut done = serve(&inbox);
        *taking.lock().unwrap() = false;
        done.extend(inbox.take_jobs());
        assert_eq!(done.len(), usize::from(fleet.join().unwrap()));
    });
}
