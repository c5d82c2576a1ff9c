//! Debug mode of the loop: its switches, and loops inside of polls.

use std::cell::RefCell;
use std::env;
use std::future::pending;
use std::process::Command;
use std::rc::Rc;

use corokit_sched_loop::{
    self as sched_loop, DebugOptions, EventLoop, LoopHandle, Report, TaskExt,
};

type Reports = Rc<RefCell<Vec<Report>>>;

fn debugged() -> (EventLoop, Reports) {
    let reports = Reports::default();
    let log = Rc::clone(&reports);
    let options = DebugOptions::new()
        .slow_poll(std::time::Duration::MAX)
        .hook(move |report| log.borrow_mut().push(report.clone()));
    let event_loop = EventLoop::builder().debug_options(options).build();
    (event_loop, reports)
}

#[test]
fn a_loop_inside_of_a_poll_is_reported_once() {
    let (event_loop, reports) = debugged();
    let task = event_loop.task().name("blocker").spawn(async {
        let result = sched_loop::run(async { 1 });
        (result, line!() - 1)
    });
    let id = task.metadata().id();
    let (result, line) = event_loop.run(task);
    assert_eq!(result, 1);
    let reports = reports.take();
    let [Report::NestedRun { task, location }] = &*reports else {
        panic!("{reports:?}")
    };
    assert_eq!((task.id(), task.name()), (id, Some("blocker")));
    assert_eq!((location.file(), location.line()), (file!(), line));
}

#[test]
fn each_loop_inside_of_a_poll_is_reported_to_the_one_around_it() {
    let (outer, outer_reports) = debugged();
    let (inner, inner_reports) = debugged();
    outer.run(async {
        inner.run(async {
            sched_loop::run(async {});
            sched_loop::run(async {});
        });
    });
    assert_eq!(
        (outer_reports.take().len(), inner_reports.take().len()),
        (1, 2)
    );
}

#[test]
fn loops_beside_each_other_and_in_destructors_are_not_reported() {
    struct Late(LoopHandle);
    impl Drop for Late {
        fn drop(&mut self) {
            assert!(self.0.try_spawn(async {}).is_err());
            assert_eq!(sched_loop::run(async { 2 }), 2);
        }
    }
    let (event_loop, reports) = debugged();
    event_loop.run(async {});
    event_loop.run(async {});
    assert_eq!(sched_loop::run(async { 1 }), 1);
    let late = Late(event_loop.handle());
    let task = event_loop.spawn(async move {
        let _late = late;
        pending::<()>().await;
    });
    assert!(event_loop.executor().try_tick());
    task.detach();
    drop(event_loop);
    let reports = reports.take();
    let [
        Report::DroppedUnfinished {
            executor_dropped, ..
        },
    ] = &*reports
    else {
        panic!("{reports:?}")
    };
    assert!(executor_dropped);
}

#[test]
fn tasks_know_the_lines_that_spawned_them_whichever_way() {
    let (event_loop, _) = debugged();
    let handle = event_loop.handle();
    let lines = event_loop.run(async move {
        let first = line!() + 1;
        let a = sched_loop::spawn(pending::<()>());
        let b = sched_loop::task().name("b").spawn(pending::<()>());
        let c = handle.spawn(pending::<()>());
        let d = handle.try_spawn(pending::<()>()).unwrap();
        let e = handle.task().try_spawn(pending::<()>()).unwrap();
        let dump = handle.task_dump().unwrap();
        let line = |id| {
            let mut tasks = dump.tasks().iter();
            let task = tasks.find(|task| task.info().id() == id).unwrap();
            let location = task.location().unwrap();
            assert_eq!(location.file(), file!());
            location.line() - first
        };
        [&a, &b, &c, &d, &e].map(|task| line(task.metadata().id()))
    });
    assert_eq!(lines, [0, 1, 2, 3, 4]);
    let lines = event_loop.run(async {
        let first = line!() + 1;
        let a = sched_loop::eager(pending::<()>());
        let b = sched_loop::create_task_descend(pending::<()>());
        let c = sched_loop::create_task_start(pending::<()>());
        let d = sched_loop::spawn_interruptible::<(), ()>(pending());
        let (b, c) = (b.await.unwrap(), c.await.unwrap());
        let dump = sched_loop::task_dump().unwrap();
        let line = |id| {
            let mut tasks = dump.tasks().iter();
            let task = tasks.find(|task| task.info().id() == id).unwrap();
            task.location().unwrap().line() - first
        };
        let lines = [a.id().unwrap(), b.id(), c.id(), d.id()].map(line);
        assert_eq!(d.location().unwrap().line() - first, 3);
        lines
    });
    assert_eq!(lines, [0, 1, 2, 3]);
    let line = line!() + 1;
    let task = event_loop.spawn(pending::<()>());
    let dump = event_loop.executor().task_dump();
    let mut tasks = dump.tasks().iter();
    assert!(tasks.any(|task| task.location().is_some_and(|at| at.line() == line)));
    drop(task);
}

#[test]
fn a_handle_to_a_loop_that_is_gone_tells_nothing() {
    let handle = EventLoop::new().handle();
    assert!(handle.stats().is_none());
    assert!(handle.task_dump().is_none());
}

/// Not a test of its own: what the next one runs with other environments.
#[test]
fn print_debug_mode() {
    let on = |event_loop: EventLoop| event_loop.executor().is_debug();
    let new = (on(EventLoop::new()), on(EventLoop::default()));
    let built = on(EventLoop::builder().build());
    let forced = [true, false].map(|debug| on(EventLoop::builder().debug(debug).build()));
    let running = sched_loop::run(async {
        let handle = sched_loop::current().unwrap();
        handle.with(|executor| executor.is_debug()).unwrap()
    });
    println!("debug mode: {new:?} {built} {running} {forced:?}");
}

#[test]
fn the_environment_switches_it_and_the_builder_overrides() {
    let program = env::current_exe().unwrap();
    let printed = |value: Option<&str>| {
        let mut command = Command::new(&program);
        command.args(["print_debug_mode", "--exact", "--nocapture"]);
        match value {
            Some(value) => command.env("COROKIT_DEBUG", value),
            None => command.env_remove("COROKIT_DEBUG"),
        };
        let output = command.output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let on = "debug mode: (true, true) true true [true, false]";
    let off = "debug mode: (false, false) false false [true, false]";
    for (value, expected) in [
        (None, off),
        (Some(""), off),
        (Some("0"), off),
        (Some("1"), on),
        (Some("yes"), on),
    ] {
        let output = printed(value);
        assert!(output.contains(expected), "{value:?}: {output}");
    }
}

#[test]
fn a_thread_blocked_inside_of_a_poll_is_reported() {
    let (event_loop, reports) = debugged();
    let here = std::panic::Location::caller();
    // Outside of a poll, before any loop and after it, nobody is blocked.
    corokit_core::time::about_to_block(here);
    event_loop.run(async move { corokit_core::time::about_to_block(here) });
    corokit_core::time::about_to_block(here);
    let reports = reports.take();
    let [Report::BlockingWait { location, .. }] = &*reports else {
        panic!("{reports:?}")
    };
    assert_eq!(*location, here);
    assert!(
        reports[0]
            .to_string()
            .contains("for ever if that needs this loop")
    );
}
