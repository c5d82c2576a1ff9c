//! How runs fail, and what is left of them.

use std::cell::Cell;
use std::future::{pending, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::task::Poll;
use std::thread;

use corokit_lab::{Failure, FailureKind, Lab, Options, check, run};
use corokit_sched_loop::{EventLoop, sleep, spawn, task};
use futures_lite::FutureExt;
use futures_lite::future::yield_now;

fn message(failure: &Failure) -> &str {
    match failure.kind() {
        FailureKind::Panic { message } => message,
        other => panic!("{other}"),
    }
}

#[test]
fn a_panic_of_the_body_before_it_has_a_future() {
    let body = |_| -> std::future::Ready<()> { panic!("no future") };
    let failure = Options::new().try_check(3, body).unwrap_err();
    assert_eq!(message(&failure), "no future");
    assert!(failure.trace().is_empty());
}

#[test]
fn a_panic_of_the_body_before_its_first_await_and_after() {
    for yields in [0, 3] {
        let body = |_| async move {
            for _ in 0..yields {
                yield_now().await;
            }
            panic!("after {yields}");
        };
        let failure = Options::new().try_check(3, body).unwrap_err();
        assert_eq!(message(&failure), format!("after {yields}"));
        assert_eq!(failure.token().to_string(), "fifo");
    }
}

#[test]
fn a_panic_that_is_no_text() {
    let body = |_| async { std::panic::panic_any(7) };
    let failure = Options::new().try_run::<(), _>(body).unwrap_err();
    assert_eq!(message(&failure), "something that is no text");
    let payload = catch_unwind(|| run::<(), _>(1, body)).unwrap_err();
    assert_eq!(*payload.downcast::<i32>().unwrap(), 7);
}

#[test]
fn a_panic_of_a_task_that_is_awaited() {
    let body = |_| async { spawn(async { panic!("awaited") }).await };
    let failure = Options::new().try_check(3, body).unwrap_err();
    assert_eq!(message(&failure), "awaited");
}

#[test]
fn a_panic_of_a_task_that_nobody_awaits() {
    let body = |_| async {
        spawn(async { panic!("detached") }).detach();
        yield_now().await;
        yield_now().await;
    };
    let failure = Options::new().try_check(100, body).unwrap_err();
    assert_eq!(message(&failure), "detached");
    assert!(
        Options::new()
            .allow_panics(true)
            .try_check(100, body)
            .is_ok()
    );
}

#[test]
fn a_panic_of_a_task_that_is_caught() {
    let body = |_| async {
        let task = spawn(async { panic!("caught") });
        let caught = AssertUnwindSafe(task).catch_unwind().await;
        assert!(caught.is_err());
    };
    let failure = Options::new().try_check(3, body).unwrap_err();
    assert_eq!(message(&failure), "caught");
    assert!(Options::new().allow_panics(true).try_check(3, body).is_ok());
}

#[test]
fn a_panic_of_the_body_counts_even_if_panics_are_allowed() {
    let options = Options::new().allow_panics(true);
    assert!(options.try_check(3, |_| async { panic!("no") }).is_err());
}

#[test]
fn a_run_that_does_not_end() {
    let body = |_| async {
        let spin = task().name("spin").spawn(async {
            loop {
                yield_now().await;
            }
        });
        spin.await
    };
    let options = Options::new().max_steps(1_000);
    let failure = options.try_check::<_>(3, body).unwrap_err();
    assert_eq!(*failure.kind(), FailureKind::Livelock { steps: 1_000 });
    let report = failure.to_string();
    assert!(
        report.contains("has not ended after 1000 steps"),
        "{report}"
    );
    assert!(report.contains("what happened, after "), "{report}");
    assert!(report.lines().count() < 70);
}

/// Counts how many of it there are.
struct Count(Rc<Cell<usize>>);

impl Count {
    fn new(count: &Rc<Cell<usize>>) -> Self {
        count.set(count.get() + 1);
        Count(Rc::clone(count))
    }
}

impl Drop for Count {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

/// However it ends.
#[test]
fn nothing_is_left_of_a_run() {
    #[derive(Clone, Copy, Debug)]
    enum End {
        Well,
        Panic,
        TaskPanic,
        Deadlock,
        Livelock,
        Invariant,
    }
    let ends = [
        End::Well,
        End::Panic,
        End::TaskPanic,
        End::Deadlock,
        End::Livelock,
        End::Invariant,
    ];
    for end in ends {
        let count = Rc::new(Cell::new(0));
        let counter = Rc::clone(&count);
        let body = move |lab: Lab| {
            let new = {
                let counter = Rc::clone(&counter);
                move || Count::new(&counter)
            };
            async move {
                let (held, in_task, in_victim, in_timer) = (new(), new(), new(), new());
                // A cycle through the lab itself.
                let (cycle, broken) = (lab.clone(), matches!(end, End::Invariant));
                lab.always(move || {
                    let _ = (&held, cycle.elapsed());
                    assert!(!broken);
                });
                spawn(async move {
                    let _in_task = in_task;
                    pending::<()>().await;
                })
                .detach();
                let victim = lab.victim("victim", async move {
                    let _in_victim = in_victim;
                    pending::<()>().await;
                });
                spawn(victim).detach();
                let timer = async move {
                    let _in_timer = in_timer;
                    sleep(std::time::Duration::from_secs(9)).await;
                };
                let timer = spawn(timer);
                yield_now().await;
                match end {
                    End::Well | End::Invariant => {}
                    End::Panic => panic!("no"),
                    End::TaskPanic => spawn(async { panic!("no") }).await,
                    End::Deadlock => {
                        timer.await;
                        pending().await
                    }
                    End::Livelock => loop {
                        yield_now().await;
                    },
                }
            }
        };
        let options = Options::new().max_steps(50);
        let outcome = options.try_check(5, &body);
        assert_eq!(outcome.is_ok(), matches!(end, End::Well), "{end:?}");
        assert_eq!(count.get(), 0, "{end:?}");
        let _ = options.try_exhaustive(1, &body);
        let _ = options.try_cancel_everywhere(&body);
        drop(body);
        assert_eq!(count.get(), 0, "{end:?}");
        assert_eq!(Rc::strong_count(&count), 1, "{end:?}");
    }
}

#[test]
fn a_run_inside_of_a_run_fails_by_itself() {
    run(1, |_| async {
        let inner = Options::new().try_check(3, |_| async { panic!("inner") });
        assert_eq!(message(&inner.unwrap_err()), "inner");
        let task = spawn(async { 1 });
        assert_eq!(task.await, 1);
    });
    let body = |_| async { run(1, |_| async { panic!("inner") }) };
    let failure = Options::new().try_run::<(), _>(body).unwrap_err();
    assert_eq!(message(&failure), "inner");
}

#[test]
fn a_run_inside_of_an_event_loop() {
    let outer = EventLoop::new();
    let sum = outer.run(async {
        let task = spawn(async { 1 });
        let inner = run(1, |_| async { spawn(async { 2 }).await });
        inner + task.await
    });
    assert_eq!(sum, 3);
}

/// The message of a panic reaches the test that made it, and the token is printed.
#[test]
#[should_panic(expected = "as it was")]
fn a_panic_of_the_body_goes_to_the_caller() {
    check(3, |_| async { panic!("as it was") });
}

#[test]
#[should_panic(expected = "every task is blocked")]
fn a_stall_is_a_panic_of_the_test() {
    check(3, |_| pending());
}

#[test]
fn a_wake_from_another_thread_is_refused() {
    let body = |_| async {
        let task = spawn(poll_fn(|cx| {
            let waker = cx.waker().clone();
            // Woken when it has blocked, and by another thread.
            spawn(async move {
                let other = thread::spawn(move || waker.wake());
                other.join().unwrap();
            })
            .detach();
            Poll::<()>::Pending
        }));
        task.await;
    };
    let failure = Options::new().try_check(3, body).unwrap_err();
    assert_eq!(*failure.kind(), FailureKind::ForeignWake);
    assert!(
        failure.to_string().contains("from another thread"),
        "{failure}"
    );
}

/// A thread that wakes nobody does no harm.
#[test]
fn a_thread_that_is_joined_is_no_matter() {
    check(3, |_| async {
        let sum = thread::spawn(|| 1 + 1).join().unwrap();
        assert_eq!(sum, 2);
    });
}
