//! The priority queue, beside first in, first out.

use corokit_benches::{Bench, Bound, Line, Options, Role, yield_by_priority};

const FIFO: &str = "corokit, first in, first out";

/// Returns all benches of this file.
pub(crate) fn benches(options: &Options) -> Vec<Bench<'static>> {
    let steps = if options.quick { 1_000 } else { 200_000 };
    [10, 1_000, 100_000]
        .map(|tasks| {
            let rivals = &[FIFO];
            let mut line = Line::new("", "ns a step").baseline(FIFO);
            let contestants = [
                (1, "corokit, 1 priority"),
                (4, "corokit, 4 priorities"),
                (32, "corokit, 32 priorities"),
                (1_000_000, "corokit, a priority for each"),
            ];
            for (_, name) in contestants {
                line = line.target_for(name, Bound::AtMost { times: 1.3, rivals });
            }
            let mut bench = Bench::new(format!("yield by priority among {tasks}")).line(line);
            for (priorities, name) in contestants {
                bench = bench.contestant(name, Role::Ours, move || {
                    vec![yield_by_priority(tasks, Some(priorities), steps)]
                });
            }
            bench.contestant(FIFO, Role::Ours, move || {
                vec![yield_by_priority(tasks, None, steps)]
            })
        })
        .into()
}
