//! Wakers, items and comparisons that use the queue themselves, or panic.

use std::cell::Cell;
use std::cmp::Ordering;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::Mutex;
use std::task::{Context, Wake, Waker};
use std::thread;

use corokit_sync_bridge::queue::{Priority, Queue};

use super::waits;

/// Puts what it finds into a log when it is woken, and when it is dropped.
struct Nosy {
    queue: Queue<u32>,
    log: Arc<Mutex<Vec<(&'static str, usize)>>>,
}

impl Nosy {
    fn note(&self, what: &'static str) {
        self.log.lock().unwrap().push((what, self.queue.len()));
    }
}

impl Wake for Nosy {
    fn wake(self: Arc<Self>) {
        self.note("woken");
        // It may even take what there is.
        let _ = self.queue.try_get();
    }
}

impl Drop for Nosy {
    fn drop(&mut self) {
        self.note("dropped");
    }
}

#[test]
fn wakers_are_woken_and_dropped_outside_of_the_lock() {
    let queue = Queue::bounded(1);
    let log = Arc::default();
    let waker = || {
        Waker::from(Arc::new(Nosy {
            queue: queue.clone(),
            log: Arc::clone(&log),
        }))
    };
    let poll = |future: &mut dyn FnMut(&mut Context<'_>)| {
        let waker = waker();
        future(&mut Context::from_waker(&waker));
    };
    // Woken by an item.
    let mut get = queue.get();
    poll(&mut |cx| assert!(Pin::new(&mut get).poll(cx).is_pending()));
    queue.try_put(1).unwrap();
    drop(get);
    assert_eq!(queue.try_get(), Ok(1));
    // Replaced by another, and dropped with its future.
    let mut get = queue.get();
    poll(&mut |cx| assert!(Pin::new(&mut get).poll(cx).is_pending()));
    poll(&mut |cx| assert!(Pin::new(&mut get).poll(cx).is_pending()));
    drop(get);
    // Woken by room.
    queue.try_put(1).unwrap();
    let mut put = queue.put(2);
    poll(&mut |cx| assert!(Pin::new(&mut put).poll(cx).is_pending()));
    assert_eq!(queue.try_get(), Ok(1));
    drop(put);
    // Woken by the end.
    let mut join = queue.join();
    queue.try_put(3).unwrap();
    let mut put = queue.put(4);
    poll(&mut |cx| assert!(Pin::new(&mut join).poll(cx).is_pending()));
    poll(&mut |cx| assert!(Pin::new(&mut put).poll(cx).is_pending()));
    queue.close_now();
    let log = log.lock().unwrap();
    let count = |what| log.iter().filter(|(other, _)| *other == what).count();
    assert_eq!(count("woken"), 4, "{log:?}");
    assert_eq!(count("dropped"), 6, "{log:?}");
}

/// An item that uses its queue when it is dropped.
struct Item(Queue<Item>);

impl Drop for Item {
    fn drop(&mut self) {
        let _ = self.0.len();
    }
}

#[test]
fn items_are_dropped_outside_of_the_lock() {
    let queue = Queue::bounded(1);
    let item = || Item(queue.clone());
    queue.try_put(item()).ok().unwrap();
    drop(queue.try_put(item()).map_err(|error| error.into_inner()));
    let mut put = queue.put(item());
    waits(&mut put);
    drop(put);
    let mut put = queue.put(item());
    waits(&mut put);
    drop(queue.close_now());
    drop(put);
}

thread_local! {
    /// What comparing does.
    static COMPARE: Cell<Option<fn()>> = const { Cell::new(None) };
    static QUEUE: Queue<Key, Priority> = Queue::bounded_by(Priority, 20);
}

#[derive(Debug, PartialEq, Eq)]
struct Key(u32);

impl Ord for Key {
    fn cmp(&self, other: &Self) -> Ordering {
        if let Some(act) = COMPARE.get() {
            act();
        }
        self.0.cmp(&other.0)
    }
}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The fault of asyncio's queue: an item that cannot be compared is in the queue although putting
/// it failed.
#[test]
fn a_comparison_that_panics_changes_nothing() {
    let queue = QUEUE.with(Queue::clone);
    for key in [5, 2, 8, 1, 9, 3, 7, 4, 6] {
        queue.try_put(Key(key)).unwrap();
    }
    COMPARE.set(Some(|| std::panic::resume_unwind(Box::new("incomparable"))));
    for _ in 0..3 {
        let put = AssertUnwindSafe(|| queue.try_put(Key(0)));
        catch_unwind(put).unwrap_err();
        let get = AssertUnwindSafe(|| queue.try_get());
        catch_unwind(get).unwrap_err();
    }
    COMPARE.set(None);
    assert_eq!(queue.len(), 9);
    let keys: Vec<_> = queue.try_iter().map(|key| key.0).collect();
    assert_eq!(keys, [1, 2, 3, 4, 5, 6, 7, 8, 9]);
}

/// The item of one who waits for room cannot be compared: that one hears of it, as it would have if
/// there had been room. Whoever made the room has what it took, and nobody hangs.
#[test]
fn a_comparison_that_panics_when_there_is_room_is_for_who_puts() {
    let queue = Queue::bounded_by(Priority, 2);
    queue.try_put(Key(1)).unwrap();
    queue.try_put(Key(2)).unwrap();
    let count = Arc::new(super::Count::default());
    let mut puts = [queue.put(Key(3)), queue.put(Key(4))];
    for put in &mut puts {
        assert!(super::poll_with(put, &count).is_pending());
    }
    let incomparable = || COMPARE.set(Some(|| std::panic::resume_unwind(Box::new("not in order"))));
    thread::scope(|scope| {
        let blocked = scope.spawn(|| {
            catch_unwind(AssertUnwindSafe(|| queue.put_blocking(Key(5)))).map_err(|_| ())
        });
        while queue.putters_waiting() < 3 {
            thread::yield_now();
        }
        // What is taken is compared with nothing, and then each new one with what is left.
        incomparable();
        assert_eq!(queue.try_get().unwrap().0, 1);
        COMPARE.set(None);
        assert!(blocked.join().unwrap().is_err());
    });
    assert_eq!(
        (count.get(), queue.putters_waiting(), queue.len()),
        (2, 0, 1)
    );
    let [mut first, second] = puts;
    let panic = catch_unwind(AssertUnwindSafe(|| super::poll(&mut first))).unwrap_err();
    assert_eq!(panic.downcast_ref(), Some(&"not in order"));
    // One that goes away has its item still.
    assert_eq!(second.withdraw(), Some(Key(4)));
    assert!(queue.try_iter().map(|key| key.0).eq([2]));
}

#[test]
fn an_item_that_is_given_back_and_cannot_be_compared_is_not_lost() {
    let queue = Queue::bounded_by(Priority, 2);
    let mut get = queue.get();
    waits(&mut get);
    queue.try_put(Key(1)).unwrap();
    queue.try_put(Key(2)).unwrap();
    COMPARE.set(Some(|| std::panic::resume_unwind(Box::new("not in order"))));
    catch_unwind(AssertUnwindSafe(|| drop(get))).unwrap_err();
    COMPARE.set(None);
    assert_eq!((queue.len(), queue.unfinished()), (2, 2));
    let mut keys: Vec<_> = queue.try_iter().map(|key| key.0).collect();
    keys.sort();
    assert_eq!(keys, [1, 2]);
}

#[test]
fn a_comparison_that_uses_the_queue_panics_and_does_not_hang() {
    let queue = QUEUE.with(Queue::clone);
    queue.try_put(Key(1)).unwrap();
    COMPARE.set(Some(|| {
        QUEUE.with(Queue::len);
    }));
    let put = AssertUnwindSafe(|| queue.try_put(Key(0)));
    let panic = catch_unwind(put).unwrap_err();
    let message = panic.downcast_ref::<&str>().unwrap();
    assert!(message.contains("`Ord` of an item"), "{message}");
    COMPARE.set(None);
    assert!(queue.try_iter().map(|key| key.0).eq([1]));
}
