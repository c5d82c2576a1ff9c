//! One at a time between two awaits, on whatever thread.
#![cfg(all(feature = "domain", not(loom)))]

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Instant;

use corokit_sync_bridge::Domain;
use futures_lite::future::{block_on, yield_now, zip};
use proptest::prelude::*;

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

fn poll<F: Future + ?Sized>(future: Pin<&mut F>, wakes: &Arc<Wakes>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(&Waker::from(Arc::clone(wakes))))
}

/// Waits until so many wait for the turn.
fn until_waiting(domain: &Domain, count: usize) {
    while domain.waiting() < count {
        thread::yield_now();
    }
}

#[test]
fn a_hundred_tasks_on_four_threads_and_two_threads_beside_them_count_exactly() {
    const ROUNDS: u64 = 50;
    let domain = Domain::new();
    let count = Arc::new(domain.cell(0_u64));
    let executor = async_executor::Executor::new();
    let tasks: Vec<_> = (0..100)
        .map(|_| {
            let cell = Arc::clone(&count);
            executor.spawn(domain.wrap(async move {
                for _ in 0..ROUNDS {
                    // No await between reading and writing.
                    let before = cell.with(|count| *count);
                    thread::yield_now();
                    cell.with(|count| *count = before + 1);
                    yield_now().await;
                }
            }))
        })
        .collect();
    let (stop, stopped) = async_channel::bounded::<()>(1);
    thread::scope(|scope| {
        for _ in 0..4 {
            let (executor, stopped) = (&executor, stopped.clone());
            scope.spawn(move || block_on(executor.run(stopped.recv())));
        }
        let by_hand = [(); 2].map(|()| {
            scope.spawn(|| {
                domain.turn_blocking(|turn| {
                    for _ in 0..ROUNDS {
                        let before = count.with(|count| *count);
                        thread::yield_now();
                        count.with(|count| *count = before + 1);
                        turn.yield_now();
                    }
                });
            })
        });
        for task in tasks {
            block_on(task);
        }
        for thread in by_hand {
            thread.join().unwrap();
        }
        drop(stop);
    });
    assert_eq!(
        domain.turn_blocking(|_| count.with(|count| *count)),
        102 * ROUNDS
    );
    assert_eq!(domain.waiting(), 0);
}

#[test]
fn members_run_on_any_executor() {
    let domain = Domain::new();
    let log = Arc::new(domain.cell(Vec::new()));
    let member = |name: &'static str| {
        let (log, seen) = (Arc::clone(&log), domain.clone());
        domain.wrap(async move {
            for step in 0..2 {
                log.with(|log| log.push((name, step)));
                assert!(seen.has_turn());
                yield_now().await;
            }
        })
    };
    block_on(zip(member("a"), member("b")));
    smol::block_on(member("smol"));
    let tokio = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    tokio.block_on(member("tokio"));
    corokit_sched_loop::run(member("corokit"));
    let log = Arc::into_inner(log).map(corokit_sync_bridge::DomainCell::into_inner);
    let names: Vec<_> = log.unwrap().iter().map(|(name, _)| *name).collect();
    assert_eq!(
        names,
        [
            "a", "b", "a", "b", "smol", "smol", "tokio", "tokio", "corokit", "corokit"
        ]
    );
}

#[test]
fn a_member_that_has_to_wait_does_not_block_its_thread_and_is_woken() {
    let domain = Domain::new();
    let wakes = Arc::new(Wakes::default());
    let ran = RefCell::new(false);
    let mut member = pin!(domain.wrap(async { *ran.borrow_mut() = true }));
    let (release, blocked) = mpsc::channel::<()>();
    let (begun, begins) = mpsc::channel();
    let domain = &domain;
    thread::scope(|scope| {
        let holder = scope.spawn(move || {
            domain.turn_blocking(|_| {
                begun.send(()).unwrap();
                let _ = blocked.recv();
            });
        });
        begins.recv().unwrap();
        assert!(poll(member.as_mut(), &wakes).is_pending());
        assert!(poll(member.as_mut(), &wakes).is_pending());
        assert_eq!(
            (domain.waiting(), wakes.count(), *ran.borrow()),
            (1, 0, false)
        );
        drop(release);
        holder.join().unwrap();
    });
    assert_eq!(wakes.count(), 1);
    // It has been granted the turn: nobody comes before it.
    assert!(domain.try_turn(|_| ()).is_err());
    assert!(poll(member, &wakes).is_ready());
    assert!(domain.try_turn(|_| ()).is_ok());
}

/// Polls members while another thread has the turn, so that they wait in this order.
fn line_up<F: Future>(domain: &Domain, members: &mut [Pin<&mut F>], wakes: &[Arc<Wakes>]) {
    thread::scope(|scope| {
        let (release, blocked) = mpsc::channel::<()>();
        let (begun, begins) = mpsc::channel();
        let holder = scope.spawn(move || {
            domain.turn_blocking(|_| {
                begun.send(()).unwrap();
                let _ = blocked.recv();
            });
        });
        begins.recv().unwrap();
        for (member, wakes) in members.iter_mut().zip(wakes) {
            assert!(poll(member.as_mut(), wakes).is_pending());
        }
        drop(release);
        holder.join().unwrap();
    });
}

#[test]
fn turns_are_handed_on_first_come_first_served() {
    let domain = Domain::new();
    let wakes = [(); 3].map(|()| Arc::new(Wakes::default()));
    let counts = || wakes.each_ref().map(|wakes| wakes.count());
    let [a, b, c] = [(); 3].map(|()| domain.wrap(yield_now()));
    let mut members = [pin!(a), pin!(b), pin!(c)];
    line_up(&domain, &mut members, &wakes);
    assert_eq!(counts(), [1, 0, 0]);
    // Out of turn: nothing.
    assert!(poll(members[1].as_mut(), &wakes[1]).is_pending());
    assert!(poll(members[2].as_mut(), &wakes[2]).is_pending());
    // Its own wake-up by the yield, and that of the next in line.
    assert!(poll(members[0].as_mut(), &wakes[0]).is_pending());
    assert_eq!(counts(), [2, 1, 0]);
    // The first one is behind the others now.
    assert!(poll(members[0].as_mut(), &wakes[0]).is_pending());
    assert!(poll(members[1].as_mut(), &wakes[1]).is_pending());
    assert_eq!(counts(), [2, 2, 1]);
    assert!(poll(members[2].as_mut(), &wakes[2]).is_pending());
    assert_eq!(counts(), [3, 2, 2]);
    assert!(poll(members[0].as_mut(), &wakes[0]).is_ready());
}

#[test]
fn a_member_dropped_when_granted_or_waiting_blocks_nobody() {
    let domain = Domain::new();
    let wakes = [(); 3].map(|()| Arc::new(Wakes::default()));
    let mut members = [(); 3].map(|()| Box::pin(domain.wrap(async {})));
    {
        let [a, b, c] = &mut members;
        line_up(&domain, &mut [a.as_mut(), b.as_mut(), c.as_mut()], &wakes);
    }
    let [granted, waiting, last] = members;
    drop(waiting);
    assert_eq!((wakes[0].count(), wakes[2].count()), (1, 0));
    drop(granted);
    assert_eq!((wakes[1].count(), wakes[2].count()), (0, 1));
    drop(last);
    assert!(domain.try_turn(|_| ()).is_ok());
    assert_eq!(domain.waiting(), 0);
}

#[test]
fn a_pause_lets_others_run() {
    let domain = Domain::new();
    let (sender, receiver) = mpsc::channel();
    let other = domain.clone();
    let order = domain.cell(Vec::new());
    thread::scope(|scope| {
        domain.turn_blocking(|turn| {
            order.with(|order| order.push("before"));
            scope.spawn(|| {
                other.turn_blocking(|_| order.with(|order| order.push("other")));
                sender.send(()).unwrap();
            });
            turn.pause(|| {
                assert!(!domain.has_turn());
                receiver.recv().unwrap();
            });
            assert!(domain.has_turn());
            order.with(|order| order.push("after"));
        });
    });
    assert_eq!(order.into_inner(), ["before", "other", "after"]);
}

#[test]
fn a_yield_lets_those_before_it_go_first() {
    let domain = Domain::new();
    let order = domain.cell(Vec::new());
    thread::scope(|scope| {
        domain.turn_blocking(|turn| {
            for number in 0..3 {
                let (domain, order) = (&domain, &order);
                scope.spawn(move || {
                    domain.turn_blocking(|_| order.with(|order| order.push(number)));
                });
                until_waiting(domain, number + 1);
            }
            turn.yield_now();
            order.with(|order| order.push(3));
        });
    });
    assert_eq!(order.into_inner(), [0, 1, 2, 3]);
}

#[test]
fn the_turn_is_given_back_by_a_panic() {
    let domain = Domain::new();
    let member = domain.wrap(async { panic!("a member") });
    assert!(catch_unwind(AssertUnwindSafe(|| block_on(member))).is_err());
    let step = || domain.turn_blocking(|_| panic!("a step"));
    assert!(catch_unwind(AssertUnwindSafe(step)).is_err());
    let pause = || domain.turn_blocking(|turn| turn.pause(|| panic!("a pause")));
    assert!(catch_unwind(AssertUnwindSafe(pause)).is_err());
    assert!(!domain.has_turn());
    assert!(domain.try_turn(|_| ()).is_ok());

    let cell = domain.cell(1);
    let look = || domain.turn_blocking(|_| cell.with(|_| panic!("a look")));
    assert!(catch_unwind(AssertUnwindSafe(look)).is_err());
    assert_eq!(domain.turn_blocking(|_| cell.with(|value| *value)), 1);
}

#[test]
fn a_member_inside_of_a_step_is_a_part_of_it() {
    let domain = Domain::new();
    let inner = domain.wrap(async {
        yield_now().await;
        1
    });
    let has = domain.clone();
    let outer = domain.wrap(async move {
        let value = inner.await;
        assert!(has.has_turn());
        value
    });
    assert_eq!(block_on(outer), 1);
    let nested = domain.turn_blocking(|_| block_on(domain.wrap(async { 2 })));
    assert_eq!(nested, 2);
    assert!(domain.try_turn(|_| ()).is_ok());
}

#[test]
fn a_thread_that_waits_for_itself_is_told() {
    let domain = Domain::new();
    domain.turn_blocking(|_| {
        let again = catch_unwind(AssertUnwindSafe(|| domain.turn_blocking(|_| ())));
        assert!(again.is_err());
        assert!(domain.try_turn(|_| ()).is_err());
    });
    let inside = block_on(domain.wrap(async {
        catch_unwind(AssertUnwindSafe(|| {
            domain.turn_deadline(Instant::now(), |_| ()).is_ok()
        }))
    }));
    assert!(inside.is_err());
    domain.turn_blocking(|turn| {
        let twice = || turn.pause(|| turn.pause(|| ()));
        assert!(catch_unwind(AssertUnwindSafe(twice)).is_err());
    });
    assert!(domain.try_turn(|_| ()).is_ok());
}

#[test]
fn a_deadline_gives_the_step_back_and_leaves_the_line() {
    let domain = Domain::new();
    thread::scope(|scope| {
        domain.turn_blocking(|_| {
            let step = scope.spawn(|| domain.turn_deadline(Instant::now(), |_| 1));
            assert!(step.join().unwrap().is_err());
            assert_eq!(domain.waiting(), 0);
        });
    });
    assert_eq!(domain.turn_deadline(Instant::now(), |_| 1).ok(), Some(1));
}

#[test]
fn cells_are_reached_only_with_the_turn_of_their_domain() {
    let (domain, other) = (Domain::new(), Domain::new());
    let cell = domain.cell(1);
    let look = || cell.with(|value| *value);
    assert!(catch_unwind(AssertUnwindSafe(look)).is_err());
    other.turn_blocking(|_| assert!(catch_unwind(AssertUnwindSafe(look)).is_err()));
    domain.turn_blocking(|turn| {
        assert_eq!(look(), 1);
        let paused = turn.pause(|| catch_unwind(AssertUnwindSafe(look)));
        assert!(paused.is_err());
        let inside = cell.with(|_| catch_unwind(AssertUnwindSafe(look)));
        assert!(inside.is_err());
        // The turns of two domains do not mix.
        other.turn_blocking(|_| assert_eq!(look(), 1));
    });
}

#[test]
fn a_member_may_stay_on_its_thread() {
    let domain = Domain::new();
    let local = Rc::new(1);
    let kept = Rc::clone(&local);
    assert_eq!(block_on(domain.wrap(async move { *kept })), 1);
    assert_eq!(Rc::strong_count(&local), 1);
    fn is_send<T: Send>(_: &T) {}
    is_send(&domain.wrap(async {}));
    is_send(&domain.cell(std::cell::Cell::new(1)));
}

/// What the members of a random program do next.
#[derive(Clone, Debug)]
enum Op {
    Poll(usize),
    Drop(usize),
}

/// A case takes long here: a quarter of what other tests are asked for, by `PROPTEST_CASES` or by default.
fn some_cases() -> ProptestConfig {
    ProptestConfig::with_cases(ProptestConfig::default().cases.div_ceil(4))
}

proptest! {
    #![proptest_config(some_cases())]

    /// Whoever is polled and dropped, whenever: who waits is served in order, and in the end the
    /// turn is free. Members take two steps, with a yield between.
    #[test]
    fn turns_go_as_in_a_queue(
        ops in prop::collection::vec(
            prop_oneof![4 => (0..5_usize).prop_map(Op::Poll), 1 => (0..5_usize).prop_map(Op::Drop)],
            0..60,
        ),
        held in any::<bool>(),
    ) {
        let domain = Domain::new();
        let wakes: Vec<_> = (0..5).map(|_| Arc::new(Wakes::default())).collect();
        let steps: Vec<_> = (0..5).map(|_| Rc::new(AtomicUsize::new(0))).collect();
        let mut members: Vec<_> = steps
            .iter()
            .map(|steps| {
                let steps = Rc::clone(steps);
                Some(Box::pin(domain.wrap(async move {
                    loop {
                        steps.fetch_add(1, Ordering::SeqCst);
                        yield_now().await;
                    }
                })))
            })
            .collect();
        if held {
            let mut all: Vec<_> = members.iter_mut().flatten().map(|m| m.as_mut()).collect();
            let mut all: Vec<Pin<&mut _>> = all.iter_mut().map(|m| m.as_mut()).collect();
            line_up(&domain, &mut all, &wakes);
        }
        // The model: a queue, whose head has the turn granted.
        let mut queue: Vec<usize> = if held { (0..5).collect() } else { vec![] };
        for op in ops {
            match op {
                Op::Poll(who) => {
                    let Some(member) = &mut members[who] else { continue };
                    let before = steps[who].load(Ordering::SeqCst);
                    let _: Poll<()> = poll(member.as_mut(), &wakes[who]);
                    let ran = steps[who].load(Ordering::SeqCst) > before;
                    let may = queue.first().is_none_or(|first| *first == who);
                    prop_assert_eq!(ran, may);
                    match may {
                        true => queue.retain(|waits| *waits != who),
                        false if !queue.contains(&who) => queue.push(who),
                        false => {}
                    }
                }
                Op::Drop(who) => {
                    members[who] = None;
                    queue.retain(|waits| *waits != who);
                }
            }
            prop_assert_eq!(domain.waiting(), queue.len().saturating_sub(1));
            prop_assert_eq!(domain.try_turn(|_| ()).is_ok(), queue.is_empty());
        }
        drop(members);
        prop_assert!(domain.try_turn(|_| ()).is_ok());
    }
}

#[test]
fn a_stray_poll_out_of_turn_replaces_the_waker() {
    let domain = Domain::new();
    let wakes = [(); 2].map(|()| Arc::new(Wakes::default()));
    let mut member = pin!(domain.wrap(poll_fn(|_| Poll::Ready(()))));
    let (release, blocked) = mpsc::channel::<()>();
    let (begun, begins) = mpsc::channel();
    let other = domain.clone();
    let holder = thread::spawn(move || {
        other.turn_blocking(|_| {
            begun.send(()).unwrap();
            let _ = blocked.recv();
        });
    });
    begins.recv().unwrap();
    for wakes in &wakes {
        assert!(poll(member.as_mut(), wakes).is_pending());
    }
    drop(release);
    holder.join().unwrap();
    assert_eq!(wakes.each_ref().map(|wakes| wakes.count()), [0, 1]);
    assert!(poll(member, &wakes[1]).is_ready());
}
