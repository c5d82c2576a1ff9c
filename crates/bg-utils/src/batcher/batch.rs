//! What handlers get, and what becomes of batches.

use std::any::Any;
use std::fmt;
use std::mem;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::vec;

use crate::sync::{Mutex, lock};

/// Where the items of a batch come home to, if its handler lets go of them.
pub(super) type Home<T> = Arc<Mutex<Vec<T>>>;

/// The items of a batch, in the order in which they were pushed: what a handler is called with.
///
/// It is used as the `Vec` that it holds. Items that are taken out of it are the handler's; those
/// that are still in it when it is dropped go back, so that they can be reported if the handler
/// fails, and recovered if it is dropped. That is so until the handler is done: a batch that it has
/// handed on to others is theirs, whatever they do with it.
pub struct Batch<T> {
    items: Vec<T>,
    home: Home<T>,
}

impl<T> Batch<T> {
    pub(super) fn new(items: Vec<T>, home: Home<T>) -> Self {
        Batch { items, home }
    }

    /// Takes the items. They will not be reported, whatever becomes of them.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::batcher::{Batch, Batcher};
    ///
    /// let (batcher, driver) = Batcher::builder().build(async |batch: Batch<u32>| {
    ///     assert_eq!(batch.into_vec(), [1, 2]);
    ///     Err("no luck")
    /// });
    /// batcher.try_push(1).unwrap();
    /// batcher.try_push(2).unwrap();
    /// drop(batcher);
    /// let report = futures_lite::future::block_on(driver);
    /// assert!(report.failed[0].items.is_empty());
    /// ```
    pub fn into_vec(mut self) -> Vec<T> {
        mem::take(&mut self.items)
    }
}

impl<T> Deref for Batch<T> {
    type Target = Vec<T>;

    fn deref(&self) -> &Vec<T> {
        &self.items
    }
}

impl<T> DerefMut for Batch<T> {
    fn deref_mut(&mut self) -> &mut Vec<T> {
        &mut self.items
    }
}

impl<T> IntoIterator for Batch<T> {
    type Item = T;
    type IntoIter = vec::IntoIter<T>;

    fn into_iter(self) -> vec::IntoIter<T> {
        self.into_vec().into_iter()
    }
}

impl<'b, T> IntoIterator for &'b Batch<T> {
    type Item = &'b T;
    type IntoIter = std::slice::Iter<'b, T>;

    fn into_iter(self) -> std::slice::Iter<'b, T> {
        self.items.iter()
    }
}

impl<T> Drop for Batch<T> {
    fn drop(&mut self) {
        if !self.items.is_empty() {
            *lock(&self.home) = mem::take(&mut self.items);
        }
    }
}

impl<T: fmt::Debug> fmt::Debug for Batch<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Batch").field(&self.items).finish()
    }
}

/// A batch whose handler has failed.
#[non_exhaustive]
pub struct FailedBatch<T, E> {
    /// What the handler left in its [`Batch`], in the order in which it was pushed.
    pub items: Vec<T>,
    /// Why it failed.
    pub reason: Failure<E>,
}

impl<T, E> FailedBatch<T, E> {
    pub(super) fn new(items: Vec<T>, reason: Failure<E>) -> Self {
        FailedBatch { items, reason }
    }
}

impl<T, E: fmt::Debug> fmt::Debug for FailedBatch<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FailedBatch")
            .field("items", &self.items.len())
            .field("reason", &self.reason)
            .finish()
    }
}

/// Why a handler has failed.
#[non_exhaustive]
pub enum Failure<E> {
    /// It returned this error.
    Error(E),
    /// It panicked, with this payload.
    Panic(Box<dyn Any + Send>),
}

impl<E: fmt::Debug> fmt::Debug for Failure<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Error(error) => f.debug_tuple("Error").field(error).finish(),
            Failure::Panic(payload) => {
                let message = payload.downcast_ref::<&str>().copied();
                let message = message.or_else(|| payload.downcast_ref().map(String::as_str));
                let message = message.unwrap_or("..");
                f.debug_tuple("Panic").field(&message).finish()
            }
        }
    }
}

impl<E: fmt::Display> fmt::Display for Failure<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Error(error) => error.fmt(f),
            Failure::Panic(_) => f.write_str("the handler of the batch panicked"),
        }
    }
}

/// What a driver has done, when it is done.
#[non_exhaustive]
pub struct Report<T, E> {
    /// How many batches were handled, those that failed among them.
    pub batches: u64,
    /// How many items were in them.
    pub items: u64,
    /// The batches that failed, in the order in which they did; not those that went to
    /// [`on_failure`](super::Driver::on_failure).
    pub failed: Vec<FailedBatch<T, E>>,
}

impl<T, E> Report<T, E> {
    pub(super) fn new() -> Self {
        Report {
            batches: 0,
            items: 0,
            failed: Vec::new(),
        }
    }
}

impl<T, E: fmt::Debug> fmt::Debug for Report<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Report")
            .field("batches", &self.batches)
            .field("items", &self.items)
            .field("failed", &self.failed)
            .finish()
    }
}
