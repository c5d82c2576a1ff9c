//! What an observed waker tells, and what it leaves alone; whom numbered wakers wake.
#![cfg(feature = "waker")]

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;

use corokit_core::{NumberedWakers, WakeNumbered, WakerObserver, observe_waker, observed};

/// Counts the wake-ups of the real waker.
#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Wakes {
    fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

/// Writes down what it sees, and does as it should.
#[derive(Default)]
struct Log(Mutex<Vec<&'static str>>);

impl WakerObserver for Log {
    fn clone_waker(&self, waker: &Waker) -> Waker {
        self.0.lock().unwrap().push("clone");
        waker.clone()
    }

    fn wake_by_ref(&self, waker: &Waker) {
        self.0.lock().unwrap().push("wake");
        waker.wake_by_ref();
    }
}

impl Log {
    fn take(&self) -> Vec<&'static str> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

fn real() -> (Arc<Wakes>, Waker) {
    let wakes = Arc::new(Wakes::default());
    (Arc::clone(&wakes), Waker::from(wakes))
}

#[test]
fn a_clone_is_seen_and_is_the_real_waker() {
    let (wakes, waker) = real();
    let log = Log::default();
    let kept = observe_waker(&waker, &log, |observed| {
        assert!(!observed.will_wake(&waker));
        observed.clone()
    });
    assert_eq!(log.take(), ["clone"]);
    assert!(kept.will_wake(&waker));
    // The real waker, the kept one and ours: nothing is held beside them.
    assert_eq!(Arc::strong_count(&wakes), 3);
    kept.wake();
    assert_eq!((wakes.count(), log.take()), (1, vec![]));
    drop(waker);
    assert_eq!(Arc::strong_count(&wakes), 1);
}

#[test]
fn waking_the_observed_waker_itself_is_seen_and_reaches_the_real_one() {
    let (wakes, waker) = real();
    let log = Log::default();
    observe_waker(&waker, &log, Waker::wake_by_ref);
    assert_eq!((wakes.count(), log.take()), (1, vec!["wake"]));
    assert_eq!(Arc::strong_count(&wakes), 2);
}

#[test]
fn a_future_that_keeps_a_waker_clones_it_at_each_poll() {
    let (_, waker) = real();
    let log = Log::default();
    let mut kept: Option<Waker> = None;
    let mut future = pin!(poll_fn(|cx| {
        if !kept.as_ref().is_some_and(|kept| kept.will_wake(cx.waker())) {
            kept = Some(cx.waker().clone());
        }
        Poll::<()>::Pending
    }));
    for _ in 0..2 {
        observe_waker(&waker, &log, |observed| {
            assert!(
                future
                    .as_mut()
                    .poll(&mut Context::from_waker(observed))
                    .is_pending()
            );
        });
    }
    assert_eq!(log.take(), ["clone", "clone"]);
}

#[test]
fn observers_nest_and_the_inner_one_sees_first() {
    struct Named(&'static str, Arc<Log>);
    impl WakerObserver for Named {
        fn clone_waker(&self, waker: &Waker) -> Waker {
            self.1.0.lock().unwrap().push(self.0);
            waker.clone()
        }
    }
    let (wakes, waker) = real();
    let log = Arc::new(Log::default());
    let outer = Named("outer", Arc::clone(&log));
    let inner = Named("inner", Arc::clone(&log));
    let kept = observe_waker(&waker, &outer, |waker| {
        observe_waker(waker, &inner, Waker::clone)
    });
    assert_eq!(log.take(), ["inner", "outer"]);
    kept.wake();
    assert_eq!(wakes.count(), 1);
}

#[test]
fn an_observer_may_give_another_waker_instead() {
    struct Instead(Waker);
    impl WakerObserver for Instead {
        fn clone_waker(&self, _: &Waker) -> Waker {
            self.0.clone()
        }
    }
    let (wakes, waker) = real();
    let (other_wakes, other) = real();
    let kept = observe_waker(&waker, &Instead(other), Waker::clone);
    kept.wake();
    assert_eq!((wakes.count(), other_wakes.count()), (0, 1));
    assert_eq!(Arc::strong_count(&other_wakes), 1);
}

#[test]
fn the_observed_waker_may_be_used_by_other_threads_meanwhile() {
    let (wakes, waker) = real();
    let log = Log::default();
    let kept = observe_waker(&waker, &log, |observed| {
        thread::scope(|scope| {
            let cloners = [(); 4].map(|()| {
                scope.spawn(|| {
                    observed.wake_by_ref();
                    observed.clone()
                })
            });
            cloners.map(|cloner| cloner.join().unwrap())
        })
    });
    kept.into_iter().for_each(Waker::wake);
    assert_eq!((wakes.count(), log.take().len()), (8, 8));
    drop(waker);
    assert_eq!(Arc::strong_count(&wakes), 1);
}

#[test]
fn a_panic_of_an_observer_goes_to_the_caller_and_loses_nothing() {
    struct Broken;
    impl WakerObserver for Broken {
        fn clone_waker(&self, _: &Waker) -> Waker {
            panic!("broken")
        }
    }
    let (wakes, waker) = real();
    let clone = || observe_waker(&waker, &Broken, Waker::clone);
    let payload = catch_unwind(AssertUnwindSafe(clone)).unwrap_err();
    assert_eq!(payload.downcast_ref(), Some(&"broken"));
    assert_eq!(Arc::strong_count(&wakes), 2);
}

#[test]
fn without_methods_of_its_own_an_observer_changes_nothing() {
    struct Indifferent;
    impl WakerObserver for Indifferent {}
    let (wakes, waker) = real();
    let kept = observe_waker(&waker, &Indifferent, |observed| {
        observed.wake_by_ref();
        observed.clone()
    });
    kept.wake();
    assert_eq!(wakes.count(), 2);
}

#[test]
fn an_observed_waker_is_told_from_others_and_leads_to_its_observer() {
    /// Can be found.
    #[derive(Default)]
    struct Found;
    impl WakerObserver for Found {
        fn as_any(&self) -> Option<&dyn std::any::Any> {
            Some(self)
        }
    }
    let (_, waker) = real();
    let is_found = |waker: &Waker| {
        observed(waker).is_some_and(|(_, observer)| {
            observer
                .as_any()
                .is_some_and(<dyn std::any::Any>::is::<Found>)
        })
    };
    assert!(!is_found(&waker) && !is_found(Waker::noop()));
    observe_waker(&waker, &Found, |outer| {
        assert!(is_found(outer) && !is_found(&outer.clone()));
        observe_waker(outer, &Log::default(), |inner| {
            assert!(!is_found(inner));
            // Through the inner one the outer one can be reached.
            let (through, _) = observed(inner).unwrap();
            assert!(is_found(through));
            let (real, _) = observed(through).unwrap();
            assert!(real.will_wake(&waker));
        });
        // Another thread may ask as well.
        thread::scope(|scope| assert!(scope.spawn(|| is_found(outer)).join().unwrap()));
    });
}

/// Writes down which numbers were woken.
#[derive(Default)]
struct Numbers(Mutex<Vec<u32>>);

impl WakeNumbered for Numbers {
    fn wake(&self, number: u32) {
        self.0.lock().unwrap().push(number);
    }
}

impl Numbers {
    fn take(&self) -> Vec<u32> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

const LEN: usize = NumberedWakers::LEN;

fn numbered(first: u32) -> (Arc<Numbers>, NumberedWakers) {
    let numbers = Arc::new(Numbers::default());
    (Arc::clone(&numbers), NumberedWakers::new(numbers, first))
}

#[test]
fn each_numbered_waker_wakes_its_number_however_it_is_woken() {
    let (numbers, wakers) = numbered(100);
    let all: Vec<u32> = (100..).take(LEN).collect();
    for place in 0..LEN {
        wakers.with(place, Waker::wake_by_ref);
    }
    assert_eq!(numbers.take(), all);
    let kept: Vec<Waker> = (0..LEN)
        .map(|place| wakers.with(place, Waker::clone))
        .collect();
    let again = kept.clone();
    kept.iter().for_each(Waker::wake_by_ref);
    assert_eq!(numbers.take(), all);
    kept.into_iter().for_each(Waker::wake);
    assert_eq!(numbers.take(), all);
    drop(wakers);
    again.into_iter().rev().for_each(Waker::wake);
    assert!(numbers.take().into_iter().eq(all.into_iter().rev()));
}

#[test]
fn numbers_go_on_from_0_after_the_last() {
    let (numbers, wakers) = numbered(u32::MAX);
    wakers.with(0, Waker::wake_by_ref);
    wakers.with(1, Waker::wake_by_ref);
    assert_eq!(numbers.take(), [u32::MAX, 0]);
}

#[test]
fn a_numbered_waker_is_the_same_each_time_and_no_other() {
    let (_, wakers) = numbered(0);
    let (_, others) = numbered(0);
    let kept = wakers.with(3, Waker::clone);
    assert!(wakers.with(3, |waker| waker.will_wake(&kept) && kept.will_wake(waker)));
    assert!(kept.clone().will_wake(&kept));
    assert!(!wakers.with(4, |waker| waker.will_wake(&kept)));
    assert!(!others.with(3, |waker| waker.will_wake(&kept)));
    assert!(observed(&kept).is_none());
}

#[test]
fn what_numbered_wakers_wake_goes_with_the_last_of_them() {
    let (numbers, wakers) = numbered(0);
    let woken = wakers.with(LEN - 1, Waker::clone);
    let dropped = woken.clone();
    drop(wakers);
    assert_eq!(Arc::strong_count(&numbers), 2);
    drop(dropped);
    assert_eq!(Arc::strong_count(&numbers), 2);
    woken.wake();
    assert_eq!(Arc::strong_count(&numbers), 1);
    assert_eq!(numbers.take(), [LEN as u32 - 1]);
}

#[test]
fn numbered_wakers_may_be_used_and_dropped_on_any_thread() {
    let (numbers, wakers) = numbered(0);
    let threads: Vec<_> = (0..4)
        .map(|thread| {
            let waker = wakers.with(thread, Waker::clone);
            thread::spawn(move || {
                for _ in 0..100 {
                    let clone = waker.clone();
                    waker.wake_by_ref();
                    clone.wake();
                }
            })
        })
        .collect();
    drop(wakers);
    for thread in threads {
        thread.join().unwrap();
    }
    assert_eq!(Arc::strong_count(&numbers), 1);
    let mut woken = numbers.take();
    woken.sort_unstable();
    assert!(
        woken
            .into_iter()
            .eq((0..4).flat_map(|number| [number; 200]))
    );
}

#[test]
fn a_panic_of_what_is_woken_leaves_nothing_behind() {
    struct Panics;
    impl WakeNumbered for Panics {
        fn wake(&self, number: u32) {
            panic!("{number}");
        }
    }

    let target = Arc::new(Panics);
    let wakers = NumberedWakers::new(target.clone(), 0);
    let kept = wakers.with(1, Waker::clone);
    drop(wakers);
    let by_ref = catch_unwind(AssertUnwindSafe(|| kept.wake_by_ref()));
    assert_eq!(*by_ref.unwrap_err().downcast::<String>().unwrap(), "1");
    assert_eq!(Arc::strong_count(&target), 2);
    let by_value = catch_unwind(AssertUnwindSafe(|| kept.wake()));
    assert_eq!(*by_value.unwrap_err().downcast::<String>().unwrap(), "1");
    assert_eq!(Arc::strong_count(&target), 1);
}

#[test]
fn there_is_no_waker_after_the_last() {
    let (_, wakers) = numbered(0);
    let beyond = catch_unwind(AssertUnwindSafe(|| wakers.with(LEN, |_| ())));
    assert!(beyond.is_err());
}
