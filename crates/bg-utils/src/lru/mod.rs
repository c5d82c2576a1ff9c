//! A bounded map that forgets what was not used for longest.
//!
//! ```
//! use corokit_bg_utils::lru::Lru;
//!
//! let mut capitals = Lru::new(2);
//! capitals.insert("France", "Paris");
//! capitals.insert("Japan", "Tokyo");
//! // Reading is using: now Japan is the one not used for longest.
//! assert_eq!(capitals.get("France"), Some(&"Paris"));
//! assert_eq!(capitals.insert("Peru", "Lima"), Some(("Japan", "Tokyo")));
//! ```
//!
//! # The model
//!
//! - **Use**: reading by [`get`](Lru::get), writing a new key, and writing over an old one; not
//!   [`peek`](Lru::peek) and [`contains`](Lru::contains).
//! - **Order**: what goes is exactly the entry not used for longest.
//! - **Time to live** (`TtlLru`, feature `ttl-lru`): from the last write. Reading does not prolong it.
//!   An entry is missing from the very instant at which its time is over; with 100 milliseconds or
//!   more, where the system has a coarse clock that costs less, up to a tick of that later.
//! - **Threads**: these are plain data structures, to be used through `&mut`. Nothing can change
//!   between a look and what is done about it, so there are `contains` and iterators, which the
//!   originals refuse to have. The cache of the module `cache` is the one to share.
//!
//! All operations take constant time; those of `TtlLru` also drop up to two entries that have
//! expired.

mod plain;
#[cfg(feature = "ttl-lru")]
mod store;
#[cfg(feature = "ttl-lru")]
mod ttl;

pub use plain::{Iter, Lru};
#[cfg(feature = "cache")]
pub(crate) use store::{COARSE, Class, EACH, Lifetime, Store};
#[cfg(feature = "ttl-lru")]
pub use ttl::{TtlIter, TtlLru};
