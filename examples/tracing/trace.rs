//! A corokit program as a trace that Perfetto (<https://ui.perfetto.dev>) and chrome://tracing show.
//!
//! ```text
//! cargo run --package corokit-tracing-examples --example trace -- trace.json
//! ```
//!
//! Each poll of a task is a slice with the task's name; each wake-up is an instant.

mod program;

use std::fmt;
use std::path::Path;
use std::time::Duration;

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing::{Subscriber, subscriber};
use tracing_chrome::{ChromeLayerBuilder, EventOrSpan};
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{Layer, registry};

fn main() {
    let path = std::env::args().nth(1);
    let path = path.unwrap_or_else(|| "trace.json".into());
    record(Path::new(&path), || {
        corokit_sched_loop::run(program::run(Duration::from_secs(2)));
    });
    println!("{path} is ready for https://ui.perfetto.dev");
}

/// Writes what `program` does to a file.
fn record(path: &Path, program: impl FnOnce()) {
    let (chrome, guard) = ChromeLayerBuilder::new()
        .file(path)
        .include_args(false)
        .name_fn(Box::new(name))
        .build();
    let subscriber = registry().with(Names).with(chrome);
    subscriber::with_default(subscriber, program);
    // The file is complete when this is dropped.
    drop(guard);
}

/// Keeps the names of the tasks with their spans, so that slices can be called by them.
struct Names;

struct TaskName(String);

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Names {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut name = FindName(None);
        attributes.record(&mut name);
        if let (FindName(Some(name)), Some(span)) = (name, context.span(id)) {
            span.extensions_mut().insert(TaskName(name));
        }
    }
}

struct FindName(Option<String>);

impl Visit for FindName {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "task.name" {
            self.0 = Some(value.to_owned());
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn fmt::Debug) {}
}

/// Finds what an event says was done to a waker.
struct FindOp(Option<String>);

impl Visit for FindOp {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "op" {
            self.0 = Some(value.to_owned());
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn fmt::Debug) {}
}

/// What a slice or an instant is called.
fn name<S>(what: &EventOrSpan<'_, '_, S>) -> String
where
    S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
{
    match what {
        EventOrSpan::Event(event) => {
            let mut op = FindOp(None);
            event.record(&mut op);
            op.0.unwrap_or_else(|| event.metadata().name().to_owned())
        }
        EventOrSpan::Span(span) => {
            let extensions = span.extensions();
            let named = extensions.get::<TaskName>();
            named.map_or_else(|| span.name().to_owned(), |name| name.0.clone())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn polls_are_slices_with_names_and_wakes_are_instants() {
        let name = format!("corokit-trace-{}.json", std::process::id());
        let path = std::env::temp_dir().join(name);
        record(&path, || {
            corokit_sched_loop::run(async {
                let task = corokit_sched_loop::task().name("traced");
                task.spawn(futures_lite::future::yield_now()).await;
            });
        });
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        let count = |phase: &str, name: &str| {
            let lines = text.lines();
            let matching = lines.filter(|line| {
                line.contains(&format!("\"ph\":\"{phase}\""))
                    && line.contains(&format!("\"name\":\"{name}\""))
            });
            matching.count()
        };
        // Two polls, and the destructor of the future.
        assert_eq!(
            (count("B", "traced"), count("E", "traced")),
            (3, 3),
            "{text}"
        );
        assert!(count("B", "main") >= 2, "{text}");
        assert!(count("i", "waker.wake_by_ref") >= 1, "{text}");
        assert!(text.trim_end().ends_with(']'), "{text}");
    }
}
