//! Triggering and holding, with threads in every order.

use loom::future::block_on;
use loom::thread;

use super::{Reason, Shutdown};

#[test]
fn everybody_hears_of_it_and_of_one_reason() {
    loom::model(|| {
        let shutdown = Shutdown::new();
        let waits = {
            // It may be made before or after the end has begun.
            let shutdown = shutdown.clone();
            thread::spawn(move || {
                let token = shutdown.token();
                block_on(token.wait())
            })
        };
        let triggers = {
            let shutdown = shutdown.clone();
            thread::spawn(move || shutdown.trigger("one"))
        };
        let first = shutdown.trigger("other");
        assert_ne!(triggers.join().unwrap(), first);
        let reason = if first { "other" } else { "one" };
        assert_eq!(waits.join().unwrap(), Reason::from(reason));
    });
}

#[test]
fn who_waits_for_the_holds_hears_of_the_last_one() {
    loom::model(|| {
        let shutdown = Shutdown::new();
        let hold = shutdown.token().hold();
        let clone = hold.clone();
        let threads = [hold, clone].map(|hold| thread::spawn(move || drop(hold)));
        block_on(shutdown.done());
        assert_eq!(shutdown.holds(), 0);
        for thread in threads {
            thread.join().unwrap();
        }
    });
}
