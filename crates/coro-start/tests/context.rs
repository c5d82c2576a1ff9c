//! Started futures with a context of their own: in the first leg, and wherever they go on.

use corokit_core::context::{Context, ContextVar};
use corokit_coro_start::{CoroStart, Eager, eager};
use smol::future::{block_on, yield_now};
use std::pin::pin;

static VAR: ContextVar<u32> = ContextVar::new();

async fn body(blocks: bool) -> u32 {
    assert_eq!(VAR.get(), Some(1));
    VAR.set(2);
    if blocks {
        yield_now().await;
        assert_eq!(VAR.get(), Some(2));
    }
    VAR.set(3);
    VAR.get().unwrap()
}

/// What the child sets is invisible to the parent, before and after the block.
#[test]
fn an_eager_child_in_a_scope_is_private_in_both_legs() {
    let executor = async_executor::LocalExecutor::new();
    block_on(executor.run(async {
        VAR.set(1);
        for blocks in [false, true] {
            let child = eager(Context::current().scope(body(blocks)), |rest| {
                executor.spawn(rest)
            });
            assert_eq!(matches!(child, Eager::Ready(_)), !blocks);
            assert_eq!(VAR.get(), Some(1));
            // The child has its copy already.
            VAR.set(9);
            assert_eq!(child.await, 3);
            assert_eq!(VAR.get(), Some(9));
            VAR.set(1);
        }
    }));
}

#[test]
fn the_rest_may_go_on_on_another_thread() {
    VAR.set(1);
    let child = eager(Context::current().scope(body(true)), smol::spawn);
    assert_eq!((block_on(child), VAR.get()), (3, Some(1)));

    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let value = runtime.block_on(async {
        eager(Context::current().scope(body(true)), tokio::spawn)
            .await
            .unwrap()
    });
    assert_eq!((value, VAR.get()), (3, Some(1)));
}

/// Without a scope the first leg is a plain call: it shares the context of the caller.
#[test]
fn a_first_leg_without_a_scope_shares_the_context_of_the_caller() {
    VAR.set(1);
    let child = eager(body(false), |rest| rest);
    assert_eq!((block_on(child), VAR.get()), (3, Some(3)));
}

/// Every leg of a coroutine, its drop included.
#[test]
fn a_coroutine_in_a_scope_is_private_in_every_leg() {
    VAR.set(1);
    let mut started = pin!(CoroStart::new(Context::current().scope(body(true))));
    assert!(!started.as_mut().start());
    assert_eq!(VAR.get(), Some(1));
    assert_eq!((block_on(started.as_mut()), VAR.get()), (3, Some(1)));

    struct Sees;
    impl Drop for Sees {
        fn drop(&mut self) {
            assert_eq!(VAR.get(), Some(2));
        }
    }
    let mut started = pin!(CoroStart::new(Context::new().scope(async {
        let _sees = Sees;
        VAR.set(2);
        yield_now().await;
    })));
    started.as_mut().start();
    started.as_mut().close();
    assert_eq!(VAR.get(), Some(1));
}
