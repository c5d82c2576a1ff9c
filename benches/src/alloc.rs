//! A global allocator that counts the bytes asked of it.

#![expect(
    unsafe_code,
    reason = "an allocator can only be given by an unsafe trait; this one passes everything on to the system's"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

/// The system's allocator with a count of the bytes in use, while a [`LiveBytes`] asks for it.
///
/// Off, it costs one relaxed load a call.
#[derive(Clone, Copy, Debug, Default)]
pub struct CountingAllocator;

static COUNTING: AtomicBool = AtomicBool::new(false);
static LIVE: AtomicI64 = AtomicI64::new(0);
static CALLS: AtomicU64 = AtomicU64::new(0);

fn count(bytes: usize, sign: i64) {
    if COUNTING.load(Ordering::Relaxed) {
        // No block is larger than `isize::MAX` bytes.
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        LIVE.fetch_add(sign * bytes, Ordering::Relaxed);
        if sign > 0 {
            CALLS.fetch_add(1, Ordering::Relaxed);
        }
    }
}

// SAFETY: every block comes from `System`, which keeps the contract of the trait, and goes back to it with the layout it
// was asked for. Counting neither allocates nor unwinds.
unsafe impl GlobalAlloc for CountingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 1);
        // SAFETY: the caller keeps the contract of `alloc`, which is the same here.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 1);
        // SAFETY: the caller keeps the contract of `alloc_zeroed`, which is the same here.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        count(layout.size(), -1);
        // SAFETY: the caller's block came from this allocator, hence from `System`, with this layout.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        count(layout.size(), -1);
        count(new_size, 1);
        // SAFETY: the caller's block came from this allocator, hence from `System`, with this layout.
        unsafe { System.realloc(block, layout, new_size) }
    }
}

/// Counts the bytes that are requested and not yet given back, from its making until its drop.
///
/// Counts only in a program whose global allocator is [`CountingAllocator`], in all threads, and for one counter at a time.
///
/// ```
/// use corokit_benches::{CountingAllocator, LiveBytes};
///
/// #[global_allocator]
/// static ALLOCATOR: CountingAllocator = CountingAllocator;
///
/// let bytes = LiveBytes::count();
/// let block = Box::new([0_u8; 1000]);
/// assert_eq!(bytes.get(), 1000);
/// drop(block);
/// assert_eq!(bytes.get(), 0);
/// ```
#[derive(Debug)]
pub struct LiveBytes {
    start: i64,
}

impl LiveBytes {
    /// Starts to count.
    #[must_use]
    pub fn count() -> Self {
        COUNTING.store(true, Ordering::Relaxed);
        Self {
            start: LIVE.load(Ordering::Relaxed),
        }
    }

    /// Returns the bytes requested since the start, less those given back.
    #[must_use]
    pub fn get(&self) -> i64 {
        LIVE.load(Ordering::Relaxed) - self.start
    }
}

impl Drop for LiveBytes {
    fn drop(&mut self) {
        COUNTING.store(false, Ordering::Relaxed);
    }
}

/// Counts the blocks that are requested from its making until its drop. One that grows counts again.
///
/// Counts only in a program whose global allocator is [`CountingAllocator`], in all threads, and for one counter at a time.
///
/// ```
/// use corokit_benches::{Allocations, CountingAllocator};
///
/// #[global_allocator]
/// static ALLOCATOR: CountingAllocator = CountingAllocator;
///
/// let allocations = Allocations::count();
/// drop(Box::new([0_u8; 1000]));
/// assert_eq!(allocations.get(), 1);
/// ```
#[derive(Debug)]
pub struct Allocations {
    start: u64,
}

impl Allocations {
    /// Starts to count.
    #[must_use]
    pub fn count() -> Self {
        COUNTING.store(true, Ordering::Relaxed);
        Self {
            start: CALLS.load(Ordering::Relaxed),
        }
    }

    /// Returns the number of blocks since the start.
    #[must_use]
    pub fn get(&self) -> u64 {
        CALLS.load(Ordering::Relaxed) - self.start
    }
}

impl Drop for Allocations {
    fn drop(&mut self) {
        COUNTING.store(false, Ordering::Relaxed);
    }
}
