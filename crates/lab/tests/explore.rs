//! What the strategies try.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeSet, VecDeque};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};

use corokit_lab::{Explored, Lab, Options, Strategy, exhaustive};
use corokit_sched_loop::spawn;
use futures_lite::future::yield_now;
use proptest::prelude::*;

/// Waits for the last one of some tasks only, so that the body adds no choices of its own.
#[derive(Clone, Default)]
struct Last {
    left: Rc<Cell<usize>>,
    waker: Rc<RefCell<Option<Waker>>>,
}

impl Last {
    fn done(&self) {
        self.left.set(self.left.get() - 1);
        if self.left.get() == 0 {
            self.waker.take().into_iter().for_each(Waker::wake);
        }
    }

    async fn wait(&self) {
        poll_fn(|cx| {
            if self.left.get() == 0 {
                return Poll::Ready(());
            }
            self.waker.replace(Some(cx.waker().clone()));
            Poll::Pending
        })
        .await;
    }
}

/// Runs one task for each number, of so many steps.
async fn program(steps: Vec<usize>, log: Rc<RefCell<Vec<usize>>>) {
    let last = Last::default();
    last.left.set(steps.len());
    for (number, steps) in steps.into_iter().enumerate() {
        let (last, log) = (last.clone(), Rc::clone(&log));
        let task = spawn(async move {
            for step in 0..steps {
                if step > 0 {
                    yield_now().await;
                }
                log.borrow_mut().push(number);
            }
            last.done();
        });
        task.detach();
    }
    last.wait().await;
}

/// Explores a program. Returns how many schedules there were, and checks that all differ.
fn explore(bound: usize, steps: &[usize]) -> usize {
    let seen = Rc::new(RefCell::new(BTreeSet::new()));
    let explored = exhaustive(bound, |_| {
        let (steps, seen) = (steps.to_vec(), Rc::clone(&seen));
        async move {
            let log = Rc::new(RefCell::new(Vec::new()));
            program(steps, Rc::clone(&log)).await;
            assert!(
                seen.borrow_mut().insert(log.take()),
                "this order was tried before"
            );
        }
    });
    assert!(explored.is_complete());
    assert_eq!(seen.borrow().len(), explored.schedules());
    explored.schedules()
}

#[test]
fn tasks_of_one_step_are_tried_in_each_order() {
    assert_eq!(explore(usize::MAX, &[1]), 1);
    assert_eq!(explore(usize::MAX, &[1; 2]), 2);
    assert_eq!(explore(usize::MAX, &[1; 3]), 6);
    assert_eq!(explore(usize::MAX, &[1; 5]), 120);
}

#[test]
fn tasks_that_yield_are_interleaved_in_each_way() {
    // Two tasks that yield twice have three steps each: 6 over 3.
    assert_eq!(explore(usize::MAX, &[3, 3]), 20);
    // 7 over 2.
    assert_eq!(explore(usize::MAX, &[2, 5]), 21);
    // 6! / (2! * 2! * 2!).
    assert_eq!(explore(usize::MAX, &[2, 2, 2]), 90);
}

#[test]
fn a_bound_limits_the_deviations() {
    // First in, first out: a b a b a b. There is a choice at each step but the last.
    assert_eq!(explore(0, &[3, 3]), 1);
    assert_eq!(explore(1, &[3, 3]), 1 + 5);
    // A deviation at the first step gives b a b a b a, with four choices after it; at the second
    // a a b a b b, with two before only b is left; at the third a b b a b a, with two. At the
    // fourth, a b a a b b, only b is left; at the fifth, a b a b b a, only a.
    assert_eq!(explore(2, &[3, 3]), 1 + 5 + (4 + 2 + 2));
    // Three tasks of one step: a deviation at the first step has two forms, one at the second
    // step one.
    assert_eq!(explore(0, &[1; 3]), 1);
    assert_eq!(explore(1, &[1; 3]), 1 + 2 + 1);
    assert_eq!(explore(2, &[1; 3]), 6);
}

/// Two tasks of one step, awaited one after the other: the body's own steps are choices, too.
#[test]
fn the_steps_of_the_body_count() {
    let explored = exhaustive(usize::MAX, |_| async {
        let (one, other) = (spawn(async {}), spawn(async {}));
        one.await;
        other.await;
    });
    // one other body; one body other body; other one body.
    assert_eq!(explored.schedules(), 3);
}

/// Counts schedules in the plainest way.
fn count(queue: &VecDeque<usize>, bound: usize) -> usize {
    if queue.is_empty() {
        return 1;
    }
    let choices = if bound == 0 { 1 } else { queue.len() };
    let run = |index: usize| {
        let mut queue = queue.clone();
        let left = queue.remove(index).unwrap() - 1;
        if left > 0 {
            queue.push_back(left);
        }
        count(&queue, bound - usize::from(index > 0))
    };
    (0..choices).map(run).sum()
}

proptest! {
    #[test]
    fn as_many_schedules_as_the_plainest_way_counts(
        steps in prop::collection::vec(1..4usize, 1..4),
        bound in 0..4usize,
    ) {
        let expected = count(&steps.iter().copied().collect(), bound);
        prop_assert_eq!(explore(bound, &steps), expected);
    }
}

#[test]
fn a_search_that_was_cut_says_so() {
    let options = Options::new().max_schedules(7);
    let body = |_: Lab| program(vec![3, 3], Rc::default());
    let explored = options.try_exhaustive(usize::MAX, body).unwrap();
    assert_eq!((explored.schedules(), explored.is_complete()), (7, false));
}

/// Fails if the checker runs between two steps of the writer.
async fn depth_two() {
    let dirty = Rc::new(Cell::new(false));
    let flag = Rc::clone(&dirty);
    let writer = spawn(async move {
        flag.set(true);
        yield_now().await;
        flag.set(false);
    });
    let checker = spawn(async move {
        // In first in, first out, the writer is through by now.
        yield_now().await;
        yield_now().await;
        assert!(!dirty.get(), "torn");
    });
    writer.await;
    checker.await;
}

/// Fails if the checker looks first between two steps of the writer, and again when it is through.
async fn depth_three() {
    let stage = Rc::new(Cell::new(0));
    let writer = {
        let stage = Rc::clone(&stage);
        spawn(async move {
            for number in 1..=4 {
                stage.set(number);
                yield_now().await;
            }
        })
    };
    let checker = spawn(async move {
        let seen = stage.get();
        yield_now().await;
        assert!(seen != 2 || stage.get() < 4, "torn");
    });
    writer.await;
    checker.await;
}

/// Returns how many of a thousand seeds find a failure, and the least that PCT promises for runs
/// of so many steps and three tasks.
fn found<Fut: Future<Output = ()> + 'static>(depth: usize, body: fn() -> Fut) -> (usize, usize) {
    let fifo = Options::new().strategy(Strategy::Fifo);
    let steps = fifo.trace(|_| body()).unwrap().steps;
    let runs = 1_000;
    let finds = |seed: &usize| {
        let options = Options::new().strategy(Strategy::Pct { depth }).shrink(0);
        options.seed(*seed as u64).try_check(1, |_| body()).is_err()
    };
    let found = (0..runs).filter(finds).count();
    (found, runs / (3 * steps.pow(depth as u32 - 1)))
}

#[test]
fn pct_finds_a_bug_of_depth_two_as_often_as_it_promises() {
    let (found, promised) = found(2, depth_two);
    assert!(promised >= 20, "{promised}");
    assert!(found >= promised, "{found} of {promised}");
}

#[test]
fn pct_finds_a_bug_of_depth_three_as_often_as_it_promises() {
    let (found, promised) = found(3, depth_three);
    assert!(promised >= 2, "{promised}");
    assert!(found >= promised, "{found} of {promised}");
}

#[test]
fn pct_of_depth_one_does_not_preempt() {
    let options = Options::new().strategy(Strategy::Pct { depth: 1 });
    assert!(options.try_check(500, |_| depth_two()).is_ok());
}

#[test]
fn a_check_is_the_same_each_time() {
    let orders = || {
        let orders = Rc::new(RefCell::new(Vec::new()));
        let seen = Rc::clone(&orders);
        corokit_lab::check(20, move |_| {
            let seen = Rc::clone(&seen);
            async move {
                let log = Rc::default();
                program(vec![2, 3, 2], Rc::clone(&log)).await;
                seen.borrow_mut().push(log.take());
            }
        });
        orders.take()
    };
    assert_eq!(orders(), orders());
    let distinct: BTreeSet<_> = orders().into_iter().collect();
    assert!(distinct.len() > 10);
}

#[test]
fn two_threads_explore_at_the_same_time() {
    let explore =
        || -> Explored { corokit_lab::check(200, |_| program(vec![3, 2, 3], Rc::default())) };
    let other = std::thread::spawn(move || {
        let failure = Options::new().try_check(500, |_| depth_two()).unwrap_err();
        assert!(failure.to_string().contains("torn"));
        explore()
    });
    // A panic of the other thread is none of this thread's.
    assert_eq!(explore(), other.join().unwrap());
}

/// With a property test around it, a failure is the property test's to shrink.
#[test]
fn a_property_test_around_it_shrinks_the_program() {
    use proptest::test_runner::{Config, TestError, TestRunner};
    let config = Config {
        failure_persistence: None,
        ..Config::default()
    };
    let mut runner = TestRunner::new(config);
    let outcome = runner.run(&(0..50usize), |tasks| {
        let body = |_| async move {
            let tasks: Vec<_> = (0..tasks)
                .map(|number| spawn(async move { number }))
                .collect();
            for task in tasks {
                assert!(task.await < 7, "too many");
            }
        };
        let explored = Options::new().try_check(3, body);
        explored
            .map(drop)
            .map_err(|failure| TestCaseError::fail(failure.to_string()))
    });
    let Err(TestError::Fail(reason, tasks)) = outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!(tasks, 8);
    assert!(
        reason.message().contains("COROKIT_LAB_TOKEN=fifo"),
        "{reason}"
    );
}
