//! Each task has a context of its own.
#![cfg(all(feature = "context", not(loom)))]

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;

use corokit_core::context::{self, Context, ContextVar, Mismatch};
use corokit_scheduler::{LocalExecutor, TaskExt};
use futures_lite::future::{block_on, pending, yield_now};

type Log = Rc<RefCell<Vec<(&'static str, Option<u32>)>>>;

/// Logs the value of a variable when it is dropped.
struct LogsOnDrop(&'static ContextVar<u32>, &'static str, Log);

impl Drop for LogsOnDrop {
    fn drop(&mut self) {
        self.2.borrow_mut().push((self.1, self.0.get()));
    }
}

fn run_all(executor: &LocalExecutor<'_>) {
    while executor.try_tick() {}
}

/// asynkit R10, E3: what the child sets is invisible to the parent, before and after it blocks.
#[test]
fn what_a_task_sets_is_its_own() {
    static VAR: ContextVar<u32> = ContextVar::new();
    let executor = LocalExecutor::new();
    block_on(executor.run(async {
        VAR.set(1);
        let child = executor.spawn(async {
            assert_eq!(VAR.get(), Some(1));
            VAR.set(2);
            yield_now().await;
            assert_eq!(VAR.get(), Some(2));
            VAR.set(3);
            yield_now().await;
            VAR.get()
        });
        for _ in 0..3 {
            assert_eq!(VAR.get(), Some(1));
            yield_now().await;
        }
        assert_eq!(child.await, Some(3));
        assert_eq!(VAR.get(), Some(1));
    }));
}

#[test]
fn what_the_spawner_sets_after_the_spawn_is_invisible_to_the_task() {
    static VAR: ContextVar<u32> = ContextVar::new();
    let executor = LocalExecutor::new();
    block_on(executor.run(async {
        let before = executor.spawn(async { VAR.get() });
        VAR.set(1);
        let between = executor.spawn(async {
            yield_now().await;
            VAR.get()
        });
        VAR.set(2);
        assert_eq!((before.await, between.await), (None, Some(1)));
    }));
}

#[test]
fn tasks_in_turn_do_not_see_each_other() {
    static VAR: ContextVar<u32> = ContextVar::with_default(0);
    let executor = LocalExecutor::new();
    let tasks: Vec<_> = (1..5)
        .map(|n| {
            executor.spawn(async move {
                // The last one never sets anything.
                for step in 0..if n == 4 { 0 } else { 5 } {
                    VAR.set(n * 10 + step);
                    yield_now().await;
                    assert_eq!(VAR.get(), Some(n * 10 + step));
                }
                for _ in 0..8 {
                    yield_now().await;
                }
                VAR.get()
            })
        })
        .collect();
    run_all(&executor);
    let values = tasks.into_iter().map(block_on).collect::<Vec<_>>();
    assert_eq!(values, [Some(14), Some(24), Some(34), Some(0)]);
    assert!(!context::in_use());
}

/// A task belongs to its spawner, not to whoever happens to run it.
#[test]
fn a_task_does_not_see_the_context_of_whoever_runs_it() {
    static VAR: ContextVar<u32> = ContextVar::new();
    let executor = LocalExecutor::new();
    let task = executor.spawn(async {
        let first = VAR.get();
        yield_now().await;
        (first, VAR.get())
    });
    VAR.set(1);
    let late = executor.spawn(async { VAR.get() });
    Context::new().with_value(&VAR, 2).run(|| {
        assert!(executor.try_tick());
        assert_eq!(VAR.get(), Some(2));
        run_all(&executor);
        assert_eq!(VAR.get(), Some(2));
    });
    assert_eq!((block_on(task), block_on(late)), ((None, None), Some(1)));
    assert_eq!(VAR.get(), Some(1));
}

#[test]
fn a_main_future_has_the_context_of_whoever_polls_the_run() {
    static VAR: ContextVar<u32> = ContextVar::new();
    let executor = LocalExecutor::new();
    let task = executor.spawn(async {
        VAR.set(9);
        yield_now().await;
    });
    VAR.set(1);
    let main = block_on(executor.run(async {
        let first = VAR.get();
        task.await;
        VAR.set(2);
        first
    }));
    assert_eq!((main, VAR.get()), (Some(1), Some(2)));

    let scoped = Context::new()
        .with_value(&VAR, 3)
        .scope(executor.run(async {
            let child = executor.spawn(async { VAR.get() });
            (VAR.get(), child.await)
        }));
    assert_eq!(block_on(scoped), (Some(3), Some(3)));
    assert_eq!(VAR.get(), Some(2));
}

#[test]
fn a_task_in_an_empty_context_inherits_nothing() {
    static VAR: ContextVar<u32> = ContextVar::with_default(0);
    let executor = LocalExecutor::new();
    VAR.set(1);
    let builder = executor.task().context(Context::new());
    let empty = builder.spawn(async {
        let first = VAR.get();
        yield_now().await;
        (first, VAR.get(), context::in_use())
    });
    let given = Context::new().with_value(&VAR, 5);
    let given = executor
        .task()
        .name("given")
        .context(given)
        .spawn(async { VAR.get() });
    run_all(&executor);
    assert_eq!(block_on(empty), (Some(0), Some(0), false));
    assert_eq!((block_on(given), VAR.get()), (Some(5), Some(1)));
}

#[test]
fn an_executor_inside_a_task_gives_its_tasks_their_own() {
    static VAR: ContextVar<u32> = ContextVar::new();
    let outer = LocalExecutor::new();
    let task = outer.spawn(async {
        VAR.set(1);
        let inner = LocalExecutor::new();
        let child = inner.spawn(async {
            VAR.set(VAR.get().unwrap() + 1);
            yield_now().await;
            VAR.get()
        });
        let seen = inner.run(child).await;
        (seen, VAR.get())
    });
    run_all(&outer);
    assert_eq!(block_on(task), (Some(2), Some(1)));
    assert!(!context::in_use());
}

/// A running task that runs another of the same executor.
#[test]
fn a_nested_turn_restores_the_context() {
    static VAR: ContextVar<u32> = ContextVar::new();
    let executor = Rc::new(LocalExecutor::new());
    let mine = Rc::clone(&executor);
    let (outer, inner) = (
        async move {
            VAR.set(1);
            assert!(mine.try_tick());
            let after = VAR.get();
            yield_now().await;
            (after, VAR.get())
        },
        async {
            let first = VAR.get();
            VAR.set(2);
            yield_now().await;
            (first, VAR.get())
        },
    );
    let (outer, inner) = (executor.spawn(outer), executor.spawn(inner));
    run_all(&executor);
    assert_eq!(block_on(outer), (Some(1), Some(1)));
    assert_eq!(block_on(inner), (None, Some(2)));
}

/// asynkit E3 for the eager start: private in the first leg, and in those that follow.
#[test]
fn an_eager_leg_has_a_context_of_its_own() {
    static VAR: ContextVar<u32> = ContextVar::new();
    let executor = LocalExecutor::new();
    let body = |blocks: bool| async move {
        assert_eq!(VAR.get(), Some(1));
        let token = VAR.set(2);
        if blocks {
            yield_now().await;
        }
        assert_eq!(VAR.get(), Some(2));
        // The leg and the task are one context.
        VAR.reset(token).unwrap();
        VAR.set(3);
        VAR.get()
    };
    block_on(executor.run(async {
        VAR.set(1);
        for blocks in [false, true] {
            let eager = executor.eager(body(blocks));
            assert_eq!((eager.is_finished(), VAR.get()), (!blocks, Some(1)));
            let task = executor.task().eager(true).spawn(body(blocks));
            assert_eq!((task.is_finished(), VAR.get()), (!blocks, Some(1)));
            assert_eq!((eager.await, task.await), (Some(3), Some(3)));
            assert_eq!(VAR.get(), Some(1));
        }
        let given = Context::new().with_value(&VAR, 1);
        let task = executor.task().eager(true).context(given).spawn(body(true));
        VAR.set(7);
        assert_eq!(task.await, Some(3));
    }));
    // Without anything to inherit.
    Context::new().run(|| {
        let eager = executor.eager(async {
            VAR.set(1);
            yield_now().await;
            VAR.get()
        });
        assert!(!context::in_use());
        assert_eq!(block_on(executor.run(eager)), Some(1));
        executor.eager(async { drop(VAR.set(1)) }).detach();
        assert!(!context::in_use());
    });
}

#[test]
fn panics_leave_the_context_of_others_alone() {
    static VAR: ContextVar<u32> = ContextVar::new();
    let executor = LocalExecutor::new();
    VAR.set(1);
    let task = executor.spawn(async {
        VAR.set(2);
        yield_now().await;
        assert_eq!(VAR.get(), Some(2));
        panic!("stop");
    });
    run_all(&executor);
    assert_eq!(VAR.get(), Some(1));
    assert!(catch_unwind(AssertUnwindSafe(|| block_on(task))).is_err());

    let eager = executor.eager(async {
        VAR.set(2);
        panic!("stop");
    });
    assert_eq!(VAR.get(), Some(1));
    assert!(catch_unwind(AssertUnwindSafe(|| block_on(eager))).is_err());
    // The slots of both are used again, by tasks that find nothing of theirs.
    let tasks = Context::new().run(|| [(); 3].map(|()| executor.spawn(async { VAR.get() })));
    run_all(&executor);
    assert_eq!(tasks.map(block_on), [None; 3]);
}

/// However far a task has come, its destructors see its context: when it completes, when it is
/// cancelled, and when the executor goes.
#[test]
fn destructors_see_the_context_of_their_task() {
    static VAR: ContextVar<u32> = ContextVar::new();
    VAR.set(100);
    for polls in 0..4 {
        for how in ["cancel", "kill", "executor", "eager"] {
            let log = Log::default();
            let executor = LocalExecutor::new();
            let captured = LogsOnDrop(&VAR, "captured", Rc::clone(&log));
            let future = {
                let log = Rc::clone(&log);
                async move {
                    let _captured = captured;
                    for n in 0..2 {
                        VAR.set(n);
                        let _local = LogsOnDrop(&VAR, "local", Rc::clone(&log));
                        yield_now().await;
                    }
                }
            };
            let builder = executor.task().eager(how == "eager");
            let task = builder.context(Context::new()).spawn(future);
            for _ in usize::from(how == "eager")..polls {
                executor.try_tick();
            }
            match how {
                "executor" => {
                    drop(executor);
                    drop(task);
                }
                "kill" => assert_eq!(task.kill().is_ok(), polls < 3),
                _ => {
                    drop(task);
                    run_all(&executor);
                }
            }
            let polls = polls.max(usize::from(how == "eager"));
            let expected: &[_] = match polls {
                0 => &[("captured", None)],
                1 => &[("local", Some(0)), ("captured", Some(0))],
                _ => &[
                    ("local", Some(0)),
                    ("local", Some(1)),
                    ("captured", Some(1)),
                ],
            };
            assert_eq!(*log.borrow(), expected, "{how} after {polls} polls");
            assert_eq!(VAR.get(), Some(100));
        }
    }
}

#[test]
fn the_values_of_a_task_go_with_it() {
    static VAR: ContextVar<Arc<()>> = ContextVar::new();
    let value = Arc::new(());
    let count = || Arc::strong_count(&value) - 1;
    let executor = LocalExecutor::new();
    let mine = Arc::clone(&value);
    let task = executor.spawn(async move {
        VAR.set(mine);
        yield_now().await;
    });
    executor.try_tick();
    assert_eq!(count(), 1);
    executor.try_tick();
    assert_eq!(count(), 0);
    drop(task);

    // Inherited and never run; blocked; and in an eager leg that ends.
    let mut context = Context::new().with_value(&VAR, Arc::clone(&value));
    let never = context.run(|| executor.spawn(async {}));
    let blocked = context.run(|| executor.spawn(pending::<()>()));
    context.run(|| {
        executor
            .eager(async { drop(VAR.set(Arc::default())) })
            .detach()
    });
    drop(context);
    assert_eq!(count(), 1);
    drop(never);
    run_all(&executor);
    assert_eq!(count(), 1);
    drop(executor);
    assert_eq!(count(), 0);
    drop(blocked);
}

/// A destructor of a value may use the executor.
#[test]
fn the_destructor_of_a_value_may_spawn() {
    static VAR: ContextVar<Spawns> = ContextVar::new();
    static LEVEL: ContextVar<u32> = ContextVar::new();
    thread_local! {
        static EXECUTOR: Rc<LocalExecutor<'static>> = Rc::new(LocalExecutor::new());
        static SEEN: RefCell<Vec<Option<u32>>> = const { RefCell::new(Vec::new()) };
    }
    struct Spawns;
    impl Drop for Spawns {
        fn drop(&mut self) {
            let task = async { SEEN.with_borrow_mut(|seen| seen.push(LEVEL.get())) };
            EXECUTOR.with(|executor| executor.spawn(task).detach());
        }
    }
    let executor = EXECUTOR.with(Rc::clone);
    let task = executor.spawn(async {
        LEVEL.set(1);
        VAR.set(Spawns);
        yield_now().await;
    });
    run_all(&executor);
    // The value went after the task, in the context of whoever ran it.
    SEEN.with_borrow(|seen| assert_eq!(*seen, [None]));
    drop(task);
}

#[test]
fn a_token_is_good_in_every_poll_of_its_task_and_nowhere_else() {
    static VAR: ContextVar<u32> = ContextVar::new();
    let executor = LocalExecutor::new();
    block_on(executor.run(async {
        let (sender, receiver) = async_channel::unbounded();
        let owner = executor.spawn(async move {
            let token = VAR.set(1);
            sender.send(VAR.set(2)).await.unwrap();
            yield_now().await;
            VAR.reset(token).unwrap();
            yield_now().await;
            assert_eq!(VAR.get(), None);
        });
        let thief = executor.spawn(async move {
            VAR.set(3);
            let error = VAR.reset(receiver.recv().await.unwrap()).unwrap_err();
            assert_eq!((error.mismatch(), VAR.get()), (Mismatch::Context, Some(3)));
        });
        owner.await;
        thief.await;
    }));
}

/// As in asyncio, a callback runs in a copy of the context in which it was added.
#[test]
fn a_callback_has_the_context_of_whoever_added_it() {
    static VAR: ContextVar<u32> = ContextVar::new();
    let seen: Rc<RefCell<Vec<Option<u32>>>> = Rc::default();
    let executor = LocalExecutor::new();
    let task = executor.spawn(async { drop(VAR.set(9)) });
    let add = || {
        let seen = Rc::clone(&seen);
        let callback = move |_| {
            seen.borrow_mut().push(VAR.get());
            VAR.set(8);
        };
        task.on_done(callback).unwrap();
    };
    add();
    VAR.set(1);
    add();
    VAR.set(2);
    run_all(&executor);
    add();
    run_all(&executor);
    assert_eq!(*seen.borrow(), [None, Some(1), Some(2)]);
    assert_eq!(VAR.get(), Some(2));
}

#[test]
fn a_wake_from_another_thread_changes_nothing() {
    static VAR: ContextVar<u32> = ContextVar::new();
    let executor = LocalExecutor::new();
    let (sender, receiver) = async_channel::bounded::<u32>(1);
    let thread = std::thread::spawn(move || {
        VAR.set(9);
        for n in 0..100 {
            sender.send_blocking(n).unwrap();
        }
    });
    let task = executor.spawn(async move {
        while let Ok(n) = receiver.recv().await {
            assert_eq!(VAR.get(), n.checked_sub(1));
            VAR.set(n);
        }
        VAR.get()
    });
    assert_eq!(block_on(executor.run(task)), Some(99));
    thread.join().unwrap();
    assert!(!context::in_use());
}

mod model {
    //! Random programs of tasks that set, reset, spawn and yield, against a map for each task.

    use super::*;
    use corokit_core::context::Token;
    use corokit_scheduler::Task;
    use proptest::prelude::*;
    use std::cell::Cell;
    use std::collections::BTreeMap;
    use std::future::Future;
    use std::pin::Pin;
    use std::rc::Weak;

    const VARS: usize = 3;
    static VARIABLES: [ContextVar<u32>; VARS] = [const { ContextVar::new() }; VARS];

    #[derive(Clone, Debug)]
    enum Op {
        Set(usize, u32),
        Reset,
        Yield,
        Spawn(Vec<Op>),
        SpawnEmpty(Vec<Op>),
        StartEager(Vec<Op>),
        Eager(Vec<Op>),
        Scope(Vec<Op>),
        Await(Vec<Op>),
        Panic,
    }

    fn ops() -> impl Strategy<Value = Vec<Op>> {
        let leaf = prop_oneof![
            4 => (0..VARS, any::<u32>()).prop_map(|(var, value)| Op::Set(var, value)),
            2 => Just(Op::Reset),
            3 => Just(Op::Yield),
        ];
        let tree = leaf.prop_recursive(4, 64, 8, |inner| {
            let list = (prop::collection::vec(inner, 0..8), 0..4)
                .prop_map(|(mut ops, panic)| {
                    if panic == 0 {
                        ops.push(Op::Panic);
                    }
                    ops
                })
                .boxed();
            prop_oneof![
                list.clone().prop_map(Op::Spawn),
                list.clone().prop_map(Op::SpawnEmpty),
                list.clone().prop_map(Op::StartEager),
                list.clone().prop_map(Op::Eager),
                list.clone().prop_map(|ops| Op::Scope(without_panic(ops))),
                list.prop_map(|ops| Op::Await(without_panic(ops))),
            ]
        });
        prop::collection::vec(tree, 0..16)
    }

    /// A panic in a future that is awaited in place would be that of the task.
    fn without_panic(mut ops: Vec<Op>) -> Vec<Op> {
        ops.retain(|op| !matches!(op, Op::Panic));
        ops
    }

    type Model = Rc<RefCell<BTreeMap<usize, u32>>>;
    type Executor = Weak<LocalExecutor<'static>>;
    type Tasks = Rc<RefCell<Vec<Task<()>>>>;

    thread_local! {
        /// Counts the checks that failed: the panic of a detached task is seen by nobody.
        static FAILED: Cell<u32> = const { Cell::new(0) };
    }

    fn check(model: &Model) {
        let found = VARIABLES.each_ref().map(ContextVar::get);
        let expected = [0, 1, 2].map(|index| model.borrow().get(&index).copied());
        if found != expected {
            FAILED.set(FAILED.get() + 1);
        }
    }

    fn strong(executor: &Executor) -> Rc<LocalExecutor<'static>> {
        executor
            .upgrade()
            .expect("the executor is alive while its tasks run")
    }

    /// Checks once more when the program is dropped, however far it has come.
    struct Checks(Model);

    impl Drop for Checks {
        fn drop(&mut self) {
            check(&self.0);
        }
    }

    fn copy(model: &Model) -> Model {
        Rc::new(RefCell::new(model.borrow().clone()))
    }

    fn program(
        ops: Vec<Op>,
        model: Model,
        executor: Executor,
        tasks: Tasks,
    ) -> Pin<Box<dyn Future<Output = ()>>> {
        Box::pin(async move {
            let _checks = Checks(Rc::clone(&model));
            let mut tokens: Vec<(usize, Option<u32>, Token<u32>)> = Vec::new();
            check(&model);
            for op in ops {
                let child = |ops, model| program(ops, model, executor.clone(), Rc::clone(&tasks));
                let empty = || Rc::new(RefCell::new(BTreeMap::new()));
                match op {
                    Op::Set(var, value) => {
                        let token = VARIABLES[var].set(value);
                        let old = model.borrow_mut().insert(var, value);
                        tokens.push((var, old, token));
                    }
                    Op::Reset => {
                        if let Some((var, old, token)) = tokens.pop() {
                            VARIABLES[var].reset(token).unwrap();
                            match old {
                                Some(old) => model.borrow_mut().insert(var, old),
                                None => model.borrow_mut().remove(&var),
                            };
                        }
                    }
                    Op::Yield => yield_now().await,
                    Op::Spawn(ops) => {
                        let task = strong(&executor).spawn(child(ops, copy(&model)));
                        tasks.borrow_mut().push(task);
                    }
                    Op::SpawnEmpty(ops) => {
                        let executor = strong(&executor);
                        let task = executor.task().context(Context::new());
                        let task = task.spawn(child(ops, empty()));
                        tasks.borrow_mut().push(task);
                    }
                    Op::StartEager(ops) => {
                        let executor = strong(&executor);
                        let task = executor.task().eager(true);
                        let task = task.spawn(child(ops, copy(&model)));
                        tasks.borrow_mut().push(task);
                    }
                    Op::Eager(ops) => strong(&executor).eager(child(ops, copy(&model))).detach(),
                    Op::Scope(ops) => {
                        Context::current().scope(child(ops, copy(&model))).await;
                    }
                    Op::Await(ops) => child(ops, Rc::clone(&model)).await,
                    Op::Panic => std::panic::resume_unwind(Box::new("stop")),
                }
                check(&model);
            }
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn every_task_finds_what_its_own_map_says(ops in ops(), ticks in 0..40usize) {
            let executor = Rc::new(LocalExecutor::new());
            let tasks = Tasks::default();
            let mut outer = Context::new().with_value(&VARIABLES[0], 42);
            outer.run(|| {
                let model = Rc::new(RefCell::new(BTreeMap::from([(0, 42)])));
                let main = program(ops, Rc::clone(&model), Rc::downgrade(&executor), Rc::clone(&tasks));
                let main = executor.spawn(main);
                for _ in 0..ticks {
                    executor.try_tick();
                    check(&Rc::new(RefCell::new(BTreeMap::from([(0, 42)]))));
                }
                // What has not ended is cancelled: some by its handle, the rest by the executor.
                let (finished, mut cancelled): (Vec<_>, Vec<_>) =
                    tasks.take().into_iter().partition(Task::is_finished);
                let rest = cancelled.split_off(cancelled.len() / 2);
                for task in cancelled {
                    drop(task);
                    executor.try_tick();
                }
                drop(executor);
                for task in finished.into_iter().chain(rest).chain([main]) {
                    let result = catch_unwind(AssertUnwindSafe(|| block_on(task.fallible())));
                    if let Err(payload) = result {
                        assert_eq!(payload.downcast_ref::<&str>(), Some(&"stop"));
                    }
                }
                check(&Rc::new(RefCell::new(BTreeMap::from([(0, 42)]))));
                assert_eq!(FAILED.take(), 0, "what a task found is not what its map says");
            });
        }
    }
}
