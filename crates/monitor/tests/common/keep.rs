//! Handles that live as long as the program.

use std::ptr;
use std::sync::Mutex;

/// Where they are. A checker of leaks takes what a global variable points to for what is in use, and so finds all
/// other leaks of a test that keeps something.
static KEPT: Mutex<Vec<usize>> = Mutex::new(Vec::new());

/// Keeps a value, so that requests of it can be in wakers, which borrow from nothing.
pub(crate) fn keep<T>(value: T) -> &'static T {
    let kept: &'static T = Box::leak(Box::new(value));
    KEPT.lock().unwrap().push(ptr::from_ref(kept).addr());
    kept
}
