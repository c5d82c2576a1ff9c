//! Client programs and libraries that people use.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use crate::server::{Kv, files, found, target_folder};

/// Runs a program. Returns `None` if it is not installed.
fn run(command: &mut Command, input: &[u8]) -> Option<Output> {
    let name = command.get_program().to_string_lossy().into_owned();
    let process = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut process = found(&name, process)?;
    process.stdin.take().unwrap().write_all(input).unwrap();
    Some(process.wait_with_output().unwrap())
}

/// Runs `redis-cli` and returns what it prints.
fn redis_cli(kv: &Kv, args: &[&str], input: &[u8]) -> Option<String> {
    let mut command = Command::new("redis-cli");
    let output = run(command.args(["-p", &kv.port()]).args(args), input)?;
    assert!(output.status.success(), "redis-cli {args:?}: {output:?}");
    Some(String::from_utf8(output.stdout).unwrap())
}

#[test]
fn redis_cli_runs_commands() {
    let kv = Kv::start(&[]);
    for (args, expected) in [
        (&["ping"][..], "PONG\n"),
        (&["set", "greeting", "hello world"], "OK\n"),
        (&["get", "greeting"], "hello world\n"),
        (&["rpush", "list", "a", "b", "c"], "3\n"),
        (&["lrange", "list", "0", "-1"], "a\nb\nc\n"),
        (&["blpop", "none", "list", "0"], "list\na\n"),
        (&["--no-raw", "get", "none"], "(nil)\n"),
        (
            &["incr", "greeting"],
            "ERR value is not an integer or out of range\n\n",
        ),
        (&["dbsize"], "2\n"),
    ] {
        let Some(output) = redis_cli(&kv, args, b"") else {
            return;
        };
        assert_eq!(output, expected, "{args:?}");
    }
}

#[test]
fn redis_cli_runs_a_script_line_by_line() {
    let kv = Kv::start(&[]);
    let script = b"set a 1\nincr a\nincr a\nget a\n";
    let Some(output) = redis_cli(&kv, &[], script) else {
        return;
    };
    assert_eq!(output, "OK\n2\n3\n3\n");
}

#[test]
fn redis_cli_loads_and_scans_many_keys() {
    let kv = Kv::start(&[]);
    let commands: String = (0..20_000)
        .map(|key| format!("SET key:{key} {key}\r\n"))
        .collect();
    let Some(output) = redis_cli(&kv, &["--pipe"], commands.as_bytes()) else {
        return;
    };
    assert!(output.contains("errors: 0, replies: 20000"), "{output}");
    let output = redis_cli(&kv, &["--scan"], b"").unwrap();
    let mut keys: Vec<&str> = output.lines().collect();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), 20_000);
    let output = redis_cli(&kv, &["--scan", "--pattern", "key:1999?"], b"").unwrap();
    assert_eq!(output.lines().count(), 10);
}

#[test]
fn redis_benchmark_measures() {
    let kv = Kv::start(&[]);
    for pipeline in ["1", "16"] {
        let tests = "ping,set,get,incr,lpush,rpush,lpop,rpop,lrange_100,mset";
        let mut command = Command::new("redis-benchmark");
        command.args([
            "-p",
            &kv.port(),
            "-t",
            tests,
            "-n",
            "2000",
            "-c",
            "20",
            "-P",
            pipeline,
            "-q",
        ]);
        let Some(output) = run(&mut command, b"") else {
            return;
        };
        let text = String::from_utf8_lossy(&output.stdout).replace('\r', "\n");
        assert!(
            output.status.success() && output.stderr.is_empty(),
            "{output:?}"
        );
        let measured = text
            .lines()
            .filter(|line| line.contains("requests per second"));
        // PING is measured in both forms, and LRANGE needs a list to be pushed first.
        assert_eq!(measured.count(), 12, "{text}");
    }
}

/// Returns a Python that has redis-py.
fn python() -> Option<PathBuf> {
    let folder = target_folder().join("kv-python");
    let python = folder.join("bin").join("python");
    let has_it = |python: &PathBuf| {
        let import = Command::new(python).args(["-c", "import redis"]).output();
        import.is_ok_and(|output| output.status.success())
    };
    if has_it(&python) {
        return Some(python);
    }
    for args in [
        &["python3", "-m", "venv", folder.to_str()?][..],
        &[python.to_str()?, "-m", "pip", "install", "--quiet", "redis"],
    ] {
        let output = run(Command::new(args[0]).args(&args[1..]), b"")?;
        let done = if output.status.success() {
            Ok(())
        } else {
            Err(format!("{output:?}"))
        };
        found("redis-py", done)?;
    }
    Some(python)
}

#[test]
fn redis_py_is_served() {
    let Some(python) = python() else {
        return;
    };
    let kv = Kv::start(&[]);
    let script = files().join("client.py");
    let output = run(Command::new(python).arg(script).arg(kv.port()), b"").unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "redis-py is content\n"
    );
}

#[test]
fn its_own_client_shows_replies() {
    let kv = Kv::start(&[]);
    let port = kv.port();
    for (words, expected) in [
        (&["ping"][..], "PONG\n"),
        (&["rpush", "list", "a b", "c"], "2\n"),
        (&["get", "none"], "nothing\n"),
        (
            &["get", "list"],
            "error: WRONGTYPE Operation against a key holding the wrong kind of value\n",
        ),
        (
            &["lrange", "list", "0", "-1"],
            "array of 2\n  \"a b\"\n  \"c\"\n",
        ),
        (
            &["scan", "0"],
            "array of 2\n  \"0\"\n  array of 1\n    \"list\"\n",
        ),
    ] {
        let mut command = Command::new(kv.program());
        let output = run(command.args(["--port", &port, "--call"]).args(words), b"").unwrap();
        assert!(output.status.success(), "{output:?}");
        assert_eq!(String::from_utf8_lossy(&output.stdout), expected);
    }
}

#[test]
fn a_wrong_command_line_is_explained() {
    let kv = Kv::start(&[]);
    for (args, complaint) in [
        (&["--nosuch"][..], "invalid option '--nosuch'"),
        (&["--port", "x"], "--port: cannot parse argument \"x\""),
        (
            &["--port", "70000"],
            "--port: cannot parse argument \"70000\"",
        ),
        (&["--port"], "missing argument for option '--port'"),
    ] {
        let output = run(Command::new(kv.program()).args(args), b"").unwrap();
        assert_eq!(output.status.code(), Some(2));
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(
            text.contains(complaint) && text.contains("Usage: kv"),
            "{text}"
        );
    }
    // The port is taken.
    let output = run(Command::new(kv.program()).args(["--port", &kv.port()]), b"").unwrap();
    assert_eq!(output.status.code(), Some(1));
    let taken = format!("kv: cannot listen on 127.0.0.1:{}: ", kv.port());
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.starts_with(&taken), "{text}");
    let output = run(Command::new(kv.program()).arg("--help"), b"").unwrap();
    assert!(output.status.success() && output.stdout.starts_with(b"A Redis-protocol server"));
}
