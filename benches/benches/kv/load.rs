//! What the servers are loaded with.

use std::io;
use std::process::Command;

use crate::client::{Client, push_command};
use crate::server::Server;

/// What one run of `redis-benchmark` gave.
pub(crate) struct Figures {
    /// Requests a second, for each test.
    rates: Vec<f64>,
    /// Microseconds of the server's processor time for each request, over all tests.
    cpu: f64,
}

impl Figures {
    /// Returns the figure of each line: the tests, all tests together, the processor time.
    pub(crate) fn into_lines(self) -> Vec<f64> {
        // All tests send equally many requests, so together they have the harmonic mean of the rates.
        let seconds: f64 = self.rates.iter().map(|rate| 1.0 / rate).sum();
        let tests = f64::from(u32::try_from(self.rates.len()).expect("a few tests"));
        let mut lines = self.rates;
        lines.push(tests / seconds);
        lines.push(self.cpu);
        lines
    }
}

/// Runs `redis-benchmark` with 50 clients, `count` requests for each of the tests.
pub(crate) fn redis_benchmark(
    server: &Server,
    count: u64,
    pipeline: u32,
    tests: &[&str],
) -> io::Result<Figures> {
    // What the last run has left must not slow this one down.
    let answer = Client::connect(server.port())?.ask(&["FLUSHALL"])?;
    if answer != "+OK" {
        return Err(io::Error::other(format!("FLUSHALL was answered {answer}")));
    }

    let before = server.cpu_ns()?;
    let output = Command::new("redis-benchmark")
        .args(["-t", "ping,set,get,incr,lpush", "-c", "50", "--csv", "-p"])
        .args([server.port().to_string(), "-n".into(), count.to_string()])
        .args(["-P".into(), pipeline.to_string()])
        .output()?;
    let cpu_ns = server.cpu_ns()? - before;
    let text = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        return Err(io::Error::other(format!("redis-benchmark failed: {text}")));
    }
    let rate = |test: &&str| {
        rate_of(&text, test).ok_or_else(|| {
            io::Error::other(format!("redis-benchmark said nothing of {test}: {text}"))
        })
    };
    let rates = tests.iter().map(rate).collect::<Result<Vec<f64>, _>>()?;
    let requests = count * tests.len() as u64;
    let cpu = corokit_benches::per_op(cpu_ns, requests) / 1_000.0;
    Ok(Figures { rates, cpu })
}

/// Finds the requests a second of a test in lines like `"SET","123456.78","0.2",...`.
fn rate_of(csv: &str, test: &str) -> Option<f64> {
    let mut rows = csv.lines().map(|line| line.split(','));
    let mut row = rows.find(|row| row.clone().next().map(unquoted) == Some(test))?;
    unquoted(row.nth(1)?).parse().ok()
}

fn unquoted(cell: &str) -> &str {
    cell.trim().trim_matches('"')
}

/// Sets `count` keys of 16 bytes to values of 16 bytes.
pub(crate) fn set_keys(server: &Server, count: u64) -> io::Result<()> {
    const BATCH: u64 = 500;
    let mut client = Client::connect(server.port())?;
    let mut request = Vec::new();
    for start in (0..count).step_by(usize::try_from(BATCH).expect("a small figure")) {
        let end = count.min(start + BATCH);
        request.clear();
        for number in start..end {
            let (key, value) = (format!("key:{number:012}"), format!("val:{number:012}"));
            push_command(&mut request, &["SET", &key, &value]);
        }
        client.send(&request)?;
        client.expect_ok(usize::try_from(end - start).expect("a small figure"))?;
    }
    let size = client.ask(&["DBSIZE"])?;
    if size == format!(":{count}") {
        Ok(())
    } else {
        Err(io::Error::other(format!("DBSIZE says {size}")))
    }
}
