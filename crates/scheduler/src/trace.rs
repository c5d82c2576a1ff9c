//! What tokio-console, and any other subscriber of `tracing`, gets to know of a task.
//!
//! | what | how |
//! |---|---|
//! | a task | span `runtime.spawn` of the target `tokio::task`, entered for each poll, closed with the task's future |
//! | its waker | events of the target `tokio::task::waker`: `waker.clone`, `waker.drop`, `waker.wake`, `waker.wake_by_ref` |
//!
//! The names are those of tokio, since that is what subscribers know. Without the feature `tracing`
//! all of this is empty, and with it a task costs more only while a subscriber wants its span.

#[cfg(feature = "tracing")]
pub(crate) use on::Trace;

#[cfg(not(feature = "tracing"))]
pub(crate) use off::Trace;

#[cfg(feature = "tracing")]
mod on {
    use std::num::NonZeroU64;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::task::{Wake, Waker};

    use corokit_core::{TaskId, WakerObserver, observe_waker};
    use tracing::{Level, Span, trace, trace_span};

    use crate::report::ReportedTask;

    /// The span of a task or main future; a disabled one if no subscriber wants it.
    pub(crate) struct Trace(Span);

    impl Trace {
        /// Returns whether a subscriber wants to know of tasks.
        #[inline]
        pub(crate) fn is_enabled() -> bool {
            tracing::enabled!(target: "tokio::task", Level::TRACE)
        }

        /// Returns the span of nothing.
        pub(crate) fn none() -> Self {
            Trace(Span::none())
        }

        /// Opens the span of a task whose future has this size, in bytes.
        pub(crate) fn task(task: &ReportedTask, size: usize) -> Self {
            let location = task.location;
            Trace(trace_span!(
                target: "tokio::task",
                parent: None,
                "runtime.spawn",
                kind = "task",
                task.name = task.name(),
                task.id = next_number(),
                corokit.id = %task.id,
                size.bytes = size as u64,
                loc.file = location.map(|location| location.file()),
                loc.line = location.map(|location| location.line()),
                loc.col = location.map(|location| location.column()),
            ))
        }

        /// Opens the span of a main future of this size, in bytes.
        pub(crate) fn main(id: TaskId, size: usize) -> Self {
            Trace(trace_span!(
                target: "tokio::task",
                parent: None,
                "runtime.spawn",
                kind = "block_on",
                task.name = "main",
                task.id = next_number(),
                corokit.id = %id,
                size.bytes = size as u64,
            ))
        }

        /// Calls `visit` inside the span, with a waker that tells what is done with it.
        #[inline]
        pub(crate) fn poll<R>(&self, waker: &Waker, visit: impl FnOnce(&Waker) -> R) -> R {
            match self.0.id() {
                None => visit(waker),
                Some(id) => {
                    let events = Events(id.into_non_zero_u64());
                    self.0.in_scope(|| observe_waker(waker, &events, visit))
                }
            }
        }

        /// Calls `visit` inside the span.
        pub(crate) fn enter(&self, visit: impl FnOnce()) {
            self.0.in_scope(visit);
        }
    }

    /// Numbers the tasks of all executors: subscribers want one integer.
    fn next_number() -> u64 {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        NEXT.fetch_add(1, Ordering::Relaxed)
    }

    /// Tells what is done with the waker of the task that has this span. What is called `task.id`
    /// in these events is the id of the span.
    struct Events(NonZeroU64);

    impl WakerObserver for Events {
        fn clone_waker(&self, waker: &Waker) -> Waker {
            trace!(target: "tokio::task::waker", op = "waker.clone", task.id = self.0.get());
            Waker::from(Arc::new(Kept {
                waker: Some(waker.clone()),
                span: self.0,
            }))
        }

        fn wake_by_ref(&self, waker: &Waker) {
            trace!(target: "tokio::task::waker", op = "waker.wake_by_ref", task.id = self.0.get());
            waker.wake_by_ref();
        }
    }

    /// A waker that somebody keeps. Clones of it are not counted, and so neither are their drops:
    /// what counts is whether there is any.
    struct Kept {
        /// `None` when it has been used up.
        waker: Option<Waker>,
        span: NonZeroU64,
    }

    impl Wake for Kept {
        fn wake(self: Arc<Self>) {
            match Arc::try_unwrap(self) {
                Ok(mut last) => {
                    // This event says that a waker has gone as well.
                    trace!(target: "tokio::task::waker", op = "waker.wake", task.id = last.span.get());
                    if let Some(waker) = last.waker.take() {
                        waker.wake();
                    }
                }
                Err(shared) => shared.wake_by_ref(),
            }
        }

        fn wake_by_ref(self: &Arc<Self>) {
            trace!(target: "tokio::task::waker", op = "waker.wake_by_ref", task.id = self.span.get());
            if let Some(waker) = &self.waker {
                waker.wake_by_ref();
            }
        }
    }

    impl Drop for Kept {
        fn drop(&mut self) {
            if self.waker.is_some() {
                trace!(target: "tokio::task::waker", op = "waker.drop", task.id = self.span.get());
            }
        }
    }
}

#[cfg(not(feature = "tracing"))]
mod off {
    use std::task::Waker;

    use corokit_core::TaskId;

    use crate::report::ReportedTask;

    /// Nothing.
    pub(crate) struct Trace;

    impl Trace {
        #[inline]
        pub(crate) fn is_enabled() -> bool {
            false
        }

        pub(crate) fn none() -> Self {
            Trace
        }

        pub(crate) fn task(_: &ReportedTask, _: usize) -> Self {
            Trace
        }

        pub(crate) fn main(_: TaskId, _: usize) -> Self {
            Trace
        }

        #[inline]
        pub(crate) fn poll<R>(&self, waker: &Waker, visit: impl FnOnce(&Waker) -> R) -> R {
            visit(waker)
        }

        pub(crate) fn enter(&self, visit: impl FnOnce()) {
            visit();
        }
    }
}
