//! Removes keys when they expire. A key that has expired is not there for anybody who asks; this gives
//! its memory back.

use std::cell::RefCell;
use std::collections::{HashMap, hash_map};
use std::rc::Rc;
use std::time::{Duration, Instant};

use corokit::bg_utils::scheduler::{Key, Scheduler};
use smol::future;

use crate::server::Server;
use crate::store::{Bytes, Millis};

/// How many expired keys are removed before other tasks have their turn.
const AT_ONCE: usize = 64;

/// The keys that expire, each at its time.
#[derive(Debug)]
pub(crate) struct Expiry {
    /// When the time of the store began.
    started: Instant,
    scheduler: Rc<Scheduler<Bytes>>,
    keys: RefCell<Keys>,
}

type Keys = HashMap<Bytes, Key, foldhash::fast::RandomState>;

/// Keys that no longer expire, because they are gone.
#[derive(Debug)]
pub(crate) struct Cancelled {
    scheduler: Rc<Scheduler<Bytes>>,
    keys: hash_map::IntoIter<Bytes, Key>,
}

impl Expiry {
    pub(crate) fn new(started: Instant) -> Self {
        Expiry {
            started,
            scheduler: Rc::new(Scheduler::new()),
            keys: RefCell::default(),
        }
    }

    /// Follows what the store says: when a key expires now, or that it does not.
    pub(crate) fn follow(&self, changes: Vec<(Bytes, Option<Millis>)>) {
        let mut keys = self.keys.borrow_mut();
        for (key, deadline) in changes {
            let Some(deadline) = deadline else {
                if let Some(entry) = keys.remove(&key) {
                    self.scheduler.cancel(entry);
                }
                continue;
            };
            // It expires with the millisecond after its deadline.
            let millis = deadline.since(Millis::START) + 1;
            let Some(instant) = self.started.checked_add(Duration::from_millis(millis)) else {
                continue;
            };
            let entry = keys.get(&key);
            if !entry.is_some_and(|entry| self.scheduler.reschedule(*entry, instant)) {
                let entry = self.scheduler.at(instant, key.clone());
                keys.insert(key, entry.expect("it is never closed"));
            }
        }
    }

    /// Forgets all keys. What is returned is to be dropped piece by piece.
    pub(crate) fn clear(&self) -> Cancelled {
        Cancelled {
            scheduler: Rc::clone(&self.scheduler),
            keys: self.keys.take().into_iter(),
        }
    }
}

impl Cancelled {
    /// Drops up to `count` keys. Returns `false` if those were the last.
    pub(crate) fn drop_some(&mut self, count: usize) -> bool {
        for (_, entry) in self.keys.by_ref().take(count) {
            self.scheduler.cancel(entry);
        }
        self.keys.len() > 0
    }
}

/// Removes keys when they expire.
pub(crate) async fn run(server: Rc<Server>) {
    let scheduler = Rc::clone(&server.expiry.scheduler);
    while let Some((_, key)) = scheduler.next().await {
        server.tick();
        expire(&server, &key);
        for _ in 1..AT_ONCE {
            match scheduler.try_next() {
                Ok((_, key)) => {
                    // Time passes meanwhile: this one may have become due since.
                    server.tick();
                    expire(&server, &key);
                }
                Err(_) => break,
            }
        }
        server.tell();
        future::yield_now().await;
    }
}

fn expire(server: &Server, key: &Bytes) {
    server.expiry.keys.borrow_mut().remove(key);
    let removed = server.store.borrow_mut().expire(key);
    debug_assert!(removed, "the store says when its keys expire");
}
