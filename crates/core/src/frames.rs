//! Reading a backtrace: where in the program a future waits.

use std::backtrace::Backtrace;
use std::fmt;

/// One line of the program on the way from a task to what it waits for.
///
/// What it knows depends on the debug information that the program was built with.
///
/// # Examples
///
/// See [`frames_of`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Frame {
    function: String,
    /// File, line and column.
    place: Option<String>,
}

impl Frame {
    /// Returns the name of the function, as the compiler calls it: `{async_fn#0}` or
    /// `{{closure}}` at the end stands for the body of an async function or block.
    ///
    /// # Examples
    ///
    /// See [`frames_of`].
    pub fn function(&self) -> &str {
        &self.function
    }

    /// Returns the file, line and column, as in `src/main.rs:10:5`, if they are known.
    ///
    /// # Examples
    ///
    /// See [`frames_of`].
    pub fn place(&self) -> Option<&str> {
        self.place.as_deref()
    }
}

impl fmt::Display for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Some(place) => write!(f, "{} at {place}", self.function),
            None => f.write_str(&self.function),
        }
    }
}

/// Lists the frames of a backtrace that was taken when an [observed waker](crate::observe_waker) was
/// cloned, from what waits outward to the task, without the machinery at both ends and without the
/// standard library.
///
/// `machinery` names the modules that poll with the observed waker, as in `"my_crate::watch::"`. What
/// is left is what lies between them and the clone of the waker. A backtrace that has nothing there is
/// listed whole.
///
/// The standard library gives frames as text only, in a form that it does not promise. What is not
/// understood is shown as it is. This takes some microseconds for each frame, and the first call of a
/// process reads the debug information, which may take a second.
///
/// # Examples
///
/// ```
/// use corokit_core::{WakerObserver, frames_of, observe_waker};
/// use std::backtrace::Backtrace;
/// use std::sync::Mutex;
/// use std::task::Waker;
///
/// #[derive(Default)]
/// struct Places(Mutex<Vec<Backtrace>>);
///
/// impl WakerObserver for Places {
///     fn clone_waker(&self, waker: &Waker) -> Waker {
///         self.0.lock().unwrap().push(Backtrace::force_capture());
///         waker.clone()
///     }
/// }
///
/// fn leaf(waker: &Waker) {
///     drop(waker.clone());
/// }
///
/// let places = Places::default();
/// observe_waker(Waker::noop(), &places, leaf);
/// let frames = frames_of(&places.0.lock().unwrap()[0], &[]);
/// assert!(frames.iter().any(|frame| frame.function().contains("leaf")));
/// assert!(frames.iter().all(|frame| frame.place() != Some("")));
/// ```
pub fn frames_of(backtrace: &Backtrace, machinery: &[&str]) -> Vec<Frame> {
    trim(parse(&backtrace.to_string()), machinery)
}

/// Reads lines `  12: function` and `             at file:line:column`.
fn parse(text: &str) -> Vec<Frame> {
    let mut frames: Vec<Frame> = Vec::new();
    for line in text.lines().map(str::trim) {
        if let Some(place) = line.strip_prefix("at ") {
            if let Some(frame) = frames.last_mut() {
                let place = place.strip_prefix("./").unwrap_or(place);
                frame.place = Some(place.to_owned());
            }
            continue;
        }
        let numbered = line.split_once(": ");
        let function = match numbered {
            Some((number, function)) if number.parse::<u32>().is_ok() => function,
            _ => line,
        };
        frames.push(Frame {
            function: function.to_owned(),
            place: None,
        });
    }
    frames
}

/// Leaves away what is above the clone of the waker, what is below the task's own future, and the
/// standard library between them.
fn trim(frames: Vec<Frame>, machinery: &[&str]) -> Vec<Frame> {
    let is_machinery = |frame: &Frame| {
        let mut modules = machinery.iter().chain(&["corokit_core::waker::"]);
        modules.any(|module| frame.function.contains(module))
    };
    let first = frames.iter().position(is_machinery);
    let rest = first.map_or(&*frames, |first| &frames[first..]);
    let waits = rest.iter().skip_while(|frame| is_machinery(frame));
    let waits = waits.take_while(|frame| !is_machinery(frame));
    let own: Vec<Frame> = waits.filter(|frame| !is_std(frame)).cloned().collect();
    if own.is_empty() { frames } else { own }
}

/// Returns whether a frame belongs to the standard library.
fn is_std(frame: &Frame) -> bool {
    let in_std = |place: &str| place.starts_with("/rustc/") || place.contains("/library/core/src/");
    let function = frame.function.trim_start_matches(['<', '&']);
    frame.place.as_deref().is_some_and(in_std)
        || ["core::", "alloc::", "std::"]
            .iter()
            .any(|name| function.starts_with(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        let frames = trim(parse(text), &["corokit_scheduler::"]);
        frames.iter().map(ToString::to_string).collect()
    }

    const WHOLE: &str = "\
   0: std::backtrace::Backtrace::force_capture
             at /rustc/abc/library/std/src/backtrace.rs:312:9
   1: <corokit_scheduler::watch::Places as corokit_core::waker::WakerObserver>::clone_waker
             at ./crates/scheduler/src/watch.rs:1:2
   2: corokit_core::waker::clone
             at ./crates/core/src/waker.rs:3:4
   3: <core::task::wake::Waker as core::clone::Clone>::clone
             at /rustc/abc/library/core/src/task/wake.rs:5:6
   4: my::leaf::{{closure}}
             at ./src/leaf.rs:7:8
   5: <core::future::poll_fn::PollFn<F> as core::future::future::Future>::poll
   6: my::task::{{closure}}
             at /home/me/src/task.rs:9:10
   7: corokit_scheduler::watch::Recorder::poll
   8: my::main
";

    #[test]
    fn what_is_left_is_the_program_between_the_machinery() {
        assert_eq!(
            lines(WHOLE),
            [
                "my::leaf::{{closure}} at src/leaf.rs:7:8",
                "my::task::{{closure}} at /home/me/src/task.rs:9:10",
            ]
        );
    }

    #[test]
    fn what_cannot_be_trimmed_is_shown_whole() {
        assert_eq!(
            lines("   0: std::one\n   1: std::two\n"),
            ["std::one", "std::two"]
        );
        assert_eq!(lines("unsupported backtrace\n"), ["unsupported backtrace"]);
        assert_eq!(lines(""), Vec::<String>::new());
    }

    #[test]
    fn odd_lines_do_no_harm() {
        assert_eq!(lines("at nowhere\n: \n 7: \nx: y\n"), [":", "7:", "x: y"]);
    }
}
