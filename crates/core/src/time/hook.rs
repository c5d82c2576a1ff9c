//! Telling a loop that something blocks its thread.

use core::cell::Cell;
use core::panic::Location;

/// Is told of code that is about to block this thread, and where that was asked for.
pub type BlockHook = fn(&'static Location<'static>);

thread_local! {
    static HOOK: Cell<Option<BlockHook>> = const { Cell::new(None) };
}

/// Sets what is told when code on this thread is about to block it, and returns what was told
/// before. Event loops use it for their debug mode.
///
/// # Examples
///
/// See [`about_to_block`].
pub fn set_block_hook(hook: Option<BlockHook>) -> Option<BlockHook> {
    HOOK.replace(hook)
}

/// Says that this thread is about to wait, blocked, for something that may be for others on this
/// thread to do. For functions that block until a future is ready, and that may be called inside
/// of a poll.
///
/// # Examples
///
/// ```
/// use corokit_core::time;
/// use std::cell::Cell;
/// use std::panic::Location;
///
/// thread_local!(static LINE: Cell<u32> = const { Cell::new(0) });
///
/// assert!(time::set_block_hook(Some(|location| LINE.set(location.line()))).is_none());
/// time::about_to_block(Location::caller());
/// assert_eq!(LINE.get(), line!() - 1);
/// time::set_block_hook(None);
/// ```
pub fn about_to_block(location: &'static Location<'static>) {
    if let Some(hook) = HOOK.get() {
        hook(location);
    }
}
