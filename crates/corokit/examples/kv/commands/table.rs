//! Which commands there are.

use super::{Blocking, Call, Outcome};
use super::{admin, blocking, keys, lists, long, scan, session, strings};
use crate::client::Client;
use crate::resp::Args;

/// A command.
pub(crate) struct Command {
    /// Its name in lower case.
    pub(crate) name: &'static str,
    /// The name as a number, to be found quickly.
    key: u128,
    /// How many strings it has, its name included; negative: at least so many.
    pub(crate) arity: i64,
    /// What it does to keys or to the server.
    pub(crate) access: Access,
    /// Which of its arguments are keys: the first, the last (from the end, if negative) and the
    /// step from one to the next.
    pub(crate) keys: (i64, i64, i64),
    /// Whether clients that ask for it go before others until they ask for something else: those that
    /// look whether the server is well.
    pub(super) urgent: bool,
    pub(super) run: Run,
}

impl Command {
    const fn urgent(mut self) -> Self {
        self.urgent = true;
        self
    }

    /// Returns `true` if the command can have so many strings, its name included.
    pub(super) fn takes(&self, count: usize) -> bool {
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        match self.arity {
            exact @ 0.. => count == exact,
            least => count >= -least,
        }
    }
}

/// What a command does to keys or to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// It reads keys.
    Read,
    /// It changes keys.
    Write,
    /// It is about the connection or the server.
    Other,
}

/// How a command is run.
pub(super) enum Run {
    /// At once.
    Now(fn(&mut Call<'_>) -> Outcome),
    /// It may wait for other clients, or take long.
    Blocking(for<'a> fn(&'a Client, Args<'a>) -> Blocking<'a>),
    /// At once, unless it is long: then as the last one says.
    Either(
        fn(&mut Call<'_>) -> Outcome,
        fn(Args<'_>) -> bool,
        for<'a> fn(&'a Client, Args<'a>) -> Blocking<'a>,
    ),
    /// It is one of these; alone, it may have a meaning of its own.
    Group(Option<fn(&mut Call<'_>) -> Outcome>, &'static [Command]),
}

/// How a command with these arguments is run.
pub(super) enum Chosen {
    /// At once.
    Now(fn(&mut Call<'_>) -> Outcome),
    /// It may wait for other clients, or take long.
    Blocking(for<'a> fn(&'a Client, Args<'a>) -> Blocking<'a>),
    /// It has no meaning of its own.
    None,
}

impl Run {
    /// Says how a command with these arguments is run.
    pub(super) fn choose(&self, args: Args<'_>) -> Chosen {
        match *self {
            Run::Either(_, is_long, long) if is_long(args) => Chosen::Blocking(long),
            Run::Now(run) | Run::Either(run, ..) | Run::Group(Some(run), _) => Chosen::Now(run),
            Run::Blocking(run) => Chosen::Blocking(run),
            Run::Group(None, _) => Chosen::None,
        }
    }
}

use Access::{Other, Read, Write};
use Run::{Blocking as Waits, Either, Group, Now};

/// A key is the first argument.
const FIRST: (i64, i64, i64) = (1, 1, 1);
/// All arguments are keys.
const ALL: (i64, i64, i64) = (1, -1, 1);
/// No argument is a key.
const NONE: (i64, i64, i64) = (0, 0, 0);

/// All commands, ordered by name.
pub(crate) static COMMANDS: &[Command] = &[
    command("blpop", -3, Write, (1, -2, 1), Waits(blocking::blpop)),
    command("client", -2, Other, NONE, Group(None, CLIENT)),
    command(
        "command",
        -1,
        Other,
        NONE,
        Group(Some(admin::command), COMMAND),
    ),
    command("config", -2, Other, NONE, Group(None, CONFIG)),
    command("dbsize", 1, Read, NONE, Now(keys::dbsize)),
    command("decr", 2, Write, FIRST, Now(strings::decr)),
    command("decrby", 3, Write, FIRST, Now(strings::decrby)),
    command("del", -2, Write, ALL, Now(keys::del)),
    command("echo", 2, Other, NONE, Now(session::echo)),
    command("exists", -2, Read, ALL, Now(keys::exists)),
    command("expire", -3, Write, FIRST, Now(keys::expire)),
    command("flushall", -1, Write, NONE, Now(keys::flushall)),
    command("get", 2, Read, FIRST, Now(strings::get)),
    command("hello", -1, Other, NONE, Now(session::hello)),
    command("host:", -1, Other, NONE, Now(session::not_http)),
    command("incr", 2, Write, FIRST, Now(strings::incr)),
    command("incrby", 3, Write, FIRST, Now(strings::incrby)),
    command("info", -1, Other, NONE, Now(admin::info)).urgent(),
    command("keys", 2, Read, NONE, Waits(scan::keys)),
    command("llen", 2, Read, FIRST, Now(lists::llen)),
    command(
        "lpop",
        -2,
        Write,
        FIRST,
        Either(lists::lpop, long::is_pop_long, long::lpop),
    ),
    command("lpush", -3, Write, FIRST, Now(lists::lpush)),
    command("lrange", 4, Read, FIRST, Waits(long::lrange)),
    command(
        "mget",
        -2,
        Read,
        ALL,
        Either(strings::mget, long::is_mget_long, long::mget),
    ),
    command("mset", -3, Write, (1, -1, 2), Now(strings::mset)),
    command("persist", 2, Write, FIRST, Now(keys::persist)),
    command("ping", -1, Other, NONE, Now(session::ping)).urgent(),
    command("post", -1, Other, NONE, Now(session::not_http)),
    command("pttl", 2, Read, FIRST, Now(keys::pttl)),
    command("quit", -1, Other, NONE, Now(session::quit)),
    command(
        "rpop",
        -2,
        Write,
        FIRST,
        Either(lists::rpop, long::is_pop_long, long::rpop),
    ),
    command("rpush", -3, Write, FIRST, Now(lists::rpush)),
    command("scan", -2, Read, NONE, Waits(scan::scan)),
    command("select", 2, Other, NONE, Now(session::select)),
    command("set", -3, Write, FIRST, Now(strings::set)),
    command("shutdown", -1, Other, NONE, Now(admin::shutdown)),
    command("tasks", 1, Other, NONE, Now(admin::tasks)),
    command("ttl", 2, Read, FIRST, Now(keys::ttl)),
];

static CLIENT: &[Command] = &[
    command("getname", 2, Other, NONE, Now(session::client_getname)),
    command("id", 2, Other, NONE, Now(session::client_id)),
    command("setinfo", 4, Other, NONE, Now(session::client_setinfo)),
    command("setname", 3, Other, NONE, Now(session::client_setname)),
];

static COMMAND: &[Command] = &[
    command("count", 2, Other, NONE, Now(admin::command_count)),
    command("docs", -2, Other, NONE, Now(admin::command_docs)),
    command("info", -2, Other, NONE, Now(admin::command_info)),
];

static CONFIG: &[Command] = &[command("get", -3, Other, NONE, Now(admin::config_get))];

const fn command(
    name: &'static str,
    arity: i64,
    access: Access,
    keys: (i64, i64, i64),
    run: Run,
) -> Command {
    Command {
        name,
        key: key(name.as_bytes()),
        arity,
        access,
        keys,
        urgent: false,
        run,
    }
}

/// Finds a command in an ordered list, by its name in any case.
pub(super) fn find(commands: &'static [Command], name: &[u8]) -> Option<&'static Command> {
    let key = key(name);
    let found = commands.binary_search_by(|command| command.key.cmp(&key));
    let command = &commands[found.ok()?];
    (command.name.len() == name.len()).then_some(command)
}

/// Reads the first 16 letters of a name, in any case, as a number. The numbers are ordered as the
/// names are.
const fn key(name: &[u8]) -> u128 {
    let mut key = [0; 16];
    let mut at = 0;
    while at < name.len() && at < key.len() {
        key[at] = name[at].to_ascii_lowercase();
        at += 1;
    }
    u128::from_be_bytes(key)
}
