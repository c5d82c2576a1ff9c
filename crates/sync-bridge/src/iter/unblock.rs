use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::hint;
use std::mem;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_lite::Stream;

use super::bridge::{Bridge, State};
use crate::pool::{Pool, wait_for_a_job};

/// Makes a stream of an iterator that blocks: its items are made on a thread of the
/// [global pool](Pool::global), or of [another](UnblockIter::on).
///
/// It is lazy: an item is begun only when the stream is polled for it, and between items the
/// iterator uses no thread. That costs a way to a thread and back for each item, some microseconds;
/// [`ahead`](UnblockIter::ahead) makes items in advance instead.
///
/// A panic of the iterator comes out of the stream after all the items before it, and then the
/// stream has ended. Dropping the stream returns at once: an item that is being made is finished,
/// and then the iterator is dropped on its thread. [`into_inner`](UnblockIter::into_inner) gives
/// the iterator back.
///
/// # Panics
///
/// The stream panics if the pool was closed.
///
/// # Cancel safety
///
/// Dropping a future of the stream's next item loses nothing: the item is there for the next poll.
///
/// Source: `async_utils.sync_to_async_gen`.
///
/// # Examples
///
/// ```
/// use corokit_sync_bridge::unblock_iter;
/// use futures_lite::{StreamExt, future::block_on};
/// use std::io::BufRead;
///
/// let file = &b"one\ntwo\nthree\n"[..];
/// let lines = unblock_iter(file.lines());
/// let lines: Result<Vec<_>, _> = block_on(lines.try_collect());
/// assert_eq!(lines.unwrap(), ["one", "two", "three"]);
/// ```
pub fn unblock_iter<I>(iterator: I) -> UnblockIter<I>
where
    I: Iterator + Send + 'static,
    I::Item: Send + 'static,
{
    UnblockIter {
        bridge: Arc::new(Bridge::new(iterator)),
        taken: VecDeque::new(),
        ahead: 0,
        pool: None,
        begun: false,
    }
}

/// The stream of an iterator that blocks: [`unblock_iter`].
#[must_use = "streams do nothing unless polled"]
pub struct UnblockIter<I>
where
    I: Iterator + Send + 'static,
    I::Item: Send + 'static,
{
    bridge: Arc<Bridge<I>>,
    /// Items that were taken from the bridge together.
    taken: VecDeque<I::Item>,
    /// How many items may be made in advance.
    ahead: usize,
    /// Another pool than the global one.
    pool: Option<Pool>,
    /// Whether a thread has ever had the iterator.
    begun: bool,
}

impl<I> UnblockIter<I>
where
    I: Iterator + Send + 'static,
    I::Item: Send + 'static,
{
    /// Lets up to `items` items be made before they are asked for. It begins with the first poll.
    /// 0, as by default, is lazy.
    ///
    /// A thread is used while there is room for more, and again when half of them are taken.
    ///
    /// ```
    /// use corokit_sync_bridge::unblock_iter;
    /// use futures_lite::{StreamExt, future::block_on};
    ///
    /// let sum = unblock_iter(1..=100).ahead(16).fold(0, |sum, item| sum + item);
    /// assert_eq!(block_on(sum), 5050);
    /// ```
    pub fn ahead(mut self, items: usize) -> Self {
        self.ahead = items;
        self
    }

    /// Makes the items on a pool of one's own.
    ///
    /// ```
    /// use corokit_sync_bridge::{Pool, unblock_iter};
    /// use futures_lite::{StreamExt, future::block_on};
    ///
    /// let pool = Pool::new();
    /// let items: Vec<_> = block_on(unblock_iter(1..=3).on(&pool).collect());
    /// assert_eq!(items, [1, 2, 3]);
    /// ```
    pub fn on(mut self, pool: &Pool) -> Self {
        self.pool = Some(pool.clone());
        self
    }

    /// Ends the stream and gives the iterator back, with the items that were made in advance and
    /// not taken. The future waits for an item that is being made.
    ///
    /// It is `None` if the iterator has panicked.
    ///
    /// # Panics
    ///
    /// The future resumes a panic of the iterator that has not come out of the stream.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the stream.
    ///
    /// ```
    /// use corokit_sync_bridge::unblock_iter;
    /// use futures_lite::{StreamExt, future::block_on};
    ///
    /// block_on(async {
    ///     let mut numbers = unblock_iter(1..=3);
    ///     assert_eq!(numbers.next().await, Some(1));
    ///     let (rest, made) = numbers.into_inner().await.unwrap();
    ///     assert_eq!((rest, made), (2..=3, vec![]));
    /// });
    /// ```
    pub fn into_inner(self) -> IntoInner<I> {
        IntoInner { stream: Some(self) }
    }

    fn pool(&self) -> &Pool {
        self.pool.as_ref().unwrap_or_else(|| Pool::global())
    }

    /// Takes what is ready, and says whether the iterator is to make more.
    fn take(&mut self) -> Taken<I::Item> {
        let UnblockIter {
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
}

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

// The items are moved, never pinned.
impl<I> Unpin for UnblockIter<I>
where
    I: Iterator + Send + 'static,
    I::Item: Send + 'static,
{
}

impl<I> Stream for UnblockIter<I>
where
    I: Iterator + Send + 'static,
    I::Item: Send + 'static,
{
    type Item = I::Item;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<I::Item>> {
        let this = &mut *self;
        if let Some(item) = this.taken.pop_front() {
            return Poll::Ready(Some(item));
        }
        // Cloning a waker is user code, for which the lock is not held.
        let mut waker = None;
        loop {
            match this.take() {
                Taken::Item(item, more) => {
                    if more {
                        this.bridge.send(this.pool());
                    }
                    return Poll::Ready(Some(item));
                }
                Taken::End => return Poll::Ready(None),
                Taken::Nothing => {}
            }
            let Some(new) = waker.take() else {
                waker = Some(cx.waker().clone());
                if this.ahead > 1 && this.begun {
                    // To be woken costs a hundred times this moment, in which many an iterator
                    // makes a handful of items.
                    for _ in 0..LOOKS {
                        hint::spin_loop();
                    }
                }
                continue;
            };
            let mut state = this.bridge.lock();
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
                state.room = this.ahead.max(1);
            }
            drop(state);
            drop(old);
            if begins {
                this.begun = true;
                this.bridge.send(this.pool());
            }
            wait_for_a_job();
            return Poll::Pending;
        }
    }
}

impl<I> Drop for UnblockIter<I>
where
    I: Iterator + Send + 'static,
    I::Item: Send + 'static,
{
    fn drop(&mut self) {
        let (iterator, ready, waker) = {
            let mut state = self.bridge.lock();
            state.closed = true;
            let ready = mem::take(&mut state.ready);
            (state.iterator.take(), ready, state.waker.take())
        };
        // It may block in its destructor as in `next`: that is the pool's business, too.
        if let Some(iterator) = iterator.filter(|_| self.begun) {
            self.pool().run(move || drop(iterator)).detach();
        }
        drop(waker);
        drop(ready);
    }
}

impl<I> fmt::Debug for UnblockIter<I>
where
    I: Iterator + Send + 'static,
    I::Item: Send + 'static,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.bridge.lock();
        f.debug_struct("UnblockIter")
            .field("ahead", &self.ahead)
            .field("ready", &(self.taken.len() + state.ready.len()))
            .field("working", &state.working)
            .field("ended", &state.ended)
            .finish()
    }
}

/// The future of [`UnblockIter::into_inner`].
#[must_use = "futures do nothing unless polled or awaited"]
pub struct IntoInner<I>
where
    I: Iterator + Send + 'static,
    I::Item: Send + 'static,
{
    stream: Option<UnblockIter<I>>,
}

impl<I> Future for IntoInner<I>
where
    I: Iterator + Send + 'static,
    I::Item: Send + 'static,
{
    type Output = Option<(I, Vec<I::Item>)>;

    #[track_caller]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(stream) = &mut self.stream else {
            panic!("an `IntoInner` was polled after it had completed");
        };
        let new = cx.waker().clone();
        let mut state = stream.bridge.lock();
        // After the item that is being made the job stops.
        state.room = 0;
        let panic = state.panic.take();
        let iterator = state.iterator.take();
        if iterator.is_none() && state.working {
            let old = state.waker.replace(new);
            drop(state);
            drop(old);
            wait_for_a_job();
            return Poll::Pending;
        }
        let mut made = mem::take(&mut stream.taken);
        made.append(&mut state.ready);
        drop(state);
        self.stream = None;
        if let Some(payload) = panic {
            resume_unwind(payload);
        }
        Poll::Ready(iterator.map(|iterator| (iterator, made.into())))
    }
}

impl<I> fmt::Debug for IntoInner<I>
where
    I: Iterator + Send + 'static,
    I::Item: Send + 'static,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IntoInner")
            .field("stream", &self.stream)
            .finish()
    }
}
