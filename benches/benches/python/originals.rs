//! The Python program that does the same work: started once, and asked for one measurement at a time.

use std::cell::RefCell;
use std::env;
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// Where the runner says which Python has the packages; without it, it is the one in the path.
const PYTHON: &str = "COROKIT_BENCH_PYTHON";

/// The running program.
pub(crate) struct Originals {
    child: Child,
    pipes: RefCell<(ChildStdin, BufReader<ChildStdout>)>,
    /// The works that it can do, each with who does it.
    can: Vec<(String, String)>,
    /// What is not installed, and why.
    pub(crate) lacks: Vec<String>,
}

impl Originals {
    /// Starts it and reads what it can do.
    pub(crate) fn start() -> io::Result<Self> {
        let python = env::var_os(PYTHON).unwrap_or_else(|| "python3".into());
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("python/originals.py");
        let mut child = Command::new(python)
            .arg(program)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let pipes = child.stdin.take().zip(child.stdout.take());
        let (stdin, stdout) = pipes.ok_or_else(|| io::Error::other("no pipes"))?;
        let mut originals = Self {
            child,
            pipes: RefCell::new((stdin, BufReader::new(stdout))),
            can: Vec::new(),
            lacks: Vec::new(),
        };
        loop {
            let line = originals.read_line()?;
            match line.split_once(' ') {
                Some(("can", rest)) => {
                    let (work, who) = rest.split_once(' ').unwrap_or((rest, ""));
                    originals.can.push((work.to_owned(), who.to_owned()));
                }
                Some(("lacks", rest)) => originals.lacks.push(rest.to_owned()),
                _ if line == "ready" => return Ok(originals),
                _ => return Err(io::Error::other(format!("it said `{line}`"))),
            }
        }
    }

    fn read_line(&self) -> io::Result<String> {
        let mut line = String::new();
        if self.pipes.borrow_mut().1.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(line.trim_end().to_owned())
    }

    /// Returns who can do a piece of work.
    pub(crate) fn who_can(&self, work: &str) -> Vec<String> {
        let can = self.can.iter().filter(|(can, _)| can == work);
        can.map(|(_, who)| who.clone()).collect()
    }

    /// Lets somebody do a piece of work `count` times: nanoseconds for each.
    pub(crate) fn measure(&self, work: &str, who: &str, count: u64) -> io::Result<f64> {
        writeln!(self.pipes.borrow_mut().0, "{work} {who} {count}")?;
        let line = self.read_line()?;
        line.parse()
            .map_err(|_| io::Error::other(format!("no figure: `{line}`")))
    }
}

impl Drop for Originals {
    fn drop(&mut self) {
        // It waits for the next line, of which there is none; what has ended already needs no end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
