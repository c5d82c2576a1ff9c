//! Values that belong to a task.

use std::hint::black_box;

use corokit_core::context::{Context, ContextVar};

use crate::clock::Stopwatch;

/// What is done with the values of the current context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContextOp {
    /// Read one of four.
    Get,
    /// Copy all four.
    Copy,
}

/// Reads a value of the current context, or copies the context, `count` times: nanoseconds for each.
///
/// ```
/// use corokit_benches::{ContextOp, use_context};
///
/// assert!(use_context(ContextOp::Get, 10) > 0.0);
/// ```
#[must_use]
pub fn use_context(op: ContextOp, count: u64) -> f64 {
    static VARIABLES: [ContextVar<u64>; 4] = [const { ContextVar::new() }; 4];
    let full = VARIABLES.iter().fold(Context::new(), |context, variable| {
        context.with_value(variable, 7)
    });
    let mut current = full;
    current.run(|| {
        let once = || match op {
            ContextOp::Get => {
                black_box(black_box(&VARIABLES[2]).get());
            }
            ContextOp::Copy => {
                black_box(Context::current());
            }
        };
        for _ in 0..count.div_ceil(10) {
            once();
        }
        let watch = Stopwatch::start();
        for _ in 0..count {
            once();
        }
        watch.per_op(count)
    })
}
