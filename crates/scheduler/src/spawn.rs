//! How a future becomes a task.

use std::future::Future;
use std::mem;
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use async_task::{Builder, Runnable, WithInfo};
use corokit_core::{Position, Priority, ReadyQueue, TaskId};
use pin_project_lite::pin_project;

use crate::control::{self, Callback};
use crate::eager::Eager;
use crate::home::Home;
use crate::leg::{EAGER_DEPTH, Leg};
use crate::local::Local;
use crate::report::ReportedTask;
use crate::table::Kind;
use crate::task::{self, Task, TaskMeta};
use crate::watch::{Watched, Watcher};

pin_project! {
    /// The future of a task, and its registration in the task table.
    ///
    /// The order of the fields matters: the future is dropped first, so that a task is counted
    /// until its future is gone.
    struct Registered<'m, F> {
        #[pin]
        future: F,
        registration: Registration<'m>,
    }
}

impl<F: Future> Future for Registered<'_, F> {
    type Output = F::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let poll = this.future.poll(cx);
        if poll.is_pending() {
            let meta = this.registration.meta;
            // A task that ends at its first poll never pays for a waker in the table.
            if meta.shared.wants_waker() {
                keep_waker(meta, cx.waker());
            }
        }
        poll
    }
}

/// Puts a waker of the task that is being polled into the task table.
#[inline]
pub(crate) fn keep_waker(meta: &TaskMeta, waker: &Waker) {
    let TaskMeta { shared, slot, .. } = meta;
    shared.home.at_home(|home| home.keep_waker(*slot, waker));
}

impl<'m, F> Registered<'m, F> {
    #[inline]
    fn new(future: F, meta: &'m TaskMeta) -> Self {
        Registered {
            future,
            registration: Registration { meta },
        }
    }
}

/// Frees the task's slot when it is dropped.
struct Registration<'m> {
    meta: &'m TaskMeta,
}

impl Drop for Registration<'_> {
    #[inline]
    fn drop(&mut self) {
        let TaskMeta { shared, slot, .. } = self.meta;
        if shared.home.at_home(|home| home.release(*slot)) == Some(true) {
            control::wake_runners(shared);
        }
    }
}

/// When a new task runs for the first time.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum Start {
    /// As the executor's default says.
    #[default]
    Default,
    /// When its turn comes, from the regular place in the queue.
    Regular,
    /// When its turn comes, from this place in the queue.
    At(Position),
    /// Now, inside the call.
    Eager,
}

/// Makes a task of a future, and lets it begin.
///
/// # Safety
///
/// Whatever the future borrows must outlive the scheduler: [`Local::shut_down`] must be called
/// before it ends, or never and the future never be polled or dropped again.
#[inline]
pub(crate) unsafe fn spawn<'f, Q: ReadyQueue, F: Future + 'f>(
    local: &Local<Q>,
    future: F,
    name: Option<Rc<str>>,
    priority: Option<Priority>,
    start: Start,
    location: &'static Location<'static>,
) -> Task<F::Output> {
    let (slot, generation) = local.allocate(Kind::Task);
    if let Some(name) = name {
        local.state.borrow_mut().names.insert(slot, name);
    }
    if let Some(priority) = priority {
        local.state.borrow_mut().queue.set_priority(slot, priority);
    }
    local.contexts.inherit(slot);
    let (runnable, task) = match local.is_watching() {
        // SAFETY: the slot was taken into use just now; the caller answers for what is borrowed.
        false => unsafe { make(local, slot, generation, future) },
        // SAFETY: as above.
        true => unsafe { make_watched(local, slot, generation, future, location) },
    };
    begin(local, runnable, start);
    local.wake_runners();
    task
}

/// Lets a new task begin.
#[inline]
fn begin<Q: ReadyQueue>(local: &Local<Q>, runnable: Runnable<TaskMeta>, start: Start) {
    match start {
        Start::Default if !local.eager_tasks() => local.schedule(runnable, false),
        Start::Regular => local.schedule(runnable, false),
        Start::At(position) => local.schedule_at(runnable, position),
        // Outside of any poll there is nobody to run inside of.
        Start::Default if local.current().is_none() => local.schedule(runnable, false),
        Start::Default | Start::Eager if local.depth() >= EAGER_DEPTH => {
            local.schedule_at(runnable, Position::Front);
        }
        Start::Default | Start::Eager => {
            let slot = runnable.metadata().slot;
            local.run_task(slot, runnable, true);
        }
    }
}

/// Makes a task of a future, in a slot that is in use for it.
///
/// # Safety
///
/// As for [`spawn`]. The slot must be in use, with this generation, for this task only, and is
/// given to the task: it is freed when the future is dropped.
#[inline]
unsafe fn make<'f, Q: ReadyQueue, F: Future + 'f>(
    local: &Local<Q>,
    slot: u32,
    generation: u32,
    future: F,
) -> (Runnable<TaskMeta>, Task<F::Output>) {
    let register = move |meta| Registered::new(future, meta);
    // SAFETY: the caller promises the same.
    unsafe { make_registered(local, slot, generation, register) }
}

/// Makes a task of a future that is watched.
///
/// What is watched is what would be the task otherwise. So the future itself is still polled at
/// one place, where the compiler can inline it.
///
/// # Safety
///
/// As for [`make`].
#[cold]
#[inline(never)]
unsafe fn make_watched<'f, Q: ReadyQueue, F: Future + 'f>(
    local: &Local<Q>,
    slot: u32,
    generation: u32,
    future: F,
    location: &'static Location<'static>,
) -> (Runnable<TaskMeta>, Task<F::Output>) {
    let watcher = watcher(local, mem::size_of::<F>(), slot, location);
    let register = move |meta| Watched::new(Registered::new(future, meta), meta, watcher);
    // SAFETY: what is made borrows what the future borrows, for which the caller promises.
    unsafe { make_registered(local, slot, generation, register) }
}

/// Makes what watches a task whose future has this size, in bytes.
fn watcher<Q: ReadyQueue>(
    local: &Local<Q>,
    size: usize,
    slot: u32,
    location: &'static Location<'static>,
) -> Watcher {
    // A clock or a subscriber may panic: then there is no task.
    let reserved = Reserved { local, slot };
    let task = ReportedTask {
        location: Some(location),
        ..local.reported(slot)
    };
    let watcher = Watcher::new(local, task, slot, size);
    mem::forget(reserved);
    watcher
}

/// Makes a task of a future that frees the slot when it is dropped.
///
/// # Safety
///
/// As for [`make`].
#[inline]
unsafe fn make_registered<'m, Q: ReadyQueue, F: Future + 'm>(
    local: &Local<Q>,
    slot: u32,
    generation: u32,
    register: impl FnOnce(&'m TaskMeta) -> F,
) -> (Runnable<TaskMeta>, Task<F::Output>) {
    let meta = TaskMeta {
        shared: Arc::clone(&local.shared),
        slot,
        generation,
    };
    let schedule = WithInfo(task::schedule::<Q>);
    let builder = Builder::new().metadata(meta).propagate_panic(true);
    // SAFETY: of the clauses of `spawn_unchecked`,
    // - "if the future is not `Send`, its runnable must be used and dropped on the original
    //   thread": a runnable exists only in the task table, in the inbox, or on its way from one to
    //   the other through `schedule`. The table belongs to the home thread. Other threads only
    //   push runnables into the inbox, and leak what a closed inbox refuses; only the home thread
    //   takes them out, and `shut_down` leaks what it finds after the inbox was closed.
    // - "if the future is not `'static`, what it borrows must outlive its runnable": `shut_down`
    //   drops every future; the caller promises that it is called in time.
    // - "if the schedule function is not `Send` and `Sync`" or not `'static`: it is a plain
    //   function that captures nothing.
    // The metadata is `Send`, `Sync` and never changes, so it does not matter which thread reads
    // or drops it.
    unsafe { builder.spawn_unchecked(register, schedule) }
}

/// Runs the first leg of a future now, under the identity of a task, and makes the task only if
/// the future blocks.
///
/// # Safety
///
/// As for [`spawn`].
#[inline]
pub(crate) unsafe fn eager<'f, Q: ReadyQueue, F: Future + 'f>(
    local: &Local<Q>,
    future: F,
) -> Eager<F::Output> {
    let mut future = Box::pin(future);
    let Some(leg) = Leg::begin(local) else {
        let start = Start::At(Position::Front);
        // SAFETY: the caller answers for what is borrowed.
        let task = unsafe { spawn(local, future, None, None, start, Location::caller()) };
        return Eager::task(task);
    };
    let (result, context) = leg.run(|| {
        // The waker of this poll may be one that does nothing: if the future blocks, its task is
        // put into the queue and polls it again, and only the waker of the last poll counts.
        match future
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
        {
            Poll::Pending => Err(future),
            Poll::Ready(output) => {
                drop(future);
                Ok(output)
            }
        }
    });
    match result {
        Ok(Ok(output)) => Eager::ready(output),
        Ok(Err(future)) => {
            let (slot, generation, place) = leg.keep(context);
            // SAFETY: the leg took the slot into use, and has given it up; the caller answers for
            // what is borrowed.
            let (runnable, task) = unsafe { make(local, slot, generation, future) };
            match place {
                Some(place) => local.schedule_at(runnable, place),
                None => local.schedule(runnable, false),
            }
            local.wake_runners();
            Eager::task(task)
        }
        Err(payload) => Eager::panicked(payload),
    }
}

impl<Q: ReadyQueue> Local<Q> {
    /// Lets a task of its own make the callbacks of a task that has ended.
    pub(crate) fn call_soon(&self, id: TaskId, callbacks: Vec<Callback>) {
        let calls = async move {
            for callback in callbacks {
                callback(id);
            }
        };
        let (slot, generation) = self.allocate(Kind::Task);
        // SAFETY: the slot was taken into use just now; nothing is borrowed.
        let (runnable, task) = unsafe { make(self, slot, generation, calls) };
        self.schedule(runnable, false);
        task.detach();
    }
}

/// Frees a slot that no task has been given.
struct Reserved<'e, Q: ReadyQueue> {
    local: &'e Local<Q>,
    slot: u32,
}

impl<Q: ReadyQueue> Drop for Reserved<'_, Q> {
    fn drop(&mut self) {
        if self.local.release(self.slot) {
            self.local.wake_runners();
        }
        self.local.contexts.forget(self.slot);
    }
}
