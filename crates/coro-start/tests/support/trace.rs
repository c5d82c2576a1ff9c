//! A log of events that many tasks and threads write and one test asserts as a list.

use std::sync::{Arc, Mutex};

#[derive(Clone, Default)]
pub(crate) struct Trace(Arc<Mutex<Vec<String>>>);

impl Trace {
    pub(crate) fn log(&self, event: impl Into<String>) {
        self.0.lock().unwrap().push(event.into());
    }

    #[track_caller]
    pub(crate) fn check(&self, expected: &[&str]) {
        assert_eq!(*self.0.lock().unwrap(), expected);
    }
}
