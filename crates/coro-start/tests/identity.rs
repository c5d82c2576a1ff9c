//! Whose task the future runs in before and after its first block.

use corokit_coro_start::eager;
use futures_lite::future::yield_now;

fn on_tokio<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap()
        .block_on(future)
}

#[test]
fn the_task_is_the_callers_until_the_first_block() {
    on_tokio(async {
        let caller = tokio::spawn(async {
            let caller = tokio::task::id();
            let child = eager(
                async {
                    let before = tokio::task::id();
                    yield_now().await;
                    (before, tokio::task::id())
                },
                tokio::spawn,
            );
            let (before, after) = child.await.unwrap();
            assert_eq!(before, caller);
            assert_ne!(after, caller);
        });
        caller.await.unwrap();
    });
}

#[test]
fn task_locals_are_the_callers_until_the_first_block() {
    tokio::task_local! {
        static NAME: &'static str;
    }
    let name = || NAME.try_with(|name| *name).ok();
    on_tokio(NAME.scope("caller", async move {
        let child = eager(
            async move {
                let before = name();
                yield_now().await;
                (before, name())
            },
            tokio::spawn,
        );
        assert_eq!(child.await.unwrap(), (Some("caller"), None));
    }));
}

#[test]
fn a_timeout_inside_the_first_leg_ends_the_child_and_not_the_caller() {
    // The timer is made by the first leg and fires in the task.
    let outcome = on_tokio(async {
        let child = eager(
            async {
                let never = std::future::pending::<()>();
                tokio::time::timeout(std::time::Duration::from_millis(1), never)
                    .await
                    .is_err()
            },
            tokio::spawn,
        );
        child.await.unwrap()
    });
    assert!(outcome);
}
