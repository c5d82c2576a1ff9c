//! The waker of a main future, the one that `run` was given.

use std::sync::Arc;
use std::task::Wake;

use crate::inbox::OnItsWay;
use crate::shared::{Delivery, Shared};

/// Wakes the main future of one runner: puts its entry into the ready queue.
pub(crate) struct MainWaker {
    shared: Arc<Shared>,
    slot: u32,
    generation: u32,
    /// Of the wake-ups from other threads, one on its way is enough.
    on_its_way: OnItsWay,
}

impl MainWaker {
    pub(crate) fn new(shared: Arc<Shared>, slot: u32, generation: u32) -> Self {
        MainWaker {
            shared,
            slot,
            generation,
            on_its_way: OnItsWay::new(),
        }
    }

    /// Notes that a wake-up from another thread has arrived, and returns the slot and generation
    /// of the entry to wake.
    pub(crate) fn receive(&self) -> (u32, u32) {
        self.on_its_way.arrive();
        (self.slot, self.generation)
    }
}

impl Wake for MainWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let sleeping = self.shared.inbox.is_sleeping();
        let at_home = self
            .shared
            .home
            .at_home(|home| home.wake_main(self.slot, self.generation))
            .is_some();
        if at_home {
            if sleeping {
                self.shared.inbox.wake_sleepers();
            }
        } else if self.on_its_way.depart() {
            // A closed inbox means that there is no main future left to wake.
            let _ = self.shared.inbox.push(Delivery::Main(Arc::clone(self)));
        }
    }
}
