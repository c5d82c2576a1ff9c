//! The line of waiters beside a naive one.
#![cfg(not(loom))]
#![cfg(feature = "waiters")]

use corokit_sync_bridge::waiters::{Cancelled, Key, WaitList};
use proptest::prelude::*;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Poll, Wake, Waker};

#[derive(Clone, Debug)]
enum Op {
    Push,
    Grant,
    TakeWaker,
    Pop,
    /// These are about one of all waiters that there are.
    Poll(usize),
    Cancel(usize),
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        4 => Just(Op::Push),
        3 => Just(Op::Grant),
        1 => Just(Op::TakeWaker),
        1 => Just(Op::Pop),
        3 => (0..50usize).prop_map(Op::Poll),
        2 => (0..50usize).prop_map(Op::Cancel),
    ]
}

/// Counts how often it is woken.
#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// One that waits, or has been granted a number.
struct Waiter {
    key: Key,
    want: usize,
    woken: Arc<Count>,
    has_waker: bool,
    granted: Option<usize>,
}

#[derive(Default)]
struct Model {
    list: WaitList<usize, usize>,
    waiters: Vec<Waiter>,
    line: VecDeque<usize>,
    number: usize,
}

impl Model {
    fn waiter(&mut self, want: usize) -> &mut Waiter {
        let mut waiters = self.waiters.iter_mut();
        waiters.find(|waiter| waiter.want == want).unwrap()
    }

    fn apply(&mut self, op: &Op) {
        self.number += 1;
        let number = self.number;
        match *op {
            Op::Push => {
                let woken = Arc::new(Count::default());
                let has_waker = number % 3 == 0;
                let waker = has_waker.then(|| Waker::from(Arc::clone(&woken)));
                let key = self.list.push_back(number, waker);
                self.line.push_back(number);
                self.waiters.push(Waiter {
                    key,
                    want: number,
                    woken,
                    has_waker,
                    granted: None,
                });
            }
            Op::Grant => match (self.line.pop_front(), self.list.grant_front(number)) {
                (None, Err(back)) => assert_eq!(back, number),
                (Some(want), Ok((granted, waker))) => {
                    assert_eq!(granted, want);
                    let waiter = self.waiter(want);
                    assert_eq!(waker.is_some(), waiter.has_waker);
                    waiter.granted = Some(number);
                    if let Some(waker) = waker {
                        waker.wake();
                        assert_eq!(waiter.woken.0.load(Ordering::Relaxed), 1);
                    }
                }
                (expected, _) => panic!("expected {expected:?}"),
            },
            Op::TakeWaker => {
                let waker = self.list.take_front_waker();
                let Some(&front) = self.line.front() else {
                    return assert!(waker.is_none());
                };
                let waiter = self.waiter(front);
                assert_eq!(waker.is_some(), std::mem::take(&mut waiter.has_waker));
            }
            Op::Pop => {
                let popped = self.list.pop_front().map(|(want, _)| want);
                assert_eq!(popped, self.line.pop_front());
                self.waiters.retain(|waiter| Some(waiter.want) != popped);
            }
            Op::Poll(index) if index < self.waiters.len() => {
                let waiter = &mut self.waiters[index];
                let mut waker = Some(Waker::from(Arc::clone(&waiter.woken)));
                match self.list.poll(waiter.key, &mut waker) {
                    Poll::Pending => {
                        assert_eq!(waiter.granted, None);
                        assert_eq!(waker.is_some(), waiter.has_waker);
                        waiter.has_waker = true;
                    }
                    Poll::Ready(granted) => {
                        assert_eq!(waiter.granted, Some(granted));
                        self.waiters.remove(index);
                    }
                }
            }
            Op::Cancel(index) if index < self.waiters.len() => {
                let waiter = self.waiters.remove(index);
                let mut waker = None;
                match (self.list.cancel(waiter.key, &mut waker), waiter.granted) {
                    (Cancelled::Granted(granted), Some(expected)) => assert_eq!(granted, expected),
                    (Cancelled::Waiting(want), None) => {
                        assert_eq!(want, waiter.want);
                        assert_eq!(waker.is_some(), waiter.has_waker);
                        self.line.retain(|other| *other != want);
                    }
                    (cancelled, _) => panic!("{cancelled:?}"),
                }
            }
            Op::Poll(_) | Op::Cancel(_) => {}
        }
    }

    fn check(&mut self) {
        assert_eq!(self.list.len(), self.line.len());
        assert_eq!(self.list.is_empty(), self.line.is_empty());
        assert!(self.list.iter().eq(&self.line));
        assert_eq!(self.list.front(), self.line.front());
        assert_eq!(self.list.front_mut(), self.line.front_mut());
        let first = self.line.front().copied();
        let first = first.map(|front| self.waiter(front).key);
        assert_eq!(self.list.front_key(), first);
        for waiter in &self.waiters {
            let want = waiter.granted.is_none().then_some(waiter.want);
            assert_eq!(self.list.get(waiter.key).copied(), want);
            assert_eq!(self.list.get_mut(waiter.key).copied(), want);
        }
    }
}

proptest! {
    #[test]
    fn the_list_does_as_the_model(ops in prop::collection::vec(op(), 0..120)) {
        let mut model = Model::default();
        for op in &ops {
            model.apply(op);
            model.check();
        }
    }
}

/// Returns how many wakers there are of a count, beside our own.
fn wakers(count: &Arc<Count>) -> usize {
    Arc::strong_count(count) - 1
}

#[test]
fn a_crowd_comes_and_goes() {
    let count = Arc::new(Count::default());
    let waker = Waker::from(Arc::clone(&count));
    let mut list = WaitList::<_, ()>::new();
    let mut keys = Vec::new();
    for number in 0..10_000 {
        keys.push(list.push_back(number, Some(waker.clone())));
    }
    for (number, key) in keys.iter().enumerate() {
        assert_eq!(list.cancel(*key, &mut None), Cancelled::Waiting(number));
    }
    assert_eq!(wakers(&count), 1);
    assert!(list.is_empty());
    // Their keys name nobody, whoever comes.
    for (number, key) in keys.iter().take(100).enumerate() {
        list.push_back(number, None);
        assert_eq!(list.get(*key), None);
    }
}

#[test]
#[should_panic(expected = "no waiter has this key")]
fn a_key_is_good_for_one_grant() {
    let mut list = WaitList::new();
    let key = list.push_back((), None);
    list.grant_front(()).unwrap();
    assert_eq!(list.poll(key, &mut None), Poll::Ready(()));
    list.push_back((), None);
    let _ = list.poll(key, &mut None);
}

#[test]
#[should_panic(expected = "no waiter has this key")]
fn nobody_is_cancelled_twice() {
    let mut list = WaitList::<_, ()>::new();
    let key = list.push_back((), None);
    let _ = list.cancel(key, &mut None);
    let _ = list.cancel(key, &mut None);
}
