//! Random programs of sets, resets, copies, scopes, forks and looks, against a model: a stack of maps.
#![cfg(feature = "context")]

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use corokit_core::context::{Context, ContextVar, Mismatch, Token, fork};
use proptest::prelude::*;

const VARS: usize = 4;

#[derive(Clone, Debug)]
enum Op {
    /// Sets a variable and keeps the token.
    Set(usize, u32),
    /// Uses a token, chosen among those that are left, on a variable.
    Reset(usize, usize),
    /// Drops a token.
    Forget(usize),
    /// Keeps a copy of the current context.
    Copy,
    /// Sets a variable in a kept context.
    WithValue(usize, usize, u32),
    /// Drops a kept context.
    Drop(usize),
    /// Runs operations in a new and empty context.
    Empty(Vec<Op>),
    /// Runs operations in a kept context.
    Run(usize, Vec<Op>),
    /// Runs operations in a copy of the current context, as a spawned task does.
    Spawn(Vec<Op>),
    /// Runs operations in a fork of the current context, and keeps what comes out of it.
    Fork(Vec<Op>),
    /// Runs operations in a fork of the current context, and then panics.
    PanicInFork(Vec<Op>),
    /// Runs operations while a variable is looked at.
    Look(usize, Vec<Op>),
    /// Runs operations in a kept context, and then panics.
    Panic(usize, Vec<Op>),
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let leaf = prop_oneof![
        4 => (0..VARS, any::<u32>()).prop_map(|(var, value)| Op::Set(var, value)),
        3 => (any::<usize>(), 0..VARS).prop_map(|(token, var)| Op::Reset(token, var)),
        1 => any::<usize>().prop_map(Op::Forget),
        2 => Just(Op::Copy),
        1 => (any::<usize>(), 0..VARS, any::<u32>())
            .prop_map(|(context, var, value)| Op::WithValue(context, var, value)),
        1 => any::<usize>().prop_map(Op::Drop),
    ];
    let tree = leaf.prop_recursive(4, 64, 8, |inner| {
        let list = prop::collection::vec(inner, 0..8);
        prop_oneof![
            list.clone().prop_map(Op::Empty),
            (any::<usize>(), list.clone()).prop_map(|(context, ops)| Op::Run(context, ops)),
            list.clone().prop_map(Op::Spawn),
            list.clone().prop_map(Op::Fork),
            list.clone().prop_map(Op::PanicInFork),
            (0..VARS, list.clone()).prop_map(|(var, ops)| Op::Look(var, ops)),
            (any::<usize>(), list).prop_map(|(context, ops)| Op::Panic(context, ops)),
        ]
    });
    prop::collection::vec(tree, 0..24)
}

/// A context of the model: its identity and its values.
#[derive(Clone, Debug)]
struct Model {
    number: u32,
    values: BTreeMap<usize, u32>,
}

/// A kept context, with what it should be. Empty while it is entered.
type Kept = Option<(Context, Model)>;

/// A token, and the variable, the context and the old value that it should be of.
type KeptToken = (Token<u32>, usize, u32, Option<u32>);

/// Panics in the way that [`may_stop`] knows.
fn stop_if(panics: bool) {
    if panics {
        std::panic::resume_unwind(Box::new("stop"));
    }
}

/// Calls a function that ends with `stop_if(panics)`: `None` if it has panicked there.
fn may_stop<R>(panics: bool, function: impl FnOnce() -> R) -> Option<R> {
    match catch_unwind(AssertUnwindSafe(function)) {
        Ok(result) => {
            assert!(!panics);
            Some(result)
        }
        Err(payload) if payload.downcast_ref::<&str>() == Some(&"stop") && panics => None,
        Err(payload) => std::panic::resume_unwind(payload),
    }
}

struct Machine<'v> {
    vars: &'v [ContextVar<u32>; VARS],
    stack: Vec<Model>,
    kept: Vec<Kept>,
    tokens: Vec<KeptToken>,
    next: u32,
}

impl Machine<'_> {
    fn new_model(&mut self, values: BTreeMap<usize, u32>) -> Model {
        self.next += 1;
        let number = self.next;
        Model { number, values }
    }

    fn top(&mut self) -> &mut Model {
        self.stack.last_mut().unwrap()
    }

    /// Chooses a kept context that is not entered.
    fn choose(&self, index: usize) -> Option<usize> {
        let free: Vec<usize> = (0..self.kept.len())
            .filter(|index| self.kept[*index].is_some())
            .collect();
        (!free.is_empty()).then(|| free[index % free.len()])
    }

    fn inside(
        &mut self,
        mut context: Context,
        model: Model,
        ops: &[Op],
        panics: bool,
    ) -> (Context, Model) {
        let depth = self.stack.len();
        self.stack.push(model);
        may_stop(panics, || {
            context.run(|| {
                self.run(ops);
                stop_if(panics);
            });
        });
        let model = self.stack.pop().unwrap();
        assert_eq!(self.stack.len(), depth);
        (context, model)
    }

    /// Runs operations in a fork, and returns its context; `None` if it panicked.
    fn forked(&mut self, ops: &[Op], panics: bool) -> Kept {
        let values = self.top().values.clone();
        let model = self.new_model(values);
        let depth = self.stack.len();
        self.stack.push(model);
        let context = may_stop(panics, || {
            let ((), context) = fork(|| {
                self.run(ops);
                stop_if(panics);
            });
            context.unwrap_or_else(Context::current)
        });
        let model = self.stack.pop().unwrap();
        assert_eq!(self.stack.len(), depth);
        Some((context?, model))
    }

    fn run(&mut self, ops: &[Op]) {
        for op in ops {
            self.step(op);
            self.check();
        }
    }

    fn step(&mut self, op: &Op) {
        let vars = self.vars;
        match op {
            Op::Set(var, value) => {
                let token = vars[*var].set(*value);
                let old = self.top().values.insert(*var, *value);
                assert_eq!(token.old_value().copied(), old);
                let number = self.top().number;
                self.tokens.push((token, *var, number, old));
            }
            Op::Reset(index, var) if !self.tokens.is_empty() => {
                let index = index % self.tokens.len();
                let (token, of, context, old) = self.tokens.remove(index);
                let result = vars[*var].reset(token);
                if of != *var {
                    let error = result.unwrap_err();
                    assert_eq!(error.mismatch(), Mismatch::Variable);
                    self.tokens.push((error.into_token(), of, context, old));
                } else if context != self.top().number {
                    let error = result.unwrap_err();
                    assert_eq!(error.mismatch(), Mismatch::Context);
                    self.tokens.push((error.into_token(), of, context, old));
                } else {
                    result.unwrap();
                    match old {
                        Some(old) => self.top().values.insert(of, old),
                        None => self.top().values.remove(&of),
                    };
                }
            }
            Op::Forget(index) if !self.tokens.is_empty() => {
                let index = index % self.tokens.len();
                self.tokens.remove(index);
            }
            Op::Copy => {
                let values = self.top().values.clone();
                let model = self.new_model(values);
                self.kept.push(Some((Context::current(), model)));
            }
            Op::WithValue(index, var, value) => {
                let Some(index) = self.choose(*index) else {
                    return;
                };
                let (context, mut model) = self.kept[index].take().unwrap();
                model.values.insert(*var, *value);
                self.kept[index] = Some((context.with_value(&vars[*var], *value), model));
            }
            Op::Drop(index) => {
                let Some(index) = self.choose(*index) else {
                    return;
                };
                self.kept[index] = None;
            }
            Op::Empty(ops) => {
                let model = self.new_model(BTreeMap::new());
                self.inside(Context::new(), model, ops, false);
            }
            Op::Spawn(ops) => {
                let values = self.top().values.clone();
                let model = self.new_model(values);
                self.inside(Context::current(), model, ops, false);
            }
            Op::Fork(ops) => {
                let kept = self.forked(ops, false);
                self.kept.push(kept);
            }
            Op::PanicInFork(ops) => assert!(self.forked(ops, true).is_none()),
            Op::Run(index, ops) | Op::Panic(index, ops) => {
                let Some(index) = self.choose(*index) else {
                    return;
                };
                let (context, model) = self.kept[index].take().unwrap();
                let panics = matches!(op, Op::Panic(..));
                self.kept[index] = Some(self.inside(context, model, ops, panics));
            }
            Op::Look(var, ops) => {
                let expected = self.top().values.get(var).copied();
                vars[*var].with(|value| {
                    self.run(ops);
                    assert_eq!(value.copied(), expected);
                });
            }
            Op::Reset(..) | Op::Forget(_) => {}
        }
    }

    /// Compares every variable, in the current and in every kept context.
    fn check(&mut self) {
        let model = self.stack.last().unwrap();
        for (index, var) in self.vars.iter().enumerate() {
            assert_eq!(var.get(), model.values.get(&index).copied());
            for (context, model) in self.kept.iter().flatten() {
                assert_eq!(context.get(var), model.values.get(&index).copied());
                assert_eq!(context.is_empty(), model.values.is_empty());
            }
        }
        assert_eq!(Context::current().is_empty(), model.values.is_empty());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_program_does_what_a_stack_of_maps_does(ops in ops()) {
        let vars = [const { ContextVar::new() }; VARS];
        let mut machine = Machine {
            vars: &vars,
            stack: Vec::new(),
            kept: Vec::new(),
            tokens: Vec::new(),
            next: 0,
        };
        let model = machine.new_model(BTreeMap::new());
        machine.inside(Context::new(), model, &ops, false);
    }
}
