//! A future with a context of its own.

use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{self, Poll, ready};

use pin_project_lite::pin_project;

use super::{Context, swap};

/// Makes a context the current one until it is dropped. Meanwhile the caller's context is where
/// the other one was.
pub(super) struct Installed<'c>(&'c mut Context);

impl<'c> Installed<'c> {
    #[inline]
    pub(super) fn new(context: &'c mut Context) -> Self {
        swap(context);
        Installed(context)
    }
}

impl Drop for Installed<'_> {
    #[inline]
    fn drop(&mut self) {
        swap(self.0);
    }
}

pin_project! {
    /// The future of [`Context::scope`].
    ///
    /// Each poll of the future, and its drop, run in its context; changes that it makes are there
    /// at the next poll. After each of them, also when it panics, the context of the caller is
    /// current again. A future that completes is dropped at once.
    ///
    /// # Panics
    ///
    /// Polling it again after it completed panics.
    ///
    /// # Cancel safety
    ///
    /// Dropping it drops the future.
    #[must_use = "futures do nothing unless polled or awaited"]
    pub struct Scope<F> {
        // `None` when the future has completed.
        #[pin]
        future: Option<F>,
        context: Context,
    }

    impl<F> PinnedDrop for Scope<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if this.future.is_some() {
                let _installed = Installed::new(this.context);
                this.future.set(None);
            }
        }
    }
}

impl<F> Scope<F> {
    pub(super) fn new(context: Context, future: F) -> Self {
        Scope {
            future: Some(future),
            context,
        }
    }

    /// Returns the context of the future, with the changes that the future has made.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_core::context::{Context, ContextVar};
    /// use futures_lite::future::block_on;
    /// use std::pin::pin;
    ///
    /// static ANSWER: ContextVar<u32> = ContextVar::new();
    ///
    /// let mut scope = pin!(Context::new().scope(async { ANSWER.set(42); }));
    /// block_on(scope.as_mut());
    /// assert_eq!(scope.context().get(&ANSWER), Some(42));
    /// ```
    pub fn context(&self) -> &Context {
        &self.context
    }
}

impl<F: Future> Future for Scope<F> {
    type Output = F::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<F::Output> {
        let mut this = self.project();
        let _installed = Installed::new(this.context);
        let Some(future) = this.future.as_mut().as_pin_mut() else {
            panic!("polled after completion");
        };
        let output = ready!(future.poll(cx));
        this.future.set(None);
        Poll::Ready(output)
    }
}

impl<F> fmt::Debug for Scope<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope")
            .field("context", &self.context)
            .field("completed", &self.future.is_none())
            .finish_non_exhaustive()
    }
}
