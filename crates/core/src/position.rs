//! Where in a ready queue.

use crate::TaskId;

/// A place in a ready queue.
///
/// A place is **the number of entries that run before it, the moved entry itself not counted**:
/// `Index(0)` is next, and an index past the end means the back.
///
/// Source: the `pos` arguments of asynkit's `sleep_insert`, `task_reinsert` and `call_pos`; there
/// negative numbers mean different things on different loops, so here the back has a name.
///
/// # Examples
///
/// ```
/// use corokit_core::Position;
///
/// assert_eq!(Position::from(0), Position::Index(0));
/// assert_eq!(Position::default(), Position::Back);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Position {
    /// Before every other entry: the entry runs next.
    Front,
    /// After exactly this many other entries, or at the back if there are fewer.
    Index(usize),
    /// Directly after the entry of this task.
    After(TaskId),
    /// Directly before the entry of this task.
    Before(TaskId),
    /// After every other entry.
    #[default]
    Back,
}

impl From<usize> for Position {
    /// Makes [`Position::Index`].
    fn from(index: usize) -> Self {
        Position::Index(index)
    }
}
