//! What a scheduler shares with its tasks and wakers, wherever they are.

use std::num::NonZeroU64;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use async_task::Runnable;
use corokit_core::TaskId;

use crate::home::HomeCell;
use crate::inbox::Inbox;
use crate::main_waker::MainWaker;
use crate::remote::TaskRemote;
use crate::task::TaskMeta;

/// The part of a scheduler that outlives it as long as a task or a waker is somewhere.
#[repr(C)]
pub(crate) struct Shared {
    /// Keeps what is read at each wake-up off the cache lines that other threads write: the
    /// reference counts before this, and the inbox.
    _padding_before: [u64; 8],
    /// The number of the scheduler: never used for another one.
    pub(crate) number: NonZeroU64,
    pub(crate) home: HomeCell,
    /// Whether the task that is being polled has no waker in the task table yet. The home thread's
    /// own, atomic only to be `Sync`.
    wants_waker: AtomicBool,
    /// Whether debug mode is on. Written by the home thread only.
    watched: AtomicBool,
    _padding_after: [u64; 8],
    pub(crate) inbox: Inbox<Delivery>,
}

/// What other threads hand to a scheduler.
pub(crate) enum Delivery {
    /// A task that was woken, or cancelled.
    Task(Runnable<TaskMeta>),
    /// A main future that was woken.
    Main(Arc<MainWaker>),
    /// How urgent a task has become.
    Priority(TaskRemote),
}

impl Shared {
    /// Makes the shared part of a new scheduler that lives on the current thread.
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        Shared {
            _padding_before: [0; 8],
            number: NonZeroU64::new(number).expect("2^64 schedulers have been made"),
            home: HomeCell::new(),
            wants_waker: AtomicBool::new(false),
            watched: AtomicBool::new(false),
            _padding_after: [0; 8],
            inbox: Inbox::new(),
        }
    }

    /// Says whether the task that is about to be polled needs a waker in the task table.
    #[inline]
    pub(crate) fn set_wants_waker(&self, wanted: bool) {
        self.wants_waker.store(wanted, Ordering::Relaxed);
    }

    /// Returns what was last set by [`Shared::set_wants_waker`].
    #[inline]
    pub(crate) fn wants_waker(&self) -> bool {
        self.wants_waker.load(Ordering::Relaxed)
    }

    /// Says whether debug mode is on.
    pub(crate) fn set_watched(&self, watched: bool) {
        self.watched.store(watched, Ordering::Relaxed);
    }

    /// Returns what was last set by [`Shared::set_watched`].
    #[inline]
    pub(crate) fn is_watched(&self) -> bool {
        self.watched.load(Ordering::Relaxed)
    }

    pub(crate) fn task_id(&self, slot: u32, generation: u32) -> TaskId {
        TaskId::new(self.number, slot, generation)
    }
}
