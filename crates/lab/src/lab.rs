//! The handle that a body gets.

use std::cell::RefCell;
use std::fmt;
use std::future::Future;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::Duration;

use crate::clock::VirtualClock;
use crate::victim::{Strike, Victim, VictimCell, new_victim};

/// What a body sees of its run.
///
/// The tasks of the run use the functions of `corokit_sched_loop` and the clock of
/// `corokit_core::time` as in a program; this is for what only a test asks for.
///
/// # Examples
///
/// ```
/// use corokit_sched_loop::sleep;
/// use std::time::Duration;
///
/// corokit_lab::run(1, |lab| async move {
///     sleep(Duration::from_secs(3_600)).await;
///     assert_eq!(lab.elapsed(), Duration::from_secs(3_600));
/// });
/// ```
#[derive(Clone)]
pub struct Lab {
    pub(crate) shared: Rc<Shared>,
}

/// What the run and its body share.
pub(crate) struct Shared {
    pub(crate) clock: Arc<VirtualClock>,
    invariants: RefCell<Vec<Rc<dyn Fn()>>>,
    victims: RefCell<Vec<Weak<dyn Strike>>>,
}

impl Lab {
    pub(crate) fn new(clock: Arc<VirtualClock>) -> Self {
        Lab {
            shared: Rc::new(Shared {
                clock,
                invariants: RefCell::default(),
                victims: RefCell::default(),
            }),
        }
    }

    /// Returns how much virtual time has passed since the run began.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// corokit_lab::run(1, |lab| async move { assert_eq!(lab.elapsed(), Duration::ZERO) });
    /// ```
    pub fn elapsed(&self) -> Duration {
        self.shared.clock.elapsed()
    }

    /// Adds an invariant: `check` is called after every step of the run, and when it panics, the run
    /// has failed.
    ///
    /// It is not called after the body has ended.
    ///
    /// # Examples
    ///
    /// ```
    /// use futures_lite::future::yield_now;
    /// use std::cell::Cell;
    /// use std::rc::Rc;
    ///
    /// corokit_lab::run(1, |lab| async move {
    ///     let permits = Rc::new(Cell::new(2));
    ///     let seen = Rc::clone(&permits);
    ///     lab.always(move || assert!(seen.get() <= 2));
    ///     permits.set(permits.get() - 1);
    ///     yield_now().await;
    ///     permits.set(permits.get() + 1);
    /// });
    /// ```
    pub fn always(&self, check: impl Fn() + 'static) {
        self.shared.invariants.borrow_mut().push(Rc::new(check));
    }

    /// Makes a future one that [`cancel_everywhere`](crate::cancel_everywhere) and
    /// [`panic_everywhere`](crate::panic_everywhere) strike: it is dropped, and the victim gives
    /// `None`. In other runs it gives `Some`.
    ///
    /// `name` appears in the report.
    ///
    /// # Examples
    ///
    /// ```
    /// corokit_lab::run(1, |lab| async move {
    ///     assert_eq!(lab.victim("reader", async { 1 }).await, Some(1));
    /// });
    /// ```
    pub fn victim<F: Future + 'static>(&self, name: impl Into<Rc<str>>, future: F) -> Victim<F> {
        let (victim, cell): (_, Rc<VictimCell<F>>) = new_victim(name.into(), future);
        let cell: Rc<dyn Strike> = cell;
        self.shared.victims.borrow_mut().push(Rc::downgrade(&cell));
        victim
    }
}

impl Shared {
    /// Calls the invariants.
    pub(crate) fn check(&self) {
        let mut index = 0;
        // An invariant may add another one.
        loop {
            let check = self.invariants.borrow().get(index).cloned();
            match check {
                Some(check) => check(),
                None => return,
            }
            index += 1;
        }
    }

    /// Returns how many victims there have been.
    pub(crate) fn victims(&self) -> usize {
        self.victims.borrow().len()
    }

    /// Returns a victim that has not ended, by the order of their making.
    pub(crate) fn victim(&self, number: usize) -> Option<Rc<dyn Strike>> {
        let victim = self.victims.borrow().get(number)?.upgrade()?;
        victim.is_alive().then_some(victim)
    }

    /// Forgets the invariants, which may hold what keeps the run's own things alive.
    pub(crate) fn clear(&self) {
        drop(self.invariants.take());
    }
}

impl fmt::Debug for Lab {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lab")
            .field("elapsed", &self.elapsed())
            .finish_non_exhaustive()
    }
}
