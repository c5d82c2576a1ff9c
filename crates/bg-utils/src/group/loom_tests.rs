//! Children that end, are cancelled and are spawned, with threads in every order.

use std::future::{pending, ready};
use std::pin::pin;
use std::task::{Context, Waker};

use loom::future::block_on;
use loom::thread;

use super::{AnyChild, Failure, Group};

/// A group each of whose children has a thread of its own.
fn threads() -> Group<'static, 'static, u32> {
    Group::new(|child: AnyChild<'static>| {
        thread::spawn(move || block_on(child));
    })
}

#[test]
fn every_result_is_heard() {
    loom::model(|| {
        let mut group = threads();
        for number in [1, 2] {
            group.try_spawn(ready(number)).unwrap();
        }
        let first = block_on(group.next()).unwrap();
        let mut numbers = vec![first.outcome.unwrap()];
        let rest = block_on(group.close());
        numbers.extend(rest.into_iter().map(|child| child.outcome.unwrap()));
        numbers.sort_unstable();
        assert_eq!(numbers, [1, 2]);
    });
}

#[test]
fn a_child_that_is_cancelled_ends_wherever_it_is() {
    loom::model(|| {
        let mut group = threads();
        let id = group.try_spawn(pending()).unwrap();
        assert!(group.cancel(id));
        let ended = block_on(group.close()).pop().unwrap();
        assert!(matches!(ended.outcome, Err(Failure::Cancelled)));
    });
}

#[test]
fn a_place_that_is_free_is_heard_of_or_the_end_is() {
    loom::model(|| {
        let mut group = threads().limit(1);
        group.try_spawn(ready(1)).unwrap();
        let handle = group.handle();
        let spawner = thread::spawn(move || block_on(handle.spawn(ready(2))).is_ok());
        let mut ended = block_on(group.close()).len();
        let spawned = spawner.join().unwrap();
        ended += block_on(group.close()).len();
        assert_eq!(ended, 1 + usize::from(spawned));
    });
}

#[test]
fn a_place_passes_on_from_one_who_goes_away() {
    loom::model(|| {
        let group = threads().limit(1);
        group.try_spawn(ready(1)).unwrap();
        let handle = group.handle();
        let spawner = thread::spawn(move || block_on(handle.spawn(ready(2))).is_ok());
        {
            let looks_in = pin!(group.spawn(ready(3)));
            let _ = looks_in.poll(&mut Context::from_waker(Waker::noop()));
        }
        // The group is open: sooner or later there is room.
        assert!(spawner.join().unwrap());
    });
}
