//! The commands that may have a lot to do: `KEYS`, and `LRANGE` of a long range.
//!
//! They do it in slices, with others in between, in a task of low priority: what everybody waits for
//! at most is a slice. The price is that a reply is no picture of one moment: it has each key, or
//! element, that was there all the time, once; one that came or went meanwhile it may have or not.

use std::collections::VecDeque;
use std::mem;

use corokit::priority::Priority;
use smol::future;

use super::{Blocking, Failure};
use crate::client::{After, Client};
use crate::glob;
use crate::resp::{self, Args};
use crate::server::Server;
use crate::store::{Bytes, ScanId};

/// How many keys or elements are handled in one go.
const SLICE: usize = 128;

/// What was found, in pieces, so that its memory can be given back piece by piece: also if the client
/// goes.
struct Found<'a> {
    client: &'a Client,
    slices: VecDeque<Vec<Bytes>>,
    len: usize,
    /// How much memory it needs, about.
    size: usize,
}

impl<'a> Found<'a> {
    fn new(client: &'a Client) -> Self {
        Found {
            client,
            slices: VecDeque::new(),
            len: 0,
            size: 0,
        }
    }

    /// Adds what was found. Fails if the client would have to be told more than may wait for it.
    fn add(&mut self, slice: Vec<Bytes>) -> Result<(), Failure> {
        self.len += slice.len();
        let bytes: usize = slice.iter().map(|text| text.len()).sum();
        self.size += bytes + slice.len() * size_of::<Bytes>();
        if !slice.is_empty() {
            self.slices.push_back(slice);
        }
        if self.size > self.client.server.options.output_limit {
            // As for any reply that is too long.
            self.client.after.set(After::Close);
            return Err(Failure::new("ERR the reply is too long"));
        }
        Ok(())
    }

    /// Replies with all that was found, slice by slice.
    async fn reply(mut self) {
        let client = self.client;
        client.out.borrow_mut().array(self.len);
        while let Some(slice) = self.slices.pop_front() {
            {
                let mut out = client.out.borrow_mut();
                for text in &slice {
                    out.bulk(text);
                }
            }
            drop(slice);
            client.write_through().await;
            if client.after.get() != After::Continue {
                return;
            }
            give_way(client).await;
        }
    }
}

impl Drop for Found<'_> {
    fn drop(&mut self) {
        let slices = mem::take(&mut self.slices);
        if !slices.is_empty() {
            self.client.server.store.borrow_mut().discard(slices);
        }
    }
}

/// Lets others have their turn, before anything that is not urgent.
async fn give_way(client: &Client) {
    // Whatever the command does from now on, it does in a task of its own.
    client.urgency.set(Priority::LOW);
    future::yield_now().await;
    client.server.tick();
}

/// Finds the keys that match a pattern.
pub(super) fn keys<'a>(client: &'a Client, args: Args<'a>) -> Blocking<'a> {
    Box::pin(async move {
        let pattern = &args[1];
        let scan = Scan::new(&client.server);
        let mut found = Found::new(client);
        loop {
            let mut slice = Vec::new();
            let more = scan.next(SLICE, |key| {
                if glob::matches(pattern, key) {
                    slice.push(Bytes::from_slice(key));
                }
            });
            found.add(slice)?;
            if !more {
                break;
            }
            give_way(client).await;
        }
        drop(scan);
        found.reply().await;
        Ok(())
    })
}

/// Replies with the elements from one index to another. A negative one counts from the end.
pub(super) fn lrange<'a>(client: &'a Client, args: Args<'a>) -> Blocking<'a> {
    Box::pin(async move {
        let integer = |index: usize| resp::integer(&args[index]).ok_or(Failure::NOT_AN_INTEGER);
        let (start, stop) = (integer(2)?, integer(3)?);
        let key = &args[1];
        let mut range = match client.server.store.borrow_mut().list(key)? {
            None => 0..0,
            Some(list) => list.range_of(start, stop),
        };
        let mut found = Found::new(client);
        loop {
            {
                let mut store = client.server.store.borrow_mut();
                // It may have gone, or hold something else by now.
                if let Ok(Some(list)) = store.list(key) {
                    found.add(list.copy_from(&mut range, SLICE))?;
                } else {
                    range = 0..0;
                }
            }
            if range.is_empty() {
                break;
            }
            give_way(client).await;
        }
        found.reply().await;
        Ok(())
    })
}

/// A way through all keys, while others change them.
struct Scan<'a> {
    server: &'a Server,
    id: ScanId,
}

impl<'a> Scan<'a> {
    fn new(server: &'a Server) -> Self {
        let id = server.store.borrow_mut().begin_scan();
        Scan { server, id }
    }

    /// Visits up to `count` keys. Returns `false` if those were the last.
    fn next(&self, count: usize, visit: impl FnMut(&[u8])) -> bool {
        let mut store = self.server.store.borrow_mut();
        store.go_on_scanning(self.id, count, visit)
    }
}

impl Drop for Scan<'_> {
    fn drop(&mut self) {
        self.server.store.borrow_mut().end_scan(self.id);
    }
}
