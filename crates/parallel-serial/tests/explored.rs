//! Among tasks, in many orders, with wake-ups without a reason, and dropped anywhere.
#![cfg(all(not(loom), feature = "plan", feature = "time"))]

use std::cell::{Cell, RefCell};
use std::future::{Future, pending};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use corokit_lab::{Lab, Options, Strategy, cancel_everywhere, exhaustive, panic_everywhere};
use corokit_parallel_serial::{
    OneOf2, Parallel, ReturnWhen, Serial, WaitSet, as_completed, gather, gather_settled, race,
    race_ok, scope, select, select_slice, shield, task, timeout, timeout_task, try_gather,
    try_gather_tasks,
};
use corokit_sched_loop::{sleep, spawn};
use futures_lite::future::yield_now;

const SECOND: Duration = Duration::from_secs(1);

/// Tasks that wake children of one another's sets, by channels.
async fn everything() {
    let (senders, receivers): (Vec<_>, Vec<_>) = (0..40).map(|_| async_channel::bounded(1)).unzip();
    let sending = spawn(async move {
        for (n, sender) in senders.iter().enumerate().rev() {
            sender.send(n).await.unwrap();
            if n % 3 == 0 {
                yield_now().await;
            }
        }
        gather(senders.iter().map(|sender| sender.send(0))).await;
    });
    let take = |receiver: &async_channel::Receiver<usize>| {
        let receiver = receiver.clone();
        async move { receiver.recv().await.unwrap() }
    };
    let firsts = gather(receivers.iter().map(take)).await;
    assert!(firsts.into_iter().eq(0..40));
    let mut seen = 0;
    let mut seconds = as_completed(receivers.iter().map(take));
    while let Some((_, second)) = seconds.next().await {
        assert_eq!(second, 0);
        seen += 1;
    }
    assert_eq!(seen, 40);
    sending.await;
}

#[test]
fn in_every_order_nothing_is_lost() {
    for strategy in [Strategy::Random, Strategy::Pct { depth: 3 }] {
        let options = Options::new().strategy(strategy).spurious_wakes(true);
        if let Err(failure) = options.try_check(200, |_| everything()) {
            panic!("{failure}");
        }
    }
}

#[test]
fn scopes_and_sets_may_be_dropped_or_panic_anywhere() {
    let body = |lab: Lab| async move {
        let alive = Rc::new(());
        let log = Rc::new(RefCell::new(0));
        let (token, note) = (Rc::clone(&alive), Rc::clone(&log));
        let victim = async move {
            let sum = Cell::new(0);
            scope(|s| {
                let (sum, token) = (&sum, &token);
                async move {
                    for n in 0..3 {
                        let (token, inner) = (Rc::clone(token), s.clone());
                        s.spawn(async move {
                            yield_now().await;
                            inner.spawn(async move {
                                let _token = token;
                                yield_now().await;
                                sum.set(sum.get() + n);
                            });
                        });
                    }
                    s.join().await;
                }
            })
            .await;
            let mut set = WaitSet::from_iter((0..3).map(|_| {
                let token = Rc::clone(&token);
                async move {
                    let _token = token;
                    yield_now().await;
                    Ok::<(), ()>(())
                }
            }));
            set.wait(ReturnWhen::FirstCompleted).await;
            let _ = try_gather(
                [set.wait(ReturnWhen::AllCompleted)].map(async |w| Ok::<_, ()>(w.await)),
            )
            .await;
            *note.borrow_mut() = sum.get();
        };
        let outcome = lab.victim("victim", victim).await;
        assert_eq!(outcome.is_some(), *log.borrow() == 3);
        assert_eq!(Rc::strong_count(&alive), 1);
    };
    assert!(cancel_everywhere(body).schedules() > 2);
    panic_everywhere(body);
}

/// A task that ends after so many turns.
fn after(turns: usize) -> corokit_sched_loop::Task<Result<usize, usize>> {
    spawn(async move {
        for _ in 0..turns {
            yield_now().await;
        }
        if turns % 2 == 0 {
            Ok(turns)
        } else {
            Err(turns)
        }
    })
}

/// Whichever is first, it is one of those that were there, and the others go on or are gone.
#[test]
fn in_every_order_the_first_is_one_of_them() {
    let explored = exhaustive(3, |_| async {
        let won = race([after(0), after(1)]).await;
        assert!([Ok(0), Err(1)].contains(&won));
        assert!(race_ok([after(1), after(0)]).await == Ok(0));
        let mut tasks = [after(1), after(0)];
        match select_slice(&mut tasks).await {
            (0, first) => assert_eq!((first, (&mut tasks[1]).await), (Err(1), Ok(0))),
            (_, first) => assert_eq!((first, (&mut tasks[0]).await), (Ok(0), Err(1))),
        }
        let (mut one, mut two) = (after(0), after(1));
        match select((&mut one, &mut two)).await {
            OneOf2::A(first) => assert_eq!((first, two.await), (Ok(0), Err(1))),
            OneOf2::B(first) => assert_eq!((first, one.await), (Err(1), Ok(0))),
        }
    });
    assert!(explored.schedules() > 10);
}

#[test]
fn in_every_order_a_set_hands_over_each_output_once() {
    let explored = exhaustive(2_000, |_| async {
        let mut set = WaitSet::from_iter([after(0), after(1), after(2)]);
        let mut seen = Vec::new();
        let waited = set.wait(ReturnWhen::first_exception()).await;
        assert!(waited.done.iter().any(|(_, output)| output.is_err()) && !waited.timed_out);
        seen.extend(waited.done);
        seen.extend(set.wait(ReturnWhen::FirstCompleted).await.done);
        seen.extend(set.wait(ReturnWhen::AllCompleted).await.done);
        seen.sort_unstable();
        assert_eq!(seen, [(0, Ok(0)), (1, Err(1)), (2, Ok(2))]);
    });
    assert!(explored.schedules() > 10);
}

/// What ends by itself and by its time at the same moment has one end, in every order.
#[test]
fn in_every_order_a_timeout_has_one_outcome() {
    let options = Options::new().spurious_wakes(true);
    let explored = options.try_check(300, |lab: Lab| async move {
        let done = Rc::new(Cell::new(0));
        let work = |seconds: u32| {
            let done = Rc::clone(&done);
            async move {
                sleep(SECOND * seconds).await;
                done.set(done.get() + 1);
            }
        };
        let in_time = timeout_task(SECOND, spawn(work(1))).await.is_ok();
        assert_eq!((done.take(), lab.elapsed()), (usize::from(in_time), SECOND));
        // What is shielded goes on, whoever waits for how long.
        let outer = timeout(SECOND, timeout(SECOND * 2, shield(spawn(work(3)))));
        assert!(outer.await.is_err());
        assert_eq!(lab.elapsed(), SECOND * 2);
        let inner = timeout(SECOND * 2, timeout(SECOND, shield(spawn(work(3)))));
        assert!(inner.await.unwrap().is_err());
        assert_eq!((done.get(), lab.elapsed()), (0, SECOND * 3));
        sleep(SECOND * 3).await;
        assert_eq!(done.get(), 2);
    });
    explored.unwrap();
}

/// Dropped or panicking at any poll, nobody is left who was to go, and who was to stay is there.
#[test]
fn what_gathers_tasks_may_be_dropped_or_panic_anywhere() {
    let body = |lab: Lab| async move {
        let alive = Rc::new(());
        let ended = Rc::new(Cell::new(0));
        let work = {
            let (alive, ended) = (Rc::clone(&alive), Rc::clone(&ended));
            move |turns: usize| {
                let (alive, ended) = (Rc::clone(&alive), Rc::clone(&ended));
                async move {
                    let _alive = alive;
                    for _ in 0..turns {
                        yield_now().await;
                    }
                    ended.set(ended.get() + 1);
                    if turns == 1 { Err(turns) } else { Ok(turns) }
                }
            }
        };
        let kept = spawn(work(5));
        let victim = async move {
            // The second one fails, and the first one goes on.
            let tasks = [3, 1].map(|turns| spawn(work(turns)));
            assert_eq!(try_gather_tasks(tasks).await, Err(1));
            let settled = gather_settled((work(1), async { yield_now().await })).await;
            assert!(settled.0.unwrap().is_err() && settled.1.is_ok());
            let tried = try_gather((work(2), work(1))).await;
            assert_eq!(tried, Err(1));
            let _ = timeout_task(SECOND, spawn(work(2))).await.unwrap();
            let in_time = timeout_task(SECOND, spawn(pending::<()>())).await;
            assert!(in_time.is_err());
            let mut set = WaitSet::from_iter([work(1), work(2)]);
            let all = set.wait(ReturnWhen::AllCompleted).timeout(SECOND);
            assert_eq!(all.await.done.len(), 2);
            let _ = shield(kept).await;
        };
        lab.victim("victim", victim).await;
        // Whatever became of it, those that were let go end.
        sleep(SECOND).await;
        assert_eq!(Rc::strong_count(&alive), 1);
        assert!(ended.get() <= 9);
    };
    assert!(cancel_everywhere(body).schedules() > 10);
    panic_everywhere(body);
}

/// A plan of async jobs, run inside of its caller and on an executor.
fn plan(token: &Arc<()>, spawned: bool) -> Parallel<usize> {
    let job = |token: &Arc<()>| {
        let token = Arc::clone(token);
        move |turns: usize| {
            let token = Arc::clone(&token);
            async move {
                let _token = token;
                for _ in 0..turns {
                    yield_now().await;
                }
                turns
            }
        }
    };
    let plan = Parallel::new()
        .each([3, 1, 2, 0], job(token))
        .plan(Serial::new().each([1, 2], job(token)))
        .limit(3);
    match spawned {
        true => plan.spawn_on(spawn),
        false => plan,
    }
}

#[test]
fn plans_may_be_dropped_or_panic_anywhere() {
    for spawned in [false, true] {
        let body = move |lab: Lab| async move {
            let token = Arc::new(());
            let plan = plan(&token, spawned);
            let outcome = lab.victim("run", async move { plan.run().await }).await;
            if let Some(results) = outcome {
                assert_eq!(results, [3, 1, 2, 0, 1, 2]);
            }
            // The executor has dropped what was cancelled.
            sleep(SECOND).await;
            assert_eq!(Arc::strong_count(&token), 1);
        };
        assert!(cancel_everywhere(body).schedules() > 2);
        panic_everywhere(body);
    }
}

#[test]
fn tuples_of_jobs_may_be_dropped_or_panic_anywhere() {
    let body = |lab: Lab| async move {
        let token = Arc::new(());
        let job = |turns: usize, result: Result<usize, &'static str>| {
            let token = Arc::clone(&token);
            task(move || {
                let token = Arc::clone(&token);
                async move {
                    let _token = token;
                    for _ in 0..turns {
                        yield_now().await;
                    }
                    result
                }
            })
        };
        let at_once = Parallel::of((job(3, Ok(3)), job(1, Err("no")), job(2, Ok(2))));
        let in_turn = Serial::of((job(1, Ok(1)), job(2, Ok(2))));
        let outcome = lab.victim("run", async move {
            let first = at_once.try_run().await;
            let second = in_turn.try_run().await;
            let (three, no, two) = at_once.run_settled().await;
            let all = in_turn.run().await;
            (first, second, [three, no, two].map(Result::unwrap), all)
        });
        if let Some((first, second, settled, all)) = outcome.await {
            assert_eq!((first, second), (Err("no"), Ok((1, 2))));
            assert_eq!(settled, [Ok(3), Err("no"), Ok(2)]);
            assert_eq!(all, (Ok(1), Ok(2)));
        }
        assert_eq!(Arc::strong_count(&token), 1);
    };
    assert!(cancel_everywhere(body).schedules() > 6);
    panic_everywhere(body);
}

#[test]
fn in_every_order_a_plan_gives_its_results_in_its_own() {
    for spawned in [false, true] {
        let options = Options::new()
            .strategy(Strategy::Random)
            .spurious_wakes(true);
        let explored = options.try_check(200, move |_| async move {
            let token = Arc::new(());
            let plan = plan(&token, spawned);
            let runs = gather((plan.run(), plan.run_settled())).await;
            assert_eq!(runs.0, [3, 1, 2, 0, 1, 2]);
            assert!(runs.1.into_iter().map(Result::unwrap).eq(runs.0));
        });
        explored.unwrap();
    }
}

/// A panic of a child, caught between two turns, takes nobody with it.
#[test]
fn in_every_order_the_others_survive_a_panic() {
    let options = Options::new()
        .strategy(Strategy::Random)
        .spurious_wakes(true);
    let explored = options.try_check(200, |_| async {
        let children = (0..5).map(|n| {
            let task = after(n);
            async move {
                let output = task.await;
                if n == 2 {
                    // Without the hook, which the lab listens to.
                    std::panic::resume_unwind(Box::new("number 2"));
                }
                output
            }
        });
        let mut stream = as_completed(children);
        let mut seen = Vec::new();
        let mut panics = 0;
        loop {
            let mut next = Box::pin(stream.next());
            let caught = std::future::poll_fn(|cx| {
                match catch_unwind(AssertUnwindSafe(|| next.as_mut().poll(cx))) {
                    Ok(polled) => polled.map(Ok),
                    Err(_) => std::task::Poll::Ready(Err(())),
                }
            });
            match caught.await {
                Ok(Some((number, _))) => seen.push(number),
                Ok(None) => break,
                Err(()) => panics += 1,
            }
        }
        seen.sort_unstable();
        assert_eq!((seen, panics), (vec![0, 1, 3, 4], 1));
    });
    explored.unwrap();
}
