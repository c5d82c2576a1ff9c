//! A blocking function, awaited.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use crate::pool::{Job, Pool};

/// Calls a blocking function on a thread of the [global pool](Pool::global).
///
/// Like any future it does nothing before it is polled; [`Pool::run`] begins at once, and has
/// errors in the place of panics.
///
/// # Panics
///
/// The future resumes a panic of the function, and panics if the global pool has been closed.
///
/// Source: `asyncio.to_thread`.
///
/// # Examples
///
/// ```
/// use corokit_sync_bridge::unblock;
/// use futures_lite::future::block_on;
///
/// assert_eq!(block_on(unblock(|| 6 * 7)), 42);
/// ```
pub fn unblock<F, T>(function: F) -> Unblock<impl FnOnce(()) -> T + Send + 'static, (), T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    Unblock::new(|()| function(), ())
}

/// The future of a call of a blocking function, on the [global pool](Pool::global).
///
/// # Cancel safety
///
/// Dropped before its first poll, it has not called the function. Dropped later, it cancels a call
/// that has not begun; one that has begun runs on.
#[must_use = "futures do nothing unless polled or awaited"]
pub struct Unblock<F, A, T> {
    state: State<F, A, T>,
}

enum State<F, A, T> {
    Waits(F, A),
    Runs(Job<T>),
    Over,
}

impl<F, A, T> Unblock<F, A, T> {
    pub(crate) fn new(function: F, argument: A) -> Self {
        Unblock {
            state: State::Waits(function, argument),
        }
    }

    /// Takes the call back, if it has not been asked for.
    #[cfg(feature = "enter")]
    pub(crate) fn take(&mut self) -> Option<(F, A)> {
        match std::mem::replace(&mut self.state, State::Over) {
            State::Waits(function, argument) => Some((function, argument)),
            other => {
                self.state = other;
                None
            }
        }
    }
}

// Nothing in it is pinned.
impl<F, A, T> Unpin for Unblock<F, A, T> {}

impl<F, A, T> Future for Unblock<F, A, T>
where
    F: FnOnce(A) -> T + Send + 'static,
    A: Send + 'static,
    T: Send + 'static,
{
    type Output = T;

    #[track_caller]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        loop {
            match std::mem::replace(&mut self.state, State::Over) {
                State::Waits(function, argument) => {
                    let job = Pool::global().run(move || function(argument));
                    self.state = State::Runs(job);
                }
                State::Runs(mut job) => {
                    let polled = Pin::new(&mut job).poll(cx);
                    if polled.is_pending() {
                        self.state = State::Runs(job);
                    }
                    return match ready!(polled) {
                        Ok(output) => Poll::Ready(output),
                        Err(error) => panic!("the global pool did not run a job: {error}"),
                    };
                }
                State::Over => panic!("a blocking call was polled after it had completed"),
            }
        }
    }
}

impl<F, A, T> fmt::Debug for Unblock<F, A, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.state {
            State::Waits(..) => "Unblock(not begun)",
            State::Runs(_) => "Unblock(queued or running)",
            State::Over => "Unblock(over)",
        })
    }
}
