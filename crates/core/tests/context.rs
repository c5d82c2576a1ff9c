//! Task-local values: who shares a context, and what ends with it.
#![cfg(feature = "context")]

use std::future::{Future, pending, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Mutex;
use std::sync::mpsc;
use std::task::{self, Poll, Waker};
use std::thread;

use corokit_core::context::{self, Context, ContextVar, Mismatch};
use futures_lite::future::{block_on, yield_now};

fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut task::Context::from_waker(Waker::noop()))
}

/// Logs the value of a variable when it is dropped.
struct LogsOnDrop<'l>(&'static ContextVar<u32>, &'l Mutex<Vec<Option<u32>>>);

impl Drop for LogsOnDrop<'_> {
    fn drop(&mut self) {
        self.1.lock().unwrap().push(self.0.get());
    }
}

#[test]
fn a_variable_is_unset_or_has_its_default_until_it_is_set() {
    static PLAIN: ContextVar<u32> = ContextVar::new();
    static DEFAULT: ContextVar<u32> = ContextVar::with_default(7);
    static EMPTY: ContextVar<u32> = <ContextVar<u32>>::new();

    assert_eq!((PLAIN.get(), DEFAULT.get()), (None, Some(7)));
    assert_eq!(EMPTY.with(|value| value.copied()), None);
    PLAIN.set(1);
    DEFAULT.set(2);
    assert_eq!((PLAIN.get(), DEFAULT.get()), (Some(1), Some(2)));
    assert_eq!(EMPTY.get(), None);
    assert_eq!(
        format!("{PLAIN:?} {EMPTY:?}"),
        "ContextVar(Some(1)) ContextVar(None)"
    );
}

#[test]
fn variables_of_one_type_are_told_apart_and_may_be_moved() {
    let left = ContextVar::new();
    let right = ContextVar::with_default("default");
    left.set("left");
    let moved = left;
    assert_eq!((moved.get(), right.get()), (Some("left"), Some("default")));
    assert_eq!(<ContextVar<&str>>::default().get(), None);
}

#[test]
fn a_token_undoes_a_set() {
    static VAR: ContextVar<u32> = ContextVar::with_default(0);
    let first = VAR.set(1);
    let second = VAR.set(2);
    assert_eq!((first.old_value(), second.old_value()), (None, Some(&1)));
    VAR.reset(second).unwrap();
    assert_eq!(VAR.get(), Some(1));
    VAR.reset(first).unwrap();
    assert_eq!(VAR.get(), Some(0));
}

/// As in Python, tokens may be used in any order: each brings back what was there before its set.
#[test]
fn tokens_may_be_used_in_any_order() {
    static VAR: ContextVar<u32> = ContextVar::new();
    let first = VAR.set(1);
    let second = VAR.set(2);
    VAR.reset(first).unwrap();
    assert_eq!(VAR.get(), None);
    VAR.reset(second).unwrap();
    assert_eq!(VAR.get(), Some(1));
}

#[test]
fn a_token_of_another_variable_is_refused_and_nothing_changes() {
    static LEFT: ContextVar<u32> = ContextVar::new();
    static RIGHT: ContextVar<u32> = ContextVar::new();
    static NEVER: ContextVar<u32> = ContextVar::new();
    let token = LEFT.set(1);
    RIGHT.set(2);
    let error = RIGHT.reset(token).unwrap_err();
    assert_eq!(error.mismatch(), Mismatch::Variable);
    assert_eq!(error.to_string(), "the token belongs to another variable");
    let error = NEVER.reset(error.into_token()).unwrap_err();
    assert_eq!(error.mismatch(), Mismatch::Variable);
    assert_eq!((LEFT.get(), RIGHT.get()), (Some(1), Some(2)));
    LEFT.reset(error.into_token()).unwrap();
    assert_eq!(LEFT.get(), None);
}

#[test]
fn a_token_of_another_context_is_refused_and_nothing_changes() {
    static VAR: ContextVar<u32> = ContextVar::new();
    let mut context = Context::new();
    let mut token = context.run(|| VAR.set(1));

    // In the caller's context, in a copy, on another thread, and where another token was made.
    let check = |token| {
        let error = VAR.reset(token).unwrap_err();
        assert_eq!(error.mismatch(), Mismatch::Context);
        assert_eq!(error.to_string(), "the token belongs to another context");
        error.into_token()
    };
    token = check(token);
    assert_eq!(VAR.get(), None);
    token = context.clone().run(|| check(token));
    token = thread::scope(|scope| scope.spawn(|| check(token)).join().unwrap());
    VAR.set(3);
    token = check(token);
    assert_eq!((VAR.get(), context.get(&VAR)), (Some(3), Some(1)));

    context.run(|| VAR.reset(token)).unwrap();
    assert_eq!((VAR.get(), context.get(&VAR)), (Some(3), None));
}

/// A plain await shares the caller's context.
#[test]
fn a_plain_await_shares_the_context() {
    static VAR: ContextVar<u32> = ContextVar::new();
    block_on(async {
        async {
            yield_now().await;
            VAR.set(1);
        }
        .await;
        assert_eq!(VAR.get(), Some(1));
    });
    assert_eq!(VAR.get(), Some(1));
}

/// asynkit C24, S18, X4: every leg runs in the given context; nothing leaks to the caller.
#[test]
fn a_scope_is_private_in_every_leg() {
    static VAR: ContextVar<u32> = ContextVar::new();
    VAR.set(1);
    let mut scope = pin!(Context::current().scope(async {
        for n in 2..5 {
            assert_eq!(VAR.get(), Some(n - 1));
            VAR.set(n);
            yield_now().await;
        }
    }));
    for n in 2..5 {
        assert!(poll(scope.as_mut()).is_pending());
        assert_eq!(scope.context().get(&VAR), Some(n));
        assert_eq!(VAR.get(), Some(1));
        // What the caller sets meanwhile is invisible to the scope.
        VAR.set(1);
    }
    assert!(poll(scope.as_mut()).is_ready());
    assert_eq!((scope.context().get(&VAR), VAR.get()), (Some(4), Some(1)));
}

/// An empty context is a context, not "none given".
#[test]
fn an_empty_context_hides_what_the_caller_has_set() {
    static VAR: ContextVar<u32> = ContextVar::with_default(0);
    VAR.set(1);
    assert_eq!(Context::new().run(|| VAR.get()), Some(0));
    assert!(!Context::new().run(context::in_use));
    block_on(Context::new().scope(async {
        assert_eq!(VAR.get(), Some(0));
        yield_now().await;
        assert_eq!(VAR.get(), Some(0));
        assert!(Context::current().is_empty());
    }));
    assert_eq!(VAR.get(), Some(1));
}

/// The context is the one given; the ambient one counts only if it is asked for, and
/// then at the time of the call.
#[test]
fn a_copy_is_taken_when_it_is_asked_for() {
    static VAR: ContextVar<u32> = ContextVar::new();
    VAR.set(1);
    let scope = Context::current().scope(async { VAR.get() });
    VAR.set(2);
    assert_eq!(block_on(scope), Some(1));
}

/// Legs in different contexts, by swapping them by hand.
#[test]
fn legs_may_be_polled_in_different_contexts() {
    static VAR: ContextVar<u32> = ContextVar::new();
    let mut future = pin!(async {
        let first = VAR.get();
        yield_now().await;
        (first, VAR.get())
    });
    let mut first = Context::new().with_value(&VAR, 1);
    let mut second = Context::new().with_value(&VAR, 2);
    assert!(first.run(|| poll(future.as_mut())).is_pending());
    let seen = second.run(|| poll(future.as_mut()));
    assert_eq!(seen, Poll::Ready((Some(1), Some(2))));
}

#[test]
fn scopes_nest() {
    static VAR: ContextVar<u32> = ContextVar::new();
    block_on(Context::new().with_value(&VAR, 1).scope(async {
        let inner = Context::current().scope(async {
            VAR.set(2);
            yield_now().await;
            let hidden = Context::new().scope(async {
                yield_now().await;
                VAR.get()
            });
            assert_eq!(hidden.await, None);
            VAR.get()
        });
        assert_eq!(inner.await, Some(2));
        assert_eq!(VAR.get(), Some(1));
    }));
    assert_eq!(VAR.get(), None);
}

#[test]
fn a_fork_is_copied_by_its_first_change_and_by_nothing_else() {
    static VAR: ContextVar<u32> = ContextVar::new();
    let outer = VAR.set(1);
    let ((), context) = context::fork(|| {
        assert_eq!(VAR.get(), Some(1));
        let (value, inner) = context::fork(|| VAR.get());
        assert_eq!((value, inner.is_none()), (Some(1), true));
        let ((), inner) = context::fork(|| drop(VAR.set(2)));
        assert_eq!(inner.unwrap().get(&VAR), Some(2));
        assert_eq!(VAR.get(), Some(1));
    });
    assert!(context.is_none());

    // A token of the owner is of no use in the fork, and is as good as before after it.
    let (refused, _) = context::fork(|| VAR.reset(outer));
    let error = refused.unwrap_err();
    assert_eq!(error.mismatch(), Mismatch::Context);
    VAR.reset(error.into_token()).unwrap();
    assert_eq!(VAR.get(), None);
}

#[test]
fn a_fork_that_panics_leaves_the_context_alone() {
    static VAR: ContextVar<u32> = ContextVar::new();
    for before in [None, Some(1)] {
        let token = before.map(|value| VAR.set(value));
        let panicked = catch_unwind(|| {
            context::fork(|| {
                drop(VAR.set(2));
                context::fork(|| {
                    drop(VAR.set(3));
                    std::panic::resume_unwind(Box::new(()));
                })
            })
        });
        assert!(panicked.is_err());
        assert_eq!(VAR.get(), before);
        if let Some(token) = token {
            VAR.reset(token).unwrap();
        }
    }
}

#[test]
fn interleaved_scopes_do_not_see_each_other() {
    static VAR: ContextVar<u32> = ContextVar::new();
    let body = |n: u32| {
        Context::current().scope(async move {
            VAR.set(n);
            for _ in 0..3 {
                yield_now().await;
                assert_eq!(VAR.get(), Some(n));
            }
        })
    };
    let (mut left, mut right) = (pin!(body(1)), pin!(body(2)));
    for _ in 0..3 {
        assert!(poll(left.as_mut()).is_pending());
        assert!(poll(right.as_mut()).is_pending());
        assert_eq!(VAR.get(), None);
    }
    assert!(poll(left.as_mut()).is_ready());
    assert!(poll(right.as_mut()).is_ready());
}

#[test]
fn a_panic_restores_the_callers_context_and_keeps_the_changes() {
    static VAR: ContextVar<u32> = ContextVar::new();
    VAR.set(1);
    let mut context = Context::new();
    let panic = catch_unwind(AssertUnwindSafe(|| {
        context.run(|| {
            VAR.set(2);
            panic!("stop");
        })
    }));
    assert!(panic.is_err());
    assert_eq!((VAR.get(), context.get(&VAR)), (Some(1), Some(2)));

    let mut scope = pin!(Context::new().scope(async {
        VAR.set(3);
        yield_now().await;
        panic!("stop");
    }));
    assert!(poll(scope.as_mut()).is_pending());
    assert!(catch_unwind(AssertUnwindSafe(|| poll(scope.as_mut()))).is_err());
    assert_eq!((VAR.get(), scope.context().get(&VAR)), (Some(1), Some(3)));
}

#[test]
fn a_scope_that_completed_says_so_and_leaves_the_context_alone() {
    static VAR: ContextVar<u32> = ContextVar::new();
    VAR.set(1);
    let mut scope = pin!(Context::new().scope(async {}));
    assert!(poll(scope.as_mut()).is_ready());
    assert!(catch_unwind(AssertUnwindSafe(|| poll(scope.as_mut()))).is_err());
    assert_eq!(VAR.get(), Some(1));
    assert!(format!("{scope:?}").contains("completed: true"));
}

/// However far a scope has come when it is dropped, its destructors run in its context.
#[test]
fn destructors_see_the_scope_at_every_poll() {
    static VAR: ContextVar<u32> = ContextVar::new();
    VAR.set(100);
    for polls in 0..4 {
        let log = Mutex::new(Vec::new());
        let captured = LogsOnDrop(&VAR, &log);
        let mut scope = Box::pin(Context::new().scope(async {
            let _captured = captured;
            for n in 0..2 {
                VAR.set(n);
                let _local = LogsOnDrop(&VAR, &log);
                yield_now().await;
            }
        }));
        for _ in 0..polls {
            let _ = poll(scope.as_mut());
        }
        drop(scope);
        let expected = match polls {
            0 => vec![None],
            1 => vec![Some(0); 2],
            _ => vec![Some(0), Some(1), Some(1)],
        };
        assert_eq!(*log.lock().unwrap(), expected, "{polls} polls");
        assert_eq!(VAR.get(), Some(100));
    }
}

#[test]
fn a_destructor_that_panics_restores_the_callers_context() {
    static VAR: ContextVar<u32> = ContextVar::new();
    struct Panics;
    impl Drop for Panics {
        fn drop(&mut self) {
            assert_eq!(VAR.get(), Some(2));
            panic!("stop");
        }
    }
    VAR.set(1);
    let captured = Panics;
    let scope = Context::new().with_value(&VAR, 2).scope(async move {
        let _captured = captured;
        pending::<()>().await;
    });
    assert!(catch_unwind(AssertUnwindSafe(|| drop(scope))).is_err());
    assert_eq!(VAR.get(), Some(1));
}

/// Laws of the crate: while a value is looked at, cloned or dropped, everything is allowed.
#[test]
fn a_value_may_be_changed_while_it_is_looked_at() {
    static VAR: ContextVar<Vec<u32>> = ContextVar::new();
    VAR.set(vec![1]);
    let outer = VAR.set(vec![2]);
    VAR.with(|seen| {
        let before = VAR.set(vec![3]);
        assert_eq!(before.old_value(), Some(&vec![2]));
        assert_eq!(VAR.get(), Some(vec![3]));
        VAR.with(|inner| {
            // A scope that starts, changes and ends in here.
            block_on(Context::current().scope(async {
                VAR.set(vec![4]);
                yield_now().await;
                assert_eq!(VAR.get(), Some(vec![4]));
            }));
            assert_eq!(Context::new().run(|| VAR.get()), None);
            assert_eq!(inner, Some(&vec![3]));
        });
        // The token from outside is of the same context, though that was changed meanwhile.
        VAR.reset(outer).unwrap();
        assert_eq!(VAR.get(), Some(vec![1]));
        assert_eq!(seen, Some(&vec![2]));
    });
    assert_eq!(VAR.get(), Some(vec![1]));
    assert!(context::in_use());
}

#[test]
fn a_panic_while_a_value_is_looked_at_keeps_the_changes() {
    static VAR: ContextVar<u32> = ContextVar::new();
    VAR.set(1);
    let panic = catch_unwind(|| {
        VAR.with(|_| {
            VAR.set(2);
            panic!("stop");
        })
    });
    assert!(panic.is_err());
    assert_eq!(VAR.get(), Some(2));
    VAR.set(3);
    assert_eq!(VAR.get(), Some(3));
}

#[test]
fn clones_and_destructors_of_values_may_use_the_context() {
    static OTHER: ContextVar<u32> = ContextVar::with_default(0);
    static VAR: ContextVar<Counts> = ContextVar::new();
    /// Counts, in another variable, how often it was cloned and dropped.
    struct Counts;
    impl Clone for Counts {
        fn clone(&self) -> Self {
            OTHER.set(OTHER.get().unwrap() + 1);
            Counts
        }
    }
    impl Drop for Counts {
        fn drop(&mut self) {
            OTHER.set(OTHER.get().unwrap() + 10);
        }
    }
    let token = VAR.set(Counts);
    drop(VAR.get());
    assert_eq!(OTHER.get(), Some(11));
    // The first value goes with the token of the second, the second with the reset.
    drop(VAR.set(Counts));
    assert_eq!(OTHER.get(), Some(21));
    VAR.reset(token).unwrap();
    assert_eq!(OTHER.get(), Some(31));
}

#[test]
fn a_value_lives_exactly_as_long_as_its_last_context() {
    static VAR: ContextVar<std::sync::Arc<()>> = ContextVar::new();
    let value = std::sync::Arc::new(());
    let count = || std::sync::Arc::strong_count(&value) - 1;
    let mut context = Context::new().with_value(&VAR, value.clone());
    let copy = context.clone();
    // Both share one set of values.
    assert_eq!(count(), 1);
    context.run(|| drop(VAR.set(std::sync::Arc::default())));
    assert_eq!(count(), 1);
    let mut scope = Box::pin(copy.scope(pending::<()>()));
    assert!(poll(scope.as_mut()).is_pending());
    assert_eq!(count(), 1);
    drop(scope);
    assert_eq!(count(), 0);
}

#[test]
fn threads_have_their_own_contexts_and_scopes_may_move_between_them() {
    static VAR: ContextVar<u32> = ContextVar::new();
    VAR.set(1);
    let mut scope = Box::pin(Context::current().scope(async {
        let token = VAR.set(2);
        yield_now().await;
        assert_eq!(VAR.get(), Some(2));
        VAR.reset(token).unwrap();
        VAR.get()
    }));
    assert!(poll(scope.as_mut()).is_pending());
    let moved = thread::spawn(move || {
        assert_eq!(VAR.get(), None);
        assert!(!context::in_use());
        VAR.set(3);
        let seen = block_on(scope);
        (seen, VAR.get())
    });
    assert_eq!(moved.join().unwrap(), (Some(1), Some(3)));
    assert_eq!(VAR.get(), Some(1));
}

#[test]
fn many_threads_that_set_a_new_variable_agree_on_it() {
    static VAR: ContextVar<usize> = ContextVar::new();
    thread::scope(|scope| {
        for n in 0..8 {
            scope.spawn(move || {
                VAR.set(n);
                let context = Context::current();
                assert_eq!(context.get(&VAR), Some(n));
                assert_eq!(VAR.get(), Some(n));
            });
        }
    });
}

/// The values of a thread are dropped with it, and destructors that use the context then find an
/// empty one that they cannot change.
#[test]
fn at_the_end_of_a_thread_the_context_is_empty() {
    static VAR: ContextVar<Probe> = ContextVar::new();
    static LEVEL: ContextVar<u32> = ContextVar::with_default(7);
    struct Probe(mpsc::Sender<String>);
    impl Drop for Probe {
        fn drop(&mut self) {
            let before = LEVEL.get();
            let token = LEVEL.set(9);
            let ran = Context::new().with_value(&LEVEL, 5).run(|| LEVEL.get());
            let current = Context::current();
            let refused = LEVEL.reset(token).is_err();
            let log = format!(
                "{before:?} {ran:?} {:?} {} {refused}",
                LEVEL.get(),
                current.is_empty()
            );
            self.0.send(log).unwrap();
        }
    }
    let (sender, receiver) = mpsc::channel();
    let thread = thread::spawn(move || {
        LEVEL.set(8);
        VAR.set(Probe(sender));
    });
    assert_eq!(
        receiver.recv().unwrap(),
        "Some(7) Some(7) Some(7) true true"
    );
    thread.join().unwrap();
}

#[test]
fn a_swap_exchanges_the_contexts_with_their_identity() {
    static VAR: ContextVar<u32> = ContextVar::new();
    let outer = VAR.set(1);
    let mut context = Context::new();
    context::swap(&mut context);
    assert!(!context::in_use());
    let inner = VAR.set(2);
    context::swap(&mut context);
    VAR.reset(outer).unwrap();
    context::swap(&mut context);
    VAR.reset(inner).unwrap();
    assert_eq!(VAR.get(), None);
}

#[test]
fn with_value_leaves_the_context_it_was_made_from() {
    static VAR: ContextVar<u32> = ContextVar::new();
    static OTHER: ContextVar<&str> = ContextVar::new();
    let base = Context::new()
        .with_value(&VAR, 1)
        .with_value(&OTHER, "kept");
    let changed = base.clone().with_value(&VAR, 2);
    assert_eq!((base.get(&VAR), changed.get(&VAR)), (Some(1), Some(2)));
    assert_eq!(changed.get(&OTHER), Some("kept"));
    assert_eq!(VAR.get(), None);
}

/// The caller's context is where it was, also for the future that polls the scope by hand.
#[test]
fn a_poll_by_hand_from_inside_another_scope() {
    static VAR: ContextVar<u32> = ContextVar::new();
    let mut inner = Box::pin(Context::new().with_value(&VAR, 1).scope(async {
        yield_now().await;
        VAR.get()
    }));
    let seen = block_on(Context::new().with_value(&VAR, 2).scope(async {
        assert!(poll(inner.as_mut()).is_pending());
        let mine = VAR.get();
        (mine, poll_fn(|cx| inner.as_mut().poll(cx)).await)
    }));
    assert_eq!(seen, (Some(2), Some(1)));
}

mod auto_traits {
    use super::*;
    use corokit_core::context::{ResetError, Scope, Token};
    use std::error::Error;
    use std::marker::PhantomPinned;
    use std::rc::Rc;

    fn send<T: Send>() {}
    fn sync<T: Sync>() {}
    fn unpin<T: Unpin>() {}

    /// Fails to compile if the type has the trait: the call is then ambiguous.
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
    fn contexts_and_scopes_go_between_threads() {
        send::<Context>();
        sync::<Context>();
        sync::<ContextVar<u32>>();
        send::<Token<u32>>();
        fn error<T: Error>() {}
        error::<ResetError<u32>>();
        send::<Scope<std::future::Ready<u32>>>();
        unpin::<Scope<std::future::Ready<u32>>>();
        lacks!(Scope<std::future::Ready<Rc<()>>>: Send);
        lacks!(Scope<PhantomPinned>: Unpin);
    }
}
