//! Commands from a file, as one types them into `redis-cli`: one a line.
//!
//! The file is read by another thread, a little ahead of what is done with it, and its commands are run
//! by a task of low priority, so that clients are served meanwhile, and memory does not grow with the
//! file.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;
use std::rc::Rc;

use corokit::monitor::{Monitor, MonitorExt, Step};
use corokit::sync_bridge::unblock_iter;
use smol::future;
use smol::stream::StreamExt;

use crate::client::Client;
use crate::commands;
use crate::resp::{self, Ask};

/// How many lines are read ahead.
const AHEAD: usize = 256;

/// Runs the commands of a file, and says how many there were, and what was wrong with which.
///
/// # Errors
///
/// The file cannot be read.
pub(crate) async fn import(client: Client, path: &Path) -> io::Result<()> {
    let client = Rc::new(client);
    let lines = BufReader::new(File::open(path)?).split(b'\n');
    let mut lines = unblock_iter(lines).ahead(AHEAD);
    let (mut number, mut commands, mut failed) = (0_u64, 0_u64, 0_u64);
    while let Some(line) = lines.next().await {
        number += 1;
        let line = line?;
        match run(&client, &line).await {
            Some(reply) if reply.starts_with(b"-") => {
                failed += 1;
                let reply = String::from_utf8_lossy(&reply[1..]);
                eprintln!("kv: line {number} of the import: {}", reply.trim_end());
            }
            Some(_) => commands += 1,
            // Empty lines are none.
            None => {}
        }
        if let Some(journal) = &client.server.journal {
            journal.has_room().await;
        }
        client.server.tick();
        future::yield_now().await;
    }
    client.see();
    client.settle().await;
    let _ = writeln!(
        io::stdout(),
        "{commands} commands imported, {failed} failed"
    );
    Ok(())
}

/// Runs the command of a line. Returns its reply; `None` if there is no command.
async fn run(client: &Rc<Client>, line: &[u8]) -> Option<Vec<u8>> {
    let mut parser = Monitor::boxed(resp::requests);
    let mut step = parser.start().now();
    let mut fed = false;
    loop {
        match step? {
            Step::Oob(Ask::More(_)) if fed => return None,
            Step::Oob(Ask::More(mut input)) => {
                fed = true;
                input.append(line);
                input.append(b"\n");
                step = parser.resume(input).now();
            }
            Step::Oob(Ask::Frame(input)) => {
                let _ = commands::execute(client.clone(), input).await;
                return Some(client.out.borrow_mut().take());
            }
            Step::Done(error) => return Some(format!("-ERR {error}").into_bytes()),
        }
    }
}
