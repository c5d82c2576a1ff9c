//! Tuples: futures of different types.

#![expect(
    non_snake_case,
    reason = "a field has the name of its type, which the macro gets once"
)]

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::{Gatherable, TryGatherable, kind};
use crate::panicked::Settle;

pin_project! {
    /// A future, then its output, then nothing.
    #[project = StateProjected]
    #[project_replace = StateReplaced]
    enum State<F, T> {
        Running { #[pin] future: F },
        Done { output: T },
        Taken,
    }
}

impl<F, T> State<F, T> {
    fn take(self: Pin<&mut Self>) -> T {
        match self.project_replace(State::Taken) {
            StateReplaced::Done { output } => output,
            _ => panic!("polled after completion"),
        }
    }
}

impl<F: Future> State<F, F::Output> {
    /// Polls the future, if it has not completed. Returns whether it has now.
    fn advance(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> bool {
        let StateProjected::Running { future } = self.as_mut().project() else {
            return true;
        };
        match future.poll(cx) {
            Poll::Pending => false,
            Poll::Ready(output) => {
                self.project_replace(State::Done { output });
                true
            }
        }
    }
}

impl<T, E, F: Future<Output = Result<T, E>>> State<F, T> {
    /// As [`advance`](State::advance), but an error is returned, not kept.
    fn try_advance(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Result<bool, E> {
        let StateProjected::Running { future } = self.as_mut().project() else {
            return Ok(true);
        };
        match future.poll(cx) {
            Poll::Pending => Ok(false),
            Poll::Ready(Ok(output)) => {
                self.project_replace(State::Done { output });
                Ok(true)
            }
            Poll::Ready(Err(error)) => {
                self.project_replace(State::Taken);
                Err(error)
            }
        }
    }
}

/// Defines the futures for tuples of one length. `$letter` is a future, and the field that has it;
/// `$output` is its output.
macro_rules! tuples {
    ($($name:ident $try_name:ident: $($letter:ident $output:ident),+;)*) => {
        $(
            pin_project! {
                #[doc = "The future of [`gather`](crate::gather) for a tuple of this length.\n\n# Panics\n\nPolling it after it has completed panics."]
                #[must_use = "futures do nothing unless polled or awaited"]
                pub struct $name<$($letter: Future),+> {
                    $(#[pin] $letter: State<$letter, $letter::Output>,)+
                }
            }

            impl<$($letter: Future),+> Future for $name<$($letter),+> {
                type Output = ($($letter::Output,)+);

                fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
                    let mut this = self.project();
                    let mut all = true;
                    $(all &= this.$letter.as_mut().advance(cx);)+
                    match all {
                        true => Poll::Ready(($(this.$letter.take(),)+)),
                        false => Poll::Pending,
                    }
                }
            }

            impl<$($letter: Future),+> fmt::Debug for $name<$($letter),+> {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.debug_struct(stringify!($name)).finish_non_exhaustive()
                }
            }

            impl<$($letter: Future),+> Gatherable<kind::Tuple> for ($($letter,)+) {
                type Gather = $name<$($letter),+>;
                type Settled = $name<$(Settle<$letter>),+>;

                fn gather(self) -> Self::Gather {
                    let ($($letter,)+) = self;
                    $name { $($letter: State::Running { future: $letter },)+ }
                }

                fn settle(self) -> Self::Settled {
                    let ($($letter,)+) = self;
                    $name { $($letter: State::Running { future: Settle::new($letter) },)+ }
                }
            }

            pin_project! {
                #[doc = "The future of [`try_gather`](crate::try_gather) for a tuple of this length.\n\n# Panics\n\nPolling it after it has completed panics."]
                #[must_use = "futures do nothing unless polled or awaited"]
                pub struct $try_name<$($letter, $output),+> {
                    $(#[pin] $letter: State<$letter, $output>,)+
                }
            }

            impl<Error, $($letter, $output),+> Future for $try_name<$($letter, $output),+>
            where
                $($letter: Future<Output = Result<$output, Error>>,)+
            {
                type Output = Result<($($output,)+), Error>;

                fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
                    let mut this = self.project();
                    let mut all = true;
                    let mut failed = None;
                    $(
                        if failed.is_none() {
                            match this.$letter.as_mut().try_advance(cx) {
                                Ok(done) => all &= done,
                                Err(error) => failed = Some(error),
                            }
                        }
                    )+
                    if let Some(error) = failed {
                        // The others end before the error is known.
                        $(this.$letter.set(State::Taken);)+
                        return Poll::Ready(Err(error));
                    }
                    match all {
                        true => Poll::Ready(Ok(($(this.$letter.take(),)+))),
                        false => Poll::Pending,
                    }
                }
            }

            impl<$($letter, $output),+> fmt::Debug for $try_name<$($letter, $output),+> {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.debug_struct(stringify!($try_name)).finish_non_exhaustive()
                }
            }

            impl<Error, $($letter, $output),+> TryGatherable<kind::Tuple> for ($($letter,)+)
            where
                $($letter: Future<Output = Result<$output, Error>>,)+
            {
                type TryGather = $try_name<$($letter, $output),+>;

                fn try_gather(self) -> Self::TryGather {
                    let ($($letter,)+) = self;
                    $try_name { $($letter: State::Running { future: $letter },)+ }
                }
            }
        )*
    };
}

tuples! {
    Gather1 TryGather1: A OA;
    Gather2 TryGather2: A OA, B OB;
    Gather3 TryGather3: A OA, B OB, C OC;
    Gather4 TryGather4: A OA, B OB, C OC, D OD;
    Gather5 TryGather5: A OA, B OB, C OC, D OD, E OE;
    Gather6 TryGather6: A OA, B OB, C OC, D OD, E OE, F OF;
    Gather7 TryGather7: A OA, B OB, C OC, D OD, E OE, F OF, G OG;
    Gather8 TryGather8: A OA, B OB, C OC, D OD, E OE, F OF, G OG, H OH;
    Gather9 TryGather9: A OA, B OB, C OC, D OD, E OE, F OF, G OG, H OH, I OI;
    Gather10 TryGather10: A OA, B OB, C OC, D OD, E OE, F OF, G OG, H OH, I OI, J OJ;
    Gather11 TryGather11: A OA, B OB, C OC, D OD, E OE, F OF, G OG, H OH, I OI, J OJ, K OK;
    Gather12 TryGather12: A OA, B OB, C OC, D OD, E OE, F OF, G OG, H OH, I OI, J OJ, K OK, L OL;
}
