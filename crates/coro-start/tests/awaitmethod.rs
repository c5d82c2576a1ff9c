//! Objects that can be awaited, as the guide shows them: by themselves, by reference, many times.

use std::cell::Cell;
use std::future::{IntoFuture, Ready, ready};
use std::pin::Pin;

use corokit_coro_start::eager;
use futures_lite::future::{block_on, yield_now};

/// An object whose await is an async function of its own.
struct Thing {
    name: &'static str,
    awaits: Cell<u32>,
}

impl Thing {
    async fn wait(&self) -> Result<String, u32> {
        let turn = self.awaits.get() + 1;
        self.awaits.set(turn);
        if turn > 1 {
            yield_now().await;
        }
        if turn == 3 {
            Err(turn)
        } else {
            Ok(format!("{} {turn}", self.name))
        }
    }
}

/// By reference, any number of times.
impl<'a> IntoFuture for &'a Thing {
    type Output = Result<String, u32>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.wait())
    }
}

/// A unit struct stands for what Python has as a static `__await__`.
#[derive(Clone, Copy)]
struct Now;

impl IntoFuture for Now {
    type Output = u32;
    type IntoFuture = Ready<u32>;

    fn into_future(self) -> Ready<u32> {
        ready(7)
    }
}

#[test]
fn each_await_is_a_run_of_its_own() {
    let thing = Thing {
        name: "thing",
        awaits: Cell::new(0),
    };
    block_on(async {
        assert_eq!((&thing).await.unwrap(), "thing 1");
        assert_eq!((&thing).await.unwrap(), "thing 2");
        assert_eq!((&thing).await.unwrap_err(), 3);
        assert_eq!((&thing).await.unwrap(), "thing 4");
    });
}

#[test]
fn one_that_is_complete_at_once_and_has_no_state() {
    block_on(async {
        assert_eq!(Now.await + Now.await, 14);
    });
}

#[test]
fn it_may_be_started_eagerly() {
    let thing = Thing {
        name: "thing",
        awaits: Cell::new(0),
    };
    let first = eager((&thing).into_future(), |rest| rest);
    assert!(first.is_ready());
    let second = eager((&thing).into_future(), |rest| rest);
    assert!(!second.is_ready());
    assert_eq!(thing.awaits.get(), 2);
    assert_eq!(block_on(second).unwrap(), "thing 2");
}
