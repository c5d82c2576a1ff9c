//! Loops with options.

use std::env;
use std::ffi::OsStr;
use std::sync::OnceLock;

use corokit_core::ReadyQueue;
use corokit_scheduler::DebugOptions;

use crate::event_loop::EventLoop;
use crate::queue::{LoopExecutor, LoopQueue};

/// The environment variable that switches debug mode on.
const VARIABLE: &str = "COROKIT_DEBUG";

/// Describes a loop before it is made: what [`EventLoop::builder`] returns.
///
/// # Examples
///
/// ```
/// use corokit_sched_loop::EventLoop;
///
/// let event_loop = EventLoop::builder().debug(false).build();
/// assert!(!event_loop.executor().is_debug());
/// ```
#[derive(Debug)]
#[must_use = "a loop builder does nothing until `build` is called"]
pub struct LoopBuilder {
    debug: Option<DebugOptions>,
    queue: LoopQueue,
    steps_per_round: Option<usize>,
}

impl LoopBuilder {
    pub(crate) fn new() -> Self {
        let builder = LoopBuilder {
            debug: None,
            queue: LoopQueue::default(),
            steps_per_round: None,
        };
        builder.debug(asked_for_debug())
    }

    /// Switches debug mode on, with [`DebugOptions::new`], or off, whatever the environment
    /// variable `COROKIT_DEBUG` says.
    ///
    /// Source: `asyncio.run(debug=..)`, `PYTHONASYNCIODEBUG`.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sched_loop::EventLoop;
    ///
    /// assert!(EventLoop::builder().debug(true).build().executor().is_debug());
    /// ```
    pub fn debug(mut self, on: bool) -> Self {
        self.debug = on.then(DebugOptions::new);
        self
    }

    /// Switches debug mode on with these options.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sched_loop::{DebugOptions, EventLoop};
    /// use std::time::Duration;
    ///
    /// let options = DebugOptions::new().slow_poll(Duration::from_millis(20));
    /// let event_loop = EventLoop::builder().debug_options(options).build();
    /// assert_eq!(event_loop.run(async { 1 }), 1);
    /// ```
    pub fn debug_options(mut self, options: DebugOptions) -> Self {
        self.debug = Some(options);
        self
    }

    /// Lets the tasks run in the order of `queue`: see [`EventLoop::with_queue`].
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sched_loop::EventLoop;
    /// use corokit_scheduler::Fifo;
    ///
    /// let event_loop = EventLoop::builder().queue(Fifo::new()).build();
    /// assert_eq!(event_loop.run(async { 1 }), 1);
    /// ```
    pub fn queue(mut self, queue: impl ReadyQueue + 'static) -> Self {
        self.queue = LoopQueue::new(queue);
        self
    }

    /// Says how many tasks have a turn before the loop looks at sockets and timers again: 256, unless
    /// this says otherwise, and at least one.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sched_loop::EventLoop;
    ///
    /// let event_loop = EventLoop::builder().steps_per_round(16).build();
    /// assert_eq!(event_loop.run(async { 1 }), 1);
    /// ```
    pub fn steps_per_round(mut self, steps: usize) -> Self {
        self.steps_per_round = Some(steps);
        self
    }

    /// Makes the loop.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_sched_loop::EventLoop;
    ///
    /// assert_eq!(EventLoop::builder().build().run(async { 1 }), 1);
    /// ```
    pub fn build(self) -> EventLoop {
        let executor = LoopExecutor::with_queue(self.queue);
        if self.debug.is_some() {
            executor.set_debug(self.debug);
        }
        if let Some(steps) = self.steps_per_round {
            executor.set_steps_per_round(steps);
        }
        EventLoop::with_executor(executor)
    }
}

/// Returns what the environment variable says. It is read once: a loop may be made often.
fn asked_for_debug() -> bool {
    static ASKED: OnceLock<bool> = OnceLock::new();
    *ASKED.get_or_init(|| env::var_os(VARIABLE).is_some_and(|value| means_on(&value)))
}

fn means_on(value: &OsStr) -> bool {
    !value.is_empty() && value != "0"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_and_zero_mean_off() {
        let on = ["1", "2", "true", "00", " "];
        assert!(on.iter().all(|value| means_on(value.as_ref())));
        let off = ["", "0"];
        assert!(!off.iter().any(|value| means_on(value.as_ref())));
    }
}
