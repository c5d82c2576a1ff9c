//! The two kinds of groups: for futures that go to other threads, and for those that do not.

use std::future::Future;
use std::pin::Pin;

/// A child as it is spawned, wherever that is.
pub type AnyChild<'ex> = Pin<Box<dyn Future<Output = ()> + Send + 'ex>>;

/// A child as it is spawned on its own thread.
pub type LocalChild<'ex> = Pin<Box<dyn Future<Output = ()> + 'ex>>;

/// What a group may spawn: [`Sendable`] or [`Local`].
pub trait Kind<'s, 'ex>: sealed::Sealed {
    /// The function that spawns.
    #[doc(hidden)]
    type Spawner: ?Sized;
}

/// A group takes futures that are `Send`.
#[derive(Clone, Copy, Debug)]
pub struct Sendable;

/// A group takes any futures, and stays on its thread.
#[derive(Clone, Copy, Debug)]
pub struct Local;

impl<'s, 'ex> Kind<'s, 'ex> for Sendable {
    type Spawner = dyn Fn(AnyChild<'ex>) + Send + Sync + 's;
}

impl<'s, 'ex> Kind<'s, 'ex> for Local {
    type Spawner = dyn Fn(LocalChild<'ex>) + 's;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Sendable {}
    impl Sealed for super::Local {}
}
