//! Iterators that block as streams, and streams as iterators.
#![cfg(all(feature = "iter", not(loom)))]

use std::cell::Cell;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::pin::pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::task::{Context, Wake, Waker};
use std::thread::{self, ThreadId};
use std::time::Duration;

use corokit_core::time::sleep;
use corokit_sync_bridge::{Pool, PoolStats, UnblockIter, block_iter, unblock_iter};
use futures_lite::future::{block_on, poll_once, yield_now};
use futures_lite::{Stream, StreamExt, stream};
use proptest::prelude::*;

/// Tells on which thread it is dropped.
struct Tells(Sender<ThreadId>);

impl Drop for Tells {
    fn drop(&mut self) {
        let _ = self.0.send(thread::current().id());
    }
}

/// Counts what it has made, and makes an item only with leave.
struct Gated {
    next: u32,
    made: Arc<AtomicUsize>,
    begins: Sender<()>,
    leave: Receiver<()>,
    _tells: Tells,
}

impl Iterator for Gated {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        let _ = self.begins.send(());
        let _ = self.leave.recv();
        self.made.fetch_add(1, Ordering::SeqCst);
        self.next += 1;
        Some(self.next)
    }
}

struct Gate {
    made: Arc<AtomicUsize>,
    begun: Receiver<()>,
    leave: Sender<()>,
    dropped: Receiver<ThreadId>,
}

fn gated() -> (Gated, Gate) {
    let made = Arc::new(AtomicUsize::new(0));
    let ((leave, gate), (tells, dropped)) = (mpsc::channel(), mpsc::channel());
    let (begins, begun) = mpsc::channel();
    let iterator = Gated {
        next: 0,
        made: Arc::clone(&made),
        begins,
        leave: gate,
        _tells: Tells(tells),
    };
    (
        iterator,
        Gate {
            made,
            begun,
            leave,
            dropped,
        },
    )
}

/// Waits until no thread of the pool has anything to do.
fn settle(pool: &Pool) {
    let busy = |stats: PoolStats| stats.idle < stats.threads || stats.queued > 0;
    while busy(pool.stats()) {
        thread::yield_now();
    }
}

fn poll_next<S: Stream + Unpin>(stream: &mut S) -> Option<Option<S::Item>> {
    match pin!(stream.next()).poll(&mut Context::from_waker(Waker::noop())) {
        std::task::Poll::Ready(item) => Some(item),
        std::task::Poll::Pending => None,
    }
}

#[test]
fn the_items_come_in_order_on_any_executor() {
    for ahead in [0, 1, 2, 7, 100] {
        let all = || unblock_iter(0..50).ahead(ahead).collect::<Vec<_>>();
        let tokio = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let results = [
            block_on(all()),
            smol::block_on(all()),
            tokio.block_on(all()),
            corokit_sched_loop::run(all()),
        ];
        for result in results {
            assert!(result.into_iter().eq(0..50));
        }
    }
}

#[test]
fn lazily_an_item_is_not_begun_before_it_is_asked_for() {
    let pool = Pool::new();
    let (iterator, gate) = gated();
    let mut items = unblock_iter(iterator).on(&pool);
    assert_eq!(pool.stats().threads, 0);
    for number in 1..=3 {
        gate.leave.send(()).unwrap();
        // There is leave for one more than was asked for, and nobody uses it.
        gate.leave.send(()).unwrap();
        assert_eq!(block_on(items.next()), Some(number));
        settle(&pool);
        assert_eq!(gate.made.load(Ordering::SeqCst), number as usize);
    }
}

#[test]
fn ahead_no_more_items_are_made_than_there_is_room_for() {
    for ahead in [1, 2, 5, 16] {
        let pool = Pool::new();
        let (iterator, gate) = gated();
        let mut items = unblock_iter(iterator).ahead(ahead).on(&pool);
        settle(&pool);
        assert_eq!(gate.made.load(Ordering::SeqCst), 0);
        drop(gate.leave);
        for number in 1..=100 {
            assert_eq!(block_on(items.next()), Some(number as u32));
            settle(&pool);
            let made = gate.made.load(Ordering::SeqCst);
            assert!(
                (number..=number + ahead).contains(&made),
                "{ahead}: {made} for {number}"
            );
            if number == 1 {
                assert_eq!(made, 1 + ahead);
            }
        }
    }
}

#[test]
fn a_hundred_open_streams_share_a_pool_of_four_threads() {
    for ahead in [0, 3] {
        let pool = Pool::builder().max_threads(4).build();
        let mut streams: Vec<_> = (0..100)
            .map(|number| unblock_iter(number..).ahead(ahead).on(&pool))
            .collect();
        for step in 0..5 {
            for (number, items) in streams.iter_mut().enumerate() {
                assert_eq!(block_on(items.next()), Some(number + step));
            }
        }
    }
}

#[test]
fn a_job_may_take_items_that_are_made_on_its_own_pool() {
    for ahead in [0, 4] {
        let pool = Pool::builder().max_threads(1).build();
        let items = unblock_iter(0..20).ahead(ahead).on(&pool);
        let sum = pool.run(move || block_iter(items).sum::<i32>());
        assert_eq!(sum.join_blocking(), Ok(190));
        let mut items = unblock_iter(0..20).ahead(ahead).on(&pool);
        let back = pool.run(move || {
            assert!(poll_next(&mut items).is_none_or(|item| item == Some(0)));
            block_on(items.into_inner()).map(|(rest, made)| rest.len() + made.len())
        });
        assert!(back.join_blocking().unwrap().is_some());
    }
}

#[test]
fn a_hundred_thousand_items_never_stall() {
    for (ahead, count) in [(0, 3_000), (1, 3_000), (128, 100_000), (8_192, 100_000)] {
        let sum = unblock_iter(0..count)
            .ahead(ahead)
            .fold(0_u64, |sum, item| sum + item);
        assert_eq!(block_on(sum), count * (count - 1) / 2);
    }
}

#[test]
fn dropping_the_stream_returns_at_once_and_the_iterator_goes_after_the_item() {
    let pool = Pool::new();
    let (iterator, gate) = gated();
    let mut items = unblock_iter(iterator).on(&pool);
    assert!(poll_next(&mut items).is_none());
    gate.begun.recv().unwrap();
    drop(items);
    assert_eq!(gate.dropped.try_recv(), Err(mpsc::TryRecvError::Empty));
    gate.leave.send(()).unwrap();
    assert_ne!(gate.dropped.recv().unwrap(), thread::current().id());
}

#[test]
fn an_iterator_between_items_is_dropped_on_a_thread_too() {
    let pool = Pool::new();
    let (iterator, gate) = gated();
    gate.leave.send(()).unwrap();
    let mut items = unblock_iter(iterator).on(&pool);
    assert_eq!(block_on(items.next()), Some(1));
    settle(&pool);
    drop(items);
    assert_ne!(gate.dropped.recv().unwrap(), thread::current().id());
}

#[test]
fn a_stream_that_was_never_polled_uses_no_thread_at_all() {
    let pool = Pool::new();
    let (iterator, gate) = gated();
    drop(unblock_iter(iterator).ahead(10).on(&pool));
    assert_eq!(gate.dropped.recv().unwrap(), thread::current().id());
    assert_eq!(pool.stats().peak_threads, 0);
}

#[test]
fn leaving_a_loop_early_surfaces_nothing() {
    block_on(async {
        let mut items = unblock_iter(0..).ahead(4);
        while let Some(item) = items.next().await {
            if item == 10 {
                break;
            }
        }
        drop(items);
    });
}

/// Makes `good` items and then panics.
fn breaks(good: u32) -> impl Iterator<Item = u32> + Send {
    (0..=good).inspect(move |number| assert!(*number < good, "the iterator"))
}

#[test]
fn a_panic_comes_after_the_items_before_it_and_then_there_are_none() {
    for ahead in [0, 1, 3, 100] {
        let pool = Pool::new();
        let mut items = unblock_iter(breaks(5)).ahead(ahead).on(&pool);
        for number in 0..5 {
            assert_eq!(block_on(items.next()), Some(number));
            settle(&pool);
        }
        let payload = catch_unwind(AssertUnwindSafe(|| block_on(items.next()))).unwrap_err();
        assert_eq!(payload.downcast_ref(), Some(&"the iterator"));
        assert_eq!(block_on(items.next()), None);
        assert!(block_on(items.into_inner()).is_none());
        assert_eq!(pool.stats().panicked, 0);
    }
}

/// What comes out is the first panic; what the destructor and a waker panic with goes.
#[test]
fn a_broken_iterator_and_a_waker_that_panic_again_keep_nothing() {
    struct Breaks(Arc<()>, Receiver<()>);
    impl Iterator for Breaks {
        type Item = u32;
        fn next(&mut self) -> Option<u32> {
            let _ = self.1.recv();
            panic!("the iterator");
        }
    }
    impl Drop for Breaks {
        fn drop(&mut self) {
            panic_any(Arc::clone(&self.0));
        }
    }
    struct Rude(Arc<()>);
    impl Wake for Rude {
        fn wake(self: Arc<Self>) {
            panic_any(Arc::clone(&self.0));
        }
    }
    let payload = Arc::new(());
    let pool = Pool::new();
    let (release, blocked) = mpsc::channel();
    let mut items = unblock_iter(Breaks(Arc::clone(&payload), blocked)).on(&pool);
    let waker = Waker::from(Arc::new(Rude(Arc::clone(&payload))));
    let polled = pin!(items.next()).poll(&mut Context::from_waker(&waker));
    assert!(polled.is_pending());
    drop((waker, release));
    settle(&pool);
    let broken = catch_unwind(AssertUnwindSafe(|| block_on(items.next()))).unwrap_err();
    assert_eq!(broken.downcast_ref(), Some(&"the iterator"));
    assert_eq!(Arc::strong_count(&payload), 1);
}

#[test]
fn the_iterator_is_given_back_with_what_was_made() {
    for ahead in [0, 1, 4, 100] {
        let mut items = unblock_iter(0..20_u32).ahead(ahead);
        let mut seen: Vec<u32> = (0..7).map(|_| block_on(items.next()).unwrap()).collect();
        let (rest, made) = block_on(items.into_inner()).unwrap();
        seen.extend(made);
        seen.extend(rest);
        assert!(seen.into_iter().eq(0..20), "{ahead}");
    }
    // Before the first poll, and after the end.
    assert_eq!(
        block_on(unblock_iter(0..2).into_inner()),
        Some((0..2, vec![]))
    );
    let mut items = unblock_iter(0..1);
    assert_eq!(block_on(items.next()), Some(0));
    assert_eq!(block_on(items.next()), None);
    assert_eq!(block_on(items.into_inner()), Some((1..1, vec![])));
}

#[test]
fn the_iterator_is_given_back_after_the_item_that_is_being_made() {
    let (iterator, gate) = gated();
    let mut items = unblock_iter(iterator).ahead(10);
    assert!(poll_next(&mut items).is_none());
    gate.begun.recv().unwrap();
    let mut back = pin!(items.into_inner());
    assert!(block_on(poll_once(back.as_mut())).is_none());
    gate.leave.send(()).unwrap();
    let (iterator, made) = block_on(back).unwrap();
    assert_eq!((iterator.next, made), (1, vec![1]));
    // Given up, it is as if the stream was dropped.
    let mut items = unblock_iter(iterator);
    assert!(poll_next(&mut items).is_none());
    gate.begun.recv().unwrap();
    drop(items.into_inner());
    gate.leave.send(()).unwrap();
    assert_ne!(gate.dropped.recv().unwrap(), thread::current().id());
}

#[test]
fn a_panic_that_has_not_come_out_comes_with_the_iterator() {
    let pool = Pool::new();
    let mut items = unblock_iter(breaks(2)).ahead(10).on(&pool);
    assert_eq!(block_on(items.next()), Some(0));
    settle(&pool);
    let back = catch_unwind(AssertUnwindSafe(|| block_on(items.into_inner())));
    let payload = back.map(|_| ()).unwrap_err();
    assert_eq!(payload.downcast_ref(), Some(&"the iterator"));
}

#[test]
fn a_next_that_is_given_up_loses_nothing() {
    let (iterator, gate) = gated();
    let mut items = unblock_iter(iterator);
    for number in 1..=5 {
        assert!(poll_next(&mut items).is_none());
        assert!(poll_next(&mut items).is_none());
        gate.leave.send(()).unwrap();
        assert_eq!(block_on(items.next()), Some(number));
        assert_eq!(gate.made.load(Ordering::SeqCst), number as usize);
    }
}

#[test]
fn a_pool_that_was_closed_is_a_panic_and_the_iterator_is_not_lost() {
    let pool = Pool::new();
    pool.close();
    let mut items = unblock_iter(0..3).on(&pool);
    assert!(catch_unwind(AssertUnwindSafe(|| block_on(items.next()))).is_err());
    assert_eq!(block_on(items.into_inner()), Some((0..3, vec![])));
}

#[test]
fn the_stream_goes_from_thread_to_thread() {
    fn is_send<T: Send + Unpin>(_: &T) {}
    let mut items = unblock_iter(0..10).ahead(2);
    is_send(&items);
    assert_eq!(block_on(items.next()), Some(0));
    let rest = thread::spawn(move || block_on(items.collect::<Vec<_>>()));
    assert!(rest.join().unwrap().into_iter().eq(1..10));
}

#[test]
fn destructors_of_items_run_once() {
    let (sender, dropped) = mpsc::channel();
    let iterator = (0..10).map(move |_| Tells(sender.clone()));
    let mut items: UnblockIter<_> = unblock_iter(iterator).ahead(4);
    drop(block_on(items.next()));
    drop(items);
    let count = dropped.iter().count();
    assert!((1..=10).contains(&count), "{count}");
}

#[test]
fn an_iterator_over_a_stream_blocks_for_each_item() {
    let ticks = || {
        Box::pin(stream::unfold(0, async |number| {
            sleep(Duration::from_millis(1)).await;
            yield_now().await;
            (number < 3).then_some((number, number + 1))
        }))
    };
    let here = thread::spawn(move || block_iter(ticks()).collect::<Vec<_>>());
    assert_eq!(here.join().unwrap(), [0, 1, 2]);
    // Inside of a poll as well.
    let inside = corokit_sched_loop::run(async { block_iter(ticks()).collect::<Vec<_>>() });
    assert_eq!(inside, [0, 1, 2]);
    // There and back.
    let back = unblock_iter(block_iter(ticks())).ahead(1);
    assert_eq!(block_on(back.collect::<Vec<_>>()), [0, 1, 2]);
}

#[test]
fn an_iterator_over_a_stream_drops_it_at_its_end_and_when_it_is_left() {
    struct Sets(Rc<Cell<bool>>);
    impl Drop for Sets {
        fn drop(&mut self) {
            self.0.set(true);
        }
    }
    let dropped = Rc::new(Cell::new(false));
    let numbers = || {
        let sets = Sets(Rc::clone(&dropped));
        Box::pin(stream::unfold((0, sets), async |(number, sets)| {
            (number < 2).then_some((number, (number + 1, sets)))
        }))
    };
    let mut items = block_iter(numbers());
    assert_eq!((items.next(), items.next()), (Some(0), Some(1)));
    assert!(items.next().is_none() && dropped.take());
    assert!(items.next().is_none() && items.into_inner().is_none());
    assert_eq!(block_iter(numbers()).next(), Some(0));
    assert!(dropped.get());
    let mut kept = stream::iter(0..3);
    assert_eq!(block_iter(&mut kept).next(), Some(0));
    assert_eq!(block_iter(kept).size_hint(), (2, Some(2)));
}

#[derive(Clone, Copy, Debug)]
enum Op {
    Next,
    GiveUpNext,
    Settle,
}

/// A case takes long here: a fifth of what other tests are asked for, by `PROPTEST_CASES` or by default.
fn some_cases() -> ProptestConfig {
    ProptestConfig::with_cases(ProptestConfig::default().cases.div_ceil(5))
}

proptest! {
    #![proptest_config(some_cases())]

    /// Whatever is asked, given up and taken back: the items are those of the iterator, in order,
    /// once each.
    #[test]
    fn the_stream_is_the_iterator(
        ahead in 0..6_usize,
        length in 0..30_u32,
        ops in prop::collection::vec(prop_oneof![Just(Op::Next), Just(Op::GiveUpNext), Just(Op::Settle)], 0..40),
    ) {
        let pool = Pool::builder().max_threads(2).build();
        let mut items = unblock_iter(0..length).ahead(ahead).on(&pool);
        let mut model = 0..length;
        for op in ops {
            match op {
                Op::Next => prop_assert_eq!(block_on(items.next()), model.next()),
                Op::GiveUpNext => {
                    if let Some(item) = poll_next(&mut items) {
                        prop_assert_eq!(item, model.next());
                    }
                }
                Op::Settle => settle(&pool),
            }
        }
        let (rest, made) = block_on(items.into_inner()).unwrap();
        prop_assert!(made.into_iter().chain(rest).eq(model));
    }
}

#[test]
fn streams_of_one_source_interleave() {
    let source = Arc::new(Mutex::new(0..10));
    let shared = || {
        let source = Arc::clone(&source);
        unblock_iter(std::iter::from_fn(move || source.lock().unwrap().next()))
    };
    let (mut a, mut b) = (shared(), shared());
    let mut all = Vec::new();
    while let (Some(x), Some(y)) = (block_on(a.next()), block_on(b.next())) {
        all.extend([x, y]);
    }
    assert!(all.into_iter().eq(0..10));
}
