//! The contexts of the tasks: what their `ContextVar`s are set to.
//!
//! A task starts with a copy of its spawner's context. While it is polled, or its future dropped,
//! its context is the current one of the thread, and the context of whoever runs the task is put
//! aside. A main future has the context of whoever polls it.
//!
//! Without the feature `context` nothing here does anything.

pub(crate) use contexts::{Contexts, Forked, Taken, bind};

#[cfg(feature = "context")]
mod contexts {
    use std::cell::{Cell, RefCell};
    use std::mem;

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

        /// Calls a function in the context of the task in this slot. Afterwards the context is
        /// kept, unless `current` says that the slot is no longer that task's.
        #[inline]
        pub(crate) fn run(&self, slot: u32, current: &Cell<u32>, function: impl FnOnce()) {
            if context::in_use() || self.kept.get() > 0 {
                self.run_own(slot, current, function);
            } else {
                // Both contexts are new, and one can stand for the other until it is changed.
                let _leave = Leave {
                    contexts: self,
                    slot,
                    current,
                };
                function();
            }
        }

        /// Calls a function in a copy of the current context, and returns what it returns and the
        /// copy.
        #[inline]
        pub(crate) fn fork<R>(function: impl FnOnce() -> R) -> (R, Forked) {
            let (result, context) = context::fork(function);
            (result, Forked(context))
        }

        /// Gives the new task in this slot a context.
        #[inline]
        pub(crate) fn give(&self, slot: u32, Forked(context): Forked) {
            match context {
                Some(context) => self.keep(slot, context),
                None => self.inherit(slot),
            }
        }

        /// Calls a function in the context that is kept for this slot.
        #[inline(never)]
        fn run_own(&self, slot: u32, current: &Cell<u32>, function: impl FnOnce()) {
            let context = self.take(slot).unwrap_or_default();
            self.run_in(context, slot, current, function);
        }

        /// Calls a function in a context, which is kept afterwards.
        #[inline]
        fn run_in(
            &self,
            mut context: Context,
            slot: u32,
            current: &Cell<u32>,
            function: impl FnOnce(),
        ) {
            context::swap(&mut context);
            let _installed = Installed {
                contexts: self,
                slot,
                current,
                outer: context,
            };
            function();
        }

        /// Makes `outer` the current context, and keeps the one that is.
        fn leave(&self, slot: u32, current: &Cell<u32>, outer: &mut Context) {
            let used = context::in_use();
            context::swap(outer);
            if used && current.get() == slot {
                self.keep(slot, mem::take(outer));
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

    /// The context of what may become a task; `None` if it is the same as the current one.
    pub(crate) struct Forked(Option<Context>);

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
    struct Installed<'c> {
        contexts: &'c Contexts,
        slot: u32,
        current: &'c Cell<u32>,
        /// The context of whoever runs the task.
        outer: Context,
    }

    impl Drop for Installed<'_> {
        fn drop(&mut self) {
            self.contexts
                .leave(self.slot, self.current, &mut self.outer);
        }
    }

    /// Ends the turn of a new context that stood for another one.
    struct Leave<'c> {
        contexts: &'c Contexts,
        slot: u32,
        current: &'c Cell<u32>,
    }

    impl Leave<'_> {
        #[cold]
        fn leave(&self) {
            self.contexts
                .leave(self.slot, self.current, &mut Context::new());
        }
    }

    impl Drop for Leave<'_> {
        #[inline]
        fn drop(&mut self) {
            if context::in_use() {
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
        pub(crate) fn run(&self, _: u32, _: &Cell<u32>, function: impl FnOnce()) {
            function();
        }

        #[inline]
        pub(crate) fn fork<R>(function: impl FnOnce() -> R) -> (R, Forked) {
            (function(), Forked)
        }

        #[inline]
        pub(crate) fn give(&self, _: u32, Forked: Forked) {}

        pub(crate) fn take_out(&self, _: u32) -> Taken {
            Taken
        }

        #[inline]
        pub(crate) fn forget(&self, _: u32) {}
    }

    pub(crate) struct Forked;

    pub(crate) struct Taken;

    impl Taken {
        pub(crate) fn run(self, function: impl FnOnce()) {
            function();
        }
    }

    pub(crate) fn bind(callback: Callback) -> Callback {
        callback
    }
}
