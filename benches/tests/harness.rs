//! The harness measures what it says, in the order it says, and judges right.

use std::cell::RefCell;

use corokit_benches::{
    Bench, Better, Bound, Line, OURS, Options, Report, Role, Row, Summary, Target, Verdict,
    recorded, run_all, summary_of_targets,
};

fn options(args: &[&str]) -> Options {
    Options::parse(args, 11, 2).unwrap()
}

fn row(name: &str, role: Role, median: f64) -> Row {
    Row::new(name, role, Summary::of(&[median]))
}

/// A line with ours at 50 and two peers at 100 and 40.
fn rows() -> Vec<Row> {
    vec![
        row(OURS, Role::Ours, 50.0),
        row("slow", Role::Peer, 100.0),
        row("fast", Role::Peer, 40.0),
        row("floor", Role::Floor, 10.0),
    ]
}

fn judge(bound: Bound, better: Better) -> (String, String, Option<bool>) {
    let subject = OURS;
    let Verdict {
        target,
        reached,
        met,
    } = Target { subject, bound }.judge(&rows(), better);
    (target, reached, met)
}

#[track_caller]
fn check(bound: Bound, better: Better, target: &str, reached: &str, met: Option<bool>) {
    let expected = (target.to_owned(), reached.to_owned(), met);
    assert_eq!(judge(bound, better), expected);
}

#[test]
fn the_median_is_the_middle_round_whatever_the_order() {
    assert_eq!(Summary::of(&[5.0]).median, 5.0);
    assert_eq!(Summary::of(&[9.0, 1.0, 5.0]).median, 5.0);
    assert_eq!(Summary::of(&[9.0, 1.0, 5.0, 7.0]).median, 6.0);
    let summary = Summary::of(&[9.0, 1.0, 5.0, 7.0]);
    assert_eq!((summary.min, summary.max), (1.0, 9.0));
}

#[test]
#[should_panic(expected = "a summary of no round")]
fn no_round_has_no_median() {
    let _ = Summary::of(&[]);
}

#[test]
fn a_time_is_held_against_a_rival() {
    let than = |times, rival| Bound::AtLeast { times, rival };
    let better = Better::Lower;
    check(than(2.0, "slow"), better, ">= 2x slow", "2.00x", Some(true));
    check(
        than(2.5, "slow"),
        better,
        ">= 2.5x slow",
        "2.00x",
        Some(false),
    );
    check(than(2.5, "absent"), better, ">= 2.5x absent", "-", None);
}

#[test]
fn a_time_is_held_against_the_best_of_several() {
    let rivals = &["slow", "fast", "absent"];
    let text = "of slow, fast, absent";
    let better = Better::Lower;
    let bound = |times| Bound::AtMost { times, rivals };
    check(
        bound(1.5),
        better,
        &format!("<= 1.5x {text}"),
        "1.25x",
        Some(true),
    );
    check(
        bound(1.2),
        better,
        &format!("<= 1.2x {text}"),
        "1.25x",
        Some(false),
    );
}

#[test]
fn the_floor_is_not_a_peer() {
    let bound = Bound::AheadOfPeers;
    check(
        bound,
        Better::Lower,
        "ahead of every peer",
        "0.80x fast",
        Some(false),
    );
    let ours = row(OURS, Role::Ours, 39.0);
    let rows = [
        ours,
        row("fast", Role::Peer, 40.0),
        row("floor", Role::Floor, 1.0),
    ];
    let subject = OURS;
    let verdict = Target { subject, bound }.judge(&rows, Better::Lower);
    assert_eq!(verdict.met, Some(true));
}

#[test]
fn a_rate_is_better_when_it_is_higher() {
    let than = |times, rival| Bound::AtLeast { times, rival };
    check(
        than(0.5, "slow"),
        Better::Higher,
        ">= 0.5x slow",
        "0.50x",
        Some(true),
    );
    check(
        than(0.6, "slow"),
        Better::Higher,
        ">= 0.6x slow",
        "0.50x",
        Some(false),
    );
    check(
        Bound::AheadOfPeers,
        Better::Higher,
        "ahead of every peer",
        "0.50x slow",
        Some(false),
    );
}

#[test]
fn an_absolute_bound_includes_its_end() {
    check(
        Bound::Within(50.0),
        Better::Lower,
        "<= 50",
        "50.0",
        Some(true),
    );
    check(
        Bound::Within(49.0),
        Better::Lower,
        "<= 49",
        "50.0",
        Some(false),
    );
}

#[test]
fn each_round_runs_everyone_once_and_the_first_does_not_count() {
    let trace = RefCell::new(Vec::new());
    let run = |name: &'static str, figures: &'static [f64]| {
        let mut figures = figures.iter();
        let trace = &trace;
        move || {
            trace.borrow_mut().push(name);
            vec![*figures.next().unwrap()]
        }
    };
    let reports = Bench::new("work")
        .line(Line::new("", "ns").baseline("b"))
        .contestant("a", Role::Ours, run("a", &[1_000.0, 1.0, 3.0]))
        .contestant("b", Role::Peer, run("b", &[2_000.0, 4.0, 4.0]))
        .run(&options(&["--quick", "--seed", "7"]));

    let trace = trace.into_inner();
    let rounds: Vec<_> = trace.chunks(2).collect();
    assert_eq!(rounds.len(), 3);
    for round in rounds {
        assert!(round == ["a", "b"] || round == ["b", "a"], "{round:?}");
    }
    let medians: Vec<_> = reports[0]
        .rows
        .iter()
        .map(|row| row.summary.median)
        .collect();
    assert_eq!(medians, [2.0, 4.0]);
    assert_eq!(reports[0].ratio(&reports[0].rows[0]), Some(2.0));
}

#[test]
fn the_seed_decides_the_order() {
    let order = |seed: &str| {
        let trace = RefCell::new(Vec::new());
        let mut bench = Bench::new("work").line(Line::new("", "ns"));
        for name in 0..8 {
            let trace = &trace;
            bench = bench.contestant(name.to_string(), Role::Peer, move || {
                trace.borrow_mut().push(name);
                vec![1.0]
            });
        }
        let _reports = bench.run(&options(&["--quick", "--seed", seed]));
        trace.into_inner()
    };
    assert_eq!(order("1"), order("1"));
    assert_ne!(order("1"), order("2"));
    assert_ne!(
        order("1")[..8],
        order("1")[8..16],
        "each round has an order of its own"
    );
}

#[test]
fn a_bench_of_several_lines_names_each() {
    let reports = Bench::new("wakes")
        .line(Line::new("here", "ns"))
        .line(Line::new("there", "ns").higher_is_better())
        .contestant("a", Role::Ours, || vec![1.0, 2.0])
        .exact()
        .run(&options(&[]));
    let titles: Vec<_> = reports.iter().map(|report| report.title.as_str()).collect();
    assert_eq!(titles, ["wakes: here", "wakes: there"]);
    assert_eq!(reports[1].rows[0].summary.median, 2.0);
}

#[test]
fn a_quick_run_judges_nothing() {
    let bench = || {
        Bench::new("work")
            .line(Line::new("", "ns").target(Bound::Within(1.0)))
            .contestant(OURS, Role::Ours, || vec![2.0])
    };
    assert!(bench().run(&options(&["--quick"]))[0].verdicts.is_empty());
    assert_eq!(bench().run(&options(&[]))[0].verdicts[0].met, Some(false));
}

#[test]
fn only_the_contestants_asked_for_take_part() {
    let bench = || {
        Bench::new("work")
            .line(Line::new("", "ns"))
            .contestant(OURS, Role::Ours, || vec![1.0])
            .contestant("rival", Role::Peer, || panic!("not asked for"))
    };
    let reports = bench().run(&options(&["--only", "CORO"]));
    assert_eq!(reports[0].rows.len(), 1);
    assert!(bench().run(&options(&["--only", "nobody"])).is_empty());
}

#[test]
fn all_targets_are_listed_and_counted() {
    let subject = OURS;
    let targets = [Bound::Within(50.0), Bound::Within(1.0)].map(|bound| Target { subject, bound });
    let report = Report::new("work", "ns", Better::Lower, "slow", rows(), &targets);
    assert_eq!(
        summary_of_targets(&[report]),
        "\
targets
  met     work: <= 50: 50.0
  MISSED  work: <= 1: 50.0
1 of 2 targets met
"
    );
}

#[test]
fn what_is_kept_of_a_line_is_what_was_measured() {
    let subject = OURS;
    let bound = Bound::Within(50.0);
    let target = Target { subject, bound };
    let report = Report::new("work", "ns", Better::Higher, "slow", rows(), &[target]);
    let line = recorded(&report);
    assert_eq!(line.better, figures::Better::Higher);
    let roles: Vec<_> = line.rows.iter().map(|row| row.role).collect();
    use figures::Role::{Floor, Ours, Peer};
    assert_eq!(roles, [Ours, Peer, Peer, Floor]);
    let row = &line.rows[1];
    let figures = [row.median, row.min, row.max];
    assert_eq!((row.name.as_str(), figures), ("slow", [100.0; 3]));
    assert_eq!((row.rounds, line.targets[0].met), (1, Some(true)));
}

#[test]
fn who_cannot_run_is_told_once_and_kept() {
    let reason = "glommio: the kernel says no";
    let bench = || {
        Bench::new("work")
            .line(Line::new("", "ns"))
            .contestant(OURS, Role::Ours, || vec![1.0])
            .left_out(reason)
    };
    let file = std::env::temp_dir().join(format!("corokit-harness-{}.json", std::process::id()));
    let path = file.to_str().unwrap();
    let options = options(&["--quick", "--json", path]);
    run_all("harness", vec![bench(), bench()], &options).unwrap();
    let run = figures::Run::read(&std::fs::read_to_string(&file).unwrap()).unwrap();
    std::fs::remove_file(&file).unwrap();
    assert_eq!(run.left_out, [reason]);
    assert_eq!((run.area.as_str(), run.lines.len()), ("harness", 2));
}

#[test]
fn the_command_line_is_checked() {
    let parse = |args: &[&str]| Options::parse(args, 15, 2).map_err(|error| error.to_string());
    assert_eq!(parse(&[]).unwrap().rounds, 15);
    assert_eq!(parse(&["--quick"]).unwrap().rounds, 2);
    assert_eq!(parse(&["--rounds", "11", "--bench"]).unwrap().rounds, 11);
    let too_few = "10 rounds are too few for a median";
    assert_eq!(parse(&["--rounds", "10"]).unwrap_err(), too_few);
    assert!(parse(&["--unknown"]).is_err());

    let options = parse(&["spawn", "Ring"]).unwrap();
    assert!(options.wants("spawn 1000") && options.wants("a ring of 2"));
    assert!(!options.wants("yield"));
    assert!(options.wants_contestant("anyone"));
    assert_eq!(options.size(1_000, 10), 1_000);
}
