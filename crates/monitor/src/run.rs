//! A body and the code that answers it, in one call.

use core::pin::pin;

use crate::ext::MonitorExt;
use crate::handle::StackHandle;
use crate::monitor::Monitor;
use crate::port::Port;
use crate::step::Step;

/// Runs a body to its end, and answers each of its requests by a call of `handler`.
///
/// It is for a driver that answers all requests the same way, with nothing to pin and nothing to
/// allocate. Requests are answered one at a time, in their order; while `handler` is waited for, the
/// body rests.
///
/// Source: a loop round `asynkit.Monitor.aawait`; with a handler that never waits, `asynkit.coro_drive`.
///
/// # Panics
///
/// A panic of the body or of the handler passes through the future.
///
/// # Cancel safety
///
/// Dropping the future drops the body and the handler where they stand.
///
/// ```
/// use corokit_monitor::{StackHandle, run};
/// use futures_lite::future::block_on;
///
/// let mut asked = Vec::new();
/// let sum = run(
///     async |handle: StackHandle<'_, u32, u32>| handle.oob(1).await + handle.oob(2).await,
///     async |number| {
///         asked.push(number);
///         number * 10
///     },
/// );
/// assert_eq!(block_on(sum), 30);
/// assert_eq!(asked, [1, 2]);
/// ```
pub async fn run<D, R, T>(
    body: impl AsyncFnOnce(StackHandle<'_, D, R>) -> T,
    mut handler: impl AsyncFnMut(D) -> R,
) -> T {
    let mut port = Port::new();
    let mut monitor = pin!(Monitor::on(&mut port, |handle| body(handle)));
    let mut step = monitor.start().await;
    loop {
        match step {
            Step::Oob(data) => {
                let reply = handler(data).await;
                step = monitor.resume(reply).await;
            }
            Step::Done(output) => return output,
        }
    }
}
