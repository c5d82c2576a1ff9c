//! The server as a child process.

use std::env;
use std::fs;
use std::io::{self, BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::client::Client;

/// A folder that is gone when this is dropped.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> io::Result<Self> {
        let path = env::temp_dir().join(format!("corokit-soak-{}", std::process::id()));
        fs::create_dir_all(&path)?;
        Ok(Folder(path))
    }

    /// Returns the path of a file in it.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A server. It is killed when this is dropped.
pub(crate) struct Server {
    process: Child,
    pub(crate) address: SocketAddr,
    /// What it says after it has started would stop it if nobody could take it.
    _output: BufReader<std::process::ChildStdout>,
}

impl Server {
    /// Starts it on a free port of the loopback address, and returns when it listens.
    pub(crate) fn start(program: &Path, journal: &Path, fsync: &str) -> io::Result<Self> {
        let mut process = Command::new(program)
            .args(["--port", "0", "--appendfsync", fsync, "--appendonly"])
            .arg(journal)
            // Which threads of its pool the server has had decides how much memory glibc keeps, if each of
            // them has its own: that would hide what the server itself keeps.
            .env("MALLOC_ARENA_MAX", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
        let stdout = process.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
        let mut output = BufReader::new(stdout);
        let mut line = String::new();
        output.read_line(&mut line)?;
        let address = line.trim_end().strip_prefix("kv listens on ");
        let address = address.and_then(|address| address.parse().ok());
        let Some(address) = address else {
            let _ = process.kill();
            let _ = process.wait();
            return Err(io::Error::other(format!(
                "the server does not start, but says {line:?}"
            )));
        };
        Ok(Server {
            process,
            address,
            _output: output,
        })
    }

    pub(crate) fn connect(&self) -> io::Result<Client> {
        Client::connect(self.address)
    }

    /// Ends it in order. Fails if it ends in another way.
    pub(crate) fn shut_down(mut self) -> io::Result<()> {
        self.connect()?.send(b"SHUTDOWN\r\n")?;
        let status = self.process.wait()?;
        match status.success() {
            true => Ok(()),
            false => Err(io::Error::other(format!("the server ends with {status}"))),
        }
    }

    /// Returns how many MiB of memory it has now.
    pub(crate) fn memory(&self) -> io::Result<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib: Option<f64> =
            line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse().ok());
        kib.map(|kib| kib / 1024.0)
            .ok_or_else(|| io::Error::other("no VmRSS in the status: has the server ended?"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Builds the example and returns where it is.
pub(crate) fn build() -> io::Result<PathBuf> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args([
            "build",
            "--release",
            "--package",
            "corokit",
            "--example",
            "kv",
        ])
        .arg("--message-format=json-render-diagnostics")
        .stderr(Stdio::inherit())
        .output()?;
    if !output.status.success() {
        return Err(io::Error::other("the kv example does not build"));
    }
    // One JSON object a line; the last one with an executable is the example.
    let messages = String::from_utf8_lossy(&output.stdout);
    let mut executables = messages.lines().filter_map(|message| {
        let (_, rest) = message.split_once(r#""executable":""#)?;
        let (path, _) = rest.split_once('"')?;
        Some(PathBuf::from(path))
    });
    executables
        .next_back()
        .ok_or_else(|| io::Error::other("cargo named no executable for the kv example"))
}
