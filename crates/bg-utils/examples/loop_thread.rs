//! A program of plain threads that has an event loop in the background.
//!
//! `cargo run -p corokit-bg-utils --features loop-thread --example loop_thread`

use corokit_bg_utils::loop_thread::LoopThread;
use corokit_sched_loop::{EventLoop, sleep};
use std::cell::Cell;
use std::io;
use std::rc::Rc;
use std::time::Duration;

thread_local! {
    /// How many calls the loop has served: state of one thread, without a lock.
    static CALLS: Rc<Cell<u32>> = Rc::default();
}

fn main() -> io::Result<()> {
    let background = LoopThread::new("background", |main| {
        let event_loop = EventLoop::new();
        let handle = event_loop.handle();
        event_loop.run(main.run(|task| handle.spawn(task).detach()));
    })?;
    let call = || {
        let calls = CALLS.with(Rc::clone);
        async move {
            sleep(Duration::from_millis(5)).await;
            calls.set(calls.get() + 1);
            calls.get()
        }
    };
    std::thread::scope(|scope| {
        for thread in 0..3 {
            let handle = background.handle();
            scope.spawn(move || {
                let task = handle.spawn_local(call).expect("the loop runs");
                let served = task
                    .wait_blocking()
                    .expect("it neither panics nor is cancelled");
                println!("thread {thread} has got call number {served}");
            });
        }
    });
    background.finish_blocking();
    Ok(())
}
