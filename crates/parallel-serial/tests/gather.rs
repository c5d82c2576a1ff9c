//! Many futures, results in order, each polled only when it was woken.
#![cfg(not(loom))]

mod support;

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use corokit_parallel_serial::{gather, gather_settled, try_gather, try_gather_tasks};
use futures_lite::future::{self, block_on, yield_now};
use support::{Wakes, gates, poll};

#[test]
fn outputs_are_in_the_order_of_the_futures_whatever_completes_first() {
    for count in [1, 3, 30, 31, 100] {
        let (gates, waits) = gates(count);
        let mut gathered = pin!(gather(waits));
        assert!(poll(gathered.as_mut()).is_pending());
        for (index, gate) in gates.iter().enumerate().rev() {
            assert!(poll(gathered.as_mut()).is_pending());
            gate.open(index);
        }
        let Poll::Ready(outputs) = poll(gathered.as_mut()) else {
            panic!("all have completed");
        };
        assert!(outputs.into_iter().eq(0..count));
    }
}

#[test]
fn nothing_gathered_is_ready_at_once() {
    assert_eq!(block_on(gather(Vec::<future::Ready<()>>::new())), []);
    assert_eq!(block_on(gather([] as [future::Ready<()>; 0])), []);
    assert_eq!(
        block_on(try_gather(Vec::<future::Ready<Result<(), ()>>>::new())),
        Ok(vec![])
    );
    assert!(block_on(gather_settled(Vec::<future::Ready<()>>::new())).is_empty());
}

/// Also with large futures, which are kept in another way.
#[test]
fn futures_of_any_size_are_kept_where_they_are() {
    async fn large(n: usize) -> usize {
        let block = [n; 200];
        // Something that would notice a move.
        let reference = &block;
        yield_now().await;
        reference[199]
    }
    assert!(block_on(gather((0..100).map(large))).into_iter().eq(0..100));
    let mut set = corokit_parallel_serial::WaitSet::new();
    for n in 0..40 {
        set.insert(Box::pin(large(n)));
    }
    let (rest, taken) = (set.len(), set.take(7).unwrap());
    assert_eq!((rest, set.len(), block_on(taken)), (40, 39, 7));
}

#[test]
fn one_wake_polls_one_of_many() {
    let (gates, waits) = gates(100_000);
    let mut gathered = pin!(gather(waits));
    let (wakes, waker) = Wakes::new();
    let mut cx = Context::from_waker(&waker);
    assert!(gathered.as_mut().poll(&mut cx).is_pending());
    assert!(gates.iter().all(|gate| gate.polls() == 1));
    assert_eq!(wakes.take(), 0);

    gates[77_777].wake();
    assert_eq!(wakes.take(), 1);
    assert!(gathered.as_mut().poll(&mut cx).is_pending());
    let polls: usize = gates.iter().map(|gate| gate.polls()).sum();
    assert_eq!((polls, gates[77_777].polls()), (100_001, 2));

    // Several wake-ups before the caller has its turn wake the caller once.
    for index in [3, 1, 2] {
        gates[index].open(index);
    }
    assert_eq!(wakes.take(), 1);
    assert!(gathered.as_mut().poll(&mut cx).is_pending());
    let polls: usize = gates.iter().map(|gate| gate.polls()).sum();
    assert_eq!(polls, 100_004);

    // Completed ones are gone, though their results are not asked for yet.
    assert!(gates[3].is_dropped() && !gates[4].is_dropped());
}

#[test]
fn a_turn_without_a_wake_up_polls_nobody() {
    let (gates, waits) = gates::<()>(50);
    let mut gathered = pin!(gather(waits));
    for _ in 0..3 {
        assert!(poll(gathered.as_mut()).is_pending());
    }
    assert!(gates.iter().all(|gate| gate.polls() == 1));
}

#[test]
fn a_child_that_wakes_itself_lets_the_caller_go_on() {
    let polls = Cell::new(0);
    let spinners = (0..40).map(|_| {
        future::poll_fn(|cx| {
            polls.set(polls.get() + 1);
            cx.waker().wake_by_ref();
            Poll::<()>::Pending
        })
    });
    let mut gathered = pin!(gather(spinners));
    let (wakes, waker) = Wakes::new();
    let mut cx = Context::from_waker(&waker);
    for turn in 1..5 {
        assert!(gathered.as_mut().poll(&mut cx).is_pending());
        // The first turn is the first and what the first has woken.
        assert_eq!(polls.get(), 40 * (turn + 1));
        assert_eq!(wakes.take(), 1);
    }
}

/// The waker of the latest turn counts, and no earlier one.
#[test]
fn the_waker_may_change() {
    let (gates, waits) = gates(40);
    let mut gathered = pin!(gather(waits));
    let (first, one) = Wakes::new();
    let (second, other) = Wakes::new();
    assert!(
        gathered
            .as_mut()
            .poll(&mut Context::from_waker(&one))
            .is_pending()
    );
    assert!(
        gathered
            .as_mut()
            .poll(&mut Context::from_waker(&other))
            .is_pending()
    );
    gates[0].open(());
    assert_eq!((first.take(), second.take()), (0, 1));
}

/// A waker may do anything, also run the task that it is to wake.
#[test]
fn a_waker_may_run_the_caller_in_place() {
    type Slots = Vec<(Option<usize>, Option<Waker>)>;
    let slots = Arc::new(Mutex::new(Slots::from_iter((0..40).map(|_| (None, None)))));
    let children = (0..40).map(|index| {
        let slots = Arc::clone(&slots);
        future::poll_fn(move |cx| {
            let slot = &mut slots.lock().unwrap()[index];
            slot.1 = Some(cx.waker().clone());
            slot.0.map_or(Poll::Pending, Poll::Ready)
        })
    });
    let children: Vec<_> = children.collect();
    let schedule = |runnable: async_task::Runnable| {
        runnable.run();
    };
    let (runnable, task) = async_task::spawn(async { gather(children).await }, schedule);
    runnable.schedule();
    for index in 0..40 {
        slots.lock().unwrap()[index].0 = Some(index);
        let waker = slots.lock().unwrap()[index].1.take();
        waker.unwrap().wake();
    }
    assert!(task.is_finished());
    assert!(block_on(task).into_iter().eq(0..40));
}

#[test]
fn wakers_that_are_kept_do_not_keep_the_callers_task() {
    let wakers = Rc::new(Cell::new(Vec::<Waker>::new()));
    let keep = |n: usize| {
        let wakers = Rc::clone(&wakers);
        future::poll_fn(move |cx| {
            let mut kept = wakers.take();
            kept.push(cx.waker().clone());
            wakers.set(kept);
            if n < 100 {
                Poll::Pending
            } else {
                Poll::Ready(())
            }
        })
    };
    let (wakes, waker) = Wakes::new();
    let mut gathered = Box::pin(gather((0..40).map(keep)));
    assert!(
        gathered
            .as_mut()
            .poll(&mut Context::from_waker(&waker))
            .is_pending()
    );
    drop(waker);
    drop(gathered);
    let kept = wakers.take();
    assert_eq!(Arc::strong_count(&wakes), 1);
    // They do nothing any more.
    kept.into_iter().for_each(Waker::wake);
    assert_eq!(wakes.take(), 0);
}

#[test]
fn a_child_that_is_polled_again_may_recognise_its_waker() {
    let seen = Rc::new(Cell::new(Vec::<Waker>::new()));
    let child = |_: usize| {
        let seen = Rc::clone(&seen);
        future::poll_fn(move |cx| {
            let mut wakers = seen.take();
            wakers.push(cx.waker().clone());
            cx.waker().wake_by_ref();
            let same = wakers.len() > 3 && wakers[wakers.len() - 2].will_wake(cx.waker());
            seen.set(wakers);
            if same { Poll::Ready(()) } else { Poll::Pending }
        })
    };
    let mut stream = corokit_parallel_serial::as_completed([child(0)]);
    let mut first = None;
    for _ in 0..10 {
        first = first.or(block_on(future::poll_once(stream.next())));
    }
    assert_eq!(first, Some(Some((0, ()))));
    assert_eq!(seen.take().len(), 4);
}

#[test]
fn a_child_that_is_ready_at_once_or_wakes_itself_costs_no_waker() {
    let outputs = block_on(gather((0..100).map(|n| async move {
        yield_now().await;
        n
    })));
    assert!(outputs.into_iter().eq(0..100));
}

#[test]
fn an_error_drops_the_others_before_it_is_returned() {
    for count in [3, 50] {
        let (gates, waits) = gates::<Result<u32, &str>>(count);
        let mut gathered = pin!(try_gather(waits));
        assert!(poll(gathered.as_mut()).is_pending());
        gates[0].open(Ok(1));
        assert!(poll(gathered.as_mut()).is_pending());
        // The first in time counts, not the first in order.
        gates[2].open(Err("two"));
        gates[1].open(Err("one"));
        assert_eq!(poll(gathered.as_mut()), Poll::Ready(Err("two")));
        assert!(gates.iter().all(|gate| gate.is_dropped()));
    }
}

#[test]
fn an_error_of_a_task_lets_the_other_tasks_go_on() {
    let executor = async_executor::LocalExecutor::new();
    let (gates, waits) = gates::<Result<u32, &str>>(3);
    let done = Rc::new(Cell::new(0));
    let tasks: Vec<_> = waits
        .into_iter()
        .map(|wait| {
            let done = Rc::clone(&done);
            executor.spawn(async move {
                let result = wait.await;
                done.set(done.get() + 1);
                result
            })
        })
        .collect();
    let mut gathered = pin!(try_gather_tasks(tasks));
    assert!(poll(gathered.as_mut()).is_pending());
    while executor.try_tick() {}
    gates[1].open(Err("no"));
    while executor.try_tick() {}
    assert_eq!(poll(gathered.as_mut()), Poll::Ready(Err("no")));
    gates[0].open(Ok(1));
    gates[2].open(Ok(1));
    while executor.try_tick() {}
    assert_eq!(done.get(), 3);

    // The same if it panics.
    let other = {
        let done = Rc::clone(&done);
        executor.spawn(async move {
            yield_now().await;
            done.set(done.get() + 1);
            Ok(2)
        })
    };
    let bad = executor.spawn(async { panic!("no") });
    let gathered = executor.run(try_gather_tasks([other, bad]));
    let caught = catch_unwind(AssertUnwindSafe(|| block_on(gathered)));
    let caught: Result<Result<Vec<u32>, &str>, _> = caught;
    assert_eq!(*caught.unwrap_err().downcast::<&str>().unwrap(), "no");
    while executor.try_tick() {}
    assert_eq!(done.get(), 4);

    // Given up, it takes its tasks with it.
    let task = executor.spawn(future::pending::<Result<u32, &str>>());
    let mut gathered = Box::pin(try_gather_tasks([task]));
    assert!(poll(gathered.as_mut()).is_pending());
    drop(gathered);
    while executor.try_tick() {}
    assert!(executor.is_empty());
}

#[test]
fn settled_panics_are_outputs_and_the_others_go_on() {
    for count in [3, 50] {
        let settled = block_on(gather_settled((0..count).map(|n| async move {
            yield_now().await;
            assert!(n != 1, "number {n}");
            n
        })));
        assert_eq!(settled.len(), count);
        for (n, result) in settled.into_iter().enumerate() {
            match result {
                Ok(output) => assert_eq!(output, n),
                Err(panicked) => assert_eq!((n, panicked.message()), (1, "number 1")),
            }
        }
    }
}

#[test]
fn a_panic_goes_to_the_caller_and_the_others_can_go_on() {
    let (gates, waits) = gates(50);
    let mut waits = waits.into_iter();
    let mut stream = corokit_parallel_serial::as_completed((0..50).map(|n| {
        let wait = waits.next().unwrap();
        async move {
            wait.await;
            assert!(n != 20);
            n
        }
    }));
    assert!(block_on(future::poll_once(stream.next())).is_none());
    for gate in &gates[19..22] {
        gate.open(());
    }
    assert_eq!(block_on(stream.next()), Some((19, 19)));
    assert!(catch_unwind(AssertUnwindSafe(|| block_on(stream.next()))).is_err());
    assert_eq!(block_on(stream.next()), Some((21, 21)));
    // The one that has panicked is not waited for.
    assert_eq!(stream.len(), 47);
    for gate in gates.iter().filter(|gate| !gate.is_dropped()) {
        gate.open(());
    }
    let rest = std::iter::from_fn(|| block_on(future::poll_once(stream.next())).unwrap());
    assert_eq!(rest.count(), 47);
}

/// Whatever holds the futures, a panic takes the one and leaves the others, and nothing waits for ever.
#[test]
fn what_has_panicked_is_gone() {
    for count in [3, 50] {
        let alive = Rc::new(());
        let children = || {
            (0..count).map(|n| {
                let token = Rc::clone(&alive);
                future::poll_fn(move |_| {
                    assert!(n != 1, "number {n}");
                    let _token = &token;
                    Poll::Ready(n)
                })
            })
        };
        let mut set = corokit_parallel_serial::WaitSet::from_iter(children());
        let all = corokit_parallel_serial::ReturnWhen::AllCompleted;
        let caught = catch_unwind(AssertUnwindSafe(|| block_on(set.wait(all))));
        assert!(caught.is_err());
        assert_eq!(
            (set.len(), Rc::strong_count(&alive)),
            (count - 2, count - 1)
        );
        let waited = block_on(future::poll_once(set.wait(all))).unwrap();
        assert!(
            waited
                .done
                .into_iter()
                .map(|(n, _)| n)
                .eq((0..count).filter(|n| *n != 1))
        );

        // One that has lost an output can never be complete, and says so.
        let mut gathered = gather(children());
        for _ in 0..2 {
            let polled = catch_unwind(AssertUnwindSafe(|| poll(Pin::new(&mut gathered))));
            assert!(polled.is_err());
        }
    }
}

#[test]
fn tuples_have_outputs_of_different_types() {
    let nine = block_on(gather((
        async { 1_u8 },
        async { "two" },
        async { '3' },
        async { 4.0 },
        async { Some(5) },
        async { [6] },
        async { vec![7] },
        async {},
        async { (8, 9) },
    )));
    assert_eq!(
        nine,
        (1, "two", '3', 4.0, Some(5), [6], vec![7], (), (8, 9))
    );
    let tried = try_gather((async { Ok::<_, String>(1) }, async { Ok("two") }));
    assert_eq!(block_on(tried), Ok((1, "two")));
}

/// Whenever it is dropped, each child is dropped once, and so is each output.
#[test]
fn dropped_at_every_poll() {
    struct Output(Rc<Cell<usize>>);
    impl Drop for Output {
        fn drop(&mut self) {
            self.0.set(self.0.get() + 1);
        }
    }
    for count in [4, 40] {
        for polls in 0..count + 2 {
            let outputs = Rc::new(Cell::new(0));
            let (gates, waits) = gates::<Output>(count);
            let mut gathered = Box::pin(gather(waits));
            for gate in gates.iter().take(polls) {
                let _ = poll(gathered.as_mut());
                gate.open(Output(Rc::clone(&outputs)));
            }
            let complete = poll(gathered.as_mut()).is_ready();
            assert_eq!(complete, polls >= count);
            drop(gathered);
            assert!(gates.iter().all(|gate| gate.is_dropped()));
            assert_eq!(outputs.get(), polls.min(count));
        }
    }
}

#[test]
#[should_panic(expected = "polled after completion")]
fn polling_after_completion_panics() {
    let mut gathered = gather([future::ready(1)].into_iter());
    assert!(poll(Pin::new(&mut gathered)).is_ready());
    let _ = poll(Pin::new(&mut gathered));
}

/// The same on the executors of smol, tokio and corokit.
#[test]
fn it_runs_on_every_executor() {
    async fn check() {
        let sum = gather((0..100_u32).map(|n| async move {
            for _ in 0..n % 3 {
                yield_now().await;
            }
            n
        }));
        assert_eq!(sum.await.iter().sum::<u32>(), 4950);
    }
    smol::block_on(smol::spawn(check()));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async { tokio::spawn(check()).await.unwrap() });
    corokit_sched_loop::run(async { corokit_sched_loop::spawn(check()).await });
}
