//! Tasks on an event loop with the priority queue.

use std::cell::RefCell;
use std::future::pending;
use std::rc::Rc;

use corokit_priority::{Ageing, Priority, PriorityQueue};
use corokit_sched_loop::{
    self as sched_loop, EventLoop, TaskExt, create_task_descend, sleep_insert, spawn, task,
    task_switch,
};
use futures_lite::future::yield_now;

type Log = Rc<RefCell<Vec<&'static str>>>;

fn strict() -> EventLoop {
    EventLoop::with_queue(PriorityQueue::with_ageing(Ageing::Strict))
}

async fn twice(log: Log, name: &'static str) {
    log.borrow_mut().push(name);
    yield_now().await;
    log.borrow_mut().push(name);
}

#[test]
fn tasks_run_by_priority_and_those_of_one_priority_in_turn() {
    let log = Log::default();
    let event_loop = strict();
    let spawn = |name, priority| {
        let task = event_loop.task().name(name).priority(priority);
        task.spawn(twice(Rc::clone(&log), name)).detach();
    };
    spawn("low", Priority::LOW);
    spawn("one", Priority::NORMAL);
    spawn("high", Priority::HIGH);
    spawn("two", Priority::NORMAL);
    event_loop.run_until_stalled();
    assert_eq!(
        *log.borrow(),
        ["high", "high", "one", "two", "one", "two", "low", "low"]
    );
}

#[test]
fn a_change_takes_effect_at_once_wherever_the_task_is() {
    let log = Log::default();
    let event_loop = strict();
    let note = Rc::clone(&log);
    event_loop.run(async move {
        let me = sched_loop::current_task().unwrap();
        let [first, second, third] = ["first", "second", "third"].map(|name| {
            let log = Rc::clone(&note);
            spawn(twice(log, name))
        });
        // In the queue.
        sched_loop::set_priority(third.id(), Priority::HIGH).unwrap();
        assert_eq!(sched_loop::priority(third.id()), Ok(Priority::HIGH));
        assert_eq!(
            sched_loop::runnable_tasks(),
            [third.id(), first.id(), second.id()]
        );
        // Blocked.
        let blocked = spawn(pending::<()>());
        yield_now().await;
        sched_loop::set_priority(blocked.id(), Priority::LOW).unwrap();
        assert_eq!(sched_loop::priority(blocked.id()), Ok(Priority::LOW));
        // Running.
        sched_loop::set_priority(me, Priority::LOW).unwrap();
        yield_now().await;
        note.borrow_mut().push("main");
        drop((first, second, third, blocked));
    });
    let log = log.borrow();
    assert_eq!(log[0], "third");
    assert_eq!(log.last(), Some(&"main"));
    assert_eq!(log.len(), 7);
}

/// A task that ends gives its priority back with its slot.
#[test]
fn a_new_task_has_normal_priority_whoever_had_its_slot() {
    let event_loop = strict();
    let urgent = event_loop.task().priority(Priority::HIGH).spawn(async {});
    let slot = urgent.id().slot();
    event_loop.run(urgent);
    loop {
        let task = event_loop.spawn(async {});
        let handle = event_loop.handle();
        assert_eq!(handle.priority(task.id()), Ok(Priority::NORMAL));
        let found = task.id().slot() == slot;
        task.detach();
        if found {
            return;
        }
    }
}

/// A place that the program asks for goes before every priority.
#[test]
fn a_switch_goes_before_every_priority() {
    let log = Log::default();
    let event_loop = strict();
    let note = Rc::clone(&log);
    event_loop.run(async move {
        let spawn = |name, priority| {
            let log = Rc::clone(&note);
            task().priority(priority).spawn(async move {
                log.borrow_mut().push(name);
            })
        };
        let high = spawn("high", Priority::HIGH);
        let low = spawn("low", Priority::LOW);
        task_switch(low.id(), 1).await.unwrap();
        note.borrow_mut().push("main");
        let child = create_task_descend({
            let log = Rc::clone(&note);
            async move { log.borrow_mut().push("child") }
        });
        let child = child.await.unwrap();
        sleep_insert(0).await.unwrap();
        note.borrow_mut().push("main again");
        high.await;
        drop((low, child));
    });
    assert_eq!(
        *log.borrow(),
        ["low", "main", "child", "main again", "high"]
    );
}

/// A plain yield of the most urgent task lets nobody else run; a switch does.
#[test]
fn without_a_place_the_caller_of_a_switch_goes_on_by_its_priority() {
    let log = Log::default();
    let event_loop = strict();
    let note = Rc::clone(&log);
    event_loop.run(async move {
        let me = sched_loop::current_task().unwrap();
        sched_loop::set_priority(me, Priority::HIGH).unwrap();
        let low = spawn(twice(Rc::clone(&note), "normal"));
        yield_now().await;
        note.borrow_mut().push("main");
        task_switch(low.id(), sched_loop::Position::Back)
            .await
            .unwrap();
        note.borrow_mut().push("main");
        sched_loop::set_priority(me, Priority::LOW).unwrap();
        low.await;
    });
    assert_eq!(*log.borrow(), ["main", "normal", "main", "normal"]);
}
