//! Waiting until the work is done.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use corokit_sync_bridge::TimedOut;
use corokit_sync_bridge::queue::Queue;

use super::{Count, poll_with, ready, waits};

#[test]
fn a_fresh_queue_has_nothing_to_wait_for() {
    ready(&mut Queue::<u32>::unbounded().join());
}

#[test]
fn it_is_about_work_and_not_about_items() {
    let queue = Queue::unbounded();
    (0..2).for_each(|item| queue.try_put(item).unwrap());
    let mut join = queue.join();
    waits(&mut join);
    let jobs = [queue.try_get_tracked(), queue.try_get_tracked()];
    assert!(queue.is_empty());
    waits(&mut join);
    let [one, two] = jobs.map(Result::unwrap);
    drop(two);
    waits(&mut join);
    assert_eq!(one.into_inner(), 0);
    ready(&mut join);
}

#[test]
fn items_that_are_not_tracked_are_done_when_they_are_had() {
    let queue = Queue::unbounded();
    (0..3).for_each(|item| queue.try_put(item).unwrap());
    let mut join = queue.join();
    waits(&mut join);
    queue.try_get().unwrap();
    ready(&mut queue.get()).unwrap();
    waits(&mut join);
    queue.get_blocking().unwrap();
    ready(&mut join);
}

#[test]
fn an_item_that_was_handed_over_is_not_done_before_it_is_had() {
    for tracked in [false, true] {
        let queue = Queue::unbounded();
        let mut get = queue.get();
        let mut get_tracked = queue.get_tracked();
        match tracked {
            true => waits(&mut get_tracked),
            false => waits(&mut get),
        }
        queue.try_put(1).unwrap();
        let mut join = queue.join();
        waits(&mut join);
        if tracked {
            let job = ready(&mut get_tracked).unwrap();
            waits(&mut join);
            drop(job);
        } else {
            ready(&mut get).unwrap();
        }
        ready(&mut join);
        assert_eq!(queue.unfinished(), 0);
    }
}

#[test]
fn a_worker_that_panics_is_done_too() {
    let queue = Queue::unbounded();
    queue.try_put(1).unwrap();
    let job = queue.try_get_tracked().unwrap();
    let worker = AssertUnwindSafe(move || {
        let _job = job;
        std::panic::resume_unwind(Box::new("the work is too hard"));
    });
    catch_unwind(worker).unwrap_err();
    queue.join_blocking();
}

#[test]
fn once_all_was_done_what_comes_later_does_not_matter() {
    let queue = Queue::unbounded();
    queue.try_put(1).unwrap();
    let mut joins = [queue.join(), queue.join()];
    joins.iter_mut().for_each(waits);
    queue.try_get().unwrap();
    queue.try_put(2).unwrap();
    joins.iter_mut().for_each(ready);
    waits(&mut queue.join());
}

#[test]
fn one_who_goes_away_does_not_matter() {
    let queue = Queue::unbounded();
    queue.try_put(1).unwrap();
    let mut joins = [queue.join(), queue.join()];
    joins.iter_mut().for_each(waits);
    let [first, mut second] = joins;
    drop(first);
    queue.try_get().unwrap();
    ready(&mut second);
}

#[test]
fn one_who_goes_away_leaves_no_waker_behind() {
    let queue = Queue::unbounded();
    queue.try_put(1).unwrap();
    let count = Arc::new(Count::default());
    let mut join = queue.join();
    assert!(poll_with(&mut join, &count).is_pending());
    assert_eq!(Arc::strong_count(&count), 2);
    drop(join);
    assert_eq!(Arc::strong_count(&count), 1);
    assert_eq!(queue.try_get(), Ok(1));
    assert_eq!(count.get(), 0);
}

#[test]
fn an_item_is_dropped_before_it_is_done() {
    struct Item(Queue<Item>);
    impl Drop for Item {
        fn drop(&mut self) {
            assert_eq!(self.0.unfinished(), 1);
        }
    }
    let queue = Queue::unbounded();
    queue.try_put(Item(queue.clone())).ok().unwrap();
    drop(queue.try_get_tracked().unwrap());
    assert_eq!(queue.unfinished(), 0);
}

#[test]
fn threads_join_as_well() {
    let queue = Queue::bounded(2);
    let soon = Instant::now() + Duration::from_millis(1);
    queue.try_put(0).unwrap();
    assert_eq!(queue.join_deadline(soon), Err(TimedOut));
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Ok(mut job) = queue.get_tracked_blocking() {
                    *job += 1;
                }
            });
        }
        (0..100).for_each(|item| queue.put_blocking(item).unwrap());
        queue.join_blocking();
        assert_eq!(queue.unfinished(), 0);
        queue.close();
    });
}
