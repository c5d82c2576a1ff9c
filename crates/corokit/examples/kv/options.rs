//! The command line.

use std::ffi::OsString;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use crate::journal::Fsync;
use lexopt::prelude::{Long, Short, ValueExt};

/// How the program is called.
pub(crate) const USAGE: &str = "\
A Redis-protocol server on corokit's event loop.

Usage: kv [OPTIONS]
       kv [OPTIONS] --call COMMAND [ARGUMENT]...

Options:
  --port N           listen on this port, 0 for any free one [6379]
  --bind ADDRESS     listen on this address [127.0.0.1]
  --maxclients N     serve at most so many clients at a time [10000]
  --timeout N        drop a client that has had no command served for so many seconds, and waits
                     for none; 0: never [0]
  --tcp-keepalive N  ask a client that is silent for so many seconds whether it is there; 0: never
                     [300]
  --output-limit N   drop a client whose unread replies need more bytes [1073741824]
  --input-limit N    drop a client whose unfinished command needs more bytes [1073741824]
  --appendonly FILE  keep what happens in this file, and begin with what it says
  --appendfsync HOW  sync it always, everysec or no [everysec]
  --rate-limit N     serve at most so many commands of each client in a second
  --import FILE      begin with the commands in this file, one a line, while clients are served
  --call             send one command to a running server, and print its reply
  -h, --help         print this
";

/// What the program shall do.
#[derive(Debug)]
pub(crate) enum Job {
    /// Print how it is called.
    Help,
    /// Serve.
    Serve(Options),
    /// Send a command to a server.
    Call(SocketAddr, Vec<OsString>),
}

/// How the server shall be.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// Where to listen.
    pub(crate) address: SocketAddr,
    /// How many clients are served at a time.
    pub(crate) max_clients: usize,
    /// After how long a client is dropped that has had no command served.
    pub(crate) timeout: Option<Duration>,
    /// After how long a client that is silent is asked whether it is there.
    pub(crate) keepalive: Option<Duration>,
    /// How many bytes of replies are kept for a client.
    pub(crate) output_limit: usize,
    /// How many bytes of an unfinished command are kept for a client.
    pub(crate) input_limit: usize,
    /// Where to keep what happens.
    pub(crate) journal: Option<PathBuf>,
    /// When that is on the disk.
    pub(crate) fsync: Fsync,
    /// How many commands of a client are served in a second.
    pub(crate) rate_limit: Option<NonZeroU32>,
    /// Which commands to begin with.
    pub(crate) import: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            address: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 6379),
            max_clients: 10_000,
            timeout: None,
            keepalive: Some(Duration::from_secs(300)),
            output_limit: 1 << 30,
            input_limit: 1 << 30,
            journal: None,
            fsync: Fsync::EverySecond,
            rate_limit: None,
            import: None,
        }
    }
}

impl Job {
    /// Reads the command line.
    ///
    /// # Errors
    ///
    /// An option that does not exist, or a value that it cannot have.
    pub(crate) fn from_args() -> Result<Self, lexopt::Error> {
        let mut options = Options::default();
        let mut args = lexopt::Parser::from_env();
        while let Some(arg) = args.next()? {
            match arg {
                Long("port") => options.address.set_port(args.value()?.parse()?),
                Long("bind") => options.address.set_ip(args.value()?.parse()?),
                Long("maxclients") => options.max_clients = args.value()?.parse()?,
                Long("timeout") => options.timeout = seconds(args.value()?.parse()?),
                Long("tcp-keepalive") => options.keepalive = seconds(args.value()?.parse()?),
                Long("output-limit") => options.output_limit = args.value()?.parse()?,
                Long("input-limit") => {
                    // A place in a command is a 32-bit number.
                    options.input_limit = args.value()?.parse::<usize>()?.min(1 << 31);
                }
                Long("appendonly") => options.journal = Some(args.value()?.into()),
                Long("appendfsync") => {
                    options.fsync = args.value()?.parse_with(|how| match how {
                        "always" => Ok(Fsync::Always),
                        "everysec" => Ok(Fsync::EverySecond),
                        "no" => Ok(Fsync::No),
                        _ => Err("it is one of always, everysec and no"),
                    })?;
                }
                Long("rate-limit") => options.rate_limit = Some(args.value()?.parse()?),
                Long("import") => options.import = Some(args.value()?.into()),
                Long("call") => {
                    return Ok(Job::Call(options.address, args.raw_args()?.collect()));
                }
                Long("help") | Short('h') => return Ok(Job::Help),
                other => return Err(other.unexpected()),
            }
        }
        Ok(Job::Serve(options))
    }
}

/// Reads a number of seconds, where 0 means never.
fn seconds(seconds: u32) -> Option<Duration> {
    (seconds > 0).then(|| Duration::from_secs(seconds.into()))
}
