//! The policy that decides which entry runs next.

use alloc::boxed::Box;

use crate::Priority;

/// The order of the entries that are ready to run.
///
/// A scheduler keeps its tasks in a table and gives each a *slot*, a small number. A ready queue
/// orders slots and knows nothing else: no tasks, no wakers, no user code. So a policy is written
/// and tested as a plain data structure.
///
/// The scheduler promises that a slot is in the queue at most once (it never pushes or inserts a
/// slot for which [`contains`](ReadyQueue::contains) is true) and that every slot lies below the
/// number last given to [`set_slots`](ReadyQueue::set_slots). A queue may panic if that is broken.
///
/// A **regular** entry is one that [`push`](ReadyQueue::push) put where the policy wants it. A
/// **placed** entry is one that `insert_*` put where the program wants it: whatever the policy,
/// it runs after exactly the entries that were before it at that moment and are still there.
///
/// # Examples
///
/// A queue that runs the lowest slot first, in the simplest way:
///
/// ```
/// use corokit_core::ReadyQueue;
///
/// #[derive(Default)]
/// struct LowestFirst {
///     placed: Vec<u32>,
///     regular: std::collections::BTreeSet<u32>,
/// }
///
/// impl LowestFirst {
///     /// Makes everything up to `index` placed, so that something can be put there.
///     fn place(&mut self, index: usize) {
///         while self.placed.len() < index {
///             match self.regular.pop_first() {
///                 Some(slot) => self.placed.push(slot),
///                 None => break,
///             }
///         }
///     }
///
///     fn find(&self, slot: u32) -> Option<usize> {
///         self.iter().position(|other| other == slot)
///     }
/// }
///
/// impl ReadyQueue for LowestFirst {
///     fn set_slots(&mut self, _: usize) {}
///
///     fn len(&self) -> usize {
///         self.placed.len() + self.regular.len()
///     }
///
///     fn contains(&self, slot: u32) -> bool {
///         self.find(slot).is_some()
///     }
///
///     fn push(&mut self, slot: u32) {
///         self.regular.insert(slot);
///     }
///
///     fn pop(&mut self) -> Option<u32> {
///         match self.placed.is_empty() {
///             true => self.regular.pop_first(),
///             false => Some(self.placed.remove(0)),
///         }
///     }
///
///     fn remove(&mut self, slot: u32) -> bool {
///         let found = self.contains(slot);
///         self.placed.retain(|other| *other != slot);
///         self.regular.remove(&slot);
///         found
///     }
///
///     fn insert_at(&mut self, slot: u32, index: usize) {
///         self.place(index);
///         self.placed.insert(index.min(self.placed.len()), slot);
///     }
///
///     fn insert_after(&mut self, slot: u32, anchor: u32) -> bool {
///         self.find(anchor).map(|index| self.insert_at(slot, index + 1)).is_some()
///     }
///
///     fn insert_before(&mut self, slot: u32, anchor: u32) -> bool {
///         self.find(anchor).map(|index| self.insert_at(slot, index)).is_some()
///     }
///
///     fn rotate_left(&mut self, count: usize) {
///         self.place(usize::MAX);
///         let len = self.placed.len().max(1);
///         self.placed.rotate_left(count % len);
///     }
///
///     fn iter(&self) -> Box<dyn Iterator<Item = u32> + '_> {
///         Box::new(self.placed.iter().chain(&self.regular).copied())
///     }
/// }
///
/// let mut queue = LowestFirst::default();
/// queue.set_slots(4);
/// queue.push(3);
/// queue.push(1);
/// queue.insert_at(2, 1);
/// queue.push(0);
/// assert_eq!(queue.iter().collect::<Vec<_>>(), [1, 2, 0, 3]);
/// ```
///
/// Source: asynkit's `AbstractSchedulingLoop` (`queue_len`, `queue_items`, `queue_find`,
/// `queue_remove`, `queue_insert`, `queue_insert_pos`).
pub trait ReadyQueue {
    /// Tells the queue that the task table now has `slots` slots. The number never shrinks.
    fn set_slots(&mut self, slots: usize);

    /// Returns the number of entries.
    fn len(&self) -> usize;

    /// Returns `true` if there is no entry.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns `true` if `slot` is in the queue.
    fn contains(&self, slot: u32) -> bool;

    /// Puts `slot` at its regular place.
    fn push(&mut self, slot: u32);

    /// Takes out the entry that runs next.
    fn pop(&mut self) -> Option<u32>;

    /// Takes `slot` out, wherever it is. Returns `false`, and changes nothing, if it is not there.
    fn remove(&mut self, slot: u32) -> bool;

    /// Puts `slot` after exactly `index` entries, or at the back if there are fewer.
    ///
    /// [`usize::MAX`] stands for `Position::Back`: a policy that does not order by arrival may take
    /// that for the slot's regular place.
    fn insert_at(&mut self, slot: u32, index: usize);

    /// Puts `slot` directly after `anchor`. Returns `false`, and changes nothing, if `anchor` is
    /// not in the queue.
    fn insert_after(&mut self, slot: u32, anchor: u32) -> bool;

    /// Puts `slot` directly before `anchor`. Returns `false`, and changes nothing, if `anchor` is
    /// not in the queue.
    fn insert_before(&mut self, slot: u32, anchor: u32) -> bool;

    /// Lets the first `count` entries, modulo the length, run after all others, in their order.
    fn rotate_left(&mut self, count: usize);

    /// Says how urgent `slot` is from now on, in the queue or out of it. Returns `false` if the queue
    /// knows no priorities, as by default.
    ///
    /// A slot that has not been given a priority has [`Priority::NORMAL`]. The scheduler gives that
    /// back to a slot whose task has ended.
    fn set_priority(&mut self, slot: u32, priority: Priority) -> bool {
        let _ = (slot, priority);
        false
    }

    /// Returns the priority of `slot`; `None` if the queue knows no priorities.
    fn priority(&self, slot: u32) -> Option<Priority> {
        let _ = slot;
        None
    }

    /// Lists the slots in the order in which they run.
    fn iter(&self) -> Box<dyn Iterator<Item = u32> + '_>;
}
