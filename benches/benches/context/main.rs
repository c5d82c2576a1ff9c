//! What it costs that a task has values of its own.
//!
//! `cargo bench -p corokit-benches --features context --bench context`; with `-- --help` the options. The feature changes what
//! every other area measures, so this one has a build to itself.

use corokit_benches::{
    Bench, Bound, ContextOp, Launch, Line, OURS, Options, Role, run_all, start_inline,
    start_inline_in_context, use_context,
};

const EAGER: &str = "corokit, no variable set";

fn main() -> std::io::Result<()> {
    let options = Options::from_env(15, 1);
    let benches = vec![
        op(&options, "read a variable", ContextOp::Get, 3.4),
        op(
            &options,
            "copy a context of four variables",
            ContextOp::Copy,
            16.0,
        ),
        in_context(&options),
    ];
    run_all("context", benches, &options)
}

fn op(options: &Options, title: &str, op: ContextOp, most: f64) -> Bench<'static> {
    let count = options.size(2_000_000, 1_000);
    let line = Line::new("", "ns")
        .baseline(OURS)
        .target(Bound::Within(most));
    let bench = Bench::new(title).line(line);
    bench.contestant(OURS, Role::Ours, move || vec![use_context(op, count)])
}

fn in_context(options: &Options) -> Bench<'static> {
    let count = options.size(100_000, 1_000);
    let line = Line::new("", "ns, started and awaited").baseline(EAGER);
    Bench::new("an eager call in a task with a variable set")
        .line(line.target(Bound::Within(13.0)))
        .contestant(OURS, Role::Ours, move || {
            vec![start_inline_in_context(count)]
        })
        .contestant(EAGER, Role::Ours, move || {
            vec![start_inline(Launch::Eager, count)]
        })
}
