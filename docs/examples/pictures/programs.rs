//! The programs that are drawn. Each is short, and does nothing that depends on time.

use std::num::NonZeroU32;
use std::rc::Rc;
use std::sync::Arc;

use corokit::core::Priority;
use corokit::priority::{Ageing, PriorityMutex, PriorityQueue, spawn};
use corokit::sched_loop::{self, EventLoop, TaskExt, task};
use futures_lite::future::yield_now;
use smol::lock::Mutex;

use crate::draw;
use crate::trace::{Recorder, Trace};

/// The pictures, and the names of their files.
pub(crate) fn pictures() -> [(&'static str, String); 7] {
    [
        (
            "order-fifo.svg",
            draw::svg("First in, first out: a spawns d in its first turn", &fifo()),
        ),
        (
            "order-positions.svg",
            draw::svg(
                "a lets one other run, then switches to d and goes on after it",
                &positions(),
            ),
        ),
        (
            "order-descend.svg",
            draw::svg(
                "A child first: create_task_descend, then a plain spawn",
                &descend(),
            ),
        ),
        (
            "fairness-strict.svg",
            draw::svg(
                "Strict priorities: low waits as long as others are ready",
                &endless_load(Ageing::Strict),
            ),
        ),
        (
            "fairness-ageing.svg",
            draw::svg(
                "Every 4th turn goes to who has been ready longest, after 8 turns",
                &endless_load(Ageing::Share {
                    every: NonZeroU32::new(4).expect("4 is not 0"),
                    after: 8,
                }),
            ),
        ),
        (
            "lock-plain.svg",
            draw::svg(
                "A plain lock: high waits for low, and low for everybody between",
                &plain_lock(),
            ),
        ),
        (
            "lock-inherits.svg",
            draw::svg(
                "A PriorityMutex: low runs as high would, until high has the lock",
                &inheriting_lock(),
            ),
        ),
    ]
}

/// Takes so many turns, giving way in between.
async fn turns(count: usize) {
    for _ in 1..count {
        yield_now().await;
    }
}

fn fifo() -> Trace {
    let (recorder, event_loop) = (Recorder::default(), EventLoop::new());
    let note = recorder.clone();
    let a = async move {
        sched_loop::spawn(note.named("d", turns(2))).detach();
        turns(3).await;
    };
    event_loop.spawn(recorder.named("a", a)).detach();
    for name in ["b", "c"] {
        event_loop.spawn(recorder.named(name, turns(3))).detach();
    }
    recorder.run(&event_loop, 100)
}

fn positions() -> Trace {
    let (recorder, event_loop) = (Recorder::default(), EventLoop::new());
    let note = recorder.clone();
    let a = async move {
        let others = ["b", "c", "d"].map(|name| sched_loop::spawn(note.named(name, turns(2))));
        sched_loop::sleep_insert(1).await.expect("a task runs");
        let d = others[2].id();
        sched_loop::task_switch(d, 1).await.expect("d is ready");
        for other in others {
            other.await;
        }
    };
    event_loop.spawn(recorder.named("a", a)).detach();
    recorder.run(&event_loop, 100)
}

fn descend() -> Trace {
    let (recorder, event_loop) = (Recorder::default(), EventLoop::new());
    let note = recorder.clone();
    let parent = async move {
        let first = sched_loop::create_task_descend(note.named("child", turns(2)))
            .await
            .expect("a task runs");
        let second = sched_loop::spawn(note.named("plain child", turns(2)));
        first.await;
        second.await;
    };
    event_loop.spawn(recorder.named("parent", parent)).detach();
    for name in ["other", "another"] {
        event_loop.spawn(recorder.named(name, turns(3))).detach();
    }
    recorder.run(&event_loop, 100)
}

/// Two urgent tasks that are always ready, and one that is not urgent and needs three turns.
fn endless_load(ageing: Ageing) -> Trace {
    let recorder = Recorder::default();
    let event_loop = EventLoop::with_queue(PriorityQueue::with_ageing(ageing));
    for name in ["high", "also high"] {
        let task = event_loop.task().priority(Priority::HIGH);
        task.spawn(recorder.named(name, turns(usize::MAX))).detach();
    }
    // Under strict priorities it never runs, and so never says its name.
    let task = event_loop.task().name("low").priority(Priority::LOW);
    task.spawn(recorder.named("low", turns(3))).detach();
    recorder.run(&event_loop, 28)
}

/// What `low` spawns when it has the lock: somebody who needs it, and some who do not.
fn others(recorder: &Recorder, high: impl Future<Output = ()> + 'static) {
    for name in ["mid", "also mid"] {
        let task = task().priority(Priority::NORMAL);
        task.spawn(recorder.named(name, turns(4))).detach();
    }
    let (task, _) = spawn(Priority::HIGH, recorder.named("high", high), |high| {
        task().spawn(high)
    });
    task.detach();
}

fn plain_lock() -> Trace {
    let lock = Arc::new(Mutex::new(()));
    with_lock(async move || lock.lock_arc().await)
}

fn inheriting_lock() -> Trace {
    let lock = Arc::new(PriorityMutex::new(()));
    with_lock(async move || lock.lock_arc().await)
}

/// `low` has a lock, and `high` comes and wants it.
fn with_lock<Guard: 'static>(lock: impl AsyncFn() -> Guard + 'static) -> Trace {
    let recorder = Recorder::default();
    let event_loop = EventLoop::with_queue(PriorityQueue::new());
    let (note, lock) = (recorder.clone(), Rc::new(lock));
    let low = async move {
        let guard = lock().await;
        let wanted = Rc::clone(&lock);
        others(&note, async move {
            let _guard = wanted().await;
            yield_now().await;
        });
        for _ in 0..2 {
            yield_now().await;
        }
        drop(guard);
        yield_now().await;
    };
    event_loop.enter(|| start_low(&recorder, low));
    recorder.run(&event_loop, 100)
}

fn start_low(recorder: &Recorder, low: impl Future<Output = ()> + 'static) {
    let spawned = spawn(Priority::LOW, recorder.named("low", low), |low| {
        task().spawn(low)
    });
    spawned.0.detach();
}
