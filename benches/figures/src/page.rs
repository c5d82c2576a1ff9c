//! The page of the guide.

use std::fmt::Write as _;

use crate::plot::plot;
use crate::run::{Line, Role, Row, Run, Target};

/// The areas in the order of the page, and what each is about. One that is not here comes last.
const AREAS: [(&str, &str, &str); 13] = [
    (
        "scheduler",
        "The scheduler",
        "Spawning, waking, yielding, wakes from other threads, the ready queue in the program's hands, memory.",
    ),
    (
        "coroutines",
        "Coroutines",
        "Futures that are started in place, coroutines that ask their driver, generators.",
    ),
    (
        "context",
        "Task-local context",
        "What values cost that belong to a task, in a build that has them.",
    ),
    (
        "locks",
        "Locks",
        "Locks whose holder inherits the priority of who waits, free and fought for.",
    ),
    (
        "overload",
        "Under load",
        "What an urgent request waits for when there is too much to do. Time is virtual, so the figures are exact.",
    ),
    (
        "crossings",
        "From blocking to async code and back",
        "Futures driven without an executor, iterators as streams, the pool of threads.",
    ),
    (
        "queues",
        "Queues",
        "Within a thread processor time is measured, between threads the time on the wall.",
    ),
    ("services", "Services", "Rate limiters, batches, schedules."),
    (
        "caches",
        "Caches",
        "Hits, misses, many who ask at once, and the maps below.",
    ),
    ("parallel", "Many things at once", "gather and plans."),
    (
        "lab",
        "Tests that own time and order",
        "Random schedules of a small program.",
    ),
    (
        "python",
        "The Python originals",
        "The same work by asyncio, asynkit, a_sync and corokit: processor time of the whole process.",
    ),
    (
        "kv",
        "kv",
        "The example server beside redis-server, driven by redis-benchmark.",
    ),
];

/// Writes the page of the guide that shows `runs`, whose pictures are in `images/`.
///
/// ```
/// assert!(figures::page(&[]).starts_with("# All figures"));
/// ```
#[must_use]
pub fn page(runs: &[Run]) -> String {
    let mut text = String::from(
        "# All figures

<!-- Made from figures/*.json by `cargo xtask bench plot`; what is changed here by hand is lost. -->

Each line is the same work by several contestants, which took turns in one process, in a new random order each
round. A figure is the median of the rounds. Behind each contestant stands how many times corokit's cost it has:
more than 1 is slower than corokit (or larger, or serves fewer). A *floor* is the same work with nothing but its
unavoidable parts. Figures of different machines cannot be compared, ratios can.

`cargo xtask bench` measures all of it anew, `cargo xtask bench AREA` one part; with `--save` the outcome replaces what
is shown here. The figures themselves are in `docs/src/figures`, their schema is documented in `benches/figures`.

",
    );
    write_summary(&mut text, runs);
    for (_, title, about, run) in ordered(runs) {
        write_area(&mut text, title, about, run);
    }
    text
}

/// Returns the runs in the order of the page, with their titles.
fn ordered(runs: &[Run]) -> Vec<(usize, &str, &str, &Run)> {
    let mut ordered: Vec<_> = runs
        .iter()
        .map(|run| {
            let known = AREAS.iter().position(|(area, ..)| *area == run.area);
            match known.map(|index| (index, AREAS[index])) {
                Some((index, (_, title, about))) => (index, title, about, run),
                None => (AREAS.len(), run.area.as_str(), "", run),
            }
        })
        .collect();
    ordered.sort_by_key(|(index, ..)| *index);
    ordered
}

/// Counts the targets, and lists those that are missed.
fn write_summary(text: &mut String, runs: &[Run]) {
    let mut met = 0;
    let mut missed = Vec::new();
    for (_, _, _, run) in ordered(runs) {
        for line in &run.lines {
            for target in &line.targets {
                match target.met {
                    Some(true) => met += 1,
                    Some(false) => missed.push((run, line, target)),
                    None => {}
                }
            }
        }
    }
    let all = met + missed.len();
    match all {
        0 => text.push_str(
            "**No target is judged: these runs were only to see that everything works.**\n\n",
        ),
        _ => {
            let _ = writeln!(text, "**{met} of {all} targets are met.**\n");
        }
    }
    if !missed.is_empty() {
        text.push_str("| missed | work | target | reached |\n|---|---|---|---|\n");
        for (
            run,
            line,
            Target {
                target, reached, ..
            },
        ) in missed
        {
            let cells = [&run.area, &line.title, target, reached].map(|cell| escaped(cell));
            let _ = writeln!(text, "| {} |", cells.join(" | "));
        }
        text.push('\n');
    }
}

fn write_area(text: &mut String, title: &str, about: &str, run: &Run) {
    let _ = writeln!(text, "## {title}\n\n{about}\n");
    if run.quick {
        text.push_str("**A quick run, which only shows that everything works: these figures mean nothing.**\n\n");
    }
    if run.partial {
        text.push_str("**A part of the area: the command line left something out.**\n\n");
    }
    if plot(run).is_some() {
        let name = &run.area;
        let _ = writeln!(
            text,
            "![{title}: how many times corokit's cost each contestant has](images/bench-{name}.svg)\n"
        );
    }
    if !run.lines.is_empty() {
        text.push_str("| work | corokit | others | targets |\n|---|---|---|---|\n");
        for line in &run.lines {
            write_line(text, line);
        }
        text.push('\n');
    }
    for left_out in &run.left_out {
        let _ = writeln!(text, "Left out: {}.\n", escaped(left_out));
    }
    let machine = &run.machine;
    let load = machine
        .load
        .map(|load| format!(", load {load:.1} at the start"));
    let _ = writeln!(
        text,
        "*{}, {} cores, {}{}; {}; {}; rounds: {}; seed {}.*\n",
        machine.cpu,
        machine.cores,
        machine.system,
        load.unwrap_or_default(),
        run.rustc,
        run.date,
        run.rounds,
        run.seed
    );
}

fn write_line(text: &mut String, line: &Line) {
    let reference = line.ours();
    let (ours, others): (Vec<&Row>, Vec<&Row>) =
        line.rows.iter().partition(|row| row.role == Role::Ours);
    let tell = |row: &Row| {
        let times = reference.map(|ours| line.times(row, ours));
        let own = reference.is_some_and(|ours| ours.name == row.name);
        let times = times.filter(|times| !own && times.is_finite());
        let times = times.map(|times| format!(" ({times:.2}x)"));
        let figure = format!("{}{}", figure(row.median), times.unwrap_or_default());
        match row.name.as_str() {
            "corokit" => format!("**{figure}**"),
            name => format!("{} {figure}", escaped(name.trim_start_matches("corokit, "))),
        }
    };
    let list = |rows: Vec<&Row>| rows.into_iter().map(tell).collect::<Vec<_>>().join(", ");
    let targets = line.targets.iter().map(|target| {
        let Target {
            target,
            reached,
            met,
        } = target;
        let met = match met {
            Some(true) => "met",
            Some(false) => "**missed**",
            None => "not judged",
        };
        format!("{}: {met}, {}", escaped(target), escaped(reached))
    });
    let targets: Vec<String> = targets.collect();
    let (title, unit) = (escaped(&line.title), escaped(&line.unit));
    let _ = writeln!(
        text,
        "| {title}, {unit} | {} | {} | {} |",
        list(ours),
        list(others),
        targets.join("; ")
    );
}

/// Takes away the meaning that some characters have in a table.
fn escaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for character in text.chars() {
        if "|*_<>`[]\\".contains(character) {
            plain.push('\\');
        }
        plain.push(character);
    }
    plain
}

/// Writes a figure with as many places as are worth reading.
pub(crate) fn figure(value: f64) -> String {
    if value == 0.0 {
        "0".to_owned()
    } else if value < 10.0 {
        format!("{value:.2}")
    } else if value < 100.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.0}")
    }
}
