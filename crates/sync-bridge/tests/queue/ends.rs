//! Ends, streams and iterators.

use std::cell::Cell;
use std::thread;
use std::time::Instant;

use corokit_sync_bridge::queue::{
    Closed, Get, GetDeadlineError, Getter, Put, PutDeadlineError, Putter, Queue, Stream, Tracked,
    TryPutError,
};
use futures_lite::StreamExt;
use futures_lite::future::block_on;

#[test]
fn the_last_putter_closes_the_queue() {
    let (putter, getter) = Queue::unbounded().split();
    let other = putter.clone();
    putter.try_put(1).unwrap();
    drop(putter);
    assert!(!getter.queue().is_closed());
    block_on(other.put(2)).unwrap();
    drop(other);
    assert!(getter.queue().is_closed());
    assert_eq!(getter.get_blocking(), Ok(1));
    assert_eq!(block_on(getter.get()), Ok(2));
    assert_eq!(getter.get_blocking(), Err(Closed(())));
}

#[test]
fn an_end_has_the_forms_of_the_queue() {
    let (putter, getter) = Queue::bounded(1).split();
    assert!(putter.queue().is_empty() && !putter.queue().is_full());
    assert_eq!(putter.put_deadline(1, Instant::now()), Ok(()));
    assert!(!getter.queue().is_empty() && getter.queue().is_full());
    let late = putter.put_deadline(2, Instant::now());
    assert_eq!(late, Err(PutDeadlineError::TimedOut(2)));
    assert_eq!(getter.get_deadline(Instant::now()), Ok(1));
    let early = getter.get_deadline(Instant::now());
    assert_eq!(early, Err(GetDeadlineError::TimedOut));
}

#[test]
fn the_last_getter_closes_the_queue_and_no_item_is_lost() {
    let queue = Queue::bounded(1);
    let (putter, getter) = queue.clone().split();
    let other = getter.clone();
    putter.put_blocking(1).unwrap();
    drop(getter);
    assert_eq!(putter.try_put(2), Err(TryPutError::Full(2)));
    drop(other);
    assert_eq!(putter.try_put(2), Err(TryPutError::Closed(2)));
    assert_eq!(queue.close_now(), [1]);
}

#[test]
fn handles_of_both_colours_do_not_close_it() {
    let queue = Queue::<u32>::unbounded();
    drop(queue.clone());
    assert!(!queue.is_closed());
}

#[test]
fn a_stream_of_an_end_is_that_end() {
    let (putter, getter) = Queue::unbounded().split();
    let mut stream = getter.into_stream();
    putter.try_put(1).unwrap();
    assert_eq!(block_on(stream.next()), Some(1));
    assert!(!putter.queue().is_closed());
    drop(stream);
    assert_eq!(putter.try_put(2), Err(TryPutError::Closed(2)));
}

#[test]
fn a_stream_ends_with_the_queue_and_goes_on_ending() {
    let queue = Queue::unbounded();
    let mut stream = queue.stream();
    queue.try_put(1).unwrap();
    queue.close();
    assert_eq!(block_on(stream.next()), Some(1));
    assert_eq!(block_on(stream.next()), None);
    assert_eq!(block_on(stream.next()), None);
}

#[test]
fn for_loops_block_until_the_end() {
    let (putter, getter) = Queue::bounded(1).split();
    let thread = thread::spawn(move || {
        let mut sum = 0;
        for item in &getter {
            sum += item;
        }
        sum
    });
    (0..100).for_each(|item| putter.put_blocking(item).unwrap());
    drop(putter);
    assert_eq!(thread.join().unwrap(), 4950);
}

#[test]
fn they_go_to_other_threads_with_what_they_carry() {
    fn check<T: Send + Sync + Unpin>() {}
    check::<Queue<Cell<u8>>>();
    check::<Putter<Cell<u8>>>();
    check::<Getter<Cell<u8>>>();
    check::<Stream<Cell<u8>>>();
    check::<Get<'static, Cell<u8>>>();
    fn check_send<T: Send + Unpin>() {}
    check_send::<Put<'static, Cell<u8>>>();
    check_send::<Tracked<Cell<u8>>>();
}

#[test]
fn they_show_what_they_are() {
    let (putter, getter) = Queue::bounded(4).split();
    putter.try_put(1).unwrap();
    let expected = "Queue { len: 1, capacity: Some(4), closed: false }";
    assert_eq!(format!("{putter:?}"), format!("Putter({expected})"));
    assert_eq!(format!("{getter:?}"), format!("Getter({expected})"));
}
