//! What may go to other threads, what may be moved: as long as these compile, it stays that way.
#![cfg(all(not(loom), feature = "plan", feature = "fleet"))]

use std::future::{Pending, pending};
use std::marker::PhantomPinned;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::time::Duration;

use corokit_parallel_serial::{
    AsCompleted, Failed, Fleet, FleetBuilder, FleetTask, Gather, JobError, LoopLoad, Panicked,
    Parallel, Progress, Race, RaceOk, Refused, ReturnWhen, Seat, SelectSlice, Serial, Shield,
    TimedOut, Timeout, TryGather, TryGatherTasks, Wait, WaitSet, Waited, blocking, gather, select,
    task, timeout_task, try_gather,
};
use futures_lite::future::Boxed;

fn send<T: Send>() {}
fn sync<T: Sync>() {}
fn unpin<T: Unpin>() {}
fn send_value<T: Send>(_: T) {}
fn error<T: std::error::Error + Send + Sync + 'static>() {}

/// A future that must not be moved, of an output that must not be either.
type Pinned = Pending<PhantomPinned>;
type Tried = Boxed<Result<u32, String>>;
type Task = smol::Task<Result<u32, String>>;

#[test]
fn what_holds_futures_is_as_they_are_and_may_be_moved() {
    send::<Gather<Boxed<u32>>>();
    send::<TryGather<Tried, u32>>();
    send::<TryGatherTasks<Task, u32>>();
    send::<AsCompleted<Boxed<u32>>>();
    send::<WaitSet<Boxed<u32>>>();
    send::<Wait<'static, Boxed<u32>>>();
    send::<Race<Boxed<u32>>>();
    send::<RaceOk<Tried, String>>();
    send::<SelectSlice<'static, Boxed<u32>>>();
    send::<Shield<Task>>();
    send::<Timeout<Boxed<u32>>>();
    send_value(timeout_task(Duration::ZERO, smol::spawn(async {})));
    send_value(gather((pending::<u32>(), pending::<String>())));
    send_value(try_gather([pending::<Result<u32, String>>()]));
    send_value(select((pending::<u32>(), pending::<String>())));

    unpin::<Gather<Pinned>>();
    unpin::<AsCompleted<Pinned>>();
    unpin::<Wait<'static, Pinned>>();
    unpin::<Race<Pinned>>();
}

#[test]
fn fleets_and_plans_go_anywhere() {
    send::<Fleet>();
    sync::<Fleet>();
    send::<FleetBuilder>();
    send::<Seat>();
    send::<FleetTask<u32>>();
    sync::<FleetTask<u32>>();
    send::<Parallel<u32>>();
    sync::<Parallel<u32>>();
    send::<Serial<u32>>();
    let plan = Parallel::new().task(|| async { 1 });
    send_value(plan.run());
    send_value(plan.run_settled());
    send_value(Serial::<Result<u32, String>>::new().try_run());
    let mixed = Parallel::of((task(|| async { 1 }), blocking(|| "two")));
    send_value(mixed.run());
    send_value(mixed.run_settled());
    let tried = Serial::of((
        task(|| async { Ok::<_, String>(1) }),
        blocking(|| Ok("two")),
    ));
    send_value(tried.try_run());
}

#[test]
fn values_and_errors_go_anywhere() {
    fn all<T: Send + Sync + Unpin + UnwindSafe + RefUnwindSafe>() {}
    all::<TimedOut>();
    all::<Progress>();
    all::<LoopLoad>();
    all::<ReturnWhen<u32>>();
    all::<Waited<u32>>();
    error::<TimedOut>();
    error::<JobError>();
    error::<Panicked>();
    error::<Refused<u32>>();
    error::<Failed<u32, std::io::Error>>();
}
