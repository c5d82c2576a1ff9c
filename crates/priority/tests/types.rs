//! What the types promise: which of them may go to other threads, and be shared with them.
#![cfg(not(loom))]

use std::cell::Cell;
use std::rc::Rc;
use std::sync::MutexGuard;

use corokit_priority::{
    Lock, LockArc, PriorityMutex, PriorityMutexGuard, PriorityMutexGuardArc, PriorityPermit,
    PriorityReadGuard, PriorityReadGuardArc, PriorityRwLock, PrioritySemaphore, PriorityWriteGuard,
    PriorityWriteGuardArc, ReadLock, TaskNode, WriteLock,
};

fn is_send<T: Send>() {}
fn is_sync<T: Sync>() {}

/// Compiles only if the type does not implement the trait: with both impls, `_` is ambiguous.
macro_rules! assert_not {
    ($($type:ty: $bound:path),* $(,)?) => {$({
        trait Ambiguous<A> {
            fn check() {}
        }
        impl<T: ?Sized> Ambiguous<()> for T {}
        impl<T: ?Sized + $bound> Ambiguous<u8> for T {}
        <$type as Ambiguous<_>>::check();
    })*};
}

/// May be sent, and not shared.
type Sent = Cell<u8>;
/// May be shared, and not sent.
type Shared = MutexGuard<'static, u8>;
/// Neither.
type Bound = Rc<u8>;

#[test]
fn a_mutex_takes_its_data_from_thread_to_thread() {
    is_send::<PriorityMutex<Sent>>();
    is_sync::<PriorityMutex<Sent>>();
    assert_not!(
        PriorityMutex<Bound>: Send,
        PriorityMutex<Bound>: Sync,
        PriorityMutex<Shared>: Send,
        PriorityMutex<Shared>: Sync,
    );
    is_send::<Lock<'static, Sent>>();
    is_send::<LockArc<Sent>>();
    assert_not!(Lock<'static, Bound>: Send, LockArc<Bound>: Send);
}

#[test]
fn the_guard_of_a_mutex_is_like_a_unique_reference() {
    is_send::<PriorityMutexGuard<'static, Sent>>();
    is_send::<PriorityMutexGuardArc<Sent>>();
    is_sync::<PriorityMutexGuard<'static, u8>>();
    is_sync::<PriorityMutexGuardArc<u8>>();
    assert_not!(
        PriorityMutexGuard<'static, Sent>: Sync,
        PriorityMutexGuardArc<Sent>: Sync,
        PriorityMutexGuard<'static, Bound>: Send,
        PriorityMutexGuardArc<Bound>: Send,
        PriorityMutexGuard<'static, Shared>: Send,
        PriorityMutexGuardArc<Shared>: Send,
    );
}

#[test]
fn a_lock_of_readers_shares_its_data_as_well() {
    is_send::<PriorityRwLock<Sent>>();
    is_sync::<PriorityRwLock<u8>>();
    assert_not!(
        PriorityRwLock<Bound>: Send,
        PriorityRwLock<Sent>: Sync,
        PriorityRwLock<Shared>: Sync,
        PriorityRwLock<Bound>: Sync,
    );
    is_send::<ReadLock<'static, u8>>();
    is_send::<WriteLock<'static, u8>>();
    assert_not!(ReadLock<'static, Sent>: Send, WriteLock<'static, Bound>: Send);
}

#[test]
fn the_guards_of_readers_and_writers_are_like_references() {
    is_send::<PriorityReadGuard<'static, u8>>();
    is_sync::<PriorityReadGuard<'static, u8>>();
    is_send::<PriorityWriteGuardArc<u8>>();
    is_sync::<PriorityWriteGuardArc<u8>>();
    assert_not!(
        PriorityReadGuard<'static, Sent>: Send,
        PriorityReadGuard<'static, Sent>: Sync,
        PriorityReadGuardArc<Sent>: Send,
        PriorityReadGuardArc<Sent>: Sync,
        PriorityReadGuard<'static, Shared>: Send,
        PriorityWriteGuard<'static, Sent>: Sync,
        PriorityWriteGuardArc<Sent>: Sync,
        PriorityWriteGuard<'static, Bound>: Send,
        PriorityWriteGuardArc<Bound>: Send,
    );
}

#[test]
fn what_holds_no_data_goes_anywhere() {
    is_send::<PrioritySemaphore>();
    is_sync::<PrioritySemaphore>();
    is_send::<PriorityPermit<'static>>();
    is_send::<TaskNode>();
    is_sync::<TaskNode>();
}
