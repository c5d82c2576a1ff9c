//! Keeps threads apart, so that what they share always crosses from core to core.
//!
//! On two threads that the system moves between cores at will, the cost of a foreign wake has two values, with and without
//! a cache line that changes its core, and a median of them means nothing.

#[cfg(target_os = "linux")]
mod cores {
    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

    /// The cores of the calling thread, parted into one for the home thread and the others.
    pub(crate) struct Apart {
        all: CpuSet,
        others: Option<CpuSet>,
    }

    impl Apart {
        /// Keeps the calling thread on one core until the value is dropped; does nothing where there is only one core or
        /// the system does not say.
        pub(crate) fn keep() -> Self {
            let all = sched_getaffinity(None).unwrap_or_else(|_| CpuSet::new());
            let first = (0..CpuSet::MAX_CPU).find(|&cpu| all.is_set(cpu));
            let others = first.filter(|_| all.count() > 1).and_then(|first| {
                let (mut home, mut others) = (CpuSet::new(), all);
                home.set(first);
                others.unset(first);
                sched_setaffinity(None, &home).ok().map(|()| others)
            });
            Self { all, others }
        }

        /// Returns what moves the thread that calls it to the other cores.
        pub(crate) fn mover(&self) -> impl FnOnce() + Send + use<> {
            let others = self.others;
            move || {
                if let Some(others) = others {
                    // A thread that cannot be moved measures the same work, less evenly.
                    let _ = sched_setaffinity(None, &others);
                }
            }
        }
    }

    impl Drop for Apart {
        fn drop(&mut self) {
            if self.others.is_some() {
                // The cores were this thread's before, so the system gives them back.
                let _ = sched_setaffinity(None, &self.all);
            }
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod cores {
    /// Threads stay where the system puts them.
    pub(crate) struct Apart;

    impl Apart {
        pub(crate) fn keep() -> Self {
            Self
        }

        pub(crate) fn mover(&self) -> impl FnOnce() + Send + use<> {
            || {}
        }
    }
}

pub(crate) use cores::Apart;
