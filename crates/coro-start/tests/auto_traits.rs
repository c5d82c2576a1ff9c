//! Which auto traits the types have, checked at compile time.

use std::future::{Pending, Ready};
use std::marker::PhantomPinned;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::rc::Rc;

use corokit_coro_start::{Blocked, CoroStart, CoroState, Eager, eager};

fn send<T: Send>() {}
fn sync<T: Sync>() {}
fn unpin<T: Unpin>() {}
fn unwind_safe<T: UnwindSafe + RefUnwindSafe>() {}

/// Fails to compile if the type has the trait: the call is then ambiguous between the two implementations.
macro_rules! lacks {
    ($type:ty: $bound:path) => {{
        trait Ambiguous<A> {
            fn call() {}
        }
        impl<T> Ambiguous<()> for T {}
        impl<T: $bound> Ambiguous<u8> for T {}
        <$type as Ambiguous<_>>::call();
    }};
}

#[test]
fn the_result_is_what_its_parts_are() {
    send::<Eager<u32, smol::Task<u32>>>();
    sync::<Eager<u32, smol::Task<u32>>>();
    send::<Eager<u32, tokio::task::JoinHandle<u32>>>();
    unwind_safe::<Eager<u32, Ready<u32>>>();
    lacks!(Eager<Rc<()>, u32>: Send);
    lacks!(Eager<u32, Rc<()>>: Send);

    // The value need not be `Unpin`, the handle must.
    unpin::<Eager<PhantomPinned, Ready<u32>>>();
    lacks!(Eager<u32, PhantomPinned>: Unpin);
}

#[test]
fn a_coroutine_is_what_its_future_and_output_are() {
    send::<CoroStart<Ready<u32>>>();
    sync::<CoroStart<Ready<u32>>>();
    unpin::<CoroStart<Ready<PhantomPinned>>>();
    unwind_safe::<CoroStart<Ready<u32>>>();
    lacks!(CoroStart<Pending<Rc<()>>>: Send);
    lacks!(CoroStart<PinnedFuture>: Unpin);

    send::<CoroState>();
    sync::<CoroState>();
    unwind_safe::<CoroState>();
}

#[test]
fn what_a_driver_sees_stays_on_its_thread() {
    // Another thread that waited would never be unparked.
    lacks!(Blocked: Sync);
}

struct PinnedFuture(PhantomPinned);

impl Future for PinnedFuture {
    type Output = ();

    fn poll(self: std::pin::Pin<&mut Self>, _: &mut std::task::Context<'_>) -> std::task::Poll<()> {
        std::task::Poll::Ready(())
    }
}

#[test]
fn the_future_of_a_call_that_holds_one_is_send() {
    fn is_send<T: Send>(_: T) {}
    is_send(async {
        let child = eager(smol::future::yield_now(), smol::spawn);
        child.await;
    });
    is_send(async {
        let child = eager(smol::future::yield_now(), |rest| rest);
        child.await;
    });
}
