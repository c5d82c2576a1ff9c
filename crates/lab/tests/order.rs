//! What a program has asked for by a position holds under every strategy.

use std::cell::RefCell;
use std::rc::Rc;

use corokit_lab::{Lab, Options, Strategy};
use corokit_sched_loop::{
    Position, TaskExt, create_task_descend, create_task_start, current, sleep_insert, spawn,
    task_reinsert, task_switch,
};
use futures_lite::future::yield_now;
use proptest::prelude::*;
use proptest::strategy::Strategy as _;

type Log = Rc<RefCell<Vec<usize>>>;

/// Spawns tasks of one step, which note their numbers.
fn workers(log: &Log, count: usize) -> Vec<corokit_sched_loop::Task<()>> {
    let worker = |number| {
        let log = Rc::clone(log);
        spawn(async move { log.borrow_mut().push(number) })
    };
    (0..count).map(worker).collect()
}

#[derive(Clone, Copy, Debug)]
enum Ask {
    Switch { target: usize, index: usize },
    SwitchToBack { target: usize },
    SleepInsert { index: usize },
    Start,
    Descend,
    After { moved: usize, anchor: usize },
    Before { moved: usize, anchor: usize },
}

fn ask(count: usize) -> impl proptest::strategy::Strategy<Value = Ask> {
    let pair = (0..count, 0..count).prop_filter("two tasks", |(one, other)| one != other);
    let other = pair.clone();
    prop_oneof![
        (0..count, 1..count + 2).prop_map(|(target, index)| Ask::Switch { target, index }),
        (0..count).prop_map(|target| Ask::SwitchToBack { target }),
        (0..count + 2).prop_map(|index| Ask::SleepInsert { index }),
        Just(Ask::Start),
        Just(Ask::Descend),
        pair.prop_map(|(moved, anchor)| Ask::After { moved, anchor }),
        other.prop_map(|(moved, anchor)| Ask::Before { moved, anchor }),
    ]
}

/// Asks, and checks what has run when the answer comes.
async fn keeps_its_promise(count: usize, ask: Ask) {
    let log = Log::default();
    let tasks = workers(&log, count);
    let id = |number: usize| tasks[number].id();
    match ask {
        Ask::Switch { target, index } => {
            task_switch(id(target), index).await.unwrap();
            let ran = log.borrow();
            assert_eq!(ran[0], target);
            assert_eq!(ran.len(), index.min(count));
            let mut expected: Vec<usize> = (0..count).filter(|n| *n != target).collect();
            expected.truncate(index - 1);
            let mut others = ran[1..].to_vec();
            others.sort_unstable();
            assert_eq!(others, expected);
        }
        Ask::SwitchToBack { target } => {
            task_switch(id(target), Position::Back).await.unwrap();
            assert_eq!((log.borrow()[0], log.borrow().len()), (target, count));
        }
        Ask::SleepInsert { index } => {
            sleep_insert(index).await.unwrap();
            let mut ran = log.borrow().clone();
            ran.sort_unstable();
            assert_eq!(ran, (0..index.min(count)).collect::<Vec<_>>());
        }
        Ask::Start => {
            let child = create_task_start(async {}).await.unwrap();
            assert!(child.is_finished());
            assert_eq!(log.borrow().len(), count);
        }
        Ask::Descend => {
            let child = create_task_descend(async {}).await.unwrap();
            assert!(child.is_finished());
            assert!(log.borrow().is_empty());
        }
        Ask::After { moved, anchor } | Ask::Before { moved, anchor } => {
            let (position, first, second) = match ask {
                Ask::After { .. } => (Position::After(id(anchor)), anchor, moved),
                _ => (Position::Before(id(anchor)), moved, anchor),
            };
            task_reinsert(id(moved), position).unwrap();
            while log.borrow().len() < count {
                yield_now().await;
            }
            let ran = log.borrow();
            let found = ran.iter().position(|number| *number == first).unwrap();
            assert_eq!(ran.get(found + 1), Some(&second), "{ran:?}");
        }
    }
}

proptest! {
    #[test]
    fn a_place_is_kept_under_every_strategy(
        (count, ask) in (2usize..7).prop_flat_map(|count| (Just(count), ask(count))),
        seed: u64,
        delays: bool,
    ) {
        let strategies = [
            Strategy::Fifo,
            Strategy::Random,
            Strategy::Pct { depth: 1 },
            Strategy::Pct { depth: 3 },
        ];
        for strategy in strategies {
            let options = Options::new().strategy(strategy).seed(seed).delays(delays);
            options.try_check(5, |_| keeps_its_promise(count, ask)).unwrap();
        }
        let exhaustive = Options::new().max_schedules(50).delays(delays);
        exhaustive.try_exhaustive(2, |_| keeps_its_promise(count, ask)).unwrap();
    }
}

/// Whoever comes later does not get ahead of a placed entry.
#[test]
fn nobody_overtakes_a_placed_entry() {
    let body = |_: Lab| async {
        let log = Log::default();
        let tasks = workers(&log, 2);
        let late = Rc::clone(&log);
        let spawner = spawn(async move {
            for task in workers(&late, 3) {
                task.detach();
            }
        });
        // After the two and the spawner, before those that it spawns.
        sleep_insert(3).await.unwrap();
        assert!(spawner.is_finished() && tasks.iter().all(|task| task.is_finished()));
        assert_eq!(log.borrow().len(), 2);
    };
    assert!(
        Options::new()
            .try_exhaustive(usize::MAX, body)
            .unwrap()
            .is_complete()
    );
}

#[test]
fn what_a_turn_left_to_the_executor_is_in_any_order() {
    let orders = Rc::new(RefCell::new(std::collections::BTreeSet::new()));
    let seen = Rc::clone(&orders);
    corokit_lab::check(200, move |_| {
        let seen = Rc::clone(&seen);
        async move {
            let log = Log::default();
            for task in workers(&log, 3) {
                task.await;
            }
            seen.borrow_mut().insert(log.take());
        }
    });
    assert_eq!(orders.borrow().len(), 6);
}

#[test]
fn a_body_begins_inside_of_its_loop() {
    corokit_lab::check(3, |_| {
        assert!(current().is_some());
        let task = spawn(async { 1 });
        async move { assert_eq!(task.await, 1) }
    });
}
