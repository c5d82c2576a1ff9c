//! The rate limiter beside a naive one, which remembers every admission.

use std::cell::RefCell;
use std::num::NonZeroU32;
use std::rc::Rc;
use std::time::Duration;

use corokit_bg_utils::rate_limiter::RateLimiter;
use corokit_lab as lab;
use corokit_sched_loop::{sleep, spawn, task_timeout};
use proptest::prelude::*;

/// Everything happens at multiples of so many microseconds, but for those who leave: each of them does
/// so at an instant of its own, and never in the very instant in which it would be admitted.
const UNIT: u64 = 100;

/// Somebody who comes, in microseconds.
#[derive(Clone, Debug)]
struct Arrival {
    /// After the one before.
    delay: u64,
    count: u32,
    /// How long it waits at most.
    patience: Option<u64>,
}

fn arrivals(most: u32) -> impl Strategy<Value = Vec<Arrival>> {
    let arrival = (
        1..60u64,
        1..=most,
        proptest::option::weighted(0.3, 0..100u64),
    );
    proptest::collection::vec(arrival, 1..40).prop_map(|arrivals| {
        let arrivals = arrivals.into_iter().enumerate();
        let arrival =
            |(index, (delay, count, patience)): (usize, (u64, u32, Option<u64>))| Arrival {
                delay: delay * UNIT,
                count,
                patience: patience.map(|patience| patience * UNIT + 1 + index as u64),
            };
        arrivals.map(arrival).collect()
    })
}

/// Who was admitted, and when, in the order of admission.
type Admissions = Vec<(usize, u32, u64)>;

/// What the limiter does, in virtual time.
fn real(limiter: RateLimiter, arrivals: Vec<Arrival>) -> Admissions {
    lab::run(7, move |lab| async move {
        let limiter = Rc::new(limiter);
        let log = Rc::new(RefCell::new(Vec::new()));
        let mut tasks = Vec::new();
        for (index, arrival) in arrivals.into_iter().enumerate() {
            sleep(Duration::from_micros(arrival.delay)).await;
            let (limiter, log, lab) = (Rc::clone(&limiter), Rc::clone(&log), lab.clone());
            tasks.push(spawn(async move {
                let count = NonZeroU32::new(arrival.count).unwrap();
                let acquire = limiter.acquire_many(count).unwrap();
                let patience = arrival.patience.map(Duration::from_micros);
                if task_timeout(patience, acquire).await.is_ok() {
                    let now = lab.elapsed().as_micros() as u64;
                    log.borrow_mut().push((index, arrival.count, now));
                }
            }));
        }
        for task in tasks {
            task.await;
        }
        assert_eq!(limiter.waiting(), 0);
        log.take()
    })
}

/// What it ought to do: everybody who stays is admitted in order, as soon as the rule allows. The
/// rule tells the earliest instant from `now` on, given all admissions before.
fn naive(arrivals: &[Arrival], earliest: impl Fn(&Admissions, u32, u64) -> u64) -> Admissions {
    let mut admissions = Admissions::new();
    let (mut comes, mut line_moves) = (0, 0);
    for (index, arrival) in arrivals.iter().enumerate() {
        comes += arrival.delay;
        let first = comes.max(line_moves);
        let at = earliest(&admissions, arrival.count, first);
        match arrival.patience {
            Some(patience) if at > comes + patience => {
                // It stood in the way as long as it was there.
                line_moves = first.max(comes + patience).min(at);
            }
            _ => {
                admissions.push((index, arrival.count, at));
                line_moves = at;
            }
        }
    }
    admissions
}

/// Counts the admissions in a stretch of time that ends with this instant.
fn within(admissions: &Admissions, period: u64, end: u64) -> u32 {
    let live = admissions.iter().filter(|&&(_, _, at)| at + period > end);
    live.map(|&(_, count, _)| count).sum()
}

/// A case takes long here: a quarter of what other tests are asked for, by `PROPTEST_CASES` or by default.
fn some_cases() -> ProptestConfig {
    ProptestConfig::with_cases(ProptestConfig::default().cases.div_ceil(4))
}

proptest! {
    #![proptest_config(some_cases())]

    #[test]
    fn a_window_admits_in_order_as_soon_as_it_may(
        limit in 1..6u32,
        period in 1..200u64,
        arrivals in (1..6u32).prop_flat_map(arrivals),
    ) {
        let period = period * UNIT;
        let mut arrivals = arrivals;
        for arrival in &mut arrivals {
            arrival.count = arrival.count.min(limit);
        }
        let limiter = RateLimiter::window(
            NonZeroU32::new(limit).unwrap(),
            Duration::from_micros(period),
        );
        let expected = naive(&arrivals, |admissions, count, first| {
            // Room comes when somebody leaves the window.
            let leaves = admissions.iter().map(|&(_, _, at)| at + period);
            let mut instants: Vec<_> = leaves.filter(|&at| at > first).chain([first]).collect();
            instants.sort_unstable();
            let fits = |&at: &u64| within(admissions, period, at) + count <= limit;
            instants.into_iter().find(fits).unwrap()
        });
        let admitted = real(limiter, arrivals);
        for &(_, _, start) in &admitted {
            let until = admitted.iter().filter(|&&(_, _, at)| (start..start + period).contains(&at));
            prop_assert!(until.map(|&(_, count, _)| count).sum::<u32>() <= limit);
        }
        prop_assert_eq!(admitted, expected);
    }

    #[test]
    fn pacing_admits_in_order_as_soon_as_it_may(
        spacing in 1..100u64,
        burst in 1..5u32,
        arrivals in (1..5u32).prop_flat_map(arrivals),
    ) {
        let spacing = spacing * UNIT;
        let mut arrivals = arrivals;
        for arrival in &mut arrivals {
            arrival.count = arrival.count.min(burst);
        }
        let limiter = RateLimiter::paced_with_burst(
            NonZeroU32::MIN,
            Duration::from_micros(spacing),
            NonZeroU32::new(burst).unwrap(),
        );
        // A bucket that holds `burst` and gets one each `spacing`, counted in microseconds of
        // filling.
        let full = u64::from(burst) * spacing;
        let expected = naive(&arrivals, |admissions, count, first| {
            let (mut level, mut last) = (full, 0);
            for &(_, count, at) in admissions {
                level = full.min(level + at - last) - u64::from(count) * spacing;
                last = at;
            }
            let level = full.min(level + first - last);
            first + (u64::from(count) * spacing).saturating_sub(level)
        });
        prop_assert_eq!(real(limiter, arrivals), expected);
    }
}
