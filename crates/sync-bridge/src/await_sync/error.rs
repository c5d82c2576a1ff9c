use std::error::Error;
use std::fmt;
use std::panic::Location;

/// What a future did that it could not be driven to its end without an executor.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum SynchronousErrorKind {
    /// It waits for something.
    Blocked,
    /// It woke itself and returned pending, more often than the budget allows.
    Yielded,
}

/// A future could not be driven to its end without an executor.
///
/// With the feature `backtrace` its `Display` says where the future waits, frame by frame; the
/// names are looked up when it is printed, not before.
///
/// Source: `asynkit.SynchronousError`.
///
/// # Examples
///
/// ```
/// use corokit_sync_bridge::{SynchronousErrorKind, await_sync};
/// use std::future::pending;
///
/// let error = await_sync(pending::<()>()).unwrap_err();
/// assert_eq!(error.kind(), SynchronousErrorKind::Blocked);
/// assert!(error.to_string().contains("would block"));
/// ```
pub struct SynchronousError {
    kind: SynchronousErrorKind,
    steps: usize,
    called_at: &'static Location<'static>,
    #[cfg_attr(
        not(feature = "backtrace"),
        expect(dead_code, reason = "an empty place")
    )]
    place: Where,
}

/// Where the future waits, as far as it is known.
#[derive(Default)]
pub(super) struct Where(
    #[cfg(feature = "backtrace")] pub(super) Option<Box<std::backtrace::Backtrace>>,
);

impl SynchronousError {
    #[cold]
    pub(super) fn new(
        kind: SynchronousErrorKind,
        steps: usize,
        called_at: &'static Location<'static>,
        place: Where,
    ) -> Self {
        SynchronousError {
            kind,
            steps,
            called_at,
            place,
        }
    }

    /// What the future did.
    ///
    /// ```
    /// use corokit_sync_bridge::{SyncDrive, SynchronousErrorKind};
    /// use futures_lite::future::yield_now;
    ///
    /// let error = SyncDrive::strict().run(yield_now()).unwrap_err();
    /// assert_eq!(error.kind(), SynchronousErrorKind::Yielded);
    /// ```
    #[must_use]
    pub fn kind(&self) -> SynchronousErrorKind {
        self.kind
    }

    /// How many yields were stepped over before.
    ///
    /// ```
    /// use corokit_sync_bridge::await_sync;
    /// use futures_lite::future::yield_now;
    /// use std::future::pending;
    ///
    /// let error = await_sync(async {
    ///     yield_now().await;
    ///     pending::<()>().await
    /// });
    /// assert_eq!(error.unwrap_err().steps(), 1);
    /// ```
    #[must_use]
    pub fn steps(&self) -> usize {
        self.steps
    }

    /// Where the drive was asked for.
    ///
    /// ```
    /// use corokit_sync_bridge::await_sync;
    /// use std::future::pending;
    ///
    /// let line = line!() + 1;
    /// let error = await_sync(pending::<()>()).unwrap_err();
    /// assert_eq!(error.called_at().line(), line);
    /// ```
    #[must_use]
    pub fn called_at(&self) -> &'static Location<'static> {
        self.called_at
    }

    /// The stack at which the future kept the waker for the first time, whole. `None` if it kept
    /// none, which means that nobody could ever have woken it, and if it yielded.
    ///
    /// ```
    /// use corokit_sync_bridge::await_sync;
    /// use std::future::{pending, poll_fn};
    /// use std::task::Poll;
    ///
    /// assert!(await_sync(pending::<()>()).unwrap_err().backtrace().is_none());
    ///
    /// let mut kept = None;
    /// let error = await_sync(poll_fn(|cx| {
    ///     kept = Some(cx.waker().clone());
    ///     Poll::<()>::Pending
    /// }));
    /// assert!(error.unwrap_err().backtrace().is_some());
    /// ```
    #[cfg(feature = "backtrace")]
    #[must_use]
    pub fn backtrace(&self) -> Option<&std::backtrace::Backtrace> {
        self.place.0.as_deref()
    }
}

impl fmt::Display for SynchronousError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            SynchronousErrorKind::Blocked => f.write_str("the future would block")?,
            SynchronousErrorKind::Yielded => write!(
                f,
                "the future yielded more often than its budget of {} allows",
                self.steps
            )?,
        }
        write!(
            f,
            "; it was driven without an executor, at {}",
            self.called_at
        )?;
        #[cfg(feature = "backtrace")]
        if let Some(trace) = self.backtrace() {
            f.write_str("; it waits in")?;
            super::trace::write_frames(trace, f)?;
        }
        Ok(())
    }
}

impl fmt::Debug for SynchronousError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("SynchronousError");
        debug
            .field("kind", &self.kind)
            .field("steps", &self.steps)
            .field("called_at", &format_args!("{}", self.called_at));
        #[cfg(feature = "backtrace")]
        if let Some(trace) = self.backtrace() {
            struct Frames<'a>(&'a std::backtrace::Backtrace);
            impl fmt::Debug for Frames<'_> {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    super::trace::write_frames(self.0, f)
                }
            }
            debug.field("waits_in", &Frames(trace));
        }
        debug.finish()
    }
}

impl Error for SynchronousError {}
