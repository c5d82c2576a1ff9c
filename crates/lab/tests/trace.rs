//! What a trace shows.

use std::time::Duration;

use corokit_lab::{Event, Happening, Lab, Options, Strategy};
use corokit_sched_loop::TaskExt;
use corokit_sched_loop::{Position, current, eager, sleep, task, task_switch};
use futures_lite::future::yield_now;

fn lines(events: &[Event]) -> Vec<String> {
    events.iter().map(ToString::to_string).collect()
}

fn trace<Fut: Future<Output = ()> + 'static>(body: impl FnOnce(Lab) -> Fut) -> Vec<String> {
    let run = Options::new().strategy(Strategy::Fifo).trace(body).unwrap();
    lines(&run.trace)
}

#[test]
fn a_task_from_its_spawn_to_its_end() {
    let lines = trace(|_| async {
        let child = task().name("child").spawn(async {
            yield_now().await;
            sleep(Duration::from_secs(5)).await;
        });
        child.await;
    });
    let expected = [
        "main spawned",
        "main polled",
        "child spawned",
        "main blocked",
        "child polled",
        "child yielded",
        "child polled",
        "child blocked",
        "clock jumped to 5s",
        "child woken",
        "child polled",
        "main woken",
        "child finished",
        "main polled",
        "main finished",
    ];
    assert_eq!(lines, expected);
}

#[test]
fn events_know_their_time() {
    let body = |_| async { sleep(Duration::from_secs(5)).await };
    let run = Options::new().trace(body).unwrap();
    let jump = run
        .trace
        .iter()
        .position(|event| event.happening() == Happening::Jumped);
    let (before, after) = run.trace.split_at(jump.unwrap());
    assert!(before.iter().all(|event| event.at() == Duration::ZERO));
    assert!(
        after
            .iter()
            .all(|event| event.at() == Duration::from_secs(5))
    );
    assert_eq!((run.elapsed, run.steps), (Duration::from_secs(5), 3));
}

#[test]
fn tasks_without_a_name_are_numbered() {
    let lines = trace(|_| async {
        let tasks = [(); 2].map(|()| corokit_sched_loop::spawn(async {}));
        for task in tasks {
            task.await;
        }
    });
    assert_eq!(lines[2..4], ["#1 spawned", "#2 spawned"]);
}

#[test]
fn tasks_that_start_inside_or_at_a_place() {
    let lines = trace(|_| async {
        let handle = current().unwrap();
        let blocked = handle.task().name("inside").eager(true);
        let blocked = blocked.spawn(std::future::pending::<()>());
        let placed = handle.task().name("placed").position(Position::Front);
        let placed = placed.spawn(async {});
        drop(blocked);
        placed.await;
        drop(eager(async {}));
    });
    assert_eq!(
        lines[2..],
        [
            // Dropped by its handle, it is woken to be cancelled.
            "inside spawned",
            "placed spawned",
            "main blocked",
            "placed polled",
            "main woken",
            "placed finished",
            "inside polled",
            "inside finished",
            "main polled",
            "main finished",
        ]
    );
}

#[test]
fn a_task_that_is_killed_finishes_without_a_poll() {
    let lines = trace(|_| async {
        let victim = task().name("victim").spawn(std::future::pending::<()>());
        yield_now().await;
        let handle = current().unwrap();
        handle
            .with(|executor| executor.kill(victim.id()))
            .unwrap()
            .unwrap();
        yield_now().await;
    });
    let end = lines
        .iter()
        .rposition(|line| line.starts_with("victim"))
        .unwrap();
    assert_eq!(lines[end], "victim finished");
}

#[test]
fn a_switch_is_a_yield() {
    let lines = trace(|_| async {
        let one = task().name("one").spawn(async {});
        let two = task().name("two").spawn(async {});
        task_switch(two.id(), 1).await.unwrap();
        one.await;
    });
    assert_eq!(
        lines[4..8],
        ["main yielded", "two polled", "two finished", "main polled"]
    );
}

/// Slots are used again; names are not mixed up.
#[test]
fn a_task_in_a_used_slot_is_another_one() {
    let lines = trace(|_| async {
        for name in ["first", "second", "third"] {
            task().name(name).spawn(async {}).await;
        }
    });
    for name in ["first", "second", "third"] {
        let own = lines.iter().filter(|line| line.starts_with(name));
        let own: Vec<&str> = own.map(|line| line.split(' ').nth(1).unwrap()).collect();
        assert_eq!(own, ["spawned", "polled", "finished"]);
    }
}

#[test]
fn an_injected_wake_is_in_the_trace() {
    let body = |_: Lab| async {
        let idle = task().name("idle").spawn(std::future::pending::<()>());
        for _ in 0..50 {
            yield_now().await;
        }
        drop(idle);
    };
    let run = Options::new().spurious_wakes(true).trace(body).unwrap();
    assert!(lines(&run.trace).contains(&"idle woken".to_string()));
}
