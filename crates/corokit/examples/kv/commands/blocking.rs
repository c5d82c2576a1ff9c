//! `BLPOP`: the command that waits.

use std::time::Duration;

use corokit::sched_loop;
use smol::channel::Receiver;
use smol::future;

use super::{Blocking, Failure};
use crate::client::Client;
use crate::resp::Args;
use crate::server::Server;
use crate::store::{Bytes, End, Grant, Ticket};

/// Takes the first element of the first list that has one; waits if none has.
pub(super) fn blpop<'a>(client: &'a Client, args: Args<'a>) -> Blocking<'a> {
    Box::pin(async move {
        let last = args.len() - 1;
        let timeout = timeout(&args[last])?;
        let keys: Vec<Bytes> = (1..last).map(|at| Bytes::from_slice(&args[at])).collect();

        let grant = match pop_first(&client.server, &keys)? {
            Some(grant) => Some(grant),
            None => {
                let mut waiter = Waiter::new(&client.server, keys);
                client.waits.set(true);
                let granted = waiter.granted();
                match timeout {
                    Some(timeout) => {
                        let late = async {
                            sched_loop::sleep(timeout).await;
                            None
                        };
                        // What was granted in time counts, even if it is seen late.
                        future::or(granted, late).await
                    }
                    None => granted.await,
                }
            }
        };
        client.waits.set(false);
        client.server.tick();
        let mut out = client.out.borrow_mut();
        match grant {
            Some(grant) => {
                out.array(2);
                out.bulk(&grant.key);
                out.bulk(&grant.element);
            }
            None => out.null_array(),
        }
        Ok(())
    })
}

/// Takes the first element of the first list that has one.
fn pop_first(server: &Server, keys: &[Bytes]) -> Result<Option<Grant>, Failure> {
    let mut store = server.store.borrow_mut();
    for key in keys {
        if let Some(element) = store.pop(key, End::Left)? {
            let key = key.clone();
            return Ok(Some(Grant { key, element }));
        }
    }
    Ok(None)
}

/// Reads a number of seconds, where 0 means for ever.
fn timeout(text: &[u8]) -> Result<Option<Duration>, Failure> {
    let seconds = std::str::from_utf8(text).ok();
    let seconds: Option<f64> = seconds.and_then(|text| text.parse().ok());
    let seconds = seconds.filter(|seconds| !seconds.is_nan());
    let seconds = seconds.ok_or(Failure::new("ERR timeout is not a float or out of range"))?;
    let millis = (seconds * 1000.0).ceil();
    // Redis finds out about a number that is too large when it has become negative.
    if millis < 0.0 || millis >= i64::MAX as f64 {
        return Err(Failure::new("ERR timeout is negative"));
    }
    Ok((millis > 0.0).then(|| Duration::from_millis(millis as u64)))
}

/// A place in the queues of some keys.
///
/// Dropping it is never having waited: an element that was granted and not picked up goes to the
/// next waiter, or back to its list.
struct Waiter<'a> {
    server: &'a Server,
    keys: Vec<Bytes>,
    ticket: Ticket,
    receiver: Receiver<Grant>,
}

impl<'a> Waiter<'a> {
    fn new(server: &'a Server, keys: Vec<Bytes>) -> Self {
        let (ticket, receiver) = server.store.borrow_mut().wait(&keys);
        Waiter {
            server,
            keys,
            ticket,
            receiver,
        }
    }

    /// Waits until an element is granted.
    async fn granted(&mut self) -> Option<Grant> {
        self.receiver.recv().await.ok()
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        let granted = self.receiver.try_recv();
        {
            let mut store = self.server.store.borrow_mut();
            store.leave(self.ticket, &self.keys);
            if let Ok(grant) = granted {
                store.give_back(grant);
            }
        }
        self.server.tell();
    }
}
