//! Interrupts, beside our own yield.

use corokit_benches::{
    Bench, Bound, Line, OURS, Options, Role, interrupt_round_trip, yield_on_event_loop,
};

const YIELD: &str = "corokit, plain yield";

/// Returns all benches of this file.
pub(crate) fn benches(options: &Options) -> Vec<Bench<'static>> {
    let count = if options.quick { 1_000 } else { 100_000 };
    let rivals = &[YIELD];
    let line = |unit| Line::new("", unit).baseline(YIELD);
    vec![
        Bench::new("task_interrupt, round trip")
            .line(line("ns per interrupt, two turns").target(Bound::AtMost { times: 4.0, rivals }))
            .contestant(OURS, Role::Ours, move || vec![interrupt_round_trip(count)])
            .contestant(YIELD, Role::Ours, move || {
                vec![yield_on_event_loop(false, count)]
            }),
        Bench::new("yield inside of a region")
            .line(line("ns"))
            .contestant(OURS, Role::Ours, move || {
                vec![yield_on_event_loop(true, count)]
            })
            .contestant(YIELD, Role::Ours, move || {
                vec![yield_on_event_loop(false, count)]
            }),
    ]
}
