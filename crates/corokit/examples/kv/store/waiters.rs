//! Who waits for an element of a list that is not there yet.

use std::collections::{BTreeMap, HashMap};
use std::iter;

use smol::channel::{self, Receiver, Sender};

use super::{Bytes, End, Store};

/// The place of a waiter in the order of arrival.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ticket(u64);

/// An element that was given to a waiter, and the key of its list.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Grant {
    /// The key of the list.
    pub(crate) key: Bytes,
    /// The element.
    pub(crate) element: Bytes,
}

/// The waiters of each key, in the order of arrival.
#[derive(Debug, Default)]
pub(super) struct Waiters {
    queues: HashMap<Bytes, BTreeMap<Ticket, Sender<Grant>>, foldhash::fast::RandomState>,
    last: Ticket,
    /// How many there are.
    len: usize,
}

impl Store {
    /// Takes a place in the queue of each key. The first element that comes is sent to the
    /// receiver, and no other: the channel holds one.
    ///
    /// Who has received it, or no longer wants it, calls [`leave`](Store::leave).
    pub(crate) fn wait(&mut self, keys: &[Bytes]) -> (Ticket, Receiver<Grant>) {
        let (sender, receiver) = channel::bounded(1);
        self.waiters.last.0 += 1;
        self.waiters.len += 1;
        let ticket = self.waiters.last;
        for key in keys {
            let queue = self.waiters.queues.entry(key.clone()).or_default();
            queue.insert(ticket, sender.clone());
        }
        (ticket, receiver)
    }

    /// Returns the number of those who wait, or have not left since they got something.
    pub(crate) fn waiters_len(&self) -> usize {
        self.waiters.len
    }

    /// Returns the number of keys that somebody waits for.
    #[cfg(test)]
    pub(crate) fn awaited_keys(&self) -> usize {
        self.waiters.queues.len()
    }

    /// Gives up the places in the queues.
    pub(crate) fn leave(&mut self, ticket: Ticket, keys: &[Bytes]) {
        self.waiters.len -= 1;
        for key in keys {
            if let Some(queue) = self.waiters.queues.get_mut(key) {
                queue.remove(&ticket);
                if queue.is_empty() {
                    self.waiters.queues.remove(key);
                }
            }
        }
    }

    /// Gives the elements of a list to those who wait for one: first come, first served. They get
    /// them with the [news](super::News).
    pub(crate) fn serve(&mut self, key: &[u8]) {
        if self.waiters.queues.is_empty() {
            return;
        }
        while let Ok(Some(_)) = self.list(key) {
            let Some(queue) = self.waiters.queues.get_mut(key) else {
                return;
            };
            let Some((_, waiter)) = queue.pop_first() else {
                return;
            };
            // A waiter that got something from another key has not left this queue yet.
            if waiter.is_full() || waiter.is_closed() {
                continue;
            }
            if let Ok(Some(element)) = self.pop(key, End::Left) {
                let key = Bytes::from_slice(key);
                self.news.granted.push((waiter, Grant { key, element }));
            }
        }
    }

    /// Passes on what was given to a waiter that has gone: to the next one, or else back to the
    /// front of its list.
    pub(crate) fn give_back(&mut self, grant: Grant) {
        // A key that holds a string by now was overwritten, and so would this element have been.
        let element = iter::once(grant.element.as_slice());
        if self.push(&grant.key, End::Left, element).is_ok() {
            self.serve(&grant.key);
        }
    }
}
