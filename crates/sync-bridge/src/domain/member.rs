use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::line::{Line, Ticket};
use super::turn::{Held, has_turn};

pin_project! {
    /// A future that is a member of a domain: [`Domain::wrap`](super::Domain::wrap).
    ///
    /// # Cancel safety
    ///
    /// As that of the future. If the turn has been granted to it, it is passed on.
    #[must_use = "futures do nothing unless polled or awaited"]
    pub struct Member<F> {
        line: Arc<Line>,
        ticket: Option<Ticket>,
        #[pin]
        future: F,
    }

    impl<F> PinnedDrop for Member<F> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            if let Some(ticket) = this.ticket.take() {
                this.line.leave(ticket);
            }
        }
    }
}

impl<F> Member<F> {
    pub(super) fn new(line: Arc<Line>, future: F) -> Self {
        Member {
            line,
            ticket: None,
            future,
        }
    }
}

impl<F: Future> Future for Member<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let line = &**this.line;
        // Inside of another member's step it is a part of that step.
        if has_turn(line) {
            if let Some(ticket) = this.ticket.take() {
                line.leave(ticket);
            }
            return this.future.poll(cx);
        }
        // Not without need: cloning a waker costs more than taking a turn.
        if !line.try_take(this.ticket) && !line.take(this.ticket, cx.waker().clone()) {
            return Poll::Pending;
        }
        let _held = Held::new(line);
        this.future.poll(cx)
    }
}

impl<F> fmt::Debug for Member<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Member")
            .field("waiting", &self.ticket.is_some())
            .finish_non_exhaustive()
    }
}
