//! Batches of a stream.

use std::num::NonZeroUsize;
use std::time::Duration;

use corokit_bg_utils::batcher::{Batches, batches};
use corokit_core::time;
use corokit_lab as lab;
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

#[test]
fn sizes_are_known_as_far_as_those_of_the_stream() {
    let batches = threes(stream::iter(0..10));
    assert_eq!(batches.size_hint(), (4, Some(10)));
}
