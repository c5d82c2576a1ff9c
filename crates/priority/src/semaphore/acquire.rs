//! The futures that wait for permits.

use std::fmt;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use corokit_core::Priority;

use super::line::Front;
use super::{PriorityPermit, PriorityPermitArc, PrioritySemaphore};
use crate::current::current;
use crate::urgency::Urgency;

/// How urgent somebody is who asks.
pub(super) enum Ask<P: Urgency> {
    At(P),
    /// As the task is that waits.
    Live(&'static Live<P>),
}

/// How to follow a task: known only where the urgency is a priority.
pub(super) struct Live<P: Urgency> {
    wait: fn(&Front<P>, Waker) -> Option<u32>,
    follow: fn(&Front<P>, u32),
}

impl Ask<Priority> {
    pub(super) const LIVE: Self = Ask::Live(&Live {
        wait: |front, waker| front.wait_as(current(), waker),
        follow: |front, number| front.follow(number, current().as_ref()),
    });
}

/// Somebody who asks for a permit.
struct Asking<P: Urgency> {
    ask: Ask<P>,
    progress: Progress,
}

#[derive(Clone, Copy)]
enum Progress {
    New,
    /// Waits, under this number.
    Waits(u32),
    Done,
}

impl<P: Urgency> Asking<P> {
    #[inline]
    fn poll(&mut self, front: &Front<P>, cx: &mut Context<'_>) -> Poll<()> {
        match self.progress {
            // Nothing but this is done if there is a permit.
            Progress::New if front.try_acquire() => {
                self.progress = Progress::Done;
                Poll::Ready(())
            }
            Progress::New => {
                let waker = cx.waker().clone();
                let waits = match &self.ask {
                    Ask::At(priority) => front.wait_at(*priority, waker),
                    Ask::Live(live) => (live.wait)(front, waker),
                };
                match waits {
                    Some(number) => {
                        self.progress = Progress::Waits(number);
                        Poll::Pending
                    }
                    None => {
                        self.progress = Progress::Done;
                        Poll::Ready(())
                    }
                }
            }
            Progress::Waits(number) => {
                if let Ask::Live(live) = &self.ask {
                    (live.follow)(front, number);
                }
                if front.poll(number, cx.waker()) {
                    self.progress = Progress::Done;
                    return Poll::Ready(());
                }
                Poll::Pending
            }
            Progress::Done => panic!("polled after completion"),
        }
    }

    /// Asks with another priority from now on.
    fn set_priority(&mut self, front: &Front<P>, priority: P) {
        self.ask = Ask::At(priority);
        if let Progress::Waits(number) = self.progress {
            front.requeue(number, priority);
        }
    }

    /// Goes away, and passes on what was granted.
    fn leave(&mut self, front: &Front<P>) {
        if let Progress::Waits(number) = mem::replace(&mut self.progress, Progress::Done) {
            front.leave(number);
        }
    }
}

/// Writes what the futures do that wait for a permit.
macro_rules! acquire {
    ($future:ident [$($lifetime:lifetime)?], $semaphore:ty, $permit:ty, $make:ident) => {
        /// Waits for a permit of a [`PrioritySemaphore`].
        ///
        /// # Panics
        ///
        /// Polling it after it has completed panics.
        #[must_use = "futures do nothing unless polled or awaited"]
        pub struct $future<$($lifetime,)? P: Urgency = Priority> {
            semaphore: $semaphore,
            asking: Asking<P>,
        }

        impl<$($lifetime,)? P: Urgency> $future<$($lifetime,)? P> {
            pub(super) fn new(semaphore: $semaphore, ask: Ask<P>) -> Self {
                $future {
                    semaphore,
                    asking: Asking {
                        ask,
                        progress: Progress::New,
                    },
                }
            }

            /// Waits with another priority from now on, which does not follow a task. The arrival stays:
            /// it comes before those of that priority that have come later.
            ///
            /// # Examples
            ///
            /// ```
            /// use corokit_priority::PrioritySemaphore;
            /// use futures_lite::future::{block_on, poll_once};
            /// use std::sync::Arc;
            ///
            /// let semaphore = Arc::new(PrioritySemaphore::new(0));
            /// let [mut first, mut second] = [1, 2].map(|deadline| semaphore.acquire_at_arc(deadline));
            /// block_on(async {
            ///     assert!(poll_once(&mut first).await.is_none());
            ///     assert!(poll_once(&mut second).await.is_none());
            ///     // It has less time than was thought.
            ///     second.set_priority(0);
            ///     semaphore.add_permits(1);
            ///     assert!(poll_once(&mut second).await.is_some());
            /// });
            /// ```
            pub fn set_priority(&mut self, priority: P) {
                self.asking.set_priority(self.semaphore.front(), priority);
            }
        }

        impl<$($lifetime,)? P: Urgency> Unpin for $future<$($lifetime,)? P> {}

        impl<$($lifetime,)? P: Urgency> Future for $future<$($lifetime,)? P> {
            type Output = $permit;

            fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
                let this = &mut *self;
                let polled = this.asking.poll(this.semaphore.front(), cx);
                polled.map(|()| this.semaphore.$make())
            }
        }

        impl<$($lifetime,)? P: Urgency> Drop for $future<$($lifetime,)? P> {
            fn drop(&mut self) {
                self.asking.leave(self.semaphore.front());
            }
        }

        impl<$($lifetime,)? P: Urgency> fmt::Debug for $future<$($lifetime,)? P> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($future)).finish_non_exhaustive()
            }
        }
    };
}

acquire!(Acquire['s], &'s PrioritySemaphore<P>, PriorityPermit<'s, P>, permit);
acquire!(AcquireArc[], Arc<PrioritySemaphore<P>>, PriorityPermitArc<P>, permit_arc);
