//! What the types promise: auto traits, variance, constness.
#![cfg(not(loom))]

use std::cell::Cell;
use std::fmt::Debug;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::rc::Rc;

use corokit_core::TaskId;
use corokit_scheduler::{
    FallibleTask, Fifo, LocalExecutor, Parked, ScheduleError, SleepInsert, Task, TaskInfo,
    TaskMeta, TaskSwitch,
};

fn is_send_sync<T: Send + Sync>() {}
fn is_unpin<T: Unpin>() {}
fn is_unwind_safe<T: UnwindSafe + RefUnwindSafe>() {}
fn is_debug<T: Debug>() {}
fn is_default<T: Default>() {}

/// Compiles only if the type does not implement the trait: with both impls, `_` is ambiguous.
macro_rules! assert_not {
    ($type:ty: $bound:path) => {{
        trait Ambiguous<A> {
            fn check() {}
        }
        impl<T: ?Sized> Ambiguous<()> for T {}
        impl<T: ?Sized + $bound> Ambiguous<u8> for T {}
        <$type as Ambiguous<_>>::check();
    }};
}

#[test]
fn auto_traits() {
    assert_not!(LocalExecutor<'static>: Send);
    assert_not!(LocalExecutor<'static>: Sync);
    assert_not!(Task<Rc<()>>: Send);
    assert_not!(Parked<'static, Fifo>: Send);
    assert_not!(SleepInsert<'static, 'static, Fifo>: Send);
    assert_not!(TaskSwitch<'static, 'static, Fifo>: Send);
    is_send_sync::<Task<u8>>();
    is_send_sync::<FallibleTask<u8>>();
    is_send_sync::<TaskMeta>();
    is_send_sync::<TaskId>();
    is_send_sync::<ScheduleError>();
    is_unpin::<Task<u8>>();
    is_unpin::<LocalExecutor<'static>>();
    is_unwind_safe::<LocalExecutor<'static>>();
    is_unwind_safe::<Task<u8>>();
    is_unwind_safe::<Task<Cell<u8>>>();
    is_debug::<LocalExecutor<'static>>();
    is_debug::<Task<u8>>();
    is_debug::<TaskInfo>();
    is_default::<LocalExecutor<'static>>();
    is_default::<Fifo>();
}

#[test]
fn the_constructor_is_const() {
    thread_local! {
        static EXECUTOR: LocalExecutor<'static> = const { LocalExecutor::new() };
    }
    EXECUTOR.with(|executor| {
        executor.spawn(std::future::pending::<()>()).detach();
        assert!(executor.try_tick());
        assert_eq!(executor.tasks().len(), 1);
    });
}

#[test]
fn debug_says_what_is_there() {
    let executor = LocalExecutor::new();
    assert_eq!(format!("{executor:?}"), "LocalExecutor(<unused>)");
    let task = executor.spawn(async {});
    let text = format!("{executor:?}");
    assert!(text.contains("tasks: 1, ready: 1"), "{text}");
    let id = task.metadata().id();
    assert_eq!(
        format!("{:?}", executor.ready_pop().unwrap()),
        format!("Parked({id:?})")
    );
}

#[test]
fn every_error_says_what_happened() {
    let executor = LocalExecutor::new();
    let id = executor.spawn(async {}).metadata().id();
    for (error, text) in [
        (ScheduleError::Foreign(id), "another executor"),
        (ScheduleError::Finished(id), "finished"),
        (ScheduleError::Running(id), "running"),
        (ScheduleError::Blocked(id), "waits"),
        (ScheduleError::Parked(id), "taken out"),
        (ScheduleError::BesideItself(id), "beside itself"),
        (ScheduleError::Outside, "not running"),
    ] {
        assert!(error.to_string().contains(text), "{error}");
    }
}
