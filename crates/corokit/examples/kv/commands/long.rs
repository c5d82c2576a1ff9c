//! The commands that may have a lot to do: `LRANGE` of a long range, `LPOP` and `RPOP` of many elements,
//! `MGET` of many keys; and, in [`scan`](super::scan), `KEYS` and `SCAN`.
//!
//! They do it in slices, with others in between, in a task of low priority: what everybody waits for
//! at most is a slice. The price is that a reply is no picture of one moment: it has each key, or
//! element, that was there all the time, once; one that came or went meanwhile it may have or not.
//! Elements that are popped are taken out at one moment: only the reply takes its time.

use std::collections::VecDeque;
use std::mem;

use corokit::priority::Priority;
use smol::future;

use super::{Blocking, Failure};
use crate::client::{After, Client};
use crate::connection::FLUSH_AT;
use crate::resp::{self, Args};
use crate::store::{Bytes, End, Value};

/// How many keys or elements are handled in one go.
pub(super) const SLICE: usize = 128;

/// What was found, in pieces, so that its memory can be given back piece by piece: also if the client
/// goes.
pub(super) struct Found<'a> {
    client: &'a Client,
    slices: VecDeque<Vec<Bytes>>,
    len: usize,
    /// How much memory it needs, about.
    size: usize,
}

impl<'a> Found<'a> {
    pub(super) fn new(client: &'a Client) -> Self {
        Found {
            client,
            slices: VecDeque::new(),
            len: 0,
            size: 0,
        }
    }

    /// Adds what was found. Fails if the client would have to be told more than may wait for it.
    pub(super) fn add(&mut self, slice: Vec<Bytes>) -> Result<(), Failure> {
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
    pub(super) async fn reply(mut self) {
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
pub(super) async fn give_way(client: &Client) {
    // Whatever the command does from now on, it does in a task of its own.
    client.urgency.set(Priority::LOW);
    future::yield_now().await;
    client.server.tick();
}

/// Says whether `MGET` is given many keys.
pub(super) fn is_mget_long(args: Args<'_>) -> bool {
    args.len() > SLICE
}

/// Replies with the strings of many keys, each as it is when its turn comes.
pub(super) fn mget<'a>(client: &'a Client, args: Args<'a>) -> Blocking<'a> {
    Box::pin(async move {
        client.out.borrow_mut().array(args.len() - 1);
        let mut keys = args.from(1).peekable();
        while keys.peek().is_some() {
            {
                let mut store = client.server.store.borrow_mut();
                let mut out = client.out.borrow_mut();
                for key in keys.by_ref().take(SLICE) {
                    match store.get(key) {
                        Some(Value::String(string)) => out.bulk(string),
                        _ => out.null_bulk(),
                    }
                    if out.len() >= FLUSH_AT {
                        break;
                    }
                }
            }
            client.server.tell();
            client.write_through().await;
            if client.after.get() != After::Continue {
                break;
            }
            give_way(client).await;
        }
        Ok(())
    })
}

/// Says whether `LPOP` or `RPOP` is asked for many elements.
pub(super) fn is_pop_long(args: Args<'_>) -> bool {
    let count = match args.len() {
        3 => resp::integer(&args[2]),
        _ => None,
    };
    count.is_some_and(|count| count > SLICE as i64)
}

pub(super) fn lpop<'a>(client: &'a Client, args: Args<'a>) -> Blocking<'a> {
    pop(client, args, End::Left)
}

pub(super) fn rpop<'a>(client: &'a Client, args: Args<'a>) -> Blocking<'a> {
    pop(client, args, End::Right)
}

/// Takes many elements out, and replies with them, a slice at a time.
fn pop<'a>(client: &'a Client, args: Args<'a>, end: End) -> Blocking<'a> {
    Box::pin(async move {
        let count = resp::integer(&args[2]).and_then(|count| usize::try_from(count).ok());
        let count = count.unwrap_or(usize::MAX);
        let elements = {
            let mut store = client.server.store.borrow_mut();
            store.pop_many(&args[1], end, count)?
        };
        client.server.tell();
        let Some(elements) = elements else {
            client.out.borrow_mut().null_array();
            return Ok(());
        };
        let mut popped = Popped { client, elements };
        client.out.borrow_mut().array(popped.elements.len());
        while !popped.elements.is_empty() {
            {
                let mut out = client.out.borrow_mut();
                for _ in 0..SLICE {
                    let element = match end {
                        End::Left => popped.elements.pop_front(),
                        End::Right => popped.elements.pop_back(),
                    };
                    let Some(element) = element else { break };
                    out.bulk(&element);
                    if out.len() >= FLUSH_AT {
                        break;
                    }
                }
            }
            client.write_through().await;
            if client.after.get() != After::Continue {
                break;
            }
            give_way(client).await;
        }
        Ok(())
    })
}

/// Elements that were taken out, and of which the client is still to be told.
struct Popped<'a> {
    client: &'a Client,
    elements: VecDeque<Bytes>,
}

impl Drop for Popped<'_> {
    fn drop(&mut self) {
        let elements = mem::take(&mut self.elements);
        if !elements.is_empty() {
            let server = &self.client.server;
            server.store.borrow_mut().discard_elements(elements);
            server.tell();
        }
    }
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
