//! The command line.

use std::error::Error;
use std::ffi::OsString;
use std::fmt;
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

/// How it is called, for those who have called it otherwise: short, so that what was wrong stays in sight.
pub(crate) const SHORT_USAGE: &str = "\
Usage: kv [OPTIONS]
       kv [OPTIONS] --call COMMAND [ARGUMENT]...
`--help` lists the options.";

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
    pub(crate) fn from_args() -> Result<Self, BadUsage> {
        Job::from_parser(lexopt::Parser::from_env())
    }

    fn from_parser(mut args: lexopt::Parser) -> Result<Self, BadUsage> {
        let mut options = Options::default();
        while let Some(arg) = args.next()? {
            let name = match arg {
                Long(name) => name.to_owned(),
                Short('h') => return Ok(Job::Help),
                other => return Err(other.unexpected().into()),
            };
            match &*name {
                "help" => return Ok(Job::Help),
                "call" => return Ok(Job::Call(options.address, args.raw_args()?.collect())),
                _ => options
                    .set(&name, &mut args)
                    .map_err(|error| BadUsage::of(&name, error))?,
            }
        }
        Ok(Job::Serve(options))
    }
}

impl Options {
    /// Reads the value of an option.
    fn set(&mut self, name: &str, args: &mut lexopt::Parser) -> Result<(), lexopt::Error> {
        match name {
            "port" => self.address.set_port(args.value()?.parse()?),
            "bind" => self.address.set_ip(args.value()?.parse()?),
            "maxclients" => self.max_clients = args.value()?.parse()?,
            "timeout" => self.timeout = seconds(args.value()?.parse()?),
            "tcp-keepalive" => self.keepalive = seconds(args.value()?.parse()?),
            "output-limit" => self.output_limit = args.value()?.parse()?,
            // A place in a command is a 32-bit number.
            "input-limit" => self.input_limit = args.value()?.parse::<usize>()?.min(1 << 31),
            "appendonly" => self.journal = Some(args.value()?.into()),
            "appendfsync" => {
                self.fsync = args.value()?.parse_with(|how| match how {
                    "always" => Ok(Fsync::Always),
                    "everysec" => Ok(Fsync::EverySecond),
                    "no" => Ok(Fsync::No),
                    _ => Err("it is one of always, everysec and no"),
                })?;
            }
            "rate-limit" => self.rate_limit = Some(args.value()?.parse()?),
            "import" => self.import = Some(args.value()?.into()),
            _ => return Err(Long(name).unexpected()),
        }
        Ok(())
    }
}

/// A command line that says nothing that can be done.
#[derive(Debug)]
pub(crate) struct BadUsage(String);

impl BadUsage {
    /// An option whose value cannot be had.
    fn of(name: &str, error: lexopt::Error) -> Self {
        match error {
            lexopt::Error::ParsingFailed { .. } => BadUsage(format!("--{name}: {error}")),
            error => error.into(),
        }
    }
}

impl From<lexopt::Error> for BadUsage {
    fn from(error: lexopt::Error) -> Self {
        BadUsage(error.to_string())
    }
}

impl fmt::Display for BadUsage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for BadUsage {}

/// Reads a number of seconds, where 0 means never.
fn seconds(seconds: u32) -> Option<Duration> {
    (seconds > 0).then(|| Duration::from_secs(seconds.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(args: &[&str]) -> String {
        let parser = lexopt::Parser::from_args(args);
        Job::from_parser(parser).unwrap_err().to_string()
    }

    #[test]
    fn a_refusal_names_the_option() {
        let refusals = [
            refused(&["--port", "abc"]),
            refused(&["--port"]),
            refused(&["--appendfsync", "now"]),
            refused(&["--prot", "7"]),
            refused(&["6380"]),
        ];
        assert_eq!(
            refusals,
            [
                "--port: cannot parse argument \"abc\": invalid digit found in string",
                "missing argument for option '--port'",
                "--appendfsync: cannot parse argument \"now\": it is one of always, everysec and no",
                "invalid option '--prot'",
                "unexpected argument \"6380\"",
            ]
        );
    }

    #[test]
    fn a_call_has_the_address_that_stands_before_it() {
        let parser = lexopt::Parser::from_args(["--port", "7", "--call", "GET", "--port"]);
        let Ok(Job::Call(address, command)) = Job::from_parser(parser) else {
            panic!("it is a call");
        };
        assert_eq!(address.port(), 7);
        assert_eq!(command, ["GET", "--port"]);
    }
}
