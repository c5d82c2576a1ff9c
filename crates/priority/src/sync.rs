//! The primitives of the locks: those of std, or of loom where loom explores their orders.

#[cfg(loom)]
pub(crate) use in_loom::{AtomicPtr, AtomicUsize};
#[cfg(loom)]
pub(crate) use loom::sync::atomic::AtomicU64;
#[cfg(loom)]
pub(crate) use loom::sync::{Mutex, MutexGuard};
#[cfg(not(loom))]
pub(crate) use std::sync::atomic::{AtomicPtr, AtomicU64, AtomicUsize};
#[cfg(not(loom))]
pub(crate) use std::sync::{Mutex, MutexGuard};

/// Atomics of loom that can be made in constants, as those of std: they come to be when they are
/// first used.
#[cfg(loom)]
mod in_loom {
    use std::ops::Deref;
    use std::sync::OnceLock;
    use std::sync::atomic::Ordering::Relaxed;

    macro_rules! lazy {
        ($name:ident [$($parameter:ident)?], $value:ty) => {
            pub(crate) struct $name$(<$parameter>)? {
                first: std::sync::atomic::$name$(<$parameter>)?,
                atomic: OnceLock<loom::sync::atomic::$name$(<$parameter>)?>,
            }

            impl$(<$parameter>)? $name$(<$parameter>)? {
                pub(crate) const fn new(first: $value) -> Self {
                    $name {
                        first: std::sync::atomic::$name::new(first),
                        atomic: OnceLock::new(),
                    }
                }
            }

            impl$(<$parameter>)? Deref for $name$(<$parameter>)? {
                type Target = loom::sync::atomic::$name$(<$parameter>)?;

                fn deref(&self) -> &Self::Target {
                    let first = || loom::sync::atomic::$name::new(self.first.load(Relaxed));
                    self.atomic.get_or_init(first)
                }
            }
        };
    }

    lazy!(AtomicPtr[T], *mut T);
    lazy!(AtomicUsize[], usize);
}
