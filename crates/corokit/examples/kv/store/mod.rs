//! What the server keeps: strings and lists by key, each with a time to live if it was given one.
//!
//! Plain data: nothing here waits, reads a clock or knows a client. The time is what the caller
//! says it is ([`Store::set_now`]).

mod effects;
mod expiry;
mod garbage;
mod lists;
mod scan;
mod waiters;

use std::mem;

use indexmap::IndexMap;
use smallvec::SmallVec;
use smol::channel::Sender;

use effects::Effects;
pub(crate) use expiry::Millis;
pub(crate) use garbage::Garbage;
pub(crate) use lists::{End, List};
use scan::Scan;
pub(crate) use scan::ScanId;
use waiters::Waiters;
pub(crate) use waiters::{Grant, Ticket};

/// A string of bytes. Up to 16 of them need no allocation.
pub(crate) type Bytes = SmallVec<[u8; 16]>;

/// What belongs to a key.
#[derive(Debug)]
pub(crate) enum Value {
    /// A string, which may be a number.
    String(Bytes),
    /// A list. It is never empty.
    List(Box<List>),
}

/// The key holds a value of another type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WrongType;

#[derive(Debug)]
pub(crate) struct Entry {
    value: Value,
    deadline: Option<Millis>,
}

/// What others are to be told. Telling wakes them, so it waits until the store is not borrowed.
#[derive(Debug, Default)]
pub(crate) struct News {
    /// What was given to those who wait for an element of a list.
    pub(crate) granted: Vec<(Sender<Grant>, Grant)>,
    /// Everything was removed, before what follows.
    pub(crate) cleared: bool,
    /// When keys expire now; `None` for those that do not, or are gone.
    pub(crate) deadlines: Vec<(Bytes, Option<Millis>)>,
    /// What is to be dropped when there is time for it.
    pub(crate) garbage: Vec<Garbage>,
    /// What has happened, as commands; nothing if it is not [kept](Store::keep_effects).
    pub(crate) effects: Vec<u8>,
}

/// Values by key.
#[derive(Debug)]
pub(crate) struct Store {
    /// The map keeps its entries in one array, in which a scan can go on where it left off.
    entries: IndexMap<Bytes, Entry, foldhash::fast::RandomState>,
    now: Millis,
    /// How many keys expire.
    expiring: usize,
    waiters: Waiters,
    /// The scans that are under way.
    scans: Vec<Scan>,
    last_scan: u64,
    last_list: u64,
    news: News,
    effects: Option<Effects>,
}

impl Store {
    /// Makes an empty store.
    pub(crate) fn new() -> Self {
        Store {
            entries: IndexMap::default(),
            now: Millis::START,
            expiring: 0,
            waiters: Waiters::default(),
            scans: Vec::new(),
            last_scan: 0,
            last_list: 0,
            news: News::default(),
            effects: None,
        }
    }

    /// Returns the number of keys. Keys that have expired count until they are removed.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns the number of keys that expire.
    pub(crate) fn deadlines_len(&self) -> usize {
        self.expiring
    }

    /// Removes everything. Who waits for a list goes on waiting.
    pub(crate) fn clear(&mut self) {
        // However much there was: it is gone now, and its memory later.
        let entries = mem::take(&mut self.entries);
        self.news
            .garbage
            .push(Garbage::Entries(entries.into_iter()));
        self.note_clear();
        self.expiring = 0;
        self.news.deadlines.clear();
        self.news.cleared = true;
        self.note(&[b"FLUSHALL"]);
    }

    /// Returns what has happened since this was called last.
    pub(crate) fn take_news(&mut self) -> News {
        let effects = self.take_effects();
        News {
            effects,
            ..mem::take(&mut self.news)
        }
    }

    /// Returns the value of a key.
    pub(crate) fn get(&mut self, key: &[u8]) -> Option<&mut Value> {
        let index = self.find(key)?;
        Some(&mut self.entries[index].value)
    }

    /// Returns the string of a key.
    pub(crate) fn string(&mut self, key: &[u8]) -> Result<Option<&mut Bytes>, WrongType> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::String(string)) => Ok(Some(string)),
            Some(Value::List(_)) => Err(WrongType),
        }
    }

    /// Gives a key a string, whatever it had before, and a deadline or none.
    pub(crate) fn set(&mut self, key: &[u8], string: &[u8], deadline: Option<Millis>) {
        self.note_set(key, string, deadline);
        let value = Value::String(Bytes::from_slice(string));
        match self.entries.get_index_of(key) {
            Some(index) => {
                let former = mem::replace(&mut self.entries[index].value, value);
                self.news.garbage.extend(former.into_garbage());
                self.set_deadline_at(index, deadline);
            }
            None => {
                let deadline_is_new = deadline.is_some();
                let index = self.insert(key, value);
                if deadline_is_new {
                    self.set_deadline_at(index, deadline);
                }
            }
        }
    }

    /// Changes the string of a key that is there. It expires when it would have.
    pub(crate) fn replace(&mut self, key: &[u8], string: &[u8]) {
        if let Some(index) = self.find(key) {
            let deadline = self.entries[index].deadline;
            self.note_set(key, string, deadline);
            self.entries[index].value = Value::String(Bytes::from_slice(string));
        }
    }

    /// Removes a key. Returns `true` if it was there.
    pub(crate) fn remove(&mut self, key: &[u8]) -> bool {
        match self.find(key) {
            Some(index) => {
                self.note(&[b"DEL", key]);
                self.remove_at(index);
                true
            }
            None => false,
        }
    }

    /// Finds a key that has not expired. If it has, it is removed.
    fn find(&mut self, key: &[u8]) -> Option<usize> {
        let index = self.entries.get_index_of(key)?;
        if self.is_due(index) {
            self.note(&[b"DEL", key]);
            self.remove_at(index);
            return None;
        }
        Some(index)
    }

    /// Adds a key that is not there.
    fn insert(&mut self, key: &[u8], value: Value) -> usize {
        let entry = Entry {
            value,
            deadline: None,
        };
        self.entries.insert_full(Bytes::from_slice(key), entry).0
    }

    /// Removes the entry at an index. The last entry takes its place.
    fn remove_at(&mut self, index: usize) {
        self.note_move(index);
        if let Some((key, entry)) = self.entries.swap_remove_index(index) {
            if entry.deadline.is_some() {
                self.expiring -= 1;
                self.news.deadlines.push((key, None));
            }
            self.news.garbage.extend(entry.value.into_garbage());
        }
    }
}
