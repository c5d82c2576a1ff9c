//! The processor time that one thread has used.

use std::sync::atomic::{AtomicBool, Ordering};

use rustix::time::{ClockId, clock_gettime};

static STOPPED: AtomicBool = AtomicBool::new(false);

/// Lets [`thread_cpu_ns`] return 0 from now on, in all threads.
///
/// For a program whose instructions are counted: callgrind loses its place in the program in the system's clock function.
pub fn stop_clocks() {
    STOPPED.store(true, Ordering::Relaxed);
}

/// Returns the processor time the calling thread has used so far, in nanoseconds.
///
/// Wall time is useless on a shared machine: a thread that loses its core for a while is charged for its neighbours.
///
/// ```
/// let before = corokit_benches::thread_cpu_ns();
/// let sum: u64 = std::hint::black_box((0..10_000u64).sum());
/// assert!(corokit_benches::thread_cpu_ns() > before);
/// # let _ = sum;
/// ```
#[must_use]
pub fn thread_cpu_ns() -> u64 {
    if STOPPED.load(Ordering::Relaxed) {
        return 0;
    }
    let now = clock_gettime(ClockId::ThreadCPUTime);
    // Both parts of a processor time are never negative.
    now.tv_sec.unsigned_abs() * 1_000_000_000 + now.tv_nsec.unsigned_abs()
}

/// Measures the processor time of the calling thread from its making on.
///
/// ```
/// let watch = corokit_benches::Stopwatch::start();
/// let sum: u64 = std::hint::black_box((0..10_000u64).sum());
/// assert!(watch.per_op(10_000) > 0.0);
/// # let _ = sum;
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch {
    start: u64,
}

impl Stopwatch {
    /// Starts to measure.
    #[must_use]
    pub fn start() -> Self {
        Self {
            start: thread_cpu_ns(),
        }
    }

    /// Returns the nanoseconds of processor time since the start.
    #[must_use]
    pub fn elapsed_ns(&self) -> u64 {
        thread_cpu_ns() - self.start
    }

    /// Returns the nanoseconds for each of `operations`.
    ///
    /// # Panics
    ///
    /// If `operations` is 0.
    #[must_use]
    #[track_caller]
    pub fn per_op(&self, operations: u64) -> f64 {
        per_op(self.elapsed_ns(), operations)
    }
}

/// Divides a time by a number of operations.
///
/// # Panics
///
/// If `operations` is 0: nothing was measured.
#[must_use]
#[track_caller]
pub fn per_op(elapsed_ns: u64, operations: u64) -> f64 {
    assert!(operations > 0, "a bench that did no operation");
    elapsed_ns as f64 / operations as f64
}
