//! Threads and tasks, and many of them.

use std::future::Future;
use std::sync::Arc;
use std::thread;

use corokit_sync_bridge::queue::{Fifo, Lifo, Order, Priority, Queue};
use futures_lite::StreamExt;
use smol::LocalExecutor;

/// Runs four tasks on this thread.
fn four_tasks<F: Future<Output = T>, T>(task: impl Fn(usize) -> F) -> Vec<T> {
    let executor = LocalExecutor::new();
    let tasks: Vec<_> = (0..4).map(|index| executor.spawn(task(index))).collect();
    futures_lite::future::block_on(executor.run(async {
        let mut outputs = Vec::new();
        for task in tasks {
            outputs.push(task.await);
        }
        outputs
    }))
}

/// Two threads put and two get, with four tasks each; one of each side uses blocking calls instead.
/// Every item arrives once, and those of one producer arrive at each consumer in their order, if the
/// queue has one.
fn check<D: Order<(usize, usize)>>(queue: Queue<(usize, usize), D>, items: usize, ordered: bool) {
    let each = items / 8;
    let (putter, getter) = queue.split();
    let producers = [0, 1].map(|thread_number| {
        let putter = putter.clone();
        thread::spawn(move || {
            four_tasks(|task| {
                let (putter, producer) = (putter.clone(), 4 * thread_number + task);
                async move {
                    for number in 0..each {
                        match task {
                            0 => putter.put_blocking((producer, number)).unwrap(),
                            _ => putter.put((producer, number)).await.unwrap(),
                        }
                    }
                }
            });
        })
    });
    drop(putter);
    let consumers = [0, 1].map(|_| {
        let getter = getter.clone();
        thread::spawn(move || {
            four_tasks(|task| {
                let getter = getter.clone();
                async move {
                    let mut had = Vec::new();
                    match task {
                        1 => while getter.get_many(&mut had, 10).await.is_ok() {},
                        2 => had = getter.into_stream().collect().await,
                        _ => {
                            while let Ok(item) = getter.get().await {
                                had.push(item);
                            }
                        }
                    }
                    had
                }
            })
        })
    });
    for producer in producers {
        producer.join().unwrap();
    }
    let mut seen = vec![vec![false; each]; 8];
    for consumer in consumers {
        for had in consumer.join().unwrap() {
            let mut last = [None; 8];
            for (producer, number) in had {
                assert!(!seen[producer][number], "it came twice");
                seen[producer][number] = true;
                if ordered {
                    assert!(last[producer] < Some(number), "they came in another order");
                    last[producer] = Some(number);
                }
            }
        }
    }
    assert!(seen.iter().flatten().all(|seen| *seen), "one was lost");
    assert_eq!(getter.queue().unfinished(), 0);
}

#[test]
fn four_threads_of_four_tasks_lose_and_double_nothing() {
    check(Queue::bounded_by(Fifo, 128), 1_000_000, true);
}

#[test]
fn nor_do_they_with_little_room() {
    check(Queue::bounded_by(Fifo, 1), 16_000, true);
}

#[test]
fn nor_without_a_bound() {
    check(Queue::unbounded_by(Fifo), 80_000, true);
}

#[test]
fn nor_in_the_other_orders() {
    check(Queue::bounded_by(Lifo, 16), 40_000, false);
    check(Queue::bounded_by(Priority, 16), 40_000, false);
}

/// Threads in `get_blocking` and tasks in `get` are of one line, and nobody is left behind.
#[test]
fn threads_and_tasks_are_both_served() {
    const EACH: usize = 12_500;
    let queue = Arc::new(Queue::bounded(4));
    let put = |colour: usize| {
        let queue = Arc::clone(&queue);
        thread::spawn(move || {
            for number in 0..EACH {
                match colour {
                    0 => queue.put_blocking(number).unwrap(),
                    _ => futures_lite::future::block_on(queue.put(number)).unwrap(),
                }
            }
        })
    };
    let get = |colour: usize| {
        let queue = Arc::clone(&queue);
        thread::spawn(move || {
            let mut sum = 0;
            for _ in 0..EACH {
                sum += match colour {
                    0 => queue.get_blocking().unwrap(),
                    _ => futures_lite::future::block_on(queue.get()).unwrap(),
                };
            }
            sum
        })
    };
    let (producers, consumers) = ([put(0), put(1)], [get(0), get(1)]);
    for producer in producers {
        producer.join().unwrap();
    }
    let sum: usize = consumers
        .map(|consumer| consumer.join().unwrap())
        .iter()
        .sum();
    assert_eq!(sum, EACH * (EACH - 1));
    assert!(queue.is_empty());
}

/// Futures that are dropped in the middle of everything.
#[test]
fn those_who_give_up_lose_nothing() {
    const ITEMS: usize = 1_000;
    let queue = Queue::bounded(2);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for number in 0..ITEMS {
                    let mut item = Some(number);
                    while let Some(number) = item.take() {
                        let mut put = queue.put(number);
                        let polled = super::poll(&mut put);
                        item = match polled {
                            std::task::Poll::Ready(put) => put.err().map(|error| error.0),
                            std::task::Poll::Pending => put.withdraw(),
                        };
                        thread::yield_now();
                    }
                }
            });
        }
        let threads = [(); 2].map(|()| {
            scope.spawn(|| {
                let mut sum = 0;
                let mut count = 0;
                while count < ITEMS {
                    let mut get = queue.get();
                    for _ in 0..2 {
                        if let std::task::Poll::Ready(item) = super::poll(&mut get) {
                            sum += item.unwrap();
                            count += 1;
                            break;
                        }
                        thread::yield_now();
                    }
                }
                sum
            })
        });
        let sum: usize = threads.map(|thread| thread.join().unwrap()).iter().sum();
        assert_eq!(sum, ITEMS * (ITEMS - 1));
    });
    assert!(queue.is_empty());
}

#[test]
fn on_smol_on_tokio_and_on_corokit() {
    async fn round() {
        let (jobs, results) = (Queue::bounded(2), Queue::bounded_by(Priority, 2));
        let (jobs_end, results_end) = (jobs.getter(), results.putter());
        let thread = thread::spawn(move || {
            for job in &jobs_end {
                results_end.put_blocking(2 * job).unwrap();
            }
        });
        let put = async {
            for job in 0..50 {
                jobs.put(job).await.unwrap();
            }
            jobs.close();
        };
        let get = async {
            let mut sum = 0;
            while let Ok(result) = results.get_tracked().await {
                sum += *result;
            }
            assert_eq!(sum, 49 * 50);
        };
        futures_lite::future::zip(put, get).await;
        results.join().await;
        thread.join().unwrap();
    }
    smol::block_on(round());
    corokit_sched_loop::run(round());
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.unwrap().block_on(round());
}
