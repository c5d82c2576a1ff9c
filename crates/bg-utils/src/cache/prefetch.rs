//! Work that is begun before anybody needs its result, and goes on if nobody does.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::hash::{BuildHasher, Hash};
use std::ops::Deref;

use super::core::{Ahead, Core};

/// Why there is no value for who waits for a prefetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PrefetchError<E> {
    /// The work has failed.
    Failed(E),
    /// The work has panicked, and there was nobody with other work for the key. The panic has come
    /// out of whoever polled it.
    Panicked,
}

impl<E: fmt::Display> fmt::Display for PrefetchError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PrefetchError::Failed(error) => write!(f, "the work has failed: {error}"),
            PrefetchError::Panicked => f.write_str("the work has panicked: ask again"),
        }
    }
}

impl<E: Error + 'static> Error for PrefetchError<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            PrefetchError::Failed(error) => Some(error),
            PrefetchError::Panicked => None,
        }
    }
}

/// Returns the one who waits for the value, and the one who makes it even if nobody waits.
pub(super) fn prefetch<K, V, E, S, W, R>(
    core: R,
    key: K,
    work: W,
) -> (
    impl Future<Output = Result<V, PrefetchError<E>>> + use<K, V, E, S, W, R>,
    impl Future<Output = ()> + use<K, V, E, S, W, R>,
)
where
    R: Deref<Target = Core<K, V, E, S, W>> + Clone,
    K: Hash + Eq,
    V: Clone,
    E: Clone,
    S: BuildHasher,
    W: Future<Output = Result<V, E>> + Unpin,
{
    // The places are taken now: whoever calls next joins, whether or not the driver has run.
    let (hit, handle, driver) = match Core::look_ahead(core, key, work) {
        Ahead::Hit(value) => (Some(value), None, None),
        Ahead::Miss { handle, driver } => (None, Some(handle), Some(driver)),
    };
    let handle = async move {
        let value = match handle {
            Some(seat) => seat.run_if_any().await,
            None => hit,
        };
        let value = value.ok_or(PrefetchError::Panicked)?;
        value.map_err(PrefetchError::Failed)
    };
    let driver = async move {
        if let Some(seat) = driver {
            seat.run_if_any().await;
        }
    };
    (handle, driver)
}
