//! The current context of a thread.
//!
//! Values are read in place, without a reference count, and yet any operation is allowed while a
//! program looks at one: it holds a shared borrow of `base`, and whoever wants to change the
//! context meanwhile finds that and changes a copy instead, `over`, which from then on is the
//! current context. When the last borrow ends, the copy takes the place of `base`.
//!
//! A context may be *lent*: whoever runs in it sees it as a copy of its own. The first change finds
//! that, and puts the context aside for its `owner`: from then on there is a copy.

use core::cell::{Cell, RefCell};
use core::mem;

use super::Context;

thread_local! {
    /// Whether the current context is anything but new. Constant and without a destructor: one
    /// load, at any time in the life of the thread.
    static IN_USE: Cell<bool> = const { Cell::new(false) };

    /// Whether the current context is lent. Without a destructor, too.
    static LENDING: Cell<Lending> = const { Cell::new(Lending::No) };

    static CURRENT: Current = const { Current::new() };
}

/// What has become of the context that was current at the innermost [`fork`](super::fork).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Lending {
    /// It was not lent.
    No,
    /// It is lent: it is the current one, and may not be changed.
    Lent,
    /// It is in `owner`.
    Copied,
}

struct Current {
    base: RefCell<Context>,
    /// The current context, if it was changed while `base` was being looked at.
    over: RefCell<Option<Context>>,
    /// A context that was lent, when there is a copy.
    owner: Cell<Option<Context>>,
}

impl Current {
    const fn new() -> Self {
        Current {
            base: RefCell::new(Context::new()),
            over: RefCell::new(None),
            owner: Cell::new(None),
        }
    }

    /// Calls `change` with the current context, which is not lent. `change` must not run code of the
    /// program.
    #[inline]
    fn change<R>(&self, change: impl FnOnce(&mut Context) -> R) -> R {
        let mut over = self.over.borrow_mut();
        let (result, in_use) = if let Some(over) = &mut *over {
            (change(over), !over.is_new())
        } else if let Ok(mut base) = self.base.try_borrow_mut() {
            (change(&mut base), !base.is_new())
        } else {
            let base = self.base.borrow();
            let over = over.insert(Context {
                values: base.values.clone(),
                number: base.number,
            });
            (change(over), !over.is_new())
        };
        IN_USE.set(in_use);
        result
    }

    /// Copies the current context, which is lent.
    #[cold]
    fn copy_lent(&self) {
        LENDING.set(Lending::Copied);
        let owner = self.change(|context| Context {
            values: context.values.clone(),
            number: context.number.take(),
        });
        self.owner.set(Some(owner));
    }

    /// Lets `over` take the place of `base`, unless `base` is still being looked at. Then whoever
    /// looks at it does this at the end.
    #[cold]
    fn settle(&self) {
        let old = {
            let Ok(mut base) = self.base.try_borrow_mut() else {
                return;
            };
            match self.over.take() {
                Some(over) => mem::replace(&mut *base, over),
                None => return,
            }
        };
        drop(old);
    }
}

impl Drop for Current {
    fn drop(&mut self) {
        // The values that are about to be dropped, and all later code, find an empty context.
        IN_USE.set(false);
    }
}

/// Ends a look at the context.
struct Looking<'c>(&'c Current);

impl Drop for Looking<'_> {
    #[inline]
    fn drop(&mut self) {
        if self.0.over.borrow().is_some() {
            self.0.settle();
        }
    }
}

/// Calls `look` with the current context. `look` may be any code.
#[inline]
pub(super) fn look<R>(look: impl FnOnce(&Context) -> R) -> R {
    if !in_use() {
        return look(&Context::new());
    }
    // Whatever is in use has not been destroyed.
    CURRENT.with(|current| {
        let over = current.over.borrow().clone();
        if let Some(over) = over {
            return look(&over);
        }
        let _looking = Looking(current);
        let base = current.base.borrow();
        look(&base)
    })
}

/// Calls `change` with the current context. `change` must not run code of the program.
///
/// Returns `None`, and changes nothing, if the thread-locals of this thread have been destroyed.
#[inline]
pub(super) fn change<R>(change: impl FnOnce(&mut Context) -> R) -> Option<R> {
    CURRENT
        .try_with(|current| {
            if LENDING.get() == Lending::Lent {
                current.copy_lent();
            }
            current.change(change)
        })
        .ok()
}

/// Lends the current context, which is in use, and returns what [`give_back`] asks for.
#[inline]
pub(super) fn lend() -> (Lending, Option<Context>) {
    let outer = LENDING.replace(Lending::Lent);
    let owner = match outer {
        Lending::No | Lending::Lent => None,
        Lending::Copied => take_owner(),
    };
    (outer, owner)
}

#[cold]
fn take_owner() -> Option<Context> {
    CURRENT.try_with(|current| current.owner.take()).ok()?
}

/// Ends the innermost [`lend`]. Returns the copy, if there is one.
#[inline]
pub(super) fn give_back(outer: Lending, owner: Option<Context>) -> Option<Context> {
    let copied = LENDING.replace(outer) == Lending::Copied;
    if copied || owner.is_some() {
        return end_copy(copied, owner);
    }
    None
}

/// Gives a context that was lent back to its owner, if there is a copy, and lets the owner around
/// it wait for its own again.
#[cold]
fn end_copy(copied: bool, outer: Option<Context>) -> Option<Context> {
    let ended = CURRENT.try_with(|current| {
        let mut context = current.owner.replace(outer).filter(|_| copied)?;
        current.change(|current| mem::swap(current, &mut context));
        Some(context)
    });
    ended.ok().flatten()
}

/// Copies the current context.
pub(super) fn copy() -> Context {
    look(Context::clone)
}

/// Returns `false` if the current context of this thread is new: empty, and never changed. It
/// costs one load.
///
/// An executor that gives tasks their own contexts calls this to see whether there is anything to
/// do: at a spawn, whether there is something to inherit; before a poll, whether there is something
/// that the task must not see; after it, whether the task has set anything.
///
/// # Examples
///
/// ```
/// use corokit_core::context::{self, Context, ContextVar};
///
/// static LEVEL: ContextVar<u32> = ContextVar::new();
///
/// assert!(!context::in_use());
/// LEVEL.set(1);
/// assert!(context::in_use());
/// assert!(!Context::new().run(context::in_use));
/// ```
#[inline]
pub fn in_use() -> bool {
    IN_USE.get()
}

/// Exchanges the current context of this thread with another one.
///
/// This is for executors, before and after each poll: it costs no reference count, and both
/// contexts keep their identity. Programs call [`Context::run`] and [`Context::scope`], which
/// exchange the contexts back also when a panic unwinds.
///
/// # Examples
///
/// ```
/// use corokit_core::context::{self, Context, ContextVar};
///
/// static LEVEL: ContextVar<u32> = ContextVar::new();
///
/// let mut task = Context::new().with_value(&LEVEL, 1);
/// context::swap(&mut task);
/// assert_eq!(LEVEL.get(), Some(1));
/// LEVEL.set(2);
/// context::swap(&mut task);
/// assert_eq!(LEVEL.get(), None);
/// assert_eq!(task.get(&LEVEL), Some(2));
/// ```
#[inline]
pub fn swap(context: &mut Context) {
    change(|current| mem::swap(current, context));
}
