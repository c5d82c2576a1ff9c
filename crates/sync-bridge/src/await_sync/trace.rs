//! Where a future blocks: the stack at which it keeps the waker.

use std::any::Any;
use std::backtrace::Backtrace;
use std::fmt::{self, Write};
use std::sync::Mutex;
use std::task::Waker;

use corokit_core::WakerObserver;

use super::drive::{kept_waker, note_wake};
use super::error::Where;

/// Records the stack at which the observed waker was cloned first. It is symbolicated only when it
/// is printed.
#[derive(Default)]
pub(super) struct Recorder(Mutex<Option<Backtrace>>);

impl Recorder {
    pub(super) fn into_where(self) -> Where {
        let trace = self.0.into_inner().unwrap_or_else(|e| e.into_inner());
        Where(trace.map(Box::new))
    }
}

impl WakerObserver for Recorder {
    fn clone_waker(&self, _: &Waker) -> Waker {
        let mut trace = self.0.lock().unwrap_or_else(|e| e.into_inner());
        if trace.is_none() {
            *trace = Some(Backtrace::force_capture());
        }
        kept_waker()
    }

    fn wake_by_ref(&self, _: &Waker) {
        note_wake();
    }

    fn as_any(&self) -> Option<&dyn Any> {
        Some(self)
    }
}

/// What tells the frame that records. With debug information a name may lack its path, but then
/// the place is there.
const RECORDING: [&str; 2] = [
    "Recorder as corokit_core::waker::WakerObserver>::clone_waker",
    "src/await_sync/trace.rs",
];

/// What tells the frames between the leaf and that one.
const CLONING: [&str; 5] = [
    "corokit_core::waker::",
    "core/src/waker.rs",
    "Waker as ",
    "Waker::clone",
    "core/src/task/wake.rs",
];

/// What tells the frame that polls the future.
const DRIVING: [&str; 2] = ["await_sync::drive::", "src/await_sync/drive.rs"];

/// A frame: its name, and its place if that is known.
type Frame<'a> = (&'a str, Option<&'a str>);

fn is_one_of((name, place): &Frame<'_>, marks: &[&str]) -> bool {
    let text = [*name, place.unwrap_or_default()];
    marks
        .iter()
        .any(|mark| text.iter().any(|text| text.contains(mark)))
}

/// Writes the frames between the leaf and the drive, innermost first, each with its place if that
/// is known. Writes the whole stack if the two cannot be told, for want of symbols.
pub(super) fn write_frames(trace: &Backtrace, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut text = String::new();
    write!(text, "{trace}")?;
    match frames(&text) {
        Some(frames) => {
            for (name, place) in frames {
                match place {
                    Some(place) => write!(f, "\n  {name}\n    at {place}")?,
                    None => write!(f, "\n  {name}")?,
                }
            }
            Ok(())
        }
        None => write!(f, "\n{}", text.trim_end()),
    }
}

/// Cuts the future's part out of a printed stack.
fn frames(text: &str) -> Option<Vec<Frame<'_>>> {
    let mut all: Vec<Frame<'_>> = Vec::new();
    for line in text.lines() {
        let line = line.trim();
        if let Some(place) = line.strip_prefix("at ") {
            all.last_mut()?.1 = Some(place);
        } else {
            // `12: name`; frames inlined into one another have no number of their own.
            let name = match line.split_once(": ") {
                Some((number, name)) if number.bytes().all(|b| b.is_ascii_digit()) => name,
                _ => line,
            };
            all.push((name, None));
        }
    }
    let is = |marks: &'static [&'static str]| move |frame: &Frame<'_>| is_one_of(frame, marks);
    let end = all.iter().position(is(&DRIVING))?;
    let recording = all[..end].iter().position(is(&RECORDING))?;
    let after = &all[recording + 1..end];
    let cloning = after
        .iter()
        .take_while(|frame| is_one_of(frame, &CLONING))
        .count();
    let frames = after[cloning..].to_vec();
    (!frames.is_empty()).then_some(frames)
}

#[cfg(test)]
mod tests {
    use super::frames;

    #[test]
    fn only_the_frames_of_the_future_are_shown() {
        let text = "\
   0: std::backtrace::Backtrace::create
   1: <corokit_sync_bridge::await_sync::trace::Recorder as corokit_core::waker::WakerObserver>::clone_waker
             at ./src/trace.rs:31:13
   2: corokit_core::waker::clone
   3: <core::task::wake::Waker as core::clone::Clone>::clone
   4: leaf::{{closure}}
             at ./tests/leaf.rs:7:9
      inlined::{{closure}}
   5: corokit_sync_bridge::await_sync::drive::step::{{closure}}
   6: main
";
        let expected = [
            ("leaf::{{closure}}", Some("./tests/leaf.rs:7:9")),
            ("inlined::{{closure}}", None),
        ];
        assert_eq!(frames(text).unwrap(), expected);
    }

    #[test]
    fn without_symbols_nothing_is_cut() {
        assert_eq!(frames("   0: <unknown>\n   1: <unknown>\n"), None);
        assert_eq!(frames("disabled backtrace"), None);
        assert_eq!(frames(""), None);
    }
}
