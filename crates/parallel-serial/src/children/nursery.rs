//! Where the futures are: pinned, a few of them in each allocation.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

/// Futures up to this size, in bytes, share allocations. A block is made on the stack and moved, so
/// it must not get large.
const SMALL: usize = 256;

/// Pinned futures, each with a number.
pub(super) struct Nursery<F> {
    store: Store<F>,
    len: usize,
    /// Numbers that are free again.
    free: Vec<u32>,
}

enum Store<F> {
    Blocks(Vec<Pin<Box<Block<F>>>>),
    Boxes(Vec<Option<Pin<Box<F>>>>),
}

/// Access to a future that is there.
pub(super) enum Slot<'a, F> {
    InBlock(Pin<&'a mut Leaf<F>>),
    InBox(&'a mut Option<Pin<Box<F>>>),
}

impl<F: Future> Slot<'_, F> {
    pub(super) fn as_mut(&mut self) -> Slot<'_, F> {
        match self {
            Slot::InBlock(leaf) => Slot::InBlock(leaf.as_mut()),
            Slot::InBox(boxed) => Slot::InBox(boxed),
        }
    }

    pub(super) fn poll(self, cx: &mut Context<'_>) -> Poll<F::Output> {
        match self {
            Slot::InBlock(leaf) => match leaf.project().future.as_pin_mut() {
                Some(future) => future.poll(cx),
                None => Poll::Pending,
            },
            Slot::InBox(Some(future)) => future.as_mut().poll(cx),
            Slot::InBox(None) => Poll::Pending,
        }
    }

    /// Drops the future.
    pub(super) fn clear(self) {
        match self {
            Slot::InBlock(leaf) => leaf.project().future.set(None),
            Slot::InBox(boxed) => *boxed = None,
        }
    }
}

impl<F: Future> Nursery<F> {
    pub(super) fn new() -> Self {
        Nursery {
            store: match size_of::<F>() <= SMALL {
                true => Store::Blocks(Vec::new()),
                false => Store::Boxes(Vec::new()),
            },
            len: 0,
            free: Vec::new(),
        }
    }

    pub(super) fn collect(futures: impl IntoIterator<Item = F>) -> Self {
        let mut nursery = Nursery::new();
        let mut futures = futures.into_iter();
        match &mut nursery.store {
            Store::Boxes(boxes) => {
                boxes.extend(futures.map(|future| Some(Box::pin(future))));
                nursery.len = boxes.len();
            }
            Store::Blocks(blocks) => {
                blocks.reserve(futures.size_hint().0.div_ceil(Block::<F>::LEAVES));
                let mut next = futures.next();
                while next.is_some() {
                    blocks.push(Box::pin(Block::fill(&mut || {
                        nursery.len += usize::from(next.is_some());
                        // An iterator that has ended is not asked again.
                        let following = next.as_ref().and_then(|_| futures.next());
                        Leaf {
                            future: std::mem::replace(&mut next, following),
                        }
                    })));
                }
            }
        }
        nursery
    }

    /// Adds a future, at the number that became free last or at a new one.
    pub(super) fn insert(&mut self, future: F) -> usize {
        let index = match self.free.pop() {
            Some(index) => index as usize,
            None => {
                self.len += 1;
                self.len - 1
            }
        };
        match &mut self.store {
            Store::Boxes(boxes) => {
                if index == boxes.len() {
                    boxes.push(None);
                }
                boxes[index] = Some(Box::pin(future));
            }
            Store::Blocks(blocks) => {
                let (block, leaf) = (index / Block::<F>::LEAVES, index % Block::<F>::LEAVES);
                if block == blocks.len() {
                    blocks.push(Box::pin(Block::fill(&mut || Leaf { future: None })));
                }
                let leaf = blocks[block].as_mut().leaf(leaf);
                leaf.project().future.set(Some(future));
            }
        }
        index
    }

    /// How many numbers were given.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Finds a future, if it is still there.
    pub(super) fn slot(&mut self, index: usize) -> Option<Slot<'_, F>> {
        match &mut self.store {
            Store::Boxes(boxes) => {
                let boxed = boxes.get_mut(index)?;
                boxed.is_some().then_some(Slot::InBox(boxed))
            }
            Store::Blocks(blocks) => {
                let block = blocks.get_mut(index / Block::<F>::LEAVES)?;
                let leaf = block.as_mut().leaf(index % Block::<F>::LEAVES);
                leaf.future.is_some().then_some(Slot::InBlock(leaf))
            }
        }
    }

    pub(super) fn contains(&self, index: usize) -> bool {
        match &self.store {
            Store::Boxes(boxes) => boxes.get(index).is_some_and(Option::is_some),
            Store::Blocks(blocks) => blocks
                .get(index / Block::<F>::LEAVES)
                .is_some_and(|block| block.get(index % Block::<F>::LEAVES).future.is_some()),
        }
    }

    /// Drops a future before its time, and lets its number be given again.
    pub(super) fn remove(&mut self, index: usize) -> bool {
        let Some(slot) = self.slot(index) else {
            return false;
        };
        slot.clear();
        self.release(index);
        true
    }

    /// Lets the number of a future that is gone be given again.
    pub(super) fn release(&mut self, index: usize) {
        self.free.push(index as u32);
    }

    /// Gives a future back.
    pub(super) fn take(&mut self, index: usize) -> Option<F>
    where
        F: Unpin,
    {
        match self.slot(index)? {
            Slot::InBlock(leaf) => leaf.project().future.get_mut().take(),
            Slot::InBox(boxed) => boxed.take().map(|boxed| *Pin::into_inner(boxed)),
        }
    }
}

pin_project! {
    /// A place for one future.
    pub(super) struct Leaf<F> {
        #[pin]
        future: Option<F>,
    }
}

pin_project! {
    /// Two of something. Projecting a pin by one bit of a number after the other finds a leaf among
    /// many, and compiles to an addition.
    struct Pair<T> {
        #[pin]
        low: T,
        #[pin]
        high: T,
    }
}

/// Sixteen futures in a row.
type Block<F> = Pair<Pair<Pair<Pair<Leaf<F>>>>>;

/// A tree of pairs whose leaves are pinned where they are.
trait Tree: Sized {
    type Leaf;
    /// How many leaves it has.
    const LEAVES: usize;

    /// Makes a tree; `next` makes the leaves, from the first to the last.
    fn fill(next: &mut impl FnMut() -> Self::Leaf) -> Self;

    fn leaf(self: Pin<&mut Self>, index: usize) -> Pin<&mut Self::Leaf>;

    fn get(&self, index: usize) -> &Self::Leaf;
}

impl<F> Tree for Leaf<F> {
    type Leaf = Self;
    const LEAVES: usize = 1;

    #[inline(always)]
    fn fill(next: &mut impl FnMut() -> Self) -> Self {
        next()
    }

    #[inline(always)]
    fn leaf(self: Pin<&mut Self>, _: usize) -> Pin<&mut Self> {
        self
    }

    #[inline(always)]
    fn get(&self, _: usize) -> &Self {
        self
    }
}

impl<T: Tree> Tree for Pair<T> {
    type Leaf = T::Leaf;
    const LEAVES: usize = 2 * T::LEAVES;

    #[inline(always)]
    fn fill(next: &mut impl FnMut() -> T::Leaf) -> Self {
        Pair {
            low: T::fill(next),
            high: T::fill(next),
        }
    }

    #[inline(always)]
    fn leaf(self: Pin<&mut Self>, index: usize) -> Pin<&mut T::Leaf> {
        let halves = self.project();
        match index & T::LEAVES {
            0 => halves.low.leaf(index),
            _ => halves.high.leaf(index),
        }
    }

    #[inline(always)]
    fn get(&self, index: usize) -> &T::Leaf {
        match index & T::LEAVES {
            0 => self.low.get(index),
            _ => self.high.get(index),
        }
    }
}
