//! The executor of a group that has none: one future that polls the children.

use std::future::{Future, poll_fn};
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Poll, Waker};

use futures_buffered::FuturesUnordered;
use futures_core::Stream;

use crate::sync::{Mutex, lock};

/// Where children wait for the driver.
struct Inbox<C> {
    children: Vec<C>,
    waker: Option<Waker>,
    /// Whether the group and all handles are gone.
    is_last: bool,
    /// Whether the driver is gone.
    is_deserted: bool,
}

/// The end of the inbox that the group has.
struct Sender<C>(Arc<Mutex<Inbox<C>>>);

/// The end of the inbox that the driver has.
struct Receiver<C>(Arc<Mutex<Inbox<C>>>);

impl<C> Sender<C> {
    fn send(&self, child: C) {
        let mut inbox = lock(&self.0);
        if inbox.is_deserted {
            drop(inbox);
            // Which tells the group that it was cancelled.
            drop(child);
            return;
        }
        inbox.children.push(child);
        let waker = inbox.waker.take();
        drop(inbox);
        waker.into_iter().for_each(Waker::wake);
    }
}

impl<C> Drop for Sender<C> {
    fn drop(&mut self) {
        let waker = {
            let mut inbox = lock(&self.0);
            inbox.is_last = true;
            inbox.waker.take()
        };
        waker.into_iter().for_each(Waker::wake);
    }
}

impl<C> Drop for Receiver<C> {
    fn drop(&mut self) {
        let children = {
            let mut inbox = lock(&self.0);
            inbox.is_deserted = true;
            mem::take(&mut inbox.children)
        };
        drop(children);
    }
}

/// Returns a function that spawns, and the future that runs what it has spawned.
pub(super) fn driven<C>() -> (impl Fn(C) + use<C>, impl Future<Output = ()> + use<C>)
where
    C: Future<Output = ()> + Unpin,
{
    let inbox = Arc::new(Mutex::new(Inbox {
        children: Vec::new(),
        waker: None,
        is_last: false,
        is_deserted: false,
    }));
    let sender = Sender(Arc::clone(&inbox));
    let receiver = Receiver(inbox);
    let driver = async move {
        let receiver = receiver;
        let mut running = FuturesUnordered::new();
        poll_fn(|cx| {
            let is_last = {
                let waker = cx.waker().clone();
                let mut inbox = lock(&receiver.0);
                let children = mem::take(&mut inbox.children);
                let old = inbox.waker.replace(waker);
                let is_last = inbox.is_last;
                drop(inbox);
                drop(old);
                children.into_iter().for_each(|child| running.push(child));
                is_last
            };
            // A child that ends says so itself: here it only makes room.
            loop {
                match Pin::new(&mut running).poll_next(cx) {
                    Poll::Ready(Some(())) => {}
                    Poll::Ready(None) if is_last => return Poll::Ready(()),
                    Poll::Ready(None) | Poll::Pending => return Poll::Pending,
                }
            }
        })
        .await;
    };
    (move |child| sender.send(child), driver)
}
