//! What the output of a generator's body means.

/// What the body of a generator of `Y` may end with.
///
/// Most end with `()`, or do not end. A generator of results may end with a result, so that `?` works in its body: an
/// error is then the last value.
///
/// ```
/// use corokit_monitor::{Generator, Yielder};
/// use futures_lite::StreamExt;
/// use futures_lite::future::block_on;
///
/// type Item = Result<u32, std::num::ParseIntError>;
///
/// let numbers = Generator::boxed(async |yielder: Yielder<Item>| {
///     for word in ["1", "2", "three", "4"] {
///         let number = word.parse()?;
///         yielder.yield_(Ok(number)).await;
///     }
///     Ok(())
/// });
/// let items: Vec<Item> = block_on(numbers.collect());
/// assert_eq!(items[..2], [Ok(1), Ok(2)]);
/// assert!(items[2].is_err() && items.len() == 3);
/// ```
pub trait GeneratorEnd<Y> {
    /// The last value, if there is one.
    ///
    /// ```
    /// use corokit_monitor::GeneratorEnd;
    ///
    /// assert_eq!(GeneratorEnd::<u32>::last(()), None);
    /// assert_eq!(GeneratorEnd::<Result<u32, &str>>::last(Err("no")), Some(Err("no")));
    /// ```
    fn last(self) -> Option<Y>;
}

impl<Y> GeneratorEnd<Y> for () {
    fn last(self) -> Option<Y> {
        None
    }
}

impl<T, E> GeneratorEnd<Result<T, E>> for Result<(), E> {
    fn last(self) -> Option<Result<T, E>> {
        self.err().map(Err)
    }
}

/// The body of an endless generator, a `loop` without a `break`, has the type `!`.
impl<Y> GeneratorEnd<Y> for <fn() -> ! as Returns>::Output {
    fn last(self) -> Option<Y> {
        self
    }
}

/// Names what a function returns: the way to write `!` where the language does not yet let it be
/// written.
#[doc(hidden)]
pub trait Returns {
    /// What it returns.
    type Output;
}

impl<T> Returns for fn() -> T {
    type Output = T;
}
