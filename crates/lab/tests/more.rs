//! The environment can ask for more schedules than a test does.

use std::env;
use std::process::Command;

/// Runs the test below with these environment variables. Returns how many schedules it tried, or what it
/// printed if it failed.
fn schedules(variables: &[(&str, &str)]) -> Result<usize, String> {
    let mut command = Command::new(env::current_exe().unwrap());
    command
        .args(["--exact", "asks_for_ten", "--ignored", "--nocapture"])
        .env_remove("COROKIT_LAB_TOKEN")
        .env_remove("COROKIT_LAB_SCHEDULES")
        .env_remove("COROKIT_LAB_SECONDS")
        .envs(variables.iter().copied());
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("tried "));
    match (output.status.success(), line) {
        (true, Some(number)) => Ok(number.parse().unwrap()),
        _ => Err(text),
    }
}

/// Not a test of its own, and so ignored: the process whose schedules
/// `a_check_tries_what_it_asks_for_unless_more_is_wanted` and `the_time_for_more_can_be_limited` count.
#[test]
#[ignore = "counts, for the tests that run it"]
fn asks_for_ten() {
    let explored = corokit_lab::check(10, |_| async {});
    eprintln!("tried {}", explored.schedules());
}

#[test]
fn a_check_tries_what_it_asks_for_unless_more_is_wanted() {
    assert_eq!(schedules(&[]), Ok(10));
    assert_eq!(schedules(&[("COROKIT_LAB_SCHEDULES", "37")]), Ok(37));
    // Never fewer.
    assert_eq!(schedules(&[("COROKIT_LAB_SCHEDULES", "3")]), Ok(10));
}

#[test]
fn the_time_for_more_can_be_limited() {
    let none = [
        ("COROKIT_LAB_SCHEDULES", "1000000"),
        ("COROKIT_LAB_SECONDS", "0"),
    ];
    assert_eq!(schedules(&none), Ok(10));
    assert_eq!(schedules(&none[1..]), Ok(10));
    // Far more time than this takes.
    let plenty = [
        ("COROKIT_LAB_SCHEDULES", "37"),
        ("COROKIT_LAB_SECONDS", "3600"),
    ];
    assert_eq!(schedules(&plenty), Ok(37));
}

#[test]
fn what_is_no_number_is_refused() {
    let text = schedules(&[("COROKIT_LAB_SCHEDULES", "many")]).unwrap_err();
    assert!(text.contains("COROKIT_LAB_SCHEDULES=many: "), "{text}");
}
