//! A lost wake-up: a task looks, then listens, and what it waits for happens in between.

use std::cell::Cell;
use std::rc::Rc;

use corokit_lab::Lab;
use corokit_sched_loop::task;
use event_listener::Event;
use futures_lite::future::yield_now;

/// A door, and the bell that rings when it opens.
#[derive(Default)]
struct Door {
    open: Cell<bool>,
    bell: Event,
}

impl Door {
    fn open(&self) {
        self.open.set(true);
        self.bell.notify(usize::MAX);
    }

    /// Waits until the door is open, with the bug in.
    async fn pass_buggy(&self) {
        while !self.open.get() {
            say("the door is closed").await;
            // If it was opened meanwhile, the bell has rung already.
            self.bell.listen().await;
        }
    }

    /// Listens first, then looks.
    async fn pass(&self) {
        loop {
            let bell = self.bell.listen();
            if self.open.get() {
                return;
            }
            say("the door is closed").await;
            bell.await;
        }
    }
}

/// Stands for anything that gives others a turn.
async fn say(_: &str) {
    yield_now().await;
}

async fn program(pass: impl AsyncFnOnce(&Door) + 'static) {
    let door = Rc::new(Door::default());
    let opener = Rc::clone(&door);
    let guest = task().name("guest").spawn(async move { pass(&door).await });
    let opener = task().name("opener").spawn(async move {
        say("good morning").await;
        say("here is the key").await;
        opener.open();
    });
    opener.await;
    guest.await;
}

pub(crate) async fn buggy(_: Lab) {
    program(async |door: &Door| door.pass_buggy().await).await;
}

pub(crate) async fn fixed(_: Lab) {
    program(async |door: &Door| door.pass().await).await;
}
