//! How busy an executor is, and was.

use std::cell::Cell;

use corokit_core::ReadyQueue;

use crate::executor::LocalExecutor;

/// What [`LocalExecutor::stats`] tells.
///
/// # Examples
///
/// ```
/// use corokit_scheduler::LocalExecutor;
///
/// let executor = LocalExecutor::new();
/// let one = executor.spawn(async {});
/// let two = executor.spawn(std::future::pending::<()>());
/// while executor.try_tick() {}
///
/// let stats = executor.stats();
/// assert_eq!((stats.ready, stats.blocked), (0, 1));
/// assert_eq!((stats.polls, stats.longest_queue), (2, 2));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// How many tasks and main futures are in the ready queue.
    pub ready: usize,
    /// How many are being polled: a poll may run other tasks inside.
    pub running: usize,
    /// How many wait for a wake-up.
    pub blocked: usize,
    /// How many the program has taken out of the ready queue.
    pub parked: usize,
    /// How many turns there have been: a task or a main future was polled, or a task that had been
    /// cancelled was dropped.
    pub polls: u64,
    /// The most entries that have ever been in the ready queue, now or when a turn began.
    pub longest_queue: usize,
    /// How many entries have been put in front of others without a turn in between that put none
    /// there. If this keeps growing, the others starve.
    ///
    /// Source: asynkit has no such counter; its loops of `sleep_insert(0)` and `task_switch`
    /// starve everything unseen.
    pub front_inserts_in_a_row: u64,
    /// The most that `front_inserts_in_a_row` has ever been.
    pub most_front_inserts_in_a_row: u64,
    /// How many wake-ups and cancellations have come from other threads. Several for one task that
    /// has not run meanwhile count once.
    pub foreign_wakes: u64,
}

/// What is counted, and at places that are passed anyway. The rest of [`Stats`] is looked up when
/// asked for.
#[derive(Default)]
pub(crate) struct Counters {
    turns: Cell<u64>,
    /// The longest ready queue from which an entry has been taken for its turn.
    longest_queue: Cell<usize>,
    foreign_wakes: Cell<u64>,
    /// How many insertions in front the last row had until now.
    front_inserts: Cell<u64>,
    /// How many the longest row had that is over.
    most_front_inserts: Cell<u64>,
    /// The number of turns at the last insertion in front.
    front_turn: Cell<u64>,
}

impl Counters {
    /// Counts a turn.
    #[inline]
    pub(crate) fn turn(&self) {
        self.turns.set(self.turns.get().wrapping_add(1));
    }

    /// Notes how long the ready queue is at the begin of a turn.
    #[inline]
    pub(crate) fn length(&self, ready: usize) {
        if ready > self.longest_queue.get() {
            self.longest_queue.set(ready);
        }
    }

    /// Counts an entry that is put in front of so many others.
    #[inline]
    pub(crate) fn front_insert(&self, others: usize) {
        if others == 0 {
            return;
        }
        if !self.is_front_row() {
            self.end_front_row();
        }
        self.front_turn.set(self.turns.get());
        self.front_inserts.set(self.front_inserts.get() + 1);
    }

    /// Insertions are in a row if each comes in the turn of the one before or in the next one.
    #[inline]
    fn is_front_row(&self) -> bool {
        self.turns.get() - self.front_turn.get() <= 1
    }

    #[cold]
    fn end_front_row(&self) {
        self.most_front_inserts.set(self.most_front_inserts());
        self.front_inserts.set(0);
    }

    fn front_inserts_in_a_row(&self) -> u64 {
        if self.is_front_row() {
            self.front_inserts.get()
        } else {
            0
        }
    }

    fn most_front_inserts(&self) -> u64 {
        self.most_front_inserts.get().max(self.front_inserts.get())
    }

    /// Counts what other threads have delivered.
    pub(crate) fn deliveries(&self, count: usize) {
        self.foreign_wakes
            .set(self.foreign_wakes.get() + count as u64);
    }
}

/// Counts.
impl<Q: ReadyQueue> LocalExecutor<'_, Q> {
    /// Returns how busy the executor is and was. Costs a few loads, however many tasks there are.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_scheduler::LocalExecutor;
    ///
    /// let executor = LocalExecutor::new();
    /// assert_eq!(executor.stats(), Default::default());
    ///
    /// let task = executor.spawn(async {});
    /// assert_eq!(executor.stats().ready, 1);
    /// ```
    pub fn stats(&self) -> Stats {
        let Some(local) = self.settled() else {
            return Stats::default();
        };
        let state = local.state.borrow();
        let (ready, running) = (state.queue.len(), local.running(&state));
        let counters = &local.counters;
        Stats {
            ready,
            running,
            blocked: state.table.entries() - ready - running - state.parked,
            parked: state.parked,
            polls: counters.turns.get(),
            longest_queue: counters.longest_queue.get().max(ready),
            front_inserts_in_a_row: counters.front_inserts_in_a_row(),
            most_front_inserts_in_a_row: counters.most_front_inserts(),
            foreign_wakes: counters.foreign_wakes.get(),
        }
    }
}
