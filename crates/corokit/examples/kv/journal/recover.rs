//! Doing again what a journal says.

use std::fs::OpenOptions;
use std::io::{self, ErrorKind, Read};
use std::path::Path;

use corokit::monitor::{Monitor, MonitorExt, Step};

use crate::resp::{self, Args, Ask};
use crate::store::{End, Millis, Store};

/// What was found in a journal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Recovered {
    /// How many commands it has.
    pub(crate) commands: u64,
    /// How many bytes at its end were no whole command, and have been cut off.
    pub(crate) cut_off: u64,
}

/// Does again what a journal says, if there is one. `epoch` is the Unix time in milliseconds when the
/// server started.
///
/// A server that is killed while it writes leaves half a command at the end. It has not been
/// acknowledged; it is cut off.
///
/// # Errors
///
/// The file cannot be read, or something in the middle of it is no command of a journal: then nothing
/// is changed, since what follows may be of value.
pub(crate) fn recover(path: &Path, store: &mut Store, epoch: u64) -> io::Result<Recovered> {
    let mut file = match OpenOptions::new().read(true).write(true).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Recovered::default()),
        Err(error) => return Err(error),
    };
    let mut recovered = Recovered::default();
    let mut read = 0;
    let mut parser = Monitor::boxed(resp::requests);
    let mut step = parser.start();
    loop {
        match step.now().expect("the parser waits only for its driver") {
            Step::Oob(Ask::More(mut input)) => match file.read(input.room())? {
                0 => {
                    recovered.cut_off = input.frame_len() as u64;
                    if recovered.cut_off > 0 {
                        file.set_len(read - recovered.cut_off)?;
                        file.sync_all()?;
                    }
                    // Meanwhile nothing has expired: the journal says what has. From now on it does.
                    store.set_now(Millis::START.after(1).unwrap_or(Millis::START));
                    return Ok(recovered);
                }
                count => {
                    read += count as u64;
                    input.received(count);
                    step = parser.resume(input);
                }
            },
            Step::Oob(Ask::Frame(input)) => {
                if apply(store, input.args(), epoch).is_none() {
                    let number = recovered.commands + 1;
                    let text = format!("command {number} of the journal is none");
                    return Err(io::Error::new(ErrorKind::InvalidData, text));
                }
                recovered.commands += 1;
                step = parser.resume(input);
            }
            Step::Done(error) => {
                let number = recovered.commands + 1;
                let text = format!("command {number} of the journal is broken: {error}");
                return Err(io::Error::new(ErrorKind::InvalidData, text));
            }
        }
    }
}

/// Does what a command says; `None` if it is none of those that journals have.
fn apply(store: &mut Store, args: Args<'_>, epoch: u64) -> Option<()> {
    let moment = |index: usize| {
        let millis = resp::integer(&args[index])?;
        let since_start = millis.checked_sub(i64::try_from(epoch).ok()?)?;
        Millis::START.after(since_start)
    };
    let count = |index: usize| usize::try_from(resp::integer(&args[index])?).ok();
    match (&args[0], args.len()) {
        (b"SET", 3) => store.set(&args[1], &args[2], None),
        (b"SET", 5) if &args[3] == b"PXAT" => store.set(&args[1], &args[2], Some(moment(4)?)),
        (b"DEL", 2) => drop(store.remove(&args[1])),
        (b"PEXPIREAT", 3) => drop(store.set_deadline(&args[1], Some(moment(2)?))),
        (b"PERSIST", 2) => drop(store.set_deadline(&args[1], None)),
        (b"LPUSH", 3..) => drop(store.push(&args[1], End::Left, args.from(2)).ok()?),
        (b"RPUSH", 3..) => drop(store.push(&args[1], End::Right, args.from(2)).ok()?),
        (b"LPOP", 2) => drop(store.pop(&args[1], End::Left).ok()?),
        (b"LPOP", 3) => drop(store.pop_many(&args[1], End::Left, count(2)?).ok()?),
        (b"RPOP", 3) => drop(store.pop_many(&args[1], End::Right, count(2)?).ok()?),
        (b"RPOP", 2) => drop(store.pop(&args[1], End::Right).ok()?),
        (b"FLUSHALL", 1) => store.clear(),
        _ => return None,
    }
    Some(())
}
