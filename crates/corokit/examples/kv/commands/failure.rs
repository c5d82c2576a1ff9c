//! Why a command fails, in Redis' words.

use std::borrow::Cow;
use std::fmt;

use crate::resp::Args;
use crate::store::WrongType;

/// How much of a name, and of all arguments together, an error repeats.
const REPEATED: usize = 128;

/// Why a command fails. Nothing has changed then.
#[derive(Debug)]
pub(crate) struct Failure(Cow<'static, str>);

impl Failure {
    pub(super) const SYNTAX: Failure = Failure::new("ERR syntax error");
    pub(super) const NOT_AN_INTEGER: Failure =
        Failure::new("ERR value is not an integer or out of range");
    pub(super) const WRONG_TYPE: Failure =
        Failure::new("WRONGTYPE Operation against a key holding the wrong kind of value");

    pub(super) const LONG_PATTERN: Failure = Failure::new("ERR the pattern is too long");

    /// Makes an error with a fixed text.
    pub(super) const fn new(text: &'static str) -> Self {
        Failure(Cow::Borrowed(text))
    }

    /// Makes an error with a text of the moment.
    pub(super) fn say(text: fmt::Arguments<'_>) -> Self {
        Failure(Cow::Owned(text.to_string()))
    }

    /// The number of arguments is wrong.
    pub(super) fn wrong_arity(command: &str) -> Self {
        Failure::say(format_args!(
            "ERR wrong number of arguments for '{command}' command"
        ))
    }

    /// There is no such command.
    pub(super) fn unknown(args: Args<'_>) -> Self {
        let mut repeated = String::new();
        for arg in args.from(1) {
            let Some(left @ 1..) = REPEATED.checked_sub(repeated.len()) else {
                break;
            };
            repeated.extend(["'", &shorten(arg, left), "' "]);
        }
        let name = shorten(&args[0], REPEATED);
        Failure::say(format_args!(
            "ERR unknown command '{name}', with args beginning with: {repeated}"
        ))
    }

    /// There is no such command in a group.
    pub(super) fn unknown_member(group: &str, name: &[u8]) -> Self {
        let name = shorten(name, REPEATED);
        let group = group.to_ascii_uppercase();
        Failure::say(format_args!(
            "ERR unknown subcommand '{name}'. Try {group} HELP."
        ))
    }

    /// The time to live is zero, negative or too long.
    pub(super) fn invalid_expiry(command: &str) -> Self {
        Failure::say(format_args!(
            "ERR invalid expire time in '{command}' command"
        ))
    }
}

/// Returns the beginning of a word, for an error that repeats it.
pub(super) fn repeat(word: &[u8]) -> Cow<'_, str> {
    shorten(word, REPEATED)
}

/// Returns the beginning of a name that may be anything.
fn shorten(name: &[u8], most: usize) -> Cow<'_, str> {
    String::from_utf8_lossy(&name[..name.len().min(most)])
}

impl From<WrongType> for Failure {
    fn from(_: WrongType) -> Self {
        Failure::WRONG_TYPE
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
