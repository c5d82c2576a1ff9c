//! The spans and events that tokio-console understands, as a subscriber gets them.
#![cfg(all(feature = "tracing", not(loom)))]

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::future::{pending, poll_fn};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Poll, Waker};
use std::thread;

use corokit_scheduler::{DebugOptions, LocalExecutor};
use futures_lite::future::{block_on, yield_now};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// Writes down what happens.
#[derive(Clone, Default)]
struct Recorder(Arc<State>);

#[derive(Default)]
struct State {
    last_span: AtomicU64,
    /// Everything in order: the id of the span, and what.
    log: Mutex<Vec<(u64, String)>>,
    spans: Mutex<BTreeMap<u64, Fields>>,
}

type Fields = BTreeMap<&'static str, String>;

/// Collects the fields of a span or event as text.
#[derive(Default)]
struct Collect(Fields);

impl Visit for Collect {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.into());
    }
}

impl Recorder {
    fn note(&self, span: u64, what: impl Into<String>) {
        let mut log = self.0.log.lock().unwrap_or_else(PoisonError::into_inner);
        log.push((span, what.into()));
    }

    /// Takes what happened to this span.
    fn take(&self, span: u64) -> Vec<String> {
        let mut log = self.0.log.lock().unwrap();
        let (mine, others) = log.drain(..).partition(|(id, _)| *id == span);
        *log = others;
        let mine: Vec<(u64, String)> = mine;
        mine.into_iter().map(|(_, what)| what).collect()
    }

    /// Takes the ids and fields of the spans since the last call.
    fn spans(&self) -> Vec<(u64, Fields)> {
        std::mem::take(&mut *self.0.spans.lock().unwrap())
            .into_iter()
            .collect()
    }
}

impl Subscriber for Recorder {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        let metadata = attributes.metadata();
        assert_eq!(
            (metadata.target(), metadata.name()),
            ("tokio::task", "runtime.spawn")
        );
        assert!(attributes.is_root());
        let id = self.0.last_span.fetch_add(1, Ordering::Relaxed) + 1;
        let mut fields = Collect::default();
        attributes.record(&mut fields);
        self.0.spans.lock().unwrap().insert(id, fields.0);
        Id::from_u64(id)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        assert_eq!(event.metadata().target(), "tokio::task::waker");
        let mut fields = Collect::default();
        event.record(&mut fields);
        let span = fields.0["task.id"].parse().unwrap();
        self.note(span, fields.0["op"].clone());
    }

    fn enter(&self, span: &Id) {
        self.note(span.into_u64(), "enter");
    }

    fn exit(&self, span: &Id) {
        self.note(span.into_u64(), "exit");
    }

    fn try_close(&self, span: Id) -> bool {
        self.note(span.into_u64(), "close");
        true
    }
}

/// Calls `test` with everything it does being recorded.
fn recorded(test: impl FnOnce(&Recorder)) {
    let recorder = Recorder::default();
    tracing::subscriber::with_default(recorder.clone(), || test(&recorder));
}

fn run_dry(executor: &LocalExecutor<'_>) {
    while executor.try_tick() {}
}

#[test]
fn a_task_is_a_span_with_the_fields_that_the_console_reads() {
    recorded(|recorder| {
        let executor = LocalExecutor::new();
        let capture = [1_u8; 100];
        let line = line!() + 1;
        let named = executor.task().name("worker").spawn(async move {
            yield_now().await;
            capture.len()
        });
        let unnamed = executor.spawn(async {});
        let spans = recorder.spans();
        let [(_, first), (_, second)] = &*spans else {
            panic!("{spans:?}")
        };
        assert_eq!(first["kind"], "task");
        assert_eq!(first["task.name"], "worker");
        assert_eq!(first["corokit.id"], named.metadata().id().to_string());
        assert!(first["size.bytes"].parse::<u64>().unwrap() >= 100);
        assert_eq!(first["loc.file"], file!());
        assert_eq!(first["loc.line"], line.to_string());
        assert!(first["loc.col"].parse::<u32>().unwrap() > 1);
        assert!(!second.contains_key("task.name"));
        let number = |fields: &Fields| fields["task.id"].parse::<u64>().unwrap();
        assert!(number(first) < number(second));
        run_dry(&executor);
        drop((named, unnamed));
    });
}

#[test]
fn each_poll_is_inside_of_the_span_which_closes_with_the_future() {
    recorded(|recorder| {
        let executor = LocalExecutor::new();
        let task = executor.spawn(yield_now());
        let (span, _) = recorder.spans()[0].clone();
        assert!(executor.try_tick());
        assert_eq!(recorder.take(span), ["enter", "waker.wake_by_ref", "exit"]);
        assert!(executor.try_tick());
        // The destructor of the future is part of the task, too.
        assert_eq!(
            recorder.take(span),
            ["enter", "exit", "enter", "exit", "close"]
        );
        assert!(task.is_finished());
    });
}

#[test]
fn wakers_are_counted_so_that_none_seems_lost() {
    recorded(|recorder| {
        let executor = LocalExecutor::new();
        let (sender, receiver) = std::sync::mpsc::channel::<Waker>();
        let task = executor.spawn(poll_fn(move |cx| {
            sender.send(cx.waker().clone()).unwrap();
            Poll::<()>::Pending
        }));
        let (span, _) = recorder.spans()[0].clone();
        assert!(executor.try_tick());
        assert_eq!(recorder.take(span), ["enter", "waker.clone", "exit"]);

        // Used up, with a copy around and without.
        let waker = receiver.recv().unwrap();
        let copy = waker.clone();
        waker.wake();
        assert_eq!(recorder.take(span), ["waker.wake_by_ref"]);
        assert!(executor.try_tick());
        assert_eq!(recorder.take(span), ["enter", "waker.clone", "exit"]);
        copy.wake();
        assert_eq!(recorder.take(span), ["waker.wake"]);
        assert!(executor.try_tick());
        recorder.take(span);

        // Dropped, also on another thread, which needs the subscriber to be told.
        let (second, third) = (receiver.recv().unwrap(), receiver.recv().unwrap());
        drop(second);
        assert_eq!(recorder.take(span), ["waker.drop"]);
        let elsewhere = recorder.clone();
        let wake = || tracing::subscriber::with_default(elsewhere, || third.wake_by_ref());
        thread::scope(|scope| scope.spawn(wake).join().unwrap());
        assert_eq!(recorder.take(span), ["waker.wake_by_ref"]);
        assert_eq!(executor.ready_len(), 1);
        drop(task);
    });
}

#[test]
fn the_main_future_is_a_task_of_its_own_kind() {
    recorded(|recorder| {
        let executor = LocalExecutor::new();
        block_on(executor.run(yield_now()));
        let spans = recorder.spans();
        let [(span, fields)] = &*spans else {
            panic!("{spans:?}")
        };
        assert_eq!(fields["kind"], "block_on");
        assert_eq!(fields["task.name"], "main");
        assert!(!fields.contains_key("loc.file"));
        assert_eq!(
            recorder.take(*span),
            [
                "enter",
                "waker.wake_by_ref",
                "exit",
                "enter",
                "exit",
                "close"
            ]
        );
    });
}

#[test]
fn tasks_that_are_never_polled_or_panic_close_their_spans() {
    recorded(|recorder| {
        let executor = LocalExecutor::new();
        drop(executor.spawn(async {}));
        let panics = executor.spawn(async { panic!("traced") });
        corokit_scheduler::Task::<()>::detach(panics);
        executor.spawn(pending::<()>()).detach();
        run_dry(&executor);
        drop(executor);
        let logs: Vec<_> = recorder
            .spans()
            .into_iter()
            .map(|(span, _)| recorder.take(span))
            .collect();
        let polled = ["enter", "exit", "enter", "exit", "close"].map(String::from);
        assert_eq!(logs[0], polled[2..]);
        assert_eq!(logs[1], polled);
        assert_eq!(logs[2], polled);
    });
}

#[test]
fn tracing_and_debug_mode_go_together() {
    recorded(|recorder| {
        let (_sender, channel) = async_channel::unbounded::<()>();
        let executor = LocalExecutor::new();
        executor.set_debug(Some(DebugOptions::new().hook(|_| ())));
        let task = executor.spawn(async move { channel.recv().await });
        let (span, _) = recorder.spans()[0].clone();
        run_dry(&executor);
        let dump = executor.task_dump();
        assert_eq!(dump.tasks()[0].waits_at().unwrap().len(), 1);
        let log = recorder.take(span);
        assert!(log.contains(&"waker.clone".into()), "{log:?}");
        drop(task);
    });
}

#[test]
fn without_a_subscriber_nothing_is_wrapped() {
    let executor = LocalExecutor::new();
    let task = executor.spawn(yield_now());
    recorded(|recorder| {
        // It was spawned before anybody asked.
        run_dry(&executor);
        assert!(recorder.spans().is_empty());
    });
    assert!(task.is_finished());
}
