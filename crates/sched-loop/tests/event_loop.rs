//! The event loop: time and I/O beside tasks, nesting, threads, the end.

use std::cell::{Cell, RefCell};
use std::future::pending;
use std::io;
use std::net::{TcpListener, TcpStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::thread;
use std::time::{Duration, Instant};

use async_io::Async;
use corokit_core::time::now;
use corokit_sched_loop::{
    self as sched_loop, EventLoop, LoopGone, LoopHandle, Position, TaskState,
};
use futures_lite::future::{self, block_on, poll_once, yield_now};
use futures_lite::{AsyncReadExt, AsyncWriteExt};

const TICK: Duration = Duration::from_millis(1);

#[test]
fn run_returns_what_the_main_future_returns() {
    let text = String::from("borrowed");
    assert_eq!(sched_loop::run(async { text.len() }), 8);
}

#[test]
fn timers_end_in_the_order_of_their_deadlines() {
    corokit_lab::check(10, |lab| async move {
        let log = Rc::new(RefCell::new(Vec::new()));
        let start = now();
        let tasks = [3, 1, 2].map(|n| {
            let (log, lab) = (Rc::clone(&log), lab.clone());
            sched_loop::spawn(async move {
                sched_loop::sleep_until(start + TICK * n).await;
                log.borrow_mut().push((n, lab.elapsed()));
            })
        });
        for task in tasks {
            task.await;
        }
        assert_eq!(*log.borrow(), [(1, TICK), (2, TICK * 2), (3, TICK * 3)]);
    });
}

/// The same clock as everybody's, without a lab.
#[test]
fn a_timer_is_never_early() {
    let start = Instant::now();
    sched_loop::run(sched_loop::sleep(TICK));
    assert!(start.elapsed() >= TICK);
}

/// Spinners, also those at the front, starve neither timers nor the main future.
#[test]
fn spinners_do_not_starve_timers() {
    for position in [Position::Front, Position::Back] {
        sched_loop::run(async {
            let handle = sched_loop::current().unwrap();
            let spinner = sched_loop::spawn(async move {
                loop {
                    // The executor is borrowed for the call only: the future lives in the task.
                    let gave_way = handle
                        .with(|executor| block_on(poll_once(executor.sleep_insert(position))));
                    assert_eq!(gave_way, Ok(None));
                    yield_now().await;
                }
            });
            sched_loop::sleep(TICK).await;
            drop(spinner);
        });
    }
}

#[test]
fn io_and_tasks_share_the_thread() -> io::Result<()> {
    sched_loop::run(async {
        let listener = Async::<TcpListener>::bind(([127, 0, 0, 1], 0))?;
        let address = listener.get_ref().local_addr()?;
        let server = sched_loop::spawn(async move {
            let (mut stream, _) = listener.accept().await?;
            let mut line = [0; 4];
            stream.read_exact(&mut line).await?;
            stream.write_all(&line).await?;
            io::Result::Ok(())
        });
        let mut stream = Async::<TcpStream>::connect(address).await?;
        stream.write_all(b"ping").await?;
        let mut reply = Vec::new();
        stream.read_to_end(&mut reply).await?;
        server.await?;
        assert_eq!(reply, b"ping");
        Ok(())
    })
}

#[test]
fn wake_ups_from_other_threads_end_the_sleep() {
    let (sender, receiver) = async_channel::bounded(1);
    let thread = thread::spawn(move || sender.send_blocking(7).unwrap());
    assert_eq!(sched_loop::run(async { receiver.recv().await.unwrap() }), 7);
    thread.join().unwrap();
}

#[test]
fn unfinished_tasks_go_on_with_the_next_run() {
    let event_loop = EventLoop::new();
    let task = event_loop.spawn(async {
        yield_now().await;
        yield_now().await;
        3
    });
    event_loop.run(yield_now());
    assert!(!task.is_finished());
    assert_eq!(event_loop.run(task), 3);
}

/// asyncio.run cancels what is left.
#[test]
fn run_cancels_what_is_left() {
    let dropped = Rc::new(Cell::new(false));
    struct SetOnDrop(Rc<Cell<bool>>);
    impl Drop for SetOnDrop {
        fn drop(&mut self) {
            self.0.set(true);
        }
    }
    let guard = SetOnDrop(Rc::clone(&dropped));
    sched_loop::run(async {
        // The task holds a handle to its own loop: no cycle keeps the loop alive.
        let handle = sched_loop::current().unwrap();
        let waits = async move {
            let _held = (guard, handle);
            pending::<()>().await;
        };
        sched_loop::spawn(waits).detach();
        yield_now().await;
    });
    assert!(dropped.get());
}

#[test]
fn spawning_while_the_loop_is_dropped_is_refused() {
    struct SpawnOnDrop(LoopHandle, Rc<Cell<Option<LoopGone>>>);
    impl Drop for SpawnOnDrop {
        fn drop(&mut self) {
            self.1.set(self.0.try_spawn(async {}).err());
        }
    }
    let refused = Rc::new(Cell::new(None));
    let event_loop = EventLoop::new();
    let guard = SpawnOnDrop(event_loop.handle(), Rc::clone(&refused));
    let waits = async move {
        let _held = guard;
        pending::<()>().await;
    };
    event_loop.spawn(waits).detach();
    drop(event_loop);
    assert_eq!(refused.get(), Some(LoopGone));
}

/// A destructor that spawns while its loop goes away does not get at the loop around it.
#[test]
fn a_loop_that_is_dropped_is_the_current_one() {
    struct SpawnOnDrop(Rc<Cell<Option<LoopGone>>>);
    impl Drop for SpawnOnDrop {
        fn drop(&mut self) {
            let handle = sched_loop::current().unwrap();
            self.0.set(handle.try_spawn(async {}).err());
        }
    }
    let refused = Rc::new(Cell::new(None));
    let guard = SpawnOnDrop(Rc::clone(&refused));
    sched_loop::run(async {
        sched_loop::run(async {
            let waits = async move {
                let _held = guard;
                pending::<()>().await;
            };
            sched_loop::spawn(waits).detach();
            yield_now().await;
        });
        assert_eq!(refused.get(), Some(LoopGone));
        assert_eq!(sched_loop::current().unwrap().tasks().len(), 1);
    });
}

#[test]
fn a_loop_may_live_in_a_thread_local() {
    thread_local! {
        static LOOP: EventLoop = EventLoop::new();
    }
    let thread = thread::spawn(|| {
        LOOP.with(|event_loop| {
            event_loop.spawn(pending::<()>()).detach();
            event_loop.run(yield_now());
        });
    });
    assert!(thread.join().is_ok());
}

#[test]
fn the_current_loop_is_the_innermost() {
    assert!(sched_loop::current().is_none());
    sched_loop::run(async {
        let task = sched_loop::task().name("outer").spawn(pending::<()>());
        let names = |handle: LoopHandle| {
            let tasks = handle.tasks();
            let names = tasks
                .iter()
                .filter_map(|info| info.name().map(String::from));
            names.collect::<Vec<_>>()
        };
        let inner = sched_loop::run(async {
            let task = sched_loop::task().name("inner").spawn(pending::<()>());
            let names = names(sched_loop::current().unwrap());
            drop(task);
            names
        });
        assert_eq!(inner, ["main", "inner"]);
        assert_eq!(names(sched_loop::current().unwrap()), ["main", "outer"]);
        drop(task);
    });
    assert!(sched_loop::current().is_none());
}

#[test]
fn the_current_loop_is_restored_after_a_panic() {
    let event_loop = EventLoop::new();
    let run = || event_loop.run(async { panic!("main") });
    let caught: Result<(), _> = catch_unwind(AssertUnwindSafe(run));
    assert!(caught.is_err());
    assert!(sched_loop::current().is_none());
    assert_eq!(event_loop.run(async { 1 }), 1);
}

#[test]
#[should_panic(expected = "no running event loop")]
fn spawning_outside_of_a_loop_panics() {
    drop(sched_loop::spawn(async {}));
}

#[test]
#[should_panic(expected = "the event loop has been dropped")]
fn spawning_on_a_dropped_loop_panics() {
    let handle = EventLoop::new().handle();
    drop(handle.spawn(async {}));
}

#[test]
fn every_thread_may_have_its_loop() {
    let threads = [1, 2, 3].map(|n| {
        thread::spawn(move || {
            sched_loop::run(async move {
                let task = sched_loop::spawn(async move {
                    sched_loop::sleep(TICK).await;
                    n
                });
                task.await
            })
        })
    });
    let results = threads.map(|thread| thread.join().unwrap());
    assert_eq!(results, [1, 2, 3]);
}

#[test]
fn the_queue_is_in_the_programs_hands() {
    let log = Rc::new(RefCell::new(Vec::new()));
    sched_loop::run(async {
        let tasks = ["a", "b", "c"].map(|name| {
            let log = Rc::clone(&log);
            sched_loop::spawn(async move { log.borrow_mut().push(name) })
        });
        let last = tasks[2].metadata().id();
        let handle = sched_loop::current().unwrap();
        let moved = handle.with(|executor| executor.ready_reinsert(last, 0));
        assert_eq!(moved, Ok(Ok(())));
        future::zip(
            future::zip(tasks.into_iter().next().unwrap(), yield_now()),
            yield_now(),
        )
        .await;
    });
    assert_eq!(log.borrow()[..2], ["c", "a"]);
}

#[test]
fn a_handle_to_a_loop_that_is_gone_says_so() {
    let event_loop = EventLoop::new();
    let handle = event_loop.handle();
    let task = event_loop.spawn(pending::<()>());
    let id = task.metadata().id();
    let state = |handle: &LoopHandle| handle.with(|executor| executor.task_state(id));
    assert_eq!(state(&handle), Ok(Some(TaskState::Runnable)));
    assert_eq!(handle.ready_len(), 1);
    drop(event_loop);
    assert_eq!(state(&handle), Err(LoopGone));
    assert_eq!((handle.ready_len(), handle.tasks().len()), (0, 0));
    assert_eq!(handle.try_spawn(async {}).unwrap_err(), LoopGone);
    assert_eq!(block_on(task.fallible()), None);
}

#[test]
fn sleeping_for_ever_is_possible_and_can_be_dropped() {
    let mut sleep = Box::pin(sched_loop::sleep(Duration::MAX));
    assert!(block_on(poll_once(sleep.as_mut())).is_none());
    sched_loop::run(sched_loop::sleep(Duration::ZERO));
}
