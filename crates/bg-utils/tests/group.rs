//! Groups of background tasks.
#![cfg(all(feature = "group", not(loom)))]

#[path = "support/wakes.rs"]
mod wakes;

use std::cell::{Cell, RefCell};
use std::future::{Future, pending, ready};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use corokit_bg_utils::group::{Closed, Failure, Group, LocalGroup, Refused};
use corokit_lab::{Lab, Options, Strategy, cancel_everywhere, panic_everywhere};
use corokit_sched_loop::{sleep, spawn};
use futures_lite::StreamExt;
use futures_lite::future::{block_on, poll_once, yield_now, zip};
use wakes::Wakes;

const SECOND: Duration = Duration::from_secs(1);

type Boxed<'f, T> = Pin<Box<dyn Future<Output = T> + 'f>>;

fn poll<T>(future: &mut Boxed<'_, T>, wakes: &Wakes) -> Poll<T> {
    future
        .as_mut()
        .poll(&mut Context::from_waker(&wakes.waker()))
}

/// A group on the current loop.
fn local<T: 'static>() -> LocalGroup<'static, 'static, T> {
    LocalGroup::local(|child| spawn(child).detach())
}

/// Sets a flag when it is dropped.
struct Dropped(Rc<Cell<usize>>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.set(self.0.get() + 1);
    }
}

#[test]
fn what_happens_to_a_child_reaches_no_other() {
    let body = |_| async {
        let mut group = local();
        let panics = group.try_spawn(async { panic!("out of cheese") }).unwrap();
        let fails = group.try_spawn(async { Err("no") }).unwrap();
        let works = group
            .try_spawn(async {
                yield_now().await;
                Ok(7)
            })
            .unwrap();
        let hangs = group.try_spawn(pending()).unwrap();
        assert!(group.cancel(hangs));
        let mut results = group.close().await;
        results.sort_by_key(|child| child.id);
        let ids: Vec<_> = results.iter().map(|child| child.id).collect();
        assert_eq!(ids, [panics, fails, works, hangs]);
        let failure = results[0].outcome.as_ref().unwrap_err();
        assert_eq!(failure.message(), Some("out of cheese"));
        assert_eq!(failure.to_string(), "the child has panicked: out of cheese");
        assert_eq!(results[1].outcome.as_ref().unwrap(), &Err("no"));
        assert_eq!(results[2].outcome.as_ref().unwrap(), &Ok(7));
        assert!(matches!(results[3].outcome, Err(Failure::Cancelled)));
    };
    Options::new().allow_panics(true).try_run(body).unwrap();
}

#[test]
fn results_come_in_the_order_of_completion_and_none_is_lost_with_a_dropped_next() {
    corokit_lab::run(1, |_| async {
        let mut group = local();
        for seconds in [3, 1, 2] {
            let child = async move {
                sleep(seconds * SECOND).await;
                seconds
            };
            group.spawn(child).await.unwrap();
        }
        let mut order = Vec::new();
        while !group.is_empty() {
            // Polled once, and dropped.
            if let Some(Some(child)) = poll_once(group.next()).await {
                order.push(child.outcome.unwrap());
            }
            sleep(SECOND / 4).await;
        }
        assert_eq!(order, [1, 2, 3]);
        assert!(group.next().await.is_none());
    });
}

#[test]
fn a_limit_makes_those_who_spawn_wait_in_line() {
    corokit_lab::run(1, |lab| async move {
        let group = Rc::new(RefCell::new(Some(local().limit(2))));
        let handle = group.borrow().as_ref().unwrap().handle();
        let (running, most) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
        let order = Rc::new(RefCell::new(Vec::new()));
        let mut spawners = Vec::new();
        for number in 0..6 {
            let (handle, order) = (handle.clone(), Rc::clone(&order));
            let (running, most) = (Rc::clone(&running), Rc::clone(&most));
            spawners.push(corokit_sched_loop::task().spawn(async move {
                let child = async move {
                    order.borrow_mut().push(number);
                    running.set(running.get() + 1);
                    most.set(running.get().max(most.get()));
                    sleep(SECOND).await;
                    running.set(running.get() - 1);
                };
                handle.spawn(child).await.unwrap();
            }));
            yield_now().await;
        }
        for spawner in spawners {
            spawner.await;
        }
        let mut group = group.take().unwrap();
        assert!(matches!(group.try_spawn(ready(())), Err(Refused::Full(_))));
        assert_eq!(group.close().await.len(), 6);
        assert_eq!((most.get(), lab.elapsed()), (2, 3 * SECOND));
        assert_eq!(order.borrow().len(), 6);
    });
}

#[test]
fn a_limit_that_is_set_late_counts_those_who_are_there_and_lets_those_in_for_whom_there_is_room() {
    let (group, driver) = LocalGroup::driven_local();
    let [first, _] = [0; 2].map(|_| group.try_spawn(pending::<()>()).unwrap());
    let group = group.limit(1);
    assert!(matches!(group.try_spawn(pending()), Err(Refused::Full(_))));
    let (handle, wakes) = (group.handle(), Wakes::default());
    let [mut second, mut third, mut fourth] = [0; 3].map(|_| {
        let handle = handle.clone();
        Box::pin(async move { handle.spawn(pending()).await.is_ok() }) as Boxed<bool>
    });
    for spawns in [&mut second, &mut third, &mut fourth] {
        assert!(poll(spawns, &wakes).is_pending());
    }
    // One more than may is there even then.
    let mut driver: Boxed<()> = Box::pin(driver);
    assert!(group.cancel(first));
    assert!(poll(&mut driver, &Wakes::default()).is_pending());
    assert_eq!((group.running(), wakes.take()), (1, 0));
    let group = group.limit(3);
    assert_eq!(wakes.take(), 2);
    assert!(poll(&mut fourth, &wakes).is_pending());
    for spawns in [&mut third, &mut second] {
        assert_eq!(poll(spawns, &wakes), Poll::Ready(true));
    }
    assert!(matches!(group.try_spawn(pending()), Err(Refused::Full(_))));
}

/// A future that panics when it is dropped, which is after it has completed, if it does.
struct Bomb(bool);

impl Future for Bomb {
    type Output = u32;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<u32> {
        match self.0 {
            true => Poll::Ready(1),
            false => Poll::Pending,
        }
    }
}

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("dropped");
    }
}

#[test]
fn a_destructor_that_panics_reaches_no_other_child() {
    let quiet = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let (mut group, driver) = LocalGroup::driven_local();
    let hangs = group.try_spawn(Bomb(false)).unwrap();
    let completes = group.try_spawn(Bomb(true)).unwrap();
    let works = async {
        yield_now().await;
        7
    };
    let works = group.try_spawn(works).unwrap();
    let closed = async {
        yield_now().await;
        group.cancel(hangs);
        let closed = group.close().await;
        drop(group);
        closed
    };
    let (all, ()) = block_on(zip(closed, driver));
    std::panic::set_hook(quiet);
    assert_eq!(all.len(), 3);
    for child in all {
        match child.outcome {
            Ok(value) => assert_eq!((child.id, value), (works, 7)),
            Err(failure) => {
                assert!(child.id == hangs || child.id == completes);
                assert_eq!(failure.message(), Some("dropped"));
            }
        }
    }
}

#[test]
fn places_go_to_those_who_wait_first_in_first_out_and_pass_on_when_they_leave() {
    let (group, driver) = LocalGroup::driven_local();
    let group = group.limit(1);
    let mut driver: Boxed<'_, ()> = Box::pin(driver);
    let idle = Wakes::default();
    let first = group.try_spawn(pending::<()>()).unwrap();
    let wakes: [Wakes; 3] = Default::default();
    let spawner = || -> Boxed<'_, _> { Box::pin(group.spawn(pending())) };
    let mut spawners = [spawner(), spawner(), spawner()];
    for (spawner, wakes) in spawners.iter_mut().zip(&wakes) {
        assert!(poll(spawner, wakes).is_pending());
    }
    assert!(poll(&mut driver, &idle).is_pending());
    let [one, mut two, mut three] = spawners;
    group.cancel(first);
    assert!(poll(&mut driver, &idle).is_pending());
    assert_eq!(wakes.each_ref().map(Wakes::take), [1, 0, 0]);
    // There is a place, but not for a newcomer; and the one who has it may go away.
    assert!(matches!(group.try_spawn(pending()), Err(Refused::Full(_))));
    drop(one);
    assert_eq!(wakes.each_ref().map(Wakes::take), [0, 1, 0]);
    assert!(poll(&mut three, &wakes[2]).is_pending());
    assert!(matches!(poll(&mut two, &wakes[1]), Poll::Ready(Ok(_))));
    // One who leaves the line without a place changes nothing.
    drop(three);
    assert_eq!((group.running(), wakes[2].take()), (1, 0));
}

#[test]
fn closing_waits_for_what_children_spawn_and_then_refuses() {
    corokit_lab::run(1, |lab| async move {
        let mut group = local();
        let handle = group.handle();
        fn child(
            depth: u32,
            handle: corokit_bg_utils::group::LocalHandle<'static, 'static, u32>,
        ) -> Boxed<'static, u32> {
            Box::pin(async move {
                sleep(SECOND).await;
                if depth < 5 {
                    handle.try_spawn(child(depth + 1, handle.clone())).unwrap();
                }
                depth
            })
        }
        group.spawn(child(0, handle.clone())).await.unwrap();
        let results = group.close().await;
        let depths: Vec<_> = results
            .into_iter()
            .map(|child| child.outcome.unwrap())
            .collect();
        assert_eq!(depths, [0, 1, 2, 3, 4, 5]);
        assert_eq!(lab.elapsed(), 6 * SECOND);
        assert!(matches!(
            handle.try_spawn(ready(1)),
            Err(Refused::Closed(_))
        ));
        let Err(Closed(refused)) = group.spawn(ready(7)).await else {
            panic!("it is closed");
        };
        assert_eq!(refused.await, 7);
    });
}

#[test]
fn there_is_one_deadline_for_all_however_many_they_spawn() {
    corokit_lab::run(1, |lab| async move {
        let mut group = local();
        let handle = group.handle();
        // Each lives for less than the deadline, and leaves another one behind.
        fn child(
            handle: corokit_bg_utils::group::LocalHandle<'static, 'static, ()>,
        ) -> Boxed<'static, ()> {
            Box::pin(async move {
                sleep(SECOND * 3 / 4).await;
                drop(handle.try_spawn(child(handle.clone())));
            })
        }
        group.spawn(child(handle.clone())).await.unwrap();
        let dropped = Rc::new(Cell::new(0));
        let guard = Dropped(Rc::clone(&dropped));
        let hangs = group.try_spawn(async move {
            let _guard = guard;
            pending().await
        });
        let outcomes = group.close_within(2 * SECOND).await;
        assert_eq!(lab.elapsed(), 2 * SECOND);
        assert_eq!(outcomes.finished.len(), 2);
        assert_eq!(outcomes.cancelled.len(), 2);
        assert!(outcomes.cancelled.contains(&hangs.unwrap()));
        // What was cancelled is gone by now.
        assert_eq!((dropped.get(), group.running()), (1, 0));
        assert!(group.is_closed());
    });
}

#[test]
fn no_time_at_all_is_not_for_ever() {
    corokit_lab::run(1, |lab| async move {
        let mut group = local::<()>();
        group.try_spawn(sleep(SECOND)).unwrap();
        group.try_spawn(pending()).unwrap();
        let outcomes = group.close_within(Duration::ZERO).await;
        assert_eq!((outcomes.finished.len(), outcomes.cancelled.len()), (0, 2));
        assert_eq!(lab.elapsed(), Duration::ZERO);
        // And for ever is: there is nothing to wait for.
        assert!(
            local::<()>()
                .close_within(Duration::MAX)
                .await
                .cancelled
                .is_empty()
        );
    });
}

#[test]
fn a_close_that_is_dropped_leaves_the_group_as_it_was() {
    corokit_lab::run(1, |_| async {
        let mut group = local();
        group
            .try_spawn(async {
                sleep(SECOND).await;
                1
            })
            .unwrap();
        group.try_spawn(async { 2 }).unwrap();
        sleep(SECOND / 2).await;
        assert!(poll_once(group.close()).await.is_none());
        assert!(!group.is_closed());
        group.try_spawn(async { 3 }).unwrap();
        let results = group.close().await;
        let values: Vec<_> = results
            .into_iter()
            .map(|child| child.outcome.unwrap())
            .collect();
        assert_eq!(values, [2, 3, 1]);
    });
}

#[test]
fn dropping_the_group_cancels_and_detaching_does_not() {
    corokit_lab::run(1, |_| async {
        let (dropped, done) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
        let child = || {
            let (guard, done) = (Dropped(Rc::clone(&dropped)), Rc::clone(&done));
            async move {
                let _guard = guard;
                sleep(SECOND).await;
                done.set(done.get() + 1);
            }
        };
        let group = local();
        group.try_spawn(child()).unwrap();
        yield_now().await;
        let handle = group.handle();
        drop(group);
        assert!(matches!(
            handle.try_spawn(ready(())),
            Err(Refused::Closed(_))
        ));
        sleep(2 * SECOND).await;
        assert_eq!((dropped.get(), done.get()), (1, 0));
        let group = local();
        group.try_spawn(child()).unwrap();
        group.detach_all();
        sleep(2 * SECOND).await;
        assert_eq!((dropped.get(), done.get()), (2, 1));
    });
}

#[test]
fn those_who_wait_for_a_place_hear_that_the_group_is_closed() {
    corokit_lab::run(1, |_| async {
        let group = local().limit(1);
        group.try_spawn(pending()).unwrap();
        let handle = group.handle();
        let waiting = spawn(async move { handle.spawn(ready(())).await.is_err() });
        yield_now().await;
        drop(group);
        assert!(waiting.await);
    });
}

#[test]
fn those_who_wait_for_a_place_hear_of_it_even_if_no_child_can_end() {
    let (group, _never_polled) = LocalGroup::driven_local();
    let group = group.limit(1);
    group.try_spawn(pending::<()>()).unwrap();
    let (handle, wakes) = (group.handle(), Wakes::default());
    let mut waiting: Boxed<'_, _> = Box::pin(handle.spawn(pending()));
    assert!(poll(&mut waiting, &wakes).is_pending());
    drop(group);
    assert_eq!(wakes.take(), 1);
    assert!(matches!(
        poll(&mut waiting, &wakes),
        Poll::Ready(Err(Closed(_)))
    ));
}

#[test]
fn an_id_of_a_child_that_has_ended_is_no_id_of_another_one() {
    let (mut group, driver) = LocalGroup::driven_local();
    let mut driver: Boxed<'_, ()> = Box::pin(driver);
    let wakes = Wakes::default();
    let ended = group.try_spawn(ready(1)).unwrap();
    assert!(poll(&mut driver, &wakes).is_pending());
    group.try_spawn(pending()).unwrap();
    assert!(!group.cancel(ended));
    assert!(poll(&mut driver, &wakes).is_pending());
    assert_eq!(group.running(), 1);
    assert_eq!(block_on(group.next()).unwrap().id, ended);
}

#[test]
fn results_that_nobody_will_hear_are_dropped_at_once() {
    let (group, driver) = LocalGroup::driven_local();
    let mut driver: Boxed<'_, ()> = Box::pin(driver);
    let dropped = Rc::new(Cell::new(0));
    let result = || {
        let result = Dropped(Rc::clone(&dropped));
        async move { result }
    };
    let wakes = Wakes::default();
    group.try_spawn(result()).unwrap();
    assert!(poll(&mut driver, &wakes).is_pending());
    group.try_spawn(result()).unwrap();
    let _handle = group.handle();
    group.detach_all();
    assert_eq!(dropped.get(), 1);
    assert!(poll(&mut driver, &wakes).is_pending());
    assert_eq!(dropped.get(), 2);
}

#[test]
fn after_the_deadline_nobody_is_let_in_not_even_by_those_who_are_cancelled() {
    /// Tries to leave a child behind.
    struct Stubborn(
        corokit_bg_utils::group::LocalHandle<'static, 'static, ()>,
        Rc<Cell<usize>>,
    );
    impl Drop for Stubborn {
        fn drop(&mut self) {
            if let Err(Refused::Closed(_)) = self.0.try_spawn(pending()) {
                self.1.set(self.1.get() + 1);
            }
        }
    }
    corokit_lab::run(1, |lab| async move {
        let mut group = local();
        let refused = Rc::new(Cell::new(0));
        let stubborn = Stubborn(group.handle(), Rc::clone(&refused));
        let child = async move {
            let _stubborn = stubborn;
            pending().await
        };
        group.spawn(child).await.unwrap();
        let outcomes = group.close_within(SECOND).await;
        assert_eq!((outcomes.cancelled.len(), refused.get()), (1, 1));
        assert_eq!(lab.elapsed(), SECOND);
    });
}

#[test]
fn an_executor_that_drops_a_child_is_heard_of() {
    let executor = smol::LocalExecutor::new();
    let mut group = LocalGroup::local(|child| executor.spawn(child).detach());
    let id = group.try_spawn(pending::<()>()).unwrap();
    block_on(executor.run(yield_now()));
    assert_eq!(group.running(), 1);
    // As a function may that spawns nothing, but drops.
    let mut careless = LocalGroup::local(drop);
    careless.try_spawn(ready(1)).unwrap();
    let child = block_on(careless.next()).unwrap();
    assert!(matches!(child.outcome, Err(Failure::Cancelled)));
    drop(executor.spawn(ready(())));
    group.cancel(id);
    let child = block_on(executor.run(group.next())).unwrap();
    assert!(matches!(child.outcome, Err(Failure::Cancelled)));
}

#[test]
fn a_driver_that_is_dropped_cancels_and_so_does_one_that_is_gone() {
    let (mut group, driver) = Group::driven();
    group.try_spawn(pending::<()>()).unwrap();
    let mut driver = Box::pin(driver);
    assert!(block_on(poll_once(&mut driver)).is_none());
    group.try_spawn(pending()).unwrap();
    drop(driver);
    group.try_spawn(pending()).unwrap();
    let results = block_on(group.close());
    assert_eq!(results.len(), 3);
    assert!(
        results
            .iter()
            .all(|child| matches!(child.outcome, Err(Failure::Cancelled)))
    );
}

#[test]
fn a_driver_polls_only_children_that_were_woken_and_ends_with_the_handles() {
    let polls = Cell::new(0);
    let waker = RefCell::new(None);
    let (group, driver) = LocalGroup::driven_local();
    let mut driver: Boxed<'_, ()> = Box::pin(driver);
    for number in 0..10_000 {
        let (polls, waker) = (&polls, &waker);
        let child = std::future::poll_fn(move |cx| {
            polls.set(polls.get() + 1);
            if number == 5_000 {
                waker.replace(Some(cx.waker().clone()));
            }
            Poll::<()>::Pending
        });
        group.try_spawn(child).unwrap();
    }
    let wakes = Wakes::default();
    while polls.get() < 10_000 {
        assert!(poll(&mut driver, &wakes).is_pending());
    }
    while wakes.take() > 0 {
        assert!(poll(&mut driver, &wakes).is_pending());
    }
    assert_eq!(polls.replace(0), 10_000);
    waker.take().unwrap().wake();
    assert_eq!(wakes.take(), 1);
    assert!(poll(&mut driver, &wakes).is_pending());
    assert_eq!(polls.get(), 1);
    let handle = group.handle();
    drop(group);
    while wakes.take() > 0 {
        assert!(poll(&mut driver, &wakes).is_pending());
    }
    drop(handle);
    assert_eq!(wakes.take(), 1);
    assert_eq!(poll(&mut driver, &wakes), Poll::Ready(()));
}

#[test]
fn a_group_is_a_stream() {
    let (group, driver) = Group::driven();
    for n in 0..5 {
        group.try_spawn(async move { n }).unwrap();
    }
    let sum = group
        .map(|child| child.outcome.unwrap())
        .fold(0, |sum, n| sum + n);
    assert_eq!(block_on(zip(sum, driver)).0, 10);
}

/// The program for exploration: somebody who listens, and children, of whom any may be dropped.
async fn explored(lab: Lab) {
    let group = Rc::new(RefCell::new(local::<u32>().limit(2)));
    let handle = group.borrow().handle();
    let mut spawners = Vec::new();
    for (number, name) in ["one", "two", "three", "four"].into_iter().enumerate() {
        let handle = handle.clone();
        spawners.push(spawn(lab.victim(name, async move {
            let child = async move {
                yield_now().await;
                number as u32
            };
            handle.spawn(child).await.unwrap()
        })));
    }
    let listener = {
        let group = Rc::clone(&group);
        spawn(lab.victim("listener", async move {
            let mut heard = Vec::new();
            for _ in 0..2 {
                let next = std::future::poll_fn(|cx| {
                    let mut group = group.borrow_mut();
                    std::pin::pin!(group.next()).poll(cx)
                });
                heard.extend(next.await.map(|child| child.id));
            }
            heard
        }))
    };
    let mut spawned = Vec::new();
    for spawner in spawners {
        spawned.extend(spawner.await);
    }
    let listened = listener.await;
    let was_dropped = listened.is_none();
    let mut heard = listened.unwrap_or_default();
    let rest = std::future::poll_fn(|cx| {
        let mut group = group.borrow_mut();
        std::pin::pin!(group.close()).poll(cx)
    });
    heard.extend(rest.await.into_iter().map(|child| child.id));
    heard.sort();
    spawned.sort();
    // A listener that was dropped had taken some with it, which is its own affair.
    assert!(was_dropped || heard.len() >= spawned.len());
    assert!(spawned.iter().all(|id| was_dropped || heard.contains(id)));
    assert_eq!(group.borrow().running(), 0);
}

#[test]
fn anybody_may_be_dropped_or_panic_anywhere() {
    cancel_everywhere(explored);
    panic_everywhere(explored);
}

/// Whoever closes may be dropped at any point: the next one finds all results.
#[test]
fn closing_may_be_dropped_anywhere() {
    let body = |lab: Lab| async move {
        let group = Rc::new(RefCell::new(Some(local())));
        for seconds in [1, 3, 10] {
            let child = async move {
                sleep(seconds * SECOND).await;
                seconds
            };
            let spawned = group.borrow().as_ref().unwrap().try_spawn(child);
            assert!(spawned.is_ok());
        }
        /// Puts the group back when whoever closes it is dropped.
        struct Borrowed<'g>(
            Option<LocalGroup<'static, 'static, u32>>,
            &'g RefCell<Option<LocalGroup<'static, 'static, u32>>>,
        );
        impl Drop for Borrowed<'_> {
            fn drop(&mut self) {
                self.1.replace(self.0.take());
            }
        }
        let closer = {
            let group = Rc::clone(&group);
            spawn(lab.victim("closer", async move {
                let taken = group.take();
                let mut group = Borrowed(taken, &group);
                let group = group.0.as_mut().unwrap();
                let outcomes = group.close_within(5 * SECOND).await;
                outcomes.finished.len() + outcomes.cancelled.len()
            }))
        };
        let first = closer.await;
        let mut group = group.take().unwrap();
        let second = group.close().await.len();
        assert_eq!(first.unwrap_or(0) + second, 3);
        assert_eq!(group.running(), 0);
    };
    cancel_everywhere(body);
    panic_everywhere(body);
}

#[test]
fn in_every_order_every_result_is_heard_once() {
    for strategy in [Strategy::Random, Strategy::Pct { depth: 3 }] {
        let options = Options::new().strategy(strategy).spurious_wakes(true);
        if let Err(failure) = options.try_check(300, explored) {
            panic!("{failure}");
        }
    }
}

#[test]
fn on_tokio_and_on_smol_in_threads() {
    let work = |group: Group<'static, 'static, usize>| async move {
        let mut group = group.limit(3);
        let handle = group.handle();
        for n in 0..100 {
            let inner = handle.clone();
            let child = async move {
                yield_now().await;
                if n % 10 == 0 {
                    // If there is room: all places may be taken, and others may wait for one.
                    drop(inner.try_spawn(async { 1_000 }));
                }
                n
            };
            group.spawn(child).await.unwrap();
        }
        let results = group.close().await;
        results
            .iter()
            .filter(|child| *child.outcome.as_ref().unwrap() < 100)
            .count()
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let group =
        runtime.block_on(async { work(Group::new(|child| drop(tokio::spawn(child)))).await });
    assert_eq!(group, 100);
    let executor = Arc::new(smol::Executor::new());
    let (stop, stopped) = smol::channel::bounded::<()>(1);
    let threads: Vec<_> = (0..2)
        .map(|_| {
            let (executor, stopped) = (Arc::clone(&executor), stopped.clone());
            std::thread::spawn(move || block_on(executor.run(stopped.recv())).is_err())
        })
        .collect();
    let spawner = Arc::clone(&executor);
    let group = Group::new(move |child| spawner.spawn(child).detach());
    assert_eq!(block_on(work(group)), 100);
    drop(stop);
    for thread in threads {
        assert!(thread.join().unwrap());
    }
}

#[test]
fn children_are_counted_right_when_threads_spawn_and_cancel() {
    let executor = Arc::new(smol::Executor::new());
    let ran = Arc::new(AtomicUsize::new(0));
    let spawner = Arc::clone(&executor);
    let mut group = Group::new(move |child| spawner.spawn(child).detach()).limit(4);
    let spawned = std::thread::scope(|scope| {
        let spawners: Vec<_> = (0..3)
            .map(|_| {
                let (handle, ran) = (group.handle(), &ran);
                scope.spawn(move || {
                    let mut spawned = 0;
                    for _ in 0..100 {
                        let ran = Arc::clone(ran);
                        let child = async move {
                            yield_now().await;
                            ran.fetch_add(1, Ordering::Relaxed);
                        };
                        let id = block_on(handle.spawn(child)).unwrap();
                        spawned += usize::from(id == id);
                    }
                    spawned
                })
            })
            .collect();
        let (stop, stopped) = smol::channel::bounded::<()>(1);
        let runner = &executor;
        let runner =
            scope.spawn(move || block_on(runner.run(async { stopped.recv().await.is_err() })));
        let spawned: usize = spawners
            .into_iter()
            .map(|spawner| spawner.join().unwrap())
            .sum();
        drop(stop);
        assert!(runner.join().unwrap());
        spawned
    });
    let results = block_on(executor.run(group.close()));
    assert_eq!((results.len(), spawned), (300, 300));
    assert_eq!(ran.load(Ordering::Relaxed), 300);
}
