//! A context that is copied when the first change comes.

use core::mem::ManuallyDrop;

use super::Context;
use super::current::{self, Lending, in_use};

/// Calls a function in a copy of the current context, and returns what it returns, and the copy.
///
/// The copy is made by the first change of the context inside the call. `None` says that there was
/// none, and that a copy of the context that is current now is the same: a function that changes
/// nothing costs some loads and stores, and no reference count.
///
/// This is for executors that run something before they know whether it needs a context of its
/// own. If the function panics, its copy is dropped.
///
/// # Examples
///
/// ```
/// use corokit_core::context::{ContextVar, fork};
///
/// static LEVEL: ContextVar<u32> = ContextVar::new();
///
/// LEVEL.set(1);
/// assert!(matches!(fork(|| LEVEL.get()), (Some(1), None)));
///
/// let (_, context) = fork(|| LEVEL.set(2));
/// assert_eq!(LEVEL.get(), Some(1));
/// assert_eq!(context.unwrap().get(&LEVEL), Some(2));
/// ```
#[inline]
pub fn fork<R>(function: impl FnOnce() -> R) -> (R, Option<Context>) {
    let lent = Lent::begin();
    let result = function();
    let context = ManuallyDrop::new(lent).end();
    (result, context)
}

/// The current context, while somebody else runs in it.
struct Lent {
    /// Whether it was new. Then it is not lent, since a new one can be made instead of a copy.
    new: bool,
    /// What belongs to the call of `fork` around this one.
    outer: Lending,
    owner: Option<Context>,
}

impl Lent {
    #[inline]
    fn begin() -> Self {
        let new = !in_use();
        let (outer, owner) = match new {
            true => (Lending::No, None),
            false => current::lend(),
        };
        Lent { new, outer, owner }
    }

    /// Makes the context current again, and returns the copy if there is one.
    #[inline]
    fn end(&mut self) -> Option<Context> {
        match self.new {
            true => in_use().then(Lent::take_new),
            false => current::give_back(self.outer, self.owner.take()),
        }
    }

    #[cold]
    fn take_new() -> Context {
        let mut context = Context::new();
        current::swap(&mut context);
        context
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        drop(self.end());
    }
}
