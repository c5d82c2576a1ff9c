//! What semaphores order their waiters by.

use std::time::{Duration, Instant};

use corokit_core::Priority;

/// What a [`PrioritySemaphore`](crate::PrioritySemaphore) orders its waiters by, the lowest first: a
/// [`Priority`], an [`Instant`], a [`Duration`], or an integer.
///
/// It cannot be implemented for other types: waiters are compared under a lock, where no code of the
/// program may run.
pub trait Urgency: Ord + Copy + sealed::Sealed + 'static {}

mod sealed {
    pub trait Sealed {}
}

/// Lets types be urgencies.
macro_rules! urgency {
    ($($type:ty),*) => {
        $(
            impl sealed::Sealed for $type {}
            impl Urgency for $type {}
        )*
    };
}

urgency!(Priority, Instant, Duration);
urgency!(
    i8, i16, i32, i64, i128, isize, u8, u16, u32, u64, u128, usize
);
