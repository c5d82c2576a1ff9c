//! What the page and the pictures say of a run.

use figures::{Better, Line, Machine, Role, Row, Run, SCHEMA, Target, page, plot};

fn row(name: &str, role: Role, median: f64) -> Row {
    Row {
        name: name.to_owned(),
        role,
        rounds: 15,
        median,
        min: median,
        max: median,
    }
}

fn line(title: &str, better: Better, rows: Vec<Row>) -> Line {
    Line {
        title: title.to_owned(),
        unit: "ns".to_owned(),
        better,
        baseline: "rival".to_owned(),
        rows,
        targets: Vec::new(),
    }
}

fn run(area: &str, lines: Vec<Line>) -> Run {
    Run {
        schema: SCHEMA,
        area: area.to_owned(),
        date: "2026-11-21T12:00:00Z".to_owned(),
        rustc: "rustc 1.95.0".to_owned(),
        machine: Machine {
            cpu: "a processor".to_owned(),
            cores: 2,
            system: "linux x86_64".to_owned(),
            load: Some(0.25),
        },
        rounds: 15,
        seed: 7,
        quick: false,
        partial: false,
        left_out: Vec::new(),
        lines,
    }
}

/// Ours at 50 and a peer at 100.
fn two() -> Vec<Row> {
    vec![
        row("corokit", Role::Ours, 50.0),
        row("rival", Role::Peer, 100.0),
    ]
}

#[track_caller]
fn check(lines: Vec<Line>, expected: &str) {
    let text = page(&[run("scheduler", lines)]);
    assert!(text.contains(expected), "no `{expected}` in\n{text}");
}

#[test]
fn a_peer_stands_with_how_many_times_our_cost_it_has() {
    let expected = "| yield, ns | **50.0** | rival 100 (2.00x) |  |";
    check(vec![line("yield", Better::Lower, two())], expected);
}

#[test]
fn who_does_half_as_much_in_a_second_has_twice_the_cost() {
    let rows = vec![
        row("corokit", Role::Ours, 50.0),
        row("rival", Role::Peer, 25.0),
    ];
    let expected = "| serve, ns | **50.0** | rival 25.0 (2.00x) |  |";
    check(vec![line("serve", Better::Higher, rows)], expected);
}

#[test]
fn where_nothing_is_called_corokit_the_first_of_ours_counts() {
    let rows = vec![
        row("corokit, eager", Role::Ours, 10.0),
        row("corokit, spawn", Role::Ours, 80.0),
        row("awaited", Role::Floor, 5.0),
    ];
    let expected = "| eager 10.0, spawn 80.0 (8.00x) | awaited 5.00 (0.50x) |";
    check(vec![line("start", Better::Lower, rows)], expected);
}

#[test]
fn nothing_is_no_times_of_nothing() {
    let rows = vec![
        row("corokit", Role::Ours, 0.0),
        row("rival", Role::Peer, 2.0),
    ];
    let lines = vec![line("allocate", Better::Lower, rows)];
    assert_eq!(plot(&run("scheduler", lines.clone())), None);
    check(lines, "| **0** | rival 2.00 |");
}

#[test]
fn targets_are_counted_and_those_missed_come_first() {
    let target = |target: &str, met| Target {
        target: target.to_owned(),
        reached: "2.00x".to_owned(),
        met,
    };
    let mut judged = line("yield", Better::Lower, two());
    judged.targets = vec![
        target(">= 2x rival", Some(true)),
        target(">= 3x rival", Some(false)),
        target(">= 3x nobody", None),
    ];
    let text = page(&[run("scheduler", vec![judged])]);
    assert!(text.contains("**1 of 2 targets are met.**"), "{text}");
    assert!(
        text.contains("| scheduler | yield | \\>= 3x rival | 2.00x |"),
        "{text}"
    );
    let cell =
        "\\>= 2x rival: met, 2.00x; \\>= 3x rival: **missed**, 2.00x; \\>= 3x nobody: not judged";
    assert!(text.contains(cell), "{text}");
}

#[test]
fn what_is_not_worth_much_says_so() {
    let mut quick = run("locks", Vec::new());
    quick.quick = true;
    quick.left_out = vec!["glommio: no io_uring".to_owned()];
    let text = page(&[quick]);
    assert!(text.contains("these figures mean nothing"), "{text}");
    assert!(text.contains("Left out: glommio: no io\\_uring."), "{text}");
}

#[test]
fn areas_have_an_order_whatever_the_files_are_called() {
    let runs = ["unheard-of", "caches", "scheduler"].map(|area| run(area, Vec::new()));
    let text = page(&runs);
    let headings: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with("## "))
        .collect();
    assert_eq!(headings, ["## The scheduler", "## Caches", "## unheard-of"]);
}

#[test]
fn a_picture_shows_every_contestant_where_it_stands() {
    let picture = plot(&run("locks", vec![line("lock", Better::Lower, two())])).unwrap();
    assert_eq!(picture.file, "bench-locks.svg");
    for text in [
        "lock",
        "corokit",
        "rival",
        "locks: the cost of each, corokit",
    ] {
        assert!(picture.svg.contains(text), "no `{text}`");
    }
    // A circle for each contestant, and one for each in the list of names.
    assert_eq!(picture.svg.matches("<circle").count(), 4);
    let left_of = |name: &str| {
        let colour = match name {
            "corokit" => "#007788",
            _ => "#E69F00",
        };
        let mut circles = picture.svg.split("<circle").skip(1);
        let circle = circles.find(|circle| circle.contains(colour)).unwrap();
        let (_, rest) = circle.split_once("cx=\"").unwrap();
        rest.split_once('"').unwrap().0.parse::<i32>().unwrap()
    };
    assert!(
        left_of("corokit") < left_of("rival"),
        "the slower one is on the right"
    );
}

#[test]
fn a_line_of_ours_alone_is_not_drawn() {
    let rows = vec![row("corokit", Role::Ours, 50.0)];
    let lines = vec![line("alone", Better::Lower, rows)];
    assert_eq!(plot(&run("locks", lines)), None);
}

#[test]
fn a_figure_that_is_none_is_not_written() {
    let rows = vec![row("corokit", Role::Ours, f64::INFINITY)];
    let run = run("locks", vec![line("lock", Better::Lower, rows)]);
    assert!(std::panic::catch_unwind(|| run.to_json()).is_err());
}

#[test]
fn what_is_not_in_the_schema_is_told() {
    let json = run("locks", Vec::new()).to_json();
    let more = json.replacen('{', "{ \"mood\": 1,", 1);
    let error = Run::read(&more).unwrap_err().to_string();
    assert!(error.contains("unknown field `mood`"), "{error}");
    let newer = json.replacen("\"schema\": 1", "\"schema\": 2", 1);
    let error = Run::read(&newer).unwrap_err().to_string();
    assert_eq!(error, "schema 2, not 1; measure again");
}
