//! Starts servers: ours and Redis.

use std::env;
use std::io::{BufRead, BufReader, Lines};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::wire::Wire;

/// No test waits longer than this for anything.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Whether what the server uses of memory, addresses and processors says anything. A sanitizer keeps what was freed,
/// has a shadow of all addresses, and makes each access several times as long.
pub(crate) const USE_IS_BOUNDED: bool = !cfg!(sanitized);

/// Our server. It is killed when this is dropped.
pub(crate) struct Kv {
    program: &'static Path,
    process: Child,
    pub(crate) address: SocketAddr,
    output: Lines<BufReader<ChildStdout>>,
}

impl Kv {
    /// Builds the example, if need be, and starts it on a free port.
    pub(crate) fn start(options: &[&str]) -> Self {
        let program = built();
        Self::spawn(program, Command::new(program), options)
    }

    /// The same, after a command of the shell, which limits what the server may have.
    pub(crate) fn start_limited(limit: &str, options: &[&str]) -> Self {
        let program = built();
        let mut command = Command::new("sh");
        command
            .arg("-c")
            .arg(format!("{limit}; exec \"$0\" \"$@\""));
        command.arg(program);
        Self::spawn(program, command, options)
    }

    fn spawn(program: &'static Path, mut command: Command, options: &[&str]) -> Self {
        let mut process = command
            .args(["--port", "0"])
            .args(options)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = process.stdout.take().unwrap();
        let mut output = BufReader::new(stdout).lines();
        let first = output
            .next()
            .expect("the server says where it listens")
            .unwrap();
        let address = first
            .strip_prefix("kv listens on ")
            .unwrap_or_else(|| panic!("{first}"));
        Kv {
            address: address.parse().unwrap(),
            program,
            process,
            output,
        }
    }

    /// Returns the path of the program.
    pub(crate) fn program(&self) -> &Path {
        self.program
    }

    /// Connects.
    pub(crate) fn connect(&self) -> Wire<TcpStream> {
        let socket = TcpStream::connect(self.address).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.set_write_timeout(Some(PATIENCE)).unwrap();
        Wire::new(socket)
    }

    /// Reads what the server prints, until a line contains this.
    pub(crate) fn says(&mut self, text: &str) {
        let found = self.output.by_ref().map(Result::unwrap);
        assert!(
            found.into_iter().any(|line| line.contains(text)),
            "it does not say {text}"
        );
    }

    /// Sends the server a signal.
    pub(crate) fn signal(&self, signal: &str) {
        let pid = self.process.id().to_string();
        let sent = Command::new("kill").args([signal, &pid]).status();
        assert!(sent.unwrap().success());
    }

    /// Returns the port, as an argument for a client program.
    pub(crate) fn port(&self) -> String {
        self.address.port().to_string()
    }

    /// Waits until the server has ended. Returns how, and the last line that it printed.
    pub(crate) fn wait(mut self) -> (ExitStatus, String) {
        // The output ends when the process does.
        let last = self
            .output
            .by_ref()
            .map(Result::unwrap)
            .last()
            .unwrap_or_default();
        (self.process.wait().unwrap(), last)
    }

    /// Returns how many bytes of memory the server uses.
    #[cfg(target_os = "linux")]
    pub(crate) fn memory(&self) -> u64 {
        self.status("VmRSS:")
    }

    /// Returns how many bytes of memory the server has used at most.
    #[cfg(target_os = "linux")]
    pub(crate) fn peak_memory(&self) -> u64 {
        self.status("VmHWM:")
    }

    /// Returns for how long the server has been at work: what it has had of the processors, in steps of a
    /// hundredth of a second. Nothing where the system does not tell.
    pub(crate) fn work(&self) -> Duration {
        let path = format!("/proc/{}/stat", self.process.id());
        let Ok(stat) = std::fs::read_to_string(path) else {
            return Duration::ZERO;
        };
        // The name of the program comes before these fields, in parentheses, and may contain anything.
        let (_, fields) = stat.rsplit_once(')').unwrap();
        let ticks = fields.split_whitespace().skip(11).take(2);
        let ticks = ticks.map(|ticks| ticks.parse::<u64>().unwrap());
        Duration::from_millis(10 * ticks.sum::<u64>())
    }

    /// Returns how many bytes of addresses the server has had at most: all that it asked for, used or not.
    #[cfg(target_os = "linux")]
    pub(crate) fn peak_addresses(&self) -> u64 {
        self.status("VmPeak:")
    }

    #[cfg(target_os = "linux")]
    fn status(&self, field: &str) -> u64 {
        let path = format!("/proc/{}/status", self.process.id());
        let status = std::fs::read_to_string(path).unwrap();
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix(field))
            .unwrap();
        1024 * line.trim().trim_end_matches(" kB").parse::<u64>().unwrap()
    }
}

impl Drop for Kv {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Returns the folder that cargo builds into, as seen from the test program:
/// `<target>/<profile>/deps/kv-<hash>`.
pub(crate) fn target_folder() -> PathBuf {
    let test = env::current_exe().unwrap();
    test.ancestors().nth(3).unwrap().to_path_buf()
}

/// Returns the path of the example, which is built once: some tests start it many times, and cargo takes seconds
/// on a machine that is busy.
fn built() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(build)
}

/// Builds the example and returns its path.
fn build() -> PathBuf {
    let target = target_folder();
    let profile = env::current_exe().unwrap();
    let profile = profile.ancestors().nth(2).unwrap().file_name().unwrap();
    let cargo = env::var_os("CARGO").unwrap_or_else(|| env!("CARGO").into());
    let mut build = Command::new(cargo);
    build
        .args([
            "build",
            "--quiet",
            "--package",
            "corokit",
            "--example",
            "kv",
        ])
        .arg("--profile")
        .arg(if profile == "debug" {
            "dev".as_ref()
        } else {
            profile
        })
        .arg("--target-dir")
        .arg(&target)
        .current_dir(env!("CARGO_MANIFEST_DIR"));
    assert!(
        build.status().unwrap().success(),
        "the example cannot be built"
    );
    target.join(profile).join("examples").join("kv")
}

/// Redis itself, on a socket in the file system. It is killed when this is dropped.
pub(crate) struct Redis {
    process: Child,
    folder: PathBuf,
    // Redis would be stopped by a line that nobody can read.
    _output: Lines<BufReader<ChildStdout>>,
}

impl Redis {
    /// Starts it, if it is installed.
    pub(crate) fn start() -> Option<Self> {
        // Tests may run at the same time in one process.
        static STARTED: AtomicUsize = AtomicUsize::new(0);
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let folder = format!("kv-oracle-{}-{number}", std::process::id());
        let folder = env::temp_dir().join(folder);
        std::fs::create_dir_all(&folder).unwrap();
        let process = Command::new("redis-server")
            .args([
                "--port",
                "0",
                "--save",
                "",
                "--appendonly",
                "no",
                "--databases",
                "1",
            ])
            .arg("--unixsocket")
            .arg(folder.join("socket"))
            .arg("--dir")
            .arg(&folder)
            .stdout(Stdio::piped())
            .spawn();
        let mut process = found("redis-server", process)?;
        let mut output = BufReader::new(process.stdout.take().unwrap()).lines();
        output
            .by_ref()
            .map(Result::unwrap)
            .find(|line| line.to_lowercase().contains("ready to accept connections"))
            .expect("Redis says that it is ready");
        Some(Redis {
            process,
            folder,
            _output: output,
        })
    }

    /// Connects.
    pub(crate) fn connect(&self) -> Wire<UnixStream> {
        let socket = UnixStream::connect(self.folder.join("socket")).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Wire::new(socket)
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Takes what is there. What is not, is an error only if `KV_TESTS_STRICT=1`.
pub(crate) fn found<T, E: std::fmt::Display>(what: &str, result: Result<T, E>) -> Option<T> {
    match result {
        Ok(thing) => Some(thing),
        Err(error) => {
            let strict = env::var_os("KV_TESTS_STRICT").is_some_and(|strict| strict == "1");
            assert!(!strict, "{what} is missing: {error}");
            eprintln!("left out: {what} is missing: {error}");
            None
        }
    }
}

/// Asks again and again, until the answer is the expected one.
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(
            start.elapsed() < PATIENCE,
            "this does not become true: {what}"
        );
    }
}

/// Returns the folder of this test's files.
pub(crate) fn files() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kv")
}
