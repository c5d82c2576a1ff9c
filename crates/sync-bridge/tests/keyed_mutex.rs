//! The mutex for each key.
#![cfg(not(loom))]
#![cfg(feature = "keyed-mutex")]

use std::cell::Cell;
use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::hash::{BuildHasherDefault, Hash, Hasher};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Instant;

use corokit_lab::{Lab, cancel_everywhere, check};
use corokit_sched_loop::spawn;
use corokit_sync_bridge::{KeyedLock, KeyedMutex, KeyedMutexGuard, TimedOut};
use futures_lite::future::yield_now;
use proptest::prelude::*;

/// All keys have the same hash.
#[derive(Default)]
struct Same;

impl Hasher for Same {
    fn finish(&self) -> u64 {
        0
    }

    fn write(&mut self, _: &[u8]) {}
}

type Collides = BuildHasherDefault<Same>;

fn poll<T>(future: &mut (impl Future<Output = T> + Unpin)) -> Poll<T> {
    Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn each_key_is_locked_for_itself() {
    let mutex = KeyedMutex::new();
    let a = mutex.lock_blocking("a".to_owned());
    let b = mutex.lock_blocking("b".to_owned());
    assert_eq!(mutex.len(), 2);
    assert_eq!(mutex.try_lock("a".to_owned()).unwrap_err(), "a");
    let late = mutex.lock_deadline("b".to_owned(), Instant::now());
    assert_eq!(late.unwrap_err(), TimedOut);
    drop(a);
    assert!(!mutex.is_locked(&"a".to_owned()));
    assert!(mutex.is_locked(&"b".to_owned()));
    drop(b);
    assert!(mutex.is_empty());
}

#[test]
fn a_key_is_handed_to_the_first_in_line_and_to_nobody_else() {
    let mutex = KeyedMutex::new();
    let held = mutex.lock_blocking(1);
    let mut lines = [mutex.lock(1), mutex.lock(1)];
    for lock in &mut lines {
        assert!(poll(lock).is_pending());
    }
    drop(held);
    assert!(mutex.try_lock(1).is_err());
    let [first, mut second] = lines;
    assert!(poll(&mut second).is_pending());
    drop(first);
    assert!(poll(&mut second).is_ready());
    assert!(mutex.is_empty());
}

#[test]
fn keys_go_away_when_nobody_has_them() {
    let mutex = KeyedMutex::new();
    let key = Arc::new(());
    let held = mutex.lock_blocking(Arc::clone(&key));
    let mut waits = mutex.lock(Arc::clone(&key));
    assert!(poll(&mut waits).is_pending());
    drop(held);
    drop(waits);
    assert_eq!(Arc::strong_count(&key), 1);
    assert!(mutex.is_empty());
}

/// A key that uses the mutex wherever it can.
#[derive(Clone)]
struct Nosy(
    u8,
    KeyedMutex<u8>,
    Rc<Cell<Option<KeyedMutex<Nosy, Collides>>>>,
);

impl Nosy {
    fn look(&self) {
        assert!(self.1.is_empty());
        if let Some(mutex) = self.2.take() {
            let _ = mutex.len();
            self.2.set(Some(mutex));
        }
    }
}

impl Hash for Nosy {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.look();
        self.0.hash(hasher);
    }
}

impl PartialEq for Nosy {
    fn eq(&self, other: &Self) -> bool {
        self.look();
        self.0 == other.0
    }
}

impl Eq for Nosy {}

impl Drop for Nosy {
    fn drop(&mut self) {
        self.look();
    }
}

#[test]
fn keys_may_use_the_mutex_while_they_are_hashed_compared_and_dropped() {
    let mutex = KeyedMutex::<Nosy, Collides>::default();
    let home = Rc::new(Cell::new(Some(mutex.clone())));
    let key = |number| Nosy(number, KeyedMutex::new(), Rc::clone(&home));
    let guards: Vec<_> = (0..3).map(|n| mutex.lock_blocking(key(n))).collect();
    assert!(mutex.try_lock(key(2)).is_err());
    let mut waits = mutex.lock(key(1));
    assert!(poll(&mut waits).is_pending());
    drop(guards);
    assert!(poll(&mut waits).is_ready());
    assert!(mutex.is_empty());
    home.set(None);
}

#[derive(Clone, Debug)]
enum Op {
    Lock(u8),
    TryLock(u8),
    /// These are about one of all guards and futures that there are.
    Poll(usize),
    Drop(usize),
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        3 => (0..4u8).prop_map(Op::Lock),
        1 => (0..4u8).prop_map(Op::TryLock),
        3 => (0..20usize).prop_map(Op::Poll),
        3 => (0..20usize).prop_map(Op::Drop),
    ]
}

enum Handle<S> {
    Lock(KeyedLock<u8, S>),
    #[expect(dead_code, reason = "it is there to be dropped")]
    Guard(KeyedMutexGuard<u8, S>),
}

/// Compares with lines of numbers, of which the first has the key.
fn run_model<S: std::hash::BuildHasher + Default>(ops: &[Op]) {
    let mutex = KeyedMutex::<u8, S>::default();
    let mut model: HashMap<u8, VecDeque<usize>> = HashMap::new();
    let mut handles: Vec<(usize, u8, Handle<S>)> = Vec::new();
    for (number, op) in ops.iter().enumerate() {
        match *op {
            Op::Lock(key) => {
                handles.push((number, key, Handle::Lock(mutex.lock(key))));
            }
            Op::TryLock(key) => match mutex.try_lock(key) {
                Ok(guard) => {
                    assert!(model.insert(key, VecDeque::from([number])).is_none());
                    handles.push((number, key, Handle::Guard(guard)));
                }
                Err(back) => {
                    assert_eq!(back, key);
                    assert!(model.contains_key(&key));
                }
            },
            Op::Poll(index) if index < handles.len() => {
                let (number, key, handle) = &mut handles[index];
                if let Handle::Lock(lock) = handle {
                    let line = model.entry(*key).or_default();
                    if !line.contains(number) {
                        line.push_back(*number);
                    }
                    let polled = poll(lock);
                    assert_eq!(polled.is_ready(), line[0] == *number);
                    if let Poll::Ready(guard) = polled {
                        assert_eq!(guard.key(), key);
                        *handle = Handle::Guard(guard);
                    }
                }
            }
            Op::Drop(index) if index < handles.len() => {
                let (number, key, handle) = handles.remove(index);
                drop(handle);
                if let Some(line) = model.get_mut(&key) {
                    line.retain(|other| *other != number);
                }
                model.retain(|_, line| !line.is_empty());
            }
            Op::Poll(_) | Op::Drop(_) => {}
        }
        assert_eq!(mutex.len(), model.len());
        for key in 0..4 {
            assert_eq!(mutex.is_locked(&key), model.contains_key(&key));
        }
    }
}

proptest! {
    #[test]
    fn the_mutex_does_as_the_model(ops in prop::collection::vec(op(), 0..80)) {
        run_model::<std::hash::RandomState>(&ops);
    }

    #[test]
    fn so_it_does_if_all_keys_have_the_same_hash(ops in prop::collection::vec(op(), 0..80)) {
        run_model::<Collides>(&ops);
    }
}

#[test]
fn threads_are_alone_with_their_keys() {
    let mutex = KeyedMutex::new();
    let inside = [const { AtomicUsize::new(0) }; 3];
    thread::scope(|scope| {
        for thread in 0..4 {
            let (mutex, inside) = (&mutex, &inside);
            scope.spawn(move || {
                for round in 0..500 {
                    let key = (round + thread) % 3;
                    let guard = match round % 2 {
                        0 => mutex.lock_blocking(key),
                        _ => futures_lite::future::block_on(mutex.lock(key)),
                    };
                    assert_eq!(inside[key].fetch_add(1, Ordering::Relaxed), 0);
                    inside[key].fetch_sub(1, Ordering::Relaxed);
                    drop(guard);
                }
            });
        }
    });
    assert!(mutex.is_empty());
}

async fn one_after_the_other(lab: Option<Lab>) {
    let mutex = KeyedMutex::new();
    let inside = Rc::new(Cell::new(false));
    let guest = |key| {
        let (mutex, inside) = (mutex.clone(), Rc::clone(&inside));
        async move {
            let guard = mutex.lock(key).await;
            if key == 0 {
                assert!(!inside.replace(true));
                // It is given back whoever is dropped here.
                struct Leaves(Rc<Cell<bool>>);
                impl Drop for Leaves {
                    fn drop(&mut self) {
                        self.0.set(false);
                    }
                }
                let _leaves = Leaves(inside);
                yield_now().await;
            }
            drop(guard);
        }
    };
    let victim = lab.map(|lab| spawn(lab.victim("victim", guest(0))));
    for guest in [guest(0), guest(1), guest(0)].map(spawn) {
        guest.await;
    }
    if let Some(victim) = victim {
        victim.await;
    }
    assert!(mutex.is_empty());
}

#[test]
fn in_every_order_they_come_one_after_the_other() {
    check(500, |_| one_after_the_other(None));
}

#[test]
fn anybody_may_be_dropped_anywhere() {
    cancel_everywhere(|lab| one_after_the_other(Some(lab)));
}

#[test]
fn on_smol_on_tokio_and_on_corokit() {
    async fn round() {
        let mutex = KeyedMutex::new();
        let held = mutex.lock("a").await;
        let other = mutex.clone();
        let thread = thread::spawn(move || drop(other.lock_blocking("a")));
        drop(held);
        drop(mutex.lock("a").await);
        thread.join().unwrap();
    }
    smol::block_on(round());
    corokit_sched_loop::run(round());
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.unwrap().block_on(round());
}
