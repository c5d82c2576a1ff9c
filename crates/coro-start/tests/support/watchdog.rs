//! Turns a hang, which is what a lost wake looks like, into a failure.

use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

/// Runs `body` on a thread of its own and fails if it does not end within two minutes.
#[track_caller]
pub(crate) fn must_end(body: impl FnOnce() + Send + 'static) {
    let (done, ended) = channel();
    let runner = thread::spawn(move || {
        body();
        let _ = done.send(());
    });
    match ended.recv_timeout(Duration::from_secs(120)) {
        // A body that panicked drops the sender; joining passes its panic on.
        Ok(()) | Err(RecvTimeoutError::Disconnected) => {
            if let Err(panic) = runner.join() {
                std::panic::resume_unwind(panic);
            }
        }
        Err(RecvTimeoutError::Timeout) => panic!("a wake was lost: the test hangs"),
    }
}
