//! How long an urgent client waits while another one asks for a lot.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::client::Client;
use crate::server::Server;

/// So often somebody looks whether the server is well.
const EVERY: Duration = Duration::from_millis(1);

/// Says `PING` every millisecond for a time while `KEYS *` runs again and again. Returns the 50th, the 99th and the
/// 99.9th of 100 waits, in microseconds.
///
/// A wait counts from when the `PING` was due, so one that keeps the next ones waiting counts for those, too.
pub(crate) fn ping_beside_keys(server: &Server, time: Duration) -> io::Result<[f64; 3]> {
    let stop = AtomicBool::new(false);
    let scan = || -> io::Result<()> {
        let mut client = Client::connect(server.port())?;
        while !stop.load(Ordering::Relaxed) {
            client.skip_array(&["KEYS", "*"])?;
        }
        Ok(())
    };
    let ping = || -> io::Result<Vec<f64>> {
        let mut client = Client::connect(server.port())?;
        client.ask(&["PING"])?;
        let start = Instant::now();
        let mut waits = Vec::new();
        let mut due = start;
        while due < start + time {
            thread::sleep(due.saturating_duration_since(Instant::now()));
            client.ask(&["PING"])?;
            waits.push(due.elapsed().as_secs_f64() * 1e6);
            due += EVERY;
        }
        Ok(waits)
    };
    thread::scope(|threads| {
        let scanning = threads.spawn(scan);
        let waits = ping();
        stop.store(true, Ordering::Relaxed);
        scanning.join().expect("the scan does not panic")?;
        let mut waits = waits?;
        waits.sort_by(f64::total_cmp);
        let at = |share: f64| waits[((waits.len() - 1) as f64 * share) as usize];
        Ok([at(0.5), at(0.99), at(0.999)])
    })
}
