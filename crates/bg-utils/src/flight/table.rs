//! The flights that are under way, by key.

use std::borrow::Borrow;
use std::mem;
use std::sync::Arc;

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use super::cell::Cell;

/// The flights under way. It owns the keys; the callers know their flight by its address.
pub(crate) struct Flights<K, V, W> {
    table: HashTable<Flying<K, V, W>>,
}

pub(crate) struct Flying<K, V, W> {
    hash: u64,
    key: K,
    cell: Arc<Cell<V, W>>,
}

#[cfg(feature = "cache")]
impl<K, V, W> Flying<K, V, W> {
    pub(crate) fn into_key(self) -> K {
        self.key
    }
}

impl<K: Eq, V: Clone, W> Flights<K, V, W> {
    pub(crate) fn new() -> Self {
        Flights {
            table: HashTable::new(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.table.len()
    }

    /// Joins the flight of a key, with so many callers and with the work that they bring, or begins
    /// one.
    pub(crate) fn join_or_begin(
        &mut self,
        hash: u64,
        key: K,
        callers: usize,
        work: &mut Option<W>,
        begin: impl FnOnce(&mut Option<W>) -> Cell<V, W>,
    ) -> Joined<K, V, W> {
        let entry = self
            .table
            .entry(hash, |flying| flying.key == key, |flying| flying.hash);
        match entry {
            Entry::Occupied(mut entry) => {
                let cell = &entry.get().cell;
                if cell.join(callers, work) {
                    return Joined {
                        cell: Arc::clone(cell),
                        new: false,
                        garbage: (Some(key), None),
                    };
                }
                // Its last caller is on the way to take it out. This flight takes its place.
                let cell = Arc::new(begin(work));
                let dead = mem::replace(&mut entry.get_mut().cell, Arc::clone(&cell));
                Joined {
                    cell,
                    new: true,
                    garbage: (Some(key), Some(dead)),
                }
            }
            Entry::Vacant(entry) => {
                let cell = Arc::new(begin(work));
                entry.insert(Flying {
                    hash,
                    key,
                    cell: Arc::clone(&cell),
                });
                Joined {
                    cell,
                    new: true,
                    garbage: (None, None),
                }
            }
        }
    }

    /// Takes a flight out, unless it has been taken out before.
    pub(crate) fn take(&mut self, hash: u64, cell: &Arc<Cell<V, W>>) -> Option<Flying<K, V, W>> {
        let found = self
            .table
            .find_entry(hash, |flying| Arc::ptr_eq(&flying.cell, cell));
        Some(found.ok()?.remove().0)
    }

    /// Takes the flight of a key out, so that who comes next begins another.
    pub(crate) fn forget<Q>(&mut self, hash: u64, key: &Q) -> Option<Flying<K, V, W>>
    where
        K: Borrow<Q>,
        Q: Eq + ?Sized,
    {
        if self.table.is_empty() {
            return None;
        }
        let found = self
            .table
            .find_entry(hash, |flying| flying.key.borrow() == key);
        Some(found.ok()?.remove().0)
    }

    /// Takes all flights out.
    #[cfg(feature = "cache")]
    pub(crate) fn forget_all(&mut self) -> impl Iterator<Item = Flying<K, V, W>> + use<K, V, W> {
        mem::take(&mut self.table).into_iter()
    }
}

/// A flight, and whether it is new.
pub(crate) struct Joined<K, V, W> {
    pub(crate) cell: Arc<Cell<V, W>>,
    pub(crate) new: bool,
    /// To be dropped without a lock: the key, if it was not needed, and a flight that is dead.
    pub(crate) garbage: (Option<K>, Option<Arc<Cell<V, W>>>),
}
