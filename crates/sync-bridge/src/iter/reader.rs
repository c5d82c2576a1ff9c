//! The stream's side of a bridge.

use std::collections::VecDeque;
use std::hint;
use std::mem;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::bridge::{Bridge, Making, State};

/// Reads the items, and sends the iterator for more: how it gets to a thread is the caller's
/// business.
pub(super) struct Reader<I: Iterator> {
    bridge: Arc<Bridge<I>>,
    /// Items that were taken from the bridge together.
    taken: VecDeque<I::Item>,
    /// How many items may be made in advance.
    pub(super) ahead: usize,
    /// Whether a thread has ever had the iterator.
    begun: bool,
}

/// The iterator, and the items that were made and not taken.
pub(super) type Rest<I> = (I, Vec<<I as Iterator>::Item>);

/// How many times a processor idles before a stream with items ahead waits: about a microsecond.
const LOOKS: u32 = 30;

/// What the bridge had.
enum Taken<T> {
    /// An item, and whether a job is to be sent for more.
    Item(T, bool),
    Nothing,
    End,
}

impl<I: Iterator> State<I> {
    /// Whether the iterator can be sent for more.
    fn may_work(&self) -> bool {
        !self.working && !self.ended && !self.refused
    }
}

impl<I> Reader<I>
where
    I: Iterator + Send + 'static,
    I::Item: Send + 'static,
{
    pub(super) fn new(iterator: I) -> Self {
        Reader {
            bridge: Arc::new(Bridge::new(iterator)),
            taken: VecDeque::new(),
            ahead: 0,
            begun: false,
        }
    }

    /// Takes what is ready, and says whether the iterator is to make more.
    fn take(&mut self) -> Taken<I::Item> {
        let Reader {
            bridge,
            taken,
            ahead,
            ..
        } = self;
        let mut state = bridge.lock();
        if state.ready.is_empty() {
            return match state.panic.take() {
                Some(payload) => {
                    drop(state);
                    resume_unwind(payload)
                }
                None if state.ended => Taken::End,
                None => Taken::Nothing,
            };
        }
        // Half of them at a time, at the cost of one lock; the other half's room is free then.
        let half = ahead.div_ceil(2).max(1);
        if state.ready.len() <= half {
            mem::swap(taken, &mut state.ready);
        } else {
            taken.extend(state.ready.drain(..half));
        }
        let item = taken.pop_front().expect("something was ready");
        state.room = ahead.saturating_sub(taken.len());
        let more = state.may_work() && state.ready.len() < state.room;
        state.working |= more;
        Taken::Item(item, more)
    }

    /// Gives the next item, or waits for it. `send` takes the iterator to a thread.
    pub(super) fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
        send: impl FnOnce(Making<I>),
    ) -> Poll<Option<I::Item>> {
        if let Some(item) = self.taken.pop_front() {
            return Poll::Ready(Some(item));
        }
        // Cloning a waker is user code, for which the lock is not held.
        let mut waker = None;
        loop {
            match self.take() {
                Taken::Item(item, more) => {
                    if more {
                        send(Making::new(&self.bridge));
                    }
                    return Poll::Ready(Some(item));
                }
                Taken::End => return Poll::Ready(None),
                Taken::Nothing => {}
            }
            let Some(new) = waker.take() else {
                waker = Some(cx.waker().clone());
                if self.ahead > 1 && self.begun {
                    // To be woken costs a hundred times this moment, in which many an iterator
                    // makes a handful of items.
                    for _ in 0..LOOKS {
                        hint::spin_loop();
                    }
                }
                continue;
            };
            let mut state = self.bridge.lock();
            if !state.ready.is_empty() || state.ended {
                continue;
            }
            if state.refused {
                drop(state);
                panic!("the pool of an iterator's stream was closed");
            }
            let old = state.waker.replace(new);
            let begins = state.may_work();
            if begins {
                state.working = true;
                state.room = self.ahead.max(1);
            }
            drop(state);
            drop(old);
            if begins {
                self.begun = true;
                send(Making::new(&self.bridge));
            }
            return Poll::Pending;
        }
    }

    /// Takes the iterator back, or waits for the item that is being made.
    pub(super) fn poll_rest(&mut self, cx: &mut Context<'_>) -> Poll<Option<Rest<I>>> {
        let new = cx.waker().clone();
        let mut state = self.bridge.lock();
        // After the item that is being made the job stops.
        state.room = 0;
        let panic = state.panic.take();
        let iterator = state.iterator.take();
        if iterator.is_none() && state.working {
            let old = state.waker.replace(new);
            drop(state);
            drop(old);
            return Poll::Pending;
        }
        let mut made = mem::take(&mut self.taken);
        made.append(&mut state.ready);
        drop(state);
        if let Some(payload) = panic {
            resume_unwind(payload);
        }
        Poll::Ready(iterator.map(|iterator| (iterator, made.into())))
    }

    /// Says that no more items are wanted. Returns the iterator if it is to be dropped on a thread.
    pub(super) fn close(&mut self) -> Option<I> {
        let (iterator, ready, waker) = {
            let mut state = self.bridge.lock();
            state.closed = true;
            let ready = mem::take(&mut state.ready);
            (state.iterator.take(), ready, state.waker.take())
        };
        drop(waker);
        drop(ready);
        iterator.filter(|_| self.begun)
    }

    /// How many items are there, whether some are being made, and whether the iterator has ended.
    pub(super) fn figures(&self) -> (usize, bool, bool) {
        let state = self.bridge.lock();
        let ready = self.taken.len() + state.ready.len();
        (ready, state.working, state.ended)
    }
}
