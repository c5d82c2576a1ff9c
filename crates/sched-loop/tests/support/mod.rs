//! What the tests of interrupts share.

use std::cell::RefCell;
use std::fmt::Display;
use std::rc::Rc;

/// A list of what happened, in order.
#[derive(Clone, Default)]
pub(crate) struct Log(Rc<RefCell<Vec<String>>>);

impl Log {
    pub(crate) fn new() -> Self {
        Log::default()
    }

    pub(crate) fn push(&self, event: impl Display) {
        self.0.borrow_mut().push(event.to_string());
    }

    /// Returns what happened since the last call.
    #[track_caller]
    pub(crate) fn check(&self, expected: &[&str]) {
        assert_eq!(self.0.take(), expected);
    }

    /// Returns a value that adds an event when it is dropped.
    pub(crate) fn on_drop(&self, event: &'static str) -> OnDrop {
        OnDrop(self.clone(), event)
    }
}

/// Adds an event when it is dropped.
pub(crate) struct OnDrop(Log, &'static str);

impl Drop for OnDrop {
    fn drop(&mut self) {
        self.0.push(self.1);
    }
}
