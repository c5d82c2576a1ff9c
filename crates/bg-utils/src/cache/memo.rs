//! A function with a cache in front of it.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::hash::{BuildHasher, Hash};
use std::marker::PhantomData;
use std::ops::Deref;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use foldhash::fast::RandomState;
use pin_project_lite::pin_project;

use super::Cache;
use super::builder::Settings;
use super::core::{Core, Look};
use super::prefetch::{PrefetchError, prefetch};

/// A function as a [`Memo`] calls it. It is implemented for [`Plain`] and [`Fallible`] functions.
pub trait Function<A>: sealed::Sealed {
    /// What is kept.
    type Value: Clone;
    /// What the function fails with.
    type Error: Clone;
    /// What the function returns when it is called.
    type Future: Future<Output = Result<Self::Value, Self::Error>>;
    /// What callers get.
    type Output;

    /// Calls the function.
    #[doc(hidden)]
    fn call(&self, arguments: A) -> Self::Future;

    /// Makes what callers get.
    #[doc(hidden)]
    fn output(result: Result<Self::Value, Self::Error>) -> Self::Output;
}

/// How a [`Memo`] makes keys of arguments. It is implemented for [`Itself`] and [`By`].
pub trait KeyOf<A>: sealed::Sealed {
    /// The key.
    type Key: Hash + Eq;

    /// Makes the key of arguments.
    #[doc(hidden)]
    fn key(&self, arguments: &A) -> Self::Key;

    /// Calls a function with the key of arguments.
    #[doc(hidden)]
    fn with<T>(&self, arguments: &A, call: impl FnOnce(&Self::Key) -> T) -> T;
}

mod sealed {
    pub trait Sealed {}
    impl<F> Sealed for super::Plain<F> {}
    impl<F> Sealed for super::Fallible<F> {}
    impl Sealed for super::Itself {}
    impl<G> Sealed for super::By<G> {}
}

/// A function that returns a value.
#[derive(Clone, Copy)]
pub struct Plain<F>(pub(super) F);

/// A function that returns a `Result`.
#[derive(Clone, Copy)]
pub struct Fallible<F>(pub(super) F);

/// The arguments are the key.
#[derive(Clone, Copy, Debug)]
pub struct Itself;

/// A function makes the key of the arguments.
#[derive(Clone, Copy)]
pub struct By<G>(pub(super) G);

pin_project! {
    /// A future that cannot fail, as one that could.
    #[doc(hidden)]
    pub struct Succeed<F> {
        #[pin]
        future: F,
    }
}

impl<F: Future> Future for Succeed<F> {
    type Output = Result<F::Output, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().future.poll(cx).map(Ok)
    }
}

impl<F> fmt::Debug for Succeed<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Succeed").finish_non_exhaustive()
    }
}

impl<A, F, T> Function<A> for Plain<F>
where
    F: Fn(A) -> T,
    T: Future,
    T::Output: Clone,
{
    type Value = T::Output;
    type Error = Infallible;
    type Future = Succeed<T>;
    type Output = T::Output;

    fn call(&self, arguments: A) -> Succeed<T> {
        Succeed {
            future: (self.0)(arguments),
        }
    }

    fn output(result: Result<T::Output, Infallible>) -> T::Output {
        match result {
            Ok(value) => value,
            Err(never) => match never {},
        }
    }
}

impl<A, F, T, V, E> Function<A> for Fallible<F>
where
    F: Fn(A) -> T,
    T: Future<Output = Result<V, E>>,
    V: Clone,
    E: Clone,
{
    type Value = V;
    type Error = E;
    type Future = T;
    type Output = Result<V, E>;

    fn call(&self, arguments: A) -> T {
        (self.0)(arguments)
    }

    fn output(result: Result<V, E>) -> Result<V, E> {
        result
    }
}

impl<A: Hash + Eq + Clone> KeyOf<A> for Itself {
    type Key = A;

    fn key(&self, arguments: &A) -> A {
        arguments.clone()
    }

    fn with<T>(&self, arguments: &A, call: impl FnOnce(&A) -> T) -> T {
        call(arguments)
    }
}

impl<A, K: Hash + Eq, G: Fn(&A) -> K> KeyOf<A> for By<G> {
    type Key = K;

    fn key(&self, arguments: &A) -> K {
        (self.0)(arguments)
    }

    fn with<T>(&self, arguments: &A, call: impl FnOnce(&K) -> T) -> T {
        call(&(self.0)(arguments))
    }
}

/// An async function with a [`Cache`] in front of it: the decorator.
///
/// A call returns what is kept for its arguments, joins the flight for them, or calls the function,
/// whose future then belongs to all who wait for it: a caller that is dropped leaves it to the next
/// one, and no work is done twice. When all callers are dropped, then so is the future; see
/// [`prefetch`](Self::prefetch) for one that goes on. The future need not be `Send`, unless the memo
/// is shared among threads.
///
/// Arguments are one value, of which a function of several takes a tuple. Equal arguments are one
/// key, whatever their order of arrival; [`Builder::memo_by`](super::Builder::memo_by) makes another
/// key of them. [`Builder`](super::Builder) says how long and how many results are kept.
///
/// Source: `async_utils.corofunc_cache.corocache` and `lrucorocache`. There, a caller that was
/// cancelled took all others with it, and the key for ever; and hits did not count as use.
///
/// # Examples
///
/// ```
/// use corokit_bg_utils::cache::Memo;
/// use futures_lite::future::block_on;
/// use std::cell::Cell;
///
/// let calls = Cell::new(0);
/// let area = Memo::new(|(width, height): (u32, u32)| {
///     calls.set(calls.get() + 1);
///     async move { width * height }
/// });
/// assert_eq!(block_on(area.call((6, 7))), 42);
/// assert_eq!(block_on(area.call((6, 7))), 42);
/// assert_eq!(calls.get(), 1);
/// ```
pub struct Memo<A, F, G = Itself, S = RandomState>
where
    F: Function<A>,
    G: KeyOf<A>,
{
    core: CoreOf<A, F, G, S>,
    function: F,
    key: G,
    arguments: PhantomData<fn(A)>,
}

type CoreOf<A, F, G, S> = Core<
    <G as KeyOf<A>>::Key,
    <F as Function<A>>::Value,
    <F as Function<A>>::Error,
    S,
    Pin<Box<<F as Function<A>>::Future>>,
>;

impl<A: Hash + Eq + Clone, F> Memo<A, Plain<F>>
where
    Plain<F>: Function<A>,
{
    /// Puts an unbounded cache in front of a function that cannot fail.
    ///
    /// ```
    /// use corokit_bg_utils::cache::Memo;
    /// use futures_lite::future::block_on;
    ///
    /// let double = Memo::new(async |n: u64| 2 * n);
    /// assert_eq!(block_on(double.call(21)), 42);
    /// ```
    pub fn new(function: F) -> Self {
        Cache::builder().memo(function)
    }
}

impl<A: Hash + Eq + Clone, F> Memo<A, Fallible<F>>
where
    Fallible<F>: Function<A>,
{
    /// Puts an unbounded cache in front of a function that can fail. Errors are not kept.
    ///
    /// ```
    /// use corokit_bg_utils::cache::Memo;
    /// use futures_lite::future::block_on;
    ///
    /// let parse = Memo::fallible(async |text: &'static str| text.parse::<u64>());
    /// assert_eq!(block_on(parse.call("42")), Ok(42));
    /// ```
    pub fn fallible(function: F) -> Self {
        Cache::builder().memo_fallible(function)
    }
}

impl<A, F, G, S> Memo<A, F, G, S>
where
    F: Function<A>,
    G: KeyOf<A>,
    S: BuildHasher,
{
    pub(super) fn with(settings: Settings, hasher: S, function: F, key: G) -> Self {
        Memo {
            core: Core::new(settings, hasher),
            function,
            key,
            arguments: PhantomData,
        }
    }

    /// Calls the function, unless its result is there, or under way.
    ///
    /// # Panics
    ///
    /// A panic of the function comes out of one caller, and the next one calls it again. A function
    /// that calls itself through the memo, with the same key, in its own task, panics instead of
    /// waiting for ever.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future is never having called: what the function has done so far is left to the
    /// others who wait for it.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::cache::Memo;
    /// use futures_lite::future::block_on;
    ///
    /// let length = Memo::new(async |text: String| text.len());
    /// assert_eq!(block_on(length.call("four".into())), 4);
    /// ```
    pub async fn call(&self, arguments: A) -> F::Output {
        if let Some(result) = self.key.with(&arguments, |key| self.core.get(key, true)) {
            return F::output(result);
        }
        let key = self.key.key(&arguments);
        let result = match Core::look(&self.core, key) {
            Look::Hit(result) => result,
            Look::Miss(seat) => {
                let call = || Box::pin(self.function.call(arguments));
                seat.run_kept(call).await
            }
        };
        F::output(result)
    }

    /// Calls the function so that it goes on even if nobody waits for it: the first future returned
    /// waits for the result, and may be dropped; the second does the work, and is to be spawned.
    ///
    /// The function is called at once, unless its result is there. Whoever calls from now on joins.
    /// Nothing is lost if the second future is dropped as well: those who wait go on with the work.
    ///
    /// Source: `async_utils.task_cache.taskcache`.
    ///
    /// # Errors
    ///
    /// The first future says if the function has failed or panicked.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::cache::Memo;
    /// use std::sync::Arc;
    ///
    /// let page = Arc::new(Memo::new(async |n: u32| format!("page {n}")));
    /// let (_, driver) = page.prefetch(7);
    /// smol::spawn(driver).detach();
    /// assert_eq!(smol::block_on(page.call(7)), "page 7");
    /// ```
    pub fn prefetch(
        self: &Arc<Self>,
        arguments: A,
    ) -> (
        impl Future<Output = Result<F::Value, PrefetchError<F::Error>>> + use<A, F, G, S>,
        impl Future<Output = ()> + use<A, F, G, S>,
    ) {
        prefetch_by(Held::new(Arc::clone(self)), arguments)
    }

    /// The same as [`prefetch`](Self::prefetch) for a memo that stays on its thread.
    ///
    /// # Errors
    ///
    /// The first future says if the function has failed or panicked.
    ///
    /// # Examples
    ///
    /// ```
    /// use corokit_bg_utils::cache::Memo;
    /// use futures_lite::future::{block_on, zip};
    /// use std::rc::Rc;
    ///
    /// let page = Rc::new(Memo::new(async |n: u32| Rc::new(n)));
    /// let (page, driver) = page.prefetch_local(7);
    /// assert_eq!(block_on(zip(page, driver)), (Ok(Rc::new(7)), ()));
    /// ```
    pub fn prefetch_local(
        self: &Rc<Self>,
        arguments: A,
    ) -> (
        impl Future<Output = Result<F::Value, PrefetchError<F::Error>>> + use<A, F, G, S>,
        impl Future<Output = ()> + use<A, F, G, S>,
    ) {
        prefetch_by(Held::new(Rc::clone(self)), arguments)
    }

    /// Returns what is kept for these arguments, without calling the function and without counting
    /// it as use.
    ///
    /// ```
    /// use corokit_bg_utils::cache::Memo;
    ///
    /// let double = Memo::new(async |n: u64| 2 * n);
    /// assert_eq!(double.peek(&21), None);
    /// ```
    pub fn peek(&self, arguments: &A) -> Option<F::Output> {
        let result = self.key.with(arguments, |key| self.core.get(key, false));
        result.map(F::output)
    }

    /// Forgets what is kept for these arguments, and returns it. A flight under way goes on for those
    /// who have joined it, and is not kept.
    ///
    /// ```
    /// use corokit_bg_utils::cache::Memo;
    /// use futures_lite::future::block_on;
    ///
    /// let double = Memo::new(async |n: u64| 2 * n);
    /// block_on(double.call(21));
    /// assert_eq!(double.remove(&21), Some(42));
    /// assert_eq!(double.remove(&21), None);
    /// ```
    pub fn remove(&self, arguments: &A) -> Option<F::Output> {
        let result = self.key.with(arguments, |key| self.core.remove(key));
        result.map(F::output)
    }

    /// Forgets everything. Flights under way go on for those who have joined them, and are not kept.
    ///
    /// ```
    /// use corokit_bg_utils::cache::Memo;
    /// use futures_lite::future::block_on;
    ///
    /// let double = Memo::new(async |n: u64| 2 * n);
    /// block_on(double.call(21));
    /// double.clear();
    /// assert!(double.is_empty());
    /// ```
    pub fn clear(&self) {
        self.core.clear();
    }

    /// Returns how many results are kept, with those that have expired and are not yet gone.
    ///
    /// ```
    /// use corokit_bg_utils::cache::Memo;
    /// use futures_lite::future::block_on;
    ///
    /// let double = Memo::new(async |n: u64| 2 * n);
    /// block_on(double.call(21));
    /// assert_eq!(double.len(), 1);
    /// ```
    pub fn len(&self) -> usize {
        self.core.len()
    }

    /// Returns whether [`len`](Self::len) is zero.
    ///
    /// ```
    /// use corokit_bg_utils::cache::Memo;
    ///
    /// assert!(Memo::new(async |n: u64| 2 * n).is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Removes what has expired, and returns how much that was.
    ///
    /// ```
    /// use corokit_bg_utils::cache::Memo;
    ///
    /// assert_eq!(Memo::new(async |n: u64| 2 * n).purge_expired(), 0);
    /// ```
    pub fn purge_expired(&self) -> usize {
        self.core.purge_expired()
    }
}

/// Calls the function ahead for a memo that is held on to.
fn prefetch_by<A, F, G, S, P>(
    held: Held<A, F, G, S, P>,
    arguments: A,
) -> (
    impl Future<Output = Result<F::Value, PrefetchError<F::Error>>> + use<A, F, G, S, P>,
    impl Future<Output = ()> + use<A, F, G, S, P>,
)
where
    F: Function<A>,
    G: KeyOf<A>,
    S: BuildHasher,
    P: Deref<Target = Memo<A, F, G, S>> + Clone,
{
    let key = held.memo.key.key(&arguments);
    // Asked for before, so that the function is not called for nothing; once again under the lock
    // under which the flight begins.
    let hit = held.get(&key, true);
    let begun = match hit {
        Some(_) => None,
        None => {
            let work = Box::pin(held.memo.function.call(arguments));
            Some(prefetch(held, key, work))
        }
    };
    let (handle, driver) = begun.unzip();
    let handle = async move {
        match (hit, handle) {
            (Some(result), _) => result.map_err(PrefetchError::Failed),
            (None, Some(handle)) => handle.await,
            (None, None) => unreachable!("it was a hit, or has begun"),
        }
    };
    let driver = async move {
        if let Some(driver) = driver {
            driver.await;
        }
    };
    (handle, driver)
}

/// The core of a memo that is held on to, by some kind of pointer.
struct Held<A, F, G, S, P> {
    memo: P,
    kind: PhantomData<fn(A, F, G, S)>,
}

impl<A, F, G, S, P> Held<A, F, G, S, P> {
    fn new(memo: P) -> Self {
        let kind = PhantomData;
        Held { memo, kind }
    }
}

impl<A, F, G, S, P: Clone> Clone for Held<A, F, G, S, P> {
    fn clone(&self) -> Self {
        Held::new(self.memo.clone())
    }
}

impl<A, F: Function<A>, G: KeyOf<A>, S, P> Deref for Held<A, F, G, S, P>
where
    P: Deref<Target = Memo<A, F, G, S>>,
{
    type Target = CoreOf<A, F, G, S>;

    fn deref(&self) -> &Self::Target {
        &self.memo.core
    }
}

impl<A, F: Function<A>, G: KeyOf<A>, S> fmt::Debug for Memo<A, F, G, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memo").finish_non_exhaustive()
    }
}

impl<F> fmt::Debug for Plain<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plain").finish_non_exhaustive()
    }
}

impl<F> fmt::Debug for Fallible<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fallible").finish_non_exhaustive()
    }
}

impl<G> fmt::Debug for By<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("By").finish_non_exhaustive()
    }
}
