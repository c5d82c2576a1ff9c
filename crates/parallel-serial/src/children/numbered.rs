//! Children that keep their numbers for ever, though others get their places.

use std::collections::BTreeMap;
use std::future::Future;
use std::task::{Context, Poll};

use super::Children;

/// Children whose numbers are never given again.
///
/// Their places are, so that a set to which children are added again and again stays as small as
/// those are that have not completed.
pub(crate) struct Numbered<F> {
    children: Children<F>,
    /// Who is where, as soon as a place has been given again. Before that, each is at the place of its
    /// number.
    moved: Option<Numbers>,
}

struct Numbers {
    /// The number of the child at each place.
    numbers: Vec<usize>,
    /// The places of those that have not completed, by their numbers.
    places: BTreeMap<usize, usize>,
    /// The next number.
    next: usize,
    /// Places of children that have completed.
    free: Vec<usize>,
}

impl<F: Future> Numbered<F> {
    pub(crate) fn new() -> Self {
        Numbered::with(Children::new())
    }

    pub(crate) fn collect(futures: impl IntoIterator<Item = F>) -> Self {
        Numbered::with(Children::collect(futures))
    }

    fn with(children: Children<F>) -> Self {
        Numbered {
            children,
            moved: None,
        }
    }

    /// How many have not completed.
    pub(crate) fn running(&self) -> usize {
        self.children.running()
    }

    /// Adds a future, which is polled in the next turn, after those that were woken before. Returns its
    /// number.
    pub(crate) fn insert(&mut self, future: F) -> usize {
        let children = &mut self.children;
        if self.moved.is_none() && children.running() < children.len() {
            self.moved = Some(Numbers::of(children));
        }
        let Some(moved) = &mut self.moved else {
            return children.insert(future);
        };
        if moved.places.len() > children.running() {
            moved.forget_gone(children);
        }
        for place in moved.free.drain(..) {
            children.release(place);
        }
        moved.begin(children.insert(future))
    }

    /// Gives a future back.
    pub(crate) fn take(&mut self, number: usize) -> Option<F>
    where
        F: Unpin,
    {
        let Some(moved) = &mut self.moved else {
            return self.children.take(number);
        };
        let place = *moved.places.get(&number)?;
        let taken = self.children.take(place)?;
        moved.end(place);
        Some(taken)
    }

    /// Gives all futures back that have not completed, with their numbers.
    pub(crate) fn take_all(&mut self) -> Vec<(usize, F)>
    where
        F: Unpin,
    {
        let pending: Vec<_> = self.pending().collect();
        let taken = pending.into_iter();
        taken
            .filter_map(|number| Some((number, self.take(number)?)))
            .collect()
    }

    /// The numbers of those that have not completed, in ascending order.
    pub(crate) fn pending(&self) -> impl Iterator<Item = usize> {
        let unmoved = match self.moved {
            None => 0..self.children.len(),
            Some(_) => 0..0,
        };
        let moved = self.moved.iter().flat_map(|moved| &moved.places);
        let all = unmoved.map(|number| (number, number));
        let all = all.chain(moved.map(|(&number, &place)| (number, place)));
        // One that has panicked is gone, too.
        all.filter(|&(_, place)| self.children.contains(place))
            .map(|(number, _)| number)
    }

    /// See [`Children::poll_rest`].
    pub(crate) fn poll_rest(
        &mut self,
        cx: &mut Context<'_>,
        mut visit: impl FnMut(usize, F::Output),
    ) -> Poll<()> {
        let Numbered { children, moved } = self;
        children.poll_rest(cx, |place, output| visit(number_at(moved, place), output))
    }

    /// See [`Children::poll_next`].
    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<(usize, F::Output)>> {
        let Numbered { children, moved } = self;
        let polled = children.poll_next(cx);
        polled.map(|next| next.map(|(place, output)| (number_at(moved, place), output)))
    }
}

/// Notes that the child at a place has completed, and returns its number.
fn number_at(moved: &mut Option<Numbers>, place: usize) -> usize {
    match moved {
        None => place,
        Some(moved) => moved.end(place),
    }
}

impl Numbers {
    /// Those of children that are at the places of their numbers.
    fn of<F: Future>(children: &Children<F>) -> Self {
        let (there, gone) = (0..children.len()).partition(|&place| children.contains(place));
        let there: Vec<_> = there;
        Numbers {
            numbers: (0..children.len()).collect(),
            places: there.into_iter().map(|place| (place, place)).collect(),
            next: children.len(),
            free: gone,
        }
    }

    /// Frees the places of children that have panicked.
    fn forget_gone<F: Future>(&mut self, children: &Children<F>) {
        let free = &mut self.free;
        self.places.retain(|_, &mut place| {
            let is_there = children.contains(place);
            if !is_there {
                free.push(place);
            }
            is_there
        });
    }

    /// Gives the next number to whom is at a place now.
    fn begin(&mut self, place: usize) -> usize {
        let number = self.next;
        self.next += 1;
        self.places.insert(number, place);
        if place == self.numbers.len() {
            self.numbers.push(number);
        } else {
            self.numbers[place] = number;
        }
        number
    }

    /// Frees a place, and returns the number that was there.
    fn end(&mut self, place: usize) -> usize {
        let number = self.numbers[place];
        self.places.remove(&number);
        self.free.push(place);
        number
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::Numbered;
    use futures_lite::future::{Boxed, FutureExt, pending};
    use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
    use std::task::{Context, Poll, Waker};

    /// However many come and go, the places are those that were needed at a time.
    #[test]
    fn it_does_not_grow_with_those_that_have_completed() {
        let mut cx = Context::from_waker(Waker::noop());
        let mut children: Numbered<Boxed<usize>> = Numbered::new();
        let [first, second] = [pending(), pending()].map(|future| children.insert(future.boxed()));
        for number in 2..10_000 {
            let bad = number % 1_000 == 0;
            let future = async move {
                if bad {
                    resume_unwind(Box::new(()));
                }
                number
            };
            assert_eq!(children.insert(future.boxed()), number);
            if bad {
                let mut poll = || children.poll_next(&mut cx);
                assert!(catch_unwind(AssertUnwindSafe(&mut poll)).is_err());
                assert!(children.take(number).is_none());
                continue;
            }
            if number == 5_001 {
                assert!(children.take(first).is_some());
            }
            let next = children.poll_next(&mut cx);
            assert_eq!(next, Poll::Ready(Some((number, number))));
            assert!(children.take(number).is_none());
            assert!(
                children
                    .moved
                    .as_ref()
                    .is_none_or(|moved| moved.places.len() <= 2)
            );
        }
        assert!(children.pending().eq([second]));
        assert!(children.children.len() <= 3);
        assert!(children.take(second).is_some() && children.running() == 0);
        // Numbers that are gone take no room either.
        assert!(children.moved.unwrap().places.is_empty());
    }
}
