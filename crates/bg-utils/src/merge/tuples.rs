//! Streams of different types as one type.

use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;
use pin_project_lite::pin_project;

use super::{Merge, Sources};

/// A stream that there is none of.
#[doc(hidden)]
#[derive(Debug)]
pub struct Never<T>(std::convert::Infallible, PhantomData<fn() -> T>);

impl<T> Stream for Never<T> {
    type Item = T;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<T>> {
        match self.0 {}
    }
}

/// Writes the stream that is one of several, and the impls for tuples.
macro_rules! one_of {
    ($($variant:ident),*) => {
        pin_project! {
            /// One of several streams that yield the same: what a tuple of streams is merged by.
            #[project = Projected]
            #[doc(hidden)]
            pub enum OneOf<$($variant),*> {
                $(
                    $variant { #[pin] stream: $variant },
                )*
            }
        }

        impl<Item, $($variant: Stream<Item = Item>),*> Stream for OneOf<$($variant),*> {
            type Item = Item;

            fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Item>> {
                match self.project() {
                    $(Projected::$variant { stream } => stream.poll_next(cx),)*
                }
            }

            fn size_hint(&self) -> (usize, Option<usize>) {
                match self {
                    $(OneOf::$variant { stream } => stream.size_hint(),)*
                }
            }
        }

        impl<$($variant),*> fmt::Debug for OneOf<$($variant),*> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct("OneOf").finish_non_exhaustive()
            }
        }
    };
}

one_of!(A, B, C, D, E, F, G, H);

/// Writes the impl for tuples of one length: their streams, and as many that there are none of as
/// are left of eight.
macro_rules! tuple {
    ([$($stream:ident $field:tt),*], [$($never:ident),*]) => {
        impl<Item, $($stream: Stream<Item = Item>),*> Sources for ($($stream,)*) {
            type Stream = OneOf<$($stream,)* $($never<Item>),*>;

            fn merge(self) -> Merge<Self::Stream> {
                let sources = [$(OneOf::$stream { stream: self.$field }),*];
                sources.into_iter().collect()
            }
        }
    };
}

tuple!([A 0], [Never, Never, Never, Never, Never, Never, Never]);
tuple!([A 0, B 1], [Never, Never, Never, Never, Never, Never]);
tuple!([A 0, B 1, C 2], [Never, Never, Never, Never, Never]);
tuple!([A 0, B 1, C 2, D 3], [Never, Never, Never, Never]);
tuple!([A 0, B 1, C 2, D 3, E 4], [Never, Never, Never]);
tuple!([A 0, B 1, C 2, D 3, E 4, F 5], [Never, Never]);
tuple!([A 0, B 1, C 2, D 3, E 4, F 5, G 6], [Never]);
tuple!([A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7], []);
