//! The functions that tests call. They panic where [`Options`] gives an error.

use std::future::Future;
use std::panic::resume_unwind;

use crate::explore::Explored;
use crate::failure::Failure;
use crate::lab::Lab;
use crate::options::Options;

/// Panics with what the run panicked with, after the report has been printed.
#[track_caller]
fn fail(mut failure: Failure) -> ! {
    match failure.details.payload.take() {
        Some(payload) => {
            eprintln!("{failure}");
            resume_unwind(payload)
        }
        None => panic!("{failure}"),
    }
}

/// Runs a body once, with the tasks in a random order that depends on the seed alone, and returns
/// its output.
///
/// # Panics
///
/// Panics as the body does, and if the run does not end: see the [crate](crate).
///
/// # Examples
///
/// ```
/// use corokit_sched_loop::spawn;
///
/// let sum = corokit_lab::run(42, |_| async { spawn(async { 1 }).await + 1 });
/// assert_eq!(sum, 2);
/// ```
#[track_caller]
pub fn run<T: 'static, Fut: Future<Output = T> + 'static>(
    seed: u64,
    body: impl FnOnce(Lab) -> Fut,
) -> T {
    let output = Options::new().seed(seed).try_run(body);
    output.unwrap_or_else(|failure| fail(failure))
}

/// Runs a body under so many random schedules. They are the same each time.
///
/// The environment can ask for more of them: see the [crate](crate).
///
/// # Panics
///
/// Panics with the first schedule that fails, after it has been made as short as possible.
///
/// # Examples
///
/// ```
/// use corokit_sched_loop::spawn;
/// use std::cell::Cell;
/// use std::rc::Rc;
///
/// let explored = corokit_lab::check(100, |_| async {
///     let sum = Rc::new(Cell::new(0));
///     let tasks = [1, 2].map(|n| {
///         let sum = Rc::clone(&sum);
///         spawn(async move { sum.set(sum.get() + n) })
///     });
///     for task in tasks {
///         task.await;
///     }
///     assert_eq!(sum.get(), 3);
/// });
/// assert_eq!(explored.schedules(), 100);
/// ```
#[track_caller]
pub fn check<Fut: Future<Output = ()> + 'static>(
    schedules: usize,
    body: impl Fn(Lab) -> Fut,
) -> Explored {
    let explored = Options::new().try_check(schedules, body);
    explored.unwrap_or_else(|failure| fail(failure))
}

/// Runs a body under every schedule that deviates from first in, first out at most `bound` times.
///
/// A deviation is a step at which another than the first entry of the ready queue runs. With a
/// bound of [`usize::MAX`] there is no limit, and the number of schedules explodes; most bugs need
/// one or two. At most [a million](Options::max_schedules) are tried:
/// [`Explored::is_complete`] says whether that was all.
///
/// # Panics
///
/// As [`check`].
///
/// # Examples
///
/// ```
/// use corokit_sched_loop::spawn;
///
/// // Two tasks, each of one step, and a body that waits for both: two orders.
/// let explored = corokit_lab::exhaustive(usize::MAX, |_| async {
///     let (one, other) = (spawn(async {}), spawn(async {}));
///     futures_lite::future::zip(one, other).await;
/// });
/// assert!(explored.is_complete());
/// ```
#[track_caller]
pub fn exhaustive<Fut: Future<Output = ()> + 'static>(
    bound: usize,
    body: impl Fn(Lab) -> Fut,
) -> Explored {
    let explored = Options::new().try_exhaustive(bound, body);
    explored.unwrap_or_else(|failure| fail(failure))
}

/// Runs a body under the schedule of a [`Token`](crate::Token), which a failure has printed.
///
/// # Panics
///
/// Panics if the text is not a token, and as the body does.
///
/// # Examples
///
/// ```
/// let output = corokit_lab::replay("choices-0x3.1", |_| async { 1 });
/// assert_eq!(output, 1);
/// ```
#[track_caller]
pub fn replay<T: 'static, Fut: Future<Output = T> + 'static>(
    token: &str,
    body: impl FnOnce(Lab) -> Fut,
) -> T {
    let token = match token.parse() {
        Ok(token) => token,
        Err(error) => panic!("\"{token}\": {error}"),
    };
    let output = Options::new().try_replay(&token, body);
    output.unwrap_or_else(|failure| fail(failure))
}

/// Runs a body once without faults, and then once for each step before which a
/// [victim](Lab::victim) waits: there it is dropped. So it is dropped before its first poll, while
/// it waits, between its wake-up and the poll that would follow, and while others have moved on.
///
/// The body asserts what is to hold whether or not its victims complete. The order of the tasks is
/// that of the seed in all runs.
///
/// # Panics
///
/// Panics with the first run that fails.
///
/// # Examples
///
/// A lock that was granted to a waiter goes to the next one if the waiter is dropped:
///
/// ```
/// use async_lock::Mutex;
/// use corokit_sched_loop::spawn;
/// use futures_lite::future::yield_now;
/// use std::rc::Rc;
///
/// let explored = corokit_lab::cancel_everywhere(|lab| async move {
///     let mutex = Rc::new(Mutex::new(()));
///     let guard = mutex.lock().await;
///     let [victim, other] = [1, 2].map(|_| {
///         let mutex = Rc::clone(&mutex);
///         async move { drop(mutex.lock().await) }
///     });
///     let victim = spawn(lab.victim("first waiter", victim));
///     let other = spawn(other);
///     yield_now().await;
///     drop(guard);
///     victim.await;
///     // If the victim had taken the lock to its grave, this would be a deadlock.
///     other.await;
/// });
/// assert!(explored.schedules() > 2);
/// ```
#[track_caller]
pub fn cancel_everywhere<Fut: Future<Output = ()> + 'static>(
    body: impl Fn(Lab) -> Fut,
) -> Explored {
    let explored = Options::new().try_cancel_everywhere(body);
    explored.unwrap_or_else(|failure| fail(failure))
}

/// Does what [`cancel_everywhere`] does, but drops the victims by a panic that unwinds through
/// them: destructors see [`std::thread::panicking`], and locks may be poisoned.
///
/// # Panics
///
/// Panics with the first run that fails.
///
/// # Examples
///
/// ```
/// use async_lock::Mutex;
/// use futures_lite::future::yield_now;
/// use std::rc::Rc;
///
/// corokit_lab::panic_everywhere(|lab| async move {
///     let lock = Rc::new(Mutex::new(()));
///     let victim = {
///         let lock = Rc::clone(&lock);
///         async move {
///             let _guard = lock.lock().await;
///             yield_now().await;
///         }
///     };
///     lab.victim("holder", victim).await;
///     lock.lock().await;
/// });
/// ```
#[track_caller]
pub fn panic_everywhere<Fut: Future<Output = ()> + 'static>(body: impl Fn(Lab) -> Fut) -> Explored {
    let explored = Options::new().try_panic_everywhere(body);
    explored.unwrap_or_else(|failure| fail(failure))
}
