//! Names, ends and callbacks of single tasks.
#![cfg(not(loom))]

use std::cell::{Cell, RefCell};
use std::future::{pending, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::thread;

use corokit_core::{Priority, ReadyQueue, TaskId, TaskState};
use corokit_scheduler::{LocalExecutor, ScheduleError, Task, TaskExt};
use futures_lite::future::{block_on, poll_once, yield_now};

struct Count(Rc<Cell<usize>>);

impl Drop for Count {
    fn drop(&mut self) {
        self.0.set(self.0.get() + 1);
    }
}

fn waits(executor: &LocalExecutor<'static>, drops: &Rc<Cell<usize>>) -> Task<()> {
    let count = Count(Rc::clone(drops));
    executor.spawn(async move {
        let _count = count;
        pending::<()>().await;
    })
}

#[test]
fn a_task_is_killed_in_every_state_but_running() {
    let drops = Rc::new(Cell::new(0));
    let executor = LocalExecutor::new();
    let blocked = waits(&executor, &drops);
    assert!(executor.try_tick());
    let new = waits(&executor, &drops);
    let parked = waits(&executor, &drops);
    let guard = executor.ready_take(parked.id()).unwrap();
    let cancelled = waits(&executor, &drops);
    let cancelled_id = cancelled.id();
    drop(cancelled);

    for (index, id) in [blocked.id(), new.id(), parked.id(), cancelled_id]
        .into_iter()
        .enumerate()
    {
        assert_eq!(executor.kill(id), Ok(()));
        assert_eq!(
            drops.get(),
            index + 1,
            "the future is gone when the call returns"
        );
        assert_eq!(executor.kill(id), Err(ScheduleError::Finished(id)));
    }
    assert!(executor.is_empty());
    assert_eq!((executor.ready_len(), executor.blocked_len()), (0, 0));
    // The guard of a task that is gone has nothing to put back.
    guard.insert(0).unwrap();
    assert_eq!(executor.ready_len(), 0);
    for task in [blocked, new, parked] {
        assert_eq!(block_on(task.fallible()), None);
    }
}

#[test]
fn a_running_task_cannot_be_killed() {
    let executor = Rc::new(LocalExecutor::new());
    let task = {
        let executor = Rc::clone(&executor);
        executor.clone().spawn(async move {
            let me = executor.current_task().unwrap();
            let by_child = {
                let executor = Rc::clone(&executor);
                executor
                    .clone()
                    .eager(async move { executor.kill(me) })
                    .await
            };
            (executor.kill(me), by_child, me)
        })
    };
    let (by_itself, by_child, me) = block_on(executor.run(task));
    assert_eq!(by_itself, Err(ScheduleError::Running(me)));
    assert_eq!(by_child, Err(ScheduleError::Running(me)));
}

#[test]
fn foreign_tasks_and_main_futures_cannot_be_killed_or_watched() {
    let executor = LocalExecutor::new();
    let other = LocalExecutor::new();
    let foreign = other.spawn(async {}).id();
    assert_eq!(executor.kill(foreign), Err(ScheduleError::Foreign(foreign)));
    drop(executor.spawn(async {}));
    assert_eq!(executor.kill(foreign), Err(ScheduleError::Foreign(foreign)));
    assert_eq!(
        executor.on_done(foreign, |_| ()),
        Err(ScheduleError::Foreign(foreign))
    );
    let name = executor.set_task_name(foreign, "mine");
    assert_eq!(name, Err(ScheduleError::Foreign(foreign)));
    assert_eq!(executor.task_name(foreign), None);

    let mut run = Box::pin(executor.run(pending::<()>()));
    assert!(block_on(poll_once(run.as_mut())).is_none());
    let main = executor.blocked_ids()[0];
    assert_eq!(executor.kill(main), Err(ScheduleError::MainFuture(main)));
    assert_eq!(
        executor.on_done(main, |_| ()),
        Err(ScheduleError::MainFuture(main))
    );
    executor.set_task_name(main, "the main one").unwrap();
    assert_eq!(executor.tasks()[0].name(), Some("the main one"));
    drop(run);
    assert_eq!(executor.task_name(main), None);
    let task = executor.spawn(async {});
    assert_eq!(task.name(), None, "a name does not stay with the slot");
}

#[test]
fn a_kill_and_a_wake_up_from_elsewhere_may_race() {
    for _ in 0..300 {
        let slot: Arc<Mutex<Option<Waker>>> = Arc::default();
        let drops = Rc::new(Cell::new(0));
        let executor = LocalExecutor::new();
        let task = {
            let (slot, count) = (Arc::clone(&slot), Count(Rc::clone(&drops)));
            executor.spawn(poll_fn(move |cx| {
                let _ = &count;
                *slot.lock().unwrap() = Some(cx.waker().clone());
                Poll::<()>::Pending
            }))
        };
        executor.try_tick();
        let waker = slot.lock().unwrap().take().unwrap();
        let thread = thread::spawn(move || waker.wake());
        assert_eq!(task.kill(), Ok(()));
        assert_eq!(drops.get(), 1);
        thread.join().unwrap();
        while executor.try_tick() {}
        assert!(executor.is_empty());
    }
}

#[test]
fn killing_wakes_whoever_awaits_the_task() {
    let executor = LocalExecutor::new();
    let task = executor.spawn(pending::<u32>());
    let id = task.id();
    let waits = executor.spawn(task.fallible());
    while executor.try_tick() {}
    executor.kill(id).unwrap();
    assert_eq!(block_on(executor.run(waits)), None);
}

#[test]
fn a_handle_says_and_does_the_same_as_the_executor() {
    let executor = LocalExecutor::new();
    let task = executor.task().name("one").spawn(pending::<()>());
    let id = task.id();
    assert_eq!(task.name().as_deref(), Some("one"));
    task.set_name(String::from("two")).unwrap();
    assert_eq!(executor.task_name(id).as_deref(), Some("two"));
    assert_eq!(task.state(), Ok(TaskState::Runnable));
    executor.try_tick();
    assert_eq!(task.state(), Ok(TaskState::Blocked));
    drop(executor);
    assert_eq!(task.state(), Ok(TaskState::Finished));
    assert_eq!(task.name(), None);
    let gone = Err(ScheduleError::Finished(id));
    assert_eq!(task.set_name("late"), gone);
    assert_eq!(task.kill(), gone);
    assert_eq!(task.on_done(|_| ()), gone);
}

#[test]
fn a_handle_elsewhere_knows_only_its_id() {
    let executor = LocalExecutor::new();
    let task = executor.task().name("home").spawn(pending::<()>());
    let id = task.id();
    let task = thread::spawn(move || {
        let elsewhere = Err(ScheduleError::Elsewhere(id));
        assert_eq!(task.id(), id);
        assert_eq!(task.name(), None);
        assert_eq!(task.state(), Err(ScheduleError::Elsewhere(id)));
        assert_eq!(task.set_name("away"), elsewhere);
        assert_eq!(task.kill(), elsewhere);
        assert_eq!(task.on_done(|_| ()), elsewhere);
        task
    })
    .join()
    .unwrap();
    assert_eq!(task.name().as_deref(), Some("home"));
}

type Calls = Rc<RefCell<Vec<(u32, TaskId)>>>;

fn note(calls: &Calls, number: u32) -> impl FnOnce(TaskId) + use<> {
    let calls = Rc::clone(calls);
    move |id| calls.borrow_mut().push((number, id))
}

#[test]
fn callbacks_are_called_in_order_when_the_task_has_ended() {
    let calls = Calls::default();
    let executor = LocalExecutor::new();
    let task = executor.spawn(async {
        yield_now().await;
        9
    });
    let id = task.id();
    for number in 0..3 {
        task.on_done(note(&calls, number)).unwrap();
    }
    executor.try_tick();
    executor.try_tick();
    assert!(task.is_finished());
    assert!(calls.borrow().is_empty(), "they have a turn of their own");
    // Added late, they are called after the earlier ones.
    executor.on_done(id, note(&calls, 3)).unwrap();
    while executor.try_tick() {}
    assert_eq!(*calls.borrow(), [0, 1, 2, 3].map(|number| (number, id)));
    assert_eq!(block_on(task), 9);
}

#[test]
fn callbacks_are_called_however_the_task_ends() {
    let calls = Calls::default();
    let executor = LocalExecutor::new();
    let panics: Task<()> = executor.spawn(async { panic!("on purpose") });
    let cancelled = executor.spawn(pending::<()>());
    let killed = executor.spawn(pending::<()>());
    let ids = [panics.id(), cancelled.id(), killed.id()];
    for (number, id) in (0..).zip(ids) {
        executor.on_done(id, note(&calls, number)).unwrap();
    }
    executor.try_tick();
    drop(cancelled);
    executor.try_tick();
    killed.kill().unwrap();
    while executor.try_tick() {}
    assert_eq!(*calls.borrow(), [(0, ids[0]), (1, ids[1]), (2, ids[2])]);
    assert!(catch_unwind(AssertUnwindSafe(|| block_on(panics))).is_err());
}

#[test]
fn a_callback_wakes_a_sleeping_runner() {
    let (sender, receiver) = async_channel::bounded::<()>(1);
    let executor = LocalExecutor::new();
    let task = executor.spawn(pending::<()>());
    let done = task.on_done(move |_| sender.try_send(()).unwrap());
    done.unwrap();
    let kills = async {
        yield_now().await;
        task.kill().unwrap();
    };
    let runs = executor.run(async { receiver.recv().await.unwrap() });
    block_on(futures_lite::future::zip(runs, kills));
}

#[test]
fn a_callback_of_an_eager_future_that_is_done_at_once_is_called() {
    let calls = Calls::default();
    let executor = Rc::new(LocalExecutor::new());
    let eager = {
        let (executor, calls) = (Rc::clone(&executor), Rc::clone(&calls));
        executor.clone().eager(async move {
            let me = executor.current_task().unwrap();
            executor.on_done(me, note(&calls, 0)).unwrap();
            me
        })
    };
    let id = block_on(eager);
    assert!(executor.try_tick());
    assert_eq!(*calls.borrow(), [(0, id)]);
}

#[test]
fn callbacks_are_dropped_with_the_executor() {
    let drops = Rc::new(Cell::new(0));
    let executor = LocalExecutor::new();
    let task = executor.spawn(pending::<()>());
    let count = Count(Rc::clone(&drops));
    let callback = move |_| {
        drop(count);
        unreachable!("the executor is gone");
    };
    task.on_done(callback).unwrap();
    drop(executor);
    assert_eq!(drops.get(), 1);
}

#[test]
fn a_callback_may_do_anything_with_the_executor() {
    let log = Rc::new(RefCell::new(Vec::new()));
    let executor = Rc::new(LocalExecutor::new());
    let victim = executor.spawn(pending::<()>());
    let victim_id = victim.id();
    let task = executor.spawn(async {});
    {
        let (weak, log) = (Rc::downgrade(&executor), Rc::clone(&log));
        task.on_done(move |id| {
            let executor = weak.upgrade().unwrap();
            log.borrow_mut().push(executor.task_state(id));
            executor.kill(victim_id).unwrap();
            let log = Rc::clone(&log);
            executor
                .on_done(id, move |id| {
                    log.borrow_mut()
                        .push(Some(TaskState::Finished).filter(|_| id.slot() < 9))
                })
                .unwrap();
        })
        .unwrap();
    }
    while executor.try_tick() {}
    assert_eq!(*log.borrow(), [Some(TaskState::Finished); 2]);
    assert!(executor.is_empty());
    drop(victim);
}

/// A wake-up without a reason is one that every future has to take.
#[test]
fn a_task_is_woken_by_its_id() {
    let executor = LocalExecutor::new();
    let polls = Rc::new(Cell::new(0));
    let count = Rc::clone(&polls);
    let task = executor.spawn(poll_fn(move |_| {
        count.set(count.get() + 1);
        Poll::<()>::Pending
    }));
    assert_eq!(executor.wake_task(task.id()), Ok(false));
    while executor.try_tick() {}
    assert_eq!(executor.wake_task(task.id()), Ok(true));
    assert_eq!(executor.wake_task(task.id()), Ok(false));
    while executor.try_tick() {}
    assert_eq!(polls.get(), 2);
    let id = task.id();
    task.kill().unwrap();
    assert_eq!(executor.wake_task(id), Err(ScheduleError::Finished(id)));
    let other = LocalExecutor::new();
    assert_eq!(other.wake_task(id), Err(ScheduleError::Foreign(id)));
}

#[test]
fn a_main_future_is_woken_by_its_id_and_what_is_running_is_not() {
    let executor = Rc::new(LocalExecutor::new());
    let mut polls = 0;
    block_on(executor.run(async {
        let me = executor.current_task().unwrap();
        assert_eq!(executor.wake_task(me), Err(ScheduleError::Running(me)));
        let inside = Rc::clone(&executor);
        let waking = executor.spawn(async move { inside.wake_task(me) });
        poll_fn(|_| {
            polls += 1;
            match polls {
                1 => Poll::Pending,
                _ => Poll::Ready(()),
            }
        })
        .await;
        assert_eq!(waking.await, Ok(true));
    }));
    assert_eq!(polls, 2);
}

/// A queue that notes the priorities that it is told.
struct Noting {
    fifo: corokit_scheduler::Fifo,
    told: Rc<RefCell<Vec<(u32, f64)>>>,
}

impl ReadyQueue for Noting {
    fn set_slots(&mut self, slots: usize) {
        self.fifo.set_slots(slots);
    }
    fn len(&self) -> usize {
        self.fifo.len()
    }
    fn contains(&self, slot: u32) -> bool {
        self.fifo.contains(slot)
    }
    fn push(&mut self, slot: u32) {
        self.fifo.push(slot);
    }
    fn pop(&mut self) -> Option<u32> {
        self.fifo.pop()
    }
    fn remove(&mut self, slot: u32) -> bool {
        self.fifo.remove(slot)
    }
    fn insert_at(&mut self, slot: u32, index: usize) {
        self.fifo.insert_at(slot, index);
    }
    fn insert_after(&mut self, slot: u32, anchor: u32) -> bool {
        self.fifo.insert_after(slot, anchor)
    }
    fn insert_before(&mut self, slot: u32, anchor: u32) -> bool {
        self.fifo.insert_before(slot, anchor)
    }
    fn rotate_left(&mut self, count: usize) {
        self.fifo.rotate_left(count);
    }
    fn iter(&self) -> Box<dyn Iterator<Item = u32> + '_> {
        self.fifo.iter()
    }
    fn set_priority(&mut self, slot: u32, priority: Priority) -> bool {
        self.told.borrow_mut().push((slot, priority.value()));
        true
    }
}

/// At home at once, from elsewhere before the next turn, of several only the last, and nothing for a
/// task that has ended.
#[test]
fn a_priority_may_be_set_from_any_thread() {
    let told = Rc::new(RefCell::new(Vec::new()));
    let queue = Noting {
        fifo: corokit_scheduler::Fifo::new(),
        told: Rc::clone(&told),
    };
    let executor = LocalExecutor::with_queue(queue);
    let task = executor.spawn(async {});
    let slot = task.id().slot();
    let remote = task.remote();
    remote.set_priority(Priority::HIGH);
    assert_eq!(told.take(), [(slot, -10.0)]);
    let elsewhere = remote.clone();
    let sent = thread::spawn(move || {
        for priority in [1, 2, 3] {
            elsewhere.set_priority(Priority::new(priority));
        }
    });
    sent.join().unwrap();
    assert!(told.borrow().is_empty());
    assert!(executor.try_tick());
    // Before its turn; and when it has ended, its slot is normal again.
    assert_eq!(told.take(), [(slot, 3.0), (slot, 0.0)]);
    remote.set_priority(Priority::HIGH);
    assert!(told.borrow().is_empty());
    drop(executor);
    remote.set_priority(Priority::HIGH);
    thread::spawn(move || remote.set_priority(Priority::LOW))
        .join()
        .unwrap();
}
