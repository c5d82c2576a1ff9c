//! Where a scheduler lives: its home thread, and the way back to it from there.

use std::cell::Cell;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Waker;

use async_task::Runnable;

use crate::task::TaskMeta;

/// What a task, or a waker, asks of the scheduler when it is at home.
///
/// None of these runs user code: no poll, no waker but async-task's own, no destructor of a value
/// that the program owns. So none of them can drop the scheduler that it is called on.
pub(crate) trait Home {
    /// Puts a task that is ready to run into the ready queue.
    fn schedule(&self, runnable: Runnable<TaskMeta>, woken_while_running: bool);

    /// Puts the main future of a runner, which was woken, into the ready queue.
    fn wake_main(&self, slot: u32, generation: u32);

    /// Keeps a waker for a task that has none yet and is about to block.
    fn keep_waker(&self, slot: u32, waker: &Waker);

    /// Frees the slot of a task whose future has been dropped.
    fn release(&self, slot: u32);
}

/// Returns a number that names the current thread and is never used for another one.
#[inline]
fn thread_number() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    thread_local! {
        // Constant and without a destructor: one load, at any time in the life of the thread.
        static NUMBER: Cell<u64> = const { Cell::new(0) };
    }
    NUMBER.with(|number| {
        if number.get() == 0 {
            number.set(NEXT.fetch_add(1, Ordering::Relaxed));
        }
        number.get()
    })
}

/// The pointer from what a task shares with its scheduler to the scheduler itself. It can be
/// followed on the home thread only.
pub(crate) struct HomeCell {
    thread: u64,
    target: Cell<Option<NonNull<dyn Home>>>,
    /// Whether the task that is being polled has no waker in the task table yet.
    wants_waker: Cell<bool>,
}

// SAFETY: `thread` is never written after construction. The cells are touched by `target`,
// `set`, `clear`, `set_wants_waker` and `wants_waker` only, and each of these first makes sure that
// it runs on the home thread. A thread's number is never given to another thread, so the cells
// are touched by one thread in the whole life of the process. What `target` points to is not
// owned: dropping a `HomeCell` on any thread is a no-op.
unsafe impl Send for HomeCell {}
// SAFETY: as above.
unsafe impl Sync for HomeCell {}

impl HomeCell {
    /// Makes the current thread the home thread.
    pub(crate) fn new() -> Self {
        HomeCell {
            thread: thread_number(),
            target: Cell::new(None),
            wants_waker: Cell::new(false),
        }
    }

    #[inline]
    fn is_here(&self) -> bool {
        thread_number() == self.thread
    }

    /// Points the cell at its scheduler.
    ///
    /// # Safety
    ///
    /// `target` must stay valid until [`HomeCell::clear`] is called.
    pub(crate) unsafe fn set(&self, target: NonNull<dyn Home>) {
        assert!(self.is_here());
        self.target.set(Some(target));
    }

    /// Forgets the scheduler, which is about to go away.
    pub(crate) fn clear(&self) {
        assert!(self.is_here());
        self.target.set(None);
    }

    /// Returns the scheduler, or `None` if this is another thread or if the scheduler is gone.
    ///
    /// The pointer is valid as long as no code runs that could drop the executor, that is: as long
    /// as no user code runs.
    #[inline]
    pub(crate) fn target(&self) -> Option<NonNull<dyn Home>> {
        if self.is_here() {
            self.target.get()
        } else {
            None
        }
    }

    /// Calls `visit` with the scheduler; does nothing, and returns `None`, if this is another
    /// thread or if the scheduler is gone. `visit` must call methods of [`Home`] and nothing else.
    #[inline]
    pub(crate) fn at_home<R>(&self, visit: impl FnOnce(&dyn Home) -> R) -> Option<R> {
        let target = self.target()?;
        // SAFETY: whoever called `set` keeps the target valid until `clear`, and `clear` has not
        // been called, since it empties the cell on this very thread; it is not called during
        // `visit` either, since the methods of `Home` run no user code. The target is only ever
        // used through shared references.
        let home = unsafe { target.as_ref() };
        Some(visit(home))
    }

    /// Says whether the task that is about to be polled needs a waker in the task table.
    #[inline]
    pub(crate) fn set_wants_waker(&self, wanted: bool) {
        debug_assert!(self.is_here());
        if self.is_here() {
            self.wants_waker.set(wanted);
        }
    }

    /// Returns what was last set by [`HomeCell::set_wants_waker`].
    #[inline]
    pub(crate) fn wants_waker(&self) -> bool {
        self.is_here() && self.wants_waker.get()
    }
}
