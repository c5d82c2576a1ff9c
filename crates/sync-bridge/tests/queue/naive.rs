//! A queue beside a naive one.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use corokit_sync_bridge::queue::{
    Closed, Fifo, Get, Join, Keyed, Lifo, Order, Priority, Put, Queue, Tracked, TryGetError,
    TryPutError,
};

/// Compared by its key, which few of them differ in; the value says which it is.
type Item = Keyed<u8, usize>;

#[derive(Clone, Debug)]
pub(crate) enum Op {
    Put(u8),
    TryPut(u8),
    Get,
    TryGet,
    TryGetTracked,
    TryGetMany(usize),
    Join,
    Close,
    CloseNow,
    /// These are about one of all futures and guards that there are.
    Poll(usize),
    Drop(usize),
}

enum Handle<'a, D: Order<Item>> {
    Put(Put<'a, Item, D>),
    Get(Get<'a, Item, D>),
    Join(Join<'a, Item, D>),
    #[expect(dead_code, reason = "it is there to be dropped")]
    Tracked(Tracked<Item, D>),
    Gone,
}

/// What has become of a future.
#[derive(Clone, PartialEq, Debug)]
enum Fate {
    /// It has not been polled.
    New,
    Waits,
    /// It was granted this, or told that the queue is closed.
    Granted(Option<Item>),
    /// It was given back what it was to put.
    Refused(Item),
    Over,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Fifo,
    Lifo,
    Priority,
}

/// The model. The number of an item is that of its acceptance, in `ranks`.
struct Model {
    kind: Kind,
    capacity: usize,
    closed: bool,
    /// The items, each with its rank.
    stored: Vec<(usize, Item)>,
    rank: usize,
    ranks: Vec<(usize, usize)>,
    /// Those who wait, by their numbers.
    getters: VecDeque<usize>,
    putters: VecDeque<(usize, Item)>,
    joiners: Vec<usize>,
    tracked: usize,
    fates: Vec<Fate>,
}

impl Model {
    /// The index of the item that is to be had next.
    fn next(&self) -> Option<usize> {
        let indices = 0..self.stored.len();
        match self.kind {
            Kind::Fifo => indices.min_by_key(|&i| self.stored[i].0),
            Kind::Lifo => indices.max_by_key(|&i| self.stored[i].0),
            Kind::Priority => indices.min_by_key(|&i| (self.stored[i].1.key, self.stored[i].0)),
        }
    }

    fn on_their_way(&self) -> usize {
        let granted = |fate: &&Fate| matches!(fate, Fate::Granted(Some(_)));
        self.fates.iter().filter(granted).count()
    }

    fn unfinished(&self) -> usize {
        self.stored.len() + self.tracked + self.on_their_way()
    }

    /// Lets everything happen that can: room for those who wait, and the news that all is done.
    fn settle(&mut self) {
        while self.stored.len() < self.capacity {
            let Some((putter, item)) = self.putters.pop_front() else {
                break;
            };
            self.fates[putter] = Fate::Granted(None);
            self.store(item);
        }
        if self.unfinished() == 0 {
            for joiner in self.joiners.drain(..) {
                self.fates[joiner] = Fate::Granted(None);
            }
        }
    }

    fn store(&mut self, item: Item) {
        self.rank += 1;
        self.ranks.push((item.value, self.rank));
        self.stored.push((self.rank, item));
    }

    /// Puts an item if that is possible at once.
    fn put(&mut self, item: Item) -> Result<(), TryPutError<Item>> {
        if self.closed {
            return Err(TryPutError::Closed(item));
        }
        if let Some(getter) = self.getters.pop_front() {
            self.rank += 1;
            self.ranks.push((item.value, self.rank));
            self.fates[getter] = Fate::Granted(Some(item));
            return Ok(());
        }
        if self.stored.len() >= self.capacity {
            return Err(TryPutError::Full(item));
        }
        self.store(item);
        Ok(())
    }

    fn get(&mut self) -> Result<Item, TryGetError> {
        let Some(next) = self.next() else {
            return Err(match self.closed {
                true => TryGetError::Closed,
                false => TryGetError::Empty,
            });
        };
        Ok(self.stored.remove(next).1)
    }

    fn close(&mut self) -> bool {
        if self.closed {
            return false;
        }
        self.closed = true;
        for (putter, item) in self.putters.drain(..) {
            self.fates[putter] = Fate::Refused(item);
        }
        for getter in self.getters.drain(..) {
            self.fates[getter] = Fate::Granted(None);
        }
        true
    }

    /// One that was granted an item goes away.
    fn give_back(&mut self, item: Item) {
        let ranked = self.ranks.iter().find(|(value, _)| *value == item.value);
        let rank = ranked.unwrap().1;
        match self.getters.pop_front() {
            Some(getter) => self.fates[getter] = Fate::Granted(Some(item)),
            None => self.stored.push((rank, item)),
        }
    }
}

/// Items are compared as a whole here, not by their keys.
#[track_caller]
fn assert_same(one: Option<Item>, other: Option<Item>) {
    assert_eq!(one.map(|item| item.value), other.map(|item| item.value));
}

/// Does the same with a queue of this kind and with the model, and compares after each step.
pub(crate) fn run(kind: Kind, capacity: usize, ops: &[Op]) {
    match kind {
        Kind::Fifo => run_by(Fifo, kind, capacity, ops),
        Kind::Lifo => run_by(Lifo, kind, capacity, ops),
        Kind::Priority => run_by(Priority, kind, capacity, ops),
    }
}

fn run_by<D: Order<Item>>(order: D, kind: Kind, capacity: usize, ops: &[Op]) {
    let queue = Queue::bounded_by(order, capacity);
    let mut model = Model {
        kind,
        capacity,
        closed: false,
        stored: Vec::new(),
        rank: 0,
        ranks: Vec::new(),
        getters: VecDeque::new(),
        putters: VecDeque::new(),
        joiners: Vec::new(),
        tracked: 0,
        fates: Vec::new(),
    };
    let mut handles: Vec<Handle<'_, D>> = Vec::new();
    let mut items: Vec<Option<Item>> = Vec::new();
    for (value, op) in ops.iter().enumerate() {
        let mut add = |model: &mut Model, handle, item| {
            handles.push(handle);
            items.push(item);
            model.fates.push(Fate::New);
        };
        match *op {
            Op::Put(key) => {
                let item = Keyed { key, value };
                add(&mut model, Handle::Put(queue.put(item)), Some(item));
            }
            Op::Get => add(&mut model, Handle::Get(queue.get()), None),
            Op::Join => add(&mut model, Handle::Join(queue.join()), None),
            Op::TryPut(key) => {
                let item = Keyed { key, value };
                assert_eq!(queue.try_put(item), model.put(item));
            }
            Op::TryGet => {
                let (got, expected) = (queue.try_get(), model.get());
                assert_eq!(got, expected);
                assert_same(got.ok(), expected.ok());
            }
            Op::TryGetTracked => match (queue.try_get_tracked(), model.get()) {
                (Ok(tracked), Ok(item)) => {
                    assert_eq!(tracked.value, item.value);
                    model.tracked += 1;
                    add(&mut model, Handle::Tracked(tracked), None);
                }
                (got, expected) => assert_eq!(got.err(), expected.err()),
            },
            Op::TryGetMany(limit) => {
                let mut many = Vec::new();
                queue.try_get_many(&mut many, limit);
                // Room is filled when they have all been taken.
                let expected = (0..limit).map_while(|_| model.get().ok());
                assert!(
                    expected
                        .map(|item| item.value)
                        .eq(many.iter().map(|item| item.value))
                );
            }
            Op::Close => assert_eq!(queue.close(), model.close()),
            Op::CloseNow => {
                model.close();
                let expected: Vec<_> = std::iter::from_fn(|| model.get().ok()).collect();
                let had = queue.close_now().into_iter().map(|item| item.value);
                assert!(had.eq(expected.into_iter().map(|item| item.value)));
            }
            Op::Poll(index) if index < handles.len() => {
                poll_one(&mut model, &mut handles[index], items[index], index);
            }
            Op::Drop(index) if index < handles.len() => {
                match handles[index] {
                    Handle::Tracked(_) => model.tracked -= 1,
                    Handle::Get(_) => {
                        model.getters.retain(|getter| *getter != index);
                        if let Fate::Granted(Some(item)) = model.fates[index] {
                            model.give_back(item);
                        }
                    }
                    Handle::Put(_) => model.putters.retain(|(putter, _)| *putter != index),
                    Handle::Join(_) => model.joiners.retain(|joiner| *joiner != index),
                    Handle::Gone => {}
                }
                handles[index] = Handle::Gone;
                model.fates[index] = Fate::Over;
            }
            Op::Poll(_) | Op::Drop(_) => {}
        }
        model.settle();
        assert_eq!(queue.len(), model.stored.len());
        assert_eq!(queue.is_full(), model.stored.len() >= capacity);
        assert_eq!(queue.unfinished(), model.unfinished());
        assert_eq!(queue.getters_waiting(), model.getters.len());
        assert_eq!(queue.putters_waiting(), model.putters.len());
        assert_eq!(queue.is_closed(), model.closed);
    }
}

fn poll_one<D: Order<Item>>(
    model: &mut Model,
    handle: &mut Handle<'_, D>,
    item: Option<Item>,
    index: usize,
) {
    let fate = model.fates[index].clone();
    match handle {
        Handle::Put(put) => {
            let expected = match fate {
                Fate::New => match model.put(item.unwrap()) {
                    Ok(()) => Poll::Ready(Ok(())),
                    Err(TryPutError::Closed(item)) => Poll::Ready(Err(Closed(item))),
                    Err(_) => {
                        model.putters.push_back((index, item.unwrap()));
                        Poll::Pending
                    }
                },
                Fate::Granted(_) => Poll::Ready(Ok(())),
                Fate::Refused(item) => Poll::Ready(Err(Closed(item))),
                Fate::Waits => Poll::Pending,
                Fate::Over => unreachable!("it is not there any more"),
            };
            assert_eq!(poll(put), expected);
            end(model, handle, index, expected.is_ready());
        }
        Handle::Get(get) => {
            let expected = match fate {
                Fate::New => match model.get() {
                    Ok(item) => Poll::Ready(Ok(item)),
                    Err(TryGetError::Closed) => Poll::Ready(Err(Closed(()))),
                    Err(_) => {
                        model.getters.push_back(index);
                        Poll::Pending
                    }
                },
                Fate::Granted(Some(item)) => Poll::Ready(Ok(item)),
                // It was told of the end, and has what was given back since.
                Fate::Granted(None) => Poll::Ready(model.get().map_err(|_| Closed(()))),
                Fate::Waits => Poll::Pending,
                Fate::Refused(_) | Fate::Over => unreachable!("it is not there any more"),
            };
            let polled = poll(get);
            assert_eq!(polled, expected);
            if let (Poll::Ready(got), Poll::Ready(expected)) = (polled, expected) {
                assert_same(got.ok(), expected.ok());
            }
            end(model, handle, index, expected.is_ready());
        }
        Handle::Join(join) => {
            let expected = match fate {
                Fate::New if model.unfinished() == 0 => true,
                Fate::New => {
                    model.joiners.push(index);
                    false
                }
                Fate::Waits => false,
                _ => true,
            };
            assert_eq!(poll(join).is_ready(), expected);
            end(model, handle, index, expected);
        }
        Handle::Tracked(_) | Handle::Gone => {}
    }
}

/// Notes that a future has completed, or waits.
fn end<D: Order<Item>>(
    model: &mut Model,
    handle: &mut Handle<'_, D>,
    index: usize,
    completed: bool,
) {
    model.fates[index] = if completed { Fate::Over } else { Fate::Waits };
    if completed {
        *handle = Handle::Gone;
    }
}

fn poll<T>(future: &mut (impl Future<Output = T> + Unpin)) -> Poll<T> {
    Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}
