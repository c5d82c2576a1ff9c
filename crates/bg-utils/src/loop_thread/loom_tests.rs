//! Spawning, cancelling and ending, with threads in every order.

use loom::future::block_on;
use loom::thread;

use super::handle::LoopHandle;
use super::task::TaskError;

/// Runs the loop: each task to its end, one after the other.
fn start() -> (LoopHandle, thread::JoinHandle<()>) {
    let (handle, main) = LoopHandle::new();
    let thread = thread::spawn(move || block_on(main.run(|task| block_on(task))));
    (handle, thread)
}

#[test]
fn an_output_reaches_who_waits_for_it() {
    loom::model(|| {
        let (handle, thread) = start();
        let task = handle.spawn(async { 5 }).unwrap();
        assert!(matches!(block_on(task), Ok(5)));
        handle.shared.stop(false);
        thread.join().unwrap();
    });
}

#[test]
fn who_waits_hears_of_the_end_of_the_loop() {
    loom::model(|| {
        let (handle, thread) = start();
        let stops = {
            let handle = handle.clone();
            thread::spawn(move || handle.shared.stop(false))
        };
        if let Ok(task) = handle.spawn(async { 5 }) {
            assert!(matches!(block_on(task), Ok(5) | Err(TaskError::Cancelled)));
        }
        stops.join().unwrap();
        thread.join().unwrap();
        assert!(handle.is_empty());
        assert!(handle.spawn(async {}).is_err());
    });
}

#[test]
fn a_task_hears_that_it_is_cancelled() {
    loom::model(|| {
        let (handle, thread) = start();
        let task = handle.spawn(std::future::pending::<()>()).unwrap();
        assert!(block_on(task.cancel()).is_none());
        block_on(handle.idle());
        handle.shared.stop(true);
        thread.join().unwrap();
    });
}
