use std::time::Duration;

/// What a pool is like.
#[derive(Clone, Debug)]
pub(super) struct Config {
    pub(super) name: String,
    pub(super) min_threads: usize,
    pub(super) max_threads: usize,
    /// Up to how many threads are started at once, when a job comes and none is free.
    pub(super) prompt_threads: usize,
    pub(super) keep_alive: Duration,
    pub(super) grow_after: Duration,
    pub(super) stack_size: usize,
    /// How many processors there are.
    pub(super) processors: usize,
}
