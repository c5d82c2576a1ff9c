use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::poll_fn;
use std::marker::PhantomData;
use std::ptr;
use std::rc::Rc;
use std::task::Poll;
use std::time::Instant;

use super::line::Line;
use crate::park::{block_on, block_until};

thread_local! {
    /// The lines that this thread has the turn of, innermost last. They outlive their entries.
    static HELD: RefCell<Vec<*const Line>> = const { RefCell::new(Vec::new()) };
}

/// Whether this thread has the turn.
pub(super) fn has_turn(line: &Line) -> bool {
    let has = HELD.try_with(|held| held.borrow().iter().any(|held| ptr::eq(*held, line)));
    has.unwrap_or(false)
}

/// This thread has the turn. It is passed on when this is dropped.
pub(super) struct Held<'l> {
    line: &'l Line,
    thread: PhantomData<Rc<()>>,
}

impl<'l> Held<'l> {
    /// For who has taken the turn.
    #[inline]
    pub(super) fn new(line: &'l Line) -> Self {
        // While the thread ends the turn is had all the same, only nobody can ask for it.
        let _ = HELD.try_with(|held| held.borrow_mut().push(line));
        Held {
            line,
            thread: PhantomData,
        }
    }
}

impl Drop for Held<'_> {
    #[inline]
    fn drop(&mut self) {
        let _ = HELD.try_with(|held| {
            let mut held = held.borrow_mut();
            let at = held.iter().rposition(|held| ptr::eq(*held, self.line));
            if let Some(at) = at {
                held.remove(at);
            }
        });
        self.line.pass_on();
    }
}

/// Blocks the thread until it has the turn.
pub(super) fn take_blocking(line: &Line) -> Held<'_> {
    let mut place = Place::new(line);
    block_on(poll_fn(|cx| match place.take(cx.waker()) {
        true => Poll::Ready(()),
        false => Poll::Pending,
    }));
    Held::new(line)
}

/// Blocks the thread until it has the turn, or until the deadline.
pub(super) fn take_deadline(line: &Line, deadline: Instant) -> Option<Held<'_>> {
    let mut place = Place::new(line);
    block_until(
        deadline,
        poll_fn(|cx| match place.take(cx.waker()) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }),
    )?;
    Some(Held::new(line))
}

/// A place in the line, which is left when this is dropped.
struct Place<'l> {
    line: &'l Line,
    ticket: Option<u64>,
}

impl<'l> Place<'l> {
    fn new(line: &'l Line) -> Self {
        Place { line, ticket: None }
    }

    fn take(&mut self, waker: &std::task::Waker) -> bool {
        self.line.try_take(&mut self.ticket) || self.line.take(&mut self.ticket, waker.clone())
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket {
            self.line.leave(ticket);
        }
    }
}

/// A thread's turn: [`Domain::turn_blocking`](super::Domain::turn_blocking).
pub struct Turn<'l> {
    line: &'l Line,
    held: Cell<Option<Held<'l>>>,
}

impl<'l> Turn<'l> {
    pub(super) fn new(line: &'l Line, held: Held<'l>) -> Self {
        Turn {
            line,
            held: Cell::new(Some(held)),
        }
    }

    /// Lets others have their turns while `wait` runs, and waits for the turn again: the await of a
    /// thread.
    ///
    /// # Panics
    ///
    /// A panic of `wait` passes through; the turn is not taken again then. Panics inside of another
    /// `pause` of the same turn.
    ///
    /// ```
    /// use corokit_sync_bridge::Domain;
    ///
    /// let domain = Domain::new();
    /// domain.turn_blocking(|turn| {
    ///     let other = domain.clone();
    ///     let thread = std::thread::spawn(move || other.turn_blocking(|_| 1));
    ///     // Without the pause it would wait for ever.
    ///     assert_eq!(turn.pause(|| thread.join().unwrap()), 1);
    /// });
    /// ```
    #[track_caller]
    pub fn pause<R>(&self, wait: impl FnOnce() -> R) -> R {
        let Some(held) = self.held.take() else {
            panic!("a turn was paused that is paused or over");
        };
        drop(held);
        let result = wait();
        self.held.set(Some(take_blocking(self.line)));
        result
    }

    /// Lets all those who wait now have their turns first.
    ///
    /// # Panics
    ///
    /// Panics inside of a `pause` of the same turn.
    ///
    /// ```
    /// use corokit_sync_bridge::Domain;
    ///
    /// Domain::new().turn_blocking(|turn| turn.yield_now());
    /// ```
    #[track_caller]
    pub fn yield_now(&self) {
        self.pause(|| ());
    }
}

impl fmt::Debug for Turn<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Turn").finish_non_exhaustive()
    }
}
