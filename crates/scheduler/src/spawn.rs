//! How a future becomes a task.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use async_task::{Builder, WithInfo};
use corokit_core::ReadyQueue;
use pin_project_lite::pin_project;

use crate::local::Local;
use crate::table::Kind;
use crate::task::{self, Task, TaskMeta};

pin_project! {
    /// The future of a task, and its registration in the task table.
    ///
    /// The order of the fields matters: the future is dropped first, so that a task is counted
    /// until its future is gone.
    struct Registered<'m, F> {
        #[pin]
        future: F,
        registration: Registration<'m>,
    }
}

impl<F: Future> Future for Registered<'_, F> {
    type Output = F::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let poll = this.future.poll(cx);
        if poll.is_pending() {
            let TaskMeta { shared, slot, .. } = this.registration.meta;
            // A task that ends at its first poll never pays for a waker in the table.
            if shared.wants_waker() {
                shared
                    .home
                    .at_home(|home| home.keep_waker(*slot, cx.waker()));
            }
        }
        poll
    }
}

/// Frees the task's slot when it is dropped.
struct Registration<'m> {
    meta: &'m TaskMeta,
}

impl Drop for Registration<'_> {
    #[inline]
    fn drop(&mut self) {
        let TaskMeta { shared, slot, .. } = self.meta;
        shared.home.at_home(|home| home.release(*slot));
    }
}

/// Makes a task of a future and puts it into the ready queue.
///
/// # Safety
///
/// Whatever the future borrows must outlive the scheduler: [`Local::shut_down`] must be called
/// before it ends, or never and the future never be polled or dropped again.
#[inline]
pub(crate) unsafe fn spawn<'f, Q: ReadyQueue, F: Future + 'f>(
    local: &Local<Q>,
    future: F,
    name: Option<Rc<str>>,
) -> Task<F::Output> {
    let (slot, generation) = local.allocate(Kind::Task);
    if let Some(name) = name {
        local.state.borrow_mut().names.insert(slot, name);
    }
    let meta = TaskMeta {
        shared: Arc::clone(&local.shared),
        slot,
        generation,
    };
    let register = move |meta| Registered {
        future,
        registration: Registration { meta },
    };
    let schedule = WithInfo(task::schedule::<Q>);
    let builder = Builder::new().metadata(meta).propagate_panic(true);
    // SAFETY: of the clauses of `spawn_unchecked`,
    // - "if the future is not `Send`, its runnable must be used and dropped on the original
    //   thread": a runnable exists only in the task table, in the inbox, or on its way from one to
    //   the other through `schedule`. The table belongs to the home thread. Other threads only
    //   push runnables into the inbox, and leak what a closed inbox refuses; only the home thread
    //   takes them out, and `shut_down` leaks what it finds after the inbox was closed.
    // - "if the future is not `'static`, what it borrows must outlive its runnable": `shut_down`
    //   drops every future; the caller promises that it is called in time.
    // - "if the schedule function is not `Send` and `Sync`" or not `'static`: it is a plain
    //   function that captures nothing.
    // The metadata is `Send`, `Sync` and never changes, so it does not matter which thread reads
    // or drops it.
    let (runnable, task) = unsafe { builder.spawn_unchecked(register, schedule) };
    local.schedule(runnable, false);
    local.wake_runners();
    task
}
