//! What the priority queue and its locks promise under load, in virtual time: exact, and so no matter of the machine.

use corokit_benches::overload::{Clock, Contestant, Latencies, Load, inversion, overload};

fn p99_of_urgent(contestant: Contestant, share: f64, seconds: f64) -> u64 {
    let load = Load {
        share,
        seconds,
        seed: 1,
    };
    let latencies = overload(contestant, load, Clock::Virtual);
    Latencies::at(&latencies.urgent, 0.99)
}

#[test]
fn urgent_requests_do_not_notice_the_load() {
    let [_, _, fifo, priorities, inheriting] = Contestant::ALL;
    let urgent = p99_of_urgent(inheriting, 0.95, 20.0);
    for other in [fifo, priorities] {
        let ratio = p99_of_urgent(other, 0.95, 20.0) / urgent;
        assert!(ratio >= 400, "{}: {ratio}x", other.name());
    }
    for share in [0.5, 0.95, 1.2] {
        // Five steps of a batch under the lock, and its own two.
        let urgent = p99_of_urgent(inheriting, share, 5.0);
        assert!(urgent < 350_000, "{urgent} ns at {share}");
    }
}

/// Where the order is first in, first out, it is the same order.
#[test]
fn the_others_do_what_corokit_does_without_priorities() {
    let [tokio, smol, fifo, ..] = Contestant::ALL;
    let ours = p99_of_urgent(fifo, 0.98, 5.0);
    for other in [tokio, smol] {
        let ratio = p99_of_urgent(other, 0.98, 5.0) as f64 / ours as f64;
        assert!((0.95..1.05).contains(&ratio), "{}: {ratio}", other.name());
    }
}

#[test]
fn an_inversion_takes_as_long_as_the_holder_needs() {
    let [.., priorities, inheriting] = Contestant::ALL;
    for hogs in [0, 1, 10, 50] {
        assert_eq!(inversion(inheriting, hogs, Clock::Virtual), 900_000);
        let without = 900_000 + hogs as u64 * 2_000_000;
        assert_eq!(inversion(priorities, hogs, Clock::Virtual), without);
    }
}
