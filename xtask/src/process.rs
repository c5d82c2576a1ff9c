//! Runs other programs: shown to the person who looks on, or read by xtask, or both.

use std::env;
use std::io::{self, BufRead, BufReader, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use crate::failure::{Context, Failure, Result};

/// The cargo that started xtask.
pub(crate) fn cargo() -> Command {
    Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// Cargo of the toolchain that rustup knows as `toolchain`.
pub(crate) fn cargo_of(toolchain: &str) -> Command {
    let mut command = Command::new("rustup");
    command.args(["run", toolchain, "cargo"]);
    command
}

/// Runs a program whose output goes where xtask's goes. An exit code other than 0 is a failure.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    announce(command);
    let status = command.status().context(program_of(command))?;
    if status.success() {
        Ok(())
    } else {
        Err(Failure::other(format!(
            "`{}` ended with {status}",
            program_of(command)
        )))
    }
}

/// Runs a program, shows its output line by line and also returns it, with whether it exited with 0.
pub(crate) fn run_and_read(command: &mut Command) -> Result<(bool, String)> {
    announce(command);
    // Programs leave colours out when they write into a pipe. The person at the terminal shall still have them.
    if io::stderr().is_terminal() {
        command.env("CARGO_TERM_COLOR", "always");
    }
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context(program_of(command))?;
    let stdout = child.stdout.take();
    let stderr = child.stderr.take();
    let text = Mutex::new(Vec::new());
    thread::scope(|scope| {
        scope.spawn(|| show_and_keep(stdout, io::stdout(), &text));
        scope.spawn(|| show_and_keep(stderr, io::stderr(), &text));
    });
    let status = child.wait().context(program_of(command))?;
    let text = text.into_inner().unwrap_or_default();
    Ok((
        status.success(),
        String::from_utf8_lossy(&text).into_owned(),
    ))
}

/// Copies `source` line by line to `shown` and into `kept`, until it ends.
fn show_and_keep(source: Option<impl Read>, mut shown: impl Write, kept: &Mutex<Vec<u8>>) {
    let Some(source) = source else { return };
    let mut source = BufReader::new(source);
    let mut line = Vec::new();
    while matches!(source.read_until(b'\n', &mut line), Ok(1..)) {
        // A closed output must not stop the program that is being watched.
        let _ = shown.write_all(&line).and_then(|()| shown.flush());
        if let Ok(mut kept) = kept.lock() {
            kept.extend_from_slice(&line);
        }
        line.clear();
    }
}

/// Runs a program out of sight and returns what it wrote to its standard output and, after it, its standard error.
pub(crate) fn read(command: &mut Command) -> Result<(String, String)> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .context(program_of(command))?;
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() {
        Ok((stdout, stderr))
    } else {
        Err(Failure::other(format!(
            "`{}` ended with {}: {}",
            line_of(command),
            output.status,
            stderr.trim()
        )))
    }
}

/// Like [`read`], for what takes long: shows what runs, and its standard error. Returns the standard output.
pub(crate) fn read_announced(command: &mut Command) -> Result<String> {
    announce(command);
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .context(program_of(command))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        let status = output.status;
        Err(Failure::other(format!(
            "`{}` ended with {status}",
            program_of(command)
        )))
    }
}

/// Makes a command end after a time, as an interrupt from the keyboard would end it. That is no failure: see
/// [`run_for`].
fn limited(command: &Command, time: Duration) -> Command {
    let mut limited = Command::new("timeout");
    limited
        .args(["--signal=INT", "--kill-after=30"])
        .arg(time.as_secs().max(1).to_string())
        .arg(command.get_program())
        .args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => limited.env(name, value),
            None => limited.env_remove(name),
        };
    }
    limited
}

/// Runs a program for a time, then interrupts it. Returns its exit code, or `None` if the time was over first.
pub(crate) fn run_for(command: &Command, time: Duration) -> Result<Option<i32>> {
    let mut command = limited(command, time);
    announce(&command);
    let status = command.status().context(program_of(&command))?;
    match status.code() {
        // What `timeout` says when it had to act; 137 if it had to act twice.
        Some(124 | 137) => Ok(None),
        Some(code) => Ok(Some(code)),
        None => Err(Failure::other(format!("it ended with {status}"))),
    }
}

/// Whether a program of this name can be started.
pub(crate) fn on_path(program: &str) -> bool {
    env::var_os("PATH")
        .is_some_and(|path| env::split_paths(&path).any(|folder| folder.join(program).is_file()))
}

/// The value of `PATH` with `folder` put in front.
pub(crate) fn path_with(folder: &Path) -> Result<std::ffi::OsString> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = std::iter::once(folder.to_path_buf())
        .chain(env::split_paths(&path))
        .collect();
    env::join_paths(folders).context("PATH")
}

/// Prints the line that a person would type to do the same.
fn announce(command: &Command) {
    let variables = command.get_envs().filter_map(|(name, value)| {
        let value = value?.to_string_lossy();
        // `PATH` is long and tells nothing.
        (name != "PATH").then(|| format!("{}={}", name.to_string_lossy(), quoted(&value)))
    });
    let line: Vec<String> = variables.chain([line_of(command)]).collect();
    eprintln!("$ {}", line.join(" "));
}

/// The program and its arguments, as one line.
fn line_of(command: &Command) -> String {
    let arguments = command
        .get_args()
        .map(|word| quoted(&word.to_string_lossy()));
    let words: Vec<String> = [program_of(command)].into_iter().chain(arguments).collect();
    words.join(" ")
}

/// The program's name without its folder.
fn program_of(command: &Command) -> String {
    let program = Path::new(command.get_program());
    program
        .file_name()
        .unwrap_or(command.get_program())
        .to_string_lossy()
        .into_owned()
}

/// Puts a word in quotes if a shell would otherwise take it apart.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=./:,+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{word}'")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_is_kept_from_both_streams_and_the_exit_code_told() {
        let script = "echo out; echo err >&2; exit 3";
        let (ok, text) = run_and_read(Command::new("sh").args(["-c", script])).unwrap();
        assert!(!ok);
        let mut lines: Vec<&str> = text.lines().collect();
        lines.sort_unstable();
        assert_eq!(lines, ["err", "out"]);
    }

    #[test]
    fn a_program_that_is_not_there_is_a_failure() {
        assert!(!on_path("no-such-program-at-all"));
        assert!(run(&mut Command::new("no-such-program-at-all")).is_err());
    }

    #[test]
    fn a_program_is_interrupted_when_its_time_is_over() {
        let script = |script: &str| {
            let mut command = Command::new("sh");
            command.args(["-c", script]).env("WORD", "7");
            command
        };
        let hour = Duration::from_secs(3600);
        assert_eq!(run_for(&script("exit $WORD"), hour).unwrap(), Some(7));
        let second = Duration::from_secs(1);
        assert_eq!(run_for(&script("exec sleep 3600"), second).unwrap(), None);
    }

    #[test]
    fn words_that_a_shell_would_split_are_quoted() {
        let mut command = Command::new("/usr/bin/cargo");
        command.args(["nextest", "-E", "not test(leak)"]);
        assert_eq!(line_of(&command), "cargo nextest -E 'not test(leak)'");
    }
}
