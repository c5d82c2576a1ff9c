//! Ready queues of the program's own.
#![cfg(not(loom))]

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use corokit_core::{Position, ReadyQueue};
use corokit_scheduler::{Fifo, LocalExecutor};
use futures_lite::future::{block_on, yield_now};

/// A `Fifo` whose regular place is wherever `push` says.
struct Custom<F: FnMut(&mut Fifo, u32)> {
    fifo: Fifo,
    push: F,
}

impl<F: FnMut(&mut Fifo, u32)> Custom<F> {
    fn new(push: F) -> Self {
        let fifo = Fifo::new();
        Custom { fifo, push }
    }
}

impl<F: FnMut(&mut Fifo, u32)> ReadyQueue for Custom<F> {
    fn set_slots(&mut self, slots: usize) {
        self.fifo.set_slots(slots);
    }
    fn len(&self) -> usize {
        self.fifo.len()
    }
    fn contains(&self, slot: u32) -> bool {
        self.fifo.contains(slot)
    }
    fn push(&mut self, slot: u32) {
        (self.push)(&mut self.fifo, slot);
    }
    fn pop(&mut self) -> Option<u32> {
        self.fifo.pop()
    }
    fn remove(&mut self, slot: u32) -> bool {
        self.fifo.remove(slot)
    }
    fn insert_at(&mut self, slot: u32, index: usize) {
        self.fifo.insert_at(slot, index);
    }
    fn insert_after(&mut self, slot: u32, anchor: u32) -> bool {
        self.fifo.insert_after(slot, anchor)
    }
    fn insert_before(&mut self, slot: u32, anchor: u32) -> bool {
        self.fifo.insert_before(slot, anchor)
    }
    fn rotate_left(&mut self, count: usize) {
        self.fifo.rotate_left(count);
    }
    fn iter(&self) -> Box<dyn Iterator<Item = u32> + '_> {
        self.fifo.iter()
    }
}

#[test]
fn last_in_first_out() {
    let log = RefCell::new(Vec::new());
    let queue = Custom::new(|fifo, slot| fifo.insert_at(slot, 0));
    let executor = LocalExecutor::with_queue(queue);
    let tasks: Vec<_> = ["a", "b", "c"]
        .map(|name| {
            let log = &log;
            executor.spawn(async move {
                log.borrow_mut().push(name);
                yield_now().await;
                log.borrow_mut().push(name);
            })
        })
        .into();
    block_on(executor.run(async {
        executor.sleep_insert(Position::Back).await.unwrap();
        log.borrow_mut().push("main");
    }));
    assert_eq!(*log.borrow(), ["c", "c", "b", "b", "a", "a", "main"]);
    drop(tasks);
}

#[test]
#[should_panic(expected = "starts with an empty queue")]
fn a_queue_that_is_not_empty_is_refused() {
    let mut queue = Fifo::new();
    queue.set_slots(1);
    queue.push(0);
    let executor = LocalExecutor::with_queue(queue);
    drop(executor.spawn(async {}));
}

thread_local! {
    static VICTIM: Cell<Option<Box<dyn FnOnce()>>> = const { Cell::new(None) };
}

/// The queue drops its executor in the middle of an operation: the drop fails, and what the
/// operation still uses is not freed. This leaks the scheduler, and so is not for a leak checker.
#[test]
fn a_queue_that_drops_its_executor_leaks_it() {
    let queue = Custom::new(|fifo, slot| {
        if let Some(drop_executor) = VICTIM.take() {
            let result = catch_unwind(AssertUnwindSafe(drop_executor));
            assert!(result.is_err(), "the state is borrowed");
        }
        fifo.push(slot);
    });
    let executor = LocalExecutor::with_queue(queue);
    let main: Rc<Cell<Option<Waker>>> = Rc::default();
    let slot = Rc::clone(&main);
    let waits = poll_fn(move |cx| {
        slot.set(Some(cx.waker().clone()));
        Poll::<()>::Pending
    });
    let mut run = Box::pin(executor.run(waits));
    let poll = run.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    assert!(poll.is_pending());
    mem::forget(run);
    VICTIM.set(Some(Box::new(move || drop(executor))));
    let waker = main.take().unwrap();
    waker.wake_by_ref();
    waker.wake();
}
