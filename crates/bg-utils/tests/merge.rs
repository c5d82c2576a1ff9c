//! Streams as one.
#![cfg(all(feature = "merge", not(loom)))]

#[path = "support/wakes.rs"]
mod wakes;

use std::cell::{Cell, RefCell};
use std::future::{pending, poll_fn, ready};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use corokit_bg_utils::merge::{Merge, ReadyChunks, Results, as_completed, merge};
use corokit_lab::{Lab, Options, Strategy, cancel_everywhere};
use corokit_sched_loop::{sleep, spawn};
use futures_lite::future::{block_on, poll_once, yield_now};
use futures_lite::{Stream, StreamExt, stream};
use wakes::Wakes;

const SECOND: Duration = Duration::from_secs(1);

fn poll<S: Stream + Unpin>(stream: &mut S, wakes: &Wakes) -> Poll<Option<S::Item>> {
    Pin::new(stream).poll_next(&mut Context::from_waker(&wakes.waker()))
}

/// A stream that yields what is put in, and counts its polls.
#[derive(Clone, Default)]
struct Source(Rc<Inner>);

#[derive(Default)]
struct Inner {
    items: RefCell<Vec<u32>>,
    polls: Cell<usize>,
    waker: RefCell<Option<Waker>>,
    dropped: Cell<bool>,
}

impl Source {
    fn put(&self, item: u32) {
        self.0.items.borrow_mut().insert(0, item);
        let waker = self.0.waker.take();
        waker.into_iter().for_each(Waker::wake);
    }

    fn stream(&self) -> Open {
        Open(self.clone())
    }
}

struct Open(Source);

impl Stream for Open {
    type Item = u32;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<u32>> {
        let inner = &self.0.0;
        inner.polls.set(inner.polls.get() + 1);
        if let Some(item) = inner.items.borrow_mut().pop() {
            return Poll::Ready(Some(item));
        }
        inner.waker.replace(Some(cx.waker().clone()));
        Poll::Pending
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.0.dropped.set(true);
    }
}

#[test]
fn a_fast_source_starves_no_other() {
    let fast = || stream::repeat('f').boxed();
    let slow = stream::iter(['1', '2', '3']).boxed();
    let all = merge(vec![fast(), slow, fast()]);
    let items = block_on(all.take(12).collect::<String>());
    assert_eq!(items, "f1ff2ff3ffff");
}

#[test]
fn only_sources_that_were_woken_are_polled_and_nothing_begins_before_the_first_poll() {
    let sources: Vec<Source> = (0..1_000).map(|_| Source::default()).collect();
    let mut all: Merge<_> = sources.iter().map(Source::stream).collect();
    let polls = || {
        sources
            .iter()
            .map(|source| source.0.polls.replace(0))
            .sum::<usize>()
    };
    let wakes = Wakes::default();
    assert_eq!(polls(), 0);
    loop {
        assert!(poll(&mut all, &wakes).is_pending());
        if wakes.take() == 0 {
            break;
        }
    }
    assert_eq!(polls(), 1_000);
    sources[777].put(7);
    assert_eq!(wakes.take(), 1);
    assert_eq!(poll(&mut all, &wakes), Poll::Ready(Some(7)));
    assert_eq!(polls(), 1);
    // It is asked for the next item only when that is asked for.
    assert!(poll(&mut all, &wakes).is_pending());
    assert_eq!(polls(), 1);
}

#[test]
fn nothing_is_taken_from_a_source_before_it_is_returned() {
    let sources = [Source::default(), Source::default()];
    for n in 0..3 {
        sources[0].put(n);
        sources[1].put(10 + n);
    }
    let mut all = merge(sources.each_ref().map(Source::stream));
    assert_eq!(block_on(all.next()), Some(0));
    assert_eq!(block_on(all.next()), Some(10));
    drop(all);
    let left = sources
        .each_ref()
        .map(|source| source.0.items.borrow().len());
    assert_eq!(left, [2, 2]);
    assert!(sources.iter().all(|source| source.0.dropped.get()));
}

#[test]
fn zero_sources_end_at_once_and_those_that_end_are_dropped() {
    assert_eq!(
        block_on(merge(Vec::<stream::Empty<u8>>::new()).next()),
        None
    );
    let source = Source::default();
    let ending = source.stream().take(1);
    source.put(1);
    let mut all = merge((ending, stream::pending()));
    assert_eq!(block_on(all.next()), Some(1));
    assert!(block_on(poll_once(all.next())).is_none());
    assert!(source.0.dropped.get());
    let mut ended = merge([stream::once(1)]);
    assert_eq!(block_on(ended.next()), Some(1));
    assert_eq!(block_on(ended.next()), None);
    assert_eq!(block_on(ended.next()), None);
}

#[test]
fn tuples_of_any_length() {
    let one = |n: u32| stream::once(n);
    let many = |n: u32| stream::iter([n]);
    let two = merge((one(1), many(2)));
    let three = merge((one(3), many(4), two));
    let four = merge((three, one(5), many(6), stream::pending().take(0)));
    let five = merge((four, one(7), one(8), many(9), many(10)));
    let six = merge((five, one(11), one(12), one(13), one(14), one(15)));
    let seven = merge((six, one(16), one(17), one(18), one(19), one(20), many(21)));
    let eight = merge((
        seven,
        one(22),
        one(23),
        one(24),
        one(25),
        one(26),
        one(27),
        many(28),
    ));
    let mut items = block_on(merge((eight,)).collect::<Vec<_>>());
    items.sort();
    assert_eq!(items, (1..=28).collect::<Vec<_>>());
}

#[test]
fn a_source_that_panics_is_out_and_the_others_are_not() {
    let bad = stream::iter(0..3).map(|n| {
        assert!(n < 1, "no more");
        n
    });
    let mut all = merge((stream::iter(10..13), bad));
    let mut seen = Vec::new();
    loop {
        match catch_unwind(AssertUnwindSafe(|| block_on(all.next()))) {
            Ok(Some(n)) => seen.push(n),
            Ok(None) => break,
            Err(_) => seen.push(99),
        }
    }
    assert_eq!(seen, [10, 0, 11, 99, 12]);
}

#[test]
fn the_first_error_ends_it_after_what_was_ready() {
    let hangs = Source::default();
    let sources = (
        stream::iter([Ok(1), Err('a'), Ok(2)]),
        stream::iter([Ok(3), Err('b'), Ok(4)]),
        hangs.stream().map(Ok),
    );
    let mut all = merge(sources).stop_on_err();
    assert_eq!(block_on(all.next()), Some(Ok(1)));
    assert_eq!(block_on(all.next()), Some(Ok(3)));
    assert!(!hangs.0.dropped.get());
    assert_eq!(block_on(all.next()), Some(Ok(2)));
    assert_eq!(block_on(all.next()), Some(Err('a')));
    // By now the sources are gone, and no error is lost.
    assert!(hangs.0.dropped.get());
    assert_eq!(block_on(all.next()), Some(Err('b')));
    assert_eq!(block_on(all.next()), None);
    assert_eq!(block_on(all.next()), None);
}

#[test]
fn errors_may_come_last_or_not_at_all() {
    let sources = || {
        [
            stream::iter(vec![Ok(1), Err('a'), Ok(2)]),
            stream::iter(vec![Err('b'), Ok(3)]),
        ]
    };
    let last = merge(sources()).errs_last().collect::<Vec<_>>();
    assert_eq!(block_on(last), [Ok(1), Ok(3), Ok(2), Err(vec!['b', 'a'])]);
    let good = merge([stream::iter([Ok::<_, char>(1)])])
        .errs_last()
        .collect::<Vec<_>>();
    assert_eq!(block_on(good), [Ok(1)]);
    let only = merge(sources()).ok_only().collect::<Vec<_>>();
    assert_eq!(block_on(only), [1, 3, 2]);
}

#[test]
fn a_chunk_is_all_that_is_ready_and_never_waits_to_be_filled() {
    let source = Source::default();
    let mut chunks = Box::pin(source.stream().ready_chunks(3));
    let wakes = Wakes::default();
    assert!(poll(&mut chunks, &wakes).is_pending());
    source.put(1);
    assert_eq!(wakes.take(), 1);
    assert_eq!(poll(&mut chunks, &wakes), Poll::Ready(Some(vec![1])));
    assert!(poll(&mut chunks, &wakes).is_pending());
    for n in 0..7 {
        source.put(n);
    }
    assert_eq!(poll(&mut chunks, &wakes), Poll::Ready(Some(vec![0, 1, 2])));
    assert_eq!(poll(&mut chunks, &wakes), Poll::Ready(Some(vec![3, 4, 5])));
    assert_eq!(poll(&mut chunks, &wakes), Poll::Ready(Some(vec![6])));
    let ended = stream::iter(0..4).ready_chunks(3).collect::<Vec<_>>();
    assert_eq!(block_on(ended), [vec![0, 1, 2], vec![3]]);
    assert_eq!(stream::iter(0..4).ready_chunks(3).size_hint(), (2, Some(4)));
    assert!(catch_unwind(|| drop(stream::iter(0..4).ready_chunks(0))).is_err());
}

#[test]
fn a_panic_in_the_middle_of_a_chunk_loses_none_of_it() {
    let items = stream::iter(0..4).map(|n| {
        assert_ne!(n, 2, "not this one");
        n
    });
    let mut chunks = Box::pin(items.ready_chunks(8));
    assert!(catch_unwind(AssertUnwindSafe(|| block_on(chunks.next()))).is_err());
    assert_eq!(block_on(chunks.next()), Some(vec![0, 1, 3]));
}

#[test]
fn outputs_come_as_futures_complete_and_none_is_lost_with_a_dropped_wait() {
    corokit_lab::run(1, |lab| async move {
        let futures = [3, 1, 2].map(|seconds| async move {
            sleep(seconds * SECOND).await;
            seconds
        });
        let mut outputs = as_completed(futures);
        let mut seen = Vec::new();
        while !outputs.is_empty() {
            if let Some(Some(output)) = poll_once(outputs.next()).await {
                seen.push(output);
            }
            sleep(SECOND / 4).await;
        }
        assert_eq!(seen, [(1, 1), (2, 2), (0, 3)]);
        assert_eq!(outputs.next().await, None);
        assert!(lab.elapsed() < 4 * SECOND);
    });
}

#[test]
fn one_wake_up_among_ten_thousand_futures_is_one_poll() {
    let (polls, waker) = (Cell::new(0), RefCell::new(None));
    let mut outputs = as_completed((0..10_000).map(|number| {
        let (polls, waker) = (&polls, &waker);
        poll_fn(move |cx| {
            polls.set(polls.get() + 1);
            match number == 5_000 && polls.get() == 1 {
                true => Poll::Ready("done"),
                false if number == 5_000 => {
                    waker.replace(Some(cx.waker().clone()));
                    Poll::Pending
                }
                false => Poll::Pending,
            }
        })
    }));
    let wakes = Wakes::default();
    loop {
        assert!(poll(&mut outputs, &wakes).is_pending());
        if wakes.take() == 0 {
            break;
        }
    }
    assert_eq!(polls.replace(0), 10_000);
    waker.take().unwrap().wake();
    assert_eq!(
        poll(&mut outputs, &wakes),
        Poll::Ready(Some((5_000, "done")))
    );
    assert_eq!(polls.get(), 1);
}

#[test]
fn a_future_that_panics_is_out_and_the_others_are_not() {
    let futures = (0..3).map(|n| async move {
        yield_now().await;
        assert_ne!(n, 1, "not this one");
        n
    });
    let mut outputs = as_completed(futures);
    let mut seen = Vec::new();
    while !outputs.is_empty() {
        match catch_unwind(AssertUnwindSafe(|| block_on(outputs.next()))) {
            Ok(output) => seen.extend(output),
            Err(_) => seen.push((99, 99)),
        }
    }
    assert_eq!(seen, [(0, 0), (99, 99), (2, 2)]);
}

/// A future that completes, or a stream that ends, and then panics when it is dropped.
struct Bomb;

impl Future for Bomb {
    type Output = u32;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<u32> {
        Poll::Ready(1)
    }
}

impl Stream for Bomb {
    type Item = u32;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<u32>> {
        Poll::Ready(None)
    }
}

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("dropped");
    }
}

#[test]
fn a_destructor_that_panics_is_a_panic_as_any() {
    let wakes = Wakes::default();
    let mut outputs = as_completed([Bomb]);
    let mut items = merge((Bomb, stream::iter(2..4)));
    assert!(catch_unwind(AssertUnwindSafe(|| poll(&mut outputs, &wakes))).is_err());
    assert_eq!(poll(&mut outputs, &wakes), Poll::Ready(None));
    assert!(catch_unwind(AssertUnwindSafe(|| poll(&mut items, &wakes))).is_err());
    for item in [Some(2), Some(3), None] {
        assert_eq!(poll(&mut items, &wakes), Poll::Ready(item));
    }
}

/// The program for exploration: senders in tasks, of whom any may be dropped.
async fn explored(lab: Lab) {
    let mut tasks = Vec::new();
    let mut receivers = Vec::new();
    for name in ["one", "two", "three"] {
        let (sender, receiver) = async_channel::bounded(1);
        receivers.push(receiver);
        tasks.push(spawn(lab.victim(name, async move {
            for n in 0..3 {
                sender.send(n).await.unwrap();
                yield_now().await;
            }
        })));
    }
    let items = merge(receivers)
        .ready_chunks(2)
        .fold(0, |count, chunk| count + chunk.len());
    let items = items.await;
    let mut finished = 0;
    for task in tasks {
        finished += usize::from(task.await.is_some());
    }
    assert!(items >= 3 * finished && items <= 9, "{items} of {finished}");
}

#[test]
fn in_every_order_nothing_is_lost() {
    cancel_everywhere(explored);
    for strategy in [Strategy::Random, Strategy::Pct { depth: 3 }] {
        let options = Options::new().strategy(strategy).spurious_wakes(true);
        if let Err(failure) = options.try_check(300, explored) {
            panic!("{failure}");
        }
    }
}

#[test]
fn on_tokio_and_on_smol_and_across_threads() {
    let program = || async {
        let (sender, receiver) = async_channel::bounded(4);
        let threads: Vec<_> = (0..3)
            .map(|_| {
                let sender = sender.clone();
                std::thread::spawn(move || (0..100).for_each(|n| sender.send_blocking(n).unwrap()))
            })
            .collect();
        drop(sender);
        let sources = (receiver.clone(), receiver.clone(), receiver);
        let sum = merge(sources).fold(0, |sum, n| sum + n).await;
        threads
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
        assert_eq!(sum, 3 * 4_950);
        let mut outputs = as_completed([ready(1), ready(2)]);
        assert_eq!(outputs.next().await, Some((0, 1)));
        let hangs = merge([stream::once_future(pending::<()>())]);
        assert!(poll_once({ hangs }.next()).await.is_none());
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(program());
    smol::block_on(program());
    corokit_sched_loop::run(program());
}
