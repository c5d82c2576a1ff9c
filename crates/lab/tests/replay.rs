//! A failure comes back.

use std::cell::Cell;
use std::env;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::Command;
use std::rc::Rc;

use corokit_lab::{Failure, Lab, Options, Strategy, Token, check, replay};
use corokit_sched_loop::{sleep, spawn, task};
use futures_lite::future::yield_now;

/// Two tasks that add one to a number, and can lose one of the two.
async fn lost_update(_: Lab) {
    let number = Rc::new(Cell::new(0));
    let add = |name: &'static str, pause: bool| {
        let number = Rc::clone(&number);
        task().name(name).spawn(async move {
            if pause {
                yield_now().await;
                yield_now().await;
            }
            let read = number.get();
            yield_now().await;
            number.set(read + 1);
        })
    };
    let (one, other) = (add("one", false), add("other", true));
    one.await;
    other.await;
    assert_eq!(number.get(), 2, "an update was lost");
}

fn strategies() -> Vec<Options> {
    let options = [
        Options::new(),
        Options::new().strategy(Strategy::Pct { depth: 3 }),
        Options::new().delays(true),
        Options::new().spurious_wakes(true).seed(77),
    ];
    let raw = options.clone().map(|options| options.shrink(0));
    options.into_iter().chain(raw).collect()
}

fn assert_same(one: &Failure, other: &Failure) {
    assert_eq!(one.kind(), other.kind());
    assert_eq!(one.token(), other.token());
    assert_eq!(one.trace(), other.trace());
    assert_eq!(one.to_string(), other.to_string());
}

#[test]
fn a_replay_is_the_same_run() {
    for options in strategies() {
        let failure = options.try_check(1_000, lost_update).unwrap_err();
        let text = failure.token().to_string();
        // Whatever the options: the token says all.
        for options in [options, Options::new()] {
            let token: Token = text.parse().unwrap();
            let again = options.try_replay(&token, lost_update).unwrap_err();
            assert_same(&failure, &again);
        }
    }
    let failure = Options::new().try_exhaustive(2, lost_update).unwrap_err();
    let again = Options::new()
        .try_replay(failure.token(), lost_update)
        .unwrap_err();
    assert_same(&failure, &again);
}

#[test]
fn a_search_finds_the_same_failure_each_time() {
    for options in strategies() {
        let search = || options.try_check(1_000, lost_update).unwrap_err();
        assert_same(&search(), &search());
    }
}

#[test]
fn a_failure_is_made_short() {
    let failure = Options::new().try_check(1_000, lost_update).unwrap_err();
    let token = failure.token().to_string();
    let deviations = token.trim_start_matches("choices-").split('.');
    let deviations = deviations.filter(|choice| !choice.starts_with('0')).count();
    assert!((1..=2).contains(&deviations), "{token}");
}

/// Making a failure short does not turn it into another one.
#[test]
fn a_short_failure_is_of_the_same_kind() {
    let body = |_: Lab| async {
        let order = Rc::new(Cell::new(0));
        let tasks = [1, 2, 3].map(|digit| {
            let order = Rc::clone(&order);
            spawn(async move { order.set(order.get() * 10 + digit) })
        });
        for task in tasks {
            task.await;
        }
        match order.get() {
            // First in, first out.
            123 => panic!("in order"),
            321 => std::future::pending().await,
            _ => {}
        }
    };
    let stall = (0..100).find_map(|seed| {
        let failure = Options::new().seed(seed).try_check(1, body).err()?;
        let stall = failure.to_string().contains("blocked");
        stall.then_some(failure)
    });
    assert!(stall.is_some());
}

#[test]
#[should_panic(expected = "an update was lost")]
fn a_replay_panics_as_the_run_did() {
    let failure = Options::new().try_check(1_000, lost_update).unwrap_err();
    replay(&failure.token().to_string(), lost_update);
}

#[test]
fn a_replay_of_a_program_that_was_mended_passes() {
    let failure = Options::new().try_check(1_000, lost_update).unwrap_err();
    replay(&failure.token().to_string(), |_| async {});
}

#[test]
fn what_is_no_token_is_refused() {
    let refused = catch_unwind(AssertUnwindSafe(|| replay("random-x", lost_update)));
    let message = refused.unwrap_err().downcast::<String>().unwrap();
    assert!(
        message.contains("\"random-x\": this is not a token"),
        "{message}"
    );
}

/// A child process runs one of the tests below, which are no tests of their own.
fn rerun(test: &str, token: Option<&str>) -> (bool, String) {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args([
        "--exact",
        test,
        "--ignored",
        "--nocapture",
        "--test-threads=1",
    ]);
    match token {
        Some(token) => command.env("COROKIT_LAB_TOKEN", token),
        None => command.env_remove("COROKIT_LAB_TOKEN"),
    };
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.success(), text)
}

/// The part of an output that a failed run has printed.
fn report(text: &str) -> &str {
    let start = text
        .find("what happened")
        .unwrap_or_else(|| panic!("{text}"));
    let end = text[start..]
        .find("to see it again")
        .map_or(text.len(), |end| start + end);
    &text[start..end]
}

fn token(text: &str) -> &str {
    let start = text.find("COROKIT_LAB_TOKEN=").unwrap() + "COROKIT_LAB_TOKEN=".len();
    text[start..].split(',').next().unwrap()
}

/// Not a test of its own, and so ignored: what `the_token_of_a_panic_survives_a_rerun_of_the_test` and
/// `a_token_of_the_environment_that_is_none_is_refused` run in a process of its own.
#[test]
#[ignore = "fails, for the tests that run it"]
fn fails_in_a_check() {
    let explored = check(1_000, lost_update);
    eprintln!("{} schedules", explored.schedules());
}

/// Not a test of its own, and so ignored: what `the_token_of_a_struck_victim_survives_a_rerun_of_the_test`
/// runs in a process of its own.
#[test]
#[ignore = "fails, for the tests that run it"]
fn fails_when_struck() {
    corokit_lab::cancel_everywhere(|lab| async move {
        let nap = sleep(std::time::Duration::from_secs(1));
        assert!(
            lab.victim("sleeper", nap).await.is_some(),
            "woken too early"
        );
    });
}

#[test]
fn the_token_of_a_panic_survives_a_rerun_of_the_test() {
    let (passed, text) = rerun("fails_in_a_check", None);
    assert!(!passed && text.contains("an update was lost"), "{text}");
    let (passed, again) = rerun("fails_in_a_check", Some(token(&text)));
    assert!(!passed);
    assert_eq!(report(&text), report(&again));
    assert_eq!(token(&text), token(&again));
    // It was one run that did it, under the schedule of the token.
    let (passed, other) = rerun("fails_in_a_check", Some("fifo"));
    assert!(passed && other.contains("1 schedules"), "{other}");
}

#[test]
fn the_token_of_a_struck_victim_survives_a_rerun_of_the_test() {
    let (passed, text) = rerun("fails_when_struck", None);
    assert!(
        !passed && text.contains("victim \"sleeper\" was dropped before step"),
        "{text}"
    );
    assert!(token(&text).contains("+drop-0-"), "{text}");
    let (passed, again) = rerun("fails_when_struck", Some(token(&text)));
    assert!(!passed);
    assert_eq!(report(&text), report(&again));
}

#[test]
fn a_token_of_the_environment_that_is_none_is_refused() {
    let (passed, text) = rerun("fails_in_a_check", Some("rubbish"));
    assert!(
        !passed && text.contains("COROKIT_LAB_TOKEN=rubbish: this is not a token"),
        "{text}"
    );
}
