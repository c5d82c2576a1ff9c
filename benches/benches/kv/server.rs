//! The two servers as child processes on free ports.

use std::env;
use std::fs;
use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::client::Client;

/// What to start.
#[derive(Clone, Debug)]
pub(crate) enum Program {
    /// The `kv` example, built already.
    Kv(PathBuf),
    /// `redis-server`, without persistence.
    RedisServer,
}

/// A server that runs until it is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    port: u16,
}

impl Server {
    /// Starts a server and returns when it answers.
    pub(crate) fn start(program: &Program) -> io::Result<Self> {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
            .local_addr()?
            .port();
        let mut command = match program {
            Program::Kv(path) => Command::new(path),
            Program::RedisServer => {
                let mut command = Command::new("redis-server");
                command.args(["--save", "", "--appendonly", "no", "--bind", "127.0.0.1"]);
                command.arg("--dir").arg(env::temp_dir());
                command
            }
        };
        command.arg("--port").arg(port.to_string());
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let child = command.spawn()?;
        let mut server = Self { child, port };
        server.wait_until_ready()?;
        Ok(server)
    }

    fn wait_until_ready(&mut self) -> io::Result<()> {
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            let answer = Client::connect(self.port).and_then(|mut client| client.ask(&["PING"]));
            match answer {
                Ok(answer) if answer == "+PONG" => return Ok(()),
                _ if self.child.try_wait()?.is_some() => {
                    return Err(io::Error::other("the server ended before it answered"));
                }
                _ if Instant::now() > deadline => {
                    return Err(io::Error::new(
                        ErrorKind::TimedOut,
                        "the server does not answer",
                    ));
                }
                _ => thread::sleep(Duration::from_millis(10)),
            }
        }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Returns the processor time of all threads so far, in nanoseconds.
    pub(crate) fn cpu_ns(&self) -> io::Result<u64> {
        let mut sum = 0;
        for thread in fs::read_dir(format!("/proc/{}/task", self.child.id()))? {
            let schedstat = fs::read_to_string(thread?.path().join("schedstat"))?;
            let first = schedstat
                .split(' ')
                .next()
                .and_then(|text| text.parse::<u64>().ok());
            sum += first.ok_or_else(|| io::Error::other("no figure in schedstat"))?;
        }
        Ok(sum)
    }

    /// Returns the most resident memory that the process has had, in KiB.
    pub(crate) fn peak_memory(&self) -> io::Result<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse().ok())
            .ok_or_else(|| io::Error::other("no VmHWM in the status"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // A server that has ended already needs no kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Says whether a program is in the path.
pub(crate) fn is_installed(program: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// Builds the example and returns where it is.
pub(crate) fn build_kv() -> io::Result<PathBuf> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let output = Command::new(cargo)
        .current_dir(folder)
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
    let executable = messages.lines().filter_map(executable_of).next_back();
    executable.ok_or_else(|| io::Error::other("cargo named no executable for the kv example"))
}

fn executable_of(message: &str) -> Option<PathBuf> {
    let (_, rest) = message.split_once(r#""executable":""#)?;
    let (path, _) = rest.split_once('"')?;
    Some(path.into())
}
