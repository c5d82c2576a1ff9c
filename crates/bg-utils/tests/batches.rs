//! Batches of a stream.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use corokit_bg_utils::batcher::{Batches, batches};
use corokit_core::time;
use corokit_lab::{self as lab, Lab};
use corokit_sched_loop::spawn;
use futures_lite::future::poll_once;
use futures_lite::{Stream, StreamExt, stream};

const SECOND: Duration = Duration::from_secs(1);

/// Items that come so many milliseconds after the one before.
fn timed<const N: usize>(pauses: [u64; N]) -> impl Stream<Item = usize> + Unpin {
    let pauses = pauses.into_iter().enumerate();
    Box::pin(stream::unfold(pauses, async |mut pauses| {
        let (index, pause) = pauses.next()?;
        time::sleep(Duration::from_millis(pause)).await;
        Some((index, pauses))
    }))
}

fn threes<S: Stream>(stream: S) -> Batches<S> {
    batches(stream, NonZeroUsize::new(3).unwrap(), SECOND)
}

#[test]
fn by_number_by_time_and_at_the_end() {
    lab::run(1, |lab| async move {
        let mut batches = threes(timed([100, 100, 100, 500, 900, 200, 50]));
        let mut log = Vec::new();
        while let Some(batch) = batches.next().await {
            log.push((lab.elapsed().as_millis(), batch));
        }
        let expected = [
            (300, vec![0, 1, 2]),
            // A second after the first of them, not after the batch before.
            (1_800, vec![3, 4]),
            // The stream has ended.
            (1_950, vec![5, 6]),
        ];
        assert_eq!(log, expected);
        assert_eq!(batches.next().await, None);
    });
}

#[test]
fn dropping_the_future_of_next_loses_nothing() {
    lab::run(1, |lab| async move {
        let mut batches = threes(timed([0, 0, 10_000]));
        assert_eq!(poll_once(batches.next()).await, None);
        time::sleep(SECOND / 2).await;
        assert_eq!(poll_once(batches.next()).await, None);
        assert_eq!(batches.next().await, Some(vec![0, 1]));
        assert_eq!(lab.elapsed(), SECOND);
        let (_, collected) = batches.into_parts();
        assert_eq!(collected, []);
    });
}

/// A producer and a consumer, either of whom may be dropped.
async fn explored(lab: Lab) {
    let (sender, receiver) = async_channel::bounded(2);
    let batches = Rc::new(RefCell::new(threes(Box::pin(receiver))));
    let (sent, came) = (Rc::new(Cell::new(0)), Rc::new(RefCell::new(Vec::new())));
    let produces = {
        let sent = Rc::clone(&sent);
        async move {
            for item in 0..8 {
                sender.send(item).await.unwrap();
                sent.set(item + 1);
                if item % 3 == 1 {
                    time::sleep(SECOND / 2 * item).await;
                }
            }
        }
    };
    let consumes = {
        let (batches, came) = (Rc::clone(&batches), Rc::clone(&came));
        async move {
            let next = || poll_fn(|cx| Pin::new(&mut *batches.borrow_mut()).poll_next(cx));
            while let Some(batch) = next().await {
                assert!(!batch.is_empty() && batch.len() <= 3);
                came.borrow_mut().push(batch);
            }
        }
    };
    let producer = spawn(lab.victim("producer", produces));
    let consumer = spawn(lab.victim("consumer", consumes));
    let consumed = consumer.await.is_some();
    if !consumed {
        // The producer fills the channel, and can do no more.
        producer.cancel().await;
    } else {
        producer.await;
    }
    let batches = Rc::into_inner(batches).unwrap().into_inner();
    let (receiver, collected) = batches.into_parts();
    let left = std::iter::from_fn(|| receiver.try_recv().ok());
    let mut all = came.take().concat();
    assert!(!consumed || collected.is_empty());
    all.extend(collected);
    all.extend(left);
    assert!(
        all.iter().copied().eq(0..sent.get()),
        "{all:?} of {}",
        sent.get()
    );
}

#[test]
fn in_every_order_and_whoever_is_dropped_nothing_is_lost() {
    lab::cancel_everywhere(explored);
    lab::check(300, explored);
}

#[test]
fn sizes_are_known_as_far_as_those_of_the_stream() {
    let batches = threes(stream::iter(0..10));
    assert_eq!(batches.size_hint(), (4, Some(10)));
}
