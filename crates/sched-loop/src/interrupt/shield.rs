//! Shields: sections that are not to be torn.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::scope::Scope;

/// Keeps interrupts, and timeouts, of the regions around it from dropping a future before it has
/// completed.
///
/// A payload that is thrown at such a region meanwhile is *deferred*: it is delivered when the task
/// waits for the first time after the shield, or comes too late if the region completes before
/// that. Regions and timeouts inside of the shield still work, and so do those beside it, in another
/// branch of a join. Dropping the shield's own future, or cancelling the task, is not held up.
///
/// Outside of regions and timeouts a shield does nothing.
///
/// # Cancel safety
///
/// Dropping it drops the future, and ends the shield.
///
/// # Examples
///
/// ```
/// use corokit_sched_loop::{self as sched_loop, Interrupt, TaskExt, interruptible, shield};
/// use futures_lite::future::yield_now;
/// use std::cell::Cell;
/// use std::future::pending;
/// use std::rc::Rc;
///
/// struct Stop;
///
/// sched_loop::run(async {
///     let saved = Rc::new(Cell::new(false));
///     let note = Rc::clone(&saved);
///     let task = sched_loop::spawn(interruptible(async move {
///         shield(async {
///             yield_now().await;
///             note.set(true);
///         })
///         .await;
///         pending::<()>().await;
///     }));
///     yield_now().await;
///     sched_loop::task_throw(task.id(), Stop).unwrap();
///     assert!(matches!(task.await, Err(Interrupt { reason: Stop })));
///     assert!(saved.get());
/// });
/// ```
pub fn shield<F: Future>(future: F) -> Shield<F> {
    Shield {
        future: Some(future),
        scope: None,
        thread: PhantomData,
    }
}

pin_project! {
    /// The future of [`shield`].
    ///
    /// # Panics
    ///
    /// Polling it after it has completed panics.
    #[must_use = "futures do nothing unless polled or awaited"]
    pub struct Shield<F> {
        // The order matters: the shield lasts until its future is gone.
        #[pin]
        future: Option<F>,
        scope: Option<Scope>,
        thread: PhantomData<Rc<()>>,
    }
}

impl<F: Future> Future for Shield<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let mut this = self.project();
        let Some(future) = this.future.as_mut().as_pin_mut() else {
            panic!("polled after completion");
        };
        if this.scope.is_none() {
            *this.scope = Scope::shield();
        }
        if let Some(scope) = this.scope {
            scope.begin(cx);
        }
        let output = ready!(future.poll(cx));
        this.future.set(None);
        drop(this.scope.take());
        Poll::Ready(output)
    }
}

impl<F> fmt::Debug for Shield<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shield")
            .field("open", &self.scope.is_some())
            .finish_non_exhaustive()
    }
}
