//! The server that is killed again and again, and loses nothing that it has acknowledged.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use fastrand::Rng;

use crate::attack;
use crate::client::{Client, Reply};
use crate::server::{Folder, Server};
use crate::watch::Watch;

const CLIENTS: usize = 4;
/// After so many kills the server begins with nothing again, so that its journal does not grow for ever.
const KILLS: u64 = 25;

/// What came out.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    pub(crate) replies: u64,
    pub(crate) attacks: u64,
    pub(crate) kills: u64,
    /// How many changes were acknowledged, and how many of those were not there any more.
    pub(crate) acknowledged: u64,
    pub(crate) lost: u64,
}

/// What a client was told, and what it had sent when it was told nothing more.
#[derive(Clone, Copy, Debug, Default)]
struct Told {
    counter: i64,
    len: i64,
    last: i64,
    /// Each of them may have happened once more.
    is_pending: bool,
}

/// Runs and kills the server until it is over.
pub(crate) fn run(program: &Path, folder: &Folder, seed: u64, watch: &Watch) -> Option<Figures> {
    let journal = folder.file("killed");
    let mut rng = Rng::with_seed(seed);
    let mut figures = Figures::default();
    let mut told = [Told::default(); CLIENTS];
    while !watch.is_over() {
        if figures.kills % KILLS == 0 {
            // There is none at the beginning.
            let _ = fs::remove_file(&journal);
            told = [Told::default(); CLIENTS];
        }
        let server = Server::start(program, &journal, "always");
        let server = watch.expect("the killed server", server)?;
        for (number, told) in told.iter_mut().enumerate() {
            let lost = watch.expect("what was acknowledged", compare(&server, number, told))?;
            watch.check(lost == 0, || {
                format!("{lost} changes of client {number} are lost")
            });
            figures.lost += lost;
            figures.replies += 3;
        }
        let address = server.address;
        let server = Mutex::new(Some(server));
        let life = Duration::from_millis(rng.u64(50..1500));
        let seed = rng.u64(..);
        let over = Watch::new();
        thread::scope(|threads| {
            let over = &over;
            let before = told;
            let clients: Vec<_> = before
                .into_iter()
                .enumerate()
                .map(|(number, told)| threads.spawn(move || write(address, number, told)))
                .collect();
            let attacker = threads.spawn(move || attack::run(|| address, true, seed, over));
            watch.pause(life);
            // At any point of their work: the system takes all back that it has.
            drop(server.lock().map(|mut server| server.take()));
            over.end();
            figures.kills += 1;
            figures.attacks += attacker.join().unwrap_or_default();
            for (client, told) in clients.into_iter().zip(&mut told) {
                if let Ok((now, replies)) = client.join() {
                    figures.acknowledged += replies;
                    figures.replies += replies;
                    *told = now;
                }
            }
        });
    }
    Some(figures)
}

/// Changes things as fast as it can, until the server is killed. Returns what it was told last, and how many
/// replies it had.
fn write(address: std::net::SocketAddr, number: usize, mut told: Told) -> (Told, u64) {
    let mut replies = 0;
    let commands = format!("INCR counter:{number}\r\nRPUSH list:{number} x\r\nSET last:{number} ");
    let mut go = || -> io::Result<()> {
        let mut client = Client::connect(address)?;
        loop {
            let next = told.counter + 1;
            told.is_pending = true;
            client.send(format!("{commands}{next}\r\n").as_bytes())?;
            let Reply::Integer(counter) = client.reply()? else {
                return Ok(());
            };
            told.counter = counter;
            replies += 1;
            let Reply::Integer(len) = client.reply()? else {
                return Ok(());
            };
            told.len = len;
            replies += 1;
            client.reply()?;
            told.last = next;
            replies += 1;
            told.is_pending = false;
        }
    };
    // It ends with an error in any case: the server is killed.
    let _ = go();
    (told, replies)
}

/// Compares what a server has with what a client was told. Returns how much is missing, and takes over what
/// there is.
///
/// # Errors
///
/// There is more than was ever sent, or the server does not answer.
fn compare(server: &Server, number: usize, told: &mut Told) -> io::Result<u64> {
    let mut client = server.connect()?;
    let mut integer = |line: String| match client.line(&line)? {
        Reply::Integer(number) => Ok(number),
        other => Err(io::Error::other(format!("{other:?} is no number"))),
    };
    let counter = integer(format!("INCRBY counter:{number} 0"))?;
    let len = integer(format!("LLEN list:{number}"))?;
    let last = match client.line(&format!("GET last:{number}"))? {
        Reply::Bulk(text) => String::from_utf8_lossy(&text)
            .parse()
            .map_err(io::Error::other)?,
        _ => 0,
    };
    let more = i64::from(told.is_pending);
    let is_possible = counter <= told.counter + more && len <= told.len + more && last <= counter;
    if !is_possible {
        return Err(io::Error::other(format!(
            "{counter}, {len} and {last} where {told:?} was told"
        )));
    }
    let missing = (told.counter - counter).max(0) + (told.len - len).max(0);
    let missing = missing + (told.last - last).max(0);
    *told = Told {
        counter,
        len,
        last,
        is_pending: false,
    };
    Ok(missing as u64)
}
