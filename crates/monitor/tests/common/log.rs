//! A log of events.

use std::cell::RefCell;
use std::fmt::Display;
use std::rc::Rc;

/// A log of events that many can write to.
#[derive(Clone, Default)]
pub(crate) struct Log(Rc<RefCell<Vec<String>>>);

impl Log {
    pub(crate) fn push(&self, event: impl Display) {
        self.0.borrow_mut().push(event.to_string());
    }

    /// The events since the last call.
    pub(crate) fn take(&self) -> Vec<String> {
        self.0.take()
    }
}
