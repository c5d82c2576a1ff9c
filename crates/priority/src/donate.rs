//! Waiting for a task, and lending it the priority meanwhile.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::current::current;
use crate::node::{Changes, TaskNode};
use crate::sync::Mutex;
use crate::wait::{Holders, ListName, WaitList, WaiterId};

/// Awaits a future, and makes a task as urgent as the one that awaits meanwhile: usually that whose
/// result it is.
///
/// What is lent goes on through whatever that task waits for itself, follows the priority of the one
/// that waits, and is taken back when the future completes or is dropped. A task that awaits itself
/// lends itself nothing.
///
/// # Cancel safety
///
/// Dropping it drops the future.
///
/// # Examples
///
/// ```
/// use corokit_priority::{Priority, PriorityQueue, donate_to, spawn};
/// use corokit_sched_loop::{self as sched_loop, EventLoop, TaskExt};
/// use futures_lite::future::yield_now;
///
/// EventLoop::with_queue(PriorityQueue::new()).run(async {
///     let report = async { yield_now().await; "report" };
///     let (report, node) = spawn(Priority::LOW, report, sched_loop::spawn);
///     let request = async move { donate_to(&node, report).await };
///     let (request, _) = spawn(Priority::HIGH, request, sched_loop::spawn);
///     // The report does not wait for those in between: somebody urgent waits for it.
///     let between = sched_loop::spawn(async { yield_now().await });
///     assert_eq!(request.await, "report");
///     assert!(!between.is_finished());
/// });
/// ```
pub fn donate_to<F: Future>(target: &TaskNode, future: F) -> DonateTo<F> {
    DonateTo {
        future,
        target: target.clone(),
        place: None,
    }
}

pin_project! {
    /// The future of [`donate_to`].
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled or awaited"]
    pub struct DonateTo<F> {
        #[pin]
        future: F,
        target: TaskNode,
        place: Option<Place>,
    }
}

impl<F: Future> Future for DonateTo<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let poll = this.future.poll(cx);
        if poll.is_ready() {
            *this.place = None;
            return poll;
        }
        let node = current().filter(|node| !node.is_same(this.target));
        let same = match (&node, &this.place) {
            (None, None) => true,
            (Some(node), Some(place)) => place.node.is_same(node),
            _ => false,
        };
        if !same {
            // Before the other begins: in between nothing is lent.
            *this.place = None;
            *this.place = node.map(|node| Place::new(this.target, node));
        }
        poll
    }
}

/// Somebody who waits for a task.
#[derive(Debug)]
struct Place {
    donation: Arc<Donation>,
    node: TaskNode,
}

/// What a task waits in that waits for another task.
struct Donation {
    list: ListName<Donation>,
    /// To whom, until it is over.
    target: Mutex<Option<TaskNode>>,
    from: TaskNode,
}

/// The only waiter there is.
const WAITER: u32 = 0;

impl Place {
    fn new(target: &TaskNode, node: TaskNode) -> Self {
        let donation = Arc::new_cyclic(|this| Donation {
            list: ListName::new(this),
            target: Mutex::new(Some(target.clone())),
            from: node.clone(),
        });
        node.begin_wait(donation.list.wait(WAITER));
        let mut changes = Changes::default();
        donation.lend(&mut changes);
        changes.spread();
        Place { donation, node }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut changes = Changes::default();
        let ended = self.node.end_wait(self.donation.list.waiter(WAITER));
        let target = self.donation.target.lock();
        let target = target.unwrap_or_else(PoisonError::into_inner).take();
        if let Some(target) = &target {
            target.lend(self.donation.list.id, None, &mut changes);
        }
        changes.spread();
        drop((ended, target));
    }
}

impl Donation {
    fn lend(&self, changes: &mut Changes) {
        // Locked while the priority is read and lent, so that whoever lends last lends what counts.
        let target = self.target.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(target) = &*target {
            let priority = self.from.effective_priority();
            target.lend(self.list.id, Some(priority), changes);
        }
    }
}

impl WaitList for Donation {
    fn refresh(&self, _: WaiterId, changes: &mut Changes) -> bool {
        self.lend(changes);
        false
    }

    fn holders(&self) -> Holders {
        let target = self.target.lock().unwrap_or_else(PoisonError::into_inner);
        target.iter().map(|target| (target.clone(), 0)).collect()
    }

    fn name(&self) -> Option<Arc<str>> {
        let target = self.target.lock().unwrap_or_else(PoisonError::into_inner);
        target.as_ref().and_then(TaskNode::name)
    }
}

impl fmt::Debug for Donation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Donation")
            .field("from", &self.from)
            .finish_non_exhaustive()
    }
}
