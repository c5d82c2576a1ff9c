//! Regions: futures that can be interrupted.

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::arena::Key;
use super::registry;
use super::scope::Scope;

/// Runs a future as a *region*: while it runs, others may [throw](crate::task_throw) a payload of
/// type `P` at the task. Then the future is dropped, where it waits, and the region gives
/// `Err(Interrupt { reason })`.
///
/// The region is open from its first poll on until it completes or is dropped, for the task of the
/// [current](crate::current) loop that polls it. A task may open several, nested or side by side:
/// of those that take the type of the payload, the one that was entered last gets it.
///
/// Delivery comes first: if what the future waits for is there as well, the interrupt still wins.
/// Nothing is lost by that, since dropping a future of this ecosystem passes on what was granted to
/// it: a lock, a permit, an item. A future that completes before it is interrupted gives `Ok`, and
/// a payload that comes too late never hits what the task does next.
///
/// Outside of any loop there is nobody to throw, and a region is its future and nothing else.
///
/// # What happens when
///
/// | case | rule |
/// |---|---|
/// | several regions are open | the one entered last of those that take the payload's type gets it |
/// | the task waits | the future is dropped; what it awaited by reference, such as a task, goes on |
/// | the task is ready: it was woken, or granted something | the interrupt wins, and the grant passes on |
/// | the task has not started | with [`spawn_interruptible`](crate::spawn_interruptible) nothing of it runs; without, [`InterruptError::NotInterruptible`](crate::InterruptError) |
/// | the task is the caller, or runs around it | [`InterruptError::Running`](crate::InterruptError) |
/// | the task is parked, see [`ready_take`](corokit_scheduler::LocalExecutor::ready_take) | [`InterruptError::Parked`](crate::InterruptError) |
/// | the task has finished, or was killed | [`InterruptError::Finished`](crate::InterruptError) |
/// | the task was cancelled, and its future is not dropped yet | the cancellation goes on: [`Outcome::Dropped`](crate::Outcome) |
/// | a second payload before the first is delivered | it replaces the first, which comes back: `Some`, or [`Outcome::Replaced`](crate::Outcome) |
/// | a region and one around it have a payload each | the outer one ends; [`Outcome::Dropped`](crate::Outcome) for the inner one |
/// | a [`shield`](crate::shield) is open inside | deferred to the first wait after it |
/// | the region completes first | [`Outcome::Completed`](crate::Outcome) |
/// | the task does not poll the region | pending until it does |
/// | another task polls the region | it is that task's from then on, with what is pending |
/// | the destructor of the future panics at delivery | the panic goes on; [`Outcome::Dropped`](crate::Outcome) when the region is dropped |
///
/// Source: asynkit's `InterruptException`, which Python raises wherever the task is; here the
/// program says where.
///
/// # Cancel safety
///
/// Dropping the region drops the future; a payload that is still on its way goes back to a
/// [`task_interrupt`](crate::task_interrupt) that waits, and is dropped otherwise.
///
/// # Examples
///
/// ```
/// use corokit_sched_loop::{self as sched_loop, Interrupt, TaskExt, interruptible};
/// use std::future::pending;
///
/// #[derive(Debug, PartialEq)]
/// struct Reload;
///
/// sched_loop::run(async {
///     let task = sched_loop::spawn(async {
///         match interruptible(pending::<()>()).await {
///             Err(Interrupt { reason: Reload }) => "reloads",
///             Ok(()) => "is done",
///         }
///     });
///     futures_lite::future::yield_now().await;
///     sched_loop::task_throw(task.id(), Reload).unwrap();
///     assert_eq!(task.await, "reloads");
/// });
/// ```
pub fn interruptible<P: 'static, F: Future>(future: F) -> Interruptible<F, P> {
    Interruptible::new(future, None)
}

pin_project! {
    /// The future of [`interruptible`].
    ///
    /// It must be polled on the thread that polled it first, so it is not [`Send`]:
    ///
    /// ```compile_fail,E0277
    /// fn is_send<T: Send>(_: T) {}
    /// is_send(corokit_sched_loop::interruptible::<(), _>(async {}));
    /// ```
    ///
    /// # Panics
    ///
    /// Polling it after it has completed panics.
    #[must_use = "futures do nothing unless polled or awaited"]
    pub struct Interruptible<F, P> {
        // The order matters: when the region is dropped, its future goes first.
        #[pin]
        future: Option<F>,
        scope: Option<Scope>,
        payload: PhantomData<fn() -> P>,
        thread: PhantomData<Rc<()>>,
    }
}

impl<F, P: 'static> Interruptible<F, P> {
    fn new(future: F, scope: Option<Scope>) -> Self {
        Interruptible {
            future: Some(future),
            scope,
            payload: PhantomData,
            thread: PhantomData,
        }
    }

    /// Makes a region that is open before its first poll, and returns what names it.
    pub(super) fn for_a_task(future: F) -> (Self, Key) {
        let scope = Scope::region_of_task::<P>();
        let key = scope.key();
        (Interruptible::new(future, Some(scope)), key)
    }
}

impl<F: Future, P: 'static> Future for Interruptible<F, P> {
    type Output = Result<F::Output, Interrupt<P>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let Some(future) = this.future.as_mut().as_pin_mut() else {
            panic!("polled after completion");
        };
        let scope = this.scope.get_or_insert_with(Scope::region::<P>);
        if scope.begin(cx) {
            // What the future holds and waits for is passed on before anybody hears of it. If that
            // panics, the payload is still in the scope, and is dropped or goes back with it.
            this.future.set(None);
            let Some(payload) = this.scope.take().and_then(Scope::deliver) else {
                unreachable!("only the region itself takes its payload");
            };
            return Poll::Ready(Err(Interrupt {
                reason: typed(payload),
            }));
        }
        let entered = registry::enter(scope.key());
        let poll = future.poll(cx);
        drop(entered);
        poll.map(|output| {
            this.future.set(None);
            if let Some(scope) = this.scope.take() {
                scope.complete();
            }
            Ok(output)
        })
    }
}

impl<F, P> fmt::Debug for Interruptible<F, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Interruptible")
            .field("open", &self.scope.is_some())
            .finish_non_exhaustive()
    }
}

/// Turns a payload back into what was thrown.
pub(super) fn typed<P: 'static>(payload: Box<dyn Any>) -> P {
    match payload.downcast() {
        Ok(payload) => *payload,
        Err(_) => unreachable!("a region is found by the type of the payload"),
    }
}

/// A region was interrupted: the error of [`interruptible`].
///
/// # Examples
///
/// ```
/// use corokit_sched_loop::Interrupt;
///
/// let interrupt = Interrupt { reason: "reload" };
/// assert_eq!(interrupt.to_string(), "interrupted");
/// assert_eq!(interrupt.reason, "reload");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Interrupt<P> {
    /// What was thrown.
    pub reason: P,
}

impl<P> fmt::Display for Interrupt<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("interrupted")
    }
}

impl<P: fmt::Debug> Error for Interrupt<P> {}
