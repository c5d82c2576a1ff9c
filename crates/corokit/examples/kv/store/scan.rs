//! Going through all keys, a few at a time.

use super::Store;

impl Store {
    /// Visits up to `count` keys, and returns the cursor to go on with: 0 when all were visited.
    /// A scan begins with the cursor 0.
    ///
    /// A key that is there from the beginning of a scan to its end is visited at least once,
    /// whatever else comes and goes. The entries are an array, in which the last one takes the
    /// place of one that is removed, so the scan goes from the end to the front: what moves, moves
    /// from what was visited, or stays in what was not.
    pub(crate) fn scan<'a>(
        &'a self,
        cursor: u64,
        count: usize,
        mut visit: impl FnMut(&'a [u8]),
    ) -> u64 {
        let end = match usize::try_from(cursor) {
            Ok(0) | Err(_) => self.entries.len(),
            Ok(cursor) => cursor.min(self.entries.len()),
        };
        let start = end.saturating_sub(count);
        for index in (start..end).rev() {
            if let Some((key, _)) = self.entries.get_index(index) {
                if !self.is_due(index) {
                    visit(key);
                }
            }
        }
        start as u64
    }
}
