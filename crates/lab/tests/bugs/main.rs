//! Three bugs that programs really had. Each strategy finds each of them, within a number of
//! schedules that is stated here; mended, the programs stand all of them.

mod lost_wakeup;
mod poisoned_cache;
mod two_owners;

use corokit_lab::{Explored, Failure, Lab, Options, Strategy};

/// How many random schedules are enough to find each bug.
const RANDOM: usize = 200;

/// How many schedules of PCT at depth 3.
const PCT: usize = 300;

/// How many schedules of an exhaustive search within two deviations.
const EXHAUSTIVE: usize = 20;

/// Checks that each strategy finds the bug within its limit, whatever the seed, that first in,
/// first out does not, and that nothing finds it when it is mended.
fn is_found<B, F>(buggy: fn(Lab) -> B, fixed: fn(Lab) -> F, what: &str)
where
    B: Future<Output = ()> + 'static,
    F: Future<Output = ()> + 'static,
{
    let fifo = Options::new().strategy(Strategy::Fifo);
    assert!(fifo.try_check(1, buggy).is_ok(), "found without any search");

    let found = |outcome: Result<Explored, Failure>| {
        let failure = outcome.unwrap_err();
        assert!(failure.to_string().contains(what), "{failure}");
        let again = Options::new().try_replay(failure.token(), buggy);
        assert_eq!(again.unwrap_err().trace(), failure.trace());
    };
    let pct = Options::new().strategy(Strategy::Pct { depth: 3 });
    for seed in [0, 1_000_000, 2_000_000, 3_000_000, 4_000_000] {
        found(Options::new().seed(seed).try_check(RANDOM, buggy));
        found(pct.clone().seed(seed).try_check(PCT, buggy));
    }
    let exhaustive = Options::new().max_schedules(EXHAUSTIVE);
    found(exhaustive.try_exhaustive(2, buggy));

    Options::new().try_check(10 * RANDOM, fixed).unwrap();
    pct.try_check(10 * PCT, fixed).unwrap();
    let explored = Options::new().try_exhaustive(2, fixed).unwrap();
    assert!(explored.is_complete());
}

#[test]
fn a_lost_wakeup_is_found() {
    is_found(
        lost_wakeup::buggy,
        lost_wakeup::fixed,
        "every task is blocked",
    );
}

#[test]
fn a_poisoned_cache_is_found() {
    let what = "not the caller that was cancelled";
    is_found(poisoned_cache::buggy, poisoned_cache::fixed, what);
}

#[test]
fn a_lock_with_two_owners_is_found() {
    is_found(two_owners::buggy, two_owners::fixed, "two owners");
}
