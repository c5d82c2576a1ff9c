//! The commands that may have a lot to do: `KEYS`, and `LRANGE` of a long range.
//!
//! They do it in slices, with others in between, in a task of low priority: what everybody waits for
//! at most is a slice. The price is that a reply is no picture of one moment: it has each key, or
//! element, that was there all the time, once; one that came or went meanwhile it may have or not.

use corokit::priority::Priority;
use smol::future;

use super::{Blocking, Failure};
use crate::client::Client;
use crate::glob;
use crate::resp::{self, Args};
use crate::server::Server;
use crate::store::{Bytes, ScanId};

/// How many keys or elements are handled in one go.
const SLICE: usize = 128;

/// What was found, in pieces, so that its memory can be given back piece by piece.
#[derive(Default)]
struct Found {
    slices: Vec<Vec<Bytes>>,
    len: usize,
}

impl Found {
    fn add(&mut self, slice: Vec<Bytes>) {
        self.len += slice.len();
        if !slice.is_empty() {
            self.slices.push(slice);
        }
    }

    /// Replies with all that was found, slice by slice.
    async fn reply(self, client: &Client) {
        client.out.borrow_mut().array(self.len);
        for slice in self.slices {
            {
                let mut out = client.out.borrow_mut();
                for text in &slice {
                    out.bulk(text);
                }
            }
            drop(slice);
            client.write_through().await;
            give_way(client).await;
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
        let mut found = Found::default();
        loop {
            let mut slice = Vec::new();
            let more = scan.next(SLICE, |key| {
                if glob::matches(pattern, key) {
                    slice.push(Bytes::from_slice(key));
                }
            });
            found.add(slice);
            if !more {
                break;
            }
            give_way(client).await;
        }
        drop(scan);
        found.reply(client).await;
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
        let mut found = Found::default();
        loop {
            {
                let mut store = client.server.store.borrow_mut();
                // It may have gone, or hold something else by now.
                if let Ok(Some(list)) = store.list(key) {
                    found.add(list.copy_from(&mut range, SLICE));
                } else {
                    range = 0..0;
                }
            }
            if range.is_empty() {
                break;
            }
            give_way(client).await;
        }
        found.reply(client).await;
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
