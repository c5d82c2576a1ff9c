//! What a stream shares with the thread that runs its iterator.
//!
//! The iterator is either here, parked, or with a job of the pool, which brings items until there
//! is no room for more and then parks it again. So a thread is used only while items are made.

use std::any::Any;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::Waker;

use crate::contained::contained;
use crate::sync::{Mutex, MutexGuard, lock};

pub(super) type Payload = Box<dyn Any + Send>;

pub(super) struct Bridge<I: Iterator>(Mutex<State<I>>);

pub(super) struct State<I: Iterator> {
    /// The iterator, unless a job has it or it is lost.
    pub(super) iterator: Option<I>,
    /// What was made and not taken.
    pub(super) ready: VecDeque<I::Item>,
    /// How many items may be in `ready`.
    pub(super) room: usize,
    /// Whether a job was sent that has not parked the iterator yet.
    pub(super) working: bool,
    /// Whether the iterator has ended or panicked.
    pub(super) ended: bool,
    /// What it panicked with, until that is passed on.
    pub(super) panic: Option<Payload>,
    /// Whether the pool did not run the job.
    pub(super) refused: bool,
    /// Whether nobody wants the items any more.
    pub(super) closed: bool,
    /// Who waits for an item, or for the iterator.
    pub(super) waker: Option<Waker>,
}

impl<I: Iterator> Bridge<I> {
    pub(super) fn new(iterator: I) -> Self {
        Bridge(Mutex::new(State {
            iterator: Some(iterator),
            ready: VecDeque::new(),
            room: 1,
            working: false,
            ended: false,
            panic: None,
            refused: false,
            closed: false,
            waker: None,
        }))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State<I>> {
        lock(&self.0)
    }
}

impl<I> Bridge<I>
where
    I: Iterator + Send + 'static,
    I::Item: Send + 'static,
{
    /// Makes items while there is room.
    fn make(&self) {
        // The stream may have taken the iterator back before the job began.
        let Some(mut iterator) = self.lock().iterator.take() else {
            return;
        };
        loop {
            let made = catch_unwind(AssertUnwindSafe(|| iterator.next()));
            let mut state = self.lock();
            if state.closed {
                drop(state);
                // Here, after the item: this may block as making items may.
                drop(made);
                drop(iterator);
                return;
            }
            let waker = state.waker.take();
            let stops = match made {
                Ok(Some(item)) => {
                    state.ready.push_back(item);
                    state.ready.len() >= state.room
                }
                Ok(None) => {
                    state.ended = true;
                    true
                }
                Err(payload) => {
                    state.ended = true;
                    state.working = false;
                    state.panic = Some(payload);
                    drop(state);
                    // What the stream says next is this panic, not one of the destructor.
                    contained(|| drop(iterator));
                    return wake(waker);
                }
            };
            if stops {
                state.working = false;
                state.iterator = Some(iterator);
                drop(state);
                return wake(waker);
            }
            drop(state);
            wake(waker);
        }
    }
}

/// Wakes. A waker that panics must not cost the iterator.
fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        contained(|| waker.wake());
    }
}

/// A job that is sent for more items. If it is dropped before it has run, it was refused.
pub(super) struct Making<I: Iterator> {
    bridge: Arc<Bridge<I>>,
    begun: bool,
}

impl<I> Making<I>
where
    I: Iterator + Send + 'static,
    I::Item: Send + 'static,
{
    /// For who has set `working`.
    pub(super) fn new(bridge: &Arc<Bridge<I>>) -> Self {
        Making {
            bridge: Arc::clone(bridge),
            begun: false,
        }
    }

    pub(super) fn run(mut self) {
        self.begun = true;
        self.bridge.make();
    }
}

impl<I: Iterator> Drop for Making<I> {
    fn drop(&mut self) {
        if self.begun {
            return;
        }
        let waker = {
            let mut state = self.bridge.lock();
            state.working = false;
            state.refused = true;
            state.waker.take()
        };
        wake(waker);
    }
}
