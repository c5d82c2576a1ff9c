//! What all threads share: whether it is over, and what was wrong.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The most problems that are kept: what is wrong once is wrong again and again.
const KEPT: usize = 20;

/// Says when it is over, and collects problems.
pub(crate) struct Watch {
    started: Instant,
    state: Mutex<State>,
    over: Condvar,
}

#[derive(Default)]
struct State {
    is_over: bool,
    problems: Vec<String>,
}

impl Watch {
    pub(crate) fn new() -> Self {
        Watch {
            started: Instant::now(),
            state: Mutex::default(),
            over: Condvar::new(),
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Ends it after some time, unless it has ended.
    pub(crate) fn end_after(&self, time: Duration) {
        self.pause(time);
        self.end();
    }

    pub(crate) fn end(&self) {
        self.state().is_over = true;
        self.over.notify_all();
    }

    pub(crate) fn is_over(&self) -> bool {
        self.state().is_over
    }

    /// Does nothing for some time, or until it is over.
    pub(crate) fn pause(&self, time: Duration) {
        let state = self.state();
        let result = self
            .over
            .wait_timeout_while(state, time, |state| !state.is_over);
        drop(result.unwrap_or_else(PoisonError::into_inner));
    }

    /// Notes a problem, unless all is well, and ends everything then.
    pub(crate) fn check(&self, is_well: bool, problem: impl FnOnce() -> String) {
        if !is_well {
            let problem = format!("after {:.1?}: {}", self.elapsed(), problem());
            let mut state = self.state();
            state.is_over = true;
            if state.problems.len() < KEPT {
                state.problems.push(problem);
            }
            drop(state);
            self.over.notify_all();
        }
    }

    /// Notes an error as a problem.
    pub(crate) fn expect<T, E: std::fmt::Display>(
        &self,
        what: &str,
        result: Result<T, E>,
    ) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                self.check(false, || format!("{what}: {error}"));
                None
            }
        }
    }

    pub(crate) fn problems(&self) -> Vec<String> {
        self.state().problems.clone()
    }
}
