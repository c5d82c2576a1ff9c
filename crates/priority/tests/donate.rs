//! Lending to a task by waiting for it, and hearing of deadlocks.
#![cfg(not(loom))]

mod support;

use std::future::{pending, ready};
use std::rc::Rc;
use std::sync::Mutex;

use corokit_lab::{Lab, cancel_everywhere, panic_everywhere};
use corokit_priority::{
    Ageing, Priority, PriorityMutex, PriorityQueue, PriorityRwLock, TaskNode, clear_deadlock_hook,
    donate_to, inherit, scope, scope_as, set_deadlock_hook, spawn,
};
use corokit_sched_loop::{self as sched_loop, EventLoop};
use futures_lite::future::{block_on, yield_now};

use support::{node, poll};

#[test]
fn who_is_waited_for_is_as_urgent_until_it_is_over() {
    let (target, from) = (node(5), node(-5));
    let mut waits = Box::pin(scope_as(from.clone(), donate_to(&target, pending::<()>())));
    assert_eq!(target.effective_priority(), Priority::new(5));
    assert!(poll(&mut waits).is_pending());
    assert_eq!(target.effective_priority(), Priority::new(-5));
    from.set_priority(Priority::new(-7));
    assert_eq!(target.effective_priority(), Priority::new(-7));
    from.set_priority(Priority::new(7));
    assert_eq!(target.effective_priority(), Priority::new(5));
    from.set_priority(Priority::HIGH);
    drop(waits);
    assert_eq!(target.effective_priority(), Priority::new(5));
    let done = block_on(scope_as(from, donate_to(&target, ready(1))));
    assert_eq!((done, target.effective_priority()), (1, Priority::new(5)));
}

#[test]
fn it_goes_on_through_locks_and_other_tasks() {
    let mutex = PriorityMutex::new(());
    let nodes = [node(9), node(8), node(7), node(-1)];
    let held = block_on(scope_as(nodes[0].clone(), mutex.lock()));
    let mut locks = Box::pin(scope_as(nodes[1].clone(), mutex.lock()));
    assert!(poll(&mut locks).is_pending());
    let mut first = Box::pin(scope_as(
        nodes[2].clone(),
        donate_to(&nodes[1], pending::<()>()),
    ));
    assert!(poll(&mut first).is_pending());
    let mut second = Box::pin(scope_as(
        nodes[3].clone(),
        donate_to(&nodes[2], pending::<()>()),
    ));
    assert!(poll(&mut second).is_pending());
    let effective = || nodes.each_ref().map(TaskNode::effective_priority);
    assert_eq!(effective(), [-1; 4].map(Priority::new));
    drop(second);
    assert_eq!(effective(), [7, 7, 7, -1].map(Priority::new));
    drop((first, locks));
    assert_eq!(effective(), [9, 8, 7, -1].map(Priority::new));
    drop(held);
}

#[test]
fn one_that_waits_for_itself_lends_nothing_and_no_task_lends_nothing() {
    let target = node(3);
    let mut own = Box::pin(scope_as(
        target.clone(),
        donate_to(&target, pending::<()>()),
    ));
    assert!(poll(&mut own).is_pending());
    let mut nobody = Box::pin(donate_to(&target, pending::<()>()));
    assert!(poll(&mut nobody).is_pending());
    assert_eq!(target.effective_priority(), Priority::new(3));
}

#[test]
fn a_future_that_another_task_goes_on_with_lends_that_ones_priority() {
    let target = node(3);
    let mut waits = Box::pin(donate_to(&target, pending::<()>()));
    for priority in [-1, -2, 1] {
        assert!(
            poll(&mut Box::pin(scope(
                Priority::new(priority),
                waits.as_mut()
            )))
            .is_pending()
        );
        assert_eq!(target.effective_priority(), Priority::new(priority));
    }
}

/// A batch that an urgent request waits for does not wait for those in between.
#[test]
fn awaiting_a_task_moves_it_in_the_ready_queue() {
    let queue = PriorityQueue::with_ageing(Ageing::Strict);
    let order = EventLoop::with_queue(queue).run(async {
        let log = Rc::new(std::cell::RefCell::new(Vec::new()));
        let note = |name| {
            let log = Rc::clone(&log);
            async move {
                yield_now().await;
                log.borrow_mut().push(name);
            }
        };
        let (batch, node) = spawn(Priority::LOW, note("batch"), sched_loop::spawn);
        let between: Vec<_> = ["a", "b"]
            .map(|name| spawn(Priority::NORMAL, note(name), sched_loop::spawn).0)
            .into();
        let request = {
            let log = Rc::clone(&log);
            async move {
                donate_to(&node, batch).await;
                log.borrow_mut().push("request");
            }
        };
        spawn(Priority::HIGH, request, sched_loop::spawn).0.await;
        for task in between {
            task.await;
        }
        log.take()
    });
    assert_eq!(order, ["batch", "request", "a", "b"]);
}

#[test]
fn a_cycle_of_locks_and_awaits_is_a_deadlock() {
    let mutex = PriorityMutex::named((), "log");
    let (writer, flusher) = (node(0).named("writer"), node(0).named("flusher"));
    let _held = block_on(scope_as(writer.clone(), mutex.lock()));
    let flushed = donate_to(&flusher, pending::<()>());
    let mut waits = Box::pin(scope_as(writer, flushed));
    assert!(poll(&mut waits).is_pending());
    let asked = block_on(scope_as(flusher, mutex.lock_checked()));
    assert_eq!(
        asked.map(drop).unwrap_err().to_string(),
        "deadlock: flusher waits for log, held by writer waits for flusher, held by flusher"
    );
}

/// What others lend is not inherited, and without a task it is the normal priority.
#[test]
fn what_is_spawned_inside_has_the_same_priority() {
    let own = || corokit_priority::current().unwrap().effective_priority();
    assert_eq!(block_on(inherit(async { own() })), Priority::NORMAL);
    let (node, urgent) = (node(4), node(-4));
    let mut lends = Box::pin(scope_as(urgent, donate_to(&node, pending::<()>())));
    assert!(poll(&mut lends).is_pending());
    let inherited = block_on(scope_as(node, async {
        assert_eq!(own(), Priority::new(-4));
        smol::spawn(inherit(async move { own() })).await
    }));
    assert_eq!(inherited, Priority::new(4));
}

/// It is one hook for all locks of the process, so one test looks at all of it.
#[test]
fn plain_locks_report_cycles_to_the_hook_and_wait() {
    static REPORTS: Mutex<Vec<String>> = Mutex::new(Vec::new());
    assert!(!clear_deadlock_hook());
    let mutex = PriorityMutex::named((), "mutex");
    let lock = PriorityRwLock::named((), "lock");
    let task = node(0).named("task");
    let _held = block_on(scope_as(task.clone(), async {
        (mutex.lock().await, lock.read().await)
    }));
    let wait_for_both = || {
        let mut again = Box::pin(scope_as(task.clone(), mutex.lock()));
        assert!(poll(&mut again).is_pending());
        assert!(poll(&mut again).is_pending());
        let mut again = Box::pin(scope_as(task.clone(), lock.write()));
        assert!(poll(&mut again).is_pending());
        // Those that give it to the caller do not tell it twice.
        let checked = block_on(scope_as(task.clone(), mutex.lock_checked()));
        assert!(checked.is_err());
        let checked = block_on(scope_as(task.clone(), lock.write_checked()));
        assert!(checked.is_err());
    };
    wait_for_both();
    set_deadlock_hook(|deadlock| REPORTS.lock().unwrap().push(deadlock.to_string()));
    wait_for_both();
    assert!(clear_deadlock_hook());
    wait_for_both();
    let reports = REPORTS.lock().unwrap();
    assert_eq!(
        *reports,
        [
            "deadlock: task waits for mutex, held by task",
            "deadlock: task waits for lock, held by task"
        ]
    );
}

#[test]
fn anybody_may_be_dropped_anywhere() {
    let body = |lab: Lab| async move {
        let nodes = [node(5), node(-5)];
        let (target, from) = (nodes[0].clone(), nodes[1].clone());
        let task = sched_loop::spawn(scope_as(target.clone(), async {
            yield_now().await;
            yield_now().await;
        }));
        let waits = scope_as(from, async move { donate_to(&target, task).await });
        sched_loop::spawn(lab.victim("victim", waits)).await;
        for node in &nodes {
            assert_eq!(node.effective_priority(), node.priority());
        }
    };
    cancel_everywhere(body);
    panic_everywhere(body);
}
