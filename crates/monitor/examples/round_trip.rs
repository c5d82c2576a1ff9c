//! Measures what one question and one reply cost.
//!
//! `cargo run --release --example round_trip` prints nanoseconds for each case, the median of
//! several rounds. With the name of a case and a number of round trips it runs just that, for an
//! instruction counter:
//!
//! ```text
//! valgrind --tool=callgrind target/release/examples/round_trip rc 100000
//! ```

use std::hint::black_box;
use std::pin::pin;
use std::rc::Rc;
use std::time::Instant;

use corokit_monitor::{Handle, Monitor, MonitorExt, Port, SendHandle, Step};
use futures_lite::future::block_on;

/// Drives a pinned monitor to its end, adding one to each number it asks about.
macro_rules! drive {
    ($monitor:expr) => {{
        let mut step = $monitor.start().await;
        loop {
            match step {
                Step::Oob(number) => step = $monitor.resume(number + 1).await,
                Step::Done(sum) => break sum,
            }
        }
    }};
}

fn port_in_rc(rounds: u64) -> u64 {
    block_on(async {
        let mut monitor = pin!(Monitor::new(|handle: Handle<u64, u64>| async move {
            let mut sum = 0;
            for round in 0..rounds {
                sum += handle.oob(black_box(round)).await;
            }
            sum
        }));
        drive!(monitor)
    })
}

fn port_on_stack(rounds: u64) -> u64 {
    let mut port = Port::<u64, u64>::new();
    block_on(async {
        let mut monitor = pin!(Monitor::on(&mut port, async |handle| {
            let mut sum = 0;
            for round in 0..rounds {
                sum += handle.oob(black_box(round)).await;
            }
            sum
        }));
        drive!(monitor)
    })
}

fn boxed(rounds: u64) -> u64 {
    block_on(async {
        let mut monitor = Monitor::boxed(|handle: Handle<u64, u64>| async move {
            let mut sum = 0;
            for round in 0..rounds {
                sum += handle.oob(black_box(round)).await;
            }
            sum
        });
        drive!(monitor)
    })
}

/// One that may go to other threads.
fn send(rounds: u64) -> u64 {
    block_on(async {
        let mut monitor = pin!(Monitor::new_send(
            |handle: SendHandle<u64, u64>| async move {
                let mut sum = 0;
                for round in 0..rounds {
                    sum += handle.oob(black_box(round)).await;
                }
                sum
            }
        ));
        drive!(monitor)
    })
}

/// Without an executor.
fn synchronous(rounds: u64) -> u64 {
    let mut monitor = pin!(Monitor::new(|handle: Handle<u64, u64>| async move {
        let mut sum = 0;
        for round in 0..rounds {
            sum += handle.oob(black_box(round)).await;
        }
        sum
    }));
    let mut step = monitor.start().now();
    loop {
        match step.expect("the body only asks") {
            Step::Oob(number) => step = monitor.resume(number + 1).now(),
            Step::Done(sum) => break sum,
        }
    }
}

/// The errors as values.
fn try_oob(rounds: u64) -> u64 {
    block_on(async {
        let mut monitor = pin!(Monitor::new(|handle: Handle<u64, u64>| async move {
            let mut sum = 0;
            for round in 0..rounds {
                sum += handle.try_oob(black_box(round)).await.unwrap_or(0);
            }
            sum
        }));
        drive!(monitor)
    })
}

/// Two requests outstanding all the time, so that the queue is in use.
fn two_at_once(rounds: u64) -> u64 {
    async fn ask(handle: &Handle<u64, u64>, rounds: u64) -> u64 {
        let mut sum = 0;
        for round in 0..rounds {
            sum += handle.oob(black_box(round)).await;
        }
        sum
    }
    block_on(async {
        let mut monitor = pin!(Monitor::new(|handle: Handle<u64, u64>| async move {
            let (left, right) = futures_lite::future::zip(
                ask(&handle, rounds / 2),
                ask(&handle, rounds - rounds / 2),
            )
            .await;
            left + right
        }));
        drive!(monitor)
    })
}

/// Ten async functions between the body and the request.
fn ten_deep(rounds: u64) -> u64 {
    macro_rules! level {
        ($name:ident, $next:ident) => {
            async fn $name(handle: &Handle<u64, u64>, number: u64) -> u64 {
                $next(handle, number).await + 1
            }
        };
    }
    async fn ask(handle: &Handle<u64, u64>, number: u64) -> u64 {
        handle.oob(number).await
    }
    level!(one, ask);
    level!(two, one);
    level!(three, two);
    level!(four, three);
    level!(five, four);
    level!(six, five);
    level!(seven, six);
    level!(eight, seven);
    level!(nine, eight);
    level!(ten, nine);
    block_on(async {
        let mut monitor = pin!(Monitor::new(|handle: Handle<u64, u64>| async move {
            let mut sum = 0;
            for round in 0..rounds {
                sum += ten(&handle, round).await;
            }
            sum
        }));
        drive!(monitor)
    })
}

/// Strings of 24 bytes both ways.
fn strings(rounds: u64) -> u64 {
    block_on(async {
        let mut monitor = pin!(Monitor::new(|handle: Handle<String, String>| async move {
            let mut text = "a text of 24 bytes......".to_string();
            for _ in 0..rounds {
                text = handle.oob(black_box(text)).await;
            }
            text.len() as u64
        }));
        let mut step = monitor.start().await;
        loop {
            match step {
                Step::Oob(text) => step = monitor.resume(text).await,
                Step::Done(sum) => break sum,
            }
        }
    })
}

/// A real wait and a question in turn.
fn yields_between(rounds: u64) -> u64 {
    block_on(async {
        let mut monitor = pin!(Monitor::new(|handle: Handle<u64, u64>| async move {
            let mut sum = 0;
            for round in 0..rounds {
                futures_lite::future::yield_now().await;
                sum += handle.oob(black_box(round)).await;
            }
            sum
        }));
        drive!(monitor)
    })
}

/// The same wait, and no monitor.
fn yields_only(rounds: u64) -> u64 {
    block_on(async {
        for round in 0..rounds {
            futures_lite::future::yield_now().await;
            black_box(round);
        }
        rounds
    })
}

/// Calls through a pointer, for comparison.
fn plain_calls(rounds: u64) -> u64 {
    let reply: Rc<dyn Fn(u64) -> u64> = Rc::new(|number| number + 1);
    (0..rounds)
        .map(|round| black_box(&reply)(black_box(round)))
        .sum()
}

type Case = (&'static str, fn(u64) -> u64);

const CASES: &[Case] = &[
    ("plain_calls", plain_calls),
    ("stack", port_on_stack),
    ("rc", port_in_rc),
    ("boxed", boxed),
    ("send", send),
    ("now", synchronous),
    ("try_oob", try_oob),
    ("strings", strings),
    ("ten_deep", ten_deep),
    ("two_at_once", two_at_once),
    ("yields_only", yields_only),
    ("yields_between", yields_between),
];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [name, rounds] = &arguments[..] {
        let rounds = rounds.parse().expect("the second argument is a number");
        let (_, case) = CASES.iter().find(|(n, _)| n == name).expect("no such case");
        println!("{name}: {}", case(rounds));
        return;
    }

    const ROUNDS: u64 = 200_000;
    const SAMPLES: usize = 31;
    let mut samples = vec![Vec::new(); CASES.len()];
    for sample in 0..SAMPLES {
        for turn in 0..CASES.len() {
            let index = (turn + sample) % CASES.len();
            let begin = Instant::now();
            black_box(CASES[index].1(black_box(ROUNDS)));
            samples[index].push(begin.elapsed().as_nanos() as f64 / ROUNDS as f64);
        }
    }
    for ((name, _), times) in CASES.iter().zip(&mut samples) {
        times.sort_by(f64::total_cmp);
        println!("{name:>15} {:7.2} ns", times[SAMPLES / 2]);
    }
}
