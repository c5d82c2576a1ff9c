//! Where a scheduler lives: its home thread, and the way back to it from there.

use std::cell::Cell;
use std::panic::Location;
use std::ptr::NonNull;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Waker;

use corokit_core::{Priority, TaskId, TaskState};

use crate::control::{Callback, Kill};
use crate::error::ScheduleError;
use crate::watch::{Unheard, Watch};

/// What a task, or a waker, asks of the scheduler when it is at home.
///
/// None of these runs user code: no poll, no waker but async-task's own, no destructor of a value
/// that the program owns. The one exception are the methods of the ready queue, which may be the
/// program's: they run while the state is borrowed, so dropping the executor in there panics, and
/// an executor whose drop unwinds leaks its scheduler. So none of these frees the scheduler that it
/// is called on.
pub(crate) trait Home {
    /// Puts the main future of a runner, which was woken, into the ready queue.
    fn wake_main(&self, slot: u32, generation: u32);

    /// Keeps a waker for a task that has none yet and is about to block.
    fn keep_waker(&self, slot: u32, waker: &Waker);

    /// Frees the slot of a task whose future has been dropped, and sees to its callbacks. Returns
    /// `true` if that put something into the ready queue.
    fn release(&self, slot: u32) -> bool;

    /// Returns what a task is doing.
    fn state(&self, id: TaskId) -> TaskState;

    /// Returns the name of a task.
    fn name(&self, id: TaskId) -> Option<Rc<str>>;

    /// Returns where a task was spawned, if that is known.
    fn location(&self, id: TaskId) -> Option<&'static Location<'static>>;

    /// Sets how urgent a task is, if it is there and the queue knows priorities.
    fn set_priority(&self, id: TaskId, priority: Priority);

    /// Names a task.
    fn set_name(&self, id: TaskId, name: Rc<str>) -> Result<(), ScheduleError>;

    /// Takes a step towards the end of a task.
    fn kill_step(&self, id: TaskId) -> Result<Kill, ScheduleError>;

    /// Adds something to be called when a task has ended.
    fn add_callback(&self, id: TaskId, callback: Callback) -> Result<(), ScheduleError>;
    /// Notes that the task that is being polled has panicked.
    fn note_panic(&self);

    /// Returns what debug mode has to say of a task that is freed in the turn of its panic.
    fn take_unheard(&self, slot: u32, generation: u32) -> Option<(Rc<Watch>, Unheard)>;
}

thread_local! {
    /// The number of this thread, 0 until a scheduler makes the thread its home. A number is never
    /// given to another thread. Constant and without a destructor: one load, at any time in the
    /// life of the thread.
    static THREAD: Cell<u64> = const { Cell::new(0) };
}

/// Returns the number of the current thread, which gets one if it has none.
fn number_this_thread() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    THREAD.with(|number| {
        if number.get() == 0 {
            number.set(NEXT.fetch_add(1, Ordering::Relaxed));
        }
        number.get()
    })
}

/// The pointer from what a task shares with its scheduler to the scheduler itself. It can be
/// followed on the home thread only.
pub(crate) struct HomeCell {
    /// The number of the home thread, never 0.
    thread: u64,
    target: Cell<Option<NonNull<dyn Home>>>,
}

// SAFETY: `thread` is never written after construction. The cell is touched by `target`,
// `set` and `clear` only, and each of these first makes sure that it runs on the home thread. A
// thread's number is never given to another thread, so the cell is touched by one thread in the
// whole life of the process. What `target` points to is not owned: dropping a `HomeCell` on any
// thread is a no-op.
unsafe impl Send for HomeCell {}
// SAFETY: as above.
unsafe impl Sync for HomeCell {}

impl HomeCell {
    /// Makes the current thread the home thread.
    pub(crate) fn new() -> Self {
        HomeCell {
            thread: number_this_thread(),
            target: Cell::new(None),
        }
    }

    /// Returns `true` on the home thread.
    #[inline]
    pub(crate) fn is_here(&self) -> bool {
        THREAD.with(Cell::get) == self.thread
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
        // `visit` either, since the methods of `Home` do not let the scheduler go. The target is
        // only ever used through shared references.
        let home = unsafe { target.as_ref() };
        Some(visit(home))
    }
}
