//! Signals of the operating system.

use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::mem;
use std::pin::Pin;
use std::process;
use std::task::Poll;
use std::thread;
use std::time::Duration;

use async_signal::Signal;
use futures_core::Stream;

use super::handle::Shutdown;
use super::reason::Reason;
use crate::clock::{block_on, now, sleep_until};

type Exit = Box<dyn FnMut(i32) + Send>;

/// Triggers a [`Shutdown`] when the process gets a signal, and ends the process at the second one: what
/// [`Shutdown::on_signals`] makes.
///
/// It listens as long as it is polled, or as its [thread](Self::spawn_thread) runs, which is until
/// the process ends.
///
/// The handlers stay in the process when this is dropped: the signals are ignored then, and do not
/// end the process as they would have before.
#[must_use = "it does nothing unless it is run"]
pub struct Signals {
    shutdown: Shutdown,
    signals: async_signal::Signals,
    force_after: Option<Duration>,
    force: bool,
    exit: Exit,
}

impl Shutdown {
    /// Makes a shutdown that signals trigger: `SIGINT`, which is Ctrl-C, and `SIGTERM`; on Windows
    /// only the former.
    ///
    /// # Errors
    ///
    /// If the operating system refuses to have the signals handled.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::shutdown::Shutdown;
    /// use std::time::Duration;
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let (shutdown, signals) = Shutdown::on_signals()?;
    /// signals.force_after(Duration::from_secs(30)).spawn_thread()?;
    /// // The program runs, until shutdown.wait() completes.
    /// assert!(!shutdown.is_triggered());
    /// # Ok(())
    /// # }
    /// ```
    pub fn on_signals() -> io::Result<(Self, Signals)> {
        let signals: &[Signal] = match cfg!(windows) {
            true => &[Signal::Int],
            false => &[Signal::Int, Signal::Term],
        };
        Shutdown::on(signals.iter().copied())
    }

    /// Makes a shutdown that these signals trigger, and no others.
    ///
    /// # Errors
    ///
    /// If the operating system refuses to have the signals handled.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::shutdown::{Shutdown, Signal};
    ///
    /// # #[cfg(unix)]
    /// let (shutdown, signals) = Shutdown::on([Signal::Quit]).unwrap();
    /// # #[cfg(unix)]
    /// # drop(signals);
    /// ```
    pub fn on(signals: impl IntoIterator<Item = Signal>) -> io::Result<(Self, Signals)> {
        let shutdown = Shutdown::new();
        let signals = Signals {
            shutdown: shutdown.clone(),
            signals: async_signal::Signals::new(signals)?,
            force_after: None,
            force: true,
            exit: Box::new(|code| process::exit(code)),
        };
        Ok((shutdown, signals))
    }
}

impl Signals {
    /// Has the process end, with the [exit code](Reason::exit_code) of the reason or with 1, if it
    /// still runs this long after the shutdown was triggered, by a signal or by the program.
    pub fn force_after(mut self, duration: Duration) -> Self {
        self.force_after = Some(duration);
        self
    }

    /// Has further signals ignored. Else the second signal ends the process at once, with its
    /// [exit code](Reason::exit_code).
    ///
    /// The first one never does, even if the program has triggered the shutdown before: whoever sends it
    /// cannot know, and asks for an orderly end.
    pub fn no_force(mut self) -> Self {
        self.force = false;
        self
    }

    /// Has `exit` called where the process would end, with the exit code: to say something before, or
    /// in a test. If it returns, this goes on.
    pub fn exit_with(mut self, exit: impl FnMut(i32) + Send + 'static) -> Self {
        self.exit = Box::new(exit);
        self
    }

    /// Runs in a thread of its own, until the process ends.
    ///
    /// This is the surest way: a program that is stuck cannot hinder it.
    ///
    /// # Errors
    ///
    /// If the operating system has no thread for it.
    pub fn spawn_thread(self) -> io::Result<()> {
        let builder = thread::Builder::new().name("signals".to_owned());
        let thread = builder.spawn(move || block_on(self.run()))?;
        drop(thread);
        Ok(())
    }

    /// Listens for signals, as long as it is polled.
    pub async fn run(mut self) {
        let mut triggered = self.shutdown.wait();
        // The timer is set when it is triggered.
        let mut armed = self.force_after.is_some();
        let mut timer = None;
        let mut heard = false;
        poll_fn(|cx| {
            while let Poll::Ready(next) = Pin::new(&mut self.signals).poll_next(cx) {
                let Some(signal) = next.and_then(Result::ok) else {
                    // It will not hear of any more.
                    return Poll::Ready(());
                };
                let reason = Reason::Signal(signal as i32);
                let code = reason.exit_code();
                self.shutdown.trigger(reason);
                if mem::replace(&mut heard, true) && self.force {
                    (self.exit)(code);
                }
            }
            if armed {
                if let Poll::Ready(reason) = Pin::new(&mut triggered).poll(cx) {
                    armed = false;
                    let at = self.force_after.and_then(|after| now().checked_add(after));
                    timer = at.map(|at| (sleep_until(at), reason));
                }
            }
            if let Some((sleep, reason)) = &mut timer {
                if Pin::new(sleep).poll(cx).is_ready() {
                    let code = reason.exit_code().max(1);
                    timer = None;
                    (self.exit)(code);
                }
            }
            Poll::Pending
        })
        .await;
    }
}

impl fmt::Debug for Signals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signals")
            .field("force", &self.force)
            .field("force_after", &self.force_after)
            .finish_non_exhaustive()
    }
}
