//! Debug mode at work: what is recorded of a task, and the wrapper that records it.
//!
//! A task that is spawned while debug mode or tracing is on gets another future round its own. So
//! tasks that nobody watches pay nothing for it, neither time nor memory.

use std::any::Any;
use std::backtrace::Backtrace;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::Future;
use std::mem;
use std::panic::{self, AssertUnwindSafe, Location};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use corokit_core::{ReadyQueue, TaskId, WakerObserver, observe_waker};

use crate::debug::DebugOptions;
use crate::local::Local;
use crate::report::{Report, ReportedTask};
use crate::spawn;
use crate::table::Kind;
use crate::task::TaskMeta;
use crate::trace::Trace;

/// How many backtraces are taken in one poll at most: a task may wait for any number of things.
const PLACES: usize = 8;

/// What debug mode knows of one executor.
pub(crate) struct Watch {
    /// `None` while debug mode is off.
    options: RefCell<Option<DebugOptions>>,
    /// The tasks that were spawned, and the main futures that were polled, in debug mode, by slot.
    records: RefCell<BTreeMap<u32, Rc<Record>>>,
    /// The last task that panicked; of interest as long as its turn lasts.
    unheard: Cell<Option<Unheard>>,
    /// Whether the hook is running.
    reporting: Cell<bool>,
    /// Whether the executor is being dropped.
    closing: Cell<bool>,
}

/// What is recorded of one task.
pub(crate) struct Record {
    task: ReportedTask,
    spawned: Instant,
    polls: Cell<u64>,
    busy: Cell<Duration>,
    /// When the poll that is under way began.
    polled: Cell<Option<Instant>>,
    /// Where the last poll cloned its waker, if that was looked at.
    places: RefCell<Option<Rc<[Backtrace]>>>,
}

/// What a dump shows of a [`Record`].
pub(crate) struct Recorded {
    pub(crate) task: ReportedTask,
    pub(crate) age: Duration,
    pub(crate) polls: u64,
    pub(crate) busy: Duration,
    pub(crate) places: Option<Rc<[Backtrace]>>,
}

impl Watch {
    pub(crate) fn new() -> Self {
        Watch {
            options: RefCell::new(None),
            records: RefCell::default(),
            unheard: Cell::new(None),
            reporting: Cell::new(false),
            closing: Cell::new(false),
        }
    }

    /// Sets the options and returns the old ones.
    #[must_use = "what options own may do anything when it is dropped"]
    pub(crate) fn set_options(&self, options: Option<DebugOptions>) -> Option<DebugOptions> {
        self.options.replace(options)
    }

    pub(crate) fn options(&self) -> Option<DebugOptions> {
        self.options.borrow().clone()
    }

    pub(crate) fn is_on(&self) -> bool {
        self.options.borrow().is_some()
    }

    /// Notes that whatever is dropped from now on is dropped with the executor.
    pub(crate) fn close(&self) {
        self.closing.set(true);
    }

    /// Starts a record.
    fn record(&self, slot: u32, task: ReportedTask, spawned: Instant) -> Rc<Record> {
        let record = Rc::new(Record {
            task,
            spawned,
            polls: Cell::new(0),
            busy: Cell::default(),
            polled: Cell::new(None),
            places: RefCell::new(None),
        });
        self.records.borrow_mut().insert(slot, Rc::clone(&record));
        record
    }

    /// Ends the record of the entry in this slot, if there is one.
    pub(crate) fn forget(&self, slot: u32) {
        self.records.borrow_mut().remove(&slot);
    }

    /// Looks a record up. The time is passed in, since the clock may be any code.
    pub(crate) fn recorded(&self, slot: u32, now: Instant) -> Option<Recorded> {
        let record = Rc::clone(self.records.borrow().get(&slot)?);
        let polling = match record.polled.get() {
            Some(since) => now.saturating_duration_since(since),
            None => Duration::ZERO,
        };
        Some(Recorded {
            task: record.task.clone(),
            age: now.saturating_duration_since(record.spawned),
            polls: record.polls.get(),
            busy: record.busy.get() + polling,
            places: record.places.borrow().clone(),
        })
    }

    /// Returns where a task was spawned.
    pub(crate) fn location(&self, id: TaskId) -> Option<&'static Location<'static>> {
        let records = self.records.borrow();
        let record = records.get(&id.slot())?;
        record.task.location.filter(|_| record.task.id == id)
    }

    /// Gives a report to the hook.
    pub(crate) fn report(&self, report: Report) {
        let Some(DebugOptions { hook, .. }) = self.options() else {
            return;
        };
        // A hook that causes reports would otherwise call itself for ever.
        if self.reporting.replace(true) {
            return;
        }
        // The hook may just have been replaced by itself: its destructor is covered, too.
        let called = panic::catch_unwind(AssertUnwindSafe(move || hook(&report)));
        self.reporting.set(false);
        if let Err(payload) = called {
            // The panic has been printed. Its payload may panic again when it is dropped, and so may
            // the payload of that: this one is kept for ever.
            let dropped = panic::catch_unwind(AssertUnwindSafe(|| drop(payload)));
            dropped.unwrap_or_else(mem::forget);
        }
    }

    /// Polls a task or main future, and records it. A panic is passed on, after `panicked` was told.
    fn poll(
        &self,
        record: &Record,
        waker: &Waker,
        poll: &mut dyn FnMut(&Waker),
        panicked: &dyn Fn(&(dyn Any + Send)),
    ) {
        let Some(options) = self.options() else {
            return poll(waker);
        };
        record.polls.set(record.polls.get() + 1);
        let begin = (options.clock)();
        record.polled.set(Some(begin));
        let places = Places::default();
        // What has to be noted is noted also if the poll panics.
        let polled = panic::catch_unwind(AssertUnwindSafe(|| match options.backtraces {
            true => observe_waker(waker, &places, poll),
            false => poll(waker),
        }));
        record.polled.set(None);
        record
            .places
            .replace(options.backtraces.then(|| places.into()));
        let took = (options.clock)().saturating_duration_since(begin);
        record.busy.set(record.busy.get() + took);
        if took >= options.slow_poll {
            self.report(Report::SlowPoll {
                task: record.task.clone(),
                took,
                threshold: options.slow_poll,
            });
        }
        if let Err(payload) = polled {
            panicked(&*payload);
            panic::resume_unwind(payload);
        }
    }

    /// Takes what was noted of a panic, if it was a panic of this task.
    pub(crate) fn take_unheard(&self, id: TaskId) -> Option<Unheard> {
        let unheard = self.unheard.take()?;
        if unheard.task.id == id {
            return Some(unheard);
        }
        self.unheard.set(Some(unheard));
        None
    }
}

/// The panic of a task, of which nobody may ever learn.
pub(crate) struct Unheard {
    task: ReportedTask,
    message: Option<Rc<str>>,
}

/// Returns the text of a panic.
fn text(payload: &(dyn Any + Send)) -> Option<Rc<str>> {
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    text.map(Rc::from)
}

/// Takes a backtrace whenever the waker of a poll is cloned.
#[derive(Default)]
struct Places(Mutex<Vec<Backtrace>>);

impl WakerObserver for Places {
    fn clone_waker(&self, waker: &Waker) -> Waker {
        let mut places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if places.len() < PLACES {
            places.push(Backtrace::force_capture());
        }
        drop(places);
        waker.clone()
    }
}

impl From<Places> for Rc<[Backtrace]> {
    fn from(places: Places) -> Self {
        let places = places.0.into_inner();
        places.unwrap_or_else(PoisonError::into_inner).into()
    }
}

/// What watches a task.
pub(crate) struct Watcher {
    recorder: Option<Recorder>,
    trace: Trace,
}

/// What a task that was spawned in debug mode holds.
struct Recorder {
    watch: Rc<Watch>,
    record: Rc<Record>,
    slot: u32,
    finished: bool,
}

impl Watcher {
    /// Makes the watcher of a task that is about to be spawned, whose future has this size.
    pub(crate) fn new<Q: ReadyQueue>(
        local: &Local<Q>,
        task: ReportedTask,
        slot: u32,
        size: usize,
    ) -> Self {
        let trace = Trace::task(&task, size);
        let watch = local.watch.get();
        let on = watch.and_then(|watch| Some((watch, watch.options()?)));
        let recorder = on.map(|(watch, options)| Recorder {
            record: watch.record(slot, task, (options.clock)()),
            watch: Rc::clone(watch),
            slot,
            finished: false,
        });
        Watcher { recorder, trace }
    }

    /// Polls the task.
    fn poll(&mut self, meta: &TaskMeta, waker: &Waker, poll: &mut dyn FnMut(&Waker) -> bool) {
        // The waker in the task table is nothing that the task waits with: it is not observed.
        let wants_waker = meta.shared.wants_waker();
        meta.shared.set_wants_waker(false);
        let mut finished = false;
        let Watcher { recorder, trace } = self;
        trace.poll(waker, |waker| match recorder {
            Some(recorder) => finished = recorder.poll(meta, waker, poll),
            None => finished = poll(waker),
        });
        if wants_waker && !finished {
            spawn::keep_waker(meta, waker);
        }
    }
}

impl Recorder {
    fn poll(
        &mut self,
        meta: &TaskMeta,
        waker: &Waker,
        poll: &mut dyn FnMut(&Waker) -> bool,
    ) -> bool {
        // A poll that unwinds is the last one, too.
        self.finished = true;
        let mut finished = false;
        let mut poll = |waker: &Waker| finished = poll(waker);
        let panicked = |payload: &(dyn Any + Send)| {
            self.watch.unheard.set(Some(Unheard {
                task: self.record.task.clone(),
                message: text(payload),
            }));
            meta.shared.home.at_home(|home| home.note_panic());
        };
        self.watch.poll(&self.record, waker, &mut poll, &panicked);
        self.finished = finished;
        finished
    }
}

/// The future of a watched task.
pub(crate) struct Watched<'m, F> {
    /// `None` while it is being dropped.
    future: Option<Pin<Box<F>>>,
    meta: &'m TaskMeta,
    watcher: Watcher,
}

impl<'m, F> Watched<'m, F> {
    pub(crate) fn new(future: F, meta: &'m TaskMeta, watcher: Watcher) -> Self {
        Watched {
            future: Some(Box::pin(future)),
            meta,
            watcher,
        }
    }
}

impl<F: Future> Future for Watched<'_, F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let Watched {
            future,
            meta,
            watcher,
        } = &mut *self;
        let future = future.as_mut().expect("taken by the destructor only");
        let mut output = Poll::Pending;
        // All that does not depend on the type of the future is behind this call.
        watcher.poll(meta, cx.waker(), &mut |waker| {
            output = future.as_mut().poll(&mut Context::from_waker(waker));
            output.is_ready()
        });
        output
    }
}

impl<F> Drop for Watched<'_, F> {
    fn drop(&mut self) {
        let Watched {
            future,
            watcher: Watcher { recorder, trace },
            ..
        } = self;
        trace.enter(|| {
            drop(future.take());
            // The slot has just become free: nothing may come between.
            if let Some(recorder) = recorder {
                recorder.watch.forget(recorder.slot);
            }
        });
        // A task is reported when its future is gone, destructors and all.
        if let Some(recorder) = recorder {
            recorder.end();
        }
    }
}

impl Recorder {
    /// Reports the task if it has not finished.
    fn end(&self) {
        if !self.finished {
            self.watch.report(Report::DroppedUnfinished {
                task: self.record.task.clone(),
                polls: self.record.polls.get(),
                executor_dropped: self.watch.closing.get(),
            });
        }
    }
}

/// Reports the panic of a task that is freed in the very turn of the panic: no handle is left.
#[cold]
pub(crate) fn task_is_freed(meta: &TaskMeta) {
    let TaskMeta {
        shared,
        slot,
        generation,
    } = meta;
    let unheard = shared
        .home
        .at_home(|home| home.take_unheard(*slot, *generation));
    if let Some(Some((watch, Unheard { task, message }))) = unheard {
        watch.report(Report::UnheardPanic { task, message });
    }
}

impl<Q: ReadyQueue> Local<Q> {
    /// Returns whether a task that is spawned now gets a [`Watched`] future.
    #[inline]
    pub(crate) fn is_watching(&self) -> bool {
        self.shared.is_watched() || Trace::is_enabled()
    }

    /// Polls a main future in debug mode.
    #[cold]
    pub(crate) fn poll_main_watched<F: Future>(
        &self,
        slot: u32,
        waker: &Waker,
        mut future: Pin<&mut F>,
    ) -> Poll<F::Output> {
        let watch = self.watch.get().cloned();
        let Some((watch, options)) = watch.and_then(|watch| {
            let options = watch.options()?;
            Some((watch, options))
        }) else {
            return future.poll(&mut Context::from_waker(waker));
        };
        let found = watch.records.borrow().get(&slot).cloned();
        let record = found.unwrap_or_else(|| {
            let now = (options.clock)();
            watch.record(slot, self.reported(slot), now)
        });
        let mut output = Poll::Pending;
        let mut poll = |waker: &Waker| {
            output = future.as_mut().poll(&mut Context::from_waker(waker));
        };
        // A panic of a main future goes to the caller: it is heard.
        watch.poll(&record, waker, &mut poll, &|_| ());
        output
    }

    /// Returns what a report says of the entry in this slot, which is in use.
    pub(crate) fn reported(&self, slot: u32) -> ReportedTask {
        if let Some(record) = self
            .watch
            .get()
            .and_then(|watch| watch.records.borrow().get(&slot).cloned())
        {
            return record.task.clone();
        }
        let state = self.state.borrow();
        ReportedTask {
            id: self.id_of(&state, slot),
            name: match state.table.slot(slot).kind {
                Kind::Main => Some(Rc::from("main")),
                _ => state.names.get(&slot).cloned(),
            },
            location: None,
        }
    }
}
