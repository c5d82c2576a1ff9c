//! The loop in a background thread: where things run, and what becomes of them.

use std::cell::Cell;
use std::future::{Future, pending};
use std::panic::{set_hook, take_hook};
use std::rc::Rc;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Barrier};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use corokit_bg_utils::loop_thread::{LoopHandle, LoopThread, Main, TaskError};
use corokit_sched_loop::EventLoop;
use futures_lite::future::{self, poll_once, yield_now};

const SECOND: Duration = Duration::from_secs(1);

fn corokit(main: Main) {
    let event_loop = EventLoop::new();
    let handle = event_loop.handle();
    event_loop.run(main.run(|task| handle.spawn(task).detach()));
}

fn smol(main: Main) {
    let executor = smol::LocalExecutor::new();
    smol::block_on(executor.run(main.run(|task| executor.spawn(task).detach())));
}

fn tokio(main: Main) {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let local = tokio::task::LocalSet::new();
    let spawn = |task| drop(tokio::task::spawn_local(task));
    runtime.unwrap().block_on(local.run_until(main.run(spawn)));
}

/// Runs a test on a thread with each kind of loop.
fn on_each(test: impl Fn(LoopThread)) {
    for run in [corokit, smol, tokio] {
        test(LoopThread::new("background", run).unwrap());
    }
}

/// Tells on which thread it is dropped.
struct Dropped(Sender<ThreadId>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.send(thread::current().id()).unwrap();
    }
}

#[test]
fn futures_that_are_not_send_stay_on_their_thread() {
    on_each(|background| {
        let (sender, dropped) = channel();
        let task = background.spawn_local(move || {
            let (here, state) = (thread::current().id(), Rc::new(Cell::new(0)));
            let held = Dropped(sender);
            async move {
                for _ in 0..3 {
                    yield_now().await;
                    state.set(state.get() + 1);
                }
                assert_eq!(thread::current().id(), here);
                assert_eq!(thread::current().name(), Some("background"));
                drop(held);
                (here, state.get())
            }
        });
        let (there, count) = task.unwrap().wait_blocking().unwrap();
        assert_ne!(there, thread::current().id());
        assert_eq!(count, 3);
        assert_eq!(dropped.recv(), Ok(there));
    });
}

#[test]
fn any_thread_spawns_and_any_executor_waits() {
    on_each(|background| {
        let threads: Vec<_> = (0..4)
            .map(|thread| {
                let handle = background.handle();
                thread::spawn(move || {
                    for number in 0..50 {
                        let task = handle.spawn(async move {
                            yield_now().await;
                            thread * 100 + number
                        });
                        let task = task.unwrap();
                        let output = match thread {
                            0 => task.wait_blocking(),
                            1 => smol::block_on(task),
                            2 => corokit_sched_loop::run(task),
                            _ => {
                                let runtime = tokio::runtime::Builder::new_current_thread().build();
                                runtime.unwrap().block_on(task)
                            }
                        };
                        assert_eq!(output.unwrap(), thread * 100 + number);
                    }
                })
            })
            .collect();
        for thread in threads {
            thread.join().unwrap();
        }
        background.finish_blocking();
    });
}

#[test]
fn tasks_start_in_the_order_in_which_they_are_spawned() {
    on_each(|background| {
        let (sender, order) = channel();
        for number in 0..10 {
            let sender = sender.clone();
            let task = background.spawn(async move { sender.send(number).unwrap() });
            task.unwrap().detach();
        }
        drop(sender);
        background.finish_blocking();
        assert!(order.into_iter().eq(0..10));
    });
}

#[test]
fn all_are_cancelled_and_dropped_there() {
    on_each(|background| {
        let (sender, dropped) = channel();
        let there = background.spawn(async { thread::current().id() });
        let there = there.unwrap().wait_blocking().unwrap();
        smol::block_on(background.idle());
        let tasks: Vec<_> = (0..5)
            .map(|_| {
                let held = Dropped(sender.clone());
                let task = background.spawn(async move {
                    let _held = held;
                    pending::<()>().await;
                });
                task.unwrap()
            })
            .collect();
        assert_eq!(background.cancel_all(), 5);
        for task in tasks {
            assert!(matches!(task.wait_blocking(), Err(TaskError::Cancelled)));
            assert_eq!(dropped.recv(), Ok(there));
        }
        smol::block_on(background.idle());
        assert_eq!(background.cancel_all(), 0);
        // It goes on.
        assert!(background.spawn(async {}).unwrap().wait_blocking().is_ok());
    });
}

/// Sends a number when it is dropped.
struct Numbered(u32, Sender<u32>);

impl Drop for Numbered {
    fn drop(&mut self) {
        self.1.send(self.0).unwrap();
    }
}

#[test]
fn all_are_cancelled_in_the_order_in_which_they_were_spawned() {
    on_each(|background| {
        let (sender, dropped) = channel();
        for number in 0..20 {
            let held = Numbered(number, sender.clone());
            let task = background.spawn(async move {
                let _held = held;
                pending::<()>().await;
            });
            task.unwrap().detach();
        }
        drop(sender);
        // When this one has run, all of them have.
        let last = background.spawn(async {});
        last.unwrap().wait_blocking().unwrap();
        background.cancel_all();
        assert!(dropped.into_iter().eq(0..20));
    });
}

#[test]
fn a_main_future_that_has_much_to_spawn_lets_the_loop_run() {
    let (sender, handles) = channel::<LoopHandle>();
    let background = LoopThread::new("background", move |main| {
        let handle = handles.recv().unwrap();
        let mut spawned = 0;
        // Each task brings another one; if that is for ever, this thread panics.
        let spawn = |task| {
            spawned += 1;
            assert!(spawned < 1_000, "nothing else runs");
            handle.spawn(async {}).unwrap().detach();
            // Not before there is another one: with none, the end that is waited for would have come.
            drop(task);
        };
        let mut run = Box::pin(main.run(spawn));
        assert!(smol::block_on(poll_once(&mut run)).is_none());
    });
    let background = background.unwrap();
    background.spawn(async {}).unwrap().detach();
    sender.send(background.handle()).unwrap();
    background.finish_blocking();
}

#[test]
fn dropping_the_handle_of_a_task_cancels_it() {
    on_each(|background| {
        let (sender, dropped) = channel();
        let held = Dropped(sender);
        let task = background.spawn(async move {
            let _held = held;
            pending::<()>().await;
        });
        assert!(dropped.try_recv().is_err());
        drop(task);
        assert!(dropped.recv().is_ok());

        let task = background.spawn(async { 5 }).unwrap();
        smol::block_on(background.idle());
        // Too late: it has completed.
        assert_eq!(smol::block_on(task.cancel()), Some(5));
    });
}

#[test]
fn a_wait_that_is_given_up_leaves_the_task_as_it_is() {
    on_each(|background| {
        let (go, wait) = async_channel::bounded(1);
        let mut task = background.spawn(async move { wait.recv().await }).unwrap();
        assert!(smol::block_on(poll_once(&mut task)).is_none());
        let mut task = task.wait_deadline(Instant::now()).unwrap_err();
        // Polled from here, then from there.
        assert!(smol::block_on(poll_once(&mut task)).is_none());
        let waiter = thread::spawn(move || task.wait_blocking().unwrap());
        go.try_send(5).unwrap();
        assert_eq!(waiter.join().unwrap(), Ok(5));
    });
}

#[test]
fn a_panic_reaches_who_waits_and_the_loop_goes_on() {
    let quiet = take_hook();
    set_hook(Box::new(|_| {}));
    on_each(|background| {
        let polled = background.spawn(async { panic!("polled") }).unwrap();
        let made = background.spawn_local(|| -> future::Ready<()> { panic!("made") });
        let message = |outcome| match outcome {
            Err(TaskError::Panicked(payload)) => *payload.downcast_ref::<&str>().unwrap(),
            _ => panic!("it has not panicked"),
        };
        let polled: Result<(), _> = polled.wait_blocking();
        assert_eq!(message(polled), "polled");
        assert_eq!(message(made.unwrap().wait_blocking()), "made");
        assert_eq!(
            background
                .spawn(async { 5 })
                .unwrap()
                .wait_blocking()
                .unwrap(),
            5
        );
        background.finish_blocking();
    });
    set_hook(quiet);
}

#[test]
fn finishing_waits_for_tasks_of_tasks() {
    on_each(|background| {
        let handle = background.handle();
        let (sender, ran) = channel();
        let outer = background.spawn(async move {
            yield_now().await;
            let inner = handle.clone();
            let middle = handle.spawn(async move {
                yield_now().await;
                let last = inner.spawn(async move {
                    yield_now().await;
                    sender.send("last").unwrap();
                });
                last.unwrap().detach();
            });
            middle.unwrap().detach();
        });
        outer.unwrap().detach();
        let handle = background.handle();
        background.finish_blocking();
        assert_eq!(ran.recv(), Ok("last"));
        // It has ended.
        assert!(handle.is_closed());
        let refused = handle.spawn(async { 5 }).unwrap_err();
        assert_eq!(smol::block_on(refused.0), 5);
        assert!(handle.spawn_local(|| async { 5 }).is_err());
    });
}

#[test]
fn finishing_in_time_cancels_what_is_left() {
    on_each(|background| {
        let (sender, dropped) = channel();
        let held = Dropped(sender);
        let stubborn = background.spawn(async move {
            let _held = held;
            pending::<()>().await;
        });
        let stubborn = stubborn.unwrap();
        background.spawn(async {}).unwrap().wait_blocking().unwrap();
        let unfinished = background.finish_within_blocking(SECOND / 50).unwrap_err();
        assert_eq!(unfinished.cancelled, 1);
        // All is over when it returns.
        assert!(dropped.try_recv().is_ok());
        assert!(stubborn.is_finished());
        assert!(matches!(
            stubborn.wait_blocking(),
            Err(TaskError::Cancelled)
        ));
    });
    on_each(|background| {
        background.spawn(yield_now()).unwrap().detach();
        assert_eq!(background.finish_within_blocking(SECOND * 100), Ok(()));
    });
}

#[test]
fn dropping_it_drops_everything_there_before_it_returns() {
    on_each(|background| {
        let there = background.spawn(async { thread::current().id() });
        let there = there.unwrap().wait_blocking().unwrap();
        let (sender, dropped) = channel();
        for _ in 0..3 {
            let held = Dropped(sender.clone());
            let task = background.spawn_local(move || async move {
                let _held = (held, Rc::new(()));
                pending::<()>().await;
            });
            task.unwrap().detach();
        }
        let handle = background.handle();
        drop(background);
        drop(sender);
        assert!(dropped.into_iter().eq([there; 3]));
        assert!(handle.spawn(async {}).is_err());
        assert!(handle.is_empty());
    });
}

#[test]
fn it_may_be_dropped_by_a_task_of_its_own() {
    on_each(|background| {
        let handle = background.handle();
        let task = handle.spawn(async move {
            drop(background);
            yield_now().await;
        });
        // Whether it comes to its end or not, nobody hangs.
        drop(task.unwrap().wait_blocking());
        smol::block_on(handle.idle());
    });
}

#[test]
fn a_loop_does_not_block_its_own_thread_for_ever() {
    let quiet = take_hook();
    set_hook(Box::new(|_| {}));
    on_each(|background| {
        let handle = background.handle();
        let waits = handle.clone();
        let task = handle.spawn(async move {
            let ended = waits.spawn(async { 5 }).unwrap();
            while !ended.is_finished() {
                yield_now().await;
            }
            // What has ended is not waited for.
            assert_eq!(ended.wait_blocking().unwrap(), 5);
            let hangs = waits.spawn(pending::<()>()).unwrap();
            drop(hangs.wait_blocking());
        });
        let outcome = task.unwrap().wait_blocking();
        assert!(matches!(outcome, Err(TaskError::Panicked(_))));
        smol::block_on(handle.idle());
        let task = handle.spawn(async move { background.finish_blocking() });
        let outcome = task.unwrap().wait_blocking();
        assert!(matches!(outcome, Err(TaskError::Panicked(_))));
        assert!(handle.is_closed());
    });
    set_hook(quiet);
}

#[test]
fn a_loop_that_panics_is_heard_of_by_all() {
    let quiet = take_hook();
    set_hook(Box::new(|_| {}));
    let background = LoopThread::new("background", |main| {
        let executor = smol::LocalExecutor::new();
        let mut spawned = 0;
        smol::block_on(executor.run(main.run(|task| {
            executor.spawn(task).detach();
            spawned += 1;
            assert!(spawned < 2, "the loop itself");
        })));
    });
    let background = background.unwrap();
    let tasks = [1, 2].map(|_| background.spawn(pending::<()>()));
    for task in tasks.into_iter().flatten() {
        assert!(matches!(task.wait_blocking(), Err(TaskError::Cancelled)));
    }
    let finished = thread::spawn(|| background.finish_blocking()).join();
    set_hook(quiet);
    assert_eq!(
        finished.unwrap_err().downcast_ref(),
        Some(&"the loop itself")
    );
}

#[test]
fn spawning_while_it_ends_is_refused_or_cancelled_but_never_lost() {
    for _ in 0..50 {
        let background = LoopThread::new("background", smol).unwrap();
        let barrier = Arc::new(Barrier::new(3));
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let (handle, barrier) = (background.handle(), Arc::clone(&barrier));
                thread::spawn(move || {
                    barrier.wait();
                    // Each task ends one way or another, until there is no loop any more.
                    while let Ok(task) = handle.spawn(async { 5 }) {
                        match task.wait_blocking() {
                            Ok(output) => assert_eq!(output, 5),
                            Err(error) => assert!(matches!(error, TaskError::Cancelled)),
                        }
                    }
                })
            })
            .collect();
        barrier.wait();
        drop(background);
        for thread in threads {
            thread.join().unwrap();
        }
    }
}

#[test]
fn who_waits_for_the_end_may_be_dropped() {
    let background = LoopThread::new("background", corokit).unwrap();
    let (go, wait) = async_channel::bounded::<()>(1);
    let task = background.spawn(async move { wait.recv().await }).unwrap();
    let mut idle = Box::pin(background.idle());
    let other = background.idle();
    smol::block_on(async {
        assert!(
            poll_once(idle.as_mut() as std::pin::Pin<&mut dyn Future<Output = ()>>)
                .await
                .is_none()
        );
        drop(idle);
        go.send(()).await.unwrap();
        assert_eq!(task.await.unwrap(), Ok(()));
        other.await;
    });
    background.finish_blocking();
}
