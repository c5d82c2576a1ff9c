//! The commands that go through keys: `KEYS` and `SCAN`.
//!
//! They do it as all [long](super::long) commands do: in slices. Besides the number of keys, what it takes
//! to compare them with a pattern is limited in each.

use super::keys::is;
use super::long::{Found, SLICE, give_way};
use super::{Blocking, Failure};
use crate::client::Client;
use crate::glob::{self, Match};
use crate::resp::{self, Args};
use crate::server::Server;
use crate::store::{Bytes, ScanId};

/// How many steps a pattern is compared with keys in one go.
const STEPS: usize = 1 << 14;

/// How many keys `SCAN` visits at most in one call, whatever it is asked for: it is a hint.
const MOST_AT_ONCE: usize = 1024;

/// What of a slice of keys matches a pattern.
struct Matching<'a> {
    pattern: &'a [u8],
    steps: usize,
    found: Vec<Bytes>,
    /// Those with which it takes longer to compare.
    undecided: Vec<Bytes>,
}

impl<'a> Matching<'a> {
    fn new(pattern: &'a [u8]) -> Result<Self, Failure> {
        if pattern.len() > glob::LONGEST {
            return Err(Failure::LONG_PATTERN);
        }
        Ok(Matching {
            pattern,
            steps: STEPS,
            found: Vec::new(),
            undecided: Vec::new(),
        })
    }

    fn visit(&mut self, key: &[u8]) {
        match Match::new(self.pattern).go_on(key, &mut self.steps) {
            Some(true) => self.found.push(Bytes::from_slice(key)),
            Some(false) => {}
            None => self.undecided.push(Bytes::from_slice(key)),
        }
    }

    /// Compares with the rest, with others in between. Returns what matches.
    async fn finish(mut self, client: &Client) -> Vec<Bytes> {
        for key in self.undecided {
            let mut comparison = Match::new(self.pattern);
            loop {
                match comparison.go_on(&key, &mut self.steps) {
                    Some(true) => self.found.push(key),
                    Some(false) => {}
                    None => {
                        self.steps = STEPS;
                        give_way(client).await;
                        continue;
                    }
                }
                break;
            }
        }
        self.found
    }
}

/// Finds the keys that match a pattern.
pub(super) fn keys<'a>(client: &'a Client, args: Args<'a>) -> Blocking<'a> {
    Box::pin(async move {
        let pattern = &args[1];
        let scan = Scan::new(&client.server);
        let mut found = Found::new(client);
        loop {
            let mut slice = Matching::new(pattern)?;
            let more = scan.next(SLICE, |key| slice.visit(key));
            found.add(slice.finish(client).await)?;
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

/// Finds the keys of a part of the store that match a pattern.
pub(super) fn scan<'a>(client: &'a Client, args: Args<'a>) -> Blocking<'a> {
    Box::pin(async move {
        let cursor = std::str::from_utf8(&args[1])
            .ok()
            .and_then(|text| text.parse().ok());
        let cursor = cursor.ok_or(Failure::new("ERR invalid cursor"))?;
        let mut pattern: &[u8] = b"*";
        let mut count = 10;
        for at in (2..args.len()).step_by(2) {
            let value = args.get(at + 1).ok_or(Failure::SYNTAX)?;
            if is(&args[at], "match") {
                pattern = value;
            } else if is(&args[at], "count") {
                let number = resp::integer(value).ok_or(Failure::NOT_AN_INTEGER)?;
                count = usize::try_from(number).unwrap_or(0).min(MOST_AT_ONCE);
                if count == 0 {
                    return Err(Failure::SYNTAX);
                }
            } else {
                return Err(Failure::SYNTAX);
            }
        }

        let mut slice = Matching::new(pattern)?;
        let next = {
            let store = client.server.store.borrow();
            store.scan(cursor, count, |key| slice.visit(key))
        };
        let found = slice.finish(client).await;
        let mut out = client.out.borrow_mut();
        out.array(2);
        out.bulk(itoa::Buffer::new().format(next).as_bytes());
        out.array(found.len());
        for key in &found {
            out.bulk(key);
        }
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
