//! The contexts of the tasks: what their `ContextVar`s are set to.
//!
//! A task starts with a copy of its spawner's context. While it is polled, or its future dropped,
//! its context is the current one of the thread; meanwhile the context of whoever runs the task is
//! in the guard `Installed`. A main future has the context of whoever polls it.
//!
//! Without the feature `context` nothing here does anything.

pub(crate) use contexts::{Contexts, Taken, bind};

#[cfg(feature = "context")]
mod contexts {
    use std::cell::{Cell, RefCell};

    use corokit_core::context::{self, Context};

    use crate::control::Callback;

    /// The contexts of the tasks that do not run.
    pub(crate) struct Contexts {
        /// By slot; `None`, and past the end, for a task whose context is new.
        list: RefCell<Vec<Option<Context>>>,
        /// How many there are.
        kept: Cell<usize>,
    }

    impl Contexts {
        pub(crate) const fn new() -> Self {
            Contexts {
                list: RefCell::new(Vec::new()),
                kept: Cell::new(0),
            }
        }

        /// Gives the new task in this slot a copy of the current context.
        #[inline]
        pub(crate) fn inherit(&self, slot: u32) {
            if context::in_use() {
                self.keep(slot, Context::current());
            } else {
                self.forget(slot);
            }
        }

        /// Makes the context of the task in this slot the current one until the guard is dropped.
        /// Then it is kept, unless `current` says that the slot is no longer that task's.
        #[inline]
        pub(crate) fn enter<'c>(&'c self, slot: u32, current: &'c Cell<u32>) -> Installed<'c> {
            let outer = if context::in_use() || self.kept.get() > 0 {
                let mut context = self.take(slot).unwrap_or_default();
                context::swap(&mut context);
                Some(context)
            } else {
                None
            };
            Installed {
                contexts: self,
                slot,
                current,
                outer,
            }
        }

        /// Makes a copy of the current context the current one, as [`Contexts::enter`] does, for
        /// what may become the task in this slot.
        #[inline]
        pub(crate) fn fork<'c>(&'c self, slot: u32, current: &'c Cell<u32>) -> Installed<'c> {
            let outer = context::in_use().then(|| {
                let mut context = Context::current();
                context::swap(&mut context);
                context
            });
            Installed {
                contexts: self,
                slot,
                current,
                outer,
            }
        }

        /// Takes what is kept for this slot, to drop the task's future in it.
        pub(crate) fn take_out(&self, slot: u32) -> Taken {
            Taken(self.take(slot).unwrap_or_default())
        }

        /// Drops what is kept for this slot.
        #[inline]
        pub(crate) fn forget(&self, slot: u32) {
            if self.kept.get() > 0 {
                drop(self.take(slot));
            }
        }

        fn take(&self, slot: u32) -> Option<Context> {
            let mut list = self.list.borrow_mut();
            let context = list.get_mut(slot as usize)?.take()?;
            self.kept.set(self.kept.get() - 1);
            Some(context)
        }

        fn keep(&self, slot: u32, context: Context) {
            let index = slot as usize;
            let old = {
                let mut list = self.list.borrow_mut();
                if list.len() <= index {
                    list.resize_with(index + 1, || None);
                }
                list[index].replace(context)
            };
            if old.is_none() {
                self.kept.set(self.kept.get() + 1);
            }
            drop(old);
        }
    }

    /// The context of a task that is about to end.
    pub(crate) struct Taken(Context);

    impl Taken {
        pub(crate) fn run(mut self, function: impl FnOnce()) {
            self.0.run(function);
        }
    }

    /// Lets a callback run in a copy of the current context, whoever calls it.
    pub(crate) fn bind(callback: Callback) -> Callback {
        let mut context = Context::current();
        Box::new(move |id| context.run(|| callback(id)))
    }

    /// Ends the turn of a context.
    pub(crate) struct Installed<'c> {
        contexts: &'c Contexts,
        slot: u32,
        current: &'c Cell<u32>,
        /// The context of whoever runs the task. `None` stands for a new one that is still in
        /// place: the task had a new one, too.
        outer: Option<Context>,
    }

    impl Installed<'_> {
        #[cold]
        fn leave(&mut self) {
            let used = context::in_use();
            let mut context = self.outer.take().unwrap_or_default();
            context::swap(&mut context);
            if used && self.current.get() == self.slot {
                self.contexts.keep(self.slot, context);
            }
        }
    }

    impl Drop for Installed<'_> {
        #[inline]
        fn drop(&mut self) {
            if context::in_use() || self.outer.is_some() {
                self.leave();
            }
        }
    }
}

#[cfg(not(feature = "context"))]
mod contexts {
    use std::cell::Cell;

    use crate::control::Callback;

    pub(crate) struct Contexts;

    impl Contexts {
        pub(crate) const fn new() -> Self {
            Contexts
        }

        #[inline]
        pub(crate) fn inherit(&self, _: u32) {}

        #[inline]
        pub(crate) fn enter(&self, _: u32, _: &Cell<u32>) -> Installed {
            Installed
        }

        #[inline]
        pub(crate) fn fork(&self, _: u32, _: &Cell<u32>) -> Installed {
            Installed
        }

        pub(crate) fn take_out(&self, _: u32) -> Taken {
            Taken
        }

        #[inline]
        pub(crate) fn forget(&self, _: u32) {}
    }

    pub(crate) struct Taken;

    impl Taken {
        pub(crate) fn run(self, function: impl FnOnce()) {
            function();
        }
    }

    pub(crate) fn bind(callback: Callback) -> Callback {
        callback
    }

    pub(crate) struct Installed;

    impl Drop for Installed {
        #[inline]
        fn drop(&mut self) {}
    }
}
