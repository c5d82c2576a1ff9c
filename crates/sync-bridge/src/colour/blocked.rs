//! Blocking a thread on a future, and noticing when that can never end.

use std::future::{Future, poll_fn};
use std::panic::Location;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering, fence};
use std::sync::{Arc, Weak};
use std::task::{Context, Wake, Waker};

use corokit_core::time;

/// Blocks the thread until the future is ready.
pub(super) fn block_on<T>(
    future: impl Future<Output = T>,
    called_at: &'static Location<'static>,
) -> T {
    if cfg!(debug_assertions) {
        time::block_on(watched(future, called_at))
    } else {
        time::block_on(future)
    }
}

/// Panics when the future waits and nobody has a waker of it any more.
async fn watched<T>(future: impl Future<Output = T>, called_at: &'static Location<'static>) -> T {
    let mut future = pin!(future);
    // The waker of the last poll, for the next one, so that a future that compares them finds the
    // same: held here if nobody else has it.
    let mut waits = false;
    let mut held: Option<Arc<Watch>> = None;
    let mut lent: Weak<Watch> = Weak::new();
    poll_fn(|cx| {
        let watch = held.take().or_else(|| lent.upgrade());
        let watch = watch
            .filter(|watch| watch.waker.will_wake(cx.waker()))
            .unwrap_or_else(|| {
                Arc::new(Watch {
                    waker: cx.waker().clone(),
                    woken: AtomicBool::new(false),
                })
            });
        watch.woken.store(false, Ordering::SeqCst);
        let waker = Waker::from(Arc::clone(&watch));
        let polled = future.as_mut().poll(&mut Context::from_waker(&waker));
        drop(waker);
        // The loop that runs on this thread, if there is one, may say so.
        if polled.is_pending() && !std::mem::replace(&mut waits, true) {
            time::about_to_block(called_at);
        }
        lent = Arc::downgrade(&watch);
        // If this is the last one, nobody can make another.
        if Arc::strong_count(&watch) == 1 {
            // What was done with the others, before they were dropped, is visible then.
            fence(Ordering::Acquire);
            assert!(
                polled.is_ready() || watch.woken.load(Ordering::SeqCst),
                "a thread would wait for ever, at {called_at}: the future is pending, and nobody \
                 has its waker"
            );
            held = Some(watch);
        }
        polled
    })
    .await
}

/// The waker, and whether it was used.
struct Watch {
    waker: Waker,
    woken: AtomicBool,
}

impl Wake for Watch {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.woken.store(true, Ordering::SeqCst);
        self.waker.wake_by_ref();
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // Whoever had it, nobody has it any more: the thread looks again, and sees.
        self.waker.wake_by_ref();
    }
}
