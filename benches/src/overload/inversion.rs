//! The classic inversion: somebody urgent waits for a lock, its holder is not urgent, and others are in between.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use corokit_priority::Priority;
use futures_lite::future::yield_now;

use super::contestant::Contestant;
use super::world::{Clock, Time};

/// How long a step takes.
const STEP: u64 = 50_000;
/// For how many steps the holder needs the lock yet.
const HELD: u64 = 18;
/// For how many steps each of those in between runs.
const HOG: u64 = 40;

/// Returns the nanoseconds that an urgent task waits for a lock whose holder, a task of low priority, has 0.9 ms of work
/// to do yet, while `hogs` tasks of normal priority have 2 ms of work each.
///
/// ```
/// use corokit_benches::overload::{Clock, Contestant, inversion};
///
/// let [.., inheriting] = Contestant::ALL;
/// assert_eq!(inversion(inheriting, 50, Clock::Virtual), 900_000);
/// ```
#[must_use]
pub fn inversion(contestant: Contestant, hogs: usize, clock: Clock) -> u64 {
    let waited = Rc::new(Cell::new(None));
    let result = Rc::clone(&waited);
    contestant.run(async move {
        let time = Rc::new(Time::new(clock));
        let lock = contestant.lock();
        let (holds, begin) = (Rc::new(Cell::new(false)), Rc::new(Cell::new(false)));
        let low = (Rc::clone(&lock), Rc::clone(&time));
        let (held, begun) = (Rc::clone(&holds), Rc::clone(&begin));
        contestant.spawn(Priority::LOW, async move {
            let (lock, time) = low;
            let work = async {
                held.set(true);
                // It works when all the others are there.
                while !begun.get() {
                    yield_now().await;
                }
                for _ in 0..HELD {
                    time.step(STEP).await;
                }
            };
            lock.hold(work).await;
        });
        while !holds.get() {
            yield_now().await;
        }
        let left = Rc::new(RefCell::new(hogs));
        for _ in 0..hogs {
            let (time, left) = (Rc::clone(&time), Rc::clone(&left));
            contestant.spawn(Priority::NORMAL, async move {
                for _ in 0..HOG {
                    time.step(STEP).await;
                }
                *left.borrow_mut() -= 1;
            });
        }
        let (start, done) = (time.now(), Rc::clone(&waited));
        contestant.spawn(Priority::HIGH, async move {
            lock.hold(async { done.set(Some(time.now() - start)) })
                .await;
        });
        begin.set(true);
        while waited.get().is_none() || *left.borrow() > 0 {
            yield_now().await;
        }
    });
    result.get().expect("the urgent task has had the lock")
}
