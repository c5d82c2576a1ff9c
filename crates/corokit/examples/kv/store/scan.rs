//! Going through all keys, a few at a time.
//!
//! The entries are an array, in which the last one takes the place of one that is removed. A scan goes
//! from the end to the front: what moves, moves from what was visited, or stays in what was not. So a
//! key that is there from the beginning to the end is visited at least once, whatever else comes and
//! goes.

use std::collections::HashSet;

use super::{Bytes, Store};

/// Names a scan that the store knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ScanId(u64);

/// A scan that visits each key once.
#[derive(Debug)]
pub(super) struct Scan {
    id: ScanId,
    /// What is before it is still to be visited.
    cursor: usize,
    /// The keys that were visited, and have moved before the cursor since.
    moved: HashSet<Bytes, foldhash::fast::RandomState>,
}

impl Store {
    /// Visits up to `count` keys, and returns the cursor to go on with: 0 when all were visited.
    /// A scan begins with the cursor 0. It may visit a key twice.
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

    /// Begins a scan that visits no key twice. It has to be ended.
    pub(crate) fn begin_scan(&mut self) -> ScanId {
        self.last_scan += 1;
        let id = ScanId(self.last_scan);
        self.scans.push(Scan {
            id,
            cursor: self.entries.len(),
            moved: HashSet::default(),
        });
        id
    }

    /// Visits up to `count` more keys. Returns `false` if those were the last.
    pub(crate) fn go_on_scanning(
        &mut self,
        id: ScanId,
        count: usize,
        mut visit: impl FnMut(&[u8]),
    ) -> bool {
        let Some(at) = self.scans.iter().position(|scan| scan.id == id) else {
            return false;
        };
        let end = self.scans[at].cursor.min(self.entries.len());
        let start = end.saturating_sub(count);
        for index in (start..end).rev() {
            if let Some((key, _)) = self.entries.get_index(index) {
                if !self.is_due(index) && !self.scans[at].moved.contains(key) {
                    visit(key);
                }
            }
        }
        self.scans[at].cursor = start;
        start > 0
    }

    /// Forgets a scan.
    pub(crate) fn end_scan(&mut self, id: ScanId) {
        self.scans.retain(|scan| scan.id != id);
    }

    /// Tells the scans that everything has been removed.
    pub(super) fn note_clear(&mut self) {
        for scan in &mut self.scans {
            scan.cursor = 0;
        }
    }

    /// Tells the scans that the entry at an index is about to go, and the last one to take its place.
    pub(super) fn note_move(&mut self, index: usize) {
        let Some(last) = self.entries.len().checked_sub(1) else {
            return;
        };
        for scan in &mut self.scans {
            // What comes later takes places from there on, and is not visited.
            scan.cursor = scan.cursor.min(last + 1);
            if index < scan.cursor && last >= scan.cursor {
                if let Some((key, _)) = self.entries.get_index(last) {
                    scan.moved.insert(key.clone());
                }
            }
            scan.cursor = scan.cursor.min(last);
        }
    }
}
