//! The condition variable for async-lock's mutexes.
#![cfg(not(loom))]
#![cfg(feature = "condvar")]

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use async_lock::{Mutex, MutexGuard};
use corokit_lab::{Lab, cancel_everywhere, check};
use corokit_sched_loop::spawn;
use corokit_sync_bridge::{Condvar, TimedOut};
use futures_lite::future::yield_now;

type Wait<'m> = Pin<Box<dyn Future<Output = MutexGuard<'m, ()>> + 'm>>;

fn poll<T>(future: &mut (impl Future<Output = T> + Unpin)) -> Poll<T> {
    Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}

/// Makes some that wait, in this order.
fn waiting<'m, const N: usize>(condvar: &'m Condvar, mutex: &'m Mutex<()>) -> [Wait<'m>; N] {
    [(); N].map(|()| {
        let mut wait: Wait<'m> = Box::pin(condvar.wait(mutex.try_lock().unwrap()));
        assert!(poll(&mut wait).is_pending());
        wait
    })
}

#[test]
fn waiting_releases_the_mutex_and_being_notified_locks_it() {
    let (mutex, condvar) = (Mutex::new(()), Condvar::new());
    let [mut wait] = waiting(&condvar, &mutex);
    assert!(mutex.try_lock().is_some());
    condvar.notify_one();
    let Poll::Ready(guard) = poll(&mut wait) else {
        panic!("it was notified");
    };
    assert!(mutex.try_lock().is_none());
    drop(guard);
}

#[test]
fn a_wait_that_was_never_polled_has_released_the_mutex_when_it_is_dropped() {
    let (mutex, condvar) = (Mutex::new(()), Condvar::new());
    let wait = condvar.wait(mutex.try_lock().unwrap());
    assert!(mutex.try_lock().is_none());
    assert_eq!(condvar.waiting(), 0);
    drop(wait);
    assert!(mutex.try_lock().is_some());
}

#[test]
fn they_are_notified_in_the_order_in_which_they_came() {
    let (mutex, condvar) = (Mutex::new(()), Condvar::new());
    let mut waits: [_; 5] = waiting(&condvar, &mutex);
    condvar.notify_many(2);
    assert_eq!(condvar.waiting(), 3);
    for index in [4, 3, 2] {
        assert!(poll(&mut waits[index]).is_pending());
    }
    for wait in &mut waits[..2] {
        drop(ready(poll(wait)));
    }
    condvar.notify_one();
    assert!(poll(&mut waits[4]).is_pending());
    drop(ready(poll(&mut waits[2])));
    condvar.notify_all();
    for wait in &mut waits[3..] {
        drop(ready(poll(wait)));
    }
}

#[track_caller]
fn ready<T>(polled: Poll<T>) -> T {
    match polled {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("it waits"),
    }
}

#[test]
fn a_notification_of_one_that_goes_away_is_passed_on() {
    let (mutex, condvar) = (Mutex::new(()), Condvar::new());
    let [first, mut second, mut third] = waiting(&condvar, &mutex);
    condvar.notify_one();
    drop(first);
    assert!(poll(&mut third).is_pending());
    drop(ready(poll(&mut second)));
}

#[test]
fn so_is_that_of_one_that_goes_away_while_it_waits_for_the_mutex() {
    let (mutex, condvar) = (Mutex::new(()), Condvar::new());
    let [mut first, mut second] = waiting(&condvar, &mutex);
    let held = mutex.try_lock().unwrap();
    condvar.notify_one();
    // It has been told, and now wants the mutex.
    assert!(poll(&mut first).is_pending());
    drop(first);
    drop(held);
    drop(ready(poll(&mut second)));
}

#[test]
fn what_all_were_told_is_not_passed_on_to_one_who_came_later() {
    let (mutex, condvar) = (Mutex::new(()), Condvar::new());
    let [told] = waiting(&condvar, &mutex);
    condvar.notify_all();
    let [mut late] = waiting(&condvar, &mutex);
    drop(told);
    assert!(poll(&mut late).is_pending());
}

#[test]
fn one_that_is_done_passes_nothing_on() {
    let (mutex, condvar) = (Mutex::new(()), Condvar::new());
    let [mut first, mut second] = waiting(&condvar, &mutex);
    condvar.notify_one();
    drop(ready(poll(&mut first)));
    drop(first);
    assert!(poll(&mut second).is_pending());
}

#[test]
fn so_it_is_with_guards_that_own_their_mutex() {
    let (mutex, condvar) = (Arc::new(Mutex::new(())), Condvar::new());
    let mut waits = [(); 3].map(|()| {
        let mut wait = Box::pin(condvar.wait_arc(mutex.try_lock_arc().unwrap()));
        assert!(poll(&mut wait).is_pending());
        Some(wait)
    });
    condvar.notify_one();
    drop(ready(poll(waits[0].as_mut().unwrap())));
    waits[0] = None;
    assert!(poll(waits[1].as_mut().unwrap()).is_pending());
    // This one goes away after it was notified.
    condvar.notify_one();
    waits[1] = None;
    drop(ready(poll(waits[2].as_mut().unwrap())));
}

#[test]
fn one_that_goes_away_does_not_take_the_mutex_again() {
    let (mutex, condvar) = (Mutex::new(()), Condvar::new());
    let [wait] = waiting(&condvar, &mutex);
    let held = mutex.try_lock().unwrap();
    condvar.notify_one();
    drop(wait);
    drop(held);
    assert!(mutex.try_lock().is_some());
}

#[test]
fn a_notification_for_nobody_is_not_kept() {
    let (mutex, condvar) = (Mutex::new(()), Condvar::new());
    condvar.notify_one();
    condvar.notify_all();
    let [mut wait] = waiting(&condvar, &mutex);
    assert!(poll(&mut wait).is_pending());
}

#[test]
fn a_thread_that_gives_up_has_not_waited() {
    let (mutex, condvar) = (Mutex::new(0), Condvar::new());
    let soon = Instant::now() + Duration::from_millis(1);
    let waited = condvar.wait_while_deadline(mutex.lock_blocking(), |n| *n == 0, soon);
    assert_eq!(waited.unwrap_err(), TimedOut);
    assert_eq!(condvar.waiting(), 0);
    assert!(mutex.try_lock().is_some());
}

/// A bounded buffer of one place: the textbook's use, with threads on one side and tasks on the
/// other.
#[test]
fn threads_and_tasks_hand_each_other_what_they_make() {
    const ITEMS: usize = 300;
    let place = Arc::new((Mutex::new(None), Condvar::new(), Condvar::new()));
    let producers = [0, 1].map(|producer| {
        let place = Arc::clone(&place);
        thread::spawn(move || {
            let (slot, filled, emptied) = &*place;
            for number in 0..ITEMS {
                let guard = slot.lock_blocking();
                let mut guard = emptied.wait_while_blocking(guard, |slot| slot.is_some());
                *guard = Some((producer, number));
                drop(guard);
                filled.notify_one();
            }
        })
    });
    let consumer = async {
        let (slot, filled, emptied) = &*place;
        let mut next = [0, 0];
        for _ in 0..2 * ITEMS {
            let guard = slot.lock().await;
            let mut guard = filled.wait_while(guard, |slot| slot.is_none()).await;
            let (producer, number) = guard.take().unwrap();
            drop(guard);
            emptied.notify_one();
            assert_eq!(number, next[producer]);
            next[producer] += 1;
        }
    };
    corokit_sched_loop::run(consumer);
    for producer in producers {
        producer.join().unwrap();
    }
}

/// As many notifications as there are guests, and one more for the victim, which may be dropped
/// anywhere: all guests come through.
async fn everybody_is_served(lab: Option<Lab>) {
    let shared = Rc::new((Mutex::new(0), Condvar::new()));
    let guest = || {
        let shared = Rc::clone(&shared);
        async move {
            let (tickets, condvar) = &*shared;
            let guard = tickets.lock().await;
            let mut guard = condvar.wait_while(guard, |tickets| *tickets == 0).await;
            yield_now().await;
            *guard -= 1;
        }
    };
    let victim = lab.map(|lab| spawn(lab.victim("victim", guest())));
    let guests = [(); 2].map(|()| spawn(guest()));
    for _ in 0..2 + usize::from(victim.is_some()) {
        yield_now().await;
        *shared.0.lock().await += 1;
        shared.1.notify_one();
    }
    for guest in guests {
        guest.await;
    }
    if let Some(victim) = victim {
        victim.await;
    }
    assert_eq!(shared.1.waiting(), 0);
}

#[test]
fn in_every_order_everybody_is_served() {
    check(500, |_| everybody_is_served(None));
}

#[test]
fn anybody_may_be_dropped_anywhere() {
    cancel_everywhere(|lab| everybody_is_served(Some(lab)));
}

#[test]
fn on_smol_on_tokio_and_on_corokit() {
    async fn round() {
        let shared = Arc::new((Arc::new(Mutex::new(false)), Condvar::new()));
        let other = Arc::clone(&shared);
        let thread = thread::spawn(move || {
            *other.0.lock_blocking() = true;
            other.1.notify_one();
        });
        let mut guard = shared.0.lock_arc().await;
        while !*guard {
            guard = shared.1.wait_arc(guard).await;
        }
        thread.join().unwrap();
    }
    smol::block_on(round());
    corokit_sched_loop::run(round());
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.unwrap().block_on(round());
}
