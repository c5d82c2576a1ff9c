//! Noticing panics, also those of tasks that nobody awaits.
//!
//! The panic hook of the process is replaced once, by one that calls the former one. While a run is
//! on, the hook notes the messages of its thread.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic;
use std::sync::Once;

thread_local! {
    /// The panics since the run began, if there is a run on this thread.
    static NOTED: RefCell<Option<Vec<String>>> = const { RefCell::new(None) };
    /// Whether the former hook is left out.
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Notes the panics of this thread until it is dropped.
pub(crate) struct Watch {
    outer: Option<Vec<String>>,
    outer_quiet: bool,
}

impl Watch {
    /// Starts to note panics; a quiet one keeps them from being printed.
    pub(crate) fn start(quiet: bool) -> Self {
        static HOOK: Once = Once::new();
        HOOK.call_once(|| {
            let former = panic::take_hook();
            panic::set_hook(Box::new(move |info| {
                note(&message(info.payload()));
                if !QUIET.get() {
                    former(info);
                }
            }));
        });
        Watch {
            outer: NOTED.replace(Some(Vec::new())),
            outer_quiet: QUIET.replace(quiet),
        }
    }

    /// Lets panics be printed. A destructor of a task's future that panics aborts the process, and
    /// should say why.
    pub(crate) fn speak(&self) {
        QUIET.set(false);
    }

    /// Returns the first message that was noted.
    pub(crate) fn first(&self) -> Option<String> {
        NOTED.with_borrow(|noted| noted.as_ref()?.first().cloned())
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        NOTED.set(self.outer.take());
        QUIET.set(self.outer_quiet);
    }
}

fn note(message: &str) {
    // A panic while a thread ends belongs to no run.
    let _ = NOTED.try_with(|noted| {
        if let Ok(mut noted) = noted.try_borrow_mut() {
            if let Some(noted) = &mut *noted {
                noted.push(message.to_string());
            }
        }
    });
}

/// Returns what a panic said.
pub(crate) fn message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("something that is no text").to_string()
}
