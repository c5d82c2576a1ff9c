//! Children that may borrow, and do not outlive their scope.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::Future;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll, Waker};

use pin_project_lite::pin_project;

use crate::children::Children;
use crate::panicked::Settle;

/// Runs a body that may spawn children which borrow what the scope outlives.
///
/// The body and its children run together, inside of whoever awaits the scope: on any executor, on
/// one thread. A child starts in the turn in which it is spawned, after the body has had its own,
/// and is polled only when it was woken. When the body is done, children that are not are
/// cancelled; [`Scope::join`] waits for all of them.
///
/// Source: `asyncio.TaskGroup`, which waits at its end. A failure of a child is a value here, and
/// cancels nobody.
///
/// # Panics
///
/// If the body or a child panics, all others are dropped, and then the panic goes to the caller: the
/// first one, if there are more.
///
/// # Cancel safety
///
/// Dropping it drops the body and all children.
///
/// # Examples
///
/// ```
/// use corokit_parallel_serial::scope;
/// use futures_lite::future::{block_on, yield_now};
/// use std::cell::Cell;
///
/// let words = vec!["one".to_owned(), "three".to_owned()];
/// let letters = Cell::new(0);
/// let first = block_on(scope(|s| {
///     let (words, letters) = (&words, &letters);
///     async move {
///         for word in words {
///             s.spawn(async move {
///                 yield_now().await;
///                 letters.set(letters.get() + word.len());
///             });
///         }
///         let first = s.spawn(async { words[0].as_str() });
///         s.join().await;
///         first.await
///     }
/// }));
/// assert_eq!(letters.get(), 8);
/// assert_eq!(first, "one");
/// ```
pub fn scope<'env, Fut: Future>(body: impl FnOnce(Scope<'env>) -> Fut) -> ScopeRun<'env, Fut> {
    let scope = Scope {
        shared: Rc::new(Shared {
            incoming: RefCell::default(),
            doomed: RefCell::default(),
            live: Cell::new(0),
            joins: RefCell::default(),
            driver: Cell::new(None),
            turn: Cell::new(Turn::Nobody),
        }),
    };
    let guard = CloseOnDrop(scope.clone());
    ScopeRun {
        body: Some(Settle::new(body(scope))),
        children: Children::new(),
        finished: Vec::new(),
        guard,
    }
}

/// Spawns children into a [`scope`].
#[derive(Clone)]
pub struct Scope<'env> {
    shared: Rc<Shared<'env>>,
}

type Child<'env> = Settle<Pin<Box<dyn Future<Output = ()> + 'env>>>;

struct Shared<'env> {
    /// Children that the scope has not taken yet.
    incoming: RefCell<Vec<(Child<'env>, Rc<Place>)>>,
    /// Children that are to be dropped.
    doomed: RefCell<Vec<Rc<Place>>>,
    /// How many children have not ended.
    live: Cell<usize>,
    /// Who waits for all of them.
    joins: RefCell<Vec<Rc<Waiter>>>,
    /// Who drives the scope, while it waits.
    driver: Cell<Option<Waker>>,
    turn: Cell<Turn>,
}

/// One that waits for all children: whom to wake.
type Waiter = Cell<Option<Waker>>;

/// Whose turn it is.
#[derive(Clone, Copy, PartialEq)]
enum Turn {
    Nobody,
    Body,
    Child,
    /// The scope is over.
    Closed,
}

/// Where a child is among the children: nowhere, before it is taken and after it has ended.
#[derive(Default)]
struct Place {
    index: Cell<Option<usize>>,
}

impl<'env> Scope<'env> {
    /// Spawns a child. It goes on if the handle is dropped.
    ///
    /// A child may spawn others if it has a clone of the scope.
    ///
    /// # Panics
    ///
    /// Panics if the scope is over, which only a clone that was kept can see.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_parallel_serial::scope;
    /// use futures_lite::future::block_on;
    ///
    /// let answer = 42;
    /// let sum = block_on(scope(|s| {
    ///     let answer = &answer;
    ///     async move {
    ///         let child = s.spawn(async { *answer });
    ///         child.await + 1
    ///     }
    /// }));
    /// assert_eq!(sum, 43);
    /// ```
    #[track_caller]
    pub fn spawn<T: 'env>(&self, future: impl Future<Output = T> + 'env) -> ScopeTask<'env, T> {
        let shared = &self.shared;
        assert!(shared.turn.get() != Turn::Closed, "the scope is over");
        let result = Rc::new(Slot {
            output: Cell::new(None),
            ended: Cell::new(false),
            waiter: Cell::new(None),
        });
        let place = Rc::new(Place::default());
        let end = EndOnDrop {
            result: Rc::clone(&result),
            place: Rc::clone(&place),
            scope: Rc::downgrade(shared),
        };
        shared.live.set(shared.live.get() + 1);
        let child = Settle::new(Box::pin(async move {
            let output = future.await;
            end.result.output.set(Some(output));
            drop(end);
        }) as Pin<Box<dyn Future<Output = ()> + 'env>>);
        shared
            .incoming
            .borrow_mut()
            .push((child, Rc::clone(&place)));
        shared.wake_from_outside();
        ScopeTask {
            result,
            place,
            scope: self.clone(),
        }
    }

    /// Waits until no child is left, those included that are spawned meanwhile.
    ///
    /// # Panics
    ///
    /// Panics if a child waits for this: it would wait for itself.
    ///
    /// # Cancel safety
    ///
    /// Dropping it changes nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_parallel_serial::scope;
    /// use futures_lite::future::{block_on, yield_now};
    ///
    /// block_on(scope(|s| async move {
    ///     let child = s.spawn(yield_now());
    ///     s.join().await;
    ///     assert!(child.is_finished());
    /// }));
    /// ```
    pub fn join(&self) -> Join<'env> {
        Join {
            scope: self.clone(),
            waiter: None,
        }
    }

    /// Returns how many children have not ended.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_parallel_serial::scope;
    /// use futures_lite::future::block_on;
    ///
    /// block_on(scope(|s| async move {
    ///     assert!(s.is_empty());
    ///     s.spawn(async {});
    ///     assert_eq!(s.len(), 1);
    /// }));
    /// ```
    pub fn len(&self) -> usize {
        self.shared.live.get()
    }

    /// Says whether there is no child.
    ///
    /// # Examples
    ///
    /// See [`len`](Scope::len).
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl fmt::Debug for Scope<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope")
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

impl Shared<'_> {
    /// Has the scope polled, if this is not called in one of its own turns.
    fn wake_from_outside(&self) {
        if self.turn.get() == Turn::Nobody {
            if let Some(driver) = self.driver.take() {
                driver.wake();
            }
        }
    }

    /// Notes the end of a child.
    fn child_ended(&self) {
        self.live.set(self.live.get() - 1);
        if self.live.get() == 0 {
            let joins = self.joins.take();
            // All of them before the first is woken, which may wait again.
            let wakers: Vec<_> = joins.iter().filter_map(|waiter| waiter.take()).collect();
            wakers.into_iter().for_each(Waker::wake);
        }
    }
}

/// What a child leaves for whoever waits for it.
struct Slot<T> {
    output: Cell<Option<T>>,
    ended: Cell<bool>,
    waiter: Cell<Option<Waker>>,
}

/// Notes the end of a child, however it ends.
struct EndOnDrop<'env, T> {
    result: Rc<Slot<T>>,
    place: Rc<Place>,
    scope: Weak<Shared<'env>>,
}

impl<T> Drop for EndOnDrop<'_, T> {
    fn drop(&mut self) {
        self.result.ended.set(true);
        // Another child may get the number.
        self.place.index.set(None);
        if let Some(waiter) = self.result.waiter.take() {
            waiter.wake();
        }
        if let Some(scope) = self.scope.upgrade() {
            scope.child_ended();
        }
    }
}

/// A child of a [`scope`]: a future of its output. Dropping it lets the child go on.
///
/// # Panics
///
/// Polling it panics if the child was cancelled because the scope is over, and after it has
/// completed. Inside of the scope neither happens to a handle that is awaited.
pub struct ScopeTask<'env, T> {
    result: Rc<Slot<T>>,
    place: Rc<Place>,
    scope: Scope<'env>,
}

impl<T> ScopeTask<'_, T> {
    /// Says whether the child has ended.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_parallel_serial::scope;
    /// use futures_lite::future::block_on;
    ///
    /// block_on(scope(|s| async move {
    ///     assert!(!s.spawn(async {}).is_finished());
    /// }));
    /// ```
    pub fn is_finished(&self) -> bool {
        self.result.ended.get()
    }

    /// Ends the child, and waits until its future is gone. Returns the output, if there was one.
    ///
    /// # Cancel safety
    ///
    /// The child ends, also if this is dropped once it has been polled.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_parallel_serial::scope;
    /// use futures_lite::future::{block_on, pending};
    ///
    /// block_on(scope(|s| async move {
    ///     let child = s.spawn(pending::<()>());
    ///     assert_eq!(child.cancel().await, None);
    ///     assert!(s.is_empty());
    /// }));
    /// ```
    pub async fn cancel(self) -> Option<T> {
        let shared = &self.scope.shared;
        if !self.result.ended.get() && shared.turn.get() != Turn::Closed {
            shared.doomed.borrow_mut().push(Rc::clone(&self.place));
            shared.wake_from_outside();
            std::future::poll_fn(|cx| match self.result.ended.get() {
                true => Poll::Ready(()),
                false => {
                    self.result.waiter.set(Some(cx.waker().clone()));
                    Poll::Pending
                }
            })
            .await;
        }
        self.result.output.take()
    }
}

impl<T> Future for ScopeTask<'_, T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        if self.result.ended.get() {
            let output = self.result.output.take();
            return Poll::Ready(
                output.expect("the child was cancelled, or polled after completion"),
            );
        }
        drop(self.result.waiter.replace(Some(cx.waker().clone())));
        Poll::Pending
    }
}

impl<T> Drop for ScopeTask<'_, T> {
    fn drop(&mut self) {
        // The child may go on for long.
        drop(self.result.waiter.take());
    }
}

impl<T> fmt::Debug for ScopeTask<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScopeTask")
            .field("finished", &self.is_finished())
            .finish_non_exhaustive()
    }
}

/// The future of [`Scope::join`].
#[must_use = "futures do nothing unless polled or awaited"]
pub struct Join<'env> {
    scope: Scope<'env>,
    /// What stands for this among those that wait.
    waiter: Option<Rc<Waiter>>,
}

impl Future for Join<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let shared = &this.scope.shared;
        if shared.live.get() == 0 {
            return Poll::Ready(());
        }
        assert!(
            shared.turn.get() != Turn::Child,
            "a child of a scope cannot wait for all children: it is one of them"
        );
        let waiter = this.waiter.get_or_insert_default();
        let known = waiter.replace(Some(cx.waker().clone()));
        if known.is_none() {
            shared.joins.borrow_mut().push(Rc::clone(waiter));
        }
        drop(known);
        Poll::Pending
    }
}

impl fmt::Debug for Join<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Join")
            .field("scope", &self.scope)
            .finish_non_exhaustive()
    }
}

impl Drop for Join<'_> {
    fn drop(&mut self) {
        let Some(waiter) = self.waiter.take() else {
            return;
        };
        let shared = &self.scope.shared;
        let mut joins = shared.joins.borrow_mut();
        joins.retain(|other| !Rc::ptr_eq(other, &waiter));
        drop(joins);
        // The waker goes last, outside of the borrow.
        drop(waiter);
    }
}

pin_project! {
    /// The future of [`scope`].
    ///
    /// # Panics
    ///
    /// Polling it after it has completed panics.
    #[must_use = "futures do nothing unless polled or awaited"]
    pub struct ScopeRun<'env, Fut> {
        #[pin]
        body: Option<Settle<Fut>>,
        children: Children<Child<'env>>,
        // The numbers of those that have ended in this turn.
        finished: Vec<usize>,
        // Dropped last: it takes what is left.
        guard: CloseOnDrop<'env>,
    }
}

impl<Fut: Future> Future for ScopeRun<'_, Fut> {
    type Output = Fut::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Fut::Output> {
        let mut this = self.project();
        let shared = &this.guard.0.shared;
        let outcome = {
            let _turns = Turns(shared);
            shared.turn.set(Turn::Body);
            let body = this.body.as_mut().as_pin_mut();
            match body.expect("polled after completion").poll(cx) {
                Poll::Ready(outcome) => Some(outcome),
                Poll::Pending => {
                    shared.turn.set(Turn::Child);
                    let panicked = children_turn(shared, this.children, this.finished, cx);
                    panicked.map(|panicked| Err(crate::Panicked::new(panicked)))
                }
            }
        };
        let Some(outcome) = outcome else {
            // What was spawned or doomed in the children's turn.
            let more = !shared.incoming.borrow().is_empty() || !shared.doomed.borrow().is_empty();
            match more {
                true => cx.waker().wake_by_ref(),
                false => drop(shared.driver.replace(Some(cx.waker().clone()))),
            }
            return Poll::Pending;
        };
        // Everybody goes before anything is said about the outcome. Another panic on the way does
        // not replace the first one.
        let end = catch_unwind(AssertUnwindSafe(|| {
            this.body.set(None);
        }));
        let children = mem::replace(this.children, Children::new());
        let end = end.and(catch_unwind(AssertUnwindSafe(|| drop(children))));
        let end = end.and(catch_unwind(AssertUnwindSafe(|| this.guard.close())));
        match (outcome, end) {
            (Ok(output), Ok(())) => Poll::Ready(output),
            (Err(panicked), _) => panicked.resume(),
            (_, Err(payload)) => resume_unwind(payload),
        }
    }
}

/// Lets the children have their turns. Returns what one of them panicked with.
fn children_turn<'env>(
    shared: &Rc<Shared<'env>>,
    children: &mut Children<Child<'env>>,
    finished: &mut Vec<usize>,
    cx: &mut Context<'_>,
) -> Option<Box<dyn Any + Send>> {
    for (child, place) in shared.incoming.take() {
        place.index.set(Some(children.insert(child)));
    }
    for place in shared.doomed.take() {
        let Some(index) = place.index.take() else {
            continue;
        };
        let removed = catch_unwind(AssertUnwindSafe(|| children.remove(index)));
        if let Err(payload) = removed {
            return Some(payload);
        }
    }
    let polled = children.poll_each(cx, |index, result| {
        finished.push(index);
        match result {
            Ok(()) => std::ops::ControlFlow::Continue(()),
            Err(panicked) => std::ops::ControlFlow::Break(panicked),
        }
    });
    for index in finished.drain(..) {
        children.release(index);
    }
    match polled {
        Poll::Ready(std::ops::ControlFlow::Break(panicked)) => Some(panicked.into_payload()),
        _ => None,
    }
}

/// Says that nobody of the scope has a turn any more.
struct Turns<'a, 'env>(&'a Shared<'env>);

impl Drop for Turns<'_, '_> {
    fn drop(&mut self) {
        self.0.turn.set(Turn::Nobody);
    }
}

/// Ends the scope: children that nobody has taken would keep themselves alive.
struct CloseOnDrop<'env>(Scope<'env>);

impl CloseOnDrop<'_> {
    fn close(&self) {
        let shared = &self.0.shared;
        shared.turn.set(Turn::Closed);
        // Dropping one may end the wait of another one, but none can spawn any more.
        drop(shared.incoming.take());
        drop(shared.doomed.take());
        drop(shared.driver.take());
        let joins = shared.joins.take();
        let wakers: Vec<_> = joins.iter().map(|waiter| waiter.take()).collect();
        drop(wakers);
    }
}

impl Drop for CloseOnDrop<'_> {
    fn drop(&mut self) {
        self.close();
    }
}

impl<Fut> fmt::Debug for ScopeRun<'_, Fut> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScopeRun")
            .field("scope", &self.guard.0)
            .finish_non_exhaustive()
    }
}
