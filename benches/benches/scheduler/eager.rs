//! Eager calls, beside our own spawn.

use corokit_benches::{Bench, Bound, Launch, Line, Options, Role, start_and_block, start_inline};

const EAGER: &str = "corokit, eager";
const ON_LOOP: &str = "corokit, eager on the event loop";
const SPAWN: &str = "corokit, spawn";

/// Returns all benches of this file.
pub(crate) fn benches(options: &Options) -> Vec<Bench<'static>> {
    let count = if options.quick { 1_000 } else { 100_000 };
    let bench = |title: &str, times: f64, work: fn(Launch, u64) -> f64| {
        let rivals = &[SPAWN];
        let line = Line::new("", "ns, started and awaited").baseline(SPAWN);
        Bench::new(title)
            .line(line.target_for(EAGER, Bound::AtMost { times, rivals }))
            .contestant(EAGER, Role::Ours, move || vec![work(Launch::Eager, count)])
            .contestant(ON_LOOP, Role::Ours, move || {
                vec![work(Launch::EagerOnEventLoop, count)]
            })
            .contestant(SPAWN, Role::Ours, move || vec![work(Launch::Spawn, count)])
    };
    vec![
        bench("a future that does not block", 1.0 / 8.0, start_inline),
        bench("a future that blocks once", 0.8, start_and_block),
    ]
}
