//! Many futures that are driven together.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Instant;

use corokit_parallel_serial::Parallel;
use futures::stream::{FuturesUnordered, StreamExt};
use futures_concurrency::future::Join;
use futures_lite::future::block_on;

use crate::clock::Stopwatch;

/// Who gathers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GatherOf {
    /// `gather` of ours.
    Corokit,
    /// `join_all` of futures.
    JoinAll,
    /// `FuturesUnordered` of futures, its outputs put in order.
    FuturesUnordered,
    /// `join_all` of futures-buffered.
    FuturesBuffered,
    /// `Vec::join` of futures-concurrency.
    FuturesConcurrency,
}

/// Wakers of futures, and whether these may complete.
struct Cells(Vec<(Cell<bool>, RefCell<Option<Waker>>)>);

struct Waits {
    cells: Rc<Cells>,
    index: usize,
}

impl Future for Waits {
    type Output = usize;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<usize> {
        let (ready, waker) = &self.cells.0[self.index];
        if ready.get() {
            return Poll::Ready(self.index);
        }
        *waker.borrow_mut() = Some(cx.waker().clone());
        Poll::Pending
    }
}

struct Nobody;

impl Wake for Nobody {
    fn wake(self: Arc<Self>) {}
}

/// Gathers `count` futures that all wait, and wakes `batch` of them before each turn, in a random order:
/// nanoseconds for each future, with all that it takes.
///
/// ```
/// use corokit_benches::{GatherOf, gather_woken};
///
/// assert!(gather_woken(GatherOf::Corokit, 10, 3) > 0.0);
/// ```
#[must_use]
pub fn gather_woken(who: GatherOf, count: usize, batch: usize) -> f64 {
    let mut order: Vec<usize> = (0..count).collect();
    fastrand::Rng::with_seed(1).shuffle(&mut order);
    // Small ones are repeated, so that the clock does not count.
    let repeat = (20_000 / count).max(1);
    let mut all = 0.0;
    for _ in 0..repeat {
        let cells = (0..count).map(|_| Default::default()).collect();
        let cells = Rc::new(Cells(cells));
        let waits = (0..count).map(|index| Waits {
            cells: Rc::clone(&cells),
            index,
        });
        let waits: Vec<_> = waits.collect();
        all += match who {
            GatherOf::Corokit => drive(&cells, &order, batch, || {
                corokit_parallel_serial::gather(waits)
            }),
            GatherOf::JoinAll => drive(&cells, &order, batch, || futures::future::join_all(waits)),
            GatherOf::FuturesBuffered => {
                drive(&cells, &order, batch, || futures_buffered::join_all(waits))
            }
            GatherOf::FuturesConcurrency => drive(&cells, &order, batch, || waits.join()),
            GatherOf::FuturesUnordered => drive(&cells, &order, batch, || async {
                let mut outputs = vec![None; waits.len()];
                let mut stream: FuturesUnordered<_> = waits.into_iter().collect();
                while let Some(index) = stream.next().await {
                    outputs[index] = Some(index);
                }
                outputs.into_iter().flatten().collect()
            }),
        };
    }
    all / repeat as f64
}

fn drive<F: Future<Output = Vec<usize>>>(
    cells: &Cells,
    order: &[usize],
    batch: usize,
    make: impl FnOnce() -> F,
) -> f64 {
    let waker = Waker::from(Arc::new(Nobody));
    let mut cx = Context::from_waker(&waker);
    let watch = Stopwatch::start();
    {
        let mut gathered = pin!(make());
        // Some take several turns to poll all of them.
        while cells
            .0
            .last()
            .is_some_and(|(_, waker)| waker.borrow().is_none())
        {
            assert!(gathered.as_mut().poll(&mut cx).is_pending());
        }
        let mut outputs = None;
        for batch in order.chunks(batch) {
            for &index in batch {
                let (ready, waker) = &cells.0[index];
                ready.set(true);
                let waker = waker.take();
                waker.into_iter().for_each(Waker::wake);
            }
            if let Poll::Ready(ready) = gathered.as_mut().poll(&mut cx) {
                outputs = Some(ready);
            }
        }
        let outputs = outputs.unwrap_or_else(|| {
            loop {
                if let Poll::Ready(ready) = gathered.as_mut().poll(&mut cx) {
                    break ready;
                }
            }
        });
        assert!(outputs.into_iter().eq(0..cells.0.len()));
    }
    // With what dropping it takes.
    watch.per_op(order.len() as u64)
}

/// Gathers `count` futures that are ready at once, as coroutines of Python are: nanoseconds for each.
///
/// ```
/// assert!(corokit_benches::gather_ready(10) > 0.0);
/// ```
#[must_use]
pub fn gather_ready(count: usize) -> f64 {
    let watch = Stopwatch::start();
    for _ in 0..10 {
        let futures = (0..count).map(|n| async move { n });
        let outputs = block_on(corokit_parallel_serial::gather(futures));
        assert_eq!(outputs.len(), count);
    }
    watch.per_op(10 * count as u64)
}

/// Runs a plan of `count` async jobs, again and again: nanoseconds for each run.
///
/// ```
/// assert!(corokit_benches::plan_of_tasks(3) > 0.0);
/// ```
#[must_use]
pub fn plan_of_tasks(count: usize) -> f64 {
    let plan = Parallel::new().each(0..count, |n| async move { n });
    let watch = Stopwatch::start();
    for _ in 0..20 {
        assert_eq!(plan.run_blocking().len(), count);
    }
    watch.per_op(20)
}

/// Spawns `count` tasks on async-executor's local one and awaits them: nanoseconds for all.
///
/// ```
/// assert!(corokit_benches::executor_tasks(3) > 0.0);
/// ```
#[must_use]
pub fn executor_tasks(count: usize) -> f64 {
    let executor = async_executor::LocalExecutor::new();
    let watch = Stopwatch::start();
    for _ in 0..20 {
        let tasks: Vec<_> = (0..count)
            .map(|n| executor.spawn(async move { n }))
            .collect();
        block_on(executor.run(async {
            for task in tasks {
                task.await;
            }
        }));
    }
    watch.per_op(20)
}

/// Who does blocking work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockingOf {
    /// A plan of ours, on this thread and others.
    PlanBlocking,
    /// A plan of ours, awaited.
    Plan,
    /// `blocking::unblock` for each job.
    Unblock,
}

/// Does `count` blocking jobs that take no time, again and again: nanoseconds for each run, by the clock
/// on the wall, since other threads work too.
///
/// ```
/// use corokit_benches::{BlockingOf, blocking_jobs};
///
/// assert!(blocking_jobs(BlockingOf::Plan, 3) > 0.0);
/// ```
#[must_use]
pub fn blocking_jobs(who: BlockingOf, count: usize) -> f64 {
    let plan = Parallel::new().each_blocking(0..count, |n| n);
    let start = Instant::now();
    for _ in 0..20 {
        let outputs = match who {
            BlockingOf::PlanBlocking => plan.run_blocking(),
            BlockingOf::Plan => block_on(plan.run()),
            BlockingOf::Unblock => block_on(async {
                let jobs: Vec<_> = (0..count).map(|n| blocking::unblock(move || n)).collect();
                let mut outputs = Vec::new();
                for job in jobs {
                    outputs.push(job.await);
                }
                outputs
            }),
        };
        assert_eq!(outputs.len(), count);
    }
    start.elapsed().as_nanos() as f64 / 20.0
}
